"""The share of renewable energy in what urban civil buildings use."""

from dataclasses import dataclass, replace

import pandas as pd

from .carbon import CONVENTIONS, electricity_tce, heat_tce
from .closing import closing, not_yet_planned
from .demand import building_demand_kwh
from .findings import Case, Finding, exact_sum, in_scope, surveyed_kwp
from .missing import Missing, asked, either, together

GJ_PER_KWH = 0.0036
OTHERS = ("solar_thermal", "heat_pump", "biomass")
BOUNDARY = asked(
    "城镇边界（study.toml [regions] urban）或建筑的城乡属性", "the urban boundary ([regions] urban of the study) or urban/rural by building"
)

NOTHING_URBAN = asked(
    "本区域没有城镇民用建筑（如有，请核对用途和城镇边界）", "no urban civil building here; if there is one, its use and the urban boundary"
)


@dataclass(frozen=True, slots=True)
class Balance:
    """Electricity [kWh] and heat [GJ] of numerator and denominator; `pv_known` and `others_known` tell whether all is in."""

    pv_kwh: float
    pv_known: bool
    others_gj: dict[str, float | None]
    use_kwh: float
    use_gj: float
    roofs_kwh: float
    roofs_gj: float

    @property
    def complete(self) -> bool:
        """Whether nothing of the numerator is unknown."""
        return self.pv_known and all(value is not None for value in self.others_gj.values())

    @property
    def heat_room_gj(self) -> float:
        """Heat that collectors on the roofs could give beyond what is built [GJ]; existing ones may stand on these roofs."""
        return max(0.0, self.roofs_gj - (self.others_gj["solar_thermal"] or 0.0))

    def share(self, case: Case, convention: str, extra_kwh: float = 0.0, extra_gj: float = 0.0) -> float:
        """
        Compute the share in one convention.

        Parameters
        ----------
        case
            The case with its conversion factors.
        convention
            Convention for electricity, the same in numerator and denominator.
        extra_kwh
            PV energy on top of what is built.
        extra_gj
            Solar heat on top of what is built.

        Returns
        -------
        share
            Numerator over denominator.
        """
        heat = sum(value or 0.0 for value in self.others_gj.values()) + extra_gj
        numerator = electricity_tce(case.carbon, self.pv_kwh + extra_kwh, convention) + heat_tce(case.carbon, heat)
        return numerator / self.total_tce(case, convention)

    def total_tce(self, case: Case, convention: str) -> float:
        """
        Compute the denominator in one convention.

        Parameters
        ----------
        case
            The case with its conversion factors.
        convention
            Convention for electricity.

        Returns
        -------
        total
            All energy used [tce].
        """
        return electricity_tce(case.carbon, self.use_kwh, convention) + heat_tce(case.carbon, self.use_gj)


def building_substitution(case: Case) -> Finding:
    """
    Hold renewable energy over all energy of urban civil buildings against a share.

    Parameters
    ----------
    case
        One region; heating, other renewables and metered totals come from the form.

    Returns
    -------
    finding
        Shares in the policy's convention, the other beside it. Without a heating figure nothing is judged.
    """
    scope = case.target.scope
    if case.target.parameters["include_factories"] and scope.uses is not None:
        scope = replace(scope, uses=(*scope.uses, "factory"))
    inside, unknown = in_scope(case.buildings, scope)
    rows = case.buildings[inside]
    finding = Finding(case.target.value)
    area, unknown_area = (exact_sum(case.buildings.loc[mask, "footprint_area_m2"]) for mask in (inside, unknown))
    share = unknown_area / (area + unknown_area) if area + unknown_area > 0 else None
    finding.extra = {"scope_buildings": len(rows), "unknown_buildings": int(unknown.sum()), "unknown_share": share}
    if share:
        finding.notes.append(
            (f"城乡属性不明的占 {100 * share:.1f}%，未计入", f"{100 * share:.1f} % by area is neither known urban nor rural and left out")
        )
    finding.missing_built = _missing(case, rows)
    if rows.empty and not unknown_area and len(case.buildings):
        finding.missing_built.insert(0, NOTHING_URBAN)
        return finding
    if rows.empty or unknown_area > area:
        finding.missing_built.insert(0, BOUNDARY)
        return finding
    balance = _balance(case, rows)
    if balance is not None:
        _judge(case, balance, rows, finding)
    return finding


