"""Charts of the report as pictures that need no file and no font beside them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke

from .classes import classify, colour_of
from .fonts import ChartFont, find_font, legible
from .words import as_float, load_words

INK, SOFT, BAR, WARM = "#24302f", "#66706d", "#2a7587", "#e58a3c"
LINES = (INK, BAR, WARM, "#8a5a9e", "#5c9a4f", "#b8493f")
WIDTH = 6.7  # inches: the text width of an A4 page
LONGEST_LABEL = 16
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
    short = [label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…" for label in labels[:MOST_BARS]]
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
        Whether the values along are whole numbers, such as years; then the legend stands above the start, else where there is room.
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
    legend = axes.legend(prop=font.properties(8), frameon=False, loc="upper left" if whole else "best")
    for text in legend.get_texts():
        text.set_parse_math(False)
    return as_chart(figure, alt, keys, font)


def region_map(
    regions: gpd.GeoDataFrame,
    column: str,
    lang: str,
    *,
    title: str,
    alt: str,
    font: ChartFont | None = None,
    cells: bool = False,
    under: gpd.GeoDataFrame | None = None,
) -> Chart:
    """
    Draw a choropleth of regions with legend, scale bar and north arrow, in the same classes as the map page.

    Parameters
    ----------
    regions
        Regions with a name in the study's CRS (metres).
    column
        Column to colour by.
    lang
        zh or en.
    title
        Title of the picture.
    alt
        What the picture says.
    font
        Font; None looks for a Chinese one.
    cells
        Whether the regions are grid cells: then they are drawn without names and white borders, in the colours of the page's grid.
    under
        Regions whose outlines lie under the cells, in the same CRS.

    Returns
    -------
    Chart
        The picture.
    """
    font = font or find_font()
    shown = load_words(lang).fields[column]
    values = regions[column].to_numpy(dtype=np.float64, na_value=np.nan) * shown.factor
    classes = classify(values, "grid" if cells else "regions")
    names = [str(name) for name in regions["name"]]
    drawn, keys = legible([*names, title, load_words(lang)["north"]], font)
    west, south, east, north = (float(side) for side in (regions if under is None else under).total_bounds)
    height = WIDTH * 0.72 * min(max((north - south) / max(east - west, 1.0), 0.45), 1.15)
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((0.0, 0.0, 0.76, 0.93))
    tolerance = (east - west) / 2000
    shapes = shapely.simplify(shapely.force_2d(np.asarray(regions.geometry.array, dtype=object)), tolerance)
    if under is not None:
        ground = shapely.simplify(shapely.force_2d(np.asarray(under.geometry.array, dtype=object)), tolerance)
        paths = [outline_path(part) for part in shapely.get_parts(ground) if part.geom_type == "Polygon" and not part.is_empty]
        axes.add_collection(PathCollection(paths, facecolor="#f7f6f2", edgecolor="#b3afa3", linewidth=0.7))
    parts = [[outline_path(part) for part in shapely.get_parts(s) if part.geom_type == "Polygon" and not part.is_empty] for s in shapes]
    colours = [colour_of(as_float(value), classes) for value in values]
    if cells:  # one collection for all: a county has ten thousand of them
        each = [colour for colour, paths in zip(colours, parts, strict=True) for _ in paths]
        axes.add_collection(PathCollection([path for paths in parts for path in paths], facecolor=each, edgecolor="none", linewidth=0.0))
    else:
        for paths, colour in zip(parts, colours, strict=True):
            axes.add_collection(PathCollection(paths, facecolor=colour, edgecolor="white", linewidth=1.1))
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect("equal")
    axes.axis("off")
    if not cells:
        _names(axes, regions, drawn[:-2], font)
    scale_and_north(axes, font, drawn[-1])
    figure.text(0.01, 0.955, drawn[-2], fontproperties=font.properties(10), color=INK, parse_math=False)
    for at, (span, colour) in enumerate(zip(classes.labels(), classes.colours, strict=True) if classes else ()):
        y = 0.80 - 0.065 * at
        figure.add_artist(
            Rectangle((0.79, y - 0.012), 0.035, 0.036, transform=figure.transFigure, facecolor=colour, edgecolor="#00000030", linewidth=0.5)
        )
        figure.text(0.835, y, span, fontproperties=font.properties(8), color=INK)
    figure.text(0.79, 0.86, shown.unit, fontproperties=font.properties(8), color=SOFT, parse_math=False)
    return as_chart(figure, alt, keys, font)


def _names(axes: Axes, regions: gpd.GeoDataFrame, drawn: Sequence[str], font: ChartFont) -> None:
    """Names of the largest regions first; a name that would run into another is left out."""
    west, _, east, _ = regions.total_bounds
    wide, high = (east - west) / 34, (east - west) / 26
    taken: list[tuple[float, float, float]] = []
    for at in np.argsort(-regions.geometry.area.to_numpy())[:40]:
        spot = regions.geometry.iloc[at].representative_point()
        half = len(drawn[at]) * wide / 2
        if any(abs(spot.x - x) < half + other and abs(spot.y - y) < high for x, y, other in taken):
            continue
        taken.append((spot.x, spot.y, half))
        text = axes.text(
            spot.x, spot.y, drawn[at], ha="center", va="center", fontproperties=font.properties(8), color=INK, parse_math=False
        )
        text.set_path_effects([withStroke(linewidth=2.2, foreground="white")])


def scale_and_north(axes: Axes, font: ChartFont, north: str) -> None:
    """
    Draw a scale bar and a north arrow into a map in metres.

    Parameters
    ----------
    axes
        With its limits set.
    font
        Font.
    north
        Letter under the arrow.
    """
    (west, east), (south, up) = axes.get_xlim(), axes.get_ylim()
    wanted = (east - west) / 5
    power = 10.0 ** np.floor(np.log10(wanted))
    length = max(step for step in (power, 2 * power, 5 * power) if step <= wanted)
    x, y, thick = west + (east - west) * 0.02, south + (up - south) * 0.035, (up - south) * 0.008
    axes.add_patch(Rectangle((x, y), length / 2, thick, facecolor=INK, edgecolor=INK, linewidth=0.6))
    axes.add_patch(Rectangle((x + length / 2, y), length / 2, thick, facecolor="white", edgecolor=INK, linewidth=0.6))
    label = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    halo = {"facecolor": "#ffffffb0", "edgecolor": "none", "pad": 0.6}
    axes.text(x + length, y + 2 * thick, label, ha="right", va="bottom", fontproperties=font.properties(7.5), color=INK, bbox=halo)
    tip, size = (west + (east - west) * 0.965, up - (up - south) * 0.02), (up - south) * 0.055
    axes.add_patch(
        Polygon(
            [tip, (tip[0] - size / 4, tip[1] - size), (tip[0], tip[1] - size * 0.75), (tip[0] + size / 4, tip[1] - size)],
            facecolor=INK,
            edgecolor="white",
        )
    )
    axes.text(tip[0], tip[1] - size * 1.1, north, ha="center", va="top", fontproperties=font.properties(8), color=INK, bbox=halo)


def outline_path(polygon: shapely.Polygon) -> Outline:
    """
    Turn a polygon into a path.

    Parameters
    ----------
    polygon
        With its holes.

    Returns
    -------
    Path
        Of matplotlib.
    """
    rings = [np.asarray(ring.coords)[:, :2] for ring in (polygon.exterior, *polygon.interiors)]
    codes = [np.r_[Outline.MOVETO, np.full(len(ring) - 2, Outline.LINETO), Outline.CLOSEPOLY] for ring in rings]
    return Outline(np.concatenate(rings), np.concatenate(codes).astype(np.uint8))


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
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "wuding"}):
        figure.savefig(picture, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return Chart("data:image/svg+xml;base64," + base64.b64encode(picture.getvalue()).decode("ascii"), alt, keys, font.family, figure)
