"""Set-backs: what is left of roof surfaces when they keep away from the edges of the roof and, a little, from each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import ArrayLike, NDArray

from .errors import GeoError
from .faces import keep_inside, only_polygons
from .frames import outer_rings

_STRAIGHT = 1e-9  # sine of a turn the wrong way that is rounding


def usable_outlines(surfaces: NDArray[Any], setback: ArrayLike, roof: NDArray[Any] | None = None, *, inner: float = 0.0) -> NDArray[Any]:
    """
    Cut the set-back off each surface.

    Parameters
    ----------
    surfaces
        (Multi)Polygons in plan [m], shape (m,).
    setback
        Distance kept from the edges of the roof, in plan [m], shape (m,) or one number.
    roof
        The roof of each surface, whose edges are walls, eaves or verges, (Multi)Polygons that hold the surfaces, shape (m,); by default
        each surface is a roof of its own.
    inner
        Distance kept from the other edges, ridges, hips and valleys, where two surfaces of a roof meet, in plan [m]; at most the set-back.

    Returns
    -------
    numpy.ndarray
        (Multi)Polygons, empty where nothing is left, shape (m,).

    Raises
    ------
    GeoError
        A set-back is negative or not a number.

    Notes
    -----
    Corners are mitred. Convex surfaces of convex roofs, most houses, are cut by the lines of their edges moved inward, which is the same
    and ten times faster.

    Examples
    --------
    >>> float(usable_outlines(np.array([shapely.box(0, 0, 10, 6)]), 0.5)[0].area)
    45.0
    >>> south, whole = np.array([shapely.box(0, 0, 10, 3)]), np.array([shapely.box(0, 0, 10, 6)])
    >>> float(usable_outlines(south, 0.5, whole, inner=0.1)[0].area)
    21.6
    """
    plan = np.asarray(surfaces, dtype=object)
    distance = np.broadcast_to(np.asarray(setback, dtype=float), plan.shape)
    wrong = ~(distance >= 0.0)
    if wrong.any() or not inner >= 0.0:
        least = distance[wrong][0] if wrong.any() else inner
        raise GeoError(f"set-back {least} m; expected 0 or more: correct it in the study file or in the archetypes.")
    whole = plan if roof is None else np.asarray(roof, dtype=object)
    near = np.minimum(inner, distance)
    out = np.empty(plan.shape, dtype=object)
    plain = _plain(plan) & (_plain(whole) if roof is not None else True)
    rows = np.flatnonzero(plain)
    if rows.size:
        xy, start = outer_rings(plan[rows])
        around = (xy, start) if roof is None else outer_rings(whole[rows])
        cut, cut_start, convex = _inset(xy, start, *around, near[rows], distance[rows], roof is None)
        out[rows] = _polygons(cut, cut_start)
        plain[rows[~convex]] = False
    rest = np.flatnonzero(~plain)
    if rest.size:
        out[rest] = _moved_in(plan[rest], whole[rest], near[rest], distance[rest])
    return out


def _plain(geometry: NDArray[Any]) -> NDArray[np.bool_]:
    """Polygons without holes."""
    return np.asarray((shapely.get_type_id(geometry) == 3) & (shapely.get_num_interior_rings(geometry) == 0) & ~shapely.is_empty(geometry))


def _moved_in(plan: NDArray[Any], whole: NDArray[Any], near: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[Any]:
    """Any shapes: the surface less its strip along inner edges, within the roof less its set-back."""
    alone = shapely.area(plan) >= (1.0 - 1e-12) * shapely.area(whole)
    out = np.asarray(shapely.buffer(plan, -np.where(alone, distance, near), join_style="mitre", cap_style="flat"), dtype=object)
    part = np.flatnonzero(~alone)
    # The surfaces of a roof stand together, so its outline is moved in once.
    fresh = np.ones(part.size, dtype=bool)
    fresh[1:] = (whole[part[1:]] != whole[part[:-1]]) | (distance[part[1:]] != distance[part[:-1]])
    inside = shapely.buffer(whole[part[fresh]], -distance[part[fresh]], join_style="mitre", cap_style="flat")[np.cumsum(fresh) - 1]
    out[part] = only_polygons(np.asarray(shapely.intersection(out[part], inside), dtype=object))
    return out


def _polygons(xy: NDArray[np.float64], start: NDArray[np.int64]) -> NDArray[Any]:
    count = np.diff(start)
    made = np.full(count.size, shapely.Polygon(), dtype=object)
    real = np.flatnonzero(count >= 3)
    if real.size:
        made[real] = shapely.polygons(shapely.linearrings(xy, indices=np.repeat(np.arange(real.size), count[real])))
    return made


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
        ring[:n] = own[:n]
        origin_x, origin_y = own[0]
        if n > 0 and not alone:
            n, ring, cut = _cut_all(ring, n, own, sense, near[i], origin_x, origin_y, far, cut)
        if n > 0:
            n, ring, cut = _cut_all(ring, n, whole, sense_whole, distance[i], origin_x, origin_y, far, cut)
        n = n if n >= 3 and _area(ring, n) > 1e-6 else 0
        out[filled : filled + n] = ring[:n]
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
        if length == 0.0:
            continue
        nx, ny = -(by - ay) / length * sense, (bx - ax) / length * sense
        limit = nx * (ax - x) + ny * (ay - y) + away  # about a point of the ring: coordinates are large
        beyond = False
        for j in range(n):
            far[j] = nx * (ring[j, 0] - x) + ny * (ring[j, 1] - y) - limit
            beyond |= far[j] < 0.0
        if beyond:
            n = keep_inside(ring, far, n, cut)
            ring, cut = cut, ring
    return n, ring, cut


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
