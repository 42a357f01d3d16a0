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
    horizon, bound = np.empty((3, sectors)), np.empty((3, sectors + 1))
    for s in range(sectors + 1):
        d = (s - 0.5) * 2 * math.pi / sectors
        bound[0, s], bound[1, s], bound[2, s] = d, math.sin(d), math.cos(d)
    for p in range(points):
        for s in range(sectors):
            a = math.radians(min(max(sky[p, s], 0.0), 90.0))
            horizon[0, s], horizon[1, s], horizon[2, s] = a, math.sin(a), math.cos(a)
        for k in range(tilt.shape[1]):
            same = k > 0 and tilt[p, k] == tilt[p, k - 1] and azimuth[p, k] == azimuth[p, k - 1]
            result[p, k] = result[p, k - 1] if same else _plane(horizon, bound, math.radians(tilt[p, k]), math.radians(azimuth[p, k]))


@njit(cache=True, nogil=True)
def _plane(horizon: NDArray[np.float64], bound: NDArray[np.float64], b: float, turn: float) -> float:
    """Sky of a plane of tilt b that is turned from north; the rows of horizon and sector bounds are angle, sine and cosine."""
    sectors = horizon.shape[1]
    width = 2 * math.pi / sectors
    sin_b, cos_b, sin_turn, cos_turn = math.sin(b), math.cos(b), math.sin(turn), math.cos(turn)
    start = bound[0, 0] - turn
    sin_start, cos_start = bound[1, 0] * cos_turn - bound[2, 0] * sin_turn, bound[2, 0] * cos_turn + bound[1, 0] * sin_turn
    total, begun = 0.0, np.nan  # begun: where the plane's own back side came to stand above the horizon
    for s in range(sectors):
        a, sin_a, cos_a = horizon[0, s], horizon[1, s], horizon[2, s]
        if sin_b == 0.0:  # nothing of the direction counts
            total += _above_horizon(a, sin_a, cos_a, sin_b, cos_b, width, 0.0)
            continue
        end = bound[0, s + 1] - turn
        sin_end = bound[1, s + 1] * cos_turn - bound[2, s + 1] * sin_turn
        cos_end = bound[2, s + 1] * cos_turn + bound[1, s + 1] * sin_turn
        # the back side stands above the horizon where cos(direction) lies below this
        cut = -sin_a * cos_b / (cos_a * sin_b) if cos_a * sin_b > 1e-9 else -np.inf
        front_start, front_end = cut <= -1.0 or cos_start >= cut, cut <= -1.0 or cos_end >= cut
        if front_start and not math.isnan(begun):
            total += _above_plane(sin_b, cos_b, start, sin_start, cos_start) - begun
            begun = np.nan
        elif not front_start and math.isnan(begun):
            begun = _above_plane(sin_b, cos_b, start, sin_start, cos_start)
        if front_start and front_end:
            total += _above_horizon(a, sin_a, cos_a, sin_b, cos_b, end - start, sin_end - sin_start)
        elif front_start or front_end:
            at = _crossing(cut, start, end)
            sin_at = math.sin(at)
            behind = _above_plane(sin_b, cos_b, at, sin_at, math.cos(at))
            if front_start:
                total += _above_horizon(a, sin_a, cos_a, sin_b, cos_b, at - start, sin_at - sin_start)
                begun = behind
            else:
                total += behind - begun + _above_horizon(a, sin_a, cos_a, sin_b, cos_b, end - at, sin_end - sin_at)
                begun = np.nan
        start, sin_start, cos_start = end, sin_end, cos_end
    if not math.isnan(begun):
        total += _above_plane(sin_b, cos_b, start, sin_start, cos_start) - begun
    return min(max(total / (math.pi * (1 + cos_b) / 2), 0.0), 1.0)


@njit(cache=True, nogil=True)
def _crossing(cut: float, start: float, end: float) -> float:
    """Give the direction between both in which the plane's back side rises above the horizon, or sinks below it."""
    reach = math.acos(cut)
    middle = 0.5 * (start + end)
    turns = math.floor((middle + math.pi) / (2 * math.pi))
    at = 2 * math.pi * turns + (reach if math.sin(middle) > 0.0 else -reach)
    return min(max(at, start), end)


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
