"""Attribute columns as people fill them in, turned into numbers."""

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_FIRST = re.compile(rf"({_NUMBER})")
# "10-12米": the middle of a range; the dash of "-9999" has nothing before it.
_RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:-|~|—|–|～|至|到)\s*(\d+(?:\.\d+)?)")
_METRES = {
    **dict.fromkeys(("mm", "毫米"), 0.001),
    **dict.fromkeys(("cm", "厘米", "公分"), 0.01),
    **dict.fromkeys(("ft", "feet", "foot", "英尺", "'"), 0.3048),
}
_LENGTH_UNIT = re.compile(r"\d\s*(mm|毫米|cm|厘米|公分|ft|feet|foot|英尺|')")
_FLOOR_WORD = re.compile(r"层|楼|storey|stories|story|floor|\d\s*f\b|\bf\s*\d")
_BELOW_GROUND = re.compile(r"(?:地下|b)\s*(?:\d+|[一二三四五六七八九十])\s*(?:层|f)?")
_CHINESE = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_CHINESE_NUMBER = re.compile(r"[零〇一二两三四五六七八九十百]+")


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
    return _by_word(column, _first_number)


def lengths(column: pd.Series) -> Floats:
    """
    Read lengths in metres: "12m", "1200 cm", "40 ft", "10-12米", "约十二米".

    Parameters
    ----------
    column
        Shape (n,), any dtype; numbers are metres.

    Returns
    -------
    array of float
        Shape (n,) [m]; NaN where there is no number, or where the text counts floors.
    """
    return _by_word(column, _length)


def floor_counts(column: pd.Series, *, only_said: bool = False) -> Floats:
    """
    Read floors above ground: "3层", "三层", "3F", "地上12层地下2层", "3+1", "2-3层".

    Parameters
    ----------
    column
        Shape (n,), any dtype.
    only_said
        Whether to take only text that says that it counts floors, as for a column of heights.

    Returns
    -------
    array of float
        Shape (n,); NaN where there is no number.
    """
    if only_said and _is_numeric(column):
        return np.full(len(column), np.nan)
    return _by_word(column, lambda text: _floors(text, only_said))


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
    return _by_word(column, _year)


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


def _is_numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _by_word(column: pd.Series, read: Callable[[str], float]) -> Floats:
    """Read each different word once: a county has few."""
    if _is_numeric(column):
        return column.to_numpy(dtype=float, na_value=np.nan)
    codes, distinct = pd.factorize(column.astype("string"))
    plain = pd.Series(distinct, dtype="string").str.normalize("NFKC").str.strip().str.casefold()
    values: Floats = np.array([np.nan if pd.isna(text) else read(text) for text in plain] + [np.nan])[codes]
    return values


def _tidy(text: str) -> str:
    return re.sub(r"(?<=\d)[,，](?=\d{3}\b)", "", text)


def _first_number(text: str) -> float:
    found = _FIRST.search(_tidy(text))
    return float(found[1]) if found else np.nan


def _number_or_range(text: str) -> float:
    """Take the middle of a range, else the first number, else one in Chinese numerals."""
    text = _tidy(text)
    between = _RANGE.search(text)
    if between and not text.startswith("-"):
        return (float(between[1]) + float(between[2])) / 2.0
    found = _FIRST.search(text)
    if found:
        return float(found[1])
    chinese = _CHINESE_NUMBER.search(text)
    return _from_chinese(chinese[0]) if chinese else np.nan


def _length(text: str) -> float:
    if _FLOOR_WORD.search(text):
        return np.nan
    unit = _LENGTH_UNIT.search(_tidy(text))
    return _number_or_range(text) * (_METRES[unit[1]] if unit else 1.0)


def _floors(text: str, only_said: bool) -> float:
    if only_said and not _FLOOR_WORD.search(text):
        return np.nan
    above = _BELOW_GROUND.sub("", text)
    # "3+1" are three floors and a loft; "6/-1" six above and one below
    value = _number_or_range(re.split(r"[+/]", above)[0])
    return float(np.ceil(value)) if np.isfinite(value) else np.nan


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


def _from_chinese(text: str) -> float:
    """Read numerals below a thousand: 十二, 二十, 一百零三, and digits in a row, 一二."""
    if not re.search("[十百]", text):
        return float("".join(str(_CHINESE[c]) for c in text))
    total, digit = 0, 0
    for c in text:
        if c in "十百":
            total += (digit or 1) * (10 if c == "十" else 100)
            digit = 0
        else:
            digit = _CHINESE[c]
    return float(total + digit)
