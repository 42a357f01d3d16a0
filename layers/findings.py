"""What a target is judged from: the buildings it speaks of, what the user said, and what was found."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from .carbon import Carbon
from .demand import Demand
from .form_values import FormValues
from .missing import Missing
from .policy import Scope, Target
from .verdict import Baseline

_AT_ONCE = 100_000  # a number of Python takes four times as much memory


@dataclass(frozen=True, slots=True)
class Case:
    """One target in one accountable area (region None: the whole)."""

    target: Target
    region: str | None
    buildings: pd.DataFrame
    whole: pd.DataFrame
    left_out: Mapping[str, int]
    form: FormValues
    as_of: date
    demand: Demand
    carbon: Carbon
    study_km2: float | None = None
    place_km2: float | None = None

    @property
    def past(self) -> bool:
        """Whether the deadline is reached; a standing requirement counts as such."""
        return self.target.deadline is None or self.as_of >= self.target.deadline


@dataclass(slots=True)
class Finding:
    """Numbers of one row before the verdict, in the target's unit; None is unknown."""

    required: float | None
    built_low: float | None = None
    built_high: float | None = None
    planned: float | None = None
    technical: float | None = None
    baseline: Baseline | None = None
    missing_required: list[Missing] = field(default_factory=list)
    missing_built: list[Missing] = field(default_factory=list)
    missing_planned: list[Missing] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


def exact_sum(values: pd.Series) -> float:
    """
    Add up without rounding on the way, so that neither order nor tiles matter.

    Parameters
    ----------
    values
        Numbers; missing ones are left out.

    Returns
    -------
    total
        The correctly rounded sum.
    """
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    parts = (numbers[first : first + _AT_ONCE] for first in range(0, len(numbers), _AT_ONCE))
    return math.fsum(chain.from_iterable(part[~np.isnan(part)].tolist() for part in parts))


def in_scope(buildings: pd.DataFrame, scope: Scope) -> tuple[pd.Series, pd.Series]:
    """
    Find the buildings that a target speaks of.

    Parameters
    ----------
    buildings
        Rows with use, use_detail, is_new and is_urban.
    scope
        What the target asks.

    Returns
    -------
    inside, unknown
        Booleans on the same index: surely inside; possibly inside, but an answer is missing. Never both.
    """
    inside = pd.Series(True, index=buildings.index) if scope.uses is None else buildings["use"].isin(scope.uses)
    maybe = inside.copy()
    answers = []
    if scope.new:
        answers.append(buildings["is_new"].astype("boolean"))
    if scope.urban:
        answers.append(buildings["is_urban"].astype("boolean"))
    if scope.details or scope.not_details:
        answers.append(_details(buildings, scope))
    for answer in answers:
        inside &= answer.fillna(False).astype(bool)
        maybe &= answer.fillna(True).astype(bool)
    return inside, maybe & ~inside


def survey_complete(form: FormValues, area: str | None) -> bool:
    """
    Say whether every building with PV is on the list.

    Parameters
    ----------
    form
        What the user filled in.
    area
        Accountable area, None for the whole.

    Returns
    -------
    bool
        The area's own answer, else the whole's; the whole is complete too where every area is.
    """
    city, own = bool(form.get(None, "survey_complete")), form.get(area, "survey_complete")
    if area is None:
        return city or (bool(form.areas) and all(survey_complete(form, part) for part in form.areas))
    return city if own is None else bool(own)


def surveyed_kwp(case: Case, rows: pd.DataFrame) -> pd.Series:
    """
    Give the existing PV of each building.

    Parameters
    ----------
    case
        The case with the form's answer on whether the survey is complete.
    rows
        Buildings with installed_kwp and responsible_area.

    Returns
    -------
    installed
        Same index [kWp]; 0 for an empty entry where the survey is said to be complete, else NaN: unknown, not none.
    """
    complete = {area for area in case.form.areas if survey_complete(case.form, area)}
    city = case.form.get(None, "survey_complete")
    installed = pd.to_numeric(rows["installed_kwp"], errors="coerce").astype("float64")
    known = rows["responsible_area"].isin(complete) | (rows["responsible_area"].isna() & bool(city))
    return installed.where(installed.notna() | ~known, 0.0)


def _details(buildings: pd.DataFrame, scope: Scope) -> pd.Series:
    words, wanted = (scope.details, True) if scope.details else (scope.not_details, False)
    texts = {text: any(word in str(text) for word in words) == wanted for text in buildings["use_detail"].dropna().unique()}
    answer = buildings["use_detail"].map(texts).astype("boolean")
    # The class public_building says by itself that it is no institution; elsewhere an unknown detail stays unknown.
    return answer.mask(answer.isna() & (buildings["use"] == "public_building"), not wanted)
