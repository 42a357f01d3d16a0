"""What is said of one parcel, as numbers and codes: the content of sheet.json, from which the page is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from solar.hours import HOUR, MONTH
from solar.money import yearly_factors
from solar.uncertainty import own_variance, p90_of_groups

from .carbon import Carbon, carbon_t, life_carbon_t
from .connection import connection_facts
from .grid_class import grid_class
from .hosting import HostingRules
from .parcel_money import (
    Meter,
    Money,
    Plant,
    balance,
    battery_that_pays,
    business,
    cash,
    first_year,
    highest_rent,
    lcoe,
    load_spreads,
    tornado,
)
from .parcel_variants import Laid, whole_plant
from .schema import DEDUCTIONS

Floats = npt.NDArray[np.float64]
Note = tuple[str, dict[str, Any]]
# Sources of a use that nobody said.
GUESSED = ("neighbourhood", "size")
TYPICAL_MONTHS = (1, 4, 7, 10)
SHOWN = (
    "roof_id",
    "building_id",
    "use",
    "data_tier",
    "confidence",
    "area_m2",
    "usable_area_m2",
    "mounting",
    "surface_tilt",
    "surface_azimuth",
    "module_count",
    "pdc0_kwp",
    "pac0_kw",
    "energy_kwh",
    "energy_p90_kwh",
    "specific_yield",
    "shading_loss",
    "lcoe_cny_kwh",
    "parcel_share",
    "structural_check",
)


@dataclass(frozen=True)
class Place:
    """What a sheet is about: its id, name, polygon, and where it lies [degrees]."""

    id: str
    name: str
    geometry: Any
    longitude: float
    latitude: float


@dataclass(frozen=True)
class Connection:
    """Voltage [kV] and transformer [kVA] of the connection, None where not known."""

    voltage_kv: float | None = None
    transformer_kva: float | None = None


@dataclass(frozen=True)
class LoadSource:
    """Where the load comes from ("curve", "bills" or "class"), what is told of it, and the use that the floor area suggests [kWh]."""

    kind: str
    notes: Sequence[Note]
    expected_kwh: float
    unknown_share: float


def sheet(
    place: Place,
    laid: Laid,
    buildings: gpd.GeoDataFrame,
    meter: Meter,
    source: LoadSource,
    connection: Connection,
    money: Money,
    carbon: Carbon,
    rules: HostingRules,
    *,
    aim: str,
    states: Mapping[str, int],
    warnings: Sequence[str],
) -> dict[str, Any]:
    """
    Put together the sheet of a parcel.

    Parameters
    ----------
    place
        The parcel.
    laid
        Its roofs, all of them, and their hours.
    buildings
        Its rows of the table `buildings`.
    meter
        Load and prices.
    source
        Where the load comes from.
    connection
        What is known of the connection.
    money, carbon, rules
        Numbers of the run.
    aim
        By which the battery is sized, see `battery_that_pays`.
    states
        Positions drawn, by state: kept, shaded, share.
    warnings
        What the run says of itself.

    Returns
    -------
    dict
        Numbers and codes; NaN for what does not apply.
    """
    plant = whole_plant(laid)
    told = balance(plant, meter)
    roofs = laid.roofs
    with_modules = roofs[roofs["module_count"] > 0]
    by_building = with_modules.groupby("building_id")[["energy_kwh", "energy_p90_kwh"]].sum()
    own = own_variance(by_building["energy_kwh"], by_building["energy_p90_kwh"]).sum()
    p90 = float(p90_of_groups(by_building["energy_kwh"].sum(), own))
    spread = 1.0 - p90 / told["energy_kwh"] if told["energy_kwh"] > 0.0 else 0.0
    notes = [*_quality(roofs, buildings, source, meter), *source.notes]
    peak, rated = float(meter.load.max(initial=0.0)), connection.transformer_kva
    if rated is not None and peak > rated:
        notes.append(("load_above_transformer", {"peak": peak, "rated": rated}))
    found: dict[str, Any] = {
        "parcel": _place(place, buildings, roofs),
        "capacity": {
            **{name: float(roofs[name].sum()) for name in ("pdc0_kwp", "pac0_kw", "covered_area_m2", "usable_area_m2", "area_m2")},
            "modules": plant.modules,
            "positions": dict(states),
            "coverage": _ratio(float(roofs["covered_area_m2"].sum()), float(roofs["footprint_area_m2"].sum())),
            "by_mount": _by_mount(with_modules),
        },
        "roofs": roofs[[name for name in SHOWN if name in roofs]].to_dict("records"),
        "energy": {
            "p50_kwh": told["energy_kwh"],
            "p90_kwh": p90,
            "specific_yield": _ratio(told["energy_kwh"], plant.kwp),
            "months": np.bincount(MONTH - 1, weights=plant.sun, minlength=12).tolist(),
            "p90_share": 1.0 - spread,
        },
        "load": {
            "source": source.kind,
            "kwh": told["load_kwh"],
            "peak_kw": peak,
            "months": np.bincount(MONTH - 1, weights=meter.load, minlength=12).tolist(),
            "expected_kwh": source.expected_kwh,
            "unknown_share": source.unknown_share,
        },
        "days": [_day(month, plant.sun, meter.load) for month in TYPICAL_MONTHS],
        "balance": told,
        "connection": _connection(meter, plant, told, connection, rules, money),
        "money": {
            "capex_cny": plant.capex,
            "lcoe_cny_kwh": lcoe(plant, money.finance),
            "discount_rate": money.finance.discount_rate,
            "life_years": money.finance.life_years,
            **first_year(plant, meter, money.finance),
            **business(plant, meter, money),
            "terms": _terms(plant, meter, money),
        },
        "tornado": tornado(plant, meter, money, spread, load_spreads()) if plant.modules else [],
        "storage": _storage(plant, meter, money, aim),
        "carbon": {
            "factor": None if carbon.factor is None else float(carbon.factor.value),
            "factor_year": None if carbon.factor is None else carbon.factor.year,
            "first_year_t": float(carbon_t(carbon, told["energy_kwh"])),
            "life_t": float(life_carbon_t(carbon, np.array([told["energy_kwh"]]), yearly_factors(money.finance))[0]),
        },
        "notes": [{"code": code, "values": values} for code, values in notes],
        "warnings": list(warnings),
    }
    return found


def _terms(plant: Plant, meter: Meter, money: Money) -> dict[str, float]:
    """Give loan and tax, and what the contract says: the price of its power in the first year, its rent, and the rent it could bear."""
    value, told = money.terms.value, balance(plant, meter)
    loan_and_tax = ("loan_share", "loan_rate", "loan_years", "income_tax_rate", "tax_free_years", "tax_half_years", "tax_loss_years")
    price = _ratio(told["used_cny"], told["used_kwh"])
    return {
        **{name: value[name] for name in (*loan_and_tax, "contract_discount", "roof_rent")},
        "retail_cny_kwh": price,
        "contract_cny_kwh": price * (1.0 - value["contract_discount"]),
        "rent_cny": value["roof_rent"] * plant.area_m2,
        "highest_rent": highest_rent(plant, meter, money),
    }


def _place(place: Place, buildings: gpd.GeoDataFrame, roofs: pd.DataFrame) -> dict[str, Any]:
    return {
        "id": place.id,
        "name": place.name,
        "area_m2": float(shapely.area(place.geometry)),
        "longitude": place.longitude,
        "latitude": place.latitude,
        "buildings": len(buildings),
        "buildings_with_modules": int(roofs.loc[roofs["module_count"] > 0, "building_id"].nunique()),
        "footprint_area_m2": float(buildings["footprint_area_m2"].sum()),
        "installed_kwp": float(np.nansum(buildings["installed_kwp"].to_numpy(dtype=np.float64, na_value=np.nan))),
    }


def _by_mount(roofs: pd.DataFrame) -> list[dict[str, Any]]:
    sums = roofs.groupby("mounting", sort=True)[["module_count", "pdc0_kwp", "energy_kwh"]].sum()
    return [{"mounting": name, **{str(key): float(value) for key, value in row.items()}} for name, row in sums.iterrows()]


def _day(month: int, sun: Floats, load: Floats) -> dict[str, Any]:
    """Mean day of a month [kW]."""
    own = np.equal(MONTH, month)

    def mean(values: Floats) -> list[float]:
        sums = np.bincount(HOUR[own], weights=values[own], minlength=24)
        return [float(total) for total in sums / (own.sum() / 24)]

    return {"month": month, "sun": mean(sun), "load": mean(load)}


def _connection(
    meter: Meter, plant: Plant, told: Mapping[str, float], connection: Connection, rules: HostingRules, money: Money
) -> dict[str, Any]:
    found = grid_class(meter.use, plant.pac0_kw, connection.voltage_kv)
    rated = connection.transformer_kva
    low = 1000.0 * connection_facts()["household.most_mw"].value  # what 380 V takes, whoever owns the plant
    factor, ratio = rules.value["power_factor"], rules.value["reverse_load_ratio"]
    limit = rated * factor * ratio if rated is not None else float("nan")
    return {
        "use": meter.use,
        "class": found.code if found else None,
        "export_cases": _export_cases(plant, meter, money) if found and found.self_use == 1.0 else {},
        "limit_mw": found.mw if found else float("nan"),
        "voltage_kv": connection.voltage_kv,
        "low_voltage_most_kw": low if connection.voltage_kv is not None and connection.voltage_kv < 1.0 < plant.pac0_kw / low else None,
        "transformer_kva": rated,
        "reverse_limit_kw": limit,
        "power_factor": factor,
        "reverse_load_ratio": ratio,
        "reverse_share": told["peak_export_kw"] / (rated * factor) if rated else float("nan"),
        "peak_export_kw": told["peak_export_kw"],
    }


def _export_cases(plant: Plant, meter: Meter, money: Money) -> dict[str, float]:
    """Value a plant whose class wants all its power used: surplus at the spot price alone, and none exported [CNY]."""
    spot = replace(money, finance=replace(money.finance, mechanism_share=np.zeros(money.finance.life_years)))
    held = replace(plant, sun=np.minimum(plant.sun, meter.load))
    return {"spot_npv": cash(plant, meter, spot, "own").npv, "none_npv": cash(held, meter, money, "own").npv}


def _storage(plant: Plant, meter: Meter, money: Money, aim: str) -> dict[str, Any] | None:
    battery = battery_that_pays(plant, meter, money, aim)
    if battery is None:
        return None
    return {
        "energy_kwh": battery.energy_kwh,
        "power_kw": battery.power_kw,
        "capex_cny": battery.capex_cny,
        "npv_cny": cash(plant, meter, money, "own", battery).npv - cash(plant, meter, money, "own").npv,
        "income_cny": battery.income_cny,
        "returned_kwh": float(battery.discharged.sum()),
    }


def _quality(roofs: pd.DataFrame, buildings: gpd.GeoDataFrame, source: LoadSource, meter: Meter) -> list[Note]:
    """Say what the answer rests on, and what would make it surer."""
    spreads = load_spreads()
    tiers = roofs.drop_duplicates("building_id")["data_tier"].value_counts()
    found: list[Note] = []
    if len(roofs) and not roofs["module_count"].any():
        sums = roofs[[name for name in DEDUCTIONS if name in roofs and name != "usable_area_m2"]].sum()
        area = float(roofs["area_m2"].sum())
        # what is left over in rows too short for a module is no deduction: then the usable area is the largest
        found.append(("no_room", {"area": area, "part": str(sums.idxmax()), "share": float(sums.max()) / area}))
    guessed = int(buildings["use_source"].isin(GUESSED).sum())
    if guessed:
        found.append(("use_guessed", {"buildings": guessed}))
    if meter.use == "unknown":
        found.append(("class_assumed", {}))
    other = int((buildings["source"] != "buildings").sum())
    if other:
        found.append(("surfaces", {"count": other}))
    found += [(f"tier_{tier}", {"buildings": int(tiers[tier])}) for tier in ("dsm", "height", "footprint") if tier in tiers.index]
    checks = (
        roofs.drop_duplicates("building_id")["structural_check"].value_counts() if "structural_check" in roofs else pd.Series(dtype=int)
    )
    if checks.get("to_check", 0):
        found.append(("structure_to_check", {"buildings": int(checks["to_check"])}))
    if checks.get("load_short", 0):
        found.append(("structure_short", {"buildings": int(checks["load_short"])}))
    share = roofs.drop_duplicates("building_id")["parcel_share"].to_numpy(dtype=np.float64, na_value=np.nan)
    if (share < spreads["straddles_below"].value).any():
        found.append(("straddling", {"buildings": int((share < spreads["straddles_below"].value).sum())}))
    out = buildings[~buildings["status"].isin(["assessed", "no_usable_area"])]
    for status, count in out["status"].value_counts().sort_index().items():
        found.append(("left_out", {"buildings": int(count), "status": str(status)}))
    if (buildings["installed_kwp"].fillna(0.0) > 0.0).any():
        found.append(("existing_pv", {"kwp": float(buildings["installed_kwp"].sum())}))
    found.append((f"load_{source.kind}", {}))
    if source.kind == "class" and source.unknown_share > 0.0:
        found.append(("load_unknown", {"share": source.unknown_share}))
    ratio = _ratio(float(meter.load.sum()), source.expected_kwh)
    unlike = float(spreads["unlike_load"].value)
    doubt = unit_doubt(source)
    if doubt is not None:
        found.append(doubt)
    elif source.kind != "class" and np.isfinite(ratio) and not 1.0 / unlike <= ratio <= unlike:
        found.append(("load_unlike", {"ratio": ratio}))
    return found


def unit_doubt(source: LoadSource) -> Note | None:
    """
    Doubt the unit of a curve of quarter hours where the floor area suggests the other.

    Parameters
    ----------
    source
        Where the load comes from.

    Returns
    -------
    Note or None
        None where the reading taken is the nearer one, as a ratio, or the floor area suggests nothing.
    """
    expected = source.expected_kwh / 1e3
    for code, values in source.notes:
        if code in ("load_as_power", "load_as_energy") and expected > 0.0 and source.unknown_share == 0.0:
            read, other = float(values["mwh"]), float(values["other_mwh"])
            if abs(np.log(other / expected)) < abs(np.log(read / expected)):
                return "load_unit_doubt", {"expected": expected, "mwh": read, "other_mwh": other}
    return None


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else float("nan")
