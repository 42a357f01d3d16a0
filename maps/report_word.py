"""The report as a Word document: the chapters that an assessment is handed up with, editable in Word and WPS."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import docx
from docx.document import Document
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor
from docx.table import Table as WordTable
from docx.text.paragraph import Paragraph

from layers.replacing import put_in_place

from .charts import Chart
from .report_blocks import Block, Grid, Heading, Listed, Picture, Report, Say, Table
from .report_chapters import make_report
from .tables import MapTables
from .words import Words

# Fonts that every Chinese Word and WPS has; on other systems the program takes its own for Chinese.
BODY, HEADS, LATIN = "宋体", "黑体", "Times New Roman"
_INK = RGBColor(0x24, 0x30, 0x2F)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NUMBER = re.compile(r"^[−–\-]?[\d,]+(\.\d+)?( ?%)?( ⚠)?$|^—$")
_WIDTH, _ACROSS = Cm(16), Cm(24.7)  # of the text, upright and across
# What no line break may cut: a run of Latin letters and digits, or one Chinese character.
_WORD = re.compile(r"（?[^\s\u2e80-\u9fff\uff00-\uffef]+[），；。]*|[\u2e80-\u9fff\uff00-\uffef]")
_LETTER = Pt(8.5) / 2
_SHORT = 12  # rows of a table that is not torn between pages
_NAME = 12  # Latin letters of a name or amount, that is six Chinese characters
_NARROW, _WIDE, _MARGINS = 8, 26, 4  # Latin letters; a longer text goes on in the next line
_TIGHT, _TIGHT_TWIPS = 1, 40  # margins of a table whose words would be cut: Latin letters of both sides, twips of one
_CAPITAL, _SPACE = 0.5, 0.5  # Latin letters: what a bold capital has more, M and W twice; a space before a break


def report_word(tables: MapTables, out: Path, lang: str, made: Report | None = None) -> Path:
    """
    Write the report of a run as a Word document with the same chapters as report.html.

    Parameters
    ----------
    tables
        The tables of a run.
    out
        File to write, usually report.docx.
    lang
        zh or en.
    made
        What `make_report` gives, where it is at hand already.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    LayersError
        The language is unknown, a table lacks what the report needs, or the file is open in another program.
    """
    told = make_report(tables, lang) if made is None else made
    paper = _Paper(told.words)
    _title(paper, told)
    for chapter in told.chapters:
        paper.turn(across=chapter.across)
        paper.document.add_heading(chapter.title, level=1)
        for block in chapter.blocks:
            paper.put(block)
    unfinished = out.with_name(f"{out.name}.part")
    try:
        memory = io.BytesIO()
        paper.document.save(memory)  # an archive that a full disk cuts short would complain once more when it is collected
        unfinished.write_bytes(memory.getvalue())
        put_in_place(unfinished, out)
    finally:
        unfinished.unlink(missing_ok=True)
    return out


class _Paper:
    """A document whose parts look alike."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.document: Document = docx.Document()
        self.text_width: int = _WIDTH
        section = self.document.sections[0]
        section.page_width, section.page_height = Cm(21), Cm(29.7)
        section.left_margin = section.right_margin = Cm(2.5)
        section.top_margin = section.bottom_margin = Cm(2.3)
        for name, family, size in (("Normal", BODY, 10.5), ("Title", HEADS, 20), ("Heading 1", HEADS, 15), ("Heading 2", HEADS, 12)):
            style = self.document.styles[name]
            style.font.name, style.font.size, style.font.color.rgb = LATIN, Pt(size), _INK
            fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
            for theme in [key for key in fonts.attrib if key.endswith("Theme")]:
                del fonts.attrib[theme]
            fonts.set(qn("w:eastAsia"), family)
        self.document.styles["Normal"].paragraph_format.space_after = Pt(6)
        _page_number(section.footer.paragraphs[0])

    def turn(self, *, across: bool) -> None:
        """Begin a section of upright or lying paper, where the last one is not so already."""
        if across == (self.text_width == _ACROSS):
            return
        section, (short, long) = self.document.add_section(), (Cm(21), Cm(29.7))
        section.orientation = WD_ORIENT.LANDSCAPE if across else WD_ORIENT.PORTRAIT
        section.page_width, section.page_height = (long, short) if across else (short, long)
        self.text_width = _ACROSS if across else _WIDTH

    def put(self, block: Block) -> None:
        """Set a block; cards are left to the page, since the table below them says the same."""
        match block:
            case Heading():
                self.document.add_heading(_clean(block.text), level=2)
            case Say():
                self.say(block.text)
            case Listed():
                self.list(block.texts, ordered=block.ordered)
            case Table():
                self.caption(block.caption, over=True)
                self.grid(block.grid, centred=block.looks == "headline")
            case Picture():
                self.picture(block.chart)
                self.caption(block.caption, over=False)

    def say(self, text: str) -> None:
        self.document.add_paragraph(_clean(text))

    def caption(self, text: str, *, over: bool) -> None:
        """Set a caption over its table or under its picture, never parted from it."""
        if not text:
            return
        paragraph = self.document.add_paragraph()
        run = paragraph.add_run(_clean(text))
        run.bold, run.font.size = True, Pt(9.5)
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.paragraph_format.keep_with_next = over
        paragraph.paragraph_format.space_after = Pt(3 if over else 10)

    def list(self, texts: Sequence[str], *, ordered: bool) -> None:
        name = "List Number" if ordered else "List Bullet"
        made = [self.document.add_paragraph(_clean(text), name) for text in texts]
        if ordered:  # each list counts from 1
            numbering = self.document.part.numbering_part.element
            num = numbering.add_num(numbering.num_having_numId(self.document.styles[name].element.pPr.numPr.numId.val).abstractNumId.val)
            num.add_lvlOverride(ilvl=0).add_startOverride(1)
            for paragraph in made:
                paragraph._p.get_or_add_pPr().get_or_add_numPr().get_or_add_numId().val = num.numId

    def picture(self, chart: Chart) -> None:
        self.document.add_picture(io.BytesIO(chart.png()), width=_WIDTH)
        self.document.paragraphs[-1].alignment = WD_ALIGN_PARAGRAPH.CENTER
        self.document.paragraphs[-1].paragraph_format.keep_with_next = True
        if chart.keys:
            self.say(f"{self.words['chart_keys']} {self.words['listed'].join(f'{sign} {label}' for sign, label in chart.keys.items())}")

    def grid(self, grid: Grid, *, centred: bool = False) -> None:
        rows = [*grid.rows, *([grid.total] if grid.total else [])]
        table = self.document.add_table(rows=0, cols=len(grid.heads), style="Table Grid")
        table.autofit = False
        heads = [_broken(head) for head in grid.heads]
        margins = _MARGINS if _holds([heads, *rows], self.text_width) else _TIGHT
        if margins == _TIGHT:
            _tighten(table)
        widths = _widths([heads, *rows], self.text_width, margins)
        for column, width in zip(table.columns, widths, strict=True):
            column.width = width
        for at, values in enumerate([heads, *rows]):
            last = grid.total is not None and at == len(rows)
            keep = len(rows) <= _SHORT and at < len(rows)
            table._tbl.append(parse_xml(_row(values, widths, head=at == 0, bold=at == 0 or last or centred, keep=keep, centred=centred)))
        self.document.add_paragraph()


