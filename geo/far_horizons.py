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
# metres of drop per square metre of distance: curvature of a sphere of 6371 km less refraction of 0.13 of it
DROP = (1 - 0.13) / (2 * 6_371_000.0)

SPACING = 250.0  # m; at 500 m a near ridge between two nodes was missed by up to 2 degrees, at 250 m by 0.7
LAND_RAYS = 2  # rays per sector over land, near and far; rays between them are interpolated
_STEP = 0.02  # step as a share of the distance: a quarter of a sector's width
_FINEST = 20.0  # m; a finer DEM shows nothing more from two kilometres
_BLOCK, _WIDE = 8, 32  # cells of a level along the sides of blocks whose highest ground is asked before a ray enters them
_STRIP_CELLS = 4e6  # of a DEM read at once

# levels in one flat array, where each begins, its rows and columns; global column and row of the first cell, side of a cell [m]
_Frame = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], int, int, float]
# tops of all blocks in one flat array; where those of each level begin and columns of blocks, shape (levels, 2): small, wide
_Summits = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]
# distance and level of each sample; first sample of each level
_Steps = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]


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
        Tangent of the horizon seen from the ground along each ray, shape (nodes, 144).
    nearness
        One over the distance of the horizon, mean of each sector, shape (nodes, 72): shifts the tangent for a point above or below
        its node. [1/m]
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
        Distance with curvature and refraction: 87 km for 900 m of relief, 333 km for 9,000 m. [m]
    """
    return (math.sqrt(LOWEST_ANGLE**2 + 4 * DROP * max(relief, 0.0)) - LOWEST_ANGLE) / (2 * DROP)


def far_horizons(
    terrain: Terrain, x: ArrayLike, y: ArrayLike, *, spacing: float = SPACING, start: float = TERRAIN_REACH
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
    steps = _steps(start, reach, cell, len(shapes))
    nx, ny = columns * spacing, rows * spacing
    ground = terrain.elevation(nx, ny)
    ground = np.where(np.isfinite(ground), ground, terrain.lowest)
    tangent, nearness = np.empty((len(nx), SECTORS * LAND_RAYS), np.float32), np.empty((len(nx), SECTORS), np.float32)
    frame = (levels, offsets, shapes, origin[0], origin[1], cell)
    limits = (_summits(levels, offsets, shapes), terrain.highest, steps)
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
    strip = coarsest * max(1, int(_STRIP_CELLS // ((i1 - i0) * (coarsest / terrain.resolution) ** 2)))
    for bottom in np.arange(j0 * coarsest, j1 * coarsest, strip):  # a fine DEM of a whole county is never held at once
        window = terrain.window((i0 * coarsest, bottom, i1 * coarsest, min(bottom + strip, j1 * coarsest)))
        assert window is not None
        strips.append(_means(window.values[::-1], shrink))
    base = np.concatenate(strips)
    stack = [base]
    for _ in range(depth):
        stack.append(_means(stack[-1], 2))
    offsets = np.cumsum([0] + [level.size for level in stack])[:-1].astype(np.int64)
    shapes = np.array([level.shape for level in stack], np.int64)
    origin = (i0 * (1 << depth), j0 * (1 << depth))
    return np.concatenate([level.ravel() for level in stack]), offsets, shapes, origin, cell


@njit(cache=True, nogil=True, error_model="numpy")
def _means(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Mean over blocks of factor x factor cells, of what is known."""
    ny, nx = values.shape[0] // factor, values.shape[1] // factor
    found = np.empty((ny, nx), np.float32)
    for j in range(ny):
        for i in range(nx):
            total, count = 0.0, 0
            for b in range(j * factor, (j + 1) * factor):
                for a in range(i * factor, (i + 1) * factor):
                    if np.isfinite(values[b, a]):
                        total += values[b, a]
                        count += 1
            found[j, i] = total / count if count else np.nan
    return found


