"""The targets as gauges: what is asked, what stands, what is planned, what is possible, and what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from layers.closing import gap_words, split_words
from layers.missing import missing_text

from .words import amount, as_float, load_words, per_cent

MAIN = ("pv_capacity", "new_roof_coverage", "building_substitution")


@dataclass(frozen=True)
class Gauge:
    """One target of the whole study in words, with the lengths of its bars in per cent of the scale."""

    target: str
    title: str
    verdict: str
    verdict_word: str
    required: str
    deadline: str
    year: str
    built: str
    planned: str
    technical: str
    gap: str
    closes: str
    share: str
    from_roofs: str
    missing: tuple[str, ...]
    doubts: tuple[str, ...]
    note: str
    quote: str
    clause: str
    responsible: str
    verified: bool
    built_length: float | None
    planned_length: float | None
    technical_length: float | None
    required_at: float | None

    @property
    def marked(self) -> str:
        """The title, with the mark of what could not be checked against an official original."""
        return self.title if self.verified else f"{self.title} †"


def gauges(targets: Sequence[Mapping[str, Any]], lang: str) -> tuple[list[Gauge], list[Gauge]]:
    """
    Make gauges of the rows that judge the whole study.

    Parameters
    ----------
    targets
        Rows of targets.json.
    lang
        zh or en.

    Returns
    -------
    tuple
        The three main targets in the plan's order, then the others.
    """
    whole = [row for row in targets if row.get("region") is None]
    main = [gauge(row, lang) for name in MAIN for row in whole if row.get("id") == name]
    others = [gauge(row, lang) for row in whole if row.get("id") not in MAIN]
    return main, others


def gauge(row: Mapping[str, Any], lang: str) -> Gauge:
    """
    Put one row of targets.json into words.

    Parameters
    ----------
    row
        A row of targets.json.
    lang
        zh or en.

    Returns
    -------
    Gauge
        Texts and lengths.
    """
    unit = str(row.get("unit", ""))
    values = {name: as_float(row.get(name)) for name in ("required", "built", "planned", "technical", "gap")}
    scale = max((value for value in values.values() if value is not None), default=0.0)
    verdict = str(row.get("verdict", ""))
    share = values["built"] / values["required"] if values["built"] is not None and values["required"] else None
    return Gauge(
        target=str(row.get("id", "")),
        title=str(row.get(f"title_{lang}") or row.get("title_zh") or row.get("id", "")),
        verdict=verdict,
        verdict_word=load_words(lang).code(verdict),
        required=amount(values["required"], unit, lang) if values["required"] is not None else _not_allocated(row, lang),
        deadline=str(row.get("deadline") or "—"),
        year=_year(str(row.get("deadline") or ""), lang),
        built=amount(values["built"], unit, lang),
        planned=amount(values["planned"], unit, lang),
        technical=amount(values["technical"], unit, lang),
        gap=amount(values["gap"], unit, lang),
        closes=gap_words(row, lang),
        share=per_cent(share, lang),
        from_roofs=_from_roofs(row, values["required"], unit, lang),
        missing=missing_inputs(row, lang),
        doubts=tuple(row.get(f"doubts_{lang}") or ()),
        note=str(row.get(f"note_{lang}") or ""),
        quote=str(row.get("quote") or ""),
        clause=str(row.get("clause") or ""),
        responsible=_joined(row.get("responsible"), lang),
        verified=row.get("verified") is True,
        built_length=_length(values["built"], scale),
        planned_length=_length(values["planned"], scale),
        technical_length=_length(values["technical"], scale),
        required_at=_length(values["required"], scale),
    )


def missing_inputs(row: Mapping[str, Any], lang: str) -> tuple[str, ...]:
    """
    Name the inputs that would settle a target, with the cell of the form to fill.

    Parameters
    ----------
    row
        A row of targets.json; `missing` is a list of texts or of {input, cell, or}.
    lang
        zh or en.

    Returns
    -------
    tuple of str
        One text an input, or several inputs of which one is enough.
    """
    found = row.get("missing") or []
    if isinstance(found, str):
        return (found,)
    return tuple(missing_text(item, lang) for item in found)


def _from_roofs(row: Mapping[str, Any], required: float | None, unit: str, lang: str) -> str:
    """Say what the roofs of this run could add, which is known also where the target cannot be judged."""
    roofs = as_float(row.get("roofs_technical"))
    if roofs is None:
        return ""
    said = amount(roofs, unit, lang)
    share = per_cent(roofs / required, lang, 0 if roofs >= 0.1 * required else 2) if required else ""
    return load_words(lang)["of_target"].format(amount=said, share=share) if share else said


def _not_allocated(row: Mapping[str, Any], lang: str) -> str:
    """Nothing is asked of the area; what the study proposes to it is called a proposal."""
    word, split = load_words(lang)["not_allocated"], split_words(row, lang)
    return word if not split else f"{word}（{split}）" if lang == "zh" else f"{word} ({split})"


def _year(deadline: str, lang: str) -> str:
    """Call the end of a year by the year; any other day stays itself."""
    short = deadline[:4] if deadline.endswith("-12-31") else deadline
    return (f"{short} 年" if lang == "zh" and len(short) == 4 else f"by {short}" if lang == "en" else short) if short else ""


def _joined(value: object, lang: str) -> str:
    if isinstance(value, list | tuple):
        return ("、" if lang == "zh" else ", ").join(str(item) for item in value)
    return str(value or "")


def _length(value: float | None, scale: float) -> float | None:
    return None if value is None or scale <= 0 else round(max(0.0, min(1.0, value / scale)) * 100, 2)
