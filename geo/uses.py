"""The class of use of each building from what the source says: the study's own table first, then the built-in ones."""

import fnmatch
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .archetypes import load_archetypes
from .use_words import Meaning, code_table, meaning

Objects = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]

UNKNOWN = "unknown"
RULES: Mapping[str, Any] = tomllib.loads(files(__package__).joinpath("uses.toml").read_text(encoding="utf-8"))


@dataclass
class Uses:
    """
    What is known of each building's use; filled in step by step, best sources first.

    Attributes
    ----------
    use
        Shape (n,), our class; "unknown" where none was found yet.
    source
        Shape (n,), table, wildcard, the name of a built-in table, landuse, neighbourhood, size or unknown.
    confidence
        Shape (n,), 0..1 [-].
    detail
        Shape (n,), what policies keep apart, such as 学校; "" otherwise.
    urban
        Shape (n,), 1 town and 0 country where the word itself says so, else NaN.
    unmapped
        Words that no table knows, with counts.
    """

    use: Objects
    source: Objects
    confidence: Floats
    detail: Objects
    urban: Floats
    unmapped: dict[str, int]

    @property
    def pending(self) -> npt.NDArray[np.int64]:
        """
        Rows whose use is not known yet.

        Returns
        -------
        array of int
            Row numbers.
        """
        return np.flatnonzero(self.use == UNKNOWN)

    def settle(self, rows: npt.NDArray[np.int64], use: Any, source: str, confidence: Any) -> None:
        """
        Write down the use of some buildings.

        Parameters
        ----------
        rows
            Row numbers, shape (k,).
        use
            Our class, one for all or shape (k,).
        source
            Where it comes from.
        confidence
            One for all or shape (k,), 0..1 [-].
        """
        self.use[rows], self.source[rows], self.confidence[rows] = use, source, confidence


def uses_from_words(column: pd.Series | None, table: Mapping[str, str], rows: int, details: pd.Series | None = None) -> Uses:
    """
    Translate the source's words for use.

    Parameters
    ----------
    column
        Shape (n,), the source's words or codes, or None where the source has none.
    table
        The study's own: theirs = ours; `*` and `?` are wildcards; exact words come first, then wildcards in the order of the table.
    rows
        Number of rows n.
    details
        Shape (n,), a column of details of its own (the name of the institution, a second level of uses), or None.

    Returns
    -------
    Uses
        Unknown where there is no word or none that a table knows.
    """
    out = Uses(
        np.full(rows, UNKNOWN, dtype=object),
        np.full(rows, UNKNOWN, dtype=object),
        np.zeros(rows),
        np.full(rows, "", dtype=object),
        np.full(rows, np.nan),
        {},
    )
    if column is not None:
        _read_words(out, column, table)
    if details is not None:
        codes, distinct = _words(details)
        found = np.array([_detail(str(word)) for word in distinct] + [""], dtype=object)[codes]
        out.detail = np.where(found != "", found, out.detail)
    return out


def _read_words(out: Uses, column: pd.Series, table: Mapping[str, str]) -> None:
    codes, distinct = _words(column)
    number = np.bincount(codes[codes >= 0], minlength=len(distinct))
    own = [_own(str(word), table) for word in distinct]
    coded = code_table([str(word) for word, mine in zip(distinct, own, strict=True) if mine is None])
    confidence = RULES["confidence"]
    uses, sources, worth, details, urban = [], [], [], [], []
    for word, mine, count in zip(distinct, own, number, strict=True):
        built_in = meaning(str(word), coded) or _class(str(word)) or Meaning(UNKNOWN, "", None, UNKNOWN, 0.0)
        known = built_in if built_in.use != UNKNOWN else Meaning(UNKNOWN, built_in.detail, built_in.urban, UNKNOWN, 0.0)
        uses.append(mine[0] if mine else known.use)
        sources.append(mine[1] if mine else known.source)
        worth.append(confidence[mine[1]] if mine else known.confidence)
        details.append(_detail(str(word)) or known.detail)
        urban.append(np.nan if known.urban is None else float(known.urban))
        if mine is None and known.use == UNKNOWN:
            out.unmapped[str(word)] = int(count)
    out.use = np.array([*uses, UNKNOWN], dtype=object)[codes]
    out.source = np.array([*sources, UNKNOWN], dtype=object)[codes]
    out.confidence = np.array([*worth, 0.0])[codes]
    out.detail = np.array([*details, ""], dtype=object)[codes]
    out.urban = np.array([*urban, np.nan])[codes]


def _words(column: pd.Series) -> tuple[npt.NDArray[np.int64], pd.Index]:
    """Codes of the different words; -1 where the source says nothing."""
    text = column.astype("string").str.strip()
    silent = (text == "") | text.str.casefold().isin(RULES["empty"]["words"])
    codes, distinct = pd.factorize(text.mask(silent))
    return codes.astype(np.int64), pd.Index(distinct)


def _own(word: str, table: Mapping[str, str]) -> tuple[str, str] | None:
    if word in table:
        return table[word], "table"
    for pattern, use in table.items():
        if ("*" in pattern or "?" in pattern) and fnmatch.fnmatchcase(word, pattern):
            return use, "wildcard"
    return None


def _class(word: str) -> Meaning | None:
    """Take a class of ours by its own name, as our tables write it."""
    return Meaning(word, "", None, "table", RULES["confidence"]["table"]) if word in _classes() else None


@cache
def _classes() -> frozenset[str]:
    return frozenset(load_archetypes().uses) - {UNKNOWN}


def _detail(word: str) -> str:
    """Find what policies keep apart: party and government, schools, hospitals, village committees and others."""
    text = word.casefold()
    return next((name for name, keys in RULES["detail"].items() if any(key in text for key in keys)), "")
