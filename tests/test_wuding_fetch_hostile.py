"""Servers, disks and users that mean harm: what comes is whole or told, and what is the user's stays."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from geo.datum import gcj02_from_wgs84
from wuding.checking import check_study
from wuding.cli import app
from wuding.errors import StudyError
from wuding.fetching.answers import FetchError, read_json
from wuding.fetching.parts import PartFile
from wuding.fetching.place import Area, find_place
from wuding.fetching.rasters import fetch_raster
from wuding.fetching.sources import Rules, load_sources
from wuding.fetching.tables import fetch_buildings_by_url, fetch_districts_by_url
from wuding.fetching.weather import fetch_pvgis
from wuding.fetching.web import Web
from wuding.study import load_study

from .loopback import Fault, Loopback, county_world, pvgis, rules_for, served

BODY = json.dumps({"numbers": list(range(100_000))}).encode()
BIG = bytes(range(256)) * 1000
BOX = "116.9,36.6,117.0,36.7"


@pytest.fixture(scope="module")
def lasting(county: Path) -> Iterator[tuple[Loopback, gpd.GeoDataFrame, gpd.GeoDataFrame]]:
    loopback, buildings, districts = county_world(county)
    loopback.files |= {"/a.json": BODY, "/big.bin": BIG}
    with served(loopback):
        yield loopback, buildings, districts


@pytest.fixture
def world(lasting: Any) -> Loopback:
    lasting[0].faults.clear()
    lasting[0].asked.clear()
    return lasting[0]


@pytest.fixture
def own(world: Loopback, tmp_path: Path) -> Path:
    file = tmp_path / "own.toml"
    file.write_text(rules_for(world).replace("[web]", "[web]\nattempts = 2"), encoding="utf-8")
    return file


@pytest.fixture
def rules(own: Path) -> Rules:
    return load_sources(own)


@pytest.fixture
def web(rules: Rules, tmp_path: Path) -> Web:
    return Web(tmp_path / "cache", rules["web"] | {"read_seconds": 30.0}, pause=lambda seconds: None)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def get(web: Web, world: Loopback, path: str = "/a.json") -> bytes:
    return web.download(world.address + path, stage="fetch_index", opens=read_json).read_bytes()


def run(own: Path, out: Path, *arguments: str) -> Any:
    whole = ["fetch", *arguments, "--out", str(out), "--sources", str(own), "--cache", str(own.parent / "cache"), "--lang", "en"]
    return app(whole, standalone_mode=False)


def command(own: Path, out: Path, *arguments: str) -> list[str]:
    whole = [sys.executable, "-m", "wuding", "fetch", *arguments, "--out", str(out), "--sources", str(own), "--lang", "en"]
    return [*whole, "--cache", str(own.parent / "cache")]


def test_an_answer_that_a_proxy_packed_is_unpacked(web: Web, world: Loopback) -> None:
    world.faults["/a.json"] = Fault("packed")
    assert get(web, world) == BODY


def test_a_rest_that_begins_elsewhere_does_not_spoil_the_file(web: Web, world: Loopback) -> None:
    world.faults["/a.json"] = Fault("truncated", 1)
    web.rules = dict(web.rules) | {"attempts": 1}
    with pytest.raises(FetchError, match="broke off"):
        get(web, world)
    world.faults["/a.json"] = Fault("wrong-range", 1)
    web.rules = dict(web.rules) | {"attempts": 3}
    assert get(web, world) == BODY


def test_a_file_that_lacks_nothing_is_not_loaded_again(web: Web, world: Loopback) -> None:
    world.faults["/a.json"] = Fault("truncated", 1)
    with pytest.raises(FetchError):
        Web(web.cache, dict(web.rules) | {"attempts": 1}).download(world.address + "/a.json", stage="fetch_index", opens=read_json)
    (half,) = web.cache.glob("*.part")
    half.write_bytes(BODY)  # killed between the last byte and the name
    world.asked.clear()
    assert get(web, world) == BODY
    assert world.asked == [("/a.json", f"bytes={len(BODY)}-")]


def test_an_answer_that_drips_is_given_up(web: Web, world: Loopback) -> None:
    world.faults["/a.json"] = Fault("drip")
    web.rules = dict(web.rules) | {"patience_seconds": 0.5, "least_kb_per_minute": 20.0}
    begun = time.monotonic()
    with pytest.raises(FetchError, match="comes too slowly"):
        get(web, world)
    # two tries of half a second; waiting for all bytes would take a day
    assert time.monotonic() - begun < 3600.0
    world.faults["/big.bin"] = Fault("drip")
    with pytest.raises(FetchError, match="comes too slowly"):
        PartFile(web, world.address + "/big.bin", "fetch_dem")


def test_redirects_without_end_are_told_without_the_key_of_the_address(web: Web, world: Loopback) -> None:
    world.faults["/a.json"] = Fault("loop")
    with pytest.raises(FetchError, match="sends on and on") as caught:
        web.download(world.address + "/a.json?key=secret", stage="fetch_index", opens=read_json)
    assert "secret" not in str(caught.value)
    with pytest.raises(FetchError, match="is no address") as caught:
        web.download("nowhere?key=secret", stage="fetch_index", opens=read_json)
    assert "secret" not in str(caught.value)


def test_what_is_wrong_with_a_proxy_is_told(web: Web, world: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    world.faults["/a.json"] = Fault("407")
    with pytest.raises(FetchError, match="wants a name and a password"):
        get(web, world)
    monkeypatch.setenv("http_proxy", "http://")
    with pytest.raises(FetchError, match="HTTP_PROXY"):
        web.download("http://data.example.org/a.json", stage="fetch_index", opens=read_json)


def test_what_is_spoilt_in_the_cache_comes_anew(web: Web, world: Loopback) -> None:
    get(web, world)
    (kept,) = web.cache.glob("*.data")
    kept.write_bytes(BODY[:1000])
    assert get(web, world) == BODY
    first = PartFile(web, world.address + "/big.bin", "fetch_dem").read()
    assert first == BIG
    for block in web.cache.glob("*.parts/0000000[1-9]"):
        block.write_bytes(block.read_bytes()[:10])
    assert PartFile(web, world.address + "/big.bin", "fetch_dem").read() == BIG


def test_a_file_without_a_version_that_changed_is_read_anew(web: Web, world: Loopback) -> None:
    world.faults["/big.bin"] = Fault("no-tag")
    assert PartFile(web, world.address + "/big.bin", "fetch_dem").read() == BIG
    world.files["/big.bin"] = BIG[::-1]
    try:
        assert PartFile(web, world.address + "/big.bin", "fetch_dem").read() == BIG[::-1]
    finally:
        world.files["/big.bin"] = BIG


def area_of(lasting: Any) -> Area:
    return Area("county", shapely.union_all(lasting[2].geometry.to_numpy()), ("", ""))


def test_why_a_raster_broke_off_is_told_and_no_spoilt_part_is_kept(
    lasting: Any, world: Loopback, rules: Rules, web: Web, tmp_path: Path
) -> None:
    area = area_of(lasting)
    tile = next(path for path in world.files if path.startswith("/dem/"))
    PartFile(web, world.address + tile, "fetch_dem")
    world.faults["/dem/"] = Fault("spoilt")
    with pytest.raises(FetchError, match="no GeoTIFF, or a spoilt one"):
        fetch_raster(area, tmp_path, web, rules["copernicus"], "dem", "copernicus")
    world.faults.clear()
    # the first block may come, the rest does not
    real, world.fault = world.fault, lambda path: "503" if path == tile and len(world.asked) > 1 else ""
    world.asked.clear()
    try:
        with pytest.raises(FetchError, match="it answers 503"):
            fetch_raster(area, tmp_path, web, rules["copernicus"], "dem", "copernicus")
    finally:
        world.fault = real
    assert not list(tmp_path.glob("*.tif"))
    assert fetch_raster(area, tmp_path, web, rules["copernicus"], "dem", "copernicus").files == [tmp_path / "dem.tif"]


def test_a_spoilt_geoparquet_is_told_and_not_kept(lasting: Any, world: Loopback, rules: Rules, web: Web, tmp_path: Path) -> None:
    path = next(path for path in world.files if "type=building/" in path)
    world.faults["type=building/"] = Fault("spoilt")
    with pytest.raises(FetchError, match="no GeoParquet, or a spoilt one"):
        fetch_buildings_by_url(area_of(lasting), tmp_path, web, rules["buildings_url"], [world.address + path])
    world.faults.clear()
    found = fetch_buildings_by_url(area_of(lasting), tmp_path, web, rules["buildings_url"], [world.address + path])
    assert len(gpd.read_parquet(found.files[0])) > 500


def test_weather_of_another_place_is_refused(lasting: Any, world: Loopback, rules: Rules, web: Web, tmp_path: Path) -> None:
    world.answers["/pvgis/tmy"] = lambda query, form: pvgis(query | {"lat": "31.2", "lon": "121.3"}, form)
    try:
        with pytest.raises(FetchError, match=r"of another place: 31\.20 N 121\.30 E"):
            fetch_pvgis(area_of(lasting), tmp_path, web, rules["pvgis"])
    finally:
        world.answers["/pvgis/tmy"] = pvgis


def test_a_station_in_the_sea_gives_way_to_one_on_the_land(world: Loopback, rules: Rules, web: Web, tmp_path: Path) -> None:
    # four cells of 0.25 degrees with a strip of land in the south of each; the server plays where the sea is
    land = shapely.box(116.75, 36.5, 117.25, 36.52).union(shapely.box(116.75, 36.75, 117.25, 36.77))
    real = world.fault
    world.fault = lambda path: "400" if path == "/pvgis/tmy" and next(sea) else ""
    try:
        # by cell: middle in the sea and strip on land, middle on land, both in the sea, middle on land
        sea = iter([True, False, False, True, True, False])
        found = fetch_pvgis(Area("coast", land, ("", "")), tmp_path, web, rules["pvgis"])
        assert [file.name for file in found.files] == ["pvgis_36.51_116.88.json", "pvgis_36.62_117.12.json", "pvgis_36.88_117.12.json"]
        assert "stations around them stand: 1" in found.notes[0][1]
        sea = iter([True] * 8)
        with pytest.raises(FetchError, match="Location over the sea"):
            fetch_pvgis(Area("coast", land, ("", "")), tmp_path, Web(tmp_path / "other", web.rules), rules["pvgis"])
    finally:
        world.fault = real


def test_a_mirror_of_datav_is_known_by_its_columns(lasting: Any, world: Loopback, rules: Rules, web: Web, tmp_path: Path) -> None:
    districts = lasting[2]
    moved = shapely.transform(districts.geometry.to_numpy(), lambda c: np.column_stack(gcj02_from_wgs84(c[:, 0], c[:, 1])))
    named = {"name": districts["name"], "adcode": range(len(districts)), "childrenNum": 0, "subFeatureIndex": range(len(districts))}
    elsewhere = rules["datav"] | {"hosts": ["geo.datav.aliyun.com"]}
    world.files["/mirror.json"] = gpd.GeoDataFrame(named, geometry=moved, crs=4326).to_json().encode()
    found = fetch_districts_by_url(area_of(lasting), tmp_path, web, rules["districts_url"], [world.address + "/mirror.json"], elsewhere)
    layer = gpd.read_file(found.files[0]).set_index("name").loc[districts["name"]]
    assert found.source == "datav"
    assert shapely.hausdorff_distance(layer.geometry.to_numpy(), districts.geometry.to_numpy()).max() < 1e-7
    # where only codes are there, nothing is corrected, and that is told
    world.files["/plain.json"] = gpd.GeoDataFrame({k: named[k] for k in ("name", "adcode")}, geometry=moved, crs=4326).to_json().encode()
    found = fetch_districts_by_url(area_of(lasting), tmp_path, web, rules["districts_url"], [world.address + "/plain.json"], elsewhere)
    assert found.source == "districts_url" and 'datum = "gcj02"' in found.notes[-1][1]


def test_answers_that_are_no_places_are_told(world: Loopback, rules: Rules, web: Web) -> None:
    real = world.answers["/search"]
    world.answers["/search"] = lambda query, form: b'[1, 2, "x"]'
    try:
        with pytest.raises(FetchError, match="no list of places"):
            find_place("别处", web, rules["place"], "zh")
    finally:
        world.answers["/search"] = real
    for text in ("116.9 36.6 117.0 36.7", "116.9；36.6；117.0；36.7", "[116.9, 36.6, 117.0, 36.7]"):
        assert find_place(text, web, rules["place"], "zh").bounds == (116.9, 36.6, 117.0, 36.7)
    with pytest.raises(FetchError, match="no place is given"):
        find_place(" ", web, rules["place"], "zh")


def test_a_box_west_of_greenwich_is_no_option(world: Loopback, own: Path, tmp_path: Path) -> None:
    run(own, tmp_path / "out", "-74.02,40.70,-73.97,40.75", "weather")
    content = tomllib.loads((tmp_path / "out" / "study.toml").read_text(encoding="utf-8"))
    assert content["study"]["crs"] == "EPSG:32618" and content["weather"]["files"] == ["weather/pvgis_40.72_-74.00.json"]
    with pytest.raises(StudyError, match="no option --sorce"):
        run(own, tmp_path / "other", BOX, "--sorce", "dem=copernicus")


def test_several_addresses_are_put_together(lasting: Any, world: Loopback, own: Path, tmp_path: Path) -> None:
    buildings = lasting[1][["id", "height", "geometry"]]
    for name, rows in (("a", buildings.iloc[::2]), ("b", buildings.iloc[1::2])):
        world.files[f"/{name}.geojson"] = rows.to_json().encode()
    given = [word for name in "ab" for word in ("--url", f"buildings={world.address}/{name}.geojson?key=secret")]
    run(own, tmp_path / "out", BOX, "buildings", *given)
    inside = shapely.within(shapely.point_on_surface(buildings.geometry.to_numpy()), shapely.box(116.9, 36.6, 117.0, 36.7))
    assert sorted(gpd.read_parquet(tmp_path / "out" / "buildings.parquet")["id"]) == sorted(buildings["id"][inside])
    written = "".join((tmp_path / "out" / name).read_text(encoding="utf-8") for name in ("SOURCES.md", "study.toml", "fetch.json"))
    assert "/a.geojson" in written and "/b.geojson" in written and "secret" not in written


def test_all_five_kinds_from_the_second_choices_make_a_study_that_check_accepts(
    lasting: Any, world: Loopback, own: Path, tmp_path: Path
) -> None:
    chosen = ["buildings=openstreetmap", "districts=openstreetmap", "weather=nasa_power"]
    given = [word for choice in chosen for word in ("--source", choice)]
    run(own, tmp_path / "out", "示例市", "buildings", "dem", "weather", "districts", "canopy", *given)
    assert "/overpass" in {path for path, _ in world.asked} and not any("/s3" in path or "/pvgis" in path for path, _ in world.asked)
    districts = gpd.read_file(tmp_path / "out" / "districts.gpkg").set_index("name").loc[lasting[2]["name"]]
    assert shapely.hausdorff_distance(districts.geometry.to_numpy(), lasting[2].geometry.to_numpy()).max() < 1e-6
    with rasterio.open(tmp_path / "out" / "canopy.tif") as canopy:
        assert canopy.crs.to_epsg() == 3857 and np.nanmax(canopy.read(1)) == 7.0
    study = load_study(tmp_path / "out" / "study.toml")
    assert study.terrain.canopy == "canopy.tif" and study.sources[0].licence == "ODbL 1.0"
    done = check_study(study, "zh")
    assert done.problems.fatal() is False, done.problems


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["weather", "--source", "dem=copernicus"], "not asked for"),
        (["dem", "--source", "dem=copernicus", "--url", "dem=https://example.org/x.tif"], "two sources"),
        (["--source", "buildings=overture", "--source", "buildings=openstreetmap"], "two sources"),
    ],
)
def test_contradictions_are_told(world: Loopback, own: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        run(own, tmp_path / "out", BOX, *arguments)
    assert world.asked == []


def test_the_same_command_later_brings_what_was_lacking(world: Loopback, own: Path, tmp_path: Path) -> None:
    world.faults |= {"/pvgis": Fault("503"), "/power": Fault("503")}
    assert run(own, tmp_path / "out", BOX, "dem", "weather") == 2
    study = tmp_path / "out" / "study.toml"
    assert tomllib.loads(study.read_text(encoding="utf-8"))["weather"]["files"] == ["weather.epw"]
    world.faults.clear()
    run(own, tmp_path / "out", BOX, "dem", "weather")
    assert tomllib.loads(study.read_text(encoding="utf-8"))["weather"]["files"] == ["weather/pvgis_36.65_116.95.json"]
    # one kind after the other in one folder: what came earlier stays in the study
    run(own, tmp_path / "out", BOX, "districts")
    content = tomllib.loads(study.read_text(encoding="utf-8"))
    assert content["terrain"]["dem"] == "dem.tif" and "districts" in content["regions"] and len(content["sources"]) == 3
    assert "PVGIS" in (tmp_path / "out" / "SOURCES.md").read_text(encoding="utf-8")
    # another source in the place of the first leaves nothing of it behind
    run(own, tmp_path / "out", BOX, "weather", "--source", "weather=nasa_power")
    assert [file.name for file in (tmp_path / "out" / "weather").iterdir()] == ["nasa_power_36.65_116.95.epw"]
    with pytest.raises(StudyError, match="another place"):
        run(own, tmp_path / "out", "117.0,36.6,117.1,36.7", "weather")
    study.write_text(study.read_text(encoding="utf-8") + "\n# mine\n", encoding="utf-8")
    with pytest.raises(StudyError, match="not as fetch wrote it"):
        run(own, tmp_path / "out", BOX, "weather")


def test_files_of_the_user_are_not_overwritten(world: Loopback, own: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "dem.tif").write_bytes(b"mine")
    with pytest.raises(StudyError, match=r"holds dem\.tif"):
        run(own, tmp_path / "out", BOX, "dem")
    assert (tmp_path / "out" / "dem.tif").read_bytes() == b"mine"


@pytest.mark.skipif(sys.platform == "win32", reason="no limits and signals of this kind")
def test_a_full_disk_ends_the_command_and_leaves_nothing_half(world: Loopback, own: Path, tmp_path: Path) -> None:
    # the cache is filled before; the typical year, 1.4 MB, is more than a file may have
    subprocess.run(command(own, tmp_path / "first", BOX), check=True, capture_output=True)

    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    done = subprocess.run(
        command(own, tmp_path / "out", BOX), capture_output=True, text=True, encoding="utf-8", check=False, preexec_fn=limit
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr and "make room" in done.stderr and "NASA" not in done.stderr
    left = {file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*") if file.is_file()}
    assert left == {"buildings.parquet", "dem.tif", "fetch.json"}
    # with room the same command goes on
    subprocess.run(command(own, tmp_path / "out", BOX), check=True, capture_output=True)
    assert (tmp_path / "out" / "study.toml").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="no signal of this kind")
def test_a_killed_command_goes_on_where_it_was(lasting: Any, world: Loopback, own: Path, tmp_path: Path) -> None:
    frame = lasting[1][["id", "height", "geometry"]]
    filler = np.random.default_rng(1).integers(33, 120, (len(frame), 4000), dtype=np.uint8)
    world.files["/slow.geojson"] = frame.assign(text=[row.tobytes().decode("ascii") for row in filler]).to_json().encode()
    world.faults["/slow.geojson"] = Fault("slow", 1)
    whole = command(own, tmp_path / "out", BOX, "buildings", "--url", f"buildings={world.address}/slow.geojson")
    broken = subprocess.Popen(whole, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 600.0
    while sum(part.stat().st_size for part in (tmp_path / "cache").glob("*.part")) < 200_000:
        assert time.monotonic() < until and broken.poll() is None
        time.sleep(0.02)
    broken.kill()
    broken.wait()
    (half,) = (tmp_path / "cache").glob("*.part")
    came = half.stat().st_size
    assert not list((tmp_path / "cache").glob("*.data")) and not (tmp_path / "out" / "buildings.parquet").exists()
    world.asked.clear()
    subprocess.run(whole, check=True, capture_output=True)
    assert [asked for path, asked in world.asked if "slow" in path] == [f"bytes={came}-"] and 200_000 <= came < len(
        world.files["/slow.geojson"]
    )
    assert len(gpd.read_parquet(tmp_path / "out" / "buildings.parquet")) > 100
