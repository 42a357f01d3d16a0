"""How good is what was fetched: what the buildings know, how old they are, whether they are all there, what would help most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from affine import Affine

from .place import Area
from .rasters import read_tiles, tiles_of
from .sources import Fetched, Rules, Words
from .web import Web

_ESSENTIAL = {
    "buildings": ("建筑轮廓：没有它无法测算", "building footprints: nothing can be assessed without them"),
    "weather": ("典型年气象文件（EPW）", "a typical year of weather (EPW)"),
    "dem": ("地形高程（DEM）", "elevation of the terrain (DEM)"),
}


@dataclass
class Quality:
    """
    What is known about the fetched buildings.

    Attributes
    ----------
    facts
        Numbers by name.
    said
        Lines in Chinese and English.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    said: list[Words] = field(default_factory=list)


def judge_buildings(path: Path, area: Area, web: Web | None, rules: Rules, today: date) -> Quality:
    """
    Judge fetched buildings.

    Parameters
    ----------
    path
        `buildings.parquet`.
    area
        The area.
    web
        The way to the internet, for the built-up land; None leaves completeness out.
    rules
        The table of sources.
    today
        From which ages are counted.

    Returns
    -------
    Quality
        Shares with height, floors and use, age, completeness.

    Raises
    ------
    FetchError
        If the built-up land cannot be had.
    """
    frame = gpd.read_parquet(path)
    out = Quality({"buildings": len(frame)})
    known = {c.lower(): c for c in map(str, frame.columns)}
    shares, any_of_both = {}, np.zeros(len(frame), dtype=bool)
    for key, names in {"height": ("height",), "floors": ("num_floors", "floors"), "use": ("use", "class")}.items():
        column = next((known[name] for name in names if name in known), None)
        there = frame[column].notna().to_numpy() if column else np.zeros(len(frame), dtype=bool)
        shares[key] = float(there.mean())
        if key != "use":
            any_of_both |= there
    either = float(any_of_both.mean())
    out.facts |= {f"share_with_{key}": share for key, share in shares.items()}
    out.facts["share_with_height_or_floors"] = either
    out.said.append(
        (
            f"建筑 {len(frame):,} 栋；有高度 {shares['height']:.0%}，有层数 {shares['floors']:.0%}（二者有其一 {either:.0%}），"
            f"有用途 {shares['use']:.0%}",
            f"{len(frame):,} buildings; with height {shares['height']:.0%}, floors {shares['floors']:.0%} (one of both {either:.0%}), "
            f"use {shares['use']:.0%}",
        )
    )
    _age(frame, out, rules["expected"], today)
    if web is not None:
        _completeness(frame, area, web, rules, out)
    return out


def what_would_help(quality: Quality | None, got: Sequence[Fetched], lacking: Mapping[str, str], rules: Rules) -> list[Words]:
    """
    Name the user's data that would improve the study most, the most important first.

    Parameters
    ----------
    quality
        Of the buildings; None where there are none.
    got
        What was fetched.
    lacking
        Kind to why it could not be had.
    rules
        The table of sources.

    Returns
    -------
    list of tuple
        Chinese and English.
    """
    facts, had = quality.facts if quality else {}, {item.kind: item for item in got}
    # without these there is no study at all
    out = [_ESSENTIAL[kind] for kind in _ESSENTIAL if kind in lacking]
    survey = (
        "房屋建筑普查（自然灾害综合风险普查）的轮廓、层数、年代和用途",
        "footprints with floors, year and use of the national building survey",
    )
    if facts and (facts.get("roof_share", 1.0) < rules["expected"]["least_share"] or facts.get("lacking_share", 0.0) > 0.1):
        out.append((f"{survey[0]}：现有轮廓不全", f"{survey[1]}: the outlines at hand are incomplete"))
    elif facts and facts["share_with_height_or_floors"] < 0.5:
        out.append((f"{survey[0]}：多数建筑没有高度", f"{survey[1]}: most buildings have no height"))
    if facts and facts["share_with_use"] < 0.5:
        out.append(("国土“三调”地类图斑或建筑用途：目标按用途考核", "the land-use survey or building uses: targets are judged by use"))
    out.append(("已装光伏容量和在建项目（wuding template 生成填报表）", "PV that is built and committed (the form of wuding template)"))
    if "dem" in had and had["dem"].source == "copernicus":
        out.append(("2 米以内的数字表面模型：实测屋面坡度和遮挡", "a surface model of 2 m or finer: measured roof slopes and shade"))
    if "weather" in had and had["weather"].keys.get("weakness") != "satellite_weakness":
        out.append(
            (
                "本地气象站或卫星反演的典型年（EPW）：再分析辐照度在中国误差大",
                "a typical year (EPW) of a local station or of satellites: coarse or reanalysed irradiance is poor over China",
            )
        )
    if facts.get("median_age_years", 0.0) > rules["expected"]["old_years"]:
        out.append(
            ("近五年竣工建筑清单：新建屋顶单独考核", "a list of buildings finished in the last five years: new roofs have their own target")
        )
    # borders of volunteers may be the right ones, but are not the official ones
    out.append(("区县、镇街的法定界线", "the official borders of districts and towns"))
    return out


