"""The whole way of one tile: from prepared buildings and what stands around them to roofs with yield, cost and carbon."""

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.grid import Grid
from geo.outlines import closed_rings, sample_points
from geo.roof_kinds import RoofKinds
from geo.surfaces import RoofSurfaces
from geo.tiles import Surroundings
from solar.layout import pack_rows
from solar.money import export_prices, finance_roofs, unit_capex, use_codes
from solar.mounts import Candidates, candidates, choose
from solar.orientations import BARE, EAST_WEST, FLUSH, MOUNTING_NAMES, Blend
from solar.uncertainty import p90

from .carbon import carbon_t
from .demand import building_load_kwh
from .model import LAPSE_K_PER_M, Model
from .module_rows import TileParts, mount_rows, roof_ids
from .profiles import Memberships, memberships, sum_groups
from .roofs import TileRoofs, measured_confidence, tile_roofs
from .room import Room, room, structural_check
from .schema import MONTHS
from .shading import MODULE_ABOVE_M, Skylines, look_around, surface_model
from .thermal import thermal_kwh
from .tile_yield import Mix, Planes, TileYield, tile_yield, whole_modules

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# Distance of sample points on large roofs; a house has one.
POINT_SPACING_M = 15.0
# A station on the roof itself has the weight of one this far away.
NEAREST_M = 1.0
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
        A row per class of use and candidate mount: `use`, `mounting`, `roofs`, `chosen`, and of `kwp`, `energy_kwh` and `covered_area_m2`
        a few numbers each, whose exact sum is that of all roofs.
    profiles
        Hours of the tile by layer and region, see `sum_groups`.
    parts
        What a drawing needs, where it was asked for.
    """

    roofs: gpd.GeoDataFrame
    audit: list[dict[str, Any]]
    mounts: pd.DataFrame
    profiles: pd.DataFrame
    parts: TileParts | None = None


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


def assess_tile(
    buildings: gpd.GeoDataFrame, around: Surroundings, model: Model, *, audit: int = 200, keep: bool = False, prefer: int | None = None
) -> TileResult:
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
        Largest number of roofs kept for the audit, the ones with the smallest `audit_keys`.
    keep
        Whether to hand over what a drawing and the hours of each roof need; for few buildings.
    prefer
        Mount that every roof takes where it allows it, whatever the criterion; 0 flush, 1 rack, 2 east_west.

    Returns
    -------
    TileResult
        A roof's row depends on its building and surroundings alone, not on the tile.
    """
    rows = buildings.sort_values("building_id").reset_index(drop=True)
    kinds, dsm = _kinds(rows, model), surface_model(rows, model)
    shape = tile_roofs(rows, kinds, dsm if model.dsm_planes else None)
    rows = _with_tier(rows, shape)
    surfaces, owner = shape.surfaces, shape.surfaces.building
    space = room(rows, shape, kinds, model)
    station = _stations(surfaces, model)
    mounted = _mount(rows, surfaces, kinds, space, station, model, prefer)

    points, start = _sampled(shape, space, dsm)
    skylines = look_around(points, np.repeat(owner, np.diff(start)), rows, kinds, around, dsm, model, shape=shape)
    tilt, azimuth = _module_plane(surfaces, mounted)
    warmer = _temperature_offset(rows, owner, station, model)
    members = memberships(rows, model.profile_columns)
    planes = _planes(surfaces, mounted, tilt, azimuth, warmer, station, members, model)
    module_kwp = model.system.module.pdc0_w / 1000.0
    yields = tile_yield(
        planes, skylines, start, model.stations, threshold=model.point_threshold, module_kwp=module_kwp, groups=len(members.groups)
    )
    roofs = _roof_table(rows, surfaces, kinds, space, mounted, tilt, azimuth, yields, model)
    if model.thermal is not None:
        light = yields.found.irradiation
        heat = thermal_kwh(
            model.thermal, rows, surfaces, space.thermal, light, planes.bare, warmer, station, model.stations, model.latitude
        )
        roofs["thermal_kwh"] = heat[roofs["surface"].to_numpy()]
    sample = _audit_sample(roofs, yields, points, warmer, station, audit)
    parts = None
    if keep:
        single = replace(planes, group=np.arange(len(owner)))
        own = tile_yield(single, skylines, start, model.stations, threshold=model.point_threshold, module_kwp=module_kwp, groups=len(owner))
        parts = TileParts(rows, surfaces, space, mounted.candidates, single, points[:, :2], start, skylines, own)
    return TileResult(roofs, sample, _candidate_table(rows, owner, mounted), sum_groups(members.groups, yields.hourly), parts)


