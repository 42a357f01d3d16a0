"""Walls of buildings and how high they rise in each direction around a point: exact edges, no raster between.

Walls are held in square blocks of 32 m, those in wide blocks of 256 m; `wall_rays` looks over them.
"""

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from .errors import GeoError
from .grid import Bounds
from .roof_edges import outline_edges

SIDE = 32.0  # m; side of a block
LONGEST = 32.0  # m; longer walls are cut into equal pieces, so that none leaves its block by more than half of this
WIDE = 8  # blocks along the side of a wide block
LOW_RESOLVED = 0.5  # m; a wall nearer than this is taken to stand this far away, so that tangents stay finite

# starts, walls (x0, y0, x1, y1, top), block tops, wide tops, first column, first row, highest top
Kernel = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float32], NDArray[np.float32], int, int, float]


@dataclass(frozen=True)
class Walls:
    """
    Outer and courtyard walls in blocks.

    Attributes
    ----------
    starts
        Where the walls of each block begin, blocks row by row from the south-west, shape (blocks + 1,).
    walls
        Both ends in plan, the higher top, the tops of both ends; building to the left, the highest of a block first, shape (m, 7). [m]
    block_tops
        Highest wall of each block, shape (blocks north, blocks east); minus infinity where none stands. [m]
    wide_tops
        Highest wall of each 8 x 8 blocks. [m]
    first_column
        Global number of the westernmost block, a multiple of 8.
    first_row
        Global number of the southernmost block, a multiple of 8.
    polygons
        The footprints, shape (n,).
    tops
        Below which a point lies under their roof, shape (n,). [m]
    bounds
        What the caller asked to be covered. [m]
    """

    starts: NDArray[np.int64]
    walls: NDArray[np.float64]
    block_tops: NDArray[np.float32]
    wide_tops: NDArray[np.float32]
    first_column: int
    first_row: int
    polygons: NDArray[np.object_]
    tops: NDArray[np.float64]
    bounds: Bounds


def walls(bounds: Bounds, polygons: NDArray[np.object_], tops: NDArray[np.float64], edges: NDArray[np.float64] | None = None) -> Walls:
    """
    Take the walls of buildings apart.

    Parameters
    ----------
    bounds
        Area to cover, halo included. [m]
    polygons
        Footprints, shape (n,); Polygon or MultiPolygon.
    tops
        Roof tops above the datum, shape (n,); NaN leaves a building out. With `edges`, what lies below counts as under a roof. [m]
    edges
        Edges of the roofs, see `roof_edges`; by default the outlines of the footprints at their tops. [m]

    Returns
    -------
    Walls
        Walls in blocks.

    Raises
    ------
    GeoError
        If lengths differ.
    """
    if len(polygons) != len(tops):
        raise GeoError(f"Footprints and tops must pair up: got {len(polygons)} footprints and {len(tops)} tops.")
    left, bottom, right, top = bounds
    i0, j0 = math.floor(left / SIDE) - 1, math.floor(bottom / SIDE) - 1
    i0, j0 = i0 // WIDE * WIDE, j0 // WIDE * WIDE
    columns = -(-(math.floor(right / SIDE) + 2 - i0) // WIDE) * WIDE
    rows = -(-(math.floor(top / SIDE) + 2 - j0) // WIDE) * WIDE
    pieces = _pieces(_boxes(polygons, np.asarray(tops, np.float64)) if edges is None else edges)
    i = np.floor((pieces[:, 0] + pieces[:, 2]) / (2 * SIDE)).astype(np.int64) - i0
    j = np.floor((pieces[:, 1] + pieces[:, 3]) / (2 * SIDE)).astype(np.int64) - j0
    inside = (i >= 0) & (i < columns) & (j >= 0) & (j < rows)
    block = (j * columns + i)[inside]
    pieces = pieces[inside]
    order = np.lexsort((-pieces[:, 4], block))
    starts = np.searchsorted(block[order], np.arange(rows * columns + 1)).astype(np.int64)
    block_tops = np.full(rows * columns, -np.inf, np.float32)
    np.maximum.at(block_tops, block, np.nextafter(pieces[:, 4].astype(np.float32), np.float32(np.inf)))
    wide = block_tops.reshape(rows // WIDE, WIDE, columns // WIDE, WIDE).max(axis=(1, 3))
    pieces, wide = np.ascontiguousarray(pieces[order]), np.ascontiguousarray(wide)
    return Walls(starts, pieces, block_tops.reshape(rows, columns), wide, i0, j0, polygons, tops, bounds)


def beneath(found: Walls, points: NDArray[np.float64]) -> NDArray[np.float32]:
    """
    Tell which points lie under the roof of a higher building, and how little they see.

    Parameters
    ----------
    found
        Walls.
    points
        Easting, northing and elevation, shape (p, 3). [m]

    Returns
    -------
    numpy.ndarray
        Horizon all around, shape (p,); 0 where no roof lies above. [degrees]
    """
    out = np.zeros(len(points), np.float32)
    if not len(found.polygons):
        return out
    point, polygon = shapely.STRtree(found.polygons).query(shapely.points(points[:, :2]), predicate="within")
    rise = np.nan_to_num(found.tops[polygon] - points[point, 2], nan=0.0)
    np.maximum.at(out, point, np.degrees(np.arctan(np.maximum(rise, 0.0) / LOW_RESOLVED)).astype(np.float32))
    return out


def _boxes(polygons: NDArray[np.object_], tops: NDArray[np.float64]) -> NDArray[np.float64]:
    """Outlines of the footprints at the tops of their buildings."""
    edges, owner = outline_edges(polygons)
    known = np.isfinite(tops[owner])
    edges, top = edges[known], tops[owner[known]]
    return np.column_stack([edges[:, :2], top, edges[:, 2:], top])


def _pieces(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges cut to at most LONGEST: both ends in plan, the higher top, the tops of both ends."""
    a, b = edges[:, :3], edges[:, 3:]
    length = np.hypot(b[:, 0] - a[:, 0], b[:, 1] - a[:, 1])
    a, b, length = a[length > 0], b[length > 0], length[length > 0]
    number = np.ceil(length / LONGEST).astype(np.int64)
    edge = np.repeat(np.arange(len(a)), number)
    piece = np.arange(len(edge)) - np.repeat(np.cumsum(number) - number, number)
    share = (piece / number[edge])[:, None]
    following = ((piece + 1) / number[edge])[:, None]
    start = a[edge] + share * (b - a)[edge]
    end = np.where(following == 1.0, b[edge], a[edge] + following * (b - a)[edge])
    return np.column_stack([start[:, :2], end[:, :2], np.maximum(start[:, 2], end[:, 2]), start[:, 2], end[:, 2]])


def kernel(found: Walls | None) -> Kernel:
    """
    Lay out walls for the kernels.

    Parameters
    ----------
    found
        Walls; None where nothing stands.

    Returns
    -------
    tuple
        Arrays and numbers.
    """
    if found is None:
        empty = np.full((1, 1), -np.inf, np.float32)
        return np.zeros(2, np.int64), np.empty((0, 7)), empty, empty, 0, 0, -np.inf
    return (
        found.starts,
        found.walls,
        found.block_tops,
        found.wide_tops,
        found.first_column,
        found.first_row,
        float(found.wide_tops.max()),
    )
