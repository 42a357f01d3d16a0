"""What each building is: use, year, town or country, height, floors, PV that is there."""

from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from geo import attributes, heights
from geo.archetypes import Archetypes
from geo.constructions import roof_constructions
from geo.coordinates import into_crs
from geo.footprints import JOINED
from geo.height_words import lengths
from geo.packed import Packed
from geo.terrain import Terrain
from geo.threads import threaded
from geo.use_guesses import uses_from_land, uses_from_neighbours, uses_from_size
from geo.uses import RULES, UNKNOWN, Uses, uses_from_words
from geo.vectors import file_names, read_vectors

from .canopies import CONSTRUCTION, DETAIL, is_surface
from .elevation import measured_heights, tell_apart, tell_unseen
from .errors import StudyError
from .locating import stated
from .study import Study
from .texts import given_heights, words_of

# What a reader of the confidence column should know: how much each source of the height is worth.
CONFIDENCE = {"dsm": 0.8, "height": 0.8, "floors": 0.7, "class": 0.4, "square": 0.2}
# An unknown use takes so much from it.
_USE_WEIGHT = 0.1
# The best modules reach 0.24 kWp/m2; with slopes and rounding nothing above this is true.
MOST_KWP_PER_M2 = 0.4
# A roof that could carry more than this beside its own loads is a typing error, or given in kg/m2 [kPa].
MOST_RESERVE_KPA = 20.0
# Numbers that people write for "not known"; everything up to 0 is one too.
_MISSING = (999.0, 9999.0, 99999.0)
_TOWN = ["城镇", "城市", "城区", "urban", "town", "1", "true", "是"]
_COUNTRY = ["农村", "乡村", "村庄", "rural", "country", "0", "false", "否"]


def attribute(
    table: pd.DataFrame,
    shapes: Packed,
    raw: pd.DataFrame,
    study: Study,
    archetypes: Archetypes,
    new_years: tuple[int, int],
    warnings: list[str],
) -> None:
    """
    Fill in use, year, town or country, and PV that is there already.

    Parameters
    ----------
    table
        Buildings with their place, a row per input feature; filled in place.
    shapes
        Their shapes.
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
    uses = uses_from_words(raw.get("use"), study.buildings.use, len(raw), raw.get("use_detail"))
    surface = np.flatnonzero(is_surface(table))
    _tell_unmapped(uses, warnings)
    uses.settle(surface, "transport", "table", RULES["confidence"]["table"])
    _land(uses, shapes, study, warnings)
    table["is_urban"] = _urban(raw, table, uses)
    _guess(uses, table, shapes.bounds, raw, warnings)
    if "use_override" in raw:
        said = np.flatnonzero(raw["use_override"].notna().to_numpy())
        uses.settle(said, raw["use_override"].to_numpy(dtype=object)[said], "override", RULES["confidence"]["override"])
    table["use"], table["use_source"], table["use_confidence"] = uses.use, uses.source, uses.confidence
    table["use_detail"] = uses.detail
    table.loc[table.index[surface], "use_detail"] = table["source"].iloc[surface].map(DETAIL)
    if unknown := int((uses.use == UNKNOWN).sum()):
        warnings.append(f"the class of use is unknown for {unknown} of {len(table)} buildings; they count in no target that names classes")
    year = np.full(len(raw), np.nan)
    if "year_built" in raw:
        year = attributes.plausible(attributes.years(raw["year_built"]), 1000, study.study.as_of.year + 10)
    table["year_built"] = pd.array(year, dtype="Float64").astype("Int64")
    reserve = attributes.numbers(raw["load_reserve"]) if "load_reserve" in raw else np.full(len(raw), np.nan)
    table["load_reserve_kpa"] = attributes.plausible(reserve, -1e-9, MOST_RESERVE_KPA)
    _construction(table, raw, warnings)
    table.loc[table.index[surface], "construction"] = table["source"].iloc[surface].map(CONSTRUCTION)
    # a carport is built for its modules
    table.loc[table["source"] == "carports", "load_reserve_kpa"] = 0.0
    table["is_new"] = pd.arrays.BooleanArray((year >= new_years[0]) & (year <= new_years[1]), np.isnan(year))
    _installed(table, raw, warnings)


def _construction(table: pd.DataFrame, raw: pd.DataFrame, warnings: list[str]) -> None:
    table["construction"] = ""
    if "construction" not in raw:
        return
    table["construction"], unmapped = roof_constructions(raw["construction"])
    if unmapped:
        most = ", ".join(f"{word} ({count})" for word, count in sorted(unmapped.items(), key=lambda item: (-item[1], item[0]))[:10])
        warnings.append(
            f"{sum(unmapped.values())} buildings have a roof construction that no word tells as metal, concrete or tile; "
            f"that of their class is assumed: {most}"
        )


def _tell_unmapped(uses: Uses, warnings: list[str]) -> None:
    if not uses.unmapped:
        return
    most = sorted(uses.unmapped.items(), key=lambda item: (-item[1], item[0]))
    words = ", ".join([*(f"{word} ({count})" for word, count in most[:10]), *(["…"] if len(most) > 10 else [])])
    if (uses.use == UNKNOWN).all():
        raise StudyError(
            f"no use of any building is known to buildings.use; the data say: {words}. Translate these words under [buildings.use]; "
            'if they are not readable, give the encoding of the file, e.g. encoding = "GB18030" under [buildings]'
        )
    warnings.append(
        f"{sum(uses.unmapped.values())} buildings have a use that neither buildings.use nor a built-in table translates: {words}"
    )


def _land(uses: Uses, shapes: Packed, study: Study, warnings: list[str]) -> None:
    """Take the use from the study's polygons of land use where no word says it."""
    section = study.buildings.landuse
    if section is None or not len(uses.pending):
        return
    paths, title = study.paths(section), file_names(study.paths(section))
    frame = read_vectors(paths, layer=section.layer, encoding=section.encoding, warnings=warnings)
    if frame.empty:
        warnings.append(f"buildings.landuse: {title} has no rows and is left out")
        return
    if section.name not in frame.columns:
        have = ", ".join(str(c) for c in frame.columns if c != frame.geometry.name)
        raise StudyError(f"buildings.landuse: {title} has no column {section.name!r}; it has: {have}. Write name = ... for the class")
    land = into_crs(frame, shapes.crs, source=title, **stated(study, section, title, warnings))
    land = land.set_geometry(shapely.make_valid(land.geometry.to_numpy()))
    found = uses_from_words(frame[section.name], study.buildings.use, len(frame))
    points = np.full(len(shapes), None, dtype=object)
    pending = uses.pending[~shapes.missing[uses.pending]]
    points[pending] = shapely.points(shapes.places[pending])
    number = uses_from_land(uses, points, land, found)
    warnings.append(f"{number} buildings take their use from the land they stand on ({title})")


