"""Skylines of real buildings in tiles: cuts leave no trace, neighbours only ever take light."""

import dataclasses
import pickle
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.archetypes import load_archetypes
from geo.grid import Grid
from geo.packed import Packed
from geo.rasters import prepare_raster
from geo.terrain import Terrain
from geo.tiles import read_surroundings, write_tiles
from geo.towers import above_land, tower_reach
from layers.model import Model
from layers.potential import assess_tile
from layers.shading import MODULE_ABOVE_M, Skylines, look_around, surface_model
from solar.canopy import load_transmissivity

from .conftest import DATA
from .test_geo_horizons import dem

NEW_YORK = DATA / "new-york" / "buildings.gpkg"
MIDTOWN = (-73.995, 40.750, -73.975, 40.765)
X0, Y0 = 500_000.0, 4_056_000.0


def model(**changes: Any) -> Model:
    """What `look_around` asks for; the rest of a run's model is not touched."""
    given: dict[str, Any] = {f.name: None for f in dataclasses.fields(Model)}
    known = {
        "archetypes": load_archetypes(),
        "terrain": Terrain.flat(),
        "surface_resolution": 1.0,
        "transmissivity": load_transmissivity(),
    }
    return Model(**{**given, **known, **changes})


def table(polygons: Any, heights: Any, use: str = "commercial", crs: str = "EPSG:4548") -> gpd.GeoDataFrame:
    n = len(polygons)
    return gpd.GeoDataFrame(
        {
            "building_id": [f"b{k:05d}" for k in range(n)],
            "use": np.full(n, use, object),
            "height_m": np.asarray(heights, float),
            "ground_elevation_m": np.zeros(n),
            "footprint_area_m2": shapely.area(polygons),
            "tilt_given": np.full(n, np.nan),
            "construction": "",
            "stale_surface": np.zeros(n, bool),
            "status": np.full(n, "", object),
            "top_m": np.asarray(heights, float),
            "reach_m": tower_reach(heights),
        },
        geometry=polygons,
        crs=crs,
    )


def apart(buildings: gpd.GeoDataFrame) -> tuple[pd.DataFrame, Packed]:
    return pd.DataFrame(buildings.drop(columns="geometry")), Packed.of([buildings.geometry.to_numpy()], buildings.crs)


def look(buildings: gpd.GeoDataFrame, folder: Path, tile_buildings: int, given: Model) -> dict[str, Skylines]:
    """One point on each building, tile by tile."""
    index = write_tiles(*apart(buildings), folder / "tiles", tile_buildings=tile_buildings)
    out: dict[str, Skylines] = {}
    for file in index["file"]:
        rows = gpd.read_parquet(folder / "tiles" / file)
        around = read_surroundings(folder / "tiles", np.asarray(rows.total_bounds))
        kinds = given.archetypes.choose(rows["use"], rows["height_m"], rows["footprint_area_m2"]).with_tilt(rows["tilt_given"])
        xy = shapely.get_coordinates(shapely.point_on_surface(rows.geometry.to_numpy()))
        points = np.column_stack([xy, rows["top_m"] + MODULE_ABOVE_M])
        seen = look_around(points, np.arange(len(rows)), rows, kinds, around, None, given)
        out |= {name: seen.take(slice(k, k + 1)) for k, name in enumerate(rows["building_id"])}
    return out


