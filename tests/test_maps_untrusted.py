"""Names from the data are only ever text: in Word, pictures, skylines, the GeoPackage's project, policy texts and served pages."""

from __future__ import annotations

import io
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pytest

from layers.geopackage import write_geopackage
from layers.schema import write_table
from maps.county_map import county_map
from maps.pictures import pictures
from maps.report import report
from maps.report_word import report_word
from maps.skyline import draw_skyline
from maps.tables import MapTables, map_tables

from .test_layers_geopackage import frame_of, run_folder
from .test_maps_county_map import browser_test, opened
from .test_maps_tables import NASTY, county

SAID = ("title_zh", "title_en", "quote", "clause", "note_zh", "note_en", "policy")


def hostile() -> MapTables:
    """The county with hostile names for its study, areas, buildings, policy texts, grid company and roadmap."""
    run = county()
    for table in run["regions"].values():
        inside = (table["kind"] != "outside").to_numpy()
        table.loc[inside, "name"] = [NASTY[at % len(NASTY)] for at in range(int(inside.sum()))]
    run["buildings"]["name"] = [NASTY[at % len(NASTY)] for at in range(len(run["buildings"]))]
    for at, row in enumerate(run["targets"]["targets"]):
        row.update({name: NASTY[(at + k) % len(NASTY)] for k, name in enumerate(SAID)})
        row.update(responsible=list(NASTY), missing=list(NASTY), doubts_zh=list(NASTY), doubts_en=list(NASTY))
    run["targets"]["policy"] = NASTY[1]
    area = str(run["regions"]["responsible"]["name"].iloc[0])
    zone = {"layer": "responsible", "area": area, "colour": "red", "register_mw": 0.0, "colour_source": "official"}
    rows = [{"year": 2027, "region": area, "buildings": 2, "pac0_kw": 1000.0}]
    return replace(
        map_tables(**run),
        near={"as_of": NASTY[0], "rows": [{**zone, "said_by": NASTY[1], "said_on": NASTY[4]}]},
        roadmap={"scenarios": [{"name": NASTY[0], "first_year": 2027, "last_year": 2028, "rows": rows}]},
    )


