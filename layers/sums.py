"""Sums of roofs: by building, by region of any layer, by class, and for the whole study."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from .errors import LayersError
from .schema import DEDUCTIONS, MONTHS, WITH_ROOFS, columns, conform

OUTSIDE = "outside"
# What adds up. LCOE and specific yield are made from these sums.
ADDED = (
    "footprint_area_m2",
    "area_m2",
    *DEDUCTIONS,
    "module_count",
    "module_area_m2",
    "covered_area_m2",
    "covered_densest_m2",
    "pdc0_kwp",
    "pac0_kw",
    "energy_kwh",
    "energy_p90_kwh",
    *MONTHS,
    "capex_cny",
    "npv_cny",
    "carbon_t",
    "thermal_area_m2",
    "thermal_kwh",
)
_BITS = 62  # an int64 less its sign and one bit of room

P90 = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""P90 of regions from their energy (P50), the sum of their roofs' P90, both [kWh], and their number of roofs."""


def read_roofs(folder: Path, keys: Sequence[str] = ("building_id",)) -> pd.DataFrame:
    """
    Read of a roof dataset only what sums need.

    Parameters
    ----------
    folder
        Folder of the roofs' parquet files.
    keys
        Columns to group by, besides those that add up.

    Returns
    -------
    pandas.DataFrame
        The keys, the columns that add up and `lcoe_cny_kwh`, a row per roof.
    """
    wanted = [*dict.fromkeys([*keys, *ADDED, "lcoe_cny_kwh"])]
    frame: pd.DataFrame = ds.dataset(folder, format="parquet").to_table(columns=wanted).to_pandas(self_destruct=True)
    return frame


class Groups:
    """
    Rows sorted into groups once, for sums of many columns.

    Parameters
    ----------
    codes
        Shape (n,), group of each row from 0 to count - 1; -1 belongs to none.
    count
        Number of groups.
    """

    def __init__(self, codes: np.ndarray, count: int) -> None:
        self.order = np.argsort(codes.astype(np.int16) if count < 32_000 else codes, kind="stable")
        ordered = codes[self.order]
        self.starts = np.searchsorted(ordered, np.arange(count))
        self.ends = np.searchsorted(ordered, np.arange(count), side="right")

    def sizes(self) -> np.ndarray:
        """
        Count the rows of each group.

        Returns
        -------
        numpy.ndarray
            Shape (count,), int64.
        """
        return self.ends - self.starts

    def sums(self, values: Any) -> np.ndarray:
        """
        Add values by group; the result does not depend on the order of the rows.

        Parameters
        ----------
        values
            Shape (n,); NaN adds nothing.

        Returns
        -------
        numpy.ndarray
            Shape (count,).

        Raises
        ------
        LayersError
            A value is infinite.

        Notes
        -----
        Values become integers with as many binary digits as the sum can carry in 62 bits, so that addition is exact; for two million
        roofs of up to 10⁶ kWh the last digit is 5e-7 kWh.
        """
        numbers = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)
        largest = float(np.abs(numbers).max(initial=0.0))
        if not np.isfinite(largest):
            raise LayersError("a value to be added is infinite; expected finite numbers or NaN")
        if largest == 0.0:
            return np.zeros(len(self.starts))
        digits = _BITS - int(np.frexp(largest * len(numbers))[1])
        whole = np.rint(np.ldexp(numbers, digits)).astype(np.int64)
        running = np.concatenate([[0], np.cumsum(whole[self.order])])
        sums: np.ndarray = np.ldexp((running[self.ends] - running[self.starts]).astype(np.float64), -digits)
        return sums


