"""Avoided CO₂ and saved coal: the grid factor by choice, coal in both conventions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from solar.facts import Fact, nearest, read_facts

from .errors import LayersError

NATION = "china-2023"
CONVENTIONS = ("heat_value", "equivalent_value")


@dataclass(frozen=True, slots=True)
class Carbon:
    """Factors of a study: of the grid [kgCO₂/kWh, None where it is not known] and of coal [kgce/kWh by convention, GJ/tce]."""

    factor: Fact | None
    nation: Fact
    annual_decline: float
    coal: Mapping[str, Fact]
    gj_per_tce: float


def load_carbon(overrides: Mapping[str, Any] | None = None, *, abroad: bool = False) -> Carbon:
    """
    Read the factors, replaced where the study says otherwise.

    Parameters
    ----------
    overrides
        Plain values by name, nested or dotted: ``{"choice": "north-china-2023"}``, ``{"grid_factor": 0.4}``.
    abroad
        Whether the study lies outside China, where none of our factors holds unless the study says so.

    Returns
    -------
    carbon
        The grid factor, given or chosen, with its year and source, the national one beside it, coal in both conventions.

    Raises
    ------
    LayersError
        For an unknown name or choice, or a factor that is not positive.
    """
    facts = read_facts(Path(__file__).with_name("carbon.toml"), overrides, LayersError)
    factors = {name.removeprefix("factor."): fact for name, fact in facts.items() if name.startswith("factor.")}
    choice = facts["choice"].value
    if choice not in factors:
        raise LayersError(f"choice = {choice!r} is no grid factor, {nearest(choice, list(factors))}")
    for name, fact in facts.items():
        if name not in ("choice", "annual_decline", "grid_factor") and not fact.value > 0.0:
            raise LayersError(f"{name} = {fact.value!r}: expected more than 0 {fact.unit}")
    decline = float(facts["annual_decline"].value)
    if not 0.0 <= decline < 1.0:
        raise LayersError(f"annual_decline = {decline!r}: expected a share from 0 to 1, for example 0.02 for 2 % a year")
    given = facts["grid_factor"]
    if not 0.0 <= given.value < math.inf:
        raise LayersError(f"grid_factor = {given.value!r}: expected kilograms of CO₂ a kWh, for example 0.4")
    chosen = None if abroad and "choice" not in (overrides or {}) else factors[choice]
    coal = {name: facts[f"coal.{name}"] for name in CONVENTIONS}
    return Carbon(given if given.value > 0.0 else chosen, factors[NATION], decline, coal, float(facts["coal.heat"].value))


def recorded_carbon(manifest: Mapping[str, Any]) -> Carbon:
    """
    Read the factors of a run from its manifest.

    Parameters
    ----------
    manifest
        The run's manifest: what its study file said of carbon, and totals without `carbon_t` where no factor was known.

    Returns
    -------
    carbon
        Factors of the run.
    """
    money = ((manifest.get("parameters") or {}).get("study") or {}).get("money") or {}
    unknown = "carbon_t" in (totals := manifest.get("totals") or {}) and totals["carbon_t"] is None
    return load_carbon(money.get("carbon"), abroad=unknown)


def carbon_t(carbon: Carbon, energy_kwh: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """
    Compute the CO₂ that a year of generation avoids.

    Parameters
    ----------
    carbon
        Factors of the study.
    energy_kwh
        AC energy of the first year, any shape [kWh].

    Returns
    -------
    avoided
        Same shape [t CO₂]; NaN where the grid's factor is not known; a planning estimate, not an entry in a city's account.
    """
    if carbon.factor is None:
        return np.full_like(np.asarray(energy_kwh, dtype=np.float64), np.nan)
    return np.asarray(np.asarray(energy_kwh, dtype=np.float64) * (carbon.factor.value / 1000.0), dtype=np.float64)


def life_carbon_t(carbon: Carbon, energy_kwh: npt.ArrayLike, factors: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """
    Compute the CO₂ avoided over the life of the plants.

    Parameters
    ----------
    carbon
        Factors of the study; the grid's falls by its annual decline.
    energy_kwh
        AC energy of the first year, shape (R,) [kWh].
    factors
        Energy of each year over that of the first, shape (years,).

    Returns
    -------
    avoided
        Shape (R,) [t CO₂].
    """
    years = np.asarray(factors, dtype=np.float64)
    falling = (1.0 - carbon.annual_decline) ** np.arange(years.size)
    return carbon_t(carbon, energy_kwh) * float((years * falling).sum())


def electricity_tce(carbon: Carbon, energy_kwh: float, convention: str) -> float:
    """
    Convert electricity to standard coal.

    Parameters
    ----------
    carbon
        Factors of the study.
    energy_kwh
        Electricity [kWh].
    convention
        ``heat_value`` (当量值) or ``equivalent_value`` (等价值).

    Returns
    -------
    coal
        Standard coal [tce].

    Raises
    ------
    LayersError
        For another convention.
    """
    if convention not in carbon.coal:
        raise LayersError(f"convention {convention!r}, {nearest(convention, list(carbon.coal))}")
    return energy_kwh * float(carbon.coal[convention].value) / 1000.0


def heat_tce(carbon: Carbon, heat_gj: float) -> float:
    """
    Convert heat to standard coal.

    Parameters
    ----------
    carbon
        Factors of the study.
    heat_gj
        Heat [GJ].

    Returns
    -------
    coal
        Standard coal [tce], the same in both conventions.
    """
    return heat_gj / carbon.gj_per_tce
