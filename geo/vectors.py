"""Read vector layers as they come and bring them into the study's coordinates."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from pyproj.exceptions import CRSError

from .datum import gcj02_from_bd09, wgs84_from_gcj02
from .errors import GeoError
from .formats import read_file
from .shapes import outlines
from .sources import vector_files

# GCJ-02 and BD-09 are shifts of longitude and latitude; outside China they are not defined.
SHIFTED = ("gcj02", "bd09")


def study_crs(text: str) -> pyproj.CRS:
    """
    Return the study's CRS, which has to be projected and in metres.

    Parameters
    ----------
    text
        Anything pyproj knows, e.g. "EPSG:4548".

    Returns
    -------
    pyproj.CRS
        The CRS.

    Raises
    ------
    GeoError
        If pyproj does not know it, or areas and distances in it would not be metres.
    """
    try:
        crs = pyproj.CRS.from_user_input(text)
    except CRSError as error:
        raise GeoError(f"study.crs = {text!r}: not a CRS that is known; write e.g. 'EPSG:4548' (CGCS2000 3-degree, 117 E)") from error
    metres = crs.is_projected and all(axis.unit_conversion_factor == 1 for axis in crs.axis_info)
    if not metres or crs.to_epsg() == 3857:
        raise GeoError(
            f"study.crs = {text!r}: it has to be projected, true to scale and in metres, e.g. 'EPSG:4548' for Jinan (not "
            f"degrees, not web Mercator)"
        )
    return crs


def read_vectors(
    path: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    columns: list[str] | None = None,
    osm_key: str | None = None,
    warnings: list[str] | None = None,
) -> gpd.GeoDataFrame:
    """
    Read a layer of outlines from one vector file, or from all that a folder or a pattern means.

    Parameters
    ----------
    path
        See `geo.sources.vector_files` and `geo.formats.read_file`.
    layer
        Name of the layer where a file has several; the sheet of a workbook, the layer of a drawing, the file in a ZIP.
    encoding
        Encoding of a Shapefile, a drawing or a text table, where it is not found out rightly.
    columns
        Attribute columns to read, as far as they are there; all by default.
    osm_key
        Key that a feature of an OpenStreetMap file has to have, e.g. "building".
    warnings
        What the user should know; appended to.

    Returns
    -------
    geopandas.GeoDataFrame
        Rows in file order, index 0..n-1, CRS as the (first) file says, None if it does not.

    Raises
    ------
    GeoError
        If a file is missing, unreadable or has no outlines, has several layers and none is named, or some name a CRS and others do not.
    """
    said: list[str] = [] if warnings is None else warnings
    frames = [
        outlines(read_file(file, layer=layer, encoding=encoding, columns=columns, osm_key=osm_key, warnings=said), file.name, said)
        for file in vector_files(path)
    ]
    if len(frames) == 1:
        return frames[0]
    crs = frames[0].crs
    if any((frame.crs is None) != (crs is None) for frame in frames):
        raise GeoError(f"{path.name}: some of its files name a CRS and some do not; add the missing .prj, or give them one by one")
    same = [frame if crs is None or frame.crs == crs else frame.to_crs(crs) for frame in frames]
    return gpd.GeoDataFrame(pd.concat(same, ignore_index=True), crs=crs)


def column_names(path: Path, *, layer: str | None = None, encoding: str | None = None) -> list[str]:
    """
    Return the attribute columns of a layer without reading its rows.

    Parameters
    ----------
    path, layer, encoding
        As in `read_vectors`.

    Returns
    -------
    list of str
        Column names in file order; of the first file where there are several.
    """
    frame = read_file(vector_files(path)[0], layer=layer, encoding=encoding, rows=1, warnings=[])
    return [str(name) for name in frame.columns if name != frame.geometry.name]


def into_crs(
    frame: gpd.GeoDataFrame, crs: pyproj.CRS, *, source: str, declared: str | None = None, datum: str | None = None
) -> gpd.GeoDataFrame:
    """
    Bring a layer into the study's CRS, taking out a GCJ-02 or BD-09 shift where the study says that there is one.

    Parameters
    ----------
    frame
        The layer as read.
    crs
        The study's CRS.
    source
        Name of the file, for messages.
    declared
        CRS that the study gives for a file that has none.
    datum
        "gcj02" or "bd09" if the longitudes and latitudes are shifted; "wgs84" and "cgcs2000" are taken as equal (under 1 m apart).

    Returns
    -------
    geopandas.GeoDataFrame
        The same rows in `crs`, geometry in two dimensions.

    Raises
    ------
    GeoError
        If no CRS is known, or the coordinates cannot be what the CRS says.
    """
    found = frame.crs
    if found is None and declared is None:
        raise GeoError(f'{source}: the file does not say its CRS; find it out and write crs = "EPSG:…" beside its path in the study file')
    if found is None:
        frame = frame.set_crs(study_or_any_crs(declared or "", source))
    geometry = shapely.force_2d(frame.geometry.to_numpy())
    _check_range(geometry, frame.crs, source)
    if datum in SHIFTED:
        if not frame.crs.is_geographic:
            raise GeoError(
                f"{source}: datum = {datum!r} is for longitude and latitude, but the layer is in {frame.crs.name}; give the "
                f"layer in degrees"
            )
        geometry = shapely.transform(geometry, _gcj_to_wgs if datum == "gcj02" else _bd_to_wgs)
    moved = gpd.GeoSeries(geometry, index=frame.index, crs=frame.crs).to_crs(crs)
    return frame.set_geometry(moved)


def study_or_any_crs(text: str, source: str) -> pyproj.CRS:
    """
    Return a CRS declared for a layer.

    Parameters
    ----------
    text
        Anything pyproj knows.
    source
        Name of the file, for messages.

    Returns
    -------
    pyproj.CRS
        The CRS.

    Raises
    ------
    GeoError
        If pyproj does not know it.
    """
    try:
        return pyproj.CRS.from_user_input(text)
    except CRSError as error:
        raise GeoError(f"{source}: crs = {text!r} is not a CRS that is known; write e.g. 'EPSG:4490'") from error


def _check_range(geometry: np.ndarray, crs: pyproj.CRS, source: str) -> None:
    bounds = shapely.bounds(geometry)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        return
    left, bottom = np.median(bounds[:, :2], axis=0)
    if crs.is_geographic and (abs(left) > 180.5 or abs(bottom) > 90.5):
        raise GeoError(
            f"{source}: says {crs.name} (degrees), but its coordinates are near {left:.0f}, {bottom:.0f}: they are metres "
            f"of some projection; correct the file or its crs"
        )
    if crs.is_projected and abs(left) <= 180 and abs(bottom) <= 90:
        raise GeoError(
            f"{source}: says {crs.name} (metres), but its coordinates are near {left:.4f}, {bottom:.4f}: they look like "
            f"degrees; correct the file or its crs"
        )


def _gcj_to_wgs(xy: np.ndarray) -> np.ndarray:
    return np.column_stack(wgs84_from_gcj02(xy[:, 0], xy[:, 1]))


def _bd_to_wgs(xy: np.ndarray) -> np.ndarray:
    return np.column_stack(wgs84_from_gcj02(*gcj02_from_bd09(xy[:, 0], xy[:, 1])))
