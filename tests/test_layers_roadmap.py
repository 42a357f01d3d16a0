"""The roadmap by hand on four buildings, and its laws: limits hold, sums agree, row order is nothing, what is called impossible is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.errors import LayersError
from layers.roadmap import Goal, Roadmap, Scenario, load_uptake, make_roadmap, uptake_share
from layers.roadmap_order import ORDERS, ranked
from layers.roadmap_years import by_year, yearly_rows
from layers.supply import supply_curve
from solar.money import USES

ROOM = {"甲区": 0.3, "乙县": 0.2}


def stock(*rows: tuple[str, str, str, float, float, float]) -> pd.DataFrame:
    """Buildings from (id, use, area, kW AC, kWh, CNY/kWh); 1.25 kWp per kW, 3,000 CNY per kWp, 0.641 kg per kWh."""
    frame = pd.DataFrame(rows, columns=["building_id", "use", "responsible_area", "pac0_kw", "energy_kwh", "lcoe_cny_kwh"])
    kwp = 1.25 * frame["pac0_kw"]
    return frame.assign(status="assessed", pdc0_kwp=kwp, capex_cny=3000.0 * kwp, carbon_t=0.000641 * frame["energy_kwh"])


def capacity(buildings: pd.DataFrame, need: float | None, year: int | None = 2030) -> Goal:
    return Goal("pv", year, buildings["pac0_kw"].to_numpy() / 1000.0, need, "MW")


def plan(buildings: pd.DataFrame, need: float | None = None, **choices: object) -> Roadmap:
    scenario = Scenario(**{"name": "a", "order": "lcoe", "first_year": 2027, "last_year": 2030, **choices})
    return make_roadmap(buildings, scenario, [capacity(buildings, need)])


FOUR = stock(
    ("a", "factory", "甲区", 100.0, 120_000.0, 0.30),
    ("b", "factory", "甲区", 60.0, 60_000.0, 0.26),
    ("c", "rural_residential", "乙县", 10.0, 13_000.0, 0.35),
    ("d", "public_institution", "乙县", 50.0, 55_000.0, 0.40),
)


@pytest.mark.parametrize(
    ("order", "wanted"),
    # yields per kW: a 1,200, b 1,000, c 1,300, d 1,100; room per potential: 甲区 300/160, 乙县 200/60
    [("lcoe", "bacd"), ("yield", "cadb"), ("public_first", "dbac"), ("grid_room", "cdba")],
)
def test_orders(order: str, wanted: str) -> None:
    assert "".join(FOUR["building_id"].iloc[ranked(FOUR, order, room_mw=ROOM)]) == wanted


def test_classes_side_by_side_stand_at_the_same_part_of_their_quota() -> None:
    # Parts of the class after each building, b before a: factory 60/160, 160/160; rural 1; public 1. Ties: the cheaper first.
    assert "".join(FOUR["building_id"].iloc[ranked(FOUR, "quota")]) == "bacd"
    # factory : public = 4 : 1 -> b 60/4 = 15, a 160/4 = 40, d 50/1 = 50; rural has no quota and comes last.
    assert "".join(FOUR["building_id"].iloc[ranked(FOUR, "quota", quota={"factory": 4.0, "public_institution": 1.0})]) == "badc"


def test_what_does_not_fit_waits_and_the_years_rest_is_kept_for_it() -> None:
    # 70 kW a year: b 60 in 2027, 10 are left and kept since a (100) does not fit; 80 in 2028 and 150 in 2029: then a, 50 kept: c, then d.
    made = plan(FOUR, yearly_mw=0.07)
    assert made.year.tolist() == [2029, 2027, 2029, 2030]
    assert plan(FOUR, need=0.15, yearly_mw=0.07).year.tolist() == [2029, 2027, 0, 0]  # 60 + 100 suffice
    assert plan(FOUR, need=0.15, yearly_mw=0.07).met == (2029,)


def test_outcomes() -> None:
    assert plan(FOUR, 0.0).status == ("already",)
    assert plan(FOUR, None).status == ("unknown",)
    assert plan(FOUR, 0.2).status == ("in_time",)
    assert plan(FOUR, 0.23).status == ("beyond_potential",)  # 220 kW in all
    assert plan(FOUR, 0.23).short[0] == pytest.approx(0.01, rel=1e-9)
    assert plan(FOUR, 0.2, yearly_mw=0.045).status == ("beyond_limits",)  # 4 x 45 = 180 kW
    assert plan(FOUR, 0.2, room_mw={"甲区": 0.1}).status == ("beyond_limits",)  # 100 + 60 of 乙县
    goal = capacity(FOUR, 0.2, year=2028)
    late = make_roadmap(FOUR, Scenario("a", "lcoe", 2027, 2030, yearly_mw=0.07), [goal])
    assert (late.status, late.met) == (("late",), (2030,))
    # 170 kW are possible (a, b, c) under 44 kW a year, but the order puts nothing else in time: a and b stand at 160.
    assert plan(FOUR, 0.17, yearly_mw=0.0430, order="public_first").status == ("not_reached",)


def test_a_goal_of_unknown_need_comes_after_the_known_ones() -> None:
    public = Goal("share", 2025, np.where(FOUR["use"] == "public_institution", 1.0, 0.0), None, "kWh")
    made = make_roadmap(FOUR, Scenario("a", "lcoe", 2027, 2030, yearly_mw=0.07), [public, capacity(FOUR, 0.16)])
    # b and a (160 kW) reach the capacity in 2029; d, which only the unknown goal asks for, follows in 50 of the 50 kW left.
    assert made.year.tolist() == [2029, 2027, 0, 2029]
    assert made.status == ("unknown", "in_time")


def test_uptake_follows_the_logistic_curve() -> None:
    fact = load_uptake({"factory": [0.8, 4.0, 6.0]})["factory"]
    k = np.log(81.0) / 6.0
    curve = [1.0 / (1.0 + np.exp(-k * (t - 4.0))) for t in (0, 1, 7)]
    np.testing.assert_allclose(uptake_share(fact, [0, 1, 7]), [0.8 * (c - curve[0]) / (1.0 - curve[0]) for c in curve], rtol=1e-12)
    assert uptake_share(fact, 100) == pytest.approx(0.8)
    with pytest.raises(LayersError, match="final share"):
        load_uptake({"factory": [1.2, 4.0, 6.0]})
    with pytest.raises(LayersError, match="did you mean"):
        load_uptake({"factry": [0.5, 4.0, 6.0]})


def test_years_by_area_and_class() -> None:
    rows = yearly_rows(plan(FOUR, yearly_mw=0.07), FOUR)
    assert rows[["year", "region", "use"]].values.tolist() == [
        [2027, "甲区", "factory"],
        [2029, "乙县", "rural_residential"],
        [2029, "甲区", "factory"],
        [2030, "乙县", "public_institution"],
    ]
    table = by_year(rows, range(2027, 2031))
    assert table["pac0_kw"].tolist() == [60.0, 0.0, 110.0, 50.0]
    assert table["total_energy_kwh"].tolist() == [60_000.0, 60_000.0, 193_000.0, 248_000.0]
    assert table["total_capex_cny"].iloc[-1] == 220 * 1.25 * 3000
    assert by_year(rows, [2030], "乙县")["carbon_t"].tolist() == pytest.approx([55_000 * 0.000641])
    unknown = FOUR.assign(carbon_t=float("nan"))  # where the grid's factor is not known, no year and no sum claims 0
    assert by_year(yearly_rows(plan(unknown, yearly_mw=0.07), unknown), range(2027, 2031))["total_carbon_t"].isna().all()


def test_supply_curve_by_hand() -> None:
    curve = supply_curve(FOUR)
    whole = curve[curve["kind"] == "whole"].set_index("lcoe_cny_kwh")["pdc0_kwp"]
    # b 75 kWp at 0.26, a 125 at 0.30, c 12.5 at 0.35, d 62.5 at 0.40
    assert whole[0.26] == 75.0
    assert whole[0.30] == 200.0
    assert whole[0.35] == 212.5
    assert whole.iloc[-1] == 275.0
    last = curve[curve["lcoe_cny_kwh"] == curve["lcoe_cny_kwh"].max()].set_index("name")["energy_kwh"]
    assert last["factory"] == 180_000.0
    assert last["甲区"] + last["乙县"] == last[""] == 248_000.0


def test_mistakes_are_explained() -> None:
    with pytest.raises(LayersError, match="no order of building"):
        ranked(FOUR, "cheapest")
    with pytest.raises(LayersError, match="hosting_room_mw"):
        ranked(FOUR, "grid_room")
    with pytest.raises(LayersError, match="no class of use"):
        ranked(FOUR, "quota", quota={"factories": 1.0})
    with pytest.raises(LayersError, match="before its first year"):
        plan(FOUR, first_year=2031)


BUILDINGS = st.lists(
    st.tuples(st.sampled_from(USES), st.sampled_from(("甲区", "乙县")), st.integers(0, 500), st.integers(800, 1400), st.integers(20, 60)),
    min_size=1,
    max_size=40,
).map(lambda rows: stock(*((f"b{n:03d}", use, area, float(kw), float(kw * y), c / 100) for n, (use, area, kw, y, c) in enumerate(rows))))


@settings(max_examples=60, deadline=None)
@given(BUILDINGS, st.sampled_from(ORDERS), st.floats(0.05, 2.0), st.floats(0.0, 5.0), st.booleans())
def test_limits_hold_and_sums_agree(buildings: pd.DataFrame, order: str, yearly: float, need: float, uptake: bool) -> None:
    known = load_uptake() if uptake else None
    made = plan(buildings, need, order=order, yearly_mw=yearly, uptake=known, room_mw=ROOM)
    kw = buildings["pac0_kw"].to_numpy()
    for year in range(2027, 2031):
        so_far = (made.year > 0) & (made.year <= year)
        assert kw[so_far].sum() <= 1000 * yearly * (year - 2026) + 1e-3
        for use in USES if known else ():
            on = (buildings["use"] == use).to_numpy()
            assert kw[so_far & on].sum() <= kw[on].sum() * uptake_share(known[use], year - 2026) + 1e-3
    for area, room in ROOM.items():
        assert kw[(made.year > 0) & (buildings["responsible_area"] == area).to_numpy()].sum() <= 1000 * room + 1e-3
    rows = yearly_rows(made, buildings)
    assert rows["pac0_kw"].sum() == pytest.approx(kw[made.year > 0].sum())
    assert rows["buildings"].sum() == (made.year > 0).sum()
    assert (made.met[0] > 0) == (need > 0 and kw[made.year > 0].sum() / 1000 >= need * (1 - 1e-12)) or need == pytest.approx(
        kw[made.year > 0].sum() / 1000
    )


@settings(max_examples=40, deadline=None)
@given(BUILDINGS, st.sampled_from(ORDERS), st.randoms(use_true_random=False))
def test_row_order_is_nothing(buildings: pd.DataFrame, order: str, random: object) -> None:
    rows = list(range(len(buildings)))
    random.shuffle(rows)
    one = plan(buildings, 1.0, order=order, yearly_mw=0.4, uptake=load_uptake(), room_mw=ROOM)
    two = plan(buildings.iloc[rows].reset_index(drop=True), 1.0, order=order, yearly_mw=0.4, uptake=load_uptake(), room_mw=ROOM)
    assert one.year[rows].tolist() == two.year.tolist()


@settings(max_examples=40, deadline=None)
@given(BUILDINGS, st.sampled_from(ORDERS), st.floats(0.01, 2.0), st.floats(1.0, 3.0))
def test_a_stricter_target_builds_the_same_and_more(buildings: pd.DataFrame, order: str, need: float, more: float) -> None:
    less, strict = (plan(buildings, asked, order=order, yearly_mw=0.3, room_mw=ROOM) for asked in (need, need * more))
    on = less.year > 0
    assert (strict.year[on] == less.year[on]).all()
    assert (strict.short[0] or 0.0) >= (less.short[0] or 0.0)


@settings(max_examples=40, deadline=None)
@given(BUILDINGS, st.floats(0.01, 3.0), st.floats(0.05, 1.0))
def test_what_is_called_out_of_reach_is_reached_in_no_order(buildings: pd.DataFrame, need: float, yearly: float) -> None:
    choices = {"yearly_mw": yearly, "room_mw": ROOM, "uptake": load_uptake()}
    found = [plan(buildings, need, order=order, **choices) for order in ORDERS]
    if any(made.status[0].startswith("beyond") for made in found):
        assert not any(made.met[0] for made in found)


@settings(max_examples=40, deadline=None)
@given(BUILDINGS, st.integers(1, 400))
def test_one_more_roof_never_lowers_the_supply(buildings: pd.DataFrame, kw: int) -> None:
    extra = stock(("z", "factory", "甲区", float(kw), 1000.0 * kw, 0.333))
    one, two = (supply_curve(frame)["pdc0_kwp"].max() for frame in (buildings, pd.concat([buildings, extra], ignore_index=True)))
    assert two >= (0.0 if np.isnan(one) else one)
