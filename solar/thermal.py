"""Solar collectors: heat by the standard collector equation, hour by hour from the same sky as the modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from .errors import SolarError
from .facts import Fact, read_facts
from .orientations import Blend, FloatArray, IntArray
from .sky import Float32Array, Sky

MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.float64)
WATER_KWH = 4.186 / 3600.0  # heat of a litre of water per kelvin
_SHARES = ("collector.eta0", "system.losses", "system.roof_share")
_PER_CLASS = "floor_area_per_household."


@dataclass(frozen=True)
class Thermal:
    """
    Collectors of dwellings.

    Attributes
    ----------
    eta0, a1, a2
        Zero-loss efficiency [-], linear [W/(m² K)] and quadratic [W/(m² K²)] loss, all on the gross area.
    cold, hot, fluid
        Temperatures of cold and hot water, and the mean of the collector's fluid [°C].
    losses
        Share of the heat lost in tank and pipes.
    roof_share
        Largest share of the usable area that collectors take.
    m2_per_household, litres_per_household
        Collectors [m2] and hot water [L/d] of one household.
    floor_area_per_household
        By class of dwelling [m2].
    facts
        Where the numbers come from.
    """

    eta0: float
    a1: float
    a2: float
    cold: float
    hot: float
    fluid: float
    losses: float
    roof_share: float
    m2_per_household: float
    litres_per_household: float
    floor_area_per_household: Mapping[str, float]
    facts: tuple[Fact, ...]

    def demand(self, households: FloatArray) -> FloatArray:
        """
        Give the heat that hot water takes.

        Parameters
        ----------
        households
            Number of households, shape (n,).

        Returns
        -------
        numpy.ndarray
            January to December, shape (n, 12) [kWh].
        """
        daily = np.asarray(households) * self.litres_per_household * WATER_KWH * (self.hot - self.cold)
        return np.asarray(daily[:, None] * MONTH_DAYS)


def load_thermal(
    *, m2_per_household: float | None = None, litres_per_household: float | None = None, overrides: Mapping[str, Any] | None = None
) -> Thermal:
    """
    Read the numbers of collectors.

    Parameters
    ----------
    m2_per_household
        Collectors of one household [m2]; without it they follow from the litres.
    litres_per_household
        Hot water of one household [L/d]; without it the data file's.
    overrides
        What the study says otherwise, by name: ``{"collector": {"eta0": 0.75}}``.

    Returns
    -------
    Thermal
        Numbers with their facts.

    Raises
    ------
    SolarError
        For an unknown name or a number out of its range.
    """
    facts = read_facts(Path(__file__).with_name("thermal.toml"), overrides)
    value = {name: float(fact.value) for name, fact in facts.items()}
    for name, number in value.items():
        high = 1.0 if name in _SHARES else 1000.0
        if not 0.0 <= number <= high:
            raise SolarError(f"{name} of solar collectors is {number}; expected 0 to {high:g} {facts[name].unit}")
    positive = ("collector.eta0", "water.litres_per_household", "water.litres_per_m2", *(n for n in value if n.startswith(_PER_CLASS)))
    for name in positive:
        if value[name] == 0.0:
            raise SolarError(f"{name} of solar collectors is 0; expected more than 0 {facts[name].unit}")
    cold, hot = value["water.cold"], value["water.hot"]
    if hot <= cold:
        raise SolarError(f"hot water of {hot} °C from cold water of {cold} °C; expected hot water to be warmer")
    litres = value["water.litres_per_household"] if litres_per_household is None else litres_per_household
    return Thermal(
        eta0=value["collector.eta0"],
        a1=value["collector.a1"],
        a2=value["collector.a2"],
        cold=cold,
        hot=hot,
        fluid=(cold + hot) / 2.0 + value["collector.above_water"],
        losses=value["system.losses"],
        roof_share=value["system.roof_share"],
        m2_per_household=litres / value["water.litres_per_m2"] if m2_per_household is None else m2_per_household,
        litres_per_household=litres,
        floor_area_per_household={n.removeprefix(_PER_CLASS): v for n, v in value.items() if n.startswith(_PER_CLASS)},
        facts=tuple(facts.values()),
    )


def collector_power(thermal: Thermal, irradiance: npt.ArrayLike, temp_air: npt.ArrayLike) -> FloatArray:
    """
    Give the heat that a collector delivers.

    Parameters
    ----------
    thermal
        Its numbers.
    irradiance
        On its plane, after the reflection of slanting light, any shape [W/m²].
    temp_air
        Of the air, broadcast against it [°C].

    Returns
    -------
    numpy.ndarray
        Never below 0: then the pump stands [W/m²].

    Notes
    -----
    ISO 9806 (before: EN 12975), steady state: eta0 G − a1 (Tm − Ta) − a2 (Tm − Ta)².
    """
    light, air = np.broadcast_arrays(np.asarray(irradiance, dtype=np.float64), np.asarray(temp_air, dtype=np.float64))
    return np.asarray(_power(light, thermal.fluid - air, thermal.eta0, thermal.a1, thermal.a2))


def collector_heat(
    thermal: Thermal, sky: Sky, planes: Blend, light_share: npt.ArrayLike, temperature_offset: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """
    Give the heat of collectors in each month, hour by hour.

    Parameters
    ----------
    thermal
        Their numbers.
    sky
        Prepared sky.
    planes
        Glazed classes of m planes.
    light_share
        Share of its open light that each plane gets, shape (m,); every hour loses the same share.
    temperature_offset
        Added to the air temperature, shape (m,) [K].

    Returns
    -------
    numpy.ndarray
        January to December, before losses of tank and pipes, shape (m, 12) [kWh/m²].

    Notes
    -----
    Heat is a convex function of light (a line that stops at 0): the same loss of light in a few hours, as shade brings it, costs no more
    heat than spread over all, so shaded collectors are rather undervalued.
    """
    return np.asarray(
        _months(
            sky.beam,
            np.stack([sky.sky_factor, sky.ground_factor, sky.band.sum(axis=1)]),
            np.stack([sky.sky_diffuse, sky.ghi, sky.brightening]),
            sky.temp_air,
            sky.month_start.astype(np.int64),
            np.ascontiguousarray(planes.classes, dtype=np.int64),
            np.ascontiguousarray(planes.weights, dtype=np.float64),
            np.ascontiguousarray(light_share, dtype=np.float64),
            np.ascontiguousarray(temperature_offset, dtype=np.float64),
            (thermal.fluid, thermal.eta0, thermal.a1, thermal.a2),
        )
    )


def open_irradiation(sky: Sky, planes: Blend) -> npt.NDArray[np.float64]:
    """
    Give what planes get in a year under an open horizon.

    Parameters
    ----------
    sky
        Prepared sky.
    planes
        Classes of m planes, bare or glazed.

    Returns
    -------
    numpy.ndarray
        Shape (m,) [kWh/m²].
    """
    known, back = np.unique(planes.classes, return_inverse=True)
    diffuse = sky.sky_factor * sky.sky_diffuse.sum() + sky.ground_factor * sky.ghi.sum() + sky.band.sum(axis=1) * sky.brightening.sum()
    year = (sky.beam[known].sum(axis=1, dtype=np.float64) + diffuse[known]) / 1000.0
    return np.asarray((year[back.reshape(planes.classes.shape)] * planes.weights).sum(axis=1))


@njit(cache=True, nogil=True)
def _power(light: Any, warmer: Any, eta0: float, a1: float, a2: float) -> Any:
    return np.maximum(eta0 * light - a1 * warmer - a2 * warmer * warmer, 0.0)


@njit(cache=True, nogil=True)
def _months(
    beam: Float32Array,
    factors: FloatArray,
    diffuse: FloatArray,
    temp_air: FloatArray,
    month_start: IntArray,
    classes: IntArray,
    weights: FloatArray,
    light_share: FloatArray,
    offset: FloatArray,
    numbers: tuple[float, float, float, float],
) -> FloatArray:
    fluid, eta0, a1, a2 = numbers
    heat = np.zeros((classes.shape[0], 12))
    for plane in range(classes.shape[0]):
        sky = ground = band = 0.0
        for k in range(classes.shape[1]):
            c, w = classes[plane, k], weights[plane, k]
            sky, ground, band = sky + w * factors[0, c], ground + w * factors[1, c], band + w * factors[2, c]
        for month in range(12):
            total = 0.0
            for hour in range(month_start[month], month_start[month + 1]):
                light = sky * diffuse[0, hour] + ground * diffuse[1, hour] + band * diffuse[2, hour]
                for k in range(classes.shape[1]):
                    light += weights[plane, k] * beam[classes[plane, k], hour]
                total += _power(light_share[plane] * light, fluid - temp_air[hour] - offset[plane], eta0, a1, a2)
            heat[plane, month] = total / 1000.0
    return heat