def parts(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_word_holds_names_as_text(tmp_path: Path, lang: str) -> None:
    tables = replace(hostile(), near=None, roadmap=None)
    found = parts(report_word(tables, tmp_path / "report.docx", lang))
    texts: list[str] = []
    for name, content in found.items():
        if name.endswith((".xml", ".rels")):
            root = ET.fromstring(content)
            assert not [tag for tag in root.iter() if tag.get("TargetMode") == "External"], name
            # neither script nor a field that Word would work out, such as a link or an include
            kinds = {tag.tag.rpartition("}")[2] for tag in root.iter()}
            assert not kinds & {"script", "object", "hyperlink", "altChunk"}, name
            instructions = {tag.text.split()[0] for tag in root.iter() if tag.tag.endswith("}instrText") and tag.text}
            assert instructions <= {"PAGE", "NUMPAGES", "TOC", "SEQ"}, name
            texts += [tag.text or "" for tag in root.iter() if tag.tag.endswith("}t")]
    said = "\n".join(texts)
    for text in NASTY:
        assert text in said
    assert "49" not in [text.strip() for text in texts]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pictures_hold_names_as_outlines(tmp_path: Path, lang: str) -> None:
    files = pictures(hostile(), tmp_path, lang, approval=NASTY[1])
    assert {"responsible-hosting_colour.svg", "responsible-roadmap_kw-2028.svg", "grid-pdc0_kwp.png"} <= {file.name for file in files}
    for file in files:
        if file.suffix == ".svg":
            inert(file.read_bytes())


def test_skylines_hold_names_as_outlines() -> None:
    for text in NASTY:
        inert(draw_skyline(np.zeros((1, 72)), 36.65, trees=None, kind="panorama", title=text, lang="zh").svg())


def inert(svg: bytes) -> None:
    """No script, no picture from elsewhere, no handler; and nothing that would become one where the SVG is put into a page."""
    for tag in ET.fromstring(svg).iter():
        assert tag.tag.rpartition("}")[2] not in ("script", "image", "foreignObject", "a", "text")
        assert not [name for name in tag.attrib if name.lower().startswith("on")]
        assert all(not key.endswith("href") or value.startswith("#") for key, value in tag.attrib.items())
    assert not any(sign in svg for sign in (b"<script", b"<img", b"</script", b"<b>"))


def test_the_project_of_the_geopackage_holds_names_as_text(tmp_path: Path) -> None:
    """File, study, notes, buildings and regions all hostile: what QGIS reads is well formed and links nothing but its own file."""
    given = run_folder(tmp_path)
    given["regions"] = {name: table.assign(name=[NASTY[0], NASTY[1], NASTY[4]]) for name, table in given["regions"].items()}
    given["about"] = [{"key": text, "zh": text, "en": text, "value": text} for text in NASTY]
    buildings = frame_of("buildings", list(gpd.read_parquet(given["buildings"]).geometry))
    write_table(buildings.assign(name=NASTY[: len(buildings)], use_detail=NASTY[1]), "buildings", given["buildings"], tmp_path / "work")
    for lang in ("zh", "en"):
        out = tmp_path / f"${{x}} {{{{7x7}}}} & 'b' {lang}.gpkg"
        write_geopackage(out, **given, lang=lang)
        with closing(sqlite3.connect(out)) as db:
            ((content,),) = db.execute("select content from qgis_projects").fetchall()
            styles = db.execute("select styleQML, styleSLD from layer_styles").fetchall()
            named = {name for (name,) in db.execute("select name from buildings")}
        with zipfile.ZipFile(io.BytesIO(bytes.fromhex(content))) as packed:
            project = ET.fromstring(packed.read(packed.namelist()[0]))
        sources = [tag.text or "" for tag in project.iter("datasource")]
        assert sources and all(source.startswith(f"./{out.name}|layername=") for source in sources)
        assert not [tag for tag in project.iter() if tag.tag in ("script", "img")]
        for style in (text for pair in styles for text in pair):
            assert not [tag for tag in ET.fromstring(style).iter() if tag.tag.rpartition("}")[2] in ("script", "img", "OnlineResource")]
        assert named <= set(NASTY) and len(named) > 1


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_policy_texts_are_escaped_in_pages(tmp_path: Path, lang: str) -> None:
    tables = hostile()
    plain = replace(tables, near=None, roadmap=None)
    for write, name, shown in ((county_map, "map.html", tables), (report, "report.html", plain)):
        page = write(shown, tmp_path / name, lang).read_text(encoding="utf-8").partition("<body>")[2]
        assert "<img src=x" not in page and "<script>window.pwned" not in page and "</script><b>" not in page
        assert "&lt;script&gt;window.pwned=1&lt;/script&gt;" in page and "{{7*7}}" in page


@pytest.mark.browser
@browser_test
def test_served_pages_show_names_as_text(tmp_path: Path) -> None:
    """Map and sheet folder named by the data, served: nothing runs; test_wuding_serving holds that a wrong address echoes nothing."""
    from wuding.serving import RunServer

    county_map(hostile(), tmp_path / "map.html", "zh")
    sheets = tmp_path / "parcels" / "${x} {{7x7}} 'b'"
    sheets.mkdir(parents=True)
    (sheets / "sheet.html").write_text("<p>here</p>", encoding="utf-8")
    with RunServer(tmp_path, 0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with opened(tmp_path / "map.html", address=server.url) as (page, wrong):
            assert opens_every_popup(page) > 20
            assert page.evaluate("window.pwned === undefined")
            assert page.locator("img, .leaflet-popup-content script, .leaflet-popup-content b b").count() == 0
            assert wrong == []
            root = server.url.rpartition("/")[0]
            assert page.goto(f"{root}/parcels/{quote(sheets.name)}/sheet.html").ok
        server.shutdown()


def opens_every_popup(page: Any) -> int:
    """Turn every layer on and open a few popups and hints of each; the number opened."""
    page.evaluate("document.querySelectorAll('.card fieldset input').forEach(i => { if (!i.checked) i.click(); })")
    opened_now: int = page.evaluate(
        "() => { let n = 0; Object.values(window.county.items).forEach(layers => layers.slice(0, 6).forEach(l => {"
        " l.openTooltip(); l.openPopup(); n += 1; })); return n; }"
    )
    return opened_now
