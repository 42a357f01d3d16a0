"""The rows of modules on roofs, counted for a county and drawn for a parcel from the same rings and layouts."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from geo.outlines import ClosedRings, Rings, plane_rings
from geo.surfaces import RoofSurfaces
from solar.layout import RowLayout
from solar.mounts import ORIENTATIONS, Candidates, layout_inputs

from .model import Model, cover_ratio
from .room import Room
from .shading import Skylines
from .tile_yield import Planes, TileYield

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TileParts:
    """
    What a sheet needs of the roofs of a parcel beyond their rows in the table.

    Attributes
    ----------
    rows
        The buildings, n of them.
    surfaces
        Their roofs, m of them.
    space
        Where the area of each roof goes.
    offered
        Mounts that each roof allows.
    planes
        What stands on the roofs.
    xy, start
        Sample points [m], shape (P, 2), and the first of each roof and the end, shape (m + 1,), before any is left out.
    skylines
        Horizons of these points.
    yields
        Yield of the roofs; a group of hours is one roof.
    """

    rows: gpd.GeoDataFrame
    surfaces: RoofSurfaces
    space: Room
    offered: Candidates
    planes: Planes
    xy: Floats
    start: Ints
    skylines: Skylines
    yields: TileYield


@dataclass(frozen=True)
class MountRows:
    """Rings of k outlines in the frame of their rows, the layouts to try, and tilt [degrees] and cover of the modules, shape (k,)."""

    rings: Rings
    layouts: list[RowLayout]
    tilt: Floats
    cover: Floats


def mount_rows(mount: int, at: Ints, closed: ClosedRings, surfaces: RoofSurfaces, offered: Candidates, model: Model) -> MountRows:
    """
    Turn outlines into the frame of the rows of one mount.

    Parameters
    ----------
    mount
        0 flush, 1 rack, 2 east_west.
    at
        The roofs, shape (k,).
    closed
        Rings of the outlines of all roofs.
    surfaces
        All roofs.
    offered
        Orientation of modules and rows by mount.
    model
        Parameters of the run.

    Returns
    -------
    MountRows
        For `solar.layout.pack_rows` and `rectangles`.
    """
    module = model.system.module
    facing, tilt = offered.row_azimuth[mount][at], offered.surface_tilt[mount][at]
    cover = cover_ratio(model.system, model.latitude, mount, facing)
    rings = plane_rings(closed.take(at), surfaces.roof_tilt[at], surfaces.roof_azimuth[at], facing)
    layouts = [
        layout_inputs(mount, length=module.length_m, width=module.width_m, surface_tilt=tilt, pitch_ratio=1.0 / cover, orientation=way)
        for way in ORIENTATIONS
    ]
    return MountRows(rings, layouts, tilt, cover)


def roof_ids(rows: gpd.GeoDataFrame, surfaces: RoofSurfaces) -> list[str]:
    """
    Name the roofs of a tile.

    Parameters
    ----------
    rows
        Buildings with `building_id`.
    surfaces
        Their roofs.

    Returns
    -------
    list of str
        As in the table `roofs`, in the order of the surfaces.
    """
    ids = rows["building_id"].to_numpy(dtype=object)[surfaces.building]
    return [f"{building}-{part:02d}" for building, part in zip(ids, surfaces.part, strict=True)]
