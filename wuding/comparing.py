"""Two runs side by side: what differs by total, accountable area, class and target, and what may have caused it."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from layers.codes import code_word, role_word
from layers.schema import columns

from .manifest import read_manifest

SUMS = ("pdc0_kwp", "energy_kwh")
NUMBERS = {
    "required": ("目标值", "required"),
    "built": ("现状值", "built"),
    "planned": ("规划值", "planned"),
    "technical": ("技术上限", "technical"),
    "gap": ("差距", "gap"),
}
# How the work is cut changes no number, so it is no cause of a difference.
NO_CAUSE = ("study.run", "tile_buildings")


def compare_runs(run_a: Path, run_b: Path, lang: str) -> list[str]:
    """
    Set two runs side by side.

    Parameters
    ----------
    run_a, run_b
        Finished runs.
    lang
        "zh" or "en".

    Returns
    -------
    list of str
        Lines: totals, accountable areas, classes and targets that differ ("—" where a run has no such number), then inputs, keys of the
        study file, policy, parameters and versions that differ. Where all roofs agree the targets alone differ, and that is said.
    """
    a, b = read_manifest(run_a), read_manifest(run_b)
    zh = lang == "zh"
    roofs, judged = [*_numbers(a, b, run_a, run_b, lang)], [*_targets(run_a, run_b, lang)]
    lines = [*roofs, *judged]
    causes = [*_inputs(a, b, lang), *_keys(a, b, lang), *_policies(run_a, run_b, lang)]
    if lines:
        lines.insert(0, _line(("", "A", "B", "B − A")))
        if not roofs:
            same = "屋顶测算结果相同，只有目标研判不同", "the roofs are the same in both; only the judgement of targets differs"
            lines.append(same[0 if zh else 1])
    elif causes:
        lines.append("结果没有差异" if zh else "the results do not differ")
    else:
        return ["没有差异" if zh else "no difference"]
    return lines + [f"{'可能原因：' if zh else 'possible cause: '}{cause}" for cause in causes]


def _numbers(a: Mapping[str, Any], b: Mapping[str, Any], run_a: Path, run_b: Path, lang: str) -> Iterator[str]:
    titles = {c.name: c.label(lang) for c in (*columns("roofs"), *columns("regions"))}
    for key in sorted(set(a["totals"]) | set(b["totals"])):
        yield from _difference(titles.get(key, key), a["totals"].get(key), b["totals"].get(key))
    for (one, kind), (two, _) in zip(_parts(run_a, lang), _parts(run_b, lang), strict=True):
        for name in sorted(set(one.index) | set(two.index)):
            for column in SUMS:
                values = [part[column].get(name) for part in (one, two)]
                shown = ("区域之外" if lang == "zh" else "outside") if name == "outside" else name
                yield from _difference(f"{kind} {shown} {titles[column]}", *values)


def _parts(run: Path, lang: str) -> list[tuple[pd.DataFrame, str]]:
    """Give the sums by accountable area and by class of use, each with the word for it."""
    areas = next((f for name in ("responsible", "districts") if (f := run / "regions" / f"{name}.parquet").is_file()), None)
    names = ["name", *SUMS]
    by_area = pd.read_parquet(areas, columns=names) if areas else pd.DataFrame(columns=names)
    by_use = pd.read_parquet(run / "buildings.parquet", columns=["use", *SUMS]).groupby("use").sum()
    by_use.index = pd.Index([code_word("use", str(use), lang) for use in by_use.index])
    return [(by_area.set_index("name"), code_word("layer", "responsible", lang)), (by_use, "用途" if lang == "zh" else "Use")]


def _difference(title: str, one: Any, two: Any) -> Iterator[str]:
    """Tell two numbers that differ by more than rounding; what a run does not have is no zero."""
    first, second = (None if value is None else float(value) for value in (one, two))
    known = [value for value in (first, second) if value is not None]
    if first == second or (len(known) == 2 and math.isclose(*known, rel_tol=1e-9)):
        return
    digits = 1 if max(map(abs, known)) >= 100 else 4  # prices per kWh are small
    one, two = ("—" if value is None else f"{value:,.{digits}f}" for value in (first, second))
    yield _line((title, one, two, f"{known[1] - known[0]:+,.{digits}f}" if len(known) == 2 else "—"))


def _line(cells: tuple[str, str, str, str]) -> str:
    width = sum(2 if ord(letter) > 0x2E7F else 1 for letter in cells[0])
    return cells[0] + " " * max(1, 46 - width) + "".join(f"{cell:>18}" for cell in cells[1:])


def _targets(run_a: Path, run_b: Path, lang: str) -> Iterator[str]:
    zh = lang == "zh"
    before, after = ({(row["id"], row["region"]): row for row in _judged(run)["targets"]} for run in (run_a, run_b))
    for key in [*before, *(key for key in after if key not in before)]:
        row = before.get(key) or after[key]
        title = f"{row.get(f'title_{lang}') or row['id']} {key[1] or ''}".rstrip()
        if key not in before or key not in after:
            word = code_word("verdict", row["verdict"], lang)
            run = "B" if key not in before else "A"
            if key[1] is None:
                yield f"目标 {title} 只在 {run} 中：{word}" if zh else f"target {title} is judged in {run} only: {word}"
            continue
        unit, factor = ("%", 100.0) if row["unit"] == "1" else (row["unit"], 1.0)
        for name, words in NUMBERS.items():
            values = [None if found[name] is None else factor * found[name] for found in (row, after[key])]
            yield from _difference(f"{title} {words[0 if zh else 1]} {unit}", *values)
        if row["verdict"] != after[key]["verdict"]:
            one, two = (code_word("verdict", found["verdict"], lang) for found in (row, after[key]))
            yield f"{'目标' if zh else 'target'} {title}: {one} → {two}"


def _inputs(a: Mapping[str, Any], b: Mapping[str, Any], lang: str) -> Iterator[str]:
    before, after = ({(row["role"], row["path"]): row["sha256"] for row in found["inputs"]} for found in (a, b))
    zh = lang == "zh"
    named = "study" in a["parameters"] and "study" in b["parameters"]
    for role, path in sorted(set(before) | set(after)):
        if before.get((role, path)) == after.get((role, path)) or (role == "study" and named):
            continue
        title = f"{role_word(role, lang)} {path}"
        if (role, path) not in after:
            yield f"{title} 只用于 A" if zh else f"{title} is used in A only"
        elif (role, path) not in before:
            yield f"{title} 只用于 B" if zh else f"{title} is used in B only"
        else:
            yield f"{title} 的内容不同" if zh else f"the content of {title} differs"


def _keys(a: Mapping[str, Any], b: Mapping[str, Any], lang: str) -> Iterator[str]:
    """Keys of the study file that changed, then parameters that do not stand in it, then versions."""
    before, after = ({**_flat(found["parameters"]), **_flat(found["versions"], "versions")} for found in (a, b))
    zh = lang == "zh"
    for key in sorted(set(before) | set(after), key=lambda key: (not key.startswith("study."), key.startswith("versions."), key)):
        one, two = before.get(key), after.get(key)
        if one == two or key.startswith(NO_CAUSE):
            continue
        group, _, rest = key.partition(".")
        words = {"study": ("研究文件", "study file"), "versions": ("版本", "version")}.get(group)
        title = f"{words[0 if zh else 1]} {rest}" if words else f"{'参数' if zh else 'parameter'} {key}"
        yield f"{title}：{_shown(one)} → {_shown(two)}" if zh else f"{title}: {_shown(one)} -> {_shown(two)}"


def _policies(run_a: Path, run_b: Path, lang: str) -> Iterator[str]:
    one, two = (_judged(run).get("policy") for run in (run_a, run_b))
    if one != two:
        yield f"{'目标文件' if lang == 'zh' else 'policy'} {_shown(one)} → {_shown(two)}"


def _judged(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "targets.json").read_text(encoding="utf-8"))
    return content


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves by dotted key; entries of a list that carry a name go by it."""
    if isinstance(value, Mapping):
        if {"name", "value"} <= set(value):
            return {prefix: value["value"]}
        parts = [_flat(inner, f"{prefix}.{key}" if prefix else str(key)) for key, inner in value.items()]
        return {key: leaf for part in parts for key, leaf in part.items()}
    if isinstance(value, list) and value and all(isinstance(inner, Mapping) for inner in value):
        names = [f"{prefix}.{inner.get('name', number)}" for number, inner in enumerate(value, start=1)]
        return {key: leaf for name, inner in zip(names, value, strict=True) for key, leaf in _flat(inner, name).items()}
    return {prefix: value}


def _shown(value: Any) -> str:
    return "—" if value is None else json.dumps(value, ensure_ascii=False) if isinstance(value, (bool, list, dict)) else str(value)
