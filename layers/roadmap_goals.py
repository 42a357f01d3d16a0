"""What the targets of a policy still ask of roofs, as goals of a roadmap."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .findings import in_scope
from .policy import Policy, Target
from .roadmap import Goal

# Method of a target: the column that counts towards it, what judging left for roofs to add, and the unit of both.
ASKED = {
    "pv_capacity": ("pac0_kw", "roofs_needed", "MW"),
    "roof_coverage": ("covered_area_m2", "roofs_needed_m2", "m²"),
    "building_substitution": ("energy_kwh", "roofs_needed_kwh", "kWh"),
}
FACTOR = {"pac0_kw": 1e-3}


def roadmap_goals(policy: Policy, judged: Sequence[Mapping[str, Any]], buildings: pd.DataFrame) -> list[Goal]:
    """
    List the targets that PV on roofs carries.

    Parameters
    ----------
    policy
        The policy.
    judged
        Rows of `judge` for the whole, made without a roadmap.
    buildings
        Table `buildings`; a building that is surely in the scope of a target counts towards it.

    Returns
    -------
    goals
        In the order of the policy; `need` is None where judging could not tell it, and then building has no end for that target.
    """
    whole = {row["id"]: row for row in judged if row["region"] is None}
    goals = []
    for target in policy.targets:
        if target.method in ASKED:
            column, key, unit = ASKED[target.method]
            values = buildings[column].to_numpy(dtype=np.float64, na_value=0.0) * FACTOR.get(column, 1.0)
            parts = np.where(_inside(target, buildings), values, 0.0)
            need = whole[target.id].get(key)
            goals.append(Goal(target.id, target.deadline.year if target.deadline else None, parts, need, unit))
    return goals


def _inside(target: Target, buildings: pd.DataFrame) -> np.ndarray:
    scope = target.scope
    if target.parameters.get("include_factories") and scope.uses is not None:
        scope = replace(scope, uses=(*scope.uses, "factory"))
    return np.asarray(in_scope(buildings, scope)[0], dtype=bool)
