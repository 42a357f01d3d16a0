"""Attribute columns as people fill them in, turned into numbers."""

import re
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_FIRST = re.compile(rf"({_NUMBER})")
# "10-12米": the middle of a range; the dash of "-9999" has nothing before it.
_RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:-|~|—|–|～|至|到)\s*(\d+(?:\.\d+)?)")
KILOWATTS = {"w": 0.001, "瓦": 0.001, "kw": 1.0, "千瓦": 1.0, "mw": 1000.0, "兆瓦": 1000.0, "万千瓦": 10_000.0}
SQUARE_METRES = {"m2": 1.0, "平方米": 1.0, "平米": 1.0, "亩": 10_000.0 / 15.0, "ha": 10_000.0, "公顷": 10_000.0}
# Words for "nobody knows": nothing to be told of.
_SILENT = {"", "nan", "none", "null", "n/a", "na", "nil", "-", "--", "—", "/", "\\", ".", "?", "x", "unknown", "<na>", "#n/a"}
_SILENT |= {"无", "不详", "不明", "没有", "未知", "暂无", "空", "缺", "待定"}


def numbers(column: pd.Series) -> Floats:
    """
    Read numbers from a column of numbers or text with units ("12m", "3层").

    Parameters
    ----------
    column
        Shape (n,), any dtype.

    Returns
    -------
    array of float
        Shape (n,); NaN where there is no number.
    """
    return by_word(column, _first_number)


def quantities(column: pd.Series, units: Mapping[str, float]) -> Floats:
    """
    Read numbers with one of several units, e.g. "0.5MW" as 500 kW.

    Parameters
    ----------
    column
        Shape (n,), any dtype; numbers are taken as they are.
    units
        Value of each unit, in small letters, such as `KILOWATTS` or `SQUARE_METRES`.

    Returns
    -------
    array of float
        Shape (n,), in the unit whose value is 1; a number without a unit is in it. NaN where there is no number.
    """
    words = "|".join(re.escape(word) for word in sorted(units, key=len, reverse=True))
    return by_word(column, partial(_quantity, re.compile(rf"({_NUMBER})\s*({words})?"), units))


def years(column: pd.Series) -> Floats:
    """
    Read years of completion: 2019, "2019年5月", "2001-2010年" (the later), "1998/6/1", "90年代".

    Parameters
    ----------
    column
        Shape (n,), any dtype; dates too.

    Returns
    -------
    array of float
        Shape (n,); NaN where there is no year.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return np.asarray(column.dt.year.to_numpy(dtype=float, na_value=np.nan))
    return by_word(column, _year)


def plausible(values: Floats, low: float | Floats, high: float | Floats) -> Floats:
    """
    Blank numbers that cannot be true (0, -9999, 99999), exclusive of `low` and inclusive of `high`.

    Parameters
    ----------
    values
        Shape (n,).
    low, high
        Limits in the unit of the values, one or shape (n,).

    Returns
    -------
    array of float
        Shape (n,); NaN where implausible.
    """
    with np.errstate(invalid="ignore"):
        return np.where((values > low) & (values <= high), values, np.nan)


def unread(column: pd.Series, *readings: Floats) -> dict[str, int]:
    """
    Count the texts of a column of which no reading made a number; blanks and words for "not known" are none of them.

    Parameters
    ----------
    column
        Shape (n,), any dtype.
    *readings
        Shape (n,) each, NaN where nothing was read.

    Returns
    -------
    dict
        Rows by text, most first.
    """
    if is_numeric(column) or pd.api.types.is_datetime64_any_dtype(column):
        return {}
    lost = np.flatnonzero(~np.isfinite(np.stack(readings)).any(axis=0))
    counts = column.iloc[lost].astype("string").str.strip().dropna().value_counts()
    words = {str(word): int(count) for word, count in counts.items() if str(word).casefold() not in _SILENT}
    return dict(sorted(words.items(), key=lambda item: (-item[1], item[0])))


def is_numeric(column: pd.Series) -> bool:
    """
    Tell whether a column holds numbers rather than text.

    Parameters
    ----------
    column
        Shape (n,), any dtype.

    Returns
    -------
    bool
        False for text, dates and truth values.
    """
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def by_word(column: pd.Series, read: Callable[[str], float]) -> Floats:
    """
    Read each different word of a column once: a county has few.

    Parameters
    ----------
    column
        Shape (n,), any dtype; numbers are taken as they are.
    read
        Makes a number of a text in small letters, full-width signs as plain ones; NaN where it has none.

    Returns
    -------
    array of float
        Shape (n,).
    """
    if is_numeric(column):
        return column.to_numpy(dtype=float, na_value=np.nan)
    codes, distinct = pd.factorize(column.astype("string"))
    plain = pd.Series(distinct, dtype="string").str.normalize("NFKC").str.strip().str.casefold()
    values: Floats = np.array([np.nan if pd.isna(text) else read(text) for text in plain] + [np.nan])[codes]
    return values


def with_points(text: str) -> str:
    """
    Write numbers with a decimal point and without separators of thousands: "1,200" is 1200, "9,5" is 9.5.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    str
        The same text; a comma between digits counts as a separator where groups of three digits follow a number other than 0.
    """
    text = re.sub(r"(?<![\d.,])([1-9]\d{0,2})((?:,\d{3})+)(?![\d,])", lambda found: found[1] + found[2].replace(",", ""), text)
    return re.sub(r"(?<=\d),(?=\d)", ".", text)


def _quantity(pattern: re.Pattern[str], units: Mapping[str, float], text: str) -> float:
    found = pattern.search(with_points(text))
    return float(found[1]) * units.get(found[2] or "", 1.0) if found else np.nan


def _first_number(text: str) -> float:
    found = _FIRST.search(with_points(text))
    return float(found[1]) if found else np.nan


def _year(text: str) -> float:
    found = re.findall(r"(?<!\d)(1\d{3}|20\d{2}|21\d{2})(?!\d)", text)
    if found:
        return float(found[-1] if _RANGE.search(text) and not re.search(r"\d{4}\D\d{1,2}\D\d{1,2}", text) else found[0])
    compact = re.match(r"(1[89]\d{2}|20\d{2})(?:0[1-9]|1[0-2])(?:[0-3]\d)?$", text)
    if compact:
        return float(compact[1])
    decade = re.search(r"(\d0)\s*年代", text)
    if decade:
        return 1900.0 + float(decade[1]) if int(decade[1]) >= 30 else 2000.0 + float(decade[1])
    return _first_number(text)
