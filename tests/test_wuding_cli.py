"""The front door: bad input gets one clear message and exit code 2, never a traceback."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from wuding.errors import StudyError
from wuding.messages import translate
from wuding.study import load_study


def wuding(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "wuding", *arguments], capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.fixture
def study(county: Path, tmp_path: Path) -> Path:
    """Copy the county without its run."""
    for file in county.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path / file.name)
    return tmp_path / "study.toml"


def broken(study: Path, old: str, new: str) -> str:
    text = study.read_text(encoding="utf-8")
    assert old in text
    study.write_text(text.replace(old, new), encoding="utf-8")
    done = wuding("run", str(study))
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_help_names_every_command_without_heavy_imports() -> None:
    done = wuding("--help")
    assert done.returncode == 0
    for command in (
        "demo", "init", "fetch", "template", "check", "run", "status", "parcel", "targets", "map", "export", "compare", "skyline",
    ):  # fmt: skip
        assert command in done.stdout
    heavy = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, wuding.cli; print([m for m in ('pandas', 'numba', 'geopandas', 'dask', 'pvlib') if m in sys.modules])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert heavy.stdout.strip() == "[]"


def test_missing_study_file(tmp_path: Path) -> None:
    done = wuding("run", str(tmp_path / "nowhere.toml"))
    assert done.returncode == 2
    assert "nowhere.toml" in done.stderr
    assert "wuding init" in done.stderr


def test_unknown_key_names_the_nearest(study: Path) -> None:
    said = broken(study, "[terrain]\n", "[terrain]\nsurface_resolutoin = 1.0\n")
    assert "surface_resolutoin" in said
    assert "surface_resolution" in said


def test_missing_column(study: Path) -> None:
    said = broken(study, '"高度"', '"高"')
    assert "buildings.gpkg" in said
    assert "高度" in said


def test_missing_file(study: Path) -> None:
    assert "dem2.tif" in broken(study, '"dem.tif"', '"dem2.tif"')


def test_crs_in_degrees(study: Path) -> None:
    assert "EPSG:4490" in broken(study, 'crs = "EPSG:4548"', 'crs = "EPSG:4490"')


def test_crs_elsewhere_means_the_climatology_is_not_valid_or_the_dem_does_not_cover(study: Path) -> None:
    import geopandas as gpd

    moved = gpd.read_file(study.parent / "buildings.gpkg")
    moved.geometry = moved.geometry.translate(400_000, 0)
    moved.to_file(study.parent / "moved.gpkg")
    said = broken(study, '"buildings.gpkg"', '"moved.gpkg"')
    assert "dem.tif" in said
    assert "没有覆盖" in said


def test_a_zone_far_from_its_meridian_is_refused(study: Path) -> None:
    # EPSG:4534 has its meridian at 75 E; at 117 E lengths in it are off by over 20 %
    said = broken(study, 'crs = "EPSG:4548"', 'crs = "EPSG:4534"')
    assert "EPSG:4534" in said
    assert "EPSG:4548" in said


def test_use_words_that_nobody_translates_are_no_mere_warning(study: Path) -> None:
    text = study.read_text(encoding="utf-8")
    # years are no words for use, and neither the study nor a built-in table knows them
    head, rest = text.replace('use = "用途"', 'use = "建成年份"').split("[buildings.use]")
    head = "\n".join(line for line in head.splitlines() if not line.startswith("year_built"))
    study.write_text(head + '\n[buildings.use]\n"无此词" = "other"\n\n[terrain]' + rest.split("[terrain]")[1], encoding="utf-8")
    done = wuding("run", str(study))
    assert done.returncode == 2
    assert "没有一栋建筑的用途能由 buildings.use 识别" in done.stderr


def test_init_writes_a_study_that_loads_beside_the_sample(study: Path) -> None:
    from wuding.study import load_study

    done = wuding("init", str(study.parent / "mine.toml"))
    assert done.returncode == 0
    mine = load_study(study.parent / "mine.toml")
    given = load_study(study)
    assert mine.buildings.columns == given.buildings.columns
    assert mine.regions == given.regions
    assert wuding("init", str(study.parent / "mine.toml")).returncode == 2


def test_check_and_template(study: Path) -> None:
    done = wuding("check", str(study), "--lang", "en")
    assert done.returncode == 0, done.stderr
    assert "600" in done.stdout
    assert (study.parent / "check.json").is_file()
    done = wuding("template", str(study))
    assert done.returncode == 0, done.stderr
    assert (study.parent / "填报表.xlsx").is_file()


def test_commands_on_a_finished_run(run_folder: Path, tmp_path: Path) -> None:
    assert "1/1" in wuding("status", str(run_folder)).stdout
    assert wuding("compare", str(run_folder), str(run_folder)).stdout.strip() == "没有差异"
    assert wuding("export", str(run_folder), "--to", str(tmp_path / "屋顶.geojson"), "--table", "districts").returncode == 0
    assert (tmp_path / "屋顶.geojson").is_file()
    done = wuding("parcel", str(run_folder), "no-such-parcel")
    assert done.returncode == 2
    assert "最接近" in done.stderr
    assert wuding("targets", str(run_folder)).returncode == 0


def test_mistakes_on_the_command_line_are_answered_in_the_language_asked_for() -> None:
    done = wuding("run")
    assert (done.returncode, "缺少参数" in done.stderr, "Traceback" in done.stderr) == (2, True, False)
    assert "没有命令“rnu”" in wuding("rnu").stderr
    assert wuding("rnu", "--lang", "en").stderr.splitlines()[-1].startswith("error: No such command 'rnu'")
    assert "demo" in wuding().stderr


def test_every_mistake_of_a_study_file_is_told_in_chinese(study: Path) -> None:
    text = study.read_text(encoding="utf-8").replace("[terrain]", "minimum_area_m2 = -3\n[terrain]\nsurface_resolutoin = 1.0", 1)
    study.write_text(text, encoding="utf-8")
    done = wuding("check", str(study))
    assert done.returncode == 2
    assert "是否应为“surface_resolution”" in done.stderr
    assert not [line for line in done.stderr.splitlines() if "expected" in line or "unknown" in line]
    assert "did you mean 'surface_resolution'" in wuding("check", str(study), "--lang", "en").stderr


@pytest.mark.parametrize("given", ["0.5", "nan", "inf"])
def test_memory_in_which_no_process_can_start_is_told_before_the_run(study: Path, given: str) -> None:
    study.write_text(f"{study.read_text(encoding='utf-8')}\n[run]\nworker_memory_gb = {given}\n", encoding="utf-8")
    with pytest.raises(StudyError, match=r"0\.45 GB before its first tile; give 0\.6 or more") as caught:
        load_study(study)
    assert "请填 0.6 或更大，或删去此项" in translate(str(caught.value), "zh")


def test_a_missing_form_is_told_before_the_roofs_are_computed(study: Path) -> None:
    said = broken(study, "[policy]", '[policy]\nform = "没有.xlsx"')
    assert "填报表：找不到文件 没有.xlsx" in said


def test_an_option_without_its_value_is_one_line(run_folder: Path) -> None:
    done = wuding("map", str(run_folder), "--shift-m", "300")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "--shift-m" in done.stderr


def test_a_skyline_is_drawn_from_any_folder(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roof = pd.read_parquet(run_folder / "roofs", columns=["roof_id"])["roof_id"].iloc[0]
    monkeypatch.chdir(tmp_path)
    assert wuding("skyline", str(run_folder), roof, "--out", str(tmp_path / "x.svg")).returncode == 0
