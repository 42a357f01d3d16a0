"""Where each building belongs: regions, parcels, town or country, areas that are excluded, PV that lies on it."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo import footprints
from geo.attributes import numbers
from geo.coordinates import into_crs
from geo.existing_pv import apart, pv_on_buildings
from geo.packed import Packed, touching
from geo.regions import majority_region
from geo.vectors import file_names, read_vectors
from solar.parameters import load_system

from .describing import MOST_KWP_PER_M2
from .errors import StudyError
from .locating import stated
from .study import LayerSection, Study

# Region layers with a column of their own in roofs and buildings.
COLUMN_OF = {"responsible": "responsible_area", "districts": "district", "zones": "zone", "parcels": "parcel_id"}


def place(table: pd.DataFrame, shapes: Packed, regions: dict[str, gpd.GeoDataFrame], warnings: list[str]) -> None:
    """
    Fill in the region of each layer, the parcel with its share, and town or country by location.

    Parameters
    ----------
    table
        Buildings, a row per input feature; filled in place.
    shapes
        Their shapes.
    regions
        Region layers by name.
    warnings
        What the user should know; appended to.
    """
    for column in COLUMN_OF.values():
        table[column] = None
    table["parcel_share"] = np.nan
    table["is_urban"] = pd.arrays.BooleanArray(np.zeros(len(table), dtype=bool), np.ones(len(table), dtype=bool))
    there = (table["status"] != footprints.INVALID).to_numpy()
    found = {layer: (np.full(len(table), -1), np.zeros(len(table))) for layer in regions}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # shapely lets go of Python's lock while it searches
        for part, geometry in shapes.parts():
            ask = partial(majority_region, geometry, tree=shapely.STRtree(geometry))
            for (row, share), answer in zip(found.values(), pool.map(ask, regions.values()), strict=True):
                row[part], share[part] = answer
    for layer, frame in regions.items():
        row, share = found[layer]
        if layer == "urban":
            table["is_urban"] = pd.arrays.BooleanArray(row >= 0, ~there)
            continue
        words = np.array([*frame["id" if layer == "parcels" else "name"], None], dtype=object)
        column = COLUMN_OF.get(layer, f"region_{layer}")
        table[column] = words[row]
        if layer == "parcels":
            table["parcel_share"] = np.where(row >= 0, share, np.nan)
        elif layer in ("responsible", "districts") and (outside := int((there & (row < 0)).sum())):
            if outside == there.sum():
                warnings.append(
                    f"none of {outside} buildings lies in a region of {layer}: its place or its CRS is wrong, or it is of another county"
                )
            warnings.append(f"{outside} of {len(table)} buildings lie in no region of {layer}; they are counted under 'outside'")
    if "responsible" not in regions:
        table["responsible_area"] = table["district"]


def exclude(table: pd.DataFrame, shapes: Packed, study: Study, warnings: list[str]) -> None:
    """
    Give buildings that overrides or exclusion layers leave out their status and reason.

    Parameters
    ----------
    table
        Buildings, a row per input feature; filled in place.
    shapes
        Their shapes.
    study
        The study.
    warnings
        What the user should know; appended to.
    """
    by_hand = (table["exclude_reason"] != "") & (table["status"] == "")
    table.loc[by_hand, "reason"] = table.loc[by_hand, "exclude_reason"]
    table.loc[by_hand, "status"] = footprints.EXCLUDED
    for section in study.exclusions:
        areas = _polygons(study, section, shapes.crs, f"exclusions {section.reason}", warnings).geometry.to_numpy()
        pending = np.flatnonzero((table["status"] == "").to_numpy())
        hit = np.unique(shapely.STRtree(shapely.points(shapes.places[pending])).query(areas, predicate="intersects")[1])
        table.loc[table.index[pending[hit]], ["status", "reason"]] = [footprints.EXCLUDED, section.reason]
        if not len(hit):
            title = file_names(study.paths(section))
            warnings.append(f"exclusions: no building lies in {title} ({section.reason}); check its CRS if some should")


def read_exclusions(study: Study, crs: pyproj.CRS, warnings: list[str]) -> gpd.GeoDataFrame | None:
    """
    Read the excluded areas of a study.

    Parameters
    ----------
    study
        The study.
    crs
        CRS of the study.
    warnings
        What the user should know; appended to.

    Returns
    -------
    geopandas.GeoDataFrame or None
        `reason` and geometry, a row per polygon; None where the study excludes no area.
    """
    layers = [
        _polygons(study, section, crs, f"exclusions {section.reason}", warnings)[["geometry"]].assign(reason=section.reason)
        for section in study.exclusions
    ]
    filled = [layer for layer in layers if len(layer)]
    return gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), crs=crs) if filled else None


def existing_pv(table: pd.DataFrame, shapes: Packed, study: Study, warnings: list[str]) -> None:
    """
    Take the room of drawn arrays from the roofs, and their capacity where no attribute says it.

    Parameters
    ----------
    table
        Buildings, a row per input feature; `installed_kwp` and the plan area `drawn_pv_m2` are filled in place.
    shapes
        Their shapes.
    study
        The study.
    warnings
        What the user should know; appended to.
    """
    table["drawn_pv_m2"] = 0.0
    section = study.buildings.pv
    if section is None:
        return
    title = file_names(study.paths(section))
    arrays = _polygons(study, section, shapes.crs, "buildings.pv", warnings)
    if section.kwp is not None and section.kwp not in arrays.columns:
        raise StudyError(f"buildings.pv: {title} has no column {section.kwp!r}; it has: {', '.join(map(str, arrays.columns))}")
    kwp = numbers(arrays[section.kwp]) if section.kwp is not None else np.full(len(arrays), np.nan)
    module = load_system({"module": study.system.module} if study.system.module else {}).module
    standing = ~table["status"].isin(footprints.NOT_STANDING).to_numpy()
    outlines, kwp, twice = apart(arrays.geometry.to_numpy(), kwp)
    if twice >= 1.0:
        warnings.append(
            f"buildings.pv: arrays of {title} are drawn over each other; {twice:.0f} m2 would have counted twice and count once"
        )
    under = touching(shapes.bounds, outlines)
    under = under[standing[under]]
    drawn, taken = np.full(len(table), np.nan), np.zeros(len(table))
    drawn[under], taken[under], elsewhere = pv_on_buildings(shapes[under], outlines, kwp, module.pdc0_w / 1000.0 / module.area_m2)
    drawn = np.minimum(drawn, table["footprint_area_m2"].to_numpy(dtype=float) * MOST_KWP_PER_M2)
    silent = table["installed_kwp"].isna().to_numpy()
    table["installed_kwp"] = np.where(silent, drawn, table["installed_kwp"].to_numpy(dtype=float))
    table["drawn_pv_m2"] = taken
    told = silent & np.isfinite(drawn)
    warnings.append(
        f"{int(told.sum())} buildings take {drawn[told].sum():.0f} kWp of existing PV from {title}, "
        f"whose outlines take {taken.sum():.0f} m2 of {int((taken > 0).sum())} roofs; {elsewhere:.0f} kWp drawn there lie on no building"
    )


def _polygons(study: Study, section: LayerSection, crs: pyproj.CRS, what: str, warnings: list[str]) -> gpd.GeoDataFrame:
    """Read a layer of polygons and repair it; an empty one is told."""
    title = file_names(study.paths(section))
    frame = read_vectors(study.paths(section), layer=section.layer, encoding=section.encoding, warnings=warnings)
    if frame.empty:
        warnings.append(f"{what}: {title} has no rows and is left out")
        return frame
    layer = into_crs(frame, crs, source=title, **stated(study, section, title, warnings))
    layer = layer.set_geometry(shapely.make_valid(layer.geometry.to_numpy()))
    return layer[shapely.get_dimensions(layer.geometry.to_numpy()) == 2]
