"""The map page: bounded, offline, harmless names; opened in a real browser with the network cut."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from maps.county_map import county_map
from maps.tables import map_tables

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
    return county_map(map_tables(**county()), tmp_path_factory.mktemp("map") / "map.html", "zh")


def test_the_page_asks_nothing_of_the_network(page_file: Path, tmp_path: Path) -> None:
    text = page_file.read_text(encoding="utf-8")
    assert not LOADS.search(text)
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", text.partition("<body>")[0])
    assert "Content-Security-Policy" in text and "仅供内部规划使用" in text
    assert county_map(map_tables(**county()), tmp_path / "again.html", "zh").read_text(encoding="utf-8") == text


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


@contextmanager
def opened(path: Path, width: int = 1366, height: int = 768) -> Iterator[tuple[Any, list[str]]]:
    """The page in a browser without network; everything that goes wrong is collected."""
    from playwright.sync_api import sync_playwright

    wrong: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
        page = context.new_page()
        page.route(lambda url: not url.startswith("file:"), lambda route: (wrong.append(f"request {route.request.url}"), route.abort()))
        page.on("console", lambda said: wrong.append(f"{said.type}: {said.text}") if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
        page.on("requestfailed", lambda request: wrong.append(f"failed {request.url}"))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready=yes]", timeout=10_000)
        yield page, wrong
        browser.close()


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
        hint = page.wait_for_selector(".hint", timeout=3000).inner_text()
        assert largest in hint and re.search(r"装机容量（直流） [\d.]+ MW", hint)
        # click: a table in the study's language
        page.mouse.click(**spot(page, "districts"))
        sheet = page.wait_for_selector(".leaflet-popup-content", timeout=3000).inner_text()
        assert "年等效利用小时数" in sheet and "kWh/kWp" in sheet
        # measure and theme change the legend
        page.select_option("#measure", "kwp_per_km2")
        assert "kWp/km²" in page.inner_text(".legend")
        page.check(".card input[value=grid]")
        assert "网格" in page.inner_text(".legend")
        # layers toggle
        for key in ("roofs", "best", "public", "industry", "existing", "parcels"):
            page.check(f".card input[value={key}]")
            assert page.evaluate(
                "key => window.county.items[key].length > 0 && window.county.map.hasLayer(window.county.items[key][0])", key
            )
            page.uncheck(f".card input[value={key}]")
            assert not page.evaluate("key => window.county.map.hasLayer(window.county.items[key][0])", key)
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
        page.evaluate("document.querySelectorAll('.card input').forEach(i => { if (!i.checked) i.click(); })")
        for key in ("roofs", "best", "public", "industry", "existing", "parcels", "zones", "grid"):
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
        assert page.locator("figure img").count() == 4
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert wrong == []


def test_coordinates_stand_where_the_county_lies(page_file: Path) -> None:
    """EPSG:4548 at 500 km east and 4,057 km north is 117° E, about 36.64° N; the page's box must be around it."""
    text = page_file.read_text(encoding="utf-8")
    west_south_east_north = re.search(r'"bounds":\[\[([\d.]+),([\d.]+)\],\[([\d.]+),([\d.]+)\]\]', text)
    assert west_south_east_north is not None
    south, west, north, east = map(float, west_south_east_north.groups())
    assert (EAST, NORTH) == (500_000.0, 4_057_000.0)
    assert (west + east) / 2 == pytest.approx(117.0, abs=1e-3) and (south + north) / 2 == pytest.approx(36.64, abs=0.01)
    assert north - south == pytest.approx(24_000 / 111_000, rel=0.02)
