"""County data as they really come, seen as their user sees them: what a check prints and what a run makes of them."""

import io
import re
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from geo.datum import gcj02_from_wgs84
from geo.footprints import INVALID, JOINED
from wuding import cli
from wuding.check_screen import print_check
from wuding.checking import Check, check_study
from wuding.elevation import tell_apart, tell_unseen
from wuding.errors import StudyError
from wuding.inputs import Prepared, prepare
from wuding.messages import translate
from wuding.problems import Problems
from wuding.study import load_study

X, Y, CRS = 500_000.0, 4_056_000.0, "EPSG:4548"
STUDY = """
[study]
name = "small"
crs = "EPSG:4548"
as_of = 2026-11-23
[buildings]
path = {path}
{buildings}
[terrain]
dem = {dem}
[regions]
{regions}
[weather]
source = "climatology"
"""


def boxes(n: int, width: float = 20.0) -> np.ndarray:
    x = X + np.arange(n) * 30.0
    return np.asarray(shapely.box(x, Y, x + width, Y + 12))


def study(folder: Path, path: str, buildings: str = "", *, dem: str = '"flat"', regions: str = "") -> Path:
    file = folder / "study.toml"
    file.write_text(STUDY.format(path=path, buildings=buildings, dem=dem, regions=regions), encoding="utf-8")
    return file


def prepared(file: Path) -> Prepared:
    return prepare(load_study(file), file.parent / "work", (2021, 2025), lambda *_: None)


def shown(check: Check, lang: str = "zh") -> str:
    stream = io.StringIO()
    print_check(check, lang, stream)
    return stream.getvalue()


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def gbk_shapefile(folder: Path, name: str, columns: dict[str, list[object]], shapes: np.ndarray) -> None:
    gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS).to_file(folder / name, encoding="GB18030")
    (folder / name).with_suffix(".cpg").unlink(missing_ok=True)


def test_texts_for_numbers_are_read_or_counted(tmp_path: Path) -> None:
    words = ["9,5", "2层/6米", "6+1", "高层", "高层", "不详", None]
    gbk_shapefile(tmp_path, "房屋.shp", {"高度": words, "层数": [None] * 6 + ["3户"], "用途": ["住宅"] * 7}, boxes(7))
    file = study(tmp_path, '"房屋.shp"', 'columns = { height = "高度", floors = "层数", use = "用途" }')
    found = prepared(file)
    table = found.buildings
    assert table["height_source"].tolist() == ["height", "height", "floors", "class", "class", "class", "class"]
    np.testing.assert_allclose(table["height_m"][:2], [9.5, 6.0])
    np.testing.assert_allclose(table["floors"][1:3], [2, 7])
    assert "2 buildings have a height that is not understood and is taken as unknown: '高层' (2)" in found.warnings
    assert "1 buildings have a floors that is not understood and is taken as unknown: '3户' (1)" in found.warnings
    check = check_study(load_study(file), "zh")
    assert check.facts["buildings"]["unread"] == {"height": {"高层": 2}, "floors": {"3户": 1}}
    # three of seven heights are metres; two rows say their floors
    assert check.facts["buildings"]["known"]["height"] == pytest.approx(2 / 7)
    assert check.facts["buildings"]["known"]["floors"] == pytest.approx(2 / 7)


def test_a_check_cuts_nothing_off_and_tells_the_encoding(tmp_path: Path) -> None:
    gbk_shapefile(tmp_path, "一个名称很长的县城房屋建筑普查成果图层.shp", {"字段名": ["一二三"] * 3}, boxes(3))
    file = study(tmp_path, '"一个名称很长的县城房屋建筑普查成果图层.shp"', 'columns = { height = "没有的字段" }')
    check = check_study(load_study(file), "zh")
    screen = shown(check)
    for problem in check.problems.listed():
        assert squeezed(translate(problem.text, "zh")) in squeezed(re.sub(r"(?m)^\s{2}\S+\s{3}\S+\s{2,}", "", screen)), screen
    assert "…" not in screen
    assert "GB18030" in screen
    assert check.facts["layers"][0]["encoding"] == "GB18030"
    # the key is the study's own, not its Chinese title
    assert "buildings.columns.height" in squeezed(screen)


