"""What a run says of itself in few words: on the screen when it ends, and in the table `about` of its GeoPackage."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from layers.codes import code_word
from layers.missing import missing_text

from .messages import translate, translate_all, translate_source


def in_language(manifest: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """
    Give a manifest with its warnings, notes and sources in the language of a product.

    Parameters
    ----------
    manifest
        The run's manifest.
    lang
        "zh" or "en".

    Returns
    -------
    dict
        The same but for these texts.
    """
    english = manifest.get("warnings_en")
    return {
        **manifest,
        "warnings": manifest.get("warnings", []) if english is None else translate_all(english, lang),
        "notes": _said(manifest["notes"], lang),
        "parameters": _said(manifest["parameters"], lang),
    }


def _said(value: Any, lang: str) -> Any:
    """Put sources, units and what was decided about cells without data into words, wherever they stand."""
    if isinstance(value, list):
        return [_said(inner, lang) for inner in value]
    if not isinstance(value, Mapping):
        return value
    said = {key: _said(inner, lang) for key, inner in value.items()}
    if {"value", "source", "unit"} <= set(said):
        said |= {key: translate_source(str(said[key]), lang) for key in ("source", "unit")}
    if isinstance(said.get("nodata"), str):
        said["nodata"] = "; ".join(translate(part, lang) for part in said["nodata"].split("; "))
    return said


def about_rows(manifest: Mapping[str, Any], judged: Mapping[str, Any]) -> list[dict[str, str]]:
    """
    Say in the GeoPackage what it is: the facts a reader needs who has only this file.

    Parameters
    ----------
    manifest
        The run's manifest.
    judged
        Content of targets.json.

    Returns
    -------
    list of dict
        `key`, `zh`, `en`, `value`.
    """
    weather, totals = manifest["notes"]["weather"], manifest["totals"]
    rows = [
        ("name", "研究名称", "Study", manifest["study"]["name"]),
        ("as_of", "数据截至", "As of", manifest["study"]["as_of"]),
        ("crs", "坐标系", "CRS", manifest["study"]["crs"]),
        ("version", "软件版本", "Version", f"wuding {manifest['versions']['wuding']}"),
        ("made_up", "是否虚构示例", "Made-up sample", "是 yes" if manifest["notes"]["made_up"] else "否 no"),
        ("weather", "气象数据", "Weather", str(weather["name"])),
        ("weather_verified", "气象数据已核实", "Weather checked", "是 yes" if weather["verified"] else "否 no"),
        ("stand_in", "气象为异地代用", "Weather is a stand-in", "是 yes" if weather["stand_in"] else "否 no"),
        ("pdc0_mwp", "装机容量（直流）/MWp", "Capacity, DC, MWp", f"{totals['pdc0_kwp'] / 1000:.3f}"),
        ("energy_gwh", "年发电量/GWh", "Annual energy, GWh", f"{totals['energy_kwh'] / 1e6:.3f}"),
        ("audit_rms", "抽样复核均方根误差/%", "Audit RMS error, %", _audited(manifest["audit"])),
        ("policy", "目标依据", "Policy", str(judged.get("policy") or "无 none")),
        ("use", "使用范围", "Use", "仅供内部规划使用 for internal planning use"),
    ]
    for row in judged["targets"]:
        if row["region"] is None:
            verdict = " ".join(code_word("verdict", row["verdict"], lang) for lang in ("zh", "en"))
            if not row["verified"]:
                verdict += "（† 数值或口径未经官方原文核实 value or reckoning not checked against the official text）"
            rows.append((f"target_{row['id']}", f"目标研判：{row['title_zh']}", f"Target: {row['title_en']}", verdict))
    rows += [(f"warning_{n:02d}", "提示", "Warning", text) for n, text in enumerate(manifest["warnings"], start=1)]
    return [{"key": key, "zh": zh, "en": en, "value": value} for key, zh, en, value in rows]


def _audited(checked: Mapping[str, Any]) -> str:
    return f"{100 * checked['rms']:.3f}" if checked["roofs"] else "无屋顶可复核 no roof to audit"


def _audit_line(checked: Mapping[str, Any], lang: str) -> str:
    zh = lang == "zh"
    if not checked["roofs"]:
        return "抽样复核：没有可装组件的屋顶，无从复核" if zh else "audit: no roof has room for a module, so nothing could be audited"
    if zh:
        return f"抽样复核 {checked['roofs']} 个屋顶：偏差 {checked['bias']:+.3%}，均方根 {checked['rms']:.3%}，最大 {checked['worst']:.3%}"
    return f"audit of {checked['roofs']} roofs: bias {checked['bias']:+.3%}, rms {checked['rms']:.3%}, worst {checked['worst']:.3%}"


def summary_lines(manifest: Mapping[str, Any], folder: Path, lang: str) -> list[str]:
    """
    Say on the screen what came out.

    Parameters
    ----------
    manifest
        The run's manifest.
    folder
        Run folder.
    lang
        "zh" or "en".

    Returns
    -------
    list of str
        Lines.
    """
    totals, checked, counts = manifest["totals"], manifest["audit"], manifest["counts"]
    targets = json.loads((folder / "targets.json").read_text(encoding="utf-8"))["targets"]
    zh = lang == "zh"
    listed = ("、" if zh else ", ").join(f"{code_word('status', status, lang)} {count:,}" for status, count in counts.items())
    lines = [
        f"建筑 {sum(counts.values()):,} 栋：{listed}" if zh else f"{sum(counts.values()):,} buildings: {listed}",
        (
            f"可装 {totals['pdc0_kwp'] / 1e4:.2f} 万千瓦（直流），首年发电 {totals['energy_kwh'] / 1e8:.3f} 亿千瓦时，P90 "
            f"{totals['energy_p90_kwh'] / 1e8:.3f} 亿千瓦时"
            if zh
            else f"room for {totals['pdc0_kwp'] / 1000:.2f} MWp DC, first year {totals['energy_kwh'] / 1e6:.2f} GWh, P90 "
            f"{totals['energy_p90_kwh'] / 1e6:.2f} GWh"
        ),
        _audit_line(checked, lang),
    ]
    for row in targets:
        if row["region"] is None:
            title = row.get("title_zh" if zh else "title_en", row["id"]) + ("" if row["verified"] else " †")
            lacking = [missing_text(item, lang) for item in row["missing"]]
            needs = f"{'；需补充' if zh else '; needs '}{('；' if zh else '; ').join(lacking)}" if lacking else ""
            lines.append(f"{title}{'：' if zh else ': '}{code_word('verdict', row['verdict'], lang)}{needs}")
    if any(not row["verified"] for row in targets):
        lines.append("† 数值或口径未经官方原文核实" if zh else "† value or reckoning not checked against the official text")
    lines += [f"{'注意：' if zh else 'note: '}{text}" for text in in_language(manifest, lang)["warnings"]]
    files = f"map.html, report.html, report.docx, {manifest['study']['name']}.gpkg, tables.xlsx, targets.json"
    lines.append(f"结果：{folder}（{files.replace(', ', '、')}）" if zh else f"products: {folder}  ({files})")
    return lines
