"""Attribute columns as people fill them in, turned into numbers and classes."""

import fnmatch
import tomllib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

_DETAILS = tomllib.loads((Path(__file__).parent / "uses.toml").read_text(encoding="utf-8"))["detail"]
_NUMBER = r"([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"


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
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.to_numpy(dtype=float, na_value=np.nan)
    text = column.astype("string").str.normalize("NFKC").str.replace(",", "", regex=False)
    return pd.to_numeric(text.str.extract(_NUMBER, expand=False), errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def plausible(values: Floats, low: float, high: float) -> Floats:
    """
    Blank numbers that cannot be true (0, -9999, 99999), exclusive of `low` and inclusive of `high`.

    Parameters
    ----------
    values
        Shape (n,).
    low, high
        Limits in the unit of the values.

    Returns
    -------
    array of float
        Shape (n,); NaN where implausible.
    """
    with np.errstate(invalid="ignore"):
        return np.where((values > low) & (values <= high), values, np.nan)


def use_classes(
    column: pd.Series | None, table: Mapping[str, str], rows: int
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_], dict[str, int]]:
    """
    Translate the source's words for use into our classes by the study's table.

    Parameters
    ----------
    column
        Shape (n,), the source's words, or None where the source has none.
    table
        Theirs = ours; `*` and `?` are wildcards, exact words come first, then wildcards in the order of the table.
    rows
        Number of rows n.

    Returns
    -------
    use : array of str
        Shape (n,); "unknown" where there is no word or none that the table knows.
    use_source : array of str
        Shape (n,): "table", "wildcard" or "unknown".
    unmapped : dict
        Words that the table does not know, with counts.
    """
    use, source = np.full(rows, "unknown", dtype=object), np.full(rows, "unknown", dtype=object)
    if column is None:
        return use, source, {}
    words = column.astype("string").str.strip().fillna("")
    codes, distinct = pd.factorize(words)
    unmapped: dict[str, int] = {}
    for code, word in enumerate(distinct):
        found, how = _look_up(str(word), table)
        if how == "unknown" and word:
            unmapped[str(word)] = int((codes == code).sum())
        use[codes == code], source[codes == code] = found, how
    return use, source, unmapped


def _look_up(word: str, table: Mapping[str, str]) -> tuple[str, str]:
    if word in table:
        return table[word], "table"
    for pattern, use in table.items():
        if ("*" in pattern or "?" in pattern) and word and fnmatch.fnmatchcase(word, pattern):
            return use, "wildcard"
    return "unknown", "unknown"


def use_details(column: pd.Series | None, rows: int) -> npt.NDArray[np.object_]:
    """
    Keep apart what policies ask for: party and government, schools, hospitals, village committees and others.

    Parameters
    ----------
    column
        Shape (n,), the source's words for use, or None.
    rows
        Number of rows n.

    Returns
    -------
    array of str
        Shape (n,): a word of `uses.toml` or "".
    """
    detail = np.full(rows, "", dtype=object)
    if column is None:
        return detail
    words = column.astype("string").str.strip().str.casefold().fillna("")
    codes, distinct = pd.factorize(words)
    by_word = np.array(
        [next((name for name, keys in _DETAILS.items() if any(k in str(word) for k in keys)), "") for word in distinct], dtype=object
    )
    return by_word[codes] if len(by_word) else detail
