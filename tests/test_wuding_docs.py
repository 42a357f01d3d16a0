"""The documentation: its reference holds everything, its site builds, and every command that it shows runs."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from statistics import NormalDist

import geopandas as gpd
import numpy as np
import pandas as pd
import pvlib
import pytest
import shapely
from typer.main import get_command
from typer.testing import CliRunner

from geo.far_horizons import DROP
from layers.carbon import load_carbon
from layers.schema import columns
from solar import electrical, sky
from solar.mounts import pitch_ratio
from wuding.cli import app
from wuding.reference import reference_pages, write_reference
from wuding.serving import RunServer
from wuding.templates import STUDY_TEMPLATE

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*/*.md"))


SHOWN = [*PAGES, ROOT / "docs" / "index.md", ROOT / "README.md", ROOT / "README.zh.md"]


def shown(text: str) -> list[list[str]]:
    """Read every command of a page: lines of all blocks without their remarks, and code within a sentence."""
    blocks = text.split("```")[1::2]
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()[1:]]
    return [words for words in map(str.split, [*lines, *re.findall(r"`(wuding [^`\n]+)`", text)]) if words[:1] == ["wuding"]]


def parse(words: list[str]) -> None:
    """Let the command line itself read a command without running it; places and names may be words that stand for them."""
    program = get_command(app)
    if words[1] != "--help":
        command = program.commands[words[1]]
        _, left, _ = command.make_parser(command.context_class(command)).parse_args(list(words[2:]))
        assert not left, f"{left} are too many"


def test_reference_holds_every_column_command_and_key() -> None:
    pages = reference_pages()
    for table in ("roofs", "buildings", "regions", "legend"):
        assert all(f"| `{c.name}` |" in pages["columns.md"] and c.meaning_zh in pages["columns.md"] for c in columns(table))
    for command in app.registered_commands:
        name = command.name or (command.callback.__name__ if command.callback else "")
        assert f"## wuding {name}" in pages["commands.md"]
    assert "--district" in pages["commands.md"]
    example = tomllib.loads(STUDY_TEMPLATE)
    for section in ("study", "terrain", "roofs", "system", "policy", "run", "weather"):
        for key in example[section]:
            assert f"`{section}.{key}" in pages["study.md"], key
    assert "`buildings.landuse.path`" in pages["study.md"]
    assert "`folder`" not in pages["study.md"]


def test_the_site_builds_without_a_broken_link(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("reference"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    write_reference(tmp_path / "docs" / "reference")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert (tmp_path / "build" / "docs" / "reference" / "columns.html").is_file()


# Words that stand for a place or a name, as Chinese pages say them.
STAND_FOR = {
    "licheng/study.toml": "study.toml",  # what `wuding fetch` writes
    "结果文件夹": "RUN",
    "地块编号": "ID",
    "屋面编号": "ROOF_ID",
    "电费.xlsx": "bills.xlsx",
    "负荷.csv": "curve.csv",
    "厂房.geojson": "hall.geojson",
    "厂房.dxf": "hall.dxf",
    "厂房.kml": "hall.kml",
    "图.png": "file.png",
}
# What needs the internet or a cluster has a test of its own that runs the command against one on this machine.
ELSEWHERE = {"fetch": "test_wuding_fetch.py", "--scheduler": "test_wuding_survival.py"}


def to_run() -> list[tuple[str, ...]]:
    """List every command of every page once, in the order of reading, without those that only name a command."""
    every = [tuple(STAND_FOR.get(word, word) for word in words) for page in SHOWN for words in shown(page.read_text(encoding="utf-8"))]
    needless = {("wuding", "check"), ("wuding", "run"), ("wuding", "--help")}
    return [words for words in dict.fromkeys(every) if words not in needless and not ELSEWHERE.keys() & set(words) and words[1] != "demo"]


def write_givens(folder: Path) -> None:
    """Write the files of a customer that the pages name: a hall of 60 m by 30 m in three formats, a year's bills, a load curve."""
    hall = gpd.GeoDataFrame({"height": [9.0]}, geometry=[shapely.box(500_000.0, 4_057_000.0, 500_060.0, 4_057_030.0)], crs=4548)
    hall.to_crs(4326).to_file(folder / "hall.geojson", driver="GeoJSON")
    hall.to_crs(4326)[["geometry"]].to_file(folder / "hall.kml", driver="LIBKML")
    hall[["geometry"]].to_file(folder / "hall.dxf", driver="DXF")
    pd.DataFrame({"月份": range(1, 13), "电量(kWh)": [60_000.0] * 12}).to_excel(folder / "bills.xlsx", index=False)
    hours = pd.date_range("2023-01-01", periods=8760, freq="h").strftime("%Y-%m-%d %H:%M")
    pd.DataFrame({"时间": hours, "负荷(kW)": 80.0}).to_csv(folder / "curve.csv", index=False)


def _interrupted(server: RunServer) -> None:
    """Answer as a server does whose user presses Ctrl-C at once."""
    raise KeyboardInterrupt


