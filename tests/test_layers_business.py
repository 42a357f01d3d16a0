"""Business models: areas and classes as sums of plants, by hand on two buildings."""

import numpy as np
import numpy_financial as npf
import pandas as pd
import pytest

from layers.business import business_cases, earnings
from layers.connection import connection_class, connection_table
from layers.demand import load_demand
from solar.cashflow import load_terms
from solar.money import USES, load_finance
from solar.self_use import RATIOS, TABLES, Market

# Half of everything is used, at 0.6; the rest is sold at 0.2.
FLAT = Market(**{name: np.full((len(USES), RATIOS.size), value) for name, value in zip(TABLES, (0.5, 0.6, 0.2), strict=True)}, spot_all=0.1)
FINANCE = load_finance({"degradation_first_year": 0.0, "degradation_annual": 0.0, "om_cost": 0.0, "mechanism_share": 0.0})
TERMS = load_terms({"vat_rate": 0.0, "income_tax_rate": 0.0, "loan_share": 0.0})


def two() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "use": ["factory", "rural_residential", "other"],
            "use_detail": ["", "", ""],
            "responsible_area": ["甲", "甲", None],
            "floor_area_m2": [1000.0, 100.0, 50.0],
            "pdc0_kwp": [100.0, 10.0, 0.0],
            "energy_kwh": [100_000.0, 10_000.0, 0.0],
            "capex_cny": [300_000.0, 30_000.0, 0.0],
            "usable_area_m2": [500.0, 50.0, 0.0],
        }
    )


def test_earnings_by_hand() -> None:
    found = earnings(two(), FLAT, load_demand())
    assert found["load_kwh"].tolist()[:2] == pytest.approx([120_000.0, 2_700.0])
    assert found["used_cny"].tolist()[:2] == pytest.approx([30_000.0, 3_000.0])
    assert found["spot_cny"].tolist()[:2] == pytest.approx([10_000.0, 1_000.0])


def test_areas_and_classes_are_sums_of_plants() -> None:
    table = business_cases(two(), FINANCE, TERMS, FLAT, load_demand()).set_index(["kind", "name", "model"])
    # 100,000 kWh at 0.4 on average: 40,000 a year on 300,000
    irr = npf.irr([-300_000.0, *[40_000.0] * 25])
    assert table.loc[("use", "factory", "own"), "project_irr"] == pytest.approx(irr)
    assert table.loc[("area", "甲", "own"), "project_irr"] == pytest.approx(irr)
    assert table.loc[("whole", "", "own"), "capex_cny"] == pytest.approx(330_000.0)
    assert table.loc[("area", "甲", "own"), "payback_years"] == pytest.approx(7.5)
    own = table.xs("own", level="model")["npv_cny"]
    assert own["use"].sum() == pytest.approx(own["whole"].sum()) == pytest.approx(own["area"].sum())
    assert table.loc[("whole", "", "own"), "self_use_share"] == pytest.approx(0.5)
    # 15 % off 0.6 on half of the energy is the owner's
    gain = 0.15 * 0.6 * 50_000
    assert table.loc[("use", "factory", "contract"), "owner_npv_cny"] == pytest.approx(npf.npv(0.07, [0.0, *[gain] * 25]))
    # O&M is nothing here: capex over the discounted energy of 25 years, annuity 11.653583
    assert table.loc[("use", "factory", "own"), "lcoe_cny_kwh"] == pytest.approx(300_000 / (100_000 * 11.653583), rel=1e-6)
    assert table.loc[("whole", "", "contract"), "lcoe_cny_kwh"] == pytest.approx(330_000 / (110_000 * 11.653583), rel=1e-6)
    assert "other" not in table.index.get_level_values("name")


def test_households_that_build_pay_no_tax() -> None:
    plain = business_cases(two(), FINANCE, TERMS, FLAT, load_demand()).set_index(["name", "model"])
    taxed = business_cases(two(), FINANCE, load_terms({"loan_share": 0.0}), FLAT, load_demand()).set_index(["name", "model"])
    home, plant = ("rural_residential", "own"), ("factory", "own")
    assert taxed.loc[home, "project_irr"] == pytest.approx(plain.loc[home, "project_irr"])
    assert taxed.loc[plant, "project_irr"] < plain.loc[plant, "project_irr"]


def test_nothing_built_is_an_empty_table() -> None:
    assert business_cases(two().assign(pdc0_kwp=0.0), FINANCE, TERMS, FLAT, load_demand()).empty


def test_classes_of_2025_and_their_rule() -> None:
    table = pd.DataFrame(
        {
            "use": ["rural_residential", "urban_residential", "factory", "factory", "commercial", "factory"],
            "status": "assessed",
            "pdc0_kwp": [20.0, 900.0, 1000.0, 9000.0, 500.0, 70_000.0],
            "pac0_kw": [16.0, 720.0, 800.0, 7200.0, 400.0, 56_000.0],
            "energy_kwh": [20e3, 900e3, 1e6, 9e6, 5e5, 70e6],
            "installed_kwp": [np.nan, 0.0, 250.0, np.nan, 0.0, 0.0],
        }
    )
    assert connection_class(table["use"], table["pac0_kw"]).tolist() == [
        "household",
        "nonhousehold",
        "general",
        "large",
        "general",
        "beyond",
    ]
    used = pd.Series([5e3, 300e3, 0.4e6, 9e6, 3e5, 7e6])
    found = connection_table(table, used, price_before=0.3949).set_index("class")
    # the factory keeps 40 %, the shop 60 %: half is asked for
    assert found.loc["general", "below_mw"] == pytest.approx(0.8)
    assert found.loc["general", "self_use_share"] == pytest.approx(0.7 / 1.5)
    assert found.loc["large", ["required_share", "below_mw"]].tolist() == [1.0, 0.0]
    assert pd.isna(found.loc["household", "required_share"])
    assert found.loc["before_2025_06", ["buildings", "pac_mw", "export_price"]].tolist() == pytest.approx(
        [1, 0.2, 0.3949]
    )  # 250 kWp at 0.8
    # the small factory and the shop stand on one parcel with the large one: 8.4 MW are one large plant, 25 % of 10.5 GWh used
    joined = table.assign(parcel_id=[None, None, "A", "A", "A", None])
    parcels = pd.DataFrame({"name": ["A", "B"], "use": ["factory", "unknown"], "self_use_share": [0.25, np.nan]})
    one = connection_table(joined, used, price_before=0.3949, parcels=parcels).set_index("class")
    assert "general" not in one.index
    assert one.loc["large", ["buildings", "pac_mw", "self_use_share", "below_mw"]].tolist() == pytest.approx([3, 8.4, 0.25, 8.4])
    assert one.loc["beyond", "buildings"] == 1
