"""Directions around a point, counted in sectors and rays, and which of them a square can be seen in."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

SECTORS = 72

# Products of rounded numbers may fall short by a few units in the last place: what comes this near is looked at closely.
SLACK = 1.0 - 1e-12
FRINGE = 0.5  # rays; more than the table's steps can be off (0.16 rays at 1,008 rays)
_ANGLES = 1024  # steps of the table of directions within an eighth of the circle


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


def angle_table() -> NDArray[np.float64]:
    """
    Tabulate the arc tangent from 0 to 1.

    Returns
    -------
    numpy.ndarray
        Angles at the middle of 1,024 steps, shape (1025,). [radians]
    """
    return np.arctan((np.arange(_ANGLES + 1) + 0.5) / _ANGLES)


@njit(cache=True, nogil=True, error_model="numpy")
def lowest(tangent: NDArray[np.float64], sector: int, rays: int) -> float:
    """
    Give the lowest tangent of a sector's rays, a little lowered.

    Parameters
    ----------
    tangent
        Tangent of the skyline along each ray, shape (72 rays,); raised in place.
    sector
        Number of the sector.
    rays
        Rays per sector.

    Returns
    -------
    float
        Tangent, a little lowered.
    """
    first, last = sector * rays, sector * rays + rays
    a = b = c = d = tangent[first]
    for k in range(first, last - 3, 4):  # four at a time: they do not wait for each other
        a = min(a, tangent[k])
        b = min(b, tangent[k + 1])
        c = min(c, tangent[k + 2])
        d = min(d, tangent[k + 3])
    for k in range(first + rays // 4 * 4, last):
        a = min(a, tangent[k])
    return float(min(min(a, b), min(c, d)) * SLACK)


@njit(cache=True, nogil=True, error_model="numpy")
def nearest(x0: float, y0: float, side: float, margin: float) -> float:
    """
    From the point to the nearest place of a square whose corner lies at (x0, y0) from it, with its margin; rounding allowed for.

    Parameters
    ----------
    x0
        Easting of the square's south-western corner minus the point's. [m]
    y0
        Northing of it minus the point's. [m]
    side
        Side of the square. [m]
    margin
        What lies around the square and belongs to it. [m]

    Returns
    -------
    float
        Distance, a little lowered. [m]
    """
    dx, dy = max(x0 - margin, 0.0, -x0 - side - margin), max(y0 - margin, 0.0, -y0 - side - margin)
    return math.sqrt(dx * dx + dy * dy) * SLACK - 1e-6


@njit(cache=True, nogil=True, error_model="numpy")
def least_slope(
    x0: float,
    y0: float,
    side: float,
    margin: float,
    start: float,
    reach: float,
    rays: int,
    angles: NDArray[np.float64],
    low: NDArray[np.float64],
) -> float:
    """
    How steeply what stands in a square at (x0, y0) from the point, margin included, must rise to be seen; infinite out of reach.

    Parameters
    ----------
    x0
        Easting of the square's south-western corner minus the point's. [m]
    y0
        Northing of it minus the point's. [m]
    side
        Side of the square. [m]
    margin
        What lies around the square and belongs to it. [m]
    start
        Where the ring begins. [m]
    reach
        Where the ring ends. [m]
    rays
        Rays per sector.
    angles
        See `angle_table`.
    low
        Lowest tangent of each sector, shape (72,); raised in place.

    Returns
    -------
    float
        Tangent; infinite out of reach.
    """
    distance = nearest(x0, y0, side, margin)
    fx, fy = max(-x0, x0 + side) + margin, max(-y0, y0 + side) + margin
    if distance >= reach or fx * fx + fy * fy < start * start * SLACK:
        return np.inf
    first, last = span(x0, y0, side, margin, rays, angles)
    least = np.inf
    for sector in range(first // rays, last // rays + 1):
        s = sector - SECTORS if sector >= SECTORS else sector
        least = min(least, low[s])
    return float(least)


@njit(cache=True, nogil=True, error_model="numpy")
def span(x0: float, y0: float, side: float, margin: float, rays: int, angles: NDArray[np.float64]) -> tuple[int, int]:
    """
    First and last ray that may meet a square with its margin, the first in [0, number); all where the point lies in it.

    Parameters
    ----------
    x0
        Easting of the square's south-western corner minus the point's. [m]
    y0
        Northing of it minus the point's. [m]
    side
        Side of the square. [m]
    margin
        What lies around the square and belongs to it. [m]
    rays
        Rays per sector.
    angles
        See `angle_table`.

    Returns
    -------
    tuple of int
        Number of the first ray, in [0, 72 rays), and of the last, which may lie beyond north.
    """
    number = rays * SECTORS
    x0, y0, x1, y1 = x0 - margin, y0 - margin, x0 + side + margin, y0 + side + margin
    if x0 <= 0.0 <= x1 and y0 <= 0.0 <= y1:
        return 0, number - 1
    # the corners that bound the square to the left and to the right as seen from the point
    ax = x0 if (y0 > 0.0 or (y1 >= 0.0 and x0 > 0.0)) else x1
    ay = y0 if (x1 < 0.0 or (x0 <= 0.0 and y0 > 0.0)) else y1
    bx = x1 if (y0 > 0.0 or (y1 >= 0.0 and x1 < 0.0)) else x0
    by = y0 if (x0 > 0.0 or (x1 >= 0.0 and y0 > 0.0)) else y1
    first = math.ceil(ray_number(ax, ay, number, rays, angles) - FRINGE)
    last = math.floor(ray_number(bx, by, number, rays, angles) + FRINGE)
    first = first + number if first < 0 else first
    last = last + number if last < first - 1 else last  # not just between two rays: past north
    return first, last


@njit(cache=True, nogil=True, error_model="numpy")
def ray_number(dx: float, dy: float, number: int, rays: int, angles: NDArray[np.float64]) -> float:
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
    angles
        See `angle_table`.

    Returns
    -------
    float
        Direction in rays, in [-0.5, 72 rays - 0.5).
    """
    ex, ny = abs(dx), abs(dy)
    turn = angles[int(ex / ny * _ANGLES)] if ex <= ny else 0.5 * math.pi - angles[int(ny / ex * _ANGLES)]
    if dy < 0.0:
        turn = math.pi - turn
    if dx < 0.0:
        turn = 2.0 * math.pi - turn
    k = turn * (number / (2.0 * math.pi)) + 0.5 * rays - 0.5
    return float(k - number if k >= number - 0.5 else k)
