"""Prepared buildings on disk: tiles of balanced size along the Hilbert curve, and what stands around a tile."""

import io
import itertools
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from .footprints import hilbert_order
from .packed import Packed
from .towers import NEAREST, ring_end
from .walls import Standing, standing

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

# Every building shades out to here; farther those that `tower_reach` says.
NEAR_M = NEAREST
# What is looked for to here is found in the tiles around, what is seen from farther away in the study's list of tall buildings.
_AROUND_M = 2.0 * NEAR_M
# A footprint of more vertices than this weighs as several buildings when tiles are cut.
VERTICES_OF_ONE = 100
# Two doubles, of which well-known binary is made but for a few bytes at its start.
_BYTES_A_VERTEX = 16
# Tiles brought to Arrow together.
_TILES_AT_ONCE = 8
_SIDES = ("xmin", "ymin", "xmax", "ymax")
# Squares in which is noted what lies near a tile's buildings: a tile along the curve fills half of its box.
_SQUARE_M, _MOST_SQUARES = 50.0, 1000.0
# What a neighbour's roof is made of, and how far it is looked for.
_NEIGHBOUR = ["building_id", "top_m", "stale_surface", "use", "height_m", "footprint_area_m2", "tilt_given", "construction", "reach_m"]


@dataclass(frozen=True)
class Surroundings:
    """
    What can shade a tile: polygons and the absolute height of their tops.

    Attributes
    ----------
    geometry, building_id, top, stale
        Shape (n,), every building within `NEAR_M` of those of the tile, they themselves, and perhaps some beyond; its id; its top
        [m above datum]; whether a surface model does not show it.
    use, height, area, tilt, construction
        Shape (n,), what the shape of its roof is chosen by: use, height above ground [m], footprint [m2], known tilt (NaN: not) [degrees],
        construction ("" where not known).
    tall
        Walls of the buildings that are looked for from farther than `NEAR_M`, by the end of their ring (see `ring_end`) [m]: of the first
        ring those around the tile, of the others all of the study, taken apart once for all tiles of a process.
    """

    geometry: Objects
    building_id: Objects
    top: Floats
    stale: npt.NDArray[np.bool_]
    use: Objects
    height: Floats
    area: Floats
    tilt: Floats
    construction: Objects
    tall: dict[float, Standing]


