"""Maps whose coordinates are shifted or rounded, to be handed to people who may not have exact ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import shapely

from layers.errors import LayersError

from .grid_levels import STEP, cell_side, coarser
from .tables import MapTables

AS_A_WHOLE = ("roofs", "places", "parcels", "transformers")


@dataclass(frozen=True)
class Displacement:
    """Metres to the east and north that everything is shifted by, and metres that coordinates are rounded to; 0 for neither."""

    east: float = 0.0
    north: float = 0.0
    rounded_to: float = 0.0


def displaced(tables: MapTables, by: Displacement) -> MapTables:
    """
    Shift and round what a map draws.

    Parameters
    ----------
    tables
        The tables of a run.
    by
        How far.

    Returns
    -------
    MapTables
        Tables with other geometries, and a note that says so.

    Raises
    ------
    LayersError
        If a distance is not a number or the rounding is negative.

    Notes
    -----
    Roofs, buildings, parcels and cells keep their shape and are moved so that their middle is a multiple; outlines of larger regions have
    every corner rounded, so that neighbours still meet. Cells are made at least as large as the rounding and moved by whole cells, for the
    lines between them stand at known places; their names, which are coordinates, become numbers. Links to sheets, which tell coordinates,
    and the file of all roofs are left out.
    """
    if not np.isfinite([by.east, by.north, by.rounded_to]).all() or by.rounded_to < 0:
        raise LayersError(
            f"a map is to be shifted by {by.east}, {by.north} m and rounded to {by.rounded_to} m; expected numbers, the last not below 0"
        )
    regions = {name: _moved(table, by, name in AS_A_WHOLE) for name, table in tables.regions.items() if name != "grid"}
    cells = tables.region("grid")
    if cells is not None:
        regions["grid"] = _cells(cells, by)
    notes = {**tables.notes, "displaced": True}
    return replace(
        tables,
        manifest={**tables.manifest, "notes": notes},
        regions=regions,
        roofs=None if tables.roofs is None else _moved(tables.roofs, by, True),
        places=None if tables.places is None else _moved(tables.places, by, True),
        exclusions=None if tables.exclusions is None else _moved(tables.exclusions, by, False),
        sheets={},
        served=False,
    )


def _cells(cells: gpd.GeoDataFrame, by: Displacement) -> gpd.GeoDataFrame:
    side = cell_side(cells)
    while side < by.rounded_to:
        side *= STEP
        cells = coarser(cells, side)
    shift = np.round(np.array([by.east, by.north]) / side) * side
    moved = cells.set_geometry(cells.geometry.translate(*shift))
    return moved.assign(name=[f"{at:06d}" for at in range(1, len(moved) + 1)])


def _moved(frame: gpd.GeoDataFrame, by: Displacement, whole: bool) -> gpd.GeoDataFrame:
    shapes = np.asarray(frame.geometry.array, dtype=object)
    shift = np.array([by.east, by.north])
    step = by.rounded_to
    if not step:
        moved = shapely.transform(shapes, lambda xy: xy + shift)
    elif whole:
        bounds = shapely.bounds(shapes)
        middle = (bounds[:, :2] + bounds[:, 2:]) / 2 + shift
        steps = np.nan_to_num(np.round(middle / step) * step - middle + shift)
        counts = shapely.get_num_coordinates(shapes)
        moved = shapely.set_coordinates(shapes.copy(), shapely.get_coordinates(shapes) + np.repeat(steps, counts, axis=0))
    else:
        moved = shapely.make_valid(shapely.transform(shapes, lambda xy: np.round((xy + shift) / step) * step))
    return frame.set_geometry(gpd.GeoSeries(moved, index=frame.index, crs=frame.crs))
