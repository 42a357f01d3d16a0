"""Outlines out of closed lines, as drawings have them."""

import numpy as np
import numpy.typing as npt
import shapely

from .errors import GeoError
from .packed import Packed

Objects = npt.NDArray[np.object_]

# Kinds as well-known binary counts them.
_POINTS, _LINES, _SURFACES = (1, 4), (2, 5), (3, 6, 7)


def outlines(shapes: Packed, name: str, warnings: list[str], *, points: bool = False) -> None:
    """
    Make polygons of closed lines, as drawings have them, and refuse a layer without any outline.

    Parameters
    ----------
    shapes
        A layer as read; closed lines are replaced by polygons, what is neither polygon nor closed line stays as it is.
    name
        Name of the file, for messages.
    warnings
        What the user should know; appended to.
    points
        Whether a layer of points may pass.

    Raises
    ------
    GeoError
        If all its shapes are points or open lines.
    """
    kind = shapes.kinds
    drawn = np.flatnonzero(np.isin(kind, _LINES))
    lines = shapes[drawn]
    whole = (kind[drawn] != _LINES[1]) | (shapely.get_num_geometries(lines) == 1)
    lines = np.where(whole, shapely.get_geometry(lines, 0), lines)
    ring = whole & shapely.is_closed(lines) & (shapely.get_num_coordinates(lines) >= 4)
    closed = drawn[ring]
    if closed.size:
        corners, line = shapely.get_coordinates(lines[ring], return_index=True)
        made = shapely.polygons(shapely.linearrings(corners, indices=line))
        shapes.put(closed, made)
        warnings.append(f"{name}: {len(closed)} closed lines are taken as outlines")
        inner = _inside_another(made)
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


def _inside_another(shapes: Objects) -> int:
    """Count outlines inside larger ones: a drawing does not tell a courtyard from a taller part of the building."""
    inner, outer = shapely.STRtree(shapes).query(shapes, predicate="within")
    area = shapely.area(shapes)
    return len(np.unique(inner[area[inner] < area[outer]]))
