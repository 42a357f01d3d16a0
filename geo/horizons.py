"""Horizons of roof points in 72 sectors: land far away, land nearby, tall buildings to 5 km, everything within 300 m.

Distances are computed from global cell numbers and a ray jumps only over blocks that cannot rise above what it has seen, so the
answer is the same, to the last bit, as that of a march over every cell, and in every window that reaches far enough.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .errors import GeoError
from .far_horizons import DROP, SECTORS, TERRAIN_REACH, FarHorizons
from .grid import Bounds, Grid
from .surface_raster import BLOCK, BLOCK_BITS, MIDDLE_REACH, NEAR_REACH, SUPER_BITS, Surface

_TERRAIN_RAYS = 2  # rays per sector over the DEM; rays between them are interpolated
_TERRAIN_FINEST = 10.0  # m; a finer DEM is averaged first: ground is smooth, and the near surface holds what is not
_TERRAIN_BITS = 3  # blocks of 8 x 8 cells of the DEM
_RESOLVED_AT = 150.0  # m; to here neighbouring rays are no farther apart than two cells of the near surface

_Blocks = tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32], int, int, float, float]
_Land = tuple[NDArray[np.float32], NDArray[np.float32], int, int, float, float]
_Nodes = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float64], int, int, float]


def horizons(
    points: NDArray[np.float64],
    *,
    near: Surface | None = None,
    middle: Surface | None = None,
    terrain: Grid | None = None,
    far: FarHorizons | None = None,
    near_reach: float = NEAR_REACH,
    middle_reach: float = MIDDLE_REACH,
    terrain_reach: float = TERRAIN_REACH,
    sub_rays: int | None = None,
    plain: bool = False,
) -> NDArray[np.float32]:
    """Horizon elevation around each point, 72 sectors of 5 degrees, each the mean over its rays.

    Parameters
    ----------
    points
        Easting, northing and elevation above the datum, shape (p, 3). [m]
    near
        Everything that stands within `near_reach`; None where nothing does.
    middle
        Tall buildings from there to `middle_reach`; None where there are none.
    terrain
        DEM to `terrain_reach` around the points; None on flat ground.
    far
        Skylines of the land beyond; None where no land is high enough.
    near_reach
        End of the near ring. [m]
    middle_reach
        End of the middle ring: the same for all tiles of a study. [m]
    terrain_reach
        Where the DEM hands over to `far`. [m]
    sub_rays
        Rays per sector; by default so many that they are no farther apart than two cells at 150 m.
    plain
        March over every cell instead of jumping over blocks: the same answer, slower, for audits.

    Returns
    -------
    NDArray[np.float32]
        Elevations, shape (p, 72), sector i centred on azimuth 5 i clockwise from north; 0 where nothing rises above the
        point's level. [degrees]

    Raises
    ------
    GeoError
        If points are not finite, or a raster does not reach far enough around them.

    Notes
    -----
    A cell is a prism: it is met where the ray enters it, but no nearer than half a cell, and the point's own cell shades
    nothing. Curvature of the earth counts for land, not for buildings (2 m at 5 km).
    """
    xyz = np.ascontiguousarray(points, np.float64)
    if xyz.ndim != 2 or xyz.shape[1] != 3 or not np.isfinite(xyz).all():
        raise GeoError(f"Points need finite x, y and z, shape (p, 3); got shape {xyz.shape}: leave out points without elevation.")
    result = np.zeros((len(xyz), SECTORS), np.float32)
    if len(xyz) == 0:
        return result
    extent = (float(xyz[:, 0].min()), float(xyz[:, 1].min()), float(xyz[:, 0].max()), float(xyz[:, 1].max()))
    if near is not None:
        _check_reach("near surface", near.bounds, extent, near_reach)
    if middle is not None:
        _check_reach("middle surface", middle.bounds, extent, middle_reach)
    if terrain is not None:
        terrain = _coarsened(terrain)
        _check_reach("DEM window", terrain.bounds, extent, terrain_reach + terrain.resolution)
    if far is not None:
        _check_far(far, xyz, terrain_reach)
    rays = sub_rays or (sub_rays_for(near.resolution) if near is not None else 3)
    _march_points(
        xyz, _blocks(near), _blocks(middle), _land(terrain), _nodes(far), near_reach, middle_reach, terrain_reach, rays, plain, result
    )
    return result


def sub_rays_for(resolution: float) -> int:
    """Rays per sector that are no farther apart than two cells at 150 m.

    Parameters
    ----------
    resolution
        Side of a cell of the near surface. [m]

    Returns
    -------
    int
        Number of rays.
    """
    return max(3, math.ceil(_RESOLVED_AT * math.radians(360 / SECTORS) / (2 * resolution)))


def terrain_halo(resolution: float) -> float:
    """Width of DEM needed around the points of a tile.

    Parameters
    ----------
    resolution
        Side of a cell of the DEM. [m]

    Returns
    -------
    float
        Pad for `Terrain.window`. [m]
    """
    return TERRAIN_REACH + 3 * max(resolution, 2 * _TERRAIN_FINEST) if math.isfinite(resolution) else TERRAIN_REACH


def _check_reach(name: str, bounds: Bounds, extent: Bounds, reach: float) -> None:
    lacking = max(bounds[0] - extent[0], bounds[1] - extent[1], extent[2] - bounds[2], extent[3] - bounds[3]) + reach
    if lacking > 1e-6:
        raise GeoError(f"The {name} must reach {reach:.0f} m beyond every point but ends {lacking:.0f} m short: widen its bounds.")


def _check_far(far: FarHorizons, points: NDArray[np.float64], terrain_reach: float) -> None:
    if far.start != terrain_reach:
        raise GeoError(f"Far horizons begin at {far.start} m, the DEM is marched to {terrain_reach} m: use one distance for both.")
    missing = int((~far.covers(points[:, 0], points[:, 1])).sum())
    if missing:
        raise GeoError(f"{missing} points have no far horizon: call far_horizons with all points of the study.")


def _coarsened(grid: Grid) -> Grid:
    """Average a fine DEM over whole cells of the global grid to 10 m or more."""
    factor = math.ceil(_TERRAIN_FINEST / grid.resolution - 1e-9)
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


def _blocks(surface: Surface | None) -> _Blocks:
    if surface is None:
        empty = np.full((1, 1), -np.inf, np.float32)
        return np.empty((0, BLOCK, BLOCK), np.float32), np.full((1, 1), -1, np.int32), empty, empty, 0, 0, 1.0, -np.inf
    s = surface
    return s.values, s.index, s.block_tops, s.super_tops, s.first_column, s.first_row, s.resolution, s.highest


def _land(grid: Grid | None) -> _Land:
    """DEM with rows counted northward, and the highest corner of each block of bilinear patches."""
    if grid is None:
        none = np.empty((0, 0), np.float32)
        return none, none, 0, 0, 1.0, -np.inf
    values = np.ascontiguousarray(grid.values[::-1])
    ny, nx = values.shape
    i0, j0 = grid.first_column, grid.top_row - ny
    size = 1 << _TERRAIN_BITS
    patches = np.full((ny, nx), -np.inf, np.float32)
    filled = np.where(np.isnan(values), np.float32(-np.inf), values)
    patches[:-1, :-1] = np.maximum(np.maximum(filled[:-1, :-1], filled[1:, :-1]), np.maximum(filled[:-1, 1:], filled[1:, 1:]))
    padded = np.full((-(-ny // size) * size, -(-nx // size) * size), -np.inf, np.float32)
    padded[:ny, :nx] = patches
    tops = padded.reshape(padded.shape[0] // size, size, padded.shape[1] // size, size).max(axis=(1, 3))
    return values, np.ascontiguousarray(tops), i0, j0, grid.resolution, float(filled.max())


def _nodes(far: FarHorizons | None) -> _Nodes:
    if far is None:
        none = np.empty((0, SECTORS), np.float32)
        return np.empty((0, 0), np.int32), none, none, np.empty(0), 0, 0, 1.0
    return far.index, far.tangent, far.nearness, far.elevation, far.first_column, far.first_row, far.spacing


@njit(cache=True, nogil=True, error_model="numpy")
def _march_points(
    points: NDArray[np.float64],
    near: _Blocks,
    middle: _Blocks,
    land: _Land,
    nodes: _Nodes,
    near_reach: float,
    middle_reach: float,
    terrain_reach: float,
    rays: int,
    plain: bool,
    result: NDArray[np.float32],
) -> None:
    width = 360.0 / SECTORS
    directions = np.empty((SECTORS * rays, 2))
    for k in range(SECTORS * rays):
        azimuth = math.radians(width * ((k + 0.5) / rays - 0.5))
        directions[k, 0], directions[k, 1] = math.sin(azimuth), math.cos(azimuth)
    skyline = np.zeros(SECTORS * _TERRAIN_RAYS)
    for p in range(points.shape[0]):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        _land_skyline(x, y, z, land, nodes, terrain_reach, plain, skyline)
        for s in range(SECTORS):
            total = 0.0
            for r in range(rays):
                k = s * rays + r
                tangent = _between(skyline, (k + 0.5) / rays * _TERRAIN_RAYS - 0.5)
                sx, sy = directions[k, 0], directions[k, 1]
                tangent = _ray(x, y, z, sx, sy, 0.0, near_reach, tangent, near, plain)
                tangent = _ray(x, y, z, sx, sy, near_reach, middle_reach, tangent, middle, plain)
                if tangent > 0.0:
                    total += math.atan(tangent)
            result[p, s] = math.degrees(total / rays)


@njit(cache=True, nogil=True, error_model="numpy")
def _between(skyline: NDArray[np.float64], at: float) -> float:
    n = skyline.shape[0]
    i = math.floor(at)
    u = at - i
    return float(skyline[i % n] * (1 - u) + skyline[(i + 1) % n] * u)


@njit(cache=True, nogil=True, error_model="numpy")
def _ray(
    x: float, y: float, z: float, sx: float, sy: float, start: float, reach: float, tangent: float, blocks: _Blocks, plain: bool
) -> float:
    """Highest tangent along one ray, cell by cell; both directions are mirrored so that cell numbers only grow.

    After a jump the cell is found by the same comparisons of edge distances a step-by-step march makes, so both visit the same cells.
    """
    values, index, block_tops, super_tops, ci, cj, size, highest = blocks
    if highest - z <= tangent * start or start >= reach:
        return tangent
    mx, my = -1 if sx < 0 else 0, -1 if sy < 0 else 0
    u, v = -x if sx < 0 else x, -y if sy < 0 else y
    sx, sy = max(abs(sx), 1e-12), max(abs(sy), 1e-12)
    ix, iy = 1 / sx, 1 / sy
    columns, rows = index.shape[1] << BLOCK_BITS, index.shape[0] << BLOCK_BITS
    half = 0.5 * size
    i, j = (math.floor((u + sx * start) / size)), (math.floor((v + sy * start) / size))
    t = start
    own = start == 0.0
    while True:
        if own:  # the point's own cell shades nothing
            own = False
            tu, tv = ((i + 1) * size - u) * ix, ((j + 1) * size - v) * iy
            if tu <= tv:
                i, t = i + 1, tu
            else:
                j, t = j + 1, tv
        if t >= reach:
            return tangent
        met = max(t, half)
        if highest - z <= tangent * met:
            return tangent
        ri, rj = (i ^ mx) - ci, (j ^ my) - cj
        if ri < 0 or rj < 0 or ri >= columns or rj >= rows:
            return tangent
        block = index[rj >> BLOCK_BITS, ri >> BLOCK_BITS]
        bits = 0
        if super_tops[rj >> SUPER_BITS, ri >> SUPER_BITS] - z <= tangent * met:
            bits = SUPER_BITS
        elif block_tops[rj >> BLOCK_BITS, ri >> BLOCK_BITS] - z <= tangent * met:
            bits = BLOCK_BITS
        if bits == 0 or (plain and block >= 0):
            i, j, t, tangent = _cross_block(u, v, z, ix, iy, i, j, t, reach, tangent, mx, my, ci, cj, size, half, values, block)
        else:
            bits = BLOCK_BITS if plain else bits
            i, j, t = _jump(u, v, sx, sy, ix, iy, i, j, bits, size)


@njit(cache=True, nogil=True, error_model="numpy")
def _cross_block(
    u: float,
    v: float,
    z: float,
    ix: float,
    iy: float,
    i: int,
    j: int,
    t: float,
    reach: float,
    tangent: float,
    mx: int,
    my: int,
    ci: int,
    cj: int,
    size: float,
    half: float,
    values: NDArray[np.float32],
    block: int,
) -> tuple[int, int, float, float]:
    bi, bj = i >> BLOCK_BITS, j >> BLOCK_BITS
    tu, tv = ((i + 1) * size - u) * ix, ((j + 1) * size - v) * iy
    while t < reach:
        rise = values[block, ((j ^ my) - cj) & (BLOCK - 1), ((i ^ mx) - ci) & (BLOCK - 1)] - z
        met = max(t, half)
        if rise > tangent * met:
            tangent = rise / met
        if tu <= tv:
            i, t = i + 1, tu
            tu = ((i + 1) * size - u) * ix
            if i >> BLOCK_BITS != bi:
                break
        else:
            j, t = j + 1, tv
            tv = ((j + 1) * size - v) * iy
            if j >> BLOCK_BITS != bj:
                break
    return i, j, t, tangent


@njit(cache=True, nogil=True, error_model="numpy")
def _jump(u: float, v: float, sx: float, sy: float, ix: float, iy: float, i: int, j: int, bits: int, size: float) -> tuple[int, int, float]:
    """First cell behind the block of 2**bits cells that holds cell (i, j)."""
    eu, ev = ((i >> bits) + 1) << bits, ((j >> bits) + 1) << bits
    tu, tv = (eu * size - u) * ix, (ev * size - v) * iy
    per = 1 / size  # a first guess only: the comparisons below decide
    if tu <= tv:
        k = max((math.floor((v + sy * tu) * per)), j)
        while ((k + 1) * size - v) * iy < tu:
            k += 1
        while k > j and (k * size - v) * iy >= tu:
            k -= 1
        return eu, k, tu
    k = max((math.floor((u + sx * tv) * per)), i)
    while ((k + 1) * size - u) * ix <= tv:
        k += 1
    while k > i and (k * size - u) * ix > tv:
        k -= 1
    return k, ev, tv


@njit(cache=True, nogil=True, error_model="numpy")
def _land_skyline(
    x: float, y: float, z: float, land: _Land, nodes: _Nodes, reach: float, plain: bool, skyline: NDArray[np.float64]
) -> None:
    """Tangents of the land in the directions of the terrain rays; 0 where it lies below the point."""
    index, tangents, nearness, ground, i0, j0, spacing = nodes
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
        for r in range(_TERRAIN_RAYS):
            k = s * _TERRAIN_RAYS + r
            skyline[k] = far
            if land[0].shape[0] > 0:
                azimuth = math.radians(360.0 / SECTORS * ((k + 0.5) / _TERRAIN_RAYS - 0.5))
                skyline[k] = _land_ray(x, y, z, math.sin(azimuth), math.cos(azimuth), reach, far, land, plain)


@njit(cache=True, nogil=True, error_model="numpy")
def _land_ray(x: float, y: float, z: float, sx: float, sy: float, reach: float, tangent: float, land: _Land, plain: bool) -> float:
    """Highest tangent over the bilinear DEM in steps of one cell; blocks that cannot rise above it are jumped."""
    values, tops, i0, j0, size, highest = land
    ny, nx = values.shape
    last = math.floor(reach / size)
    k = 1
    while k <= last:
        t = k * size
        drop = DROP * t * t
        if highest - z - drop <= tangent * t:
            return tangent
        gx, gy = (x + sx * t) / size - 0.5, (y + sy * t) / size - 0.5
        i, j = (math.floor(gx)), (math.floor(gy))
        ri, rj = i - i0, j - j0
        if ri < 0 or rj < 0 or ri + 1 >= nx or rj + 1 >= ny:
            return tangent
        bi, bj = ri >> _TERRAIN_BITS, rj >> _TERRAIN_BITS
        # a millimetre of slack: interpolation may round above its corners
        if not plain and tops[bj, bi] + 1e-3 - z - drop <= tangent * t:
            leave = min(_steps_out(gx - i0, sx, bi), _steps_out(gy - j0, sy, bj))
            k = max(k + 1, (math.ceil(k + leave - 1e-6)))
            continue
        u, v = gx - i, gy - j
        south = values[rj, ri] * (1 - u) + values[rj, ri + 1] * u
        north = values[rj + 1, ri] * (1 - u) + values[rj + 1, ri + 1] * u
        rise = south * (1 - v) + north * v - z - drop
        if rise > tangent * t:  # false for NaN
            tangent = rise / t
        k += 1
    return tangent


@njit(cache=True, nogil=True, error_model="numpy")
def _steps_out(g: float, s: float, b: int) -> float:
    """Count the steps of one cell until a ray at cell coordinate g leaves block b."""
    if s > 1e-9:
        return (((b + 1) << _TERRAIN_BITS) - g) / s
    if s < -1e-9:
        return ((b << _TERRAIN_BITS) - g) / s
    return 1e9
