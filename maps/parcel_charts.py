"""Pictures of a parcel's sheet: its plan with every module, months, typical days, cash flow, and what moves the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure

from .charts import BAR, INK, SOFT, WARM, Chart, as_chart
from .fonts import ChartFont, find_font, legible
from .region_charts import outline_path, scale_and_north

ROOF, USABLE, EDGE, MODULE, UNUSED = "#d9d6cc", "#f4f1e8", "#8e8a80", "#1f5f8b", "#e2a45f"
PARCEL = "#b8493f"


def plan(layers: Mapping[str, gpd.GeoDataFrame], words: Mapping[str, str], font: ChartFont | None = None) -> Chart:
    """
    Draw the parcel, its roofs, what set-backs leave of them, and every module.

    Parameters
    ----------
    layers
        parcel, roofs, usable and modules, in metres.
    words
        Words of the sheet.
    font
        Font; None looks for a Chinese one.

    Returns
    -------
    Chart
        Modules are drawn as dots of ink, not as thousands of shapes, so that the page stays small.
    """
    font = font or find_font()
    names = [words[key] for key in ("plan_parcel", "plan_roof", "plan_usable", "plan_module", "plan_unused", "north")]
    drawn, keys = legible(names, font)
    west, south, east, north = layers["roofs"].total_bounds if len(layers["roofs"]) else layers["parcel"].total_bounds
    box = layers["parcel"].total_bounds
    if (box[2] - box[0]) < 3.0 * (east - west) and (box[3] - box[1]) < 3.0 * (north - south):
        west, south, east, north = np.array([min(west, box[0]), min(south, box[1]), max(east, box[2]), max(north, box[3])])
    figure = Figure(figsize=(7.1, 3.6), dpi=300)
    axes = figure.add_axes((0.0, 0.0, 1.0, 0.93))
    # the picture is filled, whatever the shape of the parcel
    wide, high = 7.1, 3.6 * 0.93
    scale = 1.06 * max((east - west) / wide, (north - south) / high)
    middle = ((west + east) / 2, (south + north) / 2)
    axes.set_xlim(middle[0] - scale * wide / 2, middle[0] + scale * wide / 2)
    axes.set_ylim(middle[1] - scale * high / 2, middle[1] + scale * high / 2)
    axes.set_aspect("equal")
    axes.axis("off")
    for frame, face, edge, width in ((layers["roofs"], ROOF, EDGE, 0.5), (layers["usable"], USABLE, "none", 0.0)):
        axes.add_collection(PathCollection(_paths(frame), facecolor=face, edgecolor=edge, linewidth=width))
    modules = layers["modules"]
    kept = modules["kept"].to_numpy(dtype=bool)
    for own, face in ((~kept, UNUSED), (kept, MODULE)):
        if own.any():
            corners = shapely.get_coordinates(modules.geometry.to_numpy()[own]).reshape(-1, 5, 2)[:, :4]
            axes.add_collection(PolyCollection(list(corners), facecolor=face, edgecolor="none", rasterized=True))
    axes.add_collection(PathCollection(_paths(layers["parcel"]), facecolor="none", edgecolor=PARCEL, linewidth=0.9, linestyle=(0, (5, 3))))
    scale_and_north(axes, font, drawn[-1])
    x = 0.01
    for name, colour in zip(drawn, (PARCEL, ROOF, USABLE, MODULE, UNUSED), strict=False):
        figure.text(x, 0.955, "■", color=colour, fontproperties=font.properties(8), parse_math=False)
        figure.text(x + 0.018, 0.955, name, color=INK, fontproperties=font.properties(7.5), parse_math=False)
        x += 0.03 + 0.0165 * sum(1.0 if ord(letter) > 255 else 0.56 for letter in name)
    return as_chart(figure, words["plan_alt"], keys, font)


def energy(
    months: Sequence[float], load: Sequence[float], p90_share: float, words: Mapping[str, str], font: ChartFont | None = None
) -> Chart:
    """
    Draw generation (P50 as columns, P90 as lines in them) and load by month.

    Parameters
    ----------
    months
        P50 of January to December [kWh].
    load
        Load [kWh].
    p90_share
        P90 over P50.
    words
        Words of the sheet.
    font
        Font; None looks for a Chinese one.

    Returns
    -------
    Chart
        The picture [MWh].
    """
    font = font or find_font()
    drawn, keys = legible([words["chart_months"], "P50", "P90", words["load"]], font)
    figure = Figure(figsize=(3.5, 1.75), layout="constrained")
    axes = figure.add_subplot()
    at, sun = np.arange(1, 13), np.asarray(months) / 1e3
    axes.bar(at, sun, width=0.7, color=WARM, label=drawn[1])
    axes.hlines(sun * p90_share, at - 0.35, at + 0.35, color=INK, linewidth=1.0, label=drawn[2])
    axes.plot(at, np.asarray(load) / 1e3, color=BAR, linewidth=1.4, marker="o", markersize=2.5, label=drawn[3])
    axes.set_xticks(at)
    axes.set_ylim(0, 1.25 * max(float(sun.max()), float(np.max(load)) / 1e3, 1e-9))
    _finish(axes, font, drawn[0], legend=True)
    return as_chart(figure, words["chart_months"], keys, font)


def days(typical: Sequence[Mapping[str, Any]], p90_share: float, words: Mapping[str, str], font: ChartFont | None = None) -> Chart:
    """
    Draw the mean day of four months.

    Parameters
    ----------
    typical
        month, sun and load, each of 24 hours [kW].
    p90_share
        P90 over P50.
    words
        Words of the sheet.
    font
        Font; None looks for a Chinese one.

    Returns
    -------
    Chart
        Four panels of one scale.
    """
    font = font or find_font()
    drawn, keys = legible([words["chart_days"], *(words["month_n"].format(month=day["month"]) for day in typical)], font)
    figure = Figure(figsize=(3.5, 1.75), layout="constrained")
    panels = figure.subplots(1, len(typical), sharey=True)
    for axes, day, name in zip(panels, typical, drawn[1:], strict=True):
        hours = np.arange(24) + 0.5
        sun = np.asarray(day["sun"])
        axes.fill_between(hours, sun, color=WARM, alpha=0.55, linewidth=0)
        axes.plot(hours, sun * p90_share, color=INK, linewidth=0.7)
        axes.plot(hours, day["load"], color=BAR, linewidth=1.3)
        axes.set_xlim(0, 24)
        axes.set_xticks([6, 12, 18])
        _finish(axes, font, name, legend=False)
    panels[0].set_ylim(0, 1.05 * max(max(*day["sun"], *day["load"], 1e-9) for day in typical))
    figure.suptitle(drawn[0], x=0.01, ha="left", fontproperties=font.properties(8.5), color=INK, parse_math=False)
    return as_chart(figure, words["chart_days"], keys, font)


def flows(found: Mapping[str, Mapping[str, Any]], words: Mapping[str, str], font: ChartFont | None = None) -> Chart:
    """
    Draw the running sum of the cash flows of both business models.

    Parameters
    ----------
    found
        By model, with `flows` of project, equity and owner from year 0 [CNY].
    words
        Words of the sheet.
    font
        Font; None looks for a Chinese one.

    Returns
    -------
    Chart
        Own investment, the investor of a contract, and the owner of the roof under it [10,000 CNY].
    """
    font = font or find_font()
    lines = (("own", "project", "flow_own", BAR), ("contract", "project", "flow_investor", WARM), ("contract", "owner", "flow_owner", INK))
    drawn, keys = legible([words["chart_flows"], *(words[name] for _, _, name, _ in lines)], font)
    figure = Figure(figsize=(3.5, 1.6), layout="constrained")
    axes = figure.add_subplot()
    for (model, who, _, colour), name in zip(lines, drawn[1:], strict=True):
        axes.plot(np.cumsum(found[model]["flows"][who]) / 1e4, color=colour, linewidth=1.4, label=name)
    axes.axhline(0.0, color=SOFT, linewidth=0.7)
    _finish(axes, font, drawn[0], legend=True)
    return as_chart(figure, words["chart_flows"], keys, font)


def tornado(rows: Sequence[Mapping[str, Any]], npv: float, words: Mapping[str, str], font: ChartFont | None = None) -> Chart:
    """
    Draw what the net present value becomes when one assumption changes.

    Parameters
    ----------
    rows
        name, spread, low_npv_cny and high_npv_cny, the widest first.
    npv
        As assumed [CNY].
    words
        Words of the sheet.
    font
        Font; None looks for a Chinese one.

    Returns
    -------
    Chart
        A bar an assumption: low in orange, high in blue [10,000 CNY].
    """
    font = font or find_font()
    labels = [words["tornado_row"].format(name=words[f"tornado_{row['name']}"], spread=f"{row['spread'] * 100:.0f}") for row in rows]
    drawn, keys = legible([words["chart_tornado"], *labels], font)
    figure = Figure(figsize=(3.5, 1.6), layout="constrained")
    axes = figure.add_subplot()
    for at, row in enumerate(rows):
        for value, colour in ((row["low_npv_cny"], WARM), (row["high_npv_cny"], BAR)):
            axes.barh(at, (value - npv) / 1e4, left=npv / 1e4, height=0.6, color=colour)
    axes.set_yticks(np.arange(len(rows)), drawn[1:])
    axes.invert_yaxis()
    axes.axvline(npv / 1e4, color=INK, linewidth=0.7)
    _finish(axes, font, "", legend=False)
    figure.suptitle(drawn[0], x=0.01, ha="left", fontproperties=font.properties(8.5), color=INK, parse_math=False)
    return as_chart(figure, words["chart_tornado"], keys, font)


def _paths(frame: gpd.GeoDataFrame) -> list[Any]:
    parts = shapely.get_parts(shapely.force_2d(frame.geometry.to_numpy()))
    return [outline_path(part) for part in parts if part.geom_type == "Polygon" and not part.is_empty]


def _finish(axes: Axes, font: ChartFont, title: str, *, legend: bool) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color("#b8b5ac")
    axes.tick_params(length=0, colors=INK, pad=2)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font.properties(6.5))
        label.set_parse_math(False)
    axes.set_title(title, loc="left", fontproperties=font.properties(8.5), color=INK, parse_math=False)
    if legend:
        box = axes.legend(
            prop=font.properties(6.5),
            frameon=False,
            loc="best" if axes.lines and not axes.patches else "upper center",
            ncols=3 if axes.patches else 1,
            handlelength=1.2,
        )
        for text in box.get_texts():
            text.set_parse_math(False)
