"""What a cluster costs, told by both cluster pages from one measured run: `python -m bench.cluster_cost` writes their sections.

A new run of a million changes `MILLION` and `NEW_YORK` alone.
"""

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
HEADS = {"en": "## What it costs", "zh": "## 成本"}
CHINA_MILLIONS, WORKERS = 300, 64


@dataclass(frozen=True)
class Measured:
    """One run on an idle machine, as its manifest and the system tell it."""

    day: tuple[int, int, int]
    cores: int
    buildings: int
    roofs: int
    clock_s: float
    processor_s: float
    tiles_clock_s: float
    tiles_peak_gb: float
    peak_gb: float
    folder_gb: float


@dataclass(frozen=True)
class City:
    """Another place on the same machine the same day."""

    buildings: int
    roofs: int
    tiles_clock_s: float


MILLION = Measured((2026, 11, 29), 2, 1_000_000, 2_645_972, 237.6, 410.0, 147.1, 2.3, 2.3, 3.9)
NEW_YORK = City(113_087, 118_047, 15.2)

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
_COUNTS = {1: ("one core", "单核"), 2: ("two cores", "两核"), 4: ("four cores", "四核"), 8: ("eight cores", "八核")}

_EN = """\
All numbers here come from one run: the million of [performance](performance.md), sample county, {cores}, idle, {day}, {clock:.0f} s
by the clock.

It took {processor:.0f} seconds of the processor, {processor_h:.2f} core hours, for {buildings:,} buildings with {roofs:.1f} roofs
each, from the files to the map and the GeoPackage. The tiles, which spread over workers, held the cores for {tiles:.0f} s: at most
{tiles_core:.0f} core seconds, {tiles_h:.2f} core hours. What runs on one machine, reading, weather, tables and products, took the
other {alone:.0f} s by the clock. All processes together held {tiles_gb:.1f} GB while roofs were assessed and {peak_gb:.1f} GB at
the peak.

China's roughly {china} million buildings are then about {all_h:.0f} core hours ({runs:.0f} × {processor:.0f} s), county by county:
{all_tiles_h:.0f} core hours of tiles, with {workers} workers {minutes:.0f} minutes, and {runs:.0f} × {alone:.0f} s = {alone_h:.0f}
hours for what runs on one machine, which several machines can do for several counties at once. Such a run folder takes about
{folder:.1f} GB, {all_tb:.1f} TB in all. This is arithmetic from that run, nothing of that size was run, and neither was
the speed-up of {workers} workers measured. It rests on the sample county's density, its two in a hundred halls and one in a hundred
towers, on footprints with heights and no surface model, and on the cores of the machine that was measured. A surface model and a
city of towers cost more: New York's {city_roofs:,.0f} roofs took {city:.0f} s for their tiles on the same machine the same day,
{per_roof:.1f} times as long a roof ({per_building:.1f} times a building: it has one roof a building, the sample county
{roofs:.1f}).
"""

_ZH = """\
以下数字都出自同一次运行：[性能](performance.md)一页中的百万栋示例县，{cores}、空闲机器、{day}，时钟时间 {clock:.0f} 秒。

{buildings_wan:.0f} 万栋建筑、{roofs_wan:.0f} 万个屋顶，从读入文件到地图和 GeoPackage，用了 {processor:.0f} 秒处理器时间，
即 {processor_h:.2f} 核时。可分给计算节点的分块占满各核
{tiles:.0f} 秒，至多 {tiles_core:.0f} 核秒，即 {tiles_h:.2f} 核时；其余在一台机器上完成（读入、气象、汇总与成果），
时钟时间 {alone:.0f} 秒。
测算屋顶时各进程合计占用 {tiles_gb:.1f} GB，最高时合计 {peak_gb:.1f} GB。

全国约 {china_yi:.0f} 亿栋建筑按县逐个测算，约 {all_h:.0f} 核时（{china} × {processor:.0f} 秒）：其中分块 {all_tiles_h:.0f} 核时，
{workers} 个进程约
{minutes:.0f} 分钟；另有 {runs:.0f} × {alone:.0f} 秒 = {alone_h:.0f} 小时须在单机上完成，可由多台机器同时做不同的县。
这样一个结果文件夹约 {folder:.1f} GB，共约 {all_tb:.1f} TB。以上由这一次运行推算，没有跑过这样的规模，
也没有测过 {workers} 个进程能快多少倍；
前提是示例县的密度、2% 大厂房、1% 高楼、有高度的轮廓而没有地表模型，以及所用机器的核。有地表模型或高楼林立时更贵：同一台机器同一天，纽约
{city_wan:.1f} 万个屋面的分块用了 {city:.0f} 秒，按每个屋面计是示例县的 {per_roof:.1f} 倍（按每栋计为 {per_building:.1f} 倍：
纽约每栋一个屋面，示例县 {roofs:.1f} 个）。
"""


