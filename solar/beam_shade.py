"""When the sun stands above the horizons of a roof's points: each half of every hour of light, and the beam lost below them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from .half_hours import HALVES
from .interleaved import interleaved_sum
from .orientations import FloatArray, IntArray
from .sky import SECTORS, Float32Array, Sky

Int32Array = npt.NDArray[np.int32]
Halves = tuple[IntArray, FloatArray, FloatArray, npt.NDArray[np.uint32]]

SECTOR_DEGREES = 360.0 / SECTORS
# more than interpolating between sectors can round
ROUNDING_DEGREES = 1e-6


def sun_path(sky: Sky, rising: bool) -> tuple[IntArray, FloatArray, FloatArray, Int32Array, FloatArray]:
    """
    Give where the sun stands, in the form that the kernels ask for.

    Parameters
    ----------
    sky
        Prepared sky of the weather cell, H hours of light.
    rising
        Whether hours are put from low to high sun.

    Returns
    -------
    tuple of numpy.ndarray
        Place of each hour among those of the sky and the lower elevation of its halves, shape (H,); of both halves elevation [degrees],
        sector and weight of the next sector, shape (2, H).
    """
    lowest = sky.half_elevation.min(axis=0)
    order = np.argsort(lowest, kind="stable") if rising else np.arange(lowest.size)
    place = sky.half_azimuth[:, order] / SECTOR_DEGREES
    sector = np.floor(place)
    elevation = np.ascontiguousarray(sky.half_elevation[:, order])
    return (
        order.astype(np.int64),
        lowest[order],
        elevation,
        np.ascontiguousarray((sector % SECTORS).astype(np.int32)),
        np.ascontiguousarray(place - sector),
    )


def by_sector(elevation: FloatArray, sector: Int32Array, weight: FloatArray) -> Halves:
    """
    Sort the halves of hours by sector, and by height within it.

    Parameters
    ----------
    elevation, sector, weight
        From `sun_path`.

    Returns
    -------
    tuple of numpy.ndarray
        First half of each sector and their number, shape (73,); of each half elevation [degrees], weight of the next sector and hour,
        shape (2 H,).
    """
    hour = np.tile(np.arange(elevation.shape[1]), 2)
    up, at, share = elevation.ravel(), sector.ravel(), weight.ravel()
    order = np.lexsort((up, at))
    return np.searchsorted(at[order], np.arange(SECTORS + 1)).astype(np.int64), up[order], share[order], hour[order].astype(np.uint32)


@njit(cache=True, nogil=True)
def shade(
    horizon: FloatArray, skyline: FloatArray, order: IntArray, lowest: FloatArray, halves: Halves, on_plane: FloatArray, lit: FloatArray,
    lost: FloatArray,
) -> float:  # fmt: skip
    """
    Take one point's hours of shade from `lit`; a sun above both ends of its sector's horizon, or below both, is not compared with it.

    Parameters
    ----------
    horizon
        Of the point, shape (72,) [degrees].
    skyline
        Room for at least 73 values.
    order, lowest
        From `sun_path`, rising.
    halves
        From `by_sector`.
    on_plane
        Beam on the roof plane, shape (H,) [W/m²].
    lit
        Points in the sun, shape (H,); the halves of hours in shade are taken from it.
    lost
        Room for H values.

    Returns
    -------
    float
        Beam that the plane loses in the year [Wh/m²].
    """
    highest = horizon[0]
    for s in range(SECTORS):
        skyline[s] = horizon[s]
        highest = max(highest, horizon[s])
    skyline[SECTORS] = skyline[0]
    starts, up, weight, hour = halves
    asked = np.searchsorted(lowest, highest + ROUNDING_DEGREES)
    lost[:asked] = 0.0
    for s in range(SECTORS):
        left, right = skyline[s], skyline[s + 1]
        below, above = min(left, right) - ROUNDING_DEGREES, max(left, right) + ROUNDING_DEGREES
        k, end = starts[s], starts[s + 1]
        while k < end and up[k] <= below:
            lost[hour[k]] += 0.5
            k += 1
        while k < end and up[k] <= above:
            lost[hour[k]] += 0.0 if up[k] > left + weight[k] * (right - left) else 0.5
            k += 1
    for k in range(asked):
        h = order[k]
        lit[h] -= lost[k]
        lost[k] *= on_plane[h]
    dark: float = interleaved_sum(lost[:asked])
    return dark


@njit(cache=True, nogil=True)
def shade_through(
    horizon: FloatArray, canopy: Float32Array, skyline: FloatArray, elevation: FloatArray, sector: Int32Array, weight: FloatArray,
    month_start: IntArray, taken: FloatArray, on_plane: FloatArray, lit: FloatArray, lost: FloatArray,
) -> float:  # fmt: skip
    """
    Do the same as `shade` where trees stand above the horizon: between both skylines the sun loses what they take.

    Parameters
    ----------
    horizon, canopy
        Of the point, without and with the trees, shape (72,) [degrees].
    skyline
        Room for twice 73 values.
    elevation, sector, weight
        From `sun_path`, not rising.
    month_start
        Bounds of the months in the hours, shape (13,).
    taken
        Share that the trees take, January to December.
    on_plane
        Beam on the roof plane, shape (H,) [W/m²].
    lit
        Points in the sun, shape (H,); what does not arrive is taken from it.
    lost
        Room for H values.

    Returns
    -------
    float
        Beam that the plane loses in the year [Wh/m²].
    """
    last = SECTORS + 1
    for s in range(SECTORS):
        skyline[s], skyline[last + s] = horizon[s], max(horizon[s], canopy[s])
    skyline[SECTORS], skyline[last + SECTORS] = skyline[0], skyline[last]
    for month in range(12):
        for h in range(month_start[month], month_start[month + 1]):
            closed = 0.0
            for half in range(HALVES):
                at, u, up = sector[half, h], weight[half, h], elevation[half, h]
                if up > skyline[at] + u * (skyline[at + 1] - skyline[at]):
                    above = up > skyline[last + at] + u * (skyline[last + at + 1] - skyline[last + at])
                    closed += 0.0 if above else 0.5 * taken[month]
                else:
                    closed += 0.5
            lit[h] -= closed
            lost[h] = closed * on_plane[h]
    dark: float = interleaved_sum(lost)
    return dark