def add_to_buildings(buildings: gpd.GeoDataFrame, roofs: pd.DataFrame) -> gpd.GeoDataFrame:
    """
    Give every building the sums of its roofs.

    Parameters
    ----------
    buildings
        One row per input feature with all columns but the sums.
    roofs
        Roof rows with `building_id` and the columns that add up.

    Returns
    -------
    geopandas.GeoDataFrame
        The table `buildings`; 0 where a building has no roofs.

    Raises
    ------
    LayersError
        A roof names a building that is not there, or building_id is not unique.

    Notes
    -----
    The P90 of a building is the sum over its roofs: one building has one weather.
    """
    index = pd.Index(buildings["building_id"])
    if not index.is_unique:
        raise LayersError(f"building_id is not unique: {index[index.duplicated()][0]!r} stands more than once; make ids unique first")
    groups = _codes(roofs["building_id"], index)
    if (groups < 0).any():
        raise LayersError(f"{int((groups < 0).sum())} roofs name a building that is not in the table; expected every building of a roof")
    sums = _sums(roofs, groups, len(buildings))
    own = [c.name for c in columns("buildings") if c.name in sums and c.name != "footprint_area_m2"]
    return conform(buildings.assign(**{name: sums[name].to_numpy() for name in own}), "buildings")


def sum_regions(
    roofs: pd.DataFrame,
    buildings: pd.DataFrame,
    layer: gpd.GeoDataFrame,
    column: str,
    *,
    keep_outside: bool = True,
    p90: P90 | None = None,
) -> gpd.GeoDataFrame:
    """
    Sum roofs by the regions of a layer.

    Parameters
    ----------
    roofs
        Roof rows with `building_id`, the columns that add up, and the membership column.
    buildings
        All buildings with the membership column, `status` and `installed_kwp`.
    layer
        Regions with `name` and geometry in the study's CRS; parts of one name become one region.
    column
        Column of roofs and buildings with the region's name; empty is outside.
    keep_outside
        Whether to end with the row "outside" for what lies in no region.
    p90
        P90 of a region from energy, sum of roofs' P90 and number of roofs; without it the roofs' P90 are added.

    Returns
    -------
    geopandas.GeoDataFrame
        The table `regions` in the layer's order.

    Raises
    ------
    LayersError
        A roof names a region that the layer does not have, or a region is called "outside".
    """
    named = one_row_a_name(layer)
    names = pd.Index([*named["name"], OUTSIDE])
    groups = _membership(roofs[column], names)
    sums = _sums(roofs, groups, len(names))
    if p90 is not None:
        sums["energy_p90_kwh"] = p90(*(sums[name].to_numpy(dtype=np.float64) for name in ("energy_kwh", "energy_p90_kwh", "roofs")))
    pairs = pd.DataFrame({"group": groups, "building": pd.factorize(roofs["building_id"])[0]}).drop_duplicates()
    counted = buildings[buildings["status"] != "duplicate"]
    geometry = gpd.GeoSeries([*named.geometry, None], crs=named.crs)
    area = geometry.area.to_numpy() / 1e6
    table = sums.assign(
        name=names,
        kind=["region"] * len(named) + [OUTSIDE],
        area_km2=area,
        buildings=np.bincount(pairs["group"], minlength=len(names)),
        installed_kwp=Groups(_membership(counted[column], names), len(names)).sums(
            counted["installed_kwp"].to_numpy(np.float64, na_value=np.nan)
        ),
        kwp_per_km2=_ratio(sums["pdc0_kwp"].to_numpy(), area),
    )
    frame = conform(gpd.GeoDataFrame(table, geometry=geometry, crs=named.crs), "regions")
    return frame if keep_outside else frame.iloc[:-1]


