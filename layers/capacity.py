"""Targets in MW: PV of every kind, storage, demand response; and the context rows."""

import math
from collections.abc import Mapping

import pandas as pd

from solar.uncertainty import own_variance, p90_of_groups

from .carbon import CONVENTIONS, electricity_tce
from .closing import closing, not_yet_planned
from .findings import Case, Finding, exact_sum
from .form_fields import PV_CLASSES
from .form_values import FormValues, shown_name
from .missing import Missing, asked, either, together
from .verdict import Baseline

# Usable area against the assumptions; 0.936 is exceeded in 9 of 10 counties by the shared error of 5 % in solar/uncertainty.toml.
USABLE_AREA = (("base", 1.0), ("usable_area_p90", 0.936), ("usable_area_minus_20", 0.8), ("usable_area_plus_20", 1.2))
# Committed roof PV above the most favourable of these cases is a slip of the pen, such as kW for MW.
MOST_CARRIED = max(factor for _, factor in USABLE_AREA)
# Existing PV of every kind above so many times what the roofs carry is asked about: kW for MW makes it a thousand times too large.
ASKED_ABOVE = 20.0
SPLIT = ("测算分解建议", "proposed split, not a target")
NO_BUILDINGS = ("本区域没有建筑数据，屋顶潜力不明", "no building of this area is in the data: what its roofs carry is unknown")


