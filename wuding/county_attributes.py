"""What the sample county's building register says: use, year, heights, existing PV and names, as patchy as registers are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .county_footprints import Ints
from .county_terrain import Floats


@dataclass(frozen=True)
class Role:
    """What a building is for: its word in the register, when such houses were built, and how often and how densely they carry PV."""

    key: str
    use: str
    first_year: int
    last_year: int
    new_share: float
    pv_share: float = 0.0
    pv_cover: float = 0.0
    title: str = ""


ROLES = (
    Role("farmhouse", "农房", 1975, 2020, 0.015, 0.012, 0.5),
    Role("farm_wing", "农房", 1980, 2020, 0.015, 0.004, 0.6),
    Role("committee", "村委会", 1990, 2022, 0.08, 0.15, 0.4, "村民委员会"),
    Role("village_shop", "商业", 1990, 2022, 0.03, 0.0, 0.0, "便民超市"),
    Role("old_house", "住宅", 1955, 1998, 0.003),
    Role("old_shop", "商业", 1970, 2012, 0.01),
    Role("tower", "住宅", 2008, 2022, 0.22, 0.0, 0.0, "号楼"),
    Role("flats", "住宅", 1985, 2018, 0.02, 0.004, 0.2),
    Role("street_shop", "商业", 1995, 2022, 0.08),
    Role("kindergarten", "学校", 2000, 2022, 0.12, 0.03, 0.2, "幼儿园"),
    Role("hall", "厂房", 1996, 2022, 0.16, 0.07, 0.55, "有限公司厂房"),
    Role("warehouse", "仓库", 2000, 2022, 0.18, 0.06, 0.55, "物流仓库"),
    Role("workshop", "厂房", 1990, 2020, 0.08, 0.03, 0.5),
    Role("plant_office", "办公", 1998, 2022, 0.12, 0.0, 0.0, "办公楼"),
    Role("school", "学校", 1985, 2020, 0.12, 0.06, 0.25, "中学教学楼"),
    Role("gym", "体育馆", 2000, 2021, 0.15, 0.05, 0.4, "体育馆"),
    Role("hospital", "医院", 1992, 2021, 0.12, 0.04, 0.2, "人民医院"),
    Role("government", "机关", 1985, 2018, 0.06, 0.10, 0.3, "办公中心"),
    Role("mall", "商业", 2002, 2021, 0.15, 0.02, 0.3, "购物中心"),
    Role("station", "车站", 1998, 2021, 0.10, 0.10, 0.4, "汽车站"),
)
ROLE = {role.key: i for i, role in enumerate(ROLES)}
# The register's words and our classes; the study file carries the same table.
USES = {
    "厂房": "factory",
    "仓库": "factory",
    "学校": "public_institution",
    "医院": "public_institution",
    "机关": "public_institution",
    "村委会": "public_institution",
    "体育馆": "public_building",
    "商业": "commercial",
    "办公": "commercial",
    "住宅": "urban_residential",
    "农房": "rural_residential",
    "车站": "transport",
}
# Names as careless or hostile registers hold them: every product must show them as plain text.
ODD_NAMES = ("“鑫达”<b>机械</b>有限公司", 'O\'Brien "试验" & 检测车间', "=1+1号仓库", "{{7*7}}食品</script>厂")
_MAKERS = ("鑫达", "华泰", "鲁盛", "金河", "宏远", "天合", "瑞丰", "齐鲁", "万通", "恒力", "润泽", "东岳")
_GOODS = ("机械", "纺织", "食品", "建材", "电子", "化工", "汽配", "家具", "制药", "重工")
_KWP_PER_M2 = 0.2


@dataclass(frozen=True)
class Register:
    """Columns [n] of the building register; None and NaN where the register is silent."""

    name: NDArray[np.object_]
    height: Floats
    floors: Floats
    use: NDArray[np.object_]
    year_built: NDArray[np.object_]
    installed_kwp: Floats


def make_register(rng: np.random.Generator, place: str, role: Ints, height: Floats, floors: Ints, area: Floats) -> Register:
    """
    Draw the register of one settlement: `role` [n], true `height` [m] and `floors`, footprint `area` [m²].

    Parameters
    ----------
    rng
        Random stream of this part of the county.
    place
        Name that the names of its buildings start with.
    role
        Index into `ROLES`, shape (n,).
    height
        True height above ground [m], shape (n,).
    floors
        True number of floors, shape (n,).
    area
        Footprint area [m2], shape (n,).

    Returns
    -------
    Register
        Columns of shape (n,) with the gaps of a real register.
    """
    count = role.size
    table = {
        name: np.array([getattr(r, name) for r in ROLES])[role] for name in ("first_year", "last_year", "new_share", "pv_share", "pv_cover")
    }
    known = rng.random(count)
    # 88 % have a height, 9 % floors alone, 3 % neither; half of the heights come with floors.
    has_floors = ((known >= 0.88) & (known < 0.97)) | (rng.random(count) < 0.5) & (known < 0.88)
    new = rng.random(count) < table["new_share"]
    span = table["last_year"] - table["first_year"] + 1
    year = np.where(new, rng.integers(2023, 2026, count), table["first_year"] + np.floor(rng.random(count) ** 0.5 * span).astype(np.int64))
    pv = rng.random(count) < table["pv_share"]
    return Register(
        _names(place, role, rng),
        np.where(known < 0.88, np.round(height, 1), np.nan),
        np.where(has_floors, floors, np.nan).astype(np.float64),
        _with_gaps(np.array([r.use for r in ROLES], dtype=object)[role], rng.random(count) >= 0.985),
        _year_text(year, rng.random(count)),
        np.where(pv, np.round(area * table["pv_cover"] * _KWP_PER_M2, 1), np.nan),
    )


def _with_gaps(words: NDArray[np.object_], gap: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Blank the words where the register has a gap."""
    words[gap] = None
    return words


