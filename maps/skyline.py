"""One roof's skyline with the paths of the sun over it, as a panorama or as a fisheye picture."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.projections.polar import PolarAxes

from .charts import INK, SOFT, WARM, WIDTH, Chart, as_chart
from .fonts import ChartFont, find_font, legible
from .words import load_words

Floats = npt.NDArray[np.float64]
Kind = Literal["panorama", "fisheye"]
GROUND, LEAVES, SKY = "#5d6a6f", "#7fa871", "#eef4f8"
# Months whose paths lie together are drawn once: day of the year of the 21st, and the months it stands for.
_PATHS = ((355, "12"), (21, "1 · 11"), (52, "2 · 10"), (80, "3 · 9"), (111, "4 · 8"), (141, "5 · 7"), (172, "6"))


def sun_path(latitude: float, day: int, hours: npt.ArrayLike) -> tuple[Floats, Floats]:
    """
    Place the sun in true solar time.

    Parameters
    ----------
    latitude
        Of the place [degrees].
    day
        Of the year, 1 to 365.
    hours
        True solar time, 12 = noon, shape (n,).

    Returns
    -------
    tuple of numpy.ndarray
        Azimuth clockwise from north and elevation, without refraction, shape (n,) [degrees].

    Notes
    -----
    Declination of Spencer (1971) as in pvlib.solarposition.declination_spencer71; good to 0.1 degrees on a drawing.
    """
    g = 2.0 * np.pi * (day - 1) / 365.0
    terms = ((0.006918, 0.0), (-0.399912, 0.070257), (-0.006758, 0.000907), (-0.002697, 0.00148))
    declination = sum(a * np.cos(n * g) + b * np.sin(n * g) for n, (a, b) in enumerate(terms))
    turn, phi = np.radians(15.0 * (np.asarray(hours, dtype=np.float64) - 12.0)), np.radians(latitude)
    east = -np.cos(declination) * np.sin(turn)
    north = np.sin(declination) * np.cos(phi) - np.cos(declination) * np.sin(phi) * np.cos(turn)
    up = np.sin(declination) * np.sin(phi) + np.cos(declination) * np.cos(phi) * np.cos(turn)
    return np.degrees(np.arctan2(east, north)) % 360.0, np.degrees(np.arcsin(np.clip(up, -1.0, 1.0)))


def draw_skyline(
    horizon: npt.ArrayLike,
    latitude: float,
    *,
    trees: npt.ArrayLike | None = None,
    kind: Kind = "panorama",
    title: str = "",
    lang: str = "zh",
    font: ChartFont | None = None,
) -> Chart:
    """
    Draw what stands around a point on a roof, and the sun on the 21st of each month.

    Parameters
    ----------
    horizon
        Elevation of the horizon, 72 sectors from north clockwise, shape (72,), or (p, 72) for several points of a roof: their mean is
        filled, each is a thin line [degrees].
    latitude
        Of the roof [degrees].
    trees
        The same with trees, or None.
    kind
        "panorama", or "fisheye": the sky seen from below with north on top and EAST ON THE RIGHT, as on a map.
    title
        Title; empty for none.
    lang
        zh or en.
    font
        Font; None looks for a Chinese one.

    Returns
    -------
    Chart
        The picture: `uri` is an SVG, `png()` a PNG.
    """
    font = font or find_font()
    words = load_words(lang)
    opaque = np.atleast_2d(np.asarray(horizon, dtype=np.float64))
    leafy = None if trees is None else np.atleast_2d(np.asarray(trees, dtype=np.float64))
    names = [words[f"skyline_{name}"] for name in ("n", "e", "s", "w", "hours", "elevation", "points")]
    if leafy is not None:
        names.append(words["skyline_trees"])
    drawn, keys = legible([title, *names], font)
    if kind == "fisheye":
        figure = Figure(figsize=(WIDTH * 0.72, WIDTH * 0.8), layout="constrained")
        axes = figure.add_subplot(projection="polar")
        assert isinstance(axes, PolarAxes)  # what the projection makes; matplotlib's types do not say so
        _fisheye(axes, drawn[1:5], font)
    else:
        figure = Figure(figsize=(WIDTH, WIDTH * 0.46), layout="constrained")
        axes = figure.add_subplot()
        _panorama(axes, drawn[1:5], drawn[6], font)
    for sky, colour in ((leafy, LEAVES), (opaque, GROUND)):
        if sky is not None:
            _fill(axes, sky, colour, kind)
    _sun(axes, latitude, kind, font)
    if title:
        figure.suptitle(drawn[0], x=0.01, ha="left", fontproperties=font.properties(10), color=INK, parse_math=False)
    axes.set_xlabel(
        "\n".join([*drawn[7:], drawn[5]]), loc="right", fontproperties=font.properties(7), color=SOFT, linespacing=1.5, parse_math=False
    )
    highest = opaque.mean(axis=0)
    alt = words["skyline_alt"].format(height=f"{highest.max():.0f}", azimuth=f"{5 * int(highest.argmax())}")
    return as_chart(figure, alt, keys, font)


def _panorama(axes: Axes, sides: list[str], elevation: str, font: ChartFont) -> None:
    axes.set_xlim(0, 360)
    axes.set_ylim(0, 90)
    axes.set_facecolor(SKY)
    axes.set_xticks(np.arange(0, 361, 45), [sides[0], "45°", sides[1], "135°", sides[2], "225°", sides[3], "315°", sides[0]])
    axes.set_yticks(np.arange(0, 91, 15), [f"{e}°" for e in range(0, 91, 15)])
    axes.grid(color="white", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_ylabel(elevation, fontproperties=font.properties(8), color=SOFT, parse_math=False)
    _labels(axes, font)


def _fisheye(axes: PolarAxes, sides: list[str], font: ChartFont) -> None:
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.set_ylim(0, 90)
    axes.set_facecolor(SKY)
    axes.set_xticks(np.radians([0, 90, 180, 270]), sides)
    axes.set_yticks([0, 30, 60], [])
    axes.grid(color="white", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines["polar"].set_color("#b8b5ac")
    _labels(axes, font)
    for elevation in (30, 60):  # tick labels would lie under what hides the sky
        text = axes.text(np.radians(22.5), 90 - elevation, f"{elevation}°", ha="center", va="center", zorder=6, color=SOFT)
        text.set_fontproperties(font.properties(6.5))
        text.set_path_effects([withStroke(linewidth=2.0, foreground="white")])


def _labels(axes: Axes, font: ChartFont) -> None:
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font.properties(8))
        label.set_color(INK)
        label.set_parse_math(False)


def _placed(kind: Kind, azimuth: Floats, elevation: Floats) -> tuple[Floats, Floats]:
    return (np.radians(azimuth), 90.0 - elevation) if kind == "fisheye" else (azimuth, elevation)


def _fill(axes: Axes, sky: Floats, colour: str, kind: Kind) -> None:
    """Fill below the mean skyline and draw each point's as a thin line; linear between sectors, as the yield takes it."""
    azimuth = np.linspace(0.0, 360.0, 721)
    lines = [np.interp(azimuth, np.arange(73) * 5.0, np.append(line, line[0])) for line in (sky.mean(axis=0), *sky)]
    x, y = _placed(kind, azimuth, lines[0])
    axes.fill_between(x, y, 90.0 if kind == "fisheye" else 0.0, color=colour, linewidth=0, zorder=2)
    if len(sky) > 1:
        for line in lines[1:]:
            axes.plot(*_placed(kind, azimuth, line), color=INK, linewidth=0.3, alpha=0.5, zorder=3)


