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

# Lines that the second page takes at its usual size, and letters of a line [em].
MOST_LINES, LINE = 28, 78.0
# Roofs and variants that are shown, the largest and the best; sheet.json holds all.
MOST_ROOFS, MOST_VARIANTS, MOST_WARNINGS = 8, 8, 3


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
        "flags": [*sheet["flags"], *_doubted(sheet, words)],
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
    return write_whole(out, templates().get_template("parcel.html").render(**content, dense=_lines(content) > MOST_LINES))


def _lines(content: Mapping[str, Any]) -> int:
    """Estimate the lines of the second page that grow with what there is to say; a full one is printed smaller, to stay one page."""
    grid, said = content["connection"], content["said"]
    texts = [*grid["asks"], " ".join(grid["load"]), f"{said['first_year']} {said['contract']} {said['storage']} {said['carbon']}"]
    texts += [said["assumed"], said["module"], *content["notes"], *content["warnings"], content["sources"], content["variants"]["mark"]]
    wide = [sum(1.0 if ord(letter) > 255 else 0.52 for letter in text) for text in texts if text]
    return len(content["variants"]["rows"]) + sum(int(width // LINE) + 1 for width in wide)


def _doubted(sheet: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    return [words["unit_doubt"]] if any(note["code"] == "load_unit_doubt" for note in sheet["notes"]) else []


def _headline(sheet: Mapping[str, Any], words: Mapping[str, str]) -> list[tuple[str, str, str]]:
    capacity, energy, own = sheet["capacity"], sheet["energy"], sheet["money"]["own"]
    return [
        (words["capacity_dc"], _fit(capacity["pdc0_kwp"]), "kWp"),
        (words["capacity_ac"], _fit(capacity["pac0_kw"]), "kW"),
        (words["modules"], number(capacity["modules"]), ""),
        (words["energy"], _fit(energy["p50_kwh"] / 1e3), "MWh"),
        (words["energy_p90"], _fit(energy["p90_kwh"] / 1e3), "MWh"),
        (words["self_use"], _bound(_share(_known(sheet, "self_use_share")), sheet, "≥"), ""),
        (words["npv"], _bound(_sum(own["npv_cny"], words), sheet, "≥"), ""),
        (words["payback"], _bound(number(own["payback_years"], 1), sheet, "≤"), words["years"]),
    ]


def _bound(text: str, sheet: Mapping[str, Any], sign: str) -> str:
    """Say that a number is a bound where part of the load is not known."""
    return text if text == "—" or not sheet["load"]["unknown_share"] else f"{sign} {text}"


def _dark(sheet: Mapping[str, Any]) -> bool:
    """Whether nothing is known of the load."""
    return bool(sheet["load"]["unknown_share"]) and not sheet["load"]["kwh"]


def _known(sheet: Mapping[str, Any], name: str) -> object:
    """Give a number of the balance; none where nothing of the load is known."""
    return None if _dark(sheet) else sheet["balance"][name]


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
    same = len({roof["roof_id"] for roof in found.values()}) == 1
    for name, roof in found.items():
        title = words["skyline_only" if same else f"skyline_{name}"].format(roof=roof["roof_id"], loss=_share(roof["shading_loss"]))
        drawn[name] = draw_skyline(roof["opaque"], latitude, trees=roof["leafy"], title=title, lang=words["lang"])
    return {name: drawn[name] for name in drawn if name == "worst" or not same}


def _grid(sheet: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    told, at, lang = sheet["balance"], sheet["connection"], words["lang"]
    found = next((one for one in grid_classes() if one.code == at["class"]), None)
    load, used, self_use = (_known(sheet, name) for name in ("load_kwh", "used_kwh", "self_use_share"))
    facts = [
        (words["year_load"], _bound(_mwh(load), sheet, "≥")),
        (words["used"], _bound(_mwh(used), sheet, "≥")),
        (words["self_use"], _bound(_share(self_use), sheet, "≥")),
        (words["coverage"], "—" if sheet["load"]["unknown_share"] else _share(told["coverage_share"])),
        (words["exported"], _bound(_mwh(told["exported_kwh"]), sheet, "≤")),
        (words["peak_export"], _bound(f"{_fit(told['peak_export_kw'])} kW", sheet, "≤")),
        (words["voltage"], _given(at["voltage_kv"], "kV", words)),
        (words["transformer"], _given(at["transformer_kva"], "kVA", words)),
        (words["class"], (found.name[lang] + (" †" if not found.verified else "")) if found else words["class_none"]),
        (words["class_limit"], f"{number(found.mw, 2 if found.mw < 1 else 0)} MW" if found else "—"),
    ]
    asks = [*(found.asks[lang] if found else ()), *([words["modes"] + words["colon"] + found.modes[lang]] if found else [])]
    own = as_float(told["self_use_share"])
    if found is not None and found.self_use is not None and own is not None:
        short = "self_use_unknown" if sheet["load"]["unknown_share"] else "self_use_short"
        said = words["self_use_kept" if own >= found.self_use else short]
        asks.append(said.format(share=_share(own), rule=_share(found.self_use)))
    if at["export_cases"]:
        asks.append(words["export_cases"].format(**{name: _sum(value, words) for name, value in at["export_cases"].items()}))
    if at["low_voltage_most_kw"] is not None:
        asks.append(words["low_voltage"].format(most=number(at["low_voltage_most_kw"])))
    share = as_float(at["reverse_share"])
    if share is None:
        asks.append(words["reverse_unknown"])
    else:
        over = at["peak_export_kw"] > at["reverse_limit_kw"]
        values = {"ratio": _percent(at["reverse_load_ratio"]), "factor": f"{at['power_factor']:g}", "limit": number(at["reverse_limit_kw"])}
        asks.append(words["reverse_over" if over else "reverse_ok"].format(share=_share(share), **values))
    return {"facts": facts, "asks": asks, "load": _notes(sheet, words, of_load=True)}


def _mwh(value: object) -> str:
    found = as_float(value)
    return "—" if found is None else f"{_fit(found / 1e3)} MWh"


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
            _bound(_share(money[model]["irr"]), sheet, "≥"),
            _bound(_share(money[model]["equity_irr"]), sheet, "≥"),
            _bound(number(money[model]["npv_cny"] / 1e4, 1), sheet, "≥"),
            _bound(number(money[model]["owner_npv_cny"] / 1e4, 1), sheet, "≥") if model == "contract" else "—",
            _bound(number(money[model]["payback_years"], 1), sheet, "≤"),
        ]
        for model in ("own", "contract")
    ]
    return {"heads": heads, "rows": rows}


def _said(sheet: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, str]:
    money, storage, carbon = sheet["money"], sheet["storage"], sheet["carbon"]
    wan = {name: number(money[f"{name}_cny"] / 1e4, 1) for name in ("saved", "sold", "upkeep")}
    wan |= {"saved": _bound(wan["saved"], sheet, "≥"), "sold": _bound(wan["sold"], sheet, "≤")}
    by = words[f"storage_by_{sheet['aim'] if sheet['aim'] in ('irr', 'payback', 'self_use') else 'npv'}"]
    pays = words["storage_unknown"] if _dark(sheet) else words["storage_none"].format(by=by)
    if storage is not None:
        pays = words["storage_pays"].format(
            by=by,
            energy=number(storage["energy_kwh"]),
            power=number(storage["power_kw"]),
            capex=number(storage["capex_cny"] / 1e4, 1),
            npv=f"{storage['npv_cny'] / 1e4:+,.1f}",
        )
    basis, capacity = sheet["basis"], sheet["capacity"]
    ratio = capacity["pdc0_kwp"] / capacity["pac0_kw"] if capacity["pac0_kw"] else basis["dc_ac_ratio"]
    module = {name: basis[name] for name in ("w", "length", "width", "weather", "ghi")}
    return {
        "first_year": words["first_year"].format(**wan),
        "contract": _contract(money["terms"], money["discount_rate"], words, dark=_dark(sheet)),
        "storage": pays,
        "carbon": _carbon(carbon, words),
        "module": words["module_said"].format(**module, ratio=ratio),
        "assumed": words["assumed"].format(
            life=money["life_years"],
            rate=_share(money["discount_rate"]),
            loan=_percent(money["terms"]["loan_share"]),
            loan_rate=_share(money["terms"]["loan_rate"]),
            loan_years=f"{money['terms']['loan_years']:.0f}",
            tax=_percent(money["terms"]["income_tax_rate"]),
            free=f"{money['terms']['tax_free_years']:.0f}",
            half=f"{money['terms']['tax_half_years']:.0f}",
            loss=f"{money['terms']['tax_loss_years']:.0f}",
        ),
    }


def _carbon(carbon: Mapping[str, Any], words: Mapping[str, str]) -> str:
    if carbon["factor"] is None:
        return words["carbon_unknown"]
    year = carbon["factor_year"]
    when = words["carbon_given"] if year is None else f"{year} 年" if words["lang"] == "zh" else str(year)
    first, life = number(carbon["first_year_t"]), number(carbon["life_t"])
    return words["carbon_said"].format(first=first, life=life, factor=f"{carbon['factor']:g}", year=when)


def _contract(terms: Mapping[str, Any], rate: float, words: Mapping[str, str], *, dark: bool) -> str:
    """Say what the contract assumes: discount, price, rent, and the rent it could bear."""
    price = as_float(terms["contract_cny_kwh"])
    said = words["contract_terms"].format(
        discount=_percent(terms["contract_discount"]),
        price="" if price is None else words["contract_price"].format(price=number(price, 3)),
        rent=f"{terms['roof_rent']:g}",
        yearly=number(terms["rent_cny"] / 1e4, 1),
    )
    highest = as_float(terms["highest_rent"])
    bears = (
        words["rent_unknown"]
        if dark
        else words["rent_none"]
        if highest is None
        else words["rent_highest"].format(rent=number(highest, 1), rate=_share(rate))
    )
    return f"{said}{bears}"


def _variants(sheet: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    keys = ("variant", "battery_kwh", "kwp", "mwh", "self_use", "peak_kw", "capex", "lcoe", "irr", "npv_w", "payback_a")
    rows = [
        {
            "best": row["best"],
            "cells": [
                _variant(row, words),
                number(row["storage_kwh"]) if row["storage_kwh"] else "—",
                _fit(row["pdc0_kwp"]),
                _fit(row["energy_kwh"] / 1e3),
                "—" if _dark(sheet) else _bound(_share(row["self_use_share"]), sheet, "≥"),
                _bound(_fit(row["peak_export_kw"]), sheet, "≤"),
                number(row["capex_cny"] / 1e4, 1),
                number(row["lcoe_cny_kwh"], 3),
                _bound(_share(row["irr"]), sheet, "≥"),
                _bound(number(row["npv_cny"] / 1e4, 1), sheet, "≥"),
                _bound(number(row["payback_years"], 1), sheet, "≤"),
            ],
        }
        for row in sorted(sheet["variants"], key=_weight)
    ]
    marked = any(row["best"] for row in rows)
    mark = words["best_mark" if marked else "best_unknown" if _dark(sheet) else "best_none"].format(aim=words[f"aim_{sheet['aim']}"])
    if len(rows) > MOST_VARIANTS:
        mark += words["more_variants"].format(count=len(rows) - MOST_VARIANTS)
    return {"heads": [words[key] for key in keys], "rows": rows[:MOST_VARIANTS], "mark": mark}


def _weight(row: Mapping[str, Any]) -> tuple[bool, bool, bool, bool]:
    """Order variants: the best, then ways of mounting and limits, then batteries and parts of what was not chosen."""
    other, stored, part = row["mounting"] != "chosen", row["storage_kwh"] > 0.0, row["roofs"] != "all"
    return (not row["best"], other and (part or stored), stored and part, stored)


def _variant(row: Mapping[str, Any], words: Mapping[str, str]) -> str:
    name = words["chosen"] if row["mounting"] == "chosen" else load_words(words["lang"]).code(row["mounting"])
    limit = as_float(row["limit_kw"])
    return f"{name} · " + words[f"roofs_{row['roofs']}"].format(limit="" if limit is None else f"{limit / 1e3:g}")


def _notes(sheet: Mapping[str, Any], words: Mapping[str, str], *, of_load: bool = False) -> list[str]:
    """Say what the answer rests on; the load's part stands beside the load."""
    names = load_words(words["lang"])
    found = []
    for note in sheet["notes"]:
        if note["code"].startswith("load_") != of_load:
            continue
        values = {key: names.code(value) if key == "status" else value for key, value in note["values"].items()}
        if "part" in values:
            values["part"] = column("roofs", values["part"]).title(words["lang"])
        found.append(words[f"note_{note['code']}"].format(**values))
    return found


def _share(value: object) -> str:
    found = as_float(value)
    return "—" if found is None else f"{round(found * 100, 1) + 0.0:.1f} %"


def _percent(value: float) -> str:
    return f"{value * 100:g} %"


def _fit(value: object) -> str:
    """Write a number with three digits that say something, so that a shed's numbers are not rounded away."""
    found = as_float(value)
    size = 0.0 if found is None else abs(round(found, 2))
    return number(value, 0 if size == 0.0 or size >= 100.0 else 1 if size >= 10.0 else 2)


def _sum(value: object, words: Mapping[str, str]) -> str:
    """Write a sum of money."""
    found = as_float(value)
    if found is None:
        return "—"
    units = ((1e8, "亿元"), (1e4, "万元")) if words["lang"] == "zh" else ((1e6, "million CNY"), (1e3, "thousand CNY"))
    size, unit = next((one for one in units if abs(found) >= one[0]), units[-1])
    return f"{_fit(found / size)} {unit}"
