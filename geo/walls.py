"""Walls of buildings and how high they rise in each direction around a point: exact edges, no raster between.

The walls of one ring are a group; groups are held in square blocks, and `wall_rays` looks over those.
"""

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from .errors import GeoError
from .grid import Bounds
from .roof_edges import outline_edges

NEAR_SIDE = 64.0  # m; side of a block of all buildings around
BLOCKS_TO_REACH = 6  # as many blocks of buildings far away to the end of their ring
LONGEST = 32.0  # m; longer walls are cut into equal pieces
WHOLE = 64.0  # m; a ring whose circle has no greater radius stays together, a larger one is cut at the borders of squares of this side
TOGETHER = 16  # groups that are asked at once
LOW_RESOLVED = 0.5  # m; a wall nearer than this is taken to stand this far away, so that tangents stay finite

# groups of each block, groups column by column and some room, walls of each group, walls, their tops, tops of blocks, boxes of blocks,
# side of a block, first column, first row, how far a box leaves its block, highest top
Kernel = tuple[
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float32],
    NDArray[np.float64],
    float,
    int,
    int,
    float,
    float,
]


@dataclass(frozen=True)
class Walls:
    """
    Outer and courtyard walls in groups, those in blocks.

    Attributes
    ----------
    starts
        Where the groups of each block begin, blocks row by row from the south-west, shape (blocks + 1,).
    groups
        Centre and radius of the circle around a group's walls, its highest top, and how far it is looked for; the highest of a block
        first, shape (g, 5). [m]
    firsts
        Where the walls of each group begin, shape (g + 1,).
    walls
        Both ends in plan, building to the left, in the order of the ring, shape (m, 4). [m]
    tops
        Of both ends, shape (m, 2). [m]
    block_tops
        Highest wall of each block, shape (blocks north, blocks east); minus infinity where none stands. [m]
    boxes
        West, south, east and north of all walls of each block, shape (blocks north, blocks east, 4). [m]
    side
        Side of a block. [m]
    first_column
        Global number of the westernmost block.
    first_row
        Global number of the southernmost block.
    polygons
        The footprints, shape (n,).
    levels
        Below which a point lies under their roof, shape (n,). [m]
    bounds
        What the caller asked to be covered. [m]
    """

    starts: NDArray[np.int64]
    groups: NDArray[np.float64]
    firsts: NDArray[np.int64]
    walls: NDArray[np.float64]
    tops: NDArray[np.float64]
    block_tops: NDArray[np.float32]
    boxes: NDArray[np.float64]
    side: float
    first_column: int
    first_row: int
    polygons: NDArray[np.object_]
    levels: NDArray[np.float64]
    bounds: Bounds


@dataclass(frozen=True)
class Standing:
    """
    Walls in groups, before they are laid into blocks: those of one building count for many windows.

    Attributes
    ----------
    groups
        Centre and radius of the circle around a group's walls, its highest top, and how far it is looked for, shape (g, 5). [m]
    firsts
        Where the walls of each group begin, shape (g + 1,).
    pieces
        Both ends in plan, building to the left, their tops, and how far they are looked for, shape (m, 7). [m]
    boxes
        West, south, east and north of the walls of each group, shape (g, 4). [m]
    polygons
        The footprints, shape (n,).
    levels
        Below which a point lies under their roof, shape (n,). [m]
    """

    groups: NDArray[np.float64]
    firsts: NDArray[np.int64]
    pieces: NDArray[np.float64]
    boxes: NDArray[np.float64]
    polygons: NDArray[np.object_]
    levels: NDArray[np.float64]


def standing(
    polygons: NDArray[np.object_],
    tops: NDArray[np.float64],
    edges: NDArray[np.float64] | None = None,
    *,
    reach: NDArray[np.float64] | None = None,
) -> Standing:
    """
    Take the walls of buildings apart.

    Parameters
    ----------
    polygons
        Footprints, shape (n,); Polygon or MultiPolygon.
    tops
        Roof tops above the datum, shape (n,); NaN leaves a building out. With `edges`, what lies below counts as under a roof. [m]
    edges
        Edges of the roofs, see `roof_edges`; by default the outlines of the footprints at their tops. [m]
    reach
        How far each building is looked for, shape (n,), where outlines are taken; by default without end. [m]

    Returns
    -------
    Standing
        Walls in groups.

    Raises
    ------
    GeoError
        If lengths differ.
    """
    if len(polygons) != len(tops):
        raise GeoError(f"Footprints and tops must pair up: got {len(polygons)} footprints and {len(tops)} tops.")
    if edges is None:
        edges = _boxes(polygons, np.asarray(tops, np.float64), np.full(len(tops), np.inf) if reach is None else reach)
    else:
        edges = np.column_stack([edges, np.full(len(edges), np.inf)])
    pieces, ring = _pieces(edges)
    groups, firsts, pieces, box = _grouped(pieces, ring)
    return Standing(groups, firsts, pieces, box, polygons, tops)


