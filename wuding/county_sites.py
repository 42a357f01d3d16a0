"""Where the settlements of the sample county lie: how many of each kind, how large, and on which flat, dry, free ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .county_blocks import block_radius
from .county_footprints import Ints
from .county_regions import CountyRegions
from .county_terrain import CountyGround, Floats
from .errors import StudyError
from .settlements import lots_radius

# Shares of all buildings. Halls are about 60 % of a park and towers 80 % of their estates, which makes 3 % and 1.7 % of all.
SHARES = {"old_town": 0.13, "towers": 0.021, "flats": 0.032, "campus": 0.014, "park": 0.05}
URBAN = tuple(SHARES)
STEEPEST = 8.0
_SIZES = {"towers": 22, "flats": 30, "campus": 6, "park": 140}
_VILLAGE = 150
_BUILDINGS_PER_SEAT = 50_000


@dataclass(frozen=True)
class Settlement:
    """A settlement to be laid out: its `number` seeds it, `serial` counts within its kind, `site` is its centre [m]."""

    number: int
    kind: str
    serial: int
    count: int
    site: tuple[float, float]
    town: int


def plan_settlements(
    rng: np.random.Generator, count: int, ground: CountyGround, regions: CountyRegions, inside: NDArray[np.bool_]
) -> list[Settlement]:
    """
    Divide `count` buildings among settlements and find a site for each.

    `inside` says of each block of the ground whether it lies in the county. Settlements come out ordered along a space-filling
    curve, so that neighbours in the file are neighbours on the map.

    Parameters
    ----------
    rng
        Random stream of this part of the county.
    count
        Buildings to divide.
    ground
        Elevations and slopes.
    regions
        Towns, whose centres become seats.
    inside
        Whether each block of the ground lies in the county, shape of `ground.slope`.

    Returns
    -------
    list of Settlement
        In the order in which they are written.

    Raises
    ------
    StudyError
        The county has no free flat ground left.
    """
    free = _FreeGround(ground, inside & ground.dry & (ground.slope <= STEEPEST))
    towns = _seat_towns(ground, regions, max(3, round(count / _BUILDINGS_PER_SEAT)))
    weights = 1 / np.arange(1, len(towns) + 1) ** 0.7
    wanted: list[tuple[str, int, tuple[float, float]]] = []
    for town, weight in zip(towns, weights / weights.sum(), strict=True):
        wanted += _quarters(rng, count * weight, regions.centres[town])
    urban = sum(size for _, size, _ in wanted)
    villages = _split(rng, count - urban, max(1, round((count - urban) / _VILLAGE)), spread=0.75)

    placed: list[tuple[str, int, tuple[float, float]]] = []
    for kind, size, target in wanted:
        placed.append((kind, size, free.nearest(target, _radius(kind, size), kind)))
    for size, site in zip(villages, free.scattered(rng, [lots_radius("village", int(v)) for v in villages]), strict=True):
        placed.append(("village", int(size), site))

    order = np.argsort(_curve(np.array([site for *_, site in placed]), ground), kind="stable")
    serials: dict[str, int] = {}
    result = []
    for number, k in enumerate(order):
        kind, size, site = placed[k]
        serials[kind] = serials.get(kind, -1) + 1
        town = int(np.argmin(np.hypot(*(regions.centres - site).T)))
        result.append(Settlement(number, kind, serials[kind], size, site, town))
    return result


class _FreeGround:
    """Blocks of the county that are flat, dry and not yet built on."""

    def __init__(self, ground: CountyGround, free: NDArray[np.bool_]) -> None:
        self._taken = ~free
        self._size = ground.block_size
        self._left, self._top = ground.left, ground.top

    def nearest(self, target: tuple[float, float], radius: float, kind: str) -> tuple[float, float]:
        """Take the free square of half-size `radius` nearest to `target` [m]."""
        row, column = int((self._top - target[1]) / self._size), int((target[0] - self._left) / self._size)
        half = int(np.ceil(radius / self._size - 0.5))
        reach = 2 * half + 16
        while True:
            r0, r1 = max(0, row - reach), min(self._taken.shape[0], row + reach + 1)
            c0, c1 = max(0, column - reach), min(self._taken.shape[1], column + reach + 1)
            fits = _fits(self._taken[r0:r1, c0:c1], half)
            if fits.any():
                i, j = np.nonzero(fits)
                away = (i + r0 + half - row) ** 2 + (j + c0 + half - column) ** 2
                best = int(np.argmin(away))
                # A nearer square may lie beyond the window's corner-free circle.
                if away[best] <= (reach - half) ** 2 or (r1 - r0, c1 - c0) == self._taken.shape:
                    return self._take(int(i[best]) + r0 + half, int(j[best]) + c0 + half, half)
            elif (r1 - r0, c1 - c0) == self._taken.shape:
                raise StudyError(_full(kind, radius))
            reach *= 2

    def scattered(self, rng: np.random.Generator, radii: list[float]) -> list[tuple[float, float]]:
        """Take a free square at a random place for each radius, the large ones first."""
        rows, columns = np.nonzero(~self._taken)
        order = rng.permutation(rows.size)
        rows, columns = rows[order], columns[order]
        sites: list[tuple[float, float]] = [(0.0, 0.0)] * len(radii)
        start = 0
        for k in np.argsort(-np.array(radii), kind="stable"):
            half = int(np.ceil(radii[k] / self._size - 0.5))
            for tried in range(rows.size):
                at = (start + tried) % rows.size
                r, c = int(rows[at]), int(columns[at])
                window = self._taken[max(0, r - half) : r + half + 1, max(0, c - half) : c + half + 1]
                if window.shape == (2 * half + 1, 2 * half + 1) and not window.any():
                    sites[k] = self._take(r, c, half)
                    start = (at + 1) % rows.size
                    break
            else:
                raise StudyError(_full("village", radii[k]))
        return sites

    def _take(self, row: int, column: int, half: int) -> tuple[float, float]:
        self._taken[row - half : row + half + 1, column - half : column + half + 1] = True
        return self._left + (column + 0.5) * self._size, self._top - (row + 0.5) * self._size


def _full(kind: str, radius: float) -> str:
    return f"the sample county has no free flat ground left for a settlement ({kind}) of radius {radius:.0f} m; ask for fewer buildings"


def _fits(taken: NDArray[np.bool_], half: int) -> NDArray[np.bool_]:
    """Whether the square of half-size `half` around each inner block is wholly free."""
    side = 2 * half + 1
    if min(taken.shape) < side:
        return np.zeros((0, 0), dtype=np.bool_)
    total = np.zeros((taken.shape[0] + 1, taken.shape[1] + 1), dtype=np.int64)
    total[1:, 1:] = taken.cumsum(axis=0).cumsum(axis=1)
    inner = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    return np.asarray(inner == 0)


def _radius(kind: str, count: int) -> float:
    return lots_radius(kind, count) if kind == "old_town" else block_radius(kind, count)


def _seat_towns(ground: CountyGround, regions: CountyRegions, count: int) -> list[int]:
    """Towns that are built up: the flattest of each district in turn, the plain's districts first."""
    rows = ((ground.top - regions.centres[:, 1]) / ground.block_size).astype(np.int64)
    columns = ((regions.centres[:, 0] - ground.left) / ground.block_size).astype(np.int64)
    around = [ground.slope[max(0, r - 15) : r + 16, max(0, c - 15) : c + 16].mean() for r, c in zip(rows, columns, strict=True)]
    dry = [ground.dry[max(0, r - 15) : r + 16, max(0, c - 15) : c + 16].mean() for r, c in zip(rows, columns, strict=True)]
    score = np.round(np.array(around) + 20 * (1 - np.array(dry)), 3)
    district = regions.towns["district"].to_numpy()
    queues = [[int(t) for t in np.argsort(score, kind="stable") if district[t] == name] for name in regions.districts["name"]]
    chosen: list[int] = []
    while len(chosen) < count and any(queues):
        chosen += [queue.pop(0) for queue in queues if queue]
    return chosen[:count]


