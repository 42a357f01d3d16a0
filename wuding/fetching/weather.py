"""
Weather: a typical year of PVGIS for every quarter degree, NASA POWER where PVGIS cannot be had.

PVGIS: joint-research-centre.ec.europa.eu/photovoltaic-geographical-information-system-pvgis/getting-started-pvgis/
api-non-interactive-service_en, tool `tmy`, JSON, read by `solar.weather` through pvlib.iotools.read_pvgis_tmy. The request is that of
pvlib.iotools.get_pvgis_tmy(url=...), word by word; the call itself takes our address but no session, so that it neither tries again,
nor keeps, nor goes on after a break, and asks the address without a version unless told. `tmy` has no parameter for the database: the
server takes its best for the place and says which. The images of PVGIS-SARAH3 reach 65 degrees east at most, so in China it is
PVGIS-ERA5; what the answer says is kept and told. The horizon is switched off (`usehorizon=0`): shade by hills is computed here.

NASA POWER: power.larc.nasa.gov/docs/services/api/temporal/hourly, the request and the names as in pvlib.iotools.get_nasa_power, which
has neither time-outs nor a second try. Its cells are 0.5 degrees and more, so that nearer stations would be copies.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import shapely

from solar.errors import SolarError
from solar.weather import read_weather

from .answers import FetchError, read_json, written
from .place import Area
from .sources import Fetched
from .typical_year import read_power_year, typical_months, write_epw
from .web import Web

# An answer says for where it is; it may have been put onto a grid.
_NEAR = 0.05


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
    files, databases, refused = [], set(), []
    spacing = float(rules["spacing_degrees"])
    places = stations(area, spacing)
    web.expect("fetch_weather", len(places) * int(rules["bytes_per_station"]))
    for place in places:
        try:
            got, lon, lat = _pvgis_year(web, rules, [place, _on_the_area(area, place, spacing)])
        except FetchError as error:
            if not _no_data_there(error):
                raise
            refused.append(error)
            continue
        databases.add(str(read_json(got)["inputs"]["meteo_data"]["radiation_db"]))
        files.append(_put(got.read_bytes(), folder / "weather" / f"pvgis_{lat:.2f}_{lon:.2f}.json"))
    if not files:
        raise refused[-1]
    told = [
        (
            f"{len(refused)} 个格网没有数据（多为海面），由邻近站点代替",
            f"cells without data, mostly sea, for which the stations around them stand: {len(refused)}",
        )
    ] * bool(refused)
    said = ", ".join(sorted(databases))
    facts = [(f"{len(files)} 个站点，辐照度数据库：{said}", f"stations: {len(files)}, irradiance of {said}")]
    weak = "era5_weakness" if any("ERA5" in name for name in databases) else "satellite_weakness"
    return Fetched("weather", "pvgis", files, f"{rules['version']}, {said}", str(rules["url"]), {"weakness": weak}, told, facts)


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
            path = web.download(rules["url"], stage="fetch_weather", params=asked, opens=partial(_is_power_year, lon=lon, lat=lat))
            got.append(read_power_year(path))
        frame, chosen = typical_months([year for year, _ in got])
        target = folder / "weather" / f"nasa_power_{lat:.2f}_{lon:.2f}.epw"
        text = write_epw(frame, lat, lon, got[0][1], f"NASA POWER {lat:.2f} {lon:.2f}", f"months of {', '.join(map(str, chosen))}")
        files.append(_put(text.encode("ascii"), target))
    facts = [
        (
            f"{len(files)} 个站点，典型年由 {years[0]}–{years[-1]} 年逐月选取",
            f"stations: {len(files)}, typical months out of {years[0]}-{years[-1]}",
        )
    ]
    return Fetched("weather", "nasa_power", files, str(rules["version"]), str(rules["url"]), {}, [], facts)


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


def _pvgis_year(web: Web, rules: Mapping[str, Any], places: Sequence[tuple[float, float]]) -> tuple[Path, float, float]:
    """Ask for the first place that has data: the middle of a cell at the coast may lie in the sea, of which PVGIS has none."""
    refused: FetchError | None = None
    for lon, lat in dict.fromkeys(places):
        asked = {"lat": f"{lat:.4f}", "lon": f"{lon:.4f}", "outputformat": "json", "usehorizon": 0}
        try:
            got = web.download(f"{rules['url']}tmy", stage="fetch_weather", params=asked, opens=partial(_is_year, lon=lon, lat=lat))
        except FetchError as error:
            if not _no_data_there(error):
                raise
            refused = error
        else:
            return got, lon, lat
    assert refused is not None
    raise refused


def _no_data_there(error: FetchError) -> bool:
    return ": answers 400" in str(error)


def _on_the_area(area: Area, place: tuple[float, float], spacing: float) -> tuple[float, float]:
    lon, lat = place
    cell = shapely.box(lon - spacing / 2.0, lat - spacing / 2.0, lon + spacing / 2.0, lat + spacing / 2.0)
    spot = shapely.point_on_surface(shapely.intersection(area.shape, cell))
    return round(float(spot.x), 2), round(float(spot.y), 2)


def _is_year(path: Path, *, lon: float, lat: float) -> None:
    content = read_json(path)
    if len(content["outputs"]["tmy_hourly"]) != 8760:
        raise ValueError("no year of hours")
    there = content["inputs"]["location"]
    _is_here(float(there["longitude"]), float(there["latitude"]), lon, lat)


def _is_power_year(path: Path, *, lon: float, lat: float) -> None:
    read_power_year(path)
    there = read_json(path)["geometry"]["coordinates"]
    _is_here(float(there[0]), float(there[1]), lon, lat)


def _is_here(x: float, y: float, lon: float, lat: float) -> None:
    if max(abs(x - lon), abs(y - lat)) > _NEAR:
        raise ValueError(f"it is of another place: {y:.2f} N {x:.2f} E")


def _put(content: bytes, path: Path) -> Path:
    """Write a file whole, and read it as a run will."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written(path) as part:
        part.write_bytes(content)
        try:
            read_weather(part)
        except SolarError as error:
            raise FetchError(f"{path.name}: the weather that came is not usable: {error}") from error
    return path
