"""The reference: pvlib's own functions for one roof, one after another, all hours of the year. Slow, plain, what audits use."""

from __future__ import annotations

import functools
import hashlib
import heapq
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib

from .canopy import Canopy
from .errors import SolarError
from .half_hours import AZIMUTHS, ELEVATIONS, with_halves
from .hourly_losses import hourly_share
from .orientations import BARE, EAST_WEST, MOUNTING_NAMES, RACK, FloatArray, IntArray
from .parameters import System
from .weather import Weather, extra_radiation

BAND_DEGREES = 6.5  # height of the bright band above the horizon (Perez et al. 1987)


def solar_position(weather: Weather) -> pd.DataFrame:
    """
    Compute pvlib's position of the sun for every row of a weather year.

    Parameters
    ----------
    weather
        One year at one place.

    Returns
    -------
    pandas.DataFrame
        pvlib's columns and those of `half_hours.with_halves` [degrees], on the index of the weather.
    """
    place = (weather.latitude, weather.longitude, weather.altitude)
    found = pvlib.solarposition.get_solarposition(weather.sun, *place[:2], altitude=place[2])
    return with_halves(pd.DataFrame(found), pd.DatetimeIndex(weather.data.index), *place).set_index(weather.data.index)


def simulate_reference(
    weather: Weather,
    system: System,
    *,
    surface_tilt: float,
    surface_azimuth: float,
    mounting: int,
    gcr: float = 1.0,
    horizon: npt.ArrayLike,
    sky_view_factor: npt.ArrayLike,
    temperature_offset: float = 0.0,
    canopy: Canopy | None = None,
    position: pd.DataFrame | None = None,
) -> pd.Series:
    """
    Simulate one roof in its own orientation with pvlib's functions.

    Parameters
    ----------
    weather
        One year at one place.
    system
        Module, mounts, optics, losses and inverter.
    surface_tilt
        Tilt of the modules [degrees].
    surface_azimuth
        Azimuth of the modules, clockwise from north [degrees]; of one half where the mount is east-west.
    mounting
        0 flush, 1 rack, 2 east_west.
    gcr
        Module area over field area; used by racks and east-west.
    horizon
        Horizon elevation of the sample points in 72 sectors centred on 0, 5, ... degrees, shape (P, 72) [degrees].
    sky_view_factor
        Visible sky of the module plane over its unobstructed value, shape (P,).
    temperature_offset
        Added to the air temperature [K].
    canopy
        Trees above the horizon; None where there are none.
    position
        Result of `solar_position`, to save its time in a loop.

    Returns
    -------
    pandas.Series
        AC power of each hour [kW per kWp], name `ac`, on the index of the weather.

    Raises
    ------
    SolarError
        If the mount is unknown or the shapes do not fit.

    Notes
    -----
    The physics of `engine.simulate`, written down a second time without classes, tables or compiled code.
    """
    if mounting not in (0, RACK, EAST_WEST):
        raise SolarError(f"reference: mounting is {mounting}; expected 0 flush, 1 rack or 2 east_west")
    sun = solar_position(weather) if position is None else position
    light = plane_light(
        weather,
        system,
        surface_tilt=surface_tilt,
        surface_azimuth=surface_azimuth,
        mounting=mounting,
        gcr=gcr,
        horizon=horizon,
        sky_view_factor=sky_view_factor,
        canopy=canopy,
        position=sun,
    ).to_numpy()
    mount, module = system.mounts[MOUNTING_NAMES[mounting]], system.module
    air, wind = weather.data["temp_air"].to_numpy() + temperature_offset, weather.data["wind_speed"].to_numpy()
    cell = pvlib.temperature.pvsyst_cell(
        light, air, wind, mount.u_c, mount.u_v, module_efficiency=module.efficiency, alpha_absorption=module.absorption,
    )  # fmt: skip
    return ac_power(weather, system, light, cell, surface_tilt=surface_tilt, position=sun)


