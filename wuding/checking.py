"""`wuding check`: try every step of a run on what can be read in seconds, and say what was found and what a run would assume."""

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj

from geo import attributes, heights
from geo.archetypes import load_archetypes
from geo.coordinates import study_crs
from geo.packed import Packed
from layers.form import read_form
from layers.hosting import load_hosting
from layers.policy import Policy
from solar.parameters import load_system

from .check_buildings import attribute_shares, rows_to_try, sampled_facts, shape_counts, unmapped_words
from .check_layers import layer_head, placed_words, rows_by_file, rows_of_one, suspect_shifts
from .check_terrain import coarse_terrain, surface_head, terrain_head
from .checksums import input_files
from .describing import attribute, measure
from .errors import StudyError
from .grid_objects import grid_layer, grid_objects
from .hot_water import study_thermal
from .manifest import write_json
from .messages import translate_all
from .metering import load_remarks, metered_areas, study_finance, study_loads, study_tariffs, study_terms
from .overlapping import join_cut, uncover
from .overriding import override
from .pipeline import check_distance, new_years, read_weathers, system_overrides
from .placing import COLUMN_OF, exclude, existing_pv, place
from .problems import Problems
from .products import study_policy
from .reading import check_scale, identify, read_buildings, read_region
from .roadmapping import asks_for_room, scenarios
from .study import BuildingsSection, LayerSection, Study
from .texts import given_heights, tell_unread, unread_texts

# Buildings whose place is compared with borders: enough to see a shift of some hundred metres.
_COMPARED = 5_000


@dataclass
class Check:
    """A check under way: what was read so far, `facts` for check.json, `notes` on what the run will assume."""

    study: Study
    problems: Problems = field(default_factory=Problems)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    regions: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    heads: dict[str, list[str]] = field(default_factory=dict)


def check_study(study: Study, lang: str) -> Check:
    """
    Check a study; check.json is written beside the study file.

    Parameters
    ----------
    study
        The study.
    lang
        "zh" or "en", for check.json.

    Returns
    -------
    Check
        `problems.fatal()` exactly when a run would stop for what was found.
    """
    start = time.perf_counter()
    check = Check(study)
    crs, policy = None, None
    with check.problems.trying("study"):
        crs = study_crs(study.study.crs)
    with check.problems.trying("policy"):
        policy = study_policy(study)
    with check.problems.trying("system"):
        load_system(system_overrides(study))
        study_thermal(study)
        study_finance(study, {})
        study_terms(study)
        study_tariffs(study)
    with check.problems.trying("load") as unsaid:
        study_loads(study)
        metered_areas(study)
        unsaid.extend(load_remarks(study))
    with check.problems.trying("hosting"):
        load_hosting(study.hosting.rules)
        if study.hosting.table is not None:
            grid_objects(study, grid_layer(study), None)
    with check.problems.trying("roadmap"):
        # the room of the grid stands in the form, which the run reads
        if study.roadmap is not None and not asks_for_room(study.roadmap):
            scenarios(study, policy, None)
    if crs is not None:
        _layers(check, crs)
        _buildings(check, crs, policy)
    _form(check)
    _inputs(check)
    _assumed(check, policy)
    check.facts |= {
        "assumptions": translate_all(check.notes, lang),
        "problems": check.problems.plain(lang),
        "would_run": not check.problems.fatal(),
        "seconds": round(time.perf_counter() - start, 1),
    }
    write_json(study.folder / "check.json", check.facts)
    return check


