"""The building file of the sample county: rows in chunks into a GeoPackage or a GeoParquet file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray
from pyarrow import parquet

from .county_attributes import Register

_LAYER = "buildings"


@dataclass(frozen=True)
class RegisterRows:
    """Footprints [n] (None where the source has none) with their columns of the register."""

    geometry: NDArray[np.object_]
    register: Register

    @classmethod
    def join(cls, parts: Sequence[RegisterRows]) -> RegisterRows:
        """
        Put rows one after the other.

        Parameters
        ----------
        parts
            Rows in order.

        Returns
        -------
        RegisterRows
            All of them.
        """
        columns = (np.concatenate([getattr(p.register, f.name) for p in parts]) for f in fields(Register))
        return cls(np.concatenate([p.geometry for p in parts]), Register(*columns))


def write_register(chunks: Iterator[RegisterRows], path: Path, crs: str) -> None:
    """
    Write chunks of rows, numbering them B0000001, B0000002, …; the suffix of `path` decides the format.

    Parameters
    ----------
    chunks
        Rows in order; only one chunk is held at a time.
    path
        File to write, .gpkg or .parquet.
    crs
        Projected CRS of the county.
    """
    if path.suffix == ".parquet":
        _write_parquet(chunks, path, crs)
        return
    first = 1
    for chunk in chunks:
        table = _table(chunk, first)
        geometry = {"geometry_type": "Unknown", "geometry_name": "geometry", "crs": crs}
        # The spatial index would slow every later append down.
        pyogrio.write_arrow(table, path, layer=_LAYER, driver="GPKG", append=first > 1, SPATIAL_INDEX="NO", **geometry)
        first += len(chunk.geometry)


def _write_parquet(chunks: Iterator[RegisterRows], path: Path, crs: str) -> None:
    """Write GeoParquet 1.1: a row group for each chunk and a bbox column to skip them by."""
    corners = {k: [["bbox", k]][0] for k in ("xmin", "ymin", "xmax", "ymax")}
    column = {
        "encoding": "WKB",
        "geometry_types": ["Polygon", "MultiPolygon"],
        "crs": pyproj.CRS.from_user_input(crs).to_json_dict(),
        "covering": {"bbox": corners},
    }
    geo = json.dumps({"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}})
    writer, first = None, 1
    try:
        for chunk in chunks:
            table = _table(chunk, first)
            box = shapely.bounds(chunk.geometry)
            missing = np.isnan(box[:, 0])
            bbox = pa.StructArray.from_arrays([pa.array(box[:, i], mask=missing) for i in range(4)], names=list(corners))
            table = table.append_column("bbox", bbox).replace_schema_metadata({"geo": geo})
            if writer is None:
                writer = parquet.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
            first += len(chunk.geometry)
    finally:
        if writer is not None:
            writer.close()


def _table(rows: RegisterRows, first: int) -> pa.Table:
    """Arrow table of a chunk whose first row has the number `first`."""
    register, count = rows.register, len(rows.geometry)
    floors = np.nan_to_num(register.floors).astype(np.int32)
    return pa.table(
        {
            "bid": pa.array([f"B{i:07d}" for i in range(first, first + count)]),
            "名称": pa.array(register.name, pa.string()),
            "高度": pa.array(register.height, mask=np.isnan(register.height)),
            "层数": pa.array(floors, mask=np.isnan(register.floors)),
            "用途": pa.array(register.use, pa.string()),
            "建成年份": pa.array(register.year_built, pa.string()),
            "已装光伏kw": pa.array(register.installed_kwp, mask=np.isnan(register.installed_kwp)),
            "geometry": pa.array(shapely.to_wkb(rows.geometry), pa.binary()),
        }
    )
