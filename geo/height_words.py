"""Heights and numbers of floors as people write them: "9,5", "约12米", "2层/6米", "6+1", "地上6层地下1层", "F6", "15'"."""

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from .attributes import Floats, by_word, is_numeric, with_points

_METRES = {
    **dict.fromkeys(("毫米", "mm"), 0.001),
    **dict.fromkeys(("厘米", "公分", "cm"), 0.01),
    **dict.fromkeys(("英尺", "feet", "foot", "ft", "'"), 0.3048),
    **dict.fromkeys(("英寸", "inches", "inch", '"'), 0.0254),
    **dict.fromkeys(("公尺", "米", "metres", "meters", "metre", "meter", "m"), 1.0),
}
_FEET, _INCHES = _METRES["ft"], _METRES["inch"]
_FLOORS = ("层", "楼", "storeys", "storey", "stories", "story", "floors", "floor", "levels", "level", "fl", "f")
_OTHER = ("平方米", "m2", "平方", "亩", "%", "kw")
_LETTERS = sorted((*_METRES, *_FLOORS, *_OTHER), key=len, reverse=True)
# A unit of letters ends where the letters do: the m of "12 mi" is none.
_UNIT = "|".join(re.escape(word) + ("(?![a-z0-9])" if word[-1].isascii() and word[-1].isalnum() else "") for word in _LETTERS)
_NUMBER = r"\d+(?:\.\d+)?"
_PLAIN = re.compile(r"[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?|[-+]?\.\d+")
_PART = re.compile(
    rf"(?P<under>地下室?|负|(?<![a-z])b|(?<![\d\w])-)?\s*(?P<f>(?<![a-z])f\s*)?(?P<one>{_NUMBER})\s*(?P<unit_one>{_UNIT})?"
    rf"(?:\s*(?:-|~|—|–|至|到)\s*(?P<two>{_NUMBER})\s*(?P<unit_two>{_UNIT})?)?"
)
# "层高3.5米" is the height of one storey.
_STOREY = re.compile(rf"层高\D?\s*{_NUMBER}\s*(?:m|米)?")
_TIMES = re.compile(rf"(\d+)\s*层?\s*[x×*]\s*({_NUMBER})\s*(?:m|米)?")
_HALF = re.compile(r"(?<=层)半")
_FLOOR_WORD = re.compile(r"层|楼|stor(?:ey|y|ies)|floor|level")
# What may stand around a bare number without changing what it says.
_FILL = re.compile(
    r"大约|约|高度|檐高|总高|高|左右|以上|以下|不足|超过|大于|小于|不低于|不超过|余|多|共|总|地上|地面|建筑|房屋|估|实测|测|为|是|近|至少|最高|平均|含|带|"
    r"阁楼|跃层|夹层|架空层|地下室|层数|层|楼|approx|about|circa|ca|est|height|h|[\s:=<>≤≥≈±~()\[\]/,;、+.。*-]"
)
_CHINESE = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
# Numerals inside words ("一般", "三里村") are no numbers: a unit, a sign or nothing has to follow.
_CHINESE_NUMBER = re.compile(r"([零〇一二两三四五六七八九十百]+)(?=\s*(?:米|公尺|厘米|公分|层|楼|至|到|[-~+/(),;、]|$))")
_WHOLE_WORDS = {"平房": "1层", "单层": "1层", "双层": "2层"}
# Notations of large-scale maps: 砖3, 砼18/-2 (structure and floors), -1/6 (below and above), G+3 (ground floor and three).
_STRUCTURE = re.compile(r"(?:砖混|混合|钢混|框架|框剪|砼|混|砖|钢|木|石|土|简|框)\s*(\d+)(?:\s*[/+-]\s*-?\d+)?")
_BELOW_ABOVE = re.compile(r"-\d+\s*/\s*(\d+)")
_GROUND_PLUS = re.compile(r"g\s*\+\s*(\d+)")
_ALIKE = str.maketrans({"′": "'", "’": "'", "‘": "'", "”": '"', "“": '"', "″": '"'})
# "6+1" are six floors and an attic; more than this behind the plus, and it is something else.
_MOST_ATTICS = 2.0


@dataclass
class _Said:
    """What a text says: metres with their unit, floors that call themselves so, numbers without a unit."""

    metres: list[float] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    below: bool = False
    sure: bool = True


def lengths(column: pd.Series, *, only_said: bool = False) -> Floats:
    """
    Read lengths in metres: "12m", "9,5", "1200 cm", "40 ft", "10-12米", "约十二米", "2层/6米" (6).

    Parameters
    ----------
    column
        Shape (n,), any dtype; numbers are metres.
    only_said
        Whether to take only text that names a unit of length, as for a column of floors.

    Returns
    -------
    array of float
        Shape (n,) [m]; NaN where there is no number, where the text counts floors alone, or where it is not understood.
    """
    if only_said and is_numeric(column):
        return np.full(len(column), np.nan)
    return by_word(column, lambda text: _length(text, only_said))


