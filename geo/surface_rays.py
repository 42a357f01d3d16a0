"""How high a measured surface rises in each direction around a point: rays through a raster of tops, only where a block can matter.

A ray is followed along the axis it is nearer to, column by column: it meets the cell in which it enters a column, and the one beside
it if it gets there before it leaves the column. So the cells of a column need nothing of those before, and the processor takes eight
columns at once. Blocks are visited from near to far, and entered only by those rays over whose present skyline their highest cell could
rise. What a ray gains is the largest quotient over the cells it meets, whatever the order, so leaving out what cannot raise it changes
nothing: the answer equals that of a march over every cell (`march`) to the last bit.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .sectors import SLACK, lowest, nearest, span
from .surface_raster import BLOCK, BLOCK_BITS, SUPER, SUPER_BITS, Surface

_HALF = BLOCK // 2  # columns taken at once
_CELLS = np.uint64(BLOCK * BLOCK)
_IN_BLOCK = np.uint64(BLOCK - 1)
_ONE = np.uint64(1)
_GUESS = 1e-6  # cells; by more than a row's number can be off for rounding

# values, index, block_tops, super_tops, first column, first row, side of a cell, highest cell, tops of the quarters of blocks
Cells = tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32], int, int, float, float, NDArray[np.float32]]
# directions, ways per metre, last ray of each ray's octant, room for notes
Fan = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]


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
        return np.empty(0, np.float32), np.full((1, 1), -1, np.int32), empty, empty, 0, 0, 1.0, -np.inf, np.empty((0, 4), np.float32)
    s = surface
    quarters = s.values.reshape(-1, 2, _HALF, 2, _HALF).max(axis=(2, 4)).reshape(-1, 4)
    return s.values.reshape(-1), s.index, s.block_tops, s.super_tops, s.first_column, s.first_row, s.resolution, s.highest, quarters


def fan(ways: NDArray[np.float64]) -> Fan:
    """
    Lay out rays for the kernels.

    Parameters
    ----------
    ways
        Eastward and northward part of each ray's direction, clockwise from north, shape (2, n).

    Returns
    -------
    tuple
        The same; the way along each ray for a metre to the east or west, and to the north or south, finite on the axes too, shape
        (2, n); the last ray in the same eighth of the turn, shape (n,); room for notes, shape (n,).
    """
    per = 1 / np.maximum(np.abs(ways), 1e-12)
    east, north = ways
    octant = (east < 0) + 2 * (north < 0) + 4 * (np.abs(east) < np.abs(north))
    ends = np.flatnonzero(np.append(octant[1:] != octant[:-1], True))
    return np.ascontiguousarray(ways), per, ends[np.searchsorted(ends, np.arange(len(octant)))], np.zeros(len(octant), np.int64)


@njit(cache=True, nogil=True, error_model="numpy")
def raise_skyline(x: float, y: float, z: float, reach: float, surface: Cells, rays: int, ahead: Fan, tangent: NDArray[np.float64]) -> None:
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
    ahead
        Rays, see `fan`.
    tangent
        Tangent of the skyline along each ray, none negative, shape (72 rays,); raised in place.
    """
    super_tops, ci, cj, size, highest = surface[3], surface[4], surface[5], surface[6], surface[7]
    if highest <= z:
        return
    side = size * SUPER
    oi, oj = ci >> SUPER_BITS, cj >> SUPER_BITS
    pi, pj = math.floor(x / side) - oi, math.floor(y / side) - oj
    nj, ni = super_tops.shape
    for ring in range(math.ceil(reach / side) + 1):
        least = lowest(tangent, 0, tangent.shape[0] - 1)
        if highest - z <= least * (ring - 1) * side:
            return
        for j in range(max(pj - ring, 0), min(pj + ring, nj - 1) + 1):
            step = 1 if abs(j - pj) == ring else max(2 * ring, 1)
            for i in range(pi - ring, pi + ring + 1, step):
                if i < 0 or i >= ni:
                    continue
                rise = super_tops[j, i] - z
                if rise <= 0.0:
                    continue
                x0, y0 = (i + oi) * side - x, (j + oj) * side - y
                distance = nearest(x0, y0, x0 + side, y0 + side)
                if rise <= least * distance or distance >= reach:
                    continue
                first, last = span(x0, y0, x0 + side, y0 + side, rays)
                slope = lowest(tangent, first, last)
                if rise > slope * distance:
                    _blocks(x, y, z, i, j, slope, reach, surface, rays, ahead, tangent)


