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

from geo.attributes import KILOWATTS, SQUARE_METRES, numbers, plausible, quantities, unread, years
from geo.errors import GeoError
from geo.footprints import building_ids, duplicates, geometry_keys, repair
from geo.height_words import floor_counts, heights_and_floors, lengths
from geo.heights import choose_heights
from geo.packed import Packed
from geo.regions import majority_region
from geo.tiles import read_surroundings, write_tiles
from geo.towers import tower_reach
from geo.vectors import read_vectors

UTM = pyproj.CRS("EPSG:4548")


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


def test_one_polygon_is_one_polygon_in_every_format() -> None:
    """A GeoPackage of multipolygons and a Shapefile of polygons hold the same buildings: the same ids, the same numbers."""
    ring, hole = [(0, 0), (10, 0), (10, 8), (0, 8)], [(2, 2), (4, 2), (4, 4), (2, 4)]
    one = shapely.Polygon(ring, [hole])
    far = shapely.box(20, 0, 30, 8)
    two = [shapely.MultiPolygon(parts) for parts in ([one, far], [far, one])]
    shapes, reason = repair(np.array([one, shapely.MultiPolygon([one]), *two], dtype=object))
    assert shapely.to_wkb(shapes[0]) == shapely.to_wkb(shapes[1]) == shapely.to_wkb(one.normalize())
    assert shapely.to_wkb(shapes[2]) == shapely.to_wkb(shapes[3])
    assert shapes[2].geom_type == "MultiPolygon"
    keys = geometry_keys(shapes)
    assert keys[0] == keys[1] != keys[2]
    assert not reason.any()


def test_no_digit_depends_on_where_a_ring_starts_and_which_way_it_runs() -> None:
    """A Shapefile turns rings that a GeoPackage has as they were drawn: a sum over vertices would end in another last digit."""
    ring = np.array([(500123.4567, 4061234.5678), (500141.1, 4061229.9), (500144.7, 4061243.3), (500127.1, 4061248.2)])
    bow_tie, even = ring[[0, 2, 1, 3]], np.array([(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0)])
    for corners in (ring, bow_tie, even):
        drawn = [shapely.Polygon(np.roll(corners[::way], turn, axis=0)) for way in (1, -1) for turn in range(4)]
        shapes, reason = repair(np.array(drawn, dtype=object))
        assert len({shapely.to_wkb(shape) for shape in shapes}) == 1
        assert len(set(reason)) == 1


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
    # the second drawing is the better one: it stays, the first names it
    assert duplicates(keys, np.array([1, 0, 2])).tolist() == [1, -1, -1]


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


NAN = float("nan")
# Text in a column of heights: metres, and floors where it says that it counts them.
HEIGHT_WORDS: dict[str, tuple[float, float]] = {
    "12m": (12, NAN),
    "12.5M": (12.5, NAN),
    "12.5 米": (12.5, NAN),
    "9,5": (9.5, NAN),
    "9，5": (9.5, NAN),
    "1,200": (1200, NAN),
    "1200cm": (12, NAN),
    "40 ft": (12.192, NAN),
    "15'": (4.572, NAN),
    "15'6\"": (4.7244, NAN),
    "10-12米": (11, NAN),
    "12m~15m": (13.5, NAN),
    "约15m": (15, NAN),
    ">20": (20, NAN),
    "20米以上": (20, NAN),
    "H=12.3": (12.3, NAN),
    "12(估)": (12, NAN),
    "十二米": (12, NAN),
    "办公楼12米": (12, NAN),
    "-9999": (-9999, NAN),
    "0": (0, NAN),
    "6": (6, NAN),
    "3层": (NAN, 3),
    "３层": (NAN, 3),
    "六层": (NAN, 6),
    "F6": (NAN, 6),
    "6F": (NAN, 6),
    "平房": (NAN, 1),
    "6+1": (NAN, 7),
    "6+1层": (NAN, 7),
    "地上6层地下1层": (NAN, 6),
    "two storeys 2": (NAN, 2),
    "2层/6米": (6, 2),
    "12米（3层）": (12, 3),
    "3层×3m": (9, 3),
    "3层，层高3.5米": (NAN, 3),
    "层高3.5米": (NAN, NAN),
    "一般": (NAN, NAN),
    "12㎡": (NAN, NAN),
    "3户": (NAN, NAN),
    "2019/5/1": (NAN, NAN),
    "高层": (NAN, NAN),
    "": (NAN, NAN),
}
FLOOR_WORDS: dict[str, float] = {
    "3": 3,
    "3层": 3,
    "三层": 3,
    "十二层": 12,
    "二十": 20,
    "3F": 3,
    "地上12层地下2层": 12,
    "地下1层，地上6层": 6,
    "B2F18": 18,
    "18F/B2": 18,
    "3+1": 4,
    "底商2+住宅16层": 18,
    "2-3层": 3,
    "3,4层": 4,
    "6/-1": 6,
    "-1/6": 6,
    "六层半": 7,
    "2层/6米": 2,
    "单层": 1,
    "地下2层": NAN,
    "无": NAN,
    "12米": NAN,
    "3户": NAN,
}


