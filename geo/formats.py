"""One vector file of any known format as a table: which layer, which encoding, and what GDAL says about it."""

import warnings as python_warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj
import shapely

from .encodings import as_utf8, decoded, drawing_encoding, shapefile_encoding, text_encoding
from .errors import GeoError
from .packed import Packed
from .shapes import from_wkb, numbered
from .sources import ARCHIVE, JSON, OSM, PARQUET, SHAPEFILE, TABLE, beside, unpacked
from .tables import read_table, with_places

# Features that say how wide a layer of unknown type is searched for polygons.
_ENOUGH = 1000
# Kinds of well-known binary up to several polygons; collections may hold curves, and the others are curves.
_PLAIN = 6


@dataclass(frozen=True)
class _Layer:
    """A layer that could be read: its file, name and type of geometry as GDAL names it."""

    file: Path
    name: str
    geometry: str

    def has_polygons(self) -> bool:
        if self.geometry in ("Unknown", "GeometryCollection"):
            _, _, data, _ = pyogrio.raw.read(self.file, layer=self.name, columns=[], max_features=_ENOUGH)
            kind = shapely.get_type_id(from_wkb(data)) if len(data) else np.empty(0)
            return bool(np.isin(kind, (3, 6, 7)).any())
        return "Polygon" in self.geometry or "Surface" in self.geometry

    def rows(self) -> int:
        return int(pyogrio.read_info(self.file, layer=self.name, force_feature_count=True)["features"])


def read_layer(
    path: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    columns: list[str] | None = None,
    osm_key: str | None = None,
    rows: int | None = None,
    warnings: list[str],
) -> tuple[pd.DataFrame, Packed]:
    """
    Read one layer of one vector file.

    Parameters
    ----------
    path
        A file of a known format, or a File Geodatabase.
    layer
        Name of the layer where there are several.
    encoding
        Encoding of a Shapefile, a drawing or a text table, where it is not found out rightly.
    columns
        Attribute columns to read, as far as they are there; all by default.
    osm_key
        Key that a feature of an OpenStreetMap file has to have.
    rows
        Read only the first rows.
    warnings
        What the user should know; appended to.

    Returns
    -------
    rows : pandas.DataFrame
        In file order, index 0..n-1; `attrs["encoding"]` says how text was decoded where the format leaves a choice.
    shapes : geo.packed.Packed
        Theirs, of any type, CRS as the file says.

    Raises
    ------
    GeoError
        If it cannot be read, or has several layers and none is named.
    """
    kind = path.suffix.lower()
    if kind in ARCHIVE:
        with unpacked(path) as files:
            if files[0].suffix.lower() in (*PARQUET, *TABLE):
                if len(files) > 1:
                    raise GeoError(
                        f"{path.name}: several tables are packed in it: {', '.join(f.name for f in files)}; unpack it and name one"
                    )
                return read_layer(files[0], layer=layer, encoding=encoding, columns=columns, rows=rows, warnings=warnings)
            return _read_gdal(path.name, files, layer, encoding, columns, osm_key, rows, warnings)
    if kind in JSON:
        with as_utf8(path, encoding, warnings) as file:
            return _read_gdal(path.name, [file], layer, encoding, columns, osm_key, rows, warnings)
    if kind in TABLE:
        frame = read_table(path, layer=layer, encoding=encoding, rows=rows)
        frame.attrs["encoding"] = None if path.suffix.lower() == ".xlsx" else text_encoding(path, encoding)
    elif kind in PARQUET:
        frame = _read_parquet(path, columns, rows)
    else:
        return _read_gdal(path.name, [path], layer, encoding, columns, osm_key, rows, warnings)
    if columns is not None:
        frame = frame[[c for c in frame.columns if c in columns or c == frame.geometry.name]]
    return Packed.apart(frame.reset_index(drop=True))


