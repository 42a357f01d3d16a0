"""Modules laid in rows inside roof outlines: counted by scanlines, never estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from .errors import SolarError

MOST_CORNERS = 12  # where an outline has no more, rows are also tried from each of its corners
OFFSETS = 4  # row offsets tried within a pitch, besides the one that ends flush with the far edge
_TOUCH = 1e-7  # metres: a module may touch the outline, and rounding must not cost a row


@dataclass(frozen=True)
class RowLayout:
    """
    The rectangle that is laid on each surface and the rows in which it is laid.

    Attributes
    ----------
    along
        Length of a rectangle along the row [m], shape (m,).
    depth
        Its extent across the row [m], shape (m,).
    pitch
        Distance from row to row, at least `depth` [m], shape (m,).
    gap
        Distance between rectangles of a row [m], shape (m,).
    modules
        Modules in a rectangle: 1, or 2 in an east-west pair.
    """

    along: NDArray[np.float64]
    depth: NDArray[np.float64]
    pitch: NDArray[np.float64]
    gap: NDArray[np.float64]
    modules: int = 1


@dataclass(frozen=True)
class Packing:
    """
    Modules that fit on each surface.

    Attributes
    ----------
    count
        Modules (not rectangles), shape (m,).
    offset
        Distance of the first row from the lowest point of the outline [m], shape (m,).
    layout
        Index of the layout taken, where several were offered, shape (m,).
    """

    count: NDArray[np.int64]
    offset: NDArray[np.float64]
    layout: NDArray[np.int64]


def pack_rows(
    vertices: NDArray[np.float64], ring_start: NDArray[np.int64], polygon_start: NDArray[np.int64], layouts: Sequence[RowLayout]
) -> Packing:
    """
    Modules that fit wholly inside each outline, by the best of several layouts and row offsets.

    Parameters
    ----------
    vertices
        Roof-plane coordinates, x along the row, y across it [m], shape (v, 2).
    ring_start
        First vertex of each ring and the number of vertices, shape (r + 1,).
    polygon_start
        First ring of each polygon and the number of rings, shape (m + 1,); holes and further parts are rings like any other.
    layouts
        Rows to try, e.g. portrait and landscape, each for all m polygons; the first of equals is taken.

    Returns
    -------
    Packing
        Count, row offset and layout of each polygon; 0 modules where none fits.

    Raises
    ------
    SolarError
        Arrays do not fit together, or a length is not positive, or a pitch is shorter than its depth.

    Notes
    -----
    Of each row the free stretches are the row less the extents of all edges that cross it, so a rectangle inside one can touch no edge.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 4.0], [0.0, 4.0]])
    >>> one = RowLayout(*(np.array([v]) for v in (1.0, 2.0, 2.0, 0.0)))
    >>> pack_rows(square, np.array([0, 4]), np.array([0, 1]), [one]).count.tolist()
    [10]
    """
    polygons = polygon_start.size - 1
    if not layouts:
        raise SolarError("pack_rows got no layout; give at least one RowLayout.")
    best = Packing(np.full(polygons, -1, dtype=np.int64), np.zeros(polygons), np.zeros(polygons, dtype=np.int64))
    xy = np.ascontiguousarray(vertices, dtype=float)
    rings, parts = np.asarray(ring_start, dtype=np.int64), np.asarray(polygon_start, dtype=np.int64)
    for number, layout in enumerate(layouts):
        _check(layout, polygons)
        size = (layout.along, layout.depth, layout.pitch, layout.gap, layout.modules)
        _pack(xy, rings, parts, *size, number, best.count, best.offset, best.layout)
    return best


def rectangles(
    vertices: NDArray[np.float64],
    ring_start: NDArray[np.int64],
    polygon_start: NDArray[np.int64],
    layouts: Sequence[RowLayout],
    packing: Packing,
    polygon: int,
) -> NDArray[np.float64]:
    """
    Corners of the rectangles on one outline, for drawing; an east-west pair is one rectangle.

    Parameters
    ----------
    vertices
        As for `pack_rows` [m], shape (v, 2).
    ring_start
        As for `pack_rows`, shape (r + 1,).
    polygon_start
        As for `pack_rows`, shape (m + 1,).
    layouts
        The layouts given to `pack_rows`.
    packing
        What `pack_rows` returned.
    polygon
        Index of the outline.

    Returns
    -------
    numpy.ndarray
        Corners counter-clockwise, roof-plane coordinates [m], shape (rectangles, 4, 2).
    """
    layout = layouts[int(packing.layout[polygon])]
    edges = np.empty((int(ring_start[polygon_start[polygon + 1]] - ring_start[polygon_start[polygon]]), 4))
    edges_used = _edges(
        np.ascontiguousarray(vertices, dtype=float), ring_start, int(polygon_start[polygon]), int(polygon_start[polygon + 1]), edges
    )
    along, depth = float(layout.along[polygon]), float(layout.depth[polygon])
    corners = np.empty((int(packing.count[polygon]) // layout.modules, 2))
    if not len(corners):
        return np.empty((0, 4, 2))
    _, _, low, high = _extent(edges, edges_used)
    blocked = np.empty((len(edges), 3))
    pitch, gap, offset = float(layout.pitch[polygon]), float(layout.gap[polygon]), float(packing.offset[polygon])
    _lay(edges, edges_used, low + offset, high, along, depth, pitch, gap, blocked, corners)
    shape = np.array([[0.0, 0.0], [along, 0.0], [along, depth], [0.0, depth]])
    return np.asarray(corners[:, None, :] + shape[None, :, :])


def _check(layout: RowLayout, polygons: int) -> None:
    for name in ("along", "depth", "pitch", "gap"):
        value: ArrayLike = getattr(layout, name)
        if np.shape(value) != (polygons,):
            raise SolarError(f"layout.{name} has shape {np.shape(value)}; expected one value for each of the {polygons} outlines.")
        low = 0.0 if name == "gap" else 1e-3
        if not np.all(np.asarray(value) >= low):
            raise SolarError(f"layout.{name} holds {np.min(value)} m; expected lengths from {low} m.")
    if np.any(layout.pitch < layout.depth - _TOUCH):
        raise SolarError("a pitch is shorter than the depth of its row; rows would overlap.")


@njit(cache=True, nogil=True)
def _pack(
    vertices: NDArray[np.float64],
    ring_start: NDArray[np.int64],
    polygon_start: NDArray[np.int64],
    along: NDArray[np.float64],
    depth: NDArray[np.float64],
    pitch: NDArray[np.float64],
    gap: NDArray[np.float64],
    modules: int,
    number: int,
    best_count: NDArray[np.int64],
    best_offset: NDArray[np.float64],
    best_layout: NDArray[np.int64],
) -> None:
    """Better every polygon's packing by one layout, in place."""
    room = 1
    for i in range(polygon_start.size - 1):
        room = max(room, ring_start[polygon_start[i + 1]] - ring_start[polygon_start[i]])
    edges, blocked, nowhere = np.empty((room, 4)), np.empty((room, 3)), np.empty((0, 2))
    for i in range(polygon_start.size - 1):
        used = _edges(vertices, ring_start, polygon_start[i], polygon_start[i + 1], edges)
        if used == 0:
            best_count[i] = max(best_count[i], 0)
            continue
        left, right, low, high = _extent(edges, used)
        rows = np.floor((high - low - depth[i] + _TOUCH) / pitch[i]) + 1.0
        ceiling = max(rows, 0.0) * max(np.floor((right - left + gap[i] + _TOUCH) / (along[i] + gap[i])), 0.0)
        corners = used if used <= MOST_CORNERS else 0
        for trial in range(OFFSETS + 1 + 2 * corners):
            if trial < OFFSETS:
                offset = trial * pitch[i] / OFFSETS
            elif trial == OFFSETS:
                offset = max(high - low - depth[i] - (rows - 1.0) * pitch[i], 0.0)  # the last row ends at the far edge
            else:  # a row begins or ends at a corner: an edge a hair off the rows' direction costs a hair, not a row
                corner = edges[(trial - OFFSETS - 1) // 2, 1] - low
                offset = (corner if trial % 2 == 0 else corner - depth[i]) % pitch[i]
                if pitch[i] - offset < _TOUCH:
                    offset = 0.0
            if ceiling * modules <= best_count[i]:
                break  # no offset of this layout can do better
            count = modules * _lay(edges, used, low + offset, high, along[i], depth[i], pitch[i], gap[i], blocked, nowhere)
            if count > best_count[i]:
                best_count[i], best_offset[i], best_layout[i] = count, offset, number
        best_count[i] = max(best_count[i], 0)


@njit(cache=True, nogil=True)
def _edges(vertices: NDArray[np.float64], ring_start: NDArray[np.int64], first: int, last: int, edges: NDArray[np.float64]) -> int:
    """Edges of one polygon as (x, y, x, y)."""
    used = 0
    for r in range(first, last):
        n = ring_start[r + 1] - ring_start[r]
        for j in range(n):
            p, q = ring_start[r] + j, ring_start[r] + (j + 1) % n
            edges[used, 0], edges[used, 1] = vertices[p, 0], vertices[p, 1]
            edges[used, 2], edges[used, 3] = vertices[q, 0], vertices[q, 1]
            used += 1
    return used


@njit(cache=True, nogil=True)
def _extent(edges: NDArray[np.float64], used: int) -> tuple[float, float, float, float]:
    """Left, right, low and high end of closed rings."""
    left = right = edges[0, 0]
    low = high = edges[0, 1]
    for e in range(1, used):
        left, right = min(left, edges[e, 0]), max(right, edges[e, 0])
        low, high = min(low, edges[e, 1]), max(high, edges[e, 1])
    return left, right, low, high


@njit(cache=True, nogil=True)
def _lay(
    edges: NDArray[np.float64],
    used: int,
    first_row: float,
    high: float,
    along: float,
    depth: float,
    pitch: float,
    gap: float,
    blocked: NDArray[np.float64],
    corners: NDArray[np.float64],
) -> int:
    """Rectangles in rows from `first_row` up; their lower left corners go into `corners` as far as it reaches."""
    count = 0
    rows = int(np.floor((high - first_row - depth + _TOUCH) / pitch)) + 1
    for row in range(rows):
        y = first_row + row * pitch
        crossing = _blocked(edges, used, y + _TOUCH, y + depth - _TOUCH, blocked)
        end, inside = -np.inf, False
        for b in range(crossing):
            if inside and blocked[b, 0] - end > 0.0:
                fit = int(np.floor((blocked[b, 0] - end + gap + _TOUCH) / (along + gap)))
                spare = blocked[b, 0] - end - fit * along - (fit - 1) * gap
                for k in range(fit):
                    if count < corners.shape[0]:
                        corners[count, 0] = end + 0.5 * spare + k * (along + gap)
                        corners[count, 1] = y
                    count += 1
            end = max(end, blocked[b, 1])
            if blocked[b, 2] > 0.0:
                inside = not inside
    return count


@njit(cache=True, nogil=True)
def _blocked(edges: NDArray[np.float64], used: int, low: float, high: float, blocked: NDArray[np.float64]) -> int:
    """Extents in x of the edges inside a row, sorted, with whether the edge crosses the middle of the row."""
    middle = 0.5 * (low + high)
    count = 0
    for e in range(used):
        x0, y0, x1, y1 = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
        if max(y0, y1) <= low or min(y0, y1) >= high:
            continue
        if y0 == y1:
            a, b = x0, x1
        else:
            slope = (x1 - x0) / (y1 - y0)
            a = x0 + slope * (min(max(low, min(y0, y1)), max(y0, y1)) - y0)
            b = x0 + slope * (max(min(high, max(y0, y1)), min(y0, y1)) - y0)
        left, right = min(a, b), max(a, b)
        place = count
        while place > 0 and blocked[place - 1, 0] > left:
            for c in range(3):
                blocked[place, c] = blocked[place - 1, c]
            place -= 1
        blocked[place, 0], blocked[place, 1] = left, right
        blocked[place, 2] = 1.0 if (y0 <= middle) != (y1 <= middle) else 0.0
        count += 1
    return count
