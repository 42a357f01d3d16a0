"""Roofs that would count twice: buildings cut by the source's tiles, drawn twice, or lying over each other."""

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from geo import footprints
from geo.overlaps import (
    SAME_IOU,
    Pairs,
    meeting_pairs,
    near_duplicates,
    only,
    overlap_areas,
    stacking_rank,
    visible_shapes,
)
from geo.seams import MOST_PIECES, cut_pairs, joined_shapes

from .study import Study

# Columns that tell nothing of whether two rows are one building.
_NOT_ALIKE = ("id", "geometry", "source_file", "source_row")


def join_cut(table: gpd.GeoDataFrame, raw: gpd.GeoDataFrame, study: Study, warnings: list[str]) -> Pairs:
    """
    Join buildings that the source has cut at the edges of its tiles; the largest piece carries the whole roof.

    Parameters
    ----------
    table
        Buildings, a row per input feature; filled in place.
    raw
        The same rows with the study's own columns.
    study
        The study.
    warnings
        What the user should know; appended to.

    Returns
    -------
    Pairs
        All buildings that meet, for `uncover`.
    """
    geometry = table.geometry.to_numpy()
    open_rows = table["status"].isin(["", footprints.TOO_SMALL]).to_numpy()
    pairs = meeting_pairs(only(geometry, open_rows))
    alike, same_id = _alike(raw, pairs), _same_id(table, pairs)
    # Different ids of the source are different buildings.
    own = table["source_id"].to_numpy(dtype=object)
    differ = (own[pairs.left] != own[pairs.right]) & _telling(table, pairs)
    candidate = np.flatnonzero(alike & ~differ)
    chosen = Pairs(pairs.left[candidate], pairs.right[candidate])
    same_id = same_id[candidate]
    rows = np.flatnonzero(same_id)
    area = table["footprint_area_m2"].to_numpy(dtype=float)
    if len(rows):
        left, right = chosen.left[rows], chosen.right[rows]
        shared = overlap_areas(geometry, Pairs(left, right))
        # Drawn twice is not cut.
        same_id[rows] = shared <= SAME_IOU * (area[left] + area[right] - shared)
    to_degrees = pyproj.Transformer.from_crs(table.crs, 4326, always_xy=True)
    cut = cut_pairs(geometry, chosen, same_id, lambda xy: np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1])))
    pieces, carrier, shapes = joined_shapes(geometry, area, table["building_id"].to_numpy(dtype=object), cut)
    if not len(pieces):
        return pairs
    carries = pieces == carrier
    geometry = geometry.copy()
    geometry[pieces[carries]] = shapes[carries]
    table.geometry = gpd.GeoSeries(geometry, index=table.index, crs=table.crs)
    table["footprint_area_m2"] = np.where(open_rows, table.geometry.area, area)
    ids = table["building_id"].to_numpy(dtype=object)
    whole = table.index[pieces[carries]]
    small = table.loc[whole, "footprint_area_m2"] < study.buildings.minimum_area_m2
    table.loc[whole[~small.to_numpy()], ["status", "reason"]] = ["", "joined from the pieces that the source's tiles cut"]
    parts = table.index[pieces[~carries]]
    table.loc[parts, "status"] = footprints.JOINED
    table.loc[parts, "reason"] = [f"cut at the edge of a tile: its roof is counted with {ids[row]}" for row in carrier[~carries]]
    warnings.append(
        f"{len(pieces)} pieces of {int(carries.sum())} buildings were cut at the edges of tiles; they are joined, one row carries the roof"
    )
    place = np.arange(len(table))
    place[pieces] = carrier
    left, right = place[pairs.left], place[pairs.right]
    both = np.unique(np.stack([np.minimum(left, right), np.maximum(left, right)], axis=1)[left != right], axis=0)
    return Pairs(both[:, 0], both[:, 1])


def _alike(raw: gpd.GeoDataFrame, pairs: Pairs) -> np.ndarray:
    """Whether two rows say the same in every attribute."""
    alike = np.ones(len(pairs.left), dtype=bool)
    for column in raw.columns.difference(_NOT_ALIKE):
        values, empty = raw[column].to_numpy(dtype=object), raw[column].isna().to_numpy()
        rows = np.flatnonzero(alike)
        left, right = pairs.left[rows], pairs.right[rows]
        alike[rows] = (empty[left] & empty[right]) | (~empty[left] & ~empty[right] & (values[left] == values[right]))
    return alike