@njit(cache=True, nogil=True, error_model="numpy")
def _blocks(
    x: float,
    y: float,
    z: float,
    i: int,
    j: int,
    slope: float,
    reach: float,
    surface: Cells,
    rays: int,
    ahead: Fan,
    tangent: NDArray[np.float64],
) -> None:
    """Raise rays over those blocks of a super-block that can matter, the nearer ones first."""
    block_tops, oi, oj, size = surface[2], surface[4] >> BLOCK_BITS, surface[5] >> BLOCK_BITS, surface[6]
    side, each = size * BLOCK, SUPER // BLOCK
    back_i, back_j = (i * each + oi) * side + 0.5 * size * SUPER < x, (j * each + oj) * side + 0.5 * size * SUPER < y
    for jj in range(each):
        bj = j * each + (each - 1 - jj if back_j else jj)
        for ii in range(each):
            bi = i * each + (each - 1 - ii if back_i else ii)
            rise = block_tops[bj, bi] - z
            if rise <= 0.0:
                continue
            x0, y0 = (bi + oi) * side - x, (bj + oj) * side - y
            distance = nearest(x0, y0, x0 + side, y0 + side)
            if rise <= slope * distance or distance >= reach:
                continue
            first, last = span(x0, y0, x0 + side, y0 + side, rays)
            if rise > lowest(tangent, first, last) * distance:
                _cross(x, y, z, bi, bj, first, last, reach, surface, ahead, tangent)


