"""The yield of a tile's roofs: all points first, then once more the roofs that lose points; hours summed by region on the way."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.sky_view import sky_view_factor
from solar.engine import HourGroups, Yield, simulate
from solar.orientations import EAST_WEST, Blend
from solar.weather import HOURS

from .model import Station

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
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
    """Yield of m roofs on their good points, these points, the modules that remain, and the hours of each group [mWh], (G, 8760)."""

    found: Yield
    seen: Floats
    kept: Floats
    count: Ints
    start: Ints
    horizon: Floats32
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
    planes: Planes, horizon: Floats32, start: Ints, stations: Sequence[Station], *, threshold: float, module_kwp: float, groups: int
) -> TileYield:
    """
    Simulate the roofs of a tile and drop the points that get too little light.

    Parameters
    ----------
    planes
        The roofs.
    horizon
        Horizon of each point, shape (P, 72) [degrees].
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
    seen = sky_view_factor(horizon, np.repeat(planes.tilt, number), np.repeat(planes.azimuth, number))
    hourly = np.zeros((groups, HOURS), dtype=np.int64)
    # of a mix no station alone knows whether a point is good: its hours are summed in the second turn
    mixed = planes.station.station.shape[1] > 1
    full = planes.count(np.full(len(number), 0.0 if mixed else 1.0)) * module_kwp
    found = _run(planes, everything, horizon, number, seen, stations, np.asarray(full, dtype=float), threshold, hourly)
    good = found.point_share >= threshold
    left = np.add.reduceat(good.astype(np.int64), start[:-1])
    kept, again = left / number, (left > 0) & ((left < number) | mixed)
    count = planes.count(kept)
    if again.any():
        keep = ~np.repeat(again, number) | good
        number = np.where(again, left, number)
        horizon, seen = horizon[keep], seen[keep]
        rows, points = np.flatnonzero(again), np.repeat(again, number)
        part = _run(
            planes,
            rows,
            horizon[points],
            number[rows],
            seen[points],
            stations,
            np.asarray(count[rows] * module_kwp, dtype=float),
            0.0,
            hourly,
        )
        found.specific_energy[rows], found.unshaded[rows], found.irradiation[rows] = part.specific_energy, part.unshaded, part.irradiation
    return TileYield(found, seen, kept, count, np.concatenate([[0], np.cumsum(number)]).astype(np.int64), horizon, hourly)


def _run(
    planes: Planes,
    rows: Ints,
    horizon: Floats32,
    number: Ints,
    seen: Floats,
    stations: Sequence[Station],
    kwp: Floats,
    threshold: float,
    hourly: Ints,
) -> Yield:
    """Simulate some of the roofs, station by station; hours are added to `hourly` [mWh]."""
    bare = _seen_by_roof(planes, rows, horizon, number, seen)
    size = len(rows)
    out = Yield(np.zeros((size, 12)), np.zeros(size), np.zeros(size), np.zeros(len(horizon)), np.empty((0, 0)))
    station = planes.station.station[rows]
    for rank, index in np.ndindex(station.shape[1], len(stations)):
        cell, here = stations[index], station[:, rank] == index
        roofs = np.flatnonzero(here)
        if not roofs.size:
            continue
        own, points = rows[roofs], np.flatnonzero(np.repeat(here, number))
        weight = planes.station.weight[own, rank]
        part = simulate(
            cell.sky,
            orientation=Blend(planes.modules.classes[own], planes.modules.weights[own]),
            plane=Blend(planes.bare.classes[own], planes.bare.weights[own]),
            horizon=horizon[points],
            point_start=np.concatenate([[0], np.cumsum(number[roofs])]),
            sky_view_factor_modules=seen[points],
            sky_view_factor_plane=bare[points],
            temperature_offset=planes.warmer[own, rank],
            groups=HourGroups(np.where(kwp[roofs] > 0.0, planes.group[own], -1), weight * kwp[roofs], len(hourly), threshold),
        )
        out.specific_energy[roofs] += weight[:, None] * part.specific_energy
        out.unshaded[roofs] += weight * part.unshaded
        out.irradiation[roofs] += weight * part.irradiation
        out.point_share[points] += np.repeat(weight, number[roofs]) * part.point_share
        hourly[:, cell.sky.hour_of_year] += part.hourly.astype(np.int64)
    return out


def _seen_by_roof(planes: Planes, rows: Ints, horizon: Floats32, number: Ints, seen: Floats) -> Floats:
    """Sky seen by the bare roof: that of the modules where they lie in its plane."""
    tilt, azimuth, roof_tilt, downslope = (v[rows] for v in (planes.tilt, planes.azimuth, planes.roof_tilt, planes.downslope))
    apart = np.repeat((tilt != roof_tilt) | (azimuth != downslope), number)
    bare = seen.copy()
    bare[apart] = sky_view_factor(horizon[apart], np.repeat(roof_tilt, number)[apart], np.repeat(downslope, number)[apart])
    return bare