def _clean(text: str) -> str:
    return _CONTROL.sub("", text)


def _broken(head: str) -> str:
    """Put the brackets of a long head, which hold its unit, on a line of their own."""
    if _columns(head) <= _NAME:
        return head
    return re.sub(r"(?<=\S)( ?)(\(|（)", r"\1\n\2", head, count=1).replace("，", "，\n")


def _tighten(table: WordTable) -> None:
    sides = "".join(f'<w:{side} w:w="{_TIGHT_TWIPS}" w:type="dxa"/>' for side in ("left", "right"))
    table._tbl.tblPr.find(qn("w:tblLook")).addprevious(parse_xml(f"<w:tblCellMar {nsdecls('w')}>{sides}</w:tblCellMar>"))


def _holds(rows: Sequence[Sequence[str]], whole: int) -> bool:
    """Tell whether the longest word, name or amount of every column stands uncut beside the others."""
    return sum(max(_MARGINS + word, _NARROW) for word in _longest_words(_lines(rows), names=True)) <= whole / _LETTER


def _lines(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[line for text in texts for line in text.split("\n")] for texts in zip(*rows, strict=True)]


def _longest_words(columns: Sequence[Sequence[str]], *, names: bool) -> list[float]:
    return [max(_bold(part) + _SPACE * line.endswith(" ") for line in lines for part in _unbroken(line, names)) for lines in columns]


