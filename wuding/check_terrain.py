"""The DEM at a resolution at which a whole county is read in seconds, and the head of the surface model."""

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo.datum import SHIFTED
from geo.errors import GeoError
from geo.grid import Bounds
from geo.heights import LOWEST_DSM_M
from geo.packed import Packed
from geo.rasters import RasterGlance, glance, prepare_raster
from geo.shift_evidence import without_shift
from geo.terrain import Terrain
from solar.canopy import load_transmissivity

from .elevation import ENOUGH, FEW_STAND, measured_heights, stand, tell_apart, tell_unseen
from .errors import StudyError
from .misplaced import apart, refuse_dem
from .study import Study

# Cells that are read, resampled and written in about two seconds.
_CELLS = 4e6
# Places at which the surface model is read, fewer where many files have to be opened for each; width around a building [m].
_WINDOWS, _FEW_WINDOWS, _MANY_FILES, _AROUND_M = 24, 4, 60, 60.0
# Share of buildings that usually show themselves on a surface model.
_MOST_STAND = 0.8
# Web maps shift by less than this.
_SHIFT_M = 2000.0


def terrain_head(study: Study, crs: pyproj.CRS) -> RasterGlance | None:
    """
    Look at the head of the DEM.

    Parameters
    ----------
    study
        The study.
    crs
        CRS of the study.

    Returns
    -------
    RasterGlance or None
        None on flat ground.
    """
    if study.terrain.dem != "flat":
        return glance(study.path(study.terrain.dem), crs.to_wkt(), source_crs=study.terrain.dem_crs)
    if study.terrain.dsm is not None:
        raise StudyError('terrain.dsm needs a terrain.dem to stand on: heights are surface minus ground; dem = "flat" gives none')
    return None


def coarse_terrain(
    study: Study, head: RasterGlance | None, table: pd.DataFrame, shapes: Packed, work: Path, warnings: list[str]
) -> tuple[Terrain, dict[str, Any]]:
    """
    Read the DEM under the buildings, coarser than it is where it is large, and stand the buildings on it.

    Parameters
    ----------
    study
        The study.
    head
        Head of the DEM; None on flat ground.
    table
        Buildings; ground elevation and status are filled in.
    shapes
        Their shapes.
    work
        Folder for a temporary raster.
    warnings
        What the user should know; appended to.

    Returns
    -------
    terrain : Terrain
        Ground.
    facts : dict
        What was found.
    """
    facts: dict[str, Any] = {"dem": Path(study.terrain.dem).name}
    crs, whole = shapes.crs, shapes.total_bounds
    if head is None:
        terrain = Terrain.flat()
    else:
        bounds = _grown(whole, 4 * head.resolution + (_SHIFT_M if study.terrain.dsm else 0.0))
        if apart(bounds, head.bounds):
            refuse_dem(study, crs, _grown(whole, 0.0), head.bounds)
        sides = (min(head.bounds[k + 2], bounds[k + 2]) - max(head.bounds[k], bounds[k]) for k in (0, 1))
        cells = math.prod(max(side, 0.0) / head.resolution for side in sides)
        resolution = head.resolution * math.ceil(math.sqrt(cells / _CELLS)) if cells > _CELLS else None
        found = prepare_raster(
            study.path(study.terrain.dem),
            work / "terrain.tif",
            crs.to_wkt(),
            resolution=resolution,
            bounds=bounds,
            source_crs=study.terrain.dem_crs,
        )
        terrain = Terrain.from_raster(work / "terrain.tif")
        facts |= {
            "crs": head.source_crs,
            "resolution_m": head.resolution,
            "read_at_m": found.resolution,
            "bounds": list(head.bounds),
            "nodata": found.nodata,
            "lowest_m": found.minimum,
            "highest_m": found.maximum,
        }
    stand(table, shapes, terrain, study, warnings)
    return terrain, facts | {"buildings_on_dem": float(table["ground_elevation_m"].notna().mean())}


def surface_head(
    study: Study, crs: pyproj.CRS, table: gpd.GeoDataFrame, given: np.ndarray, terrain: Terrain, work: Path, warnings: list[str]
) -> dict[str, Any]:
    """
    Look at the head of the surface model, and at its cells around some buildings: there are too many to read all here.

    Parameters
    ----------
    study
        The study.
    crs
        CRS of the study.
    table
        Buildings.
    given
        Heights that the study gives, NaN where none, shape (n,). [m]
    terrain
        Ground.
    work
        Folder for temporary rasters.
    warnings
        What the user should know; appended to.

    Returns
    -------
    dict
        What was found; empty without a surface model.
    """
    trees = {}
    if study.terrain.canopy is not None:
        load_transmissivity(study.terrain.canopy_transmissivity)
        canopy = glance(study.path(study.terrain.canopy), crs.to_wkt(), source_crs=study.terrain.canopy_crs)
        trees = {"canopy": Path(study.terrain.canopy).name, "canopy_resolution_m": canopy.resolution}
    if study.terrain.dsm is None:
        return trees
    head = glance(study.path(study.terrain.dsm), crs.to_wkt(), source_crs=study.terrain.dsm_crs)
    corners = shapely.bounds(table.geometry.to_numpy())
    with np.errstate(invalid="ignore"):
        inside = ((corners[:, :2] >= head.bounds[:2]) & (corners[:, 2:] <= head.bounds[2:])).all(axis=1)
    if not inside.any():
        warnings.append(f"terrain.dsm {study.terrain.dsm!r} lies over none of the buildings; check it and its CRS")
    usable = np.flatnonzero(inside & (table["status"] == "").to_numpy())
    most = _WINDOWS if head.files < _MANY_FILES else _FEW_WINDOWS
    around = _surface_windows(study, crs, table, given, usable, terrain, work, most, warnings)
    return trees | {
        "dsm": Path(study.terrain.dsm).name,
        "dsm_crs": head.source_crs,
        "dsm_resolution_m": head.resolution,
        "dsm_bounds": list(head.bounds),
        "buildings_on_dsm": float(inside.mean()),
        **around,
    }


