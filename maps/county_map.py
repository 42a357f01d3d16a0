"""The map of a county as one file: Folium's map with every script, style and number inside."""

from __future__ import annotations

import html
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import folium
from branca.element import Element
from jinja2 import Environment, PackageLoader, StrictUndefined

from .base_maps import hosts
from .gauges import gauges
from .page_data import carried, embed, page_data
from .remarks import remarks
from .tables import PLACE_KINDS, MapTables
from .words import Words, as_float, load_words, number

# The browser itself refuses every request but for pictures of the base maps that a reader turns on and, where served, roofs.pmtiles.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
    f"img-src data: {hosts()}; form-action 'none'; base-uri 'none'"
)
SCRIPTS = ("leaflet.js", "leaflet-heat.js", "pbf.js", "pmtiles.js")
OWN_SCRIPTS = ("gcj02.js", "roof_tiles.js", "county_controls.js", "county_print.js", "county_panel.js", "county_map.js")


class OfflineMap(folium.Map):
    """Folium's map without its links to scripts and styles on the network."""

    default_js: ClassVar[list[tuple[str, str]]] = []
    default_css: ClassVar[list[tuple[str, str]]] = []


class Verbatim(Element):
    """
    Text that goes into the page as it is; branca's own elements would run it through a template engine.

    Parameters
    ----------
    text
        The text.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def render(self, **kwargs: Any) -> str:
        """
        Give the text.

        Parameters
        ----------
        **kwargs
            Not used; branca passes them.

        Returns
        -------
        str
            The text.
        """
        return self._text


class CountyLayers(Element):
    """
    The county's own script, placed after Folium's map whose groups it fills.

    Parameters
    ----------
    script
        JavaScript.
    """

    def __init__(self, script: str) -> None:
        super().__init__()
        self._script = script

    def render(self, **kwargs: Any) -> str:
        """
        Add the script to the page.

        Parameters
        ----------
        **kwargs
            Not used; branca passes them.

        Returns
        -------
        str
            Nothing: the script lands in the figure.
        """
        self.get_root().script.add_child(Verbatim(self._script), name="county")
        return ""


def county_map(tables: MapTables, out: Path, lang: str) -> Path:
    """
    Write the map of a county as one file that opens offline.

    Parameters
    ----------
    tables
        The tables of a run, from `read_tables` or `map_tables`.
    out
        File to write, usually map.html.
    lang
        zh or en.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    LayersError
        If the language is unknown or a table lacks what the map needs.
    """
    words = load_words(lang)
    tables, tiles = carried(tables)
    data = page_data(tables, words)
    page = _folium_page(data)
    figure = page.get_root()
    figure.header.add_child(Verbatim(_head(tables, words)), name="offline")
    figure.html.add_child(Verbatim(_panel(tables, words)), name="panel")
    figure.html.add_child(Verbatim(f'<script type="application/json" id="county-data">{embed(data)}</script>'), name="data")
    figure.html.add_child(Verbatim(f'<script type="text/plain" id="roof-tiles">{tiles}</script>'), name="tiles")
    told = "zh-CN" if lang == "zh" else "en"
    return write_whole(out, figure.render().replace("<html>", f'<html lang="{told}">', 1))  # branca's frame says no language


def write_whole(out: Path, text: str) -> Path:
    """
    Write a text file whole or not at all.

    Parameters
    ----------
    out
        File to write or to replace.
    text
        Its contents.

    Returns
    -------
    Path
        The file written.
    """
    unfinished = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return out


def templates() -> Environment:
    """
    Templates of this room; every value that goes in is escaped.

    Returns
    -------
    Environment
        A Jinja environment that refuses unknown names.
    """
    return Environment(
        loader=PackageLoader("maps", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def asset(name: str) -> str:
    """
    Read a script or style that is packed with this room.

    Parameters
    ----------
    name
        File name in maps/assets.

    Returns
    -------
    str
        Its text, without links to pictures and source maps that would be requests.
    """
    text = files("maps").joinpath(f"assets/{name}").read_text(encoding="utf-8")
    text = re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE)
    return re.sub(r"url\((?!data:)[^)]*\)", "none", text) if name.endswith(".css") else text


def _folium_page(data: dict[str, Any]) -> OfflineMap:
    """Folium's map and one empty group a layer; fixed ids, so that the same run gives the same bytes."""
    south_west, north_east = data["bounds"]
    page = OfflineMap(
        location=[(south_west[0] + north_east[0]) / 2, (south_west[1] + north_east[1]) / 2],
        tiles=None,
        prefer_canvas=True,
        zoom_control=False,
        attribution_control=False,
        zoom_snap=0.25,
    )
    page._id = "county"
    page.get_root()._id = "page"
    keys = [*(region["key"] for region in data["regions"]), "land", "labels", "exclusions", "best", *PLACE_KINDS, "existing", "left_out"]
    groups = []
    for at, key in enumerate(keys):
        group = folium.FeatureGroup(name=key, show=False, control=False)
        group._id = f"layer{at}"
        group.add_to(page)
        groups.append(f"{embed_text(key)}: {group.get_name()}")
    own = "\n".join(asset(name) for name in OWN_SCRIPTS)
    script = f"{own}\ncountyMap({page.get_name()}, {{{', '.join(groups)}}});\n"
    page.add_child(CountyLayers(script), name="county_layers")
    return page


