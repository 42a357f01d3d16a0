"""The class of distributed PV that a plant falls in, by owner, connection voltage and AC power, and what that asks of it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from solar.money import HOUSEHOLD

from .connection import connection_facts
from .errors import LayersError

HOMES = ("natural_household", "legal_household")


@dataclass(frozen=True, slots=True)
class GridClass:
    """A class: its code, highest voltage [kV] and power [MW AC], least share of self-use (None: no rule), and words by language."""

    code: str
    kv: float
    mw: float
    self_use: float | None
    name: Mapping[str, str]
    modes: Mapping[str, str]
    asks: Mapping[str, tuple[str, ...]]
    source: str
    verified: bool


@cache
def grid_classes() -> tuple[GridClass, ...]:
    """
    Read the classes.

    Returns
    -------
    tuple of GridClass
        In the order in which they are tried.
    """
    content = tomllib.loads((files(__package__) / "grid_classes.toml").read_text(encoding="utf-8"))
    return tuple(_read(code, table) for code, table in content.items())


def _read(code: str, table: Mapping[str, Any]) -> GridClass:
    both, facts, rule = ("zh", "en"), connection_facts(), table["rule"]
    return GridClass(
        code,
        float(table["kv"]),
        float(table["mw"] if "mw" in table else facts[f"{rule}.most_mw"].value),
        float(facts[f"{rule}.self_use"].value) if f"{rule}.self_use" in facts else None,
        {lang: table[lang] for lang in both},
        {lang: table[f"modes_{lang}"] for lang in both},
        {lang: tuple(table[f"asks_{lang}"]) for lang in both},
        table["source"],
        table["verified"],
    )


def grid_class(use: str, pac0_kw: float, voltage_kv: float | None = None) -> GridClass | None:
    """
    Find the class of a plant.

    Parameters
    ----------
    use
        Class of use of the parcel.
    pac0_kw
        AC power of the plant [kW].
    voltage_kv
        Voltage of the connection [kV]; the lowest that takes the power where it is not known.

    Returns
    -------
    GridClass or None
        None where the plant is too large for distributed PV (at this voltage).

    Raises
    ------
    LayersError
        If power or voltage is no positive number.

    Examples
    --------
    >>> grid_class("factory", 5_900.0).code
    'general_commercial'
    >>> grid_class("factory", 6_100.0).code
    'large_commercial_35'
    """
    if not pac0_kw >= 0.0 or (voltage_kv is not None and not voltage_kv > 0.0):
        raise LayersError(f"a plant of {pac0_kw} kW at {voltage_kv} kV: expected a power of 0 or more and a voltage above 0")
    return next((found for found in _able(use, voltage_kv) if pac0_kw <= 1000.0 * found.mw), None)


def limits_below(use: str, pac0_kw: float, voltage_kv: float | None = None) -> list[float]:
    """
    Name the limits of classes that a plant exceeds, up to which it could be built to fall in an easier class.

    Parameters
    ----------
    use, pac0_kw, voltage_kv
        As for `grid_class`.

    Returns
    -------
    list of float
        Powers [kW AC], ascending; empty where the plant keeps the first limit.
    """
    return sorted({1000.0 * found.mw for found in _able(use, voltage_kv) if pac0_kw > 1000.0 * found.mw})


def _able(use: str, voltage_kv: float | None) -> list[GridClass]:
    """Give the classes of the owner at the voltage, in the order in which they are tried."""
    home = use in HOUSEHOLD
    able = [found for found in grid_classes() if (found.code in HOMES) == home]
    if voltage_kv is None:
        return able
    fits = [found for found in able if voltage_kv <= found.kv]
    return [found for found in fits if found.kv == fits[0].kv] if fits and not home else fits
