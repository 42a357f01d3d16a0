"""The yield of a tile's roofs: all points first, then once more the roofs that lose points; hours summed by region on the way."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from solar.canopy import Canopy
from solar.engine import HourGroups, Yield, simulate
from solar.orientations import EAST_WEST, Blend
from solar.weather import HOURS

from .model import Station
from .shading import Skylines

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mix:
    """Stations of each roof and their weights, (m, k): the nearest, or the three nearest by inverse distance."""

    station: Ints
    weight: Floats


@dataclass(frozen=True)
class Planes:
    """
    What stands on m roofs, as the engine wants it.

    Attributes
    ----------
    tilt, azimuth
        Of the modules, of the roof where none lie [degrees], shape (m,).
    roof_tilt, downslope
        Of the roof [degrees], shape (m,).
    modules, bare
        Place between the classes of modules and of the bare roof.
    warmer
        Added to the air temperature of each station [K], shape (m, k).
    station
        Stations of each roof and their weights.
    laid, mounting
        Modules laid if no point is lost, and code of their mount, shape (m,).
    group
        Group whose hours the roof adds to, shape (m,).
    """

    tilt: Floats
    azimuth: Floats
    roof_tilt: Floats
    downslope: Floats
    modules: Blend
    bare: Blend
    warmer: Floats
    station: Mix
    laid: Ints
    mounting: Ints
    group: Ints

    def count(self, kept: Floats) -> Ints:
        """
        Give the modules that remain on the good part of each roof.

        Parameters
        ----------
        kept
            Share of the points kept, shape (m,).

        Returns
        -------
        array
            Whole modules, shape (m,).
        """
        return np.where(self.mounting == EAST_WEST, whole_modules(self.laid * kept, pairs=True), whole_modules(self.laid * kept))


@dataclass(frozen=True)
class TileYield:
    """
    Yield of m roofs on their good points, the modules that remain, and the hours of each group [mWh], (G, 8760).

    Notes
    -----
    `points` are the good ones among all, `start` the first of them of each roof, `skylines` and `seen` theirs.
    """

    found: Yield
    seen: Floats
    kept: Floats
    count: Ints
    start: Ints
    points: Ints
    skylines: Skylines
    hourly: Ints


def whole_modules(modules: Floats, *, pairs: bool = False) -> Ints:
    """
    Round down to modules that can be built.

    Parameters
    ----------
    modules
        Modules by area, shape (m,).
    pairs
        Whether they stand in pairs, east and west.

    Returns
    -------
    array
        Whole modules, shape (m,); a tiny lift keeps 12.0 from becoming 11 by rounding.
    """
    step = 2 if pairs else 1
    return (np.floor(modules / step + 1e-9) * step).astype(np.int64)


def tile_yield(
    planes: Planes, skylines: Skylines, start: Ints, stations: Sequence[Station], *, threshold: float, module_kwp: float, groups: int
) -> TileYield:
    """
    Simulate the roofs of a tile and drop the points that get too little light.

    Parameters
    ----------
    planes
        The roofs.
    skylines
        What each of P points sees.
    start
        First point of each roof and the end, shape (m + 1,).
    stations
        Weather stations.
    threshold
        Share of its open light that a point needs to keep.
    module_kwp
        Nameplate of a module [kWp].
    groups
        Number of groups.

    Returns
    -------
    TileYield
        A roof's row depends on its own points alone; a group's hours do not depend on the order of its roofs.
    """
    number = np.diff(start)
    everything = np.arange(len(number))
    views = _Views(*skylines.views(*(np.repeat(of, number) for of in (planes.tilt, planes.azimuth, planes.roof_tilt, planes.downslope))))
    hourly = np.zeros((groups, HOURS), dtype=np.int64)
    # of a mix no station alone knows whether a point is good: its hours are summed in the second turn
    mixed = planes.station.station.shape[1] > 1
    full = planes.count(np.full(len(number), 0.0 if mixed else 1.0)) * module_kwp
    found = _run(planes, everything, skylines, number, views, stations, np.asarray(full, dtype=float), threshold, hourly)
    good = found.point_share >= threshold
    left = np.add.reduceat(good.astype(np.int64), start[:-1])
    kept, again = left / number, (left > 0) & ((left < number) | mixed)
    count, keep = planes.count(kept), np.arange(len(good))
    if again.any():
        keep = np.flatnonzero(~np.repeat(again, number) | good)
        number = np.where(again, left, number)
        skylines, views = skylines.take(keep), views.take(keep)
        rows, points = np.flatnonzero(again), np.flatnonzero(np.repeat(again, number))
        kwp = np.asarray(count[rows] * module_kwp, dtype=float)
        part = _run(planes, rows, skylines.take(points), number[rows], views.take(points), stations, kwp, 0.0, hourly)
        found.specific_energy[rows], found.unshaded[rows], found.irradiation[rows] = part.specific_energy, part.unshaded, part.irradiation
    start = np.concatenate([[0], np.cumsum(number)]).astype(np.int64)
    return TileYield(found, views.mean_sky(), kept, count, start, keep, skylines, hourly)


@dataclass(frozen=True)
class _Views:
    """Sky-view factors of modules and bare roof at each point, shape (P,), and the trees with theirs."""

    modules: Floats
    bare: Floats
    trees: Canopy | None

    def take(self, points: Ints) -> "_Views":
        return _Views(self.modules[points], self.bare[points], None if self.trees is None else self.trees.take(points))

    def mean_sky(self) -> Floats:
        """Sky that the modules see in the year's mean month."""
        if self.trees is None:
            return self.modules
        behind = np.maximum(self.modules - self.trees.sky_view_factor_modules, 0.0)
        return np.asarray(self.trees.sky_view_factor_modules + self.trees.transmissivity.mean() * behind)