def write_tiles(
    buildings: pd.DataFrame,
    shapes: Packed,
    folder: Path,
    *,
    tile_buildings: int,
    widest: float = np.inf,
    wanted: npt.NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """
    Write prepared buildings as a spatially sorted GeoParquet dataset, a file a tile.

    Parameters
    ----------
    buildings
        Columns `building_id`, `status` ("" = to be assessed), `top_m`, `reach_m` (see `tower_reach`),
        `stale_surface` and what the assessment needs.
    shapes
        Their shapes.
    folder
        Target, created; older tiles in it are removed.
    tile_buildings
        Most buildings in a tile; tiles carry about the same load.
    widest
        Largest extent of a tile of several buildings [m2], since the rasters under it are in memory at once.
    wanted
        Shape (n,), which rows are written, all by default; only these need a shape.

    Returns
    -------
    pandas.DataFrame
        A row a tile: `file`, `rows`, `assess` (rows to be assessed), `left`, `bottom`, `right`, `top`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows_in = np.arange(len(buildings)) if wanted is None else np.flatnonzero(wanted)
    order = rows_in[hilbert_order(buildings["building_id"].iloc[rows_in], shapes.bounds[rows_in])]
    cuts = _cuts(shapes, order, tile_buildings, widest)
    firsts = range(0, len(cuts) - 1, _TILES_AT_ONCE)
    # pyarrow lets go of Python's lock while it compresses
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks = pool.map(
            lambda first: _write_block(folder, buildings, shapes, order, first, cuts[first : first + _TILES_AT_ONCE + 1]), firsts
        )
        rows = [row for block in blocks for row in block]
    index = pd.DataFrame(rows, columns=["file", "rows", "assess", "left", "bottom", "right", "top"])
    for old in {file.name for file in folder.glob("*.parquet")} - set(index["file"]):
        (folder / old).unlink()
    index.to_parquet(folder.parent / "tiles.parquet", index=False)
    tall = order[buildings["reach_m"].to_numpy()[order] > _AROUND_M]
    far = gpd.GeoDataFrame(buildings[["top_m", "reach_m"]].iloc[tall], geometry=shapes[tall], crs=shapes.crs)
    far.to_parquet(folder.parent / "tall.parquet", index=False)
    return index


def _write_block(
    folder: Path, buildings: pd.DataFrame, shapes: Packed, order: npt.NDArray[np.int64], first: int, cuts: list[int]
) -> list[tuple[str, int, int, float, float, float, float]]:
    """Write tiles that follow each other; their rows of the index. Brought to Arrow one by one they would cost two fifths more."""
    at = order[cuts[0] : cuts[-1]]
    block, box = buildings.iloc[at], shapes.bounds[at]
    head = io.BytesIO()  # how GeoParquet describes itself is GeoPandas' to say
    gpd.GeoDataFrame(geometry=[], crs=shapes.crs).to_parquet(head, index=False, write_covering_bbox=True)
    geo = json.loads(pq.read_schema(head).metadata[b"geo"])
    assess = (block["status"] == "").to_numpy()
    tiles = np.repeat(np.arange(first, first + len(cuts) - 1, dtype=np.int32), np.diff(cuts))
    table = pa.Table.from_pandas(block.assign(tile=tiles), preserve_index=False)
    table = table.append_column("geometry", shapes.wkb(at).cast(pa.binary()))
    table = table.append_column("bbox", pa.StructArray.from_arrays([pa.array(side) for side in box.T], names=list(_SIDES)))
    rows = []
    for tile, (a, b) in enumerate(itertools.pairwise(np.asarray(cuts) - cuts[0]), start=first):
        left, bottom, right, top = bounds = [*np.nanmin(box[a:b, :2], axis=0).tolist(), *np.nanmax(box[a:b, 2:], axis=0).tolist()]
        geo["columns"]["geometry"]["bbox"] = bounds
        part = table[a:b].replace_schema_metadata({**table.schema.metadata, b"geo": json.dumps(geo).encode()})
        pq.write_table(part, folder / f"tile-{tile:05d}.parquet")
        rows.append((f"tile-{tile:05d}.parquet", int(b - a), int(assess[a:b].sum()), left, bottom, right, top))
    return rows


def _cuts(shapes: Packed, order: npt.NDArray[np.int64], tile_buildings: int, widest: float) -> list[int]:
    """Cut the row of buildings where tiles carry the same load, and again where a tile would be too wide; a ring weighs by its vertices."""
    load = np.ones(len(order))
    many = np.flatnonzero(shapes.sizes[order] >= _BYTES_A_VERTEX * VERTICES_OF_ONE)
    load[many] = np.maximum(shapely.get_num_coordinates(shapes[order[many]]) / VERTICES_OF_ONE, 1.0)
    load = load.cumsum()
    count = max(1, int(np.ceil(load[-1] / tile_buildings)))
    inner = np.searchsorted(load, load[-1] * np.arange(1, count) / count, side="left") + 1
    cuts = np.unique(np.concatenate([[0], inner, [len(order)]]))
    box = shapes.bounds[order]
    found: list[int] = [0]
    waiting = [(int(first), int(last)) for first, last in itertools.pairwise(cuts)][::-1]
    while waiting:
        first, last = waiting.pop()
        part = box[first:last]
        width, height = part[:, 2:].max(axis=0) - part[:, :2].min(axis=0)
        if last - first > 1 and width * height > widest:
            middle = (first + last) // 2
            waiting += [(middle, last), (first, middle)]
        else:
            found.append(last)
    return found


def read_surroundings(folder: Path, bounds: npt.NDArray[np.float64], boxes: Floats | None = None) -> Surroundings:
    """
    Read what stands around a tile.

    Parameters
    ----------
    folder
        The folder written by `write_tiles`.
    bounds
        Shape (4,), left, bottom, right, top of the tile's buildings [m].
    boxes
        Shape (n, 4), the same of each: what stands near none of them is left out.

    Returns
    -------
    Surroundings
        Near buildings from the neighbouring tiles, tall ones from the study's list of tall buildings.
    """
    own = np.atleast_2d(bounds) if boxes is None else boxes
    beside = {reach: _Beside(own, reach) for reach in (NEAR_M, _AROUND_M)}
    shapes, parts = [], []
    for file in tiles_around(folder, bounds):
        table = _neighbours(folder / file, _stamp(folder / file))
        sides: Any = table["bbox"].combine_chunks()
        box = np.column_stack([sides.field(side).to_numpy() for side in _SIDES])
        seen = beside[NEAR_M].meets(box) | ((_ring(table["reach_m"].to_numpy()) > 0.0) & beside[_AROUND_M].meets(box))
        table = table.filter(pa.array(seen))
        shapes.append(shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False)))
        parts.append([table[name].to_numpy(zero_copy_only=False) for name in _NEIGHBOUR])
    found, columns = np.concatenate(shapes), [np.concatenate(column) for column in zip(*parts, strict=True)]
    known = dict(zip(_NEIGHBOUR, columns, strict=True))
    near, ring = beside[NEAR_M].meets(shapely.bounds(found)), _ring(known["reach_m"]) > 0.0
    first = {_AROUND_M: standing(found[ring], known["top_m"][ring], reach=known["reach_m"][ring])} if ring.any() else {}
    return Surroundings(
        geometry=found[near],
        building_id=known["building_id"][near],
        top=known["top_m"][near],
        stale=known["stale_surface"][near],
        use=known["use"][near],
        height=known["height_m"][near],
        area=known["footprint_area_m2"][near],
        tilt=known["tilt_given"][near],
        construction=known["construction"][near],
        tall=first | _tall(folder.parent / "tall.parquet", _stamp(folder.parent / "tall.parquet")),
    )


def _ring(reach: Floats) -> Floats:
    """How far buildings are looked for that are not in the study's list, 0 for the others."""
    return np.where(reach <= _AROUND_M, reach, 0.0)


class _Beside:
    """What comes nearer than `reach` to the tile's buildings, or a square farther."""

    def __init__(self, boxes: Floats, reach: float) -> None:
        self._bounds, self._reach = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)]), reach
        self._origin = self._bounds[:2] - reach
        extent = self._bounds[2:] + reach - self._origin
        self._side = max(_SQUARE_M, float(extent.max()) / _MOST_SQUARES)
        i, j, end_i, end_j = self._squares(boxes + np.array([-reach, -reach, reach, reach]))
        edges = np.zeros((end_i.max() + 2, end_j.max() + 2), dtype=np.int64)
        for rows, columns, step in ((i, j, 1), (end_i + 1, j, -1), (i, end_j + 1, -1), (end_i + 1, end_j + 1, 1)):
            np.add.at(edges, (rows, columns), step)
        marked = edges.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0
        self._count = np.pad(marked.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))

    def _squares(self, boxes: Floats) -> npt.NDArray[np.int64]:
        return np.floor((boxes - np.tile(self._origin, 2)) / self._side).astype(np.int64).T

    def meets(self, boxes: Floats) -> npt.NDArray[np.bool_]:
        """Whether boxes do, shape (n,)."""
        (i, j, end_i, end_j), (rows, columns) = self._squares(boxes), self._count.shape
        i, end_i = np.clip(i, 0, rows - 2), np.clip(end_i, 0, rows - 2) + 1
        j, end_j = np.clip(j, 0, columns - 2), np.clip(end_j, 0, columns - 2) + 1
        count = self._count
        found = count[end_i, end_j] - count[i, end_j] - count[end_i, j] + count[i, j] > 0
        return np.asarray(found & _meets(boxes, self._bounds, self._reach))


