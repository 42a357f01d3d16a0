"""The whole job, top to bottom: footprints in, roofs, sums, targets and products out."""

import gc
import importlib.util
import itertools
import math
import os
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from geo.archetypes import load_archetypes
from geo.far_horizons import SPACING, far_horizons
from geo.roof_planes import shows_planes
from geo.zones import in_china
from layers.carbon import load_carbon
from layers.demand import load_demand
from layers.grid_cells import grid_cells
from layers.model import LAPSE_K_PER_M, Model, Station, county_orientations, open_yield, typical_hours
from layers.parcel_table import parcel_table
from layers.policy import Policy
from layers.profiles import MOST_REGIONS, milliwatt_hours, read_parts, write_profiles
from layers.replacing import on_disk, unfinished
from layers.sanity import sanity, warn_outside
from layers.schema import region_table, write_table
from layers.sums import RoofSums, StoredColumns, roofs_by_building, sum_regions, sum_roofs, totals
from solar.canopy import load_transmissivity
from solar.climatology import jinan_climatology
from solar.parameters import System, load_system
from solar.self_use import market, market_content
from solar.sky import prepare_sky
from solar.uncertainty import p90_of_groups
from solar.weather import Weather, read_weather

from .attributing import attributions, source_notes
from .audit import audit_summary, audit_warnings, simulate_again
from .beside import WORTH_IT_BUILDINGS, beside, turns
from .canopies import surface_sums
from .checksums import require_unchanged, states
from .cluster import Ahead
from .compiling import compile_ahead
from .errors import StudyError
from .hot_water import study_thermal
from .inputs import Prepared, prepare
from .keeping import Kept, give_back, keep
from .manifest import Clock, check_rooms, versions, weather_facts, write_json
from .messages import translate_all
from .metering import load_remarks, study_finance, study_loads, study_tariffs, study_terms
from .near import TYPICAL, vars_of
from .placing import COLUMN_OF
from .products import study_policy, write_exclusions, write_products, write_targets
from .progress import Screen
from .reading import middle
from .run_folder import alone, continue_or_clear, noting_end, require_paths, require_space, tiles_to_assess
from .sound import seal_products, seal_rasters
from .store import Store
from .stored_tiles import through_store
from .study import Study, study_content
from .summing import read_buildings, write_buildings
from .workers import assess_tiles

CLIMATOLOGY_REACH_KM, STATION_REACH_KM = 150.0, 100.0
_READ_LATE = ("policy", "form", "load", "hosting", "tariffs")  # by tables and products
FIRST_NEW_YEARS = (2021, 2025)  # 十四五; where a study names no policy, nothing is judged by it


def run_study(
    study: Study,
    out: Path,
    screen: Screen,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    fresh: bool = False,
    store: Store | None = None,
) -> dict[str, Any]:
    """
    Run a study from its files to all products.

    Parameters
    ----------
    study
        The study.
    out
        Run folder; an interrupted run of the same inputs is continued.
    screen
        Where progress is shown.
    workers
        Worker processes; the machine's cores by default.
    scheduler
        Address of a running Dask scheduler instead.
    fresh
        Start anew whatever is there.
    store
        Where the run folder really lies, when `out` is its mirror.

    Returns
    -------
    dict
        The manifest.
    """
    check_rooms()
    out = out.resolve()  # what a run notes for itself must hold from any folder
    require_paths(out, study.study.name)
    with alone(out), noting_end(out), screen.noting(out / ".work" / "progress.json"):
        return _run(study, out, screen, workers, scheduler, fresh, store)


