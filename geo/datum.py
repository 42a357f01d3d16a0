"""GCJ-02 and BD-09, the shifted coordinates of Chinese web maps, and WGS 84."""

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Pair = tuple[float, float]

# GCJ-02 and BD-09 are shifts of longitude and latitude; outside China they are not defined.
SHIFTED = ("gcj02", "bd09")
# West, south, east, north of the rectangle in which they are in use. [degrees]
CHINA = (72.004, 0.8293, 137.8347, 55.8271)

# Krasovsky 1940, on which the (published-by-reverse-engineering, nowhere official) shift is defined.
_A = 6378245.0
_EE = 0.00669342162296594323
_THIRD, _TWELFTH, _THIRTIETH = 1.0 / 3.0, 1.0 / 12.0, 1.0 / 30.0
# The shift (at most 0.8 km) changes by under 1/150 of a move, so three passes end at 0.25 mm; Baidu's is a hundred times smoother.
_PASSES = 3
# Points handed to a thread at once: long enough to hide the cost of handing over.
_CHUNK = 1 << 14
# Taylor coefficients of sin(pi t) / t in t^2: complete to a double's last digit for |t| <= 1/2.
_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10 = ((-1) ** k * math.pi ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(11))


@njit(cache=True, nogil=True, error_model="numpy")
def _sin_pi(t: float) -> float:
    """Sine of pi t without a branch or a call, so that the compiler takes several points at once, and the same on every machine."""
    whole: float = np.floor(t + 0.5)
    r = t - whole
    q = r * r
    sine: float = _C10
    for c in (_C9, _C8, _C7, _C6, _C5, _C4, _C3, _C2, _C1, _C0):
        sine = sine * q + c
    sign: float = 1.0 - 2.0 * (whole - 2.0 * np.floor(whole * 0.5))
    value: float = r * sine * sign
    return value


