"""Roofs shade with their ridges, eaves and parapets: values by hand."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.horizons import horizons
from geo.roof_edges import RoofEdges, face_planes, parapets, roof_edges
from geo.surfaces import Shape, roof_surfaces
from geo.walls import Walls, walls

X0, Y0 = 500_000.0, 4_056_000.0
AROUND = (X0 - 400, Y0 - 400, X0 + 400, Y0 + 400)
HOUSE = np.array([shapely.box(X0 - 10, Y0 - 8, X0 + 10, Y0 + 8)])  # its ridge runs east-west
TILT = 26.0
RISE = 8 * np.tan(np.radians(TILT))  # of the ridge over the eaves


def of(value: float) -> np.ndarray:
    return np.array([value], float)


def edges(shape: Shape, span: float = np.inf, parapet: float = 0.0, polygons: np.ndarray = HOUSE) -> RoofEdges:
    n = len(polygons)
    return roof_edges(
        polygons, top=np.full(n, 10.0), height=np.full(n, 10.0), shape=np.full(n, shape), tilt=np.full(n, TILT),
        span=np.full(n, span), parapet=np.full(n, parapet),
    )  # fmt: skip


def standing(roof: RoofEdges, polygons: np.ndarray = HOUSE) -> Walls:
    return walls(AROUND, polygons, roof.level, roof.edges)


def on_faces(span: float = np.inf) -> np.ndarray:
    """Points 20 cm above the middle of each face."""
    faces = roof_surfaces(HOUSE, [Shape.GABLE], [TILT], [span])
    plane, origin = face_planes(faces, of(10.0), of(10.0))
    xy = shapely.get_coordinates(shapely.centroid(faces.geometry))
    return np.column_stack([xy, ((xy - origin) * plane[:, :2]).sum(axis=1) + plane[:, 2] + 0.2])


def degrees(rise: float, distance: float) -> float:
    return float(np.degrees(np.arctan2(rise, distance)))


def test_a_gable_stands_half_below_and_half_above_its_height() -> None:
    roof = edges(Shape.GABLE)
    assert np.unique(roof.edges[:, [2, 5]].round(6)).tolist() == pytest.approx([10 - RISE / 2, 10 + RISE / 2], abs=1e-6)
    assert roof.level[0] == pytest.approx(10 - RISE / 2)
    assert on_faces()[:, 2] == pytest.approx([10.2, 10.2])
    low, _ = face_planes(roof_surfaces(HOUSE, [Shape.GABLE], [TILT]), of(1.0), of(1.0))
    assert low[:, 2].min() >= 0.0  # no eaves hang below the ground


def test_the_own_ridge_shades_the_slope_behind_it() -> None:
    """Module planes lie 20 cm over the roof, so the ridge stands just below the plane itself; the valley side is open."""
    got = horizons(on_faces(), near=standing(edges(Shape.GABLE)))
    north, south = got  # faces are sorted by azimuth
    assert south[0] == pytest.approx(degrees(RISE / 2 - 0.2, 4), abs=0.03)  # mean of 28 rays over 5 degrees
    assert north[36] == pytest.approx(south[0], abs=1e-5)
    assert south[36] == north[0] == 0.0
    assert south[0] < TILT


def test_the_next_ridge_of_a_hall_shades_across_the_valley() -> None:
    got, points = horizons(on_faces(8.0), near=standing(edges(Shape.GABLE, 8.0))), on_faces(8.0)
    span_rise = RISE / 2
    slope = int(np.flatnonzero(np.isclose(points[:, 1] - Y0, -2))[0])  # southern span's north slope, 6 m before the other ridge
    assert got[slope, 0] == pytest.approx(degrees(span_rise / 2 - 0.2, 6), abs=0.03)
    outer = int(np.flatnonzero(np.isclose(points[:, 1] - Y0, 6))[0])
    assert got[outer, 0] == 0.0


def test_a_neighbour_sees_the_ridge_not_a_box() -> None:
    point = np.array([[X0, Y0 - 28.0, 5.0]])  # 20 m before the eaves, 28 m before the ridge
    gable = horizons(point, near=standing(edges(Shape.GABLE)))[0]
    ridge, eaves = degrees(10 + RISE / 2 - 5, 28), degrees(10 - RISE / 2 - 5, 20)
    assert gable[0] == pytest.approx(max(ridge, eaves), abs=0.05)
    aside = np.array([[X0 + 30.0, Y0, 5.0]])  # 20 m before the gable end, whose tip lies in the middle of the sector
    got = horizons(aside, near=standing(edges(Shape.GABLE)))[0, 54]
    spread = np.abs(np.tan(np.radians((np.arange(500) + 0.5) / 100 - 2.5))) * 20
    rise = 10 + RISE / 2 - 5 - spread * np.tan(np.radians(TILT))
    assert got == pytest.approx(np.degrees(np.arctan(rise / np.hypot(20, spread))).mean(), abs=0.05)


def test_a_hip_is_lower_than_a_gable_at_its_ends() -> None:
    aside = np.array([[X0 + 30.0, Y0, 5.0]])
    hip, gable = (horizons(aside, near=standing(edges(kind)))[0] for kind in (Shape.HIP, Shape.GABLE))
    assert hip[54] < gable[54]
    assert (hip <= gable + 1e-4).all()


def test_parapet_seen_from_inside() -> None:
    point = np.array([[X0, Y0, 10.2]])
    roof = edges(Shape.FLAT, parapet=1.1)
    got = horizons(point, near=standing(roof), parapets=parapets(HOUSE, of(11.1), np.array([0])))[0]
    assert got[0] == pytest.approx(degrees(0.9, 8), abs=0.01)
    assert got[18] == pytest.approx(degrees(0.9, 10), abs=0.01)
    assert got[9] == pytest.approx(degrees(0.9, 8 * np.sqrt(2)), abs=0.2)  # the sector lies beside the corner
    none = horizons(point, near=standing(roof), parapets=parapets(HOUSE, of(np.nan), np.array([0])))
    assert (none == 0).all()
    outside = horizons(np.array([[X0, Y0 - 28.0, 5.0]]), near=standing(roof))[0]
    assert outside[0] == pytest.approx(degrees(11.1 - 5, 20), abs=0.02)


@given(st.floats(0, 360), st.integers(1, 2))
def test_turning_the_house_turns_its_skyline(turn: float, shape: int) -> None:
    """No direction is favoured: a house turned by whole sectors has the same skyline, turned."""
    turn = 5.0 * round(turn / 5.0)
    turned = shapely.affinity.rotate(HOUSE[0], -turn, origin=(X0, Y0))
    point = np.array([[X0, Y0 - 28.0, 5.0]])
    s, c = np.sin(np.radians(turn)), np.cos(np.radians(turn))
    moved = np.array([[X0 - 28 * s, Y0 - 28 * c, 5.0]])
    one = horizons(point, near=standing(edges(Shape(shape))))[0]
    two = horizons(moved, near=standing(edges(Shape(shape), polygons=np.array([turned])), np.array([turned])))[0]
    # rounding of a turned corner moves it across a ray: a 28th of a sector
    np.testing.assert_allclose(np.roll(one, round(turn / 5)), two, atol=0.6)


def test_flat_roofs_without_parapet_are_the_boxes_of_their_outlines() -> None:
    court = shapely.box(X0 - 30, Y0 - 30, X0 + 30, Y0 + 30) - shapely.box(X0 - 10, Y0 - 10, X0 + 10, Y0 + 10)
    polygons = np.array(
        [court, shapely.MultiPolygon([shapely.box(X0 + 50, Y0, X0 + 60, Y0 + 9), shapely.box(X0 + 70, Y0, X0 + 90, Y0 + 9)])]
    )
    roof = edges(Shape.FLAT, polygons=polygons)
    points = np.array([[X0, Y0, 1.0], [X0 + 65.0, Y0 + 4, 2.0]])
    plain = horizons(points, near=walls(AROUND, polygons, np.full(2, 10.0)))
    assert np.array_equal(plain, horizons(points, near=standing(roof, polygons)))


@pytest.mark.parametrize("turn", [0, 90, 200, 315])
def test_who_looks_down_on_a_slope_sees_the_far_verge(turn: int) -> None:
    """The sight over the far gable end leaves the slope above its eaves: by hand, 36 m off, 1 m below the eaves."""
    house = shapely.affinity.rotate(HOUSE[0], -turn, origin=(X0, Y0))
    s, c = np.sin(np.radians(turn)), np.cos(np.radians(turn))
    east, north = -26.0, -28.0  # the eaves begin at (-10, -8), the far verge stands at x = 10
    point = np.array([[X0 + east * c + north * s, Y0 - east * s + north * c, 9.0 - RISE / 2]])
    got = horizons(point, near=standing(edges(Shape.GABLE, polygons=np.array([house])), np.array([house])))[0]
    away = np.radians(np.linspace(52.5, 57.5, 501))  # meets the verge between eaves and ridge
    distance, across = 36.0 / np.sin(away), 36.0 / np.tan(away) - 20.0
    assert (across > 0).all()
    assert (across < 8).all()
    expected = np.degrees(np.arctan((1.0 + across * np.tan(np.radians(TILT))) / distance)).mean()
    assert got[(11 + turn // 5) % 72] == pytest.approx(expected, abs=0.05)
