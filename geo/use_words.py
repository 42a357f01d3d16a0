"""The built-in tables that turn the words and codes of known sources into our classes of use."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

# A column holds the codes of a table where this share of its different values are codes of it; single hits are chance.
_CODES_KNOWN = 0.8


@dataclass(frozen=True)
class Meaning:
    """
    What a word of a source says about a building.

    Attributes
    ----------
    use
        Our class.
    detail
        What policies keep apart, such as 学校; "" otherwise.
    urban
        Whether the word itself says town or country; None where it does not.
    source
        The table.
    confidence
        How much the table is worth, 0..1 [-].
    """

    use: str
    detail: str
    urban: bool | None
    source: str
    confidence: float


@dataclass(frozen=True)
class _Table:
    name: str
    match: str
    confidence: float
    words: Mapping[str, Mapping[str, Any]]


@cache
def _tables() -> tuple[_Table, ...]:
    found = []
    for file in sorted(files(__package__).joinpath("use_tables").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            data = tomllib.loads(file.read_text(encoding="utf-8"))
            words = {str(word): {"use": entry} if isinstance(entry, str) else entry for word, entry in data["words"].items()}
            found.append(_Table(file.name.removesuffix(".toml"), data["match"], float(data["confidence"]), words))
    return tuple(found)


def code_table(words: Iterable[str]) -> str | None:
    """
    Find the table whose codes a column holds.

    Parameters
    ----------
    words
        The different values of the column, without empty ones.

    Returns
    -------
    str or None
        Name of the table that knows most of the values, if it knows nearly all.
    """
    values = [_code(word) for word in words]
    if not values:
        return None
    shares = [(sum(value in table.words for value in values) / len(values), table.name) for table in _tables() if table.match == "code"]
    share, name = max(shares)
    return name if share >= _CODES_KNOWN else None


def meaning(word: str, codes: str | None = None) -> Meaning | None:
    """
    Read one word by the built-in tables.

    Parameters
    ----------
    word
        As the source has it.
    codes
        Name of the table of codes that the column holds, from `code_table`.

    Returns
    -------
    Meaning or None
        None where no table knows the word.
    """
    text = word.strip().casefold()
    if not text:
        return None
    for table in _tables():
        if table.match == "code" and table.name == codes and (key := _code(word)) in table.words:
            return _meaning(table, table.words[key], text)
        if table.match == "word" and (key := text.replace(" ", "_")) in table.words:
            return _meaning(table, table.words[key], text)
        if table.match == "word" and text in table.words:
            return _meaning(table, table.words[text], text)
    # Exact words of any table come before parts of words.
    for table in _tables():
        if table.match == "part":
            for key, entry in table.words.items():
                if key in text:
                    return _meaning(table, entry, text)
    return None


def _code(word: str) -> str:
    """Codes are often numbers that have lost a zero at the end of the line: 601.0 is 601, kept as text."""
    return word.strip().upper().removesuffix(".0")


def _meaning(table: _Table, entry: Mapping[str, Any], text: str) -> Meaning:
    said = True if "城镇" in text else False if "农村" in text else None
    return Meaning(str(entry["use"]), str(entry.get("detail", "")), entry.get("urban", said), table.name, table.confidence)
