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
        sin_b, cos_b = math.sin(b), math.cos(b)
        turn = math.radians(azimuth[p])
        start = -0.5 * width - turn
        sin_start, behind_start = math.sin(start), np.nan
        total = 0.0
        for s in range(sectors):
            end = (s + 0.5) * width - turn
            sin_end, behind_end = math.sin(end), np.nan
            a = math.radians(min(max(sky[p, s], 0.0), 90.0))
            sin_a, cos_a = math.sin(a), math.cos(a)
            # the plane's own back side stands above the horizon where cos(direction) lies below this
            cut = -sin_a * cos_b / (cos_a * sin_b) if cos_a * sin_b > 1e-9 else -np.inf
            if cut <= -1.0:
                total += _above_horizon(a, sin_a, cos_a, sin_b, cos_b, end - start, sin_end - sin_start)
            else:
                front_start, front_end = math.cos(start) >= cut, math.cos(end) >= cut
                if front_start and front_end:
                    total += _above_horizon(a, sin_a, cos_a, sin_b, cos_b, end - start, sin_end - sin_start)
                else:
                    behind_start = _above_plane(sin_b, cos_b, start) if math.isnan(behind_start) else behind_start
                    behind_end = _above_plane(sin_b, cos_b, end)
                    if front_start != front_end:
                        total += _divided(a, sin_a, cos_a, sin_b, cos_b, cut, start, end, behind_start, behind_end, front_start)
                    else:
                        total += behind_end - behind_start
            start, sin_start, behind_start = end, sin_end, behind_end
        result[p] = min(max(total / (math.pi * (1 + cos_b) / 2), 0.0), 1.0)


@njit(cache=True, nogil=True)
def _divided(
    a: float,
    sin_a: float,
    cos_a: float,
    sin_b: float,
    cos_b: float,
    cut: float,
    start: float,
    end: float,
    behind_start: float,
    behind_end: float,
    front_first: bool,
) -> float:
    """Measure a sector in which the plane's back side rises above the horizon, or sinks below it, on the way."""
    reach = math.acos(cut)
    middle = 0.5 * (start + end)
    turns = math.floor((middle + math.pi) / (2 * math.pi))
    at = 2 * math.pi * turns + (reach if math.sin(middle) > 0.0 else -reach)
    at = min(max(at, start), end)
    behind = _above_plane(sin_b, cos_b, at)
    if front_first:
        front = _above_horizon(a, sin_a, cos_a, sin_b, cos_b, at - start, math.sin(at) - math.sin(start))
        return float(front + behind_end - behind)
    front = _above_horizon(a, sin_a, cos_a, sin_b, cos_b, end - at, math.sin(end) - math.sin(at))
    return float(front + behind - behind_start)


@njit(cache=True, nogil=True)
def _above_horizon(a: float, sin_a: float, cos_a: float, sin_b: float, cos_b: float, width: float, rise: float) -> float:
    """Irradiance from a unit sky above elevation a over a range of directions; rise is the difference of their sines."""
    return float(0.5 * (cos_b * cos_a * cos_a * width + sin_b * (math.pi / 2 - a - sin_a * cos_a) * rise))


@njit(cache=True, nogil=True)
def _above_plane(sin_b: float, cos_b: float, d: float) -> float:
    """Primitive of the sky above the plane's own back side."""
    turns = math.floor((d + math.pi) / (2 * math.pi))
    sin_d, cos_d = math.sin(d), math.cos(d)
    angle = math.atan2(cos_b * sin_d, cos_d) + 2 * math.pi * turns
    return float(0.5 * (sin_b * sin_d * (math.pi / 2 + math.atan2(sin_b * cos_d, cos_b)) + angle))
