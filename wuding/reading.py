"""The study's vector files as tables in the study's CRS, each building with its id."""

from collections import Counter
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo import attributes, footprints
from geo.coordinates import into_crs
from geo.regions import read_regions, region_faults
from geo.shapes import squares
from geo.sources import vector_files
from geo.vectors import column_names, file_names, read_vectors, row_numbers, tell_once
from geo.zones import truer_crs

from .canopies import BUILDINGS, add_surfaces, is_surface
from .errors import StudyError
from .locating import stated
from .study import LayerSection, Study
from .texts import given_heights

# Lengths in the study's CRS may be off by this share at the buildings (a UTM zone's edge is off by 0.1 %).
SCALE_OFF = 0.005
# Areas that are off by more than this are told.
AREA_OFF = 0.0005
# The largest building on Earth covers less; more is a mistake in the unit of an area.
# A county or city is not wider than this; a building farther off has wrong coordinates.
FARTHEST_STRAY_M = 300e3
LARGEST_M2 = 2e6
# Shapes that are in memory as read and repaired.
REPAIRED_AT_ONCE = 50_000
# Layers that should fill the ground without gaps.
PARTITIONS = ("responsible", "districts")


def read_buildings(study: Study, crs: pyproj.CRS, warnings: list[str]) -> gpd.GeoDataFrame:
    """
    Read every building layer, and surfaces that count as roofs, into the study's CRS, columns renamed to ours.

    Parameters
    ----------
    study
        The study.
    crs
        CRS of the study.
    warnings
        What the user should know; appended to.

    Returns
    -------
    geopandas.GeoDataFrame
        Our columns, `source_file` and `source_row`; `source` where the study has other surfaces than buildings.
    """
    section = study.buildings
    frames, by_file = [], []
    wanted = sorted(set(section.columns.values()))
    files = list(dict.fromkeys(file for text in section.path for file in vector_files(study.path(text))))
    named = Counter(file.name for file in files)
    for path in files:
        said: list[str] = []
        by_file.append((path.name, said))
        frame = read_vectors(
            path,
            layer=section.layer,
            encoding=section.encoding,
            columns=wanted,
            osm_key="building",
            points="area" in section.columns,
            warnings=said,
        )
        source_rows = row_numbers(frame)
        for ours, theirs in section.columns.items():
            if theirs not in frame.columns:
                have = ", ".join(column_names(path, layer=section.layer, encoding=section.encoding)) or "no columns at all"
                raise StudyError(f"{path.name}: has no column {theirs!r} (buildings.columns.{ours}); it has: {have}")
        frame = into_crs(frame, crs, source=path.name, **stated(study, section, path.name, said))
        out = gpd.GeoDataFrame(
            {ours: _plain(frame[theirs]) for ours, theirs in section.columns.items()}, geometry=frame.geometry.to_numpy(), crs=crs
        )
        if "area" in out:
            _draw_points(out, path.name, said)
        out["source_file"] = path.name if named[path.name] == 1 else f"{path.parent.name}/{path.name}"
        out["source_row"] = source_rows
        frames.append(out)
    tell_once(by_file, warnings)
    if not sum(map(len, frames)):
        raise StudyError(f"{', '.join(section.path)}: the layer has no rows; check buildings.path and buildings.layer")
    every = frames[0] if len(frames) == 1 else gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=crs)
    return add_surfaces(every, study, crs, warnings)


def _draw_points(out: gpd.GeoDataFrame, name: str, warnings: list[str]) -> None:
    """Points become squares of the area that stands beside them; column `drawn` says which."""
    area = attributes.plausible(attributes.quantities(out["area"], attributes.SQUARE_METRES), 0.0, LARGEST_M2)
    shapes, drawn = squares(out.geometry.to_numpy(), area)
    out.geometry, out["drawn"] = gpd.GeoSeries(shapes, index=out.index, crs=out.crs), drawn
    if drawn.any():
        warnings.append(
            f"{name}: {int(drawn.sum())} buildings are points; each is drawn as a square of its stated area, so that place, shape and "
            "shade are rough and its confidence is low"
        )


def _plain(values: pd.Series) -> pd.Series:
    """Turn lists and structures, which some formats allow in a cell, into the text they are written in."""
    if values.dtype != object or not pd.api.types.infer_dtype(values, skipna=True).startswith("mixed"):
        return values
    return values.map(lambda value: value if value is None or np.isscalar(value) else str(value))


