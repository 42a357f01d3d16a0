"""What regions are coloured by, cells that refine with zoom, labels of classes, colours, and maps that hide where things are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from layers.errors import LayersError
from maps.base_maps import CHOICES, base_maps, hosts
from maps.classes import NO_DATA, PALETTES, _natural, classify
from maps.displaced import Displacement, displaced
from maps.grid_levels import grid_levels
from maps.measures import HOSTING_COLOURS, build_order, goal_mw, measured, roadmap_years
from maps.page_data import _spread, page_data
from maps.tables import map_tables
from maps.words import load_words

from .test_maps_tables import county


def cells(size: float = 250.0) -> gpd.GeoDataFrame:
    """64 cells: cell k has k kWp, 1,000 kWh a kWp and costs 0.2 or 0.4 a kWh."""
    at = [(x, y) for y in range(8) for x in range(8)]
    power = np.arange(64.0)
    return gpd.GeoDataFrame(
        {
            "name": [f"c{k}" for k in range(64)],
            "kind": "region",
            "area_km2": (size / 1000) ** 2,
            "buildings": 1,
            "roofs": 1,
            "usable_area_m2": 10.0,
            "pdc0_kwp": power,
            "pac0_kw": power,
            "energy_kwh": power * 1000,
            "installed_kwp": 0.0,
            "carbon_t": power,
            "lcoe_cny_kwh": np.where(np.arange(64) % 2, 0.4, 0.2),
        },
        geometry=[shapely.box(x * size, y * size, (x + 1) * size, (y + 1) * size) for x, y in at],
        crs="EPSG:4548",
    )


def test_cells_add_up_to_larger_cells() -> None:
    fine, coarse = grid_levels(cells())
    assert fine[0] == 250.0 and coarse[0] == 500.0 and len(coarse[1]) == 16
    assert coarse[1]["pdc0_kwp"].sum() == 64 * 63 / 2
    south_west = coarse[1][coarse[1]["name"] == "E0_N0"].iloc[0]
    # cells 0, 1, 8, 9: 18 kWp on 0.25 km²; 0.2 for cells 0 and 8, 0.4 for 1 and 9: (8 × 0.2 + 10 × 0.4) / 18
    assert south_west["pdc0_kwp"] == 18 and south_west["kwp_per_km2"] == 72 and south_west["specific_yield"] == 1000
    assert south_west["lcoe_cny_kwh"] == pytest.approx(5.6 / 18)
    assert south_west.geometry.equals(shapely.box(0, 0, 500, 500))


def test_nothing_assessed_is_no_zero() -> None:
    tables = map_tables(**county())
    table = tables.regions["districts"].copy()
    table.loc[table.index[0], ["roofs", "pdc0_kwp"]] = 0
    table.loc[table.index[1], "pdc0_kwp"] = 0.0
    found = measured("districts", table, tables)
    assert np.isnan(found["pdc0_kwp"].iloc[0]) and found["pdc0_kwp"].iloc[1] == 0.0


def test_shares_of_targets() -> None:
    """The county's policy asks for 5,000 MW; an area with 50 MW of AC capacity has one per cent of it."""
    tables = map_tables(**county())
    assert goal_mw(tables) == 5000.0
    table = tables.regions["responsible"].copy()
    table["pac0_kw"] = 50_000.0
    cover = {"id": "new_roof_coverage", "region": str(table["name"].iloc[1]), "technical": 0.6}
    found = measured("responsible", table, replace(tables, targets=[*tables.targets, cover]))
    assert found["goal_share"].iloc[0] == pytest.approx(0.01)
    assert found["new_roof_coverage"].iloc[1] == 0.6 and np.isnan(found["new_roof_coverage"].iloc[0])


def test_a_target_of_an_accountable_area_is_not_shown_for_the_district_of_its_name() -> None:
    tables = map_tables(**county())
    table = tables.regions["districts"]
    cover = {"id": "new_roof_coverage", "region": str(table["name"].iloc[0]), "technical": 0.6}
    said = replace(tables, targets=[*tables.targets, cover])
    assert "new_roof_coverage" not in measured("districts", table, said)
    alone = replace(said, regions={name: frame for name, frame in tables.regions.items() if name != "responsible"})
    assert measured("districts", table, alone)["new_roof_coverage"].iloc[0] == 0.6


