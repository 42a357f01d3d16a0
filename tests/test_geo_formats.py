"""Every format gives the same outlines, text in any encoding, and a choice between layers is the user's."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.encodings import codec_of, decoded, likely_encoding
from geo.errors import GeoError
from geo.shapes import from_wkb, numbered
from geo.sources import files_behind, vector_files
from geo.tables import with_places
from geo.vectors import column_names, read_vectors

from .conftest import DATA

# longitude and latitude, so that the formats that know nothing else take part; 15 m x 10 m at 36.6 N
WEST, SOUTH = 117.0 + np.arange(3) * 0.001, 36.6
BOXES = shapely.box(WEST, SOUTH, WEST + 0.00017, SOUTH + 0.00009)
NAMES = ["一号厂房", "二号仓库", "镇中心小学"]


def county() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"名称": NAMES, "height": [6.5, 9.0, 12.0]}, geometry=BOXES, crs=4326)


def shapefile(folder: Path, name: str = "建筑", encoding: str = "GB18030", cpg: str | None = None) -> Path:
    county().to_file(folder / f"{name}.shp", encoding=encoding)
    (folder / f"{name}.cpg").unlink()
    if cpg is not None:
        (folder / f"{name}.cpg").write_text(cpg, encoding="ascii")
    return folder / f"{name}.shp"


def packed(target: Path, folder: Path) -> Path:
    with zipfile.ZipFile(target, "w") as out:
        for file in sorted(folder.rglob("*")):
            out.write(file, file.relative_to(folder.parent))
    return target


def to_file(name: str, driver: str | None = None, **options: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        county().to_file(folder / name, driver=driver, **options)
        return folder / name

    return write


def recoded(write: Callable[[Path], Path], encoding: str) -> Callable[[Path], Path]:
    def again(folder: Path) -> Path:
        file = write(folder)
        file.write_bytes(file.read_text(encoding="utf-8").encode(encoding))
        return file

    return again


def zipped(write: Callable[[Path], object]) -> Callable[[Path], Path]:
    def pack(folder: Path) -> Path:
        (folder / "里面 inside").mkdir()
        write(folder / "里面 inside")
        return packed(folder / "包.zip", folder / "里面 inside")

    return pack


def table(name: str, encoding: str = "utf-8", separator: str = ",", shape: str = "wkt") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        frame = pd.DataFrame(county().drop(columns="geometry"))
        shapes = {"wkt": shapely.to_wkt, "wkb": lambda g: shapely.to_wkb(g, hex=True), "json": shapely.to_geojson}
        ewkt = [f"SRID=4326;{text}" for text in shapely.to_wkt(BOXES)]
        frame["geometry"] = ewkt if shape == "ewkt" else shapes[shape](BOXES)
        if name.endswith(".xlsx"):
            with pd.ExcelWriter(folder / name) as book:
                pd.DataFrame({"说明": ["填写说明"]}).to_excel(book, sheet_name="说明", index=False)
                frame.to_excel(book, sheet_name="房屋", index=False, startrow=2)
        else:
            frame.to_csv(folder / name, index=False, encoding=encoding, sep=separator)
        return folder / name

    return write


def parquet_folder(folder: Path) -> Path:
    (folder / "建筑").mkdir()
    county()[:1].to_parquet(folder / "建筑" / "part-0.parquet")
    county()[1:].to_parquet(folder / "建筑" / "part-1.parquet", write_covering_bbox=True)
    return folder / "建筑"


def drawing(folder: Path, encoding: str = "utf-8", page: str = "") -> Path:
    lines = ["0", "SECTION", "2", "HEADER", "9", "$ACADVER", "1", "AC1015", *(["9", "$DWGCODEPAGE", "3", page] if page else [])]
    lines += ["0", "ENDSEC", "0", "SECTION", "2", "ENTITIES"]
    for box in BOXES:
        lines += ["0", "LWPOLYLINE", "8", "房屋", "90", "4", "70", "1"]
        for x, y in shapely.get_coordinates(box)[:4]:
            lines += ["10", repr(float(x)), "20", repr(float(y))]
    lines += ["0", "LWPOLYLINE", "8", "道路", "90", "2", "70", "0", "10", "117", "20", "36", "10", "118", "20", "37"]
    lines += ["0", "TEXT", "8", "房屋", "10", "117", "20", "36.6", "40", "2", "1", "砼3", "0", "ENDSEC", "0", "EOF", ""]
    (folder / "图.dxf").write_bytes("\n".join(lines).encode(encoding))
    return folder / "图.dxf"


def mapinfo(folder: Path) -> Path:
    """MapInfo's text format as it is written in China."""
    rows = [
        "Version 450",
        'Charset "WindowsSimpChinese"',
        'Delimiter ","',
        "CoordSys Earth Projection 1, 104",
        "Columns 1",
        "  名称 Char(20)",
    ]
    rows.append("Data")
    for box in BOXES:
        rows += ["Region 1", "  5", *(f"{x!r} {y!r}" for x, y in shapely.get_coordinates(box).tolist())]
    (folder / "a.mif").write_bytes("\r\n".join([*rows, ""]).encode("gb18030"))
    (folder / "a.mid").write_bytes("\r\n".join([*(f'"{name}"' for name in NAMES), ""]).encode("gb18030"))
    return folder / "a.mif"


