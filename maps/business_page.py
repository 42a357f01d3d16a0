"""The report's table of both business models, and the costs of the run that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from solar.money import Finance, load_finance

from .near_page import Table
from .words import Words, as_float, number

# Column of `business_cases`, the model it is read from, factor (None: that of money on the page) and digits.
SHOWN = (
    ("investment", "own", "capex_cny", None, 1),
    ("lcoe", "own", "lcoe_cny_kwh", 1.0, 3),
    ("self_use", "own", "self_use_share", 100.0, 1),
    ("own_irr", "own", "project_irr", 100.0, 1),
    ("own_npv", "own", "npv_cny", None, 1),
    ("own_payback", "own", "payback_years", 1.0, 1),
    ("contract_irr", "contract", "project_irr", 100.0, 1),
    ("contract_npv", "contract", "npv_cny", None, 1),
    ("owner_npv", "contract", "owner_npv_cny", None, 1),
)


def business_grid(business: pd.DataFrame | None, words: Words) -> Table | None:
    """
    Lay own investment and the energy contract side by side: the whole, then the classes of use.

    Parameters
    ----------
    business
        From `layers.business.business_cases`, None where the run has no prices.
    words
        Words of the language.

    Returns
    -------
    Table or None
        Heads and rows; None where nothing is built.
    """
    if business is None or business.empty:
        return None
    rows, money = [], words.fields["capex_cny"]
    shown = _by_size(business[business["kind"] != "area"])
    for (kind, name), part in shown.groupby(["kind", "name"], sort=False):
        models = part.set_index("model")
        title = words.chapters["whole"] if kind == "whole" else words.use(str(name))
        found = [
            (as_float(models.at[model, column]), *((money.factor, money.digits) if factor is None else (factor, digits)))
            for _, model, column, factor, digits in SHOWN
        ]
        rows.append((title, *(number(None if value is None else factor * value, digits) for value, factor, digits in found)))
    heads = (words["business_heads_class"], *(words[f"business_{name}"] for name, *_ in SHOWN))
    return heads, tuple(rows)


def _by_size(business: pd.DataFrame) -> pd.DataFrame:
    """Order by falling investment, which puts the whole first."""
    size = business.groupby("name")["capex_cny"].transform("max")
    whole = business["kind"] == "whole"
    return business.assign(_whole=whole, _size=size).sort_values(["_whole", "_size", "name"], ascending=[False, False, True], kind="stable")


def own_use(business: pd.DataFrame | None) -> float | None:
    """
    Give the share of the energy that the business models count as used by the roofs' own buildings.

    Parameters
    ----------
    business
        From `layers.business.business_cases`, None where the run has no prices.

    Returns
    -------
    float or None
        Share of the whole; None where it is not known.
    """
    if business is None or business.empty:
        return None
    whole = business[(business["kind"] == "whole") & (business["model"] == "own")]
    return as_float(whole["self_use_share"].iloc[0]) if len(whole) else None


def run_finance(manifest: Mapping[str, Any]) -> Finance | None:
    """
    Read costs, life and degradation that a run was priced with.

    Parameters
    ----------
    manifest
        The run's manifest.

    Returns
    -------
    Finance or None
        None where it holds none.
    """
    facts = (manifest.get("parameters") or {}).get("finance")
    return load_finance({fact["name"]: fact["value"] for fact in facts}) if facts else None
