"""All parcels in one table: what each carries, uses itself and earns, in the order of what it is worth."""

import geopandas as gpd
import numpy as np
import pandas as pd

from solar.cashflow import Terms
from solar.money import Finance, use_codes
from solar.self_use import Market

from .business import payback, plant_returns
from .demand import Demand, building_load_kwh
from .parcel_money import load_spreads
from .sums import OUTSIDE, Groups

COLUMNS = (
    "rank",
    "name",
    "kind",
    "use",
    "buildings",
    "buildings_with_modules",
    "straddling",
    "footprint_area_m2",
    "usable_area_m2",
    "covered_area_m2",
    "coverage",
    "module_count",
    "pdc0_kwp",
    "pac0_kw",
    "energy_kwh",
    "specific_yield",
    "load_kwh",
    "self_use_share",
    "capex_cny",
    "npv_cny",
    "irr",
    "payback_years",
    "carbon_t",
)
ADDED = (
    "footprint_area_m2",
    "usable_area_m2",
    "covered_area_m2",
    "module_count",
    "pdc0_kwp",
    "pac0_kw",
    "energy_kwh",
    "capex_cny",
    "carbon_t",
)


def parcel_table(
    parcels: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, market: Market, demand: Demand, finance: Finance, terms: Terms
) -> gpd.GeoDataFrame:
    """
    Make the table of all parcels.

    Parameters
    ----------
    parcels
        Region table of the parcels: name, kind and geometry, with its row `outside`.
    buildings
        Table `buildings` with the sums of the roofs and `parcel_id`.
    market
        Self-use and prices by class and ratio of generation to use.
    demand
        Intensities of use, from which the load is estimated.
    finance, terms
        Costs, rates and taxes of the run.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns `COLUMNS`, a row a parcel, those without buildings too, and one for what lies outside all of them: the rows add up to
        the buildings. Ranked by net present value of own investment.

    Notes
    -----
    A parcel is one meter of the class that most of its footprints belong to. A building counts whole where its larger part lies;
    `straddling` says how many of them lie partly elsewhere.
    """
    regions = parcels.reset_index(drop=True)
    names = regions["name"].astype(str).to_numpy(dtype=object)
    outside = int(np.flatnonzero((regions["kind"] == OUTSIDE).to_numpy())[0]) if (regions["kind"] == OUTSIDE).any() else -1
    at = pd.Index(names).get_indexer(buildings["parcel_id"].astype(object).to_numpy())
    at = np.where(at < 0, outside, at)
    groups, count = Groups(at, len(names)), len(names)
    numbers = {name: buildings[name].to_numpy(dtype=np.float64, na_value=0.0) for name in ADDED}
    found = {name: groups.sums(values) for name, values in numbers.items()}
    share = buildings["parcel_share"].to_numpy(dtype=np.float64, na_value=np.nan)
    part = np.where(at != outside, share < float(load_spreads()["straddles_below"].value), False)
    load = groups.sums(np.nan_to_num(building_load_kwh(demand, buildings).to_numpy(dtype=np.float64)))
    use = _main_use(buildings, at, count)
    prices = market.prices(use_codes(use), found["energy_kwh"], load)
    kwp, energy = found["pdc0_kwp"], found["energy_kwh"]
    table = {
        "name": names,
        "kind": regions["kind"].to_numpy(dtype=object),
        "use": use,
        **found,
        "module_count": found["module_count"].round().astype(np.int64),
        "buildings": groups.sizes(),
        "buildings_with_modules": groups.sums(numbers["module_count"] > 0).round().astype(np.int64),
        "straddling": groups.sums(part).round().astype(np.int64),
        "coverage": _ratio(found["covered_area_m2"], found["footprint_area_m2"]),
        "specific_yield": _ratio(energy, kwp),
        "load_kwh": load,
        "self_use_share": np.where(energy > 0.0, prices.share, np.nan),
    }
    used = energy * prices.share
    money = pd.DataFrame(
        {
            "use": use,
            "capex_cny": found["capex_cny"],
            "pdc0_kwp": kwp,
            "energy_kwh": energy,
            "usable_area_m2": found["usable_area_m2"],
            "used_kwh": used,
            "used_cny": used * prices.used,
            "spot_cny": (energy - used) * prices.spot,
        }
    )
    table |= _worth(money, finance, terms, market.spot_all)
    frame = gpd.GeoDataFrame(table, geometry=regions.geometry.to_numpy(), crs=parcels.crs)
    able = (frame["kind"] != OUTSIDE) & (frame["pdc0_kwp"] > 0)
    order = np.lexsort((names, -np.nan_to_num(frame["npv_cny"].to_numpy(), nan=-np.inf), ~able.to_numpy(), frame["kind"] == OUTSIDE))
    frame = frame.iloc[order].reset_index(drop=True)
    frame["rank"] = pd.array(np.arange(1, count + 1), dtype="Int64")
    frame.loc[(frame["kind"] == OUTSIDE) | (frame["pdc0_kwp"] <= 0), "rank"] = pd.NA
    return frame[[*COLUMNS, "geometry"]]


def _main_use(buildings: pd.DataFrame, at: np.ndarray, count: int) -> np.ndarray:
    """Class of most of the footprint area of each parcel, unknown where nothing stands."""
    area = pd.DataFrame({"at": at, "use": buildings["use"].to_numpy(dtype=object), "area": buildings["footprint_area_m2"].to_numpy()})
    sums = area[area["use"] != "unknown"].groupby(["at", "use"], sort=True)["area"].sum().reset_index()
    best = sums.sort_values(["at", "area", "use"], ascending=[True, False, True]).drop_duplicates("at")
    found = np.full(count, "unknown", dtype=object)
    known = best[best["at"] >= 0]
    found[known["at"].to_numpy()] = known["use"].to_numpy(dtype=object)
    return found


def _worth(money: pd.DataFrame, finance: Finance, terms: Terms, spot_all: float) -> dict[str, np.ndarray]:
    found = {name: np.full(len(money), np.nan) for name in ("npv_cny", "irr", "payback_years")}
    for at, row in enumerate(money.to_dict("records")):
        if row["pdc0_kwp"] > 0.0:
            got = plant_returns(row, finance, terms, spot_all, "own")
            found["npv_cny"][at], found["irr"][at], found["payback_years"][at] = got.npv, got.project_irr, payback(got.project)
    return found


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0.0))
