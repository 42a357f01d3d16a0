"""The GeoPackage of a run: every table as a layer, with titles, descriptions, styles and spatial indexes; written once."""

import contextlib
import shutil
import sqlite3
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyogrio
import pyproj

from .errors import LayersError
from .geopackage_metadata import Told, add_metadata
from .geopackage_project import Shown, project_table
from .geopackage_styles import Kind, Range, Style, default_styles
from .replacing import unfinished
from .schema import WITH_ROOFS, Column, arrow_table, column, columns, region_table

_VERSION = "1.2"  # read by GDAL 2 and QGIS 3.0 on; GDAL's own default makes older readers warn
_BATCH = 20_000
_MULTI = b"\x01\x06\x00\x00\x00\x01\x00\x00\x00"  # head of a MULTIPOLYGON of one polygon
_NO_POLYGON = b"\x01\x06\x00\x00\x00\x00\x00\x00\x00"
_EMPTY_POLYGON_BYTES = 9
_KINDS = {1: "Point", 2: "LineString", 3: "MultiPolygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon"}
_ONLY_SUMS_AFTER = "roofs"  # rejected buildings have no sums: their columns end before this one
_TITLES = {
    "roofs": ("屋顶", "Roofs", "每个屋面一行", "A row per roof surface"),
    "buildings": ("建筑", "Buildings", "每个输入要素一行", "A row per input feature"),
    "rejected": ("未测算要素", "Rejected", "没有屋面的输入要素及原因", "Input features without roofs, and why"),
    "about": ("说明", "About", "来源、参数、假设与合计", "Sources, parameters, assumptions and totals"),
    "legend": ("图例", "Legend", "样式的分级与颜色", "Class limits and colours of the styles"),
    "layer_styles": ("样式", "Styles", "QGIS 缺省样式", "Default styles of QGIS"),
    "responsible": ("责任区域", "Accountable areas", "按责任区域汇总", "Sums by accountable area"),
    "districts": ("区县", "Districts", "按区县汇总", "Sums by district"),
    "zones": ("功能区", "Functional zones", "按功能区汇总", "Sums by functional zone"),
    "parcels": (
        "地块",
        "Parcels",
        "按地块汇总：容量、电量、覆盖率、自用、回收期、排名",
        "Sums by parcel: capacity, energy, coverage, self-use, payback, rank",
    ),
    "grid": ("网格", "Grid", "按方格汇总", "Sums by square cell"),
    "urban": ("城镇范围", "Urban", "按城镇范围汇总", "Sums inside the urban boundary"),
    "transformers": ("台区", "Transformers", "按台区汇总", "Sums by transformer area"),
}
_FIELDS = {  # of the tables that columns.toml does not describe
    ("about", "key"): ("项目代码", "Key"),
    ("about", "zh"): ("项目（中文）", "Item, Chinese"),
    ("about", "en"): ("项目（英文）", "Item, English"),
    ("about", "value"): ("内容", "Value"),
    ("legend", "layer"): ("图层", "Layer"),
    ("legend", "attribute"): ("分级字段", "Column that is classed"),
    ("legend", "title"): ("图例标题", "Title of the legend"),
    ("legend", "lower"): ("下限", "Lower limit"),
    ("legend", "upper"): ("上限", "Upper limit"),
    ("legend", "value"): ("类别值", "Value of the class"),
    ("legend", "label"): ("图例文字", "Label"),
    ("legend", "colour"): ("颜色（十六进制）", "Colour, hexadecimal"),
}
_FAST = {"OGR_SQLITE_SYNCHRONOUS": "OFF", "OGR_SQLITE_JOURNAL": "OFF", "OGR_SQLITE_CACHE": "32"}  # the file is not the user's yet
_METADATA = """
create table if not exists gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
    scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
create table gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT,
    mime_type TEXT, constraint_name TEXT,
    CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name), CONSTRAINT gdc_tn UNIQUE (table_name, name));
create table gpkg_data_column_constraints (constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC,
    min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
    CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
insert into gpkg_extensions values
    ('gpkg_data_columns', NULL, 'gpkg_schema', 'http://www.geopackage.org/spec121/#extension_schema', 'read-write'),
    ('gpkg_data_column_constraints', NULL, 'gpkg_schema', 'http://www.geopackage.org/spec121/#extension_schema', 'read-write');
create table about (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, key TEXT, zh TEXT, en TEXT, value TEXT);
create table legend (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, layer TEXT, attribute TEXT, title TEXT, lower DOUBLE, upper DOUBLE,
    value TEXT, label TEXT, colour TEXT);
create table layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
    f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN,
    description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
"""


