"""Where to fetch: a name, a box or a polygon becomes an area in WGS 84."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely

from geo.errors import GeoError
from geo.vectors import read_vectors
from geo.zones import zone_crs

from .answers import FetchError, read_json
from .web import Web

_GEOD = pyproj.Geod(ellps="WGS84")
Bounds = tuple[float, float, float, float]
# What ends so was meant as a file, and is not looked up as a name.
POLYGON_FILES = (".geojson", ".json", ".gpkg", ".shp", ".kml", ".kmz", ".fgb", ".gdb", ".dxf", ".zip", ".parquet")


@dataclass(frozen=True)
class Area:
    """
    The area of a study.

    Attributes
    ----------
    name
        For files and titles.
    shape
        Polygon or multipolygon in WGS 84. [degrees]
    told
        How it was found, in Chinese and English.
    """

    name: str
    shape: shapely.Geometry
    told: tuple[str, str]

    @property
    def bounds(self) -> Bounds:
        """
        Give its box.

        Returns
        -------
        tuple
            West, south, east, north [degrees].
        """
        west, south, east, north = (float(v) for v in self.shape.bounds)
        return west, south, east, north

    @property
    def km2(self) -> float:
        """
        Give its size.

        Returns
        -------
        float
            On the ellipsoid [km2].
        """
        return abs(float(_GEOD.geometry_area_perimeter(self.shape)[0])) / 1e6

    def grown(self, kilometres: float) -> Bounds:
        """
        Give its box with a margin.

        Parameters
        ----------
        kilometres
            Width of the margin [km].

        Returns
        -------
        tuple
            West, south, east, north [degrees].
        """
        west, south, east, north = self.bounds
        up = kilometres / 111.0
        aside = up / math.cos(math.radians(max(abs(south), abs(north))))
        return west - aside, south - up, east + aside, north + up


def find_place(text: str, web: Web, rules: Mapping[str, Any], lang: str) -> Area:
    """
    Find the area that a user means.

    Parameters
    ----------
    text
        "west,south,east,north" in degrees, a polygon file, a polygon in WKT, or a name.
    web
        The way to the internet; only a name needs it.
    rules
        The table `place` of sources.toml.
    lang
        "zh" or "en": of the name.

    Returns
    -------
    Area
        In WGS 84.

    Raises
    ------
    FetchError
        If nothing is found, or it is no plausible area.
    """
    if not text.strip():
        raise FetchError("no place is given; write a name, a box (west,south,east,north in degrees) or a polygon file")
    numbers = [part for part in re.split(r"[\s,;，；、]+", text.strip(" []()")) if part]
    if numbers and all(_number(part) for part in numbers):
        if len(numbers) != 4:
            raise FetchError(f"{text[:60]!r} is no box: write west,south,east,north in degrees, for example 116.9,36.5,117.2,36.8")
        area = _box(*(float(part) for part in numbers))
    elif Path(text).is_file():
        area = _from_file(Path(text))
    elif text.lstrip().upper().startswith(("POLYGON", "MULTIPOLYGON")):
        area = _from_wkt(text)
    elif len(text) > 200 or Path(text).suffix.lower() in POLYGON_FILES or "/" in text or "\\" in text:
        raise FetchError(
            f"there is no file {Path(text[-80:]).name}; give a polygon file, a box (west,south,east,north in degrees) or a name"
        )
    else:
        area = _named(text, web, rules, lang)
    if area.km2 > rules["largest_km2"]:
        raise FetchError(
            f"{text[:60]!r}: {area.km2:,.0f} km2 is more than a study covers ({rules['largest_km2']:,.0f} km2); give one county or city"
        )
    return area


def study_crs_of(area: Area) -> str:
    """
    Choose the projected CRS of a study.

    Parameters
    ----------
    area
        The area.

    Returns
    -------
    str
        In China the 3-degree Gauss-Krüger zone of CGCS2000 by central meridian, elsewhere the UTM zone.
    """
    middle = shapely.centroid(area.shape)
    return f"EPSG:{zone_crs(float(middle.x), float(middle.y)).to_epsg()}"


def _number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _box(west: float, south: float, east: float, north: float) -> Area:
    if not (-180 <= west < east <= 180 and -85 <= south < north <= 85):
        raise FetchError(
            f"west, south, east, north = {west:g}, {south:g}, {east:g}, {north:g} is no box on Earth in degrees, "
            "longitude before latitude, west before east and south before north"
        )
    name = f"{west:g}_{south:g}_{east:g}_{north:g}"
    return Area(name, shapely.box(west, south, east, north), ("按给定范围", "the box that was given"))


def _from_file(path: Path) -> Area:
    try:
        layer = read_vectors(path, columns=[])
    except GeoError as error:
        raise FetchError(f"{path.name}: cannot be read as a polygon file: {error}") from error
    if layer.crs is None:
        raise FetchError(f"{path.name}: the file does not say its CRS; give it one, or write the box as west,south,east,north")
    shape = shapely.union_all(shapely.make_valid(layer.to_crs(4326).geometry.to_numpy()))
    return Area(path.stem, _polygons(shape, path.name), (f"按文件 {path.name}", f"the polygons of {path.name}"))


def _from_wkt(text: str) -> Area:
    try:
        shape = shapely.make_valid(shapely.from_wkt(text))
    except shapely.errors.ShapelyError as error:
        raise FetchError(f"{text[:60]!r}: is no polygon in WKT; write POLYGON((lon lat, lon lat, ...))") from error
    return Area("area", _polygons(shape, text[:60]), ("按给定多边形", "the polygon that was given"))


def _polygons(shape: shapely.Geometry, source: str) -> shapely.Geometry:
    parts = shapely.get_parts(shape)
    kept = parts[np.isin(shapely.get_type_id(parts), (3, 6)) & ~shapely.is_empty(parts)]
    if not len(kept):
        raise FetchError(f"{source!r}: holds no polygon; give the outline of the area")
    whole = shapely.union_all(kept)
    _box(*(float(v) for v in whole.bounds))  # metres taken for degrees
    return whole


def _named(text: str, web: Web, rules: Mapping[str, Any], lang: str) -> Area:
    """Ask Nominatim for the outline of a named place (nominatim.org/release-docs/latest/api/Search)."""
    asked = {"q": text, "format": "jsonv2", "polygon_geojson": 1, "limit": 5, "accept-language": "zh-CN" if lang == "zh" else "en"}
    try:
        path = web.download(rules["url"], stage="fetch_place", params=asked, opens=_hits)
    except FetchError as error:
        raise FetchError(
            f"the place {text!r} cannot be looked up: {error}. Give a box (west,south,east,north in degrees) or a polygon file instead"
        ) from error
    found = [hit for hit in _hits(path) if str(hit["geojson"].get("type", "")).endswith("Polygon")]
    if not found:
        raise FetchError(
            f"no area named {text!r} was found; write it with its province, or give a box (west,south,east,north) or a polygon file"
        )
    # an administrative area comes before a park or a lake of the same name
    found.sort(key=lambda hit: (hit.get("type") != "administrative", -float(hit.get("importance") or 0.0)))
    best, others = found[0], [str(hit["display_name"]) for hit in found[1:]]
    shape = shapely.make_valid(shapely.from_geojson(json.dumps(best["geojson"])))
    zh, en = f"地名“{text}”取为：{best['display_name']}", f"{text!r} is taken as: {best['display_name']}"
    if others:
        zh, en = f"{zh}；同名的还有：{'；'.join(others)}", f"{en}; others of that name: {'; '.join(others)}"
    return Area(str(best.get("name") or text), _polygons(shape, text), (zh, en))


def _hits(path: Path) -> list[dict[str, Any]]:
    hits = read_json(path)
    if not isinstance(hits, list) or not all(isinstance(hit, dict) and "display_name" in hit for hit in hits):
        raise ValueError("no list of places")
    return [hit for hit in hits if isinstance(hit.get("geojson"), dict)]
