"""The report as one page that prints well on A4: the answer first, then the tables, the method and what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from layers.codes import role_word

from .answering import carbon_sentences, potential_steps, target_sentence
from .business_page import business_grid, run_finance
from .charts import Chart, bars, months, region_map
from .county_map import asset, capacity, energy, headline, templates, write_whole
from .energy_charts import typical_day_chart, uncertainty_chart
from .gauges import gauge, gauges, missing_inputs
from .near_page import near_sentence, near_tables
from .plan_page import COLUMNS, outcome_rows, roadmap_chart, scenario_tables, supply_chart
from .remarks import remarks
from .tables import MapTables
from .words import Words, as_float, load_words, number

AREAS = ("usable_area_m2", "setback_area_m2", "obstacle_area_m2", "existing_area_m2", "excluded_area_m2", "shaded_out_area_m2")
SUM_COLUMNS = ("buildings", "footprint_area_m2", "usable_area_m2", "covered_area_m2", "pdc0_kwp", "pac0_kw", "energy_kwh", "specific_yield")
MONEY_COLUMNS = ("pdc0_kwp", "capex_cny", "lcoe_cny_kwh", "carbon_t")
WITH_ROOFS = ("assessed", "no_usable_area")


@dataclass(frozen=True)
class Grid:
    """A table of texts: heads, rows, and the row of totals where the rows add up."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] | None = None


def report(tables: MapTables, out: Path, lang: str, said: dict[str, Any] | None = None) -> Path:
    """
    Write the report of a run as one self-contained page.

    Parameters
    ----------
    tables
        The tables of a run, from `read_tables` or `map_tables`.
    out
        File to write, usually report.html.
    lang
        zh or en.
    said
        What `content` gives, where it is at hand already.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    LayersError
        If the language is unknown or a table lacks what the report needs.
    """
    told = content(tables, lang) if said is None else said
    return write_whole(out, templates().get_template("report.html").render(**told, style=asset("report.css")))


def content(tables: MapTables, lang: str) -> dict[str, Any]:
    """
    Put together what a report says, for the page and for Word.

    Parameters
    ----------
    tables
        The tables of a run.
    lang
        zh or en.

    Returns
    -------
    dict
        Words, sentences, grids and charts by the names that the template uses.
    """
    words = load_words(lang)
    main, others = gauges(tables.targets, lang)
    areas = _areas(tables)
    business = business_grid(tables.business, words)
    return {
        "w": words,
        "manifest": tables.manifest,
        "study": tables.manifest["study"],
        "policy": tables.policy,
        "headline": headline(tables, words),
        "answer": _answer(tables, words),
        "scope": words["scope_counts"].format(**_counts(tables)),
        "main": main,
        "others": others,
        "sensitivity": _sensitivity(tables, words),
        "regional": _regional_targets(tables, words),
        "unverified": any(not shown.verified for shown in (*main, *others)),
        "by_area": _sums(areas, words, words["responsible"] if "responsible" in tables.regions else words["districts"]),
        "by_use": _sums(_uses(tables, words), words, words["use"]),
        "money": _money(areas, words),
        "business": None if business is None else Grid(*business),
        "by_department": _departments(tables, words),
        "carbon": carbon_sentences(tables.totals, words, run_finance(tables.manifest)),
        "near": [(title, Grid(heads, rows)) for title, (heads, rows) in near_tables(tables.near, words)],
        "near_said": near_sentence(tables.near, words),
        "scenarios": [(name, said, _plan_grid(rows, words)) for name, said, rows in scenario_tables(tables.roadmap, words)],
        "outcomes": _outcomes(tables, words),
        "steps_of_potential": Grid(*potential_steps(tables, words)),
        "area_table": _area_table(tables, words),
        "charts": _charts(tables, words),
        "statuses": _statuses(tables, words),
        "tiers": _tiers(tables, words),
        "sanity": _sanity(tables, words),
        "audit": _audit(tables, words),
        "remarks": remarks(tables, words),
        "warnings": [str(warning) for warning in tables.manifest.get("warnings") or []],
        "missing": _missing(tables, lang),
        "inputs": _inputs(tables, words),
        "versions": sorted((str(name), str(version)) for name, version in (tables.manifest.get("versions") or {}).items()),
        "method": words.lists["method"],
        "limits": words.lists["limits"],
        "steps": _steps(tables, words),
    }


def _departments(tables: MapTables, words: Words) -> Grid | None:
    """Sum the classes of use by the department that the policy file proposes for them."""
    if not tables.departments or tables.by_use.empty:
        return None
    names = pd.Series(tables.by_use.index, index=tables.by_use.index).map(dict(tables.departments)).fillna(words["no_department"])
    table = tables.by_use.groupby(names, sort=False).sum().rename_axis("name").reset_index().assign(kind="class")
    table["specific_yield"] = table["energy_kwh"] / table["pdc0_kwp"].where(table["pdc0_kwp"] > 0)
    return _sums(table.sort_values(["pdc0_kwp", "name"], ascending=[False, True]), words, words["department"])


