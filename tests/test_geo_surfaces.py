"""Roof surfaces: values by hand, and the law that the parts of a building tile its footprint."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from geo.archetypes import load_archetypes
from geo.errors import GeoError
from geo.surfaces import SLIVER_M2, RoofSurfaces, Shape, roof_surfaces

EAST, NORTH = 500_000.0, 4_057_000.0  # coordinates of the size that a Chinese projected CRS has


def gables(*footprints: shapely.Geometry, tilt: float = 26.0) -> RoofSurfaces:
    return roof_surfaces(np.array(footprints, dtype=object), np.full(len(footprints), Shape.GABLE), np.full(len(footprints), tilt))


def house(width: float, depth: float, turn: float = 0.0) -> shapely.Polygon:
    """A rectangle `width` east-west, turned clockwise."""
    return affinity.translate(affinity.rotate(shapely.box(-width / 2, -depth / 2, width / 2, depth / 2), -turn), EAST, NORTH)


def wings(kind: str) -> shapely.Geometry:
    box = shapely.box
    return {
        "L": box(0, 0, 20, 8) | box(0, 0, 8, 20),
        "U": box(0, 0, 30, 6) | box(0, 0, 6, 20) | box(24, 0, 30, 20),
        "court": box(0, 0, 20, 24) - box(5, 6, 15, 18),
        "cross": box(8, 0, 14, 22) | box(0, 8, 22, 14),
        "two": box(0, 0, 12, 7) | box(20, 0, 26, 14),
        "two and a sliver": box(0, 0, 12, 7) | box(20, 0, 26, 14) | box(30, 0, 30.5, 0.5),
    }[kind]


# Wings of each: an L two, a U its bar and two legs, a yard two bars and two side wings, a cross a bar and its two arms.
WINGS = {"L": 2, "U": 3, "court": 4, "cross": 3, "two": 2, "two and a sliver": 2}
KINDS = list(WINGS)


def tiles_footprint(roofs: RoofSurfaces, footprint: shapely.Geometry) -> None:
    """Areas add up, nothing overlaps, nothing leaves the footprint: to 1e-6 m2, the rounding of 1e-9 m along 100 m of edges."""
    assert shapely.is_valid(roofs.geometry).all()
    assert np.isin(shapely.get_type_id(roofs.geometry), (3, 6)).all()
    assert shapely.area(roofs.geometry).sum() == pytest.approx(footprint.area, abs=1e-6)
    assert shapely.union_all(roofs.geometry, grid_size=1e-6).symmetric_difference(footprint).area < 1e-3 * max(
        1.0, footprint.length / 100.0
    )
    for i, one in enumerate(roofs.geometry):
        for other in roofs.geometry[i + 1 :]:
            assert one.intersection(other).area < 1e-6
    assert (shapely.area(roofs.geometry) >= min(SLIVER_M2, footprint.area) - 1e-9).all()


def test_a_house_along_the_street_has_a_north_and_a_south_slope() -> None:
    roofs = gables(house(12, 8))
    assert roofs.building.tolist() == [0, 0]
    assert roofs.part.tolist() == [0, 1]
    assert roofs.roof_azimuth.tolist() == [0.0, 180.0]
    assert roofs.axis_azimuth.tolist() == [90.0, 90.0]
    assert roofs.roof_tilt.tolist() == [26.0, 26.0]
    assert shapely.area(roofs.geometry) == pytest.approx([48.0, 48.0], abs=1e-6)
    assert roofs.geometry[0].centroid.y == pytest.approx(NORTH + 2.0, abs=1e-6)
    assert roofs.geometry[1].centroid.y == pytest.approx(NORTH - 2.0, abs=1e-6)


@pytest.mark.parametrize(("turn", "azimuths"), [(0, (0, 180)), (30, (30, 210)), (90, (90, 270)), (-30, (150, 330)), (170, (170, 350))])
def test_slopes_turn_with_the_house(turn: float, azimuths: tuple[float, float]) -> None:
    # 1e-5 degrees: corners at 4e6 m carry 1e-9 m of rounding on a 12 m wall.
    assert gables(house(12, 8, turn)).roof_azimuth == pytest.approx(azimuths, abs=1e-5)


@given(width=st.floats(4, 60), share=st.floats(0.3, 0.95), turn=st.floats(-180, 180), start=st.integers(0, 3), clockwise=st.booleans())
@settings(max_examples=150, deadline=None)
def test_each_slope_lies_on_the_side_it_faces(width: float, share: float, turn: float, start: int, clockwise: bool) -> None:
    plan = house(width, width * share, turn)
    corners = list(plan.exterior.coords)[:-1]
    corners = corners[start:] + corners[:start]
    plan = shapely.Polygon(corners[::-1] if clockwise else corners)
    roofs = gables(plan)
    assert len(roofs.part) == 2
    tiles_footprint(roofs, plan)
    for half, azimuth, axis in zip(roofs.geometry, roofs.roof_azimuth, roofs.axis_azimuth, strict=True):
        away = np.array([half.centroid.x - plan.centroid.x, half.centroid.y - plan.centroid.y])
        down = np.array([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))])
        assert away @ down == pytest.approx(width * share / 4.0, abs=1e-5)
        assert (azimuth - axis) % 180.0 == pytest.approx(90.0, abs=1e-9)
        assert 0.0 <= axis < 180.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("turn", [0.0, 17.0, 45.0, 123.0])
def test_parts_of_bent_buildings_tile_the_footprint(kind: str, turn: float) -> None:
    plan = affinity.translate(affinity.rotate(wings(kind), turn), EAST, NORTH)
    roofs = gables(plan)
    tiles_footprint(roofs, plan)
    assert np.all(np.diff(roofs.roof_azimuth) >= 0.0)
    assert len(roofs.part) == 2 * WINGS[kind]


@given(points=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=3, max_size=9), turn=st.floats(0, 180))
@settings(max_examples=200, deadline=None)
def test_parts_of_any_footprint_tile_it(points: list[tuple[int, int]], turn: float) -> None:
    cut = shapely.get_parts(shapely.make_valid(shapely.Polygon(np.array(points) / 10.0)))
    plan = shapely.union_all([part for part in cut if part.geom_type == "Polygon" and part.area > 1e-3], grid_size=0.01)
    plan = shapely.set_precision(affinity.translate(affinity.rotate(plan, turn), EAST, NORTH), 0.0, mode="pointwise")
    if plan.geom_type in ("Polygon", "MultiPolygon") and not plan.is_empty and plan.is_valid:
        for shape in (Shape.GABLE, Shape.HIP):
            tiles_footprint(roof_surfaces(np.array([plan]), [shape], [26.0], 9.0), plan)


def test_a_hip_of_a_rectangle_by_hand() -> None:
    """Ridge of 12 - 8 m; the hips run at 45 degrees, so the ends are triangles of 8 x 4 / 2 and the sides the rest."""
    roofs = roof_surfaces(np.array([house(12, 8)]), [Shape.HIP], [25.0])
    assert roofs.roof_azimuth.tolist() == [0.0, 90.0, 180.0, 270.0]
    assert shapely.area(roofs.geometry) == pytest.approx([32.0, 16.0, 32.0, 16.0], abs=1e-6)
    assert roofs.axis_azimuth.tolist() == [90.0, 0.0, 90.0, 0.0]
    assert [part.centroid.x > EAST + 1 for part in roofs.geometry] == [False, True, False, False]


def test_a_hip_of_an_almost_square_house_tiles_it() -> None:
    """10 x 10.1 m: the long side is taken as no longer one, and the ridge is 0.1 m long."""
    for plan in (house(10.1, 10.0), house(10.0, 10.1), house(10.0, 10.0)):
        roofs = roof_surfaces(np.array([plan]), [Shape.HIP], [25.0])
        tiles_footprint(roofs, plan)
        assert len(roofs.part) == 4


@given(width=st.floats(4, 60), share=st.floats(0.3, 1.0), turn=st.floats(-180, 180))
@settings(max_examples=80, deadline=None)
def test_each_face_of_a_hip_lies_on_the_side_it_faces(width: float, share: float, turn: float) -> None:
    plan = house(width, width * share, turn)
    roofs = roof_surfaces(np.array([plan]), [Shape.HIP], [25.0])
    tiles_footprint(roofs, plan)
    for face, azimuth in zip(roofs.geometry, roofs.roof_azimuth, strict=True):
        away = np.array([face.centroid.x - plan.centroid.x, face.centroid.y - plan.centroid.y])
        assert away @ [np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))] > 0.15 * width * share


def test_a_wide_hall_has_parallel_ridges_of_equal_spans() -> None:
    """60 m wide at 36 m a ridge at most: two ridges of 30 m, four strips of 15 m, facing north and south by turns."""
    roofs = roof_surfaces(np.array([house(100, 60)]), [Shape.GABLE], [5.0], 36.0)
    assert roofs.roof_azimuth.tolist() == [0.0, 0.0, 180.0, 180.0]
    assert shapely.area(roofs.geometry) == pytest.approx([1500.0] * 4, abs=1e-6)
    assert [round(part.centroid.y - NORTH, 6) for part in roofs.geometry] == [-7.5, 22.5, -22.5, 7.5]


def test_the_wings_of_a_yard_have_their_own_ridges() -> None:
    """The main houses lie across the north and the south of the yard, the side wings between them run north-south."""
    roofs = gables(wings("court"))
    boxes = sorted(
        (*map(float, shapely.bounds(part)), float(azimuth)) for part, azimuth in zip(roofs.geometry, roofs.roof_azimuth, strict=True)
    )
    assert boxes == [
        (0.0, 0.0, 20.0, 3.0, 180.0),
        (0.0, 3.0, 20.0, 6.0, 0.0),
        (0.0, 6.0, 2.5, 18.0, 270.0),
        (0.0, 18.0, 20.0, 21.0, 180.0),
        (0.0, 21.0, 20.0, 24.0, 0.0),
        (2.5, 6.0, 5.0, 18.0, 90.0),
        (15.0, 6.0, 17.5, 18.0, 270.0),
        (17.5, 6.0, 20.0, 18.0, 90.0),
    ]


def test_the_narrower_arm_of_an_l_is_its_wing() -> None:
    roofs = gables(shapely.box(0, 0, 20, 10) | shapely.box(0, 0, 6, 22))
    assert sorted(shapely.area(roofs.geometry)) == pytest.approx([36.0, 36.0, 100.0, 100.0])


def test_a_porch_is_no_wing() -> None:
    roofs = gables(shapely.box(0, 0, 12, 8) | shapely.box(4, -1.5, 8, 0))
    assert len(roofs.part) == 2


def test_a_footprint_that_carries_a_grid_size_is_split_as_exactly() -> None:
    """GEOS would round the ends of the ridge to the 5 cm grid of this footprint."""
    plan = shapely.set_precision(affinity.translate(affinity.rotate(wings("L"), 17.0), EAST, NORTH), 0.05)
    tiles_footprint(gables(plan), shapely.set_precision(plan, 0.0, mode="pointwise"))


@given(sides=st.integers(3, 9), turn=st.floats(0, 360), stretch=st.floats(1.2, 3.0))
@settings(max_examples=60, deadline=None)
def test_the_fast_path_of_convex_footprints_equals_the_general_one(sides: int, turn: float, stretch: float) -> None:
    corners = np.radians(turn + np.arange(sides) * 360.0 / sides)
    plan = shapely.Polygon(np.column_stack([EAST + 10 * stretch * np.cos(corners), NORTH + 10 * np.sin(corners)]))
    pinhole = plan.centroid.buffer(1e-4)  # sends the same outline down the general path
    fast, general = gables(plan), gables(plan - pinhole)
    assert general.roof_azimuth == pytest.approx(fast.roof_azimuth, abs=1e-6)
    for one, other in zip(fast.geometry, general.geometry, strict=True):
        # The overlay snaps the ridge to corners of the pinhole within about 1e-6 m, along 40 m of ridge.
        assert one.symmetric_difference(other).area < 1e-4


def test_rectangle_equals_the_minimum_rotated_rectangle_of_shapely() -> None:
    random = np.random.default_rng(5)
    for _ in range(50):
        plan = shapely.MultiPoint(random.uniform(0, 1, (12, 2)) * [30, 12]).convex_hull
        corners = np.array(shapely.oriented_envelope(plan).exterior.coords)
        sides = np.hypot(*np.diff(corners, axis=0).T)[:2]
        own = gables(plan).axis_azimuth[0]
        frame = affinity.rotate(plan, own, origin=(0, 0))  # the long side now runs north
        width, length = np.ptp(np.array(frame.exterior.coords), axis=0)
        assert length * width <= 1.02 * sides.prod() + 1e-6  # within the tie that lets a longer wall decide
        assert length >= 0.98 * width


def test_axis_of_an_l_follows_its_walls_not_its_diagonal() -> None:
    thin = shapely.box(0, 0, 20, 2) | shapely.box(0, 0, 2, 20)
    assert gables(thin).axis_azimuth[0] in (0.0, 90.0)


def test_a_square_house_has_its_ridge_east_west() -> None:
    assert gables(house(10, 10)).roof_azimuth == pytest.approx([0.0, 180.0], abs=1e-5)
    assert gables(house(10, 10, 15)).roof_azimuth == pytest.approx([15.0, 195.0], abs=1e-5)


def test_a_stair_edged_footprint_of_a_raster_takes_its_free_axis() -> None:
    cells = [shapely.box(x, y, x + 1, y + 1) for x in range(30) for y in range(30) if 0 <= x - y + 4 < 9 and 5 <= x + y < 50]
    assert gables(shapely.union_all(cells)).axis_azimuth[0] == pytest.approx(45.0, abs=3.0)


def test_flat_roof_is_the_footprint_whatever_its_shape() -> None:
    plans = np.array([wings(kind) for kind in KINDS], dtype=object)
    roofs = roof_surfaces(plans, np.zeros(len(plans)), np.full(len(plans), 9.0))
    assert roofs.building.tolist() == list(range(len(plans)))
    assert not roofs.part.any() and not roofs.roof_tilt.any() and np.isnan(roofs.roof_azimuth).all()
    assert all(a.equals(b) for a, b in zip(roofs.geometry, plans, strict=True))


def test_a_gable_smaller_than_a_sliver_stays_one_surface() -> None:
    tiny = shapely.box(0, 0, 0.6, 0.6)
    roofs = gables(tiny, house(12, 8))
    assert roofs.building.tolist() == [0, 1, 1]
    assert roofs.geometry[0].equals(tiny)


def test_surfaces_do_not_depend_on_the_neighbours_in_the_tile() -> None:
    plans = [house(12, 8, 20), wings("L"), house(30, 9, 70), wings("two and a sliver"), wings("court")]
    together = gables(*plans)
    for number, plan in enumerate(plans):
        alone = gables(plan)
        own = together.building == number
        assert shapely.to_wkb(together.geometry[own]).tolist() == shapely.to_wkb(alone.geometry).tolist()
        assert together.roof_azimuth[own].tolist() == alone.roof_azimuth.tolist()


def test_nothing_in_nothing_out() -> None:
    roofs = roof_surfaces(np.array([], dtype=object), [], [])
    assert len(roofs.building) == len(roofs.geometry) == len(roofs.axis_azimuth) == 0


@pytest.mark.parametrize(
    ("footprint", "shape", "tilt", "message"),
    [
        (None, Shape.FLAT, 0.0, "missing, empty or no polygon"),
        (shapely.Point(0, 0), Shape.FLAT, 0.0, "missing, empty or no polygon"),
        (shapely.Polygon(), Shape.GABLE, 20.0, "missing, empty or no polygon"),
        (shapely.box(0, 0, 9, 9), 7, 20.0, "roof shape 7"),
        (shapely.box(0, 0, 9, 9), Shape.GABLE, 0.0, "tilt 0.0"),
        (shapely.box(0, 0, 9, 9), Shape.HIP, np.nan, "tilt nan"),
    ],
)
def test_bad_input_is_told(footprint: shapely.Geometry, shape: int, tilt: float, message: str) -> None:
    with pytest.raises(GeoError, match=message):
        roof_surfaces(np.array([footprint], dtype=object), [shape], [tilt])


def test_archetypes_by_use_height_and_size() -> None:
    kinds = load_archetypes().choose(
        ["factory", "factory", "factory", "urban_residential", "urban_residential", "rural_residential", "unknown", "urban_residential"],
        [9.0, np.nan, 40.0, 6.0, 54.0, 4.5, np.nan, 9.0],
        [5000.0, 5000.0, 5000.0, 120.0, 600.0, 90.0, 300.0, 150.0],
    )
    flat, gable, hip = Shape.FLAT, Shape.GABLE, Shape.HIP
    assert kinds.shape.tolist() == [gable, gable, flat, gable, flat, gable, flat, hip]
    assert kinds.is_metal.tolist() == [True, True, False, False, False, False, False, False]
    assert kinds.span_m[0] == 36.0 and kinds.skylight_share[0] > 0.0 and not kinds.excluded_before_year.any()
    assert kinds.tilt[0] == 5.0
    assert 25.0 <= kinds.tilt[5] <= 30.0  # the village gable of the brief
    assert (kinds.tilt[kinds.shape == Shape.FLAT] == 0.0).all()


def test_every_class_of_use_of_the_contract_has_an_archetype() -> None:
    uses = ["factory", "public_institution", "public_building", "commercial", "urban_residential", "rural_residential"]
    uses += ["transport", "other", "unknown"]
    archetypes = load_archetypes()
    assert sorted(archetypes.uses) == sorted(uses)
    assert all(kind.source for kind in archetypes.kinds)
    for height in (np.nan, 3.0, 15.0, 100.0):
        kinds = archetypes.choose(uses, np.full(9, height), np.full(9, 200.0))
        assert (kinds.setback_m >= 0.0).all() and (kinds.obstacle_share < 1.0).all()
    assert (archetypes.default_height(uses) <= archetypes.maximum_height(uses)).all()


def test_a_hall_has_one_or_two_floors_and_a_block_many() -> None:
    archetypes = load_archetypes()
    uses, heights = ["factory", "factory", "urban_residential"], [9.0, 20.0, 54.0]
    kinds = archetypes.choose(uses, heights, [5000.0, 5000.0, 600.0])
    assert archetypes.floors(uses, heights, kinds).tolist() == [2.0, 2.0, 18.0]


def test_a_study_changes_archetypes_of_a_class() -> None:
    changed = load_archetypes({"factory": {"setback_m": 1.5, "storey_height_m": 5.0}, "rural_residential": {"shape": "flat"}})
    assert changed.choose(["factory"], [9.0], [5000.0]).setback_m.tolist() == [1.5]
    assert changed.storey_height(["factory"]).tolist() == [5.0]
    assert changed.choose(["rural_residential"], [4.5], [90.0]).tilt.tolist() == [0.0]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"factry": {"setback_m": 1.0}}, "did you mean 'factory'"),
        ({"factory": {"setbak_m": 1.0}}, "did you mean 'setback_m'"),
        ({"factory": {"setback_m": -1.0}}, "setback_m"),
        ({"factory": {"setback_m": "wide"}}, "is not a number"),
        ({"factory": {"shape": "dome"}}, "roof shape 'dome'"),
        ({"unknown": {"shape": "gable"}}, "needs a tilt"),
    ],
)
def test_a_mistake_in_the_study_is_told(overrides: dict, message: str) -> None:
    with pytest.raises(GeoError, match=message):
        load_archetypes(overrides)


def test_an_unknown_use_is_told() -> None:
    with pytest.raises(GeoError, match="castle"):
        load_archetypes().default_height(["castle"])


def test_a_known_tilt_takes_the_place_of_the_archetypes() -> None:
    kinds = load_archetypes().choose(["factory", "rural_residential", "rural_residential"], [9.0, 4.5, 4.5], [5000.0, 90.0, 90.0])
    known = kinds.with_tilt([12.0, 0.0, np.nan])
    assert known.shape.tolist() == [Shape.GABLE, Shape.FLAT, kinds.shape[2]]
    assert known.tilt.tolist() == [12.0, 0.0, kinds.tilt[2]]
    assert known.setback_m.tolist() == kinds.setback_m.tolist()
