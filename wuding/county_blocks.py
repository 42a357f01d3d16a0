"""Layouts of what is planned in blocks: estates, campuses of public buildings, industrial parks with parcels."""

from __future__ import annotations

import math

import numpy as np

from .county_attributes import ROLE
from .county_footprints import ANGLE, CROSS, RECTANGLE, YARD, Layout, Shapes
from .county_terrain import Floats

# role, width, depth [m], floors, storey [m], shape, arm [m]: a school, a hospital, the government and a centre with shops and a station.
_Building = tuple[str, float, float, int, float, int, float]
_SCHOOL: tuple[_Building, ...] = (
    ("school", 78, 40, 5, 3.7, YARD, 11),
    ("school", 66, 14, 4, 3.7, RECTANGLE, 0),
    ("gym", 52, 36, 1, 13.5, RECTANGLE, 0),
    ("school", 58, 38, 5, 3.7, ANGLE, 13),
    ("school", 60, 15, 6, 3.4, RECTANGLE, 0),
    ("school", 40, 26, 2, 5.0, RECTANGLE, 0),
)
_HOSPITAL: tuple[_Building, ...] = (
    ("hospital", 82, 26, 12, 3.8, RECTANGLE, 0),
    ("hospital", 80, 40, 4, 4.2, ANGLE, 22),
    ("hospital", 70, 18, 8, 3.7, RECTANGLE, 0),
    ("hospital", 52, 18, 5, 3.7, RECTANGLE, 0),
    ("hospital", 44, 24, 3, 4.0, RECTANGLE, 0),
    ("hospital", 30, 20, 2, 4.0, RECTANGLE, 0),
)
_GOVERNMENT: tuple[_Building, ...] = (
    ("government", 84, 20, 9, 3.7, RECTANGLE, 0),
    ("government", 56, 38, 4, 3.6, ANGLE, 15),
    ("government", 60, 16, 5, 3.6, RECTANGLE, 0),
    ("government", 40, 22, 2, 4.5, RECTANGLE, 0),
    ("government", 48, 15, 6, 3.5, RECTANGLE, 0),
    ("gym", 46, 32, 1, 12.0, RECTANGLE, 0),
)
_CENTRE: tuple[_Building, ...] = (
    ("mall", 84, 40, 5, 5.2, RECTANGLE, 0),
    ("station", 72, 30, 2, 6.0, RECTANGLE, 0),
    ("mall", 60, 36, 4, 5.0, RECTANGLE, 0),
    ("plant_office", 46, 22, 16, 3.8, RECTANGLE, 0),
    ("mall", 70, 38, 3, 5.0, ANGLE, 18),
    ("gym", 70, 40, 1, 18.0, RECTANGLE, 0),
)
CAMPUSES = (_SCHOOL, _HOSPITAL, _GOVERNMENT, _CENTRE)
_CAMPUS_SLOT = (96.0, 58.0)
_PARCEL_GAP, _STREET = 8.0, 26.0
_AREA_PER_PLANT_BUILDING = 8400.0


