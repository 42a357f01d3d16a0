"""The products of a run, made from its tables; each can be made again without touching the roofs."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from layers.business import business_cases, earnings
from layers.carbon import recorded_carbon
from layers.connection import connection_table
from layers.coverage import coverage_reach
from layers.demand import load_demand
from layers.departments import department_table
from layers.errors import LayersError
from layers.form import read_form
from layers.form_values import FormValues
from layers.geopackage import renew_about, write_geopackage
from layers.geopackage_styles import write_style_files
from layers.policy import Policy, load_policy
from layers.schema import write_table
from layers.spreadsheet import write_tables
from layers.sums import StoredColumns, sum_classes
from layers.supply import supply_curve
from layers.targets import judge
from solar.cashflow import load_terms
from solar.money import Finance, load_finance, yearly_factors
from solar.self_use import read_market

from .beside import Turns, beside, next_turn, turns
from .checksums import checksums, in_order
from .errors import StudyError
from .gap_list import write_gap_roofs
from .keeping import give_back
from .manifest import Clock, plain, read_manifest, write_json
from .messages import translate
from .near import read_near_use, write_near_use
from .progress import Screen
from .roadmapping import make_roadmaps, planned_by_use, read_roadmap, with_roadmap
from .sound import begin_renewal, seal_products
from .study import Study, study_content
from .summary import about_rows, in_language
from .summing import read_buildings


def study_policy(study: Study) -> Policy | None:
    """
    Load the policy that the study names.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    Policy or None
        None where the study names none.
    """
    if study.policy is None:
        return None
    name = study.policy.name
    return load_policy(study.path(name) if name.endswith(".toml") else name)


def write_targets(study: Study, policy: Policy | None, buildings: pd.DataFrame, regions: Mapping[str, gpd.GeoDataFrame], out: Path) -> bool:
    """
    Make the roadmap, judge the targets, and write roadmap.json, targets.json, targets.csv and the years of the roofs.

    Parameters
    ----------
    study
        The study: date, form, what is built.
    policy
        The policy, or None: then nothing is judged.
    buildings
        Table `buildings` with the sums of the roofs.
    regions
        Region tables by layer.
    out
        Run folder.

    Returns
    -------
    bool
        Whether the year of any roof changed.
    """
    areas = _areas(regions)
    form = _form(study, areas)
    section = study.policy
    given: dict[str, Any] = {
        "as_of": study.study.as_of,
        "form": form,
        "areas": areas or None,
        "existing_mw": section.existing_mw if section else None,
        "other_mw": section.other_mw if section else None,
        "study_km2": _study_km2(regions),
    }
    first = judge(policy, buildings, **given, whole_only=True) if policy and study.roadmap else []
    years, changed = make_roadmaps(study, policy, buildings, first, form, out)
    rows: list[dict[str, Any]] = []
    planned = buildings if years is None else buildings.assign(roadmap_year=years)
    if policy is not None:
        rows = with_roadmap(judge(policy, planned, **given), read_roadmap(out))
    write_near_use(study, buildings, regions, form, out)
    write_gap_roofs(policy, rows, planned, out, study.study.lang)
    flags = data_flags(study)
    write_json(
        out / "targets.json",
        {
            "as_of": str(study.study.as_of),
            "policy": policy.name if policy else None,
            "data": flags,
            "departments": dict(policy.departments) if policy else {},
            "targets": rows,
        },
    )
    listed = pd.DataFrame([{key: _cell(value) for key, value in plain({**row, "data": "; ".join(flags)}).items()} for row in rows])
    part = out / "targets.csv.part"
    listed.to_csv(part, index=False, encoding="utf-8-sig")
    part.replace(out / "targets.csv")
    return changed


def data_flags(study: Study, lang: str | None = None) -> list[str]:
    """
    Say of the data behind a result what its reader must know.

    Parameters
    ----------
    study
        The study.
    lang
        "zh" or "en"; both by default.

    Returns
    -------
    list of str
        Empty where nothing is made up, assumed or a stand-in.
    """
    flags = {
        ("虚构示例", "made up"): study.study.made_up,
        ("气象为异地代用", "weather is a stand-in"): study.weather.stand_in,
        ("气象为未核实的月均气候", "weather from an unverified climatology"): study.weather.source == "climatology",
        ("地形按平坦处理", "terrain taken as flat"): study.terrain.dem == "flat",
    }
    return [" ".join(both) if lang is None else both[lang == "en"] for both, holds in flags.items() if holds]


def _cell(value: Any) -> Any:
    return value if not isinstance(value, (list, dict)) else json.dumps(value, ensure_ascii=False)


def _areas(regions: Mapping[str, gpd.GeoDataFrame]) -> list[str]:
    layer = regions.get("responsible", regions.get("districts"))
    return [] if layer is None else [str(n) for n, k in zip(layer["name"], layer["kind"], strict=True) if k == "region"]


def _study_km2(regions: Mapping[str, gpd.GeoDataFrame]) -> float | None:
    """Area of the accountable areas, None where the study has none."""
    layer = regions.get("responsible", regions.get("districts"))
    return None if layer is None else float(layer.loc[layer["kind"] == "region", "area_km2"].sum())


def _form(study: Study, areas: list[str]) -> FormValues | None:
    if study.policy is None:
        return None
    return read_form(study.path(study.policy.form), areas) if study.policy.form else None


def form_areas(study: Study) -> list[str]:
    """
    Name the accountable areas of a study for the Excel form.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    list of str
        Names of `responsible`, else of `districts`.
    """
    from geo.coordinates import study_crs

    from .reading import read_region

    for name in ("responsible", "districts"):
        if name in study.regions:
            return [str(n) for n in read_region(study, name, study.regions[name], study_crs(study.study.crs), [])["name"]]
    raise StudyError("the form has a row per accountable area: add responsible or districts under [regions]")


def write_products(out: Path, name: str, lang: str, clock: Clock, screen: Screen, *, apart: bool = False) -> None:
    """
    Write GeoPackage, spreadsheet, map and report from the tables of a run.

    Parameters
    ----------
    out
        Run folder with manifest.json, targets.json and the tables.
    name
        Name of the GeoPackage.
    lang
        "zh" or "en".
    clock, screen
        Where time and progress are noted.
    apart
        Whether a second process writes the GeoPackage meanwhile; the spreadsheet falls to whoever is ready first.
    """
    screen.told("geopackage", 0, 1)
    spreadsheets = turns()
    held: list[LayersError] = []
    with beside("geopackage", _geopackage_first, out, name, lang, apart=apart, counted=spreadsheets) as geopackage:
        if not apart:
            screen.told("geopackage", 1, 1)
        with clock.stage("products"):
            screen.told("products", 0, 2)
            with _others_first(held):
                remake_pages(out, lang)
            screen.told("products", 1, 2)
            give_back()
            with _others_first(held):
                _spreadsheet_once(out, lang, spreadsheets)
            screen.told("products", 2, 2)
        with _others_first(held):
            clock.stages.insert(-1, geopackage()[1])
    for error in held[1:]:
        screen.say(translate(str(error), "zh"), str(error))
    if held:
        raise held[0]
    if apart:
        screen.told("geopackage", 1, 1)


@contextmanager
def _others_first(held: list[LayersError]) -> Iterator[None]:
    """Hold an error back: one product that is open elsewhere does not cost the others."""
    try:
        yield
    except LayersError as error:
        held.append(error)


def _geopackage_first(out: Path, name: str, lang: str, spreadsheets: Turns) -> None:
    """Write the GeoPackage, and the spreadsheet too if it is still to do."""
    for old in out.glob("*.gpkg"):
        study = _study_of(old)
        if old.stem != name and old.stem in (study, f"{study}-new"):  # the second was left where the first was open elsewhere
            old.unlink()
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    _geopackage(out, name, read_regions_of(out), manifest, lang)
    _spreadsheet_once(out, lang, spreadsheets)


def _study_of(package: Path) -> str | None:
    """Name of the study whose GeoPackage this is; None for an export, or what else a user laid beside it."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(package.absolute().as_uri() + "?mode=ro", uri=True)) as tables:
        told = tables.execute("SELECT value FROM about WHERE key = 'name'").fetchone()
        return None if told is None else str(told[0])
    return None


