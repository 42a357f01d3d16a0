"""A raster of tops laid out for the kernels that follow rays through it."""

import math

import numpy as np
from numpy.typing import NDArray

from .lean import lean
from .surface_raster import BLOCK, Surface

HALF = BLOCK // 2  # columns taken at once

# values, index, block_tops, super_tops, first column, first row, side of a cell, highest cell, tops of the quarters of blocks
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
        return np.empty(0, np.float32), np.full((1, 1), -1, np.int32), empty, empty, 0, 0, 1.0, -np.inf, np.empty((0, 4), np.float32)
    s = surface
    quarters = s.values.reshape(-1, 2, HALF, 2, HALF).max(axis=(2, 4)).reshape(-1, 4)
    return s.values.reshape(-1), s.index, s.block_tops, s.super_tops, s.first_column, s.first_row, s.resolution, s.highest, quarters


@lean
def cell(u: float, size: float) -> int:
    """
    Column of a place, by the products that tell where a ray enters a column: of quotients, that of 3 * 0.7 by 0.7 is below 3.

    Parameters
    ----------
    u
        Place along an axis. [m]
    size
        Side of a cell. [m]

    Returns
    -------
    int
        Global number of the column.
    """
    i = math.floor(u / size)
    if (i + 1) * size - u <= 0.0:
        return i + 1
    return i - 1 if i * size - u > 0.0 else i
