"""Bring layers into the study's coordinates."""

from collections.abc import Callable
from typing import Literal, TypedDict, Unpack

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from pyproj.exceptions import CRSError

from .control_points import Helmert
from .datum import CHINA, SHIFTED, unshifted
from .errors import GeoError
from .packed import Packed
from .recognition import Place, check_plausible, listed, local_words, sample_points

Way = Callable[[npt.NDArray[np.object_]], npt.NDArray[np.object_]]
Axes = Literal["easting_northing", "northing_easting"]

# Datums that agree to under a metre; between others PROJ's own list has no parameters for China, and takes them as equal.
_SAME_DATUM = ("China Geodetic Coordinate System 2000", "WGS 84")


class Stated(TypedDict, total=False):
    """What a study says about the coordinates of a layer; see `into_crs`."""

    declared: str | None
    datum: str | None
    axes: Axes | None
    local: Helmert | None
    near: Place | None
    warnings: list[str] | None


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


def into_crs(
    frame: gpd.GeoDataFrame,
    crs: pyproj.CRS,
    *,
    source: str,
    declared: str | None = None,
    datum: str | None = None,
    axes: Axes | None = None,
    local: Helmert | None = None,
    near: Place | None = None,
    warnings: list[str] | None = None,
) -> gpd.GeoDataFrame:
    """
    Bring a layer into the study's CRS, as its file and the study say what its coordinates are.

    Parameters
    ----------
    frame
        The layer as read.
    crs
        The study's CRS.
    source
        Name of the file, for messages.
    declared
        CRS that the study gives; where the file names another one, the study is believed.
    datum
        "gcj02" or "bd09" if the coordinates are shifted; "wgs84" and "cgcs2000" are taken as equal (under 1 m apart).
    axes
        "northing_easting" if the first coordinate is the northing or the latitude.
    local
        Transform of a layer in a local system; its CRS is then not asked for.
    near
        Gives west, south, east, north of the study from its other layers [degrees]; asked only when something is wrong.
    warnings
        What the user should know; appended to.

    Returns
    -------
    geopandas.GeoDataFrame
        The same rows in `crs`, geometry in two dimensions.

    Raises
    ------
    GeoError
        If no CRS is known, or the coordinates cannot be what the CRS says.
    """
    stated: Stated = {"declared": declared, "datum": datum, "axes": axes, "local": local, "near": near, "warnings": warnings}
    placed = packed_into_crs(Packed.of([frame.geometry.to_numpy()], frame.crs), crs, source=source, **stated)[:]
    corners, owner = shapely.get_coordinates(placed, return_index=True)
    broken = np.unique(owner[~np.isfinite(corners).all(axis=1)])  # GEOS refuses the whole layer for one of them
    if len(broken):
        placed[broken] = None
        if warnings is not None:
            warnings.append(f"{source}: {len(broken)} shapes have coordinates that are not finite and are left out")
    return frame.set_geometry(gpd.GeoSeries(placed, index=frame.index, crs=crs))


def packed_into_crs(shapes: Packed, crs: pyproj.CRS, *, source: str, **stated: Unpack[Stated]) -> Packed:
    """
    Bring shapes into the study's CRS.

    Parameters
    ----------
    shapes
        As read, in the CRS that the file says.
    crs, source, **stated
        As in `into_crs`.

    Returns
    -------
    Packed
        The same rows in `crs`, in two dimensions.

    Raises
    ------
    GeoError
        If no CRS is known, or the coordinates cannot be what the CRS says.
    """
    told, points = stated.get("warnings"), sample_points(shapes)
    warnings = [] if told is None else told
    way: list[Way] = [] if shapes.is_flat else [shapely.force_2d]
    if stated.get("axes") == "northing_easting":
        points = points[:, ::-1]
        way.append(_by_points(lambda xy: xy[:, ::-1]))
    if (local := stated.get("local")) is not None:
        return shapes.moved([*way, _by_points(local.apply)], crs)
    near, datum = stated.get("near"), stated.get("datum")
    own = _own_crs(shapes.crs, stated.get("declared"), points, crs, source, near, warnings)
    check_plausible(points, own, crs, source, near or _nowhere)
    if datum in SHIFTED:
        steps, own = _unshifted(points, own, str(datum), source)
        way += steps
    if len(points) and (note := datum_notes(own, crs, np.median(points, axis=0))):
        warnings.append(f"{source}: {note}")
    if own.is_bound:
        # PROJ applies towgs84 on the way to WGS 84 itself, and drops it without a word on the way to CGCS2000.
        way, own = [*way, _projected(own, pyproj.CRS.from_epsg(4326))], pyproj.CRS.from_epsg(4326)
    # The same system written otherwise (a file's WKT) would cost a million buildings seconds and their last digits.
    if not own.equals(crs, ignore_axis_order=True):
        way.append(_projected(own, crs))
    return shapes.moved(way, crs)


