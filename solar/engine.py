"""The compiled remainder of the yield: each roof through every hour of light with its own horizon, sky and temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from .canopy import Canopy
from .errors import SolarError
from .half_hours import HALVES
from .orientations import BARE, Blend, FloatArray, IntArray
from .sky import BAND_DEGREES, Float32Array, Sky

Int32Array = npt.NDArray[np.int32]
Parts = tuple[float, float, float, float]
Veil = tuple[Float32Array, FloatArray, FloatArray, FloatArray, float, float]

SECTORS = 72
SECTOR_DEGREES = 360.0 / SECTORS
# PVWatts version 5 part-load curve, as in pvlib.inverter.pvwatts
PVWATTS_ETA_REF = 0.9637
PVWATTS_CURVE = (-0.0162, 0.9858, -0.0059)
ADR_NAMES = ("k_d", "tc_d", "k_rs", "k_rsh")
LN_10 = float(np.log(10.0))
# more than interpolating between sectors can round
ROUNDING_DEGREES = 1e-6
# hourly sums are whole numbers of this unit, so that they come out the same in any order
MILLIWATT_HOURS = 1e6


@dataclass(frozen=True, eq=False)
class Yield:
    """
    Yield of R roofs with P sample points.

    Notes
    -----
    `specific_energy` (R, 12): AC per month [kWh/kWp]; `unshaded` (R,): the same for the year under an open horizon [kWh/kWp];
    `irradiation` (R,): on the bare plane, shaded, per year [kWh/m²]; `point_share` (P,): share of the plane's unshaded
    irradiation that each point keeps; `hourly` (G, H): AC of each group in the sky's hours of light [mWh], whole numbers.
    """

    specific_energy: FloatArray
    unshaded: FloatArray
    irradiation: FloatArray
    point_share: FloatArray
    hourly: FloatArray


@dataclass(frozen=True, eq=False)
class HourGroups:
    """
    Whose energy is summed hour by hour while R roofs are simulated, so that no roof's hours are kept.

    Notes
    -----
    `group` (R,): from 0 to count - 1, -1 for none; `kwp` (R,): nameplate of the roof [kWp]. Only roofs all of whose points keep at least
    `threshold` of their light are counted: the others lose points and are simulated again.
    """

    group: IntArray
    kwp: FloatArray
    count: int
    threshold: float = 0.0


def simulate(
    sky: Sky,
    *,
    orientation: npt.ArrayLike | Blend,
    plane: npt.ArrayLike | Blend,
    horizon: npt.ArrayLike,
    point_start: npt.ArrayLike,
    sky_view_factor_modules: npt.ArrayLike,
    sky_view_factor_plane: npt.ArrayLike,
    temperature_offset: npt.ArrayLike,
    groups: HourGroups | None = None,
    canopy: Canopy | None = None,
) -> Yield:
    """
    Simulate roofs hour by hour.

    Parameters
    ----------
    sky
        Prepared sky of the weather cell.
    orientation
        Class of the modules, shape (R,), index into the orientations of the sky; or their place between classes (`Orientations.blend`).
    plane
        Class of the bare roof plane, shape (R,), or its place between classes.
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
    groups
        Groups of roofs whose hours are summed.
    canopy
        Trees above the horizon and what they let through; None where there are none.

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
    The beam counts with the share of points and half hours in which the sun stands above the horizon (linear between sectors); strings
    are taken as parallel, without electrical mismatch between points. Between the horizon and that with trees the beam and the sky count
    with the month's transmissivity, and the rest of it is blocked. The blocked part of the sky reflects `optics.blocked_reflectance` of
    GHI; Perez's brightening comes from sectors whose horizon stands below 6.5 degrees, in proportion. Cell temperature is pvlib's
    pvsyst_cell on the irradiance behind the glass, DC pvwatts_dc (or pvefficiency_adr) times what soiling, snow and spectrum leave in the
    hour, AC inverter.pvwatts with clipping at the DC/AC ratio. Each roof's hour is rounded to a whole milliwatt-hour before it is added;
    sums below 2^53 mWh (9 TWh an hour) are exact.
    """
    modules, planes = _classes(sky, "orientation", orientation), _classes(sky, "plane", plane)
    kind = sky.orientations.mounting[modules.classes[:, 0]]
    if (kind == BARE).any():
        raise SolarError(
            "simulate: orientation names a bare plane; expected a mounted class (flush, rack, east_west); use nearest(..., mounting=0)"
        )
    start = np.ascontiguousarray(point_start, dtype=np.int64)
    skyline = np.ascontiguousarray(horizon)
    if skyline.dtype not in (np.float32, np.float64):
        skyline = skyline.astype(np.float64)
    points = int(skyline.shape[0]) if skyline.ndim == 2 else -1
    offset = np.ascontiguousarray(temperature_offset, dtype=np.float64)
    svf_modules, svf_plane = (np.ascontiguousarray(a, dtype=np.float64) for a in (sky_view_factor_modules, sky_view_factor_plane))
    _check(modules, planes, skyline, start, svf_modules, svf_plane, offset)

    roofs = len(modules)
    energy, unshaded, irradiation, share = np.zeros((roofs, 12)), np.zeros(roofs), np.zeros(roofs), np.zeros(points)
    summed = HourGroups(np.full(roofs, -1), np.zeros(roofs), 0) if groups is None else groups
    if summed.group.shape != (roofs,) or summed.kwp.shape != (roofs,) or (summed.group >= summed.count).any():
        raise SolarError(f"simulate: groups need group and kwp for each of {roofs} roofs, and codes below their count {summed.count}")
    hourly = np.zeros((summed.count, sky.ghi.size))
    if roofs:
        # roofs of one class after another: its beam stays in the cache; every roof is computed alone, so the order changes nothing
        order = np.lexsort((planes.classes[:, 0], modules.classes[:, 0]))
        _simulate(
            order, modules.classes, modules.weights, planes.classes, planes.weights, kind, skyline, start, svf_modules, svf_plane, offset,
            sky.beam, sky.sky_diffuse, sky.ghi, float(sky.sky_diffuse.sum()), float(sky.ghi.sum()),
            sky.sky_factor, sky.ground_factor, sky.blocked_factor, *_veil(canopy, sky, points, svf_modules, svf_plane),
            sky.brightening, sky.band, bool(sky.brightening.any()),
            *_sun(sky, canopy is None), sky.month_start, sky.dc_share * (sky.system.dc_factor / 1000.0), sky.dc_row, *_electrical(sky),
            np.ascontiguousarray(summed.group, dtype=np.int64), np.ascontiguousarray(summed.kwp, dtype=np.float64), summed.threshold,
            energy, unshaded, irradiation, share, hourly,
        )  # fmt: skip
    return Yield(energy, unshaded, irradiation, share, hourly)


def _classes(sky: Sky, name: str, values: npt.ArrayLike | Blend) -> Blend:
    """Classes and their weights, checked against the sky."""
    if isinstance(values, Blend):
        found = Blend(np.ascontiguousarray(values.classes, dtype=np.int64), np.ascontiguousarray(values.weights, dtype=np.float64))
        if found.classes.ndim != 2 or found.classes.shape[1] != 4 or found.weights.shape != found.classes.shape:
            raise SolarError(f"simulate: {name} is a Blend of shape {found.classes.shape}; expected (R, 4); use orientations.blend")
    else:
        single = np.asarray(values)
        if single.ndim != 1 or (single.size and single.dtype.kind not in "iu"):
            raise SolarError(f"simulate: {name} is {single.dtype} of shape {single.shape}; expected class indices (R,) or a Blend")
        found = Blend(single.astype(np.int64)[:, None], np.ones((single.size, 1)))
    if found.classes.size and not (found.classes.min() >= 0 and found.classes.max() < len(sky.orientations)):
        raise SolarError(f"simulate: {name} points beyond the {len(sky.orientations)} classes of the sky; use its own orientations.blend")
    return found


def _check(
    modules: Blend, planes: Blend, horizon: FloatArray, start: IntArray, svf_modules: FloatArray, svf_plane: FloatArray, offset: FloatArray
) -> None:
    """Shapes that belong together, finite values, at least one point a roof."""
    roofs = len(modules)
    if horizon.ndim != 2 or horizon.shape[1] != SECTORS:
        raise SolarError(f"simulate: horizon has shape {horizon.shape}; expected (points, {SECTORS}) degrees")
    points = horizon.shape[0]
    shapes = {"plane": (len(planes),), "temperature_offset": offset.shape, "point_start": (start.size - 1,)}
    wrong = [n for n, s in shapes.items() if s != (roofs,)]
    wrong += [n for n, a in (("sky_view_factor_modules", svf_modules), ("sky_view_factor_plane", svf_plane)) if a.shape != (points,)]
    if wrong:
        raise SolarError(f"simulate: {', '.join(wrong)} of the wrong length; expected {roofs} roofs and {points} points")
    if start[0] != 0 or start[-1] != points or (np.diff(start) < 1).any():
        raise SolarError("simulate: point_start must rise from 0 to the number of points, with at least one point a roof")
    for name, values in (
        ("horizon", horizon),
        ("sky_view_factor_modules", svf_modules),
        ("sky_view_factor_plane", svf_plane),
        ("temperature_offset", offset),
    ):
        if not np.isfinite(values).all():
            raise SolarError(
                f"simulate: {name} has {int((~np.isfinite(values)).sum())} values that are not numbers; drop these roofs first"
            )


def _veil(canopy: Canopy | None, sky: Sky, points: int, svf_modules: FloatArray, svf_plane: FloatArray) -> Veil:
    """Horizons with trees, sky behind the trees from modules and plane, share they take by month, and of the year's light."""
    if canopy is None:
        none = np.zeros(points)
        return np.empty((0, SECTORS), dtype=np.float32), none, none, np.zeros(12), 0.0, 0.0
    canopy.check(points)
    taken = 1.0 - canopy.transmissivity
    by_hour = np.repeat(taken, np.diff(sky.month_start))
    behind_modules = np.maximum(svf_modules - canopy.sky_view_factor_modules, 0.0)
    behind_plane = np.maximum(svf_plane - canopy.sky_view_factor_plane, 0.0)
    lost_sky, lost_ghi = float((by_hour * sky.sky_diffuse).sum()), float((by_hour * sky.ghi).sum())
    return np.ascontiguousarray(canopy.horizon, dtype=np.float32), behind_modules, behind_plane, taken, lost_sky, lost_ghi


