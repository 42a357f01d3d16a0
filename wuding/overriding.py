"""Corrections by building id that a user writes down in a CSV, and the log of what they changed."""

import re
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from geo import attributes
from geo.errors import GeoError
from geo.height_words import floor_counts, lengths
from geo.heights import HIGHEST_M, LOWEST_M, MOST_FLOORS
from geo.tables import read_rows
from geo.uses import uses_from_words

from .errors import StudyError
from .study import USES, Study, nearest

# Our columns, each with the other heads that are understood; a unit in brackets behind a head is looked at too.
COLUMNS = {
    "id": ("building_id", "source_id", "编号", "建筑编号", "建筑物编号", "房屋编号", "来源编号"),
    "height": ("height_m", "高度", "高", "建筑高度", "房屋高度"),
    "floors": ("层数", "楼层", "楼层数", "建筑层数", "地上层数"),
    "use": ("用途", "房屋用途", "建筑用途"),
    "tilt": ("roof_tilt", "坡度", "倾角", "屋面倾角", "屋面坡度", "屋顶坡度"),
    "exclude": ("excluded", "剔除", "剔除原因", "排除", "排除原因"),
    "installed_kwp": ("已装光伏", "已装容量", "已装光伏容量", "已有光伏"),
    "note": ("备注", "说明"),
}
_HEAD_UNIT = re.compile(r"[(\[](.*)[)\]]$|(?<=[^a-z_ ])(kwp|kw|mw|w)$")
# A tilt is degrees, or a grade in percent; "1:2" may be either way round and is refused.
_TILT = re.compile(r"([-+]?\d+(?:\.\d+)?)\s*(°|º|度|deg|degrees|%)?")
_KILOWATTS = re.compile(r"([-+]?\d+(?:\.\d+)?)\s*(w|kw|mw|瓦|千瓦|兆瓦|万千瓦)?p?")
_LIMITS = {"height": (LOWEST_M, HIGHEST_M), "floors": (1.0, MOST_FLOORS), "tilt": (0.0, 60.0), "installed_kwp": (0.0, 100_000.0)}
_NO = {"", "0", "no", "false", "否", "不"}


def override(table: gpd.GeoDataFrame, raw: pd.DataFrame, study: Study, warnings: list[str]) -> list[dict[str, str]]:
    """
    Correct what the source says by the study's table of overrides.

    Parameters
    ----------
    table
        Identified buildings; `tilt_given` and `exclude_reason` are filled in.
    raw
        The same rows with the study's own columns; corrected in place.
    study
        The study.
    warnings
        What the user should know; appended to.

    Returns
    -------
    list of dict
        A row a change: `id` as the table has it, `column`, `before`, `after`.
    """
    table["tilt_given"], table["exclude_reason"] = np.nan, ""
    if study.buildings.overrides is None:
        return []
    path = study.path(study.buildings.overrides)
    wanted = _read(path)
    rows = _rows(wanted["id"], table, path.name, warnings)
    log: list[dict[str, str]] = []
    for column in wanted.columns.difference(["id", "note"], sort=False):
        said = np.flatnonzero(((wanted[column] != "") & (rows >= 0)).to_numpy())
        if len(said):
            before, after = _apply(column, wanted[column].iloc[said], rows[said], table, raw, study, path.name)
            changes = zip(wanted["id"].iloc[said], before, after, strict=True)
            log += [{"id": str(name), "column": column, "before": str(old), "after": str(new)} for name, old, new in changes]
    changed = pd.Series([entry["column"] for entry in log], dtype="string").value_counts().sort_index()
    listed = ", ".join(f"{column} {count}" for column, count in changed.items()) or "-"
    warnings.append(f"{path.name} corrects {len({entry['id'] for entry in log})} buildings: {listed}")
    return log


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise StudyError(f"buildings.overrides: there is no file {path.name}; correct the path in the study file")
    try:
        table = read_rows(path)
    except GeoError as error:
        raise StudyError(f"buildings.overrides: {error}") from error
    names = {alias: ours for ours, aliases in COLUMNS.items() for alias in (ours, *aliases)}
    columns, heads = {}, []
    for head in table.columns:
        word = unicodedata.normalize("NFKC", str(head)).strip().casefold()
        if not word or word.startswith("unnamed:"):
            if table[head].notna().any():
                raise StudyError(f"{path.name}: a column without a head holds values; write its head, or empty it")
            continue
        plain, unit = _parted(word, names)
        if plain not in names:
            raise StudyError(f"{path.name}: unknown column {word!r}; {nearest(word, list(names))}")
        heads.append(names[plain])
        text = table[head].astype("string").fillna("").str.strip()
        bare = text.str.fullmatch(r"[-+]?[\d.,]+") if names[plain] in _READERS else np.zeros(len(text), dtype=bool)
        columns[names[plain]] = text.where(~bare, text + unit).astype(object)  # a bare number takes the unit of its head
    if heads.count("id") != 1 or len(set(heads)) < len(heads):
        raise StudyError(f"{path.name}: expected one column id and each other column once; it has: {', '.join(heads)}")
    frame = pd.DataFrame(columns)
    frame = frame[(frame != "").any(axis=1)].reset_index(drop=True)
    if (nameless := int((frame["id"] == "").sum())) > 0:
        raise StudyError(f"{path.name}: {nameless} rows have values but no id; write the building's id, or take them out")
    if repeated := list(frame.loc[frame["id"].duplicated(), "id"].unique()[:5]):
        raise StudyError(f"{path.name}: these ids stand more than once: {', '.join(repeated)}; write one row a building")
    return frame


