"""Ground of the sample county: hills in the south, a river plain in the north, from seeded value noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine

Floats = NDArray[np.floating[Any]]

RESOLUTION = 30.0
# Sites are searched on blocks of 3 x 3 cells: small enough for a village, and a tenth of the raster's cells.
BLOCK = 3
PEAK = 900.0
# Wavelength [m], weight, and the cosine and sine of the lattice's turn: turned lattices hide the squares of value noise.
_RIDGES = (
    (8400.0, 0.50, 0.8, 0.6),
    (4300.0, 0.28, 0.96, -0.28),
    (2100.0, 0.15, 0.28, 0.96),
    (950.0, 0.05, 0.6, -0.8),
    (430.0, 0.02, 1.0, 0.0),
)
_BAND = 256


@dataclass(frozen=True)
class ValueNoise:
    """Smooth noise in 0..1: random values on a lattice, blended by a cubic that needs no library function."""

    lattice: Floats
    left: float
    bottom: float
    wavelength: float

    @classmethod
    def over(cls, rng: np.random.Generator, bounds: tuple[float, float, float, float], wavelength: float) -> ValueNoise:
        """
        Draw a lattice that covers `bounds` (left, bottom, right, top) [m].

        Parameters
        ----------
        rng
            Random stream of this part of the county.
        bounds
            Left, bottom, right, top [m].
        wavelength
            Distance of the lattice points [m].

        Returns
        -------
        ValueNoise
            Noise for any point of the bounds.
        """
        left, bottom, right, top = bounds
        shape = (int((top - bottom) // wavelength) + 3, int((right - left) // wavelength) + 3)
        return cls(rng.random(shape), left, bottom, wavelength)

    def grid(self, x: Floats, y: Floats) -> Floats:
        """
        Evaluate the noise on a raster.

        Parameters
        ----------
        x
            Eastings [m], shape (nx,).
        y
            Northings [m], shape (ny,).

        Returns
        -------
        array of float
            Shape (ny, nx), 0 to 1.
        """
        column, along = _blend((x - self.left) / self.wavelength)
        row, up = _blend((y - self.bottom) / self.wavelength)
        rows = self.lattice[row] + (self.lattice[row + 1] - self.lattice[row]) * up[:, None]
        left = rows[:, column]
        return left + (rows[:, column + 1] - left) * along

    def at(self, x: Floats, y: Floats) -> Floats:
        """
        Evaluate the noise at scattered points.

        Parameters
        ----------
        x
            Eastings [m], any shape.
        y
            Northings [m], same shape.

        Returns
        -------
        array of float
            Same shape, 0 to 1.
        """
        column, along = _blend((x - self.left) / self.wavelength)
        row, up = _blend((y - self.bottom) / self.wavelength)
        low = self.lattice[row, column] + (self.lattice[row, column + 1] - self.lattice[row, column]) * along
        high = self.lattice[row + 1, column] + (self.lattice[row + 1, column + 1] - self.lattice[row + 1, column]) * along
        return low + (high - low) * up


@dataclass(frozen=True)
class CountyGround:
    """Elevations [m] on a raster whose row 0 is the north; `dry` is False on the river and its dikes."""

    values: NDArray[np.float32]
    left: float
    top: float
    dry: NDArray[np.bool_]
    slope: Floats

    @property
    def block_size(self) -> float:
        """
        Return the side of one cell of `dry` and `slope`.

        Returns
        -------
        float
            Side [m].
        """
        return RESOLUTION * BLOCK


def make_ground(rng: np.random.Generator, bounds: tuple[float, float, float, float]) -> CountyGround:
    """
    Make the elevations over `bounds` (left, bottom, right, top) [m], multiples of 90 m.

    Parameters
    ----------
    rng
        Random stream of this part of the county.
    bounds
        Left, bottom, right, top [m], multiples of 90 m.

    Returns
    -------
    CountyGround
        Elevations at 30 m, slopes and dry land at 90 m.
    """
    left, bottom, right, top = bounds
    x = np.arange(left + RESOLUTION / 2, right, RESOLUTION)
    y = np.arange(top - RESOLUTION / 2, bottom, -RESOLUTION)
    northing = ((y - bottom) / (top - bottom))[:, None]

    edge = ValueNoise.over(rng, bounds, (right - left) / 4).grid(x, y)
    hilly = _smooth((0.60 + 0.30 * (edge - 0.5) - northing) / 0.42)
    rise = _ridges(rng, bounds, x, y)
    # Subtracting a floor keeps the valleys flat enough for villages.
    rise = np.clip(rise - 0.30, 0, None)
    rise = hilly * rise * np.sqrt(rise)

    plain = 24 + 22 * (1 - northing) + 70 * hilly + 3 * ValueNoise.over(rng, bounds, 2600.0).grid(x, y)
    middle = bottom + (top - bottom) * (0.84 + 0.10 * (ValueNoise.over(rng, bounds, 6500.0).grid(x, y[:1])[0] - 0.5))
    distance = np.abs(y[:, None] - middle)
    plain += 5.0 * _smooth(1 - np.abs(distance - 420) / 90) - 6.0 * _smooth((320 - distance) / 120)
    values = plain + rise * (PEAK - plain.max()) / max(float(rise.max()), 1e-9)

    # A decimetre of rounding hides the last bits in which processors may differ.
    elevations = np.round(values, 1).astype(np.float32)
    coarse = elevations.reshape(y.size // BLOCK, BLOCK, x.size // BLOCK, BLOCK).mean(axis=(1, 3), dtype=np.float64)
    north, east = np.gradient(coarse, RESOLUTION * BLOCK)
    return CountyGround(
        elevations, left, top, distance[BLOCK // 2 :: BLOCK, BLOCK // 2 :: BLOCK] > 560, np.degrees(np.arctan(np.sqrt(north**2 + east**2)))
    )


def _ridges(rng: np.random.Generator, bounds: tuple[float, float, float, float], x: Floats, y: Floats) -> Floats:
    """Sum ridged noise of several wavelengths on the raster of `y` by `x`: 0..1, sharp on the crests."""
    left, bottom, right, top = bounds
    middle, half = np.array([left + right, bottom + top]) / 2, 0.75 * max(right - left, top - bottom)
    around = (-half, -half, half, half)
    rise = np.zeros((y.size, x.size))
    for wavelength, weight, c, s in _RIDGES:
        noise = ValueNoise.over(rng, around, wavelength)
        for row in range(0, y.size, _BAND):
            east, north = x[None, :] - middle[0], y[row : row + _BAND, None] - middle[1]
            crest = 1 - np.abs(2 * noise.at(c * east - s * north, s * east + c * north) - 1)
            rise[row : row + _BAND] += weight * crest * crest
    return rise


def write_ground(ground: CountyGround, path: Path, crs: str) -> None:
    """
    Write the elevations as a tiled GeoTIFF.

    Parameters
    ----------
    ground
        Elevations.
    path
        File to write.
    crs
        Projected CRS of the county.
    """
    height, width = ground.values.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=1,
        dtype="float32",
        crs=crs,
        nodata=-9999.0,
        transform=Affine(RESOLUTION, 0, ground.left, 0, -RESOLUTION, ground.top),
        tiled=True,
        compress="deflate",
        predictor=3,
        num_threads="all_cpus",
    ) as target:
        target.write(ground.values, 1)


def _blend(position: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Split lattice positions into the cell below and the smoothed way to the next."""
    cell = np.floor(position).astype(np.int64)
    return cell, _smooth(position - cell)


def _smooth(t: Floats) -> Floats:
    """Cubic from 0 to 1 with level ends."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
