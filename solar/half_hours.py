"""Where the sun stands in the middle of each half of an hour: the beam meets the horizon there, since the sun moves 15 degrees an hour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib

FloatArray = npt.NDArray[np.float64]

HALVES = 2
QUARTER_HOUR_S = 900.0
ELEVATIONS = ("elevation_0", "elevation_1")
AZIMUTHS = ("azimuth_0", "azimuth_1")


def with_halves(sun: pd.DataFrame, middle: pd.DatetimeIndex, latitude: float, longitude: float, altitude: float) -> pd.DataFrame:
    """
    Add where the sun stands in both halves of each hour.

    Parameters
    ----------
    sun
        pvlib's position of the sun at which the hour's light is reckoned, shape (n, ...).
    middle
        Middle of each hour, instants in UTC, shape (n,).
    latitude, longitude
        Place [degrees].
    altitude
        Height above the sea [m].

    Returns
    -------
    pandas.DataFrame
        With columns elevation_0, azimuth_0 (first half), elevation_1, azimuth_1 (second half) [degrees], refraction included.

    Notes
    -----
    Where the sun is down in one half both are the other half's, since the hour's light falls in that; where it is down in both they are
    the position given. Each half then counts half of the hour's beam.
    """
    found = [
        pvlib.solarposition.get_solarposition(middle + pd.Timedelta(seconds=s), latitude, longitude, altitude=altitude)
        for s in (-QUARTER_HOUR_S, QUARTER_HOUR_S)
    ]
    elevation, azimuth = (np.stack([half[name].to_numpy(dtype=np.float64) for half in found]) for name in ("apparent_elevation", "azimuth"))
    up = elevation > 0
    own = sun["apparent_elevation"].to_numpy(), sun["azimuth"].to_numpy()
    columns: dict[str, FloatArray] = {}
    for half in range(HALVES):
        other = 1 - half
        for name, values, given in ((ELEVATIONS, elevation, own[0]), (AZIMUTHS, azimuth, own[1])):
            columns[name[half]] = np.where(up[half], values[half], np.where(up[other], values[other], given))
    return sun.assign(**columns)


def standing(sun: pd.DataFrame) -> pd.DataFrame:
    """
    Let the sun stand still within each step, for steps so short that it moves little.

    Parameters
    ----------
    sun
        pvlib's position of the sun, shape (n, ...).

    Returns
    -------
    pandas.DataFrame
        With the columns of `with_halves`, both halves where the sun stands in the middle.
    """
    both = dict.fromkeys(ELEVATIONS, sun["apparent_elevation"]) | dict.fromkeys(AZIMUTHS, sun["azimuth"])
    return sun.assign(**both)
