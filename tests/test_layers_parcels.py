"""Money, battery, class and variants of a parcel: a case for a pocket calculator, a battery followed by hand, laws of the variants."""

from typing import Any

import numpy as np
import numpy_financial as npf
import pandas as pd
import pytest

from layers.business import payback
from layers.errors import LayersError
from layers.grid_class import grid_class, grid_classes, limits_below
from layers.parcel_money import (
    Meter,
    Money,
    Plant,
    balance,
    battery_that_pays,
    business,
    cash,
    highest_rent,
    lcoe,
    load_spreads,
    tornado,
)
from layers.parcel_sheet import LoadSource, _export_cases, unit_doubt
from layers.parcel_variants import AIMS, Laid, first_modules, variants, whole_plant
from solar.cashflow import Addition, load_terms, returns
from solar.cashflow import Plant as PlantFlow
from solar.money import load_finance
from solar.storage import best_battery, load_battery, run_battery
from solar.weather import HOURS


def money(**battery: float) -> Money:
    finance = load_finance(
        {
            "discount_rate": 0.1,
            "life_years": 2,
            "degradation_first_year": 0.0,
            "degradation_annual": 0.0,
            "om_cost": 0.05,
            "mechanism_share": 1.0,
            "mechanism_price": 0.226,
            "mechanism_years": 2,
        }
    )
    terms = load_terms(
        {
            "vat_rate": 0.13,
            "income_tax_rate": 0.25,
            "tax_free_years": 0,
            "tax_half_years": 0,
            "depreciation_years": 2,
            "loan_share": 0.0,
            "contract_discount": 0.2,
            "roof_rent": 1.0,
        }
    )
    return Money(finance, terms, load_battery(battery))


def one_hour(value: float) -> np.ndarray:
    hours = np.zeros(HOURS)
    hours[12] = value
    return hours


def meter(load: float = 10_000.0) -> Meter:
    return Meter(one_hour(load), np.full(HOURS, 0.565), np.full(HOURS, 0.1), "factory")


PLANT = Plant(sun=one_hour(15_000.0), kwp=10.0, pac0_kw=8.0, modules=20, capex=11_300.0, area_m2=50.0)


def test_cash_flow_by_pocket_calculator() -> None:
    # income 10,000 x 0.565 + 5,000 x 0.226 = 6,780 with VAT, 6,000 without; capex 11,300 with, 10,000 without; upkeep 10 kWp x 50 = 500
    # output VAT 780 a year against 1,300 of input VAT: 780 spared in year 1, 520 in year 2; profit 6,000 - 500 - 5,000 = 500, tax 125
    got = business(PLANT, meter(), money())["own"]
    assert got["flows"]["project"] == pytest.approx([-11_300.0, 5_500.0 + 780.0 - 125.0, 5_500.0 + 520.0 - 125.0])
    assert got["npv_cny"] == pytest.approx(-11_300.0 + 6_155.0 / 1.1 + 5_895.0 / 1.21)
    assert got["payback_years"] == pytest.approx(1.0 + 5_145.0 / 5_895.0)
    # before tax: (11,300 + 500 x 1.735537) / (15,000 x 1.735537)
    assert lcoe(PLANT, money().finance) == pytest.approx(0.467397, abs=1e-6)


def test_contract_shares_the_income() -> None:
    # the owner saves 20 % of 10,000 x 0.565 = 1,130 a year and gets 50 m2 x 1 CNY
    got = business(PLANT, meter(), money())["contract"]
    assert got["flows"]["owner"] == pytest.approx([0.0, 1_180.0, 1_180.0])
    assert got["owner_npv_cny"] == pytest.approx(1_180.0 / 1.1 + 1_180.0 / 1.21)


def test_balance_counts_every_hour_once() -> None:
    rng = np.random.default_rng(1)
    plant = Plant(rng.random(HOURS) * 5.0, 10.0, 8.0, 20, 1.0, 1.0)
    told = balance(plant, Meter(rng.random(HOURS) * 4.0, np.ones(HOURS), np.ones(HOURS), "factory"))
    assert told["used_kwh"] + told["exported_kwh"] == pytest.approx(told["energy_kwh"])
    assert told["used_kwh"] + told["bought_kwh"] == pytest.approx(told["load_kwh"])
    assert 0.0 < told["self_use_share"] < 1.0
    assert told["peak_export_kw"] <= 5.0


