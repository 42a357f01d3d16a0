"""Administrative map of the sample county: towns, districts, a functional zone and the accountable areas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import Voronoi

from .county_terrain import Floats, ValueNoise

ZONE = "高新示范区"
DISTRICTS = ("清河区", "东平原区", "南岭县")
_TOWN_AREA = 90e6
_TOWN_WORDS = (
    "柳林",
    "白沙",
    "石桥",
    "双井",
    "龙泉",
    "青杨",
    "古城",
    "永安",
    "兴隆",
    "凤鸣",
    "大槐",
    "红庙",
    "望湖",
    "长堤",
    "云台",
    "松岭",
)


@dataclass(frozen=True)
class CountyRegions:
    """The county's map: `towns` (name, district, zone), its coarser layers, and the centre of each town [m]."""

    towns: gpd.GeoDataFrame
    districts: gpd.GeoDataFrame
    zones: gpd.GeoDataFrame
    responsible: gpd.GeoDataFrame
    centres: Floats

    @property
    def outline(self) -> Any:
        """
        Return the polygon of the whole county.

        Returns
        -------
        Polygon
            Union of the towns.
        """
        return shapely.coverage_union_all(self.towns.geometry.to_numpy())


def make_regions(rng: np.random.Generator, bounds: tuple[float, float, float, float], crs: str) -> CountyRegions:
    """
    Divide `bounds` (left, bottom, right, top) [m] into towns and unite these into the other layers.

    Every layer is a union of whole towns with shared vertices, so partitions are exact.

    Parameters
    ----------
    rng
        Random stream of this part of the county.
    bounds
        Left, bottom, right, top [m].
    crs
        Projected CRS of the county.

    Returns
    -------
    CountyRegions
        Towns, districts, zone and accountable areas.
    """
    left, bottom, right, _ = bounds
    side = right - left
    rows = max(3, round(side / np.sqrt(_TOWN_AREA)))
    pitch = side / rows
    row, column = (a.ravel().astype(float) for a in np.mgrid[0:rows, 0:rows])
    jitter = rng.uniform(-0.22, 0.22, (2, row.size))
    centres = np.column_stack(
        [left + (column + 0.5 + 0.2 * np.where(row % 2, 1, -1) + jitter[0]) * pitch, bottom + (row + 0.5 + jitter[1]) * pitch]
    )
    shapes = _warped_cells(rng, centres, bounds, pitch)

    u, v = (centres[:, 0] - left) / side, (centres[:, 1] - bottom) / side
    district = np.where(v < 0.36, 2, np.where(u < 0.52, 0, 1))
    zone = _zone_towns(centres, district, max(2, round(0.06 * row.size)))
    towns = gpd.GeoDataFrame(
        {
            "name": _town_names(row.size),
            "district": np.array(DISTRICTS, dtype=object)[district],
            "zone": [ZONE if z else None for z in zone],
        },
        geometry=shapes,
        crs=crs,
    )
    accountable = np.where(zone, ZONE, towns["district"].to_numpy())
    return CountyRegions(
        towns,
        _united(shapes, towns["district"].to_numpy(), DISTRICTS, crs),
        _united(shapes, np.where(zone, ZONE, ""), (ZONE,), crs),
        _united(shapes, accountable, (*DISTRICTS, ZONE), crs),
        centres,
    )


def urban_boundary(hulls: list[Any], crs: str) -> gpd.GeoDataFrame:
    """
    Draw the 城镇 boundary around the built-up hulls of the towns.

    Parameters
    ----------
    hulls
        Convex hulls of the built-up quarters [m].
    crs
        Projected CRS of the county.

    Returns
    -------
    GeoDataFrame
        Columns name and geometry, the largest first.
    """
    # Closing by 250 m joins the quarters of one town; the boundary keeps 60 m of margin.
    closed = shapely.buffer(shapely.union_all(shapely.buffer(hulls, 310, quad_segs=4)), -250, quad_segs=4)
    parts = shapely.get_parts(shapely.simplify(closed, 8))
    filled = shapely.polygons(shapely.get_exterior_ring(parts))
    order = np.argsort(-shapely.area(filled), kind="stable")
    names = [f"城镇开发边界{i + 1}" for i in range(order.size)]
    return gpd.GeoDataFrame({"name": names}, geometry=shapely.set_precision(filled[order], 0.01), crs=crs)


