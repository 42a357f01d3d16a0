"""Convex polygons cut by lines: what overlays of most roofs come to, ten times faster than overlays of any shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from .frames import outer_rings, ring_polygons

_STRAIGHT = 1e-9  # sine of a turn the wrong way that is rounding
_LEAST_M2 = 1e-6  # less is nothing


def convex_overlaps(
    polygons: NDArray[Any], others: NDArray[Any] | None, near: NDArray[np.float64], distance: NDArray[np.float64]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """
    Overlap each convex polygon with another one, both moved in from their edges.

    Parameters
    ----------
    polygons
        (Multi)Polygons [m], shape (n,).
    others
        (Multi)Polygons [m], shape (n,); None: the polygons themselves, by `distance`.
    near
        How far the edges of the polygons are moved in [m], shape (n,).
    distance
        How far those of the others are [m], shape (n,).

    Returns
    -------
    overlaps : array
        Polygons, empty where nothing is left, shape (n,); None where the second array says no.
    done : array of bool
        Where both are convex and without holes, shape (n,).
    """
    out = np.full(polygons.shape, None, dtype=object)
    done = _plain(polygons) & (_plain(others) if others is not None else True)
    rows = np.flatnonzero(done)
    if rows.size:
        xy, start = outer_rings(polygons[rows])
        around = (xy, start) if others is None else outer_rings(others[rows])
        cut, cut_start, convex = _inset(xy, start, *around, near[rows], distance[rows], others is None)
        out[rows] = ring_polygons(cut, cut_start)
        out[rows[~convex]] = None
        done[rows[~convex]] = False
    return out, done


def cut_by_convex(
    polygons: NDArray[Any], of: NDArray[np.int64], windows: NDArray[Any], away: NDArray[np.float64]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """
    Overlap polygons of any shape with convex ones that are moved in from their edges.

    Parameters
    ----------
    polygons
        (Multi)Polygons [m], shape (k,).
    of
        The one that each window cuts, shape (n,).
    windows
        (Multi)Polygons [m], shape (n,).
    away
        How far the edges of the windows are moved in [m], shape (n,).

    Returns
    -------
    overlaps : array
        (Multi)Polygons, empty where nothing is left, shape (n,); None where the second array says no.
    done : array of bool
        Where the window is convex, neither has holes, and no part of the polygon is cut in two, shape (n,).
    """
    out = np.full(windows.shape, None, dtype=object)
    parts, owner = shapely.get_parts(polygons, return_index=True)
    parts, owner = parts[~shapely.is_empty(parts)], owner[~shapely.is_empty(parts)]
    holed = np.bincount(owner[~_plain(parts)], minlength=polygons.size) > 0
    done = _plain(windows) & ~holed[of]
    rows = np.flatnonzero(done)
    first = np.searchsorted(owner, np.arange(polygons.size + 1))
    count = np.diff(first)[of[rows]]
    window = np.repeat(np.arange(rows.size), count)
    part = np.arange(window.size) + np.repeat(first[of[rows]] - (np.cumsum(count) - count), count)
    cut, cut_start, whole = _cut_any(*outer_rings(parts), part, *outer_rings(windows[rows]), window, away[rows])
    row = rows[window]
    done[row[~whole]] = False
    some = (np.diff(cut_start) > 0) & done[row]
    out[done] = together(ring_polygons(cut, cut_start)[some], row[some], windows.size)[done]
    return out, done


def together(polygons: NDArray[Any], owner: NDArray[np.int64], count: int) -> NDArray[np.object_]:
    """
    Put polygons that lie apart together by their owner.

    Parameters
    ----------
    polygons
        Polygons, shape (k,).
    owner
        Of each, rising, shape (k,).
    count
        Owners.

    Returns
    -------
    numpy.ndarray
        Polygons where there is one, MultiPolygons where there are several, else empty, shape (count,).
    """
    out = np.full(count, shapely.Polygon(), dtype=object)
    out[owner] = polygons
    several = (np.bincount(owner, minlength=count) > 1)[owner]
    if several.any():
        which, index = np.unique(owner[several], return_inverse=True)
        out[which] = shapely.multipolygons(polygons[several], indices=index)
    return out


def _plain(geometry: NDArray[Any]) -> NDArray[np.bool_]:
    """Polygons without holes."""
    return np.asarray((shapely.get_type_id(geometry) == 3) & (shapely.get_num_interior_rings(geometry) == 0) & ~shapely.is_empty(geometry))


@njit(cache=True, nogil=True)
def _inset(
    xy: NDArray[np.float64],
    start: NDArray[np.int64],
    around: NDArray[np.float64],
    around_start: NDArray[np.int64],
    near: NDArray[np.float64],
    distance: NDArray[np.float64],
    alone: bool,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Convex rings cut by their own edges and those of their roof, moved inward; rings with fewer than three points are left out."""
    count = start.size - 1
    room = widest = 0
    for i in range(count):
        n = start[i + 1] - start[i]
        n = 2 * n + (0 if alone else around_start[i + 1] - around_start[i])  # each cut adds a point at most
        room, widest = room + n, max(widest, n)
    out, out_start, convex = np.empty((room, 2)), np.zeros(count + 1, dtype=np.int64), np.zeros(count, dtype=np.bool_)
    ring, cut, far = np.empty((widest, 2)), np.empty((widest, 2)), np.empty(widest)
    filled = 0
    for i in range(count):
        own, whole = xy[start[i] : start[i + 1]], around[around_start[i] : around_start[i + 1]]
        sense = _turning(own)
        sense_whole = sense if alone else _turning(whole)
        convex[i] = sense * sense_whole != 0.0
        n = own.shape[0] if convex[i] else 0
        for j in range(n):  # point by point: numba compiles the words of an error for a slice
            ring[j, 0], ring[j, 1] = own[j, 0], own[j, 1]
        origin_x, origin_y = own[0]
        if n > 0 and not alone:
            n, ring, cut = _cut_all(ring, n, own, sense, near[i], origin_x, origin_y, far, cut)
        if n > 0:
            n, ring, cut = _cut_all(ring, n, whole, sense_whole, distance[i], origin_x, origin_y, far, cut)
        n = n if n >= 3 and _area(ring, n) > _LEAST_M2 else 0
        for j in range(n):
            out[filled + j, 0], out[filled + j, 1] = ring[j, 0], ring[j, 1]
        filled += n
        out_start[i + 1] = filled
    return out[:filled].copy(), out_start, convex


