"""What the map page carries inside: regions, roofs and places as compact columns, and nothing that a name could break."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from .classes import NO_DATA, Classes, classify
from .shapes import encode, lonlat, points
from .tables import MapTables, has_shape
from .words import Words, clean

MEASURES = ("pdc0_kwp", "energy_kwh", "kwp_per_km2", "specific_yield", "lcoe_cny_kwh")
THEMES = ("districts", "responsible", "grid")
REGION_COLUMNS = (
    "name",
    "area_km2",
    "buildings",
    "roofs",
    "footprint_area_m2",
    "usable_area_m2",
    "covered_area_m2",
    "pdc0_kwp",
    "pac0_kw",
    "installed_kwp",
    "energy_kwh",
    "energy_p90_kwh",
    "kwp_per_km2",
    "specific_yield",
    "capex_cny",
    "lcoe_cny_kwh",
    "carbon_t",
)
ROOF_SHOWN = (
    "name",
    "use",
    "use_detail",
    "one.pdc0_kwp",
    "one.energy_kwh",
    "specific_yield",
    "area_m2",
    "one.usable_area_m2",
    "module_count",
    "roof_tilt",
    "roof_azimuth",
    "mounting",
    "shading_loss",
    "lcoe_cny_kwh",
    "data_tier",
)
PLACE_SHOWN = ("name", "use", "use_detail", "one.pdc0_kwp", "one.energy_kwh", "one.usable_area_m2", "one.installed_kwp", "data_tier")
VERTICES = {"districts": 40_000, "responsible": 40_000, "zones": 20_000, "urban": 20_000, "grid": 60_000, "parcels": 40_000}
OTHER_VERTICES = 20_000
ROOF_VERTICES = 120_000
REGIONS_DRAWN = {"grid": 6_000, "parcels": 2_000}
OTHER_REGIONS = 3_000
BEST_ROOFS = 300


def page_data(tables: MapTables, words: Words) -> dict[str, Any]:
    """
    Gather what the map page draws.

    Parameters
    ----------
    tables
        The tables of a run.
    words
        Words of the page's language.

    Returns
    -------
    dict
        Plain lists, texts and numbers, bounded whatever the size of the county.
    """
    drawn = {layer: table for layer in tables.regions if (table := tables.region(layer)) is not None}
    frames = [*drawn.values(), *(frame for frame in (tables.roofs, tables.places) if frame is not None and len(frame))]
    west, south, east, north = _bounds(frames)
    origin = (round((west + east) / 2, 6), round((south + north) / 2, 6))
    return {
        "lang": words.lang,
        "origin": list(origin),
        "bounds": [[south, west], [north, east]],
        "measures": _measures(drawn),
        "fields": {key: asdict(field) for key, field in words.fields.items()},
        "words": dict(words.text),
        "uses": dict(words.uses),
        "codes": dict(words.codes),
        "noData": NO_DATA,
        "regions": [_region(layer, drawn[layer], origin, words) for layer in _ordered(drawn)],
        "roofs": _roofs(tables, origin),
        "places": _places(tables.places),
    }


def embed(data: Mapping[str, Any]) -> str:
    """
    Write data as JSON that may stand inside a script element whatever its texts say.

    Parameters
    ----------
    data
        Plain lists, texts and numbers.

    Returns
    -------
    str
        JSON without <, >, &, the two line separators, and NaN.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _bounds(frames: list[gpd.GeoDataFrame]) -> tuple[float, float, float, float]:
    if not frames:
        return (116.9, 36.5, 117.1, 36.8)  # an empty study still opens, over Jinan
    boxes = [shapely.box(*frame.total_bounds) for frame in frames if np.isfinite(frame.total_bounds).all()]
    around = gpd.GeoSeries([shapely.segmentize(box, max(box.length / 40, 1e-9)) for box in boxes], crs=frames[0].crs).to_crs(4326)
    west, south, east, north = (round(float(side), 6) for side in around.total_bounds)
    return west, south, east, north


