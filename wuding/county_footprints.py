"""Footprints of the sample county as arrays: a building is one or more simple shapes, turned with its settlement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from .county_terrain import Floats

Ints = NDArray[np.int64]

RECTANGLE, ANGLE, YARD, CROSS = range(4)
# Corners in units of (width, depth) from the centre, minus a multiple of (thickness of the arms): columns are (u, v, p, q),
# the corner lies at (u * width + p * thickness, v * depth + q * thickness).
_CORNERS: dict[int, Floats] = {
    RECTANGLE: np.array([(-0.5, -0.5, 0, 0), (0.5, -0.5, 0, 0), (0.5, 0.5, 0, 0), (-0.5, 0.5, 0, 0)]),
    ANGLE: np.array([(-0.5, -0.5, 0, 0), (-0.5, -0.5, 1, 0), (-0.5, 0.5, 1, -1), (0.5, 0.5, 0, -1), (0.5, 0.5, 0, 0), (-0.5, 0.5, 0, 0)]),
    YARD: np.array(
        [
            *[(-0.5, -0.5, 0, 0), (-0.5, -0.5, 1, 0), (-0.5, 0.5, 1, -1), (0.5, 0.5, -1, -1)],
            *[(0.5, -0.5, -1, 0), (0.5, -0.5, 0, 0), (0.5, 0.5, 0, 0), (-0.5, 0.5, 0, 0)],
        ]
    ),
    CROSS: np.array(
        [
            *[(-0.5, -0.5, 1, 0), (0.5, -0.5, -1, 0), (0.5, -0.5, -1, 1), (0.5, -0.5, 0, 1), (0.5, 0.5, 0, -1), (0.5, 0.5, -1, -1)],
            *[(0.5, 0.5, -1, 0), (-0.5, 0.5, 1, 0), (-0.5, 0.5, 1, -1), (-0.5, 0.5, 0, -1), (-0.5, -0.5, 0, 1), (-0.5, -0.5, 1, 1)],
        ]
    ),
}


@dataclass(frozen=True)
class Shapes:
    """Simple shapes [p]: the `building` each belongs to, centre `x`, `y`, `width`, `depth`, arm `thickness` [m], `kind`."""

    building: Ints
    x: Floats
    y: Floats
    width: Floats
    depth: Floats
    thickness: Floats
    kind: Ints

    @classmethod
    def of(
        cls,
        building: Ints,
        x: Floats,
        y: Floats,
        width: Floats,
        depth: Floats,
        *,
        thickness: Floats | float = 0.0,
        kind: Ints | int = RECTANGLE,
    ) -> Shapes:
        """
        Make shapes from arrays; rectangles unless `kind` says otherwise.

        Parameters
        ----------
        building
            Number of the building of each shape, shape (p,).
        x
            Centre east [m], shape (p,).
        y
            Centre north [m], shape (p,).
        width
            Size along x [m], shape (p,).
        depth
            Size along y [m], shape (p,).
        thickness
            Width of the arms [m]; not used by rectangles.
        kind
            RECTANGLE, ANGLE (arms west and north), YARD (open to the south) or CROSS.

        Returns
        -------
        Shapes
            Columns of equal length.
        """
        return cls(building, x, y, width, depth, np.broadcast_to(thickness, x.shape) + 0.0, np.broadcast_to(kind, x.shape) + 0)

    @classmethod
    def join(cls, pieces: Sequence[Shapes]) -> Shapes:
        """
        Put shapes one after the other.

        Parameters
        ----------
        pieces
            Shapes that share their numbering of buildings.

        Returns
        -------
        Shapes
            All of them.
        """
        names = ("building", "x", "y", "width", "depth", "thickness", "kind")
        return cls(*(np.concatenate([getattr(p, n) for p in pieces]) for n in names))

    def areas(self, count: int) -> Floats:
        """
        Compute the footprint area of each building.

        Parameters
        ----------
        count
            Number of buildings n.

        Returns
        -------
        array of float
            Shape (n,) [m2].
        """
        t, w, d = self.thickness, self.width, self.depth
        full = w * d
        by_kind = np.stack([full, t * (w + d - t), t * (w + 2 * (d - t)), full - 4 * t * t])
        return np.asarray(np.bincount(self.building, weights=by_kind[self.kind, np.arange(t.size)], minlength=count), dtype=np.float64)


@dataclass(frozen=True)
class Layout:
    """One settlement on its own axes (x east, y north, centre 0,0): shapes, and `role`, `height` [m], `floors` of each building.

    `parcels` are rectangles (x0, y0, x1, y1) [k] of an industrial park.
    """

    shapes: Shapes
    role: Ints
    height: Floats
    floors: Ints
    parcels: Floats = field(default_factory=lambda: np.empty((0, 4)))


def turned(x: Floats, y: Floats, site: tuple[float, float], angle: float) -> tuple[Floats, Floats]:
    """
    Turn local coordinates and move them to the site, to the millimetre.

    Parameters
    ----------
    x
        Local coordinates east [m], any shape.
    y
        Local coordinates north [m], same shape.
    site
        Centre of the settlement (x, y) [m].
    angle
        Turn of the settlement [degrees], anticlockwise.

    Returns
    -------
    tuple of array
        Eastings and northings [m], same shape.
    """
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.round(site[0] + c * x - s * y, 3), np.round(site[1] + s * x + c * y, 3)


def footprints(shapes: Shapes, count: int, site: tuple[float, float], angle: float) -> NDArray[np.object_]:
    """
    Make the footprints of a settlement; several shapes of one building become a multipolygon.

    Parameters
    ----------
    shapes
        Shapes of the buildings 0 to n - 1, at least one each.
    count
        Number of buildings n.
    site
        Centre of the settlement (x, y) [m].
    angle
        Turn of the settlement [degrees], anticlockwise.

    Returns
    -------
    array of Polygon or MultiPolygon
        Shape (n,).
    """
    polygons = np.empty(shapes.x.size, dtype=object)
    for kind, corners in _CORNERS.items():
        mine = np.flatnonzero(shapes.kind == kind)
        if mine.size == 0:
            continue
        u, v, p, q = corners.T
        thickness = shapes.thickness[mine, None]
        x = shapes.x[mine, None] + u * shapes.width[mine, None] + p * thickness
        y = shapes.y[mine, None] + v * shapes.depth[mine, None] + q * thickness
        polygons[mine] = shapely.polygons(np.stack(turned(x, y, site, angle), axis=-1))
    order = np.argsort(shapes.building, kind="stable")
    owner = shapes.building[order]
    parts = np.bincount(owner, minlength=count)
    single = polygons[order]
    if parts.max() == 1:
        return single
    many = np.repeat(parts > 1, parts)
    result = np.empty(count, dtype=object)
    result[parts == 1] = single[~many]
    if many.any():
        label = np.unique(owner[many], return_inverse=True)[1]
        result[parts > 1] = shapely.multipolygons(single[many], indices=label)
    return result


def boxes(rectangles: Floats, site: tuple[float, float], angle: float) -> NDArray[np.object_]:
    """
    Make polygons of rectangles given on the settlement's axes.

    Parameters
    ----------
    rectangles
        Corners x0, y0, x1, y1 [m], shape (k, 4).
    site
        Centre of the settlement (x, y) [m].
    angle
        Turn of the settlement [degrees], anticlockwise.

    Returns
    -------
    array of Polygon
        Shape (k,).
    """
    x = rectangles[:, [0, 2, 2, 0]]
    y = rectangles[:, [1, 1, 3, 3]]
    return np.asarray(shapely.polygons(np.stack(turned(x, y, site, angle), axis=-1)))
