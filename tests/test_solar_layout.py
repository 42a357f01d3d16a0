"""Modules in rows: counts by hand; no module crosses an outline, none overlap, judged by shapely."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from solar.errors import SolarError
from solar.layout import Packing, RowLayout, pack_rows, rectangles


def rows(along: float, depth: float, pitch: float | None = None, gap: float = 0.0, modules: int = 1, polygons: int = 1) -> RowLayout:
    return RowLayout(*(np.full(polygons, v) for v in (along, depth, depth if pitch is None else pitch, gap)), modules=modules)


def flat(*polygons: shapely.Geometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, ring starts and polygon starts as geo hands them over."""
    vertices, ring, polygon = [], [0], [0]
    for geometry in polygons:
        for part in shapely.get_parts(geometry):
            for line in shapely.get_rings(part):
                vertices += list(line.coords)[:-1]
                ring.append(len(vertices))
        polygon.append(len(ring) - 1)
    return np.array(vertices, dtype=float).reshape(-1, 2), np.array(ring), np.array(polygon)


def count(geometry: shapely.Geometry, *layouts: RowLayout) -> int:
    return int(pack_rows(*flat(geometry), layouts).count[0])


def drawn(geometry: shapely.Geometry, layouts: list[RowLayout]) -> tuple[Packing, np.ndarray]:
    packing = pack_rows(*flat(geometry), layouts)
    return packing, shapely.polygons(rectangles(*flat(geometry), layouts, packing, 0))


@pytest.mark.parametrize(
    ("geometry", "layout", "expected"),
    [
        (shapely.box(0, 0, 5, 4), rows(1, 2), 10),
        (shapely.box(0, 0, 4.99, 4), rows(1, 2), 8),
        (shapely.box(0, 0, 5, 3.99), rows(1, 2), 5),
        (shapely.box(0, 0, 5, 4), rows(1, 2, pitch=2.5), 5),  # the second row would end at 4.5
        (shapely.box(0, 0, 5, 4.5), rows(1, 2, pitch=2.5), 10),  # the last row needs its depth only
        (shapely.box(0, 0, 5, 4), rows(1, 2, gap=0.2), 8),  # 4 x 1 + 3 x 0.2 = 4.6
        (shapely.box(0, 0, 4.6, 4), rows(1, 2, gap=0.2), 8),
        (shapely.box(0, 0, 5, 4), rows(1, 2, modules=2), 20),
        (shapely.box(0, 0, 0.5, 4), rows(1, 2), 0),
        (shapely.Polygon(), rows(1, 2), 0),
        (shapely.box(0, 0, 9, 6) - shapely.box(3, 2, 6, 4), rows(1, 2), 9 + 6 + 9),  # a hole
        (shapely.box(0, 0, 9, 6) - shapely.box(3, 1.5, 6, 4.5), rows(1, 2), 18),  # it blocks all three rows
        (shapely.box(0, 0, 9, 2) | shapely.box(0, 0, 3, 6), rows(1, 2), 9 + 3 + 3),  # an L
        (shapely.MultiPolygon([shapely.box(0, 0, 3, 2), shapely.box(4, 0, 7, 2)]), rows(1, 2), 6),  # not across the gap
        (shapely.Polygon([(0, 0), (8, 0), (4, 4)]), rows(1, 1), 6 + 4 + 2),  # a triangle: widths 6, 4, 2, 0 at the tops of rows
        (shapely.Polygon([(0, 0), (3, 0), (3, 2), (2, 1.2), (1, 2), (0, 2)]), rows(1, 1), 3 + 1),  # a notch from above
    ],
)
def test_counts_by_hand(geometry: shapely.Geometry, layout: RowLayout, expected: int) -> None:
    assert count(geometry, layout) == expected


def test_real_modules_on_a_hall_slope_by_hand() -> None:
    # 80 x 14 m less nothing: 69 modules of 1.134 + 0.02 in 80.02 m, 6 rows of 2.278 + 0.02 in 14.02 m.
    assert count(shapely.box(0, 0, 80, 14), rows(1.134, 2.278, 2.298, 0.02)) == 69 * 6


@pytest.mark.parametrize("slant", [1e-6, 1e-4, 0.03])
def test_an_edge_a_hair_off_the_rows_costs_a_hair_and_no_row(slant: float) -> None:
    # 10 x 4.05 m: two rows of 10; a lower and an upper edge that slant by 3 cm at most still leave 4 m between them.
    slanted = shapely.Polygon([(0, 0), (10, slant), (10, 4.05), (0, 4.05 - slant / 2)])
    assert count(slanted, rows(1, 2)) == 20


def test_another_offset_saves_a_row() -> None:
    # Hourglass: at the lowest offset both rows cross the waist; an offset of half a pitch leaves room above and below it.
    upside_down = shapely.Polygon([(4, 0), (8, 4), (0, 4)])
    # From the tip up rows are 0, 2, 4, 6 wide, as in the upright triangle.
    assert count(upside_down, rows(1, 1)) == 12
    narrow = shapely.Polygon([(0, 0.9), (4, 0), (4, 1.9), (0, 1.9)])
    # A row from the lowest point up is cut by the slanted edge; the one that ends at the far edge is free.
    assert count(narrow, rows(4, 1)) == 1


