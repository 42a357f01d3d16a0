"""The report's charts on when the energy comes and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from solar.uncertainty import load_uncertainties

from .charts import Chart, bars, lines
from .words import Words, as_float

SEASONS: Mapping[str, tuple[int, ...]] = {"spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11), "winter": (12, 1, 2)}
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_TO_P90 = NormalDist().inv_cdf(0.9)


def typical_days(hours: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
    """
    Average the days of each season.

    Parameters
    ----------
    hours
        Energy of each hour of a year of 365 days, shape (8760,) [kWh].

    Returns
    -------
    dict
        Mean power of each clock hour by season, shape (24,) [kW].
    """
    days = hours.reshape(365, 24)
    month = np.repeat(np.arange(1, 13), _DAYS)
    return {season: days[np.isin(month, months)].mean(axis=0) for season, months in SEASONS.items()}


def typical_day_chart(hours: npt.NDArray[np.float64] | None, words: Words) -> Chart | None:
    """
    Draw the mean day of each season, all potential built.

    Parameters
    ----------
    hours
        Energy of each hour of the year, shape (8760,) [kWh]; None where the run kept none.
    words
        Words of the language.

    Returns
    -------
    Chart or None
        None without hours.
    """
    if hours is None:
        return None
    middle = list(np.arange(24) + 0.5)  # a value is the mean of its hour
    drawn = {words[season]: (middle, list(power / 1e3)) for season, power in typical_days(hours).items()}
    title = words["typical_day"]
    return lines(drawn, "", alt=title, x_title=words["clock_hour"], whole=False, ticks=range(0, 25, 3))


def uncertainty_parts(energy: float, energy_p90: float) -> dict[str, float]:
    """
    Split the distance from P50 to P90 of a sum of roofs among its named causes.

    Parameters
    ----------
    energy, energy_p90
        P50 and P90 of the sum, above 0 [kWh].

    Returns
    -------
    dict
        Distance as a fraction of P50: `together`, each error that all roofs share, and `of_single_roofs`, what of the roofs' own errors
        is left in the sum. Squares add up to that of `together`.
    """
    together = (energy - energy_p90) / energy
    shared = {u.name: _TO_P90 * u.sigma for u in load_uncertainties() if u.shared}
    rest = max(together**2 - sum(part**2 for part in shared.values()), 0.0)
    ordered = dict(sorted(shared.items(), key=lambda pair: (-pair[1], pair[0])))
    return {"together": together, **ordered, "of_single_roofs": float(np.sqrt(rest))}


def uncertainty_chart(totals: Mapping[str, Any], words: Words) -> Chart | None:
    """
    Draw how far below P50 the energy of a bad year in ten lies, and what causes it.

    Parameters
    ----------
    totals
        Totals of the study with `energy_kwh` and `energy_p90_kwh`.
    words
        Words of the language.

    Returns
    -------
    Chart or None
        None without energy.
    """
    expected, exceeded = as_float(totals.get("energy_kwh")), as_float(totals.get("energy_p90_kwh"))
    if not expected or exceeded is None:
        return None
    parts = uncertainty_parts(expected, exceeded)
    title = words["uncertainty_title"]
    names = [words[f"sure_{name}"] for name in parts]
    return bars(names, [100.0 * part for part in parts.values()], "", alt=title)
