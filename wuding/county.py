"""The sample county: a made-up county near Jinan with terrain, buildings, regions and a study file, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.features import geometry_mask

from .county_attributes import ODD_NAMES, ROLE, make_register, place_name
from .county_blocks import CAMPUSES, campus, estate, park
from .county_faults import FAULTS, faulty_rows
from .county_footprints import Layout, boxes, footprints
from .county_regions import CountyRegions, make_regions, urban_boundary
from .county_register import RegisterRows, write_register
from .county_sites import URBAN, Settlement, plan_settlements
from .county_terrain import CountyGround, make_ground, write_ground
from .county_texts import readme_text, study_text
from .errors import StudyError
from .settlements import old_town, village

CRS = "EPSG:4548"
CENTRE = (500_000.0, 4_057_000.0)
FEWEST = 200
_GEOPACKAGE_UP_TO = 100_000
_MARGIN = 2_700.0
_SIDES_KM = (18.0, 100.0)
_CHUNK = 40_000


@dataclass(frozen=True)
class CountyFiles:
    """What `write_county` wrote: the files, the number of `rows` in the building file, and the faults that are in it on purpose.

    `expected` counts rows: bow_tie, null_geometry, empty_geometry, duplicate, tiny.
    """

    folder: Path
    study: Path
    dem: Path
    buildings: Path
    districts: Path
    zones: Path
    responsible: Path
    towns: Path
    urban: Path
    parcels: Path
    readme: Path
    rows: int
    expected: Mapping[str, int]


def write_county(out: Path, *, buildings: int = 3000, seed: int = 2036, progress: Callable[[int, int], None] | None = None) -> CountyFiles:
    """
    Write a made-up county with a study file that is ready to run.

    Parameters
    ----------
    out
        Folder to write into; made when missing. Files of an earlier sample county in it are replaced.
    buildings
        Rows of the building file, at least 200. The county has 324 km2 and grows with them from 32,400 on to 10,000 km2 at 1,000,000.
    seed
        The same seed gives the same numbers.
    progress
        Called with the buildings done and the buildings in all.

    Returns
    -------
    CountyFiles
        Paths and the known faults.

    Raises
    ------
    StudyError
        Too few buildings for a county, or more than its flat ground holds.

    Notes
    -----
    GeoPackage up to 100,000 buildings, GeoParquet with a bbox column above. Each settlement has its own random stream, seeded by its
    number; buildings are built and written in chunks of 40,000, so that only the terrain and the list of settlements grow.
    """
    if buildings < FEWEST:
        raise StudyError(f"buildings = {buildings}: a sample county needs at least {FEWEST}; ask for more")
    out.mkdir(parents=True, exist_ok=True)
    bounds = _bounds(buildings)
    ground = make_ground(_stream(seed, 0), _grown(bounds, _MARGIN))
    regions = make_regions(_stream(seed, 1), bounds, CRS)
    regular = buildings - sum(FAULTS.values())
    settlements = plan_settlements(_stream(seed, 2), regular, ground, regions, _inside(ground, regions))

    parquet = buildings > _GEOPACKAGE_UP_TO
    files = _files(out, parquet, buildings)
    for stale in (out / "buildings.gpkg", out / "buildings.parquet"):
        stale.unlink(missing_ok=True)
    write_ground(ground, files.dem, CRS)
    hulls: list[Any] = []
    parcels: list[gpd.GeoDataFrame] = []
    chunks = _chunks(settlements, seed, regions, hulls, parcels)
    write_register(_counted(chunks, buildings, progress), files.buildings, CRS)

    _write(regions.towns, files.towns)
    _write(regions.districts, files.districts)
    _write(regions.zones, files.zones)
    _write(regions.responsible, files.responsible)
    _write(urban_boundary(hulls, CRS), files.urban)
    _write(gpd.GeoDataFrame(pd.concat(parcels, ignore_index=True), crs=CRS), files.parcels)
    files.readme.write_text(readme_text(buildings, seed, bounds), encoding="utf-8")
    files.study.write_text(study_text(CRS, files.buildings.name), encoding="utf-8")
    return files


def _files(out: Path, parquet: bool, rows: int) -> CountyFiles:
    """Name the files of a county in the folder `out`."""
    layers = {name: out / f"{name}.gpkg" for name in ("districts", "zones", "responsible", "towns", "urban", "parcels")}
    register = out / ("buildings.parquet" if parquet else "buildings.gpkg")
    return CountyFiles(
        folder=out,
        study=out / "study.toml",
        dem=out / "dem.tif",
        buildings=register,
        readme=out / "README.txt",
        rows=rows,
        expected=dict(FAULTS),
        **layers,
    )


def _stream(seed: int, *key: int) -> np.random.Generator:
    """Random numbers of one part of the county, independent of every other part."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def _bounds(buildings: int) -> tuple[float, float, float, float]:
    """Square of the county (left, bottom, right, top) [m]: 100 buildings per km2 within the limits of its side."""
    half = float(np.clip(np.sqrt(buildings / 100), *_SIDES_KM)) * 500
    return CENTRE[0] - half, CENTRE[1] - half, CENTRE[0] + half, CENTRE[1] + half


