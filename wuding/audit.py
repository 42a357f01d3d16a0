"""Every run checks itself: a random sample of roofs is simulated again by the plain pvlib chain, each with its own orientation."""

import heapq
import pickle
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from geo.sky_view import sky_view_factor
from geo.tiles import read_surroundings
from layers.model import Model, cover_ratio
from layers.potential import plain_skylines
from solar.canopy import Canopy
from solar.chain import simulate_reference, solar_position
from solar.orientations import MOUNTING_NAMES
from solar.steps import minute_steps
from solar.weather import Weather

from .beside import Turns, next_turn

SAMPLE = 200
FINE_SAMPLE = 20
WARN_ABOVE = 0.01
Floats = npt.NDArray[np.float64]
Errors = tuple[float, ...]
Years = list[tuple[Weather, pd.DataFrame]]


def simulate_again(work: Path, weathers: list[Weather], turns: Turns) -> dict[int, Errors]:
    """
    Compare the engine with the reference chain on the run's own sample, or on those roofs of it whose turn comes here.

    Parameters
    ----------
    work
        The run's own folder with `audit/`, `tiles/` and `model.pickle`.
    weathers
        Weather of each station.
    turns
        Counts the roofs begun, also by other processes that share the sample.

    Returns
    -------
    dict
        By number of the roof: the error of its annual yield as a fraction of the reference with the engine's own horizon; and of the
        first 20 the errors that lie outside the engine, see `audit_summary`.
    """
    sample = _sample(work / "audit")
    if not sample:
        return {}
    with (work / "model.pickle").open("rb") as stream:
        model: Model = pickle.load(stream)
    hours: list[Years] = [[(weather, solar_position(weather))] for weather in weathers]
    minutes: dict[int, Years] = {}
    found: dict[int, Errors] = {}
    while (number := next_turn(turns)) < len(sample):
        roof = sample[number]
        horizon = np.asarray(roof["horizon"], dtype=float).reshape(-1, 72)
        leafy = np.asarray(roof["leafy"], dtype=float).reshape(-1, 72)
        reference = _year(roof, horizon, leafy, hours, model)
        found[number] = (float(roof["specific_yield"]) / reference - 1.0,)
        if number < FINE_SAMPLE:
            stations = {int(s) for s in roof["station"]}
            minutes |= {s: list(minute_steps(weathers[s])) for s in stations - set(minutes)}
            stepped = [minutes.get(s, []) for s in range(len(weathers))]
            marched = _looked_again(roof, work / "tiles", model)
            hourly, both = _year(roof, *marched, hours, model), _year(roof, *marched, stepped, model)
            found[number] += (reference / hourly - 1.0, hourly / both - 1.0, float(roof["specific_yield"]) / both - 1.0)
    return found


def audit_summary(found: dict[int, Errors]) -> dict[str, Any]:
    """
    Sum up what the simulations of a sample found.

    Parameters
    ----------
    found
        Errors by number of the roof, see `simulate_again`.

    Returns
    -------
    dict
        `roofs`, and `bias`, `rms`, `worst` of the annual yield as fractions of the reference with the engine's own horizon. `fine`: for
        the first 20 of them the errors that lie outside the engine: `horizons` (marched over every cell with four times the rays),
        `steps` (the sun every 5 minutes instead of every hour) and `all` (both together).
    """
    if not found:
        return {"roofs": 0, "bias": 0.0, "rms": 0.0, "worst": 0.0}
    errors = [found[number] for number in sorted(found)]
    fine = [row[1:] for row in errors if len(row) > 1]
    apart = {name: _summary(column) for name, column in zip(("horizons", "steps", "all"), np.array(fine).T, strict=True)}
    return {"roofs": len(errors), **_summary(np.array([row[0] for row in errors])), "fine": {"roofs": len(fine), **apart}}


