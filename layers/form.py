"""The Excel form for what only the user knows: written empty, read back with errors that name the cell."""

import datetime
import math
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from .errors import LayersError
from .form_fields import CITY, COLOURS, FIELDS, GROUPS, INTRO, PV_CLASSES, SHEETS, YES_NO, Field, Lang
from .form_values import FIRST_ROW, MOST_MW, FormValues, Value, area_names, shown_name, too_many_mw

HEAD_ROW = 2
LEAST_RATIO, MOST_RATIO = 0.8, 2.0  # of DC to AC in plants that were built
INK, PAPER, INPUT = "FF1F3A4D", "FFE8EEF2", "FFFFFBE6"


def write_form(path: Path, areas: Sequence[str], lang: Lang = "zh", *, overwrite: bool = False) -> Path:
    """
    Write the empty form.

    Parameters
    ----------
    path
        The .xlsx file to write.
    areas
        Accountable areas; the whole city has a row of its own above them.
    lang
        Language of heads and explanations.
    overwrite
        Replace a file that is there; without it, a form that somebody filled in is never lost.

    Returns
    -------
    path
        The written file.

    Raises
    ------
    LayersError
        If the file exists, cannot be written, or two areas have one name.
    """
    if path.exists() and not overwrite:
        raise LayersError(f"{path.name} exists and may hold entries; give another name or move it away")
    shown = area_names(areas, lang)
    book = Workbook()
    table = book.active
    if not isinstance(table, Worksheet):
        raise LayersError(f"{path.name}: the workbook has no sheet to write to")
    table.title = SHEETS[lang][0]
    _heads(table, lang)
    _inputs(table, (CITY[lang], *shown))
    _checks(table, FIRST_ROW + len(shown), lang)
    _explain(book.create_sheet(SHEETS[lang][1]), lang)
    try:
        book.save(path)
    except OSError as problem:
        raise LayersError(f"{path.name} cannot be written ({problem.strerror}); close it in Excel or WPS and try again") from None
    return path


def read_form(path: Path, areas: Sequence[str] | None = None) -> FormValues:
    """
    Read a filled form.

    Parameters
    ----------
    path
        The .xlsx file.
    areas
        Accountable areas of the study; the form may have no other and leave none out.

    Returns
    -------
    form
        Values by area and field; an empty cell is None, 0 is zero.

    Raises
    ------
    LayersError
        With all problems at once, each naming sheet and cell.
    """
    plain, formulas, lang = _open(path)
    problems: list[str] = []
    columns = _find_heads(plain, lang, problems)
    rows = _find_rows(plain, lang, areas, problems)
    values: dict[tuple[str | None, str], Value] = {}
    for area, row in rows.items():
        for asked, column in columns.items():
            where = f"{plain.title}!{get_column_letter(column)}{row}"
            try:
                values[area, asked.key] = _value(plain.cell(row, column).value, formulas.cell(row, column).value, asked)
            except ValueError as problem:
                problems.append(f"{where} ({asked.head(lang)}): {problem}")
    form = FormValues(tuple(area for area in rows if area is not None), values, rows, plain.title)
    problems = problems or _contradictions(form)
    if problems:
        shown = "\n  ".join(problems[:20]) + (f"\n  … and {len(problems) - 20} more" if len(problems) > 20 else "")
        raise LayersError(f"{path.name}:\n  {shown}" if len(problems) > 1 else f"{path.name}: {problems[0]}")
    return form


def _text(cell: Cell, text: str) -> None:
    # A name that begins with = must stay a name: the type is set by hand and Excel told to quote it.
    cell.value = text
    cell.data_type = "s"
    cell.quotePrefix = text[:1] in ("=", "+", "-", "@")


def _heads(table: Worksheet, lang: Lang) -> None:
    fill, white = PatternFill("solid", fgColor=INK), Font(bold=True, color="FFFFFFFF")
    middle = Alignment(horizontal="center", vertical="center", wrap_text=True)
    _put(table, 1, 1, SHEETS[lang][0])
    _put(table, HEAD_ROW, 1, SHEETS[lang][2])
    start = 2
    for group, titles in GROUPS.items():
        width = sum(asked.group == group for asked in FIELDS)
        _put(table, 1, start, titles[lang])
        table.merge_cells(start_row=1, end_row=1, start_column=start, end_column=start + width - 1)
        start += width
    for column, asked in enumerate(FIELDS, start=2):
        _put(table, HEAD_ROW, column, asked.head(lang))
        table.column_dimensions[get_column_letter(column)].width = 16
    for row in table.iter_rows(min_row=1, max_row=HEAD_ROW, max_col=len(FIELDS) + 1):
        for cell in row:
            cell.fill, cell.font, cell.alignment = fill, white, middle
    table.column_dimensions["A"].width = 22
    table.row_dimensions[HEAD_ROW].height = 64
    table.freeze_panes = f"B{FIRST_ROW}"


