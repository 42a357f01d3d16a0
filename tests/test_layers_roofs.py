"""Which roofs are measured, which follow the archetype, and what that means for heights, obstacles and the tables of a run."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from geo.archetypes import load_archetypes
from geo.grid import Grid
from geo.terrain import Terrain
from layers.roofs import TileRoofs, measured_confidence, tile_roofs

from .conftest import run_county

GROUND = 10.0


def scene() -> tuple[gpd.GeoDataFrame, Grid]:
    """A shed roof on the surface model, a house built after its flight, and one beyond its edge."""
    plans = [shapely.box(10, 10, 22, 18), shapely.box(40, 10, 52, 18), shapely.box(140, 10, 152, 18)]
    rows = gpd.GeoDataFrame(
        {
            "ground_elevation_m": [GROUND] * 3,
            "height_m": [5.0, 6.0, 7.0],
            "stale_surface": [False, True, False],
            "use": ["unknown"] * 3,
            "tilt_given": [np.nan] * 3,
        },
        geometry=plans,
    )
    x, y = np.meshgrid(np.arange(100) + 0.5, 50.0 - np.arange(50) - 0.5)
    values = np.where(shapely.contains_xy(plans[0], x, y), GROUND + 5.0 + 0.3 * (y - 14.0), GROUND)
    values[(np.abs(x - 16.5) < 1.0) & (np.abs(y - 14.5) < 1.0)] += 2.0
    return rows, Grid(values.astype(np.float32), 0.0, 50.0, 1.0)


def roofs(dsm: Grid | None) -> TileRoofs:
    rows, _ = scene()
    kinds = load_archetypes().choose(rows["use"], rows["height_m"], rows.geometry.area)
    return tile_roofs(rows, kinds, dsm)


def test_each_building_takes_the_best_there_is() -> None:
    _, dsm = scene()
    shape = roofs(dsm)
    assert shape.measured.tolist() == [True, False, False]
    assert np.all(np.diff(shape.surfaces.building) >= 0) and set(shape.surfaces.building) == {0, 1, 2}
    assert shape.surfaces.roof_tilt[0] == pytest.approx(np.degrees(np.arctan(0.3)), abs=0.1)
    assert shape.surfaces.roof_azimuth[0] == pytest.approx(180.0, abs=0.5)
    # the chimney of one cell, on the slope
    assert shape.obstacle_area_m2[0] == pytest.approx(np.hypot(1.0, 0.3), rel=0.01)
    assert np.isnan(shape.obstacle_area_m2[1:]).all()
    assert measured_confidence(shape.fit)[0] == pytest.approx(0.95 * (1.0 - 1.0 / 60.0), abs=0.01)
    assert np.isnan(shape.fit[1:]).all()


def test_without_a_surface_model_all_roofs_are_archetypes() -> None:
    shape = roofs(None)
    assert not shape.measured.any() and np.isnan(shape.obstacle_area_m2).all()
    number = np.arange(len(shape.surfaces.building))
    xy = shapely.get_coordinates(shapely.centroid(shape.surfaces.geometry))
    assert shape.height(number, xy, None).tolist() == [GROUND + [5.0, 6.0, 7.0][b] for b in shape.surfaces.building]


def test_what_no_flight_can_have_seen_may_stand_alone() -> None:
    rows, dsm = scene()
    alone = rows.iloc[[1]].reset_index(drop=True)
    kinds = load_archetypes().choose(alone["use"], alone["height_m"], alone.geometry.area)
    shape, plain = tile_roofs(alone, kinds, dsm), tile_roofs(alone, kinds, None)
    assert not shape.measured.any()
    assert shape.surfaces.geometry.tolist() == plain.surfaces.geometry.tolist()


def test_points_stand_on_the_plane_or_on_top() -> None:
    _, dsm = scene()
    shape = roofs(dsm)
    number = np.array([0, 0, *np.flatnonzero(shape.surfaces.building == 1)[:1], *np.flatnonzero(shape.surfaces.building == 2)[:1]])
    xy = np.array([[16.0, 11.0], [16.0, 17.0], [45.0, 15.0], [145.0, 15.0]])
    # on the slope 3 m down and 3 m up from its middle; on the tops of the others
    assert shape.height(number, xy, dsm) == pytest.approx([GROUND + 5.0 - 0.9, GROUND + 5.0 + 0.9, GROUND + 6.0, GROUND + 7.0], abs=0.01)
    higher = Grid(np.full((50, 100), GROUND + 9.0, dtype=np.float32), 0.0, 50.0, 1.0)
    assert shape.height(number[2:], xy[2:], higher) == pytest.approx([GROUND + 9.0, GROUND + 7.0])


def test_a_run_says_which_roofs_are_measured(county: Path, tmp_path: Path) -> None:
    """A surface model over a few houses: one stands on it, the rest of what it covers is not shown."""
    source = gpd.read_file(county / "buildings.gpkg")
    house = source[source.geometry.area > 150.0].iloc[0]
    x, y = np.round(shapely.get_coordinates(house.geometry.centroid)[0])
    terrain = county / "run" / ".work" / "terrain.tif"
    if not terrain.exists():
        run_county(county, county / "run", tile_buildings=10_000)
    gx, gy = np.meshgrid(x - 150 + np.arange(300) + 0.5, y + 150 - np.arange(300) - 0.5)
    ground = Terrain.from_raster(terrain).elevation(gx.ravel(), gy.ravel()).reshape(gx.shape)
    values = np.where(shapely.contains_xy(house.geometry.buffer(0.7), gx, gy), np.nanmean(ground) + 9.0, ground)
    with rasterio.open(
        county / "patch.tif", "w", driver="GTiff", width=300, height=300, count=1, dtype="float32", crs=source.crs,
        transform=rasterio.transform.from_origin(x - 150, y + 150, 1.0, 1.0), nodata=-9999.0,
    ) as file:  # fmt: skip
        file.write(values.astype(np.float32), 1)
    from wuding.study import load_study

    section = load_study(county / "study.toml").terrain.model_copy(update={"dsm": "patch.tif"})
    run_county(county, tmp_path, tile_buildings=300, changes={"terrain": section})
    buildings = gpd.read_parquet(tmp_path / "buildings.parquet")
    table = gpd.read_parquet(tmp_path / "roofs")
    measured = buildings[buildings["data_tier"] == "dsm"]
    assert len(measured) >= 1 and measured.geometry.intersects(house.geometry).any()
    own = table[table["building_id"].isin(measured["building_id"])]
    assert (own["data_tier"] == "dsm").all() and (own["roof_tilt"] == 0.0).all()
    assert own["confidence"].between(0.5, 0.95).all()
    patch = shapely.box(x - 150, y - 150, x + 150, y + 150)
    others = buildings[(buildings["status"] == "assessed") & (buildings["data_tier"] != "dsm")]
    inside, outside = others.geometry.within(patch), others.geometry.disjoint(patch)
    assert inside.any() and outside.any()
    unseen = others[inside & ~others["stale_surface"]]
    assert unseen.empty, unseen[["building_id", "height_m", "footprint_area_m2", "confidence"]]
    assert not others.loc[outside, "stale_surface"].any()
    parts = ["setback_area_m2", "obstacle_area_m2", "existing_area_m2", "excluded_area_m2", "shaded_out_area_m2", "usable_area_m2"]
    np.testing.assert_allclose(table[parts].sum(axis=1), table["area_m2"], rtol=1e-9)
