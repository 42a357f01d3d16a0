"""What a report is made of: chapters of texts, lists, tables and pictures, before anybody lays them out as a page or for Word."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from .charts import Chart
from .gauges import Gauge
from .words import Words


@dataclass(frozen=True)
class Grid:
    """A table of texts: heads, rows, and the row of totals where the rows add up."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Heading:
    """A heading within a chapter."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Say:
    """A paragraph; quiet ones are remarks on what stands above."""

    kind: ClassVar[str] = "say"
    text: str
    quiet: bool = False


@dataclass(frozen=True)
class Listed:
    """A list, numbered where the order counts."""

    kind: ClassVar[str] = "listed"
    texts: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True)
class Table:
    """A table; `looks` names how the page sets it, Word sees to its own widths. A caption is counted when the report is whole."""

    kind: ClassVar[str] = "table"
    grid: Grid
    looks: str = ""
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A chart or map with its caption."""

    kind: ClassVar[str] = "picture"
    chart: Chart
    caption: str = ""


@dataclass(frozen=True)
class Cards:
    """Targets drawn as bars, on the page only; what they say stands in the table and the list below them."""

    kind: ClassVar[str] = "cards"
    gauges: tuple[Gauge, ...]


Block = Heading | Say | Listed | Table | Picture | Cards


@dataclass(frozen=True)
class Chapter:
    """A chapter: its name in words.toml, its title, its blocks, and whether it is printed across the paper."""

    name: str
    title: str
    blocks: tuple[Block, ...]
    across: bool = False


@dataclass(frozen=True)
class Report:
    """A report before it is laid out."""

    words: Words
    study: str
    subject: str
    loud: tuple[str, ...]
    chapters: tuple[Chapter, ...]


def said(texts: Sequence[str], *, quiet: bool = False) -> list[Block]:
    """
    Make a paragraph of each text that says something.

    Parameters
    ----------
    texts
        Texts, some perhaps empty.
    quiet
        Whether they are remarks.

    Returns
    -------
    list of Block
        Paragraphs in their order.
    """
    return [Say(text, quiet) for text in texts if text]


def titled(title: str, grid: Grid | None, looks: str = "") -> list[Block]:
    """
    Put a table under its caption; nothing where it has no rows.

    Parameters
    ----------
    title
        Caption, empty for none.
    grid
        The table.
    looks
        How the page sets it.

    Returns
    -------
    list of Block
        The table.
    """
    return [Table(grid, looks, title)] if grid is not None and grid.rows else []


def drawn(chart: Chart | None) -> list[Block]:
    """
    Put a chart over what it says; nothing where there is none.

    Parameters
    ----------
    chart
        A chart without a title of its own.

    Returns
    -------
    list of Block
        The picture.
    """
    return [] if chart is None else [Picture(chart, chart.alt)]


def counted(chapters: Sequence[Chapter], words: Words) -> tuple[Chapter, ...]:
    """
    Count the captions of tables and pictures through the report.

    Parameters
    ----------
    chapters
        The chapters in their order.
    words
        Words of the language.

    Returns
    -------
    tuple of Chapter
        The same with "Table 1", "Figure 1" and so on before each caption.
    """
    tables, pictures = itertools.count(1), itertools.count(1)
    found = []
    for chapter in chapters:
        blocks: list[Block] = []
        for block in chapter.blocks:
            if isinstance(block, Table) and block.caption:
                block = replace(block, caption=words.chapters["table_no"].format(n=next(tables), caption=block.caption))
            elif isinstance(block, Picture) and block.caption:
                block = replace(block, caption=words.chapters["figure_no"].format(n=next(pictures), caption=block.caption))
            blocks.append(block)
        found.append(replace(chapter, blocks=tuple(blocks)))
    return tuple(found)


def listed(texts: Sequence[str], *, ordered: bool = False) -> list[Block]:
    """
    Make a list; nothing where there is nothing to list.

    Parameters
    ----------
    texts
        Its items.
    ordered
        Whether it is numbered.

    Returns
    -------
    list of Block
        The list.
    """
    return [Listed(tuple(texts), ordered)] if texts else []
