"""Shapes out of bytes, one broken shape costing only itself, and outlines out of closed lines."""

from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from shapely.errors import GEOSException

from .errors import GeoError

Objects = npt.NDArray[np.object_]

_POINTS, _LINES, _SURFACES = (0, 4), (1, 2, 5), (3, 6, 7)


def from_wkb(data: Objects) -> Objects:
    """
    Turn well-known binary into shapes.

    Parameters
    ----------
    data
        Shape (n,), bytes or hexadecimal text, None allowed.

    Returns
    -------
    array
        Shape (n,); rings that do not close are closed, what is no shape is None.

    Raises
    ------
    NotImplementedError
        If there are curves in it, which GEOS does not have.
    """
    try:
        with np.errstate(invalid="ignore"):
            return np.asarray(shapely.from_wkb(data, on_invalid="fix"), dtype=object)
    except GEOSException:
        # One shape with coordinates that are no numbers stops all; halving finds it.
        if len(data) == 1:
            return np.array([None], dtype=object)
        half = len(data) // 2
        return np.concatenate([from_wkb(data[:half]), from_wkb(data[half:])])


def outlines(frame: gpd.GeoDataFrame, name: str, warnings: list[str], *, points: bool = False) -> gpd.GeoDataFrame:
    """
    Make polygons of closed lines, as drawings have them, and refuse a layer without any outline.

    Parameters
    ----------
    frame
        A layer as read.
    name
        Name of the file, for messages.
    warnings
        What the user should know; appended to.
    points
        Whether a layer of points may pass.

    Returns
    -------
    geopandas.GeoDataFrame
        The same rows; what is neither polygon nor closed line stays as it is.

    Raises
    ------
    GeoError
        If all its shapes are points or open lines.
    """
    geometry = frame.geometry.to_numpy()
    kind = shapely.get_type_id(geometry)
    drawn = np.flatnonzero(np.isin(kind, _LINES))
    lines = geometry[drawn]
    whole = (kind[drawn] != 5) | (shapely.get_num_geometries(lines) == 1)
    lines = np.where(whole, shapely.get_geometry(lines, 0), lines)
    ring = whole & shapely.is_closed(lines) & (shapely.get_num_coordinates(lines) >= 4)
    closed = drawn[ring]
    if closed.size:
        corners, line = shapely.get_coordinates(lines[ring], return_index=True)
        out = np.asarray(geometry, dtype=object).copy()
        out[closed] = shapely.polygons(shapely.linearrings(corners, indices=line))
        frame = frame.set_geometry(gpd.GeoSeries(out, index=frame.index, crs=frame.crs))
        warnings.append(f"{name}: {len(closed)} closed lines are taken as outlines")
        inner = _inside_another(out[closed])
        if inner:
            warnings.append(
                f"{name}: {inner} of these outlines lie inside another one and count as buildings of their own; leave out those that are "
                "courtyards, or give polygons with holes"
            )
    places, open_lines = int(np.isin(kind, _POINTS).sum()), len(drawn) - len(closed)
    usable = np.isin(kind, _SURFACES).any() or closed.size or (points and places)
    if places + open_lines and not usable:
        raise GeoError(
            f"{name}: has {places} points and {open_lines} open lines but no outline: a roof or an area cannot be made of them. "
            "Give a layer of polygons; a table needs a column of WKT. Buildings may be points where buildings.columns.area names the "
            "column of their footprint area"
        )
    return frame


def _inside_another(shapes: Objects) -> int:
    """Count outlines inside larger ones: a drawing does not tell a courtyard from a taller part of the building."""
    inner, outer = shapely.STRtree(shapes).query(shapes, predicate="within")
    area = shapely.area(shapes)
    return len(np.unique(inner[area[inner] < area[outer]]))


def squares(geometry: Objects, area: npt.NDArray[np.float64]) -> tuple[Objects, npt.NDArray[np.bool_]]:
    """
    Draw buildings that are known as points as squares around them, sides along the axes.

    Parameters
    ----------
    geometry
        Shape (n,), any geometry in metres, None allowed; not changed.
    area
        Shape (n,) [m2], NaN where not known.

    Returns
    -------
    geometry : array
        Shape (n,); points with an area are squares, the rest is as it was.
    drawn : array of bool
        Shape (n,), which ones these are.
    """
    kind = shapely.get_type_id(geometry)
    single = (kind == 0) | ((kind == 4) & (shapely.get_num_geometries(geometry) == 1))
    place = shapely.bounds(geometry)[:, :2]
    drawn = single & np.isfinite(area) & np.isfinite(place).all(axis=1)
    out = np.asarray(geometry, dtype=object).copy()
    half = np.sqrt(area[drawn]) / 2.0
    x, y = place[drawn].T
    out[drawn] = shapely.box(x - half, y - half, x + half, y + half)
    return out, drawn


def numbered(names: Iterable[str], taken: tuple[str, ...] = ()) -> list[str]:
    """
    Give a repeated name a number, as GDAL does.

    Parameters
    ----------
    names
        Column names.
    taken
        Names that are in use already.

    Returns
    -------
    list of str
        Unique names in the same order.
    """
    out: list[str] = []
    for name in names:
        free, n = name, 2
        while free in out or free in taken:
            free, n = f"{name}_{n}", n + 1
        out.append(free)
    return out
