"""The whole job on the sample county: nothing lost, sums that agree, tiles that leave no trace."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pandas.testing
import pytest

from geo.far_horizons import SPACING
from wuding.pipeline import _everywhere

from .conftest import DATA, run_county

MONTHS = [f"energy_{m:02d}_kwh" for m in range(1, 13)]


def read_roofs(run: Path) -> gpd.GeoDataFrame:
    return gpd.read_parquet(run / "roofs").sort_values("roof_id").reset_index(drop=True)


def test_rows_in_are_rows_out_each_with_a_status(county: Path, run_folder: Path) -> None:
    source = gpd.read_file(county / "buildings.gpkg")
    buildings = gpd.read_parquet(run_folder / "buildings.parquet")
    assert len(buildings) == len(source) == 600
    assert sorted(buildings["source_row"]) == list(range(1, 601))
    assert (buildings["status"] != "").all()
    assert buildings["building_id"].is_unique


def test_known_faults_get_their_status(run_folder: Path) -> None:
    counts = json.loads((run_folder / "manifest.json").read_text(encoding="utf-8"))["counts"]
    # the generator puts in 3 null and 2 empty geometries, 6 polygons drawn twice, 8 of 0.72 m2
    assert counts["invalid_geometry"] == 5
    assert counts["duplicate"] == 6
    assert counts["too_small"] == 8


def test_sums_of_roofs_buildings_and_regions_agree(run_folder: Path) -> None:
    roofs = read_roofs(run_folder)
    buildings = gpd.read_parquet(run_folder / "buildings.parquet")
    for column in ("energy_kwh", "pdc0_kwp", "module_count", "capex_cny", *MONTHS):
        whole = roofs[column].sum()
        assert buildings[column].sum() == pytest.approx(whole, rel=1e-9)
        for layer in ("responsible", "districts", "grid"):
            table = pd.read_parquet(run_folder / "regions" / f"{layer}.parquet")
            assert (table["kind"] == "outside").sum() == 1
            if column in table:
                assert table[column].sum() == pytest.approx(whole, rel=1e-9)


def test_where_the_area_went_adds_up(run_folder: Path) -> None:
    roofs = read_roofs(run_folder)
    parts = ["setback_area_m2", "obstacle_area_m2", "existing_area_m2", "excluded_area_m2", "shaded_out_area_m2", "usable_area_m2"]
    assert (roofs[parts] >= 0).all().all()
    np.testing.assert_allclose(roofs[parts].sum(axis=1), roofs["area_m2"], rtol=1e-9)
    assert (roofs["covered_area_m2"] <= roofs["usable_area_m2"] * np.cos(np.radians(roofs["roof_tilt"])) + 1e-6).all()


def test_tiles_and_workers_leave_no_trace(county: Path, run_folder: Path, tmp_path: Path) -> None:
    one = read_roofs(run_folder)
    run_county(county, tmp_path / "two", tile_buildings=300, workers=2)
    run_county(county, tmp_path / "seven", tile_buildings=86)
    whole = json.loads((run_folder / "manifest.json").read_text(encoding="utf-8"))
    for name, tiles in (("two", 2), ("seven", 7)):
        run = tmp_path / name
        assert len(list((run / "roofs").glob("*.parquet"))) == tiles
        pandas.testing.assert_frame_equal(
            pd.DataFrame(one.drop(columns="geometry")), pd.DataFrame(read_roofs(run).drop(columns="geometry")), check_exact=True
        )
        again = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
        assert again["totals"] == whole["totals"]
        assert again["mounts"] == whole["mounts"]
        assert (run / "targets.csv").read_bytes() == (run_folder / "targets.csv").read_bytes()


def test_an_interrupted_run_continues_with_the_missing_tile(county: Path, tmp_path: Path) -> None:
    run_county(county, tmp_path, tile_buildings=300)
    before = read_roofs(tmp_path)
    first, second = sorted((tmp_path / "roofs").glob("*.parquet"))
    stamp = first.stat().st_mtime_ns
    second.unlink()
    run_county(county, tmp_path, tile_buildings=300)
    assert first.stat().st_mtime_ns == stamp
    pandas.testing.assert_frame_equal(
        pd.DataFrame(before.drop(columns="geometry")), pd.DataFrame(read_roofs(tmp_path).drop(columns="geometry"))
    )


def test_audit_agrees_with_pvlib(run_folder: Path) -> None:
    audit = json.loads((run_folder / "manifest.json").read_text(encoding="utf-8"))["audit"]
    assert audit["roofs"] == 200
    # classes of 5 x 10 degrees, finer where steep, interpolated, cost about 0.03 % (design: 0.15 % RMS, 0.6 % worst)
    assert audit["rms"] <= 0.0015
    assert audit["worst"] <= 0.006
    fine = audit["fine"]
    assert fine["roofs"] == 20
    # the hourly step against the sun every five minutes, and 28 rays a sector against 112 over every cell
    assert fine["steps"]["rms"] <= 0.005
    assert fine["horizons"]["rms"] <= 0.005
    assert fine["all"]["rms"] <= 0.01


def test_contract(run_folder: Path) -> None:
    check = DATA.parent / "acceptance" / "check_run.py"
    if not check.is_file():
        pytest.skip("the acceptance check is not beside this checkout")
    done = subprocess.run([sys.executable, str(check), str(run_folder)], capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_products_carry_no_path_of_this_machine(county: Path, run_folder: Path) -> None:
    for name in ("manifest.json", "targets.json", "map.html", "report.html"):
        assert str(county) not in (run_folder / name).read_text(encoding="utf-8")


def test_flags_reach_every_product(run_folder: Path) -> None:
    manifest = json.loads((run_folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["notes"]["made_up"]
    assert manifest["notes"]["weather"]["climatology"]
    assert any("虚构" in text for text in manifest["warnings"])
    assert "虚构" in (run_folder / "map.html").read_text(encoding="utf-8")
    assert "虚构" in (run_folder / "report.html").read_text(encoding="utf-8")


def test_unverified_targets_are_marked_in_what_the_geopackage_says_of_itself(run_folder: Path) -> None:
    judged = json.loads((run_folder / "targets.json").read_text(encoding="utf-8"))["targets"]
    about = gpd.read_file(next(run_folder.glob("*.gpkg")), layer="about").set_index("key")["value"]
    whole = [row for row in judged if row["region"] is None]
    assert {row["verified"] for row in whole} == {True, False}
    assert all(("†" in about[f"target_{row['id']}"]) is not row["verified"] for row in whole)


def test_new_york_gothenburg_suzhou_studies_load() -> None:
    from wuding.study import load_study

    for file in sorted((Path(__file__).parent / "studies").glob("*.toml")):
        assert load_study(file).study.name == file.stem


@pytest.mark.parametrize(
    ("name", "rows", "assessed"),
    [
        # 137 footprints; the DEM covers 234 x 223 m, on which 34 stand with over 10 m2
        ("gothenburg", 137, 34),
        ("suzhou", 3076, 3046),
    ],
)
def test_real_input(name: str, rows: int, assessed: int, tmp_path: Path) -> None:
    if not DATA.is_dir():
        pytest.skip(f"the real data are not beside this checkout ({DATA.name})")
    from wuding.pipeline import run_study
    from wuding.progress import Screen
    from wuding.study import load_study

    file = tmp_path / f"{name}.toml"
    text = (Path(__file__).parent / "studies" / f"{name}.toml").read_text(encoding="utf-8")
    file.write_text(text.replace("../../../shared/data", DATA.as_posix()), encoding="utf-8")
    manifest = run_study(load_study(file), tmp_path / "run", Screen("en", json_lines=False), workers=1)
    counts = manifest["counts"]
    assert sum(counts.values()) == rows
    assert counts.get("assessed", 0) + counts.get("no_usable_area", 0) == assessed
    assert manifest["audit"]["rms"] < 0.005
    check = DATA.parent / "acceptance" / "check_run.py"
    done = subprocess.run(
        [sys.executable, str(check), str(tmp_path / "run")], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_chinese_run_speaks_chinese(run_folder: Path) -> None:
    manifest = json.loads((run_folder / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["warnings"]) == len(manifest["warnings_en"])
    reasons = pd.read_parquet(run_folder / "buildings.parquet", columns=["reason"])["reason"].unique()
    targets = json.loads((run_folder / "targets.json").read_text(encoding="utf-8"))["targets"]
    english = re.compile(r"[a-z]{2,} [a-z]{2,}")
    for text in (*manifest["warnings"], *reasons, *(row["note_zh"] for row in targets)):
        assert not english.search(text), text
    assert not any(status in row["note_zh"] for row in targets for status in manifest["counts"])


def test_pages_can_be_remade_in_english(run_folder: Path) -> None:
    from wuding.products import remake_pages

    remake_pages(run_folder, "en")
    page = (run_folder / "report.html").read_text(encoding="utf-8")
    remake_pages(run_folder)
    assert "this county is made up" in page
    assert "本县为虚构示例" in (run_folder / "report.html").read_text(encoding="utf-8")


def test_every_input_has_its_checksum(county: Path, run_folder: Path) -> None:
    inputs = json.loads((run_folder / "manifest.json").read_text(encoding="utf-8"))["inputs"]
    assert {"study", "buildings", "dem", "regions.districts", "regions.parcels"} <= {row["role"] for row in inputs}
    found = next(row for row in inputs if row["role"] == "dem")
    assert found["sha256"] == hashlib.sha256((county / "dem.tif").read_bytes()).hexdigest()


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    from wuding.pipeline import alone

    with alone(tmp_path), pytest.raises(ValueError, match="another run is working"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


@pytest.mark.parametrize(("crs", "told"), [("EPSG:4548", False), ("EPSG:32650", True), ("EPSG:4549", True)])
def test_areas_that_a_projection_does_not_keep_are_told(county: Path, crs: str, told: bool) -> None:
    """At 117 E: Gauss-Krüger on its meridian keeps areas, UTM takes 0.08 % away, the next zone adds 0.18 %."""
    import geopandas as gpd
    import pyproj

    from wuding.reading import check_scale
    from wuding.study import load_study

    warnings: list[str] = []
    study = load_study(county / "study.toml")
    check_scale(gpd.read_file(county / "buildings.gpkg", rows=50).to_crs(crs).bounds.to_numpy(), pyproj.CRS(crs), study, warnings)
    assert bool(warnings) == told
    assert all("EPSG:4548" in text for text in warnings)


def test_outside_china_no_chinese_zone_is_advised() -> None:
    """In New York UTM takes 0.06 % away: only its own meridian is truer. A wrong zone of Helsinki is set right."""
    import pyproj

    from geo.zones import area_error, truer_crs, zone_crs

    assert area_error(pyproj.CRS("EPSG:32618"), -73.97, 40.73) == pytest.approx(-0.0006, abs=1e-4)
    own = truer_crs(pyproj.CRS("EPSG:32618"), -73.97, 40.73)
    assert own.is_projected
    assert abs(area_error(own, -73.97, 40.73)) < 1e-6
    assert truer_crs(pyproj.CRS("EPSG:32633"), 24.9, 60.2).to_epsg() == 32635
    assert truer_crs(pyproj.CRS("EPSG:4534"), 117.0, 36.6).to_string() == "EPSG:4548"
    assert zone_crs(151.0, -34.0).to_epsg() == 32756


def test_far_land_is_known_everywhere_under_a_wide_building() -> None:
    # 330 m by 700 m: its right edge lies in a cell of nodes that neither its corners nor steps from its left edge reach
    left, bottom, right, top = bounds = (200.0, 100.0, 530.0, 800.0)
    x, y = _everywhere(np.array([bounds]))
    seen = set(zip(*np.floor(np.array([x, y]) / SPACING).astype(int).tolist(), strict=True))
    east, north = np.meshgrid(np.arange(left, right + 1), np.arange(bottom, top + 1))
    under = zip(*np.floor(np.array([east.ravel(), north.ravel()]) / SPACING).astype(int).tolist(), strict=True)
    assert set(under) <= seen
