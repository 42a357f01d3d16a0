"""The report as a Word document: the chapters that an assessment is handed up with, editable in Word and WPS."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import docx
from docx.document import Document
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph

from layers.evaluation import Line, evaluation_lines
from layers.replacing import put_in_place

from .charts import Chart
from .report import Grid, content
from .tables import MapTables
from .words import Words, amount

# Fonts that every Chinese Word and WPS has; on other systems the program takes its own for Chinese.
BODY, HEADS, LATIN = "宋体", "黑体", "Times New Roman"
_INK = RGBColor(0x24, 0x30, 0x2F)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NUMBER = re.compile(r"^[−–\-]?[\d,]+(\.\d+)?( %)?$|^—$")
_WIDTH, _ACROSS = Cm(16), Cm(24.7)  # of the text, upright and across
# What no line break may cut: a run of Latin letters and digits, or one Chinese character.
_WORD = re.compile(r"[^\s\u2e80-\u9fff\uff00-\uffef]+|[\u2e80-\u9fff\uff00-\uffef]")
_LETTER = Pt(8.5) / 2
_NARROW, _WIDE, _MARGINS = 5, 26, 4  # Latin letters; a longer text goes on in the next line


def report_word(tables: MapTables, out: Path, lang: str, said: dict[str, Any] | None = None) -> Path:
    """
    Write the report of a run as a Word document with the same contents as report.html.

    Parameters
    ----------
    tables
        The tables of a run.
    out
        File to write, usually report.docx.
    lang
        zh or en.
    said
        What `content` gives, where it is at hand already.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    LayersError
        The language is unknown, a table lacks what the report needs, or the file is open in another program.
    """
    said = content(tables, lang) if said is None else said
    words: Words = said["w"]
    paper = _Paper(words)
    _title(paper, said)
    _first_chapters(paper, said)
    _targets(paper, said)
    _plans(paper, said)
    _last_chapters(paper, said)
    _annexes(paper, said, tables)
    unfinished = out.with_name(f"{out.name}.part")
    try:
        paper.document.save(str(unfinished))
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

    def chapter(self, name: str) -> None:
        self.document.add_heading(self.words.chapters[name], level=1)

    def say(self, text: str, style: str | None = None) -> None:
        self.document.add_paragraph(_clean(text), style)

    def listed(self, texts: Sequence[str], style: str = "List Bullet") -> None:
        for text in texts:
            self.say(text, style)

    def picture(self, chart: Chart) -> None:
        self.document.add_picture(io.BytesIO(chart.png()), width=_WIDTH)
        self.document.paragraphs[-1].alignment = WD_ALIGN_PARAGRAPH.CENTER
        if chart.keys:
            self.say(f"{self.words['chart_keys']} {self.words['listed'].join(f'{sign} {label}' for sign, label in chart.keys.items())}")

    def grid(self, grid: Grid, title: str | None = None) -> None:
        if title:
            self.document.add_heading(_clean(title), level=2)
        rows = [*grid.rows, *([grid.total] if grid.total else [])]
        table = self.document.add_table(rows=0, cols=len(grid.heads), style="Table Grid")
        table.autofit = False
        widths = _widths([grid.heads, *rows], self.text_width)
        for column, width in zip(table.columns, widths, strict=True):
            column.width = width
        for at, values in enumerate([grid.heads, *rows]):
            last = grid.total is not None and at == len(rows)
            table._tbl.append(parse_xml(_row(values, widths, head=at == 0, bold=at == 0 or last)))
        self.say("")


def _clean(text: str) -> str:
    return _CONTROL.sub("", text)


def _widths(rows: Sequence[Sequence[str]], whole: int) -> list[int]:
    """Share the page among the columns [EMU]: the longest word of each first, then by the longest text, which may take several lines."""
    least, more = [], []
    for texts in zip(*rows, strict=True):
        word = max(_columns(part) for text in texts for part in _WORD.findall(text) or [""])
        longest = max(_columns(text) for text in texts)
        least.append(_MARGINS + max(word, _NARROW))
        more.append(max(max(min(longest, _WIDE), min(longest / 6, 2 * _WIDE)) - word, 0.0) + 1.0)
    spare = max(whole / _LETTER - sum(least), 0.0)
    shares = [floor + spare * wish / sum(more) for floor, wish in zip(least, more, strict=True)]
    return [int(whole * share / sum(shares)) for share in shares]


def _columns(text: str) -> int:
    """Width of a text in Latin letters; a Chinese character is two wide."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _row(values: Sequence[str], widths: Sequence[int], *, head: bool, bold: bool) -> str:
    """Write a row as XML, which is forty times as fast as cell by cell; heads come again on every page, no row is torn between two."""
    cells = []
    for value, width in zip(values, widths, strict=True):
        side = "center" if head else "right" if _NUMBER.match(value) else "left"
        looks = f'<w:rPr>{"<w:b/>" if bold else ""}<w:sz w:val="17"/></w:rPr>'
        text = f'<w:r>{looks}<w:t xml:space="preserve">{escape(_clean(value))}</w:t></w:r>'
        paragraph = f'<w:p><w:pPr><w:spacing w:before="20" w:after="20"/><w:jc w:val="{side}"/></w:pPr>{text}</w:p>'
        cells.append(f'<w:tc><w:tcPr><w:tcW w:w="{width // 635}" w:type="dxa"/></w:tcPr>{paragraph}</w:tc>')
    return f"<w:tr {nsdecls('w')}><w:trPr><w:cantSplit/>{'<w:tblHeader/>' if head else ''}</w:trPr>{''.join(cells)}</w:tr>"


