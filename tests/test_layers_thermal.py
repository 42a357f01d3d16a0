"""Collectors on dwellings: the standard equation by hand, areas that add up, PV that gives way, heat that the target counts."""

from __future__ import annotations

import dataclasses
import pickle
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.surfaces import RoofSurfaces
from geo.tiles import Surroundings, read_surroundings
from layers.model import Model
from layers.policy import load_policy
from layers.potential import assess_tile
from layers.schema import DEDUCTIONS
from layers.targets import judge
from layers.thermal import collector_room, households
from solar.errors import SolarError
from solar.mounts import pitch_ratio
from solar.orientations import BARE, FLUSH
from solar.thermal import Thermal, collector_heat, collector_power, load_thermal, open_irradiation
from wuding.study import StudyError, load_study

from .test_layers_targets import AS_OF, HEAT, filled, row, ten

JINAN = load_policy("jinan-2023-36")
DWELLINGS = ("urban_residential", "rural_residential")


@pytest.fixture(scope="module")
def prepared(run_folder: Path) -> tuple[Model, gpd.GeoDataFrame, Surroundings]:
    """Give the model, 250 buildings and their surroundings of the sample county."""
    work = run_folder / ".work"
    with (work / "model.pickle").open("rb") as stream:
        model: Model = pickle.load(stream)
    rows = gpd.read_parquet(work / "tiles")
    rows = rows[rows["status"] == ""].sort_values("building_id").iloc[:250]
    assert rows["use"].isin(DWELLINGS).sum() > 50
    return model, rows, read_surroundings(work / "tiles", np.asarray(rows.total_bounds))


def assessed(prepared: tuple[Model, gpd.GeoDataFrame, Surroundings], thermal: Thermal | None) -> gpd.GeoDataFrame:
    model, rows, around = prepared
    return assess_tile(rows, around, dataclasses.replace(model, thermal=thermal)).roofs.set_index("roof_id")


def test_three_hours_by_hand() -> None:
    """
    Fluid at (14 + 60) / 2 + 5 = 42 °C.

    Winter noon, 600 W/m² at 2 °C: 432 - 3.6 x 40 - 0.012 x 1600 = 268.8. Summer noon, 900 W/m² at 32 °C: 648 - 36 - 1.2 = 610.8.
    Morning, 150 W/m² at 2 °C: 108 - 163.2 < 0, the pump stands.
    """
    found = collector_power(load_thermal(), [600.0, 900.0, 150.0], [2.0, 32.0, 2.0])
    np.testing.assert_allclose(found, [268.8, 610.8, 0.0], rtol=1e-12)


def test_months_are_the_sum_of_their_hours(prepared: tuple[Model, gpd.GeoDataFrame, Surroundings]) -> None:
    """Half of the light, air 3 K colder, against the plain equation on every hour of one class."""
    sky, thermal = prepared[0].stations[0].sky, load_thermal()
    plane = sky.orientations.blend(np.array([30.0]), np.array([180.0]), FLUSH)
    one = int(plane.classes[0, plane.weights[0].argmax()])
    assert plane.weights[0].max() == pytest.approx(1.0)
    light = sky.beam[one] + sky.sky_diffuse * sky.sky_factor[one] + sky.ghi * sky.ground_factor[one] + sky.brightening * sky.band[one].sum()
    power = collector_power(thermal, 0.5 * light, sky.temp_air - 3.0)
    expected = [power[sky.month == month].sum() / 1000.0 for month in range(1, 13)]
    found = collector_heat(thermal, sky, plane, np.array([0.5]), np.array([-3.0]))
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)  # the beam is kept in single precision


def test_a_flat_plate_in_jinan_gives_what_is_published(prepared: tuple[Model, gpd.GeoDataFrame, Surroundings]) -> None:
    """
    GB 50364 reckons with a mean efficiency of 0.25 to 0.50 of collectors for hot water, over a year of 1,400-1,600 kWh/m² at 35°.
    """
    sky = prepared[0].stations[0].sky
    plane = sky.orientations.blend(np.array([35.0]), np.array([180.0]), FLUSH)
    bare = sky.orientations.blend(np.array([35.0]), np.array([180.0]), BARE)
    share = collector_heat(load_thermal(), sky, plane, np.ones(1), np.zeros(1)).sum() / open_irradiation(sky, bare)[0]
    assert 0.25 < share < 0.50


@given(
    eta0=st.floats(0.3, 0.9), a1=st.floats(0.0, 8.0), light=st.floats(0.0, 1200.0), air=st.floats(-25.0, 40.0), more=st.floats(0.0, 300.0)
)
def test_heat_grows_with_light_and_never_exceeds_it(eta0: float, a1: float, light: float, air: float, more: float) -> None:
    thermal = load_thermal(overrides={"collector": {"eta0": eta0, "a1": a1}})
    found = collector_power(thermal, [light, light + more], air)
    assert 0.0 <= found[0] <= found[1] <= eta0 * (light + more) + 1e-9


