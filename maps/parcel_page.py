"""The sheet of one parcel: two A4 pages that need no file beside them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import geopandas as gpd

from layers.grid_class import grid_classes
from layers.schema import column

from . import parcel_charts
from .county_map import asset, templates, write_whole
from .skyline import draw_skyline
from .words import LANGUAGES, as_float, load_words, number

# Roofs and variants that are shown, the largest and the best; sheet.json holds all.
MOST_ROOFS, MOST_VARIANTS, MOST_WARNINGS = 8, 7, 3


@cache
def parcel_words(lang: str) -> dict[str, str]:
    """
    Read the words of the sheet.

    Parameters
    ----------
    lang
        zh or en.

    Returns
    -------
    dict of str to str
        Texts, and notes under "note_" and their code.
    """
    load_words(lang)  # refuses other languages
    raw = tomllib.loads(files("maps").joinpath("assets/parcel.toml").read_text(encoding="utf-8"))
    at = LANGUAGES.index(lang)
    found = {key: pair[at] for key, pair in raw["text"].items()}
    return found | {f"note_{key}": pair[at] for key, pair in raw["notes"].items()} | {"lang": lang}


def parcel_page(
    sheet: Mapping[str, Any], layers: Mapping[str, gpd.GeoDataFrame], skylines: Mapping[str, Any], out: Path, lang: str, latitude: float
) -> Path:
    """
    Write the sheet of a parcel as one self-contained page.

    Parameters
    ----------
    sheet
        Content of sheet.json.
    layers
        parcel, roofs, usable and modules.
    skylines
        "worst" and "best" roof with roof_id, shading_loss, opaque and leafy horizon, shape (p, 72) [degrees]; empty without modules.
    out
        File to write.
    lang
        zh or en.
    latitude
        Of the study [degrees].

    Returns
    -------
    Path
        The file written.
    """
    words = parcel_words(lang)
    content = {
        "w": words,
        "s": sheet,
        "headline": _headline(sheet, words),
        "plan": parcel_charts.plan(layers, words),
        "plan_said": _plan_said(sheet, words),
        "roofs": _roofs(sheet, words),
        "charts": _charts(sheet, words) | _skylines(skylines, latitude, words),
        "connection": _grid(sheet, words),
        "money": _money(sheet, words),
        "said": _said(sheet, words),
        "variants": _variants(sheet, words),
        "notes": _notes(sheet, words),
        "warnings": [str(warning) for warning in sheet["warnings"][:MOST_WARNINGS]],
        "sources": "; ".join(map(str, sheet.get("sources") or ())),
        "style": asset("parcel.css"),
    }
    return write_whole(out, templates().get_template("parcel.html").render(**content))


def _headline(sheet: Mapping[str, Any], words: Mapping[str, str]) -> list[tuple[str, str, str]]:
    capacity, energy, own = sheet["capacity"], sheet["energy"], sheet["money"]["own"]
    return [
        (words["capacity_dc"], number(capacity["pdc0_kwp"]), "kWp"),
        (words["capacity_ac"], number(capacity["pac0_kw"]), "kW"),
        (words["modules"], number(capacity["modules"]), ""),
        (words["energy"], number(energy["p50_kwh"] / 1e3), "MWh"),
        (words["energy_p90"], number(energy["p90_kwh"] / 1e3), "MWh"),
        (words["self_use"], _share(sheet["balance"]["self_use_share"]), ""),
        (words["npv"], _wan(own["npv_cny"], words), ""),
        (words["payback"], number(own["payback_years"], 1), words["years"]),
    ]


def _plan_said(sheet: Mapping[str, Any], words: Mapping[str, str]) -> str:
    states = sheet["capacity"]["positions"]
    shown = {name: number(states.get(name, 0)) for name in ("kept", "shaded", "share")}
    return words["plan_said"].format(positions=number(sum(states.values())), **shown)


def _roofs(sheet: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    names = load_words(words["lang"])
    built = sorted((roof for roof in sheet["roofs"] if roof["module_count"]), key=lambda roof: (-roof["pdc0_kwp"], roof["roof_id"]))
    heads = [words[key] for key in ("roof", "mounting", "tilt_azimuth", "usable", "modules", "kwp", "mwh", "yield_h", "shading")]
    rows = [
        [
            str(roof["roof_id"]),
            names.code(roof["mounting"]),
            f"{roof['surface_tilt']:.0f}° / {roof['surface_azimuth']:.0f}°",
            number(roof["usable_area_m2"]),
            number(roof["module_count"]),
            number(roof["pdc0_kwp"], 1),
            number(roof["energy_kwh"] / 1e3, 1),
            number(roof["specific_yield"]),
            _share(roof["shading_loss"]),
        ]
        for roof in built[:MOST_ROOFS]
    ]
    if len(built) > MOST_ROOFS:
        rows.append(_summed(built[MOST_ROOFS:], words["other_roofs"].format(count=len(built) - MOST_ROOFS)))
    if len(sheet["roofs"]) > len(built):
        rows.append([words["no_modules_roofs"].format(count=len(sheet["roofs"]) - len(built)), *[""] * 8])
    rows += [
        _summed([roof for roof in built if roof["mounting"] == one["mounting"]], words["of_which"].format(name=names.code(one["mounting"])))
        for one in _mixed(sheet)
    ]
    return {"heads": heads, "rows": rows, "total": _summed(built, words["total"])}


def _mixed(sheet: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Give the sums by mount, where there are several."""
    mounts: Sequence[Mapping[str, Any]] = sheet["capacity"]["by_mount"]
    return mounts if len(mounts) > 1 else []


