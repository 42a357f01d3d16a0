"""
The sample county at several sizes, each run as a user runs it, in a process of its own: seconds from the command to its end, seconds of
the processor, peak memory; by stage the share that the limit of the machine would take; how all that grows; and ratios to pvlib's
ModelChain per roof and to GRASS r.horizon and r.sun per square kilometre in the same run.

Usage: python -m bench.county 10000 100000 1000000

A size that was measured before with the same code is kept in .bench/SIZE/measured.json and takes part in the growth, so that the million
may be run alone.
"""

import json
import math
import os
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pvlib

from solar.climatology import jinan_climatology
from wuding.county import write_county
from wuding.manifest import read_manifest, source_digest
from wuding.study import load_study

from .grass import grass_seconds_per_km2
from .limits import disk_speed, limits, memory_speed, size_of

FOLDER = Path(".bench")
MEASURED = "measured.json"


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
        start = time.process_time()
        chain.run_model(weather.data)
        seconds.append(time.process_time() - start)
    return sorted(seconds)[runs // 2]


def run_county(folder: Path, size: int) -> dict[str, Any]:
    """Write a county and run it by the command; what it took, kept beside it."""
    shutil.rmtree(folder, ignore_errors=True)
    files = write_county(folder, buildings=size)
    command = [sys.executable, "-m", "wuding", "run", str(files.study), "--out", str(folder / "run"), "--lang", "en"]
    before, start = os.times(), time.perf_counter()
    with (folder / "run.log").open("w", encoding="utf-8") as log:
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=True)
    seconds, after = time.perf_counter() - start, os.times()
    manifest = read_manifest(folder / "run")
    measured = {
        "buildings": size,
        "roofs": int(manifest["totals"]["roofs"]),
        "seconds": seconds,
        "cpu_seconds": after.children_user + after.children_system - before.children_user - before.children_system,
        "peak_mb": max(stage["peak_mb"] for stage in manifest["stages"]),
        "stages": manifest["stages"],
        "code": source_digest(),
        "at": time.strftime("%Y-%m-%d %H:%M"),
    }
    (folder / MEASURED).write_text(json.dumps(measured, indent=1), encoding="utf-8")
    return measured


def by_stage(folder: Path, measured: dict[str, Any], disk: float, memory: float) -> None:
    """Print the table of one size."""
    table, seconds = pd.DataFrame(measured["stages"]), measured["seconds"]
    least = limits(folder, measured["roofs"], disk, memory)
    start_up = pd.DataFrame([{"name": "whole, with start", "seconds": seconds, "peak_mb": measured["peak_mb"]}])
    table = pd.concat([table, start_up], ignore_index=True)
    least["whole, with start"] = sum(least.values())
    table["of_run"] = table["seconds"] / seconds
    table["limit_s"] = table["name"].map(least)
    table["limit_share"] = table["limit_s"] / table["seconds"]
    shown = {"seconds": "{:.1f}", "peak_mb": "{:,.0f}", "of_run": "{:.0%}", "limit_s": "{:.2f}", "limit_share": "{:.1%}"}
    for column, form in shown.items():
        table[column] = [form.format(value) if math.isfinite(value) else "-" for value in table[column]]
    print(
        f"\n{measured['buildings']:,} buildings, {measured['roofs']:,} roofs: {seconds:.1f} s by the clock, "
        f"{measured['cpu_seconds']:.1f} s of the processor; peak of all processes {measured['peak_mb'] / 1000:.2f} GB"
    )
    print(table.to_string(index=False))
    print("(from 20,000 buildings on the audit runs beside the tables and the GeoPackage beside the products: stages overlap)")
    written = size_of(folder / "run")
    print(f"{written / 1e9:.2f} GB written: {written / disk:.1f} s at the disk's speed, {written / disk / seconds:.1%} of the run")


def beside_peers(folder: Path, measured: dict[str, Any], one_roof: float) -> None:
    """Print the ratios to pvlib per roof and to GRASS per square kilometre; seconds of one core against seconds of one core."""
    roofs, own = measured["roofs"], measured["cpu_seconds"]
    print(f"pvlib ModelChain for all roofs, one core: {roofs * one_roof / 3600:,.1f} h, {roofs * one_roof / own:,.0f} times as long")
    found = grass_seconds_per_km2(folder / "run", load_study(folder / "study.toml").study.crs)
    if found is None:
        print("GRASS is not installed: no ratio to r.horizon and r.sun")
        return
    area = float(pd.read_parquet(folder / "run" / "regions" / "responsible.parquet", columns=["area_km2"])["area_km2"].sum())
    print(
        f"GRASS at 1 m, one core: r.horizon {found[0]:,.0f} s/km2, r.sun {found[1]:,.0f} s/km2 for twelve days; this run "
        f"{own / area:.3f} s/km2 over {area:,.0f} km2, all hours of the year, roofs only: GRASS takes {sum(found) * area / own:,.0f} "
        "times as long"
    )


def growth(rows: list[dict[str, Any]]) -> None:
    """
    Print how time and memory grow from size to size.

    What a run takes whatever its size flatters the power of the whole time, so what an extra building costs is told beside it: where time
    is linear it stays the same.
    """
    if len(rows) < 2:
        return
    print("\nfrom size to size: the power with which time grows, and what a building more costs")
    lines = []
    for one, other in pairwise(rows):
        more, ratio = other["buildings"] - one["buildings"], math.log(other["buildings"] / one["buildings"])
        line: dict[str, Any] = {"buildings": f"{one['buildings']:,} to {other['buildings']:,}"}
        for key, name in (("seconds", "clock"), ("cpu_seconds", "cpu")):
            line[f"{name}_power"] = f"{math.log(other[key] / one[key]) / ratio:.3f}"
            line[f"{name}_ms_more"] = f"{(other[key] - one[key]) / more * 1000:.3f}"
        line["kB_more"] = f"{(other['peak_mb'] - one['peak_mb']) / more * 1000:.1f}"
        lines.append(line)
    print(pd.DataFrame(lines).to_string(index=False))
    first, last = rows[0], rows[-1]
    whole = math.log(last["buildings"] / first["buildings"])
    powers = [math.log(last[key] / first[key]) / whole for key in ("seconds", "cpu_seconds")]
    print(f"from {first['buildings']:,} to {last['buildings']:,}: power {powers[0]:.3f} by the clock, {powers[1]:.3f} of the processor")


def measured_before(sizes: list[int]) -> list[dict[str, Any]]:
    """Sizes that are not asked for now and were measured with this very code."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in FOLDER.glob(f"[0-9]*/{MEASURED}")]
    return [row for row in found if row["code"] == source_digest() and row["buildings"] not in sizes]


def main(sizes: list[int]) -> None:
    one_roof, disk, memory = model_chain_seconds(), disk_speed(FOLDER), memory_speed()
    print(f"pvlib ModelChain, one roof: {one_roof * 1000:.1f} ms; disk: {disk / 1e6:,.0f} MB/s; memory: {memory / 1e9:.1f} GB/s a core")
    rows = measured_before(sizes)
    for row in rows:
        print(f"{row['buildings']:,} buildings: measured {row['at']} with the same code, {row['seconds']:.1f} s")
    run_county(FOLDER / "first", 300)  # compiles, where nothing is compiled yet: a small size would carry it and flatter the growth
    for size in sizes:
        folder = FOLDER / str(size)
        rows.append(run_county(folder, size))
        by_stage(folder, rows[-1], disk, memory)
        beside_peers(folder, rows[-1], one_roof)
    growth(sorted(rows, key=lambda row: row["buildings"]))


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [10_000, 100_000, 1_000_000])
