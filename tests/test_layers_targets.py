"""Ten buildings in two areas, followed with a pocket calculator, and the laws of judging."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.closing import gap_words, split_words
from layers.coverage import closing_list, coverage_reach
from layers.errors import LayersError
from layers.evaluation import by_unit, evaluation_lines
from layers.form_values import FormValues, blank_form
from layers.missing import missing_text
from layers.policy import load_policy
from layers.targets import judge, needed_columns, with_plan
from layers.verdict import Baseline, decide, line_value
from solar.uncertainty import load_uncertainties

AS_OF = date(2026, 11, 23)
JINAN = load_policy("jinan-2023-36")
AREAS = ("甲区", "乙县")

# Ten buildings. New public institutions and factories: F1 and S1 in 甲区 (1,000 + 500 m²), F2 in 乙县 (500 m²).
#   id    use                  area   urban  new    footprint floors' area installed covered pdc0  pac0  energy
TEN = (
    ("F1", "factory", "甲区", True, True, 1000.0, 1000.0, 45.0, 400.0, 90.0, 75.0, 90_000.0),
    ("F2", "factory", "乙县", False, True, 500.0, 500.0, 0.0, 300.0, 60.0, 50.0, 60_000.0),
    ("F3", "factory", "甲区", True, False, 2000.0, 2000.0, 0.0, 1000.0, 200.0, 160.0, 200_000.0),
    ("F4", "factory", "甲区", True, None, 500.0, 500.0, 0.0, 200.0, 40.0, 32.0, 40_000.0),
    ("S1", "public_institution", "甲区", True, True, 500.0, 2000.0, 90.0, 100.0, 20.0, 16.0, 20_000.0),
    ("H1", "urban_residential", "甲区", True, False, 400.0, 4000.0, 0.0, 100.0, 20.0, 16.0, 20_000.0),
    ("H2", "urban_residential", "甲区", True, True, 400.0, 4000.0, 0.0, 100.0, 20.0, 16.0, 20_000.0),
    ("C1", "commercial", "乙县", True, False, 600.0, 1000.0, 10.0, 200.0, 40.0, 32.0, 40_000.0),
    ("R1", "rural_residential", "乙县", False, False, 100.0, 100.0, 0.0, 50.0, 10.0, 8.0, 10_000.0),
    ("X1", "factory", "乙县", False, True, 900.0, 900.0, None, 0.0, 0.0, 0.0, 0.0),  # a duplicate: it has no roofs
)


def ten() -> pd.DataFrame:
    names = ["building_id", "use", "responsible_area", "is_urban", "is_new", "footprint_area_m2", "floor_area_m2", "installed_kwp"]
    frame = pd.DataFrame(TEN, columns=[*names, "covered_area_m2", "pdc0_kwp", "pac0_kw", "energy_kwh"])
    frame["is_urban"] = frame["is_urban"].astype("boolean")
    frame["is_new"] = frame["is_new"].astype("boolean")
    frame["status"] = np.where(frame["building_id"] == "X1", "duplicate", "assessed")
    frame["use_detail"] = pd.Series([None] * len(frame), dtype="object")
    return frame


def filled(**cells: object) -> FormValues:
    """A form with entries written as name=value for the whole, or name=(甲区, 乙县)."""
    form = blank_form(AREAS)
    values = {}
    for name, value in cells.items():
        pairs = zip(AREAS, value, strict=True) if isinstance(value, tuple) else [(None, value)]
        values |= {(area, name): entry for area, entry in pairs}
    return FormValues(form.areas, values, form.rows, form.sheet)


def row(rows: list[dict], target: str, region: str | None = None) -> dict:
    found = [item for item in rows if item["id"] == target and item["region"] == region]
    assert len(found) == 1
    return found[0]


def hold_contract(rows: list[dict]) -> None:
    json.dumps(rows, allow_nan=False)
    for item in rows:
        if item["verdict"] == "cannot_judge":
            assert item["missing"], item["id"]
        elif item["required"] is not None:
            assert item["gap"] >= 0
            assert (item["verdict"] == "met") == (item["built"] >= item["required"])


def test_without_the_form_capacity_is_not_judged_and_the_cell_is_named() -> None:
    rows = judge(JINAN, ten(), as_of=AS_OF, areas=AREAS)
    hold_contract(rows)
    whole = row(rows, "pv_capacity")
    assert (whole["verdict"], whole["built"], whole["gap"], whole["required"]) == ("cannot_judge", None, None, 5000.0)
    assert whole["missing"][0]["cell"] == "责任区域!B3"
    # 75 + 50 + 160 + 32 + 16 + 16 + 16 + 32 + 8 = 405 kW AC; 90+60+200+40+20+20+20+40+10 = 500 kWp
    assert whole["roofs_technical"] == pytest.approx(0.405, rel=1e-12)
    assert whole["roofs_technical_dc"] == pytest.approx(0.5, rel=1e-12)
    assert row(rows, "pv_capacity", "乙县")["required"] is None
    assert "测算分解建议" in row(rows, "pv_capacity", "乙县")["note_zh"]
    # 乙县 has 50 + 32 + 8 = 90 of 405 kW.
    assert row(rows, "pv_capacity", "乙县")["proposed_required"] == pytest.approx(5000 * 90 / 405)


def test_capacity_with_existing_and_committed() -> None:
    form = filled(
        existing_ac_mw=(3000.0, 1000.0),
        committed_roof_ac_mw=0.4,
        committed_roof_year=2027,
        committed_other_ac_mw=999.7,
        committed_other_year=2029,
    )
    whole = row(judge(JINAN, ten(), as_of=AS_OF, form=form), "pv_capacity")
    assert (whole["built"], whole["planned"], whole["gap"], whole["verdict"]) == (4000.0, pytest.approx(5000.1), 0.0, "on_track")
    assert whole["technical"] == pytest.approx(4000 + 999.7 + 0.405)
    assert whole["roofs_needed"] == pytest.approx(0.3)
    late = filled(existing_ac_mw=4000.0, committed_roof_ac_mw=0.0, committed_other_ac_mw=1000.0, committed_other_year=2031)
    whole = row(judge(JINAN, ten(), as_of=AS_OF, form=late), "pv_capacity")
    assert (whole["planned"], whole["gap"], whole["verdict"]) == (4000.0, 1000.0, "short")
    # The day after the deadline what is only committed no longer counts.
    whole = row(judge(JINAN, ten(), as_of=date(2031, 1, 1), form=form), "pv_capacity")
    assert (whole["planned"], whole["gap"], whole["verdict"]) == (4000.0, 1000.0, "short")


def test_capacity_from_the_study_file_and_a_base_year() -> None:
    rows = judge(JINAN, ten(), as_of=AS_OF, areas=AREAS, existing_mw=5200.0)
    assert row(rows, "pv_capacity")["verdict"] == "met"
    form = filled(base_year=2020, base_ac_mw=1000.0)
    rows = judge(JINAN, ten(), as_of=date(2025, 12, 31), form=form, existing_mw=3000.0)
    assert row(rows, "pv_capacity")["verdict"] == "on_track"
    rows = judge(JINAN, ten(), as_of=date(2025, 12, 31), form=form, existing_mw=2999.0)
    assert row(rows, "pv_capacity")["verdict"] == "short"
    with pytest.raises(LayersError, match="责任区域!B3"):
        judge(JINAN, ten(), as_of=AS_OF, form=filled(existing_ac_mw=1.0), existing_mw=2.0)


def test_allocated_share_is_required_of_the_area() -> None:
    form = filled(existing_ac_mw=(3000.0, 1000.0), allocated_pv_mw=(3500.0, 900.0))
    rows = judge(JINAN, ten(), as_of=date(2031, 1, 1), form=form)
    assert (row(rows, "pv_capacity", "甲区")["verdict"], row(rows, "pv_capacity", "甲区")["gap"]) == ("short", 500.0)
    assert row(rows, "pv_capacity", "乙县")["verdict"] == "met"


def test_a_study_smaller_than_the_city_is_held_against_its_share() -> None:
    # Built 0.1, the city gave this county 0.3 of its 5,000 MW; roofs 0.405 MW of 0.5 MWp. Lacking 0.2 MW AC.
    form = filled(existing_ac_mw=0.1, committed_other_ac_mw=0.0, committed_roof_ac_mw=0.0, allocated_pv_mw=0.3, storage_mw=1.0)
    frame = ten().assign(lcoe_cny_kwh=[0.27, 0.28, 0.26, 0.30, 0.31, 0.33, 0.34, 0.29, 0.32, np.nan])
    rows = judge(JINAN, frame, as_of=AS_OF, form=form)
    whole = row(rows, "pv_capacity")
    assert (whole["required"], whole["verdict"], whole["gap"]) == (0.3, "short", pytest.approx(0.2))
    assert whole["gap_kwp"] == pytest.approx(200 * 500 / 405)
    assert whole["gap_m2"] == pytest.approx(200 * 2450 / 405)
    assert whole["gap_roofs"] == 2  # F3 160 kW and F1 75 kW
    assert "填报的分解值（责任区域!Z3）" in whole["note_zh"] and "Z3" in whole["note_en"]
    assert row(rows, "pv_capacity", "甲区")["required"] is None
    # what is proposed to the areas is the county's 0.3 MW by their roofs, 315 and 90 kW
    assert [row(rows, "pv_capacity", area)["proposed_required"] for area in AREAS] == pytest.approx([0.3 * 315 / 405, 0.3 * 90 / 405])
    assert row(rows, "storage")["required"] == 1500.0
    assert "责任区域!AA3" in row(rows, "storage")["note_zh"]
    # the same plan without the share: far more than all roofs
    city = row(judge(JINAN, frame, as_of=AS_OF, form=filled(existing_ac_mw=0.1, committed_other_ac_mw=0.0)), "pv_capacity")
    assert (city["required"], city["gap"], city["verdict"]) == (5000.0, None, "cannot_judge")


def test_a_part_of_the_city_is_told_that_the_target_is_not_its_own() -> None:
    given_form = filled(existing_ac_mw=0.1, committed_other_ac_mw=0.0)
    county = row(judge(JINAN, ten(), as_of=AS_OF, form=given_form, study_km2=327.0), "pv_capacity")
    assert county["doubts_zh"][0].startswith("研究范围 327 km² 只占 10,244 km² 的 3%：500万千瓦是全市目标")
    assert "责任区域!Z3" in county["note_zh"] and "3 % of 10,244 km²" in county["doubts_en"][0]
    for more in ({"study_km2": 10_000.0}, {"study_km2": None}):
        assert row(judge(JINAN, ten(), as_of=AS_OF, form=given_form, **more), "pv_capacity")["doubts_zh"] == []
    shared = filled(existing_ac_mw=0.1, committed_other_ac_mw=0.0, allocated_pv_mw=0.3)
    assert row(judge(JINAN, ten(), as_of=AS_OF, form=shared, study_km2=327.0), "pv_capacity")["doubts_zh"] == []
    # shares of roofs and of energy are asked of every part alike
    assert "doubts_zh" not in row(judge(JINAN, ten(), as_of=AS_OF, form=shared, study_km2=327.0), "new_roof_coverage")


def test_what_is_planned_of_the_whole_is_the_sum_of_its_areas() -> None:
    # 甲区 commits 0.2 MW on roofs where the roadmap builds F1 (0.075); 乙县 commits 0.01 where it builds F2 (0.05)
    years = ten()["building_id"].map({"F1": 2027, "F2": 2028}).fillna(0).astype(int)
    form = filled(
        existing_ac_mw=(1.0, 2.0), committed_roof_ac_mw=(0.2, 0.01), committed_roof_year=(2028, 2028), committed_other_ac_mw=(0.5, 0.0),
        committed_other_year=(2029, 2029),
    )  # fmt: skip
    rows = judge(JINAN, ten().assign(roadmap_year=years), as_of=AS_OF, form=form)
    planned = [row(rows, "pv_capacity", region)["planned"] for region in (None, *AREAS)]
    assert planned == pytest.approx([3.75, 1.7, 2.05])


def test_what_the_roadmap_builds_closes_no_gap_twice() -> None:
    # Coverage by 2030: built 600 of 2,000 m2, the roadmap covers 300 with F2; 100 m2 lack to a half, and F1 is left to close it.
    later = replace(JINAN, targets=tuple(replace(t, deadline=date(2030, 12, 31)) for t in JINAN.targets if t.method == "roof_coverage"))
    years = ten()["building_id"].map({"F2": 2028}).fillna(0).astype(int)
    frame = ten().assign(roadmap_year=years, lcoe_cny_kwh=ten()["building_id"].map({"F2": 0.1, "F1": 0.2}).fillna(0.3))
    found = row(judge(later, frame, as_of=AS_OF, areas=AREAS), "new_roof_coverage")
    assert (found["planned"], found["gap_roofs"]) == (pytest.approx(0.45), 1)
    assert found["gap_m2"] == pytest.approx(100.0)
    assert found["gap_kwp"] == pytest.approx(100 * 110 / 500)  # F1 and S1
    listed = closing_list(with_plan(frame, later.targets[0]), later.targets[0].scope, found["gap_m2"])
    assert listed["building_id"].tolist() == ["F1"]


def test_coverage_by_hand() -> None:
    rows = judge(JINAN, ten(), as_of=AS_OF, areas=AREAS)
    whole = row(rows, "new_roof_coverage")
    # Scope: F1, F2, S1 = 2,000 m². H2 is new but a dwelling, F4 of unknown year, X1 a duplicate.
    # Built: 45 / 0.225 = 200 m² and 90 / 0.225 = 400 m² -> 600 / 2,000. Modules could add 400 + 300 + 100 -> 1,400 / 2,000.
    assert whole["scope_area_m2"] == 2000.0
    assert whole["built"] == pytest.approx(0.3, rel=1e-12)
    assert whole["technical"] == pytest.approx(0.7, rel=1e-12)
    assert whole["gap"] == pytest.approx(0.2, rel=1e-12)
    assert whole["verdict"] == "short"
    assert whole["gap_m2"] == pytest.approx(400.0)
    # 170 kWp on 800 m² in scope; F1 alone covers 400 m².
    assert whole["gap_kwp"] == pytest.approx(400 * 170 / 800)
    assert whole["gap_roofs"] == 1
    assert whole["unknown_share"] == pytest.approx(500 / 2500)
    assert row(rows, "new_roof_coverage", "甲区")["built"] == pytest.approx(600 / 1500)
    assert row(rows, "new_roof_coverage", "乙县")["built"] == 0.0


def test_coverage_uses_the_densest_mount_for_the_technical_maximum() -> None:
    frame = ten()
    frame["covered_densest_m2"] = frame["covered_area_m2"] * 1.25
    whole = row(judge(JINAN, frame, as_of=AS_OF, areas=AREAS), "new_roof_coverage")
    assert whole["technical"] == pytest.approx((600 + 1.25 * 800) / 2000)
    assert whole["technical_chosen_mount"] == pytest.approx(0.7)


def test_roofs_short_of_the_share_say_whether_another_mount_reaches_it() -> None:
    """Of each building: its listed PV at the target's density and what its modules cover, against half of its footprint."""
    frame = ten()
    inside = frame["is_new"].fillna(False) & frame["use"].isin(["factory", "public_institution"])
    frame["installed_kwp"] = 0.0
    frame["covered_area_m2"], frame["covered_densest_m2"] = 0.1 * frame["footprint_area_m2"], 0.4 * frame["footprint_area_m2"]
    first, second, *_ = frame.index[inside]
    frame.loc[first, ["covered_area_m2", "covered_densest_m2"]] = 0.6 * frame.loc[first, "footprint_area_m2"]
    frame.loc[second, "covered_densest_m2"] = 0.5 * frame.loc[second, "footprint_area_m2"]
    whole = row(judge(JINAN, frame, as_of=AS_OF, areas=AREAS), "new_roof_coverage")
    assert whole["scope_reach_chosen_mount"] == 1
    assert whole["scope_reach_other_mount"] == 1
    assert whole["scope_reach_no_mount"] == whole["scope_buildings"] - 2
    reach = coverage_reach(frame, JINAN)
    assert (reach[first], reach[second]) == ("chosen", "other_mount")
    assert reach[~inside].isna().all() and (reach == "no_mount").sum() == whole["scope_reach_no_mount"]
    assert "改用最密安装方式另有 1 栋可达" in whole["note_zh"] and "1 more with the densest mount" in whole["note_en"]
    assert coverage_reach(frame, None).isna().all()


