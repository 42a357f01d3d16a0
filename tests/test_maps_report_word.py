"""The report in Word: chapters, tables, pictures and fonts as Word and WPS find them."""

import io
import json
from html.parser import HTMLParser
from pathlib import Path

import docx
import pytest
from docx.document import Document
from docx.oxml.ns import qn
from docx.shared import Cm, Pt
from docx.table import Table
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from layers.errors import LayersError
from layers.evaluation import evaluation_lines
from maps.report import report
from maps.report_grids import evaluation
from maps.report_word import _TIGHT, _TIGHT_TWIPS, _holds, _widths, report_word
from maps.tables import read_tables
from maps.words import load_words

# Chapters and columns from the issue that asked for the report.
CHAPTERS = [
    "一、评估依据与范围", "二、结论摘要", "三、屋顶资源", "四、开发潜力（理论—技术—经济—可接入）", "五、目标完成情况与差距",
    "六、承载力与就近消纳", "七、开发时序与路线图", "八、投资收益", "九、减碳效益", "十、数据质量与不确定性", "十一、需补充资料",
    "附表", "附图",
]  # fmt: skip
EVALUATION = ["责任区域", "任务", "条款", "责任单位", "目标值", "基期值", "现状值", "完成率", "差距", "研判", "缺失资料", "下一步"]