def _spreadsheet_once(out: Path, lang: str, spreadsheets: Turns) -> None:
    """Write the spreadsheet, whoever of the two processes is ready for it first."""
    if next_turn(spreadsheets) == 0:
        spreadsheet(out, read_regions_of(out), json.loads((out / "manifest.json").read_text(encoding="utf-8")), lang)


def _geopackage(out: Path, name: str, regions: Mapping[str, gpd.GeoDataFrame], manifest: Mapping[str, Any], lang: str) -> None:
    styles = write_geopackage(
        out / f"{name}.gpkg",
        roofs_dataset=out / "roofs",
        buildings=out / "buildings.parquet",
        regions=regions,
        about=about_rows(in_language(manifest, lang), _judged(out)),
        lang=lang,
        work=out / ".work" / "unfinished",
    )
    write_style_files(out / "styles", styles)


def spreadsheet(out: Path, regions: Mapping[str, gpd.GeoDataFrame], manifest: Mapping[str, Any], lang: str) -> None:
    """
    Write tables.xlsx.

    Parameters
    ----------
    out
        Run folder.
    regions
        Region tables by layer.
    manifest
        The run's manifest.
    lang
        "zh" or "en".
    """
    judged, roadmap = _judged(out), read_roadmap(out)
    units = judged.get("departments") or {}
    buildings = StoredColumns(out / "buildings.parquet", "buildings")
    finance, market, demand = _finance(manifest), read_market(manifest["market"]), load_demand()
    used = earnings(buildings, market, demand)["used_kwh"]
    connection = connection_table(buildings, used, price_before=finance.price_before, parcels=regions.get("parcels"))
    del used
    give_back()
    business = _business(buildings, manifest)
    give_back()
    departments = (department_table(buildings, units, planned_by_use(roadmap)), units) if units else None
    give_back()
    supply, by_use, by_status = supply_curve(buildings), sum_classes(buildings, "use"), sum_classes(buildings, "status")
    give_back()
    write_tables(
        out / "tables.xlsx",
        targets=judged["targets"],
        regions=regions,
        by_use=by_use,
        by_status=by_status,
        manifest=in_language(manifest, lang),
        lang=lang,
        roadmap=roadmap,
        supply=supply,
        business=business,
        connection=connection,
        near=read_near_use(out),
        life=yearly_factors(finance),
        carbon=recorded_carbon(manifest),
        departments=departments,
    )


