"""Weather files as one year of hourly rows whose index is the instant at which the sun stands for the row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib

from .errors import SolarError
from .stamps import StampOffset, measure_stamp_offset
from .sunrise import sun_shift
from .weather_formats import read_file
from .weather_quality import quality
from .weather_year import COLUMNS, OPTIONAL, clean, complete_components, one_year
from .weather_year import HOURS as HOURS
from .weather_year import NOMINAL_YEAR as NOMINAL_YEAR
from .weather_year import extra_radiation as extra_radiation

HEADER_TOLERANCE_HOURS = 0.1
CLOSURE_WARNING_W_M2 = 30.0
# between where the sun is put and where the light of the year follows it, told to half an hour
ZONE_TOLERANCE_HOURS = 1.25


@dataclass(frozen=True, eq=False)
class Weather:
    """One typical year at one place.

    Notes
    -----
    `data` has 8,760 rows and the columns ghi, dni, dhi [W/m²], temp_air [°C], wind_speed [m/s]. Its index is the UTC instant at
    which the sun stands for the row, in the nominal year 2023. `utc_offset` [h] is local standard time, used to tell months.
    `stamp_offset_h` is the measured offset between the file's label (start of its hour) and the sun; None where there was no file.
    `data` may also have `sun_shift` [s], relative_humidity [%], precipitable_water and snow_depth [cm]. `notes` says in plain words what
    was found, filled or assumed, `quality` in numbers what the light looks like beside the sun (see `weather_quality.quality`).
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
    quality: Mapping[str, float] = field(default_factory=dict)

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

    @property
    def hour_of_year(self) -> npt.NDArray[np.int64]:
        """Clock hour of each row in local standard time, 0 to 8759, shape (8760,); every hour comes once."""
        since = (
            pd.DatetimeIndex(self.data.index) + pd.Timedelta(hours=self.utc_offset, minutes=1) - pd.Timestamp(NOMINAL_YEAR, 1, 1, tz="UTC")
        )
        return np.asarray((since // pd.Timedelta(hours=1)) % HOURS, dtype=np.int64)


def read_weather(path: Path) -> Weather:
    """
    Read one typical year from a weather file.

    Parameters
    ----------
    path
        The file: EPW, TMY3, PVGIS TMY (CSV or JSON), NASA POWER (CSV or JSON), Meteonorm or Solargis CSV, or a plain CSV.

    Returns
    -------
    Weather
        The year, its stamps measured (see `measure_stamp_offset`), with notes on everything filled or assumed.

    Raises
    ------
    SolarError
        If the file is missing, of another kind, broken, or not a year of hours.
    """
    file = read_file(path)
    frame, labels, notes = one_year(path.name, file.frame)
    frame, cleaned = clean(path.name, frame)
    light = (frame["ghi"], frame["dni"], frame["dhi"])
    stamp = measure_stamp_offset(labels, *light, file.latitude, file.longitude, stated=file.label_offset)
    if abs(stamp.zone_hours - stamp.hours) > ZONE_TOLERANCE_HOURS:
        first = labels[0]
        said = (first.tz_localize(None) - first.tz_convert("UTC").tz_localize(None)).total_seconds() / 3600.0
        fits = (said + file.label_offset - stamp.zone_hours + 12.0) % 24.0 - 12.0
        raise SolarError(
            f"weather {path.name}: its light follows the sun as if its labels were in UTC{fits:+.0f}, not UTC{said:+g}; "
            f"expected the place and time zone of its rows; correct the head of the file"
        )
    notes += cleaned + _stamp_notes(stamp, file.label_offset)
    index = pd.DatetimeIndex(frame.index) + pd.Timedelta(seconds=round(stamp.hours * 3600.0))
    frame.index = pd.DatetimeIndex(index.tz_convert("UTC"))
    place = (file.latitude, file.longitude, file.altitude)
    frame["sun_shift"] = sun_shift(pd.DatetimeIndex(frame.index), frame, *place)
    instants = pd.DatetimeIndex(frame.index) + pd.to_timedelta(frame["sun_shift"].to_numpy(), unit="s")
    sun = pvlib.solarposition.get_solarposition(instants, file.latitude, file.longitude, altitude=file.altitude)
    frame, completed = complete_components(path.name, frame, sun)
    facts, looked = quality(frame, sun)
    kept = [*COLUMNS, "sun_shift", *(column for column in OPTIONAL if column in frame)]
    return Weather(
        name=file.name,
        latitude=file.latitude,
        longitude=file.longitude,
        altitude=file.altitude,
        data=frame[kept].astype("float64"),
        utc_offset=file.utc_offset,
        source=path.name,
        verified=True,
        climatology=False,
        stamp_offset_h=stamp.hours,
        notes=tuple(notes + completed + looked),
        quality=facts,
    )


def _stamp_notes(stamp: StampOffset, header_offset: float) -> list[str]:
    """Tell what was measured about the stamps, and where it contradicts the file's own statement."""
    if stamp.by == "convention":
        notes = [f"time stamps could not be measured: {stamp.why}; the sun is put at label {stamp.hours:+.3f} h"]
    elif stamp.by == "symmetry":
        notes = [f"sun stands at label {stamp.hours:+.3f} h (by the symmetry of clear days: {stamp.why})"]
    else:
        notes = [f"sun stands at label {stamp.hours:+.3f} h (measured; closure {stamp.closure_w_m2:.1f} W/m²)"]
    if abs(stamp.hours - header_offset) > HEADER_TOLERANCE_HOURS:
        notes.append(f"the file's own convention would put the sun at label {header_offset:+.3f} h: the measured offset is used")
    if stamp.by == "closure" and np.isfinite(stamp.symmetry_hours) and abs(stamp.symmetry_hours - stamp.hours) > 0.25:
        notes.append(f"clear days are symmetric at {stamp.symmetry_hours:+.2f} h instead: check the file's place and time zone")
    if stamp.closure_w_m2 > CLOSURE_WARNING_W_M2:
        notes.append(f"GHI, DNI and DHI do not fit together (closure {stamp.closure_w_m2:.0f} W/m²)")
    return notes