def _ordered(layers: Mapping[str, gpd.GeoDataFrame]) -> list[str]:
    known = [layer for layer in (*THEMES, "urban", "zones", "parcels") if layer in layers]
    return known + sorted(set(layers) - set(known))


def _measures(drawn: Mapping[str, gpd.GeoDataFrame]) -> list[str]:
    themes = [drawn[layer] for layer in THEMES if layer in drawn]
    return [name for name in MEASURES if any(name in table and table[name].notna().any() for table in themes)]


def _region(layer: str, table: gpd.GeoDataFrame, origin: tuple[float, float], words: Words) -> dict[str, Any]:
    ranked = table.sort_values(["pdc0_kwp", "name"], ascending=[False, True]).reset_index(drop=True)
    shown = ranked.head(REGIONS_DRAWN.get(layer, OTHER_REGIONS))
    columns = [name for name in REGION_COLUMNS if name in shown.columns]
    shapes = lonlat(shown, VERTICES.get(layer, OTHER_VERTICES), coverage=layer in ("districts", "responsible"))
    theme = layer in THEMES
    palette = "grid" if layer == "grid" else "regions"
    classes = {name: _edges(classify(_shown_values(shown, name, words), palette)) for name in MEASURES if theme and name in shown}
    return {
        "key": layer,
        "title": words.text.get(layer, layer),
        "theme": theme,
        "total": len(ranked),
        "columns": columns,
        "rows": _rows(shown, columns),
        "shapes": [encode(shape, origin) for shape in shapes],
        "classes": {name: found for name, found in classes.items() if found is not None},
    }


def _shown_values(table: gpd.GeoDataFrame, name: str, words: Words) -> np.ndarray:
    """Classes are cut in the unit that is shown, so that the legend's edges are round there."""
    values = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(values * words.fields[name].factor)


def _edges(found: Classes | None) -> dict[str, Any] | None:
    return None if found is None else {"low": clean(found.low), "edges": list(found.edges), "colours": list(found.colours)}


def _roofs(tables: MapTables, origin: tuple[float, float]) -> dict[str, Any] | None:
    roofs = tables.roofs
    if roofs is None or not len(roofs):
        return None
    ranked = roofs.sort_values(["energy_kwh", "roof_id"], ascending=[False, True]).reset_index(drop=True)
    shapes = lonlat(ranked, ROOF_VERTICES)
    columns = [name for name in ROOF_SHOWN if name.removeprefix("one.") in ranked.columns]
    centres = points(ranked.head(BEST_ROOFS))
    return {
        "total": clean(tables.totals.get("roofs", len(ranked))),
        "columns": columns,
        "rows": _rows(ranked, columns),
        "shapes": [encode(shape, origin) for shape in shapes],
        "best": centres.tolist(),
        "classes": {"specific_yield": _edges(classify(ranked["specific_yield"].to_numpy(dtype=np.float64), "roofs"))},
    }


def _places(places: gpd.GeoDataFrame | None) -> dict[str, Any] | None:
    if places is None:
        return None
    located = places[has_shape(places)]
    if not len(located):
        return None
    ranked = located.sort_values(["pdc0_kwp", "building_id"], ascending=[False, True]).reset_index(drop=True)
    columns = [name for name in PLACE_SHOWN if name.removeprefix("one.") in ranked.columns]
    return {
        "columns": columns,
        "rows": _rows(ranked, columns),
        "kinds": [str(kind).split() for kind in ranked["place"]],
        "points": points(ranked).tolist(),
    }


def _rows(frame: gpd.GeoDataFrame, columns: list[str]) -> list[list[Any]]:
    cells = [[clean(value) for value in frame[name.removeprefix("one.")].tolist()] for name in columns]
    return [list(row) for row in zip(*cells, strict=True)]
