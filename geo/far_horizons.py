"""Skylines of the land beyond two kilometres, on a coarse grid of nodes: distant ridges look alike from neighbouring roofs."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from .errors import GeoError
from .grid import Bounds
from .sectors import SECTORS
from .terrain import Terrain

TERRAIN_REACH = 2000.0  # m; to here each point marches over the DEM itself, beyond it asks the nodes
LOWEST_ANGLE = math.tan(math.radians(0.25))  # land that cannot rise above this is not looked for
FARTHEST = 100_000.0  # m
# metres of drop per square metre of distance: curvature of a sphere of 6371 km less refraction of 0.13 of it
DROP = (1 - 0.13) / (2 * 6_371_000.0)

_RAYS = 3  # rays per sector
_STEP = 0.02  # step as a share of the distance: a quarter of a sector's width
_FINEST = 20.0  # m; a finer DEM shows nothing more from two kilometres


@dataclass(frozen=True)
class FarHorizons:
    """Horizon tangents at the nodes of a coarse global grid.

    Attributes
    ----------
    spacing
        Distance of the nodes. [m]
    start
        Distance from a point at which the far land begins. [m]
    first_column
        Global number of the westernmost node.
    first_row
        Global number of the southernmost node.
    index
        Number of each node, -1 where none was needed, shape (rows northward, columns).
    tangent
        Tangent of the horizon seen from the ground, mean of each sector, shape (nodes, 72).
    nearness
        One over the distance of the horizon, shape (nodes, 72): shifts the tangent for a point above or below its node. [1/m]
    elevation
        Ground at the nodes, shape (nodes,). [m]
    """

    spacing: float
    start: float
    first_column: int
    first_row: int
    index: NDArray[np.int32]
    tangent: NDArray[np.float32]
    nearness: NDArray[np.float32]
    elevation: NDArray[np.float64]

    def covers(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """Whether all four nodes around a point are known.

        Parameters
        ----------
        x
            Eastings, shape (n,). [m]
        y
            Northings, shape (n,). [m]

        Returns
        -------
        NDArray[np.bool_]
            True where the skyline can be interpolated, shape (n,).
        """
        i = np.floor(np.asarray(x, np.float64) / self.spacing).astype(np.int64) - self.first_column
        j = np.floor(np.asarray(y, np.float64) / self.spacing).astype(np.int64) - self.first_row
        rows, columns = self.index.shape
        inside = (i >= 0) & (j >= 0) & (i + 1 < columns) & (j + 1 < rows)
        i, j = np.where(inside, i, 0), np.where(inside, j, 0)
        known = self.index >= 0
        for di, dj in ((0, 0), (1, 0), (0, 1), (1, 1)):
            inside = inside & known[np.minimum(j + dj, rows - 1), np.minimum(i + di, columns - 1)]
        return np.asarray(inside)

    def within(self, bounds: Bounds) -> "FarHorizons":
        """Nodes that points within the bounds need, to be sent with a tile.

        Parameters
        ----------
        bounds
            West, south, east and north edge. [m]

        Returns
        -------
        FarHorizons
            The same skylines, fewer nodes.
        """
        rows, columns = self.index.shape
        i0 = min(max(math.floor(bounds[0] / self.spacing) - self.first_column, 0), columns - 1)
        j0 = min(max(math.floor(bounds[1] / self.spacing) - self.first_row, 0), rows - 1)
        i1 = math.floor(bounds[2] / self.spacing) - self.first_column + 2
        j1 = math.floor(bounds[3] / self.spacing) - self.first_row + 2
        index = self.index[j0 : max(j1, j0 + 1), i0 : max(i1, i0 + 1)].copy()
        kept = index[index >= 0]
        index[index >= 0] = np.arange(len(kept), dtype=np.int32)
        return replace(
            self,
            first_column=self.first_column + i0,
            first_row=self.first_row + j0,
            index=index,
            tangent=self.tangent[kept],
            nearness=self.nearness[kept],
            elevation=self.elevation[kept],
        )


def far_reach(relief: float) -> float:
    """Distance to which the study's highest ground can rise above 0.25 degrees.

    Parameters
    ----------
    relief
        Height of the highest ground above the lowest. [m]

    Returns
    -------
    float
        Distance with curvature and refraction, at most 100 km. [m]
    """
    return min(FARTHEST, (math.sqrt(LOWEST_ANGLE**2 + 4 * DROP * max(relief, 0.0)) - LOWEST_ANGLE) / (2 * DROP))


def far_horizons(
    terrain: Terrain, x: ArrayLike, y: ArrayLike, *, spacing: float = 500.0, start: float = TERRAIN_REACH
) -> FarHorizons | None:
    """Skylines beyond the start distance at the nodes around the given points.

    Parameters
    ----------
    terrain
        Ground of the study and its surroundings; what lies beyond its edge is not seen.
    x
        Eastings of the points that will ask, shape (n,). [m]
    y
        Northings, shape (n,). [m]
    spacing
        Distance of the nodes. [m]
    start
        Where the far land begins. [m]

    Returns
    -------
    FarHorizons | None
        Skylines at the nodes; None where no land is high enough to matter.

    Raises
    ------
    GeoError
        If a coordinate is not finite.

    Notes
    -----
    Steps grow with the distance, on means of the DEM over cells as large as the step. A node and its skyline depend on the
    terrain alone, so any set of points gets the same answer.
    """
    reach = far_reach(terrain.relief)
    if terrain.is_flat or reach <= start:
        return None
    east, north = np.asarray(x, np.float64).ravel(), np.asarray(y, np.float64).ravel()
    if not (np.isfinite(east).all() and np.isfinite(north).all()):
        raise GeoError("Points of far horizons must have finite coordinates: leave out buildings without geometry.")
    if east.size == 0:
        return None
    first_column, first_row, index, columns, rows = _nodes(east, north, spacing)
    levels, offsets, shapes, origin, cell = _pyramid(terrain, reach)
    summits, summit_cell = _summits(levels, offsets, shapes, cell)
    distances, level_of = _steps(start, reach, cell, len(shapes))
    nx, ny = columns * spacing, rows * spacing
    ground = terrain.elevation(nx, ny)
    ground = np.where(np.isfinite(ground), ground, terrain.lowest)
    tangent, nearness = np.empty((len(nx), SECTORS), np.float32), np.empty((len(nx), SECTORS), np.float32)
    frame = (levels, offsets, shapes, origin[0], origin[1], cell)
    limits = (summits, summit_cell, terrain.highest, distances, level_of)
    cores = os.cpu_count() or 1
    cuts = np.linspace(0, len(nx), 8 * cores + 1).astype(int)  # some nodes see farther than others
    parts = [slice(a, b) for a, b in pairwise(cuts.tolist())]
    with ThreadPoolExecutor(cores) as pool:  # the kernel lets go of Python's lock
        list(pool.map(lambda p: _skylines(nx[p], ny[p], ground[p], frame, *limits, tangent[p], nearness[p]), parts))
    return FarHorizons(spacing, start, first_column, first_row, index, tangent, nearness, ground)


def _nodes(
    x: NDArray[np.float64], y: NDArray[np.float64], spacing: float
) -> tuple[int, int, NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    i, j = np.floor(x / spacing).astype(np.int64), np.floor(y / spacing).astype(np.int64)
    first_column, first_row = int(i.min()), int(j.min())
    needed = np.zeros((int(j.max()) - first_row + 2, int(i.max()) - first_column + 2), bool)
    for di, dj in ((0, 0), (1, 0), (0, 1), (1, 1)):
        needed[j - first_row + dj, i - first_column + di] = True
    rows, columns = np.nonzero(needed)
    index = np.full(needed.shape, -1, np.int32)
    index[rows, columns] = np.arange(len(rows), dtype=np.int32)
    return first_column, first_row, index, columns + first_column, rows + first_row


def _pyramid(terrain: Terrain, reach: float) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], tuple[int, int], float]:
    """Means of the DEM over 1, 2, 4 … cells, rows counted northward, all levels in one flat array."""
    shrink = 1 << max(0, math.ceil(math.log2(_FINEST / terrain.resolution)))
    cell = terrain.resolution * shrink
    depth = max(0, math.floor(math.log2(max(_STEP * reach / cell, 1.0))))
    coarsest = cell * (1 << depth)
    west, south, east, north = terrain.bounds
    i0, j0, i1, j1 = (math.floor(west / coarsest), math.floor(south / coarsest), math.ceil(east / coarsest), math.ceil(north / coarsest))
    strips = []
    for j in range(j0, j1):  # strip by strip: a fine DEM of a whole county is never held at once
        bounds = (i0 * coarsest, j * coarsest, i1 * coarsest, (j + 1) * coarsest)
        window = terrain.window(bounds)
        assert window is not None
        strips.append(_halved(window.values[::-1], shrink))
    base = np.concatenate(strips)
    stack = [base]
    for _ in range(depth):
        stack.append(_halved(stack[-1], 2))
    offsets = np.cumsum([0] + [level.size for level in stack])[:-1].astype(np.int64)
    shapes = np.array([level.shape for level in stack], np.int64)
    origin = (i0 * (1 << depth), j0 * (1 << depth))
    return np.concatenate([level.ravel() for level in stack]), offsets, shapes, origin, cell


def _halved(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Mean over blocks of factor x factor cells, of what is known."""
    if factor == 1:
        return np.ascontiguousarray(values)
    ny, nx = values.shape
    blocks = values.reshape(ny // factor, factor, nx // factor, factor).astype(np.float64)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, blocks, 0.0).sum(axis=(1, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _summits(
    levels: NDArray[np.float32], offsets: NDArray[np.int64], shapes: NDArray[np.int64], cell: float
) -> tuple[NDArray[np.float32], float]:
    """Highest ground within each coarsest cell and its eight neighbours: what no interpolation there can exceed."""
    ny, nx = shapes[0]
    rows, columns = shapes[-1]
    base = levels[: ny * nx].reshape(rows, ny // rows, columns, nx // columns)
    top = np.where(np.isnan(base), -np.inf, base).max(axis=(1, 3)).astype(np.float32)
    padded = np.pad(top, 1, constant_values=-np.inf)
    spread = np.max([padded[a : a + rows, b : b + columns] for a in range(3) for b in range(3)], axis=0)
    return spread, cell * (ny // rows)


def _steps(start: float, reach: float, cell: float, depth: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances of the samples, and the level of the pyramid whose cell is about the step there."""
    distances, levels = [], []
    d = start
    while d <= reach:
        level = min(max(0, math.floor(math.log2(max(_STEP * d / cell, 1.0)))), depth - 1)
        distances.append(d)
        levels.append(level)
        d += cell * (1 << level)
    return np.array(distances), np.array(levels, np.int64)


_Frame = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], int, int, float]


@njit(cache=True, nogil=True, error_model="numpy")
def _skylines(
    nx: NDArray[np.float64],
    ny: NDArray[np.float64],
    ground: NDArray[np.float64],
    frame: _Frame,
    summits: NDArray[np.float32],
    summit_cell: float,
    highest: float,
    distances: NDArray[np.float64],
    level_of: NDArray[np.int64],
    tangent: NDArray[np.float32],
    nearness: NDArray[np.float32],
) -> None:
    for n in range(nx.shape[0]):
        for s in range(SECTORS):
            sum_t, sum_n = 0.0, 0.0
            for r in range(_RAYS):
                azimuth = math.radians(360.0 / SECTORS * (s + (r + 0.5) / _RAYS - 0.5))
                t, d = _skyline(nx[n], ny[n], ground[n], azimuth, frame, summits, summit_cell, highest, distances, level_of)
                sum_t += t
                sum_n += 1 / d
            tangent[n, s] = sum_t / _RAYS
            nearness[n, s] = sum_n / _RAYS


@njit(cache=True, nogil=True, error_model="numpy")
def _skyline(
    x: float,
    y: float,
    z: float,
    azimuth: float,
    frame: _Frame,
    summits: NDArray[np.float32],
    summit_cell: float,
    highest: float,
    distances: NDArray[np.float64],
    level_of: NDArray[np.int64],
) -> tuple[float, float]:
    """Highest tangent along one ray and its distance; land below the node counts too, a point may stand lower still."""
    levels, offsets, shapes, i0, j0, cell = frame
    sx, sy = math.sin(azimuth), math.cos(azimuth)
    best, at = -1.0, np.inf
    rows, columns = summits.shape
    west, south = i0 * cell, j0 * cell
    tried_i, tried_j = -1, -1  # the summit of a block is looked at once, on entering it
    k = 0
    while k < distances.shape[0]:
        d = distances[k]
        drop = DROP * d * d
        if highest - z - drop <= max(best, LOWEST_ANGLE) * d and best > -1.0:
            break
        px, py = x + sx * d - west, y + sy * d - south
        bi, bj = (math.floor(px / summit_cell)), (math.floor(py / summit_cell))
        if bi < 0 or bj < 0 or bi >= columns or bj >= rows:
            k += 1
            continue
        if bi == tried_i and bj == tried_j:
            leave = d
        else:
            tried_i, tried_j = bi, bj
            leave = d + min(_to_edge(px, sx, bi, summit_cell), _to_edge(py, sy, bj, summit_cell))
        if leave > d and summits[bj, bi] - z - drop <= min(best * d, best * leave):
            while k < distances.shape[0] and distances[k] < leave:
                k += 1
            continue
        level = level_of[k]
        size = cell * (1 << level)
        v = _bilinear(levels, offsets[level], shapes[level, 0], shapes[level, 1], px / size - 0.5, py / size - 0.5)
        if v - z - drop > best * d:  # false for NaN
            best, at = (v - z - drop) / d, d
        k += 1
    return best, at


@njit(cache=True, nogil=True, error_model="numpy")
def _to_edge(p: float, s: float, b: int, size: float) -> float:
    if s > 1e-12:
        return ((b + 1) * size - p) / s
    if s < -1e-12:
        return (b * size - p) / s
    return np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def _bilinear(levels: NDArray[np.float32], offset: int, ny: int, nx: int, gx: float, gy: float) -> float:
    i, j = (math.floor(gx)), (math.floor(gy))
    if i < 0 or j < 0 or i + 1 >= nx or j + 1 >= ny:
        return np.nan
    u, v = gx - i, gy - j
    k = offset + j * nx + i
    south = levels[k] * (1 - u) + levels[k + 1] * u
    north = levels[k + nx] * (1 - u) + levels[k + nx + 1] * u
    return float(south * (1 - v) + north * v)
