"""Set-backs, rings in the row frame and sample points, by hand and by law."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from geo.errors import GeoError
from geo.outlines import closed_rings, plane_rings, sample_points
from geo.setbacks import usable_outlines

HALL, HOUSE = shapely.box(0, 0, 100, 50), shapely.box(0, 0, 10, 8)
COURT = shapely.box(0, 0, 40, 30) - shapely.box(10, 10, 30, 20)


def array(*shapes: shapely.Geometry) -> np.ndarray:
    return np.array(shapes, dtype=object)


def test_setback_by_hand() -> None:
    outlines = usable_outlines(array(HOUSE, HOUSE, HOUSE, COURT), [1.0, 0.0, 4.0, 1.0])
    # The court keeps its distance from the hole too: 38 x 28 less 22 x 12.
    assert shapely.area(outlines) == pytest.approx([8 * 6, 80.0, 0.0, 38 * 28 - 22 * 12], abs=1e-9)
    assert outlines[2].is_empty


@given(turn=st.floats(0, 360), setback=st.floats(0.1, 3.0))
@settings(max_examples=50, deadline=None)
def test_outline_keeps_its_distance(turn: float, setback: float) -> None:
    bent = affinity.rotate(shapely.box(0, 0, 20, 8) | shapely.box(0, 0, 8, 20), turn)
    outline = usable_outlines(array(bent), setback)[0]
    # 2 % of the distance: GEOS simplifies the line it buffers by a hundredth of the distance.
    assert outline.distance(bent.exterior) >= setback * 0.98
    assert bent.contains(outline)


def test_a_wrong_setback_is_told() -> None:
    with pytest.raises(GeoError, match="set-back -1"):
        usable_outlines(array(HOUSE), -1.0)


def test_plane_lengthens_down_the_slope_only() -> None:
    rings = plane_rings(closed_rings(array(HOUSE, HOUSE)), [60.0, 60.0], [180.0, 90.0], [180.0, 90.0])
    first, second = rings.vertices[:4], rings.vertices[4:]
    assert np.ptp(first, axis=0) == pytest.approx([10.0, 16.0])
    assert np.ptp(second, axis=0) == pytest.approx([8.0, 20.0])
    assert rings.ring_start.tolist() == [0, 4, 8]
    assert rings.polygon_start.tolist() == [0, 1, 2]


def test_y_points_up_the_slope_and_x_to_the_right_seen_from_below() -> None:
    ell = shapely.Polygon([(0, 0), (10, 0), (10, 2), (2, 2), (2, 8), (0, 8)])
    south = plane_rings(closed_rings(array(ell)), [0.0], [np.nan], [180.0]).vertices
    # Rows that face south: x is east, y is north, about the middle of the box (5, 4).
    assert south == pytest.approx(np.array(ell.exterior.coords)[:-1] - [5, 4], abs=1e-12)


@given(tilt=st.floats(0, 70), azimuth=st.floats(0, 360), row=st.floats(0, 360))
@settings(max_examples=100, deadline=None)
def test_area_grows_by_the_cosine_and_the_way_back_is_exact(tilt: float, azimuth: float, row: float) -> None:
    rings = plane_rings(closed_rings(array(COURT)), [tilt], [azimuth], [row])
    outer, hole = rings.vertices[:4], rings.vertices[4:]
    area = shapely.Polygon(outer, [hole]).area
    assert area == pytest.approx(COURT.area / np.cos(np.radians(tilt)), rel=1e-12)
    assert rings.to_plan(0, outer) == pytest.approx(np.array(COURT.exterior.coords)[:-1], abs=1e-9)


def test_empty_outlines_and_parts_keep_their_place() -> None:
    two = shapely.MultiPolygon([shapely.box(0, 0, 5, 5), shapely.box(9, 0, 12, 5)])
    rings = plane_rings(closed_rings(array(shapely.Polygon(), COURT, shapely.Polygon(), two)), 0.0, np.nan, 180.0)
    assert rings.polygon_start.tolist() == [0, 0, 2, 2, 4]
    assert rings.ring_start.tolist() == [0, 4, 8, 12, 16]


@pytest.mark.parametrize(("tilt", "azimuth", "row"), [(90.0, 180.0, 180.0), (20.0, np.nan, 180.0), (0.0, np.nan, np.nan)])
def test_planes_without_sense_are_told(tilt: float, azimuth: float, row: float) -> None:
    with pytest.raises(GeoError):
        plane_rings(closed_rings(array(HOUSE)), tilt, azimuth, row)


def test_a_house_has_one_point_and_a_hall_a_grid() -> None:
    roofs = array(HOUSE, HALL, shapely.box(0, 0, 400, 300))
    xy, start = sample_points(roofs, roofs, 90.0, spacing=12.0)
    # 100 / 12 = 8 by 50 / 12 = 4; the large one keeps to 64: step sqrt(400 * 300 / 64) = 43.3, so 9 x 6.
    assert np.diff(start).tolist() == [1, 32, 54]
    assert xy[0] == pytest.approx([5.0, 4.0])
    grid = xy[start[1] : start[2]]
    assert sorted(set(grid[:, 0].round(6))) == pytest.approx(np.arange(8) * 12.5 + 6.25)
    assert sorted(set(grid[:, 1].round(6))) == pytest.approx(np.arange(4) * 12.5 + 6.25)


@given(turn=st.floats(0, 180), width=st.floats(1, 200), depth=st.floats(1, 200), setback=st.floats(0, 3), bend=st.booleans())
@settings(max_examples=150, deadline=None)
def test_points_lie_inside_and_none_is_without(turn: float, width: float, depth: float, setback: float, bend: bool) -> None:
    plan = shapely.box(0, 0, width, depth)
    if bend:
        plan = plan - shapely.box(width * 0.3, depth * 0.3, width, depth)
    surface = affinity.translate(affinity.rotate(plan, -turn), 5e5, 4e6)
    outline = usable_outlines(array(surface), setback)
    xy, start = sample_points(outline, array(surface), 90.0 + turn, spacing=12.0)
    assert 1 <= start[1] == len(xy) <= 64
    inside = surface if outline[0].is_empty else outline[0]
    assert shapely.distance(shapely.points(xy), inside).max() < 1e-6


def test_an_empty_outline_takes_one_point_of_its_surface() -> None:
    xy, start = sample_points(array(shapely.Polygon(), HOUSE), array(HALL, HOUSE), 90.0, spacing=12.0)
    assert start.tolist() == [0, 1, 2]
    assert HALL.contains(shapely.Point(xy[0]))


def test_a_point_in_the_court_is_not_on_the_roof() -> None:
    xy, start = sample_points(array(COURT), array(COURT), 90.0, spacing=100.0)
    assert start.tolist() == [0, 1]
    assert COURT.contains(shapely.Point(xy[0]))


def test_points_without_sense_are_told() -> None:
    with pytest.raises(GeoError, match="every 0"):
        sample_points(array(HOUSE), array(HOUSE), 90.0, spacing=0.0)
    with pytest.raises(GeoError, match="surface 0 is empty"):
        sample_points(array(shapely.Polygon()), array(shapely.Polygon()), 90.0, spacing=12.0)


def test_empty_tile() -> None:
    nothing = np.array([], dtype=object)
    assert usable_outlines(nothing, np.array([])).size == 0
    assert sample_points(nothing, nothing, np.array([]), spacing=12.0)[1].tolist() == [0]
    assert plane_rings(closed_rings(nothing), np.array([]), np.array([]), np.array([])).polygon_start.tolist() == [0]


def test_rings_are_found_without_ring_objects() -> None:
    """Closing points said twice, a hole that begins where its shell does, parts with holes: what shapely's rings say."""
    twice = shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 0), (0, 0)])
    touching = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(0, 0), (3, 4), (4, 3)]])
    parts = shapely.MultiPolygon([COURT, shapely.box(50, 0, 60, 9), shapely.box(70, 0, 90, 20) - shapely.box(75, 5, 80, 9)])
    for shapes in ([HOUSE], [COURT, shapely.Polygon()], [touching, parts], [parts, HOUSE], [HOUSE, twice, COURT], [twice], []):
        found = closed_rings(array(*shapes))
        pieces, of = shapely.get_parts(array(*shapes), return_index=True)
        rings, piece = shapely.get_rings(pieces, return_index=True)
        assert found.xy.tolist() == shapely.get_coordinates(rings).tolist()
        assert found.length.tolist() == shapely.get_num_coordinates(rings).tolist()
        assert found.first.tolist() == np.searchsorted(of[piece], np.arange(len(shapes) + 1)).tolist()
