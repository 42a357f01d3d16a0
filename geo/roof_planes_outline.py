"""Outlines of labelled cells as a coverage of straight edges: ridges, hips and valleys run where the planes meet.

Everything here is compiled and works on one patch of cells, all of them labelled. A corner (i, j) of the cells lies at row i - 0.5
and column j - 0.5 when cell centres are whole numbers. A border between two planes runs from node to node, where three or more
meet; each is simplified once, in a direction of its own, so that the outlines on both sides of it are the same.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .roof_planes_grow import Floats, Labels

Ints = NDArray[np.int64]

# Borders on the lines where planes meet; the same, but moved less; only straightened; as the cells stand.
SNAPPED, CAUTIOUS, STRAIGHT, STAIRS = 0, 1, 2, 3
_STEP = np.array([[0, 1], [1, 0], [0, -1], [-1, 0]], dtype=np.int64)
_CREASE = 1.75  # a border this near to where its two planes meet, in cells, is that line
_BEYOND = 6.0  # ... and this near outside the footprint, where only the continuation of the line counts
_CLOSE = 1.0  # either, where borders moved that far would cross
_STRAIGHT = 1.5  # corners of a border may lie this far off its straight edges, in cells


@njit(cache=True, nogil=True)
def extend(label: Labels, planes: Floats) -> None:
    """
    Label all cells of a patch, continuing ridges and valleys beyond the cells that are known; a cell so filled holds -2 - its plane.

    Parameters
    ----------
    label
        Plane of each cell, -1 where unknown, at least one known, shape (ny, nx); filled in place.
    planes
        Shape (k, 3), as `roof_planes_fit.segment` gives them.
    """
    ny, nx = label.shape
    ridge = _ridges(label, planes)
    queue, known = np.empty((label.size, 2), dtype=np.int32), label >= 0
    size = at = 0
    for r in range(ny):
        for c in range(nx):
            if known[r, c]:
                queue[size, 0], queue[size, 1] = r, c
                size += 1
    first = size
    while at < size:
        end = size
        for _ in range(at, end):  # one ring of cells at a time, judged by the rings before it
            i, j = queue[at]
            at += 1
            for d in range(4):
                p, q = i + _STEP[d, 0], j + _STEP[d, 1]
                if 0 <= p < ny and 0 <= q < nx and label[p, q] < 0:
                    label[p, q] = _continued(label, known, planes, ridge, p, q)
                    queue[size, 0], queue[size, 1] = p, q
                    size += 1
        for k in range(end, size):
            known[queue[k, 0], queue[k, 1]] = True
    for k in range(first, size):
        label[queue[k, 0], queue[k, 1]] = -2 - label[queue[k, 0], queue[k, 1]]


@njit(cache=True, nogil=True)
def _ridges(label: Labels, planes: Floats) -> Floats:
    """Above 0 where two planes meet in a ridge or hip (the roof is the lower of both), below 0 in a valley."""
    ny, nx = label.shape
    ridge = np.zeros((planes.shape[0], planes.shape[0]))
    for r in range(ny):
        for c in range(nx):
            for i, j in ((r, c + 1), (r + 1, c)):
                if i < ny and j < nx and label[r, c] >= 0 and label[i, j] >= 0 and label[i, j] != label[r, c]:
                    one, other = label[r, c], label[i, j]
                    lower = _height(planes, other, r, c) - _height(planes, one, r, c)
                    lower += _height(planes, one, i, j) - _height(planes, other, i, j)
                    ridge[one, other] += lower
                    ridge[other, one] += lower
    return ridge


@njit(cache=True, nogil=True)
def _height(planes: Floats, k: int, row: float, column: float) -> float:
    return float(planes[k, 0] * column + planes[k, 1] * row + planes[k, 2])


@njit(cache=True, nogil=True)
def _continued(label: Labels, known: NDArray[np.bool_], planes: Floats, ridge: Floats, r: int, c: int) -> int:
    ny, nx = label.shape
    best = -1
    for d in range(4):
        p, q = r + _STEP[d, 0], c + _STEP[d, 1]
        if not (0 <= p < ny and 0 <= q < nx) or not known[p, q]:
            continue
        k = label[p, q]
        if best < 0:
            best = k
        elif k != best:
            lower = _height(planes, k, r, c) < _height(planes, best, r, c)
            if (ridge[k, best] > 0.0) == lower and _gap(planes, k, best, r, c) < 8.0:
                best = k
    return best


@njit(cache=True, nogil=True)
def _gap(planes: Floats, k: int, m: int, row: float, column: float) -> float:
    """Distance to the line where two planes meet, in cells; infinite if they are nearly parallel."""
    turn = np.hypot(planes[k, 0] - planes[m, 0], planes[k, 1] - planes[m, 1])
    if turn < 1e-9:
        return np.inf
    return float(abs(_height(planes, k, row, column) - _height(planes, m, row, column)) / turn)


@njit(cache=True, nogil=True)
def outlines(label: Labels, planes: Floats, least_turn: float, mode: int) -> tuple[Floats, Ints, Ints]:
    """
    Rings of all labels of a patch.

    Parameters
    ----------
    label
        Plane of each cell as `extend` leaves it, each label connected by edges, shape (ny, nx).
    planes
        Shape (k, 3).
    least_turn
        Planes whose slopes differ by less have no line in common that could be trusted [m per cell].
    mode
        `SNAPPED`, `CAUTIOUS`, `STRAIGHT` or `STAIRS`.

    Returns
    -------
    vertices : array
        Column and row of the vertices, closing points left out, shape (v, 2).
    ring_start : array
        First vertex of each ring and the number of vertices, shape (r + 1,).
    ring_label : array
        Plane of each ring, shape (r,).
    """
    ny, nx = label.shape
    seen = np.zeros(label.shape, dtype=np.bool_)
    borders = 0
    for r in range(ny):
        for c in range(nx):
            borders += 4 if r in (0, ny - 1) or c in (0, nx - 1) else 0
            borders += (r > 0 and _at(label, r - 1, c) != _at(label, r, c)) * 2 + (c > 0 and _at(label, r, c - 1) != _at(label, r, c)) * 2
    vertices, path = np.empty((borders + 4, 2)), np.empty((borders + 4, 2), dtype=np.int64)
    ring_start, ring_label = np.zeros(borders + 2, dtype=np.int64), np.empty(borders + 1, dtype=np.int64)
    rings = filled = ring_start[0]  # not the literal 0, for which every kernel below would be compiled once more
    for r in range(ny):
        for c in range(nx):
            if seen[r, c] or _at(label, r - 1, c) == _at(label, r, c):
                continue
            length = _walk(label, seen, r, c, path)
            filled = _simplified(label, planes, least_turn, mode, path[:length], vertices, filled)
            ring_label[rings] = _at(label, r, c)
            rings += 1
            ring_start[rings] = filled
    return vertices[:filled].copy(), ring_start[: rings + 1].copy(), ring_label[:rings].copy()


@njit(cache=True, nogil=True)
def _at(label: Labels, r: int, c: int) -> int:
    if r < 0 or c < 0 or r >= label.shape[0] or c >= label.shape[1]:
        return -1
    return int(label[r, c]) if label[r, c] >= 0 else -2 - int(label[r, c])


@njit(cache=True, nogil=True)
def _reach(label: Labels, i: int, j: int, mode: int) -> float:
    """How far a corner may lie from the line on which it belongs: farther beyond the footprint."""
    if mode != SNAPPED:
        return _CLOSE
    for r in (i - 1, i):
        for c in (j - 1, j):
            if 0 <= r < label.shape[0] and 0 <= c < label.shape[1] and label[r, c] >= 0:
                return _CREASE
    return _BEYOND


@njit(cache=True, nogil=True)
def _sides(label: Labels, i: int, j: int, d: int) -> tuple[int, int]:
    """Labels to the right and left of the edge that leaves corner (i, j) east, south, west or north."""
    if d == 0:
        return _at(label, i, j), _at(label, i - 1, j)
    if d == 1:
        return _at(label, i, j - 1), _at(label, i, j)
    if d == 2:
        return _at(label, i - 1, j - 1), _at(label, i, j - 1)
    return _at(label, i - 1, j), _at(label, i - 1, j - 1)


@njit(cache=True, nogil=True)
def _walk(label: Labels, seen: NDArray[np.bool_], r: int, c: int, path: Ints) -> int:
    """Follow the border of the label of cell (r, c) from its upper edge, the label to the right; corners go into `path`."""
    own = _at(label, r, c)
    i, j, d, length = r, c, 0, 0
    while True:
        path[length, 0], path[length, 1] = i, j
        length += 1
        if d == 0:
            seen[i, j] = True
        i, j = i + _STEP[d, 0], j + _STEP[d, 1]
        for turn in (3, 0, 1, 2):  # left first: a ring that touches itself is cut there into a shell and a hole, as a polygon must be
            right, left = _sides(label, i, j, (d + turn) % 4)
            if right == own and left != own:
                d = (d + turn) % 4
                break
        if i == r and j == c and d == 0:
            return length


@njit(cache=True, nogil=True)
def _is_node(label: Labels, i: int, j: int) -> bool:
    a, b, c, d = _at(label, i - 1, j - 1), _at(label, i - 1, j), _at(label, i, j), _at(label, i, j - 1)
    return int(a != b) + int(b != c) + int(c != d) + int(d != a) >= 3


@njit(cache=True, nogil=True)
def _simplified(label: Labels, planes: Floats, least_turn: float, mode: int, path: Ints, out: Floats, filled: int) -> int:
    """Write the vertices of one ring, border by border."""
    n = path.shape[0]
    first, lowest = -1, 0
    for k in range(n):
        if _is_node(label, path[k, 0], path[k, 1]):
            first = k
            break
        if path[k, 0] < path[lowest, 0] or (path[k, 0] == path[lowest, 0] and path[k, 1] < path[lowest, 1]):
            lowest = k
    start = first if first >= 0 else lowest
    ring = np.empty((n + 1, 2), dtype=np.int64)
    for k in range(n + 1):
        ring[k] = path[(start + k) % n]
    at = 0
    while at < n:
        end = at + 1
        while end < n and not _is_node(label, ring[end, 0], ring[end, 1]):
            end += 1
        filled = _border(label, planes, least_turn, mode, ring[at : end + 1], out, filled)
        at = end
    return filled


@njit(cache=True, nogil=True)
def _border(label: Labels, planes: Floats, least_turn: float, mode: int, chain: Ints, out: Floats, filled: int) -> int:
    """Write one border without its last corner; a border that returns to its start is cut at its farthest corner."""
    last = chain.shape[0] - 1
    if chain[0, 0] != chain[last, 0] or chain[0, 1] != chain[last, 1]:
        return int(_chain(label, planes, least_turn, mode, chain, out, filled))
    cut, farthest = 1, -1
    for k in range(1, last):
        away = (chain[k, 0] - chain[0, 0]) ** 2 + (chain[k, 1] - chain[0, 1]) ** 2
        before = chain[k, 0] < chain[cut, 0] or (chain[k, 0] == chain[cut, 0] and chain[k, 1] < chain[cut, 1])
        if away > farthest or (away == farthest and before):
            cut, farthest = k, away
    filled = _chain(label, planes, least_turn, mode, chain[: cut + 1], out, filled)
    return int(_chain(label, planes, least_turn, mode, chain[cut:], out, filled))


@njit(cache=True, nogil=True)
def _chain(label: Labels, planes: Floats, least_turn: float, mode: int, chain: Ints, out: Floats, filled: int) -> int:
    last = chain.shape[0] - 1
    backward = chain[last, 0] < chain[0, 0] or (chain[last, 0] == chain[0, 0] and chain[last, 1] < chain[0, 1])
    line = chain[::-1].copy() if backward else chain.copy()
    k, m = _pair(label, line)
    crease = mode <= CAUTIOUS and m >= 0 and _turn(planes, k, m) >= least_turn
    on_line = crease
    for at in range(last + 1):
        on_line = on_line and _gap(planes, k, m, line[at, 0] - 0.5, line[at, 1] - 0.5) <= _reach(label, line[at, 0], line[at, 1], mode)
    keep = np.zeros(last + 1, dtype=np.bool_)
    keep[0] = keep[last] = True
    if mode == STAIRS:
        keep[:] = True
    elif not on_line:
        _douglas_peucker(line, keep)
    for step in range(last):
        at = last - step if backward else step
        if keep[at]:
            row, column = line[at, 0] - 0.5, line[at, 1] - 0.5
            if mode <= CAUTIOUS and _is_node(label, line[at, 0], line[at, 1]):
                row, column = _node(label, planes, least_turn, mode, line[at, 0], line[at, 1])
            elif crease and _gap(planes, k, m, row, column) <= _reach(label, line[at, 0], line[at, 1], mode):
                row, column = _foot(planes, k, m, row, column)
            out[filled, 0], out[filled, 1] = column, row
            filled += 1
    return filled


@njit(cache=True, nogil=True)
def _pair(label: Labels, line: Ints) -> tuple[int, int]:
    """Labels on both sides of a border, the larger first."""
    d = 0
    for way in range(4):
        if line[1, 0] - line[0, 0] == _STEP[way, 0] and line[1, 1] - line[0, 1] == _STEP[way, 1]:
            d = way
    right, left = _sides(label, line[0, 0], line[0, 1], d)
    return max(right, left), min(right, left)


@njit(cache=True, nogil=True)
def _turn(planes: Floats, k: int, m: int) -> float:
    return float(np.hypot(planes[k, 0] - planes[m, 0], planes[k, 1] - planes[m, 1]))


@njit(cache=True, nogil=True)
def _foot(planes: Floats, k: int, m: int, row: float, column: float) -> tuple[float, float]:
    """Nearest point of the line where two planes meet."""
    dx, dy = planes[k, 0] - planes[m, 0], planes[k, 1] - planes[m, 1]
    off = (_height(planes, k, row, column) - _height(planes, m, row, column)) / (dx * dx + dy * dy)
    return row - off * dy, column - off * dx


@njit(cache=True, nogil=True)
def _node(label: Labels, planes: Floats, least_turn: float, mode: int, i: int, j: int) -> tuple[float, float]:
    """Where three planes meet, or the nearest point of the one line that passes; the corner itself where there is only a step."""
    row, column = i - 0.5, j - 0.5
    around, several = _around(label, i, j)
    lines = np.empty((6, 2), dtype=np.int64)
    count, reach = 0, _reach(label, i, j, mode)
    for a in range(several):
        for b in range(a + 1, several):
            if _turn(planes, around[a], around[b]) >= least_turn and _gap(planes, around[a], around[b], row, column) <= reach:
                lines[count, 0], lines[count, 1] = around[a], around[b]
                count += 1
    if count == 0:
        return row, column
    for first in range(count):
        for second in range(first + 1, count):
            r, c = _crossing(planes, lines[first], lines[second])
            if np.hypot(r - row, c - column) <= 1.5 * reach:
                return r, c
    row, column = _foot(planes, lines[0, 0], lines[0, 1], row, column)
    return row, column


@njit(cache=True, nogil=True)
def _around(label: Labels, i: int, j: int) -> tuple[Ints, int]:
    """Different planes of the four cells at a corner in rising order, and their number."""
    planes, count = np.empty(4, dtype=np.int64), 0
    for d in range(4):
        plane = _at(label, i - 1 + d // 2, j - 1 + d % 2)
        place = count
        while place > 0 and planes[place - 1] > plane:
            place -= 1
        if plane < 0 or (place > 0 and planes[place - 1] == plane):
            continue
        for k in range(count, place, -1):
            planes[k] = planes[k - 1]
        planes[place] = plane
        count += 1
    return planes, count


@njit(cache=True, nogil=True)
def _crossing(planes: Floats, one: Ints, other: Ints) -> tuple[float, float]:
    """Row and column where two such lines cross; infinite where they are nearly parallel."""
    p, q = planes[one[0]] - planes[one[1]], planes[other[0]] - planes[other[1]]
    det = p[0] * q[1] - p[1] * q[0]
    if abs(det) < 0.2 * np.hypot(p[0], p[1]) * np.hypot(q[0], q[1]):
        return np.inf, np.inf
    return (q[0] * p[2] - p[0] * q[2]) / det, (p[1] * q[2] - q[1] * p[2]) / det


@njit(cache=True, nogil=True)
def _douglas_peucker(line: Ints, keep: NDArray[np.bool_]) -> None:
    stack = np.empty((line.shape[0] + 1, 2), dtype=np.int64)
    stack[0, 0], stack[0, 1] = 0, line.shape[0] - 1
    depth = 1
    while depth:
        depth -= 1
        low, high = stack[depth]
        dy, dx = float(line[high, 0] - line[low, 0]), float(line[high, 1] - line[low, 1])
        length = np.hypot(dx, dy)
        farthest, at = _STRAIGHT, -1
        for k in range(low + 1, high):
            y, x = float(line[k, 0] - line[low, 0]), float(line[k, 1] - line[low, 1])
            away = abs(x * dy - y * dx) / length if length > 0.0 else np.hypot(x, y)
            if away > farthest:
                farthest, at = away, k
        if at >= 0:
            keep[at] = True
            stack[depth, 0], stack[depth, 1] = low, at
            stack[depth + 1, 0], stack[depth + 1, 1] = at, high
            depth += 2
