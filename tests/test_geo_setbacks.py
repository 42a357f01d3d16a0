"""Set-backs at the outer edges of a roof, a narrow strip along ridges and valleys: by hand, by law, and against GEOS' buffer."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from geo.convex import cut_by_convex
from geo.errors import GeoError
from geo.roof_planes_steps import connected_roofs
from geo.setbacks import usable_outlines
from geo.surfaces import RoofSurfaces, Shape, roof_surfaces

FAR = (500_000.0, 4_057_000.0)  # coordinates of the size that a Chinese projected CRS has
ELL = shapely.box(0, 0, 16, 7) | shapely.box(0, 0, 5, 17)
YARD = shapely.box(0, 0, 18, 22) - shapely.box(4.5, 5, 13.5, 15)


def array(*shapes: shapely.Geometry) -> np.ndarray:
    return np.array(shapes, dtype=object)


def test_a_gable_keeps_its_setback_at_the_walls_and_a_strip_at_the_ridge() -> None:
    """14 x 8 m: each half 4 m deep less 0.5 at the eaves and 0.15 at the ridge, 14 less 0.5 at either verge."""
    house = array(shapely.box(0, 0, 14, 8))
    roofs = roof_surfaces(house, [Shape.GABLE], [26.0])
    outlines = usable_outlines(roofs.geometry, 0.5, house[roofs.building], inner=0.15)
    assert shapely.area(outlines) == pytest.approx([13.0 * 3.35] * 2)
    assert outlines[1].bounds == pytest.approx((0.5, 0.5, 13.5, 3.85))
    assert outlines[0].distance(outlines[1]) == pytest.approx(0.3)


def test_a_valley_between_two_spans_is_no_outer_edge() -> None:
    """Two spans of 10 m: four strips of 5 m; the outer two lose 0.6 + 0.15, the inner two 0.15 twice."""
    hall = array(shapely.box(0, 0, 60, 20))
    roofs = roof_surfaces(hall, [Shape.GABLE], [5.0], 10.0)
    outlines = usable_outlines(roofs.geometry, 0.6, hall[roofs.building], inner=0.15)
    assert sorted(shapely.area(outlines)) == pytest.approx([58.8 * 4.25] * 2 + [58.8 * 4.7] * 2)


def test_a_smaller_setback_than_the_strip_holds_everywhere() -> None:
    house = array(shapely.box(0, 0, 14, 8))
    roofs = roof_surfaces(house, [Shape.GABLE], [26.0])
    outlines = usable_outlines(roofs.geometry, 0.1, house[roofs.building], inner=0.15)
    assert shapely.area(outlines) == pytest.approx([13.8 * 3.8] * 2)


@given(
    plan=st.sampled_from([shapely.box(0, 0, 14, 8), shapely.box(0, 0, 9, 9), ELL, YARD]),
    turn=st.floats(0, 360),
    shape=st.sampled_from([Shape.FLAT, Shape.GABLE, Shape.HIP]),
    setback=st.floats(0.01, 2.0),
)
@settings(max_examples=80, deadline=None)
def test_the_same_as_by_buffers(plan: shapely.Geometry, turn: float, shape: Shape, setback: float) -> None:
    house = array(affinity.translate(affinity.rotate(plan, turn), *FAR))
    roofs = roof_surfaces(house, [shape], [26.0])
    outlines = usable_outlines(roofs.geometry, setback, house[roofs.building], inner=0.15)
    inside = house[0].buffer(-setback, join_style="mitre")
    for outline, surface in zip(outlines, roofs.geometry, strict=True):
        near = min(0.15, setback) if len(roofs.geometry) > 1 else setback
        wanted = surface.buffer(-near, join_style="mitre", mitre_limit=50.0) & inside
        # GEOS simplifies the line that it buffers by a hundredth of the distance.
        assert outline.symmetric_difference(wanted).area < 0.002 * plan.area * setback + 1e-6
        assert outline.is_valid
        assert outline.is_empty or outline.distance(house[0].boundary) >= setback * 0.98 - 1e-6


@given(width=st.floats(1, 40), depth=st.floats(1, 40), turn=st.floats(0, 360), setback=st.floats(0.01, 5), clockwise=st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_rectangle_loses_twice_the_setback_each_way(width: float, depth: float, turn: float, setback: float, clockwise: bool) -> None:
    box = affinity.translate(affinity.rotate(shapely.box(0, 0, width, depth, ccw=not clockwise), turn), *FAR)
    outline = usable_outlines(array(box), setback)[0]
    # 1e-6: a coordinate of 4e6 m is known to 1e-9 m, along 160 m of edge
    assert outline.area == pytest.approx(max(width - 2 * setback, 0.0) * max(depth - 2 * setback, 0.0), abs=2e-6)


def test_a_convex_window_cuts_a_bent_roof_of_several_parts() -> None:
    """A window 10 x 20 m moved in by 1 m leaves 8 of the 10 m width of a U's left leg, and 18 of its length."""
    yard = shapely.box(0, 0, 30, 20) - shapely.box(10, 5, 20, 20)
    left, both, above = shapely.box(0, 0, 10, 20), shapely.box(0, 10, 30, 20), shapely.box(0, 30, 30, 40)
    out, done = cut_by_convex(array(yard), np.zeros(3, dtype=np.int64), array(left, both, above), np.array([1.0, 0.0, 0.0]))
    assert done.tolist() == [True, False, True]  # the second would part it
    assert out[0].equals(shapely.box(1, 1, 9, 19))
    assert out[2].is_empty
    legs = shapely.MultiPolygon([shapely.box(0, 0, 10, 20), shapely.box(20, 0, 30, 20)])
    ring = shapely.box(40, 0, 50, 10) - shapely.box(44, 4, 46, 6)
    several = array(legs, ring, shapely.Polygon())
    out, done = cut_by_convex(several, np.arange(3), array(both, shapely.box(40, 0, 44, 10), left), np.zeros(3))
    assert done.tolist() == [True, False, True]  # holes are another's work
    assert out[0].equals(shapely.MultiPolygon([shapely.box(0, 10, 10, 20), shapely.box(20, 10, 30, 20)]))
    assert out[2].is_empty


