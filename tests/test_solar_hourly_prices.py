"""Loads, prices and self-use by the hour: by hand on tiny years, and their laws."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solar.errors import SolarError
from solar.hours import HOUR, MONTH, WEEKEND
from solar.loads import Loads, load_shapes
from solar.money import USES
from solar.self_use import RATIOS, market, market_content, read_market
from solar.tariffs import Tariffs, load_tariffs
from solar.weather import HOURS

FACTORY, SCHOOL, HOME, OTHER = (USES.index(u) for u in ("factory", "public_institution", "urban_residential", "other"))
NOON, EVENING = HOUR == 12, HOUR == 19


def test_calendar() -> None:
    # 1 January 2023 was a Sunday; the year has 105 days of weekend
    assert (MONTH[0], HOUR[0], bool(WEEKEND[0]), bool(WEEKEND[24])) == (1, 0, True, False)
    assert int(WEEKEND.sum()) == 105 * 24


def test_shapes_are_years_of_use() -> None:
    loads = load_shapes()
    known = [USES.index(u) for u in USES if u not in ("other", "unknown")]
    np.testing.assert_allclose(loads.shape[known].sum(axis=1), 1.0)
    assert loads.shape[OTHER].sum() == 0.0
    working, free = loads.shape[FACTORY][NOON & ~WEEKEND].mean(), loads.shape[FACTORY][NOON & WEEKEND].mean()
    assert working > free
    assert loads.shape[HOME][EVENING].mean() > loads.shape[HOME][NOON].mean()
    assert not any(fact.verified for fact in loads.facts)


def test_a_metered_curve_takes_the_place_of_a_shape() -> None:
    power = np.where(NOON, 7.0, 0.0)
    loads = load_shapes({"factory": power})
    np.testing.assert_allclose(loads.shape[FACTORY], power / power.sum())
    assert [fact.verified for fact in loads.facts if fact.name == "load.factory"] == [True]


@pytest.mark.parametrize("curve", [np.ones(100), np.full(HOURS, np.nan), np.zeros(HOURS), np.where(NOON, -1.0, 2.0)])
def test_bad_curves_are_explained(curve: np.ndarray) -> None:
    with pytest.raises(SolarError, match="expected 8,760 hours of 0 or more"):
        load_shapes({"factory": curve})
    with pytest.raises(SolarError, match="no class of use"):
        load_shapes({"fabrik": np.ones(HOURS)})


def test_time_of_use_has_a_midday_valley_where_the_file_says() -> None:
    tariffs = load_tariffs()
    general, home = tariffs.retail[USES.index("commercial")], tariffs.retail[HOME]
    april, july = MONTH == 4, MONTH == 7
    # 0.10 + 0.58 x (1 - 0.9) at noon in April, no valley in July, sharp at 17:00 in April
    np.testing.assert_allclose(general[april & NOON], 0.10 + 0.58 * 0.1)
    np.testing.assert_allclose(general[july & NOON], 0.10 + 0.58)
    np.testing.assert_allclose(general[april & (HOUR == 17)], 0.10 + 0.58 * 2.0)
    np.testing.assert_allclose(home, 0.5469)
    assert tariffs.spot[april & NOON].mean() < tariffs.spot[april & EVENING].mean()
    assert tariffs.retail.shape == (9, HOURS)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("months = [12, 1]", "months = [12]", "expected each of 1 to 12 once"),
        ("deep = [[11, 14]]", "deep = [[14, 11]]", "no range of clock hours"),
        ("sharp = [[16, 19]]", "sharp = [[11, 19]]", "two periods"),
        ('factory = "industrial"', 'factory = "heavy"', "has the tariff 'heavy'"),
        ("[class]", "[klass]", "lacks 'class'"),
        ("spring = [0.32, ", "spring = [", "expected 24 numbers"),
    ],
)
def test_mistakes_in_a_tariff_file_are_explained(tmp_path: Path, old: str, new: str, words: str) -> None:
    import solar

    text = Path(str(solar.__file__)).with_name("tariffs.toml").read_text(encoding="utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SolarError, match=words):
        load_tariffs(file)


def simple() -> tuple[np.ndarray, Loads, Tariffs]:
    """Sun at 12 (two thirds) and 13 o'clock (a third); a factory that works at 12 only, at 1 CNY, and 13 o'clock costs 2."""
    sun = np.where(HOUR == 12, 2.0, 0.0) + np.where(HOUR == 13, 1.0, 0.0)
    shape = np.zeros((9, HOURS))
    shape[FACTORY, HOUR == 12] = 1 / 365
    shape[HOME] = 1 / HOURS
    retail = np.ones((9, HOURS)) + (HOUR == 13)
    return sun, Loads(shape, ()), Tariffs(retail, np.where(HOUR == 13, 0.3, 0.1), ())


def test_self_use_by_hand() -> None:
    found = market(*simple())
    # 300 kWh of sun: 200 at noon; the factory takes 100 at noon: a third is used, at 1 CNY; 100 at noon and 100 at 13 are sold at 0.2
    prices = found.prices([FACTORY], [300.0], [100.0])
    assert prices.share[0] == pytest.approx(1 / 3, rel=2e-3)  # between steps of the table
    assert prices.used[0] == pytest.approx(1.0)
    assert prices.spot[0] == pytest.approx(0.2, rel=2e-3)
    # 30 kWh of sun against 100: all of noon is used, 10 at 13 o'clock sold
    small = found.prices([FACTORY], [30.0], [100.0])
    assert small.share[0] == pytest.approx(2 / 3)
    assert small.spot[0] == pytest.approx(0.3)
    # nobody knows the load: everything is sold
    none = found.prices([OTHER, FACTORY], [30.0, 30.0], [np.nan, 0.0])
    assert none.share.tolist() == [0.0, 0.0]
    assert none.spot.tolist() == pytest.approx([0.5 / 3, 0.5 / 3])


@settings(max_examples=40)
@given(st.floats(1.0, 1e7), st.floats(1.0, 1e7), st.floats(1.0, 3.0), st.sampled_from(range(7)))
def test_laws_of_self_use(energy: float, load: float, more: float, use: int) -> None:
    found = REAL
    prices = found.prices([use] * 3, [energy, energy * more, energy], [load, load, load * more])
    assert (prices.share >= 0).all()
    assert (prices.share <= 1 + 1e-12).all()
    # more sun on the same load: a smaller share; more load: a larger one
    assert prices.share[1] <= prices.share[0] + 1e-9
    assert prices.share[2] >= prices.share[0] - 1e-9
    # no more is used than there is load (the table is straight in the logarithm of the ratio: 1 %)
    if energy / load < RATIOS[-1]:
        assert energy * prices.share[0] <= load * 1.01


def test_table_against_the_hours_themselves() -> None:
    sun, loads, tariffs = SUN, load_shapes(), load_tariffs()
    for ratio in (0.03, 0.21, 0.77, 1.9, 13.0):
        generation = ratio * sun / sun.sum()
        used = np.minimum(generation, loads.shape[FACTORY])
        found = REAL.prices([FACTORY], [ratio], [1.0])
        assert found.share[0] == pytest.approx(used.sum() / ratio, abs=0.001)
        assert found.used[0] == pytest.approx(used @ tariffs.retail[FACTORY] / used.sum(), rel=0.005)


def test_a_market_survives_the_manifest() -> None:
    again = read_market(market_content(REAL))
    assert np.array_equal(again.share, REAL.share)
    assert again.spot_all == REAL.spot_all


def test_bad_generation_is_refused() -> None:
    with pytest.raises(SolarError, match="8760 hours"):
        market(np.zeros(HOURS), load_shapes(), load_tariffs())


SUN = np.maximum(np.sin((HOUR - 6) / 12 * np.pi), 0.0) * (HOUR > 6) * (HOUR < 18) * (1.0 + 0.3 * np.cos((MONTH - 6) / 6 * np.pi))
REAL = market(SUN, load_shapes(), load_tariffs())
