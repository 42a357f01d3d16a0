"""Parapet shadow and ways of access, by hand and by law."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from geo.archetypes import load_archetypes
from geo.deductions import between_access_ways, out_of_parapet_shadow
from geo.errors import GeoError
from geo.setbacks import usable_outlines
from solar.mounts import noon_shadow


def array(*shapes: shapely.Geometry) -> np.ndarray:
    return np.array(shapes, dtype=object)


def test_noon_shadow_by_hand() -> None:
    """The sun stands at 90 - 36.65 - 23.45 = 29.9 degrees: 1 / tan 29.9 = 1.739; at the equator at 66.55, 0.434."""
    assert noon_shadow(36.65) == pytest.approx(1.739, abs=5e-4)
    assert noon_shadow(0.0) == pytest.approx(0.4338, abs=5e-4)
    assert noon_shadow(-36.65) == noon_shadow(36.65)
    assert noon_shadow(60.0) == pytest.approx(5.671, abs=5e-4)  # no lower than 10 degrees


def test_the_shadow_lies_north_of_the_south_parapet_only() -> None:
    roof = array(shapely.box(0, 0, 20, 10))
    outline = usable_outlines(roof, 1.0)
    lit = out_of_parapet_shadow(outline, roof, 1.9, 0.0)[0]
    assert lit.bounds == pytest.approx((1.0, 1.9, 19.0, 9.0))
    # shorter than the set-back it takes nothing
    assert out_of_parapet_shadow(outline, roof, 0.8, 0.0)[0].equals(outline[0])


def test_the_north_parapet_of_a_yard_shades_the_house_behind_it() -> None:
    """The hole's north edge carries a parapet too, which shades the strip north of it."""
    roof = array(shapely.box(0, 0, 40, 30) - shapely.box(10, 10, 30, 20))
    lit = out_of_parapet_shadow(roof, roof, 2.0, 0.0)[0]
    assert lit.area == pytest.approx(roof[0].area - 2.0 * 40 - 2.0 * 20)


@given(turn=st.floats(0, 360), length=st.floats(0.1, 3.0), toward=st.floats(0, 360))
@settings(max_examples=60, deadline=None)
def test_no_point_left_on_a_convex_roof_has_a_parapet_before_it(turn: float, length: float, toward: float) -> None:
    roof = affinity.rotate(shapely.box(0, 0, 20, 8), turn)
    lit = out_of_parapet_shadow(array(roof), array(roof), length, toward)[0]
    back = -length * np.array([np.sin(np.radians(toward)), np.cos(np.radians(toward))])
    points = shapely.get_coordinates(lit.buffer(-0.01))
    for x, y in points:
        assert roof.covers(shapely.LineString([(x, y), (x + back[0], y + back[1])]))


def test_ways_by_hand() -> None:
    """100 x 90 m at 40 m: three fields by three, two ways of 1 m each way: 98 x 88 of 3 x 3 fields."""
    fields = between_access_ways(array(shapely.box(0, 0, 100, 90), shapely.box(0, 0, 39, 20)), [90.0, 90.0], spacing=40.0, width=1.0)
    assert fields[0].area == pytest.approx(98 * 88)
    assert len(fields[0].geoms) == 9
    assert fields[1].area == pytest.approx(39 * 20)


@given(width=st.floats(10, 300), depth=st.floats(10, 200), turn=st.floats(0, 180), spacing=st.floats(15, 60))
@settings(max_examples=60, deadline=None)
def test_no_field_is_longer_than_the_spacing(width: float, depth: float, turn: float, spacing: float) -> None:
    roof = affinity.rotate(shapely.box(0, 0, width, depth), -turn)
    fields = between_access_ways(array(roof), [90.0 + turn], spacing=spacing, width=1.0)[0]
    ways = [np.ceil(side / spacing - 1e-9) - 1 for side in (width, depth)]
    assert fields.area == pytest.approx((width - ways[0]) * (depth - ways[1]), rel=1e-9)
    for field in shapely.get_parts(fields):
        assert (
            max(
                shapely.bounds(affinity.rotate(field, turn, origin=(0, 0)))[2:]
                - shapely.bounds(affinity.rotate(field, turn, origin=(0, 0)))[:2]
            )
            <= spacing + 1e-6
        )


def test_empty_outlines_stay_and_mistakes_are_told() -> None:
    empty, house = shapely.Polygon(), shapely.box(0, 0, 9, 9)
    assert between_access_ways(array(empty), [0.0], spacing=40.0, width=1.0)[0].is_empty
    assert out_of_parapet_shadow(array(empty), array(house), 1.0, 0.0)[0].is_empty
    with pytest.raises(GeoError, match="access ways"):
        between_access_ways(array(house), [0.0], spacing=1.0, width=2.0)
    with pytest.raises(GeoError, match="shadow of -1"):
        out_of_parapet_shadow(array(house), array(house), -1.0, 0.0)
    with pytest.raises(GeoError, match="access ways"):
        load_archetypes(None, {"width_m": 50.0})


def test_the_study_sets_the_ways() -> None:
    assert load_archetypes(None, {"spacing_m": 30.0}).access.spacing_m == 30.0
    assert load_archetypes().access.width_m == 1.0
