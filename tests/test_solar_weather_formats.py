"""One made year written in every format reads as the same weather; faults of files are told."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib
import pytest

from solar.errors import SolarError
from solar.sunrise import lit_middle
from solar.weather import Weather, read_weather
from solar.weather_formats import read_file

LATITUDE, LONGITUDE, ALTITUDE = 36.0, 117.0, 50.0
MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def year(offset: float = 0.5, zone: str = "Etc/GMT-8", freq: str = "h") -> pd.DataFrame:
    """A year that closes with the sun at label + offset; clear one day of three."""
    labels = pd.date_range("2023-01-01", "2024-01-01", freq=freq, tz=zone, inclusive="left")
    sun = pvlib.solarposition.get_solarposition(labels + pd.Timedelta(hours=offset), LATITUDE, LONGITUDE, altitude=ALTITUDE)
    cosz = np.maximum(np.cos(np.radians(sun["apparent_zenith"].to_numpy())), 0.0)
    dni = np.where(cosz > 0, 700.0 * np.where(labels.day_of_year % 3 == 0, 1.0, 0.2), 0.0)
    dhi = 120.0 * cosz**0.5
    air = 15.0 - 12.0 * np.cos(2 * np.pi * (labels.day_of_year - 20) / 365)
    made = {"ghi": dhi + dni * cosz, "dni": dni, "dhi": dhi, "temp_air": air, "wind_speed": 2.0, "relative_humidity": 50.0}
    return pd.DataFrame(made, index=labels).round(3)


def write_tmy3(path: Path) -> Path:
    """TMY3: labels end the hours, 01:00 to 24:00."""
    frame = year()
    lines = [f"724699,TESTVILLE,CO,8.0,{LATITUDE},{LONGITUDE},{ALTITUDE}"]
    lines.append("Date (MM/DD/YYYY),Time (HH:MM),GHI (W/m^2),DNI (W/m^2),DHI (W/m^2),Dry-bulb (C),Wspd (m/s),RHum (%)")
    for t, r in zip(frame.index, frame.itertuples(), strict=True):
        lines.append(f"{t:%m/%d/1998},{t.hour + 1:02d}:00,{r.ghi},{r.dni},{r.dhi},{r.temp_air},{r.wind_speed},{r.relative_humidity}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def pvgis_rows() -> pd.DataFrame:
    """PVGIS in UTC: its first hour is 08:00 of our zone, so the last eight come first."""
    frame = year(0.1761).tz_convert("UTC")
    return frame.set_index(frame.index.map(lambda t: t.replace(year=2018))).sort_index()


def write_pvgis_csv(path: Path) -> Path:
    lines = [f"Latitude (decimal degrees): {LATITUDE}", f"Longitude (decimal degrees): {LONGITUDE}", f"Elevation (m): {ALTITUDE}"]
    lines += ["Irradiance Time Offset (h): 0.1761", "month,year", *(f"{m},2018" for m in range(1, 13))]
    lines.append("time(UTC),T2m,RH,G(h),Gb(n),Gd(h),IR(h),WS10m,WD10m,SP")
    for t, r in zip(pvgis_rows().index, pvgis_rows().itertuples(), strict=True):
        lines.append(f"{t:%Y%m%d:%H%M},{r.temp_air},{r.relative_humidity},{r.ghi},{r.dni},{r.dhi},300,{r.wind_speed},180,101325")
    path.write_text("\n".join([*lines, "", "T2m: 2-m air temperature"]) + "\n", encoding="utf-8")
    return path


def write_pvgis_json(path: Path) -> Path:
    rows = [
        {"time(UTC)": f"{t:%Y%m%d:%H%M}", "T2m": r.temp_air, "RH": r.relative_humidity, "G(h)": r.ghi, "Gb(n)": r.dni, "Gd(h)": r.dhi,
         "IR(h)": 300.0, "WS10m": r.wind_speed, "WD10m": 180.0, "SP": 101325.0}
        for t, r in zip(pvgis_rows().index, pvgis_rows().itertuples(), strict=True)
    ]  # fmt: skip
    place = {"latitude": LATITUDE, "longitude": LONGITUDE, "elevation": ALTITUDE, "irradiance_time_offset": 0.1761}
    content = {"inputs": {"location": place}, "outputs": {"months_selected": [], "tmy_hourly": rows}, "meta": {"inputs": {}, "outputs": {}}}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_power_json(path: Path) -> Path:
    frame = year().tz_convert("UTC")
    keys = [f"{t:%m%d%H}" for t in frame.index]
    names = {"ALLSKY_SFC_SW_DWN": "ghi", "ALLSKY_SFC_SW_DNI": "dni", "ALLSKY_SFC_SW_DIFF": "dhi", "T2M": "temp_air", "WS10M": "wind_speed"}
    table = {theirs: {f"2023{k}": v for k, v in zip(keys, frame[ours].tolist(), strict=True)} for theirs, ours in names.items()}
    content = {
        "geometry": {"coordinates": [LONGITUDE, LATITUDE, ALTITUDE]},
        "properties": {"parameter": table},
        "header": {"fill_value": -999.0, "time_standard": "UTC"},
        "parameters": {name: {"units": "Wh/m^2"} for name in names},
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("where", [{"time_standard": "LST"}, {"time": {"standard": "LST"}}])
def test_nasa_power_says_local_time_in_either_place(tmp_path: Path, where: dict[str, object]) -> None:
    path = write_power_json(tmp_path / "power.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["header"]["time_standard"]
    in_utc = read_file(path).frame.index[0]
    content["header"].update(where)
    path.write_text(json.dumps(content), encoding="utf-8")
    assert in_utc - read_file(path).frame.index[0] == pd.Timedelta(hours=round(LONGITUDE / 15.0))


@pytest.mark.parametrize(
    ("above", "column", "kept"),
    [
        ("#PWAT - Precipitable water [kg/m2]", "PWAT", 0.1),
        ("#Columns:", "PWAT [kg/m2]", 0.1),
        ("#Columns:", "PWAT", 0.1),
        ("#PWAT - Precipitable water [cm]", "PWAT", 1.0),
        ("#RHO - Density [kg/m3]", "precipitable_water", 1.0),
    ],
)
def test_water_of_the_air_is_in_centimetres_wherever_its_unit_stands(tmp_path: Path, above: str, column: str, kept: float) -> None:
    head = ["#Data type: time series", f"#Latitude: {LATITUDE}", f"#Longitude: {LONGITUDE}", "#Time zone: UTC+8", above]
    head.append(f"Date;Time;GHI;DNI;DIF;flagR;SE;SA;TEMP;AP;RH;WS;WG;WD;PREC;{column}")
    head.append("01.01.2023;12:30;500;600;150;1;30;180;5;1013;50;2;4;180;0;20.0")
    path = tmp_path / "solargis.csv"
    path.write_text("\n".join(head) + "\n", encoding="utf-8")
    assert read_file(path).frame["precipitable_water"].tolist() == pytest.approx([20.0 * kept])


def write_power_csv(path: Path) -> Path:
    """In LST and MJ/hr, as the agricultural community gets it; one gap."""
    frame = year()
    head = [
        "-BEGIN HEADER-",
        "NASA/POWER Source Native Resolution Hourly Data ",
        "Dates (month/day/year): 01/01/2023 through 12/31/2023 in LST",
        f"Location: latitude  {LATITUDE}   longitude {LONGITUDE} ",
        f"elevation from MERRA-2: Average for 0.5 x 0.625 degree lat/lon region = {ALTITUDE} meters",
        "The value for missing source data that cannot be computed or is outside of the sources availability range: -999 ",
        "ALLSKY_SFC_SW_DWN      CERES SYN1deg All Sky Surface Shortwave Downward Irradiance (MJ/hr) ",
        "ALLSKY_SFC_SW_DNI      CERES SYN1deg All Sky Surface Shortwave Downward Direct Normal Irradiance (MJ/hr) ",
        "ALLSKY_SFC_SW_DIFF     CERES SYN1deg All Sky Surface Shortwave Diffuse Irradiance (MJ/hr) ",
        "T2M                    MERRA-2 Temperature at 2 Meters (C) ",
        "WS10M                  MERRA-2 Wind Speed at 10 Meters (m/s) ",
        "-END HEADER-",
        "YEAR,MO,DY,HR,ALLSKY_SFC_SW_DWN,ALLSKY_SFC_SW_DNI,ALLSKY_SFC_SW_DIFF,T2M,WS10M",
    ]
    for n, (t, r) in enumerate(zip(frame.index, frame.itertuples(), strict=True)):
        light = ",".join(f"{v * 0.0036:.7f}" for v in (r.ghi, r.dni, r.dhi))
        head.append(f"{t.year},{t.month},{t.day},{t.hour},{light},{-999 if n == 5 else r.temp_air},{r.wind_speed}")
    path.write_text("\n".join(head) + "\n", encoding="utf-8")
    return path


def write_solargis(path: Path) -> Path:
    """Solargis typical year: days of the year and mid-hours; the fields follow a line that names them without #."""
    lines = ["#TYPICAL METEOROLOGICAL YEAR P50", "#Site name: Testville", f"#Latitude: {LATITUDE}", f"#Longitude: {LONGITUDE}"]
    lines += [f"#Elevation: {ALTITUDE} m a.s.l.", "#Time zone: UTC+8", "#Columns:", "#GHI - Global horizontal irradiance [W/m2]", ""]
    lines.append("Day;Time;GHI;DNI;DIF;SE;SA;TEMP;AP;RH;WS;WD")
    frame = year()
    for t, r in zip(frame.index, frame.itertuples(), strict=True):
        lines.append(
            f"{t.day_of_year};{t.hour:02d}:30;{r.ghi};{r.dni};{r.dhi};0;0;{r.temp_air};1013;{r.relative_humidity};{r.wind_speed};180"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_solargis_in_utc(path: Path) -> Path:
    """Solargis time series as delivered: satellite's clock, named in the middle of the line that describes the times."""
    lines = ["#SOLARGIS TIME SERIES", "#Site name: Testville", f"#Latitude: {LATITUDE}", f"#Longitude: {LONGITUDE}"]
    lines += [f"#Elevation: {ALTITUDE} m a.s.l.", "#Columns:", "#Date - Date of measurement, format DD.MM.YYYY"]
    lines += ["#Time - Time of measurement, time reference UTC, time step 60 min, time format HH:MM", "#Data:"]
    lines.append("Date;Time;GHI;DNI;DIF;flagR;SE;SA;TEMP;AP;RH;WS;WD")
    frame = year().tz_convert("UTC")
    for t, r in zip(frame.index, frame.itertuples(), strict=True):
        lines.append(
            f"{t:%d.%m.%Y};{t.hour:02d}:30;{r.ghi};{r.dni};{r.dhi};1;0;0;{r.temp_air};1013;{r.relative_humidity};{r.wind_speed};180"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_meteonorm_standard(path: Path) -> Path:
    """Meteonorm with several places of a line, a row of units and hours from 0 to 23, which only the light can tell apart."""
    lines = [
        "Site name = Testville",
        f"Latitude [°] = {LATITUDE}, Longitude [°] = {LONGITUDE}, Altitude [m] = {ALTITUDE}, Climatic zone = III, 3",
    ]
    lines += ["Radiation: New period = 1996-2015", "", "y\tm\tdm\tdy\th\thy\tTa\tFF\tRH\tG_Gh\tG_Dh\tG_Bn"]
    lines.append("\t\t\t\t\t\t[°C]\t[m/s]\t[%]\t[W/m2]\t[W/m2]\t[W/m2]")
    for n, (t, r) in enumerate(zip(year().index, year().itertuples(), strict=True)):
        when = f"2005\t{t.month}\t{t.day}\t{n // 24 + 1}\t{t.hour}\t{n + 1}"
        lines.append(f"{when}\t{r.temp_air}\t{r.wind_speed}\t{r.relative_humidity}\t{r.ghi}\t{r.dhi}\t{r.dni}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_meteonorm(path: Path) -> Path:
    """Meteonorm: hours 1 to 24 that end the interval."""
    lines = ["Site name;Testville", f"Latitude [°];{LATITUDE}", f"Longitude [°];{LONGITUDE}", f"Altitude [m];{ALTITUDE}", "Time zone;8", ""]
    lines.append("m;dm;h;G_Gh;G_Bn;G_Dh;Ta;FF;RH")
    frame = year()
    for t, r in zip(frame.index, frame.itertuples(), strict=True):
        lines.append(f"{t.month};{t.day};{t.hour + 1};{r.ghi};{r.dni};{r.dhi};{r.temp_air};{r.wind_speed};{r.relative_humidity}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def plain_head(label: str = "start") -> list[str]:
    head = [f"# latitude: {LATITUDE}", f"# longitude: {LONGITUDE}", f"# altitude: {ALTITUDE}", "# utc_offset: 8", "# name: Testville"]
    return [*head, f"# label: {label}"]


def write_plain(path: Path, frame: pd.DataFrame | None = None, label: str = "start") -> Path:
    frame = (year() if frame is None else frame).tz_localize(None)
    path.write_text("\n".join(plain_head(label)) + "\n" + frame.to_csv(index_label="time"), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "write",
    [
        write_tmy3,
        write_pvgis_csv,
        write_pvgis_json,
        write_power_json,
        write_power_csv,
        write_solargis,
        write_solargis_in_utc,
        write_meteonorm,
        write_meteonorm_standard,
        write_plain,
    ],
)
def test_every_format_reads_as_the_same_weather(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    weather = read_weather(write(tmp_path / "weather.txt"))
    offset = 0.1761 if "pvgis" in write.__name__ else 0.5
    truth = year(offset)
    assert (weather.latitude, weather.longitude, weather.altitude) == (LATITUDE, LONGITUDE, ALTITUDE)
    assert weather.utc_offset == 8.0
    labels = pd.DatetimeIndex(truth.index.tz_convert("UTC"))
    found = weather.data.copy()
    found.index = pd.DatetimeIndex([t.replace(year=2023) for t in found.index])
    found, wanted = found.sort_index(), truth.set_axis(labels.map(lambda t: t.replace(year=2023))).sort_index()
    # the offset is measured: 3 minutes
    minutes = (found.index - wanted.index).total_seconds().to_numpy() / 60.0 - 60.0 * offset
    assert np.abs(minutes).max() <= 3.0
    np.testing.assert_allclose(found[["ghi", "dni", "dhi"]], wanted[["ghi", "dni", "dhi"]], atol=0.01)
    assert np.abs(found["temp_air"].to_numpy() - wanted["temp_air"].to_numpy()).max() < 0.3  # one gap is filled
    assert 0.0 <= weather.quality["closure_w_m2"] < 1.0
    assert weather.quality["night_hours"] == 0


def test_finer_rows_are_averaged_and_repeats_dropped(tmp_path: Path) -> None:
    fine = year(0.25, freq="30min")
    weather = read_weather(write_plain(tmp_path / "fine.csv", fine))
    assert any("2 values an hour averaged" in note for note in weather.notes)
    assert weather.ghi_kwh_m2 == pytest.approx(fine["ghi"].sum() / 2000.0, rel=1e-6)
    assert weather.stamp_offset_h == pytest.approx(0.5, abs=0.05)
    hourly = year()
    twice = pd.concat([hourly.iloc[:100], hourly.iloc[98:200], hourly.iloc[203:]])
    weather = read_weather(write_plain(tmp_path / "twice.csv", twice))
    assert any("2 hours come twice" in note for note in weather.notes)
    assert any("3 hours are absent" in note for note in weather.notes)
    assert np.abs(weather.data["ghi"].sum() / hourly["ghi"].sum() - 1.0) < 1e-3


def test_several_years_are_refused(tmp_path: Path) -> None:
    two = pd.concat([year(), year().set_axis(year().index + pd.Timedelta(days=365))])
    with pytest.raises(SolarError, match="come more than once"):
        read_weather(write_plain(tmp_path / "two.csv", two))


@pytest.mark.parametrize("columns", [["dni", "dhi"], []])
def test_a_wrong_zone_is_refused(tmp_path: Path, columns: list[str]) -> None:
    wrong = year()
    wrong[columns] = np.nan  # with GHI alone, and with all
    wrong.index = wrong.index - pd.Timedelta(hours=8)
    with pytest.raises(SolarError, match=r"labels were in UTC\+0, not UTC\+8"):
        read_weather(write_plain(tmp_path / "zone.csv", wrong))


def test_wrong_units_and_light_at_night_are_told(tmp_path: Path) -> None:
    lamp = year()
    lamp.iloc[::24, 0] = 40.0  # midnight
    weather = read_weather(write_plain(tmp_path / "night.csv", lamp))
    assert weather.quality["night_hours"] == 365
    assert any("far below the horizon" in note for note in weather.notes)
    kilojoules = year()
    kilojoules[["ghi", "dni", "dhi"]] *= 0.3
    weather = read_weather(write_plain(tmp_path / "units.csv", kilojoules))
    assert any("of a clear sky's" in note for note in weather.notes)


@pytest.mark.parametrize("column", ["dni", "dhi"])
def test_one_missing_component_closes_with_the_others(tmp_path: Path, column: str) -> None:
    whole = year()
    weather = read_weather(write_plain(tmp_path / "two.csv", whole.drop(columns=column)))
    assert any(f"{column.upper()} missing in 8760 hours: taken from GHI" in note for note in weather.notes)
    cosz = np.cos(np.radians(solar_zenith(weather)))
    high = cosz > 0.2  # lower, a wrong minute of the sun by symmetry turns into much light
    np.testing.assert_allclose(weather.data[column][high], whole[column].to_numpy()[high], atol=12.0)


def solar_zenith(weather: Weather) -> pd.Series:
    place = (weather.latitude, weather.longitude)
    return pvlib.solarposition.get_solarposition(weather.sun, *place, altitude=weather.altitude)["apparent_zenith"].to_numpy()


def test_tmy3_of_a_leap_february_keeps_its_last_hour(tmp_path: Path) -> None:
    path = write_tmy3(tmp_path / "tmy3.csv")
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join(line.replace("/1998", "/1996") if line.startswith("02/") else line for line in lines) + "\n", encoding="utf-8"
    )
    assert not any("absent" in note or "29 February" in note for note in read_weather(path).notes)


def test_a_label_in_the_middle_is_believed_where_nothing_can_be_measured(tmp_path: Path) -> None:
    only = (0.4 * year(0.0)).drop(columns=["dni", "dhi", "wind_speed"])
    weather = read_weather(write_plain(tmp_path / "ghi.csv", only, label="middle"))
    assert weather.stamp_offset_h == 0.0
    assert any("no wind" in note for note in weather.notes)
    assert any("Erbs-Driesse" in note for note in weather.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,ghi,temp_air\n2023-01-01,0,0\n", "do not say latitude and longitude"),
        ("# latitude: north\n# longitude: 117\ntime,ghi,temp_air\n2023-01-01,0,0\n", "expected a number"),
        ('{"outputs": {}}', "cannot be read"),
        ("Latitude (decimal degrees):\t45.000\nRadiation database:\tPVGIS-SARAH3\n", "PVGIS TMY"),
        ("-BEGIN HEADER-\nnothing\n-END HEADER-\nYEAR,MO,DY,HR\n", "its header does not say"),
    ],
)
def test_broken_files_say_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SolarError, match=message):
        read_weather(path)


def test_in_the_hour_of_sunrise_the_sun_stands_in_the_middle_of_the_lit_part() -> None:
    index = pd.date_range("2023-03-20 21:30", periods=4, freq="h", tz="UTC")
    shift, lit = lit_middle(index, LATITUDE, LONGITUDE, ALTITUDE)
    fine = pd.date_range("2023-03-20 21:00", periods=240 * 60, freq="s", tz="UTC")
    up = pvlib.solarposition.get_solarposition(fine, LATITUDE, LONGITUDE, altitude=ALTITUDE)["apparent_elevation"].to_numpy() > 0
    first = fine[np.argmax(up)]
    hour = first.floor("h")
    row = list(index - pd.Timedelta(minutes=30)).index(hour)
    assert 0 < (first - hour).total_seconds() < 3600
    middle = first + (hour + pd.Timedelta(hours=1) - first) / 2
    # straight lines between three elevations of the hour, of which refraction bends the last degree: a minute
    assert abs((index[row] + pd.Timedelta(seconds=shift[row]) - middle).total_seconds()) < 90
    assert lit[row] == pytest.approx(1 - (first - hour).total_seconds() / 3600, abs=0.04)
    assert (np.delete(shift, row) == 0).all()


def test_files_of_instants_keep_their_sun_at_sunrise(tmp_path: Path) -> None:
    # made from the sun at the label + half an hour, also at sunrise: moving the sun would open the closure
    weather: Weather = read_weather(write_plain(tmp_path / "instants.csv"))
    assert (weather.data["sun_shift"] == 0).all()
