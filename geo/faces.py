"""Faces of pitched roofs: each wing cut by its ridges, valleys and hips into parts that slope one way."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from .convex import keep_inside
from .frames import Frames, outer_rings, ring_polygons

_ON = 1e-9  # metres: a point this near to a ridge lies on it
_SURE_M2 = 1e-6  # twice the area between three corners: far above what rounding can turn over


def faces(
    polygons: NDArray[Any], frame: Frames, hipped: NDArray[np.bool_], spans: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.object_], NDArray[np.float64], NDArray[np.float64]]:
    """
    Cut wings into the faces of their roofs; the faces of a wing tile it.

    Parameters
    ----------
    polygons
        Wings, valid Polygons [m], shape (n,).
    frame
        Their frames.
    hipped
        Four faces instead of two for each ridge, shape (n,).
    spans
        Parallel ridges along the long side, shape (n,); a hipped wing has one.

    Returns
    -------
    tuple of numpy.ndarray
        Wing of each face, its (Multi)Polygon (may be empty), downslope azimuth and direction of its eaves [degrees], shape (m,).

    Notes
    -----
    Faces of equal tilt meet where they are equally far from their eaves: ridges and valleys in the middle, hips at 45 degrees in plan.
    """
    spans = np.where(hipped, 1, spans).astype(np.int64)
    count = np.where(hipped, 4, 2 * spans)
    wing = np.repeat(np.arange(count.size), count)
    number = np.arange(wing.size) - np.repeat(np.cumsum(count) - count, count)
    plane, turn = _planes(hipped[wing], spans[wing], number, frame.half[wing])
    geometry = np.empty(wing.size, dtype=object)
    plain, sure = frame.convex[wing], np.zeros(wing.size, dtype=bool)
    for at, subject in ((np.flatnonzero(plain), None), (np.flatnonzero(~plain), polygons)):
        if not at.size:
            continue
        xy, start = outer_rings(polygons) if subject is None else _around(subject)
        rings = _clip(xy, start, wing[at], frame.centre, frame.along, plane[at])
        made = ring_polygons(*rings)
        sure[at] = _turn_left(*rings) & plain[at]
        geometry[at] = made if subject is None else only_polygons(shapely.intersection(subject[wing[at]], made))
    torn = np.flatnonzero(~sure)
    torn = torn[~shapely.is_valid(geometry[torn])]  # a corner that rounding turned over, rare
    geometry[torn] = only_polygons(np.asarray(shapely.make_valid(geometry[torn]), dtype=object))
    azimuth = (frame.azimuth[wing] + turn) % 360.0
    return wing, geometry, azimuth, (azimuth + 90.0) % 180.0


def only_polygons(geometry: NDArray[Any]) -> NDArray[Any]:
    """
    Keep the polygonal part of overlay results, which may carry loose lines and points.

    Parameters
    ----------
    geometry
        Results of overlays, shape (m,); changed in place.

    Returns
    -------
    numpy.ndarray
        The same array.
    """
    kind = shapely.get_type_id(geometry)
    geometry[(kind < 3) | ((kind > 3) & (kind < 6))] = shapely.Polygon()
    mixed = np.flatnonzero(kind == 7)
    if mixed.size:
        parts, of = shapely.get_parts(geometry[mixed], return_index=True)
        pieces, part = shapely.get_parts(parts, return_index=True)
        areal = shapely.get_type_id(pieces) == 3
        geometry[mixed] = shapely.Polygon()
        owner = of[part[areal]]
        geometry[mixed[np.unique(owner)]] = shapely.multipolygons(pieces[areal], indices=np.unique(owner, return_inverse=True)[1])
    return geometry


def reach(polygons: NDArray[Any]) -> NDArray[np.float64]:
    """
    Distance beyond which no polygon reaches from any point of its own box.

    Parameters
    ----------
    polygons
        Shape (n,).

    Returns
    -------
    numpy.ndarray
        [m], shape (n,).
    """
    box = shapely.bounds(polygons)
    return np.asarray(2.0 * np.hypot(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]) + 1.0)


def _around(polygons: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Squares well around each polygon, as rings without closing point."""
    box, far = shapely.bounds(polygons), reach(polygons)
    left, low, right, top = box[:, 0] - far, box[:, 1] - far, box[:, 2] + far, box[:, 3] + far
    corners = np.stack([left, low, right, low, right, top, left, top], axis=1).reshape(-1, 2)
    return corners, 4 * np.arange(len(polygons) + 1, dtype=np.int64)


