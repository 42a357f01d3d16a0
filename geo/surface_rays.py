"""How high a measured surface rises in each direction around a point: rays through a raster of tops, only where a block can matter.

Cells are visited from near to far, and a block is entered only by those rays over whose present skyline its highest cell could
rise. What a ray gains is the largest quotient over the cells it crosses, whatever the order, so leaving out blocks that cannot
raise it changes nothing: the answer equals that of a march over every cell (`march`) to the last bit.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .sectors import SLACK, lowest, nearest, span
from .surface_raster import BLOCK, BLOCK_BITS, SUPER_BITS, Surface

_PART_BITS = 2  # blocks in parts of 4 x 4 cells
_PART = 1 << _PART_BITS
_PARTS = BLOCK >> _PART_BITS

# values, index, block_tops, super_tops, first column, first row, side of a cell, highest cell, tops of the parts of blocks
Cells = tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32], int, int, float, float, NDArray[np.float32]]


def cells(surface: Surface | None) -> Cells:
    """
    Lay out a surface for the kernels.

    Parameters
    ----------
    surface
        Tops; None where nothing stands.

    Returns
    -------
    tuple
        Arrays and numbers of the surface.
    """
    if surface is None:
        empty = np.full((1, 1), -np.inf, np.float32)
        none = np.empty((0, BLOCK, BLOCK), np.float32)
        return none, np.full((1, 1), -1, np.int32), empty, empty, 0, 0, 1.0, -np.inf, none
    s = surface
    parts = s.values.reshape(-1, _PARTS, _PART, _PARTS, _PART).max(axis=(2, 4))
    return s.values, s.index, s.block_tops, s.super_tops, s.first_column, s.first_row, s.resolution, s.highest, parts


def ways_per_metre(ways: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Measure how long a ray is until it has gone a metre to the side.

    Parameters
    ----------
    ways
        Eastward and northward part of each ray's direction, shape (2, n).

    Returns
    -------
    numpy.ndarray
        Lengths, finite on the axes too, shape (2, n). [m]
    """
    return 1 / np.maximum(np.abs(ways), 1e-12)


@njit(cache=True, nogil=True, error_model="numpy")
def raise_skyline(
    x: float,
    y: float,
    z: float,
    reach: float,
    surface: Cells,
    rays: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    per: NDArray[np.float64],
    tangent: NDArray[np.float64],
) -> None:
    """
    Raise the tangents of all rays over what stands within reach.

    Parameters
    ----------
    x
        Easting of the point. [m]
    y
        Northing of the point. [m]
    z
        Elevation of the point. [m]
    reach
        Where the ring ends. [m]
    surface
        Raster, see `cells`.
    rays
        Rays per sector.
    east
        Eastward part of each ray's direction, shape (72 rays,).
    north
        Northward part, shape (72 rays,).
    per
        Way along each ray for a metre to the east or west, and to the north or south, see `ways_per_metre`, shape (2, 72 rays).
    tangent
        Tangent of the skyline along each ray, shape (72 rays,); raised in place.
    """
    block_tops, super_tops, ci, cj, size, highest = surface[2], surface[3], surface[4], surface[5], surface[6], surface[7]
    if highest <= z:
        return
    bits = SUPER_BITS - BLOCK_BITS
    side = size * BLOCK
    oi, oj = ci >> BLOCK_BITS, cj >> BLOCK_BITS
    pi, pj = math.floor(x / side) - oi, math.floor(y / side) - oj
    nj, ni = block_tops.shape
    for ring in range(math.ceil(reach / side) + 1):
        least = lowest(tangent, 0, tangent.shape[0] - 1)
        if highest - z <= least * (ring - 1) * side:
            return
        for j in range(max(pj - ring, 0), min(pj + ring, nj - 1) + 1):
            step = 1 if abs(j - pj) == ring else max(2 * ring, 1)
            for i in range(pi - ring, pi + ring + 1, step):
                if i < 0 or i >= ni or super_tops[j >> bits, i >> bits] <= z:
                    continue
                rise = block_tops[j, i] - z
                if rise <= 0.0:
                    continue
                x0, y0 = (i + oi) * side - x, (j + oj) * side - y
                distance = nearest(x0, y0, x0 + side, y0 + side)
                if rise <= least * distance or distance >= reach:
                    continue
                first, last = span(x0, y0, x0 + side, y0 + side, rays)
                if rise > lowest(tangent, first, last) * distance:
                    _cross(x, y, z, i, j, rise, distance, first, last, reach, surface, east, north, per, tangent)


