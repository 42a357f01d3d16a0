"""Smallest rectangles along a wall: the direction, the middle and the size of a building or of one of its wings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

_SQUARE = 1.02  # below this ratio of sides a footprint has no long side
_WALL = 1.15  # a frame along no wall must be this much smaller to be taken
_TIE = 1.02  # frames this close in area are equal: the longer wall decides


@dataclass(frozen=True)
class Frames:
    """
    Smallest rectangle along a wall of each polygon.

    Attributes
    ----------
    centre
        [m], shape (n, 2).
    along
        Unit vector of the long side, shape (n, 2).
    half
        Half of the long and of the short side [m], shape (n, 2).
    azimuth
        Of the long side, 0 to 180 [degrees], shape (n,).
    convex
        Whether the polygon is convex and without holes, shape (n,).
    """

    centre: NDArray[np.float64]
    along: NDArray[np.float64]
    half: NDArray[np.float64]
    azimuth: NDArray[np.float64]
    convex: NDArray[np.bool_]

    @property
    def size(self) -> NDArray[np.float64]:
        """Areas of the rectangles [m2], shape (n,)."""
        return np.asarray(4.0 * self.half.prod(axis=1))


def frames(polygons: NDArray[Any], *, along_walls: bool = False) -> Frames:
    """
    Frame of each polygon.

    Parameters
    ----------
    polygons
        Valid Polygons [m], shape (n,).
    along_walls
        Take no rectangle but those along a wall.

    Returns
    -------
    Frames
        The minimum rotated rectangle unless one along a wall is at most 15 % larger: the diagonal of an L is no axis. A polygon with
        no long side takes as its long side the one nearer to east-west.
    """
    xy, start = outer_rings(polygons)
    found, size, convex = _smallest_frames(xy, start)
    bent = np.flatnonzero(~convex)
    if bent.size and not along_walls:
        hull, hull_size, _ = _smallest_frames(*outer_rings(shapely.convex_hull(polygons[bent])))
        free = size[bent] > _WALL * hull_size
        found[bent[free]] = hull[free]
    convex &= shapely.get_num_interior_rings(polygons) == 0
    # Rounded so that a side due north cannot flip between 0 and 180 with the last bit; the vector points where the azimuth says.
    azimuth = np.round(np.degrees(np.arctan2(found[:, 2], found[:, 3])), 6)
    back = (azimuth < 0.0) | (azimuth >= 180.0)
    along = np.where(back[:, None], -found[:, 2:4], found[:, 2:4])
    return Frames(found[:, :2], along, found[:, 4:], azimuth % 180.0, convex)


def outer_rings(polygons: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """
    Coordinates of the exterior rings without their closing points.

    Parameters
    ----------
    polygons
        Polygons, shape (n,).

    Returns
    -------
    tuple of numpy.ndarray
        Vertices [m], shape (v, 2), and the first of each ring, shape (n + 1,).
    """
    rings = shapely.get_exterior_ring(polygons) if shapely.get_num_interior_rings(polygons).any() else polygons
    xy, count = shapely.get_coordinates(rings), shapely.get_num_coordinates(rings)
    keep = np.ones(len(xy), dtype=bool)
    keep[np.cumsum(count) - 1] = False
    return xy[keep], np.concatenate([[0], np.cumsum(count - 1)]).astype(np.int64)


def ring_polygons(xy: NDArray[np.float64], start: NDArray[np.int64]) -> NDArray[np.object_]:
    """
    Polygons from rings without closing points, as `outer_rings` gives them.

    Parameters
    ----------
    xy
        Vertices [m], shape (v, 2).
    start
        First vertex of each ring and the number of vertices, shape (n + 1,).

    Returns
    -------
    numpy.ndarray
        Polygons, shape (n,); fewer than three vertices give an empty one.
    """
    count = np.diff(start)
    made = np.full(count.size, shapely.Polygon(), dtype=object)
    real = np.flatnonzero(count >= 3)
    if real.size:
        ends = np.cumsum(count[real] + 1)
        vertex = np.ones(int(ends[-1]), dtype=np.int64)
        vertex[0] = start[real[0]]
        vertex[ends - 1] = 1 - count[real]  # back to the first vertex, which closes the ring
        vertex[ends[:-1]] = start[real[1:]] - start[real[:-1]]
        offsets = np.concatenate([[0], ends]), np.arange(real.size + 1)
        made[real] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, xy[np.cumsum(vertex)], offsets)
    return made


@njit(cache=True, nogil=True)
def _smallest_frames(
    xy: NDArray[np.float64], start: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Smallest rectangle with a side along an edge: (centre x, y, long side x, y, half long, half short), area, is the ring convex."""
    count = start.size - 1
    frame, size, convex = np.zeros((count, 6)), np.zeros(count), np.zeros(count, dtype=np.bool_)
    for i in range(count):
        ring = xy[start[i] : start[i + 1]] - xy[start[i]]
        n = ring.shape[0]
        area, length = np.full(n, np.inf), np.zeros(n)
        turns_left = turns_right = False
        for j in range(n):
            k, m = (j + 1) % n, (j + 2) % n
            dx, dy = ring[k, 0] - ring[j, 0], ring[k, 1] - ring[j, 1]
            length[j] = np.hypot(dx, dy)
            turn = dx * (ring[m, 1] - ring[k, 1]) - dy * (ring[m, 0] - ring[k, 0])
            turns_left |= turn > 0.0
            turns_right |= turn < 0.0
            if length[j] > 0.0:
                low_u, high_u, low_v, high_v = _extent(ring, dx / length[j], dy / length[j])
                area[j] = (high_u - low_u) * (high_v - low_v)
        smallest = np.inf
        for j in range(n):
            smallest = min(smallest, area[j])
        size[i] = smallest
        longest = 0.0
        for j in range(n):
            if area[j] <= _TIE * size[i]:
                longest = max(longest, length[j])
        # Of equally long walls the one turned least from north or east, so that the ring's first point decides nothing.
        best, least = -1, np.inf
        for j in range(n):
            if area[j] <= _TIE * size[i] and length[j] >= longest * (1.0 - 1e-6):
                k = (j + 1) % n
                turned = np.round(np.degrees(np.arctan2(ring[k, 1] - ring[j, 1], ring[k, 0] - ring[j, 0])), 6) % 90.0
                if turned < least:
                    best, least = j, turned
        k = (best + 1) % n
        ux, uy = (ring[k, 0] - ring[best, 0]) / length[best], (ring[k, 1] - ring[best, 1]) / length[best]
        low_u, high_u, low_v, high_v = _extent(ring, ux, uy)
        u, v = 0.5 * (low_u + high_u), 0.5 * (low_v + high_v)
        frame[i, 0] = u * ux - v * uy + xy[start[i], 0]
        frame[i, 1] = u * uy + v * ux + xy[start[i], 1]
        long_u, long_v = high_u - low_u, high_v - low_v
        near_square = max(long_u, long_v) < _SQUARE * min(long_u, long_v)
        across = abs(uy) > abs(ux) if near_square else long_v > long_u
        frame[i, 2], frame[i, 3] = (-uy, ux) if across else (ux, uy)
        frame[i, 4], frame[i, 5] = (0.5 * long_v, 0.5 * long_u) if across else (0.5 * long_u, 0.5 * long_v)
        # A full turn the same way round; a ring that turns both ways, or not at all, takes the general path.
        convex[i] = turns_left != turns_right
    return frame, size, convex


@njit(cache=True, nogil=True)
def _extent(ring: NDArray[np.float64], ux: float, uy: float) -> tuple[float, float, float, float]:
    low_u = low_v = np.inf
    high_u = high_v = -np.inf
    for p in range(ring.shape[0]):
        u = ring[p, 0] * ux + ring[p, 1] * uy
        v = ring[p, 1] * ux - ring[p, 0] * uy
        low_u, high_u = min(low_u, u), max(high_u, u)
        low_v, high_v = min(low_v, v), max(high_v, v)
    return low_u, high_u, low_v, high_v
