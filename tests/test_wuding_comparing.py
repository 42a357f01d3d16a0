"""Two runs side by side: the differences, and the keys, files and versions that may have caused them."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layers.errors import LayersError
from layers.geopackage import renew_about
from wuding.comparing import compare_runs
from wuding.products import remake_targets
from wuding.study import Study, load_study, study_content, without_place


@pytest.fixture
def other(run_folder: Path, tmp_path: Path) -> Path:
    """Copy the run, to be changed."""
    return Path(shutil.copytree(run_folder, tmp_path / "other"))


def changed(run: Path, name: str, change: Any) -> None:
    content = json.loads((run / name).read_text(encoding="utf-8"))
    change(content)
    (run / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def with_existing(county: Path, folder: Path, megawatts: float) -> Study:
    text = (county / "study.toml").read_text(encoding="utf-8")
    assert "[policy]" in text
    for file in county.iterdir():
        if file.is_file():
            shutil.copy(file, folder / file.name)
    (folder / "study.toml").write_text(text.replace("[policy]", f"[policy]\nexisting_mw = {megawatts}"), encoding="utf-8")
    return load_study(folder / "study.toml")


def test_a_run_does_not_differ_from_itself(run_folder: Path, other: Path) -> None:
    assert compare_runs(run_folder, other, "zh") == ["没有差异"]
    assert compare_runs(run_folder, other, "en") == ["no difference"]


def test_a_changed_key_of_the_study_file_is_named(run_folder: Path, other: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["parameters"]["study"]["roofs"]["point_threshold"] = 0.8
        manifest["parameters"]["study"]["run"]["tile_buildings"] = 7
        manifest["inputs"][0]["sha256"] = "0" * 64
        manifest["inputs"] = [row for row in manifest["inputs"] if row["role"] != "dem"]
        manifest["versions"]["pvlib"] = "0.1"
        manifest["totals"]["pdc0_kwp"] += 1000.0

    changed(other, "manifest.json", change)
    lines = compare_runs(run_folder, other, "zh")
    assert any("装机容量（直流，kW）" in line and line.endswith("+1,000.0") for line in lines)
    causes = [line.removeprefix("可能原因：") for line in lines if line.startswith("可能原因：")]
    assert "研究文件 roofs.point_threshold：0.7 → 0.8" in causes
    assert "高程数据（DEM） dem.tif 只用于 A" in causes
    assert any(cause.startswith("版本 pvlib：") for cause in causes)
    # how the work is cut changes no number; the study file's checksum says less than its keys
    assert not any("tile_buildings" in cause or "study.toml" in cause for cause in causes)
    assert any(line == "possible cause: study file roofs.point_threshold: 0.7 -> 0.8" for line in compare_runs(run_folder, other, "en"))


def test_other_targets_and_unknown_numbers_are_no_zeros(run_folder: Path, other: Path) -> None:
    def change(judged: dict[str, Any]) -> None:
        rows = {(row["id"], row["region"]): row for row in judged["targets"]}
        rows["pv_capacity", None] |= {"built": 250.0, "verdict": "short"}
        rows["storage", None]["id"] = "other"
        rows["new_roof_coverage", None]["required"] = 0.6
        rows["demand_response", None]["required"] = 750.0 * (1.0 + 1e-12)

    changed(other, "targets.json", change)
    lines = compare_runs(run_folder, other, "zh")
    built = next(line for line in lines if line.startswith("光伏发电装机规模 现状值 MW"))
    assert built.split()[-3:] == ["—", "250.0", "—"]
    asked = next(line for line in lines if "覆盖率 目标值 %" in line)
    assert asked.split()[-3:] == ["50.0000", "60.0000", "+10.0000"]
    assert "目标 光伏发电装机规模: 无法判定 → 存在缺口" in lines
    assert "目标 新型储能设施规模 只在 A 中：无法判定" in lines and "目标 新型储能设施规模 只在 B 中：无法判定" in lines
    assert "屋顶测算结果相同，只有目标研判不同" in lines
    assert not any(line.startswith("需求侧响应能力") for line in lines)
    english = compare_runs(run_folder, other, "en")
    assert "the roofs are the same in both; only the judgement of targets differs" in english
    assert "target New-type energy storage is judged in A only: cannot be judged" in english


def test_an_area_of_one_run_only_has_no_number_in_the_other(run_folder: Path, other: Path) -> None:
    file = other / "regions" / "responsible.parquet"
    areas = pd.read_parquet(file)
    name = str(areas.loc[areas["kind"] == "region", "name"].iloc[0])
    areas[areas["name"] != name].to_parquet(file)
    lines = [line for line in compare_runs(run_folder, other, "zh") if line.startswith(f"责任区域 {name}")]
    assert lines and all(line.split()[-2:] == ["—", "—"] for line in lines)


def test_targets_renews_about_and_the_manifest(county: Path, run_folder: Path, other: Path, tmp_path: Path) -> None:
    remake_targets(with_existing(county, tmp_path, 5200.0), other)
    (package,) = other.glob("*.gpkg")
    with sqlite3.connect(package) as db:
        rows = dict(db.execute("select key, value from about"))
    assert rows["target_pv_capacity"].startswith("已达标 met（† ")  # 5,200 of 5,000 MW; that they are AC was not checked
    assert "虚构" in rows["warning_01"]
    lines = compare_runs(run_folder, other, "zh")
    assert "目标 光伏发电装机规模: 无法判定 → 已达标" in lines
    assert "可能原因：研究文件 policy.existing_mw：— → 5200.0" in lines
    assert (other / "tables.xlsx").stat().st_mtime_ns > (run_folder / "tables.xlsx").stat().st_mtime_ns


def test_a_package_that_is_in_use_is_an_error_that_says_so(tmp_path: Path) -> None:
    file = tmp_path / "x.gpkg"
    sqlite3.connect(file).close()
    with pytest.raises(LayersError, match="close it in QGIS"):
        renew_about(file, [])


def test_the_manifest_holds_the_study_without_places_on_the_machine(county: Path) -> None:
    study = load_study(county / "study.toml")
    far = study.model_copy(update={"terrain": study.terrain.model_copy(update={"dem": "/home/li/数据/dem.tif", "dsm": "..\\up\\dsm.tif"})})
    content = study_content(far)
    assert (content["terrain"]["dem"], content["terrain"]["dsm"]) == ("dem.tif", "dsm.tif")
    assert content["buildings"]["path"] == ["buildings.gpkg"]
    assert "folder" not in content and "file" not in content


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("data/a.gpkg", "data/a.gpkg"),
        ("data\\a.gpkg", "data/a.gpkg"),
        ("C:\\用户\\a.gpkg", "a.gpkg"),
        ("~/a.gpkg", "a.gpkg"),
        ("EPSG:4548", "EPSG:4548"),
        ("flat", "flat"),
        ("文物保护范围", "文物保护范围"),
    ],
)
def test_places_are_taken_off_paths_only(text: str, shown: str) -> None:
    assert without_place(text) == shown
