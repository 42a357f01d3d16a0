"""Polygons of roof planes: outlines of labels, checked to tile the footprint, cut off at it."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from .faces import only_polygons
from .roof_planes_grow import Floats, Labels
from .roof_planes_outline import outlines
from .roof_planes_patches import Ints, Patches


def draw(geometry: NDArray[Any], patches: Patches, plan: NDArray[Any], todo: Ints, mode: int, res: float) -> Ints:
    """
    Draw the planes of some buildings as polygons that tile their footprints.

    Parameters
    ----------
    geometry
        A polygon for each plane, shape (k,); those of the drawn buildings are replaced.
    patches
        Labels and planes of n buildings.
    plan
        Footprints, shape (n,) [m].
    todo
        Buildings to draw.
    mode
        How borders run, see `roof_planes_outline`.
    res
        Side of a cell [m].

    Returns
    -------
    array
        The buildings of `todo` whose outlines do not tile the footprint; nothing is drawn of them.

    Notes
    -----
    Borders are shared, so the outlines are a coverage if each is valid and keeps its sense of rotation: their signed areas add up to the
    area of the frame whatever happens inside it.
    """
    vertices, ring_start, ring_plane = _outline_all(
        patches.label, patches.window, patches.start, patches.planes, patches.plane_start, todo, np.tan(np.radians(4.0)) * res, mode
    )
    count = np.diff(ring_start)
    owner = np.searchsorted(patches.plane_start, ring_plane, side="right") - 1
    ring = np.repeat(np.arange(count.size), count)
    shift = patches.window[owner[ring], :2]
    xy = np.column_stack([(shift[:, 0] + vertices[:, 0] + 0.5) * res, (shift[:, 1] - vertices[:, 1] - 0.5) * res])
    bad = np.zeros(plan.size, dtype=bool)
    bad[owner[count < 3]] = True
    use = np.flatnonzero(~bad[owner])
    number = np.full(count.size, -1)
    number[use] = np.arange(use.size)
    at = np.flatnonzero(~bad[owner[ring]])
    lines = shapely.linearrings(xy[at], indices=number[ring[at]])
    size = _signed_areas(lines)
    # the shell of a plane is its largest ring; the others are holes
    order = np.lexsort((-np.abs(size), ring_plane[use]))
    plane, shell = np.unique(ring_plane[use][order], return_index=True)
    made = shapely.polygons(lines[order], indices=np.searchsorted(plane, ring_plane[use][order]))
    turned = size[order] > 0.0  # rings run clockwise around their plane, so holes run the other way
    turned[shell] = ~turned[shell]
    bad[owner[use][order][~turned]] = True
    at_plane = np.searchsorted(patches.plane_start, plane, side="right") - 1
    bad[at_plane[~shapely.is_valid(made)]] = True
    fine = np.flatnonzero(~bad[at_plane])
    cut = only_polygons(shapely.intersection(made[fine], plan[at_plane[fine]]))
    covered = np.bincount(at_plane[fine], weights=shapely.area(cut), minlength=plan.size)
    whole = shapely.area(plan)
    bad[todo] |= np.abs(covered[todo] - whole[todo]) > 1e-7 * np.maximum(whole[todo], 1.0)
    done = ~bad[at_plane[fine]]
    geometry[plane[fine[done]]] = cut[done]
    return todo[bad[todo]]


def _signed_areas(rings: NDArray[Any]) -> Floats:
    """Above 0 where a ring runs counter-clockwise."""
    return np.asarray(np.where(shapely.is_ccw(rings), 1.0, -1.0) * shapely.area(shapely.polygons(rings)))


@njit(cache=True, nogil=True)
def _outline_all(
    label: Labels, window: Ints, start: Ints, planes: Floats, plane_start: Ints, todo: Ints, least_turn: float, mode: int
) -> tuple[Floats, Ints, Ints]:
    """Rings of some buildings: column and row in their patches, first vertex of each, plane of each."""
    vertices, ring_start, ring_plane = (
        np.empty((64 * todo.size, 2)),
        np.zeros(8 * todo.size + 1, dtype=np.int64),
        np.empty(8 * todo.size, dtype=np.int64),
    )
    filled = rings = 0
    for b in todo:
        patch = label[start[b] : start[b + 1]].reshape((window[b, 2], window[b, 3]))
        own = planes[plane_start[b] : plane_start[b + 1]]
        xy, first, number = outlines(patch, own, least_turn, mode)
        while filled + xy.shape[0] > vertices.shape[0]:
            vertices = np.concatenate((vertices, vertices))
        while rings + number.size > ring_plane.size:
            ring_plane = np.concatenate((ring_plane, ring_plane))
            ring_start = np.concatenate((ring_start, ring_start))
        vertices[filled : filled + xy.shape[0]] = xy
        ring_plane[rings : rings + number.size] = number + plane_start[b]
        ring_start[rings + 1 : rings + number.size + 1] = first[1:] + filled
        filled += xy.shape[0]
        rings += number.size
    return vertices[:filled].copy(), ring_start[: rings + 1].copy(), ring_plane[:rings].copy()
