"""Maps as pictures: a choropleth of regions with legend, scale bar and north arrow, in the classes and colours of the page."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke

from .charts import INK, SOFT, WIDTH, Chart, as_chart
from .classes import NO_DATA, Classes, classify, colour_of
from .fonts import ChartFont, find_font, legible
from .measures import HOSTING, HOSTING_COLOURS, who_said
from .words import Words, as_float, load_words


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
    classes: Classes | None = None,
) -> Chart:
    """
    Draw a choropleth of regions with legend, scale bar and north arrow, in the same classes as the map page.

    Parameters
    ----------
    regions
        Regions with a name in the study's CRS (metres).
    column
        Column to colour by: a number, or the colour of the grid's zone.
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
    classes
        Classes that several pictures share; None cuts them from this column.

    Returns
    -------
    Chart
        The picture.
    """
    font, words = font or find_font(), load_words(lang)
    key = _zone_key(regions, words) if column == HOSTING else _class_key(regions, column, words, "grid" if cells else "regions", classes)
    names = [str(name) for name in regions["name"]]
    drawn, keys = legible([*names, title, words["north"]], font)
    west, south, east, north = (float(side) for side in (regions if under is None else under).total_bounds)
    height = WIDTH * 0.72 * min(max((north - south) / max(east - west, 1.0), 0.45), 1.15)
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((0.0, 0.0, 0.76, 0.93))
    tolerance = (east - west) / 2000
    if under is not None:
        _fill(axes, under, ["#f7f6f2"] * len(under), tolerance, edgecolor="#b3afa3", linewidth=0.7)
    _fill(axes, regions, key.colours, tolerance, edgecolor="none" if cells else "white", linewidth=0.0 if cells else 1.1)
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect("equal")
    axes.axis("off")
    if not cells:
        _names(axes, regions, drawn[:-2], font)
    scale_and_north(axes, font, drawn[-1])
    figure.text(0.01, 0.955, drawn[-2], fontproperties=font.properties(10), color=INK, parse_math=False)
    _legend(figure, key, font, lang)
    return as_chart(figure, alt, keys, font)


@dataclass(frozen=True)
class _Key:
    """What each region is filled with, and how that is read."""

    colours: tuple[str, ...]
    entries: tuple[tuple[str, str], ...]
    unit: str
    notes: tuple[str, ...] = ()


def _class_key(regions: gpd.GeoDataFrame, column: str, words: Words, palette: str, classes: Classes | None) -> _Key:
    shown = words.fields[column]
    values = regions[column].to_numpy(dtype=np.float64, na_value=np.nan) * shown.factor
    if "roofs" in regions:  # nothing is known of a region without buildings
        values = np.where(regions["roofs"].to_numpy(dtype=np.float64, na_value=0.0) > 0, values, np.nan)
    classes = classes or classify(values, palette)
    entries = [] if classes is None else list(zip(classes.colours, classes.labels(), strict=True))
    if np.isnan(values).any():
        entries.append((NO_DATA, words["no_data"]))
    return _Key(tuple(colour_of(as_float(value), classes) for value in values), tuple(entries), shown.unit)


def _zone_key(regions: gpd.GeoDataFrame, words: Words) -> _Key:
    """Zones of the grid say who gave them and when: without that a red area is hearsay."""
    colours = tuple(HOSTING_COLOURS.get(str(said), NO_DATA) for said in regions[HOSTING])
    entries = [(colour, words[name]) for name, colour in HOSTING_COLOURS.items()]
    if NO_DATA in colours:
        entries.append((NO_DATA, words["no_data"]))
    return _Key(colours, tuple(entries), "", (*who_said(regions, words), words["hosting_rule"]))


def _fill(axes: Axes, regions: gpd.GeoDataFrame, colours: Sequence[str], tolerance: float, *, edgecolor: str, linewidth: float) -> None:
    """Fill all in one collection: a county has ten thousand cells."""
    shapes = shapely.simplify(shapely.force_2d(np.asarray(regions.geometry.array, dtype=object)), tolerance)
    parts, which = shapely.get_parts(shapes, return_index=True)
    kept = [
        (outline_path(part), colours[at])
        for part, at in zip(parts, which, strict=True)
        if part.geom_type == "Polygon" and not part.is_empty
    ]
    paths, each = zip(*kept, strict=True) if kept else ((), ())
    axes.add_collection(PathCollection(paths, facecolor=each, edgecolor=edgecolor, linewidth=linewidth))


def _legend(figure: Figure, key: _Key, font: ChartFont, lang: str) -> None:
    drawn, _ = legible([*(label for _, label in key.entries), *key.notes], font)
    small = font.properties(8)
    for at, (colour, _) in enumerate(key.entries):
        y = 0.80 - 0.065 * at
        figure.add_artist(
            Rectangle((0.79, y - 0.012), 0.035, 0.036, transform=figure.transFigure, facecolor=colour, edgecolor="#00000030", linewidth=0.5)
        )
        figure.text(0.835, y, drawn[at], fontproperties=small, color=INK, parse_math=False)
    figure.text(0.79, 0.86, key.unit, fontproperties=small, color=SOFT, parse_math=False)
    notes = [part for note in drawn[len(key.entries) :] for part in re.split("(?<=[，；,;]) ?", note)]
    lines = [line for part in notes for line in textwrap.wrap(part, 14 if lang == "zh" else 27, break_on_hyphens=False)]
    figure.text(
        0.79,
        0.83 - 0.065 * len(key.entries),
        "\n".join(lines),
        va="top",
        fontproperties=font.properties(6.5),
        color=SOFT,
        parse_math=False,
        linespacing=1.5,
    )


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
