"""The spreadsheet of a run: targets, sums by region and use, parcels, data status, assumptions."""

import io
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from .carbon import Carbon, load_carbon
from .carbon_sheet import carbon_sheet, department_sheet
from .closing import split_words
from .codes import KINDS, code_word, role_word
from .heads import headed
from .missing import missing_text
from .near_sheet import connection_sheet, near_sheet
from .plan_sheets import business_sheet, plan_sheets
from .replacing import put_in_place
from .schema import column, columns

_LONGEST = 32_767  # characters that Excel holds in a cell
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PARTITIONS = ("responsible", "districts")
_NOT_LISTED = ("grid", "parcels")
_ADDED = ("buildings", "with_roofs", "roofs", "area_km2", "installed_kwp")
_WIDEST, _LINE = 60, 15.0  # letters of a column, points of a line
_HEAD = PatternFill("solid", fgColor="FFDCE6F1")


@dataclass(frozen=True)
class _Head:
    text: str
    format: str = "General"


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "spreadsheet.toml").read_text(encoding="utf-8"))


def write_tables(
    path: Path,
    *,
    targets: Sequence[Mapping[str, Any]],
    regions: Mapping[str, pd.DataFrame],
    by_use: pd.DataFrame,
    by_status: pd.DataFrame,
    manifest: Mapping[str, Any],
    lang: str,
    roadmap: Mapping[str, Any] | None = None,
    supply: pd.DataFrame | None = None,
    business: pd.DataFrame | None = None,
    near: Mapping[str, Any] | None = None,
    connection: pd.DataFrame | None = None,
    life: npt.ArrayLike | None = None,
    carbon: Carbon | None = None,
    departments: tuple[pd.DataFrame, Mapping[str, str]] | None = None,
) -> None:
    """
    Write the workbook: whole or not at all.

    Parameters
    ----------
    path
        File to write or to replace.
    targets
        Rows of targets.json.
    regions
        Table `regions` of every region layer by the layer's name.
    by_use, by_status
        Sums of buildings by `use` and by `status`.
    manifest
        The run's manifest.
    lang
        "zh" or "en".
    roadmap
        Content of roadmap.json, where the study has one.
    supply
        From `supply_curve`.
    business
        From `business.business_cases`.
    near
        Content of near_use.json.
    connection
        From `connection.connection_table`.
    life
        Energy of each year of operation over that of the first, shape (years,).
    carbon
        Factors of the run; None takes the built-in ones.
    departments
        From `departments.department_table`, with the map it was made by.

    Raises
    ------
    LayersError
        The file is open in another program; the new one then lies beside it.
    """
    book = Workbook()
    book.remove(book.worksheets[0])
    sheet = _Sheets(book, lang)
    sheet.add("targets", _target_heads(lang), _target_rows(targets, lang))
    sheet.add("regions", _region_heads(lang), _region_rows(regions, manifest.get("totals") or {}, lang))
    use_heads = [_Head(column("buildings", "use").title(lang)), *_heads("uses", "display", lang)]
    sheet.add("uses", use_heads, _use_rows(by_use, lang))
    parcel_heads = [
        _Head(_word("rank", lang), "0"),
        _Head(column("roofs", "parcel_id").title(lang)),
        _Head(column("parcels", "use").title(lang)),
        *_heads("parcels", "display_parcels", lang),
    ]
    sheet.add("parcels", parcel_heads, _parcel_rows(regions.get("parcels"), lang))
    word = partial(_word, lang=lang)
    extra = [] if business is None else [business_sheet(business, word, lang)]
    extra += [] if connection is None else [connection_sheet(connection, word)]
    extra += [near_sheet(near["rows"], word, lang)] if near else []
    if life is not None:
        areas = regions.get("responsible", regions.get("districts"))
        extra.append(carbon_sheet(by_use, areas, carbon or load_carbon(), life, word, lang))
    if departments is not None and len(departments[0]):
        extra.append(department_sheet(*departments, word, lang))
    for found in (*plan_sheets(targets, roadmap, supply, word, lang), *extra):
        own = (values if formats is None else _Formatted(values, formats) for values, formats in found.rows)
        sheet.add(found.name, [_Head(text, form) for text, form in found.heads], own)
    sheet.add("statuses", _status_heads(lang), _status_rows(by_status, lang))
    sheet.add("assumptions", [_Head(_word(name, lang)) for name in ("group", "item", "value", "source")], _assumptions(manifest, lang))
    unfinished = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        memory = io.BytesIO()
        book.save(memory)  # an archive that a full disk cuts short would complain once more when it is collected
        unfinished.write_bytes(memory.getvalue())
        put_in_place(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


class _Sheets:
    """Adds sheets that look alike."""

    def __init__(self, book: Workbook, lang: str) -> None:
        self.book, self.lang = book, lang
        self.dressed: dict[tuple[str | None, bool, bool], Any] = {}

    def _dress(self, cell: Any, form: str | None, wrap: bool, quoted: bool) -> None:
        """Give a cell the style of the first of its kind: to look up a style's parts for each of 300,000 cells took most of the time."""
        first = self.dressed.setdefault((form, wrap, quoted), cell)
        if first is not cell:
            cell._style = first._style  # one array for all: nothing dresses them again
            return
        cell.quotePrefix = quoted
        if form is not None:
            cell.number_format = form
        cell.alignment = Alignment(wrap_text=wrap, vertical="top") if form is None else Alignment(vertical="top")

    def add(self, name: str, heads: Sequence[_Head], rows: Iterator[Sequence[Any]]) -> None:
        sheet: Worksheet = self.book.create_sheet(_say("sheets", name, self.lang))
        widths = [_width(head.text) / 2 + 4 for head in heads]
        for number, head in enumerate(heads, start=1):
            cell = sheet.cell(1, number)
            cell.quotePrefix = _put(cell, head.text)
            cell.font, cell.fill = Font(bold=True), _HEAD
            cell.alignment = Alignment(wrap_text=True, vertical="center", horizontal="center")
        lines: dict[int, list[tuple[int, int]]] = {1: [(number, _width(head.text) + 2) for number, head in enumerate(heads)]}
        for at, row in enumerate(rows, start=2):
            for number, value in enumerate(row, start=1):
                cell = sheet.cell(at, number)
                formula = _put(cell, value)
                if isinstance(value, str):
                    letters = _width(value)
                    widths[number - 1] = max(widths[number - 1], letters + 2)
                    self._dress(cell, None, letters > _WIDEST, formula)
                    if letters > _WIDEST:
                        lines.setdefault(at, []).append((number - 1, letters))
                elif cell.value is not None:
                    form = row.formats[number - 1] if isinstance(row, _Formatted) else heads[number - 1].format
                    self._dress(cell, form, False, False)
                    widths[number - 1] = max(widths[number - 1], _number_width(cell.value, form))
        for number, width in enumerate(widths, start=1):
            sheet.column_dimensions[get_column_letter(number)].width = widths[number - 1] = min(max(width, 9), _WIDEST)
        for at, wrapped in lines.items():  # not every program makes room for wrapped text by itself
            sheet.row_dimensions[at].height = _LINE * max(math.ceil(width / (widths[column] - 1)) for column, width in wrapped)
        sheet.freeze_panes = "C2" if len(heads) > 8 else "A2"
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(heads))}{max(sheet.max_row, 1)}"
        sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = "landscape", 1, 0
        sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.print_title_rows = "1:1"


