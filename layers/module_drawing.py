"""Every module of a parcel as a rectangle on the plan, and which of the positions are kept."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.outlines import closed_rings
from solar.layout import pack_rows, rectangles
from solar.orientations import EAST_WEST, MOUNTING_NAMES

from .model import Model
from .module_rows import TileParts, mount_rows, roof_ids

Floats = npt.NDArray[np.float64]
KEPT, SHADED, SHARE = "kept", "shaded", "share"


def draw_modules(parts: TileParts, model: Model) -> gpd.GeoDataFrame:
    """
    Draw every position of a module, by the rows that were counted.

    Parameters
    ----------
    parts
        Roofs of a parcel.
    model
        Parameters of the run.

    Returns
    -------
    geopandas.GeoDataFrame
        A row a position: building_id, roof_id, number (1 ... within the roof), mounting, surface_tilt, surface_azimuth, state and kept;
        polygons in plan. The kept ones of a roof are as many as its module_count.

    Notes
    -----
    Positions nearest to sample points with too little light are dropped first (state `shaded`). Obstacles, skylights, collectors and PV
    that stands already are deducted as a share of the roof, without a place: as many positions as they take are left out evenly over the
    rest (state `share`). A pair of east and west is two modules, kept or dropped together.
    """
    closed, chosen, names = closed_rings(parts.space.outline), parts.planes.mounting, roof_ids(parts.rows, parts.surfaces)
    owner = parts.rows["building_id"].to_numpy(dtype=object)[parts.surfaces.building]
    found = []
    for mount in np.unique(chosen[chosen >= 0]):
        at = np.flatnonzero((chosen == mount) & (parts.space.usable > 0) & (parts.planes.laid > 0))
        if not at.size:
            continue
        rows = mount_rows(int(mount), at, closed, parts.surfaces, parts.offered, model)
        packing = pack_rows(rows.rings.vertices, rows.rings.ring_start, rows.rings.polygon_start, rows.layouts)
        for k, roof in enumerate(at):
            boxes = rectangles(rows.rings.vertices, rows.rings.ring_start, rows.rings.polygon_start, rows.layouts, packing, k)
            pair = 2 if mount == EAST_WEST else 1
            plan = rows.rings.to_plan(k, boxes)
            state = _states(plan.mean(axis=1), int(roof), int(parts.yields.count[roof]) // pair, parts, model.point_threshold)
            azimuth = np.full(len(plan) * pair, parts.planes.azimuth[roof])
            if pair == 2:
                plan, state = _halves(plan), np.repeat(state, 2)
                azimuth[1::2] = (azimuth[1::2] + 180.0) % 360.0
            values = {
                "building_id": owner[roof],
                "roof_id": names[roof],
                "number": np.arange(1, len(plan) + 1),
                "mounting": MOUNTING_NAMES[mount],
                "surface_tilt": parts.planes.tilt[roof],
                "surface_azimuth": azimuth,
                "state": state,
                "kept": state == KEPT,
            }
            found.append(gpd.GeoDataFrame(values, geometry=shapely.polygons(plan), crs=parts.rows.crs))
    if not found:
        columns = ["building_id", "roof_id", "number", "mounting", "surface_tilt", "surface_azimuth", "state", "kept"]
        return gpd.GeoDataFrame({name: [] for name in columns}, geometry=[], crs=parts.rows.crs)
    together = pd.concat(found, ignore_index=True).sort_values(["roof_id", "number"], ignore_index=True)
    return gpd.GeoDataFrame(together, geometry="geometry", crs=parts.rows.crs)


def _states(centre: Floats, roof: int, wanted: int, parts: TileParts, threshold: float) -> npt.NDArray[np.object_]:
    """Say of each rectangle whether it is kept, as many as wanted."""
    first, last = parts.start[roof], parts.start[roof + 1]
    points, light = parts.xy[first:last], parts.yields.found.point_share[first:last]
    nearest = np.argmin(((centre[:, None, :] - points[None, :, :]) ** 2).sum(axis=2), axis=1)
    share = light[nearest]
    state = np.full(len(centre), KEPT, dtype=object)
    dark = np.flatnonzero(share < threshold)
    surplus = len(centre) - wanted
    # the darkest first, the later of equals before the earlier
    state[dark[np.lexsort((-dark, share[dark]))[: max(surplus, 0)]]] = SHADED
    rest = np.flatnonzero(state == KEPT)
    if rest.size > wanted:
        step = np.arange(rest.size + 1, dtype=np.int64) * wanted // rest.size
        state[rest[np.diff(step) == 0]] = SHARE
    return state


def _halves(plan: Floats) -> Floats:
    """Cut pairs (n, 4, 2) along the ridge: the half that faces the rows' azimuth first, shape (2 n, 4, 2)."""
    left, right = 0.5 * (plan[:, 0] + plan[:, 3]), 0.5 * (plan[:, 1] + plan[:, 2])
    low = np.stack([plan[:, 0], plan[:, 1], right, left], axis=1)
    high = np.stack([left, right, plan[:, 2], plan[:, 3]], axis=1)
    return np.asarray(np.stack([low, high], axis=1).reshape(-1, 4, 2))