def skylines_of(buildings: gpd.GeoDataFrame, around: Surroundings, model: Model) -> dict[str, tuple[Floats, Skylines]]:
    """
    Look around from the sample points of buildings again, as `assess_tile` did.

    Parameters
    ----------
    buildings
        Prepared buildings, at least one.
    around
        What can shade them.
    model
        Parameters of the run.

    Returns
    -------
    dict
        Points, shape (P, 3) [m], and skylines of each roof_id, before parts under the threshold are left out.
    """
    rows = buildings.sort_values("building_id").reset_index(drop=True)
    kinds, dsm = _kinds(rows, model), surface_model(rows, model)
    shape = tile_roofs(rows, kinds, dsm if model.dsm_planes else None)
    surfaces = shape.surfaces
    points, start = _sampled(shape, room(rows, shape, kinds, model), dsm)
    skylines = look_around(points, np.repeat(surfaces.building, np.diff(start)), rows, kinds, around, dsm, model, shape=shape)
    ids = roof_ids(rows, surfaces)
    return {roof: (points[a:b], skylines.take(slice(a, b))) for roof, a, b in zip(ids, start[:-1], start[1:], strict=True)}


def plain_skylines(points: Floats, building: gpd.GeoDataFrame, around: Surroundings, model: Model) -> Skylines:
    """
    Look around from points of one building again, marching over every cell with far more rays, see `look_around`.

    Parameters
    ----------
    points
        Easting, northing and elevation, shape (p, 3) [m].
    building
        Its one row of the prepared buildings.
    around
        What can shade it.
    model
        Parameters of the run.

    Returns
    -------
    Skylines
        Of the points.
    """
    row = building.reset_index(drop=True)
    own = np.zeros(len(points), dtype=np.int64)
    return look_around(points, own, row, _kinds(row, model), around, surface_model(row, model), model, plain=True)


def audit_keys(roof_ids: npt.NDArray[np.object_]) -> npt.NDArray[np.uint64]:
    """
    Give roofs their places in the random order by which audits draw.

    Parameters
    ----------
    roof_ids
        Ids of the roofs, shape (m,).

    Returns
    -------
    array
        A hash of each id, shape (m,): the same in every run and order.
    """
    return np.asarray(pd.util.hash_array(roof_ids, hash_key="wuding-audit-key", categorize=False))


def _kinds(rows: gpd.GeoDataFrame, model: Model) -> RoofKinds:
    """Archetypes of buildings, with the tilts that are known."""
    kinds = model.archetypes.choose(rows["use"], rows["height_m"], rows["footprint_area_m2"], rows["construction"])
    return kinds.with_tilt(rows["tilt_given"])


def _sampled(shape: TileRoofs, space: Room, dsm: Grid | None) -> tuple[Floats, Ints]:
    """Sample points on the module planes, and the first of each surface."""
    surfaces = shape.surfaces
    xy, start = sample_points(space.outline, surfaces.geometry, surfaces.axis_azimuth, spacing=POINT_SPACING_M)
    z = shape.height(np.repeat(np.arange(len(surfaces.building)), np.diff(start)), xy, dsm) + MODULE_ABOVE_M
    return np.column_stack([xy, z]), start


def _with_tier(rows: gpd.GeoDataFrame, shape: TileRoofs) -> gpd.GeoDataFrame:
    """Say of the measured buildings that they are, and how sure that is."""
    measured = shape.measured
    tier = np.where(measured, "dsm", rows["data_tier"].to_numpy(dtype=object))
    confidence = np.where(measured, measured_confidence(shape.fit), rows["confidence"].to_numpy(dtype=float))
    return rows.assign(data_tier=tier, confidence=confidence)


def _stations(surfaces: RoofSurfaces, model: Model) -> Mix:
    """All surfaces of a building take the stations of its first one."""
    count = min(len(model.stations), 3 if model.mix == "three_nearest" else 1)
    first, building = np.unique(_first_of(surfaces.building), return_inverse=True)
    x, y = shapely.get_coordinates(shapely.centroid(surfaces.geometry[first])).T
    away = np.stack([np.hypot(x - s.x, y - s.y) for s in model.stations], axis=1)[building]
    station: Ints = np.argsort(away, axis=1, kind="stable")[:, :count]
    nearness = 1.0 / np.maximum(np.take_along_axis(away, station, axis=1), NEAREST_M)
    return Mix(station, nearness / nearness.sum(axis=1, keepdims=True))


def _first_of(owner: Ints) -> Ints:
    """Find the first surface of each surface's building."""
    first = np.searchsorted(owner, np.arange(owner.max() + 1))
    return first[owner]