def _planes(
    hipped: NDArray[np.bool_], spans: NDArray[np.int64], number: NDArray[np.int64], half: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Up to three half-planes (p, q, c) of each face, p u + q v >= c in its wing's frame, and its azimuth from the long side's."""
    plane = np.zeros((number.size, 3, 3))
    plane[:, :, 2] = -np.inf
    step = half[:, 1] / spans
    strip = ~hipped
    inner, outer = strip & (number > 0), strip & (number < 2 * spans - 1)
    plane[inner, 0, 1], plane[inner, 0, 2] = 1.0, (number * step - half[:, 1])[inner]
    plane[outer, 1, 1], plane[outer, 1, 2] = -1.0, -((number + 1) * step - half[:, 1])[outer]
    turn = np.where(number % 2 == 1, 90.0, 270.0)
    longer = half[:, 0] - half[:, 1]
    for side, (u, v, turned) in enumerate(((0.0, -1.0, 270.0), (0.0, 1.0, 90.0), (1.0, 0.0, 0.0), (-1.0, 0.0, 180.0))):
        on = np.flatnonzero(hipped & (number == side))
        turn[on] = turned
        # A frame with no long side may be a little longer across, and then its ridge runs across too.
        plane[on, 0, :2], plane[on, 0, 2] = (u, v), 0.0
        sign = -1.0 if side < 2 else 1.0
        plane[on, 1, :2] = (u + abs(v), v + abs(u))
        plane[on, 2, :2] = (u - abs(v), v - abs(u))
        plane[on, 1:, 2] = sign * longer[on, None]
    return plane, turn


@njit(cache=True, nogil=True)
def _turn_left(xy: NDArray[np.float64], start: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether all corners of each clipped ring turn the same way for certain: then it is valid."""
    out = np.empty(start.size - 1, dtype=np.bool_)
    for i in range(out.size):
        n = start[i + 1] - start[i]
        least, most = np.inf, -np.inf
        for j in range(n):
            a, b, c = xy[start[i] + j], xy[start[i] + (j + 1) % n], xy[start[i] + (j + 2) % n]
            turn = (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
            least, most = min(least, turn), max(most, turn)
        out[i] = n >= 3 and (least > _SURE_M2 or most < -_SURE_M2)
    return out


@njit(cache=True, nogil=True)
def _clip(
    xy: NDArray[np.float64],
    start: NDArray[np.int64],
    wing: NDArray[np.int64],
    centre: NDArray[np.float64],
    along: NDArray[np.float64],
    plane: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Convex rings of the wings clipped by the half-planes of each face."""
    room = widest = 0
    for f in range(wing.size):
        n = start[wing[f] + 1] - start[wing[f]] + 3
        room, widest = room + n, max(widest, n)
    out, out_start = np.empty((room, 2)), np.zeros(wing.size + 1, dtype=np.int64)
    ring, cut, far = np.empty((widest, 2)), np.empty((widest, 2)), np.empty(widest)
    filled = 0
    for f in range(wing.size):
        i = wing[f]
        n = start[i + 1] - start[i]
        for j in range(n):
            ring[j, 0], ring[j, 1] = xy[start[i] + j, 0], xy[start[i] + j, 1]
        for k in range(3):
            if plane[f, k, 2] == -np.inf:
                continue
            for j in range(n):
                x, y = ring[j, 0] - centre[i, 0], ring[j, 1] - centre[i, 1]
                u, v = x * along[i, 0] + y * along[i, 1], x * along[i, 1] - y * along[i, 0]
                far[j] = (plane[f, k, 0] * u + plane[f, k, 1] * v) - plane[f, k, 2]
                if abs(far[j]) < _ON:
                    far[j] = 0.0
            n = keep_inside(ring, far, n, cut)
            ring, cut = cut, ring
        for j in range(n):
            out[filled + j, 0], out[filled + j, 1] = ring[j, 0], ring[j, 1]
        filled += n
        out_start[f + 1] = filled
    return out[:filled].copy(), out_start