def _quarters(rng: np.random.Generator, share: float, centre: Floats) -> list[tuple[str, int, tuple[float, float]]]:
    """Kinds, sizes and wished-for places of the quarters of one seat, in the order in which they take their ground."""
    seat = (float(centre[0]), float(centre[1]))
    old = round(share * SHARES["old_town"])
    result = [("old_town", old, seat)] if old else []
    around: list[tuple[str, int, tuple[float, float]]] = []
    for kind in ("towers", "flats", "campus"):
        total = round(share * SHARES[kind])
        if total:
            around += [(kind, int(n), seat) for n in _split(rng, total, max(1, round(total / _SIZES[kind])), spread=0.3) if n]
    result += [around[i] for i in rng.permutation(len(around))]
    plants = round(share * SHARES["park"])
    if plants:
        # Industry lies apart from the town, on one side of it.
        hand = 1.0 if rng.random() < 0.5 else -1.0
        away = 1500 + 14 * float(np.sqrt(share))
        target = (seat[0] + hand * away, seat[1] + float(rng.uniform(-0.5, 0.5)) * away)
        result += [("park", int(n), target) for n in _split(rng, plants, max(1, round(plants / _SIZES["park"])), spread=0.4) if n]
    return result


def _split(rng: np.random.Generator, total: int, parts: int, *, spread: float) -> Ints:
    """Divide `total` into `parts` whole numbers that differ by the factor 1 ± spread."""
    weight = rng.uniform(1 - spread, 1 + spread, parts)
    edges = np.round(np.concatenate([[0], np.cumsum(weight)]) / weight.sum() * total).astype(np.int64)
    return np.asarray(np.diff(edges))


def _curve(sites: Floats, ground: CountyGround) -> Ints:
    """Place on a Z-curve of 64 steps a side."""
    extent = max(ground.values.shape) * ground.block_size / 3
    step = np.clip(np.column_stack([sites[:, 0] - ground.left, ground.top - sites[:, 1]]) / extent * 64, 0, 63).astype(np.int64)
    key = np.zeros(len(sites), dtype=np.int64)
    for bit in range(6):
        key |= ((step[:, 0] >> bit) & 1) << (2 * bit) | ((step[:, 1] >> bit) & 1) << (2 * bit + 1)
    return key
