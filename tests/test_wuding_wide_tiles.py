"""Tiles stay narrow enough for the rasters that are in memory under them: surface model, trees, fine DEM."""

from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from geo.packed import Packed
from geo.rasters import prepare_raster
from geo.terrain import Terrain
from wuding import elevation, workers
from wuding.inputs import CELLS_IN_MEMORY, prepare
from wuding.study import load_study

# rasterio itself multiplies transforms in the way that affine will drop
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")

X0, Y0, APART = 490_000.0, 4_050_000.0, 20_000.0


def raster(file: Path, cell: float, value: float, wide: float) -> None:
    """Cover some metres from the first hamlet on."""
    cells = int((wide + 3000) / cell)
    place = from_origin(X0 - 3000, Y0 + wide, cell, cell)
    with rasterio.open(
        file, "w", driver="GTiff", width=cells, height=cells, count=1, dtype="float32", crs="EPSG:4548", transform=place
    ) as out:
        out.write(np.full((cells, cells), value, np.float32), 1)


@pytest.mark.parametrize(
    ("terrain", "narrow"),
    [('dem = "flat"', False), ('dem = "dem.tif"', False), ('dem = "flat"\ncanopy = "trees.tif"\nsurface_resolution = 2.0', True)],
)
def test_a_tile_is_no_wider_than_its_rasters_allow(tmp_path: Path, terrain: str, narrow: bool) -> None:
    """Two hamlets 28 km apart are one tile where the ground is flat or coarse, and two where trees are read in cells of 2 m."""
    x, y = np.meshgrid([0.0, 60.0], [0.0, 60.0])
    west = shapely.box(X0 + x, Y0 + y, X0 + x + 12, Y0 + y + 10).ravel()
    both = np.concatenate([west, shapely.transform(west, lambda xy: xy + APART)])
    gpd.GeoDataFrame({"h": [6.0] * 8, "use": ["农房"] * 8}, geometry=both, crs="EPSG:4548").to_file(tmp_path / "houses.gpkg")
    raster(tmp_path / "dem.tif", 30.0, 50.0, APART + 3000)
    raster(tmp_path / "trees.tif", 20.0, 8.0, 500.0)
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "x"\ncrs = "EPSG:4548"\n[buildings]\npath = "houses.gpkg"\ncolumns = { height = "h", use = "use" }\n'
        f'[terrain]\n{terrain}\n[weather]\nsource = "climatology"\n',
        encoding="utf-8",
    )
    tiles = prepare(load_study(tmp_path / "study.toml"), tmp_path / "work", (2021, 2025), lambda *_: None).tiles
    assert tiles["assess"].sum() == 8
    assert len(tiles) == (2 if narrow else 1)
    if narrow:
        assert ((tiles["right"] - tiles["left"]) * (tiles["top"] - tiles["bottom"])).max() <= CELLS_IN_MEMORY * 2.0**2


def test_wide_windows_of_the_surface_model_are_measured_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two houses 1 km apart, each 7 m over flat ground: never the 250,000 cells between them."""
    apart = 1000.0
    monkeypatch.setattr(elevation, "MEASURED_CELLS", 1e5)
    both = np.array([shapely.box(X0, Y0, X0 + 12, Y0 + 10), shapely.box(X0 + apart, Y0 + apart, X0 + apart + 12, Y0 + apart + 10)])
    raster(tmp_path / "dsm.tif", 20.0, 57.0, apart + 3000)
    raster(tmp_path / "dem.tif", 30.0, 50.0, apart + 3000)
    prepare_raster(tmp_path / "dsm.tif", tmp_path / "surface.tif", "EPSG:4548", resolution=2.0)
    prepare_raster(tmp_path / "dem.tif", tmp_path / "terrain.tif", "EPSG:4548")
    looked_at: list[tuple[float, ...]] = []
    take = elevation.read_window
    monkeypatch.setattr(elevation, "read_window", lambda path, bounds, pad: looked_at.append(bounds) or take(path, bounds, pad=pad))
    table = pd.DataFrame({"building_id": ["a", "b"], "ground_elevation_m": 50.0})
    shapes = Packed.of([both], pyproj.CRS(4548))
    ground = Terrain.from_raster(tmp_path / "terrain.tif")
    found = elevation.measured_heights(table, shapes, ground, tmp_path / "surface.tif", np.ones(2, bool))
    assert found == pytest.approx([7.0, 7.0], abs=1e-4)
    assert sorted(box[2] - box[0] for box in looked_at) == [12.0, 12.0]


@pytest.mark.parametrize(("buildings", "cells", "parts"), [(4000, 0.0, 1), (4000, 9e7, 3), (40_000, 0.0, 2), (1, 9e7, 3)])
def test_a_tile_is_split_by_its_buildings_and_its_rasters(
    monkeypatch: pytest.MonkeyPatch, buildings: int, cells: float, parts: int
) -> None:
    """A worker of 2 GB has 1.55 GB for tiles; 4,000 buildings take 0.24 GB, 90 million cells 3.6 GB."""
    worker = SimpleNamespace(memory_manager=SimpleNamespace(memory_limit=2e9))
    monkeypatch.setattr(workers, "get_worker", lambda: worker)
    assert workers._parts_in_memory(buildings, cells) == parts