def test_unlisted_pv_is_unknown_not_none() -> None:
    frame = ten()
    frame.loc[frame["building_id"] == "F2", "installed_kwp"] = np.nan
    whole = row(judge(JINAN, frame, as_of=AS_OF, areas=AREAS), "new_roof_coverage")
    # F2 may be full: 600 + 500 of 2,000 m² lies above a half, so nothing is settled.
    assert (whole["verdict"], whole["built"], whole["built_at_least"]) == ("cannot_judge", None, pytest.approx(0.3))
    # one of the three is enough: MW of new roofs, that the survey is complete, or the PV of each building
    (only,) = whole["missing"]
    assert [only["cell"], *(item["cell"] for item in only["or"])] == ["责任区域!D3", "责任区域!E3", None]
    assert missing_text(only, "zh").count("或") >= 2 and "（责任区域!D3）或" in missing_text(only, "zh")
    assert "(form: D3) or " in missing_text(only, "en")  # the sheet has a Chinese name in no English text
    assert row(judge(JINAN, frame, as_of=AS_OF, form=filled(survey_complete=True)), "new_roof_coverage")["verdict"] == "short"
    # 225 kWp given by hand are 1,000 m² of 2,000.
    assert row(judge(JINAN, frame, as_of=AS_OF, form=filled(built_new_dc_mw=0.225)), "new_roof_coverage")["verdict"] == "met"


