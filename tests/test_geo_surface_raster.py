"""Footprints on the global grid: by hand, against rasterio, and in any order or window."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize
from rasterio.transform import from_origin

from geo.errors import GeoError
from geo.grid import Grid
from geo.surface_raster import near_surface

# rasterio itself multiplies transforms in the way that affine will drop
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")

X0, Y0 = 499_968.0, 4_055_936.0  # a corner of super-blocks: multiples of 128
BOUNDS = (X0, Y0, X0 + 256, Y0 + 256)


def shapes(seed: int, count: int = 25) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    polygons = []
    for _ in range(count):
        shell = shapely.Point(X0 + rng.uniform(-20, 276), Y0 + rng.uniform(-20, 276)).buffer(
            rng.uniform(2, 40), quad_segs=rng.integers(1, 9)
        )
        hole = shell.centroid.buffer(rng.uniform(0.5, 10), quad_segs=2)
        polygons.append(shapely.MultiPolygon([shell]) if rng.random() < 0.3 else shell.difference(hole))
    polygons = [shapely.affinity.rotate(p, rng.uniform(0, 90)) for p in polygons]
    return np.array(polygons, object), rng.uniform(-5, 80, count).round(1)


def by_rasterio(polygons: np.ndarray, tops: np.ndarray) -> np.ndarray:
    order = np.argsort(tops)
    return rasterize(
        [(polygons[k], tops[k]) for k in order if not polygons[k].is_empty],
        out_shape=(256, 256),
        fill=np.nan,
        transform=from_origin(X0, Y0 + 256, 1, 1),
        dtype="float32",
    )


def test_one_box_by_hand() -> None:
    box = shapely.box(X0 + 10.4, Y0 + 20.6, X0 + 12.6, Y0 + 23.4)  # centres 10.5, 11.5, 12.5 and 21.5, 22.5
    grid = near_surface(BOUNDS, 1.0, np.array([box]), np.array([7.0])).grid()
    rows, columns = np.nonzero(np.isfinite(grid.values))
    assert grid.bounds == BOUNDS
    assert sorted(set(columns.tolist())) == [10, 11, 12]
    assert sorted(set((255 - rows).tolist())) == [21, 22]
    assert (grid.values[rows, columns] == 7.0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_agrees_with_rasterio(seed: int) -> None:
    polygons, tops = shapes(seed)
    got = near_surface(BOUNDS, 1.0, polygons, tops).grid().values
    # both own a cell by its centre; only centres that lie on an edge to the last bit may differ
    assert (~np.isclose(got, by_rasterio(polygons, tops), equal_nan=True)).sum() <= 2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 200), st.floats(0, 200))
def test_order_and_window_do_not_matter(seed: int, west: float, north: float) -> None:
    polygons, tops = shapes(seed)
    one = near_surface(BOUNDS, 1.0, polygons, tops)
    turned = near_surface((X0 - west, Y0, X0 + 256, Y0 + 256 + north), 1.0, polygons[::-1], tops[::-1])
    inside = turned.grid()
    row, column = round(inside.top - Y0 - 256), round(X0 - inside.left)
    assert np.array_equal(one.grid().values, inside.values[row : row + 256, column : column + 256], equal_nan=True)


@pytest.mark.parametrize("seed", range(3))
def test_neighbours_that_share_a_wall_leave_no_gap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = shapely.MultiPoint(np.column_stack([X0 + rng.uniform(20, 236, 40), Y0 + rng.uniform(20, 236, 40)]))
    cells = np.array(shapely.get_parts(shapely.voronoi_polygons(points, extend_to=shapely.box(*BOUNDS))), object)
    assert np.isfinite(near_surface(BOUNDS, 1.0, cells, np.arange(len(cells), dtype=float)).grid().values).all()


def test_empty_country_takes_no_memory() -> None:
    surface = near_surface((0.0, 0.0, 8000.0, 8000.0), 1.0, np.array([shapely.box(4000, 4000, 4010, 4010)]), np.array([5.0]))
    assert surface.values.nbytes < 10_000
    assert surface.highest == 5.0
    nothing = near_surface(BOUNDS, 1.0, np.array([None, shapely.Polygon()], object), np.array([1.0, 2.0]))
    assert np.isneginf(nothing.highest)


def test_dsm_wins_unless_a_building_is_newer() -> None:
    measured = np.full((256, 256), np.nan, np.float32)
    measured[:, :100] = 20.0
    dsm = Grid(measured, X0, Y0 + 256, 1.0)
    boxes = np.array([shapely.box(X0 + a, Y0 + 40, X0 + a + 10, Y0 + 50) for a in (20, 60, 95)])
    tops = np.array([30.0, 21.0, 15.0])

    def values(**options: object) -> list[float]:
        grid = near_surface(BOUNDS, 1.0, boxes, tops, dsm, **options).grid()  # type: ignore[arg-type]
        return grid.sample(X0 + np.array([25.5, 65.5, 97.5, 102.5, 5.5]), np.full(5, Y0 + 45.5)).tolist()

    assert values() == [20, 20, 20, 15, 20]
    assert values(newer=np.array([True, True, False])) == [30, 20, 20, 15, 20]  # one metre above the DSM is not a new building
    with pytest.raises(GeoError, match="resolution=2"):
        near_surface(BOUNDS, 2.0, boxes, tops, dsm)


def test_lengths_must_agree() -> None:
    with pytest.raises(GeoError, match="pair up"):
        near_surface(BOUNDS, 1.0, np.array([shapely.box(0, 0, 1, 1)]), np.array([1.0, 2.0]))
