"""A window of a raster on the study's global grid: cells start at multiples of the resolution, counted from the origin of the CRS."""

from dataclasses import dataclass

import numpy as np
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
        gx = np.asarray(x, np.float64) / self.resolution
        gy = np.asarray(y, np.float64) / self.resolution
        finite = np.isfinite(gx) & np.isfinite(gy)
        gx, gy = np.where(finite, gx, 0.0), np.where(finite, gy, 0.0)
        own = self._cell(np.floor(gx), np.floor(gy))
        i, j = np.floor(gx - 0.5), np.floor(gy - 0.5)
        u, v = gx - 0.5 - i, gy - 0.5 - j
        total, weight = np.zeros_like(gx), np.zeros_like(gx)
        for di, dj, w in ((0, 0, (1 - u) * (1 - v)), (1, 0, u * (1 - v)), (0, 1, (1 - u) * v), (1, 1, u * v)):
            value = self._cell(i + di, j + dj)
            known = np.isfinite(value)
            total += np.where(known, value, 0.0) * w
            weight += np.where(known, w, 0.0)
        covered = finite & np.isfinite(own) & (weight > 0)
        return np.where(covered, total / np.where(covered, weight, 1.0), np.nan)

    def _cell(self, i: NDArray[np.float64], j: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value of global cell (i eastward, j northward), NaN outside the window."""
        ny, nx = self.values.shape
        column = i - self.first_column
        row = self.top_row - 1 - j
        inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
        column, row = np.where(inside, column, 0).astype(np.int64), np.where(inside, row, 0).astype(np.int64)
        return np.where(inside, self.values[row, column].astype(np.float64), np.nan)


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
