"""The shared sky: for each orientation class, what arrives on the plane in each hour of light, by pvlib, once for all roofs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib

from .half_hours import AZIMUTHS, ELEVATIONS, with_halves
from .hourly_losses import falls_snow, hourly_share
from .orientations import BARE, EAST_WEST, FLUSH, MOUNTING_NAMES, RACK, FloatArray, IntArray, Orientations
from .parameters import System
from .weather import Weather, extra_radiation

Float32Array = npt.NDArray[np.float32]

# planes computed at a time: keeps pvlib's temporaries near 10 MB
PLANES_PER_BLOCK = 48
# pvlib's floors of cos(zenith) below the circumsolar light
COSZ_FLOOR = {"haydavies": 0.01745, "perez_driesse": float(np.cos(np.radians(85.0)))}
# the band above the horizon from which Perez's brightening comes (Perez et al. 1987: 6.5 degrees)
BAND_DEGREES = 6.5
SECTORS = 72


@dataclass(frozen=True, eq=False)
class Sky:
    """
    What the engine needs of weather, orientations and system; H hours of light sorted by local month, C classes.

    Notes
    -----
    `half_elevation` and `half_azimuth` (2, H) are where the sun stands in both halves of the hour [degrees].
    `beam` (C, H) is direct and circumsolar light on the plane after reflection loss and row shade [W/m²]. Isotropic light from
    the sky and from the ground are products of an hourly value (`sky_diffuse`, `ghi`, shape (H,) [W/m²]) and a factor of the class
    (`sky_factor`, `ground_factor`, shape (C,)), after reflection loss and masking by rows; `blocked` (H,) [W/m²] stands in the place of
    `sky_diffuse` where the sky is blocked, and is never more. `brightening` (H,) [W/m²] is Perez's light from near the horizon on a wall,
    0 with Hay and Davies, and `band` (C, 72) what each sector of the horizon adds of it. `dc_share` (K, H) is what soiling, snow and
    spectrum leave, one row, or one for each tilt where snow slides; `dc_row` (C,) tells the row. `month_start` (13,) bounds the
    months in the hours. `temperature_rise` (4, H) is the cell's rise over the air per irradiance [K/(W/m²)] by mounting code. `hours`
    are the rows of the weather year, `hour_of_year` their clock hours in local standard time, 0 to 8759.
    """

    orientations: Orientations
    system: System
    hours: IntArray
    hour_of_year: IntArray
    month_start: IntArray
    solar_elevation: FloatArray
    solar_azimuth: FloatArray
    half_elevation: FloatArray
    half_azimuth: FloatArray
    ghi: FloatArray
    sky_diffuse: FloatArray
    blocked: FloatArray
    temp_air: FloatArray
    wind_speed: FloatArray
    temperature_rise: FloatArray
    beam: Float32Array
    sky_factor: FloatArray
    ground_factor: FloatArray
    brightening: FloatArray
    band: FloatArray
    dc_share: FloatArray
    dc_row: IntArray

    @property
    def month(self) -> IntArray:
        """Local month of each hour of light, 1 to 12, shape (H,)."""
        return np.repeat(np.arange(1, 13), np.diff(self.month_start))


@dataclass(frozen=True, eq=False)
class _Light:
    """Hours of light of the weather year, sorted by month."""

    hours: IntArray
    month_start: IntArray
    sun: pd.DataFrame
    data: pd.DataFrame
    sky_diffuse: FloatArray
    brightening: FloatArray
    sunward: FloatArray


def prepare_sky(weather: Weather, orientations: Orientations, system: System) -> Sky:
    """
    Compute the sky of one weather cell on all orientation classes.

    Parameters
    ----------
    weather
        One year at one place.
    orientations
        Classes, from `orientation_grid` or a roof's own.
    system
        Optics and mounts.

    Returns
    -------
    Sky
        Arrays for `simulate`; about 20 MB for the default grid.

    Notes
    -----
    Transposition by Hay and Davies or by Perez and Driesse; the circumsolar part is shaded with the beam, the brightening near the
    horizon is cut where the horizon stands above the band it comes from. Reflection by pvlib.iam.physical on the beam and
    pvlib.iam.marion_diffuse on sky and ground. Row shade in endless rows: beam by pvlib.shading.shaded_fraction1d, in proportion to the
    lit width (no electrical mismatch), sky by the mean masking angle of Passias and Källbäck. East-west is the mean of both halves, as on
    one inverter.
    """
    light = _light(weather, system)
    view = 0.5 * (1.0 + pvlib.tools.cosd(orientations.surface_tilt))
    seen, sky_iam, ground_iam, band_iam = _diffuse_factors(orientations, system)
    data = light.data
    dc_share, dc_row = _dc_shares(weather, light, orientations, system)
    rise = np.zeros((len(MOUNTING_NAMES), light.hours.size))
    wind = data["wind_speed"].to_numpy()
    for code in (FLUSH, RACK, EAST_WEST):
        mount = system.mounts[MOUNTING_NAMES[code]]
        rise[code] = pvlib.temperature.pvsyst_cell(
            1.0, 0.0, wind, mount.u_c, mount.u_v, module_efficiency=system.module.efficiency, alpha_absorption=system.module.absorption
        )
    return Sky(
        orientations=orientations,
        system=system,
        hours=light.hours,
        hour_of_year=weather.hour_of_year[light.hours],
        month_start=light.month_start,
        solar_elevation=light.sun["apparent_elevation"].to_numpy(dtype=np.float64),
        solar_azimuth=light.sun["azimuth"].to_numpy(dtype=np.float64),
        half_elevation=light.sun[list(ELEVATIONS)].to_numpy(dtype=np.float64).T.copy(),
        half_azimuth=light.sun[list(AZIMUTHS)].to_numpy(dtype=np.float64).T.copy(),
        ghi=data["ghi"].to_numpy(dtype=np.float64),
        sky_diffuse=light.sky_diffuse,
        blocked=np.minimum(system.optics.blocked_reflectance * data["ghi"].to_numpy(dtype=np.float64), light.sky_diffuse),
        temp_air=data["temp_air"].to_numpy(dtype=np.float64),
        wind_speed=wind.astype(np.float64),
        temperature_rise=rise,
        beam=_beam(light, orientations, system),
        sky_factor=view * seen * sky_iam,
        ground_factor=system.optics.albedo * (1.0 - view) * ground_iam,
        brightening=light.brightening,
        band=_band(orientations) * band_iam[:, None],
        dc_share=dc_share,
        dc_row=dc_row,
    )


def _light(weather: Weather, system: System) -> _Light:
    """Rows with light, in months, with pvlib's sun."""
    data = weather.data
    lit = np.flatnonzero((data["ghi"] > 0) | (data["dni"] > 0) | (data["dhi"] > 0))
    hours = lit[np.argsort(weather.month[lit], kind="stable")]
    index = pd.DatetimeIndex(weather.sun[hours])
    place = (weather.latitude, weather.longitude, weather.altitude)
    sun = pvlib.solarposition.get_solarposition(index, *place[:2], altitude=place[2])
    sun = with_halves(pd.DataFrame(sun), pd.DatetimeIndex(data.index[hours]), *place)
    start = np.searchsorted(weather.month[hours], np.arange(1, 14))
    dni, dhi = data["dni"].to_numpy()[hours], data["dhi"].to_numpy()[hours]
    isotropic, brightening = _sky_parts(dni, dhi, extra_radiation(index), sun, system.optics.transposition)
    floor = COSZ_FLOOR[system.optics.transposition]
    zenith = sun["apparent_zenith"].to_numpy()
    sunward = np.where(zenith < 90.0, dni + (dhi - isotropic) / np.maximum(pvlib.tools.cosd(zenith), floor), 0.0)
    return _Light(hours, start, sun, data.iloc[hours], isotropic, brightening, sunward)


