"""The verdict on a target: a pure rule on numbers and dates."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Verdict = Literal["met", "on_track", "short", "cannot_judge"]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was built at the end of a base year, for the straight line to the target."""

    year: int
    value: float


def line_value(baseline: Baseline, required: float, as_of: date, deadline: date) -> float:
    """
    Find where the straight line from the base year to the deadline stands on a day.

    Parameters
    ----------
    baseline
        Value at 31 December of the base year.
    required
        Value at the deadline.
    as_of
        The day asked for.
    deadline
        The day of the target.

    Returns
    -------
    value
        Value of the line; before the base year's end its value, from the deadline on the required one.

    Examples
    --------
    >>> line_value(Baseline(2020, 100.0), 200.0, date(2025, 12, 31), date(2030, 12, 31))
    150.0
    """
    start = date(baseline.year, 12, 31)
    if start >= deadline or as_of >= deadline:
        return required
    # Whole years count alike, leap or not, so the line is exact at the ends of years.
    passed = as_of.year - start.year - 1 + as_of.timetuple().tm_yday / date(as_of.year, 12, 31).timetuple().tm_yday
    span = deadline.year - start.year - 1 + deadline.timetuple().tm_yday / date(deadline.year, 12, 31).timetuple().tm_yday
    return baseline.value + (required - baseline.value) * min(max(passed / span, 0.0), 1.0)


def decide(
    *,
    required: float | None,
    built_low: float | None,
    built_high: float | None,
    planned: float | None,
    as_of: date,
    deadline: date | None,
    baseline: Baseline | None = None,
) -> Verdict:
    """
    Judge one target.

    Parameters
    ----------
    required
        What is asked for; None where nothing is (a district without an allocated share).
    built_low
        What is surely built; None if unknown.
    built_high
        The most that can be built given what is known; equal to `built_low` where it is known, None without a bound.
    planned
        Surely built and committed to be in service by the deadline; None where the commitments are unknown.
    as_of
        Day of the judgement.
    deadline
        Day of the target; None for a standing requirement, judged like one past its deadline.
    baseline
        Base year and its value, where given.

    Returns
    -------
    verdict
        met: surely built. Before the deadline, on_track: built and committed reach it, or what is built lies on the
        straight line from the base year. short: it surely does not. cannot_judge: an input that would settle it is missing.
    """
    if required is None or built_low is None:
        return "cannot_judge"
    if built_low >= required:
        return "met"
    uncertain = built_high is None or built_high > built_low
    if deadline is None or as_of >= deadline:
        return "cannot_judge" if built_high is None or built_high >= required else "short"
    if planned is not None and planned >= required:
        return "on_track"
    line = None if baseline is None else line_value(baseline, required, as_of, deadline)
    if line is not None and built_low >= line:
        return "on_track"
    if planned is None and line is None:
        return "cannot_judge"
    # What is uncertain could still carry it onto the line or over the requirement.
    if uncertain and (
        built_high is None or planned is None or planned + built_high - built_low >= required or (line is not None and built_high >= line)
    ):
        return "cannot_judge"
    return "short"
