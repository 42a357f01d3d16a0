"""The part of a GeoParquet file on a server that lies in a box: only the row groups whose statistics touch it are loaded."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyproj
import shapely

from .answers import UNREADABLE, DiskError, FetchError, host, reason
from .parts import PartFile
from .place import Bounds
from .web import Web

_SIDES = ("xmin", "ymin", "xmax", "ymax")


def read_box(web: Web, urls: Sequence[str], bounds: Bounds, columns: Iterable[str], stage: str) -> pa.Table:
    """
    Read what lies in a box.

    Parameters
    ----------
    web
        The way to the internet.
    urls
        Files of the same schema.
    bounds
        West, south, east, north, in the files' CRS.
    columns
        Wanted beside the geometry; those that a file lacks are left out. Empty for all.
    stage
        What it is for, in the words of the progress.

    Returns
    -------
    pyarrow.Table
        Rows whose box touches the box, with `geometry` in WKB.

    Raises
    ------
    FetchError
        If a file cannot be had or is no GeoParquet.

    Notes
    -----
    GeoParquet 1.1 covering: a struct column `bbox` with xmin, ymin, xmax, ymax (geoparquet.org/releases/v1.1.0).
    """
    opened = [_opened(web, url, bounds, columns, stage) for url in urls]
    # the size is told before the first group is loaded
    web.expect(stage, sum(_size(one.file, group, one.wanted) for one in opened for group in one.groups))
    tables = [table for one in opened for table in _rows(one, bounds)]
    if not tables:
        raise FetchError(f"{host(urls[0]) if urls else stage}: no data for this area; check the place, or use another source")
    return pa.concat_tables(tables, promote_options="permissive")


@dataclass(frozen=True)
class _Opened:
    source: PartFile
    file: pq.ParquetFile
    groups: list[int]
    wanted: list[str]
    shapes: str


def _opened(web: Web, url: str, bounds: Bounds, columns: Iterable[str], stage: str) -> _Opened:
    source = PartFile(web, url, stage)
    with _readable(source):
        file = pq.ParquetFile(pa.PythonFile(source, mode="r"))
        names = file.schema_arrow.names
        shapes = _geometry_column(file, url)
        if shapes not in names:
            raise FetchError(f"{host(url)}: the GeoParquet has no column {shapes!r}; it has: {', '.join(names)}")
        wanted = [name for name in dict.fromkeys((*columns, shapes, "bbox")) if name in names] if columns else names
        return _Opened(source, file, _touching(file, bounds), wanted, shapes)


def _rows(one: _Opened, bounds: Bounds) -> Iterator[pa.Table]:
    with _readable(one.source):
        for group in one.groups:
            yield _inside(_named(one.file.read_row_group(group, columns=one.wanted, use_threads=False), one.shapes), bounds)


@contextmanager
def _readable(source: PartFile) -> Iterator[None]:
    """Say what is wrong with a file that cannot be read, and do not keep it."""
    try:
        yield
    except (FetchError, DiskError):
        raise
    except UNREADABLE as error:
        source.forget()
        raise FetchError(f"{host(source.url)}: the file is no GeoParquet, or a spoilt one ({reason(error)}); check the address") from error


def with_shapes(table: pa.Table) -> gpd.GeoDataFrame:
    """
    Turn plain columns into a table with geometry.

    Parameters
    ----------
    table
        With `geometry` in WKB (WGS 84).

    Returns
    -------
    geopandas.GeoDataFrame
        Columns that are lists or structures are left out.
    """
    plain = [name for name in table.column_names if name != "geometry" and not pa.types.is_nested(table.schema.field(name).type)]
    geometry = shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))
    return gpd.GeoDataFrame(table.select(plain).to_pandas(), geometry=geometry, crs=4326)


def _geometry_column(file: pq.ParquetFile, url: str) -> str:
    """Name the column of shapes, which must be in degrees of WGS 84."""
    about = json.loads((file.schema_arrow.metadata or {}).get(b"geo", b"{}"))
    name = str(about.get("primary_column", "geometry"))
    coded = str(about.get("columns", {}).get(name, {}).get("encoding", "WKB"))
    if coded != "WKB":
        raise FetchError(
            f"{host(url)}: the shapes of the GeoParquet are coded as {coded}, not as WKB: load it and name it in the study file"
        )
    crs = about.get("columns", {}).get(name, {}).get("crs")
    # no crs is OGC:CRS84 by the specification
    said = None if crs is None else pyproj.CRS.from_json_dict(crs)
    if said is not None and not any(said.equals(pyproj.CRS(known), ignore_axis_order=True) for known in ("OGC:CRS84", "EPSG:4326")):
        raise FetchError(
            f"{host(url)}: the GeoParquet is in {said.name}; only WGS 84 is read by parts: load it and name it in the study file"
        )
    return name


def _named(table: pa.Table, shapes: str) -> pa.Table:
    return table if shapes == "geometry" else table.rename_columns({shapes: "geometry"})


def _touching(file: pq.ParquetFile, bounds: Bounds) -> list[int]:
    """Row groups whose statistics of the column bbox touch the box; all of a file without them."""
    places = {file.metadata.schema.column(n).path: n for n in range(file.metadata.num_columns)}
    sides = [places.get(f"bbox.{side}") for side in _SIDES]
    groups: list[int] = []
    for group in range(file.num_row_groups):
        stats: list[Any] = [None if n is None else file.metadata.row_group(group).column(n).statistics for n in sides]
        if all(s is not None and s.has_min_max for s in stats):
            west, south, east, north = stats[0].min, stats[1].min, stats[2].max, stats[3].max
            if west > bounds[2] or south > bounds[3] or east < bounds[0] or north < bounds[1]:
                continue
        groups.append(group)
    return groups


def _size(file: pq.ParquetFile, group: int, wanted: Sequence[str]) -> int:
    about = file.metadata.row_group(group)
    return sum(
        about.column(n).total_compressed_size for n in range(about.num_columns) if about.column(n).path_in_schema.split(".")[0] in wanted
    )


def _inside(table: pa.Table, bounds: Bounds) -> pa.Table:
    if "bbox" in table.column_names and pa.types.is_struct(table.schema.field("bbox").type):
        box = table["bbox"]
        west, south, east, north = (pc.struct_field(box, side) for side in _SIDES)
        touches = pc.and_(
            pc.and_(pc.less_equal(west, bounds[2]), pc.less_equal(south, bounds[3])),
            pc.and_(pc.greater_equal(east, bounds[0]), pc.greater_equal(north, bounds[1])),
        )
        return table.filter(touches)
    box = shapely.bounds(shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False)))
    with np.errstate(invalid="ignore"):
        kept = (box[:, 0] <= bounds[2]) & (box[:, 1] <= bounds[3]) & (box[:, 2] >= bounds[0]) & (box[:, 3] >= bounds[1])
    return table.filter(pa.array(kept))