def _year_text(year: Ints, luck: Floats) -> NDArray[np.object_]:
    """Years as clerks write them: mostly digits, some with 年, one in nine missing."""
    text = year.astype(str).astype(object)
    text[luck < 0.14] += "年"
    text[luck < 0.11] = None
    return text


def _names(place: str, role: Ints, rng: np.random.Generator) -> NDArray[np.object_]:
    """Names for the roles that have one; numbered within the settlement."""
    names: NDArray[np.object_] = np.full(role.size, None, dtype=object)
    for i, kind in enumerate(ROLES):
        mine = np.flatnonzero(role == i) if kind.title else np.empty(0, dtype=np.int64)
        if mine.size == 0:
            continue
        if kind.key in ("hall", "warehouse", "plant_office"):
            maker, goods = rng.integers(0, len(_MAKERS), mine.size), rng.integers(0, len(_GOODS), mine.size)
            names[mine] = [f"{_MAKERS[a]}{_GOODS[b]}{kind.title}" for a, b in zip(maker, goods, strict=True)]
        elif kind.key == "tower":
            names[mine] = [f"{place}{k + 1}{kind.title}" for k in range(mine.size)]
        else:
            names[mine] = [f"{place}{kind.title}{k + 1 if mine.size > 1 else ''}" for k in range(mine.size)]
    return names


_SURNAMES = (
    "王",
    "李",
    "张",
    "刘",
    "陈",
    "杨",
    "赵",
    "周",
    "孙",
    "马",
    "朱",
    "胡",
    "郭",
    "高",
    "郑",
    "谢",
    "韩",
    "唐",
    "冯",
    "于",
    "董",
    "程",
    "邢",
)
_ENDINGS = ("家庄", "官屯", "家洼", "家沟", "家寨", "家楼", "家桥", "集", "家店", "家营")
_ESTATES = ("翠湖", "锦绣", "阳光", "书香", "明珠", "和谐", "金色", "东方", "绿洲", "御景")
_ESTATE_ENDINGS = ("花园", "家园", "小区", "新城", "苑")


def place_name(kind: str, number: int, town: str) -> str:
    """
    Name the settlement with this number among its kind.

    Parameters
    ----------
    kind
        Kind of settlement.
    number
        Number among its kind, from 0.
    town
        Name of the town it belongs to.

    Returns
    -------
    str
        Name, unique among villages.
    """
    if kind == "village":
        word = _SURNAMES[number % len(_SURNAMES)] + _ENDINGS[(number * 3 + number // len(_SURNAMES)) % len(_ENDINGS)]
        serial = number // (len(_SURNAMES) * len(_ENDINGS))
        return word + ("村" if serial == 0 else f"{serial + 1}村")
    if kind in ("towers", "flats"):
        word = _ESTATES[number % len(_ESTATES)] + _ESTATE_ENDINGS[(number // len(_ESTATES)) % len(_ESTATE_ENDINGS)]
        return town + word
    return town