def _run(
    study: Study, out: Path, screen: Screen, workers: int | None, scheduler: str | None, fresh: bool, store: Store | None
) -> dict[str, Any]:
    """Run the whole job, top to bottom."""
    clock, work = Clock(), out / ".work"
    gc.freeze()  # sweeping memory passes over what is loaded already
    compiling = compile_ahead(planes=study.terrain.dsm is not None)
    if compiling:
        screen.say("首次使用：正在编译计算内核，以后启动更快", "first use: kernels are being compiled; later runs start faster")
    given = states(study)
    policy = study_policy(study)
    count = workers or study.run.workers or os.cpu_count() or 1
    with Ahead(count, scheduler, study.run.worker_memory_gb, study.run.tile_buildings, compiling) as ahead:
        with clock.stage("prepare"):
            prepared = prepare(study, work, new_years(policy), screen.told, partial(_counted, out, screen, ahead))
        with clock.stage("weather"):
            screen.told("weather", 0, 1)
            kept = keep(prepared.table, prepared.shapes, work / "unfinished" / "buildings.arrow")
            del prepared.table, prepared.shapes  # far land and roofs need the memory
            give_back()
            weathers = read_weathers(study)
            model = make_model(study, prepared, weathers)
            give_back()
            screen.told("weather", 1, 1)
        require_unchanged(study, given)
        changed = continue_or_clear(study, prepared.inputs, new_years(policy), out, fresh=fresh)
        if changed:
            told = ", ".join(changed)
            screen.say(
                f"自上次运行以来有变化，屋顶全部重新测算：{told}", f"changed since the last run, all roofs are assessed anew: {told}"
            )
        with unfinished(work / "model.pickle", work / "unfinished") as part, part.open("wb") as stream:
            pickle.dump(model, stream, protocol=pickle.HIGHEST_PROTOCOL)
        model = replace(model, stations=(), far=None)  # tiles and the audit read theirs: 0.1 GB
        give_back()
        if store is not None:
            store.send()
        with clock.stage("roofs"):
            files = tiles_to_assess(work)
            client = ahead.client(len(files))
            if scheduler is not None or importlib.util.find_spec("bokeh"):  # without bokeh Dask shows none
                screen.say(f"Dask 面板：{client.dashboard_link}", f"Dask dashboard: {client.dashboard_link}")
            through = {} if store is None else through_store(client, store)
            done, damaged = partial(screen.told, "tiles"), partial(_tell_damaged, screen)
            assess_tiles(client, work, out / "roofs", files, done, damaged=damaged, **through)
            ahead.close()
    apart = count > 1 and len(kept) >= WORTH_IT_BUILDINGS
    screen.told("audit", 0, 1)
    taken = turns()
    with beside("audit", simulate_again, work, weathers, apart=apart, counted=taken) as audited:
        if not apart:
            screen.told("audit", 1, 1)
        with clock.stage("tables"):
            screen.told("tables", 0, 2)
            regions, whole = _tables(kept, prepared.regions, policy, model, out, study.study.lang)
            parts = read_parts(sorted((work / "profiles").glob("*.parquet"))) | {TYPICAL: {"kwh_per_kwp": milliwatt_hours(model.typical)}}
            write_profiles(parts, {TYPICAL: ["kwh_per_kwp"], **_profile_regions(prepared)}, out / "profiles")
            del parts
            screen.told("tables", 1, 2)
            write_targets(study, policy, read_buildings(out), regions, out)
            write_exclusions(study, out)
            give_back()
            screen.told("tables", 2, 2)
        helped = simulate_again(work, weathers, taken) if apart else {}
        found, spent = audited()
        checked = audit_summary(found | helped)
        clock.stages.insert(-1, spent)
    if apart:
        screen.told("audit", 1, 1)
    assessed = StoredColumns(out / "buildings.parquet", "buildings")
    manifest = _manifest(study, prepared, weathers, model, clock, checked, assessed, whole, work)
    write_json(out / "manifest.json", manifest)
    del prepared, regions, model, weathers  # products read files; they need the memory
    give_back()
    write_products(out, study.study.name, study.study.lang, clock, screen, apart=apart)
    require_unchanged(study, given, *_READ_LATE)
    manifest["stages"] = clock.stages
    on_disk(*(file for file in out.rglob("*") if file.is_file() and work not in file.parents))  # before the word that all is finished
    write_json(out / "manifest.json", manifest)
    seal_rasters(out)
    seal_products(out)
    if store is not None:
        store.send(final=True)
    return manifest


def _counted(out: Path, screen: Screen, ahead: Ahead, buildings: int, warnings: list[str]) -> None:
    """Tell the room that so many buildings need, and start the workers."""
    need, free = require_space(out, buildings, warnings) / 1e9, shutil.disk_usage(out).free / 1e9
    screen.say(
        f"本次运行还需磁盘约 {need:.1f} GB，剩余 {free:.1f} GB", f"this run needs about {need:.1f} GB more disk, {free:.1f} GB are free"
    )
    ahead.announce(buildings)


