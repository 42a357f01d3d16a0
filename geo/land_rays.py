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
_BITS_0, _BITS_1, _BITS_2 = 3, 5, 7  # blocks of 8 x 8 cells of the DEM in blocks of 32 x 32 in blocks of 128 x 128

# values with rows counted northward, tops of blocks from small to wide, first column, first row, side of a cell, highest
Land = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], int, int, float, float]
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
    Lay out a DEM for the kernels: rows counted northward, and the highest corner of each block of bilinear patches.

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
        none = np.empty((0, 0), np.float32)
        return none, none, none, none, 0, 0, 1.0, -np.inf
    values = np.ascontiguousarray(grid.values[::-1])
    ny, nx = values.shape
    patches = np.full((ny, nx), -np.inf, np.float32)
    filled = np.where(np.isnan(values), np.float32(-np.inf), values)
    patches[:-1, :-1] = np.maximum(np.maximum(filled[:-1, :-1], filled[1:, :-1]), np.maximum(filled[:-1, 1:], filled[1:, 1:]))
    tops = _tops(patches, 1 << _BITS_0)
    wide = _tops(tops, 1 << (_BITS_1 - _BITS_0))
    widest = _tops(wide, 1 << (_BITS_2 - _BITS_1))
    return values, tops, wide, widest, grid.first_column, grid.top_row - ny, grid.resolution, float(filled.max())


def _tops(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    ny, nx = values.shape
    padded = np.full((-(-ny // size) * size, -(-nx // size) * size), -np.inf, np.float32)
    padded[:ny, :nx] = values
    return np.ascontiguousarray(padded.reshape(padded.shape[0] // size, size, padded.shape[1] // size, size).max(axis=(1, 3)))


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
    skyline
        Tangents in the terrain's directions, shape (144,); written in place.
    """
    index, tangents, nearness, ground, i0, j0, spacing = far_nodes
    values, tops, wide, widest, ci, cj, size, highest = dem
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
            if values.shape[0] > 0 and highest > z:
                skyline[k] = _land_ray(
                    x, y, z, ways[0, k], ways[1, k], reach, far, plain, values, tops, wide, widest, ci, cj, size, highest
                )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _land_ray(
    x: float,
    y: float,
    z: float,
    sx: float,
    sy: float,
    reach: float,
    tangent: float,
    plain: bool,
    values: NDArray[np.float32],
    tops: NDArray[np.float32],
    wide: NDArray[np.float32],
    widest: NDArray[np.float32],
    i0: int,
    j0: int,
    size: float,
    highest: float,
) -> float:
    """Highest tangent over the bilinear DEM in steps of one cell; blocks that cannot rise above it are jumped."""
    ny, nx = values.shape
    last = math.floor(reach / size)
    start_i, start_j = x / size - 0.5, y / size - 0.5  # global, so that rounding is the same in every window
    per_i, per_j = 1.0 / max(abs(sx), 1e-9), 1.0 / max(abs(sy), 1e-9)
    k = 1
    while k <= last:
        t = k * size
        sight = z + DROP * t * t + tangent * t  # how high land must reach here to be seen
        if highest <= sight:
            return tangent
        gx, gy = start_i + sx * k, start_j + sy * k
        fi, fj = math.floor(gx), math.floor(gy)
        i, j = fi - i0, fj - j0
        if i < 0 or j < 0 or i + 1 >= nx or j + 1 >= ny:
            return tangent
        if not plain:
            bits = 0
            # a millimetre of slack: interpolation may round above its corners
            if tops[j >> _BITS_0, i >> _BITS_0] + 1e-3 <= sight:
                bits = _BITS_0
                if wide[j >> _BITS_1, i >> _BITS_1] + 1e-3 <= sight:
                    bits = _BITS_1
                    if widest[j >> _BITS_2, i >> _BITS_2] + 1e-3 <= sight:
                        bits = _BITS_2
            if bits:
                leave = min(_steps_out(gx - i0, sx, per_i, i >> bits, bits), _steps_out(gy - j0, sy, per_j, j >> bits, bits))
                k = max(k + 1, math.ceil(k + leave - 1e-6))
                continue
        u, v = gx - fi, gy - fj
        south = values[j, i] * (1 - u) + values[j, i + 1] * u
        north = values[j + 1, i] * (1 - u) + values[j + 1, i + 1] * u
        seen = south * (1 - v) + north * v
        if seen > sight:  # false for NaN
            tangent = max(tangent, (seen - z - DROP * t * t) / t)
        k += 1
    return tangent


@njit(cache=True, nogil=True, error_model="numpy")
def _steps_out(g: float, s: float, per: float, b: int, bits: int) -> float:
    """Count the steps of one cell until a ray at cell coordinate g leaves block b."""
    return ((((b + 1) << bits) - g) if s > 0.0 else (g - (b << bits))) * per
