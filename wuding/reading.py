"""The study's vector files as tables in the study's CRS, each building with its id."""

from collections import Counter

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo import footprints
from geo.regions import read_regions
from geo.sources import vector_files
from geo.vectors import column_names, into_crs, read_vectors

from .errors import StudyError
from .study import LayerSection, Study

# Lengths in the study's CRS may be off by this share at the buildings (a UTM zone's edge is off by 0.1 %).
SCALE_OFF = 0.005


def read_buildings(study: Study, crs: pyproj.CRS, warnings: list[str]) -> gpd.GeoDataFrame:
    """
    Read every building layer into the study's CRS, columns renamed to ours.

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
    geopandas.GeoDataFrame
        Our columns, `source_file` and `source_row`.
    """
    section = study.buildings
    frames = []
    wanted = sorted(set(section.columns.values()))
    files = list(dict.fromkeys(file for text in section.path for file in vector_files(study.path(text))))
    named = Counter(file.name for file in files)
    for path in files:
        frame = read_vectors(path, layer=section.layer, encoding=section.encoding, columns=wanted, osm_key="building", warnings=warnings)
        for ours, theirs in section.columns.items():
            if theirs not in frame.columns:
                have = ", ".join(column_names(path, layer=section.layer, encoding=section.encoding)) or "no columns at all"
                raise StudyError(f"{path.name}: has no column {theirs!r} (buildings.columns.{ours}); it has: {have}")
        frame = into_crs(frame, crs, source=path.name, declared=section.crs, datum=section.datum)
        out = gpd.GeoDataFrame(
            {ours: frame[theirs] for ours, theirs in section.columns.items()}, geometry=frame.geometry.to_numpy(), crs=crs
        )
        out["source_file"] = path.name if named[path.name] == 1 else f"{path.parent.name}/{path.name}"
        out["source_row"] = np.arange(len(out), dtype=np.int64)
        frames.append(out)
    if not sum(map(len, frames)):
        raise StudyError(f"{', '.join(section.path)}: the layer has no rows; check buildings.path and buildings.layer")
    return frames[0] if len(frames) == 1 else gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=crs)


def identify(raw: gpd.GeoDataFrame, study: Study, warnings: list[str]) -> gpd.GeoDataFrame:
    """
    Repair shapes, give ids, and set aside what cannot be assessed.

    Parameters
    ----------
    raw
        The same rows with the study's own columns.
    study
        The study.
    warnings
        What the user should know; appended to.

    Returns
    -------
    geopandas.GeoDataFrame
        Every input row with id, geometry, footprint area, status and reason.
    """
    geometry, reason = footprints.repair(raw.geometry.to_numpy())
    keys = footprints.geometry_keys(geometry)
    own = raw.drop(columns=["geometry", "source_file", "source_row"])
    tie = (
        own.astype("string").fillna("").agg("|".join, axis=1).to_numpy(dtype=object)
        if own.shape[1]
        else np.full(len(raw), "", dtype=object)
    )
    given = raw.get("id")
    ids, note = footprints.building_ids(keys, given, tie)
    if note:
        warnings.append(f"building ids: {note}")
    table = gpd.GeoDataFrame(
        {"building_id": ids, "source": "buildings", "source_file": raw["source_file"], "source_row": raw["source_row"]},
        geometry=geometry,
        crs=raw.crs,
    )
    table["source_id"] = raw["id"].astype("string").fillna("").to_numpy(dtype=object) if "id" in raw else ""
    table["name"] = raw["name"].astype("string").fillna("").to_numpy(dtype=object) if "name" in raw else ""
    table["footprint_area_m2"] = np.nan_to_num(shapely.area(geometry))
    table["reason"] = reason
    table["status"] = ""
    lost = shapely.is_missing(geometry)
    table.loc[lost, "status"] = footprints.INVALID
    small = ~lost & (table["footprint_area_m2"] < study.buildings.minimum_area_m2)
    table.loc[small, ["status", "reason"]] = [footprints.TOO_SMALL, f"under {study.buildings.minimum_area_m2:g} m2"]
    again = footprints.duplicates(keys, ids) & (table["status"] == "").to_numpy()
    table.loc[again, ["status", "reason"]] = [footprints.DUPLICATE, "the same polygon is drawn twice"]
    return table


def check_scale(table: gpd.GeoDataFrame, crs: pyproj.CRS, study: Study) -> None:
    """
    Refuse a projection that is not true to scale at the buildings, such as a Gauss-Krüger zone far from its meridian.

    Parameters
    ----------
    table
        Buildings, a row per input feature; filled in place.
    crs
        CRS of the study.
    study
        The study.
    """
    left, bottom, right, top = table.total_bounds
    if not np.isfinite([left, bottom, right, top]).all():
        return
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    longitude, latitude = to_degrees.transform((left + right) / 2, (bottom + top) / 2)
    factors = pyproj.Proj(crs).get_factors(longitude, latitude)
    off = max(abs(factors.meridional_scale - 1), abs(factors.parallel_scale - 1))
    if not off <= SCALE_OFF:
        raise StudyError(
            f"study.crs = {study.study.crs!r} is off by {off:.1%} at the buildings ({longitude:.2f} E, {latitude:.2f} N), so areas "
            "would be wrong; choose the zone whose meridian is nearest, e.g. EPSG:4548 for 117 E"
        )


def read_region(study: Study, name: str, section: LayerSection, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    """
    Read one region layer of the study.

    Parameters
    ----------
    study
        The study.
    name
        Key under [regions].
    section
        Its content.
    crs
        The study's CRS.

    Returns
    -------
    geopandas.GeoDataFrame
        See `geo.regions.read_regions`.
    """
    try:
        return read_regions(
            study.path(section.path),
            crs,
            name=section.name,
            id=section.id,
            layer=section.layer,
            encoding=section.encoding,
            declared=section.crs,
            datum=section.datum,
        )
    except ValueError as error:
        raise StudyError(f"regions.{name}: {error}") from error


def corner_words(bounds: object) -> str:
    """
    Write bounds in whole metres.

    Parameters
    ----------
    bounds
        Left, bottom, right, top.

    Returns
    -------
    str
        The four numbers, separated by commas.
    """
    return ", ".join(f"{v:.0f}" for v in np.asarray(bounds, dtype=float))
