"""Where the area of a roof goes: each deduction by hand, and the sum of them all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.archetypes import Archetypes, load_archetypes
from layers.roofs import tile_roofs
from layers.room import Room, room, structural_check
from solar.parameters import load_system


def room_of(plan: shapely.Polygon, use: str, height: float, archetypes: Archetypes, **values: Any) -> Room:
    columns = {
        "use": use,
        "height_m": height,
        "ground_elevation_m": 0.0,
        "stale_surface": False,
        "year_built": pd.NA,
        "installed_kwp": np.nan,
        "load_reserve_kpa": np.nan,
    }
    rows = gpd.GeoDataFrame(pd.DataFrame([columns | values]).astype({"year_built": "Int64"}), geometry=[plan])
    kinds = archetypes.choose(rows["use"], rows["height_m"], rows.geometry.area)
    model: Any = SimpleNamespace(archetypes=archetypes, latitude=36.65, system=load_system())
    found = room(rows, tile_roofs(rows, kinds, None), kinds, model)
    parts = found.setback + found.parapet_shade + found.excluded + found.obstacle + found.existing + found.usable
    np.testing.assert_allclose(parts, found.area, rtol=1e-12)
    return found


def test_a_flat_roof_by_hand() -> None:
    """
    30 x 20 m, parapet 1.1 m: set-back 1 m leaves 28 x 18; the shadow of 1.1 x 1.739 = 1.913 m takes 0.913 m of them off the south.
    """
    found = room_of(shapely.box(0, 0, 30, 20), "public_institution", 12.0, load_archetypes())
    shade = 28 * (1.1 / np.tan(np.radians(90 - 36.65 - 23.45)) - 1.0)
    assert found.setback == pytest.approx([600 - 504])
    assert found.parapet_shade == pytest.approx([shade])
    assert found.obstacle == pytest.approx([0.25 * (504 - shade)])


def test_a_hall_loses_ways_and_skylights() -> None:
    """50 x 30 m at 5 degrees: each half 48.8 x 13.8 less one way of 1 m; skylights and vents take a fifth of what is left."""
    found = room_of(shapely.box(0, 0, 50, 30), "factory", 9.0, load_archetypes())
    left = 47.8 * 13.8 / np.cos(np.radians(5.0))
    assert found.inner == pytest.approx([left, left])
    assert found.obstacle == pytest.approx([0.2 * left] * 2)
    assert not found.parapet_shade.any()


def test_a_class_is_excluded_by_year_only_where_the_study_says_so() -> None:
    house = shapely.box(0, 0, 14, 8)
    old = load_archetypes({"rural_residential": {"excluded_before_year": 1980}})
    assert room_of(house, "rural_residential", 4.5, load_archetypes(), year_built=1950).usable.all()
    for year, usable in ((1979, False), (1980, True), (pd.NA, True)):
        found = room_of(house, "rural_residential", 4.5, old, year_built=year)
        assert bool(found.usable.any()) == usable
        assert shapely.is_empty(found.outline).all() != usable
        assert bool(found.excluded.any()) != usable


def test_existing_pv_takes_its_modules_area() -> None:
    system = load_system()
    found = room_of(shapely.box(0, 0, 50, 30), "factory", 9.0, load_archetypes(), installed_kwp=60.0)
    assert found.existing.sum() == pytest.approx(60_000.0 / system.module.pdc0_w * system.module.area_m2)


def test_a_roof_without_reserve_carries_nothing_and_an_unknown_one_is_to_be_checked() -> None:
    """A metal hall needs 0.15 kPa."""
    hall = shapely.box(0, 0, 50, 30)
    archetypes = load_archetypes()
    for reserve, usable, said in ((0.1, False, "load_short"), (0.15, True, "load_ok"), (np.nan, True, "to_check")):
        assert bool(room_of(hall, "factory", 9.0, archetypes, load_reserve_kpa=reserve).usable.any()) == usable
        kinds = archetypes.choose(["factory"], [9.0], [1500.0])
        assert structural_check(gpd.GeoDataFrame({"load_reserve_kpa": [reserve]}), kinds).tolist() == [said]