def pv_capacity(case: Case) -> Finding:
    """
    Hold PV capacity of every kind against a number of MW, in AC.

    Parameters
    ----------
    case
        One region; existing and committed PV come from the form, the rest from the roofs.

    Returns
    -------
    finding
        Numbers in MW AC; DC and the share of the roof potential beside it.
    """
    form, region = case.form, case.region
    roofs_ac, roofs_dc = (exact_sum(case.buildings[name]) / 1000.0 for name in ("pac0_kw", "pdc0_kwp"))
    built = existing_pv(form, region, "ac")
    committed_roof, committed_other = (_committed(case, kind) for kind in ("roof", "other"))
    doubted = committed_roof is not None and _beyond(committed_roof, roofs_ac)
    said_roof, committed_roof = committed_roof, None if doubted else committed_roof
    roadmap = _roadmap_mw(case.buildings)
    new = _new_roofs(case, committed_roof, roadmap)
    finding = _asked_of(case, built)
    if finding.required is None:
        _propose(case, finding, roofs_ac)
    if built is None:
        finding.missing_built = [form.missing(region, "existing_ac_mw")]
    else:
        finding.technical = None if _unseen(case) else built + (committed_other or 0.0) + roofs_ac
        if case.past:
            finding.planned = built
        elif committed_other is not None and new is not None:
            finding.planned = built + committed_other + new
        elif roadmap is not None and new is not None and finding.required is not None and built + roadmap >= finding.required:
            # What else is committed is unknown, but the roadmap alone suffices.
            finding.planned = built + new
        if committed_other is None:
            finding.notes.append(("技术可开发量未含在建地面光伏（未填）", "technical leaves out other committed PV, which is not given"))
    finding.missing_planned = _unplanned(form, region, {"roof": committed_roof, "other": committed_other})
    doubts: list[tuple[str, str]] = []
    if doubted:
        doubts.append(
            (
                f"填报的在建屋顶光伏 {said_roof:.3f} MW 远超屋顶技术可开发量 {roofs_ac:.3f} MW，未计入，请核对单位和数值",
                f"committed roof PV of {said_roof:.3f} MW is far above the {roofs_ac:.3f} MW that the roofs can carry and is not counted: "
                "check unit and value",
            )
        )
    finding.baseline = _baseline(form, region)
    needed = None if finding.required is None or built is None else max(0.0, finding.required - built - (committed_other or 0.0))
    listed = exact_sum(case.buildings["installed_kwp"]) / 1000.0
    built_dc = existing_pv(form, region, "dc")
    carried = roofs_ac * (1.0 + listed / roofs_dc) if roofs_dc > 0.0 else 0.0
    if built is not None and built > ASKED_ABOVE * carried > 0.0:
        doubts.append(
            (
                f"填报的已建光伏 {built:.3f} MW 是全部屋顶可装容量 {carried:.3f} MW 的 {built / carried:.0f} 倍："
                f"若研究范围只是其中一部分或以地面电站为主则属正常；若填的是 kW，应改为 {built / 1000.0:.6g} MW",
                f"existing PV of {built:.3f} MW is {built / carried:.0f} times the {carried:.3f} MW that all roofs carry: right where "
                f"the study covers a part only or most of it stands on the ground; if kW were meant, write {built / 1000.0:.6g} MW",
            )
        )
    if committed_roof is not None and committed_roof > roofs_ac:
        doubts.append(
            (
                f"填报的在建屋顶光伏 {committed_roof:.3f} MW 超过屋顶技术可开发量 {roofs_ac:.3f} MW，请核对",
                f"committed roof PV of {committed_roof:.3f} MW exceeds the {roofs_ac:.3f} MW that the roofs can carry: check it",
            )
        )
    if built_dc is not None and listed < built_dc:
        finding.notes.append(
            (
                f"已建中未逐栋登记的部分（{built_dc - listed:.3f} MW 直流）若在屋顶上，技术可开发量偏高",
                "built PV that is listed on no building makes the technical potential too high where it stands on roofs",
            )
        )
    if built_dc is not None and listed > built_dc * (1 + 1e-9):
        finding.notes.append(
            (
                f"逐栋登记的已装光伏 {listed:.3f} MW 超过填报的已建合计 {built_dc:.3f} MW（直流），请核对",
                f"PV listed by building, {listed:.3f} MW, exceeds the given total of {built_dc:.3f} MW (DC): check it",
            )
        )
    finding.notes.extend(doubts)
    if _unseen(case):
        finding.notes.append(NO_BUILDINGS)
    if finding.required is not None and finding.planned is not None:
        left = not_yet_planned(case.buildings)
        finding.extra |= closing(left, "pac0_kw", 1000.0 * max(0.0, finding.required - finding.planned))
    finding.extra |= {
        "doubts_zh": [zh for zh, _ in doubts],
        "doubts_en": [en for _, en in doubts],
        "sensitivity": [] if _unseen(case) else _sensitivity(case, needed, roofs_ac),
        "basis": "AC",
        "built_dc": built_dc,
        "listed_on_buildings_dc": listed,
        "committed_roof": said_roof,
        "committed_other": committed_other,
        "roadmap": roadmap,
        "roofs_technical": None if _unseen(case) else roofs_ac,
        "roofs_technical_dc": None if _unseen(case) else roofs_dc,
        "roofs_needed": needed,
        "roofs_needed_share": needed / roofs_ac if needed is not None and roofs_ac > 0 else None,
        "dc_ac_ratio": roofs_dc / roofs_ac if roofs_ac > 0 else None,
        "hosting_colour": form.get(region, "hosting_colour"),
        "hosting_room_mw": form.total(region, "hosting_room_mw"),
    }
    return finding


def flexibility(case: Case) -> Finding:
    """
    Hold storage or demand response against a number of MW: from inputs only, roofs do not supply either.

    Parameters
    ----------
    case
        One region; the target's method names the field of the form.

    Returns
    -------
    finding
        Numbers in MW, `technical` None.
    """
    form, region, kind = case.form, case.region, case.target.method
    built = form.total(region, f"{kind}_mw")
    committed = form.total(region, f"{kind}_committed_mw")
    finding = _asked_of(case, built)
    if built is None:
        finding.missing_built = [form.missing(region, f"{kind}_mw")]
    elif case.past:
        finding.planned = built
    elif committed is not None:
        finding.planned = built + committed
    if committed is None:
        finding.missing_planned = [form.missing(region, f"{kind}_committed_mw")]
    finding.extra["committed"] = committed
    return finding


def context(case: Case) -> Finding:
    """
    Show what PV contributes to a share that roofs alone never settle.

    Parameters
    ----------
    case
        The whole.

    Returns
    -------
    finding
        No judgement; energy of the roofs [GWh] and its standard coal [tce] in both conventions.
    """
    energy = exact_sum(case.buildings["energy_kwh"])
    finding = Finding(case.target.value)
    finding.missing_built = [
        asked(
            "全市能源消费总量和非化石能源消费量（不由屋顶研判）",
            "all energy and all non-fossil energy used in the city (never judged from roofs)",
        )
    ]
    coal = {f"roofs_technical_{name}_tce": electricity_tce(case.carbon, energy, name) for name in CONVENTIONS}
    finding.extra = {"roofs_technical_gwh": energy / 1e6, **coal}
    return finding