def embed_text(text: str) -> str:
    """
    Write a text as a JavaScript literal.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    str
        The literal with its quotes; safe inside a script element.
    """
    return embed({"": text})[len('{"":') : -1]


def _head(tables: MapTables, words: Words) -> str:
    title = html.escape(f"{tables.manifest['study'].get('name', '')} · {words['county_map']}")
    return (
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<title>{title}</title>\n'
        f"<style>{asset('leaflet.css')}</style>\n<style>{asset('county_map.css')}</style>\n"
        + "\n".join(f"<script>{asset(name)}</script>" for name in SCRIPTS)
    )


def _panel(tables: MapTables, words: Words) -> str:
    main, others = gauges(tables.targets, words.lang)
    return (
        templates()
        .get_template("panel.html")
        .render(
            w=words,
            study=tables.manifest["study"],
            policy=tables.policy,
            headline=headline(tables, words),
            main=main,
            others=others,
            remarks=remarks(tables, words),
            unverified=any(not gauge.verified for gauge in (*main, *others)),
        )
    )


def headline(tables: MapTables, words: Words) -> list[tuple[str, str, str]]:
    """
    Gather the few numbers that answer first.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of one language.

    Returns
    -------
    list
        Title, number and unit.
    """
    totals = tables.totals
    zh = words.lang == "zh"
    tonnes = as_float(totals.get("carbon_t"))
    return [
        (words["capacity_dc"], *capacity(totals.get("pdc0_kwp"), words)),
        (words["energy"], *energy(totals.get("energy_kwh"), words)),
        (words["roofs_count"], number(totals.get("roofs")), ""),
        (
            words["carbon"],
            number(None if tonnes is None else tonnes / (1e4 if zh else 1e3), 1),
            "" if tonnes is None else "万吨" if zh else "kt",
        ),
    ]


def capacity(kilowatts: object, words: Words) -> tuple[str, str]:
    """
    Write a capacity in the unit a planner uses.

    Parameters
    ----------
    kilowatts
        Capacity [kW].
    words
        Words of one language.

    Returns
    -------
    tuple of str
        Number and unit: 万千瓦 in Chinese from 10 MW on, else MW.
    """
    value = as_float(kilowatts)
    if value is None:
        return "—", ""
    if words.lang == "zh" and value >= 1e4:
        return number(value / 1e4, 1 if value >= 1e5 else 2), "万千瓦"
    return number(value / 1e3, 0 if value >= 1e6 else 1), "MW"


def energy(kilowatt_hours: object, words: Words) -> tuple[str, str]:
    """
    Write an energy in the unit a planner uses.

    Parameters
    ----------
    kilowatt_hours
        Energy [kWh].
    words
        Words of one language.

    Returns
    -------
    tuple of str
        Number and unit: 亿千瓦时 or 万千瓦时 in Chinese, GWh in English.
    """
    value = as_float(kilowatt_hours)
    if value is None:
        return "—", ""
    if words.lang == "zh":
        return (number(value / 1e8, 2), "亿千瓦时") if value >= 1e8 else (number(value / 1e4, 1), "万千瓦时")
    return number(value / 1e6, 0 if value >= 1e9 else 1), "GWh"
