"""Densities and usable shares by class of use beside the published ones."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import pandas as pd

from .codes import code_word
from .findings import exact_sum
from .schema import DEDUCTIONS, USES, WITH_ROOFS
from .sums import StoredColumns

ALL = "all"
_LOSSES = tuple(name for name in DEDUCTIONS if name not in ("existing_area_m2", "usable_area_m2"))


def bands() -> dict[str, dict[str, Any]]:
    """
    Read the published bands.

    Returns
    -------
    dict
        By name: value or low and high, unit, source, verified.
    """
    return tomllib.loads(files(__package__).joinpath("bands.toml").read_text(encoding="utf-8"))


def sanity(buildings: pd.DataFrame | StoredColumns) -> list[dict[str, Any]]:
    """
    Hold PV per footprint and the usable share of every class against the published bands.

    Parameters
    ----------
    buildings
        The table `buildings`: use, status, footprint_area_m2, area_m2, the deductions, pdc0_kwp, installed_kwp.

    Returns
    -------
    list of dict
        A row per class of use that has roofs and one for "all": areas [m2], `density_w_m2` of existing and possible PV per gross
        footprint, `usable_share` of roof area (existing PV included), the published ones, `within` and the largest deduction, `cause`,
        with its share of the roof area.
    """
    known = bands()
    low, high = known["density_w_m2"]["low"], known["density_w_m2"]["high"]
    told = buildings[["use", "status"]]
    roofed = told["status"].isin(WITH_ROOFS)
    classes = {use: roofed & (told["use"] == use) for use in USES} | {ALL: roofed}
    sums: dict[str, dict[str, float]] = {use: {} for use in classes}
    for name in ("footprint_area_m2", "area_m2", *DEDUCTIONS, "pdc0_kwp", "installed_kwp"):
        values = buildings[[name]][name]
        for use, on in classes.items():
            sums[use][name] = exact_sum(values[on])
    rows: list[dict[str, Any]] = []
    for use, part in sums.items():
        footprint, area = part["footprint_area_m2"], part["area_m2"]
        if footprint <= 0.0 or area <= 0.0:
            continue
        density = 1000.0 * (part["pdc0_kwp"] + part["installed_kwp"]) / footprint
        usable = part["usable_area_m2"] + part["existing_area_m2"]
        losses = {name.removesuffix("_area_m2") + "_loss": part[name] / area for name in _LOSSES}
        cause = max(losses, key=lambda name: losses[name])
        rows.append(
            {
                "use": use,
                "buildings": int(classes[use].sum()),
                "footprint_area_m2": footprint,
                "density_w_m2": density,
                "density_low_w_m2": low,
                "density_high_w_m2": high,
                "density_stock_w_m2": known["density_stock_w_m2"]["value"],
                "within": low <= density <= high,
                "usable_share": usable / area,
                "usable_stock": known["usable_stock"]["value"],
                "usable_small": known["usable_small"]["value"],
                "cause": cause,
                "cause_share": losses[cause],
            }
        )
    return rows


def warn_outside(rows: list[dict[str, Any]], warnings: list[str]) -> None:
    """
    Say which classes lie outside the published band and where their area goes.

    Parameters
    ----------
    rows
        From `sanity`.
    warnings
        Appended to, a warning per class outside.
    """
    for row in rows:
        if row["within"] or row["use"] == ALL:
            continue
        use, cause = code_word("use", row["use"], "en"), code_word("deduction", row["cause"], "en")
        warnings.append(
            f"PV per m2 of gross footprint of class {use} is {row['density_w_m2']:.0f} W, outside the published "
            f"{row['density_low_w_m2']:.0f}–{row['density_high_w_m2']:.0f} W; the largest deduction is {cause} with "
            f"{row['cause_share']:.0%} of the roof area"
        )
