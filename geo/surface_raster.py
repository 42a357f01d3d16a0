"""What stands around a roof, as a raster in blocks: tops of buildings, or a DSM where there is one.

Only blocks that hold something take memory, so the many empty kilometres of a rural tile cost nothing. Cell (i, j) is counted
eastward and northward from the origin of the CRS, whatever the window: the same building fills the same cells in every tile.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from .errors import GeoError
from .grid import Bounds, Grid, snap
from .terrain import Terrain

BLOCK_BITS = 4  # blocks of 16 x 16 cells ...
SUPER_BITS = 6  # ... in super-blocks of 64 x 64, which are asked before their blocks
BLOCK = 1 << BLOCK_BITS
SUPER = 1 << SUPER_BITS

NEAR_REACH = 300.0  # m; every building matters this far
NEWER_BY = 2.0  # m; a newer building this much above the DSM was built after its flight


@dataclass(frozen=True)
class Surface:
    """Tops above the datum in blocks of cells; minus infinity where nothing stands.

    Attributes
    ----------
    values
        Cells of the blocks that hold something, shape (k, 16, 16), rows counted NORTHWARD. [m]
    index
        Number of each block in `values`, -1 where empty, shape (blocks north, blocks east).
    block_tops
        Highest cell of each block, shape as `index`. [m]
    super_tops
        Highest cell of each super-block of 4 x 4 blocks. [m]
    first_column
        Global index of the westernmost cell, a multiple of 64.
    first_row
        Global index of the southernmost cell, a multiple of 64.
    resolution
        Side of a cell. [m]
    bounds
        What the caller asked to be covered. [m]
    holds_land
        Whether the land is in it everywhere, so that no other is to be looked at.
    """

    values: NDArray[np.float32]
    index: NDArray[np.int32]
    block_tops: NDArray[np.float32]
    super_tops: NDArray[np.float32]
    first_column: int
    first_row: int
    resolution: float
    bounds: Bounds
    holds_land: bool = False

    @property
    def highest(self) -> float:
        """Highest cell.

        Returns
        -------
        float
            Highest top; minus infinity where nothing stands. [m]
        """
        return float(self.super_tops.max())

    def grid(self) -> Grid:
        """Copy the surface into a plain raster.

        Returns
        -------
        Grid
            All cells, NaN where nothing stands.
        """
        rows, columns = self.index.shape
        blocks = np.full((rows, columns, BLOCK, BLOCK), np.nan, np.float32)
        held = self.index >= 0
        blocks[held] = self.values[self.index[held]]
        cells = blocks.transpose(0, 2, 1, 3).reshape(rows * BLOCK, columns * BLOCK)
        cells[np.isneginf(cells)] = np.nan
        top = (self.first_row + rows * BLOCK) * self.resolution
        return Grid(np.ascontiguousarray(cells[::-1]), self.first_column * self.resolution, top, self.resolution)


def near_surface(
    bounds: Bounds,
    resolution: float,
    polygons: NDArray[np.object_],
    tops: NDArray[np.float64],
    dsm: Grid | None = None,
    *,
    newer: NDArray[np.bool_] | None = None,
    land: Terrain | None = None,
) -> Surface:
    """Surface that shades: a cell whose centre lies in a footprint carries the highest top, or the DSM's value.

    Parameters
    ----------
    bounds
        Area to cover, halo included. [m]
    resolution
        Side of a cell. [m]
    polygons
        Footprints, shape (n,); Polygon or MultiPolygon.
    tops
        Roof tops above the datum, shape (n,); NaN leaves a building out. [m]
    dsm
        Measured surface on the same grid; where it has data it is used instead of the tops.
    newer
        Buildings newer than the DSM, shape (n,): raised where they stand more than 2 m above it.
    land
        Ground where neither the DSM has data nor a footprint lies; None for none.

    Returns
    -------
    Surface
        Tops in blocks; minus infinity where nothing stands, ground without a DSM included unless `land` is given.

    Raises
    ------
    GeoError
        If lengths differ, or the DSM has another resolution.
    """
    if len(polygons) != len(tops) or (newer is not None and len(newer) != len(tops)):
        raise GeoError(f"Footprints and tops must pair up: got {len(polygons)} footprints and {len(tops)} tops.")
    built = _rasterize(bounds, resolution, polygons, np.asarray(tops, np.float64))
    if dsm is None:
        return built
    if not math.isclose(dsm.resolution, resolution):
        raise GeoError(
            f"The DSM has cells of {dsm.resolution} m, the surface of {resolution} m: prepare the DSM with resolution={resolution}."
        )
    blocks = _in_blocks(_dense_rows(dsm, built))
    _lay(blocks, built)
    if land is not None:
        _lay_land(blocks, built, land)
    if newer is not None and newer.any():
        _lay(blocks, _rasterize(bounds, resolution, polygons[newer], np.asarray(tops, np.float64)[newer]), NEWER_BY)
    return replace(_from_blocks(blocks, built), holds_land=land is not None)


def _rasterize(bounds: Bounds, resolution: float, polygons: NDArray[np.object_], tops: NDArray[np.float64]) -> Surface:
    i0, j0, i1, j1 = snap(bounds, resolution)
    ci, cj = (i0 >> SUPER_BITS) << SUPER_BITS, (j0 >> SUPER_BITS) << SUPER_BITS
    columns, rows = (((i1 - 1) >> SUPER_BITS) + 1) * SUPER - ci, (((j1 - 1) >> SUPER_BITS) + 1) * SUPER - cj
    index = np.full((rows >> BLOCK_BITS, columns >> BLOCK_BITS), -1, np.int32)
    block_tops = np.full(index.shape, -np.inf, np.float32)
    xy, ring_ends, part_ends, part_tops = _flat_rings(polygons, tops)
    none = np.empty((0, BLOCK, BLOCK), np.float32)
    _burn(xy, ring_ends, part_ends, part_tops, resolution, ci, cj, index, block_tops, none)
    held = index == 0
    index[held] = np.arange(np.count_nonzero(held), dtype=np.int32)
    values = np.full((np.count_nonzero(held), BLOCK, BLOCK), -np.inf, np.float32)
    if len(values):
        _burn(xy, ring_ends, part_ends, part_tops, resolution, ci, cj, index, block_tops, values)
    return Surface(values, index, block_tops, _super_tops(block_tops), ci, cj, resolution, bounds)


def _super_tops(block_tops: NDArray[np.float32]) -> NDArray[np.float32]:
    n = SUPER // BLOCK
    rows, columns = block_tops.shape
    return np.ascontiguousarray(block_tops.reshape(rows // n, n, columns // n, n).max(axis=(1, 3)))


def _flat_rings(
    polygons: NDArray[np.object_], tops: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Vertices of all rings, the end of each ring among them, the end of each part among the rings, and the parts' tops."""
    usable = np.flatnonzero(np.isfinite(tops) & ~shapely.is_missing(polygons) & ~shapely.is_empty(polygons))
    parts, owner = shapely.get_parts(polygons[usable], return_index=True)
    areal = shapely.get_type_id(parts) == 3
    parts, owner = parts[areal], owner[areal]
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, vertex_ring = shapely.get_coordinates(rings, return_index=True)
    ring_ends = np.searchsorted(vertex_ring, np.arange(len(rings)), side="right").astype(np.int64)
    part_ends = np.searchsorted(ring_part, np.arange(len(parts)), side="right").astype(np.int64)
    return xy, ring_ends, part_ends, tops[usable][owner]