def _put(table: Worksheet, row: int, column: int, text: str) -> Cell:
    cell = table.cell(row, column)
    if not isinstance(cell, Cell):
        raise LayersError(f"{table.title}: cell {row}, {column} is part of a merged cell")
    _text(cell, text)
    return cell


def _inputs(table: Worksheet, names: Sequence[str]) -> None:
    line = Side(style="thin", color="FFBFC9D1")
    for row, name in enumerate(names, start=FIRST_ROW):
        cell = _put(table, row, 1, name)
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor=PAPER)
        for column, asked in enumerate(FIELDS, start=2):
            entry = table.cell(row, column)
            entry.fill = PatternFill("solid", fgColor=INPUT)
            entry.border = Border(left=line, right=line, top=line, bottom=line)
            entry.protection = Protection(locked=False)
            entry.number_format = {"number": "#,##0.###", "year": "0"}.get(asked.kind, "@")


def _checks(table: Worksheet, last_row: int, lang: Lang) -> None:
    rules = {
        "number": {"type": "decimal", "operator": "greaterThanOrEqual", "formula1": "0"},
        "year": {"type": "whole", "operator": "between", "formula1": "2000", "formula2": "2100"},
        "colour": {"type": "list", "formula1": f'"{",".join(COLOURS[lang])}"'},
        "yes_no": {"type": "list", "formula1": f'"{",".join(YES_NO[lang])}"'},
    }
    for kind, rule in rules.items():
        check = DataValidation(allow_blank=True, showErrorMessage=True, **rule)  # type: ignore[arg-type]
        check.error = INTRO[lang][0]
        for column, asked in enumerate(FIELDS, start=2):
            if asked.kind == kind:
                check.add(f"{get_column_letter(column)}{FIRST_ROW}:{get_column_letter(column)}{last_row}")
        table.add_data_validation(check)


def _explain(sheet: Worksheet, lang: Lang) -> None:
    row = 1
    for line in INTRO[lang]:
        _put(sheet, row, 1, line).alignment = Alignment(wrap_text=True, vertical="top")
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=3)
        sheet.row_dimensions[row].height = 32
        row += 1
    for column, asked in enumerate(FIELDS, start=2):
        row += 1
        _put(sheet, row, 1, get_column_letter(column))
        _put(sheet, row, 2, asked.head(lang)).alignment = Alignment(wrap_text=True, vertical="top")
        _put(sheet, row, 3, asked.meaning(lang)).alignment = Alignment(wrap_text=True, vertical="top")
    for letter, width in zip("ABC", (8, 44, 80), strict=True):
        sheet.column_dimensions[letter].width = width


def _open(path: Path) -> tuple[Worksheet, Worksheet, Lang]:
    try:
        plain, formulas = load_workbook(path, data_only=True), load_workbook(path)
    except FileNotFoundError:
        raise LayersError(f"the form {path.name} does not exist; write one with wuding template and fill it in") from None
    except (OSError, KeyError, BadZipFile, InvalidFileException) as problem:
        raise LayersError(
            f"the form {path.name} cannot be read as an .xlsx workbook ({problem}); save it as .xlsx from Excel or WPS"
        ) from None
    langs: tuple[Lang, ...] = ("zh", "en")
    for lang in langs:
        name = SHEETS[lang][0]
        if name in plain.sheetnames:
            return plain[name], formulas[name], lang
    raise LayersError(
        f"{path.name} has no sheet {SHEETS['zh'][0]!r}; its sheets are {', '.join(plain.sheetnames)}. Use the form of wuding template"
    )


def _find_heads(sheet: Worksheet, lang: Lang, problems: list[str]) -> dict[Field, int]:
    heads = {_plain(sheet.cell(HEAD_ROW, column).value): column for column in range(2, sheet.max_column + 1)}
    columns = {}
    for number, asked in enumerate(FIELDS, start=2):
        if heads.pop(_plain(asked.head(lang)), None) == number:
            columns[asked] = number
        else:
            where = f"{sheet.title}!{get_column_letter(number)}{HEAD_ROW}"
            found = sheet.cell(HEAD_ROW, number).value
            problems.append(f"{where}: the head is {found!r}, expected {asked.head(lang)!r}; columns must not be moved or renamed")
    return columns