def _sky_parts(dni: FloatArray, dhi: FloatArray, extra: FloatArray, sun: pd.DataFrame, model: str) -> tuple[FloatArray, FloatArray]:
    """Isotropic light on level ground and the brightening on a wall, per hour: pvlib's own parts on a wall that faces north."""
    zenith, azimuth = sun["apparent_zenith"].to_numpy(), sun["azimuth"].to_numpy()
    if model == "haydavies":
        parts = pvlib.irradiance.haydavies(90.0, 0.0, dhi, dni, extra, zenith, azimuth, return_components=True)
        return np.asarray(2.0 * parts["poa_isotropic"]), np.zeros(dhi.size)
    with np.errstate(invalid="ignore", divide="ignore"):  # no sun, no air mass
        parts = pvlib.irradiance.perez_driesse(90.0, 0.0, dhi, dni, extra, zenith, azimuth, return_components=True)
    isotropic, brightening = 2.0 * np.asarray(parts["poa_isotropic"]), np.asarray(parts["poa_horizon"])
    known = np.isfinite(isotropic) & np.isfinite(brightening)
    return np.where(known, isotropic, dhi), np.where(known, brightening, 0.0)


def _band(orientations: Orientations) -> FloatArray:
    """Give what each sector of an open horizon adds to the brightening on a plane: sin(tilt) in all, from the sectors in front of it."""
    azimuths = orientations.surface_azimuth[:, None] - np.arange(SECTORS) * (360.0 / SECTORS)
    front = np.maximum(pvlib.tools.cosd(azimuths), 0.0)
    both = np.abs(pvlib.tools.cosd(azimuths)) / 2.0
    weight = np.where(orientations.mounting[:, None] == EAST_WEST, both, front)
    band = pvlib.tools.sind(orientations.surface_tilt)[:, None] * weight / weight.sum(axis=1, keepdims=True)
    return np.asarray(band * _band_over_rows(orientations)[:, None])


