"""Edges of roofs in space: eaves, verges, ridges and parapets, so that roofs shade with their own shape and not as boxes.

The skyline of a roof made of planes is that of its edges: each face gives its ring, so that a ridge, which two faces share, stands in both
directions and is seen from either side, while an eave is seen from outside only. A verge stands in both directions too: who looks down on
a slope has its far verge for a skyline.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from .errors import GeoError
from .surfaces import RoofSurfaces, Shape, roof_surfaces

LEVEL_M = 1e-3  # an eave or a ridge rises less than this from end to end


@dataclass(frozen=True)
class RoofEdges:
    """
    Edges of many buildings, the building to the left of each.

    Attributes
    ----------
    edges
        Both ends, x, y, z, x, y, z, shape (k, 6). [m]
    level
        Of each building: what lies below it lies under its roof; the eaves, or the flat roof, shape (n,). [m]
    """

    edges: NDArray[np.float64]
    level: NDArray[np.float64]


@dataclass(frozen=True)
class StoodFaces:
    """Roof surfaces of some buildings and what `face_planes` says of them: slopes and height, shape (m, 3), at origins, shape (m, 2)."""

    surfaces: RoofSurfaces
    plane: NDArray[np.float64]
    origin: NDArray[np.float64]


@dataclass(frozen=True)
class Parapets:
    """
    Parapets that points on flat roofs see from inside.

    Attributes
    ----------
    start
        First edge of each building and the number of edges, shape (n + 1,).
    edges
        Both ends in plan, the building to the left, shape (k, 4). [m]
    crest
        Top of the parapet of each building, shape (n,). [m]
    building
        Of each point, shape (p,); -1 where there is no parapet.
    """

    start: NDArray[np.int64]
    edges: NDArray[np.float64]
    crest: NDArray[np.float64]
    building: NDArray[np.int64]


def face_planes(
    surfaces: RoofSurfaces, top: NDArray[np.float64], height: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Stand the surfaces of archetypes on their buildings: all eaves of a building at one level, the top half way up to its highest ridge.

    Parameters
    ----------
    surfaces
        Surfaces of n buildings, m of them.
    top
        Of the buildings, shape (n,). [m]
    height
        Above ground, shape (n,): no eaves hang below the ground. [m]

    Returns
    -------
    tuple of numpy.ndarray
        Slope east, slope north [m/m] and height at the origin [m], shape (m, 3), and the origins in plan, shape (m, 2) [m].

    Notes
    -----
    Floors times storeys end at the eaves, tags of maps at the ridge, open data and surface models lie between: the middle is never off by
    more than half a rise, and the building keeps its volume.
    """
    count = surfaces.building.size
    origin = shapely.bounds(surfaces.geometry)[:, :2] if count else np.empty((0, 2))
    sloped = surfaces.roof_tilt > 0.0
    azimuth = np.radians(np.where(sloped, surfaces.roof_azimuth, 0.0))
    rise = np.tan(np.radians(surfaces.roof_tilt))
    slope = -rise[:, None] * np.column_stack([np.sin(azimuth), np.cos(azimuth)])
    xy, owner = shapely.get_coordinates(surfaces.geometry, return_index=True)
    up = ((xy - origin[owner]) * slope[owner]).sum(axis=1)  # above the origin, in the face's plane
    lowest, highest = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(lowest, owner, up)
    np.maximum.at(highest, owner, up)
    tallest = np.zeros(len(top))
    np.maximum.at(tallest, surfaces.building, highest - lowest)
    eaves = top - np.minimum(0.5 * tallest, np.maximum(height, 0.0))
    return np.column_stack([slope, eaves[surfaces.building] - lowest]), origin


def roof_edges(
    polygons: NDArray[np.object_],
    *,
    top: NDArray[np.float64],
    height: NDArray[np.float64],
    shape: NDArray[np.integer],
    tilt: NDArray[np.float64],
    span: NDArray[np.float64],
    parapet: NDArray[np.float64],
    stood: StoodFaces | None = None,
    own: NDArray[np.integer] | None = None,
) -> RoofEdges:
    """
    Give the edges of the roofs of buildings by archetype.

    Parameters
    ----------
    polygons
        Valid footprints, shape (n,). [m]
    top
        Of the buildings, without parapet, shape (n,); NaN leaves a building out. [m]
    height
        Above ground, shape (n,). [m]
    shape
        `Shape` codes, shape (n,).
    tilt
        Of pitched roofs, shape (n,). [degrees]
    span
        See `roof_surfaces`, shape (n,). [m]
    parapet
        Height of the parapet of flat roofs, shape (n,). [m]
    stood, own
        Roofs that were made already, and the building of `stood` that each one is, shape (n,); -1 where it is none.

    Returns
    -------
    RoofEdges
        All edges that can be part of a skyline.
    """
    known = np.isfinite(top)
    flat = np.flatnonzero(known & (shape == Shape.FLAT))
    pitched = np.flatnonzero(known & (shape != Shape.FLAT))
    level = np.array(top, dtype=np.float64)
    edges, owner = outline_edges(polygons[flat])
    crest = (top + parapet)[flat][owner]
    parts = [np.column_stack([edges[:, :2], crest, edges[:, 2:], crest])]
    level[pitched] = np.inf
    fresh = pitched if own is None else pitched[own[pitched] < 0]
    if fresh.size:
        faces = roof_surfaces(polygons[fresh], shape[fresh], tilt[fresh], span[fresh])
        made = StoodFaces(faces, *face_planes(faces, top[fresh], height[fresh]))
        parts.append(_face_edges(made, fresh, level))
    if stood is not None and own is not None and stood.surfaces.building.size:
        building = np.full(int(stood.surfaces.building.max()) + 1, -1)
        known = pitched[own[pitched] >= 0]
        building[own[known]] = known
        parts.append(_face_edges(stood, building, level))
    return RoofEdges(np.concatenate(parts), level)


