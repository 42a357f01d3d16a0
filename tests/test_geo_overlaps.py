"""Roofs count once: doubles, parts over their building, pieces of cut buildings; areas by hand, laws, and New York."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
import shapely.ops
from hypothesis import given
from hypothesis import strategies as st
from shapely.affinity import rotate, translate

from geo.footprints import remains, repair
from geo.heights import HIGHEST_M
from geo.overlaps import (
    Pairs,
    meeting_pairs,
    near_duplicates,
    overlap_areas,
    stacking_rank,
    visible_shapes,
)
from geo.seams import cut_pairs, joined_shapes

from .conftest import DATA

IDS = pd.Series([f"b{n:02d}" for n in range(40)])


def seen(shapes: np.ndarray, height: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """What shows of each shape from above."""
    pairs = meeting_pairs(shapes)
    shared = overlap_areas(shapes, pairs)
    known = np.ones(len(shapes), dtype=bool) if known is None else known
    rank = stacking_rank(height, known, shapely.area(shapes), IDS[: len(shapes)], pairs, shared)
    rows, visible, _ = visible_shapes(shapes, pairs, shared, rank)
    out = shapes.copy()
    out[rows] = visible
    return out


def test_a_tower_on_its_podium_takes_its_area_from_it() -> None:
    podium, tower, apart = shapely.box(0, 0, 50, 40), shapely.box(10, 10, 30, 30), shapely.box(100, 0, 110, 10)
    shapes = np.array([podium, tower, apart])
    assert shapely.area(seen(shapes, np.array([15.0, 90.0, 5.0]))).tolist() == [1600, 400, 100]


def test_the_lower_part_under_a_higher_building_does_not_show() -> None:
    shapes = np.array([shapely.box(0, 0, 50, 40), shapely.box(10, 10, 30, 30)])
    assert shapely.area(seen(shapes, np.array([90.0, 15.0]))).tolist() == [2000, 0]


def test_an_outline_as_high_as_its_highest_part_gives_way_to_all_parts() -> None:
    # OpenStreetMap: the building carries the greatest height, its parts their own
    outline, high, low = shapely.box(0, 0, 30, 10), shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)
    shapes = np.array([outline, high, low])
    assert shapely.area(seen(shapes, np.array([60.0, 60.0, 20.0]))).tolist() == [100, 100, 100]


def test_an_assumed_height_lies_under_a_known_one() -> None:
    shapes = np.array([shapely.box(0, 0, 30, 10), shapely.box(0, 0, 10, 10)])
    areas = shapely.area(seen(shapes, np.array([12.0, 5.0]), np.array([False, True])))
    assert areas.tolist() == [200, 100]


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(3, 25), st.integers(3, 25), st.integers(2, 30)),
        min_size=1,
        max_size=12,
    )
)
def test_what_shows_adds_up_to_the_union_and_never_overlaps(boxes: list[tuple[int, int, int, int, int]]) -> None:
    shapes = np.array([shapely.box(x, y, x + w, y + h) for x, y, w, h, _ in boxes], dtype=object)
    visible = seen(shapes, np.array([float(b[4]) for b in boxes]))
    # on whole metres nothing is lost as a splinter
    assert shapely.area(visible).sum() == pytest.approx(shapely.area(shapely.union_all(shapes)), abs=1e-6)
    assert shapely.is_valid(visible).all()


@given(st.permutations(range(6)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    shapes = np.array([shapely.box(3 * k, 2 * k, 3 * k + 10, 2 * k + 9) for k in range(6)], dtype=object)
    height = np.array([9.0, 9.0, 12.0, 3.0, 12.0, 9.0])
    pick = np.array(order)
    pairs = meeting_pairs(shapes[pick])
    shared = overlap_areas(shapes[pick], pairs)
    rank = stacking_rank(height[pick], np.ones(6, dtype=bool), shapely.area(shapes[pick]), IDS[pick], pairs, shared)
    assert rank.tolist() == stacking_rank(height, np.ones(6, dtype=bool), shapely.area(shapes), IDS[:6], *_paired(shapes))[pick].tolist()


def _paired(shapes: np.ndarray) -> tuple[Pairs, np.ndarray]:
    pairs = meeting_pairs(shapes)
    return pairs, overlap_areas(shapes, pairs)


def test_near_duplicates_go_for_one_that_stays() -> None:
    # each is moved by 0.5 of 20 m against the one before: neighbours IoU 0.951, two apart 0.905, three apart 0.86
    shapes = np.array([translate(shapely.box(0, 0, 20, 20), 0.5 * k) for k in range(4)], dtype=object)
    pairs, shared = _paired(shapes)
    kept = near_duplicates(shapely.area(shapes), pairs, shared, np.arange(4))
    assert kept.tolist() == [-1, 0, 0, -1]
    best_last = near_duplicates(shapely.area(shapes), pairs, shared, np.array([3, 2, 1, 0]))
    assert best_last.tolist() == [-1, 3, 3, -1]


def test_a_building_cut_at_a_web_map_tile_is_joined_and_row_houses_are_not() -> None:
    metric = pyproj.CRS("EPSG:4548")
    to_metres = pyproj.Transformer.from_crs(4326, metric, always_xy=True)
    to_degrees = pyproj.Transformer.from_crs(metric, 4326, always_xy=True)
    edge = 117.0 + (360 / 2**14) * 0.5
    edge = round(edge / (360 / 2**14)) * (360 / 2**14)  # a meridian between two tiles of zoom 14
    x, y = to_metres.transform(edge, 36.65)
    house = rotate(shapely.box(x - 12, y - 6, x + 20, y + 6), 12)
    wall = shapely.LineString(np.column_stack(to_metres.transform(np.full(2, edge), np.array([36.64, 36.66]))))
    west, east = sorted(shapely.get_parts(shapely.ops.split(house, wall)), key=lambda g: g.centroid.x)
    row_a, row_b = (
        rotate(shapely.box(x + 100, y, x + 110, y + 8), 12, origin=(x, y)),
        rotate(shapely.box(x + 110, y, x + 120, y + 8), 12, origin=(x, y)),
    )
    shapes = np.array([west, east, row_a, row_b], dtype=object)
    pairs = meeting_pairs(shapely.buffer(shapes, 1e-6))
    cut = cut_pairs(
        shapes, pairs, np.zeros(len(pairs.left), dtype=bool), lambda xy: np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1]))
    )
    assert (cut.left.tolist(), cut.right.tolist()) == ([0], [1])
    rows, carrier, whole = joined_shapes(shapes, shapely.area(shapes), IDS, cut)
    assert rows.tolist() == [0, 1]
    assert carrier.tolist() == [1, 1]  # the eastern piece is larger
    assert shapely.area(whole[0]) == pytest.approx(house.area, abs=0.5)
    assert whole[0].geom_type == "Polygon"


def test_pieces_of_one_id_are_joined_wherever_the_cut_runs() -> None:
    shapes = np.array([shapely.box(0, 0, 10, 10), shapely.box(10, 0, 30, 10), shapely.box(30, 0, 40, 10)], dtype=object)
    pairs = meeting_pairs(shapes)
    cut = cut_pairs(shapes, pairs, np.array([True, False]), lambda xy: xy)
    rows, carrier, whole = joined_shapes(shapes, shapely.area(shapes), IDS, cut)
    assert rows.tolist() == [0, 1]
    assert carrier.tolist() == [1, 1]
    assert shapely.area(whole).tolist() == pytest.approx([300, 300], abs=0.01)


def test_rejected_shapes_can_be_found() -> None:
    drawn = remains(
        np.array([None, shapely.Polygon(), shapely.Point(3, 4), shapely.box(1e300, 0, 2e300, 1), shapely.LineString([(0, 0), (5, 0)])])
    )
    assert [g is None for g in drawn] == [True, True, False, True, False]
    assert drawn[2].centroid.equals_exact(shapely.Point(3, 4), 1e-9)
    assert drawn[4].area == pytest.approx(5 * 0.1, rel=0.05)
    assert shapely.is_valid(drawn[[2, 4]]).all()


@pytest.mark.parametrize("corner", range(1, 5))
def test_a_corner_that_is_no_number_costs_its_own_shape_only(corner: int) -> None:
    xy = np.array([(0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (5.0, 12.0), (0.0, 9.0), (0.0, 0.0)])
    house = shapely.Polygon(xy)
    xy[corner, 1] = np.nan
    read = np.array([shapely.transform(house, lambda _: xy), shapely.transform(house.exterior, lambda _: xy), house])
    shapes, reason = repair(read)
    assert [g is None for g in shapes] == [True, True, False]
    assert reason.tolist() == [*["coordinates are not finite or lie off the Earth"] * 2, ""]
    assert [g is None for g in remains(read)] == [True, True, False]


def test_new_york_counts_every_roof_once() -> None:
    file = DATA / "new-york" / "buildings.gpkg"
    if not file.is_file():
        pytest.skip("the real data are not beside this checkout")
    # a fifth of the city keeps the test quick; the whole city was measured by hand
    frame = gpd.read_file(file, bbox=(-73.99, 40.74, -73.95, 40.77)).to_crs(32618)
    shapes = shapely.make_valid(shapely.force_2d(frame.geometry.to_numpy()))
    height = frame["height"].to_numpy(dtype=float)
    known = np.isfinite(height) & (height < HIGHEST_M)
    ids = frame["osm_id"].astype(str)
    pairs, shared = _paired(shapes)
    area = shapely.area(shapes)
    rank = stacking_rank(np.where(known, height, 9.0), known, area, ids, pairs, shared)
    kept = near_duplicates(area, pairs, shared, rank) < 0
    stay = kept[pairs.left] & kept[pairs.right]
    rows, visible, _ = visible_shapes(shapes, Pairs(pairs.left[stay], pairs.right[stay]), shared[stay], rank)
    out = shapes.copy()
    out[rows] = visible
    union = shapely.area(shapely.union_all(shapes))
    assert area.sum() > 1.05 * union
    # 1 % is asked for
    assert shapely.area(out[kept]).sum() == pytest.approx(union, rel=0.01)
