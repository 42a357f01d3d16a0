"""Towers that fill over half of a sector, against closed forms: over walls and over surfaces, wherever their edges lie between rays."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.edge_rays import find, lay, part, room_for_gaps, settle, tolerated
from geo.fans import room_for
from geo.horizons import horizons
from geo.surface_raster import Surface, near_surface
from geo.towers import ring_end, tower_reach
from geo.walls import Walls, walls

from .test_geo_horizons import X0, Y0, around, within_goals

FINE = 400  # directions a sector; an edge is then off by an eighth of a percent of its height
HEIGHTS = (15.0, 30.0, 60.0, 100.0, 200.0, 350.0, 500.0)
WIDE = around(X0, Y0, 310)


def seen(point: np.ndarray, boxes: np.ndarray, tops: np.ndarray, reach: float, least: float) -> np.ndarray:
    """Elevation along each direction over upright boxes, by where a straight line enters each, shape (72, FINE). [degrees]"""
    azimuth = np.radians((np.arange(72 * FINE) + 0.5) / FINE * 5 - 2.5)
    ways = np.stack([np.sin(azimuth), np.cos(azimuth)])
    best = np.zeros(len(azimuth))
    for box, top in zip(boxes, tops, strict=True):
        one, other = (box[:2] - point[:2])[:, None] / ways, (box[2:] - point[:2])[:, None] / ways
        enters, leaves = np.minimum(one, other).max(axis=0), np.maximum(one, other).min(axis=0)
        met = (enters < leaves) & (enters > 0) & (enters < reach)
        best = np.maximum(best, np.where(met, (top - point[2]) / np.maximum(enters, least), 0.0))
    return np.degrees(np.arctan(best)).reshape(72, FINE)


def tower(rng: np.random.Generator, point: np.ndarray, nearest: float, farthest: float, cell: float = 0.0) -> np.ndarray:
    """A tower two fifths to nine fifths of a sector wide and up to three times as deep; on whole cells of a surface."""
    d, turn = np.exp(rng.uniform(np.log(nearest), np.log(farthest))), rng.uniform(0, 2 * np.pi)
    wide = max(rng.uniform(0.4, 1.8) * d * np.radians(5), cell)
    half = np.array([wide, wide * rng.uniform(1, 3)]) / 2
    centre = point[:2] + (d + half.max()) * np.array([np.sin(turn), np.cos(turn)])
    box = np.concatenate([centre - half, centre + half])
    if cell:
        box = np.round(box / cell) * cell
        box[2:] = np.maximum(box[2:], box[:2] + cell)
    return box


def built(cell: float, boxes: np.ndarray, tops: np.ndarray) -> dict[str, Surface | Walls]:
    """The same boxes as walls, or on the cells of a surface."""
    polygons = shapely.box(*boxes.T)
    return {"surface": near_surface(WIDE, cell, polygons, tops)} if cell else {"near": walls(WIDE, polygons, tops)}


def somewhere(rng: np.random.Generator) -> np.ndarray:
    return np.array([X0 + rng.uniform(-1, 1), Y0 + rng.uniform(-1, 1), 0.0])


@pytest.mark.parametrize("cell", [0.0, 0.5, 1.0, 2.0])
def test_no_tower_is_missed(cell: float) -> None:
    """28 even rays over walls miss some by 2.8 degrees, 7 over cells of 1 m by 6."""
    rng = np.random.default_rng(1)
    filled = 0
    for _ in range(150):
        point, top = somewhere(rng), rng.choice(HEIGHTS, 1)
        box = tower(rng, point, 3.0, 280.0, cell)[None]
        exact = seen(point, box, top, 300.0, 0.5 * cell or 0.5)
        over_half = (exact > 0).mean(axis=1) > 0.5
        filled += over_half.sum()
        assert np.abs(horizons(point[None], **built(cell, box, top))[0] - exact.mean(axis=1))[over_half].max(initial=0.0) <= 1.5
    assert filled > 100


@pytest.mark.parametrize("cell", [0.0, 1.0])
def test_no_tower_beyond_the_near_ring_is_missed_either(cell: float) -> None:
    """Behind a shed of walls, or of a measured surface, which begins with half as many rays: 500 m tall, 320 to 600 m away."""
    rng = np.random.default_rng(3)
    shed, low, high = np.array([[X0, Y0 + 9.0, X0 + 9.0, Y0 + 12.0]]), np.array([2.0]), np.array([500.0])
    beside, reach = built(cell, shed, low), tower_reach(high)
    end = float(ring_end(reach)[0])
    point = np.array([X0, Y0, 0.0])
    for _ in range(60):
        box = tower(rng, point, 320.0, 600.0)[None]
        held = walls(around(X0, Y0, end), shapely.box(*box.T), high, reach=reach)
        alone = seen(point, box, high, end, 0.5)
        exact = np.maximum(alone, seen(point, shed, low, 300.0, 0.5)).mean(axis=1)
        got = horizons(point[None], towers={end: held}, **beside)[0]
        assert np.abs(got - exact)[(alone > 0).mean(axis=1) > 0.5].max(initial=0.0) <= 1.5


def test_a_cell_that_stands_apart_is_not_missed() -> None:
    """As at the end of a slim slab across the cells of a surface; two even rays may pass on either side of it."""
    rng = np.random.default_rng(7)
    filled = 0
    for _ in range(150):
        point = somewhere(rng)
        body = tower(rng, point, 80.0, 280.0, 1.0)
        slot, side = rng.integers(1, 3), rng.integers(0, 4)
        x = (body[0] - slot - 1, body[2] + slot, rng.integers(body[0], body[2]), rng.integers(body[0], body[2]))[side]
        y = (rng.integers(body[1], body[3]), rng.integers(body[1], body[3]), body[1] - slot - 1, body[3] + slot)[side]
        boxes, tops = np.array([body, [x, y, x + 1, y + 1]]), np.full(2, rng.choice(HEIGHTS[4:]))
        exact = seen(point, boxes, tops, 300.0, 0.5)
        over_half = (exact > 0).mean(axis=1) > 0.5
        filled += over_half.sum()
        assert (exact.mean(axis=1) - horizons(point[None], **built(1.0, boxes, tops))[0])[over_half].max(initial=0.0) <= 1.5
    assert filled > 100


@pytest.mark.parametrize("cell", [0.0, 1.0])
def test_among_many_towers_none_is_missed(cell: float) -> None:
    """Forty around each point, one behind the other; a slot of sky narrower than the way from ray to ray may count as closed."""
    rng = np.random.default_rng(4)
    got, exact = [], []
    for _ in range(12):
        point = somewhere(rng)
        boxes, tops = np.array([tower(rng, point, 15.0, 250.0, 1.0) for _ in range(40)]), rng.choice(HEIGHTS[:5], 40)
        got.append(horizons(point[None], **built(cell, boxes, tops))[0])
        exact.append(seen(point, boxes, tops, 300.0, 0.5).mean(axis=1))
    within_goals(np.array(got), np.array(exact))
    assert (np.array(exact) - got).max() <= 1.5


@pytest.mark.parametrize("cell", [0.0, 1.0])
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 60))
def test_what_grows_never_lowers_a_sector(cell: float, seed: int, more: float) -> None:
    """Gaps come and go as their ends move; still no sector falls by a bit."""
    rng = np.random.default_rng(seed)
    point = somewhere(rng)
    boxes, tops = np.array([tower(rng, point, 5.0, 100.0, 1.0) for _ in range(15)]), rng.uniform(5, 120, 15)
    grown = tops + np.where(rng.random(15) < 0.3, more, 0.0)
    low, high = (horizons(point[None], **built(cell, boxes, height))[0] for height in (tops, grown))
    assert (high >= low).all()


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1), st.sampled_from([7, 14, 28]), st.floats(0, 87), st.floats(0, 87))
def test_an_edge_anywhere_in_a_gap(place: float, rays: int, left: float, right: float) -> None:
    """A step from one height to another in the gap after the fourth ray: half of 1.5 degrees is left for each edge of a tower."""
    turn = np.radians(np.where(np.arange(72 * rays + 1) <= 3, left, right))
    turn[-1] = turn[0]  # the step back lies at the last ray, and so in the last sector
    wide, narrow, fan, limits = room_for_gaps(rays), room_for_gaps(rays), room_for(rays, 12 * 72 * rays), [*tolerated(rays), np.inf]
    more, width, count = np.zeros(72), 64, find(turn, limits[0], False, wide)
    for depth in range(3):
        laid = lay(wide, count, width, rays, fan)
        at = np.array([part(wide[0][k // 3], k % 3, width) for k in range(laid)])
        tangent = np.tan(np.radians(np.where((at > 3 + place) & (at < 72 * rays - 1), right, left)))
        count = settle(wide, count, width, limits[depth], limits[depth + 1], rays, tangent, more, narrow)
        width, wide, narrow = width // 4, narrow, wide
    error = np.degrees(turn[:rays].sum() + more[0]) - left * (3.5 + place) - right * (rays - 3.5 - place)
    assert abs(error / rays) <= 0.75
