"""How buildings use electricity hour by hour: shapes by class from a data file, replaceable by metered curves."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import SolarError
from .facts import Fact
from .hours import HOUR, MONTH, WEEKEND
from .money import USES
from .weather import HOURS

FloatArray = npt.NDArray[np.float64]
_PARTS = {"workday": 24, "weekend": 24, "month": 12}


@dataclass(frozen=True, eq=False)
class Loads:
    """Share of the year's use in each hour by class, shape (9, 8760), rows in the order of `USES`; 0 for a class without a shape."""

    shape: FloatArray
    facts: tuple[Fact, ...]


def load_shapes(metered: Mapping[str, npt.ArrayLike] | None = None) -> Loads:
    """
    Read the shapes, replaced by metered curves where there are some.

    Parameters
    ----------
    metered
        Power of the 8,760 hours by class, in any unit, shape (8760,) each.

    Returns
    -------
    loads
        Shapes that add up to 1 and where they come from.

    Raises
    ------
    SolarError
        For a class without 24 + 24 + 12 numbers in the data file, an unknown class, or a curve that is no year.
    """
    content = tomllib.loads(Path(__file__).with_name("loads.toml").read_text(encoding="utf-8"))
    curves = dict(metered or {})
    for use in [*content, *curves]:
        if use not in USES:
            raise SolarError(f"loads: {use!r} is no class of use; expected one of {', '.join(USES)}")
    shape, facts = np.zeros((len(USES), HOURS)), []
    for use, table in content.items():
        shape[USES.index(use)] = _shape(use, table)
        facts.append(Fact(f"load.{use}", "24 + 24 + 12", "1", table["source"], table["verified"], table.get("year")))
    for use, curve in curves.items():
        hours = np.asarray(curve, dtype=np.float64)
        if hours.shape != (HOURS,) or not (np.isfinite(hours) & (hours >= 0.0)).all() or not hours.any():
            raise SolarError(f"the metered curve of class {use}: expected 8,760 hours of 0 or more with something used")
        shape[USES.index(use)] = hours / hours.sum()
        facts = [fact for fact in facts if fact.name != f"load.{use}"] + [Fact(f"load.{use}", "8760", "1", "study file", True)]
    return Loads(shape, tuple(facts))


def _shape(use: str, table: Mapping[str, Any]) -> FloatArray:
    parts = {}
    for name, size in _PARTS.items():
        parts[name] = np.asarray(table.get(name, ()), dtype=np.float64)
        if parts[name].shape != (size,) or not (parts[name] > 0.0).all():
            raise SolarError(f"loads.toml, {use}.{name}: expected {size} numbers above 0")
    power = np.where(WEEKEND, parts["weekend"][HOUR], parts["workday"][HOUR]) * parts["month"][MONTH - 1]
    return np.asarray(power / power.sum(), dtype=np.float64)
