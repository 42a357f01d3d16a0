"""Roof planes measured from a surface model: tilt, azimuth, outline and obstacles of each plane of each building."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from .errors import GeoError
from .grid import Grid
from .roof_planes_draw import draw
from .roof_planes_grow import Floats
from .roof_planes_outline import CAUTIOUS, SNAPPED, STAIRS, STRAIGHT
from .roof_planes_patches import Bools, Ints, parameters, segmented
from .surfaces import SLIVER_M2, RoofSurfaces, Shape, roof_surfaces

CHUNK = 2000  # buildings whose cells are held at once


@dataclass(frozen=True)
class RoofPlanes:
    """
    Measured roofs of many buildings.

    Attributes
    ----------
    surfaces
        Planes of the measured buildings, sorted by building and azimuth; they tile each footprint.
    plane
        Height of each plane: slope east [m/m], slope north [m/m], height [m above datum] at `origin`, shape (m, 3).
    origin
        Plan coordinates of each plane's origin [m], shape (m, 2).
    obstacle_area_m2
        Sloped area of each plane on which something stands up or gapes [m2], shape (m,).
    fit
        Share of the cells of each plane that lie on it, shape (m,).
    measured
        Whether a building has planes, shape (n,).
    stale
        Whether the surface model shows no building on the footprint, shape (n,).
    building_fit
        Share of the cells of each building that lie on its planes; NaN where none was found, shape (n,).
    """

    surfaces: RoofSurfaces
    plane: Floats
    origin: Floats
    obstacle_area_m2: Floats
    fit: Floats
    measured: Bools
    stale: Bools
    building_fit: Floats

    def height(self, surface: Ints, xy: Floats) -> Floats:
        """
        Height of points on their planes.

        Parameters
        ----------
        surface
            Plane of each point, shape (p,).
        xy
            Plan coordinates [m], shape (p, 2).

        Returns
        -------
        array
            Shape (p,) [m above datum].
        """
        off = xy - self.origin[surface]
        return np.asarray(self.plane[surface, 0] * off[:, 0] + self.plane[surface, 1] * off[:, 1] + self.plane[surface, 2])


def shows_planes(resolution: float) -> bool:
    """
    Tell whether a surface model is fine enough for roof planes.

    Parameters
    ----------
    resolution
        Side of a cell [m].

    Returns
    -------
    bool
        True up to 2 m.
    """
    return resolution <= parameters()["coarsest_m"] * 1.01


def measure_planes(footprints: NDArray[Any], surface: Grid, ground: ArrayLike) -> RoofPlanes:
    """
    Find the roof planes of each footprint in a surface model.

    Parameters
    ----------
    footprints
        Valid (Multi)Polygons in the grid's CRS [m], shape (n,).
    surface
        Surface model with cells of at most 2 m; cells beyond it count as unknown.
    ground
        Elevation of the ground at each building [m above datum], shape (n,); NaN leaves the test for stale surfaces out.

    Returns
    -------
    RoofPlanes
        Planes of the buildings that could be measured.

    Raises
    ------
    GeoError
        The cells are too large, lengths differ, or a footprint is missing, empty or not polygonal.

    Notes
    -----
    Cells are grouped by region growing on local slopes, borders are moved to the labelling of least energy (residuals plus length of
    borders, by iterated conditional modes, Besag 1986, doi:10.1111/j.2517-6161.1986.tb01412.x), and planes that one plane explains as
    well are joined. Borders are drawn where the planes meet, straightened where there is a step, and cut off at the footprint.
    """
    plan, floor = np.asarray(footprints, dtype=object), np.asarray(ground, dtype=float)
    _check(plan, surface, floor)
    level = roof_surfaces(plan, np.full(plan.size, Shape.FLAT), np.zeros(plan.size))
    parts = [_chunk(plan[at : at + CHUNK], surface, floor[at : at + CHUNK], at) for at in range(0, plan.size, CHUNK)]
    building, geometry, table, measured, stale, fit = (np.concatenate(values) for values in zip(*parts, strict=True))
    return _result(plan, building, geometry, table, level.axis_azimuth, (measured, stale, fit))


def _check(plan: NDArray[Any], surface: Grid, floor: Floats) -> None:
    if plan.shape != floor.shape:
        raise GeoError(f"measure_planes got {plan.size} footprints and {floor.size} ground elevations; give one of each per building.")
    if not shows_planes(surface.resolution):
        raise GeoError(f"The surface model has cells of {surface.resolution} m; roof planes need 2 m or finer: give a finer one.")


def _chunk(plan: NDArray[Any], surface: Grid, floor: Floats, first: int) -> tuple[Ints, NDArray[Any], Floats, Bools, Bools, Floats]:
    """Planes of some buildings: building, geometry and table of each, and what is known of each building."""
    patches = segmented(plan, surface, floor)
    count = np.diff(patches.plane_start)
    owner = np.repeat(np.arange(plan.size), count)
    cells, known, high = patches.known.T
    stale = (known > 0) & (high < 0.5 * known)
    on = np.bincount(owner, weights=patches.cells[:, 1] * patches.cells[:, 0], minlength=plan.size)
    fit = np.divide(on, known, out=np.full(plan.size, np.nan), where=count > 0)
    given = parameters()
    good = (count > 0) & ~stale & (known >= given["known_share"] * cells) & (np.nan_to_num(fit) >= given["least_fit"])
    geometry = np.full(owner.size, shapely.Polygon(), dtype=object)
    single = good & (count == 1)
    geometry[patches.plane_start[:-1][single]] = plan[single]
    todo = np.flatnonzero(good & (count > 1))
    for mode in (SNAPPED, CAUTIOUS, STRAIGHT, STAIRS):
        todo = draw(geometry, patches, plan, todo, mode, surface.resolution) if todo.size else todo
    good[todo] = False
    res = surface.resolution
    corner = np.column_stack([(patches.window[:, 0] + 0.5) * res, (patches.window[:, 1] - 0.5) * res])[owner]
    slopes = patches.planes * [1.0 / res, -1.0 / res, 1.0]
    table = np.column_stack([slopes, corner, patches.cells[:, 1:3], patches.cells[:, 3] / res, floor[owner]])
    keep = good[owner] & ~shapely.is_empty(geometry)
    return owner[keep] + first, geometry[keep], table[keep], good, stale, fit


def _result(
    plan: NDArray[Any],
    building: Ints,
    geometry: NDArray[Any],
    table: Floats,
    axis: Floats,
    known: tuple[Bools, Bools, Floats],
) -> RoofPlanes:
    building, geometry, table = _without_slivers(building, geometry, table)
    given = parameters()
    slope = np.hypot(table[:, 0], table[:, 1])
    middle = shapely.get_coordinates(shapely.centroid(geometry)).reshape(-1, 2)
    height = table[:, 0] * (middle[:, 0] - table[:, 3]) + table[:, 1] * (middle[:, 1] - table[:, 4]) + table[:, 2]
    no_roof = (height - table[:, 8] < given["lowest_roof_m"]) | (np.degrees(np.arctan(slope)) > given["steepest_deg"])
    uncertain = np.minimum(np.degrees(np.arctan(table[:, 7])), given["flat_below_deg"])
    flat = (np.degrees(np.arctan(slope)) < given["flat_below_deg"] + uncertain) | no_roof
    tilt = np.where(flat, 0.0, np.degrees(np.arctan(slope)))
    azimuth = np.where(flat, np.nan, np.degrees(np.arctan2(-table[:, 0], -table[:, 1])) % 360.0)
    order = np.lexsort((np.nan_to_num(azimuth, nan=-1.0), building))
    plane = np.column_stack([np.where(flat[:, None], 0.0, table[:, :2]), height])
    share = np.where(no_roof, 1.0, table[:, 6])
    surfaces = RoofSurfaces(
        building=building[order],
        part=np.arange(order.size) - np.searchsorted(building[order], building[order]),
        geometry=geometry[order],
        roof_tilt=tilt[order],
        roof_azimuth=azimuth[order],
        axis_azimuth=np.where(flat, axis[building], (np.nan_to_num(azimuth) + 90.0) % 180.0)[order],
    )
    obstacles = share[order] * shapely.area(surfaces.geometry) / np.cos(np.radians(surfaces.roof_tilt))
    return RoofPlanes(surfaces, plane[order], middle[order], obstacles, table[order, 5], *known)


def _without_slivers(building: Ints, geometry: NDArray[Any], table: Floats) -> tuple[Ints, NDArray[Any], Floats]:
    """Give clipped slivers to the nearest larger surface of their building (rare, hence a loop)."""
    area = shapely.area(geometry)
    keep = np.ones(building.size, dtype=bool)
    for index in np.flatnonzero(area < SLIVER_M2):
        own = np.flatnonzero(building == building[index])
        own = own[area[own] >= SLIVER_M2]
        if own.size:
            away = shapely.distance(geometry[own], geometry[index])
            nearest = own[np.lexsort((-area[own], away))[0]]
            geometry[nearest] = shapely.union(geometry[nearest], geometry[index])
            keep[index] = False
    return building[keep], geometry[keep], table[keep]
