"""All parcels in one table: what each carries, uses itself and earns, and its rank by what it is worth."""

import geopandas as gpd
import numpy as np
import pandas as pd

from solar.cashflow import Terms
from solar.money import Finance, use_codes, worth
from solar.self_use import Market

from .demand import Demand, building_load_kwh
from .parcel_money import load_spreads
from .schema import WITH_ROOFS, conform
from .sums import OUTSIDE, Groups, StoredColumns

# Of a parcel's sums these make its money.
SUMMED = ("footprint_area_m2", "usable_area_m2", "covered_area_m2", "pdc0_kwp", "energy_kwh", "capex_cny")
_ASKED = ("parcel_id", "parcel_share", "source", "status", "use", "use_detail", "floor_area_m2", "footprint_area_m2", "roofs")


def parcel_table(
    parcels: gpd.GeoDataFrame, buildings: pd.DataFrame | StoredColumns, market: Market, demand: Demand, finance: Finance, terms: Terms
) -> gpd.GeoDataFrame:
    """
    Add to the sums of parcels what makes them comparable: coverage, load, self-use, worth and rank.

    Parameters
    ----------
    parcels
        Region table of the parcels, with its row `outside`.
    buildings
        Table `buildings` with the sums of the roofs, `parcel_id` and `parcel_share`.
    market
        Self-use and prices by class and ratio of generation to use.
    demand
        Intensities of use, from which the load is estimated.
    finance, terms
        Costs, rates and taxes of the run.

    Returns
    -------
    geopandas.GeoDataFrame
        The table `parcels`, a row a parcel in the layer's order, those without buildings too, and what lies outside all of them.

    Notes
    -----
    A parcel is one meter of the class that most of its footprints belong to. A building counts whole where its larger part lies;
    `straddling` says how many of them lie partly elsewhere. Where `load_unknown_share` is above 0, part of the load is missing: self-use
    and net present value are lower bounds; self-use is NaN where nothing is known. What lies outside all parcels is no meter and has no
    money.
    """
    regions, buildings = parcels.reset_index(drop=True), buildings[[*_ASKED, "module_count"]]
    outside = (regions["kind"] == OUTSIDE).to_numpy()
    rest = int(np.flatnonzero(outside)[0]) if outside.any() else -1
    at = pd.Index(regions["name"].astype(str)).get_indexer(buildings["parcel_id"].astype(object).to_numpy())
    at = np.where(at < 0, rest, at)
    groups = Groups(at, len(regions))
    share = buildings["parcel_share"].to_numpy(dtype=np.float64, na_value=np.nan)
    part = (at != rest) & (share < float(load_spreads()["straddles_below"].value)) & (buildings["roofs"] > 0).to_numpy()
    counted = {
        "buildings_with_modules": groups.sums(buildings["module_count"].to_numpy(dtype=np.float64, na_value=0.0) > 0),
        "straddling": groups.sums(part),
        "left_out": groups.sums(buildings["roofs"].to_numpy(dtype=np.float64, na_value=0.0) == 0),
    }
    # as on the sheet: a building that is drawn twice or not assessed has no load here
    standing = buildings["status"].isin(WITH_ROOFS).to_numpy()
    own_load = building_load_kwh(demand, buildings).to_numpy(dtype=np.float64)
    floor = np.where(standing, buildings["floor_area_m2"].to_numpy(dtype=np.float64, na_value=0.0), 0.0)
    unknown = _ratio(groups.sums(np.where(np.isnan(own_load), floor, 0.0)), groups.sums(floor))
    load = groups.sums(np.where(standing, np.nan_to_num(own_load), 0.0))
    use = np.where(outside, "unknown", _main_use(buildings, at, len(regions)))
    sums = {name: regions[name].to_numpy(dtype=np.float64) for name in SUMMED}
    energy = sums["energy_kwh"]
    codes = use_codes(use)
    prices = market.prices(codes, energy, load)
    plants = {name: sums[name] for name in ("capex_cny", "pdc0_kwp", "energy_kwh")}
    money = worth(finance, **plants, use=codes, prices=prices, terms=terms)
    found = regions.assign(
        use=use,
        **{name: values.round().astype(np.int64) for name, values in counted.items()},
        coverage=_ratio(sums["covered_area_m2"], sums["footprint_area_m2"]),
        load_kwh=load,
        load_unknown_share=unknown,
        self_use_share=np.where((energy > 0.0) & ~(unknown >= 1.0) & ~outside, prices.share, np.nan),
        npv_cny=np.where(outside, np.nan, money.npv),
        irr=np.where(outside, np.nan, money.irr),
        payback_years=np.where(outside, np.nan, money.payback),
    )
    return conform(found.assign(rank=_rank(found, outside)), "parcels")


def _rank(found: pd.DataFrame, outside: np.ndarray) -> pd.Series:
    """Order by net present value; of equals the name decides."""
    able = found[~outside & (found["pdc0_kwp"] > 0.0)].sort_values(["npv_cny", "name"], ascending=[False, True])
    return pd.Series(np.arange(1, len(able) + 1), index=able.index, dtype="Int32").reindex(found.index)


def _main_use(buildings: pd.DataFrame, at: np.ndarray, count: int) -> np.ndarray:
    """Class of most of the footprint area of each parcel, unknown where no building stands; carports say nothing of what is done there."""
    area = pd.DataFrame({"at": at, "use": buildings["use"].to_numpy(dtype=object), "area": buildings["footprint_area_m2"].to_numpy()})
    sums = (
        area[(area["use"] != "unknown") & (buildings["source"] == "buildings").to_numpy()]
        .groupby(["at", "use"], sort=True)["area"]
        .sum()
        .reset_index()
    )
    best = sums.sort_values(["at", "area", "use"], ascending=[True, False, True]).drop_duplicates("at")
    found = np.full(count, "unknown", dtype=object)
    known = best[best["at"] >= 0]
    found[known["at"].to_numpy()] = known["use"].to_numpy(dtype=object)
    return found


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0.0))
