"""Charts of the report as pictures that need no file and no font beside them."""

from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .fonts import ChartFont, find_font, in_chinese, legible

INK, SOFT, BAR, WARM = "#24302f", "#66706d", "#2a7587", "#e58a3c"
LINES = (INK, BAR, WARM, "#8a5a9e", "#5c9a4f", "#b8493f")
WIDTH = 6.7  # inches: the text width of an A4 page
LONGEST_LABEL = 32  # Latin letters; a Chinese character is two wide
MOST_BARS = 18


@dataclass(frozen=True)
class Chart:
    """A picture as a data URI, what it says, and the labels that numbers stand for where no Chinese font was found."""

    uri: str
    alt: str
    keys: dict[str, str]
    font: str
    figure: Figure = field(repr=False, compare=False)

    def svg(self) -> bytes:
        """
        Give the picture as a file.

        Returns
        -------
        bytes
            An SVG whose text is drawn as outlines.
        """
        return base64.b64decode(self.uri.partition(",")[2])

    def png(self) -> bytes:
        """
        Draw the picture for software that reads no SVG.

        Returns
        -------
        bytes
            A PNG of 200 dots per inch.
        """
        picture = io.BytesIO()
        self.figure.savefig(picture, format="png", dpi=200, facecolor="white", metadata={"Software": None})
        return picture.getvalue()


def bars(labels: Sequence[str], values: Sequence[float], title: str, *, alt: str, digits: int = 1, font: ChartFont | None = None) -> Chart:
    """
    Draw horizontal bars, one a region or class, with their values written beside them.

    Parameters
    ----------
    labels
        Names, in the order from top to bottom; only the first 18 are drawn.
    values
        Values of the bars, same length.
    title
        Title with unit.
    alt
        What the picture says, for readers who do not see it.
    digits
        Digits after the point.
    font
        Font; None looks for a Chinese one.

    Returns
    -------
    Chart
        The picture.
    """
    font = font or find_font()
    short = [_cut(label) for label in labels[:MOST_BARS]]
    drawn, keys = legible([*short, title], font)
    shown = np.asarray(values[:MOST_BARS], dtype=np.float64)
    figure = Figure(figsize=(WIDTH, 0.55 + 0.27 * max(len(shown), 2)), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(np.arange(len(shown)), shown, height=0.68, color=BAR)
    axes.invert_yaxis()
    axes.set_yticks(np.arange(len(shown)), drawn[:-1])
    axes.set_xlim(0, max(float(shown.max(initial=0.0)), 1e-9) * 1.14)
    for at, value in enumerate(shown):
        axes.text(value, at, f" {value:,.{digits}f}", va="center", ha="left", fontproperties=font.properties(8), color=INK)
    _quiet(axes, font, drawn[-1])
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return as_chart(figure, alt, keys, font)


def months(energies: Sequence[float], title: str, *, alt: str, names: Sequence[str], font: ChartFont | None = None) -> Chart:
    """
    Draw twelve columns, one a month.

    Parameters
    ----------
    energies
        Energy of January to December.
    title
        Title with unit.
    alt
        What the picture says.
    names
        Names of the months.
    font
        Font; None looks for a Chinese one.

    Returns
    -------
    Chart
        The picture.
    """
    font = font or find_font()
    drawn, keys = legible([*names, title], font)
    shown = np.asarray(energies, dtype=np.float64)
    figure = Figure(figsize=(WIDTH, 2.3), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(np.arange(len(shown)), shown, width=0.7, color=WARM)
    axes.set_xticks(np.arange(len(shown)), drawn[:-1])
    top = max(float(shown.max(initial=0.0)), 1e-9)
    axes.set_ylim(0, top * 1.15)
    for at, value in enumerate(shown):
        axes.text(
            at,
            value + top * 0.02,
            f"{value:,.{1 if top < 100 else 0}f}",
            ha="center",
            va="bottom",
            fontproperties=font.properties(7.5),
            color=INK,
        )
    _quiet(axes, font, drawn[-1])
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    return as_chart(figure, alt, keys, font)


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    title: str,
    *,
    alt: str,
    x_title: str,
    whole: bool,
    ticks: Sequence[float] | None = None,
    font: ChartFont | None = None,
) -> Chart:
    """
    Draw lines with a legend.

    Parameters
    ----------
    series
        Values along and up by name, in the order of the legend.
    title
        Title with the unit of the values up.
    alt
        What the picture says.
    x_title
        What runs along, with its unit.
    whole
        Whether the values along are whole numbers, such as years; then the legend stands above the start, else beside the lines.
    ticks
        Where the values along are marked; None leaves the choice.
    font
        Font; None looks for a Chinese one.

    Returns
    -------
    Chart
        The picture.
    """
    font = font or find_font()
    drawn, keys = legible([*series, title, x_title], font)
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    axes = figure.add_subplot()
    for at, (name, (along, up)) in enumerate(zip(drawn, series.values(), strict=False)):
        axes.plot(along, up, color=LINES[at % len(LINES)], linewidth=1.8, marker="o" if whole else None, markersize=3.5, label=name)
    if whole:
        axes.set_xticks(sorted({round(x) for along, _ in series.values() for x in along}))
    if ticks is not None:
        axes.set_xticks(ticks)
    axes.grid(axis="y", color="#e4e1d8", linewidth=0.6)
    _quiet(axes, font, drawn[-2])
    axes.set_xlabel(drawn[-1], fontproperties=font.properties(8.5), color=INK, parse_math=False)
    if whole:
        legend = axes.legend(prop=font.properties(8), frameon=False, loc="upper left")
    else:  # steep lines leave no corner free
        legend = figure.legend(prop=font.properties(8), frameon=False, loc="outside right upper")
    for text in legend.get_texts():
        text.set_parse_math(False)
    return as_chart(figure, alt, keys, font)


def _cut(label: str) -> str:
    """Cut a label that would take the bars' room."""
    widths = np.cumsum([2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in label])
    return label if not len(label) or widths[-1] <= LONGEST_LABEL else label[: int((widths < LONGEST_LABEL).sum())] + "…"


def _quiet(axes: Axes, font: ChartFont, title: str) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#b8b5ac")
    axes.tick_params(length=0, colors=INK)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font.properties(8.5))
        label.set_parse_math(False)
    axes.set_title(title, loc="left", fontproperties=font.properties(10), color=INK, parse_math=False)


def as_chart(figure: Figure, alt: str, keys: dict[str, str], font: ChartFont) -> Chart:
    """
    Save a figure as a chart.

    Parameters
    ----------
    figure
        The picture.
    alt
        What it says.
    keys
        Labels that numbers stand for.
    font
        Its font.

    Returns
    -------
    Chart
        Text becomes outlines, so that a reader's machine needs no font; no date and fixed ids, so that bytes repeat.
    """
    picture = io.BytesIO()
    in_chinese(figure)
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "wuding"}):
        figure.savefig(picture, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return Chart("data:image/svg+xml;base64," + base64.b64encode(picture.getvalue()).decode("ascii"), alt, keys, font.family, figure)
