"""Static maps for reports and walls: PNG and SVG with scale, north arrow, legend, and the fields that a printed map needs."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from .charts import INK, SOFT, region_map
from .fonts import ChartFont, find_font, legible
from .measures import AREAS, FROM_ROOFS, FROM_TARGETS, goal_title, measured
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
        A PNG and an SVG a map: every measure of districts or accountable areas that has values, and capacity by grid cell.
    """
    words, font = load_words(lang), find_font()
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    areas = next((layer for layer in AREAS[::-1] if tables.region(layer) is not None), None)
    ground = tables.region(areas) if areas else None
    wanted = [(areas, name) for name in (*FROM_ROOFS, *FROM_TARGETS)] if areas else []
    for layer, column in [*wanted, ("grid", "pdc0_kwp")]:
        table = tables.region(str(layer))
        if table is None:
            continue
        cells = layer == "grid"
        table = measured(str(layer), table, tables)
        if column not in table or not table[column].notna().any():
            continue
        title = goal_title(tables, words) if column == "goal_share" else words.fields[column].title
        full = f"{tables.manifest['study'].get('name', '')} · {title}" + (f" · {words['grid_short']}" if cells else "")
        chart = region_map(table, column, lang, title=full, alt=full, font=font, cells=cells, under=ground if cells else None)
        _fields(chart.figure, tables, lang, approval, font)
        files += _save(chart.figure, folder / f"{layer}-{column}")
    return files


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
