"""What the map page carries inside: regions, roofs and places as compact columns, and nothing that a name could break."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from .base_maps import base_maps
from .classes import NO_DATA, PALETTES, Classes, classify
from .grid_levels import grid_levels
from .measures import AREAS, HOSTING, HOSTING_COLOURS, MEASURES, ROADMAP, build_order, goal_title, measured, roadmap_years, who_said
from .roof_tiles import MAX_ZOOM, MIN_ZOOM, roof_tiles
from .shapes import encode, encode_all, lonlat, points
from .tables import PLACE_KINDS, PLACES_PER_KIND, WITH_RESULT, MapTables, has_shape
from .words import Words, clean

THEMES = ("districts", "responsible", "transformers", "grid")
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
    "goal_share",
    "new_roof_coverage",
    "building_substitution",
    "hosting_colour",
    "hosting_room_mw",
    "hosting_source",
    "hosting_said_by",
    "hosting_said_on",
)
# What only parcels say; they are small, and their numbers stay in small units.
PARCEL_COLUMNS = (
    "name",
    "rank",
    "use",
    "buildings",
    "roofs",
    "one.footprint_area_m2",
    "one.usable_area_m2",
    "coverage",
    "one.pdc0_kwp",
    "one.pac0_kw",
    "one.energy_kwh",
    "specific_yield",
    "one.load_kwh",
    "load_unknown_share",
    "self_use_share",
    "one.capex_cny",
    "lcoe_cny_kwh",
    "one.npv_cny",
    "irr",
    "payback_years",
    "carbon_t",
)
GRID_COLUMNS = ("name", "buildings", "roofs", "pdc0_kwp", "energy_kwh", "kwp_per_km2", "specific_yield", "lcoe_cny_kwh")
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
    "roadmap_year",
)
PLACE_SHOWN = (
    "name",
    "use",
    "use_detail",
    "one.pdc0_kwp",
    "one.energy_kwh",
    "one.usable_area_m2",
    "one.installed_kwp",
    "data_tier",
    "status",
    "reason",
)
VERTICES = {"districts": 40_000, "responsible": 40_000, "zones": 20_000, "urban": 20_000, "parcels": 100_000}
OTHER_VERTICES = 20_000
REGIONS_DRAWN = {"parcels": 10_000}
OTHER_REGIONS = 3_000
EXCLUSIONS_DRAWN = 3_000
# A county of ordinary outlines stays far below; where roofs have very many corners fewer of them are carried inside.
MOST_TILE_BYTES = 5_000_000
MOST_LETTERS = 80
BEST_ROOFS = 300
# From measured to guessed: dark to light.
TIER_COLOURS = ("#14496b", "#d98a2b", "#ead9b0")


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
    drawn = {layer: measured(layer, table, tables) for layer in tables.regions if (table := tables.region(layer)) is not None}
    frames = [*drawn.values(), *(frame for frame in (tables.roofs, tables.places) if frame is not None and len(frame))]
    west, south, east, north = _bounds(frames)
    origin = (round((west + east) / 2, 6), round((south + north) / 2, 6))
    fields = {key: asdict(field) for key, field in words.fields.items()}
    fields["goal_share"]["title"] = goal_title(tables, words)
    # Districts and parcels lie side by side on the map, so their money is told in one unit.
    fields["capex_cny"] |= {part: fields["one.capex_cny"][part] for part in ("unit", "factor", "digits")}
    return {
        "lang": words.lang,
        "origin": list(origin),
        "bounds": [[south, west], [north, east]],
        "measures": _measures(tables, drawn),
        "fields": fields,
        "words": dict(words.text),
        "uses": dict(words.uses),
        "codes": dict(words.codes),
        "noData": NO_DATA,
        "hosting": dict(HOSTING_COLOURS),
        "bases": base_maps(dict(words.text)),
        "regions": [_region(layer, drawn[layer], origin, words, tables) for layer in _ordered(drawn)],
        "heat": _heat(drawn.get("grid")),
        "roofs": _roofs(tables),
        "places": _places(tables.places, tables.place_totals),
        "exclusions": _exclusions(tables.exclusions, origin),
        "excludedAreas": 0 if tables.exclusions is None else len(tables.exclusions),
        "order": [{key: clean(value) for key, value in row.items()} for row in build_order(tables)],
    }


def carried(tables: MapTables) -> tuple[MapTables, str]:
    """
    Write the roofs that a page carries inside as base64 text.

    Parameters
    ----------
    tables
        The tables of a run.

    Returns
    -------
    tuple
        The tables with the roofs that fit, the largest of them, and a PMTiles archive; empty where there is no roof.
    """
    if tables.roofs is None or not len(tables.roofs):
        return tables, ""
    roofs = tables.roofs
    archive = roof_tiles(roofs)
    while len(archive) > MOST_TILE_BYTES and len(roofs) > 1:
        fewer = int(len(roofs) * min(0.9, 0.9 * MOST_TILE_BYTES / len(archive)))
        roofs = roofs.loc[roofs["pdc0_kwp"].nlargest(max(fewer, 1)).index]
        archive = roof_tiles(roofs)
    return replace(tables, roofs=roofs), base64.b64encode(archive).decode("ascii")


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


def _measures(tables: MapTables, drawn: Mapping[str, gpd.GeoDataFrame]) -> list[dict[str, Any]]:
    """Every measure, and whether any layer has a value for it: a reader sees what could be shown with more data."""
    themes = [drawn[layer] for layer in THEMES if layer in drawn]
    found = []
    for name in MEASURES:
        known = any(name in table and table[name].notna().any() for table in themes)
        found.append({"key": name, "known": bool(build_order(tables)) and "responsible" in drawn if name == ROADMAP else known})
    return found


def _region(layer: str, table: gpd.GeoDataFrame, origin: tuple[float, float], words: Words, tables: MapTables) -> dict[str, Any]:
    common: dict[str, Any] = {"key": layer, "title": words.text.get(layer, layer), "theme": layer in THEMES}
    common["one"] = words.text.get("parcel" if layer == "parcels" else f"{layer}_one", common["title"])
    if layer == "grid":
        levels = [
            {"side": side, **_content(layer, measured(layer, cells, tables), origin, words, GRID_COLUMNS)}
            for side, cells in grid_levels(table)
        ]
        return {**common, "total": levels[0]["total"], "levels": levels}
    found = {**common, **_content(layer, table, origin, words, PARCEL_COLUMNS if layer == "parcels" else REGION_COLUMNS)}
    if layer == "parcels":
        found["sheets"] = [tables.sheets.get(row[0]) for row in found["rows"]]
    if HOSTING in found["columns"]:
        found["said"] = who_said(table, words)
    if layer == "responsible":
        years, so_far = roadmap_years(tables, pd.Series([row[0] for row in found["rows"]]))
        cut = classify(np.array(so_far, dtype=np.float64).ravel() * words.fields[ROADMAP].factor, "regions") if years else None
        found |= {"years": years, "roadmap": so_far}
        found["classes"] |= {ROADMAP: _edges(cut)} if cut else {}
    return found


def _content(layer: str, table: gpd.GeoDataFrame, origin: tuple[float, float], words: Words, wanted: tuple[str, ...]) -> dict[str, Any]:
    order = (["rank", "name"], True) if "rank" in table else (["pdc0_kwp", "name"], [False, True])
    ranked = table.sort_values(order[0], ascending=order[1]).reset_index(drop=True)
    shown = ranked.head(REGIONS_DRAWN.get(layer, OTHER_REGIONS)) if layer != "grid" else ranked
    plain = {name: name.removeprefix("one.") for name in wanted}
    there = [name for name in wanted if plain[name] in shown.columns]
    columns = [name for name in there if name in REGION_COLUMNS[:18] or shown[plain[name]].notna().any()]
    cells = layer == "grid"
    shapes = lonlat(shown, 10**9 if cells else VERTICES.get(layer, OTHER_VERTICES), coverage=layer in AREAS)
    numeric = [name for name in MEASURES if name in columns and name != HOSTING] if layer in THEMES else []
    classes = {name: _edges(classify(_shown_values(shown, name, words), "grid" if cells else "regions")) for name in numeric}
    return {
        "total": len(ranked),
        "columns": columns,
        "rows": _rows(shown, columns),
        "shapes": encode_all(shapes, origin),
        "classes": {name: found for name, found in classes.items() if found is not None},
    }


def _heat(grid: gpd.GeoDataFrame | None) -> dict[str, Any] | None:
    """Middle of each cell of the finest level that is drawn, with its capacity as a share of the 98th percentile."""
    if grid is None:
        return None
    _, cells = grid_levels(grid)[0]
    capacity = cells["pdc0_kwp"].to_numpy(dtype=np.float64, na_value=0.0)
    filled = np.nan_to_num(capacity)
    top = float(np.quantile(filled[filled > 0], 0.98)) if (filled > 0).any() else 1.0
    weight = np.minimum(filled / top, 1.0).round(3)
    middles = points(cells)[:, ::-1].round(5)
    found: list[list[float]] = np.column_stack([middles, weight])[weight > 0].tolist()
    return {"top": clean(top), "points": found} if found else None


def _exclusions(areas: gpd.GeoDataFrame | None, origin: tuple[float, float]) -> list[dict[str, Any]]:
    if areas is None or not len(areas):
        return []
    largest = np.argsort(-areas.geometry.area.to_numpy(), kind="stable")[:EXCLUSIONS_DRAWN]
    shown = areas.iloc[largest]
    shapes = lonlat(shown, OTHER_VERTICES)
    return [{"reason": _short(str(reason)), "shape": encode(shape, origin)} for reason, shape in zip(shown["reason"], shapes, strict=True)]


def _shown_values(table: gpd.GeoDataFrame, name: str, words: Words) -> np.ndarray:
    """Classes are cut in the unit that is shown, so that the legend's edges are round there."""
    values = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(values * words.fields[name].factor)