OSM = """<osm version="0.6">{nodes}{ways}</osm>"""


def osm(folder: Path) -> Path:
    """OpenStreetMap XML, read by the driver that reads PBF; a field beside the buildings is left out."""
    nodes, ways = "", ""
    for k, box in enumerate([*BOXES, shapely.box(117.1, 36.6, 117.2, 36.7)]):
        tags = (
            f'<tag k="building" v="yes"/><tag k="名称" v="{NAMES[k]}"/><tag k="height" v="6"/>' if k < 3 else '<tag k="landuse" v="farm"/>'
        )
        refs = ""
        for j, (x, y) in enumerate(shapely.get_coordinates(box)[:4]):
            nodes += f'<node id="{k * 10 + j + 1}" lon="{x:.7f}" lat="{y:.7f}" version="1"/>'
            refs += f'<nd ref="{k * 10 + j + 1}"/>'
        ways += f'<way id="{k + 1}" version="1">{refs}<nd ref="{k * 10 + 1}"/>{tags}</way>'
    (folder / "a.osm").write_text(OSM.format(nodes=nodes, ways=ways), encoding="utf-8")
    return folder / "a.osm"


FORMATS: dict[str, Callable[[Path], Path]] = {
    "shapefile, GBK without cpg": shapefile,
    "shapefile, UTF-8 without cpg": lambda f: shapefile(f, encoding="UTF-8"),
    "shapefile, cpg 936": lambda f: shapefile(f, cpg="936"),
    "shapefile, cpg that lies": lambda f: shapefile(f, cpg="UTF-8"),
    "shapefile, cpg of GDAL's default": lambda f: shapefile(f, cpg="ISO-8859-1"),
    "shapefile, zipped": zipped(shapefile),
    "shapefile in capitals": lambda f: (
        [p.rename(p.with_suffix(p.suffix.upper())) for p in shapefile(f, "A").parent.glob("A.*")] and f / "A.SHP"
    ),
    "geopackage": to_file("建筑.gpkg"),
    "geopackage, zipped": zipped(to_file("建筑.gpkg")),
    "geojson": to_file("a.geojson"),
    "geojson, GBK": recoded(to_file("a.geojson"), "gb18030"),
    "geojson lines, UTF-16": recoded(to_file("a.geojsonl", "GeoJSONSeq"), "utf-16"),
    "geojson as json": to_file("a.json", "GeoJSON"),
    "geojson lines": to_file("a.geojsonl", "GeoJSONSeq"),
    "geojson lines, another ending": to_file("a.ndjson", "GeoJSONSeq"),
    "geoparquet": lambda f: [county().to_parquet(f / "a.parquet"), f / "a.parquet"][1],
    "geoparquet folder": parquet_folder,
    "flatgeobuf": to_file("a.fgb", SPATIAL_INDEX="NO"),
    "file geodatabase": to_file("建筑.gdb", "OpenFileGDB"),
    "file geodatabase, zipped": zipped(to_file("建筑.gdb", "OpenFileGDB")),
    "kml": to_file("a.kml", "LIBKML"),
    "kmz": to_file("a.kmz", "LIBKML"),
    "gml": to_file("a.gml", "GML"),
    "mapinfo": mapinfo,
    "csv": table("a.csv"),
    "csv, GBK": table("a.csv", "gb18030"),
    "csv, byte order mark": table("a.csv", "utf-8-sig"),
    "csv, semicolons, EWKT": table("a.csv", separator=";", shape="ewkt"),
    "csv, GeoJSON": table("a.csv", shape="json"),
    "tsv, Excel's Unicode, WKB": table("a.tsv", "utf-16", "\t", "wkb"),
    "xlsx": table("a.xlsx"),
    "dxf": drawing,
    "dxf, GBK": lambda f: drawing(f, "gb18030", "ANSI_936"),
    "dxf, wrong code page": lambda f: drawing(f, "gb18030", "ANSI_1252"),
    "osm": osm,
}


@pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)
def test_every_format_gives_the_same_outlines(write: Callable[[Path], Path], tmp_path: Path) -> None:
    said: list[str] = []
    path = write(tmp_path)
    frame = read_vectors(path, osm_key="building", warnings=said)
    if path.suffix == ".dxf":
        assert frame["Text"].dropna().tolist() == ["砼3"]
        frame = frame[frame.geometry.geom_type == "Polygon"]
        assert frame["Layer"].tolist() == ["房屋"] * 3
    elif path.suffix == ".osm":
        frame = read_vectors(path, columns=["名称", "height"], osm_key="building")
        assert frame["height"].tolist() == ["6"] * 3
    if path.suffix != ".dxf":
        assert frame["名称"].tolist() == NAMES
        assert "名称" in column_names(path) or path.suffix == ".osm"
    assert frame.crs is None or frame.crs.to_epsg() in (4326, 4979)
    # KML has 15 digits, OSM seven decimals, MIF its own rounding: 1e-7 degrees are 1 cm
    assert shapely.equals_exact(
        shapely.normalize(shapely.force_2d(shapely.get_geometry(frame.geometry.to_numpy(), 0))), shapely.normalize(BOXES), 2e-7
    ).all()
    assert not [note for note in said if "GDAL said" in note]


def test_rows_without_geometry_stay_in_every_format(tmp_path: Path) -> None:
    """GDAL's quick way from FlatGeobuf to Arrow once gave lengths below zero for them."""
    frame = county()
    frame.loc[1, "geometry"] = None
    for name in ("a.fgb", "a.gpkg", "a.geojson", "a.shp"):
        frame.to_file(tmp_path / name, **({"SPATIAL_INDEX": "NO"} if name.endswith("fgb") else {}))
        read = read_vectors(tmp_path / name)
        assert read.geometry.isna().tolist() == [False, True, False], name
        assert read["名称"].tolist() == NAMES


def test_ways_to_name_several_files(tmp_path: Path) -> None:
    for k in range(3):
        (tmp_path / f"镇{k}").mkdir()
        county()[k : k + 1].to_crs(4548 if k else 4326).to_file(tmp_path / f"镇{k}" / "房屋.shp", encoding="GB18030")
        (tmp_path / f"镇{k}" / "说明.csv").write_text("a,b\n", encoding="utf-8")
    for path in (tmp_path, tmp_path / "镇*" / "*.shp", tmp_path / "**" / "房屋.*"):
        frame = read_vectors(path)
        assert frame["名称"].tolist() == NAMES
        assert frame.crs.to_epsg() == 4326
        assert shapely.equals_exact(shapely.normalize(frame.geometry.to_numpy()), shapely.normalize(BOXES), 1e-8).all()
    assert len(files_behind(tmp_path / "镇0" / "房屋.shp")) == 5
    assert len(files_behind(tmp_path / "镇*" / "*.shp")) == 15
    assert [p.parent.name for p in vector_files(tmp_path)] == ["镇0", "镇1", "镇2"]


def test_what_holds_for_many_files_is_told_once(tmp_path: Path) -> None:
    for k in range(4):
        shapefile(tmp_path, f"镇{k}")
    said: list[str] = []
    assert len(read_vectors(tmp_path, warnings=said)) == 12
    assert len(said) == 1 and said[0].startswith("for 4 files alike: 镇0.shp: no .cpg says")


def test_columns_are_chosen_and_repeated_names_numbered(tmp_path: Path) -> None:
    county().to_file(tmp_path / "a.gpkg")
    county().to_parquet(tmp_path / "a.parquet")
    for name in ("a.gpkg", "a.parquet"):
        assert read_vectors(tmp_path / name, columns=["height", "not there"]).columns.tolist() == ["height", "geometry"]
        assert column_names(tmp_path / name) == ["名称", "height"]
    assert numbered(["a", "a", "geometry"], taken=("geometry",)) == ["a", "a_2", "geometry_2"]


def test_a_choice_between_layers_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    county().to_file(path, layer="房屋")
    county()[:2].to_file(path, layer="院落")
    county().set_geometry(county().boundary).to_file(path, layer="围墙")
    with pytest.raises(GeoError, match=r"房屋 \(Polygon, 3 rows\), 院落 \(Polygon, 2 rows\); name one"):
        read_vectors(path)
    assert len(read_vectors(path, layer="院落")) == 2
    said: list[str] = []
    county().to_file(tmp_path / "b.gpkg", layer="房屋")
    county().set_geometry(county().boundary).to_file(tmp_path / "b.gpkg", layer="围墙")
    assert len(read_vectors(tmp_path / "b.gpkg", warnings=said)) == 3
    assert said == ["b.gpkg: of its layers '房屋' is taken, the only one with polygons; not read: 围墙"]