def _read_parquet(path: Path, columns: list[str] | None, rows: int | None) -> gpd.GeoDataFrame:
    try:
        schema = pq.read_schema(path)
        if b"geo" not in (schema.metadata or {}):
            return with_places(pd.read_parquet(path), path.name)
        if rows is not None:
            empty = schema.empty_table().to_pandas().drop(columns=["bbox"], errors="ignore")
            return gpd.GeoDataFrame(empty, geometry=gpd.GeoSeries([], index=empty.index) if "geometry" not in empty else "geometry")
        if columns is None:
            wanted = None
        else:
            shape = pq.read_metadata(path).metadata[b"geo"]
            wanted = [c for c in schema.names if c in columns or f'"{c}"'.encode() in shape]
        frame = gpd.read_parquet(path, columns=wanted)
        return frame if frame.geometry.name == "geometry" else frame.rename_geometry("geometry")
    except GeoError:
        raise
    except Exception as error:  # pyarrow and geopandas raise many kinds; each means that this file cannot be read
        raise GeoError(f"{path.name}: cannot be read as GeoParquet ({first_line(error)}); check that the file is whole") from error


def _read_gdal(
    name: str,
    files: list[Path],
    layer: str | None,
    encoding: str | None,
    columns: list[str] | None,
    osm_key: str | None,
    rows: int | None,
    warnings: list[str],
) -> tuple[pd.DataFrame, Packed]:
    with _told(name, files, warnings):
        drawing = files[0].suffix.lower() == ".dxf"
        for file in files:
            if file.suffix.lower() in SHAPEFILE:
                _check_shapefile(file, warnings)
        chosen = _choose(name, files, None if drawing else layer, warnings)
        codec = None
        if chosen.file.suffix.lower() in SHAPEFILE:
            codec = shapefile_encoding(chosen.file, encoding, warnings)
        elif drawing:
            codec = drawing_encoding(chosen.file, encoding)
        # Latin-1 keeps every byte; the text is decoded here, where a bad value costs only itself.
        options: dict[str, Any] = {"ENCODING": "ISO-8859-1"} if codec else {}
        osm = chosen.file.suffix.lower() in OSM
        where = f'"{osm_key}" IS NOT NULL' if osm and osm_key else None
        table, shapes = _table(chosen, options, rows, where, None if osm or drawing or codec else columns)
    names = [str(decoded(str(c), codec)) if codec else str(c) for c in table.schema.names]
    if codec:
        table = pa.table([_redecoded(column, codec) for column in table.columns], names=names)
    frame = table.to_pandas()
    frame.columns = pd.Index(numbered(names, taken=("geometry",)))
    if osm:
        frame = _with_tags(frame, columns or [])
        # a tag that nobody drew here is no mistake of the study's, as a column that is not there would be
        for key in [c for c in columns or [] if c not in frame.columns]:
            frame[key] = pd.Series(None, index=frame.index, dtype=object)
            warnings.append(f"{name}: none of its OpenStreetMap features has the key {key!r}")
        if where:
            warnings.append(f"{name}: of the OpenStreetMap features those with the key {osm_key!r} are taken: {len(frame)}")
    if columns is not None and not drawing:
        frame = frame[[c for c in frame.columns if c in columns]]
    if drawing:
        frame, shapes = Packed.apart(_drawing_layer(shapes.frame(frame), name, layer, columns, warnings))
    frame.attrs["encoding"] = codec
    return frame, shapes


@contextmanager
def _told(name: str, files: list[Path], warnings: list[str]) -> Iterator[None]:
    """GDAL's errors become one message, its warnings notes; neither shows where on the machine the file lies."""
    with python_warnings.catch_warnings(record=True) as caught:
        python_warnings.simplefilter("always")
        try:
            yield
        except GeoError:
            raise
        except Exception as error:  # GDAL raises many kinds; each means that this file cannot be read
            said = _without_folders(first_line(error), files)
            raise GeoError(
                f"{name}: cannot be read as a vector file ({said}); check that the file is whole and of a known format"
            ) from error
    for text in list(dict.fromkeys(_without_folders(str(w.message), files) for w in caught))[:3]:
        _note(warnings, name, text)


def _note(warnings: list[str], name: str, text: str) -> None:
    if text:
        warnings.append(f"{name}: while it was read, GDAL said: {text}")


