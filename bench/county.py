"""
The sample county at several sizes: seconds and peak memory by stage, the share that the limit of the machine would take (bytes at the
disk's speed, horizon samples at the memory's), how they grow, and ratios to pvlib's ModelChain per roof and to GRASS r.horizon and r.sun
per square kilometre in the same run.

Usage: python -m bench.county 10000 100000 1000000
"""

import math
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib

from geo.horizons import WALL_RAYS
from solar.climatology import jinan_climatology
from wuding.county import write_county
from wuding.manifest import Clock
from wuding.pipeline import run_study
from wuding.progress import Screen
from wuding.study import load_study

from .grass import grass_seconds_per_km2

FOLDER = Path(".bench")


def model_chain_seconds(runs: int = 5) -> float:
    """Median seconds of one pvlib ModelChain run of one roof on the same weather."""
    weather = jinan_climatology()
    place = pvlib.location.Location(weather.latitude, weather.longitude, altitude=weather.altitude)
    mount = pvlib.pvsystem.FixedMount(26.0, 180.0)
    array = pvlib.pvsystem.Array(
        mount, module_parameters={"pdc0": 1000.0, "gamma_pdc": -0.003}, temperature_model_parameters={"u_c": 20.0, "u_v": 0.0}
    )
    system = pvlib.pvsystem.PVSystem([array], inverter_parameters={"pdc0": 1000.0 / 1.2 / 0.98})
    chain = pvlib.modelchain.ModelChain(
        system, place, aoi_model="physical", spectral_model="no_loss", temperature_model="pvsyst", dc_model="pvwatts"
    )
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        chain.run_model(weather.data)
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[runs // 2]


def disk_speed(folder: Path, size: int = 200_000_000) -> float:
    """Bytes that this disk writes in a second, to the platter and not to a cache."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "speed"
    start = time.perf_counter()
    with file.open("wb") as stream:
        stream.write(os.urandom(size))
        stream.flush()
        os.fsync(stream.fileno())
    seconds = time.perf_counter() - start
    file.unlink()
    return size / seconds


def memory_speed(size: int = 400_000_000) -> float:
    """Bytes that one core reads from memory in a second."""
    block = np.ones(size // 8)
    start = time.perf_counter()
    block.sum()
    return size / (time.perf_counter() - start)


def size_of(*parts: Path) -> int:
    """Bytes of files, and of all files in folders."""
    files = [file for part in parts for file in ([part] if part.is_file() else part.rglob("*"))]
    return sum(file.stat().st_size for file in files if file.is_file())


def limits(folder: Path, roofs: int, disk: float, memory: float) -> dict[str, float]:
    """Seconds that no program could go below by stage: what it must read and write, and a height a ray from every roof."""
    run = folder / "run"
    work, tables = run / ".work", size_of(run / "buildings.parquet", run / "regions", run / "profiles")
    tiles, assessed = size_of(work / "tiles"), size_of(run / "roofs", work / "audit", work / "mounts", work / "profiles")
    package = size_of(*run.glob("*.gpkg"))
    pages = size_of(*(run / name for name in ("map.html", "report.html", "report.docx", "tables.xlsx") if (run / name).exists()))
    samples = roofs * 72 * WALL_RAYS * 4  # bytes of one float32 height
    moved = {
        "prepare": size_of(*(file for file in folder.iterdir() if file.is_file())) + tiles,
        "roofs": tiles + assessed,
        "tables": assessed + tables,
        "geopackage": assessed + tables + package,
        "products": tables + pages,
    }
    least = {name: count / disk for name, count in moved.items()}
    return least | {"roofs": least["roofs"] + samples / memory / (os.cpu_count() or 1)}


def beside_grass(folder: Path, seconds: float, crs: str) -> None:
    """Print the ratio to GRASS per square kilometre and core."""
    found = grass_seconds_per_km2(folder / "run", crs)
    if found is None:
        print("GRASS is not installed: no ratio to r.horizon and r.sun")
        return
    area = float(pd.read_parquet(folder / "run" / "regions" / "responsible.parquet", columns=["area_km2"])["area_km2"].sum())
    own = seconds * (os.cpu_count() or 1) / area
    print(
        f"GRASS at 1 m, one core: r.horizon {found[0]:,.0f} s/km2, r.sun {found[1]:,.0f} s/km2 for twelve days; this run {own:.3f} s/km2 "
        f"and core over {area:,.0f} km2, all hours of the year, roofs only: GRASS takes {sum(found) / own:,.0f} times as long"
    )


def main(sizes: list[int]) -> None:
    one_roof, speed, memory = model_chain_seconds(), disk_speed(FOLDER), memory_speed()
    print(f"pvlib ModelChain, one roof: {one_roof * 1000:.1f} ms; disk: {speed / 1e6:,.0f} MB/s; memory: {memory / 1e9:.1f} GB/s a core")
    before: tuple[int, float] | None = None
    for size in sizes:
        folder = FOLDER / str(size)
        shutil.rmtree(folder, ignore_errors=True)
        clock = Clock()
        screen = Screen("en")
        with clock.stage("write county"):
            files = write_county(folder, buildings=size)
        start = time.perf_counter()
        manifest = run_study(load_study(files.study), folder / "run", screen, fresh=True)
        whole = time.perf_counter() - start
        table = pd.DataFrame([*clock.stages, *manifest["stages"]])
        roofs = int(manifest["totals"]["roofs"])
        table["limit_s"] = table["name"].map(limits(folder, roofs, speed, memory)).fillna(0.0).round(2)
        table["limit_share"] = (table["limit_s"] / table["seconds"]).round(3)
        print(
            f"\n{size:,} buildings, {roofs:,} roofs: {whole:.1f} s, peak {table['peak_mb'].max():,.0f} MB, {size / whole:,.0f} buildings/s"
        )
        print(table.to_string(index=False))
        written = sum(file.stat().st_size for file in (folder / "run").rglob("*") if file.is_file())
        print(f"{written / 1e9:.2f} GB written: {written / speed:.1f} s at the disk's speed, {written / speed / whole:.1%} of the run")
        if before is not None:
            grown = math.log(whole / before[1]) / math.log(size / before[0])
            print(f"from {before[0]:,} to {size:,} buildings the time grows with the power {grown:.2f}")
        before = size, whole
        beside_grass(folder, whole, load_study(files.study).study.crs)
        print(f"ModelChain for all roofs would take {roofs * one_roof / 3600:.1f} h: {roofs * one_roof / whole:,.0f} times as long")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [10_000, 100_000, 1_000_000])
