"""Planes of a roof grown from its smooth places, on one building's patch of cells; see roof_planes_fit."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int32]

# Neighbours of a cell, the four across edges first.
NEAR = np.array([[0, 1], [1, 0], [0, -1], [-1, 0], [1, 1], [1, -1], [-1, -1], [-1, 1]], dtype=np.int64)


@njit(cache=True, nogil=True)
def add(moments: Floats, x: float, y: float, z: float) -> None:
    """
    Add a point to the moments of a region.

    Parameters
    ----------
    moments
        Sums of 1, x, y, z, xx, xy, yy, xz, yz and zz, shape (10,); changed in place.
    x, y
        Column and row [cells].
    z
        Height [m].
    """
    moments[0] += 1.0
    moments[1] += x
    moments[2] += y
    moments[3] += z
    moments[4] += x * x
    moments[5] += x * y
    moments[6] += y * y
    moments[7] += x * z
    moments[8] += y * z
    moments[9] += z * z


@njit(cache=True, nogil=True)
def fit_plane(m: Floats) -> tuple[float, float, float, float]:
    """
    Fit a plane to moments by least squares; level where the cells lie in one line.

    Parameters
    ----------
    m
        Moments as `add` makes them, shape (10,).

    Returns
    -------
    tuple of float
        Slope per column and per row [m per cell], height at column 0, row 0 [m], sum of squared residuals [m2].
    """
    n = m[0]
    if n < 1.0:
        return 0.0, 0.0, 0.0, 0.0
    mx, my, mz = m[1] / n, m[2] / n, m[3] / n
    xx, xy, yy = m[4] - n * mx * mx, m[5] - n * mx * my, m[6] - n * my * my
    xz, yz, zz = m[7] - n * mx * mz, m[8] - n * my * mz, m[9] - n * mz * mz
    det = xx * yy - xy * xy
    if det < 1e-3 * n * n:
        return 0.0, 0.0, mz, max(zz, 0.0)
    a, b = (xz * yy - yz * xy) / det, (yz * xx - xz * xy) / det
    return a, b, mz - a * mx - b * my, max(zz - a * xz - b * yz, 0.0)


@njit(cache=True, nogil=True)
def facets(z: Floats, half: int, steepest: float) -> tuple[Floats, Floats, Floats]:
    """
    Lay a plane through the window around each cell.

    Parameters
    ----------
    z
        Heights inside the footprint, NaN elsewhere, shape (ny, nx) [m].
    half
        The window reaches this many cells to each side.
    steepest
        A steeper plane is a wall [m per cell].

    Returns
    -------
    tuple of array
        Slopes per column and row [m per cell] and the noise left [m], each of shape (ny, nx); noise is infinite on walls and where
        fewer than six cells are known.
    """
    ny, nx = z.shape
    slope_x, slope_y, rough = np.zeros((ny, nx)), np.zeros((ny, nx)), np.full((ny, nx), np.inf)
    moments = np.zeros(10)
    for r in range(ny):
        for c in range(nx):
            if np.isnan(z[r, c]):
                continue
            moments[:] = 0.0
            for i in range(max(r - half, 0), min(r + half + 1, ny)):
                for j in range(max(c - half, 0), min(c + half + 1, nx)):
                    if not np.isnan(z[i, j]):
                        add(moments, float(j - c), float(i - r), z[i, j] - z[r, c])
            if moments[0] >= 6.0:
                a, b, _, sse = fit_plane(moments)
                slope_x[r, c], slope_y[r, c] = a, b
                if np.hypot(a, b) <= steepest:
                    rough[r, c] = np.sqrt(sse / (moments[0] - 3.0))
    return slope_x, slope_y, rough


@njit(cache=True, nogil=True)
def noise(rough: Floats, least: float, most: float) -> float:
    """
    Take the typical residual of the smoother part of a roof: windows across ridges and edges are the rougher half.

    Parameters
    ----------
    rough
        Noise in the window around each cell, shape (ny, nx) [m].
    least, most
        Bounds of the answer [m].

    Returns
    -------
    float
        Standard deviation [m].
    """
    known = rough.ravel()
    known = np.sort(known[np.isfinite(known)])
    if known.size == 0:
        return least
    return float(min(max(known[int(0.4 * known.size)] * 1.05, least), most))


@njit(cache=True, nogil=True)
def grow(
    z: Floats,
    slope_x: Floats,
    slope_y: Floats,
    rough: Floats,
    label: Labels,
    planes: Floats,
    within: float,
    turn: float,
    sigma: float,
    least: int,
) -> Floats:
    """
    Grow planes from the smoothest free cells.

    Parameters
    ----------
    z
        Heights inside the footprint, NaN elsewhere, shape (ny, nx) [m].
    slope_x, slope_y, rough
        Planes around the cells as `facets` gives them.
    label
        Plane of each cell, -1 where free, shape (ny, nx); filled in place.
    planes
        Those there are, shape (k, 3).
    within
        Cells of a plane lie this near to it [m] ...
    turn
        ... and, where smooth, lean like it to within this [m per cell].
    sigma
        Noise of the surface [m].
    least
        A plane has at least this many cells.

    Returns
    -------
    array
        Old and new planes.
    """
    nx = z.shape[1]
    order = np.argsort(rough.ravel(), kind="mergesort").astype(np.int32)  # a hall of 5 km² has 20 million cells of 0.5 m
    found = np.empty((planes.shape[0] + z.size // max(least, 1) + 1, 3))
    number = planes.shape[0]
    found[:number] = planes
    tried = np.zeros(z.shape, dtype=np.bool_)
    mark = np.zeros(z.shape, dtype=np.int32)
    queue = np.empty((z.size, 2), dtype=np.int32)
    stamp = 0
    for seed in order:
        r, c = seed // nx, seed % nx
        if not rough[r, c] <= 2.5 * sigma:
            break
        if label[r, c] >= 0 or tried[r, c]:
            continue
        a, b = slope_x[r, c], slope_y[r, c]
        plane = (a, b, z[r, c] - a * c - b * r)
        size = 0
        for _ in range(3):
            stamp += 1
            before = size
            size, plane = _flood(z, slope_x, slope_y, rough, label, mark, stamp, queue, r, c, plane, within, turn, 1.5 * sigma)
            if size < least or size == before:
                break
        if size < least:
            tried[r, c] = True
            continue
        for k in range(size):
            label[queue[k, 0], queue[k, 1]] = number
        found[number, 0], found[number, 1], found[number, 2] = plane
        number += 1
    return found[:number].copy()


@njit(cache=True, nogil=True)
def _flood(
    z: Floats,
    slope_x: Floats,
    slope_y: Floats,
    rough: Floats,
    label: Labels,
    mark: Labels,
    stamp: int,
    queue: Labels,
    r: int,
    c: int,
    plane: tuple[float, float, float],
    within: float,
    turn: float,
    smooth: float,
) -> tuple[int, tuple[float, float, float]]:
    """Free cells connected with the seed that lie on the plane and, where smooth, lean like it; the plane follows as the region doubles."""
    ny, nx = z.shape
    moments = np.zeros(10)
    a, b, d = plane
    queue[0, 0], queue[0, 1] = r, c
    mark[r, c] = stamp
    size, at, next_fit = 1, 0, 12
    add(moments, float(c), float(r), z[r, c])
    while at < size:
        i, j = queue[at]
        at += 1
        for k in range(4):
            p, q = i + NEAR[k, 0], j + NEAR[k, 1]
            if p < 0 or q < 0 or p >= ny or q >= nx or mark[p, q] == stamp or label[p, q] >= 0 or np.isnan(z[p, q]):
                continue
            if abs(z[p, q] - a * q - b * p - d) > within:
                continue
            if rough[p, q] < smooth and np.hypot(slope_x[p, q] - a, slope_y[p, q] - b) > turn:
                continue
            mark[p, q] = stamp
            queue[size, 0], queue[size, 1] = p, q
            size += 1
            add(moments, float(q), float(p), z[p, q])
        if size >= next_fit:
            a, b, d, _ = fit_plane(moments)
            next_fit = 2 * size
    if size >= 6:
        a, b, d, _ = fit_plane(moments)
    return size, (a, b, d)


@njit(cache=True, nogil=True)
def fill(z: Floats, label: Labels) -> None:
    """
    Give every known cell without a plane the plane of the nearest that can be reached.

    Parameters
    ----------
    z
        Heights inside the footprint, NaN elsewhere, shape (ny, nx) [m].
    label
        Plane of each cell, -1 where it has none, shape (ny, nx); filled in place.
    """
    ny, nx = z.shape
    queue = np.empty((z.size, 2), dtype=np.int32)
    size = at = 0
    for r in range(ny):
        for c in range(nx):
            if label[r, c] >= 0:
                queue[size, 0], queue[size, 1] = r, c
                size += 1
    while at < size:
        i, j = queue[at]
        at += 1
        for k in range(4):  # across edges only, so that a plane stays one piece
            p, q = i + NEAR[k, 0], j + NEAR[k, 1]
            if 0 <= p < ny and 0 <= q < nx and label[p, q] < 0 and not np.isnan(z[p, q]):
                label[p, q] = label[i, j]
                queue[size, 0], queue[size, 1] = p, q
                size += 1