@njit(cache=True, nogil=True)
def _burn(
    xy: NDArray[np.float64],
    ring_ends: NDArray[np.int64],
    part_ends: NDArray[np.int64],
    part_tops: NDArray[np.float64],
    resolution: float,
    ci: int,
    cj: int,
    index: NDArray[np.int32],
    block_tops: NDArray[np.float32],
    values: NDArray[np.float32],
) -> None:
    """Scan lines through cell centres, even-odd; without `values` only mark the blocks touched (0), with them keep the highest top."""
    marking = values.shape[0] == 0
    rows, columns = index.shape[0] << BLOCK_BITS, index.shape[1] << BLOCK_BITS
    ring = 0
    for part in range(part_ends.shape[0]):
        first_vertex = 0 if ring == 0 else ring_ends[ring - 1]
        first_ring = ring
        ring = part_ends[part]
        last_vertex = ring_ends[ring - 1]
        low, high = np.inf, -np.inf
        for k in range(first_vertex, last_vertex):
            low, high = min(low, xy[k, 1]), max(high, xy[k, 1])
        ja = max(int(np.ceil(low / resolution - 0.5)), cj)
        jb = min(int(np.ceil(high / resolution - 0.5)), cj + rows)  # one past the last
        if ja >= jb:
            continue
        starts, crossings = _crossings(xy, ring_ends, first_ring, ring, first_vertex, ja, jb, resolution)
        top = np.float32(part_tops[part])
        for j in range(ja, jb):
            line = crossings[starts[j - ja] : starts[j - ja + 1]]
            line.sort()
            for k in range(0, line.shape[0] - 1, 2):
                ia = max(int(np.ceil(line[k] / resolution - 0.5)), ci)
                ib = min(int(np.ceil(line[k + 1] / resolution - 0.5)), ci + columns)
                _fill(ia - ci, ib - ci, j - cj, top, marking, index, block_tops, values)


