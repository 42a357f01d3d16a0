"""What would close the gap of a target: capacity, module area and buildings, cheapest first."""

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
