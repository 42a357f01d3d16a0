"""What every sample point of a tile sees of its horizon: with the roofs, towers and land around it, and with the trees as well."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.canopy import overlay, tree_tops
from geo.grid import Bounds, Grid
from geo.horizons import WALL_RAYS, horizons, terrain_halo
from geo.rasters import read_window
from geo.roof_edges import StoodFaces, parapets, roof_edges
from geo.roof_kinds import RoofKinds
from geo.sectors import SECTORS
from geo.sky_view import sky_view_factor
from geo.surface_raster import near_surface
from geo.surfaces import Shape
from geo.tiles import NEAR_M, Surroundings
from geo.walls import BLOCKS_TO_REACH, Walls, in_blocks, walls
from solar.canopy import Canopy

from .model import Model
from .roofs import TileRoofs

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
# A module lies this far above the roof.
MODULE_ABOVE_M = 0.2


@dataclass(frozen=True)
class Skylines:
    """
    Horizons of P points in 72 sectors.

    Attributes
    ----------
    opaque
        Buildings and land, shape (P, 72) [degrees].
    leafy
        With the trees, nowhere lower, shape (P, 72) [degrees]; None where no tree stands near.
    transmissivity
        What crowns let through, January to December, shape (12,).
    """

    opaque: Floats32
    leafy: Floats32 | None
    transmissivity: Floats

    def take(self, keep: npt.NDArray[np.bool_] | Ints | slice) -> "Skylines":
        """
        Keep some of the points.

        Parameters
        ----------
        keep
            Mask, indices or slice.

        Returns
        -------
        Skylines
            The same, fewer points.
        """
        return Skylines(self.opaque[keep], None if self.leafy is None else self.leafy[keep], self.transmissivity)

    def views(self, tilt: Floats, azimuth: Floats, roof_tilt: Floats, downslope: Floats) -> tuple[Floats, Floats, Canopy | None]:
        """
        Measure the sky that the modules and the bare roof see.

        Parameters
        ----------
        tilt, azimuth
            Of the modules at each point, shape (P,) [degrees].
        roof_tilt, downslope
            Of the roof, shape (P,) [degrees].

        Returns
        -------
        tuple
            Sky-view factors of modules and roof above the opaque horizon, shape (P,), and the trees with theirs.
        """
        modules, plane = _two_views(self.opaque, tilt, azimuth, roof_tilt, downslope)
        if self.leafy is None:
            return modules, plane, None
        return modules, plane, Canopy(self.leafy, *_two_views(self.leafy, tilt, azimuth, roof_tilt, downslope), self.transmissivity)


def look_around(
    points: Floats,
    building: Ints,
    rows: gpd.GeoDataFrame,
    kinds: RoofKinds,
    around: Surroundings,
    dsm: Grid | None,
    model: Model,
    *,
    shape: TileRoofs | None = None,
    plain: bool = False,
) -> Skylines:
    """
    Compute the skylines of points: parapet of their own roof, roofs around, tall buildings, land, trees.

    Parameters
    ----------
    points
        Easting, northing and elevation, shape (P, 3). [m]
    building
        Row of each point, shape (P,).
    rows
        Buildings of the tile.
    kinds
        Their archetypes.
    around
        What can shade them.
    dsm
        Surface model around the tile, or None.
    model
        Parameters of the run.
    shape
        Roofs of the buildings, where they are known already.
    plain
        March over every cell, with eight times as many even rays as over walls and none in gaps: slow, for audits.

    Returns
    -------
    Skylines
        A point's row depends on the point and what stands around it alone.
    """
    left, bottom = points[:, :2].min(axis=0)
    right, top = points[:, :2].max(axis=0)
    box = (left, bottom, right, top)
    wide = (left - NEAR_M, bottom - NEAR_M, right + NEAR_M, top + NEAR_M)
    near, own = None, None
    if dsm is None:
        near = _roofs_around(wide, around, model, rows, shape)
        own = parapets(rows.geometry.to_numpy(), _crests(rows, kinds), building)
    towers = {
        end: in_blocks((left - end, bottom - end, right + end, top + end), found, side=end / BLOCKS_TO_REACH)
        for end, found in around.tall.items()
    }
    terrain = model.terrain.window(box, pad=terrain_halo(model.terrain.resolution))
    far = model.far.within(box) if model.far is not None else None

    rays = 8 * WALL_RAYS if plain else None
    seen = partial(horizons, near=near, towers=towers, terrain=terrain, far=far, sub_rays=rays, plain=plain)
    opaque = seen(points, surface=None, parapets=own) if dsm is None else _over(dsm, points, seen, around, dsm, model)
    trees = _trees(wide, model)
    if trees is None:
        return Skylines(opaque, None, model.transmissivity)
    if dsm is None:
        cells = near_surface(wide, model.surface_resolution, around.geometry[:0], around.top[:0], trees)
        leafy = seen(points, surface=cells, parapets=own)
    else:
        leafy = _over(overlay(dsm, trees), points, seen, around, dsm, model)
    return Skylines(opaque, np.maximum(opaque, leafy), model.transmissivity)


def surface_model(rows: gpd.GeoDataFrame, model: Model) -> Grid | None:
    """
    Read the surface model of a tile and of all that shades it from near by.

    Parameters
    ----------
    rows
        Buildings of the tile.
    model
        Parameters of the run.

    Returns
    -------
    Grid or None
        None where the study has none.
    """
    if model.dsm is None:
        return None
    left, bottom, right, top = rows.total_bounds
    return read_window(model.dsm, (left - NEAR_M, bottom - NEAR_M, right + NEAR_M, top + NEAR_M), pad=2.0)


def _over(tops: Grid, points: Floats, seen: Callable[..., Floats32], around: Surroundings, dsm: Grid, model: Model) -> Floats32:
    """
    Look over a surface model, footprints where it has no data and newer ones above it.

    It alone holds the land near points that it covers, its holes filled by the DEM; beyond its edge the DEM counts from the point on.
    """
    covered = np.isfinite(dsm.sample(points[:, 0], points[:, 1])) & (not model.terrain.is_flat)
    found = np.empty((len(points), SECTORS), np.float32)
    for land, which in ((model.terrain, covered), (None, ~covered)):
        if which.any():
            (left, bottom), (right, top) = points[which, :2].min(axis=0), points[which, :2].max(axis=0)
            wide = (left - NEAR_M, bottom - NEAR_M, right + NEAR_M, top + NEAR_M)
            cells = near_surface(wide, model.surface_resolution, around.geometry, around.top, tops, newer=around.stale, land=land)
            found[which] = seen(points[which], surface=cells)
            del cells  # before the next one is laid: in a wide tile each takes a gigabyte
    return found


def _crests(rows: gpd.GeoDataFrame, kinds: RoofKinds) -> Floats:
    """Tops of parapets; NaN on pitched roofs and where modules lie above the edge."""
    top = (rows["ground_elevation_m"] + rows["height_m"]).to_numpy(dtype=float)
    none = (kinds.shape != Shape.FLAT) | (kinds.parapet_height_m <= MODULE_ABOVE_M)
    return np.where(none, np.nan, top + kinds.parapet_height_m)


def _roofs_around(bounds: Bounds, around: Surroundings, model: Model, rows: gpd.GeoDataFrame, shape: TileRoofs | None) -> Walls:
    """Edges of the archetypes' roofs of all near buildings; those of the tile itself are not made again."""
    stood, own = None, None
    if shape is not None:
        stood = StoodFaces(shape.surfaces, shape.plane, shape.origin)
        own = pd.Index(rows["building_id"]).get_indexer(pd.Index(around.building_id, dtype=rows["building_id"].dtype))
    kinds = model.archetypes.choose(around.use, around.height, around.area, around.construction).with_tilt(around.tilt)
    found = roof_edges(
        around.geometry,
        top=around.top,
        height=around.height,
        shape=kinds.shape,
        tilt=kinds.tilt,
        span=kinds.span_m,
        parapet=kinds.parapet_height_m,
        stood=stood,
        own=own,
    )
    return walls(bounds, around.geometry, found.level, found.edges)


def _trees(bounds: Bounds, model: Model) -> Grid | None:
    """Tops of the trees within the bounds; None where the study has none or none stand there."""
    if model.canopy is None:
        return None
    tops = tree_tops(read_window(model.canopy, bounds, pad=2.0), model.terrain)
    return tops if np.isfinite(tops.values).any() else None


def _two_views(horizon: Floats32, tilt: Floats, azimuth: Floats, roof_tilt: Floats, downslope: Floats) -> tuple[Floats, Floats]:
    seen = sky_view_factor(horizon, np.column_stack([tilt, roof_tilt]), np.column_stack([azimuth, downslope]))
    return seen[:, 0], seen[:, 1]
