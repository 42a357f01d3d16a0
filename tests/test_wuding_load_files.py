"""Load files as customers have them: read right, or refused with what is wrong and where."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from solar.hours import MONTH
from solar.weather import HOURS
from wuding.errors import StudyError
from wuding.load_files import lay_bills, read_load

HOURLY = 100.0 + 50.0 * np.sin(np.arange(HOURS) * 2.0 * np.pi / 24.0)


def times(year: int = 2023, minutes: int = 60, end: bool = False) -> pd.DatetimeIndex:
    first = pd.Timestamp(f"{year}-01-01") + (pd.Timedelta(minutes=minutes) if end else pd.Timedelta(0))
    return pd.date_range(first, periods=(366 if year % 4 == 0 else 365) * 24 * 60 // minutes, freq=f"{minutes}min")


def write(path: Path, stamps: list[str] | None, values: np.ndarray, head: str, encoding: str = "utf-8-sig", time: str = "时间") -> Path:
    lines = [head] if stamps is None else [f"{time},{head}"]
    lines += [f"{v:.6f}" for v in values] if stamps is None else [f"{t},{v:.6f}" for t, v in zip(stamps, values, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def stamped(found: pd.DatetimeIndex, pattern: str = "%Y-%m-%d %H:%M") -> list[str]:
    return list(found.strftime(pattern))


@pytest.mark.parametrize(
    ("encoding", "pattern"), [("utf-8-sig", "%Y-%m-%d %H:%M"), ("gb18030", "%Y/%m/%d %H:%M"), ("utf-8", "%Y年%m月%d日 %H:%M")]
)
def test_hours_with_chinese_heads(tmp_path: Path, encoding: str, pattern: str) -> None:
    file = write(tmp_path / "负荷.csv", stamped(times(), pattern), HOURLY, "有功功率(kW)", encoding)
    got = read_load(file)
    assert got.kind == "curve"
    assert got.hours == pytest.approx(HOURLY, abs=1e-6)


def test_quarter_hours_of_energy_and_of_power(tmp_path: Path) -> None:
    quarters = np.repeat(HOURLY, 4)
    stamps = stamped(times(minutes=15))
    power = read_load(write(tmp_path / "p.csv", stamps, quarters, "负荷（千瓦）"))
    energy = read_load(write(tmp_path / "e.csv", stamps, quarters / 4.0, "电量(kWh)"))
    assert power.hours == pytest.approx(HOURLY, abs=1e-5)
    assert energy.hours == pytest.approx(HOURLY, abs=1e-5)
    # 8,760 hours of 100 kW on the mean: 876 MWh, or 3,504 were each value the kWh of its quarter of an hour
    assert power.notes == [
        ("load_as_power", pytest.approx({"minutes": 15, "mwh": 876.0, "peak": 150.0, "other_mwh": 3504.0, "other_peak": 600.0}))
    ]
    assert energy.notes == [
        ("load_as_energy", pytest.approx({"minutes": 15, "mwh": 876.0, "peak": 150.0, "other_mwh": 219.0, "other_peak": 37.5}))
    ]
    for unsaid in ("数值", "负荷", "Load"):
        with pytest.raises(StudyError, match=r"differ by 4 times, here 876 or 3,504 MWh a year"):
            read_load(write(tmp_path / "u.csv", stamps, quarters, unsaid))
    assert read_load(write(tmp_path / "u.csv", stamps, quarters, "有功功率")).hours == pytest.approx(HOURLY, abs=1e-5)


def test_units_of_larger_size(tmp_path: Path) -> None:
    got = read_load(write(tmp_path / "mw.csv", None, HOURLY / 1e3, "load (MW)"))
    assert got.hours == pytest.approx(HOURLY, abs=1e-3)


def test_leap_year_ends_of_hours_and_a_year_from_july(tmp_path: Path) -> None:
    leap = read_load(write(tmp_path / "leap.csv", stamped(times(2024)), np.arange(8784) % 24 + 1.0, "load (kW)"))
    assert leap.hours == pytest.approx(np.arange(HOURS) % 24 + 1.0)
    ends = read_load(write(tmp_path / "ends.csv", stamped(times(end=True)), HOURLY, "load (kW)"))
    assert ends.hours == pytest.approx(HOURLY, abs=1e-6)
    assert [code for code, _ in ends.notes] == ["load_stamps_end"]
    july = pd.date_range("2022-07-01", periods=HOURS, freq="h")
    value = july.month * 10.0 + july.hour / 100.0
    turned = read_load(write(tmp_path / "july.csv", stamped(july), np.asarray(value), "load (kW)"))
    assert turned.hours == pytest.approx(MONTH * 10.0 + np.arange(HOURS) % 24 / 100.0)


def test_days_of_96_points(tmp_path: Path) -> None:
    table = pd.DataFrame(np.repeat(HOURLY, 4).reshape(365, 96), columns=[f"P{n}" for n in range(1, 97)])
    table.insert(0, "日期", pd.date_range("2023-01-01", periods=365).strftime("%Y-%m-%d"))
    table.to_excel(tmp_path / "96.xlsx", index=False)
    got = read_load(tmp_path / "96.xlsx")
    assert got.hours == pytest.approx(HOURLY)
    assert [code for code, _ in got.notes] == ["load_day_rows", "load_as_power"]


def test_bills_by_month_in_any_order(tmp_path: Path) -> None:
    lines = ["月份,用电量(万千瓦时)"] + [f"2023年{m}月,{m}" for m in (3, 1, 2, *range(4, 13))]
    (tmp_path / "bills.csv").write_text("\n".join(lines), encoding="gb18030")
    got = read_load(tmp_path / "bills.csv")
    assert got.kind == "bills"
    assert got.hours == pytest.approx(np.arange(1, 13) * 1e4)
    laid = lay_bills(got.hours, HOURLY)
    assert np.bincount(MONTH - 1, weights=laid) == pytest.approx(got.hours)


def test_gap_is_named(tmp_path: Path) -> None:
    stamps = stamped(times())
    del stamps[5000:5003]
    with pytest.raises(StudyError, match=r"3 values are missing in 1 gaps, the first after 2023-07-28 07:00"):
        read_load(write(tmp_path / "gap.csv", stamps, np.delete(HOURLY, slice(5000, 5003)), "load (kW)"))


def test_empty_cell_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "hole.csv", stamped(times()), HOURLY, "load (kW)")
    lines = file.read_text(encoding="utf-8-sig").split("\n")
    lines[100] = lines[100].split(",")[0] + ","
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(StudyError, match=r"1 values of the load are missing, the first in row 101"):
        read_load(file)


def test_rows_are_those_of_the_spreadsheet_below_titles_and_blanks(tmp_path: Path) -> None:
    rows = [["用电情况", None], [None, None], ["月份", "电量(kWh)"], *([m, -1 if m == 7 else 5] for m in range(1, 13))]
    pd.DataFrame(rows).to_excel(tmp_path / "bills.xlsx", index=False, header=False)
    (tmp_path / "bills.csv").write_text("\n".join(",".join("" if c is None else str(c) for c in row) for row in rows), encoding="utf-8")
    for name in ("bills.xlsx", "bills.csv"):
        with pytest.raises(StudyError, match="row 10 holds -1"):
            read_load(tmp_path / name)


def test_daylight_saving_is_recognised(tmp_path: Path) -> None:
    local = pd.date_range("2023-01-01", periods=HOURS + 1, freq="h", tz="America/New_York", inclusive="left")[:HOURS]
    clock = local.tz_localize(None)
    with pytest.raises(StudyError, match="daylight-saving time"):
        read_load(write(tmp_path / "dst.csv", stamped(clock), HOURLY, "load (kW)"))


@pytest.mark.parametrize(
    ("values", "head", "said"),
    [
        (HOURLY[:8000], "load (kW)", "8000 values; expected 12 bills or a whole year"),
        (np.cumsum(HOURLY), "电量(kWh)", "示数"),
        (np.where(np.arange(HOURS) == 7, -1.0, HOURLY), "load (kW)", "row 9 holds -1"),
        (np.zeros(HOURS), "load (kW)", "every value is 0"),
    ],
)
def test_what_is_no_load_is_refused(tmp_path: Path, values: np.ndarray, head: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        read_load(write(tmp_path / "bad.csv", None, values, head))


def test_bills_in_kilowatts_and_missing_months_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="monthly bills are energies"):
        read_load(write(tmp_path / "kw.csv", None, np.arange(1.0, 13.0), "负荷(kW)"))
    lines = ["月份,电量(kWh)"] + [f"{m},5" for m in (1, 1, *range(3, 13))]
    (tmp_path / "twice.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(StudyError, match="each of 1 to 12 once"):
        read_load(tmp_path / "twice.csv")
    with pytest.raises(StudyError, match="no such load file"):
        read_load(tmp_path / "none.csv")


def test_two_columns_that_could_be_the_load(tmp_path: Path) -> None:
    table = pd.DataFrame({"时间": stamped(times()), "负荷(kW)": HOURLY, "无功(kW)": HOURLY})
    table.to_csv(tmp_path / "two.csv", index=False, encoding="utf-8")
    with pytest.raises(StudyError, match="several columns could be the load"):
        read_load(tmp_path / "two.csv")


USES = np.arange(1.0, 13.0) * 1000.0
MONTHS = [f"{month}月,{use:.0f}" for month, use in enumerate(USES, 1)]


@pytest.mark.parametrize(
    ("above", "below", "factor"),
    [
        (["某厂2023年电费清单,", "月份,电量(kWh)"], ["合计,78000"], 1.0),
        (["电费清单,", "户号：0001,户名：某厂", "月份,电量"], ["全年合计,78000", "平均,6500"], 1.0),
        (["电费清单,单位：万千瓦时", "月份,电量"], ["总计,78000", "注：含线损,"], 1e4),
        (["电费清单,单位：万千瓦时", "月份,本月"], ["总计,78000"], 1e4),
        (["电费清单,单位：万元", "月份,电量(kWh)"], ["总计,78000"], 1.0),
        (["month,energy (kWh)"], ["Total,78000"], 1.0),
    ],
)
def test_titles_and_totals_of_a_bill_are_no_months(tmp_path: Path, above: list[str], below: list[str], factor: float) -> None:
    file = tmp_path / "bills.csv"
    file.write_text("\n".join([*above, *MONTHS, *below]) + "\n", encoding="gb18030")
    got = read_load(file)
    assert got.kind == "bills"
    assert got.hours == pytest.approx(USES * factor)


def test_sums_of_the_quarters_are_no_months(tmp_path: Path) -> None:
    rows = ["月份,电量(kWh)"]
    for quarter in range(4):
        rows += [*MONTHS[3 * quarter : 3 * quarter + 3], f"{quarter + 1}季度小计,{USES[3 * quarter : 3 * quarter + 3].sum():.0f}"]
    file = tmp_path / "bills.csv"
    file.write_text("\n".join(rows), encoding="utf-8")
    assert read_load(file).hours == pytest.approx(USES)


def test_merged_heads_of_a_workbook(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [["2023年电费", None, None, None], ["月份", "电量(kWh)", None, None], [None, "峰", "谷", "合计"]]:
        sheet.append(row)
    for month, use in enumerate(USES, 1):
        sheet.append([f"{month}月", use * 0.6, use * 0.4, use])
    sheet.append(["合计", 46800, 31200, 78000])
    for cells in ("A1:D1", "B2:D2", "A2:A3"):
        sheet.merge_cells(cells)
    book.save(tmp_path / "bills.xlsx")
    got = read_load(tmp_path / "bills.xlsx")
    assert got.kind == "bills"
    assert got.hours == pytest.approx(USES)


def test_unknown_unit_above_the_table_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bills.csv"
    file.write_text("\n".join(["电费清单,单位：万元", "月份,电量", *MONTHS]), encoding="utf-8")
    with pytest.raises(StudyError, match="unit 万元 above the table"):
        read_load(file)


def _bills(tmp_path: Path, head: str, row: str) -> Path:
    path = tmp_path / "bills.csv"
    path.write_text("\n".join([head, *(row.format(m=month) for month in range(1, 13))]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("月份,用电量(度)", '{m},"324,407"'),
        ("月份,用电量(kWh),合计(元)", "{m},324407,99999.5"),
        ("月份,用电量,电费", "{m},324407,99999.5"),
        ("月份,电量kWh", "{m},324407"),
        ("月份,计费电量(kWh),备注", "{m},324407,"),
    ],
)
def test_commas_in_quotes_and_money_beside_the_use(tmp_path: Path, head: str, row: str) -> None:
    assert read_load(_bills(tmp_path, head, row)).hours == pytest.approx(np.full(12, 324407.0))


@pytest.mark.parametrize(
    ("head", "row", "said"),
    [
        ("月份,电费(元)", "{m},99999.5", "no column is known as the load"),
        ("月份,用电量(kWh)", "{m},324,407", "row 2 has more values than there are heads"),
        ("month;energy (kWh)", "{m};324407,5", r"row 2 \('324407,5'\)"),
    ],
)
def test_bills_that_would_be_read_wrong_are_refused(tmp_path: Path, head: str, row: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        read_load(_bills(tmp_path, head, row))


@pytest.mark.parametrize(("zone", "said"), [("America/New_York", "-04:00 and -05:00"), ("UTC", "in [+]00:00"), ("Asia/Shanghai", None)])
def test_times_with_offsets(tmp_path: Path, zone: str, said: str | None) -> None:
    times = pd.date_range("2025-01-01", "2026-01-01", freq="h", tz=zone, inclusive="left")
    path = tmp_path / "offsets.csv"
    pd.DataFrame({"time": [time.isoformat() for time in times], "load (kW)": np.arange(8760) % 24 + 1.0}).to_csv(path, index=False)
    if said is None:
        assert read_load(path).hours[:24] == pytest.approx(np.arange(24) + 1.0)
    else:
        with pytest.raises(StudyError, match=said):
            read_load(path)
