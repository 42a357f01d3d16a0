"""From a place name to a finished run, without internet; and nothing but `fetch` ever opens a connection."""

import ast
import html
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
import geopandas as gpd
import openpyxl
import pytest

from wuding.checking import check_study
from wuding.cli import app
from wuding.errors import StudyError
from wuding.exporting import export_table
from wuding.messages import translate
from wuding.parcels import Options, parcel_sheets
from wuding.study import load_study

from .loopback import RELEASE, Fault, Loopback, county_world, rules_for, served

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def world(county: Path) -> Iterator[Loopback]:
    loopback, _, _ = county_world(county)
    with served(loopback):
        yield loopback


def fetched(loopback: Loopback, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own.toml").write_text(rules_for(loopback), encoding="utf-8")
    whole = [sys.executable, "-m", "wuding", "fetch", *arguments, "--sources", str(folder / "own.toml"), "--cache", str(folder / "cache")]
    free = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return subprocess.run(whole, capture_output=True, text=True, encoding="utf-8", check=False, env=free)


@pytest.fixture(scope="module")
def study(world: Loopback, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("fetched")
    world.faults["/pvgis"] = Fault("503", 1)
    done = fetched(world, folder, "示例市", "--out", str(folder / "示例市"))
    world.faults.clear()
    return folder / "示例市", done


def test_a_name_becomes_a_study(study: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = study
    assert done.returncode == 0, done.stderr
    assert {p.name for p in folder.iterdir()} == {
        "buildings.parquet",
        "dem.tif",
        "weather",
        "districts.gpkg",
        "study.toml",
        "SOURCES.md",
        "fetch.json",
    }
    assert f"Overture Maps {RELEASE}" in done.stderr and "wuding check" in done.stderr and "示例湖" in done.stderr
    # size before, progress after
    assert done.stderr.index("下载气象：预计 1.4 MB") < done.stderr.index("气象：PVGIS")
    assert "下载建筑轮廓（kB）" in done.stderr
    sources = (folder / "SOURCES.md").read_text(encoding="utf-8")
    for word in (
        "© OpenStreetMap contributors",
        "哥白尼 DEM 许可",
        "PVGIS © European Union",
        RELEASE,
        "sha256",
        "37%",
        "有高度",
        "完整性",
        "最能改进",
    ):
        assert word in sources, word
    told = json.loads((folder / "fetch.json").read_text(encoding="utf-8"))
    assert told["lacking"] == {} and told["quality"]["share_with_height"] > 0.3


def test_check_accepts_the_study(study: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = study
    done = check_study(load_study(folder / "study.toml"), "zh")
    assert done.problems.fatal() is False, done.problems
    (folder / "check.json").unlink(missing_ok=True)


# In every process that Python starts, workers too: what is opened to anything but loopback is noted and refused.
WATCH = """
import os, socket, sys

LOG, HERE = os.environ["WATCHED"], {"127.0.0.1", "::1", "localhost", "0.0.0.0", "", "None", socket.gethostname()}


def note(text):
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(f"{os.getpid()} {text}\\n")


def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        host = arguments[1][0] if isinstance(arguments[1], tuple) else ""
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    host = str(host.decode() if isinstance(host, bytes) else host)
    if host not in HERE:
        note(f"{event} {host}")
        raise OSError(f"no internet in this test: {host}")


sys.addaudithook(watch)
note("watched")
"""


@pytest.fixture(scope="module")
def offline(study: tuple[Path, subprocess.CompletedProcess[str]], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Run the fetched study with two workers, watched: the run and what was noted."""
    folder = tmp_path_factory.mktemp("offline")
    shutil.copytree(study[0], folder / "示例市")
    file = folder / "示例市" / "study.toml"
    file.write_text(file.read_text(encoding="utf-8") + "\n[run]\ntile_buildings = 150\n", encoding="utf-8")
    (folder / "watch").mkdir()
    (folder / "watch" / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    watched = os.environ | {"PYTHONPATH": str(folder / "watch"), "WATCHED": str(folder / "log"), "http_proxy": "", "https_proxy": ""}
    tried = subprocess.run(
        [sys.executable, "-c", "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=1)"],
        env=watched,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no internet in this test: 192.0.2.1" in tried.stderr
    (folder / "log").unlink()
    whole = [sys.executable, "-m", "wuding", "run", str(file), "--out", str(folder / "run"), "--workers", "2"]
    done = subprocess.run(whole, env=watched, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return folder / "run", (folder / "log").read_text(encoding="utf-8").splitlines()


def test_nothing_but_loopback_is_reached_by_a_run_and_its_workers(offline: tuple[Path, list[str]]) -> None:
    run, noted = offline
    # the command and two workers at least were watched, and none of them tried
    assert len({line.split()[0] for line in noted}) >= 3
    assert [line for line in noted if not line.endswith(" watched")] == []
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["counts"]["assessed"] > 300 and manifest["totals"]["pdc0_kwp"] > 0


def test_every_product_names_its_sources(offline: tuple[Path, list[str]], tmp_path: Path) -> None:
    run, _ = offline
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["parameters"]["study"]["sources"][0]["version"] == RELEASE
    credits = manifest["notes"]["sources"]
    # buildings and districts are of one source, elevation and weather of others
    assert len(credits) == 3 and all("许可" in credit or "ODbL" in credit or "免费" in credit for credit in credits)
    names = [credit.rsplit(" (", 1)[0] for credit in credits]
    book = openpyxl.load_workbook(run / "tables.xlsx")
    square = tmp_path / "地块.geojson"
    outline = gpd.read_parquet(run / "buildings.parquet").query("status == 'assessed'").to_crs(4326).geometry.iloc[[0]]
    outline.to_file(square)
    (sheet,) = parcel_sheets(run, str(square), None, False, Options(), "zh", [])
    written = export_table(run, "buildings", tmp_path / "buildings.geojson")
    texts = {"export": written[-1].read_text(encoding="utf-8")}
    texts |= {name: html.unescape((run / name).read_text(encoding="utf-8")) for name in ("map.html", "report.html")}
    texts["report.docx"] = "\n".join(paragraph.text for paragraph in docx.Document(run / "report.docx").paragraphs)
    texts["tables.xlsx"] = "\n".join(str(cell) for page in book for row in page.iter_rows(values_only=True) for cell in row)
    texts["about"] = "\n".join(gpd.read_file(run / "示例市.gpkg", layer="about")["value"].astype(str))
    texts["sheet.html"] = html.unescape((sheet / "sheet.html").read_text(encoding="utf-8"))
    texts["sheet.json"] = (sheet / "sheet.json").read_text(encoding="utf-8")
    assert {product: [name for name in names if name not in text] for product, text in texts.items()} == {product: [] for product in texts}
    # … and the sheet still prints to its two pages
    if shutil.which("chromium"):
        pdf = tmp_path / "sheet.pdf"
        printed = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={pdf}"]
        subprocess.run([*printed, str(sheet / "sheet.html")], check=True, capture_output=True, timeout=120)
        assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) == 2
    # what was found of the data stands where the numbers are read: quality, weaknesses
    for product in ("report.html", "report.docx", "tables.xlsx", "about"):
        for word in ("ODbL 1.0", "37%", "完整性", "二者有其一", "PVGIS-ERA5", "已知不足"):
            assert word in texts[product], (product, word)


def test_only_fetch_knows_how_to_open_a_connection() -> None:
    clients = {"requests", "urllib3", "httpx", "aiohttp", "ftplib", "smtplib", "telnetlib", "http.client", "urllib.request"}
    clients |= {"pyarrow.fs", "fsspec"}
    found = set()
    for room in ("geo", "solar", "layers", "maps", "wuding"):
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                names += [str(node.module), *(f"{node.module}.{a.name}" for a in node.names)] if isinstance(node, ast.ImportFrom) else []
                if any(name == client or name.startswith(client + ".") for name in names for client in clients):
                    found.add(file.relative_to(ROOT).parts[:2])
                assert not any("fetching" in name for name in names) or file.name == "cli.py" or "fetching" in file.parts, file
    # the store opens what the study or --out names by address, and nothing else
    assert found == {("wuding", "fetching"), ("wuding", "store.py")}


def test_what_cannot_be_had_is_named_and_left_for_the_user(world: Loopback, tmp_path: Path) -> None:
    world.faults |= {"/pvgis": Fault("503"), "/power": Fault("html"), "/s3": Fault("503"), "/cover": Fault("503")}
    quick = rules_for(world).replace("[web]", "[web]\nattempts = 2")
    world_rules = tmp_path / "own.toml"
    try:
        box = "116.9,36.6,117.0,36.7"
        world_rules.write_text(quick, encoding="utf-8")
        whole = [sys.executable, "-m", "wuding", "fetch", box, "--out", str(tmp_path / "out"), "--lang", "en"]
        free = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        more = ["--sources", str(world_rules), "--cache", str(tmp_path / "cache")]
        done = subprocess.run([*whole, *more], capture_output=True, text=True, encoding="utf-8", check=False, env=free)
    finally:
        world.faults.clear()
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "could not be had, left for you: weather\n" in done.stderr
    # the second choice of the buildings is told, not hidden
    sources = (tmp_path / "out" / "SOURCES.md").read_text(encoding="utf-8")
    assert (
        "## buildings: OpenStreetMap" in sources
        and "## districts: OpenStreetMap" in sources
        and "taken because the first choice could not be had: Overture Maps" in sources
    )
    assert "## Could not be had" in sources and "PVGIS typical year: 127.0.0.1: it answers 503" in sources
    assert "completeness: cannot be judged" in sources
    content = tomllib.loads((tmp_path / "out" / "study.toml").read_text(encoding="utf-8"))
    assert content["weather"] == {"files": ["weather.epw"]} and "districts" in content["regions"]
    # … in the study's products too
    assert any("taken because" in note for note in content["sources"][0]["notes"])
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "buildings.parquet",
        "dem.tif",
        "districts.gpkg",
        "study.toml",
        "SOURCES.md",
        "fetch.json",
    }
    checked = check_study(load_study(tmp_path / "out" / "study.toml"), "en")
    assert checked.problems.fatal() and "weather.epw" in str(checked.problems.plain("en"))


def test_a_second_fetch_takes_everything_from_the_cache(world: Loopback, study: tuple[Path, Any], tmp_path: Path) -> None:
    folder, _ = study
    shutil.copytree(folder.parent / "cache", tmp_path / "cache")
    world.asked.clear()
    done = fetched(world, tmp_path, "示例市", "weather", "--out", str(tmp_path / "again"))
    assert done.returncode == 0, done.stderr
    assert world.asked == []
    assert (tmp_path / "again" / "weather").is_dir() and not (tmp_path / "again" / "dem.tif").exists()
    # what was not asked for is named in the study, nothing stands in for it
    assert load_study(tmp_path / "again" / "study.toml").terrain.dem == "dem.tif"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["117,36,117.1,36.1", "roofs"], "无法下载"),
        (["117,36,117.1,36.1", "--source", "dem=nowhere"], "nowhere"),
        (["117,36,117.1,36.1", "--url", "dem"], "--url dem"),
        (["117,36,117.1,36.1", "--url", "weather=https://x"], "EPW"),
        (["117,36,116,37"], "不是地球上"),
        (["117,36,117.1"], "不是范围"),
        (["border.geojson"], "没有文件 border.geojson"),
        (["data/济南"], "没有文件 济南"),
    ],
)
def test_mistakes_are_told_before_a_connection_is_opened(world: Loopback, tmp_path: Path, arguments: list[str], said: str) -> None:
    world.asked.clear()
    own = tmp_path / "own.toml"
    own.write_text(rules_for(world), encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        app(["fetch", *arguments, "--out", str(tmp_path / "out"), "--sources", str(own)], standalone_mode=False)
    assert said in translate(str(caught.value), "zh")
    assert world.asked == [] and not (tmp_path / "out").exists()


def test_a_folder_with_a_study_is_left_alone(world: Loopback, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("", encoding="utf-8")
    with pytest.raises(StudyError, match=r"holds a study\.toml already that is not as fetch wrote it"):
        app(["fetch", "117,36,117.1,36.1", "--out", str(tmp_path)], standalone_mode=False)
