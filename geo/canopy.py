"""Trees as a surface: heights of a canopy raster stood on the ground, and laid over a surface model."""

import numpy as np

from .errors import GeoError
from .grid import Grid
from .terrain import Terrain

LOWEST_TREE = 1.0  # m; lower growth shades no roof
_STRIP_ROWS = 256  # trees whose places are in memory at once
TALLEST_TREE = 100.0  # m; above ground, anywhere on earth 116 m


def check_heights(highest: float) -> None:
    """
    Refuse a canopy raster that holds elevations instead of heights.

    Parameters
    ----------
    highest
        Largest value of the raster. [m]

    Raises
    ------
    GeoError
        If no tree is that tall.
    """
    if highest > TALLEST_TREE:
        raise GeoError(
            f"terrain.canopy has values up to {highest:.0f} m; expected heights of trees above ground, 0 where there are none: "
            "subtract the DEM from it first"
        )


def tree_tops(canopy: Grid, terrain: Terrain) -> Grid:
    """
    Stand trees on the ground.

    Parameters
    ----------
    canopy
        Heights above ground; 0 or NaN where there is no tree.
    terrain
        Ground.

    Returns
    -------
    Grid
        Tops above the datum on the same cells, NaN where no tree stands. [m]
    """
    tops = np.full(canopy.values.shape, np.nan, np.float32)
    for first in range(0, len(tops), _STRIP_ROWS):
        strip = canopy.values[first : first + _STRIP_ROWS]
        row, column = np.nonzero(strip > LOWEST_TREE)  # false for NaN
        x = (canopy.first_column + column + 0.5) * canopy.resolution
        y = (canopy.top_row - first - row - 0.5) * canopy.resolution
        tops[first + row, column] = terrain.elevation(x, y) + strip[row, column]
    return Grid(tops, canopy.left, canopy.top, canopy.resolution)


def overlay(below: Grid, above: Grid) -> Grid:
    """
    Lay one surface over another: the higher of both, cell by cell.

    Parameters
    ----------
    below
        One surface.
    above
        The other, in cells of the same size.

    Returns
    -------
    Grid
        All cells of both, NaN where neither has data. [m]

    Raises
    ------
    GeoError
        If cells differ in size.
    """
    if below.resolution != above.resolution:
        raise GeoError(f"Surfaces with cells of {below.resolution} m and {above.resolution} m: prepare both with one resolution.")
    left, top = min(below.first_column, above.first_column), max(below.top_row, above.top_row)
    right = max(g.first_column + g.values.shape[1] for g in (below, above))
    bottom = min(g.top_row - g.values.shape[0] for g in (below, above))
    out = np.full((top - bottom, right - left), np.nan, np.float32)
    for grid in (below, above):
        i, j = top - grid.top_row, grid.first_column - left
        part = out[i : i + grid.values.shape[0], j : j + grid.values.shape[1]]
        np.fmax(part, grid.values, out=part)
    return Grid(out, left * below.resolution, top * below.resolution, below.resolution)