@pytest.mark.skipif(not NEW_YORK.is_file(), reason="the shared data set new-york is absent (WUDING_DATA)")
def test_one_five_and_fifty_tiles_of_new_york_are_the_same_to_the_last_bit(tmp_path: Path) -> None:
    found = gpd.read_file(NEW_YORK, bbox=MIDTOWN).to_crs("EPSG:32618").explode(ignore_index=True)
    found = found[found.geometry.is_valid & (found.geometry.area > 20)]
    buildings = table(found.geometry.to_numpy(), found["height"].fillna(9.0), crs="EPSG:32618")
    assert len(buildings) > 1000
    assert buildings["height_m"].max() > 300  # its halo is 14 km wide: all tall buildings of the cut stand within
    cuts = [look(buildings, tmp_path / str(n), -(-len(buildings) // n), model()) for n in (1, 5, 50)]
    whole = np.concatenate([cuts[0][name].opaque for name in buildings["building_id"]])
    assert whole.max() > 80
    for other in cuts[1:]:
        assert np.array_equal(whole, np.concatenate([other[name].opaque for name in buildings["building_id"]]))


def test_the_halo_is_as_wide_as_the_tallest_building_needs(tmp_path: Path) -> None:
    """A tower of 250 m stands 1.5 degrees high 9.5 km away and is seen there, tiles away; at 1.1 degrees nobody looks for it."""
    given = model(archetypes=load_archetypes({"commercial": {"parapet_height_m": 0.0}}))
    for far, seen in ((9500.0, True), (13000.0, False)):
        homes = [shapely.box(X0 + k, Y0, X0 + k + 10, Y0 + 10) for k in (0, 1000, 2000, 3000)]
        tower = shapely.box(X0 + far, Y0 - 400, X0 + far + 40, Y0 + 400)
        buildings = table(np.array([*homes, tower]), [9.0, 9.0, 9.0, 9.0, 250.0])
        got = look(buildings, tmp_path / f"{far}", 1, given)["b00000"].opaque[0]
        around = read_surroundings(tmp_path / f"{far}" / "tiles", np.asarray(buildings.iloc[:1].total_bounds))
        assert around.tall[19_200.0].groups[:, 4] == pytest.approx(250.0 / np.tan(np.radians(1.2)))
        # by hand, a tower that spans almost the whole sector: 800 m at 9495 m are 4.8 of 5 degrees
        by_hand = 0.965 * np.degrees(np.arctan((250 - 9.2) / (far - 5))) if seen else 0.0
        assert got[18] == pytest.approx(by_hand, abs=0.05)


@pytest.mark.parametrize(
    ("height", "hill", "distance"), [(60.0, 300.0, 1500.0), (30.0, 150.0, 700.0), (15.0, 0.0, 301.0), (7.0, 0.0, 301.0)]
)
def test_what_stands_on_a_hill_or_just_beyond_the_near_ring_is_seen(tmp_path: Path, height: float, hill: float, distance: float) -> None:
    """A slab that fills its sector, on a hill with a level top, seen from the ground below: by hand."""
    half = distance * np.tan(np.radians(3.0))
    top = np.array([distance + 20.0, 0.0])
    terrain = dem(tmp_path, lambda x, y: np.where(np.hypot(x - top[0], y - top[1]) < half + 60, hill, 0.0), 2500.0, 10.0)
    slab = shapely.box(X0 + distance, Y0 - half, X0 + distance + 30, Y0 + half)
    buildings = table(np.array([shapely.box(X0 - 5, Y0 - 5, X0 + 5, Y0 + 5), slab]), [0.1, height])
    buildings["ground_elevation_m"] = [0.0, hill]
    buildings["top_m"] += buildings["ground_elevation_m"]
    flat = model(terrain=terrain, archetypes=load_archetypes({"commercial": {"parapet_height_m": 0.0}}))
    got = look(buildings, tmp_path, 1, flat)["b00000"].opaque[0]
    azimuth = np.radians((np.arange(100) + 0.5) / 20 - 2.5)
    expected = np.degrees(np.arctan((hill + height - 0.3) * np.cos(azimuth) / distance)).mean()
    assert got[18] == pytest.approx(expected, abs=0.02)


def test_no_building_is_missed_by_more_than_one_and_a_half_degrees(tmp_path: Path) -> None:
    """A town on bumpy hills, beside the same town where every building is looked for to five kilometres."""
    rng = np.random.default_rng(8)
    bumps = rng.normal(0.0, 1.0, (8, 6))
    terrain = dem(
        tmp_path,
        lambda x, y: (
            200.0 + sum(40.0 * a * np.sin(x / (90 + 60 * abs(b)) + c) * np.cos(y / (90 + 60 * abs(d)) + e) for a, b, c, d, e, _ in bumps)
        ),
        3000.0,
        30.0,
    )
    x, y = X0 + rng.uniform(-1500, 1500, 500), Y0 + rng.uniform(-1500, 1500, 500)
    width, depth = rng.uniform(8, 120, 500), rng.uniform(8, 20, 500)
    buildings = table(shapely.box(x, y, x + width, y + depth), rng.choice([3.0, 5.0, 6.0, 9.0, 15.0, 24.0, 45.0], 500))
    buildings["ground_elevation_m"] = terrain.elevation(x + width / 2, y + depth / 2)
    buildings["top_m"] += buildings["ground_elevation_m"]
    above = above_land(terrain, x + width / 2, y + depth / 2, 0.5 * np.hypot(width, depth))
    buildings["reach_m"] = tower_reach(buildings["height_m"] + above)
    given = model(terrain=terrain)
    seen = look(buildings, tmp_path / "ours", 100, given)
    every = look(buildings.assign(reach_m=5000.0), tmp_path / "every", 100, given)
    missed = np.concatenate([every[name].opaque - seen[name].opaque for name in buildings["building_id"]])
    assert (missed >= 0.0).all()
    assert 0.3 < missed.max() <= 1.5  # something is left out, or the rule were not tried
    assert missed.mean() <= 0.02


def test_trees_stand_above_the_buildings_only(tmp_path: Path) -> None:
    """A row of trees of 15 m, 20 m before a house of 9 m: by hand; the opaque skyline does not know them."""
    import rasterio
    from rasterio.transform import from_origin

    heights = np.zeros((200, 200), np.float32)
    heights[20:180, 150:155] = 15.0  # 50 to 55 m east of the middle
    with rasterio.open(
        tmp_path / "raw.tif", "w", driver="GTiff", width=200, height=200, count=1, dtype="float32", crs="EPSG:4548",
        transform=from_origin(X0 - 100, Y0 + 100, 1.0, 1.0),
    ) as out:  # fmt: skip
        out.write(heights, 1)
    prepare_raster(tmp_path / "raw.tif", tmp_path / "canopy.tif", "EPSG:4548", resolution=1.0)
    house = table(np.array([shapely.box(X0 - 5, Y0 - 5, X0 + 5, Y0 + 5)]), [9.0], use="factory")
    seen = look(house, tmp_path, 10, model(canopy=tmp_path / "canopy.tif"))["b00000"]
    plain = look(house, tmp_path / "plain", 10, model())["b00000"]
    assert plain.leafy is None
    assert np.array_equal(seen.opaque, plain.opaque)
    assert seen.leafy is not None
    top = 15.0 - (house["top_m"].iloc[0] + MODULE_ABOVE_M)
    assert seen.leafy[0, 18] == pytest.approx(np.degrees(np.arctan(top / 50.0)), abs=0.1)
    assert np.array_equal(seen.leafy[0, 40:70], seen.opaque[0, 40:70])
    assert (seen.leafy >= seen.opaque).all()


def test_a_surface_model_alone_tells_what_stands_near(tmp_path: Path) -> None:
    """A DEM 15 m above it shades nothing within 300 m; where it has no data the DEM's ground does, by hand."""
    import rasterio
    from rasterio.transform import from_origin

    tops = np.full((640, 640), 2.0, np.float32)
    tops[280:360, 370:380] = 30.0  # 50 to 60 m east of the middle
    tops[:, :220] = np.nan  # from 100 m west of it on
    with rasterio.open(
        tmp_path / "raw.tif", "w", driver="GTiff", width=640, height=640, count=1, dtype="float32", crs="EPSG:4548", nodata=np.nan,
        transform=from_origin(X0 - 320, Y0 + 320, 1.0, 1.0),
    ) as out:  # fmt: skip
        out.write(tops, 1)
    prepare_raster(tmp_path / "raw.tif", tmp_path / "dsm.tif", "EPSG:4548", resolution=1.0)
    (tmp_path / "land").mkdir()
    land = dem(tmp_path / "land", lambda x, y: np.where((abs(x) < 250) & (abs(y) < 250), 15.0, 0.0), 2700.0, 30.0)
    house = table(np.array([shapely.box(X0 - 5, Y0 - 5, X0 + 5, Y0 + 5)]), [6.0])
    write_tiles(*apart(house), tmp_path / "tiles", tile_buildings=1)
    around = read_surroundings(tmp_path / "tiles", np.asarray(house.total_bounds))
    given = model(terrain=land, dsm=tmp_path / "dsm.tif")
    kinds = given.archetypes.choose(house["use"], house["height_m"], house["footprint_area_m2"]).with_tilt(house["tilt_given"])
    point = np.array([[X0 + 0.5, Y0 + 0.5, 5.0]])
    seen = look_around(point, np.zeros(1, int), house, kinds, around, surface_model(house, given), given).opaque[0]
    per = 1 / np.cos(np.radians(1.25))
    assert seen[18] == pytest.approx(np.degrees(np.arctan(25.0 / (49.5 * per))), abs=0.05)
    assert seen[54] == pytest.approx(np.degrees(np.arctan(10.0 / (100.5 * per))), abs=0.05)
    assert (seen[[0, 36]] == 0.0).all()


def test_roofs_in_holes_of_a_surface_model_do_not_take_the_memory_twice(tmp_path: Path) -> None:
    """Their surface is laid after that of the covered ones is gone: 5 MB each here, counted by the interpreter."""
    boxes = np.array([shapely.box(X0 + x, Y0 + y, X0 + x + 10, Y0 + y + 10) for x in (-200, 200, -160, 240) for y in (-200, 200)])
    house = table(boxes, np.full(8, 6.0))
    write_tiles(*apart(house), tmp_path / "tiles", tile_buildings=8)
    around = read_surroundings(tmp_path / "tiles", np.asarray(house.total_bounds))
    given = model(terrain=dem(tmp_path, lambda x, y: 0 * x, 2700.0, 30.0))
    kinds = given.archetypes.choose(house["use"], house["height_m"], house["footprint_area_m2"]).with_tilt(house["tilt_given"])
    points = np.column_stack([shapely.get_coordinates(shapely.centroid(boxes)), np.full(8, 6.2)])
    tops = np.zeros((1200, 1200), np.float32)
    for x, y in points[4:, :2]:
        tops[int(Y0 + 600 - y) - 8 : int(Y0 + 600 - y) + 8, int(x - X0 + 600) - 8 : int(x - X0 + 600) + 8] = np.nan
    dsm = Grid(tops, X0 - 600, Y0 + 600, 1.0)
    peaks = []
    for number in (4, 4, 8):  # the first warms up
        tracemalloc.start()
        look_around(points[:number], np.arange(number), house, kinds, around, dsm, given)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 0.25 * tops.nbytes


def test_a_taller_neighbour_only_takes_and_a_removed_one_only_gives(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    polygons = np.array(
        [shapely.box(x, y, x + 14, y + 9) for x, y in zip(X0 + rng.uniform(0, 300, 40), Y0 + rng.uniform(0, 300, 40), strict=True)]
    )
    heights = rng.choice([3.0, 6.0, 9.0, 18.0, 60.0], 40)
    for use in ("rural_residential", "factory", "commercial"):
        names = [f"b{k:05d}" for k in range(39)]
        taller = heights + np.where(np.arange(40) == 39, 25.0, 0.0)
        seen = [
            np.concatenate([found[name].opaque for name in names])
            for found in (
                look(table(polygons[:39], heights[:39], use), tmp_path / f"{use}-less", 50, model()),
                look(table(polygons, heights, use), tmp_path / f"{use}-as-is", 50, model()),
                look(table(polygons, taller, use), tmp_path / f"{use}-more", 50, model()),
            )
        ]
        assert (seen[0] <= seen[1]).all()
        assert (seen[1] <= seen[2]).all()


def test_the_threshold_takes_points_and_says_so(run_folder: Path) -> None:
    """Nothing at 0, never less at a higher threshold; what is left yields more; the areas still add up."""
    work = run_folder / ".work"
    with (work / "model.pickle").open("rb") as stream:
        given: Model = pickle.load(stream)
    rows = gpd.read_parquet(work / "tiles")
    rows = rows[rows["status"] == ""].iloc[:250]
    around = read_surroundings(work / "tiles", np.asarray(rows.total_bounds))
    found = [
        assess_tile(rows, around, dataclasses.replace(given, point_threshold=share)).roofs.set_index("roof_id")
        for share in (0.0, 0.7, 0.95, 0.99)
    ]
    parts = ["setback_area_m2", "obstacle_area_m2", "existing_area_m2", "excluded_area_m2", "shaded_out_area_m2", "usable_area_m2"]
    for less, more in pairwise(found):
        assert (more["usable_area_m2"] <= less["usable_area_m2"] + 1e-9).all()
        assert (more["module_count"] <= less["module_count"]).all()
        both = (more["module_count"] > 0) & (less["module_count"] > 0)
        assert (more["shading_loss"][both] <= less["shading_loss"][both] + 1e-9).all()
        np.testing.assert_allclose(more[parts].sum(axis=1), more["area_m2"], rtol=1e-9)
        # what is not usable any more stands in the column, square metre by square metre
        np.testing.assert_allclose(
            more["shaded_out_area_m2"] - less["shaded_out_area_m2"], less["usable_area_m2"] - more["usable_area_m2"], atol=1e-6
        )
    assert found[-1]["module_count"].sum() < found[0]["module_count"].sum()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_neighbour_adds_energy_and_the_highest_roof_keeps_its_own(run_folder: Path, tmp_path: Path, seed: int) -> None:
    """Weather to energy in a random town: without a building, with it, with it taller; and the tallest as if it stood alone."""
    work, rng = run_folder / ".work", np.random.default_rng(seed)
    with (work / "model.pickle").open("rb") as stream:
        given = dataclasses.replace(
            pickle.load(stream), terrain=Terrain.flat(), far=None, profile_columns={}, point_threshold=0.7 * (seed % 2)
        )
    rows = gpd.read_parquet(work / "tiles")
    one = rows[rows["status"] == ""].iloc[:1]
    ((x, y),) = shapely.get_coordinates(one.geometry.iloc[0].centroid)
    boxes = [shapely.box(x + 30 * (k % 3), y + 25 * (k // 3), x + 30 * (k % 3) + w, y + 25 * (k // 3) + h)
             for k, (w, h) in enumerate(rng.uniform((8, 8), (22, 18), (9, 2)))]  # fmt: skip
    polygons = np.array([shapely.affinity.rotate(box, rng.uniform(-20, 20)) for box in boxes])
    heights = rng.choice([3.0, 6.0, 9.0, 15.0, 24.0, 45.0], 9)
    uses = rng.choice(["factory", "commercial", "rural_residential", "urban_residential", "public_building"], 9)

    def town(name: str, tall: np.ndarray, keep: slice = slice(None)) -> pd.Series:
        made = table(polygons, tall)
        full = one.loc[one.index.repeat(9)].reset_index(drop=True).drop(columns="geometry")
        full = full.assign(**{c: made[c].to_numpy() for c in made.columns.drop(["geometry", "use"])}, use=uses)
        here = gpd.GeoDataFrame(full, geometry=polygons, crs=made.crs).iloc[keep]
        write_tiles(*apart(here), tmp_path / name, tile_buildings=100)
        found = assess_tile(here, read_surroundings(tmp_path / name, np.asarray(here.total_bounds)), given).roofs
        return found.set_index(["building_id", "roof_id"])["energy_kwh"]

    taller = heights + np.where(np.arange(9) == 0, 30.0, 0.0)
    less, as_is, more = town("less", heights, slice(1, None)), town("as-is", heights), town("more", taller)
    for bright, dark in ((less, as_is), (as_is, more)):
        both = bright.index.intersection(dark.index).drop("b00000", level=0, errors="ignore")
        assert len(both) >= 8
        assert (dark[both] <= bright[both] * (1 + 1e-9)).all()
    assert more.sum() < less.sum() + more.loc["b00000"].sum()
    highest = town("highest", np.where(np.arange(9) == 0, 80.0, heights)).loc[["b00000"]]
    pd.testing.assert_series_equal(highest, town("alone", np.full(9, 80.0), slice(0, 1)), rtol=1e-12)