def _tell_damaged(screen: Screen, names: list[str]) -> None:
    told = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    tiles, these = ("1 finished tile", "it is") if len(names) == 1 else (f"{len(names)} finished tiles", "these are")
    screen.say(
        f"{len(names)} 个已完成分块的文件不完整或已改变，重新测算：{told}",
        f"the files of {tiles} are damaged or were changed; {these} assessed again: {told}",
    )


def new_years(policy: Policy | None) -> tuple[int, int]:
    """
    Give the whole years of completion that count as new.

    Parameters
    ----------
    policy
        The policy with its window.

    Returns
    -------
    tuple of int
        First and last year; years that the window cuts in two are left out.
    """
    if policy is None or policy.new_start is None or policy.new_end is None:
        return FIRST_NEW_YEARS
    return policy.new_start.year + (policy.new_start.timetuple().tm_yday > 1), policy.new_end.year - (
        (policy.new_end.month, policy.new_end.day) != (12, 31)
    )


def read_weathers(study: Study) -> list[Weather]:
    """
    Read the study's weather, or build the climatology year.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    list of Weather
        One for each station.
    """
    if study.weather.source == "climatology":
        return [jinan_climatology()]
    missing = [text for text in study.weather.files if not study.path(text).is_file()]
    if missing:
        raise StudyError(
            f'weather.files: there is no file {", ".join(missing)}; correct the path, or write source = "climatology" instead (Jinan only)'
        )
    return [read_weather(study.path(text)) for text in study.weather.files]


def make_model(study: Study, prepared: Prepared, weathers: list[Weather]) -> Model:
    """
    Put together what is the same for all tiles.

    Parameters
    ----------
    study
        The study.
    prepared
        Its prepared inputs; warnings are appended.
    weathers
        One for each station.

    Returns
    -------
    Model
        Parameters, skies and the land around.
    """
    to_degrees = pyproj.Transformer.from_crs(prepared.crs, 4326, always_xy=True)
    longitude, latitude = to_degrees.transform(*middle(prepared.boxes))
    check_distance(study, weathers, float(longitude), float(latitude), prepared.warnings)
    system = load_system(system_overrides(study))
    orientations = county_orientations(system, float(latitude))
    stations = tuple(_station(weather, prepared.crs, orientations, system) for weather in weathers)
    far = None if prepared.terrain.is_flat else far_horizons(prepared.terrain, *_everywhere(prepared.boxes))
    degradation = {"degradation_first_year": 0.0, "degradation_annual": system.degradation.annual}
    loads, tariffs = study_loads(study), study_tariffs(study)
    prepared.warnings.extend(load_remarks(study))
    carbon = load_carbon(study.money.carbon, abroad=not in_china(float(longitude), float(latitude)))
    if carbon.factor is None:
        prepared.warnings.append(
            "no average grid factor is known for this place: what CO2 is avoided cannot be judged; give grid_factor [kgCO2/kWh] "
            "under [money.carbon] in the study file"
        )
    typical = typical_hours(stations[0].sky, float(latitude))
    return Model(
        archetypes=load_archetypes(study.roofs.archetypes, study.roofs.access()),
        system=system,
        stations=stations,
        finance=study_finance(study, degradation),
        terms=study_terms(study),
        market=market(typical, loads, tariffs),
        demand=load_demand(),
        typical=typical,
        price_facts=(*loads.facts, *tariffs.facts),
        carbon=carbon,
        latitude=float(latitude),
        terrain=prepared.terrain,
        far=far,
        dsm=prepared.dsm,
        dsm_planes=_shows_planes(study, prepared),
        canopy=prepared.canopy,
        transmissivity=load_transmissivity(study.terrain.canopy_transmissivity),
        surface_resolution=study.terrain.surface_resolution,
        choose=study.system.choose,
        point_threshold=study.roofs.point_threshold,
        mix=study.weather.mix,
        thermal=study_thermal(study),
        profile_columns={name: COLUMN_OF.get(name, f"region_{name}") for name in _profile_regions(prepared)},
    )


def _profile_regions(prepared: Prepared) -> dict[str, list[str]]:
    """Names of the regions whose hours are summed, by layer; layers of more regions than can be read are left out and told."""
    found = {}
    for name, frame in prepared.regions.items():
        if name == "urban":
            continue
        if len(frame) > MOST_REGIONS:
            prepared.warnings.append(
                f"regions.{name} has {len(frame)} regions: no hourly profiles are written for more than {MOST_REGIONS}"
            )
            continue
        found[name] = [str(word) for word in frame["id" if name == "parcels" else "name"]]
    return found


