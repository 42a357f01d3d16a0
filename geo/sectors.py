"""Directions around a point, counted in sectors and rays, and which of them a square can be seen in."""

import math

import numpy as np
from numpy.typing import NDArray

from .lean import lean

SECTORS = 72

# Products of rounded numbers may fall short by a few units in the last place: what comes this near is looked at closely.
SLACK = 1.0 - 1e-12
_INFINITE = np.int64(0x7FF0000000000000)  # infinity, bit by bit
FRINGE = 1e-3  # rays; more than an angle can be off (4e-5 rays at 8,064 rays)


def directions(rays: int) -> NDArray[np.float64]:
    """
    Give the rays of all sectors, evenly spread.

    Parameters
    ----------
    rays
        Rays per sector.

    Returns
    -------
    numpy.ndarray
        Easting and northing of unit vectors, shape (2, 72 rays); ray k has azimuth 5 ((k + 0.5) / rays - 0.5) degrees.
    """
    azimuth = np.radians(360.0 / SECTORS * ((np.arange(SECTORS * rays) + 0.5) / rays - 0.5))
    return np.stack([np.sin(azimuth), np.cos(azimuth)])


@lean
def arctan(x: float) -> float:
    """
    Arc tangent to 2e-8 rad, six times as fast as the exact one.

    Parameters
    ----------
    x
        Tangent, not negative.

    Returns
    -------
    float
        Angle. [radians]

    Notes
    -----
    Abramowitz and Stegun (1964), 4.4.49.
    """
    u = min(x, 1.0 / max(x, 1e-300))
    turn = _arctan_to_1(u)
    return float(turn if x <= 1.0 else 0.5 * math.pi - turn)


@lean
def _arctan_to_1(u: float) -> float:
    v = u * u
    series = 0.0028662257
    series = series * v - 0.0161657367
    series = series * v + 0.0429096138
    series = series * v - 0.0752896400
    series = series * v + 0.1065626393
    series = series * v - 0.1420889944
    series = series * v + 0.1999355085
    series = series * v - 0.3333314528
    return u * (series * v + 1.0)


@lean
def lowest(tangent: NDArray[np.float64], first: int, last: int) -> float:
    """
    Give the lowest tangent of neighbouring rays, a little lowered.

    Parameters
    ----------
    tangent
        Tangent of the skyline along each ray, none negative, shape (n,).
    first
        First ray, below n.
    last
        Last ray, which may lie beyond north.

    Returns
    -------
    float
        Tangent, a little lowered.
    """
    number = tangent.shape[0]
    found = np.inf
    if last >= number:
        found = _lowest(tangent, 0, last - number)
    return float(min(found, _lowest(tangent, first, min(last, number - 1))) * SLACK)


@lean
def _lowest(tangent: NDArray[np.float64], first: int, last: int) -> float:
    # positive numbers are in order as integers too, and those are compared several at a time
    bits = tangent.view(np.int64)
    found = _INFINITE
    for k in range(np.uint64(first), np.uint64(last + 1)):
        value = bits[k]
        found = value if value < found else found
    return float(np.int64(found).view(np.float64))


@lean
def nearest(x0: float, y0: float, x1: float, y1: float) -> float:
    """
    From the point to the nearest place of a box; rounding allowed for.

    Parameters
    ----------
    x0
        Easting of the box's western side minus the point's. [m]
    y0
        Northing of its southern side minus the point's. [m]
    x1
        Easting of its eastern side minus the point's. [m]
    y1
        Northing of its northern side minus the point's. [m]

    Returns
    -------
    float
        Distance, a little lowered. [m]
    """
    dx, dy = max(x0, 0.0, -x1), max(y0, 0.0, -y1)
    return math.sqrt(dx * dx + dy * dy) * SLACK - 1e-6


@lean
def span(x0: float, y0: float, x1: float, y1: float, rays: int) -> tuple[int, int]:
    """
    First and last ray that may meet a box, the first in [0, number); all where the point lies in it.

    Parameters
    ----------
    x0
        Easting of the box's western side minus the point's. [m]
    y0
        Northing of its southern side minus the point's. [m]
    x1
        Easting of its eastern side minus the point's. [m]
    y1
        Northing of its northern side minus the point's. [m]
    rays
        Rays per sector.

    Returns
    -------
    tuple of int
        Number of the first ray, in [0, 72 rays), and of the last, which may lie beyond north.
    """
    number = rays * SECTORS
    if x0 <= 0.0 <= x1 and y0 <= 0.0 <= y1:
        return 0, number - 1
    # the corners that bound the box to the left and to the right as seen from the point
    ax = x0 if (y0 > 0.0 or (y1 >= 0.0 and x0 > 0.0)) else x1
    ay = y0 if (x1 < 0.0 or (x0 <= 0.0 and y0 > 0.0)) else y1
    bx = x1 if (y0 > 0.0 or (y1 >= 0.0 and x1 < 0.0)) else x0
    by = y0 if (x0 > 0.0 or (x1 >= 0.0 and y0 > 0.0)) else y1
    first = math.ceil(ray_number(ax, ay, number, rays) - FRINGE)
    last = math.floor(ray_number(bx, by, number, rays) + FRINGE)
    first = first + number if first < 0 else first
    last = last + number if last < first - 1 else last  # not just between two rays: past north
    return first, last


@lean
def ray_number(dx: float, dy: float, number: int, rays: int) -> float:
    """
    Direction counted in rays; ray k has azimuth (k + 0.5) / rays - 0.5 sectors.

    Parameters
    ----------
    dx
        Easting of a place minus the point's. [m]
    dy
        Northing of it minus the point's. [m]
    number
        Rays in all.
    rays
        Rays per sector.

    Returns
    -------
    float
        Direction in rays, in [-0.5, 72 rays - 0.5).
    """
    ex, ny = abs(dx), abs(dy)
    turn = _arctan_to_1(min(ex, ny) / max(ex, ny))
    if ex > ny:
        turn = 0.5 * math.pi - turn
    if dy < 0.0:
        turn = math.pi - turn
    if dx < 0.0:
        turn = 2.0 * math.pi - turn
    k = turn * (number / (2.0 * math.pi)) + 0.5 * rays - 0.5
    return float(k - number if k >= number - 0.5 else k)
