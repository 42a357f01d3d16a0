"""Rasters as they come: onto the global grid, with and without nodata tags, in tiles, in feet, broken."""

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from pyproj import Transformer
from rasterio.errors import RasterioIOError
from rasterio.transform import Affine, from_origin

from geo.errors import GeoError
from geo.rasters import prepare_raster, read_window, writing
from geo.terrain import Terrain

# rasterio itself multiplies transforms in the way that affine will drop
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")

X0, Y0, CRS = 500_010.0, 4_056_000.0, "EPSG:4548"


def write(path: Path, values: np.ndarray, transform: Affine, crs: str | None = CRS, unit: str = "", **more: object) -> Path:
    bands = values if values.ndim == 3 else values[None]
    size = {"width": bands.shape[2], "height": bands.shape[1], "count": bands.shape[0], "dtype": bands.dtype}
    with rasterio.open(path, "w", driver="GTiff", transform=transform, crs=crs, **size, **more) as out:
        out.write(bands)
        if unit:
            out.set_band_unit(1, unit)
    return path


def plane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 100 + 0.01 * (x - X0) + 0.02 * (Y0 - y)


def plane_raster(path: Path, left: float = X0, top: float = Y0, n: int = 60, size: float = 30.0, **more: object) -> Path:
    x, y = left + (np.arange(n) + 0.5) * size, top - (np.arange(n) + 0.5) * size
    return write(path, plane(x[None, :], y[:, None]).astype(np.float32), from_origin(left, top, size, size), **more)  # type: ignore[arg-type]


def test_already_on_the_grid_is_unchanged(tmp_path: Path) -> None:
    facts = prepare_raster(plane_raster(tmp_path / "a.tif"), tmp_path / "dem.tif", CRS)
    with rasterio.open(tmp_path / "a.tif") as a, rasterio.open(tmp_path / "dem.tif") as b:
        np.testing.assert_allclose(a.read(1), b.read(1), atol=1e-4)
        assert np.isnan(b.nodata)
    assert (facts.resolution, facts.shape, facts.covered_share) == (30.0, (60, 60), 1.0)
    assert facts.covered_bounds == facts.bounds == (X0, Y0 - 1800, X0 + 1800, Y0)
    assert "every cell counts" in facts.nodata


def test_a_shifted_grid_is_put_onto_multiples(tmp_path: Path) -> None:
    source = plane_raster(tmp_path / "a.tif", X0 + 7, Y0 - 11)
    prepare_raster(source, tmp_path / "dem.tif", CRS)
    terrain = Terrain.from_raster(tmp_path / "dem.tif")
    assert terrain.bounds[0] % 30 == 0
    x, y = X0 + np.array([300.0, 1000.0]), Y0 - np.array([900.0, 400.0])
    np.testing.assert_allclose(terrain.elevation(x, y), plane(x, y), atol=0.02)  # a plane survives bilinear resampling


def test_from_degrees(tmp_path: Path) -> None:
    back = Transformer.from_crs("EPSG:4326", CRS, always_xy=True)
    lon, lat, step = 116.99, 36.66, 1 / 3600
    glon, glat = np.meshgrid(lon + (np.arange(120) + 0.5) * step, lat - (np.arange(120) + 0.5) * step)
    values = plane(*back.transform(glon, glat)).astype(np.float32)
    write(tmp_path / "a.tif", values, from_origin(lon, lat, step, step), "EPSG:4326")
    facts = prepare_raster(tmp_path / "a.tif", tmp_path / "dem.tif", CRS, resolution=30.0)
    x, y = back.transform(117.0, 36.65)
    found = Terrain.from_raster(tmp_path / "dem.tif").elevation([x], [y])[0]
    assert found == pytest.approx(plane(np.array(x), np.array(y)), abs=0.1)  # GDAL's eighth of a cell on a slope of 2 %
    assert facts.source_crs == "EPSG:4326"
    assert facts.covered_share > 0.95


@pytest.mark.parametrize(("fill", "tagged"), [(-9999.0, False), (-32768.0, True), (np.nan, False), (3.4e38, False), (-9999.0, True)])
def test_nodata_is_recognised_and_told(tmp_path: Path, fill: float, tagged: bool) -> None:
    values = np.full((40, 40), 50.0, np.float32)
    values[:10] = fill
    write(tmp_path / "a.tif", values, from_origin(X0, Y0, 30, 30), nodata=fill if tagged else None)
    facts = prepare_raster(tmp_path / "a.tif", tmp_path / "dem.tif", CRS)
    assert (facts.minimum, facts.maximum) == (50.0, 50.0)
    assert facts.covered_bounds[3] == Y0 - 300
    assert ("tag" in facts.nodata and f"{fill:g}" in facts.nodata) or "are taken as empty" in facts.nodata or "NaN" in facts.nodata


