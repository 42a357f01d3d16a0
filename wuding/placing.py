"""Where each building belongs: regions, parcels, town or country, areas that are excluded."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo import footprints
from geo.regions import majority_region
from geo.vectors import into_crs, read_vectors

from .study import Study

# Region layers with a column of their own in roofs and buildings.
COLUMN_OF = {"responsible": "responsible_area", "districts": "district", "zones": "zone", "parcels": "parcel_id"}


def place(table: gpd.GeoDataFrame, regions: dict[str, gpd.GeoDataFrame], warnings: list[str]) -> None:
    """
    Fill in the region of each layer, the parcel with its share, and town or country by location.

    Parameters
    ----------
    table
        Buildings, a row per input feature; filled in place.
    regions
        Region layers by name.
    warnings
        What the user should know; appended to.
    """
    for column in COLUMN_OF.values():
        table[column] = None
    table["parcel_share"] = np.nan
    geometry = table.geometry.to_numpy()
    there = (table["status"] != footprints.INVALID).to_numpy()
    for layer, frame in regions.items():
        row, share = majority_region(geometry, frame)
        if layer == "urban":
            urban = pd.Series(pd.arrays.BooleanArray(row >= 0, ~there), index=table.index)
            table["is_urban"] = table["is_urban"].where(table["is_urban"].notna(), urban)
            continue
        words = np.array([*frame["id" if layer == "parcels" else "name"], None], dtype=object)
        column = COLUMN_OF.get(layer, f"region_{layer}")
        table[column] = words[row]
        if layer == "parcels":
            table["parcel_share"] = np.where(row >= 0, share, np.nan)
        elif layer in ("responsible", "districts") and (outside := int((there & (row < 0)).sum())):
            warnings.append(f"{outside} of {len(table)} buildings lie in no region of {layer}; they are counted under 'outside'")
    if "responsible" not in regions:
        table["responsible_area"] = table["district"]


def exclude(table: gpd.GeoDataFrame, study: Study, crs: pyproj.CRS) -> None:
    """
    Give buildings inside exclusion layers their status and reason.

    Parameters
    ----------
    table
        Buildings, a row per input feature; filled in place.
    study
        The study.
    crs
        CRS of the study.
    """
    for section in study.exclusions:
        path = study.path(section.path)
        layer = into_crs(
            read_vectors(path, layer=section.layer, encoding=section.encoding, columns=[]),
            crs,
            source=path.name,
            declared=section.crs,
            datum=section.datum,
        )
        shapes = shapely.make_valid(layer.geometry.to_numpy())
        pending = np.flatnonzero((table["status"] == "").to_numpy())
        hit = np.unique(
            shapely.STRtree(shapes).query(shapely.point_on_surface(table.geometry.to_numpy()[pending]), predicate="intersects")[0]
        )
        table.loc[table.index[pending[hit]], ["status", "reason"]] = [footprints.EXCLUDED, section.reason]