def test_coverage_without_new_roofs_is_not_judged() -> None:
    frame = ten()
    frame["is_new"] = pd.array([pd.NA] * len(frame), dtype="boolean")
    whole = row(judge(JINAN, frame, as_of=AS_OF, areas=AREAS), "new_roof_coverage")
    assert whole["verdict"] == "cannot_judge"
    assert "year_built" in whole["missing"][0]["input"]


HEAT = {"heating_gj": 1000.0, "solar_thermal_gj": 20.0, "heat_pump_gj": 0.0, "biomass_gj": 0.0}


def test_substitution_by_hand() -> None:
    form = filled(**HEAT)
    whole = row(judge(JINAN, ten(), as_of=AS_OF, form=form), "building_substitution")
    # Urban civil: S1, H1, H2, C1. PV: 90 kWp × 1,000 + 10 kWp × 1,000 = 100,000 kWh = 12.29 tce; solar thermal 20 / 29.3076.
    # Use: S1 2,000 × 55, H1 and H2 4,000 × 27 each, C1 1,000 × 140 = 466,000 kWh = 57.2714 tce; heating 1,000 / 29.3076.
    pv, heat, use, heating = 12.29, 20 / 29.3076, 57.2714, 1000 / 29.3076
    assert whole["scope_buildings"] == 4
    assert whole["built"] == pytest.approx((pv + heat) / (use + heating), rel=1e-9)
    assert whole["verdict"] == "met"
    # 等价值: 0.302 instead of 0.1229 on electricity in both parts.
    assert whole["built_equivalent_value"] == pytest.approx((30.2 + heat) / (466 * 0.302 + heating), rel=1e-9)
    # Roofs of the four: 100,000 kWh more.
    assert whole["technical"] == pytest.approx((2 * pv + heat) / (use + heating), rel=1e-9)


