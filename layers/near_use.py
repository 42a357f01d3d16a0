"""Use nearby (就近消纳): hourly generation against hourly load of areas, and what the grid cannot take."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from solar.loads import Loads
from solar.money import use_codes

from .demand import Demand, building_load_kwh
from .hosting import NUMBERS, RED, TEXTS, YELLOW, HostingRules, hosting, noon_hours
from .schema import WITH_ROOFS
from .sums import Groups

Floats = npt.NDArray[np.float64]
LOAD_ABOVE_CAPACITY, NO_BUILDINGS = "load_above_capacity", "no_buildings"


@dataclass(frozen=True, eq=False)
class AreaLoads:
    """Hourly load [kW], shape (n, 8760), of n areas, which of them are metered, and the share of the floor area without a known load."""

    hours: Floats
    metered: npt.NDArray[np.bool_]
    unknown_share: Floats


def area_loads(
    buildings: pd.DataFrame, member: pd.Series, names: Sequence[str], loads: Loads, demand: Demand, metered: Mapping[str, Floats]
) -> AreaLoads:
    """
    Lay the yearly use of the buildings of each area over the hours.

    Parameters
    ----------
    buildings
        Table `buildings`; those that stand count.
    member
        Name of the area of each building.
    names
        The areas.
    loads
        Shape of use by class.
    demand
        Intensities of use.
    metered
        Hourly load of areas that are metered [kW]; it replaces the estimate.

    Returns
    -------
    loads
        A row an area.
    """
    standing = buildings["status"].isin(WITH_ROOFS).to_numpy()
    rows = buildings[standing]
    codes_of, words = pd.factorize(member[standing])
    area = np.append(pd.Index(names).get_indexer(pd.Index(words)), -1)[codes_of]
    codes, classes = use_codes(rows["use"].to_numpy(dtype=object)), len(loads.shape)
    cell = np.where(area >= 0, area * classes + codes, -1)
    yearly = building_load_kwh(demand, rows).to_numpy(dtype=np.float64)
    known = np.isfinite(yearly) & (loads.shape.sum(axis=1) > 0.0)[codes]
    by_class = Groups(cell, len(names) * classes).sums(np.where(known, yearly, 0.0)).reshape(len(names), classes)
    hours = by_class @ loads.shape
    floor = rows["floor_area_m2"].to_numpy(dtype=np.float64, na_value=0.0)
    by_area = Groups(area, len(names))
    every, unknown = by_area.sums(floor), by_area.sums(np.where(known, 0.0, floor))
    share = np.divide(unknown, every, out=np.zeros(len(names)), where=every > 0.0)
    is_metered = np.array([name in metered for name in names], dtype=bool)
    for at in np.flatnonzero(is_metered):
        hours[at], share[at] = metered[names[int(at)]], 0.0
    return AreaLoads(hours, is_metered, share)


def balance(added: Floats, existing: Floats, load: Floats, limit: Floats) -> pd.DataFrame:
    """
    Hold the hours of generation against those of load.

    Parameters
    ----------
    added
        Generation of all new roofs of each area, shape (n, 8760) [kW].
    existing
        Generation of what stands already, shape (n, 8760) [kW].
    load
        Load, shape (n, 8760) [kW].
    limit
        Power that may flow back through the transformer, shape (n,) [kW]; NaN where it is unknown.

    Returns
    -------
    table
        pv_mwh, existing_mwh, load_mwh, self_used_mwh, exported_mwh, self_consumption, self_sufficiency, peak_export_mw, peak_hour_share
        and curtailed_mwh (above the limit; NaN where it is unknown).

    Notes
    -----
    An area is one meter: what a building exports and its neighbour uses in the same hour counts as used nearby.
    """
    sun = added + existing
    surplus = np.maximum(sun - load, 0.0)
    used = np.minimum(sun, load)
    generated, taken = sun.sum(axis=1), load.sum(axis=1)
    over = np.maximum(surplus - np.nan_to_num(limit)[:, None], 0.0).sum(axis=1)
    return pd.DataFrame(
        {
            "pv_mwh": added.sum(axis=1) / 1e3,
            "existing_mwh": existing.sum(axis=1) / 1e3,
            "load_mwh": taken / 1e3,
            "self_used_mwh": used.sum(axis=1) / 1e3,
            "exported_mwh": surplus.sum(axis=1) / 1e3,
            "self_consumption": np.divide(used.sum(axis=1), generated, out=np.full(len(sun), np.nan), where=generated > 0.0),
            "self_sufficiency": np.divide(used.sum(axis=1), taken, out=np.full(len(sun), np.nan), where=taken > 0.0),
            "peak_export_mw": surplus.max(axis=1) / 1e3,
            "curtailed_mwh": np.where(np.isnan(limit), np.nan, over / 1e3),
        }
    )


def near_use(
    areas: pd.DataFrame, added: Floats, existing: Floats, loads: AreaLoads, known: pd.DataFrame, rules: HostingRules
) -> pd.DataFrame:
    """
    Put together what each area uses of its generation and what the grid takes of the rest.

    Parameters
    ----------
    areas
        A row an area, indexed by name: pac0_kw of all new roofs, existing_kw (AC) of what stands and existing_known, whether that is all;
        committed_kw (AC), NaN where unknown, counts as registered.
    added, existing
        Hours of generation of both, shape (n, 8760) [kW].
    loads
        Hours of load.
    known
        What is known of the grid by name: columns `NUMBERS` and `TEXTS`, each of which may be missing.
    rules
        Numbers of DL/T 2041-2025.

    Returns
    -------
    table
        A row an area: potential and existing MW, the balance, capacity and reverse load ratio, the columns of `hosting`, hostable_mw,
        unhostable_mw and unhostable_mwh of the potential, and doubt.

    Notes
    -----
    Connected capacity that nobody gave is what stands already; where not all of that is known, no room is estimated, nor where the
    estimated noon load is more than the object can carry (`doubt`): its capacity or its outline is wrong. The reverse load ratio is the
    largest surplus over the rated power.
    """
    noon = loads.hours[:, noon_hours(rules)].mean(axis=1) / 1e3
    grid = known.reindex(areas.index).reindex(columns=[*NUMBERS, *TEXTS])
    given = grid["noon_load_mw"].to_numpy(dtype=np.float64, na_value=np.nan)
    listed = areas["existing_kw"].to_numpy(dtype=np.float64, na_value=0.0) / 1e3
    committed = areas["committed_kw"].to_numpy(dtype=np.float64, na_value=np.nan) / 1e3
    connected = grid["connected_mw"].to_numpy(dtype=np.float64, na_value=np.nan)
    registered = grid["registered_mw"].to_numpy(dtype=np.float64, na_value=np.nan)
    told_all = ~np.isnan(connected) | areas["existing_known"].to_numpy(dtype=bool)
    grid = grid.assign(
        noon_load_mw=np.where(np.isnan(given), noon, given),
        load_metered=loads.metered | ~np.isnan(given),
        connected_mw=np.where(np.isnan(connected), listed, connected),
        registered_mw=np.where(np.isnan(registered), committed, registered),
    )
    rated = grid["capacity_mva"].to_numpy(dtype=np.float64, na_value=np.nan) * rules.value["power_factor"] * 1e3
    absurd = ~grid["load_metered"].to_numpy(dtype=bool) & (grid["noon_load_mw"].to_numpy(dtype=np.float64) * 1e3 > rated)
    rooms = hosting(grid.assign(capacity_mva=grid["capacity_mva"].where(told_all & ~absurd)), rules)
    limit = rules.value["reverse_load_ratio"] * rated + 1e3 * grid["storage_mw"].to_numpy(dtype=np.float64, na_value=0.0)
    told = balance(added, existing, loads.hours, limit).set_index(areas.index)
    potential = areas["pac0_kw"].to_numpy(dtype=np.float64) / 1e3
    hostable = np.minimum(potential, _room(rooms))
    unhostable = potential - hostable
    share = np.divide(unhostable, potential, out=np.zeros(len(areas)), where=potential > 0.0)
    return pd.concat(
        [
            pd.DataFrame({"pv_mw": potential, "existing_mw": listed, "existing_known": told_all}, index=areas.index),
            told,
            pd.DataFrame(
                {
                    "load_source": np.where(loads.metered, "metered", "estimated"),
                    "load_unknown_share": loads.unknown_share,
                    "noon_load_mw": grid["noon_load_mw"],
                    "capacity_mva": grid["capacity_mva"].astype("float64"),
                    "reverse_load_ratio": told["peak_export_mw"].to_numpy() * 1e3 / rated,
                },
                index=areas.index,
            ),
            rooms,
            pd.DataFrame(
                {
                    "hostable_mw": hostable,
                    "unhostable_mw": unhostable,
                    "unhostable_mwh": told["pv_mwh"].to_numpy() * share,
                    "doubt": pd.Series([LOAD_ABOVE_CAPACITY if too_much else None for too_much in absurd], index=areas.index, dtype=object),
                },
                index=areas.index,
            ),
        ],
        axis=1,
    )


def hosted_of_all(areas: Sequence[Mapping[str, Any]], whole_mw: float) -> dict[str, float | None] | None:
    """
    Add up what the grid of the areas takes of the potential of the whole.

    Parameters
    ----------
    areas
        Rows of `near_use` of one layer.
    whole_mw
        Potential of the whole [MW AC].

    Returns
    -------
    dict or None
        hostable_mw, unhostable_mw and unhostable_mwh of the whole, None where some of it is unknown; unjudged_mw, the potential of which
        nothing is known, and unhostable_known_mw of the rest. None where areas overlap or nothing is known of any.
    """
    known = [row for row in areas if row["hostable_mw"] is not None and row["pv_mw"] > 0.0]
    if math.fsum(row["pv_mw"] for row in areas) > whole_mw * (1.0 + 1e-6) or not known:
        return None
    sums = {name: math.fsum(row[name] for row in known) for name in ("pv_mw", "hostable_mw", "unhostable_mw", "unhostable_mwh")}
    unjudged = max(0.0, whole_mw - sums.pop("pv_mw"))
    unjudged = 0.0 if unjudged < 1e-6 * whole_mw else unjudged
    told: dict[str, float | None] = {name: value if unjudged == 0.0 else None for name, value in sums.items()}
    return told | {"unjudged_mw": unjudged, "unhostable_known_mw": sums["unhostable_mw"]}


def _room(rooms: pd.DataFrame) -> Floats:
    """Room to register; none in yellow and red, unknown where an official green contradicts the estimate."""
    colour, estimate = rooms["colour"].to_numpy(dtype=object), rooms["colour_estimate"].to_numpy(dtype=object)
    found = np.where(colour == estimate, np.maximum(rooms["register_mw"].to_numpy(dtype=np.float64), 0.0), np.nan)
    return np.asarray(np.where((colour == YELLOW) | (colour == RED), 0.0, found), dtype=np.float64)
