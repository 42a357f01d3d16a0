"""Walls of buildings and how high they rise in each direction around a point: exact edges, no raster between.

Along a straight edge, level or sloped, the tangent of its elevation is linear in the direction of view, so an edge raises all rays it
meets by one multiplication each. Walls are held in square blocks; a block whose highest wall cannot rise above the skyline seen so far
is left out.
"""

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from .errors import GeoError
from .grid import Bounds
from .roof_edges import outline_edges
from .sectors import FRINGE, SECTORS, least_slope, lowest, nearest, ray_number, span

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


@njit(cache=True, nogil=True, error_model="numpy")
def raise_over_walls(
    x: float,
    y: float,
    z: float,
    start: float,
    reach: float,
    held: Kernel,
    rays: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    angles: NDArray[np.float64],
    tangent: NDArray[np.float64],
    low: NDArray[np.float64],
) -> None:
    """
    Raise the tangents of all rays over the walls between two distances; `low` holds the lowest tangent of each sector.

    Parameters
    ----------
    x
        Easting of the point. [m]
    y
        Northing of the point. [m]
    z
        Elevation of the point. [m]
    start
        Where the ring begins. [m]
    reach
        Where the ring ends. [m]
    held
        Walls, see `kernel`.
    rays
        Rays per sector.
    east
        Eastward part of each ray's direction, shape (72 rays,).
    north
        Northward part, shape (72 rays,).
    angles
        See `angle_table`.
    tangent
        Tangent of the skyline along each ray, shape (72 rays,); raised in place.
    low
        Lowest tangent of each sector, shape (72,); raised in place.
    """
    wide_tops, ci, cj, highest = held[3], held[4], held[5], held[6]
    if highest <= z or start >= reach:
        return
    if start == 0.0:
        _near_blocks(x, y, z, reach, held, rays, east, north, angles, tangent, low)
        return
    side = SIDE * WIDE
    pi, pj = math.floor(x / side), math.floor(y / side)
    oi, oj = ci // WIDE, cj // WIDE
    nj, ni = wide_tops.shape
    for ring in range(math.ceil((reach + LONGEST) / side) + 1):
        least = np.inf
        for s in range(SECTORS):
            least = min(least, low[s])
        if highest - z <= least * max(start, (ring - 1) * side - LONGEST):
            return
        for b in range(-ring, ring + 1):
            step = 1 if abs(b) == ring else 2 * ring
            for a in range(-ring, ring + 1, max(step, 1)):
                i, j = pi + a - oi, pj + b - oj
                if i < 0 or j < 0 or i >= ni or j >= nj:
                    continue
                rise = wide_tops[j, i] - z
                if rise <= 0.0:
                    continue
                x0, y0 = (pi + a) * side - x, (pj + b) * side - y
                if rise <= least * max(nearest(x0, y0, side, LONGEST / 2), start):
                    continue
                slope = least_slope(x0, y0, side, LONGEST / 2, start, reach, rays, angles, low)
                if rise > slope * max(nearest(x0, y0, side, LONGEST / 2), start):
                    _wide_block(x, y, z, i * WIDE, j * WIDE, a, b, slope, start, reach, held, rays, east, north, angles, tangent, low)


@njit(cache=True, nogil=True, error_model="numpy")
def _near_blocks(
    x: float,
    y: float,
    z: float,
    reach: float,
    held: Kernel,
    rays: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    angles: NDArray[np.float64],
    tangent: NDArray[np.float64],
    low: NDArray[np.float64],
) -> None:
    """Go through all blocks around the point ring by ring: what stands nearest hides most of the rest."""
    block_tops, ci, cj, highest = held[2], held[4], held[5], held[6]
    pi, pj = math.floor(x / SIDE) - ci, math.floor(y / SIDE) - cj
    nj, ni = block_tops.shape
    for ring in range(math.ceil((reach + LONGEST / 2) / SIDE) + 1):
        least = np.inf
        for s in range(SECTORS):
            least = min(least, low[s])
        if highest - z <= least * ((ring - 1) * SIDE - LONGEST / 2):
            return
        for j in range(max(pj - ring, 0), min(pj + ring, nj - 1) + 1):
            step = 1 if abs(j - pj) == ring else max(2 * ring, 1)
            for i in range(pi - ring, pi + ring + 1, step):
                if i < 0 or i >= ni:
                    continue
                rise = block_tops[j, i] - z
                if rise <= 0.0:
                    continue
                distance = nearest((ci + i) * SIDE - x, (cj + j) * SIDE - y, SIDE, LONGEST / 2)
                if rise > least * distance:
                    _block(x, y, z, i, j, max(distance, 0.0), 0.0, reach, held, rays, east, north, angles, tangent, low)


@njit(cache=True, nogil=True, error_model="numpy")
def _wide_block(
    x: float,
    y: float,
    z: float,
    i0: int,
    j0: int,
    a: int,
    b: int,
    slope: float,
    start: float,
    reach: float,
    held: Kernel,
    rays: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    angles: NDArray[np.float64],
    tangent: NDArray[np.float64],
    low: NDArray[np.float64],
) -> None:
    """Go through the blocks of a wide block, those towards the point first."""
    block_tops, ci, cj = held[2], held[4], held[5]
    for jj in range(WIDE):
        j = j0 + (jj if b >= 0 else WIDE - 1 - jj)
        for ii in range(WIDE):
            i = i0 + (ii if a >= 0 else WIDE - 1 - ii)
            rise = block_tops[j, i] - z
            if rise <= 0.0:
                continue
            x0, y0 = (ci + i) * SIDE - x, (cj + j) * SIDE - y
            distance = max(nearest(x0, y0, SIDE, LONGEST / 2), start)
            if rise <= slope * distance:
                continue
            _block(x, y, z, i, j, distance, start, reach, held, rays, east, north, angles, tangent, low)


