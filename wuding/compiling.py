"""On first use, compile the kernels of a tile in two processes while the inputs are read; afterwards they come from the user's cache."""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from .interrupts import children_deaf


def compile_ahead(*, planes: bool = False) -> list[BaseProcess]:
    """
    Start compiling if this version has not been compiled for this user yet.

    Parameters
    ----------
    planes
        Whether roof planes will be measured, which takes kernels of its own.

    Returns
    -------
    list of multiprocessing.Process
        To be handed to `await_compiled`; empty where there is nothing to compile or no cache folder.
    """
    folder = os.environ.get("NUMBA_CACHE_DIR")
    if folder is None or (os.cpu_count() or 1) < 2:
        return []
    context = multiprocessing.get_context("spawn")
    wanted = {"compiled": PARTS, "compiled-planes": (_measure,) if planes else ()}
    parts = [part for mark, several in wanted.items() if not (Path(folder) / mark).exists() for part in several]
    started: list[BaseProcess] = [context.Process(target=part, name=part.__name__, daemon=True) for part in parts]
    with children_deaf():
        for process in started:
            process.start()
    return started


def await_compiled(started: list[BaseProcess]) -> None:
    """
    Wait for what `compile_ahead` has started.

    Parameters
    ----------
    started
        The processes. What one of them could not compile is compiled where it is needed.
    """
    for process in started:
        process.join()
    done = {process.name for process in started if process.exitcode == 0}
    for mark, parts in (("compiled", PARTS), ("compiled-planes", (_measure,))):
        if done >= {part.__name__ for part in parts}:
            (Path(os.environ["NUMBA_CACHE_DIR"]) / mark).touch()


def load_kernels() -> None:
    """Load the kernels of a tile from the cache, by calling each."""
    _shade()
    _lay_out()


def _shade() -> None:
    import numpy as np

    from geo.horizons import horizons

    horizons(np.zeros((1, 3)))


def _measure() -> None:
    import numpy as np
    import shapely

    from geo.grid import Grid
    from geo.roof_planes import measure_planes

    north = np.arange(14.0, 0.0, -1.0) - 0.5
    gable = np.repeat(10.0 - np.abs(north - 7.0)[:, None], 20, axis=1).astype(np.float32)
    measure_planes(np.array([shapely.box(2, 2, 18, 12)], dtype=object), Grid(gable, 0.0, 14.0, 1.0), [0.0])


def _lay_out() -> None:
    import numpy as np
    import shapely

    from geo.outlines import closed_rings, plane_rings, sample_points
    from geo.setbacks import usable_outlines
    from geo.sky_view import sky_view_factor
    from geo.surfaces import Shape, roof_surfaces
    from solar.layout import pack_rows
    from solar.money import Prices, finance_roofs, load_finance
    from solar.mounts import ORIENTATIONS, layout_inputs

    ell = shapely.union(shapely.box(0, 0, 16, 7), shapely.box(0, 0, 5, 17))
    plans = np.array([shapely.box(0, 0, 12, 8), ell], dtype=object)
    roofs = roof_surfaces(plans, [Shape.GABLE] * 2, [26.0] * 2)
    usable_outlines(roofs.geometry, 0.5, plans[roofs.building], inner=0.15)
    sample_points(roofs.geometry, roofs.geometry, roofs.axis_azimuth, spacing=15.0)
    rings = plane_rings(closed_rings(roofs.geometry), roofs.roof_tilt, roofs.roof_azimuth, roofs.roof_azimuth)
    tilt = roofs.roof_tilt
    layouts = [layout_inputs(0, length=2.278, width=1.134, surface_tilt=tilt, pitch_ratio=1.0, orientation=way) for way in ORIENTATIONS]
    pack_rows(rings.vertices, rings.ring_start, rings.polygon_start, layouts)
    sky_view_factor(np.zeros((1, 72), np.float32), np.zeros(1), np.zeros(1))
    one = np.ones(1)
    code, prices = np.zeros(1, np.int64), Prices(one, one, one)
    finance_roofs(load_finance(), pdc0_kwp=one, energy_kwh=1000.0 * one, use=code, prices=prices, size_kwp=one, mounting=code)


def _plan() -> None:
    import pandas as pd

    from layers.roadmap import NEEDED, Scenario, make_roadmap

    one = pd.DataFrame({name: [1.0] for name in NEEDED} | {"building_id": ["1"], "status": ["assessed"], "use": ["factory"]})
    make_roadmap(one.assign(responsible_area=["1"]), Scenario("", "lcoe", 2026, 2026), ())


PARTS: tuple[Callable[[], None], ...] = (_shade, _lay_out, _plan)
