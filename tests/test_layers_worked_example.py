"""The worked example of docs/{zh,en}/worked-example.md: ten buildings, two areas, every target, the roadmap, money and carbon by hand."""

import re
from datetime import date
from pathlib import Path

import numpy as np
import numpy_financial as npf
import pytest

from layers.business import payback
from layers.carbon import electricity_tce, life_carbon_t, load_carbon
from layers.policy import load_policy
from layers.roadmap import Scenario, make_roadmap
from layers.roadmap_goals import roadmap_goals
from layers.roadmap_years import by_year, yearly_rows
from layers.targets import judge
from solar.cashflow import Plant, load_terms, returns
from solar.money import Prices, finance_roofs, load_finance

from .test_layers_targets import filled, row, ten

DOCS = Path(__file__).resolve().parent.parent / "docs"
COST = {"F1": 0.27, "F2": 0.28, "F3": 0.26, "F4": 0.30, "S1": 0.31, "H1": 0.33, "H2": 0.34, "C1": 0.29, "R1": 0.32, "X1": float("nan")}
FORM = {
    "existing_ac_mw": 4999.7,
    "committed_other_ac_mw": 0.0,
    "heating_gj": 0.0,
    "building_electricity_mwh": 1000.0,
    "building_fuel_gj": 0.0,
    "urban_pv_mwh": 60.0,
    "solar_thermal_gj": 0.0,
    "heat_pump_gj": 0.0,
    "biomass_gj": 0.0,
    "survey_complete": True,
}
JINAN = load_policy("jinan-2023-36")
AS_OF = date(2026, 11, 23)


def buildings():
    frame = ten()
    capex = 3000.0 * frame["pdc0_kwp"]
    return frame.assign(lcoe_cny_kwh=frame["building_id"].map(COST), capex_cny=capex, carbon_t=0.000641 * frame["energy_kwh"])


def made():
    judged = judge(JINAN, buildings(), as_of=AS_OF, form=filled(**FORM), whole_only=True)
    goals = roadmap_goals(JINAN, judged, buildings())
    return goals, make_roadmap(buildings(), Scenario("例", "lcoe", 2027, 2030, yearly_mw=0.1), goals)


def test_targets_before_the_roadmap() -> None:
    rows = judge(JINAN, buildings(), as_of=AS_OF, form=filled(**FORM))
    capacity, coverage, share = (row(rows, name) for name in ("pv_capacity", "new_roof_coverage", "building_substitution"))
    assert capacity["roofs_needed"] == pytest.approx(0.3)
    # (45 + 90) kWp / 0.225 kWp/m2 = 600 of 2,000 m2; 400 m2 are lacking to a half
    assert (coverage["built"], coverage["verdict"]) == (pytest.approx(0.3), "short")
    assert coverage["roofs_needed_m2"] == pytest.approx(400.0)
    assert (share["built"], share["verdict"]) == (pytest.approx(0.06), "short")
    assert share["roofs_needed_kwh"] == pytest.approx(20_000.0)


def test_gaps_areas_and_context() -> None:
    rows = judge(JINAN, buildings(), as_of=AS_OF, form=filled(**FORM))
    coverage, share = row(rows, "new_roof_coverage"), row(rows, "building_substitution")
    assert (coverage["gap_kwp"], coverage["gap_m2"], coverage["gap_roofs"]) == pytest.approx((85.0, 400.0, 1))
    assert (share["gap_kwp"], share["gap_m2"], share["gap_roofs"]) == pytest.approx((20.0, 100.0, 1))
    context = row(rows, "nonfossil_share")
    assert (context["roofs_technical_heat_value_tce"], context["roofs_technical_equivalent_value_tce"]) == pytest.approx((61.45, 151.0))
    for area, split, built, lacking in (("甲区", 3888.9, 0.4, 150.0), ("乙县", 1111.1, 0.0, 250.0)):
        capacity, own = row(rows, "pv_capacity", area), row(rows, "new_roof_coverage", area)
        assert (capacity["required"], capacity["proposed_label_zh"]) == (None, "测算分解建议")
        assert capacity["proposed_required"] == pytest.approx(split, abs=0.05)
        assert (own["built"], own["gap_m2"]) == pytest.approx((built, lacking))
        assert row(rows, "building_substitution", area)["verdict"] == "cannot_judge"


def test_what_the_targets_ask_of_roofs_and_the_years() -> None:
    goals, roadmap = made()
    assert [goal.target for goal in goals] == ["pv_capacity", "new_roof_coverage", "building_substitution"]
    assert [goal.need for goal in goals] == pytest.approx([0.3, 400.0, 20_000.0])
    years = dict(zip(buildings()["building_id"], roadmap.year.tolist(), strict=True))
    assert {name: year for name, year in years.items() if year} == {"F1": 2027, "C1": 2028, "F3": 2029, "F2": 2030}
    assert roadmap.met == (2030, 2027, 2028)
    assert roadmap.status == ("in_time", "late", "late")


def test_sums_by_year_and_area() -> None:
    rows = yearly_rows(made()[1], buildings())
    table = by_year(rows, range(2027, 2031))
    assert table["pac0_kw"].tolist() == [75.0, 32.0, 160.0, 50.0]
    assert table["energy_kwh"].tolist() == [90_000.0, 40_000.0, 200_000.0, 60_000.0]
    assert table["capex_cny"].tolist() == [270_000.0, 120_000.0, 600_000.0, 180_000.0]
    assert table["total_carbon_t"].tolist() == pytest.approx([57.69, 83.33, 211.53, 249.99])
    assert by_year(rows, [2030], "甲区")["total_pac0_kw"].tolist() == [0.0]
    assert by_year(rows, range(2027, 2031), "甲区")["total_pac0_kw"].iloc[-1] == 235.0
    assert by_year(rows, range(2027, 2031), "乙县")["total_pac0_kw"].iloc[-1] == 82.0


