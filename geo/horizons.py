"""Horizons of roof points in 72 sectors: land far away, land nearby, everything within 300 m, buildings beyond as far as they are seen.

Distances are computed from global cell numbers, and only what cannot rise above the skyline seen so far is left out, so the answer
is the same, to the last bit, as that of a march over every cell, and in every window that reaches far enough.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .edge_rays import LEAST_RAYS
from .errors import GeoError
from .far_horizons import TERRAIN_REACH, FarHorizons
from .grid import Bounds, Grid
from .land_rays import FINEST, coarsened, land, nodes
from .point_skylines import look_around, ring_of_edges
from .roof_edges import Parapets
from .sectors import SECTORS
from .surface_cells import cells
from .surface_raster import NEAR_REACH, Surface
from .towers import RINGS
from .walls import Walls, beneath, kernel

WALL_RAYS = 22  # per sector, before those in gaps
_STRIP = 100.0  # m
_RESOLVED_AT = 150.0  # m; to here neighbouring rays are no farther apart than two cells of the near surface


def horizons(
    points: NDArray[np.float64],
    *,
    surface: Surface | None = None,
    near: Walls | None = None,
    towers: Mapping[float, Walls] | None = None,
    terrain: Grid | None = None,
    far: FarHorizons | None = None,
    parapets: Parapets | None = None,
    near_reach: float = NEAR_REACH,
    terrain_reach: float = TERRAIN_REACH,
    sub_rays: int | None = None,
    plain: bool = False,
) -> NDArray[np.float32]:
    """Horizon elevation around each point, 72 sectors of 5 degrees, each the mean over all directions in it.

    Parameters
    ----------
    points
        Easting, northing and elevation above the datum, shape (p, 3). [m]
    surface
        Measured surface to `near_reach`; None where there is none.
    near
        All buildings that stand within `near_reach` and are not in the surface; None where nothing does.
    towers
        Buildings that are seen from farther away, by the end of their ring, see `ring_end`; None where there are none. [m]
    terrain
        DEM to `terrain_reach` around the points, from `near_reach` on where the surface holds the land; None on flat ground.
    far
        Skylines of the land beyond; None where no land is high enough.
    parapets
        Parapets of the points' own roofs; None where there are none.
    near_reach
        End of the near ring. [m]
    terrain_reach
        Where the DEM hands over to `far`. [m]
    sub_rays
        Rays per sector, and none besides. By default 22 where there are walls, else so many that they are no farther apart than two cells
        of the surface at 150 m, and more in the gaps between rays whose ends differ much, see `edge_rays`.
    plain
        March over every cell of surface and DEM instead of jumping over blocks: the same answer, slower, for audits.

    Returns
    -------
    NDArray[np.float32]
        Elevations, shape (p, 72), sector i centred on azimuth 5 i clockwise from north; 0 where nothing rises above the
        point's level. [degrees]

    Raises
    ------
    GeoError
        If points are not finite, a raster does not reach far enough around them, or there are too many rings of towers.

    Notes
    -----
    No tower that fills over half of its sector is missed by more than 1.5 degrees.

    A cell is a prism: it is met where the ray enters it, but no nearer than half a cell, and the point's own cell shades
    nothing. Curvature of the earth counts for land, not for buildings (2 m at 5 km; at 31 km 65 m, which is 0.12 degrees).
    """
    xyz = np.ascontiguousarray(points, np.float64)
    if xyz.ndim != 2 or xyz.shape[1] != 3 or not np.isfinite(xyz).all():
        raise GeoError(f"Points need finite x, y and z, shape (p, 3); got shape {xyz.shape}: leave out points without elevation.")
    result = np.zeros((len(xyz), SECTORS), np.float32)
    if len(xyz) == 0:
        return result
    extent = (float(xyz[:, 0].min()), float(xyz[:, 1].min()), float(xyz[:, 0].max()), float(xyz[:, 1].max()))
    if surface is not None:
        _check_reach("measured surface", surface.bounds, extent, near_reach)
    if near is not None:
        _check_reach("area of the buildings", near.bounds, extent, near_reach)
    rings = sorted((towers or {}).items())
    if len(rings) > RINGS:
        raise GeoError(f"There are {len(rings)} rings of towers; expected at most {RINGS}, see ring_end.")
    for reach, held in rings:
        _check_reach("area of the tall buildings", held.bounds, extent, reach)
    if terrain is not None:
        terrain = coarsened(terrain)
        _check_reach("DEM window", terrain.bounds, extent, terrain_reach + terrain.resolution)
    if far is not None:
        _check_far(far, xyz, terrain_reach)
    rays = sub_rays or (WALL_RAYS if surface is None or near is not None else sub_rays_for(surface.resolution))
    around = (
        cells(surface),
        kernel(near),
        tuple(kernel(held) for _, held in rings) + (kernel(None),) * (RINGS - len(rings)),
        np.array([reach for reach, _ in rings]),
        ring_of_edges(parapets, len(xyz)),
        near_reach,
        plain,
    )
    land_begin = near_reach if surface is not None and surface.holds_land else 0.0
    ground = (land(terrain), nodes(far), land_begin, terrain_reach)
    look_around(xyz, around, ground, rays, sub_rays is None, _along_strips(xyz), result)
    if near is not None:
        np.maximum(result, beneath(near, xyz)[:, None], out=result)
    return result


def sub_rays_for(resolution: float) -> int:
    """Even rays per sector over a measured surface: no farther apart than two cells at 150 m, and no fewer than the gaps between them need.

    Parameters
    ----------
    resolution
        Side of a cell of the near surface. [m]

    Returns
    -------
    int
        Number of rays.
    """
    return max(LEAST_RAYS, math.ceil(_RESOLVED_AT * math.radians(360 / SECTORS) / (2 * resolution)))


def terrain_halo(resolution: float) -> float:
    """Width of DEM needed around the points of a tile.

    Parameters
    ----------
    resolution
        Side of a cell of the DEM. [m]

    Returns
    -------
    float
        Pad for `Terrain.window`. [m]
    """
    return TERRAIN_REACH + 3 * max(resolution, 2 * FINEST) if math.isfinite(resolution) else TERRAIN_REACH


def _check_reach(name: str, bounds: Bounds, extent: Bounds, reach: float) -> None:
    lacking = max(bounds[0] - extent[0], bounds[1] - extent[1], extent[2] - bounds[2], extent[3] - bounds[3]) + reach
    if lacking > 1e-6:
        raise GeoError(f"The {name} must reach {reach:.0f} m beyond every point but ends {lacking:.0f} m short: widen its bounds.")


def _along_strips(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order in which neighbours follow each other, so that what one looked at is still at hand for the next."""
    return np.lexsort((points[:, 0], np.floor(points[:, 1] / _STRIP)))


def _check_far(far: FarHorizons, points: NDArray[np.float64], terrain_reach: float) -> None:
    if far.start != terrain_reach:
        raise GeoError(f"Far horizons begin at {far.start} m, the DEM is marched to {terrain_reach} m: use one distance for both.")
    missing = int((~far.covers(points[:, 0], points[:, 1])).sum())
    if missing:
        raise GeoError(f"{missing} points have no far horizon: call far_horizons with all points of the study.")