def test_candidates_for_a_missing_crs_are_joined_in_chinese(tmp_path: Path) -> None:
    gpd.GeoDataFrame({"h": [6.0] * 3}, geometry=boxes(3), crs=CRS).to_file(tmp_path / "b.shp")
    (tmp_path / "b.prj").unlink()
    with rasterio.open(
        tmp_path / "dem.tif",
        "w",
        driver="GTiff",
        dtype="float32",
        count=1,
        width=20,
        height=20,
        crs=CRS,
        transform=from_origin(X - 200, Y + 200, 30, 30),
    ) as out:
        out.write(np.full((20, 20), 50, np.float32), 1)
    check = check_study(load_study(study(tmp_path, '"b.shp"', dem='"dem.tif"')), "zh")
    said = next(translate(p.text, "zh") for p in check.problems.listed() if "EPSG:4548" in p.text)
    assert " 或 crs = " in said and " or " not in said


def test_a_layer_of_regions_may_lie_in_several_files(tmp_path: Path) -> None:
    gpd.GeoDataFrame({"h": [6.0] * 4}, geometry=boxes(4), crs=CRS).to_file(tmp_path / "b.gpkg")
    for name, left in (("东", 60), ("西", 0)):
        shape = shapely.box(X + left - 5, Y - 5, X + left + 55, Y + 50)
        gpd.GeoDataFrame({"name": [name]}, geometry=[shape], crs=CRS).to_file(tmp_path / f"{name}.gpkg")
    file = study(tmp_path, '"b.gpkg"', regions='districts = { path = ["东.gpkg", "西.gpkg"] }')
    assert prepared(file).buildings["district"].tolist() == ["西", "西", "东", "东"]
    assert [row["path"] for row in check_study(load_study(file), "en").facts["layers"]] == ["b.gpkg", "东.gpkg", "西.gpkg"]


def test_points_with_an_area_become_squares_and_say_so(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"名称": list("甲乙丙丁"), "经度": 117 + np.arange(4) * 0.001, "纬度": 36.62, "面积": ["400㎡", "1.5亩", "很大", None]}
    )
    table.to_csv(tmp_path / "点.csv", index=False, encoding="gb18030")
    found = prepared(study(tmp_path, '"点.csv"', 'columns = { name = "名称", area = "面积" }'))
    rows = found.buildings
    assert rows["status"].tolist() == ["", "", INVALID, INVALID]
    np.testing.assert_allclose(rows["footprint_area_m2"][:2], [400.0, 1000.0], rtol=1e-9)
    assert (rows["confidence"][:2] <= 0.2).all()
    assert rows["reason"].tolist()[:3] == ["a point: drawn as a square of its stated area"] * 2 + [
        "a point without an area that can be true"
    ]
    # 117.000 and 117.001 degrees east are 89 m apart here: the squares lie around their points
    centres = shapely.get_coordinates(shapely.centroid(rows.geometry.to_numpy()[:2]))
    assert np.hypot(*(centres[1] - centres[0])) == pytest.approx(89.4, abs=0.3)
    assert any("3 buildings are points" not in text and "2 buildings are points" in text for text in found.warnings)
    with pytest.raises(ValueError, match=r"buildings\.columns\.area"):
        prepared(study(tmp_path, '"点.csv"', 'columns = { name = "名称" }'))


def test_area_that_overlapping_squares_lose_is_told(tmp_path: Path) -> None:
    # two squares of 20 m x 20 m whose middles are 10 m apart share 10 m x 20 m: 200 of 800 m2
    points = gpd.GeoDataFrame({"m2": [400.0, 400.0]}, geometry=[shapely.Point(X, Y), shapely.Point(X + 10, Y)], crs=CRS)
    points.to_file(tmp_path / "p.gpkg")
    found = prepared(study(tmp_path, '"p.gpkg"', 'columns = { area = "m2" }'))
    assert found.buildings["footprint_area_m2"].sum() == pytest.approx(600.0)
    assert any("1 squares that stand for points overlap others, so 200 m2 (25.0%) of the stated area" in text for text in found.warnings)