def _finance(manifest: Mapping[str, Any]) -> Finance:
    """Costs and rates of the run itself, not today's defaults."""
    return load_finance({fact["name"]: fact["value"] for fact in manifest["parameters"]["finance"]})


def _business(buildings: StoredColumns, manifest: Mapping[str, Any]) -> pd.DataFrame:
    terms = load_terms({fact["name"]: fact["value"] for fact in manifest["parameters"]["tax"]})
    return business_cases(buildings, _finance(manifest), terms, read_market(manifest["market"]), load_demand())


def _judged(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "targets.json").read_text(encoding="utf-8"))
    return content


def remake_pages(
    out: Path,
    lang: str | None = None,
    *,
    shift_m: tuple[float, float] = (0.0, 0.0),
    round_m: float = 0.0,
) -> list[Path]:
    """
    Write map.html, report.html and report.docx from a finished run.

    Parameters
    ----------
    out
        Run folder.
    lang
        "zh" or "en"; the study's language by default.
    shift_m, round_m
        Metres to the east and north by which the map is shifted, and metres that its coordinates are rounded to; 0 for neither.

    Returns
    -------
    list of Path
        The two pages and the document.
    """
    from maps.county_map import county_map
    from maps.displaced import Displacement, displaced
    from maps.report import report
    from maps.report_chapters import make_report
    from maps.report_word import report_word
    from maps.tables import read_tables

    if lang not in (None, "zh", "en"):
        raise StudyError(f"--lang {lang}: expected zh or en")
    read = read_tables(out)
    give_back()
    chosen = lang or read.lang
    business = None
    if "market" in read.manifest:
        business = _business(StoredColumns(out / "buildings.parquet", "buildings"), read.manifest)
    give_back()
    tables = replace(read, manifest=in_language(read.manifest, chosen), business=business)
    by = Displacement(*shift_m, round_m)
    drawn = displaced(tables, by) if by != Displacement() else tables
    made = make_report(tables, chosen)
    pages = [county_map(drawn, out / "map.html", chosen), report(tables, out / "report.html", chosen, made)]
    return [*pages, report_word(tables, out / "report.docx", chosen, made)]


