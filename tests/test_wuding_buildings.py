"""What the front makes of buildings: every row has a status, overrides are logged, land and drawn PV are taken, nothing is lost."""

import io
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.footprints import COVERED, DUPLICATE, EXCLUDED, INVALID, JOINED
from wuding.errors import StudyError
from wuding.inputs import Prepared, prepare
from wuding.reading import _set_strays_aside, middle
from wuding.study import load_study

X, Y = 500_000.0, 4_057_000.0


def box(x: float, y: float, w: float, h: float) -> Any:
    return shapely.box(X + x, Y + y, X + x + w, Y + h + y)


ROWS: list[tuple[str, Any, str | None, str | None, str | None]] = [
    ("hall", box(0, 0, 80, 50), "9.5m", None, "厂房"),
    ("podium", box(200, 0, 60, 40), "15", None, "商场"),
    ("tower", box(210, 10, 20, 20), None, "30层", "住宅"),
    ("under", box(232, 12, 10, 10), "3", None, "住宅"),
    ("drawn", box(0, 100, 20, 10), None, "3层", "农村住宅"),
    ("drawn-again", box(0.2, 100, 20, 10), None, None, None),
    ("floors-in-height", box(0, 200, 20, 10), "6层", None, "学校"),
    ("line", shapely.LineString([(X + 300, Y), (X + 320, Y)]), "5", None, "住宅"),
    ("nothing", None, "5", None, "住宅"),
    ("cut", box(400, 0, 20, 10), "6", None, "仓库"),
    ("cut", box(420, 0, 12, 10), "6", None, "仓库"),
    ("too-high", box(500, 0, 20, 10), "700", None, "农房"),
    ("silent", box(0, 300, 90, 60), None, None, None),
]


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    ids, shapes, height, floors, use = zip(*ROWS, strict=True)
    columns = {"id": list(ids), "height": list(height), "floors": list(floors), "use": list(use)}
    gpd.GeoDataFrame(columns, geometry=list(shapes), crs="EPSG:4548").to_file(tmp_path / "buildings.gpkg")
    text = """
[study]
name = "small"
crs = "EPSG:4548"
as_of = 2026-11-23
[buildings]
path = "buildings.gpkg"
columns = { id = "id", height = "height", floors = "floors", use = "use" }
#more
[terrain]
dem = "flat"
[weather]
source = "climatology"
"""
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    return tmp_path / "study.toml"


def prepared(file: Path, more: str = "", end: str = "") -> tuple[Prepared, pd.DataFrame]:
    text = file.read_text(encoding="utf-8").replace("#more", more) + end
    file.write_text(text, encoding="utf-8")
    found = prepare(load_study(file), file.parent / "work", (2021, 2025), lambda *_: None)
    table = found.buildings.assign(key=[row[0] for row in ROWS]).drop_duplicates("key").set_index("key")
    return found, table


def test_every_row_has_its_status_and_roofs_count_once(study_file: Path) -> None:
    found, table = prepared(study_file)
    buildings = found.buildings
    assert buildings["source_row"].tolist() == list(range(1, len(ROWS) + 1))
    status = buildings["status"].tolist()
    assert status == ["", "", "", COVERED, "", DUPLICATE, "", INVALID, INVALID, "", JOINED, "", ""]
    assert (buildings.loc[buildings["status"] != "", "reason"] != "").all()
    assert table.loc["podium", "footprint_area_m2"] == pytest.approx(2400 - 400)
    assert table.loc["cut", "footprint_area_m2"] == pytest.approx(320, abs=0.1)
    # the pieces' own ids are one, so the reason names the made one
    assert table.loc["cut", "building_id"] in buildings["reason"].iloc[10]
    standing = buildings[buildings["status"] == ""].geometry
    assert standing.area.sum() == pytest.approx(shapely.area(shapely.union_all(standing.to_numpy())))
    # a rejected line can be found on the map, what has no place cannot
    assert buildings.geometry.iloc[7].length > 39
    assert buildings.geometry.iloc[8] is None
    assert any("cut at the edges of tiles" in text for text in found.warnings)


