"""Grid cells that refine with zoom: the run's cells, and sums of them in ever larger squares."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

# Each level's cells are this many times the former's; all lie on multiples of their size from the CRS origin.
STEP = 2
FEWEST = 60
MOST_CELLS = 6_000
ADDED = ("buildings", "roofs", "usable_area_m2", "pdc0_kwp", "pac0_kw", "energy_kwh", "installed_kwp", "carbon_t")


def grid_levels(cells: gpd.GeoDataFrame) -> list[tuple[float, gpd.GeoDataFrame]]:
    """
    Sum square cells into larger ones until few are left.

    Parameters
    ----------
    cells
        The run's grid in the study's CRS (metres), squares of one size.

    Returns
    -------
    list
        Side [m] and cells of each level, the finest first; levels of more than 6,000 cells are left out, so that a page stays small.
    """
    side = cell_side(cells)
    levels = [(side, cells)]
    while len(levels[-1][1]) > FEWEST and len(levels) < 12:
        side *= STEP
        levels.append((side, coarser(cells, side)))
    fitting = [level for level in levels if len(level[1]) <= MOST_CELLS]
    return fitting or levels[-1:]


def cell_side(cells: gpd.GeoDataFrame) -> float:
    """
    Measure the side of the cells.

    Parameters
    ----------
    cells
        Squares of one size.

    Returns
    -------
    float
        Side in the units of the CRS.
    """
    bounds = cells.bounds.to_numpy()
    return float(np.round(np.median(bounds[:, 2] - bounds[:, 0]), 3))


def coarser(cells: gpd.GeoDataFrame, side: float) -> gpd.GeoDataFrame:
    """
    Sum cells into larger ones.

    Parameters
    ----------
    cells
        Square cells in the study's CRS (metres).
    side
        Side of the larger cells, which lie on multiples of it [m].

    Returns
    -------
    GeoDataFrame
        The larger cells with their sums, densities and means.
    """
    bounds = cells.bounds.to_numpy()
    middle = (bounds[:, :2] + bounds[:, 2:]) / 2
    corners, which = np.unique(np.floor(middle / side).astype(np.int64), axis=0, return_inverse=True)
    which = which.ravel()
    # Whole cells in the order of their names, so that sums repeat to the last digit.
    sums = {name: _sum(cells[name].to_numpy(dtype=np.float64, na_value=np.nan), which, len(corners)) for name in ADDED if name in cells}
    if "carbon_t" in cells and not cells["carbon_t"].notna().any():
        sums["carbon_t"] = np.full(len(corners), np.nan)
    table = gpd.GeoDataFrame(
        {
            "name": [f"E{x * side / 1000:g}_N{y * side / 1000:g}" for x, y in corners],
            "kind": "region",
            "area_km2": (side / 1000) ** 2,
            **sums,
        },
        geometry=shapely.box(*(corners * side).T, *((corners + 1) * side).T),
        crs=cells.crs,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        table["kwp_per_km2"] = table["pdc0_kwp"] / table["area_km2"]
        table["specific_yield"] = np.where(table["pdc0_kwp"] > 0, table["energy_kwh"] / table["pdc0_kwp"], np.nan)
        if "lcoe_cny_kwh" in cells:
            # The LCOE of a region is the mean over its roofs by energy; so it is over cells.
            price = cells["lcoe_cny_kwh"].to_numpy(dtype=np.float64, na_value=np.nan)
            energy = np.where(np.isfinite(price), cells["energy_kwh"].to_numpy(dtype=np.float64, na_value=np.nan), 0.0)
            cost = _sum(np.nan_to_num(price) * energy, which, len(corners))
            table["lcoe_cny_kwh"] = cost / _sum(energy, which, len(corners))
    return table


def _sum(values: np.ndarray, which: np.ndarray, count: int) -> np.ndarray:
    return np.bincount(which, weights=np.nan_to_num(values), minlength=count)
