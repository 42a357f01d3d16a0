"""Layouts of villages and old towns: courtyards in rows along lanes."""

from __future__ import annotations

import numpy as np

from .county_attributes import ROLE
from .county_footprints import RECTANGLE, YARD, Ints, Layout, Shapes
from .county_terrain import Floats

# A courtyard is entered in the register in one of four ways: main house and side house apart, the household as one record
# of three detached houses, houses built together around the yard, or the main house alone.
_APART, _HOUSEHOLD, _TOGETHER, _ALONE = range(4)
_MIX = np.array([0.56, 0.22, 0.07, 0.15])
_RECORDS = np.array([2, 1, 1, 1])
RECORDS_PER_LOT = float(_MIX @ _RECORDS)


def village(rng: np.random.Generator, count: int) -> Layout:
    """
    Lay out a village of `count` buildings: courtyards with gabled houses, a village committee and a shop.

    Parameters
    ----------
    rng
        Random stream of this part of the county.
    count
        Number of buildings n.

    Returns
    -------
    Layout
        Buildings around 0, 0.
    """
    public = 2 if count >= 30 else 0
    lots = _lots(rng, count - public, pitch=(13.6, 21.5), street=5.0, block=8, square=(24.0, 20.0) if public else (0.0, 0.0), uneven=0.16)
    yards, role, height, floors = _courtyards(rng, lots, count - public, lot=(13.2, 17.0), roles=("farmhouse", "farm_wing"))
    if public == 0:
        return Layout(yards, role, height, floors)
    hall = Shapes.of(np.array([0, 1]), np.array([-2.0, 6.0]), np.array([7.0, -12.0]), np.array([21.0, 14.0]), np.array([8.5, 7.5]))
    return Layout(
        Shapes.join([hall, _shifted(yards, 2)]),
        np.concatenate([[ROLE["committee"], ROLE["village_shop"]], role]),
        np.concatenate([[7.2, 4.0], height]),
        np.concatenate([[2, 1], floors]),
    )


def old_town(rng: np.random.Generator, count: int) -> Layout:
    """
    Lay out an old town of `count` buildings: small dense courtyards, shops along the streets.

    Parameters
    ----------
    rng
        Random stream of this part of the county.
    count
        Number of buildings n.

    Returns
    -------
    Layout
        Buildings around 0, 0.
    """
    lots = _lots(rng, count, pitch=(11.0, 15.5), street=8.0, block=12, square=(0.0, 0.0), uneven=0.06)
    yards, role, height, floors = _courtyards(rng, lots, count, lot=(10.8, 13.2), roles=("old_house", "old_house"))
    shop = rng.random(count) < 0.12
    taller = rng.random(count) < 0.25
    role = np.where(shop, ROLE["old_shop"], role)
    return Layout(yards, role, height + np.where(taller, 3.0, 0.0), floors + taller)


def lots_radius(kind: str, count: int) -> float:
    """
    Bound the half-size of a village or an old town, turned any way.

    Parameters
    ----------
    kind
        "village" or "old_town".
    count
        Number of buildings n.

    Returns
    -------
    float
        Half the side [m] of the square to keep free.
    """
    area, spread = ((13.6 * 21.5 * 1.05 / 0.93, 1.36), (11.0 * 15.5 * 1.10 / 0.96, 1.20))[kind == "old_town"]
    return float(np.sqrt(count / RECORDS_PER_LOT * area / np.pi) * spread + 20)