@pytest.mark.parametrize("text", HEIGHT_WORDS)
def test_heights_as_people_write_them(text: str) -> None:
    column = pd.Series([text])
    assert [*lengths(column), *floor_counts(column, only_said=True)] == pytest.approx(HEIGHT_WORDS[text], nan_ok=True)


def test_floors_as_people_write_them() -> None:
    np.testing.assert_allclose(floor_counts(pd.Series(list(FLOOR_WORDS))), list(FLOOR_WORDS.values()))
    np.testing.assert_allclose(floor_counts(pd.Series([3.0, NAN])), [3, NAN])
    assert np.isnan(floor_counts(pd.Series([3.0, 4.0]), only_said=True)).all()


def test_each_of_the_two_columns_may_say_the_other() -> None:
    height, floors = pd.Series(["3层", None, "9", "12m"]), pd.Series([None, "2层/6米", "4层/16m", "12米"])
    metres, storeys = heights_and_floors(height, floors, 4)
    # stated metres win for the height, storeys for the floors; the height's own column goes first
    np.testing.assert_allclose(metres, [NAN, 6, 9, 12])
    np.testing.assert_allclose(storeys, [3, 2, 4, NAN])
    assert np.isnan(heights_and_floors(None, None, 2)).all()


def test_texts_that_are_not_understood_are_counted_and_blanks_are_not() -> None:
    column = pd.Series(["高层", "12m", "高层", "", None, "不详", "N/A", "一般", "3层"])
    assert unread(column, lengths(column), floor_counts(column, only_said=True)) == {"高层": 2, "一般": 1}
    assert unread(pd.Series([1.0, NAN]), np.array([1.0, NAN])) == {}


def test_power_and_area_come_with_their_units() -> None:
    power = pd.Series(["12", "12.5kWp", "0.5MW", "3万千瓦", "800W", "1,200 千瓦", "无"])
    np.testing.assert_allclose(quantities(power, KILOWATTS), [12, 12.5, 500, 30_000, 0.8, 1200, NAN])
    area = pd.Series(["120㎡", "1.5亩", "0.2公顷", "1,200.5", "80 平方米"])
    np.testing.assert_allclose(quantities(area, SQUARE_METRES), [120, 1000, 2000, 1200.5, 80])


@given(st.text(max_size=20))
def test_any_text_gives_a_number_or_nothing(text: str) -> None:
    column = pd.Series([text])
    for values in (lengths(column), floor_counts(column), quantities(column, KILOWATTS), years(column)):
        assert values.shape == (1,) and values.dtype == float


