"""Shapes kept as well-known binary are those that were packed, and what is asked of them part by part is what all at once would say."""

import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely

from geo import overlaps, packed
from geo.overlaps import meeting_pairs, overlap_areas
from geo.packed import Packed, bounds_of, touching

CRS = pyproj.CRS(4548)


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A crowd of 400 turned houses, a square over a quarter of them, rows without a shape; parts of 37."""
    monkeypatch.setattr(packed, "PART", 37)
    monkeypatch.setattr(overlaps, "PART", 37)
    rng = np.random.default_rng(4)
    x, y, half = rng.uniform(0, 400, 400), rng.uniform(0, 400, 400), rng.uniform(2, 12, 400)
    turn = np.linspace(0, 2 * np.pi, 4, endpoint=False) + rng.uniform(0, 1, 400)[:, None]
    shapes = shapely.polygons(np.stack([x[:, None] + half[:, None] * np.cos(turn), y[:, None] + half[:, None] * np.sin(turn)], axis=2))
    shapes[[3, 77, 399]] = None
    shapes[200] = shapely.box(0, 0, 200, 200)
    shapes[201] = shapely.MultiPolygon([shapely.box(5, 5, 9, 9), shapely.box(300, 300, 310, 310, ccw=False)])
    return shapes


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((shapely.to_wkb(one) == shapely.to_wkb(other)).all())


def test_what_is_packed_comes_back_in_any_choice_of_rows(town: np.ndarray) -> None:
    held = Packed.of((town[k : k + 90] for k in range(0, 400, 90)), CRS, sound=True)
    mask = np.arange(400) % 3 == 0
    for rows in (slice(None), slice(5, 90), np.array([399, 0, 200, 0]), mask):
        assert same(held[rows], town[rows])
    assert same(np.concatenate([part for _, part in held.parts()]), town)
    assert held.missing.tolist() == shapely.is_missing(town).tolist()
    np.testing.assert_array_equal(held.bounds, shapely.bounds(town))
    np.testing.assert_array_equal(held.total_bounds, shapely.total_bounds(town))
    there = ~held.missing
    assert shapely.intersects(town[there], shapely.points(held.places[there])).all()
    assert np.isnan(held.places[~there]).all()
    np.testing.assert_array_equal(Packed(held.data, CRS).places, held.places)  # asked for when it is wanted, too


def test_shapes_that_are_put_are_there_with_all_that_is_known_of_them(town: np.ndarray) -> None:
    held = Packed.of([town], CRS, sound=True)
    rows, new = np.array([300, 3, 10]), np.array([shapely.box(0, 0, 1, 2), shapely.box(7, 7, 8, 8), None])
    held.put(rows, new)
    expected = town.copy()
    expected[rows] = new
    assert same(held[:], expected)
    np.testing.assert_array_equal(held.bounds, shapely.bounds(expected))
    np.testing.assert_array_equal(held.places[rows], [[0.5, 1.0], [7.5, 7.5], [np.nan, np.nan]])
    joined = Packed.joined([held, Packed.of([new], CRS)])
    assert same(joined[:], np.concatenate([expected, new]))
    assert same(joined.only(np.array([400, 3]))[:], new[[0, 1]])


def test_pairs_that_meet_are_those_that_every_pair_tells(town: np.ndarray) -> None:
    held, wanted = Packed.of([town], CRS), np.arange(400) != 200
    meets = np.triu(shapely.intersects(town[:, None], town[None, :]), 1)
    for chosen in (np.ones(400, dtype=bool), wanted):
        left, right = np.nonzero(meets & chosen[:, None] & chosen)
        for shapes in (held, town):
            pairs = meeting_pairs(shapes, chosen)
            assert (pairs.left.tolist(), pairs.right.tolist()) == (left.tolist(), right.tolist())
            np.testing.assert_array_equal(overlap_areas(shapes, pairs), shapely.area(shapely.intersection(town[left], town[right])))
    assert len(left) > 100


def test_boxes_touch_those_whose_own_box_they_meet(town: np.ndarray) -> None:
    others = np.array([shapely.Point(50, 50), None, shapely.box(390, 390, 500, 500), shapely.LineString([(0, 300), (100, 310)])])
    boxes, own = bounds_of(town), shapely.bounds(others)
    meets = (boxes[:, None, :2] <= own[None, :, 2:]).all(axis=2) & (boxes[:, None, 2:] >= own[None, :, :2]).all(axis=2)
    assert touching(boxes, others).tolist() == np.flatnonzero(meets.any(axis=1)).tolist()
    assert touching(boxes, np.array([None, shapely.Polygon()])).tolist() == []


def test_the_kind_of_a_shape_is_read_whichever_byte_comes_first() -> None:
    shapes = np.array(
        [shapely.box(0, 0, 9, 9), shapely.LineString([(0, 0), (1, 1)]), shapely.Point(3, 4, 5), None, shapely.MultiPoint([(1, 1)])]
    )
    for flavor in ("extended", "iso"):
        one, other = ([shapely.to_wkb(shape, byte_order=first, flavor=flavor) for shape in shapes] for first in (0, 1))
        for data in (one, other, [*one[:2], *other[2:]]):
            held = Packed(pa.array(data, pa.large_binary()), CRS)
            assert held.kinds.tolist() == [3, 2, 1, -1, 4]
            assert not held.is_flat
            assert held.only(np.array([0, 1, 3, 4])).is_flat
