"""A weather year in steps of minutes: the same light, with the sun where it stands at each step; what audits compare hours with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pvlib

from .half_hours import standing
from .weather import Weather

MINUTES = 5


def minute_steps(weather: Weather, minutes: int = MINUTES) -> Iterator[tuple[Weather, pd.DataFrame]]:
    """
    Split every hour of a year into steps.

    Parameters
    ----------
    weather
        One year at one place.
    minutes
        Length of a step, a divisor of 60.

    Yields
    ------
    weather
        The year of the first steps of all hours, then of the second ones, and so on; the mean of what they yield is that of the hours.
    position
        Position of the sun in the middle of the steps.

    Notes
    -----
    The light of an hour is spread evenly over those of its steps in which the sun is up, so that the means of the hour stay.
    """
    starts = np.arange(0.0, 60.0, minutes) + minutes / 2.0 - 30.0
    years = [replace(weather, data=weather.data.assign(sun_shift=60.0 * start)) for start in starts]
    place = {"latitude": weather.latitude, "longitude": weather.longitude, "altitude": weather.altitude}
    suns = [standing(pvlib.solarposition.get_solarposition(year.sun, **place).set_index(weather.data.index)) for year in years]
    up = np.stack([(sun["apparent_elevation"] > 0).to_numpy() for sun in suns]).astype(float)
    share = up.mean(axis=0)
    for year, sun, here in zip(years, suns, up, strict=True):
        factor = np.where(share > 0, here / np.where(share > 0, share, 1.0), 1.0)
        light = {name: year.data[name].to_numpy() * factor for name in ("ghi", "dni", "dhi")}
        yield replace(year, data=year.data.assign(**light)), sun
