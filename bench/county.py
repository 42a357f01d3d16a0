"""
The sample county at several sizes: seconds and peak memory by stage, how they grow, the share that the disk's speed would take, and the
ratio to pvlib's ModelChain per roof in the same run.

Usage: python -m bench.county 10000 100000 1000000
"""

import math
import os
import shutil
import sys
import time
from pathlib import Path

import pandas as pd
import pvlib

from solar.climatology import jinan_climatology
from wuding.county import write_county
from wuding.manifest import Clock
from wuding.pipeline import run_study
from wuding.progress import Screen
from wuding.study import load_study

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


def main(sizes: list[int]) -> None:
    one_roof, speed = model_chain_seconds(), disk_speed(FOLDER)
    print(f"pvlib ModelChain, one roof: {one_roof * 1000:.1f} ms; disk: {speed / 1e6:,.0f} MB/s")
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
        print(f"ModelChain for all roofs would take {roofs * one_roof / 3600:.1f} h: {roofs * one_roof / whole:,.0f} times as long")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [10_000, 100_000, 1_000_000])
