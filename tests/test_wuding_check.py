"""`wuding check` sees what a run would see: it fails exactly where the run fails, and says what to write."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from geo.packed import Packed
from wuding import check_buildings
from wuding.check_buildings import attribute_shares, even_rows, rows_to_try, unmapped_words
from wuding.check_screen import print_check
from wuding.checking import Check, check_study
from wuding.errors import INPUT_ERRORS
from wuding.problems import Problems
from wuding.study import Study, load_study

from .conftest import run_county


@pytest.fixture
def folder(county: Path, tmp_path: Path) -> Path:
    """Copy the county without its run."""
    for file in county.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path / file.name)
    return tmp_path


def written(folder: Path, *pairs: tuple[str, str]) -> Study:
    text = (folder / "study.toml").read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return load_study(folder / "study.toml")


def texts(check: Check, weight: str) -> list[str]:
    return [f"{problem.where}: {problem.text}" for problem in check.problems.listed() if problem.weight == weight]


def shown(check: Check, lang: str) -> str:
    stream = io.StringIO()
    print_check(check, lang, stream)
    return stream.getvalue()


def test_the_sample_county_is_described_and_would_run(folder: Path) -> None:
    check = check_study(load_study(folder / "study.toml"), "en")
    assert texts(check, "error") == []
    file = json.loads((folder / "check.json").read_text(encoding="utf-8"))
    buildings = gpd.read_file(folder / "buildings.gpkg")
    assert file["would_run"] is True
    assert file["buildings"]["rows"] == file["buildings"]["sampled"] == len(buildings) == 600
    assert file["buildings"]["shapes"]["without_geometry"] == int((buildings.geometry.isna() | buildings.geometry.is_empty).sum())
    assert file["buildings"]["known"]["id"] == pytest.approx(buildings["bid"].notna().mean())
    assert sum(file["buildings"]["use"].values()) == pytest.approx(1)
    assert file["terrain"]["buildings_on_dem"] > 0.98
    assert file["buildings"]["in_regions"]["districts"] > 0.98
    assert {row["role"] for row in file["inputs"]} >= {"study", "buildings", "dem", "regions.districts"}
    assert all(row["size"] > 0 for row in file["inputs"])
    assert {row["layer"] for row in file["layers"]} == {"buildings", *load_study(folder / "study.toml").regions}
    assert all("EPSG:4548" in row["coordinates"] for row in file["layers"])
    assert file["assumptions"]
    for lang, words in (("en", ("Problems in order of weight", "What the run will assume", "600")), ("zh", ("问题", "假定", "600"))):
        assert all(word in shown(check, lang) for word in words)


def moved_away(folder: Path) -> None:
    frame = gpd.read_file(folder / "buildings.gpkg")
    frame.geometry = frame.geometry.translate(400_000, 0)
    frame.to_file(folder / "buildings.gpkg")


def emptied(folder: Path) -> None:
    gpd.read_file(folder / "buildings.gpkg").iloc[:0].to_file(folder / "buildings.gpkg")


def without_crs(folder: Path) -> None:
    frame = gpd.read_file(folder / "buildings.gpkg")
    frame.set_crs(None, allow_override=True).to_parquet(folder / "bare.parquet")


def empty_dem(folder: Path) -> None:
    options = {"driver": "GTiff", "width": 50, "height": 50, "count": 1, "dtype": "float32", "crs": "EPSG:4548", "nodata": -9999.0}
    with rasterio.open(folder / "dem.tif", "w", transform=from_origin(499_000, 4_058_000, 30, 30), **options) as out:
        out.write(np.full((50, 50), -9999.0, np.float32), 1)


def nothing(folder: Path) -> None:
    """Break nothing beside the study file."""


BROKEN: dict[str, tuple[Callable[[Path], None], tuple[str, str] | None, str]] = {
    "column": (nothing, ('"高度"', '"高"'), "buildings"),
    "file": (nothing, ('"dem.tif"', '"dem2.tif"'), "terrain"),
    "degrees": (nothing, ('crs = "EPSG:4548"', 'crs = "EPSG:4490"'), "study"),
    "zone": (nothing, ('crs = "EPSG:4548"', 'crs = "EPSG:4534"'), "buildings"),
    "moved": (moved_away, None, "terrain"),
    "empty": (emptied, None, "buildings"),
    "bare": (without_crs, ('path = "buildings.gpkg"', 'path = "bare.parquet"'), "buildings"),
    "dem": (empty_dem, None, "terrain"),
    "region": (nothing, ('path = "zones.gpkg", name = "name"', 'path = "zones.gpkg", name = "nome"'), "regions.zones"),
    "weather": (nothing, ('source = "climatology"', 'files = ["none.epw"]'), "weather"),
    "policy": (nothing, ('name = "jinan-2023-36"', 'name = "nowhere"'), "policy"),
    "form": (nothing, ('name = "jinan-2023-36"', 'name = "jinan-2023-36"\nform = "none.xlsx"'), "policy"),
    "module": (nothing, ("[policy]", "[system.module]\npdc0_w = -1.0\n\n[policy]"), "system"),
    "points": (nothing, ('path = "buildings.gpkg"', 'path = "buildings.gpkg"\ncontrol_points = "none.csv"'), "buildings"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_fails_where_the_run_fails(folder: Path, name: str) -> None:
    change, pair, where = BROKEN[name]
    change(folder)
    study = written(folder, *([pair] if pair else []))
    check = check_study(study, "en")
    assert check.problems.fatal()
    assert any(line.startswith(where) for line in texts(check, "error")), texts(check, "error")
    assert json.loads((folder / "check.json").read_text(encoding="utf-8"))["would_run"] is False
    assert shown(check, "zh")
    with pytest.raises(INPUT_ERRORS):
        run_county(folder, folder / "run", tile_buildings=10_000)


def test_a_missing_crs_names_those_that_lead_to_the_dem(folder: Path) -> None:
    without_crs(folder)
    said = " ".join(texts(check_study(written(folder, ('path = "buildings.gpkg"', 'path = "bare.parquet"')), "en"), "error"))
    assert 'crs = "EPSG:4548"' in said
    assert 'crs = "EPSG:2384"' in said


def test_datav_columns_are_told_and_a_stated_datum_ends_it(folder: Path) -> None:
    districts = gpd.read_file(folder / "districts.gpkg").assign(adcode=370102, childrenNum=0)
    districts.to_file(folder / "districts.gpkg")
    check = check_study(load_study(folder / "study.toml"), "en")
    assert any(line.startswith("regions.districts") and 'datum = "gcj02"' in line for line in texts(check, "warning"))
    check = check_study(written(folder, ('"districts.gpkg", name = "name"', '"districts.gpkg", name = "name", datum = "wgs84"')), "en")
    assert not any("gcj02" in line for line in texts(check, "warning"))


def test_a_local_system_with_control_points_runs_and_tells_its_residual(folder: Path) -> None:
    frame = gpd.read_file(folder / "buildings.gpkg")
    true = frame.total_bounds
    local = shapely.transform(frame.geometry.to_numpy(), lambda xy: xy[:, ::-1] - (4_000_000.0, 480_000.0))
    gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=gpd.GeoSeries(local, crs=4548)).to_file(folder / "buildings.gpkg")
    corners = [(500_000, 4_050_000), (510_000, 4_050_000), (500_000, 4_060_000)]
    rows = [f"{y - 4_000_000},{x - 480_000},{x},{y}" for x, y in corners]
    (folder / "points.csv").write_text("x,y,X,Y\n" + "\n".join(rows), encoding="utf-8")
    keys = 'path = "buildings.gpkg"\ncontrol_points = "points.csv"'
    assert any("northing_easting" in line for line in texts(check_study(written(folder, ('path = "buildings.gpkg"', keys)), "en"), "error"))
    check = check_study(written(folder, (keys, f'{keys}\naxes = "northing_easting"')), "en")
    assert texts(check, "error") == []
    assert any("3 control points, residual 0.00 m" in line for line in texts(check, "warning"))
    np.testing.assert_allclose(check.facts["buildings"]["bounds"], true, atol=0.01)
    assert any(row["role"] == "buildings.control_points" for row in check.facts["inputs"])


def test_a_sample_says_that_it_is_one_and_counts_words_over_all_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load_study(folder / "study.toml")
    whole = check_study(study, "en").facts["buildings"]
    monkeypatch.setattr(check_buildings.even_rows, "__defaults__", (100,))
    check = check_study(study, "en")
    part = check.facts["buildings"]
    assert part["sampled"] == 100
    for key in ("rows", "shapes", "known", "unmapped"):
        assert part[key] == whole[key]
    assert "≈" in shown(check, "en")
    assert any("buildings looked at" in line for line in texts(check, "warning"))
    assert check.problems.fatal() is False


def test_rows_to_try_hold_every_word_and_what_lies_on_the_dem() -> None:
    count = 50_000
    use = np.full(count, "农房", dtype=object)
    use[12_345] = "厂房"
    x = np.arange(count) * 100.0
    shapes = Packed.of([shapely.box(x, 0, x + 10, 10)], pyproj.CRS(4548))
    # the DEM holds buildings 20,001 and 20,002 alone
    rows, even = rows_to_try(pd.DataFrame({"use": use}), shapes, (2_000_050.0, -5.0, 2_000_250.0, 50.0))
    assert {12_345, 20_001, 20_002} <= set(rows.tolist())
    assert even.sum() == len(even_rows(count)) == check_buildings.SAMPLE
    assert len(rows) <= check_buildings.SAMPLE + 3


def test_shares_and_words_by_hand(folder: Path) -> None:
    study = load_study(folder / "study.toml")
    raw = gpd.GeoDataFrame(
        {
            "height": pd.Series(["12m", "-9999", None, "8"]),
            "floors": [3.0, 0.0, 900.0, np.nan],
            "use": pd.Series(["厂房", " ", None, "猪舍"]),
            "year_built": pd.Series(["2024年", "0", None, "1999"]),
        },
        geometry=[shapely.box(0, 0, 1, 1)] * 4,
        crs=4548,
    )
    assert attribute_shares(raw, study.study.as_of) == {"use": 0.5, "height": 0.5, "floors": 0.25, "year_built": 0.5}
    assert unmapped_words(raw, study) == {"猪舍": 1}


def test_problems_stand_in_order_of_weight_and_once() -> None:
    problems = Problems()
    with problems.trying("a") as warnings:
        warnings.append("few")
    problems.add("warning", "b", "many", rows=10)
    problems.add("note", "c", "by the way")
    problems.add("error", "d", "stops")
    problems.add("error", "d", "stops")
    assert [problem.text for problem in problems.listed()] == ["stops", "many", "few", "by the way"]
    assert problems.fatal()
