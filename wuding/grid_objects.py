"""What the grid company says of areas and transformers: from a table, from the columns of a region layer, and from the form."""

import datetime
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geo.vectors import read_vectors, row_numbers
from layers.form_values import FormValues
from layers.hosting import NUMBERS, TEXTS

from .errors import StudyError
from .study import Study

# Heads as people write them, without blanks, brackets and units.
HEADS: dict[str, tuple[str, ...]] = {
    "area": ("area", "name", "区域", "名称", "镇街", "台区", "变电站", "区域名称", "责任区域"),
    "colour": ("colour", "color", "颜色", "分区颜色", "承载力等级", "分区"),
    "superior": ("superior", "上级", "上级设备", "上级变电站"),
    "said_by": ("source", "said_by", "来源", "资料来源", "发布单位"),
    "said_on": ("date", "said_on", "日期", "资料日期", "发布日期", "统计日期"),
    "capacity_mva": ("capacity_mva", "capacity", "变压器容量", "主变容量", "配变容量", "额定容量", "容量"),
    "room_mw": ("room_mw", "room", "可开放容量", "可开放备案容量"),
    "connected_mw": ("connected_mw", "connected", "已接入容量", "已并网容量", "已接入"),
    "registered_mw": ("registered_mw", "registered", "已备案未并网容量", "已备案未并网"),
    "noon_load_mw": ("noon_load_mw", "load_mw", "午间负荷", "负荷"),
    "other_mw": ("other_mw", "other_generation_mw", "其他电源出力"),
    "storage_mw": ("storage_mw", "storage", "储能", "储能容量"),
}
UNITS = {"kva": 1e-3, "mva": 1.0, "kw": 1e-3, "mw": 1.0, "兆瓦": 1.0, "千瓦": 1e-3, "万千瓦": 10.0, "兆伏安": 1.0, "千伏安": 1e-3}
COLOURS = {"绿": "green", "黄": "yellow", "红": "red", "绿区": "green", "黄区": "yellow", "红区": "red"} | {
    c: c for c in ("green", "yellow", "red")
}


def grid_layer(study: Study) -> str:
    """
    Name the region layer that the grid's table speaks of.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    str
        As the study says; else transformers, responsible or districts, what it has first.
    """
    named = study.hosting.layer
    if named is not None:
        if named not in study.regions:
            raise StudyError(f"hosting.layer = {named!r}: there is no such layer; under [regions] are: {', '.join(study.regions)}")
        return named
    return next((name for name in ("transformers", "responsible", "districts") if name in study.regions), "")


def grid_objects(study: Study, layer: str, form: FormValues | None) -> pd.DataFrame:
    """
    Collect what is known of the grid for the regions of one layer.

    Parameters
    ----------
    study
        The study.
    layer
        Name of the region layer.
    form
        What the user filled in for accountable areas.

    Returns
    -------
    table
        Indexed by name, with those of the columns `NUMBERS` and `TEXTS` that are known; the table wins over the layer, both over the form.
    """
    parts = []
    if layer == grid_layer(study) and study.hosting.table is not None:
        path = study.path(study.hosting.table)
        parts.append(_named(read_table(path), path.name, None))
    if layer in study.regions and layer not in ("parcels", "urban"):
        section = study.regions[layer]
        for path in study.paths(section):
            frame = read_vectors(path, layer=section.layer, encoding=section.encoding, warnings=[])
            told = pd.DataFrame(frame.drop(columns=frame.geometry.name)).set_axis(row_numbers(frame), axis=0)
            parts.append(_named(told, path.name, section.name))
    if form is not None and layer == form_layer(study):
        rows = {area: {"colour": form.get(area, "hosting_colour"), "room_mw": form.get(area, "hosting_room_mw")} for area in form.areas}
        parts.append(pd.DataFrame.from_dict(rows, orient="index"))
    found = pd.DataFrame(index=pd.Index([], dtype=object))
    for part in parts:
        found = part if found.empty else found.combine_first(part)
    given = {"said_by": study.hosting.source, "said_on": None if study.hosting.as_of is None else str(study.hosting.as_of)}
    for name, said in given.items():
        if said is not None:
            found[name] = found[name].where(found[name].notna(), said) if name in found else said
    return found.reindex(columns=[name for name in (*NUMBERS, *TEXTS) if name in found])