def _warped_cells(
    rng: np.random.Generator, centres: Floats, bounds: tuple[float, float, float, float], pitch: float
) -> NDArray[np.object_]:
    """Voronoi cells of the centres with wiggling borders that neighbours share point by point."""
    left, bottom, right, top = bounds
    mirrored = [centres]
    for axis, line in ((0, left), (0, right), (1, bottom), (1, top)):
        image = centres.copy()
        image[:, axis] = 2 * line - image[:, axis]
        mirrored.append(image)
    diagram = Voronoi(np.concatenate(mirrored))
    corners = np.round(diagram.vertices, 2)
    margin = (left - pitch, bottom - pitch, right + pitch, top + pitch)
    # Amplitude over wavelength stays below one half, so that borders never fold.
    fields = [(ValueNoise.over(rng, margin, w * pitch), ValueNoise.over(rng, margin, w * pitch), a * pitch) for w, a in _WIGGLES]
    shapes = np.empty(len(centres), dtype=object)
    for i, centre in enumerate(centres):
        ring = corners[diagram.regions[diagram.point_region[i]]]
        ring = ring[np.argsort(np.arctan2(ring[:, 1] - centre[1], ring[:, 0] - centre[0]))]
        border = np.concatenate([_edge(a, b, pitch / 24) for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True)])
        moved = border.copy()
        for east, north, amplitude in fields:
            moved[:, 0] += amplitude * (2 * east.at(border[:, 0], border[:, 1]) - 1)
            moved[:, 1] += amplitude * (2 * north.at(border[:, 0], border[:, 1]) - 1)
        shapes[i] = shapely.polygons(np.round(moved, 2))
    return shapes


_WIGGLES = ((0.55, 0.07), (0.18, 0.018))


def _edge(start: Floats, end: Floats, step: float) -> Floats:
    """Points from `start` up to but without `end`, the same ones whichever way the edge is walked."""
    if tuple(start) == tuple(end):
        return np.empty((0, 2))
    first, last = (start, end) if tuple(start) < tuple(end) else (end, start)
    pieces = max(1, int(np.ceil(np.hypot(*(last - first)) / step)))
    points = first + (last - first) * (np.arange(pieces + 1) / pieces)[:, None]
    return points[:-1] if first is start else points[:0:-1]


def _zone_towns(centres: Floats, district: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Choose the towns on the border of the first two districts that the zone administers."""
    first, second = centres[district == 0], centres[district == 1]
    gaps = np.hypot(first[:, None, 0] - second[None, :, 0], first[:, None, 1] - second[None, :, 1])
    i, j = np.unravel_index(int(np.argmin(gaps)), gaps.shape)
    middle = (first[i] + second[j]) / 2
    away = np.hypot(*(centres - middle).T) + np.where(district == 2, np.inf, 0)
    chosen = np.zeros(district.size, dtype=np.bool_)
    for d in (0, 1):
        mine = np.flatnonzero(district == d)
        chosen[mine[np.argsort(away[mine], kind="stable")][: max(1, count // 2)]] = True
    return chosen


def _town_names(count: int) -> list[str]:
    """Names of towns: every word once as 街道 or 镇, then with a number."""
    words = [f"{w}{'街道' if i % 5 == 0 else '镇'}" for i, w in enumerate(_TOWN_WORDS)]
    directions = ("", "东", "西", "南", "北", "上", "下", "新")
    names = [d + w for d in directions for w in words]
    return [names[i] if i < len(names) else f"{names[i % len(names)]}{i // len(names) + 1}" for i in range(count)]


def _united(shapes: NDArray[np.object_], label: NDArray[np.object_], names: tuple[str, ...], crs: str) -> gpd.GeoDataFrame:
    """Unite the towns of each name."""
    return gpd.GeoDataFrame({"name": list(names)}, geometry=[shapely.coverage_union_all(shapes[label == n]) for n in names], crs=crs)