@dataclass
class _Sent:
    """Rows that a reader has given so far."""

    rows: int = 0


@dataclass(frozen=True)
class _Layer:
    name: str
    described: tuple[Column, ...]
    kind: str
    rows: pa.RecordBatchReader
    sent: _Sent


def write_geopackage(
    path: Path,
    *,
    roofs_dataset: Path,
    buildings: Path,
    regions: Mapping[str, gpd.GeoDataFrame],
    about: Sequence[Mapping[str, str]],
    lang: str,
    work: Path,
) -> tuple[Style, ...]:
    """
    Write all tables of a run into one GeoPackage with a QGIS project inside: whole or not at all.

    Parameters
    ----------
    path
        File to write or to replace.
    roofs_dataset
        Folder of the roofs' parquet files.
    buildings
        Parquet file of the buildings.
    regions
        Table `regions` of every region layer by the layer's name.
    about
        Rows with `key`, `zh`, `en` and `value`.
    lang
        Language of titles and legends, "zh" or "en".
    work
        Folder on the same disk for the unfinished file.

    Returns
    -------
    tuple of Style
        The styles of its layers, for `write_style_files`.

    Raises
    ------
    LayersError
        A region layer takes the name of another layer, a roof is not an area, or the file is open elsewhere (the new one then lies beside).
    """
    taken = {"roofs", "buildings", "rejected", "about", "legend", "layer_styles", "qgis_projects"} & set(regions)
    if taken:
        raise LayersError(f"region layers are called {', '.join(sorted(taken))}, which are the GeoPackage's own; give them other names")
    with unfinished(path, work) as part, _told(path):
        styles = default_styles(lang, _numbers(roofs_dataset, "specific_yield"), regions, _statuses(buildings))
        layers = list(_layers(roofs_dataset, buildings, regions, {s.layer: s for s in styles if s.default}))
        crs = _crs(roofs_dataset)
        with _gdal_options(_FAST):
            for layer in layers:
                _write_layer(part, layer, crs)
        kinds = [*((layer.name, layer.kind) for layer in layers), ("about", ""), ("legend", "")]
        shown = [Shown(name, _titles(name, lang)[0], kind) for name, kind in kinds]
        _describe(part, layers, about, styles, lang)
        project_table(part, path.name, shown, styles, crs)
        _complete(part, layers)
    return styles


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say what a failed write means to the user: nearly always a full disk."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, sqlite3.DatabaseError) as error:
        cause = str(error).rpartition(": ")[2]  # what stands before it is the statement
        free = shutil.disk_usage(path.parent).free / 1e9
        raise LayersError(
            f"{path.name} cannot be written ({cause}); the disk has {free:.1f} GB free: make room and run again; an older file is kept"
        ) from error


def _complete(path: Path, layers: Sequence[_Layer]) -> None:
    """Count what arrived: GDAL says nothing of a disk that fills while a file is closed, and begins a broken file anew."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        for layer in layers:
            # The lowest bit of the flags' first hexadecimal digit marks a shape without points, which no index holds.
            rows, placed = db.execute(
                f"select count(*), total(geom is not null and hex(substr(geom, 4, 1)) not glob '[13579BDF]*') from \"{layer.name}\""
            ).fetchone()
            (indexed,) = db.execute(f'select count(*) from "rtree_{layer.name}_geom_rowid"').fetchone()
            if (rows, indexed) != (layer.sent.rows, placed):
                raise LayersError(
                    f"{path.name}: {rows} of {layer.sent.rows} rows of {layer.name} arrived; the disk may be full: "
                    "make room and run again; an older file is kept"
                )


def _layers(roofs_dataset: Path, buildings: Path, regions: Mapping[str, gpd.GeoDataFrame], styles: Mapping[str, Style]) -> Iterator[_Layer]:
    legend = columns("legend")
    roofs = columns("roofs")
    yield _Layer("roofs", (*roofs, *legend), "MultiPolygon", *_reader(_dataset(roofs_dataset), roofs, styles["roofs"]))
    every = columns("buildings")
    source = _dataset(buildings)
    yield _Layer("buildings", (*every, *legend), _kind_of(source, None), *_reader(source, every, styles["buildings"]))
    names = [c.name for c in every]
    short = (*every[: names.index(_ONLY_SUMS_AFTER)], column("buildings", "geometry"))
    without = ~pc.field("status").isin(list(WITH_ROOFS))
    yield _Layer("rejected", (*short, *legend), _kind_of(source, without), *_reader(source, short, styles["rejected"], without))
    for name, frame in regions.items():
        table = arrow_table(frame, region_table(name))
        kind = _layer_kind(_type_codes(table["geometry"]))
        described = columns(region_table(name))
        yield _Layer(name, (*described, *legend), kind, *_reader(ds.dataset(table), described, styles[name]))


def _dataset(path: Path) -> ds.Dataset:
    """Open a parquet file, or the parquet files of a folder in the order of their names."""
    found = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not found or not found[0].exists():
        raise LayersError(f"{path.name} holds no parquet files; expected the finished table of a run")
    return ds.dataset([str(file) for file in found], format="parquet")


def _reader(
    source: ds.Dataset, described: Sequence[Column], style: Style, chosen: pc.Expression | None = None
) -> tuple[pa.RecordBatchReader, _Sent]:
    """Stream the described columns and the legend's, polygons as multipolygons, so that memory stays flat in the number of rows."""
    sent = _Sent()
    names = [c.name for c in described]
    fields = [source.schema.field(name).with_nullable(True) for name in names]
    schema = pa.schema([*fields, *(pa.field(c.name, pa.string()) for c in columns("legend"))])
    where = names.index("geometry")

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in _read_ahead(source, names, chosen):
            arrays = [*batch.columns[:where], _areas(batch.column(where)), *batch.columns[where + 1 :]]
            sent.rows += len(batch)
            yield pa.RecordBatch.from_arrays([*arrays, *style.paint(batch.column(style.attribute))], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches()), sent


