"""tables.xlsx: the targets, the sums and the assumptions of a run for people who work in a spreadsheet."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from .schema import columns

_HEAD = PatternFill("solid", fgColor="E4ECE9")
_WIDEST = 48
# Characters that XML cannot carry.
_CONTROL = {code: None for code in range(32) if code not in (9, 10, 13)}
_VERDICTS = {"met": "已达标", "on_track": "进度正常", "short": "存在缺口", "cannot_judge": "无法判定"}
_TARGET_COLUMNS = (
    ("region", "责任区域", "Area"),
    ("title", "任务", "Target"),
    ("clause", "条款", "Clause"),
    ("responsible", "责任单位", "Responsible"),
    ("unit", "单位", "Unit"),
    ("required", "目标值", "Required"),
    ("deadline", "期限", "Deadline"),
    ("technical", "技术可开发量", "Technical"),
    ("planned", "规划值", "Planned"),
    ("built", "现状值", "Built"),
    ("gap", "差距", "Gap"),
    ("verdict", "研判", "Verdict"),
    ("missing", "缺失资料", "Missing"),
    ("verified", "已核实", "Verified"),
)
_CLASS_TITLES = {"use": ("建筑用途", "Use"), "status": ("状态", "Status"), "buildings": ("建筑数", "Buildings"), "with_roofs": ("已评估建筑数", "Assessed")}


def write_tables(
    path: Path,
    *,
    targets: Sequence[Mapping[str, Any]],
    regions: Mapping[str, pd.DataFrame],
    by_use: pd.DataFrame,
    by_status: pd.DataFrame,
    manifest: Mapping[str, Any],
    lang: str,
) -> None:
    """
    Write the spreadsheet of a run, whole or not at all.

    Parameters
    ----------
    path
        File to write or to replace.
    targets
        Rows of targets.json.
    regions
        Region tables by layer; grid cells are left to the map.
    by_use, by_status
        Sums by class, from `sum_classes`.
    manifest
        The run's manifest.
    lang
        "zh" or "en".
    """
    zh = lang != "en"
    book = Workbook()
    book.remove(book.worksheets[0])
    _sheet(book, "目标研判" if zh else "Targets", [c[1 if zh else 2] for c in _TARGET_COLUMNS], [_target(row, zh) for row in targets])
    names = {"responsible": "责任区域", "districts": "区县", "zones": "功能区", "parcels": "地块"}
    for layer, table in regions.items():
        if layer != "grid":
            _frame(book, names.get(layer, layer) if zh else layer, _ranked(table) if layer == "parcels" else table, "regions", zh)
    _frame(book, "按用途" if zh else "By use", by_use, "buildings", zh)
    _frame(book, "数据状态" if zh else "Status", by_status[["status", "buildings", "with_roofs"]], "buildings", zh)
    heads = ["名称", "数值", "单位", "来源", "已核实"] if zh else ["Name", "Value", "Unit", "Source", "Verified"]
    _sheet(book, "假设与来源" if zh else "Assumptions", heads, _assumptions(manifest, zh))
    part = path.with_name(path.name + ".part")
    book.save(part)
    part.replace(path)


def _target(row: Mapping[str, Any], zh: bool) -> list[Any]:
    shown = dict(row)
    shown["region"] = row["region"] if row["region"] is not None else ("全市" if zh else "whole")
    shown["title"] = row.get("title_zh" if zh else "title_en", row["id"])
    shown["verdict"] = _VERDICTS[row["verdict"]] if zh else row["verdict"]
    shown["missing"] = "；".join(_missing(item, zh) for item in row["missing"] or [])
    shown["responsible"] = "、".join(row["responsible"]) if isinstance(row["responsible"], list) else row["responsible"]
    shown["verified"] = ("是" if zh else "yes") if row["verified"] else ("否" if zh else "no")
    return [shown.get(key) for key, _, _ in _TARGET_COLUMNS]


def _missing(item: Any, zh: bool) -> str:
    if not isinstance(item, Mapping):
        return str(item)
    words = str(item.get("input" if zh else "input_en") or item.get("input"))
    return f"{words} [{item['cell']}]" if item.get("cell") else words


def _ranked(parcels: pd.DataFrame) -> pd.DataFrame:
    return parcels.sort_values(["kind", "pdc0_kwp", "name"], ascending=[False, False, True])


def _assumptions(manifest: Mapping[str, Any], zh: bool) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for part in ("system", "finance"):
        for fact in manifest["parameters"].get(part, []):
            known = ("是" if zh else "yes") if fact["verified"] else ("否" if zh else "no")
            rows.append([f"{part}.{fact['name']}", str(fact["value"]), fact["unit"], fact["source"], known])
    return rows + [["提示" if zh else "note", text, "", "", ""] for text in manifest["warnings"]]


def _frame(book: Workbook, title: str, frame: pd.DataFrame, table: str, zh: bool) -> None:
    known = {c.name: c for c in columns(table)}
    plain = frame.drop(columns=["geometry", "bbox", "kind"], errors="ignore")
    heads = []
    for name in plain.columns:
        if name in known:
            described = known[name]
            unit = f" ({described.unit})" if described.unit not in ("", "1") else ""
            heads.append((described.zh if zh else described.en) + unit)
        else:
            heads.append(_CLASS_TITLES.get(name, (name, name))[0 if zh else 1])
    _sheet(book, title, heads, plain.astype(object).where(plain.notna(), None).to_numpy().tolist())


def _sheet(book: Workbook, title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    sheet = book.create_sheet("".join("_" if c in "[]:*?/\\" else c for c in title)[:31])
    _put(sheet, 1, heads)
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True), _HEAD
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    for number, row in enumerate(rows, start=2):
        _put(sheet, number, row)
    sheet.freeze_panes = "B2"
    for column, head in enumerate(heads, start=1):
        longest = max([_width(head), *(_width(row[column - 1]) for row in rows[:200])])
        sheet.column_dimensions[get_column_letter(column)].width = min(_WIDEST, longest + 2)


def _put(sheet: Worksheet, number: int, values: Sequence[Any]) -> None:
    for column, value in enumerate(values, start=1):
        cell = sheet.cell(number, column)
        if isinstance(value, str):
            cell.value = value.translate(_CONTROL)
            # Names come from the data: "=1+1" is text, never a formula.
            cell.data_type = "s"
        elif isinstance(value, float):
            cell.value = value
            cell.number_format = "0.000" if abs(value) < 10 else "#,##0.0" if abs(value) < 1e4 else "#,##0"
        else:
            cell.value = value


def _width(value: Any) -> int:
    text = f"{value:,.1f}" if isinstance(value, float) else str(value if value is not None else "")
    return sum(2 if ord(c) > 0x2E80 else 1 for c in text.split("\n")[0])
