"""A typical year out of several: for every month the year whose global irradiation is nearest to the mean, written as EPW."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .answers import read_json

# Names of NASA POWER in pvlib's words (pvlib.iotools.nasa_power.VARIABLE_MAP).
_NAMES = {
    "ALLSKY_SFC_SW_DWN": "ghi",
    "ALLSKY_SFC_SW_DNI": "dni",
    "ALLSKY_SFC_SW_DIFF": "dhi",
    "T2M": "temp_air",
    "WS10M": "wind_speed",
}
# What EPW writes for missing values of the fields that are not known here (EnergyPlus, Auxiliary Programs, "EPW data dictionary").
_HOUR = (
    "2023,{month},{day},{hour},0,?9?9?9?9E0,{temp_air:.1f},99.9,999,999999,9999,9999,9999,{ghi:.0f},{dni:.0f},{dhi:.0f},"
    "999999,999999,999999,9999,999,{wind_speed:.1f},99,99,9999,99999,9,999999999,999,0.999,999,99,999,0,99"
)


def read_power_year(path: Path) -> tuple[pd.DataFrame, float]:
    """
    Read an hourly answer of NASA POWER.

    Parameters
    ----------
    path
        JSON file.

    Returns
    -------
    tuple
        Hours in UTC with ghi, dni, dhi [W/m2], temp_air [C], wind_speed [m/s]; altitude [m]. Raises ValueError where it is not a year.
    """
    content = read_json(path)
    values = content["properties"]["parameter"]
    frame = pd.DataFrame({ours: pd.Series(values[theirs], dtype="float64") for theirs, ours in _NAMES.items()})
    frame.index = pd.to_datetime(frame.index, format="%Y%m%d%H").tz_localize("UTC")
    frame = frame.replace(float(content["header"]["fill_value"]), np.nan).sort_index()
    if len(frame) not in (8760, 8784):
        raise ValueError(f"{len(frame)} hours instead of a year")
    return frame, float(content["geometry"]["coordinates"][2])


def typical_months(years: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, list[int]]:
    """
    Put a typical year together.

    Parameters
    ----------
    years
        Whole years of hours in UTC.

    Returns
    -------
    frame : pandas.DataFrame
        8,760 hours, months of different years.
    chosen : list of int
        The year of each month.

    Raises
    ------
    ValueError
        If a month is whole in none of the years.

    Notes
    -----
    The month whose global irradiation is nearest to the mean of the years; a full Finkelstein-Schafer choice (ISO 15927-4) weighs
    temperature and wind too.
    """
    months, chosen = [], []
    for month in range(1, 13):
        parts = [_month(year, month) for year in years]
        whole = [part for part in parts if part["ghi"].notna().mean() > 0.98]
        if not whole:
            raise ValueError(f"no year has month {month} whole")
        sums = np.array([part["ghi"].mean() for part in whole])
        best = whole[int(np.argmin(np.abs(sums - sums.mean())))]
        months.append(best)
        chosen.append(int(best.index[0].year))
    frame = pd.concat(months)
    frame.index = pd.date_range("2023-01-01", periods=len(frame), freq="h", tz="UTC")
    return frame, chosen


def _month(year: pd.DataFrame, month: int) -> pd.DataFrame:
    when = pd.DatetimeIndex(year.index)
    return year[(when.month == month) & ~((month == 2) & (when.day == 29))]


def write_epw(frame: pd.DataFrame, latitude: float, longitude: float, altitude: float, name: str, comment: str) -> str:
    """
    Write a year as EPW.

    Parameters
    ----------
    frame
        8,760 hours in UTC, labelled by their start.
    latitude, longitude
        Of the station [degrees].
    altitude
        Of the station [m].
    name
        Of the station.
    comment
        Where it comes from.

    Returns
    -------
    str
        Text of the file, in the standard time of its longitude.
    """
    zone = round(longitude / 15.0)
    head = [
        f"LOCATION,{name},-,-,NASA POWER,999999,{latitude:.4f},{longitude:.4f},{zone:.1f},{altitude:.1f}",
        "DESIGN CONDITIONS,0",
        "TYPICAL/EXTREME PERIODS,0",
        "GROUND TEMPERATURES,0",
        "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
        f"COMMENTS 1,{comment.replace(',', '')}",
        "COMMENTS 2,written by wuding fetch; fields other than irradiance temperature and wind are not known",
        "DATA PERIODS,1,1,Data,Sunday,1/1,12/31",
    ]
    filled = frame.interpolate(limit=6, limit_direction="both")
    for column in ("ghi", "dni", "dhi"):
        filled[column] = filled[column].clip(lower=0.0)
    # the last hours of the year in UTC are the first ones of the next in the east
    local = pd.DatetimeIndex(filled.index) + pd.Timedelta(hours=zone)
    filled = filled.assign(month=local.month, day=local.day, hour=local.hour + 1).sort_values(["month", "day", "hour"])
    lines = [_HOUR.format_map({str(key): value for key, value in row.items()}) for row in filled.to_dict("records")]
    return "\n".join([*head, *lines]) + "\n"