def floor_counts(column: pd.Series, *, only_said: bool = False) -> Floats:
    """
    Read floors above ground: "3层", "三层", "3F", "F3", "地上12层地下2层" (12), "6+1" (7, with the attic), "2-3层" (3).

    Parameters
    ----------
    column
        Shape (n,), any dtype.
    only_said
        Whether to take only text that says that it counts floors, as for a column of heights.

    Returns
    -------
    array of float
        Shape (n,); NaN where there is no number or the text is not understood.
    """
    if only_said and is_numeric(column):
        return np.full(len(column), np.nan)
    return by_word(column, lambda text: _count(text, only_said))


def heights_and_floors(height: pd.Series | None, floors: pd.Series | None, count: int) -> tuple[Floats, Floats]:
    """
    Read heights and floors from their two columns, each of which may say the other ("3层" as height, "2层/6米" as floors).

    Parameters
    ----------
    height, floors
        Shape (n,), or None where the source has no such column.
    count
        Number of buildings n.

    Returns
    -------
    height : array of float
        Shape (n,) [m]; metres that are stated win over floors.
    floors : array of float
        Shape (n,); both NaN where not said.
    """
    unknown = np.full(count, np.nan)
    metres = unknown if height is None else lengths(height)
    aside = unknown if floors is None else lengths(floors, only_said=True)
    storeys = unknown if floors is None else floor_counts(floors)
    said = unknown if height is None else floor_counts(height, only_said=True)
    return np.where(np.isnan(metres), aside, metres), np.where(storeys > 0, storeys, np.where(np.isnan(said), storeys, said))


def _length(text: str, only_said: bool) -> float:
    if _PLAIN.fullmatch(text):
        return np.nan if only_said else float(text)
    if times := _TIMES.fullmatch(text):
        return float(times[1]) * float(times[2])
    said = _read(text)
    if said.metres:
        return said.metres[0]
    if only_said or said.floors or said.below or not said.sure or len(said.bare) != 1:
        return np.nan
    return said.bare[0]


def _count(text: str, only_said: bool) -> float:
    if _PLAIN.fullmatch(text):
        return np.nan if only_said else _whole(float(text))
    if times := _TIMES.fullmatch(text):
        return float(times[1])
    said = _read(text)
    if said.floors:
        return _whole(said.floors[0])
    named = _FLOOR_WORD.search(text) is not None
    if not said.bare or (not named and (only_said or said.metres or not said.sure)):
        return np.nan
    # "1/6" is a floor of six, "6/1" six above and one below: the larger number counts those above ground
    return _whole(max(said.bare))


def _whole(floors: float) -> float:
    return float(np.ceil(floors)) if np.isfinite(floors) else np.nan


def _read(text: str) -> _Said:
    """Take a text apart into numbers and units."""
    text = _WHOLE_WORDS.get(text, text).translate(_ALIKE).replace("''", '"')
    if mapped := _STRUCTURE.fullmatch(text) or _BELOW_ABOVE.fullmatch(text):
        text = f"{mapped[1]}层"
    elif ground := _GROUND_PLUS.fullmatch(text):
        text = f"{int(ground[1]) + 1}层"
    text = _STOREY.sub("", with_points(text))
    if not re.search(r"\d", text):
        text = _CHINESE_NUMBER.sub(lambda found: str(_from_chinese(found[0])), text)
    said, end = _Said(), 0
    rest = []
    for part in _PART.finditer(text):
        between = text[end : part.start()]
        rest.append(between)
        end = part.end()
        _add(said, part, between.strip())
    rest.append(text[end:])
    if said.floors and _HALF.search(text):
        said.floors[0] += 0.5
    said.sure = not _FILL.sub("", "".join(rest))
    return said


def _add(said: _Said, part: re.Match[str], between: str) -> None:
    """Sort one number, or the middle of a range, by its unit; what follows a plus belongs to the floors before it."""
    unit = part["unit_two"] or part["unit_one"]
    value = float(part["one"]) if part["two"] is None else (float(part["one"]) + float(part["two"])) / 2.0
    counts = unit in _FLOORS or part["f"] is not None
    if part["under"]:
        said.below = True
    elif unit in _OTHER:
        return
    elif unit in _METRES:
        if said.metres and not between and _METRES[unit] == _INCHES:
            said.metres[-1] += value * _INCHES
        else:
            said.metres.append(value * _METRES[unit])
    elif between.startswith("+") and (said.floors or (said.bare and (counts or value <= _MOST_ATTICS))):
        said.floors = [(said.floors or said.bare)[-1] + value]
        said.bare = []
    elif counts:
        said.floors.append(value)
    else:
        said.bare.append(value)


def _from_chinese(text: str) -> int:
    """Read numerals below a thousand: 十二, 二十, 一百零三, and digits in a row, 一二."""
    if not re.search("[十百]", text):
        return int("".join(str(_CHINESE[c]) for c in text))
    total, digit = 0, 0
    for c in text:
        if c in "十百":
            total += (digit or 1) * (10 if c == "十" else 100)
            digit = 0
        else:
            digit = _CHINESE[c]
    return total + digit