def _sun(sky: Sky, rising: bool) -> tuple[IntArray, FloatArray, FloatArray, Int32Array, FloatArray]:
    """Hours as they are or from low to high sun, its lower and both its elevations, its sector and the weight of the next sector."""
    lowest = sky.half_elevation.min(axis=0)
    order = np.argsort(lowest, kind="stable") if rising else np.arange(lowest.size)
    place = sky.half_azimuth[:, order] / SECTOR_DEGREES
    sector = np.floor(place)
    elevation = np.ascontiguousarray(sky.half_elevation[:, order])
    return (
        order.astype(np.int64),
        lowest[order],
        elevation,
        np.ascontiguousarray((sector % SECTORS).astype(np.int32)),
        np.ascontiguousarray(place - sector),
    )


def _electrical(sky: Sky) -> tuple[FloatArray, FloatArray, float, FloatArray, FloatArray]:
    """
    Give module and inverter as coefficients, all per kWp.

    PVWatts: DC = k G (t + gain G) with t = 1 + gamma (air - 25); ADR: DC = k G f(G, t + gain G) with t = air - 25. The inverter is
    AC = (a DC + b) DC + c up to the rating.
    """
    system = sky.system
    linear = system.module.model == "pvwatts"
    gamma = system.module.gamma_pdc if linear else 1.0
    thermal = (1.0 if linear else 0.0) + gamma * (sky.temp_air - 25.0)
    gain = gamma * sky.temperature_rise
    adr = np.array([] if linear else [system.module.adr[name] for name in ADR_NAMES])
    ac_rating = 1.0 / system.inverter.dc_ac_ratio
    dc_limit = ac_rating / system.inverter.eta_nom
    scale = system.inverter.eta_nom / PVWATTS_ETA_REF
    square, slope, constant = PVWATTS_CURVE
    ac = system.ac_factor
    inverter = np.array([square / dc_limit, slope, constant * dc_limit]) * ac * scale
    return thermal, gain, gamma, adr, np.append(inverter, ac * ac_rating)