def walls(
    bounds: Bounds,
    polygons: NDArray[np.object_],
    tops: NDArray[np.float64],
    edges: NDArray[np.float64] | None = None,
    *,
    reach: NDArray[np.float64] | None = None,
    side: float = NEAR_SIDE,
) -> Walls:
    """
    Take the walls of buildings apart and lay them into blocks.

    Parameters
    ----------
    bounds
        Area to cover, halo included. [m]
    polygons
        Footprints, see `standing`.
    tops
        Roof tops above the datum. [m]
    edges
        Edges of the roofs. [m]
    reach
        How far each building is looked for. [m]
    side
        Side of a block: matters to the time only. [m]

    Returns
    -------
    Walls
        Walls in blocks.
    """
    return in_blocks(bounds, standing(polygons, tops, edges, reach=reach), side=side)


def in_blocks(bounds: Bounds, found: Standing, *, side: float = NEAR_SIDE) -> Walls:
    """
    Lay walls into the blocks of a window.

    Parameters
    ----------
    bounds
        Area to cover, halo included. [m]
    found
        Walls in groups; those outside are left out.
    side
        Side of a block: matters to the time only. [m]

    Returns
    -------
    Walls
        Walls in blocks.
    """
    left, bottom, right, top = bounds
    # a group reaches at most WHOLE beyond its centre
    i0, j0 = math.floor((left - WHOLE) / side), math.floor((bottom - WHOLE) / side)
    columns, rows = math.floor((right + WHOLE) / side) + 1 - i0, math.floor((top + WHOLE) / side) + 1 - j0
    i, j = (np.floor(found.groups[:, k] / side).astype(np.int64) for k in (0, 1))
    inside = np.flatnonzero((i >= i0) & (i < i0 + columns) & (j >= j0) & (j < j0 + rows))
    block = (j[inside] - j0) * columns + i[inside] - i0
    falling = np.lexsort((-found.groups[inside, 3], block))
    kept, block = inside[falling], block[falling]
    count = np.diff(found.firsts)[kept]
    order = _runs(found.firsts[kept], count)
    starts = np.searchsorted(block, np.arange(rows * columns + 1)).astype(np.int64)
    block_tops = np.full(rows * columns, -np.inf, np.float32)
    boxes = np.tile([np.inf, np.inf, -np.inf, -np.inf], (rows * columns, 1))
    if kept.size:
        begin = np.flatnonzero(np.r_[True, np.diff(block) != 0])
        full = block[begin]
        # the highest of a block comes first
        block_tops[full] = np.nextafter(found.groups[kept[begin], 3].astype(np.float32), np.float32(np.inf))
        boxes[full, :2] = np.minimum.reduceat(found.boxes[kept, :2], begin)
        boxes[full, 2:] = np.maximum.reduceat(found.boxes[kept, 2:], begin)
    return Walls(
        starts,
        found.groups[kept],
        np.r_[0, np.cumsum(count)].astype(np.int64),
        np.ascontiguousarray(found.pieces[order, :4]),
        np.ascontiguousarray(found.pieces[order, 4:6]),
        block_tops.reshape(rows, columns),
        boxes.reshape(rows, columns, 4),
        side,
        i0,
        j0,
        found.polygons,
        found.levels,
        bounds,
    )