def _areas(tables: MapTables) -> pd.DataFrame:
    """Take the partition that evaluation uses; districts where the study names no accountable areas."""
    for layer in ("responsible", "districts"):
        if layer in tables.regions:
            table = pd.DataFrame(tables.regions[layer].drop(columns=tables.regions[layer].geometry.name))
            empty = (table["kind"] == "outside") & (table["roofs"] == 0)
            return table[~empty].sort_values(["pdc0_kwp", "name"], ascending=[False, True]).reset_index(drop=True)
    return pd.DataFrame(columns=["name", "kind", *SUM_COLUMNS, *MONEY_COLUMNS])


def _uses(tables: MapTables, words: Words) -> pd.DataFrame:
    table = tables.by_use.reset_index().assign(kind="class")
    table["name"] = [words.use(str(use)) for use in table["use"]]
    table["specific_yield"] = table["energy_kwh"] / table["pdc0_kwp"].where(table["pdc0_kwp"] > 0)
    return table.sort_values(["pdc0_kwp", "name"], ascending=[False, True]).reset_index(drop=True)


def _sums(table: pd.DataFrame, words: Words, first: str) -> Grid:
    return _grid(table, words, first, SUM_COLUMNS)


def _money(table: pd.DataFrame, words: Words) -> Grid:
    return _grid(table, words, words["responsible"], MONEY_COLUMNS)


def _grid(table: pd.DataFrame, words: Words, first: str, columns: Sequence[str]) -> Grid:
    present = [name for name in columns if name in table.columns]
    heads = [f"{words.fields[name].title} {words.fields[name].unit}".strip() for name in present]
    rows = []
    for _, row in table.iterrows():
        name = words["outside"] if row["kind"] == "outside" else str(row["name"])
        rows.append((name, *(_cell(row[column], column, words) for column in present)))
    return Grid((first, *heads), tuple(rows), (words["total"], *_totals(table, present, words)) if rows else None)


def _totals(table: pd.DataFrame, columns: Sequence[str], words: Words) -> list[str]:
    """Sum what adds up; the yield from the sums; prices weighted by energy."""
    found = []
    for column in columns:
        value: float | None = float(table[column].fillna(0).sum())
        if column == "specific_yield":
            capacity_sum = float(table["pdc0_kwp"].sum())
            value = float(table["energy_kwh"].sum()) / capacity_sum if capacity_sum > 0 else None
        if column == "lcoe_cny_kwh":
            value = _mean_price(table)
        found.append(_cell(value, column, words))
    return found


def _mean_price(table: pd.DataFrame) -> float | None:
    """Weight LCOE by energy, which is exact where lifetime and discount rate are the same."""
    weights = table["energy_kwh"].where(table["lcoe_cny_kwh"].notna(), 0.0)
    return float((table["lcoe_cny_kwh"].fillna(0.0) * weights).sum() / weights.sum()) if weights.sum() > 0 else None


def _cell(value: object, column: str, words: Words) -> str:
    field = words.fields[column]
    found = as_float(value)
    return number(None if found is None else found * field.factor, field.digits)


def _area_table(tables: MapTables, words: Words) -> Grid:
    sums = {name: float(tables.by_use[name].sum()) for name in AREAS}
    whole = float(tables.by_use["area_m2"].sum())
    rows = tuple((words.code(name), number(value / 1e4, 2), _percent(value, whole)) for name, value in sums.items())
    return Grid(
        (words["area_item"], words["area_m2"], words["share"]),
        rows,
        (words.fields["area_m2"].title, number(whole / 1e4, 2), _percent(whole, whole)),
    )


def _percent(part: float, whole: float, digits: int = 1) -> str:
    return "—" if whole <= 0 else f"{part / whole * 100:.{digits}f} %"


def _counts(tables: MapTables) -> dict[str, str]:
    counts: Mapping[str, Any] = tables.manifest.get("counts") or {}
    return {
        "buildings": number(sum(counts.values()) if counts else tables.totals.get("buildings")),
        "assessed": number(sum(counts.get(status, 0) for status in WITH_ROOFS)),
        "roofs": number(tables.totals.get("roofs")),
    }