def _age(frame: gpd.GeoDataFrame, out: Quality, expected: Mapping[str, Any], today: date) -> None:
    if "update_time" not in frame or not frame["update_time"].notna().any():
        out.said.append(("数据年代：来源未注明", "age of the data: its source does not say"))
        return
    when = pd.to_datetime(frame["update_time"], errors="coerce", utc=True, format="ISO8601").dropna()
    years = (pd.Timestamp(today, tz="UTC") - when).dt.total_seconds() / (365.25 * 86400.0)
    old = float((years > expected["old_years"]).mean())
    out.facts |= {"median_age_years": float(years.median()), "newest": str(when.max().date()), "share_old": old}
    out.said.append(
        (
            f"数据年代：中位 {years.median():.1f} 年前，最新 {when.max().date()}，"
            f"早于 {expected['old_years']:g} 年的占 {old:.0%}（更新时间，不是影像时间）",
            f"age of the data: median {years.median():.1f} years, newest {when.max().date()}, {old:.0%} older than "
            f"{expected['old_years']:g} years (of the last edit, not of the image)",
        )
    )


def _completeness(frame: gpd.GeoDataFrame, area: Area, web: Web, rules: Rules, out: Quality) -> None:
    """Roof area over built-up land, whole and by cells of some kilometres against the cells around."""
    cover, expected = rules["worldcover"], rules["expected"]
    tiles = read_tiles(web, tiles_of(cover, area.bounds), area.bounds, float(cover["resolution_m"]), "fetch_quality")
    size = float(expected["cell_degrees"])
    land = _built_up(tiles.cells, tiles.transform, area, int(cover["built_up"]), size)
    roofs = _roof_area(frame, size)
    joined = pd.DataFrame({"land": land}).join(roofs.rename("roofs"), how="left").fillna(0.0)
    if not joined["land"].sum():
        out.said.append(("完整性：研究区内没有建成区，无法判断", "completeness: there is no built-up land in the area to judge by"))
        return
    whole = float(roofs.sum() / joined["land"].sum())
    told = joined[joined["land"] > expected["least_built_up_km2"] * 1e6]
    lacking = told[_lacks(told["roofs"] / told["land"], float(expected["least_of_neighbours"]))]
    share = float(lacking["land"].sum() / joined["land"].sum())
    out.facts |= {
        "built_up_km2": float(joined["land"].sum() / 1e6),
        "roof_share": whole,
        "lacking_share": share,
        "lacking_cells": len(lacking),
    }
    low, high = expected["least_share"], expected["most_share"]
    verdict = ("偏低，可能缺漏", "low: buildings are likely missing") if whole < low else ("正常", "as expected")
    verdict = ("偏高，请核对轮廓", "high: check the outlines") if whole > high else verdict
    out.said.append(
        (
            f"完整性：每平方公里建成区有屋顶 {whole * 100:.1f} 公顷（预期 {low * 100:g}–{high * 100:g}），{verdict[0]}；"
            f"与周围相比明显偏少的格网 {len(lacking)} 个，占建成区 {share:.0%}",
            f"completeness: {whole * 100:.1f} ha of roofs per km2 of built-up land (expected {low * 100:g}-{high * 100:g}), {verdict[1]}; "
            f"{len(lacking)} cells have clearly less than the cells around, {share:.0%} of the built-up land",
        )
    )
    if len(lacking):
        places = "; ".join(f"{(x + 0.5) * size:.2f} E {(y + 0.5) * size:.2f} N" for x, y in lacking.index[:5])
        out.said.append((f"可能缺漏的位置：{places}", f"likely missing around: {places}"))


def _built_up(cells: npt.NDArray[np.floating], transform: Affine, area: Area, built_up: int, size: float) -> "pd.Series[float]":
    rows, columns = np.nonzero(cells == built_up)
    lon, lat = transform.c + (columns + 0.5) * transform.a, transform.f + (rows + 0.5) * transform.e
    shapely.prepare(area.shape)
    inside = shapely.contains_xy(area.shape, lon, lat)
    lon, lat = lon[inside], lat[inside]
    # a degree of latitude, and of longitude on the parallel, on a sphere: shares are asked for, not areas
    metres = 111195.0**2 * abs(transform.a * transform.e) * np.cos(np.radians(lat))
    keys = [np.floor(lon / size).astype(int), np.floor(lat / size).astype(int)]
    return pd.Series(metres, dtype="float64").groupby(keys).sum()


def _roof_area(frame: gpd.GeoDataFrame, size: float) -> "pd.Series[float]":
    geometry = frame.geometry.to_numpy()
    box = shapely.bounds(geometry)
    lon, lat = (box[:, 0] + box[:, 2]) / 2.0, (box[:, 1] + box[:, 3]) / 2.0
    metres = shapely.area(geometry) * 111195.0**2 * np.cos(np.radians(lat))
    keys = [np.floor(lon / size).astype(int), np.floor(lat / size).astype(int)]
    return pd.Series(metres, dtype="float64").groupby(keys).sum()


def _lacks(ratio: "pd.Series[float]", least: float) -> npt.NDArray[np.bool_]:
    """Cells with less than a share of the median of the cells around, where at least three of these tell something."""
    known: dict[Any, float] = dict(ratio.items())
    lacks = []
    for x, y in known:
        around = [known[x + i, y + j] for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0) and (x + i, y + j) in known]
        lacks.append(len(around) >= 3 and known[x, y] < least * float(np.median(around)))
    return np.array(lacks, dtype=bool)
