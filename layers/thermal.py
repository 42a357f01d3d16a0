"""Roofs of dwellings that give part of their usable area to solar collectors first, and the heat these deliver."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from geo.surfaces import RoofSurfaces
from solar.mounts import FLAT_BELOW, pitch_ratio
from solar.orientations import FLUSH, MAX_TILT, Blend
from solar.thermal import Thermal, collector_heat, open_irradiation

from .model import Station
from .tile_yield import Mix

Floats = npt.NDArray[np.float64]


def households(thermal: Thermal, rows: gpd.GeoDataFrame) -> Floats:
    """
    Estimate the households of buildings.

    Parameters
    ----------
    thermal
        Floor area of one household by class of dwelling.
    rows
        Buildings with `use` and `floor_area_m2`.

    Returns
    -------
    array
        Shape (n,); 0 for other classes and where the floor area is not known.
    """
    each = rows["use"].map(dict(thermal.floor_area_per_household)).to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(np.nan_to_num(rows["floor_area_m2"].to_numpy(dtype=float, na_value=np.nan) / each), dtype=np.float64)


def collector_room(thermal: Thermal, rows: gpd.GeoDataFrame, surfaces: RoofSurfaces, left: Floats, latitude: float) -> Floats:
    """
    Take from each surface what its building's collectors need.

    Parameters
    ----------
    thermal
        Collectors of a household.
    rows
        Buildings, n of them.
    surfaces
        Their surfaces, m of them.
    left
        What is left of each surface after all other deductions [m2], shape (m,).
    latitude
        Of the study [degrees].

    Returns
    -------
    array
        Area of the roof under collectors and the gaps between their rows [m2], shape (m,).

    Notes
    -----
    Flat surfaces and those that do not face the pole take part, in proportion to what they can hold.
    """
    equator = 180.0 if latitude >= 0.0 else 0.0
    sunny = (surfaces.roof_tilt < FLAT_BELOW) | (np.cos(np.radians(surfaces.roof_azimuth - equator)) > -1e-9)
    spacing = _roof_per_collector(surfaces, latitude)
    most = np.where(sunny, left * thermal.roof_share / spacing, 0.0)
    whole = np.bincount(surfaces.building, weights=most, minlength=len(rows))
    wanted = households(thermal, rows) * thermal.m2_per_household
    share = np.minimum(1.0, np.divide(wanted, whole, out=np.zeros_like(whole), where=whole > 0))
    return np.asarray(most * share[surfaces.building] * spacing)


def thermal_kwh(
    thermal: Thermal,
    rows: gpd.GeoDataFrame,
    surfaces: RoofSurfaces,
    room: Floats,
    irradiation: Floats,
    bare: Blend,
    warmer: Floats,
    mix: Mix,
    stations: Sequence[Station],
    latitude: float,
) -> Floats:
    """
    Give the heat that collectors bring into the hot water.

    Parameters
    ----------
    thermal
        Numbers of the collectors.
    rows
        Buildings, n of them.
    surfaces
        Their surfaces, m of them.
    room
        Area of the roof given to collectors [m2], shape (m,).
    irradiation
        On the roof plane, shaded [kWh/m²], shape (m,).
    bare
        Classes of the roof planes.
    warmer
        Added to the air temperature of each station [K], shape (m, k).
    mix
        Stations of each surface and their weights.
    stations
        All of them.
    latitude
        Of the study [degrees].

    Returns
    -------
    array
        Of the year, after losses of tank and pipes, in no month more than the building's hot water takes [kWh], shape (m,).

    Notes
    -----
    On flat roofs collectors face the equator, tilted by the latitude; elsewhere they lie in the roof plane. Each keeps the share of its
    open light that its roof plane keeps.
    """
    at = np.flatnonzero(room > 0.0)
    months = np.zeros((len(room), 12))
    if at.size:
        tilt, azimuth = _collector_plane(surfaces, latitude)
        glass = stations[0].sky.orientations.blend(tilt[at], azimuth[at], FLUSH)
        own = Blend(bare.classes[at], bare.weights[at])
        by_station = np.stack([open_irradiation(cell.sky, own) for cell in stations])
        open_light = (by_station[mix.station[at].T, np.arange(at.size)].T * mix.weight[at]).sum(axis=1)
        light = np.clip(irradiation[at] / open_light, 0.0, 1.0)
        for number, cell in enumerate(stations):
            surface, rank = np.nonzero(mix.station[at] == number)
            part = Blend(glass.classes[surface], glass.weights[surface])
            heat = collector_heat(thermal, cell.sky, part, light[surface], warmer[at[surface], rank])
            months[at[surface]] += mix.weight[at[surface], rank][:, None] * heat
    months *= (room / _roof_per_collector(surfaces, latitude) * (1.0 - thermal.losses))[:, None]
    made = np.stack([np.bincount(surfaces.building, weights=months[:, m], minlength=len(rows)) for m in range(12)], axis=1)
    used = np.minimum(1.0, np.divide(thermal.demand(households(thermal, rows)), made, out=np.ones_like(made), where=made > 0.0))
    return np.asarray((months * used[surfaces.building]).sum(axis=1))


def _collector_plane(surfaces: RoofSurfaces, latitude: float) -> tuple[Floats, Floats]:
    """Tilt and azimuth of collectors."""
    flat = surfaces.roof_tilt < FLAT_BELOW
    azimuth = np.where(flat, 180.0 if latitude >= 0.0 else 0.0, surfaces.roof_azimuth)
    return np.where(flat, min(abs(latitude), MAX_TILT), surfaces.roof_tilt), azimuth


def _roof_per_collector(surfaces: RoofSurfaces, latitude: float) -> Floats:
    """Roof area that a square metre of collectors takes: rows on flat roofs stand apart as those of modules."""
    tilt, azimuth = _collector_plane(surfaces, latitude)
    return np.where(surfaces.roof_tilt < FLAT_BELOW, np.maximum(1.0, pitch_ratio(latitude, tilt, azimuth)), 1.0)