def test_every_command_shown_runs(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(run_folder.parent, tmp_path / "sample-county")
    shutil.copytree(run_folder.parent, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("run"))
    # the reader's own study, which is run from the start: every tenth building of the county goes the whole way too
    gpd.read_file(tmp_path / "buildings.gpkg").iloc[::10].to_file(tmp_path / "buildings.gpkg", driver="GPKG")
    write_givens(tmp_path)
    parcels, roofs = gpd.read_parquet(run_folder / "regions" / "parcels.parquet"), gpd.read_parquet(run_folder / "roofs")
    known = {
        **dict.fromkeys(("RUN", "RUN_A", "RUN_B"), "sample-county/run"),
        "ID": str(parcels.loc[(parcels["kind"] == "region") & (parcels["buildings_with_modules"] > 0), "name"].iloc[-1]),
        "ROOF_ID": str(roofs.loc[roofs["pdc0_kwp"] > 0, "roof_id"].iloc[0]),
    }
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(RunServer, "serve_forever", _interrupted)
    every = to_run()
    assert len(every) > 25
    for words in every:
        if words[1] == "init":
            Path("study.toml").rename("kept.toml")
        free = ["--port", "0"] if "--serve" in words else []
        done = CliRunner().invoke(app, [*(known.get(word, word) for word in words[1:]), *free])
        if words[1] == "init":
            Path("kept.toml").replace("study.toml")
        assert done.exit_code == 0, (words, done.output, done.exception)


def test_commands_that_need_the_internet_or_a_cluster_run_in_their_own_tests() -> None:
    for word, name in ELSEWHERE.items():
        text = (ROOT / "tests" / name).read_text(encoding="utf-8")
        assert f'"{word}"' in text, f"{name} does not run {word}"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_method_page_gives_the_numbers_of_the_code(lang: str) -> None:
    page = (ROOT / "docs" / lang / "method.md").read_text(encoding="utf-8")
    fits = [electrical.PVWATTS_ETA_REF, *map(abs, electrical.PVWATTS_CURVE), sky.COSZ_FLOOR["haydavies"], sky.SECTORS]
    carbon = load_carbon()
    fits += [
        *(carbon.coal[name].value for name in ("equivalent_value", "heat_value")),
        carbon.gj_per_tce,
        round(NormalDist().inv_cdf(0.9), 4),
    ]
    for number in fits:
        assert f"{number:g}" in page or f"{number:.4f}" in page, number
    assert float(DROP) == pytest.approx((1 - 0.13) / (2 * 6371e3)) and "(1 − 0.13) / (2 · 6371 km)" in page
    # GB 50797's formula of the page against the spacing that the code finds from the sun, to 0.3 %: the standard rounds its numbers
    latitude, beta = np.radians(36.65), np.radians(20.0)
    k = (0.707 * np.tan(latitude) + 0.4338) / (0.707 - 0.4338 * np.tan(latitude))
    assert float(pitch_ratio(36.65, 20.0, 180.0)) == pytest.approx(np.cos(beta) + k * np.sin(beta), rel=3e-3)
    # the inverter as the page writes it, against pvlib's
    for zeta in (0.1, 0.5, 0.9, 1.1):
        written = min(0.98, 0.98 / 0.9637 * (-0.0162 * zeta + 0.9858 - 0.0059 / zeta) * zeta)
        assert written == pytest.approx(float(pvlib.inverter.pvwatts(zeta, 1.0, 0.98)), rel=1e-12)


def test_method_pages_are_alike() -> None:
    pages = [(ROOT / "docs" / lang / "method.md").read_text(encoding="utf-8") for lang in ("en", "zh")]
    for pattern in (r"doi:[0-9a-z./]*[0-9a-z]", r"NREL/[A-Z0-9-]+", r"^\*\*", r"^```", r"`[a-z_]+/[a-z_.]+toml`", r"GB \d+|DL/T \d+"):
        one, two = (set(re.findall(pattern, page, re.M)) for page in pages)
        assert one == two and one, pattern
    assert [len(re.findall(r"^\*\*", page, re.M)) for page in pages] == [len(re.findall(r"^\*\*", pages[0], re.M))] * 2


def test_every_command_shown_is_one() -> None:
    every = {tuple(words) for page in SHOWN for words in shown(page.read_text(encoding="utf-8"))}
    assert len(every) > 30
    for words in every:
        parse(list(words))


@pytest.mark.parametrize(
    "wrong", ["wuding chek study.toml", "wuding run study.toml --worker 2", "wuding status a b", "wuding map RUN --shift"]
)
def test_a_wrong_command_is_caught(wrong: str) -> None:
    for text in (f"Say `{wrong}` then.", f"```\n{wrong}  # why\n```", f"```console\n{wrong}\n```"):
        ((*words,),) = shown(text)
        with pytest.raises((KeyError, AssertionError, Exception), match=words[1] if words[1] == "chek" else "No such option|too many"):
            parse(words)