def _judge(case: Case, balance: Balance, rows: pd.DataFrame, finding: Finding) -> None:
    main = str(case.target.parameters["convention"])
    finding.built_low = balance.share(case, main)
    finding.built_high = finding.built_low if balance.complete else None
    capacity, energy = exact_sum(rows["pdc0_kwp"]), exact_sum(rows["energy_kwh"])
    # What is built but on no list stands on roofs that the potential counts as empty.
    listed = exact_sum(rows["installed_kwp"]) * (energy / capacity if capacity > 0 else 0.0) * _pv_part(case)
    room = max(0.0, balance.roofs_kwh - max(0.0, balance.pv_kwh - listed))
    finding.technical = balance.share(case, main, room, balance.heat_room_gj)
    if case.past:
        finding.planned = finding.built_low
    elif "planned" in rows:
        chosen = rows[rows["planned"].astype(bool)]
        # A roof that the roadmap builds gets its collectors in the same year.
        finding.planned = balance.share(
            case, main, exact_sum(chosen["energy_kwh"]) * _pv_part(case), min(_heat_gj(chosen), balance.heat_room_gj)
        )
    else:
        finding.missing_planned = [asked("路线图（哪些屋顶在期限前建成）", "the roadmap: which roofs are built by the deadline")]
    finding.extra |= {"convention": main, "pv_basis": case.target.parameters["pv"]}
    for name in CONVENTIONS:
        finding.extra |= {
            f"built_{name}": balance.share(case, name),
            f"technical_{name}": balance.share(case, name, room, balance.heat_room_gj),
            f"total_{name}_tce": balance.total_tce(case, name),
            f"pv_{name}_tce": electricity_tce(case.carbon, balance.pv_kwh, name),
        }
    finding.extra |= {f"{name}_tce": None if value is None else heat_tce(case.carbon, value) for name, value in balance.others_gj.items()}
    finding.notes.append(_parts(case, balance))
    if balance.roofs_gj > 0.0:
        finding.extra["technical_solar_thermal_gj"] = balance.roofs_gj
    per_kwh = (balance.share(case, main, 1e6) - balance.share(case, main)) / 1e6 * _pv_part(case)
    if per_kwh > 0.0:
        finding.extra["roofs_needed_kwh"] = max(0.0, case.target.value - finding.built_low) / per_kwh
    if finding.planned is not None and per_kwh > 0.0:
        kwh = max(0.0, case.target.value - finding.planned) / per_kwh
        finding.extra |= closing(not_yet_planned(rows), "energy_kwh", kwh)


def _parts(case: Case, balance: Balance) -> tuple[str, str]:
    """Tell the share in both conventions and what the numerator consists of, each part apart."""
    heat, equal = (100.0 * balance.share(case, name) for name in CONVENTIONS)
    pv, total = (electricity_tce(case.carbon, balance.pv_kwh, CONVENTIONS[0]), balance.total_tce(case, CONVENTIONS[0]))
    told = {name: None if value is None else heat_tce(case.carbon, value) for name, value in balance.others_gj.items()}
    words = {name: None if value is None else f"{value:,.1f}" for name, value in told.items()}
    zh, en = ({name: word or unknown for name, word in words.items()} for unknown in ("不明", "unknown"))
    known = "" if balance.pv_known else "（仅已登记）"
    return (
        f"现状按当量值 {heat:.2f}%，按等价值 {equal:.2f}%（分子分母同口径{'' if balance.complete else '，不明的未计入'}）；"
        f"当量值下分子：光伏 {pv:,.1f}{known}、光热 {zh['solar_thermal']}、热泵可再生部分 {zh['heat_pump']}、生物质 {zh['biomass']} tce，"
        f"分母 {total:,.1f} tce",
        f"today {heat:.2f} % by heat value, {equal:.2f} % by equivalent value, the same in both parts"
        f"{'' if balance.complete else ', without what is unknown'}; by heat value the numerator is PV {pv:,.1f}"
        f"{'' if balance.pv_known else ' (listed only)'}, solar thermal {en['solar_thermal']}, "
        f"renewable part of heat pumps {en['heat_pump']}, biomass {en['biomass']} tce, the denominator {total:,.1f} tce",
    )


