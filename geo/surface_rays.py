"""How high a measured surface rises in each direction around a point: rays through a raster of tops, only where a block can matter.

A ray is followed along the axis it is nearer to, column by column: it meets the cell in which it enters a column, and the one beside
it if it gets there before it leaves the column. So the cells of a column need nothing of those before, and the processor takes eight
columns at once. Blocks are visited from near to far, and entered only by those rays over whose present skyline their highest cell could
rise. What a ray gains is the largest quotient over the cells it meets, whatever the order, so leaving out what cannot raise it changes
nothing: the answer equals that of a march over every cell (`march`) to the last bit.
"""

import math

import numpy as np
from numpy.typing import NDArray

from .fans import Fan, within
from .lean import lean
from .sectors import SLACK, lowest, nearest, span
from .surface_cells import HALF, Cells, cell
from .surface_raster import BLOCK, BLOCK_BITS, SUPER, SUPER_BITS

_CELLS = np.uint64(BLOCK * BLOCK)
_IN_BLOCK = np.uint64(BLOCK - 1)
_ONE = np.uint64(1)
_GUESS = 1e-6  # cells; by more than a row's number can be off for rounding
_NOWHERE = 1e9  # m; beyond every ring


@lean
def raise_skyline(x: float, y: float, z: float, reach: float, surface: Cells, rays: int, fan: Fan, tangent: NDArray[np.float64]) -> None:
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
        Even rays per sector.
    fan
        The rays.
    tangent
        Tangent of the skyline along each ray, none negative, shape (n,); raised in place.
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
                first, last = within(first, last, fan[4], fan[5])
                slope = lowest(tangent, first, last)
                if rise > slope * distance:
                    _blocks(x, y, z, i, j, slope, reach, surface, rays, fan, tangent)


@lean
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
    fan: Fan,
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
            first, last = within(first, last, fan[4], fan[5])
            if rise > lowest(tangent, first, last) * distance:
                _cross(x, y, z, bi, bj, first, last, reach, surface, fan, tangent)


@lean
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
    fan: Fan,
    tangent: NDArray[np.float64],
) -> None:
    """Raise rays over a block, those of each eighth of the turn together."""
    ways, per, ends, notes = fan[:4]
    left, bottom = surface[4] + (i << BLOCK_BITS), surface[5] + (j << BLOCK_BITS)
    number = tangent.shape[0]
    k = first
    while k <= last:
        ray = k - number if k >= number else k
        end = min(ends[ray], ray + last - k)
        _octant(x, y, z, left, bottom, surface[1][j, i], reach, ray, end, surface[0], surface[8], surface[6], ways, per, notes, tangent)
        k += end - ray + 1


