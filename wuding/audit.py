"""Every run checks itself: a random sample of roofs is simulated again by the plain pvlib chain, each with its own orientation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geo.sky_view import sky_view_factor
from layers.model import Model, cover_ratio
from solar.canopy import Canopy
from solar.chain import simulate_reference, solar_position
from solar.orientations import MOUNTING_NAMES
from solar.weather import Weather

SAMPLE = 200
WARN_ABOVE = 0.01


def audit(work: Path, model: Model, weathers: list[Weather], told: Callable[[int, int], None]) -> dict[str, float | int | str]:
    """
    Compare the engine with the reference chain on the run's own sample.

    Parameters
    ----------
    work
        The run's own folder with `audit/`.
    model
        Parameters of the run.
    weathers
        Weather of each station.
    told
        Called with roofs done and roofs in all.

    Returns
    -------
    dict
        `roofs`, and `bias`, `rms`, `worst` of the annual yield as fractions of the reference; the horizon is the engine's own.
    """
    files = sorted((work / "audit").glob("*.parquet"))
    parts = [part for part in (pd.read_parquet(file) for file in files) if len(part)]
    if not parts:
        return {"roofs": 0, "bias": 0.0, "rms": 0.0, "worst": 0.0}
    sample = pd.concat(parts, ignore_index=True).sort_values(["key", "roof_id"]).head(SAMPLE)
    suns = [solar_position(weather) for weather in weathers]
    errors = []
    for number, roof in enumerate(sample.to_dict("records")):
        told(number, len(sample))
        horizon = np.asarray(roof["horizon"], dtype=float).reshape(-1, 72)
        mount = MOUNTING_NAMES.index(str(roof["mounting"]))
        tilt, azimuth = float(roof["surface_tilt"]), float(roof["surface_azimuth"])
        hourly = simulate_reference(
            weathers[roof["station"]],
            model.system,
            surface_tilt=tilt,
            surface_azimuth=azimuth,
            mounting=mount,
            gcr=float(cover_ratio(model.system, model.latitude, mount, np.array([azimuth]))[0]),
            horizon=horizon,
            sky_view_factor=sky_view_factor(horizon, np.full(len(horizon), tilt), np.full(len(horizon), azimuth)),
            temperature_offset=float(roof["temperature_offset"]),
            canopy=_trees(roof["leafy"], tilt, azimuth, model),
            position=suns[roof["station"]],
        )
        errors.append(float(roof["specific_yield"]) / float(hourly.sum()) - 1.0)
    told(len(sample), len(sample))
    error = np.array(errors)
    return {"roofs": len(error), "bias": float(error.mean()), "rms": float(np.sqrt((error**2).mean())), "worst": float(np.abs(error).max())}


def _trees(leafy: Any, tilt: float, azimuth: float, model: Model) -> Canopy | None:
    """Trees above the horizon of one roof's points; None where the run knows of none."""
    horizon = np.asarray(leafy, dtype=float).reshape(-1, 72)
    if not len(horizon):
        return None
    seen = sky_view_factor(horizon, np.full(len(horizon), tilt), np.full(len(horizon), azimuth))
    return Canopy(horizon, seen, seen, model.transmissivity)
