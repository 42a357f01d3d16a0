"""Sums of roofs: by building, by region of any layer, by class, and for the whole study."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from solar.uncertainty import own_variance

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
_COLUMNS_AT_ONCE = 4  # reading each alone would cost a second of the processor more at a million buildings
_BITS = 62  # an int64 less its sign and one bit of room
_COST, _PRICED = "cost of priced energy", "priced energy"  # added beside the columns, for LCOE
_OWN = "variance of single buildings"  # and for P90

P90 = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""P90 of regions from their energy (P50) [kWh] and the sum of the variances of their buildings that others do not share [kWh²]."""


class StoredColumns:
    """
    A table on disk of which columns are read when they are asked for: all that is summed would be 0.9 kB a building at once.

    Parameters
    ----------
    place
        Parquet file, or folder of the roofs' parquet files.
    table
        "roofs" or "buildings".
    """

    def __init__(self, place: Path, table: str) -> None:
        coded = [c.name for c in columns(table) if c.dtype == "string"]
        self._dataset = ds.dataset(place, format=ds.ParquetFileFormat(dictionary_columns=coded))

    def __contains__(self, name: str) -> bool:
        """
        Tell whether there is a column.

        Parameters
        ----------
        name
            Its name.

        Returns
        -------
        bool
            Whether it can be read.
        """
        return name in self._dataset.schema.names

    def __getitem__(self, names: list[str]) -> pd.DataFrame:
        """
        Read some columns.

        Parameters
        ----------
        names
            Their names.

        Returns
        -------
        pandas.DataFrame
            A row per row of the table, roofs tile by tile; texts as categories, in no order.
        """
        found: pd.DataFrame = self._dataset.to_table(columns=names).to_pandas(self_destruct=True, split_blocks=True)
        return found


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

    def first(self) -> np.ndarray:
        """
        Find the first row of each group.

        Returns
        -------
        numpy.ndarray
            Shape (count,), int64; -1 where a group has none.
        """
        filled = self.ends > self.starts
        found = np.full(len(self.starts), -1, dtype=np.int64)
        found[filled] = self.order[self.starts[filled]]
        return found

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
        whole, digits = _whole(values)
        sums: np.ndarray = np.ldexp(self.add(whole).astype(np.float64), -digits)
        return sums

    def add(self, whole: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """
        Add whole numbers by group.

        Parameters
        ----------
        whole
            Shape (n,).

        Returns
        -------
        numpy.ndarray
            Shape (count,).
        """
        running = np.zeros(len(whole) + 1, dtype=np.int64)
        np.cumsum(whole[self.order], out=running[1:])
        return np.asarray(running[self.ends] - running[self.starts])


def _whole(values: Any) -> tuple[npt.NDArray[np.int64], int]:
    """Give values as whole multiples of a power of two, and its exponent; NaN is 0."""
    numbers = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)
    largest = max(float(numbers.max(initial=0.0)), -float(numbers.min(initial=0.0)))
    if not np.isfinite(largest):
        raise LayersError("a value to be added is infinite; expected finite numbers or NaN")
    if largest == 0.0:
        return np.zeros(len(numbers), dtype=np.int64), 0
    digits = _BITS - int(np.frexp(largest * len(numbers))[1])
    return np.rint(np.ldexp(numbers, digits, out=numbers), out=numbers).astype(np.int64), digits


