"""Weather files, measured stamps and the climatology."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib
import pytest

from solar.climatology import JINAN_LATITUDE, JINAN_LONGITUDE, jinan_climatology, jinan_monthly_ghi
from solar.errors import SolarError
from solar.stamps import measure_stamp_offset
from solar.standard_time import standard_time
from solar.weather import Weather, read_weather
from solar.weather_formats import read_file
from solar.weather_year import one_year

DATA = Path(os.environ.get("WUDING_DATA", Path(__file__).parents[2] / "shared" / "data")) / "weather"
SHANGHAI = DATA / "Shanghai-Hongqiao_1956_2023_TMYx.epw"
PVGIS_EPW = DATA / "tmy_45.000_8.000_2005_2023.epw"
PVGIS_CSV = DATA / "tmy_45.000_8.000_2005_2023.csv"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="shared weather files are absent (WUDING_DATA)")


def clear_year(offset: float, zone: str = "Etc/GMT-8") -> pd.DataFrame:
    """A year that closes exactly with the sun at label + offset, cloudy on two days of three."""
    labels = pd.date_range("2023-01-01", periods=8760, freq="h", tz=zone)
    sun = pvlib.solarposition.get_solarposition(labels + pd.Timedelta(hours=offset), 36.0, 117.0)
    cosz = np.maximum(np.cos(np.radians(sun["zenith"].to_numpy())), 0.0)
    cloud = np.where(labels.day_of_year % 3 == 0, 1.0, 0.2)
    dni = np.where(cosz > 0, 800.0 * cloud, 0.0)
    dhi = 150.0 * cosz**0.5
    return pd.DataFrame({"ghi": dhi + dni * cosz, "dni": dni, "dhi": dhi, "temp_air": 10.0, "wind_speed": 2.0}, index=labels)


def write_epw(path: Path, frame: pd.DataFrame, rows: int | None = None) -> Path:
    """An EPW file by hand: eight lines of header, hours 1 to 24."""
    head = ["LOCATION,Testville,-,CHN,made,0,36.0,117.0,8,50"] + [f"COMMENT {i}" for i in range(7)]
    lines = []
    for t, row in zip(frame.index, frame.itertuples(), strict=True):
        radiation = f"{row.ghi:.2f},{row.dni:.2f},{row.dhi:.2f}"
        lines.append(
            f"{t.year},{t.month},{t.day},{t.hour + 1},0,x,{row.temp_air},0,50,101325,0,0,300,{radiation},0,0,0,0,180,{row.wind_speed},"
            "0,0,10,77777,9,999999999,10,0.1,0,88,0.2,0,0"
        )
    path.write_text("\n".join(head + lines[:rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("offset", [-1.2, -0.5, 0.0, 0.176, 0.5, 1.3])
def test_stamp_offset_of_a_made_year_is_found(offset: float) -> None:
    year = clear_year(offset)
    found = measure_stamp_offset(pd.DatetimeIndex(year.index), year.ghi, year.dni, year.dhi, 36.0, 117.0)
    assert found.by == "closure"
    # closure is exact by construction; 0.01 h covers the declination's drift within the offset
    assert found.hours == pytest.approx(offset, abs=0.01)
    # cosine of the zenith is symmetric about noon: the second, independent measure sees the same within an hour's sampling
    assert found.symmetry_hours == pytest.approx(offset, abs=0.05)


def test_without_beam_clear_days_tell_and_without_clear_days_the_convention() -> None:
    year = clear_year(0.0)
    index = pd.DatetimeIndex(year.index)
    clear = measure_stamp_offset(index, year.ghi, 0.0 * year.dni, year.ghi, 36.0, 117.0)
    assert clear.by == "symmetry"
    assert clear.hours == pytest.approx(0.0, abs=0.05)  # by construction; 3 minutes as for the shared files
    dark = measure_stamp_offset(index, 0.4 * year.ghi, 0.0 * year.dni, 0.4 * year.ghi, 36.0, 117.0)
    assert (dark.by, dark.hours) == ("convention", 0.5)
    assert "only 0 rows with beam" in dark.why


@needs_data
@pytest.mark.parametrize(("path", "expected"), [(SHANGHAI, 0.0), (PVGIS_CSV, 0.176), (PVGIS_EPW, 1.176)])
def test_global_light_alone_tells_the_offset_of_the_shared_files(path: Path, expected: float) -> None:
    file = read_file(path)
    frame, labels, _ = one_year(path.name, file.frame)
    none = np.full(len(frame), np.nan)
    found = measure_stamp_offset(labels, frame["ghi"], none, none, file.latitude, file.longitude)
    assert found.by == "symmetry"
    assert found.hours == pytest.approx(expected, abs=0.05)


@needs_data
@pytest.mark.parametrize(("path", "expected"), [(SHANGHAI, 0.0), (PVGIS_CSV, 0.176), (PVGIS_EPW, 1.176)])
def test_stamp_offset_of_shared_files(path: Path, expected: float) -> None:
    # expected: PVGIS states 0.1761 h itself, its EPW adds a wrong zone of one hour; Shanghai's sun stands at pvlib's label. 3 minutes.
    assert read_weather(path).stamp_offset_h == pytest.approx(expected, abs=0.05)


@needs_data
def test_one_year_in_two_formats_is_one_weather() -> None:
    epw, csv = read_weather(PVGIS_EPW), read_weather(PVGIS_CSV)
    assert abs(epw.data.index - csv.data.index).max() <= pd.Timedelta(minutes=1)
    np.testing.assert_allclose(epw.data[["ghi", "dni", "dhi"]], csv.data[["ghi", "dni", "dhi"]], atol=0.01)
    assert (epw.latitude, epw.longitude, epw.altitude, epw.utc_offset) == (csv.latitude, csv.longitude, csv.altitude, csv.utc_offset)


@needs_data
def test_shanghai_has_its_published_irradiation_and_says_where_the_header_is_wrong() -> None:
    weather = read_weather(SHANGHAI)
    assert weather.ghi_kwh_m2 == pytest.approx(1471, abs=1)  # data/README.md
    assert any("convention" in note for note in weather.notes)


def test_epw_with_a_leap_day_reads_as_8760_hours(tmp_path: Path) -> None:
    labels = pd.date_range("2024-01-01", periods=8784, freq="h", tz="Etc/GMT-8")
    year = clear_year(0.5).iloc[np.minimum(np.arange(8784), 8759)].set_axis(labels)
    weather = read_weather(write_epw(tmp_path / "leap.epw", year))
    assert len(weather.data) == 8760
    assert any("29 February" in note for note in weather.notes)


def test_gaps_and_impossible_values_are_told(tmp_path: Path) -> None:
    year = clear_year(0.5)
    year.iloc[100:103, year.columns.get_loc("temp_air")] = 99.9
    year.iloc[12, year.columns.get_loc("ghi")] = 2000.0
    weather = read_weather(write_epw(tmp_path / "gaps.epw", year))
    assert weather.data["temp_air"].iloc[101] == pytest.approx(10.0)
    assert any("temp_air: 3 missing" in n for n in weather.notes)
    assert any("ghi: 1 values outside" in n for n in weather.notes)


def test_gaps_in_the_light_are_filled_from_the_days_around_and_light_no_night(tmp_path: Path) -> None:
    year = clear_year(0.5)
    light = ["ghi", "dni", "dhi"]
    broken = year.copy()
    broken.iloc[4236:4272, [year.columns.get_loc(c) for c in light]] = 9999.0  # 36 hours from noon
    broken.iloc[993:1001, year.columns.get_loc("dni")] = 9999.0
    weather = read_weather(write_epw(tmp_path / "noon.epw", broken))
    # a day's light lies between those of the days before and after: every third is clear, the others have a fifth of the beam
    before, found, after = (weather.data[light].to_numpy()[first : first + 36] for first in (4236 - 48, 4236, 4236 + 48))
    assert (found[year["ghi"].to_numpy()[4236:4272] == 0.0] < 5.0).all()
    assert found.sum() == pytest.approx((before.sum() + after.sum()) / 2.0, rel=0.35)
    assert weather.quality["night_hours"] == 0.0
    # where only the beam lacks the closure gives it back: by day, with refraction, which the made year does not have
    np.testing.assert_allclose(weather.data["dni"].to_numpy()[993:1001], year["dni"].to_numpy()[993:1001], rtol=0.01)
    assert any("ghi: 36 missing values interpolated from the same hour" in n for n in weather.notes)
    assert any("DNI missing in 8 hours" in n for n in weather.notes)


def test_light_that_does_not_close_is_told_in_numbers(tmp_path: Path) -> None:
    year = clear_year(0.5)
    weather = read_weather(write_epw(tmp_path / "half_beam.epw", year.assign(dni=year["dni"] * 0.5)))
    assert any("do not close at any offset" in n for n in weather.notes)
    assert any("do not fit together (closure" in n for n in weather.notes)


def test_missing_components_come_from_a_decomposition_and_are_told(tmp_path: Path) -> None:
    year = clear_year(0.5)
    year[["dni", "dhi"]] = 9999.0
    weather = read_weather(write_epw(tmp_path / "ghi_only.epw", year))
    assert weather.stamp_offset_h == pytest.approx(0.5, abs=0.05)
    assert any("Erbs-Driesse" in n for n in weather.notes)
    assert any("symmetry of clear days" in n for n in weather.notes)
    np.testing.assert_allclose(weather.data["ghi"], year["ghi"], atol=0.01)


@pytest.mark.parametrize(
    ("text", "message"),
    [("hello,world\n1,2\n", "expected EPW"), ("LOCATION,a\nrubbish\n", "cannot be read"), ("", "expected EPW"), (None, "cannot be opened")],
)
def test_broken_files_say_what_is_wrong(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "broken.epw"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(SolarError, match=message):
        read_weather(path)


def test_half_a_year_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SolarError, match="expected 8760"):
        read_weather(write_epw(tmp_path / "half.epw", clear_year(0.5), rows=4000))


def test_weather_refuses_a_place_off_the_earth() -> None:
    weather = jinan_climatology()
    with pytest.raises(SolarError, match="not on Earth"):
        Weather("x", 117.0, 36.0, 0.0, weather.data, 8.0, "x", False, False, None)


def test_climatology_has_the_monthly_sums_it_was_made_from() -> None:
    weather = jinan_climatology()
    months = np.bincount(weather.month - 1, weights=weather.data["ghi"]) / 1000.0
    np.testing.assert_allclose(months, jinan_monthly_ghi(), rtol=1e-3)  # asked for: 0.1 %
    assert 1400 <= weather.ghi_kwh_m2 <= 1450
    assert weather.climatology
    assert not weather.verified


def test_climatology_has_dark_and_clear_days_and_closes() -> None:
    weather = jinan_climatology()
    daily = weather.data["ghi"].to_numpy().reshape(365, 24).sum(axis=1)
    july = daily[181:212]
    assert july.max() > 3 * july.min()
    sun = pvlib.solarposition.get_solarposition(weather.sun, JINAN_LATITUDE, JINAN_LONGITUDE, altitude=weather.altitude)
    beam = weather.data["dni"] * np.cos(np.radians(sun["apparent_zenith"].to_numpy()))
    closure = weather.data["ghi"] - weather.data["dhi"] - beam
    assert abs(closure).max() < 1e-6
    # Chinese plains: half of the light is diffuse (0.45 to 0.60 in published maps)
    assert 0.45 < weather.data["dhi"].sum() / weather.data["ghi"].sum() < 0.60


def test_climatology_is_the_same_every_time() -> None:
    pd.testing.assert_frame_equal(jinan_climatology().data, jinan_climatology().data, check_exact=True)


@pytest.mark.parametrize(
    ("latitude", "longitude", "hours"), [(36.65, 117.0, 8), (34.3, 108.9, 8), (43.8, 87.6, 8), (40.7, -74.0, -5), (57.7, 12.0, 1)]
)
def test_the_clock_of_a_place(latitude: float, longitude: float, hours: float) -> None:
    # Jinan, Xi'an and Urumqi have Beijing time; New York and Gothenburg the zone of their longitude
    assert standard_time(latitude, longitude) == hours
