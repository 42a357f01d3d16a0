"""The chapters of the report, once for the page and for Word: what each of them says, in the order in which it is handed up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np

from layers.codes import role_word
from layers.policy import load_policy, policy_names

from .answering import carbon_sentences, hostable, potential_steps, target_sentence
from .business_page import business_grid, run_finance
from .charts import Chart, bars, months
from .county_map import capacity, energy, headline
from .energy_charts import typical_day_chart, uncertainty_chart
from .gauges import Gauge, gauge, gauges, missing_inputs
from .near_page import near_sentence, near_tables
from .plan_page import COLUMNS, roadmap_chart, scenario_tables, supply_chart
from .region_charts import region_map
from .remarks import remarks
from .report_blocks import Block, Cards, Chapter, Grid, Heading, Picture, Report, Table, listed, said, titled
from .report_grids import (
    MONEY_COLUMNS,
    SUM_COLUMNS,
    area_grid,
    areas_of,
    department_grid,
    evaluation,
    input_grid,
    outcomes,
    parcel_grid,
    percent,
    sanity_grid,
    sensitivity,
    status_grid,
    sums_grid,
    target_grid,
    tier_grid,
    uses_of,
)
from .tables import MapTables
from .words import Words, as_float, load_words, number

WITH_ROOFS = ("assessed", "no_usable_area")
_ACROSS = ("tables",)


def make_report(tables: MapTables, lang: str) -> Report:
    """
    Put together what a report says.

    Parameters
    ----------
    tables
        The tables of a run.
    lang
        zh or en.

    Returns
    -------
    Report
        Chapters with their texts, tables and pictures.

    Raises
    ------
    LayersError
        If the language is unknown or a table lacks what the report needs.
    """
    words = load_words(lang)
    study = tables.manifest["study"]
    policy = f"{words['policy']} {_policy(tables, words)}" if tables.policy else words["no_policy"]
    blocks = {
        "basis": _basis(tables, words),
        "summary": [Table(_headline(tables, words), "headline"), *said(_answer(tables, words))],
        "roofs": titled(words["s_area"], area_grid(tables, words), "narrow"),
        "potential": _potential(tables, words),
        "targets": _targets(tables, words),
        "hosting": _hosting(tables, words),
        "roadmap": _roadmap(tables, words),
        "money": _money(tables, words),
        "carbon": said([*carbon_sentences(tables.totals, words, run_finance(tables.manifest)), words.lists["limits"][-1]]),
        "quality": _quality(tables, words),
        "missing": _missing(tables, words),
        "tables": _annexed(tables, words),
        "figures": _figures(tables, words),
    }
    return Report(
        words=words,
        study=str(study["name"]),
        subject=f"{words['as_of']} {study['as_of']} · {policy} · {study['crs']}",
        loud=tuple(remark.text for remark in remarks(tables, words) if remark.loud),
        chapters=tuple(Chapter(name, words.chapters[name], tuple(found), name in _ACROSS) for name, found in blocks.items()),
    )


def _policy(tables: MapTables, words: Words) -> str:
    """Call a policy of the package by its title and number; another one by the name that its file has."""
    if tables.policy not in policy_names():
        return str(tables.policy)
    found = load_policy(str(tables.policy))
    return f"{found.title_zh}（{found.number}）" if words.lang == "zh" else f"{found.title_en} ({found.number})"


def _basis(tables: MapTables, words: Words) -> list[Block]:
    join = "" if words.lang == "zh" else " "
    roles: dict[str, list[str]] = {}
    for found in tables.manifest.get("inputs") or []:
        roles.setdefault(role_word(str(found.get("role", "")), words.lang), []).append(str(found.get("path", "")))
    files = words["listed"].join(f"{role} {', '.join(paths)}" for role, paths in roles.items())
    clauses = dict.fromkeys(_clause(row, words) for row in tables.targets if row.get("region") is None and row.get("responsible"))
    return [
        *said([f"{words['scope_asked']}{join}{words['scope_counts'].format(**_counts(tables))}"]),
        *said([words.chapters["basis_clauses"].format(policy=_policy(tables, words))] if clauses else []),
        *listed(list(clauses)),
        *said([words.chapters["basis_files"].format(files=files)] if files else []),
    ]


def _clause(row: Mapping[str, Any], words: Words) -> str:
    shown = gauge(row, words.lang)
    quoted = shown.quote if words.lang == "zh" and shown.quote else f"{shown.title}, {shown.required} {shown.year}".strip()
    return f"{shown.clause}{_colon(words)}{quoted}"


def _colon(words: Words) -> str:
    return "：" if words.lang == "zh" else ": "


def _headline(tables: MapTables, words: Words) -> Grid:
    shown = headline(tables, words)
    return Grid(tuple(title for title, _, _ in shown), (tuple(f"{value} {unit}".strip() for _, value, unit in shown),))


def _counts(tables: MapTables) -> dict[str, str]:
    counts: Mapping[str, Any] = tables.manifest.get("counts") or {}
    return {
        "buildings": number(sum(counts.values()) if counts else tables.totals.get("buildings")),
        "assessed": number(sum(counts.get(status, 0) for status in WITH_ROOFS)),
        "roofs": number(tables.totals.get("roofs")),
    }


def _answer(tables: MapTables, words: Words) -> list[str]:
    totals = tables.totals
    zh = words.lang == "zh"
    join = " ".join
    footprint, covered = as_float(totals.get("footprint_area_m2")) or 0.0, as_float(totals.get("covered_area_m2")) or 0.0
    usable = as_float(totals.get("usable_area_m2"))
    told = [
        words["answer_main"].format(
            dc=join(capacity(totals.get("pdc0_kwp"), words)),
            ac=join(capacity(totals.get("pac0_kw"), words)),
            energy=join(energy(totals.get("energy_kwh"), words)),
            p90=join(energy(totals.get("energy_p90_kwh"), words)),
        ),
        words["answer_area"].format(covered=percent(covered, footprint), usable=number(None if usable is None else usable / 1e4, 1)),
    ]
    areas, uses = areas_of(tables), uses_of(tables, words)
    inside = areas[areas["kind"] != "outside"] if len(areas) else areas
    whole = float(tables.by_use["pdc0_kwp"].sum())
    if len(inside) and len(uses) and whole > 0:
        shares = {
            "share": percent(float(inside["pdc0_kwp"].iloc[0]), whole, 0),
            "use_share": percent(float(uses["pdc0_kwp"].iloc[0]), whole, 0),
        }
        told.append(words["answer_top"].format(name=inside["name"].iloc[0], use=uses["name"].iloc[0], **shares))
    capex, tonnes = as_float(totals.get("capex_cny")), as_float(totals.get("carbon_t"))
    if capex is not None and tonnes is not None:
        told.append(
            words["answer_money"].format(
                capex=number(capex / (1e8 if zh else 1e6), 2 if zh else 0), carbon=number(tonnes / (1e4 if zh else 1e3), 2)
            )
        )
    return [*told, *target_sentence(tables.targets, words), words["answer_theoretical"]]


def _potential(tables: MapTables, words: Words) -> list[Block]:
    areas, uses = areas_of(tables), uses_of(tables, words)
    unit = words.fields["pdc0_kwp"].unit
    by = words["by_area"] if "responsible" in tables.regions else words["by_district"]
    first = words["responsible"] if "responsible" in tables.regions else words["districts"]
    found: list[Block] = titled("", Grid(*potential_steps(tables, words)), "worded")
    if len(areas):
        names = [words["outside"] if kind == "outside" else str(name) for name, kind in zip(areas["name"], areas["kind"], strict=True)]
        found.append(_bars(names, list(areas["pdc0_kwp"] / 1e3), f"{by} · {words['capacity_dc']} {unit}"))
        found += titled(by, sums_grid(areas, words, first, SUM_COLUMNS))
    drawn = _ground(tables)
    if drawn is not None:
        found.append(Picture(region_map(drawn, "pdc0_kwp", words.lang, title=words["map_title"], alt=words["map_title"])))
    if len(uses):
        found.append(_bars(list(uses["name"]), list(uses["pdc0_kwp"] / 1e3), f"{words['by_use']} · {words['capacity_dc']} {unit}"))
        found += titled(words["by_use"], sums_grid(uses, words, words["use"], SUM_COLUMNS))
    found += titled(words["department_title"], department_grid(tables, words))
    monthly = np.array([float(tables.by_use[f"energy_{month:02d}_kwh"].sum()) for month in range(1, 13)]) / 1e6
    title = f"{words['by_month']} · GWh"
    return [*found, Picture(months(list(monthly), title, alt=title, names=[f"{month}{words['month']}" for month in range(1, 13)]))]


def _ground(tables: MapTables) -> gpd.GeoDataFrame | None:
    return next((layer for name in ("responsible", "districts") if (layer := tables.region(name)) is not None), None)


def _bars(names: list[str], values: list[float], title: str) -> Picture:
    return Picture(bars(names, values, title, alt=title))


def _targets(tables: MapTables, words: Words) -> list[Block]:
    main, others = gauges(tables.targets, words.lang)
    shown = [*main, *others]
    if not shown:
        return said([words["targets_none"]])
    found: list[Block] = [Cards(tuple(main)), Table(target_grid(shown, words), "targets")]
    found += listed([f"{g.marked}{_colon(words)}{words['listed'].join(told)}" for g in shown if (told := _told(g, words))])
    if any(not g.verified for g in shown):
        found += said([words["unverified"]], quiet=True)
    tried = sensitivity(tables, words)
    if tried:
        found += [*titled(tried[0], tried[1]), *said([tried[2]], quiet=True)]
    return found


def _told(shown: Gauge, words: Words) -> list[str]:
    roofs = [f"{words['from_roofs']} {shown.from_roofs}"] if shown.from_roofs else []
    return [text.rstrip("。.") for text in (*roofs, *shown.doubts, shown.closes, shown.note) if text]


def _hosting(tables: MapTables, words: Words) -> list[Block]:
    grids = near_tables(tables.near, words)
    found = said([near_sentence(tables.near, words) if grids else words.chapters["no_hosting"]])
    for title, (heads, rows) in grids:
        found += titled(title, Grid(heads, rows))
    day = typical_day_chart(tables.hours, words)
    return [*found, *said([words.chapters["near_note"]] if grids else [], quiet=True), *_drawn(day)]


def _drawn(chart: Chart | None) -> list[Block]:
    return [] if chart is None else [Picture(chart)]


def _roadmap(tables: MapTables, words: Words) -> list[Block]:
    scenarios = scenario_tables(tables.roadmap, words)
    if not scenarios:
        return said([words.chapters["no_roadmap"]])
    found: list[Block] = [*_drawn(roadmap_chart(tables.roadmap, words)), *titled("", outcomes(tables, words))]
    heads = tuple(words[name] for name in COLUMNS)
    for name, arises, rows in scenarios:
        found += [Heading(name), *said([arises]), *titled("", Grid(heads, tuple(rows)))]
    return found


def _money(tables: MapTables, words: Words) -> list[Block]:
    first = words["responsible"] if "responsible" in tables.regions else words["districts"]
    business = business_grid(tables.business, words)
    return [
        *titled("", sums_grid(areas_of(tables), words, first, MONEY_COLUMNS)),
        *titled(words["business_title"], Grid(*business) if business else None, "business"),
        *said([words["business_note"]] if business else [], quiet=True),
        *_drawn(supply_chart(tables.supply, words)),
        *said([words["lcoe_note"]], quiet=True),
    ]


def _quality(tables: MapTables, words: Words) -> list[Block]:
    sanity = sanity_grid(tables, words)
    sure = uncertainty_chart(tables.totals, words)
    return [
        Heading(words["s_method"]),
        *listed(words.lists["method"], ordered=True),
        *titled(words.chapters["s_data"], status_grid(tables, words), "narrow"),
        *titled("", tier_grid(tables, words), "narrow"),
        *(said([words["sanity"]]) if sanity.rows else []),
        *titled("", sanity),
        *_drawn(sure),
        *said([words["uncertainty_note"]] if sure else [], quiet=True),
        *said([_audit(tables, words)]),
        *listed([remark.text for remark in remarks(tables, words)]),
        Heading(words["warnings"]),
        *listed([str(warning) for warning in tables.manifest.get("warnings") or []] or [words["no_warnings"]]),
        Heading(words["s_limits"]),
        *listed(words.lists["limits"]),
    ]


def _audit(tables: MapTables, words: Words) -> str:
    found = tables.manifest.get("audit") or {}
    if as_float(found.get("rms")) is None:
        return ""
    shares = {name: f"{float(found[name]) * 100:.2f} %" for name in ("bias", "rms", "worst")}
    return words["audit"].format(roofs=number(found.get("roofs")), **shares)


def _missing(tables: MapTables, words: Words) -> list[Block]:
    """List what would settle the open targets of the whole study, then what to do next."""
    open_rows = [row for row in tables.targets if row.get("verdict") == "cannot_judge" and row.get("region") is None]
    asked = [f"{gauge(row, words.lang).title}{_colon(words)}{words['listed'].join(missing_inputs(row, words.lang))}" for row in open_rows]
    if hostable(tables) is None:
        asked.append(f"{words['step_hostable']}{_colon(words)}{words.chapters['needs_room']}")
    none = [words["next_none"]] if tables.targets else []
    return [
        *said([words["next_missing"]] if asked else none),
        *listed(asked),
        Heading(words["s_next"]),
        *listed(_steps(tables, words), ordered=True),
    ]


def _steps(tables: MapTables, words: Words) -> list[str]:
    weather = tables.notes.get("weather") or {}
    form, better_weather, visits = words.lists["next_steps"]
    steps = [form] if tables.policy is not None else []
    if weather.get("climatology") or weather.get("stand_in"):
        steps.append(better_weather)
    return [*steps, visits]


def _annexed(tables: MapTables, words: Words) -> list[Block]:
    versions = sorted((str(name), str(version)) for name, version in (tables.manifest.get("versions") or {}).items())
    return [
        *titled(words.chapters["evaluation"], evaluation(tables, words) if tables.targets else None, "evaluation"),
        *titled(words.chapters["parcels"], parcel_grid(tables, words)),
        *titled(words["s_inputs"], input_grid(tables, words), "inputs"),
        *said([" · ".join(f"{name} {version}" for name, version in versions)], quiet=True),
    ]


def _figures(tables: MapTables, words: Words) -> list[Block]:
    cells = tables.region("grid")
    found: list[Block] = []
    if cells is not None:
        title = words.chapters["grid_map_title"]
        drawn = region_map(cells, "kwp_per_km2", words.lang, title=title, alt=title, cells=True, under=_ground(tables))
        found.append(Picture(drawn))
    return [*found, *said([f"{words['approval']}{_colon(words)}____________ {words['internal_long']}"])]
