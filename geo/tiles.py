"""Prepared buildings on disk: tiles of balanced size along the Hilbert curve, and what stands around a tile."""

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from .footprints import hilbert_order
from .walls import Standing, standing

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

# Every building shades out to here; farther only those that can still stand 3 degrees above level ground.
NEAR_M = 300.0
TALL_M = NEAR_M * float(np.tan(np.radians(3.0)))
FARTHEST_M = 5000.0
# A footprint of more vertices than this weighs as several buildings when tiles are cut.
VERTICES_OF_ONE = 100
_SIDES = ("xmin", "ymin", "xmax", "ymax")
# What a neighbour's roof is made of, in the order of `Surroundings`.
_NEIGHBOUR = ["building_id", "top_m", "stale_surface", "use", "height_m", "footprint_area_m2", "tilt_given", "construction"]


@dataclass(frozen=True)
class Surroundings:
    """
    What can shade a tile: polygons and the absolute height of their tops.

    Attributes
    ----------
    geometry, building_id, top, stale
        Shape (n,), every building within `NEAR_M` of the tile and those of the tile itself; its id; its top [m above datum]; whether a
        surface model does not show it.
    use, height, area, tilt, construction
        Shape (n,), what the shape of its roof is chosen by: use, height above ground [m], footprint [m2], known tilt (NaN: not) [degrees],
        construction ("" where not known).
    tall
        Walls of all buildings of the study of at least `TALL_M`; taken apart once for all tiles of a process.
    reach
        How far the tallest building of the study can matter [m]; the same for every tile.
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
    tall: Standing
    reach: float


def write_tiles(buildings: gpd.GeoDataFrame, folder: Path, *, tile_buildings: int, widest: float = np.inf) -> pd.DataFrame:
    """
    Write prepared buildings as a spatially sorted GeoParquet dataset, a file a tile.

    Parameters
    ----------
    buildings
        Rows with a geometry; columns `building_id`, `status` ("" = to be assessed), `top_m`, `height_m`, `stale_surface` and what the
        assessment needs.
    folder
        Target, created; older tiles in it are removed.
    tile_buildings
        Most buildings in a tile; tiles carry about the same load.
    widest
        Largest extent of a tile of several buildings [m2], since the rasters under it are in memory at once.

    Returns
    -------
    pandas.DataFrame
        A row a tile: `file`, `rows`, `assess` (rows to be assessed), `left`, `bottom`, `right`, `top`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ordered = buildings.iloc[hilbert_order(buildings)]
    cuts = _cuts(ordered.geometry.to_numpy(), tile_buildings, widest)
    parts = (ordered.iloc[first:last] for first, last in itertools.pairwise(cuts))
    # shapely and pyarrow let go of Python's lock while they encode and compress
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(partial(_write_tile, folder), itertools.count(), parts))
    index = pd.DataFrame(rows, columns=["file", "rows", "assess", "left", "bottom", "right", "top"])
    for old in {file.name for file in folder.glob("*.parquet")} - set(index["file"]):
        (folder / old).unlink()
    index.to_parquet(folder.parent / "tiles.parquet", index=False)
    tall = ordered[ordered["height_m"] >= TALL_M]
    tall[["top_m", "height_m", "geometry"]].to_parquet(folder.parent / "tall.parquet", index=False)
    return index


def _write_tile(folder: Path, tile: int, part: gpd.GeoDataFrame) -> tuple[str, int, int, float, float, float, float]:
    """Write one tile; its row of the index."""
    file = f"tile-{tile:05d}.parquet"
    part.assign(tile=np.int32(tile)).to_parquet(folder / file, index=False, write_covering_bbox=True)
    left, bottom, right, top = (float(v) for v in part.total_bounds)
    return file, len(part), int((part["status"] == "").sum()), left, bottom, right, top


def _cuts(geometry: Objects, tile_buildings: int, widest: float) -> list[int]:
    """Cut the row of buildings where tiles carry the same load, and again where a tile would be too wide; a ring weighs by its vertices."""
    load = np.maximum(shapely.get_num_coordinates(geometry) / VERTICES_OF_ONE, 1.0).cumsum()
    count = max(1, int(np.ceil(load[-1] / tile_buildings)))
    inner = np.searchsorted(load, load[-1] * np.arange(1, count) / count, side="left") + 1
    cuts = np.unique(np.concatenate([[0], inner, [len(geometry)]]))
    box = shapely.bounds(geometry)
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


def read_surroundings(folder: Path, bounds: npt.NDArray[np.float64]) -> Surroundings:
    """
    Read what stands around a tile.

    Parameters
    ----------
    folder
        The folder written by `write_tiles`.
    bounds
        Shape (4,), left, bottom, right, top of the tile's buildings [m].

    Returns
    -------
    Surroundings
        Near buildings from the neighbouring tiles, tall ones from the study's list of tall buildings.
    """
    near = bounds + np.array([-NEAR_M, -NEAR_M, NEAR_M, NEAR_M])
    shapes, parts = [], []
    for file in tiles_around(folder, bounds):
        table = pq.read_table(folder / file, columns=["geometry", "bbox", *_NEIGHBOUR])
        boxes = table["bbox"].combine_chunks()
        table = table.filter(pa.array(_meets(np.column_stack([boxes.field(side).to_numpy() for side in _SIDES]), near)))
        shapes.append(shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False)))
        parts.append([table[name].to_numpy(zero_copy_only=False) for name in _NEIGHBOUR])
    ids, top, stale, use, height, area, tilt, construction = (np.concatenate(column) for column in zip(*parts, strict=True))
    near_by = np.concatenate(shapes), ids, top, stale, use, height, area, tilt, construction
    return Surroundings(*near_by, *_tall(folder.parent / "tall.parquet", _stamp(folder.parent / "tall.parquet")))


def _meets(box: Floats, window: Floats) -> npt.NDArray[np.bool_]:
    meets: npt.NDArray[np.bool_] = (box[:, 0] <= window[2]) & (box[:, 2] >= window[0]) & (box[:, 1] <= window[3]) & (box[:, 3] >= window[1])
    return meets


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
    near = bounds + np.array([-NEAR_M, -NEAR_M, NEAR_M, NEAR_M])
    meets = (index["left"] <= near[2]) & (index["right"] >= near[0]) & (index["bottom"] <= near[3]) & (index["top"] >= near[1])
    return [str(file) for file in index.loc[meets, "file"]]


def _stamp(file: Path) -> int:
    """Tell two versions of a file apart, so that a remade run in the same process does not read the old one."""
    return file.stat().st_mtime_ns


@lru_cache(maxsize=2)
def _tile_index(file: Path, stamp: int) -> pd.DataFrame:
    return pd.read_parquet(file)


@lru_cache(maxsize=2)
def _tall(file: Path, stamp: int) -> tuple[Standing, float]:
    tall = gpd.read_parquet(file)
    highest = float(tall["height_m"].max()) if len(tall) else 0.0
    reach = min(FARTHEST_M, max(NEAR_M, highest / float(np.tan(np.radians(3.0)))))
    return standing(tall.geometry.to_numpy(), tall["top_m"].to_numpy(dtype=float)), reach