def _mount(
    rows: gpd.GeoDataFrame,
    surfaces: RoofSurfaces,
    kinds: RoofKinds,
    space: Room,
    station: Mix,
    model: Model,
    prefer: int | None = None,
) -> _Mounted:
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
        rows_of = mount_rows(mount, at, closed, surfaces, offered, model)
        rings, tilt, cover = rows_of.rings, rows_of.tilt, rows_of.cover
        laid = pack_rows(rings.vertices, rings.ring_start, rings.polygon_start, rows_of.layouts).count
        count[mount, at] = whole_modules(laid.astype(float) * free[at], pairs=mount == EAST_WEST)
        blend = model.stations[0].sky.orientations.blend(tilt, offered.surface_azimuth[mount][at], mount, gcr=cover)
        classes[mount, at], weights[mount, at] = blend.classes, blend.weights
        by_station = (unshaded[station.station[at, :, None], blend.classes[:, None, :]] * blend.weights[:, None, :]).sum(axis=2)
        open_yield[mount, at] = (by_station * station.weight[at]).sum(axis=1)
    kwp: Floats = count.astype(float) * module.pdc0_w / 1000.0
    covered: Floats = count.astype(float) * module.area_m2 * np.cos(np.radians(offered.surface_tilt))
    use = use_codes(rows["use"].to_numpy(dtype=object)[surfaces.building])
    frame = (kinds.construction == "carport")[surfaces.building]
    capex = np.stack([kwp[m] * unit_capex(model.finance, kwp[m], use, np.full(shape[1], m), frame) for m in MOUNTS])
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
    if prefer is not None:
        chosen = np.where(count[prefer] > 0, prefer, chosen)
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
        carport=(kinds.construction == "carport")[owner],
    )
    ids, roofs = rows["building_id"].array[owner], roof_ids(rows, surfaces)
    confidence = rows["confidence"].to_numpy(dtype=float)[owner]
    densest = np.nan_to_num(np.where(mounted.count > 0, mounted.covered, 0.0)).max(axis=0) * kept
    values: dict[str, Any] = {
        "building_id": ids,
        "roof_id": roofs,
        **{name: rows[name].array[owner] for name in INHERITED},
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
        "excluded_area_m2": space.excluded + space.thermal,
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
        "thermal_area_m2": space.thermal,
        "thermal_kwh": 0.0,
        "roadmap_year": pd.arrays.IntegerArray(np.zeros(len(owner), dtype=np.int32), np.ones(len(owner), dtype=bool)),  # none yet
        "surface": np.arange(len(owner)),
    }
    table = gpd.GeoDataFrame(values, geometry=surfaces.geometry, crs=rows.crs)
    return table if roofs == sorted(roofs) else table.sort_values("roof_id").reset_index(drop=True)


def _audit_sample(
    roofs: gpd.GeoDataFrame, yields: TileYield, points: Floats, warmer: Floats, station: Mix, size: int
) -> list[dict[str, Any]]:
    with_modules = np.flatnonzero((roofs["module_count"] > 0).to_numpy())
    keys = audit_keys(roofs["roof_id"].to_numpy(dtype=object)[with_modules])
    first = np.argsort(keys, kind="stable")[:size]
    rows, drawn = with_modules[first], [f"{key:016x}" for key in keys[first].tolist()]
    surface = roofs["surface"].to_numpy()[rows]
    plain = ["roof_id", "building_id", "mounting", "surface_tilt", "surface_azimuth", "specific_yield"]
    columns = {name: roofs[name].to_numpy()[rows].tolist() for name in plain}
    columns |= {"station": station.station[surface].tolist(), "station_weight": station.weight[surface].tolist()}
    columns |= {"temperature_offset": warmer[surface].tolist()}
    skylines, start = yields.skylines, yields.start
    leafy = skylines.opaque[:0] if skylines.leafy is None else skylines.leafy
    return [
        {
            "key": key,
            "horizon": skylines.opaque[start[at] : start[at + 1]].ravel(),
            "leafy": leafy[start[at] : start[at + 1]].ravel(),
            "points": points[yields.points[start[at] : start[at + 1]]].ravel(),
            **{name: values[k] for name, values in columns.items()},
        }
        for k, (key, at) in enumerate(zip(drawn, surface, strict=True))
    ]


def _candidate_table(rows: gpd.GeoDataFrame, owner: Ints, mounted: _Mounted) -> pd.DataFrame:
    code, names = pd.factorize(rows["use"], sort=True)
    found = []
    for mount, use in itertools.product(MOUNTS, range(len(names))):
        at = np.flatnonzero((code[owner] == use) & (mounted.count[mount] > 0))
        if not at.size:
            continue
        sums = {"kwp": mounted.kwp, "energy_kwh": mounted.open_energy, "covered_area_m2": mounted.covered}
        found.append(
            {"use": names[use], "mounting": MOUNTING_NAMES[mount], "roofs": at.size, "chosen": int((mounted.chosen[at] == mount).sum())}
            | {name: _exact_sum(values[mount, at]) for name, values in sums.items()}
        )
    return pd.DataFrame(found, columns=["use", "mounting", "roofs", "chosen", "kwp", "energy_kwh", "covered_area_m2"])


def _exact_sum(values: Floats) -> list[float]:
    """Give the few numbers whose exact sum is that of all: sums of tiles then come out the same however the tiles were cut."""
    left, parts = values.tolist(), []
    while total := math.fsum(left):
        parts.append(total)
        left.append(-total)
    return parts
