"""Classes of use: the study's words, the built-in tables, land, neighbours and size, each with what it is worth."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.archetypes import load_archetypes
from geo.use_guesses import uses_from_land, uses_from_neighbours, uses_from_size
from geo.use_words import _tables, code_table, meaning
from geo.uses import uses_from_words


def test_the_studys_words_come_first_exact_before_wildcards() -> None:
    column = pd.Series(["厂房", "标准厂房A", "仓", None, "学校", "xyz"])
    uses = uses_from_words(column, {"*厂房*": "other", "厂房": "factory", "学校": "public_building"}, 6)
    assert uses.use.tolist() == ["factory", "other", "unknown", "unknown", "public_building", "unknown"]
    assert uses.source.tolist() == ["table", "wildcard", "unknown", "unknown", "table", "unknown"]
    assert uses.confidence.tolist() == [1.0, 0.95, 0.0, 0.0, 1.0, 0.0]
    assert uses.detail.tolist() == ["", "", "", "", "学校", ""]
    assert uses.unmapped == {"仓": 1, "xyz": 1}


def test_our_own_classes_are_known_by_their_names_where_no_table_reads_them_otherwise() -> None:
    column = pd.Series(load_archetypes().uses)
    uses = uses_from_words(column, {}, len(column))
    assert uses.use.tolist() == column.tolist()
    assert not uses.unmapped
    assert uses_from_words(column, {"rural_residential": "other"}, len(column)).use[column == "rural_residential"] == ["other"]


@pytest.mark.parametrize(
    ("word", "use", "detail", "table"),
    [
        ("warehouse", "factory", "仓储", "openstreetmap"),
        ("Train Station", "transport", "交通枢纽", "openstreetmap"),
        ("medical", "public_institution", "医院", "overture"),
        ("Residential Building", "urban_residential", "", "cmab"),
        ("标准化厂房", "factory", "", "chinese_words"),
        ("粮食仓库", "factory", "仓储", "chinese_words"),
        ("中小学教学楼、宿舍楼等教育建筑", "public_institution", "学校", "chinese_words"),
        ("镇卫生院", "public_institution", "医院", "chinese_words"),
        ("公共厕所", "other", "", "chinese_words"),
        ("行政办公建筑", "public_institution", "党政机关", "chinese_words"),
        ("办公", "commercial", "", "chinese_words"),
        ("村民委员会", "public_institution", "村委会", "chinese_words"),
        ("农村住宅房屋", "rural_residential", "", "chinese_words"),
        ("城镇住宅", "urban_residential", "", "chinese_words"),
        ("农村宅基地", "rural_residential", "", "chinese_words"),
        ("机关团体新闻出版用地", "public_institution", "党政机关", "chinese_words"),
        ("交通银行", "commercial", "", "chinese_words"),
    ],
)
def test_words_of_known_sources(word: str, use: str, detail: str, table: str) -> None:
    found = meaning(word)
    assert found is not None
    assert (found.use, found.detail, found.source) == (use, detail, table)
    assert 0 < found.confidence <= 1


def test_words_that_say_nothing_are_no_words() -> None:
    uses = uses_from_words(pd.Series(["yes", "未知", "Unknown", "retail"]), {}, 4)
    assert uses.use.tolist() == ["unknown", "unknown", "unknown", "commercial"]
    assert uses.unmapped == {}


def test_non_dwellings_are_no_dwellings() -> None:
    uses = uses_from_words(pd.Series(["城镇非住宅", "农村非住宅", "城镇住宅"]), {}, 3)
    assert uses.use.tolist() == ["unknown", "other", "urban_residential"]
    assert uses.urban.tolist() == [1.0, 0.0, 1.0]


def test_codes_are_read_by_the_table_that_knows_nearly_all_of_them() -> None:
    assert code_table(["0601", "0701", "0702", "1004"]) == "third_survey"
    assert code_table(["101", "301", "502"]) == "euluc"
    assert code_table(["11", "21", "61.0"]) == "real_estate"
    # years or heights are no codes
    assert code_table(["12", "17", "19", "24"]) is None
    uses = uses_from_words(pd.Series(["0601", "08H2A", "0702", "0601"]), {}, 4)
    assert uses.use.tolist() == ["factory", "public_institution", "rural_residential", "factory"]
    assert uses.detail.tolist() == ["", "学校", "", ""]
    assert uses_from_words(pd.Series([101, 503, 301]), {}, 3).detail.tolist() == ["", "医院", ""]


def test_every_word_of_every_table_has_a_class_of_ours() -> None:
    known = set(load_archetypes().uses)
    for table in _tables():
        assert {entry["use"] for entry in table.words.values()} <= known, table.name


def test_details_of_a_column_of_their_own_win() -> None:
    uses = uses_from_words(pd.Series(["公共建筑", "公共建筑"]), {}, 2, pd.Series(["县人民医院", None]))
    assert uses.detail.tolist() == ["医院", ""]


def test_land_gives_its_use_and_the_smaller_polygon_decides() -> None:
    land = gpd.GeoDataFrame({"code": ["0601", "08H2A"]}, geometry=[shapely.box(0, 0, 100, 100), shapely.box(0, 0, 20, 20)])
    said = uses_from_words(land["code"], {}, 2)
    uses = uses_from_words(pd.Series([None, None, "住宅", None]), {}, 4)
    points = np.array([shapely.Point(50, 50), shapely.Point(5, 5), shapely.Point(6, 6), None])
    assert uses_from_land(uses, points, land, said) == 2
    assert uses.use.tolist() == ["factory", "public_institution", "urban_residential", "unknown"]
    assert uses.source.tolist() == ["landuse", "landuse", "chinese_words", "unknown"]
    assert uses.detail.tolist() == ["", "学校", "", ""]
    assert uses.confidence[0] < uses.confidence[2]


def test_neighbours_of_like_size_decide_where_most_agree() -> None:
    xy = np.array([[float(i * 10), 0.0] for i in range(6)] + [[25.0, 5.0], [26.0, 5.0], [900.0, 0.0]])
    area = np.array([100.0] * 6 + [120.0, 5000.0, 100.0])
    uses = uses_from_words(pd.Series(["农房"] * 6 + [None] * 3), {}, 9)
    assert uses_from_neighbours(uses, xy, area) == 1
    # the hall is no farmhouse, the lone one has no neighbours
    assert uses.use[6:].tolist() == ["rural_residential", "unknown", "unknown"]
    assert uses.source[6] == "neighbourhood"


def test_size_tells_only_where_it_is_telling() -> None:
    nan = np.nan
    uses = uses_from_words(None, {}, 5)
    number = uses_from_size(
        uses, np.array([4000.0, 4000.0, 600.0, 90.0, 90.0]), np.array([9.0, 60.0, 50.0, nan, nan]), np.array([nan, nan, 1.0, 0.0, nan])
    )
    assert uses.use.tolist() == ["factory", "unknown", "urban_residential", "rural_residential", "unknown"]
    assert number == 3
    assert set(uses.confidence[uses.use != "unknown"]) == {0.3}