def test_both_conventions_and_the_parts_of_the_numerator_are_told() -> None:
    # 1,000 MWh and 1,000 GJ of heating: 122.9 + 34.121 tce; PV 60 MWh 7.374, collectors 293.076 GJ are 10 tce: 11.07 %
    form = filled(
        heating_gj=1000.0, building_electricity_mwh=1000.0, building_fuel_gj=0.0, urban_pv_mwh=60.0, solar_thermal_gj=293.076,
        heat_pump_gj=0.0, biomass_gj=0.0,
    )  # fmt: skip
    found = row(judge(JINAN, ten(), as_of=AS_OF, form=form), "building_substitution")
    # by equivalent value 302 + 34.121 and 18.12 + 10
    assert "按当量值 11.06%，按等价值 8.37%" in found["note_zh"]
    assert "光伏 7.4、光热 10.0、热泵可再生部分 0.0、生物质 0.0 tce，分母 157.0 tce" in found["note_zh"]
    assert "solar thermal 10.0" in found["note_en"] and "8.37 % by equivalent value" in found["note_en"]
    assert found["built"] == pytest.approx(17.374 / 157.021, rel=1e-4)
    half = row(judge(JINAN, ten(), as_of=AS_OF, form=filled(heating_gj=1000.0)), "building_substitution")
    assert "光热 不明" in half["note_zh"] and "without what is unknown" in half["note_en"]


