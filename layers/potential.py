"""The whole way of one tile: from prepared buildings and what stands around them to roofs with yield, cost and carbon."""

import hashlib
import heapq
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.archetypes import RoofKinds
from geo.grid import Grid
from geo.horizons import WALL_RAYS, horizons, sub_rays_for, terrain_halo
from geo.outlines import closed_rings, plane_rings, sample_points
from geo.rasters import read_window
from geo.surface_raster import near_surface
from geo.surfaces import RoofSurfaces
from geo.tiles import NEAR_M, Surroundings, read_surroundings
from geo.walls import walls
from solar.layout import pack_rows
from solar.money import export_prices, finance_roofs, unit_capex, use_codes
from solar.mounts import ORIENTATIONS, Candidates, candidates, choose, layout_inputs
from solar.orientations import BARE, EAST_WEST, FLUSH, MOUNTING_NAMES, Blend
from solar.uncertainty import p90

from .carbon import carbon_t
from .demand import building_load_kwh
from .model import LAPSE_K_PER_M, Model, cover_ratio
from .profiles import Memberships, memberships, sum_groups
from .roofs import TileRoofs, measured_confidence, tile_roofs
from .room import Room, room, structural_check
from .schema import MONTHS
from .tile_yield import Mix, Planes, TileYield, tile_yield, whole_modules

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# Distance of sample points on large roofs; a house has one.
POINT_SPACING_M = 15.0
# A station on the roof itself has the weight of one this far away.
NEAREST_M = 1.0
# A module lies this far above the roof.
MODULE_ABOVE_M = 0.2
MOUNTS = (0, 1, 2)
# What a roof takes over from its building.
INHERITED = [
    "use",
    "use_detail",
    "is_urban",
    "year_built",
    "is_new",
    "data_tier",
    "confidence",
    "height_m",
    "ground_elevation_m",
    "responsible_area",
    "district",
    "zone",
    "parcel_id",
    "parcel_share",
]


@dataclass(frozen=True)
class TileResult:
    """
    What one tile hands over.

    Attributes
    ----------
    roofs
        The table `roofs`, sorted by roof_id.
    audit
        Everything that a reference simulation of each roof with modules needs, for a sample of at most `audit` roofs.
    mounts
        A row per roof and candidate mount: `use`, `mounting`, `kwp`, `energy_kwh`, `covered_area_m2`.
    profiles
        Hours of the tile by layer and region, see `sum_groups`.
    """

    roofs: gpd.GeoDataFrame
    audit: list[dict[str, Any]]
    mounts: pd.DataFrame
    profiles: pd.DataFrame


@dataclass(frozen=True)
class _Mounted:
    """The candidates laid out, (3, m), their orientation classes with weights, (3, m, 4), and the chosen one, (m,); -1 = nothing fits."""

    candidates: Candidates
    count: Ints
    classes: Ints
    weights: Floats
    kwp: Floats
    open_energy: Floats
    covered: Floats
    chosen: Ints


def assess_tile(buildings: gpd.GeoDataFrame, around: Surroundings, model: Model, *, audit: int = 200) -> TileResult:
    """
    Assess every roof of a tile.

    Parameters
    ----------
    buildings
        Prepared buildings of the tile that are to be assessed (`status` is ""), at least one.
    around
        What can shade them, they themselves included.
    model
        Parameters of the run.
    audit
        Largest number of roofs kept for the audit, the ones with the smallest `audit_key`.

    Returns
    -------
    TileResult
        A roof's row depends on its building and surroundings alone, not on the tile.
    """
    rows = buildings.sort_values("building_id").reset_index(drop=True)
    kinds = model.archetypes.choose(rows["use"], rows["height_m"], rows["footprint_area_m2"]).with_tilt(rows["tilt_given"])
    dsm = _surface_model(rows, model)
    shape = tile_roofs(rows, kinds, dsm if model.dsm_planes else None)
    rows = _with_tier(rows, shape)
    surfaces, owner = shape.surfaces, shape.surfaces.building
    space = room(rows, shape, kinds, model)
    station = _stations(surfaces, model)
    mounted = _mount(rows, surfaces, kinds, space, station, model)

    xy, start = sample_points(space.outline, surfaces.geometry, surfaces.axis_azimuth, spacing=POINT_SPACING_M)
    z = shape.height(np.repeat(np.arange(len(owner)), np.diff(start)), xy, dsm) + MODULE_ABOVE_M
    horizon = _horizons(xy, z, around, dsm, model)
    placed = _Placed(np.column_stack([xy, z]), horizon, start)
    tilt, azimuth = _module_plane(surfaces, mounted)
    warmer = _temperature_offset(rows, owner, station, model)
    members = memberships(rows, model.profile_columns)
    planes = _planes(surfaces, mounted, tilt, azimuth, warmer, station, members, model)
    module_kwp = model.system.module.pdc0_w / 1000.0
    yields = tile_yield(
        planes, horizon, start, model.stations, threshold=model.point_threshold, module_kwp=module_kwp, groups=len(members.groups)
    )
    roofs = _roof_table(rows, surfaces, kinds, space, mounted, tilt, azimuth, yields, model)
    sample = _audit_sample(roofs, yields.horizon, yields.start, placed, warmer, station, audit)
    return TileResult(roofs, sample, _candidate_table(rows, owner, mounted), sum_groups(members.groups, yields.hourly))


