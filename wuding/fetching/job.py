"""`wuding fetch`: from a place to a folder with data, SOURCES.md and study.toml."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from wuding.errors import StudyError
from wuding.messages import translate
from wuding.progress import Screen

from . import openstreetmap, overture
from .answers import UNREADABLE, DiskError, FetchError, disk_error, file_checksum, of_the_disk, reason
from .place import Area, find_place
from .quality import Quality, judge_buildings, what_would_help
from .rasters import fetch_raster
from .record import open_folder, refuse_own_study
from .sources import KINDS, Fetched, Rules, in_language
from .tables import fetch_buildings_by_url, fetch_districts_by_url
from .weather import fetch_nasa_power, fetch_pvgis
from .web import Web
from .writing import TITLES, write_sources, write_study

# Canopy height is the largest and the least needed: on request.
DEFAULT = ("buildings", "dem", "weather", "districts")
Source = Callable[[Area, Path, Web, Mapping[str, Any]], Fetched]
SOURCES: dict[str, dict[str, Source]] = {
    "buildings": {"overture": overture.fetch_buildings, "openstreetmap": openstreetmap.fetch_buildings},
    "dem": {"copernicus": partial(fetch_raster, kind="dem", source="copernicus")},
    "weather": {"pvgis": fetch_pvgis, "nasa_power": fetch_nasa_power},
    "districts": {"overture": overture.fetch_districts, "openstreetmap": openstreetmap.fetch_districts},
    "canopy": {"meta_canopy": partial(fetch_raster, kind="canopy", source="meta_canopy")},
}


@dataclass
class Wanted:
    """
    What to fetch and from where.

    Attributes
    ----------
    kinds
        Some of `KINDS`.
    sources
        Kind to the one source to ask, where the user chose one.
    urls
        Kind to addresses, where the user gave some; weather has none.
    """

    kinds: Sequence[str]
    sources: Mapping[str, str]
    urls: dict[str, list[str]]


def wanted_of(kinds: Sequence[str], sources: Sequence[tuple[str, str]], urls: Sequence[tuple[str, str]]) -> Wanted:
    """
    Put together what to fetch, and refuse what cannot be fetched before a connection is opened.

    Parameters
    ----------
    kinds
        Some of `KINDS`; where none is named, all but the canopy, and whatever a source or an address is given for.
    sources
        Kinds and the one source to ask for each.
    urls
        Kinds and addresses; several for a kind are put together.

    Returns
    -------
    Wanted
        What to fetch and from where.

    Raises
    ------
    StudyError
        If a kind or a source is not known, or they contradict each other.
    """
    named = [kind.lower() for kind in kinds]
    wanted = Wanted(named or [*DEFAULT, *(kind for kind, _ in (*sources, *urls) if kind not in DEFAULT)], dict(sources), {})
    for kind, url in urls:
        wanted.urls.setdefault(kind, []).append(url)
    for kind in (*wanted.kinds, *wanted.sources, *wanted.urls):
        if kind.startswith("-"):
            raise StudyError(f"there is no option {kind}; see wuding fetch --help")
        if kind not in KINDS:
            raise StudyError(f"{kind!r} cannot be fetched; choose from: {', '.join(KINDS)}")
    for kind, source in sources:
        if source not in SOURCES[kind]:
            raise StudyError(f"{kind} cannot be fetched from {source!r}; choose from: {', '.join(SOURCES[kind])}")
        if kind in wanted.urls or source != wanted.sources[kind]:
            raise StudyError(f"two sources are given for {kind}; choose one")
    if "weather" in wanted.urls:
        raise StudyError("weather is not fetched by address; load the EPW and name it in the study file under weather.files")
    for kind in (*wanted.sources, *wanted.urls):
        if kind not in wanted.kinds:
            raise StudyError(f"a source is given for {kind}, which is not asked for; add {kind} to what is to be fetched")
    return wanted


def fetch(place: str, folder: Path, wanted: Wanted, web: Web, rules: Rules, screen: Screen) -> dict[str, str]:
    """
    Fetch open inputs for a place and write a study that uses them.

    Parameters
    ----------
    place
        Name, box or polygon, see `find_place`.
    folder
        Of the study; made where it is lacking. What an earlier command fetched for the same place stays.
    wanted
        What to fetch and from where.
    web
        The way to the internet.
    rules
        The table of sources.
    screen
        What the user sees.

    Returns
    -------
    dict of str to str
        What could not be had: kind to why, in the language of the screen. Empty where all is there.

    Raises
    ------
    StudyError
        If the place is not found, the disk is full, or the folder holds what would be overwritten.
    """
    refuse_own_study(folder)
    area = find_place(place, web, rules["place"], screen.lang)
    record = open_folder(folder, place, area, wanted.kinds)
    folder.mkdir(parents=True, exist_ok=True)
    screen.say(f"{area.told[0]}；{area.km2:,.0f} 平方公里", f"{area.told[1]}; {area.km2:,.0f} km2")
    for kind in [kind for kind in KINDS if kind in wanted.kinds]:
        found, why = _one(kind, area, folder, wanted, web, rules, screen)
        record.lacking.pop(kind, None)
        if found is None:
            record.lacking[kind] = why
        else:
            record.add(found)
    # what came earlier and is asked for again in vain is there still
    got, lacking = record.fetched, {kind: why for kind, why in record.lacking.items() if kind not in {one.kind for one in record.fetched}}
    quality = _judge(got, area, web, rules, screen)
    helps = what_would_help(quality, got, lacking, rules)
    write_sources(folder, area, got, lacking, quality or Quality(), helps, rules, screen.lang)
    study = write_study(folder, area, got, lacking, quality or Quality(), rules, screen.lang)
    record.lacking, record.quality, record.study = lacking, quality.facts if quality else {}, file_checksum(study)
    record.write()
    for number, (zh, en) in enumerate(helps, start=1):
        screen.say(f"最能改进结果的数据 {number}：{zh}", f"data that would help most, {number}: {en}")
    return lacking


def _one(kind: str, area: Area, folder: Path, wanted: Wanted, web: Web, rules: Rules, screen: Screen) -> tuple[Fetched | None, str]:
    """Ask the sources of a kind in their order; that it is not the first is told, never hidden."""
    asked: dict[str, Source] = dict(_by_address(kind, wanted.urls[kind], rules)) if kind in wanted.urls else {}
    if not asked:
        names = [wanted.sources[kind]] if kind in wanted.sources else [str(name) for name in rules["order"][kind]]
        asked = {name: SOURCES[kind][name] for name in names}
    reasons: list[str] = []
    zh, en = TITLES[kind]
    for name, source in asked.items():
        try:
            found = source(area, folder, web, rules[name])
        except DiskError:
            raise
        except UNREADABLE as error:
            if of_the_disk(error):
                raise disk_error(folder / kind, error) from error
            said = (
                str(error)
                if isinstance(error, FetchError)
                else f"the answer cannot be understood ({type(error).__name__}: {reason(error)})"
            )
            reasons.append(f"{in_language(rules[name], 'title', screen.lang)}: {translate(said, screen.lang)}")
            screen.say(f"{zh}：未能获取。{reasons[-1]}", f"{en}: could not be had. {reasons[-1]}")
            continue
        if reasons:
            found.notes.append(
                (
                    f"首选来源未能获取，改用本来源：{'；'.join(reasons)}",
                    f"taken because the first choice could not be had: {'; '.join(reasons)}",
                )
            )
        size = sum(file.stat().st_size for file in found.files) / 1e6
        title = f"{in_language(rules[found.source], 'title', screen.lang)} {found.version}".strip()
        screen.say(f"{zh}：{title}，{size:,.1f} MB", f"{en}: {title}, {size:,.1f} MB")
        for note in (*found.facts, *found.notes):
            screen.say(f"  {note[0]}", f"  {note[1]}")
        return found, ""
    return None, "; ".join(reasons)


def _by_address(kind: str, urls: Sequence[str], rules: Rules) -> list[tuple[str, Source]]:
    if kind == "buildings":
        return [("buildings_url", partial(fetch_buildings_by_url, urls=urls))]
    if kind == "districts":
        return [("districts_url", partial(fetch_districts_by_url, urls=urls, datav=rules["datav"]))]
    return [(f"{kind}_url", partial(fetch_raster, kind=kind, source=f"{kind}_url", urls=urls))]


def _judge(got: Sequence[Fetched], area: Area, web: Web, rules: Rules, screen: Screen) -> Quality | None:
    buildings = next((item for item in got if item.kind == "buildings"), None)
    if buildings is None:
        return None
    today = date.today()
    try:
        quality = judge_buildings(buildings.files[0], area, web, rules, today)
    except DiskError:
        raise
    except UNREADABLE as error:
        quality = judge_buildings(buildings.files[0], area, None, rules, today)
        said = translate(reason(error), screen.lang)
        quality.said.append(
            (f"完整性：无法判断，未能获取建成区数据（{said}）", f"completeness: cannot be judged without built-up land ({said})")
        )
    for words in quality.said:
        screen.say(*words)
    return quality
