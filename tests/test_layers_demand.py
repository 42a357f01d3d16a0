"""Energy use of buildings, avoided CO₂ and coal, by hand."""

import numpy as np
import pandas as pd
import pytest

from layers.carbon import carbon_t, electricity_tce, heat_tce, life_carbon_t, load_carbon
from layers.demand import building_demand_kwh, intensity, load_demand
from layers.errors import LayersError


def test_floor_area_times_intensity() -> None:
    use = pd.Series(["urban_residential", "public_institution", "commercial", "other", "commercial"], index=list("abcde"))
    detail = pd.Series([None, "第一中学（学校）", "万象购物中心", None, None], index=use.index)
    area = pd.Series([100.0, 10.0, 10.0, 10.0, np.nan], index=use.index)
    energy = building_demand_kwh(load_demand(), use, area, detail)
    # A dwelling of 100 m² uses the 2,700 kWh of GB/T 51161-2016; a shopping centre 175 kWh/m², not the 140 of its class.
    assert energy.iloc[:3].tolist() == [2700.0, 450.0, 1750.0]
    assert energy.iloc[3:].isna().all()
    assert energy.index.tolist() == list("abcde")


def test_class_without_intensity_stays_without_whatever_the_detail() -> None:
    assert intensity(load_demand(), pd.Series(["unknown"]), pd.Series(["学校"])).isna().all()


def test_overrides_and_their_errors() -> None:
    demand = load_demand({"use": {"commercial": 120.0}})
    assert demand.use["commercial"].value == 120.0
    with pytest.raises(LayersError, match=r"use\.commercial"):
        load_demand({"use.comercial": 120.0})
    with pytest.raises(LayersError, match="more than 0"):
        load_demand({"use.commercial": 0.0})
    assert not any(fact.verified for fact in load_demand().use.values())


def test_carbon_by_hand() -> None:
    carbon = load_carbon()
    # 1,000 MWh × 0.6410 t/MWh
    assert carbon_t(carbon, [1e6, 0.0]).tolist() == pytest.approx([641.0, 0.0])
    assert (carbon.factor.year, carbon.nation.value) == (2022, 0.5306)
    assert np.isnan(carbon_t(load_carbon(abroad=True), [1e6, 0.0])).all()  # no factor of ours holds outside China…
    assert carbon_t(load_carbon({"grid_factor": 0.4}, abroad=True), 1000.0) == pytest.approx(0.4)  # …but the study may give its own
    assert carbon_t(load_carbon({"choice": "north-china-2023"}), 1000.0) == pytest.approx(0.6361)
    # Two years of 1 and 0.9 with a grid that cleans up by half each year: 1 + 0.9 × 0.5
    assert life_carbon_t(load_carbon({"annual_decline": 0.5}), [1000.0], [1.0, 0.9]).tolist() == pytest.approx([0.641 * 1.45])
    with pytest.raises(LayersError, match="shandong-2022"):
        load_carbon({"choice": "shandong"})
    with pytest.raises(LayersError, match="0 to 1"):
        load_carbon({"annual_decline": 2.0})


def test_coal_in_both_conventions() -> None:
    carbon = load_carbon()
    assert electricity_tce(carbon, 1e4, "heat_value") == pytest.approx(1.229)
    assert electricity_tce(carbon, 1e4, "equivalent_value") == pytest.approx(3.02)
    assert heat_tce(carbon, 29.3076) == pytest.approx(1.0)
    # 当量值 is heat: a kWh of 3.6 MJ counts the same either way, to the four digits of 0.1229.
    assert electricity_tce(carbon, 1e6, "heat_value") == pytest.approx(heat_tce(carbon, 3600.0), rel=1e-3)
    with pytest.raises(LayersError, match="heat_value"):
        electricity_tce(carbon, 1.0, "heat")