def _run(
    planes: Planes,
    rows: Ints,
    skylines: Skylines,
    number: Ints,
    views: _Views,
    stations: Sequence[Station],
    kwp: Floats,
    threshold: float,
    hourly: Ints,
) -> Yield:
    """Simulate some of the roofs, station by station; hours are added to `hourly` [mWh]."""
    size = len(rows)
    out = Yield(np.zeros((size, 12)), np.zeros(size), np.zeros(size), np.zeros(len(skylines.opaque)), np.empty((0, 0)))
    station = planes.station.station[rows]
    for rank, index in np.ndindex(station.shape[1], len(stations)):
        cell, here = stations[index], station[:, rank] == index
        roofs = np.flatnonzero(here)
        if not roofs.size:
            continue
        own, points = rows[roofs], np.flatnonzero(np.repeat(here, number))
        weight = planes.station.weight[own, rank]
        seen = views.take(points)
        part = simulate(
            cell.sky,
            orientation=Blend(planes.modules.classes[own], planes.modules.weights[own]),
            plane=Blend(planes.bare.classes[own], planes.bare.weights[own]),
            horizon=skylines.opaque[points],
            point_start=np.concatenate([[0], np.cumsum(number[roofs])]),
            sky_view_factor_modules=seen.modules,
            sky_view_factor_plane=seen.bare,
            temperature_offset=planes.warmer[own, rank],
            groups=HourGroups(np.where(kwp[roofs] > 0.0, planes.group[own], -1), weight * kwp[roofs], len(hourly), threshold),
            canopy=seen.trees,
        )
        out.specific_energy[roofs] += weight[:, None] * part.specific_energy
        out.unshaded[roofs] += weight * part.unshaded
        out.irradiation[roofs] += weight * part.irradiation
        out.point_share[points] += np.repeat(weight, number[roofs]) * part.point_share
        hourly[:, cell.sky.hour_of_year] += part.hourly.astype(np.int64)
    return out
