"""Footprints, attributes, regions and coordinates as they come: values by hand, laws, and real data of Jinan."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.attributes import numbers, plausible, use_classes, use_details
from geo.datum import bd09_from_gcj02, gcj02_from_bd09, gcj02_from_wgs84, wgs84_from_gcj02
from geo.errors import GeoError
from geo.footprints import building_ids, duplicates, geometry_keys, repair
from geo.heights import choose_heights
from geo.regions import majority_region, read_regions
from geo.tiles import read_surroundings, write_tiles
from geo.vectors import into_crs, read_vectors, study_crs

from .conftest import DATA

UTM = pyproj.CRS("EPSG:4548")


def test_gcj02_at_jinan_is_522_m_east_and_28_m_north() -> None:
    # data/README.md of the shared data states both; the third digit of a metre is the formula's
    lon, lat = np.array([117.0]), np.array([36.65])
    x, y = gcj02_from_wgs84(lon, lat)
    assert (x - lon)[0] * 111_320 * np.cos(np.radians(36.65)) == pytest.approx(522, abs=1)
    assert (y - lat)[0] * 110_950 == pytest.approx(28, abs=0.5)


@given(st.floats(75, 134), st.floats(18, 53))
def test_shifts_go_there_and_back_to_a_centimetre(lon: float, lat: float) -> None:
    x, y = np.array([lon]), np.array([lat])
    for there, back in ((gcj02_from_wgs84, wgs84_from_gcj02), (bd09_from_gcj02, gcj02_from_bd09)):
        again = back(*there(x, y))
        assert abs(again[0] - x)[0] * 111_320 < 0.01
        assert abs(again[1] - y)[0] * 111_320 < 0.01


def test_districts_of_jinan_fit_the_outline_after_the_correction() -> None:
    districts, outline = DATA / "jinan" / "districts-datav-gcj02.geojson", DATA / "jinan" / "city-outline-wgs84.json"
    if not districts.is_file():
        pytest.skip("the real data are not beside this checkout")
    city = gpd.GeoSeries([shapely.from_geojson(outline.read_text(encoding="utf-8"))], crs=4326).to_crs(UTM).make_valid()[0]
    shifted = read_regions(districts, UTM, name="name", datum="gcj02")
    assert len(shifted) == 12
    union = shapely.union_all(shifted.geometry.to_numpy())
    # 0.985 is asked for; without the correction it is 0.969
    assert union.intersection(city).area / union.union(city).area >= 0.985


def test_study_crs_refuses_degrees_and_web_mercator() -> None:
    for text in ("EPSG:4490", "EPSG:3857", "EPSG:99999", "nonsense"):
        with pytest.raises(GeoError, match="EPSG:4548"):
            study_crs(text)
    assert study_crs("EPSG:4548") == UTM


def test_degrees_that_claim_to_be_metres_are_named() -> None:
    wrong = gpd.GeoDataFrame(geometry=[shapely.box(117.0, 36.6, 117.001, 36.601)], crs=UTM)
    with pytest.raises(GeoError, match="look like degrees"):
        into_crs(wrong, UTM, source="a.shp")
    nothing = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)])
    with pytest.raises(GeoError, match="does not say its CRS"):
        into_crs(nothing, UTM, source="a.shp")


def test_gbk_shapefile_without_cpg_but_with_its_language_byte(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"用途": ["厂房"]}, geometry=[shapely.box(0, 0, 10, 10)], crs=UTM)
    frame.to_file(tmp_path / "建筑.shp", encoding="GB18030")
    (tmp_path / "建筑.cpg").unlink()
    table = bytearray((tmp_path / "建筑.dbf").read_bytes())
    table[29] = 0x4D
    (tmp_path / "建筑.dbf").write_bytes(bytes(table))
    assert read_vectors(tmp_path / "建筑.shp")["用途"].tolist() == ["厂房"]


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match="no such file"):
        read_vectors(tmp_path / "nothing.gpkg")
    (tmp_path / "broken.gpkg").write_bytes(b"SQLite format 3\x00 and then nothing")
    with pytest.raises(GeoError, match=r"broken\.gpkg"):
        read_vectors(tmp_path / "broken.gpkg")
    two = tmp_path / "two.gpkg"
    for layer in ("a", "b"):
        gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=UTM).to_file(two, layer=layer)
    with pytest.raises(GeoError, match=r"several layers: a \(Polygon, 1 rows\), b"):
        read_vectors(two)


def test_repair_keeps_what_encloses_area_and_says_why_not() -> None:
    bow_tie = shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)])
    given = np.array([bow_tie, None, shapely.Polygon(), shapely.Point(1, 1), shapely.box(0, 0, 1, 1), shapely.box(1e300, 0, 2e300, 1)])
    fixed, reason = repair(given)
    assert fixed[0].area == pytest.approx(8)  # two triangles of 4 m2
    assert [g is None for g in fixed] == [False, True, True, True, False, True]
    assert reason.tolist()[1:] == ["no geometry", "no geometry", "not a polygon", "", "coordinates are not finite or lie off the Earth"]


def test_ids_and_duplicates_do_not_depend_on_the_order_of_rows_or_vertices() -> None:
    a = shapely.Polygon([(0, 0), (10, 0), (10, 5), (0, 5)])
    turned = shapely.Polygon([(10, 5), (10, 0), (0, 0), (0, 5)])
    shapes = np.array([a, turned, shapely.box(20, 0, 30, 5)])
    keys = geometry_keys(shapes)
    assert keys[0] == keys[1] != keys[2]
    ids, _ = building_ids(keys, None, np.array(["x", "y", "z"], dtype=object))
    back, _ = building_ids(keys[::-1], None, np.array(["z", "y", "x"], dtype=object))
    assert sorted(ids) == sorted(back)
    assert len(set(ids)) == 3
    assert duplicates(keys, ids).tolist() == [False, True, False]


def test_source_ids_are_kept_where_they_are_unique() -> None:
    keys = np.array([f"{n:016x}" for n in range(40)], dtype=object)
    given = pd.Series([*range(38), 7, None])
    ids, told = building_ids(keys, given, np.full(40, "", dtype=object))
    assert ids[0] == "0"
    assert ids[7].startswith("7~")
    assert len(set(ids)) == 40
    assert "3 source ids" in told
    ids, told = building_ids(keys, pd.Series([0] * 40), np.full(40, "", dtype=object))
    assert all(text.startswith("b") for text in ids)
    assert "40 of 40" in told


def test_numbers_come_out_of_text() -> None:
    column = pd.Series(["12m", "3层", "１２.5 米", "", None, "-9999", "n/a", "1,200"])
    np.testing.assert_allclose(numbers(column), [12, 3, 12.5, np.nan, np.nan, -9999, np.nan, 1200])
    np.testing.assert_allclose(plausible(np.array([0.0, -9999.0, 12.0, 9999.0, np.nan]), 0, 830), [np.nan, np.nan, 12, np.nan, np.nan])


def test_use_words_exact_before_wildcards_and_the_unknown_are_counted() -> None:
    column = pd.Series(["厂房", "标准厂房A", "仓", None, "学校"])
    use, source, unmapped = use_classes(column, {"*厂房*": "other", "厂房": "factory", "学校": "public_institution"}, 5)
    assert use.tolist() == ["factory", "other", "unknown", "unknown", "public_institution"]
    assert source.tolist() == ["table", "wildcard", "unknown", "unknown", "table"]
    assert unmapped == {"仓": 1}
    assert use_details(pd.Series(["市第一小学校", "县人民医院", "X"]), 3).tolist() == ["学校", "医院", ""]


def test_heights_are_taken_in_the_order_of_their_worth() -> None:
    nan = np.nan
    height, source = choose_heights(
        np.array([9.0, nan, nan, nan]), np.array([2.0, 4.0, 4.0, nan]), np.array([5.0, 11.0, 1.0, 0.5]), np.full(4, 3.0), np.full(4, 6.0)
    )
    assert height.tolist() == [9.0, 11.0, 12.0, 6.0]  # a surface 1 m above the ground shows no building
    assert source.tolist() == ["height", "dsm", "floors", "class"]


def test_a_building_on_a_border_goes_to_the_region_with_most_of_it() -> None:
    regions = gpd.GeoDataFrame(
        {"name": ["a", "b"], "id": ["a", "b"]}, geometry=[shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)], crs=UTM
    )
    shapes = np.array([shapely.box(1, 1, 2, 2), shapely.box(9, 1, 13, 2), shapely.box(18, 1, 24, 2), shapely.box(30, 1, 31, 2), None])
    region, share = majority_region(shapes, regions)
    assert region.tolist() == [0, 1, -1, -1, -1]  # the third has 2 m2 inside and 4 outside
    np.testing.assert_allclose(share, [1, 0.75, 0, 0, 0])


def test_surroundings_do_not_depend_on_the_tiling(tmp_path: Path) -> None:
    x, y = np.meshgrid(np.arange(0, 3000, 50.0), np.arange(0, 3000, 50.0))
    boxes = shapely.box(x.ravel(), y.ravel(), x.ravel() + 10, y.ravel() + 10)
    height = np.where(np.arange(boxes.size) % 97 == 0, 60.0, 6.0)
    frame = gpd.GeoDataFrame(
        {"building_id": [f"{n:05d}" for n in range(boxes.size)], "height_m": height, "top_m": height}, geometry=boxes, crs=UTM
    )
    bounds = np.array([1000.0, 1000.0, 1500.0, 1500.0])
    found = []
    for size in (10_000, 211):
        write_tiles(frame, tmp_path / str(size) / "tiles", tile_buildings=size)
        around = read_surroundings(tmp_path / str(size) / "tiles", bounds)
        found.append(
            (sorted(map(tuple, shapely.bounds(around.geometry))), sorted(map(tuple, shapely.bounds(around.tall_geometry))), around.reach)
        )
    assert found[0] == found[1]
    # every building that reaches into 300 m around the window, 700..1800 in both directions: at 700, 750 ... 1800 (and 690..700 touching)
    assert len(found[0][0]) == 23 * 23
    assert found[0][2] == pytest.approx(60 / np.tan(np.radians(3)))
