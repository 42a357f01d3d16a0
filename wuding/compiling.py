"""On first use, compile the kernels of a tile in two processes while the inputs are read; afterwards they come from the user's cache."""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path


def compile_ahead() -> list[BaseProcess]:
    """
    Start compiling if this version has not been compiled for this user yet.

    Returns
    -------
    list of multiprocessing.Process
        To be handed to `await_compiled`; empty where there is nothing to compile or no cache folder.
    """
    folder = os.environ.get("NUMBA_CACHE_DIR")
    if folder is None or (Path(folder) / "compiled").exists() or (os.cpu_count() or 1) < 2:
        return []
    context = multiprocessing.get_context("spawn")
    started: list[BaseProcess] = [context.Process(target=part, daemon=True) for part in PARTS]
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
    if started and all(process.exitcode == 0 for process in started):
        (Path(os.environ["NUMBA_CACHE_DIR"]) / "compiled").touch()


def _shade() -> None:
    import numpy as np

    from geo.horizons import horizons

    horizons(np.zeros((1, 3)))


def _lay_out() -> None:
    import numpy as np
    import shapely

    from geo.outlines import closed_rings, plane_rings, sample_points
    from geo.sky_view import sky_view_factor
    from geo.surfaces import Shape, roof_surfaces
    from solar.layout import pack_rows
    from solar.money import Prices, finance_roofs, load_finance
    from solar.mounts import ORIENTATIONS, layout_inputs

    roofs = roof_surfaces(np.array([shapely.box(0, 0, 12, 8)]), [Shape.GABLE], [26.0])
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
    import mapclassify  # compiles as it is imported
    import pandas as pd

    from layers.roadmap import NEEDED, Scenario, make_roadmap

    assert mapclassify.FisherJenks
    one = pd.DataFrame({name: [1.0] for name in NEEDED} | {"building_id": ["1"], "status": ["assessed"], "use": ["factory"]})
    make_roadmap(one.assign(responsible_area=["1"]), Scenario("", "lcoe", 2026, 2026), ())


PARTS: tuple[Callable[[], None], ...] = (_shade, _lay_out, _plan)