@njit(cache=True, nogil=True, error_model="numpy")
def _shift(lon: float, lat: float) -> Pair:
    x, y = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(x))
    s2 = _sin_pi(2.0 * x)
    waves = 20.0 * (3.0 * s2 - 4.0 * s2 * s2 * s2) + 20.0 * s2  # sin 3a = 3 sin a - 4 sin^3 a
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (waves + 20.0 * _sin_pi(y) + 40.0 * _sin_pi(y * _THIRD)) * 2.0 / 3.0
    north += (160.0 * _sin_pi(y * _TWELFTH) + 320.0 * _sin_pi(y * _THIRTIETH)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (waves + 20.0 * _sin_pi(x) + 40.0 * _sin_pi(x * _THIRD)) * 2.0 / 3.0
    east += (150.0 * _sin_pi(x * _TWELFTH) + 300.0 * _sin_pi(x * _THIRTIETH)) * 2.0 / 3.0
    sine = _sin_pi(lat / 180.0)
    magic = 1.0 - _EE * sine * sine
    meridian = _A * (1.0 - _EE) / (magic * math.sqrt(magic))
    parallel = _A / math.sqrt(magic) * math.sqrt(1.0 - sine * sine)
    return math.degrees(east / parallel), math.degrees(north / meridian)


@njit(cache=True, nogil=True, error_model="numpy")
def _baidu(lon: float, lat: float) -> Pair:
    """Add Baidu's offset: a turn by at most 3e-6 and a stretch, so the turn's sine and cosine need two terms of their series."""
    stretch = 1.0 + 0.00002 * _sin_pi(lat * 50.0 / 3.0) / math.sqrt(lon * lon + lat * lat)
    turn = 0.000003 * _sin_pi(lon * 50.0 / 3.0 + 0.5)
    sine, cosine = turn - turn * turn * turn / 6.0, 1.0 - turn * turn / 2.0
    return stretch * (lon * cosine - lat * sine) + 0.0065, stretch * (lat * cosine + lon * sine) + 0.006


@njit(cache=True, nogil=True, error_model="numpy")
def _gcj_from_wgs(lon: Floats, lat: Floats) -> None:
    for i in range(lon.size):
        east, north = _shift(lon[i], lat[i])
        lon[i] += east
        lat[i] += north


@njit(cache=True, nogil=True, error_model="numpy")
def _wgs_from_gcj(lon: Floats, lat: Floats) -> None:
    x, y = lon.copy(), lat.copy()
    for _ in range(_PASSES):
        for i in range(lon.size):
            east, north = _shift(x[i], y[i])
            x[i] = lon[i] - east
            y[i] = lat[i] - north
    lon[:] = x
    lat[:] = y


@njit(cache=True, nogil=True, error_model="numpy")
def _bd_from_gcj(lon: Floats, lat: Floats) -> None:
    for i in range(lon.size):
        east, north = _baidu(lon[i], lat[i])
        lon[i] = east
        lat[i] = north


@njit(cache=True, nogil=True, error_model="numpy")
def _gcj_from_bd(lon: Floats, lat: Floats) -> None:
    x, y = lon - 0.0065, lat - 0.006
    for _ in range(_PASSES):
        for i in range(lon.size):
            east, north = _baidu(x[i], y[i])
            x[i] += lon[i] - east
            y[i] += lat[i] - north
    lon[:] = x
    lat[:] = y


def _everywhere(kernel: Callable[[Floats, Floats], None], lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Run a kernel over copies, in threads: each point stands for itself, so the cut changes nothing."""
    x, y = np.array(lon, np.float64, order="C", ndmin=1), np.array(lat, np.float64, order="C", ndmin=1)
    starts = range(0, x.size, _CHUNK)
    if len(starts) < 2:
        kernel(x, y)
        return x, y
    with ThreadPoolExecutor(min(len(starts), os.cpu_count() or 1)) as pool:
        list(pool.map(lambda start: kernel(x[start : start + _CHUNK], y[start : start + _CHUNK]), starts))
    return x, y


def gcj02_from_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
    """
    Shift WGS 84 (or CGCS2000) longitudes and latitudes to GCJ-02.

    Parameters
    ----------
    lon, lat
        Shape (n,) [degrees], inside China: outside it GCJ-02 is not defined.

    Returns
    -------
    tuple of arrays
        Longitude and latitude in GCJ-02, shape (n,) [degrees].

    Notes
    -----
    The formula was never published officially; this is the one in general use (e.g. `eviltransform`).
    """
    return _everywhere(_gcj_from_wgs, lon, lat)


def wgs84_from_gcj02(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
    """
    Take the GCJ-02 shift out again, by fixed-point iteration to under a millimetre.

    Parameters
    ----------
    lon, lat
        Shape (n,) [degrees] in GCJ-02.

    Returns
    -------
    tuple of arrays
        Longitude and latitude in WGS 84, shape (n,) [degrees].
    """
    return _everywhere(_wgs_from_gcj, lon, lat)


def bd09_from_gcj02(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
    """
    Add Baidu's second shift to GCJ-02.

    Parameters
    ----------
    lon, lat
        Shape (n,) [degrees] in GCJ-02.

    Returns
    -------
    tuple of arrays
        Longitude and latitude in BD-09, shape (n,) [degrees].
    """
    return _everywhere(_bd_from_gcj, lon, lat)


def gcj02_from_bd09(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
    """
    Take Baidu's second shift out again, by fixed-point iteration.

    Parameters
    ----------
    lon, lat
        Shape (n,) [degrees] in BD-09.

    Returns
    -------
    tuple of arrays
        Longitude and latitude in GCJ-02, shape (n,) [degrees].
    """
    return _everywhere(_gcj_from_bd, lon, lat)


def unshifted(lon: npt.ArrayLike, lat: npt.ArrayLike, datum: str) -> tuple[Floats, Floats]:
    """
    Take out the shift that the study names.

    Parameters
    ----------
    lon, lat
        Shape (n,) [degrees].
    datum
        "gcj02" or "bd09".

    Returns
    -------
    tuple of arrays
        Longitude and latitude in WGS 84, shape (n,) [degrees].
    """
    return wgs84_from_gcj02(*(gcj02_from_bd09(lon, lat) if datum == "bd09" else (lon, lat)))
