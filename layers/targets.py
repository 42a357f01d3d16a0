"""Judge the buildings of a study against the targets of a policy: the rows of targets.json."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from .capacity import allocation, context, flexibility, pv_capacity
from .carbon import Carbon, load_carbon
from .codes import code_word
from .coverage import installable_share, roof_coverage
from .demand import Demand, load_demand
from .errors import LayersError
from .findings import Case, Finding
from .form_values import FormValues, blank_form, shown_name
from .missing import Missing
from .policy import Policy, Target
from .schema import WITH_ROOFS
from .substitution import building_substitution
from .verdict import decide

METHODS: dict[str, Callable[[Case], Finding]] = {
    "pv_capacity": pv_capacity,
    "roof_coverage": roof_coverage,
    "building_substitution": building_substitution,
    "installable_share": installable_share,
    "storage": flexibility,
    "demand_response": flexibility,
    "context": context,
}
SUMS = ("footprint_area_m2", "covered_area_m2", "pdc0_kwp", "pac0_kw", "energy_kwh")
COLUMNS = (
    *("building_id", "status", "use", "use_detail", "is_urban", "is_new", "floor_area_m2", "installed_kwp", "responsible_area"),
    *SUMS,
)
SHARE_COLUMNS = ("area_m2", "usable_area_m2", "existing_area_m2")
WHOLE_PLACE = 0.8  # of its area; outlines and official figures differ by some per cent
OPTIONAL = ("covered_densest_m2", "roadmap_year", "lcoe_cny_kwh", "energy_p90_kwh", "thermal_kwh", "roofs")


def needed_columns(policy: Policy) -> tuple[str, ...]:
    """
    List the columns of the buildings table that a policy is judged from.

    Parameters
    ----------
    policy
        The policy.

    Returns
    -------
    columns
        Names; covered_densest_m2, roadmap_year, lcoe_cny_kwh, energy_p90_kwh, thermal_kwh and roofs are read where they exist.
    """
    shares = any(target.method == "installable_share" for target in policy.targets)
    return COLUMNS + (SHARE_COLUMNS if shares else ())


def judge(
    policy: Policy,
    buildings: pd.DataFrame,
    *,
    as_of: date,
    form: FormValues | None = None,
    areas: Sequence[str] | None = None,
    existing_mw: float | None = None,
    other_mw: float | None = None,
    demand: Demand | None = None,
    carbon: Carbon | None = None,
    study_km2: float | None = None,
    whole_only: bool = False,
) -> list[dict[str, Any]]:
    """
    Judge every target for the whole and for each accountable area.

    Parameters
    ----------
    policy
        The policy.
    buildings
        The buildings table with the columns of `needed_columns`; a plain DataFrame, one row per input feature. With
        `roadmap_year` (0: not built) what the roadmap builds to a target's deadline counts as planned.
    as_of
        Day of the judgement.
    form
        What the user filled in; without it everything that only the user knows is missing, and the cell of the empty form is named.
    areas
        Accountable areas in order; those of the form, else those that occur in the buildings.
    existing_mw
        Existing PV of every kind of the whole from the study file [MW AC].
    other_mw
        Committed PV that stands on no roof, of the whole, in service by the deadline [MW AC].
    demand
        Energy-use intensities; the defaults where not given.
    carbon
        Conversion factors; the defaults where not given.
    study_km2
        Area of all accountable areas [km2]; with it a study that is a part of the policy's place is told that the targets are not its own.
    whole_only
        Judge the whole alone, as a roadmap needs it.

    Returns
    -------
    rows
        One dict per target and region (region None first), in the order of the policy and ready for JSON.

    Raises
    ------
    LayersError
        For a column that is missing, a number that is not finite, or areas that the form does not have.
    """
    names = _areas(buildings, areas, form)
    form = form or blank_form(names)
    deadlines = [target.deadline.year for target in policy.targets if target.method == "pv_capacity" and target.deadline]
    other_year = max(deadlines, default=None) if other_mw is not None else None
    form = form.with_city(existing_ac_mw=existing_mw, committed_other_ac_mw=other_mw)
    if other_year is not None and form.get(None, "committed_other_year") is None:
        form = form.with_city(committed_other_year=other_year)
    counted, left_out = _counted(buildings, policy)
    names = () if whole_only else names
    demand, carbon = demand or load_demand(), carbon or load_carbon()
    rows: list[list[dict[str, Any]]] = [[] for _ in policy.targets]
    for region in (None, *names):  # one area at a time: all of them would be the whole once more
        part = counted if region is None else counted[counted["responsible_area"] == region]
        for target, own in zip(policy.targets, rows, strict=True):
            if region is not None and target.regions == "whole":
                continue
            case = Case(target, region, with_plan(part, target), counted, left_out, form, as_of, demand, carbon, study_km2, policy.area_km2)
            own.append(_row(case, METHODS[target.method](case)))
    return [row for own in rows for row in own]


def with_plan(buildings: pd.DataFrame, target: Target) -> pd.DataFrame:
    """
    Mark what the roadmap builds to the deadline of a target.

    Parameters
    ----------
    buildings
        Table `buildings`, with `roadmap_year` where there is a roadmap (0: not built).
    target
        The target.

    Returns
    -------
    buildings
        With the column planned; unchanged without a roadmap or a deadline.
    """
    if "roadmap_year" not in buildings or target.deadline is None:
        return buildings
    year = buildings["roadmap_year"].to_numpy()
    return buildings.assign(planned=(year > 0) & (year <= target.deadline.year))


def _row(case: Case, found: Finding) -> dict[str, Any]:
    target = case.target
    verdict = decide(
        required=found.required,
        built_low=None if target.method == "context" else found.built_low,
        built_high=found.built_high,
        planned=found.planned,
        as_of=case.as_of,
        deadline=target.deadline,
        baseline=found.baseline,
    )
    uncertain = verdict == "cannot_judge" and found.built_low != found.built_high
    built = None if uncertain else found.built_low
    # What is surely built is surely planned; commitments that are unknown are told as such, not added as zero.
    planned = None if uncertain else found.planned if found.planned is not None or verdict == "cannot_judge" else found.built_low
    gap = None if found.required is None or planned is None else max(0.0, found.required - planned)
    if verdict != "cannot_judge" and found.planned is None:
        found.notes.append(("已批在建容量未填，规划值未含", "commitments are not given; planned is what is built"))
    beyond = planned is not None and found.technical is not None and planned > found.technical * (1.0 + 1e-9)
    if beyond:
        found.notes.append(
            (
                "规划值超过技术可开发量，请核对在建和规划容量",
                "what is planned exceeds what is technically possible: check commitments and roadmap",
            )
        )
    of_roofs = target.method not in ("storage", "demand_response")
    notes = [*found.notes, *([_left_out(case)] if case.region is None and case.left_out and of_roofs else [])]
    part = _of_a_part(case, found)
    notes += _whose(case, found) if part is None else [part]
    if part is not None:
        for lang, said in zip(("zh", "en"), part, strict=True):
            found.extra[f"doubts_{lang}"] = [*found.extra.get(f"doubts_{lang}", []), said]
    row: dict[str, Any] = {
        "id": target.id,
        "method": target.method,
        "region": case.region,
        "unit": target.unit,
        "required": found.required,
        "deadline": None if target.deadline is None else target.deadline.isoformat(),
        "technical": found.technical,
        "planned": planned,
        "built": built,
        "gap": gap,
        "verdict": verdict,
        "missing": _missing(case, found) if verdict == "cannot_judge" else [],
        "clause": target.clause,
        "responsible": list(target.responsible),
        "verified": target.verified and target.formula_verified,
        "value_verified": target.verified,
        "formula_verified": target.formula_verified,
        "title_zh": target.title_zh,
        "title_en": target.title_en,
        "stated": target.stated,
        "quote": target.quote,
        "scope": target.scope_zh,
        "scope_en": target.scope_en,
        "formula_zh": target.formula_zh,
        "formula_en": target.formula_en,
        "note_zh": "；".join([target.note_zh.rstrip("。"), *(zh for zh, _ in notes)]) + "。",
        "note_en": "; ".join([target.note_en.rstrip("."), *(en for _, en in notes)]) + ".",
        "built_at_least": found.built_low,
        "baseline": None if found.baseline is None else found.baseline.value,
        "baseline_year": None if found.baseline is None else found.baseline.year,
        "planned_beyond_technical": beyond,
    }
    return row | {key: value for key, value in found.extra.items() if key not in row}


def _whose(case: Case, found: Finding) -> list[tuple[str, str]]:
    """Say where the number asked for comes from, where a reader could take it for the plan's own."""
    cell = found.extra.get("allocated_cell")
    if cell is not None:
        zh = f"目标值取填报的分解值（{cell}），不是方案全市目标"
        return [(zh, f"required is the share given in the form ({cell}), not the plan's target")]
    if case.region is None and case.target.regions == "allocated":
        where = case.form.cell(None, allocation(case.target.method))
        return [
            (
                f"以研究范围代表全市；研究范围小于全市时，请在填报表（{where}）填写分解到本研究范围的目标",
                f"the study is taken for the whole city; where it is smaller, write its share of the target into {where}",
            )
        ]
    if case.region is not None and case.target.regions == "same":
        zh = "比例目标各区域按同一数值对照，文件未逐区域下达"
        return [(zh, "each area is held against the same share, which the document does not divide")]
    return []