def _by_points(change: Callable[[np.ndarray], np.ndarray]) -> Way:
    return lambda shapes: np.asarray(shapely.transform(shapes, change))


def _projected(own: pyproj.CRS, crs: pyproj.CRS) -> Way:
    return lambda shapes: np.asarray(gpd.GeoSeries(shapes, crs=own).to_crs(crs).to_numpy())


def _nowhere() -> None:
    return None


def _own_crs(
    found: pyproj.CRS | None,
    declared: str | None,
    points: np.ndarray,
    study: pyproj.CRS,
    source: str,
    near: Place | None,
    warnings: list[str],
) -> pyproj.CRS:
    if declared is not None:
        stated = any_crs(declared, source)
        if found is not None and not found.equals(stated, ignore_axis_order=True):
            warnings.append(f"{source}: the file says {found.name}, the study file {stated.name}; the study file is believed")
        return stated
    if found is not None:
        return found
    if not len(points):
        raise GeoError(f'{source}: the file does not say its CRS; find it out and write crs = "EPSG:…" beside its path in the study file')
    x, y = np.median(points, axis=0)
    fitting = listed(points, near() if near else None, study)
    if not fitting:
        raise GeoError(
            f"{source}: the file does not say its CRS, and coordinates near {x:.4f}, {y:.4f} fit none at the study: likely a local "
            f"system; write beside its path in the study file {local_words()}"
        )
    raise GeoError(
        f"{source}: the file does not say its CRS; where the study is, coordinates near {x:.4f}, {y:.4f} would fall with: {fitting}. Ask "
        "whoever made the file which one it is (their datums lie up to 150 m apart) and write it beside its path in the study file"
    )


def _unshifted(points: np.ndarray, own: pyproj.CRS, datum: str, source: str) -> tuple[list[Way], pyproj.CRS]:
    """Take the shift out in longitude and latitude; a layer that was projected after shifting goes back there first."""
    degrees, way = pyproj.CRS.from_epsg(4326), list[Way]()
    if not own.is_geographic:
        to_degrees = pyproj.Transformer.from_crs(own, own.geodetic_crs or degrees, always_xy=True)
        way.append(_by_points(lambda xy: np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1]))))
        points = np.column_stack(to_degrees.transform(points[:, 0], points[:, 1]))
    lon, lat = np.median(points, axis=0) if len(points) else (np.nan, np.nan)
    if not (CHINA[0] <= lon <= CHINA[2] and CHINA[1] <= lat <= CHINA[3]):
        raise GeoError(
            f"{source}: datum = {datum!r} is defined in China only, but the layer lies near {lon:.4f}, {lat:.4f}; take datum out "
            "of the study file or correct the layer's crs"
        )
    return [*way, _by_points(lambda xy: np.column_stack(unshifted(xy[:, 0], xy[:, 1], datum)))], degrees


def datum_notes(own: pyproj.CRS, crs: pyproj.CRS, point: npt.ArrayLike) -> str:
    """
    Say where PROJ knows no way between the datums of two CRS and takes them as equal.

    Parameters
    ----------
    own
        CRS of a layer.
    crs
        CRS of the study.
    point
        Where to look, x and y in `own`: ways between datums differ by area.

    Returns
    -------
    str
        Empty where the way is known.
    """
    names = [c.geodetic_crs.name if c.geodetic_crs else c.name for c in (own, crs)]
    # A CRS with towgs84 carries its own way.
    if own.is_bound or names[0] == names[1] or all(name in _SAME_DATUM for name in names):
        return ""
    way = pyproj.Transformer.from_crs(own, crs, always_xy=True)
    way.transform(*np.asarray(point, dtype=float))
    if "Ballpark" not in way.get_last_used_operation().description:
        return ""
    return (
        f"there are no public parameters between {names[0]} and {names[1]}; they are taken as equal, which may be off by up to 150 m: "
        "write a CRS with towgs84, or control_points"
    )


def any_crs(text: str, source: str) -> pyproj.CRS:
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