def allocation(method: str) -> str:
    """
    Name the field of the form that holds a target divided among areas.

    Parameters
    ----------
    method
        Method of a target in MW.

    Returns
    -------
    str
        Key of the field; in the row of the whole it is the share of a study that is smaller than the city.
    """
    return f"allocated_{'pv' if method == 'pv_capacity' else method}_mw"


def _asked_of(case: Case, built: float | None) -> Finding:
    """Take the number of MW asked for: what the form allocates, else for the whole what the policy says."""
    name = allocation(case.target.method)
    given = case.form.get(case.region, name)
    finding = Finding(float(given) if given is not None else case.target.value if case.region is None else None, built, built)
    if given is not None:
        finding.extra["allocated_cell"] = case.form.cell(case.region, name)
    elif case.region is not None:
        finding.missing_required = [case.form.missing(case.region, name)]
    return finding


def existing_pv(form: FormValues, region: str | None, kind: str) -> float | None:
    """
    Give the existing PV of every kind: the total, else its seven classes, else the sum of the areas.

    Parameters
    ----------
    form
        What the user filled in.
    region
        Accountable area, None for the whole.
    kind
        "ac" or "dc".

    Returns
    -------
    float or None
        Capacity [MW]; None where it is unknown.
    """
    own = form.get(region, f"existing_{kind}_mw")
    if own is not None:
        return float(own)
    classes = [form.get(region, f"existing_{name}_{kind}_mw") for name in PV_CLASSES]
    if all(value is not None for value in classes):
        return math.fsum(classes)
    if region is not None or not form.areas:
        return None
    parts = [existing_pv(form, area, kind) for area in form.areas]
    known = [part for part in parts if part is not None]
    return math.fsum(known) if len(known) == len(parts) else None


def _committed(case: Case, kind: str, region: str | None = None) -> float | None:
    """Add up committed PV in service by the deadline; None where MW or year are not given."""
    region = case.region if region is None else region
    value = case.form.get(region, f"committed_{kind}_ac_mw")
    if value is None:
        if region is not None or not case.form.areas:
            return None
        parts = [_committed(case, kind, area) for area in case.form.areas]
        known = [part for part in parts if part is not None]
        return math.fsum(known) if len(known) == len(parts) else None
    year = case.form.get(region, f"committed_{kind}_year")
    if value > 0 and year is None:
        return None
    return float(value) if value == 0 or case.target.deadline is None or year <= case.target.deadline.year else 0.0


def _unplanned(form: FormValues, region: str | None, committed: Mapping[str, float | None]) -> list[Missing]:
    """Name what tells how it goes on: the commitments, or the base year from which the straight line starts."""
    lacking = [form.missing(region, _unknown_commitment(form, region, kind)) for kind, value in committed.items() if value is None]
    line = [form.missing(region, name) for name in ("base_year", "base_ac_mw") if form.get(region, name) is None]
    ways = [together(way) for way in (lacking, line) if way]
    return [either(*ways)] if ways else []


def _unknown_commitment(form: FormValues, region: str | None, kind: str) -> str:
    """Name the year where only it lacks, else the capacity: it lacks, or it cannot be true."""
    lacks_year = form.get(region, f"committed_{kind}_ac_mw") is not None and form.get(region, f"committed_{kind}_year") is None
    return f"committed_{kind}_year" if lacks_year else f"committed_{kind}_ac_mw"


def _baseline(form: FormValues, region: str | None) -> Baseline | None:
    year, value = form.get(region, "base_year"), form.get(region, "base_ac_mw")
    return None if year is None or value is None else Baseline(year, value)


def _roadmap_mw(rows: pd.DataFrame) -> float | None:
    if "planned" not in rows:
        return None
    return exact_sum(rows.loc[rows["planned"].astype(bool), "pac0_kw"]) / 1000.0


