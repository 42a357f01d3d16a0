"""Use nearby of a finished run: profiles add up to the roofs, tables of the grid company, metered curves, the list of a gap."""

import json
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from layers.form_values import FormValues
from layers.policy import load_policy
from layers.profiles import read_profile
from solar.hours import MONTH
from solar.money import USES
from solar.weather import HOURS
from wuding.errors import StudyError
from wuding.gap_list import FILE, write_gap_roofs
from wuding.grid_objects import grid_objects
from wuding.metering import load_remarks, metered_areas, study_loads
from wuding.near import _existing_hours, _unlisted, _with_connected, _with_existing, write_near_use
from wuding.products import read_regions_of
from wuding.study import HostingSection, LoadSection, Study, load_study


@pytest.fixture
def study(county: Path) -> Study:
    return load_study(county / "study.toml")


@pytest.fixture
def run(run_folder: Path, tmp_path: Path) -> Path:
    for name in ("profiles", "regions"):
        shutil.copytree(run_folder / name, tmp_path / "run" / name)
    return tmp_path / "run"


def near(study: Study, run: Path, run_folder: Path) -> dict[tuple[str, str], dict]:
    buildings = gpd.read_parquet(run_folder / "buildings.parquet")
    return {(row["layer"], row["area"]): row for row in write_near_use(study, buildings, read_regions_of(run), None, run)}


def test_profiles_are_the_energy_of_the_roofs(run_folder: Path) -> None:
    roofs = pd.read_parquet(run_folder / "roofs", columns=["responsible_area", "use", "energy_kwh", "energy_06_kwh"])
    whole = read_profile(run_folder / "profiles", "whole")
    assert whole is not None
    assert len(whole) == HOURS
    # a roof's hour is rounded to a milliwatt-hour
    assert whole["whole"].sum() == pytest.approx(roofs["energy_kwh"].sum(), rel=1e-8)
    june = pd.date_range("2023-01-01", periods=HOURS, freq="h").month == 6
    for layer, column in (("responsible", "responsible_area"), ("use", "use")):
        table = read_profile(run_folder / "profiles", layer)
        assert table is not None
        assert table.to_numpy().sum() == pytest.approx(roofs["energy_kwh"].sum(), rel=1e-8)
        for name, part in roofs.groupby(column):
            assert table.loc[june, name].sum() == pytest.approx(part["energy_06_kwh"].sum(), rel=1e-8)
    told = pd.read_csv(run_folder / "profiles" / "responsible.csv")
    assert next(iter(told.columns)) == "local_time"
    assert told.iloc[:, 1:].to_numpy() == pytest.approx(read_profile(run_folder / "profiles", "responsible").to_numpy())


def test_parts_of_the_county_add_up(run_folder: Path) -> None:
    rows = json.loads((run_folder / "near_use.json").read_text(encoding="utf-8"))["rows"]
    whole = next(row for row in rows if row["layer"] == "whole")
    areas = [row for row in rows if row["layer"] == "responsible"]
    for name in ("pv_mw", "pv_mwh", "existing_mw", "load_mwh"):
        assert sum(row[name] for row in areas) == pytest.approx(whole[name], rel=1e-6, abs=1e-9)
    # neighbouring areas make up for each other: the whole uses at least as much nearby
    assert whole["self_used_mwh"] >= sum(row["self_used_mwh"] for row in areas) - 1e-6
    for row in rows:
        generated = row["pv_mwh"] + row["existing_mwh"]
        assert row["self_used_mwh"] + row["exported_mwh"] == pytest.approx(generated)
        assert row["colour"] is None  # nothing is known of the grid
    assert (run_folder / "near_use.csv").read_text(encoding="utf-8-sig").count("\n") == len(rows) + 1


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_table_without_geometry_gives_colour_and_room(study: Study, run: Path, run_folder: Path, suffix: str) -> None:
    names = list(pd.read_csv(run_folder / "profiles" / "responsible.csv", nrows=1).columns[1:])
    table = pd.DataFrame(
        {"区域": names[:2], "分区颜色": ["红", None], "可开放容量（万千瓦）": [None, 0.02], "变压器容量(kVA)": ["4000", None]}
        | {"来源": ["国网某供电公司", None], "发布日期": [pd.Timestamp(2026, 9, 30) if suffix == ".xlsx" else "2026-09-30", None]}
    )
    file = run / f"承载力{suffix}"
    if suffix == ".csv":
        table.to_csv(file, index=False, encoding="gb18030")
    else:
        table.to_excel(file, index=False)
    with_table = study.model_copy(update={"hosting": HostingSection(table=str(file), layer="responsible", source="市电力公司")})
    rows = near(with_table, run, run_folder)
    first, second = rows["responsible", names[0]], rows["responsible", names[1]]
    assert (first["colour"], first["colour_source"], first["hostable_mw"]) == ("red", "official", 0.0)
    assert (first["said_by"], first["said_on"]) == ("国网某供电公司", "2026-09-30")
    assert (second["said_by"], second["said_on"]) == ("市电力公司", None)
    assert first["capacity_mva"] == 4.0
    assert first["unhostable_mw"] == pytest.approx(first["pv_mw"])
    assert first["reverse_load_ratio"] == pytest.approx(first["peak_export_mw"] / (4.0 * 0.95))
    assert (second["colour"], second["register_mw"]) == ("green", pytest.approx(0.2))
    assert second["hostable_mw"] == pytest.approx(min(0.2, second["pv_mw"]))
    assert rows["districts", next(name for layer, name in rows if layer == "districts")]["colour"] is None