def _page_number(paragraph: Paragraph) -> None:
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    paragraph._p.append(field)


def _title(paper: _Paper, said: dict[str, Any]) -> None:
    words, study = paper.words, said["study"]
    paper.document.core_properties.title = f"{study['name']} {words['report']}"
    paper.document.core_properties.author = "wuding"
    paper.say(words["internal"])
    paper.document.add_heading(_clean(f"{study['name']} {words['report']}"), level=0)
    policy = f"{words['policy']} {said['policy']}" if said["policy"] else words["no_policy"]
    paper.say(f"{words['as_of']} {study['as_of']} · {policy} · {study['crs']}")
    for remark in said["remarks"]:
        if remark.loud:
            paper.document.add_paragraph().add_run(_clean(remark.text)).bold = True


def _first_chapters(paper: _Paper, said: dict[str, Any]) -> None:
    words = paper.words
    paper.chapter("basis")
    paper.say(words["scope_asked"])
    paper.say(said["scope"])
    paper.document.add_heading(words["s_method"], level=2)
    paper.listed(said["method"], "List Number")
    paper.chapter("summary")
    headline = said["headline"]
    paper.grid(Grid(tuple(title for title, _, _ in headline), (tuple(f"{value} {unit}".strip() for _, value, unit in headline),)))
    for sentence in said["answer"]:
        paper.say(sentence)
    paper.chapter("roofs")
    paper.grid(said["area_table"], words["s_area"])
    paper.chapter("potential")
    paper.grid(said["steps_of_potential"])
    for chart, grid, title in (("area", "by_area", "by_area"), ("use", "by_use", "by_use")):
        if chart in said["charts"]:
            paper.picture(said["charts"][chart])
            paper.grid(said[grid], words[title])
    if said["by_department"]:
        paper.grid(said["by_department"], words["department_title"])


def _targets(paper: _Paper, said: dict[str, Any]) -> None:
    words, shown = paper.words, [*said["main"], *said["others"]]
    paper.chapter("targets")
    if not shown:
        paper.say(words["targets_none"])
        return
    names = ("targets", "clause", "deadline", "required", "built", "share_done", "planned", "technical", "gap", "verdict")
    rows = tuple(
        (g.marked, g.clause, g.year or "—", g.required, g.built, g.share, g.planned, g.technical, g.gap, g.verdict_word) for g in shown
    )
    paper.grid(Grid(tuple(words[name] for name in names), rows))
    join = ("；" if words.lang == "zh" else "; ").join
    said_of = [(g.marked, join(filter(None, (g.closes, g.note)))) for g in shown]
    paper.listed([f"{title}{_colon(words)}{text}" for title, text in said_of if text])
    if said["unverified"]:
        paper.say(words["unverified"])
    if said["sensitivity"]:
        title, cases, unknown = said["sensitivity"]
        paper.grid(cases, title)
        if unknown:
            paper.say(unknown)


def _colon(words: Words) -> str:
    return "：" if words.lang == "zh" else ": "


