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
        Tilt of the planes, 0 to 90, shape (p,), or (p, k) for several planes at each point. [degrees]
    surface_azimuth
        Azimuth clockwise from north, pointing downslope, of the same shape; any value on a level plane, NaN too. [degrees]

    Returns
    -------
    NDArray[np.float64]
        1 with a free sky, 0 at the bottom of a well, shape (p,) or (p, k).

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
    planes = np.asarray(surface_tilt, np.float64)
    shape = (points, *planes.shape[1:])
    tilt, azimuth = np.broadcast_to(planes, shape), np.broadcast_to(np.asarray(surface_azimuth, np.float64), shape)
    if sky.ndim != 2 or not np.isfinite(sky).all():
        raise GeoError(f"A horizon needs finite elevations of shape (points, sectors), got shape {sky.shape}.")
    if not ((tilt >= 0) & (tilt <= 90)).all():
        raise GeoError("A plane's tilt must lie within 0 and 90 degrees: check surface_tilt for NaN and for radians.")
    if not (np.isfinite(azimuth) | (tilt == 0)).all():
        raise GeoError("A tilted plane needs an azimuth: surface_azimuth is NaN where surface_tilt is above 0.")
    result = np.empty((points, shape[1] if len(shape) > 1 else 1))
    level = np.where(np.isfinite(azimuth), azimuth, 0.0)
    _visible(np.ascontiguousarray(sky), tilt.reshape(result.shape), level.reshape(result.shape), result)
    return result.reshape(shape)


@njit(cache=True, nogil=True)
def _visible(sky: NDArray[np.float64], tilt: NDArray[np.float64], azimuth: NDArray[np.float64], result: NDArray[np.float64]) -> None:
    points, sectors = sky.shape
    horizon = np.empty((3, sectors))
    for p in range(points):
        for s in range(sectors):
            a = math.radians(min(max(sky[p, s], 0.0), 90.0))
            horizon[0, s], horizon[1, s], horizon[2, s] = a, math.sin(a), math.cos(a)
        for k in range(tilt.shape[1]):
            same = k > 0 and tilt[p, k] == tilt[p, k - 1] and azimuth[p, k] == azimuth[p, k - 1]
            result[p, k] = result[p, k - 1] if same else _plane(horizon, math.radians(tilt[p, k]), math.radians(azimuth[p, k]))


@njit(cache=True, nogil=True)
def _plane(horizon: NDArray[np.float64], b: float, turn: float) -> float:
    """Sky of a plane of tilt b that is turned from north; the rows of the horizon are angle, sine and cosine."""
    sectors = horizon.shape[1]
    width = 2 * math.pi / sectors
    sin_b, cos_b = math.sin(b), math.cos(b)
    start = -0.5 * width - turn
    sin_start, cos_start, behind_start = math.sin(start), math.cos(start), np.nan
    total = 0.0
    for s in range(sectors):
        end = (s + 0.5) * width - turn
        a, sin_a, cos_a = horizon[0, s], horizon[1, s], horizon[2, s]
        if sin_b == 0.0:  # nothing of the direction counts
            total += _above_horizon(a, sin_a, cos_a, sin_b, cos_b, end - start, 0.0)
            start = end
            continue
        sin_end, cos_end, behind_end = math.sin(end), math.cos(end), np.nan
        # the plane's own back side stands above the horizon where cos(direction) lies below this
        cut = -sin_a * cos_b / (cos_a * sin_b) if cos_a * sin_b > 1e-9 else -np.inf
        front_start, front_end = cos_start >= cut, cos_end >= cut
        if cut <= -1.0 or (front_start and front_end):
            total += _above_horizon(a, sin_a, cos_a, sin_b, cos_b, end - start, sin_end - sin_start)
        else:
            behind_start = _above_plane(sin_b, cos_b, start, sin_start, cos_start) if math.isnan(behind_start) else behind_start
            behind_end = _above_plane(sin_b, cos_b, end, sin_end, cos_end)
            if front_start != front_end:
                total += _divided(a, sin_a, cos_a, sin_b, cos_b, cut, start, end, behind_start, behind_end, front_start)
            else:
                total += behind_end - behind_start
        start, sin_start, cos_start, behind_start = end, sin_end, cos_end, behind_end
    return min(max(total / (math.pi * (1 + cos_b) / 2), 0.0), 1.0)


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
    sin_at = math.sin(at)
    behind = _above_plane(sin_b, cos_b, at, sin_at, math.cos(at))
    if front_first:
        front = _above_horizon(a, sin_a, cos_a, sin_b, cos_b, at - start, sin_at - math.sin(start))
        return float(front + behind_end - behind)
    front = _above_horizon(a, sin_a, cos_a, sin_b, cos_b, end - at, math.sin(end) - sin_at)
    return float(front + behind - behind_start)


@njit(cache=True, nogil=True)
def _above_horizon(a: float, sin_a: float, cos_a: float, sin_b: float, cos_b: float, width: float, rise: float) -> float:
    """Irradiance from a unit sky above elevation a over a range of directions; rise is the difference of their sines."""
    return float(0.5 * (cos_b * cos_a * cos_a * width + sin_b * (math.pi / 2 - a - sin_a * cos_a) * rise))


@njit(cache=True, nogil=True)
def _above_plane(sin_b: float, cos_b: float, d: float, sin_d: float, cos_d: float) -> float:
    """Primitive of the sky above the plane's own back side."""
    turns = math.floor((d + math.pi) / (2 * math.pi))
    angle = math.atan2(cos_b * sin_d, cos_d) + 2 * math.pi * turns
    return float(0.5 * (sin_b * sin_d * (math.pi / 2 + math.atan2(sin_b * cos_d, cos_b)) + angle))