def test_parts_that_begin_above_the_ground_have_fewer_floors(tmp_path: Path) -> None:
    gpd.GeoDataFrame({"h": [50.0, 50.0, 9.0], "m": ["0", "44", "12"]}, geometry=boxes(3), crs=CRS).to_file(tmp_path / "b.gpkg")
    found = prepared(study(tmp_path, '"b.gpkg"', 'columns = { height = "h", min_height = "m" }\nuse = { "*" = "other" }'))
    floors = found.buildings["floors"].to_numpy()
    assert floors[1] < floors[0] / 5
    assert found.buildings["height_m"].tolist() == [50, 50, 9]
    assert any("1 buildings have a min_height that is not below" in text for text in found.warnings)


def test_copies_under_one_id_are_not_called_cut_and_nothing_is_told_of_nothing(tmp_path: Path) -> None:
    # a copy of half a building that overhangs by 3 cm; two true halves of another one; a plain building
    shapes = [
        shapely.box(X, Y, X + 40, Y + 20),
        shapely.box(X, Y, X + 20, Y + 20.03),
        shapely.box(X + 100, Y, X + 120, Y + 20),
        shapely.box(X + 120, Y, X + 140, Y + 20),
        shapely.box(X + 200, Y, X + 220, Y + 20),
    ]
    gpd.GeoDataFrame({"id": ["a", "a", "b", "b", "c"], "h": 6.0}, geometry=shapes, crs=CRS).to_file(tmp_path / "b.gpkg")
    found = prepared(study(tmp_path, '"b.gpkg"', 'columns = { id = "id", height = "h" }'))
    status = found.buildings["status"].tolist()
    # the copy is a part on its building, whose roof counts once; only what lies side by side is joined
    assert status[:2] == ["", ""] and sorted(status[2:4]) == ["", JOINED] and status[4] == ""
    assert found.buildings.loc[found.buildings["status"] == "", "footprint_area_m2"].sum() == pytest.approx(800 + 800 + 400, abs=1.0)
    gpd.GeoDataFrame({"h": [6.0] * 3}, geometry=boxes(3, 30.02), crs=CRS).to_file(tmp_path / "c.gpkg")
    quiet = prepared(study(tmp_path, '"c.gpkg"', 'columns = { height = "h" }'))
    assert not [text for text in quiet.warnings if "higher ones" in text or text.startswith("0 ")]


def test_a_check_measures_on_the_surface_model(tmp_path: Path) -> None:
    gpd.GeoDataFrame({"right": 8.0, "off": [13.0] * 11 + [-1.0]}, geometry=boxes(12), crs=CRS).to_file(tmp_path / "b.gpkg")
    size = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": CRS, "width": 500, "height": 200}
    ground = np.full((200, 500), 50, np.float32)
    with rasterio.open(tmp_path / "dem.tif", "w", transform=from_origin(X - 50, Y + 100, 1, 1), **size) as out:
        out.write(ground, 1)
    for name, height in (("dsm.tif", 8.0), ("ground.tif", 0.0)):
        surface = ground.copy()
        for k in range(12):
            surface[88:100, 50 + 30 * k : 70 + 30 * k] += height
        with rasterio.open(tmp_path / name, "w", transform=from_origin(X - 50, Y + 100, 1, 1), **size) as out:
            out.write(surface, 1)
    facts = check_study(load_study(study(tmp_path, '"b.gpkg"', dem='"dem.tif"\ndsm = "dsm.tif"')), "en").facts["terrain"]
    assert facts["dsm_measured"] == 12 and facts["dsm_standing"] == 1.0
    assert facts["dsm_median_height_m"] == pytest.approx(8.0)
    flat = check_study(load_study(study(tmp_path, '"b.gpkg"', dem='"dem.tif"\ndsm = "ground.tif"')), "en")
    assert any("shows no building at 100% of the 12 footprints" in problem.text for problem in flat.problems.listed())
    for column, told in (("right", False), ("off", True)):
        named = study(tmp_path, '"b.gpkg"', f'columns = {{ height = "{column}" }}', dem='"dem.tif"\ndsm = "dsm.tif"')
        texts = [problem.text for problem in check_study(load_study(named), "en").problems.listed()]
        assert any("shows buildings -5.0 m against their given heights (median of 11)" in text for text in texts) == told