def ac_power(
    weather: Weather, system: System, light: npt.ArrayLike, cell: npt.ArrayLike, *, surface_tilt: float, position: pd.DataFrame
) -> pd.Series:
    """
    Turn light behind the glass into AC power with pvlib's functions.

    Parameters
    ----------
    weather
        One year at one place.
    system
        Module, losses and inverter.
    light
        Light behind the glass, shape (8760,) [W/m²].
    cell
        Cell temperature, shape (8760,) [°C].
    surface_tilt
        Tilt of the modules, on which snow slides [degrees].
    position
        Result of `solar_position`.

    Returns
    -------
    pandas.Series
        AC power of each hour [kW per kWp], name `ac`.
    """
    module, light, cell = system.module, np.asarray(light, dtype=np.float64), np.asarray(cell, dtype=np.float64)
    if module.model == "adr":
        with np.errstate(divide="ignore"):
            dc = light / 1000.0 * pvlib.pvarray.pvefficiency_adr(np.maximum(light, 0.0), cell, 1.0, **module.adr)
    else:
        dc = pvlib.pvsystem.pvwatts_dc(light, cell, 1.0, module.gamma_pdc)
    dc = dc * hourly_share(weather, system, surface_tilt, position) * system.dc_factor
    ac_rating = 1.0 / system.inverter.dc_ac_ratio
    ac = pvlib.inverter.pvwatts(dc, ac_rating / system.inverter.eta_nom, system.inverter.eta_nom) * system.ac_factor
    return pd.Series(np.maximum(ac, 0.0), index=weather.data.index, name="ac")


def plane_light(
    weather: Weather,
    system: System,
    *,
    surface_tilt: float,
    surface_azimuth: float,
    mounting: int,
    gcr: float = 1.0,
    horizon: npt.ArrayLike,
    sky_view_factor: npt.ArrayLike,
    canopy: Canopy | None = None,
    position: pd.DataFrame | None = None,
) -> pd.Series:
    """
    Compute the light on a plane hour by hour with pvlib's functions.

    Parameters
    ----------
    weather
        One year at one place.
    system
        Sky model, reflection, albedo.
    surface_tilt, surface_azimuth
        The plane; of one half where the mount is east-west [degrees].
    mounting
        0 flush, 1 rack, 2 east_west, 3 bare.
    gcr
        Module area over field area; used by racks and east-west.
    horizon
        Horizon elevation of the sample points, shape (P, 72) [degrees].
    sky_view_factor
        Visible sky of the plane over its unobstructed value, shape (P,).
    canopy
        Trees above the horizon and what they let through; None where there are none.
    position
        Result of `solar_position`, to save its time in a loop.

    Returns
    -------
    pandas.Series
        Behind the glass, on the plane where it is bare [W/m²]; for east-west the mean of both halves.
    """
    sun = solar_position(weather) if position is None else position
    skyline = _horizons(horizon)
    behind = None
    if canopy is not None:
        behind = canopy.sky_view_factor_plane if mounting == BARE else canopy.sky_view_factor_modules
    view = _view(weather, sky_view_factor, canopy, behind)
    bright = _band_share(skyline, surface_azimuth, mounting)
    lit = _lit_share(sun, skyline, weather, canopy)
    return _plane_light(weather, system, sun, lit, bright, surface_tilt, surface_azimuth, mounting, gcr, view)


def plane_irradiation(
    weather: Weather,
    system: System,
    *,
    surface_tilt: float,
    surface_azimuth: float,
    horizon: npt.ArrayLike,
    sky_view_factor: npt.ArrayLike,
    canopy: Canopy | None = None,
    position: pd.DataFrame | None = None,
) -> float:
    """
    Sum the irradiation of a bare plane over the year with pvlib's functions.

    Parameters
    ----------
    weather
        One year at one place.
    system
        Albedo and reflectance of the blocked sky.
    surface_tilt
        Tilt of the plane [degrees].
    surface_azimuth
        Azimuth of the plane [degrees].
    horizon
        Horizon elevation of the sample points, shape (P, 72) [degrees].
    sky_view_factor
        Visible sky of the plane over its unobstructed value, shape (P,).
    canopy
        Trees above the horizon; None where there are none.
    position
        Result of `solar_position`, to save its time in a loop.

    Returns
    -------
    float
        Global irradiation on the plane, before reflection losses [kWh/m²].
    """
    light = plane_light(
        weather,
        system,
        surface_tilt=surface_tilt,
        surface_azimuth=surface_azimuth,
        mounting=BARE,
        horizon=horizon,
        sky_view_factor=sky_view_factor,
        canopy=canopy,
        position=position,
    )
    return float(light.sum() / 1000.0)