def _band_over_rows(orientations: Orientations) -> FloatArray:
    """Share of the band near the horizon that rows leave to those behind them."""
    gcr, left = _row_gcr(orientations), np.ones(len(orientations))
    rows = gcr > 0
    masking = np.nan_to_num(pvlib.shading.masking_angle_passias(orientations.surface_tilt[rows], gcr[rows]))
    left[rows] = np.clip(1.0 - masking / BAND_DEGREES, 0.0, 1.0)
    return left


def _dc_shares(weather: Weather, light: _Light, orientations: Orientations, system: System) -> tuple[FloatArray, IntArray]:
    """Give what soiling, snow and spectrum leave: for each tilt where snow slides, otherwise the same for all."""
    sun = pd.DataFrame({"apparent_zenith": np.full(len(weather.data), 180.0)}, index=weather.data.index)
    sun.iloc[light.hours, 0] = light.sun["apparent_zenith"].to_numpy()
    if falls_snow(weather, system):
        tilts, row = np.unique(orientations.surface_tilt, return_inverse=True)
    else:
        tilts, row = np.zeros(1), np.zeros(len(orientations), dtype=np.int64)
    return np.stack([hourly_share(weather, system, float(tilt), sun)[light.hours] for tilt in tilts]), row.astype(np.int64)


def _row_gcr(orientations: Orientations) -> FloatArray:
    """Collector width over pitch of the rows (0: no rows); in an east-west field each half has half of the field's gcr."""
    rows = np.where(orientations.mounting == RACK, orientations.gcr, 0.0)
    return np.where(orientations.mounting == EAST_WEST, orientations.gcr / 2.0, rows)


