"""What `wuding fetch` leaves beside the data: SOURCES.md and a study file that uses it."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from wuding.study import TerrainSection

from .answers import file_checksum, written
from .place import Area, study_crs_of
from .quality import Quality
from .sources import KINDS, Fetched, Rules, Words, in_language

TITLES = {
    "buildings": ("建筑轮廓", "buildings"),
    "dem": ("高程", "elevation"),
    "weather": ("气象", "weather"),
    "districts": ("区县", "districts"),
    "canopy": ("树冠高度", "canopy height"),
}
# What the study file names where a thing could not be had, so that `wuding check` asks for it.
_LACKING = {"buildings": "buildings.gpkg", "dem": "dem.tif", "weather": "weather.epw"}


def write_sources(
    folder: Path,
    area: Area,
    got: Sequence[Fetched],
    lacking: Mapping[str, str],
    quality: Quality,
    helps: Sequence[Words],
    rules: Rules,
    lang: str,
) -> Path:
    """
    Write SOURCES.md.

    Parameters
    ----------
    folder
        Of the study.
    area
        The area.
    got
        What was fetched.
    lacking
        Kind to why it could not be had.
    quality
        Of the buildings.
    helps
        The user's data that would improve the study most.
    rules
        The table of sources.
    lang
        "zh" or "en".

    Returns
    -------
    pathlib.Path
        The file.
    """
    side = 0 if lang == "zh" else 1

    lines = [_say(side, f"# {area.name}：数据来源与许可", f"# {area.name}: sources and licences"), ""]
    lines += [
        _say(
            side,
            f"{area.told[0]}；{area.km2:,.0f} 平方公里；{date.today()} 下载。",
            f"{area.told[1]}; {area.km2:,.0f} km2; fetched {date.today()}.",
        ),
        "",
    ]
    for item in got:
        rule = rules[item.source]
        lines += [f"## {TITLES[item.kind][side]}: {in_language(rule, 'title', lang)} {item.version}".rstrip(), ""]
        lines += [f"- {_say(side, '署名', 'attribution')}: {in_language(rule, 'attribution', lang)}"]
        lines += [f"- {_say(side, '许可', 'licence')}: {in_language(rule, 'licence', lang)}"]
        lines += [f"- {_say(side, '地址', 'address')}: {item.address}", f"- {_say(side, '说明文档', 'documentation')}: {rule['page']}"]
        lines += [f"- {_say(side, '已知不足', 'known weakness')}: {_weakness(item, rules, lang)}"]
        lines += [f"- {note[side]}" for note in (*item.facts, *item.notes)]
        lines += [
            f"- `{file.relative_to(folder).as_posix()}` {file.stat().st_size:,} B, sha256 {file_checksum(file)}" for file in item.files
        ] + [""]
    if lacking:
        lines += [_say(side, "## 未能获取，请自行补充", "## Could not be had: left for you"), ""]
        lines += [f"- {TITLES[kind][side]}: {why}" for kind, why in lacking.items()] + [""]
    if quality.said:
        lines += [_say(side, "## 数据质量", "## Quality"), ""] + [f"- {words[side]}" for words in quality.said] + [""]
    lines += [
        _say(side, "## 最能改进结果的用户数据（按重要性）", "## Your data that would improve this most, the most important first"),
        "",
    ]
    lines += [f"{number}. {words[side]}" for number, words in enumerate(helps, start=1)]
    path = folder / "SOURCES.md"
    with written(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_study(
    folder: Path, area: Area, got: Sequence[Fetched], lacking: Mapping[str, str], quality: Quality, rules: Rules, lang: str
) -> Path:
    """
    Write the study file.

    Parameters
    ----------
    folder
        Of the study.
    area
        The area.
    got
        What was fetched.
    lacking
        Kind to why it could not be had.
    quality
        Of the buildings.
    rules
        The table of sources.
    lang
        "zh" or "en".

    Returns
    -------
    pathlib.Path
        `study.toml`. What is lacking is named by a file that is not there, so that a check asks for it; nothing stands in for it.
    """
    side, had = 0 if lang == "zh" else 1, {item.kind: item for item in got}
    paths = {kind: [file.relative_to(folder).as_posix() for file in item.files] for kind, item in had.items()}
    missing = "  # 未能获取，请放入自己的文件 could not be fetched: put your own file here"
    unasked = "  # 未要求下载，请放入自己的文件 was not asked for: put your own file here"
    marks = {kind: "" if kind in had else missing if kind in lacking else unasked for kind in KINDS}
    columns = had["buildings"].keys["columns"] if "buildings" in had else {}
    name = "".join("_" if letter in '/\\:*?"<>|' else letter for letter in area.name)[:80]
    lines = [
        "# 由 wuding fetch 写成；数据来源、许可与质量见 SOURCES.md。先运行 wuding check study.toml，再运行 wuding run study.toml",
        "# Written by wuding fetch; sources, licences and quality: SOURCES.md. Next: wuding check study.toml, then wuding run study.toml",
        "",
        "[study]",
        f"name = {_text(name)}",
        f"crs = {_text(study_crs_of(area))}",
        f"lang = {_text(lang)}",
        f"as_of = {date.today()}",
        "",
        "[buildings]",
        f"path = {_text(paths.get('buildings', [_LACKING['buildings']])[0])}{marks['buildings']}",
        *(["", "[buildings.columns]"] if columns else []),
        *(f"{ours} = {_text(theirs)}" for ours, theirs in columns.items()),
        "",
        "[terrain]",
        f"dem = {_text(paths.get('dem', [_LACKING['dem']])[0])}{marks['dem']}",
        *_canopy(paths),
        "",
        "[weather]",
        f"files = {json.dumps(paths.get('weather', [_LACKING['weather']]), ensure_ascii=False)}{marks['weather']}",
        "",
    ]
    if "districts" in had:
        layer = f'{{ path = {_text(paths["districts"][0])}, name = "name" }}'
        lines += [
            "[regions]",
            f"responsible = {layer}   # 责任区域：未另给时按区县 by district unless you know better",
            f"districts = {layer}",
            "",
        ]
    for item in got:
        rule, told = rules[item.source], [words[side] for words in (*item.notes, *(quality.said if item.kind == "buildings" else ()))]
        # without a colon, which parts a message
        title = _say(
            side,
            f"{in_language(rule, 'title', lang)}（{TITLES[item.kind][0]}）",
            f"{in_language(rule, 'title', lang)} ({TITLES[item.kind][1]})",
        )
        lines += ["[[sources]]", f"title = {_text(title)}", f"version = {_text(item.version)}"]
        # who publishes what was given by address is not known here, but where it came from is
        credit = f"{item.address}: " * item.source.endswith("_url") + in_language(rule, "attribution", lang)
        lines += [f"attribution = {_text(credit)}", f"licence = {_text(in_language(rule, 'licence', lang))}"]
        lines += [f"weakness = {_text(_weakness(item, rules, lang))}", f"notes = {json.dumps(told, ensure_ascii=False)}", ""]
    path = folder / "study.toml"
    with written(path) as part:
        part.write_text("\n".join(lines), encoding="utf-8")
    return path


def _weakness(item: Fetched, rules: Rules, lang: str) -> str:
    """Say what is weak about a source for this kind of data, where it serves two, or for what it answered."""
    rule = rules[item.source]
    name = item.keys.get("weakness") or (f"{item.kind}_weakness" if f"{item.kind}_weakness_{lang}" in rule else "weakness")
    return str(rule[f"{name}_{lang}"])


def _say(side: int, zh: str, en: str) -> str:
    return (zh, en)[side]


def _canopy(paths: Mapping[str, list[str]]) -> list[str]:
    if "canopy" not in paths:
        return []
    # a version of the tool that cannot use it yet would refuse the key
    known = "canopy" in TerrainSection.model_fields
    return [f"{'' if known else '# '}canopy = {_text(paths['canopy'][0])}"]


def _text(value: Any) -> str:
    """Write a TOML string; JSON's escapes are TOML's too."""
    return json.dumps(str(value), ensure_ascii=False)
