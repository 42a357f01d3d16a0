"""What a reader must be told beside the numbers: estimates, stand-ins, made-up counties, unchecked structures."""

from __future__ import annotations

from dataclasses import dataclass

from .tables import WITH_RESULT, MapTables
from .words import Words, per_cent


@dataclass(frozen=True)
class Remark:
    """A sentence, and whether it must not be overlooked."""

    text: str
    loud: bool


def remarks(tables: MapTables, words: Words) -> list[Remark]:
    """
    Say what is estimated and from which data.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of one language.

    Returns
    -------
    list of Remark
        The loud ones first.
    """
    notes = tables.notes
    weather = notes.get("weather") or {}
    terrain = notes.get("terrain") or {}
    source = str(weather.get("source") or "")
    found: list[Remark] = []
    if notes.get("displaced"):
        found.append(Remark(words["note_displaced"], True))
    if notes.get("made_up"):
        found.append(Remark(words["note_made_up"], True))
    if weather.get("climatology"):
        found.append(Remark(words["note_climatology"], True))
    if weather.get("stand_in"):
        found.append(Remark(words["note_stand_in"].format(source=source), True))
    if source and not weather.get("climatology") and not weather.get("stand_in"):
        found.append(Remark(words["note_weather"].format(source=source), False))
        if weather.get("verified") is False:
            found.append(Remark(words["note_weather_unverified"], True))
    if terrain.get("flat") or terrain.get("dem") == "flat":
        found.append(Remark(words["note_flat"], True))
    if notes.get("sources"):
        found.append(Remark(words["note_sources"].format(sources="; ".join(map(str, notes["sources"]))), False))
    guessed = _share_of_outlines(tables)
    if guessed > 0.005:
        found.append(Remark(words["note_tiers"].format(share=per_cent(guessed, words.lang, 0)), False))
    found += _left_out(tables, words)
    found += [Remark(words["note_new_only"], False), Remark(words["note_structure"], False), Remark(words["lcoe_note"], False)]
    return found


def _left_out(tables: MapTables, words: Words) -> list[Remark]:
    """Say how many buildings have no result and why, and how many regions hold none."""
    counts = {str(status): int(rows) for status, rows in (tables.manifest.get("counts") or {}).items()}
    reasons = {status: rows for status, rows in counts.items() if status not in WITH_RESULT and rows}
    found = []
    if reasons:
        listed = words["listed"].join(f"{words.code(status)} {rows:,}" for status, rows in sorted(reasons.items(), key=lambda kv: -kv[1]))
        found.append(Remark(words["note_left_out"].format(rows=f"{sum(reasons.values()):,}", reasons=listed), False))
    if counts.get("no_usable_area"):
        found.append(Remark(words["note_no_area"].format(rows=f"{counts['no_usable_area']:,}"), False))
    for layer in ("districts", "responsible"):
        table = tables.region(layer)
        empty = 0 if table is None else int((table["roofs"].fillna(0) == 0).sum())
        if empty:
            found.append(Remark(words["note_empty_regions"].format(layer=words[layer], rows=empty), False))
    return found


def _share_of_outlines(tables: MapTables) -> float:
    capacity = tables.by_tier["pdc0_kwp"]
    total = float(capacity.sum())
    return float(capacity.get("footprint", 0.0)) / total if total > 0 else 0.0