def _diffuse_factors(orientations: Orientations, system: System) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Share of the sky left by the rows, and reflection factors of light from sky, ground and horizon, per class."""
    gcr = _row_gcr(orientations)
    seen = np.ones(len(orientations))
    rows = gcr > 0
    if rows.any():
        masking = pvlib.shading.masking_angle_passias(orientations.surface_tilt[rows], gcr[rows])
        seen[rows] = 1.0 - pvlib.shading.sky_diffuse_passias(np.nan_to_num(masking))
    sky_iam, ground_iam, band_iam = np.ones((3, len(orientations)))
    glass = orientations.mounting != BARE
    if system.optics.iam == "physical" and glass.any():
        tilts, back = np.unique(orientations.surface_tilt[glass], return_inverse=True)
        with np.errstate(divide="ignore", invalid="ignore"):  # a flat plane sees no ground
            marion = pvlib.iam.marion_diffuse("physical", tilts)
        sky_iam[glass], ground_iam[glass] = marion["sky"][back], np.nan_to_num(marion["ground"])[back]
        band_iam[glass] = np.nan_to_num(marion["horizon"])[back]
    return seen, sky_iam, ground_iam, band_iam


def _beam(light: _Light, orientations: Orientations, system: System) -> Float32Array:
    """Direct and circumsolar light on every class (C, H), computed once per different plane."""
    halves = [(c, 1.0, 0.0) for c in range(len(orientations))]
    two = np.flatnonzero(orientations.mounting == EAST_WEST)
    for c in two:
        halves[c] = (int(c), 0.5, 0.0)
    halves += [(int(c), 0.5, 180.0) for c in two]
    classes = np.array([h[0] for h in halves], dtype=np.int64)
    weights = np.array([h[1] for h in halves])
    tilt = orientations.surface_tilt[classes]
    azimuth = (orientations.surface_azimuth[classes] + np.array([h[2] for h in halves])) % 360.0
    planes, member = np.unique(np.column_stack([tilt, azimuth]), axis=0, return_inverse=True)
    member, gcr = member.ravel(), _row_gcr(orientations)
    beam = np.zeros((len(orientations), light.hours.size), dtype=np.float32)
    for first in range(0, len(planes), PLANES_PER_BLOCK):
        block = planes[first : first + PLANES_PER_BLOCK]
        raw, glazed = _plane_beam(light, block[:, :1], block[:, 1:], system)
        for half in np.flatnonzero((member >= first) & (member < first + len(block))):
            c, plane = classes[half], member[half] - first
            part = raw[plane] if orientations.mounting[c] == BARE else glazed[plane]
            if gcr[c] > 0:
                part = part * (1.0 - _row_shade(light, planes[member[half]], float(gcr[c])))
            beam[c] += (weights[half] * part).astype(np.float32)
    return beam


def _plane_beam(light: _Light, tilt: FloatArray, azimuth: FloatArray, system: System) -> tuple[FloatArray, FloatArray]:
    """Beam and circumsolar on planes (B, 1) x hours, without and with reflection at the glass."""
    zenith, sun_azimuth = light.sun["apparent_zenith"].to_numpy(), light.sun["azimuth"].to_numpy()
    projection = np.maximum(pvlib.irradiance.aoi_projection(tilt, azimuth, zenith, sun_azimuth), 0.0)
    raw = light.sunward * projection
    if system.optics.iam == "none":
        return raw, raw
    if system.optics.iam == "physical_beam":  # circumsolar light counts as diffuse
        direct = np.where(zenith < 90.0, light.data["dni"].to_numpy(), 0.0) * projection
        return raw, raw - direct * (1.0 - pvlib.iam.physical(np.degrees(np.arccos(np.minimum(projection, 1.0)))))
    return raw, raw * pvlib.iam.physical(np.degrees(np.arccos(np.minimum(projection, 1.0))))


def _row_shade(light: _Light, plane: FloatArray, gcr: float) -> FloatArray:
    """Share of the collector width that the row in front shades, per hour."""
    tilt, azimuth = plane
    if tilt == 0:
        return np.zeros(light.hours.size)
    shaded = pvlib.shading.shaded_fraction1d(
        light.sun["apparent_zenith"].to_numpy(), light.sun["azimuth"].to_numpy(), axis_azimuth=azimuth - 90.0, shaded_row_rotation=tilt,
        collector_width=gcr, pitch=1.0,
    )  # fmt: skip
    return np.nan_to_num(np.asarray(shaded, dtype=np.float64))
