"""The roadmap of a whole run: every product tells the same years, and a changed roadmap changes them all."""

import contextlib
import json
import os
import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook

from layers.policy import load_policy
from wuding.errors import StudyError
from wuding.products import remake_targets
from wuding.roadmapping import scenarios
from wuding.serving import tiles_stale
from wuding.study import load_study


def years_of(run: Path) -> pd.DataFrame:
    return pd.read_parquet(run / "roofs", columns=["building_id", "roof_id", "pac0_kw", "roadmap_year"]).sort_values("roof_id")


def told(run: Path, scenario: int = 0) -> pd.DataFrame:
    content = json.loads((run / "roadmap.json").read_text(encoding="utf-8"))
    return pd.DataFrame(content["scenarios"][scenario]["rows"])


def in_package(run: Path) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(next(run.glob("*.gpkg")))) as package:
        return dict(package.execute("SELECT roof_id, roadmap_year FROM roofs WHERE roadmap_year IS NOT NULL"))


def hold_together(run: Path) -> None:
    roofs = years_of(run)
    built = roofs[roofs["roadmap_year"].notna()]
    assert built.groupby("building_id")["roadmap_year"].nunique().max() == 1
    rows = told(run)
    by_year = built.groupby("roadmap_year")["pac0_kw"].sum()
    assert by_year.to_dict() == pytest.approx(rows.groupby("year")["pac0_kw"].sum().to_dict(), rel=1e-9)
    assert in_package(run) == dict(zip(built["roof_id"], built["roadmap_year"].astype(int), strict=True))


def test_every_product_tells_the_same_years(run_folder: Path) -> None:
    hold_together(run_folder)
    book = load_workbook(run_folder / "tables.xlsx", read_only=True)
    assert {"路线图", "路线图与目标", "情景对比", "供给曲线", "年度评价", "年度评价（按责任单位）"} <= set(book.sheetnames)
    rows = list(book["路线图"].iter_rows(values_only=True))
    last = next(row for row in reversed(rows) if row[1] == "全域" and row[0] == "路线图")
    assert last[rows[0].index("累计（MW 交流）")] == pytest.approx(told(run_folder)["pac0_kw"].sum() / 1000, rel=1e-9)
    page = (run_folder / "report.html").read_text(encoding="utf-8")
    assert "加快推进" in page
    assert "供给曲线" in page
    whole = [row for row in json.loads((run_folder / "targets.json").read_text(encoding="utf-8"))["targets"] if row["region"] is None]
    assert {row["id"] for row in whole if "roadmap_status" in row} == {"pv_capacity", "new_roof_coverage", "building_substitution"}


def test_a_changed_roadmap_changes_every_product_without_new_roofs(county: Path, run_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    text = (county / "study.toml").read_text(encoding="utf-8")
    study = county / "changed.toml"
    (run / "roofs.pmtiles").write_bytes(b"made before")
    os.utime(run / "roofs.pmtiles", (4e9, 4e9))  # when the clock went ahead
    assert not tiles_stale(run)
    try:
        study.write_text(text.replace("yearly_mw = 5.0", "uptake = false\nyearly_mw = 0.5"), encoding="utf-8")
        remake_targets(load_study(study), run)
        hold_together(run)
        assert tiles_stale(run)
        before, after = (json.loads((place / "manifest.json").read_text(encoding="utf-8"))["inputs"] for place in (run_folder, run))
        assert [row["role"] for row in after] == [row["role"] for row in before]
        assert told(run)["pac0_kw"].sum() <= 500 * 4
        assert not years_of(run).equals(years_of(run_folder))
        study.write_text(text[: text.index("[roadmap]")], encoding="utf-8")
        remake_targets(load_study(study), run)
        assert years_of(run)["roadmap_year"].isna().all()
        assert not (run / "roadmap.json").exists()
    finally:
        study.unlink(missing_ok=True)


def test_what_a_study_says_of_its_roadmap(county: Path, tmp_path: Path) -> None:
    text = (county / "study.toml").read_text(encoding="utf-8")
    file = tmp_path / "study.toml"
    file.write_text(text, encoding="utf-8")
    policy = load_policy("jinan-2023-36")
    one, two = scenarios(load_study(file), policy, None)
    study = load_study(file)
    english = study.model_copy(update={"study": study.study.model_copy(update={"lang": "en"})})
    assert [one.name, scenarios(english, policy, None)[0].name] == ["路线图", "Roadmap"]
    assert (one.order, one.first_year, one.last_year, one.yearly_mw) == ("lcoe", 2027, 2030, 5.0)
    assert (two.order, two.name, two.yearly_mw, two.uptake) == ("lcoe", "加快推进", 10.0, None)
    file.write_text(text.replace("yearly_mw = 5.0", "first_year = 2025"), encoding="utf-8")
    with pytest.raises(StudyError, match="after the day of the study, 2026-11-23"):
        scenarios(load_study(file), policy, None)
    file.write_text(text.replace("yearly_mw = 5.0", "grid_room = true"), encoding="utf-8")
    with pytest.raises(StudyError, match="hosting_room_mw"):
        scenarios(load_study(file), policy, None)