def campus(rng: np.random.Generator, count: int, kind: int) -> Layout:
    """
    Lay out `count` public buildings of one of the `CAMPUSES` in rows of three.

    Parameters
    ----------
    rng
        Random stream of this part of the county.
    count
        Number of buildings n.
    kind
        Index into `CAMPUSES`.

    Returns
    -------
    Layout
        Buildings around 0, 0.
    """
    plan = [CAMPUSES[kind][i % len(CAMPUSES[kind])] for i in range(count)]
    slot = np.arange(count)
    rows = (count + 2) // 3
    x = (slot % 3 - 1.0) * _CAMPUS_SLOT[0]
    y = ((rows - 1) / 2 - slot // 3) * _CAMPUS_SLOT[1]
    role, width, depth, floors, storey, shape, arm = (np.array(c) for c in zip(*plan, strict=True))
    scale = rng.uniform(0.85, 1.0, count)
    tall = np.maximum(1, floors + np.where(floors > 3, rng.integers(-1, 2, count), 0))
    shapes = Shapes.of(slot, x, y, width * scale, depth * scale, thickness=arm * scale, kind=shape)
    return Layout(shapes, np.array([ROLE[r] for r in role]), tall * storey + 0.9, tall)


def estate(rng: np.random.Generator, count: int, *, towers: bool) -> Layout:
    """
    Lay out an estate of `count` buildings: slabs (or point towers of 55-100 m) in rows facing south, shops, a kindergarten.

    Parameters
    ----------
    rng
        Random stream of this part of the county.
    count
        Number of buildings n.
    towers
        True for 19 to 33 floors, False for 4 to 7.

    Returns
    -------
    Layout
        Buildings around 0, 0.
    """
    homes = max(1, round(count * 0.8))
    points = towers and rng.random() < 0.4
    floors = rng.integers(19, 32) if towers else rng.integers(5, 8)
    storey = 2.95 if towers else 2.9
    if points:
        length, deep, pitch = 27.0, 24.0, (58.0, 54.0)
    else:
        length, deep = (float(rng.uniform(38, 58)), 14.5) if towers else (float(rng.uniform(40, 64)), 12.0)
        # Towers stand closer than the shadow of the row before them, low slabs keep the usual 1.5 heights.
        pitch = (length + (22.0 if towers else 14.0), deep + (0.85 if towers else 1.5) * floors * storey)
    columns = estate_columns(homes, towers)
    slot = np.arange(homes)
    rows = -(-homes // columns)
    stagger = np.where((slot // columns) % 2 == 1, pitch[0] / 4 * (rng.random() < 0.5), -pitch[0] / 8)
    x = (slot % columns - (columns - 1) / 2) * pitch[0] + stagger + rng.uniform(-2, 2, homes)
    y = ((rows - 1) / 2 - slot // columns) * pitch[1] + rng.uniform(-2, 2, homes)
    own = np.clip(floors + rng.integers(-2, 3, homes), 19, 33) if towers else floors + rng.integers(-1, 1, homes)
    width = length * rng.uniform(0.9, 1.0, homes)
    houses = Shapes.of(slot, x, y, width, np.full(homes, deep), thickness=5.0 if points else 0.0, kind=CROSS if points else RECTANGLE)

    rest = np.arange(count - homes)
    south = -(rows - 1) / 2 * pitch[1] - deep / 2 - 40
    along = (rest - (rest.size - 1) / 2) * 42.0
    nursery = (rest == rest.size // 2) & (rest.size >= 3)
    shops = Shapes.of(
        rest + homes,
        along,
        south - np.where(nursery, 6.0, 0.0),
        np.where(nursery, 36.0, rng.uniform(28, 37, rest.size)),
        np.where(nursery, 26.0, 11.0),
        thickness=np.where(nursery, 12.0, 0.0),
        kind=np.where(nursery, ANGLE, RECTANGLE),
    )
    low = np.where(nursery, 3, 2)
    return Layout(
        Shapes.join([houses, shops]),
        np.concatenate(
            [np.full(homes, ROLE["tower" if towers else "flats"]), np.where(nursery, ROLE["kindergarten"], ROLE["street_shop"])]
        ),
        np.concatenate([own * storey + 1.2, low * 4.0 + 0.6]),
        np.concatenate([own, low]),
    )


def park(rng: np.random.Generator, count: int) -> Layout:
    """
    Lay out an industrial park of `count` buildings: parcels along streets with halls, an office and a lodge in front.

    One parcel in nine was sold in two halves, so that its halls straddle the border; one in twenty is not registered.

    Parameters
    ----------
    rng
        Random stream of this part of the county.
    count
        Number of buildings n.

    Returns
    -------
    Layout
        Buildings and parcels around 0, 0.
    """
    while True:  # plots are of random size: a park that leaves its ground, one in a thousand, is drawn anew
        plots = _plots(rng, count)
        plan = np.searchsorted((0.52, 0.78), rng.random(len(plots)), side="right")
        lodge = rng.random(len(plots)) < 0.55
        storage = rng.random(len(plots)) < 0.22
        number = np.where(plan == 2, 3, np.where(plan == 1, 1, 2)) + 1 + lodge
        first = np.concatenate([[0], np.cumsum(number)])
        used = int(np.searchsorted(first, count))
        if _turned_reach(plots[:used]) <= block_radius("park", count):
            break
    rectangles, role, floors, height = [], [], [], []
    for k in range(used):
        west, south, east, north = plots[k]
        inner = np.array([west + 9, south + 44, east - 9, north - 9])
        for hall in _halls(int(plan[k]), inner):
            big = (hall[2] - hall[0]) * (hall[3] - hall[1]) >= 1500
            rectangles.append(hall)
            role.append(ROLE["warehouse" if storage[k] else "hall"] if big else ROLE["workshop"])
            floors.append(1)
            height.append(float(rng.uniform(8.5, 14.0)) if big else float(rng.uniform(6.0, 9.0)))
        office = min(46.0, (east - west) * 0.4)
        rectangles.append((west + 12, south + 12, west + 12 + office, south + 27))
        role.append(ROLE["plant_office"])
        floors.append(int(rng.integers(3, 7)))
        height.append(floors[-1] * 3.7 + 0.8)
        if lodge[k]:
            rectangles.append((max(east - 44, west + 20 + office), south + 12, east - 12, south + 24))
            role.append(ROLE["workshop"])
            floors.append(int(rng.integers(2, 5)))
            height.append(floors[-1] * 3.3 + 0.5)
    boxes = np.array(rectangles)[:count]
    shapes = Shapes.of(
        np.arange(count),
        (boxes[:, 0] + boxes[:, 2]) / 2,
        (boxes[:, 1] + boxes[:, 3]) / 2,
        boxes[:, 2] - boxes[:, 0],
        boxes[:, 3] - boxes[:, 1],
    )
    return Layout(shapes, np.array(role[:count]), np.array(height[:count]), np.array(floors[:count]), _parcels(rng, plots[:used]))


def estate_columns(homes: int, towers: bool) -> int:
    """
    Choose how many houses stand in a row, so that the estate is about square.

    Parameters
    ----------
    homes
        Number of residential houses.
    towers
        Whether they are towers.

    Returns
    -------
    int
        Houses in a row.
    """
    return max(1, round(math.sqrt(homes * (1.15 if towers else 0.62))))


def block_radius(kind: str, count: int) -> float:
    """
    Bound the half-size of an estate, a campus or a park, turned by up to 20 degrees.

    Parameters
    ----------
    kind
        Kind of settlement.
    count
        Number of buildings n.

    Returns
    -------
    float
        Half the side [m] of the square to keep free.
    """
    if kind == "park":
        side = np.sqrt(count * _AREA_PER_PLANT_BUILDING)
        return float((side / 2 + 150) * 1.24)
    if kind == "campus":
        return float(max(1.5 * _CAMPUS_SLOT[0], (count + 2) // 3 * _CAMPUS_SLOT[1] / 2) * 1.18 + 20)
    homes, towers = max(1, round(count * 0.8)), kind == "towers"
    columns = estate_columns(homes, towers)
    wide, deep = (80.0, 96.0) if towers else (78.0, 43.0)
    half_width = max(columns * wide / 2 + 20, (count - homes) * 21.0)
    half_depth = -(-homes // columns) * deep / 2 + 45
    return float(half_width * 0.94 + half_depth * 0.34 if half_width > half_depth else half_depth * 0.94 + half_width * 0.34)


def _turned_reach(plots: Floats) -> float:
    """Half the side of the square that holds the plots, turned by up to 20 degrees either way."""
    x, y = np.abs(plots[:, [0, 2]]).max(axis=1), np.abs(plots[:, [1, 3]]).max(axis=1)
    sine, cosine = math.sin(math.radians(20.0)), math.cos(math.radians(20.0))
    return float(np.maximum(x * cosine + y * sine, x * sine + y * cosine).max())


def _plots(rng: np.random.Generator, count: int) -> Floats:
    """Draw plots (x0, y0, x1, y1) [k] in rows along streets, enough for `count` buildings, in a park that is about square."""
    number = count // 2 + 2
    across = max(280.0, float(np.sqrt(count * _AREA_PER_PLANT_BUILDING)))
    width = rng.triangular(80, 120, 250, number)
    start = np.cumsum(width + _PARCEL_GAP) - width
    row = np.floor_divide(start, across).astype(np.int64)
    depth = rng.uniform(140, 215, int(row[-1]) + 1)
    bottom = np.cumsum(depth + _STREET) - depth
    west = start - start[np.searchsorted(row, row)] - across / 2
    # A street every 800 m or so opens the rows.
    west += np.floor_divide(west + across / 2, 800) * 18
    south = bottom[row] - across / 2
    return np.column_stack([west, south, west + width, south + depth[row]])


def _halls(plan: int, inner: Floats) -> list[tuple[float, float, float, float]]:
    """Rectangles of the halls of a plot: two behind each other, one large one, or one and two half ones."""
    west, south, east, north = (float(v) for v in inner)
    if plan == 1 and (east - west) * (north - south) <= 19500:
        return [(west, south, east, north)]
    middle = (south + north) / 2
    back = (west, middle + 6, east, north)
    if plan == 1:
        return [back]
    if plan == 0:
        return [back, (west, south, east, middle - 6)]
    centre = (west + east) / 2
    return [back, (west, south, centre - 5, middle - 6), (centre + 5, south, east, middle - 6)]


def _parcels(rng: np.random.Generator, plots: Floats) -> Floats:
    """Parcels as the cadastre has them: some plots in two halves, some missing."""
    luck = rng.random(len(plots))
    cut = plots[:, 0] + rng.uniform(0.3, 0.7, len(plots)) * (plots[:, 2] - plots[:, 0])
    halves = luck < 0.11
    western, eastern = plots.copy(), plots[halves].copy()
    western[halves, 2] = cut[halves]
    eastern[:, 0] = cut[halves]
    return np.concatenate([western[luck < 0.95], eastern])
