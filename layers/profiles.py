"""Hourly generation of regions: every roof's hours are summed by region while it is simulated, none is kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from solar.weather import HOURS, NOMINAL_YEAR

from .sums import OUTSIDE

# More regions than this would make tables that nobody reads: parcels are simulated again on request.
MOST_REGIONS = 500
WHOLE, USE = "whole", "use"
KWH = 1e-6  # of a milliwatt-hour
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Memberships:
    """Group of each building, shape (n,), and what each group is: a row per group, a column per layer and one for the class of use."""

    group: Ints
    groups: pd.DataFrame


def memberships(buildings: pd.DataFrame, columns: Mapping[str, str]) -> Memberships:
    """
    Find buildings that lie in the same regions and are of one class.

    Parameters
    ----------
    buildings
        Buildings of a tile with `use` and the columns.
    columns
        Column with the region's name by layer.

    Returns
    -------
    Memberships
        Groups, so that a roof's hours are added once and not for each layer.
    """
    key, named = np.zeros(len(buildings), dtype=np.int64), {}
    for layer, column in {**columns, USE: "use"}.items():
        code, words = pd.factorize(buildings[column])
        texts = np.array([*words, OUTSIDE], dtype=object)  # missing is coded -1, the last
        names, rank = np.unique(texts.astype(str), return_inverse=True)
        key, named[layer] = np.unique(key * len(names) + rank[code], return_inverse=True)[1], texts[code]
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    return Memberships(group.astype(np.int64), pd.DataFrame({layer: texts[first] for layer, texts in named.items()}))


def sum_groups(groups: pd.DataFrame, hourly: Ints) -> pd.DataFrame:
    """
    Sum the hours of groups by region of each layer, by class of use, and in all.

    Parameters
    ----------
    groups
        What each group is, see `Memberships`.
    hourly
        Hours of each group, shape (G, 8760) [mWh].

    Returns
    -------
    table
        Columns layer, name and mwh (8,760 whole numbers); only what generates anything.
    """
    rows = [(WHOLE, WHOLE, hourly.sum(axis=0))]
    for layer in groups.columns:
        codes, names = pd.factorize(groups[layer], sort=True)
        rows += [(layer, str(name), hourly[codes == code].sum(axis=0)) for code, name in enumerate(names)]
    kept = [row for row in rows if row[2].any()]
    return pd.DataFrame(kept, columns=["layer", "name", "mwh"])


def read_parts(files: Iterable[Path]) -> dict[str, dict[str, Ints]]:
    """
    Add up the tables of all tiles.

    Parameters
    ----------
    files
        One for each tile, as `sum_groups` made them.

    Returns
    -------
    dict
        Hours [mWh] by layer and name, shape (8760,); whole numbers, so that tiles and their order leave no trace.
    """
    found: dict[str, dict[str, Ints]] = {WHOLE: {WHOLE: np.zeros(HOURS, dtype=np.int64)}}
    for file in files:
        part = pd.read_parquet(file)
        for layer, name, hours in zip(part["layer"], part["name"], part["mwh"], strict=True):
            own = found.setdefault(layer, {})
            own[name] = own[name] + hours if name in own else np.asarray(hours, dtype=np.int64)
    return found


def profile_table(hours: Mapping[str, Ints], names: Sequence[str]) -> pd.DataFrame:
    """
    Put the hours of a layer's regions side by side.

    Parameters
    ----------
    hours
        Hours by name [mWh].
    names
        The regions, in the order of the columns.

    Returns
    -------
    table
        `local_time` (start of the hour in local standard time, of a year of 365 days) and a column per region [kWh].
    """
    nothing = np.zeros(HOURS, dtype=np.int64)
    columns = {name: np.round(hours.get(name, nothing) * KWH, 6) for name in names}
    return pd.DataFrame({"local_time": hour_names(), **columns})


def milliwatt_hours(kwh: npt.ArrayLike) -> Ints:
    """
    Bring hours to the whole numbers that profiles are kept in.

    Parameters
    ----------
    kwh
        Hours, shape (8760,) [kWh].

    Returns
    -------
    array
        Shape (8760,) [mWh].
    """
    return np.rint(np.asarray(kwh, dtype=np.float64) / KWH).astype(np.int64)


def hour_names() -> list[str]:
    """
    Name the hours of the year.

    Returns
    -------
    names
        Start of each hour, "01-01 00:00" to "12-31 23:00".
    """
    return list(pd.date_range(f"{NOMINAL_YEAR}-01-01", periods=HOURS, freq="h").strftime("%m-%d %H:%M"))


def write_profiles(parts: Mapping[str, Mapping[str, Ints]], layers: Mapping[str, Sequence[str]], folder: Path) -> None:
    """
    Write the profiles of every layer as Parquet and CSV.

    Parameters
    ----------
    parts
        Hours by layer and name [mWh].
    layers
        Names of the regions by layer; beside them `outside` is written where roofs lie in no region.
    folder
        Folder `profiles` of the run; what it held before is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for layer, names in ({WHOLE: [WHOLE]} | {USE: sorted(parts.get(USE, {}))} | dict(layers)).items():
        own = parts.get(layer, {})
        shown = [*dict.fromkeys([*names, *([OUTSIDE] if OUTSIDE in own else [])])]
        table = profile_table(own, shown)
        pq.write_table(pa.Table.from_pandas(table, preserve_index=False), folder / f"{layer}.parquet")
        table.to_csv(folder / f"{layer}.csv", index=False, encoding="utf-8-sig", lineterminator="\n")


def read_profile(folder: Path, layer: str) -> pd.DataFrame | None:
    """
    Read the profiles of a layer.

    Parameters
    ----------
    folder
        Folder `profiles` of a run.
    layer
        Name of the layer.

    Returns
    -------
    table or None
        A column per region [kWh], a row per hour; None where the run has none.
    """
    file = folder / f"{layer}.parquet"
    return pd.read_parquet(file).drop(columns="local_time") if file.is_file() else None
