"""Numbers, classes, outlines and gauges behind the map and the report."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from layers.errors import LayersError
from maps.classes import NO_DATA, classify, colour_of
from maps.fonts import find_font, legible
from maps.gauges import gauge, missing_inputs
from maps.page_data import embed, page_data
from maps.shapes import STEPS_PER_DEGREE, encode, lonlat
from maps.tables import map_tables
from maps.words import amount, clean, load_words, number

from .test_maps_tables import CRS, EAST, NASTY, NORTH, county, region_polygons


def test_amounts_in_a_planners_units() -> None:
    # 1 万千瓦 = 10 MW
    assert amount(5000.0, "MW", "zh") == "500 万千瓦"
    assert amount(5000.0, "MW", "en") == "5,000 MW"
    assert amount(0.5, "1", "zh") == "50.0%"
    assert amount(None, "MW", "zh") == amount(float("nan"), "1", "en") == "—"
    assert amount(0.0, "MW", "en") == "0 MW"
    assert number(1234567.8) == "1,234,568"
    assert number(-0.2) == "0"


def test_both_languages_say_everything() -> None:
    zh, en = load_words("zh"), load_words("en")
    assert set(zh.text) == set(en.text) and set(zh.fields) == set(en.fields)
    assert all(zh.text[key] for key in zh.text if key != "month")
    assert zh.fields["pdc0_kwp"].title == "装机容量（直流）"
    with pytest.raises(LayersError, match="zh or en"):
        load_words("fr")


def test_money_of_parcels_and_regions_reads_in_one_unit() -> None:
    """8.09 million CNY: 809 万元 in Chinese, 8.09 million CNY in English, for a parcel and for a district."""
    for lang, unit, said in (("zh", "万元", 809.0), ("en", "million CNY", 8.09)):
        fields = page_data(map_tables(**county(20)), load_words(lang))["fields"]
        for key in ("capex_cny", "one.capex_cny", "one.npv_cny"):
            assert fields[key]["unit"] == unit and 8.09e6 * fields[key]["factor"] == pytest.approx(said)


def test_cells_become_plain_json() -> None:
    assert clean(np.float64("nan")) is None and clean(None) is None
    assert clean(np.int64(7)) == 7 and clean(1234567.89) == 1234570 and clean("a") == "a" and clean(True) is True


@given(st.lists(st.floats(0.001, 1e7), min_size=1, max_size=300))
def test_every_value_has_a_class_and_no_class_is_empty(values: list[float]) -> None:
    found = classify(values, "regions")
    assert found is not None
    edges = np.array(found.edges)
    assert len(edges) == len(found.colours) <= 5
    assert np.all(np.diff(edges) > 0)
    assert found.low <= min(values) and max(values) <= edges[-1] * (1 + 1e-9)
    at = np.searchsorted(edges, values, side="left")
    assert set(np.minimum(at, len(edges) - 1)) == set(range(len(edges)))


def test_class_edges_are_round_and_missing_values_grey() -> None:
    found = classify([0.8873, 2.0371, 5.1598], "regions")
    assert found is not None
    # Rounded up to two digits by hand: no class loses its value.
    assert found.edges == (0.89, 2.1, 5.2) and found.low == 0.88
    assert colour_of(2.0371, found) == found.colours[1]
    assert colour_of(None, found) == colour_of(float("nan"), found) == NO_DATA
    assert classify([float("nan")], "regions") is None


def decode(shape: list[list[list[int]]], origin: tuple[float, float]) -> shapely.Geometry:
    """What the page does, by hand: sums of differences from the origin."""
    rings = [[np.cumsum(np.array(ring).reshape(-1, 2), axis=0) / STEPS_PER_DEGREE + origin for ring in polygon] for polygon in shape]
    return shapely.MultiPolygon([shapely.Polygon(polygon[0], polygon[1:]) for polygon in rings])


@given(st.lists(st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)), min_size=3, max_size=12, unique=True))
def test_outlines_come_back_within_a_tenth_of_a_metre(corners: list[tuple[float, float]]) -> None:
    hull = shapely.MultiPoint([(117 + x, 36.6 + y) for x, y in corners]).convex_hull.buffer(0.001)
    back = decode(encode(hull, (117.0, 36.6)), (117.0, 36.6))
    assert shapely.hausdorff_distance(hull.exterior, back.geoms[0].exterior) <= 1.0 / STEPS_PER_DEGREE


def test_a_hole_stays_a_hole() -> None:
    ring = shapely.box(117, 36, 117.1, 36.1).difference(shapely.box(117.02, 36.02, 117.05, 36.05))
    assert decode(encode(ring, (117.0, 36.0)), (117.0, 36.0)).area == pytest.approx(ring.area, rel=1e-4)


def test_neighbours_share_their_border_after_simplifying() -> None:
    districts = gpd.GeoDataFrame(geometry=list(region_polygons().values()), crs=CRS)
    shapes = lonlat(districts, 60, coverage=True)
    assert shapely.get_num_coordinates(shapes).sum() <= 60
    whole = shapely.union_all(shapes)
    # No gaps and no overlaps: areas add up, and the union is one piece without holes.
    assert sum(shape.area for shape in shapes) == pytest.approx(whole.area, rel=1e-9)
    assert whole.geom_type == "Polygon" and not whole.interiors


def test_longitude_and_latitude_are_not_swapped() -> None:
    # EPSG:4548: false easting 500 km on the meridian 117° E; 4,057 km north of the equator lie at about 36.64° N.
    square = gpd.GeoDataFrame(geometry=[shapely.box(EAST - 10, NORTH - 10, EAST + 10, NORTH + 10)], crs=CRS)
    centre = lonlat(square, 100)[0].centroid
    assert centre.x == pytest.approx(117.0, abs=1e-5)
    assert centre.y == pytest.approx(36.64, abs=0.01)


@given(st.text())
def test_embedded_text_cannot_leave_its_script(text: str) -> None:
    written = embed({"name": text})
    assert not set(written) & set("<>&\u2028\u2029")
    assert json.loads(written) == {"name": text}


@pytest.mark.parametrize("text", NASTY)
def test_nasty_names_survive_embedding(text: str) -> None:
    assert json.loads(embed({"name": text}))["name"] == text


def test_a_gauge_scales_by_its_largest_value_and_names_what_is_missing() -> None:
    row = {"id": "pv_capacity", "title_zh": "光伏", "unit": "MW", "required": 5000, "built": 1250, "planned": 2500, "technical": None}
    row |= {"gap": 2500, "verdict": "short", "deadline": "2030-12-31", "verified": False}
    shown = gauge(row, "zh")
    assert (shown.built_length, shown.planned_length, shown.technical_length, shown.required_at) == (25.0, 50.0, None, 100.0)
    assert (shown.share, shown.verdict_word, shown.year, shown.technical) == ("25.0%", "存在缺口", "2030 年", "—")
    assert missing_inputs({"missing": [{"input": "集中供热", "cell": "表!H5"}, "其他"]}, "zh") == ("集中供热（表!H5）", "其他")
    assert gauge({"id": "x", "verdict": "cannot_judge", "doubts_zh": ["请核对"]}, "zh").doubts == ("请核对",)
    assert gauge({"id": "x", "verdict": "cannot_judge", "missing": "a"}, "en").verdict_word == "cannot be judged"


def test_labels_without_a_chinese_font_become_numbers_with_a_key() -> None:
    plain = find_font(("no such family",))
    assert not plain.chinese
    drawn, keys = legible(["East", "清河区"], plain)
    assert drawn == ["East", "[2]"] and keys == {"[2]": "清河区"}