def test_targets_with_the_roadmap() -> None:
    planned = buildings().assign(roadmap_year=made()[1].year)
    rows = judge(JINAN, planned, as_of=AS_OF, form=filled(**FORM))
    capacity = row(rows, "pv_capacity")
    assert (capacity["planned"], capacity["verdict"], capacity["gap"]) == (pytest.approx(5000.017), "on_track", 0.0)
    # The deadlines of the others are past: what comes later is not planned for them.
    assert row(rows, "new_roof_coverage")["planned"] == pytest.approx(0.3)
    unknown = judge(JINAN, planned, as_of=AS_OF, form=filled(**{**FORM, "committed_other_ac_mw": None}))
    assert row(unknown, "pv_capacity")["verdict"] == "on_track"


def test_money_of_one_roof() -> None:
    finance = load_finance(
        {
            "degradation_first_year": 0.0,
            "degradation_annual": 0.0,
            "om_cost": 0.05,
            "capex.commercial": [[20.0, 3.0], [400.0, 3.0]],
        }
    )
    one = np.ones(1)
    money = finance_roofs(finance, pdc0_kwp=[90.0], energy_kwh=[90_000.0], use=[0], prices=Prices(one, 0.5 * one, 0.0 * one))
    flow = [-270_000.0, *[45_000.0 - 4_500.0] * 25]
    assert money.capex_cny[0] == pytest.approx(270_000.0)
    assert money.lcoe_cny_kwh[0] == pytest.approx((270_000 + 4_500 * 11.653583) / (90_000 * 11.653583), rel=1e-7)
    assert money.npv_cny[0] == pytest.approx(npf.npv(0.07, flow), rel=1e-9)
    assert money.npv_cny[0] == pytest.approx(40_500 * 11.653583 - 270_000, rel=1e-6)
    assert money.irr[0] == pytest.approx(npf.irr(flow), rel=1e-8)
    assert money.payback_years[0] == pytest.approx(270 / 40.5)
    assert load_carbon().factor.value == pytest.approx(0.641)


def test_money_after_tax_and_the_contract() -> None:
    plant = Plant(270_000.0, 4_500.0, 90_000.0, 0.0, 0.5, np.zeros(25))
    terms, year = load_terms({"loan_share": 0.0}), np.ones(25)
    own = returns(plant, terms, contract=False, factors=year, discount_rate=0.07)
    hand = [-270_000.0, *[40_500.0] * 3, *[37_577.99] * 3, *[29_478.98] * 14, *[26_492.26] * 5]
    assert own.project == pytest.approx(hand, abs=0.01)
    assert own.npv == pytest.approx(116_644, abs=1.0)
    assert own.project_irr == pytest.approx(0.120, abs=5e-4)
    assert payback(own.project) == pytest.approx(7.21, abs=0.005)
    contract = returns(plant, terms, contract=True, factors=year, discount_rate=0.07)
    assert (contract.project[1], contract.owner[1]) == pytest.approx((33_750.0, 6_750.0))
    assert contract.owner_npv == pytest.approx(78_662, abs=1.0)


def test_carbon_and_coal() -> None:
    carbon, energy = load_carbon(), 390_000.0
    assert life_carbon_t(carbon, [energy], np.ones(1))[0] == pytest.approx(249.99)
    assert life_carbon_t(carbon, [energy], np.ones(25))[0] == pytest.approx(6_249.75)
    assert energy * carbon.nation.value / 1000.0 == pytest.approx(206.93, abs=0.005)
    coal = [electricity_tce(carbon, energy, name) for name in ("equivalent_value", "heat_value")]
    assert coal == pytest.approx([117.78, 47.93], abs=0.005)


def page(lang: str) -> str:
    return (DOCS / lang / "worked-example.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    "number", ["400", "5000.017", "249.99", "0.3074", "201,970", "14.5", "6.67", "317", "3,888.9", "61.45", "6,249.75", "116,644", "7.21"]
)
def test_the_page_says_these_numbers(lang: str, number: str) -> None:
    assert re.search(rf"(?<![\d.,]){re.escape(number)}", page(lang))


def test_both_pages_say_the_same_numbers_in_every_section() -> None:
    zh, en = ([sorted(re.findall(r"\d[\d,.]*\d|\d", part)) for part in page(lang).split("\n## ")[1:]] for lang in ("zh", "en"))
    assert len(en) == 5 and zh == en


def test_the_table_of_buildings_is_what_is_computed() -> None:
    table = {cells[0]: cells for line in page("en").splitlines() if (cells := [c.strip() for c in line.strip("| ").split("|")])[0] in COST}
    frame = buildings()
    assert list(table) == frame["building_id"].tolist()
    columns = ("footprint_area_m2", "installed_kwp", "covered_area_m2", "pdc0_kwp", "pac0_kw", "energy_kwh", "lcoe_cny_kwh")
    for line in frame[frame["building_id"] != "X1"].to_dict("records"):
        shown = [float(text.replace(",", "")) for text in table[line["building_id"]][5:]]
        assert shown == pytest.approx([float(line[name]) for name in columns])
