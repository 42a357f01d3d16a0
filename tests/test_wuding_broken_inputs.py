"""Inputs that are broken in every way known to us, each through `wuding check`: statuses or one clear error, never a traceback."""

import json
import re
import sqlite3
import struct
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine, from_origin

from geo.errors import GeoError
from geo.rasters import prepare_raster
from geo.vectors import read_vectors
from wuding import cli

X, Y, CRS = 500_000.0, 4_056_000.0, "EPSG:4548"
STUDY = """
[study]
name = "broken"
crs = "EPSG:4548"
lang = "en"
as_of = 2026-11-23
[buildings]
path = 'good.gpkg'
{buildings}
[terrain]
dem = 'flat'
{terrain}
[weather]
source = "climatology"
{rest}
"""


def good(n: int = 12) -> gpd.GeoDataFrame:
    x = X + np.arange(n) * 30.0
    return gpd.GeoDataFrame({"height": np.full(n, 6.0)}, geometry=shapely.box(x, Y, x + 20, Y + 12), crs=CRS)


def features(*geometries: str) -> str:
    """GeoJSON in degrees at the place of the good buildings, with two good ones before."""
    boxes = [json.dumps(shapely.geometry.mapping(g)) for g in good(2).to_crs(4326).geometry]
    rows = ",".join(f'{{"type":"Feature","properties":{{"height":6}},"geometry":{g}}}' for g in [*boxes, *geometries])
    return f'{{"type":"FeatureCollection","features":[{rows}]}}'