def _find_rows(sheet: Worksheet, lang: Lang, areas: Sequence[str] | None, problems: list[str]) -> dict[str | None, int]:
    rows: dict[str | None, int] = {}
    for row in range(FIRST_ROW, sheet.max_row + 1):
        raw = sheet.cell(row, 1).value
        name = None if raw is None else shown_name(str(raw))
        if not name:
            if any(sheet.cell(row, column).value is not None for column in range(2, len(FIELDS) + 2)):
                problems.append(f"{sheet.title}!A{row}: the row has entries but no area")
            continue
        area = None if name == CITY[lang] else name
        if area in rows:
            problems.append(f"{sheet.title}!A{row}: {name!r} stands already in row {rows[area]}")
        elif area is not None and areas is not None and area not in {shown_name(known) for known in areas}:
            problems.append(f"{sheet.title}!A{row}: the study has no accountable area {name!r}; it has {', '.join(areas)}")
        else:
            rows[area] = row
    lost = [known for known in areas or () if shown_name(known) not in rows]
    problems.extend(f"{sheet.title}: the row of {known!r} is missing; write a new form with wuding template" for known in lost)
    if None not in rows:
        problems.append(f"{sheet.title}: the row {CITY[lang]!r} is missing; write a new form with wuding template")
    return rows


def _plain(value: Any) -> str:
    return "".join(unicodedata.normalize("NFKC", str(value)).split())


def _value(value: Any, formula: Any, asked: Field) -> Value:
    """Turn what stands in a cell into the field's value; the ValueError completes the sentence that names the cell."""
    if isinstance(formula, str) and formula.startswith("=") and value is None:
        raise ValueError(f"holds the formula {formula!r} without a result; open and save the form in Excel or WPS, or write the number")
    text = unicodedata.normalize("NFKC", str(value)).strip() if value is not None else ""
    if not text:
        return None
    if asked.kind in ("colour", "yes_no"):
        pairs = zip(*(COLOURS.values() if asked.kind == "colour" else YES_NO.values()), strict=True)
        for pair in pairs:
            if text.lower() in pair or text in (f"{pair[0]}区", f"{pair[0]}色"):
                return str(pair[1]) if asked.kind == "colour" else pair[1] == "yes"
        choices = COLOURS["zh"] if asked.kind == "colour" else YES_NO["zh"]
        raise ValueError(f"holds {text!r}, expected one of {', '.join(choices)}; leave it empty if unknown")
    try:
        if isinstance(value, (bool, datetime.date, datetime.time)):
            raise ValueError
        number = float(value if isinstance(value, (int, float)) else text)
    except ValueError:
        raise ValueError(f"holds {text!r}, expected a number in {asked.unit}; leave it empty if unknown, write 0 for none") from None
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"holds {text}, expected a number of 0 or more in {asked.unit}")
    if asked.unit == "MW" and number > MOST_MW:
        raise ValueError(too_many_mw(number))
    if asked.kind == "year":
        if number != int(number) or not 2000 <= number <= 2100:
            raise ValueError(f"holds {text}, expected a year from 2000 to 2100")
        return int(number)
    return number


def _contradictions(form: FormValues) -> list[str]:
    """Numbers that cannot all be true: parts above their total."""
    problems = []
    for area in (None, *form.areas):
        for kind in ("ac", "dc"):
            whole = form.get(area, f"existing_{kind}_mw")
            given = [form.get(area, f"existing_{name}_{kind}_mw") or 0.0 for name in PV_CLASSES]
            if whole is not None and math.fsum(given) > whole * (1 + 1e-9):
                problems.append(
                    f"{form.cell(area, f'existing_{kind}_mw')}: the total is {whole:g} MW but its classes add up to {math.fsum(given):g} MW"
                )
        ac, dc = (form.get(area, f"existing_{kind}_mw") for kind in ("ac", "dc"))
        if ac and dc and not LEAST_RATIO <= dc / ac <= MOST_RATIO:
            problems.append(
                f"{form.cell(area, 'existing_dc_mw')}: {dc:g} MW DC beside {ac:g} MW AC; DC is {LEAST_RATIO:g} to {MOST_RATIO:g} times AC: "
                "check the units of both"
            )
    for asked in FIELDS:
        city = form.get(None, asked.key) if asked.adds_up else None
        parts = math.fsum(form.get(area, asked.key) or 0.0 for area in form.areas) if city is not None else 0.0
        if city is not None and parts > city * (1 + 1e-9):
            problems.append(
                f"{form.cell(None, asked.key)}: the whole is {city:g} {asked.unit} but its areas add up to {parts:g} {asked.unit}"
            )
    return problems
