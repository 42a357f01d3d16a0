"""Surface models that pass for ground: noticed, levelled, and bare ground left alone. Truth is made up, so every error is known."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
from rasterio.transform import from_origin

from geo.bare_earth import level_bumps, rise_under_buildings
from geo.rasters import prepare_raster
from geo.terrain import Terrain

from .conftest import DATA

SIZE = 30.0
LEFT, TOP = 499_980.0, 4_060_020.0


def ground(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Hills of 40 m over 2 km, on a slope of 2 %."""
    return 100.0 + 0.02 * (x - LEFT) + 20.0 * np.sin((x - LEFT) / 640.0) * np.cos((y - TOP) / 640.0)


def town(rng: np.random.Generator) -> np.ndarray:
    """Halls of 60 x 40 m somewhere in each square of a net of 150 m."""
    x, y = np.meshgrid(np.arange(300, 3300, 150.0), np.arange(300, 3300, 150.0))
    x, y = x.ravel() + rng.uniform(0, 30, x.size), y.ravel() + rng.uniform(0, 30, y.size)
    return shapely.box(LEFT + x, TOP - y, LEFT + x + 60, TOP - y + 40)


def write(path: Path, halls: np.ndarray, height: float) -> np.ndarray:
    """Write ground plus the share of each cell that halls cover, times their height; give the true ground."""
    n = 120
    x, y = np.meshgrid(LEFT + (np.arange(n) + 0.5) * SIZE, TOP - (np.arange(n) + 0.5) * SIZE)
    truth = ground(x, y)
    fine = rasterio.features.rasterize(
        ((h, 1) for h in halls), out_shape=(n * 6, n * 6), transform=from_origin(LEFT, TOP, SIZE / 6, SIZE / 6), dtype="uint8"
    )
    shown = truth + height * fine.reshape(n, 6, n, 6).mean(axis=(1, 3))
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": "EPSG:4548", "nodata": np.nan, "width": n, "height": n}
    with rasterio.open(path, "w", transform=from_origin(LEFT, TOP, SIZE, SIZE), **profile) as out:
        out.write(shown.astype(np.float32), 1)
        out.update_tags(minimum=repr(float(shown.min())), maximum=repr(float(shown.max())))
    return truth


@pytest.fixture
def halls() -> np.ndarray:
    return town(np.random.default_rng(1))


def test_bare_ground_is_left_alone(tmp_path: Path, halls: np.ndarray) -> None:
    write(tmp_path / "dem.tif", halls, 0.0)
    rise = rise_under_buildings(Terrain.from_raster(tmp_path / "dem.tif"), halls)
    assert rise.buildings == len(halls)
    # a float32 DEM of hills read between 30 m cells: centimetres
    assert abs(rise.rise_m) < 0.1
    assert not rise.is_surface


def test_a_surface_model_is_noticed_and_its_bumps_go(tmp_path: Path, halls: np.ndarray) -> None:
    file = tmp_path / "dem.tif"
    truth = write(file, halls, 12.0)
    before = Terrain.from_raster(file)
    rise = rise_under_buildings(before, halls)
    assert rise.is_surface
    assert 4.0 < rise.rise_m < 12.0
    x, y = shapely.get_coordinates(shapely.centroid(halls)).T
    assert np.abs(before.elevation(x, y) - ground(x, y)).min() > 3.0
    share = level_bumps(file, halls)
    assert 0.05 < share < 0.6
    with rasterio.open(file) as data:
        after = data.read(1)
        assert float(data.tags()["maximum"]) == pytest.approx(float(after.max()))
    error = Terrain.from_raster(file).elevation(x, y) - ground(x, y)
    # of 12 m at most 1 m is left under the halls; the hills bend by decimetres between cells 60 m apart
    assert np.median(np.abs(error)) < 1.0
    assert (after <= truth + 12.0 + 1e-3).all()
    assert not rise_under_buildings(Terrain.from_raster(file), halls).is_surface


def test_small_houses_and_flat_ground_tell_nothing(tmp_path: Path) -> None:
    write(tmp_path / "dem.tif", np.array([], dtype=object), 0.0)
    houses = shapely.box(np.arange(30) * 20.0 + LEFT + 300, TOP - 500, np.arange(30) * 20.0 + LEFT + 310, TOP - 490)
    assert rise_under_buildings(Terrain.from_raster(tmp_path / "dem.tif"), houses).buildings == 0
    assert rise_under_buildings(Terrain.flat(), houses).buildings == 0


def test_the_surface_model_of_ccny_becomes_ground(tmp_path: Path) -> None:
    folder, file = DATA / "ccny", DATA / "new-york" / "buildings.gpkg"
    if not file.is_file():
        pytest.skip("the real data are not beside this checkout")
    with rasterio.open(folder / "ccny_dsm_1m.tif") as data:
        rows, columns = data.height // 5 * 5, data.width // 5 * 5
        coarse = data.read(1)[:rows, :columns].reshape(rows // 5, 5, columns // 5, 5).mean(axis=(1, 3))
        profile = {
            "driver": "GTiff",
            "dtype": "float32",
            "count": 1,
            "crs": data.crs,
            "transform": data.transform * rasterio.Affine.scale(5),
        }
    with rasterio.open(tmp_path / "source.tif", "w", width=columns // 5, height=rows // 5, **profile) as out:
        out.write(coarse.astype(np.float32), 1)
    prepare_raster(tmp_path / "source.tif", tmp_path / "surface.tif", "EPSG:32618")
    prepare_raster(folder / "ccny_dem_1m.tif", tmp_path / "ground.tif", "EPSG:32618")
    surface, truth = Terrain.from_raster(tmp_path / "surface.tif"), Terrain.from_raster(tmp_path / "ground.tif")
    frame = gpd.read_file(file, bbox=(-73.96, 40.81, -73.94, 40.83)).to_crs(32618)
    shapes = shapely.make_valid(frame.geometry.to_numpy())
    shapes = shapes[shapely.within(shapely.centroid(shapes), shapely.box(*truth.bounds))]
    assert not rise_under_buildings(truth, shapes).is_surface
    assert rise_under_buildings(surface, shapes).is_surface
    x, y = shapely.get_coordinates(shapely.point_on_surface(shapes)).T
    before = surface.elevation(x, y) - truth.elevation(x, y)
    level_bumps(tmp_path / "surface.tif", shapes)
    after = Terrain.from_raster(tmp_path / "surface.tif").elevation(x, y) - truth.elevation(x, y)
    # houses of 13 m are gone but for what trees and courtyards hide: a tenth of it is a step of a DEM of this kind
    assert np.nanmedian(before) > 10.0
    assert abs(np.nanmedian(after)) < 1.0
    assert np.nanmean(np.abs(after)) < 0.15 * np.nanmean(np.abs(before))
