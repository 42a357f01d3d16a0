"""Targets on shares of roofs: PV coverage of new roofs, and the installable share by class."""

import numpy as np
import pandas as pd

from .closing import cheapest_first, closing, not_yet_planned
from .findings import Case, Finding, exact_sum, in_scope, surveyed_kwp
from .missing import Missing, asked, either
from .policy import Policy, Scope
from .schema import WITH_ROOFS

SURVEY = asked("范围内建筑的已装光伏（建筑数据中的已装容量）", "installed PV of the buildings in scope (a column of the building data)")


def roof_coverage(case: Case) -> Finding:
    """
    Hold the horizontal projection of modules over the footprint of the roofs in scope against a share.

    Parameters
    ----------
    case
        One region; what is built comes from the form or from installed_kwp of the buildings.

    Returns
    -------
    finding
        Shares; areas, the unknown part and what closes the gap beside them.

    Notes
    -----
    A building whose existing PV nobody listed could carry none or be full: it widens the bounds of what is built.
    """
    target = case.target
    inside, unknown = in_scope(case.buildings, target.scope)
    rows = case.buildings[inside]
    area = exact_sum(rows["footprint_area_m2"])
    unknown_area = exact_sum(case.buildings.loc[unknown, "footprint_area_m2"])
    finding = Finding(target.value)
    finding.extra = {
        "scope_buildings": int(inside.sum()),
        "scope_area_m2": area,
        "unknown_buildings": int(unknown.sum()),
        "unknown_share": unknown_area / (area + unknown_area) if area + unknown_area > 0 else None,
    }
    if unknown_area > 0:
        share = 100 * unknown_area / (area + unknown_area)
        finding.notes.append(
            (
                f"竣工年份不明的占 {share:.1f}%，不计入分子分母",
                f"{share:.1f} % of the class by area is of unknown year and counts in neither part",
            )
        )
    if area <= 0.0:
        finding.missing_built = [_no_scope(int(unknown.sum()))]
        return finding
    _coverage(case, rows, area, finding)
    return finding


def installable_share(case: Case) -> Finding:
    """
    Hold the share of the roof area on which PV can stand against a share by class.

    Parameters
    ----------
    case
        One region; buildings with area_m2, usable_area_m2 and existing_area_m2.

    Returns
    -------
    finding
        Shares; the share that modules cover beside it.
    """
    inside, unknown = in_scope(case.buildings, case.target.scope)
    rows = case.buildings[inside]
    area = exact_sum(rows["area_m2"])
    finding = Finding(case.target.value)
    finding.extra = {"scope_buildings": int(inside.sum()), "scope_area_m2": area, "unknown_buildings": int(unknown.sum())}
    if area <= 0.0:
        finding.missing_built = [
            asked("本区域该类建筑的用途或用途细类", "use or detail of use: no roof of this class is known in this region")
        ]
        return finding
    usable, used = exact_sum(rows["usable_area_m2"]), exact_sum(rows["existing_area_m2"])
    share = (usable + used) / area
    finding.built_low = finding.built_high = finding.planned = finding.technical = share
    finding.notes.append(
        (
            "各栏均为可安装比例（可利用面积与已装面积之和/屋顶面积），不是已装比例",
            "every column is the installable share (usable and used roof area over roof area), not what is installed",
        )
    )
    installed = used / area if rows["installed_kwp"].notna().any() else None  # nothing listed is unknown, not none
    if installed is not None:
        finding.notes.append(
            (f"其中已登记光伏占屋顶面积 {100 * installed:.1f}%", f"of it listed PV takes {100 * installed:.1f} % of the roof area")
        )
    footprint = exact_sum(rows["footprint_area_m2"])
    covered = exact_sum(rows["covered_area_m2"]) / footprint if footprint > 0 else None
    if covered is not None:
        finding.notes.append(
            (
                f"可布置组件的水平投影占建筑基底 {100 * covered:.1f}%",
                f"the modules that fit cover {100 * covered:.1f} % of the footprints",
            )
        )
    lacking = area * max(0.0, case.target.value - share)
    capacity = exact_sum(rows["pdc0_kwp"])
    finding.extra |= {
        "covered_share": covered,
        "installed_share": installed,
        "gap_m2": lacking,
        "gap_kwp": lacking * capacity / usable if usable > 0 else None,
    }
    return finding