@njit(cache=True, nogil=True)
def _cut_all(
    ring: NDArray[np.float64],
    n: int,
    edges: NDArray[np.float64],
    sense: float,
    away: float,
    x: float,
    y: float,
    far: NDArray[np.float64],
    cut: NDArray[np.float64],
) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """Cut a convex ring by every edge moved inward; its points, the ring and the spare one."""
    m = edges.shape[0]
    for e in range(m):
        ax, ay = edges[e]
        bx, by = edges[(e + 1) % m]
        length = np.hypot(bx - ax, by - ay)
        if length > 0.0 and _inside_by(ring, n, ax, ay, bx, by, length, sense, away, x, y, far) < 0.0:
            n = keep_inside(ring, far, n, cut)
            ring, cut = cut, ring
    return n, ring, cut


@njit(cache=True, nogil=True)
def _inside_by(
    ring: NDArray[np.float64],
    n: int,
    ax: float,
    ay: float,
    bx: float,
    by: float,
    length: float,
    sense: float,
    away: float,
    x: float,
    y: float,
    far: NDArray[np.float64],
) -> float:
    """How far the points of a ring lie inside an edge moved inward, told about a point nearby since coordinates are large; the least."""
    nx, ny = -(by - ay) / length * sense, (bx - ax) / length * sense
    limit = nx * (ax - x) + ny * (ay - y) + away
    least = np.inf
    for j in range(n):
        far[j] = nx * (ring[j, 0] - x) + ny * (ring[j, 1] - y) - limit
        least = min(least, far[j])
    return least