@pytest.fixture(scope="module")
def written(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Document:
    out = tmp_path_factory.mktemp("word")
    report_word(read_tables(run_folder), out / "report.docx", "zh")
    assert [p.name for p in out.iterdir()] == ["report.docx"]
    return docx.Document(str(out / "report.docx"))


def test_chapters_stand_in_their_order(written: Document) -> None:
    assert [p.text for p in written.paragraphs if p.style and p.style.name == "Heading 1"] == CHAPTERS


def test_annual_evaluation_has_its_columns_and_a_row_per_area_and_target(written: Document, run_folder: Path) -> None:
    tables = read_tables(run_folder)
    grid = evaluation(tables, load_words("zh"))
    assert list(grid.heads) == EVALUATION
    # one table of the evaluation: that of tables.xlsx
    assert [row[:2] for row in grid.rows] == [(line.region or "全域", line.task) for line in evaluation_lines(tables.targets, "zh")]
    assert len(grid.rows) == sum(bool(row["responsible"]) for row in tables.targets)
    found = [table for table in written.tables if [cell.text for cell in table.rows[0].cells] == EVALUATION]
    assert len(found) == 1
    assert [cell.text for cell in found[0].rows[1].cells] == list(grid.rows[0])
    assert found[0].rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None


SPOKEN = ("h2", "h3", "caption", "b", "p", "li", "th", "td")  # of <b> there are only the captions of pictures


class Spoken(HTMLParser):
    """Texts of the page's chapters in their order: heads, paragraphs, items, cells; gauges are drawings of the table below them."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.pictures = 0
        self.open = False
        self.depth = 0  # of elements within the drawn gauges

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.depth or ("class", "gauges") in attrs:
            self.depth += tag not in ("img", "br")
        elif tag in SPOKEN:
            self.open = True
            self.texts.append("")
        self.pictures += tag == "img"

    def handle_endtag(self, tag: str) -> None:
        self.depth -= bool(self.depth)
        self.open = self.open and tag not in SPOKEN

    def handle_data(self, data: str) -> None:
        if self.open and not self.depth:
            self.texts[-1] += data


def spoken_in_word(paper: Document) -> list[str]:
    texts: list[str] = []
    for part in paper.iter_inner_content():
        if isinstance(part, Table):
            texts += ["".join(text.text or "" for text in cell.iter(qn("w:t"))) for cell in part._tbl.iter(qn("w:tc"))]
        elif part.text:
            texts.append(part.text)
    return texts


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_page_and_word_say_the_same_in_the_same_order(run_folder: Path, tmp_path: Path, lang: str) -> None:
    tables = read_tables(run_folder)
    page = Spoken()
    page.feed(report(tables, tmp_path / "r.html", lang).read_text(encoding="utf-8").partition("</header>")[2])
    paper = docx.Document(str(report_word(tables, tmp_path / "r.docx", lang)))
    told = spoken_in_word(paper)
    first = told.index(load_words(lang).chapters["basis"])
    assert len(page.texts) > 400
    assert [text for text in page.texts if text] == [text for text in told[first:] if text]
    assert page.pictures == len(paper.inline_shapes)


def test_money_shows_both_models_in_all_and_by_class(run_folder: Path) -> None:
    (found,) = [
        table for table in docx.Document(str(run_folder / "report.docx")).tables if table.rows[0].cells[-1].text.startswith("合同能源管理")
    ]
    rows = [[cell.text for cell in row.cells] for row in found.rows[1:]]
    assert rows[0][0] == "全域" and len(rows) > 4
    # the whole is the sum of the classes, up to the 万元 that are shown
    capex = [float(row[1].replace(",", "")) for row in rows]
    assert capex[0] == pytest.approx(sum(capex[1:]), abs=0.5 * len(capex))


def test_each_numbered_list_counts_from_one(written: Document) -> None:
    numbers = [p._p.pPr.numPr.numId.val for p in written.paragraphs if p.style and p.style.name == "List Number"]
    assert len(set(numbers)) == 2  # the method, and what to do next


def test_densities_stand_beside_published_ones(written: Document, run_folder: Path) -> None:
    classes = len(json.loads((run_folder / "manifest.json").read_text(encoding="utf-8"))["sanity"])
    # of layers/bands.toml: 60 to 160 W/m2, 62 on average of the EU's stock, of whose roofs 27 % are usable, 26 % of small ones in the US
    said = [paragraph.text for paragraph in written.paragraphs if "60–160 W/m²" in paragraph.text and "⚠" in paragraph.text]
    assert len(said) == 1 and all(word in said[0] for word in ("平均 62", "27%", "26%"))
    assert any(len(table.rows) == classes + 1 and "W" in table.rows[0].cells[1].text for table in written.tables)


def test_pictures_are_there_and_not_empty(written: Document) -> None:
    pictures = [part.blob for part in written.part.package.iter_parts() if part.partname.endswith(".png")]
    assert len(pictures) == 9  # areas, map, uses, months, typical day, roadmap, supply curve, uncertainty, grid
    for blob in pictures:
        low, high = Image.open(io.BytesIO(blob)).convert("L").getextrema()
        assert low < 100 < high


def test_chinese_has_a_chinese_font(written: Document) -> None:
    for name, font in (("Normal", "宋体"), ("Heading 1", "黑体"), ("Title", "黑体")):
        fonts = written.styles[name].element.rPr.rFonts
        assert fonts.get(qn("w:eastAsia")) == font
        assert not [key for key in fonts.attrib if key.endswith("Theme")]


def test_english_holds_no_chinese_heading(run_folder: Path, tmp_path: Path) -> None:
    report_word(read_tables(run_folder), tmp_path / "r.docx", "en")
    read = docx.Document(str(tmp_path / "r.docx"))
    heads = [p.text for p in read.paragraphs if p.style and p.style.name.startswith("Heading 1")]
    assert len(heads) == len(CHAPTERS)
    assert all(head.isascii() for head in heads)
    with pytest.raises(LayersError, match="zh or en"):
        report_word(read_tables(run_folder), tmp_path / "x.docx", "fr")


@given(st.lists(st.lists(st.text("济南ab 12-", max_size=90), min_size=3, max_size=3), min_size=1, max_size=4))
def test_columns_share_the_page_whatever_stands_in_them(rows: list[list[str]]) -> None:
    widths = _widths(rows, int(Cm(16)))
    assert min(widths) > 0
    assert int(Cm(16)) - 3 <= sum(widths) <= int(Cm(16))


def test_ten_english_heads_keep_their_words_whole() -> None:
    heads = ["Class of use", "(million", "(CNY/kWh)", "Self-use", "project", "(million", "payback", "investor's", "investor's", "Contract:"]
    rows = [heads, ["Public institutions", *["1,234.5"] * 9]]
    whole = int(Cm(16))
    assert not _holds(rows, whole)
    # Advance widths of Times New Roman Bold, in thousandths of an em (Adobe's metrics of Times-Bold).
    ems = {
        "(million": 333 + 833 + 278 * 4 + 500 + 556,
        "payback": 556 * 3 + 500 * 3 + 444,
        "(CNY/kWh)": 333 * 2 + 722 * 3 + 278 + 556 * 2 + 1000,
    }
    for head, width in zip(heads, _widths(rows, whole, _TIGHT), strict=True):
        if head in ems:
            assert ems[head] / 1000 * Pt(8.5) <= width - 2 * _TIGHT_TWIPS * 635
