"""The compiled remainder of the yield: each roof through every hour of light with its own horizon, sky and temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from .errors import SolarError
from .orientations import BARE, FloatArray, IntArray
from .sky import Sky

SECTORS = 72
SECTOR_DEGREES = 360.0 / SECTORS
# PVWatts version 5 part-load curve, as in pvlib.inverter.pvwatts
PVWATTS_ETA_REF = 0.9637
PVWATTS_CURVE = (-0.0162, 0.9858, -0.0059)


@dataclass(frozen=True, eq=False)
class Yield:
    """
    Yield of R roofs with P sample points.

    Notes
    -----
    `specific_energy` (R, 12): AC per month [kWh/kWp]; `unshaded` (R,): the same for the year under an open horizon [kWh/kWp];
    `irradiation` (R,): on the bare plane, shaded, per year [kWh/m²]; `point_share` (P,): share of the plane's unshaded
    irradiation that each point keeps.
    """

    specific_energy: FloatArray
    unshaded: FloatArray
    irradiation: FloatArray
    point_share: FloatArray


def simulate(
    sky: Sky,
    *,
    orientation: npt.ArrayLike,
    plane: npt.ArrayLike,
    horizon: npt.ArrayLike,
    point_start: npt.ArrayLike,
    sky_view_factor_modules: npt.ArrayLike,
    sky_view_factor_plane: npt.ArrayLike,
    temperature_offset: npt.ArrayLike,
) -> Yield:
    """
    Simulate roofs hour by hour.

    Parameters
    ----------
    sky
        Prepared sky of the weather cell.
    orientation
        Class of the modules, shape (R,), index into the orientations of the sky.
    plane
        Class of the bare roof plane, shape (R,).
    horizon
        Horizon elevation in sectors centred on 0, 5, ... degrees clockwise from north, shape (P, 72) [degrees].
    point_start
        First point of each roof and the end, shape (R + 1,); the points of roof r are point_start[r]:point_start[r + 1].
    sky_view_factor_modules
        Visible sky of the module plane over its unobstructed value, shape (P,).
    sky_view_factor_plane
        The same for the roof plane, shape (P,).
    temperature_offset
        Added to the air temperature of the weather file, shape (R,) [K].

    Returns
    -------
    Yield
        First-year AC yield per kWp and irradiation; a roof's row does not depend on the other roofs of the call.

    Raises
    ------
    SolarError
        If shapes, classes or values do not fit.

    Notes
    -----
    The beam counts with the share of points above whose horizon (linear between sectors) the sun stands; strings are taken as parallel,
    without electrical mismatch between points. The blocked part of the sky reflects `optics.blocked_reflectance` of GHI. Cell temperature
    is pvlib's pvsyst_cell on the irradiance behind the glass, DC pvwatts_dc, AC inverter.pvwatts with clipping at the DC/AC ratio.
    """
    modules, planes = _classes(sky, "orientation", orientation), _classes(sky, "plane", plane)
    if (sky.orientations.mounting[modules] == BARE).any():
        raise SolarError("simulate: orientation names a bare plane; expected a mounted class (flush, rack, east_west); use nearest(..., mounting=0)")
    start = np.ascontiguousarray(point_start, dtype=np.int64)
    skyline = np.ascontiguousarray(horizon)
    if skyline.dtype not in (np.float32, np.float64):
        skyline = skyline.astype(np.float64)
    points = int(skyline.shape[0]) if skyline.ndim == 2 else -1
    offset = np.ascontiguousarray(temperature_offset, dtype=np.float64)
    svf_modules, svf_plane = (np.ascontiguousarray(a, dtype=np.float64) for a in (sky_view_factor_modules, sky_view_factor_plane))
    _check(modules, planes, skyline, start, svf_modules, svf_plane, offset)

    roofs = modules.size
    energy, unshaded, irradiation, share = np.zeros((roofs, 12)), np.zeros(roofs), np.zeros(roofs), np.zeros(points)
    if roofs:
        # roofs of one class after another: its beam stays in the cache; every roof is computed alone, so the order changes nothing
        order = np.lexsort((planes, modules))
        _simulate(
            order, modules, planes, skyline, start, svf_modules, svf_plane, offset,
            sky.beam, sky.beam.sum(axis=1, dtype=np.float64), sky.sky_diffuse, sky.ghi, float(sky.sky_diffuse.sum()), float(sky.ghi.sum()),
            sky.sky_factor, sky.ground_factor, sky.blocked_factor, sky.orientations.mounting,
            *_sun(sky), sky.month_start, *_electrical(sky),
            energy, unshaded, irradiation, share,
        )  # fmt: skip
    return Yield(energy, unshaded, irradiation, share)


def _classes(sky: Sky, name: str, values: npt.ArrayLike) -> IntArray:
    """Class indices, checked against the sky."""
    classes = np.ascontiguousarray(values, dtype=np.int64)
    if classes.ndim != 1 or (classes.size and not (0 <= classes.min() and classes.max() < len(sky.orientations))):
        raise SolarError(f"simulate: {name} must be indices (R,) into the {len(sky.orientations)} classes of the sky; use orientations.nearest")
    return classes


def _check(
    modules: IntArray, planes: IntArray, horizon: FloatArray, start: IntArray, svf_modules: FloatArray, svf_plane: FloatArray, offset: FloatArray
) -> None:
    """Shapes that belong together, finite values, at least one point a roof."""
    roofs = modules.size
    if horizon.ndim != 2 or horizon.shape[1] != SECTORS:
        raise SolarError(f"simulate: horizon has shape {horizon.shape}; expected (points, {SECTORS}) degrees")
    points = horizon.shape[0]
    shapes = {"plane": planes.shape, "temperature_offset": offset.shape, "point_start": (start.size - 1,)}
    wrong = [n for n, s in shapes.items() if s != (roofs,)]
    wrong += [n for n, a in (("sky_view_factor_modules", svf_modules), ("sky_view_factor_plane", svf_plane)) if a.shape != (points,)]
    if wrong:
        raise SolarError(f"simulate: {', '.join(wrong)} of the wrong length; expected {roofs} roofs and {points} points")
    if start[0] != 0 or start[-1] != points or (np.diff(start) < 1).any():
        raise SolarError("simulate: point_start must rise from 0 to the number of points, with at least one point a roof")
    for name, values in (("horizon", horizon), ("sky_view_factor_modules", svf_modules), ("sky_view_factor_plane", svf_plane), ("temperature_offset", offset)):
        if not np.isfinite(values).all():
            raise SolarError(f"simulate: {name} has {int((~np.isfinite(values)).sum())} values that are not numbers; drop these roofs first")


def _sun(sky: Sky) -> tuple[FloatArray, npt.NDArray[np.int32], FloatArray]:
    """Elevation of the sun, its sector and the weight of the next sector."""
    place = sky.solar_azimuth / SECTOR_DEGREES
    sector = np.floor(place)
    return sky.solar_elevation, (sector % SECTORS).astype(np.int32), place - sector


def _electrical(sky: Sky) -> tuple[FloatArray, FloatArray, float, float, float, float, float, float]:
    """Module and inverter as coefficients: DC = k G (t + gain G), AC = (a DC + b) DC + c, limited to the AC rating; all per kWp."""
    system = sky.system
    gamma = system.module.gamma_pdc
    thermal = 1.0 + gamma * (sky.temp_air - 25.0)
    gain = gamma * sky.temperature_rise
    ac_rating = 1.0 / system.inverter.dc_ac_ratio
    dc_limit = ac_rating / system.inverter.eta_nom
    scale = system.inverter.eta_nom / PVWATTS_ETA_REF
    square, linear, constant = PVWATTS_CURVE
    ac = system.ac_factor
    return thermal, gain, gamma, system.dc_factor / 1000.0, ac * scale * square / dc_limit, ac * scale * linear, ac * scale * constant * dc_limit, ac * ac_rating  # fmt: skip


@njit(cache=True, nogil=True, inline="always")
def _sum(values, start, stop):  # type: ignore[no-untyped-def]
    """Sum in eight interleaved parts: a fixed order that the processor can do in parallel."""
    a = b = c = d = e = f = g = h = 0.0
    whole = start + (stop - start) // 8 * 8
    for i in range(start, whole, 8):
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
        e += values[i + 4]
        f += values[i + 5]
        g += values[i + 6]
        h += values[i + 7]
    for i in range(whole, stop):
        a += values[i]
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@njit(cache=True, nogil=True)
def _simulate(  # type: ignore[no-untyped-def]
    order, modules, planes, horizon, point_start, svf_modules, svf_plane, offset,
    beam, beam_sum, sky_diffuse, ghi, sky_sum, ghi_sum, sky_factor, ground_factor, blocked_factor, mounting,
    elevation, sector, weight, month_start, thermal, gain, gamma, dc, ac2, ac1, ac0, ac_rating,
    energy, unshaded, irradiation, share,
):  # fmt: skip
    """Fill the four results, roof by roof."""
    hours = elevation.size
    lit, plane_light, shaded, clear = np.empty(hours), np.empty(hours), np.empty(hours), np.empty(hours)
    skyline = np.empty(SECTORS + 1)
    for r in order:
        module, plane = modules[r], planes[r]
        first, last = point_start[r], point_start[r + 1]
        lit[:] = 0.0
        svf, kept = 0.0, 0.0
        whole = beam_sum[plane] + sky_factor[plane] * sky_sum + ground_factor[plane] * ghi_sum
        for p in range(first, last):
            for s in range(SECTORS):
                skyline[s] = horizon[p, s]
            skyline[SECTORS] = skyline[0]
            on_plane = beam[plane]
            for h in range(hours):
                left = skyline[sector[h]]
                above = 1.0 if elevation[h] > left + weight[h] * (skyline[sector[h] + 1] - left) else 0.0
                lit[h] += above
                plane_light[h] = above * on_plane[h]
            seen = svf_plane[p]
            received = (
                _sum(plane_light, 0, hours)
                + seen * sky_factor[plane] * sky_sum
                + (ground_factor[plane] + (1.0 - seen) * blocked_factor[plane]) * ghi_sum
            )
            share[p] = received / whole if whole > 0.0 else 0.0
            kept += received
            svf += svf_modules[p]
        count = last - first
        irradiation[r] = kept / count / 1000.0
        svf /= count
        on_module, rise = beam[module], gain[mounting[module]]
        sky_open, ground_open = sky_factor[module], ground_factor[module]
        sky_part, ground_part = sky_open * svf, ground_open + (1.0 - svf) * blocked_factor[module]
        part = 1.0 / count
        warmer = gamma * offset[r]
        for h in range(hours):
            light = part * lit[h] * on_module[h] + sky_part * sky_diffuse[h] + ground_part * ghi[h]
            x = dc * light * (thermal[h] + warmer + rise[h] * light)
            shaded[h] = max(0.0, min(ac_rating, (ac2 * x + ac1) * x + ac0))
            light = on_module[h] + sky_open * sky_diffuse[h] + ground_open * ghi[h]
            x = dc * light * (thermal[h] + warmer + rise[h] * light)
            clear[h] = max(0.0, min(ac_rating, (ac2 * x + ac1) * x + ac0))
        for month in range(12):
            energy[r, month] = _sum(shaded, month_start[month], month_start[month + 1])
        unshaded[r] = _sum(clear, 0, hours)
