"""A typical year of Jinan from monthly means, for studies without a weather file; flagged as such everywhere."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib

from .errors import SolarError
from .sunrise import lit_middle
from .weather import HOURS, NOMINAL_YEAR, Weather, extra_radiation

FloatArray = npt.NDArray[np.float64]

_CONSTANTS: Mapping[str, Any] = tomllib.loads((files(__package__) / "climatology.toml").read_text(encoding="utf-8"))

JINAN_LATITUDE = float(_CONSTANTS["place"]["latitude"]["value"])
JINAN_LONGITUDE = float(_CONSTANTS["place"]["longitude"]["value"])
JINAN_ALTITUDE = float(_CONSTANTS["place"]["altitude"]["value"])
JINAN_UTC_OFFSET = float(_CONSTANTS["place"]["utc_offset"]["value"])

# additive recurrences of the golden ratio and of sqrt(2): evenly spread, never periodic, the same on every machine
GOLDEN_STEP = 0.6180339887498949
SILVER_STEP = 0.41421356237309503


def jinan_climatology() -> Weather:
    """
    Make the typical year of Jinan from its monthly means.

    Returns
    -------
    Weather
        8,760 hours at mid-hour of Beijing time; `climatology` is True and `verified` False.

    Raises
    ------
    SolarError
        If a month's mean lies outside what its clear and dark days can add up to.

    Notes
    -----
    pvlib's Ineichen clear sky with the monthly Linke turbidity gives each hour its ceiling. Days run from dark to clear by a
    low-discrepancy sequence raised to the power that meets the month's sum, so that a month has its share of clear and of dark
    days (a mean day every day would have too little beam). Hours of half-clouded days differ. DNI and DHI follow from pvlib's
    Erbs-Driesse decomposition. Temperatures swing daily about the monthly mean with the maximum at 15 h.
    """
    local = pd.date_range(f"{NOMINAL_YEAR}-01-01 00:30", periods=HOURS, freq="h")
    index = pd.DatetimeIndex((local - pd.Timedelta(hours=JINAN_UTC_OFFSET)).tz_localize("UTC"))
    shift, lit = lit_middle(index, JINAN_LATITUDE, JINAN_LONGITUDE, JINAN_ALTITUDE)
    instants = index + pd.to_timedelta(shift, unit="s")
    sun = pvlib.solarposition.get_solarposition(instants, JINAN_LATITUDE, JINAN_LONGITUDE, altitude=JINAN_ALTITUDE)
    zenith = sun["apparent_zenith"].to_numpy()
    ceiling = _clear_ghi(index, zenith, local) * lit
    month = np.asarray(local.month)
    monthly = _CONSTANTS["monthly"]
    index_of_clear = np.empty(HOURS)
    for number in range(1, 13):
        rows = month == number
        index_of_clear[rows] = _clear_sky_index(number, local[rows], ceiling[rows], float(monthly["ghi"]["value"][number - 1]))
    ghi = index_of_clear * ceiling
    part = np.where(lit > 0, lit, 1.0)  # the mean over the hour is that over the lit part times its share
    split = pvlib.irradiance.erbs_driesse(ghi / part, zenith, dni_extra=extra_radiation(index))
    data = pd.DataFrame(
        {
            "ghi": ghi,
            "dni": split["dni"] * part,
            "dhi": split["dhi"] * part,
            "temp_air": _temperature(local),
            "wind_speed": _seasonal(local, monthly["wind_speed"]["value"]),
            "sun_shift": shift,
        },
        index=index,
    )
    return Weather(
        name=str(_CONSTANTS["place"]["name"]),
        latitude=JINAN_LATITUDE,
        longitude=JINAN_LONGITUDE,
        altitude=JINAN_ALTITUDE,
        data=data,
        utc_offset=JINAN_UTC_OFFSET,
        source="climatology.toml",
        verified=False,
        climatology=True,
        stamp_offset_h=None,
        notes=("typical year made from recalled monthly means of Jinan, not from a weather file; not verified",),
    )


def jinan_monthly_ghi() -> FloatArray:
    """
    Give the monthly sums of global irradiation from which the climatology is made.

    Returns
    -------
    numpy.ndarray
        Shape (12,) [kWh/m² per month].
    """
    return np.asarray(_CONSTANTS["monthly"]["ghi"]["value"], dtype=np.float64)


def _clear_ghi(index: pd.DatetimeIndex, zenith: FloatArray, local: pd.DatetimeIndex) -> FloatArray:
    """Clear-sky GHI [W/m²] with the monthly turbidity interpolated between mid-months."""
    pressure = pvlib.atmosphere.alt2pres(JINAN_ALTITUDE)
    airmass = pvlib.atmosphere.get_absolute_airmass(pvlib.atmosphere.get_relative_airmass(zenith), pressure)
    turbidity = _seasonal(local, _CONSTANTS["monthly"]["linke_turbidity"]["value"])
    extra = extra_radiation(index)
    with np.errstate(divide="ignore", invalid="ignore"):  # hours below the horizon
        clear = pvlib.clearsky.ineichen(zenith, airmass, turbidity, altitude=JINAN_ALTITUDE, dni_extra=extra)
    return np.nan_to_num(np.asarray(clear["ghi"], dtype=np.float64))


def _seasonal(local: pd.DatetimeIndex, values: list[float]) -> FloatArray:
    """Monthly values interpolated between the middles of the months, December next to January."""
    starts = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    middles = (starts[:-1] + starts[1:]) / 2.0
    day = np.asarray(local.day_of_year) - 1 + np.asarray(local.hour) / 24.0
    return np.asarray(np.interp(day, middles, values, period=365.0), dtype=np.float64)


def _clear_sky_index(number: int, local: pd.DatetimeIndex, ceiling: FloatArray, target_kwh: float) -> FloatArray:
    """Clear-sky index of each hour of one month, such that the month's sum is met."""
    days = _CONSTANTS["days"]
    darkest, clearest, spread = (float(days[k]["value"]) for k in ("darkest", "clearest", "hourly_spread"))
    rank = np.mod(0.5 + GOLDEN_STEP * np.asarray(local.day_of_year, dtype=np.float64), 1.0)
    hour_of_year = np.asarray(local.day_of_year) * 24 + np.asarray(local.hour)
    wobble = 2.0 * np.mod(SILVER_STEP * hour_of_year, 1.0) - 1.0

    def hours(power: float) -> FloatArray:
        day = darkest + (clearest - darkest) * rank**power
        # no spread on dark and on clear days, most between
        place = (day - darkest) / (clearest - darkest)
        return np.asarray(np.clip(day + spread * 4.0 * place * (1.0 - place) * wobble, 0.5 * darkest, clearest), dtype=np.float64)

    low, high = np.log(0.01), np.log(100.0)
    if not float(hours(np.exp(high)) @ ceiling) < 1000.0 * target_kwh < float(hours(np.exp(low)) @ ceiling):
        raise SolarError(f"climatology month {number}: {target_kwh:g} kWh/m² is not between dark and clear; correct climatology.toml")
    for _ in range(60):  # the sum falls as the power grows
        middle = (low + high) / 2.0
        low, high = (middle, high) if float(hours(np.exp(middle)) @ ceiling) > 1000.0 * target_kwh else (low, middle)
    found = hours(np.exp(low))
    return np.asarray(found * (1000.0 * target_kwh / float(found @ ceiling)), dtype=np.float64)


def _temperature(local: pd.DatetimeIndex) -> FloatArray:
    """Air temperature [°C]: monthly mean and a daily cosine with its maximum at 15 h."""
    monthly = _CONSTANTS["monthly"]
    mean, swing = _seasonal(local, monthly["temp_air"]["value"]), _seasonal(local, monthly["temp_range"]["value"])
    hour = np.asarray(local.hour, dtype=np.float64) + 0.5
    return np.asarray(mean + swing / 2.0 * np.cos(2.0 * np.pi * (hour - 15.0) / 24.0), dtype=np.float64)