def _layers(check: Check, crs: pyproj.CRS) -> None:
    """Read the region layers, and the heads of all."""
    study = check.study
    check.facts["crs"] = f"{crs.name} ({crs.to_string()})" if crs.to_epsg() else crs.name
    check.facts["layers"] = []
    sections: dict[str, BuildingsSection | LayerSection] = {"buildings": study.buildings, **study.regions}
    for name, text in ((name, text) for name, section in sections.items() for text in section.path):
        section = sections[name]
        head = layer_head(study.path(text), section.layer, section.encoding)
        check.heads[name] = [*dict.fromkeys([*check.heads.get(name, []), *head.columns])]
        check.facts["layers"].append(
            {
                "layer": name,
                "path": Path(text).name,
                "coordinates": placed_words(section, head.crs),
                "encoding": head.encoding,
                "rows": None if name == "buildings" else rows_of_one(study.path(text), section, len(section.path)),
            }
        )
    for name, region in study.regions.items():
        with check.problems.trying(f"regions.{name}") as warnings:
            check.regions[name] = read_region(study, name, region, crs, warnings)
    check.facts["regions"] = {name: {"regions": len(frame)} for name, frame in check.regions.items()}


def _buildings(check: Check, crs: pyproj.CRS, policy: Policy | None) -> None:
    """Read every building, and try the steps of a run on a sample of them."""
    study, head, read = check.study, None, list[tuple[pd.DataFrame, Packed]]()
    with check.problems.trying("buildings") as warnings:
        read.append(read_buildings(study, crs, warnings))
    with check.problems.trying("terrain"):
        head = terrain_head(study, crs)
    if not read:
        _weather(check, None, crs)
        return
    raw, shapes = read[0]
    rows_by_file(check.facts["layers"], study, raw)
    check.facts["buildings"] = {
        "rows": len(raw),
        "shapes": shape_counts(raw, shapes, study.buildings.minimum_area_m2),
        "known": attribute_shares(raw, study.study.as_of),
        "unmapped": unmapped_words(raw, study),
        "unread": unread_texts(raw),
    }
    with check.problems.trying("buildings", sum(sum(words.values()) for words in check.facts["buildings"]["unread"].values())) as warnings:
        tell_unread(check.facts["buildings"]["unread"], warnings)
    rows, even = rows_to_try(raw, shapes, None if head is None else head.bounds)
    table = _steps(check, raw.iloc[rows].reset_index(drop=True), shapes.only(rows), policy, len(raw))
    if table is None:
        _weather(check, None, crs)
        return
    sample = table[even]
    check.facts["buildings"] |= {"sampled": len(sample), "bounds": [float(v) for v in table.total_bounds]}
    check.facts["buildings"] |= sampled_facts(sample, check.regions, COLUMN_OF)
    _weather(check, table, crs)
    compared = sample.iloc[:: max(1, len(sample) // _COMPARED)]
    on_surface = check.facts.get("terrain", {}).get("dsm_shift")
    suspect_shifts(study, check.heads, check.regions, compared, len(raw), check.problems, on_surface)


def _steps(check: Check, raw: pd.DataFrame, read: Packed, policy: Policy | None, count: int) -> gpd.GeoDataFrame | None:
    """Do with some buildings what a run does with all; None where it stops before they are placed."""
    study, crs, table, shapes = check.study, read.crs, None, None
    with tempfile.TemporaryDirectory(prefix="wuding-check-") as folder, check.problems.trying("buildings") as warnings:
        told: list[str] = []
        archetypes = load_archetypes(study.roofs.archetypes)
        table, shapes, _ = identify(raw, read, study, told)
        check_scale(shapes.bounds, crs, study, told)
        with check.problems.trying("terrain") as ground:
            terrain, check.facts["terrain"] = coarse_terrain(study, terrain_head(study, crs), table, shapes, Path(folder), ground)
            given = attributes.plausible(given_heights(raw)[0], heights.LOWEST_M, heights.HIGHEST_M)
            check.facts["terrain"] |= surface_head(study, crs, shapes.frame(table), given, terrain, Path(folder), ground)
        if "terrain" not in check.facts:
            return shapes.frame(table)
        override(table, raw, study, told)
        pairs = join_cut(table, shapes, raw, study, told)
        place(table, shapes, {name: layer for name, layer in check.regions.items() if len(layer)}, told)
        attribute(table, shapes, raw, study, archetypes, new_years(policy), told)
        measure(table, shapes, raw, study, archetypes, terrain, None, told)
        uncover(table, shapes, pairs, study, told)
        exclude(table, shapes, study, told)
        existing_pv(table, shapes, study, told)
        if not (table["status"] == "").any():
            raise StudyError(f"no building is left to assess: {', '.join(f'{n} {s}' for s, n in table['status'].value_counts().items())}")
        for text in told:
            warnings.append(text if len(raw) == count else f"of {len(raw)} buildings looked at: {text}")
    return None if table is None or shapes is None else shapes.frame(table)


def _weather(check: Check, table: gpd.GeoDataFrame | None, crs: pyproj.CRS) -> None:
    """Read the weather and compare its place with that of the buildings."""
    with check.problems.trying("weather", check.facts.get("buildings", {}).get("rows", 0)) as warnings:
        weathers = read_weathers(check.study)
        check.facts["weather"] = [
            {"name": w.name, "latitude": w.latitude, "longitude": w.longitude, "stamp_offset_h": w.stamp_offset_h} for w in weathers
        ]
        if table is None:
            return
        left, bottom, right, top = table[table["status"] == ""].total_bounds if (table["status"] == "").any() else table.total_bounds
        to_degrees = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
        longitude, latitude = to_degrees.transform((left + right) / 2, (bottom + top) / 2)
        check.facts["buildings"]["centre"] = [float(longitude), float(latitude)]
        check_distance(check.study, weathers, float(longitude), float(latitude), warnings)


def _form(check: Check) -> None:
    """Read the Excel form as the judgement of targets will."""
    policy = check.study.policy
    if policy is None or not policy.form:
        return
    with check.problems.trying("policy"):
        layer = check.regions.get("responsible", check.regions.get("districts"))
        read_form(check.study.path(policy.form), [] if layer is None else [str(name) for name in layer["name"]])


def _inputs(check: Check) -> None:
    """List the files with their sizes; checksums are the run's."""
    rows = []
    for role, text in input_files(check.study):
        path = check.study.path(text)
        files = [f for f in path.rglob("*") if f.is_file()] if path.is_dir() else [path] if path.is_file() else []
        rows.append({"role": role, "path": Path(text).name, "size": sum(f.stat().st_size for f in files)})
    check.facts["inputs"] = rows


def _assumed(check: Check, policy: Policy | None) -> None:
    """Say what a run will take for granted where the inputs are silent."""
    study, notes, facts = check.study, check.notes, check.facts.get("buildings", {})
    known = facts.get("known", {})
    guessed = facts.get("height_source", {}).get("class", 0.0)
    if guessed and study.terrain.dsm is not None:
        notes.append(
            f"the height of {guessed:.0%} of the buildings is measured on the surface model where it shows them, which a check does not try"
        )
    elif guessed:
        notes.append(f"the height of {guessed:.0%} of the buildings is that of their class of use")
    if floors := facts.get("height_source", {}).get("floors", 0.0):
        notes.append(f"the height of {floors:.0%} of the buildings is floors times the storey height of their class")
    if known and (unknown := 1.0 - known.get("year_built", 0.0)) > 0:
        notes.append(f"{unknown:.0%} of the buildings have no year of completion; they count neither as new nor as old")
    if known and "installed_kwp" not in known:
        notes.append("no building says what PV it carries already; what is built comes from the form or existing_mw alone")
    if "responsible" not in study.regions:
        notes.append("there is no layer of accountable areas (regions.responsible); the districts stand for them")
    if study.terrain.dem == "flat":
        notes.append("the ground is flat: hills neither lift nor shade a roof")
    if study.weather.source == "climatology":
        notes.append("the weather is a typical year built from the monthly climatology of Jinan")
    if policy is None:
        notes.append("no policy is named; no target is judged")
    elif study.policy is not None and study.policy.form is None and study.policy.existing_mw is None:
        notes.append("what is built is not given ([policy] form or existing_mw); targets of capacity cannot be judged")
    notes.append(f"footprints under {study.buildings.minimum_area_m2:g} m2 are not assessed")
