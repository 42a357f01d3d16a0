"""A customer's load from the file he has: 15-minute or hourly curves, days by 96 points, or monthly bills; what is wrong is told."""

import csv
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from solar.hours import MONTH
from solar.weather import HOURS, NOMINAL_YEAR

from .errors import StudyError

Floats = npt.NDArray[np.float64]
STEPS = {60: 1, 30: 2, 15: 4}
TIME_HEADS = ("时间", "日期", "时刻", "采集时间", "数据时间", "time", "date", "datetime", "timestamp", "local_time")
MONTH_HEADS = ("月份", "月", "账期", "抄表月份", "month")
POWER_HEADS = ("负荷", "功率", "有功功率", "有功", "总有功功率", "load", "power")
# …which name a curve of power and one of energy alike, so that a value every quarter of an hour needs its unit.
UNSURE_HEADS = ("负荷", "load")
ENERGY_HEADS = ("电量", "用电量", "总电量", "合计", "有功电量", "energy", "consumption", "use")
# kW or kWh in one of what the head says.
UNITS = {"万千瓦时": 1e4, "万kwh": 1e4, "万度": 1e4, "mwh": 1e3, "兆瓦时": 1e3, "kwh": 1.0, "千瓦时": 1.0, "度": 1.0}
# Money beside the use on a bill is no load.
MONEY = re.compile(r"(?<!单)元|电费|费用|金额|单价|电价|cny|rmb|yuan|cost|price|\bfees?\b")
POWERS = {"mw": 1e3, "兆瓦": 1e3, "kw": 1.0, "千瓦": 1.0, "w": 1e-3}
# A unit may follow the name without brackets (电量kWh).
NAMES = "|".join((*POWER_HEADS, *ENERGY_HEADS))
SIGNS = "|".join((*UNITS, *POWERS))


@dataclass(frozen=True)
class LoadYear:
    """A year of use: hours of the year [kW] or twelve bills [kWh], how it was told, and what its reader should know (code and numbers)."""

    kind: str
    hours: Floats
    notes: list[tuple[str, dict[str, object]]] = field(default_factory=list)


def read_load(path: Path) -> LoadYear:
    """
    Read a load file.

    Parameters
    ----------
    path
        CSV (UTF-8 or GB18030) or Excel.

    Returns
    -------
    LoadYear
        `kind` "curve" with `hours` (8760,) in local standard time, or "bills" with `hours` (12,) [kWh].

    Raises
    ------
    StudyError
        If the file is no whole year of numbers, has gaps or clock changes, or does not say kW or kWh where that matters.
    """
    frame = _table(path)
    heads = [_plain(name) for name in frame.columns]
    days = _day_rows(frame, heads, path.name)
    if days is not None:
        return days
    value = _value_column(frame, heads, path.name)
    numbers = _numbers(frame.iloc[:, value], path.name)
    factor, energy = _unit(heads[value])
    times = _times(frame, heads, value, path.name)
    if len(numbers) == 12:
        return _bills(frame, heads, numbers, factor, energy, path.name)
    if heads[value] in UNSURE_HEADS:
        energy = None
    if times is None:
        return _untimed(numbers, factor, energy, path.name)
    return _timed(times, numbers, factor, energy, path.name)


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise StudyError(f"{path.name}: there is no such load file; correct the path")
    excel = path.suffix.lower() in (".xlsx", ".xlsm", ".xls")
    try:
        frame = _sheet(path) if excel else _text_table(path)
    except (OSError, ValueError) as error:
        raise StudyError(f"{path.name}: cannot be read as CSV or Excel ({error}); save the load as CSV with one value a line") from error
    frame = frame.dropna(how="all").dropna(axis=1, how="all")
    if frame.empty:
        raise StudyError(f"{path.name}: holds nothing; expected a load curve or twelve bills")
    return _headed(_without_totals(frame), path.name)


def _sheet(path: Path) -> pd.DataFrame:
    frame = pd.read_excel(path, header=None, dtype=object)
    return frame.set_axis(frame.index + 1, axis=0)


