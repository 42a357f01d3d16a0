"""The sheet of a factory without a county run: footprints, a height, weather, and terrain that is given or said to be flat."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo.coordinates import into_crs
from geo.vectors import read_vectors

from .errors import StudyError
from .inputs import prepare
from .parcel_finding import place_of
from .parcels import Assessed, Options, again, of_every_parcel, write_sheet
from .pipeline import FIRST_NEW_YEARS, make_model, read_weathers
from .study import Study

# Heads by which height and floors are known.
HEIGHTS = ("height", "height_m", "高度", "建筑高度", "hight")
FLOORS = ("floors", "floor", "层数", "楼层", "levels")
USES_OF = ("use", "用途", "landuse_kind")
NAMES = ("name", "名称")


@dataclass(frozen=True)
class Ground:
    """What takes the place of a study: height [m] where the file has none, elevation model or flat terrain, weather file."""

    height: float | None = None
    dem: Path | None = None
    flat: bool = False
    weather: Path | None = None
    stand_in: bool = False


def footprint_sheet(file: Path, ground: Ground, options: Options, out: Path, lang: str, told: list[str]) -> Path:
    """
    Write the sheet of the buildings in a file as one parcel.

    Parameters
    ----------
    file
        Their footprints, with a CRS.
    ground
        Heights, terrain and weather.
    options
        What the user says of the parcel.
    out
        Folder to write.
    lang
        "zh" or "en".
    told
        What the user should know; appended to.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    StudyError
        If terrain is neither given nor said to be flat, or the file holds no building.
    """
    if (ground.dem is None) == (not ground.flat):
        raise StudyError("--footprint needs --dem FILE, or --flat where the ground and what stands around may be taken as flat and open")
    if not file.is_file():
        raise StudyError(f"{file.name}: there is no such footprint file; correct the path")
    frame = read_vectors(file, warnings=told)
    frame = frame[shapely.get_dimensions(frame.geometry.to_numpy()) == 2]
    if frame.empty:
        raise StudyError(f"{file.name}: holds no polygon; expected the footprints of buildings")
    crs = _metres(frame, file.name)
    with tempfile.TemporaryDirectory(prefix="wuding-parcel-") as folder:
        study = _study(file, frame, crs, ground, options, lang, Path(folder))
        prepared = prepare(study, Path(folder) / "work", FIRST_NEW_YEARS, lambda stage, done, total: None)
        weathers = read_weathers(study)
        model = make_model(study, prepared, weathers)
        table = prepared.buildings
        table["status"] = np.where(table["status"] == "", "assessed", table["status"])
        shares = pd.Series(1.0, index=table.loc[table["status"] == "assessed", "building_id"])
        said, year = of_every_parcel(prepared.warnings, lang), float(weathers[0].data["ghi"].sum() / 1000.0)
        source = Assessed(Path(folder) / "work", model, study, table, said, weathers[0].name, year, lang)
        outline = shapely.convex_hull(shapely.union_all(shapely.make_valid(table.geometry.to_numpy())))
        place = place_of(file.stem, _name(frame), outline, prepared.crs)
        write_sheet(source, place, shares, again(source, shares), options, out)
    return out


def _metres(frame: gpd.GeoDataFrame, name: str) -> pyproj.CRS:
    """Take the file's own CRS where it is in metres, else the zone it lies in: CGCS2000 in China, UTM elsewhere."""
    if frame.crs is None:
        raise StudyError(f"{name}: has no CRS (.prj); give one, for example with QGIS: Set Layer Projection")
    if frame.crs.is_projected:
        return pyproj.CRS(frame.crs)
    left, bottom, right, top = into_crs(frame, pyproj.CRS(4326), source=name).total_bounds
    longitude, latitude = (left + right) / 2, (bottom + top) / 2
    if 75.0 <= longitude <= 135.0 and 18.0 <= latitude <= 54.0:
        return pyproj.CRS.from_epsg(4534 + round((longitude - 75.0) / 3.0))
    return pyproj.CRS.from_epsg((32600 if latitude >= 0.0 else 32700) + int((longitude + 180.0) // 6.0) + 1)


def _study(file: Path, frame: gpd.GeoDataFrame, crs: pyproj.CRS, ground: Ground, options: Options, lang: str, folder: Path) -> Study:
    own = {_plain(column): str(column) for column in frame.columns}
    columns = {
        ours: own[name] for ours, names in (("height", HEIGHTS), ("floors", FLOORS), ("name", NAMES)) for name in names if name in own
    }
    path = file.resolve()
    if options.use is not None or ground.height is not None or not any(name in own for name in USES_OF):
        # what was said on the command line becomes a column of its own
        said = frame.assign(wuding_use=options.use or "factory")
        if ground.height is not None:
            said["wuding_height"] = ground.height
            columns["height"] = "wuding_height"
        columns["use"] = "wuding_use"
        path = folder / "footprints.gpkg"
        said.to_file(path, driver="GPKG")
    else:
        columns["use"] = next(own[name] for name in USES_OF if name in own)
    weather: dict[str, Any] = {"source": "climatology"}
    if ground.weather is not None:
        weather = {"files": [str(ground.weather.resolve())], "stand_in": ground.stand_in}
    content: dict[str, Any] = {
        "study": {"name": file.stem[:80], "crs": f"EPSG:{crs.to_epsg()}" if crs.to_epsg() else crs.to_wkt(), "lang": lang},
        "buildings": {"path": [str(path)], "columns": columns, "use": {options.use or "factory": options.use or "factory"}},
        "terrain": {"dem": "flat" if ground.dem is None else str(ground.dem.resolve())},
        "weather": weather,
    }
    (folder / "study.toml").write_text("# made from the command line\n", encoding="utf-8")
    return Study(**content, folder=folder, file=folder / "study.toml")


def _plain(column: object) -> str:
    return str(column).strip().lower()


def _name(frame: gpd.GeoDataFrame) -> str:
    for column in frame.columns:
        if _plain(column) in NAMES and frame[column].notna().any():
            return str(frame[column].dropna().iloc[0])
    return ""