def _summits(levels: NDArray[np.float32], offsets: NDArray[np.int64], shapes: NDArray[np.int64]) -> _Summits:
    """Highest ground that interpolation can reach within blocks of 8 x 8 and of 32 x 32 cells of each level, row of blocks by row."""
    ny, nx = shapes[0]
    top = _highest(levels[: ny * nx].reshape(ny, nx), 1, 0)
    tops = []
    for level in range(len(shapes)):
        small = _highest(top, _BLOCK, 1)
        tops += [small, _highest(small, _WIDE // _BLOCK, 0)]
        if level + 1 < len(shapes):
            top = _highest(top, 2, 0)
    starts = np.cumsum([0] + [part.size for part in tops])[:-1].astype(np.int64)
    widths = np.array([part.shape[1] for part in tops], np.int64)
    return np.concatenate([part.ravel() for part in tops]), starts.reshape(-1, 2), widths.reshape(-1, 2)


@njit(cache=True, nogil=True, error_model="numpy")
def _highest(values: NDArray[np.float32], factor: int, margin: int) -> NDArray[np.float32]:
    """Highest of each block of factor x factor cells and of so many cells around it; what is not known is lowest."""
    rows, columns = values.shape
    ny, nx = -(-rows // factor), -(-columns // factor)
    found = np.empty((ny, nx), np.float32)
    for j in range(ny):
        for i in range(nx):
            top = np.float32(-np.inf)
            for b in range(max(j * factor - margin, 0), min((j + 1) * factor + margin, rows)):
                for a in range(max(i * factor - margin, 0), min((i + 1) * factor + margin, columns)):
                    if values[b, a] > top:  # false for NaN
                        top = values[b, a]
            found[j, i] = top
    return found


def _steps(start: float, reach: float, cell: float, depth: int) -> _Steps:
    """Distances of the samples, and the level of the pyramid whose cell is about the step there."""
    distances, levels = [], []
    d = start
    while d <= reach:
        level = min(max(0, math.floor(math.log2(max(_STEP * d / cell, 1.0)))), depth - 1)
        distances.append(d)
        levels.append(level)
        d += cell * (1 << level)
    return np.array(distances), np.array(levels, np.int64), np.searchsorted(levels, np.arange(depth + 1)).astype(np.int64)


@njit(cache=True, nogil=True, error_model="numpy")
def _skylines(
    nx: NDArray[np.float64],
    ny: NDArray[np.float64],
    ground: NDArray[np.float64],
    frame: _Frame,
    summits: _Summits,
    highest: float,
    steps: _Steps,
    tangent: NDArray[np.float32],
    nearness: NDArray[np.float32],
) -> None:
    for n in range(nx.shape[0]):
        found = -1
        for s in range(SECTORS):
            near = 0.0
            for r in range(LAND_RAYS):
                azimuth = math.radians(360.0 / SECTORS * (s + (r + 0.5) / LAND_RAYS - 0.5))
                way = (nx[n], ny[n], math.sin(azimuth), math.cos(azimuth))
                t, d, found = _skyline(way, ground[n], frame, summits, highest, steps, found)
                tangent[n, s * LAND_RAYS + r] = t
                near += 1 / d
            nearness[n, s] = near / LAND_RAYS


@njit(cache=True, nogil=True, error_model="numpy")
def _skyline(
    way: tuple[float, float, float, float],
    z: float,
    frame: _Frame,
    summits: _Summits,
    highest: float,
    steps: _Steps,
    guess: int,
) -> tuple[float, float, int]:
    """Highest tangent along one ray, its distance and its sample; land below the node counts too, a point may stand lower still."""
    levels, offsets, shapes, i0, j0, cell = frame
    tops, starts, widths = summits
    distances, level_of, first_of = steps
    x, y, sx, sy = way
    west, south = i0 * cell, j0 * cell
    best, at, found = -1.0, np.inf, -1
    if guess >= 0:  # the ray beside found its skyline there: what is lower is passed by from the beginning
        d = distances[guess]
        if highest - z - DROP * d * d > LOWEST_ANGLE * d:
            level = level_of[guess]
            size = cell * (1 << level)
            gx, gy = (x + sx * d - west) / size, (y + sy * d - south) / size
            v = _bilinear(levels, offsets[level], shapes[level, 0], shapes[level, 1], gx - 0.5, gy - 0.5) - z - DROP * d * d
            if v > best * d:  # false for NaN
                best, at, found = v / d, d, guess
    level, small_end, wide_end = -1, 0.0, 0.0
    k = 0
    while k < distances.shape[0]:
        d = distances[k]
        drop = DROP * d * d
        if highest - z - drop <= max(best, LOWEST_ANGLE) * d and best > -1.0:
            break
        if level_of[k] != level:
            level, small_end, wide_end = level_of[k], 0.0, 0.0
        size = cell * (1 << level)
        gx, gy = (x + sx * d - west) / size, (y + sy * d - south) / size
        rows, columns = shapes[level]
        if gx < 0 or gy < 0 or gx >= columns or gy >= rows:
            if (gx < 0 and sx <= 0) or (gy < 0 and sy <= 0) or (gx >= columns and sx >= 0) or (gy >= rows and sy >= 0):
                break  # it never comes back
            k += 1
            continue
        if d >= wide_end:
            i, j = int(gx / _WIDE), int(gy / _WIDE)
            wide_end = d + size * min(_to_edge(gx, sx, i, _WIDE), _to_edge(gy, sy, j, _WIDE))
            if tops[starts[level, 1] + j * widths[level, 1] + i] - z - drop <= min(best * d, best * wide_end):
                k = _first_after(wide_end, k, distances, first_of[level], first_of[level + 1], size)
                continue
        if d >= small_end:
            i, j = int(gx / _BLOCK), int(gy / _BLOCK)
            small_end = d + size * min(_to_edge(gx, sx, i, _BLOCK), _to_edge(gy, sy, j, _BLOCK))
            if tops[starts[level, 0] + j * widths[level, 0] + i] - z - drop <= min(best * d, best * small_end):
                k = _first_after(small_end, k, distances, first_of[level], first_of[level + 1], size)
                continue
        v = _bilinear(levels, offsets[level], rows, columns, gx - 0.5, gy - 0.5) - z - drop
        if v > best * d or (v == best * d and k < found):
            best, at, found = v / d, d, k
        k += 1
    return best, at, found


@njit(cache=True, nogil=True, error_model="numpy")
def _first_after(end: float, k: int, distances: NDArray[np.float64], first: int, last: int, step: float) -> int:
    """First sample that is not nearer than the end of a block, among those of one level, which are a step apart."""
    k = max(k + 1, min(first + int((end - distances[first]) / step), last))
    while k < last and distances[k] < end:
        k += 1
    return k


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
