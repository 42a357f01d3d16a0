"""The chapters of the report, once for the page and for Word: what each of them says, in the order in which it is handed up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np

from layers.carbon import recorded_carbon
from layers.codes import role_word
from layers.heads import headed
from layers.policy import load_policy, policy_names

from .answering import carbon_sentences, hostable, level_sentence, potential_steps, target_sentence
from .business_page import business_grid, own_use, run_finance
from .charts import bars, months
from .county_map import capacity, energy, headline
from .crs_words import crs_words
from .energy_charts import typical_day_chart, uncertainty_chart
from .gauges import Gauge, gauge, gauges, missing_inputs
from .near_page import near_sentence, near_tables
from .plan_page import COLUMNS, roadmap_chart, scenario_tables, supply_chart
from .region_charts import region_map
from .remarks import remarks
from .report_blocks import Block, Cards, Chapter, Grid, Heading, Report, Table, counted, drawn, listed, said, titled
from .report_grids import (
    CARBON_COLUMNS,
    MONEY_COLUMNS,
    SUM_COLUMNS,
    area_grid,
    areas_of,
    department_grid,
    evaluation,
    input_grid,
    outcomes,
    parcel_grid,
    part_of,
    sanity_grid,
    sanity_words,
    sensitivity,
    status_grid,
    sums_grid,
    target_grid,
    tier_grid,
    uses_of,
)
from .tables import MapTables
from .words import Words, as_float, load_words, number, per_cent, short

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
        "carbon": _carbon(tables, words),
        "quality": _quality(tables, words),
        "missing": _missing(tables, words),
        "tables": _annexed(tables, words),
        "figures": _figures(tables, words),
    }
    return Report(
        words=words,
        study=str(study["name"]),
        subject=f"{words['as_of']} {study['as_of']} · {policy} · {words['crs']} {crs_words(str(study['crs']), lang)}",
        loud=tuple(remark.text for remark in remarks(tables, words) if remark.loud),
        chapters=counted([Chapter(name, words.chapters[name], tuple(found), name in _ACROSS) for name, found in blocks.items()], words),
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
        words["answer_area"].format(covered=part_of(covered, footprint, words), usable=number(None if usable is None else usable / 1e4, 1)),
    ]
    areas, uses = areas_of(tables), uses_of(tables, words)
    inside = areas[areas["kind"] != "outside"] if len(areas) else areas
    whole = float(tables.by_use["pdc0_kwp"].sum())
    if len(inside) and len(uses) and whole > 0:
        shares = {
            "share": part_of(float(inside["pdc0_kwp"].iloc[0]), whole, words, 0),
            "use_share": part_of(float(uses["pdc0_kwp"].iloc[0]), whole, words, 0),
        }
        area = words["responsible_one" if "responsible" in tables.regions else "districts_one"]
        area = area if zh else area.lower()
        told.append(words["answer_top"].format(area=area, name=inside["name"].iloc[0], use=uses["name"].iloc[0], **shares))
    capex, tonnes = as_float(totals.get("capex_cny")), as_float(totals.get("carbon_t"))
    if capex is not None:
        said = {"capex": number(capex / (1e8 if zh else 1e6), 2 if zh else 0)}
        known = {} if tonnes is None else {"carbon": short(tonnes / (1e4 if zh else 1e3))}
        told.append(words["answer_money" if known else "answer_capex"].format(**said, **known))
    return [*told, *target_sentence(tables.targets, words), words["answer_theoretical"], *level_sentence(tables, words)]


def _potential(tables: MapTables, words: Words) -> list[Block]:
    areas, uses = areas_of(tables), uses_of(tables, words)
    capacity_head = headed(words["capacity_dc"], words.fields["pdc0_kwp"].unit, words.lang)
    by = words["by_area"] if "responsible" in tables.regions else words["by_district"]
    first = words["responsible"] if "responsible" in tables.regions else words["districts"]
    found: list[Block] = titled(words["steps_title"], Grid(*potential_steps(tables, words)), "worded")
    if len(areas):
        known = areas[areas["roofs"] > 0]
        names = [words["outside"] if kind == "outside" else str(name) for name, kind in zip(known["name"], known["kind"], strict=True)]
        found += titled(by, sums_grid(areas, words, first, SUM_COLUMNS))
        found += said([words["no_roofs_note"]] if len(known) < len(areas) else [], quiet=True)
        found += _bars(names, list(known["pdc0_kwp"] / 1e3), f"{by}{_colon(words)}{capacity_head}")
    ground = _ground(tables)
    if ground is not None:
        found += drawn(region_map(ground, "pdc0_kwp", words.lang, title="", alt=words["map_title"]))
    if len(uses):
        found += titled(words["by_use"], sums_grid(uses, words, words["use"], SUM_COLUMNS))
        found += _bars(list(uses["name"]), list(uses["pdc0_kwp"] / 1e3), f"{words['by_use']}{_colon(words)}{capacity_head}")
    found += titled(words["department_title"], department_grid(tables, words))
    monthly = np.array([float(tables.by_use[f"energy_{month:02d}_kwh"].sum()) for month in range(1, 13)]) / 1e6
    return [*found, *drawn(months(list(monthly), "", alt=words["by_month"], names=[f"{month}{words['month']}" for month in range(1, 13)]))]


def _ground(tables: MapTables) -> gpd.GeoDataFrame | None:
    return next((layer for name in ("responsible", "districts") if (layer := tables.region(name)) is not None), None)


def _bars(names: list[str], values: list[float], title: str) -> list[Block]:
    """Draw bars where there is more than one to compare."""
    return drawn(bars(names, values, "", alt=title)) if len(names) > 1 else []


def _targets(tables: MapTables, words: Words) -> list[Block]:
    main, others = gauges(tables.targets, words.lang)
    shown = [*main, *others]
    if not shown:
        return said([words["targets_none"]])
    found: list[Block] = [Cards(tuple(main)), Table(target_grid(shown, words), "targets", words["targets_title"])]
    told, shared = _told_apart([_told(g, words) for g in shown])
    found += listed(
        [
            *(f"{g.marked}{_colon(words)}{words['listed'].join(own)}" for g, own in zip(shown, told, strict=True) if own),
            *(f"{_both([shown[at].marked for at in group], words)}{_colon(words)}{words['listed'].join(said)}" for group, said in shared),
        ]
    )
    if any(not g.verified for g in shown):
        found += said([words["unverified"]], quiet=True)
    tried = sensitivity(tables, words)
    if tried:
        found += [*titled(tried[0], tried[1]), *said([tried[2]], quiet=True)]
    return found


def _told(shown: Gauge, words: Words) -> list[str]:
    roofs = [f"{words['from_roofs']} {shown.from_roofs}"] if shown.from_roofs else []
    pieces = [piece for text in (*roofs, *shown.doubts, shown.closes, shown.note) for piece in text.rstrip("。.").split(words["listed"])]
    return list(dict.fromkeys(piece for piece in pieces if piece))


def _told_apart(told: list[list[str]]) -> tuple[list[list[str]], list[tuple[tuple[int, ...], list[str]]]]:
    """Take out what is said of several targets in the same words, to be said once of the targets at these places."""
    places: dict[str, tuple[int, ...]] = {}
    for at, pieces in enumerate(told):
        places |= {piece: (*places.get(piece, ()), at) for piece in pieces}
    shared: dict[tuple[int, ...], list[str]] = {}
    for piece, group in places.items():
        if len(group) > 1:
            shared.setdefault(group, []).append(piece)
    return [[piece for piece in pieces if len(places[piece]) == 1] for pieces in told], list(shared.items())


def _both(titles: list[str], words: Words) -> str:
    return words["targets_shared"] if len(titles) > 2 else words["listed"].join(titles)


def _hosting(tables: MapTables, words: Words) -> list[Block]:
    grids = near_tables(tables.near, words)
    found = said([near_sentence(tables.near, words, own_use(tables.business)) if grids else words.chapters["no_hosting"]])
    for title, (heads, rows) in grids:
        found += titled(title, Grid(heads, rows))
    day = typical_day_chart(tables.hours, words)
    return [*found, *said([words.chapters["near_note"]] if grids else [], quiet=True), *drawn(day)]


def _roadmap(tables: MapTables, words: Words) -> list[Block]:
    scenarios = scenario_tables(tables.roadmap, words)
    if not scenarios:
        return said([words.chapters["no_roadmap"]])
    found: list[Block] = [*drawn(roadmap_chart(tables.roadmap, words)), *titled(words["outcomes_title"], outcomes(tables, words))]
    heads = tuple(words[name] for name in COLUMNS)
    for name, arises, rows in scenarios:
        found += [Heading(name), *said([arises]), *titled(words["roadmap_years"].format(name=name), Grid(heads, tuple(rows)))]
    return found


def _money(tables: MapTables, words: Words) -> list[Block]:
    first = words["responsible"] if "responsible" in tables.regions else words["districts"]
    business = business_grid(tables.business, words)
    return [
        *titled(words.chapters["money_title"], sums_grid(areas_of(tables), words, first, MONEY_COLUMNS)),
        *titled(words["business_title"], Grid(*business) if business else None, "business"),
        *said([words["business_note"]] if business else [], quiet=True),
        *drawn(supply_chart(tables.supply, words)),
        *said([words["lcoe_note"]], quiet=True),
    ]


def _carbon(tables: MapTables, words: Words) -> list[Block]:
    known = as_float(tables.totals.get("carbon_t")) is not None
    first = words["responsible"] if "responsible" in tables.regions else words["districts"]
    return [
        *said(carbon_sentences(tables.totals, words, run_finance(tables.manifest), recorded_carbon(tables.manifest))),
        *titled(words.chapters["carbon_title"], sums_grid(areas_of(tables), words, first, CARBON_COLUMNS) if known else None),
        *said([words.lists["limits"][-1]], quiet=True),
    ]


def _quality(tables: MapTables, words: Words) -> list[Block]:
    sanity = sanity_grid(tables, words)
    sure = uncertainty_chart(tables.totals, words)
    return [
        Heading(words["s_method"]),
        *listed(words.lists["method"], ordered=True),
        *titled(words.chapters["s_data"], status_grid(tables, words), "narrow"),
        *titled(words.chapters["s_tiers"], tier_grid(tables, words), "narrow"),
        *(said([sanity_words(tables, words)]) if sanity.rows else []),
        *titled(words["sanity_title"], sanity),
        *drawn(sure),
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
    if not found.get("roofs"):
        return words["audit_none"]
    shares = {name: per_cent(float(found[name]), words.lang, 2) for name in ("bias", "rms", "worst")}
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
        *said([words.chapters["form_cells"]] if tables.targets and asked else [], quiet=True),
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
        *said([words.chapters["form_cells"]] if tables.targets else [], quiet=True),
        *titled(words.chapters["parcels"], parcel_grid(tables, words)),
        *titled(words["s_inputs"], input_grid(tables, words), "inputs"),
        *said([" · ".join(f"{name} {version}" for name, version in versions)], quiet=True),
    ]


def _figures(tables: MapTables, words: Words) -> list[Block]:
    cells = tables.region("grid")
    found: list[Block] = []
    if cells is not None:
        title = words.chapters["grid_map_title"]
        found += drawn(region_map(cells, "kwp_per_km2", words.lang, title="", alt=title, cells=True, under=_ground(tables)))
    return [*found, *said([f"{words['approval']}{_colon(words)}____________ {words['internal_long']}"])]