def _shows_planes(study: Study, prepared: Prepared) -> bool:
    if prepared.dsm is None:
        return False
    return shows_planes(max(prepared.facts["terrain"]["dsm"]["source_resolution"], study.terrain.surface_resolution))


def _everywhere(bounds: np.ndarray) -> np.ndarray:
    """Corners of all footprints, and a lattice over the few that are wider than the nodes of the far horizon are apart."""
    corners = [bounds[:, [0, 1]], bounds[:, [2, 1]], bounds[:, [0, 3]], bounds[:, [2, 3]]]
    for left, bottom, right, top in bounds[(bounds[:, 2:] - bounds[:, :2]).max(axis=1) > SPACING]:
        x, y = np.meshgrid(np.append(np.arange(left, right, SPACING), right), np.append(np.arange(bottom, top, SPACING), top))
        corners.append(np.column_stack([x.ravel(), y.ravel()]))
    return np.concatenate(corners).T


def _station(weather: Weather, crs: pyproj.CRS, orientations: Any, system: System) -> Station:
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(weather.longitude, weather.latitude)
    sky = prepare_sky(weather, orientations, system)
    return Station(sky, float(x), float(y), float(weather.altitude), open_yield(sky))


def system_overrides(study: Study) -> dict[str, Any]:
    """
    Give what the study says otherwise about the system.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    dict
        By section of solar/system.toml.
    """
    section = study.system
    named = {"module": section.module, "mounts": section.mounting, "losses": section.losses, "inverter": section.inverter}
    named |= {"optics": section.optics, "snow": section.snow, "degradation": section.degradation}
    return {name: values for name, values in named.items() if values}


def check_distance(study: Study, weathers: list[Weather], longitude: float, latitude: float, warnings: list[str]) -> None:
    """
    Refuse weather of another place unless the study says that it stands in.

    Parameters
    ----------
    study
        The study.
    weathers
        One for each station.
    longitude, latitude
        Middle of the buildings. [degrees]
    warnings
        What the user should know; appended to.
    """
    geod = pyproj.Geod(ellps="WGS84")
    for weather in weathers:
        away = geod.inv(longitude, latitude, weather.longitude, weather.latitude)[2] / 1000.0
        if weather.climatology and away > CLIMATOLOGY_REACH_KM:
            raise StudyError(
                f'weather.source = "climatology" is Jinan\'s; the buildings are {away:.0f} km away (limit '
                f'{CLIMATOLOGY_REACH_KM:.0f}). Give a weather file: weather.files = ["place.epw"]'
            )
        if not weather.climatology and away > STATION_REACH_KM:
            if not study.weather.stand_in:
                raise StudyError(
                    f"weather file {weather.name!r} is for {weather.latitude:.2f} N {weather.longitude:.2f} E, {away:.0f} km from "
                    f"the buildings (limit {STATION_REACH_KM:.0f}). "
                    "Give one of the place, or write stand_in = true under [weather] to run with it as a stand-in"
                )
            warnings.append(f"the weather is a stand-in from {away:.0f} km away ({weather.name}): yields are not those of this place")
        if not weather.climatology:
            warnings.extend(f"weather {weather.name}: {note}" for note in weather.notes)
        else:
            warnings.append(
                "no weather file: a typical year built from a monthly climatology of Jinan whose values could not be checked "
                "against a source"
            )


def _tables(
    kept: Kept, layers: dict[str, gpd.GeoDataFrame], policy: Policy | None, model: Model, out: Path, lang: str
) -> tuple[dict[str, gpd.GeoDataFrame], dict[str, Any]]:
    """Sum the roofs by building, by region of each layer, and in all."""
    unfinished = out / ".work" / "unfinished"
    roofs = StoredColumns(out / "roofs", "roofs")
    by_building = roofs_by_building(roofs, kept.columns("building_id")["building_id"])
    sums = unfinished / "sums.bin"
    added = sum_roofs(roofs, by_building, sums)
    give_back()
    with ThreadPoolExecutor(1) as writer:  # compressing lets go of Python's lock
        written = writer.submit(write_buildings, kept, roofs, by_building, added, policy, lang, out / "buildings.parquet", unfinished)
        regions = _regions(kept, layers, added)
        written.result()
    kept.remove()
    whole = totals(added, p90=p90_of_groups)
    del roofs, by_building, added
    with suppress(PermissionError):
        sums.unlink()
    give_back()
    if "parcels" in regions:
        buildings = StoredColumns(out / "buildings.parquet", "buildings")
        regions["parcels"] = parcel_table(regions["parcels"], buildings, model.market, model.demand, model.finance, model.terms)
    for name, table in regions.items():
        write_table(table, region_table(name), out / "regions" / f"{name}.parquet", unfinished)
    give_back()
    return regions, whole


