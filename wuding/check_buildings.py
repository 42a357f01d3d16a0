"""What the building layer holds: counted over every row where that is quick, else over a sample that is said to be one."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo import attributes, heights
from geo.height_words import lengths
from geo.packed import Packed
from geo.uses import uses_from_words

from .describing import MOST_RESERVE_KPA
from .reading import LARGEST_M2
from .study import BUILDING_COLUMNS, Study
from .texts import given_heights

# How the columns of numbers are read.
_NUMBERS: dict[str, Callable[[pd.Series], attributes.Floats]] = {
    "year_built": attributes.years,
    "installed_kwp": partial(attributes.quantities, units=attributes.KILOWATTS),
    "load_reserve": attributes.numbers,
    "min_height": lengths,
    "area": partial(attributes.quantities, units=attributes.SQUARE_METRES),
}
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


def rows_to_try(raw: pd.DataFrame, shapes: Packed, bounds: tuple[float, float, float, float] | None) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """
    Choose the rows with which the steps of a run are tried.

    Parameters
    ----------
    raw
        Every building as read.
    shapes
        Their shapes.
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
            corner = shapes.bounds[:, :2]
            with np.errstate(invalid="ignore"):
                inside = np.flatnonzero(((corner >= bounds[:2]) & (corner <= bounds[2:])).all(axis=1))
            more.append(inside[even_rows(len(inside), _ON_TERRAIN)] if len(inside) else inside)
    rows = np.unique(np.concatenate(more))
    return rows, np.isin(rows, chosen)


def attribute_shares(raw: pd.DataFrame, as_of: date) -> dict[str, float]:
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
        "min_height": (-1e-9, heights.HIGHEST_M),
        "area": (0.0, LARGEST_M2),
    }
    shares: dict[str, float] = {}
    said = dict(zip(("height", "floors"), given_heights(raw), strict=True))
    for column in BUILDING_COLUMNS:
        if column in said and ("height" in raw or "floors" in raw):
            good = np.isfinite(attributes.plausible(said[column], *limits[column]))
            if column in raw or good.any():
                shares[column] = float(good.mean())
            continue
        if column not in raw:
            continue
        codes, distinct = pd.factorize(raw[column])
        if column in limits:
            good = np.isfinite(attributes.plausible(_NUMBERS[column](pd.Series(distinct)), *limits[column]))
        else:
            good = (pd.Series(distinct).astype("string").str.strip() != "").to_numpy(dtype=bool)
        shares[column] = float(np.append(good, False)[codes].mean())
    return shares


def unmapped_words(raw: pd.DataFrame, study: Study) -> dict[str, int]:
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


def shape_counts(raw: pd.DataFrame, shapes: Packed, minimum_area_m2: float) -> dict[str, int]:
    """
    Count the shapes of every row.

    Parameters
    ----------
    raw
        Every building as read.
    shapes
        Their shapes.
    minimum_area_m2
        Smaller ones are not assessed. [m2]

    Returns
    -------
    dict
        Rows by kind; kinds without rows are left out.
    """
    missing = shapes.each(lambda part: shapely.is_missing(part) | shapely.is_empty(part))
    polygonal = shapes.each(lambda part: np.isin(shapely.get_type_id(part), (3, 6)))
    area = shapes.each(_area)
    counts = {
        "polygons": polygonal & ~missing,
        "drawn": raw["drawn"].to_numpy(dtype=bool) if "drawn" in raw else np.zeros(len(raw), dtype=bool),
        "without_geometry": missing,
        "not_polygons": ~polygonal & ~missing,
        "too_small": polygonal & ~missing & ~(area >= minimum_area_m2),
    }
    return {name: int(rows.sum()) for name, rows in counts.items() if rows.any()}


def _area(shapes: npt.NDArray[np.object_]) -> attributes.Floats:
    with np.errstate(all="ignore"):
        return np.asarray(shapely.area(shapes), dtype=np.float64)


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
