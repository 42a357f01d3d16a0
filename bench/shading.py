"""Horizons: points per second and core by scene, beside GRASS r.horizon and one day of pybdshadow; and two tiers on one real place.

Usage: python -m bench.shading DATA_FOLDER (new-york and ccny in it; GRASS and pybdshadow are used where they are installed)
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from rasterio.features import rasterize
from rasterio.transform import from_origin

from geo.archetypes import load_archetypes
from geo.far_horizons import far_horizons
from geo.grid import Grid
from geo.heights import heights_above_ground
from geo.horizons import horizons, terrain_halo
from geo.rasters import prepare_raster, read_window
from geo.roof_edges import roof_edges
from geo.surface_raster import near_surface
from geo.terrain import Terrain
from geo.towers import ring_end, tower_reach
from geo.walls import BLOCKS_TO_REACH, walls

NEAR = 300.0
MIDTOWN = (-74.005, 40.745, -73.97, 40.77)


def timed(label: str, points: np.ndarray, **rings: Any) -> float:
    """Run once to compile, then measure the processor's time. [s]"""
    horizons(points[:4], **rings)
    start = time.process_time()
    horizons(points, **rings)
    seconds = time.process_time() - start
    print(f"{label:<58} {len(points):>7,} points {seconds:7.2f} s {len(points) / seconds:>9,.0f} points/s and core")
    return seconds


def city(buildings: gpd.GeoDataFrame, label: str, terrain: Terrain) -> None:
    """Walls to 300 m, towers as far as they are seen, land to the end."""
    polygons, top = buildings.geometry.to_numpy(), buildings["height"].to_numpy(dtype=float)
    kinds = load_archetypes().choose(np.full(len(top), "commercial", object), top, shapely.area(polygons))
    roof = roof_edges(
        polygons, top=top, height=top, shape=kinds.shape, tilt=kinds.tilt, span=kinds.span_m, parapet=kinds.parapet_height_m
    )  # fmt: skip
    xy = shapely.get_coordinates(shapely.point_on_surface(polygons))
    points = np.column_stack([xy, top + 0.2 + np.nan_to_num(terrain.elevation(*xy.T))])
    left, bottom, right, up = shapely.total_bounds(polygons)
    reach = tower_reach(top)
    end = ring_end(reach)

    def around(far: float) -> tuple[float, float, float, float]:
        return left - far, bottom - far, right + far, up + far

    rings: dict[str, object] = {"near": walls(around(NEAR), polygons, roof.level, roof.edges)}
    timed(f"{label}: walls to 300 m", points, **rings)
    rings["towers"] = {
        ring: walls(around(ring), polygons[end == ring], top[end == ring], reach=reach[end == ring], side=ring / BLOCKS_TO_REACH)
        for ring in np.unique(end[end > 0.0]).tolist()
    }
    timed(f"{label}: and towers to {reach.max():,.0f} m", points, **rings)
    if not terrain.is_flat:
        rings |= {"terrain": terrain.window((left, bottom, right, up), pad=terrain_halo(terrain.resolution))}
        rings |= {"far": far_horizons(terrain, *xy.T)}
        timed(f"{label}: and land to the end, all rings", points, **rings)


def made_up_hills(folder: Path, x: float, y: float) -> Terrain:
    """Hills of 600 m over 60 km in cells of 30 m, for towns that have no DEM here."""
    n, size = 2000, 30.0
    east, north = np.meshgrid(np.arange(n) * size, np.arange(n) * size)
    hills = 20 + 300 * (1 + np.sin(east / 4000) * np.cos(north / 5000)) * np.clip((north - 25_000) / 20_000, 0, 1)
    left, top = round(x / size) * size - n / 2 * size, round(y / size) * size + n / 2 * size
    with rasterio.open(
        folder / "raw.tif", "w", driver="GTiff", width=n, height=n, count=1, dtype="float32", crs="EPSG:32618",
        transform=from_origin(left, top, size, size),
    ) as out:  # fmt: skip
        out.write(hills.astype(np.float32), 1)
    prepare_raster(folder / "raw.tif", folder / "dem.tif", "EPSG:32618", resolution=size)
    return Terrain.from_raster(folder / "dem.tif")


def grass_seconds(dsm: Path, window: tuple[float, float, float, float], reach: float) -> float | None:
    """Measure the processor's seconds of r.horizon for every cell of a window in 72 directions."""
    program = shutil.which("grass")
    if program is None:
        return None
    west, south, east, north = window
    script = (
        f"r.in.gdal -o input={dsm} output=dsm --quiet; g.region raster=dsm; g.region w={west} s={south} e={east} n={north}; "
        f"times; r.horizon -d elevation=dsm step=5 bufferzone={reach} maxdistance={reach} distance=1.0 output=h --quiet; times"
    )
    done = subprocess.run(
        [program, "--tmp-location", "EPSG:26918", "--exec", "sh", "-c", script], capture_output=True, text=True, check=True
    )
    # user and system time of the shell, then of its children, before and after
    spent = [60 * float(m) + float(s) for m, s in re.findall(r"(\d+)m([\d.]+)s", done.stdout)]
    return spent[6] + spent[7] - spent[2] - spent[3]


