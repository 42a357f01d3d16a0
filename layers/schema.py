"""The one description of every column: types, units, titles and meaning of the tables in a run folder."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from .errors import LayersError
from .heads import headed
from .replacing import unfinished

MONTHS = tuple(f"energy_{month:02d}_kwh" for month in range(1, 13))
DEDUCTIONS = ("setback_area_m2", "obstacle_area_m2", "existing_area_m2", "excluded_area_m2", "shaded_out_area_m2", "usable_area_m2")
USES = (
    "factory", "public_institution", "public_building", "commercial", "urban_residential",
    "rural_residential", "transport", "other", "unknown",
)  # fmt: skip
WITH_ROOFS = ("assessed", "no_usable_area")

_ARROW = {
    "string": pa.string(), "bool": pa.bool_(), "int32": pa.int32(), "int64": pa.int64(),
    "float32": pa.float32(), "float64": pa.float64(), "geometry": pa.binary(),
}  # fmt: skip
_BBOX = pa.struct([(side, pa.float64()) for side in ("xmin", "ymin", "xmax", "ymax")])
ROW_GROUP = 50_000  # small enough that a reader of one tile skips most of a county


@dataclass(frozen=True)
class Column:
    """
    One column of one table: what it is called, holds and means.

    Attributes
    ----------
    name
        Name in files.
    dtype
        Type: string, bool, int32, int64, float32, float64 or geometry.
    nullable
        Whether a value may be empty.
    unit, unit_zh
        Unit and its Chinese word; "1" is a fraction.
    zh, en
        Titles without unit.
    meaning_zh, meaning_en
        What the column means.
    """

    name: str
    dtype: str
    nullable: bool
    unit: str
    unit_zh: str
    zh: str
    en: str
    meaning_zh: str
    meaning_en: str

    def title(self, lang: str) -> str:
        """
        Say the column's title without its unit.

        Parameters
        ----------
        lang
            "zh" or "en".

        Returns
        -------
        str
            The title.
        """
        return self.zh if lang == "zh" else self.en

    def label(self, lang: str) -> str:
        """
        Say the column's title with its unit, as heads and tooltips show it.

        Parameters
        ----------
        lang
            "zh" or "en".

        Returns
        -------
        str
            Such as 年发电量（kWh） or Annual energy (kWh); only the title where there is no unit.
        """
        unit = self.unit_zh if lang == "zh" else ("" if self.unit == "1" else self.unit)
        return headed(self.title(lang), unit, lang)

    def meaning(self, lang: str) -> str:
        """
        Say what the column means.

        Parameters
        ----------
        lang
            "zh" or "en".

        Returns
        -------
        str
            A sentence without a full stop.
        """
        return self.meaning_zh if lang == "zh" else self.meaning_en


@cache
def _tables() -> Mapping[str, tuple[Column, ...]]:
    text = (files(__package__) / "columns.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return MappingProxyType(
        {
            table: tuple(_column(name, data["columns"], _overrides(data["overrides"], table), data["units_zh"]) for name in names)
            for table, names in data["tables"].items()
        }
    )


def _overrides(every: Mapping[str, Mapping[str, Any]], table: str) -> Mapping[str, Any]:
    """Parcels are regions: what is said of those holds for them too."""
    return {**(every["regions"] if table == "parcels" else {}), **every.get(table, {})}


def region_table(layer: str) -> str:
    """
    Name the table that describes a region layer.

    Parameters
    ----------
    layer
        Name of the layer.

    Returns
    -------
    str
        "parcels", which say more, or "regions".
    """
    return "parcels" if layer == "parcels" else "regions"


def _column(name: str, described: Mapping[str, Any], overrides: Mapping[str, Any], units_zh: Mapping[str, str]) -> Column:
    month = re.fullmatch(r"energy_(\d\d)_kwh", name)
    entry = described["energy_month_kwh" if month else name] | overrides.get(name, {})
    unit = entry.get("unit", "")
    words = {key: entry[key] for key in ("zh", "en", "meaning_zh", "meaning_en")}
    column = Column(name, entry["dtype"], entry["nullable"], unit, units_zh.get(unit, unit), **words)
    if month:
        column = replace(column, **{key: text.format(month=int(month[1])) for key, text in words.items()})
    return column


def columns(table: str) -> tuple[Column, ...]:
    """
    List the columns of a table in their order.

    Parameters
    ----------
    table
        "roofs", "buildings", "parcels" or "regions" (every other region layer and the grid).

    Returns
    -------
    tuple of Column
        The columns, geometry last.

    Raises
    ------
    LayersError
        The table is not known.
    """
    if table not in _tables():
        raise LayersError(f"no table is called {table!r}; expected one of {', '.join(_tables())}")
    return _tables()[table]


def column(table: str, name: str) -> Column:
    """
    Find one column of a table.

    Parameters
    ----------
    table
        "roofs", "buildings", "parcels" or "regions".
    name
        Name of the column.

    Returns
    -------
    Column
        Its description.

    Raises
    ------
    LayersError
        The table or the column is not known.
    """
    for found in columns(table):
        if found.name == name:
            return found
    raise LayersError(f"{table} has no column {name!r}; its columns are described in layers/columns.toml")


def arrow_schema(table: str, crs: object) -> pa.Schema:
    """
    Give the one explicit Arrow schema that every file of a table has.

    Parameters
    ----------
    table
        "roofs", "buildings", "parcels" or "regions".
    crs
        CRS of the geometry, anything that pyproj reads.

    Returns
    -------
    pyarrow.Schema
        The columns in order, the covering `bbox` last, with GeoParquet 1.1 and pandas metadata.
    """
    plain = _plain_schema(table)
    return plain.with_metadata(dict(plain.metadata) | {b"geo": _geo_metadata(crs)})


@cache
def _plain_schema(table: str) -> pa.Schema:
    fields = [pa.field(c.name, _ARROW[c.dtype], nullable=c.nullable) for c in columns(table)]
    fields.append(pa.field("bbox", _BBOX))
    return pa.schema(fields, metadata=pa.Schema.from_pandas(_dtypes_only(table), preserve_index=False).metadata)


def _dtypes_only(table: str) -> pd.DataFrame:
    return pd.DataFrame({c.name: pd.Series([], dtype=_pandas_dtype(c)) for c in columns(table) if c.dtype != "geometry"})


def _geo_metadata(crs: object, bbox: list[float] | None = None) -> bytes:
    covering = {"bbox": {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}}
    geometry: dict[str, Any] = {"encoding": "WKB", "geometry_types": [], "covering": covering}
    geometry["crs"] = None if crs is None else pyproj.CRS.from_user_input(crs).to_json_dict()
    if bbox is not None:
        geometry["bbox"] = bbox
    return json.dumps({"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": geometry}}).encode()


def _pandas_dtype(described: Column) -> Any:
    if described.dtype == "string":
        return pd.StringDtype(na_value=np.nan)
    if described.nullable and described.dtype == "bool":
        return pd.BooleanDtype()
    if described.nullable and described.dtype == "int32":
        return pd.Int32Dtype()
    if described.nullable and described.dtype == "int64":
        return pd.Int64Dtype()
    return np.dtype(described.dtype)


def conform(frame: gpd.GeoDataFrame, table: str) -> gpd.GeoDataFrame:
    """
    Bring a frame into a table's columns, order and types.

    Parameters
    ----------
    frame
        Rows of the table; columns that the table does not have are left out.
    table
        "roofs", "buildings", "parcels" or "regions".

    Returns
    -------
    geopandas.GeoDataFrame
        The same rows with exactly the table's columns and a fresh index.

    Raises
    ------
    LayersError
        A column is missing, cannot take its type, or is empty where it must not be.
    """
    found = _arrays(frame, table)
    _require_shapes(int(shapely.is_missing(frame.geometry.to_numpy()).sum()), table)
    return gpd.GeoDataFrame(pd.DataFrame(found, copy=False), geometry=frame.geometry.array, crs=frame.crs)


def _arrays(frame: pd.DataFrame, table: str) -> dict[str, Any]:
    """Give every column but the geometry as an array of its type."""
    described = [c for c in columns(table) if c.dtype != "geometry"]
    missing = [c.name for c in described if c.name not in frame.columns]
    if missing:
        raise LayersError(f"a frame for {table} lacks {', '.join(missing)}; add the columns (empty where the value is not known)")
    return {c.name: _typed(frame[c.name].array, c, table) for c in described}


def _require_shapes(missing: int, table: str) -> None:
    if missing and not column(table, "geometry").nullable:
        raise LayersError(f"geometry of {table} is empty in {missing} rows; expected a shape in every row")


def _typed(values: Any, described: Column, table: str) -> Any:
    """Give values as an array of the column's type; what has it already is not copied."""
    plain = values.to_numpy() if isinstance(values, pd.arrays.NumpyExtensionArray) else values
    real = isinstance(plain, np.ndarray) and plain.dtype.kind in "biuf"
    empty = int(np.isnan(plain).sum() if real and plain.dtype.kind == "f" else 0 if real else pd.isna(plain).sum())
    if empty and not described.nullable:
        raise LayersError(f"{described.name} of {table} is empty in {empty} of {len(plain)} rows; expected a value in every row")
    kind = _pandas_dtype(described)
    if plain.dtype == kind:
        return plain
    try:
        if described.dtype in ("string", "bool"):
            series = pd.Series(plain)
            return (series.astype(pd.BooleanDtype()) if described.dtype == "bool" else series).astype(kind).array
        numbers = pd.to_numeric(pd.Series(plain)).to_numpy(dtype=np.float64, na_value=np.nan)
        if described.dtype.startswith("int") and bool((np.isfinite(numbers) & (numbers != np.round(numbers))).any()):
            raise ValueError("some are not whole numbers")
        return pd.Series(numbers).astype(kind).array
    except (TypeError, ValueError, OverflowError) as error:
        raise LayersError(f"{described.name} of {table} holds {plain.dtype} values, expected {described.dtype}: {error}") from error