def _plans(paper: _Paper, said: dict[str, Any]) -> None:
    words = paper.words
    paper.chapter("hosting")
    if said["near"]:
        paper.say(said["near_said"])
        for title, grid in said["near"]:
            paper.grid(grid, title)
        paper.say(words.chapters["near_note"])
    else:
        paper.say(words.chapters["no_hosting"])
    paper.chapter("roadmap")
    if "roadmap" in said["charts"]:
        paper.picture(said["charts"]["roadmap"])
    if said["outcomes"]:
        paper.grid(said["outcomes"])
    for name, arises, years in said["scenarios"]:
        paper.document.add_heading(_clean(name), level=2)
        paper.say(arises)
        paper.grid(years)
    if not said["scenarios"]:
        paper.say(words.chapters["no_roadmap"])
    paper.chapter("money")
    if said["money"].rows:
        paper.grid(said["money"])
        paper.say(words["lcoe_note"])
    if said["business"]:
        paper.grid(said["business"], words["business_title"])
        paper.say(words["business_note"])
    if "supply" in said["charts"]:
        paper.picture(said["charts"]["supply"])
    paper.chapter("carbon")
    for sentence in said["carbon"]:
        paper.say(sentence)
    paper.say(words.lists["limits"][-1])


def _last_chapters(paper: _Paper, said: dict[str, Any]) -> None:
    words = paper.words
    paper.chapter("quality")
    paper.grid(said["statuses"])
    paper.grid(said["tiers"])
    if said["sanity"].rows:
        paper.say(words["sanity"])
        paper.grid(said["sanity"])
    if "sure" in said["charts"]:
        paper.picture(said["charts"]["sure"])
        paper.say(words["uncertainty_note"])
    if said["audit"]:
        paper.say(said["audit"])
    paper.listed([remark.text for remark in said["remarks"]])
    paper.document.add_heading(words["warnings"], level=2)
    paper.listed(said["warnings"] or [words["no_warnings"]])
    paper.document.add_heading(words["s_limits"], level=2)
    paper.listed(said["limits"])
    paper.chapter("missing")
    paper.listed([f"{title}{_colon(words)}{words['listed'].join(names)}" for title, names in said["missing"]] or [words["next_none"]])
    paper.listed(said["steps"], "List Number 2")


def _annexes(paper: _Paper, said: dict[str, Any], tables: MapTables) -> None:
    words = paper.words
    section = paper.document.add_section()
    section.orientation, section.page_width, section.page_height = WD_ORIENT.LANDSCAPE, Cm(29.7), Cm(21)
    paper.text_width = _ACROSS
    paper.chapter("tables")
    if tables.targets:
        paper.grid(evaluation(tables, words), words.chapters["evaluation"])
    paper.grid(said["inputs"], words["s_inputs"])
    paper.say(" · ".join(f"{name} {version}" for name, version in said["versions"]))
    paper.chapter("figures")
    for name in ("map", "month", "day"):
        if name in said["charts"]:
            paper.picture(said["charts"][name])
    paper.say(f"{words['approval']}{_colon(words)}____________ {words['internal_long']}")


def evaluation(tables: MapTables, words: Words) -> Grid:
    """
    Make the table of the annual evaluation by accountable area.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of one language.

    Returns
    -------
    Grid
        A row per area and task for which somebody is responsible, as in tables.xlsx:
        area, task, clause, units, required, base, built, share, gap, verdict, missing, next.
    """
    own = words.chapters
    text = ("clause", "responsible_units", "required")
    late = ("built", "share_done", "gap", "verdict", "missing")
    heads = (own["area"], own["task"], *(words[name] for name in text), own["base"], *(words[name] for name in late), own["next"])
    return Grid(heads, tuple(_evaluated(line, words) for line in evaluation_lines(tables.targets, words.lang)))


def _evaluated(line: Line, words: Words) -> tuple[str, ...]:
    unit = "1" if line.unit == "%" else line.unit
    required, base, built, gap = (amount(value, unit, words.lang) for value in (line.required, line.baseline, line.built, line.gap))
    achieved = "—" if line.achieved is None else f"{100 * line.achieved:.1f} %"
    area = line.region or words.chapters["whole"]
    asked = words["not_allocated"] if line.required is None else required
    judged = (built, achieved, gap, line.verdict, line.missing or "—", line.next_step or "—")
    return (area, line.task, line.clause, line.unit_in_charge, asked, base, *judged)
