"""Outlines for the page: longitude and latitude, simplified to a budget, written as small whole numbers."""

from __future__ import annotations

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
    polygons = []
    for part in shapely.get_parts(shape):
        if part.geom_type != "Polygon" or part.is_empty:
            continue
        rings = [_ring(ring, origin) for ring in (part.exterior, *part.interiors)]
        kept = [ring for ring in rings[1:] if len(ring) >= 6]
        if len(rings[0]) >= 6:
            polygons.append([rings[0], *kept])
    return polygons


def _ring(ring: shapely.LinearRing, origin: tuple[float, float]) -> list[int]:
    steps = np.rint((shapely.get_coordinates(ring)[:-1] - np.asarray(origin)) * STEPS_PER_DEGREE).astype(np.int64)
    differences = np.diff(steps, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    moved = np.any(differences != 0, axis=1)
    moved[0] = True
    flat: list[int] = differences[moved].ravel().tolist()
    return flat


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
