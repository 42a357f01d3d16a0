"""Pictures of the map page for README and documentation: python -m bench.screenshots docs RUN [RUN_OF_NEW_YORK]."""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

SIZE = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
BEST = "county.map.setView([county.data.roofs.best[{at}][1], county.data.roofs.best[{at}][0]], {zoom}, {{animate: false}})"
ROOFS = "county.state.on.has('roofs') || document.querySelector('.card input[value=roofs]').click()"
# Name, size, and what is done to the page before the picture is taken.
SAMPLE: list[tuple[str, dict[str, int], list[str]]] = [
    ("map", SIZE, []),
    ("map-roofs", SIZE, [BEST.format(at=0, zoom=16.5)]),
    ("map-phone", PHONE, []),
]
NEW_YORK: list[tuple[str, dict[str, int], list[str]]] = [
    ("map-new-york", SIZE, ["document.querySelector('#measure').value = 'kwp_per_km2'", "county.setMeasure('kwp_per_km2')"]),
    ("map-new-york-roofs", SIZE, [ROOFS, BEST.format(at=3, zoom=16)]),
]


def main(arguments: list[str]) -> None:
    """
    Take the pictures.

    Parameters
    ----------
    arguments
        Folder of the pictures, run folder of the sample county and, where it is at hand, of New York.
    """
    from playwright.sync_api import sync_playwright

    folder, *runs = (Path(argument) for argument in arguments)
    browser_path = next(found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name)))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        for run, pictures in zip(runs, (SAMPLE, NEW_YORK), strict=False):
            for name, size, steps in pictures:
                print(folder / f"{name}.png", _take(browser, run / "map.html", folder / f"{name}.png", size, steps), "ms")
        browser.close()


def _take(browser: Any, page_file: Path, picture: Path, size: dict[str, int], steps: list[str]) -> int:
    """Take one picture; the milliseconds until the first district was drawn."""
    context = browser.new_context(viewport=size, offline=True)
    page = context.new_page()
    page.goto(page_file.resolve().as_uri())
    page.wait_for_selector("html[data-ready=yes]", timeout=30_000)
    for step in steps:
        page.evaluate(f"void ({step})")
    time.sleep(2.5)
    page.screenshot(path=picture)
    after = round(page.evaluate("county.drawnAfter"))
    context.close()
    return after


if __name__ == "__main__":
    main(sys.argv[1:])
