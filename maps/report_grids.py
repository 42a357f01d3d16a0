"""The tables of the report: what stands in their rows and heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from layers.codes import role_word
from layers.evaluation import Line, evaluation_lines
from layers.heads import headed

from .gauges import Gauge, gauge
from .plan_page import outcome_rows
from .report_blocks import Grid
from .tables import MapTables
from .words import Words, amount, as_float, number, per_cent

AREAS = ("usable_area_m2", "setback_area_m2", "obstacle_area_m2", "existing_area_m2", "excluded_area_m2", "shaded_out_area_m2")
SUM_COLUMNS = ("buildings", "footprint_area_m2", "usable_area_m2", "covered_area_m2", "pdc0_kwp", "pac0_kw", "energy_kwh", "specific_yield")
MONEY_COLUMNS = ("pdc0_kwp", "capex_cny", "lcoe_cny_kwh")
CARBON_COLUMNS = ("energy_kwh", "carbon_t")
PARCEL_COLUMNS = (
    *("one.footprint_area_m2", "coverage", "one.pdc0_kwp", "one.energy_kwh"),
    *("self_use_share", "one.npv_cny", "payback_years"),
)
MOST_PARCELS = 20


def areas_of(tables: MapTables) -> pd.DataFrame:
    """
    Take the partition that evaluation uses; districts where the study names no accountable areas.

    Parameters
    ----------
    tables
        The tables of a run.

    Returns
    -------
    DataFrame
        Regions by falling capacity; what of one without roofs is not known is NaN, not 0; empty without such a layer.
    """
    for layer in ("responsible", "districts"):
        if layer in tables.regions:
            table = pd.DataFrame(tables.regions[layer].drop(columns=tables.regions[layer].geometry.name))
            empty = (table["kind"] == "outside") & (table["roofs"] == 0)
            found = table[~empty].sort_values(["pdc0_kwp", "name"], ascending=[False, True]).reset_index(drop=True)
            shown = dict.fromkeys((*SUM_COLUMNS, *MONEY_COLUMNS, *CARBON_COLUMNS))
            sums = [name for name in shown if name in found and name != "buildings"]
            found[sums] = found[sums].astype(float).where(found["roofs"] > 0)
            return found
    return pd.DataFrame(columns=["name", "kind", "roofs", *SUM_COLUMNS, *MONEY_COLUMNS, *CARBON_COLUMNS])


def uses_of(tables: MapTables, words: Words) -> pd.DataFrame:
    """
    Name the classes of use beside their sums.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    DataFrame
        Classes by falling capacity.
    """
    table = tables.by_use.reset_index().assign(kind="class")
    table["name"] = [words.use(str(use)) for use in table["use"]]
    table["specific_yield"] = table["energy_kwh"] / table["pdc0_kwp"].where(table["pdc0_kwp"] > 0)
    return table.sort_values(["pdc0_kwp", "name"], ascending=[False, True]).reset_index(drop=True)


def sums_grid(table: pd.DataFrame, words: Words, first: str, columns: Sequence[str]) -> Grid:
    """
    Lay out sums of areas or classes with their total.

    Parameters
    ----------
    table
        From `areas_of` or `uses_of`.
    words
        Words of the language.
    first
        Head of the names.
    columns
        Columns to show, those that are there.

    Returns
    -------
    Grid
        A row an area or class.
    """
    present = [name for name in columns if name in table.columns]
    heads = [headed(words.fields[name].title, words.fields[name].unit, words.lang) for name in present]
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


def department_grid(tables: MapTables, words: Words) -> Grid | None:
    """
    Sum the classes of use by the department that the policy file proposes for them.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    Grid or None
        A row a department; None where the policy proposes none.
    """
    if not tables.departments or tables.by_use.empty:
        return None
    names = pd.Series(tables.by_use.index, index=tables.by_use.index).map(dict(tables.departments)).fillna(words["no_department"])
    table = tables.by_use.groupby(names, sort=False).sum().rename_axis("name").reset_index().assign(kind="class")
    table["specific_yield"] = table["energy_kwh"] / table["pdc0_kwp"].where(table["pdc0_kwp"] > 0)
    return sums_grid(table.sort_values(["pdc0_kwp", "name"], ascending=[False, True]), words, words["department"], SUM_COLUMNS)


def area_grid(tables: MapTables, words: Words) -> Grid:
    """
    Tell where the roof area went.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    Grid
        A row a part; they add up to the true area.
    """
    sums = {name: float(tables.by_use[name].sum()) for name in AREAS}
    whole = float(tables.by_use["area_m2"].sum())
    rows = tuple((words.code(name), number(value / 1e4, 2), part_of(value, whole, words)) for name, value in sums.items())
    return Grid(
        (words["area_item"], words["area_m2"], words["share"]),
        rows,
        (words.fields["area_m2"].title, number(whole / 1e4, 2), part_of(whole, whole, words)),
    )


def part_of(part: float, whole: float, words: Words, digits: int = 1) -> str:
    """
    Write what share of a whole a part is.

    Parameters
    ----------
    part, whole
        Numbers of one unit.
    words
        Words of the language.
    digits
        Digits after the point.

    Returns
    -------
    str
        Per cent, a dash of nothing.
    """
    return per_cent(part / whole if whole > 0 else None, words.lang, digits)


def sensitivity(tables: MapTables, words: Words) -> tuple[str, Grid, str] | None:
    """
    Tell how much of the roofs the target needs under other assumptions of area and energy.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    tuple or None
        Title, table, what is not known.
    """
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
    title = words["sensitivity"].format(title=gauge(rows[0], words.lang).title)
    return title, Grid((words["case"], *(words[f"case_{key}"] for key in columns)), cases), unknown


def outcomes(tables: MapTables, words: Words) -> Grid | None:
    """
    Put what becomes of each target beside one another for the scenarios.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    Grid or None
        A row a target; None without a roadmap.
    """
    titles = {row["id"]: gauge(row, words.lang).title for row in tables.targets if row.get("region") is None}
    rows = outcome_rows(tables.roadmap, titles, words)
    names = [str(scenario["name"]) for scenario in (tables.roadmap or {}).get("scenarios", ())]
    return Grid((words["targets"], words["roofs_needed"], *names), tuple(rows)) if rows else None


def status_grid(tables: MapTables, words: Words) -> Grid:
    """
    Count the input rows by what became of them.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    Grid
        A row a status.
    """
    counts: Mapping[str, int] = tables.manifest.get("counts") or {}
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = tuple((words.code(status), number(rows), part_of(rows, sum(counts.values()), words)) for status, rows in ordered)
    return Grid(
        (words["status"], words["rows"], words["share"]),
        rows,
        (words["total"], number(sum(counts.values())), per_cent(1.0, words.lang)) if rows else None,
    )


def tier_grid(tables: MapTables, words: Words) -> Grid:
    """
    Tell how much rests on which data.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    Grid
        A row a tier.
    """
    whole = float(tables.by_tier["pdc0_kwp"].sum())
    heads = (
        words["tier"],
        words["buildings_count"],
        headed(words["capacity_dc"], words.fields["pdc0_kwp"].unit, words.lang),
        words["share"],
        words["confidence"],
    )
    rows = tuple(
        (
            words.code(tier),
            number(row["buildings"]),
            number(row["pdc0_kwp"] / 1e3, 1),
            part_of(row["pdc0_kwp"], whole, words),
            number(row["confidence"], 2),
        )
        for tier, row in tables.by_tier.iterrows()
    )
    return Grid(heads, rows)


def sanity_grid(tables: MapTables, words: Words) -> Grid:
    """
    Give PV per footprint, usable share and largest deduction of each class.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    Grid
        A row a class, marked where it lies outside what is published.
    """
    heads = (words["use"], words["density"], words["usable_share"], words["largest_loss"])
    rows = []
    for row in tables.manifest.get("sanity") or []:
        name = words["total"] if row["use"] == "all" else words.use(str(row["use"]))
        mark = "" if row["within"] else " ⚠"
        cause = words.code(str(row["cause"]).removesuffix("_loss") + "_area_m2")
        usable, lost = (per_cent(float(row[share]), words.lang) for share in ("usable_share", "cause_share"))
        rows.append((name, number(row["density_w_m2"]) + mark, usable, f"{cause} {lost}"))
    return Grid(heads, tuple(rows))


def sanity_words(tables: MapTables, words: Words) -> str:
    """
    Say what is published on PV per footprint and usable share.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    str
        A sentence; empty where the run compared nothing.
    """
    rows = tables.manifest.get("sanity") or []
    if not rows:
        return ""
    band = {name: number(rows[0][f"density_{name}_w_m2"]) for name in ("low", "high", "stock")}
    eu, us = (per_cent(float(rows[0][name]), words.lang, 0) for name in ("usable_stock", "usable_small"))
    return words["sanity"].format(**band, eu=eu, us=us)


def input_grid(tables: MapTables, words: Words) -> Grid:
    """
    List the files that were read.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    Grid
        A row a file with its size and fingerprint.
    """
    rows = []
    for found in tables.manifest.get("inputs") or []:
        size = as_float(found.get("size"))
        shown = "—" if size is None else f"{size / 1e6:,.2f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
        role = role_word(str(found.get("role", "")), words.lang)
        rows.append((role, str(found.get("path", "")), shown, str(found.get("sha256", ""))[:12]))
    return Grid((words["input"], words["file"], words["size"], words["fingerprint"]), tuple(rows))


def target_grid(shown: Sequence[Gauge], words: Words) -> Grid:
    """
    Lay out the targets of the whole study.

    Parameters
    ----------
    shown
        Their gauges.
    words
        Words of the language.

    Returns
    -------
    Grid
        A row a target.
    """
    names = ("targets", "clause", "deadline", "required", "built", "share_done", "planned", "technical", "gap", "verdict")
    rows = tuple(
        (
            g.marked,
            *(g.clause, g.year or "—", g.required, g.built, g.share, g.planned, g.technical, g.gap, g.verdict_word),
        )
        for g in shown
    )
    return Grid(tuple(words[name] for name in names), rows)


def evaluation(tables: MapTables, words: Words) -> Grid:
    """
    Make the table of the annual evaluation by accountable area.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of one language.

    Returns
    -------
    Grid
        A row per area and task for which somebody is responsible, as in tables.xlsx:
        area, task, clause, units, required, base, built, share, gap, verdict, missing, next.
    """
    own = words.chapters
    text = ("clause", "responsible_units", "required")
    late = ("built", "share_done", "gap", "verdict", "missing")
    heads = (own["area"], own["task"], *(words[name] for name in text), own["base"], *(words[name] for name in late), own["next"])
    return Grid(heads, tuple(_evaluated(line, words) for line in evaluation_lines(tables.targets, words.lang)))


def _evaluated(line: Line, words: Words) -> tuple[str, ...]:
    unit = "1" if line.unit == "%" else line.unit
    required, base, built, gap = (amount(value, unit, words.lang) for value in (line.required, line.baseline, line.built, line.gap))
    achieved = per_cent(line.achieved, words.lang)
    area = line.region or words.chapters["whole"]
    asked = words["not_allocated"] if line.required is None else required
    judged = (built, achieved, gap, line.verdict, line.missing or "—", line.next_step or "—")
    return (area, line.task, line.clause, line.unit_in_charge, asked, base, *judged)


def parcel_grid(tables: MapTables, words: Words) -> Grid | None:
    """
    List the parcels that are worth most.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    Grid or None
        The first by rank; None without parcels.
    """
    parcels = tables.region("parcels")
    if parcels is None or "rank" not in parcels:
        return None
    first = parcels[parcels["rank"].notna() & (parcels["pdc0_kwp"] > 0)].sort_values(["rank", "name"]).head(MOST_PARCELS)
    fields = [words.fields[name] for name in PARCEL_COLUMNS]
    heads = (words["rank"], words["parcel"], words["use"], *(headed(field.title, field.unit, words.lang) for field in fields))
    rows = tuple(
        (
            number(row["rank"]),
            str(row["name"]),
            words.use(str(row["use"])),
            *(_cell(row[name.removeprefix("one.")], name, words) for name in PARCEL_COLUMNS),
        )
        for row in first.to_dict("records")
    )
    return Grid(heads, rows) if rows else None
