"""Weather files as one year of hourly rows whose index is the instant at which the sun stands for the row."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib

from .errors import SolarError
from .stamps import StampOffset, measure_stamp_offset

NOMINAL_YEAR = 2023
HOURS = 8760
COLUMNS = ("ghi", "dni", "dhi", "temp_air", "wind_speed")
# physically possible at the ground; beyond is a code for "missing" or a fault
BOUNDS = {"ghi": (-10.0, 1600.0), "dni": (-10.0, 1400.0), "dhi": (-10.0, 1000.0), "temp_air": (-70.0, 60.0), "wind_speed": (0.0, 60.0)}
MAX_GAP_ROWS = 48
HEADER_TOLERANCE_HOURS = 0.1
CLOSURE_WARNING_W_M2 = 30.0


@dataclass(frozen=True, eq=False)
class Weather:
    """One typical year at one place.

    Notes
    -----
    `data` has 8,760 rows and the columns ghi, dni, dhi [W/m²], temp_air [°C], wind_speed [m/s]. Its index is the UTC instant at
    which the sun stands for the row, in the nominal year 2023. `utc_offset` [h] is local standard time, used to tell months.
    `stamp_offset_h` is the measured offset between the file's label (start of its hour) and the sun; None where there was no file.
    `notes` says in plain words what was found, filled or assumed.
    """

    name: str
    latitude: float
    longitude: float
    altitude: float
    data: pd.DataFrame = field(repr=False)
    utc_offset: float
    source: str
    verified: bool
    climatology: bool
    stamp_offset_h: float | None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise SolarError(
                f"weather '{self.name}': place {self.latitude}, {self.longitude} is not on Earth; expected degrees; check the header"
            )
        missing = [c for c in COLUMNS if c not in self.data.columns]
        if missing or len(self.data) != HOURS:
            raise SolarError(f"weather '{self.name}': {len(self.data)} rows, lacking {missing}; expected {HOURS} of {', '.join(COLUMNS)}")
        if not isinstance(self.data.index, pd.DatetimeIndex) or str(self.data.index.tz) != "UTC":
            raise SolarError(f"weather '{self.name}': index must be instants in UTC; convert with tz_convert('UTC')")
        if not np.isfinite(self.data[list(COLUMNS)].to_numpy()).all():
            raise SolarError(f"weather '{self.name}': values missing after reading; fill or drop them first")

    @property
    def ghi_kwh_m2(self) -> float:
        """Global horizontal irradiation of the year [kWh/m²]."""
        return float(self.data["ghi"].sum() / 1000.0)

    @property
    def sun(self) -> pd.DatetimeIndex:
        """UTC instant at which the sun is put for each row, shape (8760,): in hours of sunrise and sunset the middle of the lit part."""
        index = pd.DatetimeIndex(self.data.index)
        return index + pd.to_timedelta(self.data["sun_shift"].to_numpy(), unit="s") if "sun_shift" in self.data else index

    @property
    def month(self) -> npt.NDArray[np.int64]:
        """Local month of each row, 1 to 12, shape (8760,)."""
        return np.asarray((pd.DatetimeIndex(self.data.index) + pd.Timedelta(hours=self.utc_offset)).month, dtype=np.int64)


def read_weather(path: Path) -> Weather:
    """
    Read one typical year from an EPW or a PVGIS TMY CSV file.

    Parameters
    ----------
    path
        The file; its kind is told by its first line, not by its name.

    Returns
    -------
    Weather
        The year, its stamps measured (see `measure_stamp_offset`), with notes on everything filled or assumed.

    Raises
    ------
    SolarError
        If the file is missing, of another kind, broken, or not a year of hours.
    """
    first = _first_line(path)
    try:
        if first.startswith("LOCATION"):
            frame, name, latitude, longitude, altitude, utc_offset, header_offset = _read_epw(path)
        elif first.lower().startswith("latitude (decimal degrees)"):
            frame, name, latitude, longitude, altitude, utc_offset, header_offset = _read_pvgis(path)
        else:
            raise SolarError(
                f"weather {path.name}: first line is '{first[:40]}'; expected EPW (LOCATION, ...) or PVGIS TMY CSV; give one of these"
            )
    except SolarError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, UnicodeError, StopIteration) as error:
        raise SolarError(
            f"weather {path.name}: cannot be read ({error}); expected a complete EPW or PVGIS TMY CSV; download it again"
        ) from error
    frame, notes = _one_year(path.name, frame)
    frame, cleaned = _clean(path.name, frame)
    stamp = measure_stamp_offset(pd.DatetimeIndex(frame.index), frame["ghi"], frame["dni"], frame["dhi"], latitude, longitude)
    notes += cleaned + _stamp_notes(stamp, header_offset)
    frame.index = _nominal_sun_index(pd.DatetimeIndex(frame.index), stamp.hours)
    frame, completed = _complete_components(path.name, frame, latitude, longitude)
    return Weather(
        name=name,
        latitude=latitude,
        longitude=longitude,
        altitude=altitude,
        data=frame[list(COLUMNS)].astype("float64"),
        utc_offset=utc_offset,
        source=path.name,
        verified=True,
        climatology=False,
        stamp_offset_h=stamp.hours,
        notes=tuple(notes + completed),
    )


def extra_radiation(index: pd.DatetimeIndex) -> npt.NDArray[np.float64]:
    """
    Compute the extraterrestrial normal irradiance of each row.

    Parameters
    ----------
    index
        Instants in UTC, shape (n,).

    Returns
    -------
    numpy.ndarray
        Shape (n,) [W/m²], by pvlib.irradiance.get_extra_radiation.
    """
    # the day goes in as a number: pvlib's own way from an index uses what pandas 3.1 deprecates
    return np.asarray(pvlib.irradiance.get_extra_radiation(index.day_of_year.to_numpy()), dtype=np.float64)


def _first_line(path: Path) -> str:
    """First line of the file, which tells its kind."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as handle:
            return handle.readline().strip()
    except OSError as error:
        raise SolarError(
            f"weather {path.name}: cannot be opened ({error.strerror}); expected an EPW or PVGIS TMY CSV file; check the path"
        ) from error