def _surface_windows(
    study: Study,
    crs: pyproj.CRS,
    table: gpd.GeoDataFrame,
    given: np.ndarray,
    rows: Any,
    terrain: Terrain,
    work: Path,
    most: int,
    warnings: list[str],
) -> dict[str, Any]:
    """Read the surface model around some buildings, evenly spaced in the file, and measure every building that stands there."""
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int))] if len(rows) else rows
    measured, nodata, levels = _measured(study, crs, table, rows, chosen, terrain, work)
    heights_m = measured[np.isfinite(measured)]
    standing = float((heights_m >= LOWEST_DSM_M).mean()) if len(heights_m) else 0.0
    shift = {}
    if len(chosen) and standing < FEW_STAND and study.buildings.datum is None:
        shift = _shift_on_surface(study, crs, table, rows, chosen, terrain, work, standing)
    if len(chosen) and not len(heights_m):
        warnings.append(f"terrain.dsm {study.terrain.dsm!r} has no data at the {len(chosen)} buildings looked at; check it and its CRS")
    if not len(heights_m):
        return shift
    if not shift:
        tell_unseen(str(study.terrain.dsm), heights_m, warnings)
        tell_apart(str(study.terrain.dsm), measured, given, warnings)
    return {
        **shift,
        "dsm_nodata": nodata,
        "dsm_lowest_m": min(levels),
        "dsm_highest_m": max(levels),
        "dsm_measured": len(heights_m),
        "dsm_standing": standing,
        "dsm_median_height_m": float(np.median(heights_m)),
    }


def _shift_on_surface(
    study: Study, crs: pyproj.CRS, table: gpd.GeoDataFrame, rows: Any, chosen: Any, terrain: Terrain, work: Path, standing: float
) -> dict[str, Any]:
    """Look whether the footprints stand on the surface model once a shift of web maps is taken out."""
    for datum in SHIFTED:
        moved = without_shift(table.geometry.to_numpy(), crs, datum)
        if moved is None:
            return {}
        measured, _, _ = _measured(
            study, crs, table.set_geometry(gpd.GeoSeries(moved, index=table.index, crs=crs)), rows, chosen, terrain, work
        )
        heights_m = measured[np.isfinite(measured)]
        without = float((heights_m >= LOWEST_DSM_M).mean()) if len(heights_m) >= ENOUGH else 0.0
        if without >= _MOST_STAND:
            return {"dsm_shift": {"datum": datum, "before": standing, "after": without}}
    return {}


def _measured(
    study: Study, crs: pyproj.CRS, table: gpd.GeoDataFrame, rows: Any, chosen: Any, terrain: Terrain, work: Path
) -> tuple[np.ndarray, str, list[float]]:
    """Heights of all buildings, NaN but around the chosen ones; how empty cells of the surface model were recognised, and its levels."""
    tree, measured, nodata, levels = shapely.STRtree(table.geometry.to_numpy()), np.full(len(table), np.nan), "", list[float]()
    packed = Packed.of([table.geometry.to_numpy()], crs)
    for row in chosen:
        bounds = _grown(table.geometry.iloc[row].bounds, _AROUND_M)
        try:
            found = prepare_raster(
                study.path(str(study.terrain.dsm)),
                work / "dsm.tif",
                crs.to_wkt(),
                resolution=study.terrain.surface_resolution,
                bounds=bounds,
                source_crs=study.terrain.dsm_crs,
            )
        except GeoError:  # nothing but empty cells here; whether that is so everywhere shows in what is measured
            continue
        nodata, levels = found.nodata, [*levels, found.minimum, found.maximum]
        near = np.intersect1d(tree.query(shapely.box(*bounds), predicate="contains"), rows)
        wanted = np.zeros(len(table), dtype=bool)
        wanted[near] = True
        height = measured_heights(table, packed, terrain, work / "dsm.tif", wanted)
        measured = np.where(np.isfinite(height), height, measured)
    return measured, nodata, levels


def _grown(bounds: Any, by: float) -> Bounds:
    west, south, east, north = (float(v) for v in bounds)
    return west - by, south - by, east + by, north + by
