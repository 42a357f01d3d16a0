"""`wuding check`: read every input, say what was found and what a run would assume."""

import tempfile
from pathlib import Path
from typing import Any

from layers.codes import code_word

from .inputs import Prepared, prepare
from .manifest import write_json
from .messages import translate_all
from .pipeline import new_years, read_weathers
from .products import study_policy
from .study import Study


def check_study(study: Study, lang: str) -> list[str]:
    """
    Prepare a study in a temporary folder and report; check.json is written beside the study file.

    Parameters
    ----------
    study
        The study.
    lang
        "zh" or "en".

    Returns
    -------
    list of str
        Lines for the screen.
    """
    with tempfile.TemporaryDirectory(prefix="wuding-check-") as folder:
        prepared = prepare(study, Path(folder), new_years(study_policy(study)), lambda *_: None)
    weathers = read_weathers(study)
    facts = _facts(prepared) | {
        "weather": [
            {"name": w.name, "latitude": w.latitude, "longitude": w.longitude, "stamp_offset_h": w.stamp_offset_h} for w in weathers
        ]
    }
    warnings = [*prepared.warnings, *(f"weather {w.name}: {note}" for w in weathers for note in w.notes)]
    warnings = translate_all(warnings, lang)
    write_json(study.folder / "check.json", {**facts, "inputs": prepared.inputs, "warnings": warnings})
    zh = lang == "zh"
    lines = [f"{'坐标系' if zh else 'CRS'}: {facts['crs']}", f"{'建筑' if zh else 'buildings'}: {facts['rows']:,}"]
    for key, title in (
        ("status", "状态" if zh else "status"),
        ("use", "用途" if zh else "use"),
        ("height_source", "高度来源" if zh else "height from"),
    ):
        counted = {code_word(key, name, lang) or ("待评估" if zh else "to assess"): count for name, count in facts[key].items()}
        lines.append(f"{title}: " + ", ".join(f"{word} {count:,}" for word, count in counted.items()))
    lines.append(
        f"{'建成年份已知' if zh else 'year known'}: {facts['year_known']:.0%}   {'城乡已知' if zh else 'urban or rural known'}: "
        f"{facts['urban_known']:.0%}"
    )
    lines += [f"{'图层' if zh else 'regions'} {code_word('layer', name, lang)}: {count}" for name, count in facts["regions"].items()]
    lines += [f"{'注意' if zh else 'note'}: {text}" for text in warnings]
    return lines


def _facts(prepared: Prepared) -> dict[str, Any]:
    table = prepared.buildings
    counts = {key: {str(k): int(v) for k, v in table[key].value_counts().items()} for key in ("status", "use", "height_source")}
    return {
        "crs": prepared.crs.to_string(),
        "rows": len(table),
        "bounds": [float(v) for v in table.total_bounds],
        **counts,
        "year_known": float(table["year_built"].notna().mean()),
        "urban_known": float(table["is_urban"].notna().mean()),
        "regions": prepared.facts["regions"],
        "terrain": prepared.facts["terrain"],
    }