def test_substitution_needs_heating() -> None:
    form = filled(**{**HEAT, "heating_gj": None})
    whole = row(judge(JINAN, ten(), as_of=AS_OF, form=form), "building_substitution")
    assert (whole["verdict"], whole["built"]) == ("cannot_judge", None)
    assert [item["cell"] for item in whole["missing"]] == [form.cell(None, "heating_gj")]


def test_waste_heat_and_factories_never_count() -> None:
    plain = row(judge(JINAN, ten(), as_of=AS_OF, form=filled(**HEAT)), "building_substitution")
    wasted = row(judge(JINAN, ten(), as_of=AS_OF, form=filled(**HEAT, waste_heat_gj=1e6)), "building_substitution")
    assert wasted["built"] == plain["built"]
    frame = ten()
    frame.loc[frame["use"] == "factory", ["installed_kwp", "energy_kwh", "floor_area_m2"]] = [1e5, 1e8, 1e6]
    # Only the yield of full roofs could pass through; every building here has its own.
    assert row(judge(JINAN, frame, as_of=AS_OF, form=filled(**HEAT)), "building_substitution")["built"] == plain["built"]


def test_an_unknown_renewable_can_still_reach_the_target() -> None:
    frame = ten()
    frame["installed_kwp"] = 0.0
    form = filled(**{**HEAT, "biomass_gj": None})
    whole = row(judge(JINAN, frame, as_of=AS_OF, form=form), "building_substitution")
    assert (whole["verdict"], whole["missing"][0]["cell"]) == ("cannot_judge", form.cell(None, "biomass_gj"))
    assert row(judge(JINAN, frame, as_of=AS_OF, form=filled(**HEAT)), "building_substitution")["verdict"] == "short"


def test_metered_totals_replace_the_estimate() -> None:
    form = filled(**HEAT, building_electricity_mwh=400.0, building_fuel_gj=500.0, urban_pv_mwh=50.0)
    whole = row(judge(JINAN, ten(), as_of=AS_OF, form=form), "building_substitution")
    assert whole["built"] == pytest.approx((50 * 0.1229 + 20 / 29.3076) / (400 * 0.1229 + 1500 / 29.3076), rel=1e-9)


def test_without_an_urban_boundary_substitution_is_not_judged() -> None:
    frame = ten()
    frame["is_urban"] = pd.array([pd.NA] * len(frame), dtype="boolean")
    whole = row(judge(JINAN, frame, as_of=AS_OF, form=filled(**HEAT)), "building_substitution")
    assert whole["verdict"] == "cannot_judge"
    assert "城镇边界" in whole["missing"][0]["input"]


def test_storage_comes_from_the_form_only() -> None:
    rows = judge(JINAN, ten(), as_of=AS_OF, form=filled(storage_mw=650.0, storage_committed_mw=900.0))
    storage = row(rows, "storage")
    assert (storage["built"], storage["planned"], storage["verdict"], storage["technical"]) == (650.0, 1550.0, "on_track", None)
    assert row(rows, "demand_response")["verdict"] == "cannot_judge"
    for name in ("nonfossil_share", "nonfossil_share_2025"):
        assert row(rows, name)["verdict"] == "cannot_judge"
        assert row(rows, name)["roofs_technical_gwh"] == pytest.approx(0.5)
    hold_contract(rows)


def test_installable_share_of_the_pilot() -> None:
    frame = ten()
    frame["area_m2"] = frame["footprint_area_m2"]
    frame["usable_area_m2"] = frame["footprint_area_m2"] * 0.25
    frame["existing_area_m2"] = 0.0
    frame["use_detail"] = frame["use"].map({"public_institution": "学校"})
    pilot = load_policy("nea-2021-pilot")
    rows = judge(pilot, frame, as_of=AS_OF, areas=AREAS)
    hold_contract(rows)
    assert row(rows, "installable_rural")["verdict"] == "met"
    assert row(rows, "installable_public")["gap"] == pytest.approx(0.15)
    # 500 m2 of schools lack 75 m2; 20 kWp on 125 usable m2
    assert (row(rows, "installable_public")["gap_m2"], row(rows, "installable_public")["gap_kwp"]) == pytest.approx((75.0, 12.0))
    assert row(rows, "installable_public")["installed_share"] == 0.0
    assert row(rows, "installable_industrial_commercial")["verdict"] == "short"
    assert row(rows, "installable_party_government")["verdict"] == "cannot_judge"
    assert set(needed_columns(pilot)) > set(needed_columns(JINAN))


# 5 GW stands in the plan, that it counts AC does not; demand response is judged as the plan says it.
@pytest.mark.parametrize("verified", [("pv_capacity", False), ("demand_response", True), ("building_substitution", False)])
def test_verified_marks(verified: tuple[str, bool]) -> None:
    whole = row(judge(JINAN, ten(), as_of=AS_OF, areas=AREAS), verified[0])
    assert whole["verified"] is verified[1]
    assert whole["value_verified"] is True


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(10)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    form = filled(**HEAT, existing_ac_mw=1234.5)
    assert judge(JINAN, ten().iloc[order], as_of=AS_OF, form=form) == judge(JINAN, ten(), as_of=AS_OF, form=form)