def _regions(kept: Kept, layers: dict[str, gpd.GeoDataFrame], added: RoofSums) -> dict[str, gpd.GeoDataFrame]:
    """Sum the roofs by region of each layer, and by cell of a grid."""
    regions = {}
    for name, frame in layers.items():
        if name != "urban":
            column = COLUMN_OF.get(name, f"region_{name}")
            own = frame.assign(name=frame["id"]) if name == "parcels" else frame
            regions[name] = sum_regions(added, kept.columns(column, "status", "installed_kwp"), own, column, p90=p90_of_groups)
    cells, cell = grid_cells(*kept.places(), kept.crs)
    in_cells = kept.columns("status", "installed_kwp").assign(cell=cell)
    regions["grid"] = sum_regions(added, in_cells, cells, "cell", p90=p90_of_groups)
    return regions


def _manifest(
    study: Study,
    prepared: Prepared,
    weathers: list[Weather],
    model: Model,
    clock: Clock,
    checked: dict[str, Any],
    buildings: StoredColumns,
    whole: dict[str, Any],
    work: Path,
) -> dict[str, Any]:
    warnings = list(dict.fromkeys(prepared.warnings)) + audit_warnings(checked)
    if study.study.made_up:
        warnings.insert(0, "this county is made up: terrain, buildings and names are invented")
    surfaces = surface_sums(buildings, warnings)
    densities = sanity(buildings)
    warn_outside(densities, warnings)
    warnings.extend(source_notes(study))
    return {
        "study": {"name": study.study.name, "lang": study.study.lang, "as_of": str(study.study.as_of), "crs": prepared.crs.to_string()},
        "inputs": prepared.inputs,
        "versions": versions(),
        "parameters": {
            "study": study_content(study),
            "system": [vars(p) for p in model.system.parameters],
            "finance": [vars_of(fact) for fact in model.finance.facts],
            "tax": [vars_of(fact) for fact in model.terms.facts],
            "thermal": [] if model.thermal is None else [vars_of(fact) for fact in model.thermal.facts],
            "prices": [vars_of(fact) for fact in model.price_facts],
            "latitude": model.latitude,
            "choose": model.choose,
            "point_threshold": model.point_threshold,
            "surface_resolution_m": model.surface_resolution,
            "tile_buildings": study.run.tile_buildings,
            "lapse_k_per_m": LAPSE_K_PER_M,
        },
        "counts": {str(k): int(v) for k, v in buildings[["status"]]["status"].astype(object).value_counts().sort_index().items()},
        "stages": clock.stages,
        "audit": checked,
        "mounts": _mounts(work),
        "sanity": densities,
        "warnings": translate_all(warnings, study.study.lang),
        "warnings_en": warnings,
        "notes": {
            "sources": attributions(study),
            "weather": weather_facts(weathers, stand_in=study.weather.stand_in),
            "terrain": prepared.facts["terrain"],
            "regions": prepared.facts["regions"],
            "overrides": prepared.facts["overrides"],
            "made_up": study.study.made_up,
            "surfaces": surfaces,
        },
        "totals": whole,
        "market": market_content(model.market),
    }


def _mounts(work: Path) -> list[dict[str, Any]]:
    """Sum every candidate by class, exactly, so that tiles leave no trace."""
    files = sorted((work / "mounts").glob("*.parquet"))
    table = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    rows = []
    for (use, mounting), part in table.groupby(["use", "mounting"], sort=True):
        rows.append(
            {
                "use": use,
                "mounting": mounting,
                "roofs": int(part["roofs"].sum()),
                "chosen": int(part["chosen"].sum()),
                "pdc0_kwp": math.fsum(itertools.chain.from_iterable(part["kwp"])),
                "unshaded_energy_kwh": math.fsum(itertools.chain.from_iterable(part["energy_kwh"])),
                "covered_area_m2": math.fsum(itertools.chain.from_iterable(part["covered_area_m2"])),
            }
        )
    return rows
