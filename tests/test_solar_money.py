"""Money by hand, against numpy-financial, and its laws."""

import numpy as np
import numpy_financial as npf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solar.cashflow import Plant, load_terms, returns
from solar.errors import SolarError
from solar.money import HOUSEHOLD, USES, Prices, export_prices, finance_roofs, load_finance, unit_capex, use_codes, yearly_factors

FACTORY, RURAL = USES.index("factory"), USES.index("rural_residential")
# Two years, 10 %, no losses, everything self-used at 1 CNY/kWh, 1 CNY/W, upkeep 0.1 CNY/W a: a sum for a pocket calculator.
SIMPLE = {
    "life_years": 2,
    "discount_rate": 0.1,
    "degradation_first_year": 0.0,
    "degradation_annual": 0.0,
    "om_cost": 0.1,
    "capex.commercial": [[1.0, 1.0]],
}


def priced(n: int, share: float, used: float, spot: float = 0.0) -> Prices:
    return Prices(np.full(n, share), np.full(n, used), np.full(n, spot))


ALL_USED = priced(1, 1.0, 1.0)


def test_by_hand() -> None:
    money = finance_roofs(load_finance(SIMPLE), pdc0_kwp=[1.0], energy_kwh=[800.0], use=[FACTORY], prices=ALL_USED)
    # 1,000 CNY now, 800 − 100 = 700 a year: 700 / 1.1 + 700 / 1.21 − 1,000 = 214.876
    assert money.capex_cny[0] == 1000.0
    assert money.npv_cny[0] == pytest.approx(700 / 1.1 + 700 / 1.21 - 1000, rel=1e-12)
    # (1,000 + 100 × 1.735537) / (800 × 1.735537)
    annuity = 1 / 1.1 + 1 / 1.21
    assert money.lcoe_cny_kwh[0] == pytest.approx((1000 + 100 * annuity) / (800 * annuity), rel=1e-12)
    # 1,000 x² − 700 x − 700 = 0 in x = 1 + irr
    assert money.irr[0] == pytest.approx((700 + np.sqrt(700**2 + 4 * 1000 * 700)) / 2000 - 1, rel=1e-10)
    assert money.payback_years[0] == pytest.approx(1 + 300 / 700, rel=1e-12)


def test_export_earns_the_mechanism_for_its_years_then_the_spot_price() -> None:
    finance = load_finance({**SIMPLE, "mechanism_years": 1, "mechanism_share": 0.5, "mechanism_price": 0.3})
    assert export_prices(finance, 0.1).tolist() == pytest.approx([0.2, 0.1])
    money = finance_roofs(finance, pdc0_kwp=[1.0], energy_kwh=[1000.0], use=[FACTORY], prices=priced(1, 0.0, 9.9, 0.1))
    assert money.npv_cny[0] == pytest.approx((200 - 100) / 1.1 + (100 - 100) / 1.21 - 1000, rel=1e-12)


def test_against_numpy_financial_and_the_cash_flows_of_one_plant() -> None:
    finance, terms = load_finance(), load_terms()
    rng = np.random.default_rng(7)
    kwp = rng.uniform(3, 3000, 200)
    energy = kwp * rng.uniform(700, 1400, 200)
    use = rng.integers(0, len(USES), 200)
    prices = Prices(rng.uniform(0, 1, 200), rng.uniform(0.3, 0.7, 200), rng.uniform(0.05, 0.3, 200))
    before = finance_roofs(finance, pdc0_kwp=kwp, energy_kwh=energy, use=use, prices=prices)
    after = finance_roofs(finance, pdc0_kwp=kwp, energy_kwh=energy, use=use, prices=prices, terms=terms)
    factors = yearly_factors(finance)
    for i in range(200):
        export = export_prices(finance, prices.spot[i])
        price = prices.share[i] * prices.used[i] + (1 - prices.share[i]) * export
        flow = np.concatenate([[-before.capex_cny[i]], energy[i] * factors * price - 1000 * finance.om_cost * kwp[i]])
        assert before.npv_cny[i] == pytest.approx(npf.npv(finance.discount_rate, flow), rel=1e-9, abs=1e-6)
        # numpy-financial solves for the roots of the polynomial, to about 1e-10.
        assert before.irr[i] == pytest.approx(npf.irr(flow), rel=1e-7, abs=1e-9)
        if USES[use[i]] in HOUSEHOLD:  # they pay no tax
            assert after.npv_cny[i] == before.npv_cny[i]
            continue
        plant = Plant(
            before.capex_cny[i], 1000 * finance.om_cost * kwp[i], energy[i] * prices.share[i], energy[i] * (1 - prices.share[i]),
            prices.used[i], export,
        )  # fmt: skip
        told = returns(plant, terms, contract=False, factors=factors, discount_rate=finance.discount_rate)
        assert after.npv_cny[i] == pytest.approx(told.npv, rel=1e-9, abs=1e-6)
        assert after.irr[i] == pytest.approx(told.project_irr, rel=1e-7, abs=1e-9)
        assert after.lcoe_cny_kwh[i] == before.lcoe_cny_kwh[i]


def test_unit_cost_falls_with_size_but_never_the_whole() -> None:
    finance = load_finance()
    size = np.geomspace(1, 1e4, 200)
    for code in (FACTORY, RURAL):
        cost = unit_capex(finance, size, np.full(200, code))
        assert (np.diff(cost) <= 1e-9).all()
        assert (np.diff(cost * size) > 0).all()
    # The domain's band for commercial and industrial roofs is 2.7 to 3.2 CNY/W.
    assert unit_capex(finance, [1.0, 1e5], [FACTORY, FACTORY]).tolist() == pytest.approx([3200.0, 2700.0])
    flush, rack = unit_capex(finance, [100.0, 100.0], [FACTORY, FACTORY], [0, 1])
    assert rack > flush


