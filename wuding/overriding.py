"""Corrections by building id that a user writes down in a CSV, and the log of what they changed."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.heights import HIGHEST_M, LOWEST_M, MOST_FLOORS
from geo.uses import uses_from_words

from .errors import StudyError
from .study import USES, Study, nearest

# Our columns, each with the Chinese heads that are understood too.
COLUMNS = {
    "id": ("building_id", "编号", "建筑编号"),
    "height": ("height_m", "高度", "高度（米）"),
    "floors": ("层数",),
    "use": ("用途",),
    "tilt": ("roof_tilt", "坡度", "屋面倾角"),
    "exclude": ("excluded", "剔除", "剔除原因"),
    "installed_kwp": ("已装光伏", "已装光伏kw"),
    "note": ("备注", "说明"),
}
_LIMITS = {"height": (LOWEST_M, HIGHEST_M), "floors": (1.0, MOST_FLOORS), "tilt": (0.0, 60.0), "installed_kwp": (0.0, 100_000.0)}
_NO = {"", "0", "no", "false", "否", "不"}


def override(table: gpd.GeoDataFrame, raw: gpd.GeoDataFrame, study: Study, warnings: list[str]) -> list[dict[str, str]]:
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
        frame = _decoded(path)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise StudyError(f"buildings.overrides: {path.name} cannot be read as a CSV in UTF-8 or GB18030 ({error})") from error
    names = {alias: ours for ours, aliases in COLUMNS.items() for alias in (ours, *aliases)}
    heads = [str(head).strip().casefold() for head in frame.columns]
    for head in heads:
        if head not in names:
            raise StudyError(f"{path.name}: unknown column {head!r}; {nearest(head, list(names))}")
    frame.columns = pd.Index([names[head] for head in heads])
    if "id" not in frame.columns or not frame.columns.is_unique:
        raise StudyError(f"{path.name}: expected one column id and each other column once; it has: {', '.join(heads)}")
    for column in frame.columns:
        frame[column] = frame[column].fillna("").str.strip()
    if repeated := list(frame.loc[frame["id"].duplicated(), "id"].unique()[:5]):
        raise StudyError(f"{path.name}: these ids stand more than once: {', '.join(repeated)}; write one row a building")
    return frame


def _decoded(path: Path) -> pd.DataFrame:
    """Excel on a Chinese Windows saves CSV as GBK."""
    try:
        frame: pd.DataFrame = pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    except UnicodeDecodeError:
        frame = pd.read_csv(path, dtype=str, encoding="gb18030", keep_default_na=False)
    return frame


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
    column: str, said: pd.Series, rows: np.ndarray, table: gpd.GeoDataFrame, raw: gpd.GeoDataFrame, study: Study, name: str
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
    values = pd.to_numeric(said, errors="coerce").to_numpy(dtype=float)
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


def _column(raw: gpd.GeoDataFrame, column: str) -> np.ndarray:
    values: np.ndarray = raw[column].to_numpy(dtype=object, copy=True) if column in raw else np.full(len(raw), None, dtype=object)
    return values


def _put(values: np.ndarray, rows: np.ndarray, new: np.ndarray) -> np.ndarray:
    values[rows] = new
    return values