def _coverage(case: Case, rows: pd.DataFrame, area: float, finding: Finding) -> None:
    density = float(case.target.parameters["built_density_kwp_m2"])
    given = case.form.total(case.region, "built_new_dc_mw")
    installed = surveyed_kwp(case, rows)
    unlisted = installed.isna()
    listed = exact_sum((installed / density).clip(upper=rows["footprint_area_m2"].astype("float64")))
    city = case.form.get(None, "built_new_dc_mw") if case.region is not None else None
    if given is not None:
        low = high = min(area, 1000.0 * given / density)
    elif city is not None:  # the whole is given but not this area's part of it: the list cannot stand for it
        low, high = listed, min(area, listed + 1000.0 * float(city) / density)
        finding.missing_built = [case.form.missing(case.region, "built_new_dc_mw")]
    else:
        low = listed
        high = low + exact_sum(rows.loc[unlisted, "footprint_area_m2"])
        if unlisted.any():
            ways = [case.form.missing(case.region, name) for name in ("built_new_dc_mw", "survey_complete")]
            finding.missing_built = [either(*ways, SURVEY)]
            finding.notes.append(
                (
                    f"{int(unlisted.sum())} 栋没有登记已装光伏（不明，不是没有）",
                    f"existing PV of {int(unlisted.sum())} buildings is not listed: unknown, not none",
                )
            )
    densest = _densest(rows)
    finding.built_low, finding.built_high = low / area, high / area

    def reached(covered: float) -> float:
        """
        Share covered when modules are added; the roofs' room already leaves out listed PV, and only that.

        Parameters
        ----------
        covered
            Area that modules add [m2].
        """
        return min(1.0, max(low, listed + covered) / area)

    finding.technical = reached(exact_sum(rows[densest]))
    if case.past:
        finding.planned = low / area
    elif "planned" in rows:
        finding.planned = reached(exact_sum(rows.loc[rows["planned"].astype(bool), "covered_area_m2"]))
    else:
        finding.missing_planned = [asked("路线图（哪些屋顶在期限前建成）", "the roadmap: which roofs are built by the deadline")]
    finding.extra |= {
        "roofs_needed_m2": 0.0 if low >= case.target.value * area else case.target.value * area - listed,
        "technical_mount": "densest" if densest == "covered_densest_m2" else "chosen",
        "technical_chosen_mount": reached(exact_sum(rows["covered_area_m2"])),
        "share_with_pv": float((installed > 0).sum()) / len(rows) if not unlisted.any() else None,
    }
    with_pv = finding.extra["share_with_pv"]
    finding.notes.append(
        (
            f"技术上限按最密安装方式；按所选安装方式为 {100 * finding.extra['technical_chosen_mount']:.1f}%"
            + ("" if with_pv is None else f"；已有光伏的栋数占 {100 * with_pv:.1f}%"),
            f"technical takes the densest mount; with the chosen mount it is {100 * finding.extra['technical_chosen_mount']:.1f} %"
            + ("" if with_pv is None else f"; {100 * with_pv:.1f} % of the buildings have any PV"),
        )
    )
    _by_mount(rows, installed.fillna(0.0) / density, case.target.value, finding)
    if finding.planned is not None:
        finding.extra |= closing(not_yet_planned(rows), "covered_area_m2", area * max(0.0, case.target.value - finding.planned))