@dataclass(frozen=True)
class _Placed:
    """All points of the roofs (P, 3), good or not, with their horizons and the first point of each roof."""

    points: Floats
    horizon: npt.NDArray[np.float32]
    start: Ints

    def kept(self, roof: int, horizon: npt.NDArray[np.float32]) -> Floats:
        """Points of a roof whose horizons are among the given ones: equal horizons are equally good."""
        mine = slice(self.start[roof], self.start[roof + 1])
        same = (self.horizon[mine][:, None, :] == horizon[None, :, :]).all(axis=2).any(axis=1)
        return np.asarray(self.points[mine][same])


def plain_horizons(points: Floats, tiles: Path, model: Model) -> npt.NDArray[np.float32]:
    """
    Find the horizons of some points again, marching over every cell with four times as many rays.

    Parameters
    ----------
    points
        Easting, northing and elevation, shape (p, 3) [m].
    tiles
        Folder of the prepared buildings.
    model
        Parameters of the run.

    Returns
    -------
    array
        Elevations, shape (p, 72) [degrees].
    """
    box = np.concatenate([points[:, :2].min(axis=0), points[:, :2].max(axis=0)])
    left, bottom, right, top = box
    dsm = None
    if model.dsm is not None:
        dsm = read_window(model.dsm, (left - NEAR_M, bottom - NEAR_M, right + NEAR_M, top + NEAR_M), pad=2.0)
    rays = 4 * (WALL_RAYS if dsm is None else sub_rays_for(model.surface_resolution))
    return _horizons(points[:, :2], points[:, 2], read_surroundings(tiles, box), dsm, model, plain=True, sub_rays=rays)


def audit_key(roof_id: str) -> str:
    """
    Give a roof its place in the random order by which audits draw.

    Parameters
    ----------
    roof_id
        Id of the roof.

    Returns
    -------
    str
        A hash of the id: the same in every run and order.
    """
    return hashlib.blake2b(roof_id.encode(), digest_size=8, person=b"wuding-audit").hexdigest()


def _surface_model(rows: gpd.GeoDataFrame, model: Model) -> Grid | None:
    """Surface model of the tile and of all that shades it from near by."""
    if model.dsm is None:
        return None
    left, bottom, right, top = rows.total_bounds
    return read_window(model.dsm, (left - NEAR_M, bottom - NEAR_M, right + NEAR_M, top + NEAR_M), pad=2.0)


def _with_tier(rows: gpd.GeoDataFrame, shape: TileRoofs) -> gpd.GeoDataFrame:
    """Say of the measured buildings that they are, and how sure that is."""
    measured = shape.measured
    tier = np.where(measured, "dsm", rows["data_tier"].to_numpy(dtype=object))
    confidence = np.where(measured, measured_confidence(shape.fit), rows["confidence"].to_numpy(dtype=float))
    return rows.assign(data_tier=tier, confidence=confidence)


def _stations(surfaces: RoofSurfaces, model: Model) -> Mix:
    """All surfaces of a building take the stations of its first one."""
    count = min(len(model.stations), 3 if model.mix == "three_nearest" else 1)
    x, y = shapely.get_coordinates(shapely.centroid(surfaces.geometry)).T
    first = _first_of(surfaces.building)
    away = np.stack([np.hypot(x - s.x, y - s.y) for s in model.stations], axis=1)[first]
    station: Ints = np.argsort(away, axis=1, kind="stable")[:, :count]
    nearness = 1.0 / np.maximum(np.take_along_axis(away, station, axis=1), NEAREST_M)
    return Mix(station, nearness / nearness.sum(axis=1, keepdims=True))