@settings(max_examples=15, deadline=None)
@given(extra=st.floats(0.0, 500.0), built=st.floats(0.0, 6000.0))
def test_more_roofs_or_more_built_never_hurt(extra: float, built: float) -> None:
    frame = ten()
    before = judge(JINAN, frame, as_of=AS_OF, areas=AREAS, existing_mw=built)
    frame.loc[0, ["covered_area_m2", "pdc0_kwp", "pac0_kw", "energy_kwh"]] += [extra, extra, extra, extra]
    after = judge(JINAN, frame, as_of=AS_OF, areas=AREAS, existing_mw=built)
    for old, new in zip(before, after, strict=True):
        if old["technical"] is not None:
            assert new["technical"] >= old["technical"]
    hold_contract(before)


@given(
    required=st.floats(0, 100),
    stricter=st.floats(0, 50),
    built=st.floats(0, 100),
    planned=st.floats(0, 50),
    day=st.dates(date(2020, 1, 1), date(2035, 1, 1)),
)
def test_a_stricter_target_is_never_easier(required: float, stricter: float, built: float, planned: float, day: date) -> None:
    rank = {"short": 0, "on_track": 1, "met": 2}
    loose, strict = (
        decide(required=ask, built_low=built, built_high=built, planned=built + planned, as_of=day, deadline=date(2030, 12, 31))
        for ask in (required, required + stricter)
    )
    assert rank[strict] <= rank[loose]


END = date(2030, 12, 31)


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        ({"required": None, "built_low": 5.0, "built_high": 5.0, "planned": 5.0, "as_of": AS_OF}, "cannot_judge"),
        ({"required": 10.0, "built_low": None, "built_high": None, "planned": None, "as_of": AS_OF}, "cannot_judge"),
        ({"required": 10.0, "built_low": 10.0, "built_high": None, "planned": None, "as_of": AS_OF}, "met"),
        ({"required": 10.0, "built_low": 10.0, "built_high": 10.0, "planned": None, "as_of": END}, "met"),
        ({"required": 10.0, "built_low": 9.0, "built_high": 9.0, "planned": 12.0, "as_of": END}, "short"),
        ({"required": 10.0, "built_low": 9.0, "built_high": 11.0, "planned": 12.0, "as_of": END}, "cannot_judge"),
        ({"required": 10.0, "built_low": 9.0, "built_high": None, "planned": 12.0, "as_of": END}, "cannot_judge"),
        ({"required": 10.0, "built_low": 9.0, "built_high": 9.5, "planned": 12.0, "as_of": END}, "short"),
        ({"required": 10.0, "built_low": 9.0, "built_high": 9.0, "planned": 10.0, "as_of": AS_OF}, "on_track"),
        ({"required": 10.0, "built_low": 9.0, "built_high": 9.0, "planned": 9.9, "as_of": AS_OF}, "short"),
        ({"required": 10.0, "built_low": 9.0, "built_high": 9.0, "planned": None, "as_of": AS_OF}, "cannot_judge"),
        (
            {"required": 10.0, "built_low": 9.0, "built_high": 9.0, "planned": None, "as_of": AS_OF, "baseline": Baseline(2020, 0.0)},
            "on_track",
        ),
        (
            {"required": 10.0, "built_low": 2.0, "built_high": 2.0, "planned": None, "as_of": AS_OF, "baseline": Baseline(2020, 0.0)},
            "short",
        ),
        ({"required": 10.0, "built_low": 2.0, "built_high": 9.0, "planned": 3.0, "as_of": AS_OF}, "cannot_judge"),
        ({"required": 10.0, "built_low": 2.0, "built_high": 3.0, "planned": 3.0, "as_of": AS_OF}, "short"),
        ({"required": 10.0, "built_low": 2.0, "built_high": None, "planned": 3.0, "as_of": AS_OF}, "cannot_judge"),
        ({"required": 0.5, "built_low": 0.4, "built_high": 0.4, "planned": 0.4, "as_of": AS_OF, "deadline": None}, "short"),
    ],
)
def test_every_branch_of_the_verdict(case: dict, verdict: str) -> None:
    assert decide(**{"deadline": END, **case}) == verdict


def test_the_line_between_two_years() -> None:
    base = Baseline(2020, 100.0)
    assert line_value(base, 200.0, date(2020, 1, 1), END) == 100.0
    assert line_value(base, 200.0, date(2022, 12, 31), END) == pytest.approx(120.0)
    assert line_value(base, 200.0, END, END) == 200.0
    assert line_value(Baseline(2030, 100.0), 200.0, AS_OF, END) == 200.0


def test_bad_tables_are_refused() -> None:
    with pytest.raises(LayersError, match="lacks pac0_kw"):
        judge(JINAN, ten().drop(columns="pac0_kw"), as_of=AS_OF)
    frame = ten()
    frame.loc[0, "energy_kwh"] = np.nan
    with pytest.raises(LayersError, match="energy_kwh"):
        judge(JINAN, frame, as_of=AS_OF)
    with pytest.raises(LayersError, match="乙县"):
        judge(JINAN, ten(), as_of=AS_OF, areas=["甲区"])
    with pytest.raises(LayersError, match="usable_area_m2"):
        judge(load_policy("nea-2021-pilot"), ten(), as_of=AS_OF)


def test_quotes_stand_in_the_plan() -> None:
    plan = Path(__file__).resolve().parents[2] / "shared" / "seed" / "jinan-carbon-peak-plan.txt"
    if not plan.exists():
        pytest.skip("the plan's text is not beside the checkout")
    text = plan.read_text(encoding="utf-8")
    for target in JINAN.targets:
        assert target.quote in text, target.id