def _edges(found: Classes | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"edges": list(found.edges), "colours": list(found.colours), "labels": list(found.labels())}


def _roofs(tables: MapTables) -> dict[str, Any] | None:
    """Give the best roofs as marks; the shapes of all come as tiles beside this data."""
    roofs = tables.roofs
    if roofs is None or not len(roofs):
        return None
    ranked = roofs.sort_values(["energy_kwh", "roof_id"], ascending=[False, True]).reset_index(drop=True)
    best = ranked.head(BEST_ROOFS)
    columns = [name for name in ROOF_SHOWN if name.removeprefix("one.") in best.columns]
    years = roofs["roadmap_year"].dropna() if "roadmap_year" in roofs else []
    tiers = [tier for tier in ("dsm", "height", "footprint") if (roofs["data_tier"] == tier).any()]
    return {
        "total": max(tables.with_modules, len(roofs)),
        "drawn": len(roofs),
        "served": tables.served and len(roofs) < tables.with_modules,
        "zooms": [MIN_ZOOM, MAX_ZOOM],
        "shown": list(ROOF_SHOWN),
        "columns": columns,
        "rows": _rows(best, columns),
        "best": points(best).tolist(),
        "classes": {"specific_yield": _edges(classify(roofs["specific_yield"].to_numpy(dtype=np.float64), "roofs"))},
        "tiers": dict(zip(tiers, TIER_COLOURS, strict=False)),
        "years": {str(int(year)): colour for year, colour in zip(sorted(set(years)), _spread(len(set(years))), strict=True)},
    }