@njit(cache=True, nogil=True, inline="always")
def _sum(values: FloatArray, start: int, stop: int) -> float:
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
def _blended(beam: Float32Array, classes: IntArray, weights: FloatArray, out: FloatArray) -> None:
    """Weighted mean of the beams of one, two or four classes, in one pass."""
    n = classes.size
    a, b, c, d = beam[classes[0]], beam[classes[1 % n]], beam[classes[2 % n]], beam[classes[3 % n]]
    w, x, y, z = weights[0], weights[1 % n], weights[2 % n], weights[3 % n]
    if n == 1:
        for h in range(out.size):
            out[h] = w * a[h]
    elif y == 0.0 and z == 0.0:
        for h in range(out.size):
            out[h] = w * a[h] + x * b[h]
    else:
        for h in range(out.size):
            out[h] = (w * a[h] + x * b[h]) + (y * c[h] + z * d[h])


@njit(cache=True, nogil=True)
def _mean(factor: FloatArray, classes: IntArray, weights: FloatArray) -> float:
    """Weighted mean of a factor of some classes."""
    total = 0.0
    for n in range(classes.size):
        total += weights[n] * factor[classes[n]]
    return total


@njit(cache=True, nogil=True)
def _near_horizon(horizon: FloatArray, band: FloatArray, classes: IntArray, weights: FloatArray) -> float:
    """Add up what a horizon leaves of the brightening just above it."""
    total = 0.0
    for n in range(classes.size):
        if weights[n] > 0.0:
            for s in range(SECTORS):
                total += weights[n] * band[classes[n], s] * min(1.0, max(0.0, 1.0 - horizon[s] / BAND_DEGREES))
    return total