@njit(cache=True, nogil=True, error_model="numpy")
def _block(
    x: float,
    y: float,
    z: float,
    i: int,
    j: int,
    distance: float,
    start: float,
    reach: float,
    held: Kernel,
    rays: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    angles: NDArray[np.float64],
    tangent: NDArray[np.float64],
    low: NDArray[np.float64],
) -> None:
    """Go through the walls of one block that can rise above the sectors in which it is seen."""
    starts, edges, block_tops, ci, cj = held[0], held[1], held[2], held[4], held[5]
    x0, y0 = (ci + i) * SIDE - x, (cj + j) * SIDE - y
    least = max(least_slope(x0, y0, SIDE, LONGEST / 2, start, reach, rays, angles, low) * distance, 0.0)
    if block_tops[j, i] - z <= least:
        return
    block = j * block_tops.shape[1] + i
    changed = False
    for k in range(starts[block], starts[block + 1]):
        if edges[k, 4] - z <= least:  # the highest come first
            break
        if raise_over_wall(x, y, z, reach, edges[k], rays, east, north, angles, tangent):
            changed = True
    if changed:
        first, last = span(x0, y0, SIDE, LONGEST / 2, rays, angles)
        for sector in range(first // rays, last // rays + 1):
            s = sector - SECTORS if sector >= SECTORS else sector
            low[s] = lowest(tangent, s, rays)


@njit(cache=True, nogil=True, error_model="numpy")
def raise_over_wall(
    x: float,
    y: float,
    z: float,
    reach: float,
    wall: NDArray[np.float64],
    rays: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    angles: NDArray[np.float64],
    tangent: NDArray[np.float64],
) -> bool:
    """
    Raise the rays that meet one wall from its right; whether any was looked at.

    Parameters
    ----------
    x
        Easting of the point. [m]
    y
        Northing of the point. [m]
    z
        Elevation of the point. [m]
    reach
        Where the ring ends. [m]
    wall
        A row of `Walls.walls`.
    rays
        Rays per sector.
    east
        Eastward part of each ray's direction, shape (72 rays,).
    north
        Northward part, shape (72 rays,).
    angles
        See `angle_table`.
    tangent
        Tangent of the skyline along each ray, shape (72 rays,); raised in place.

    Returns
    -------
    bool
        False where the wall is seen from its left or edge on.
    """
    ax, ay, bx, by = wall[0] - x, wall[1] - y, wall[2] - x, wall[3] - y
    cross = ax * by - bx * ay
    if cross >= 0.0:  # seen from inside or edge on
        return False
    number = tangent.shape[0]
    first = math.ceil(ray_number(ax, ay, number, rays, angles) - FRINGE)
    last = math.floor(ray_number(bx, by, number, rays, angles) + FRINGE)
    first = first + number if first < 0 else first
    last = last + number if last < first - 1 else last
    # the table is coarse: the rays at both ends are compared exactly
    while first <= last:
        k = first - number if first >= number else first
        if ax * north[k] - ay * east[k] <= 0.0:
            break
        first += 1
    while first <= last:
        k = last - number if last >= number else last
        if east[k] * by - north[k] * bx <= 0.0:
            break
        last -= 1
    if first > last:
        return False
    rise = wall[4] - z
    if wall[5] == wall[6]:
        per = rise / cross
        along, across = per * (by - ay), per * (ax - bx)
        least, most = rise / reach, rise / LOW_RESOLVED
        _lift(tangent, east, north, along, across, least, most, first, min(last, number - 1))
        if last >= number:
            _lift(tangent, east, north, along, across, least, most, max(first - number, 0), last - number)
        return True
    per = 1.0 / cross
    closeness = per * (by - ay), per * (ax - bx)  # times the direction: one over the distance
    start, end = wall[5] - z, wall[6] - z
    slope = per * (start * by - end * ay), per * (ax * end - bx * start)
    _lift_sloped(tangent, east, north, slope, closeness, reach, rise / LOW_RESOLVED, first, min(last, number - 1))
    if last >= number:
        _lift_sloped(tangent, east, north, slope, closeness, reach, rise / LOW_RESOLVED, max(first - number, 0), last - number)
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _lift(
    tangent: NDArray[np.float64],
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    along: float,
    across: float,
    least: float,
    most: float,
    first: int,
    last: int,
) -> None:
    for k in range(first, last + 1):  # stores in any case, so that the processor does several rays at once
        seen, before = min(east[k] * along + north[k] * across, most), tangent[k]
        tangent[k] = seen if seen > least and seen > before else before


@njit(cache=True, nogil=True, error_model="numpy")
def _lift_sloped(
    tangent: NDArray[np.float64],
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    slope: tuple[float, float],
    closeness: tuple[float, float],
    reach: float,
    most: float,
    first: int,
    last: int,
) -> None:
    for k in range(first, last + 1):
        if (east[k] * closeness[0] + north[k] * closeness[1]) * reach > 1.0:
            tangent[k] = max(tangent[k], min(east[k] * slope[0] + north[k] * slope[1], most))
