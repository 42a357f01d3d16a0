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
from layers.codes import code_word
from layers.demand import load_demand
from layers.form_values import FormValues
from layers.hosting import load_hosting
from layers.near_use import area_loads, near_use
from layers.profiles import USE, WHOLE, read_profile
from layers.sums import OUTSIDE

from .grid_objects import grid_objects
from .manifest import plain, write_json
from .metering import metered_areas, study_loads
from .placing import COLUMN_OF
from .study import Study

FILE = "near_use.json"
TYPICAL = "typical"
NOT_AREAS = (WHOLE, USE, TYPICAL, "parcels")


def write_near_use(
    study: Study, buildings: gpd.GeoDataFrame, regions: Mapping[str, gpd.GeoDataFrame], form: FormValues | None, out: Path
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
    table = pd.DataFrame(buildings.drop(columns=buildings.geometry.name))
    rows: list[dict[str, Any]] = []
    layers = [path.stem for path in sorted((out / "profiles").glob("*.parquet")) if path.stem not in NOT_AREAS]
    for layer in (WHOLE, *layers):
        hours = read_profile(out / "profiles", layer)
        if hours is None or typical is None:
            continue
        areas, member = _areas(layer, buildings, regions)
        known = grid_objects(study, layer, form) if layer != WHOLE else pd.DataFrame(index=areas.index)
        sun = hours.reindex(columns=areas.index, fill_value=0.0).to_numpy(dtype=np.float64).T
        installed = areas["installed_kwp"].to_numpy(dtype=np.float64, na_value=0.0)
        existing = installed[:, None] * typical.iloc[:, 0].to_numpy(dtype=np.float64)[None, :]
        own = area_loads(table, member, list(areas.index), loads, demand, metered)
        found = near_use(areas, sun, existing, own, known, rules)
        for name, row in zip(found.index, found.to_dict("records"), strict=True):
            rows.append(_told({"layer": layer, "area": str(name)} | {str(key): value for key, value in row.items()}))
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


def _areas(layer: str, buildings: gpd.GeoDataFrame, regions: Mapping[str, gpd.GeoDataFrame]) -> tuple[pd.DataFrame, pd.Series]:
    """Give the sums by area, and the area of each building."""
    columns = ["pac0_kw", "installed_kwp"]
    if layer == WHOLE:
        sums = {name: [float(np.nansum(buildings[name].to_numpy(dtype=np.float64, na_value=np.nan)))] for name in columns}
        return pd.DataFrame(sums, index=pd.Index([WHOLE])), pd.Series(WHOLE, index=buildings.index)
    frame = regions[layer]
    areas = frame[frame["kind"] != OUTSIDE]
    names = areas["name"].astype(object)
    told = pd.DataFrame({name: areas[name].to_numpy(dtype=np.float64, na_value=0.0) for name in columns}, index=pd.Index(names))
    if layer in COLUMN_OF:
        return told, buildings[COLUMN_OF[layer]]
    row, _ = majority_region(buildings.geometry.to_numpy(), gpd.GeoDataFrame(areas))
    words: npt.NDArray[np.object_] = np.array([*names, None], dtype=object)
    return told, pd.Series(words[row], index=buildings.index)


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
