"""Wings: bent footprints (L, U, T, courtyards) cut into the parts that carry a ridge of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from .faces import only_polygons, reach
from .frames import Frames, frames
from .outlines import closed_rings

_FULL = 0.85  # a polygon that fills this much of its frame is one wing
_NARROWEST_M = 2.5  # a narrower part is a bay or a porch, no wing
_SMALLEST_M2 = 8.0
_BETTER = 0.93  # the frames of the parts together are at most this much of the whole one's
_NUDGE_M = 0.02  # seams are measured this far to both sides of a cut, where walls do not run along it
_BEND_M = 0.3  # a cut passes through corners this near to its line instead of leaving crumbs beside them
_TRIALS = 3
_ROUNDS = 12


def wings(polygons: NDArray[Any], frame: Frames) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """
    Cut bent polygons at their inner corners into wings.

    Parameters
    ----------
    polygons
        Valid Polygons [m], shape (n,).
    frame
        Their frames.

    Returns
    -------
    tuple of numpy.ndarray
        Wings, which tile their polygon, and the polygon of each, shape (m,), m >= n.

    Notes
    -----
    Of the lines through inner corners along the walls the one with the shortest seams is cut; of equal ones that which runs more
    east-west, since the main house of a north-China yard lies across its north. A cut that would leave a part narrower than 2.5 m or
    under 8 m2, or, where there is no yard, that makes the parts no more rectangular, is not made.
    """
    bent = ~frame.convex & (shapely.area(polygons) < _FULL * frame.size)
    done, owners = [polygons[~bent]], [np.flatnonzero(~bent)]
    pending, owner = polygons[bent], np.flatnonzero(bent)
    own = frames(pending, along_walls=True)
    tried = np.zeros(pending.size, dtype=np.int64)
    for _ in range(_ROUNDS):
        if not pending.size:
            break
        point, direction, found = _best_cuts(pending, own, tried)
        done.append(pending[~found])
        owners.append(owner[~found])
        pending, owner, tried, own = pending[found], owner[found], tried[found], _take(own, found)
        if not pending.size:
            break
        parts, of, good = _cut(pending, own, point[found], direction[found])
        fresh = frames(parts, along_walls=True)
        again = np.flatnonzero(~good & (tried + 1 < _TRIALS))
        given_up = ~good & (tried + 1 >= _TRIALS)
        done.extend([parts[fresh.convex], pending[given_up]])
        owners.extend([owner[of[fresh.convex]], owner[given_up]])
        bent = ~fresh.convex
        own = _join(_take(own, again), _take(fresh, bent))
        tried = np.concatenate([tried[again] + 1, np.zeros(int(bent.sum()), dtype=np.int64)])
        pending, owner = np.concatenate([pending[again], parts[bent]]), np.concatenate([owner[again], owner[of[bent]]])
    whole, of = np.concatenate([*done, pending]), np.concatenate([*owners, owner])
    order = np.argsort(of, kind="stable")
    return whole[order], of[order]


def _cut(
    polygons: NDArray[Any], frame: Frames, point: NDArray[np.float64], direction: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.bool_]]:
    """Parts of the polygons whose cut is worth making, the polygon of each, and which those polygons are."""
    plane = _cut_planes(polygons, point, direction)
    right, left = only_polygons(shapely.intersection(polygons, plane)), only_polygons(shapely.difference(polygons, plane))
    parts, of = shapely.get_parts(np.concatenate([right, left]), return_index=True)
    real = ~shapely.is_empty(parts)
    parts, of = parts[real], of[real] % polygons.size
    found = frames(parts, along_walls=True)
    poor = (2.0 * found.half[:, 1] < _NARROWEST_M) | (shapely.area(parts) < _SMALLEST_M2)
    size = np.bincount(of, weights=found.size, minlength=polygons.size)
    better = (size <= _BETTER * frame.size) | (shapely.get_num_interior_rings(polygons) > 0)
    good = (np.bincount(of, weights=poor, minlength=polygons.size) == 0) & better
    return parts[good[of]], of[good[of]], good


def _cut_planes(polygons: NDArray[Any], point: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[Any]:
    """Polygons that hold all to the right of each cut, their edge bent to the corners that lie almost on it."""
    xy, owner = shapely.get_coordinates(polygons, return_index=True)
    right = np.column_stack([direction[:, 1], -direction[:, 0]])
    u, v = ((xy - point[owner]) * direction[owner]).sum(axis=1), ((xy - point[owner]) * right[owner]).sum(axis=1)
    near = np.flatnonzero(np.abs(v) <= _BEND_M)
    near = near[np.lexsort((np.abs(v[near]), np.round(u[near], 6), owner[near]))]
    fresh = np.ones(near.size, dtype=bool)
    fresh[1:] = (owner[near[1:]] != owner[near[:-1]]) | (np.diff(u[near]) > 1e-6)
    near = near[fresh]
    ends, far = np.arange(polygons.size), reach(polygons)[:, None]
    before, after, aside = point - direction * far, point + direction * far, right * far
    corners = np.concatenate([before, xy[near], after, after + aside, before + aside])
    of = np.concatenate([ends, owner[near], ends, ends, ends])
    rank = np.concatenate([np.zeros(ends.size), np.ones(near.size), *(np.full(ends.size, 2.0 + k) for k in range(3))])
    order = np.lexsort((np.arange(of.size), rank, of))
    return np.asarray(shapely.polygons(shapely.linearrings(corners[order], indices=of[order])))


def _best_cuts(
    polygons: NDArray[Any], frame: Frames, tried: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Point and direction of each polygon's best cut of those not tried, and whether there is one."""
    rings = closed_rings(polygons)
    ring_start = np.concatenate([[0], np.cumsum(rings.length)]).astype(np.int64)
    first = rings.first
    of = np.repeat(np.repeat(np.arange(polygons.size), np.diff(first)), rings.length)
    xy, along = rings.xy - frame.centre[of], frame.along[of]
    uv = np.column_stack([(xy * along).sum(axis=1), xy[:, 0] * along[:, 1] - xy[:, 1] * along[:, 0]])
    full = shapely.area(polygons) >= _FULL * frame.size
    line = _shortest_seams(uv, ring_start, first, frame.half, np.abs(frame.along[:, 0]) >= np.abs(frame.along[:, 1]), tried, full)
    across = np.column_stack([frame.along[:, 1], -frame.along[:, 0]])
    lengthwise = line[:, 0] == 1.0
    direction = np.where(lengthwise[:, None], frame.along, across)
    offset = np.where(lengthwise[:, None], across, frame.along) * line[:, 1:]
    return frame.centre + offset, direction, line[:, 0] >= 0.0


