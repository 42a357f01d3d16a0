"""Exports as other software reads them: names, encodings, coordinates, one district alone."""

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from layers.errors import LayersError
from layers.exports import short_names, write_export
from layers.schema import columns

CRS = "EPSG:4548"


def roofs() -> gpd.GeoDataFrame:
    made = {"string": "甲", "bool": True, "int32": 2, "int64": 2, "float64": 1234.5678}
    shapes = [
        shapely.box(500_000, 4_057_000, 500_010, 4_057_020),
        shapely.MultiPolygon([shapely.box(500_020, 4_057_000, 500_030, 4_057_010), shapely.box(500_040, 4_057_000, 500_050, 4_057_010)]),
    ]
    frame = gpd.GeoDataFrame({c.name: [made[c.dtype]] * 2 for c in columns("roofs") if c.dtype != "geometry"}, geometry=shapes, crs=CRS)
    frame["use"] = ["factory", "commercial"]
    frame["is_new"] = pd.array([True, None], dtype="boolean")
    frame["specific_yield"] = [1100.5, np.nan]
    return frame


@pytest.mark.parametrize("table", ["roofs", "buildings", "regions", "parcels", "legend"])
def test_short_names_fit_and_differ(table: str) -> None:
    names = [short_names().get(c.name, c.name) for c in columns(table)]
    assert all(len(name) <= 10 and name.isascii() for name in names), [name for name in names if len(name) > 10]
    assert len(set(names)) == len(names)


def test_short_names_are_of_columns_that_there_are() -> None:
    every = {c.name for table in ("roofs", "buildings", "regions", "parcels", "legend") for c in columns(table)}
    assert set(short_names()) <= every


def test_shapefile_has_short_names_their_table_and_utf8(tmp_path: Path) -> None:
    made = write_export(roofs(), "roofs", tmp_path / "屋顶.shp")
    assert made[0] == tmp_path / "屋顶.shp"
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in made}
    assert (tmp_path / "屋顶.cpg").read_text(encoding="ascii").strip() == "UTF-8"
    read = gpd.read_file(tmp_path / "屋顶.shp")
    assert read["bldg_id"].tolist() == ["甲", "甲"]
    assert read["irrad_kwh"].tolist() == pytest.approx([1234.5678] * 2)
    assert read["is_new"].tolist()[0] == 1 and pd.isna(read["is_new"][1])
    assert pd.isna(read["kwh_kwp"][1])
    assert read.crs.to_epsg() == 4548
    with (tmp_path / "屋顶.fields.csv").open(encoding="utf-8-sig") as stream:
        named = {row["field"]: row for row in csv.DictReader(stream)}
    assert set(named) == set(read.columns) - {"geometry"}
    assert named["e03_kwh"] == {"field": "e03_kwh", "column": "energy_03_kwh", "zh": "3 月发电量（kWh）", "en": named["e03_kwh"]["en"]}


@pytest.mark.parametrize("ending", [".gpkg", ".fgb", ".gdb"])
def test_gis_formats_keep_rows_names_and_crs(tmp_path: Path, ending: str) -> None:
    frame = roofs()
    file = tmp_path / f"r{ending}"
    for _ in range(2):  # the second time it replaces the first
        assert write_export(frame, "roofs", file) == [file]
    read = gpd.read_file(file)
    assert set(frame.columns) <= set(read.columns)
    assert sorted(read.geometry.area.round(6)) == [200.0, 200.0]
    assert read.crs.to_epsg() == 4548
    assert [p.name for p in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize(("ending", "part"), [(".shp", "r.dbf"), (".gdb", "r.gdb")])
def test_parts_that_belong_together_are_replaced_all_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, part: str
) -> None:
    """Where Windows holds one of the files open: old and new would be read as one table."""
    file = tmp_path / f"r{ending}"
    write_export(roofs().iloc[:1], "roofs", file)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    real = Path.replace

    def held(self: Path, target: Path) -> Path:
        if self.name == part and self.parent == tmp_path:
            raise PermissionError(13, "in use")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", held)
    for _ in range(2):
        with pytest.raises(LayersError, match=rf"r{ending} is open in another program; .* as r-new{ending}"):
            write_export(roofs(), "roofs", file)
    assert {path: path.read_bytes() for path in before} == before
    assert [len(gpd.read_file(tmp_path / f"{name}{ending}")) for name in ("r", "r-new")] == [1, 2]