def draw_pictures(out: Path, lang: str | None = None, *, approval: str = "") -> list[Path]:
    """
    Write the static maps of a finished run into its folder `pictures`.

    Parameters
    ----------
    out
        Run folder.
    lang
        "zh" or "en"; the study's language by default.
    approval
        Map approval number (审图号); empty leaves its field to be filled in.

    Returns
    -------
    list of Path
        PNG and SVG files.
    """
    from maps.pictures import pictures
    from maps.tables import read_tables

    tables = read_tables(out)
    return pictures(tables, out / "pictures", lang or tables.lang, approval=approval)


def write_exclusions(study: Study, out: Path) -> None:
    """
    Keep the excluded areas of a study beside its results, so that maps can show them.

    Parameters
    ----------
    study
        The study.
    out
        Run folder; without exclusions no file is left there.
    """
    from geo.coordinates import study_crs

    from .placing import read_exclusions

    file = out / "exclusions.parquet"
    areas = read_exclusions(study, study_crs(study.study.crs), [])
    if areas is None:
        file.unlink(missing_ok=True)
        return
    part = out / ".work" / "exclusions.part"
    areas.to_parquet(part)
    part.replace(file)


def remake_targets(study: Study, out: Path) -> None:
    """
    Judge a finished run by the study's policy and form as they are now, and remake what shows targets.

    Parameters
    ----------
    study
        The study.
    out
        Run folder.
    """
    manifest = read_manifest(out)
    policy = study_policy(study)
    regions = read_regions_of(out)
    buildings = read_buildings(out)
    reach = coverage_reach(buildings, policy)
    stale = begin_renewal(out)
    before = buildings["coverage_reach"].astype(object)
    other = not reach.equals(before.where(before.notna(), None))
    if other:
        buildings["coverage_reach"] = reach
        whole = gpd.read_parquet(out / "buildings.parquet").assign(coverage_reach=reach)
        write_table(whole, "buildings", out / "buildings.parquet", out / ".work" / "unfinished")
        del whole
    changed = write_targets(study, policy, buildings, regions, out) or other or stale
    renewed = ("study", "form", "policy", "load", "hosting")
    others = [row for row in manifest["inputs"] if row["role"] not in renewed]
    manifest["inputs"] = in_order(study, others + checksums(study, *renewed))
    manifest["study"]["as_of"] = str(study.study.as_of)
    content = study_content(study)
    kept = manifest["parameters"].get("study", content)
    # Everything else of the study file would take effect only in a new run.
    manifest["parameters"]["study"] = {
        **kept,
        **{key: content[key] for key in ("policy", "roadmap", "hosting")},
        "study": {**kept["study"], "as_of": content["study"]["as_of"]},
    }
    write_json(out / "manifest.json", manifest)
    package = out / f"{manifest['study']['name']}.gpkg"
    if package.is_file() and changed:
        _geopackage(out, package.stem, regions, manifest, study.study.lang)
    elif package.is_file():
        renew_about(package, about_rows(in_language(manifest, study.study.lang), _judged(out)))
    spreadsheet(out, regions, manifest, study.study.lang)
    remake_pages(out, study.study.lang)
    seal_products(out)  # last: until then the GeoPackage may be older than the tables


def study_of(out: Path) -> Path:
    """
    Find the study file that a run was made from.

    Parameters
    ----------
    out
        Run folder.

    Returns
    -------
    Path
        The study file, as the run noted it for itself; products never carry it.

    Raises
    ------
    StudyError
        If it is not noted or no longer there.
    """
    note = out / ".work" / "study.txt"
    file = Path(note.read_text(encoding="utf-8")) if note.is_file() else None
    if file is None or not file.is_file():
        raise StudyError(f"{out.name}: the study file of this run is not known any more; name it with --study study.toml")
    return file


def read_regions_of(out: Path) -> dict[str, gpd.GeoDataFrame]:
    """
    Read the region tables of a run.

    Parameters
    ----------
    out
        Run folder.

    Returns
    -------
    dict of str to GeoDataFrame
        By layer.
    """
    return {
        path.stem: gpd.read_parquet(path).drop(columns=["bbox"], errors="ignore") for path in sorted((out / "regions").glob("*.parquet"))
    }
