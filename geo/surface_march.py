"""How high a measured surface rises along one ray: every cell it meets, nothing left out; the plain truth, for audits."""

import numpy as np

from .lean import lean
from .surface_cells import Cells, cell
from .surface_raster import BLOCK, BLOCK_BITS


@lean
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
    i, j = cell(u, size), cell(v, size)
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


@lean
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