def test_heights_floors_and_uses_say_where_they_come_from(study_file: Path) -> None:
    found, table = prepared(study_file)
    assert table.loc["hall", ["height_m", "height_source"]].tolist() == [9.5, "height"]
    assert table.loc["tower", ["height_m", "floors", "height_source"]].tolist() == [90.0, 30.0, "floors"]
    assert table.loc["floors-in-height", ["height_m", "floors", "height_source"]].tolist() == [pytest.approx(21.6), 6.0, "floors"]
    assert table.loc["too-high", "height_source"] == "class"
    assert any("cannot be true" in text and "700" in text for text in found.warnings)
    # a hall is not a tower: 9.5 m are one or two storeys
    assert table.loc["hall", "floors"] <= 2
    assert table.loc["hall", ["use", "use_source"]].tolist() == ["factory", "chinese_words"]
    assert table.loc["silent", ["use", "use_source"]].tolist() == ["factory", "size"]
    assert table.loc["floors-in-height", "use_detail"] == "学校"
    assert table.loc["silent", "confidence"] < table.loc["hall", "confidence"]
    assert bool(pd.isna(table.loc["hall", "is_urban"]))
    assert not table.loc["drawn", "is_urban"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_overrides_correct_and_are_logged(study_file: Path, encoding: str) -> None:
    rows = "id,高度,use,tilt,exclude,installed_kwp,备注\nhall,12,,,,100,核实\nsilent,,仓库,8,,,\npodium,,,,危房,,\nnobody,3,,,,,\n"
    (study_file.parent / "corrections.csv").write_text(rows, encoding=encoding)
    found, table = prepared(study_file, 'overrides = "corrections.csv"')
    assert table.loc["hall", ["height_m", "installed_kwp"]].tolist() == [12.0, 100.0]
    assert table.loc["silent", ["use", "use_source", "use_confidence", "tilt_given"]].tolist() == ["factory", "override", 1.0, 8.0]
    assert table.loc["podium", ["status", "reason"]].tolist() == [EXCLUDED, "危房"]
    log = {(entry["id"], entry["column"]): (entry["before"], entry["after"]) for entry in found.facts["overrides"]}
    assert log[("hall", "height")] == ("9.5m", "12.0")
    assert len(log) == 5
    assert any("corrects 3 buildings" in text for text in found.warnings)
    assert any("1 ids are of no building" in text and "nobody" in text for text in found.warnings)


def test_overrides_are_written_as_people_write(study_file: Path) -> None:
    head = "建筑编号;建筑高度（米）;层数;屋面坡度;已装容量(MW);备注\n;;;;;\n"
    rows = head + "hall;约12米;;10%;0.1;\ntower;;三十二层;8°;250千瓦;\npodium;1,500 cm;;;;\n"
    (study_file.parent / "corrections.csv").write_text(rows, encoding="gb18030")
    _, table = prepared(study_file, 'overrides = "corrections.csv"')
    assert table.loc[["hall", "podium"], "height_m"].tolist() == [12.0, 15.0]
    assert table.loc["tower", "floors"] == 32
    np.testing.assert_allclose(table.loc[["hall", "tower"], "tilt_given"], [np.degrees(np.arctan(0.1)), 8.0])
    assert table.loc["hall", "installed_kwp"] == 100.0


def test_overrides_come_as_a_workbook_too(study_file: Path) -> None:
    pd.DataFrame({"编号": ["hall"], "高度": [12.5], "剔除": ["危房"]}).to_excel(study_file.parent / "corrections.xlsx", index=False)
    _, table = prepared(study_file, 'overrides = "corrections.xlsx"')
    assert table.loc["hall", ["height_m", "status", "reason"]].tolist() == [12.5, EXCLUDED, "危房"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,tilt\nhall,1:2\n", "'1:2' is no number"),
        ("id,installed_kwp\nhall,50块\n", "'50块' is no number"),
        ("id,height\nhall,3层\n", "'3层' is no number"),
        ("id,height\n,3\n", "1 rows have values but no id"),
        ("id,height,\nhall,3,x\n", "without a head"),
        ("id,height\nhall,3,4\n", "more cells than its head"),
        ("id,heigt\nhall,3\n", "did you mean 'height'"),
        ("id,height\nhall,tall\n", "'tall' is no number"),
        ("id,use\nhall,castle\n", "'castle' is not known"),
        ("id,height\nhall,3\nhall,4\n", "more than once: hall"),
        ("height\n3\n", "one column id"),
        ("", "cannot be read"),
    ],
)
def test_wrong_overrides_are_named(study_file: Path, text: str, says: str) -> None:
    (study_file.parent / "corrections.csv").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match=says):
        prepared(study_file, 'overrides = "corrections.csv"')


