"""The report's answer in short: how the targets stand, and what is left of the potential step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layers.carbon import Carbon, electricity_tce, life_carbon_t, load_carbon
from solar.money import Finance, yearly_factors

from .gauges import gauge
from .near_page import Table
from .tables import MapTables
from .words import Words, amount, as_float, number, per_cent, short

_COLUMNS = (("pdc0_kwp", 1e3), ("pac0_kw", 1e3), ("energy_kwh", 1e6))  # to MW and GWh


def target_sentence(targets: Sequence[Mapping[str, Any]], words: Words) -> list[str]:
    """
    Say how many targets of the whole study stand how, and which.

    Parameters
    ----------
    targets
        Rows of targets.json.
    words
        Words of the language.

    Returns
    -------
    list of str
        One sentence; none without targets.
    """
    by_verdict: dict[str, list[str]] = {}
    for row in targets:
        if row.get("region") is None:
            shown = gauge(row, words.lang)
            by_verdict.setdefault(shown.verdict_word, []).append(shown.marked)
    comma = "、" if words.lang == "zh" else ", "
    parts = [
        words["answer_verdict"].format(verdict=verdict, count=len(titles), titles=comma.join(titles))
        for verdict, titles in by_verdict.items()
    ]
    return [words["answer_targets"].format(verdicts=words["listed"].join(parts))] if parts else []


def carbon_sentences(totals: Mapping[str, Any], words: Words, finance: Finance | None = None, carbon: Carbon | None = None) -> list[str]:
    """
    Say what a year and the life avoid in CO₂, with the factor and the national one, and in standard coal by both conventions.

    Parameters
    ----------
    totals
        Totals of the study with `energy_kwh` and `carbon_t`.
    words
        Words of the language.
    finance
        Life and degradation of the run; without it nothing is said of the life.
    carbon
        Factors of the run; None takes the built-in ones.

    Returns
    -------
    list of str
        Sentences; none without energy.
    """
    energy, avoided = as_float(totals.get("energy_kwh")), as_float(totals.get("carbon_t"))
    carbon = carbon or load_carbon()
    if not energy:
        return []
    if avoided is None or carbon.factor is None:
        return [words["carbon_unknown"]]
    by, unit = (1e4, "万吨") if words.lang == "zh" else (1e3, "kt")
    saved = {name: short(electricity_tce(carbon, energy, name) / by) for name in carbon.coal}
    life = []
    if finance is not None:
        kept = yearly_factors(finance)
        told = float(life_carbon_t(carbon, [1e3 * avoided / float(carbon.factor.value)], kept)[0])
        life = [words["carbon_life"].format(years=len(kept), tonnes=short(told / by), unit=unit, decline=_decline(carbon, words))]
    return [
        words["carbon_given" if carbon.factor.name == "grid_factor" else "carbon_said"].format(
            tonnes=short(avoided / by),
            unit=unit,
            factor=f"{1e3 * avoided / energy:.4g}",
            place=words.text.get(carbon.factor.name.replace(".", "_"), ""),
            year=carbon.factor.year,
            nation=f"{carbon.nation.value:.4g}",
            nation_year=carbon.nation.year,
            national=short(energy * carbon.nation.value / 1e3 / by),
        ),
        *life,
        words["coal_said"].format(
            equivalent=saved["equivalent_value"],
            heat=saved["heat_value"],
            equivalent_value=carbon.coal["equivalent_value"].value,
            heat_value=carbon.coal["heat_value"].value,
            unit=unit,
        ),
    ]


def _decline(carbon: Carbon, words: Words) -> str:
    if carbon.annual_decline == 0.0:
        return words["carbon_constant"]
    return words["carbon_declines"].format(share=per_cent(carbon.annual_decline, words.lang))


def level_sentence(tables: MapTables, words: Words) -> list[str]:
    """
    Say what of the potential pays and what the grid takes.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    list of str
        One sentence; none where the run has no money.
    """
    if tables.economic is None:
        return []
    room = hostable(tables)
    said = words["answer_no_room"] if room is None else words["answer_room"].format(room=amount(room, "MW", words.lang))
    economic = amount(tables.economic["pac0_kw"] / 1e3, "MW", words.lang)
    return [words["answer_levels"].format(economic=economic, buildings=number(tables.economic["buildings"]), room=said)]


def potential_steps(tables: MapTables, words: Words) -> Table:
    """
    Lay theoretical, technical, economic and connectable potential one below the other, each with what it counts.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the language.

    Returns
    -------
    Table
        Heads and rows; a dash where a step has no such number, and why in its words.
    """
    totals = tables.totals
    area = as_float(totals.get("area_m2"))
    room = hostable(tables)
    rows = [
        _row("theoretical", {}, words, area=number(None if area is None else area / 1e4, 1)),
        _row("technical", totals, words),
    ]
    if tables.economic is not None:
        rows.append(_row("economic", tables.economic, words, buildings=number(tables.economic["buildings"])))
    if room is None:
        rows.append((words["step_hostable"], words["step_hostable_missing"], "—", "—", "—"))
    else:
        rows.append(_row("hostable", {"pac0_kw": room * 1e3}, words))
    return tuple(words[f"step_{name}"] for name in ("title", "meaning", "dc", "ac", "energy")), tuple(rows)


def hostable(tables: MapTables) -> float | None:
    """
    Give what the present grid takes of the whole potential.

    Parameters
    ----------
    tables
        The tables of a run.

    Returns
    -------
    float or None
        AC capacity [MW]; None where the grid's room is not known.
    """
    return next((as_float(row["hostable_mw"]) for row in (tables.near or {}).get("rows", ()) if row["layer"] == "whole"), None)


def _row(step: str, sums: Mapping[str, Any], words: Words, **said: str) -> tuple[str, ...]:
    found = [(as_float(sums.get(name)), by) for name, by in _COLUMNS]
    cells = (number(None if value is None else value / by, 1) for value, by in found)
    return (words[f"step_{step}"], words[f"step_{step}_said"].format(**said), *cells)
