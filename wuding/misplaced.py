"""Buildings and DEM that do not meet: which of the two the region layers speak against, and in which CRS it would fit."""

from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from geo.errors import GeoError
from geo.grid import Bounds
from geo.rasters import glance
from geo.recognition import candidates, sample_points
from geo.sources import vector_files
from geo.vectors import read_vectors

from .errors import StudyError
from .reading import corner_words, read_region
from .study import Study

# Of several fitting CRS so many are named.
_NAMED = 3
# A raster is known by so many points a side.
_POINTS = 5


def refuse_dem(study: Study, crs: pyproj.CRS, buildings: Bounds, dem: Bounds) -> NoReturn:
    """
    Stop because the DEM covers no building, and say which of the two is at fault as far as that can be told.

    Parameters
    ----------
    study
        The study.
    crs
        CRS of the study.
    buildings, dem
        Left, bottom, right, top. [m]

    Raises
    ------
    StudyError
        Always.
    """
    raise StudyError(
        f"terrain.dem {study.terrain.dem!r} does not cover any building: buildings lie at {corner_words(buildings)}, "
        f"the DEM covers {corner_words(dem)} (left, bottom, right, top in {crs.name}); {_advice(study, crs, buildings, dem)}"
    )


def _advice(study: Study, crs: pyproj.CRS, buildings: Bounds, dem: Bounds) -> str:
    with_buildings, with_dem = _witnesses(study, crs, buildings, dem)
    if len(with_dem) > len(with_buildings):
        layers, fitting = ", ".join(with_dem), _buildings_fit(study, crs, dem)
        if not fitting:
            return f"{layers} lie on the DEM too, so it is the buildings that lie wrong: check their CRS"
        return f"{layers} lie on the DEM too, so it is the buildings that lie wrong; they would fall there with: {fitting}"
    if len(with_buildings) > len(with_dem):
        layers, fitting = ", ".join(with_buildings), _dem_fits(study, crs, buildings, dem)
        if not fitting:
            return f"{layers} lie where the buildings do, so it is the DEM that lies wrong: check its CRS, or name the DEM of this place"
        return f"{layers} lie where the buildings do, so it is the DEM that lies wrong; it would fall there with: {fitting}"
    moved, other = _buildings_fit(study, crs, dem), _dem_fits(study, crs, buildings, dem)
    if moved and other:
        return f"check the CRS of both: they would meet if the buildings were read with: {moved}; or the DEM with: {other}"
    if moved or other:
        return f"check the CRS of both: they would meet with: {moved or other}"
    return "check the DEM and the CRS of both"


def apart(one: Bounds, other: Bounds) -> bool:
    """
    Tell whether two boxes have nothing in common.

    Parameters
    ----------
    one, other
        Left, bottom, right, top.

    Returns
    -------
    bool
        False where they meet.
    """
    return any(min(one[k + 2], other[k + 2]) <= max(one[k], other[k]) for k in (0, 1))


def _witnesses(study: Study, crs: pyproj.CRS, buildings: Bounds, dem: Bounds) -> tuple[list[str], list[str]]:
    """Names of the region layers that lie with the buildings only, and with the DEM only."""
    with_buildings, with_dem = [], []
    for name, section in study.regions.items():
        try:
            layer = read_region(study, name, section, crs, [])
        except GeoError:
            continue
        if not len(layer):
            continue
        left, bottom, right, top = (float(v) for v in layer.total_bounds)
        box = (left, bottom, right, top)
        if apart(box, dem) and not apart(box, buildings):
            with_buildings.append(f"regions.{name}")
        elif apart(box, buildings) and not apart(box, dem):
            with_dem.append(f"regions.{name}")
    return with_buildings, with_dem


def _buildings_fit(study: Study, crs: pyproj.CRS, dem: Bounds) -> str:
    """In which CRS the buildings would lie on the DEM."""
    section = study.buildings
    if section.control_points or section.transform:
        return ""
    file: Path = vector_files(study.path(section.path[0]))[0]
    frame = read_vectors(file, layer=section.layer, encoding=section.encoding, columns=[], osm_key="building", points=True)
    own = pyproj.CRS.from_user_input(section.crs) if section.crs else frame.crs
    return _named(sample_points(frame.geometry.to_numpy()), own, _degrees(crs, dem), crs, "crs")


def _dem_fits(study: Study, crs: pyproj.CRS, buildings: Bounds, dem: Bounds) -> str:
    """In which CRS the DEM would lie under the buildings."""
    path = study.path(study.terrain.dem)
    own = glance(path, crs.to_wkt(), source_crs=study.terrain.dem_crs).source_crs
    if "; " in own:
        return ""
    left, bottom, right, top = glance(path, own, source_crs=study.terrain.dem_crs).bounds
    x, y = np.meshgrid(np.linspace(left, right, _POINTS), np.linspace(bottom, top, _POINTS))
    # a DEM reaches farther than the buildings do
    wide, high = dem[2] - dem[0], dem[3] - dem[1]
    place = (buildings[0] - wide, buildings[1] - high, buildings[2] + wide, buildings[3] + high)
    return _named(np.column_stack([x.ravel(), y.ravel()]), pyproj.CRS.from_user_input(own), _degrees(crs, place), crs, "dem_crs")


def _named(points: npt.NDArray[np.float64], own: pyproj.CRS | None, place: Bounds, crs: pyproj.CRS, key: str) -> str:
    fitting = candidates(points, place, crs) if len(points) else []
    # What lies near as it is labelled is no matter of its CRS; and a raster has no second axis to be swapped with.
    if own is not None and any(one.code == own.to_epsg() and not one.swapped for one in fitting):
        return ""
    usable = [one for one in fitting if key == "crs" or not one.swapped]
    return " or ".join(str(one).replace("crs", key, 1) for one in usable[:_NAMED])


def _degrees(crs: pyproj.CRS, bounds: Bounds) -> Bounds:
    corners = shapely.box(*bounds)
    to_degrees = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
    west, south, east, north = to_degrees.transform_bounds(*corners.bounds)
    return west, south, east, north