def arrow_table(frame: gpd.GeoDataFrame, table: str) -> pa.Table:
    """
    Turn a frame into an Arrow table with the table's explicit schema.

    Parameters
    ----------
    frame
        Rows of the table.
    table
        "roofs", "buildings", "parcels" or "regions".

    Returns
    -------
    pyarrow.Table
        Geometry as WKB, and `bbox` as GeoParquet's covering.
    """
    geometry = frame.geometry.to_numpy()
    bounds = shapely.bounds(geometry)
    schema = _with_extent(arrow_schema(table, frame.crs), frame.crs, bounds)
    return _rows(frame, pa.array(shapely.to_wkb(geometry, byte_order=1), pa.binary()), bounds, table, schema)


def _with_extent(schema: pa.Schema, crs: object, bounds: np.ndarray) -> pa.Schema:
    total = None if not len(bounds) or np.isnan(bounds).all() else [*np.nanmin(bounds[:, :2], 0), *np.nanmax(bounds[:, 2:], 0)]
    box = None if total is None else [float(value) for value in total]
    return schema.with_metadata(dict(schema.metadata) | {b"geo": _geo_metadata(crs, box)})


def _rows(frame: pd.DataFrame, shapes: pa.Array, bounds: np.ndarray, table: str, schema: pa.Schema) -> pa.Table:
    """Put columns, shapes (WKB) and their bounds together."""
    _require_shapes(shapes.null_count, table)
    found = _arrays(frame, table)
    arrays = [shapes if c.dtype == "geometry" else pa.array(found[c.name], type=_ARROW[c.dtype], from_pandas=True) for c in columns(table)]
    sides = [pa.array(bounds[:, side]) for side in range(4)]
    arrays.append(pa.StructArray.from_arrays(sides, fields=list(_BBOX), mask=pa.array(np.isnan(bounds[:, 0]))))
    return pa.Table.from_arrays(arrays, schema=schema)


