"""Which cells of a surface model belong to one plane of a roof: grow from smooth places, move the borders, join what is one plane.

Everything here is compiled and works on one building's patch: `z` holds the cells inside the footprint, NaN elsewhere, shape (ny, nx).
Planes are (slope per column, slope per row, height at column 0, row 0) with cell centres at whole numbers [m per cell, m].
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .roof_planes_grow import NEAR, Floats, Labels, add, facets, fill, fit_plane, grow, noise

_WEIGHT = np.array([1.0, 1.0, 1.0, 1.0, 0.7, 0.7, 0.7, 0.7])
_ROUNDS = 8


@njit(cache=True, nogil=True)
def segment(
    z: Floats,
    cell: float,
    window_m: float,
    least_cells: int,
    steepest: float,
    least_sigma: float,
    most_sigma: float,
    border: float,
    joint: float,
    sag: float,
) -> tuple[Labels, Floats, Floats, float]:
    """
    Label the cells of a roof by plane.

    Parameters
    ----------
    z
        Heights inside the footprint, NaN elsewhere, shape (ny, nx) [m].
    cell
        Side of a cell [m].
    window_m
        Width over which a surface is looked at to find its slope [m].
    least_cells
        A plane has at least this many cells.
    steepest
        A steeper plane is a wall, to which no roof is grown [m per cell].
    least_sigma, most_sigma
        Bounds of the noise that is measured from the roof itself [m].
    border
        Price of a border between two planes, per cell edge, in squared residuals of one sigma.
    joint
        Two planes are one when one plane for both adds less than this many squared residuals of one sigma ...
    sag
        ... and this much of bending, root mean square [m].

    Returns
    -------
    labels : array
        Plane of each cell, -1 outside and without data, shape (ny, nx).
    planes : array
        Shape (k, 3).
    spread : array
        Standard error of the slope of each plane, shape (k,) [m per cell].
    sigma : float
        Noise of the surface [m].
    """
    half = max(1, int(np.round((window_m / cell - 1.0) / 2.0)))
    slope_x, slope_y, rough = facets(z, half, steepest)
    sigma = noise(rough, least_sigma, most_sigma)
    label = np.full(z.shape, -1, dtype=np.int32)
    planes = np.empty((0, 3))
    for turn in range(2):
        planes = grow(z, slope_x, slope_y, rough, label, planes, 3.0 * sigma, 0.35 * cell, sigma, least_cells)
        if planes.shape[0] == 0:
            return label, planes, np.empty(0), sigma
        fill(z, label)
        label, planes = _settle(z, label, planes, sigma, border, least_cells)
        if turn == 0:
            _forget_unexplained(z, label, planes, 3.5 * sigma, least_cells)
    for _ in range(3):
        before = planes.shape[0]
        planes = _dissolve(z, label, planes, sigma, joint, sag)
        planes = _join(z, label, planes, sigma, joint, sag)
        label, planes = _settle(z, label, planes, sigma, border, least_cells)
        if planes.shape[0] == before:
            break
    return label, planes, _spread(z, label, planes, sigma), sigma


@njit(cache=True, nogil=True)
def _settle(z: Floats, label: Labels, planes: Floats, sigma: float, border: float, least: int) -> tuple[Labels, Floats]:
    """Move borders and fit planes in turn until nothing moves; parts that came apart are planes of their own or go to their neighbours."""
    for turn in range(4):
        # cheap borders first: dear ones hold a straight border where it happens to be
        moved = _move_borders(z, label, planes, sigma, 0.25 * border if turn < 2 else border)
        label, source = _components(z, label, least)
        planes = _refit(z, label, planes[source], sigma)
        if moved == 0 and turn >= 2:
            break
    return label, planes


@njit(cache=True, nogil=True)
def _move_borders(z: Floats, label: Labels, planes: Floats, sigma: float, border: float) -> int:
    """Let each cell take the neighbour's plane that costs least in residual and border (iterated conditional modes)."""
    ny, nx = z.shape
    whole = 0
    for _ in range(_ROUNDS):
        moved = 0
        for r in range(ny):
            for c in range(nx):
                own = label[r, c]
                if own < 0:
                    continue
                best, least = own, _cost(z, label, planes, sigma, border, r, c, own)
                for k in range(8):
                    p, q = r + NEAR[k, 0], c + NEAR[k, 1]
                    if p < 0 or q < 0 or p >= ny or q >= nx or label[p, q] < 0 or label[p, q] == own or label[p, q] == best:
                        continue
                    cost = _cost(z, label, planes, sigma, border, r, c, label[p, q])
                    if cost < least - 1e-9:
                        best, least = label[p, q], cost
                if best != own:
                    label[r, c] = best
                    moved += 1
        whole += moved
        if moved == 0:
            break
    return whole


