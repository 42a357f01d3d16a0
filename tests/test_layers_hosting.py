"""Room of the grid by hand, official colours, superiors, storage; use nearby on a year of two hours."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.demand import load_demand
from layers.errors import LayersError
from layers.hosting import hosting, load_hosting, noon_hours
from layers.near_use import AreaLoads, area_loads, balance, hosted_of_all, near_use
from solar.hours import HOUR, MONTH
from solar.loads import load_shapes
from solar.weather import HOURS

RULES = load_hosting({"power_factor": 1.0, "simultaneity": 0.8, "simultaneity_low": 0.8, "simultaneity_high": 0.8})


def objects(**columns: list) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    return pd.DataFrame({"noon_load_mw": [4.0] * size, "load_metered": [True] * size, **columns}, index=[f"T{n}" for n in range(size)])


def test_room_by_hand() -> None:
    table = hosting(objects(capacity_mva=[10.0] * 3, connected_mw=[5.0, 14.0, 16.0], registered_mw=[1.0, 2.0, 0.0]), RULES)
    # S_d = (4 + 0.8 x 10) / 0.8 = 15 MW
    assert table["connect_mw"].tolist() == pytest.approx([10.0, 1.0, -1.0])
    assert table["register_mw"].tolist() == pytest.approx([9.0, -1.0, -1.0])
    assert table["colour"].tolist() == ["green", "yellow", "red"]
    # storage over tau_max is what the room lacks: 1 x 0.8 MW, two hours of it
    assert table["storage_up_mw"].tolist() == pytest.approx([0.0, 0.8, 0.8])
    assert table["storage_up_mwh"].tolist() == pytest.approx([0.0, 1.6, 1.6])
    helped = hosting(
        objects(capacity_mva=[10.0] * 2, connected_mw=[14.0, 16.0], registered_mw=[2.0, 0.0], storage_mw=[0.8 + 1e-6] * 2), RULES
    )
    assert helped["colour"].tolist() == ["green", "green"]  # the red one has nothing registered: room to connect is room to register


def test_other_generation_takes_room() -> None:
    table = hosting(objects(capacity_mva=[10.0], other_mw=[2.0]), RULES)
    assert table["connect_mw"].tolist() == pytest.approx([12.5])


def test_interval_spans_load_and_simultaneity() -> None:
    rules = load_hosting({"power_factor": 1.0})
    table = hosting(objects(capacity_mva=[10.0, 10.0]).assign(load_metered=[True, False]), rules)
    # 12 / 0.9 and 12 / 0.7; estimated: (4 x 0.7 + 8) / 0.9 and (4 x 1.3 + 8) / 0.7
    assert table["connect_low_mw"].tolist() == pytest.approx([12 / 0.9, 10.8 / 0.9])
    assert table["connect_high_mw"].tolist() == pytest.approx([12 / 0.7, 13.2 / 0.7])
    assert table["connect_mw"].tolist() == pytest.approx([15.0, 15.0])


def test_official_colour_and_room_win() -> None:
    table = hosting(
        objects(capacity_mva=[10.0, 10.0, np.nan, np.nan], colour=["red", None, "yellow", None], room_mw=[np.nan, 3.0, np.nan, -1.0]), RULES
    )
    assert table["colour"].tolist() == ["red", "green", "yellow", None]  # below 0 without room to connect: yellow or red, not known
    assert table["colour_source"].tolist() == ["official", "official", "official", None]
    assert table["register_mw"].tolist()[1] == table["register_low_mw"].tolist()[1] == 3.0
    assert np.isnan(table["storage_up_mw"].tolist()[0])  # our estimate is green: what would help cannot be said
    with pytest.raises(LayersError, match="green, yellow or red"):
        hosting(objects(colour=["blue"]), RULES)


def test_red_above_is_red_below() -> None:
    table = hosting(
        objects(
            capacity_mva=[10.0] * 4,
            connected_mw=[99.0, 0.0, 0.0, 0.0],
            superior=[None, "T0", "T1", "T1"],
            colour=[None, None, None, "green"],
        ),
        RULES,
    )
    assert table["colour"].tolist() == ["red", "red", "red", "green"]
    assert np.isnan(table["storage_up_mw"].to_numpy()[1:3]).all()


def test_nothing_known_is_nothing_said() -> None:
    table = hosting(objects(capacity_mva=[np.nan]), RULES)
    assert table["colour"].tolist() == [None]
    assert table[["connect_mw", "register_mw"]].isna().all().all()


def test_noon_of_the_rule() -> None:
    mask = noon_hours(RULES)
    assert set(HOUR[mask]) == {11, 12}
    assert set(MONTH[mask]) == {3, 4, 5, 9, 10, 11}


def test_rules_are_checked() -> None:
    with pytest.raises(LayersError, match="between simultaneity_low"):
        load_hosting({"simultaneity": 0.5})
    with pytest.raises(LayersError, match="power_factor"):
        load_hosting({"power_factor": 0.0})


def test_balance_by_hand() -> None:
    # noon: 10 kW of sun on 4 of load; evening: 0 on 6
    sun, load = np.zeros((1, HOURS)), np.zeros((1, HOURS))
    sun[0, HOUR == 12] = 8.0
    load[0, HOUR == 12], load[0, HOUR == 19] = 4.0, 6.0
    there = np.where(sun > 0, 2.0, 0.0)
    row = balance(sun, there, load, np.array([5.0])).iloc[0]
    assert row["pv_mwh"] == pytest.approx(8 * 365 / 1e3)
    assert row["self_used_mwh"] == pytest.approx(4 * 365 / 1e3)
    assert row["exported_mwh"] == pytest.approx(6 * 365 / 1e3)
    assert row["self_consumption"] == pytest.approx(0.4)
    assert row["self_sufficiency"] == pytest.approx(0.4)
    assert row["peak_export_mw"] == pytest.approx(0.006)
    assert row["curtailed_mwh"] == pytest.approx(1 * 365 / 1e3)
    assert np.isnan(balance(sun, there, load, np.array([np.nan]))["curtailed_mwh"].iloc[0])


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1e5), min_size=8, max_size=8), st.floats(0, 1e4))
def test_laws_of_the_balance(values: list[float], limit: float) -> None:
    blocks = np.repeat(np.array(values).reshape(2, 4), HOURS // 4, axis=1)
    sun, load = blocks[:1], blocks[1:]
    one = balance(sun, np.zeros_like(sun), load, np.array([limit])).iloc[0]
    assert one["self_used_mwh"] + one["exported_mwh"] == pytest.approx(one["pv_mwh"])
    assert one["self_used_mwh"] <= one["load_mwh"] + 1e-9
    assert 0 <= one["curtailed_mwh"] <= one["exported_mwh"] + 1e-9
    more = balance(2 * sun, np.zeros_like(sun), load, np.array([limit])).iloc[0]
    assert more["self_used_mwh"] >= one["self_used_mwh"] - 1e-9


def test_loads_of_areas_come_from_floor_area_or_a_meter() -> None:
    buildings = pd.DataFrame(
        {
            "status": ["assessed", "assessed", "duplicate", "assessed"],
            "use": ["urban_residential", "other", "urban_residential", "factory"],
            "use_detail": ["", "", "", ""],
            "floor_area_m2": [1000.0, 500.0, 1000.0, 100.0],
        }
    )
    member = pd.Series(["甲", "甲", "甲", "乙"])
    found = area_loads(buildings, member, ["甲", "乙", "丙"], load_shapes(), load_demand(), {"乙": np.full(HOURS, 3.0)})
    # 27 kWh/m2 of dwellings; nobody knows what "other" takes
    assert found.hours.sum(axis=1).tolist() == pytest.approx([27_000.0, 3.0 * HOURS, 0.0])
    assert found.unknown_share.tolist() == pytest.approx([500 / 1500, 0.0, 0.0])
    assert found.metered.tolist() == [False, True, False]
    factory = area_loads(buildings, member, ["乙"], load_shapes(), load_demand(), {})
    assert factory.hours.sum() == pytest.approx(12_000.0)  # 120 kWh/m2 with its process, not the 55 of the substitution target


def test_what_the_grid_cannot_take_stands_apart() -> None:
    hours = np.zeros((3, HOURS))
    hours[:, HOUR == 12] = 1000.0
    loads = AreaLoads(np.full((3, HOURS), 4000.0), np.array([True] * 3), np.zeros(3))
    areas = pd.DataFrame(
        {"pac0_kw": [20_000.0] * 3, "existing_kw": [5000.0, 5000.0, 0.0], "existing_known": True, "committed_kw": np.nan},
        index=["甲", "乙", "丙"],
    )
    known = pd.DataFrame({"capacity_mva": [10.0, 10.0, np.nan], "colour": [None, "yellow", None]}, index=["甲", "乙", "丙"])
    table = near_use(areas, hours, 0.0 * hours, loads, known, RULES)
    # S_d = 15 MW less 5 MW that the buildings list: 10 of 20 MW can be registered
    assert table["register_mw"].tolist()[0] == pytest.approx(10.0)
    assert table["hostable_mw"].tolist()[:2] == pytest.approx([10.0, 0.0])
    assert table["unhostable_mw"].tolist()[:2] == pytest.approx([10.0, 20.0])
    assert table["unhostable_mwh"].tolist()[:2] == pytest.approx([365.0 / 2, 365.0])
    assert table.loc["丙", ["hostable_mw", "unhostable_mw"]].isna().all()
    assert table["reverse_load_ratio"].tolist()[:2] == pytest.approx([0.0, 0.0])


def test_a_load_that_the_transformer_cannot_carry_gives_no_room() -> None:
    # 4 MW at noon on 0.63 MVA: a capacity in the wrong unit or an outline that is no supply area; metered, it is the meter's word
    loads = AreaLoads(np.full((2, HOURS), 4000.0), np.array([False, True]), np.zeros(2))
    areas = pd.DataFrame(
        {"pac0_kw": [1000.0] * 2, "existing_kw": [0.0] * 2, "existing_known": True, "committed_kw": np.nan}, index=["甲", "乙"]
    )
    known = pd.DataFrame({"capacity_mva": [0.63, 0.63]}, index=["甲", "乙"])
    table = near_use(areas, np.zeros((2, HOURS)), np.zeros((2, HOURS)), loads, known, RULES)
    assert table["doubt"].tolist() == ["load_above_capacity", None]
    assert table["register_mw"].isna().tolist() == [True, False]
    assert table.loc["甲", "colour"] is None
    said = near_use(areas, np.zeros((2, HOURS)), np.zeros((2, HOURS)), loads, known.assign(colour="red"), RULES)
    assert said["hostable_mw"].tolist() == [0.0, 0.0]  # what the grid company says stands


def test_the_whole_takes_what_its_areas_take() -> None:
    def area(pv: float, hostable: float | None) -> dict[str, float | None]:
        out = None if hostable is None else pv - hostable
        return {"pv_mw": pv, "hostable_mw": hostable, "unhostable_mw": out, "unhostable_mwh": None if out is None else 1000.0 * out}

    both = hosted_of_all([area(10.0, 4.0), area(5.0, 5.0)], 15.0)
    assert both == {"hostable_mw": 9.0, "unhostable_mw": 6.0, "unhostable_mwh": 6000.0, "unjudged_mw": 0.0, "unhostable_known_mw": 6.0}
    # 5 MW without a word of the grid, or roofs outside of every area: the whole is not judged, what is known is told
    for areas in ([area(10.0, 4.0), area(5.0, None)], [area(10.0, 4.0)]):
        part = hosted_of_all(areas, 15.0)
        assert part is not None
        assert (part["hostable_mw"], part["unjudged_mw"], part["unhostable_known_mw"]) == (None, 5.0, 6.0)
    assert hosted_of_all([area(10.0, 4.0), area(10.0, 4.0)], 15.0) is None  # they overlap
    assert hosted_of_all([area(15.0, None)], 15.0) is None
