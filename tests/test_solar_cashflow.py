"""Cash flows after tax, followed by hand over two and eight years, and checked by numpy-financial."""

import numpy as np
import numpy_financial as npf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solar.cashflow import Plant, load_terms, returns, set_off_losses
from solar.errors import SolarError

# 1,130 CNY of plant, 13 % of it input tax: 1,000 net and 130 to set off. 1,000 kWh, all used, at 0.565 with tax = 0.5 net.
PLANT = Plant(1130.0, 50.0, 1000.0, 0.0, 0.565, np.zeros(8), 10.0)
PLAIN = {"depreciation_years": 4, "loan_share": 0.0, "loan_years": 2, "tax_free_years": 1, "tax_half_years": 1}


def test_own_investment_by_hand() -> None:
    found = returns(PLANT, load_terms(PLAIN), contract=False, factors=np.ones(8), discount_rate=0.07)
    # Net income 500 - 50 = 450. Output tax 65 a year: spared in years 1 and 2 (130). Profit 450 - 250 = 200 for four years, then 450.
    # Tax: 0, 200 * 12.5 % = 25, 50, 50, then 112.5.
    assert found.project.tolist() == pytest.approx([-1130, 515, 490, 400, 400, 337.5, 337.5, 337.5, 337.5])
    assert found.equity.tolist() == pytest.approx(found.project.tolist())
    assert found.owner.tolist() == found.equity.tolist()
    assert found.project_irr == pytest.approx(npf.irr(found.project))
    by_hand = -1130 + sum(flow / 1.07**year for year, flow in enumerate(found.project[1:], start=1))
    assert found.npv == pytest.approx(by_hand)


def test_contract_by_hand() -> None:
    terms = load_terms({**PLAIN, "contract_discount": 0.2, "roof_rent": 3.0})
    found = returns(PLANT, terms, contract=True, factors=np.ones(8), discount_rate=0.0)
    # The owner saves 20 % of 565 and gets 3 x 10 of rent, 143 a year for eight years.
    assert found.owner.tolist() == pytest.approx([0.0, *[143.0] * 8])
    assert found.owner_npv == pytest.approx(1144.0)
    # The investor: 452 gross = 400 net + 52 of output tax, spared until 130 are used up: 52, 52, 26; 400 - 50 - 30 = 320, profit 70.
    assert found.project[:4].tolist() == pytest.approx([-1130, 320 + 52, 320 + 52 - 70 * 0.125, 320 + 26 - 70 * 0.25])


def test_loan_in_equal_yearly_sums_and_losses_carried_forward() -> None:
    terms = load_terms({**PLAIN, "loan_share": 0.5, "loan_rate": 0.1})
    found = returns(PLANT, terms, contract=False, factors=np.ones(8), discount_rate=0.07)
    # 565 at 10 % over two years: 325.547619 a year; interest 56.5, then (565 + 56.5 - 325.547619) * 10 % = 29.595238
    assert found.equity[0] == pytest.approx(-565.0)
    assert found.equity[1] == pytest.approx(515 - 325.547619)
    assert found.equity[2] == pytest.approx(450 + 65 - (200 - 29.595238) * 0.125 - 325.547619)
    # 100 CNY of profit a year less than the loss of the first: tax begins when the loss is made up.
    poor = Plant(1130.0, 350.0, 1000.0, 0.0, 0.565, np.zeros(8))
    lost = returns(
        poor, load_terms({**PLAIN, "tax_free_years": 0, "tax_half_years": 0}), contract=False, factors=np.ones(8), discount_rate=0.07
    )
    # profit 150 - 250 = -100 for four years, then 150: 400 of loss are made up in year 7, where 50 are taxed at 25 %
    assert lost.project[5:].tolist() == pytest.approx([150, 150, 150 - 12.5, 150 - 37.5])


# 100 CNY of loss a year for four years, then 150 of profit a year, taxed at 25 %. Five years, the law's: all 400 are set off, 50 of year 7
# are taxed. Two years: year 5 takes the losses of years 3 and 4 up to 150, year 6 the last 50; those of years 1 and 2 have lapsed.
@pytest.mark.parametrize(("years", "taxes"), [(60, [0, 0, 12.5, 37.5]), (5, [0, 0, 12.5, 37.5]), (2, [0, 25, 37.5, 37.5]), (0, [37.5] * 4)])
def test_losses_lapse_by_hand(years: int, taxes: list[float]) -> None:
    poor = Plant(1130.0, 350.0, 1000.0, 0.0, 0.565, np.zeros(8))
    terms = load_terms({**PLAIN, "tax_free_years": 0, "tax_half_years": 0, "tax_loss_years": years})
    found = returns(poor, terms, contract=False, factors=np.ones(8), discount_rate=0.07)
    assert found.project[5:].tolist() == pytest.approx([150 - tax for tax in taxes])


def test_the_law_allows_five_years() -> None:
    # a loss of 100, nothing for five years, then 100: the sixth year after the loss is too late, the fifth is not
    assert load_terms().value["tax_loss_years"] == 5
    for gap, left in ((4, 0.0), (5, 100.0)):
        profit = np.array([-100.0, *[0.0] * gap, 100.0])
        set_off_losses(profit, 5.0)
        assert profit[-1] == left


@settings(max_examples=50, deadline=None)
@given(st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_a_deeper_discount_helps_the_owner_and_costs_the_investor(one: float, two: float) -> None:
    low, high = sorted((one, two))
    kind, hard = (
        returns(PLANT, load_terms({**PLAIN, "contract_discount": d}), contract=True, factors=np.ones(8), discount_rate=0.07)
        for d in (high, low)
    )
    assert kind.owner_npv >= hard.owner_npv - 1e-9
    assert kind.npv <= hard.npv + 1e-9


def test_mistakes_are_explained() -> None:
    with pytest.raises(SolarError, match="share from 0 to 1"):
        load_terms({"loan_share": 1.5})
    with pytest.raises(SolarError, match="whole years"):
        load_terms({"loan_years": 2.5})
