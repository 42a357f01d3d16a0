"""The supply curve: how much PV costs no more than a price, by class of use and by accountable area."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .errors import LayersError
from .sums import OUTSIDE, Groups, StoredColumns

STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # CNY/kWh
MOST_STEPS = 24


def supply_curve(buildings: pd.DataFrame | StoredColumns, by: Sequence[str] = ("use", "responsible_area")) -> pd.DataFrame:
    """
    Add up capacity and energy by the cost of a kWh.

    Parameters
    ----------
    buildings
        Table `buildings` with lcoe_cny_kwh, pdc0_kwp, energy_kwh and the columns of `by`.
    by
        Columns to split by, beside the whole.

    Returns
    -------
    curve
        Columns lcoe_cny_kwh (upper edge of a step), kind ("whole" or a column of `by`), name, pdc0_kwp and energy_kwh of all
        buildings that cost no more. The last step holds every building that has a cost.

    Raises
    ------
    LayersError
        For a missing column.
    """
    lacking = [name for name in ("lcoe_cny_kwh", "pdc0_kwp", "energy_kwh", *by) if name not in buildings]
    if lacking:
        raise LayersError(f"the buildings table lacks {', '.join(lacking)}; a supply curve is made from these columns")
    told = buildings[["lcoe_cny_kwh", "pdc0_kwp", "energy_kwh", *by]]
    cost = told["lcoe_cny_kwh"].to_numpy(dtype=np.float64, na_value=np.nan)
    on = np.isfinite(cost) & (told["pdc0_kwp"].to_numpy(dtype=np.float64) > 0.0)
    priced, cost = told[on], cost[on]
    edges = _edges(cost)
    bins = np.searchsorted(edges, cost, side="left")
    labelled = [("whole", np.zeros(len(priced), dtype=np.int64), [""] if len(priced) else [])]
    labelled += [(name, *_labelled(priced[name])) for name in by]
    return pd.concat([_cumulated(priced, bins, edges, *labels) for labels in labelled], ignore_index=True)


def _labelled(names: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Give the number of each row's label, and the labels in order; rows without one are outside."""
    codes, found = pd.factorize(names)
    labels = [*map(str, found), OUTSIDE] if (codes < 0).any() else [*map(str, found)]
    order = sorted(set(labels))
    return pd.Index(order).get_indexer(pd.Index(labels))[codes], order


def _edges(cost: np.ndarray) -> np.ndarray:
    """Round steps from the cheapest to the 99th percentile, and the dearest."""
    if not cost.size:
        return np.empty(0)
    low, high = float(cost.min()), float(np.quantile(cost, 0.99))
    step = next((step for step in STEPS if (high - low) / step <= MOST_STEPS), STEPS[-1])
    edges = step * np.arange(np.ceil(low / step - 1e-9), np.ceil(high / step - 1e-9) + 1)[: MOST_STEPS + 2]
    edges = np.round(edges, 6)
    return edges if edges[-1] >= cost.max() else np.append(edges, np.ceil(cost.max() * 1000.0) / 1000.0)


def _cumulated(
    priced: pd.DataFrame, bins: np.ndarray, edges: np.ndarray, kind: str, codes: np.ndarray, labels: Sequence[str]
) -> pd.DataFrame:
    groups = Groups(codes * len(edges) + bins, len(labels) * len(edges))
    sums = {
        column: np.cumsum(groups.sums(priced[column]).reshape(len(labels), len(edges)), axis=1).ravel()
        for column in ("pdc0_kwp", "energy_kwh")
    }
    return pd.DataFrame(
        {"lcoe_cny_kwh": np.tile(edges, len(labels)), "kind": kind, "name": np.repeat(np.array(labels, dtype=object), len(edges)), **sums}
    )
