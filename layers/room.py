"""Where the area of each roof surface goes: set-back and ways, shade of the parapet, obstacles, existing PV, exclusion, usable."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from geo.deductions import between_access_ways, out_of_parapet_shadow
from geo.roof_kinds import RoofKinds
from geo.setbacks import usable_outlines
from solar.mounts import noon_shadow

from .model import Model
from .roofs import TileRoofs
from .thermal import collector_room

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Room:
    """
    Where the area of each surface goes before shade is computed.

    Attributes
    ----------
    outline
        In which modules may lie, shape (m,).
    area
        Of the surface [m2], shape (m,); the following are parts of it.
    setback
        Along outer edges, ridges and valleys, and under ways of access [m2], shape (m,).
    parapet_shade
        In the shadow of the parapet at noon of the winter solstice [m2], shape (m,).
    excluded
        Of surfaces too small, of too little load reserve, or excluded by class and year [m2], shape (m,).
    obstacle
        Equipment and skylights [m2], shape (m,).
    existing
        Under PV that stands already [m2], shape (m,).
    thermal
        Given to solar collectors [m2], shape (m,).
    """

    outline: npt.NDArray[np.object_]
    area: Floats
    setback: Floats
    parapet_shade: Floats
    excluded: Floats
    obstacle: Floats
    existing: Floats
    thermal: Floats

    @property
    def inner(self) -> Floats:
        """Area of the outline [m2], shape (m,)."""
        return np.maximum(0.0, self.area - self.setback - self.parapet_shade - self.excluded)

    @property
    def usable(self) -> Floats:
        """What is left for modules [m2], shape (m,)."""
        return np.maximum(0.0, self.inner - self.obstacle - self.existing - self.thermal)


def room(rows: gpd.GeoDataFrame, shape: TileRoofs, kinds: RoofKinds, model: Model) -> Room:
    """
    Take every deduction from every surface.

    Parameters
    ----------
    rows
        Buildings, n of them, with `year_built` and `installed_kwp`.
    shape
        Their surfaces, m of them.
    kinds
        Their archetypes.
    model
        Parameters of the run.

    Returns
    -------
    Room
        Areas on the roof plane.

    Notes
    -----
    Parapets are taken from archetypes only: a surface model that measured a roof shades it with its own. Skylights lie flush and are
    taken by class in both tiers, since no surface model shows them.
    """
    surfaces, owner = shape.surfaces, shape.surfaces.building
    slope = 1.0 / np.cos(np.radians(surfaces.roof_tilt))
    area = shapely.area(surfaces.geometry) * slope
    access = model.archetypes.access
    outline = usable_outlines(surfaces.geometry, kinds.setback_m[owner], shape.roof, inner=model.archetypes.edges.inner_m)
    outline = between_access_ways(outline, surfaces.axis_azimuth, spacing=access.spacing_m, width=access.width_m)
    walkable = shapely.area(outline) * slope
    guessed_flat = (surfaces.roof_tilt == 0.0) & ~shape.measured[owner]
    shadow = np.where(guessed_flat, kinds.parapet_height_m[owner] * noon_shadow(model.latitude), 0.0)
    outline = out_of_parapet_shadow(outline, surfaces.geometry, shadow, 0.0 if model.latitude >= 0.0 else 180.0)
    inner = shapely.area(outline) * slope
    year = rows["year_built"].to_numpy(dtype=float, na_value=np.nan)
    short = rows["load_reserve_kpa"].to_numpy(dtype=float) < kinds.load_kpa
    barred = short[owner] | (inner < kinds.minimum_area_m2[owner]) | (year < kinds.excluded_before_year)[owner]
    excluded = np.where(barred, inner, 0.0)
    free = inner - excluded
    # measured obstacles stand on the whole surface: those on the set-back take no room twice
    share = np.where(np.isnan(shape.obstacle_area_m2), kinds.obstacle_share[owner], shape.obstacle_area_m2 / area)
    obstacle = free * np.minimum(share + kinds.skylight_share[owner], 1.0)
    existing = _existing(rows, free - obstacle, owner, slope, model)
    thermal = np.zeros_like(area)
    if model.thermal is not None:
        thermal = collector_room(model.thermal, rows, surfaces, np.maximum(0.0, free - obstacle - existing), model.latitude)
    bare = np.where(barred, shapely.Polygon(), outline)
    return Room(bare, area, area - walkable, walkable - inner, excluded, obstacle, existing, thermal)


def structural_check(rows: gpd.GeoDataFrame, kinds: RoofKinds) -> npt.NDArray[np.object_]:
    """
    Say of each building whether its roof is known to carry PV.

    Parameters
    ----------
    rows
        Buildings with `load_reserve_kpa`, NaN where unknown, shape (n,).
    kinds
        Their archetypes.

    Returns
    -------
    array
        `load_ok`, `load_short` or, where nobody knows, `to_check`, shape (n,).
    """
    reserve = rows["load_reserve_kpa"].to_numpy(dtype=float)
    known = np.where(reserve >= kinds.load_kpa, "load_ok", "load_short")
    return np.where(np.isnan(reserve), "to_check", known).astype(object)


def _existing(rows: gpd.GeoDataFrame, left: Floats, owner: npt.NDArray[np.int64], slope: Floats, model: Model) -> Floats:
    """Area of the PV that a building has, as drawn or by its capacity, spread over its surfaces by what is left on them."""
    module = model.system.module
    covered = np.nan_to_num(rows["installed_kwp"].to_numpy(dtype=float)) * 1000.0 / module.pdc0_w * module.area_m2
    drawn = rows["drawn_pv_m2"].to_numpy(dtype=float) if "drawn_pv_m2" in rows else np.zeros(len(rows))
    whole = np.bincount(owner, weights=left, minlength=len(rows))
    share = np.divide(left, whole[owner], out=np.zeros_like(left), where=whole[owner] > 0)
    return np.asarray(np.minimum(left, np.maximum(covered[owner], drawn[owner] * slope) * share))
