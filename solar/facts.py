"""Numbers that carry judgement, read from TOML: each with its unit, source and whether an original was seen."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .errors import SolarError

KEYS = {"value", "unit", "source", "year", "verified", "note"}
NEEDED = {"value", "unit", "source", "verified"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One number with its unit and where it comes from; `verified` means checked against an original."""

    name: str
    value: Any
    unit: str
    source: str
    verified: bool
    year: int | None = None
    note: str = ""


def nearest(word: str, known: list[str]) -> str:
    """
    Name the known key that a mistyped one most likely meant.

    Parameters
    ----------
    word
        What was written.
    known
        What could have been written.

    Returns
    -------
    text
        A half sentence for an error message.
    """
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(sorted(known))}"


def read_facts(path: Path, overrides: Mapping[str, Any] | None = None, error: type[ValueError] = SolarError) -> dict[str, Fact]:
    """
    Read the facts of a data file, replaced where the study says otherwise.

    Parameters
    ----------
    path
        TOML file; a table with the key `value` is a fact, its name the dotted path to it.
    overrides
        Plain values, nested or with dotted names.
    error
        The root error of the room that asks.

    Returns
    -------
    facts
        The facts by dotted name, in file order.

    Raises
    ------
    ValueError
        The given error, for a fact without unit or source, an unknown key or an override of another type.
    """
    with path.open("rb") as file:
        tree = tomllib.load(file)
    facts = {name: _fact(name, table, path.name, error) for name, table in _leaves(tree)}
    for name, value in _flat(overrides or {}):
        if name not in facts:
            raise error(f"unknown key {name!r} in the study, {nearest(name, list(facts))}")
        facts[name] = replace(
            facts[name], value=_same_kind(facts[name], value, error), source="study file", verified=True, year=None, note=""
        )
    return facts


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, item in tree.items():
        if isinstance(item, Mapping):
            name = f"{prefix}{key}"
            if "value" in item:
                yield name, item
            else:
                yield from _leaves(item, f"{name}.")


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in tree.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def _fact(name: str, table: Mapping[str, Any], origin: str, error: type[ValueError]) -> Fact:
    odd = set(table) - KEYS
    if odd:
        key = sorted(odd)[0]
        raise error(f"{origin}, {name}: unknown key {key!r}, {nearest(key, list(KEYS))}")
    lacking = NEEDED - set(table)
    if lacking:
        raise error(f"{origin}, {name}: lacks {', '.join(sorted(lacking))}; every value needs value, unit, source and verified")
    return Fact(name, table["value"], table["unit"], table["source"], table["verified"], table.get("year"), table.get("note", ""))


def _same_kind(fact: Fact, value: Any, error: type[ValueError]) -> Any:
    # bool is an int in Python, so it is told apart by hand.
    if isinstance(fact.value, bool) or isinstance(value, bool):
        good = isinstance(fact.value, bool) and isinstance(value, bool)
    elif isinstance(fact.value, (int, float)):
        good = isinstance(value, (int, float)) and value == value and abs(value) != float("inf")
    else:
        good = isinstance(value, type(fact.value))
    if not good:
        raise error(f"{fact.name} = {value!r}: expected a value like {fact.value!r} [{fact.unit}]")
    return value
