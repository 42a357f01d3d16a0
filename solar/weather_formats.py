"""Readers of weather files: each turns one format into rows with labels, pvlib's names and units, and a place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pvlib
from pvlib.iotools.nasa_power import VARIABLE_MAP as POWER_NAMES

from .errors import SolarError
from .standard_time import standard_time
from .weather_tables import read_table

# head of a file that tells its kind
_HEAD_CHARACTERS = 20_000
MJ_IN_WH = 1.0 / 0.0036
KNOWN = "EPW, TMY3, PVGIS TMY (CSV or JSON), NASA POWER (CSV or JSON), Meteonorm or Solargis CSV, or a plain CSV"


@dataclass(frozen=True, eq=False)
class FileWeather:
    """
    What a weather file says.

    Notes
    -----
    `frame` has labels with a time zone as index and pvlib's columns; `label_offset` is where the file's own convention puts the sun
    after the label [h]; `utc_offset` is local standard time [h].
    """

    frame: pd.DataFrame = field(repr=False)
    name: str
    latitude: float
    longitude: float
    altitude: float
    utc_offset: float
    label_offset: float


def read_file(path: Path) -> FileWeather:
    """
    Read the rows of a weather file, whatever its kind.

    Parameters
    ----------
    path
        The file; its kind is told by how it begins, not by its name.

    Returns
    -------
    FileWeather
        Rows as the file has them, not yet checked.

    Raises
    ------
    SolarError
        If the file is missing, of an unknown kind or broken.
    """
    reader = _reader(path, _head(path))
    try:
        return reader(path)
    except SolarError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, UnicodeError, StopIteration) as error:
        raise SolarError(f"weather {path.name}: cannot be read ({error}); expected a complete {KNOWN}; download it again") from error


def _head(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as handle:
            return handle.read(_HEAD_CHARACTERS).lstrip()
    except OSError as error:
        raise SolarError(f"weather {path.name}: cannot be opened ({error.strerror}); expected {KNOWN}; check the path") from error


def _reader(path: Path, head: str) -> Callable[[Path], FileWeather]:
    first, _, rest = head.partition("\n")
    if head.startswith("LOCATION"):
        return _read_epw
    if first.lower().startswith("latitude (decimal degrees)"):
        if "time(UTC),T2m" not in head:
            raise SolarError(f"weather {path.name}: a PVGIS file without a typical year; expected PVGIS TMY; download that one")
        return _read_pvgis_csv
    if head.startswith("{"):
        return _read_pvgis_json if '"tmy_hourly"' in head or '"outputs"' in head else _read_power_json
    if first.strip().upper() == "-BEGIN HEADER-":
        return _read_power_csv
    if rest.startswith("Date (MM/DD/YYYY)"):
        return _read_tmy3
    return _read_any_table


def _read_epw(path: Path) -> FileWeather:
    """EPW by pvlib, its codes for missing turned into NaN; pvlib labels the start of each hour."""
    frame, meta = pvlib.iotools.read_epw(path)
    for column, code in (("ghi", 9999), ("dni", 9999), ("dhi", 9999), ("temp_air", 99.9), ("wind_speed", 999)):
        frame[column] = frame[column].where(frame[column] < code)
    frame["relative_humidity"] = frame["relative_humidity"].where(frame["relative_humidity"] < 999)
    frame["snow_depth"] = frame["snow_depth"].where(frame["snow_depth"] < 999)
    # EPW has millimetres and 999 for missing, but many files hold other things there: humidity tells it more safely
    frame = frame.drop(columns="precipitable_water")
    place = (float(meta["latitude"]), float(meta["longitude"]), float(meta["altitude"]), float(meta["TZ"]))
    return FileWeather(frame, str(meta["city"]), *place, 0.5)


def _read_tmy3(path: Path) -> FileWeather:
    """TMY3 by pvlib, whose labels end the hours: moved to their starts."""
    frame, meta = pvlib.iotools.read_tmy3(path, encoding="utf-8")
    labels = pd.DatetimeIndex(frame.index) - pd.Timedelta(hours=1)
    # the last hour of February in a leap year, which pvlib carries over to March
    frame.index = labels.where((labels.month != 2) | (labels.day != 29), labels - pd.Timedelta(days=1))
    frame = frame.where(frame != -9900)
    place = (float(meta["latitude"]), float(meta["longitude"]), float(meta["altitude"]), float(meta["TZ"]))
    return FileWeather(frame, str(meta["Name"]).strip('" '), *place, 0.5)


def _read_pvgis_csv(path: Path) -> FileWeather:
    return _pvgis(*pvlib.iotools.read_pvgis_tmy(path, pvgis_format="csv"))


def _read_pvgis_json(path: Path) -> FileWeather:
    return _pvgis(*pvlib.iotools.read_pvgis_tmy(path, pvgis_format="json"))


def _pvgis(frame: pd.DataFrame, meta: dict[str, Any]) -> FileWeather:
    """PVGIS names no place and no zone."""
    inputs = meta["inputs"]
    where = inputs.get("location", inputs)
    latitude, longitude, altitude = (float(where[key]) for key in ("latitude", "longitude", "elevation"))
    offset = float(where.get("irradiance time offset", where.get("irradiance_time_offset", 0.0)))
    zone = standard_time(latitude, longitude)
    return FileWeather(frame, f"PVGIS TMY {latitude:g} {longitude:g}", latitude, longitude, altitude, zone, offset)


def _read_power_json(path: Path) -> FileWeather:
    """NASA POWER hourly, as pvlib.iotools.get_nasa_power reads the answer."""
    content = json.loads(path.read_text(encoding="utf-8"))
    longitude, latitude, altitude = (float(v) for v in content["geometry"]["coordinates"])
    table = content["properties"]["parameter"]
    frame = pd.DataFrame(table)
    units = {str(name): str(content.get("parameters", {}).get(name, {}).get("units", "")) for name in frame}
    header = content["header"]
    # the answer has said it in two places over the years
    standard = header.get("time_standard") or (header.get("time") or {}).get("standard") or "UTC"
    zone = 0.0 if str(standard).upper() == "UTC" else float(round(longitude / 15.0))
    frame.index = pd.DatetimeIndex(pd.to_datetime(frame.index, format="%Y%m%d%H"))
    return _power(frame, units, float(header.get("fill_value", -999.0)), latitude, longitude, altitude, zone)


def _read_power_csv(path: Path) -> FileWeather:
    """Read the same as CSV: a header in words, then YEAR, MO, DY, HR and the parameters."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    end = next(n for n, line in enumerate(lines) if line.strip().upper() == "-END HEADER-")
    head = "\n".join(lines[:end])
    number = r"\s*=?\s*(-?\d+(?:\.\d+)?)"
    latitude, longitude = (float(_found(rf"{word}{number}", head, path.name)) for word in ("[Ll]atitude", "[Ll]ongitude"))
    altitude = re.search(r"[Ee]levation[^\n]*?=\s*(-?\d+(?:\.\d+)?)", head)
    frame = pd.read_csv(path, skiprows=end + 1, encoding="utf-8-sig")
    units = dict(re.findall(r"^(\w+) .*\(([^()]*)\)\s*$", head, re.MULTILINE))
    when = pd.to_datetime({"year": frame["YEAR"], "month": frame["MO"], "day": frame["DY"], "hour": frame["HR"]})
    frame.index = pd.DatetimeIndex(when)
    zone = float(round(longitude / 15.0)) if re.search(r"\bin LST\b", head) else 0.0
    return _power(frame, units, -999.0, latitude, longitude, float(altitude[1]) if altitude else 0.0, zone)


