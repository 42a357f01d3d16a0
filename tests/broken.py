"""Broken inputs for the tests of the front door, and the check of a study around one of them."""

import json
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
import pyarrow.parquet as pq
import pytest
import shapely

from wuding import cli
from wuding.errors import INPUT_ERRORS
from wuding.inputs import prepare
from wuding.study import load_study

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


def checker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Return a function that writes a study around one input and checks it as the command line does; a traceback fails the test."""

    def run(path: str = "good.gpkg", *, buildings: str = "", dem: str = "flat", terrain: str = "", rest: str = "") -> tuple[int, str]:
        columns = "" if "columns" in buildings else 'columns = { height = "height" }\n'
        text = STUDY.format(buildings=columns + buildings, terrain=terrain, rest=rest)
        text = text.replace("path = 'good.gpkg'", f"path = {path}" if path[0] in '["' else f"path = '{path}'").replace("'flat'", f"'{dem}'")
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        if not (tmp_path / "good.gpkg").exists():
            good().to_file(tmp_path / "good.gpkg")
        monkeypatch.setattr(sys, "argv", ["wuding", "check", str(tmp_path / "study.toml"), "--lang", "en"])
        if (tmp_path / "check.json").is_file():
            (tmp_path / "check.json").unlink()
        start = time.process_time()
        with pytest.raises(SystemExit) as done:
            cli.main()
        # nothing here is large: a minute of the processor is a hang; by the clock a loaded machine may take it
        assert time.process_time() - start < 60
        code = done.value.code or 0
        assert code in (0, 2)
        said = spoken(tmp_path, capsys.readouterr().err)
        assert str(tmp_path) not in said
        if (tmp_path / "check.json").is_dir():  # only the check writes there
            return code, said
        stopped, table = prepared(tmp_path)
        assert bool(code) == bool(stopped), f"the check says {said}, the run {stopped}"
        if table is not None:
            counts = table["status"].replace("", "to_assess").value_counts()
            (tmp_path / "status.json").write_text(json.dumps({str(k): int(v) for k, v in counts.items()}), encoding="utf-8")
            read = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))["buildings"]["rows"]
            assert len(table) == read == counts.sum()
        return code, f"{said}\n{stopped}"

    return run


def spoken(tmp_path: Path, screen: str) -> str:
    """Everything a check finds wrong; what it prints where it cannot even begin."""
    if not (tmp_path / "check.json").is_file():
        assert screen.startswith("error: ")
        return screen
    found = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))["problems"]
    return "\n".join(problem["text"] for problem in found)


def prepared(tmp_path: Path) -> tuple[str, gpd.GeoDataFrame | None]:
    """What the run's own preparation says of the same study, and its buildings."""
    try:
        found = prepare(load_study(tmp_path / "study.toml"), tmp_path / "work", (2023, 2025), lambda *_: None)
    except INPUT_ERRORS as error:
        return str(error), None
    return "", found.buildings


def rows_of(tmp_path: Path) -> dict[str, int]:
    return dict(json.loads((tmp_path / "status.json").read_text(encoding="utf-8")))


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
    """Write a Shapefile and then spoil a part: None, bytes, or rows = (part, rows of the copy it is taken from)."""

    def write(folder: Path) -> str:
        good().assign(use=["厂房", "住宅"] * 6).to_file(folder / f"{name}.shp", encoding="GB18030")
        for part, content in more.items():
            if isinstance(content, tuple):
                other, count = content
                good(count).to_file(folder / "other.shp")
                (folder / f"other.{other}").rename(folder / f"{name}.{other}")
                continue
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


def zip_in_zip(folder: Path) -> str:
    good().to_file(folder / "in.gpkg")
    pack(folder / "in.zip", folder / "in.gpkg")
    pack(folder / "out.zip", folder / "in.zip")
    return "out.zip"


def lying_parquet(folder: Path) -> str:
    good().to_parquet(folder / "a.parquet")
    table = pq.read_table(folder / "a.parquet")
    told = {**table.schema.metadata, b"geo": b'{"version":"1.0.0","primary_column":"none","columns":{}}'}
    pq.write_table(table.replace_schema_metadata(told), folder / "a.parquet")
    return "a.parquet"


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
        frame = gpd.GeoDataFrame({"height": [6.0] * (2 + len(shapes))}, geometry=[*good(2).geometry, *shapes], crs=CRS)
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
        table.to_excel(folder / "t.xlsx", index=False, **more)
        return "t.xlsx"

    return write


def made(folder: Path, name: str, make: Callable[[Path], object]) -> str:
    make(folder / name)
    return name
