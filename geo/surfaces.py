"""Roof surfaces from footprints: flat, gable and hipped roofs of all wings, whose parts tile the footprint."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from .errors import GeoError
from .faces import faces
from .frames import frames
from .wings import wings

_TILED_M2 = 5e-7
SLIVER_M2 = 0.5  # a smaller part of a roof is no surface of its own


class Shape(IntEnum):
    """Roof shapes that can be made from a footprint."""

    FLAT = 0
    GABLE = 1
    HIP = 2


@dataclass(frozen=True)
class RoofSurfaces:
    """
    Roof surfaces of many buildings, sorted by building and azimuth.

    Attributes
    ----------
    building
        Index into the footprints, shape (m,).
    part
        Running number within the building from 0, shape (m,).
    geometry
        (Multi)Polygon in plan, shape (m,).
    roof_tilt
        [degrees], shape (m,).
    roof_azimuth
        [degrees] clockwise from grid north, pointing downslope; NaN on a flat roof, shape (m,).
    axis_azimuth
        Direction of the eaves or the long side [degrees], 0 to 180, shape (m,).
    """

    building: NDArray[np.int64]
    part: NDArray[np.int64]
    geometry: NDArray[np.object_]
    roof_tilt: NDArray[np.float64]
    roof_azimuth: NDArray[np.float64]
    axis_azimuth: NDArray[np.float64]


def roof_surfaces(footprints: NDArray[Any], shape: ArrayLike, tilt: ArrayLike, span: ArrayLike = np.inf) -> RoofSurfaces:
    """
    Roof surfaces of each footprint by the archetype of its building.

    A flat roof is one surface, the footprint. A pitched roof is split into wings at the inner corners of its outline (L, U, T, around
    a yard), and each wing by its own ridge along its long side, by parallel ridges where it is wider than a span, or, the
    main wing of a hipped roof, into four faces. The parts of a building tile its footprint; parts under 0.5 m2 join their neighbour.

    Parameters
    ----------
    footprints
        Valid (Multi)Polygons in a projected CRS [m], shape (n,).
    shape
        `Shape` codes, shape (n,).
    tilt
        Tilt of the slopes [degrees], shape (n,); not used on flat roofs, which get 0.
    span
        Width that one gable covers at most [m], shape (n,) or one number; a wider wing has several ridges of equal spans.

    Returns
    -------
    RoofSurfaces
        Surfaces sorted by building, then azimuth, then place from west to east.

    Raises
    ------
    GeoError
        A footprint is missing, empty or not polygonal, a pitched roof has no tilt, or a span is not positive.

    Notes
    -----
    Wings come from `geo.wings`, their rectangles from `geo.frames`. A wing with no long side has its ridge as close to east-west as its
    walls allow. Azimuths count from grid north.

    Examples
    --------
    >>> roofs = roof_surfaces(np.array([shapely.box(0, 0, 12, 8)]), [Shape.GABLE], [26.0])
    >>> roofs.roof_azimuth.tolist(), shapely.area(roofs.geometry).tolist()
    ([0.0, 180.0], [48.0, 48.0])
    """
    plan, codes, slope, wide = _inputs(footprints, shape, tilt, span)
    plain = (shapely.get_type_id(plan) == 3).all()
    parts, owner = (plan, np.arange(plan.size)) if plain else shapely.get_parts(plan, return_index=True)
    area, pitched = shapely.area(parts), codes[owner] != Shape.FLAT
    sloped = np.flatnonzero(pitched & (area >= SLIVER_M2))
    piece, geometry, azimuth, eaves = _pitched(parts[sloped], codes[owner[sloped]] == Shape.HIP, wide[owner[sloped]])
    # A sliver that stands alone is a surface of its own only when the building has nothing larger.
    covered = np.zeros(plan.size, dtype=bool)
    covered[owner[sloped]] = True
    whole = np.flatnonzero(~covered)
    main = parts[_largest_part(area, owner, plan.size)[whole]]
    building = np.concatenate([whole, owner[sloped[piece]]])
    geometry = np.concatenate([plan[whole], geometry])
    roof_azimuth = np.concatenate([np.full(whole.size, np.nan), azimuth])
    axis = np.concatenate([frames(main).azimuth, eaves])
    order = _order(building, roof_azimuth, geometry)
    building, geometry, roof_azimuth = building[order], geometry[order], roof_azimuth[order]
    _join_slivers(geometry, building, parts, owner, pitched & (area < SLIVER_M2) & covered[owner])
    first = np.searchsorted(building, building)
    return RoofSurfaces(
        building=building,
        part=np.arange(building.size) - first,
        geometry=geometry,
        roof_tilt=np.where(np.isnan(roof_azimuth), 0.0, slope[building]),
        roof_azimuth=roof_azimuth,
        axis_azimuth=axis[order],
    )


def _inputs(
    footprints: NDArray[Any], shape: ArrayLike, tilt: ArrayLike, span: ArrayLike
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    plan = np.asarray(footprints, dtype=object)
    plan = shapely.force_2d(plan) if shapely.has_z(plan).any() else plan
    # A grid size kept by a geometry would round the ridge's ends in overlays, and halves would overlap.
    plan = shapely.set_precision(plan, 0.0, mode="pointwise") if np.nan_to_num(shapely.get_precision(plan)).any() else plan
    codes, slope = np.asarray(shape, dtype=np.int64), np.asarray(tilt, dtype=float)
    if not plan.shape == codes.shape == slope.shape:
        raise GeoError(
            f"roof_surfaces got {plan.size} footprints, {codes.size} shapes and {slope.size} tilts; give one of each per building."
        )
    bad = ~np.isin(shapely.get_type_id(plan), (3, 6)) | shapely.is_empty(plan)
    if bad.any():
        raise GeoError(
            f"footprint {int(np.argmax(bad))} is missing, empty or no polygon ({int(bad.sum())} such); repair or leave them out first."
        )
    known = np.isin(codes, list(Shape))
    if not known.all():
        raise GeoError(f"roof shape {codes[~known][0]} is not known; known are {', '.join(f'{s.value} {s.name.lower()}' for s in Shape)}.")
    level = (codes != Shape.FLAT) & ~((slope > 0.0) & (slope < 90.0))
    if level.any():
        raise GeoError(f"pitched roof {int(np.argmax(level))} has tilt {slope[level][0]}; expected above 0 and below 90 degrees.")
    wide = np.broadcast_to(np.asarray(span, dtype=float), plan.shape)
    if not (wide > 0.0).all():
        raise GeoError(f"roof span {wide[~(wide > 0.0)][0]} m; expected a width above 0, or inf for one ridge however wide the roof is.")
    return plan, codes, slope, wide


def _pitched(
    polygons: NDArray[Any], hipped: NDArray[np.bool_], span: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.object_], NDArray[np.float64], NDArray[np.float64]]:
    """Faces of pitched roofs: index of the polygon, geometry, azimuth, eaves."""
    frame = frames(polygons)
    if not frame.convex.all():
        polygons, of = wings(polygons, frame)
        frame = frames(polygons)
    else:
        of = np.arange(polygons.size)
    spans = np.ceil(2.0 * frame.half[:, 1] / span[of] - 1e-6).clip(1.0).astype(np.int64)
    # The hips of a bent house lie on its main wing; the others abut on it with their gable.
    main = np.isin(np.arange(of.size), _largest_part(shapely.area(polygons), of, int(of.max()) + 1 if of.size else 0))
    hip = hipped[of] & main
    wing, geometry, azimuth, eaves = faces(polygons, frame, hip, spans)
    area = shapely.area(geometry)
    off = np.abs(np.bincount(wing, weights=area, minlength=of.size) - shapely.area(polygons)) > _TILED_M2
    if (off & hip).any():  # rounding of an odd outline: it takes a gable, which tiles it
        wing, geometry, azimuth, eaves = faces(polygons, frame, hip & ~off, spans)
        area = shapely.area(geometry)
    keep = area >= SLIVER_M2
    for index in np.unique(wing[~keep]):
        own = np.flatnonzero(wing == index)
        largest = own[np.argmax(area[own])]
        keep[largest] = True
        lost = own[~keep[own]]
        if not (keep[own].sum() > 1):
            geometry[largest] = polygons[index]
        elif area[lost].sum() > 0.0:
            geometry[largest] = shapely.union_all([geometry[largest], *geometry[lost]])
    return of[wing[keep]], geometry[keep], azimuth[keep], eaves[keep]


def _order(building: NDArray[np.int64], azimuth: NDArray[np.float64], geometry: NDArray[Any]) -> NDArray[np.int64]:
    """By building and azimuth; faces that slope the same way from west to east, then from south to north."""
    way = np.nan_to_num(azimuth, nan=-1.0)
    order = np.lexsort((way, building))
    same = (building[order[1:]] == building[order[:-1]]) & (way[order[1:]] == way[order[:-1]])
    alike = order[np.append(same, False) | np.insert(same, 0, False)] if order.size else order
    place = np.zeros((building.size, 2))
    place[alike] = np.round(shapely.get_coordinates(shapely.centroid(geometry[alike])), 3)
    return np.lexsort((place[:, 1], place[:, 0], way, building))


def _largest_part(area: NDArray[np.float64], owner: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    order = np.lexsort((-np.arange(area.size), area, owner))
    main = np.empty(count, dtype=np.int64)
    main[owner[order]] = order  # the last of each building, its largest part, stays
    return main


def _join_slivers(
    geometry: NDArray[Any], building: NDArray[np.int64], parts: NDArray[Any], owner: NDArray[np.int64], sliver: NDArray[np.bool_]
) -> None:
    """Add loose slivers of multipolygons to the largest surface of their building (rare, hence a loop)."""
    for index in np.flatnonzero(sliver):
        low, high = np.searchsorted(building, [owner[index], owner[index] + 1])
        largest = low + int(np.argmax(shapely.area(geometry[low:high])))
        geometry[largest] = shapely.union(geometry[largest], parts[index])