def _answer(tables: MapTables, words: Words) -> list[str]:
    totals = tables.totals
    zh = words.lang == "zh"
    join = " ".join
    footprint, covered = as_float(totals.get("footprint_area_m2")) or 0.0, as_float(totals.get("covered_area_m2")) or 0.0
    usable = as_float(totals.get("usable_area_m2"))
    said = [
        words["answer_main"].format(
            dc=join(capacity(totals.get("pdc0_kwp"), words)),
            ac=join(capacity(totals.get("pac0_kw"), words)),
            energy=join(energy(totals.get("energy_kwh"), words)),
            p90=join(energy(totals.get("energy_p90_kwh"), words)),
        ),
        words["answer_area"].format(covered=_percent(covered, footprint), usable=number(None if usable is None else usable / 1e4, 1)),
    ]
    areas, uses = _areas(tables), _uses(tables, words)
    inside = areas[areas["kind"] != "outside"] if len(areas) else areas
    whole = float(tables.by_use["pdc0_kwp"].sum())
    if len(inside) and len(uses) and whole > 0:
        shares = {
            "share": _percent(float(inside["pdc0_kwp"].iloc[0]), whole, 0),
            "use_share": _percent(float(uses["pdc0_kwp"].iloc[0]), whole, 0),
        }
        said.append(words["answer_top"].format(name=inside["name"].iloc[0], use=uses["name"].iloc[0], **shares))
    capex, tonnes = as_float(totals.get("capex_cny")), as_float(totals.get("carbon_t"))
    if capex is not None and tonnes is not None:
        said.append(
            words["answer_money"].format(
                capex=number(capex / (1e8 if zh else 1e6), 2 if zh else 0), carbon=number(tonnes / (1e4 if zh else 1e3), 2)
            )
        )
    return [*said, *target_sentence(tables.targets, words), words["answer_theoretical"]]


def _regional_targets(tables: MapTables, words: Words) -> list[tuple[str, Grid]]:
    """Put the rows of accountable areas into one table a target, in the order of targets.json."""
    heads = tuple(words[key] for key in ("responsible", "required", "built", "planned", "technical", "gap", "verdict", "missing"))
    found: dict[str, list[tuple[str, ...]]] = {}
    for row in tables.targets:
        if row.get("region") is None:
            continue
        shown = gauge(row, words.lang)
        missing = words["listed"].join(shown.missing)
        values = (shown.required, shown.built, shown.planned, shown.technical, shown.gap)
        found.setdefault(shown.marked, []).append((str(row["region"]), *values, shown.verdict_word, missing))
    return [(title, Grid(heads, tuple(rows))) for title, rows in found.items()]


def _sensitivity(tables: MapTables, words: Words) -> tuple[str, Grid, str] | None:
    """Tell how much of the roofs the target needs under other assumptions of area and energy: title, table, what is not known."""
    rows = [row for row in tables.targets if row.get("region") is None and row.get("sensitivity")]
    if not rows:
        return None
    columns = {"roofs_mw": (1.0, 1), "needed_share": (100.0, 1), "short_mw": (1.0, 1), "energy_gwh": (1.0, 1), "energy_p90_gwh": (1.0, 1)}
    cases = tuple(
        (
            words[f"case_{case['case']}"],
            *(number(None if case[key] is None else factor * case[key], d) for key, (factor, d) in columns.items()),
        )
        for case in rows[0]["sensitivity"]
    )
    unknown = "" if rows[0].get("roofs_needed") is not None else words["sensitivity_unknown"]
    title = words["sensitivity"].format(title=gauge(rows[0], words.lang).marked)
    return title, Grid((words["case"], *(words[f"case_{key}"] for key in columns)), cases), unknown


def _charts(tables: MapTables, words: Words) -> dict[str, Chart]:
    charts: dict[str, Chart] = {}
    unit = words.fields["pdc0_kwp"].unit
    for layer in ("responsible", "districts"):
        drawn = tables.region(layer)
        if drawn is not None:
            charts["map"] = region_map(drawn, "pdc0_kwp", words.lang, title=words["map_title"], alt=words["map_title"])
            break
    areas = _areas(tables)
    if len(areas):
        names = [words["outside"] if kind == "outside" else str(name) for name, kind in zip(areas["name"], areas["kind"], strict=True)]
        title = f"{words['by_area'] if 'responsible' in tables.regions else words['by_district']} · {words['capacity_dc']} {unit}"
        charts["area"] = bars(names, list(areas["pdc0_kwp"] / 1e3), title, alt=title)
    uses = _uses(tables, words)
    if len(uses):
        title = f"{words['by_use']} · {words['capacity_dc']} {unit}"
        charts["use"] = bars(list(uses["name"]), list(uses["pdc0_kwp"] / 1e3), title, alt=title)
    monthly = np.array([float(tables.by_use[f"energy_{month:02d}_kwh"].sum()) for month in range(1, 13)]) / 1e6
    title = f"{words['by_month']} · GWh"
    names = [f"{month}{words['month']}" for month in range(1, 13)]
    charts["month"] = months(list(monthly), title, alt=title, names=names)
    others = {
        "day": typical_day_chart(tables.hours, words),
        "roadmap": roadmap_chart(tables.roadmap, words),
        "supply": supply_chart(tables.supply, words),
        "sure": uncertainty_chart(tables.totals, words),
    }
    charts |= {name: chart for name, chart in others.items() if chart is not None}
    return charts


