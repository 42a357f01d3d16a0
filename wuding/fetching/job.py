"""`wuding fetch`: from a place to a folder with data, SOURCES.md and study.toml."""

import json
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
from .answers import FetchError
from .place import Area, find_place
from .quality import Quality, judge_buildings, what_would_help
from .rasters import fetch_raster
from .sources import KINDS, Fetched, Rules
from .tables import fetch_buildings_by_url, fetch_districts_by_url
from .weather import fetch_nasa_power, fetch_pvgis
from .web import Web
from .writing import TITLES, write_sources, write_study

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
    urls: Mapping[str, Sequence[str]]


def check_wanted(wanted: Wanted) -> None:
    """
    Refuse what cannot be fetched before a connection is opened.

    Parameters
    ----------
    wanted
        What to fetch and from where.

    Raises
    ------
    StudyError
        If a kind or a source is not known.
    """
    for kind in (*wanted.kinds, *wanted.sources, *wanted.urls):
        if kind not in KINDS:
            raise StudyError(f"{kind!r} cannot be fetched; choose from: {', '.join(KINDS)}")
    for kind, source in wanted.sources.items():
        if source not in SOURCES[kind]:
            raise StudyError(f"{kind} cannot be fetched from {source!r}; choose from: {', '.join(SOURCES[kind])}")
    if "weather" in wanted.urls:
        raise StudyError("weather is not fetched by address; load the EPW and name it in the study file under weather.files")


def fetch(place: str, folder: Path, wanted: Wanted, web: Web, rules: Rules, screen: Screen) -> dict[str, str]:
    """
    Fetch open inputs for a place and write a study that uses them.

    Parameters
    ----------
    place
        Name, box or polygon, see `find_place`.
    folder
        Of the study; made where it is lacking.
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
        If the place is not found, or the folder holds a study already.
    """
    check_wanted(wanted)
    if (folder / "study.toml").exists():
        raise StudyError(f"{folder.name}: holds a study.toml already; give another folder or remove it first")
    area = find_place(place, web, rules["place"], screen.lang)
    folder.mkdir(parents=True, exist_ok=True)
    screen.say(f"{area.told[0]}；{area.km2:,.0f} 平方公里", f"{area.told[1]}; {area.km2:,.0f} km2")
    got, lacking = [], {}
    for kind in [kind for kind in KINDS if kind in wanted.kinds]:
        found, why = _one(kind, area, folder, wanted, web, rules, screen)
        if found is None:
            lacking[kind] = why
        else:
            got.append(found)
    quality = _judge(got, area, web, rules, screen)
    helps = what_would_help(quality, {item.kind: item.source for item in got}, rules)
    write_sources(folder, area, got, lacking, quality or Quality(), helps, rules, screen.lang)
    write_study(folder, area, got, lacking, rules, screen.lang)
    facts = {"place": place, "area_km2": area.km2, "lacking": lacking, "quality": quality.facts if quality else {}}
    sources = {item.kind: {"source": item.source, "version": item.version, "address": item.address} for item in got}
    (folder / "fetch.json").write_text(json.dumps(facts | {"sources": sources}, ensure_ascii=False, indent=1), encoding="utf-8")
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
        except (FetchError, OSError) as error:
            reasons.append(f"{rules[name]['title']}: {translate(str(error), screen.lang)}")
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
        title = f"{rules[found.source]['title']} {found.version}".strip()
        screen.say(f"{zh}：{title}，{size:,.1f} MB", f"{en}: {title}, {size:,.1f} MB")
        for note in found.notes:
            screen.say(f"  {note[0]}", f"  {note[1]}")
        return found, ""
    return None, "; ".join(reasons)


def _by_address(kind: str, urls: Sequence[str], rules: Rules) -> list[tuple[str, Source]]:
    if kind == "buildings":
        return [("buildings_url", partial(fetch_buildings_by_url, url=urls[0]))]
    if kind == "districts":
        return [("districts_url", partial(fetch_districts_by_url, url=urls[0], datav=rules["datav"]))]
    return [(f"{kind}_url", partial(fetch_raster, kind=kind, source=f"{kind}_url", urls=urls))]


def _judge(got: Sequence[Fetched], area: Area, web: Web, rules: Rules, screen: Screen) -> Quality | None:
    buildings = next((item for item in got if item.kind == "buildings"), None)
    if buildings is None:
        return None
    today = date.today()
    try:
        quality = judge_buildings(buildings.files[0], area, web, rules, today)
    except FetchError as error:
        quality = judge_buildings(buildings.files[0], area, None, rules, today)
        said = translate(str(error), screen.lang)
        quality.said.append(
            (f"完整性：无法判断，未能获取建成区数据（{said}）", f"completeness: cannot be judged without built-up land ({said})")
        )
    for words in quality.said:
        screen.say(*words)
    return quality
