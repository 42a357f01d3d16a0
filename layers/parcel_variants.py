"""Variants of a parcel in one table: mounts, all or the best roofs, with and without a battery, up to a power, an export or a class."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from solar.storage import Battery

from .business import payback
from .errors import LayersError
from .grid_class import limits_below
from .parcel_money import Meter, Money, Plant, balance, battery_that_pays, cash, lcoe

Floats = npt.NDArray[np.float64]
# Of each aim the column, and whether more of it is better.
AIMS = {
    "npv": ("npv_cny", 1.0),
    "irr": ("irr", 1.0),
    "lcoe": ("lcoe_cny_kwh", -1.0),
    "payback": ("payback_years", -1.0),
    "energy": ("energy_kwh", 1.0),
    "self_use": ("self_use_share", 1.0),
}
# …that can be judged where nothing is known of the load.
LOADLESS_AIMS = ("lcoe", "energy")
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
    voltage_kv: float | None = None,
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
    voltage_kv
        Voltage of the connection [kV], which decides the classes of distributed PV whose limits are tried; None where it is not known.

    Returns
    -------
    list of dict
        A row a variant: mounting, roofs ("all", "best", "class", "power" or "export"), limit_kw of a class, storage_kwh, modules, pdc0_kwp,
        pac0_kw, energy_kwh, self_use_share, peak_export_kw, capex_cny, lcoe_cny_kwh (without the battery), npv_cny, irr, payback_years,
        and best. Of rows that build the same the first is kept.

    Raises
    ------
    LayersError
        If the aim is not known or a limit is below 0.

    Notes
    -----
    Where limits are given, only what keeps all of them can be the best.
    """
    if aim not in AIMS:
        raise LayersError(f"aim = {aim!r}; expected one of {', '.join(AIMS)}")
    if min(most_kw or 0.0, most_export_kw or 0.0) < 0.0:
        raise LayersError(f"limits of {most_kw} kW and {most_export_kw} kW of export; expected 0 or more")
    power, export = (np.inf if limit is None else limit for limit in (most_kw, most_export_kw))
    rows: list[dict[str, Any]] = []
    seen: set[tuple[float, ...]] = set()
    for mounting, one in laid.items():
        if not one.roofs["module_count"].any():
            continue
        for name, limit, plant in _plants(one, meter, money, power, export, voltage_kv):
            built = (plant.modules, round(float(plant.sun.sum()), 3), round(plant.capex, 2))
            if built in seen:
                continue
            seen.add(built)
            own = {"mounting": mounting, "roofs": name, "limit_kw": limit}
            rows.append(own | _row(plant, meter, money, None))
            battery = battery_that_pays(plant, meter, money, aim)
            if battery is not None:
                rows.append(own | _row(plant, meter, money, battery))
    _mark([row for row in rows if row["pac0_kw"] <= power and row["peak_export_kw"] <= export], aim)
    return rows


def _plants(one: Laid, meter: Meter, money: Money, power: float, export: float, voltage_kv: float | None) -> list[tuple[str, float, Plant]]:
    """Give what can be built of one way of mounting: name, limit of the class [kW], plant."""
    every, nan = whole_plant(one), float("nan")
    found = [("all", nan, every), ("best", nan, _best(one, meter, money))]
    found += [("class", limit, _largest(one, meter, limit)) for limit in limits_below(meter.use, every.pac0_kw, voltage_kv)]
    if np.isfinite(power):
        found.append(("power", nan, _largest(one, meter, power)))
    if np.isfinite(export):  # with both limits this one keeps both
        found.append(("export", nan, _largest(one, meter, power, export)))
    return found


def _best(laid: Laid, meter: Meter, money: Money) -> Plant:
    """Take the cheapest roofs, as many as bring the highest net present value."""
    count = np.sort(np.cumsum(laid.roofs.sort_values("lcoe_cny_kwh", kind="stable")["module_count"].to_numpy(dtype=np.int64)))
    cuts = np.unique(count[np.linspace(0, len(count) - 1, CUTS).round().astype(int)])
    plants = [first_modules(laid, int(cut)) for cut in cuts]
    return max(plants, key=lambda plant: cash(plant, meter, money, "own").npv)


def _largest(laid: Laid, meter: Meter, power: float, export: float = np.inf) -> Plant:
    """Take as many modules as the limits of power and export [kW] allow."""
    low, high = 0, int(laid.roofs["module_count"].sum())
    while low < high:
        middle = (low + high + 1) // 2
        plant = first_modules(laid, middle)
        if plant.pac0_kw <= power and balance(plant, meter)["peak_export_kw"] <= export:
            low = middle
        else:
            high = middle - 1
    return first_modules(laid, low)


def _row(plant: Plant, meter: Meter, money: Money, battery: Battery | None) -> dict[str, Any]:
    """Judge one variant; all money is after tax, that of the battery too."""
    told = balance(plant, meter)
    got = cash(plant, meter, money, "own", battery)
    row = {
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
    if battery is None:
        return row
    sold = np.maximum(plant.sun - meter.load, 0.0) - battery.charged
    used = told["used_kwh"] + float(battery.discharged.sum())
    return row | {
        "storage_kwh": battery.energy_kwh,
        "self_use_share": used / told["energy_kwh"],
        "peak_export_kw": float(sold.max(initial=0.0)),
        "capex_cny": plant.capex + battery.capex_cny,
    }


def _mark(able: list[dict[str, Any]], aim: str) -> None:
    """Mark the best, of equals the first."""
    name, way = AIMS[aim]
    known = [row for row in able if np.isfinite(row[name]) and row["modules"]]
    chosen = max(known, key=lambda row: way * row[name], default=None)
    if chosen is not None:
        chosen["best"] = True
