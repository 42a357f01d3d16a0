"""From light behind the glass to AC, hour by hour: module and inverter as coefficients, all per kWp."""

from __future__ import annotations

import numpy as np
from numba import njit

from .orientations import FloatArray
from .sky import Sky

Parts = tuple[float, float, float, float, float]

# PVWatts version 5 part-load curve, as in pvlib.inverter.pvwatts
PVWATTS_ETA_REF = 0.9637
PVWATTS_CURVE = (-0.0162, 0.9858, -0.0059)
ADR_NAMES = ("k_d", "tc_d", "k_rs", "k_rsh")
LN_10 = float(np.log(10.0))


def electrical(sky: Sky) -> tuple[FloatArray, FloatArray, float, FloatArray, FloatArray]:
    """
    Give module and inverter as coefficients, all per kWp.

    Parameters
    ----------
    sky
        Prepared sky of the weather cell, H hours of light.

    Returns
    -------
    thermal
        Shape (H,).
    gain
        By mounting code, shape (4, H).
    gamma
        Effect of a degree of air temperature on `thermal`.
    adr
        Coefficients of the ADR module, empty for PVWatts.
    inverter
        Three coefficients and the rating.

    Notes
    -----
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


@njit(cache=True, nogil=True)
def linear_power(
    lit: FloatArray, beam: FloatArray, sky: FloatArray, blocked: FloatArray, ghi: FloatArray, brightening: FloatArray,
    parts: Parts, open_parts: Parts, dc: FloatArray, thermal: FloatArray, warmer: float, rise: FloatArray, inverter: FloatArray,
) -> None:  # fmt: skip
    """
    Turn hours of sun into AC by the PVWatts module, in place: fewer arrays, one pass.

    Parameters
    ----------
    lit
        Share of the points in the sun times their number, shape (n,); becomes AC of the roof [kW/kWp].
    beam
        Beam on the modules, shape (n,) [W/m²]; becomes AC under an open horizon [kW/kWp].
    sky, blocked, ghi, brightening
        Hourly light of the sky, shape (n,) [W/m²].
    parts, open_parts
        What arrives of beam, sky, blocked sky, ground and brightening, on the roof and under an open horizon.
    dc, thermal, warmer, rise
        Coefficients of the module, hourly of shape (n,); `warmer` is the roof's.
    inverter
        Three coefficients and the rating.
    """
    square, slope, constant, rating = inverter[0], inverter[1], inverter[2], inverter[3]
    of_beam, of_sky, of_blocked, of_ground, of_band = parts
    open_beam, open_sky, _, open_ground, open_band = open_parts
    for h in range(lit.size):
        near = of_band if brightening[h] > 0.0 else open_band
        light = of_beam * lit[h] * beam[h] + of_sky * sky[h] + of_blocked * blocked[h] + of_ground * ghi[h] + near * brightening[h]
        clear = open_beam * beam[h] + open_sky * sky[h] + open_ground * ghi[h] + open_band * brightening[h]
        warmth = thermal[h] + warmer
        x = dc[h] * light * (warmth + rise[h] * light)
        y = dc[h] * clear * (warmth + rise[h] * clear)
        lit[h] = max(0.0, min(rating, (square * x + slope) * x + constant))
        beam[h] = max(0.0, min(rating, (square * y + slope) * y + constant))


@njit(cache=True, nogil=True)
def adr_power(
    lit: FloatArray, beam: FloatArray, sky: FloatArray, blocked: FloatArray, ghi: FloatArray, brightening: FloatArray,
    parts: Parts, open_parts: Parts, dc: FloatArray, thermal: FloatArray, warmer: float, rise: FloatArray,
    inverter: FloatArray, adr: FloatArray,
) -> None:  # fmt: skip
    """
    Turn hours of sun into AC by the ADR module, with the equations of pvlib.pvarray.pvefficiency_adr, in place.

    Parameters
    ----------
    lit
        Share of the points in the sun times their number, shape (n,); becomes AC of the roof [kW/kWp].
    beam
        Beam on the modules, shape (n,) [W/m²]; becomes AC under an open horizon [kW/kWp].
    sky, blocked, ghi, brightening
        Hourly light of the sky, shape (n,) [W/m²].
    parts, open_parts
        What arrives of beam, sky, blocked sky, ground and brightening, on the roof and under an open horizon.
    dc, thermal, warmer, rise
        Coefficients of the module, hourly of shape (n,); `warmer` is the roof's.
    inverter
        Three coefficients and the rating.
    adr
        Four coefficients.
    """
    square, slope, constant, rating = inverter[0], inverter[1], inverter[2], inverter[3]
    k_d, tc_d, k_rs, k_rsh = LN_10 * adr[0], LN_10 * adr[1], adr[2], adr[3]
    reference = np.log(np.exp(-k_d) + 1.0)
    for h in range(lit.size):
        of_sun = beam[h]
        for case in range(2):
            of_beam, of_sky, of_blocked, of_ground, of_band = parts if case == 0 else open_parts
            near = of_band if brightening[h] > 0.0 else open_parts[4]
            sun = lit[h] if case == 0 else 1.0
            light = of_beam * sun * of_sun + of_sky * sky[h] + of_blocked * blocked[h] + of_ground * ghi[h] + near * brightening[h]
            suns = max(light, 0.0) / 1000.0
            v = np.log(suns * np.exp(-k_d - tc_d * (thermal[h] + warmer + rise[h] * light)) + 1.0) / reference
            x = dc[h] * light * ((1.0 + k_rs + k_rsh) * v - k_rs * suns - k_rsh * v * v)
            power = max(0.0, min(rating, (square * x + slope) * x + constant))
            if case == 0:
                lit[h] = power
            else:
                beam[h] = power