def test_land_use_drawn_pv_exclusions_and_an_empty_zones_layer(study_file: Path) -> None:
    folder = study_file.parent
    land = gpd.GeoDataFrame({"DLBM": ["0701", "05H1"]}, geometry=[box(-10, 290, 200, 200), box(900, 0, 9, 9)], crs="EPSG:4548")
    land.to_file(folder / "land.gpkg")
    gpd.GeoDataFrame(geometry=[box(10, 10, 20, 20)], crs="EPSG:4548").to_file(folder / "pv.gpkg")
    gpd.GeoDataFrame(geometry=[box(190, -10, 100, 100)], crs="EPSG:4548").to_file(folder / "heritage.gpkg")
    gpd.GeoDataFrame({"name": ["x"]}, geometry=[box(0, 0, 1, 1)], crs="EPSG:4548").iloc[:0].to_file(folder / "zones.gpkg")
    end = '[[exclusions]]\npath = "heritage.gpkg"\nreason = "文物保护范围"\n[regions]\nzones = { path = "zones.gpkg" }\n'
    found, table = prepared(study_file, 'landuse = { path = "land.gpkg", name = "DLBM" }\npv = { path = "pv.gpkg" }', end)
    assert table.loc["silent", ["use", "use_source"]].tolist() == ["urban_residential", "landuse"]
    # 400 m2 drawn at some 0.2 kWp/m2
    assert 60 < table.loc["hall", "installed_kwp"] < 100
    assert table.loc["hall", "drawn_pv_m2"] == pytest.approx(400)
    assert table.loc["podium", ["status", "reason"]].tolist() == [EXCLUDED, "文物保护范围"]
    assert any("zones.gpkg has no rows" in text for text in found.warnings)
    assert found.regions == {}
    assert found.facts["regions"] == {"zones": 0}


def test_an_empty_zones_layer_does_not_stop_a_run(county: Path, tmp_path: Path) -> None:
    from wuding.pipeline import run_study
    from wuding.progress import Screen

    gpd.read_file(county / "zones.gpkg").iloc[:0].to_file(tmp_path / "none.gpkg")
    study = load_study(county / "study.toml")
    zones = study.regions["zones"].model_copy(update={"path": [str(tmp_path / "none.gpkg")]})
    study = study.model_copy(update={"regions": study.regions | {"zones": zones}})
    manifest = run_study(study, tmp_path / "run", Screen("en", stream=io.StringIO()), workers=1)
    # the study is in Chinese, and so are its warnings
    assert any("zones" in text and "没有要素" in text for text in manifest["warnings"])
    assert not (tmp_path / "run" / "regions" / "zones.parquet").exists()
    assert manifest["notes"]["regions"]["zones"] == 0


def test_the_rows_of_a_file_may_come_in_any_order(county: Path, tmp_path: Path) -> None:
    source = gpd.read_file(county / "buildings.gpkg")
    study = load_study(county / "study.toml")
    tables = []
    for name, rows in (("as-is", np.arange(len(source))), ("mixed", np.random.default_rng(5).permutation(len(source)))):
        source.iloc[rows].to_file(tmp_path / f"{name}.gpkg")
        changed = study.model_copy(update={"buildings": study.buildings.model_copy(update={"path": [str(tmp_path / f"{name}.gpkg")]})})
        table = prepare(changed, tmp_path / name, (2021, 2025), lambda *_: None).buildings
        tables.append(table.drop(columns=["source_file", "source_row", "geometry"]).sort_values("building_id").reset_index(drop=True))
    pd.testing.assert_frame_equal(tables[0], tables[1])


def test_a_stray_row_is_set_aside_and_moves_nothing() -> None:
    boxes = np.array([(x, 0.0, x + 10.0, 10.0) for x in (0.0, 100.0, 200.0, 2e6)])
    table = pd.DataFrame({"building_id": list("abcd"), "source_row": range(4), "status": "", "reason": ""})
    warnings: list[str] = []
    _set_strays_aside(table, boxes, warnings)
    assert table["status"].tolist() == ["", "", "", "invalid_geometry"]
    assert table["reason"].iloc[3] == "lies 2000 km from the middle of all buildings: wrong coordinates"
    assert len(warnings) == 1
    assert middle(boxes)[0] < 250.0