def _take(frame: Frames, rows: NDArray[Any]) -> Frames:
    return Frames(frame.centre[rows], frame.along[rows], frame.half[rows], frame.azimuth[rows], frame.convex[rows])


def _join(one: Frames, other: Frames) -> Frames:
    both = [np.concatenate([getattr(one, name), getattr(other, name)]) for name in ("centre", "along", "half", "azimuth", "convex")]
    return Frames(*both)


@njit(cache=True, nogil=True)
def _shortest_seams(
    uv: NDArray[np.float64],
    ring_start: NDArray[np.int64],
    first: NDArray[np.int64],
    half: NDArray[np.float64],
    long_is_east: NDArray[np.bool_],
    tried: NDArray[np.int64],
    full: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Line of each polygon: (1 along the long side, 0 across it, -1 none; its place on the other axis)."""
    out = np.full((first.size - 1, 2), -1.0)
    for i in range(first.size - 1):
        low, high = ring_start[first[i]], ring_start[first[i + 1]]
        if full[i] or high - low < 6:
            continue
        cost, place = np.full(2 * (high - low), np.inf), np.zeros(2 * (high - low))
        at, mirrored = np.empty((4, high - low)), np.empty((high - low, 2))
        for k in range(high - low):
            mirrored[k, 0], mirrored[k, 1] = uv[low + k, 1], uv[low + k, 0]
        for r in range(first[i], first[i + 1]):
            n = ring_start[r + 1] - ring_start[r] - 1
            sense = _sense(uv, ring_start[r], n) * (1.0 if r == first[i] else -1.0)
            for j in range(n):
                if not _is_inner(uv, ring_start[r], n, j, sense):
                    continue
                p = ring_start[r] + j
                for lengthwise in range(2):
                    value, limit = uv[p, lengthwise], half[i, lengthwise]
                    if abs(value) > limit - _NARROWEST_M:
                        continue
                    points = uv[low:high] if lengthwise == 1 else mirrored
                    seam = _seam(points, ring_start, first[i], first[i + 1], low, value, at)
                    easterly = long_is_east[i] == (lengthwise == 1)
                    slot = 2 * (p - low) + lengthwise
                    # To a centimetre, then by place: neither rounding nor the ring's first point decides.
                    cost[slot] = np.round(max(seam, 0.1) * (1.0 if easterly else 1.03), 2) + 1e-6 * value
                    place[slot] = value
        # Cuts at the same place are one; the chosen one comes after those that were tried.
        for rank in range(tried[i] + 1):
            best = np.argmin(cost)
            if cost[best] == np.inf:
                break
            if rank == tried[i]:
                out[i, 0], out[i, 1] = float(best % 2), place[best]
            for other in range(cost.size):
                if other % 2 == best % 2 and abs(place[other] - place[best]) < 0.3:
                    cost[other] = np.inf
    return out


@njit(cache=True, nogil=True)
def _sense(uv: NDArray[np.float64], start: int, n: int) -> float:
    twice = 0.0
    for j in range(n):
        p, q = start + j, start + (j + 1) % n
        twice += uv[p, 0] * uv[q, 1] - uv[q, 0] * uv[p, 1]
    return 1.0 if twice > 0.0 else -1.0


@njit(cache=True, nogil=True)
def _is_inner(uv: NDArray[np.float64], start: int, n: int, j: int, sense: float) -> bool:
    """Whether the outline turns inward at a corner by more than 15 degrees."""
    a, b, c = uv[start + (j - 1) % n], uv[start + j], uv[start + (j + 1) % n]
    ax, ay, bx, by = b[0] - a[0], b[1] - a[1], c[0] - b[0], c[1] - b[1]
    turn = (ax * by - ay * bx) * sense
    return bool(turn < -0.26 * np.hypot(ax, ay) * np.hypot(bx, by))


@njit(cache=True, nogil=True)
def _seam(
    points: NDArray[np.float64], ring_start: NDArray[np.int64], first: int, last: int, low: int, value: float, at: NDArray[np.float64]
) -> float:
    """Mean length of the stretches on which a line through the polygon has inside on both of its sides."""
    above = _crossings(points, ring_start, first, last, low, value + _NUDGE_M, at[0])
    below = _crossings(points, ring_start, first, last, low, value - _NUDGE_M, at[1])
    total, stretches = 0.0, 0
    for a in range(0, above - 1, 2):
        for b in range(0, below - 1, 2):
            shared = min(at[0, a + 1], at[1, b + 1]) - max(at[0, a], at[1, b])
            if shared > _NUDGE_M:
                total, stretches = total + shared, stretches + 1
    return total / max(stretches, 1)


@njit(cache=True, nogil=True)
def _crossings(
    points: NDArray[np.float64], ring_start: NDArray[np.int64], first: int, last: int, low: int, value: float, at: NDArray[np.float64]
) -> int:
    count = 0
    for r in range(first, last):
        for p in range(ring_start[r] - low, ring_start[r + 1] - low - 1):
            y0, y1 = points[p, 1], points[p + 1, 1]
            if (y0 <= value) != (y1 <= value):
                x = points[p, 0] + (value - y0) / (y1 - y0) * (points[p + 1, 0] - points[p, 0])
                place = count
                while place > 0 and at[place - 1] > x:
                    at[place] = at[place - 1]
                    place -= 1
                at[place] = x
                count += 1
    return count
