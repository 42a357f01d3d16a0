"""Square cells over the study: where no district layer is given, and for heat maps."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from .errors import LayersError

SIZES_M = (250.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0, 20_000.0)
READABLE = 5000  # cells on a map
_HALF = 1 << 31  # keeps western cells positive in the lower half of a key


def choose_size(buildings: gpd.GeoDataFrame, *, most: int = READABLE) -> float:
    """
    Choose the smallest usual cell that keeps a map readable.

    Parameters
    ----------
    buildings
        Buildings in the study's CRS; those without geometry are left out.
    most
        Largest number of cells that hold a building.

    Returns
    -------
    float
        Side of a cell [m].
    """
    return _readable(*_places(buildings), most)


def grid_cells(buildings: gpd.GeoDataFrame, size: float | None = None) -> tuple[gpd.GeoDataFrame, pd.Series]:
    """
    Cut the study into square cells and put every building into one.

    Parameters
    ----------
    buildings
        Buildings in the study's CRS.
    size
        Side of a cell [m]; that of `choose_size` where it is not given.

    Returns
    -------
    cells : geopandas.GeoDataFrame
        `name` and geometry of the cells that hold a building, from south to north and west to east.
    names : pandas.Series
        Name of each building's cell on the buildings' index; empty where a building has no geometry.

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
    x, y = _places(buildings)
    size = _readable(x, y, READABLE) if size is None else size
    there = np.isfinite(x)
    which, corners = _corners(x[there], y[there], size)
    names = np.array([f"E{_km(east * size)}_N{_km(north * size)}" for north, east in corners], dtype=object)
    west, south = corners[:, 1] * size, corners[:, 0] * size
    cells = gpd.GeoDataFrame({"name": names}, geometry=shapely.box(west, south, west + size, south + size), crs=buildings.crs)
    named = np.full(len(buildings), None, dtype=object)
    named[there] = names[which]
    return cells, pd.Series(named, index=buildings.index, name="grid", dtype=pd.StringDtype(na_value=np.nan))


def _places(buildings: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    boxes = shapely.bounds(shapely.point_on_surface(buildings.geometry.to_numpy()))  # NaN, not an error, where there is no shape
    return boxes[:, 0], boxes[:, 1]


def _readable(x: np.ndarray, y: np.ndarray, most: int) -> float:
    there = np.isfinite(x)
    for size in SIZES_M:
        if _corners(x[there], y[there], size)[1].shape[0] <= most:
            return size
    return SIZES_M[-1]


def _corners(x: np.ndarray, y: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Cell of each point, and (north, east) of the cells in whole sizes."""
    keys = (np.floor(y / size).astype(np.int64) << 32) + np.floor(x / size).astype(np.int64) + _HALF
    cells, which = np.unique(keys, return_inverse=True)
    return which, np.column_stack([cells >> 32, (cells & (2 * _HALF - 1)) - _HALF])


def _km(metres: float) -> str:
    return f"{metres / 1000:.3f}".rstrip("0").rstrip(".")