def _of_a_part(case: Case, found: Finding) -> tuple[str, str] | None:
    """Say loudly that a target of the whole place is no target of a small part of it, where nothing was allocated to the part."""
    study, place = case.study_km2, case.place_km2
    if case.region is not None or case.target.regions != "allocated" or "allocated_cell" in found.extra or study is None or place is None:
        return None
    if study >= WHOLE_PLACE * place:
        return None
    share, where = 100.0 * study / place, case.form.cell(None, allocation(case.target.method))
    number = f"{case.target.value:g} {case.target.unit}"
    return (
        f"研究范围 {study:,.0f} km² 只占 {place:,.0f} km² 的 {share:.0f}%：{case.target.stated}是全市目标，不是本研究范围的，"
        f"差距和研判不能直接采用；请在填报表（{where}）填写分解到本研究范围的目标",
        f"the study's {study:,.0f} km² are {share:.0f} % of {place:,.0f} km²: {number} is the whole city's target, not this study's, "
        f"so gap and verdict are not its own; write its share into {where}",
    )


def _missing(case: Case, found: Finding) -> list[Missing]:
    missing = found.missing_required + found.missing_built
    if not case.past and found.baseline is None and found.planned is None and not found.missing_built:
        missing = missing + found.missing_planned
    if not missing:
        raise LayersError(
            f"target {case.target.id} {case.region}: cannot be judged but no input would settle it; this is a fault of the program"
        )
    return missing