@njit(cache=True, nogil=True)
def _crossings(
    xy: NDArray[np.float64],
    ring_ends: NDArray[np.int64],
    first_ring: int,
    end_ring: int,
    first_vertex: int,
    ja: int,
    jb: int,
    resolution: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Eastings where edges cross each row's centre line, grouped by row; an edge owns its lower end, not its upper."""
    starts = np.zeros(jb - ja + 1, np.int64)
    crossings = np.empty(0, np.float64)
    for filling in range(2):
        at = first_vertex
        for ring in range(first_ring, end_ring):
            for k in range(at, ring_ends[ring] - 1):
                x0, y0, x1, y1 = xy[k, 0], xy[k, 1], xy[k + 1, 0], xy[k + 1, 1]
                if y0 > y1:  # always from the lower end, so that a shared edge is cut at the same easting from both sides
                    x0, y0, x1, y1 = x1, y1, x0, y0
                a = max(int(np.ceil(y0 / resolution - 0.5)), ja)
                b = min(int(np.ceil(y1 / resolution - 0.5)), jb)
                for j in range(a, b):
                    if filling == 0:
                        starts[j - ja + 1] += 1
                    else:
                        share = ((j + 0.5) * resolution - y0) / (y1 - y0)
                        crossings[starts[j - ja]] = x0 + share * (x1 - x0)
                        starts[j - ja] += 1
            at = ring_ends[ring]
        if filling == 0:
            for j in range(jb - ja):
                starts[j + 1] += starts[j]
            crossings = np.empty(starts[jb - ja], np.float64)
        else:  # the pointers ran on to the next row's start: set them back
            for j in range(jb - ja, 0, -1):
                starts[j] = starts[j - 1]
            starts[0] = 0
    return starts, crossings


@njit(cache=True, nogil=True)
def _fill(
    ia: int,
    ib: int,
    j: int,
    top: np.float32,
    marking: bool,
    index: NDArray[np.int32],
    block_tops: NDArray[np.float32],
    values: NDArray[np.float32],
) -> None:
    bj, rj = j >> BLOCK_BITS, j & (BLOCK - 1)
    for i in range(ia, ib):
        bi = i >> BLOCK_BITS
        if marking:
            index[bj, bi] = 0
            block_tops[bj, bi] = max(block_tops[bj, bi], top)
        else:
            cell = values[index[bj, bi], rj]
            cell[i & (BLOCK - 1)] = max(cell[i & (BLOCK - 1)], top)


def _lay(blocks: NDArray[np.float32], built: Surface, by: float | None = None) -> None:
    """Raise cells, in place, to what was built: all that it tops by so much, or those without data."""
    held = built.index >= 0
    found, own = blocks[held], built.values[built.index[held]]
    blocks[held] = np.where(np.isneginf(found) if by is None else own > found + by, own, found)


def _lay_land(blocks: NDArray[np.float32], like: Surface, land: Terrain) -> None:
    """Fill cells without data, in place, with the ground at their centres, a row of blocks at a time."""
    size = like.resolution
    west, south, east, north = like.bounds
    for row, line in enumerate(blocks):
        column, j, i = np.nonzero(np.isneginf(line))
        x = (like.first_column + column * BLOCK + i + 0.5) * size
        y = (like.first_row + row * BLOCK + j + 0.5) * size
        asked = (x > west - size) & (x < east + size) & (y > south - size) & (y < north + size)
        column, j, i = column[asked], j[asked], i[asked]
        found = land.elevation(x[asked], y[asked])
        line[column, j, i] = np.where(np.isnan(found), -np.inf, found)


def _in_blocks(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = cells.shape[0] // BLOCK, cells.shape[1] // BLOCK
    return np.ascontiguousarray(cells.reshape(rows, BLOCK, columns, BLOCK).transpose(0, 2, 1, 3))


def _dense_rows(dsm: Grid, like: Surface) -> NDArray[np.float32]:
    """Cells of the DSM on the frame of a surface, rows counted northward, minus infinity where it has no data."""
    rows, columns = like.index.shape[0] * BLOCK, like.index.shape[1] * BLOCK
    cells = np.full((rows, columns), -np.inf, np.float32)
    south_up = dsm.values[::-1]
    i = dsm.first_column - like.first_column
    j = dsm.top_row - south_up.shape[0] - like.first_row
    a, b, c, d = max(i, 0), max(j, 0), min(i + south_up.shape[1], columns), min(j + south_up.shape[0], rows)
    if a < c and b < d:
        cells[b:d, a:c] = south_up[b - j : d - j, a - i : c - i]
    cells[np.isnan(cells)] = -np.inf
    return cells


def _from_blocks(blocks: NDArray[np.float32], like: Surface) -> Surface:
    block_tops = blocks.max(axis=(2, 3))
    held = block_tops > -np.inf
    index = np.full(held.shape, -1, np.int32)
    index[held] = np.arange(np.count_nonzero(held), dtype=np.int32)
    values = blocks.reshape(-1, BLOCK, BLOCK) if held.all() else blocks[held]
    return Surface(values, index, block_tops, _super_tops(block_tops), like.first_column, like.first_row, like.resolution, like.bounds)
