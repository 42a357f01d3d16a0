"""How much of its sky a tilted plane sees above a horizon."""

import math

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from .errors import GeoError


def sky_view_factor(horizon: ArrayLike, surface_tilt: ArrayLike, surface_azimuth: ArrayLike) -> NDArray[np.float64]:
    """Cosine-weighted visible sky of planes over its unobstructed value.

    Parameters
    ----------
    horizon
        Elevation of the horizon, shape (p, n): n sectors clockwise, the first centred on north; below 0 counts as 0. [degrees]
    surface_tilt
        Tilt of the planes, shape (p,), 0 to 90. [degrees]
    surface_azimuth
        Azimuth clockwise from north, pointing downslope, shape (p,); any value on a level plane, NaN too. [degrees]

    Returns
    -------
    NDArray[np.float64]
        1 with a free sky, 0 at the bottom of a well, shape (p,).

    Raises
    ------
    GeoError
        If shapes do not fit, a tilt is not within 0 to 90, or a tilted plane has no azimuth.

    Notes
    -----
    With the lower limit a of the sky at azimuth distance D from the plane's azimuth, the integrand over azimuth is
    (cos b cos^2 a + sin b cos D (pi/2 - a - sin a cos a)) / 2 for tilt b; a is the sector's horizon, or the plane's own back
    side tan a = -tan b cos D where that is higher. Both have closed integrals, so nothing is sampled.

    Examples
    --------
    >>> import numpy as np
    >>> sky_view_factor(np.full((1, 72), 30.0), [0.0], [180.0]).round(3)
    array([0.75])
    """
    sky = np.atleast_2d(np.asarray(horizon, np.float64))
    points = sky.shape[0]
    tilt = np.broadcast_to(np.asarray(surface_tilt, np.float64), (points,))
    azimuth = np.broadcast_to(np.asarray(surface_azimuth, np.float64), (points,))
    if sky.ndim != 2 or not np.isfinite(sky).all():
        raise GeoError(f"A horizon needs finite elevations of shape (points, sectors), got shape {sky.shape}.")
    if not ((tilt >= 0) & (tilt <= 90)).all():
        raise GeoError("A plane's tilt must lie within 0 and 90 degrees: check surface_tilt for NaN and for radians.")
    if not (np.isfinite(azimuth) | (tilt == 0)).all():
        raise GeoError("A tilted plane needs an azimuth: surface_azimuth is NaN where surface_tilt is above 0.")
    result = np.empty(points)
    _visible(
        np.ascontiguousarray(sky), np.ascontiguousarray(tilt), np.ascontiguousarray(np.where(np.isfinite(azimuth), azimuth, 0.0)), result
    )
    return result


@njit(cache=True, nogil=True)
def _visible(sky: NDArray[np.float64], tilt: NDArray[np.float64], azimuth: NDArray[np.float64], result: NDArray[np.float64]) -> None:
    points, sectors = sky.shape
    width = 2 * math.pi / sectors
    for p in range(points):
        b = math.radians(tilt[p])
        total = 0.0
        for s in range(sectors):
            start = ((s - 0.5) * width - math.radians(azimuth[p])) % (2 * math.pi)
            total += _sector(math.radians(min(max(sky[p, s], 0.0), 90.0)), b, start, start + width)
        result[p] = min(max(total / (math.pi * (1 + math.cos(b)) / 2), 0.0), 1.0)


@njit(cache=True, nogil=True)
def _sector(a: float, b: float, start: float, end: float) -> float:
    """Irradiance through one sector from a unit sky; start within 0..2 pi, measured from the plane's azimuth."""
    # the plane's back side rises above the horizon between these two directions
    cut = -1.0
    if math.sin(b) > 1e-9:
        cut = -math.tan(a) * math.cos(b) / math.sin(b)
    if cut <= -1.0 or math.sin(b) <= 1e-9:
        return float(_above_horizon(a, b, start, end))
    first = math.acos(cut)
    last = 2 * math.pi - first
    m1, m2 = min(max(first, start), end), min(max(last, start), end)
    return float(_above_horizon(a, b, start, m1) + _above_plane(b, m2) - _above_plane(b, m1) + _above_horizon(a, b, m2, end))


@njit(cache=True, nogil=True)
def _above_horizon(a: float, b: float, start: float, end: float) -> float:
    beside = math.cos(b) * math.cos(a) ** 2 * (end - start)
    return float(0.5 * (beside + math.sin(b) * (math.pi / 2 - a - math.sin(a) * math.cos(a)) * (math.sin(end) - math.sin(start))))


@njit(cache=True, nogil=True)
def _above_plane(b: float, d: float) -> float:
    """Primitive of the sky above the plane's own back side."""
    turns = math.floor((d + math.pi) / (2 * math.pi))
    angle = math.atan2(math.cos(b) * math.sin(d), math.cos(d)) + 2 * math.pi * turns
    return float(0.5 * (math.sin(b) * math.sin(d) * (math.pi / 2 + math.atan2(math.sin(b) * math.cos(d), math.cos(b))) + angle))
