"""Shapes out of bytes, one broken shape costing only itself, and outlines out of closed lines."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import shapely
from shapely.errors import GEOSException

Objects = npt.NDArray[np.object_]


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
