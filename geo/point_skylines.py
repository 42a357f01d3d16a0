"""The skyline of one point after the other: land, its parapet, walls, a measured surface, tall buildings; then what lies between rays."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .edge_rays import PARTS, Gaps, find, lay, part, room_for_gaps, settle, tolerated
from .errors import GeoError
from .fans import Fan, even_fan, room_for
from .far_horizons import LAND_RAYS
from .land_rays import Land, Nodes, land_skyline
from .lean import lean
from .roof_edges import Parapets
from .sectors import SECTORS, arctan, ray_number
from .surface_cells import Cells
from .surface_march import march
from .surface_ray import follow
from .surface_rays import raise_skyline
from .wall_rays import between, level, raise_over_walls
from .walls import LOW_RESOLVED, TOGETHER, Kernel

Inner = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]  # see `Parapets`
# measured surface, near walls, towers, the ends of their rings, parapets, end of the near ring, whether to march over every cell
Around = tuple[Cells, Kernel, tuple[Kernel, ...], NDArray[np.float64], Inner, float, bool]
# skyline of the land and notes on it; tangents of the even rays, their angles, what gaps add to sectors, tangents in gaps; cones of walls
Room = tuple[
    tuple[NDArray[np.float64], NDArray[np.int64]],
    tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    NDArray[np.float64],
]
# DEM, far skylines, from where the DEM counts, where it hands over to the far skylines
Ground = tuple[Land, Nodes, float, float]


def ring_of_edges(parapets: Parapets | None, points: int) -> Inner:
    """
    Lay out parapets for the kernels.

    Parameters
    ----------
    parapets
        Parapets of the points' own roofs; None where there are none.
    points
        How many points there are.

    Returns
    -------
    tuple
        Edges, crests, and the building of each point, -1 where it has no parapet.

    Raises
    ------
    GeoError
        If they name the building of more or fewer points.
    """
    if parapets is None:
        return np.zeros(1, np.int64), np.empty((0, 4)), np.empty(0), np.full(points, -1, np.int64)
    if len(parapets.building) != points:
        raise GeoError(f"Parapets name the building of {len(parapets.building)} points; expected {points}: one building for each point.")
    return parapets.start, parapets.edges, parapets.crest, parapets.building


def look_around(
    points: NDArray[np.float64],
    around: Around,
    ground: Ground,
    rays: int,
    closely: bool,
    order: NDArray[np.int64],
    result: NDArray[np.float32],
) -> None:
    """
    Compute the horizon of each point.

    Parameters
    ----------
    points
        Easting, northing and elevation, shape (p, 3). [m]
    around
        What stands around them.
    ground
        The land.
    rays
        Even rays per sector.
    closely
        Whether to look into gaps between rays whose ends differ much.
    order
        In which the points are taken.
    result
        Where the horizons are written, shape (p, 72). [degrees]
    """
    limits = np.concatenate([tolerated(rays), [np.inf]]) if closely else np.full(4, np.inf)
    gaps = room_for_gaps(rays), room_for_gaps(rays)
    fine = room_for(rays, 3 * len(gaps[0][0]))
    number, on_land = SECTORS * rays, SECTORS * LAND_RAYS
    room = (
        (np.zeros(on_land + 1), np.zeros(on_land, np.int64)),
        (np.empty(number), np.empty(number + 1), np.empty(SECTORS), np.empty(len(fine[2]))),
        np.empty((3, TOGETHER)),
    )
    _look_around(points, around, ground, rays, even_fan(rays), fine, gaps, limits, _between(rays), room, order, result)


@lean
def _look_around(
    points: NDArray[np.float64],
    around: Around,
    ground: Ground,
    rays: int,
    even: Fan,
    fine: Fan,
    gaps: tuple[Gaps, Gaps],
    limits: NDArray[np.float64],
    between_land: tuple[NDArray[np.int64], NDArray[np.float64]],
    room: Room,
    order: NDArray[np.int64],
    result: NDArray[np.float32],
) -> None:
    dem, far_nodes, land_begin, land_reach = ground
    plain = around[6]
    number = SECTORS * rays
    skyline, notes = room[0]
    tangent, turn, more, seen = room[1]
    before, share = between_land
    for p in order:
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        land_skyline(x, y, z, dem, far_nodes, land_begin, land_reach, plain, notes, skyline)
        skyline[SECTORS * LAND_RAYS] = skyline[0]
        for k in range(number):
            i, u = before[k], share[k]
            tangent[k] = skyline[i] * (1 - u) + skyline[i + 1] * u
        _raise_rays(x, y, z, p, around, rays, even, room[2], tangent)
        for k in range(number):
            turn[k] = arctan(max(tangent[k], 0.0))
        turn[number] = turn[0]
        more[:] = 0.0
        count, width, wide, narrow = find(turn, limits[0], around[0][7] > z, gaps[0]), PARTS, gaps[0], gaps[1]
        for depth in range(3):
            if count == 0:
                break
            laid = lay(wide, count, width, rays, fine)
            for g in range(count):
                # what is not above the lower end does not count, nor, where both ends are alike, what is not far above them: begin there
                left, right = wide[1][g], wide[2][g]
                above = limits[depth] if abs(left - right) <= limits[depth] else 0.0
                lower = math.tan(min(left, right) + above) * (1 - 1e-6)
                for m in range(3):
                    i, u = _place(part(wide[0][g], m, width), rays)
                    seen[3 * g + m] = max(skyline[i] * (1 - u) + skyline[i + 1] * u, lower)
            _raise_rays(x, y, z, p, around, rays, fine, room[2], seen[:laid])
            if around[0][7] > z and not plain:
                _raise_in_gaps(x, y, z, around[0], around[5], wide, count, limits[depth], fine, seen)
            count = settle(wide, count, width, limits[depth], limits[depth + 1], rays, seen, more, narrow)
            width, wide, narrow = width // 4, narrow, wide
        _means(turn, more, rays, result[p])


@lean
def _raise_rays(
    x: float, y: float, z: float, p: int, around: Around, rays: int, fan: Fan, cones: NDArray[np.float64], tangent: NDArray[np.float64]
) -> None:
    """Raise rays over all that stands around a point."""
    surface, near, towers, tower_reaches, inner, near_reach, plain = around
    if inner[3][p] >= 0:
        _over_parapet(x, y, z, inner, inner[3][p], near_reach, rays, fan, tangent)
    raise_over_walls(x, y, z, 0.0, near_reach, near, rays, fan, cones, tangent)
    if surface[7] > z and plain:
        for k in range(tangent.shape[0]):
            tangent[k] = march(x, y, z, fan[0][0, k], fan[0][1, k], near_reach, tangent[k], surface)
    elif surface[7] > z and fan[5] == 0:
        raise_skyline(x, y, z, near_reach, surface, rays, fan, tangent)
    for ring in range(tower_reaches.shape[0]):
        raise_over_walls(x, y, z, near_reach, tower_reaches[ring], towers[ring], rays, fan, cones, tangent)


@lean
def _raise_in_gaps(
    x: float,
    y: float,
    z: float,
    surface: Cells,
    reach: float,
    gaps: Gaps,
    count: int,
    least: float,
    fan: Fan,
    tangent: NDArray[np.float64],
) -> None:
    """Raise the middle ray of each gap over a measured surface, and the others, but where they count as their end whatever they see."""
    ways, per = fan[0], fan[1]
    for g in range(count):
        left, right, highest = gaps[1][g], gaps[2][g], gaps[3][g]
        k = 3 * g + 1
        tangent[k] = follow(x, y, z, ways[0, k], ways[1, k], per[0, k], per[1, k], reach, tangent[k], surface)
        middle = min(max(arctan(max(tangent[k], 0.0)), min(left, right)), highest)
        for k, end in ((3 * g, left), (3 * g + 2, right)):
            if abs(middle - end) <= least:
                if highest - end <= least:
                    continue
                tangent[k] = max(tangent[k], math.tan(end + least) * (1 - 1e-6))
            tangent[k] = follow(x, y, z, ways[0, k], ways[1, k], per[0, k], per[1, k], reach, tangent[k], surface)


@lean
def _means(turn: NDArray[np.float64], more: NDArray[np.float64], rays: int, out: NDArray[np.float32]) -> None:
    """Mean of each sector in degrees; six at once, since a sum of its own must wait for each addition before the next."""
    n = np.uint64(rays)
    for s in range(0, SECTORS, 6):
        a, b, c, d, e, f = more[s], more[s + 1], more[s + 2], more[s + 3], more[s + 4], more[s + 5]
        for k in range(np.uint64(s * rays), np.uint64(s * rays + rays)):
            a += turn[k]
            b += turn[k + n]
            c += turn[k + n + n]
            d += turn[k + n + n + n]
            e += turn[k + n + n + n + n]
            f += turn[k + n + n + n + n + n]
        out[s], out[s + 1], out[s + 2] = math.degrees(a / rays), math.degrees(b / rays), math.degrees(c / rays)
        out[s + 3], out[s + 4], out[s + 5] = math.degrees(d / rays), math.degrees(e / rays), math.degrees(f / rays)


@lean
def _over_parapet(
    x: float, y: float, z: float, inner: Inner, building: int, reach: float, rays: int, fan: Fan, tangent: NDArray[np.float64]
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
        a, b = ray_number(ax, ay, SECTORS * rays, rays), ray_number(bx, by, SECTORS * rays, rays)
        first, last = between(a, b, fan[4], fan[5])
        if first <= last:
            limits = rise / reach, np.inf, rise / LOW_RESOLVED
            level(ax, ay, bx, by, rise / cross, limits, first, last, fan[0][0], fan[0][1], tangent)


@njit(cache=True, nogil=True, error_model="numpy")
def _between(rays: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ray of the land before each even ray, and how far on the way to the next it lies."""
    before, share = np.empty(SECTORS * rays, np.int64), np.empty(SECTORS * rays)
    for k in range(SECTORS * rays):
        before[k], share[k] = _place(float(k), rays)
    return before, share


@lean
def _place(at: float, rays: int) -> tuple[int, float]:
    """Ray of the land before a place among the even rays, and how far on the way to the next it lies."""
    on_land = (at + 0.5) / rays * LAND_RAYS - 0.5
    i = math.floor(on_land)
    return i % (SECTORS * LAND_RAYS), on_land - i
