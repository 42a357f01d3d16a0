"""Roofs that would count twice: buildings cut by the source's tiles, drawn twice, or lying over each other."""

import numpy as np
import pandas as pd
import pyproj
import shapely

from geo import footprints
from geo.overlaps import (
    Pairs,
    meeting_pairs,
    near_duplicates,
    overlap_areas,
    stacking_rank,
    visible_shapes,
)
from geo.packed import Packed
from geo.seams import MOST_PIECES, cut_pairs, joined_shapes

from .study import Study

# Columns that tell nothing of whether two rows are one building.
# Pieces of one building share at most this much of the smaller one.
_MOST_SHARED = 0.5
_NOT_ALIKE = ("id", "source_file", "source_row")


def join_cut(table: pd.DataFrame, shapes: Packed, raw: pd.DataFrame, study: Study, warnings: list[str]) -> Pairs:
    """
    Join buildings that the source has cut at the edges of its tiles; the largest piece carries the whole roof.

    Parameters
    ----------
    table
        Buildings, a row per input feature; filled in place.
    shapes
        Their shapes; those of carriers are put in place.
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
    pairs = meeting_pairs(shapes, table["status"].isin(["", footprints.TOO_SMALL]).to_numpy())
    told = _told_ids(table)
    both = (told[pairs.left] >= 0) & (told[pairs.right] >= 0)
    same_id = both & (told[pairs.left] == told[pairs.right])
    # Different ids of the source are different buildings.
    candidate = np.flatnonzero((same_id | ~both) & _alike(raw, pairs))
    chosen = Pairs(pairs.left[candidate], pairs.right[candidate])
    to_degrees = pyproj.Transformer.from_crs(shapes.crs, 4326, always_xy=True)
    cut = cut_pairs(shapes, chosen, same_id[candidate], lambda xy: np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1])))
    # What is drawn twice, if only in part, is not cut: tile sources overlap by a margin, not by most of a piece.
    area = table["footprint_area_m2"].to_numpy(dtype=float)
    shared = overlap_areas(shapes, cut)
    parted = shared <= _MOST_SHARED * np.minimum(area[cut.left], area[cut.right])
    cut = Pairs(cut.left[parted], cut.right[parted])
    if not len(cut.left):
        return pairs
    pieces, carrier, whole = joined_shapes(shapes, area, table["building_id"], cut)
    shapes.put(pieces[pieces == carrier], whole[pieces == carrier])
    _write_joined(table, pieces, carrier, whole, study.buildings.minimum_area_m2)
    warnings.append(
        f"{len(pieces)} pieces of {len(np.unique(carrier))} buildings, cut at the edges of tiles or drawn in parts under one id, "
        "are joined; one row carries the roof"
    )
    place = np.arange(len(table))
    place[pieces] = carrier
    left, right = place[pairs.left], place[pairs.right]
    apart = np.unique(np.stack([np.minimum(left, right), np.maximum(left, right)], axis=1)[left != right], axis=0).astype(np.int64)
    return Pairs(apart[:, 0], apart[:, 1])


def _write_joined(table: pd.DataFrame, pieces: np.ndarray, carrier: np.ndarray, shapes: np.ndarray, least_m2: float) -> None:
    """Give one row of each cut building the whole area and the others their status."""
    carries = pieces == carrier
    area = table["footprint_area_m2"].to_numpy(dtype=float).copy()
    area[pieces[carries]] = shapely.area(shapes[carries])
    table["footprint_area_m2"] = area
    enough = pieces[carries]
    enough = enough[area[enough] >= least_m2]
    table.loc[table.index[enough], ["status", "reason"]] = ["", "joined from the pieces in which the source has it"]
    parts = table.index[pieces[~carries]]
    table.loc[parts, "status"] = footprints.JOINED
    whole = table["building_id"].iloc[carrier[~carries]]
    table.loc[parts, "reason"] = [f"a piece of one building: its roof is counted with {name}" for name in whole]


def _alike(raw: pd.DataFrame, pairs: Pairs) -> np.ndarray:
    """Whether two rows say the same in every attribute."""
    alike = np.ones(len(pairs.left), dtype=bool)
    rows, place = np.unique(np.concatenate([pairs.left, pairs.right]), return_inverse=True)
    left, right = place[: len(pairs.left)], place[len(pairs.left) :]
    for column in raw.columns.difference(list(_NOT_ALIKE)):
        codes = pd.factorize(raw[column].iloc[rows])[0]  # what is empty has one code too
        alike &= codes[left] == codes[right]
    return alike


def _told_ids(table: pd.DataFrame) -> np.ndarray:
    """Give a number to the source ids that tell buildings apart; -1 where there is none, or where too many rows have it."""
    codes, distinct = pd.factorize(table["source_id"])
    few = np.bincount(codes, minlength=len(distinct)) <= MOST_PIECES
    told: np.ndarray = np.where(few[codes] & np.asarray(distinct != "")[codes], codes, -1)
    return told


def uncover(table: pd.DataFrame, shapes: Packed, pairs: Pairs, study: Study, warnings: list[str]) -> None:
    """
    Leave out second drawings and reduce what lies under something higher to what shows, so that no roof counts twice.

    Parameters
    ----------
    table
        Buildings with their heights; filled in place.
    shapes
        Their shapes; what is partly covered is replaced by what shows of it.
    pairs
        Buildings that meet, from `join_cut`.
    study
        The study.
    warnings
        What the user should know; appended to.
    """
    ids, area = table["building_id"], table["footprint_area_m2"].to_numpy(dtype=float)
    pairs = _among(pairs, (table["status"] == "").to_numpy())
    shared = overlap_areas(shapes, pairs)
    height, known = table["height_m"].to_numpy(dtype=float), (table["height_source"] != "class").to_numpy()
    rank = stacking_rank(height, known, area, ids, pairs, shared)
    kept_by = near_duplicates(area, pairs, shared, rank)
    again = np.flatnonzero(kept_by >= 0)
    if len(again):
        table.loc[table.index[again], "status"] = footprints.DUPLICATE
        table.loc[table.index[again], "reason"] = [f"drawn twice: nearly the same polygon as {name}" for name in ids.iloc[kept_by[again]]]
        warnings.append(f"{len(again)} buildings are drawn twice in nearly the same place; one drawing of each is kept")
        stay = (kept_by[pairs.left] < 0) & (kept_by[pairs.right] < 0)
        pairs, shared = Pairs(pairs.left[stay], pairs.right[stay]), shared[stay]
    rows, seen, cover = visible_shapes(shapes, pairs, shared, rank)
    if not len(rows):
        return
    shows = shapely.area(seen)
    hidden = area[rows] - shows
    told = hidden > 0.01 * area[rows]
    gone = shows < study.buildings.minimum_area_m2
    table.loc[table.index[rows[gone]], "status"] = footprints.COVERED
    table.loc[table.index[rows[gone]], "reason"] = [
        f"lies under {over}: {left:.1f} of {whole:.1f} m2 show"
        for over, left, whole in zip(ids.iloc[cover[gone]], shows[gone], area[rows[gone]], strict=True)
    ]
    some = told & ~gone
    table.loc[table.index[rows[some]], "reason"] = [
        f"{under:.1f} m2 lie under {over}" for over, under in zip(ids.iloc[cover[some]], hidden[some], strict=True)
    ]
    shapes.put(rows[~gone], seen[~gone])
    area = area.copy()
    area[rows[~gone]] = shows[~gone]
    table["footprint_area_m2"] = area
    table["floor_area_m2"] = area * table["floors"]
    if gone.any():
        warnings.append(
            f"{int(gone.sum())} buildings lie under higher ones and carry no roof of their own: {hidden[gone].sum():,.0f} m2 of footprint "
            "would have counted twice"
        )
    _tell_squares(table, rows, hidden, gone, warnings)
    if hidden[some].sum() >= 1.0:
        warnings.append(
            f"{int(some.sum())} buildings lie partly under higher ones and count with what shows: {hidden[some].sum():,.0f} m2 of "
            "footprint would have counted twice"
        )


def _tell_squares(table: pd.DataFrame, rows: np.ndarray, hidden: np.ndarray, gone: np.ndarray, warnings: list[str]) -> None:
    """Say what the squares that stand for points lose to each other; `hidden` [m2] of the buildings `rows`."""
    drawn = table["drawn"].to_numpy(dtype=bool)
    lost = float(hidden[drawn[rows]].sum())
    if lost < 1.0:
        return
    counting = drawn & table["status"].isin(["", footprints.COVERED]).to_numpy()
    stated = table["footprint_area_m2"].to_numpy(dtype=float)[counting].sum() + hidden[drawn[rows] & ~gone].sum()
    warnings.append(
        f"{int(drawn[rows].sum())} squares that stand for points overlap others, so {lost:,.0f} m2 ({lost / stated:.1%}) of the "
        "stated area are not counted; outlines would keep them"
    )


def _among(pairs: Pairs, wanted: np.ndarray) -> Pairs:
    both = wanted[pairs.left] & wanted[pairs.right]
    return Pairs(pairs.left[both], pairs.right[both])
