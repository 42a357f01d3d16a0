"""Online base maps that a reader may turn on; without one the page asks nothing of the network."""

from __future__ import annotations

import re
from typing import Any

from xyzservices import TileProvider, providers

# xyzservices has no entry for 天地图; its addresses: http://lbs.tianditu.gov.cn/server/MapService.html
_TIANDITU = "https://t{s}.tianditu.gov.cn/DataServer?T={layer}&x={x}&y={y}&l={z}&tk={key}"
# Names that lie over a base map without any: 天地图 keeps them in layers of their own, as Amap does for its imagery.
_NAMES = {"tianditu": ("vec_w", "cva_w"), "tianditu_image": ("img_w", "cia_w"), "amap_image": ("style=6", "style=8")}
# Key, provider, whether its tiles are in GCJ-02.
CHOICES: tuple[tuple[str, TileProvider, bool], ...] = (
    ("tianditu", TileProvider(name="Tianditu.Vector", url=_TIANDITU, layer="vec_w", attribution="© 天地图", max_zoom=18), False),
    ("tianditu_image", TileProvider(name="Tianditu.Image", url=_TIANDITU, layer="img_w", attribution="© 天地图", max_zoom=18), False),
    ("esri", providers.Esri.WorldImagery, False),
    ("osm", providers.OpenStreetMap.Mapnik, False),
    ("amap", providers.Gaode.Normal, True),
    ("amap_image", providers.Gaode.Satellite, True),
)


def base_maps(words: dict[str, str]) -> list[dict[str, Any]]:
    """
    Describe the base maps that a page offers.

    Parameters
    ----------
    words
        Texts of the page's language, with `base_…` for each.

    Returns
    -------
    list
        For each: key, title, url with {x}, {y}, {z}, {s} and {key}, the same for the names over it, values of {s}, whether it asks for the
        reader's key, attribution, largest zoom, and whether its tiles are in GCJ-02, so that overlays must be shifted.
    """
    return [
        {
            "key": key,
            "title": words[f"base_{key}"],
            "url": _url(provider),
            "names": _url(provider).replace(*_NAMES[key]) if key in _NAMES else None,
            "shards": "01234567" if "tianditu" in key else "1234",
            "asks": "{key}" in provider["url"],
            "attribution": _attribution(provider),
            "most": int(provider.get("max_zoom", 18)),
            "gcj": gcj,
        }
        for key, provider, gcj in CHOICES
    ]


def hosts() -> str:
    """
    Name the hosts that pictures may come from, for the page's security policy.

    Returns
    -------
    str
        Sources separated by blanks.
    """
    found = (re.match(r"https://([^/]+)/", _url(provider)) for _, provider, _ in CHOICES)
    names = {match.group(1) for match in found if match}
    return " ".join(sorted({f"https://{'*.' + name.partition('.')[2] if '{s}' in name else name}" for name in names}))


def _attribution(provider: TileProvider) -> str:
    """Plain text: links of a licence are not followed from an intranet, its words are what it asks for."""
    text = re.sub(r"<[^>]*>", "", str(provider.get("attribution", "")))
    return text.replace("&copy;", "©").replace("(C)", "©").replace(" -- ", ", ")


def _url(provider: TileProvider) -> str:
    url = re.sub(r"^http://webrd01\.", "https://webrd0{s}.", str(provider["url"]))
    url = re.sub(r"^http://webst01\.", "https://webst0{s}.", url)
    for name in ("variant", "layer"):
        url = url.replace(f"{{{name}}}", str(provider.get(name, "")))
    return re.sub(r"^http://", "https://", url)
