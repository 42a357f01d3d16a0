"""The class of use of buildings of which no word is known: by the land they stand on, their neighbours, their size."""

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from .uses import RULES, UNKNOWN, Uses

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]

# So many of the nearest known neighbours are asked.
_ASKED = 24


def uses_from_land(uses: Uses, points: Objects, land: gpd.GeoDataFrame, land_uses: Uses) -> int:
    """
    Take the use of the land that a building stands on.

    Parameters
    ----------
    uses
        Filled in place where the use is unknown; details and town or country too.
    points
        Shape (n,), a point inside each building, None where there is none.
    land
        Polygons of land use, m rows.
    land_uses
        Uses of the m polygons, from `uses_from_words`.

    Returns
    -------
    int
        Number of buildings that got a use.
    """
    shapes = land.geometry.to_numpy()
    known = np.flatnonzero((land_uses.use != UNKNOWN) & ~shapely.is_missing(shapes))
    pending = uses.pending
    pending = pending[~shapely.is_missing(points[pending])]
    if not len(known) or not len(pending):
        return 0
    polygon, building = shapely.STRtree(points[pending]).query(shapes[known], predicate="intersects")
    # Where polygons lie over each other the smaller one says more.
    area = shapely.area(shapes[known])
    order = np.lexsort((known[polygon], area[polygon], building))
    building, polygon = building[order], polygon[order]
    first = np.flatnonzero(np.diff(building, prepend=-1))
    rows, source = pending[building[first]], known[polygon[first]]
    uses.settle(rows, land_uses.use[source], "landuse", land_uses.confidence[source] * RULES["confidence"]["landuse"])
    uses.detail[rows] = np.where(uses.detail[rows] == "", land_uses.detail[source], uses.detail[rows])
    uses.urban[rows] = np.where(np.isnan(uses.urban[rows]), land_uses.urban[source], uses.urban[rows])
    return len(rows)


def uses_from_neighbours(uses: Uses, xy: Floats, area: Floats) -> int:
    """
    Take the use that most neighbours of like size have.

    Parameters
    ----------
    uses
        Filled in place where the use is unknown.
    xy
        Shape (n, 2), a place for each building, NaN where there is none [m].
    area
        Shape (n,), footprints [m2].

    Returns
    -------
    int
        Number of buildings that got a use.
    """
    rule = RULES["neighbourhood"]
    there = np.isfinite(xy[:, 0]) & np.isfinite(xy[:, 1])
    known, pending = np.flatnonzero((uses.use != UNKNOWN) & there), uses.pending
    pending = pending[there[pending]]
    if len(known) < rule["least"] or not len(pending):
        return 0
    tree = cKDTree(xy[known])
    distance, at = tree.query(xy[pending], k=np.arange(1, min(_ASKED, len(known)) + 1), distance_upper_bound=rule["reach_m"], workers=-1)
    near = np.isfinite(np.asarray(distance, dtype=float))
    codes, classes = pd.factorize(uses.use[known], sort=True)
    neighbour = np.where(near, codes[np.minimum(at, len(known) - 1)], -1)
    votes = np.stack([(neighbour == code).sum(axis=1) for code in range(len(classes))], axis=1)
    number, winner = near.sum(axis=1), votes.argmax(axis=1)
    same = neighbour == winner[:, None]
    sizes = np.where(same, area[known][np.minimum(at, len(known) - 1)], np.nan)
    enough = (number >= rule["least"]) & (votes.max(axis=1) >= rule["majority"] * number)
    rows = np.flatnonzero(enough)
    typical = np.nanmedian(sizes[rows], axis=1) if len(rows) else np.empty(0)
    like = (area[pending[rows]] <= typical * rule["times"]) & (area[pending[rows]] * rule["times"] >= typical)
    rows = rows[like]
    uses.settle(pending[rows], np.asarray(classes, dtype=object)[winner[rows]], "neighbourhood", RULES["confidence"]["neighbourhood"])
    return len(rows)


def uses_from_size(uses: Uses, area: Floats, height: Floats, urban: Floats) -> int:
    """
    Guess the use from size alone where it is telling.

    Parameters
    ----------
    uses
        Filled in place where the use is unknown.
    area
        Shape (n,), footprints [m2].
    height
        Shape (n,), as given, NaN where not [m].
    urban
        Shape (n,), 1 town, 0 country, NaN unknown.

    Returns
    -------
    int
        Number of buildings that got a use.
    """
    settled = 0
    for rule in RULES["size"]:
        rows = uses.pending
        plan, tall, town = area[rows], height[rows], urban[rows]
        fits = (plan >= rule.get("area_from_m2", 0.0)) & (plan < rule.get("area_below_m2", np.inf))
        fits &= (tall >= rule["height_from_m"]) if "height_from_m" in rule else True
        fits &= np.isnan(tall) | (tall < rule.get("height_below_m", np.inf))
        if "urban" in rule:
            fits &= town == float(rule["urban"])
        uses.settle(rows[fits], rule["use"], "size", RULES["confidence"]["size"])
        settled += int(fits.sum())
    return settled
