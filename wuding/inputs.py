"""From the study's files to prepared buildings: everything that is decided about a building before its roof is looked at."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo import attributes, footprints, heights
from geo.archetypes import Archetypes, load_archetypes
from geo.rasters import RasterFacts, prepare_raster, read_window
from geo.regions import majority_region, read_regions
from geo.terrain import Terrain
from geo.tiles import write_tiles
from geo.vectors import into_crs, read_vectors, study_crs

from .errors import StudyError
from .study import LayerSection, Study

# Region layers with a column of their own in roofs and buildings.
COLUMN_OF = {"responsible": "responsible_area", "districts": "district", "zones": "zone", "parcels": "parcel_id"}
# What a reader of the confidence column should know: how much each source of the height is worth.
CONFIDENCE = {"dsm": 0.8, "height": 0.8, "floors": 0.7, "class": 0.4}
# The best modules reach 0.24 kWp/m2; with slopes and rounding nothing above this is true.
MOST_KWP_PER_M2 = 0.4
# Lengths in the study's CRS may be off by this share at the buildings (a UTM zone's edge is off by 0.1 %).
SCALE_OFF = 0.005

Report = Callable[[str, int, int], None]


@dataclass
class Prepared:
    """The prepared study: tables on disk under `work`, small ones here."""

    crs: pyproj.CRS
    buildings: gpd.GeoDataFrame
    regions: dict[str, gpd.GeoDataFrame]
    terrain: Terrain
    dsm: Path | None
    tiles: pd.DataFrame
    inputs: list[dict[str, object]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def prepare(study: Study, work: Path, new_years: tuple[int, int], told: Report) -> Prepared:
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
    raw = _read_buildings(study, crs)
    told("read", 1, 4)
    table = _identify(raw, study, warnings)
    _check_scale(table, crs, study)
    told("read", 2, 4)
    terrain, dsm, raster_facts = _rasters(study, crs, table, work, warnings)
    _attributes(table, raw, study, archetypes, new_years, warnings)
    _heights(table, raw, study, archetypes, terrain, dsm, warnings)
    told("read", 3, 4)
    regions = {name: read_region(study, name, section, crs) for name, section in study.regions.items()}
    _place(table, regions, warnings)
    _exclude(table, study, crs)
    _decide(table)
    standing = table[~table.geometry.isna() & (table["status"] != footprints.DUPLICATE) & table["ground_elevation_m"].notna()]
    if not (table["status"] == "").any():
        counts = ", ".join(f"{count} {status}" for status, count in table["status"].value_counts().items())
        raise StudyError(
            f"no building is left to assess of {len(table)}: {counts}. "
            f"Compare the extent of {', '.join(study.buildings.path)} with terrain.dem, and their CRS"
        )
    tiles = write_tiles(
        standing.assign(top_m=standing["ground_elevation_m"] + standing["height_m"]),
        work / "tiles",
        tile_buildings=study.run.tile_buildings,
    )
    told("read", 4, 4)
    return Prepared(
        crs,
        table,
        regions,
        terrain,
        dsm,
        tiles,
        _checksums(study),
        {"terrain": raster_facts, "regions": {n: len(r) for n, r in regions.items()}},
        warnings,
    )


def _read_buildings(study: Study, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    section = study.buildings
    frames = []
    for text in section.path:
        path = study.path(text)
        frame = read_vectors(path, layer=section.layer, encoding=section.encoding)
        for ours, theirs in section.columns.items():
            if theirs not in frame.columns:
                have = ", ".join(str(c) for c in frame.columns if c != frame.geometry.name)
                raise StudyError(f"{path.name}: has no column {theirs!r} (buildings.columns.{ours}); it has: {have}")
        frame = into_crs(frame, crs, source=path.name, declared=section.crs, datum=section.datum)
        taken = {theirs: ours for ours, theirs in section.columns.items()}
        out = gpd.GeoDataFrame({ours: frame[theirs] for theirs, ours in taken.items()}, geometry=frame.geometry.to_numpy(), crs=crs)
        out["source_file"], out["source_row"] = path.name, np.arange(len(out), dtype=np.int64)
        frames.append(out)
    if not sum(map(len, frames)):
        raise StudyError(f"{', '.join(section.path)}: the layer has no rows; check buildings.path and buildings.layer")
    return frames[0] if len(frames) == 1 else gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=crs)


def _identify(raw: gpd.GeoDataFrame, study: Study, warnings: list[str]) -> gpd.GeoDataFrame:
    geometry, reason = footprints.repair(raw.geometry.to_numpy())
    keys = footprints.geometry_keys(geometry)
    own = raw.drop(columns=["geometry", "source_file", "source_row"])
    tie = (
        own.astype("string").fillna("").agg("|".join, axis=1).to_numpy(dtype=object)
        if own.shape[1]
        else np.full(len(raw), "", dtype=object)
    )
    given = raw.get("id")
    ids, note = footprints.building_ids(keys, given, tie)
    if note:
        warnings.append(f"building ids: {note}")
    table = gpd.GeoDataFrame(
        {"building_id": ids, "source": "buildings", "source_file": raw["source_file"], "source_row": raw["source_row"]},
        geometry=geometry,
        crs=raw.crs,
    )
    table["source_id"] = raw["id"].astype("string").fillna("").to_numpy(dtype=object) if "id" in raw else ""
    table["name"] = raw["name"].astype("string").fillna("").to_numpy(dtype=object) if "name" in raw else ""
    table["footprint_area_m2"] = np.nan_to_num(shapely.area(geometry))
    table["reason"] = reason
    table["status"] = ""
    lost = shapely.is_missing(geometry)
    table.loc[lost, "status"] = footprints.INVALID
    small = ~lost & (table["footprint_area_m2"] < study.buildings.minimum_area_m2)
    table.loc[small, ["status", "reason"]] = [footprints.TOO_SMALL, f"under {study.buildings.minimum_area_m2:g} m2"]
    again = footprints.duplicates(keys, ids) & (table["status"] == "").to_numpy()
    table.loc[again, ["status", "reason"]] = [footprints.DUPLICATE, "the same polygon is drawn twice"]
    return table


def _check_scale(table: gpd.GeoDataFrame, crs: pyproj.CRS, study: Study) -> None:
    """Refuse a projection that is not true to scale at the buildings, such as a Gauss-Krüger zone far from its meridian."""
    left, bottom, right, top = table.total_bounds
    if not np.isfinite([left, bottom, right, top]).all():
        return
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    longitude, latitude = to_degrees.transform((left + right) / 2, (bottom + top) / 2)
    factors = pyproj.Proj(crs).get_factors(longitude, latitude)
    off = max(abs(factors.meridional_scale - 1), abs(factors.parallel_scale - 1))
    if not off <= SCALE_OFF:
        raise StudyError(
            f"study.crs = {study.study.crs!r} is off by {off:.1%} at the buildings ({longitude:.2f} E, {latitude:.2f} N), so areas "
            "would be wrong; choose the zone whose meridian is nearest, e.g. EPSG:4548 for 117 E"
        )


def _rasters(
    study: Study, crs: pyproj.CRS, table: gpd.GeoDataFrame, work: Path, warnings: list[str]
) -> tuple[Terrain, Path | None, dict[str, object]]:
    facts: dict[str, object] = {}
    if study.terrain.dem == "flat":
        if study.terrain.dsm is not None:
            raise StudyError('terrain.dsm needs a terrain.dem to stand on: heights are surface minus ground; dem = "flat" gives none')
        terrain = Terrain.flat()
        facts["dem"] = "flat"
        warnings.append('terrain is taken as flat (terrain.dem = "flat"): hills neither lift nor shade a roof')
    else:
        found = prepare_raster(study.path(study.terrain.dem), work / "terrain.tif", crs.to_wkt())
        facts["dem"] = _raster_words(found)
        terrain = Terrain.from_raster(work / "terrain.tif")
    dsm = None
    if study.terrain.dsm is not None:
        dsm = work / "dsm.tif"
        facts["dsm"] = _raster_words(
            prepare_raster(study.path(study.terrain.dsm), dsm, crs.to_wkt(), resolution=study.terrain.surface_resolution)
        )
    points = shapely.get_coordinates(shapely.point_on_surface(table.geometry.to_numpy()[~table.geometry.isna().to_numpy()]))
    elevation = np.full(len(table), np.nan)
    elevation[~table.geometry.isna().to_numpy()] = terrain.elevation(points[:, 0], points[:, 1])
    table["ground_elevation_m"] = elevation
    off = np.isnan(elevation) & (table["status"] == "").to_numpy()
    table.loc[off, ["status", "reason"]] = [footprints.OUTSIDE_TERRAIN, "the DEM does not cover it"]
    if off.any() and not (table["status"] == "").any():
        raise StudyError(
            f"terrain.dem {study.terrain.dem!r} does not cover any building: buildings lie at {_words(table.total_bounds)}, "
            f"the DEM covers {_words(terrain.bounds)} "
            f"(left, bottom, right, top in {crs.name}); check the DEM and the CRS of both"
        )
    if off.any():
        warnings.append(f"{int(off.sum())} of {len(table)} buildings lie outside the DEM and are not assessed")
    return terrain, dsm, facts


def _words(bounds: object) -> str:
    return ", ".join(f"{v:.0f}" for v in np.asarray(bounds, dtype=float))


def _raster_words(facts: RasterFacts) -> dict[str, object]:
    return {
        key: (value if isinstance(value, (int, float, str)) else str(value))
        for key, value in vars(facts).items()
        if key not in ("path", "source", "target")
    }


def _attributes(
    table: gpd.GeoDataFrame, raw: gpd.GeoDataFrame, study: Study, archetypes: Archetypes, new_years: tuple[int, int], warnings: list[str]
) -> None:
    use, source, unmapped = attributes.use_classes(raw.get("use"), study.buildings.use, len(raw))
    table["use"], table["use_source"] = use, source
    detail = raw["use_detail"] if "use_detail" in raw else raw.get("use")
    table["use_detail"] = attributes.use_details(detail, len(raw))
    if unmapped and (use == "unknown").all():
        words = ", ".join(f"{word} ({count})" for word, count in sorted(unmapped.items(), key=lambda item: -item[1])[:10])
        raise StudyError(
            f"no use of any building is known to buildings.use; the data say: {words}. Translate these words under [buildings.use]; "
            'if they are not readable, give the encoding of the file, e.g. encoding = "GB18030" under [buildings]'
        )
    if unmapped:
        most = sorted(unmapped.items(), key=lambda item: -item[1])
        listed = ", ".join(f"{word} ({count})" for word, count in most[:10])
        warnings.append(
            f"{sum(unmapped.values())} buildings have a use that buildings.use does not translate, so their class is "
            f"unknown: {listed}{' …' if len(most) > 10 else ''}"
        )
    unknown = int((use == "unknown").sum())
    if unknown:
        warnings.append(f"the class of use is unknown for {unknown} of {len(table)} buildings; they count in no target that names classes")
    year = (
        attributes.plausible(attributes.numbers(raw["year_built"]), 1000, study.study.as_of.year + 10)
        if "year_built" in raw
        else np.full(len(raw), np.nan)
    )
    table["year_built"] = pd.array(year, dtype="Float64").astype("Int64")
    table["is_new"] = pd.arrays.BooleanArray((year >= new_years[0]) & (year <= new_years[1]), np.isnan(year))
    if "urban" in raw:
        word = raw["urban"].astype("string").str.strip().str.casefold()
        urban = word.isin(["城镇", "城市", "urban", "1", "true", "是"]).to_numpy(dtype=bool)
        rural = word.isin(["农村", "乡村", "rural", "0", "false", "否"]).to_numpy(dtype=bool)
        table["is_urban"] = pd.arrays.BooleanArray(urban, ~(urban | rural))
    else:
        table["is_urban"] = pd.arrays.BooleanArray(np.zeros(len(raw), dtype=bool), np.ones(len(raw), dtype=bool))
    installed = attributes.numbers(raw["installed_kwp"]) if "installed_kwp" in raw else np.full(len(raw), np.nan)
    most = table["footprint_area_m2"].to_numpy() * MOST_KWP_PER_M2
    believable = (installed >= 0) & (installed <= most)
    table["installed_kwp"] = np.where(believable, installed, np.nan)
    if strange := int((np.isfinite(installed) & ~believable).sum()):
        warnings.append(
            f"{strange} buildings have an installed_kwp that is negative or above "
            f"{MOST_KWP_PER_M2} kWp/m2 of footprint; it is taken as unknown"
        )


def _heights(
    table: gpd.GeoDataFrame,
    raw: gpd.GeoDataFrame,
    study: Study,
    archetypes: Archetypes,
    terrain: Terrain,
    dsm: Path | None,
    warnings: list[str],
) -> None:
    given = attributes.plausible(attributes.numbers(raw["height"]), 0, heights.HIGHEST_M) if "height" in raw else np.full(len(raw), np.nan)
    floors = (
        attributes.plausible(attributes.numbers(raw["floors"]), 0, heights.MOST_FLOORS) if "floors" in raw else np.full(len(raw), np.nan)
    )
    use = table["use"].to_numpy(dtype=object)
    measured = np.full(len(table), np.nan) if dsm is None else _measured_heights(table, terrain, dsm, np.isnan(given))
    storey = archetypes.storey_height(use)
    height, source = heights.choose_heights(given, floors, measured, storey, archetypes.default_height(use))
    table["height_m"], table["height_source"] = height, source
    table["data_tier"] = np.where(source == "class", "footprint", "height")
    sure = pd.Series(source).map(CONFIDENCE).to_numpy(dtype=float)
    table["confidence"] = np.where(use == "unknown", sure - 0.1, sure)
    table["stale_surface"] = False if dsm is None else np.isfinite(measured) & (measured < heights.LOWEST_DSM_M)
    table["floors"] = np.where(
        np.isfinite(floors), floors, archetypes.floors(use, height, archetypes.choose(use, height, table["footprint_area_m2"]))
    )
    table["floor_area_m2"] = table["footprint_area_m2"] * table["floors"]
    guessed = int((source == "class").sum())
    if guessed:
        warnings.append(
            f"{guessed} of {len(table)} buildings have neither height nor floors nor a surface model; the height of their class is assumed"
        )


def _measured_heights(table: gpd.GeoDataFrame, terrain: Terrain, dsm: Path, wanted: np.ndarray) -> np.ndarray:
    """Walk through the buildings along the Hilbert curve, so that each window of the surface model stays small."""
    out = np.full(len(table), np.nan)
    rows = np.flatnonzero(wanted & ~table.geometry.isna().to_numpy() & table["ground_elevation_m"].notna().to_numpy())
    ordered = rows[footprints.hilbert_order(table.iloc[rows])] if len(rows) else rows
    for start in range(0, len(ordered), 2000):
        part = ordered[start : start + 2000]
        geometry = table.geometry.to_numpy()[part]
        left, bottom, right, top = shapely.total_bounds(geometry)
        window = read_window(dsm, (left, bottom, right, top), pad=2.0)
        ground = terrain.window((left, bottom, right, top))
        if ground is not None:
            out[part] = heights.heights_above_ground(geometry, window, ground)
    return out


def read_region(study: Study, name: str, section: LayerSection, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    """
    Read one region layer of the study.

    Parameters
    ----------
    study
        The study.
    name
        Key under [regions].
    section
        Its content.
    crs
        The study's CRS.

    Returns
    -------
    geopandas.GeoDataFrame
        See `geo.regions.read_regions`.
    """
    try:
        return read_regions(
            study.path(section.path),
            crs,
            name=section.name,
            id=section.id,
            layer=section.layer,
            encoding=section.encoding,
            declared=section.crs,
            datum=section.datum,
        )
    except ValueError as error:
        raise StudyError(f"regions.{name}: {error}") from error


def _place(table: gpd.GeoDataFrame, regions: dict[str, gpd.GeoDataFrame], warnings: list[str]) -> None:
    for column in COLUMN_OF.values():
        table[column] = None
    table["parcel_share"] = np.nan
    geometry = table.geometry.to_numpy()
    there = (table["status"] != footprints.INVALID).to_numpy()
    for layer, frame in regions.items():
        row, share = majority_region(geometry, frame)
        if layer == "urban":
            urban = pd.Series(pd.arrays.BooleanArray(row >= 0, ~there), index=table.index)
            table["is_urban"] = table["is_urban"].where(table["is_urban"].notna(), urban)
            continue
        words = np.array([*frame["id" if layer == "parcels" else "name"], None], dtype=object)
        column = COLUMN_OF.get(layer, f"region_{layer}")
        table[column] = words[row]
        if layer == "parcels":
            table["parcel_share"] = np.where(row >= 0, share, np.nan)
        elif layer in ("responsible", "districts") and (outside := int((there & (row < 0)).sum())):
            warnings.append(f"{outside} of {len(table)} buildings lie in no region of {layer}; they are counted under 'outside'")
    if "responsible" not in regions:
        table["responsible_area"] = table["district"]


def _exclude(table: gpd.GeoDataFrame, study: Study, crs: pyproj.CRS) -> None:
    for section in study.exclusions:
        path = study.path(section.path)
        layer = into_crs(
            read_vectors(path, layer=section.layer, encoding=section.encoding),
            crs,
            source=path.name,
            declared=section.crs,
            datum=section.datum,
        )
        shapes = shapely.make_valid(layer.geometry.to_numpy())
        pending = np.flatnonzero((table["status"] == "").to_numpy())
        hit = np.unique(
            shapely.STRtree(shapes).query(shapely.point_on_surface(table.geometry.to_numpy()[pending]), predicate="intersects")[0]
        )
        table.loc[table.index[pending[hit]], ["status", "reason"]] = [footprints.EXCLUDED, section.reason]


def _decide(table: gpd.GeoDataFrame) -> None:
    """Text columns are never null, so that every product shows the same thing: nothing."""
    for column in ("name", "use_detail", "reason", "source_id"):
        table[column] = table[column].fillna("").astype(object)


def _checksums(study: Study, only: tuple[str, ...] = ()) -> list[dict[str, object]]:
    roles: list[tuple[str, str]] = [("study", study.file.name), *(("buildings", p) for p in study.buildings.path)]
    roles += [("dem", study.terrain.dem)] if study.terrain.dem != "flat" else []
    roles += [("dsm", study.terrain.dsm)] if study.terrain.dsm else []
    roles += [(f"regions.{name}", section.path) for name, section in study.regions.items()]
    roles += [("exclusions", section.path) for section in study.exclusions]
    roles += [("weather", p) for p in study.weather.files]
    roles += [("form", study.policy.form)] if study.policy and study.policy.form else []
    return [_checksum(study, role, text) for role, text in roles if not only or role in only]


def checksums(study: Study, *only: str) -> list[dict[str, object]]:
    """
    Give the checksums of some inputs.

    Parameters
    ----------
    study
        The study.
    *only
        Roles, e.g. "study", "form".

    Returns
    -------
    list of dict
        `role`, `path`, `sha256`, `size`.
    """
    return [row for row in _checksums(study, only) if row["role"] in only]


def _checksum(study: Study, role: str, text: str) -> dict[str, object]:
    path = study.path(text)
    shown = text.replace("\\", "/") if not Path(text).is_absolute() and ".." not in Path(text).parts else path.name
    files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
    digest, size = hashlib.sha256(), 0
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                size += len(block)
    return {"role": role, "path": shown, "sha256": digest.hexdigest(), "size": size}
