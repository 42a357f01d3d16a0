"""
OpenStreetMap by the Overpass API: buildings and administrative borders.

wiki.openstreetmap.org/wiki/Overpass_API/Overpass_QL (`out geom`, `out count`), wiki.openstreetmap.org/wiki/Key:building,
wiki.openstreetmap.org/wiki/Key:building:levels, dev.overpass-api.de/overpass-doc/en/preface/commons.html (fair use).
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from .answers import FetchError, read_json
from .districts import choose_level
from .place import Area, Bounds
from .sources import Fetched
from .tables import inside, write_buildings, write_districts
from .web import Web

_TAGS = {"name": "name", "height": "height", "num_floors": "building:levels", "use": "building", "start_date": "start_date"}


def fetch_buildings(area: Area, folder: Path, web: Web, rules: Mapping[str, Any]) -> Fetched:
    """
    Fetch the buildings of an area, one question a cell.

    Parameters
    ----------
    area
        The area.
    folder
        Of the study.
    web
        The way to the internet.
    rules
        The table `openstreetmap` of sources.toml.

    Returns
    -------
    Fetched
        `buildings.parquet` with height, num_floors, use, name and update_time.
    """
    what = '(way["building"]({box});relation["building"]["type"="multipolygon"]({box}););'
    web.expect("fetch_buildings", _count(web, rules, what.format(box=_box(area.bounds))) * int(rules["bytes_per_building"]))
    elements: dict[tuple[str, int], Mapping[str, Any]] = {}
    dated = ""
    for cell in _cells(area.bounds, float(rules["cell_degrees"])):
        content = _asked(web, rules, what.format(box=_box(cell)) + "out meta geom;", "fetch_buildings")
        dated = max(dated, str(content.get("osm3s", {}).get("timestamp_osm_base", "")))
        elements |= {(element["type"], element["id"]): element for element in content["elements"]}
    if not elements:
        raise FetchError("OpenStreetMap has no buildings here; use another source")
    shapes = [_polygon(element) for element in elements.values()]
    columns = {ours: [element.get("tags", {}).get(key) for element in elements.values()] for ours, key in _TAGS.items()}
    frame = gpd.GeoDataFrame(
        {"id": [f"{kind}/{number}" for kind, number in elements], **columns}, geometry=gpd.GeoSeries(shapes, crs=4326), crs=4326
    )
    frame["update_time"] = [element.get("timestamp") for element in elements.values()]
    for column in ("height", "num_floors"):
        # "12 m" and "12,5" are written too; anything else is no number and stays unknown
        text = frame[column].astype("string").str.replace(",", ".").str.extract(r"^\s*([\d.]+)\s*m?\s*$")[0]
        frame[column] = pd.to_numeric(text, errors="coerce").astype("float64")
    frame["use"] = frame["use"].where(frame["use"] != "yes")
    frame["dataset"] = "OpenStreetMap"
    path = write_buildings(inside(frame[~frame.geometry.isna()], area), folder / "buildings.parquet")
    keys = {"columns": {"id": "id", "name": "name", "height": "height", "floors": "num_floors", "use": "use"}}
    return Fetched("buildings", "openstreetmap", [path], dated, str(rules["url"]), keys, [])


def fetch_districts(area: Area, folder: Path, web: Web, rules: Mapping[str, Any]) -> Fetched:
    """
    Fetch the administrative borders in an area.

    Parameters
    ----------
    area
        The area.
    folder
        Of the study.
    web
        The way to the internet.
    rules
        The table `openstreetmap` of sources.toml.

    Returns
    -------
    Fetched
        `districts.gpkg` with name and level (admin_level).
    """
    what = f'relation["boundary"="administrative"]["admin_level"~"^[5678]$"]({_box(area.bounds)});out geom;'
    content = _asked(web, rules, what, "fetch_districts")
    rows = [
        {"name": tags.get("name:zh") or tags.get("name"), "level": tags.get("admin_level"), "geometry": _polygon(element)}
        for element in content["elements"]
        if (tags := element.get("tags", {}))
    ]
    if not rows:
        raise FetchError("OpenStreetMap has no administrative borders here; use another source")
    chosen, told = choose_level(gpd.GeoDataFrame(rows, geometry="geometry", crs=4326), area)
    path = write_districts(chosen, folder / "districts.gpkg")
    dated = str(content.get("osm3s", {}).get("timestamp_osm_base", ""))
    level = str(chosen["level"].iloc[0])
    facts = [(f"层级：admin_level {level}", f"level: admin_level {level}")]
    return Fetched("districts", "openstreetmap", [path], dated, str(rules["url"]), {}, told, facts)


def _asked(web: Web, rules: Mapping[str, Any], what: str, stage: str) -> Any:
    query = f"[out:json][timeout:{int(rules['timeout_seconds'])}];{what}"
    return read_json(web.download(rules["url"], stage=stage, data={"data": query}, opens=_is_answer))


def _count(web: Web, rules: Mapping[str, Any], what: str) -> int:
    """Ask how many elements there are, so that a size can be told before the first is loaded."""
    elements = _asked(web, rules, f"{what}out count;", "fetch_index")["elements"]
    return int(elements[0]["tags"]["total"]) if elements else 0


def _is_answer(path: Path) -> None:
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("elements"), list):
        raise ValueError("no list of elements")
    # Overpass answers 200 and says here that it ran out of time or memory
    if "remark" in content:
        raise ValueError(str(content["remark"]))


def _polygon(element: Mapping[str, Any]) -> shapely.Geometry | None:
    """Make a polygon: a way is a ring; the ways of a relation are put together, holes told by GEOS from their nesting."""
    if element["type"] == "way":
        ring = _places(element.get("geometry") or ())
        return shapely.polygons(ring) if len(ring) >= 4 and ring[0] == ring[-1] else None
    lines = [_places(member.get("geometry") or ()) for member in element.get("members", ()) if member.get("type") == "way"]
    lines = [line for line in lines if len(line) >= 2]
    if not lines:
        return None
    area = shapely.build_area(shapely.node(shapely.multilinestrings([shapely.linestrings(line) for line in lines])))
    return None if shapely.is_empty(area) else area


def _places(points: Iterable[Mapping[str, float] | None]) -> list[tuple[float, float]]:
    return [(point["lon"], point["lat"]) for point in points if point]


def _cells(bounds: Bounds, size: float) -> list[Bounds]:
    """Cells of a grid from 0, 0, so that the same cell is asked for whatever the area, and found in the cache."""
    west, south, east, north = bounds
    columns = np.arange(math.floor(west / size), math.ceil(east / size)) * size
    rows = np.arange(math.floor(south / size), math.ceil(north / size)) * size
    return [(float(x), float(y), float(x + size), float(y + size)) for y in rows for x in columns]


def _box(bounds: Bounds) -> str:
    west, south, east, north = bounds
    return f"{south:.6f},{west:.6f},{north:.6f},{east:.6f}"
