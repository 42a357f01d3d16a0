"""Land, towers and houses together against brute force on hills as steep as a county's southern edge."""

import math

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin
from scipy.ndimage import gaussian_filter

from geo.far_horizons import DROP, far_horizons
from geo.grid import Grid
from geo.horizons import horizons, terrain_halo
from geo.rasters import prepare_raster
from geo.surface_raster import near_surface
from geo.terrain import Terrain
from geo.towers import above_land, ring_end, tower_reach
from geo.walls import walls

from .test_geo_horizons import X0, Y0, around, within_goals

# rasterio itself multiplies transforms in the way that affine will drop
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
CELL, CELLS = 30.0, 668
WEST, TOP = 489_990.0, 4_066_020.0  # on the global grid, so that the DEM is taken as it is
NONE = np.empty(0, object)
LAND_RAYS, WALL_RAYS = 6, 24  # per sector; a wall that ends within a sector is cut to a 24th


def ways(rays: int) -> tuple[np.ndarray, np.ndarray]:
    azimuths = np.radians((np.arange(72 * rays) + 0.5) * 5 / rays - 2.5)
    return np.sin(azimuths), np.cos(azimuths)


@pytest.fixture(scope="module")
def hills(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, Terrain]:
    """Ridges of 0.5 to 6 km and of 900 m in all, rough by some 15 m between neighbouring cells."""
    folder, rng, n = tmp_path_factory.mktemp("hills"), np.random.default_rng(2), CELLS
    values = np.zeros((n, n))
    for cells, metres in ((2, 10.0), (8, 40.0), (25, 110.0), (70, 120.0)):
        bumps = gaussian_filter(rng.standard_normal((n, n)), cells, mode="wrap")
        values += metres * bumps / bumps.std()
    values = (values - values.min()).astype(np.float32)
    raw = folder / "raw.tif"
    place = from_origin(WEST, TOP, CELL, CELL)
    with rasterio.open(raw, "w", driver="GTiff", width=n, height=n, count=1, dtype="float32", crs="EPSG:4548", transform=place) as out:
        out.write(values, 1)
    prepare_raster(raw, folder / "dem.tif", "EPSG:4548", resolution=CELL)
    return values.astype(float), Terrain.from_raster(folder / "dem.tif")


