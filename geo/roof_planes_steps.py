"""Steps between measured roof planes: a higher part of a building ends in an edge of its own, a ridge or valley does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .surfaces import RoofSurfaces

Floats = NDArray[np.float64]
_TOUCH_M = 0.1  # surfaces this near to each other meet; heights are compared within this strip
_CLOSED_M = 0.001  # slits between surfaces narrower than this are rounding


def connected_roofs(footprints: NDArray[Any], surfaces: RoofSurfaces, plane: Floats, origin: Floats, step: float) -> NDArray[Any]:
    """
    Find the part of each building to which a surface belongs without a step.

    Parameters
    ----------
    footprints
        (Multi)Polygons [m], shape (n,).
    surfaces
        Measured surfaces, m of them, sorted by building.
    plane
        Slope east [m/m], slope north [m/m] and height at `origin` [m], shape (m, 3).
    origin
        Plan coordinates [m], shape (m, 2).
    step
        Surfaces are apart where their heights differ by more than this along their common border, in the median [m].

    Returns
    -------
    numpy.ndarray
        (Multi)Polygons, shape (m,); the footprint where the whole building hangs together.
    """
    count = surfaces.building.size
    whole = np.asarray(footprints, dtype=object)[surfaces.building]
    one, other = _meeting(surfaces)
    level = _level(surfaces.geometry, plane, origin, one, other, step)
    links = coo_array((np.ones(int(level.sum())), (one[level], other[level])), shape=(count, count))
    part = connected_components(links, directed=False)[1].astype(np.int64) if count else np.empty(0, dtype=np.int64)
    parts_of = _distinct(part, surfaces.building)
    rows = np.flatnonzero(parts_of[surfaces.building] > 1)
    if rows.size:
        order = rows[np.argsort(part[rows], kind="stable")]
        groups, group, size = np.unique(part[order], return_inverse=True, return_counts=True)
        table = np.full((groups.size, int(size.max())), None, dtype=object)
        table[group, np.arange(order.size) - np.repeat(np.cumsum(size) - size, size)] = surfaces.geometry[order]
        joined = table[:, 0].copy()
        several = np.flatnonzero(size > 1)
        joined[several] = shapely.union_all(table[several], axis=1, grid_size=_CLOSED_M)
        whole[order] = joined[group]
    return np.asarray(whole, dtype=object)


def _meeting(surfaces: RoofSurfaces) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of surfaces of a building that touch."""
    several = np.flatnonzero(np.bincount(surfaces.building)[surfaces.building] > 1) if surfaces.building.size else np.empty(0, np.int64)
    found = surfaces.geometry[several]
    one, other = (several[at] for at in shapely.STRtree(found).query(found, predicate="dwithin", distance=_TOUCH_M / 2.0))
    good = (one < other) & (surfaces.building[one] == surfaces.building[other])
    order = np.lexsort((other[good], one[good]))
    return one[good][order], other[good][order]


def _level(
    geometry: NDArray[Any], plane: Floats, origin: Floats, one: NDArray[np.int64], other: NDArray[np.int64], step: float
) -> NDArray[np.bool_]:
    """Whether the surfaces of each pair meet at the same height along their border."""
    first, place = np.unique(one, return_inverse=True)
    wider = shapely.buffer(geometry[first], _TOUCH_M, join_style="mitre")
    xy, pair = shapely.get_coordinates(shapely.intersection(wider[place], geometry[other]), return_index=True)
    both = [(plane[k[pair], :2] * (xy - origin[k[pair]])).sum(axis=1) + plane[k[pair], 2] for k in (one, other)]
    apart = np.abs(both[0] - both[1])
    level = np.zeros(one.size, dtype=bool)
    if not pair.size:
        return level
    order = np.lexsort((apart, pair))
    size = np.bincount(pair, minlength=one.size)
    middle = np.cumsum(size) - size + size // 2
    known = size > 0
    level[known] = apart[order][middle[known]] <= step
    return level


def _distinct(part: NDArray[np.int64], building: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the parts of each building."""
    pairs = np.unique(np.column_stack([building, part]), axis=0)
    return np.bincount(pairs[:, 0], minlength=int(building.max()) + 1 if building.size else 0)
