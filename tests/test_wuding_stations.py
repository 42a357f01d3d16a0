"""Several weather stations: the nearest, or the mean of the energies of the three nearest."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.tiles import read_surroundings
from layers.potential import assess_tile
from solar.climatology import jinan_climatology
from solar.weather import read_weather
from wuding.inputs import prepare
from wuding.manifest import weather_facts
from wuding.pipeline import make_model, read_weathers
from wuding.study import load_study

# east of the buildings [degrees], and light beside the climatology's
STATIONS = {"a": (0.1, 0.9), "b": (0.2, 1.0), "c": (0.4, 1.1), "far": (0.8, 0.5)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four houses on flat ground, and four weather files to the east of them."""
    made = tmp_path_factory.mktemp("stations")
    x, y = np.meshgrid([499_950.0, 500_050.0], [4_057_950.0, 4_058_050.0])
    houses = gpd.GeoDataFrame({"h": [6.0] * 4, "use": ["工厂"] * 4}, geometry=shapely.box(x, y, x + 30, y + 20).ravel(), crs="EPSG:4548")
    houses.to_file(made / "houses.gpkg")
    year = jinan_climatology().data
    local = pd.DatetimeIndex(year.index).tz_convert("Etc/GMT-8").tz_localize(None)
    for name, (east, light) in STATIONS.items():
        frame = year.drop(columns="sun_shift").set_index(local)
        frame[["ghi", "dni", "dhi"]] *= light
        head = f"# latitude: 36.65\n# longitude: {117.0 + east}\n# altitude: 50\n# utc_offset: 8\n# label: middle\n"
        (made / f"{name}.csv").write_text(head + frame.to_csv(index_label="time"), encoding="utf-8")
    return made


def energies(folder: Path, names: tuple[str, ...], mix: str, work: Path) -> pd.Series:
    files = ", ".join(f'"{name}.csv"' for name in names)
    study = folder / "study.toml"
    study.write_text(
        '[study]\nname = "x"\ncrs = "EPSG:4548"\n[buildings]\npath = "houses.gpkg"\ncolumns = { height = "h", use = "use" }\n'
        f'[terrain]\ndem = "flat"\n[weather]\nfiles = [{files}]\nmix = "{mix}"\n',
        encoding="utf-8",
    )
    said = load_study(study)
    prepared = prepare(said, work, (2021, 2025), lambda *_: None)
    model = make_model(said, prepared, read_weathers(said))
    tiles = work / "tiles"
    rows = gpd.read_parquet(sorted(tiles.glob("*.parquet"))[0])
    found = assess_tile(rows[rows["status"] == ""], read_surroundings(tiles, np.asarray(rows.total_bounds)), model).roofs
    return found.set_index("roof_id")["specific_yield"].astype(float)


def test_a_roof_takes_the_nearest_or_the_mean_of_three(folder: Path, tmp_path: Path) -> None:
    alone = {name: energies(folder, (name,), "nearest", tmp_path / name) for name in "abc"}
    assert (alone["a"] < alone["b"]).all()
    every = tuple(STATIONS)
    pd.testing.assert_series_equal(energies(folder, every, "nearest", tmp_path / "nearest"), alone["a"])
    mixed = energies(folder, every, "three_nearest", tmp_path / "mixed")
    # inverse distances 1/0.1, 1/0.2, 1/0.4: weights 4/7, 2/7, 1/7, but for the hundred metres between the houses
    expected = (4 * alone["a"] + 2 * alone["b"] + alone["c"]) / 7
    np.testing.assert_allclose(mixed, expected, rtol=2e-3)
    assert (mixed > alone["a"]).all()


def test_the_manifest_names_all_stations_and_the_mean_of_their_light(folder: Path) -> None:
    weathers = [read_weather(folder / f"{name}.csv") for name in STATIONS]
    facts = weather_facts(weathers, stand_in=False)
    assert facts["source"].split(", ") == [f"{name}.csv" for name in STATIONS]
    # the made stations have the light of one year times their number
    base = jinan_climatology().ghi_kwh_m2
    light = [base * times for _, times in STATIONS.values()]
    assert facts["ghi_kwh_m2"] == pytest.approx(np.mean(light), rel=1e-3)
    assert [each["ghi_kwh_m2"] for each in facts["each"]] == pytest.approx(light, rel=1e-3)