def ring(*corners: tuple[object, object]) -> str:
    return (
        '{"type":"Polygon","coordinates":[['
        + ",".join(
            f"[{117 + float(x) * 1e-4 if isinstance(x, (int, float)) else x},"
            f"{36.6 + float(y) * 1e-4 if isinstance(y, (int, float)) else y}]"
            for x, y in corners
        )
        + "]]}"
    )


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Write a study around one broken input and check it as the command line does; a traceback fails the test."""

    def run(path: str = "good.gpkg", *, buildings: str = "", dem: str = "flat", terrain: str = "", rest: str = "") -> tuple[int, str]:
        columns = "" if "columns" in buildings else 'columns = { height = "height" }\n'
        text = STUDY.format(buildings=columns + buildings, terrain=terrain, rest=rest)
        text = text.replace("path = 'good.gpkg'", f"path = {path}" if path[0] in '["' else f"path = '{path}'").replace("'flat'", f"'{dem}'")
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        if not (tmp_path / "good.gpkg").exists():
            good().to_file(tmp_path / "good.gpkg")
        monkeypatch.setattr(sys, "argv", ["wuding", "check", str(tmp_path / "study.toml")])
        start = time.perf_counter()
        with pytest.raises(SystemExit) as done:
            cli.main()
        # nothing here is large: a minute is a hang even on a loaded machine
        assert time.perf_counter() - start < 60
        said = capsys.readouterr()
        code = done.value.code or 0
        assert isinstance(code, int)
        if code:
            assert code == 2
            assert said.err.startswith("错误 error: ")
            assert str(tmp_path) not in said.err
            return code, said.err
        facts = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
        assert sum(facts["status"].values()) == facts["rows"]
        return code, said.out

    return run


def rows_of(tmp_path: Path) -> dict[str, int]:
    return dict(json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))["status"])


def truncated(name: str, share: float) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        path = folder / name
        frame = good(200)
        if path.suffix == ".parquet":
            frame.to_parquet(path)
        elif path.suffix in (".kml", ".kmz"):
            frame.to_crs(4326).to_file(path, driver="LIBKML")
        elif path.suffix == ".zip":
            frame.to_file(folder / "inside.shp")
            pack(path, *(p for p in folder.glob("inside.*")))
        elif path.suffix == ".xlsx":
            pd.DataFrame(frame.assign(wkt=frame.geometry.to_wkt())).drop(columns="geometry").to_excel(path, index=False)
        else:
            frame.to_file(path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return name

    return write


def pack(target: Path, *files: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for file in files:
            out.write(file, file.name)


def written(name: str, content: str | bytes) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    return write


def shapefile(name: str = "a", **more: object) -> Callable[[Path], str]:
    """Write a Shapefile and then spoil a part: `drop`, or part = bytes."""

    def write(folder: Path) -> str:
        good().assign(use=["厂房", "住宅"] * 6).to_file(folder / f"{name}.shp", encoding="GB18030")
        for part, content in more.items():
            file = folder / f"{name}.{part}"
            if content is None:
                file.unlink()
            elif isinstance(content, float):
                file.write_bytes(file.read_bytes()[: int(file.stat().st_size * content)])
            else:
                assert isinstance(content, bytes)
                file.write_bytes(content)
        return f"{name}.shp"

    return write


def curves(folder: Path) -> str:
    good(3).to_file(folder / "curves.gpkg", layer="c", SPATIAL_INDEX="NO")
    corners = [(X + 500, Y), (X + 505, Y + 5), (X + 510, Y), (X + 505, Y - 5), (X + 500, Y)]
    circle = struct.pack("<BII", 1, 8, 5) + b"".join(struct.pack("<dd", *p) for p in corners)
    shape = b"GP\0\1" + struct.pack("<i", 4548) + struct.pack("<BII", 1, 10, 1) + circle
    with sqlite3.connect(folder / "curves.gpkg") as base:
        base.execute("update c set geom = ? where fid = 1", (shape,))
        base.execute("update gpkg_geometry_columns set geometry_type_name = 'CURVEPOLYGON'")
    base.close()
    return "curves.gpkg"


def layers(**of: object) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        for layer, shape in of.items():
            frame = good(3)
            if shape != "polygon":
                frame = frame.set_geometry(frame.centroid if shape == "point" else frame.boundary)
            frame.to_file(folder / "layers.gpkg", layer=layer)
        return "layers.gpkg"

    return write


def locked_zip(folder: Path) -> str:
    pack(folder / "a.zip", folder / "good.gpkg") if (folder / "good.gpkg").exists() else (folder / "x.shp").write_bytes(b"x")
    with zipfile.ZipFile(folder / "a.zip", "w") as out:
        out.writestr("x.shp", b"something")
    data = bytearray((folder / "a.zip").read_bytes())
    # the flag "encrypted" in the local header and in the directory
    data[6] |= 1
    data[data.rindex(b"PK\1\2") + 8] |= 1
    (folder / "a.zip").write_bytes(bytes(data))
    return "a.zip"


def escaping_zip(folder: Path) -> str:
    good().to_file(folder / "in.gpkg")
    with zipfile.ZipFile(folder / "a.zip", "w") as out:
        out.writestr("../../../escaped.gpkg", (folder / "in.gpkg").read_bytes())
    (folder / "in.gpkg").unlink()
    return "a.zip"


def gbk_zip(folder: Path) -> str:
    """A ZIP as Windows in China packs it: names in GBK, not marked, in a folder with a space."""
    shapefile("in")(folder)
    with zipfile.ZipFile(folder / "a.zip", "w") as out:
        for part in ("shp", "shx", "dbf", "prj"):
            out.writestr("房屋 数据/建筑." + part, (folder / f"in.{part}").read_bytes())
    data = (folder / "a.zip").read_bytes()
    packed, gbk = "房屋 数据/建筑".encode(), "房屋 数据/建筑".encode("gbk")
    data = data.replace(packed, gbk + b"_" * (len(packed) - len(gbk)))
    raw = bytearray(data)
    at = 0
    while (at := raw.find(b"PK", at)) >= 0:
        if raw[at + 2 : at + 4] == b"\3\4":
            raw[at + 7] &= ~0x08
        elif raw[at + 2 : at + 4] == b"\1\2":
            raw[at + 9] &= ~0x08
        at += 2
    (folder / "a.zip").write_bytes(bytes(raw))
    for file in folder.glob("in.*"):
        file.unlink()
    return "a.zip"


def two_in_zip(folder: Path) -> str:
    for name in ("房屋", "院落"):
        good().to_file(folder / f"{name}.shp")
    pack(folder / "a.zip", *folder.glob("房屋.*"), *folder.glob("院落.*"))
    return "a.zip"


def mixed_folder(folder: Path) -> str:
    (folder / "多 种").mkdir()
    good().to_file(folder / "多 种" / "a.shp")
    good().to_file(folder / "多 种" / "b.gpkg")
    return "多 种"


def some_without_crs(folder: Path) -> str:
    (folder / "towns").mkdir()
    for name in ("a", "b"):
        good().to_file(folder / "towns" / f"{name}.shp")
    (folder / "towns" / "b.prj").unlink()
    return "towns/*.shp"


def odd_names(folder: Path) -> str:
    frame = good().rename(columns={"height": "height"})
    frame['it\'s "so"'], frame["line\nbreak"], frame["屋顶🏠"] = "o'clock", "a\nb", "🏭"
    frame.to_file(folder / "odd '\"name 🏠 与 空格.gpkg", layer='lay\'er "x"')
    return '["odd \'\\"name 🏠 与 空格.gpkg"]'


def huge_ring(folder: Path) -> str:
    angle = np.linspace(0, 2 * np.pi, 1_000_000, endpoint=False)
    radius = 50 + np.sin(angle * 5000)
    shape = shapely.polygons(np.column_stack([X + 700 + radius * np.cos(angle), Y + 700 + radius * np.sin(angle)]))
    pd.concat([good(3), gpd.GeoDataFrame({"height": [6.0]}, geometry=[shape], crs=CRS)]).to_file(folder / "huge.gpkg")
    return "huge.gpkg"


def frame_of(*shapes: object) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        frame = gpd.GeoDataFrame({"height": [6.0] * (2 + len(shapes))}, geometry=[*good(2).geometry, *shapes], crs=CRS)  # type: ignore[list-item]
        frame.to_file(folder / "some.gpkg")
        return "some.gpkg"

    return write


def only(shapes: list[object], name: str = "only.gpkg") -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        gpd.GeoDataFrame({"height": [6.0] * len(shapes)}, geometry=shapes, crs=CRS).to_file(folder / name)
        return name

    return write


def table_only(folder: Path) -> str:
    good().to_file(folder / "t.gpkg")
    with sqlite3.connect(folder / "t.gpkg") as base:
        base.execute("delete from gpkg_geometry_columns")
        base.execute("update gpkg_contents set data_type = 'attributes'")
    base.close()
    return "t.gpkg"


def workbook(table: pd.DataFrame, **more: object) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        table.to_excel(folder / "t.xlsx", index=False, **more)  # type: ignore[arg-type]
        return "t.xlsx"

    return write


def made(folder: Path, name: str, make: Callable[[Path], object]) -> str:
    make(folder / name)
    return name


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
VECTORS: list[tuple[str, Callable[[Path], str], str, str]] = [
    ("truncated gpkg 10 %", truncated("a.gpkg", 0.1), "", "cannot be read"),
    ("truncated gpkg 50 %", truncated("a.gpkg", 0.5), "", "cannot be read"),
    ("truncated gpkg 99 %", truncated("a.gpkg", 0.99), "", "cannot be read"),
    ("truncated geojson", truncated("a.geojson", 0.7), "", "cannot be read"),
    ("truncated flatgeobuf", truncated("a.fgb", 0.7), "", "cannot be read"),
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
    assert rows_of(tmp_path) == {"": 2, "invalid_geometry": 3}
    frame_of(FLIPPED)(tmp_path)
    assert check("some.gpkg")[0] == 0
    assert rows_of(tmp_path) == {"": 3}  # the bow-tie encloses 200 m2 and is repaired
    curves(tmp_path)
    assert check("curves.gpkg")[0] == 0
    assert rows_of(tmp_path) == {"": 3}
    (tmp_path / "towns").mkdir()
    for k in range(3):
        good(4).set_geometry(good(4).translate(0, 100 * k)).to_file(tmp_path / "towns" / f"{k}.shp")
    for path in ("towns", "towns/?.shp", '["towns/0.shp", "towns/1.shp", "towns/2.shp"]'):
        assert check(path)[0] == 0
        assert rows_of(tmp_path) == {"": 12}


def raster(
    name: str = "dem.tif", values: object = None, *, size: float = 30.0, left: float = X - 300, top: float = Y + 300, **more: object
) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        bands = np.asarray(np.full((30, 40), 50.0, np.float32) if values is None else values)
        bands = bands if bands.ndim == 3 else bands[None]
        unit, cut = more.pop("unit", ""), more.pop("cut", 1.0)
        shape = {"count": bands.shape[0], "height": bands.shape[1], "width": bands.shape[2], "dtype": bands.dtype}
        profile = {"driver": "GTiff", "crs": CRS, "transform": from_origin(left, top, size, size), **shape, **more}
        (folder / name).parent.mkdir(exist_ok=True)
        with rasterio.open(folder / name, "w", **profile) as out:
            out.write(bands)
            if unit:
                out.set_band_unit(1, str(unit))
        if cut != 1.0:
            data = (folder / name).read_bytes()
            (folder / name).write_bytes(data[: int(len(data) * float(str(cut)))])
        return name.split("/")[0]

    return write


def noise(shape: tuple[int, int] = (600, 600)) -> np.ndarray:
    return np.random.default_rng(0).uniform(40, 60, shape).astype(np.float32)


ASC = "ncols 40\nnrows 30\nxllcorner 499700\nyllcorner 4055400\ncellsize 30\n" + ("50 " * 40 + "\n") * 30
VRT = """<VRTDataset rasterXSize="9" rasterYSize="9"><SRS>EPSG:4548</SRS><GeoTransform>499700,30,0,4056300,0,-30</GeoTransform>
<VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename relativeToVRT="1">gone.tif</SourceFilename></SimpleSource>
</VRTRasterBand></VRTDataset>"""
HOLES = np.where(np.arange(1200).reshape(30, 40) % 7 == 0, np.inf, 50.0).astype(np.float32)
RASTERS: list[tuple[str, Callable[[Path], str], str, str]] = [
    ("plain", raster(), "", ""),
    ("all nodata", raster(values=np.full((30, 40), -9999, np.float32), nodata=-9999), "", "holds no data"),
    ("all NaN", raster(values=np.full((30, 40), np.nan, np.float32)), "", "holds no data"),
    ("all nodata without a tag", raster(values=np.full((30, 40), -32768, np.int16)), "", "holds no data"),
    ("one pixel", raster(values=np.full((1, 1), 50, np.float32), size=3000, left=X - 1000, top=Y + 1000), "", "1 x 1 cells"),
    ("rotated", raster(transform=Affine(30, 10, X - 400, 10, -30, Y + 300)), "", ""),
    ("south up", raster(transform=Affine(30, 0, X - 300, 0, 30, Y - 500)), "", ""),
    ("infinite cells", raster(values=HOLES), "", ""),
    ("integers without a tag", raster(values=np.where(HOLES > 99, -32768, 50).astype(np.int16)), "", ""),
    ("in feet", raster(unit="ft"), "", ""),
    ("in an unknown unit", raster(unit="fathom"), "", ""),
    ("vertical CRS in feet", raster(crs="EPSG:4548+6360"), "", ""),
    ("no CRS", raster(crs=None), "", "dem_crs"),
    ("CRS in the study", raster(crs=None), 'dem_crs = "EPSG:4548"', ""),
    ("CRS in the study is none", raster(crs=None), 'dem_crs = "EPSG:nothing"', "no CRS that is known"),
    ("no place", raster(transform=Affine.identity()), "", "does not say where"),
    ("wrong CRS", raster(crs="EPSG:4326"), "", "dem.tif"),
    ("elsewhere", raster(left=X + 90_000), "", "does not cover"),
    ("photograph", raster(values=np.full((3, 30, 40), 50, np.uint8)), "", "picture"),
    ("map with a palette", raster(values=np.full((30, 40), 50, np.uint8), photometric="palette"), "", "picture"),
    ("complex numbers", raster(values=np.full((30, 40), 50, np.complex64)), "", "picture"),
    ("truncated header", raster(values=noise(), cut=0.0001), "", "cannot be read"),
    ("truncated", raster(values=noise(), cut=0.5), "", "breaks off|cannot be read"),
    ("truncated, with a tag", raster(values=noise(), cut=0.5, nodata=-9999), "", "breaks off|cannot be read"),
    ("no bytes", written("dem.tif", b""), "", "cannot be read"),
    ("text", written("dem.tif", "elevation"), "", "cannot be read"),
    ("asc", written("dem.asc", ASC), 'dem_crs = "EPSG:4548"', ""),
    ("asc cut", written("dem.asc", ASC[:2000]), 'dem_crs = "EPSG:4548"', "dem.asc"),
    ("asc with words", written("dem.asc", ASC.replace("50 50", "fifty 50")), 'dem_crs = "EPSG:4548"', "cannot be read"),
    ("asc without numbers", written("dem.asc", "ncols many"), 'dem_crs = "EPSG:4548"', "cannot be read"),
    ("vrt without its source", written("dem.vrt", VRT), "", "cannot be read"),
    ("vrt of rubbish", written("dem.vrt", "<VRTDataset"), "", "cannot be read"),
    ("folder of tiles", raster("tiles/a.tif"), "", ""),
    ("folder without rasters", lambda f: made(f, "tiles", Path.mkdir), "", "holds no raster"),
    ("a vector", lambda f: made(f, "v.gpkg", lambda p: good().to_file(p)), "", "cannot be read"),
    ("no such file", lambda f: "none.tif", "", "does not exist"),
    ("no such pattern", lambda f: "none*.tif", "", "does not exist"),
]


@pytest.mark.parametrize(("write", "keys", "words"), [case[1:] for case in RASTERS], ids=[case[0] for case in RASTERS])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_elevation(write: Callable[[Path], str], keys: str, words: str, check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    path = write(tmp_path)
    code, said = check(dem=path, terrain=keys)
    assert code == (2 if words else 0), said
    assert re.search(words, said), said


@pytest.mark.parametrize("spoilt", ["tiles/b.tif", "dsm.tif"])
def test_one_broken_file_among_good_ones(spoilt: str, check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    raster("tiles/a.tif")(tmp_path)
    (tmp_path / spoilt).write_bytes(b"II*\0")
    code, said = check(dem="tiles", terrain="dsm = 'dsm.tif'" if spoilt == "dsm.tif" else "")
    assert code == 2
    assert Path(spoilt).name in said


@pytest.mark.parametrize("role", ["[regions.districts]\nname = 'name'", "[[exclusions]]\nreason = 'heritage'"])
@pytest.mark.parametrize("write", [truncated("r.gpkg", 0.5), only([shapely.Point(X, Y)], "r.gpkg"), written("r.csv", "a,b\n1,2\n")])
def test_other_layers(role: str, write: Callable[[Path], str], check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, said = check(rest=f"{role}\npath = '{write(tmp_path)}'")
    assert code == 2
    assert "r." in said


def test_a_study_folder_that_cannot_be_written_to(check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    # Root may write anywhere, so a folder of that name stands in for a folder without the right to write.
    (tmp_path / "check.json").mkdir()
    code, said = check()
    assert code == 2
    assert "check.json" in said


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


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


SOUND: dict[str, bytes] = {}


def sound_files(folder: Path) -> dict[str, bytes]:
    if not SOUND:
        frame = good(30).assign(name="厂房")
        for name in ("a.gpkg", "a.geojson", "a.fgb", "a.shp"):
            frame.to_file(folder / name)
        frame.to_parquet(folder / "a.parquet")
        frame.assign(wkt=frame.geometry.to_wkt()).drop(columns="geometry").to_csv(folder / "a.csv", index=False)
        raster("a.tif")(folder)
        SOUND.update({p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name.startswith("a.")})
    return SOUND


@settings(max_examples=150)
@given(
    st.sampled_from(["a.gpkg", "a.geojson", "a.fgb", "a.shp", "a.dbf", "a.shx", "a.prj", "a.parquet", "a.csv", "a.tif"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0, 1),
)
def test_any_bytes_changed_give_a_layer_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[tuple[float, int]], keep: float
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for file, content in sound_files(folder).items():
        data = bytearray(content)
        if file == name:
            for at, value in changes:
                data[int(at * len(data))] = value
            if keep < 0.3:
                data = data[: int(len(data) * keep * 3)]
        (folder / file).write_bytes(bytes(data))
    try:
        if name == "a.tif":
            prepare_raster(folder / name, folder / "out.tif", CRS)
        else:
            read_vectors(folder / ("a.shp" if name in ("a.dbf", "a.shx", "a.prj") else name))
    except GeoError as error:
        assert name[:2] in str(error)
