"""When the energy comes and how sure it is: the numbers behind the report's charts."""

import numpy as np
import pandas as pd
import pytest

from layers.carbon import load_carbon
from layers.schema import column
from maps.answering import carbon_sentences, potential_steps, target_sentence
from maps.energy_charts import typical_day_chart, typical_days, uncertainty_chart, uncertainty_parts
from maps.tables import _economic, map_tables
from maps.words import load_words
from solar.uncertainty import p90_of_sum

from .test_maps_tables import county


def test_a_season_is_the_mean_of_its_own_days() -> None:
    month = pd.date_range("2021-01-01", periods=8760, freq="h").month.to_numpy()
    clock = np.tile(np.arange(24), 365)
    found = typical_days(1000.0 * month + clock)
    # days weigh alike: spring has 31 of March, 30 of April, 31 of May; winter 31 of December and January, 28 of February
    spring = (31 * 3 + 30 * 4 + 31 * 5) / 92 * 1000
    winter = (31 * 12 + 31 * 1 + 28 * 2) / 90 * 1000
    assert found["spring"] == pytest.approx(spring + np.arange(24))
    assert found["winter"] == pytest.approx(winter + np.arange(24))
    days = {"spring": 92, "summer": 92, "autumn": 91, "winter": 90}
    assert sum(found[season].sum() * count for season, count in days.items()) == pytest.approx((1000.0 * month + clock).sum())


def test_causes_of_the_uncertainty_add_up_in_squares() -> None:
    energy = np.full(400, 10_000.0)
    parts = uncertainty_parts(float(energy.sum()), p90_of_sum(energy, 0.5))
    together, *causes = parts.values()
    assert sum(part**2 for part in causes) == pytest.approx(together**2)
    # 1.2816 times 5 % for the rules of the area; of 400 equal roofs a twentieth of their own 0.2 and 0.075 is left
    assert parts["usable_area_method"] == pytest.approx(1.28155 * 0.05, rel=1e-4)
    assert parts["of_single_roofs"] == pytest.approx(1.28155 * np.hypot(0.2, 0.075) / 20, rel=1e-4)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_cause_has_its_words(lang: str) -> None:
    words = load_words(lang)
    chart = uncertainty_chart({"energy_kwh": 1e6, "energy_p90_kwh": 0.9e6}, words)
    assert chart is not None and "P90" in chart.alt
    assert typical_day_chart(np.ones(8760), words) is not None
    assert typical_day_chart(None, words) is None
    assert uncertainty_chart({"energy_kwh": 0.0, "energy_p90_kwh": 0.0}, words) is None


def test_what_pays_is_counted_by_building() -> None:
    priced = pd.DataFrame(
        {
            "pdc0_kwp": [10.0, 20.0, 30.0, 0.0],
            "pac0_kw": [8.0, 16.0, 24.0, 0.0],
            "energy_kwh": [1.0, 2.0, 3.0, 0.0],
            "npv_cny": [5.0, -1.0, 0.0, np.nan],
        }
    )
    assert _economic(priced) == {"buildings": 2.0, "pdc0_kwp": 40.0, "pac0_kw": 32.0, "energy_kwh": 4.0}
    assert _economic(priced.assign(npv_cny=np.nan)) is None


def test_a_step_without_its_number_says_why() -> None:
    heads, rows = potential_steps(map_tables(**county()), load_words("zh"))
    assert len(heads) == 5 and [row[0] for row in rows] == ["理论潜力", "技术可开发量", "可接入容量"]
    assert "无法判定" in rows[-1][1] and rows[-1][2:] == ("—", "—", "—")


def test_the_answer_counts_verdicts() -> None:
    rows = [
        {"id": f"t{k}", "title_en": f"T{k}", "region": None, "verdict": v, "verified": True} for k, v in enumerate(("met", "short", "met"))
    ]
    assert target_sentence([*rows, rows[0] | {"region": "A"}], load_words("en")) == ["Targets: met: 2 (T0, T2); short: 1 (T1)."]
    assert target_sentence([], load_words("en")) == []


def test_carbon_names_its_factor_and_coal_by_both_conventions() -> None:
    # 1 TWh at 0.641 kg is 641 kt, at the nation's 0.5306 530.6 kt; 302 kt of coal by equivalent value, 122.9 by heat value
    co2, coal = carbon_sentences({"energy_kwh": 1e9, "carbon_t": 641_000.0}, load_words("en"))
    assert "641 kt" in co2 and "0.641 kgCO₂/kWh (Shandong, 2022" in co2 and "531 kt" in co2 and "0.5306 (2023)" in co2
    assert "302 ktce" in coal and "123 ktce" in coal
    assert carbon_sentences({"energy_kwh": 0.0, "carbon_t": 0.0}, load_words("zh")) == []


# Of the glossary that the products keep to; the area of a single roof surface is not that of its building, so its plan area is left out.
GLOSSARY = {
    "pdc0_kwp": "装机容量（直流）",
    "pac0_kw": "装机容量（交流）",
    "energy_kwh": "年发电量",
    "energy_p90_kwh": "年发电量（P90）",
    "specific_yield": "年等效利用小时数",
    "irradiation_kwh_m2": "倾斜面年辐照量",
    "area_m2": "屋顶面积（斜面）",
    "usable_area_m2": "可利用面积",
    "covered_area_m2": "组件水平投影面积",
    "module_count": "组件数量",
    "roof_tilt": "屋面倾角",
    "roof_azimuth": "屋面朝向",
    "surface_tilt": "组件倾角",
    "surface_azimuth": "组件方位角",
    "mounting": "安装方式",
    "shading_loss": "阴影遮挡损失",
    "sky_view_factor": "天空可视因子",
    "data_tier": "数据等级",
    "confidence": "可信度",
    "use": "建筑用途",
    "use_detail": "用途细类",
    "responsible_area": "责任区域",
    "capex_cny": "静态投资",
    "lcoe_cny_kwh": "平准化度电成本",
    "irr": "全投资内部收益率",
    "payback_years": "投资回收期",
    "npv_cny": "净现值",
    "carbon_t": "二氧化碳减排量",
}


@pytest.mark.parametrize(("name", "word"), GLOSSARY.items())
def test_columns_are_called_as_the_glossary_calls_them(name: str, word: str) -> None:
    assert column("roofs", name).title("zh") == word


def test_avoided_carbon_is_not_judged_where_the_grid_is_not_known() -> None:
    abroad = load_carbon(abroad=True)
    (said,) = carbon_sentences({"energy_kwh": 1e9, "carbon_t": None}, load_words("en"), carbon=abroad)
    assert "cannot be judged" in said and "grid_factor" in said
    given = load_carbon({"grid_factor": 0.4}, abroad=True)
    co2, _ = carbon_sentences({"energy_kwh": 1e9, "carbon_t": 400_000.0}, load_words("zh"), carbon=given)
    assert "40 万吨" in co2 and "0.4 kgCO₂/kWh" in co2 and "研究文件" in co2 and "山东" not in co2