def monthly_energy(hourly: pd.Series, weather: Weather) -> FloatArray:
    """
    Sum hourly power by local month.

    Parameters
    ----------
    hourly
        Power of each row of the weather year, shape (8760,) [kW].
    weather
        The year it was simulated with; tells the months.

    Returns
    -------
    numpy.ndarray
        Energy of January to December, shape (12,) [kWh].
    """
    sums = np.bincount(weather.month - 1, weights=hourly.to_numpy(dtype=np.float64), minlength=12)
    return np.asarray(sums, dtype=np.float64)


def audit_sample(ids: Sequence[str], size: int = 200) -> IntArray:
    """
    Choose the roofs that a run simulates again with the reference.

    Parameters
    ----------
    ids
        Unique ids of the roofs, shape (R,).
    size
        How many to choose, at most.

    Returns
    -------
    numpy.ndarray
        Indices into `ids`; the chosen ids and their order depend on the set of ids only, not on their order.
    """
    ranked = heapq.nsmallest(
        size, ((hashlib.blake2b(i.encode(), digest_size=8, person=b"audit").digest(), i, n) for n, i in enumerate(ids))
    )
    return np.array([n for _, _, n in ranked], dtype=np.int64)


def _horizons(horizon: npt.ArrayLike) -> FloatArray:
    """Horizons as (P, 72)."""
    found = np.atleast_2d(np.asarray(horizon, dtype=np.float64))
    if found.ndim != 2 or found.shape[1] != 72 or found.shape[0] == 0:
        raise SolarError(f"reference: horizon has shape {found.shape}; expected (points, 72) degrees")
    return found


def _lit_share(sun: pd.DataFrame, horizon: FloatArray, weather: Weather, canopy: Canopy | None) -> FloatArray:
    """Share of the beam that reaches the points above their horizon, per hour: all above the trees, a part behind them."""
    share = _above(sun, horizon)
    if canopy is not None:
        through = canopy.transmissivity[weather.month - 1]
        share = through * share + (1.0 - through) * _above(sun, np.maximum(horizon, canopy.horizon))
    return np.asarray(share.mean(axis=0), dtype=np.float64)


def _above(sun: pd.DataFrame, horizon: FloatArray) -> FloatArray:
    """Share of the halves of each hour in which the sun stands above each horizon, (P, n)."""
    directions = np.arange(73) * 5.0
    halves = [(sun[azimuth].to_numpy(), sun[elevation].to_numpy()) for azimuth, elevation in zip(AZIMUTHS, ELEVATIONS, strict=True)]
    above = [[up > np.maximum(np.interp(way, directions, np.append(h, h[0])), 0.0) for h in horizon] for way, up in halves]
    return np.asarray(np.mean(above, axis=0), dtype=np.float64)


def _view(weather: Weather, sky_view_factor: npt.ArrayLike, canopy: Canopy | None, above: FloatArray | None) -> FloatArray:
    """Sky that counts, per hour."""
    opaque = float(np.mean(np.asarray(sky_view_factor, dtype=np.float64)))
    if canopy is None or above is None:
        return np.full(len(weather.data), opaque)
    return canopy.view(opaque, float(np.mean(above)))[weather.month - 1]


def _band_share(horizon: FloatArray, azimuth: float, mounting: int) -> tuple[float, float]:
    """Share of the bright band above the horizon that stands free in front of the plane, and behind it."""
    front = np.maximum(np.cos(np.radians(azimuth - np.arange(72) * 5.0)), 0.0)
    free = np.mean(np.clip(1.0 - horizon / BAND_DEGREES, 0.0, 1.0), axis=0)
    before = float(np.sum(free * front) / np.sum(front))
    back = np.maximum(-np.cos(np.radians(azimuth - np.arange(72) * 5.0)), 0.0)
    return before, float(np.sum(free * back) / np.sum(back)) if mounting == EAST_WEST else before


