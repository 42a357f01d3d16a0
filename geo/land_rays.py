"""How high the land rises in each direction around a point: rays over the DEM, and skylines of the land beyond it."""

import math

import numpy as np
from numpy.typing import NDArray

from .errors import GeoError
from .far_horizons import DROP, LAND_RAYS, FarHorizons
from .grid import Grid
from .lean import lean
from .sectors import SECTORS, directions

FINEST = 10.0  # m; a finer DEM is averaged first: ground is smooth, and the near surface holds what is not
_LINES = 8  # lines through cell centres that a ray crosses, taken at once
_NEAR_LINES = 4  # to here the ground between the lines is looked at as well
_NEAREST = 0.1  # m; nearer ground is the roof's own
_BLOCK, _WIDTHS = 8, 5  # cells along the side of a block whose surroundings are asked first, and how many widths of them
_ROUNDING = 1e-3  # m; by less than this interpolation may end above its corners

# values with rows counted northward, the highest that lines may meet which lie around a cell, columns, first column, first row, side of
# a cell, highest around blocks, eastings, northings and lengths of rays from line to line
Land = tuple[NDArray[np.float32], NDArray[np.float32], int, int, int, float, NDArray[np.float32], NDArray[np.float64]]
# how many lines away the first is, place across, from line to line its change and the way, numbers of the first line and column, direction,
# sides of the window and steps in its values
Axes = tuple[float, float, float, float, int, int, int, int, int, int, int]
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
    ways = directions(LAND_RAYS)
    main = np.abs(ways).max(axis=0)
    lines = np.vstack([ways / main, 1.0 / main])  # along a diagonal lines are farther apart
    if grid is None:
        none = np.empty(0, np.float32)
        return none, none, 0, 0, 0, 1.0, np.empty((0, 0, 0), np.float32), lines
    values = np.ascontiguousarray(grid.values[::-1])
    ny, nx = values.shape
    crest = np.where(np.isnan(values), np.float32(-np.inf), values)
    summits, reach = _summits(crest), _LINES // 2 + 1  # and the next, which a patch ends at
    crest = _highest_around(_highest_around(crest, reach).T, reach).T
    return values.ravel(), crest.ravel(), nx, grid.first_column, grid.top_row - ny, grid.resolution, summits, lines