def test_geojson_is_in_wgs84(tmp_path: Path) -> None:
    read = gpd.read_file(write_export(roofs(), "roofs", tmp_path / "r.geojson")[0])
    assert read.crs.to_epsg() == 4326
    wanted = roofs().to_crs(4326).geometry.representative_point()
    assert np.allclose(read.geometry.representative_point().x, wanted.x, atol=1e-6)  # written with 7 digits
    assert np.allclose(read.geometry.representative_point().y, wanted.y, atol=1e-6)


def test_csv_says_where(tmp_path: Path) -> None:
    read = pd.read_csv(write_export(roofs(), "roofs", tmp_path / "r.csv")[0])
    assert read["building_id"].tolist() == ["甲", "甲"]
    # The central meridian of EPSG:4548 is 117 E and lies at 500 km.
    assert read["longitude"].between(117.0, 117.001).all()
    assert read["latitude"].between(36.6, 36.7).all()


def test_dxf_draws_a_closed_line_per_ring_by_class(tmp_path: Path) -> None:
    holed = roofs()
    holed.loc[0, "geometry"] = shapely.box(500_000, 4_057_000, 500_010, 4_057_020).difference(
        shapely.box(500_002, 4_057_002, 500_004, 4_057_004)
    )
    read = pyogrio.read_dataframe(write_export(holed, "roofs", tmp_path / "r.dxf")[0])
    assert sorted(read["Layer"]) == ["COMMERCIAL", "COMMERCIAL", "FACTORY", "FACTORY"]
    assert all(line.is_closed for line in read.geometry)
    assert sorted(read.geometry.length.round(6)) == [8.0, 40.0, 40.0, 60.0]


def test_gcj02_is_off_by_hundreds_of_metres_and_claims_no_crs(tmp_path: Path) -> None:
    frame = roofs()
    read = gpd.read_file(write_export(frame, "roofs", tmp_path / "r.shp", datum="gcj02")[0])
    assert read.crs is None
    assert not (tmp_path / "r.prj").exists()
    assert set(read["datum"]) == {"GCJ-02"}
    page = gpd.read_file(write_export(frame, "roofs", tmp_path / "r.geojson", datum="gcj02")[0]).geometry.to_numpy()
    assert np.allclose(shapely.get_x(shapely.centroid(page)), read.geometry.centroid.x, atol=1e-6)
    there = shapely.centroid(frame.to_crs(4326).geometry.to_numpy())
    east = (read.geometry.centroid.x - shapely.get_x(there)) * 111_320 * np.cos(np.radians(36.65))
    north = (read.geometry.centroid.y - shapely.get_y(there)) * 110_970
    # The shift at Jinan is known to be 300 to 700 m.
    assert np.hypot(east, north).between(300, 700).all()


def test_what_a_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayersError, match="unknown format"):
        write_export(roofs(), "roofs", tmp_path / "r.docx")
    with pytest.raises(LayersError, match="metres"):
        write_export(roofs(), "roofs", tmp_path / "r.dxf", datum="gcj02")
    with pytest.raises(LayersError, match="expected own or gcj02"):
        write_export(roofs(), "roofs", tmp_path / "r.shp", datum="bd09")
    abroad = roofs().set_crs("EPSG:32633", allow_override=True)
    with pytest.raises(LayersError, match="China only"):
        write_export(abroad, "roofs", tmp_path / "r.shp", datum="gcj02")
    assert list(tmp_path.iterdir()) == []


def test_points_among_the_buildings_keep_their_row(tmp_path: Path) -> None:
    frame = roofs()
    frame.loc[0, "geometry"] = shapely.Point(500_000, 4_057_000)
    read = gpd.read_file(write_export(frame, "roofs", tmp_path / "b.shp")[0])
    assert read["use"].tolist() == ["factory", "commercial"]
    assert read.geometry.isna().tolist() == [True, False]