def test_tornado_is_worst_first_and_signs_are_right() -> None:
    rows = {row["name"]: row for row in tornado(PLANT, meter(), money(), 0.15, load_spreads())}
    assert set(rows) == {"energy", "capex", "retail", "spot", "load", "upkeep", "discount"}
    for name in ("energy", "retail", "load"):
        assert rows[name]["high_npv_cny"] > rows[name]["low_npv_cny"]
    for name in ("capex", "upkeep", "discount"):
        assert rows[name]["high_npv_cny"] < rows[name]["low_npv_cny"]
    # all exports are in the mechanism
    assert rows["spot"]["high_npv_cny"] == pytest.approx(rows["spot"]["low_npv_cny"])
    widths = [abs(row["high_npv_cny"] - row["low_npv_cny"]) for row in tornado(PLANT, meter(), money(), 0.15, load_spreads())]
    assert widths == sorted(widths, reverse=True)


def test_battery_followed_by_hand() -> None:
    sun, load = np.zeros(HOURS), np.zeros(HOURS)
    sun[12::24], load[20::24] = 10.0, 10.0
    terms = load_battery({"hours": 1.0, "round_trip": 0.81, "cost_per_kwh": 100.0, "upkeep_share": 0.0, "fade": 0.0, "life_years": 2})
    got = run_battery(sun, load, np.ones(HOURS), np.full(HOURS, 0.2), 5.0, terms, discount_rate=0.1)
    # 5 kWh go in at 0.9, 4.5 are held, 4.05 come out: each day 4.05 x 1 saved, 5 x 0.2 not sold
    assert got.charged.sum() == pytest.approx(365 * 5.0)
    assert got.discharged.sum() == pytest.approx(365 * 4.05)
    assert got.income_cny == pytest.approx(365 * (4.05 - 1.0))
    assert got.npv_cny == pytest.approx(365 * 3.05 * (1 / 1.1 + 1 / 1.21) - 500.0)


def test_battery_gives_no_more_than_it_takes() -> None:
    rng = np.random.default_rng(2)
    sun, load = rng.random(HOURS) * 9.0, rng.random(HOURS) * 6.0
    got = run_battery(sun, load, np.ones(HOURS), np.zeros(HOURS), 12.0, load_battery(), discount_rate=0.07)
    assert got.discharged.sum() <= 0.88 * got.charged.sum() + 1e-6
    assert (got.charged <= np.maximum(sun - load, 0.0) + 1e-12).all()
    assert (got.discharged <= np.maximum(load - sun, 0.0) + 1e-12).all()
    assert max(got.charged.max(), got.discharged.max()) <= got.power_kw + 1e-12


def test_no_battery_where_none_pays() -> None:
    sun, load = np.zeros(HOURS), np.zeros(HOURS)
    sun[12::24], load[20::24] = 10.0, 10.0
    dear, cheap = load_battery({"cost_per_kwh": 1e6}), load_battery({"cost_per_kwh": 10.0})
    price = np.ones(HOURS)
    assert best_battery(sun, load, price, 0.2 * price, dear, discount_rate=0.07) is None
    assert best_battery(sun, load, price, 0.2 * price, cheap, discount_rate=0.07) is not None
    assert battery_that_pays(PLANT, meter(20_000.0), money()) is None  # nothing is exported


