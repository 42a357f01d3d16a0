"""Square cells over the study: where no district layer is given, and for heat maps."""

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from .errors import LayersError

SIZES_M = (250.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0, 20_000.0)
READABLE = 5000  # cells on a map
_HALF = 1 << 31  # keeps western cells positive in the lower half of a key
Floats = npt.NDArray[np.float64]


def choose_size(x: Floats, y: Floats, *, most: int = READABLE) -> float:
    """
    Choose the smallest usual cell that keeps a map readable.

    Parameters
    ----------
    x, y
        Places of the buildings, shape (n,) [m]; NaN is left out.
    most
        Largest number of cells that hold a building.

    Returns
    -------
    float
        Side of a cell [m].
    """
    there = np.isfinite(x)
    for size in SIZES_M:
        if _corners(x[there], y[there], size)[1].shape[0] <= most:
            return size
    return SIZES_M[-1]


def grid_cells(x: Floats, y: Floats, crs: object, size: float | None = None) -> tuple[gpd.GeoDataFrame, npt.NDArray[np.object_]]:
    """
    Cut the study into square cells and put every building into one.

    Parameters
    ----------
    x, y
        Places of the buildings, shape (n,) [m]; NaN where there is no shape.
    crs
        CRS of the study.
    size
        Side of a cell [m]; that of `choose_size` where it is not given.

    Returns
    -------
    cells : geopandas.GeoDataFrame
        `name` and geometry of the cells that hold a building, from south to north and west to east.
    names : numpy.ndarray
        Name of each building's cell, shape (n,); None where it has no place.

    Raises
    ------
    LayersError
        The size is not above 0.

    Notes
    -----
    Cells are aligned to multiples of the size from the CRS origin and named by their south-west corner in km, E500.5_N4057. A building
    lies in the cell of its representative point, so cells are a partition of buildings and of their roofs.
    """
    if size is not None and not size > 0:
        raise LayersError(f"the side of a grid cell is {size}; expected metres above 0")
    size = choose_size(x, y) if size is None else size
    there = np.isfinite(x)
    which, corners = _corners(x[there], y[there], size)
    names = np.array([f"E{_km(east * size)}_N{_km(north * size)}" for north, east in corners], dtype=object)
    west, south = corners[:, 1] * size, corners[:, 0] * size
    cells = gpd.GeoDataFrame({"name": names}, geometry=shapely.box(west, south, west + size, south + size), crs=crs)
    named: npt.NDArray[np.object_] = np.full(len(x), None, dtype=object)
    named[there] = names[which]
    return cells, named


def _corners(x: np.ndarray, y: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Cell of each point, and (north, east) of the cells in whole sizes."""
    keys = (np.floor(y / size).astype(np.int64) << 32) + np.floor(x / size).astype(np.int64) + _HALF
    cells, which = np.unique(keys, return_inverse=True)
    return which, np.column_stack([cells >> 32, (cells & (2 * _HALF - 1)) - _HALF])


def _km(metres: float) -> str:
    return f"{metres / 1000:.3f}".rstrip("0").rstrip(".")