def _guess(uses: Uses, table: pd.DataFrame, box: np.ndarray, raw: pd.DataFrame, warnings: list[str]) -> None:
    """Guess what no source says from neighbours and size, with little confidence."""
    area = table["footprint_area_m2"].to_numpy(dtype=float)
    near = uses_from_neighbours(uses, (box[:, :2] + box[:, 2:]) / 2.0, area)
    urban = table["is_urban"].to_numpy(dtype=float, na_value=np.nan)
    size = uses_from_size(uses, np.where(area > 0, area, np.nan), given_heights(raw)[0], urban)
    if near or size:
        warnings.append(
            f"the use of {near + size} buildings is a guess: {near} like their neighbours, {size} by size; "
            "the table of buildings says which"
        )


def _urban(raw: pd.DataFrame, table: pd.DataFrame, uses: Uses) -> pd.arrays.BooleanArray:
    """Town or country: by the attribute, else the boundary layer, else what the word for use itself says."""
    urban = np.full(len(raw), np.nan)
    if "urban" in raw:
        word = raw["urban"].astype("string").str.strip().str.casefold().str.removesuffix(".0")
        urban[word.isin(_TOWN).to_numpy(dtype=bool)] = 1.0
        urban[word.isin(_COUNTRY).to_numpy(dtype=bool)] = 0.0
    for other in (table["is_urban"].to_numpy(dtype=float, na_value=np.nan), uses.urban):
        urban = np.where(np.isnan(urban), other, urban)
    return pd.arrays.BooleanArray(urban == 1.0, np.isnan(urban))


def _installed(table: pd.DataFrame, raw: pd.DataFrame, warnings: list[str]) -> None:
    unknown = np.full(len(raw), np.nan)
    installed = attributes.quantities(raw["installed_kwp"], attributes.KILOWATTS) if "installed_kwp" in raw else unknown
    most = table["footprint_area_m2"].to_numpy() * MOST_KWP_PER_M2
    believable = (installed >= 0) & (installed <= most)
    # The pieces of a cut building all say what the whole has.
    carried = (table["status"] == JOINED).to_numpy()
    table["installed_kwp"] = np.where(believable & ~carried, installed, np.nan)
    if strange := int((np.isfinite(installed) & ~believable & ~carried).sum()):
        warnings.append(
            f"{strange} buildings have an installed_kwp that is negative or above "
            f"{MOST_KWP_PER_M2} kWp/m2 of footprint; it is taken as unknown"
        )