class _Formatted(list[Any]):
    """A row whose numbers do not follow the heads' formats."""

    def __init__(self, values: Sequence[Any], formats: Sequence[str]) -> None:
        super().__init__(values)
        self.formats = formats


def _put(cell: Cell | Any, value: Any) -> bool:
    """Write a value so that text stays text and what is not known stays empty; whether an edit in Excel would make it a formula."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return False
    if isinstance(value, (list, tuple, Mapping)):
        value = str(value)
    if isinstance(value, str):
        text = ILLEGAL_CHARACTERS_RE.sub("", value)[:_LONGEST]
        cell.value = text
        cell.data_type = "s"
        return text.startswith(_FORMULA)
    cell.value = value
    return False


def _number_width(value: Any, form: str) -> int:
    """Letters that a number takes with its thousands, digits and the unit that its format holds."""
    digits, unit = _digits_and_unit(form)
    shown = value * 100 if "%" in form and isinstance(value, (int, float)) else value
    return (len(f"{shown:,.{digits}f}") if isinstance(shown, (int, float)) else len(str(shown))) + unit + 3


@cache
def _digits_and_unit(form: str) -> tuple[int, int]:
    """Digits behind the point, and letters of the unit."""
    return len(form.partition(".")[2].split('"')[0].rstrip("%")), _width("".join(re.findall(r'"([^"]*)"', form)))


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)


def _say(table: str, name: str, lang: str) -> str:
    words = _data()[table].get(name)
    return name if words is None else str(words[0 if lang == "zh" else 1])


def _word(name: str, lang: str) -> str:
    return _say("words", name, lang)


def _heads(listed: str, display: str, lang: str) -> list[_Head]:
    return [_head(name, display, lang) for name in _data()["columns"][listed]]


def _head(name: str, display: str, lang: str) -> _Head:
    shown = _shown(name, display, lang)
    if name == "with_roofs":
        return _Head(_word(name, lang), "#,##0")
    title = column("parcels", name).title(lang)
    if shown is None:
        return _Head(title, "#,##0")
    return _Head(headed(title, shown["unit"], lang), shown["format"])


@cache
def _shown(name: str, display: str, lang: str) -> dict[str, Any] | None:
    """Give unit, factor and format of a column; what differs between the languages is a list of two."""
    found: dict[str, Any] | None = _data()[display].get(name, _data()["display"].get(name))
    at = 0 if lang == "zh" else 1
    return found and {key: value[at] if isinstance(value, list) else value for key, value in found.items()}


def _values(row: Mapping[Any, Any], listed: str, display: str, lang: str) -> list[Any]:
    values: list[Any] = []
    for name in _data()["columns"][listed]:
        shown, value = _shown(name, display, lang), row.get(name)
        if value is None or pd.isna(value):
            values.append(None)
        else:
            values.append(value if shown is None else float(value) * shown["factor"])
    return values


def _target_heads(lang: str) -> list[_Head]:
    names = (
        "region",
        "target",
        "clause",
        "responsible",
        "required",
        "built",
        "planned",
        "technical",
        "achieved",
        "gap",
        "unit",
        "gap_kwp",
        "gap_m2",
        "gap_roofs",
        "proposal",
        "deadline",
    )
    return [_Head(_word(name, lang)) for name in (*names, "verdict", "missing", "verified", "note")]


def _target_rows(targets: Sequence[Mapping[str, Any]], lang: str) -> Iterator[Sequence[Any]]:
    if not targets:
        yield [_word("no_policy", lang)]
    for row in targets:
        share = row["unit"] == "1"
        number = "0.0%" if share else "#,##0.0##"
        required, built = row["required"], row["built"]
        achieved = built / required if required and built is not None else None
        units = row["responsible"]
        values = [
            row["region"] or _word("whole", lang),
            row.get(f"title_{lang}") or row["id"],
            row["clause"],
            units if isinstance(units, str) or units is None else "、".join(units),
            required, built, row["planned"], row["technical"], achieved, row["gap"],
            "%" if share else row["unit"],
            *(row.get(name) for name in ("gap_kwp", "gap_m2", "gap_roofs")),
            split_words(row, lang) or None,
            row["deadline"],
            code_word("verdict", row["verdict"], lang),
            ("；" if lang == "zh" else "; ").join(missing_text(item, lang) for item in row["missing"] or ()),
            _word("yes" if row["verified"] else "value_only" if row.get("value_verified") else "no_mark", lang),
            row.get(f"note_{lang}"),
        ]  # fmt: skip
        yield _Formatted(values, ["General"] * 4 + [number] * 4 + ["0.0%", number, "General"] + ["#,##0"] * 3 + ["General"] * 6)


def _region_heads(lang: str) -> list[_Head]:
    return [_Head(_word("layer", lang)), _Head(column("regions", "name").title(lang)), *_heads("regions", "display", lang)]


def _region_rows(regions: Mapping[str, pd.DataFrame], totals: Mapping[str, Any], lang: str) -> Iterator[Sequence[Any]]:
    first = [name for name in _PARTITIONS if name in regions]
    others = [name for name in regions if name not in (*_PARTITIONS, *_NOT_LISTED)]
    for layer in (*first, *others):
        frame = pd.DataFrame(regions[layer].drop(columns="geometry", errors="ignore"))
        title = code_word("layer", layer, lang)
        for row in frame.to_dict("records"):
            outside = row["kind"] == "outside"
            if not outside and not row["roofs"]:  # nothing is known of an area without buildings, which is not a potential of zero
                row = {name: row[name] for name in ("area_km2", "buildings", "roofs")} | {"name": row["name"]}
                yield [title, row["name"], *_values(row, "regions", "display", lang)]
            elif not outside or row["roofs"]:
                yield [title, _word("outside", lang) if outside else row["name"], *_values(row, "regions", "display", lang)]
        if layer in _PARTITIONS:
            sums = {name: frame[name].sum(min_count=1) for name in _ADDED if name in frame}
            yield [title, _word("total", lang), *_values({**totals, **sums}, "regions", "display", lang)]
    if others:
        yield [_word("note", lang), _word("overlap", lang)]


def _use_rows(by_use: pd.DataFrame, lang: str) -> Iterator[Sequence[Any]]:
    for row in by_use.sort_values("pdc0_kwp", ascending=False, kind="stable").to_dict("records"):
        yield [code_word("use", str(row["use"]), lang), *_values(row, "uses", "display", lang)]
    numbers = by_use.select_dtypes("number")
    total: dict[Any, Any] = {name: numbers[name].sum(min_count=1) for name in numbers if name != "specific_yield"}
    kwp = total.get("pdc0_kwp", 0.0)
    yield [
        _word("total", lang),
        *_values({**total, "specific_yield": total["energy_kwh"] / kwp if kwp > 0 else None}, "uses", "display", lang),
    ]


def _parcel_rows(parcels: pd.DataFrame | None, lang: str) -> Iterator[Sequence[Any]]:
    if parcels is None:
        yield [None, _word("no_parcels", lang)]
        return
    table = pd.DataFrame(parcels.drop(columns="geometry", errors="ignore"))
    ranked = table.assign(outside=table["kind"] == "outside").sort_values(["outside", "rank", "name"], kind="stable")
    for row in ranked.to_dict("records"):
        name = _word("outside", lang) if row["outside"] else row["name"]
        rank = None if pd.isna(row["rank"]) else row["rank"]
        yield [rank, name, code_word("use", str(row["use"]), lang), *_values(row, "parcels", "display_parcels", lang)]
    yield [None, _word("parcel_note", lang)]


def _status_heads(lang: str) -> list[_Head]:
    installed = _head("installed_kwp", "display", lang)
    return [_Head(_word("status", lang)), _Head(_word("buildings", lang), "#,##0"), _Head(_word("share", lang), "0.0%"), installed]


def _status_rows(by_status: pd.DataFrame, lang: str) -> Iterator[Sequence[Any]]:
    every = int(by_status["buildings"].sum())
    for row in by_status.sort_values("buildings", ascending=False, kind="stable").to_dict("records"):
        share = row["buildings"] / every if every else None
        yield [code_word("status", str(row["status"]), lang), row["buildings"], share, row.get("installed_kwp", np.nan) / 1000]
    yield [
        _word("total", lang),
        every,
        1.0 if every else None,
        by_status["installed_kwp"].sum() / 1000 if "installed_kwp" in by_status else None,
    ]


def _assumptions(manifest: Mapping[str, Any], lang: str) -> Iterator[Sequence[Any]]:
    """Lay the manifest out as lines: group, item, value with unit, source with a mark where it could not be checked."""
    for group in _data()["groups"]:
        for item, value, source in _flat(manifest.get(group), "", lang):
            shown = _totals_title(item, lang) if group == "totals" else _item(item, lang)
            yield [_say("groups", group, lang), shown, value, source]


def _flat(value: Any, item: str, lang: str) -> Iterator[tuple[str, Any, str | None]]:
    if isinstance(value, Mapping) and {"name", "value"} <= set(value):
        unchecked = "" if value.get("verified", True) else ("（未经核实）" if lang == "zh" else " (not checked)")
        unit = "" if value.get("unit") in (None, "", "1", "-") else f" [{value['unit']}]"
        yield f"{item} {value['name']}{unit}".strip(), _plain(value["value"], lang), f"{value.get('source') or ''}{unchecked}" or None
    elif isinstance(value, Mapping) and {"path", "sha256"} <= set(value):
        yield role_word(str(value.get("role") or item), lang), str(value["path"]), f"sha256 {value['sha256']}"
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{item} {key}".strip(), lang)
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value, start=1):
            yield from _flat(inner, item if isinstance(inner, Mapping) else f"{item} {number}".strip(), lang)
    elif value is not None:
        yield item, _plain(value, lang), None


def _item(item: str, lang: str) -> str:
    """Say the keys of an item in words; those of the study file stay, since its reader knows them."""
    first, _, rest = item.partition(" ")
    if first == "study":
        return f"{code_word('assumption', first, lang)} {rest}"
    words = []
    for key in item.split(" "):
        head, _, use = key.partition(".")
        whole = code_word("assumption", key, lang)
        named = whole == key and head in KINDS["assumption"]
        words.append(f"{code_word('assumption', head, lang)} {code_word('use', use, lang)}" if named else whole)
    return " ".join(words)


def _totals_title(name: str, lang: str) -> str:
    return next((c.label(lang) for c in (*columns("regions"), *columns("roofs")) if c.name == name), name)


def _plain(value: Any, lang: str) -> Any:
    if isinstance(value, (list, tuple)):
        return "; ".join(", ".join(str(part) for part in item) if isinstance(item, (list, tuple)) else str(item) for item in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_plain(item, lang)}" for key, item in value.items())
    return _word("yes" if value else "no", lang) if isinstance(value, bool) else value
