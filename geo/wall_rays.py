"""How high walls rise in each direction around a point.

Along a straight edge, level or sloped, the tangent of its elevation is linear in the direction of view, so an edge raises all rays it
meets by one multiplication each. A block whose highest wall cannot rise above the skyline seen so far, in any of the rays that may meet
it, is left out.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .sectors import FRINGE, lowest, nearest, ray_number, span
from .walls import LONGEST, LOW_RESOLVED, SIDE, WIDE, Kernel

Limits = tuple[float, float, float]
_MARGIN = LONGEST / 2  # m; a wall leaves its block by no more


@njit(cache=True, nogil=True, error_model="numpy")
def raise_over_walls(
    x: float,
    y: float,
    z: float,
    start: float,
    reach: float,
    held: Kernel,
    rays: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    tangent: NDArray[np.float64],
) -> None:
    """
    Raise the tangents of all rays over the walls between two distances.

    Parameters
    ----------
    x
        Easting of the point. [m]
    y
        Northing of the point. [m]
    z
        Elevation of the point. [m]
    start
        Where the ring begins. [m]
    reach
        Where the ring ends. [m]
    held
        Walls, see `kernel`.
    rays
        Rays per sector.
    east
        Eastward part of each ray's direction, shape (72 rays,).
    north
        Northward part, shape (72 rays,).
    tangent
        Tangent of the skyline along each ray, none negative, shape (72 rays,); raised in place.
    """
    starts, edges, block_tops, wide_tops, ci, cj, highest = held
    if highest <= z or start >= reach:
        return
    # near by, blocks come ring by ring; far away wide blocks do, since most of them hold nothing tall
    tops, side, ci, cj = (block_tops, SIDE, ci, cj) if start == 0.0 else (wide_tops, SIDE * WIDE, ci // WIDE, cj // WIDE)
    pi, pj = math.floor(x / side) - ci, math.floor(y / side) - cj
    nj, ni = tops.shape
    number = tangent.shape[0]
    for ring in range(math.ceil((reach + _MARGIN) / side) + 1):
        least = lowest(tangent, 0, number - 1)
        if highest - z <= least * max(start, (ring - 1) * side - _MARGIN):
            return
        for j in range(max(pj - ring, 0), min(pj + ring, nj - 1) + 1):
            step = 1 if abs(j - pj) == ring else max(2 * ring, 1)
            for i in range(pi - ring, pi + ring + 1, step):
                if i < 0 or i >= ni:
                    continue
                rise = tops[j, i] - z
                if rise <= 0.0:
                    continue
                x0, y0 = (ci + i) * side - x, (cj + j) * side - y
                if rise <= least * max(nearest(x0, y0, side, _MARGIN), start):
                    continue
                floor = _floor(x0, y0, side, start, reach, rays, tangent)
                if rise <= floor:
                    continue
                if start == 0.0:
                    block = j * ni + i
                    _walls(x, y, z, start, reach, starts[block], starts[block + 1], floor, edges, rays, east, north, tangent)
                else:
                    slope = floor / max(nearest(x0, y0, side, _MARGIN), start)
                    _wide_block(
                        x, y, z, i, j, i > pi, j > pj, slope, start, reach, starts, edges, block_tops, ci, cj, rays, east, north, tangent
                    )


@njit(cache=True, nogil=True, error_model="numpy")
def _floor(x0: float, y0: float, side: float, start: float, reach: float, rays: int, tangent: NDArray[np.float64]) -> float:
    """How far above the point what stands in a square at (x0, y0) from it must end to be seen; infinite out of reach."""
    distance = nearest(x0, y0, side, _MARGIN)
    fx, fy = max(-x0, x0 + side) + _MARGIN, max(-y0, y0 + side) + _MARGIN
    if distance >= reach or fx * fx + fy * fy < start * start * (1.0 - 1e-12):
        return np.inf
    first, last = span(x0, y0, side, _MARGIN, rays)
    return float(lowest(tangent, first, last) * max(distance, start))


@njit(cache=True, nogil=True, error_model="numpy")
def _wide_block(
    x: float,
    y: float,
    z: float,
    wide_i: int,
    wide_j: int,
    east_of: bool,
    north_of: bool,
    slope: float,
    start: float,
    reach: float,
    starts: NDArray[np.int64],
    edges: NDArray[np.float64],
    block_tops: NDArray[np.float32],
    ci: int,
    cj: int,
    rays: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    tangent: NDArray[np.float64],
) -> None:
    """Go through the blocks of a wide block, those towards the point first."""
    for jj in range(WIDE):
        j = wide_j * WIDE + (jj if north_of else WIDE - 1 - jj)
        for ii in range(WIDE):
            i = wide_i * WIDE + (ii if east_of else WIDE - 1 - ii)
            rise = block_tops[j, i] - z
            if rise <= 0.0:
                continue
            x0, y0 = (ci * WIDE + i) * SIDE - x, (cj * WIDE + j) * SIDE - y
            if rise <= slope * max(nearest(x0, y0, SIDE, _MARGIN), start):  # no ray of the wide block lies lower
                continue
            floor = _floor(x0, y0, SIDE, start, reach, rays, tangent)
            if rise > floor:
                block = j * block_tops.shape[1] + i
                _walls(x, y, z, start, reach, starts[block], starts[block + 1], floor, edges, rays, east, north, tangent)


@njit(cache=True, nogil=True, error_model="numpy")
def _walls(
    x: float,
    y: float,
    z: float,
    start: float,
    reach: float,
    first_wall: int,
    last_wall: int,
    floor: float,
    edges: NDArray[np.float64],
    rays: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    tangent: NDArray[np.float64],
) -> None:
    """Raise the rays over those walls of a block that end high enough above the point."""
    floor = max(floor, 0.0)
    for w in range(first_wall, last_wall):
        rise = edges[w, 4] - z
        if rise <= floor:  # the highest come first
            return
        ax, ay, bx, by = edges[w, 0] - x, edges[w, 1] - y, edges[w, 2] - x, edges[w, 3] - y
        cross = ax * by - bx * ay
        if cross >= 0.0:  # seen from inside or edge on
            continue
        first, last = between(ax, ay, bx, by, rays, east, north)
        if first > last:
            continue
        if edges[w, 5] == edges[w, 6]:
            limits = rise / reach, rise / start, rise / LOW_RESOLVED
            level(ax, ay, bx, by, rise / cross, limits, first, last, east, north, tangent)
        else:
            limits = 1.0 / reach, 1.0 / start, rise / LOW_RESOLVED
            _sloped(ax, ay, bx, by, cross, edges[w, 5] - z, edges[w, 6] - z, limits, first, last, east, north, tangent)


@njit(cache=True, nogil=True, error_model="numpy")
def between(
    ax: float, ay: float, bx: float, by: float, rays: int, east: NDArray[np.float64], north: NDArray[np.float64]
) -> tuple[int, int]:
    """
    First and last ray between two directions, clockwise.

    Parameters
    ----------
    ax
        Easting of the first minus the point's. [m]
    ay
        Northing of the first minus the point's. [m]
    bx
        Easting of the last minus the point's, less than half a turn on. [m]
    by
        Northing of the last minus the point's. [m]
    rays
        Rays per sector.
    east
        Eastward part of each ray's direction, shape (72 rays,).
    north
        Northward part, shape (72 rays,).

    Returns
    -------
    tuple of int
        Number of the first ray and of the last, which may lie beyond north; the first is greater where no ray lies between.
    """
    number = east.shape[0]
    a, b = ray_number(ax, ay, number, rays), ray_number(bx, by, number, rays)
    if b < a - 1.0:  # beyond north, not a rounding error
        b += number
    if b > a + 0.5 * number + 1.0:  # a rounding error just at the first ray
        return 1, 0
    first, last = math.ceil(a - FRINGE), math.floor(b + FRINGE)
    # angles are rounded: the rays at both ends are compared exactly
    k = first - number if first >= number else first
    if ax * north[k] - ay * east[k] > 0.0:
        first += 1
    k = last - number if last >= number else last
    if east[k] * by - north[k] * bx > 0.0:
        last -= 1
    return first, last


@njit(cache=True, nogil=True, error_model="numpy")
def level(
    ax: float,
    ay: float,
    bx: float,
    by: float,
    per: float,
    limits: Limits,
    first: int,
    last: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    tangent: NDArray[np.float64],
) -> None:
    """
    Raise the rays that meet a level edge.

    Parameters
    ----------
    ax
        Easting of one end minus the point's. [m]
    ay
        Northing of it. [m]
    bx
        Easting of the other end minus the point's. [m]
    by
        Northing of it. [m]
    per
        Rise of the edge above the point over the cross product of both ends. [1/m]
    limits
        Tangents where the ring ends and begins, and the highest one.
    first
        First ray.
    last
        Last ray, which may lie beyond north.
    east
        Eastward part of each ray's direction, shape (72 rays,).
    north
        Northward part, shape (72 rays,).
    tangent
        Tangent of the skyline along each ray, shape (72 rays,); raised in place.
    """
    along, across = per * (by - ay), per * (ax - bx)
    number = tangent.shape[0]
    if first < number:
        _lift(tangent, east, north, along, across, limits, first, min(last, number - 1))
    if last >= number:
        _lift(tangent, east, north, along, across, limits, max(first - number, 0), last - number)


@njit(cache=True, nogil=True, error_model="numpy")
def _lift(
    tangent: NDArray[np.float64],
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    along: float,
    across: float,
    limits: Limits,
    first: int,
    last: int,
) -> None:
    least, nearer, most = limits
    # unsigned and without branches, so that the processor does several rays at once
    for k in range(np.uint64(first), np.uint64(last + 1)):
        seen, before = east[k] * along + north[k] * across, tangent[k]
        seen = seen if least < seen <= nearer else 0.0
        seen = seen if seen < most else most
        tangent[k] = seen if seen > before else before


@njit(cache=True, nogil=True, error_model="numpy")
def _sloped(
    ax: float,
    ay: float,
    bx: float,
    by: float,
    cross: float,
    rise_a: float,
    rise_b: float,
    limits: Limits,
    first: int,
    last: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    tangent: NDArray[np.float64],
) -> None:
    per = 1.0 / cross
    along, across = per * (by - ay), per * (ax - bx)  # times the direction: one over the distance
    up, side = per * (rise_a * by - rise_b * ay), per * (ax * rise_b - bx * rise_a)  # times the direction: the tangent
    number = tangent.shape[0]
    if first < number:
        _lift_sloped(tangent, east, north, along, across, up, side, limits, first, min(last, number - 1))
    if last >= number:
        _lift_sloped(tangent, east, north, along, across, up, side, limits, max(first - number, 0), last - number)


@njit(cache=True, nogil=True, error_model="numpy")
def _lift_sloped(
    tangent: NDArray[np.float64],
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    along: float,
    across: float,
    up: float,
    side: float,
    limits: Limits,
    first: int,
    last: int,
) -> None:
    farthest, nearer, most = limits
    for k in range(np.uint64(first), np.uint64(last + 1)):
        seen, before, closeness = east[k] * up + north[k] * side, tangent[k], east[k] * along + north[k] * across
        seen = seen if farthest < closeness <= nearer else 0.0
        seen = seen if seen < most else most
        tangent[k] = seen if seen > before else before
