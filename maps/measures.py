"""What regions are coloured by: results of roofs, shares of targets, the room of the grid, and years of the roadmap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from .tables import MapTables
from .words import Words, amount, as_float

FROM_ROOFS = ("pdc0_kwp", "energy_kwh", "kwp_per_km2", "specific_yield", "lcoe_cny_kwh")
FROM_TARGETS = ("goal_share", "new_roof_coverage", "building_substitution")
ROADMAP = "roadmap_kw"
HOSTING = "hosting_colour"
# What a region says of the grid, and the column of near_use.json that it comes from.
GRID_SAID = {
    HOSTING: "colour",
    "hosting_room_mw": "register_mw",
    "hosting_source": "colour_source",
    "hosting_said_by": "said_by",
    "hosting_said_on": "said_on",
}
MEASURES = (*FROM_ROOFS, *FROM_TARGETS, ROADMAP, HOSTING)
# Light, middle, dark: they differ in lightness, so that readers who confuse red and green tell them apart.
HOSTING_COLOURS = {"green": "#8ccfae", "yellow": "#f2cf4e", "red": "#96281b"}
AREAS = ("responsible", "districts")


def measured(layer: str, table: gpd.GeoDataFrame, tables: MapTables) -> gpd.GeoDataFrame:
    """
    Add to a region table what comes from targets, and take away numbers where nothing was assessed.

    Parameters
    ----------
    layer
        Name of the region layer.
    table
        Its regions.
    tables
        The tables of a run.

    Returns
    -------
    GeoDataFrame
        A new table: NaN where a region holds no assessed roof, so that it is drawn as without data and not as zero.
    """
    found = _with_grid(table.copy(), layer, tables)
    nothing = (found["roofs"].fillna(0) == 0).to_numpy()
    for name in FROM_ROOFS:
        if name in found:
            values = found[name].to_numpy(dtype=np.float64, na_value=np.nan)
            found[name] = np.where(nothing, np.nan, values)
    if layer not in AREAS:
        return found
    goal = goal_mw(tables)
    if goal:
        found["goal_share"] = np.where(nothing, np.nan, found["pac0_kw"].to_numpy(dtype=np.float64, na_value=np.nan) / 1000.0 / goal)
    # Targets are judged by accountable area; a district of the same name may be another area.
    if layer == ("responsible" if "responsible" in tables.regions else "districts"):
        rows = [row for row in tables.targets if row.get("region") is not None]
        for target in FROM_TARGETS[1:]:
            found[target] = _of(found, {str(r["region"]): as_float(r.get("technical")) for r in rows if r.get("id") == target})
    return found


def _with_grid(found: gpd.GeoDataFrame, layer: str, tables: MapTables) -> gpd.GeoDataFrame:
    """Add colour and room of the grid with who said so and when; an estimate is as of the run."""
    rows = [row for row in (tables.near or {}).get("rows", []) if row["layer"] == layer]
    said = {str(row["area"]): row for row in rows if row.get("colour") in HOSTING_COLOURS}
    if not said:
        return found
    empty: Mapping[str, Any] = {}
    for name, key in GRID_SAID.items():
        found[name] = [said.get(str(region), empty).get(key) for region in found["name"]]
    found["hosting_room_mw"] = found["hosting_room_mw"].astype("float64")
    official, estimated = found["hosting_source"] == "official", found["hosting_source"] == "estimate"
    as_of = str((tables.near or {}).get("as_of", ""))
    found["hosting_said_by"] = found["hosting_said_by"].mask(official & found["hosting_said_by"].isna(), "no_source")
    found["hosting_said_on"] = found["hosting_said_on"].mask(official & found["hosting_said_on"].isna(), "no_date").mask(estimated, as_of)
    return found


def who_said(table: gpd.GeoDataFrame, words: Words, *, most: int = 3) -> list[str]:
    """
    Say who gave the zones of the grid and when, the commonest first.

    Parameters
    ----------
    table
        Regions from `measured`.
    words
        Words of the page's language.
    most
        Sources that are named.

    Returns
    -------
    list of str
        A line a source, and how many others there are; empty where no region has a zone.
    """
    if HOSTING not in table:
        return []
    said = table[["hosting_source", "hosting_said_by", "hosting_said_on"]]
    told = [words["comma"].join(words.code(part) for part in row if isinstance(part, str) and part) for row in said.itertuples(index=False)]
    ranked = Counter(line for line in told if line).most_common()
    lines = [words["said_by_so_many"].format(count=count, said=line) for line, count in ranked[:most]]
    return lines + ([words["more_sources"].format(count=len(ranked) - most)] if len(ranked) > most else [])


def goal_mw(tables: MapTables) -> float | None:
    """
    Find what the policy asks of PV in the whole study.

    Parameters
    ----------
    tables
        The tables of a run.

    Returns
    -------
    float or None
        Required capacity [MW, AC]; None where no policy asks for any.
    """
    for row in tables.targets:
        if row.get("id") == "pv_capacity" and row.get("region") is None:
            return as_float(row.get("required"))
    return None


def goal_title(tables: MapTables, words: Words) -> str:
    """
    Name the share of the capacity target by its size.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the page's language.

    Returns
    -------
    str
        Title of the measure.
    """
    goal = goal_mw(tables)
    title = words.fields["goal_share"].title
    return title if goal is None else f"{title}（{amount(goal, 'MW', 'zh')}）" if words.lang == "zh" else f"{title} ({goal / 1000:g} GW)"


def roadmap_years(tables: MapTables, names: pd.Series) -> tuple[list[int], list[list[float]]]:
    """
    Give what stands by each year of the chosen roadmap in each accountable area.

    Parameters
    ----------
    tables
        The tables of a run.
    names
        Names of the areas.

    Returns
    -------
    tuple
        The years, and per area the AC capacity so far by year [kW]; empty without a roadmap.
    """
    chosen = _chosen(tables)
    if chosen is None:
        return [], []
    years = list(range(int(chosen["first_year"]), int(chosen["last_year"]) + 1))
    rows = pd.DataFrame(list(chosen["rows"]), columns=["year", "region", "pac0_kw"])
    added = rows.pivot_table(index="region", columns="year", values="pac0_kw", aggfunc="sum").reindex(index=names, columns=years)
    so_far = added.fillna(0.0).cumsum(axis=1).round(1)
    return years, so_far.to_numpy(dtype=np.float64).tolist()


def build_order(tables: MapTables) -> list[Mapping[str, Any]]:
    """
    Sum the chosen roadmap by year.

    Parameters
    ----------
    tables
        The tables of a run.

    Returns
    -------
    list
        Per year: year, buildings and MW (AC) of that year, MW so far; empty without a roadmap.
    """
    chosen = _chosen(tables)
    if chosen is None:
        return []
    rows = pd.DataFrame(list(chosen["rows"]), columns=["year", "buildings", "pac0_kw"])
    years = range(int(chosen["first_year"]), int(chosen["last_year"]) + 1)
    added = rows.groupby("year")[["buildings", "pac0_kw"]].sum().reindex(years, fill_value=0)
    new_mw = added["pac0_kw"].to_numpy(dtype=np.float64) / 1e3
    counts = added["buildings"].to_numpy(dtype=np.int64)
    return [
        {"year": year, "buildings": int(count), "mw": float(mw), "total": float(total)}
        for year, count, mw, total in zip(years, counts, new_mw, np.cumsum(new_mw), strict=True)
    ]


def _chosen(tables: MapTables) -> Mapping[str, Any] | None:
    scenarios = (tables.roadmap or {}).get("scenarios") or []
    return scenarios[0] if scenarios else None


def _of(table: gpd.GeoDataFrame, values: Mapping[str, float | None]) -> np.ndarray:
    found = [values.get(str(name)) for name in table["name"]]
    return np.array([np.nan if value is None else value for value in found], dtype=np.float64)
