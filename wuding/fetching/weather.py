"""
Weather: a typical year of PVGIS for every quarter degree, NASA POWER where PVGIS cannot be had.

PVGIS: joint-research-centre.ec.europa.eu/photovoltaic-geographical-information-system-pvgis/getting-started-pvgis/
api-non-interactive-service_en, tool `tmy`, JSON; read by `solar.weather` through pvlib.iotools.read_pvgis_tmy. Its horizon is switched
off (`usehorizon=0`): shade by hills is computed here. NASA POWER: power.larc.nasa.gov/docs/services/api/temporal/hourly, the request and
the names as in pvlib.iotools.get_nasa_power, which has neither time-outs nor a second try.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import shapely

from solar.errors import SolarError
from solar.weather import read_weather

from .answers import FetchError, finish, read_json
from .place import Area
from .sources import Fetched
from .typical_year import read_power_year, typical_months, write_epw
from .web import Web


def fetch_pvgis(area: Area, folder: Path, web: Web, rules: Mapping[str, Any]) -> Fetched:
    """
    Fetch a typical year of PVGIS for every station of an area.

    Parameters
    ----------
    area
        The area.
    folder
        Of the study.
    web
        The way to the internet.
    rules
        The table `pvgis` of sources.toml.

    Returns
    -------
    Fetched
        `weather/pvgis_LAT_LON.json`, as PVGIS gave them.
    """
    files, databases = [], set()
    places = stations(area, float(rules["spacing_degrees"]))
    web.expect("fetch_weather", len(places) * int(rules["bytes_per_station"]))
    for lon, lat in places:
        asked = {"lat": f"{lat:.4f}", "lon": f"{lon:.4f}", "outputformat": "json", "usehorizon": 0}
        got = web.download(f"{rules['url']}tmy", stage="fetch_weather", params=asked, opens=_is_year)
        databases.add(str(read_json(got)["inputs"]["meteo_data"]["radiation_db"]))
        files.append(_put(got.read_bytes(), folder / "weather" / f"pvgis_{lat:.2f}_{lon:.2f}.json"))
    said = ", ".join(sorted(databases))
    notes = [(f"{len(files)} 个站点，辐照度数据库：{said}", f"{len(files)} stations, irradiance of {said}")]
    return Fetched("weather", "pvgis", files, f"{rules['version']}, {said}", str(rules["url"]), {}, notes)


def fetch_nasa_power(area: Area, folder: Path, web: Web, rules: Mapping[str, Any]) -> Fetched:
    """
    Fetch years of NASA POWER for every station of an area and make a typical year of each.

    Parameters
    ----------
    area
        The area.
    folder
        Of the study.
    web
        The way to the internet.
    rules
        The table `nasa_power` of sources.toml.

    Returns
    -------
    Fetched
        `weather/nasa_power_LAT_LON.epw`.
    """
    files = []
    years = range(int(rules["first_year"]), int(rules["last_year"]) + 1)
    places = stations(area, float(rules["spacing_degrees"]))
    web.expect("fetch_weather", len(places) * len(years) * int(rules["bytes_per_year"]))
    for lon, lat in places:
        got = []
        for year in years:
            asked = {
                "latitude": f"{lat:.4f}",
                "longitude": f"{lon:.4f}",
                "start": f"{year}0101",
                "end": f"{year}1231",
                "community": "re",
                "parameters": "ALLSKY_SFC_SW_DNI,ALLSKY_SFC_SW_DIFF,ALLSKY_SFC_SW_DWN,T2M,WS10M",
                "format": "json",
                "header": "true",
                "time-standard": "utc",
            }
            path = web.download(rules["url"], stage="fetch_weather", params=asked, opens=read_power_year)
            got.append(read_power_year(path))
        frame, chosen = typical_months([year for year, _ in got])
        target = folder / "weather" / f"nasa_power_{lat:.2f}_{lon:.2f}.epw"
        text = write_epw(frame, lat, lon, got[0][1], f"NASA POWER {lat:.2f} {lon:.2f}", f"months of {', '.join(map(str, chosen))}")
        files.append(_put(text.encode("ascii"), target))
    notes = [
        (
            f"{len(files)} 个站点，典型年由 {years[0]}–{years[-1]} 年逐月选取",
            f"{len(files)} stations, typical months out of {years[0]}-{years[-1]}",
        )
    ]
    return Fetched("weather", "nasa_power", files, str(rules["version"]), str(rules["url"]), {}, notes)


def stations(area: Area, spacing: float) -> list[tuple[float, float]]:
    """
    Place stations over an area.

    Parameters
    ----------
    area
        The area.
    spacing
        Of their grid, from 0, 0 [degrees].

    Returns
    -------
    list of tuple
        Longitude and latitude of the middle of every cell that the area touches; from a small area its own middle.
    """
    west, south, east, north = area.bounds
    if east - west < spacing and north - south < spacing:
        middle = shapely.centroid(area.shape)
        return [(round(float(middle.x), 2), round(float(middle.y), 2))]
    found = []
    for row in range(math.floor(south / spacing), math.ceil(north / spacing)):
        for column in range(math.floor(west / spacing), math.ceil(east / spacing)):
            cell = shapely.box(column * spacing, row * spacing, (column + 1) * spacing, (row + 1) * spacing)
            if shapely.intersects(area.shape, cell) and not shapely.touches(area.shape, cell):
                found.append(((column + 0.5) * spacing, (row + 0.5) * spacing))
    return found


def _is_year(path: Path) -> None:
    if len(read_json(path)["outputs"]["tmy_hourly"]) != 8760:
        raise ValueError("no year of hours")


def _put(content: bytes, path: Path) -> Path:
    """Write a file whole, and read it as a run will."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    try:
        read_weather(part)
    except SolarError as error:
        part.unlink()
        raise FetchError(f"{path.name}: the weather that came is not usable: {error}") from error
    return finish(part, path)
