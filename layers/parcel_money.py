"""The money of one parcel from its hours: both business models, unit cost, what moves the result most, and a battery."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from solar.cashflow import Addition, Returns, Terms
from solar.facts import Fact, read_facts
from solar.money import Finance, export_prices, yearly_factors
from solar.storage import Battery, BatteryTerms, best_battery

from .business import MODELS, payback, plant_returns
from .errors import LayersError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Meter:
    """Load [kW], retail and spot price [CNY/kWh] of the hours behind one meter, shape (8760,), and its class of use."""

    load: Floats
    retail: Floats
    spot: Floats
    use: str


@dataclass(frozen=True, eq=False)
class Plant:
    """Hours of generation, shape (8760,) [kWh], and size, cost and area of what is built."""

    sun: Floats
    kwp: float
    pac0_kw: float
    modules: int
    capex: float
    area_m2: float


@dataclass(frozen=True)
class Money:
    """Costs, rates and terms of the run, and of batteries."""

    finance: Finance
    terms: Terms
    battery: BatteryTerms


def load_spreads() -> dict[str, Fact]:
    """
    Read by how much a sheet varies what it assumes.

    Returns
    -------
    dict of str to Fact
        By name.
    """
    return read_facts(Path(__file__).with_name("parcels.toml"), None, LayersError)


def balance(plant: Plant, meter: Meter) -> dict[str, float]:
    """
    Hold generation against load, hour by hour.

    Parameters
    ----------
    plant
        What is built.
    meter
        Load and prices.

    Returns
    -------
    dict
        energy_kwh, used_kwh, exported_kwh, bought_kwh, load_kwh, self_use_share, coverage_share, peak_export_kw, used_cny and spot_cny.
    """
    used = np.minimum(plant.sun, meter.load)
    sold = plant.sun - used
    energy, load = float(plant.sun.sum()), float(meter.load.sum())
    return {
        "energy_kwh": energy,
        "load_kwh": load,
        "used_kwh": float(used.sum()),
        "exported_kwh": float(sold.sum()),
        "bought_kwh": float((meter.load - used).sum()),
        "self_use_share": float(used.sum()) / energy if energy > 0.0 else float("nan"),
        "coverage_share": float(used.sum()) / load if load > 0.0 else float("nan"),
        "peak_export_kw": float(sold.max(initial=0.0)),
        "used_cny": float(used @ meter.retail),
        "spot_cny": float(sold @ meter.spot),
    }


def cash(plant: Plant, meter: Meter, money: Money, model: str, battery: Battery | None = None) -> Returns:
    """
    Compute the flows of one business model.

    Parameters
    ----------
    plant
        What is built.
    meter
        Load and prices.
    money
        Costs, rates and terms.
    model
        "own" or "contract".
    battery
        What stands beside it.

    Returns
    -------
    returns
        Flows and rates after tax.
    """
    told = balance(plant, meter)
    row = {
        "capex_cny": plant.capex,
        "pdc0_kwp": plant.kwp,
        "usable_area_m2": plant.area_m2,
        "use": meter.use,
        **{name: told[name] for name in ("energy_kwh", "used_kwh", "used_cny", "spot_cny")},
    }
    beside = _beside(battery, meter, money) if battery is not None else None
    return plant_returns(row, money.finance, money.terms, _spot_all(plant, meter), model, beside)


def _beside(battery: Battery, meter: Meter, money: Money) -> Addition:
    """Turn a battery into what it costs and gains in each year of the plant's life: what is bought no more, less what is sold no more."""
    finance, terms = money.finance, money.battery.value
    life = int(terms["life_years"])
    stored = float(battery.charged.sum())
    spot = float(battery.charged @ meter.spot) / stored if stored > 0.0 else 0.0
    gain = float(battery.discharged @ meter.retail) - stored * export_prices(finance, spot)
    years = np.arange(finance.life_years)
    works = years < life
    upkeep = np.where(works, terms["upkeep_share"] * battery.capex_cny, 0.0)
    return Addition(battery.capex_cny, np.where(works, gain * (1.0 - terms["fade"]) ** years, 0.0), upkeep, float(life))


def highest_rent(plant: Plant, meter: Meter, money: Money) -> float:
    """
    Find the roof rent beside the contract's discount at which its investor just earns the discount rate.

    Parameters
    ----------
    plant, meter, money
        The plant as assumed.

    Returns
    -------
    float
        CNY per usable m2 and year; NaN where the contract does not even pay without rent.
    """

    def _worth(rent: float) -> float:
        terms = replace(money.terms, value={**money.terms.value, "roof_rent": rent})
        return float(cash(plant, meter, replace(money, terms=terms), "contract").npv)

    if not plant.area_m2 > 0.0 or not _worth(0.0) > 0.0:
        return float("nan")
    # more than all that comes in: then nothing is left
    most = (balance(plant, meter)["used_cny"] + plant.capex) / plant.area_m2 + float(meter.retail.max()) * float(
        plant.sun.sum()
    ) / plant.area_m2
    return float(brentq(_worth, 0.0, most, xtol=1e-3))


def lcoe(plant: Plant, finance: Finance) -> float:
    """
    Give the levelised cost of a kWh, before tax.

    Parameters
    ----------
    plant
        What is built.
    finance
        Costs and rates.

    Returns
    -------
    float
        CNY/kWh; NaN without energy. As in the table `roofs`.
    """
    discount = (1.0 + finance.discount_rate) ** -np.arange(1.0, finance.life_years + 1.0)
    energy = float(plant.sun.sum()) * float((yearly_factors(finance) * discount).sum())
    cost = plant.capex + 1000.0 * finance.om_cost * plant.kwp * float(discount.sum())
    return cost / energy if energy > 0.0 else float("nan")


