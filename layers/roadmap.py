"""From roofs to years: which building gets its PV when, under yearly limits and the uptake of its class, until the targets are met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numba
import numpy as np
import numpy.typing as npt
import pandas as pd

from solar.facts import Fact, read_facts
from solar.money import USES

from .errors import LayersError
from .roadmap_order import ranked

Order = Literal["lcoe", "yield", "quota", "public_first", "grid_room"]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NEEDED = ("building_id", "status", "use", "responsible_area", "pdc0_kwp", "pac0_kw", "energy_kwh", "lcoe_cny_kwh", "capex_cny", "carbon_t")
_NO_LIMIT = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True)
class Scenario:
    """How to build: order, years, limits [MW AC]; `room_mw` by accountable area, `quota` shares by class, `stop` once all is met."""

    name: str
    order: Order
    first_year: int
    last_year: int
    yearly_mw: float | None = None
    uptake: Mapping[str, Fact] | None = None
    quota: Mapping[str, float] | None = None
    room_mw: Mapping[str, float] | None = None
    stop: bool = True


@dataclass(frozen=True, slots=True)
class Goal:
    """What a target still asks of roofs: the part of each building, shape (n,), and their sum; None where it is unknown."""

    target: str
    deadline_year: int | None
    parts: Floats
    need: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Roadmap:
    """Year of each building in row order (0: not built), and for each goal the year in which it is met (0: not) and its status."""

    scenario: Scenario
    year: npt.NDArray[np.int32]
    met: tuple[int, ...]
    status: tuple[str, ...]
    short: tuple[float | None, ...]


def load_uptake(overrides: Mapping[str, Any] | None = None) -> dict[str, Fact]:
    """
    Read how each class takes up PV, replaced where the study says otherwise.

    Parameters
    ----------
    overrides
        By class: final share, years to half of it, years from a tenth to nine tenths: ``{"factory": [0.9, 3.0, 5.0]}``.

    Returns
    -------
    uptake
        By class of use.

    Raises
    ------
    LayersError
        For an unknown class or numbers out of bounds.
    """
    named = {f"uptake.{use}": value for use, value in (overrides or {}).items()}
    facts = read_facts(Path(__file__).with_name("roadmap.toml"), named, LayersError)
    for fact in facts.values():
        numbers = fact.value
        good = len(numbers) == 3 and all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in numbers)
        if not good or not 0.0 <= numbers[0] <= 1.0 or not all(0.0 < n <= 100.0 for n in numbers[1:]):
            raise LayersError(
                f"{fact.name} = {numbers!r}: expected [final share from 0 to 1, years to half of it, years from a tenth to nine tenths]"
            )
    return {name.removeprefix("uptake."): fact for name, fact in facts.items()}


def uptake_share(fact: Fact, years: npt.ArrayLike) -> Floats:
    """
    Give the share of a class's potential that may be built so many years after the start.

    Parameters
    ----------
    fact
        Final share, years to half of it, years from a tenth to nine tenths.
    years
        Whole years since the start, any shape [a].

    Returns
    -------
    share
        Same shape; 0 at the start.

    Notes
    -----
    Logistic curve, moved and stretched so that it begins at 0: ceiling · (L(t) − L(0)) / (1 − L(0)),
    L(t) = 1 / (1 + exp(−k (t − half))), k = ln 81 / rise.
    """
    ceiling, half, rise = (float(number) for number in fact.value)
    curve = 1.0 / (1.0 + np.exp(-np.log(81.0) / rise * (np.append(0.0, np.ravel(years)) - half)))
    share = ceiling * (curve[1:] - curve[0]) / (1.0 - curve[0])
    return np.asarray(share.reshape(np.shape(years)), dtype=np.float64)


def make_roadmap(buildings: pd.DataFrame, scenario: Scenario, goals: Sequence[Goal]) -> Roadmap:
    """
    Give every building its year.

    Parameters
    ----------
    buildings
        Table `buildings` with the columns of `NEEDED`, a row per input feature.
    scenario
        Order, years and limits.
    goals
        What the targets still ask; without any, or with `stop` false, building goes on to the last year.

    Returns
    -------
    roadmap
        Years, and what became of each goal.

    Raises
    ------
    LayersError
        For a missing column, years that run backwards, or an order that lacks its data.

    Notes
    -----
    Year by year, goals by deadline (one whose need is unknown has no end and comes last), buildings in the scenario's order (ties by
    building_id). A building is finished in the year in which it fits whole into what its class, the year and its area may still take.
    One that does not fit waits, and later ones of its class wait behind it, so that large roofs are not passed over for ever; what the
    year left is added to the next.
    All roofs of a building are built together.
    """
    missing = [name for name in NEEDED if name not in buildings]
    if missing:
        raise LayersError(f"the buildings table lacks {', '.join(missing)}; a roadmap is made from these columns")
    if scenario.last_year < scenario.first_year:
        raise LayersError(f"the roadmap ends in {scenario.last_year}, before its first year {scenario.first_year}; expected a later year")
    size = np.rint(1000.0 * buildings["pac0_kw"].to_numpy(dtype=np.float64, na_value=0.0)).astype(np.int64)
    size[~buildings["status"].isin(("assessed", "no_usable_area")).to_numpy()] = 0
    use = np.asarray(pd.Index(USES).get_indexer(pd.Index(buildings["use"].astype(object))), dtype=np.int64)
    use[use < 0] = USES.index("unknown")
    area, room = _rooms(buildings["responsible_area"], scenario)
    limits = _class_limits(scenario, size, use)
    yearly = _NO_LIMIT if scenario.yearly_mw is None else round(scenario.yearly_mw * 1e6)
    order = ranked(buildings, scenario.order, quota=scenario.quota, room_mw=scenario.room_mw)
    order = order[size[order] > 0]
    wanted = _wanted(goals, size, scenario)
    turn = np.array(
        sorted(range(len(wanted)), key=lambda at: (wanted[at].need is None, wanted[at].deadline_year or 9999, at)), dtype=np.int64
    )
    needs = np.array([np.inf if goal.need is None else goal.need for goal in wanted])
    parts = np.ascontiguousarray([goal.parts for goal in wanted], dtype=np.float64)
    built, met, got = _build(order, size, use, area, limits, yearly, room.copy(), parts, needs, turn)
    year = np.where(built > 0, scenario.first_year - 1 + built, 0).astype(np.int32)
    told = [
        _status(goal, int(at), scenario, (size, use, area), (limits[-1], yearly, room))
        for goal, at in zip(goals, met[: len(goals)], strict=True)
    ]
    years = tuple(int(scenario.first_year - 1 + at) if at > 0 else 0 for at in met[: len(goals)])
    short = tuple(None if goal.need is None else max(0.0, goal.need - float(have)) for goal, have in zip(goals, got, strict=False))
    return Roadmap(scenario, year, years, tuple(told), short)


def _wanted(goals: Sequence[Goal], size: Ints, scenario: Scenario) -> list[Goal]:
    """Take the goals, and one without end where building does not stop with them."""
    endless = Goal("", None, size.astype(np.float64), None, "W")
    return [*goals, *([] if scenario.stop and goals else [endless])]


def _rooms(areas: pd.Series, scenario: Scenario) -> tuple[Ints, Ints]:
    """Code of each building's area, and what the grid of each may still take [W]; the last is without limit."""
    names = pd.Index(sorted(scenario.room_mw or {}))
    code = np.asarray(names.get_indexer(pd.Index(areas.astype(object))), dtype=np.int64)
    room = [round((scenario.room_mw or {})[name] * 1e6) for name in names]
    return np.where(code < 0, len(names), code), np.array([*room, _NO_LIMIT], dtype=np.int64)