def _first_of(owner: Ints) -> Ints:
    """Find the first surface of each surface's building."""
    first = np.searchsorted(owner, np.arange(owner.max() + 1))
    return first[owner]


def _mount(rows: gpd.GeoDataFrame, surfaces: RoofSurfaces, kinds: RoofKinds, space: Room, station: Mix, model: Model) -> _Mounted:
    system, module = model.system, model.system.module
    offered = candidates(
        surfaces.roof_tilt,
        surfaces.roof_azimuth,
        surfaces.axis_azimuth,
        kinds.is_metal[surfaces.building],
        latitude=model.latitude,
        rack_tilt=system.mounts["rack"].tilt,
        east_west_tilt=system.mounts["east_west"].tilt,
    )
    inner = space.inner
    free = np.divide(space.usable, inner, out=np.zeros_like(inner), where=inner > 0)
    shape = (len(MOUNTS), len(surfaces.building))
    count, open_yield = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    classes, weights = np.zeros((*shape, 4), dtype=np.int64), np.zeros((*shape, 4))
    closed = closed_rings(space.outline)
    unshaded = np.nan_to_num(np.stack([cell.unshaded for cell in model.stations]))
    for mount in MOUNTS:
        at = np.flatnonzero(offered.allowed[mount] & (space.usable > 0))
        if not at.size:
            continue
        facing, tilt = offered.row_azimuth[mount][at], offered.surface_tilt[mount][at]
        cover = cover_ratio(system, model.latitude, mount, facing)
        rings = plane_rings(closed.take(at), surfaces.roof_tilt[at], surfaces.roof_azimuth[at], facing)
        layouts = [
            layout_inputs(mount, length=module.length_m, width=module.width_m, surface_tilt=tilt, pitch_ratio=1.0 / cover, orientation=way)
            for way in ORIENTATIONS
        ]
        laid = pack_rows(rings.vertices, rings.ring_start, rings.polygon_start, layouts).count
        count[mount, at] = whole_modules(laid.astype(float) * free[at], pairs=mount == EAST_WEST)
        blend = model.stations[0].sky.orientations.blend(tilt, offered.surface_azimuth[mount][at], mount, gcr=cover)
        classes[mount, at], weights[mount, at] = blend.classes, blend.weights
        by_station = (unshaded[station.station[at, :, None], blend.classes[:, None, :]] * blend.weights[:, None, :]).sum(axis=2)
        open_yield[mount, at] = (by_station * station.weight[at]).sum(axis=1)
    kwp: Floats = count.astype(float) * module.pdc0_w / 1000.0
    covered: Floats = count.astype(float) * module.area_m2 * np.cos(np.radians(offered.surface_tilt))
    use = use_codes(rows["use"].to_numpy(dtype=object)[surfaces.building])
    capex = np.stack([kwp[m] * unit_capex(model.finance, kwp[m], use, np.full(shape[1], m)) for m in MOUNTS])
    finance = model.finance
    price = float(export_prices(finance, model.market.spot_all).mean())
    annuity = float(((1.0 + finance.discount_rate) ** -np.arange(1.0, finance.life_years + 1.0)).sum())
    chosen = choose(
        model.choose,
        capacity=kwp,
        specific_yield=open_yield,
        capex=capex,
        covered_area=covered,
        upkeep=1000.0 * finance.om_cost,
        annuity=annuity,
        price=price,
    )
    return _Mounted(offered, count, classes, weights, kwp, kwp * open_yield, covered, chosen)


def _module_plane(surfaces: RoofSurfaces, mounted: _Mounted) -> tuple[Floats, Floats]:
    """Tilt and azimuth of the modules; of the roof where nothing is mounted."""
    column = np.arange(len(mounted.chosen))
    take = np.maximum(mounted.chosen, 0)
    tilt = np.where(mounted.chosen >= 0, mounted.candidates.surface_tilt[take, column], surfaces.roof_tilt)
    azimuth = np.where(
        mounted.chosen >= 0, mounted.candidates.surface_azimuth[take, column], np.nan_to_num(surfaces.roof_azimuth, nan=180.0)
    )
    return tilt, azimuth


