"""
Overture Maps: buildings and divisions from the GeoParquet files of a release, found by its STAC index.

docs.overturemaps.org/getting-data/cloud-sources (paths), docs.overturemaps.org/schema/reference/buildings/building (columns); the index
collections.parquet is read as overturemaps 1.0.2 (pypi.org/project/overturemaps) reads it. The client itself asks S3 by Arrow's own
library, which neither resumes nor uses the system's proxy, so only its index and its paths are followed.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .answers import FetchError, host, read_json
from .districts import choose_level
from .geoparquet import read_box, with_shapes
from .place import Area, Bounds
from .sources import Fetched
from .tables import inside, write_buildings, write_districts
from .web import Web

_COLUMNS = ("id", "height", "num_floors", "class", "subtype", "names", "sources", "is_underground")


def fetch_buildings(area: Area, folder: Path, web: Web, rules: Mapping[str, Any]) -> Fetched:
    """
    Fetch the buildings of an area.

    Parameters
    ----------
    area
        The area.
    folder
        Of the study.
    web
        The way to the internet.
    rules
        The table `overture` of sources.toml.

    Returns
    -------
    Fetched
        `buildings.parquet` with height, num_floors, class, subtype, name, dataset and update_time.
    """
    release = newest_release(web, rules)
    table = read_box(web, _files(web, rules, release, "building", area.bounds), area.bounds, _COLUMNS, "fetch_buildings")
    frame = inside(_flat(table), area)
    notes = []
    if "is_underground" in frame:
        below = frame["is_underground"].fillna(False).astype(bool)
        if below.any():
            notes.append((f"{int(below.sum())} 个地下建筑未收入", f"underground buildings were left out: {int(below.sum())}"))
        frame = frame[~below].drop(columns="is_underground")
    frame["use"] = frame["class"].fillna(frame["subtype"]) if {"class", "subtype"} <= set(frame.columns) else None
    path = write_buildings(frame, folder / "buildings.parquet")
    columns = {"id": "id", "name": "name", "height": "height", "floors": "num_floors", "use": "use"}
    have = {ours: theirs for ours, theirs in columns.items() if theirs in frame.columns}
    return Fetched("buildings", "overture", [path], release, str(rules["files"]), {"columns": have}, notes)


def fetch_districts(area: Area, folder: Path, web: Web, rules: Mapping[str, Any]) -> Fetched:
    """
    Fetch the districts of an area: the coarsest level of divisions that divides it.

    Parameters
    ----------
    area
        The area.
    folder
        Of the study.
    web
        The way to the internet.
    rules
        The table `overture` of sources.toml.

    Returns
    -------
    Fetched
        `districts.gpkg` with name and level.
    """
    release = newest_release(web, rules)
    urls = _files(web, rules, release, "division_area", area.bounds)
    frame = _flat(read_box(web, urls, area.bounds, ("id", "subtype", "class", "names"), "fetch_districts"))
    land = frame[frame["class"].eq("land")] if "class" in frame else frame
    chosen, told = choose_level(land.rename(columns={"subtype": "level"}), area)
    path = write_districts(chosen, folder / "districts.gpkg")
    level = str(chosen["level"].iloc[0])
    return Fetched("districts", "overture", [path], release, str(rules["files"]), {}, told, [(f"层级：{level}", f"level: {level}")])


def newest_release(web: Web, rules: Mapping[str, Any]) -> str:
    """
    Name the release to use.

    Parameters
    ----------
    web
        The way to the internet.
    rules
        The table `overture` of sources.toml.

    Returns
    -------
    str
        That of the table, or the newest of the index.
    """
    if rules["release"] != "latest":
        return str(rules["release"])
    keep = float(web.rules["keep_index_days"])
    path = web.download(f"{rules['index']}/catalog.json", stage="fetch_index", opens=lambda p: read_json(p)["latest"], keep_days=keep)
    return str(read_json(path)["latest"])


def _files(web: Web, rules: Mapping[str, Any], release: str, kind: str, bounds: Bounds) -> list[str]:
    """Addresses of the files of a type that touch a box."""
    path = web.download(f"{rules['index']}/{release}/collections.parquet", stage="fetch_index", opens=_is_index)
    index = pq.read_table(path, columns=["collection", "type", "bbox", "assets"])
    rows = index.filter(pc.and_(pc.equal(index["collection"], kind), pc.equal(index["type"], "Feature"))).to_pylist()
    found = []
    for row in rows:
        box = row["bbox"]
        if box["xmin"] <= bounds[2] and box["ymin"] <= bounds[3] and box["xmax"] >= bounds[0] and box["ymax"] >= bounds[1]:
            places = [text for text in _texts(row["assets"]) if text.startswith("s3://")]
            if not places:
                raise FetchError(
                    f"{host(rules['index'])}: the index of release {release} names no file on S3; set overture.release to an older one"
                )
            found.append(f"{rules['files']}/{places[0].removeprefix('s3://').split('/', 1)[1]}")
    if not found:
        raise FetchError(f"{host(rules['index'])}: release {release} has no {kind} here; check the place, or use another source")
    return sorted(found)


def _is_index(path: Path) -> None:
    if not {"collection", "type", "bbox", "assets"} <= set(pq.read_schema(path).names):
        raise ValueError("no STAC index")


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for value in content.values():
            yield from _texts(value)


def _flat(table: pa.Table) -> gpd.GeoDataFrame:
    """Names and sources are structures of which the study wants one value each."""
    frame = with_shapes(table)
    if "names" in table.column_names:
        frame["name"] = pc.struct_field(table["names"], "primary").to_pandas()
    if "sources" in table.column_names:
        for column in ("dataset", "update_time"):
            frame[column] = _first_of(table["sources"], column)
    return frame[~frame.geometry.isna()].reset_index(drop=True)


def _first_of(column: pa.ChunkedArray, field: str) -> pd.Series:
    """Take a field of the first structure in each list; the first source is that of the geometry."""
    lists = column.combine_chunks()
    inner = lists.type.value_type
    out = np.full(len(lists), None, dtype=object)
    if inner.get_field_index(field) >= 0:
        rows, first = np.unique(np.asarray(pc.list_parent_indices(lists)), return_index=True)
        values = pc.struct_field(pc.list_flatten(lists), field).to_pylist()
        out[rows] = [values[n] for n in first]
    return pd.Series(out)