def _without_folders(text: str, files: list[Path]) -> str:
    for file in files:
        text = text.replace(f"{file.parent}/", "").replace(f"{file.parent}\\", "")
    return text[:200]


def _choose(name: str, files: list[Path], layer: str | None, warnings: list[str]) -> _Layer:
    """Take the layer that is named, or the one with polygons; a choice between several is the user's."""
    found = [_Layer(file, str(n), str(g)) for file in files for n, g in pyogrio.list_layers(file)]
    layers = [one for one in found if one.geometry != "None"]
    if layer is not None:
        named = [one for one in found if one.name == layer]
        if not named:
            raise GeoError(f"{name} has no layer {layer!r}; it has: {_listed(found)}")
        if named[0].geometry == "None":
            raise GeoError(f"{name}: the layer {layer!r} is a table without geometry; a layer of polygons is needed")
        return named[0]
    if not layers:
        raise GeoError(f"{name}: has a table but no geometry; a layer of polygons is needed")
    if len(layers) == 1:
        return layers[0]
    polygons = [one for one in layers if one.has_polygons()]
    if len(polygons) != 1:
        raise GeoError(f"{name} has several layers: {_listed(polygons or layers)}; name one with layer = ...")
    others = ", ".join(one.name for one in found if one is not polygons[0])
    warnings.append(f"{name}: of its layers {polygons[0].name!r} is taken, the only one with polygons; not read: {others}")
    return polygons[0]


def _listed(layers: list[_Layer]) -> str:
    return ", ".join(f"{one.name} ({one.geometry}, {one.rows()} rows)" for one in layers[:40])


def _table(chosen: _Layer, options: dict[str, Any], rows: int | None, where: str | None, columns: list[str] | None) -> tuple[Any, Packed]:
    """Attributes as an Arrow table, and the shapes."""
    more: dict[str, Any] = {"layer": chosen.name, "max_features": rows, "where": where, **options}
    if columns is not None:
        fields = [str(f) for f in pyogrio.read_info(chosen.file, layer=chosen.name, **options)["fields"]]
        # GDAL leaves out fields without regard to capitals; where that would hit a wanted one, all are read.
        if len({f.lower() for f in fields}) == len(fields):
            more["columns"] = [c for c in columns if c in fields]
    # GDAL's own way from FlatGeobuf to Arrow gives rows without geometry bytes that are none; the other one passes over a torn end
    pyogrio.set_gdal_config_options({"OGR_FLATGEOBUF_STREAM_BASE_IMPL": True})
    meta, table = pyogrio.read_arrow(chosen.file, **more)
    if chosen.file.suffix.lower() == ".fgb" and rows is None and where is None:
        _check_count(chosen, table.num_rows, options)
    shape_name = meta["geometry_name"] or "wkb_geometry"
    at = [k for k, name in enumerate(table.schema.names) if name == shape_name][-1]
    crs = None if meta["crs"] is None else pyproj.CRS.from_user_input(meta["crs"])
    shapes = Packed(table.column(at).cast(pa.large_binary()).combine_chunks(), crs)
    try:
        if (shapes.kinds > _PLAIN).any():
            shapes[shapes.kinds > _PLAIN]
    except NotImplementedError:  # curves: the slower way of reading lets GDAL make polygons of them
        more["columns"] = []
        shapes = Packed.of([from_wkb(pyogrio.raw.read(chosen.file, **more)[2])], crs)
    # in memory of its own: a text that is kept would hold the whole block in which GDAL gave it, with its shapes
    return table.remove_column(at).combine_chunks(), shapes


def _check_count(chosen: _Layer, read: int, options: dict[str, Any]) -> None:
    """Hold the rows that were read against how many the head of the file says there are."""
    told = int(pyogrio.read_info(chosen.file, layer=chosen.name, **options)["features"])
    if read < told:
        raise GeoError(f"{chosen.file.name}: breaks off: it should have {told} rows and has {read}; copy it again")


def _redecoded(column: Any, codec: str) -> Any:
    if not pa.types.is_string(column.type):
        return column
    coded = column.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    words = pa.array([decoded(word, codec) for word in coded.dictionary.to_pylist()], pa.string())
    return words.take(coded.indices)