def _grouped(
    pieces: NDArray[np.float64], ring: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Put walls together: groups, where their walls begin, the walls in that order, and the box of each group; small rings stay whole."""
    if not len(pieces):
        return np.empty((0, 5)), np.zeros(1, np.int64), pieces, np.empty((0, 4))
    new = np.r_[True, ring[1:] != ring[:-1]]
    begin = np.flatnonzero(new)
    box = _box(pieces, begin)
    large = 0.5 * np.hypot(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]) > WHOLE
    if large.any():
        cut = np.flatnonzero(large[ring])  # a ring's walls follow each other, so sorting them leaves all others where they are
        square = np.floor((pieces[cut, :2] + pieces[cut, 2:4]) / (2 * WHOLE)).astype(np.int64)
        order = np.lexsort((square[:, 0], square[:, 1], ring[cut]))
        pieces, square = pieces.copy(), square[order]
        pieces[cut] = pieces[cut[order]]
        new[cut[1:]] |= (square[1:, 0] != square[:-1, 0]) | (square[1:, 1] != square[:-1, 1])
        begin = np.flatnonzero(new)
        box = _box(pieces, begin)
    radius = 0.5 * np.hypot(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]) + 1e-6  # rounding of the centre
    highest = np.maximum.reduceat(np.maximum(pieces[:, 4], pieces[:, 5]), begin)
    groups = np.column_stack([0.5 * (box[:, :2] + box[:, 2:]), radius, highest, pieces[begin, 6]])
    return groups, np.r_[begin, len(pieces)].astype(np.int64), pieces, box


def _box(pieces: NDArray[np.float64], begin: NDArray[np.int64]) -> NDArray[np.float64]:
    """West, south, east and north of runs of walls."""
    sides = [np.minimum.reduceat(np.minimum(pieces[:, k], pieces[:, k + 2]), begin) for k in (0, 1)]
    sides += [np.maximum.reduceat(np.maximum(pieces[:, k], pieces[:, k + 2]), begin) for k in (0, 1)]
    return np.column_stack(sides)


def _runs(first: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers from `first` on, `count` of them, run after run."""
    return np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first, count)


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
    # a point on a wall too: it sees that wall from neither side
    point, polygon = shapely.STRtree(found.polygons).query(shapely.points(points[:, :2]), predicate="intersects")
    rise = np.nan_to_num(found.levels[polygon] - points[point, 2], nan=0.0)
    np.maximum.at(out, point, np.degrees(np.arctan(np.maximum(rise, 0.0) / LOW_RESOLVED)).astype(np.float32))
    return out


def _boxes(polygons: NDArray[np.object_], tops: NDArray[np.float64], reach: NDArray[np.float64]) -> NDArray[np.float64]:
    """Outlines of the footprints at the tops of their buildings, and how far those are looked for."""
    edges, owner = outline_edges(polygons)
    known = np.isfinite(tops[owner])
    edges, top, seen = edges[known], tops[owner[known]], reach[owner[known]]
    return np.column_stack([edges[:, :2], top, edges[:, 2:], top, seen])


def _pieces(edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Edges cut to at most LONGEST: both ends in plan, their tops and how far they are looked for; and the ring each belongs to."""
    ax, ay, bx, by = edges[:, 0], edges[:, 1], edges[:, 3], edges[:, 4]
    length = np.hypot(bx - ax, by - ay)
    if not (length > 0).all():
        edges, length = edges[length > 0], length[length > 0]
        ax, ay, bx, by = edges[:, 0], edges[:, 1], edges[:, 3], edges[:, 4]
    ring = np.zeros(len(edges), np.int64)
    # a verge comes twice, there and back
    apart = ((ax[1:] != bx[:-1]) | (ay[1:] != by[:-1])) & ((ax[1:] != ax[:-1]) | (ay[1:] != ay[:-1]))
    ring[1:] = np.cumsum(apart | (edges[1:, 6] != edges[:-1, 6]))  # neighbours may share the corner at which both their rings begin
    number = np.ceil(length / LONGEST).astype(np.int64)
    edge = np.repeat(np.arange(len(edges)), number)
    pieces = edges[:, [0, 1, 3, 4, 2, 5, 6]][edge]
    cut = np.flatnonzero(number[edge] > 1)
    if cut.size:
        of = edge[cut]
        a, b = edges[of, :3], edges[of, 3:6]
        step = cut - (np.cumsum(number) - number)[of]
        following = ((step + 1) / number[of])[:, None]
        start = a + (step / number[of])[:, None] * (b - a)
        end = np.where(following == 1.0, b, a + following * (b - a))
        pieces[cut, :6] = np.column_stack([start[:, :2], end[:, :2], start[:, 2], end[:, 2]])
    return pieces, ring[edge]


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
        none, nothing = np.zeros(2, np.int64), np.full((1, 1), -np.inf, np.float32)
        return (
            none,
            np.zeros((5, TOGETHER)),
            none,
            np.empty((0, 4)),
            np.empty((0, 2)),
            nothing,
            np.zeros((1, 1, 4)),
            1.0,
            0,
            0,
            0.0,
            -np.inf,
        )
    return (
        found.starts,
        np.ascontiguousarray(np.pad(found.groups, ((0, TOGETHER), (0, 0))).T),
        found.firsts,
        found.walls,
        found.tops,
        found.block_tops,
        found.boxes,
        found.side,
        found.first_column,
        found.first_row,
        _overhang(found),
        float(found.block_tops.max()),
    )


def _overhang(found: Walls) -> float:
    """How far the walls of any block leave its square."""
    rows, columns = found.block_tops.shape
    west, south = (np.arange(columns) + found.first_column) * found.side, ((np.arange(rows) + found.first_row) * found.side)[:, None]
    box, stands = found.boxes, np.isfinite(found.block_tops)
    out = np.max([west - box[..., 0], south - box[..., 1], box[..., 2] - west - found.side, box[..., 3] - south - found.side], axis=0)
    return float(out[stands].max(initial=0.0))
