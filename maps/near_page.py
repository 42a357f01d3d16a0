"""The report's part on use nearby and the room of the grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layers.codes import code_word
from layers.near_use import LOAD_ABOVE_CAPACITY, NO_BUILDINGS

from .words import Words, as_float, number

# Column of near_use.json, factor and digits, None for a word; what is empty in every row is left out.
USED: tuple[tuple[str, float | None, int], ...] = (
    ("pv_mw", 1.0, 1),
    ("pv_mwh", 1e-3, 1),
    ("load_mwh", 1e-3, 1),
    ("self_consumption", 100.0, 1),
    ("self_sufficiency", 100.0, 1),
    ("exported_mwh", 1e-3, 1),
    ("peak_export_mw", 1.0, 1),
    ("load_source", None, 0),
)
ROOM: tuple[tuple[str, float | None, int], ...] = (
    ("capacity_mva", 1.0, 1),
    ("reverse_load_ratio", 100.0, 0),
    ("connect", None, 0),
    ("register", None, 0),
    ("colour", None, 0),
    ("colour_source", None, 0),
    ("hostable_mw", 1.0, 1),
    ("unhostable_mw", 1.0, 1),
    ("unhostable_mwh", 1e-3, 1),
    ("curtailed_mwh", 1e-3, 1),
    ("storage_up_mw", 1.0, 1),
    ("storage_up_mwh", 1.0, 1),
)
MOST_NAMED = 5
MOST_ROWS = 60  # more areas are read in the spreadsheet
SHOWN_LAYERS = ("responsible", "districts", "zones", "transformers")

Table = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]


def near_tables(near: Mapping[str, Any] | None, words: Words) -> list[tuple[str, Table]]:
    """
    Lay out use nearby and the grid's room for the report.

    Parameters
    ----------
    near
        Content of near_use.json, None where there is none.
    words
        Words of the language.

    Returns
    -------
    tables
        Title, heads and rows: what areas use nearby, then what the grid takes where anything is known of it.
    """
    rows = [] if near is None else list(near["rows"])
    present = dict.fromkeys(row["layer"] for row in rows)
    layers = [name for name in present if name not in SHOWN_LAYERS] + [name for name in SHOWN_LAYERS if name in present]
    if "responsible" in layers and "districts" in layers:
        layers.remove("districts")
    found = []
    listed = [row for name in layers for row in rows if row["layer"] == name and row.get("doubt") != NO_BUILDINGS]
    accountable = [(row["area"], row["pv_mwh"]) for row in listed if row["layer"] == "responsible"]
    listed = [row for row in listed if row["layer"] != "zones" or (row["area"], row["pv_mwh"]) not in accountable]  # said already
    for title, shown in (("near_used", USED), ("near_room", ROOM)):
        said = [row for row in listed if title == "near_used" or row.get("colour") is not None or row.get("capacity_mva") is not None]
        if said:
            found.append((words.chapters[title], _table(said, shown, words, several=len(layers) - ("whole" in layers) > 1)))
    return found


def near_sentence(near: Mapping[str, Any] | None, words: Words, own: float | None = None) -> str:
    """
    Say in a sentence what the whole study uses nearby and what of the grid is known.

    Parameters
    ----------
    near
        Content of near_use.json, None where there is none.
    words
        Words of the language.
    own
        Share that the business models count as used by the roofs' own buildings, named where it differs from what is used nearby.

    Returns
    -------
    str
        Empty without any; what cannot be said is named.
    """
    whole = [row for row in near["rows"] if row["layer"] == "whole"] if near else []
    if not whole:
        return ""
    row = whole[0]
    said = words.chapters["near_said"].format(
        share=number(100 * row["self_consumption"], 0) if row.get("self_consumption") is not None else "—",
        exported=_shown(row, "exported_mwh", 1e-3),
        peak=_shown(row, "peak_export_mw"),
        unknown=_shown(row, "load_unknown_share", 100.0),
        own="" if own is None else words.chapters["near_own"].format(share=number(100 * own, 1)),
    )
    rows = near["rows"] if near else []
    parts = [said, *([] if any(row.get("colour") is not None for row in rows) else [words.chapters["near_no_grid"]])]
    hostable, unjudged = as_float(row.get("hostable_mw")), as_float(row.get("unjudged_mw"))
    if hostable is not None:
        out, energy = _shown(row, "unhostable_mw"), _shown(row, "unhostable_mwh", 1e-3)
        parts.append(words.chapters["near_hosted"].format(hostable=number(hostable, 1), unhostable=out, energy=energy))
    elif unjudged is not None:
        out = _shown(row, "unhostable_known_mw")
        parts.append(words.chapters["near_unjudged"].format(unhostable=out, unjudged=number(unjudged, 1)))
    for doubt, word in ((LOAD_ABOVE_CAPACITY, "near_doubt"), (NO_BUILDINGS, "near_unseen")):
        doubted = list(dict.fromkeys(str(area["area"]) for area in rows if area.get("doubt") == doubt))
        if doubted:
            more = "" if len(doubted) <= MOST_NAMED else "…"
            names = ("、" if words.lang == "zh" else ", ").join(doubted[:MOST_NAMED]) + more
            parts.append(words.chapters[word].format(names=names))
    return ("" if words.lang == "zh" else " ").join(parts)


def _shown(row: Mapping[str, Any], name: str, factor: float = 1.0) -> str:
    value = as_float(row.get(name))
    return number(None if value is None else factor * value, 1)


def _table(rows: Sequence[Mapping[str, Any]], shown: Sequence[tuple[str, float | None, int]], words: Words, *, several: bool) -> Table:
    columns = [column for column in shown if any(_cell(row, column, words) != "—" for row in rows)]
    heads = (words.chapters["near_area"], *(words.chapters[f"near_{name}"] for name, _, _ in columns))
    body = tuple((_name(row, words, several=several), *(_cell(row, column, words) for column in columns)) for row in rows[:MOST_ROWS])
    return heads, body


def _name(row: Mapping[str, Any], words: Words, *, several: bool) -> str:
    if row["layer"] == "whole":
        return words.chapters["whole"]
    return (
        str(row["area"])
        if row["layer"] == "responsible" or not several
        else f"{row['area']} · {code_word('layer', row['layer'], words.lang)}"
    )


def _cell(row: Mapping[str, Any], column: tuple[str, float | None, int], words: Words) -> str:
    name, factor, digits = column
    if name in ("connect", "register"):
        low, middle, high = (as_float(row.get(f"{name}{part}_mw")) for part in ("_low", "", "_high"))
        if middle is None:
            return "—"
        return number(middle, 1) if low == high else f"{number(middle, 1)} ({number(low, 1)} … {number(high, 1)})"
    if factor is None:
        return "—" if row.get(name) is None else words.chapters[f"near_{row[name]}"]
    value = as_float(row.get(name))
    return "—" if value is None else number(factor * value, digits)