def test_folder_of_tiles_equals_one_file_and_chunks_do_not_show(tmp_path: Path) -> None:
    plane_raster(tmp_path / "one.tif", n=1100, size=10.0)
    (tmp_path / "tiles").mkdir()
    for a in range(2):
        plane_raster(tmp_path / "tiles" / f"{a}.tif", X0 + a * 5500, Y0, n=1100 if a else 550, size=10.0)
    bounds = (X0, Y0 - 5500, X0 + 11_000, Y0)
    for name in ("one.tif", "tiles"):
        prepare_raster(tmp_path / name, tmp_path / f"{Path(name).stem}_dem.tif", CRS, bounds=bounds)
    one, tiles = (read_window(tmp_path / f"{n}_dem.tif", (X0 + 100, Y0 - 5400, X0 + 10_900, Y0 - 100)) for n in ("one", "tiles"))
    np.testing.assert_allclose(one.values, tiles.values, atol=1e-3)


def test_feet_become_metres(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.full((20, 20), 100.0, np.float32), from_origin(X0, Y0, 30, 30), unit="ft")
    facts = prepare_raster(tmp_path / "a.tif", tmp_path / "dem.tif", CRS)
    assert facts.maximum == pytest.approx(30.48, abs=1e-4)
    assert "converted" in facts.nodata


def test_feet_of_a_vertical_crs_become_metres(tmp_path: Path) -> None:
    # EPSG:6360 is NAVD88 height in US survey feet: 1200 / 3937 m
    write(tmp_path / "a.tif", np.full((20, 20), 100.0, np.float32), from_origin(X0, Y0, 30, 30), crs="EPSG:4548+6360")
    facts = prepare_raster(tmp_path / "a.tif", tmp_path / "dem.tif", CRS)
    assert facts.maximum == pytest.approx(100 * 1200 / 3937, abs=1e-4)
    assert "converted" in facts.nodata


@pytest.mark.parametrize("transform", [Affine(30, 8, X0, 8, -30, Y0), Affine(30, 0, X0, 0, 30, Y0 - 1800), Affine(0, 30, X0, -30, 0, Y0)])
def test_turned_and_upside_down_rasters_lie_where_they_say(tmp_path: Path, transform: Affine) -> None:
    column, row = np.meshgrid(np.arange(60) + 0.5, np.arange(60) + 0.5)
    x, y = transform.a * column + transform.b * row + transform.c, transform.d * column + transform.e * row + transform.f
    write(tmp_path / "a.tif", plane(x, y).astype(np.float32), transform)
    prepare_raster(tmp_path / "a.tif", tmp_path / "dem.tif", CRS, resolution=30.0)
    inside = np.s_[20:40:5, 20:40:5]
    found = Terrain.from_raster(tmp_path / "dem.tif").elevation(x[inside].ravel(), y[inside].ravel())
    # resampling a turned plane bilinearly is exact but for GDAL's eighth of a cell on a slope of 2 %
    np.testing.assert_allclose(found, plane(x, y)[inside].ravel(), atol=0.1)


def test_zero_is_empty_only_where_no_ground_comes_near_it(tmp_path: Path) -> None:
    values = np.full((40, 40), 50.0, np.float32)
    values[:10] = 0
    write(tmp_path / "a.tif", values, from_origin(X0, Y0, 30, 30))
    facts = prepare_raster(tmp_path / "a.tif", tmp_path / "dem.tif", CRS)
    assert facts.minimum == 50
    assert "400 cells of exactly 0" in facts.nodata
    values[10] = 1.5  # a coast
    write(tmp_path / "a.tif", values, from_origin(X0, Y0, 30, 30))
    facts = prepare_raster(tmp_path / "a.tif", tmp_path / "dem.tif", CRS)
    assert (facts.minimum, facts.covered_share) == (0, 1)


def test_a_second_fill_beside_the_tag_is_told(tmp_path: Path) -> None:
    values = np.full((40, 40), 50.0, np.float32)
    values[:10], values[10:20] = -9999, -3.4e38
    write(tmp_path / "a.tif", values, from_origin(X0, Y0, 30, 30), nodata=-9999)
    facts = prepare_raster(tmp_path / "a.tif", tmp_path / "dem.tif", CRS)
    assert facts.minimum == 50
    assert "nodata tag -9999" in facts.nodata
    assert "besides" in facts.nodata


def test_the_finest_of_overlapping_tiles_wins_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "tiles").mkdir()
    write(tmp_path / "tiles" / "a.tif", np.full((20, 20), 10.0, np.float32), from_origin(X0, Y0, 30, 30))
    write(tmp_path / "tiles" / "b.asc.tif", np.full((60, 60), 20.0, np.float32), from_origin(X0, Y0, 5, 5))
    facts = prepare_raster(tmp_path / "tiles", tmp_path / "dem.tif", CRS)
    assert (facts.resolution, facts.files) == (5.0, 2)
    terrain = Terrain.from_raster(tmp_path / "dem.tif")
    np.testing.assert_allclose(terrain.elevation([X0 + 100, X0 + 450], [Y0 - 100, Y0 - 450]), [20, 10])
    both = prepare_raster(tmp_path / "tiles" / "*.tif", tmp_path / "again.tif", CRS)
    assert both.files == 2


