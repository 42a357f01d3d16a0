"""What each building is: use, year, town or country, height, floors, PV that is there."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from geo import attributes, heights
from geo.archetypes import Archetypes
from geo.terrain import Terrain

from .elevation import measured_heights
from .errors import StudyError
from .study import Study

# What a reader of the confidence column should know: how much each source of the height is worth.
CONFIDENCE = {"dsm": 0.8, "height": 0.8, "floors": 0.7, "class": 0.4}
# The best modules reach 0.24 kWp/m2; with slopes and rounding nothing above this is true.
MOST_KWP_PER_M2 = 0.4


def attribute(
    table: gpd.GeoDataFrame, raw: gpd.GeoDataFrame, study: Study, archetypes: Archetypes, new_years: tuple[int, int], warnings: list[str]
) -> None:
    """
    Fill in use, year, town or country, and PV that is there already.

    Parameters
    ----------
    table
        Buildings, a row per input feature; filled in place.
    raw
        The same rows with the study's own columns.
    study
        The study.
    archetypes
        Classes of roofs.
    new_years
        First and last year of completion that count as new.
    warnings
        What the user should know; appended to.
    """
    use, source, unmapped = attributes.use_classes(raw.get("use"), study.buildings.use, len(raw))
    table["use"], table["use_source"] = use, source
    detail = raw["use_detail"] if "use_detail" in raw else raw.get("use")
    table["use_detail"] = attributes.use_details(detail, len(raw))
    if unmapped and (use == "unknown").all():
        words = ", ".join(f"{word} ({count})" for word, count in sorted(unmapped.items(), key=lambda item: -item[1])[:10])
        raise StudyError(
            f"no use of any building is known to buildings.use; the data say: {words}. Translate these words under [buildings.use]; "
            'if they are not readable, give the encoding of the file, e.g. encoding = "GB18030" under [buildings]'
        )
    if unmapped:
        most = sorted(unmapped.items(), key=lambda item: -item[1])
        listed = ", ".join([*(f"{word} ({count})" for word, count in most[:10]), *(["…"] if len(most) > 10 else [])])
        warnings.append(
            f"{sum(unmapped.values())} buildings have a use that buildings.use does not translate, so their class is unknown: {listed}"
        )
    unknown = int((use == "unknown").sum())
    if unknown:
        warnings.append(f"the class of use is unknown for {unknown} of {len(table)} buildings; they count in no target that names classes")
    year = (
        attributes.plausible(attributes.numbers(raw["year_built"]), 1000, study.study.as_of.year + 10)
        if "year_built" in raw
        else np.full(len(raw), np.nan)
    )
    table["year_built"] = pd.array(year, dtype="Float64").astype("Int64")
    table["is_new"] = pd.arrays.BooleanArray((year >= new_years[0]) & (year <= new_years[1]), np.isnan(year))
    if "urban" in raw:
        word = raw["urban"].astype("string").str.strip().str.casefold()
        urban = word.isin(["城镇", "城市", "urban", "1", "true", "是"]).to_numpy(dtype=bool)
        rural = word.isin(["农村", "乡村", "rural", "0", "false", "否"]).to_numpy(dtype=bool)
        table["is_urban"] = pd.arrays.BooleanArray(urban, ~(urban | rural))
    else:
        table["is_urban"] = pd.arrays.BooleanArray(np.zeros(len(raw), dtype=bool), np.ones(len(raw), dtype=bool))
    installed = attributes.numbers(raw["installed_kwp"]) if "installed_kwp" in raw else np.full(len(raw), np.nan)
    most = table["footprint_area_m2"].to_numpy() * MOST_KWP_PER_M2
    believable = (installed >= 0) & (installed <= most)
    table["installed_kwp"] = np.where(believable, installed, np.nan)
    if strange := int((np.isfinite(installed) & ~believable).sum()):
        warnings.append(
            f"{strange} buildings have an installed_kwp that is negative or above "
            f"{MOST_KWP_PER_M2} kWp/m2 of footprint; it is taken as unknown"
        )


def measure(
    table: gpd.GeoDataFrame,
    raw: gpd.GeoDataFrame,
    study: Study,
    archetypes: Archetypes,
    terrain: Terrain,
    dsm: Path | None,
    warnings: list[str],
) -> None:
    """
    Fill in height, its source, floors and floor area.

    Parameters
    ----------
    table
        Buildings, a row per input feature; filled in place.
    raw
        The same rows with the study's own columns.
    study
        The study.
    archetypes
        Classes of roofs.
    terrain
        Ground.
    dsm
        Prepared surface model, or None.
    warnings
        What the user should know; appended to.
    """
    given = attributes.plausible(attributes.numbers(raw["height"]), 0, heights.HIGHEST_M) if "height" in raw else np.full(len(raw), np.nan)
    floors = (
        attributes.plausible(attributes.numbers(raw["floors"]), 0, heights.MOST_FLOORS) if "floors" in raw else np.full(len(raw), np.nan)
    )
    use = table["use"].to_numpy(dtype=object)
    measured = np.full(len(table), np.nan) if dsm is None else measured_heights(table, terrain, dsm, np.isnan(given))
    storey = archetypes.storey_height(use)
    height, source = heights.choose_heights(given, floors, measured, storey, archetypes.default_height(use))
    table["height_m"], table["height_source"] = height, source
    table["data_tier"] = np.where(source == "class", "footprint", "height")
    sure = pd.Series(source).map(CONFIDENCE).to_numpy(dtype=float)
    table["confidence"] = np.where(use == "unknown", sure - 0.1, sure)
    table["stale_surface"] = False if dsm is None else np.isfinite(measured) & (measured < heights.LOWEST_DSM_M)
    table["floors"] = np.where(
        np.isfinite(floors), floors, archetypes.floors(use, height, archetypes.choose(use, height, table["footprint_area_m2"]))
    )
    table["floor_area_m2"] = table["footprint_area_m2"] * table["floors"]
    guessed = int((source == "class").sum())
    if guessed:
        warnings.append(
            f"{guessed} of {len(table)} buildings have neither height nor floors nor a surface model; the height of their class is assumed"
        )
