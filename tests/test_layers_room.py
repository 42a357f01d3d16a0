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
from geo.errors import GeoError
from geo.grid import Grid
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
        "construction": "",
    }
    rows = gpd.GeoDataFrame(pd.DataFrame([columns | values]).astype({"year_built": "Int64"}), geometry=[plan])
    kinds = archetypes.choose(rows["use"], rows["height_m"], rows.geometry.area, rows["construction"])
    model: Any = SimpleNamespace(archetypes=archetypes, latitude=36.65, system=load_system(), thermal=None)
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
    """50 x 30 m at 5 degrees: each half 48.8 x (15 - 0.6 - 0.15 at the ridge) less a way of 1 m; skylights and vents take a fifth of it."""
    found = room_of(shapely.box(0, 0, 50, 30), "factory", 9.0, load_archetypes())
    left = 47.8 * 14.25 / np.cos(np.radians(5.0))
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


def test_drawn_pv_takes_its_outline_on_the_slope_and_never_more_than_is_left() -> None:
    """Half of 400 m2 in plan lies on each slope of 5 degrees; capacity that is known beside it takes no room twice."""
    hall = shapely.box(0, 0, 50, 30)
    found = room_of(hall, "factory", 9.0, load_archetypes(), drawn_pv_m2=400.0, installed_kwp=20.0)
    np.testing.assert_allclose(found.existing, 200.0 / np.cos(np.radians(5.0)))
    full = room_of(hall, "factory", 9.0, load_archetypes(), drawn_pv_m2=1500.0)
    assert not full.usable.any()


def test_a_roof_without_reserve_carries_nothing_and_an_unknown_one_is_to_be_checked() -> None:
    """A metal hall needs 0.15 kPa."""
    hall = shapely.box(0, 0, 50, 30)
    archetypes = load_archetypes()
    for reserve, usable, said in ((0.1, False, "load_short"), (0.15, True, "load_ok"), (np.nan, True, "to_check")):
        assert bool(room_of(hall, "factory", 9.0, archetypes, load_reserve_kpa=reserve).usable.any()) == usable
        kinds = archetypes.choose(["factory"], [9.0], [1500.0])
        assert structural_check(gpd.GeoDataFrame({"load_reserve_kpa": [reserve]}), kinds).tolist() == [said]


def test_the_construction_of_a_roof_decides_shape_load_and_skylights() -> None:
    """A school of 30 x 20 m under metal sheet: two slopes of 5 degrees without parapet; 0.2 kPa carry it, but no concrete roof's racks."""
    school = shapely.box(0, 0, 30, 20)
    archetypes = load_archetypes()
    plain = room_of(school, "public_institution", 12.0, archetypes, load_reserve_kpa=0.2)
    assert not plain.usable.any() and plain.area == pytest.approx([600.0])
    metal = room_of(school, "public_institution", 12.0, archetypes, load_reserve_kpa=0.2, construction="metal")
    assert metal.area == pytest.approx([300.0 / np.cos(np.radians(5.0))] * 2)
    assert not metal.parapet_shade.any()
    assert metal.obstacle == pytest.approx(0.15 * metal.inner)  # a tenth vents, a twentieth skylights
    kinds = archetypes.choose(["public_institution"] * 2, [12.0] * 2, [600.0] * 2, ["metal", ""])
    assert kinds.is_metal.tolist() == [True, False] and kinds.load_kpa.tolist() == [0.15, 0.5]


def test_an_archetype_of_the_class_with_that_construction_comes_first() -> None:
    archetypes = load_archetypes()
    kinds = archetypes.choose(
        ["factory", "factory", "rural_residential", "rural_residential"],
        [9.0, 9.0, 4.5, 4.5],
        [200.0, 5000.0, 90.0, 90.0],
        ["metal", "concrete", "concrete", ""],
    )
    assert kinds.archetype.tolist()[0] == "steel_hall"  # a small workshop is flat concrete unless somebody says metal
    assert kinds.archetype.tolist()[2:] == ["village_flat", "village_gable"]
    assert (kinds.construction[1], kinds.tilt[1], kinds.skylight_share[1]) == ("concrete", 0.0, 0.0)
    with pytest.raises(GeoError, match="construction 'paper'"):
        archetypes.choose(["factory"], [9.0], [200.0], ["paper"])