def ccny(data: Path, folder: Path) -> None:
    """Raster of a measured surface against r.horizon, and both tiers of the same place."""
    grids: dict[str, Grid] = {}
    for name in ("dsm", "dem"):
        facts = prepare_raster(data / "ccny" / f"ccny_{name}_1m.tif", folder / f"{name}.tif", "EPSG:26918", resolution=1.0)
        grids[name] = read_window(folder / f"{name}.tif", facts.covered_bounds)
    dsm, reach = grids["dsm"], 150.0
    left, bottom, right, top = dsm.bounds
    west, south = round((left + right) / 2) - 40, round((bottom + top) / 2) - 40
    x, y = (v.ravel() + 0.5 for v in np.meshgrid(np.arange(west, west + 80.0), np.arange(south, south + 80.0)))
    surface = near_surface(dsm.bounds, 1.0, np.empty(0, object), np.empty(0), dsm)
    points = np.column_stack([x, y, dsm.sample(x, y)])
    ours = timed("ccny: measured surface, 150 m, 7 rays a sector", points, surface=surface, near_reach=reach)
    theirs = grass_seconds(folder / "dsm.tif", (west, south, west + 80.0, south + 80.0), reach)
    print(f"  r.horizon, one ray a sector: {theirs:.1f} s, {theirs / ours:.1f} times as long" if theirs else "  GRASS is not installed")
    found = gpd.read_file(data / "new-york" / "buildings.gpkg").to_crs("EPSG:26918").explode(ignore_index=True)
    inside = shapely.within(found.geometry.to_numpy(), shapely.box(left, bottom, right, top))
    two_tiers(dsm, grids["dem"], found.geometry.to_numpy()[inside & (found.geometry.area > 30).to_numpy()])


def two_tiers(dsm: Grid, dem: Grid, polygons: np.ndarray, reach: float = 60.0) -> None:
    """Horizons over the measured surface beside those over the footprints, each at the one height that was measured for it."""
    left, bottom, right, top = dsm.bounds
    xy = shapely.get_coordinates(shapely.point_on_surface(polygons))
    tops = dem.sample(*xy.T) + heights_above_ground(polygons, dsm, dem)
    known = np.isfinite(tops) & (tops > dem.sample(*xy.T) + 3)
    polygons, xy, tops = polygons[known], xy[known], tops[known]
    inner = np.minimum.reduce([xy[:, 0] - left, right - xy[:, 0], xy[:, 1] - bottom, top - xy[:, 1]]) > reach
    level = np.maximum(dsm.sample(*xy.T), tops) + 0.2
    points = np.column_stack([xy, level])[inner]
    built = walls((left - 300, bottom - 300, right + 300, top + 300), polygons, tops)
    extruded = horizons(points, near=built, near_reach=reach)
    whole, around = np.empty_like(extruded), np.empty_like(extruded)
    place = from_origin(left, top, dsm.resolution, dsm.resolution)
    for k, (point, own) in enumerate(zip(points, polygons[inner], strict=True)):
        mask = rasterize([(own.buffer(1.0), 1)], out_shape=dsm.values.shape, transform=place) > 0
        for values, out in ((dsm.values, whole), (np.where(mask, np.float32(dem.values.min()), dsm.values), around)):
            surface = near_surface(dsm.bounds, 1.0, np.empty(0, object), np.empty(0), Grid(values, left, top, dsm.resolution))
            out[k] = horizons(point[None], surface=surface, near_reach=reach)[0]
    owner = rasterize([(p, n + 1) for n, p in enumerate(polygons)], out_shape=dsm.values.shape, transform=place)
    off = np.abs(dsm.values[owner > 0] - tops[owner[owner > 0] - 1])
    print(
        f"ccny: {len(points)} roofs, measured surface against footprints at their measured heights, to {reach:.0f} m. Roof cells lie off "
        f"the one height of their building by {np.median(off):.2f} m (median), {off.mean():.2f} m (mean)"
    )
    for label, seen in (("what stands around", around), ("with the own roof's structures, which only the surface knows", whole)):
        apart = (seen - extruded).astype(float)
        size = np.abs(apart)
        print(f"  {label}: {np.median(size):.2f}° (median), {size.mean():.2f}° (mean) apart, the surface {apart.mean():+.2f}°")


def bdshadow(buildings: gpd.GeoDataFrame) -> None:
    """Shadows of one day, hour by hour, of the same buildings, beside our horizons for the whole year."""
    try:
        import pybdshadow
    except ImportError:
        print("pybdshadow is not installed (pip install pybdshadow): no ratio to one day of it")
        return
    polygons, top = buildings.geometry.to_numpy(), buildings["height"].to_numpy(dtype=float)
    left, bottom, right, up = shapely.total_bounds(polygons)
    near = walls((left - NEAR, bottom - NEAR, right + NEAR, up + NEAR), polygons, top)
    points = np.column_stack([shapely.get_coordinates(shapely.point_on_surface(polygons)), top + 0.2])
    ours = timed("the same buildings: walls to 300 m, for the whole year", points, near=near)
    given = pybdshadow.bd_preprocess(buildings.to_crs("EPSG:4326")[["height", "geometry"]])
    start = time.process_time()
    for hour in range(8, 17):
        pybdshadow.bdshadow_sunlight(given, pd.Timestamp(f"2023-12-21 {hour}:00", tz="America/New_York").tz_convert("UTC"))
    seconds = time.process_time() - start
    print(f"  pybdshadow, 9 hours of one day on the ground, {len(given):,} buildings: {seconds:.1f} s, {seconds / ours:,.0f} times as long")


def main(data: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = gpd.read_file(data / "new-york" / "buildings.gpkg", bbox=MIDTOWN).to_crs("EPSG:32618").explode(ignore_index=True)
        found = found[found.geometry.is_valid & (found.geometry.area > 20)].reset_index(drop=True)
        found["height"] = found["height"].fillna(9.0)
        hills = made_up_hills(folder, *found.total_bounds[:2])
        city(found, "Midtown Manhattan", hills)
        low = found[found["height"] < 15.0].reset_index(drop=True)
        city(low, "its low houses alone", hills)
        ccny(data, folder)
        bdshadow(found.head(300))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