def _lots(
    rng: np.random.Generator,
    count: int,
    *,
    pitch: tuple[float, float],
    street: float,
    block: int,
    square: tuple[float, float],
    uneven: float,
) -> tuple[Floats, Floats]:
    """Centres of enough lots for `count` buildings, nearest to an uneven round shape first."""
    wanted = int(count / RECORDS_PER_LOT * 1.35) + 25
    reach = np.sqrt(wanted * pitch[0] * pitch[1] / np.pi) * 1.5 + 60
    columns, rows = int(reach / pitch[0]) + 1, int(reach / pitch[1]) + 1
    i, j = (a.ravel() for a in np.meshgrid(np.arange(-columns, columns + 1), np.arange(-rows, rows + 1)))
    x = (i + 0.5) * pitch[0] + np.floor_divide(i, block) * street
    y = (j + 0.5) * pitch[1] + np.floor_divide(j, block) * street * 0.6
    keep = (rng.random(x.size) >= 0.07 * (uneven > 0.1)) & ~((np.abs(x) < square[0]) & (np.abs(y) < square[1]))
    x, y = x[keep], y[keep]
    stretch = rng.uniform(0.9, 1.1)
    around = np.arctan2(y, x)
    start = rng.uniform(0, 2 * np.pi, 2)
    edge = 1 + uneven * (np.cos(2 * around + start[0]) + 0.6 * np.cos(3 * around + start[1]))
    order = np.argsort(np.round(np.hypot(x * stretch, y / stretch) / edge, 6), kind="stable")
    # Lots far outside would only be sorted in vain by the caller.
    return x[order][:wanted], y[order][:wanted]


def _courtyards(
    rng: np.random.Generator, lots: tuple[Floats, Floats], count: int, *, lot: tuple[float, float], roles: tuple[str, str]
) -> tuple[Shapes, Ints, Floats, Ints]:
    """Fill lots with exactly `count` register entries: shapes, and role, height, floors of each entry."""
    kind = np.searchsorted(np.cumsum(_MIX[:-1]), rng.random(lots[0].size), side="right")
    last = np.cumsum(_RECORDS[kind])
    used = int(np.searchsorted(last, count)) + 1
    kind, last, x, y = kind[:used], last[:used], lots[0][:used], lots[1][:used]
    first = last - _RECORDS[kind]
    wide, deep = lot
    width = rng.uniform(0.90, 0.98, used) * wide
    depth = rng.uniform(0.36, 0.41, used) * deep
    wing_width, wing_depth = rng.uniform(0.28, 0.34, used) * wide, rng.uniform(0.40, 0.48, used) * deep
    x = x + rng.uniform(-0.1, 0.1, used)
    north = y + deep / 2 - 0.3 - rng.uniform(0, 0.5, used)
    wing_y = north - depth - rng.uniform(0.5, 0.9, used) - wing_depth / 2
    side = np.where(rng.random(used) < 0.65, 1.0, -1.0)
    wing_x = (width - wing_width) / 2

    together = kind == _TOGETHER
    yard_depth = depth + wing_depth
    main = Shapes.of(
        first,
        x,
        north - np.where(together, yard_depth, depth) / 2,
        width,
        np.where(together, yard_depth, depth),
        thickness=np.where(together, wing_width, 0.0),
        kind=np.where(together, YARD, RECTANGLE),
    )
    # The last lot may lose its side house so that the count comes out.
    apart, household = np.flatnonzero((kind == _APART) & (first + 1 < count)), np.flatnonzero(kind == _HOUSEHOLD)
    pieces = [main]
    for mine, owner, hand in (
        (apart, first[apart] + 1, side[apart]),
        (household, first[household], np.ones(household.size)),
        (household, first[household], -np.ones(household.size)),
    ):
        pieces.append(Shapes.of(owner, x[mine] + hand * wing_x[mine], wing_y[mine], wing_width[mine], wing_depth[mine]))

    role = np.full(count, ROLE[roles[0]], dtype=np.int64)
    height = rng.uniform(3.3, 4.6, count)
    role[first[apart] + 1] = ROLE[roles[1]]
    height[first[apart] + 1] = rng.uniform(2.6, 3.1, apart.size)
    upper = (rng.random(count) < 0.08) & (role == ROLE[roles[0]])
    return Shapes.join(pieces), role, height + np.where(upper, 3.1, 0.0), np.where(upper, 2, 1)


def _shifted(shapes: Shapes, by: int) -> Shapes:
    """Copy shapes with building numbers moved by `by`."""
    return Shapes.of(shapes.building + by, shapes.x, shapes.y, shapes.width, shapes.depth, thickness=shapes.thickness, kind=shapes.kind)
