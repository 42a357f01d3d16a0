"""Roof surfaces from footprints: flat roofs and gables whose parts tile the footprint."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import ArrayLike, NDArray

from .errors import GeoError

SLIVER_M2 = 0.5  # a smaller part of a roof is no surface of its own
_SQUARE = 1.02  # below this ratio of sides a footprint has no long side
_WALL = 1.15  # a frame along no wall must be this much smaller to be taken
_TIE = 1.02  # frames this close in area are equal: the longer wall decides


class Shape(IntEnum):
    """Roof shapes that can be made from a footprint."""

    FLAT = 0
    GABLE = 1


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


@dataclass(frozen=True)
class _Frames:
    """Smallest rectangle along a wall of each polygon: its centre, the unit vector of its long side, that side's azimuth."""

    centre: NDArray[np.float64]
    along: NDArray[np.float64]
    azimuth: NDArray[np.float64]
    convex: NDArray[np.bool_]


def roof_surfaces(footprints: NDArray[Any], shape: ArrayLike, tilt: ArrayLike) -> RoofSurfaces:
    """
    Roof surfaces of each footprint by the archetype of its building.

    A flat roof is one surface, the footprint. A gable is split, polygon by polygon, by a ridge through the centre of the smallest
    rectangle around it, along its long side. The parts of a building tile its footprint; parts under 0.5 m2 join their neighbour.

    Parameters
    ----------
    footprints
        Valid (Multi)Polygons in a projected CRS [m], shape (n,).
    shape
        `Shape` codes, shape (n,).
    tilt
        Tilt of the slopes [degrees], shape (n,); not used on flat roofs, which get 0.

    Returns
    -------
    RoofSurfaces
        Surfaces sorted by building, then azimuth.

    Raises
    ------
    GeoError
        A footprint is missing, empty or not polygonal, or a gable has no tilt.

    Notes
    -----
    The rectangle is the minimum rotated rectangle unless one along a wall is at most 15 % larger: the diagonal of an L is no axis. A
    footprint with no long side has its ridge as close to east-west as its walls allow. Azimuths count from grid north.

    Examples
    --------
    >>> roofs = roof_surfaces(np.array([shapely.box(0, 0, 12, 8)]), [Shape.GABLE], [26.0])
    >>> roofs.roof_azimuth.tolist(), shapely.area(roofs.geometry).tolist()
    ([0.0, 180.0], [48.0, 48.0])
    """
    plan, codes, slope = _inputs(footprints, shape, tilt)
    plain = (shapely.get_type_id(plan) == 3).all()
    parts, owner = (plan, np.arange(plan.size)) if plain else shapely.get_parts(plan, return_index=True)
    frames = _frames(parts)
    flat = np.flatnonzero(codes == Shape.FLAT)
    area = shapely.area(parts)
    sloped = np.flatnonzero((codes[owner] == Shape.GABLE) & (area >= SLIVER_M2))
    piece, geometry, azimuth = _split(parts[sloped], frames, sloped)
    axis = frames.azimuth
    # A sliver that stands alone is a surface of its own only when the building has nothing larger.
    gabled = np.zeros(plan.size, dtype=bool)
    gabled[owner[sloped]] = True
    lone = np.flatnonzero((codes == Shape.GABLE) & ~gabled)
    whole = np.concatenate([flat, lone])
    main = _largest_part(area, owner, plan.size)
    building = np.concatenate([whole, owner[piece]])
    geometry = np.concatenate([plan[whole], geometry])
    roof_azimuth = np.concatenate([np.full(whole.size, np.nan), azimuth])
    order = np.lexsort((np.concatenate([np.zeros(whole.size, dtype=np.int64), piece]), np.nan_to_num(roof_azimuth, nan=-1.0), building))
    building, geometry, roof_azimuth = building[order], geometry[order], roof_azimuth[order]
    _join_slivers(geometry, building, parts, owner, (codes[owner] == Shape.GABLE) & (area < SLIVER_M2) & gabled[owner])
    first = np.searchsorted(building, building)
    return RoofSurfaces(
        building=building,
        part=np.arange(building.size) - first,
        geometry=geometry,
        roof_tilt=np.where(np.isnan(roof_azimuth), 0.0, slope[building]),
        roof_azimuth=roof_azimuth,
        axis_azimuth=np.concatenate([axis[main[whole]], axis[piece]])[order],
    )


def _inputs(footprints: NDArray[Any], shape: ArrayLike, tilt: ArrayLike) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float64]]:
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
    level = (codes == Shape.GABLE) & ~((slope > 0.0) & (slope < 90.0))
    if level.any():
        raise GeoError(f"gable {int(np.argmax(level))} has tilt {slope[level][0]}; expected above 0 and below 90 degrees.")
    return plan, codes, slope


