"""Use nearby of a run: hours of generation against hours of load by region, with what the grid takes, as near_use.json and .csv."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.regions import majority_region
from layers.capacity import existing_pv
from layers.codes import code_word
from layers.demand import load_demand
from layers.findings import survey_complete
from layers.form_values import FormValues
from layers.hosting import load_hosting
from layers.near_use import NO_BUILDINGS, area_loads, hosted_of_all, near_use
from layers.profiles import USE, WHOLE, read_profile
from layers.sums import OUTSIDE

from .grid_objects import form_layer, grid_layer, grid_objects
from .manifest import plain, write_json
from .metering import metered_areas, study_loads
from .placing import COLUMN_OF
from .study import Study

FILE = "near_use.json"
TYPICAL = "typical"
NOT_AREAS = (WHOLE, USE, TYPICAL, "parcels")
SUMMED = ("pac0_kw", "pdc0_kwp", "installed_kwp")
SURVEY_ERROR = 0.02  # of the existing PV, by which a complete survey and the grid company's total may differ


def write_near_use(
    study: Study, buildings: pd.DataFrame, regions: Mapping[str, gpd.GeoDataFrame], form: FormValues | None, out: Path
) -> list[dict[str, Any]]:
    """
    Compute use nearby for the whole and for the regions of each layer, and write it.

    Parameters
    ----------
    study
        The study: metered loads, what the grid company says.
    buildings
        Table `buildings` with the sums of the roofs.
    regions
        Region tables by layer.
    form
        What the user filled in: official colours and room of accountable areas.
    out
        Run folder with `profiles/`.

    Returns
    -------
    list of dict
        The rows, `layer` and `area` first; the whole comes first.
    """
    rules, loads, demand = load_hosting(study.hosting.rules), study_loads(study), load_demand()
    metered = metered_areas(study)
    typical = read_profile(out / "profiles", TYPICAL)
    words = {"status": "category", "use": "category", "use_detail": "category"}  # looked up for every layer anew
    table = pd.DataFrame(buildings[[*words, "floor_area_m2"]]).astype(words)
    rows: list[dict[str, Any]] = []
    layers = [path.stem for path in sorted((out / "profiles").glob("*.parquet")) if path.stem not in NOT_AREAS]
    for layer in (WHOLE, *layers):
        hours = read_profile(out / "profiles", layer)
        if hours is None or typical is None:
            continue
        areas, member = _areas(layer, buildings, regions, out)
        known = grid_objects(study, layer, form) if layer != WHOLE else pd.DataFrame(index=areas.index)
        areas = _with_existing(areas, layer, form, form_layer(study), unlisted=_unlisted(buildings, form))
        areas = _with_connected(areas, known)
        sun = hours.reindex(columns=areas.index, fill_value=0.0).to_numpy(dtype=np.float64).T
        existing = _existing_hours(areas, sun, typical.iloc[:, 0].to_numpy(dtype=np.float64))
        own = area_loads(table, member, list(areas.index), loads, demand, metered)
        found = near_use(areas, sun, existing, own, known, rules)
        # An area without buildings in the data generates and uses something that nobody knows of: no zero.
        found["doubt"] = found["doubt"].mask((areas["buildings"] == 0).to_numpy(), NO_BUILDINGS)
        for name, row in zip(found.index, found.to_dict("records"), strict=True):
            rows.append(_told({"layer": layer, "area": str(name)} | {str(key): value for key, value in row.items()}))
    _tell_whole(rows, (grid_layer(study), form_layer(study)))
    facts = [vars_of(fact) for fact in (*rules.facts, *loads.facts, *demand.electricity.values())]
    write_json(out / FILE, {"as_of": str(study.study.as_of), "facts": facts, "rows": rows})
    _csv(rows, out / "near_use.csv", study.study.lang)
    return rows


def read_near_use(out: Path) -> dict[str, Any] | None:
    """
    Read the use nearby of a run.

    Parameters
    ----------
    out
        Run folder.

    Returns
    -------
    dict or None
        Content of near_use.json; None where the run has none.
    """
    file = out / FILE
    if not file.is_file():
        return None
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def vars_of(fact: Any) -> dict[str, Any]:
    """
    Write a fact for a JSON file.

    Parameters
    ----------
    fact
        Of `solar.facts`.

    Returns
    -------
    dict
        name, value, unit, source, verified.
    """
    return {"name": fact.name, "value": fact.value, "unit": fact.unit, "source": fact.source, "verified": fact.verified}


def _areas(layer: str, buildings: pd.DataFrame, regions: Mapping[str, gpd.GeoDataFrame], out: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Give the sums by area, and the area of each building."""
    if layer == WHOLE:
        sums = {name: [float(np.nansum(buildings[name].to_numpy(dtype=np.float64, na_value=np.nan)))] for name in SUMMED}
        whole = pd.DataFrame(sums, index=pd.Index([WHOLE])).assign(buildings=len(buildings))
        return whole, pd.Series(WHOLE, index=buildings.index)
    frame = regions[layer]
    areas = frame[frame["kind"] != OUTSIDE]
    names = areas["name"].astype(object)
    told = pd.DataFrame(
        {name: areas[name].to_numpy(dtype=np.float64, na_value=0.0) for name in (*SUMMED, "buildings")}, index=pd.Index(names)
    )
    if layer in COLUMN_OF:
        return told, buildings[COLUMN_OF[layer]]
    shapes = gpd.read_parquet(out / "buildings.parquet", columns=["geometry"]).geometry.to_numpy()
    row, _ = majority_region(shapes, gpd.GeoDataFrame(areas))
    words: npt.NDArray[np.object_] = np.array([*names, None], dtype=object)
    return told, pd.Series(words[row], index=buildings.index)


