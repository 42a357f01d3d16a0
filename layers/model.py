"""Everything that is the same for all tiles of a run: parameters, skies, and the land around."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from geo.archetypes import Archetypes
from geo.far_horizons import FarHorizons
from geo.terrain import Terrain
from solar.cashflow import Terms
from solar.engine import HourGroups, simulate
from solar.facts import Fact
from solar.money import Finance
from solar.mounts import pitch_ratio
from solar.orientations import BARE, EAST_WEST, FLUSH, RACK, Orientations, orientation_grid
from solar.parameters import System
from solar.self_use import Market
from solar.sky import Sky
from solar.thermal import Thermal
from solar.weather import HOURS

from .carbon import Carbon
from .demand import Demand

Floats = npt.NDArray[np.float64]
LAPSE_K_PER_M = -0.0065
# Racks face at most 45 degrees off the equator; classes stand every 10 degrees, and row spacings for every 5 degrees of turn.
_RACK_TURNS = np.arange(-50.0, 51.0, 10.0)
_SPACED_FOR = np.arange(0.0, 46.0, 5.0)


@dataclass(frozen=True)
class Station:
    """A weather cell: its sky, where it stands, and the unshaded yield of each class [kWh/kWp]."""

    sky: Sky
    x: float
    y: float
    altitude: float
    unshaded: Floats


@dataclass(frozen=True)
class Model:
    """
    Parameters of the assessment; it travels to the workers once.

    Notes
    -----
    `profile_columns`: column of the region's name by layer whose hours are summed; `typical`: hours of a typical roof [kWh/kWp], from
    which `market` was made with the loads and prices that `price_facts` tells of; `mix`: a roof takes the nearest station, or
    three_nearest by inverse distance; `thermal`: collectors of dwellings, None without.
    """

    archetypes: Archetypes
    system: System
    stations: tuple[Station, ...]
    finance: Finance
    terms: Terms
    market: Market
    demand: Demand
    typical: Floats
    price_facts: tuple[Fact, ...]
    carbon: Carbon
    latitude: float
    terrain: Terrain
    far: FarHorizons | None
    dsm: Path | None
    dsm_planes: bool
    canopy: Path | None
    transmissivity: Floats
    surface_resolution: float
    choose: str
    point_threshold: float
    mix: str = "nearest"
    profile_columns: Mapping[str, str] = field(default_factory=dict)
    thermal: Thermal | None = None

    def rasters(self) -> list[Path]:
        """Return the prepared rasters that the assessment reads."""
        return [path for path in (self.terrain.path, self.dsm, self.canopy) if path is not None]

    def moved(self, folder: Path) -> "Model":
        """
        Take the prepared rasters from another folder.

        Parameters
        ----------
        folder
            Where files of the same names lie.

        Returns
        -------
        Model
            The same parameters.
        """
        terrain, dsm, canopy = (path and folder / path.name for path in (self.terrain.path, self.dsm, self.canopy))
        return replace(self, terrain=replace(self.terrain, path=terrain), dsm=dsm, canopy=canopy)


def county_orientations(system: System, latitude: float) -> Orientations:
    """
    Give the orientation classes of a county: the flush grid, and racks with the row spacing that each azimuth needs.

    Parameters
    ----------
    system
        Tilts of racks and east-west pairs.
    latitude
        Of the study [degrees].

    Returns
    -------
    Orientations
        Classes; the ground cover ratios of racks are the inverse of `pitch_ratio` at every 5° of turn.
    """
    rack, pair = system.mounts["rack"], system.mounts["east_west"]
    grid = orientation_grid([], (pair.tilt, pair.gcr))
    equator = 180.0 if latitude >= 0 else 0.0
    cover = np.unique(np.minimum(1.0, np.round(1.0 / pitch_ratio(latitude, rack.tilt, equator + _SPACED_FOR), 4)))
    azimuth, spacing = (v.ravel() for v in np.meshgrid((equator + _RACK_TURNS) % 360.0, cover))
    return Orientations(
        np.concatenate([grid.surface_tilt, np.full(azimuth.size, rack.tilt)]),
        np.concatenate([grid.surface_azimuth, azimuth]),
        np.concatenate([grid.mounting, np.full(azimuth.size, RACK, dtype=np.int64)]),
        np.concatenate([grid.gcr, spacing]),
    )


def cover_ratio(system: System, latitude: float, mounting: int, azimuth: Floats) -> Floats:
    """
    Ground cover ratio of the rows of a mount.

    Parameters
    ----------
    system
        Tilts and the cover of east-west pairs.
    latitude
        Of the study [degrees].
    mounting
        0 flush, 1 rack, 2 east_west.
    azimuth
        That the rows face, shape (m,) [degrees].

    Returns
    -------
    array
        Module area over field area, shape (m,) [-].
    """
    if mounting == RACK:
        return np.minimum(1.0, 1.0 / pitch_ratio(latitude, system.mounts["rack"].tilt, azimuth))
    return np.full(np.shape(azimuth), system.mounts["east_west"].gcr if mounting == EAST_WEST else 1.0)


def open_yield(sky: Sky) -> Floats:
    """
    Yield of every class under an open horizon at the station.

    Parameters
    ----------
    sky
        Prepared sky.

    Returns
    -------
    array
        Shape (C,) [kWh/kWp]; NaN for bare planes.
    """
    classes = sky.orientations
    mounted = np.flatnonzero(classes.mounting != BARE)
    bare = classes.nearest(classes.surface_tilt[mounted], classes.surface_azimuth[mounted], BARE)
    ones = np.ones(mounted.size)
    found = simulate(
        sky,
        orientation=mounted,
        plane=bare,
        horizon=np.zeros((mounted.size, 72), dtype=np.float32),
        point_start=np.arange(mounted.size + 1),
        sky_view_factor_modules=ones,
        sky_view_factor_plane=ones,
        temperature_offset=np.zeros(mounted.size),
    )
    out = np.full(len(classes), np.nan)
    out[mounted] = found.unshaded
    return out


def typical_hours(sky: Sky, latitude: float) -> Floats:
    """
    Give the hours of a typical roof: 10° towards the equator, under an open horizon.

    Parameters
    ----------
    sky
        Prepared sky.
    latitude
        Of the study [degrees].

    Returns
    -------
    array
        Shape (8760,) in local standard time [kWh/kWp].
    """
    classes, facing = sky.orientations, 180.0 if latitude >= 0.0 else 0.0
    one = np.ones(1)
    found = simulate(
        sky,
        orientation=classes.blend(10.0 * one, facing * one, FLUSH),
        plane=classes.blend(10.0 * one, facing * one, BARE),
        horizon=np.zeros((1, 72), dtype=np.float32),
        point_start=np.array([0, 1]),
        sky_view_factor_modules=one,
        sky_view_factor_plane=one,
        temperature_offset=0.0 * one,
        groups=HourGroups(np.zeros(1, dtype=np.int64), one, 1),
    )
    hours = np.zeros(HOURS)
    hours[sky.hour_of_year] = found.hourly[0] / 1e6
    return hours
