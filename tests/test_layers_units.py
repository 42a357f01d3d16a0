"""Units that a plan speaks in, there and back: 万千瓦, MW, 亿千瓦时, tce."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.carbon import electricity_tce, load_carbon
from layers.policy import load_policy
from maps.county_map import capacity, energy
from maps.words import amount, load_words

TO_KW = {"万千瓦": 1e4, "MW": 1e3}
TO_KWH = {"亿千瓦时": 1e8, "万千瓦时": 1e4, "GWh": 1e6}


def value_of(text: str) -> float:
    return float(text.replace(",", ""))


@given(st.floats(1e3, 1e8), st.sampled_from(["zh", "en"]))
def test_capacity_round_trips(kilowatts: float, lang: str) -> None:
    text, unit = capacity(kilowatts, load_words(lang))
    # what is shown is rounded to its last digit
    digits = len(text.partition(".")[2])
    assert value_of(text) * TO_KW[unit] == pytest.approx(kilowatts, abs=0.51 * TO_KW[unit] / 10**digits)


@given(st.floats(1e5, 1e11), st.sampled_from(["zh", "en"]))
def test_energy_round_trips(kilowatt_hours: float, lang: str) -> None:
    text, unit = energy(kilowatt_hours, load_words(lang))
    digits = len(text.partition(".")[2])
    assert value_of(text) * TO_KWH[unit] == pytest.approx(kilowatt_hours, abs=0.51 * TO_KWH[unit] / 10**digits)


@given(st.integers(1, 99_999))
def test_a_target_in_mw_is_told_in_ten_thousand_kilowatts(megawatts: int) -> None:
    told = amount(float(megawatts), "MW", "zh")
    assert told.endswith(" 万千瓦")
    assert 10 * value_of(told.removesuffix(" 万千瓦")) == pytest.approx(megawatts, rel=5e-3)


def test_the_plan_says_what_its_targets_hold() -> None:
    for target in load_policy("jinan-2023-36").targets:
        if target.unit == "MW" and (found := re.search(r"([\d.]+)\s*万千瓦", target.stated or "")):
            assert float(found.group(1)) * 10 == target.value


@given(st.floats(0, 1e10))
def test_standard_coal_round_trips(kilowatt_hours: float) -> None:
    carbon = load_carbon()
    heat = electricity_tce(carbon, kilowatt_hours, "heat_value")
    # 0.1229 kgce/kWh: 3.6 MJ over 29.3076 MJ/kgce is 0.12283; the national table rounds it up
    assert heat * 1000 / 0.1229 == pytest.approx(kilowatt_hours, rel=1e-9)
    assert heat * 29.3076e9 == pytest.approx(kilowatt_hours * 3.6e6, rel=1e-3)
    assert electricity_tce(carbon, kilowatt_hours, "equivalent_value") >= heat