def _telling(table: gpd.GeoDataFrame, pairs: Pairs) -> np.ndarray:
    """Whether both rows of a pair have an id that few others have."""
    own = table["source_id"]
    number = own.map(own.value_counts()).to_numpy()
    telling = ((own != "") & (number <= MOST_PIECES)).to_numpy()
    both: np.ndarray = telling[pairs.left] & telling[pairs.right]
    return both


def _same_id(table: gpd.GeoDataFrame, pairs: Pairs) -> np.ndarray:
    own = table["source_id"].to_numpy(dtype=object)
    same: np.ndarray = (own[pairs.left] == own[pairs.right]) & _telling(table, pairs)
    return same


def uncover(table: gpd.GeoDataFrame, pairs: Pairs, study: Study, warnings: list[str]) -> None:
    """
    Leave out second drawings and reduce what lies under something higher to what shows, so that no roof counts twice.

    Parameters
    ----------
    table
        Buildings with their heights; filled in place.
    pairs
        Buildings that meet, from `join_cut`.
    study
        The study.
    warnings
        What the user should know; appended to.
    """
    geometry, ids = table.geometry.to_numpy(), table["building_id"].to_numpy(dtype=object)
    area = table["footprint_area_m2"].to_numpy(dtype=float)
    pairs = _among(pairs, (table["status"] == "").to_numpy())
    shared = overlap_areas(geometry, pairs)
    height, known = table["height_m"].to_numpy(dtype=float), (table["height_source"] != "class").to_numpy()
    rank = stacking_rank(height, known, area, ids, pairs, shared)
    kept_by = near_duplicates(area, pairs, shared, rank)
    again = np.flatnonzero(kept_by >= 0)
    if len(again):
        table.loc[table.index[again], "status"] = footprints.DUPLICATE
        table.loc[table.index[again], "reason"] = [f"drawn twice: nearly the same polygon as {ids[row]}" for row in kept_by[again]]
        warnings.append(f"{len(again)} buildings are drawn twice in nearly the same place; one drawing of each is kept")
        stay = (kept_by[pairs.left] < 0) & (kept_by[pairs.right] < 0)
        pairs, shared = Pairs(pairs.left[stay], pairs.right[stay]), shared[stay]
    rows, shapes, cover = visible_shapes(geometry, pairs, shared, rank)
    if not len(rows):
        return
    shows = shapely.area(shapes)
    hidden = area[rows] - shows
    told = hidden > 0.01 * area[rows]
    gone = shows < study.buildings.minimum_area_m2
    table.loc[table.index[rows[gone]], "status"] = footprints.COVERED
    table.loc[table.index[rows[gone]], "reason"] = [
        f"lies under {ids[over]}: {left:.1f} of {whole:.1f} m2 show"
        for over, left, whole in zip(cover[gone], shows[gone], area[rows[gone]], strict=True)
    ]
    some = told & ~gone
    table.loc[table.index[rows[some]], "reason"] = [
        f"{under:.1f} m2 lie under {ids[over]}" for over, under in zip(cover[some], hidden[some], strict=True)
    ]
    reduced = geometry.copy()
    reduced[rows[~gone]] = shapes[~gone]
    table.geometry = gpd.GeoSeries(reduced, index=table.index, crs=table.crs)
    area = area.copy()
    area[rows[~gone]] = shows[~gone]
    table["footprint_area_m2"] = area
    table["floor_area_m2"] = area * table["floors"]
    warnings.append(
        f"{int(gone.sum())} buildings lie under higher ones and {int(some.sum())} partly: "
        f"{hidden.sum() / 1e4:.2f} ha of footprint would have counted twice and count once"
    )


def _among(pairs: Pairs, wanted: np.ndarray) -> Pairs:
    both = wanted[pairs.left] & wanted[pairs.right]
    return Pairs(pairs.left[both], pairs.right[both])