@njit(cache=True, nogil=True)
def _cut_any(
    xy: NDArray[np.float64],
    start: NDArray[np.int64],
    of: NDArray[np.int64],
    window: NDArray[np.float64],
    window_start: NDArray[np.int64],
    by: NDArray[np.int64],
    away: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Rings of any shape cut by the edges of convex rings moved inward; whether each stayed one piece all the way."""
    count = of.size
    widest = widest_window = room = 0
    for i in range(start.size - 1):
        widest = max(widest, start[i + 1] - start[i])
    for i in range(count):
        sides = window_start[by[i] + 1] - window_start[by[i]]
        widest_window, room = max(widest_window, sides), room + 2 * sides
    widest += widest_window + 2  # a cut adds a point at most
    out, out_start, whole = np.empty((room + widest, 2)), np.zeros(count + 1, dtype=np.int64), np.zeros(count, dtype=np.bool_)
    ring, cut, far = np.empty((widest, 2)), np.empty((widest, 2)), np.empty(widest)
    waiting = np.empty(widest_window, dtype=np.bool_)
    filled = 0
    for i in range(count):
        edges = window[window_start[by[i]] : window_start[by[i] + 1]]
        sense = _turning(edges)
        n, left = start[of[i] + 1] - start[of[i]], 0
        for j in range(n):
            ring[j, 0], ring[j, 1] = xy[start[of[i]] + j, 0], xy[start[of[i]] + j, 1]
        if sense != 0.0:
            n, left, ring, cut = _cut_in_turn(ring, n, edges, sense, away[by[i]], far, cut, waiting)
        whole[i] = sense != 0.0 and left == 0
        n = n if whole[i] and n >= 3 and _area(ring, n) > _LEAST_M2 else 0
        if filled + n > out.shape[0]:
            more = np.empty((2 * out.shape[0] + n, 2))
            more[:filled] = out[:filled]
            out = more
        for j in range(n):
            out[filled + j, 0], out[filled + j, 1] = ring[j, 0], ring[j, 1]
        filled += n
        out_start[i + 1] = filled
    return out[:filled].copy(), out_start, whole


@njit(cache=True, nogil=True)
def _cut_in_turn(
    ring: NDArray[np.float64],
    n: int,
    edges: NDArray[np.float64],
    sense: float,
    away: float,
    far: NDArray[np.float64],
    cut: NDArray[np.float64],
    waiting: NDArray[np.bool_],
) -> tuple[int, int, NDArray[np.float64], NDArray[np.float64]]:
    """Cut a ring by every edge moved inward, one that would part it after the others; its points, edges that still would, the rings."""
    m = edges.shape[0]
    x, y = edges[0]
    waiting[:m] = True
    left, last = m, m + 1
    while n > 0 and 0 < left < last:
        last = left
        for e in range(m):
            if not waiting[e] or n == 0:
                continue
            ax, ay = edges[e]
            bx, by = edges[(e + 1) % m]
            length = np.hypot(bx - ax, by - ay)
            if length > 0.0:
                _inside_by(ring, n, ax, ay, bx, by, length, sense, away, x, y, far)
                runs = _runs(far, n)
                if runs > 1:
                    continue
                if runs == 1:
                    n = keep_inside(ring, far, n, cut)
                    ring, cut = cut, ring
                elif runs == 0:
                    n = 0
            waiting[e] = False
            left -= 1
    return n, left if n > 0 else 0, ring, cut


@njit(cache=True, nogil=True)
def _runs(far: NDArray[np.float64], n: int) -> int:
    """Pieces of a ring on the inner side of a line: -1 all of it, 0 nothing, 2 also where it only touches the line."""
    inner = inner_or_on = 0
    outside = False
    for j in range(n):
        a, b = far[j], far[(j + 1) % n]
        outside |= a < 0.0
        inner += a <= 0.0 and b > 0.0
        inner_or_on += a < 0.0 and b >= 0.0
    if not outside:
        return -1
    if inner == inner_or_on:
        return inner
    return 0 if inner == 0 else 2


@njit(cache=True, nogil=True)
def _turning(ring: NDArray[np.float64]) -> float:
    """1 for a convex ring counter-clockwise, -1 for one clockwise, 0 for one that is not convex."""
    n = ring.shape[0]
    left = right = False
    for j in range(n):
        k, m = (j + 1) % n, (j + 2) % n
        ax, ay = ring[k, 0] - ring[j, 0], ring[k, 1] - ring[j, 1]
        bx, by = ring[m, 0] - ring[k, 0], ring[m, 1] - ring[k, 1]
        turn, size = ax * by - ay * bx, np.hypot(ax, ay) * np.hypot(bx, by)
        left |= turn > _STRAIGHT * size
        right |= turn < -_STRAIGHT * size
        if abs(turn) <= _STRAIGHT * size and ax * bx + ay * by < 0.0:
            return 0.0  # a spike
    return 0.0 if left == right else (1.0 if left else -1.0)


@njit(cache=True, nogil=True)
def _area(ring: NDArray[np.float64], n: int) -> float:
    twice = 0.0
    for j in range(1, n - 1):
        ax, ay = ring[j, 0] - ring[0, 0], ring[j, 1] - ring[0, 1]
        bx, by = ring[j + 1, 0] - ring[0, 0], ring[j + 1, 1] - ring[0, 1]
        twice += ax * by - ay * bx
    return 0.5 * abs(twice)


@njit(cache=True, nogil=True)
def keep_inside(ring: NDArray[np.float64], far: NDArray[np.float64], n: int, cut: NDArray[np.float64]) -> int:
    """
    Cut a convex ring by a line.

    Parameters
    ----------
    ring
        Its points [m], the first n of shape (k, 2).
    far
        Distance of each point from the line, positive on the side that stays [m], shape (k,).
    n
        Points of the ring.
    cut
        Filled with what stays, shape (k, 2); it may have a point more than the ring.

    Returns
    -------
    int
        Points of what stays.
    """
    count = 0
    for j in range(n):
        k = (j + 1) % n
        if far[j] >= 0.0:
            cut[count, 0], cut[count, 1] = ring[j, 0], ring[j, 1]
            count += 1
        if (far[j] > 0.0 and far[k] < 0.0) or (far[j] < 0.0 and far[k] > 0.0):
            # From the same end in both faces of a ridge, so that they share the point to the last bit.
            first = ring[j, 0] < ring[k, 0] or (ring[j, 0] == ring[k, 0] and ring[j, 1] < ring[k, 1])
            a, b = (j, k) if first else (k, j)
            share = far[a] / (far[a] - far[b])
            cut[count, 0] = ring[a, 0] + share * (ring[b, 0] - ring[a, 0])
            cut[count, 1] = ring[a, 1] + share * (ring[b, 1] - ring[a, 1])
            count += 1
    return count