def test_the_grid_says_its_colour_with_source_and_date() -> None:
    """Published, published by nobody knows whom, and estimated, which is as of the run; an area that nobody speaks of stays without."""
    tables = map_tables(**county())
    table = tables.regions["responsible"]
    names = [str(name) for name in table["name"]]
    known = [
        ("red", "official", 0.0, "国网", "2026-09-30"),
        ("yellow", "official", 0.0, None, None),
        ("green", "estimate", 7.5, None, None),
    ]
    keys = ("colour", "colour_source", "register_mw", "said_by", "said_on")
    rows = [{"layer": "responsible", "area": name, **dict(zip(keys, said, strict=True))} for name, said in zip(names, known, strict=False)]
    rows.append({"layer": "whole", "area": "whole", "colour": "red"})
    found = measured("responsible", table, replace(tables, near={"as_of": "2026-11-23", "rows": rows}))
    columns = ["hosting_colour", "hosting_source", "hosting_room_mw", "hosting_said_by", "hosting_said_on"]
    shown = found[columns].astype(object).where(found[columns].notna(), None).to_numpy().tolist()
    assert shown[0] == ["red", "official", 0.0, "国网", "2026-09-30"]
    assert shown[1] == ["yellow", "official", 0.0, "no_source", "no_date"]
    assert shown[2] == ["green", "estimate", 7.5, None, "2026-11-23"]
    assert all(row == [None] * 5 for row in shown[3:])
    assert "hosting_colour" not in measured("districts", tables.regions["districts"], replace(tables, near={"rows": rows}))


def test_years_of_the_roadmap_have_colours_of_their_own() -> None:
    """Twelve years differ, from dark to light, and none passes for the grey of what is not planned."""
    colours = _spread(12)
    assert len(set(colours)) == 12 and all(seen(a)[0] < seen(b)[0] for a, b in pairwise(colours))
    assert min(np.linalg.norm(seen(colour) - seen(NO_DATA)) for colour in colours) > 5 and _spread(1) == ["#14496b"]


def test_what_was_not_assessed_has_no_result_and_a_name_no_end() -> None:
    run = county()
    run["buildings"].loc[run["buildings"]["status"] == "duplicate", "name"] = "长" * 10_000
    places = page_data(map_tables(**run), load_words("zh"))["places"]
    at = {name: place for place, name in enumerate(places["columns"])}
    out = [row for row in places["rows"] if row[at["status"]] in ("duplicate", "invalid_geometry")]
    assert len(out) == 2 and all(row[at[key]] is None for row in out for key in ("one.pdc0_kwp", "one.energy_kwh", "one.usable_area_m2"))
    assert max(len(row[at["name"]] or "") for row in out) == 81


def test_the_roadmap_by_year() -> None:
    tables = map_tables(**county())
    names = tables.regions["responsible"]["name"]
    rows = [
        {"year": 2028, "region": names.iloc[0], "buildings": 1, "pac0_kw": 500.0},
        {"year": 2028, "region": names.iloc[0], "buildings": 2, "pac0_kw": 250.0},
        {"year": 2029, "region": "outside", "buildings": 4, "pac0_kw": 100.0},
    ]
    planned = replace(tables, roadmap={"scenarios": [{"first_year": 2027, "last_year": 2029, "rows": rows}]})
    years, so_far = roadmap_years(planned, names)
    assert years == [2027, 2028, 2029] and so_far[0] == [0.0, 750.0, 750.0] and so_far[1] == [0.0, 0.0, 0.0]
    assert [(row["buildings"], row["total"]) for row in build_order(planned)] == [(0, 0.0), (3, 0.75), (4, 0.85)]
    assert roadmap_years(tables, names) == ([], []) and build_order(tables) == []


@given(st.lists(st.floats(0, 1e7).map(lambda value: round(value, 6)) | st.just(0.0) | st.just(23.0), min_size=1, max_size=60))
def test_labels_of_classes_never_repeat_themselves(values: list[float]) -> None:
    found = classify(values, "regions")
    assert found is not None
    labels = found.labels()
    assert len(labels) == len(found.edges) == len(set(labels))
    for label in labels:
        low, dash, high = label.removeprefix("> ").partition(" – ")
        assert not dash or low != high


def test_zero_is_a_class_of_its_own() -> None:
    some, one = classify([0, 0, 0, 5, 5.1, 9, 9.2], "regions", most=3), classify([23.0, 23.0], "regions")
    assert some is not None and one is not None
    assert some.labels() == ("0.0", "> 0.0 – 5.1", "5.1 – 9.2") and one.labels() == ("23",)


