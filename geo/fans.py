"""Rays around a point in the order of the compass: evenly spread, or a few more in the gaps between those.

Where a thing is seen is counted in even rays, whatever the fan; which rays of a fan lie there, `within` tells.
"""

import math

import numpy as np
from numpy.typing import NDArray

from .lean import lean
from .sectors import SECTORS, directions

# eastward and northward part of each ray's direction; ways per metre to the east or west and to the north or south; last ray of each
# ray's octant; room for notes; rays before each gap between even rays, and in all; whether the rays lie in the gaps (1) or are even (0)
Fan = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]
_LEAST = 1e-12  # of a direction's parts, so that the ways per metre are finite on the axes too


def even_fan(rays: int) -> Fan:
    """
    Lay out evenly spread rays.

    Parameters
    ----------
    rays
        Rays per sector.

    Returns
    -------
    tuple
        The fan.
    """
    ways = directions(rays)
    fan = room_for(rays, SECTORS * rays)
    fan[0][:], fan[4][:] = ways, np.arange(SECTORS * rays + 1)
    fan[1][:] = 1 / np.maximum(np.abs(ways), _LEAST)
    end_octants(fan, SECTORS * rays)
    return *fan[:5], 0


def room_for(rays: int, most: int) -> Fan:
    """
    Make room for rays in the gaps between even ones.

    Parameters
    ----------
    rays
        Even rays per sector.
    most
        As many as there will be at most.

    Returns
    -------
    tuple
        A fan that holds nothing yet.
    """
    number = SECTORS * rays
    whole = np.zeros(most, np.int64), np.zeros(most, np.int64), np.zeros(number + 1, np.int64)
    return np.empty((2, most)), np.empty((2, most)), *whole, 1


@lean
def put(fan: Fan, ray: int, azimuth: float) -> None:
    """
    Put a ray into a fan.

    Parameters
    ----------
    fan
        The fan.
    ray
        Number of the ray.
    azimuth
        Clockwise from north. [radians]
    """
    east, north = math.sin(azimuth), math.cos(azimuth)
    fan[0][0, ray], fan[0][1, ray] = east, north
    fan[1][0, ray], fan[1][1, ray] = 1 / max(abs(east), _LEAST), 1 / max(abs(north), _LEAST)


@lean
def end_octants(fan: Fan, count: int) -> None:
    """
    Write down the last ray in the same eighth of the turn for each ray.

    Parameters
    ----------
    fan
        The fan.
    count
        Rays in it.
    """
    ways, ends = fan[0], fan[2]
    last, known = count - 1, -1
    for k in range(count - 1, -1, -1):
        east, north = ways[0, k], ways[1, k]
        octant = (1 if east < 0.0 else 0) + (2 if north < 0.0 else 0) + (4 if abs(east) < abs(north) else 0)
        if octant != known:
            last, known = k, octant
        ends[k] = last


@lean
def within(first: int, last: int, before: NDArray[np.int64], between: int) -> tuple[int, int]:
    """
    Rays of a fan that may meet what is seen from one even ray to another, or, where none meets it, just before the first.

    Parameters
    ----------
    first
        First even ray that may meet it, in [0, 72 rays).
    last
        Last one, which may lie beyond north; one less than the first where it is seen between two.
    before
        Rays of the fan before each gap between even rays, and in all.
    between
        1 where the fan's rays lie in the gaps, 0 where it is the even one.

    Returns
    -------
    tuple of int
        Number of the first ray, and of the last, which may lie beyond north; the first is greater where there is none.
    """
    number, first = before.shape[0] - 1, first - between
    if first < 0:
        first, last = first + number, last + number
    found = before[last + 1] if last < number else before[last + 1 - number] + before[number]
    return before[first], found - 1
