"""How high the land rises in each direction around a point: rays over the DEM, and skylines of the land beyond it."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .errors import GeoError
from .far_horizons import DROP, FarHorizons
from .grid import Grid
from .sectors import SECTORS

LAND_RAYS = 2  # rays per sector over the DEM; rays between them are interpolated
FINEST = 10.0  # m; a finer DEM is averaged first: ground is smooth, and the near surface holds what is not
_STEPS = 8  # steps of a ray, of one cell each, that are taken at once
_ROUNDING = 1e-3  # m; by less than this interpolation may end above its corners

# values with rows counted northward, the highest that steps may meet which lie around a cell, columns, first column, first row, side of
# a cell, highest
Land = tuple[NDArray[np.float32], NDArray[np.float32], int, int, int, float, float]
Nodes = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float64], int, int, float]


def coarsened(grid: Grid) -> Grid:
    """
    Average a fine DEM over whole cells of the global grid to 10 m or more.

    Parameters
    ----------
    grid
        Window of the DEM.

    Returns
    -------
    Grid
        The same land in cells of 10 m or more.

    Raises
    ------
    GeoError
        If the window holds no whole cell.
    """
    factor = math.ceil(FINEST / grid.resolution - 1e-9)
    if factor <= 1:
        return grid
    ny, nx = grid.values.shape
    # cells cut by the window's edge are left out: their mean would depend on the cut
    i0, j1 = -(-grid.first_column // factor), grid.top_row // factor
    i1, j0 = (grid.first_column + nx) // factor, -(-(grid.top_row - ny) // factor)
    if i1 <= i0 or j1 <= j0:
        raise GeoError(f"The DEM window of {nx} x {ny} cells of {grid.resolution} m is too small: pad it with terrain_halo.")
    row, column = grid.top_row - j1 * factor, i0 * factor - grid.first_column
    part = grid.values[row : row + (j1 - j0) * factor, column : column + (i1 - i0) * factor]
    blocks = part.reshape(j1 - j0, factor, i1 - i0, factor).astype(np.float64)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    mean = np.where(known, blocks, 0.0).sum(axis=(1, 3)) / np.maximum(count, 1)
    size = grid.resolution * factor
    return Grid(np.where(count > 0, mean, np.nan).astype(np.float32), i0 * size, j1 * size, size)


def land(grid: Grid | None) -> Land:
    """
    Lay out a DEM for the kernels: rows counted northward, and the highest corner of all bilinear patches around each cell.

    Parameters
    ----------
    grid
        Window of the DEM; None on flat ground.

    Returns
    -------
    tuple
        Arrays and numbers of the window.
    """
    if grid is None:
        none = np.empty(0, np.float32)
        return none, none, 0, 0, 0, 1.0, -np.inf
    values = np.ascontiguousarray(grid.values[::-1])
    ny, nx = values.shape
    crest = np.where(np.isnan(values), np.float32(-np.inf), values)
    highest = float(crest.max())
    crest = _highest_around(_highest_around(crest).T).T
    return values.ravel(), crest.ravel(), nx, grid.first_column, grid.top_row - ny, grid.resolution, highest


def _highest_around(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Highest of the cells that half the steps taken at once lead to, up and down, and of the next, which its patch ends at."""
    reach = _STEPS // 2
    found = values.copy()
    for away in range(1, reach + 2):
        np.maximum(found[:-away], values[away:], out=found[:-away])
    for away in range(1, reach + 1):
        np.maximum(found[away:], values[:-away], out=found[away:])
    return np.ascontiguousarray(found)


def nodes(far: FarHorizons | None) -> Nodes:
    """
    Lay out far skylines for the kernels.

    Parameters
    ----------
    far
        Skylines on a coarse grid of nodes; None where no land is high enough.

    Returns
    -------
    tuple
        Arrays and numbers of the grid.
    """
    if far is None:
        none = np.empty((0, SECTORS), np.float32)
        return np.empty((0, 0), np.int32), none, none, np.empty(0), 0, 0, 1.0
    return far.index, far.tangent, far.nearness, far.elevation, far.first_column, far.first_row, far.spacing


