"""Where a study lies, and what its file says about the coordinates of each layer."""

from functools import partial

import pyproj

from geo.control_points import Helmert, helmert_of
from geo.coordinates import Stated
from geo.errors import GeoError
from geo.grid import Bounds
from geo.rasters import glance
from geo.vectors import read_vectors

from .study import PlacedSection, Study


def stated(study: Study, section: PlacedSection, source: str, warnings: list[str]) -> Stated:
    """
    Give the arguments of `into_crs` for a layer.

    Parameters
    ----------
    study
        The study.
    section
        The layer's section.
    source
        Name of the layer's file, for messages.
    warnings
        What the user should know; appended to.

    Returns
    -------
    Stated
        Keyword arguments.
    """
    local = None
    if section.transform is not None:
        given = section.transform
        local = Helmert(given.dx, given.dy, given.rotation, given.scale)
    if section.control_points is not None:
        local = helmert_of(study.path(section.control_points), swapped=section.axes == "northing_easting")
        warnings.append(
            f"{source}: placed by {local.points} control points, residual {local.rms:.2f} m (root mean square), "
            f"at most {local.worst:.2f} m at row {local.worst_row}; turned by {local.rotation:.4f} degrees, scale {local.scale:.6f}"
        )
    return {
        "declared": section.crs,
        "datum": section.datum,
        "axes": section.axes,
        "local": local,
        "near": partial(whereabouts, study),
        "warnings": warnings,
    }


def whereabouts(study: Study) -> Bounds | None:
    """
    Find where a study lies from its DEM, else its DSM, else its region layers.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    tuple or None
        West, south, east, north [degrees]; None where none of them says. A layer that cannot be read is told of when it is its turn.
    """
    for text, crs in ((study.terrain.dem, study.terrain.dem_crs), (study.terrain.dsm, study.terrain.dsm_crs)):
        if text not in (None, "flat"):
            try:
                return glance(study.path(str(text)), "EPSG:4326", source_crs=crs).bounds
            except GeoError:
                continue
    for section in study.regions.values():
        if section.control_points or section.transform or section.axes:
            continue
        try:
            layer = read_vectors(study.paths(section), layer=section.layer, encoding=section.encoding, columns=[])
            crs = section.crs or layer.crs
            if crs is None or not len(layer):
                continue
            to_degrees = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
            west, south, east, north = to_degrees.transform_bounds(*layer.total_bounds)
            return west, south, east, north
        except (GeoError, pyproj.exceptions.ProjError):
            continue
    return None
