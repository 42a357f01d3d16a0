"""Tiles stay narrow enough for the rasters that are in memory under them: surface model, trees, fine DEM."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

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