@njit(cache=True, nogil=True, error_model="numpy")
def _cross(
    x: float,
    y: float,
    z: float,
    i: int,
    j: int,
    rise: float,
    distance: float,
    first: int,
    last: int,
    reach: float,
    surface: Cells,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    per: NDArray[np.float64],
    tangent: NDArray[np.float64],
) -> None:
    """Raise those rays over a block whose present skyline its highest cell could top."""
    values, block, size, parts = surface[0], surface[1][j, i], surface[6], surface[8]
    left, bottom = surface[4] + (i << BLOCK_BITS), surface[5] + (j << BLOCK_BITS)
    for k in range(first, last + 1):
        ray = k - tangent.shape[0] if k >= tangent.shape[0] else k
        before = tangent[ray]
        if rise > before * SLACK * distance:
            tangent[ray] = _cross_block(
                x, y, z, east[ray], north[ray], per[0, ray], per[1, ray], reach, before, rise, left, bottom, size, values, parts, block
            )


@njit(cache=True, nogil=True, error_model="numpy")
def _cross_block(
    x: float,
    y: float,
    z: float,
    east: float,
    north: float,
    ix: float,
    iy: float,
    reach: float,
    tangent: float,
    rise: float,
    left: int,
    bottom: int,
    size: float,
    values: NDArray[np.float32],
    parts: NDArray[np.float32],
    block: int,
) -> float:
    """Raise one ray's tangent over the cells it crosses in a block; both directions are mirrored so that cell numbers only grow."""
    mx, my = -1 if east < 0 else 0, -1 if north < 0 else 0
    u, v = -x if east < 0 else x, -y if north < 0 else y
    sx, sy = max(abs(east), 1e-12), max(abs(north), 1e-12)
    i0 = left if mx == 0 else -(left + BLOCK)
    j0 = bottom if my == 0 else -(bottom + BLOCK)
    i, j = math.floor(u / size), math.floor(v / size)
    t = 0.0
    if i >= i0 + BLOCK or j >= j0 + BLOCK:
        return tangent
    if i < i0 or j < j0:
        i, j, t = _entry(u, v, sx, sy, ix, iy, i, j, i0, j0, size)
        if t < 0.0:
            return tangent
    else:  # the point's own cell shades nothing
        tu, tv = ((i + 1) * size - u) * ix, ((j + 1) * size - v) * iy
        if tu <= tv:
            i, t = i + 1, tu
        else:
            j, t = j + 1, tv
    half = 0.5 * size
    bi, bj = i0 + BLOCK, j0 + BLOCK
    while t < reach and i < bi and j < bj:
        if rise <= tangent * SLACK * max(t, half):
            return tangent
        # the part ends where its last column or row does
        pi, pj = ((i >> _PART_BITS) + 1) << _PART_BITS, ((j >> _PART_BITS) + 1) << _PART_BITS
        tu, tv = (pi * size - u) * ix, (pj * size - v) * iy
        top = parts[block, ((j ^ my) & (BLOCK - 1)) >> _PART_BITS, ((i ^ mx) & (BLOCK - 1)) >> _PART_BITS] - z
        if top <= tangent * SLACK * max(t, half):
            i, j, t = _leave(u, v, sx, sy, ix, iy, i, j, pi, pj, tu, tv, size)
            continue
        tu, tv = ((i + 1) * size - u) * ix, ((j + 1) * size - v) * iy
        while t < reach and i < pi and j < pj:
            met = max(t, half)
            top = values[block, (j ^ my) & (BLOCK - 1), (i ^ mx) & (BLOCK - 1)] - z
            if top > tangent * SLACK * met:
                tangent = max(tangent, top / met)
            # without a branch, which nobody could foresee
            aside = tu <= tv
            t = tu if aside else tv
            i, j = i + aside, j + (not aside)
            tu, tv = ((i + 1) * size - u) * ix, ((j + 1) * size - v) * iy
    return tangent