def land_by_hand(values: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Tangent along each ray: bilinear between cells, every half cell to the edge of the DEM, none of the kernel's code."""
    east, north = ways(LAND_RAYS)
    d = np.arange(CELL / 2, CELLS * CELL * 1.4, CELL / 2)
    gx = (point[0] - WEST + east[:, None] * d) / CELL - 0.5
    gy = (TOP - point[1] - north[:, None] * d) / CELL - 0.5
    inside = (gx >= 0) & (gy >= 0) & (gx < len(values) - 1) & (gy < len(values) - 1)
    i, j = np.where(inside, gx, 0).astype(int), np.where(inside, gy, 0).astype(int)
    u, v = gx - i, gy - j
    above, below = values[j, i] * (1 - u) + values[j, i + 1] * u, values[j + 1, i] * (1 - u) + values[j + 1, i + 1] * u
    seen = np.where(inside, (above * (1 - v) + below * v - point[2] - DROP * d**2) / d, 0.0)
    return np.maximum(seen.max(axis=1), 0.0)


def walls_by_hand(polygons: np.ndarray, tops: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Tangent along each ray over every building, however far, by shapely."""
    ends = point[:2] + CELLS * CELL * np.column_stack(ways(WALL_RAYS))
    lines = shapely.linestrings(np.stack([np.broadcast_to(point[:2], ends.shape), ends], axis=1))
    tangent = np.zeros(len(lines))
    ray, building = shapely.STRtree(polygons).query(lines, predicate="intersects")
    distance = shapely.distance(shapely.Point(point[:2]), shapely.intersection(lines[ray], polygons[building]))
    higher = tops[building] > point[2]
    np.maximum.at(tangent, ray[higher], ((tops[building] - point[2]) / np.maximum(distance, 0.5))[higher])
    return tangent


def sectors(tangent: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan(tangent)).reshape(72, -1).mean(axis=1)


def places(terrain: Terrain, count: int) -> np.ndarray:
    rng = np.random.default_rng(4)
    x, y = X0 + rng.uniform(-4000, 4000, count), Y0 + rng.uniform(-4000, 4000, count)
    return np.column_stack([x, y, terrain.elevation(x, y) + rng.choice([4.0, 6.0, 12.0, 40.0], count)])


def test_land_to_the_end_against_every_half_cell(hills: tuple[np.ndarray, Terrain]) -> None:
    values, terrain = hills
    points = places(terrain, 24)
    far = far_horizons(terrain, *points[:, :2].T)
    window = terrain.window(around(X0, Y0, 4000), pad=terrain_halo(CELL))
    error = np.abs(horizons(points, terrain=window, far=far) - [sectors(land_by_hand(values, p)) for p in points])
    # 2 rays a sector against 6, nodes 250 m apart: with nodes of 500 m and no look between the first steps 1.7
    assert error.max() <= 1.2
    assert error.mean() <= 0.1
    assert (error <= 0.7).mean() >= 0.995


def test_land_towers_and_houses_together_against_brute_force(hills: tuple[np.ndarray, Terrain]) -> None:
    values, terrain = hills
    rng = np.random.default_rng(9)
    x, y = X0 + rng.normal(0, 900, 400), Y0 + rng.normal(0, 900, 400)
    half = rng.uniform(4, 25, 400)
    polygons = shapely.box(x - half, y - half, x + half, y + half)
    high = rng.choice([6.0, 9.0, 20.0, 60.0, 150.0], 400, p=[0.4, 0.3, 0.2, 0.07, 0.03])
    tops = terrain.elevation(x, y) + high
    reach = tower_reach(high + above_land(terrain, x, y, half * np.sqrt(2)))
    end = ring_end(reach)
    wide = around(X0, Y0, 45_000)
    towers = {
        ring: walls(wide, polygons[end == ring], tops[end == ring], reach=reach[end == ring], side=ring)
        for ring in np.unique(end[end > 0]).tolist()
    }
    points = np.column_stack([x, y, tops + 0.2])[:12]
    far = far_horizons(terrain, x, y)
    window = terrain.window((x.min(), y.min(), x.max(), y.max()), pad=terrain_halo(CELL))
    got = horizons(points, near=walls(wide, polygons, tops), towers=towers, terrain=window, far=far)
    land = np.array([np.repeat(land_by_hand(values, p), WALL_RAYS // LAND_RAYS) for p in points])
    built = np.array([walls_by_hand(polygons, tops, p) for p in points])
    expected = np.array([sectors(t) for t in np.maximum(land, built)])
    within_goals(got, expected)
    # a tower fills over half of a sector where most of its rays meet one above the land
    filled = (built > land).reshape(-1, 72, WALL_RAYS).mean(axis=2) > 0.5
    assert filled.sum() > 100
    assert (expected - got)[filled].max() <= 1.5


def bilinear(grid: Grid, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Ground between four cell centres, written out by hand."""
    gx, gy = x / grid.resolution - 0.5 - grid.first_column, grid.top_row - y / grid.resolution - 0.5
    i, j = np.floor(gx).astype(int), np.floor(gy).astype(int)
    u, v, cells = gx - i, gy - j, grid.values.astype(float)
    return (cells[j, i] * (1 - u) + cells[j, i + 1] * u) * (1 - v) + (cells[j + 1, i] * (1 - u) + cells[j + 1, i + 1] * u) * v


def slopes(kind: str, cell: float, rng: np.random.Generator) -> Grid:
    """Land of some two kilometres and a half around the origin: its slopes are those of the name, whatever its cells."""
    n = 2 * math.ceil(2600 / cell)
    place = (np.arange(n) + 0.5 - n / 2) * cell
    turn = rng.uniform(0, 2 * np.pi)
    along = place * np.sin(turn) - place[:, None] * np.cos(turn)
    name, degrees = kind.split()
    rise = math.tan(math.radians(float(degrees)))
    if name == "plane":
        values = rise * along
    elif name == "ridges":
        wide = cell * rng.uniform(3, 12)
        values = rise * np.abs((along + rng.uniform(0, wide)) % (2 * wide) - wide)
    elif name == "cliffs":  # from one cell to the next
        values = rise * cell * (np.floor(along / (cell * rng.uniform(3, 8))) % 2)
    else:
        rough = [gaussian_filter(rng.standard_normal((n, n)), m / cell, mode="wrap") for m in (150, 400, 1000)]
        values = sum(rise * m * bumps / bumps.std() for m, bumps in zip((150, 400, 1000), rough, strict=True))
    west, top = round(X0 / cell) - n // 2, round(Y0 / cell) + n // 2
    return Grid(np.asarray(values, np.float32), west * cell, top * cell, cell)


@pytest.mark.parametrize("cell", [90.0, 30.0, 12.5])
@pytest.mark.parametrize("kind", ["plane 40", "ridges 20", "ridges 40", "cliffs 35", "hills 16"])
def test_land_within_and_beyond_the_own_cell_against_steps_of_half_a_metre(kind: str, cell: float) -> None:
    """Points anywhere in a cell, 3 to 20 m above it; without a look between the cells' centres up to 34 degrees were missed."""
    rng = np.random.default_rng(7)
    grid = slopes(kind, cell, rng)
    points = np.column_stack([X0 + rng.uniform(-400, 400, 8), Y0 + rng.uniform(-400, 400, 8), np.zeros(8)])
    points[:, 2] = bilinear(grid, points[:, 0], points[:, 1]) + rng.choice([3.0, 6.0, 9.0, 20.0], 8)
    east, north = ways(LAND_RAYS)
    d = np.concatenate([np.arange(0.5, 8 * cell, 0.5), np.arange(8 * cell, 2000.0, cell / 16)])
    expected = []
    for x, y, z in points:
        ground = bilinear(grid, x + east[:, None] * d, y + north[:, None] * d)
        expected.append(sectors(np.maximum(((ground - z - DROP * d**2) / d).max(axis=1), 0.0)))
    got = horizons(points, terrain=grid)
    within_goals(got, np.array(expected))
    # what is left are two rays a sector against six
    assert np.abs(got - expected).max() <= 2.5


def test_a_roof_sees_the_slope_behind_it_and_no_more() -> None:
    """On a plane the land rises towards its own slope, h / t below it: tan a - h / t is highest at the end of the ring, by hand."""
    rise, reach = math.tan(math.radians(25)), 2000.0
    for cell in (90.0, 30.0, 12.5):
        n = 2 * math.ceil(2600 / cell)
        north = np.broadcast_to((n / 2 - np.arange(n)[:, None] - 0.5) * cell, (n, n))  # rises northward
        grid = Grid((rise * north).astype(np.float32), (round(X0 / cell) - n // 2) * cell, (round(Y0 / cell) + n // 2) * cell, cell)
        origin = round(Y0 / cell) * cell
        points = np.array([[X0 + 3, Y0 + away, rise * (Y0 + away - origin) + 3.0] for away in (0.0, 0.3 * cell, 0.5 * cell, 0.9 * cell)])
        azimuth = np.radians((np.arange(72 * 40) + 0.5) / 8 - 2.5)
        by_hand = sectors(np.maximum(rise * np.cos(azimuth) - 3.0 / reach - DROP * reach, 0.0))
        # the last line through cell centres lies up to a cell before the end, where the land stands 3 m / 1910 m instead
        assert horizons(points, terrain=grid) == pytest.approx(np.tile(by_hand, (4, 1)), abs=0.15)


def test_a_roof_on_the_highest_ground_sees_no_land_and_one_that_the_dem_buries_sees_its_slope() -> None:
    """Noise between neighbouring cells below a roof shades nothing; a point 20 m under the DEM stands on it, fading out over one cell."""
    rng = np.random.default_rng(5)
    for cell in (90.0, 30.0, 12.5):
        n = 2 * math.ceil(2600 / cell)
        left, top = (round(X0 / cell) - n // 2) * cell, (round(Y0 / cell) + n // 2) * cell
        rough = Grid(rng.uniform(0, 3.0, (n, n)).astype(np.float32), left, top, cell)
        points = np.column_stack([X0 + rng.uniform(0, cell, 20), Y0 + rng.uniform(0, cell, 20), np.full(20, 3.0)])
        assert (horizons(points, terrain=rough) == 0.0).all()
        level = Grid(np.full((n, n), 50.0, np.float32), left, top, cell)
        buried = np.column_stack([points[:, :2], np.full(20, 30.0)])
        # 20 m over one cell from the point on, then less; the next line that is looked at lies at most a diagonal away
        seen = np.tan(np.radians(horizons(buried, terrain=level))) * cell
        assert 20.0 / math.sqrt(2) - 0.01 <= seen.min()
        assert seen.max() <= 20.0 + 0.01


def test_where_a_surface_model_holds_the_ground_the_dem_does_not_count(hills: tuple[np.ndarray, Terrain]) -> None:
    """A pit dug since the DEM was made is as deep as the surface model says; what rises beyond the near ring still shades, by hand."""
    _, terrain = hills
    bounds = around(X0, Y0, 310)
    dug = near_surface(bounds, 1.0, NONE, np.empty(0), Grid(np.zeros((640, 640), np.float32), X0 - 320, Y0 + 320, 1.0), land=terrain)
    values = np.zeros((520, 520), np.float32)
    values[240:280, 240:280] = 40.0  # 200 m around the point the ground lay 40 m higher
    values[:110] = 200.0  # a plateau whose edge begins 1,490 m to the north and is steep over one cell
    stale = Grid(values, X0 - 2600, Y0 + 2600, 10.0)
    got = horizons(np.array([[X0 + 5, Y0 + 5, 6.0]]), surface=dug, terrain=stale)[0]
    assert got[0] == pytest.approx(math.degrees(math.atan((200 - 6) / (1500 / math.cos(math.radians(1.25))))), abs=0.05)
    assert (got[18:55] == 0.0).all()
    assert (horizons(np.array([[X0 + 5, Y0 + 5, 6.0]]), terrain=stale)[0] > 30).all()


def test_ground_fills_what_a_surface_model_does_not_know(hills: tuple[np.ndarray, Terrain]) -> None:
    """Its values between the DEM's cells, so that a hole changes no bit, and a house in the hole stands on it."""
    _, terrain = hills
    bounds = around(X0, Y0, 310)
    x, y = np.meshgrid(X0 - 320 + np.arange(640) + 0.5, Y0 + 320 - np.arange(640) - 0.5)
    ground = terrain.elevation(x.ravel(), y.ravel()).reshape(640, 640).astype(np.float32)
    torn = np.where(np.hypot(x - X0 - 60, y - Y0) < 50, np.nan, ground).astype(np.float32)
    torn[:200] = np.nan
    house = np.array([shapely.box(X0 + 50, Y0 - 10, X0 + 60, Y0 + 10)])
    top = ground[320, 375] + 20.0
    whole = np.where((abs(x - X0 - 55) < 5) & (abs(y - Y0) < 10), top, ground).astype(np.float32)
    points = np.array([[X0 + 0.3, Y0 + 0.7, ground[320, 320] + 5.0], [X0 - 8.2, Y0 + 4.0, ground[320, 320] + 2.0]])
    seen = [
        horizons(points, surface=near_surface(bounds, 1.0, house, np.array([top]), Grid(v, X0 - 320, Y0 + 320, 1.0), land=terrain))
        for v in (whole, torn)
    ]
    assert np.array_equal(*seen)
    assert seen[0].max() > 5