def _read_epw(path: Path) -> tuple[pd.DataFrame, str, float, float, float, float, float]:
    """EPW by pvlib, its codes for missing turned into NaN; pvlib labels the start of each hour."""
    frame, meta = pvlib.iotools.read_epw(path)
    for column, code in (("ghi", 9999), ("dni", 9999), ("dhi", 9999), ("temp_air", 99.9), ("wind_speed", 999)):
        frame[column] = frame[column].where(frame[column] < code)
    return frame, str(meta["city"]), float(meta["latitude"]), float(meta["longitude"]), float(meta["altitude"]), float(meta["TZ"]), 0.5


def _read_pvgis(path: Path) -> tuple[pd.DataFrame, str, float, float, float, float, float]:
    """PVGIS TMY CSV by pvlib; the file names no place and no zone, so the zone is the longitude's."""
    frame, meta = pvlib.iotools.read_pvgis_tmy(path, pvgis_format="csv")
    inputs = meta["inputs"]
    latitude, longitude = float(inputs["latitude"]), float(inputs["longitude"])
    offset = float(inputs.get("irradiance time offset", 0.0))
    return (
        frame,
        f"PVGIS TMY {latitude:g} {longitude:g}",
        latitude,
        longitude,
        float(inputs["elevation"]),
        float(round(longitude / 15.0)),
        offset,
    )