def _parted(word: str, names: dict[str, str]) -> tuple[str, str]:
    """Head and unit of "高度(米)" and "已装光伏kw"."""
    found = None if word in names else _HEAD_UNIT.search(word)
    return (word, "") if found is None else (word[: found.start()].strip(), (found[1] or found[2] or "").strip())


def _rows(ids: pd.Series, table: gpd.GeoDataFrame, name: str, warnings: list[str]) -> np.ndarray:
    """Row of each id, by our id or else the source's; -1 where there is none."""
    own = pd.Index(table["building_id"])
    source = table["source_id"].astype(object)
    single = ~source.duplicated(keep=False) & (source != "")
    by_source = pd.Index(source[single]).get_indexer(pd.Index(ids))
    place = np.flatnonzero(single.to_numpy())
    rows: np.ndarray = own.get_indexer(pd.Index(ids)).astype(np.int64)
    rows = np.where((rows < 0) & (by_source >= 0), place[by_source] if len(place) else -1, rows)
    if (lost := ids[rows < 0]).size:
        warnings.append(f"{name}: {len(lost)} ids are of no building and change nothing: {', '.join(lost.iloc[:5])}")
    return rows


def _apply(
    column: str, said: pd.Series, rows: np.ndarray, table: gpd.GeoDataFrame, raw: pd.DataFrame, study: Study, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Write one column of corrections into the buildings; what it was and what it is."""
    if column == "exclude":
        reasons = np.array(["" if text.casefold() in _NO else text for text in said], dtype=object)
        before = np.full(len(rows), "", dtype=object)
        table.loc[table.index[rows], "exclude_reason"] = np.where(
            np.isin(reasons, ["1", "yes", "true", "是"]), f"excluded by {name}", reasons
        )
        return before, reasons
    if column == "use":
        words = uses_from_words(said.reset_index(drop=True), {use: use for use in USES} | study.buildings.use, len(said)).use
        if strange := sorted(set(said[words == "unknown"]) - {"unknown"}):
            raise StudyError(f"{name}: use {strange[0]!r} is not known; {nearest(strange[0], USES)}")
        before = _column(raw, "use")[rows]
        raw["use_override"] = _put(_column(raw, "use_override"), rows, words)
        return before, words
    low, high = _LIMITS[column]
    values = _READERS[column](said)
    wrong = np.flatnonzero(~((values >= low) & (values <= high)))
    if len(wrong):
        raise StudyError(f"{name}: {column} {said.iloc[wrong[0]]!r} is no number in {low:g}–{high:g}; correct it, or leave the cell empty")
    if column == "tilt":
        before = table["tilt_given"].to_numpy()[rows]
        table.loc[table.index[rows], "tilt_given"] = values
        return before, values
    before = _column(raw, column)[rows]
    raw[column] = _put(_column(raw, column), rows, values)
    return before, values


def _tilt(text: str) -> float:
    found = _TILT.fullmatch(attributes.with_points(text))
    if found is None:
        return np.nan
    value = float(found[1])
    return float(np.degrees(np.arctan(value / 100.0))) if found[2] == "%" else value


def _kilowatts(text: str) -> float:
    found = _KILOWATTS.fullmatch(attributes.with_points(text))
    return float(found[1]) * attributes.KILOWATTS[found[2] or "kw"] if found else np.nan


# How people write each of them: "12米", "3层", "15°", "0.5MW".
_READERS: dict[str, Callable[[pd.Series], attributes.Floats]] = {
    "height": lengths,
    "floors": floor_counts,
    "tilt": partial(attributes.by_word, read=_tilt),
    "installed_kwp": partial(attributes.by_word, read=_kilowatts),
}


def _column(raw: pd.DataFrame, column: str) -> np.ndarray:
    values: np.ndarray = raw[column].to_numpy(dtype=object, copy=True) if column in raw else np.full(len(raw), None, dtype=object)
    return values


def _put(values: np.ndarray, rows: np.ndarray, new: np.ndarray) -> np.ndarray:
    values[rows] = new
    return values