def coverage_reach(buildings: pd.DataFrame, policy: Policy | None) -> pd.Series:
    """
    Say of each building in the scope of a policy's coverage target whether it reaches the share by itself, and with which mount.

    Parameters
    ----------
    buildings
        Table `buildings`.
    policy
        The policy, or None: then no building is in a scope. The first target of coverage counts.

    Returns
    -------
    pandas.Series
        Same index: "chosen", "other_mount" (the densest that its roofs permit) or "no_mount"; None outside of the scope.
    """
    reach = np.full(len(buildings), None, dtype=object)
    target = next((t for t in policy.targets if t.method == "roof_coverage"), None) if policy else None
    if target is None:
        return pd.Series(reach, index=buildings.index, dtype=object)
    inside, _ = in_scope(buildings, target.scope)
    inside &= buildings["status"].isin(WITH_ROOFS)
    rows = buildings[inside]
    built = pd.to_numeric(rows["installed_kwp"], errors="coerce").fillna(0.0) / float(target.parameters["built_density_kwp_m2"])
    reach[inside.to_numpy(dtype=bool)] = _reach(rows, built, _densest(rows), target.value)
    return pd.Series(reach, index=buildings.index, dtype=object)


def _densest(rows: pd.DataFrame) -> str:
    return "covered_densest_m2" if "covered_densest_m2" in rows else "covered_area_m2"


def _reach(rows: pd.DataFrame, built: pd.Series, densest: str, required: float) -> np.ndarray:
    needed = required * rows["footprint_area_m2"].astype("float64")
    chosen = (built + rows["covered_area_m2"].astype("float64") >= needed).to_numpy()
    able = (built + rows[densest].astype("float64") >= needed).to_numpy()
    return np.where(chosen, "chosen", np.where(able, "other_mount", "no_mount")).astype(object)


def _by_mount(rows: pd.DataFrame, built: pd.Series, required: float, finding: Finding) -> None:
    """Count buildings in scope that reach the share by themselves as planned, only with their densest mount, and with none."""
    reach = _reach(rows, built, _densest(rows), required)
    chosen, other, none = (int((reach == name).sum()) for name in ("chosen", "other_mount", "no_mount"))
    finding.extra |= {"scope_reach_chosen_mount": chosen, "scope_reach_other_mount": other, "scope_reach_no_mount": none}
    finding.notes.append(
        (
            f"范围内逐栋看：所选安装方式可达 {chosen} 栋，改用最密安装方式另有 {other} 栋可达，{none} 栋任何方式均不可达",
            f"building by building: {chosen} reach it with the chosen mount, {other} more with the densest mount, {none} with no mount",
        )
    )


def closing_list(buildings: pd.DataFrame, scope: Scope, gap_m2: float) -> pd.DataFrame:
    """
    List the buildings in scope that close a gap of coverage, cheapest first.

    Parameters
    ----------
    buildings
        Table `buildings`, with `planned` where a roadmap builds some of them by the deadline.
    scope
        Scope of the target.
    gap_m2
        Area that modules must still cover [m2].

    Returns
    -------
    table
        The buildings in order with `covered_so_far_m2`, up to the one that closes the gap; all of them where they do not.
    """
    inside = buildings[buildings["status"].isin(WITH_ROOFS) & in_scope(buildings, scope)[0]]
    order = cheapest_first(not_yet_planned(inside), "covered_area_m2")
    so_far = order["covered_area_m2"].astype("float64").cumsum()
    needed = np.concatenate([[True], (so_far.to_numpy() < gap_m2)[:-1]]) if len(order) and gap_m2 > 0 else np.zeros(len(order), dtype=bool)
    return order.assign(covered_so_far_m2=so_far)[needed]


def _no_scope(unknown: int) -> Missing:
    if unknown:
        return asked(
            f"{unknown} 栋公共机构、厂房的竣工年份（year_built）",
            f"year of completion (year_built) of {unknown} public institutions and factories",
        )
    return asked(
        "本区域范围内没有新建公共机构、新建厂房；如有，请补用途和竣工年份",
        "no building in scope here; if there is one, its use and year_built",
    )
