"""GCJ-02 and BD-09, the shifted coordinates of Chinese web maps, and WGS 84."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]

# Krasovsky 1940, on which the (published-by-reverse-engineering, nowhere official) shift is defined.
_A = 6378245.0
_EE = 0.00669342162296594323
_BD = math.pi * 3000.0 / 180.0


@njit(cache=True, nogil=True)
def _shift(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(x))
    waves = 20.0 * math.sin(6.0 * math.pi * x) + 20.0 * math.sin(2.0 * math.pi * x)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (waves + 20.0 * math.sin(math.pi * y) + 40.0 * math.sin(math.pi / 3.0 * y)) * 2.0 / 3.0
    north += (160.0 * math.sin(math.pi / 12.0 * y) + 320.0 * math.sin(math.pi / 30.0 * y)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (waves + 20.0 * math.sin(math.pi * x) + 40.0 * math.sin(math.pi / 3.0 * x)) * 2.0 / 3.0
    east += (150.0 * math.sin(math.pi / 12.0 * x) + 300.0 * math.sin(math.pi / 30.0 * x)) * 2.0 / 3.0
    sine = math.sin(math.radians(lat))
    magic = 1.0 - _EE * sine * sine
    meridian = _A * (1.0 - _EE) / (magic * math.sqrt(magic))
    parallel = _A / math.sqrt(magic) * math.cos(math.radians(lat))
    return math.degrees(east / parallel), math.degrees(north / meridian)


@njit(cache=True, nogil=True)
def _add_shift(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    out_lon, out_lat = np.empty_like(lon), np.empty_like(lat)
    for i in range(lon.size):
        dlon, dlat = _shift(lon[i], lat[i])
        out_lon[i], out_lat[i] = lon[i] + dlon, lat[i] + dlat
    return out_lon, out_lat


@njit(cache=True, nogil=True)
def _take_shift(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    out_lon, out_lat = np.empty_like(lon), np.empty_like(lat)
    for i in range(lon.size):
        x, y = lon[i], lat[i]
        # The shift changes by under 1/100 of a move, so each pass gains two digits and more.
        for _ in range(6):
            dlon, dlat = _shift(x, y)
            x, y = lon[i] - dlon, lat[i] - dlat
        out_lon[i], out_lat[i] = x, y
    return out_lon, out_lat


def gcj02_from_wgs84(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
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
    return _add_shift(np.ascontiguousarray(lon, float), np.ascontiguousarray(lat, float))  # type: ignore[no-any-return]


def wgs84_from_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
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
    return _take_shift(np.ascontiguousarray(lon, float), np.ascontiguousarray(lat, float))  # type: ignore[no-any-return]


def bd09_from_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
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
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def gcj02_from_bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
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
    x, y = np.asarray(lon, float) - 0.0065, np.asarray(lat, float) - 0.006
    for _ in range(6):
        there_x, there_y = bd09_from_gcj02(x, y)
        x, y = x + (lon - there_x), y + (lat - there_y)
    return x, y