def test_classes_by_power_voltage_and_owner() -> None:
    def code(*given: Any) -> str | None:
        found = grid_class(*given)
        return None if found is None else found.code

    assert code("factory", 6_000.0) == "general_commercial"
    assert code("public_institution", 100.0) == "general_commercial"
    assert code("factory", 6_001.0) == "large_commercial_35"
    assert code("factory", 20_001.0) == "large_commercial_110"
    assert code("factory", 50_001.0) is None
    assert code("factory", 1_000.0, 35.0) == "large_commercial_35"
    assert code("factory", 1_000.0, 66.0) == "large_commercial_110"
    assert code("factory", 7_000.0, 10.0) is None
    assert code("rural_residential", 20.0) == "natural_household"
    assert code("urban_residential", 500.0) == "legal_household"
    assert all(one.source and len(one.asks["zh"]) == len(one.asks["en"]) for one in grid_classes())
    with pytest.raises(LayersError, match="power of 0 or more"):
        grid_class("factory", float("nan"))


def laid() -> Laid:
    roofs = pd.DataFrame(
        {
            "roof_id": ["a", "b", "c"],
            "module_count": [10, 20, 0],
            "pdc0_kwp": [5.0, 10.0, 0.0],
            "pac0_kw": [4.0, 8.0, 0.0],
            "capex_cny": [15_000.0, 29_000.0, 0.0],
            "lcoe_cny_kwh": [0.5, 0.4, np.nan],
            "usable_area_m2": [30.0, 60.0, 0.0],
        }
    )
    shape = np.tile(np.r_[np.zeros(8), np.ones(8), np.zeros(8)], 365)
    return Laid(roofs, np.outer([2.0, 4.5, 0.0], shape))


def test_modules_are_taken_in_the_order_of_cost() -> None:
    part = first_modules(laid(), 25)  # all of b, half of a
    assert part.modules == 25
    assert part.kwp == pytest.approx(10.0 + 2.5)
    assert part.capex == pytest.approx(29_000.0 + 7_500.0)
    assert part.sun.max() == pytest.approx(4.5 + 1.0)
    assert whole_plant(laid()).modules == 30


@pytest.mark.parametrize("aim", AIMS)
def test_variants_keep_their_limits_and_mark_one(aim: str) -> None:
    at = Meter(np.full(HOURS, 3.0), np.full(HOURS, 0.6), np.full(HOURS, 0.1), "factory")
    usual = Money(load_finance(), load_terms(), load_battery())
    rows = variants({"chosen": laid()}, at, usual, aim=aim, most_kw=9.0, most_export_kw=1.0)
    assert sum(row["best"] for row in rows) == 1
    by = {row["roofs"]: row for row in rows if not row["storage_kwh"]}
    assert by["all"]["modules"] == 30
    # 20 modules of b have 8 kW AC, two of a 0.8
    assert by["power"]["modules"] == 22
    # 3 kW of load and 1 kW of export carry 4 kW: 4 / 4.5 of b, and 17 modules keep 9 kW too
    assert by["export"]["modules"] == 17
    assert by["export"]["peak_export_kw"] <= 1.0
    assert next(row for row in rows if row["best"])["roofs"] == "export"


def test_surplus_that_a_class_keeps_from_the_mechanism_is_valued_apart() -> None:
    # 10,000 of 15,000 kWh are used: as by hand above, but 5,000 x 0.1 of spot instead of 0.226, or nothing
    used, net = 10_000 * 0.565, 11_300 / 1.13
    for name, sold in (("spot_npv", 5_000 * 0.1), ("none_npv", 0.0)):
        income = (used + sold) / 1.13
        credit = (used + sold) - income
        tax = 0.25 * max(0.0, income - 500 - net / 2)
        first, second = income - 500 + credit - tax, income - 500 + min(credit, 1_300 - credit) - tax
        lost = min(0.0, income - 500 - net / 2)
        assert lost == 0.0 or tax == 0.0
        assert _export_cases(PLANT, meter(), money())[name] == pytest.approx(-11_300 + first / 1.1 + second / 1.21)


def test_unknown_aim_is_told() -> None:
    with pytest.raises(LayersError, match="aim = 'gold'"):
        variants({"chosen": laid()}, meter(), money(), aim="gold")