def _bold(word: str) -> float:
    return _columns(word) + sum(_CAPITAL * (1 + (sign in "MW")) for sign in word if "A" <= sign <= "Z")


def _widths(rows: Sequence[Sequence[str]], whole: int, margins: int = _MARGINS) -> list[int]:
    """Share the page among the columns [EMU]: the longest word of each first, then by the longest text, which may take several lines."""
    most = whole / _LETTER
    columns = _lines(rows)
    words = _longest_words(columns, names=True)
    if sum(max(margins + word, _NARROW) for word in words) > most:
        words = _longest_words(columns, names=False)
    least, more = [], []
    for texts, word in zip(columns, words, strict=True):
        longest = max(_columns(text) for text in texts)
        least.append(max(margins + word, _NARROW))
        more.append(max(max(min(longest, _WIDE), min(longest / 6, 2 * _WIDE)) - word, 0.0) + 1.0)
    spare = max(most - sum(least), 0.0)
    shares = [floor + spare * wish / sum(more) for floor, wish in zip(least, more, strict=True)]
    return [int(whole * share / sum(shares)) for share in shares]


def _unbroken(text: str, names: bool) -> Sequence[str]:
    """Give the parts of a text that stay in one line; where there is room for it also short names and amounts."""
    return [text] if names and _columns(text) <= _NAME else _WORD.findall(text) or [""]


def _columns(text: str) -> int:
    """Width of a text in Latin letters; a Chinese character is two wide."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _row(values: Sequence[str], widths: Sequence[int], *, head: bool, bold: bool, keep: bool, centred: bool) -> str:
    """Write a row as XML, which is forty times as fast as cell by cell; heads come again on every page, no row is torn."""
    cells = []
    for value, width in zip(values, widths, strict=True):
        side = "center" if head or centred else "right" if _NUMBER.match(value) else "left"
        looks = f'<w:rPr>{"<w:b/>" if bold else ""}<w:sz w:val="17"/></w:rPr>'
        lines = "<w:br/>".join(f'<w:t xml:space="preserve">{escape(_clean(line))}</w:t>' for line in value.split("\n"))
        text = f"<w:r>{looks}{lines}</w:r>"
        together = "<w:keepNext/>" if keep else ""
        paragraph = f'<w:p><w:pPr>{together}<w:spacing w:before="20" w:after="20"/><w:jc w:val="{side}"/></w:pPr>{text}</w:p>'
        cells.append(f'<w:tc><w:tcPr><w:tcW w:w="{width // 635}" w:type="dxa"/></w:tcPr>{paragraph}</w:tc>')
    return f"<w:tr {nsdecls('w')}><w:trPr><w:cantSplit/>{'<w:tblHeader/>' if head else ''}</w:trPr>{''.join(cells)}</w:tr>"


def _page_number(paragraph: Paragraph) -> None:
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    paragraph._p.append(field)


def _title(paper: _Paper, told: Report) -> None:
    words, title = told.words, _clean(f"{told.study} {told.words['report']}")
    paper.document.core_properties.title = title
    paper.document.core_properties.author = "wuding"
    paper.say(words["internal"])
    paper.document.add_heading(title, level=0)
    paper.say(told.subject)
    for text in told.loud:
        paper.document.add_paragraph().add_run(_clean(text)).bold = True
