"""Roofs and sample points per second of the engine, beside pvlib's functions on one roof at a time, in one run."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from solar.chain import simulate_reference, solar_position
from solar.climatology import jinan_climatology
from solar.engine import simulate
from solar.orientations import BARE, EAST_WEST, FLUSH, RACK, orientation_grid
from solar.parameters import load_system
from solar.sky import Sky, prepare_sky

POINTS = (1, 4)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--roofs", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    weather, system = jinan_climatology(), load_system()
    used = time.process_time()
    sky = prepare_sky(weather, orientation_grid([(20.0, 0.555)], (10.0, 0.9)), system)
    print(f"prepare a weather cell: {time.process_time() - used:.2f} s CPU, {len(sky.orientations)} classes, {_megabytes(sky):.0f} MB")
    sun = solar_position(weather)
    used = time.process_time()
    for tilt in range(20):
        simulate_reference(
            weather, system, surface_tilt=float(tilt), surface_azimuth=170.0, mounting=FLUSH, horizon=np.full((1, 72), 5.0),
            sky_view_factor=[0.98], position=sun,
        )  # fmt: skip
    peer = (time.process_time() - used) / 20
    print(f"pvlib's functions, one roof: {1000 * peer:.1f} ms CPU")
    print(f"{'points a roof':>14}{'points/s, wall':>16}{'points per CPU s':>18}{'roofs per CPU s':>17}{'times pvlib':>13}")
    for points in POINTS:
        _run(sky, 10, points, arguments.threads)  # compiles
        cpu, wall = _run(sky, arguments.roofs, points, arguments.threads)
        roofs = arguments.roofs / cpu
        print(f"{points:>14}{roofs * points * cpu / wall:>16,.0f}{roofs * points:>18,.0f}{roofs:>17,.0f}{roofs * peer:>13,.0f}")


def _run(sky: Sky, roofs: int, points: int, threads: int) -> tuple[float, float]:
    """CPU and wall seconds of random roofs, in as many parts as threads."""
    rng = np.random.default_rng(6)
    kind = rng.choice([FLUSH, FLUSH, RACK, EAST_WEST], roofs)
    tilt = np.choose(kind, [rng.uniform(0, 45, roofs), np.full(roofs, 20.0), np.full(roofs, 10.0)])
    azimuth = rng.uniform(0, 360, roofs)
    modules, planes = sky.orientations.blend(tilt, azimuth, kind), sky.orientations.blend(tilt, azimuth, BARE)
    horizon = (rng.uniform(0, 40, (roofs * points, 1)) * rng.uniform(0, 1, (roofs * points, 72))).astype(np.float32)
    view = np.mean(np.cos(np.radians(horizon)) ** 2, axis=1)

    def part(rows: np.ndarray) -> None:
        if not rows.size:
            return
        of = slice(int(rows[0]) * points, (int(rows[-1]) + 1) * points)
        simulate(
            sky,
            orientation=type(modules)(modules.classes[rows], modules.weights[rows]),
            plane=type(planes)(planes.classes[rows], planes.weights[rows]),
            horizon=horizon[of],
            point_start=np.arange(rows.size + 1) * points,
            sky_view_factor_modules=view[of],
            sky_view_factor_plane=view[of],
            temperature_offset=np.zeros(rows.size),
        )

    cpu, wall = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, np.array_split(np.arange(roofs), threads)))
    return time.process_time() - cpu, time.perf_counter() - wall


def _megabytes(sky: Sky) -> float:
    return sum(a.nbytes for a in vars(sky).values() if isinstance(a, np.ndarray)) / 1e6


if __name__ == "__main__":
    main()
