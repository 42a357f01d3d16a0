"""Words of the map and the report in the two languages, and numbers written with their units."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from layers.codes import code_words
from layers.errors import LayersError
from layers.schema import column

LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Field:
    """How one column is shown: title, unit, factor from the column's own unit, digits after the point."""

    title: str
    unit: str
    factor: float
    digits: int


@dataclass(frozen=True)
class Words:
    """Everything that is said in one language."""

    lang: str
    text: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, Field]
    chapters: Mapping[str, str]
    uses: Mapping[str, str]
    codes: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        return self.text[key]

    def use(self, name: str) -> str:
        """
        Name of a class of use.

        Parameters
        ----------
        name
            Class as in the column `use`.

        Returns
        -------
        str
            Its name in this language, the class itself where unknown.
        """
        return self.uses.get(name, name)

    def code(self, name: object) -> str:
        """
        Name of a verdict, status, tier or mounting.

        Parameters
        ----------
        name
            Code as in the tables.

        Returns
        -------
        str
            Its name in this language, the code itself where unknown.
        """
        return self.codes.get(str(name), str(name))


@cache
def load_words(lang: str) -> Words:
    """
    Read the words of one language.

    Parameters
    ----------
    lang
        zh or en.

    Returns
    -------
    Words
        Texts, field titles and names of classes and codes.

    Raises
    ------
    LayersError
        If the language is neither zh nor en.
    """
    if lang not in LANGUAGES:
        raise LayersError(f"language {lang!r} is unknown; expected zh or en: correct `lang` in the study file or --lang")
    raw = tomllib.loads(files("maps").joinpath("assets/words.toml").read_text(encoding="utf-8"))
    at = LANGUAGES.index(lang)
    text = {key: pair[at] for key, pair in raw["text"].items()}
    lists = {key: tuple(row[at] for row in rows) for key, rows in raw["lists"].items()}
    chapters = {key: pair[at] for key, pair in raw["chapters"].items()}
    fields = {key: _field(key, row, lang) for key, row in raw["fields"].items()}
    codes = {key: pair[at] for key, pair in raw["codes"].items()}
    for kind in ("status", "verdict", "data_tier", "mounting"):
        codes |= code_words(kind, lang)
    return Words(lang, text, lists, fields, chapters, code_words("use", lang), codes)


def _field(key: str, row: Mapping[str, Any], lang: str) -> Field:
    at = LANGUAGES.index(lang)
    title = row["title"][at] if "title" in row else column(row["table"], key.removeprefix("one.")).title(lang)
    digits = int(row.get(f"digits_{lang}", row["digits"]))
    return Field(title, row.get(f"unit_{lang}", row["unit"]), float(row.get(f"factor_{lang}", row["factor"])), digits)


def per_cent(fraction: float | None, lang: str, digits: int = 1) -> str:
    """
    Write a fraction as the language sets it: 12.3% in Chinese, 12.3 % in English.

    Parameters
    ----------
    fraction
        The fraction; None is shown as a dash.
    lang
        zh or en.
    digits
        Digits after the point.

    Returns
    -------
    str
        The share as text.
    """
    if fraction is None:
        return "—"
    return f"{100 * fraction + 0.0:,.{digits}f}{'%' if lang == 'zh' else ' %'}"


def number(value: object, digits: int = 0) -> str:
    """
    Write a number with thousands separators.

    Parameters
    ----------
    value
        The number; None and NaN are shown as a dash.
    digits
        Digits after the point.

    Returns
    -------
    str
        The number as text.
    """
    amount = as_float(value)
    if amount is None:
        return "—"
    written = f"{amount:,.{digits}f}"
    return "0" if written.strip("-0.,") == "" and digits == 0 else written


def amount(value: object, unit: str, lang: str) -> str:
    """
    Write a target's value: MW in 万千瓦 for Chinese readers, fractions in per cent.

    Parameters
    ----------
    value
        The value in `unit`.
    unit
        Unit of the target's row: "MW", "1" (a fraction) or any other.
    lang
        zh or en.

    Returns
    -------
    str
        Value and unit as text, a dash where there is none.
    """
    found = as_float(value)
    if found is None:
        return "—"
    if unit in ("1", "fraction"):
        return per_cent(found, lang)
    if unit == "MW" and lang == "zh":
        return f"{short(found / 10)} 万千瓦"
    return f"{short(found)} {unit}".strip()


def short(value: float) -> str:
    """
    Write a number for a sentence: three significant digits at least, no trailing noise.

    Parameters
    ----------
    value
        The number.

    Returns
    -------
    str
        The number as text.
    """
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    written = f"{value:,.{digits}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def as_float(value: object) -> float | None:
    """
    Read a number, or None where there is none.

    Parameters
    ----------
    value
        Any cell of a table.

    Returns
    -------
    float or None
        None for missing values and for what is not a finite number.
    """
    if value is None or isinstance(value, str | bytes | bool):
        return None
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def clean(value: object) -> Any:
    """
    Bring a cell to what JSON can hold: numbers to six significant digits, missing values as None.

    Parameters
    ----------
    value
        Any cell of a table.

    Returns
    -------
    object
        None, bool, int, float or str.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    found = as_float(value) if type(value) is not float else value if math.isfinite(value) else None
    if found is None:
        return None if _missing(value) else str(value)
    short = float(f"{found:.6g}")
    return int(short) if short.is_integer() else short


def _missing(value: object) -> bool:
    return str(value) in ("nan", "NaN", "<NA>", "NaT", "None", "inf", "-inf")