@lean
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
    values: NDArray[np.float32],
    quarters: NDArray[np.float32],
    size: float,
    ways: NDArray[np.float64],
    per: NDArray[np.float64],
    notes: NDArray[np.int64],
    tangent: NDArray[np.float64],
) -> None:
    """Raise rays of one eighth of the turn over a block, seen so that they run mainly along the columns and all numbers grow."""
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
        (quarters[block, a + b] - z, quarters[block, a + qj - b] - z),
        (quarters[block, qi - a + b] - z, quarters[block, qi - a + qj - b] - z),
    )
    i, j = cell(u, size), cell(v, size) + 1  # the cell beside the point's own
    if i0 <= i < i0 + BLOCK and j0 <= j < j0 + BLOCK:
        top = values[block * BLOCK * BLOCK + ((i - i0) ^ mi) * si + ((j - j0) ^ mj) * sj] - z
        for k in range(first, last + 1):
            t = (j * size - v) * aside[k]
            if t < ((i + 1) * size - u) * along[k] and t < reach:
                tangent[k] = max(tangent[k], top / max(t, 0.5 * size))
    for start in range(0, BLOCK, HALF):
        near, far = tops[start // HALF]
        _note((i0 + start) * size - u, j0 * size - v, size * HALF, along, aside, near, far, reach, 0.5 * size, first, last, tangent, notes)
        for k in range(first, last + 1):
            if notes[k]:
                tangent[k] = columns(
                    u, v, z, float(i0 + start), float(j0), abs(drift[k]), along[k], aside[k], reach, tangent[k], size,
                    values, block, start, mi, mj, si, sj,
                )  # fmt: skip


@lean
def _note(
    u: float,
    v: float,
    side: float,
    along: NDArray[np.float64],
    aside: NDArray[np.float64],
    near: float,
    far: float,
    reach: float,
    least: float,
    first: int,
    last: int,
    tangent: NDArray[np.float64],
    notes: NDArray[np.int64],
) -> None:
    """Note which rays may be raised by half a block that begins u along and v aside, by the tops of its near and its far quarter."""
    for k in range(np.uint64(first), np.uint64(last + 1)):
        t0, t1 = u * along[k], (u + side) * along[k]
        s0, s1, s2 = v * aside[k], (v + side) * aside[k], (v + side + side) * aside[k]
        # where the ray enters, and the highest of the quarters it may cross
        enters = t0 if t0 > s0 else s0
        a, b = (near if enters <= s1 else -np.inf), (far if t1 >= s1 else -np.inf)
        top = a if a > b else b
        enters = enters if enters > least else least
        may = (t1 >= s0) & (t0 <= s2) & (t1 > 0.0) & (t0 < reach) & (top > tangent[k] * SLACK * enters)
        notes[k] = 1 if may else 0


@lean(fastmath={"nnan", "nsz"})
def columns(
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
    """
    Raise one ray's tangent over half the columns of a block; without a branch, so that all columns are taken at once.

    Parameters
    ----------
    u
        Where the ray begins, along. [m]
    v
        Where it begins, aside. [m]
    z
        Elevation of the point. [m]
    i0
        Number of the first column.
    j0
        Number of the block's first row.
    drift
        Way aside for a metre along the ray.
    along
        Way along the ray from column to column, for a metre.
    aside
        Way along the ray from row to row, for a metre.
    reach
        Where the ring ends. [m]
    tangent
        Tangent of the skyline along the ray.
    size
        Side of a cell. [m]
    values
        Cells, block by block.
    block
        Number of the block.
    start
        First column within the block.
    mi
        What turns a column round.
    mj
        What turns a row round.
    si
        Step from column to column.
    sj
        Step from row to row.

    Returns
    -------
    float
        The tangent, raised.
    """
    per = 1 / size
    bits = np.float64(tangent).view(np.int64)  # positive numbers are in order as integers too
    for c in range(HALF):
        t = (i0 + float(c)) * size - u
        t = (t if t > 0.0 else _NOWHERE) * along  # the point's own column counts beside it alone
        leaves = ((i0 + float(c) + 1.0) * size - u) * along
        # the row after the one the ray enters the column in; that one cannot lie beyond the number found here, or is the next
        beyond = np.floor((v + drift * t) * per - _GUESS) + 1.0
        beyond += 1.0 if (beyond * size - v) * aside < t else 0.0
        s = (beyond * size - v) * aside
        after = np.uint64(np.int64(beyond - j0))
        row = after - _ONE  # before the block's first: beyond all others
        column = np.uint64(block) * _CELLS + (np.uint64(start + c) ^ np.uint64(mi)) * np.uint64(si)
        a = values[column + ((row & _IN_BLOCK) ^ np.uint64(mj)) * np.uint64(sj)] - z
        b = values[column + ((after & _IN_BLOCK) ^ np.uint64(mj)) * np.uint64(sj)] - z
        a, b = a / max(t, 0.5 * size), b / max(s, 0.5 * size)
        a = a if (row <= _IN_BLOCK) & (t < reach) else 0.0
        b = b if (after <= _IN_BLOCK) & (s < leaves) & (s < reach) else 0.0
        entered, beside = np.float64(a).view(np.int64), np.float64(b).view(np.int64)
        bits = entered if entered > bits else bits
        bits = beside if beside > bits else bits
    return float(np.int64(bits).view(np.float64))
