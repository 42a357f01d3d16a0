"""A roadmap by year, accountable area and class; its years written to the roofs; and what a reader is told about it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .codes import code_word
from .replacing import put_in_place
from .roadmap import Goal, Roadmap
from .schema import write_arrow
from .sealing import accept, record_of
from .sums import OUTSIDE, Groups

SUMMED = ("pdc0_kwp", "pac0_kw", "energy_kwh", "capex_cny", "carbon_t")
BY = ("region", "use")


def yearly_rows(roadmap: Roadmap, buildings: pd.DataFrame) -> pd.DataFrame:
    """
    Sum what a roadmap builds by year, accountable area and class.

    Parameters
    ----------
    roadmap
        Years of the buildings.
    buildings
        Table `buildings` in the same row order.

    Returns
    -------
    rows
        Columns year, region, use, buildings and the sums of what is new in that year: kWp, kW, kWh and t CO₂ of the first full
        year of operation, CNY; sorted, only what is built.
    """
    on = roadmap.year > 0
    built = buildings[on]
    keys = pd.DataFrame(
        {
            "year": roadmap.year[on],
            "region": built["responsible_area"].astype(object).where(built["responsible_area"].notna(), OUTSIDE).to_numpy(),
            "use": built["use"].astype(object).to_numpy(),
        }
    )
    index = pd.MultiIndex.from_frame(keys.drop_duplicates()).sort_values()
    groups = Groups(index.get_indexer(pd.MultiIndex.from_frame(keys)), len(index))
    sums = {name: groups.sums(built[name].to_numpy(dtype=np.float64, na_value=np.nan)) for name in SUMMED}
    if not built["carbon_t"].notna().any():
        sums["carbon_t"] = np.full(len(index), np.nan)
    return index.to_frame(index=False).assign(buildings=groups.sizes(), **sums)


def by_year(rows: pd.DataFrame, years: Sequence[int], region: str | None = None) -> pd.DataFrame:
    """
    Add up areas and classes, and the years so far.

    Parameters
    ----------
    rows
        From `yearly_rows`.
    years
        Every year of the roadmap; one in which nothing is built has 0.
    region
        Accountable area; None takes all.

    Returns
    -------
    table
        Indexed by year: the sums of each year, and under total_… those of all years up to it.
    """
    own = rows if region is None else rows[rows["region"] == region]
    added = own.groupby("year", sort=True)[["buildings", *SUMMED]].sum().reindex(list(years), fill_value=0)
    if len(own) and not own["carbon_t"].notna().any():  # the grid's factor is not known
        added["carbon_t"] = np.nan
    return added.join(added.cumsum().add_prefix("total_"))


def told(roadmap: Roadmap, goals: Sequence[Goal], rows: pd.DataFrame) -> dict[str, Any]:
    """
    Put a roadmap into words and numbers for roadmap.json.

    Parameters
    ----------
    roadmap
        The roadmap.
    goals
        Its goals.
    rows
        From `yearly_rows`.

    Returns
    -------
    content
        Scenario, what became of each target, and the rows.
    """
    scenario = roadmap.scenario
    uptake = None if scenario.uptake is None else {name: fact.value for name, fact in scenario.uptake.items()}
    unverified = scenario.uptake is not None and not all(fact.verified for fact in scenario.uptake.values())
    targets = [
        {"id": goal.target, "need": goal.need, "unit": goal.unit, "deadline_year": goal.deadline_year, "status": status,
         "year": year or None, "short": short}
        for goal, year, status, short in zip(goals, roadmap.met, roadmap.status, roadmap.short, strict=True)
    ]  # fmt: skip
    return {
        "name": scenario.name,
        "order": scenario.order,
        "first_year": scenario.first_year,
        "last_year": scenario.last_year,
        "yearly_mw": scenario.yearly_mw,
        "uptake": uptake,
        "uptake_verified": not unverified,
        "quota": None if scenario.quota is None else dict(scenario.quota),
        "room_mw": None if scenario.room_mw is None else dict(scenario.room_mw),
        "stop": scenario.stop,
        "explained_zh": _explained(roadmap, "zh"),
        "explained_en": _explained(roadmap, "en"),
        "targets": targets,
        "rows": rows.to_dict("records"),
    }


def _explained(roadmap: Roadmap, lang: str) -> str:
    scenario, zh = roadmap.scenario, lang == "zh"
    order = code_word("order", scenario.order, lang)
    built = int((roadmap.year > 0).sum())
    limits = []
    if scenario.yearly_mw is not None:
        limits.append(
            f"每年 {scenario.yearly_mw:g} MW（交流）为限，放不下的余量结转下一年"
            if zh
            else f"at most {scenario.yearly_mw:g} MW (AC) a year, and what a year could not fit is added to the next"
        )
    if scenario.uptake is not None:
        limits.append("各类建筑按 S 形接受曲线逐年放开" if zh else "each class within its S-shaped uptake")
    if scenario.room_mw:
        limits.append("各责任区域不超过电网可开放容量" if zh else "each area within the room of its grid")
    if zh:
        end = "各项目标达到后停止" if scenario.stop else "不因目标达到而停止"
        return (
            f"{scenario.first_year}—{scenario.last_year} 年，次序：{order}，并列时按建筑编号；{'；'.join(limits) or '不设限制'}；"
            f"期限早的目标在先（需求量不明的在后，不设上限），{end}。"
            f"一栋建筑的全部屋面同年建成，放不下的留待下一年，同类后者不越前。共安排 {built} 栋。"
        )
    end = "building stops once every target is met" if scenario.stop else "building goes on when targets are met"
    return (
        f"{scenario.first_year}-{scenario.last_year}, order: {order}, ties by building_id; {'; '.join(limits) or 'no limits'}; "
        f"targets by deadline (those whose need is unknown last and without end), {end}. "
        "All roofs of a building are built in one year; one that does not fit waits, and later ones of its class behind it. "
        f"{built} buildings get a year."
    )


def write_years(folder: Path, years: Mapping[str, int] | pd.Series, sealed: Path, work: Path) -> bool:
    """
    Write the year of each building into roadmap_year of its roofs.

    Parameters
    ----------
    folder
        The roof dataset; a file is replaced whole or not at all, and only where a year changes.
    years
        Year by building_id; a building that is not in it is not built.
    sealed
        Records of the tiles, which then hold the new bytes too.
    work
        Folder on the same disk for unfinished files.

    Returns
    -------
    changed
        Whether any year changed.
    """
    wanted = pd.Series(years, dtype="Int32")
    with ThreadPoolExecutor() as pool:
        return any(list(pool.map(lambda file: _renew(file, wanted, sealed, work), sorted(folder.glob("*.parquet")))))


def _renew(file: Path, wanted: pd.Series, sealed: Path, work: Path) -> bool:
    held = pq.read_table(file, columns=["building_id", "roadmap_year"])
    year = pa.Array.from_pandas(wanted.reindex(held["building_id"].to_pandas()).reset_index(drop=True), type=pa.int32())
    if held["roadmap_year"].combine_chunks().equals(year):
        return False
    table = pq.read_table(file)
    at = table.schema.get_field_index("roadmap_year")
    table = table.set_column(at, table.schema.field(at), year)
    renewed = work / f"years-{file.name}"
    write_arrow(table, "roofs", renewed, work)
    accept(record_of(sealed, file.name), "roofs", renewed, work)
    put_in_place(renewed, file)
    return True
