"""The roofs of a tile: planes measured from the surface model where it shows them, otherwise the archetype of the building."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from geo.grid import Grid
from geo.roof_edges import face_planes
from geo.roof_kinds import RoofKinds
from geo.roof_planes import RoofPlanes, measure_planes
from geo.roof_planes_patches import parameters
from geo.roof_planes_steps import connected_roofs
from geo.surfaces import RoofSurfaces, roof_surfaces

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]


@dataclass(frozen=True)
class TileRoofs:
    """
    Surfaces of all buildings of a tile.

    Attributes
    ----------
    surfaces
        Sorted by building and azimuth, m of them.
    roof
        The part of its building to which each surface belongs without a step: its edges are outer edges, shape (m,).
    plane
        Slope east [m/m], slope north [m/m] and height at `origin` [m above datum], shape (m, 3).
    origin
        Plan coordinates [m], shape (m, 2).
    obstacle_area_m2
        Measured [m2], shape (m,); NaN where the share of the class holds.
    measured
        Of each building, shape (n,).
    fit
        Share of a building's cells that its planes explain, shape (n,); NaN where not measured.
    """

    surfaces: RoofSurfaces
    roof: Objects
    plane: Floats
    origin: Floats
    obstacle_area_m2: Floats
    measured: npt.NDArray[np.bool_]
    fit: Floats

    def height(self, surface: Ints, xy: Floats, dsm: Grid | None) -> Floats:
        """
        Height of the roof under points.

        Parameters
        ----------
        surface
            Surface of each point, shape (p,).
        xy
            Plan coordinates [m], shape (p, 2).
        dsm
            Surface model that shades the points, or None: a roof that it shows but that was not measured stands no lower than it.

        Returns
        -------
        array
            Shape (p,) [m above datum].
        """
        off = xy - self.origin[surface]
        height: Floats = (self.plane[surface, :2] * off).sum(axis=1) + self.plane[surface, 2]
        if dsm is None:
            return height
        shown = np.where(self.measured[self.surfaces.building[surface]], np.nan, dsm.sample(xy[:, 0], xy[:, 1]))
        return np.fmax(height, shown)


def tile_roofs(rows: gpd.GeoDataFrame, kinds: RoofKinds, dsm: Grid | None) -> TileRoofs:
    """
    Give every building its roof surfaces.

    Parameters
    ----------
    rows
        Buildings with `ground_elevation_m`, `height_m` and `stale_surface`, n of them.
    kinds
        Their archetypes.
    dsm
        Surface model fine enough for roof planes, or None.

    Returns
    -------
    TileRoofs
        Measured where the surface model shows the building and fits, else by archetype.

    Notes
    -----
    A tilt that a person gave (`tilt_given`) stands above what was measured: measured slopes take it and keep their outlines and azimuths;
    where one says flat and the other sloped, the building follows its archetype.
    """
    plan = rows.geometry.to_numpy()
    top = (rows["ground_elevation_m"] + rows["height_m"]).to_numpy(dtype=float)
    measured, fit = np.zeros(len(rows), dtype=bool), np.full(len(rows), np.nan)
    planes, shown = None, np.empty(0, dtype=np.int64)
    if dsm is not None:
        shown = np.flatnonzero(~rows["stale_surface"].to_numpy(dtype=bool))
    # carports that nobody has built yet may stand alone in a tile or a parcel
    if dsm is not None and shown.size:
        planes = measure_planes(plan[shown], dsm, rows["ground_elevation_m"].to_numpy(dtype=float)[shown])
        planes = corrected(planes, rows["tilt_given"].to_numpy(dtype=float)[shown])
        measured[shown] = planes.measured
        fit[shown] = np.where(planes.measured, planes.building_fit, np.nan)
    rest = np.flatnonzero(~measured)
    guessed = roof_surfaces(plan[rest], kinds.shape[rest], kinds.tilt[rest], kinds.span_m[rest])
    stood = face_planes(guessed, top[rest], rows["height_m"].to_numpy(dtype=float)[rest])
    made = (*stood, np.full(guessed.building.size, np.nan))
    if planes is None:
        return TileRoofs(guessed, plan[guessed.building], *made, measured, fit)
    surfaces, order = _together([planes.surfaces, guessed], [shown, rest])
    found = (planes.plane, planes.origin, planes.obstacle_area_m2)
    plane, origin, obstacle = (np.concatenate(both)[order] for both in zip(found, made, strict=True))
    joined = connected_roofs(plan[shown], planes.surfaces, planes.plane, planes.origin, parameters()["step_m"])
    roof = np.concatenate([joined, plan[rest][guessed.building]])[order]
    return TileRoofs(surfaces, roof, plane, origin, obstacle, measured, fit)


def measured_confidence(fit: Floats) -> Floats:
    """
    Confidence in measured roofs.

    Parameters
    ----------
    fit
        Share of a roof's cells that lie on its planes, shape (n,).

    Returns
    -------
    array
        0 to 1, shape (n,).
    """
    return np.asarray(parameters()["confidence"] * fit)


def corrected(planes: RoofPlanes, tilt: Floats) -> RoofPlanes:
    """
    Put the tilts that people gave into measured roofs.

    Parameters
    ----------
    planes
        Measured roofs of n buildings.
    tilt
        Given tilts, NaN where none [degrees], shape (n,).

    Returns
    -------
    RoofPlanes
        Slopes with the given tilt; buildings that contradict it (flat against sloped) are not measured.
    """
    if not np.isfinite(tilt).any():
        return planes
    surfaces, owner = planes.surfaces, planes.surfaces.building
    sloped = surfaces.roof_tilt > 0.0
    steepest = np.zeros(tilt.size)
    np.maximum.at(steepest, owner, surfaces.roof_tilt)
    lost = np.isfinite(tilt) & ((tilt > 0.0) != (steepest > 0.0))
    given = np.isfinite(tilt[owner]) & sloped & ~lost[owner]
    now = np.where(given, tilt[owner], surfaces.roof_tilt)
    steeper = np.divide(np.tan(np.radians(now)), np.tan(np.radians(surfaces.roof_tilt)), out=np.ones(owner.size), where=sloped)
    longer = np.cos(np.radians(surfaces.roof_tilt)) / np.cos(np.radians(now))
    keep = ~lost[owner]
    kept = {f.name: getattr(surfaces, f.name)[keep] for f in fields(RoofSurfaces)} | {"roof_tilt": now[keep]}
    return replace(
        planes,
        surfaces=RoofSurfaces(**kept),
        plane=(planes.plane * np.column_stack([steeper, steeper, np.ones(owner.size)]))[keep],
        origin=planes.origin[keep],
        obstacle_area_m2=(planes.obstacle_area_m2 * longer)[keep],
        fit=planes.fit[keep],
        measured=planes.measured & ~lost,
    )


def _together(parts: list[RoofSurfaces], buildings: list[Ints]) -> tuple[RoofSurfaces, Ints]:
    """Surfaces of several groups of buildings as one, sorted by building; also the order in which they now stand."""
    owner = np.concatenate([index[part.building] for part, index in zip(parts, buildings, strict=True)])
    order = np.argsort(owner, kind="stable")
    values = {f.name: np.concatenate([getattr(part, f.name) for part in parts])[order] for f in fields(RoofSurfaces)}
    values["building"] = owner[order]
    return RoofSurfaces(**values), order
