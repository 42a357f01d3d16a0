"""Densities and shares by class, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from layers.sanity import bands, sanity, warn_outside
from layers.schema import DEDUCTIONS


def buildings(**changes: object) -> pd.DataFrame:
    row = dict.fromkeys(DEDUCTIONS, 0.0) | {"use": "factory", "status": "assessed", "footprint_area_m2": 1000.0, "area_m2": 1010.0}
    row |= {"setback_area_m2": 110.0, "obstacle_area_m2": 300.0, "existing_area_m2": 100.0, "usable_area_m2": 500.0}
    row |= {"pdc0_kwp": 100.0, "installed_kwp": 20.0}
    other = row | {"use": "other", "pdc0_kwp": 10.0, "installed_kwp": None, "status": "no_usable_area"}
    gone = row | {"status": "excluded", "pdc0_kwp": 1e6}
    return pd.DataFrame([row | changes, other, gone])


def test_density_and_share_by_hand() -> None:
    """120 kW on 1,000 m2 are 120 W/m2; 600 of 1,010 m2 are usable; the excluded building counts nowhere."""
    rows = {row["use"]: row for row in sanity(buildings())}
    assert list(rows) == ["factory", "other", "all"]
    assert rows["factory"]["density_w_m2"] == pytest.approx(120.0)
    assert rows["factory"]["usable_share"] == pytest.approx(600.0 / 1010.0)
    assert rows["all"]["density_w_m2"] == pytest.approx(65.0)
    assert (rows["factory"]["within"], rows["other"]["within"]) == (True, False)
    assert (rows["other"]["cause"], rows["other"]["cause_share"]) == ("obstacle_loss", pytest.approx(300.0 / 1010.0))


def test_a_class_outside_the_band_is_told_with_its_cause() -> None:
    warnings: list[str] = []
    warn_outside(sanity(buildings()), warnings)
    (told,) = warnings
    assert "class Other is 10 W" in told and "60–160 W" in told and "obstacles and skylights with 30%" in told


def test_every_band_has_its_source() -> None:
    assert all(band["source"] and band["verified"] in (True, False) for band in bands().values())


def test_no_roofs_no_rows() -> None:
    assert sanity(buildings().iloc[2:]) == []