def _unlisted(buildings: pd.DataFrame, form: FormValues | None) -> bool:
    """Tell whether the form knows of more existing PV than the buildings list: the rest stands somewhere, on the ground or on roofs."""
    total = None if form is None else existing_pv(form, None, "ac")
    ac, dc, installed = (float(np.nansum(buildings[n].to_numpy(dtype=np.float64, na_value=np.nan))) for n in SUMMED)
    listed = installed * (ac / dc if dc > 0.0 else 1.0)
    return total is not None and 1000.0 * total > (1.0 + SURVEY_ERROR) * listed


def _with_connected(areas: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Take what the grid company says is connected: it stands there and generates, whatever the buildings list."""
    if "connected_mw" not in known:
        return areas
    kw = 1000.0 * known["connected_mw"].reindex(areas.index).to_numpy(dtype=np.float64, na_value=np.nan)
    said = ~np.isnan(kw)
    return areas.assign(existing_kw=np.where(said, kw, areas["existing_kw"]), existing_known=areas["existing_known"] | said)


def _tell_whole(rows: list[dict[str, Any]], layers: tuple[str, ...]) -> None:
    """Add up in the row of the whole what the grid of its areas takes, from the first layer that knows of it."""
    whole = next((row for row in rows if row["layer"] == WHOLE), None)
    for layer in layers:
        found = hosted_of_all([row for row in rows if row["layer"] == layer], whole["pv_mw"]) if whole else None
        if whole is not None and found is not None:
            whole.update(found)
            return


def _with_existing(areas: pd.DataFrame, layer: str, form: FormValues | None, spoken_of: str, *, unlisted: bool = False) -> pd.DataFrame:
    """Add what stands and what is committed [kW AC]: the form's totals, else what the buildings list (all only if the form says so)."""
    dc, ac = float(areas["pdc0_kwp"].sum()), float(areas["pac0_kw"].sum())
    listed = areas["installed_kwp"].to_numpy(dtype=np.float64, na_value=0.0) * (ac / dc if dc > 0.0 else 1.0)
    names: list[str | None] = [None] * len(areas)
    if layer == spoken_of:
        names = [str(name) for name in areas.index]
    elif layer != WHOLE:
        names = []
    told = np.full((3, len(areas)), np.nan)
    complete = np.full(len(areas), form is not None and survey_complete(form, None))
    for at, name in enumerate(names):
        if form is None:
            break
        for row, key in enumerate(("existing_ac_mw", "committed_roof_ac_mw", "committed_other_ac_mw")):
            value = existing_pv(form, name, "ac") if key == "existing_ac_mw" else form.total(name, key)
            told[row, at] = np.nan if value is None else 1000.0 * value
        complete[at] = survey_complete(form, name)
    committed = np.where(np.isnan(told[1:]).all(axis=0), np.nan, np.nansum(told[1:], axis=0))
    given = ~np.isnan(told[0])
    known = given | (complete & (not unlisted))
    return areas.assign(existing_kw=np.where(given, told[0], listed), existing_known=known, committed_kw=committed)


def _existing_hours(areas: pd.DataFrame, sun: npt.NDArray[np.float64], typical: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Hours of what stands [kW]: as the area's own new roofs run, as a typical roof where it has none."""
    ac = areas["pac0_kw"].to_numpy(dtype=np.float64)
    own = np.divide(sun, ac[:, None], out=np.zeros_like(sun), where=ac[:, None] > 0.0)
    ratio = float(areas["pdc0_kwp"].sum()) / float(ac.sum()) if ac.sum() > 0.0 else 1.0
    per_kw = np.where(ac[:, None] > 0.0, own, ratio * typical[None, :])
    return areas["existing_kw"].to_numpy(dtype=np.float64)[:, None] * per_kw


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """Unknown is null, never NaN."""
    shown: dict[str, Any] = plain(dict(row))
    return {key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in shown.items()}


def _csv(rows: list[dict[str, Any]], file: Path, lang: str) -> None:
    frame = pd.DataFrame(rows)
    frame.insert(0, "layer_name", [code_word("layer", layer, lang) for layer in frame.pop("layer")] if len(frame) else [])
    part = file.with_name(f"{file.name}.part")
    frame.to_csv(part, index=False, encoding="utf-8-sig", lineterminator="\n")
    part.replace(file)