@contextmanager
def table_writer(
    table: str, crs: object, bounds: np.ndarray, path: Path, work: Path
) -> Iterator[Callable[[pd.DataFrame, pa.Array, np.ndarray], None]]:
    """
    Write a table in parts, none of which is kept: whole or not at all, with the same bytes as `write_table` gives it in one.

    Parameters
    ----------
    table
        "roofs", "buildings", "parcels" or "regions".
    crs
        CRS of the geometry.
    bounds
        Shape (n, 4), bounds of all shapes of the table; NaN where there is none.
    path
        File to write or to replace.
    work
        Folder on the same disk for the unfinished file.

    Yields
    ------
    callable
        Takes `ROW_GROUP` rows, at the end fewer: their columns, shapes as WKB, and bounds.
    """
    schema = _with_extent(arrow_schema(table, crs), crs, bounds)
    with unfinished(path, work) as part, pq.ParquetWriter(part, schema, **_written(table)) as writer:
        yield lambda frame, shapes, own: writer.write_table(_rows(frame, shapes, own, table, schema), row_group_size=ROW_GROUP)


def _written(table: str) -> dict[str, Any]:
    words = [c.name for c in columns(table) if c.dtype == "string"]  # measures seldom repeat: looking for it costs as much as writing them
    return {"compression": "zstd", "use_dictionary": words}


def write_table(frame: gpd.GeoDataFrame, table: str, path: Path, work: Path) -> None:
    """
    Write a table as GeoParquet: whole or not at all.

    Parameters
    ----------
    frame
        Rows of the table.
    table
        "roofs", "buildings", "parcels" or "regions".
    path
        File to write or to replace.
    work
        Folder on the same disk for the unfinished file.
    """
    write_arrow(arrow_table(frame, table), table, path, work)


def write_arrow(found: pa.Table, table: str, path: Path, work: Path) -> None:
    """
    Write rows that have the table's schema already, with the same bytes as `write_table` gives them.

    Parameters
    ----------
    found
        Rows of the table.
    table
        "roofs", "buildings", "parcels" or "regions".
    path
        File to write or to replace.
    work
        Folder on the same disk for the unfinished file.
    """
    with unfinished(path, work) as part:
        pq.write_table(found, part, row_group_size=ROW_GROUP, **_written(table))
