"""Each source against answers in its real format: what is kept, what is corrected, what is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.datum import gcj02_from_wgs84
from solar.weather import read_weather
from wuding.fetching import openstreetmap, overture
from wuding.fetching.answers import FetchError
from wuding.fetching.districts import choose_level
from wuding.fetching.place import Area, find_place, study_crs_of
from wuding.fetching.quality import judge_buildings, what_would_help
from wuding.fetching.rasters import fetch_raster, read_tiles, tiles_of
from wuding.fetching.sources import Fetched, Rules, load_sources
from wuding.fetching.tables import fetch_buildings_by_url, fetch_districts_by_url
from wuding.fetching.typical_year import typical_months
from wuding.fetching.weather import fetch_nasa_power, fetch_pvgis, stations
from wuding.fetching.web import Web

from .loopback import RELEASE, Fault, Loopback, clear_year, cog, county_world, geoparquet, rules_for, served

VECTORS = ["overture", "openstreetmap", "districts", "osm_districts", "datav"]
SOURCES = [*VECTORS, "worldcover", "copernicus", "meta_canopy", "pvgis", "nasa_power", "place"]
TODAY = pd.Timestamp("2026-11-23").date()


@pytest.fixture(scope="module")
def world(county: Path) -> Iterator[tuple[Loopback, gpd.GeoDataFrame, gpd.GeoDataFrame]]:
    loopback, buildings, districts = county_world(county)
    with served(loopback):
        yield loopback, buildings, districts


@pytest.fixture
def rules(world: Any, tmp_path: Path) -> Rules:
    world[0].faults.clear()
    world[0].asked.clear()
    own = tmp_path / "own.toml"
    own.write_text(rules_for(world[0]), encoding="utf-8")
    return load_sources(own)


@pytest.fixture
def web(rules: Rules, tmp_path: Path) -> Web:
    return Web(tmp_path / "cache", rules["web"], pause=lambda seconds: None)


@pytest.fixture
def area(world: Any) -> Area:
    """The western half of the county."""
    west, south, east, north = world[2].total_bounds
    return Area("half", shapely.box(west, south, (west + east) / 2.0, north), ("", ""))


def expected_in(buildings: gpd.GeoDataFrame, area: Area) -> gpd.GeoDataFrame:
    return buildings[shapely.within(shapely.point_on_surface(buildings.geometry.to_numpy()), area.shape)]


def test_overture_buildings_keep_their_columns_and_name_the_release(world: Any, rules: Rules, web: Web, area: Area, tmp_path: Path) -> None:
    sizes: list[tuple[int, int]] = []
    web.told = lambda stage, done, total: sizes.append((done, total)) if stage == "fetch_buildings" else None
    found = overture.fetch_buildings(area, tmp_path, web, rules["overture"])
    assert found.version == RELEASE
    frame = gpd.read_parquet(found.files[0]).set_index("id")
    truth = expected_in(world[1], area).set_index("id").drop("b0000", errors="ignore")  # b0000 is said to be underground
    assert sorted(frame.index) == sorted(truth.index)
    truth = truth.loc[frame.index]
    assert np.allclose(frame["height"], truth["height"], equal_nan=True) and np.allclose(
        frame["num_floors"], truth["floors"], equal_nan=True
    )
    assert frame["name"].fillna("").tolist() == truth["name"].fillna("").tolist()
    assert (frame.geometry.geom_equals_exact(truth.geometry, 1e-9)).all()
    assert set(frame["use"].dropna()) == {"industrial"} and set(frame["dataset"]) == {"Google Open Buildings"}
    # told before most of it came, and not far off
    done, total = next((d, t) for d, t in sizes if d < t)
    assert done < total and sizes[-1][0] == pytest.approx(total, rel=0.6)


def test_of_overture_only_row_groups_that_touch_the_place_are_loaded(world: Any, rules: Rules, web: Web, tmp_path: Path) -> None:
    loopback, buildings, _ = world
    order = np.argsort(buildings.geometry.representative_point().x)
    assert len(order) > 300
    path = "/sorted.parquet"
    ordered = buildings.iloc[order]
    import pyarrow as pa

    filler = pa.array(np.random.default_rng(1).integers(0, 255, (len(ordered), 2000), dtype=np.uint8).view("S2000").ravel().tolist())
    loopback.files[path] = geoparquet(ordered, {"id": pa.array(ordered["id"]), "extra": filler}, rows=50)
    west, south, east, north = buildings.total_bounds
    narrow = Area("narrow", shapely.box(west, south, west + 0.1 * (east - west), north), ("", ""))
    came = []
    web.told = lambda stage, done, total: came.append(done)
    found = fetch_buildings_by_url(narrow, tmp_path, web, rules["buildings_url"], [loopback.address + path])
    assert sorted(gpd.read_parquet(found.files[0])["id"]) == sorted(expected_in(buildings, narrow)["id"])
    assert came[-1] < 0.6 * len(loopback.files[path])
    assert found.keys["columns"] == {"id": "id"}


def test_a_geoparquet_of_another_maker(world: Any, rules: Rules, web: Web, area: Area, tmp_path: Path) -> None:
    loopback, buildings, _ = world
    # as geopandas writes it: shapes in a column of another name, no column bbox
    buildings[["id", "height", "geometry"]].rename_geometry("geom").to_parquet(tmp_path / "mirror.parquet")
    loopback.files["/mirror.parquet"] = (tmp_path / "mirror.parquet").read_bytes()
    found = fetch_buildings_by_url(area, tmp_path, web, rules["buildings_url"], [loopback.address + "/mirror.parquet"])
    assert sorted(gpd.read_parquet(found.files[0])["id"]) == sorted(expected_in(buildings, area)["id"])
    buildings[["id", "geometry"]].to_crs(4548).to_parquet(tmp_path / "metres.parquet")
    loopback.files["/metres.parquet"] = (tmp_path / "metres.parquet").read_bytes()
    with pytest.raises(FetchError, match="only WGS 84"):
        fetch_buildings_by_url(area, tmp_path, web, rules["buildings_url"], [loopback.address + "/metres.parquet"])


def test_a_flatgeobuf_by_address(world: Any, rules: Rules, web: Web, area: Area, tmp_path: Path) -> None:
    loopback, buildings, _ = world
    pyogrio.write_dataframe(buildings[["id", "height", "geometry"]], tmp_path / "mirror.fgb", driver="FlatGeobuf")
    loopback.files["/mirror.fgb"] = (tmp_path / "mirror.fgb").read_bytes()
    found = fetch_buildings_by_url(area, tmp_path, web, rules["buildings_url"], [loopback.address + "/mirror.fgb?key=secret"])
    assert sorted(gpd.read_parquet(found.files[0])["id"]) == sorted(expected_in(buildings, area)["id"])
    assert "secret" not in found.address and found.keys["columns"]["height"] == "height"


def test_openstreetmap_by_overpass(world: Any, rules: Rules, web: Web, area: Area, tmp_path: Path) -> None:
    found = openstreetmap.fetch_buildings(area, tmp_path, web, rules["openstreetmap"])
    frame = gpd.read_parquet(found.files[0])
    assert len(frame) == len(expected_in(world[1], area)) and frame["id"].str.startswith("way/").all()
    # "9,5 m" is a height, "yes" is no use
    assert (frame["height"] == 9.5).all() and (frame["num_floors"] == 3).all() and set(frame["use"].dropna()) == {"industrial"}
    assert found.version.startswith("2026-11-22")


def test_overpass_that_ran_out_of_time_is_told(world: Any, rules: Rules, web: Web, area: Area, tmp_path: Path) -> None:
    answer = world[0].answers["/overpass"]
    world[0].answers["/overpass"] = lambda query, form: (
        b'{"elements": [], "remark": "runtime error: Query timed out in \\"query\\" at line 1"}'
    )
    try:
        with pytest.raises(FetchError, match="Query timed out"):
            openstreetmap.fetch_buildings(area, tmp_path, web, rules["openstreetmap"])
    finally:
        world[0].answers["/overpass"] = answer


def test_a_relation_of_openstreetmap_has_its_court() -> None:
    def way(role: str, *points: tuple[float, float]) -> dict[str, Any]:
        return {"type": "way", "role": role, "geometry": [{"lon": x, "lat": y} for x, y in points]}

    members = [
        way("outer", (0, 0), (4, 0), (4, 4)),
        way("outer", (4, 4), (0, 4), (0, 0)),
        way("inner", (1, 1), (3, 1), (3, 3), (1, 3), (1, 1)),
    ]
    assert shapely.area(openstreetmap._polygon({"type": "relation", "members": members})) == pytest.approx(12.0)
    assert openstreetmap._polygon({"type": "way", "geometry": [{"lon": 0, "lat": 0}, {"lon": 1, "lat": 0}]}) is None


def test_copernicus_by_window(county: Path, world: Any, rules: Rules, web: Web, area: Area, tmp_path: Path) -> None:
    found = fetch_raster(area, tmp_path, web, rules["copernicus"], "dem", "copernicus")
    with rasterio.open(found.files[0]) as dem, rasterio.open(county / "dem.tif") as truth:
        lon, lat = (float(v[0]) for v in area.shape.centroid.xy)
        from pyproj import Transformer

        x, y = Transformer.from_crs(4326, truth.crs, always_xy=True).transform(lon, lat)
        # a step of the terrain over a cell of 30 m
        assert next(dem.sample([(lon, lat)]))[0] == pytest.approx(next(truth.sample([(x, y)]))[0], abs=3.0)
        west, south, east, north = area.grown(2.0)
        assert dem.bounds.left <= west and dem.bounds.right >= east and dem.bounds.bottom <= south and dem.bounds.top >= north
        assert dem.crs.to_epsg() == 4326 and np.isnan(dem.nodata)
    assert found.facts[0][1] == "covers 100.0% of the area" and all("100" not in note for _, note in found.notes)


def test_a_raster_of_elsewhere_is_no_raster(world: Any, rules: Rules, web: Web, tmp_path: Path) -> None:
    there = Area("there", shapely.box(10.0, 50.0, 10.1, 50.1), ("", ""))
    with pytest.raises(FetchError, match="no tile for this area"):
        fetch_raster(there, tmp_path, web, rules["copernicus"], "dem", "copernicus")
    tile = next(path for path in world[0].files if path.startswith("/dem/"))
    with pytest.raises(FetchError, match="no data for this area"):
        fetch_raster(there, tmp_path, web, rules["dem_url"], "dem", "dem_url", [world[0].address + tile])
    world[0].files["/not.tif"] = b"II*\x00" + bytes(5000)
    with pytest.raises(FetchError, match=r"no GeoTIFF|cannot be read"):
        fetch_raster(there, tmp_path, web, rules["dem_url"], "dem", "dem_url", [world[0].address + "/not.tif"])
    assert not list(tmp_path.glob("*.tif*"))


def test_canopy_is_read_coarser_from_overviews(world: Any, rules: Rules, web: Web, tmp_path: Path) -> None:
    # 2,000 cells of about 1 m, 6 m high trees in the western half
    cells = np.zeros((2000, 2000), dtype=np.float32)
    cells[:, :1000] = 6.0
    step = 1.0 / 111320.0
    world[0].files["/trees.tif"] = body = cog(
        cells + np.random.default_rng(1).random(cells.shape, dtype=np.float32), 117.0, 36.6, (2000, 2000), step
    )
    web.rules = dict(web.rules) | {"block_kb": 64}
    spot = Area("spot", shapely.box(117.001, 36.583, 117.017, 36.599), ("", ""))
    came: list[int] = []
    web.told = lambda stage, done, total: came.append(done)
    found = fetch_raster(
        spot, tmp_path, web, rules["canopy_url"] | {"resolution_m": 8.0}, "canopy", "canopy_url", [world[0].address + "/trees.tif"]
    )
    with rasterio.open(found.files[0]) as data:
        assert data.res[0] == pytest.approx(8 * step)
        heights = data.read(1)
        assert 6.0 <= np.nanmean(heights[:, : heights.shape[1] // 3]) <= 7.0 and np.nanmean(heights[:, -heights.shape[1] // 3 :]) <= 1.0
    assert came[-1] < 0.35 * len(body)
    # Meta's own tiles are bytes without overviews, and 255 is no height: all comes, and as much is told before
    flat = np.full((1000, 1000), 7, dtype=np.uint8)
    flat[:, 500:] = np.random.default_rng(1).integers(0, 20, (1000, 500))
    flat[:500, :200] = 255
    profile = {"driver": "GTiff", "height": 1000, "width": 1000, "count": 1, "dtype": "uint8", "crs": "EPSG:4326", "tiled": True}
    with rasterio.open(tmp_path / "plain.tif", "w", transform=rasterio.Affine(step, 0, 117.0, 0, -step, 36.6), **profile) as out:
        out.write(flat, 1)
    world[0].files["/bytes.tif"] = (tmp_path / "plain.tif").read_bytes()
    told: list[int] = []
    web.announce = lambda stage, size: told.append(size)
    spot = Area("spot", shapely.box(117.0, 36.5911, 117.0089, 36.6), ("", ""))
    found = fetch_raster(spot, tmp_path, web, rules["meta_canopy"], "canopy", "meta_canopy", [world[0].address + "/bytes.tif"])
    assert told[-1] == pytest.approx(len(world[0].files["/bytes.tif"]), rel=0.05)
    with rasterio.open(found.files[0]) as data:
        heights = data.read(1)
        assert np.isnan(heights[: heights.shape[0] // 2 - 1, : heights.shape[1] // 5 - 1]).all() and np.nanmax(heights) < 20.0


def test_tiles_are_named_as_their_sources_name_them(rules: Rules) -> None:
    bounds = (116.9, 36.4, 117.1, 36.9)
    # copernicus-dem-30m.s3.amazonaws.com/readme.html, worldcover2021.esa.int/download; quadkey of 117 E 36.65 N at zoom 9
    assert [url.rsplit("/", 1)[1] for url in tiles_of(load_sources()["copernicus"], bounds)] == [
        "Copernicus_DSM_COG_10_N36_00_E116_00_DEM.tif",
        "Copernicus_DSM_COG_10_N36_00_E117_00_DEM.tif",
    ]
    names = [url.rsplit("/", 1)[1] for url in tiles_of(load_sources()["worldcover"], bounds)]
    assert names == ["ESA_WorldCover_10m_2021_v200_N36E114_Map.tif", "ESA_WorldCover_10m_2021_v200_N36E117_Map.tif"]
    # the example of Bing's page: tile 3, 5 at zoom 3 is 213
    from wuding.fetching.rasters import _quadkeys

    assert list(_quadkeys((-44.0, -66.0, -1.0, -41.0), 3)) == ["213"]
    south_west = tiles_of(load_sources()["copernicus"], (-70.9, -33.9, -70.1, -33.1))
    assert south_west[0].endswith("Copernicus_DSM_COG_10_S34_00_W071_00_DEM.tif")


def test_pvgis_gives_a_typical_year_and_says_its_database(rules: Rules, web: Web, area: Area, tmp_path: Path) -> None:
    found = fetch_pvgis(area, tmp_path, web, rules["pvgis"])
    weather = read_weather(found.files[0])
    assert "PVGIS-ERA5" in found.version and len(found.files) == 1
    truth = clear_year(weather.latitude, weather.longitude, 2015, leap=False)
    assert weather.ghi_kwh_m2 == pytest.approx(truth["ghi"].sum() / 1000.0, rel=1e-4)
    assert weather.stamp_offset_h == pytest.approx(0.5, abs=0.05)


def test_nasa_power_becomes_a_typical_year(rules: Rules, web: Web, area: Area, tmp_path: Path) -> None:
    found = fetch_nasa_power(area, tmp_path, web, rules["nasa_power"])
    weather = read_weather(found.files[0])
    assert weather.utc_offset == 8.0 and weather.altitude == 82.5
    # of two years one; each month is one of them, and irradiance is written in whole watts
    sums = [clear_year(weather.latitude, weather.longitude, year, leap=False)["ghi"].sum() / 1000.0 for year in (2022, 2023)]
    assert min(sums) * 0.999 <= weather.ghi_kwh_m2 <= max(sums) * 1.001
    assert weather.stamp_offset_h == pytest.approx(0.5, abs=0.05)


def test_typical_months_are_nearest_to_the_mean() -> None:
    years = [clear_year(36.6, 117.0, year, leap=True) for year in (2012, 2016, 2023)]
    frame, chosen = typical_months(years)
    # brightness grows with the year: the mean of 12, 16 and 23 is 17
    assert chosen == [2016] * 12 and len(frame) == 8760
    with pytest.raises(ValueError, match="no year has month 1 whole"):
        typical_months([year.assign(ghi=np.nan) for year in years])


@given(st.floats(70, 130), st.floats(-50, 50), st.floats(0.01, 2.0), st.floats(0.01, 2.0))
def test_every_place_has_a_station_near(west: float, south: float, width: float, height: float) -> None:
    area = Area("a", shapely.box(west, south, west + width, south + height), ("", ""))
    places = shapely.points(stations(area, 0.25))
    corners = shapely.points(shapely.get_coordinates(area.shape))
    # half the diagonal of a cell, or of an area smaller than one, and the rounding of its middle
    assert max(shapely.distance(corner, places).min() for corner in corners) <= 0.125 * 2**0.5 + 0.006


def test_divisions_of_overture_and_datav(world: Any, rules: Rules, web: Web, tmp_path: Path) -> None:
    loopback, _, districts = world
    whole = Area("whole", shapely.union_all(districts.geometry.to_numpy()), ("", ""))
    found = overture.fetch_districts(whole, tmp_path, web, rules["overture"])
    layer = gpd.read_file(found.files[0])
    assert sorted(layer["name"]) == sorted(districts["name"]) and set(layer["level"]) == {"county"}
    shifted = gpd.GeoDataFrame(
        {"name": districts["name"], "adcode": range(len(districts)), "level": "district"},
        geometry=shapely.transform(districts.geometry.to_numpy(), lambda c: np.column_stack(gcj02_from_wgs84(c[:, 0], c[:, 1]))),
        crs=4326,
    )
    loopback.files["/370100_full.json"] = shifted.to_json().encode()
    other = tmp_path / "datav"
    other.mkdir()
    found = fetch_districts_by_url(whole, other, web, rules["districts_url"], [f"{loopback.address}/370100_full.json"], rules["datav"])
    assert found.source == "datav"
    layer = gpd.read_file(found.files[0]).set_index("name").loc[districts["name"]]
    # GCJ-02 lies 500 m off; a centimetre is left
    assert shapely.hausdorff_distance(layer.geometry.to_numpy(), districts.geometry.to_numpy()).max() < 1e-7
    assert "adcode" in layer


def test_the_coarsest_level_that_divides_is_chosen() -> None:
    whole = Area("w", shapely.box(0, 0, 4, 2), ("", ""))
    rows = [("all", "5", shapely.box(0, 0, 4, 2)), ("far", "6", shapely.box(9, 9, 10, 10))]
    rows += [(f"d{n}", "6", shapely.box(2 * n, 0, 2 * n + 2, 2)) for n in range(2)]
    rows += [(f"t{n}", "8", shapely.box(n, 0, n + 1, 2)) for n in range(4)]
    frame = gpd.GeoDataFrame({"name": [r[0] for r in rows], "level": [r[1] for r in rows]}, geometry=[r[2] for r in rows], crs=4326)
    chosen, told = choose_level(frame, whole)
    assert chosen["name"].tolist() == ["d0", "d1"] and told == []
    one = Area("d0", shapely.box(0, 0, 2, 2), ("", ""))
    assert choose_level(frame, one)[0]["name"].tolist() == ["t0", "t1"]
    # a box that cuts: every building of it has its district, and that these are only in part there is told
    cut = Area("cut", shapely.box(1.2, 0.5, 2.8, 1.5), ("", ""))
    chosen, told = choose_level(frame, cut)
    assert chosen["name"].tolist() == ["d0", "d1"] and told[0][1].endswith("d0 20%, d1 20%")
    # inside of one: the finest that holds it; a border drawn a little otherwise makes no district of the neighbour
    inner = Area("inner", shapely.box(0.2, 0.5, 0.8, 1.5), ("", ""))
    assert choose_level(frame, inner)[0]["name"].tolist() == ["t0"]
    off = Area("off", shapely.box(0, 0, 2.01, 2), ("", ""))
    assert choose_level(frame[frame["level"] != "8"], off)[0]["name"].tolist() == ["d0"]
    # what has no district is told
    beyond = Area("beyond", shapely.box(0, 0, 4, 4), ("", ""))
    assert "cover 50% of the area" in choose_level(frame, beyond)[1][0][1]
    with pytest.raises(FetchError, match="no district"):
        choose_level(frame, Area("x", shapely.box(20, 20, 21, 21), ("", "")))


def test_places(world: Any, rules: Rules, web: Web, tmp_path: Path) -> None:
    place = rules["place"]
    assert find_place("116.5, 36.2, 117, 36.5", web, place, "zh").bounds == (116.5, 36.2, 117.0, 36.5)
    assert find_place("POLYGON((0 0, 1 0, 1 1, 0 0))", web, place, "en").km2 == pytest.approx(6155.0, rel=0.01)
    outline = gpd.GeoDataFrame(geometry=[shapely.box(117, 36, 117.1, 36.1)], crs=4326).to_crs(4548)
    outline.to_file(tmp_path / "区.geojson")
    assert find_place(str(tmp_path / "区.geojson"), web, place, "zh").bounds == pytest.approx((117, 36, 117.1, 36.1), abs=1e-6)
    # the administrative area, not the lake of the same name; that there was another is told
    named = find_place("示例市", web, place, "zh")
    assert named.name == "示例市" and "示例湖" in named.told[0]
    for wrong, said in [
        ("无此地", "no area named"),
        ("117,36,116,37", "no box on Earth"),
        ("100,20,120,40", "more than a study covers"),
        ("POLYGON((0 0", "no polygon in WKT"),
        ("POLYGON EMPTY", "holds no polygon"),
    ]:
        with pytest.raises(FetchError, match=said):
            find_place(wrong, web, place, "zh")
    world[0].faults["/search"] = Fault("503")
    with pytest.raises(FetchError, match="Give a box"):
        find_place("别处", web, place, "zh")


def test_the_zone_of_a_place() -> None:
    def crs(lon: float, lat: float) -> str:
        return study_crs_of(Area("", shapely.box(lon, lat, lon + 0.01, lat + 0.01), ("", "")))

    # CGCS2000 / 3-degree Gauss-Krüger CM 117E is 4548, CM 75E 4534, CM 135E 4554; WGS 84 / UTM 32N is 32632, 56S is 32756
    assert [crs(117.0, 36.6), crs(75.5, 38.0), crs(134.5, 48.0), crs(9.0, 48.0), crs(151.0, -34.0)] == [
        "EPSG:4548",
        "EPSG:4534",
        "EPSG:4554",
        "EPSG:32632",
        "EPSG:32756",
    ]


def test_quality_by_hand(rules: Rules, tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"height": [3.0, None, None, None], "num_floors": [1.0, 2.0, None, None], "use": ["a", "b", "c", None]},
        geometry=[shapely.box(n, 0, n + 0.001, 0.001) for n in range(4)],
        crs=4326,
    )
    frame["update_time"] = ["2016-11-23T00:00:00Z", "2024-11-23T00:00:00Z", "2025-11-23T00:00:00Z", "2026-05-01T00:00:00.000Z"]
    frame.to_parquet(tmp_path / "b.parquet")
    area = Area("", shapely.box(0, 0, 4, 1), ("", ""))
    quality = judge_buildings(tmp_path / "b.parquet", area, None, rules, TODAY)
    facts = quality.facts
    assert (facts["share_with_height"], facts["share_with_floors"], facts["share_with_use"]) == (0.25, 0.5, 0.75)
    assert facts["median_age_years"] == pytest.approx(1.5, abs=0.01) and facts["share_old"] == 0.25 and facts["newest"] == "2026-05-01"
    assert "with height 25%" in quality.said[0][1]
    # one has both, one has floors alone
    assert facts["share_with_height_or_floors"] == 0.5
    got = [Fetched("dem", "copernicus", [], "", ""), Fetched("weather", "pvgis", [], "", "", {"weakness": "era5_weakness"})]
    helps = [en for _, en in what_would_help(quality, got, {}, rules)]
    assert "surface model of 2 m" in " ".join(helps) and "reanalysed" in " ".join(helps)
    assert what_would_help(None, [], {"weather": "no answer"}, rules)[0][1].startswith("a typical year of weather")


def test_missing_buildings_show_against_the_cells_around(world: Any, rules: Rules, web: Web, tmp_path: Path) -> None:
    # 5 by 5 cells of 0.05 degrees, all built up; roofs cover a quarter of each, and a hundredth of the one in the middle
    west, south = 117.0, 36.0
    step = 0.05 / 60.0
    cells = np.full((300, 300), 50, dtype=np.uint8)
    # more land than the area, of which nothing may count
    world[0].files["/cover/made_N36E117.tif"] = cog(cells, west, south + 0.25, (300, 300), step, "uint8")
    rules["worldcover"]["tile"] = "made_{ns}{lat:02d}{ew}{lon:03d}"
    rules["worldcover"]["resolution_m"] = 80.0
    boxes = []
    for i in range(5):
        for j in range(5):
            side = 0.025 if (i, j) != (2, 2) else 0.005
            x, y = west + 0.05 * i + 0.01, south + 0.05 * j + 0.01
            boxes.append(shapely.box(x, y, x + side, y + side))
    gpd.GeoDataFrame({"height": [3.0] * 25}, geometry=boxes, crs=4326).to_parquet(tmp_path / "b.parquet")
    area = Area("", shapely.box(west, south, west + 0.25, south + 0.25), ("", ""))
    facts = judge_buildings(tmp_path / "b.parquet", area, web, rules, TODAY).facts
    assert facts["roof_share"] == pytest.approx((24 * 0.25 + 0.01) / 25, rel=0.01)
    assert facts["lacking_cells"] == 1 and facts["lacking_share"] == pytest.approx(1 / 25, rel=0.02)
    assert facts["built_up_km2"] == pytest.approx(area.km2, rel=0.01)


def test_an_answer_of_the_index_without_this_place_is_told(world: Any, rules: Rules, web: Web, tmp_path: Path) -> None:
    there = Area("there", shapely.box(10.0, 50.0, 10.1, 50.1), ("", ""))
    with pytest.raises(FetchError, match=f"release {RELEASE} has no building here"):
        overture.fetch_buildings(there, tmp_path, web, rules["overture"])
    assert json.loads(world[0].files["/stac/catalog.json"])["latest"] == RELEASE


@pytest.mark.network
@pytest.mark.parametrize("kind", SOURCES)
def test_the_real_source(kind: str, tmp_path: Path) -> None:
    real = load_sources()
    way = Web(tmp_path / "cache", real["web"])
    spot = Area("spot", shapely.box(117.10, 36.65, 117.12, 36.67), ("", ""))
    match kind:
        case "overture":
            assert len(gpd.read_parquet(overture.fetch_buildings(spot, tmp_path, way, real["overture"]).files[0])) > 10
        case "openstreetmap":
            assert openstreetmap.fetch_buildings(spot, tmp_path, way, real["openstreetmap"]).files
        case "districts":
            assert overture.fetch_districts(spot, tmp_path, way, real["overture"]).files
        case "osm_districts":
            part = Area("part", shapely.box(116.9, 36.5, 117.2, 36.8), ("", ""))
            assert openstreetmap.fetch_districts(part, tmp_path, way, real["openstreetmap"]).files
        case "datav":
            city = find_place("116.2,36.0,117.8,37.6", way, real["place"], "zh")
            url = "https://geo.datav.aliyun.com/areas_v3/bound/370100_full.json"
            found = fetch_districts_by_url(city, tmp_path, way, real["districts_url"], [url], real["datav"])
            assert found.source == "datav" and len(gpd.read_file(found.files[0])) == 12
        case "worldcover":
            cells = read_tiles(way, tiles_of(real["worldcover"], spot.bounds), spot.bounds, 30.0, "fetch_quality").cells
            assert (cells == real["worldcover"]["built_up"]).mean() > 0.2
        case "copernicus" | "meta_canopy":
            what = "dem" if kind == "copernicus" else "canopy"
            assert fetch_raster(spot, tmp_path, way, real[kind] | {"margin_km": 1.0}, what, kind).files
        case "pvgis":
            assert "ERA5" in fetch_pvgis(spot, tmp_path, way, real["pvgis"]).version
        case "nasa_power":
            short = real["nasa_power"] | {"first_year": 2023}
            assert read_weather(fetch_nasa_power(spot, tmp_path, way, short).files[0]).ghi_kwh_m2 > 1000
        case "place":
            assert find_place("济南市", way, real["place"], "zh").km2 == pytest.approx(10240, rel=0.05)