@settings(max_examples=40)
@given(st.integers(0, 8), st.floats(0.0, 500.0), st.sampled_from(["factory", "commercial", "urban_residential"]))
def test_a_further_roof_never_lowers_the_potential(number: int, kwp: float, use: str) -> None:
    before = ten()
    extra = before.iloc[[number]].assign(
        building_id="NEW", use=use, is_new=False, pdc0_kwp=kwp, pac0_kw=0.8 * kwp, energy_kwh=1000.0 * kwp, covered_area_m2=5.0 * kwp,
        footprint_area_m2=5.0 * kwp + 1.0, installed_kwp=0.0,
    )  # fmt: skip
    given_form = filled(existing_ac_mw=100.0, committed_other_ac_mw=0.0, heating_gj=10.0)
    one, two = (judge(JINAN, frame, as_of=AS_OF, form=given_form) for frame in (before, pd.concat([before, extra], ignore_index=True)))
    for region in (None, *AREAS):
        low, high = row(one, "pv_capacity", region), row(two, "pv_capacity", region)
        assert high["roofs_technical"] >= low["roofs_technical"] - 1e-12
        assert high["roofs_technical_dc"] >= low["roofs_technical_dc"] - 1e-12
        if low["technical"] is not None:
            assert high["technical"] >= low["technical"] - 1e-9


@settings(max_examples=40)
@given(st.floats(1.0, 3.0), st.floats(0.0, 6000.0))
def test_a_stricter_policy_never_reports_a_smaller_gap(stricter: float, existing: float) -> None:
    hard = replace(JINAN, targets=tuple(replace(t, value=None if t.value is None else t.value * stricter) for t in JINAN.targets))
    form = filled(existing_ac_mw=existing, existing_dc_mw=existing, committed_other_ac_mw=0.0, built_new_dc_mw=0.1, storage_mw=100.0)
    for soft, strict in zip(judge(JINAN, ten(), as_of=AS_OF, form=form), judge(hard, ten(), as_of=AS_OF, form=form), strict=True):
        assert (soft["id"], soft["region"]) == (strict["id"], strict["region"])
        if soft["gap"] is not None and strict["gap"] is not None:  # what sufficed may leave open what else is committed
            assert strict["gap"] >= soft["gap"] - 1e-9
        if strict["verdict"] == "met":
            assert soft["verdict"] == "met"


def test_planned_beyond_what_roofs_can_carry_is_told() -> None:
    form = filled(
        existing_ac_mw=10.0, committed_roof_ac_mw=0.45, committed_roof_year=2027, committed_other_ac_mw=0.0, committed_other_year=2027
    )
    found = row(judge(JINAN, ten(), as_of=AS_OF, form=form), "pv_capacity")
    assert found["planned"] > found["technical"]
    assert found["planned_beyond_technical"]
    assert "超过技术可开发量" in found["note_zh"]
    assert not row(judge(JINAN, ten(), as_of=AS_OF, form=filled(existing_ac_mw=10.0)), "pv_capacity")["planned_beyond_technical"]


def test_committed_roofs_far_above_the_roofs_are_not_counted() -> None:
    # 5000 MW written for 5000 kW: the roofs carry 0.405 MW, so the target cannot be judged on it and the cell is named
    form = filled(
        existing_ac_mw=10.0, committed_roof_ac_mw=5000.0, committed_roof_year=2027, committed_other_ac_mw=0.0, committed_other_year=2027
    )
    found = row(judge(JINAN, ten(), as_of=AS_OF, form=form), "pv_capacity")
    assert (found["verdict"], found["planned"], found["committed_roof"]) == ("cannot_judge", None, 5000.0)
    assert "在建屋顶" in str(found["missing"])
    assert "5000.000 MW 远超屋顶技术可开发量 0.405 MW" in found["note_zh"]
    assert "5000.000 MW is far above the 0.405 MW" in found["note_en"]


def test_existing_pv_in_kw_is_asked_about() -> None:
    # all roofs carry 405 kW AC of 500 kWp DC, and 145 kWp stand: 0.405 × 645 / 500 = 0.52245 MW; 20 times that is 10.4 MW
    many = row(judge(JINAN, ten(), as_of=AS_OF, form=filled(existing_ac_mw=145.0, committed_other_ac_mw=0.0)), "pv_capacity")
    assert "145.000 MW 是全部屋顶可装容量 0.522 MW 的 278 倍" in many["doubts_zh"][0] and "应改为 0.145 MW" in many["note_zh"]
    assert "if kW were meant, write 0.145 MW" in many["doubts_en"][0]
    for plausible in (0.145, 10.4):
        few = row(judge(JINAN, ten(), as_of=AS_OF, form=filled(existing_ac_mw=plausible, committed_other_ac_mw=0.0)), "pv_capacity")
        assert few["doubts_zh"] == few["doubts_en"] == []


def test_p90_of_the_whole_is_not_the_sum_of_the_roofs() -> None:
    # buildings as uncertain as 20 %: of many of them only what they share stays
    buildings = ten().assign(energy_p90_kwh=ten()["energy_kwh"] * (1 - 1.2816 * 0.2))
    base = row(judge(JINAN, buildings, as_of=AS_OF), "pv_capacity")["sensitivity"][0]
    shared = sum(u.sigma**2 for u in load_uncertainties() if u.shared)
    energy = ten()["energy_kwh"].dropna()
    alike = float((energy**2).sum() / energy.sum() ** 2)  # one over the number of buildings, were they of one size
    share = 1.0 - 1.2816 * (shared + (0.04 - shared) * alike) ** 0.5
    assert base["energy_p90_gwh"] / base["energy_gwh"] == pytest.approx(share, rel=1e-4)