def _check_shapefile(path: Path, warnings: list[str]) -> None:
    """Find what GDAL passes over: a file that breaks off, and parts that were not copied along."""
    head = np.fromfile(path, ">i4", count=7)
    if head.size < 7 or head[0] != 9994:
        raise GeoError(f"{path.name}: is not a Shapefile (its first bytes are others); check what kind of file it is")
    expected, size = int(head[6]) * 2, path.stat().st_size
    if size < expected:
        raise GeoError(f"{path.name}: breaks off: it should have {expected} bytes and has {size}; copy it again")
    index, table = beside(path, ".shx"), beside(path, ".dbf")
    if index is None:
        raise GeoError(f"{path.name}: the .shx that belongs to it is missing; copy all parts of the Shapefile")
    if table is None:
        warnings.append(f"{path.name}: the .dbf that belongs to it is missing, so no building has attributes; copy all parts")
        return
    _check_rows(path, index, table, warnings)


def _check_rows(path: Path, index: Path, table: Path, warnings: list[str]) -> None:
    """Parts of different copies of a Shapefile differ in their rows; GDAL drops those that one of them lacks."""
    shapes, head = (index.stat().st_size - 100) // 8, np.fromfile(table, np.uint8, count=32)
    if shapes < 0 or head.size < 32:
        return
    rows, start, length = (int(head[at : at + size].view(f"<u{size}")[0]) for at, size in ((4, 4), (8, 2), (10, 2)))
    there = (table.stat().st_size - start) // length if length else 0
    if length and rows <= there and rows != shapes:
        raise GeoError(f"{path.name}: its .shx has {shapes} rows and its .dbf {rows}, so they do not belong together; copy all parts again")
    if length and rows == shapes and there < rows:
        warnings.append(f"{path.name}: its .dbf breaks off, so {rows - there} of {rows} rows have no attributes; copy all parts again")


def _with_tags(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Columns for wanted tags that GDAL keeps together in one, such as building:levels."""
    for key in columns:
        if key not in frame.columns and "other_tags" in frame.columns:
            quoted = key.replace("\\", "\\\\").replace('"', '\\"')
            start = frame["other_tags"].astype("string").str.partition(f'"{quoted}"=>"')[2]
            value = start.str.extract(r'^((?:[^"\\]|\\.)*)"')[0].str.replace(r"\\(.)", r"\1", regex=True)
            if value.notna().any():
                frame[key] = value
    return frame


def _drawing_layer(
    frame: gpd.GeoDataFrame, name: str, layer: str | None, columns: list[str] | None, warnings: list[str]
) -> gpd.GeoDataFrame:
    """Rows of one layer of a drawing; the layers are a column of the one table that GDAL makes of it."""
    shape = frame.geometry.to_numpy()
    kind = shapely.get_type_id(shape)
    closed = np.isin(kind, (3, 6)) | ((kind == 1) & shapely.is_closed(np.where(kind == 1, shape, None)))
    of_row = frame["Layer"].astype("string").fillna("")
    counts = of_row[closed].value_counts()
    listed = ", ".join(f"{word} ({count} outlines)" for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    if layer is not None and layer not in set(of_row):
        raise GeoError(f"{name} has no layer {layer!r}; it has: {listed or 'none with closed outlines'}")
    if layer is None and len(counts) > 1:
        raise GeoError(f"{name} has outlines on several layers: {listed}; name one with layer = ...")
    if layer is None and len(counts) == 1:
        layer = str(counts.index[0])
        warnings.append(f"{name}: of the drawing's layers {layer!r} is taken, the only one with closed outlines")
    if layer is not None:
        frame = frame[of_row == layer].reset_index(drop=True)
    return frame if columns is None else frame[[*(c for c in frame.columns if c in columns), "geometry"]]


def first_line(error: Exception) -> str:
    """
    Shorten an error of another library to what fits into a message.

    Parameters
    ----------
    error
        The error.

    Returns
    -------
    str
        Its first line, or its kind where it says nothing.
    """
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