def test_better_of_portrait_and_landscape_first_of_equals() -> None:
    portrait, landscape = rows(1.0, 2.0), rows(2.0, 1.0)
    wide = pack_rows(*flat(shapely.box(0, 0, 2, 1.5)), [portrait, landscape])
    assert (wide.count[0], wide.layout[0]) == (1, 1)
    square = pack_rows(*flat(shapely.box(0, 0, 4, 4)), [portrait, landscape])
    assert (square.count[0], square.layout[0], square.offset[0]) == (8, 0, 0.0)


def shapes() -> st.SearchStrategy[shapely.Geometry]:
    """Star-shaped polygons with up to twelve corners, some with a turned hole."""

    def make(radii: list[float], turn: float, hole: float, stretch: float) -> shapely.Geometry:
        angles = np.radians(turn) + np.arange(len(radii)) * 2.0 * np.pi / len(radii)
        outer = shapely.Polygon(np.column_stack([stretch * np.cos(angles), np.sin(angles)]) * np.array(radii)[:, None])
        if hole > 0.3:
            outer = outer - affinity.rotate(shapely.box(-hole, -hole, hole, hole), 3.0 * turn)
        return outer

    return st.builds(make, st.lists(st.floats(2, 12), min_size=3, max_size=12), st.floats(0, 360), st.floats(0, 4), st.floats(1, 3)).filter(
        lambda shape: not shape.is_empty
    )


@given(geometry=shapes(), pitch=st.floats(1.0, 2.5), gap=st.floats(0.0, 0.3), modules=st.sampled_from([1, 2]))
@settings(max_examples=300, deadline=None)
def test_no_module_crosses_the_outline_and_none_overlap(geometry: shapely.Geometry, pitch: float, gap: float, modules: int) -> None:
    layouts = [rows(1.134, 2.278, 2.278 * pitch, gap, modules), rows(2.278, 1.134, 1.134 * pitch, gap, modules)]
    packing, panels = drawn(geometry, layouts)
    assert len(panels) * modules == packing.count[0]
    if not len(panels):
        return
    # A module may touch the outline; 1e-5 m2 is 1e-6 m, ten times the touch, along 7 m of rim.
    assert shapely.area(shapely.difference(panels, geometry)).max() < 1e-5
    assert shapely.area(panels) == pytest.approx(1.134 * 2.278)
    assert shapely.union_all(panels).area == pytest.approx(shapely.area(panels).sum(), abs=1e-5 * len(panels))
    assert shapely.area(panels).sum() <= geometry.area + 1e-5 * len(panels)


@given(geometry=shapes())
@settings(max_examples=60, deadline=None)
def test_rows_are_full(geometry: shapely.Geometry) -> None:
    """No further module fits into the stretches between those laid (tried every 5 cm along each row)."""
    layout = rows(1.134, 2.278)
    packing, panels = drawn(geometry, [layout])
    low, high = geometry.bounds[1] + packing.offset[0], geometry.bounds[3]
    taken = shapely.union_all(panels) if len(panels) else shapely.Polygon()
    shapely.prepare(geometry)
    for y in np.arange(low, high - 2.278, 2.278):
        x = np.arange(geometry.bounds[0], geometry.bounds[2], 0.05)
        tries = shapely.box(x, y + 1e-6, x + 2 * 1.134, y + 2.278 - 1e-6)
        free = shapely.contains(geometry, tries)
        # Modules stand in the middle of a free stretch, so room for two whole ones beside them would be a lost module.
        assert not (shapely.area(shapely.intersection(tries[free], taken)) < 1e-9).any()


@given(geometry=shapes(), depth=st.floats(0.5, 3.0))
@settings(max_examples=60, deadline=None)
def test_more_room_between_rows_never_gives_more_modules_on_a_rectangle(geometry: shapely.Geometry, depth: float) -> None:
    box = shapely.box(*geometry.bounds)
    numbers = [count(box, rows(1.134, depth, depth * spread)) for spread in (1.0, 1.3, 2.0)]
    assert numbers == sorted(numbers, reverse=True)
    # Rectangles are filled exactly: rows by hand.
    width, height = geometry.bounds[2] - geometry.bounds[0], geometry.bounds[3] - geometry.bounds[1]
    assert numbers[0] == int((width + 1e-7) / 1.134) * int((height + 1e-7) / depth)


def test_each_outline_is_packed_as_if_alone() -> None:
    many = [shapely.box(0, 0, 5, 4), shapely.Polygon(), affinity.rotate(shapely.box(0, 0, 30, 9), 20), shapely.box(0, 0, 9, 6)]
    together = pack_rows(*flat(*many), [rows(1.134, 2.278, polygons=4)]).count
    assert together.tolist() == [count(one, rows(1.134, 2.278)) for one in many]


def test_bad_input_is_told() -> None:
    square = flat(shapely.box(0, 0, 5, 4))
    with pytest.raises(SolarError, match="no layout"):
        pack_rows(*square, [])
    with pytest.raises(SolarError, match=r"layout\.along has shape"):
        pack_rows(*square, [rows(1, 2, polygons=3)])
    with pytest.raises(SolarError, match=r"layout\.along holds"):
        pack_rows(*square, [rows(0, 2)])
    with pytest.raises(SolarError, match=r"layout\.gap"):
        pack_rows(*square, [rows(1, 2, gap=-0.1)])
    with pytest.raises(SolarError, match="rows would overlap"):
        pack_rows(*square, [rows(1, 2, pitch=1.5)])
