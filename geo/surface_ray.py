"""How high a measured surface rises along one ray, jumping over blocks that cannot raise it: for the few rays that lie in gaps.

Where hundreds of rays share a block it is asked once for all (`surface_rays`); a ray alone goes from block to block on its own way.
"""

import math

import numpy as np
from numpy.typing import NDArray

from .lean import lean
from .sectors import SLACK
from .surface_cells import HALF, Cells, cell
from .surface_raster import BLOCK, BLOCK_BITS
from .surface_rays import columns

_HAIR = 1e-6  # cells; by more than a row's number can be off for rounding


@lean
def follow(
    x: float, y: float, z: float, east: float, north: float, east_per: float, north_per: float, reach: float, tangent: float, surface: Cells
) -> float:
    """
    Raise the tangent of one ray over what stands within reach.

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
    east_per
        Way along the ray for a metre to the east or west.
    north_per
        Way for a metre to the north or south.
    reach
        Where the ring ends. [m]
    tangent
        Tangent of the skyline along the ray, not negative.
    surface
        Raster, see `cells`.

    Returns
    -------
    float
        The tangent, raised.
    """
    index, tops, size, rise = surface[1], surface[2], surface[6], surface[7] - z
    mx, my = (-1 if east < 0.0 else 0), (-1 if north < 0.0 else 0)
    u, v = (-x if east < 0.0 else x), (-y if north < 0.0 else y)
    along, aside, drift = east_per, north_per, abs(north)
    turned = abs(east) < abs(north)
    if turned:
        u, v, along, aside, drift = v, u, north_per, east_per, abs(east)
    ci, cj, nj, ni = surface[4] >> BLOCK_BITS, surface[5] >> BLOCK_BITS, index.shape[0], index.shape[1]
    own, beside = cell(u, size), cell(v, size) + 1
    side = size * BLOCK
    i, t = own >> BLOCK_BITS, 0.0
    while t < reach and rise > tangent * t * SLACK:
        leaves = min(((i + 1) * side - u) * along, reach)
        j = math.floor((v + drift * t) / side - _HAIR)
        while j * side - v <= drift * leaves + _HAIR * size:
            a, b = (j, i) if turned else (i, j)
            bi, bj = (a ^ mx) - ci, (b ^ my) - cj
            if 0 <= bi < ni and 0 <= bj < nj:
                enters = max(t, (j * side - v) * aside) * SLACK
                if tops[bj, bi] - z > tangent * max(enters, 0.5 * size) * SLACK:
                    tangent = _over_block(
                        u, v, z, i, j, own, beside, drift, along, aside, reach, tangent,
                        index[bj, bi], mx, my, turned, surface[0], surface[8], size,
                    )  # fmt: skip
            j += 1
        i, t = i + 1, leaves
    return tangent


@lean
def _over_block(
    u: float,
    v: float,
    z: float,
    i: int,
    j: int,
    own: int,
    beside: int,
    drift: float,
    along: float,
    aside: float,
    reach: float,
    tangent: float,
    block: int,
    mx: int,
    my: int,
    turned: bool,
    values: NDArray[np.float32],
    quarters: NDArray[np.float32],
    size: float,
) -> float:
    """Raise a ray over a block, seen so that it runs mainly along the columns and all numbers grow."""
    i0, j0 = i << BLOCK_BITS, j << BLOCK_BITS
    mi, mj = mx & (BLOCK - 1), my & (BLOCK - 1)
    si, sj = 1, BLOCK
    if turned:
        mi, mj, si, sj = mj, mi, BLOCK, 1
    if i0 <= own < i0 + BLOCK and j0 <= beside < j0 + BLOCK:  # the cell beside the point's own
        t = (beside * size - v) * aside
        if t < ((own + 1) * size - u) * along and t < reach:
            top = values[block * BLOCK * BLOCK + ((own - i0) ^ mi) * si + ((beside - j0) ^ mj) * sj] - z
            tangent = max(tangent, top / max(t, 0.5 * size))
    a, b = (2, 1) if turned else (1, 2)
    middle = ((j0 + HALF) * size - v) * aside
    for half in range(2):
        enters, leaves = ((i0 + half * HALF) * size - u) * along, ((i0 + (half + 1) * HALF) * size - u) * along
        if leaves <= 0.0 or enters >= reach:
            continue
        q = (half ^ (mi & 1)) * a
        top = -np.inf
        if enters <= middle:
            top = quarters[block, q + (mj & 1) * b]
        if leaves >= middle:
            top = max(top, quarters[block, q + (1 - (mj & 1)) * b])
        enters = max(enters, (j0 * size - v) * aside, 0.5 * size)
        if top - z > tangent * enters * SLACK and enters < leaves + _HAIR * size * along:
            start = half * HALF
            tangent = columns(
                u, v, z, float(i0 + start), float(j0), drift, along, aside, reach, tangent, size, values, block, start, mi, mj, si, sj
            )  # fmt: skip
    return tangent
