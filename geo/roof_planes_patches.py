"""From a surface model to labelled patches: the cells of each footprint, the planes found on them, and what stands off."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from .grid import Grid
from .outlines import closed_rings, is_inside
from .roof_planes_fit import one_plane, segment
from .roof_planes_grow import Floats, Labels
from .roof_planes_outline import extend

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_PAD = 4  # cells around a footprint in its patch: borders that are moved must still reach beyond it


@dataclass(frozen=True)
class Patches:
    """
    Labels of the patches of n buildings in one flat array, and the k planes found, in cells of each patch.

    Attributes
    ----------
    window
        First column and row from the north, counted from the origin of the CRS, rows and columns of each patch, shape (n, 4).
    start
        First cell of each patch and the number of cells, shape (n + 1,).
    label
        Plane of each cell within its building as `roof_planes_outline.extend` leaves it; only where there is more than one.
    planes
        Slope per column and row [m per cell] and height at column 0, row 0 of the patch [m], shape (k, 3).
    plane_start
        First plane of each building and the number of planes, shape (n + 1,).
    cells
        Of each plane: cells, share of them on it, share that is an obstacle, error of the slope [m per cell], shape (k, 4).
    known
        Of each building: cells, known ones, those that stand above the ground as roofs do, shape (n, 3).
    """

    window: Ints
    start: Ints
    label: Labels
    planes: Floats
    plane_start: Ints
    cells: Floats
    known: Floats


@lru_cache(maxsize=1)
def parameters() -> dict[str, float]:
    """
    Read what decides when cells are a plane.

    Returns
    -------
    dict
        Value by name; units and meaning stand in roof_planes.toml.
    """
    text = files(__package__).joinpath("roof_planes.toml").read_text(encoding="utf-8")
    return {name: float(entry["value"]) for name, entry in tomllib.loads(text).items() if isinstance(entry, dict)}


def segmented(plan: NDArray[Any], surface: Grid, floor: Floats) -> Patches:
    """
    Label the cells of each footprint by roof plane.

    Parameters
    ----------
    plan
        Polygons, shape (n,) [m].
    surface
        Surface model.
    floor
        Elevation of the ground at each building, shape (n,) [m above datum].

    Returns
    -------
    Patches
        A patch of cells for each building.
    """
    res = surface.resolution
    rings = closed_rings(plan)
    box = shapely.bounds(plan) / res
    low, high = np.floor(box[:, :2]).astype(np.int64) - _PAD, np.ceil(box[:, 2:]).astype(np.int64) + _PAD
    window = np.column_stack([low[:, 0], high[:, 1], high[:, 1] - low[:, 1], high[:, 0] - low[:, 0]])
    start = np.concatenate([[0], np.cumsum(window[:, 2] * window[:, 3])])
    given = parameters()
    least_cells = max(int(given["least_cells"]), round(given["least_plane_m2"] / res**2))
    label, planes, plane_start, cells, known = _segment_all(
        np.ascontiguousarray(surface.values),
        surface.first_column,
        surface.top_row,
        rings.xy / res,
        np.concatenate([[0], np.cumsum(rings.length)]).astype(np.int64),
        rings.first,
        window,
        start,
        floor,
        res,
        least_cells,
        np.tan(np.radians(given["steepest_deg"])) * res,
        *(given[name] for name in ("window_m", "least_sigma_m", "most_sigma_m", "border", "joint", "sag_m", "obstacle_m", "lowest_roof_m")),
    )
    return Patches(window, start, label, planes, plane_start, cells, known)


@njit(cache=True, nogil=True)
def _segment_all(
    values: NDArray[np.float32],
    first_column: int,
    top_row: int,
    xy: Floats,
    ring_start: Ints,
    polygon_start: Ints,
    window: Ints,
    start: Ints,
    floor: Floats,
    res: float,
    least_cells: int,
    steepest: float,
    window_m: float,
    least_sigma: float,
    most_sigma: float,
    border: float,
    joint: float,
    sag: float,
    obstacle: float,
    lowest: float,
) -> tuple[Labels, Floats, Ints, Floats, Floats]:
    count = window.shape[0]
    label = np.empty(start[count], dtype=np.int32)  # filled where there is more than one plane
    planes, cells = np.empty((4 * count + 16, 3)), np.empty((4 * count + 16, 4))
    plane_start, known = np.zeros(count + 1, dtype=np.int64), np.zeros((count, 3))
    filled = 0
    for b in range(count):
        ny, nx = window[b, 2], window[b, 3]
        z = np.full((ny, nx), np.nan)
        inside = np.zeros((ny, nx), dtype=np.bool_)
        for r in range(_PAD, ny - _PAD):
            for c in range(_PAD, nx - _PAD):
                x, y = window[b, 0] + c + 0.5, window[b, 1] - r - 0.5
                if not is_inside(x, y, xy, ring_start, polygon_start[b], polygon_start[b + 1]):
                    continue
                inside[r, c] = True
                i, j = top_row - window[b, 1] + r, window[b, 0] + c - first_column
                if 0 <= i < values.shape[0] and 0 <= j < values.shape[1]:
                    z[r, c] = values[i, j]
                known[b, 0] += 1.0
                if not np.isnan(z[r, c]):
                    known[b, 1] += 1.0
                    known[b, 2] += not z[r, c] - floor[b] < lowest
        plane_start[b + 1] = filled
        if known[b, 1] < 4.0:
            continue
        patch, found, spread, sigma = segment(z, res, window_m, least_cells, steepest, least_sigma, most_sigma, border, joint, sag)
        if found.shape[0] == 0:
            patch, found, spread = one_plane(z, sigma)
        while filled + found.shape[0] > planes.shape[0]:
            planes, cells = np.concatenate((planes, planes)), np.concatenate((cells, cells))
        planes[filled : filled + found.shape[0]] = found
        _count_cells(z, inside, patch, found, obstacle, cells[filled : filled + found.shape[0]])
        cells[filled : filled + found.shape[0], 3] = spread
        filled += found.shape[0]
        plane_start[b + 1] = filled
        if found.shape[0] > 1:
            extend(patch, found)
            label[start[b] : start[b + 1]] = patch.ravel()
    return label, planes[:filled].copy(), plane_start, cells[:filled].copy(), known


@njit(cache=True, nogil=True)
def _count_cells(z: Floats, inside: Bools, label: Labels, planes: Floats, off: float, out: Floats) -> None:
    """Of each plane: its cells, the share of them on it, the share that is an obstacle; cells at the walls mix roof and street."""
    ny, nx = z.shape
    counts = np.zeros((planes.shape[0], 4))
    for r in range(1, ny - 1):
        for c in range(1, nx - 1):
            k = label[r, c]
            if k < 0:
                continue
            on = abs(z[r, c] - planes[k, 0] * c - planes[k, 1] * r - planes[k, 2]) <= off
            within = inside[r - 1, c] and inside[r + 1, c] and inside[r, c - 1] and inside[r, c + 1]
            counts[k, 0] += 1.0
            counts[k, 1] += on
            counts[k, 2] += within
            counts[k, 3] += within and on
    for k in range(planes.shape[0]):
        whole, on, inner, inner_on = counts[k]
        out[k, 0] = whole
        out[k, 1] = inner_on / inner if inner >= 6.0 else on / max(whole, 1.0)
        out[k, 2] = (inner - inner_on) / max(whole, 1.0)
