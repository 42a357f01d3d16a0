"""The spreadsheet as Excel would read it: sheets, heads with units, numbers, text that stays text."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from layers.schema import columns
from layers.spreadsheet import write_tables

TARGET = {
    "id": "pv_capacity", "region": None, "unit": "MW", "required": 2000.0, "deadline": "2025-12-31", "technical": 5000.0,
    "planned": 1800.0, "built": 1500.0, "gap": 200.0, "verdict": "short", "missing": [], "clause": "三(二)",
    "responsible": ["市发改委", "市住建局"],
    "verified": False, "title_zh": "光伏装机容量", "title_en": "PV capacity", "note_zh": "说明。", "note_en": "Note.",
}  # fmt: skip
UNKNOWN = TARGET | {
    "region": "历下区", "unit": "1", "required": 0.5, "built": None, "planned": None, "gap": None, "verdict": "cannot_judge",
    "deadline": None, "missing": [{"input": "已建容量", "cell": "填报!B4"}, "批复文件", {"input": "负荷", "cell": None}],
}  # fmt: skip
MANIFEST = {
    "study": {"name": "济南", "as_of": "2026-11-23"},
    "inputs": [{"role": "buildings", "path": "buildings.gpkg", "sha256": "ab12", "size": 7}],
    "versions": {"wuding": "0.1.0"},
    "parameters": {
        "system": [{"name": "gamma_pdc", "value": -0.0034, "unit": "1/K", "source": "datasheet", "verified": False}],
        "choose": "lcoe",
    },
    "audit": [{"name": "cost", "value": [[20.0, 3.2], [400.0, 3.0]]}, {"name": "use", "value": {"a": True, "b": [1, 2]}}],
    "warnings": ["=cmd|' /C calc'!A0"],
    "notes": {"made_up": True},
    "totals": {"pdc0_kwp": 3000.0, "energy_kwh": 3.3e6, "specific_yield": 1100.0},
}


def parcels_of(names: list[str]) -> gpd.GeoDataFrame:
    frame = regions_of(names, "parcels")
    ranks = [*range(len(names) - 1, 0, -1), None]
    return frame.assign(rank=ranks, use="factory", coverage=0.5, self_use_share=0.8, payback_years=[7.25, *[None] * (len(names) - 1)])


def regions_of(names: list[str], described: str = "regions") -> gpd.GeoDataFrame:
    n = len(names)
    data = {c.name: [1000.0 * (k + 1) for k in range(n)] for c in columns(described) if c.dtype != "geometry"}
    data |= {"name": names, "kind": ["region"] * (n - 1) + ["outside"], "roofs": [3] * (n - 1) + [0], "buildings": [2] * (n - 1) + [0]}
    return gpd.GeoDataFrame(data, geometry=[shapely.Point(0, 0).buffer(1)] * n, crs="EPSG:4548")


def write(path: Path, lang: str = "zh", **changes: object) -> Path:
    by_use = pd.DataFrame({"use": ["factory", "other"], "buildings": [2, 1], "with_roofs": [1, 1], "pdc0_kwp": [1000.0, 2000.0],
                           "energy_kwh": [1.1e6, 2.2e6], "specific_yield": [1100.0, 1100.0]})  # fmt: skip
    by_status = pd.DataFrame({"status": ["assessed", "too_small"], "buildings": [3, 1], "installed_kwp": [500.0, 0.0]})
    parts = {
        "targets": [TARGET, UNKNOWN],
        "regions": {"districts": regions_of(["历下区", "=1+1", "outside"]),
                    "parcels": parcels_of(["P1", "@P2", "outside"]), "grid": regions_of(["E1", "outside"])},
        "by_use": by_use, "by_status": by_status, "manifest": MANIFEST,
    }  # fmt: skip
    write_tables(path, **{**parts, **changes}, lang=lang)
    return path


def table(sheet: Worksheet) -> list[dict]:
    rows = list(sheet.iter_rows(values_only=True))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return load_workbook(write(tmp_path_factory.mktemp("xlsx") / "tables.xlsx"))


def test_sheets_and_frozen_heads(book):
    assert book.sheetnames == ["目标", "分区汇总", "按用途", "地块", "年度评价", "年度评价（按责任单位）", "数据状态", "假设与来源"]
    for sheet in book:
        assert sheet.freeze_panes in ("A2", "C2")
        assert all(cell.value for cell in sheet[1])
        assert len({cell.value for cell in sheet[1]}) == sheet.max_column


def test_no_text_is_a_formula(book):
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]
    risky = [cell for cell in cells if isinstance(cell.value, str) and cell.value.startswith(("=", "+", "-", "@"))]
    assert {cell.value for cell in risky} == {"=1+1", "@P2", "=cmd|' /C calc'!A0"}
    assert all(cell.data_type == "s" and cell.quotePrefix for cell in risky)


def test_every_broken_number_has_a_format(book):
    for sheet in book:
        for row in sheet.iter_rows(min_row=2):
            for cell in row:
                if isinstance(cell.value, float) and cell.value % 1:
                    plain = sheet.title == "假设与来源"  # values of every kind, shown as they are
                    assert plain or cell.number_format != "General", (sheet.title, cell.coordinate, cell.value)


def test_targets_in_the_words_of_the_evaluation(book):
    first, second = table(book["目标"])
    assert (first["责任区域"], first["任务"], first["责任单位"]) == ("全域", "光伏装机容量", "市发改委、市住建局")
    assert (first["目标值"], first["现状值"], first["差距"], first["完成率"]) == (2000, 1500, 200, 0.75)
    assert (first["研判"], first["已核对原文"]) == ("存在缺口", "否 †")
    assert (second["研判"], second["现状值"], second["完成率"]) == ("无法判定", None, None)
    assert second["缺失资料"] == "已建容量（填报!B4）；批复文件；负荷"
    assert book["目标"]["E3"].number_format == "0.0%"


def test_the_annual_evaluation_has_its_twelve_columns_and_units_in_the_cells(book):
    """Columns from the issue that asked for the table."""
    sheet = book["年度评价"]
    heads = [cell.value for cell in sheet[1]]
    assert " ".join(heads) == "责任区域 任务 条款 责任单位 目标值 基期值 现状值 完成率 差距 研判 缺失资料 下一步"
    assert {sheet.cell(row, 5).number_format for row in (2, 3)} == {'#,##0.0## "MW"', "0.0%"}


def test_regions_in_units_of_a_county(book):
    rows = table(book["分区汇总"])
    assert [r["区域名称"] for r in rows] == ["历下区", "=1+1", "合计"]  # nothing lies outside, the grid is not listed
    assert [r["装机容量（直流，MW）"] for r in rows] == [1.0, 2.0, 3.0]
    assert rows[0]["年发电量（GWh）"] == pytest.approx(0.001)
    assert rows[2]["年等效利用小时数（kWh/kWp）"] == 1100
    assert rows[2]["建筑数"] == 4


def test_uses_and_statuses(book):
    assert [(r["建筑用途"], r["装机容量（直流，MW）"]) for r in table(book["按用途"])] == [
        ("其他", 2.0),
        ("工业厂房", 1.0),
        ("合计", 3.0),
    ]
    assert table(book["按用途"])[-1]["年等效利用小时数（kWh/kWp）"] == pytest.approx(1100.0)
    rows = table(book["数据状态"])
    assert [(r["测算状态"], r["建筑数"], r["占比"]) for r in rows] == [("已测算", 3, 0.75), ("面积过小", 1, 0.25), ("合计", 4, 1.0)]
    assert rows[0]["已装容量（MW）"] == 0.5


def test_parcels_stand_in_the_order_of_their_rank(book):
    rows = table(book["地块"])
    shown = [(r["排名"], r["地块编号"], r["装机容量（直流，kW）"]) for r in rows]
    assert shown[:2] == [(1, "@P2", 2000), (2, "P1", 1000)]
    assert shown[2][0] is None  # what lies outside all parcels is there, and has no rank
    assert (rows[1]["屋顶光伏覆盖率（%）"], rows[1]["自发自用率（类别缺省，%）"], rows[1]["投资回收期（年）"]) == (50.0, 80.0, 7.25)
    assert rows[0]["投资回收期（年）"] is None
    assert rows[0]["主要用途"] == "工业厂房"


def test_assumptions_name_value_and_source(book):
    rows = {(r["类别"], r["项目"]): (r["数值"], r["来源"]) for r in table(book["假设与来源"])}
    assert rows["参数", "光伏系统 gamma_pdc [1/K]"] == (-0.0034, "datasheet（未经核实）")
    assert rows["抽样复核", "cost"][0] == "20.0, 3.2; 400.0, 3.0"
    assert rows["抽样复核", "use"][0] == "a: 是; b: 1; 2"
    assert rows["参数", "安装方式选择依据"] == ("lcoe", None)
    assert rows["输入文件", "建筑轮廓"] == ("buildings.gpkg", "sha256 ab12")
    assert rows["数据说明", "虚构示例"] == ("是", None)
    assert rows["合计", "装机容量（直流，kW）"] == (3000, None)


def test_a_study_without_policy_or_parcels(tmp_path):
    book = load_workbook(
        write(tmp_path / "t.xlsx", "en", targets=[], regions={}, by_use=pd.DataFrame({"use": [], "pdc0_kwp": [], "energy_kwh": []}))
    )
    assert book.sheetnames == ["Targets", "Regions", "By use", "Parcels", "Data status", "Assumptions"]
    assert "no policy" in book["Targets"]["A2"].value
    assert "no parcels" in book["Parcels"]["B2"].value


def test_control_characters_and_endless_text_are_cut(tmp_path):
    book = load_workbook(write(tmp_path / "t.xlsx", manifest={"warnings": ["a\x00b", "x" * 40_000]}))
    values = [r["数值"] for r in table(book["假设与来源"])]
    assert values[0] == "ab"
    assert len(values[1]) == 32_767


def test_a_fault_leaves_the_old_file(tmp_path):
    path = write(tmp_path / "t.xlsx")
    old = path.read_bytes()
    with pytest.raises(KeyError):
        write(path, targets=[{"id": "x"}])
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["t.xlsx"]