def _one_year(name: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Drop the leap day, check that it is a year of hours in order."""
    index = pd.DatetimeIndex(frame.index)
    leap = (index.month == 2) & (index.day == 29)
    kept = frame.loc[~leap, list(COLUMNS)].apply(pd.to_numeric, errors="coerce")
    hour_of_year = pd.DatetimeIndex(kept.index).strftime("%m%d%H")
    if len(kept) != HOURS or hour_of_year.nunique() != HOURS or not hour_of_year.is_monotonic_increasing:
        raise SolarError(
            f"weather {name}: {len(kept)} hours, {hour_of_year.nunique()} different; expected {HOURS} in order; get a typical year"
        )
    return kept, [f"29 February dropped ({int(leap.sum())} rows)"] if leap.any() else []


def _clean(name: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Implausible values become gaps, short gaps are filled along time, everything is told."""
    notes: list[str] = []
    out = frame.copy()
    for column, (low, high) in BOUNDS.items():
        values = out[column]
        odd = (values < low) | (values > high)
        if odd.any():
            notes.append(f"{column}: {int(odd.sum())} values outside {low:g} to {high:g} treated as missing")
        values = values.mask(odd)
        gaps = int(values.isna().sum())
        if column in ("dni", "dhi") and gaps > MAX_GAP_ROWS:
            out[column] = values  # completed from GHI once the sun's place is known
            continue
        if gaps > MAX_GAP_ROWS:
            raise SolarError(
                f"weather {name}: {column} missing in {gaps} of {len(out)} hours; expected at most {MAX_GAP_ROWS}; use another file"
            )
        if gaps:
            notes.append(f"{column}: {gaps} missing values interpolated")
            values = values.interpolate(limit_direction="both")
        out[column] = values.clip(lower=0.0) if column != "temp_air" else values
    return out, notes


def _stamp_notes(stamp: StampOffset, header_offset: float) -> list[str]:
    """Tell what was measured about the stamps, and where it contradicts the file's own statement."""
    if not stamp.measured:
        return [f"time stamps could not be measured: {stamp.why}"]
    notes = [f"sun stands at label {stamp.hours:+.3f} h (measured; closure {stamp.closure_w_m2:.1f} W/m²)"]
    if abs(stamp.hours - header_offset) > HEADER_TOLERANCE_HOURS:
        notes.append(f"the file's own convention would put the sun at label {header_offset:+.3f} h: the measured offset is used")
    if np.isfinite(stamp.symmetry_hours) and abs(stamp.symmetry_hours - stamp.hours) > 0.25:
        notes.append(f"clear days are symmetric at {stamp.symmetry_hours:+.2f} h instead: check the file's place and time zone")
    if stamp.closure_w_m2 > CLOSURE_WARNING_W_M2:
        notes.append(f"GHI, DNI and DHI do not fit together (closure {stamp.closure_w_m2:.0f} W/m²)")
    return notes


def _nominal_sun_index(index: pd.DatetimeIndex, hours: float) -> pd.DatetimeIndex:
    """Give the same hours in the nominal year, moved to where the sun stands, in UTC."""
    first = pd.Timestamp(year=NOMINAL_YEAR, month=1, day=1, hour=int(index[0].hour), minute=int(index[0].minute), tz=index.tz)
    moved = pd.date_range(first, periods=HOURS, freq="h") + pd.Timedelta(seconds=round(hours * 3600.0))
    return pd.DatetimeIndex(moved.tz_convert("UTC"))


def _complete_components(name: str, frame: pd.DataFrame, latitude: float, longitude: float) -> tuple[pd.DataFrame, list[str]]:
    """Missing DNI or DHI from GHI by pvlib's Erbs-Driesse decomposition."""
    gaps = frame["dni"].isna() | frame["dhi"].isna()
    if not gaps.any():
        return frame, []
    zenith = pvlib.solarposition.get_solarposition(frame.index, latitude, longitude)["apparent_zenith"]
    split = pvlib.irradiance.erbs_driesse(frame["ghi"], zenith, dni_extra=extra_radiation(pd.DatetimeIndex(frame.index)))
    out = frame.copy()
    for column in ("dni", "dhi"):
        out[column] = out[column].where(~gaps, split[column])
    return out, [f"DNI and DHI missing in {int(gaps.sum())} hours: taken from GHI by the Erbs-Driesse decomposition ({name})"]