@njit(cache=True, nogil=True)
def _cost(z: Floats, label: Labels, planes: Floats, sigma: float, border: float, r: int, c: int, own: int) -> float:
    ny, nx = z.shape
    off = (z[r, c] - planes[own, 0] * c - planes[own, 1] * r - planes[own, 2]) / sigma
    cost = min(off * off, 16.0)
    for k in range(8):
        p, q = r + NEAR[k, 0], c + NEAR[k, 1]
        if 0 <= p < ny and 0 <= q < nx and label[p, q] >= 0 and label[p, q] != own:
            cost += border * _WEIGHT[k]
    return float(cost)


@njit(cache=True, nogil=True)
def _components(z: Floats, label: Labels, least: int) -> tuple[Labels, NDArray[np.int64]]:
    """Give connected parts new numbers and return the old ones; parts under the least size go to their neighbours, but for the last."""
    ny, nx = z.shape
    fresh = np.full(label.shape, -1, dtype=np.int32)
    queue = np.empty((z.size, 2), dtype=np.int32)
    sizes, source = np.zeros(64, dtype=np.int64), np.zeros(64, dtype=np.int64)
    count = 0
    for r in range(ny):
        for c in range(nx):
            if label[r, c] < 0 or fresh[r, c] >= 0:
                continue
            fresh[r, c] = count
            queue[0, 0], queue[0, 1] = r, c
            size, at = 1, 0
            while at < size:
                i, j = queue[at]
                at += 1
                for k in range(4):
                    p, q = i + NEAR[k, 0], j + NEAR[k, 1]
                    if 0 <= p < ny and 0 <= q < nx and fresh[p, q] < 0 and label[p, q] == label[i, j]:
                        fresh[p, q] = count
                        queue[size, 0], queue[size, 1] = p, q
                        size += 1
            if count == sizes.size:
                sizes, source = np.concatenate((sizes, sizes)), np.concatenate((source, source))
            sizes[count], source[count] = size, label[r, c]
            count += 1
    keep = sizes[:count] >= least
    if count and not keep.any():
        keep[np.argmax(sizes[:count])] = True
    number = np.cumsum(keep) - 1
    for r in range(ny):
        for c in range(nx):
            if fresh[r, c] >= 0:
                fresh[r, c] = number[fresh[r, c]] if keep[fresh[r, c]] else -1
    fill(z, fresh)
    return fresh, source[:count][keep]


@njit(cache=True, nogil=True)
def _refit(z: Floats, label: Labels, planes: Floats, sigma: float) -> Floats:
    """Fit each plane anew to those of its cells that lie near it: what sticks out or in, and walls, would tilt it."""
    ny, nx = z.shape
    count = planes.shape[0]
    fitted = planes.copy()
    moments = np.zeros((count, 10))
    for turn in range(3):
        within = (6.0, 4.0, 3.0)[turn] * sigma
        moments[:] = 0.0
        for r in range(ny):
            for c in range(nx):
                k = label[r, c]
                if k >= 0 and abs(z[r, c] - fitted[k, 0] * c - fitted[k, 1] * r - fitted[k, 2]) <= within:
                    add(moments[k], float(c), float(r), z[r, c])
        for k in range(count):
            if moments[k, 0] >= 4.0:
                a, b, d, _ = fit_plane(moments[k])
                fitted[k, 0], fitted[k, 1], fitted[k, 2] = a, b, d
    return fitted


@njit(cache=True, nogil=True)
def _forget_unexplained(z: Floats, label: Labels, planes: Floats, beyond: float, least: int) -> None:
    """Free the cells that stand off their plane, so that a second look can find the planes they belong to."""
    ny, nx = z.shape
    for r in range(ny):
        for c in range(nx):
            k = label[r, c]
            if k >= 0 and abs(z[r, c] - planes[k, 0] * c - planes[k, 1] * r - planes[k, 2]) > beyond:
                label[r, c] = -1


@njit(cache=True, nogil=True)
def _dissolve(z: Floats, label: Labels, planes: Floats, sigma: float, joint: float, sag: float) -> Floats:
    """Give up planes whose cells their neighbours explain as well, such as a band along a shallow ridge; the smallest first."""
    ny, nx = z.shape
    count = planes.shape[0]
    sizes = np.zeros(count)  # floats, as what else is sorted: each type compiles a sort of its own
    for owner in label.ravel():
        if owner >= 0:
            sizes[owner] += 1
    for plane in np.argsort(sizes, kind="mergesort")[: count - 1]:
        touch = _neighbours(label, plane, count)
        if not touch.any():
            continue
        better = np.full(label.shape, -1, dtype=np.int32)
        more = 0.0
        for r in range(ny):
            for c in range(nx):
                if label[r, c] != plane:
                    continue
                least = np.inf
                for k in range(count):
                    if touch[k]:
                        off = (z[r, c] - planes[k, 0] * c - planes[k, 1] * r - planes[k, 2]) / sigma
                        if off * off < least:
                            least, better[r, c] = off * off, k
                off = (z[r, c] - planes[plane, 0] * c - planes[plane, 1] * r - planes[plane, 2]) / sigma
                more += min(least, 16.0) - min(off * off, 16.0)
        if more < joint + (sag / sigma) ** 2 * sizes[plane]:
            for r in range(ny):
                for c in range(nx):
                    if better[r, c] >= 0:
                        label[r, c] = better[r, c]
    fresh, source = _components(z, label, min(1, count))  # a literal 1 would compile it once more
    label[:] = fresh
    found: Floats = _refit(z, label, planes[source], sigma)
    return found