@njit(cache=True, nogil=True)
def _linear_power(
    lit: FloatArray, beam: FloatArray, sky: FloatArray, ghi: FloatArray, brightening: FloatArray, parts: Parts, open_parts: Parts,
    dc: FloatArray, thermal: FloatArray, warmer: float, rise: FloatArray, inverter: FloatArray,
) -> None:  # fmt: skip
    """Turn hours of sun into AC by the PVWatts module, and the beam into AC under an open horizon, in place: fewer arrays, one pass."""
    square, slope, constant, rating = inverter[0], inverter[1], inverter[2], inverter[3]
    of_beam, of_sky, of_ground, of_band = parts
    open_beam, open_sky, open_ground, open_band = open_parts
    for h in range(lit.size):
        light = of_beam * lit[h] * beam[h] + of_sky * sky[h] + of_ground * ghi[h] + of_band * brightening[h]
        clear = open_beam * beam[h] + open_sky * sky[h] + open_ground * ghi[h] + open_band * brightening[h]
        warmth = thermal[h] + warmer
        x = dc[h] * light * (warmth + rise[h] * light)
        y = dc[h] * clear * (warmth + rise[h] * clear)
        lit[h] = max(0.0, min(rating, (square * x + slope) * x + constant))
        beam[h] = max(0.0, min(rating, (square * y + slope) * y + constant))


@njit(cache=True, nogil=True)
def _adr_power(
    lit: FloatArray, beam: FloatArray, sky: FloatArray, ghi: FloatArray, brightening: FloatArray, parts: Parts, open_parts: Parts,
    dc: FloatArray, thermal: FloatArray, warmer: float, rise: FloatArray, inverter: FloatArray, adr: FloatArray,
) -> None:  # fmt: skip
    """Do the same by the ADR module, with the equations of pvlib.pvarray.pvefficiency_adr."""
    square, slope, constant, rating = inverter[0], inverter[1], inverter[2], inverter[3]
    k_d, tc_d, k_rs, k_rsh = LN_10 * adr[0], LN_10 * adr[1], adr[2], adr[3]
    reference = np.log(np.exp(-k_d) + 1.0)
    for h in range(lit.size):
        of_sun = beam[h]
        for case in range(2):
            of_beam, of_sky, of_ground, of_band = parts if case == 0 else open_parts
            sun = lit[h] if case == 0 else 1.0
            light = of_beam * sun * of_sun + of_sky * sky[h] + of_ground * ghi[h] + of_band * brightening[h]
            suns = max(light, 0.0) / 1000.0
            v = np.log(suns * np.exp(-k_d - tc_d * (thermal[h] + warmer + rise[h] * light)) + 1.0) / reference
            x = dc[h] * light * ((1.0 + k_rs + k_rsh) * v - k_rs * suns - k_rsh * v * v)
            power = max(0.0, min(rating, (square * x + slope) * x + constant))
            if case == 0:
                lit[h] = power
            else:
                beam[h] = power


