"""What is known of kinds of roofs, and the kind of each building as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .surfaces import Shape

CONSTRUCTIONS = ("metal", "concrete", "tile")
# Surfaces that no building stands under; no word of a user means them.
SURFACES = ("carport", "canopy")


@dataclass(frozen=True)
class UseHeights:
    """What a class of use says about heights: storey, default and greatest plausible height [m]."""

    storey_height_m: float
    default_height_m: float
    maximum_height_m: float
    source: str
    verified: bool


@dataclass(frozen=True)
class Archetype:
    """One kind of roof of one class of use, with the conditions under which it is taken."""

    name: str
    use: str
    shape: str
    construction: str
    tilt: float
    parapet_height_m: float
    setback_m: float
    obstacle_share: float
    minimum_area_m2: float
    source: str
    verified: bool
    storeys_at_most: float = 200.0
    span_m: float = np.inf
    skylight_share: float = 0.0
    excluded_before_year: int = 0
    height_from_m: float = -np.inf
    height_below_m: float = np.inf
    area_from_m2: float = -np.inf
    area_below_m2: float = np.inf


@dataclass(frozen=True)
class Access:
    """Ways of access on large roofs: the longest side of a field between them and their width [m]."""

    spacing_m: float
    width_m: float
    source: str
    verified: bool


@dataclass(frozen=True)
class Load:
    """What PV adds to a roof by construction [kPa]."""

    metal_kpa: float
    tile_kpa: float
    concrete_kpa: float
    source: str
    verified: bool


@dataclass(frozen=True)
class Edges:
    """Distance that modules keep from ridges, hips and valleys on either side [m]."""

    inner_m: float
    source: str
    verified: bool


@dataclass(frozen=True)
class Construction:
    """What a roof of this construction is where its class has no archetype of it; the last four are said of surfaces alone."""

    shape: str
    tilt: float
    span_m: float
    parapet_height_m: float
    obstacle_share: float
    skylight_share: float
    source: str
    verified: bool
    setback_m: float | None = None
    minimum_area_m2: float | None = None
    load_kpa: float | None = None
    height_m: float | None = None


@dataclass(frozen=True)
class RoofKinds:
    """The archetype of each building as arrays of length n, ready for `roof_surfaces` and the deductions."""

    archetype: NDArray[np.str_]
    shape: NDArray[np.int8]
    construction: NDArray[np.str_]
    is_metal: NDArray[np.bool_]
    tilt: NDArray[np.float64]
    parapet_height_m: NDArray[np.float64]
    setback_m: NDArray[np.float64]
    obstacle_share: NDArray[np.float64]
    minimum_area_m2: NDArray[np.float64]
    storeys_at_most: NDArray[np.float64]
    span_m: NDArray[np.float64]
    skylight_share: NDArray[np.float64]
    excluded_before_year: NDArray[np.float64]
    load_kpa: NDArray[np.float64]

    def with_tilt(self, tilt: ArrayLike) -> RoofKinds:
        """
        Take the tilt of roofs where it is known better than by class.

        Parameters
        ----------
        tilt
            Known tilts, NaN where not [degrees], shape (n,); 0 is a flat roof, more the pitched shape of the archetype, else a gable.

        Returns
        -------
        RoofKinds
            The same kinds with these tilts and shapes.
        """
        known = np.asarray(tilt, dtype=float)
        given = np.isfinite(known)
        pitched = np.where(self.shape == Shape.FLAT, np.int8(Shape.GABLE), self.shape)
        shape = np.where(known > 0, pitched, np.int8(Shape.FLAT))
        return replace(self, tilt=np.where(given, known, self.tilt), shape=np.where(given, shape, self.shape).astype(np.int8))
