"""Polygons that lie over each other: drawn twice, or parts of a building over the building; no roof counts twice."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from .packed import PART, Shapes, bounds_of
from .threads import threaded

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]

# Two drawings of one building share this much of their union.
SAME_IOU = 0.9
# A part lies in a building with this share of its area.
INSIDE = 0.95
# Heights this close are equal: a building as high as the highest part in it is the outline of its parts.
SAME_HEIGHT_M = 0.5
# Less than this is the noise of neighbours that do not quite fit, or a splinter that carries nothing.
SPLINTER_M2 = 0.5
# Neighbours share a wall, drawn twice with different last digits.
_TOUCH_M2 = 0.05


@dataclass(frozen=True)
class Pairs:
    """
    Polygons that meet, each pair once.

    Attributes
    ----------
    left, right
        Shape (p,), row numbers.
    """

    left: Ints
    right: Ints


def meeting_pairs(geometry: Shapes, wanted: npt.NDArray[np.bool_] | None = None) -> Pairs:
    """
    Find polygons that touch or overlap.

    Parameters
    ----------
    geometry
        Shape (n,), valid polygons, None allowed.
    wanted
        Shape (n,), which of them are looked at, all by default.

    Returns
    -------
    Pairs
        In order of the rows.
    """
    box = bounds_of(geometry)
    rows = np.flatnonzero(np.isfinite(box[:, 0]) if wanted is None else np.isfinite(box[:, 0]) & wanted)
    rows = rows[np.argsort(box[rows, 0], kind="stable")]
    found = [np.empty((2, 0), dtype=np.int64)]
    for first in range(0, len(rows), PART):  # strip by strip from the west, each with what begins before its last one ends
        reach = box[rows[first : first + PART], 2].max()
        around = rows[first : np.searchsorted(box[rows, 0], reach, side="right")]
        boxes = shapely.box(*box[around].T)
        one, two = shapely.STRtree(boxes).query(boxes[:PART])
        pair = np.sort(around[np.stack([one, two])[:, one < two]], axis=0)
        found.append(pair[:, _by_pair(shapely.intersects, geometry, Pairs(pair[0], pair[1]))])
    left, right = np.concatenate(found, axis=1)
    order = np.lexsort((right, left))
    return Pairs(left[order], right[order])


def _by_pair(ask: Callable[[Objects, Objects], Any], geometry: Shapes, pairs: Pairs) -> Any:
    """Ask something of the shapes of each pair, shape (p,); each shape is made once for many pairs."""
    answers = []
    for first in range(0, max(len(pairs.left), 1), PART):
        left, right = pairs.left[first : first + PART], pairs.right[first : first + PART]
        rows, place = np.unique(np.concatenate([left, right]), return_inverse=True)
        shapes = geometry[rows]
        answers.append(threaded(ask, shapes[place[: len(left)]], shapes[place[len(left) :]]))
    return np.concatenate(answers)


def overlap_areas(geometry: Shapes, pairs: Pairs) -> Floats:
    """
    Measure what each pair shares.

    Parameters
    ----------
    geometry
        Shape (n,), valid polygons.
    pairs
        Rows that meet.

    Returns
    -------
    array of float
        Shape (p,) [m2]; 0 where they only touch.
    """
    shared: Floats = _by_pair(lambda a, b: shapely.area(shapely.intersection(a, b)), geometry, pairs)
    return shared


def near_duplicates(area: Floats, pairs: Pairs, shared: Floats, rank: Ints) -> Ints:
    """
    Find polygons that are another drawing of a better one.

    Parameters
    ----------
    area
        Shape (n,) [m2].
    pairs, shared
        Rows that meet and the area that they share, shape (p,) [m2].
    rank
        Shape (n,), 0 is the best drawing; no two are equal.

    Returns
    -------
    array of int
        Shape (n,), row of the drawing that stays; -1 where a row stays itself.
    """
    left, right = pairs.left, pairs.right
    same = shared > SAME_IOU * (area[left] + area[right] - shared)
    better = np.where(rank[left] < rank[right], left, right)[same]
    worse = np.where(rank[left] < rank[right], right, left)[same]
    kept_by = np.full(len(area), -1, dtype=np.int64)
    order = np.lexsort((rank[better], rank[worse]))
    better, worse = better[order], worse[order]
    # A drawing goes only for one that stays: settle those first that have nothing undecided above them.
    while len(worse):
        waiting = np.zeros(len(area), dtype=bool)
        waiting[worse] = True
        firm = ~waiting[better]
        gone, first = np.unique(worse[firm], return_index=True)
        kept_by[gone] = better[firm][first]
        left_over = ~(np.isin(worse, gone) | np.isin(better, gone))
        better, worse = better[left_over], worse[left_over]
    return kept_by


def stacking_rank(height: Floats, known: npt.NDArray[np.bool_], area: Floats, ids: pd.Series, pairs: Pairs, shared: Floats) -> Ints:
    """
    Order footprints from the top of a stack to its bottom.

    Parameters
    ----------
    height
        Shape (n,), above ground [m].
    known
        Shape (n,), whether the height is given or measured rather than assumed.
    area
        Shape (n,) [m2].
    ids
        Shape (n,), building ids, which decide where all else is equal.
    pairs, shared
        Rows that meet and the area that they share, shape (p,) [m2].

    Returns
    -------
    array of int
        Shape (n,), 0 is on top; no two of rows that meet others are equal, the rest come last.

    Notes
    -----
    Known heights stand above assumed ones, higher above lower, small above large. An outline that is as high as the highest part inside
    it (OpenStreetMap draws buildings so) goes below its parts.
    """
    left, right = pairs.left, pairs.right
    large = np.where(area[left] >= area[right], left, right)
    small = np.where(area[left] >= area[right], right, left)
    inside = (shared >= INSIDE * area[small]) & (area[small] < SAME_IOU * area[large]) & known[small]
    parts = pd.DataFrame({"outline": large[inside], "height": height[small[inside]]}).groupby("outline")["height"].agg(["min", "max"])
    rows = parts.index.to_numpy(dtype=np.int64)
    outline = np.abs(height[rows] - parts["max"].to_numpy()) <= SAME_HEIGHT_M
    standing = height.copy()
    standing[rows[outline]] = parts["min"].to_numpy()[outline] - SAME_HEIGHT_M
    met = np.unique(np.concatenate([left, right]))
    order = met[np.lexsort((ids.iloc[met].to_numpy(dtype=object).astype(str), area[met], -standing[met], ~known[met]))]
    rank = np.full(len(height), len(met), dtype=np.int64)
    rank[order] = np.arange(len(met))
    return rank


def visible_shapes(geometry: Shapes, pairs: Pairs, shared: Floats, rank: Ints) -> tuple[Ints, Objects, Ints]:
    """
    Reduce footprints to what shows from above.

    Parameters
    ----------
    geometry
        Shape (n,), valid polygons; not changed.
    pairs, shared
        Rows that meet and the area that they share, shape (p,) [m2].
    rank
        Shape (n,), 0 is on top.

    Returns
    -------
    rows : array of int
        Shape (k,), rows that are partly or wholly covered.
    shapes : array
        Shape (k,), what shows of them; an empty polygon where nothing does.
    cover : array of int
        Shape (k,), the row that covers most of each.
    """
    over = shared > _TOUCH_M2
    left, right, shared = pairs.left[over], pairs.right[over], shared[over]
    upper = np.where(rank[left] < rank[right], left, right)
    lower = np.where(rank[left] < rank[right], right, left)
    order = np.lexsort((rank[upper], -shared, lower))
    upper, lower = upper[order], lower[order]
    rows, start, number = np.unique(lower, return_index=True, return_counts=True)
    above = shapely.geometrycollections(geometry[upper], indices=np.repeat(np.arange(len(rows)), number)) if len(rows) else geometry[:0]
    single = number == 1
    covers = geometry[upper[start]].copy() if len(rows) else geometry[:0]
    if not single.all():
        covers[~single] = shapely.union_all(above[~single][:, None], axis=1)
    shapes = threaded(shapely.difference, geometry[rows], covers)
    return rows, without_splinters(shapes), upper[start] if len(rows) else rows


def without_splinters(geometry: Objects) -> Objects:
    """
    Keep of each shape its polygons that are larger than a splinter.

    Parameters
    ----------
    geometry
        Shape (n,), any geometry.

    Returns
    -------
    array
        Shape (n,), Polygon or MultiPolygon, empty where nothing is left.
    """
    parts, owner = shapely.get_parts(geometry, return_index=True)
    large = shapely.area(parts) >= SPLINTER_M2
    parts, owner = parts[large], owner[large]
    out = np.full(len(geometry), shapely.Polygon(), dtype=object)
    number = np.bincount(owner, minlength=len(geometry))
    alone = number[owner] == 1
    out[owner[alone]] = parts[alone]
    if not alone.all():
        rows, place = np.unique(owner[~alone], return_inverse=True)
        out[rows] = shapely.multipolygons(parts[~alone], indices=place)
    return out