def test_roofs_without_modules_or_sun() -> None:
    money = finance_roofs(
        load_finance(), pdc0_kwp=[0.0, 5.0], energy_kwh=[0.0, 0.0], use=[FACTORY] * 2, prices=priced(2, 0.5, 0.5), mounting=[-1, 0]
    )
    assert money.capex_cny[0] == 0.0
    assert money.capex_cny[1] > 0.0
    assert np.isnan([money.lcoe_cny_kwh[0], money.npv_cny[0], money.irr[0], money.payback_years[0]]).all()
    assert np.isnan([money.lcoe_cny_kwh[1], money.irr[1], money.payback_years[1]]).all()
    assert money.npv_cny[1] < -money.capex_cny[1]


@pytest.mark.parametrize(
    ("name", "value"), [("degradation_annual", 0.4), ("mechanism_price", 225.0), ("om_cost", 48.0), ("discount_rate", 7.0)]
)
def test_percentages_and_other_units_are_refused(name: str, value: float) -> None:
    with pytest.raises(SolarError, match=f"{name} = .*expected"):
        load_finance({name: value})


def test_degradation_by_year() -> None:
    factors = yearly_factors(load_finance({"degradation_first_year": 0.02, "degradation_annual": 0.005}))
    assert factors[:3].tolist() == pytest.approx([1.0, 0.98 * 0.995, 0.98 * 0.995**2])
    assert factors.size == 25
    # a run's first year holds the first-year loss: the second is down by the annual loss, not equal to the first
    assert yearly_factors(load_finance({"degradation_first_year": 0.0, "degradation_annual": 0.004}))[1] == pytest.approx(0.996)


@settings(max_examples=60, deadline=None)
@given(
    kwp=st.floats(1, 5000),
    hours=st.floats(300, 1600),
    more=st.floats(1.001, 1.5),
    use=st.integers(0, len(USES) - 1),
    share=st.floats(0, 1),
    taxed=st.booleans(),
)
def test_more_sun_is_never_worth_less(kwp: float, hours: float, more: float, use: int, share: float, taxed: bool) -> None:
    energy, prices, terms = [kwp * hours, kwp * hours * more], priced(2, share, 0.5, 0.15), load_terms() if taxed else None
    money = finance_roofs(load_finance(), pdc0_kwp=[kwp, kwp], energy_kwh=energy, use=[use, use], prices=prices, terms=terms)
    assert money.npv_cny[1] > money.npv_cny[0]
    assert money.lcoe_cny_kwh[1] < money.lcoe_cny_kwh[0]
    if not np.isnan(money.irr[0]):
        assert money.irr[1] > money.irr[0]
        # The rate lies above the discount rate exactly where the net value is positive.
        assert (money.irr[0] > load_finance().discount_rate) == (money.npv_cny[0] > 0)
    if not np.isnan(money.payback_years[0]):
        assert money.payback_years[1] <= money.payback_years[0]


def test_a_roof_does_not_depend_on_its_neighbours() -> None:
    finance = load_finance()
    kwp, energy, use = np.array([10.0, 300.0]), np.array([11e3, 3.6e5]), np.array([RURAL, FACTORY])
    both = finance_roofs(finance, pdc0_kwp=kwp, energy_kwh=energy, use=use, prices=priced(2, 0.5, 0.5))
    one = finance_roofs(finance, pdc0_kwp=kwp[1:], energy_kwh=energy[1:], use=use[1:], prices=priced(1, 0.5, 0.5))
    for name in ("capex_cny", "lcoe_cny_kwh", "npv_cny", "irr", "payback_years"):
        assert getattr(both, name)[1] == pytest.approx(getattr(one, name)[0], rel=1e-14)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"discount_rat": 0.06}, "did you mean 'discount_rate'"),
        ({"mounting_extra": {"flash": 0.6}}, "mounting_extra.flush"),
        ({"discount_rate": "6 %"}, "expected a value like"),
        ({"discount_rate": 6.0}, "0.07 for 7 %"),
        ({"mechanism_share": 1.5}, "share from 0 to 1"),
        ({"life_years": 0}, "whole years"),
        ({"capex.commercial": [[100.0, 3.0], [50.0, 2.0]]}, "rising kWp"),
    ],
)
def test_bad_overrides_are_explained(overrides: dict, words: str) -> None:
    with pytest.raises(SolarError, match=words):
        load_finance(overrides)


def test_bad_arrays_are_refused() -> None:
    finance = load_finance()
    with pytest.raises(SolarError, match="one length"):
        finance_roofs(finance, pdc0_kwp=[1.0], energy_kwh=[1.0, 2.0], use=[0], prices=ALL_USED)
    with pytest.raises(SolarError, match="negative"):
        finance_roofs(finance, pdc0_kwp=[np.nan], energy_kwh=[1.0], use=[0], prices=ALL_USED)
    with pytest.raises(SolarError, match="prices must be given"):
        finance_roofs(finance, pdc0_kwp=[1.0], energy_kwh=[1.0], use=[0], prices=priced(2, 1.0, 1.0))
    with pytest.raises(SolarError, match="use_codes"):
        finance_roofs(finance, pdc0_kwp=[1.0], energy_kwh=[1.0], use=[9], prices=ALL_USED)
    with pytest.raises(SolarError, match="Fabrik"):
        use_codes(["factory", "Fabrik"])


def test_every_number_has_unit_and_source() -> None:
    assert all(fact.unit and fact.source for fact in load_finance().facts)
    assert not any(fact.verified for fact in load_finance().facts)