def test_a_metered_curve_replaces_the_estimate(study: Study, run: Path, run_folder: Path) -> None:
    names = list(pd.read_csv(run_folder / "profiles" / "responsible.csv", nrows=1).columns[1:])
    file = run / "load.csv"
    pd.DataFrame({"time": range(HOURS), "kW": np.full(HOURS, 500.0)}).to_csv(file, index=False)
    metered = study.model_copy(update={"load": [LoadSection(area=names[0], file=str(file))]})
    row = near(metered, run, run_folder)["responsible", names[0]]
    assert (row["load_source"], row["load_mwh"], row["noon_load_mw"]) == ("metered", pytest.approx(4380.0), pytest.approx(0.5))


def test_mistakes_are_explained(study: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such layer"):
        grid_objects(study.model_copy(update={"hosting": HostingSection(layer="town", table="x")}), "responsible", None)
    for text, words in (
        ("颜色\n绿\n", "no column for the area"),
        ("区域,room\n乙,1\n\n甲,many\n", "row 4: 'many' is no number"),
        ("区域,room\n甲,1\n甲,2\n", "twice"),
    ):
        (tmp_path / "t.csv").write_text(text, encoding="utf-8")
        with pytest.raises(StudyError, match=words):
            grid_objects(
                study.model_copy(update={"hosting": HostingSection(table=str(tmp_path / "t.csv"), layer="responsible")}),
                "responsible",
                None,
            )


def test_load_files_of_a_study_are_read_by_their_heads(study: Study, tmp_path: Path) -> None:
    # the last column is a remark or the reactive power; 29 February goes; quarter hours of kWh make kW
    hours = 1.0 + np.arange(HOURS) % 24
    quarters = pd.DataFrame({"电量(kWh)": np.repeat(hours, 4) / 4.0, "备注": "x"})
    quarters.to_csv(tmp_path / "q.csv", index=False)
    (tmp_path / "b.csv").write_text("月份,电量(kWh)\n" + "\n".join(f"{m},{m}" for m in range(1, 13)), encoding="utf-8")
    pd.DataFrame({"value": hours}).to_csv(tmp_path / "u.csv", index=False)
    area = {"load": [LoadSection(area="a", file=str(tmp_path / "q.csv"))]}
    np.testing.assert_allclose(metered_areas(study.model_copy(update=area))["a"], hours)
    classes = [
        LoadSection.model_validate({"class": use, "file": str(tmp_path / f"{name}.csv")})
        for use, name in (("factory", "b"), ("commercial", "u"))
    ]
    given = study.model_copy(update={"load": classes})
    shape = study_loads(given).shape
    assert np.bincount(MONTH - 1, weights=shape[USES.index("factory")])[11] == pytest.approx(12.0 / 78.0)
    np.testing.assert_allclose(shape[USES.index("commercial")], hours / hours.sum())
    assert len(load_remarks(given)) == 1
    with pytest.raises(StudyError, match="must be a curve"):
        metered_areas(study.model_copy(update={"load": [LoadSection(area="a", file=str(tmp_path / "b.csv"))]}))


def test_the_list_closes_the_gap_with_the_cheapest(run_folder: Path, tmp_path: Path) -> None:
    policy = load_policy("jinan-2023-36")
    target = next(t for t in policy.targets if t.method == "roof_coverage")
    buildings = pd.read_parquet(run_folder / "buildings.parquet")
    row = {"id": target.id, "region": None, "gap_m2": 2000.0, "title_zh": "覆盖率"}
    write_gap_roofs(policy, [row], buildings, tmp_path, "zh")
    listed = pd.read_csv(tmp_path / FILE)
    cost, so_far = listed.filter(like="度电成本").iloc[:, 0], listed.iloc[:, -1]
    assert cost.is_monotonic_increasing
    assert so_far.iloc[-1] >= 2000.0
    assert len(listed) == 1 or so_far.iloc[-2] < 2000.0  # none more than needed
    write_gap_roofs(policy, [{**row, "gap_m2": 0.0}], buildings, tmp_path, "zh")
    assert not (tmp_path / FILE).exists()


def test_what_the_form_says_of_existing_pv_fills_the_grid() -> None:
    """By hand: 120 kWp listed at a ratio of 1.2 are 100 kW AC; the form's 3 MW stand above them, its 10 MW committed are registered."""
    areas = pd.DataFrame(
        {"pac0_kw": [1000.0, 500.0, 0.0], "pdc0_kwp": [1200.0, 600.0, 0.0], "installed_kwp": [120.0, 60.0, 0.0]}, index=["甲", "乙", "丙"]
    )
    values = {("甲", "existing_ac_mw"): 3.0, ("甲", "committed_roof_ac_mw"): 10.0, ("乙", "survey_complete"): True}
    found = _with_existing(areas, "responsible", FormValues(("甲", "乙", "丙"), values), "responsible")
    assert found["existing_kw"].tolist() == pytest.approx([3000.0, 50.0, 0.0])
    assert found["existing_known"].tolist() == [True, True, False]  # the list of 丙 is not said to be complete: unknown, not none
    assert found["committed_kw"].tolist() == pytest.approx([10_000.0, np.nan, np.nan], nan_ok=True)
    assert not _with_existing(areas, "responsible", None, "responsible")["existing_known"].any()
    # the form knows of more than the complete list: the rest stands on the ground or on a roof somewhere, so nobody knows where
    unlisted = _with_existing(areas, "responsible", FormValues(("甲", "乙", "丙"), values), "responsible", unlisted=True)
    assert unlisted["existing_known"].tolist() == [True, False, False]
    # what the grid company says is connected stands there, listed or not
    said = _with_connected(found, pd.DataFrame({"connected_mw": [0.2]}, index=["丙"]))
    assert said["existing_kw"].tolist() == pytest.approx([3000.0, 50.0, 200.0])
    assert said["existing_known"].tolist() == [True, True, True]


def test_the_form_knows_of_more_than_the_buildings_list() -> None:
    buildings = gpd.GeoDataFrame({"pac0_kw": [100.0], "pdc0_kwp": [120.0], "installed_kwp": [120.0]}, geometry=[None])  # 100 kW AC
    for total, unlisted in ((0.1, False), (0.101, False), (0.11, True)):
        assert _unlisted(buildings, FormValues((), {(None, "existing_ac_mw"): total})) is unlisted
    assert not _unlisted(buildings, None)


def test_existing_pv_runs_as_the_roofs_of_its_area() -> None:
    areas = pd.DataFrame({"pac0_kw": [100.0, 0.0], "pdc0_kwp": [120.0, 0.0], "existing_kw": [10.0, 12.0]})
    hours = _existing_hours(areas, np.array([[50.0, 20.0], [0.0, 0.0]]), np.array([0.6, 0.1]))
    # a tenth of the area's own; where it has no roofs, 12 kW AC are 14.4 kWp of a typical roof
    np.testing.assert_allclose(hours, [[5.0, 2.0], [8.64, 1.44]])
