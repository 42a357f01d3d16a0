"""Prices hour by hour: what a kWh costs that is not bought, and what one earns that is sold outside the mechanism."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import SolarError
from .facts import Fact
from .hours import HOUR, MONTH
from .money import USES
from .weather import HOURS

FloatArray = npt.NDArray[np.float64]
PERIODS = ("sharp", "peak", "valley", "deep")
SEASONS = {"spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11), "winter": (12, 1, 2)}


@dataclass(frozen=True, eq=False)
class Tariffs:
    """Retail price by class in the order of `USES`, shape (9, 8760), and spot price, shape (8760,) [CNY/kWh]."""

    retail: FloatArray
    spot: FloatArray
    facts: tuple[Fact, ...]


def load_tariffs(path: Path | None = None) -> Tariffs:
    """
    Read the hourly prices.

    Parameters
    ----------
    path
        A file like solar/tariffs.toml; the built-in one (Shandong) by default.

    Returns
    -------
    tariffs
        Vectors over the year and where they come from.

    Raises
    ------
    SolarError
        For a file that lacks something, months named twice or not at all, or periods that overlap.
    """
    file = path or Path(__file__).with_name("tariffs.toml")
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SolarError(f"{file.name}: no readable TOML file of tariffs ({error}); copy solar/tariffs.toml and change it") from error
    try:
        factor = _swing(content, file.name)
        retail = np.stack([_retail(content, use, factor, file.name) for use in USES])
        return Tariffs(retail, _spot(content["spot"], file.name), tuple(_facts(content)))
    except KeyError as missing:
        raise SolarError(f"{file.name}: lacks {missing}; copy solar/tariffs.toml and change it") from missing


def _swing(content: Mapping[str, Any], name: str) -> FloatArray:
    """Give what the floating part is multiplied with in each hour."""
    months = [month for season in content["season"] for month in season["months"]]
    if sorted(months) != list(range(1, 13)):
        raise SolarError(f"{name}: the seasons name months {sorted(months)}; expected each of 1 to 12 once")
    factor = np.ones(HOURS)
    for season in content["season"]:
        taken: set[int] = set()
        for period in PERIODS:
            hours = _hours(season[period], f"{name}, {period}")
            if taken & hours:
                raise SolarError(f"{name}, months {season['months']}: two periods hold the hour {min(taken & hours)}; keep one")
            taken |= hours
            at = np.isin(MONTH, season["months"]) & np.isin(HOUR, sorted(hours))
            factor[at] = 1.0 + float(content["swing"][period])
    return factor


def _hours(ranges: Sequence[Sequence[int]], what: str) -> set[int]:
    for pair in ranges:
        if len(pair) != 2 or not 0 <= pair[0] < pair[1] <= 24:
            raise SolarError(f"{what}: {pair!r} is no range of clock hours; expected [from, to] such as [11, 14]")
    return {hour for first, last in ranges for hour in range(first, last)}


def _retail(content: Mapping[str, Any], use: str, factor: FloatArray, name: str) -> FloatArray:
    kind = content["class"][use]
    if kind not in content["retail"]:
        raise SolarError(f"{name}: class {use} has the tariff {kind!r}; known are: {', '.join(content['retail'])}")
    tariff = content["retail"][kind]
    swing = factor if tariff["time_of_use"] else np.ones(HOURS)
    return np.asarray(float(tariff["fixed"]) + float(tariff["floating"]) * swing, dtype=np.float64)


def _spot(table: Mapping[str, Any], name: str) -> FloatArray:
    price = np.zeros(HOURS)
    for season, months in SEASONS.items():
        hours = np.asarray(table[season], dtype=np.float64)
        if hours.shape != (24,) or not np.isfinite(hours).all():
            raise SolarError(f"{name}, spot.{season}: expected 24 numbers, the price of each clock hour")
        at = np.isin(MONTH, months)
        price[at] = hours[HOUR[at]]
    return price


def _facts(content: Mapping[str, Any]) -> list[Fact]:
    found = [
        Fact(f"retail.{name}", f"{t['fixed']:g} + {t['floating']:g}", "CNY/kWh", t["source"], t["verified"], t.get("year"))
        for name, t in content["retail"].items()
    ]
    swing, spot = content["swing"], content["spot"]
    shown = ", ".join(f"{period} {swing[period]:+.0%}" for period in PERIODS)
    found.append(Fact("swing", shown, "1", swing["source"], swing["verified"], swing.get("year")))
    found.append(Fact("spot", "4 x 24", "CNY/kWh", spot["source"], spot["verified"], spot.get("year")))
    return found