@njit(cache=True, nogil=True, error_model="numpy")
def land_skyline(
    x: float,
    y: float,
    z: float,
    dem: Land,
    far_nodes: Nodes,
    reach: float,
    plain: bool,
    ways: NDArray[np.float64],
    notes: NDArray[np.int64],
    skyline: NDArray[np.float64],
) -> None:
    """
    Tangents of the land in the directions of the terrain rays; 0 where it lies below the point.

    Parameters
    ----------
    x
        Easting of the point. [m]
    y
        Northing of the point. [m]
    z
        Elevation of the point. [m]
    dem
        Land, see `land`.
    far_nodes
        Far skylines, see `nodes`.
    reach
        Where the ring ends. [m]
    plain
        Visit every cell.
    ways
        Directions of the terrain rays, see `directions`.
    notes
        Room for notes, shape (144,).
    skyline
        Tangents in the terrain's directions, shape (144,); written in place.
    """
    index, tangents, nearness, ground, i0, j0, spacing = far_nodes
    known = index.shape[0] > 0
    gx, gy = x / spacing, y / spacing
    i, j = (math.floor(gx)), (math.floor(gy))
    u, v = gx - i, gy - j
    for s in range(SECTORS):
        far = 0.0
        if known:
            for corner in range(4):
                a, b = corner & 1, corner >> 1
                node = index[j - j0 + b, i - i0 + a]
                weight = (u if a else 1 - u) * (v if b else 1 - v)
                far += weight * (tangents[node, s] - (z - ground[node]) * nearness[node, s])
        far = max(far, 0.0)
        for k in range(s * LAND_RAYS, s * LAND_RAYS + LAND_RAYS):
            skyline[k] = far
    size, highest = dem[5], dem[6]
    steps = math.floor(reach / size)
    for first in range(1, steps + 1, _STEPS):
        if highest <= z + DROP * (first * size) ** 2:
            return
        if not plain:
            _note(x, y, z, first, dem, ways, skyline, notes)
        for k in range(SECTORS * LAND_RAYS):
            if plain or notes[k]:
                skyline[k] = _steps(x, y, z, ways[0, k], ways[1, k], float(first), steps, skyline[k], dem)
                if first == 1:  # near by a step is a large part of the way: look between them too
                    skyline[k] = _steps(x, y, z, ways[0, k], ways[1, k], 1.5, steps, skyline[k], dem)


@njit(cache=True, nogil=True, error_model="numpy")
def _note(
    x: float,
    y: float,
    z: float,
    first: int,
    dem: Land,
    ways: NDArray[np.float64],
    skyline: NDArray[np.float64],
    notes: NDArray[np.int64],
) -> None:
    """Note which rays the land around the next steps may raise; without a branch, so that several rays are asked at once."""
    crest, nx, i0, j0, size = dem[1], dem[2], dem[3], dem[4], dem[5]
    ny = crest.shape[0] // max(nx, 1)
    t = first * size
    least, middle = z + DROP * t * t - _ROUNDING, first + 0.5 * (_STEPS - 1)
    start_i, start_j = x / size - 0.5 - i0, y / size - 0.5 - j0
    for k in range(np.uint64(SECTORS * LAND_RAYS)):
        gi, gj = start_i + ways[0, k] * middle, start_j + ways[1, k] * middle
        # beyond the window, which ends no nearer than the last step, the outermost cells
        i, j = min(max(int(gi), 0), nx - 1), min(max(int(gj), 0), ny - 1)
        notes[k] = 1 if crest[np.uint64(j * nx + i)] > least + skyline[k] * t else 0


@njit(cache=True, nogil=True, error_model="numpy")
def _steps(x: float, y: float, z: float, sx: float, sy: float, first: float, last: int, tangent: float, dem: Land) -> float:
    """Raise one ray's tangent over the next steps on the bilinear DEM; without a branch, so that all are taken at once."""
    values, nx, i0, j0, size = dem[0], dem[2], dem[3], dem[4], dem[5]
    ny = values.shape[0] // max(nx, 1)
    start_i, start_j = x / size - 0.5, y / size - 0.5  # global, so that rounding is the same in every window
    bits = np.float64(tangent).view(np.int64)  # positive numbers are in order as integers too
    for c in range(_STEPS):
        k = first + c
        t = k * size
        gx, gy = start_i + sx * k, start_j + sy * k
        fi, fj = np.floor(gx), np.floor(gy)
        u, v = gx - fi, gy - fj
        i, j = np.int64(fi) - i0, np.int64(fj) - j0
        known = (i >= 0) & (j >= 0) & (i < nx - 1) & (j < ny - 1) & (k <= last)
        at = np.uint64(j * nx + i if known else 0)
        above = at + np.uint64(nx)
        south = values[at] * (1 - u) + values[at + np.uint64(1)] * u
        north = values[above] * (1 - u) + values[above + np.uint64(1)] * u
        seen = (south * (1 - v) + north * v - z - DROP * t * t) / t
        found = np.float64(seen if known & (seen > 0.0) else 0.0).view(np.int64)  # nor where land is unknown
        bits = found if found > bits else bits
    return float(np.int64(bits).view(np.float64))
