"""The table of sources, and what every source gives back."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from .answers import FetchError

KINDS = ("buildings", "dem", "weather", "districts", "canopy")
Rules = dict[str, dict[str, Any]]
Words = tuple[str, str]


@dataclass
class Fetched:
    """
    What a source gave.

    Attributes
    ----------
    kind
        One of `KINDS`.
    source
        Key of sources.toml.
    files
        Files in the study's folder.
    version
        Release or version, as far as it is known.
    address
        Where it came from, without keys.
    keys
        What the study file says beside the path.
    notes
        What a reader of the study's products must know about it, Chinese and English.
    facts
        What else was found about it.
    """

    kind: str
    source: str
    files: list[Path]
    version: str
    address: str
    keys: dict[str, Any] = field(default_factory=dict)
    notes: list[Words] = field(default_factory=list)
    facts: list[Words] = field(default_factory=list)


def load_sources(own: Path | None = None) -> Rules:
    """
    Read the table of sources.

    Parameters
    ----------
    own
        A file of the same form whose keys win: mirrors, releases.

    Returns
    -------
    dict
        Section to key to value.

    Raises
    ------
    FetchError
        If the file is not readable or has unknown sections or keys, or values of another kind.
    """
    rules: Rules = tomllib.loads((files(__package__) / "sources.toml").read_text(encoding="utf-8"))
    if own is None:
        return rules
    try:
        mine = tomllib.loads(own.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise FetchError(f"{own.name}: is no readable TOML file in UTF-8: {error}") from error
    for section, table in mine.items():
        if section not in rules or not isinstance(table, Mapping):
            raise FetchError(f"{own.name}: unknown section {section!r}; known are: {', '.join(rules)}")
        for key, value in table.items():
            if key not in rules[section]:
                raise FetchError(f"{own.name}: unknown key {section}.{key}; known are: {', '.join(rules[section])}")
            if not isinstance(value, (int, float) if isinstance(rules[section][key], (int, float)) else type(rules[section][key])):
                raise FetchError(f"{own.name}: {section}.{key} = {value!r} is of another kind than {rules[section][key]!r}")
            rules[section][key] = value
    return rules


def in_language(rule: Mapping[str, Any], key: str, lang: str) -> str:
    """
    Give a text of a source in the language of its reader.

    Parameters
    ----------
    rule
        The source's table of sources.toml.
    key
        "title", "licence" or "attribution".
    lang
        "zh" or "en".

    Returns
    -------
    str
        That of the language where the table has one, else the only one.
    """
    return str(rule.get(f"{key}_{lang}", rule[key]))
