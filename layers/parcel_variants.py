"""Variants of a parcel in one table: mounts, all or the best roofs, with and without a battery, up to a power or an export."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import numpy_financial as npf
import pandas as pd

from .business import payback
from .errors import LayersError
from .parcel_money import Meter, Money, Plant, balance, battery_that_pays, cash, lcoe

Floats = npt.NDArray[np.float64]
AIMS = ("npv", "irr", "lcoe", "payback", "energy", "self_use")
# Cuts of the order of cost at which the net present value is looked at.
CUTS = 40


@dataclass(frozen=True, eq=False)
class Laid:
    """Roofs with modules as one way of mounting laid them, rows of the table `roofs`, and their hours, shape (m, 8760) [kWh]."""

    roofs: pd.DataFrame
    hours: Floats


def whole_plant(laid: Laid) -> Plant:
    """
    Take all roofs together.

    Parameters
    ----------
    laid
        Roofs and hours.

    Returns
    -------
    Plant
        Sums.
    """
    return first_modules(laid, int(laid.roofs["module_count"].sum()))


def first_modules(laid: Laid, modules: int) -> Plant:
    """
    Take the first modules in the order of cost per kWh.

    Parameters
    ----------
    laid
        Roofs and hours.
    modules
        How many.

    Returns
    -------
    Plant
        The last roof may be built in part: its hours, cost and area count by its modules.
    """
    roofs = laid.roofs
    order = roofs["lcoe_cny_kwh"].fillna(np.inf).to_numpy(dtype=np.float64).argsort(kind="stable")
    count = roofs["module_count"].to_numpy(dtype=np.int64)[order]
    before = np.cumsum(count) - count
    part = np.zeros(len(roofs))
    part[order] = np.clip(modules - before, 0, count) / np.maximum(count, 1)

    def _total(name: str) -> float:
        return float(part @ roofs[name].to_numpy(dtype=np.float64))

    return Plant(
        sun=part @ laid.hours,
        kwp=_total("pdc0_kwp"),
        pac0_kw=_total("pac0_kw"),
        modules=round(_total("module_count")),
        capex=_total("capex_cny"),
        area_m2=_total("usable_area_m2"),
    )


def variants(
    laid: Mapping[str, Laid],
    meter: Meter,
    money: Money,
    *,
    aim: str = "npv",
    most_kw: float | None = None,
    most_export_kw: float | None = None,
) -> list[dict[str, Any]]:
    """
    Compare the variants.

    Parameters
    ----------
    laid
        By name of the way of mounting.
    meter, money
        Load, prices and costs.
    aim
        By what the best is marked: npv, irr, lcoe, payback, energy or self_use.
    most_kw
        Power that may be built [kW AC]; None for no limit.
    most_export_kw
        Power that may be exported [kW]; None for no limit.

    Returns
    -------
    list of dict
        A row a variant: mounting, roofs ("all", "best", "power" or "export"), storage_kwh, modules, pdc0_kwp, pac0_kw, energy_kwh,
        self_use_share, peak_export_kw, capex_cny, lcoe_cny_kwh, npv_cny, irr, payback_years, and best.

    Raises
    ------
    LayersError
        If the aim is not known or a limit is below 0.
    """
    if aim not in AIMS:
        raise LayersError(f"aim = {aim!r}; expected one of {', '.join(AIMS)}")
    if min(most_kw or 0.0, most_export_kw or 0.0) < 0.0:
        raise LayersError(f"limits of {most_kw} kW and {most_export_kw} kW of export; expected 0 or more")
    rows = []
    for mounting, one in laid.items():
        every = int(one.roofs["module_count"].sum())
        if not every:
            continue
        plants = {"all": whole_plant(one), "best": _best(one, meter, money)}
        if most_kw is not None:
            plants["power"] = _largest(one, lambda p: p.pac0_kw <= most_kw)
        if most_export_kw is not None:
            plants["export"] = _largest(one, lambda p: balance(p, meter)["peak_export_kw"] <= most_export_kw)
        if plants["best"].modules == every:
            del plants["best"]
        for name, plant in plants.items():
            rows.append(_row(mounting, name, plant, meter, money, storage=False))
            with_storage = _row(mounting, name, plant, meter, money, storage=True)
            if with_storage["storage_kwh"] > 0.0:
                rows.append(with_storage)
    limits = [name for name, limit in (("power", most_kw), ("export", most_export_kw)) if limit is not None]
    _mark(rows, aim, limits)
    return rows


def _best(laid: Laid, meter: Meter, money: Money) -> Plant:
    """Take the cheapest roofs, as many as bring the highest net present value."""
    count = np.sort(np.cumsum(laid.roofs.sort_values("lcoe_cny_kwh", kind="stable")["module_count"].to_numpy(dtype=np.int64)))
    cuts = np.unique(count[np.linspace(0, len(count) - 1, CUTS).round().astype(int)])
    plants = [first_modules(laid, int(cut)) for cut in cuts]
    return max(plants, key=lambda plant: cash(plant, meter, money, "own").npv)


def _largest(laid: Laid, allowed: Callable[[Plant], bool]) -> Plant:
    """Take as many modules as a limit allows."""
    low, high = 0, int(laid.roofs["module_count"].sum())
    while low < high:
        middle = (low + high + 1) // 2
        if allowed(first_modules(laid, middle)):
            low = middle
        else:
            high = middle - 1
    return first_modules(laid, low)


def _row(mounting: str, roofs: str, plant: Plant, meter: Meter, money: Money, *, storage: bool) -> dict[str, Any]:
    told = balance(plant, meter)
    got = cash(plant, meter, money, "own")
    row = {
        "mounting": mounting,
        "roofs": roofs,
        "storage_kwh": 0.0,
        "modules": plant.modules,
        "pdc0_kwp": plant.kwp,
        "pac0_kw": plant.pac0_kw,
        "energy_kwh": told["energy_kwh"],
        "self_use_share": told["self_use_share"],
        "peak_export_kw": told["peak_export_kw"],
        "capex_cny": plant.capex,
        "lcoe_cny_kwh": lcoe(plant, money.finance),
        "npv_cny": got.npv,
        "irr": got.project_irr,
        "payback_years": payback(got.project),
        "best": False,
    }
    battery = battery_that_pays(plant, meter, money) if storage else None
    if battery is None:
        return row
    flow = got.project.copy()
    flow[0] -= battery.capex_cny
    life = int(money.battery.value["life_years"])
    fade = (1.0 - money.battery.value["fade"]) ** np.arange(life)
    upkeep = money.battery.value["upkeep_share"] * battery.capex_cny
    flow[1 : life + 1] += ((battery.income_cny + upkeep) * fade - upkeep)[: len(flow) - 1]
    rate = 1.0 + money.finance.discount_rate
    sold = np.maximum(plant.sun - meter.load, 0.0) - battery.charged
    used = told["used_kwh"] + float(battery.discharged.sum())
    return row | {
        "storage_kwh": battery.energy_kwh,
        "self_use_share": used / told["energy_kwh"],
        "peak_export_kw": float(sold.max(initial=0.0)),
        "capex_cny": plant.capex + battery.capex_cny,
        "npv_cny": float((flow * rate ** -np.arange(len(flow))).sum()),
        "irr": float(npf.irr(flow)),
        "payback_years": payback(flow),
    }


def _mark(rows: list[dict[str, Any]], aim: str, limits: list[str]) -> None:
    """Mark the best of the rows that keep the limit, of equals the first."""
    able = [row for row in rows if not limits or row["roofs"] == limits[-1]]
    way = {"npv": "npv_cny", "irr": "irr", "energy": "energy_kwh", "self_use": "self_use_share"}
    if aim in way:
        able = [row for row in able if np.isfinite(row[way[aim]])]
        chosen = max(able, key=lambda row: row[way[aim]], default=None)
    else:
        name = {"lcoe": "lcoe_cny_kwh", "payback": "payback_years"}[aim]
        able = [row for row in able if np.isfinite(row[name])]
        chosen = min(able, key=lambda row: row[name], default=None)
    if chosen is not None:
        chosen["best"] = True
