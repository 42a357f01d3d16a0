"""The report's part on the roadmap and the supply curve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from layers.codes import code_word
from layers.roadmap_years import by_year

from .charts import Chart, lines, months
from .words import Words, number

COLUMNS = ("year", "new_mw", "total_mw", "total_gwh", "total_capex", "total_carbon")
MOST_LINES = 6


def scenario_tables(roadmap: Mapping[str, Any] | None, words: Words) -> list[tuple[str, str, list[tuple[str, ...]]]]:
    """
    Lay out each scenario for the report.

    Parameters
    ----------
    roadmap
        Content of roadmap.json, None where there is none.
    words
        Words of the language.

    Returns
    -------
    scenarios
        Name, how it arises, and rows of years with the columns of `COLUMNS`.
    """
    found, money = [], words.fields["capex_cny"]
    for scenario in (roadmap or {}).get("scenarios", ()):
        table = _years(scenario)
        rows: list[tuple[str, ...]] = [
            (
                str(year),
                number(sums["pac0_kw"] / 1e3, 2),
                number(sums["total_pac0_kw"] / 1e3, 2),
                number(sums["total_energy_kwh"] / 1e6, 2),
                number(money.factor * sums["total_capex_cny"], money.digits),
                number(sums["total_carbon_t"], 0),
            )
            for year, sums in table.iterrows()
        ]
        said = str(scenario[f"explained_{words.lang}"]) + ("" if scenario["uptake_verified"] else words["uptake_unverified"])
        found.append((str(scenario["name"]), said, rows))
    return found


def outcome_rows(roadmap: Mapping[str, Any] | None, titles: Mapping[str, str], words: Words) -> list[tuple[str, ...]]:
    """
    Put what becomes of each target into rows, the scenarios side by side.

    Parameters
    ----------
    roadmap
        Content of roadmap.json.
    titles
        Title of each target by its id.
    words
        Words of the language.

    Returns
    -------
    rows
        Target, what roofs still have to add with its unit, and the outcome in each scenario.
    """
    scenarios = (roadmap or {}).get("scenarios", ())
    rows = []
    for at, target in enumerate(scenarios[0]["targets"] if scenarios else ()):
        told = []
        for scenario in scenarios:
            own = scenario["targets"][at]
            year = f" {own['year']}" if own["year"] else ""
            told.append(f"{code_word('reached', own['status'], words.lang)}{year}")
        need = "—" if target["need"] is None else f"{number(target['need'], 0 if target['need'] >= 1e3 else 1)} {target['unit']}"
        rows.append((titles.get(target["id"], target["id"]), need, *told))
    return rows


def roadmap_chart(roadmap: Mapping[str, Any] | None, words: Words) -> Chart | None:
    """
    Draw what the chosen scenario adds in each year; with an alternative, both as lines of what stands by then.

    Parameters
    ----------
    roadmap
        Content of roadmap.json.
    words
        Words of the language.

    Returns
    -------
    Chart or None
        None without a roadmap.
    """
    scenarios = (roadmap or {}).get("scenarios", ())
    if not scenarios:
        return None
    title = words["roadmap_new_chart" if len(scenarios) == 1 else "roadmap_total_chart"]
    if len(scenarios) == 1:
        table = _years(scenarios[0])
        return months(list(table["pac0_kw"] / 1e3), "", alt=title, names=[str(year) for year in table.index])
    drawn = {}
    for scenario in scenarios:
        table = _years(scenario)
        drawn[str(scenario["name"])] = (list(table.index.astype(float)), list(table["total_pac0_kw"] / 1e3))
    return lines(drawn, "", alt=title, x_title=words["year"], whole=True)


def supply_chart(supply: pd.DataFrame | None, words: Words) -> Chart | None:
    """
    Draw how much PV costs no more than a price, the whole and its largest classes.

    Parameters
    ----------
    supply
        From `layers.supply.supply_curve`.
    words
        Words of the language.

    Returns
    -------
    Chart or None
        None where no building has a cost.
    """
    if supply is None or supply.empty:
        return None
    classes = supply[supply["kind"] == "use"]
    largest = classes.groupby("name")["pdc0_kwp"].max().sort_values(ascending=False, kind="stable").index[: MOST_LINES - 1]
    parts = {words["total"]: supply[supply["kind"] == "whole"]}
    parts |= {words.use(str(name)): classes[classes["name"] == name] for name in largest}
    title = words["supply_title"]
    # a line ends where nothing dearer is left, and begins where something is
    rising = {name: part[(part["pdc0_kwp"].diff().fillna(part["pdc0_kwp"]) > 0.0).to_numpy()] for name, part in parts.items()}
    drawn = {name: (list(part["pdc0_kwp"] / 1e3), list(part["lcoe_cny_kwh"])) for name, part in rising.items()}
    return lines(drawn, "", alt=title, x_title=words["capacity_dc_mw"], whole=False)


def _years(scenario: Mapping[str, Any]) -> pd.DataFrame:
    columns = ["year", "region", "use", "buildings", "pdc0_kwp", "pac0_kw", "energy_kwh", "capex_cny", "carbon_t"]
    table = pd.DataFrame(scenario["rows"], columns=columns)
    return by_year(table, range(scenario["first_year"], scenario["last_year"] + 1))
