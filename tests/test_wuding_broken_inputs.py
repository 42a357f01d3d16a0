"""Vector files that are broken in every way known to us, each through `wuding check`: statuses or one clear error."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .broken import (
    CRS,
    X,
    Y,
    checker,
    curves,
    escaping_zip,
    features,
    frame_of,
    gbk_zip,
    good,
    huge_ring,
    layers,
    locked_zip,
    lying_parquet,
    made,
    mixed_folder,
    odd_names,
    only,
    pack,
    ring,
    rows_of,
    shapefile,
    some_without_crs,
    table_only,
    truncated,
    two_in_zip,
    workbook,
    written,
    zip_in_zip,
)


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    return checker(tmp_path, monkeypatch, capsys)


WKT = good(3).geometry.to_wkt()
DXF = "\n".join(
    [
        "0",
        "SECTION",
        "2",
        "ENTITIES",
        *(
            line
            for layer in ("JMD", "院子")
            for line in [
                "0",
                "LWPOLYLINE",
                "8",
                layer,
                "90",
                "4",
                "70",
                "1",
                "10",
                f"{X}",
                "20",
                f"{Y}",
                "10",
                f"{X + 20}",
                "20",
                f"{Y}",
                "10",
                f"{X + 20}",
                "20",
                f"{Y + 9}",
                "10",
                f"{X}",
                "20",
                f"{Y + 9}",
            ]
        ),
        "0",
        "ENDSEC",
        "0",
        "EOF",
        "",
    ]
)
FLIPPED = shapely.Polygon([(X + 900, Y), (X + 920, Y + 20), (X + 920, Y), (X + 900, Y + 20)])

# name, what writes the file and returns its path, further keys, what the error says or "" for a result
IDS = 'columns = { id = "id", height = "height" }'


VECTORS: list[tuple[str, Callable[[Path], str], str, str]] = [
    ("truncated gpkg 10 %", truncated("a.gpkg", 0.1), "", "cannot be read"),
    ("truncated gpkg 50 %", truncated("a.gpkg", 0.5), "", "cannot be read"),
    ("truncated gpkg 99 %", truncated("a.gpkg", 0.99), "", "cannot be read"),
    ("truncated geojson", truncated("a.geojson", 0.7), "", "cannot be read"),
    ("truncated flatgeobuf", truncated("a.fgb", 0.7), "", "breaks off"),
    ("truncated parquet", truncated("a.parquet", 0.7), "", "cannot be read"),
    ("truncated shapefile", truncated("a.shp", 0.7), "", "breaks off"),
    ("truncated kml", truncated("a.kml", 0.7), "", "cannot be read"),
    ("truncated kmz", truncated("a.kmz", 0.7), "", "cannot be read"),
    ("truncated zip", truncated("a.zip", 0.7), "", "cannot be unpacked"),
    ("truncated xlsx", truncated("a.xlsx", 0.7), "", "cannot be read"),
    ("truncated pbf", written("a.osm.pbf", b"\0\0\0\x0d\x0a\x09OSMHeader\x18"), "", "a.osm.pbf"),
    ("wrong magic", written("a.gpkg", "just a text"), "", "cannot be read"),
    ("no bytes", written("a.gpkg", b""), "", "cannot be read"),
    ("geojson without bytes", written("a.geojson", b""), "", "cannot be read"),
    ("zeros", written("a.shp", b"\0" * 500), "", "not a Shapefile"),
    ("no rows", written("a.geojson", '{"type":"FeatureCollection","features":[]}'), "columns = {}", "no rows"),
    ("no rows, columns wanted", written("a.geojson", '{"type":"FeatureCollection","features":[]}'), "", "no column 'height'"),
    ("another json", written("a.json", '{"type":"CityJSON","version":"1.0"}'), "", "cannot be read"),
    ("geojson is a list", written("a.json", "[1, 2, 3]"), "", "cannot be read"),
    ("deeply nested json", written("a.json", "[" * 100_000), "", "cannot be read"),
    ("NaN coordinate", written("a.geojson", features(ring(("NaN", 0), (1, 1), (1, 0), ("NaN", 0)))), "", ""),
    ("infinite coordinate", written("a.geojson", features(ring(("Infinity", 0), (1, 1), (1, 0), ("Infinity", 0)))), "", ""),
    ("1e300 coordinate", written("a.geojson", features(ring(("1e300", 0), (1, 1), (1, 0), ("1e300", 0)))), "", ""),
    ("ring not closed", written("a.geojson", features(ring((0, 0), (1, 1), (1, 0)))), "", ""),
    ("ring of two points", written("a.geojson", features(ring((0, 0), (1, 1)))), "", ""),
    ("ring of no points", written("a.geojson", features('{"type":"Polygon","coordinates":[[]]}')), "", ""),
    ("geometry of a wrong kind", written("a.geojson", features('{"type":"Polygoon","coordinates":[[[0,0]]]}')), "", ""),
    ("latitude above 90", written("a.geojson", features(ring((0, "95"), (1, "96"), (1, "95"), (0, "95")))), "", ""),
    ("bow-tie", frame_of(FLIPPED), "", ""),
    ("zero area", frame_of(shapely.Polygon([(X, Y), (X + 9, Y), (X + 4, Y), (X, Y)])), "", ""),
    ("all null", only([None, None]), "", "no building is left"),
    ("all empty", only([shapely.Polygon(), shapely.Polygon()]), "", "no building is left"),
    ("mixed types", frame_of(shapely.Point(X, Y), shapely.LineString([(X, Y), (X + 5, Y)]), None, shapely.MultiPoint([(X, Y)])), "", ""),
    ("collection", frame_of(shapely.GeometryCollection([shapely.box(X + 900, Y, X + 920, Y + 9), shapely.Point(X, Y)])), "", ""),
    ("only points", only([shapely.Point(X, Y)]), "", "1 points and 0 open lines"),
    ("only lines", only([shapely.LineString([(X, Y), (X + 9, Y)])]), "", "no outline"),
    ("closed lines", only([shapely.LineString(g.exterior.coords) for g in good(3).geometry]), "", ""),
    ("z", only([shapely.force_3d(g, 7.0) for g in good(3).geometry]), "", ""),
    ("1,000 parts", only([shapely.MultiPolygon([shapely.box(X + k, Y, X + k + 0.9, Y + 9) for k in range(1000)])]), "", ""),
    (
        "hole outside",
        frame_of(shapely.Polygon(FLIPPED.envelope.exterior.coords, [shapely.box(X, Y, X + 5, Y + 5).exterior.coords])),
        "",
        "",
    ),
    ("a million vertices", huge_ring, "", ""),
    ("curves", curves, "", ""),
    ("the same row a hundred times", only([shapely.box(X, Y, X + 9, Y + 9)] * 100), "", ""),
    ("odd names", odd_names, "", ""),
    ("repeated keys", written("a.geojson", features().replace('"height":6', '"height":6,"height":7,"HEIGHT":8')), "", ""),
    ("several polygon layers", layers(a="polygon", b="polygon"), "", r"a \(Polygon, 3 rows\), b \(Polygon, 3 rows\)"),
    ("one polygon layer of three", layers(a="point", b="polygon", c="line"), "", ""),
    ("no polygon layer", layers(a="point", b="line"), "", "several layers"),
    ("a layer that is not there", layers(a="polygon"), 'layer = "z"', "no layer 'z'"),
    ("table only", table_only, "", "no geometry"),
    ("shx missing", shapefile(shx=None), "", "shx"),
    ("dbf missing", shapefile(dbf=None), "", "no column 'height'"),
    ("prj missing", shapefile(prj=None), "", "CRS"),
    ("prj of rubbish", shapefile(prj=b"no projection at all"), "", "CRS"),
    ("dbf cut", shapefile(dbf=0.5), "", ""),
    ("dbf with fewer rows", shapefile(rows=("dbf", 5)), "", "do not belong together"),
    ("shx of another copy", shapefile(rows=("shx", 5)), "", "do not belong together"),
    ("a pipe", lambda f: made(f, "pipe.geojson", os.mkfifo), "", "neither a file nor a folder"),
    ("a link to itself", lambda f: made(f, "loop.gpkg", lambda p: p.symlink_to(p)), "", "no such file"),
    (
        "geojson in GBK",
        lambda f: made(f, "a.json", lambda p: p.write_bytes(features().replace("{", '{"名":"厂",', 1).encode("gbk"))),
        "",
        "",
    ),
    ("coordinates as text", written("a.geojson", features(ring(('"117"', '"36"'), (1, 1), (1, 0), ('"117"', '"36"')))), "", ""),
    ("a shell all hole", frame_of(shapely.Polygon(FLIPPED.envelope.exterior.coords, [FLIPPED.envelope.exterior.coords])), "", ""),
    ("a ring of one place", frame_of(shapely.Polygon([(X, Y)] * 4)), "", ""),
    ("workbook that is a web page", written("a.xlsx", "<html><table><tr><td>height</td></tr></table></html>"), "", "cannot be read"),
    ("zip in a zip", zip_in_zip, "", "no vector file"),
    ("parquet whose head lies", lying_parquet, "", "cannot be read"),
    (
        "ids of 5,000 letters and faces",
        lambda f: made(f, "i.gpkg", lambda p: good().assign(id=["长" * 5000, "🏠", None] * 4).to_file(p)),
        IDS,
        "",
    ),
    ("dbf of rubbish", shapefile(dbf=b"\xff" * 40), "", "no column"),
    ("shx of rubbish", shapefile(shx=b"\xff" * 40), "", "cannot be read"),
    ("cpg of rubbish", shapefile(cpg=b"\xff\xfe\0\0"), "", ""),
    ("cpg that lies", shapefile(cpg=b"UTF-8"), "", ""),
    ("encoding that is none", shapefile(), 'encoding = "klingon"', "klingon"),
    ("encoding that is wrong", shapefile(), 'encoding = "UTF-8"', "GB18030"),
    ("only the dbf", lambda f: shapefile()(f).replace(".shp", ".dbf"), "", "name the .shp"),
    ("zip with password", locked_zip, "", "cannot be unpacked"),
    ("zip that leaves its folder", escaping_zip, "", ""),
    ("zip with names in GBK", gbk_zip, "", ""),
    ("zip with two layers", two_in_zip, "", "several layers"),
    ("zip without layers", lambda f: made(f, "a.zip", lambda p: pack(p, f / "study.txt")), "", "no vector file"),
    ("dwg", written("a.dwg", b"AC1027"), "", "DXF"),
    ("mdb", written("a.mdb", b"\0\1\0\0Standard Jet DB"), "", "GeoPackage"),
    ("xls", written("a.xls", b"\xd0\xcf\x11\xe0"), "", "xlsx"),
    ("unknown ending", written("a.xyz", b"1 2 3"), "", "not read"),
    ("empty folder", lambda f: made(f, "空", Path.mkdir), "", "no vector file"),
    ("mixed folder", mixed_folder, "", "mixes formats"),
    ("pattern that fits nothing", lambda f: "none*.shp", "", "no vector file fits"),
    ("some without a CRS", some_without_crs, "", "CRS"),
    ("empty gdb", lambda f: made(f, "a.gdb", Path.mkdir), "", "cannot be read"),
    ("gdb in one file", written("a.gdb", b"gdb"), "", "folder"),
    ("dxf that breaks off", written("a.dxf", DXF[:120]), "columns = {}\ncrs = 'EPSG:4548'", "dxf"),
    ("dxf with two layers", written("a.dxf", DXF), "columns = {}\ncrs = 'EPSG:4548'", r"JMD \(1 outlines\)"),
    ("dxf layer that is not there", written("a.dxf", DXF), "columns = {}\ncrs = 'EPSG:4548'\nlayer = 'X'", "no layer 'X'"),
    ("dxf layer", written("a.dxf", DXF), "columns = {}\ncrs = 'EPSG:4548'\nlayer = '院子'", ""),
    ("csv of points", written("a.csv", "height,经度,纬度\n6,117,36.6\n"), "", "1 points"),
    (
        "csv of points whose areas cannot be",
        written("a.csv", "area,经度,纬度\n-6,117,36.6\nNaN,117,36.6\n1e400,117,36.6\n500,x,\n"),
        'columns = { area = "area" }',
        "no building is left",
    ),
    ("csv of points at one place", written("a.csv", "area,经度,纬度\n" + "500,117,36.6\n" * 9), 'columns = { area = "area" }', ""),
    ("csv of points with an unknown area column", written("a.csv", "b,经度,纬度\n6,117,36.6\n"), 'columns = { area = "a" }', "column 'a'"),
    ("csv without place", written("a.csv", "height,a\n6,1\n"), "", "WKT"),
    ("csv without bytes", written("a.csv", b""), "", "cannot be read"),
    ("csv of bytes", written("a.csv", bytes(range(256)) * 9), "", "a.csv"),
    ("csv with too many cells", written("a.csv", f'height,wkt\n6,"{WKT[0]}",9,9\n1,2,3,4,5\n'), "", "cannot be read"),
    ("csv with broken wkt", written("a.csv", f'height,wkt\n6,"{WKT[0]}"\n7,"POLYGON (("\n8,nonsense\n9,\n'), "crs = 'EPSG:4548'", ""),
    ("csv with repeated heads", written("a.csv", f'height,height,wkt\n6,5,"{WKT[0]}"\n'), "crs = 'EPSG:4548'", ""),
    ("csv wkt without CRS", written("a.csv", f'height,wkt\n6,"{WKT[0]}"\n'), "", "CRS"),
    ("xlsx without rows", workbook(pd.DataFrame()), "", "empty"),
    ("xlsx without place", workbook(pd.DataFrame({"height": [1.0]})), "", "WKT"),
    ("xlsx with a title above", workbook(pd.DataFrame({"height": [6.0], "几何": WKT[:1]}), startrow=3), "crs = 'EPSG:4548'", ""),
    ("parquet without place", lambda f: made(f, "a.parquet", lambda p: pd.DataFrame({"height": [1.0]}).to_parquet(p)), "", "WKT"),
    (
        "degrees said to be metres",
        lambda f: made(f, "d.gpkg", lambda p: good().to_crs(4326).set_crs(CRS, allow_override=True).to_file(p)),
        "",
        "degrees",
    ),
    (
        "metres said to be degrees",
        lambda f: made(f, "d.gpkg", lambda p: good().set_crs(4326, allow_override=True).to_file(p)),
        "",
        "metres",
    ),
    ("no such file", lambda f: "nothing.gpkg", "", "no such file"),
    ("a path too long", lambda f: "长" * 300 + ".gpkg", "", "path"),
    ("a path with a zero", lambda f: '"a\\u0000b.gpkg"', "", "path"),
    ("a home of nobody", lambda f: "~nobody-of-this-name/a.gpkg", "", "home"),
]


@pytest.mark.parametrize(("write", "keys", "words"), [case[1:] for case in VECTORS], ids=[case[0] for case in VECTORS])
def test_buildings(write: Callable[[Path], str], keys: str, words: str, check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    (tmp_path / "study.txt").write_text("notes", encoding="utf-8")
    path = write(tmp_path)
    code, said = check(path, buildings=keys)
    assert code == (2 if words else 0), said
    assert re.search(words, said), said


def test_what_is_kept_of_a_broken_layer(check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    """Counted by hand: two good rows before, and one broken row that is neither dropped nor takes others with it."""
    unfit = '{"type":"Point","coordinates":[117,36.6]}'
    (tmp_path / "a.geojson").write_text(features(ring(("NaN", 0), (1, 1), (1, 0), ("NaN", 0)), "null", unfit), encoding="utf-8")
    assert check("a.geojson")[0] == 0
    assert rows_of(tmp_path) == {"to_assess": 2, "invalid_geometry": 3}
    frame_of(FLIPPED)(tmp_path)
    assert check("some.gpkg")[0] == 0
    assert rows_of(tmp_path) == {"to_assess": 3}  # the bow-tie encloses 200 m2 and is repaired
    curves(tmp_path)
    assert check("curves.gpkg")[0] == 0
    assert rows_of(tmp_path) == {"to_assess": 3}
    (tmp_path / "towns").mkdir()
    for k in range(3):
        good(4).set_geometry(good(4).translate(0, 100 * k)).to_file(tmp_path / "towns" / f"{k}.shp")
    for path in ("towns", "towns/?.shp", '["towns/0.shp", "towns/1.shp", "towns/2.shp"]'):
        assert check(path)[0] == 0
        assert rows_of(tmp_path) == {"to_assess": 12}


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.text(max_size=12), st.integers(), st.floats(), st.sampled_from(["12m", "3层", "-9999", "厂房", "1e400"]),
    st.lists(st.integers(), max_size=2), st.just({"a": {"b": None}}), st.integers(10**20, 10**40),
)  # fmt: skip
EAST, NORTH = (st.one_of(st.floats(at, at + 0.001), st.floats(at, at + 0.001), st.floats()) for at in (117.0, 36.6))
RING = st.lists(st.tuples(EAST, NORTH).map(list), max_size=7)
SHAPE = st.one_of(
    st.none(),
    st.builds(lambda rings: {"type": "Polygon", "coordinates": rings}, st.lists(RING, max_size=3)),
    st.builds(lambda parts: {"type": "MultiPolygon", "coordinates": parts}, st.lists(st.lists(RING, max_size=2), max_size=3)),
    st.builds(lambda line: {"type": "LineString", "coordinates": line}, RING),
    st.builds(lambda line: {"type": "GeometryCollection", "geometries": [{"type": "LineString", "coordinates": line}]}, RING),
)
COLUMNS = ("id", "name", "height", "floors", "use", "year_built", "installed_kwp", "urban")


# no shrinking: each example is a check and a preparation, and shrinking would take minutes
@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
@given(st.lists(st.tuples(SHAPE, st.lists(ANYTHING, min_size=8, max_size=8)), max_size=6))
def test_any_shapes_and_attributes_keep_every_row(
    check: Callable[..., tuple[int, str]], tmp_path: Path, rows: list[tuple[object, list[object]]]
) -> None:
    boxes = [shapely.geometry.mapping(g) for g in good(2).to_crs(4326).geometry]
    given_rows = [(box, [k, "a", 6.0, 2, "厂房", 2000, 0.0, "城镇"]) for k, box in enumerate(boxes)] + rows
    content = [
        {"type": "Feature", "geometry": shape, "properties": dict(zip(COLUMNS, values, strict=True))} for shape, values in given_rows
    ]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": content}), encoding="utf-8")
    keys = "columns = { " + ", ".join(f'{name} = "{name}"' for name in COLUMNS) + ' }\nuse = { "*" = "other" }'
    code, said = check("a.geojson", buildings=keys)
    assert code in (0, 2), said
    if code == 0:
        assert sum(rows_of(tmp_path).values()) == 2 + len(rows)