class WholeColumns(Mapping[str, npt.NDArray[np.int64]]):
    """
    Columns of whole numbers in a file, each of which is in memory only while it is used: all would be 0.3 kB a building.

    Parameters
    ----------
    file
        Where to; it is begun anew.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._rows, self._names = file, 0, list[str]()
        file.write_bytes(b"")

    def __setitem__(self, name: str, numbers: npt.NDArray[np.int64]) -> None:
        """
        Write a column, once.

        Parameters
        ----------
        name
            Its name.
        numbers
            Shape (n,), as many as in every other.
        """
        with self._file.open("ab") as stream:
            stream.write(np.ascontiguousarray(numbers).data)  # `tofile` would not say that the disk is full
        self._rows = len(numbers)
        self._names.append(name)

    def __getitem__(self, name: str) -> npt.NDArray[np.int64]:
        """
        Map a column.

        Parameters
        ----------
        name
            Its name.

        Returns
        -------
        numpy.ndarray
            Shape (n,).
        """
        if name not in self._names:
            raise KeyError(name)
        return np.memmap(self._file, np.int64, "r", 8 * self._rows * self._names.index(name), (self._rows,))

    def __iter__(self) -> Iterator[str]:
        """Give the names."""
        return iter(self._names)

    def __len__(self) -> int:
        """Count the columns."""
        return len(self._names)


@dataclass(frozen=True)
class RoofSums:
    """
    Sums of roofs as whole numbers, which add on to larger groups without rounding.

    Attributes
    ----------
    roofs
        Number of roofs of each group, shape (n,).
    whole, digits
        By column: multiples of 2^-digits, shape (n,), and the digits.
    unknown
        Columns of which no roof has a value: their sums are NaN, not 0.
    """

    roofs: npt.NDArray[np.int64]
    whole: Mapping[str, npt.NDArray[np.int64]]
    digits: Mapping[str, int]
    unknown: tuple[str, ...] = ()

    def by(self, codes: np.ndarray, count: int) -> "RoofSums":
        """
        Add to larger groups.

        Parameters
        ----------
        codes
            Larger group of each, shape (n,); -1 belongs to none.
        count
            Number of larger groups.

        Returns
        -------
        RoofSums
            Theirs.
        """
        groups = Groups(codes, count)
        return RoofSums(groups.add(self.roofs), {name: groups.add(part) for name, part in self.whole.items()}, self.digits, self.unknown)

    def rows(self, first: int, end: int) -> "RoofSums":
        """
        Give some of the groups.

        Parameters
        ----------
        first, end
            Place of the first, and the place behind the last.

        Returns
        -------
        RoofSums
            Theirs.
        """
        part = {name: numbers[first:end] for name, numbers in self.whole.items()}
        return RoofSums(self.roofs[first:end], part, self.digits, self.unknown)

    def table(self, p90: P90 | None = None) -> pd.DataFrame:
        """
        Give the sums as numbers.

        Parameters
        ----------
        p90
            P90 of a group from energy and the variance of its buildings; without it the roofs' P90 are added.

        Returns
        -------
        pandas.DataFrame
            `roofs`, the columns that add up, `specific_yield` and `lcoe_cny_kwh`, a row a group.
        """
        sums = {name: np.ldexp(part.astype(np.float64), -self.digits[name]) for name, part in self.whole.items()}
        sums |= {name: np.full(len(self.roofs), np.nan) for name in self.unknown}
        # roofs share lifetime and discount rate, so the first year's energy is the weight of their costs
        lcoe = _ratio(sums.pop(_COST), sums.pop(_PRICED))
        own = sums.pop(_OWN)
        if p90 is not None:
            sums["energy_p90_kwh"] = p90(sums["energy_kwh"], own)
        return pd.DataFrame({"roofs": self.roofs, **sums}).assign(
            module_count=np.rint(sums["module_count"]).astype(np.int64),
            specific_yield=_ratio(sums["energy_kwh"], sums["pdc0_kwp"]),
            lcoe_cny_kwh=lcoe,
        )


def roofs_by_building(roofs: pd.DataFrame | StoredColumns, buildings: pd.Series) -> Groups:
    """
    Find the roofs of each building.

    Parameters
    ----------
    roofs
        Roofs with `building_id`.
    buildings
        Ids of all buildings.

    Returns
    -------
    Groups
        A group a building, in their order.

    Raises
    ------
    LayersError
        A roof names a building that is not there, or an id is not unique.
    """
    if not buildings.is_unique:
        twice = buildings[buildings.duplicated()].iloc[0]
        raise LayersError(f"building_id is not unique: {twice!r} stands more than once; make ids unique first")
    codes = _codes(roofs[["building_id"]]["building_id"], _words(buildings))
    if (codes < 0).any():
        raise LayersError(f"{int((codes < 0).sum())} roofs name a building that is not in the table; expected every building of a roof")
    return Groups(codes, len(buildings))


def sum_roofs(roofs: pd.DataFrame | StoredColumns, by_building: Groups, file: Path | None = None) -> RoofSums:
    """
    Sum roofs by building, once for all larger groups.

    Parameters
    ----------
    roofs
        The columns that add up and `lcoe_cny_kwh`, of which a dataset gives some at a time.
    by_building
        See `roofs_by_building`.
    file
        Where the sums lie while they are needed; in memory without it.

    Returns
    -------
    RoofSums
        Of each building.
    """
    whole: dict[str, npt.NDArray[np.int64]] | WholeColumns = {} if file is None else WholeColumns(file)
    digits: dict[str, int] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(ADDED), _COLUMNS_AT_ONCE):
            part = _numbers(roofs[list(ADDED[first : first + _COLUMNS_AT_ONCE])])
            for name, found in zip(part, pool.map(partial(_added, by_building), part.values()), strict=True):
                whole[name], digits[name] = found
            del part, found  # before the next ones are read
        lcoe, energy = _numbers(roofs[["lcoe_cny_kwh", "energy_kwh"]]).values()
        priced = np.where(np.isfinite(lcoe), energy, np.nan)
        for name, found in zip((_COST, _PRICED), pool.map(partial(_added, by_building), (lcoe * priced, priced)), strict=True):
            whole[name], digits[name] = found
    # roofs of one building share its outline and height, and so their errors
    mine = (np.ldexp(whole[name].astype(np.float64), -digits[name]) for name in ("energy_kwh", "energy_p90_kwh"))
    whole[_OWN], digits[_OWN] = _whole(own_variance(*mine))
    unknown = tuple(name for name in ("carbon_t",) if len(by_building.order) and not roofs[[name]][name].notna().any())
    return RoofSums(by_building.sizes(), whole, digits, unknown)


def _added(groups: Groups, values: np.ndarray) -> tuple[npt.NDArray[np.int64], int]:
    numbers, digits = _whole(values)
    return groups.add(numbers), digits


def _numbers(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    return {str(name): frame[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in frame}


def add_to_buildings(buildings: pd.DataFrame, added: RoofSums) -> pd.DataFrame:
    """
    Give every building the sums of its roofs.

    Parameters
    ----------
    buildings
        One row per input feature with all columns but the sums.
    added
        Sums of the roofs of each of them.

    Returns
    -------
    pandas.DataFrame
        The same rows with the sums; 0 where a building has no roofs.

    Notes
    -----
    The P90 of a building is the sum over its roofs: one building has one weather.
    """
    sums = added.table()
    own = [c.name for c in columns("buildings") if c.name in sums and c.name != "footprint_area_m2"]
    return buildings.assign(**{name: sums[name].to_numpy() for name in own})


def sum_regions(
    added: RoofSums,
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
    added
        Sums of the roofs of each building.
    buildings
        All buildings with the membership column, `status` and `installed_kwp`, in the same order.
    layer
        Regions with `name` and geometry in the study's CRS; parts of one name become one region.
    column
        Column of buildings with the region's name; empty is outside.
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
        A building names a region that the layer does not have, or a region is called "outside".
    """
    named = one_row_a_name(layer)
    names = pd.Index([*named["name"], OUTSIDE])
    groups = _membership(buildings[column], names)
    sums = added.by(groups, len(names)).table(p90)
    counted = np.where((buildings["status"] != "duplicate").to_numpy(), groups, -1)
    installed = buildings["installed_kwp"].to_numpy(np.float64, na_value=np.nan)
    geometry = gpd.GeoSeries([*named.geometry, None], crs=named.crs)
    area = geometry.area.to_numpy() / 1e6
    table = sums.assign(
        name=names,
        kind=["region"] * len(named) + [OUTSIDE],
        area_km2=area,
        buildings=np.bincount(groups[added.roofs > 0], minlength=len(names)),
        installed_kwp=Groups(counted, len(names)).sums(np.where(counted >= 0, installed, np.nan)),
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


def totals(added: RoofSums, *, p90: P90 | None = None) -> dict[str, float | int]:
    """
    Sum the whole study.

    Parameters
    ----------
    added
        Sums of the roofs of each building.
    p90
        As for regions.

    Returns
    -------
    dict of str to float or int
        Every sum by its column name, and the number of roofs and of buildings with roofs.
    """
    row = added.by(np.zeros(len(added.roofs), dtype=np.int64), 1).table(p90).iloc[0]
    counts = {"roofs": int(row["roofs"]), "buildings": int((added.roofs > 0).sum()), "module_count": int(row["module_count"])}
    ratios = {name: float(row[name]) for name in ("specific_yield", "lcoe_cny_kwh") if np.isfinite(row[name])}
    return {**counts, **{name: float(row[name]) for name in ADDED if name != "module_count"}, **ratios}


def sum_classes(buildings: pd.DataFrame | StoredColumns, by: str = "use") -> pd.DataFrame:
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
    told = buildings[list({by: None, "status": None})]
    keys = told[by].astype(object).where(told[by].notna(), "unknown")
    names = pd.Index(sorted(keys.unique()), name=by)
    codes = names.get_indexer(pd.Index(keys))
    groups = Groups(codes, len(names))
    with_roofs = np.bincount(codes[told["status"].isin(WITH_ROOFS).to_numpy()], minlength=len(names))
    table = {by: names, "buildings": groups.sizes(), "with_roofs": with_roofs}
    summed = [name for name in ("roofs", *ADDED, "installed_kwp") if name in buildings]
    values = {name: groups.sums(buildings[[name]][name].to_numpy(dtype=np.float64, na_value=np.nan)) for name in summed}
    if "carbon_t" in values and not buildings[["carbon_t"]]["carbon_t"].notna().any():
        values["carbon_t"] = np.full(len(names), np.nan)
    frame = pd.DataFrame({**table, **values})
    whole = {name: np.int64 for name in ("roofs", "module_count") if name in frame}
    return frame.astype(whole).assign(specific_yield=_ratio(frame["energy_kwh"].to_numpy(), frame["pdc0_kwp"].to_numpy()))


def _words(texts: pd.Series | pd.Index) -> pa.Array:
    """Texts as Arrow holds them: an index of pandas makes an object of Python of each."""
    return pa.array(texts, pa.large_string())


def _codes(keys: pd.Series, names: pa.Array) -> np.ndarray:
    """Position of each key in names, -1 where it is not there."""
    coded = isinstance(keys.dtype, pd.CategoricalDtype)
    known = pc.fill_null(pc.index_in(_words(keys.cat.categories if coded else keys), names), -1).to_numpy()
    return np.append(known, -1)[keys.cat.codes.to_numpy()] if coded else known


def _membership(keys: pd.Series, names: pd.Index) -> np.ndarray:
    """Region of each row; the last name is outside and takes the empty keys."""
    known, words = pd.factorize(keys)
    groups = np.append(names[:-1].get_indexer(pd.Index(words)), -1)[known]
    strange = (groups < 0) & keys.notna().to_numpy()
    if strange.any():
        raise LayersError(
            f"{int(strange.sum())} rows lie in {keys[strange].iloc[0]!r} ({keys.name}), which the region layer does not have; "
            "expected its names or nothing"
        )
    return np.where(groups < 0, len(names) - 1, groups)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(above, below, out=np.full(len(above), np.nan), where=np.nan_to_num(below) > 0)
    return ratio