@njit(cache=True, nogil=True)
def _shade(
    horizon: FloatArray, skyline: FloatArray, order: IntArray, lowest: FloatArray, elevation: FloatArray, sector: Int32Array,
    weight: FloatArray, on_plane: FloatArray, lit: FloatArray, lost: FloatArray,
) -> float:  # fmt: skip
    """Take one point's hours of shade from `lit`, and give the beam the plane loses; a sun above all of it is not asked."""
    highest = horizon[0]
    for s in range(SECTORS):
        skyline[s] = horizon[s]
        highest = max(highest, horizon[s])
    skyline[SECTORS] = skyline[0]
    first, second, at, next_at, of, next_of = elevation[0], elevation[1], sector[0], sector[1], weight[0], weight[1]
    asked = np.searchsorted(lowest, highest + ROUNDING_DEGREES)
    for k in range(asked):
        left, next_left = skyline[at[k]], skyline[next_at[k]]
        closed = 0.0 if first[k] > left + of[k] * (skyline[at[k] + 1] - left) else 0.5
        closed += 0.0 if second[k] > next_left + next_of[k] * (skyline[next_at[k] + 1] - next_left) else 0.5
        lost[k] = closed
    for k in range(asked):
        h = order[k]
        lit[h] -= lost[k]
        lost[k] *= on_plane[h]
    dark: float = _sum(lost, 0, asked)
    return dark


@njit(cache=True, nogil=True)
def _add_hours(power: FloatArray, scale: float, out: FloatArray) -> None:
    """Add a roof's hours as whole numbers."""
    for h in range(power.size):
        out[h] += np.floor(power[h] * scale + 0.5)


@njit(cache=True, nogil=True)
def _shade_through(
    horizon: FloatArray, canopy: Float32Array, skyline: FloatArray, elevation: FloatArray, sector: Int32Array, weight: FloatArray,
    month_start: IntArray, taken: FloatArray, on_plane: FloatArray, lit: FloatArray, lost: FloatArray,
) -> float:  # fmt: skip
    """Do the same as `_shade` where trees stand above the horizon: between both skylines the sun loses what they take."""
    last = SECTORS + 1
    for s in range(SECTORS):
        skyline[s], skyline[last + s] = horizon[s], max(horizon[s], canopy[s])
    skyline[SECTORS], skyline[last + SECTORS] = skyline[0], skyline[last]
    for month in range(12):
        for h in range(month_start[month], month_start[month + 1]):
            closed = 0.0
            for half in range(HALVES):
                at, u, up = sector[half, h], weight[half, h], elevation[half, h]
                if up > skyline[at] + u * (skyline[at + 1] - skyline[at]):
                    above = up > skyline[last + at] + u * (skyline[last + at + 1] - skyline[last + at])
                    closed += 0.0 if above else 0.5 * taken[month]
                else:
                    closed += 0.5
            lit[h] -= closed
            lost[h] = closed * on_plane[h]
    dark: float = _sum(lost, 0, lit.size)
    return dark


