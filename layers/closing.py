"""What would close the gap of a target: capacity, module area and buildings, cheapest first."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .findings import exact_sum


def not_yet_planned(rows: pd.DataFrame) -> pd.DataFrame:
    """
    Take the buildings that can still add something: what a roadmap builds by the deadline is in the gap already.

    Parameters
    ----------
    rows
        Buildings in scope, with `planned` where there is a roadmap.

    Returns
    -------
    rows
        Those that are not planned.
    """
    return rows[~rows["planned"].astype(bool)] if "planned" in rows else rows


def cheapest_first(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """
    Order the buildings that count towards a target by cost, by size where no cost is known.

    Parameters
    ----------
    rows
        Buildings with building_id.
    column
        What counts towards the target.

    Returns
    -------
    rows
        Those with more than 0 of it, in order.
    """
    by = ["lcoe_cny_kwh", "building_id"] if "lcoe_cny_kwh" in rows else [column, "building_id"]
    return rows[rows[column] > 0].sort_values(by, ascending=["lcoe_cny_kwh" in rows, True])


def closing(rows: pd.DataFrame, column: str, gap: float) -> dict[str, Any]:
    """
    Tell what would close a gap.

    Parameters
    ----------
    rows
        Buildings that can still add something.
    column
        What counts towards the target.
    gap
        How much of it is lacking.

    Returns
    -------
    dict
        gap_kwp (DC) and gap_m2 (horizontal projection of modules) at the mean of these buildings, None where there are none; gap_roofs,
        the number of buildings that close it, cheapest first, None where all of them together do not.
    """
    counted = exact_sum(rows[column])
    order = cheapest_first(rows, column)
    # what is left of a gap by rounding needs no further building
    enough = np.flatnonzero(order[column].astype("float64").cumsum().to_numpy() >= gap * (1.0 - 1e-12))
    buildings = 0 if gap == 0.0 else int(enough[0]) + 1 if enough.size else None
    part = {name: gap * exact_sum(rows[name]) / counted if counted > 0.0 else None for name in ("pdc0_kwp", "covered_area_m2")}
    if gap == 0.0:
        part = dict.fromkeys(part, 0.0)
    return {"gap_kwp": part["pdc0_kwp"], "gap_m2": part["covered_area_m2"], "gap_roofs": buildings}


def gap_words(row: Mapping[str, Any], lang: str) -> str:
    """
    Say what would close the gap of a target.

    Parameters
    ----------
    row
        A row of targets.json.
    lang
        "zh" or "en".

    Returns
    -------
    str
        Capacity, area and buildings; empty where there is no gap or it is unknown. Where the target cannot be judged what is built may be
        more than is known, so it is an upper bound and says so.
    """
    kwp, area, buildings = row.get("gap_kwp"), row.get("gap_m2"), row.get("gap_roofs")
    if not kwp or area is None:
        return ""
    zh, most = lang == "zh", row["verdict"] == "cannot_judge"
    start = ("差距至多折合" if most else "差距折合") if zh else ("the gap is at most " if most else "the gap is ")
    if "installed_share" in row:  # a class lacks roof to build on, which no number of roofs gives
        roof = f"可利用屋面 {area:,.0f} m²（直流 {kwp:,.0f} kWp）" if zh else f"{area:,.0f} m² of usable roof ({kwp:,.0f} kWp)"
        return start + roof
    size = f"直流 {kwp:,.0f} kWp、组件水平投影 {area:,.0f} m²" if zh else f"{kwp:,.0f} kWp DC, {area:,.0f} m² of modules in plan"
    said = start + size
    if buildings is None:
        return said + ("，其余屋顶全部建成也不能补足" if zh else ", more than all other roofs carry")
    return said + (f"，按度电成本由低到高约 {buildings:,} 栋" if zh else f", about {buildings:,} buildings, cheapest first")


def split_words(row: Mapping[str, Any], lang: str) -> str:
    """
    Say what a study proposes to an area to which nothing was allocated.

    Parameters
    ----------
    row
        A row of targets.json.
    lang
        "zh" or "en".

    Returns
    -------
    str
        The proposal under its label, which no product leaves out; empty where there is none.
    """
    if row.get("proposed_required") is None or row["required"] is not None:
        return ""
    zh, number = lang == "zh", f"{row['proposed_required']:,.1f} {row['unit']}"
    said = f"测算分解建议 {number}，不是方案目标" if zh else f"proposed split {number}, not a target"
    roofs = row.get("roofs_technical")
    if roofs is None or row["proposed_required"] <= roofs:
        return said
    return said + (f"，屋顶可新增 {roofs:,.1f} {row['unit']}" if zh else f"; its roofs can add {roofs:,.1f} {row['unit']}")