def _horizons(
    xy: Floats, z: Floats, around: Surroundings, dsm: Grid | None, model: Model, *, plain: bool = False, sub_rays: int | None = None
) -> npt.NDArray[np.float32]:
    left, bottom = xy.min(axis=0)
    right, top = xy.max(axis=0)
    box = (left, bottom, right, top)
    wide = (left - NEAR_M, bottom - NEAR_M, right + NEAR_M, top + NEAR_M)
    measured = None
    if dsm is not None:
        measured = near_surface(wide, model.surface_resolution, around.geometry, around.top, dsm, newer=around.stale)
    near = walls(wide, around.geometry, around.top) if measured is None else None
    reach = max(around.reach, NEAR_M)
    farther = (left - reach, bottom - reach, right + reach, top + reach)
    tall = len(around.tall_geometry) and reach > NEAR_M
    towers = walls(farther, around.tall_geometry, around.tall_top) if tall else None
    terrain = model.terrain.window(box, pad=terrain_halo(model.terrain.resolution))
    far = model.far.within(box) if model.far is not None else None
    points = np.column_stack([xy, z])
    return horizons(
        points,
        surface=measured,
        near=near,
        towers=towers,
        terrain=terrain,
        far=far,
        towers_reach=reach,
        plain=plain,
        sub_rays=sub_rays,
    )


def _temperature_offset(rows: gpd.GeoDataFrame, owner: Ints, station: Mix, model: Model) -> Floats:
    """Cool each station's air with height; on flat terrain the height of the ground is not known and the air stays."""
    if model.terrain.is_flat:
        return np.zeros(station.station.shape)
    altitude = np.array([s.altitude for s in model.stations])[station.station]
    return np.asarray(LAPSE_K_PER_M * (rows["ground_elevation_m"].to_numpy(dtype=float)[owner][:, None] - altitude))


def _planes(
    surfaces: RoofSurfaces,
    mounted: _Mounted,
    tilt: Floats,
    azimuth: Floats,
    warmer: Floats,
    station: Mix,
    members: Memberships,
    model: Model,
) -> Planes:
    """Give the engine what it needs of the roofs."""
    classes = model.stations[0].sky.orientations
    downslope = np.nan_to_num(surfaces.roof_azimuth, nan=180.0)
    bare_roof = classes.blend(surfaces.roof_tilt, downslope, FLUSH)
    on, column = mounted.chosen >= 0, np.arange(len(mounted.chosen))
    take = np.maximum(mounted.chosen, 0)
    taken = Blend(
        np.where(on[:, None], mounted.classes[take, column], bare_roof.classes),
        np.where(on[:, None], mounted.weights[take, column], bare_roof.weights),
    )
    return Planes(
        tilt=tilt,
        azimuth=azimuth,
        roof_tilt=surfaces.roof_tilt,
        downslope=downslope,
        modules=taken,
        bare=classes.blend(surfaces.roof_tilt, downslope, BARE),
        warmer=warmer,
        station=station,
        laid=np.where(on, mounted.count[take, column], 0),
        mounting=mounted.chosen,
        group=members.group[surfaces.building],
    )