def audit_warnings(checked: dict[str, Any]) -> list[str]:
    """
    Say where the engine is too far from what it should be.

    Parameters
    ----------
    checked
        Result of `audit_summary`.

    Returns
    -------
    list of str
        Empty where all RMS errors keep the limit.
    """
    warnings = []
    if checked["rms"] > WARN_ABOVE:
        warnings.append(f"the audit's RMS error is {checked['rms']:.2%}, above {WARN_ABOVE:.0%}")
    finer = checked["fine"]["all"]["rms"] if "fine" in checked else 0.0
    if finer > WARN_ABOVE:
        warnings.append(f"beside horizons by brute force and the sun every 5 minutes the RMS error is {finer:.2%}, above {WARN_ABOVE:.0%}")
    return warnings


def _sample(folder: Path) -> list[dict[Any, Any]]:
    """Draw from the samples of the tiles; keys are read first, since skylines of all of them would take 0.6 MB a tile."""
    files = [file for file in sorted(folder.glob("*.parquet")) if pq.read_metadata(file).num_rows]
    keys = (key for file in files for key in pq.read_table(file, columns=["key"])["key"].to_pylist())
    drawn = heapq.nsmallest(SAMPLE, keys)
    if not drawn:
        return []
    parts = [pd.read_parquet(file, filters=[("key", "<=", drawn[-1])]) for file in files]
    sample = pd.concat([part for part in parts if len(part)], ignore_index=True).sort_values(["key", "roof_id"]).head(SAMPLE)
    return sample.to_dict("records")


def _looked_again(roof: dict[Any, Any], tiles: Path, model: Model) -> tuple[Floats, Floats]:
    """Horizons of a roof's points without and with trees, by brute force."""
    building = gpd.read_parquet(tiles / roof["tile"], filters=[("building_id", "==", roof["building_id"])])
    points = np.asarray(roof["points"], dtype=float).reshape(-1, 3)
    found = plain_skylines(points, building, read_surroundings(tiles, np.asarray(building.total_bounds)), model)
    return found.opaque.astype(float), (found.opaque[:0] if found.leafy is None else found.leafy).astype(float)


def _trees(horizon: Floats, tilt: float, azimuth: float, model: Model) -> Canopy | None:
    """Trees above the horizon of one roof's points; None where the run knows of none."""
    if not len(horizon):
        return None
    seen = sky_view_factor(horizon, np.full(len(horizon), tilt), np.full(len(horizon), azimuth))
    return Canopy(horizon, seen, seen, model.transmissivity)


def _year(roof: dict[Any, Any], horizon: Floats, leafy: Floats, years: list[Years], model: Model) -> float:
    """Annual yield of a roof by the reference [kWh/kWp], the mean over the given steps."""
    mount = MOUNTING_NAMES.index(str(roof["mounting"]))
    tilt, azimuth = float(roof["surface_tilt"]), float(roof["surface_azimuth"])
    seen = sky_view_factor(horizon, np.full(len(horizon), tilt), np.full(len(horizon), azimuth))
    trees = _trees(leafy, tilt, azimuth, model)
    whole = 0.0
    for station, weight, warmer in zip(roof["station"], roof["station_weight"], roof["temperature_offset"], strict=True):
        sums = [
            simulate_reference(
                weather,
                model.system,
                surface_tilt=tilt,
                surface_azimuth=azimuth,
                mounting=mount,
                gcr=float(cover_ratio(model.system, model.latitude, mount, np.array([azimuth]))[0]),
                horizon=horizon,
                sky_view_factor=seen,
                temperature_offset=float(warmer),
                canopy=trees,
                position=sun,
            ).sum()
            for weather, sun in years[int(station)]
        ]
        whole += float(weight) * float(np.mean(sums))
    return whole


def _summary(error: Floats) -> dict[str, float]:
    return {"bias": float(error.mean()), "rms": float(np.sqrt((error**2).mean())), "worst": float(np.abs(error).max())}
