"""Losses that come and go with the hours: soiling by month, snow on the modules, the spectrum of the light."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib

from .errors import SolarError
from .orientations import FloatArray
from .parameters import System
from .weather import HOURS, Weather

# steps of an hour for pvlib's snow model, which measures them by the index
_STEPS = pd.date_range("2023-01-01", periods=HOURS, freq="h", tz="UTC")


def falls_snow(weather: Weather, system: System) -> bool:
    """
    Tell whether snow costs energy: the file gives its depth, and the study does not switch it off.

    Parameters
    ----------
    weather
        One year at one place.
    system
        Snow model.

    Returns
    -------
    bool
        False too where no snow lies all year; then all tilts have the same losses.
    """
    return system.snow_strings > 0 and "snow_depth" in weather.data and bool((weather.data["snow_depth"] >= 1.0).any())


def hourly_share(weather: Weather, system: System, surface_tilt: float, sun: pd.DataFrame) -> FloatArray:
    """
    Share of the DC power that soiling, snow and spectrum leave in each hour.

    Parameters
    ----------
    weather
        One year at one place.
    system
        Soiling by month, snow model, spectrum.
    surface_tilt
        Tilt of the modules, on which snow slides [degrees].
    sun
        pvlib's position of the sun for each row, shape (8760,).

    Returns
    -------
    numpy.ndarray
        Shape (8760,); the spectrum may lift it above 1.

    Raises
    ------
    SolarError
        If the spectrum is asked for and the weather has no humidity.

    Notes
    -----
    Snow by pvlib.snow.coverage_nrel and dc_loss_nrel; whether it slides is judged by the light on level ground. Spectrum by
    pvlib.spectrum.spectral_factor_firstsolar with precipitable water from the file, else from its humidity (Gueymard 1994).
    """
    share = 1.0 - np.asarray(system.soiling, dtype=np.float64)[weather.month - 1]
    if falls_snow(weather, system):
        share = share * (1.0 - _snow(weather.data, surface_tilt, system.snow_strings))
    if system.optics.spectrum != "none":
        share = share * _spectrum(weather, system.optics.spectrum, sun)
    return np.asarray(share, dtype=np.float64)


def _snow(data: pd.DataFrame, surface_tilt: float, strings: int) -> npt.NDArray[np.float64]:
    """Share of the DC power lost to snow."""
    depth, ghi, air = (pd.Series(data[name].to_numpy(dtype=np.float64), index=_STEPS) for name in ("snow_depth", "ghi", "temp_air"))
    fallen = depth.diff().fillna(0.0).clip(lower=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pvlib 0.16 asks pandas 3.1 for a frequency in the old way
        covered = pvlib.snow.coverage_nrel(fallen, ghi, air, surface_tilt, snow_depth=depth)
    return np.asarray(pvlib.snow.dc_loss_nrel(covered, strings), dtype=np.float64)


def _spectrum(weather: Weather, cell: str, sun: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Spectral factor of each hour; 1 where the sun is down."""
    data = weather.data
    if "precipitable_water" in data:
        water = data["precipitable_water"].to_numpy(dtype=np.float64)
    elif "relative_humidity" in data:
        water = pvlib.atmosphere.gueymard94_pw(data["temp_air"].to_numpy(), data["relative_humidity"].to_numpy())
    else:
        raise SolarError(
            f"system: optics.spectrum is '{cell}' but weather '{weather.name}' has neither humidity nor precipitable water; "
            'expected one of them; write spectrum = "none" or give another file'
        )
    airmass = pvlib.atmosphere.get_relative_airmass(sun["apparent_zenith"].to_numpy())
    absolute = pvlib.atmosphere.get_absolute_airmass(airmass, pvlib.atmosphere.alt2pres(weather.altitude))
    with np.errstate(invalid="ignore"):
        factor = pvlib.spectrum.spectral_factor_firstsolar(np.clip(water, 0.1, 8.0), np.minimum(absolute, 10.0), module_type=cell)
    return np.asarray(np.nan_to_num(factor, nan=1.0), dtype=np.float64)