@njit(cache=True, nogil=True, error_model="numpy")
def _leave(
    u: float, v: float, sx: float, sy: float, ix: float, iy: float, i: int, j: int, pi: int, pj: int, tu: float, tv: float, size: float
) -> tuple[int, int, float]:
    """First cell beyond column pi or row pj on the way from cell (i, j), by the comparisons a march makes."""
    per = 1 / size  # a first guess only: the comparisons below decide
    if tu <= tv:
        k = max(math.floor((v + sy * tu) * per), j)
        while ((k + 1) * size - v) * iy < tu:
            k += 1
        while k > j and (k * size - v) * iy >= tu:
            k -= 1
        return pi, k, tu
    k = max(math.floor((u + sx * tv) * per), i)
    while ((k + 1) * size - u) * ix <= tv:
        k += 1
    while k > i and (k * size - u) * ix > tv:
        k -= 1
    return k, pj, tv


@njit(cache=True, nogil=True, error_model="numpy")
def _entry(
    u: float, v: float, sx: float, sy: float, ix: float, iy: float, i: int, j: int, i0: int, j0: int, size: float
) -> tuple[int, int, float]:
    """First cell of the block at (i0, j0) on the way from cell (i, j), by the comparisons a march makes; (-1, 0, -1) if it is missed."""
    per = 1 / size  # a first guess only: the comparisons below decide
    if i < i0:
        t = (i0 * size - u) * ix
        k = max(math.floor((v + sy * t) * per), j)
        while ((k + 1) * size - v) * iy < t:
            k += 1
        while k > j and (k * size - v) * iy >= t:
            k -= 1
        if j0 <= k < j0 + BLOCK:
            return i0, k, t
    if j < j0:
        t = (j0 * size - v) * iy
        k = max(math.floor((u + sx * t) * per), i)
        while ((k + 1) * size - u) * ix <= t:
            k += 1
        while k > i and (k * size - u) * ix > t:
            k -= 1
        if i0 <= k < i0 + BLOCK:
            return k, j0, t
    return -1, 0, -1.0


@njit(cache=True, nogil=True, error_model="numpy")
def march(x: float, y: float, z: float, east: float, north: float, reach: float, tangent: float, surface: Cells) -> float:
    """
    Highest tangent along one ray over every cell it crosses, nothing left out: the plain truth, for audits.

    Parameters
    ----------
    x
        Easting of the point. [m]
    y
        Northing of the point. [m]
    z
        Elevation of the point. [m]
    east
        Eastward part of the ray's direction.
    north
        Northward part.
    reach
        Where the ring ends. [m]
    tangent
        Tangent of the skyline along the ray.
    surface
        Raster, see `cells`.

    Returns
    -------
    float
        The tangent, raised.
    """
    values, index, ci, cj, size = surface[0], surface[1], surface[4], surface[5], surface[6]
    mx, my = -1 if east < 0 else 0, -1 if north < 0 else 0
    u, v = -x if east < 0 else x, -y if north < 0 else y
    sx, sy = max(abs(east), 1e-12), max(abs(north), 1e-12)
    ix, iy = 1 / sx, 1 / sy
    i, j = math.floor(u / size), math.floor(v / size)
    t = 0.0
    own = True  # the point's own cell shades nothing
    while t < reach:
        column, row = (i ^ mx) - ci, (j ^ my) - cj
        bi, bj = column >> BLOCK_BITS, row >> BLOCK_BITS
        if bi < 0 or bj < 0 or bi >= index.shape[1] or bj >= index.shape[0]:
            break
        block = index[bj, bi]
        if block >= 0 and not own:
            met = max(t, 0.5 * size)
            tangent = max(tangent, (values[block, row & (BLOCK - 1), column & (BLOCK - 1)] - z) / met)
        own = False
        tu, tv = ((i + 1) * size - u) * ix, ((j + 1) * size - v) * iy
        if tu <= tv:
            i, t = i + 1, tu
        else:
            j, t = j + 1, tv
    return tangent
