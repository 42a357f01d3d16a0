"""What `wuding check` prints: tables of what was found, problems in order of weight, what the run will assume."""

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table

from layers.codes import code_word

from .checking import Check
from .messages import translate, translate_all

_TITLES = {
    "inputs": ("输入文件", "Inputs"),
    "layer": ("图层", "layer"),
    "file": ("文件", "file"),
    "coordinates": ("坐标", "coordinates"),
    "encoding": ("文字编码", "encoding"),
    "count": ("数量", "count"),
    "inside": ("落在其中的建筑", "buildings inside"),
    "buildings": ("建筑", "Buildings"),
    "crs": ("计算坐标系", "CRS of the study"),
    "rows": ("要素数", "rows"),
    "extent": ("建筑范围（米）", "extent of buildings (m)"),
    "dem": ("高程数据", "DEM"),
    "nodata": ("高程读取说明", "DEM as it was read"),
    "on_dem": ("落在高程数据内的建筑", "buildings on the DEM"),
    "on_dsm": ("落在地表模型内的建筑", "buildings on the DSM"),
    "dsm": ("表面模型", "DSM"),
    "known": ("有值的属性", "attributes known"),
    "height_source": ("高度来源", "height from"),
    "status": ("状态", "status"),
    "use": ("用途分类", "classes of use"),
    "unmapped": ("未对应的用途词", "use words without translation"),
    "unread": ("读不懂的值", "values not understood"),
    "drawn": ("以点表示", "points with an area"),
    "weather": ("气象", "weather"),
    "problems": ("问题（按严重程度）", "Problems in order of weight"),
    "assumed": ("运行时将作如下假定", "What the run will assume"),
    "error": ("错误", "error"),
    "warning": ("警告", "warning"),
    "note": ("提示", "note"),
    "fails": ("按现状运行会失败；请先改正上面的错误", "A run would fail; mend the errors above first"),
    "runs": ("可以运行", "A run can start"),
    "sample": ("带 ≈ 的比例来自均匀抽取的 {} 栋", "shares with ≈ are from {} buildings, evenly sampled"),
    "none": ("无", "none"),
    "to_assess": ("待评估", "to assess"),
    "polygons": ("面", "polygons"),
    "without_geometry": ("无图形", "without geometry"),
    "not_polygons": ("非面", "not polygons"),
    "too_small": ("面积过小", "too small"),
}
_WIDTH = 120


def print_check(check: Check, lang: str, stream: TextIO | None = None) -> None:
    """
    Print a check.

    Parameters
    ----------
    check
        The finished check.
    lang
        "zh" or "en".
    stream
        Where to print; stdout by default.
    """
    out = stream or sys.stdout
    console = Console(file=out, width=None if out.isatty() else _WIDTH, highlight=False, markup=False, emoji=False)
    words = {key: pair[0 if lang == "zh" else 1] for key, pair in _TITLES.items()}
    console.print(_layers(check.facts, words, lang))
    if table := _buildings(check.facts, words, lang):
        console.print(table)
    problems = _table(words["problems"], 3)
    for problem in check.problems.listed():
        problems.add_row(words[problem.weight], problem.where, translate(problem.text, lang))
    console.print(problems if problems.row_count else f"{words['problems']}: {words['none']}")
    console.print(f"{words['assumed']}:")
    for text in translate_all(check.notes, lang):
        console.print(f"  - {text}")
    console.print(words["fails" if check.problems.fatal() else "runs"])


