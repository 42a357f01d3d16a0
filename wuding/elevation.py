"""The study's rasters, the ground under each building, and heights measured between them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import rasterio
import shapely

from geo import footprints, heights
from geo.bare_earth import level_bumps, rise_under_buildings
from geo.canopy import check_heights
from geo.packed import Packed
from geo.rasters import RasterFacts, prepare_raster, read_window
from geo.roof_planes import shows_planes
from geo.terrain import Terrain
from solar.canopy import load_transmissivity

from .errors import StudyError
from .misplaced import refuse_dem
from .study import Study

# Buildings of which fewer than this share stand on the surface model, where so many are measured, say that it does not fit the DEM.
ENOUGH, FEW_STAND = 10, 0.5
# Heights on it that differ by more from those given, and by more of them, in the median, tell of another datum than the DEM's.
_APART_M, _APART_SHARE = 3.0, 0.15
# Cells of the surface model that are looked at together; more only under one wide building.
MEASURED_CELLS = 1.6e7


def rasters(
    study: Study, table: pd.DataFrame, shapes: Packed, work: Path, warnings: list[str]
) -> tuple[Terrain, Path | None, dict[str, object]]:
    """
    Prepare DEM and DSM and fill in the ground elevation; buildings off the DEM get their status.

    Parameters
    ----------
    study
        The study.
    table
        Buildings, a row per input feature; filled in place.
    shapes
        Their shapes.
    work
        Folder for what the run keeps to itself.
    warnings
        What the user should know; appended to.

    Returns
    -------
    tuple
        Terrain, path of the prepared DSM or None, and facts about both for the manifest.
    """
    facts: dict[str, object] = {}
    crs = shapes.crs
    if study.terrain.dem == "flat":
        if study.terrain.dsm is not None:
            raise StudyError('terrain.dsm needs a terrain.dem to stand on: heights are surface minus ground; dem = "flat" gives none')
        terrain = Terrain.flat()
        facts["dem"] = "flat"
        warnings.append("terrain is taken as flat, as the study file says: hills neither lift nor shade a roof")
    else:
        found = prepare_raster(study.path(study.terrain.dem), work / "terrain.tif", crs.to_wkt(), source_crs=study.terrain.dem_crs)
        facts["dem"] = _raster_words(found)
        warnings.append(f"DEM, as it was read: {found.nodata}")
        terrain = Terrain.from_raster(work / "terrain.tif")
        rise = rise_under_buildings(terrain, shapes)
        if rise.is_surface:
            share = level_bumps(work / "terrain.tif", shapes)
            terrain = Terrain.from_raster(work / "terrain.tif")
            facts["dem_levelled"] = {"buildings": rise.buildings, "rise_m": rise.rise_m, "cells_lowered": share}
            warnings.append(
                f"terrain.dem shows buildings: its ground stands {rise.rise_m:.1f} m higher under {rise.buildings} large ones than around "
                f"them, as SRTM, AW3D30 and Copernicus do; {share:.1%} of its cells were lowered to the ground around"
            )
    dsm = None
    if study.terrain.dsm is not None:
        dsm = work / "dsm.tif"
        found = prepare_raster(
            study.path(study.terrain.dsm),
            dsm,
            crs.to_wkt(),
            resolution=study.terrain.surface_resolution,
            source_crs=study.terrain.dsm_crs,
        )
        facts["dsm"] = _raster_words(found)
        warnings.append(f"surface model, as it was read: {found.nodata}")
        if not shows_planes(found.source_resolution):
            warnings.append(
                f"terrain.dsm has cells of {found.source_resolution:.1f} m: it gives heights and shade, but roof planes need 2 m or finer, "
                "so roofs follow the archetype of their use"
            )
    stand(table, shapes, terrain, study, warnings)
    return terrain, dsm, facts


def trees(study: Study, crs: pyproj.CRS, work: Path, facts: dict[str, object], warnings: list[str]) -> Path | None:
    """
    Prepare the canopy raster.

    Parameters
    ----------
    study
        The study.
    crs
        CRS of the study.
    work
        Folder for what the run keeps to itself.
    facts
        About the rasters, for the manifest; filled in place.
    warnings
        What the user should know; appended to.

    Returns
    -------
    pathlib.Path or None
        Heights of trees above ground; None where the study names none.
    """
    terrain = study.terrain
    shares = load_transmissivity(terrain.canopy_transmissivity)
    if terrain.canopy is None:
        return None
    target = work / "canopy.tif"
    found = prepare_raster(
        study.path(terrain.canopy), target, crs.to_wkt(), resolution=terrain.surface_resolution, source_crs=terrain.canopy_crs
    )
    check_heights(found.maximum)
    facts["canopy"] = {**_raster_words(found), "transmissivity": shares.tolist()}
    said = terrain.canopy_transmissivity
    if isinstance(said, str):
        warnings.append(f"trees are taken as {said}; what their crowns let through comes from the built-in table and was not checked here")
    return target


def stand(table: pd.DataFrame, shapes: Packed, terrain: Terrain, study: Study, warnings: list[str]) -> None:
    """
    Fill in the ground elevation; buildings off the DEM get their status.

    Parameters
    ----------
    table
        Buildings, a row per input feature; filled in place.
    shapes
        Their shapes.
    terrain
        Ground.
    study
        The study.
    warnings
        What the user should know; appended to.
    """
    there = np.flatnonzero(~shapes.missing)
    elevation = np.full(len(table), np.nan)
    elevation[there] = terrain.elevation(*shapes.places[there].T)
    table["ground_elevation_m"] = elevation
    off = np.isnan(elevation) & (table["status"] == "").to_numpy()
    table.loc[off, ["status", "reason"]] = [footprints.OUTSIDE_TERRAIN, "the DEM does not cover it"]
    if off.any() and not (table["status"] == "").any():
        left, bottom, right, top = (float(v) for v in shapes.total_bounds)
        refuse_dem(study, shapes.crs, (left, bottom, right, top), terrain.bounds)
    if off.any():
        warnings.append(f"{int(off.sum())} of {len(table)} buildings lie outside the DEM and are not assessed")


def _raster_words(facts: RasterFacts) -> dict[str, object]:
    return {
        key: (value if isinstance(value, (int, float, str)) else str(value))
        for key, value in vars(facts).items()
        if key not in ("path", "source", "target")
    }


def measured_heights(table: pd.DataFrame, shapes: Packed, terrain: Terrain, dsm: Path, wanted: np.ndarray) -> np.ndarray:
    """
    Measure heights above ground, walking along the Hilbert curve so that each window of the surface model stays small.

    Parameters
    ----------
    table
        Buildings, a row per input feature; filled in place.
    shapes
        Their shapes.
    terrain
        Ground.
    dsm
        Prepared surface model, or None.
    wanted
        Rows to measure, shape (n,).

    Returns
    -------
    numpy.ndarray
        Heights, shape (n,); NaN where not measured. [m]
    """
    out = np.full(len(table), np.nan)
    rows = np.flatnonzero(wanted & ~shapes.missing & table["ground_elevation_m"].notna().to_numpy())
    ordered = rows[footprints.hilbert_order(table["building_id"].iloc[rows], shapes.bounds[rows])] if len(rows) else rows
    with rasterio.open(dsm) as data:
        widest = MEASURED_CELLS * data.res[0] ** 2
    parts = [ordered[start : start + 2000] for start in range(0, len(ordered), 2000)][::-1]
    while parts:
        part = parts.pop()
        geometry = shapes[part]
        left, bottom, right, top = shapely.total_bounds(geometry)
        if len(part) > 1 and (right - left) * (top - bottom) > widest:
            parts += [part[len(part) // 2 :], part[: len(part) // 2]]
            continue
        window = read_window(dsm, (left, bottom, right, top), pad=2.0)
        ground = terrain.window((left, bottom, right, top))
        if ground is not None:
            out[part] = heights.heights_above_ground(geometry, window, ground)
    return out


def tell_unseen(dsm: str, measured: np.ndarray, warnings: list[str]) -> None:
    """
    Warn of a surface model on which most buildings do not stand: each would count as newer than it.

    Parameters
    ----------
    dsm
        What the study calls it.
    measured
        Heights of buildings on it, shape (n,). [m]
    warnings
        What the user should know; appended to.
    """
    standing = float((measured >= heights.LOWEST_DSM_M).mean()) if len(measured) >= ENOUGH else 1.0
    if standing < FEW_STAND:
        warnings.append(
            f"terrain.dsm {dsm!r} shows no building at {1 - standing:.0%} of the {len(measured)} footprints measured on it; "
            "check that it is a surface model, that its heights are in the DEM's datum and unit, and that both lie in the same place"
        )


def tell_apart(dsm: str, measured: np.ndarray, given: np.ndarray, warnings: list[str]) -> None:
    """
    Warn of a surface model that lies above or below the DEM by what its buildings differ from their given heights.

    Parameters
    ----------
    dsm
        What the study calls it.
    measured
        Heights of buildings on it, NaN where not measured, shape (n,). [m]
    given
        Heights that the study gives, NaN where none, shape (n,). [m]
    warnings
        What the user should know; appended to.
    """
    both = np.isfinite(measured) & np.isfinite(given)
    if both.sum() < ENOUGH:
        return
    apart = float(np.median(measured[both] - given[both]))
    if abs(apart) > max(_APART_M, _APART_SHARE * float(np.median(given[both]))):
        warnings.append(
            f"terrain.dsm {dsm!r} shows buildings {apart:+.1f} m against their given heights (median of {both.sum()}); "
            "check that its heights are in the DEM's datum and unit, and that the given heights are metres above ground"
        )