def _spread(count: int) -> list[str]:
    """Dark for the first year, light for the last; lighter still would pass for a roof that is not planned."""
    scheme = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in PALETTES["regions"][:1:-1]], dtype=np.float64)
    at = np.linspace(0, len(scheme) - 1, count)
    mixed = np.column_stack([np.interp(at, np.arange(len(scheme)), scheme[:, part]) for part in range(3)]).round().astype(np.int64)
    return ["#" + "".join(f"{part:02x}" for part in colour) for colour in mixed.tolist()]


def _places(places: gpd.GeoDataFrame | None, totals: Mapping[str, int]) -> dict[str, Any] | None:
    if places is None:
        return None
    located = places[has_shape(places)]
    if not len(located):
        return None
    ranked = located.sort_values(["pdc0_kwp", "building_id"], ascending=[False, True]).reset_index(drop=True)
    # What was not assessed has no result, not a result of zero.
    unknown = (~ranked["status"].isin(WITH_RESULT)).to_numpy()
    for name in ("pdc0_kwp", "energy_kwh", "usable_area_m2"):
        ranked[name] = ranked[name].astype("float64").mask(unknown)
    columns = [name for name in PLACE_SHOWN if name.removeprefix("one.") in ranked.columns]
    return {
        "columns": columns,
        "rows": _rows(ranked, columns),
        "layers": [*PLACE_KINDS, "existing", "left_out"],
        "totals": {kind: count for kind, count in totals.items() if count > PLACES_PER_KIND},
        "kinds": [str(kind).split() for kind in ranked["place"]],
        "points": points(ranked).tolist(),
    }


def _rows(frame: gpd.GeoDataFrame, columns: list[str]) -> list[list[Any]]:
    cells = [[_short(clean(value)) for value in frame[name.removeprefix("one.")].tolist()] for name in columns]
    return [list(row) for row in zip(*cells, strict=True)]


def _short(value: Any) -> Any:
    """Cut a text: what somebody pasted into a name must not fill the page."""
    return value if not isinstance(value, str) or len(value) <= MOST_LETTERS else f"{value[:MOST_LETTERS]}…"