def _sun(axes: Axes, latitude: float, kind: Kind, font: ChartFont) -> None:
    """Paths of the 21st of each month with a dot at each full hour of true solar time."""
    halo = withStroke(linewidth=2.0, foreground="white")
    turned = latitude < 0.0  # the noon sun stands in the north
    for day, months in _PATHS:
        azimuth, up = sun_path(latitude, day, np.linspace(0.0, 24.0, 961))
        azimuth, up = np.where(up >= 0.0, azimuth, np.nan), np.where(up >= 0.0, up, np.nan)
        cut = np.flatnonzero(np.abs(np.diff(azimuth)) > 180.0) + 1  # past north
        if kind == "panorama":
            azimuth, up = np.insert(azimuth, cut, np.nan), np.insert(up, cut, np.nan)
        axes.plot(*_placed(kind, azimuth, up), color=WARM, linewidth=1.1, zorder=4)
        hours = np.arange(24.0)
        azimuth, up = sun_path(latitude, day, hours)
        seen = up > 0.0
        axes.plot(*_placed(kind, azimuth[seen], up[seen]), ".", color=WARM, markersize=3.2, zorder=5)
        noon = _placed(kind, azimuth[12:13], up[12:13]) if seen[12] else None
        if noon is not None and np.isfinite(noon).all():
            text = axes.text(
                noon[0][0] + (0.0 if kind == "fisheye" else (2.0 if turned else 0.0)), noon[1][0], months, ha="center", va="bottom",
                fontproperties=font.properties(6.5), color="#9a4f12", zorder=6,
            )  # fmt: skip
            text.set_path_effects([halo])
        if day == 172:  # the longest path carries the hours
            for hour in np.flatnonzero(seen & (hours % 2 == 0) & (hours != 12)):
                x, y = _placed(kind, azimuth[hour : hour + 1], up[hour : hour + 1])
                text = axes.text(x[0], y[0], f"{hour}h", ha="right", va="bottom", fontproperties=font.properties(6.5), color=SOFT, zorder=6)
                text.set_path_effects([halo])
