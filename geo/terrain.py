"""The ground of a study: a prepared DEM, or flat where the study says so."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import ArrayLike, NDArray
from rasterio.errors import RasterioError

from .errors import GeoError
from .grid import Bounds, Grid
from .rasters import read_window

_CHUNK_CELLS = 1024


@dataclass(frozen=True)
class Terrain:
    """Ground elevation; built with `Terrain.flat` or `Terrain.from_raster`.

    Attributes
    ----------
    path
        Raster written by `prepare_raster`; None is flat ground.
    resolution
        Side of a cell; infinite on flat ground. [m]
    bounds
        Edges of the raster; infinite on flat ground. [m]
    lowest
        Lowest ground. [m]
    highest
        Highest ground. [m]
    """

    path: Path | None
    resolution: float
    bounds: Bounds
    lowest: float
    highest: float

    @classmethod
    def flat(cls, elevation: float = 0.0) -> "Terrain":
        """Level ground without end, which a study must ask for in so many words.

        Parameters
        ----------
        elevation
            Elevation everywhere. [m]

        Returns
        -------
        Terrain
            Flat ground.
        """
        return cls(None, np.inf, (-np.inf, -np.inf, np.inf, np.inf), elevation, elevation)

    @classmethod
    def from_raster(cls, path: Path) -> "Terrain":
        """Ground of a prepared DEM.

        Parameters
        ----------
        path
            Raster written by `prepare_raster`.

        Returns
        -------
        Terrain
            Ground that is read window by window.

        Raises
        ------
        GeoError
            If the file cannot be read or was not written by `prepare_raster`.
        """
        try:
            with rasterio.open(path) as data:
                tags, transform, bounds = data.tags(), data.transform, tuple(float(v) for v in data.bounds)
        except RasterioError as error:
            raise GeoError(f"The DEM {path.name} cannot be read ({error}): prepare it again.") from error
        if "minimum" not in tags or "maximum" not in tags:
            raise GeoError(f"The DEM {path.name} is not on the study's grid: pass it through prepare_raster first.")
        return cls(path, float(transform.a), (bounds[0], bounds[1], bounds[2], bounds[3]), float(tags["minimum"]), float(tags["maximum"]))

    @property
    def is_flat(self) -> bool:
        """Whether the ground is level by the study's word.

        Returns
        -------
        bool
            True without a DEM.
        """
        return self.path is None

    @property
    def relief(self) -> float:
        """Height between the lowest and the highest ground.

        Returns
        -------
        float
            Relief of the whole raster. [m]
        """
        return self.highest - self.lowest

    def elevation(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Ground elevation, bilinear between cell centres.

        Parameters
        ----------
        x
            Eastings, shape (n,). [m]
        y
            Northings, shape (n,). [m]

        Returns
        -------
        NDArray[np.float64]
            Elevations, shape (n,); NaN where the DEM has no data. [m]
        """
        east, north = np.atleast_1d(np.asarray(x, np.float64)), np.atleast_1d(np.asarray(y, np.float64))
        if self.path is None:
            return np.where(np.isfinite(east) & np.isfinite(north), self.lowest, np.nan)
        result = np.full(east.shape, np.nan)
        west, south, right, top = self.bounds
        inside = np.flatnonzero((east >= west) & (east <= right) & (north >= south) & (north <= top))
        size = self.resolution * _CHUNK_CELLS
        # chunk by chunk, so that a whole county's points never ask for a whole county's DEM
        key = np.floor(east[inside] / size).astype(np.int64) * 2**32 + np.floor(north[inside] / size).astype(np.int64)
        order = np.argsort(key, kind="stable")
        for group in np.split(inside[order], np.flatnonzero(np.diff(key[order])) + 1):
            if group.size:
                gx, gy = east[group], north[group]
                bounds = (float(gx.min()), float(gy.min()), float(gx.max()), float(gy.max()))
                result[group] = read_window(self.path, bounds, pad=2 * self.resolution).sample(gx, gy)
        return result

    def covers(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """Whether the ground is known.

        Parameters
        ----------
        x
            Eastings, shape (n,). [m]
        y
            Northings, shape (n,). [m]

        Returns
        -------
        NDArray[np.bool_]
            True where the DEM has data, shape (n,).
        """
        return np.isfinite(self.elevation(x, y))

    def window(self, bounds: Bounds, *, pad: float = 0.0) -> Grid | None:
        """DEM cells that cover the bounds.

        Parameters
        ----------
        bounds
            West, south, east and north edge. [m]
        pad
            Width added on every side. [m]

        Returns
        -------
        Grid | None
            Cells of the DEM, NaN beyond it; None on flat ground, which shades nothing.
        """
        return None if self.path is None else read_window(self.path, bounds, pad=pad)
