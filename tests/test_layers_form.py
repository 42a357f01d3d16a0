"""The Excel form: empty when written, exact when read, every problem with its cell."""

from pathlib import Path

import openpyxl
import pytest

from layers.errors import LayersError
from layers.form import read_form, write_form
from layers.form_fields import FIELDS, GROUPS
from layers.form_values import blank_form, column_of

AREAS = ["甲区", "=HYPERLINK(1)", '高新区"<b>']


@pytest.fixture
def form(tmp_path: Path) -> Path:
    return write_form(tmp_path / "form.xlsx", AREAS)


def fill(path: Path, **cells: object) -> Path:
    book = openpyxl.load_workbook(path)
    for cell, value in cells.items():
        book["责任区域"][cell] = value
    book.save(path)
    return path


def test_an_empty_form_is_unknown_everywhere(form: Path) -> None:
    read = read_form(form, AREAS)
    assert read.areas == tuple(AREAS)
    assert len(read.values) == 4 * len(FIELDS)
    assert set(read.values.values()) == {None}
    assert read.rows == blank_form(AREAS).rows
    assert read.cell("甲区", "existing_ac_mw") == "责任区域!B4"
    assert read.missing(None, "existing_ac_mw") == {
        "input": "已建光伏合计，交流（MW）",
        "input_en": "existing PV in all, AC (MW)",
        "cell": "责任区域!B3",
    }


def test_names_are_text_and_never_formulas(form: Path) -> None:
    sheet = openpyxl.load_workbook(form)["责任区域"]
    assert (sheet["A5"].value, sheet["A5"].data_type) == ("=HYPERLINK(1)", "s")
    assert not [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


def test_heads_are_frozen_checked_and_grouped(form: Path) -> None:
    book = openpyxl.load_workbook(form)
    sheet = book["责任区域"]
    assert sheet.freeze_panes == "B3"
    assert {rule.type for rule in sheet.data_validations.dataValidation} == {"decimal", "whole", "list"}
    assert book.sheetnames == ["责任区域", "填表说明"]
    # Groups stand together, else their merged heads would lie over others' columns.
    seen = list(dict.fromkeys(field.group for field in FIELDS))
    assert seen == list(GROUPS)
    assert [field.group for field in FIELDS] == sorted((field.group for field in FIELDS), key=seen.index)
    assert len({field.key for field in FIELDS}) == len(FIELDS)


def test_values_come_back(form: Path) -> None:
    cell = blank_form(AREAS).cell
    names = {"existing_ac_mw": 12.5, "committed_other_year": 2028, "hosting_colour": "绿区", "survey_complete": "是", "heating_gj": 0}
    cells = {cell("甲区", name).split("!")[1]: value for name, value in names.items()}
    read = read_form(fill(form, **cells, B3="１３.5"), AREAS)
    assert [read.get("甲区", name) for name in names] == [12.5, 2028, "green", True, 0.0]
    # Full-width digits are digits; a zero is a zero and an empty cell is unknown.
    assert read.get(None, "existing_ac_mw") == 13.5
    assert read.get("甲区", "solar_thermal_gj") is None


def test_the_whole_is_the_sum_of_its_areas_only_when_all_are_known(form: Path) -> None:
    read = read_form(fill(form, B4=1, B5=2), AREAS)
    assert read.total(None, "existing_ac_mw") is None
    assert read_form(fill(form, B6=3)).total(None, "existing_ac_mw") == 6.0
    assert read_form(fill(form, B3=9)).total(None, "existing_ac_mw") == 9.0


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"B4": "约3"}, r"责任区域!B4 .*holds '约3', expected a number in MW"),
        ({"B4": -1}, r"责任区域!B4 .*0 or more"),
        ({"B4": True}, r"责任区域!B4 .*expected a number"),
        ({"B4": "=1+1"}, r"责任区域!B4 .*formula '=1\+1' without a result"),
        ({"E4": "也许"}, r"责任区域!E4 .*expected one of 是, 否"),
        ({"A4": "丙区"}, "no accountable area '丙区'"),
        ({"A5": "甲区"}, "stands already in row 4"),
        ({"A3": None}, "'全市' is missing"),
        ({"B2": "别的"}, r"责任区域!B2: the head is '别的'"),
        ({"A9": None, "B9": 5}, r"责任区域!A9: the row has entries but no area"),
        ({"B3": 1, "B4": 3}, r"责任区域!B3: the whole is 1 MW but its areas add up to 3 MW"),
        ({"B4": 1, "F4": 3}, r"责任区域!B4: the total is 1 MW but its classes add up to 3 MW"),
    ],
)
def test_problems_name_the_cell(form: Path, cells: dict, words: str) -> None:
    with pytest.raises(LayersError, match=words):
        read_form(fill(form, **cells), AREAS)


def test_all_problems_are_told_at_once(form: Path) -> None:
    with pytest.raises(LayersError) as told:
        read_form(fill(form, B4="x", C5="y"), AREAS)
    assert "责任区域!B4" in str(told.value)
    assert "责任区域!C5" in str(told.value)


def test_a_filled_form_is_never_overwritten(form: Path) -> None:
    with pytest.raises(LayersError, match="exists"):
        write_form(form, AREAS)
    write_form(form, AREAS, overwrite=True)


def test_wrong_files_and_names(tmp_path: Path) -> None:
    (tmp_path / "text.xlsx").write_text("no workbook", encoding="utf-8")
    with pytest.raises(LayersError, match="cannot be read"):
        read_form(tmp_path / "text.xlsx")
    with pytest.raises(LayersError, match="does not exist"):
        read_form(tmp_path / "none.xlsx")
    openpyxl.Workbook().save(tmp_path / "other.xlsx")
    with pytest.raises(LayersError, match="has no sheet"):
        read_form(tmp_path / "other.xlsx")
    with pytest.raises(LayersError, match="全市"):
        blank_form(["全市"])
    with pytest.raises(LayersError, match="甲区"):
        blank_form(["甲区", "甲区 "])


def test_an_english_form(tmp_path: Path) -> None:
    path = write_form(tmp_path / "form.xlsx", ["North"], "en")
    read = read_form(path, ["North"])
    assert read.cell("North", "existing_ac_mw") == "Areas!B4"
    assert read.missing(None, "heating_gj")["cell"] == blank_form(["North"], "en").cell(None, "heating_gj")


def test_kilowatts_given_as_megawatts_are_explained(form: Path) -> None:
    with pytest.raises(LayersError, match=r"责任区域!B4 .*3500000 MW is more than any city has; if kW were meant, write 3500"):
        read_form(fill(form, B4=3_500_000))
    dc = f"{column_of('existing_dc_mw')}4"
    with pytest.raises(LayersError, match=r"15000 MW DC beside 120 MW AC"):
        read_form(fill(form, B4=120, **{dc: 15_000}))
    assert read_form(fill(form, B4=120, **{dc: 150})).get("甲区", "existing_dc_mw") == 150.0