def surfaces_of(tilt: list[float], azimuth: list[float], building: list[int]) -> RoofSurfaces:
    given: dict[str, Any] = {f.name: None for f in dataclasses.fields(RoofSurfaces)}
    known = {"roof_tilt": np.array(tilt), "roof_azimuth": np.array(azimuth), "building": np.array(building)}
    return RoofSurfaces(**{**given, **known})


def test_area_of_collectors_by_hand() -> None:
    """
    House: 250 m² of floor are 2 households, 4 m² of collectors on its south face alone; of 40 m² on the north face nothing. Tower:
    10,000 m² are 100 households and want 200 m², which on 120 m² flat find half of it over the row spacing. A factory gets none.
    """
    rows = gpd.GeoDataFrame(
        {"use": ["rural_residential", "urban_residential", "factory"], "floor_area_m2": [250.0, 10_000.0, 5_000.0]},
        geometry=[shapely.Point(0, 0)] * 3,
    )
    thermal = load_thermal(m2_per_household=2.0)
    np.testing.assert_allclose(households(thermal, rows), [2.0, 100.0, 0.0])
    surfaces = surfaces_of([30.0, 30.0, 0.0, 0.0], [180.0, 0.0, np.nan, np.nan], [0, 0, 1, 2])
    taken = collector_room(thermal, rows, surfaces, np.array([40.0, 40.0, 120.0, 900.0]), 36.65)
    np.testing.assert_allclose(taken, [4.0, 0.0, 60.0, 0.0])
    few = collector_room(load_thermal(m2_per_household=0.1), rows, surfaces, np.array([40.0, 40.0, 120.0, 900.0]), 36.65)
    np.testing.assert_allclose(few, [0.2, 0.0, 10.0 * pitch_ratio(36.65, 36.65, 180.0), 0.0])
    rows["floor_area_m2"] = np.nan
    assert not collector_room(thermal, rows, surfaces, np.full(4, 40.0), 36.65).any()


def test_litres_are_collectors_and_limit_the_heat() -> None:
    """55 L/d per m²: 110 L/d are 2 m²; 110 x 4.186 x 46 K x 365 / 3600 = 2,147.5 kWh a year."""
    thermal = load_thermal(litres_per_household=110.0)
    assert thermal.m2_per_household == pytest.approx(2.0)
    assert thermal.demand(np.array([1.0, 3.0])).sum(axis=1) == pytest.approx([2147.53, 6442.6], rel=1e-4)


def test_collectors_come_first_and_everything_adds_up(prepared: tuple[Model, gpd.GeoDataFrame, Surroundings]) -> None:
    without, with_them = assessed(prepared, None), assessed(prepared, load_thermal(m2_per_household=2.0))
    assert not without[["thermal_area_m2", "thermal_kwh"]].any(axis=None)
    np.testing.assert_allclose(with_them[list(DEDUCTIONS)].sum(axis=1), with_them["area_m2"], rtol=1e-9)
    assert (with_them["thermal_area_m2"] <= with_them["excluded_area_m2"] + 1e-9).all()
    np.testing.assert_allclose(with_them["excluded_area_m2"] - without["excluded_area_m2"], with_them["thermal_area_m2"], atol=1e-9)
    dwelling = with_them["use"].isin(DWELLINGS)
    assert not with_them.loc[~dwelling, ["thermal_area_m2", "thermal_kwh"]].any(axis=None)
    pd.testing.assert_frame_equal(with_them[~dwelling], without[~dwelling])
    given_up = with_them["thermal_area_m2"] > 0
    assert given_up.sum() > 40
    assert (with_them.loc[given_up, "usable_area_m2"] <= without.loc[given_up, "usable_area_m2"]).all()
    assert (with_them["module_count"] <= without["module_count"]).all()
    assert with_them["energy_kwh"].sum() < without["energy_kwh"].sum()
    # a square metre of collector under a clear horizon gives some 350 to 600 kWh in Jinan before the losses of the tank
    sloped = given_up & (with_them["roof_tilt"] >= 5.0)
    assert (with_them.loc[sloped, "thermal_kwh"] < 0.75 * 0.5 * 1700.0 * with_them.loc[sloped, "thermal_area_m2"]).all()
    assert with_them.loc[given_up, "thermal_kwh"].sum() > 0.0