def _left_out(case: Case) -> tuple[str, str]:
    zh, en = ([f"{code_word('status', s, lang)} {n}" for s, n in case.left_out.items()] for lang in ("zh", "en"))
    return f"未测算的建筑不计入：{'、'.join(zh)}", f"buildings without roofs are left out: {', '.join(en)}"


def _areas(buildings: pd.DataFrame, areas: Sequence[str] | None, form: FormValues | None) -> tuple[str, ...]:
    lacking = [name for name in COLUMNS if name not in buildings]
    if lacking:
        raise LayersError(f"the buildings table lacks {', '.join(lacking)}; expected the columns of needed_columns()")
    found = sorted(str(area) for area in buildings["responsible_area"].dropna().unique())
    names = tuple(areas) if areas is not None else form.areas if form is not None else tuple(found)
    strange = [area for area in found if area not in names]
    if strange:
        raise LayersError(f"buildings lie in the accountable area {strange[0]!r}, which is none of {', '.join(names)}")
    lost = [area for area in names if form is not None and shown_name(area) not in form.areas]
    if lost:
        raise LayersError(f"the form has no row for {lost[0]!r}; write a new form with wuding template")
    return names


def _counted(buildings: pd.DataFrame, policy: Policy) -> tuple[pd.DataFrame, dict[str, int]]:
    """Take the buildings that have roofs, and how many of the rest there are by status."""
    columns = needed_columns(policy)
    lacking = [name for name in columns if name not in buildings]
    if lacking:
        raise LayersError(f"the buildings table lacks {', '.join(lacking)}, which the policy {policy.name} is judged from")
    with_roofs = buildings["status"].isin(WITH_ROOFS)
    rows = buildings.loc[with_roofs, [*columns, *(name for name in OPTIONAL if name in buildings)]]
    for name in (*SUMS, *(SHARE_COLUMNS if columns != COLUMNS else ())):
        values = rows[name].to_numpy(dtype="float64", na_value=np.nan)
        if not (np.isfinite(values) & (values >= 0.0)).all():
            raise LayersError(f"buildings with roofs have missing, infinite or negative {name}; expected a sum of 0 or more")
    others = buildings.loc[~with_roofs, "status"].astype(object).value_counts().sort_index()
    return rows, {str(status): int(count) for status, count in others.items()}
