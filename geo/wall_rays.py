"""How high walls rise in each direction around a point.

Along a straight edge, level or sloped, the tangent of its elevation is linear in the direction of view, so an edge raises all rays it
meets by one multiplication each. A block of buildings, and then a building, whose highest wall cannot rise above the skyline seen so far
in any of the rays that may meet it is left out.
"""

import math

import numpy as np
from numpy.typing import NDArray

from .fans import Fan, within
from .lean import lean
from .sectors import FRINGE, SECTORS, SLACK, lowest, nearest, ray_number, span
from .walls import LOW_RESOLVED, TOGETHER, Kernel

Limits = tuple[float, float, float]
FEW = 96  # rays; where no more may meet a building, each is held against each wall, which is quicker than to ask which
LANES = 8  # rays of a wall are lifted in whole eights, as the processor takes them; what misses the wall is not lifted


@lean
def raise_over_walls(
    x: float,
    y: float,
    z: float,
    start: float,
    reach: float,
    held: Kernel,
    rays: int,
    fan: Fan,
    cones: NDArray[np.float64],
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
        Even rays per sector.
    fan
        The rays.
    cones
        Room to work in, shape (3, TOGETHER).
    tangent
        Tangent of the skyline along each ray, none negative, shape (n,); raised in place.
    """
    block_tops, boxes, side, ci, cj, overhang, highest = held[5:]
    if highest <= z or start >= reach:
        return
    pi, pj = math.floor(x / side) - ci, math.floor(y / side) - cj
    nj, ni = block_tops.shape
    least, raised = 0.0, True
    for ring in range(math.ceil((reach + overhang) / side) + 1):
        if raised:
            least, raised = lowest(tangent, 0, tangent.shape[0] - 1), False
        if highest - z <= least * max(start, (ring - 1) * side - overhang):
            return
        for j in range(max(pj - ring, 0), min(pj + ring, nj - 1) + 1):
            step = 1 if abs(j - pj) == ring else max(2 * ring, 1)
            for i in range(pi - ring, pi + ring + 1, step):
                if i < 0 or i >= ni:
                    continue
                rise = block_tops[j, i] - z
                if rise <= 0.0:
                    continue
                x0, y0, x1, y1 = boxes[j, i, 0] - x, boxes[j, i, 1] - y, boxes[j, i, 2] - x, boxes[j, i, 3] - y
                distance = max(nearest(x0, y0, x1, y1), start)
                if rise <= least * distance or distance >= reach:
                    continue
                fx, fy = max(-x0, x1), max(-y0, y1)
                if fx * fx + fy * fy < start * start * (1.0 - 1e-12):
                    continue
                first, last = span(x0, y0, x1, y1, rays)
                first, last = within(first, last, fan[4], fan[5])
                slope = lowest(tangent, first, last)
                if rise > slope * distance:
                    raised = True
                    _groups(x, y, z, start, reach, j * ni + i, slope, distance, held, rays, fan, cones, tangent)


@lean
def _groups(
    x: float,
    y: float,
    z: float,
    start: float,
    reach: float,
    block: int,
    slope: float,
    distance: float,
    held: Kernel,
    rays: int,
    fan: Fan,
    cones: NDArray[np.float64],
    tangent: NDArray[np.float64],
) -> None:
    """Raise the rays over those groups of a block that end high enough above the point."""
    starts, groups, firsts, walls, tops = held[0], held[1], held[2], held[3], held[4]
    floor = max(slope * distance, 0.0)
    number = SECTORS * rays
    east, north, before, between_rays = fan[0][0], fan[0][1], fan[4], fan[5]
    for g in range(starts[block], starts[block + 1]):
        rise = groups[3, g] - z
        if rise <= floor:  # the highest come first
            return
        c = (g - starts[block]) % TOGETHER
        if c == 0:
            _cones(x, y, groups, g, rays, cones)
        away, seen_to = max(cones[0, c], start), min(reach, groups[4, g])
        if rise <= slope * away or away >= seen_to:
            continue
        first, last = 1, 0
        half = cones[2, c]
        if half >= 0.0:
            first, last = math.ceil(cones[1, c] - half), math.floor(cones[1, c] + half)
            if first < 0:
                first, last = first + number, last + number
            elif first >= number:
                first, last = first - number, last - number
            first, last = within(first, last, before, between_rays)
            if rise <= lowest(tangent, first, last) * away:
                continue
            if last - first >= FEW:
                first, last = 1, 0
        _walls(
            x, y, z, floor, start, seen_to, firsts[g], firsts[g + 1], walls, tops, first, last,
            rays, east, north, before, between_rays, tangent,
        )  # fmt: skip


@lean
def _cones(x: float, y: float, groups: NDArray[np.float64], g: int, rays: int, cones: NDArray[np.float64]) -> None:
    """How near the circles of several groups are, the ray to their centres, and how many rays to both sides may meet them.

    Less than none where the point lies within two radii; without a branch, so that all are taken at once.
    """
    number = SECTORS * rays
    per_radian = number / (2.0 * math.pi)
    for c in range(np.uint64(cones.shape[1])):
        dx, dy, radius = groups[0, g + c] - x, groups[1, g + c] - y, groups[2, g + c]
        centre = math.sqrt(dx * dx + dy * dy)
        cones[0, c] = (centre - radius) * SLACK - 1e-6
        cones[1, c] = ray_number(dx, dy, number, rays)
        sine = radius / centre
        half = sine * (1.0 + 0.2 * sine * sine) * per_radian + FRINGE  # above the arc sine up to a half
        cones[2, c] = half if centre > 2.0 * radius else -1.0


@lean
def _walls(
    x: float,
    y: float,
    z: float,
    floor: float,
    start: float,
    reach: float,
    first_wall: int,
    last_wall: int,
    walls: NDArray[np.float64],
    tops: NDArray[np.float64],
    first: int,
    last: int,
    rays: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    before: NDArray[np.int64],
    between_rays: int,
    tangent: NDArray[np.float64],
) -> None:
    """Raise rays over those walls of a group that end high enough: the given rays, or where none is given those that meet a wall."""
    number = SECTORS * rays
    given = first <= last
    known, b = -2, 0.0
    for w in range(first_wall, last_wall):
        rise_a, rise_b = tops[w, 0] - z, tops[w, 1] - z
        rise = max(rise_a, rise_b)
        if rise <= floor:
            continue
        ax, ay, bx, by = walls[w, 0] - x, walls[w, 1] - y, walls[w, 2] - x, walls[w, 3] - y
        cross = ax * by - bx * ay
        if cross >= 0.0:  # seen from inside or edge on
            continue
        if not given:
            # most walls begin where the last one ended
            shared = known == w - 1 and walls[w, 0] == walls[w - 1, 2] and walls[w, 1] == walls[w - 1, 3]
            a = b if shared else ray_number(ax, ay, number, rays)
            b = ray_number(bx, by, number, rays)
            known = w
            first, last = between(a, b, before, between_rays)
            if first > last:
                continue
        if rise_a == rise_b:
            limits = rise / reach, rise / start, rise / LOW_RESOLVED
            level(ax, ay, bx, by, rise / cross, limits, first, last, east, north, tangent)
        else:
            limits = 1.0 / reach, 1.0 / start, rise / LOW_RESOLVED
            _sloped(ax, ay, bx, by, 1.0 / cross, rise_a, rise_b, limits, first, last, east, north, tangent)


@lean
def between(a: float, b: float, before: NDArray[np.int64], between_rays: int) -> tuple[int, int]:
    """
    First and last ray that may lie between two directions, clockwise.

    Parameters
    ----------
    a
        The first in even rays, see `ray_number`.
    b
        The last, less than half a turn on.
    before
        Rays of the fan before each gap between even ones, see `Fan`.
    between_rays
        Whether its rays lie in the gaps.

    Returns
    -------
    tuple of int
        Number of the first ray, and of the last, which may lie beyond north; the first is greater where none lies between.
    """
    number = before.shape[0] - 1
    if b < a - 1.0:  # beyond north, not a rounding error
        b += number
    if b > a + 0.5 * number + 1.0:  # a rounding error just at the first ray
        return 1, 0
    first, last = math.ceil(a - FRINGE), math.floor(b + FRINGE)
    if first >= number:
        first, last = first - number, last - number
    elif first < 0:
        first, last = first + number, last + number
    first, last = within(first, last, before, between_rays)
    return first, last


@lean
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
    Raise those of some rays that meet a level edge.

    Parameters
    ----------
    ax
        Easting of the end on the left minus the point's. [m]
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
        First ray, less than half a turn from either end.
    last
        Last ray, which may lie beyond north.
    east
        Eastward part of each ray's direction, shape (n,).
    north
        Northward part, shape (n,).
    tangent
        Tangent of the skyline along each ray, shape (n,); raised in place.
    """
    number = tangent.shape[0]
    first, last = first & -LANES, last | (LANES - 1)
    if first < number:
        _lift(tangent, east, north, ax, ay, bx, by, per, limits, first, min(last, number - 1))
    if last >= number:
        _lift(tangent, east, north, ax, ay, bx, by, per, limits, max(first - number, 0), min(last - number, number - 1))


@lean
def _lift(
    tangent: NDArray[np.float64],
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    ax: float,
    ay: float,
    bx: float,
    by: float,
    per: float,
    limits: Limits,
    first: int,
    last: int,
) -> None:
    least, nearer, most = limits
    along, across = per * (by - ay), per * (ax - bx)  # times the direction: the tangent
    # unsigned and without branches, so that the processor does several rays at once
    for k in range(np.uint64(first), np.uint64(last + 1)):
        e, n, before = east[k], north[k], tangent[k]
        seen = e * along + n * across
        seen = seen if (ax * n <= ay * e) & (e * by <= n * bx) & (least < seen) & (seen <= nearer) else 0.0
        seen = seen if seen < most else most
        tangent[k] = seen if seen > before else before


@lean
def _sloped(
    ax: float,
    ay: float,
    bx: float,
    by: float,
    per: float,
    rise_a: float,
    rise_b: float,
    limits: Limits,
    first: int,
    last: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    tangent: NDArray[np.float64],
) -> None:
    number = tangent.shape[0]
    first, last = first & -LANES, last | (LANES - 1)
    if first < number:
        _lift_sloped(tangent, east, north, ax, ay, bx, by, per, rise_a, rise_b, limits, first, min(last, number - 1))
    if last >= number:
        _lift_sloped(
            tangent, east, north, ax, ay, bx, by, per, rise_a, rise_b, limits, max(first - number, 0), min(last - number, number - 1)
        )


@lean
def _lift_sloped(
    tangent: NDArray[np.float64],
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    ax: float,
    ay: float,
    bx: float,
    by: float,
    per: float,
    rise_a: float,
    rise_b: float,
    limits: Limits,
    first: int,
    last: int,
) -> None:
    farthest, nearer, most = limits
    along, across = per * (by - ay), per * (ax - bx)  # times the direction: one over the distance
    up, side = per * (rise_a * by - rise_b * ay), per * (ax * rise_b - bx * rise_a)  # times the direction: the tangent
    for k in range(np.uint64(first), np.uint64(last + 1)):
        e, n, before = east[k], north[k], tangent[k]
        seen, closeness = e * up + n * side, e * along + n * across
        seen = seen if (ax * n <= ay * e) & (e * by <= n * bx) & (farthest < closeness) & (closeness <= nearer) else 0.0
        seen = seen if seen < most else most
        tangent[k] = seen if seen > before else before
