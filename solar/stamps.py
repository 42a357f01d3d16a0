"""Where the sun stands for a weather file's row: measured from the file, not believed from its header."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib

from .errors import SolarError

FloatArray = npt.NDArray[np.float64]

SEARCH_HOURS = 1.5
COARSE_STEP_HOURS = 0.05
DEGREES_PER_HOUR = 15.0
# below these the closure says nothing about time: no beam, or a cosine that clouds and refraction dominate
MIN_DNI_W_M2 = 50.0
MIN_TELLING_ROWS = 200
# a minimum that is not clearly below the closure half an hour beside it is no measurement
MAX_CONTRAST = 0.9
# the clearest days of the year, by daily GHI over its extraterrestrial value
CLEAR_DAYS = 20
MIN_CLEARNESS = 0.55
# so many of them, half of which agree this closely, tell the sun's place without beam and diffuse light
MIN_CLEAR_DAYS = 10
MAX_SPREAD_HOURS = 0.25
SOLAR_CONSTANT = 1361.0


@dataclass(frozen=True)
class StampOffset:
    """Offset between a file's labels and the sun, in hours: sun at label + hours.

    Notes
    -----
    `closure_w_m2` is the RMS of GHI - DHI - DNI cos z over the daylight rows with the sun at `hours`;
    `closure_mid_interval_w_m2` the same with the sun half an hour after the label. `symmetry_hours` is the offset that makes
    the clearest days symmetric about solar noon (NaN where no day is clear): an independent measure from GHI alone. `by` is `closure`;
    `symmetry` where the components cannot tell and the clear days agree; else `convention`, and `hours` is what the file states. `why`
    says why the components cannot tell. `zone_hours` is the whole-day shift at which GHI follows the sun best: far from `hours` where
    place or time zone is wrong.
    """

    hours: float
    closure_w_m2: float
    closure_mid_interval_w_m2: float
    symmetry_hours: float
    rows: int
    by: str
    why: str
    zone_hours: float


def measure_stamp_offset(
    index: pd.DatetimeIndex,
    ghi: npt.ArrayLike,
    dni: npt.ArrayLike,
    dhi: npt.ArrayLike,
    latitude: float,
    longitude: float,
    stated: float = 0.5,
) -> StampOffset:
    """
    Find the offset between label and sun that closes GHI = DHI + DNI cos z best.

    Parameters
    ----------
    index
        Labels of the rows, timezone-aware, shape (n,).
    ghi
        Global horizontal irradiance, shape (n,) [W/m²].
    dni
        Direct normal irradiance, shape (n,) [W/m²].
    dhi
        Diffuse horizontal irradiance, shape (n,) [W/m²].
    latitude
        Latitude of the place, north positive [degrees].
    longitude
        Longitude of the place, east positive [degrees].
    stated
        Offset that the file's own convention gives, taken where nothing can be measured [h]; the middle of the interval by default.

    Returns
    -------
    StampOffset
        The offset in -1.5 ... +1.5 h with its closure error and whether the file could tell.

    Raises
    ------
    SolarError
        If the labels carry no time zone or the lengths differ.

    Notes
    -----
    Files made from interval means close best in the middle of their interval, files of instants at the instant.
    """
    g, b, d = (np.asarray(a, dtype=np.float64) for a in (ghi, dni, dhi))
    if index.tz is None:
        raise SolarError("weather labels have no time zone; expected UTC or a fixed offset; localise the index first")
    if not len(index) == g.size == b.size == d.size:
        raise SolarError(
            f"weather columns of different length: labels {len(index)}, ghi {g.size}, dni {b.size}, dhi {d.size}; expected equal lengths"
        )
    declination, hour_angle = _declination_and_hour_angle(index, latitude, longitude)
    finite = np.isfinite(g) & np.isfinite(b) & np.isfinite(d)
    telling = finite & (b >= MIN_DNI_W_M2)
    daylight = finite & ((g > 0) | (b > 0) | (d > 0))
    rows = int(telling.sum())

    def closure(offset: float, mask: npt.NDArray[np.bool_] = daylight) -> float:
        """
        RMS of GHI - DHI - DNI cos z with the sun at the label plus an offset [W/m²].

        Parameters
        ----------
        offset
            Sun minus label [h].
        mask
            Rows to look at.
        """
        cosz = _cos_zenith(declination[mask], hour_angle[mask], latitude, offset)
        return float(np.sqrt(np.mean((g[mask] - d[mask] - b[mask] * cosz) ** 2)))

    solar_day = np.floor(index.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[s]").astype(np.int64) / 86400.0 + longitude / 360.0)
    symmetry, agree = _clear_day_symmetry(solar_day.astype(np.int64), g, hour_angle, _cos_zenith(declination, hour_angle, latitude, 0.0))
    light = np.where(np.isfinite(g), g, 0.0)
    shifts = np.arange(-12.0, 12.0, 0.5)
    zone = float(shifts[np.argmax([light @ _cos_zenith(declination, hour_angle, latitude, float(s)) for s in shifts])])
    if rows >= MIN_TELLING_ROWS:
        best = _minimise(lambda offset: closure(offset, telling))
        beside = min(closure(best - 0.5, telling), closure(best + 0.5, telling))
        if closure(best, telling) <= MAX_CONTRAST * beside:
            return StampOffset(best, closure(best), closure(0.5), symmetry, rows, "closure", "", zone)
        why = "GHI, DNI and DHI of the file do not close at any offset"
    else:
        why = f"only {rows} rows with beam irradiance above {MIN_DNI_W_M2:g} W/m²"
    by, taken = ("symmetry", symmetry) if agree and abs(symmetry) <= SEARCH_HOURS else ("convention", stated)
    beside, middle = (closure(h) if daylight.any() else float("nan") for h in (taken, 0.5))
    return StampOffset(taken, beside, middle, symmetry, rows, by, why, zone)


def _declination_and_hour_angle(index: pd.DatetimeIndex, latitude: float, longitude: float) -> tuple[FloatArray, FloatArray]:
    """Declination and hour angle [rad] at the labels, from pvlib's sun, so that shifted suns cost a cosine only."""
    position = pvlib.solarposition.get_solarposition(index, latitude, longitude)
    zenith = np.radians(position["zenith"].to_numpy())
    azimuth = np.radians(position["azimuth"].to_numpy())
    phi = np.radians(latitude)
    declination = np.arcsin(np.clip(np.cos(zenith) * np.sin(phi) + np.sin(zenith) * np.cos(phi) * np.cos(azimuth), -1.0, 1.0))
    hour_angle = np.arctan2(
        -np.sin(zenith) * np.sin(azimuth), np.cos(zenith) * np.cos(phi) - np.sin(zenith) * np.sin(phi) * np.cos(azimuth)
    )
    return declination, hour_angle