def _summits(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Highest ground within at least 16, 32, 64, 128 and 256 cells of those in a block, and of all."""
    rows, columns = (-(-n // _BLOCK) for n in values.shape)
    padded = np.full((rows * _BLOCK, columns * _BLOCK), np.float32(-np.inf))
    padded[: values.shape[0], : values.shape[1]] = values
    top = padded.reshape(rows, _BLOCK, columns, _BLOCK).max(axis=(1, 3))
    found = [_highest_around(_highest_around(top, 2).T, 2).T]
    for wide in range(1, _WIDTHS):
        found.append(_highest_around(_highest_around(found[-1], 1 << wide).T, 1 << wide).T)
    return np.stack([*found, np.full_like(top, top.max())])


def _highest_around(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Highest of the rows that are at most so far up and down."""
    found = values.copy()
    for away in range(1, min(reach + 1, len(values))):
        np.maximum(found[:-away], values[away:], out=found[:-away])
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


@lean
def land_skyline(
    x: float,
    y: float,
    z: float,
    dem: Land,
    far_nodes: Nodes,
    begin: float,
    reach: float,
    plain: bool,
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
    begin
        Nearer land does not count, since a measured surface holds it. [m]
    reach
        Where the ring ends. [m]
    plain
        Visit every cell.
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
    skyline[:] = 0.0
    for corner in range(4 if known else 0):
        a, b = corner & 1, corner >> 1
        node = index[j - j0 + b, i - i0 + a]
        weight, above = (u if a else 1 - u) * (v if b else 1 - v), z - ground[node]
        for k in range(np.uint64(SECTORS * LAND_RAYS)):
            skyline[k] += weight * (tangents[node, k] - above * nearness[node, k // np.uint64(LAND_RAYS)])
    for k in range(np.uint64(SECTORS * LAND_RAYS)):
        skyline[k] = max(skyline[k], 0.0)
    size, summits = dem[5], dem[6]
    if summits.size == 0:
        return
    row, column = math.floor(y / size) - dem[4], math.floor(x / size) - dem[3]
    block = (row // _BLOCK, column // _BLOCK)
    wide, under, nearest = 0, 0.0, max(begin, _NEAREST)
    for first in range(0, math.floor(reach / size) + 1, _LINES):
        if (first + _LINES) * size * math.sqrt(2.0) <= begin:
            continue
        while wide < _WIDTHS and _BLOCK * (2 << wide) <= first + _LINES:
            wide += 1
        if summits[wide, block[0], block[1]] <= z + DROP * (max(first - 1, 0) * size) ** 2:
            continue
        if first == 0:
            under = max(_ground(x, y, dem) - z, 0.0)
        noted = SECTORS * LAND_RAYS if plain else _note(x, y, z, first, begin, dem, skyline, notes)
        for k in range(SECTORS * LAND_RAYS if noted else 0):
            if plain or notes[k]:
                skyline[k] = _at_lines(x, y, z, under, k, first, nearest, reach, skyline[k], dem)
                if first == 0:  # near by the ground between two lines counts too
                    skyline[k] = _between_lines(x, y, z, under, k, nearest, reach, skyline[k], dem)


@lean
def _note(x: float, y: float, z: float, first: int, begin: float, dem: Land, skyline: NDArray[np.float64], notes: NDArray[np.int64]) -> int:
    """Note which and how many rays the land around the next lines may raise; without a branch, so that several rays are asked at once."""
    crest, nx, i0, j0, size, lines = dem[1], dem[2], dem[3], dem[4], dem[5], dem[7]
    ny = crest.shape[0] // max(nx, 1)
    nearest, middle = max(first - 1, 0) * size, first + 0.5 * (_LINES - 1)
    least, drop = z - _ROUNDING, DROP * nearest * nearest
    start_i, start_j = x / size - 0.5 - i0, y / size - 0.5 - j0
    noted = 0
    for k in range(np.uint64(SECTORS * LAND_RAYS)):
        gi, gj = start_i + lines[0, k] * middle, start_j + lines[1, k] * middle
        # beyond the window, which ends no nearer than the last line, the outermost cells
        i, j = min(max(int(gi), 0), nx - 1), min(max(int(gj), 0), ny - 1)
        notes[k] = 1 if crest[np.uint64(j * nx + i)] > least + drop + skyline[k] * max(lines[2, k] * nearest, begin) else 0
        noted += notes[k]
    return noted


@lean
def _ground(x: float, y: float, dem: Land) -> float:
    """Bilinear ground at the point itself; below all where it is unknown."""
    values, nx, i0, j0, size = dem[0], dem[2], dem[3], dem[4], dem[5]
    gx, gy = x / size - 0.5, y / size - 0.5
    fi, fj = math.floor(gx), math.floor(gy)
    u, v, at = gx - fi, gy - fj, (fj - j0) * nx + fi - i0
    south = values[at] * (1 - u) + values[at + 1] * u
    north = values[at + nx] * (1 - u) + values[at + nx + 1] * u
    ground = south * (1 - v) + north * v
    return float(ground) if ground > -np.inf else -np.inf


@lean
def _axes(x: float, y: float, ray: int, dem: Land) -> Axes:
    """Turn a ray to its main axis: where it starts, what it crosses; global, so that rounding is the same in every window."""
    nx, i0, j0, size, lines = dem[2], dem[3], dem[4], dem[5], dem[7]
    sx, sy = lines[0, ray], lines[1, ray]
    ny = dem[0].shape[0] // max(nx, 1)
    gx, gy = x / size - 0.5, y / size - 0.5
    upright = abs(sx) < abs(sy)
    p, q, way, side = (gy, gx, sy, sx) if upright else (gx, gy, sx, sy)
    p0, q0, n, m = (j0, i0, ny, nx) if upright else (i0, j0, nx, ny)
    along, across = (nx, 1) if upright else (1, nx)
    forward = way > 0.0
    turn = 1 if forward else -1
    line = math.floor(p) + 1 if forward else math.ceil(p) - 1
    return (line - p) * turn, q, side, lines[2, ray], line - p0, q0, turn, n, m, along, across


@lean
def _at_lines(
    x: float, y: float, z: float, under: float, ray: int, first: int, nearest: float, reach: float, tangent: float, dem: Land
) -> float:
    """Raise one ray's tangent over the next lines between cell centres that it crosses; without a branch, so that all are taken at once."""
    values, size = dem[0], dem[5]
    to_first, q, slope, stretch, line, q0, turn, n, m, along, across = _axes(x, y, ray, dem)
    bits = np.float64(tangent).view(np.int64)  # positive numbers are in order as integers too
    for c in range(_LINES):
        k = first + c
        e = to_first + k
        g = q + slope * e
        b = np.floor(g)
        i, j, v, t = line + turn * k, np.int64(b) - q0, g - b, e * stretch * size
        known = (i >= 0) & (i < n) & (j >= 0) & (j < m - 1) & (t <= reach) & (t > nearest)
        at = np.uint64(i * along + j * across if known else 0)
        ground = values[at] * (1 - v) + values[at + np.uint64(across)] * v
        seen = (ground - z - DROP * t * t - under * max(1.0 - e * stretch, 0.0)) / t
        found = np.float64(seen if known & (seen > 0.0) else 0.0).view(np.int64)  # nor where land is unknown
        bits = found if found > bits else bits
    return float(np.int64(bits).view(np.float64))


@lean
def _between_lines(x: float, y: float, z: float, under: float, ray: int, nearest: float, reach: float, tangent: float, dem: Land) -> float:
    """
    Raise it where each of the patches before the first lines looks highest.

    Along a ray a patch is a + b t + c t² high, so its tangent has a summit at sqrt((z - a) / -c), or is highest at one of its ends.
    Between two lines the ray crosses at most one of the other kind, and so two patches.
    """
    values, size = dem[0], dem[5]
    to_first, q, slope, stretch, line, q0, turn, n, m, along, across = _axes(x, y, ray, dem)
    back = 1 if turn > 0 else 0
    length = stretch * size
    bits = np.float64(tangent).view(np.int64)
    for patch in range(2 * _NEAR_LINES):
        k = patch >> 1
        e = to_first + k
        start = max(e - 1.0, 0.0)
        before, after = np.floor(q + slope * start), np.floor(q + slope * e)
        crossing = (max(before, after) - q) / slope if before != after else e
        second = patch & 1 == 1
        low, high, b = (crossing, e, after) if second else (start, crossing, before)
        low = max(low, nearest / length)  # where that is above the other end, the patch is too near
        i, j = line + turn * k - back, np.int64(b) - q0
        known = (i >= 0) & (i < n - 1) & (j >= 0) & (j < m - 1)
        at = np.uint64(i * along + j * across if known else 0)
        other = at + np.uint64(across)
        corner, ahead, beside = values[at], values[at + np.uint64(along)] - values[at], values[other] - values[at]
        twist = values[other + np.uint64(along)] - values[other] - ahead
        u0, v0 = 1.0 - e if turn > 0 else e, q - b  # the point itself in the patch continued
        below = z - (corner + ahead * u0 + beside * v0 + twist * u0 * v0)
        bend = DROP * length * length - twist * turn * slope
        summit = min(max(math.sqrt(below / bend), low), high) if (below > 0.0) & (bend > 0.0) else high
        u, v, t = u0 + turn * summit, v0 + slope * summit, summit * length
        ground = corner + ahead * u + beside * v + twist * u * v
        seen = (ground - z - DROP * t * t - under * max(1.0 - summit * stretch, 0.0)) / t
        found = np.float64(seen if known & (t <= reach) & (t > nearest) & (seen > 0.0) else 0.0).view(np.int64)
        bits = found if found > bits else bits
    return float(np.int64(bits).view(np.float64))
