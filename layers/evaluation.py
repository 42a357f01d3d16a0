"""The annual evaluation: a line per accountable area and task, and the same by responsible unit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .closing import gap_words, split_words
from .codes import code_word
from .missing import missing_text

SHARE, NUMBER = "0.0%", "#,##0.0##"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the evaluation; numbers in the target's unit, which their format `number` names; None is unknown."""

    region: str | None
    unit_in_charge: str
    task: str
    clause: str
    required: float | None
    baseline: float | None
    built: float | None
    achieved: float | None
    gap: float | None
    unit: str
    verdict: str
    missing: str
    next_step: str
    number: str


def evaluation_lines(targets: Sequence[Mapping[str, Any]], lang: str) -> list[Line]:
    """
    Put judged targets into the lines of the annual evaluation.

    Parameters
    ----------
    targets
        Rows of targets.json.
    lang
        "zh" or "en".

    Returns
    -------
    lines
        The whole first, then area by area in their order, each with its tasks in the order of the policy; context rows are left
        out, since nobody is judged by them.
    """
    asked = [row for row in targets if row.get("method") != "context"]
    regions = list(dict.fromkeys(row["region"] for row in asked))
    return [_line(row, lang) for region in regions for row in asked if row["region"] == region]


def by_unit(targets: Sequence[Mapping[str, Any]], lang: str) -> list[tuple[str, Line]]:
    """
    List the evaluation once for every responsible unit.

    Parameters
    ----------
    targets
        Rows of targets.json.
    lang
        "zh" or "en".

    Returns
    -------
    lines
        Unit and line, units in the order in which the policy first names them. A clause names its units without shares, so a
        task stands in full under each of them and lines of different units are never added up.
    """
    units = list(dict.fromkeys(unit for row in targets for unit in row["responsible"]))
    return [(unit, _line(row, lang)) for unit in units for row in targets if unit in row["responsible"]]


def _line(row: Mapping[str, Any], lang: str) -> Line:
    share = row["unit"] == "1"
    required, built = row["required"], row["built"]
    mark = "" if row["verified"] else " †"
    return Line(
        region=row["region"],
        unit_in_charge="、".join(row["responsible"]),
        task=f"{row.get(f'title_{lang}') or row['id']}{mark}",
        clause=row["clause"],
        required=required,
        baseline=row.get("baseline"),
        built=built,
        achieved=built / required if required and built is not None else None,
        gap=row["gap"],
        unit="%" if share else row["unit"],
        verdict=code_word("verdict", row["verdict"], lang),
        missing=("；" if lang == "zh" else "; ").join(missing_text(item, lang) for item in row["missing"] or ()),
        next_step=("；" if lang == "zh" else "; ").join(_steps(row, lang)),
        number=SHARE if share else f'{NUMBER} "{row["unit"]}"',
    )


def _steps(row: Mapping[str, Any], lang: str) -> Iterator[str]:
    zh = lang == "zh"
    if row["verdict"] == "met":
        yield "已达标，逐年复核并保持" if zh else "met: check again each year"
        return
    if row["region"] is not None and row["required"] is None:
        split = split_words(row, lang)
        first = "先确定本区域分解目标" if zh else "first settle this area's share of the target"
        yield first if not split else f"{first}（{split}）" if zh else f"{first} ({split})"
    if row["missing"]:
        yield "补充缺失资料后重新研判" if zh else "give what is missing and judge again"
    if row["verdict"] == "on_track":
        yield "按路线图和在建项目推进，次年复核" if zh else "build by the roadmap and the commitments, check next year"
    if row["verdict"] == "short" and row["gap"]:
        yield f"补足差距 {_amount(row)}" if zh else f"close the gap of {_amount(row)}"
    if row.get("planned_beyond_technical"):
        yield "规划值超过技术可开发量，须核对" if zh else "planned exceeds technical: check"
    if closes := gap_words(row, lang):
        yield closes
    if (plan := row.get("roadmap_year")) is not None:
        yield f"路线图在 {plan} 年达到" if zh else f"the roadmap reaches it in {plan}"


def _amount(row: Mapping[str, Any]) -> str:
    return f"{100 * row['gap']:.1f} %" if row["unit"] == "1" else f"{row['gap']:,.1f} {row['unit']}"