@njit(cache=True, nogil=True, error_model="numpy")
def _cross(
    x: float,
    y: float,
    z: float,
    i: int,
    j: int,
    first: int,
    last: int,
    reach: float,
    surface: Cells,
    ahead: Fan,
    tangent: NDArray[np.float64],
) -> None:
    """Raise rays over a block, those of each eighth of the turn together."""
    ways, per, ends, notes = ahead
    left, bottom = surface[4] + (i << BLOCK_BITS), surface[5] + (j << BLOCK_BITS)
    number = tangent.shape[0]
    k = first
    while k <= last:
        ray = k - number if k >= number else k
        end = min(ends[ray], ray + last - k)
        _octant(x, y, z, left, bottom, surface[1][j, i], reach, ray, end, surface, ways, per, notes, tangent)
        k += end - ray + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _octant(
    x: float,
    y: float,
    z: float,
    left: int,
    bottom: int,
    block: int,
    reach: float,
    first: int,
    last: int,
    surface: Cells,
    ways: NDArray[np.float64],
    per: NDArray[np.float64],
    notes: NDArray[np.int64],
    tangent: NDArray[np.float64],
) -> None:
    """Raise rays of one eighth of the turn over a block, seen so that they run mainly along the columns and all numbers grow."""
    values, size, quarters = surface[0], surface[6], surface[8]
    west, south = ways[0, first] < 0.0, ways[1, first] < 0.0
    mi, mj = (BLOCK - 1 if west else 0), (BLOCK - 1 if south else 0)
    u, v = (-x if west else x), (-y if south else y)
    i0 = -(left + BLOCK) if west else left
    j0 = -(bottom + BLOCK) if south else bottom
    along, aside, drift = per[0], per[1], ways[1]
    si, sj, qi, qj = 1, BLOCK, 1, 2
    if abs(ways[0, first]) < abs(ways[1, first]):
        u, v, i0, j0, mi, mj = v, u, j0, i0, mj, mi
        along, aside, drift = per[1], per[0], ways[0]
        si, sj, qi, qj = BLOCK, 1, 2, 1
    a, b = (mi & 1) * qi, (mj & 1) * qj  # the quarter that is met first
    tops = (
        quarters[block, a + b] - z,
        quarters[block, a + qj - b] - z,
        quarters[block, qi - a + b] - z,
        quarters[block, qi - a + qj - b] - z,
    )
    _note(i0 * size - u, j0 * size - v, size * _HALF, along, aside, tops, reach, 0.5 * size, first, last, tangent, notes)
    i, j = _cell(u, size), _cell(v, size) + 1  # the cell beside the point's own
    if i0 <= i < i0 + BLOCK and j0 <= j < j0 + BLOCK:
        top = values[block * BLOCK * BLOCK + ((i - i0) ^ mi) * si + ((j - j0) ^ mj) * sj] - z
        for k in range(first, last + 1):
            t = (j * size - v) * aside[k]
            if t < ((i + 1) * size - u) * along[k] and t < reach:
                tangent[k] = max(tangent[k], top / max(t, 0.5 * size))
    for k in range(first, last + 1):
        for half in range(2):
            if notes[k] & (1 << half):
                start = half * _HALF
                tangent[k] = _columns(
                    u, v, z, float(i0 + start), float(j0), abs(drift[k]), along[k], aside[k], reach, tangent[k], size,
                    values, block, start, mi, mj, si, sj,
                )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _note(
    u: float,
    v: float,
    half: float,
    along: NDArray[np.float64],
    aside: NDArray[np.float64],
    tops: tuple[float, float, float, float],
    reach: float,
    least: float,
    first: int,
    last: int,
    tangent: NDArray[np.float64],
    notes: NDArray[np.int64],
) -> None:
    """Note which half of a block, that begins u along and v aside, may raise a ray: 1 for the first, 2 for the second, 3 for both."""
    for k in range(np.uint64(first), np.uint64(last + 1)):
        before = tangent[k] * SLACK
        t0, t1, t2 = u * along[k], (u + half) * along[k], (u + half + half) * along[k]
        s0, s1, s2 = v * aside[k], (v + half) * aside[k], (v + half + half) * aside[k]
        # where the ray enters each half, and the highest of the quarters it may cross in it
        m0, m1 = (t0 if t0 > s0 else s0), (t1 if t1 > s0 else s0)
        a, b = (tops[0] if m0 <= s1 else -np.inf), (tops[1] if t1 >= s1 else -np.inf)
        c, d = (tops[2] if m1 <= s1 else -np.inf), (tops[3] if t2 >= s1 else -np.inf)
        a, c = (a if a > b else b), (c if c > d else d)
        m0, m1 = (m0 if m0 > least else least), (m1 if m1 > least else least)
        one = 1 if (t1 >= s0) & (t0 <= s2) & (t1 > 0.0) & (t0 < reach) & (a > before * m0) else 0
        two = 2 if (t2 >= s0) & (t1 <= s2) & (t2 > 0.0) & (t1 < reach) & (c > before * m1) else 0
        notes[k] = one | two


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})
def _columns(
    u: float,
    v: float,
    z: float,
    i0: float,
    j0: float,
    drift: float,
    along: float,
    aside: float,
    reach: float,
    tangent: float,
    size: float,
    values: NDArray[np.float32],
    block: int,
    start: int,
    mi: int,
    mj: int,
    si: int,
    sj: int,
) -> float:
    """Raise one ray's tangent over half the columns of a block; without a branch, so that all columns are taken at once."""
    per = 1 / size
    bits = np.float64(tangent).view(np.int64)  # positive numbers are in order as integers too
    for c in range(_HALF):
        t = ((i0 + float(c)) * size - u) * along
        leaves = ((i0 + float(c) + 1.0) * size - u) * along
        # the row the ray enters the column in: one that cannot lie beyond it, or the next
        row = np.floor((v + drift * t) * per - _GUESS)
        row += 1.0 if ((row + 1.0) * size - v) * aside < t else 0.0
        s = ((row + 1.0) * size - v) * aside
        row -= j0
        r = np.uint64(np.int64(row))
        column = np.uint64(block) * _CELLS + (np.uint64(start + c) ^ np.uint64(mi)) * np.uint64(si)
        a = values[column + ((r & _IN_BLOCK) ^ np.uint64(mj)) * np.uint64(sj)] - z
        b = values[column + (((r + _ONE) & _IN_BLOCK) ^ np.uint64(mj)) * np.uint64(sj)] - z
        a, b = a / max(t, 0.5 * size), b / max(s, 0.5 * size)
        a = a if (row >= 0.0) & (row < BLOCK) & (t > 0.0) & (t < reach) else 0.0
        b = b if (row >= -1.0) & (row < BLOCK - 1) & (t > 0.0) & (s < leaves) & (s < reach) else 0.0
        entered, beside = np.float64(a).view(np.int64), np.float64(b).view(np.int64)
        bits = entered if entered > bits else bits
        bits = beside if beside > bits else bits
    return float(np.int64(bits).view(np.float64))


