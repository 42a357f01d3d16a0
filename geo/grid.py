"""A window of a raster on the study's global grid: cells start at multiples of the resolution, counted from the origin of the CRS."""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from .errors import GeoError

Bounds = tuple[float, float, float, float]

_ALIGNMENT = 1e-6  # share of a cell: what floating point may cost, far below what a shifted raster would show


@dataclass(frozen=True)
class Grid:
    """Values of a raster window in a projected CRS; NaN where there is no data.

    Attributes
    ----------
    values
        Cell values, shape (ny, nx); row 0 is the northernmost. [m]
    left
        Western edge of the window. [m]
    top
        Northern edge of the window. [m]
    resolution
        Side of a cell. [m]
    """

    values: NDArray[np.float32]
    left: float
    top: float
    resolution: float

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or 0 in self.values.shape:
            raise GeoError(f"A grid needs values of shape (ny, nx), got {self.values.shape}: read a window that contains cells.")
        if not self.resolution > 0:
            raise GeoError(f"A grid needs a resolution above 0 m, got {self.resolution}.")
        for name, edge in (("left", self.left), ("top", self.top)):
            cells = edge / self.resolution
            if not np.isfinite(cells) or abs(cells - round(cells)) > _ALIGNMENT * max(1.0, abs(cells) * 1e-6):
                raise GeoError(
                    f"The grid's {name} edge {edge!r} is no multiple of its resolution {self.resolution} m: "
                    "prepare the raster with prepare_raster, which puts it onto the global grid."
                )

    @property
    def bounds(self) -> Bounds:
        """West, south, east and north edge.

        Returns
        -------
        Bounds
            Edges of the window. [m]
        """
        ny, nx = self.values.shape
        return self.left, self.top - ny * self.resolution, self.left + nx * self.resolution, self.top

    @property
    def first_column(self) -> int:
        """Global index of the westernmost column.

        Returns
        -------
        int
            Cells between the origin of the CRS and the western edge.
        """
        return round(self.left / self.resolution)

    @property
    def top_row(self) -> int:
        """Global index of the northern edge, counted northward.

        Returns
        -------
        int
            Cells between the origin of the CRS and the northern edge.
        """
        return round(self.top / self.resolution)

    def sample(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Bilinear value between cell centres.

        Parameters
        ----------
        x
            Eastings, shape (n,). [m]
        y
            Northings, shape (n,). [m]

        Returns
        -------
        NDArray[np.float64]
            Values, shape (n,); NaN where the point's own cell has no data. Neighbours without data carry no weight. [m]
        """
        gx, gy = np.broadcast_arrays(np.asarray(x, np.float64) / self.resolution, np.asarray(y, np.float64) / self.resolution)
        found = np.empty(gx.shape)
        _sample(self.values, self.first_column, self.top_row, gx.ravel(), gy.ravel(), found.reshape(-1))
        return found


def snap(bounds: Bounds, resolution: float) -> tuple[int, int, int, int]:
    """Smallest range of global cells that covers the bounds.

    Parameters
    ----------
    bounds
        West, south, east and north edge. [m]
    resolution
        Side of a cell. [m]

    Returns
    -------
    tuple[int, int, int, int]
        First column, first row (counted northward), and the column and row after the last.

    Raises
    ------
    GeoError
        If the bounds are not finite or empty.
    """
    west, south, east, north = bounds
    if not np.isfinite(bounds).all() or east < west or north < south:
        raise GeoError(f"Bounds must be finite and ordered west, south, east, north; got {bounds}.")
    i0, j0 = int(np.floor(west / resolution + _ALIGNMENT)), int(np.floor(south / resolution + _ALIGNMENT))
    i1, j1 = int(np.ceil(east / resolution - _ALIGNMENT)), int(np.ceil(north / resolution - _ALIGNMENT))
    return i0, j0, max(i1, i0 + 1), max(j1, j0 + 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _sample(
    values: NDArray[np.float32],
    first_column: int,
    top_row: int,
    gx: NDArray[np.float64],
    gy: NDArray[np.float64],
    found: NDArray[np.float64],
) -> None:
    """Bilinear value at points in global cells; a neighbour without data carries no weight, the point's own cell must have some."""
    ny, nx = values.shape
    for n in range(gx.shape[0]):
        found[n] = np.nan
        if not (math.isfinite(gx[n]) and math.isfinite(gy[n])):
            continue
        column, row = math.floor(gx[n]) - first_column, top_row - 1 - math.floor(gy[n])
        if column < 0 or column >= nx or row < 0 or row >= ny or not math.isfinite(values[row, column]):
            continue
        west, south = math.floor(gx[n] - 0.5), math.floor(gy[n] - 0.5)
        u, v = gx[n] - 0.5 - west, gy[n] - 0.5 - south
        total, weight = 0.0, 0.0
        for north in range(2):
            for east in range(2):
                column, row = west + east - first_column, top_row - 1 - (south + north)
                if column < 0 or column >= nx or row < 0 or row >= ny or not math.isfinite(values[row, column]):
                    continue
                part = (u if east else 1.0 - u) * (v if north else 1.0 - v)
                total += values[row, column] * part
                weight += part
        if weight > 0.0:
            found[n] = total / weight