def _plane_light(
    weather: Weather,
    system: System,
    sun: pd.DataFrame,
    lit: FloatArray,
    bright: tuple[float, float],
    tilt: float,
    azimuth: float,
    mounting: int,
    gcr: float,
    view: FloatArray,
) -> pd.Series:
    """Light on the plane, for east-west the mean of both halves [W/m²]."""
    if mounting != EAST_WEST:
        light = _half_light(weather, system, sun, lit, bright[0], tilt, azimuth, mounting, gcr if mounting == RACK else 0.0, view)
    else:
        halves = [
            _half_light(weather, system, sun, lit, share, tilt, (azimuth + turn) % 360.0, mounting, gcr / 2.0, view)
            for share, turn in zip(bright, (0.0, 180.0), strict=True)
        ]
        light = (halves[0] + halves[1]) / 2.0
    return pd.Series(light, index=weather.data.index)


def _half_light(
    weather: Weather,
    system: System,
    sun: pd.DataFrame,
    lit: FloatArray,
    bright: float,
    tilt: float,
    azimuth: float,
    mounting: int,
    row_gcr: float,
    view: FloatArray,
) -> FloatArray:
    """Light behind the glass of one plane (on it, where bare): beam where lit, sky as far as seen, ground, the blocked dome."""
    ghi, dhi, dni = (weather.data[name].to_numpy(dtype=np.float64) for name in ("ghi", "dhi", "dni"))
    zenith, way = sun["apparent_zenith"].to_numpy(), sun["azimuth"].to_numpy()
    aoi = pvlib.irradiance.aoi(tilt, azimuth, zenith, way)
    model = {"haydavies": pvlib.irradiance.haydavies, "perez_driesse": pvlib.irradiance.perez_driesse}[system.optics.transposition]
    sky = model(tilt, azimuth, dhi, dni, extra_radiation(weather.sun), zenith, way, return_components=True)
    front = (1.0 + pvlib.tools.cosd(tilt)) / 2.0
    direct = dni * np.maximum(pvlib.tools.cosd(aoi), 0.0) * lit
    circumsolar = np.nan_to_num(sky["poa_circumsolar"]) * lit
    horizon = np.nan_to_num(sky.get("poa_horizon", np.zeros_like(ghi)))
    horizon = np.where(horizon < 0.0, horizon, horizon * bright)  # a sky darker near the horizon stays so where that is blocked
    ground = pvlib.irradiance.get_ground_diffuse(tilt, ghi, system.optics.albedo)
    dome = np.where(np.isnan(sky["poa_isotropic"]), dhi * front, sky["poa_isotropic"])  # nan where the model has no sun
    # what stands in the way of the sky is never taken as brighter than it
    blocked = np.minimum(system.optics.blocked_reflectance * ghi * front, dome)
    above = dome * view + blocked * (1.0 - view)
    if row_gcr > 0 and tilt > 0:
        shaded = pvlib.shading.shaded_fraction1d(zenith, way, azimuth - 90.0, tilt, collector_width=row_gcr, pitch=1.0)
        free = np.where(np.isnan(shaded), 1.0, 1.0 - shaded)
        direct, circumsolar = direct * free, circumsolar * free
        masking = pvlib.shading.masking_angle_passias(tilt, row_gcr)
        above = above * (1.0 - pvlib.shading.sky_diffuse_passias(masking))
        horizon = horizon * max(0.0, 1.0 - masking / BAND_DEGREES)
    if mounting == BARE or system.optics.iam == "none":
        light = direct + circumsolar + above + horizon + ground
    elif system.optics.iam == "physical_beam":
        light = direct * pvlib.iam.physical(aoi) + circumsolar + above + horizon + ground
    else:
        glass = _diffuse_iam(tilt)
        near = horizon * glass["horizon"] + ground * glass["ground"]
        light = (direct + circumsolar) * pvlib.iam.physical(aoi) + above * glass["sky"] + near
    return np.asarray(light, dtype=np.float64)


@functools.lru_cache(maxsize=256)
def _diffuse_iam(tilt: float) -> dict[str, float]:
    """Tell what the glass lets through of the light from sky, horizon and ground; 0 of what a level plane does not see."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = pvlib.iam.marion_diffuse("physical", tilt)
    return {name: float(np.nan_to_num(share)) for name, share in found.items()}