def _face_edges(stood: StoodFaces, building: NDArray[np.integer], level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of faces in space; `building` is the place of each of their buildings in `level`, -1 to leave it out."""
    use = building[stood.surfaces.building] >= 0
    of, plane, origin = building[stood.surfaces.building[use]], stood.plane[use], stood.origin[use]
    edges, face = outline_edges(stood.surfaces.geometry[use])
    (x, y), (east, north, up) = origin[face].T, plane[face].T
    z = [up + ((edges[:, at] - x) * east + (edges[:, at + 1] - y) * north) for at in (0, 2)]
    np.minimum.at(level, of[face], np.minimum(z[0], z[1]))
    seen = np.column_stack([edges[:, :2], z[0], edges[:, 2:], z[1]])
    sloped = np.abs(z[1] - z[0]) > LEVEL_M
    both = np.repeat(seen, 1 + sloped, axis=0)
    back = (np.cumsum(1 + sloped) - 1)[sloped]
    both[back] = both[back][:, [3, 4, 5, 0, 1, 2]]
    return both


def parapets(polygons: NDArray[np.object_], crest: NDArray[np.float64], building: NDArray[np.int64]) -> Parapets:
    """
    Give the parapets around points on flat roofs.

    Parameters
    ----------
    polygons
        Footprints, shape (n,). [m]
    crest
        Top of the parapet, shape (n,); NaN where a building has none. [m]
    building
        Of each point, shape (p,).

    Returns
    -------
    Parapets
        Edges of the buildings that have a parapet.

    Raises
    ------
    GeoError
        If lengths differ.
    """
    if len(polygons) != len(crest):
        raise GeoError(f"Footprints and parapets must pair up: got {len(polygons)} footprints and {len(crest)} parapets.")
    has = np.isfinite(crest)
    edges, owner = outline_edges(polygons[has])
    owner = np.flatnonzero(has)[owner]
    start = np.searchsorted(owner, np.arange(len(crest) + 1)).astype(np.int64)
    return Parapets(start, edges, np.nan_to_num(crest), np.where(has[building], building, -1).astype(np.int64))


def outline_edges(polygons: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """
    Take outer and courtyard edges apart, the inside to the left of each.

    Parameters
    ----------
    polygons
        Polygons or MultiPolygons, shape (n,); missing and empty ones have no edges.

    Returns
    -------
    tuple of numpy.ndarray
        Both ends in plan, shape (k, 4) [m], and the polygon of each edge, shape (k,), rising.
    """
    usable = np.flatnonzero(~shapely.is_missing(polygons) & ~shapely.is_empty(polygons))
    plain = (shapely.get_type_id(polygons[usable]) == 3) & (shapely.get_num_interior_rings(polygons[usable]) == 0)
    owner = usable[plain]
    xy, of = shapely.get_coordinates(polygons[owner], return_index=True)
    xy = _leftward(xy, of, owner.size)
    if not plain.all():
        parts, part_of = shapely.get_parts(polygons[usable[~plain]], return_index=True)
        areal = shapely.get_type_id(parts) == 3
        rings, ring_part = shapely.get_rings(shapely.orient_polygons(parts[areal]), return_index=True)
        more, ring = shapely.get_coordinates(rings, return_index=True)
        xy, of = np.concatenate([xy, more]), np.concatenate([of, ring + owner.size])
        owner = np.concatenate([owner, usable[~plain][part_of[areal]][ring_part]])
    if len(xy) < 2:
        return np.empty((0, 4)), np.empty(0, np.int64)
    within = (of[:-1] == of[1:]) & ((xy[:-1, 0] != xy[1:, 0]) | (xy[:-1, 1] != xy[1:, 1]))
    edges, building = np.column_stack([xy[:-1][within], xy[1:][within]]), owner[of[:-1][within]].astype(np.int64)
    if plain.all():
        return edges, building
    order = np.argsort(building, kind="stable")
    return edges[order], building[order]


def _leftward(xy: NDArray[np.float64], of: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Turn closed rings that run clockwise around; ten times as fast as polygons that are turned."""
    if not count:
        return xy
    number = np.bincount(of, minlength=count)
    first = np.cumsum(number) - number
    off = xy - xy[first][of]  # near the origin, where products keep their digits
    twice = np.r_[off[:-1, 0] * off[1:, 1] - off[1:, 0] * off[:-1, 1], 0.0]
    clockwise = np.add.reduceat(twice, first) < 0.0  # from ring to ring the first point is the origin: nothing is added
    if not clockwise.any():
        return xy
    place = np.arange(len(xy))
    turned = clockwise[of]
    place[turned] = (2 * first + number - 1)[of[turned]] - place[turned]
    return xy[place]