def test_battery_bears_the_taxes_of_the_plant() -> None:
    # 1,130 CNY of battery with tax, 1,000 without, written off in two years
    taxed = load_terms(
        {
            "vat_rate": 0.13,
            "income_tax_rate": 0.25,
            "tax_free_years": 0,
            "tax_half_years": 0,
            "depreciation_years": 2,
            "loan_share": 0.0,
        }
    )
    plant = {"capex": 11_300.0, "upkeep": 500.0, "used_kwh": 10_000.0, "exported_kwh": 5_000.0, "used_price": 0.565}
    prices = np.full(2, 0.226)
    battery = Addition(1_130.0, np.array([904.0, 904.0]), np.array([50.0, 50.0]), 2.0)
    alone, beside = (
        returns(PlantFlow(**plant, export_price=prices, beside=one), taxed, contract=False, factors=np.ones(2), discount_rate=0.1)
        for one in (None, battery)
    )
    # income 904 with VAT, 800 without; 800 - 50 - 500 written off = 250 of profit, 62.5 of tax; output VAT 104 a year is spared by
    # the input VAT of both together: 1,430 in all, 884 in year 1, 546 in year 2, where the plant alone has 780 and 520
    assert beside.project - alone.project == pytest.approx([-1_130.0, 750.0 - 62.5 + 104.0, 750.0 - 62.5 + 26.0])
    assert beside.npv - alone.npv == pytest.approx(-1_130.0 + 791.5 / 1.1 + 713.5 / 1.21)


def test_the_battery_that_pays_raises_the_worth_after_tax() -> None:
    sun, load = np.zeros(HOURS), np.zeros(HOURS)
    sun[12::24], load[20::24] = 10.0, 10.0
    plant = Plant(sun, 10.0, 8.0, 20, 20_000.0, 50.0)
    at = Meter(load, np.full(HOURS, 1.0), np.full(HOURS, 0.1), "factory")
    usual = Money(load_finance(), load_terms(), load_battery({"cost_per_kwh": 500.0}))
    battery = battery_that_pays(plant, at, usual)
    assert battery is not None
    gain = cash(plant, at, usual, "own", battery).npv - cash(plant, at, usual, "own").npv
    assert 0.0 < gain < battery.npv_cny  # taxes take their part
    # at a price between the two the battery pays before tax only, and is not proposed
    priced = [Money(load_finance(), load_terms(), load_battery({"cost_per_kwh": cost})) for cost in np.arange(600.0, 3000.0, 20.0)]
    proposed = [battery_that_pays(plant, at, one) is not None for one in priced]
    assert proposed == sorted(proposed, reverse=True)
    last = priced[sum(proposed)]
    assert best_battery(sun, load, at.retail, at.spot, last.battery, discount_rate=last.finance.discount_rate) is not None


@pytest.mark.parametrize("aim", AIMS)
def test_the_battery_follows_the_aim(aim: str) -> None:
    sun, load = np.zeros(HOURS), np.full(HOURS, 1.0)
    sun[11::24], sun[12::24], load[20::24] = 6.0, 10.0, 10.0
    # alone it does not pay within its life, which is no payback to subtract from
    plant = Plant(sun, 10.0, 8.0, 20, 20_000.0, 50.0)
    at = Meter(load, np.full(HOURS, 0.8), np.full(HOURS, 0.1), "factory")
    usual = Money(load_finance(), load_terms(), load_battery({"cost_per_kwh": 700.0}))
    chosen, alone = battery_that_pays(plant, at, usual, aim), cash(plant, at, usual, "own")
    assert chosen is not None
    share, price = usual.finance.mechanism_share[: int(usual.battery.value["life_years"])].mean(), usual.finance.mechanism_price
    export = share * price + (1.0 - share) * at.spot
    sizes = [run_battery(sun, load, at.retail, export, 14.0 * k / 20.0, usual.battery, discount_rate=0.07) for k in range(1, 21)]
    got = [cash(plant, at, usual, "own", one) for one in sizes]  # 5 + 9 kWh are left over each day
    measure = {
        "irr": [one.project_irr for one in got],
        "payback": np.nan_to_num([-payback(one.project) for one in got], nan=-np.inf),
        "self_use": [size.energy_kwh if one.npv > alone.npv else 0.0 for size, one in zip(sizes, got, strict=True)],
    }.get(aim, [one.npv for one in got])
    assert chosen.energy_kwh == pytest.approx(sizes[int(np.argmax(measure))].energy_kwh)