def test_deductions_of_a_measured_roof_add_up_too() -> None:
    """A gable of 30 degrees on a surface model, with a chimney, next to a tower of the same building."""
    plan = shapely.box(10, 10, 40, 22)
    x, y = np.meshgrid(np.arange(100) * 0.5 + 0.25, 32.0 - np.arange(64) * 0.5 - 0.25)
    z = np.where(shapely.contains_xy(plan, x, y), np.where(x < 28, 20.0 - np.tan(np.radians(30.0)) * np.abs(y - 16.0), 30.0), 5.0)
    z[(np.abs(x - 18.0) < 1.0) & (np.abs(y - 13.0) < 1.0)] += 2.0
    columns = {"use": "unknown", "height_m": 15.0, "ground_elevation_m": 5.0, "stale_surface": False, "year_built": pd.NA}
    columns |= {"installed_kwp": 3.0, "load_reserve_kpa": np.nan, "construction": "", "tilt_given": np.nan}
    rows = gpd.GeoDataFrame(pd.DataFrame([columns]).astype({"year_built": "Int64"}), geometry=[plan])
    archetypes = load_archetypes()
    kinds = archetypes.choose(rows["use"], rows["height_m"], rows.geometry.area, rows["construction"])
    shape = tile_roofs(rows, kinds, Grid(z.astype(np.float32), 0.0, 32.0, 0.5))
    model: Any = SimpleNamespace(archetypes=archetypes, latitude=36.65, system=load_system(), thermal=None)
    found = room(rows, shape, kinds, model)
    assert shape.measured.all() and len(found.area) == 3
    parts = found.setback + found.parapet_shade + found.excluded + found.obstacle + found.existing + found.usable
    np.testing.assert_allclose(parts, found.area, rtol=1e-12)
    assert found.existing.sum() == pytest.approx(3000.0 / load_system().module.pdc0_w * load_system().module.area_m2)
    tower = shape.surfaces.roof_tilt == 0.0
    # the tower of 12 x 12 m keeps 0.8 m all round, the halves of the gable 0.8 m at three sides and 0.15 m at the ridge
    assert found.inner[tower] == pytest.approx([10.4**2], rel=0.02)
    assert found.inner[~tower] == pytest.approx([16.4 * 5.05 / np.cos(np.radians(30.0))] * 2, rel=0.03)


def test_a_tilt_that_a_person_gave_stands_above_the_measured_one() -> None:
    """The same shed of 16.7 degrees: said to be of 30 it keeps its plane, said to be flat it is the archetype's flat roof."""
    plan = shapely.box(10, 10, 22, 18)
    x, y = np.meshgrid(np.arange(64) * 0.5 + 0.25, 28.0 - np.arange(56) * 0.5 - 0.25)
    dsm = Grid(np.where(shapely.contains_xy(plan, x, y), 15.0 + 0.3 * (y - 14.0), 5.0).astype(np.float32), 0.0, 28.0, 0.5)
    for given, measured, tilt in ((np.nan, True, np.degrees(np.arctan(0.3))), (30.0, True, 30.0), (0.0, False, 0.0)):
        columns = {"use": "unknown", "height_m": 10.0, "ground_elevation_m": 5.0, "stale_surface": False, "tilt_given": given}
        rows = gpd.GeoDataFrame([columns], geometry=[plan])
        kinds = load_archetypes().choose(rows["use"], rows["height_m"], rows.geometry.area).with_tilt(rows["tilt_given"])
        shape = tile_roofs(rows, kinds, dsm)
        assert shape.measured.tolist() == [measured]
        assert shape.surfaces.roof_tilt == pytest.approx([tilt], abs=0.1)
        if measured:
            assert shape.surfaces.roof_azimuth == pytest.approx([180.0], abs=0.5)
            assert np.hypot(*shape.plane[0, :2]) == pytest.approx(np.tan(np.radians(tilt)), abs=0.002)
