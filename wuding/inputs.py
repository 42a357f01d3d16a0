"""From the study's files to prepared buildings: everything that is decided about a building before its roof is looked at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj

from geo import footprints
from geo.archetypes import load_archetypes
from geo.coordinates import study_crs
from geo.packed import Packed
from geo.terrain import Terrain
from geo.threads import threaded
from geo.tiles import write_tiles
from geo.towers import above_land, tower_reach

from .checksums import checksums
from .describing import attribute, measure
from .elevation import rasters, trees
from .errors import StudyError
from .keeping import give_back
from .overlapping import join_cut, uncover
from .overriding import override
from .placing import exclude, existing_pv, place
from .reading import check_scale, identify, read_buildings, read_region
from .study import Study
from .texts import tell_unread, unread_texts

Floats = npt.NDArray[np.float64]
Report = Callable[[str, int, int], None]
Counted = Callable[[int, list[str]], None]
# Cells of a raster that a tile may hold, 20 km2 at 1 m: 0.1 GB at 4 bytes with what stands around, and a few times that while roof
# planes are sought or trees are stood.
CELLS_IN_MEMORY = 2e7


@dataclass
class Prepared:
    """The prepared study: tables on disk under `work`, small ones here; `boxes` bounds what is to be assessed, shape (n, 4)."""

    crs: pyproj.CRS
    table: pd.DataFrame
    shapes: Packed
    boxes: Floats
    regions: dict[str, gpd.GeoDataFrame]
    terrain: Terrain
    dsm: Path | None
    canopy: Path | None
    tiles: pd.DataFrame
    inputs: list[dict[str, object]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def buildings(self) -> gpd.GeoDataFrame:
        """
        Rows with their shapes, for a few buildings.

        Returns
        -------
        geopandas.GeoDataFrame
            All input rows.
        """
        return self.shapes.frame(self.table)


def prepare(
    study: Study, work: Path, new_years: tuple[int, int], told: Report, counted: Counted = lambda count, warnings: None
) -> Prepared:
    """
    Read every input, decide each building's attributes and status, and write the tiles.

    Parameters
    ----------
    study
        The study.
    work
        Folder for what the run keeps to itself.
    new_years
        First and last year of completion that count as new.
    told
        Called with stage, done and total.
    counted
        Called with the number of buildings and the list of warnings before anything is written.

    Returns
    -------
    Prepared
        All input rows with a status ("" = to be assessed).
    """
    work.mkdir(parents=True, exist_ok=True)
    crs = study_crs(study.study.crs)
    warnings: list[str] = []
    archetypes = load_archetypes(study.roofs.archetypes)
    told("read", 0, 4)
    raw, read = read_buildings(study, crs, warnings)
    give_back()
    counted(len(raw), warnings)
    tell_unread(unread_texts(raw), warnings)
    told("read", 1, 4)
    table, shapes, rejected = identify(raw, read, study, warnings)
    del read
    give_back()
    check_scale(shapes.bounds, crs, study, warnings)
    told("read", 2, 4)
    overridden = override(table, raw, study, warnings)
    pairs = join_cut(table, shapes, raw, study, warnings)
    (work / "model.pickle").unlink(missing_ok=True)  # parcels and skylines of the last run cannot be drawn from what comes now
    give_back()
    terrain, dsm, raster_facts = rasters(study, table, shapes, work, warnings)
    canopy = trees(study, crs, work, raster_facts, warnings)
    layers = {name: read_region(study, name, section, crs, warnings) for name, section in study.regions.items()}
    regions = {name: layer for name, layer in layers.items() if len(layer)}
    place(table, shapes, regions, warnings)
    give_back()
    told("read", 3, 4)
    attribute(table, shapes, raw, study, archetypes, new_years, warnings)
    give_back()
    measure(table, shapes, raw, study, archetypes, terrain, dsm, warnings)
    del raw
    give_back()
    uncover(table, shapes, pairs, study, warnings)
    exclude(table, shapes, study, warnings)
    existing_pv(table, shapes, study, warnings)
    for column in ("name", "use_detail", "reason", "source_id"):  # never null, so that every product shows the same thing: nothing
        table[column] = table[column].fillna("").astype("str")
    shapes.put(rejected.index.to_numpy(), rejected.to_numpy(dtype=object))
    standing = (~table["status"].isin(footprints.NOT_STANDING) & table["ground_elevation_m"].notna()).to_numpy()
    if not (table["status"] == "").any():
        counts = ", ".join(f"{count} {status}" for status, count in table["status"].value_counts().items())
        raise StudyError(
            f"no building is left to assess of {len(table)}: {counts}. "
            f"Compare the extent of {', '.join(study.buildings.path)} with terrain.dem, and their CRS"
        )
    tiles = write_tiles(
        table.assign(top_m=table["ground_elevation_m"] + table["height_m"], reach_m=_reaches(table, shapes.bounds, standing, terrain)),
        shapes,
        work / "tiles",
        tile_buildings=study.run.tile_buildings,
        widest=CELLS_IN_MEMORY * _finest(study, terrain, dsm, canopy) ** 2,
        wanted=standing,
    )
    give_back()
    told("read", 4, 4)
    return Prepared(
        crs,
        table,
        shapes,
        shapes.bounds[(table["status"] == "").to_numpy()],
        regions,
        terrain,
        dsm,
        canopy,
        tiles,
        checksums(study),
        {"terrain": raster_facts, "regions": {n: len(r) for n, r in layers.items()}, "overrides": overridden},
        warnings,
    )


def _reaches(table: pd.DataFrame, box: Floats, standing: npt.NDArray[np.bool_], terrain: Terrain) -> Floats:
    """How far each building is looked for [m]: by its height, and by the slope or peak on which it stands; NaN for those that do not."""
    left, bottom, right, top = box[standing].T
    radius = 0.5 * np.hypot(right - left, top - bottom)
    above = threaded(partial(above_land, terrain), 0.5 * (left + right), 0.5 * (bottom + top), radius)
    reaches = np.full(len(table), np.nan)
    reaches[standing] = tower_reach(table["height_m"].to_numpy(dtype=float)[standing] + above)
    return reaches


def _finest(study: Study, terrain: Terrain, dsm: Path | None, canopy: Path | None) -> float:
    """Smallest cell that tiles read; infinite where they read no raster."""
    return min(terrain.resolution, np.inf if dsm is None and canopy is None else study.terrain.surface_resolution)