def business(plant: Plant, meter: Meter, money: Money) -> dict[str, dict[str, Any]]:
    """
    Compute both business models.

    Parameters
    ----------
    plant
        What is built.
    meter
        Load and prices.
    money
        Costs, rates and terms.

    Returns
    -------
    dict
        By model: irr, equity_irr, npv_cny, owner_npv_cny, payback_years, and the flows of project, equity and owner from year 0 [CNY].
    """
    found = {}
    for model in MODELS:
        got = cash(plant, meter, money, model)
        found[model] = {
            "irr": got.project_irr,
            "equity_irr": got.equity_irr,
            "npv_cny": got.npv,
            "owner_npv_cny": got.owner_npv,
            "payback_years": payback(got.project),
            "flows": {name: getattr(got, name).tolist() for name in ("project", "equity", "owner")},
        }
    return found


def tornado(plant: Plant, meter: Meter, money: Money, energy_spread: float, spreads: Mapping[str, Fact]) -> list[dict[str, Any]]:
    """
    Vary one assumption after another and see what the net present value of own investment becomes.

    Parameters
    ----------
    plant, meter, money
        The plant as assumed.
    energy_spread
        Share by which P90 lies below the expected energy.
    spreads
        Of the other assumptions, see `load_spreads`.

    Returns
    -------
    list of dict
        name, spread, low_npv_cny and high_npv_cny (value of the assumption low and high), the widest first.
    """

    def _worth(changed: Plant = plant, at: Meter = meter, by: Money = money) -> float:
        return float(cash(changed, at, by, "own").npv)

    def _both(name: str, spread: float, make: Any) -> dict[str, Any]:
        return {"name": name, "spread": spread, "low_npv_cny": make(1.0 - spread), "high_npv_cny": make(1.0 + spread)}

    size = {name: float(fact.value) for name, fact in spreads.items()}
    finance = money.finance
    rows = [
        _both("energy", energy_spread, lambda k: _worth(replace(plant, sun=plant.sun * k))),
        _both("capex", size["capex"], lambda k: _worth(replace(plant, capex=plant.capex * k))),
        _both("retail", size["retail"], lambda k: _worth(at=replace(meter, retail=meter.retail * k))),
        _both("spot", size["spot"], lambda k: _worth(at=replace(meter, spot=meter.spot * k))),
        _both("load", size["load"], lambda k: _worth(at=replace(meter, load=meter.load * k))),
        _both("upkeep", size["upkeep"], lambda k: _worth(by=replace(money, finance=replace(finance, om_cost=finance.om_cost * k)))),
    ]
    step = size["discount"]
    rates = [_worth(by=replace(money, finance=replace(finance, discount_rate=finance.discount_rate + way * step))) for way in (-1.0, 1.0)]
    rows.append({"name": "discount", "spread": step, "low_npv_cny": rates[0], "high_npv_cny": rates[1]})
    return sorted(rows, key=lambda row: -abs(row["high_npv_cny"] - row["low_npv_cny"]))


def battery_that_pays(plant: Plant, meter: Meter, money: Money, aim: str = "npv") -> Battery | None:
    """
    Find the battery that adds most to the plant, if any does.

    Parameters
    ----------
    plant, meter, money
        The plant as assumed.
    aim
        What it has to add to: "irr" or "payback" of own investment after tax, "self_use" as far as the net present value does not fall,
        with any other aim the net present value, since a battery changes neither energy nor cost of a generated kWh.

    Returns
    -------
    Battery or None
        None where no size adds. A stored kWh is not sold at the price of its hour: in the mechanism for its share, spot for the rest.
    """
    finance = money.finance
    share = float(finance.mechanism_share[: int(money.battery.value["life_years"])].mean())
    export = share * finance.mechanism_price + (1.0 - share) * meter.spot
    without = cash(plant, meter, money, "own")

    def _adds(battery: Battery) -> float:
        got = cash(plant, meter, money, "own", battery)
        if aim == "irr":
            return _or(got.project_irr, -1.0) - _or(without.project_irr, -1.0)
        if aim == "payback":
            never = finance.life_years + 1.0
            return _or(payback(without.project), never) - _or(payback(got.project), never)
        if aim == "self_use":
            return float(battery.discharged.sum()) if got.npv > without.npv else 0.0
        return got.npv - without.npv

    return best_battery(plant.sun, meter.load, meter.retail, export, money.battery, discount_rate=finance.discount_rate, worth=_adds)


def _or(value: float, worst: float) -> float:
    """Take what never pays, and so has no rate or no payback, as the worst there is."""
    return worst if np.isnan(value) else float(value)


def first_year(plant: Plant, meter: Meter, finance: Finance) -> dict[str, float]:
    """
    Give the money of the first year, with tax in the prices.

    Parameters
    ----------
    plant, meter
        The plant as assumed.
    finance
        Costs and mechanism.

    Returns
    -------
    dict
        saved_cny (self-use), sold_cny (export) and upkeep_cny.
    """
    told = balance(plant, meter)
    spot = told["spot_cny"] / told["exported_kwh"] if told["exported_kwh"] > 0.0 else 0.0
    return {
        "saved_cny": told["used_cny"],
        "sold_cny": told["exported_kwh"] * float(export_prices(finance, spot)[0]),
        "upkeep_cny": 1000.0 * finance.om_cost * plant.kwp,
    }


def _spot_all(plant: Plant, meter: Meter) -> float:
    total = float(plant.sun.sum())
    return float(plant.sun @ meter.spot) / total if total > 0.0 else 0.0
