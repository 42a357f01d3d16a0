"""The compiled loop over roofs: each through every hour of light with its own horizon, sky and temperature."""

from __future__ import annotations

import numpy as np
from numba import njit

from .beam_shade import Halves, Int32Array, shade, shade_through
from .electrical import adr_power, linear_power
from .interleaved import interleaved_sum
from .orientations import FloatArray, IntArray
from .sky import BAND_DEGREES, SECTORS, Float32Array

# hourly sums are whole numbers of this unit, so that they come out the same in any order
MILLIWATT_HOURS = 1e6


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
def _add_hours(power: FloatArray, scale: float, out: FloatArray) -> None:
    """Add a roof's hours as whole numbers."""
    for h in range(power.size):
        out[h] += np.floor(power[h] * scale + 0.5)


@njit(cache=True, nogil=True)
def simulate_roofs(
    order: IntArray, module_classes: IntArray, module_weights: FloatArray, plane_classes: IntArray, plane_weights: FloatArray,
    mounting: IntArray, horizon: FloatArray, point_start: IntArray, svf_modules: FloatArray, svf_plane: FloatArray, offset: FloatArray,
    beam: Float32Array, sky_diffuse: FloatArray, blocked: FloatArray, ghi: FloatArray, sky_factor: FloatArray, ground_factor: FloatArray,
    brightening: FloatArray, band: FloatArray, month_start: IntArray, dc_share: FloatArray, dc_row: IntArray,
    sky_sum: float, blocked_sum: float, ghi_sum: float, bright_sum: float, dark_sum: float,
    canopy: Float32Array, behind_modules: FloatArray, behind_plane: FloatArray, taken: FloatArray, lost_sky: float,
    by_height: IntArray, lowest: FloatArray, elevation: FloatArray, sector: Int32Array, weight: FloatArray, halves: Halves,
    thermal: FloatArray, gain: FloatArray, gamma: float, adr: FloatArray, inverter: FloatArray,
    group: IntArray, kwp: FloatArray, threshold: float,
    energy: FloatArray, unshaded: FloatArray, irradiation: FloatArray, share: FloatArray, hourly: FloatArray,
) -> None:  # fmt: skip
    """
    Fill the five results, roof by roof.

    Parameters
    ----------
    order
        Roofs in the order in which they are computed, shape (R,).
    module_classes, module_weights, plane_classes, plane_weights
        Places of modules and roof planes between the classes, shape (R, 4) or (R, 1).
    mounting
        Code by roof, shape (R,).
    horizon, point_start, svf_modules, svf_plane
        Sample points as `engine.simulate` takes them.
    offset
        Added to the air temperature, shape (R,) [K].
    beam, sky_diffuse, blocked, ghi, sky_factor, ground_factor, brightening, band, month_start, dc_share, dc_row
        From the sky.
    sky_sum, blocked_sum, ghi_sum, bright_sum, dark_sum
        Sums of the sky over the year; of the brightening where it is above and below 0.
    canopy, behind_modules, behind_plane, taken, lost_sky
        Horizons with trees, sky behind the trees, share they take by month, and what they take of the year's sky; no rows: no trees.
    by_height, lowest, elevation, sector, weight
        From `beam_shade.sun_path`.
    halves
        From `beam_shade.by_sector`.
    thermal, gain, gamma, adr, inverter
        From `electrical.electrical`.
    group, kwp, threshold
        Of `engine.HourGroups`.
    energy, unshaded, irradiation, share, hourly
        Results, zero before.
    """
    hours = elevation.shape[1]
    lit, lost, on_plane, on_module = np.empty(hours), np.empty(hours), np.empty(hours), np.empty(hours)
    skyline, no_horizon = np.empty(2 * (SECTORS + 1)), np.zeros(SECTORS, dtype=horizon.dtype)
    trees, bright = canopy.shape[0] > 0, bright_sum > 0.0 or dark_sum < 0.0
    for r in order:
        classes, weights = plane_classes[r], plane_weights[r]
        _blended(beam, classes, weights, on_plane)
        sky_plane, ground_plane = _mean(sky_factor, classes, weights), _mean(ground_factor, classes, weights)
        open_beam = interleaved_sum(on_plane)
        steady = ground_plane * ghi_sum  # what no horizon takes
        whole = open_beam + sky_plane * sky_sum + steady
        if bright:
            near_plane = _near_horizon(no_horizon, band, classes, weights)
            steady += near_plane * dark_sum
            whole += near_plane * (bright_sum + dark_sum)
        svf, kept, near, behind, complete = 0.0, 0.0, 0.0, 0.0, True
        first, last = point_start[r], point_start[r + 1]
        lit[:] = last - first
        for p in range(first, last):
            if trees:
                dark = shade_through(horizon[p], canopy[p], skyline, elevation, sector, weight, month_start, taken, on_plane, lit, lost)
            else:
                dark = shade(horizon[p], skyline, by_height, lowest, halves, on_plane, lit, lost)
            seen = svf_plane[p]
            received = max(open_beam - dark, 0.0) + sky_plane * (seen * sky_sum + (1.0 - seen) * blocked_sum) + steady
            received -= behind_plane[p] * sky_plane * lost_sky
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
        rise, warmer = gain[mounting[r]], gamma * offset[r]
        nearest = 0
        for n in range(1, classes.size):
            nearest = n if weights[n] > weights[nearest] else nearest
        dc = dc_share[dc_row[classes[nearest]]]  # of the nearest tilt
        near_open = _near_horizon(no_horizon, band, classes, weights) if bright else 0.0
        arrives_open = (1.0, sky_open, 0.0, ground_open, near_open)
        # where trees stand the sky seen changes with the month; else one piece is the whole year
        for piece in range(12 if trees else 1):
            a, b = (month_start[piece], month_start[piece + 1]) if trees else (0, hours)
            view = svf - behind * taken[piece]
            arrives = (part, sky_open * view, sky_open * (1.0 - view), ground_open, part * near)
            light = on_module[a:b], sky_diffuse[a:b], blocked[a:b], ghi[a:b], brightening[a:b]
            if adr.size == 0:
                linear_power(lit[a:b], *light, arrives, arrives_open, dc[a:b], thermal[a:b], warmer, rise[a:b], inverter)
            else:
                adr_power(lit[a:b], *light, arrives, arrives_open, dc[a:b], thermal[a:b], warmer, rise[a:b], inverter, adr)
        shaded, clear = lit, on_module
        for month in range(12):
            energy[r, month] = interleaved_sum(shaded[month_start[month] : month_start[month + 1]])
        if group[r] >= 0 and complete:
            _add_hours(shaded, kwp[r] * MILLIWATT_HOURS, hourly[group[r]])
        unshaded[r] = interleaved_sum(clear)
