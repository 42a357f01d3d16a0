"""Weather as a table of text: Solargis and Meteonorm CSV and the plain CSV that a user can write; see docs/en/howto.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd

from .errors import SolarError
from .standard_time import standard_time

# theirs = ours; lower case, without units in brackets. Solargis: GHI, DNI, DIF …; Meteonorm: Gh or G_Gh …; plain: pvlib's names
VARIABLE_MAP: Mapping[str, str] = {
    "ghi": "ghi", "g_gh": "ghi", "gh": "ghi", "dni": "dni", "g_bn": "dni", "bn": "dni",
    "dhi": "dhi", "dif": "dhi", "g_dh": "dhi", "dh": "dhi",
    "temp_air": "temp_air", "temp": "temp_air", "ta": "temp_air", "wind_speed": "wind_speed", "ws": "wind_speed", "ff": "wind_speed",
    "relative_humidity": "relative_humidity", "rh": "relative_humidity", "snow_depth": "snow_depth", "sd": "snow_depth",
    "precipitable_water": "precipitable_water", "pwat": "precipitable_water",
}  # fmt: skip
TIME_COLUMNS: Mapping[str, str] = {
    "time": "time", "datetime": "time", "date": "date", "day": "date", "year": "year", "y": "year", "month": "month", "m": "month",
    "dm": "day_of_month", "day_of_month": "day_of_month", "hour": "hour", "h": "hour",
}  # fmt: skip
PLACE: Mapping[str, tuple[str, ...]] = {
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "long"),
    "altitude": ("altitude", "elevation", "alt"),
    "utc_offset": ("utc_offset", "time zone", "timezone", "time reference", "utc"),
    "name": ("name", "site name", "site", "location"),
    "label": ("label", "summarization label", "timestamp"),
}
# where the sun stands after a label that names this part of the interval, of one hour
LABELS = {"start": 0.5, "begin": 0.5, "middle": 0.0, "center": 0.0, "centre": 0.0, "end": -0.5}
_MOST_HEAD_LINES = 120
_NO_YEAR = 2023
_MISSING = (-9, -99, -999, -9999)


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of a text table with labels in its zone, and the place its head names."""

    frame: pd.DataFrame = field(repr=False)
    name: str
    latitude: float
    longitude: float
    altitude: float
    utc_offset: float
    label_offset: float


def read_table(path: Path, expected: str) -> Table:
    """
    Read a table of text with a head that names the place.

    Parameters
    ----------
    path
        The file, UTF-8; fields separated by semicolons, commas or tabs.
    expected
        What else could have been given, for messages.

    Returns
    -------
    Table
        Rows with pvlib's names; labels in local standard time.

    Raises
    ------
    SolarError
        If there is no header row with global irradiance, or the head does not name the place.

    Notes
    -----
    The head is every line before the header row, with or without #: `latitude: 36.65`. It must name latitude and longitude; utc_offset
    (hours) defaults to `standard_time`, altitude to 0, label (start, middle, end of the interval) to start, or to middle where all
    hours are labelled at the same minute past the hour. A row of units below the header row is left out.
    """
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    row, separator = _header_row(lines)
    if row is None:
        raise SolarError(f"weather {path.name}: first line is '{(lines or [''])[0][:40]}'; expected {expected}; give one of these")
    place = dict(_place(lines[:row]))
    lacking = [key for key in ("latitude", "longitude") if key not in place]
    if lacking:
        raise SolarError(
            f"weather {path.name}: the lines above the table do not say {' and '.join(lacking)}; "
            "expected lines such as '# latitude: 36.65'; add them"
        )
    fields = [_plain(name) for name in lines[row].lstrip("#").split(separator)]
    units = row + 1 < len(lines) and re.search(r"\d", _plain(lines[row + 1])) is None
    frame = pd.read_csv(path, skiprows=row + 1 + units, names=fields, sep=separator, encoding="utf-8-sig", comment="#", index_col=False)
    meteonorm = any(name in ("g_gh", "gh") for name in fields)
    longitude = _number(path.name, "longitude", place["longitude"])
    latitude = _number(path.name, "latitude", place["latitude"])
    zone = _number(path.name, "utc_offset", place["utc_offset"]) if "utc_offset" in place else standard_time(latitude, longitude)
    labels = _labels(frame, meteonorm)
    values = {ours: frame[theirs] for theirs, ours in VARIABLE_MAP.items() if theirs in frame}
    data = pd.DataFrame({name: pd.to_numeric(column, errors="coerce") for name, column in values.items()})
    data = data.mask(data.drop(columns="temp_air", errors="ignore").isin(_MISSING).reindex(columns=data.columns, fill_value=False))
    data.index = pd.DatetimeIndex(labels).tz_localize(_zone(zone)) if labels.dt.tz is None else pd.DatetimeIndex(labels)
    if "precipitable_water" in data and _water_in_kilograms(lines[: row + 1]):  # pvlib wants cm
        data["precipitable_water"] = data["precipitable_water"] / 10.0
    minutes = pd.DatetimeIndex(data.index).minute.unique()
    usual = 0.0 if len(minutes) == 1 and minutes[0] > 0 else 0.5
    said = next((offset for word, offset in LABELS.items() if word in place.get("label", "").lower()), usual)
    return Table(
        data,
        place.get("name", path.stem),
        latitude,
        longitude,
        _number(path.name, "altitude", place.get("altitude", "0")),
        zone,
        said,
    )


