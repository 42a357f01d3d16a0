"""What PV brings under each business model, own investment (自投) and an energy contract (合同能源管理), by class, area and in all."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import numpy_financial as npf
import pandas as pd

from solar.cashflow import Addition, Plant, Returns, Terms, returns
from solar.money import HOUSEHOLD, Finance, export_prices, use_codes, yearly_factors
from solar.self_use import Market

from .demand import Demand, building_load_kwh
from .sums import OUTSIDE, StoredColumns

MODELS = ("own", "contract")
NEEDED = ("use", "use_detail", "floor_area_m2", "pdc0_kwp", "energy_kwh", "capex_cny", "usable_area_m2", "responsible_area")
SUMS = ("capex_cny", "pdc0_kwp", "energy_kwh", "usable_area_m2", "used_kwh", "used_cny", "spot_cny")
COLUMNS = [
    "kind",
    "name",
    "model",
    "capex_cny",
    "lcoe_cny_kwh",
    "self_use_share",
    "project_irr",
    "equity_irr",
    "npv_cny",
    "owner_npv_cny",
    "payback_years",
]


def earnings(buildings: pd.DataFrame | StoredColumns, market: Market, demand: Demand) -> pd.DataFrame:
    """
    Give what each building uses itself of its generation and what that and the rest are worth.

    Parameters
    ----------
    buildings
        Table `buildings` with the sums of the roofs.
    market
        Self-use and prices by class and ratio of generation to use.
    demand
        Intensities of use.

    Returns
    -------
    table
        Same index: load_kwh, used_kwh, used_cny at the retail price of its hours, and spot_cny, the rest at the spot price of its hours.
    """
    told = buildings[["use", "use_detail", "floor_area_m2", "energy_kwh"]]
    energy = told["energy_kwh"].to_numpy(dtype=np.float64, na_value=0.0)
    load = building_load_kwh(demand, told).to_numpy(dtype=np.float64)
    found = market.prices(use_codes(told["use"].to_numpy(dtype=object)), energy, load)
    used = energy * found.share
    return pd.DataFrame(
        {"load_kwh": load, "used_kwh": used, "used_cny": used * found.used, "spot_cny": (energy - used) * found.spot}, index=told.index
    )


def business_cases(buildings: pd.DataFrame | StoredColumns, finance: Finance, terms: Terms, market: Market, demand: Demand) -> pd.DataFrame:
    """
    Compute both business models in all, for each class of use and for each accountable area.

    Parameters
    ----------
    buildings
        Table `buildings` with the sums of the roofs.
    finance
        Costs, mechanism and rates of the run.
    terms
        Tax, loan and contract.
    market
        Self-use and hourly prices.
    demand
        Intensities of use.

    Returns
    -------
    table
        Columns kind (whole, use, area), name, model, capex_cny, lcoe_cny_kwh before tax, self_use_share, project_irr and equity_irr after
        tax, npv_cny, owner_npv_cny and payback_years; only where there is capacity.

    Notes
    -----
    The buildings of one class in one area are one plant; flows of plants are added. Households that build pay `household_tax` of the
    taxes, the investor of a contract pays all.
    """
    with_pv = buildings[list(NEEDED)]
    with_pv = with_pv[with_pv["pdc0_kwp"].to_numpy(dtype=np.float64, na_value=0.0) > 0.0]
    told = pd.concat([with_pv[["capex_cny", "pdc0_kwp", "energy_kwh", "usable_area_m2"]], earnings(with_pv, market, demand)], axis=1)
    told["use"] = with_pv["use"].astype(object)  # categories would be sorted as they stand
    told["area"] = with_pv["responsible_area"].astype(object).where(with_pv["responsible_area"].notna(), OUTSIDE)
    plants = told.groupby(["area", "use"], sort=True)[list(SUMS)].sum().reset_index()
    groups: list[tuple[str, str, pd.DataFrame]] = [("whole", "", plants)]
    groups += [("use", str(name), part) for name, part in plants.groupby("use", sort=True)]
    groups += [("area", str(name), part) for name, part in plants.groupby("area", sort=True)]
    flows = {
        (row["area"], row["use"], model): plant_returns(row, finance, terms, market.spot_all, model)
        for row in plants.to_dict("records")
        for model in MODELS
    }
    rows = []
    for kind, name, part in groups if len(plants) else []:
        for model in MODELS:
            found = [flows[area, use, model] for area, use in zip(part["area"], part["use"], strict=True)]
            rows.append({"kind": kind, "name": name, "model": model, **_added(part, found, finance)})
    return pd.DataFrame(rows, columns=COLUMNS)


def plant_returns(
    row: Mapping[Any, Any], finance: Finance, terms: Terms, spot_all: float, model: str, beside: Addition | None = None
) -> Returns:
    """
    Compute what a plant brings.

    Parameters
    ----------
    row
        `SUMS` of the plant and its class of use.
    finance
        Costs, mechanism and rates.
    terms
        Tax, loan and contract; households that build pay `household_tax` of the taxes.
    spot_all
        Spot price weighted by all generation, for a plant that exports nothing [CNY/kWh].
    model
        "own" or "contract".
    beside
        What is built beside it.

    Returns
    -------
    returns
        Flows and rates.
    """
    used, sold = float(row["used_kwh"]), float(row["energy_kwh"] - row["used_kwh"])
    plant = Plant(
        capex=float(row["capex_cny"]),
        upkeep=1000.0 * finance.om_cost * float(row["pdc0_kwp"]),
        used_kwh=used,
        exported_kwh=sold,
        used_price=float(row["used_cny"]) / used if used > 0.0 else 0.0,
        export_price=export_prices(finance, float(row["spot_cny"]) / sold if sold > 0.0 else spot_all),
        area_m2=float(row["usable_area_m2"]),
        beside=beside,
    )
    contract = model == "contract"
    if row["use"] in HOUSEHOLD and not contract:
        part = terms.value["household_tax"]
        scaled = {name: part * terms.value[name] for name in ("vat_rate", "income_tax_rate")}
        terms = replace(terms, value={**terms.value, **scaled})
    return returns(plant, terms, contract=contract, factors=yearly_factors(finance), discount_rate=finance.discount_rate)


def _added(part: pd.DataFrame, found: list[Returns], finance: Finance) -> dict[str, float]:
    project, equity, owner = (np.sum([getattr(one, name) for one in found], axis=0) for name in ("project", "equity", "owner"))
    energy, capex = float(part["energy_kwh"].sum()), float(part["capex_cny"].sum())
    years = (1.0 + finance.discount_rate) ** -np.arange(1.0, finance.life_years + 1.0)
    cost = capex + 1000.0 * finance.om_cost * float(part["pdc0_kwp"].sum()) * float(years.sum())
    return {
        "capex_cny": capex,
        "lcoe_cny_kwh": cost / (energy * float((yearly_factors(finance) * years).sum())) if energy > 0.0 else np.nan,
        "self_use_share": float(part["used_kwh"].sum()) / energy if energy > 0.0 else np.nan,
        "project_irr": float(npf.irr(project)),
        "equity_irr": float(npf.irr(equity)),
        "npv_cny": float(npf.npv(finance.discount_rate, project)),
        "owner_npv_cny": float(npf.npv(finance.discount_rate, owner)),
        "payback_years": payback(project),
    }


def payback(flow: npt.NDArray[np.float64]) -> float:
    """
    Find when the flows add up to 0.

    Parameters
    ----------
    flow
        From year 0 [CNY].

    Returns
    -------
    float
        Years, straight within the year; NaN where they never do, or where nothing is spent.
    """
    so_far = np.cumsum(flow)
    after = np.flatnonzero(so_far >= 0.0)
    if not after.size or flow[0] >= 0.0:
        return float("nan")
    year = int(after[0])
    return year - float(so_far[year] / flow[year]) if flow[year] != 0.0 else float(year)