def test_a_surface_model_in_another_datum_than_the_dem_is_told_by_the_given_heights() -> None:
    """Five metres among houses of 12 m are told, whichever way; new buildings, too few or a tenth of towers are not."""
    given = np.array([12.0] * 11 + [np.nan])
    for off, told in ((5.0, True), (-5.0, True), (2.0, False)):
        warnings: list[str] = []
        tell_apart("dsm.tif", given + off, given, warnings)
        assert len(warnings) == told
        assert all(f"shows buildings {off:+.1f} m" in text and "median of 11" in text for text in warnings)
    quiet: list[str] = []
    tell_apart("dsm.tif", np.where(np.arange(12) < 5, 0.0, given), given, quiet)  # five are newer than the flight
    tell_apart("dsm.tif", given[3:] - 5.0, given[3:], quiet)
    tell_apart("dsm.tif", given * 9.0, given * 10.0, quiet)
    assert quiet == []


def test_most_buildings_must_stand_on_the_surface_model() -> None:
    """A run says so too: each of them would count as newer than the surface model."""
    warnings: list[str] = []
    tell_unseen("dsm.tif", np.array([8.0] * 5 + [-16.0] * 5), warnings)
    tell_unseen("dsm.tif", np.full(9, -16.0), warnings)
    assert warnings == []
    tell_unseen("dsm.tif", np.array([8.0] * 4 + [-16.0] * 6), warnings)
    assert "at 60% of the 10 footprints" in warnings[0]


def test_buildings_that_stand_on_the_surface_model_only_without_the_shift_are_recognised(tmp_path: Path) -> None:
    size = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": CRS, "width": 1200, "height": 400}
    place = from_origin(X - 200, Y + 200, 1, 1)
    surface = np.full((400, 1200), 50, np.float32)
    with rasterio.open(tmp_path / "dem.tif", "w", transform=place, **size) as out:
        out.write(surface, 1)
    for k in range(12):
        surface[188:200, 200 + 30 * k : 220 + 30 * k] += 8.0
    with rasterio.open(tmp_path / "dsm.tif", "w", transform=place, **size) as out:
        out.write(surface, 1)
    true = gpd.GeoDataFrame({"n": range(12)}, geometry=boxes(12), crs=CRS).to_crs(4326)
    shifted = shapely.transform(true.geometry.to_numpy(), lambda xy: np.column_stack(gcj02_from_wgs84(xy[:, 0], xy[:, 1])))
    true.set_geometry(gpd.GeoSeries(shifted, crs=4326)).to_file(tmp_path / "b.gpkg")
    file = study(tmp_path, '"b.gpkg"', dem='"dem.tif"\ndsm = "dsm.tif"')
    first = check_study(load_study(file), "en").problems.listed()[0]
    assert re.search(r'likely GCJ-02.*on terrain.dsm, without the shift 0%; write datum = "gcj02"', first.text)
    assert "terrain.dsm 上没有建筑" in translate(first.text, "zh")
    told = study(tmp_path, '"b.gpkg"', 'datum = "gcj02"', dem='"dem.tif"\ndsm = "dsm.tif"')
    assert check_study(load_study(told), "en").facts["terrain"]["dsm_standing"] == 1.0