def identify(
    raw: pd.DataFrame, shapes: np.ndarray, crs: pyproj.CRS, study: Study, warnings: list[str]
) -> tuple[gpd.GeoDataFrame, gpd.GeoSeries]:
    """
    Repair shapes, give ids, and set aside what cannot be assessed.

    Parameters
    ----------
    raw
        The rows as read, with the study's own columns.
    shapes
        Their shapes, shape (n,); repaired in place, since both at once would be half of all memory.
    crs
        CRS of the study.
    study
        The study.
    warnings
        What the user should know; appended to.

    Returns
    -------
    table : geopandas.GeoDataFrame
        Every input row with id, geometry, footprint area, status and reason.
    rejected : geopandas.GeoSeries
        What can be drawn of the invalid ones, by their row.
    """
    read = _repair(shapes)
    area = np.nan_to_num(shapely.area(shapes))
    lost = shapely.is_missing(shapes)
    small = ~lost & (area < study.buildings.minimum_area_m2)
    ids, twice, keys = _ids_and_keys(raw, shapes, warnings)
    large = ~(lost | small)[twice]
    twice, keys = twice[large], keys[large]
    table = gpd.GeoDataFrame(
        {"building_id": ids, "source": raw.get("source", BUILDINGS), "source_file": raw["source_file"], "source_row": raw["source_row"]},
        geometry=shapes,
        crs=crs,
    )
    for ours, theirs in (("source_id", "id"), ("name", "name")):
        table[ours] = raw[theirs].astype("string").fillna("").astype("str") if theirs in raw else ""
    table["footprint_area_m2"], table["reason"] = area, read.reason
    status = np.full(len(table), "", dtype=object)
    kept_by = footprints.duplicates(keys, _drawing_rank(raw.iloc[twice], ids[twice]))
    again, kept_by = twice[kept_by >= 0], twice[kept_by[kept_by >= 0]]
    status[lost], status[small], status[again] = footprints.INVALID, footprints.TOO_SMALL, footprints.DUPLICATE
    table["status"] = status
    if "drawn" in raw:
        table.loc[table.index[read.point], "reason"] = "a point without an area that can be true"
    table["drawn"] = raw["drawn"].to_numpy(dtype=bool) if "drawn" in raw else False
    table.loc[table["drawn"], "reason"] = "a point: drawn as a square of its stated area"
    table.loc[small, "reason"] = f"under {study.buildings.minimum_area_m2:g} m2"
    table.loc[table.index[again], "reason"] = [f"drawn twice: the same polygon as {ids[row]}" for row in kept_by]
    if len(again):
        lost_m2 = area[again].sum()
        warnings.append(
            f"{len(again)} buildings are drawn twice, as the same polygon; one drawing of each counts ({lost_m2:,.0f} m2 left out)"
        )
    _tell_repairs(read.area, table, warnings)
    strays = _set_strays_aside(table, warnings)
    drawn = pd.concat([read.rejected, pd.Series(footprints.remains(shapes[strays]), index=strays, dtype=object)])
    return table, gpd.GeoSeries(drawn, crs=crs)


@dataclass(frozen=True)
class _Read:
    """
    What is asked of shapes as they were read, once they are repaired.

    Attributes
    ----------
    reason
        Shape (n,), see `footprints.repair`.
    area
        Shape (n,), before the repair [m2].
    point
        Shape (n,), whether it is one.
    rejected
        What can be drawn of the lost ones, by row.
    """

    reason: np.ndarray
    area: np.ndarray
    point: np.ndarray
    rejected: pd.Series


def _repair(shapes: np.ndarray) -> _Read:
    """Repair shapes in place, some at a time."""
    reason, area, point = np.empty(len(shapes), dtype=object), np.empty(len(shapes)), np.empty(len(shapes), dtype=bool)
    rejected = [pd.Series([], dtype=object, index=pd.RangeIndex(0))]
    for first in range(0, len(shapes), REPAIRED_AT_ONCE):
        rows = slice(first, first + REPAIRED_AT_ONCE)
        part = shapes[rows].copy()
        with np.errstate(invalid="ignore"):
            area[rows] = shapely.area(part)
        point[rows] = np.isin(shapely.get_type_id(part), (0, 4))
        shapes[rows], reason[rows] = footprints.repair(part)
        lost = np.flatnonzero(shapely.is_missing(shapes[rows]))
        rejected.append(pd.Series(footprints.remains(part[lost]), index=first + lost, dtype=object))
    return _Read(reason, area, point, pd.concat(rejected))


