"""PV that is there already, drawn as polygons: how much of it lies on each building."""

import tomllib
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import shapely

from .overlaps import Pairs, meeting_pairs, near_duplicates, overlap_areas, visible_shapes
from .threads import threaded

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

MODULE_SHARE = float(tomllib.loads(files(__package__).joinpath("existing_pv.toml").read_text(encoding="utf-8"))["array"]["module_share"])


def apart(arrays: Objects, kwp: Floats) -> tuple[Objects, Floats, float]:
    """
    Leave of arrays that are drawn over each other what counts once.

    Parameters
    ----------
    arrays
        Shape (m,), valid polygons of PV; not changed.
    kwp
        Shape (m,), capacity of each as given, NaN where not [kWp]; not changed.

    Returns
    -------
    arrays : array
        Shape (m,), polygons that share no area; empty where another drawing shows the same array.
    kwp : array of float
        Shape (m,), 0 for a second drawing [kWp]. A capacity that is given stays whole where outlines overlap only in part.
    shared : float
        Area that would have counted twice. [m2]
    """
    pairs = meeting_pairs(arrays)
    common = overlap_areas(arrays, pairs)
    area = shapely.area(arrays)
    corners = shapely.bounds(arrays)
    # drawings that say their capacity are the better ones, then the larger ones; the place decides between equals, not the order of rows
    order = np.lexsort((corners[:, 1], corners[:, 0], -np.nan_to_num(kwp), -area, ~np.isfinite(kwp)))
    rank = np.empty(len(arrays), dtype=np.int64)
    rank[order] = np.arange(len(arrays))
    again = near_duplicates(area, pairs, common, rank) >= 0
    stay = ~(again[pairs.left] | again[pairs.right])
    rows, shapes, _ = visible_shapes(arrays, Pairs(pairs.left[stay], pairs.right[stay]), common[stay], rank)
    out, capacity = arrays.copy(), kwp.copy()
    out[rows], out[again], capacity[again] = shapes, shapely.Polygon(), 0.0
    return out, capacity, float(area.sum() - shapely.area(out).sum())


def pv_on_buildings(geometry: Objects, arrays: Objects, kwp: Floats, kwp_per_m2: float) -> tuple[Floats, Floats, float]:
    """
    Share out drawn arrays among the buildings under them.

    Parameters
    ----------
    geometry
        Shape (n,), valid polygons of buildings that do not overlap, None allowed.
    arrays
        Shape (m,), valid polygons of PV that do not overlap, see `apart`.
    kwp
        Shape (m,), capacity of each array as given, NaN where not [kWp].
    kwp_per_m2
        Capacity of a square metre of module, for arrays whose capacity is not given [kWp/m2].

    Returns
    -------
    installed : array of float
        Shape (n,) [kWp]; NaN where no array lies on a building.
    taken : array of float
        Shape (n,), plan area of the outlines that lie on a building: gaps between rows are taken as well. [m2]
    elsewhere : float
        Capacity of the parts of arrays that lie on no building [kWp].
    """
    array, building = shapely.STRtree(geometry).query(arrays, predicate="intersects")
    shared = threaded(lambda a, b: shapely.area(shapely.intersection(a, b)), arrays[array], geometry[building])
    area = shapely.area(arrays)
    capacity = np.where(np.isfinite(kwp), kwp, area * MODULE_SHARE * kwp_per_m2)
    part = np.divide(shared * capacity[array], area[array], out=np.zeros(len(array)), where=area[array] > 0)
    order = np.lexsort((array, building))
    installed = np.bincount(building[order], weights=part[order], minlength=len(geometry))
    taken = np.bincount(building[order], weights=shared[order], minlength=len(geometry)).astype(np.float64)
    return np.where(installed > 0, installed, np.nan), taken, max(0.0, float(np.sum(capacity[area > 0]) - installed.sum()))