def _class_limits(scenario: Scenario, size: Ints, use: Ints) -> Ints:
    """Say what may be built of each class to the end of each year, shape (years, classes) [W]."""
    years = np.arange(1, scenario.last_year - scenario.first_year + 2)
    limits = np.full((len(years), len(USES)), _NO_LIMIT, dtype=np.int64)
    if scenario.uptake is not None:
        every = np.array([size[use == code].sum() for code in range(len(USES))])
        for code, name in enumerate(USES):
            limits[:, code] = np.floor(uptake_share(scenario.uptake[name], years) * every[code] + 0.5)
    return limits


def _status(goal: Goal, met: int, scenario: Scenario, what: tuple[Ints, Ints, Ints], limits: tuple[Ints, int, Ints]) -> str:
    """Say what became of a goal; beyond_potential and beyond_limits are proven by an upper bound, not by the order tried."""
    if goal.need is None:
        return "unknown"
    if goal.need <= 0.0:
        return "already"
    if met > 0:
        late = goal.deadline_year is not None and scenario.first_year - 1 + met > goal.deadline_year
        return "late" if late else "in_time"
    size, use, area = what
    if float(goal.parts.sum()) < goal.need * (1.0 - 1e-12):
        return "beyond_potential"
    by_class, yearly, room = limits
    span = scenario.last_year - scenario.first_year + 1
    bounds = (
        sum(_most(goal.parts[use == code], size[use == code], int(by_class[code])) for code in range(len(USES))),
        sum(_most(goal.parts[area == code], size[area == code], int(room[code])) for code in range(len(room))),
        _most(goal.parts, size, yearly * span if yearly < _NO_LIMIT else _NO_LIMIT),
    )
    return "beyond_limits" if min(bounds) < goal.need * (1.0 - 1e-12) else "not_reached"


def _most(parts: Floats, size: Ints, limit: int) -> float:
    """Bound of what buildings of a total size can give: the best per size first, the last one cut."""
    on = (parts > 0.0) & (size > 0)
    if int(size[on].sum()) <= limit:
        return float(parts[on].sum())
    order = np.argsort(-parts[on] / size[on], kind="stable")
    sizes, values = size[on][order], parts[on][order]
    before = np.cumsum(sizes) - sizes
    return float((values * np.clip((limit - before) / sizes, 0.0, 1.0)).sum())


@numba.njit(cache=True, nogil=True)
def _build(
    order: Ints, size: Ints, use: Ints, area: Ints, limits: Ints, yearly: int, room: Ints, parts: Floats, needs: Floats, turn: Ints
) -> tuple[Ints, Ints, Floats]:
    built = np.zeros(size.size, dtype=np.int64)
    met = np.zeros(needs.size, dtype=np.int64)
    got = np.zeros(needs.size)
    done = np.zeros(limits.shape[1], dtype=np.int64)
    kept = 0
    for year in range(limits.shape[0]):
        left = yearly + kept
        waiting = np.zeros(limits.shape[1], dtype=np.bool_)
        full = False
        for goal in turn:
            if full or got[goal] >= needs[goal]:
                continue
            for at in order:
                kind = use[at]
                if built[at] > 0 or waiting[kind] or parts[goal, at] <= 0.0 or size[at] > room[area[at]]:
                    continue
                if done[kind] + size[at] > limits[year, kind]:
                    waiting[kind] = True
                    continue
                if size[at] > left:
                    full = True
                    break
                built[at] = year + 1
                done[kind] += size[at]
                left -= size[at]
                room[area[at]] -= size[at]
                for other in range(needs.size):
                    got[other] += parts[other, at]
                    if met[other] == 0 and needs[other] > 0.0 and got[other] >= needs[other]:
                        met[other] = year + 1
                if got[goal] >= needs[goal]:
                    break
        kept = left if full else 0
    return built, met, got