@njit(cache=True, nogil=True)
def _simulate(
    order: IntArray, module_classes: IntArray, module_weights: FloatArray, plane_classes: IntArray, plane_weights: FloatArray,
    mounting: IntArray, horizon: FloatArray, point_start: IntArray, svf_modules: FloatArray, svf_plane: FloatArray, offset: FloatArray,
    beam: Float32Array, sky_diffuse: FloatArray, ghi: FloatArray, sky_sum: float, ghi_sum: float,
    sky_factor: FloatArray, ground_factor: FloatArray, blocked_factor: FloatArray,
    canopy: Float32Array, behind_modules: FloatArray, behind_plane: FloatArray, taken: FloatArray, lost_sky: float, lost_ghi: float,
    brightening: FloatArray, band: FloatArray, bright: bool,
    by_height: IntArray, lowest: FloatArray, elevation: FloatArray, sector: Int32Array, weight: FloatArray,
    month_start: IntArray, dc_share: FloatArray, dc_row: IntArray,
    thermal: FloatArray, gain: FloatArray, gamma: float, adr: FloatArray, inverter: FloatArray,
    group: IntArray, kwp: FloatArray, threshold: float,
    energy: FloatArray, unshaded: FloatArray, irradiation: FloatArray, share: FloatArray, hourly: FloatArray,
) -> None:  # fmt: skip
    """Fill the five results, roof by roof."""
    hours = elevation.shape[1]
    lit, lost, on_plane, on_module = np.empty(hours), np.empty(hours), np.empty(hours), np.empty(hours)
    skyline, no_horizon, bright_sum = np.empty(2 * (SECTORS + 1)), np.zeros(SECTORS), _sum(brightening, 0, hours)
    trees = canopy.shape[0] > 0
    for r in order:
        classes, weights = plane_classes[r], plane_weights[r]
        _blended(beam, classes, weights, on_plane)
        sky_plane, ground_plane = _mean(sky_factor, classes, weights), _mean(ground_factor, classes, weights)
        blocked_plane = _mean(blocked_factor, classes, weights)
        open_beam = _sum(on_plane, 0, hours)
        whole = open_beam + sky_plane * sky_sum + ground_plane * ghi_sum
        if bright:
            whole += _near_horizon(no_horizon, band, classes, weights) * bright_sum
        svf, kept, near, behind, complete = 0.0, 0.0, 0.0, 0.0, True
        first, last = point_start[r], point_start[r + 1]
        lit[:] = last - first
        for p in range(first, last):
            if trees:
                dark = _shade_through(horizon[p], canopy[p], skyline, elevation, sector, weight, month_start, taken, on_plane, lit, lost)
            else:
                dark = _shade(horizon[p], skyline, by_height, lowest, elevation, sector, weight, on_plane, lit, lost)
            seen = svf_plane[p]
            received = max(open_beam - dark, 0.0) + seen * sky_plane * sky_sum + (ground_plane + (1.0 - seen) * blocked_plane) * ghi_sum
            received += behind_plane[p] * (blocked_plane * lost_ghi - sky_plane * lost_sky)
            if bright:
                received += _near_horizon(horizon[p], band, classes, weights) * bright_sum
                near += _near_horizon(horizon[p], band, module_classes[r], module_weights[r])
            share[p] = received / whole if whole > 0.0 else 0.0
            complete = complete and share[p] >= threshold
            kept += received
            svf += svf_modules[p]
            behind += behind_modules[p]
        part = 1.0 / (last - first)
        svf *= part
        behind *= part
        irradiation[r] = kept * part / 1000.0
        classes, weights = module_classes[r], module_weights[r]
        _blended(beam, classes, weights, on_module)
        sky_open, ground_open = _mean(sky_factor, classes, weights), _mean(ground_factor, classes, weights)
        blocked_open = _mean(blocked_factor, classes, weights)
        rise, warmer = gain[mounting[r]], gamma * offset[r]
        dc = dc_share[dc_row[classes[np.argmax(weights)]]]  # of the nearest tilt
        near_open = _near_horizon(no_horizon, band, classes, weights) if bright else 0.0
        arrives_open = (1.0, sky_open, ground_open, near_open)
        # where trees stand the sky seen changes with the month; else one piece is the whole year
        for piece in range(12 if trees else 1):
            a, b = (month_start[piece], month_start[piece + 1]) if trees else (0, hours)
            view = svf - behind * taken[piece]
            arrives = (part, sky_open * view, ground_open + (1.0 - view) * blocked_open, part * near)
            light = on_module[a:b], sky_diffuse[a:b], ghi[a:b], brightening[a:b]
            if adr.size == 0:
                _linear_power(lit[a:b], *light, arrives, arrives_open, dc[a:b], thermal[a:b], warmer, rise[a:b], inverter)
            else:
                _adr_power(lit[a:b], *light, arrives, arrives_open, dc[a:b], thermal[a:b], warmer, rise[a:b], inverter, adr)
        shaded, clear = lit, on_module
        for month in range(12):
            energy[r, month] = _sum(shaded, month_start[month], month_start[month + 1])
        if group[r] >= 0 and complete:
            _add_hours(shaded, kwp[r] * MILLIWATT_HOURS, hourly[group[r]])
        unshaded[r] = _sum(clear, 0, hours)