def _read_ahead(source: ds.Dataset, names: list[str], chosen: pc.Expression | None) -> Iterator[pa.RecordBatch]:
    """Read one row group while another is written: Arrow's own scanner would read all that the writer has not taken yet."""
    pieces = (piece for fragment in source.get_fragments() for piece in _row_groups(fragment))
    with ThreadPoolExecutor(1) as reader:
        ahead: deque[Future[pa.Table]] = deque()
        for piece in pieces:
            ahead.append(reader.submit(piece.to_table, schema=source.schema, columns=names, filter=chosen))
            if len(ahead) > 1:
                yield from ahead.popleft().result().to_batches(max_chunksize=_BATCH)
        while ahead:
            yield from ahead.popleft().result().to_batches(max_chunksize=_BATCH)


def _row_groups(fragment: ds.Fragment) -> list[ds.Fragment]:
    return fragment.split_by_row_group() if isinstance(fragment, ds.ParquetFileFragment) else [fragment]


def _areas(wkb: pa.Array) -> pa.Array:
    """Make every polygon a multipolygon, since a layer has one type and GIS desktops expect it."""
    single = pc.equal(pc.binary_slice(wkb, 1, 2), b"\x03")
    empty = pc.and_(single, pc.equal(pc.binary_length(wkb), _EMPTY_POLYGON_BYTES))
    multi = pc.binary_join_element_wise(pa.scalar(_MULTI), wkb, pa.scalar(b""))
    return pc.if_else(empty, pa.scalar(_NO_POLYGON), pc.if_else(single, multi, wkb))


def _type_codes(wkb: pa.ChunkedArray) -> set[int]:
    return {value.as_py()[0] for value in pc.unique(pc.binary_slice(wkb, 1, 2)) if value.is_valid}


def _kind_of(source: ds.Dataset, chosen: pc.Expression | None) -> str:
    codes: set[int] = set()
    for batch in _read_ahead(source, ["geometry"], chosen):
        codes |= _type_codes(pa.chunked_array([batch.column(0)]))
    return _layer_kind(codes)


def _layer_kind(codes: set[int]) -> str:
    """Choose the one geometry type of a layer; Unknown (any) only where the input itself is mixed."""
    kinds = {_KINDS.get(code, "Unknown") for code in codes}
    return kinds.pop() if len(kinds) == 1 else "Unknown" if kinds else "MultiPolygon"


def _crs(roofs_dataset: Path) -> str:
    first = min(roofs_dataset.glob("*.parquet"))
    crs = gpd.read_parquet(first, columns=["geometry"], filters=[("building_id", "==", "")]).crs
    if crs is None:
        raise LayersError(f"{first.name} of {roofs_dataset.name} has no CRS; expected the study's projected CRS")
    authority = pyproj.CRS(crs).to_authority()
    return ":".join(authority) if authority else str(pyproj.CRS(crs).to_wkt("WKT1_GDAL"))