def _ids_and_keys(raw: pd.DataFrame, geometry: np.ndarray, warnings: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids of all buildings, the rows whose shape may be drawn twice, and the keys of these; keys are dear where the source's ids serve."""
    if "source" in raw:
        return _with_surfaces(raw, geometry, warnings)
    text = footprints.plain_ids(raw["id"]) if "id" in raw else None
    if text is not None and text.is_unique and not (text == "").any():
        there = np.flatnonzero(~shapely.is_missing(geometry))
        box = pd.util.hash_array(np.round(shapely.bounds(geometry[there]) * 100.0).ravel().astype(np.int64)).reshape(-1, 4)
        corners = (box * np.array([1, 3, 5, 7], dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        rows = there[pd.Series(corners).duplicated(keep=False).to_numpy()]
        return text.to_numpy(dtype=object), rows, footprints.geometry_keys(geometry[rows])
    keys = footprints.geometry_keys(geometry)
    repeated = np.flatnonzero(pd.Series(keys).duplicated(keep=False).to_numpy() | (keys == ""))
    ids, note = footprints.building_ids(keys, raw.get("id"), _tie_breaks(raw, repeated))
    if note:
        warnings.append(f"building ids: {note}")
    return ids, repeated, keys[repeated]


def _with_surfaces(raw: pd.DataFrame, geometry: np.ndarray, warnings: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Surfaces get ids of their own kind, so that they change none of a building's."""
    other = is_surface(raw)
    own, rest = np.flatnonzero(~other), np.flatnonzero(other)
    ids = np.full(len(raw), "", dtype=object)
    ids[own], twice, keys = _ids_and_keys(raw.iloc[own].drop(columns="source"), geometry[own], warnings)
    shape = footprints.geometry_keys(geometry[rest])
    made, _ = footprints.building_ids(shape, None, _tie_breaks(raw.iloc[rest], np.arange(len(rest))))
    ids[rest] = [f"{kind}-{text[1:]}" for kind, text in zip(raw["source"].iloc[rest], made, strict=True)]
    repeated = pd.Series(shape).duplicated(keep=False).to_numpy() | (shape == "")
    return ids, np.concatenate([own[twice], rest[repeated]]), np.concatenate([keys, shape[repeated]])


def _tie_breaks(raw: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Text by which rows of one shape are told apart; only where shapes repeat or are missing."""
    tie = np.full(len(raw), "", dtype=object)
    own = raw.drop(columns=["source_file", "source_row"])
    if len(rows) and own.shape[1]:
        tie[rows] = own.iloc[rows].astype("string").fillna("").agg("|".join, axis=1).to_numpy(dtype=object)
    return tie


def _drawing_rank(raw: pd.DataFrame, ids: np.ndarray) -> np.ndarray:
    """Of several drawings of one polygon the best is the one with a height, the higher one, the one that knows more, the first id."""
    height = given_heights(raw)[0]
    says = raw.drop(columns=["source_file", "source_row"]).notna().sum(axis=1).to_numpy()
    order = np.lexsort((pd.factorize(ids, sort=True)[0], -says, -np.nan_to_num(height), np.isnan(height)))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _tell_repairs(before: np.ndarray, table: gpd.GeoDataFrame, warnings: list[str]) -> None:
    """Say how much area the repair of shapes has added or taken."""
    repaired = np.flatnonzero(table["reason"].str.startswith("repaired").to_numpy())
    if len(repaired):
        change = table["footprint_area_m2"].to_numpy()[repaired] - before[repaired]
        worst = repaired[np.argmax(np.abs(change))]
        warnings.append(
            f"{len(repaired)} invalid shapes were repaired, which changes their area by {change.sum():+.1f} m2 in all, most of it at "
            f"{table['building_id'].iloc[worst]} (row {int(table['source_row'].iloc[worst])})"
        )
    shortened = int(table["reason"].str.startswith("simplified").sum())
    if shortened:
        warnings.append(
            f"{shortened} shapes of more than {footprints.MOST_VERTICES} vertices were simplified; column reason says by how much"
        )


def middle(table: gpd.GeoDataFrame | gpd.GeoSeries) -> tuple[float, float]:
    """
    Find where the buildings are, whatever a stray row says.

    Parameters
    ----------
    table
        Buildings; rows without a shape count nothing.

    Returns
    -------
    tuple of float
        Median easting and northing of their boxes [m]; NaN where there is no shape.
    """
    box = table.bounds.to_numpy()
    box = box[np.isfinite(box).all(axis=1)]
    if not len(box):
        return float("nan"), float("nan")
    return float(np.median(box[:, [0, 2]])), float(np.median(box[:, [1, 3]]))


def _set_strays_aside(table: gpd.GeoDataFrame, warnings: list[str]) -> np.ndarray:
    """Set aside, and name, what lies farther off than a study reaches: its coordinates are wrong, and it must not move the study."""
    x, y = middle(table)
    box = table.bounds.to_numpy()
    away = np.hypot(box[:, [0, 2]].mean(axis=1) - x, box[:, [1, 3]].mean(axis=1) - y)
    far = np.flatnonzero((away > FARTHEST_STRAY_M) & (table["status"] == "").to_numpy())
    for row in far:
        table.loc[table.index[row], "status"] = footprints.INVALID
        table.loc[table.index[row], "reason"] = f"lies {away[row] / 1000.0:.0f} km from the middle of all buildings: wrong coordinates"
    if len(far):
        first = table.iloc[far[0]]
        warnings.append(
            f"{len(far)} buildings lie more than {FARTHEST_STRAY_M / 1000.0:.0f} km from the others and are set aside, the first "
            f"{first['building_id']} (row {int(first['source_row'])}); correct their coordinates"
        )
    return far


def check_scale(table: gpd.GeoDataFrame, crs: pyproj.CRS, study: Study, warnings: list[str]) -> None:
    """
    Refuse a projection that is not true to scale at the buildings, such as a Gauss-Krüger zone far from its meridian.

    Parameters
    ----------
    table
        Buildings, a row per input feature; filled in place.
    crs
        CRS of the study.
    study
        The study.
    warnings
        What the user should know; appended to.
    """
    x, y = middle(table)
    if not np.isfinite([x, y]).all():
        return
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    longitude, latitude = to_degrees.transform(x, y)
    factors = pyproj.Proj(crs).get_factors(longitude, latitude)
    off = max(abs(factors.meridional_scale - 1), abs(factors.parallel_scale - 1))
    if not off <= SCALE_OFF:
        raise StudyError(
            f"study.crs = {study.study.crs!r} is off by {off:.1%} at the buildings ({longitude:.2f} E, {latitude:.2f} N), so areas "
            f"would be wrong; write study.crs = {truer_crs(crs, longitude, latitude).to_string()!r}"
        )
    area = factors.areal_scale - 1
    if abs(area) > AREA_OFF:
        warnings.append(
            f"areas in study.crs = {study.study.crs!r} are off by {area:+.2%} at the buildings ({longitude:.2f} E, {latitude:.2f} N), "
            f"and so are capacity and energy; truer is study.crs = {truer_crs(crs, longitude, latitude).to_string()!r}"
        )


def read_region(study: Study, name: str, section: LayerSection, crs: pyproj.CRS, warnings: list[str] | None = None) -> gpd.GeoDataFrame:
    """
    Read one region layer of the study and say what is wrong with it.

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
    warnings
        What the user should know; appended to.

    Returns
    -------
    geopandas.GeoDataFrame
        See `geo.regions.read_regions`; no rows where the layer has none.
    """
    notes: list[str] = []
    try:
        layer = read_regions(
            study.paths(section),
            crs,
            name=None if name == "urban" and "name" not in section.model_fields_set else section.name,  # of it only the extent matters
            id=section.id,
            layer=section.layer,
            encoding=section.encoding,
            notes=notes,
            **stated(study, section, file_names(study.paths(section)), notes),
        )
    except ValueError as error:
        raise StudyError(f"regions.{name}: {error}") from error
    if len(layer):
        notes += region_faults(layer, partition=name in PARTITIONS)
    if warnings is not None:
        warnings.extend(f"regions.{name}: {note}" for note in notes)
    return layer


def corner_words(bounds: object) -> str:
    """
    Write bounds in whole metres.

    Parameters
    ----------
    bounds
        Left, bottom, right, top.

    Returns
    -------
    str
        The four numbers, separated by commas.
    """
    return ", ".join(f"{v:.0f}" for v in np.asarray(bounds, dtype=float))
