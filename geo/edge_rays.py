"""Where the edge of something high lies between two rays of a skyline: more rays in that gap, so that a sector's mean holds.

Of a gap whose ends differ by more than is tolerated, each half counts as its end does, but as no more than that off what three rays
in it see; then its quarters are looked at alike. What a ray in a gap sees counts no lower than the lower end and no higher than the higher
one. Over a measured surface the gaps beside such a one are looked at too, up to its higher end: cells of a slim thing that come apart may
stand between two rays. So the mean never falls where anything rises, however the gaps are chosen: all that is done is to limit a number
by others.
"""

import math

import numpy as np
from numpy.typing import NDArray

from .fans import Fan, end_octants, put
from .lean import lean
from .sectors import SECTORS, arctan

PARTS = 64  # of a gap between even rays, to the finest that is looked at
# How much both ends of a gap, of its quarters and of their quarters may differ, over the even rays of a sector: [degrees]
# a tower with an upright edge on either side is off by 1.4 at most, 87 degrees high and wherever its edges lie
_TOLERATED = (6 / 7, 7 / 7, 20 / 7)
LEAST_RAYS = 7  # per sector; with fewer the finest gaps would be too wide

# first part of each gap, skyline at its left and at its right end, and how high a ray in it may count
Gaps = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def tolerated(rays: int) -> NDArray[np.float64]:
    """
    Give how much the ends of gaps may differ.

    Parameters
    ----------
    rays
        Even rays per sector.

    Returns
    -------
    numpy.ndarray
        Between even rays, in quarters of these gaps, and in quarters of those. [radians]
    """
    limits: NDArray[np.float64] = np.radians(rays * np.array(_TOLERATED))
    return limits


def room_for_gaps(rays: int) -> Gaps:
    """
    Make room for as many gaps as there may be.

    Parameters
    ----------
    rays
        Even rays per sector.

    Returns
    -------
    tuple
        Gaps that hold nothing yet, 16 for each even ray: its gap, the quarters of that, and their quarters.
    """
    most = 16 * SECTORS * rays
    return np.empty(most, np.int64), np.empty(most), np.empty(most), np.empty(most)


@lean
def find(turn: NDArray[np.float64], least: float, beside: bool, gaps: Gaps) -> int:
    """
    Find the gaps between even rays whose ends differ much.

    Parameters
    ----------
    turn
        Skyline along each even ray and the first again, shape (72 rays + 1,). [radians]
    least
        What is tolerated. [radians]
    beside
        Whether gaps beside these count as well.
    gaps
        Where to write them down.

    Returns
    -------
    int
        How many there are.
    """
    number, count = turn.shape[0] - 1, 0
    for start in range(0, number, SECTORS):
        before, after = start - 1 if start else number - 1, (start + SECTORS) % number
        apart = 1 if beside and max(abs(turn[before + 1] - turn[before]), abs(turn[after + 1] - turn[after])) > least else 0
        for k in range(np.uint64(start), np.uint64(start + SECTORS)):  # several at once
            apart += 1 if abs(turn[k + np.uint64(1)] - turn[k]) > least else 0
        if apart == 0:
            continue
        for k in range(start, start + SECTORS):
            left, right = turn[k], turn[k + 1]
            highest = max(left, right)
            if beside:
                highest = max(highest, turn[k - 1 if k else number - 1], turn[k + 2 if k + 2 <= number else 1])
            count = _keep(k * PARTS, left, right, highest, least, gaps, count)
    return count


@lean
def lay(gaps: Gaps, count: int, width: int, rays: int, fan: Fan) -> int:
    """
    Lay three rays into each gap.

    Parameters
    ----------
    gaps
        The gaps, in the order of the compass.
    count
        How many there are.
    width
        Their width. [parts]
    rays
        Even rays per sector.
    fan
        Where to lay them.

    Returns
    -------
    int
        How many rays there are.
    """
    at, before = gaps[0], fan[4]
    known = 0
    for g in range(count):
        gap = at[g] // PARTS
        for k in range(known, gap + 1):
            before[k] = 3 * g
        known = gap + 1
        for m in range(3):
            put(fan, 3 * g + m, 2.0 * math.pi / SECTORS * ((part(at[g], m, width) + 0.5) / rays - 0.5))
    for k in range(known, before.shape[0]):
        before[k] = 3 * count
    end_octants(fan, 3 * count)
    return 3 * count


@lean
def part(at: int, m: int, width: int) -> float:
    """
    Place of a ray in a gap.

    Parameters
    ----------
    at
        Where the gap begins. [parts]
    m
        Which of its three rays, counted from 0.
    width
        Width of the gap. [parts]

    Returns
    -------
    float
        Place, counted in even rays.
    """
    return (at + (m + 1) * (width // 4)) / PARTS


@lean
def settle(
    gaps: Gaps,
    count: int,
    width: int,
    now: float,
    then: float,
    rays: int,
    tangent: NDArray[np.float64],
    more: NDArray[np.float64],
    narrower: Gaps,
) -> int:
    """
    Correct the sums of sectors by what the rays in gaps see.

    Parameters
    ----------
    gaps
        The gaps.
    count
        How many there are.
    width
        Their width. [parts]
    now
        What is tolerated between their ends. [radians]
    then
        What is tolerated between the ends of their quarters. [radians]
    rays
        Even rays per sector.
    tangent
        What the three rays in each gap see, shape (3 count,).
    more
        What is to be added to the sum over the even rays of each sector, shape (72,); corrected in place. [radians]
    narrower
        Where to write down the quarters whose ends differ much.

    Returns
    -------
    int
        How many of those there are.
    """
    quarter, share, found = width // 4, width / PARTS, 0
    for g in range(count):
        at, x, y, high = gaps[0][g], gaps[1][g], gaps[2][g], gaps[3][g]
        b = min(max(arctan(max(tangent[3 * g + 1], 0.0)), min(x, y)), high)
        a = min(max(arctan(max(tangent[3 * g], 0.0)), min(x, b)), high)
        c = min(max(arctan(max(tangent[3 * g + 2], 0.0)), min(y, b)), high)
        first, left = min(max(x, a - now), a + now), min(max(x, b - now), b + now)
        right, last = min(max(y, b - now), b + now), min(max(y, c - now), c + now)
        more[_sector(at + quarter, rays)] += share * (0.25 * (first - x) + 0.125 * (left - x))
        more[_sector(at + 3 * quarter, rays)] += share * (0.25 * (last - y) + 0.125 * (right - y))
        found = _keep(at, x, first, max(x, first), then, narrower, found)
        found = _keep(at + quarter, first, left, max(first, left), then, narrower, found)
        found = _keep(at + 2 * quarter, right, last, max(right, last), then, narrower, found)
        found = _keep(at + 3 * quarter, last, y, max(last, y), then, narrower, found)
    return found


@lean
def _keep(at: int, x: float, y: float, highest: float, least: float, gaps: Gaps, found: int) -> int:
    if highest - min(x, y) <= least:
        return found
    gaps[0][found], gaps[1][found], gaps[2][found], gaps[3][found] = at, x, y, highest
    return found + 1


@lean
def _sector(at: int, rays: int) -> int:
    """Sector of a place; one begins half a gap before its first even ray."""
    return ((at + PARTS // 2) // (PARTS * rays)) % SECTORS