def _meets(box: Floats, bounds: Floats, reach: Floats | float) -> npt.NDArray[np.bool_]:
    """Whether boxes come nearer than `reach` to the bounds."""
    left, bottom, right, top = bounds
    east, north = (box[:, 0] <= right + reach) & (box[:, 2] >= left - reach), (box[:, 1] <= top + reach) & (box[:, 3] >= bottom - reach)
    return np.asarray(east & north)


def tiles_around(folder: Path, bounds: npt.NDArray[np.float64]) -> list[str]:
    """
    Name the tiles that can hold what stands near a tile.

    Parameters
    ----------
    folder
        The folder written by `write_tiles`; only the index beside it is read.
    bounds
        Shape (4,), left, bottom, right, top of the tile's buildings [m].

    Returns
    -------
    list of str
        File names in `folder`.
    """
    index = _tile_index(folder.parent / "tiles.parquet", _stamp(folder.parent / "tiles.parquet"))
    meets = _meets(index[["left", "bottom", "right", "top"]].to_numpy(), bounds, _AROUND_M)
    return [str(file) for file in index.loc[meets, "file"]]


def _stamp(file: Path) -> int:
    """Tell two versions of a file apart, so that a remade run in the same process does not read the old one."""
    return file.stat().st_mtime_ns


@lru_cache(maxsize=16)  # tiles follow each other along the curve: most of what stands around one was read for the last ones
def _neighbours(file: Path, stamp: int) -> pa.Table:
    return pq.read_table(file, columns=["geometry", "bbox", *_NEIGHBOUR])


@lru_cache(maxsize=2)
def _tile_index(file: Path, stamp: int) -> pd.DataFrame:
    return pd.read_parquet(file)


@lru_cache(maxsize=2)
def _tall(file: Path, stamp: int) -> dict[float, Standing]:
    tall = gpd.read_parquet(file)
    geometry, top, reach = tall.geometry.to_numpy(), tall["top_m"].to_numpy(dtype=float), tall["reach_m"].to_numpy(dtype=float)
    end = ring_end(reach)
    return {e: standing(geometry[end == e], top[end == e], reach=reach[end == e]) for e in np.unique(end).tolist()}
