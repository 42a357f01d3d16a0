"""The DEM at a resolution at which a whole county is read in seconds, and the head of the surface model."""

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from geo.grid import Bounds
from geo.rasters import RasterGlance, glance, prepare_raster
from geo.terrain import Terrain
from solar.canopy import load_transmissivity

from .elevation import stand
from .errors import StudyError
from .study import Study

# Cells that are read, resampled and written in about two seconds.
_CELLS = 4e6


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
    study: Study, crs: pyproj.CRS, head: RasterGlance | None, table: gpd.GeoDataFrame, work: Path, warnings: list[str]
) -> tuple[Terrain, dict[str, Any]]:
    """
    Read the DEM under the buildings, coarser than it is where it is large, and stand the buildings on it.

    Parameters
    ----------
    study
        The study.
    crs
        CRS of the study.
    head
        Head of the DEM; None on flat ground.
    table
        Buildings; ground elevation and status are filled in.
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
    if head is None:
        terrain = Terrain.flat()
    else:
        bounds = _grown(table.total_bounds, 4 * head.resolution)
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
    stand(table, terrain, study, crs, warnings)
    return terrain, facts | {"buildings_on_dem": float(table["ground_elevation_m"].notna().mean())}


def surface_head(study: Study, crs: pyproj.CRS, table: gpd.GeoDataFrame, warnings: list[str]) -> dict[str, Any]:
    """
    Look at the head of the surface model, whose cells are too many to read here.

    Parameters
    ----------
    study
        The study.
    crs
        CRS of the study.
    table
        Buildings.
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
    return trees | {
        "dsm": Path(study.terrain.dsm).name,
        "dsm_crs": head.source_crs,
        "dsm_resolution_m": head.resolution,
        "dsm_bounds": list(head.bounds),
        "buildings_on_dsm": float(inside.mean()),
    }


def _grown(bounds: Any, by: float) -> Bounds:
    west, south, east, north = (float(v) for v in bounds)
    return west - by, south - by, east + by, north + by