def test_sensitivity_of_the_roofs_part() -> None:
    form = filled(existing_ac_mw=4999.9, committed_other_ac_mw=0.0)
    # no more unsure than what all roofs share, so that the sum is as unsure
    shared = 1.0 - 1.2815515655 * sum(u.sigma**2 for u in load_uncertainties() if u.shared) ** 0.5
    found = row(judge(JINAN, ten().assign(energy_p90_kwh=ten()["energy_kwh"] * shared), as_of=AS_OF, form=form), "pv_capacity")
    cases = {item["case"]: item for item in found["sensitivity"]}
    # the roofs carry 405 kW, 100 kW are needed; with a fifth less usable area 324 kW
    assert cases["base"]["needed_share"] == pytest.approx(0.1 / 0.405)
    assert cases["usable_area_minus_20"]["needed_share"] == pytest.approx(0.1 / 0.324)
    assert cases["base"]["energy_p90_gwh"] == pytest.approx(shared * cases["base"]["energy_gwh"])
    assert cases["usable_area_p90"]["roofs_mw"] == pytest.approx(0.936 * 0.405)


def test_an_area_without_a_share_is_told_the_proposal_under_its_label() -> None:
    form = filled(existing_ac_mw=0.1, committed_other_ac_mw=0.0, committed_roof_ac_mw=0.0, allocated_pv_mw=0.3)
    rows = judge(JINAN, ten(), as_of=AS_OF, form=form)
    # 0.3 MW by the roofs: 315 of 405 kW
    assert split_words(row(rows, "pv_capacity", "甲区"), "zh") == "测算分解建议 0.2 MW，不是方案目标"
    assert split_words(row(rows, "pv_capacity", "甲区"), "en") == "proposed split 0.2 MW, not a target"
    assert split_words(row(rows, "pv_capacity"), "zh") == ""
    line = next(line for line in evaluation_lines(rows, "zh") if (line.region, line.clause) == ("甲区", "三(一)2"))
    assert "测算分解建议 0.2 MW，不是方案目标" in line.next_step
    whole = next(line for line in evaluation_lines(rows, "zh") if line.region is None)
    assert "补足差距 0.2 MW；差距折合直流 247 kWp、组件水平投影 1,210 m²，按度电成本由低到高约" in whole.next_step


def test_an_area_without_buildings_in_the_data_has_no_zero() -> None:
    # 丙区 is an area of the city, but the footprints stop before it: neither its potential nor any split of the target is known
    rows = judge(JINAN, ten(), as_of=AS_OF, areas=(*AREAS, "丙区"), existing_mw=100.0)
    unseen = row(rows, "pv_capacity", "丙区")
    assert (unseen["technical"], unseen["roofs_technical"], unseen["sensitivity"]) == (None, None, [])
    assert "没有建筑数据" in unseen["note_zh"] and "no building of this area" in unseen["note_en"]
    assert not any("proposed_required" in found for found in rows)
    assert "丙区 没有建筑数据，不作测算分解建议" in row(rows, "pv_capacity", "甲区")["note_zh"]
    assert row(rows, "pv_capacity")["roofs_technical"] == pytest.approx(0.405)


def test_a_split_that_roofs_cannot_carry_says_so() -> None:
    found = row(judge(JINAN, ten(), as_of=AS_OF, areas=AREAS), "pv_capacity", "甲区")  # 5,000 MW on roofs of 0.3 MW
    assert split_words(found, "zh") == "测算分解建议 3,888.9 MW，不是方案目标，屋顶可新增 0.3 MW"
    assert "其余须由已建和其他光伏承担" in found["note_zh"]


def test_gaps_in_words() -> None:
    row = {"gap_kwp": 100.0, "gap_m2": 500.0, "gap_roofs": 3, "verdict": "short"}
    assert gap_words(row, "en") == "the gap is 100 kWp DC, 500 m² of modules in plan, about 3 buildings, cheapest first"
    assert "其余屋顶全部建成也不能补足" in gap_words({**row, "gap_roofs": None}, "zh")
    assert gap_words({**row, "verdict": "cannot_judge"}, "zh").startswith("差距至多折合")  # more may be built than is known
    assert gap_words({**row, "installed_share": 0.0}, "zh") == "差距折合可利用屋面 500 m²（直流 100 kWp）"
    assert gap_words({"verdict": "met", "gap_kwp": 0.0, "gap_m2": 0.0, "gap_roofs": 0}, "zh") == ""


def test_the_pilot_is_evaluated_by_area_and_class_though_it_names_no_unit() -> None:
    frame = ten().assign(area_m2=ten()["footprint_area_m2"], usable_area_m2=ten()["footprint_area_m2"] * 0.25, existing_area_m2=0.0)
    rows = judge(load_policy("nea-2021-pilot"), frame, as_of=AS_OF, areas=AREAS)
    assert len(evaluation_lines(rows, "zh")) == 4 * 3
    assert by_unit(rows, "zh") == []
    assert all(line.task.endswith("†") for line in evaluation_lines(rows, "en"))
    assert not any(line.clause == "二" for line in evaluation_lines(judge(JINAN, ten(), as_of=AS_OF, areas=AREAS), "zh"))