def flat_dem(folder: Path, name: str, crs: str) -> None:
    size = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": crs, "width": 100, "height": 100}
    with rasterio.open(folder / name, "w", transform=from_origin(X - 1000, Y + 1000, 30, 30), **size) as out:
        out.write(np.full((100, 100), 50, np.float32), 1)


@pytest.mark.parametrize(
    ("of_buildings", "of_dem", "of_districts", "words"),
    [
        ("EPSG:4549", CRS, CRS, r'regions.districts lie on the DEM too, so it is the buildings.* with: crs = "EPSG:4548"'),
        (CRS, "EPSG:4549", CRS, r'regions.districts lie where the buildings do, so it is the DEM.* with: dem_crs = "EPSG:4548"'),
        (CRS, "EPSG:4549", "EPSG:4547", r'would meet if the buildings were read with: crs = "EPSG:4549".*DEM with: dem_crs = "EPSG:4548"'),
    ],
)
def test_where_buildings_and_dem_do_not_meet_the_one_at_fault_is_named(
    of_buildings: str, of_dem: str, of_districts: str, words: str, tmp_path: Path
) -> None:
    # all lie at one place in truth; one file of the three (or two) is labelled with another zone
    gpd.GeoDataFrame({"n": range(4)}, geometry=boxes(4), crs=of_buildings).to_file(tmp_path / "b.gpkg")
    flat_dem(tmp_path, "dem.tif", of_dem)
    around = shapely.box(X - 500, Y - 500, X + 500, Y + 500)
    gpd.GeoDataFrame({"name": ["甲"]}, geometry=[around], crs=of_districts).to_file(tmp_path / "d.gpkg")
    file = study(tmp_path, '"b.gpkg"', dem='"dem.tif"', regions='districts = { path = "d.gpkg" }')
    with pytest.raises(StudyError, match=words):
        prepared(file)
    checked = [problem.text for problem in check_study(load_study(file), "en").problems.listed() if problem.weight == "error"]
    assert any(re.search(words, text) for text in checked)


def test_the_study_is_believed_where_a_raster_is_labelled_wrongly(tmp_path: Path) -> None:
    gpd.GeoDataFrame({"n": range(4)}, geometry=boxes(4), crs=CRS).to_file(tmp_path / "b.gpkg")
    flat_dem(tmp_path, "dem.tif", "EPSG:4549")
    found = prepared(study(tmp_path, '"b.gpkg"', dem='"dem.tif"\ndem_crs = "EPSG:4548"'))
    assert (found.buildings["ground_elevation_m"] == 50.0).all()
    said = next(text for text in found.warnings if "which is believed" in text)
    assert "以研究文件为准" in translate(said, "zh")
    assert "无效值标记" in translate(said, "zh")


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["wuding", *arguments])
    with pytest.raises(SystemExit) as done:
        cli.main()
    return int(done.value.code or 0)


def test_the_language_may_stand_before_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gpd.GeoDataFrame({"h": [6.0] * 3}, geometry=boxes(3), crs=CRS).to_file(tmp_path / "b.gpkg")
    file = str(study(tmp_path, '"b.gpkg"', 'columns = { height = "h" }'))
    said = []
    for arguments in (
        ["--lang", "en", "check", file],
        ["check", file, "--lang", "en"],
        ["check", file],
        ["--lang", "en", "check", file, "--lang", "zh"],
    ):
        assert command(monkeypatch, *arguments) == 0
        said.append("A run can start" in capsys.readouterr().out)
    assert said == [True, True, False, False]
    assert command(monkeypatch, "--lang", "fr", "check", file) == 2


def test_a_run_folder_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    gpd.GeoDataFrame({"h": [6.0] * 3}, geometry=boxes(3), crs=CRS).to_file(tmp_path / "b.gpkg")
    (tmp_path / "there").write_text("mine", encoding="utf-8")
    for out in ("there", "there/below"):
        assert command(monkeypatch, "run", str(study(tmp_path, '"b.gpkg"')), "--out", str(tmp_path / out), "--lang", "en") == 2
        assert "there is a file, but results are written into a folder" in capsys.readouterr().err
    assert (tmp_path / "there").read_text(encoding="utf-8") == "mine"