def _cos_zenith(declination: FloatArray, hour_angle: FloatArray, latitude: float, offset: float) -> FloatArray:
    """Cosine of the zenith `offset` hours after the label, not below 0 (declination moves < 0.03° in that time)."""
    phi = np.radians(latitude)
    turned = hour_angle + np.radians(DEGREES_PER_HOUR * offset)
    cosz = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(turned)
    return np.asarray(np.maximum(cosz, 0.0))


def _minimise(closure: Callable[[float], float]) -> float:
    """Coarse scan, then golden section around the best step."""
    steps = np.arange(-SEARCH_HOURS, SEARCH_HOURS + COARSE_STEP_HOURS / 2, COARSE_STEP_HOURS)
    errors = [closure(float(s)) for s in steps]
    centre = float(steps[int(np.argmin(errors))])
    low, high = max(centre - COARSE_STEP_HOURS, -SEARCH_HOURS), min(centre + COARSE_STEP_HOURS, SEARCH_HOURS)
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if closure(left) <= closure(right):
            high = right
        else:
            low = left
    return float(round((low + high) / 2, 4))


def _clear_day_symmetry(day: npt.NDArray[np.int64], ghi: FloatArray, hour_angle: FloatArray, cos_zenith: FloatArray) -> tuple[float, bool]:
    """Median offset [h] that puts the centroid of the clearest days' GHI at solar noon, NaN if there are none; whether they agree."""
    _, number = np.unique(day, return_inverse=True)
    light = np.where(np.isfinite(ghi), np.maximum(ghi, 0.0), 0.0)
    total = np.bincount(number, weights=light)
    above = np.bincount(number, weights=cos_zenith)
    moment = np.bincount(number, weights=light * np.degrees(hour_angle) / DEGREES_PER_HOUR)
    full = (np.bincount(number) == 24) & (above > 0) & (total > 0)
    clearness = np.full(total.size, np.nan)
    clearness[full] = total[full] / (above[full] * SOLAR_CONSTANT)
    clear = np.flatnonzero(clearness > MIN_CLEARNESS)
    if clear.size == 0:
        return float("nan"), False
    clearest = clear[np.argsort(-clearness[clear], kind="stable")[:CLEAR_DAYS]]
    each = -moment[clearest] / total[clearest]
    low, high = np.quantile(each, [0.25, 0.75])
    return float(np.median(each)), bool(clearest.size >= MIN_CLEAR_DAYS and high - low <= MAX_SPREAD_HOURS)