@given(st.lists(st.integers(0, 40), min_size=3, max_size=12), st.integers(2, 4), st.sampled_from([0.0, 1e6]))
def test_classes_are_the_cut_with_the_least_sum_of_squares(whole: list[int], most: int, far: float) -> None:
    values = np.sort(far + np.array(whole) / 8.0)  # eighths of a large number: single precision would lose them
    distinct = np.unique(values)
    found = classify(values, "regions", most=most)
    assert found is not None
    if distinct.size > 2:
        cuts = itertools.combinations(distinct[:-1], min(most, distinct.size) - 1)
        assert squares(values, _natural(values, min(most, distinct.size))) == pytest.approx(
            min(squares(values, cut) for cut in cuts), abs=1e-6
        )


def squares(values: np.ndarray, edges: Sequence[float] | np.ndarray) -> float:
    """Sum of squares about the means of the classes that end at the edges."""
    at = np.searchsorted(np.sort(np.asarray(edges)), values, side="left")
    return float(sum(((values[at == k] - values[at == k].mean()) ** 2).sum() for k in np.unique(at)))


def seen(colour: str) -> np.ndarray:
    """Lightness and the two other axes of CIELAB as a deuteranope sees them: Machado, Oliveira and Fernandes (2009), severity 1."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    blind = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]) @ linear
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(blind, 0, 1)
    f = np.cbrt(xyz / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("scheme", [*PALETTES.values(), tuple(HOSTING_COLOURS.values())])
def test_colours_are_told_apart_without_red_and_green(scheme: tuple[str, ...]) -> None:
    """Neighbouring classes differ by 8 and more; about 2.3 is just noticeable."""
    points = [seen(colour) for colour in scheme]
    assert all(np.linalg.norm(a - b) > 8 for a, b in pairwise(points))
    if scheme in PALETTES.values():
        assert all(a[0] > b[0] for a, b in pairwise(points))


def test_displaced_maps_keep_shapes_and_hide_places() -> None:
    tables = map_tables(**county())
    moved = displaced(tables, Displacement(300.0, -200.0, 100.0))
    assert tables.roofs is not None and moved.roofs is not None
    bounds = moved.roofs.bounds.to_numpy()
    middle = (bounds[:, :2] + bounds[:, 2:]) / 2
    assert np.allclose(middle / 100, np.round(middle / 100))
    assert np.allclose(moved.roofs.area, tables.roofs.area)
    apart = moved.roofs.centroid.distance(tables.roofs.centroid)
    # 361 m of shift and at most half a diagonal of 100 m of rounding
    assert apart.min() > 361 - 71 and apart.max() < 361 + 71
    assert moved.notes["displaced"] and not moved.served and page_data(moved, load_words("zh"))["roofs"]["served"] is False
    # cells: larger than the rounding, moved by whole cells, named by numbers, their sum kept
    cells, before = moved.regions["grid"], tables.region("grid")
    assert before is not None and cells["pdc0_kwp"].sum() == pytest.approx(before["pdc0_kwp"].sum())
    west, south, east, _ = cells.bounds.to_numpy().T
    side = (east - west)[0]
    assert side >= 100.0 and np.allclose(west % side, 0.0) and np.allclose(south % side, 0.0) and cells["name"].str.isdigit().all()
    assert not displaced(replace(tables, sheets={"地块1": "parcels/1/sheet.html"}), Displacement(1.0)).sheets
    with pytest.raises(LayersError, match="not below 0"):
        displaced(tables, Displacement(rounded_to=-1.0))


def test_base_maps_are_encrypted_and_only_their_hosts_are_allowed() -> None:
    found = base_maps(dict(load_words("zh").text))
    assert [base["key"] for base in found] == [key for key, _, _ in CHOICES]
    for base in found:
        assert (
            base["url"].startswith("https://")
            and all(sign in base["url"] for sign in ("{x}", "{y}", "{z}"))
            and "<" not in base["attribution"]
        )
        assert "{variant}" not in base["url"] and "{layer}" not in base["url"]
    assert hosts().split() == [
        "https://*.is.autonavi.com",
        "https://*.tianditu.gov.cn",
        "https://server.arcgisonline.com",
        "https://tile.openstreetmap.org",
    ]
    assert {base["key"] for base in found if base["gcj"]} == {"amap", "amap_image"}


def test_excluded_areas_are_drawn_with_their_reason() -> None:
    tables = map_tables(**county())
    areas = gpd.GeoDataFrame({"reason": ["文物保护"]}, geometry=[tables.regions["zones"].geometry.iloc[0].buffer(-100)], crs="EPSG:4548")
    drawn = page_data(replace(tables, exclusions=areas), load_words("zh"))["exclusions"]
    assert [area["reason"] for area in drawn] == ["文物保护"] and len(drawn[0]["shape"][0][0]) >= 6
    assert page_data(tables, load_words("zh"))["exclusions"] == []
