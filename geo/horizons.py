"""Horizons of roof points in 72 sectors: land far away, land nearby, everything within 300 m, buildings beyond as far as they are seen.

Distances are computed from global cell numbers, and only what cannot rise above the skyline seen so far is left out, so the answer
is the same, to the last bit, as that of a march over every cell, and in every window that reaches far enough.
"""

import math
from collections.abc import Mapping

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .errors import GeoError
from .far_horizons import TERRAIN_REACH, FarHorizons
from .grid import Bounds, Grid
from .land_rays import FINEST, LAND_RAYS, Land, Nodes, coarsened, land, land_skyline, nodes
from .roof_edges import Parapets
from .sectors import SECTORS, arctan, directions, ray_number
from .surface_raster import NEAR_REACH, Surface
from .surface_rays import Cells, Fan, cells, fan, march, raise_skyline
from .towers import RINGS
from .wall_rays import between, level, raise_over_walls
from .walls import LOW_RESOLVED, Kernel, Walls, beneath, kernel

# rays per sector over walls: a wall that ends between two of them is off by a fifty-sixth of its elevation at most, at each of its ends
WALL_RAYS = 28
Inner = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]  # see `Parapets`
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
    """Horizon elevation around each point, 72 sectors of 5 degrees, each the mean over its rays.

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
        DEM to `terrain_reach` around the points; None on flat ground.
    far
        Skylines of the land beyond; None where no land is high enough.
    parapets
        Parapets of the points' own roofs; None where there are none.
    near_reach
        End of the near ring. [m]
    terrain_reach
        Where the DEM hands over to `far`. [m]
    sub_rays
        Rays per sector; by default 28 over walls, and over a measured surface so many that they are no farther apart than two of its
        cells at 150 m.
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
    over_surface = sub_rays or (WALL_RAYS if surface is None else sub_rays_for(surface.resolution))
    rays = sub_rays or over_surface * math.ceil(WALL_RAYS / over_surface)
    _look_around(
        xyz,
        cells(surface),
        kernel(near),
        tuple(kernel(held) for _, held in rings) + (kernel(None),) * (RINGS - len(rings)),
        np.array([reach for reach, _ in rings]),
        land(terrain),
        nodes(far),
        _inner(parapets, len(xyz)),
        (near_reach, terrain_reach),
        rays,
        over_surface,
        directions(rays),
        fan(directions(over_surface)),
        plain,
        _along_strips(xyz),
        result,
    )
    if near is not None:
        np.maximum(result, beneath(near, xyz)[:, None], out=result)
    return result


def sub_rays_for(resolution: float) -> int:
    """Rays per sector that are no farther apart than two cells at 150 m.

    Parameters
    ----------
    resolution
        Side of a cell of the near surface. [m]

    Returns
    -------
    int
        Number of rays.
    """
    return max(3, math.ceil(_RESOLVED_AT * math.radians(360 / SECTORS) / (2 * resolution)))


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


def _inner(parapets: Parapets | None, points: int) -> Inner:
    if parapets is None:
        return np.zeros(1, np.int64), np.empty((0, 4)), np.empty(0), np.full(points, -1, np.int64)
    if len(parapets.building) != points:
        raise GeoError(f"Parapets name the building of {len(parapets.building)} points; expected {points}: one building for each point.")
    return parapets.start, parapets.edges, parapets.crest, parapets.building


def _check_far(far: FarHorizons, points: NDArray[np.float64], terrain_reach: float) -> None:
    if far.start != terrain_reach:
        raise GeoError(f"Far horizons begin at {far.start} m, the DEM is marched to {terrain_reach} m: use one distance for both.")
    missing = int((~far.covers(points[:, 0], points[:, 1])).sum())
    if missing:
        raise GeoError(f"{missing} points have no far horizon: call far_horizons with all points of the study.")


@njit(cache=True, nogil=True, error_model="numpy")
def _look_around(
    points: NDArray[np.float64],
    surface: Cells,
    near: Kernel,
    towers: tuple[Kernel, ...],
    tower_reaches: NDArray[np.float64],
    dem: Land,
    far_nodes: Nodes,
    inner: Inner,
    reaches: tuple[float, float],
    rays: int,
    over_surface: int,
    ways: NDArray[np.float64],
    ahead: Fan,
    plain: bool,
    order: NDArray[np.int64],
    result: NDArray[np.float32],
) -> None:
    near_reach, land_reach = reaches
    east, north = ways[0], ways[1]
    each = rays // over_surface
    seen = np.empty(SECTORS * over_surface)
    skyline, notes = np.zeros(SECTORS * LAND_RAYS + 1), np.zeros(SECTORS * LAND_RAYS, np.int64)
    tangent, turn = np.empty(SECTORS * rays), np.empty(SECTORS * rays)
    before, share = _between(rays)
    for p in order:
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        land_skyline(x, y, z, dem, far_nodes, land_reach, plain, notes, skyline)
        skyline[SECTORS * LAND_RAYS] = skyline[0]
        for k in range(SECTORS * rays):
            i, u = before[k], share[k]
            tangent[k] = skyline[i] * (1 - u) + skyline[i + 1] * u
        if inner[3][p] >= 0:
            _over_parapet(x, y, z, inner, inner[3][p], near_reach, rays, east, north, tangent)
        raise_over_walls(x, y, z, 0.0, near_reach, near, rays, east, north, tangent)
        if surface[7] > z:
            for k in range(SECTORS * over_surface):  # one for several neighbouring rays over walls
                seen[k] = tangent[k * each]
                for m in range(k * each + 1, (k + 1) * each):
                    seen[k] = min(seen[k], tangent[m])
            if plain:
                for k in range(SECTORS * over_surface):
                    seen[k] = march(x, y, z, ahead[0][0, k], ahead[0][1, k], near_reach, seen[k], surface)
            else:
                raise_skyline(x, y, z, near_reach, surface, over_surface, ahead, seen)
            for k in range(SECTORS * over_surface):
                for m in range(k * each, (k + 1) * each):
                    tangent[m] = max(tangent[m], seen[k])
        for ring in range(tower_reaches.shape[0]):
            raise_over_walls(x, y, z, near_reach, tower_reaches[ring], towers[ring], rays, east, north, tangent)
        for k in range(SECTORS * rays):
            turn[k] = arctan(max(tangent[k], 0.0))
        _means(turn, rays, result[p])


@njit(cache=True, nogil=True, error_model="numpy")
def _means(turn: NDArray[np.float64], rays: int, out: NDArray[np.float32]) -> None:
    """Mean of each sector in degrees; six at once, since a sum of its own must wait for each addition before the next."""
    n = np.uint64(rays)
    for s in range(0, SECTORS, 6):
        a = b = c = d = e = f = 0.0
        for k in range(np.uint64(s * rays), np.uint64(s * rays + rays)):
            a += turn[k]
            b += turn[k + n]
            c += turn[k + n + n]
            d += turn[k + n + n + n]
            e += turn[k + n + n + n + n]
            f += turn[k + n + n + n + n + n]
        out[s], out[s + 1], out[s + 2] = math.degrees(a / rays), math.degrees(b / rays), math.degrees(c / rays)
        out[s + 3], out[s + 4], out[s + 5] = math.degrees(d / rays), math.degrees(e / rays), math.degrees(f / rays)


@njit(cache=True, nogil=True, error_model="numpy")
def _over_parapet(
    x: float,
    y: float,
    z: float,
    inner: Inner,
    building: int,
    reach: float,
    rays: int,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    tangent: NDArray[np.float64],
) -> None:
    """Raise all rays over the parapet around the point: the outline seen from inside, so its edges are walked backwards."""
    start, edges, crest = inner[0], inner[1], inner[2]
    if crest[building] <= z:
        return
    rise = crest[building] - z
    for k in range(start[building], start[building + 1]):
        ax, ay, bx, by = edges[k, 2] - x, edges[k, 3] - y, edges[k, 0] - x, edges[k, 1] - y
        cross = ax * by - bx * ay
        if cross >= 0.0:
            continue
        a, b = ray_number(ax, ay, tangent.shape[0], rays), ray_number(bx, by, tangent.shape[0], rays)
        first, last = between(a, b, tangent.shape[0])
        if first <= last:
            level(ax, ay, bx, by, rise / cross, (rise / reach, np.inf, rise / LOW_RESOLVED), first, last, east, north, tangent)


@njit(cache=True, nogil=True, error_model="numpy")
def _between(rays: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ray of the land before each ray, and how far on the way to the next it lies."""
    before, share = np.empty(SECTORS * rays, np.int64), np.empty(SECTORS * rays)
    for k in range(SECTORS * rays):
        at = (k // rays) * LAND_RAYS + ((k % rays) + 0.5) / rays * LAND_RAYS - 0.5
        i = math.floor(at)
        before[k], share[k] = i % (SECTORS * LAND_RAYS), at - i
    return before, share