def _table(title: str, columns: int) -> Table:
    """Two or three columns without a head; long words are folded, since Chinese sentences have no spaces and nothing may be cut off."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_header=False)
    for _ in range(columns):
        table.add_column(overflow="fold")
    return table


def _layers(facts: Mapping[str, Any], words: Mapping[str, str], lang: str) -> Table:
    table = Table(title=words["inputs"], title_justify="left", box=box.SIMPLE_HEAD)
    encoded = any(row.get("encoding") for row in facts.get("layers", []))
    for key in ("layer", "file", "coordinates", *(["encoding"] if encoded else []), "count", "inside"):
        table.add_column(words[key], justify="right" if key in ("count", "inside") else "left", overflow="fold")
    buildings, told = facts.get("buildings", {}), set[str]()
    for row in facts.get("layers", []):
        name = row["layer"]
        whole = buildings.get("rows") if name == "buildings" else facts.get("regions", {}).get(name, {}).get("regions")
        count = whole if row.get("rows") is None else row["rows"]
        inside = None if name in told else buildings.get("in_regions", {}).get(name)  # of the layer, not of each of its files
        told.add(name)
        table.add_row(
            name,
            row["path"],
            row["coordinates"],
            *([row.get("encoding", "")] if encoded else []),
            "" if count is None else f"{count:,}",
            "" if inside is None else _share(inside, buildings),
        )
    return table


def _buildings(facts: Mapping[str, Any], words: Mapping[str, str], lang: str) -> Table | None:
    found = facts.get("buildings")
    if not found:
        return None
    table = _table(words["buildings"], 2)
    table.add_row(words["crs"], facts["crs"])
    table.add_row(
        words["rows"], ", ".join([f"{found['rows']:,}", *(f"{words[name]} {count:,}" for name, count in found["shapes"].items())])
    )
    if "bounds" in found:
        table.add_row(words["extent"], ", ".join(f"{v:,.0f}" for v in found["bounds"]))
    terrain = facts.get("terrain", {})
    if terrain:
        size = (
            f" {terrain['resolution_m']:.3g} m, {terrain['lowest_m']:.0f}–{terrain['highest_m']:.0f} m" if "resolution_m" in terrain else ""
        )
        table.add_row(words["dem"], f"{terrain['dem']} {terrain.get('crs', '')}{size}")
        if "nodata" in terrain:
            table.add_row(words["nodata"], "; ".join(translate_all(terrain["nodata"].split("; "), lang)))
        table.add_row(words["on_dem"], _share(terrain["buildings_on_dem"], found))
        if "buildings_on_dsm" in terrain:
            table.add_row(words["on_dsm"], _share(terrain["buildings_on_dsm"], found))
        if "dsm_measured" in terrain:
            table.add_row(words["dsm"], _surface(terrain, lang))
    table.add_row(words["known"], ", ".join(f"{name} {share:.1%}" for name, share in found["known"].items()) or words["none"])
    for key in ("height_source", "status", "use"):
        if key in found:
            table.add_row(
                words[key],
                ", ".join(f"{words.get(name) or code_word(key, name, lang)} {_count(share, found)}" for name, share in found[key].items()),
            )
    if found["unmapped"]:
        most = list(found["unmapped"].items())
        table.add_row(words["unmapped"], ", ".join(f"{word} {count:,}" for word, count in most[:20]) + (" …" if len(most) > 20 else ""))
    for column, texts in found.get("unread", {}).items():
        most = list(texts.items())
        listed = ", ".join(f"{text!r} {count:,}" for text, count in most[:20]) + (" …" if len(most) > 20 else "")
        table.add_row(f"{words['unread']} ({column})", listed)
    for weather in facts.get("weather", []):
        table.add_row(words["weather"], f"{weather['name']} ({weather['latitude']:.2f} N, {weather['longitude']:.2f} E)")
    if found.get("sampled", found["rows"]) < found["rows"]:
        table.caption, table.caption_justify = words["sample"].format(f"{found['sampled']:,}"), "left"
    return table


def _surface(terrain: Mapping[str, Any], lang: str) -> str:
    levels = f"{terrain['dsm_lowest_m']:.0f}–{terrain['dsm_highest_m']:.0f} m"
    said = f"{terrain['dsm']} {terrain['dsm_crs']} {terrain['dsm_resolution_m']:.3g} m, {levels}"
    count, standing, median = terrain["dsm_measured"], terrain["dsm_standing"], terrain["dsm_median_height_m"]
    if lang == "zh":
        return f"{said}；试量 {count} 栋：{standing:.0%} 高出地面，高度中位数 {median:.1f} 米"
    return f"{said}; {count} buildings measured: {standing:.0%} stand out, median height {median:.1f} m"


def _share(share: float, buildings: Mapping[str, Any]) -> str:
    about = "≈ " if buildings.get("sampled", 0) < buildings.get("rows", 0) else ""
    return f"{about}{share:.1%}"


def _count(share: float, buildings: Mapping[str, Any]) -> str:
    about = "≈ " if buildings.get("sampled", 0) < buildings.get("rows", 0) else ""
    return f"{about}{round(share * buildings['rows']):,}"
