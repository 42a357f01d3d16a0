"""The fields of the Excel form and their words."""

from dataclasses import dataclass
from typing import Literal

Lang = Literal["zh", "en"]
Kind = Literal["number", "year", "colour", "yes_no"]

SHEETS: dict[Lang, tuple[str, str, str]] = {
    "zh": ("责任区域", "填表说明", "责任区域名称"),
    "en": ("Areas", "How to fill", "Accountable area"),
}
CITY: dict[Lang, str] = {"zh": "全市", "en": "Whole city"}
COLOURS: dict[Lang, tuple[str, ...]] = {"zh": ("绿", "黄", "红"), "en": ("green", "yellow", "red")}
YES_NO: dict[Lang, tuple[str, ...]] = {"zh": ("是", "否"), "en": ("yes", "no")}

PV_CLASSES = {
    "factory": ("厂房", "factories"),
    "public_institution": ("公共机构", "public institutions"),
    "public_building": ("商业和其他公共建筑", "commercial and other public buildings"),
    "urban_residential": ("城镇住宅", "urban dwellings"),
    "rural_residential": ("农村住宅", "rural dwellings"),
    "transport": ("交通设施", "transport"),
    "ground": ("地面、光伏+及其他", "ground, PV+ and other"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of the form."""

    key: str
    group: str
    zh: str
    en: str
    unit: str
    kind: Kind = "number"
    why_zh: str = ""
    why_en: str = ""
    adds_up: bool = True

    def head(self, lang: Lang) -> str:
        """
        Give the head of the column.

        Parameters
        ----------
        lang
            Language.

        Returns
        -------
        head
            Title with unit.
        """
        return (
            (f"{self.zh}（{self.unit}）" if lang == "zh" else f"{self.en} ({self.unit})")
            if self.unit
            else (self.zh if lang == "zh" else self.en)
        )

    def meaning(self, lang: Lang) -> str:
        """
        Say what belongs into the column.

        Parameters
        ----------
        lang
            Language.

        Returns
        -------
        meaning
            A sentence, empty where the head says all.
        """
        return self.why_zh if lang == "zh" else self.why_en


GROUPS: dict[str, dict[Lang, str]] = {
    "existing": {"zh": "已建光伏", "en": "Existing PV"},
    "classes": {
        "zh": "已建光伏分类（可不填；合计未填时七类须填全）",
        "en": "Existing PV by class (optional; all seven where the total is empty)",
    },
    "base": {"zh": "基准年", "en": "Base year"},
    "committed": {"zh": "已批在建", "en": "Committed"},
    "allocated": {"zh": "市级目标分解到本区域", "en": "Share of the city's targets allocated to the area"},
    "grid": {"zh": "电网承载力", "en": "Hosting capacity"},
    "energy": {"zh": "城镇民用建筑全年用能（不含厂房、农村）", "en": "Yearly energy of urban civil buildings (no factories, no rural)"},
    "flexibility": {"zh": "储能与需求侧响应", "en": "Storage and demand response"},
}


def _classes() -> tuple[Field, ...]:
    kinds = (("ac", "交流", "AC"), ("dc", "直流", "DC"))
    return tuple(
        Field(f"existing_{key}_{kind}_mw", "classes", f"{zh}，{short}", f"{en}, {current}", "MW")
        for key, (zh, en) in PV_CLASSES.items()
        for kind, short, current in kinds
    )


FIELDS: tuple[Field, ...] = (
    Field(
        *("existing_ac_mw", "existing", "已建光伏合计，交流", "existing PV in all, AC", "MW"),
        why_zh="截至研判日并网的各类光伏（屋顶、地面、光伏+），按备案（逆变器）容量；含屋顶普查中已登记的部分。1 万千瓦 = 10 MW。",
        why_en="PV of every kind on the grid on the day of judgement, registered (inverter) capacity; a roof survey is part of it.",
    ),
    Field("existing_dc_mw", "existing", "已建光伏合计，直流", "existing PV in all, DC", "MW"),
    Field(
        *(
            "built_new_dc_mw",
            "existing",
            "其中：新建公共机构、新建厂房屋顶，直流",
            "of it on new public institutions and new factories, DC",
            "MW",
        ),
        why_zh="竣工年份在政策“新建”时段内的公共机构和厂房屋顶上的光伏，用于覆盖率。填写后代替逐栋登记的装机。",
        why_en="PV on buildings completed inside the policy's window; replaces the survey by building for coverage.",
    ),
    Field(
        *(
            "survey_complete",
            "existing",
            "逐栋登记的已装光伏是否齐全",
            "is installed PV listed for every building that has any",
            "",
            "yes_no",
        ),
        why_zh="填“是”：建筑数据中已装光伏为空的建筑视为没有光伏；填“否”或不填：视为不明。",
        why_en="yes: a building without an entry has no PV; no or empty: it is unknown.",
        adds_up=False,
    ),
    *_classes(),
    Field(
        *("base_year", "base", "基准年份", "base year", "", "year"),
        why_zh="与基准年末装机一起给出到目标年的直线进度。",
        why_en="With the capacity at its end it gives the straight line to the target.",
        adds_up=False,
    ),
    Field("base_ac_mw", "base", "基准年末光伏装机，交流", "PV at the end of the base year, AC", "MW"),
    Field("committed_roof_ac_mw", "committed", "已批在建屋顶光伏，交流", "committed roof PV, AC", "MW"),
    Field("committed_roof_year", "committed", "屋顶光伏全部投产年份", "year by which it is all in service", "", "year", adds_up=False),
    Field("committed_other_ac_mw", "committed", "已批在建地面及其他光伏，交流", "other committed PV, AC", "MW"),
    Field(
        "committed_other_year",
        "committed",
        "地面及其他光伏全部投产年份",
        "year by which all other is in service",
        "年",
        "year",
        adds_up=False,
    ),
    Field(
        *("allocated_pv_mw", "allocated", "光伏装机目标，交流", "PV target, AC", "MW"),
        why_zh="仅当市里已把目标分解到区域时填写；方案本身没有分解。",
        why_en="Only where the city has divided its target; the plan itself does not.",
    ),
    Field("allocated_storage_mw", "allocated", "新型储能目标", "storage target", "MW"),
    Field("allocated_demand_response_mw", "allocated", "需求侧响应目标", "demand-response target", "MW"),
    Field(
        *("hosting_colour", "grid", "承载力分区颜色", "colour of hosting capacity", "", "colour"),
        why_zh="电网公司公布的分区颜色，优先于本工具的估算。",
        why_en="As published by the grid company; it always wins over an estimate.",
        adds_up=False,
    ),
    Field("hosting_room_mw", "grid", "可开放备案容量", "room to register", "MW"),
    Field(
        *("building_electricity_mwh", "energy", "计量用电量", "metered electricity", "MWh"),
        why_zh="填写后代替按建筑面积和能耗指标的估算，此时燃料也须填写。1 万千瓦时 = 10 MWh。",
        why_en="Replaces the estimate from floor area and intensity; then fuel is needed too.",
    ),
    Field("building_fuel_gj", "energy", "燃气等燃料（不含供暖）", "gas and other fuel (no heating)", "GJ"),
    Field(
        *("heating_gj", "energy", "供暖耗热量", "heat for heating", "GJ"),
        why_zh="集中供热与分散供暖之和。未填则替代率无法判定。",
        why_en="District and other heating. Without it substitution cannot be judged.",
    ),
    Field(
        *("urban_pv_mwh", "energy", "城镇民用建筑光伏年发电量", "PV generation of urban civil buildings", "MWh"),
        why_zh="填写后代替按逐栋登记装机的估算。",
        why_en="Replaces the estimate from the PV listed by building.",
    ),
    Field("solar_thermal_gj", "energy", "太阳能光热利用量", "solar thermal", "GJ"),
    Field("heat_pump_gj", "energy", "地源、空气源热泵可再生部分", "renewable part of heat pumps", "GJ"),
    Field("biomass_gj", "energy", "生物质能利用量", "biomass", "GJ"),
    Field(
        *("waste_heat_gj", "energy", "工业余热利用量", "industrial waste heat", "GJ"),
        why_zh="只作说明：工业余热不是可再生能源，不计入替代率分子。",
        why_en="For information: industrial waste heat is not renewable and is never counted.",
    ),
    Field(
        *("storage_mw", "flexibility", "已建新型储能", "new-type storage in service", "MW"),
        why_zh="功率；抽水蓄能不计入。",
        why_en="Power; pumped hydro does not count.",
    ),
    Field("storage_committed_mw", "flexibility", "目标年前投产的在建储能", "committed storage in service by the target year", "MW"),
    Field("demand_response_mw", "flexibility", "已有需求侧响应能力", "demand response available", "MW"),
    Field("demand_response_committed_mw", "flexibility", "目标年前新增需求侧响应", "demand response to be added by the target year", "MW"),
)

INTRO: dict[Lang, tuple[str, ...]] = {
    "zh": (
        "填数字，单位见表头；不知道就留空，没有就填 0。",
        "空格表示“不明”，0 表示“没有”，两者结果不同：缺少的数据会使目标“无法判定”，并指出应填的单元格。",
        "“全市”一行可以只填合计；未填时取各责任区域之和（各行都须填）。不要移动或改名行和列。",
    ),
    "en": (
        "Write numbers in the unit of the head; leave a cell empty if you do not know, write 0 if there is none.",
        "Empty means unknown, 0 means none. What is unknown makes a target 'cannot be judged' and names the cell to fill.",
        "Where the row of the whole city is empty the areas are added up (all must be filled). Do not move or rename rows or columns.",
    ),
}
