"""Static maps for reports and walls: PNG and SVG with scale, north arrow, legend, and the fields that a printed map needs."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from .charts import INK, SOFT, Chart
from .classes import classify
from .fonts import ChartFont, find_font, in_chinese, legible
from .measures import AREAS, FROM_ROOFS, FROM_TARGETS, HOSTING, ROADMAP, goal_title, measured, roadmap_years
from .region_charts import region_map
from .tables import MapTables
from .words import load_words

DPI = 200


def pictures(tables: MapTables, folder: Path, lang: str, *, approval: str = "") -> list[Path]:
    """
    Draw the main maps.

    Parameters
    ----------
    tables
        The tables of a run.
    folder
        Folder to write into; made where it is missing.
    lang
        zh or en.
    approval
        The map approval number (审图号); empty leaves its field to be filled in.

    Returns
    -------
    list of Path
        A PNG and an SVG a map: every measure of districts or accountable areas that has values, capacity by grid cell, zones of the grid,
        and the roadmap year by year.
    """
    font = find_font()
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for name, chart in itertools.chain(_of_measures(tables, lang, font), _of_grid(tables, lang, font), _of_roadmap(tables, lang, font)):
        _fields(chart.figure, tables, lang, approval, font)
        files += _save(chart.figure, folder / name)
    return files


def _of_measures(tables: MapTables, lang: str, font: ChartFont) -> Iterator[tuple[str, Chart]]:
    """Every measure of districts, else of accountable areas, that has values; and capacity by cell."""
    words = load_words(lang)
    layers = {layer: measured(layer, table, tables) for layer in (*AREAS[::-1], "grid") if (table := tables.region(layer)) is not None}
    areas = [layer for layer in AREAS[::-1] if layer in layers]
    for column in (*FROM_ROOFS, *FROM_TARGETS):
        layer = next((name for name in areas if _has(layers[name], column)), None)
        if layer is not None:
            title = _title(tables, goal_title(tables, words) if column == "goal_share" else words.fields[column].title)
            yield f"{layer}-{column}", region_map(layers[layer], column, lang, title=title, alt=title, font=font)
    if _has(layers.get("grid"), "pdc0_kwp"):
        title = _title(tables, f"{words.fields['pdc0_kwp'].title} · {words['grid_short']}")
        ground = tables.region(areas[0]) if areas else None
        yield (
            "grid-pdc0_kwp",
            region_map(layers["grid"], "pdc0_kwp", lang, title=title, alt=title, font=font, cells=True, under=ground),
        )


def _has(table: gpd.GeoDataFrame | None, column: str) -> bool:
    return table is not None and column in table and bool(table[column].notna().any())


def _of_grid(tables: MapTables, lang: str, font: ChartFont) -> Iterator[tuple[str, Chart]]:
    """Zones of the grid in every layer that has them."""
    words = load_words(lang)
    for layer in sorted(tables.regions):
        table = tables.region(layer)
        if table is not None and HOSTING in (table := measured(layer, table, tables)):
            title = _title(tables, f"{words.fields[HOSTING].title} · {words.text.get(layer, layer)}")
            yield f"{layer}-{HOSTING}", region_map(table, HOSTING, lang, title=title, alt=title, font=font)


def _of_roadmap(tables: MapTables, lang: str, font: ChartFont) -> Iterator[tuple[str, Chart]]:
    """Draw what stands by the end of each year, in classes that all years share, so that the pictures can lie side by side."""
    words, table = load_words(lang), tables.region("responsible")
    if table is None:
        return
    years, so_far = roadmap_years(tables, table["name"])
    if not years:
        return
    kilowatts = np.array(so_far, dtype=np.float64)
    classes = classify(kilowatts.ravel() * words.fields[ROADMAP].factor, "regions")
    for at, year in enumerate(years):
        title = _title(tables, f"{words.fields[ROADMAP].title} · ≤ {year}")
        drawn = table.assign(**{ROADMAP: kilowatts[:, at]})
        yield f"responsible-{ROADMAP}-{year}", region_map(drawn, ROADMAP, lang, title=title, alt=title, font=font, classes=classes)


def _title(tables: MapTables, what: str) -> str:
    return f"{tables.manifest['study'].get('name', '')} · {what}"


def _fields(figure: Figure, tables: MapTables, lang: str, approval: str, font: ChartFont) -> None:
    """Add who may see it, the approval number, and which data it was drawn from."""
    words = load_words(lang)
    study = tables.manifest["study"]
    source = words["drawn_from"].format(name=study.get("name", ""), as_of=study.get("as_of", ""))
    made_up = f"{words['note_made_up']} " if tables.notes.get("made_up") else ""
    number = f"{words['approval']}{'：' if lang == 'zh' else ': '}{approval or '＿＿＿＿＿＿' if lang == 'zh' else approval or '________'}"
    drawn, _ = legible([words["classification"], f"{words['internal']}  {number}", made_up + source], font)
    high = figure.get_size_inches()[1]
    figure.set_size_inches(figure.get_size_inches()[0], high + 0.5)
    # The map keeps its size: everything moves up by the strip that the fields take.
    strip = 0.5 / (high + 0.5)
    for axes in figure.axes:
        box = axes.get_position()
        axes.set_position((box.x0, strip + box.y0 * (1 - strip), box.width, box.height * (1 - strip)))
    for text in figure.texts:
        text.set_y(strip + text.get_position()[1] * (1 - strip))
    for patch in (artist for artist in figure.artists if isinstance(artist, Rectangle)):
        patch.set_y(strip + patch.get_y() * (1 - strip))
        patch.set_height(patch.get_height() * (1 - strip))
    figure.add_artist(Line2D([0.01, 0.99], [strip * 0.92] * 2, color="#b8b5ac", linewidth=0.6))
    small, bold = font.properties(7.5), font.properties(8.5)
    figure.text(0.99, 0.955 + strip * 0.045, drawn[0], ha="right", fontproperties=bold, color="#a8480f", parse_math=False)
    figure.text(0.01, strip * 0.55, drawn[1], fontproperties=small, color=INK, parse_math=False)
    figure.text(0.01, strip * 0.15, drawn[2], fontproperties=small, color=SOFT, parse_math=False)


def _save(figure: Figure, stem: Path) -> list[Path]:
    """Text becomes outlines and there is no date, so that the same run gives the same bytes."""
    in_chinese(figure)
    files = []
    for kind in ("png", "svg"):
        picture = io.BytesIO()
        metadata = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
        with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "wuding"}):
            figure.savefig(picture, format=kind, dpi=DPI, facecolor="white", metadata=metadata)
        file = stem.with_name(f"{stem.name}.{kind}")
        file.write_bytes(picture.getvalue())
        files.append(file)
    return files
