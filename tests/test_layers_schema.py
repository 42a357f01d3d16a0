"""The schema: order and types of the contract, errors, files that any tool reads."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from layers.errors import LayersError
from layers.schema import MONTHS, arrow_schema, column, columns, conform, write_table

# From the contract in design.md.
ROOFS = """
building_id roof_id use use_detail is_urban year_built is_new data_tier confidence height_m ground_elevation_m footprint_area_m2
area_m2 roof_tilt roof_azimuth surface_tilt surface_azimuth mounting setback_area_m2 obstacle_area_m2 existing_area_m2
excluded_area_m2 shaded_out_area_m2 usable_area_m2 module_count module_area_m2 covered_area_m2 pdc0_kwp pac0_kw sky_view_factor
shading_loss irradiation_kwh_m2 energy_kwh energy_p90_kwh MONTHS specific_yield capex_cny lcoe_cny_kwh npv_cny irr payback_years
carbon_t responsible_area district zone parcel_id parcel_share roadmap_year geometry
""".replace("MONTHS", " ".join(MONTHS)).split()


def frame_of(table: str, rows: int) -> gpd.GeoDataFrame:
    made = {"string": "甲", "bool": True, "int32": 2, "int64": 2, "float64": 1.5}
    data = {c.name: [made[c.dtype]] * rows for c in columns(table) if c.dtype != "geometry"}
    return gpd.GeoDataFrame(data, geometry=[shapely.box(k, 0, k + 1, 1) for k in range(rows)], crs="EPSG:4548")


def test_roofs_have_the_columns_of_the_contract():
    assert [c.name for c in columns("roofs") if c.name in ROOFS] == ROOFS


@pytest.mark.parametrize("table", ["roofs", "buildings", "regions"])
def test_every_column_is_described_in_both_languages(table):
    for c in columns(table):
        assert c.zh and c.en and c.meaning_zh and c.meaning_en, c.name
        assert any("\u4e00" <= letter <= "\u9fff" for letter in c.zh) or c.name in ("lcoe_cny_kwh",), c.name
        assert "{" not in c.label("zh") + c.meaning("en")
    titles = [c.label("zh") for c in columns(table)]
    assert len(set(titles)) == len(titles), "two columns of one table have one title"


def test_labels_say_the_unit():
    assert column("roofs", "energy_03_kwh").label("zh") == "3 月发电量（kWh）"
    assert column("roofs", "capex_cny").label("zh").endswith("（元）")
    assert column("roofs", "shading_loss").label("en") == "Shading loss"
    assert column("buildings", "footprint_area_m2").zh == "建筑基底面积"


@pytest.mark.parametrize("table", ["roofs", "buildings", "regions"])
def test_files_of_a_table_have_one_schema_whatever_is_in_them(tmp_path, table):
    full, empty = frame_of(table, 3), frame_of(table, 3).iloc[:0]
    bare = full.copy()
    for c in columns(table):
        if c.nullable and c.dtype != "geometry":
            bare[c.name] = None
    for name, frame in (("a", full), ("b", empty), ("c", bare)):
        write_table(frame, table, tmp_path / "t" / f"{name}.parquet", tmp_path / "work")
    schemas = [pq.read_schema(file) for file in sorted((tmp_path / "t").iterdir())]
    assert len(schemas) == 3
    assert all(s.equals(arrow_schema(table, "EPSG:4548")) for s in schemas)
    assert all(s.metadata[b"pandas"] == schemas[0].metadata[b"pandas"] for s in schemas)
    back = gpd.read_parquet(tmp_path / "t")
    assert len(back) == 6
    assert back.crs.to_epsg() == 4548
    assert list(back.columns) == [c.name for c in columns(table)]
    assert not list((tmp_path / "work").iterdir())


def test_unknown_stays_unknown(tmp_path):
    frame = frame_of("roofs", 3)
    frame["is_urban"] = [True, None, False]
    frame["year_built"] = [2024.0, np.nan, 1999.0]
    frame["district"] = ["东", None, "西"]
    write_table(frame, "roofs", tmp_path / "roofs" / "t.parquet", tmp_path)
    back = gpd.read_parquet(tmp_path / "roofs")
    assert back["is_urban"].tolist() == [True, pd.NA, False]
    assert back["year_built"].tolist() == [2024, pd.NA, 1999]
    assert back["district"].isna().tolist() == [False, True, False]
    assert pq.read_table(tmp_path / "roofs" / "t.parquet")["is_urban"].type == pa.bool_()


def test_boxes_let_a_reader_take_a_part(tmp_path):
    write_table(frame_of("roofs", 9), "roofs", tmp_path / "t.parquet", tmp_path / "work")
    assert len(gpd.read_parquet(tmp_path / "t.parquet", bbox=(2.2, 0, 2.8, 1))) == 1


def test_empty_geometry_of_a_building_is_kept(tmp_path):
    frame = frame_of("buildings", 3)
    frame["geometry"] = [None, shapely.Polygon(), shapely.box(0, 0, 1, 1)]
    write_table(frame, "buildings", tmp_path / "b.parquet", tmp_path / "work")
    back = gpd.read_parquet(tmp_path / "b.parquet")
    assert back.geometry.isna().tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"energy_kwh": None}, "energy_kwh of roofs is empty in 2"),
        ({"module_count": 1.5}, "not whole"),
        ({"pdc0_kwp": "many"}, "pdc0_kwp of roofs holds"),
        ({"is_new": "perhaps"}, "is_new of roofs holds"),
        ({"geometry": None}, "geometry of roofs is empty"),
    ],
)
def test_what_does_not_fit_is_told(change, says):
    frame = frame_of("roofs", 2).assign(**change)
    with pytest.raises(LayersError, match=says):
        conform(gpd.GeoDataFrame(frame, geometry="geometry", crs="EPSG:4548"), "roofs")


def test_a_missing_column_is_named():
    with pytest.raises(LayersError, match="lacks irr, district"):
        conform(frame_of("roofs", 2).drop(columns=["district", "irr"]), "roofs")
    with pytest.raises(LayersError, match="no table is called 'walls'"):
        columns("walls")


def test_conform_leaves_the_input_alone():
    frame = frame_of("roofs", 2)
    before = frame.copy()
    tidy = conform(frame.assign(more=1)[["more", *reversed(frame.columns)]], "roofs")
    assert list(tidy.columns) == [c.name for c in columns("roofs")]
    pd.testing.assert_frame_equal(frame, before)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    write_table(frame_of("roofs", 2), "roofs", tmp_path / "t.parquet", tmp_path / "work")
    old = (tmp_path / "t.parquet").read_bytes()
    with pytest.raises(LayersError):
        write_table(frame_of("roofs", 2).drop(columns="irr"), "roofs", tmp_path / "t.parquet", tmp_path / "work")
    assert (tmp_path / "t.parquet").read_bytes() == old
    assert not list((tmp_path / "work").iterdir())
