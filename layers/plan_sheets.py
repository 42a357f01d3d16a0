"""The sheets of tables.xlsx that plan: annual evaluation, roadmap by year, scenarios side by side, supply curve."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from .codes import code_word
from .evaluation import Line, by_unit, evaluation_lines
from .heads import money
from .roadmap_years import by_year
from .sums import OUTSIDE

Word = Callable[[str], str]
Columns = tuple[tuple[str, str], ...]
WHOLE_NUMBER, TENTHS, HUNDREDTHS = "#,##0", "#,##0.0", "#,##0.00"
COLUMNS = ("year", "region", "use", "buildings", "pdc0_kwp", "pac0_kw", "energy_kwh", "capex_cny", "carbon_t")


def _shown(lang: str) -> tuple[tuple[str, float, str], ...]:
    """Columns of the sums, with factor to the unit in the head (MW, GWh, money, t) and format."""
    return (
        ("buildings", 1.0, WHOLE_NUMBER),
        ("pdc0_kwp", 1e-3, HUNDREDTHS),
        ("pac0_kw", 1e-3, HUNDREDTHS),
        ("energy_kwh", 1e-6, HUNDREDTHS),
        ("capex_cny", *money(lang)),
        ("carbon_t", 1.0, WHOLE_NUMBER),
    )


@dataclass(frozen=True)
class Sheet:
    """A sheet before it is written: name in spreadsheet.toml, heads with number formats, rows with their own formats or None."""

    name: str
    heads: Columns
    rows: tuple[tuple[list[Any], list[str] | None], ...]


def plan_sheets(
    targets: Sequence[Mapping[str, Any]], roadmap: Mapping[str, Any] | None, supply: pd.DataFrame | None, word: Word, lang: str
) -> list[Sheet]:
    """
    Make the sheets of planning.

    Parameters
    ----------
    targets
        Rows of targets.json; without any there is no evaluation.
    roadmap
        Content of roadmap.json, None where the study has none.
    supply
        From `supply_curve`, None where it is not made.
    word
        Gives a word of spreadsheet.toml in the language.
    lang
        "zh" or "en".

    Returns
    -------
    sheets
        Those for which there is something to show.
    """
    sheets = []
    if targets:
        sheets.append(_evaluation(targets, word, lang))
        if any(row["responsible"] for row in targets):
            sheets.append(_units(targets, word, lang))
    if roadmap is not None:
        titles = {row["id"]: f"{row.get(f'title_{lang}') or row['id']}{'' if row['verified'] else ' †'}" for row in targets}
        sheets += [_years(roadmap["scenarios"], word, lang), _reached(roadmap["scenarios"], titles, word, lang)]
        if len(roadmap["scenarios"]) > 1:
            sheets.append(_compared(roadmap["scenarios"], word, lang))
    if supply is not None and len(supply):
        sheets.append(_supply(supply, word, lang))
    return sheets


def _evaluation(targets: Sequence[Mapping[str, Any]], word: Word, lang: str) -> Sheet:
    first = ("region", "target", "clause", "responsible")
    rows = [([*_name(line, word), *_numbers(line)], _formats(line, 4)) for line in evaluation_lines(targets, lang)]
    return Sheet("evaluation", _evaluation_heads(first, word), tuple(rows))


def _units(targets: Sequence[Mapping[str, Any]], word: Word, lang: str) -> Sheet:
    rows = [
        ([unit, line.region or word("whole"), line.task, line.clause, *_numbers(line)], _formats(line, 4))
        for unit, line in by_unit(targets, lang)
    ]
    return Sheet("evaluation_units", _evaluation_heads(("responsible", "region", "target", "clause"), word), tuple(rows))


def _evaluation_heads(first: Sequence[str], word: Word) -> Columns:
    names = (*first, "required", "baseline", "built", "achieved", "gap", "verdict", "missing", "next_step")
    return tuple((word(name), "General") for name in names)


def _name(line: Line, word: Word) -> list[str]:
    return [line.region or word("whole"), line.task, line.clause, line.unit_in_charge]


def _numbers(line: Line) -> list[Any]:
    return [line.required, line.baseline, line.built, line.achieved, line.gap, line.verdict, line.missing, line.next_step]


def _formats(line: Line, before: int) -> list[str]:
    return ["General"] * before + [line.number] * 3 + ["0.0%", line.number] + ["General"] * 3


def _years(scenarios: Sequence[Mapping[str, Any]], word: Word, lang: str) -> Sheet:
    shown = _shown(lang)
    heads = [(word(name), "0" if name == "year" else "General") for name in ("scenario", "region", "year")]
    heads += [(word(f"new_{name}"), form) for name, _, form in shown] + [(word(f"total_{name}"), form) for name, _, form in shown]
    rows = []
    for scenario in scenarios:
        table = _table(scenario)
        regions: list[str | None] = [None, *sorted(table["region"].unique())]
        for region in regions:
            name = word("whole") if region is None else word("outside") if region == OUTSIDE else region
            for year, sums in by_year(table, _span(scenario), region).iterrows():
                new = [float(sums[key]) * factor for key, factor, _ in shown]
                total = [float(sums[f"total_{key}"]) * factor for key, factor, _ in shown]
                rows.append(([scenario["name"], name, year, *new, *total], None))
    return Sheet("roadmap", tuple(heads), tuple(rows))


def _reached(scenarios: Sequence[Mapping[str, Any]], titles: Mapping[str, str], word: Word, lang: str) -> Sheet:
    names = ("target", "scenario", "roofs_needed", "unit", "deadline", "reached", "reached_year", "short_by", "note")
    heads = [(word(name), TENTHS if name in ("roofs_needed", "short_by") else "General") for name in names]
    rows = []
    for number, target in enumerate(scenarios[0]["targets"]):
        for scenario in scenarios:
            found = scenario["targets"][number]
            status = code_word("reached", found["status"], lang)
            values = [
                titles.get(target["id"], target["id"]),
                scenario["name"],
                found["need"],
                found["unit"],
                found["deadline_year"],
                status,
            ]
            rows.append(([*values, found["year"], found["short"], _note(scenario, word, lang)], None))
    if not rows:
        rows = [([None, scenario["name"], *[None] * 6, _note(scenario, word, lang)], None) for scenario in scenarios]
    return Sheet("reached", tuple(heads), tuple(rows))


def _note(scenario: Mapping[str, Any], word: Word, lang: str) -> str:
    return str(scenario[f"explained_{lang}"]) + ("" if scenario["uptake_verified"] else f" {word('uptake_unverified')}")


def _compared(scenarios: Sequence[Mapping[str, Any]], word: Word, lang: str) -> Sheet:
    shown = _shown(lang)
    one, two = scenarios[:2]
    heads = [(word("year"), "0")]
    for key, _, form in shown:
        heads += [(f"{word(f'total_{key}')} · {name}", form) for name in (one["name"], two["name"], word("difference"))]
    years = sorted({*_span(one), *_span(two)})
    tables = [by_year(_table(scenario), years) for scenario in (one, two)]
    rows = []
    for at, year in enumerate(years):
        values: list[Any] = [year]
        for key, factor, _ in shown:
            a, b = (float(table[f"total_{key}"].to_numpy()[at]) * factor for table in tables)
            values += [a, b, b - a]
        rows.append((values, None))
    return Sheet("compared", tuple(heads), tuple(rows))


def _table(scenario: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(scenario["rows"], columns=list(COLUMNS))


def _span(scenario: Mapping[str, Any]) -> list[int]:
    return list(range(scenario["first_year"], scenario["last_year"] + 1))


def business_sheet(business: pd.DataFrame, word: Word, lang: str) -> Sheet:
    """
    Make the sheet of business models.

    Parameters
    ----------
    business
        From `business.business_cases`.
    word
        Gives a word of spreadsheet.toml in the language.
    lang
        "zh" or "en".

    Returns
    -------
    sheet
        A row for the whole, each class and each area, and model.
    """
    factor, form = money(lang)
    shown = (
        ("split", "General"),
        ("name", "General"),
        ("model", "General"),
        ("investment", form),
        ("lcoe", "0.000"),
        ("self_use_share", "0.0%"),
        ("project_irr", "0.0%"),
        ("equity_irr", "0.0%"),
        ("project_npv", form),
        ("owner_npv", form),
        ("payback", TENTHS),
        ("note", "General"),
    )
    kinds = {"whole": "whole", "use": "by_use", "area": "region"}
    rows = []
    for row in business.to_dict("records"):
        name = code_word("use", row["name"], lang) if row["kind"] == "use" else word("outside") if row["name"] == OUTSIDE else row["name"]
        told = [
            row["capex_cny"] * factor,
            row["lcoe_cny_kwh"],
            row["self_use_share"],
            row["project_irr"],
            row["equity_irr"],
            row["npv_cny"] * factor,
            row["owner_npv_cny"] * factor,
            row["payback_years"],
        ]
        rows.append(([word(kinds[row["kind"]]), name or word("whole"), word(row["model"]), *told, word("business_note")], None))
    return Sheet("business", tuple((word(name), form) for name, form in shown), tuple(rows))


def _supply(supply: pd.DataFrame, word: Word, lang: str) -> Sheet:
    heads = tuple(
        (word(name), form)
        for name, form in (
            ("split", "General"),
            ("name", "General"),
            ("cost_to", "0.000"),
            ("supply_mw", HUNDREDTHS),
            ("supply_gwh", HUNDREDTHS),
        )
    )
    return Sheet("supply", heads, tuple(_supply_rows(supply, word, lang)))


def _supply_rows(supply: pd.DataFrame, word: Word, lang: str) -> Iterator[tuple[list[Any], None]]:
    kinds = {"whole": "whole", "use": "by_use", "responsible_area": "region"}
    for row in supply.to_dict("records"):
        name = str(row["name"])
        shown = code_word("use", name, lang) if row["kind"] == "use" else word("outside") if name == OUTSIDE else name or word("whole")
        yield [word(kinds.get(row["kind"], row["kind"])), shown, row["lcoe_cny_kwh"], row["pdc0_kwp"] / 1e3, row["energy_kwh"] / 1e6], None