def form_layer(study: Study) -> str:
    """
    Name the region layer whose areas the form lists; a district that shares a name with an accountable area is not that area.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    str
        responsible where the study has it, else districts.
    """
    return "responsible" if "responsible" in study.regions else "districts"


def read_table(path: Path) -> pd.DataFrame:
    """
    Read a table of the grid company.

    Parameters
    ----------
    path
        CSV or Excel.

    Returns
    -------
    table
        As it is, texts untouched; its index counts the rows as the spreadsheet does, the head being the first.

    Raises
    ------
    StudyError
        If it is not there or no table.
    """
    if not path.is_file():
        raise StudyError(f"hosting.table: there is no file {path.name}; correct the path in the study file")
    if path.suffix.lower() in (".xlsx", ".xlsm", ".xls"):
        return _counted(pd.read_excel(path, dtype=object))
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return _counted(pd.read_csv(path, dtype=object, encoding=encoding, skip_blank_lines=False))
        except UnicodeDecodeError:
            continue
        except ValueError as error:
            raise StudyError(f"hosting.table: {path.name} is no table ({error})") from error
    raise StudyError(f"hosting.table: {path.name} is neither UTF-8 nor GB18030; save it as UTF-8")


def _counted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis(frame.index + 2, axis=0)


def _named(frame: pd.DataFrame, source: str, key: str | None) -> pd.DataFrame:
    """Columns that speak of the grid, by name of the area."""
    heads = dict(_recognised(frame, key))
    if "area" not in heads:
        raise StudyError(f"hosting.table: {source} has no column for the area; expected 区域 (area), 颜色 (colour), 可开放容量 (room, MW)")
    names = frame[heads["area"][0]].astype("string").fillna("").str.strip()
    told = frame[names != ""]
    out = pd.DataFrame(index=pd.Index(names[names != ""].to_numpy(dtype=object)))
    for name in (*NUMBERS, *TEXTS):
        if name in heads:
            column, factor = heads[name]
            out[name] = _texts(told[column]) if name in TEXTS else _numbers(told[column], factor, f"{source}, {column}")
    if out.index.has_duplicates:
        if key is None:
            raise StudyError(f"hosting.table: {source} names {out.index[out.index.duplicated()][0]!r} twice; keep one row an area")
        out = out[~out.index.duplicated()]
    return out


def _recognised(frame: pd.DataFrame, key: str | None) -> Iterator[tuple[str, tuple[str, float]]]:
    seen = set()
    for column in frame.columns:
        head, factor = _plain(str(column))
        for name, words in HEADS.items():
            if name not in seen and (str(column) == key if name == "area" and key is not None else head in words):
                seen.add(name)
                yield name, (column, factor)


def _plain(head: str) -> tuple[str, float]:
    """Head without unit, and the factor of the unit to MW or MVA."""
    text = unicodedata.normalize("NFKC", head).strip().lower().replace(" ", "")
    if text in {word for words in HEADS.values() for word in words}:
        return text, 1.0
    for unit, factor in sorted(UNITS.items(), key=lambda pair: -len(pair[0])):
        for form in (f"({unit})", f"/{unit}", f"_{unit}", unit):
            if text.endswith(form):
                return text.removesuffix(form), factor
    return text, 1.0


def _texts(column: pd.Series) -> list[str | None]:
    words = [None if pd.isna(word) else _text(word) for word in column]
    return [COLOURS.get(word.lower(), word) if word else None for word in words]


def _text(word: Any) -> str:
    """Excel gives dates as times of day zero."""
    return str(word.date()) if isinstance(word, datetime.datetime) else str(word).strip()


def _numbers(column: pd.Series, factor: float, source: str) -> np.ndarray:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    empty = column.isna() | (column.astype("string").str.strip() == "")
    if (wrong := np.flatnonzero(np.isnan(values) & ~empty.to_numpy(dtype=bool))).size:
        raise StudyError(f"hosting.table: {source}, row {column.index[wrong[0]]}: {str(column.iloc[wrong[0]])!r} is no number")
    return values * factor