def measure(
    table: pd.DataFrame,
    shapes: Packed,
    raw: pd.DataFrame,
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
    shapes
        Their shapes.
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
    use, construction = words_of(table["use"]), words_of(table["construction"])
    storey, highest = archetypes.storey_height(use), archetypes.maximum_height(use)
    height_text, floors_text = given_heights(raw)
    _tell_swapped(height_text, floors_text, warnings)
    given = attributes.plausible(height_text, heights.LOWEST_M, highest)
    floors = attributes.plausible(floors_text, 0.0, np.minimum(heights.MOST_FLOORS, np.maximum(1.0, highest / storey * 1.5)))
    _tell_implausible(height_text, given, "height", warnings)
    _tell_implausible(floors_text, floors, "number of floors", warnings)
    # a duplicate, or a part that was joined, would take the cells of the building it repeats
    counted = (table["status"] == "").to_numpy()
    measured = np.full(len(table), np.nan) if dsm is None else measured_heights(table, shapes, terrain, dsm, counted)
    surface = is_surface(table)
    carport = (table["source"] == "carports").to_numpy()
    measured[carport] = np.nan  # none stands yet: the surface model shows the ground
    tell_unseen(str(study.terrain.dsm), measured[np.isfinite(measured)], warnings)
    tell_apart(str(study.terrain.dsm), measured, given, warnings)
    default = archetypes.surface_height(construction, archetypes.default_height(use))
    height, source = heights.choose_heights(given, floors, measured, storey, default)
    table["height_m"], table["height_source"] = height, source
    table["data_tier"] = np.where(source == "class", "footprint", "height")
    sure = pd.Series(source).map(CONFIDENCE).to_numpy(dtype=float)
    sure = sure - _USE_WEIGHT * (1.0 - table["use_confidence"].to_numpy(dtype=float))
    table["confidence"] = np.where(table["drawn"], np.minimum(sure, CONFIDENCE["square"]), sure)
    table["stale_surface"] = False if dsm is None else carport | (np.isfinite(measured) & (measured < heights.LOWEST_DSM_M))
    counted_floors = threaded(
        lambda use, height, area, made, tall: archetypes.floors(use, tall, archetypes.choose(use, height, area, made)),
        use,
        height,
        table["footprint_area_m2"].to_numpy(dtype=float),
        construction,
        height - _base(raw, height, warnings),
    )
    table["floors"] = np.where(np.isfinite(floors), floors, counted_floors)
    table.loc[surface, "floors"] = 0.0
    table["floor_area_m2"] = table["footprint_area_m2"] * table["floors"]
    measurable = dsm is None and study.terrain.dsm is not None  # a check does not measure
    if not measurable and (guessed := int(((source == "class") & ~surface).sum())):
        warnings.append(
            f"{guessed} of {len(table)} buildings have neither height nor floors nor a surface model; the height of their class is assumed"
        )


def _base(raw: pd.DataFrame, height: np.ndarray, warnings: list[str]) -> np.ndarray:
    """Height at which a part of a building begins (OpenStreetMap, Overture): its roof is where `height` says, its floors are fewer."""
    if "min_height" not in raw:
        return np.zeros(len(raw))
    base = attributes.plausible(lengths(raw["min_height"]), 0.0, heights.HIGHEST_M)
    if strange := int((base >= height).sum()):
        warnings.append(f"{strange} buildings have a min_height that is not below their height; it is taken as 0")
    return np.where(base < height, base, 0.0)


def _tell_implausible(said: np.ndarray, taken: np.ndarray, what: str, warnings: list[str]) -> None:
    strange = np.isfinite(said) & (said > 0) & ~np.isin(said, _MISSING) & np.isnan(taken)
    if strange.any():
        values = ", ".join(f"{value:g}" for value in np.unique(said[strange])[:5])
        warnings.append(
            f"{int(strange.sum())} buildings have a {what} that cannot be true for their class ({values}); it is taken as unknown"
        )


def _tell_swapped(height: np.ndarray, floors: np.ndarray, warnings: list[str]) -> None:
    both = (height > 1) & (floors > 1)
    same = both & (height == floors)
    if both.sum() >= 20 and same.sum() > 0.5 * both.sum():
        warnings.append(
            f"height and floors are equal for {int(same.sum())} of {int(both.sum())} buildings that have both: "
            "the column of heights probably counts floors; name it under buildings.columns.floors alone"
        )
