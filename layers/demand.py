"""Yearly energy use of buildings without heating: floor area × intensity by class."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from solar.facts import Fact, read_facts

from .errors import LayersError


@dataclass(frozen=True, slots=True)
class Demand:
    """Intensities [kWh/(m² a)] by class and detail of use, without heating; `electricity` where a meter's load is another number."""

    use: Mapping[str, Fact]
    detail: Mapping[str, Fact]
    electricity: Mapping[str, Fact]


def load_demand(overrides: Mapping[str, Any] | None = None) -> Demand:
    """
    Read the intensities, replaced where the study says otherwise.

    Parameters
    ----------
    overrides
        Plain values by name, nested or dotted: ``{"use.commercial": 120}``.

    Returns
    -------
    demand
        Intensities by class and detail.

    Raises
    ------
    LayersError
        For an unknown name or an intensity that is not positive.
    """
    facts = read_facts(Path(__file__).with_name("demand.toml"), overrides, LayersError)
    for name, fact in facts.items():
        if not fact.value > 0.0:
            raise LayersError(f"{name} = {fact.value!r}: expected more than 0 {fact.unit}")
    parts = {
        kind: {name.removeprefix(f"{kind}."): fact for name, fact in facts.items() if name.startswith(f"{kind}.")}
        for kind in ("use", "detail", "electricity")
    }
    return Demand(**parts)


def intensity(demand: Demand, use: pd.Series, use_detail: pd.Series | None = None) -> pd.Series:
    """
    Find the intensity of each building.

    Parameters
    ----------
    demand
        Intensities of the study.
    use
        Class of use.
    use_detail
        Detail of use, missing where unknown; it wins over the class.

    Returns
    -------
    intensity
        Same index [kWh/(m² a)]; NaN for a class without one (other, unknown).
    """
    found = _looked_up(use, lambda name: float(demand.use[name].value) if name in demand.use else np.nan)
    if use_detail is not None:
        by_detail = _looked_up(use_detail, lambda text: _detail(demand, text))
        found = found.where(by_detail.isna() | found.isna(), by_detail)
    return found.rename("intensity")


def building_demand_kwh(demand: Demand, use: pd.Series, floor_area_m2: pd.Series, use_detail: pd.Series | None = None) -> pd.Series:
    """
    Estimate the yearly energy use of buildings without heating.

    Parameters
    ----------
    demand
        Intensities of the study.
    use
        Class of use.
    floor_area_m2
        Floor area of all storeys [m²].
    use_detail
        Detail of use, missing where unknown.

    Returns
    -------
    energy
        Same index [kWh/a]; NaN where the class has no intensity or the floor area is unknown.

    Notes
    -----
    GB/T 51161-2016 gives intensities without heating: heat must be added from another source.
    """
    return (intensity(demand, use, use_detail) * floor_area_m2.astype("float64")).rename("demand_kwh")


def building_load_kwh(demand: Demand, buildings: pd.DataFrame) -> pd.Series:
    """
    Estimate the electricity that each building takes in a year, process included.

    Parameters
    ----------
    demand
        Intensities of the study.
    buildings
        Buildings with use, use_detail and floor_area_m2.

    Returns
    -------
    load
        Same index [kWh/a]; NaN where the class has no intensity or the floor area is unknown.
    """
    found = intensity(demand, buildings["use"], buildings["use_detail"])
    metered = _looked_up(buildings["use"], lambda name: float(demand.electricity[name].value) if name in demand.electricity else np.nan)
    return (metered.where(metered.notna(), found) * buildings["floor_area_m2"].astype("float64")).rename("load_kwh")


def _looked_up(texts: pd.Series, value: Callable[[str], float]) -> pd.Series:
    """Give the value of each text: few distinct texts stand on many buildings, each is looked at once."""
    at, words = pd.factorize(texts)
    found = np.array([*(value(str(word)) for word in words), np.nan], dtype=np.float64)
    return pd.Series(found[at], index=texts.index)


def _detail(demand: Demand, text: str) -> float:
    # The longest name wins: 购物中心 before 商场.
    names = [name for name in demand.detail if name in text]
    return float(demand.detail[max(names, key=len)].value) if names else np.nan