def _grown(bounds: tuple[float, float, float, float], margin: float) -> tuple[float, float, float, float]:
    """Bounds of the terrain: with a margin, on multiples of 90 m so that any grid of 30 m fits."""
    left, bottom = (float(np.floor((v - margin) / 90) * 90) for v in bounds[:2])
    right, top = (float(np.ceil((v + margin) / 90) * 90) for v in bounds[2:])
    return left, bottom, right, top


def _inside(ground: CountyGround, regions: CountyRegions) -> NDArray[np.bool_]:
    """Blocks of the ground that lie in the county, 200 m from its border."""
    transform = Affine(ground.block_size, 0, ground.left, 0, -ground.block_size, ground.top)
    return np.asarray(geometry_mask([shapely.buffer(regions.outline, -200)], ground.slope.shape, transform, invert=True))


def _chunks(
    settlements: list[Settlement], seed: int, regions: CountyRegions, hulls: list[Any], parcels: list[gpd.GeoDataFrame]
) -> Iterator[RegisterRows]:
    """Build the settlements one after the other; hand out rows in chunks, then the faulty rows."""
    pending: list[RegisterRows] = []
    waiting, oddities, model = 0, list(ODD_NAMES), None
    for settlement in settlements:
        rows, layout, angle = _build(settlement, _stream(seed, 3, settlement.number), regions, oddities)
        # The faults stand beside the first village that is large enough, else beside the largest.
        if settlement.kind == "village" and (model is None or len(model.geometry) < min(100, settlement.count)):
            model = rows
        if settlement.kind in URBAN:
            hulls.append(shapely.convex_hull(shapely.geometrycollections(rows.geometry)))
        if len(layout.parcels):
            parcels.append(_parcels_of(settlement, layout, angle, _stream(seed, 4, settlement.number)))
        pending.append(rows)
        waiting += len(rows.geometry)
        if waiting >= _CHUNK:
            yield RegisterRows.join(pending)
            pending, waiting = [], 0
    yield RegisterRows.join([*pending, faulty_rows(model if model is not None else rows)])


def _counted(chunks: Iterator[RegisterRows], total: int, progress: Callable[[int, int], None] | None) -> Iterator[RegisterRows]:
    """Pass chunks on and tell how far it is."""
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk.geometry)
        if progress is not None:
            progress(done, total)


def _build(
    settlement: Settlement, rng: np.random.Generator, regions: CountyRegions, oddities: list[str]
) -> tuple[RegisterRows, Layout, float]:
    """Lay out one settlement and write it into the register; the first halls take the odd names that are left."""
    # Houses face south within 20 degrees, the same way all over the settlement.
    angle = float(np.round(rng.uniform(-20, 20), 2))
    layout = _layout(settlement, rng)
    geometry = footprints(layout.shapes, settlement.count, settlement.site, angle)
    name = place_name(settlement.kind, settlement.serial, str(regions.towns["name"].iloc[settlement.town]))
    area = layout.shapes.areas(settlement.count)
    register = make_register(rng, name, layout.role, layout.height, layout.floors, area)
    for i in np.flatnonzero((layout.role == ROLE["hall"]) | (layout.role == ROLE["warehouse"]))[: len(oddities)]:
        register.name[i] = oddities.pop(0)
    return RegisterRows(geometry, register), layout, angle


def _layout(settlement: Settlement, rng: np.random.Generator) -> Layout:
    """Lay out a settlement by its kind."""
    match settlement.kind:
        case "village":
            return village(rng, settlement.count)
        case "old_town":
            return old_town(rng, settlement.count)
        case "park":
            return park(rng, settlement.count)
        case "campus":
            # Two campuses of three are schools; the others take turns.
            return campus(rng, settlement.count, (0, 1, 0, 2, 0, 3)[settlement.serial % 6] % len(CAMPUSES))
        case _:
            return estate(rng, settlement.count, towers=settlement.kind == "towers")


def _parcels_of(settlement: Settlement, layout: Layout, angle: float, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Parcels of a park with made-up cadastral ids and owners."""
    count = len(layout.parcels)
    makers, words = ("启明", "恒丰", "联创", "海川", "金鼎", "众诚", "北辰", "光华"), ("实业", "制造", "科技", "物流", "新材料")
    owner = [f"{makers[a]}{words[b]}地块{k + 1}" for k, (a, b) in enumerate(rng.integers(0, (8, 5), (count, 2)))]
    ids = [f"GY{settlement.serial + 1:03d}-{k + 1:04d}" for k in range(count)]
    return gpd.GeoDataFrame({"parcel_id": ids, "name": owner}, geometry=boxes(layout.parcels, settlement.site, angle), crs=CRS)


def _write(frame: gpd.GeoDataFrame, path: Path) -> None:
    """Write a layer under the name of its file, replacing what is there."""
    path.unlink(missing_ok=True)
    frame.to_file(path, layer=path.stem, driver="GPKG", engine="pyogrio")