def test_a_study_file_beside_made_up_data_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(monkeypatch, "init", str(tmp_path / "real.toml")) == 0
    assert not load_study(tmp_path / "real.toml").study.made_up
    (tmp_path / "study.toml").write_text('[study]\nname = "demo"\nmade_up = true\n', encoding="utf-8")
    assert command(monkeypatch, "init", str(tmp_path / "mine.toml")) == 0
    assert load_study(tmp_path / "mine.toml").study.made_up


def test_an_empty_path_is_told(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"buildings\.path"):
        load_study(study(tmp_path, '""'))


def test_tags_that_no_feature_has_are_told_and_those_of_some_are_read(tmp_path: Path) -> None:
    nodes, ways = [], []
    for k, shape in enumerate(gpd.GeoSeries(boxes(4), crs=CRS).to_crs(4326)):
        corners = list(shape.exterior.coords)[:4]
        nodes += [f'<node id="{10 * k + j + 1}" lat="{y:.7f}" lon="{x:.7f}" version="1"/>' for j, (x, y) in enumerate(corners)]
        refs = "".join(f'<nd ref="{10 * k + j + 1}"/>' for j in (0, 1, 2, 3, 0))
        levels = f'<tag k="building:levels" v="{k + 1}"/>' if k < 2 else ""
        ways.append(f'<way id="{k + 1}" version="1">{refs}<tag k="building" v="yes"/>{levels}</way>')
    (tmp_path / "a.osm").write_text(f'<osm version="0.6">{"".join(nodes)}{"".join(ways)}</osm>', encoding="utf-8")
    keys = 'layer = "multipolygons"\ncolumns = { floors = "building:levels", height = "height", use = "building" }'
    file = study(tmp_path, '"a.osm"', keys)
    found = prepared(file)
    assert found.buildings["height_source"].tolist() == ["floors", "floors", "class", "class"]
    assert "a.osm: none of its OpenStreetMap features has the key 'height'" in found.warnings
    assert not check_study(load_study(file), "zh").problems.fatal()


def test_each_file_shows_its_own_rows_and_rows_count_as_their_user_counts(tmp_path: Path) -> None:
    gpd.GeoDataFrame({"h": [6.0] * 3}, geometry=boxes(3), crs=CRS).to_file(tmp_path / "a.gpkg")
    moved = shapely.transform(boxes(2), lambda xy: xy + np.array([0.0, 100.0]))
    wkt = pd.DataFrame({"h": ["6", "7"], "wkt": shapely.to_wkt(moved)})
    (tmp_path / "b.csv").write_text(
        wkt.iloc[:1].to_csv(index=False) + ",\n" + wkt.iloc[1:].to_csv(index=False, header=False), encoding="utf-8"
    )
    file = study(tmp_path, '["a.gpkg", "b.csv"]', 'columns = { height = "h" }\ncrs = "EPSG:4548"')
    check = check_study(load_study(file), "en")
    assert [row["rows"] for row in check.facts["layers"]] == [3, 2]
    assert prepared(file).buildings["source_row"].tolist() == [1, 2, 3, 2, 4]


def test_what_makes_all_wrong_comes_first_then_what_concerns_most() -> None:
    problems = Problems()
    with problems.trying("weather", 3000) as warnings:
        warnings.append("no weather file")
    with problems.trying("buildings") as warnings:
        warnings += [
            "a.shp: no .cpg says how its text is written; it is read as GB18030",
            "5 invalid shapes were repaired",
            "of 90 buildings looked at: 100 of 3000 buildings have no height",
        ]
    with problems.trying("regions.parcels", 3000, grave=True) as warnings:
        warnings.append("coordinates are likely GCJ-02")
    assert [problem.rows for problem in problems.listed()] == [3000, 3000, 100, 5, 0]
    assert [problem.weight for problem in problems.listed()] == [*["warning"] * 4, "note"]
    assert problems.listed()[0].where == "regions.parcels"