def _write_layer(path: Path, layer: _Layer, crs: str) -> None:
    new = not path.exists()
    pyogrio.write_arrow(
        layer.rows,
        path,
        layer=layer.name,
        driver="GPKG",
        geometry_name="geometry",
        geometry_type=layer.kind,
        crs=crs,
        append=False,
        dataset_options={"VERSION": _VERSION, "ADD_GPKG_OGR_CONTENTS": "YES"} if new else None,
        layer_options={"GEOMETRY_NAME": "geom", "FID": "fid", "SPATIAL_INDEX": "YES"},
    )


@contextlib.contextmanager
def _gdal_options(options: Mapping[str, str]) -> Iterator[None]:
    before: dict[str, Any] = {name: pyogrio.get_gdal_config_option(name) for name in options}
    pyogrio.set_gdal_config_options(dict(options))
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)


def _numbers(roofs_dataset: Path, name: str) -> np.ndarray:
    values: np.ndarray = _dataset(roofs_dataset).to_table(columns=[name])[name].to_numpy()
    return values


def _statuses(buildings: Path) -> list[str]:
    found = pc.unique(_dataset(buildings).to_table(columns=["status"])["status"]).to_pylist()
    return sorted(status for status in found if status not in WITH_ROOFS)


def _describe(path: Path, layers: Sequence[_Layer], about: Sequence[Mapping[str, str]], styles: Sequence[Style], lang: str) -> None:
    """Add what GDAL cannot write by itself: titles, descriptions, styles and the table about."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.executescript(_METADATA)
        rows = [(layer.name, *_words(c, lang)) for layer in layers for c in layer.described if c.name != "geometry"]
        rows += [(table, name, name, zh if lang == "zh" else en, f"{zh} | {en}") for (table, name), (zh, en) in _FIELDS.items()]
        db.executemany("insert into gpkg_data_columns values (?, ?, ?, ?, ?, NULL, NULL)", rows)
        _fill_about(db, about)
        db.executemany(
            "insert into legend (layer, attribute, title, lower, upper, value, label, colour) values (?, ?, ?, ?, ?, ?, ?, ?)",
            [(s.layer, s.attribute, s.title, *_limits(c), c.label, c.colour) for s in styles for c in s.classes],
        )
        for name in ("about", "legend", "layer_styles"):
            db.execute("insert into gpkg_contents (table_name, data_type, identifier, srs_id) values (?, 'attributes', ?, 0)", (name, name))
        style_rows = [(s.layer, s.name[:30], s.qml, s.sld, int(s.default), s.title) for s in styles]
        db.executemany(
            "insert into layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML, styleSLD, "
            "useAsDefault, description, owner) values ('', '', ?, 'geom', ?, ?, ?, ?, ?, '')",
            style_rows,
        )
        tables = (*(layer.name for layer in layers), "about", "legend", "layer_styles")
        for name in tables:
            db.execute("update gpkg_contents set identifier = ?, description = ? where table_name = ?", (*_titles(name, lang), name))
        add_metadata(db, {name: _told_of(name) for name in tables})


def _limits(item: Range | Kind) -> tuple[float | None, float | None, str | None]:
    return (item.lower, item.upper, None) if isinstance(item, Range) else (None, None, item.value)


def renew_about(path: Path, about: Sequence[Mapping[str, str]]) -> None:
    """
    Replace the rows of the table `about` in a finished GeoPackage.

    Parameters
    ----------
    path
        The GeoPackage.
    about
        Rows with `key`, `zh`, `en` and `value`.

    Raises
    ------
    LayersError
        The file is being written by another program, or has no such table.
    """
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=5.0)) as db, db:
            db.execute("delete from about")
            _fill_about(db, about)
            db.execute("update gpkg_contents set last_change = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') where table_name = 'about'")
    except sqlite3.Error as error:
        raise LayersError(f"{path.name}: its table about cannot be renewed ({error}); close it in QGIS or ArcGIS and try again") from error


def _fill_about(db: sqlite3.Connection, about: Sequence[Mapping[str, str]]) -> None:
    db.executemany("insert into about (key, zh, en, value) values (:key, :zh, :en, :value)", list(about))


def _words(c: Column, lang: str) -> tuple[str, str, str, str]:
    return c.name, c.name, c.label(lang), f"{c.label('zh')}：{c.meaning_zh} | {c.label('en')}: {c.meaning_en}"


def _told_of(name: str) -> Told:
    return Told(*_TITLES.get(name, (name, name, "按区域汇总", "Sums by region")))


def _titles(name: str, lang: str) -> tuple[str, str]:
    told = _told_of(name)
    shown = f"{told.title_zh} {name}" if lang == "zh" and told.title_zh != name else name
    return shown, f"{told.title_zh}：{told.meaning_zh} | {told.title_en}: {told.meaning_en}"