def _frames(polygons: NDArray[Any]) -> _Frames:
    xy, start = _outer_rings(polygons)
    wall, size, convex = _smallest_frames(xy, start)
    bent = np.flatnonzero(~convex)
    if bent.size:
        hull, hull_size, _ = _smallest_frames(*_outer_rings(shapely.convex_hull(polygons[bent])))
        free = size[bent] > _WALL * hull_size
        wall[bent[free]] = hull[free]
    convex &= shapely.get_num_interior_rings(polygons) == 0
    # Rounded so that a side due north cannot flip between 0 and 180 with the last bit; the vector points where the azimuth says.
    azimuth = np.round(np.degrees(np.arctan2(wall[:, 2], wall[:, 3])), 6)
    back = (azimuth < 0.0) | (azimuth >= 180.0)
    return _Frames(wall[:, :2], np.where(back[:, None], -wall[:, 2:], wall[:, 2:]), azimuth % 180.0, convex)


def _outer_rings(polygons: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Coordinates of the exterior rings without their closing points, and the first of each."""
    rings = shapely.get_exterior_ring(polygons) if shapely.get_num_interior_rings(polygons).any() else polygons
    xy, count = shapely.get_coordinates(rings), shapely.get_num_coordinates(rings)
    keep = np.ones(len(xy), dtype=bool)
    keep[np.cumsum(count) - 1] = False
    return xy[keep], np.concatenate([[0], np.cumsum(count - 1)]).astype(np.int64)


def _split(
    polygons: NDArray[Any], frames: _Frames, index: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.object_], NDArray[np.float64]]:
    """Halves of each polygon beside its ridge: index of the polygon, geometry, azimuth."""
    centre, along = frames.centre[index], frames.along[index]
    convex = frames.convex[index]
    right, left = np.empty(index.size, dtype=object), np.empty(index.size, dtype=object)
    plain, bent = np.flatnonzero(convex), np.flatnonzero(~convex)
    if plain.size:
        xy, start = _outer_rings(polygons[plain])
        for side, half in ((1.0, right), (-1.0, left)):
            half[plain] = _polygons(*_halves(xy, start, centre[plain], along[plain], side))
    if bent.size:
        plane = _half_planes(polygons[bent], centre[bent], along[bent])
        right[bent] = only_polygons(shapely.intersection(polygons[bent], plane))
        left[bent] = only_polygons(shapely.difference(polygons[bent], plane))
    small_right, small_left = shapely.area(right) < SLIVER_M2, shapely.area(left) < SLIVER_M2
    whole = small_right | small_left
    right[whole & ~small_right] = polygons[whole & ~small_right]
    left[whole & small_right] = polygons[whole & small_right]
    keep_right, keep_left = ~small_right, ~small_left | small_right
    axis = frames.azimuth[index]
    return (
        np.concatenate([index[keep_right], index[keep_left]]),
        np.concatenate([right[keep_right], left[keep_left]]),
        np.concatenate([(axis[keep_right] + 90.0) % 360.0, (axis[keep_left] + 270.0) % 360.0]),
    )


def _polygons(xy: NDArray[np.float64], start: NDArray[np.int64]) -> NDArray[Any]:
    """Polygons from rings without closing point; fewer than three points give an empty polygon."""
    count = np.diff(start)
    made = np.full(count.size, shapely.Polygon(), dtype=object)
    real = np.flatnonzero(count >= 3)
    owner = np.repeat(np.arange(count.size), count)
    use = np.isin(owner, real) if real.size < count.size else slice(None)
    if real.size:
        made[real] = shapely.polygons(shapely.linearrings(xy[use], indices=np.repeat(np.arange(real.size), count[real])))
    return made


def _half_planes(polygons: NDArray[Any], centre: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[Any]:
    """Rectangles that hold all of a polygon to the right of its ridge."""
    box = shapely.bounds(polygons)
    reach = (2.0 * np.hypot(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]))[:, None]
    right = np.column_stack([along[:, 1], -along[:, 0]]) * reach
    a, b = centre - along * reach, centre + along * reach
    return np.asarray(shapely.polygons(np.stack([a, b, b + right, a + right], axis=1)))


def only_polygons(geometry: NDArray[Any]) -> NDArray[Any]:
    """
    Keep the polygonal part of overlay results, which may carry loose lines and points.

    Parameters
    ----------
    geometry
        Results of overlays, shape (m,); changed in place.

    Returns
    -------
    numpy.ndarray
        The same array.
    """
    for index in np.flatnonzero(shapely.get_type_id(geometry) == 7):
        pieces = shapely.get_parts(shapely.get_parts(geometry[index]))
        pieces = pieces[shapely.get_type_id(pieces) == 3]
        geometry[index] = shapely.multipolygons(pieces) if pieces.size else shapely.Polygon()
    return geometry


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


@njit(cache=True, nogil=True)
def _smallest_frames(
    xy: NDArray[np.float64], start: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Smallest rectangle with a side along an edge: (centre x, y, long side x, y), area, is the ring convex."""
    count = start.size - 1
    frame, size, convex = np.zeros((count, 4)), np.zeros(count), np.zeros(count, dtype=np.bool_)
    for i in range(count):
        ring = xy[start[i] : start[i + 1]] - xy[start[i]]
        n = ring.shape[0]
        area, length = np.full(n, np.inf), np.zeros(n)
        turns_left = turns_right = False
        for j in range(n):
            k, m = (j + 1) % n, (j + 2) % n
            dx, dy = ring[k, 0] - ring[j, 0], ring[k, 1] - ring[j, 1]
            length[j] = np.hypot(dx, dy)
            turn = dx * (ring[m, 1] - ring[k, 1]) - dy * (ring[m, 0] - ring[k, 0])
            turns_left |= turn > 0.0
            turns_right |= turn < 0.0
            if length[j] > 0.0:
                low_u, high_u, low_v, high_v = _extent(ring, dx / length[j], dy / length[j])
                area[j] = (high_u - low_u) * (high_v - low_v)
        smallest = np.inf
        for j in range(n):
            smallest = min(smallest, area[j])
        size[i] = smallest
        longest = 0.0
        for j in range(n):
            if area[j] <= _TIE * size[i]:
                longest = max(longest, length[j])
        # Of equally long walls the one turned least from north or east, so that the ring's first point decides nothing.
        best, least = -1, np.inf
        for j in range(n):
            if area[j] <= _TIE * size[i] and length[j] >= longest * (1.0 - 1e-6):
                k = (j + 1) % n
                turned = np.round(np.degrees(np.arctan2(ring[k, 1] - ring[j, 1], ring[k, 0] - ring[j, 0])), 6) % 90.0
                if turned < least:
                    best, least = j, turned
        k = (best + 1) % n
        ux, uy = (ring[k, 0] - ring[best, 0]) / length[best], (ring[k, 1] - ring[best, 1]) / length[best]
        low_u, high_u, low_v, high_v = _extent(ring, ux, uy)
        u, v = 0.5 * (low_u + high_u), 0.5 * (low_v + high_v)
        frame[i, 0] = u * ux - v * uy + xy[start[i], 0]
        frame[i, 1] = u * uy + v * ux + xy[start[i], 1]
        long_u, long_v = high_u - low_u, high_v - low_v
        near_square = max(long_u, long_v) < _SQUARE * min(long_u, long_v)
        across = abs(uy) > abs(ux) if near_square else long_v > long_u
        frame[i, 2], frame[i, 3] = (-uy, ux) if across else (ux, uy)
        # A full turn the same way round; a ring that turns both ways, or not at all, takes the general path.
        convex[i] = turns_left != turns_right
    return frame, size, convex


@njit(cache=True, nogil=True)
def _extent(ring: NDArray[np.float64], ux: float, uy: float) -> tuple[float, float, float, float]:
    low_u = low_v = np.inf
    high_u = high_v = -np.inf
    for p in range(ring.shape[0]):
        u = ring[p, 0] * ux + ring[p, 1] * uy
        v = ring[p, 1] * ux - ring[p, 0] * uy
        low_u, high_u = min(low_u, u), max(high_u, u)
        low_v, high_v = min(low_v, v), max(high_v, v)
    return low_u, high_u, low_v, high_v


@njit(cache=True, nogil=True)
def _halves(
    xy: NDArray[np.float64], start: NDArray[np.int64], centre: NDArray[np.float64], along: NDArray[np.float64], side: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Convex rings cut by their ridge; side 1 keeps what lies to the right of it, -1 the left."""
    count = start.size - 1
    out = np.empty((xy.shape[0] + 2 * count, 2))
    out_start = np.zeros(count + 1, dtype=np.int64)
    filled = 0
    for i in range(count):
        n = start[i + 1] - start[i]
        for j in range(n):
            p, q = xy[start[i] + j], xy[start[i] + (j + 1) % n]
            dp = _beside(p, centre[i], along[i])
            dq = _beside(q, centre[i], along[i])
            if dp * side >= 0.0:
                out[filled, 0], out[filled, 1] = p[0], p[1]
                filled += 1
            if (dp > 0.0 and dq < 0.0) or (dp < 0.0 and dq > 0.0):
                # From the positive end in both halves, so that they share the point to the last bit.
                share = dp / (dp - dq) if dp > 0.0 else dq / (dq - dp)
                a, b = (p, q) if dp > 0.0 else (q, p)
                out[filled, 0], out[filled, 1] = a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
                filled += 1
        out_start[i + 1] = filled
    return out[:filled], out_start


@njit(cache=True, nogil=True)
def _beside(p: NDArray[np.float64], centre: NDArray[np.float64], along: NDArray[np.float64]) -> float:
    """Signed distance to the right of the ridge; within a nanometre it lies on the ridge."""
    d = (p[0] - centre[0]) * along[1] - (p[1] - centre[1]) * along[0]
    return 0.0 if abs(d) < 1e-9 else d
