"""Horizons on a real surface model against brute force and against GRASS r.horizon."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from scipy.ndimage import maximum_filter

from geo.grid import Grid
from geo.horizons import horizons
from geo.rasters import prepare_raster, read_window
from geo.surface_raster import Surface, near_surface

from .conftest import DATA
from .test_geo_horizons import brute, within_goals

pytestmark = [
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
    pytest.mark.skipif(not (DATA / "ccny").is_dir(), reason="the shared data set ccny is absent (WUDING_DATA)"),
]
REACH = 150.0  # m; the set is 457 x 501 m
NONE = np.empty(0, object), np.empty(0)
GRASS = shutil.which("grass")


@pytest.fixture(scope="module")
def dsm(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    """The whole surface model on the global grid."""
    target = tmp_path_factory.mktemp("ccny") / "dsm.tif"
    facts = prepare_raster(DATA / "ccny" / "ccny_dsm_1m.tif", target, "EPSG:26918", resolution=1.0)
    return read_window(target, facts.covered_bounds)


def raster(dsm: Grid) -> Surface:
    return near_surface(dsm.bounds, 1.0, *NONE, dsm)


def high_points(dsm: Grid, count: int, flat: int = 0) -> np.ndarray:
    """Cell centres on roofs far from the edge, 20 cm above the surface; with `flat` nothing rises within so many cells."""
    left, bottom, right, top = dsm.bounds
    rng, margin = np.random.default_rng(5), REACH + 2
    x = np.floor(rng.uniform(left + margin, right - margin, 4000)) + 0.5
    y = np.floor(rng.uniform(bottom + margin, top - margin, 4000)) + 0.5
    z = dsm.sample(x, y)
    row, column = (top - y).astype(int), (x - left).astype(int)
    around = maximum_filter(dsm.values, 2 * flat + 1)[row, column]
    roof = np.flatnonzero((z > np.nanpercentile(dsm.values, 60)) & (around <= z + 0.3))[:count]
    return np.column_stack([x[roof], y[roof], z[roof] + 0.2])


def test_every_cell_by_brute_force(dsm: Grid) -> None:
    points = high_points(dsm, 16)
    # off the centres: from there a ray on the diagonal clips corners by less than the brute force's steps
    points[:, :2] += np.random.default_rng(7).uniform(-0.4, 0.4, (len(points), 2))
    got = horizons(points, surface=raster(dsm), near_reach=REACH)
    within_goals(got, np.array([brute(dsm, p, REACH, 30) for p in points]))


@pytest.mark.skipif(GRASS is None, reason="GRASS is not installed (Debian: grass-core)")
def test_grass_sees_the_same(dsm: Grid, tmp_path: Path) -> None:
    """
    One line a direction on both sides, from level parts of roofs.

    GRASS samples the surface at steps of half a cell, ours meets each cell at its near edge: a wall 10 m off differs by up to a cell in
    distance, 10 % of its tangent, and ours stands the higher.
    """
    raw = tmp_path / "dsm.tif"
    left, _, _, top = dsm.bounds
    ny, nx = dsm.values.shape
    with rasterio.open(
        raw,
        "w",
        driver="GTiff",
        width=nx,
        height=ny,
        count=1,
        dtype="float32",
        crs="EPSG:26918",
        transform=from_origin(left, top, 1.0, 1.0),
    ) as out:
        out.write(dsm.values, 1)
    points = high_points(dsm, 24, 10)
    points[:, 2] -= 0.2
    seen = grass_horizons(raw, points, tmp_path)
    # a ray a sector, as GRASS has it; our own ray of a sector is its middle
    ours = horizons(points, surface=raster(dsm), near_reach=REACH, sub_rays=1)
    error = ours - seen
    assert np.median(np.abs(error)) <= 0.5
    assert 0.0 <= error.mean() <= 1.0
    assert (np.abs(error) <= 2.0).mean() >= 0.9
    # directions are not swapped or turned: any other reading agrees much worse
    for wrong in (np.roll(seen, 1, axis=1), np.roll(seen, 18, axis=1), np.roll(seen, 36, axis=1), seen[:, (72 - np.arange(72)) % 72]):
        assert np.abs(ours - wrong).mean() > 1.5 * np.abs(error).mean()


def grass_horizons(raw: Path, points: np.ndarray, folder: Path) -> np.ndarray:
    """Run r.horizon on points; azimuths clockwise from north, shape (p, 72)."""
    script = folder / "horizon.sh"
    calls = [
        f"r.horizon -dc elevation=dsm coordinates={x:.1f},{y:.1f} step=5 maxdistance={REACH} distance=0.5 >> '{folder / 'out.txt'}'"
        for x, y, _ in points
    ]
    script.write_text("\n".join([f"r.in.gdal -o input='{raw}' output=dsm --quiet", "g.region raster=dsm", *calls]), encoding="utf-8")
    done = subprocess.run(
        [str(GRASS), "--tmp-location", "EPSG:26918", "--exec", "sh", str(script)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    lines = (folder / "out.txt").read_text(encoding="utf-8").splitlines()
    table = np.array([line.split(",") for line in lines if line[:1].isdigit()], float).reshape(len(points), 72, 2)
    return np.array([np.maximum(rows[np.argsort(rows[:, 0]), 1], 0.0) for rows in table])
