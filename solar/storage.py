"""A battery behind the meter: it stores what PV would export, gives it back when the load is higher, and pays at some size or at none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from .errors import SolarError
from .facts import Fact, read_facts
from .weather import HOURS

FloatArray = npt.NDArray[np.float64]
# Sizes that are tried, as shares of the surplus of a sunny day (19 of 20 days have less).
SIZES = np.linspace(0.05, 1.0, 20)


@dataclass(frozen=True, slots=True)
class BatteryTerms:
    """Cost, life and losses by name, with the facts they come from."""

    value: Mapping[str, float]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Battery:
    """
    A battery and its first year.

    Notes
    -----
    `energy_kwh`, `power_kw`: size; `charged`, `discharged`: hours, shape (8760,) [kWh]; `capex_cny`, `income_cny` of the first year less
    upkeep, `npv_cny` before tax.
    """

    energy_kwh: float
    power_kw: float
    charged: FloatArray
    discharged: FloatArray
    capex_cny: float
    income_cny: float
    npv_cny: float


def load_battery(overrides: Mapping[str, Any] | None = None) -> BatteryTerms:
    """
    Read cost, life and losses of batteries.

    Parameters
    ----------
    overrides
        Plain values by name.

    Returns
    -------
    BatteryTerms
        Values and facts.

    Raises
    ------
    SolarError
        For an unknown name or a value out of bounds.
    """
    facts = read_facts(Path(__file__).with_name("storage.toml"), overrides)
    value = {name: float(fact.value) for name, fact in facts.items()}
    for name in ("cost_per_kwh", "life_years", "hours"):
        if not value[name] > 0.0:
            raise SolarError(f"storage.{name} = {value[name]:g}: expected more than 0")
    for name in ("upkeep_share", "fade", "round_trip"):
        if not 0.0 <= value[name] <= 1.0:
            raise SolarError(f"storage.{name} = {value[name]:g}: expected a share from 0 to 1")
    return BatteryTerms(value, tuple(facts.values()))


def best_battery(
    sun: npt.ArrayLike,
    load: npt.ArrayLike,
    retail: npt.ArrayLike,
    export: npt.ArrayLike,
    terms: BatteryTerms,
    *,
    discount_rate: float,
    worth: Callable[[Battery], float] | None = None,
) -> Battery | None:
    """
    Find the size that pays best.

    Parameters
    ----------
    sun, load
        Generation and use of each hour, shape (8760,) [kWh].
    retail, export
        Price of a kWh bought and sold in each hour, shape (8760,) [CNY/kWh].
    terms
        Cost, life and losses.
    discount_rate
        Rate of the net present value [1/a].
    worth
        What a size adds to the plant [CNY]; its net present value before tax by default.

    Returns
    -------
    Battery or None
        The size that is worth most; None where no size is worth more than nothing.

    Raises
    ------
    SolarError
        If an array is not a year of hours.
    """
    made, taken, bought, sold = (np.ascontiguousarray(values, dtype=np.float64) for values in (sun, load, retail, export))
    for name, values in (("sun", made), ("load", taken), ("retail", bought), ("export", sold)):
        if values.shape != (HOURS,) or not np.isfinite(values).all():
            raise SolarError(f"storage: {name} has shape {values.shape}; expected {HOURS} hours of finite numbers")
    surplus = np.maximum(made - taken, 0.0).reshape(365, 24).sum(axis=1)
    day = float(np.quantile(surplus, 0.95))
    best, most = None, 0.0
    for size in SIZES * day if day > 0.0 else ():
        tried = run_battery(made, taken, bought, sold, float(size), terms, discount_rate=discount_rate)
        adds = tried.npv_cny if worth is None else worth(tried)
        if adds > most:
            best, most = tried, adds
    return best


def run_battery(
    sun: FloatArray, load: FloatArray, retail: FloatArray, export: FloatArray, size_kwh: float, terms: BatteryTerms, *, discount_rate: float
) -> Battery:
    """
    Run a battery of a given size through the year.

    Parameters
    ----------
    sun, load, retail, export
        As for `best_battery`.
    size_kwh
        Energy it holds [kWh].
    terms
        Cost, life and losses.
    discount_rate
        Rate of the net present value [1/a].

    Returns
    -------
    Battery
        Its first year and what it is worth.

    Notes
    -----
    It charges from PV only, as soon as there is a surplus, and discharges as soon as the load is higher: no foresight, no trade with the
    grid. Losses are split evenly between charging and discharging. A stored kWh is not exported, a returned one not bought.
    """
    power = size_kwh / terms.value["hours"]
    charged, discharged = np.zeros(HOURS), np.zeros(HOURS)
    _run(sun, load, size_kwh, power, float(np.sqrt(terms.value["round_trip"])), charged, discharged)
    capex = size_kwh * terms.value["cost_per_kwh"]
    gain = float(discharged @ retail - charged @ export)
    years = np.arange(1.0, np.floor(terms.value["life_years"]) + 1.0)
    yearly = gain * (1.0 - terms.value["fade"]) ** (years - 1.0) - terms.value["upkeep_share"] * capex
    npv = float((yearly * (1.0 + discount_rate) ** -years).sum() - capex)
    return Battery(size_kwh, power, charged, discharged, capex, float(yearly[0]), npv)


@njit(cache=True, nogil=True)
def _run(
    sun: FloatArray, load: FloatArray, size: float, power: float, efficiency: float, charged: FloatArray, discharged: FloatArray
) -> None:
    held = 0.0
    for h in range(sun.size):
        left = sun[h] - load[h]
        if left > 0.0:
            charged[h] = min(left, power, (size - held) / efficiency)
            held += charged[h] * efficiency
        else:
            discharged[h] = min(-left, power, held * efficiency)
            held -= discharged[h] / efficiency