def _summed(roofs: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    kwp, energy = sum(roof["pdc0_kwp"] for roof in roofs), sum(roof["energy_kwh"] for roof in roofs)
    usable, modules = (sum(roof[key] for roof in roofs) for key in ("usable_area_m2", "module_count"))
    per = number(energy / kwp) if kwp else "—"
    return [name, "", "", number(usable), number(modules), number(kwp, 1), number(energy / 1e3, 1), per, ""]


def _charts(sheet: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    share = as_float(sheet["energy"]["p90_share"]) or 1.0
    found: dict[str, Any] = {
        "months": parcel_charts.energy(sheet["energy"]["months"], sheet["load"]["months"], share, words),
        "days": parcel_charts.days(sheet["days"], share, words),
    }
    if sheet["tornado"]:
        found["flows"] = parcel_charts.flows(sheet["money"], words)
        found["tornado"] = parcel_charts.tornado(sheet["tornado"], sheet["money"]["own"]["npv_cny"], words)
    return found


def _skylines(found: Mapping[str, Any], latitude: float, words: Mapping[str, str]) -> dict[str, Any]:
    drawn = {}
    for name, roof in found.items():
        title = words[f"skyline_{name}"].format(roof=roof["roof_id"], loss=_share(roof["shading_loss"]))
        drawn[name] = draw_skyline(roof["opaque"], latitude, trees=roof["leafy"], title=title, lang=words["lang"])
    return drawn


def _grid(sheet: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    told, at, lang = sheet["balance"], sheet["connection"], words["lang"]
    found = next((one for one in grid_classes() if one.code == at["class"]), None)
    facts = [
        (words["year_load"], f"{number(told['load_kwh'] / 1e3)} MWh"),
        (words["used"], f"{number(told['used_kwh'] / 1e3)} MWh"),
        (words["self_use"], _share(told["self_use_share"])),
        (words["coverage"], _share(told["coverage_share"])),
        (words["exported"], f"{number(told['exported_kwh'] / 1e3)} MWh"),
        (words["peak_export"], f"{number(told['peak_export_kw'])} kW"),
        (words["voltage"], _given(at["voltage_kv"], "kV", words)),
        (words["transformer"], _given(at["transformer_kva"], "kVA", words)),
        (words["class"], (found.name[lang] + (" †" if not found.verified else "")) if found else words["class_none"]),
        (words["class_limit"], f"{number(found.mw, 2 if found.mw < 1 else 0)} MW" if found else "—"),
    ]
    asks = [*(found.asks[lang] if found else ()), *([words["modes"] + words["colon"] + found.modes[lang]] if found else [])]
    own = as_float(told["self_use_share"])
    if found is not None and found.self_use is not None and own is not None:
        said = words["self_use_kept" if own >= found.self_use else "self_use_short"]
        asks.append(said.format(share=_share(own), rule=_share(found.self_use)))
    share = as_float(at["reverse_share"])
    if share is not None:
        over = at["peak_export_kw"] > at["reverse_limit_kw"]
        asks.append(words["reverse_over" if over else "reverse_ok"].format(share=_share(share), limit=number(at["reverse_limit_kw"])))
    return {"facts": facts, "asks": asks}


def _given(value: object, unit: str, words: Mapping[str, str]) -> str:
    found = as_float(value)
    return words["unknown"] if found is None else f"{found:g} {unit}"


def _money(sheet: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    money = sheet["money"]
    heads = [words[key] for key in ("model", "capex", "lcoe", "irr", "equity_irr", "npv_w", "owner_npv", "payback_a")]
    rows = [
        [
            words[model],
            number(money["capex_cny"] / 1e4, 1),
            number(money["lcoe_cny_kwh"], 3),
            _share(money[model]["irr"]),
            _share(money[model]["equity_irr"]),
            number(money[model]["npv_cny"] / 1e4, 1),
            number(money[model]["owner_npv_cny"] / 1e4, 1) if model == "contract" else "—",
            number(money[model]["payback_years"], 1),
        ]
        for model in ("own", "contract")
    ]
    return {"heads": heads, "rows": rows}


def _said(sheet: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, str]:
    money, storage, carbon = sheet["money"], sheet["storage"], sheet["carbon"]
    wan = {name: number(money[f"{name}_cny"] / 1e4, 1) for name in ("saved", "sold", "upkeep")}
    pays = words["storage_none"]
    if storage is not None:
        pays = words["storage_pays"].format(
            energy=number(storage["energy_kwh"]),
            power=number(storage["power_kw"]),
            capex=number(storage["capex_cny"] / 1e4, 1),
            npv=number(storage["npv_cny"] / 1e4, 1),
        )
    factor = {"factor": f"{carbon['factor']:g}", "year": carbon["factor_year"]}
    basis, capacity = sheet["basis"], sheet["capacity"]
    ratio = capacity["pdc0_kwp"] / capacity["pac0_kw"] if capacity["pac0_kw"] else basis["dc_ac_ratio"]
    module = {name: basis[name] for name in ("w", "length", "width", "weather", "ghi")}
    return {
        "first_year": words["first_year"].format(**wan),
        "storage": pays,
        "carbon": words["carbon_said"].format(first=number(carbon["first_year_t"]), life=number(carbon["life_t"]), **factor),
        "module": words["module_said"].format(**module, ratio=ratio),
        "assumed": words["assumed"].format(life=money["life_years"], rate=_share(money["discount_rate"])),
    }


def _variants(sheet: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    names = load_words(words["lang"])
    keys = ("variant", "battery_kwh", "kwp", "mwh", "self_use", "peak_kw", "capex", "lcoe", "irr", "npv_w", "payback_a")
    rows = [
        {
            "best": row["best"],
            "cells": [
                (words["chosen"] if row["mounting"] == "chosen" else names.code(row["mounting"])) + " · " + words[f"roofs_{row['roofs']}"],
                number(row["storage_kwh"]) if row["storage_kwh"] else "—",
                number(row["pdc0_kwp"]),
                number(row["energy_kwh"] / 1e3),
                _share(row["self_use_share"]),
                number(row["peak_export_kw"]),
                number(row["capex_cny"] / 1e4, 1),
                number(row["lcoe_cny_kwh"], 3),
                _share(row["irr"]),
                number(row["npv_cny"] / 1e4, 1),
                number(row["payback_years"], 1),
            ],
        }
        for row in sheet["variants"]
    ]
    shown = [row for row in rows if row["best"]] + [row for row in rows if not row["best"]]
    mark = words["best_mark"].format(aim=words[f"aim_{sheet['aim']}"])
    return {"heads": [words[key] for key in keys], "rows": shown[:MOST_VARIANTS], "mark": mark}


def _notes(sheet: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    names = load_words(words["lang"])
    found = []
    for note in sheet["notes"]:
        values = {key: names.code(value) if key == "status" else value for key, value in note["values"].items()}
        if "part" in values:
            values["part"] = column("roofs", values["part"]).title(words["lang"])
        found.append(words[f"note_{note['code']}"].format(**values))
    return found


def _share(value: object) -> str:
    found = as_float(value)
    return "—" if found is None else f"{round(found * 100, 1) + 0.0:.1f} %"


def _wan(value: object, words: Mapping[str, str]) -> str:
    found = as_float(value)
    if found is None:
        return "—"
    return f"{found / 1e4:,.0f} 万元" if words["lang"] == "zh" else f"{found / 1e6:,.2f} M CNY"
