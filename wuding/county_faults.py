"""Faulty rows that real registers hold, in known numbers, so that tests can count what becomes of them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from .county_attributes import Register
from .county_register import RegisterRows

FAULTS = {"bow_tie": 5, "null_geometry": 3, "empty_geometry": 2, "duplicate": 6, "tiny": 8}


def faulty_rows(model: RegisterRows) -> RegisterRows:
    """
    Make the faulty rows in the village `model`: in open ground south of it, except the duplicates, which lie on its houses.

    Parameters
    ----------
    model
        Rows of a village of at least 40 buildings.

    Returns
    -------
    RegisterRows
        Rows in the order and the numbers of `FAULTS`.
    """
    left, bottom, right, _ = shapely.total_bounds(model.geometry)
    total = sum(FAULTS.values())
    # South of the village there is 30 m of ground that its site keeps free.
    x = np.round((left + right) / 2 + (np.arange(total) - total / 2) * 14.0, 3)
    y = np.round(bottom - 22.0, 3)
    geometry: NDArray[np.object_] = np.full(total, None, dtype=object)
    at = 0
    for fault, count in FAULTS.items():
        for k in range(at, at + count):
            geometry[k] = _fault(fault, float(x[k]), float(y), model.geometry[20 + 3 * (k - at)])
        at += count
    # A duplicate repeats the whole row; the others take the words of some house.
    start = total - FAULTS["tiny"] - FAULTS["duplicate"]
    rows = np.arange(total) % 20
    rows[start : start + FAULTS["duplicate"]] = 20 + 3 * np.arange(FAULTS["duplicate"])
    return RegisterRows(geometry, Register(*(getattr(model.register, f.name)[rows] for f in fields(Register))))


def _fault(fault: str, x: float, y: float, house: Any) -> Any:
    """One faulty geometry at x, y [m], or the copy of a house."""
    match fault:
        case "bow_tie":
            return shapely.Polygon([(x, y), (x + 11, y + 7), (x + 11, y), (x, y + 7)])
        case "null_geometry":
            return None
        case "empty_geometry":
            return shapely.Polygon()
        case "duplicate":
            return house
        case _:
            return shapely.box(x, y, x + 0.9, y + 0.8)