def section(lang: str, run: Measured = MILLION, city: City = NEW_YORK) -> str:
    """
    Write the section of a page.

    Parameters
    ----------
    lang
        "en" or "zh".
    run, city
        What was measured.

    Returns
    -------
    str
        Text under the section's head.
    """
    year, month, day = run.day
    runs = CHINA_MILLIONS * 1e6 / run.buildings
    alone, tiles_core = run.clock_s - run.tiles_clock_s, run.cores * run.tiles_clock_s
    all_tiles_h = runs * tiles_core / 3600
    english = lang == "en"
    return (_EN if english else _ZH).format(
        cores=_COUNTS[run.cores][0 if english else 1],
        day=f"{day} {_MONTHS[month - 1]} {year}" if english else f"{year} 年 {month} 月 {day} 日",
        clock=run.clock_s,
        processor=run.processor_s,
        processor_h=run.processor_s / 3600,
        buildings=run.buildings,
        buildings_wan=run.buildings / 1e4,
        roofs=run.roofs / run.buildings,
        roofs_wan=run.roofs / 1e4,
        tiles=run.tiles_clock_s,
        tiles_core=tiles_core,
        tiles_h=tiles_core / 3600,
        alone=alone,
        tiles_gb=run.tiles_peak_gb,
        peak_gb=run.peak_gb,
        runs=runs,
        china=CHINA_MILLIONS,
        china_yi=CHINA_MILLIONS / 100,
        workers=WORKERS,
        all_h=runs * run.processor_s / 3600,
        all_tiles_h=all_tiles_h,
        minutes=all_tiles_h / WORKERS * 60,
        alone_h=runs * alone / 3600,
        folder=run.folder_gb,
        all_tb=runs * run.folder_gb / 1000,
        city=city.tiles_clock_s,
        city_roofs=city.roofs,
        city_wan=city.roofs / 1e4,
        per_roof=(city.tiles_clock_s / city.roofs) / (run.tiles_clock_s / run.roofs),
        per_building=(city.tiles_clock_s / city.buildings) / (run.tiles_clock_s / run.buildings),
    )


def page(lang: str) -> Path:
    """
    Name the page of a language.

    Parameters
    ----------
    lang
        "en" or "zh".

    Returns
    -------
    pathlib.Path
        The cluster page.
    """
    return DOCS / lang / "cluster.md"


def written(text: str, lang: str) -> str:
    """
    Put the section into a page in place of the one before.

    Parameters
    ----------
    text
        The page.
    lang
        "en" or "zh".

    Returns
    -------
    str
        The page with the section of what was measured last.
    """
    pattern = re.compile(rf"(^{HEADS[lang]}\n).*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    return pattern.sub(lambda head: f"{head[1]}\n{section(lang)}", text, count=1)


if __name__ == "__main__":
    for lang in HEADS:
        page(lang).write_text(written(page(lang).read_text(encoding="utf-8"), lang), encoding="utf-8")