def _found(pattern: str, text: str, name: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SolarError(
            f"weather {name}: its header does not say {pattern[:12]!r}; expected a complete NASA POWER file; download it again"
        )
    return str(match[1])


def _power(
    frame: pd.DataFrame, units: dict[str, str], missing: float, latitude: float, longitude: float, altitude: float, zone: float
) -> FileWeather:
    """Names and units of NASA POWER; means over the hour that begins at the label."""
    frame = frame.replace(missing, np.nan)
    for name in [name for name in frame if "SW" in str(name) and units.get(str(name), "").upper().startswith("MJ")]:
        frame[name] = frame[name] * MJ_IN_WH
    frame = frame.rename(columns=POWER_NAMES)
    if "precipitable_water" in frame:
        frame["precipitable_water"] = frame["precipitable_water"] / 10.0
    if "wind_speed" not in frame and "wind_speed_2m" in frame:
        frame["wind_speed"] = frame["wind_speed_2m"]
    frame.index = pd.DatetimeIndex(frame.index).tz_localize(timezone(timedelta(hours=zone)))
    local = standard_time(latitude, longitude)
    return FileWeather(frame, f"NASA POWER {latitude:g} {longitude:g}", latitude, longitude, altitude, local, 0.5)


def _read_any_table(path: Path) -> FileWeather:
    table = read_table(path, KNOWN)
    # labels in UTC are those of a satellite's clock, not of the place
    local = table.utc_offset or standard_time(table.latitude, table.longitude)
    return FileWeather(table.frame, table.name, table.latitude, table.longitude, table.altitude, local, table.label_offset)