@pytest.mark.parametrize(("driver", "name"), [("HFA", "a.img"), ("AAIGrid", "a.asc"), ("VRT", "a.vrt")])
def test_other_formats(tmp_path: Path, driver: str, name: str) -> None:
    source = plane_raster(tmp_path / "a.tif")
    rasterio.shutil.copy(source, tmp_path / name, driver=driver)
    prepare_raster(source, tmp_path / "one.tif", CRS)
    prepare_raster(tmp_path / name, tmp_path / "two.tif", CRS)
    with rasterio.open(tmp_path / "one.tif") as one, rasterio.open(tmp_path / "two.tif") as two:
        np.testing.assert_allclose(one.read(1), two.read(1), atol=1e-3)  # an ASC has six digits


def test_windows_are_padded_and_aligned(tmp_path: Path) -> None:
    prepare_raster(plane_raster(tmp_path / "a.tif"), tmp_path / "dem.tif", CRS)
    window = read_window(tmp_path / "dem.tif", (X0 + 10, Y0 - 100, X0 + 50, Y0 - 50), pad=100)
    assert window.bounds == (X0 - 90, Y0 - 210, X0 + 150, Y0 + 60)
    assert np.isnan(window.values[:2]).all()
    assert np.isnan(window.values[:, :3]).all()
    assert np.isfinite(window.values[2:, 3:]).all()
    assert np.isnan(read_window(tmp_path / "dem.tif", (0, 0, 100, 100)).values).all()


def test_terrain_near_and_far_points(tmp_path: Path) -> None:
    prepare_raster(plane_raster(tmp_path / "a.tif", n=1200), tmp_path / "dem.tif", CRS)
    terrain = Terrain.from_raster(tmp_path / "dem.tif")
    rng = np.random.default_rng(0)
    x, y = X0 + rng.uniform(100, 35_000, 300), Y0 - rng.uniform(100, 35_000, 300)
    np.testing.assert_allclose(terrain.elevation(x, y), plane(x, y), atol=0.01)
    assert terrain.elevation(x[:1], y[:1])[0] == terrain.elevation(x, y)[0]
    assert terrain.covers([X0 + 50, X0 - 50], [Y0 - 50, Y0]).tolist() == [True, False]
    assert terrain.relief == pytest.approx(0.03 * 36_000, rel=0.01)


def test_flat_is_said_and_flat() -> None:
    flat = Terrain.flat(12.0)
    assert flat.is_flat
    assert flat.relief == 0
    assert flat.window((0, 0, 1, 1)) is None
    assert flat.elevation([0, np.nan], [0, 0]).tolist()[0] == 12.0
    assert flat.covers([0, np.nan], [0, 0]).tolist() == [True, False]


def test_errors(tmp_path: Path) -> None:
    target = tmp_path / "dem.tif"
    (tmp_path / "broken.tif").write_bytes(b"II*\0 nothing")
    (tmp_path / "empty").mkdir()
    grid = from_origin(X0, Y0, 30, 30)
    cases = [
        (tmp_path / "none.tif", CRS, "does not exist"),
        (tmp_path / "broken.tif", CRS, "cannot be read"),
        (tmp_path / "empty", CRS, "holds no raster"),
        (write(tmp_path / "nocrs.tif", np.ones((9, 9), np.float32), grid, None), CRS, "names no CRS"),
        (write(tmp_path / "void.tif", np.full((9, 9), -9999, np.float32), grid, nodata=-9999), CRS, "no data"),
        (write(tmp_path / "rgb.tif", np.ones((3, 9, 9), np.uint8), grid), CRS, "picture"),
        (plane_raster(tmp_path / "good.tif"), "EPSG:4490", "not a projected CRS"),
        (tmp_path / "good.tif", "no such thing", "no CRS"),
    ]
    for source, crs, words in cases:
        with pytest.raises(GeoError, match=words):
            prepare_raster(source, target, crs)
    with pytest.raises(GeoError, match="does not reach"):
        prepare_raster(tmp_path / "good.tif", target, CRS, bounds=(0, 0, 100, 100))
    with pytest.raises(GeoError, match="prepare_raster first"):
        Terrain.from_raster(tmp_path / "good.tif")
    with pytest.raises(GeoError, match="cannot be read"):
        read_window(tmp_path / "none.tif", (0, 0, 1, 1))


@pytest.mark.parametrize("fault", [True, False])
def test_a_full_disk_is_told_from_other_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: bool) -> None:
    """GDAL says only that writing failed, and nothing at all where the last blocks are lost while the file is closed."""
    usage = shutil.disk_usage(tmp_path)
    for free, kind in ((usage.free, RasterioIOError), (0, OSError)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        if not fault and free:
            with writing(tmp_path / "a.tif"):
                pass
            continue
        with pytest.raises(kind) as caught, writing(tmp_path / "a.tif"):
            if fault:
                raise RasterioIOError("Write failed.")
        assert free or (caught.type is OSError and caught.value.errno == errno.ENOSPC)
    with pytest.raises(GeoError, match=r"prepared raster dem\.tif takes about"):
        prepare_raster(plane_raster(tmp_path / "a.tif"), tmp_path / "dem.tif", CRS)
