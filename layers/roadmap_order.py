"""The order in which a roadmap takes buildings; the last tie falls by building_id, so that rows may come in any order."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from solar.facts import nearest
from solar.money import USES

from .errors import LayersError

ORDERS = ("lcoe", "yield", "quota", "public_first", "grid_room")
PUBLIC = ("public_institution", "public_building")
Floats = npt.NDArray[np.float64]


def ranked(
    buildings: pd.DataFrame, order: str, *, quota: Mapping[str, float] | None = None, room_mw: Mapping[str, float] | None = None
) -> npt.NDArray[np.int64]:
    """
    Sort buildings into the order of building.

    Parameters
    ----------
    buildings
        Rows with building_id, use, responsible_area, pdc0_kwp, pac0_kw, energy_kwh and lcoe_cny_kwh.
    order
        lcoe: cheapest kWh first; yield: most kWh per kWp first; quota: classes side by side in the given shares, the cheapest of each
        first; public_first: public buildings, then the cheapest; grid_room: areas with most room for their potential, then the cheapest.
    quota
        Share of each class for the order quota; without it each class moves in proportion to its potential.
    room_mw
        Room of the grid by accountable area for the order grid_room [MW AC].

    Returns
    -------
    rows
        Row numbers in order, shape (n,).

    Raises
    ------
    LayersError
        For an unknown order, or one whose data are not given.
    """
    if order not in ORDERS:
        raise LayersError(f"order = {order!r} is no order of building, {nearest(order, list(ORDERS))}")
    ids = buildings["building_id"].to_numpy(dtype=object).astype(str)
    cost = _numbers(buildings, "lcoe_cny_kwh", np.inf)
    if order == "yield":
        capacity, energy = _numbers(buildings, "pdc0_kwp", 0.0), _numbers(buildings, "energy_kwh", 0.0)
        return np.lexsort((ids, -np.divide(energy, capacity, out=np.zeros(len(ids)), where=capacity > 0.0)))
    if order == "public_first":
        return np.lexsort((ids, cost, ~buildings["use"].isin(PUBLIC).to_numpy()))
    if order == "grid_room":
        return np.lexsort((ids, cost, -_room(buildings, room_mw)))
    cheapest = np.lexsort((ids, cost))
    return cheapest if order == "lcoe" else _side_by_side(buildings, cheapest, quota)


def _numbers(buildings: pd.DataFrame, name: str, empty: float) -> Floats:
    numbers = buildings[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(numbers), empty, numbers)


def _room(buildings: pd.DataFrame, room_mw: Mapping[str, float] | None) -> Floats:
    """Room of a building's area over the potential of that area; without a figure it comes last."""
    if not room_mw:
        raise LayersError('order = "grid_room" needs the room of the grid by area: fill in hosting_room_mw of the form')
    areas = buildings["responsible_area"].astype(object)
    watts = pd.Series(np.rint(1000.0 * _numbers(buildings, "pac0_kw", 0.0)).astype(np.int64), index=areas.index)
    totals = watts.groupby(areas).sum()
    share = {str(area): 1e6 * room_mw.get(str(area), -1.0) / max(int(total), 1) for area, total in totals.items()}
    return np.asarray(areas.map(share).fillna(-np.inf), dtype=np.float64)


def _side_by_side(buildings: pd.DataFrame, cheapest: npt.NDArray[np.int64], quota: Mapping[str, float] | None) -> npt.NDArray[np.int64]:
    """Merge the classes so that at every moment each stands at the same part of its quota."""
    strange = [name for name in quota or {} if name not in USES]
    if strange:
        raise LayersError(f"quota of {strange[0]!r}: no class of use, {nearest(strange[0], list(USES))}")
    if quota is not None and not all(np.isfinite(share) and share > 0.0 for share in quota.values()):
        raise LayersError(f"quota = {dict(quota)!r}: expected shares above 0, for example {{ factory = 0.6, rural_residential = 0.4 }}")
    use = buildings["use"].to_numpy(dtype=object)[cheapest].astype(str)
    watts = np.rint(1000.0 * _numbers(buildings, "pac0_kw", 0.0)[cheapest]).astype(np.int64)
    progress = np.empty(len(use))
    for name in np.unique(use):
        on = use == name
        share = float(watts[on].sum()) if quota is None else float(quota.get(name, 0.0))
        so_far = np.cumsum(watts[on]).astype(np.float64)
        progress[on] = so_far / share if share > 0.0 else np.inf
    # the merge is stable, so classes without a quota follow at the end, cheapest first
    return cheapest[np.lexsort((np.arange(len(use)), progress))]