def one_row_a_name(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """
    Join the parts of a region that stand under one name.

    Parameters
    ----------
    layer
        Regions with `name` and geometry.

    Returns
    -------
    geopandas.GeoDataFrame
        `name` and geometry, a row a name, in order of first appearance.

    Raises
    ------
    LayersError
        A region has no name or is called "outside".
    """
    if layer["name"].isna().any() or (layer["name"] == OUTSIDE).any():
        raise LayersError(f'a region has no name or is called "{OUTSIDE}"; expected a name of its own for every region')
    plain = layer[["name", "geometry"]].reset_index(drop=True)
    return plain if plain["name"].is_unique else plain.dissolve("name", sort=False).reset_index()


def totals(roofs: pd.DataFrame, *, p90: P90 | None = None) -> dict[str, float | int]:
    """
    Sum the whole study.

    Parameters
    ----------
    roofs
        Roof rows with `building_id` and the columns that add up.
    p90
        As for regions.

    Returns
    -------
    dict of str to float or int
        Every sum by its column name, and the number of roofs and of buildings with roofs.
    """
    sums = _sums(roofs, np.zeros(len(roofs), dtype=np.int64), 1)
    if p90 is not None:
        sums["energy_p90_kwh"] = p90(*(sums[name].to_numpy(dtype=np.float64) for name in ("energy_kwh", "energy_p90_kwh", "roofs")))
    row = sums.iloc[0]
    counts = {"roofs": len(roofs), "buildings": int(roofs["building_id"].nunique()), "module_count": int(row["module_count"])}
    ratios = {name: float(row[name]) for name in ("specific_yield", "lcoe_cny_kwh") if np.isfinite(row[name])}
    return {**counts, **{name: float(row[name]) for name in ADDED if name != "module_count"}, **ratios}


def sum_classes(buildings: pd.DataFrame, by: str = "use") -> pd.DataFrame:
    """
    Sum buildings by a class, such as their use or status.

    Parameters
    ----------
    buildings
        The table `buildings` (geometry is not needed).
    by
        Column of the class; empty stands as "unknown".

    Returns
    -------
    pandas.DataFrame
        The class, `buildings` (all of it), `with_roofs`, and the sums, sorted by the class.
    """
    keys = buildings[by].astype(object).where(buildings[by].notna(), "unknown")
    names = pd.Index(sorted(keys.unique()), name=by)
    codes = names.get_indexer(pd.Index(keys))
    groups = Groups(codes, len(names))
    with_roofs = np.bincount(codes[buildings["status"].isin(WITH_ROOFS).to_numpy()], minlength=len(names))
    table = {by: names, "buildings": groups.sizes(), "with_roofs": with_roofs}
    summed = [name for name in ("roofs", *ADDED, "installed_kwp") if name in buildings]
    values = {name: groups.sums(buildings[name].to_numpy(dtype=np.float64, na_value=np.nan)) for name in summed}
    frame = pd.DataFrame({**table, **values})
    whole = {name: np.int64 for name in ("roofs", "module_count") if name in frame}
    return frame.astype(whole).assign(specific_yield=_ratio(frame["energy_kwh"].to_numpy(), frame["pdc0_kwp"].to_numpy()))


def _codes(keys: pd.Series, names: pd.Index) -> np.ndarray:
    """Position of each key in names, -1 where it is not there."""
    if isinstance(keys.dtype, pd.CategoricalDtype):
        known = names.get_indexer(keys.cat.categories)
        return np.append(known, -1)[keys.cat.codes.to_numpy()]
    return np.asarray(names.get_indexer(pd.Index(keys)))


def _membership(keys: pd.Series, names: pd.Index) -> np.ndarray:
    """Region of each row; the last name is outside and takes the empty keys."""
    groups = _codes(keys, names[:-1])
    strange = (groups < 0) & keys.notna().to_numpy()
    if strange.any():
        raise LayersError(
            f"{int(strange.sum())} rows lie in {keys[strange].iloc[0]!r} ({keys.name}), which the region layer does not have; "
            "expected its names or nothing"
        )
    return np.where(groups < 0, len(names) - 1, groups)


def _sums(roofs: pd.DataFrame, codes: np.ndarray, count: int) -> pd.DataFrame:
    groups = Groups(codes, count)
    summed = {name: groups.sums(roofs[name].to_numpy(dtype=np.float64, na_value=np.nan)) for name in ADDED}
    lcoe = roofs["lcoe_cny_kwh"].to_numpy(dtype=np.float64, na_value=np.nan)
    priced = np.where(np.isfinite(lcoe), roofs["energy_kwh"].to_numpy(dtype=np.float64), np.nan)
    frame = pd.DataFrame({"roofs": groups.sizes(), **summed})
    return frame.assign(
        module_count=np.rint(frame["module_count"]).astype(np.int64),
        specific_yield=_ratio(summed["energy_kwh"], summed["pdc0_kwp"]),
        # roofs share lifetime and discount rate, so the first year's energy is the weight of their costs
        lcoe_cny_kwh=_ratio(groups.sums(lcoe * priced), groups.sums(priced)),
    )


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(above, below, out=np.full(len(above), np.nan), where=np.nan_to_num(below) > 0)
    return ratio