@njit(cache=True, nogil=True)
def _neighbours(label: Labels, plane: int, count: int) -> NDArray[np.bool_]:
    """Which planes touch a plane."""
    ny, nx = label.shape
    touch = np.zeros(count, dtype=np.bool_)
    for r in range(ny):
        for c in range(nx):
            if label[r, c] != plane:
                continue
            for k in range(4):
                p, q = r + NEAR[k, 0], c + NEAR[k, 1]
                if 0 <= p < ny and 0 <= q < nx and label[p, q] >= 0 and label[p, q] != plane:
                    touch[label[p, q]] = True
    return touch


@njit(cache=True, nogil=True)
def _join(z: Floats, label: Labels, planes: Floats, sigma: float, joint: float, sag: float) -> Floats:
    """Join neighbours that one plane explains as well, the best match first."""
    ny, nx = z.shape
    count = planes.shape[0]
    moments = np.zeros((count, 10))
    touch = np.zeros((count, count), dtype=np.bool_)
    for r in range(ny):
        for c in range(nx):
            k = label[r, c]
            if k < 0:
                continue
            if abs(z[r, c] - planes[k, 0] * c - planes[k, 1] * r - planes[k, 2]) <= 3.0 * sigma:
                add(moments[k], float(c), float(r), z[r, c])
            for i, j in ((r, c + 1), (r + 1, c)):
                if i < ny and j < nx and label[i, j] >= 0 and label[i, j] != k:
                    touch[k, label[i, j]] = touch[label[i, j], k] = True
    into, joined = np.arange(count), planes.copy()
    for _ in range(count):
        least, one, other = 0.0, -1, -1
        for i in range(count):
            for j in range(i + 1, count):
                if touch[i, j]:
                    more = fit_plane(moments[i] + moments[j])[3] - fit_plane(moments[i])[3] - fit_plane(moments[j])[3]
                    over = more - joint * sigma * sigma - sag * sag * min(moments[i, 0], moments[j, 0])
                    if over < least:
                        least, one, other = over, i, j
        if one < 0:
            break
        moments[one] += moments[other]
        joined[one, 0], joined[one, 1], joined[one, 2], _ = fit_plane(moments[one])
        touch[one] |= touch[other]
        touch[:, one] |= touch[:, other]
        touch[other], touch[:, other], touch[one, one] = False, False, False
        into[into == other] = one
    for r in range(ny):
        for c in range(nx):
            if label[r, c] >= 0:
                label[r, c] = into[label[r, c]]
    fresh, source = _components(z, label, min(1, count))  # a literal 1 would compile it once more
    label[:] = fresh
    found: Floats = _refit(z, label, joined[source], sigma)
    return found


@njit(cache=True, nogil=True)
def _spread(z: Floats, label: Labels, planes: Floats, sigma: float) -> Floats:
    """Find the standard error of each plane's slope in its less certain direction."""
    ny, nx = z.shape
    moments = np.zeros((planes.shape[0], 10))
    for r in range(ny):
        for c in range(nx):
            if label[r, c] >= 0:
                add(moments[label[r, c]], float(c), float(r), 0.0)
    out = np.empty(planes.shape[0])
    for k in range(planes.shape[0]):
        m = moments[k]
        n = max(m[0], 1.0)
        xx, xy, yy = m[4] - m[1] * m[1] / n, m[5] - m[1] * m[2] / n, m[6] - m[2] * m[2] / n
        narrow = 0.5 * (xx + yy) - np.sqrt(0.25 * (xx - yy) ** 2 + xy * xy)
        out[k] = sigma / np.sqrt(max(narrow, 1.0 / 12.0))
    return out


@njit(cache=True, nogil=True)
def one_plane(z: Floats, sigma: float) -> tuple[Labels, Floats, Floats]:
    """
    Take all known cells as one plane: roofs too small or too rough for more.

    Parameters
    ----------
    z
        Heights inside the footprint, NaN elsewhere, shape (ny, nx) [m].
    sigma
        Noise of the surface [m].

    Returns
    -------
    tuple
        Labels, planes and slope errors as `segment` gives them.
    """
    label = np.where(np.isnan(z), -1, 0).astype(np.int32)
    moments = np.zeros(10)
    for r in range(z.shape[0]):
        for c in range(z.shape[1]):
            if label[r, c] == 0:
                add(moments, float(c), float(r), z[r, c])
    planes = np.zeros((1, 3))
    planes[0, 0], planes[0, 1], planes[0, 2], _ = fit_plane(moments)
    planes = _refit(z, label, planes, sigma)
    return label, planes, _spread(z, label, planes, sigma)
