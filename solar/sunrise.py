"""In hours of sunrise and sunset the sun is put in the middle of the lit part, not of the hour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib

FloatArray = npt.NDArray[np.float64]

HALF_HOUR_S = 1800.0
# beyond this distance from the horizon the sun cannot cross it within half an hour
NEAR_HORIZON_DEGREES = 9.0


def lit_middle(index: pd.DatetimeIndex, latitude: float, longitude: float, altitude: float) -> tuple[FloatArray, FloatArray]:
    """
    Find where the sun stands in the middle of the lit part of each hour.

    Parameters
    ----------
    index
        Middle of each hour, instants in UTC, shape (n,).
    latitude, longitude
        Place [degrees].
    altitude
        Height above the sea [m].

    Returns
    -------
    shift
        Middle of the lit part minus middle of the hour, 0 where the sun neither rises nor sets in it, shape (n,) [s].
    lit
        Share of the hour with the sun above the horizon, shape (n,).

    Notes
    -----
    The horizon crossing is taken from straight lines between the elevations at start, middle and end of the hour, refraction included.
    """
    before, middle, after = (
        pvlib.solarposition.get_solarposition(index + pd.Timedelta(seconds=s), latitude, longitude, altitude=altitude)[
            "apparent_elevation"
        ].to_numpy()
        for s in (-HALF_HOUR_S, 0.0, HALF_HOUR_S)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.where(middle > 0, -HALF_HOUR_S * middle / (middle - before), HALF_HOUR_S * -middle / (after - middle))
        fall = np.where(middle > 0, HALF_HOUR_S * middle / (middle - after), -HALF_HOUR_S * -middle / (before - middle))
    near = np.abs(middle) < NEAR_HORIZON_DEGREES
    rises, sets = near & (before < 0) & (after > 0), near & (before > 0) & (after < 0)
    shift = np.where(rises, (rise + HALF_HOUR_S) / 2.0, np.where(sets, (fall - HALF_HOUR_S) / 2.0, 0.0))
    lit = np.where(
        rises, (HALF_HOUR_S - rise) / (2 * HALF_HOUR_S), np.where(sets, (fall + HALF_HOUR_S) / (2 * HALF_HOUR_S), 1.0 * (middle > 0))
    )
    return np.round(np.nan_to_num(shift)), np.asarray(lit, dtype=np.float64)


def sun_shift(index: pd.DatetimeIndex, data: pd.DataFrame, latitude: float, longitude: float, altitude: float) -> FloatArray:
    """
    Choose for a file where the sun stands in its hours of sunrise and sunset.

    Parameters
    ----------
    index
        Instants at which the sun stands for the rows, shape (n,).
    data
        Columns ghi, dni and dhi [W/m²].
    latitude, longitude
        Place [degrees].
    altitude
        Height above the sea [m].

    Returns
    -------
    numpy.ndarray
        Seconds to add to the index, shape (n,): to the middle of the lit part, or 0 everywhere where GHI = DHI + DNI cos z closes better
        in these hours as they are (files of instants, not of means).
    """
    shift, _ = lit_middle(index, latitude, longitude, altitude)
    moved = (shift != 0) & (data["dni"].to_numpy() > 0)
    if not moved.any():
        return shift
    rows = data[moved]
    errors = []
    for instants in (index[moved], index[moved] + pd.to_timedelta(shift[moved], unit="s")):
        zenith = pvlib.solarposition.get_solarposition(instants, latitude, longitude, altitude=altitude)["apparent_zenith"].to_numpy()
        closed = rows["dhi"].to_numpy() + rows["dni"].to_numpy() * np.maximum(pvlib.tools.cosd(zenith), 0.0)
        errors.append(float(np.sum((rows["ghi"].to_numpy() - closed) ** 2)))
    return shift if errors[1] <= errors[0] else np.zeros(len(index))