def _plan_grid(rows: list[tuple[str, ...]], words: Words) -> Grid:
    return Grid(tuple(words[name] for name in COLUMNS), tuple(rows))


def _outcomes(tables: MapTables, words: Words) -> Grid | None:
    titles = {row["id"]: gauge(row, words.lang).marked for row in tables.targets if row.get("region") is None}
    rows = outcome_rows(tables.roadmap, titles, words)
    names = [str(scenario["name"]) for scenario in (tables.roadmap or {}).get("scenarios", ())]
    return Grid((words["targets"], words["roofs_needed"], *names), tuple(rows)) if rows else None


def _statuses(tables: MapTables, words: Words) -> Grid:
    counts: Mapping[str, int] = tables.manifest.get("counts") or {}
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = tuple((words.code(status), number(rows), _percent(rows, sum(counts.values()))) for status, rows in ordered)
    return Grid(
        (words["status"], words["rows"], words["share"]), rows, (words["total"], number(sum(counts.values())), "100.0 %") if rows else None
    )


def _tiers(tables: MapTables, words: Words) -> Grid:
    whole = float(tables.by_tier["pdc0_kwp"].sum())
    heads = (words["tier"], words["buildings_count"], f"{words['capacity_dc']} MW", words["share"], words["confidence"])
    rows = tuple(
        (
            words.code(tier),
            number(row["buildings"]),
            number(row["pdc0_kwp"] / 1e3, 1),
            _percent(row["pdc0_kwp"], whole),
            number(row["confidence"], 2),
        )
        for tier, row in tables.by_tier.iterrows()
    )
    return Grid(heads, rows)


def _sanity(tables: MapTables, words: Words) -> Grid:
    """PV per footprint and usable share by class, beside the published ones."""
    heads = (
        words["use"],
        words["density"],
        words["density_published"],
        words["usable_share"],
        words["usable_published"],
        words["largest_loss"],
    )
    rows = []
    for row in tables.manifest.get("sanity") or []:
        name = words["total"] if row["use"] == "all" else words.use(str(row["use"]))
        stock = "" if row["within"] else " ⚠"
        band = (
            f"{number(row['density_low_w_m2'])}–{number(row['density_high_w_m2'])} ({words['stock']} {number(row['density_stock_w_m2'])})"
        )
        shares = f"{_percent(row['usable_stock'], 1.0)} / {_percent(row['usable_small'], 1.0)}"
        cause = f"{words.code(str(row['cause']).removesuffix('_loss') + '_area_m2')} {_percent(row['cause_share'], 1.0)}"
        rows.append((name, number(row["density_w_m2"]) + stock, band, _percent(row["usable_share"], 1.0), shares, cause))
    return Grid(heads, tuple(rows))


def _audit(tables: MapTables, words: Words) -> str | None:
    found = tables.manifest.get("audit") or {}
    if as_float(found.get("rms")) is None:
        return None
    shares = {name: f"{float(found[name]) * 100:.2f} %" for name in ("bias", "rms", "worst")}
    return words["audit"].format(roofs=number(found.get("roofs")), **shares)


def _missing(tables: MapTables, lang: str) -> list[tuple[str, tuple[str, ...]]]:
    """List what would settle the open targets of the whole study."""
    open_rows = [row for row in tables.targets if row.get("verdict") == "cannot_judge" and row.get("region") is None]
    return [(gauge(row, lang).title, missing_inputs(row, lang)) for row in open_rows]


def _steps(tables: MapTables, words: Words) -> list[str]:
    weather = tables.notes.get("weather") or {}
    form, better_weather, visits = words.lists["next_steps"]
    steps = [form] if tables.policy is not None else []
    if weather.get("climatology") or weather.get("stand_in"):
        steps.append(better_weather)
    return [*steps, visits]


def _inputs(tables: MapTables, words: Words) -> Grid:
    rows = []
    for found in tables.manifest.get("inputs") or []:
        size = as_float(found.get("size"))
        shown = "—" if size is None else f"{size / 1e6:,.2f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
        role = role_word(str(found.get("role", "")), words.lang)
        rows.append((role, str(found.get("path", "")), shown, str(found.get("sha256", ""))[:12]))
    return Grid((words["input"], words["file"], words["size"], words["fingerprint"]), tuple(rows))