def _roof_table(
    rows: gpd.GeoDataFrame,
    surfaces: RoofSurfaces,
    kinds: RoofKinds,
    space: Room,
    mounted: _Mounted,
    tilt: Floats,
    azimuth: Floats,
    yields: TileYield,
    model: Model,
) -> gpd.GeoDataFrame:
    owner, module = surfaces.building, model.system.module
    mount, count, kept, simulated = mounted.chosen, yields.count, yields.kept, yields.found
    on = count > 0
    kwp = count * module.pdc0_w / 1000.0
    months = simulated.specific_energy * kwp[:, None]
    energy = months.sum(axis=1)
    use = use_codes(rows["use"].to_numpy(dtype=object)[owner])
    size = np.bincount(owner, weights=kwp, minlength=len(rows))[owner]
    generated = np.bincount(owner, weights=energy, minlength=len(rows))
    prices = model.market.prices(use, generated[owner], building_load_kwh(model.demand, rows).to_numpy()[owner])
    money = finance_roofs(
        model.finance,
        pdc0_kwp=kwp,
        energy_kwh=energy,
        use=use,
        prices=prices,
        terms=model.terms,
        size_kwp=size,
        mounting=np.where(on, mount, -1),
    )
    ids = rows["building_id"].to_numpy(dtype=object)[owner]
    confidence = rows["confidence"].to_numpy(dtype=float)[owner]
    densest = np.nan_to_num(np.where(mounted.count > 0, mounted.covered, 0.0)).max(axis=0) * kept
    values: dict[str, Any] = {
        "building_id": ids,
        "roof_id": [f"{building}-{part:02d}" for building, part in zip(ids, surfaces.part, strict=True)],
        **{name: rows[name].to_numpy()[owner] if rows[name].dtype != "boolean" else rows[name].array[owner] for name in INHERITED},
        "footprint_area_m2": shapely.area(surfaces.geometry),
        "area_m2": space.area,
        "roof_tilt": surfaces.roof_tilt,
        "roof_azimuth": surfaces.roof_azimuth,
        "surface_tilt": np.where(on, tilt, np.nan),
        "surface_azimuth": np.where(on, azimuth, np.nan),
        "mounting": np.array([*MOUNTING_NAMES[:3], None], dtype=object)[np.where(on, mount, 3)],
        "setback_area_m2": space.setback,
        "obstacle_area_m2": space.obstacle,
        "existing_area_m2": space.existing,
        "excluded_area_m2": space.excluded,
        "shaded_out_area_m2": space.parapet_shade + space.usable * (1.0 - kept),
        "usable_area_m2": space.usable * kept,
        "structural_check": structural_check(rows, kinds)[owner],
        "module_count": count,
        "module_area_m2": count * module.area_m2,
        "covered_area_m2": count * module.area_m2 * np.cos(np.radians(tilt)),
        "covered_densest_m2": densest,
        "pdc0_kwp": kwp,
        "pac0_kw": kwp / model.system.inverter.dc_ac_ratio,
        "sky_view_factor": np.add.reduceat(yields.seen, yields.start[:-1]) / np.diff(yields.start),
        "shading_loss": np.where(on, 1.0 - simulated.specific_energy.sum(axis=1) / simulated.unshaded, np.nan),
        "irradiation_kwh_m2": simulated.irradiation,
        "energy_kwh": energy,
        "energy_p90_kwh": p90(energy, confidence),
        **{name: months[:, month] for month, name in enumerate(MONTHS)},
        "specific_yield": np.divide(energy, kwp, out=np.full(len(kwp), np.nan), where=on),
        "capex_cny": money.capex_cny,
        "lcoe_cny_kwh": money.lcoe_cny_kwh,
        "npv_cny": money.npv_cny,
        "irr": money.irr,
        "payback_years": money.payback_years,
        "carbon_t": carbon_t(model.carbon, energy),
        "roadmap_year": pd.array([None] * len(owner), dtype="Int32"),
        "surface": np.arange(len(owner)),
    }
    return gpd.GeoDataFrame(values, geometry=surfaces.geometry, crs=rows.crs).sort_values("roof_id").reset_index(drop=True)


def _audit_sample(
    roofs: gpd.GeoDataFrame, horizon: npt.NDArray[np.float32], start: Ints, placed: _Placed, warmer: Floats, station: Mix, size: int
) -> list[dict[str, Any]]:
    with_modules = np.flatnonzero((roofs["module_count"] > 0).to_numpy())
    ids = roofs["roof_id"].to_numpy(dtype=object)
    drawn = heapq.nsmallest(size, ((audit_key(ids[row]), int(row)) for row in with_modules))
    rows = [row for _, row in drawn]
    surface = roofs["surface"].to_numpy()[rows]
    plain = ["roof_id", "mounting", "surface_tilt", "surface_azimuth", "specific_yield"]
    columns = {name: roofs[name].to_numpy()[rows].tolist() for name in plain}
    columns |= {"station": station.station[surface].tolist(), "station_weight": station.weight[surface].tolist()}
    columns |= {"temperature_offset": warmer[surface].tolist()}
    return [
        {"key": key, **_seen_from(at, horizon[start[at] : start[at + 1]], placed), **{name: values[k] for name, values in columns.items()}}
        for k, ((key, _), at) in enumerate(zip(drawn, surface, strict=True))
    ]


def _seen_from(roof: int, horizon: npt.NDArray[np.float32], placed: _Placed) -> dict[str, npt.NDArray[Any]]:
    return {"horizon": horizon.ravel(), "points": placed.kept(roof, horizon).ravel()}


def _candidate_table(rows: gpd.GeoDataFrame, owner: Ints, mounted: _Mounted) -> pd.DataFrame:
    use = rows["use"].to_numpy(dtype=object)[owner]
    parts: list[pd.DataFrame] = [
        pd.DataFrame(
            {
                "use": use,
                "mounting": MOUNTING_NAMES[mount],
                "kwp": mounted.kwp[mount],
                "energy_kwh": mounted.open_energy[mount],
                "covered_area_m2": mounted.covered[mount],
                "chosen": mounted.chosen == mount,
            }
        )[mounted.count[mount] > 0]
        for mount in MOUNTS
    ]
    return pd.concat(parts, ignore_index=True)
