"""The sheet of a factory without a county run: footprints, a height, weather, and terrain that is given or said to be flat."""

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo.coordinates import any_crs, into_crs
from geo.vectors import read_vectors
from geo.zones import zone_crs

from .errors import StudyError
from .inputs import prepare
from .parcel_finding import place_of
from .parcels import Assessed, Options, again, load_doubts, of_every_parcel, read_site, write_sheet
from .pipeline import FIRST_NEW_YEARS, make_model, read_weathers
from .study import Datum, Study

# Heads by which height and floors are known.
HEIGHTS = ("height", "height_m", "高度", "建筑高度", "hight")
FLOORS = ("floors", "floor", "层数", "楼层", "levels")
USES_OF = ("use", "用途", "landuse_kind")
NAMES = ("name", "名称")


@dataclass(frozen=True)
class Ground:
    """What takes the place of a study: height [m] where the file has none, terrain, weather, CRS and shift of the footprints."""

    height: float | None = None
    dem: Path | None = None
    flat: bool = False
    weather: Path | None = None
    stand_in: bool = False
    crs: str | None = None
    datum: str | None = None


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
    frame, crs = _placed(frame, ground, file.name, told)
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
        site = read_site(source.work, shares)
        told += load_doubts(write_sheet(source, place, shares, site, again(site, model), options, out))
    return out


def _placed(frame: gpd.GeoDataFrame, ground: Ground, name: str, told: list[str]) -> tuple[gpd.GeoDataFrame, pyproj.CRS]:
    """Bring the footprints into metres: their own CRS where it is so, else the zone they lie in (CGCS2000 in China, UTM elsewhere)."""
    if frame.crs is None and ground.crs is None:
        raise StudyError(f"{name}: does not say its CRS; ask whoever made the file and give it, e.g. --crs EPSG:4548")
    if ground.datum is not None and ground.datum not in get_args(Datum):
        raise StudyError(f"--datum {ground.datum}: is not known; expected cgcs2000, wgs84, gcj02 or bd09")
    own = any_crs(ground.crs, name) if ground.crs is not None else pyproj.CRS(frame.crs)
    placed = partial(into_crs, frame, source=name, declared=ground.crs, datum=ground.datum)
    if own.is_projected and own.to_epsg() != 3857 and all(axis.unit_conversion_factor == 1 for axis in own.axis_info):
        return placed(crs=own, warnings=told), own
    left, bottom, right, top = placed(crs=pyproj.CRS(4326)).total_bounds
    zone = zone_crs((left + right) / 2, (bottom + top) / 2)
    return placed(crs=zone, warnings=told), zone


def _study(file: Path, frame: gpd.GeoDataFrame, crs: pyproj.CRS, ground: Ground, options: Options, lang: str, folder: Path) -> Study:
    own = {_plain(column): str(column) for column in frame.columns}
    columns = {
        ours: own[name] for ours, names in (("height", HEIGHTS), ("floors", FLOORS), ("name", NAMES)) for name in names if name in own
    }
    path = file.resolve()
    told = (options.use, ground.height, ground.crs, ground.datum)
    if any(given is not None for given in told) or not any(name in own for name in USES_OF):
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
