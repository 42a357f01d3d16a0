"""One clean year of hours from the rows of a weather file: order, leap day, repeats, gaps, impossible values, missing beam."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib

from .errors import SolarError

NOMINAL_YEAR = 2023
HOURS = 8760
COLUMNS = ("ghi", "dni", "dhi", "temp_air", "wind_speed")
LIGHT = ("ghi", "dni", "dhi")
# of use where the file has them: humidity for the spectrum, snow
OPTIONAL = ("relative_humidity", "precipitable_water", "snow_depth")
# physically possible at the ground; beyond is a code for "missing" or a fault
BOUNDS = {
    "ghi": (-10.0, 1600.0), "dni": (-10.0, 1400.0), "dhi": (-10.0, 1000.0), "temp_air": (-70.0, 60.0), "wind_speed": (0.0, 60.0),
    "relative_humidity": (0.0, 110.0), "precipitable_water": (0.0, 20.0), "snow_depth": (0.0, 998.0),
}  # fmt: skip
MAX_GAP_ROWS = 48
# wind where the file has none; the default heat loss factors do not use it
STILL_WIND = 2.0


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


def one_year(name: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DatetimeIndex, list[str]]:
    """
    Put the rows of a file into the order of one year of 365 days.

    Parameters
    ----------
    name
        Name of the file, for messages.
    frame
        Rows with their labels as index, with a time zone; hourly or finer.

    Returns
    -------
    frame
        8,760 rows on labels of the nominal year; hours that the file lacks are NaN.
    labels
        The file's own labels, of whatever years, shape (8760,).
    notes
        What was dropped, averaged or found lacking.

    Raises
    ------
    SolarError
        If it is not one year of hours.
    """
    notes: list[str] = []
    kept = frame.loc[pd.notna(frame.index), [c for c in (*COLUMNS, *OPTIONAL) if c in frame.columns]].apply(pd.to_numeric, errors="coerce")
    index = pd.DatetimeIndex(kept.index)
    leap = np.asarray((index.month == 2) & (index.day == 29))
    if leap.any():
        notes.append(f"29 February dropped ({int(leap.sum())} rows)")
        kept, index = kept[~leap], index[~leap]
    hour = _hour_of_year(index)
    per_hour = len(kept) / max(1, len(np.unique(hour)))
    minutes = np.unique(index.minute)
    if len(minutes) > 1 and abs(per_hour - len(minutes)) < 0.1:  # finer than hours
        notes.append(f"{len(minutes)} values an hour averaged")
        labels = pd.Series(index.floor("h")).groupby(hour).first()
        kept = kept.groupby(hour).mean()
    else:
        repeated = pd.Series(hour).duplicated().to_numpy()
        if repeated.sum() > MAX_GAP_ROWS:
            raise SolarError(
                f"weather {name}: {int(repeated.sum())} hours come more than once; expected one year of {HOURS} hours; get a typical year"
            )
        if repeated.any():
            notes.append(f"{int(repeated.sum())} hours come twice: the first row was kept")
        labels = pd.Series(index[~repeated], index=hour[~repeated])
        kept = kept[~repeated].set_index(hour[~repeated])
    absent = HOURS - len(kept)
    if absent > MAX_GAP_ROWS:
        raise SolarError(f"weather {name}: {len(kept)} different hours; expected {HOURS}; get a typical year")
    if absent:
        notes.append(f"{absent} hours are absent from the file")
    first = labels.sort_index().iloc[0]
    nominal = pd.date_range(f"{NOMINAL_YEAR}-01-01", periods=HOURS, freq="h", tz=index.tz) + pd.Timedelta(minutes=int(first.minute))
    own = pd.DatetimeIndex(labels.reindex(range(HOURS)).fillna(pd.Series(nominal)))
    return kept.reindex(range(HOURS)).set_index(nominal), own, notes


def _hour_of_year(index: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    """Hour of the year of 365 days, 0 to 8759, from month, day and hour; the year itself does not matter."""
    starts = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
    return np.asarray((starts[index.month.to_numpy() - 1] + index.day.to_numpy() - 1) * 24 + index.hour.to_numpy(), dtype=np.int64)


def clean(name: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """
    Turn impossible values into gaps and fill short gaps along time.

    Parameters
    ----------
    name
        Name of the file, for messages.
    frame
        One year of rows.

    Returns
    -------
    frame
        The same rows without gaps, but for beam and diffuse light that lack as a whole.
    notes
        Everything filled.

    Raises
    ------
    SolarError
        If too much lacks.
    """
    notes: list[str] = []
    out = frame.copy()
    for column in ("dni", "dhi"):
        if column not in out:
            out[column] = np.nan
    if "wind_speed" not in out or out["wind_speed"].isna().all():
        out["wind_speed"] = STILL_WIND
        notes.append(f"no wind in the file: {STILL_WIND:g} m/s taken")
    for column, (low, high) in BOUNDS.items():
        if column not in out:
            if column in COLUMNS:
                raise SolarError(f"weather {name}: no column for {column}; expected at least ghi and temp_air; use another file")
            continue
        values = out[column]
        odd = (values < low) | (values > high)
        if odd.any() and column in COLUMNS:
            notes.append(f"{column}: {int(odd.sum())} values outside {low:g} to {high:g} treated as missing")
        values = values.mask(odd)
        gaps = int(values.isna().sum())
        if gaps > MAX_GAP_ROWS and column in OPTIONAL:
            out = out.drop(columns=column)
            continue
        if column in ("dni", "dhi") and gaps > MAX_GAP_ROWS:
            out[column] = values  # completed from GHI once the sun's place is known
            continue
        if gaps > MAX_GAP_ROWS:
            raise SolarError(
                f"weather {name}: {column} missing in {gaps} of {len(out)} hours; expected at most {MAX_GAP_ROWS}; use another file"
            )
        if column == "ghi":
            known = values.notna()
        later = values.isna() & known & (column in ("dni", "dhi"))  # completed from GHI, which tells more than other days
        gaps -= int(later.sum())
        if gaps and column in LIGHT:
            notes.append(f"{column}: {gaps} missing values interpolated from the same hour of the days around")
        elif gaps and column in COLUMNS:
            notes.append(f"{column}: {gaps} missing values interpolated")
        values = _filled(values, light=column in LIGHT).mask(later) if gaps else values
        out[column] = values.clip(lower=0.0) if column != "temp_air" else values
    return out, notes


def _filled(values: pd.Series, *, light: bool) -> pd.Series:
    """Fill gaps along the hours; those of light along the same hour of the days, so that no night is lit and no day dark."""
    if not light:
        return values.interpolate(limit_direction="both")
    days = pd.DataFrame(values.to_numpy(dtype=np.float64).reshape(-1, 24)).interpolate(limit_direction="both")
    return pd.Series(days.to_numpy().ravel(), index=values.index)


def complete_components(name: str, frame: pd.DataFrame, sun: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """
    Take missing beam or diffuse light from the global: from closure where the other one is known, else by pvlib's decomposition.

    Parameters
    ----------
    name
        Name of the file, for messages.
    frame
        One clean year of rows.
    sun
        pvlib's position of the sun for each row.

    Returns
    -------
    frame
        Without gaps.
    notes
        How many hours were completed.
    """
    lacks = {column: frame[column].isna() for column in ("dni", "dhi")}
    both = lacks["dni"] & lacks["dhi"]
    extra = extra_radiation(pd.DatetimeIndex(sun.index))
    zenith = pd.Series(sun["apparent_zenith"].to_numpy(), index=frame.index)
    out, notes = frame.copy(), []
    if both.any():
        split = pvlib.irradiance.erbs_driesse(frame["ghi"].to_numpy(), zenith.to_numpy(), dni_extra=extra)
        for column in lacks:
            out[column] = out[column].where(~both, pd.Series(np.asarray(split[column]), index=out.index))
        notes.append(f"DNI and DHI missing in {int(both.sum())} hours: taken from GHI by the Erbs-Driesse decomposition ({name})")
    for column, other in (("dni", "dhi"), ("dhi", "dni")):
        alone = lacks[column] & ~both
        if alone.any():
            closed = pvlib.irradiance.complete_irradiance(zenith, ghi=frame["ghi"], **{other: frame[other]})[column]
            most = extra if column == "dni" else frame["ghi"]
            out[column] = out[column].where(~alone, closed.fillna(0.0).clip(0.0, most))
            notes.append(f"{column.upper()} missing in {int(alone.sum())} hours: taken from GHI = DHI + DNI cos z")
    return out, notes
