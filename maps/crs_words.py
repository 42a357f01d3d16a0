"""What a coordinate system is called in words, for readers who know no EPSG numbers."""

from __future__ import annotations

import re

import pyproj
from pyproj.exceptions import CRSError

_GAUSS = re.compile(r"(.+) / (3-degree )?Gauss-Kruger (?:CM (\d+)E|zone (\d+))")
_UTM = re.compile(r"(.+) / UTM zone (\d+)([NS])")


def crs_words(crs: str, lang: str) -> str:
    """
    Name a coordinate system with its number behind.

    Parameters
    ----------
    crs
        As the study file has it, for example EPSG:4548.
    lang
        zh or en.

    Returns
    -------
    str
        Its name in the language where it is one of the usual kinds, else as PROJ has it; what PROJ does not know as it stands.

    Examples
    --------
    >>> crs_words("EPSG:4548", "zh")
    'CGCS2000 三度带高斯—克吕格投影，中央经线 117°E（EPSG:4548）'
    >>> crs_words("EPSG:32618", "en")
    'WGS 84 / UTM zone 18N (EPSG:32618)'
    """
    try:
        name = pyproj.CRS.from_user_input(crs).name
    except CRSError:
        return crs
    if lang != "zh":
        return f"{name} ({crs})"
    if gauss := _GAUSS.fullmatch(name):
        datum, three, meridian, zone = gauss.groups()
        where = f"中央经线 {meridian}°E" if meridian else f"第 {zone} 带"
        name = f"{datum} {'三' if three else '六'}度带高斯—克吕格投影，{where}"
    elif utm := _UTM.fullmatch(name):
        name = "{} UTM 投影 {}{} 带".format(*utm.groups())
    return f"{name}（{crs}）"