def test_no_month_brings_more_heat_than_the_water_takes(prepared: tuple[Model, gpd.GeoDataFrame, Surroundings]) -> None:
    """Far too many collectors: households times 110 L/d is all that counts, to the last kWh where every month overflows."""
    thermal = dataclasses.replace(load_thermal(m2_per_household=50.0, litres_per_household=5.0), roof_share=1.0)
    roofs = assessed(prepared, thermal)
    heat = roofs.groupby("building_id")["thermal_kwh"].sum()
    rows = prepared[1].set_index("building_id")
    most = pd.Series(thermal.demand(households(thermal, rows)).sum(axis=1), index=rows.index).reindex(heat.index)
    assert (heat <= most * (1.0 + 1e-9)).all()
    full = heat > 0.999 * most
    assert (full & (heat > 0)).sum() > 20


def test_an_open_roof_keeps_all_its_light(prepared: tuple[Model, gpd.GeoDataFrame, Surroundings]) -> None:
    """The light share of collectors stands on two sums that must be the same on a roof that nothing shades."""
    roofs = assessed(prepared, None)
    open_flat = roofs[(roofs["roof_tilt"] == 0.0) & (roofs["sky_view_factor"] > 0.9999)]
    sky = prepared[0].stations[0].sky
    flat = open_irradiation(sky, sky.orientations.blend(np.zeros(1), np.array([180.0]), BARE))[0]
    assert len(roofs) and (roofs.loc[roofs["roof_tilt"] == 0.0, "irradiation_kwh_m2"] <= flat * 1.0001).all()
    assert roofs.loc[roofs["roof_tilt"] == 0.0, "irradiation_kwh_m2"].max() == pytest.approx(flat, rel=0.02)
    assert (open_flat["irradiation_kwh_m2"] > 0.99 * flat).all()


def test_the_substitution_target_counts_collectors() -> None:
    """
    H1 and H2 could give 10,000 kWh each = 72 GJ together; 20 GJ stand already by the form. Technical gains 72 - 20 = 52 GJ, built nothing;
    with 80 GJ built the roofs give nothing more.
    """
    plain = row(judge(JINAN, ten(), as_of=AS_OF, form=filled(**HEAT)), "building_substitution")
    homes = ten()
    homes["thermal_kwh"] = np.where(homes["use"] == "urban_residential", 10_000.0, 0.0)
    found = row(judge(JINAN, homes, as_of=AS_OF, form=filled(**HEAT)), "building_substitution")
    total = 57.2714 + 1000 / 29.3076
    assert found["built"] == plain["built"]
    assert found["technical_solar_thermal_gj"] == pytest.approx(72.0)
    assert found["technical"] - plain["technical"] == pytest.approx(52.0 / 29.3076 / total, rel=1e-6)
    full = filled(**{**HEAT, "solar_thermal_gj": 80.0})
    assert row(judge(JINAN, homes, as_of=AS_OF, form=full), "building_substitution")["technical"] == pytest.approx(
        row(judge(JINAN, ten(), as_of=AS_OF, form=full), "building_substitution")["technical"]
    )


def test_collectors_of_the_roadmap_are_planned() -> None:
    """The roadmap builds H1 in time: 20,000 kWh of PV at 0.1229 kg and 36 of the 52 GJ that the roofs can add to the 20 GJ of the form."""
    homes = ten().assign(roadmap_year=np.where(ten()["building_id"] == "H1", 2025, 0))
    homes["thermal_kwh"] = np.where(homes["use"] == "urban_residential", 10_000.0, 0.0)
    found = row(judge(JINAN, homes, as_of=date(2025, 6, 1), form=filled(**HEAT)), "building_substitution")
    total = 57.2714 + 1000 / 29.3076
    assert found["planned"] - found["built"] == pytest.approx((2.458 + 36 / 29.3076) / total, rel=1e-6)
    # 60 GJ stand already: of the 72 that the roofs can give 12 are left
    most = row(judge(JINAN, homes, as_of=date(2025, 6, 1), form=filled(**{**HEAT, "solar_thermal_gj": 60.0})), "building_substitution")
    assert most["planned"] - most["built"] == pytest.approx((2.458 + 12 / 29.3076) / total, rel=1e-6)


def test_wrong_numbers_are_told() -> None:
    with pytest.raises(SolarError, match=r"did you mean 'collector\.eta0'"):
        load_thermal(overrides={"collector": {"eta": 0.7}})
    with pytest.raises(SolarError, match="expected 0 to 1"):
        load_thermal(overrides={"collector": {"eta0": 72.0}})
    with pytest.raises(SolarError, match="expected hot water to be warmer"):
        load_thermal(overrides={"water": {"hot": 10.0}})


def test_the_study_says_how_many(county: Path, tmp_path: Path) -> None:
    text = (county / "study.toml").read_text(encoding="utf-8")
    file = tmp_path / "study.toml"
    file.write_text(text + "\n[roofs.thermal]\nlitres_per_household = 100\n", encoding="utf-8")
    assert load_study(file).roofs.thermal is not None
    file.write_text(text + "\n[roofs.thermal]\n", encoding="utf-8")
    with pytest.raises(StudyError, match="give m2_per_household"):
        load_study(file)
