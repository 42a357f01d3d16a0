"""GRASS r.horizon and r.sun on a square of a finished run's own buildings: seconds of the processor per square kilometre."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.features import rasterize
from rasterio.transform import from_origin

SIDE_M, MARGIN_M, STEP = 120.0, 300.0, 5
DAYS = (172, 355)  # the longest and the shortest; a year is taken as twelve days, one of each month
MONTHS = 12


def grass_seconds_per_km2(run: Path, crs: str) -> tuple[float, float] | None:
    """
    Time horizons in 72 directions and twelve days of r.sun for every square metre, as the tutorials of GRASS do it.

    Parameters
    ----------
    run
        Finished run.
    crs
        Its CRS, as EPSG:code.

    Returns
    -------
    tuple of float or None
        Seconds per km² of r.horizon and of twelve days of r.sun; None where GRASS is not installed.
    """
    program = shutil.which("grass")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        west, south, east, north = _surface(run, Path(name) / "dsm.tif", crs)
        suns = "; ".join(
            f"r.sun elevation=dsm aspect=a slope=s horizon_basename=h horizon_step={STEP} day={day} glob_rad=g{day} nprocs=1 --quiet"
            for day in DAYS
        )
        script = (
            f"set -e; r.in.gdal -o input={name}/dsm.tif output=dsm --quiet; g.region raster=dsm; "
            "r.slope.aspect elevation=dsm slope=s aspect=a --quiet; "
            f"g.region w={west} s={south} e={east} n={north}; times; "
            f"r.horizon elevation=dsm step={STEP} bufferzone={MARGIN_M} maxdistance={MARGIN_M} output=h --quiet; times; "
            f"{suns}; times"
        )
        done = subprocess.run([program, "--tmp-location", crs, "--exec", "sh", "-c", script], capture_output=True, text=True, check=False)
        told = [60 * float(minutes) + float(seconds) for minutes, seconds in re.findall(r"(\d+)m([\d.]+)s", done.stdout)]
        stamps = [sum(told[at : at + 4]) for at in range(0, len(told), 4)]  # user and system, of the shell and of its children
        if done.returncode or len(stamps) != 3:
            raise RuntimeError(f"GRASS failed: {done.stderr[-500:]}")
    area = (east - west) * (north - south) / 1e6
    return (stamps[1] - stamps[0]) / area, (stamps[2] - stamps[1]) / area * MONTHS / len(DAYS)


def _surface(run: Path, file: Path, crs: str) -> tuple[float, float, float, float]:
    """Write a surface of 1 m cells with a margin around the building in the middle; the square within the margin."""
    buildings = gpd.read_parquet(run / "buildings.parquet", columns=["geometry", "height_m"])
    buildings = buildings[~(buildings.geometry.isna() | buildings.geometry.is_empty) & (buildings["height_m"] > 0)]
    x, y = shapely.get_coordinates(shapely.centroid(buildings.geometry.to_numpy())).T
    middle = np.argmin(np.hypot(x - np.median(x), y - np.median(y)))
    half = SIDE_M / 2.0
    west, south = float(np.round(x[middle] - half)), float(np.round(y[middle] - half))
    east, north, n = west + SIDE_M, south + SIDE_M, int(SIDE_M + 2 * MARGIN_M)
    near = buildings.cx[west - MARGIN_M : east + MARGIN_M, south - MARGIN_M : north + MARGIN_M]
    cells = from_origin(west - MARGIN_M, north + MARGIN_M, 1.0, 1.0)
    heights = rasterize(zip(near.geometry, near["height_m"], strict=True), out_shape=(n, n), transform=cells, fill=0.0, dtype="float32")
    with rasterio.open(
        file, "w", driver="GTiff", width=n, height=n, count=1, dtype="float32", crs=crs, transform=cells
    ) as out:  # fmt: skip
        out.write(heights, 1)
    return west, south, east, north
