"""The study's vector files as tables in the study's CRS, each building with its id."""

from collections import Counter
from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo import attributes, footprints
from geo.coordinates import packed_into_crs
from geo.formats import read_layer
from geo.lines import outlines
from geo.packed import Packed
from geo.regions import read_regions, region_faults
from geo.shapes import squares
from geo.sources import vector_files
from geo.vectors import column_names, file_names, row_numbers, tell_once
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
# Layers that should fill the ground without gaps.
PARTITIONS = ("responsible", "districts")


def read_buildings(study: Study, crs: pyproj.CRS, warnings: list[str]) -> tuple[pd.DataFrame, Packed]:
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
    raw : pandas.DataFrame
        Our columns, `source_file` and `source_row`; `source` where the study has other surfaces than buildings.
    shapes : geo.packed.Packed
        Their shapes as read.
    """
    section = study.buildings
    frames, packed, by_file = [], [], []
    wanted = sorted(set(section.columns.values()))
    files = list(dict.fromkeys(file for text in section.path for file in vector_files(study.path(text))))
    named = Counter(file.name for file in files)
    for path in files:
        said: list[str] = []
        by_file.append((path.name, said))
        frame, shapes = read_layer(path, layer=section.layer, encoding=section.encoding, columns=wanted, osm_key="building", warnings=said)
        outlines(shapes, path.name, said, points="area" in section.columns)
        source_rows = row_numbers(frame)
        for ours, theirs in section.columns.items():
            if theirs not in frame.columns:
                have = ", ".join(column_names(path, layer=section.layer, encoding=section.encoding)) or "no columns at all"
                raise StudyError(f"{path.name}: has no column {theirs!r} (buildings.columns.{ours}); it has: {have}")
        shapes = packed_into_crs(shapes, crs, source=path.name, **stated(study, section, path.name, said))
        out = pd.DataFrame({ours: _plain(frame[theirs]) for ours, theirs in section.columns.items()}, index=frame.index)
        if "area" in out:
            _draw_points(out, shapes, path.name, said)
        out["source_file"] = path.name if named[path.name] == 1 else f"{path.parent.name}/{path.name}"
        out["source_row"] = source_rows
        frames.append(out)
        packed.append(shapes)
    tell_once(by_file, warnings)
    if not sum(map(len, frames)):
        raise StudyError(f"{', '.join(section.path)}: the layer has no rows; check buildings.path and buildings.layer")
    every = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    return add_surfaces(every, Packed.joined(packed), study, warnings)


def _draw_points(out: pd.DataFrame, shapes: Packed, name: str, warnings: list[str]) -> None:
    """Points become squares of the area that stands beside them; column `drawn` says which."""
    area = attributes.plausible(attributes.quantities(out["area"], attributes.SQUARE_METRES), 0.0, LARGEST_M2)
    drawn = np.zeros(len(out), dtype=bool)
    for rows, part in shapes.parts():
        squared, drawn[rows] = squares(part, area[rows])
        shapes.put(np.arange(rows.start, rows.stop)[drawn[rows]], squared[drawn[rows]])
    out["drawn"] = drawn
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


def identify(raw: pd.DataFrame, read: Packed, study: Study, warnings: list[str]) -> tuple[pd.DataFrame, Packed, pd.Series]:
    """
    Repair shapes, give ids, and set aside what cannot be assessed.

    Parameters
    ----------
    raw
        The rows as read, with the study's own columns.
    read
        Their shapes as read.
    study
        The study.
    warnings
        What the user should know; appended to.

    Returns
    -------
    table : pandas.DataFrame
        Every input row with id, footprint area, status and reason.
    shapes : geo.packed.Packed
        Their shapes, repaired.
    rejected : pandas.Series
        What can be drawn of the invalid ones, by their row.
    """
    found = _Repair(read)
    shapes, area, lost = found.shapes, found.area, found.shapes.missing
    small = ~lost & (area < study.buildings.minimum_area_m2)
    ids, twice, keys = _ids_and_keys(raw, shapes, warnings)
    large = ~(lost | small)[twice]
    twice, keys = twice[large], keys[large]
    table = pd.DataFrame(
        {"building_id": ids, "source": raw.get("source", BUILDINGS), "source_file": raw["source_file"], "source_row": raw["source_row"]}
    )
    for ours, theirs in (("source_id", "id"), ("name", "name")):
        table[ours] = raw[theirs].astype("string").fillna("").astype("str") if theirs in raw else ""
    table["footprint_area_m2"], table["reason"] = area, found.reason
    status = np.full(len(table), "", dtype=object)
    kept_by = footprints.duplicates(keys, _drawing_rank(raw.iloc[twice], ids[twice]))
    again, kept_by = twice[kept_by >= 0], twice[kept_by[kept_by >= 0]]
    status[lost], status[small], status[again] = footprints.INVALID, footprints.TOO_SMALL, footprints.DUPLICATE
    table["status"] = status
    if "drawn" in raw:
        table.loc[table.index[found.point], "reason"] = "a point without an area that can be true"
    table["drawn"] = raw["drawn"].to_numpy(dtype=bool) if "drawn" in raw else False
    table.loc[table["drawn"], "reason"] = "a point: drawn as a square of its stated area"
    table.loc[small, "reason"] = f"under {study.buildings.minimum_area_m2:g} m2"
    table.loc[table.index[again], "reason"] = [f"drawn twice: the same polygon as {ids[row]}" for row in kept_by]
    if len(again):
        lost_m2 = area[again].sum()
        warnings.append(
            f"{len(again)} buildings are drawn twice, as the same polygon; one drawing of each counts ({lost_m2:,.0f} m2 left out)"
        )
    _tell_repairs(found.before, table, warnings)
    strays = _set_strays_aside(table, shapes.bounds, warnings)
    drawn = pd.concat([*found.rejected, pd.Series(footprints.remains(shapes[strays]), index=strays, dtype=object)])
    return table, shapes, drawn


class _Repair:
    """
    Shapes repaired, and what is asked of them as they were read.

    Attributes
    ----------
    shapes
        The repaired ones.
    area
        Shape (n,) [m2]; 0 where there is none.
    reason
        Shape (n,), see `footprints.repair`.
    before
        Shape (n,), area before the repair [m2].
    point
        Shape (n,), whether it was one.
    rejected
        What can be drawn of the lost ones, by row.
    """

    def __init__(self, read: Packed) -> None:
        self.area, self.before, self.point = np.zeros(len(read)), np.zeros(len(read)), np.zeros(len(read), dtype=bool)
        reasons = [np.empty(0, dtype=object)]
        self.rejected = [pd.Series([], dtype=object, index=pd.RangeIndex(0))]

        def repaired() -> Iterator[np.ndarray]:
            for rows, part in read.parts():
                with np.errstate(invalid="ignore"):
                    self.before[rows] = shapely.area(part)
                self.point[rows] = np.isin(shapely.get_type_id(part), (0, 4))
                sound, reason = footprints.repair(part)
                self.area[rows] = np.nan_to_num(shapely.area(sound))
                reasons.append(reason)
                lost = np.flatnonzero(shapely.is_missing(sound))
                self.rejected.append(pd.Series(footprints.remains(part[lost]), index=rows.start + lost, dtype=object))
                yield sound

        self.shapes = Packed.of(repaired(), read.crs, sound=True)
        self.reason = np.concatenate(reasons)


def _ids_and_keys(raw: pd.DataFrame, geometry: Packed, warnings: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids of all buildings, the rows whose shape may be drawn twice, and the keys of these; keys are dear where the source's ids serve."""
    if "source" in raw:
        return _with_surfaces(raw, geometry, warnings)
    text = footprints.plain_ids(raw["id"]) if "id" in raw else None
    if text is not None and text.is_unique and not (text == "").any():
        there = np.flatnonzero(~geometry.missing)
        box = pd.util.hash_array(np.round(geometry.bounds[there] * 100.0).ravel().astype(np.int64)).reshape(-1, 4)
        corners = (box * np.array([1, 3, 5, 7], dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        rows = there[pd.Series(corners).duplicated(keep=False).to_numpy()]
        return text.to_numpy(dtype=object), rows, footprints.geometry_keys(geometry[rows])
    keys = np.concatenate([np.empty(0, dtype=object), *(footprints.geometry_keys(part) for _, part in geometry.parts())])
    repeated = np.flatnonzero(pd.Series(keys).duplicated(keep=False).to_numpy() | (keys == ""))
    ids, note = footprints.building_ids(keys, raw.get("id"), _tie_breaks(raw, repeated))
    if note:
        warnings.append(f"building ids: {note}")
    return ids, repeated, keys[repeated]


def _with_surfaces(raw: pd.DataFrame, geometry: Packed, warnings: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Surfaces get ids of their own kind, so that they change none of a building's."""
    other = is_surface(raw)
    own, rest = np.flatnonzero(~other), np.flatnonzero(other)
    ids = np.full(len(raw), "", dtype=object)
    ids[own], twice, keys = _ids_and_keys(raw.iloc[own].drop(columns="source"), geometry.only(own), warnings)
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


def _tell_repairs(before: np.ndarray, table: pd.DataFrame, warnings: list[str]) -> None:
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


def middle(box: np.ndarray) -> tuple[float, float]:
    """
    Find where the buildings are, whatever a stray row says.

    Parameters
    ----------
    box
        Bounds of their shapes, shape (n, 4); rows without a shape count nothing. [m]

    Returns
    -------
    tuple of float
        Median easting and northing of their boxes [m]; NaN where there is no shape.
    """
    box = box[np.isfinite(box).all(axis=1)]
    if not len(box):
        return float("nan"), float("nan")
    return float(np.median(box[:, [0, 2]])), float(np.median(box[:, [1, 3]]))


def _set_strays_aside(table: pd.DataFrame, box: np.ndarray, warnings: list[str]) -> np.ndarray:
    """Set aside, and name, what lies farther off than a study reaches: its coordinates are wrong, and it must not move the study."""
    x, y = middle(box)
    away = np.hypot(box[:, [0, 2]].mean(axis=1) - x, box[:, [1, 3]].mean(axis=1) - y)
    far = np.flatnonzero((away > FARTHEST_STRAY_M) & (table["status"] == "").to_numpy())
    for row in far.tolist():
        table.loc[table.index[row], "status"] = footprints.INVALID
        table.loc[table.index[row], "reason"] = f"lies {away[row] / 1000.0:.0f} km from the middle of all buildings: wrong coordinates"
    if len(far):
        first = table.iloc[far[0]]
        warnings.append(
            f"{len(far)} buildings lie more than {FARTHEST_STRAY_M / 1000.0:.0f} km from the others and are set aside, the first "
            f"{first['building_id']} (row {int(first['source_row'])}); correct their coordinates"
        )
    return far


def check_scale(box: np.ndarray, crs: pyproj.CRS, study: Study, warnings: list[str]) -> None:
    """
    Refuse a projection that is not true to scale at the buildings, such as a Gauss-Krüger zone far from its meridian.

    Parameters
    ----------
    box
        Bounds of the buildings, shape (n, 4). [m]
    crs
        CRS of the study.
    study
        The study.
    warnings
        What the user should know; appended to.
    """
    x, y = middle(box)
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