def test_years_as_people_write_them() -> None:
    words = {
        "2019": 2019,
        "2019年5月": 2019,
        "2001-2010年": 2010,
        "1998/6/1": 1998,
        "1998-06-01": 1998,
        "201905": 2019,
        "90年代": 1990,
        "不详": np.nan,
    }
    np.testing.assert_allclose(years(pd.Series(list(words))), list(words.values()))
    np.testing.assert_allclose(years(pd.Series(pd.to_datetime(["2020-03-01", None]))), [2020, np.nan])


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
    columns = {"building_id": [f"{n:05d}" for n in range(boxes.size)], "height_m": height, "top_m": height, "stale_surface": False}
    columns |= {
        "status": "",
        "use": "other",
        "footprint_area_m2": 100.0,
        "tilt_given": np.nan,
        "construction": "",
        "reach_m": tower_reach(height),
    }
    bounds = np.array([1000.0, 1000.0, 1500.0, 1500.0])
    found = []
    for size in (10_000, 211):
        write_tiles(pd.DataFrame(columns), Packed.of([boxes], UTM), tmp_path / str(size) / "tiles", tile_buildings=size)
        around = read_surroundings(tmp_path / str(size) / "tiles", bounds)
        found.append((sorted(map(tuple, shapely.bounds(around.geometry))), sorted(map(tuple, around.tall[4800.0].boxes))))
    assert found[0] == found[1]
    # every building that reaches into 300 m around the window, 700..1800 in both directions: at 700, 750 ... 1800 (and 690..700 touching)
    assert len(found[0][0]) == 23 * 23
    # of the towers of 60 m every one, since they are looked for to 2.9 km; a house of 6 m is 1.15 degrees high at 300 m and no tower
    assert list(around.tall) == [4800.0]
    assert len(found[0][1]) == (height == 60.0).sum()


def test_surroundings_of_a_bent_tile_leave_out_what_lies_near_none_of_its_buildings(tmp_path: Path) -> None:
    x, y = np.meshgrid(np.arange(0, 3000, 50.0), np.arange(0, 3000, 50.0))
    boxes = shapely.box(x.ravel(), y.ravel(), x.ravel() + 10, y.ravel() + 10)
    words = {"status": "", "use": "other", "construction": "", "stale_surface": False}
    numbers_ = {"height_m": 6.0, "top_m": 6.0, "footprint_area_m2": 100.0, "tilt_given": np.nan, "reach_m": tower_reach(6.0)}
    columns = pd.DataFrame({"building_id": [f"{n:05d}" for n in range(boxes.size)]} | words | numbers_)
    write_tiles(columns, Packed.of([boxes], UTM), tmp_path / "tiles", tile_buildings=500)
    own = shapely.bounds(boxes[(np.abs(x - y).ravel() == 0.0)])  # a diagonal: its box holds everything
    around = read_surroundings(tmp_path / "tiles", np.array([0.0, 0.0, 2960.0, 2960.0]), own)
    # by hand: 12 steps of 50 m off the diagonal a house has one of it 6 steps away in both directions, its box nearer than 300 m; what is
    # kept beyond lies within a square of 50 m
    apart = np.abs(np.subtract(*shapely.bounds(around.geometry)[:, :2].T)) / 50.0
    assert (apart <= 12).sum() == sum(60 - abs(step) for step in range(-12, 13))
    assert apart.max() <= 14
    whole = read_surroundings(tmp_path / "tiles", np.array([0.0, 0.0, 2960.0, 2960.0]))
    assert len(whole.geometry) == boxes.size


def test_a_ring_of_a_million_vertices_is_shortened_and_told() -> None:
    angle = np.linspace(0.0, 2.0 * np.pi, 1_000_000, endpoint=False)
    noise = 100.0 + np.random.default_rng(0).uniform(-0.01, 0.01, angle.size)
    ring = shapely.Polygon(np.column_stack([noise * np.cos(angle), noise * np.sin(angle)]))
    house = shapely.box(0.0, 0.0, 10.0, 8.0)
    shapes, reason = repair(np.array([ring, house], dtype=object))
    assert shapely.get_num_coordinates(shapes[0]) <= 2000
    assert shapely.area(shapes[0]) == pytest.approx(np.pi * 100.0**2, rel=1e-3)  # 5 cm on a circumference of 628 m are 31 of 31,416 m2
    assert shapely.hausdorff_distance(shapes[0].exterior, shapely.Point(0, 0).buffer(100.0, quad_segs=500).exterior) < 0.2
    assert reason[0].startswith("simplified: 1000001 -> ")
    assert shapely.to_wkb(shapes[1]) == shapely.to_wkb(house.normalize())
    assert reason[1] == ""


@pytest.mark.parametrize(("text", "floors"), [("砖3", 3.0), ("混6", 6.0), ("砼18/-2", 18.0), ("钢1", 1.0), ("-1/6", 6.0), ("G+3", 4.0)])
def test_floors_in_the_notation_of_large_scale_maps(text: str, floors: float) -> None:
    assert floor_counts(pd.Series([text])).tolist() == [floors]
