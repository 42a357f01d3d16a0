"""Set-backs: what is left of roof surfaces when they keep away from the edges of the roof and, a little, from each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from .convex import convex_overlaps, cut_by_convex
from .errors import GeoError
from .faces import only_polygons


def usable_outlines(surfaces: NDArray[Any], setback: ArrayLike, roof: NDArray[Any] | None = None, *, inner: float = 0.0) -> NDArray[Any]:
    """
    Cut the set-back off each surface.

    Parameters
    ----------
    surfaces
        (Multi)Polygons in plan [m], shape (m,).
    setback
        Distance kept from the edges of the roof, in plan [m], shape (m,) or one number.
    roof
        The roof of each surface, whose edges are walls, eaves or verges, (Multi)Polygons that hold the surfaces, shape (m,); by default
        each surface is a roof of its own.
    inner
        Distance kept from the other edges, ridges, hips and valleys, where two surfaces of a roof meet, in plan [m]; at most the set-back.

    Returns
    -------
    numpy.ndarray
        (Multi)Polygons, empty where nothing is left, shape (m,).

    Raises
    ------
    GeoError
        A set-back is negative or not a number.

    Notes
    -----
    Corners are mitred. Convex surfaces of convex roofs, most houses, are cut by the lines of their edges moved inward, which is the same
    and ten times faster.

    Examples
    --------
    >>> float(usable_outlines(np.array([shapely.box(0, 0, 10, 6)]), 0.5)[0].area)
    45.0
    >>> south, whole = np.array([shapely.box(0, 0, 10, 3)]), np.array([shapely.box(0, 0, 10, 6)])
    >>> round(float(usable_outlines(south, 0.5, whole, inner=0.1)[0].area), 6)
    21.6
    """
    plan = np.asarray(surfaces, dtype=object)
    distance = np.broadcast_to(np.asarray(setback, dtype=float), plan.shape)
    wrong = ~(distance >= 0.0)
    if wrong.any() or not inner >= 0.0:
        least = distance[wrong][0] if wrong.any() else inner
        raise GeoError(f"set-back {least} m; expected 0 or more: correct it in the study file or in the archetypes.")
    whole = plan if roof is None else np.asarray(roof, dtype=object)
    near = np.minimum(inner, distance)
    out, done = convex_overlaps(plan, None if roof is None else whole, near, distance)
    rest = np.flatnonzero(~done)
    if rest.size:
        out[rest] = _moved_in(plan[rest], whole[rest], near[rest], distance[rest])
    return out


def _moved_in(plan: NDArray[Any], whole: NDArray[Any], near: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[Any]:
    """Any shapes: the surface less its strip along inner edges, within the roof less its set-back."""
    alone = shapely.area(plan) >= (1.0 - 1e-12) * shapely.area(whole)
    out = np.empty(plan.shape, dtype=object)
    out[alone] = shapely.buffer(plan[alone], -distance[alone], join_style="mitre", cap_style="flat")
    part = np.flatnonzero(~alone)
    # The surfaces of a roof stand together, so its outline is moved in once.
    fresh = np.ones(part.size, dtype=bool)
    fresh[1:] = (whole[part[1:]] != whole[part[:-1]]) | (distance[part[1:]] != distance[part[:-1]])
    inside = shapely.buffer(whole[part[fresh]], -distance[part[fresh]], join_style="mitre", cap_style="flat")
    of = np.cumsum(fresh) - 1
    out[part], done = cut_by_convex(inside, of, plan[part], near[part])
    rest = part[~done]
    own = usable_outlines(plan[rest], near[rest])
    out[rest] = only_polygons(np.asarray(shapely.intersection(own, inside[of[~done]]), dtype=object))
    return out
