"""The map page: bounded, offline, harmless names; opened in a real browser with the network cut."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from maps.county_map import county_map
from maps.page_data import page_data
from maps.tables import MapTables, map_tables
from maps.words import load_words

from .test_maps_report import LOADS
from .test_maps_tables import EAST, NASTY, NORTH, county, sums

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
browser_test = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the map page cannot be opened")


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return county_map(planned(), tmp_path_factory.mktemp("map") / "map.html", "zh")


def planned() -> MapTables:
    """The county with a roadmap: 1, then 3 MW in one area; and an area without an assessed roof."""
    tables = map_tables(**county())
    areas = tables.regions["responsible"]
    first = str(areas["name"].iloc[0])
    rows = [
        {"year": 2027, "region": first, "buildings": 2, "pac0_kw": 1000.0},
        {"year": 2028, "region": first, "buildings": 3, "pac0_kw": 2000.0},
    ]
    scenario = {"name": "路线图", "first_year": 2027, "last_year": 2029, "rows": rows}
    districts = tables.regions["districts"].copy()
    empty = districts["name"] == "东湖区"
    districts.loc[empty, ["roofs", "pdc0_kwp", "energy_kwh", "kwp_per_km2"]] = 0
    return replace(tables, roadmap={"scenarios": [scenario]}, regions={**tables.regions, "districts": districts})


def test_the_page_asks_nothing_of_the_network(page_file: Path, tmp_path: Path) -> None:
    text = page_file.read_text(encoding="utf-8")
    assert not LOADS.search(text)
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", text.partition("<body>")[0])
    assert "Content-Security-Policy" in text and "仅供内部规划使用" in text
    assert text.startswith('<!DOCTYPE html>\n<html lang="zh-CN">\n')
    assert county_map(planned(), tmp_path / "again.html", "zh").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "drop", [("districts",), ("districts", "responsible", "zones", "parcels"), ("districts", "responsible", "zones", "parcels", "grid")]
)
def test_layers_may_be_absent(tmp_path: Path, drop: tuple[str, ...]) -> None:
    run = county(20)
    run["regions"] = {name: table for name, table in run["regions"].items() if name not in drop}
    assert county_map(map_tables(**run), tmp_path / "map.html", "en").stat().st_size > 150_000


def test_size_is_bounded(tmp_path: Path) -> None:
    """More roofs than are drawn, and rings of far more corners than a page needs."""
    run = county(12_000, [f"很长的建筑名称第{i}号" for i in range(5000)])
    run["roofs"]["geometry"] = run["roofs"].geometry.centroid.buffer(15, quad_segs=12)
    run["regions"]["zones"] = sums({"圆": run["roofs"].geometry.iloc[0].centroid.buffer(5000, quad_segs=30_000)}, run["roofs"])
    assert county_map(map_tables(**run), tmp_path / "map.html", "zh").stat().st_size < 15e6


def test_size_is_bounded_by_construction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far too much of everything: regions, cells, exclusions, a district of 200,000 corners, endless names, more tiles than fit."""
    run = county(2_000, [f"很长的建筑名称第{i}号" * 40 for i in range(2000)])
    first = run["regions"]["districts"].iloc[[0]]
    around = np.linspace(0, 2 * np.pi, 200_000)
    rough = np.column_stack([np.cos(around), np.sin(around)]) * (9000 + 40 * np.sin(around * 7919))[:, None] + (EAST, NORTH)
    run["regions"]["districts"] = first.assign(geometry=[shapely.Polygon(rough)], name=["长" * 100_000])

    def many(count: int, shapes: Callable[[Any, Any], Any]) -> gpd.GeoDataFrame:
        at = np.arange(count)
        drawn = shapes(EAST - 8000 + at % 300 * 50, NORTH - 8000 + at // 300 * 50)
        return first.loc[first.index.repeat(count)].assign(name=[f"区{i}" * 50 for i in at], pdc0_kwp=1.0 * at, geometry=drawn)

    def discs(x: Any, y: Any) -> Any:
        return shapely.buffer(shapely.points(x, y), 20.0, quad_segs=16)

    for layer in ("parcels", "zones", "transformers"):
        run["regions"][layer] = many(3_500, discs)
    run["regions"]["grid"] = many(8_000, lambda x, y: shapely.box(x, y, x + 50, y + 50))
    tables = replace(map_tables(**run), exclusions=many(3_500, discs).assign(reason="理" * 5_000))
    monkeypatch.setattr("maps.page_data.MOST_TILE_BYTES", 30_000)
    written = county_map(tables, tmp_path / "map.html", "zh")
    data = json.loads(re.findall(r'id="county-data">([^<]*)<', written.read_text(encoding="utf-8"))[0])
    assert data["roofs"]["drawn"] < data["roofs"]["total"] == 2_000
    tiles = re.findall(r'id="roof-tiles">([^<]*)<', written.read_text(encoding="utf-8"))[0]
    assert 0 < len(tiles) <= 40_000
    # the tiles of a page are at most 5 MB, 6.7 MB as text
    assert written.stat().st_size - len(tiles) < 15e6 - 6.7e6


@contextmanager
def opened(path: Path, width: int = 1366, height: int = 768, *, address: str = "") -> Iterator[tuple[Any, list[str]]]:
    """The page in a browser without network; everything that goes wrong is collected."""
    from playwright.sync_api import sync_playwright

    wrong: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = browser.new_context(viewport={"width": width, "height": height}, offline=not address.startswith("http:"))
        page = context.new_page()
        page.route(
            lambda url: not url.startswith(("file:", "http://127.0.0.1:")),
            lambda route: (wrong.append(f"request {route.request.url}"), route.abort()),
        )
        page.on("console", lambda said: wrong.append(f"{said.type}: {said.text}") if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
        page.on("requestfailed", lambda request: wrong.append(f"failed {request.url}"))
        page.goto(address or path.as_uri())
        page.wait_for_selector("html[data-ready=yes]", timeout=120_000)
        yield page, wrong
        browser.close()


def until(page: Any, condition: str) -> None:
    """Wait for a condition; playwright's own way needs eval, which the page's security policy forbids."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never true: {condition}")


def spot(page: Any, layer: str, at: int = 0) -> dict[str, float]:
    """Where the middle of a drawn thing lies on the screen."""
    script = """([key, at]) => {
        const map = window.county.map, layer = window.county.items[key][at], box = map.getContainer().getBoundingClientRect();
        const point = map.latLngToContainerPoint(layer.getLatLng ? layer.getLatLng() : layer.getCenter());
        return {x: point.x + box.x, y: point.y + box.y};
    }"""
    found: dict[str, float] = page.evaluate(script, [layer, at])
    return found


@pytest.mark.browser
@browser_test
def test_a_planner_uses_the_map(page_file: Path) -> None:
    with opened(page_file) as (page, wrong):
        # hover: name and number of the district with the greatest capacity
        largest = page.evaluate("window.county.items.districts[0].county.name")
        page.mouse.move(**spot(page, "districts"))
        hint = page.wait_for_selector(".hint").inner_text()
        assert largest in hint and re.search(r"装机容量（直流） [\d.]+ MW", hint)
        # click: a table in the study's language
        page.mouse.click(**spot(page, "districts"))
        sheet = page.wait_for_selector(".leaflet-popup-content").inner_text()
        assert "年等效利用小时数" in sheet and "kWh/kWp" in sheet
        # measure and theme change the legend
        page.select_option("#measure", "kwp_per_km2")
        assert "kWp/km²" in page.inner_text(".legend")
        page.check(".card input[value=grid]")
        assert "网格" in page.inner_text(".legend")
        # layers toggle
        for key in ("best", "schools", "industry", "rural", "existing", "left_out", "parcels"):
            page.check(f".card input[value={key}]")
            assert page.evaluate(
                "key => window.county.items[key].length > 0 && window.county.map.hasLayer(window.county.items[key][0])", key
            )
            page.uncheck(f".card input[value={key}]")
            assert not page.evaluate("key => window.county.map.hasLayer(window.county.items[key][0])", key)
        # heat is not mixed with the colours of districts; its legend has a unit
        page.check(".card input[value=heat]")
        assert "MW" in page.inner_text(".legend") and "kWp/km²" not in page.inner_text(".legend")
        assert page.evaluate("window.county.items[window.county.state.theme].every(l => l.options.fillOpacity === 0)")
        page.uncheck(".card input[value=heat]")
        assert "kWp/km²" in page.inner_text(".legend")
        # a measure that only another layer has takes the map there; the slider goes through the years
        page.select_option("#measure", "roadmap_kw")
        assert page.is_checked(".card input[value=responsible]") and "≤ 2029" in page.inner_text(".legend")
        value = "window.county.items.responsible.map(l => l.options.fillColor)"
        last = page.evaluate(value)
        page.evaluate("() => { const y = document.getElementById('year'); y.value = 2027; y.dispatchEvent(new Event('input')); }")
        assert page.inner_text(".card .year b") == "2027" and page.evaluate(value) != last
        assert page.locator("#order li").count() == 3
        # search finds a parcel, shows it, and says when there is nothing
        page.fill("#search", "地块3")
        page.press("#search", "Enter")
        assert "地块3" in page.wait_for_selector(".leaflet-popup-content h4:text('地块3')").inner_text()
        page.fill("#search", "没有这个地方")
        assert page.inner_text("#hits") == "没有找到"
        # targets: a verdict each, and what is missing
        assert page.locator(".targets > .gauge").count() == 3
        assert "责任区域!H5" in page.inner_text("[data-target=building_substitution]")
        assert wrong == []


@pytest.mark.browser
@browser_test
@pytest.mark.parametrize("size", [(1366, 768), (390, 844)])
def test_controls_do_not_overlap(page_file: Path, size: tuple[int, int]) -> None:
    with opened(page_file, *size) as (page, wrong):
        boxes = [page.locator(name).bounding_box() for name in (".card", ".legend", ".leaflet-control-zoom", ".leaflet-control-scale")]
        for i, a in enumerate(boxes):
            assert a["x"] >= 0 and a["y"] >= 0 and a["x"] + a["width"] <= size[0] and a["y"] + a["height"] <= size[1]
            for b in boxes[i + 1 :]:
                apart = (
                    a["x"] + a["width"] <= b["x"]
                    or b["x"] + b["width"] <= a["x"]
                    or a["y"] + a["height"] <= b["y"]
                    or b["y"] + b["height"] <= a["y"]
                )
                assert apart, (a, b)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert wrong == []


@pytest.mark.browser
@browser_test
def test_names_are_only_ever_text(tmp_path: Path) -> None:
    """Nasty names in every place a name can stand, every popup and search hit opened: none becomes markup or runs."""
    run = county()
    for table in run["regions"].values():
        inside = table["kind"] != "outside"
        table.loc[inside, "name"] = [NASTY[i % len(NASTY)] for i in range(int(inside.sum()))]
    run["buildings"]["name"] = [NASTY[i % len(NASTY)] for i in range(len(run["buildings"]))]
    run["roofs"]["use_detail"] = NASTY[1]
    for row in run["targets"]["targets"]:
        row["title_zh"] = NASTY[4]
    path = county_map(map_tables(**run), tmp_path / "map.html", "zh")
    with opened(path) as (page, wrong):
        page.evaluate("document.querySelectorAll('.card fieldset input').forEach(i => { if (!i.checked) i.click(); })")
        for key in ("best", "schools", "industry", "existing", "parcels", "zones", "grid"):
            page.evaluate("key => window.county.items[key].slice(0, 8).forEach(l => { l.openPopup(); l.openTooltip(); })", key)
        page.check(".card input[value=districts]")
        for text in NASTY:
            page.fill("#search", text)
            assert text in page.inner_text("#hits")
            page.locator("#hits button").first.click()
            shown = page.locator(".leaflet-popup-content h4").last.text_content()
            assert text in shown
        assert page.evaluate("window.pwned === undefined")
        assert page.locator("img, .leaflet-popup-content script, .leaflet-popup-content h4 b").count() == 0
        assert NASTY[0] in page.locator(".masthead h1").inner_text()
        assert "49" not in page.locator("#hits").inner_text()
        assert wrong == []


@pytest.mark.browser
@browser_test
def test_the_report_opens_without_an_error(tmp_path: Path) -> None:
    from maps.report import report

    path = report(map_tables(**county()), tmp_path / "report.html", "zh")
    text = path.read_text(encoding="utf-8").replace("<html ", '<html data-ready="yes" ', 1)
    path.write_text(text, encoding="utf-8")
    with opened(path) as (page, wrong):
        assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 100)")
        # areas, map, classes, months, what the uncertainty is made of, grid; the tables here hold no hours, roadmap or supply curve
        assert page.locator("figure img").count() == 6
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert wrong == []


@pytest.mark.browser
@browser_test
def test_base_maps_ask_for_the_right_tiles(page_file: Path) -> None:
    """Every base map, played: address of the tile under the middle, key, names over it, whose it is, and a word where it does not load."""
    with opened(page_file) as (page, wrong):
        asked: list[str] = []
        answer: dict[str, Any] = {"status": 200, "body": PIXEL}
        page.route(
            lambda url: url.startswith("https:"),
            lambda route: (asked.append(route.request.url), route.fulfill(**{"content_type": "image/png", **answer})),
        )
        page.evaluate("void window.county.map.setView([31.1774276, 121.5272106], 16, {animate: false})")
        # by hand: x = 65536 (lon + 180) / 360, y = 32768 (1 - ln(tan lat + sec lat) / pi); the same of the point in GCJ-02
        wgs, gcj = (54891, 26789), (54892, 26789)
        bases = page.evaluate("window.county.data.bases")
        for base in bases:
            asked.clear()
            page.select_option("#base", base["key"])
            if base["key"] == "tianditu":
                assert not asked and page.is_visible("#base-key")
                page.fill("#base-key", " a/b ")
                page.press("#base-key", "Enter")
            # every tile, of the names too: one still on its way would be cancelled by the next base map
            until(page, f"document.querySelectorAll('.leaflet-base-pane .leaflet-layer').length === {2 if base['names'] else 1}")
            until(
                page,
                "(tiles => tiles.length > 3 && tiles.every(t => t.classList.contains('leaflet-tile-loaded')))"
                "([...document.querySelectorAll('.leaflet-base-pane img')])",
            )
            x, y = gcj if base["gcj"] else wgs
            wanted = {
                "tianditu": f"&x={x}&y={y}&l=16&tk=a%2Fb",
                "esri": f"/tile/16/{y}/{x}",
                "osm": f"/16/{x}/{y}.png",
                "amap": f"&x={x}&y={y}&z=16",
            }
            here = {url for url in asked if url.endswith(wanted[base["key"].partition("_")[0]])}
            assert len(here) == (2 if base["names"] else 1), (base["key"], asked)
            assert base["attribution"] in page.inner_text(".base-source") and "未能载入" not in page.inner_text(".base-source")
            assert not any("{" in url for url in asked)
        answer.update(status=403, body=b"")
        page.evaluate("void window.county.map.setView([31.3, 121.7], 15, {animate: false})")
        until(page, "document.querySelector('.base-source').textContent.includes('未能载入')")
        # a refusal that comes with a picture: OpenStreetMap answers so to a page that does not say where it comes from
        answer.update(status=403, body=PIXEL, headers={"Access-Control-Allow-Origin": "*"})
        page.evaluate("performance.clearResourceTimings()")
        page.select_option("#base", "osm")
        until(page, "document.querySelector('.base-source').textContent.includes('拒绝')")
        page.select_option("#base", "")
        assert not page.is_visible(".base-source") and "a/b" not in page.content()
        assert [said for said in wrong if "403" not in said] == []


@pytest.mark.browser
@browser_test
def test_colours_of_the_grid_are_told_with_source_and_date(tmp_path: Path) -> None:
    tables = planned()
    names = [str(name) for name in tables.regions["responsible"]["name"]]
    said = {"layer": "responsible", "area": names[0], "colour": "red", "register_mw": 0.0, "colour_source": "official"}
    rows = [{**said, "said_by": "国网清河供电公司", "said_on": "2026-09-30"}]
    path = county_map(replace(tables, near={"as_of": "2026-11-23", "rows": rows}), tmp_path / "map.html", "zh")
    with opened(path) as (page, wrong):
        page.select_option("#measure", "hosting_colour")
        legend = page.inner_text(".legend")
        assert "1 个：电网企业公布，国网清河供电公司，2026-09-30" in legend and "无数据" in legend
        page.evaluate("name => { window.county.items.responsible.find(l => l.county.name === name).openPopup(); }", names[0])
        sheet = page.wait_for_selector(".leaflet-popup-content").inner_text()
        assert all(word in sheet for word in ("红区", "0 MW", "国网清河供电公司", "2026-09-30", "电网企业公布"))
        assert wrong == []


@pytest.mark.browser
@browser_test
def test_the_printed_map_is_a_sheet_with_its_fields(page_file: Path) -> None:
    """On paper the whole county lies inside the frame, clear of nothing but the choices; afterwards the screen is as it was."""
    inside = """() => { const map = window.county.map, size = map.getSize(), b = window.county.data.bounds;
        const corners = b.map(at => map.latLngToContainerPoint(at));
        return corners.every(p => p.x >= 0 && p.y >= 0 && p.x <= size.x && p.y <= size.y); }"""
    with opened(page_file) as (page, wrong):
        zoom = page.evaluate("window.county.map.getZoom()")
        page.evaluate(COUNT_CLEARING)
        page.evaluate("void window.dispatchEvent(new Event('beforeprint'))")
        # Chromium would print the clearing of a canvas as a white sheet over the roofs and the land under it
        assert page.evaluate("window.cleared") == 0
        assert page.evaluate("[...document.querySelectorAll('#panel details')].every(part => part.open)")
        page.emulate_media(media="print")
        assert page.evaluate(inside) and not page.is_visible(".card") and page.is_visible(".legend") and page.is_visible(".print-north")
        head, foot = page.inner_text(".print-head"), page.inner_text(".print-foot")
        assert "仅供内部规划使用" in head and "装机容量（直流） · 区县" in head and "审图号" in foot and "评估基准日" in foot
        box, frame = page.locator(".folium-map").bounding_box(), page.locator(".print-foot").bounding_box()
        # A4 across less margins of 12 mm at 96 dots an inch is 1,032 by 703
        assert box["width"] <= 1032 and frame["y"] + frame["height"] <= 703
        page.emulate_media(media="screen")
        page.evaluate("void window.dispatchEvent(new Event('afterprint'))")
        assert page.evaluate("window.county.map.getZoom()") == zoom and page.is_visible(".card") and not page.is_visible(".print-head")
        assert page.evaluate("window.cleared") > 0 and not page.evaluate(
            "[...document.querySelectorAll('#panel details')].some(part => part.open)"
        )
        assert wrong == []


@pytest.mark.browser
@browser_test
def test_a_zone_leaves_the_answer_to_what_lies_in_it(page_file: Path) -> None:
    """The zone's outline answers on its line only; inside it the district does, whose measure is shown."""
    with opened(page_file) as (page, wrong):
        assert page.is_checked(".card input[value=zones]")
        inside = """() => { const map = window.county.map, box = map.getContainer().getBoundingClientRect();
            const p = map.latLngToContainerPoint(window.county.items.zones[0].getBounds().getCenter());
            return [p.x + box.x, p.y + box.y]; }"""
        page.mouse.move(*page.evaluate(inside))
        said = page.wait_for_selector(".hint").inner_text().split("\n")[0]
        assert said in page.evaluate("window.county.items.districts.map(l => l.county.name)")
        edge = """() => { const map = window.county.map, box = map.getContainer().getBoundingClientRect();
            const ring = window.county.items.zones[0].getLatLngs()[0], at = ring.map(p => map.latLngToContainerPoint(p));
            const east = at.reduce((a, b) => (b.x > a.x ? b : a)); return [east.x + box.x, east.y + box.y]; }"""
        page.mouse.move(*page.evaluate(edge))
        until(page, "document.querySelector('.hint b').textContent === window.county.items.zones[0].county.name")
        assert wrong == []


def test_what_is_only_partly_drawn_is_told(tmp_path: Path) -> None:
    """450 rural dwellings, of which a page draws 400; parcels by rank say so, and by capacity otherwise."""
    run = county(450)
    run["buildings"]["use"], run["buildings"]["use_detail"] = "rural_residential", None
    data = page_data(map_tables(**run), load_words("zh"))
    rural = int((run["buildings"]["pdc0_kwp"] > 0).sum())
    assert rural > 400 and data["places"]["totals"] == {"rural": rural}


def test_coordinates_stand_where_the_county_lies(page_file: Path) -> None:
    """EPSG:4548 at 500 km east and 4,057 km north is 117° E, about 36.64° N; the page's box must be around it."""
    text = page_file.read_text(encoding="utf-8")
    west_south_east_north = re.search(r'"bounds":\[\[([\d.]+),([\d.]+)\],\[([\d.]+),([\d.]+)\]\]', text)
    assert west_south_east_north is not None
    south, west, north, east = map(float, west_south_east_north.groups())
    assert (EAST, NORTH) == (500_000.0, 4_057_000.0)
    assert (west + east) / 2 == pytest.approx(117.0, abs=1e-3) and (south + north) / 2 == pytest.approx(36.64, abs=0.01)
    assert north - south == pytest.approx(24_000 / 111_000, rel=0.02)


@pytest.mark.browser
@browser_test
def test_what_has_no_assessed_roof_is_grey_and_the_picture_shows_it(page_file: Path) -> None:
    from PIL import Image

    with opened(page_file) as (page, wrong):
        print("first district drawn after", round(page.evaluate("window.county.drawnAfter")), "ms")
        colours = page.evaluate("window.county.items.districts.map(l => [l.county.name, l.options.fillColor])")
        grey = page.evaluate("window.county.data.noData")
        assert [colour for name, colour in colours if name == "东湖区"] == [grey]
        assert sum(colour == grey for _, colour in colours) == 1 and "无数据" in page.inner_text(".legend")
        assert "不等于潜力为零" in page.inner_text(".basis") and "重复 1" in page.inner_text(".basis")
        # the screenshot in structure: each district has its colour, seen through 8 % of the paper under it
        page.evaluate("window.county.groups.labels.clearLayers()")
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        for at, (_, colour) in enumerate(colours):
            where = spot(page, "districts", at)
            seen = picture.getpixel((round(where["x"]) + 9, round(where["y"]) + 9))
            expected = [0.92 * int(colour[i : i + 2], 16) + 0.08 * 252 for i in (1, 3, 5)]
            assert max(abs(a - b) for a, b in zip(seen, expected, strict=True)) < 6
        labels = page.evaluate(
            "window.county.drawLabels(), [...document.querySelectorAll('.region-label b')].map(b => b.getBoundingClientRect().toJSON())"
        )
        controls = page.evaluate("[...document.querySelectorAll('.leaflet-control')].map(b => b.getBoundingClientRect().toJSON())")
        assert len(labels) == 3
        for a in labels:
            for b in controls:
                assert a["right"] <= b["left"] or b["right"] <= a["left"] or a["bottom"] <= b["top"] or b["bottom"] <= a["top"]
        assert wrong == []


@pytest.mark.browser
@browser_test
def test_single_roofs_answer(page_file: Path) -> None:
    """Zoomed in on the best roof: it is drawn, hovering and clicking tell its numbers, also where the map is in GCJ-02."""
    go = "() => { const r = window.county.data.roofs; window.county.map.setView([r.best[0][1], r.best[0][0]], 17, {animate: false}); }"
    with opened(page_file) as (page, wrong):
        assert "14" in page.inner_text(".legend") and not page.evaluate("window.county.roofs.hit(window.county.map.getCenter())")
        for crs in ("EPSG:3857", "GCJ-02"):
            if crs == "GCJ-02":
                page.route(lambda url: "autonavi" in url, lambda route: route.fulfill(body=PIXEL, content_type="image/png"))
                with page.expect_request(lambda request: "is.autonavi.com" in request.url):
                    page.select_option("#base", "amap")
            assert page.evaluate("window.county.map.options.crs.code") == crs
            page.evaluate(go)
            until(page, "window.county.roofs.hit(window.county.map.getCenter()) !== null")
            box = page.locator(".folium-map").bounding_box()
            middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.mouse.move(*middle)
            assert "kWh/kWp" in page.wait_for_selector(".roof-hint").inner_text()
            page.mouse.click(*middle)
            sheet = page.wait_for_selector(".leaflet-popup-content").inner_text()
            assert "360.0 kWp" in sheet and "单个屋顶" in sheet
            # what is drawn under the pointer is the roof: its canvas tile is not empty there
            assert page.evaluate(DRAWN_AT, list(middle))
            # and nothing is laid over its colour: the district answers without a fill, and the legend shows the roofs alone
            assert page.evaluate("window.county.items.districts.every(l => l.options.fillOpacity === 0)")
            assert "装机容量" not in page.inner_text(".legend")
            page.keyboard.press("Escape")
        page.select_option("#roof-colour", "data_tier")
        assert "实测屋面" in page.inner_text(".legend")
        page.select_option("#base", "")
        assert wrong == []


COUNT_CLEARING = """() => {
    const plain = CanvasRenderingContext2D.prototype, { clearRect } = plain;
    window.cleared = 0;
    plain.clearRect = function (...box) { window.cleared += 1; clearRect.apply(this, box); };
}"""
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    + "1f15c4890000000d49444154789c6360606060000000050001"
    + "a5f645400000000049454e44ae426082"
)
DRAWN_AT = """([x, y]) => [...document.querySelectorAll('.roof-tiles canvas')].some(tile => {
    const box = tile.getBoundingClientRect();
    if (x < box.left || x >= box.right || y < box.top || y >= box.bottom) return false;
    const scale = tile.width / box.width;
    return tile.getContext('2d').getImageData(Math.floor((x - box.left) * scale), Math.floor((y - box.top) * scale), 1, 1).data[3] > 0;
})"""


@pytest.mark.browser
@browser_test
def test_the_page_shifts_to_gcj02_as_geo_does(page_file: Path) -> None:
    from geo.datum import gcj02_from_wgs84

    lon, lat = [117.0, 116.31, 117.82, 103.2], [36.65, 36.02, 37.4, 25.9]
    east, north = gcj02_from_wgs84(lon, lat)
    with opened(page_file) as (page, wrong):
        # pairs known from elsewhere (googollee/eviltransform, its tests): 1e-6 degrees are 0.1 m
        pairs = [
            ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
            ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
            ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
            ((-74.0, 40.7), (-74.0, 40.7)),
        ]
        for (x, y), known in pairs:
            there = page.evaluate("([x, y]) => { const p = GCJ02.fromWgs({lng: x, lat: y}); return [p.lng, p.lat]; }", [x, y])
            assert there == pytest.approx(known, abs=1e-6)
        for x, y, there_x, there_y in zip(lon, lat, east, north, strict=True):
            found = page.evaluate(
                "([x, y]) => { const p = GCJ02.fromWgs({lng: x, lat: y}), b = GCJ02.toWgs(p); return [p.lng, p.lat, b.lng, b.lat]; }",
                [x, y],
            )
            # a millimetre is 1e-8 degrees
            assert found == pytest.approx([there_x, there_y, x, y], abs=1e-8)
        assert wrong == []


@pytest.mark.browser
@browser_test
def test_a_served_page_reads_every_roof(tmp_path: Path) -> None:
    """Fewer roofs inside the page than the run has: served, it reads the others by ranges from roofs.pmtiles."""
    from threading import Thread

    from maps.roof_tiles import write_tiles
    from wuding.serving import RunServer

    run = county()
    tables = map_tables(**run)
    assert tables.roofs is not None
    all_roofs = tables.roofs
    county_map(replace(tables, roofs=all_roofs.head(1)), tmp_path / "map.html", "zh")
    write_tiles([all_roofs], tmp_path / "roofs.pmtiles")
    at = all_roofs.geometry.iloc[5:6].centroid.to_crs(4326).iloc[0]
    with RunServer(tmp_path, 0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        for served in (True, False):
            address = server.url if served else (tmp_path / "map.html").as_uri()
            with opened(tmp_path / "map.html", address=address) as (page, wrong):
                page.evaluate("([x, y]) => window.county.map.setView([y, x], 17, {animate: false})", [at.x, at.y])
                until(page, "window.county.roofs.drawn > 3")
                found = page.evaluate("window.county.roofs.hit(window.county.map.getCenter())")
                assert (found is not None) is served
                assert page.evaluate("window.county.roofs.complete") is served
                assert ("最大的 1 个" in page.inner_text(".legend")) is not served
                assert wrong == []
        server.shutdown()
