"""What is cut out of roofs besides the set-back: the shadow of the parapet and the ways of access."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from .convex import convex_overlaps, cut_by_convex, together
from .errors import GeoError
from .faces import only_polygons


def out_of_parapet_shadow(outlines: NDArray[Any], surfaces: NDArray[Any], length: ArrayLike, toward: float) -> NDArray[Any]:
    """
    Keep what the shadow of a parapet along the edges of each surface does not reach.

    Parameters
    ----------
    outlines
        Usable outlines in plan [m], shape (m,); may be empty.
    surfaces
        The surfaces whose edges carry the parapet, shape (m,).
    length
        Of the shadow in plan [m], shape (m,).
    toward
        Direction that the shadow points to, clockwise from grid north [degrees].

    Returns
    -------
    numpy.ndarray
        (Multi)Polygons, shape (m,).

    Raises
    ------
    GeoError
        A length is negative or not a number.

    Notes
    -----
    A point is lit where the surface, moved along the shadow, still holds it. Exact on convex roofs; on bent ones the half way is tested
    too, so that only a yard or notch narrower than half of the shadow is overlooked.

    Examples
    --------
    >>> roof = np.array([shapely.box(0, 0, 10, 6)])
    >>> float(out_of_parapet_shadow(roof, roof, 2.0, 0.0)[0].area)
    40.0
    """
    reach = np.broadcast_to(np.asarray(length, dtype=float), np.shape(outlines))
    if not (reach >= 0.0).all():
        raise GeoError(f"shadow of {reach[~(reach >= 0.0)][0]} m; expected a length of 0 or more: correct the parapet height.")
    lit = np.asarray(outlines, dtype=object).copy()
    way = np.array([np.sin(np.radians(toward)), np.cos(np.radians(toward))])
    some = np.flatnonzero((reach > 0.0) & ~shapely.is_empty(lit))
    bent = some[shapely.area(surfaces[some]) < 0.999 * shapely.area(shapely.convex_hull(surfaces[some]))]
    for rows, share in ((some, 1.0), (bent, 0.5)):
        lit[rows] = _overlaps(lit[rows], _moved(surfaces[rows], reach[rows] * share, way))
    return lit


def between_access_ways(outlines: NDArray[Any], axis_azimuth: ArrayLike, *, spacing: float, width: float) -> NDArray[Any]:
    """
    Cut ways of access out of large roofs, along and across their own axis.

    Parameters
    ----------
    outlines
        Usable outlines in plan [m], shape (m,); may be empty.
    axis_azimuth
        Direction of the long side or the eaves [degrees], shape (m,).
    spacing
        Longest side of a field without a way [m].
    width
        Of a way [m].

    Returns
    -------
    numpy.ndarray
        (Multi)Polygons, shape (m,): equal fields no longer than `spacing` either way; roofs smaller than a field stay as they are.

    Raises
    ------
    GeoError
        Spacing or width is not positive, or ways would leave no field.

    Examples
    --------
    >>> hall = np.array([shapely.box(0, 0, 100, 30)])
    >>> float(between_access_ways(hall, [90.0], spacing=40.0, width=1.0)[0].area)
    2940.0
    """
    if not 0.0 < width < spacing:
        raise GeoError(f"access ways of {width} m every {spacing} m; expected a width above 0 and below the spacing.")
    fields = np.asarray(outlines, dtype=object).copy()
    axis = np.broadcast_to(np.asarray(axis_azimuth, dtype=float), fields.shape)
    box = np.nan_to_num(shapely.bounds(fields))
    large = np.flatnonzero(np.hypot(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]) > spacing)
    # Measured once, before the first cut, so that both directions see the whole roof.
    strips = [_strips(fields[large], axis[large] + turn, spacing, width) for turn in (0.0, 90.0)]
    for rows, of, windows in strips:
        fields[large[rows]] = _between(fields[large[rows]], of, windows)
    return fields


def _between(outlines: NDArray[Any], of: NDArray[np.int64], windows: NDArray[Any]) -> NDArray[Any]:
    """Keep what lies in the windows of each outline."""
    pieces, done = cut_by_convex(outlines, of, windows, np.zeros(of.size))
    wrong = np.bincount(of[~done], minlength=outlines.size) > 0
    kept = ~wrong[of]
    parts, part_of = shapely.get_parts(pieces[kept], return_index=True)
    some = ~shapely.is_empty(parts)
    out = together(parts[some], of[kept][part_of[some]], outlines.size)
    if wrong.any():
        rest = np.flatnonzero(wrong)
        strips = shapely.multipolygons(windows[~kept], indices=np.searchsorted(rest, of[~kept]))
        out[rest] = only_polygons(np.asarray(shapely.intersection(outlines[rest], strips), dtype=object))
    return out


def _overlaps(outlines: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    nothing = np.zeros(outlines.size)
    out, done = convex_overlaps(outlines, others, nothing, nothing)
    rest = np.flatnonzero(~done)
    out[rest], done = cut_by_convex(outlines[rest], np.arange(rest.size), others[rest], nothing[rest])
    rest = rest[~done]
    out[rest] = only_polygons(np.asarray(shapely.intersection(outlines[rest], others[rest]), dtype=object))
    return out


def _moved(surfaces: NDArray[Any], reach: NDArray[np.float64], way: NDArray[np.float64]) -> NDArray[Any]:
    xy, owner = shapely.get_coordinates(surfaces, return_index=True)
    return np.asarray(shapely.set_coordinates(surfaces.copy(), xy + reach[owner, None] * way))


def _strips(
    outlines: NDArray[Any], azimuth: NDArray[np.float64], spacing: float, width: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Roofs longer than the spacing in one direction, and the strips between the ways that divide them evenly, with the roof of each."""
    xy, owner = shapely.get_coordinates(outlines, return_index=True)
    if not owner.size:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=object)
    u = np.column_stack([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))])
    v = np.column_stack([u[:, 1], -u[:, 0]])
    origin = shapely.get_coordinates(shapely.centroid(outlines))
    off = xy - origin[owner]
    first = np.searchsorted(owner, np.arange(outlines.size))
    along, across = (off * u[owner]).sum(axis=1), (off * v[owner]).sum(axis=1)
    low, high = np.minimum.reduceat(along, first), np.maximum.reduceat(along, first)
    side = np.maximum.reduceat(np.abs(across), first) + 1.0
    ways = np.ceil((high - low) / spacing - 1e-9).astype(np.int64) - 1
    rows = np.flatnonzero(ways > 0)
    strips = ways[rows] + 1
    row = np.repeat(np.arange(rows.size), strips)
    of, number = rows[row], np.arange(row.size) - np.repeat(np.cumsum(strips) - strips, strips)
    step = (high - low)[of] / strips[row]
    first_end = np.where(number == 0, low[of] - 1.0, low[of] + number * step + 0.5 * width)
    last_end = np.where(number == strips[row] - 1, high[of] + 1.0, low[of] + (number + 1) * step - 0.5 * width)
    corners = ((first_end, -side[of]), (last_end, -side[of]), (last_end, side[of]), (first_end, side[of]))
    ends = [at[:, None] * u[of] + aside[:, None] * v[of] for at, aside in corners]
    return rows, row, shapely.polygons(np.stack(ends, axis=1) + origin[of][:, None, :])
