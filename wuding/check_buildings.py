"""What the building layer holds: counted over every row where that is quick, else over a sample that is said to be one."""

from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo import attributes, heights
from geo.uses import uses_from_words

from .describing import MOST_RESERVE_KPA
from .study import BUILDING_COLUMNS, Study

Rows = npt.NDArray[np.int64]

SAMPLE = 20_000
# Rows beside the even sample: one of each use word, and some that lie on the DEM, so that "none at all" is never the sample's fault.
_MOST_WORDS, _ON_TERRAIN = 2_000, 500


def even_rows(count: int, most: int = SAMPLE) -> Rows:
    """
    Choose rows evenly spaced in the file.

    Parameters
    ----------
    count
        Rows in all.
    most
        Rows to choose.

    Returns
    -------
    array
        Row numbers; all of them where they are few.
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def rows_to_try(raw: gpd.GeoDataFrame, bounds: tuple[float, float, float, float] | None) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """
    Choose the rows with which the steps of a run are tried.

    Parameters
    ----------
    raw
        Every building as read, in the study's CRS.
    bounds
        West, south, east, north of the DEM in the study's CRS, or None. [m]

    Returns
    -------
    rows : array of int
        Row numbers, ascending.
    even : array of bool
        Shape as `rows`, True for those of the even sample, from which shares may be taken.
    """
    chosen = even_rows(len(raw))
    more = [chosen]
    if len(chosen) < len(raw):
        if "use" in raw:
            more.append(np.flatnonzero(~raw["use"].duplicated().to_numpy())[:_MOST_WORDS])
        if bounds is not None:
            corner = shapely.bounds(raw.geometry.to_numpy())[:, :2]
            with np.errstate(invalid="ignore"):
                inside = np.flatnonzero(((corner >= bounds[:2]) & (corner <= bounds[2:])).all(axis=1))
            more.append(inside[even_rows(len(inside), _ON_TERRAIN)] if len(inside) else inside)
    rows = np.unique(np.concatenate(more))
    return rows, np.isin(rows, chosen)


def attribute_shares(raw: gpd.GeoDataFrame, as_of: date) -> dict[str, float]:
    """
    Tell which share of all buildings has a value that can be true.

    Parameters
    ----------
    raw
        Every building as read.
    as_of
        The study's date.

    Returns
    -------
    dict
        Share by column of ours; columns that the study does not name are left out. [-]
    """
    limits = {
        "height": (0.0, heights.HIGHEST_M),
        "floors": (0.0, heights.MOST_FLOORS),
        "year_built": (1000.0, float(as_of.year + 10)),
        "installed_kwp": (-1e-9, np.inf),
        "load_reserve": (-1e-9, MOST_RESERVE_KPA),
    }
    shares: dict[str, float] = {}
    for column in BUILDING_COLUMNS:
        if column not in raw:
            continue
        codes, distinct = pd.factorize(raw[column])
        if column in limits:
            good = np.isfinite(attributes.plausible(attributes.numbers(pd.Series(distinct)), *limits[column]))
        else:
            good = (pd.Series(distinct).astype("string").str.strip() != "").to_numpy(dtype=bool)
        shares[column] = float(np.append(good, False)[codes].mean())
    return shares


def unmapped_words(raw: gpd.GeoDataFrame, study: Study) -> dict[str, int]:
    """
    Count the source's words for use that nothing translates, over every row.

    Parameters
    ----------
    raw
        Every building as read.
    study
        The study.

    Returns
    -------
    dict
        Rows by word; most first.
    """
    if "use" not in raw:
        return {}
    counts = raw["use"].astype("string").str.strip().fillna("").value_counts()
    words = pd.Series(counts.index.to_numpy(dtype=object))
    unmapped = uses_from_words(words, study.buildings.use, len(words)).unmapped
    return dict(sorted(((word, int(counts[word])) for word in unmapped), key=lambda pair: (-pair[1], pair[0])))


def shape_counts(raw: gpd.GeoDataFrame, minimum_area_m2: float) -> dict[str, int]:
    """
    Count the shapes of every row.

    Parameters
    ----------
    raw
        Every building as read, in the study's CRS.
    minimum_area_m2
        Smaller ones are not assessed. [m2]

    Returns
    -------
    dict
        Rows by kind; kinds without rows are left out.
    """
    shapes = raw.geometry.to_numpy()
    missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    polygonal = np.isin(shapely.get_type_id(shapes), (3, 6))
    with np.errstate(all="ignore"):
        area = shapely.area(shapes)
    counts = {
        "polygons": polygonal & ~missing,
        "without_geometry": missing,
        "not_polygons": ~polygonal & ~missing,
        "too_small": polygonal & ~missing & ~(area >= minimum_area_m2),
    }
    return {name: int(rows.sum()) for name, rows in counts.items() if rows.any()}


def sampled_facts(table: gpd.GeoDataFrame, regions: dict[str, gpd.GeoDataFrame], columns: dict[str, str]) -> dict[str, Any]:
    """
    Sum up what the steps of a run made of the sample.

    Parameters
    ----------
    table
        The even sample after these steps.
    regions
        Region layers by name.
    columns
        Column of `table` by region layer.

    Returns
    -------
    dict
        Shares of the sample. [-]
    """
    facts: dict[str, Any] = {
        key: {(str(name) or "to_assess"): float(share) for name, share in table[key].value_counts(normalize=True).items()}
        for key in ("status", "height_source", "use")
        if key in table
    }
    for key, column in (("year_known", "year_built"), ("urban_known", "is_urban")):
        if column in table:
            facts[key] = float(table[column].notna().mean())
    facts["in_regions"] = {
        name: float(table[columns.get(name, f"region_{name}")].notna().mean())
        for name in regions
        if columns.get(name, f"region_{name}") in table
    }
    return facts
