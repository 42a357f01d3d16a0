"""The sheets of tables.xlsx on CO₂ and coal, and on the departments that answer for the roofs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .carbon import Carbon, electricity_tce, life_carbon_t
from .codes import code_word
from .departments import TOTAL
from .heads import money
from .plan_sheets import HUNDREDTHS, WHOLE_NUMBER, Sheet, Word
from .sums import OUTSIDE


def carbon_sheet(by_use: pd.DataFrame, areas: pd.DataFrame | None, carbon: Carbon, factors: npt.ArrayLike, word: Word, lang: str) -> Sheet:
    """
    Make the sheet of avoided CO₂ and saved coal.

    Parameters
    ----------
    by_use
        Sums of buildings by use with energy_kwh and carbon_t.
    areas
        Region table of accountable areas, None where there is none.
    carbon
        Factors.
    factors
        Energy of each year over that of the first, shape (years,).
    word
        Gives a word of spreadsheet.toml in the language.
    lang
        "zh" or "en".

    Returns
    -------
    sheet
        A row for the whole, each class and each area: CO₂ of the first year and of the life, with the national factor beside it, and coal
        in both conventions.
    """
    heads = [(word(name), "General") for name in ("split", "name")]
    heads += [
        *((word("pv_gwh"), HUNDREDTHS), (word("carbon_first"), WHOLE_NUMBER), (word("carbon_life"), WHOLE_NUMBER)),
        *((word("carbon_nation"), WHOLE_NUMBER), (word("coal_equivalent"), WHOLE_NUMBER), (word("coal_heat"), WHOLE_NUMBER)),
        (word("note"), "General"),
    ]
    years = np.asarray(factors, dtype=np.float64)
    known = carbon.factor is not None
    note = word("carbon_note" if known else "carbon_unknown").format(
        factor="" if carbon.factor is None else f"{carbon.factor.value:g}", source=_named(carbon, word), nation=f"{carbon.nation.value:g}",
        nation_source=carbon.nation.name.removeprefix("factor."), decline=f"{100 * carbon.annual_decline:g}", years=len(years),
        equivalent=f"{carbon.coal['equivalent_value'].value:g}", heat=f"{carbon.coal['heat_value'].value:g}",
    )  # fmt: skip
    parts: list[tuple[str, str, float]] = [(word("whole"), word("whole"), float(by_use["energy_kwh"].sum()))]
    parts += [
        (word("by_use"), code_word("use", str(use), lang), float(e)) for use, e in zip(by_use["use"], by_use["energy_kwh"], strict=True)
    ]
    for row in [] if areas is None else areas.to_dict("records"):
        if row["kind"] != OUTSIDE or row["energy_kwh"] > 0.0:
            parts.append((word("region"), word("outside") if row["kind"] == OUTSIDE else str(row["name"]), float(row["energy_kwh"])))
    rows = tuple(([kind, name, *_saved(energy, carbon, years), note], None) for kind, name, energy in parts if energy > 0.0)
    return Sheet("carbon", tuple(heads), rows)


def _named(carbon: Carbon, word: Word) -> str:
    if carbon.factor is None or carbon.factor.name == "grid_factor":
        return word("carbon_given")
    return carbon.factor.name.removeprefix("factor.")


def _saved(energy: float, carbon: Carbon, years: npt.NDArray[np.float64]) -> list[float | None]:
    """Avoided CO₂ and saved coal; nothing but the energy where the grid's factor is not known."""
    if carbon.factor is None:
        return [energy / 1e6, *[None] * 5]
    first, life = (float(life_carbon_t(carbon, [energy], span)[0]) for span in (np.ones(1), years))
    coal = [electricity_tce(carbon, energy, name) for name in ("equivalent_value", "heat_value")]
    return [energy / 1e6, first, life, energy * float(carbon.nation.value) / 1e3, *coal]


def department_sheet(table: pd.DataFrame, departments: Mapping[str, str], word: Word, lang: str) -> Sheet:
    """
    Make the sheet of responsible departments.

    Parameters
    ----------
    table
        From `departments.department_table`.
    departments
        Department by class of use, as the policy file proposes.
    word
        Gives a word of spreadsheet.toml in the language.
    lang
        "zh" or "en".

    Returns
    -------
    sheet
        A row a department, and one for PV on the ground, of which roofs say nothing.
    """
    shown: Sequence[tuple[str, float, str]] = (
        *(
            ("buildings", 1.0, WHOLE_NUMBER),
            ("pdc0_kwp", 1e-3, HUNDREDTHS),
            ("pac0_kw", 1e-3, HUNDREDTHS),
            ("energy_kwh", 1e-6, HUNDREDTHS),
        ),
        *(
            ("capex_cny", *money(lang)),
            ("carbon_t", 1.0, WHOLE_NUMBER),
            ("installed_kwp", 1e-3, HUNDREDTHS),
            ("planned_kw", 1e-3, HUNDREDTHS),
        ),
    )
    heads = [(word("department"), "General"), (word("by_use"), "General")]
    heads += [(word(f"department_{name}"), form) for name, _, form in shown] + [(word("note"), "General")]
    rows: list[tuple[list[Any], None]] = []
    for row in table.to_dict("records"):
        uses = (
            word("whole")
            if row["uses"] == [TOTAL]
            else ("、" if lang == "zh" else ", ").join(code_word("use", u, lang) for u in row["uses"])
        )
        values = [None if np.isnan(row[name]) else row[name] * factor for name, factor, _ in shown]
        rows.append(([row["department"] or word("no_department"), uses, *values, word("department_note")], None))
    if "ground" in departments:
        rows.append(([departments["ground"], word("ground"), *[None] * len(shown), word("ground_note")], None))
    return Sheet("departments", tuple(heads), tuple(rows))