def _water_in_kilograms(lines: Sequence[str]) -> bool:
    """Whether precipitable water is in kg/m²: the header row or a line above says so, or the column has Solargis's name and no unit."""
    said = " ".join(found for line in lines for found in re.findall(r"(?:pwat|precipitable)[^;,\t]*", line.lower()))
    return "kg" in said or ("pwat" in said and re.search(r"\bcm\b", said) is None)


def _zone(hours: float) -> timezone:
    """Give a fixed offset from UTC."""
    return timezone(timedelta(hours=hours))


def _header_row(lines: Sequence[str]) -> tuple[int | None, str]:
    """First line whose fields name global irradiance and a time, and what separates them."""
    for number, line in enumerate(lines[:_MOST_HEAD_LINES]):
        for separator in (";", ",", "\t"):
            names = {_plain(name) for name in line.lstrip("#").split(separator)}
            if any(VARIABLE_MAP.get(n) == "ghi" for n in names) and names & set(TIME_COLUMNS):
                return number, separator
    return None, ","


def _plain(name: str) -> str:
    """Give a field's name in lower case, without unit and blanks."""
    return re.sub(r"[\[(].*?[\])]", "", name).strip().strip('"').lower()


def _place(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Read what the lines above the table say of the place, the first of each kind."""
    seen: set[str] = set()
    for line in lines:
        whole = line.lstrip("# ")
        # Meteonorm names several in a line, Solargis the zone in the middle of its description of the times
        pieces = [whole, *re.split(r"[;,\t]", whole), *re.findall(r"time reference[: ]+(?:UTC|GMT)[^,;]*", whole)]
        for piece in pieces:
            parts = re.split(r"[:=;,\t]|(?<=time reference) ", piece.strip(), maxsplit=1)
            word = _plain(parts[0]).lstrip("- ")
            for key, words in PLACE.items():
                if len(parts) == 2 and key not in seen and word in words:
                    seen.add(key)
                    yield key, parts[1].strip().strip('",; ')


def _number(file: str, key: str, text: str) -> float:
    """First number of a text: '36.65 N' is 36.65, '36.65 S' is -36.65, 'UTC+8' is 8, 'UTC' is 0."""
    found = re.search(r"[-+]?\d+(?:\.\d+)?", text.replace(",", "."))
    if found is None:
        if key == "utc_offset" and re.search(r"UTC|GMT", text, re.IGNORECASE):
            return 0.0
        raise SolarError(f"weather {file}: {key} is '{text[:40]}'; expected a number; correct the line above the table")
    sign = -1.0 if re.search(r"\d\s*°?\s*[SW]\b", text) else 1.0
    return sign * float(found[0])


def _labels(frame: pd.DataFrame, ends: bool) -> pd.Series:
    """Instants of the rows; Meteonorm's hours run from 1 to 24 and end the interval, so they are moved to its start."""
    columns = {ours: frame[theirs] for theirs, ours in TIME_COLUMNS.items() if theirs in frame}
    if "hour" in columns and "month" in columns and "day_of_month" in columns:
        year = columns.get("year", pd.Series(_NO_YEAR, index=frame.index)).where(lambda y: y > 1900, _NO_YEAR)
        parts = pd.DataFrame({"year": year, "month": columns["month"], "day": columns["day_of_month"]})
        hours = columns["hour"].astype(float) - (1.0 if ends and columns["hour"].max() >= 24 else 0.0)
        return pd.Series(pd.to_datetime(parts) + pd.to_timedelta(hours, unit="h"))
    clock = frame["time"].astype(str).str.strip() if "time" in frame else None
    if "date" in columns and clock is not None:
        return _dated(columns["date"], clock)
    if clock is None:
        raise ValueError("no column with the time of its rows")
    return pd.Series(pd.to_datetime(clock, utc=bool(clock.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$").all())))


def _dated(date: pd.Series, clock: pd.Series) -> pd.Series:
    """Join a date and a clock time; a plain number is the day of a year without number."""
    since = pd.to_timedelta(clock.where(clock.str.count(":") > 1, clock + ":00"))
    if pd.api.types.is_numeric_dtype(date) and date.max() <= 366:
        return pd.Series(pd.Timestamp(_NO_YEAR, 1, 1) + pd.to_timedelta(np.asarray(date) - 1, unit="D") + since)
    text = date.astype(str).str.strip()
    german = text.str.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{4}").all()
    return pd.Series(pd.to_datetime(text, format="%d.%m.%Y" if german else None) + since)