def _new_roofs(case: Case, committed: float | None, roadmap: float | None) -> float | None:
    """Give what roofs add by the deadline, area by area where commitments are known so: the whole is the sum of its areas."""
    if committed is None and roadmap is None:
        return None
    # Committed roofs are part of the roadmap's, so the larger of the two counts.
    largest = max(committed or 0.0, roadmap or 0.0)
    if case.region is not None or not case.form.areas:
        return largest
    area = case.buildings["responsible_area"]
    parts = [_roadmap_mw(case.buildings[~area.isin(case.form.areas)]) or 0.0]
    for name in case.form.areas:
        rows = case.buildings[area == name]
        said = _committed(case, "roof", name) or 0.0
        parts.append(max(0.0 if _beyond(said, exact_sum(rows["pac0_kw"]) / 1000.0) else said, _roadmap_mw(rows) or 0.0))
    return max(largest, math.fsum(parts))


def _beyond(committed: float, roofs_ac: float) -> bool:
    """Whether committed roof PV is a slip of the pen: far above what the roofs carry."""
    return committed > MOST_CARRIED * roofs_ac


def _sensitivity(case: Case, needed: float | None, roofs_ac: float) -> list[dict[str, float | str | None]]:
    """Tell how the roofs' part would change with the usable area and with the energy that is exceeded in 9 years of 10."""
    energy = exact_sum(case.buildings["energy_kwh"]) / 1e6
    certain = _certain(case.buildings)
    rows: list[dict[str, float | str | None]] = []
    for name, factor in USABLE_AREA:
        capacity = factor * roofs_ac
        share = needed / capacity if needed is not None and capacity > 0 else None
        short = max(0.0, needed - capacity) if needed is not None else None
        row: dict[str, float | str | None] = {"case": name, "roofs_mw": capacity, "needed_share": share, "short_mw": short}
        rows.append(row | {"energy_gwh": factor * energy, "energy_p90_gwh": None if certain is None else factor * certain})
    return rows


def _certain(buildings: pd.DataFrame) -> float | None:
    """Give the energy of all roofs together that is exceeded in 9 years of 10 [GWh]: more than the sum of the roofs' own."""
    if "energy_p90_kwh" not in buildings:
        return None
    own = own_variance(buildings["energy_kwh"].fillna(0.0), buildings["energy_p90_kwh"].fillna(0.0))
    return float(p90_of_groups(exact_sum(buildings["energy_kwh"]), math.fsum(own))) / 1e6


def _unseen(case: Case) -> bool:
    """Tell whether an area has no building in the data: its potential is unknown, not none."""
    return case.region is not None and case.buildings.empty


def _propose(case: Case, finding: Finding, roofs_ac: float) -> None:
    """Divide the target by roof potential, where the buildings of every area are in the data."""
    areas = case.form.areas
    seen = {shown_name(str(name)) for name in case.whole["responsible_area"].dropna().unique()}
    empty = [name for name in areas if name not in seen]
    if empty:
        some = "、".join(empty[:3]) + ("等" if len(empty) > 3 else "")
        finding.notes.append(
            (
                f"{some} 没有建筑数据，不作测算分解建议",
                f"no split is proposed, since {', '.join(empty[:3])}{' and others' if len(empty) > 3 else ''} have no building in the data",
            )
        )
        return
    every = exact_sum(case.whole["pac0_kw"]) / 1000.0
    if every > 0.0:
        given = case.form.get(None, allocation(case.target.method))
        share = (case.target.value if given is None else float(given)) * roofs_ac / every
        finding.extra |= {"proposed_required": share, "proposed_label_zh": SPLIT[0], "proposed_label_en": SPLIT[1]}
        finding.notes.append(
            (f"{SPLIT[0]}：按屋顶潜力占比分解为 {share:.1f} MW，不是方案目标", f"{SPLIT[1]}: {share:.1f} MW by the share of roof potential")
        )
        if share > roofs_ac:
            finding.notes.append(
                (
                    f"分解建议超过本区域屋顶可新增的 {roofs_ac:.1f} MW，其余须由已建和其他光伏承担",
                    f"that is more than the {roofs_ac:.1f} MW that the roofs can add: the rest would have to be existing and other PV",
                )
            )