def _balance(case: Case, rows: pd.DataFrame) -> Balance | None:
    """Both parts of the share; None where the denominator is unknown."""
    form, region = case.form, case.region
    heating = form.total(region, "heating_gj")
    electricity, fuel = form.total(region, "building_electricity_mwh"), form.total(region, "building_fuel_gj")
    if heating is None or (electricity is not None and fuel is None):
        return None
    if electricity is None:
        demand = building_demand_kwh(case.demand, rows["use"], rows["floor_area_m2"], rows["use_detail"])
        if demand.isna().any():
            return None
        use_kwh, use_gj = exact_sum(demand), heating
    else:
        use_kwh, use_gj = 1000.0 * electricity, heating + (fuel or 0.0)
    if use_kwh + use_gj <= 0.0:
        return None
    pv, known = _pv_built(case, rows)
    others = {name: form.total(region, f"{name}_gj") for name in OTHERS}
    part = _pv_part(case)
    return Balance(pv * part, known, others, use_kwh, use_gj, exact_sum(rows["energy_kwh"]) * part, _heat_gj(rows))


def _heat_gj(rows: pd.DataFrame) -> float:
    """Heat of collectors on roofs [GJ]; 0 where the run assessed none."""
    return GJ_PER_KWH * exact_sum(rows["thermal_kwh"]) if "thermal_kwh" in rows else 0.0


def _pv_part(case: Case) -> float:
    parameters = case.target.parameters
    return float(parameters["self_use_share"]) if parameters["pv"] == "self_used" else 1.0


def _pv_built(case: Case, rows: pd.DataFrame) -> tuple[float, bool]:
    """Energy of existing PV and whether all of it is known."""
    given = case.form.total(case.region, "urban_pv_mwh")
    if given is not None:
        return 1000.0 * given, True
    installed = surveyed_kwp(case, rows)
    own = rows["energy_kwh"].astype("float64") / rows["pdc0_kwp"].astype("float64").where(rows["pdc0_kwp"] > 0)
    # A roof that is full has no yield of its own left: it gets that of the roofs of the whole study.
    capacity = exact_sum(case.whole["pdc0_kwp"])
    mean = exact_sum(case.whole["energy_kwh"]) / capacity if capacity > 0 else float("nan")
    energy = installed * own.fillna(mean).where(installed != 0, 0.0)
    return exact_sum(energy), bool(energy.notna().all())


def _missing(case: Case, rows: pd.DataFrame) -> list[Missing]:
    form, region = case.form, case.region
    names = [name for name in ("heating_gj", *(f"{other}_gj" for other in OTHERS)) if form.total(region, name) is None]
    if form.total(region, "building_electricity_mwh") is not None and form.total(region, "building_fuel_gj") is None:
        names.append("building_fuel_gj")
    missing = [form.missing(region, name) for name in names]
    if form.total(region, "building_electricity_mwh") is None and rows["floor_area_m2"].isna().any():
        count = int(rows["floor_area_m2"].isna().sum())
        metered = [n for n in ("building_electricity_mwh", "building_fuel_gj") if form.total(region, n) is None]
        missing.append(
            either(
                asked(f"{count} 栋城镇建筑的层数或高度（建筑数据）", f"floors or height of {count} urban buildings (buildings data)"),
                together(form.missing(region, name) for name in metered),
            )
        )
    if not _pv_built(case, rows)[1]:
        missing.append(either(form.missing(region, "urban_pv_mwh"), form.missing(region, "survey_complete")))
    return missing
