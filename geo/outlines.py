"""Rings of usable outlines in the row frame, and the points at which a surface is sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import ArrayLike, NDArray

from .errors import GeoError

MOST_POINTS = 64


@dataclass(frozen=True)
class Rings:
    """
    Rings of many polygons as flat arrays, in roof-plane metres of each polygon's row frame.

    Attributes
    ----------
    vertices
        x along the row, y up the slope, from an origin of the polygon's own [m], shape (v, 2); closing points left out.
    ring_start
        First vertex of each ring and the number of vertices, shape (r + 1,).
    polygon_start
        First ring of each polygon and the number of rings, shape (m + 1,); an empty outline has none.
    origin
        Plan coordinates of each frame's origin [m], shape (m, 2).
    to_plane
        Plan offsets to roof-plane coordinates, shape (m, 2, 2).
    """

    vertices: NDArray[np.float64]
    ring_start: NDArray[np.int64]
    polygon_start: NDArray[np.int64]
    origin: NDArray[np.float64]
    to_plane: NDArray[np.float64]

    def to_plan(self, polygon: int, xy: ArrayLike) -> NDArray[np.float64]:
        """
        Plan coordinates of points in the row frame of one polygon, for drawing modules on the map.

        Parameters
        ----------
        polygon
            Index of the polygon.
        xy
            Roof-plane coordinates [m], shape (..., 2).

        Returns
        -------
        numpy.ndarray
            Plan coordinates [m], shape (..., 2).
        """
        back = np.linalg.inv(self.to_plane[polygon])
        return np.asarray(np.asarray(xy, dtype=float) @ back.T + self.origin[polygon])


@dataclass(frozen=True)
class ClosedRings:
    """
    Rings of outlines in plan, each ending where it began.

    Attributes
    ----------
    xy
        Vertices of all rings. [m], shape (v, 2)
    length
        Vertices of each ring, shape (r,).
    first
        First ring of each outline, shape (m + 1,).
    origin
        Centre of each outline's bounding box. [m], shape (m, 2)
    """

    xy: NDArray[np.float64]
    length: NDArray[np.int64]
    first: NDArray[np.int64]
    origin: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64]) -> ClosedRings:
        """
        Give the rings of some outlines.

        Parameters
        ----------
        rows
            Numbers of the outlines, shape (k,).

        Returns
        -------
        ClosedRings
            Their rings, in this order.
        """
        count = np.diff(self.first)[rows]
        rings = _runs(self.first[rows], count)
        starts = np.cumsum(self.length) - self.length
        xy = self.xy[_runs(starts[rings], self.length[rings])]
        return ClosedRings(xy, self.length[rings], np.concatenate([[0], np.cumsum(count)]).astype(np.int64), self.origin[rows])


def _runs(start: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole numbers from each start on, count of them."""
    return np.repeat(start - (np.cumsum(count) - count), count) + np.arange(int(count.sum()), dtype=np.int64)


def closed_rings(outlines: NDArray[Any]) -> ClosedRings:
    """
    Take outlines apart once, for any number of row directions.

    Parameters
    ----------
    outlines
        (Multi)Polygons in plan, shape (m,); empty ones keep their place.

    Returns
    -------
    ClosedRings
        All rings, holes included.
    """
    geometry = np.asarray(outlines, dtype=object)
    box = shapely.bounds(geometry)
    origin = np.nan_to_num(np.column_stack([0.5 * (box[:, 0] + box[:, 2]), 0.5 * (box[:, 1] + box[:, 3])]))
    xy, length, owner = _rings(geometry)
    first = np.searchsorted(owner, np.arange(geometry.size + 1)).astype(np.int64)
    return ClosedRings(xy, length.astype(np.int64), first, origin)


