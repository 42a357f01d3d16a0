"""Outlines for the page: longitude and latitude, simplified to a budget, written as small whole numbers."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

STEPS_PER_DEGREE = 1_000_000  # 0.1 m: finer than any footprint, and six digits are all that is written


def lonlat(frame: gpd.GeoDataFrame, budget: int, *, coverage: bool = False) -> npt.NDArray[np.object_]:
    """
    Bring outlines to WGS 84 with at most about `budget` vertices in all.

    Parameters
    ----------
    frame
        Rows with polygons in the study's CRS (metres).
    budget
        Vertices that the whole layer may have.
    coverage
        True where the polygons share edges: neighbours are then simplified alike and no slivers appear.

    Returns
    -------
    ndarray
        One geometry a row.
    """
    shapes = shapely.force_2d(np.asarray(frame.geometry.array, dtype=object))
    tolerance = 0.0 if frame.crs is not None and frame.crs.is_geographic else 0.2
    while shapely.get_num_coordinates(shapes).sum() > budget and tolerance < 20_000:
        tolerance = max(tolerance * 2, 0.2)
        if coverage:
            shapes = shapely.coverage_simplify(shapes, tolerance)
        else:
            shapes = shapely.simplify(shapes, tolerance, preserve_topology=tolerance < 50)
    placed = gpd.GeoSeries(shapes, crs=frame.crs)
    return np.asarray(placed.to_crs(4326).array, dtype=object)


def encode(shape: shapely.Geometry, origin: tuple[float, float]) -> list[list[list[int]]]:
    """
    Write a polygon or multipolygon as differences of whole numbers.

    Parameters
    ----------
    shape
        Geometry in degrees.
    origin
        Longitude and latitude that the numbers start from.

    Returns
    -------
    list
        Polygons of rings; a ring is a flat list x, y, dx, dy, dx, dy ... in millionths of a degree, not closed.
    """
    return encode_all(np.array([shape], dtype=object), origin)[0]


def encode_all(shapes: npt.NDArray[np.object_], origin: tuple[float, float]) -> list[list[list[list[int]]]]:
    """
    Write many shapes as `encode` writes one.

    Parameters
    ----------
    shapes
        Geometries in degrees, shape (n,).
    origin
        Longitude and latitude that the numbers start from.

    Returns
    -------
    list
        Polygons of each.
    """
    parts, owner = shapely.get_parts(shapes, return_index=True)
    areas = (shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)
    parts, owner = parts[areas], owner[areas]
    rings, part = shapely.get_rings(parts, return_index=True)
    written: list[list[list[list[int]]]] = [[] for _ in shapes]
    before = -1
    for at, ring in zip(part.tolist(), _rings(rings, origin), strict=True):
        outer, before = at != before, at
        if outer:
            polygon = [ring] if len(ring) >= 6 else []
            if polygon:
                written[owner[at]].append(polygon)
        elif polygon and len(ring) >= 6:
            polygon.append(ring)
    return written


def _rings(rings: npt.NDArray[np.object_], origin: tuple[float, float]) -> list[list[int]]:
    """Give the steps from vertex to vertex of each ring; vertices that fall on the one before are left out."""
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    last = np.append(ring[1:] != ring[:-1], True)[: len(ring)]
    corners, ring = corners[~last], ring[~last]
    steps = np.rint((corners - np.asarray(origin)) * STEPS_PER_DEGREE).astype(np.int64)
    first = np.append(True, ring[1:] != ring[:-1])[: len(ring)]
    moves = np.where(first[:, None], steps, np.diff(steps, axis=0, prepend=np.zeros((1, 2), dtype=np.int64)))
    moved = first | np.any(moves != 0, axis=1)
    ends = np.cumsum(np.bincount(ring[moved], minlength=len(rings)))
    flat: list[int] = moves[moved].ravel().tolist()
    return [flat[2 * a : 2 * b] for a, b in pairwise([0, *ends.tolist()])]


def points(frame: gpd.GeoDataFrame) -> npt.NDArray[np.float64]:
    """
    Find a point inside each outline.

    Parameters
    ----------
    frame
        Rows with geometries in any CRS.

    Returns
    -------
    ndarray
        Longitude and latitude, shape (rows, 2) [degrees], six digits.
    """
    inside = gpd.GeoSeries(frame.geometry.representative_point(), crs=frame.crs).to_crs(4326)
    return np.column_stack([inside.x.to_numpy(), inside.y.to_numpy()]).round(6)