def test_closed_lines_are_outlines_and_points_are_refused(tmp_path: Path) -> None:
    lines = county().set_geometry(county().boundary)
    lines.to_file(tmp_path / "lines.gpkg")
    said: list[str] = []
    frame = read_vectors(tmp_path / "lines.gpkg", warnings=said)
    assert shapely.equals(frame.geometry.to_numpy(), BOXES).all()
    assert "3 closed lines" in said[0]
    (tmp_path / "a.csv").write_text("名称,经度,纬度\na,117,36.6\nb,117.1,\n", encoding="utf-8")
    with pytest.raises(GeoError, match="1 points and 0 open lines"):
        read_vectors(tmp_path / "a.csv")


def test_outlines_inside_others_are_told(tmp_path: Path) -> None:
    rings = [shapely.box(0, 0, 20, 20), shapely.box(5, 5, 10, 10), shapely.box(20, 0, 30, 20)]
    gpd.GeoDataFrame(geometry=[shapely.LineString(ring.exterior.coords) for ring in rings], crs=4548).to_file(tmp_path / "a.gpkg")
    said: list[str] = []
    read_vectors(tmp_path / "a.gpkg", warnings=said)
    assert any("1 of these outlines lie inside another one" in text for text in said)


def test_one_shape_that_cannot_be_read_costs_only_itself() -> None:
    good = shapely.to_wkb(BOXES)
    ring = np.array([[np.nan, 0], [1, 1], [1, 0], [np.nan, 0]])
    bad = b"\1\3\0\0\0\1\0\0\0\4\0\0\0" + ring.astype("<f8").tobytes()
    found = from_wkb(np.array([good[0], bad, good[1], None, b"nonsense", good[2]], dtype=object))
    assert [g is None for g in found] == [False, True, False, True, True, False]


# GB 2312 begins with the 3,755 characters of everyday use.
EVERYDAY = [bytes([a, b]).decode("gb2312") for a in range(0xB0, 0xD7) for b in range(0xA1, 0xFF)]


@given(st.lists(st.lists(st.sampled_from(EVERYDAY), min_size=2, max_size=8).map("".join), min_size=1, max_size=20), st.integers(0, 2))
def test_chinese_words_tell_their_encoding(words: list[str], cut: int) -> None:
    assert likely_encoding([word.encode("utf-8")[: len(word.encode("utf-8")) - cut] for word in words]) == "UTF-8"
    raw = [word.encode("gb18030") for word in words]
    assert likely_encoding(raw) == "GB18030"
    assert [decoded(word.decode("latin-1"), "GB18030") for word in raw] == words


def test_other_texts() -> None:
    assert likely_encoding([b"plain", b"ASCII"]) == "UTF-8"
    assert likely_encoding([text.encode("latin-1") for text in ("Göteborg", "Älvsborg", "Skåne län")]) == "ISO-8859-1"
    assert likely_encoding([text.encode("utf-8") for text in ("Göteborg", "Älvsborg", "café")]) == "UTF-8"
    # a field of ten bytes cuts the fourth character in two
    assert decoded("济南市历".encode()[:10].decode("latin-1"), "UTF-8") == "济南市"
    assert [codec_of(word) for word in ("936", "ANSI 936", "gbk", "utf8", "65001", "klingon", "\0")] == [
        "GB18030", "GB18030", "GB18030", "UTF-8", "UTF-8", None, None
    ]  # fmt: skip


def test_real_files() -> None:
    if not DATA.is_dir():
        pytest.skip("the real data are not beside this checkout")
    # counts as the data's own README gives them
    assert len(read_vectors(DATA / "osm" / "kotka.osm.pbf", osm_key="building")) == 2219
    assert len(read_vectors(DATA / "suzhou" / "buildings.geojson")) == 3076
    assert len(read_vectors(DATA / "gothenburg" / "buildings.shp")) == 137
    assert len(read_vectors(DATA / "alexandria")) == 84


def test_nothing_is_left_of_what_was_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    read_vectors(zipped(shapefile)(tmp_path))
    assert not list((tmp_path / "tmp").iterdir())
    shutil.rmtree(tmp_path / "tmp")


def test_places_in_degrees_minutes_and_seconds() -> None:
    table = pd.DataFrame(
        {
            "东经": ["117.25", "117°15′00″", "E117°15'", "117度15分0秒", "东经117°15′0.0″", "bad"],
            "北纬": ["36.5", "36°30′0″", "N36°30'", "36度30分", "北纬36.5°", "36.5"],
        }
    )
    found = with_places(table, "t.csv").geometry
    assert found.iloc[-1] is None
    np.testing.assert_allclose(shapely.get_coordinates(found.to_numpy()[:-1]), [[117.25, 36.5]] * 5, rtol=0, atol=1e-12)