def _headed(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """
    Put rows under their heads, each with its number in the file.

    Titles above the heads are skipped (their unit is kept), heads of two rows are joined.
    """
    at, unit = 0, ""
    while at < len(frame) - 1 and _is_title(frame.iloc[at]):
        for cell in frame.iloc[at].dropna():
            said = re.search(r"(?:单位|unit)[:：]?\s*([A-Za-z\u4e00-\u9fff]+)", unicodedata.normalize("NFKC", str(cell)), re.IGNORECASE)
            unit = said.group(1) if said else unit
        at += 1
    first = frame.iloc[at]
    if pd.to_numeric(first, errors="coerce").notna().any() and not any(isinstance(v, str) and _words(v) for v in first):
        heads, rest = [f"column {n + 1}" for n in range(frame.shape[1])], frame.iloc[at:]
    elif at + 2 < len(frame) and _goes_on(first, frame.iloc[at + 1]):
        heads, rest = [_joined(*pair) for pair in zip(first.ffill(), frame.iloc[at + 1].fillna(""), strict=True)], frame.iloc[at + 2 :]
    else:
        heads, rest = [str(head).strip() for head in first], frame.iloc[at + 1 :]
        if pd.isna(first.iloc[-1]) and pd.to_numeric(rest.iloc[:, -1], errors="coerce").notna().any():
            raise StudyError(
                f"{name}: row {rest.index[0]} has more values than there are heads; put numbers with a comma in quotes, or name each column"
            )
    heads = _with_unit(heads, unit, name)
    return rest.set_axis(heads, axis=1).dropna(axis=1, how="all")


def _with_unit(heads: list[str], unit: str, name: str) -> list[str]:
    """Heads with the unit told above the table, where no head says its own."""
    plain = [_plain(head) for head in heads]
    if not unit or any(head.endswith(")") and _unit(head)[1] is not None for head in plain):
        return heads
    if _plain(unit) not in {**UNITS, **POWERS}:
        raise StudyError(f"{name}: the unit {unit} above the table is not known; write kW or kWh in the head of the load")
    known = [_unit(head)[1] is not None for head in plain]
    meant = known if any(known) else [_bare(head) not in (*TIME_HEADS, *MONTH_HEADS) for head in plain]
    return [f"{head}({unit})" if of else head for head, of in zip(heads, meant, strict=True)]


def _is_title(row: pd.Series) -> bool:
    """Whether a row stands above the table: one cell of words across several columns, or what is written as 户号：…"""
    cells = [str(cell) for cell in row.dropna()]
    return (len(row) > 1 and len(cells) == 1 and _words(cells[0])) or any(re.match(r"[^\W\d]+\s*[:：]", cell) for cell in cells)


def _goes_on(upper: pd.Series, lower: pd.Series) -> bool:
    """Whether the row under the heads names what merged cells above leave open."""
    open_below = lower[upper.isna()].dropna()
    return len(open_below) > 0 and all(_words(str(cell)) and pd.isna(pd.to_numeric(str(cell), errors="coerce")) for cell in lower.dropna())


def _joined(upper: object, lower: object) -> str:
    above, below = str(upper).strip(), str(lower).strip()
    if not below:
        return above
    if _plain(below).strip("()") in {**UNITS, **POWERS}:
        return f"{above}({_plain(below).strip('()')})"
    return f"{below}·{above}"


def _without_totals(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows but those that sum up or remark on the others."""
    labels = frame.apply(lambda row: next((_plain(cell) for cell in row.dropna()), ""), axis=1)
    summed = labels.str.fullmatch(
        r"(?:全年|年度|本年|[一二三四1-4]季度|第[一二三四1-4]季度|上半年|下半年)?(?:合计|总计|小计|平均|均值|累计)|全年|total|sum|average|mean"
    )
    remark = labels.str.match(r"(?:注|备注|说明|制表|审核|填表)[^:：]{0,4}[:：]")
    late = np.arange(len(frame)) > 0
    return frame[~((summed | remark) & late)]


def _text_table(path: Path) -> pd.DataFrame:
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        sample = text.splitlines()[:5]
        # a sign in quotes, such as the comma of "324,407", parts nothing
        bare = [re.sub(r'"[^"]*"', "", line) for line in sample]
        mark = max((",", ";", "\t"), key=lambda sign: sum(line.count(sign) for line in bare))
        lines = {number: line for number, line in enumerate(text.splitlines(), 1) if line.strip(mark + " ")}
        rows = {number: next(csv.reader([line], delimiter=mark, skipinitialspace=True)) for number, line in lines.items()}
        width = max(map(len, rows.values()), default=0)
        cells = [[cell.strip() or None for cell in row] + [None] * (width - len(row)) for row in rows.values()]
        return pd.DataFrame(cells, index=list(rows), dtype=object)
    raise ValueError("neither UTF-8 nor GB18030")


def _words(text: str) -> bool:
    """Whether a cell reads as a head, not as a number or a time."""
    return bool(re.search(r"[^\W\d_]", text)) and pd.isna(pd.to_datetime(text, errors="coerce"))


def _plain(head: object) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", str(head)).strip().lower())


def _bare(head: str) -> str:
    """Head without its unit."""
    return re.sub(r"[(\[/].*$", "", head).rstrip("_:,")


def _unit(head: str) -> tuple[float, bool | None]:
    """Factor to kW or kWh, and whether it is energy; None where the head says neither."""
    inside = re.search(r"[(\[/_]([^)\]]+)[)\]]?$", head) or re.fullmatch(rf"(?:{NAMES})({SIGNS})", head)
    told = inside.group(1) if inside else head
    for units, energy in ((UNITS, True), (POWERS, False)):
        if told in units:
            return units[told], energy
    if _bare(head) in ENERGY_HEADS:
        return 1.0, True
    return 1.0, False if _bare(head) in POWER_HEADS else None


def _value_column(frame: pd.DataFrame, heads: list[str], name: str) -> int:
    money = {at for at, head in enumerate(heads) if MONEY.search(head)}
    told = [at for at, head in enumerate(heads) if _bare(head) in (*POWER_HEADS, *ENERGY_HEADS) or _unit(head)[1] is not None]
    known = [at for at in told if at not in money]
    if len(known) == 1:
        return known[0]
    if len(known) > 1:
        total = [at for at in known if _bare(heads[at]).split("·")[0] in ("总", "总电量", "合计", "总有功功率")]
        if len(total) == 1:
            return total[0]
        columns = ", ".join(str(frame.columns[at]) for at in known)
        raise StudyError(f"{name}: several columns could be the load ({columns}); keep the one that is meant")
    numeric = [at for at in range(frame.shape[1]) if pd.to_numeric(frame.iloc[:, at], errors="coerce").notna().mean() > 0.5]
    timelike = [at for at, head in enumerate(heads) if head in (*TIME_HEADS, *MONTH_HEADS)]
    left = [at for at in numeric if at not in timelike and at not in money]
    if len(left) == 2 and len(frame) == 12:  # a number of the month and a sum
        left = left[1:]
    if len(left) != 1:
        columns = ", ".join(map(str, frame.columns))
        raise StudyError(f"{name}: no column is known as the load ({columns}); name it 负荷(kW) or 电量(kWh), load (kW) or energy (kWh)")
    return left[0]


def _numbers(column: pd.Series, name: str) -> Floats:
    text = column.astype("string").str.replace(r",(?=\d{3}(?!\d))", "", regex=True).str.strip()
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        found = column.iloc[wrong[0]]
        shown = "nothing" if pd.isna(found) or str(found).strip() == "" else repr(str(found))
        raise StudyError(
            f"{name}: {wrong.size} values of the load are missing, the first in row {column.index[wrong[0]]} ({shown}); fill the gaps first"
        )
    if (values < 0.0).any():
        below = int(np.argmax(values < 0.0))
        raise StudyError(
            f"{name}: row {column.index[below]} holds {values[below]:g}; a load is 0 or more: give what is drawn from the grid, PV that "
            "stands added"
        )
    if not values.any():
        raise StudyError(f"{name}: every value is 0; expected a load")
    return values


def _times(frame: pd.DataFrame, heads: list[str], value: int, name: str) -> pd.DatetimeIndex | None:
    columns = [at for at in range(frame.shape[1]) if at != value and (_bare(heads[at]) in TIME_HEADS or _is_time(frame.iloc[:, at]))]
    if not columns:
        return None
    text = frame.iloc[:, columns[0]].astype("string").str.strip()
    for at in columns[1:]:
        text = text + " " + frame.iloc[:, at].astype("string").str.strip()
    text = text.str.replace("年", "-").str.replace("月", "-").str.replace("日", "").str.replace("/", "-")
    offsets = text.str.extract(r":\d{2}(?:\.\d+)?\s*(Z|UTC|[+-]\d{2}:?\d{2})$")[0]
    if offsets.notna().any():
        said = sorted(set(offsets.dropna()))
        if len(said) > 1 or said[0].strip("+-:0") in ("Z", "UTC", ""):
            raise StudyError(f"{name}: the times are in {' and '.join(said)}; give the load in the local standard time all year round")
        text = text.str.slice(stop=-len(said[0])).str.strip()
    late = text.str.contains(r"\b24:00")  # the end of a day
    text = text.str.replace(r"\b24:00(:00)?", "00:00", regex=True)
    short = text.str.match(r"^\d{1,2}-\d{1,2}\D").fillna(False)
    text = text.where(~short, f"{NOMINAL_YEAR}-" + text)
    read = pd.to_datetime(text, errors="coerce", format="mixed")
    if read.isna().any():
        return None
    return pd.DatetimeIndex(read + pd.to_timedelta(late.astype("int64"), unit="D"))


def _is_time(column: pd.Series) -> bool:
    head = column.dropna().astype("string").head(3)
    return bool(len(head)) and bool(head.str.contains(r"\d[-/:年]\d", regex=True).all())


def _bills(frame: pd.DataFrame, heads: list[str], numbers: Floats, factor: float, energy: bool | None, name: str) -> LoadYear:
    if energy is False:
        raise StudyError(f"{name}: twelve values in kW; monthly bills are energies: write 电量(kWh) or energy (kWh) over them")
    at = next((n for n, head in enumerate(heads) if _bare(head) in MONTH_HEADS), None)
    order = np.arange(12)
    if at is not None:
        text = frame.iloc[:, at].astype("string")
        months = pd.to_numeric(text.str.extract(r"(\d{1,2})\D*$")[0], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        if sorted(months) != list(range(1, 13)):
            raise StudyError(f"{name}: the bills are for months {', '.join(f'{m:g}' for m in months)}; expected each of 1 to 12 once")
        order = np.argsort(months)
    return LoadYear("bills", numbers[order] * factor)


def _untimed(numbers: Floats, factor: float, energy: bool | None, name: str) -> LoadYear:
    lengths = {days * 24 * part: (days, part) for days in (365, 366) for part in (1, 2, 4)}
    if len(numbers) not in lengths:
        raise StudyError(
            f"{name}: {len(numbers)} values; expected 12 bills or a whole year: 8,760 hours, 35,040 quarter hours (8,784 or 35,136 in a "
            "leap year)"
        )
    days, part = lengths[len(numbers)]
    return _curve(numbers.reshape(days, 24 * part), part, factor, energy, name, [])


def _timed(times: pd.DatetimeIndex, numbers: Floats, factor: float, energy: bool | None, name: str) -> LoadYear:
    order = np.argsort(times.to_numpy(), kind="stable")
    at, values = times[order], numbers[order]
    step = pd.Series(np.diff(at.to_numpy()) / np.timedelta64(1, "m"))
    usual = int(step.mode().iloc[0]) if len(step) else 0
    if usual not in STEPS:
        raise StudyError(f"{name}: a value every {usual} minutes; expected every 15, 30 or 60")
    minutes: Floats = np.asarray(step, dtype=np.float64)
    _no_jumps(at, minutes, usual, name)
    part = STEPS[usual]
    notes: list[tuple[str, dict[str, object]]] = []
    if len(at) not in (HOURS * part, 8784 * part):
        raise StudyError(f"{name}: {len(at)} values from {at[0]:%Y-%m-%d %H:%M} to {at[-1]:%Y-%m-%d %H:%M}; expected one whole year")
    if at[0].minute == usual % 60 and at[0].hour == usual // 60:  # stamps at the end of the interval
        at = at - pd.Timedelta(minutes=usual)
        notes.append(("load_stamps_end", {"minutes": usual}))
    leap = (at.month == 2) & (at.day == 29)
    if leap.any():
        at, values = at[~leap], values[~leap]
        notes.append(("load_leap_day", {}))
    place = (at.day_of_year - (at.is_leap_year & (at.month > 2)).astype(np.int64) - 1) * 24 * part + (at.hour * 60 + at.minute) // usual
    filled = np.bincount(np.asarray(place, dtype=np.int64), minlength=HOURS * part)
    if len(filled) != HOURS * part or (filled != 1).any():
        raise StudyError(f"{name}: the times do not make one whole year of 365 days; expected twelve full months in a row")
    ordered = np.empty(HOURS * part)
    ordered[np.asarray(place, dtype=np.int64)] = values
    return _curve(ordered.reshape(365, 24 * part), part, factor, energy, name, notes)


def _no_jumps(at: pd.DatetimeIndex, step: Floats, usual: int, name: str) -> None:
    """Gaps, doubles, and the two together that a change of clocks leaves."""
    gaps, doubles = (np.flatnonzero(wrong).tolist() for wrong in (step > usual, step < usual))
    spring = [g for g in gaps if at[g].month in (3, 4) and step[g] - usual == 60]
    autumn = [d for d in doubles if at[d].month in (9, 10, 11)]
    if spring and autumn and len(gaps) == len(spring):
        raise StudyError(
            f"{name}: the clock jumps at {at[spring[0]]:%Y-%m-%d %H:%M} and {at[autumn[0]]:%Y-%m-%d %H:%M} (daylight-saving time); "
            "give the load in standard time all year round"
        )
    if gaps:
        missing = round(float((step[gaps] / usual - 1.0).sum()))
        raise StudyError(
            f"{name}: {missing} values are missing in {len(gaps)} gaps, the first after {at[gaps[0]]:%Y-%m-%d %H:%M}; fill the gaps first"
        )
    if doubles:
        raise StudyError(
            f"{name}: the time {at[doubles[0]]:%Y-%m-%d %H:%M} is there twice ({len(doubles)} such times); keep one value each"
        )


def _day_rows(frame: pd.DataFrame, heads: list[str], name: str) -> LoadYear | None:
    """Take a row a day with 24, 48 or 96 points, as metering systems export it."""
    numeric = [at for at in range(frame.shape[1]) if pd.to_numeric(frame.iloc[:, at], errors="coerce").notna().mean() > 0.9]
    if len(numeric) not in (24, 48, 96):
        return None
    if len(frame) not in (365, 366):
        raise StudyError(f"{name}: {len(frame)} days of {len(numeric)} points; expected 365 or 366")
    values = np.stack([_numbers_or_zero(frame.iloc[:, at], name) for at in numeric], axis=1)
    said = [_unit(heads[at]) for at in numeric]
    factor, energy = next((unit for unit in said if unit[1] is not None), (1.0, False))
    return _curve(values, len(numeric) // 24, factor, energy, name, [("load_day_rows", {"points": len(numeric)})])


def _numbers_or_zero(column: pd.Series, name: str) -> Floats:
    """As `_numbers`, but a point of the day may be 0 all year."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isfinite(values).all() or (values < 0.0).any():
        row = column.index[int(np.argmax(~np.isfinite(values) | (values < 0.0)))]
        raise StudyError(f"{name}: column {column.name}, row {row} is missing or below 0; fill the gaps first")
    return values


def _curve(days: Floats, part: int, factor: float, energy: bool | None, name: str, notes: list[tuple[str, dict[str, object]]]) -> LoadYear:
    flat = days.ravel()
    steps = np.diff(flat)
    if flat[-1] > flat[0] and flat[-1] > 100.0 * float(np.abs(steps).mean()) and (steps >= 0.0).all():
        raise StudyError(f"{name}: the values only ever rise, as a meter's reading (示数) does; give the use of each interval instead")
    if energy is None and part > 1:
        total = float(flat.sum()) * factor / 1e3
        raise StudyError(
            f"{name}: a value every {60 // part} minutes without a unit; 负荷(kW) and 电量(kWh) differ by {part} times, here "
            f"{total / part:,.0f} or {total:,.0f} MWh a year: write the one that fits the bills in the head"
        )
    if energy is None:
        notes = [*notes, ("load_unit_assumed", {})]
    kept = np.delete(days, 59, axis=0) if len(days) == 366 else days
    if len(days) == 366:
        notes = [*notes, ("load_leap_day", {})]
    hourly = kept.reshape(HOURS, part)
    hours = np.asarray((hourly.sum(axis=1) if energy else hourly.mean(axis=1)) * factor, dtype=np.float64)
    if part > 1:
        # what the other unit would make of it: each value counts for a quarter of an hour, or is what a quarter of an hour uses
        year, peak, other = float(hours.sum()) / 1e3, float(hours.max()), 1.0 / part if energy else float(part)
        said: dict[str, object] = {"minutes": 60 // part, "mwh": year, "peak": peak, "other_mwh": year * other, "other_peak": peak * other}
        notes = [*notes, ("load_as_energy" if energy else "load_as_power", said)]
    return LoadYear("curve", hours, notes)


def lay_bills(bills: Floats, shape: Floats) -> Floats:
    """
    Lay twelve bills over the hours by a shape of use.

    Parameters
    ----------
    bills
        Use of January to December, shape (12,) [kWh].
    shape
        Relative use of the hours, shape (8760,).

    Returns
    -------
    array
        Shape (8760,) [kWh]; every month adds up to its bill.

    Raises
    ------
    StudyError
        If the class has no shape.
    """
    if not shape.any():
        raise StudyError("bills can only be laid over the hours of a known class of use; give --use, or an hourly load")
    month = np.bincount(MONTH - 1, weights=shape, minlength=12)
    return np.asarray(shape * (bills / month)[MONTH - 1], dtype=np.float64)
