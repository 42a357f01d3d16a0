"""Departments and carbon: sums by hand, and the sheets that show them."""

import pandas as pd
import pytest

from layers.carbon import load_carbon
from layers.carbon_sheet import carbon_sheet, department_sheet
from layers.departments import department_table
from layers.policy import load_policy

UNITS = load_policy("jinan-2023-36").departments


def buildings() -> pd.DataFrame:
    uses = ["factory", "urban_residential", "commercial", "unknown", "factory"]
    frame = pd.DataFrame({"use": uses, "roofs": [1, 1, 1, 1, 0], "installed_kwp": [5.0, None, None, None, 9.0]})
    for name, value in (("pdc0_kwp", 100.0), ("pac0_kw", 80.0), ("energy_kwh", 100_000.0), ("capex_cny", 3e5), ("carbon_t", 64.1)):
        frame[name] = value
    return frame


def test_departments_add_up_to_the_whole() -> None:
    table = department_table(buildings(), UNITS, {"factory": 80.0, "unknown": 10.0}).set_index("department")
    assert table.loc["市工业和信息化局", ["buildings", "pdc0_kwp", "installed_kwp", "planned_kw"]].tolist() == [1, 100.0, 5.0, 80.0]
    assert table.loc["市住房城乡建设局", "uses"] == ["commercial", "urban_residential"]
    assert table.loc["", "buildings"] == 1  # a building of unknown use belongs to nobody yet
    whole = table.loc["市发展改革委"]
    assert (whole["buildings"], whole["planned_kw"]) == (4, 90.0)
    for name in ("buildings", "pdc0_kwp", "energy_kwh", "planned_kw"):
        assert table[name].iloc[:-1].sum() == pytest.approx(whole[name])
    assert department_table(buildings(), UNITS)["planned_kw"].isna().all()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_sheet_says_that_the_map_is_a_proposal(lang: str) -> None:
    from functools import partial

    from layers.spreadsheet import _word

    sheet = department_sheet(department_table(buildings(), UNITS), UNITS, partial(_word, lang=lang), lang)
    notes = [row[-1] for row, _ in sheet.rows]
    assert all(("建议分工" if lang == "zh" else "our proposal") in note for note in notes[:-1])
    assert sheet.rows[-1][0][0] == "市自然资源和规划局" and sheet.rows[-1][0][3] is None  # roofs say nothing of the ground


def test_carbon_and_coal_by_hand() -> None:
    by_use = pd.DataFrame({"use": ["factory"], "energy_kwh": [1e6]})
    areas = pd.DataFrame({"name": ["甲", "outside"], "kind": ["region", "outside"], "energy_kwh": [1e6, 0.0]})
    sheet = carbon_sheet(by_use, areas, load_carbon(), [1.0, 0.98], str, "zh")
    # 1 GWh: 641 t in the first year, 641 x 1.98 in two; 530.6 t by the nation; 302 and 122.9 tce
    assert [row[0] for row, _ in sheet.rows] == ["whole", "by_use", "region"]
    for row, _ in sheet.rows:
        assert row[2:8] == pytest.approx([1.0, 641.0, 641.0 * 1.98, 530.6, 302.0, 122.9])