@given(
    angles=st.lists(st.floats(0, 6.28), min_size=4, max_size=12, unique=True),
    radii=st.lists(st.floats(2, 20), min_size=12, max_size=12),
    corner=st.tuples(st.floats(-20, 20), st.floats(-20, 20)),
    size=st.tuples(st.floats(0.5, 30), st.floats(0.5, 30)),
    turn=st.floats(0, 360),
    away=st.floats(0, 3),
)
@settings(max_examples=150, deadline=None)
def test_a_convex_window_cuts_as_an_overlay_does(
    angles: list[float], radii: list[float], corner: tuple[float, float], size: tuple[float, float], turn: float, away: float
) -> None:
    """Any star against any rectangle; where the kernel says that it cannot, nothing is claimed."""
    star = shapely.Polygon([(r * np.cos(a), r * np.sin(a)) for a, r in zip(sorted(angles), radii, strict=False)])
    rectangle = affinity.rotate(shapely.box(*corner, corner[0] + size[0], corner[1] + size[1]), turn)
    less = affinity.rotate(
        shapely.box(corner[0] + away, corner[1] + away, corner[0] + size[0] - away, corner[1] + size[1] - away), turn, rectangle.centroid
    )
    if not star.is_valid or star.area < 1.0:
        return
    subject, window, moved = (affinity.translate(shape, *FAR) for shape in (star, rectangle, less))
    out, done = cut_by_convex(array(subject), np.zeros(1, dtype=np.int64), array(window), np.array([away]))
    if done[0]:
        wanted = shapely.Polygon() if min(size) <= 2.0 * away else shapely.intersection(subject, moved)
        # coordinates are known to 1e-9 m; a sliver under 1e-6 m2 is nothing
        assert out[0].area == pytest.approx(wanted.area, abs=2e-6)
        assert out[0].is_valid


def test_mistakes_are_told() -> None:
    with pytest.raises(GeoError, match="set-back -1"):
        usable_outlines(array(YARD), -1.0)
    with pytest.raises(GeoError, match="set-back nan"):
        usable_outlines(array(YARD), 0.5, inner=float("nan"))


def surfaces_of(*shapes: shapely.Geometry) -> RoofSurfaces:
    count = len(shapes)
    zero = np.zeros(count)
    return RoofSurfaces(np.zeros(count, dtype=np.int64), np.arange(count), array(*shapes), zero, np.full(count, np.nan), zero)


def test_a_tower_on_a_podium_is_apart_and_the_halves_of_a_gable_are_not() -> None:
    podium, tower = shapely.box(0, 0, 20, 20) - shapely.box(5, 5, 15, 15), shapely.box(5, 5, 15, 15)
    whole = array(podium | tower)
    level = np.array([[0.0, 0.0, 10.0], [0.0, 0.0, 25.0]])
    middle = np.array([[10.0, 10.0], [10.0, 10.0]])
    roof = connected_roofs(whole, surfaces_of(podium, tower), level, middle, 0.5)
    assert roof[0].equals(podium) and roof[1].equals(tower)
    # a ridge at y = 4: 3 m above the eaves on either side
    south, north = shapely.box(0, 0, 12, 4), shapely.box(0, 4, 12, 8)
    gable = np.array([[0.0, 0.75, 1.5], [0.0, -0.75, 1.5]])
    both = np.array([[6.0, 2.0], [6.0, 6.0]])
    roof = connected_roofs(array(south | north), surfaces_of(south, north), gable, both, 0.5)
    assert [r.area for r in roof] == pytest.approx([96.0, 96.0])
    # the same halves, one of them 2 m higher: each ends in a wall
    gable[1, 2] += 2.0
    roof = connected_roofs(array(south | north), surfaces_of(south, north), gable, both, 0.5)
    assert [r.area for r in roof] == pytest.approx([48.0, 48.0])


def test_two_halves_beside_a_higher_part_are_one_roof() -> None:
    south, north, tower = shapely.box(0, 0, 12, 4), shapely.box(0, 4, 12, 8), shapely.box(12, 0, 20, 8)
    plane = np.array([[0.0, 0.75, 1.5], [0.0, -0.75, 1.5], [0.0, 0.0, 9.0]])
    middle = np.array([[6.0, 2.0], [6.0, 6.0], [16.0, 4.0]])
    roof = connected_roofs(array(south | north | tower), surfaces_of(south, north, tower), plane, middle, 0.5)
    assert [r.area for r in roof] == pytest.approx([96.0, 96.0, 64.0])


def test_nothing_gives_nothing() -> None:
    none = np.array([], dtype=object)
    assert usable_outlines(none, 0.5).size == 0
    empty = RoofSurfaces(np.array([], dtype=np.int64), np.array([], dtype=np.int64), none, *(np.array([]) for _ in range(3)))
    assert connected_roofs(none, empty, np.empty((0, 3)), np.empty((0, 2)), 0.5).size == 0
