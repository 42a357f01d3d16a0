"""Single roofs as vector tiles: one PMTiles file that the page carries inside or reads by ranges."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyogrio
from pyogrio.raw import write_arrow

from layers.errors import LayersError

# Zoom 15 with 4,096 steps a tile is 0.24 m at 37° N; deeper zooms magnify it. At zoom 14 single roofs begin to be seen.
MIN_ZOOM, MAX_ZOOM = 14, 15
# A crowded tile of zoom 14 holds about 25,000 roofs, which GDAL's own limits would thin out.
LIMITS = {"MINZOOM": str(MIN_ZOOM), "MAXZOOM": str(MAX_ZOOM), "MAX_SIZE": "8000000", "MAX_FEATURES": "1000000"}
LAYER = "roofs"
TEXTS = ("name", "use", "use_detail", "data_tier", "mounting")
# Digits after the point that a reader sees; every digit more costs room.
NUMBERS: Mapping[str, int] = {
    "pdc0_kwp": 1,
    "energy_kwh": 0,
    "specific_yield": 0,
    "area_m2": 0,
    "usable_area_m2": 0,
    "module_count": 0,
    "roof_tilt": 0,
    "roof_azimuth": 0,
    "shading_loss": 3,
    "lcoe_cny_kwh": 3,
    "roadmap_year": 0,
}
COLUMNS = (*TEXTS[1:], *NUMBERS)


def roof_tiles(roofs: gpd.GeoDataFrame) -> bytes:
    """
    Make tiles of a table of roofs.

    Parameters
    ----------
    roofs
        Roofs with modules, with `name` of their building.

    Returns
    -------
    bytes
        A PMTiles archive; empty where there is no roof.

    Raises
    ------
    LayersError
        If GDAL cannot write PMTiles.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "roofs.pmtiles"
        return out.read_bytes() if write_tiles([roofs], out) else b""


def write_run_tiles(run: Path) -> int:
    """
    Write roofs.pmtiles of a finished run, file by file of its roof dataset.

    Parameters
    ----------
    run
        Run folder.

    Returns
    -------
    int
        Number of roofs in the tiles.

    Raises
    ------
    LayersError
        If the run has no roof with modules, or GDAL cannot write PMTiles.
    """
    named = pd.read_parquet(run / "buildings.parquet", columns=["building_id", "name"])
    named = named[named["name"].fillna("") != ""].drop_duplicates("building_id")
    names = pd.Series(named["name"].to_numpy(), index=named["building_id"].to_numpy())
    unfinished = run / ".work" / "unfinished" / "roofs.pmtiles"
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    count = write_tiles(_frames(run / "roofs", names), unfinished)
    if not count:
        raise LayersError(f"{run.name}: no roof has modules, so there is nothing to draw: look at counts in its manifest.json")
    unfinished.replace(run / "roofs.pmtiles")
    return count


def write_tiles(frames: Iterable[gpd.GeoDataFrame], out: Path) -> int:
    """
    Write roofs as vector tiles.

    Parameters
    ----------
    frames
        Tables of roofs with modules, with `name`; they are taken one after the other.
    out
        File to write, ending in .pmtiles.

    Returns
    -------
    int
        Number of roofs; where it is 0 no file is written.

    Raises
    ------
    LayersError
        If GDAL cannot write PMTiles.

    Notes
    -----
    GDAL's PMTiles driver, https://gdal.org/drivers/vector/pmtiles.html; it projects to web Mercator itself.
    """
    if pyogrio.list_drivers().get("PMTiles") != "rw":
        raise LayersError("this GDAL cannot write PMTiles; expected GDAL 3.8 or newer with SQLite and GEOS: install pyogrio from its wheel")
    counted = [0]
    batches = _batches(frames, counted)
    first = next(batches, None)
    if first is None:
        return 0
    crs, head = first
    stream = pa.RecordBatchReader.from_batches(head.schema, itertools.chain([head], (batch for _, batch in batches)))
    out.unlink(missing_ok=True)
    write_arrow(
        stream,
        out,
        driver="PMTiles",
        layer=LAYER,
        geometry_name="geometry",
        geometry_type="Unknown",
        crs=crs,
        dataset_options={**LIMITS, "NAME": LAYER, "DESCRIPTION": ""},
    )
    return counted[0]


def _frames(folder: Path, names: pd.Series) -> Iterator[gpd.GeoDataFrame]:
    present = set(ds.dataset(folder, format="parquet").schema.names)
    wanted = [name for name in ("building_id", *COLUMNS, "geometry") if name in present]
    for file in sorted(folder.glob("*.parquet")):
        frame = gpd.read_parquet(file, columns=wanted, filters=[("pdc0_kwp", ">", 0.0)])
        yield frame.assign(name=frame["building_id"].map(names))


def _batches(frames: Iterable[gpd.GeoDataFrame], counted: list[int]) -> Iterator[tuple[str, pa.RecordBatch]]:
    schema = _schema()
    for frame in frames:
        if not len(frame):
            continue
        counted[0] += len(frame)
        columns = [_text(frame, name) for name in TEXTS] + [_number(frame, name, digits) for name, digits in NUMBERS.items()]
        shapes = pa.array(frame.geometry.to_wkb().to_numpy(), type=pa.binary())
        yield frame.crs.to_wkt(), pa.RecordBatch.from_arrays([*columns, shapes], schema=schema)


def _schema() -> pa.Schema:
    numbers = [pa.field(name, pa.int32() if digits == 0 else pa.float64()) for name, digits in NUMBERS.items()]
    shapes = pa.field("geometry", pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})
    return pa.schema([*(pa.field(name, pa.string()) for name in TEXTS), *numbers, shapes])


def _text(frame: gpd.GeoDataFrame, name: str) -> pa.Array:
    if name not in frame.columns:
        return pa.nulls(len(frame), pa.string())
    texts = frame[name].astype(object)
    filled = texts.where(texts.notna() & (texts != ""), None)
    return pa.array([None if text is None else str(text) for text in filled], type=pa.string())


def _number(frame: gpd.GeoDataFrame, name: str, digits: int) -> pa.Array:
    if name not in frame.columns:
        return pa.nulls(len(frame), pa.int32() if digits == 0 else pa.float64())
    values = np.round(frame[name].to_numpy(dtype=np.float64, na_value=np.nan), digits)
    array = pa.array(values, from_pandas=True)
    return array.cast(pa.int32()) if digits == 0 else array