def _rings(geometry: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Vertices of all rings, the length of each and its owner; a ring ends where it comes back, which needs no ring objects."""
    xy, of = shapely.get_coordinates(geometry, return_index=True)
    count = np.where(shapely.is_empty(geometry), 0, shapely.get_num_interior_rings(geometry) + 1)
    several = np.flatnonzero(shapely.get_type_id(geometry) != 3)
    if several.size:
        parts, part_of = shapely.get_parts(geometry[several], return_index=True)
        inner = shapely.get_num_interior_rings(parts) + 1
        count[several] = np.bincount(part_of, weights=inner, minlength=several.size).astype(np.int64)
    owner = np.repeat(np.arange(geometry.size), count)
    length = _closing(xy, of, owner)
    if length[-1:].sum() >= 0:
        return xy, length, owner
    # A point is repeated where a ring ends, rare.
    parts, part_of = shapely.get_parts(geometry, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    return shapely.get_coordinates(rings), shapely.get_num_coordinates(rings).astype(np.int64), part_of[part]


def plane_rings(outlines: ClosedRings, roof_tilt: ArrayLike, roof_azimuth: ArrayLike, row_azimuth: ArrayLike) -> Rings:
    """
    Rings of the outlines in the plane of the roof, turned into the frame of the module rows.

    Parameters
    ----------
    outlines
        Of m surfaces.
    roof_tilt
        [degrees], shape (m,).
    roof_azimuth
        Downslope, clockwise from north [degrees], shape (m,); NaN on flat roofs.
    row_azimuth
        Direction that the rows face [degrees], shape (m,); y of the frame points the other way, up the slope of a flush row.

    Returns
    -------
    Rings
        Flat arrays for `solar.layout.pack_rows`.

    Raises
    ------
    GeoError
        A tilt is not in 0 to under 90, or a sloped roof or a row has no azimuth.

    Notes
    -----
    Plan lengths down the slope grow by 1 / cos(roof_tilt), lengths along the contour stay.

    Examples
    --------
    >>> rings = plane_rings(closed_rings(np.array([shapely.box(0, 0, 10, 4)])), [60.0], [180.0], [180.0])
    >>> np.ptp(rings.vertices, axis=0).round(9).tolist()
    [10.0, 8.0]
    """
    shape = outlines.origin.shape[:1]
    tilt, downslope, row = (np.broadcast_to(np.asarray(v, dtype=float), shape) for v in (roof_tilt, roof_azimuth, row_azimuth))
    _check_planes(tilt, downslope, row)
    owner = np.repeat(np.arange(shape[0]), np.diff(outlines.first))
    to_plane = _plane_matrices(tilt, downslope, row)
    vertices, ring_start = _transform(outlines.xy, outlines.length, owner, outlines.origin, to_plane)
    return Rings(vertices, ring_start, outlines.first, outlines.origin, to_plane)


def sample_points(
    outlines: NDArray[Any], surfaces: NDArray[Any], axis_azimuth: ArrayLike, *, spacing: float, most: int = MOST_POINTS
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """
    Points that stand for a surface when shading is computed: one on a house, a grid along its own axis on a hall.

    Parameters
    ----------
    outlines
        Usable outlines in plan [m], shape (m,); may be empty.
    surfaces
        The surfaces they come from, not empty, shape (m,): an empty outline takes a point inside its surface.
    axis_azimuth
        Direction of the surface's long side [degrees], shape (m,).
    spacing
        Wanted distance between points [m].
    most
        Largest number of points of a surface; the grid of a very large one is widened to keep it.

    Returns
    -------
    tuple of numpy.ndarray
        Plan coordinates [m], shape (p, 2), and the first point of each surface, shape (m + 1,); every surface has a point.

    Raises
    ------
    GeoError
        The spacing or `most` is not positive, or a surface is empty.

    Examples
    --------
    >>> hall, house = shapely.box(0, 0, 100, 50), shapely.box(0, 0, 10, 8)
    >>> roofs = np.array([hall, house])
    >>> sample_points(roofs, roofs, [90.0, 90.0], spacing=12.0)[1].tolist()
    [0, 32, 33]
    """
    if not spacing > 0.0 or most < 1:
        raise GeoError(f"sample points every {spacing} m, at most {most}; expected a positive distance and at least 1.")
    geometry, roofs = np.asarray(outlines, dtype=object), np.asarray(surfaces, dtype=object)
    hollow = shapely.is_empty(geometry)
    inside = np.where(hollow, roofs, geometry)
    if shapely.is_empty(inside).any():
        raise GeoError(f"surface {int(np.argmax(shapely.is_empty(inside)))} is empty and has no point; leave it out first.")
    axis = np.broadcast_to(np.asarray(axis_azimuth, dtype=float), geometry.shape)
    rings = plane_rings(closed_rings(inside), 0.0, np.nan, axis + 90.0)
    widest = np.where(hollow, 1, most)
    local, start = _grid_points(rings.vertices, rings.ring_start, rings.polygon_start, float(spacing), widest)
    found = np.diff(start) > 0
    xy = np.empty((int(np.maximum(np.diff(start), 1).sum()), 2))
    point_start = np.concatenate([[0], np.cumsum(np.maximum(np.diff(start), 1))]).astype(np.int64)
    owner = np.repeat(np.arange(geometry.size), np.diff(start))
    to_plan = np.swapaxes(rings.to_plane, 1, 2)  # a rotation: its transpose turns back
    plan = np.einsum("pij,pj->pi", to_plan[owner], local) + rings.origin[owner]
    xy[np.repeat(found, np.maximum(np.diff(start), 1))] = plan
    if not found.all():
        xy[point_start[:-1][~found]] = shapely.get_coordinates(shapely.point_on_surface(inside[~found]))
    return xy, point_start


def _check_planes(tilt: NDArray[np.float64], downslope: NDArray[np.float64], row: NDArray[np.float64]) -> None:
    steep = ~((tilt >= 0.0) & (tilt < 90.0))
    if steep.any():
        raise GeoError(f"roof tilt {tilt[steep][0]}; expected 0 to under 90 degrees.")
    lost = np.isnan(row) | ((tilt > 0.0) & np.isnan(downslope))
    if lost.any():
        raise GeoError(f"surface {int(np.argmax(lost))} has no azimuth for its slope or its rows; give degrees clockwise from north.")


def _plane_matrices(tilt: NDArray[np.float64], downslope: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stretch along the fall line, then turn so that y points against the direction that the rows face."""
    fall = np.radians(np.where(np.isnan(downslope), row, downslope))
    stretch = 1.0 / np.cos(np.radians(tilt))
    e, n = np.sin(fall), np.cos(fall)  # unit vector down the slope in plan
    more = stretch - 1.0
    sloped = np.stack([np.stack([1.0 + more * e * e, more * e * n], -1), np.stack([more * e * n, 1.0 + more * n * n], -1)], -2)
    face = np.radians(row)
    se, sn = np.sin(face), np.cos(face)
    turn = np.stack([np.stack([-sn, se], -1), np.stack([-se, -sn], -1)], -2)
    return np.asarray(turn @ sloped)


@njit(cache=True, nogil=True)
def _closing(xy: NDArray[np.float64], of: NDArray[np.int64], owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Vertices of each ring, its closing one included; the last is -1 where rings and owners do not fit together."""
    length = np.zeros(owner.size, dtype=np.int64)
    at = 0
    for r in range(owner.size):
        end = at + 3
        while end < of.size and (xy[end, 0] != xy[at, 0] or xy[end, 1] != xy[at, 1]):
            end += 1
        if end >= of.size or of[at] != owner[r] or of[end] != owner[r]:
            length[-1] = -1
            return length
        length[r] = end + 1 - at
        at = end + 1
    if at < of.size and owner.size > 0:
        length[-1] = -1
    return length


@njit(cache=True, nogil=True)
def _transform(
    xy: NDArray[np.float64], count: NDArray[np.int64], owner: NDArray[np.int64], origin: NDArray[np.float64], to_plane: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rings = count.size
    out = np.empty((xy.shape[0] - rings, 2))
    start = np.zeros(rings + 1, dtype=np.int64)
    read = filled = 0
    for r in range(rings):
        i = owner[r]
        for j in range(count[r] - 1):
            dx, dy = xy[read + j, 0] - origin[i, 0], xy[read + j, 1] - origin[i, 1]
            out[filled, 0] = to_plane[i, 0, 0] * dx + to_plane[i, 0, 1] * dy
            out[filled, 1] = to_plane[i, 1, 0] * dx + to_plane[i, 1, 1] * dy
            filled += 1
        read += count[r]
        start[r + 1] = filled
    return out, start


@njit(cache=True, nogil=True)
def _grid_points(
    vertices: NDArray[np.float64], ring_start: NDArray[np.int64], polygon_start: NDArray[np.int64], spacing: float, most: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Centres of grid cells of each polygon's own box that lie inside it."""
    count = polygon_start.size - 1
    room = 0
    for i in range(count):
        nx, ny, _ = _grid_shape(vertices[ring_start[polygon_start[i]] : ring_start[polygon_start[i + 1]]], spacing, most[i])
        room += nx * ny
    out = np.empty((room, 2))
    start = np.zeros(count + 1, dtype=np.int64)
    filled = 0
    for i in range(count):
        first, last = polygon_start[i], polygon_start[i + 1]
        nx, ny, box = _grid_shape(vertices[ring_start[first] : ring_start[last]], spacing, most[i])
        for row in range(ny):
            y = box[1] + (row + 0.5) * box[3] / ny
            for column in range(nx):
                x = box[0] + (column + 0.5) * box[2] / nx
                if is_inside(x, y, vertices, ring_start, first, last):
                    out[filled, 0], out[filled, 1] = x, y
                    filled += 1
        start[i + 1] = filled
    return out[:filled].copy(), start


@njit(cache=True, nogil=True)
def _grid_shape(ring: NDArray[np.float64], spacing: float, most: int) -> tuple[int, int, tuple[float, float, float, float]]:
    left = low = np.inf
    right = top = -np.inf
    for k in range(ring.shape[0]):
        left, right = min(left, ring[k, 0]), max(right, ring[k, 0])
        low, top = min(low, ring[k, 1]), max(top, ring[k, 1])
    width, depth = right - left, top - low
    step = max(spacing, np.sqrt(width * depth / most))
    nx = min(max(int(np.floor(width / step)), 1), most)
    ny = min(max(int(np.floor(depth / step)), 1), most // nx)
    return nx, ny, (left, low, width, depth)


@njit(cache=True, nogil=True)
def is_inside(x: float, y: float, vertices: NDArray[np.float64], ring_start: NDArray[np.int64], first: int, last: int) -> bool:
    """
    Tell whether a point lies in a polygon: even-odd rule over all rings, so that holes and further parts need no case of their own.

    Parameters
    ----------
    x, y
        The point.
    vertices
        Of the rings of all polygons, shape (v, 2).
    ring_start
        First vertex of each ring and the number of vertices, shape (r + 1,).
    first, last
        First ring of the polygon and the one after its last.

    Returns
    -------
    bool
        True inside.
    """
    inside = False
    for r in range(first, last):
        n = ring_start[r + 1] - ring_start[r]
        for j in range(n):
            p, q = ring_start[r] + j, ring_start[r] + (j + 1) % n
            yp, yq = vertices[p, 1], vertices[q, 1]
            if (yp <= y) != (yq <= y):
                cut = vertices[p, 0] + (y - yp) / (yq - yp) * (vertices[q, 0] - vertices[p, 0])
                if cut > x:
                    inside = not inside
    return inside
