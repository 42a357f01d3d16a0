"""How high a building stands: given, from its floors, from a surface model, or the default of its class."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio.features
import rasterio.transform
import shapely

from .errors import GeoError
from .grid import Grid

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

# The tallest building on Earth has 828 m and 163 floors; more is a mistake in the data.
HIGHEST_M, MOST_FLOORS = 830.0, 165.0
# Nothing with a roof is lower; 0 and -9999 mean that nobody knows.
LOWEST_M = 1.5
# A footprint whose surface model stands less than this above the ground does not show a building there.
LOWEST_DSM_M = 2.0
# Cells that are compared with the ground at once.
_AT_ONCE = 1_000_000


def choose_heights(height: Floats, floors: Floats, dsm_height: Floats, storey_height: Floats, default: Floats) -> tuple[Floats, Objects]:
    """
    Take the best-founded height of each building.

    Parameters
    ----------
    height, floors
        Shape (n,), as given, NaN where not [m], [-].
    dsm_height
        Shape (n,), surface model minus ground, NaN where there is none [m].
    storey_height, default
        Shape (n,), of the building's class [m].

    Returns
    -------
    height_m : array of float
        Shape (n,) [m].
    height_source : array of str
        Shape (n,): "height", "dsm", "floors" or "class", in this order of preference.
    """
    shown = np.where(dsm_height >= LOWEST_DSM_M, dsm_height, np.nan)
    choices = [height, shown, floors * storey_height, default]
    names = ["height", "dsm", "floors", "class"]
    taken = np.stack([np.isfinite(c) for c in choices]).argmax(axis=0)
    return np.choose(taken, choices), np.array(names, dtype=object)[taken]


def heights_above_ground(geometry: Objects, dsm: Grid, dem: Grid) -> Floats:
    """
    Measure buildings as the median of surface minus ground over the cells inside each footprint.

    Parameters
    ----------
    geometry
        Shape (n,), polygons in the grids' CRS.
    dsm, dem
        Surface and ground; the ground may be coarser and is sampled at the surface's cells.

    Returns
    -------
    array of float
        Shape (n,) [m]; NaN where no cell centre with both values lies inside.

    Raises
    ------
    GeoError
        If the surface grid is empty.
    """
    if not dsm.values.size:
        raise GeoError("the surface model has no cells over these buildings")
    rows, columns = dsm.values.shape
    transform = rasterio.transform.from_origin(dsm.left, dsm.top, dsm.resolution, dsm.resolution)
    shapes = [(shape, label) for label, shape in enumerate(geometry, start=1) if shape is not None and not shapely.is_empty(shape)]
    labels = (
        rasterio.features.rasterize(shapes, out_shape=(rows, columns), transform=transform, dtype="int32")
        if shapes
        else np.zeros((rows, columns), np.int32)
    )
    cells = np.flatnonzero(labels)
    above = np.empty(len(cells))
    for start in range(0, len(cells), _AT_ONCE):  # one hall may have twenty million cells
        row, column = np.divmod(cells[start : start + _AT_ONCE], columns)
        x = dsm.left + (column + 0.5) * dsm.resolution
        y = dsm.top - (row + 0.5) * dsm.resolution
        above[start : start + _AT_ONCE] = dsm.values[row, column].astype(float) - dem.sample(x, y)
    median = pd.Series(above).groupby(labels.ravel()[cells]).median()
    return np.asarray(median.reindex(np.arange(1, len(geometry) + 1)), dtype=np.float64)
