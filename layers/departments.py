"""The roofs by responsible department: a proposal of the policy file, since clauses name departments without shares."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .sums import StoredColumns

SUMMED = ("pdc0_kwp", "pac0_kw", "energy_kwh", "capex_cny", "carbon_t", "installed_kwp")
COLUMNS = ["department", "uses", "buildings", *SUMMED, "planned_kw"]
NOT_ROOFS, TOTAL = "ground", "total"


def department_table(
    buildings: pd.DataFrame | StoredColumns, departments: Mapping[str, str], planned_kw: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """
    Sum the buildings by the department that a policy file proposes for their class.

    Parameters
    ----------
    buildings
        Table `buildings` with the sums of the roofs.
    departments
        Department by class of use, and under total the one that answers for the whole.
    planned_kw
        What the roadmap builds by class of use [kW AC]; None without a roadmap.

    Returns
    -------
    table
        A row a department in the order of the map: classes, buildings with roofs, sums, listed PV and what the roadmap builds (NaN
        without one); classes without a department under "", the whole last under its own.
    """
    told = buildings[["roofs", "use", *SUMMED]]
    rows = told[told["roofs"] > 0]
    unit = rows["use"].astype(object).map(departments).fillna("").to_numpy(dtype=object)
    order = [name for use, name in departments.items() if use not in (NOT_ROOFS, TOTAL)]
    found = [_sums(name, rows[unit == name], planned_kw) for name in dict.fromkeys([*order, ""])]
    if TOTAL in departments:
        found.append(_sums(departments[TOTAL], rows, planned_kw) | {"uses": [TOTAL]})
    return pd.DataFrame([row for row in found if row["buildings"]], columns=COLUMNS)


def _sums(name: str, rows: pd.DataFrame, planned_kw: Mapping[str, float] | None) -> dict[str, Any]:
    sums = {column: float(np.nansum(rows[column].to_numpy(dtype=np.float64, na_value=np.nan))) for column in SUMMED}
    if not rows["carbon_t"].notna().any():
        sums["carbon_t"] = math.nan
    uses = sorted(rows["use"].unique())
    planned = float("nan") if planned_kw is None else math.fsum(planned_kw.get(use, 0.0) for use in uses)
    return {"department": name, "uses": uses, "buildings": len(rows), **sums, "planned_kw": planned}