def test_the_unit_is_doubted_where_the_other_fits_the_floor_area() -> None:
    def doubt(mwh: float, expected: float, code: str = "load_as_power", unknown: float = 0.0) -> bool:
        other = mwh * (4.0 if code == "load_as_power" else 0.25)
        values = {"minutes": 15, "mwh": mwh, "peak": 1.0, "other_mwh": other, "other_peak": 1.0}
        return unit_doubt(LoadSource("curve", [(code, values)], 1e3 * expected, unknown)) is not None

    # twice apart either way is the middle between readings four times apart
    assert [doubt(100.0, mwh) for mwh in (190.0, 210.0, 400.0, 20.0)] == [False, True, True, False]
    assert [doubt(100.0, mwh, "load_as_energy") for mwh in (60.0, 40.0, 25.0, 400.0)] == [False, True, True, False]
    assert not doubt(100.0, 0.0)
    assert not doubt(100.0, 400.0, unknown=0.5)


def test_the_highest_rent_leaves_the_investor_the_discount_rate() -> None:
    plant, at = PLANT, meter()
    cheap = Plant(plant.sun, plant.kwp, plant.pac0_kw, plant.modules, 5_000.0, plant.area_m2)
    rent = highest_rent(cheap, at, money())
    with_rent = Money(money().finance, load_terms({**money().terms.value, "roof_rent": rent}), money().battery)
    got = cash(cheap, at, with_rent, "contract")
    assert got.npv == pytest.approx(0.0, abs=0.2)
    assert npf.irr(got.project) == pytest.approx(0.1, abs=1e-4)
    dear = Plant(plant.sun, plant.kwp, plant.pac0_kw, plant.modules, 50_000.0, plant.area_m2)
    assert np.isnan(highest_rent(dear, at, money()))


def test_what_is_too_large_for_its_class_is_also_cut_to_its_limit() -> None:
    assert limits_below("factory", 5_999.0) == []
    assert limits_below("factory", 7_000.0) == [6_000.0]
    assert limits_below("factory", 60_000.0) == [6_000.0, 20_000.0, 50_000.0]
    assert limits_below("factory", 30_000.0, 35.0) == [20_000.0]
    roofs = laid().roofs.assign(**{name: laid().roofs[name] * 1_000.0 for name in ("pdc0_kwp", "pac0_kw", "capex_cny", "usable_area_m2")})
    large = Laid(roofs.assign(module_count=[10_000, 20_000, 0]), laid().hours * 1_000.0)
    at = Meter(np.full(HOURS, 3_000.0), np.full(HOURS, 0.6), np.full(HOURS, 0.1), "factory")
    usual = Money(load_finance(), load_terms(), load_battery())
    rows = variants({"chosen": large}, at, usual)
    cut = [row for row in rows if row["roofs"] == "class"]
    # 0.4 kW AC a module
    assert {(row["limit_kw"], row["modules"]) for row in cut} == {(6_000.0, 15_000)}


def test_the_best_keeps_every_limit() -> None:
    at = Meter(np.full(HOURS, 3.0), np.full(HOURS, 0.6), np.full(HOURS, 0.1), "factory")
    usual = Money(load_finance(), load_terms(), load_battery())
    for power, export in ((4.0, 5.0), (9.0, 0.5), (4.0, 0.2)):
        rows = variants({"chosen": laid()}, at, usual, most_kw=power, most_export_kw=export)
        (best,) = (row for row in rows if row["best"])
        assert best["pac0_kw"] <= power
        assert best["peak_export_kw"] <= export
    # what builds the same is there once
    built = [(row["modules"], row["storage_kwh"], round(row["energy_kwh"])) for row in rows]
    assert len(built) == len(set(built))
    assert not any(row["best"] for row in variants({"chosen": laid()}, at, usual, most_kw=0.0))