@njit(cache=True, nogil=True, error_model="numpy")
def _cell(u: float, size: float) -> int:
    """Column of a place, by the products that tell where a ray enters a column: of quotients, that of 3 * 0.7 by 0.7 is below 3."""
    i = math.floor(u / size)
    if (i + 1) * size - u <= 0.0:
        return i + 1
    return i - 1 if i * size - u > 0.0 else i


@njit(cache=True, nogil=True, error_model="numpy")
def march(x: float, y: float, z: float, east: float, north: float, reach: float, tangent: float, surface: Cells) -> float:
    """
    Highest tangent along one ray over every cell it meets, nothing left out: the plain truth, for audits.

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
    size = surface[6]
    mx, my = -1 if east < 0 else 0, -1 if north < 0 else 0
    u, v = -x if east < 0 else x, -y if north < 0 else y
    along, aside = 1 / max(abs(east), 1e-12), 1 / max(abs(north), 1e-12)
    turned = abs(east) < abs(north)
    if turned:
        u, v, along, aside = v, u, aside, along
    i, j = _cell(u, size), _cell(v, size)
    t = 0.0
    while t < reach:  # the point's own cell shades nothing
        leaves = ((i + 1) * size - u) * along
        s = ((j + 1) * size - v) * aside
        if s < leaves:
            j += 1
            if s < reach:
                tangent = max(tangent, (_top(i, j, turned, mx, my, surface) - z) / max(s, 0.5 * size))
            while ((j + 1) * size - v) * aside < leaves:  # a corner that rounding makes wider than nothing
                j += 1
        i, t = i + 1, leaves
        if t < reach:
            tangent = max(tangent, (_top(i, j, turned, mx, my, surface) - z) / max(t, 0.5 * size))
    return tangent


@njit(cache=True, nogil=True, error_model="numpy")
def _top(i: int, j: int, turned: bool, mx: int, my: int, surface: Cells) -> float:
    """Top of a cell in the numbers of a march; minus infinity beyond the raster."""
    values, index, ci, cj = surface[0], surface[1], surface[4], surface[5]
    if turned:
        i, j = j, i
    column, row = (i ^ mx) - ci, (j ^ my) - cj
    bi, bj = column >> BLOCK_BITS, row >> BLOCK_BITS
    if bi < 0 or bj < 0 or bi >= index.shape[1] or bj >= index.shape[0] or index[bj, bi] < 0:
        return -np.inf
    return float(values[(index[bj, bi] * BLOCK + (row & (BLOCK - 1))) * BLOCK + (column & (BLOCK - 1))])
