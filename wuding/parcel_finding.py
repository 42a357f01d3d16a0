"""Which parcels are meant: by id, by name, by a place, or by a polygon file; and the buildings that belong to each."""

import difflib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo.coordinates import into_crs
from geo.regions import majority_region
from geo.vectors import read_vectors
from layers.parcel_sheet import Place

from .errors import StudyError
from .reading import read_region
from .study import Study

ENDINGS = (".geojson", ".json", ".gpkg", ".shp", ".kml", ".kmz", ".dxf", ".fgb", ".gml")
# A place farther than this from every parcel is in none.
NEAR_M = 500.0


def find_parcels(
    out: Path, study: Study, wanted: str | None, near: str | None, every: bool, buildings: gpd.GeoDataFrame, notes: list[str]
) -> list[tuple[Place, pd.Series]]:
    """
    Find the parcels that a command means.

    Parameters
    ----------
    out
        Finished run.
    study
        Its study, whose layer names the parcels.
    wanted
        Id or name of a parcel, or a polygon file.
    near
        "LON,LAT" instead: the parcel there, or the nearest.
    every
        All parcels with buildings.
    buildings
        Table `buildings` of the run.
    notes
        What the user should know; appended to.

    Returns
    -------
    list of tuple
        A place and, for each building that belongs to it, the share that lies inside, indexed by building_id.

    Raises
    ------
    StudyError
        If nothing is found; the nearest ids are named.
    """
    if (wanted is not None) + (near is not None) + every != 1:
        raise StudyError("name one parcel (id, name or polygon file), or give --near LON,LAT, or --all: one of the three")
    crs = pyproj.CRS(buildings.crs)
    if wanted is not None and Path(wanted).suffix.lower() in ENDINGS:
        return _from_file(Path(wanted), buildings, crs, notes)
    table, titles = _parcels(out), _titles(study)
    if every:
        used = set(buildings["parcel_id"].dropna())
        rows = [at for at, name in enumerate(table["name"]) if str(name) in used]
    elif near is not None:
        rows = [_at(table, near, crs, notes)]
    else:
        rows = [_named(table, titles, str(wanted), buildings)]
    return [_place(table, row, titles, buildings, crs) for row in rows]


def _parcels(out: Path) -> gpd.GeoDataFrame:
    file = out / "regions" / "parcels.parquet"
    if not file.is_file():
        raise StudyError(f"{out.name}: the study had no parcels layer; add parcels under [regions], or give a polygon file")
    table = gpd.read_parquet(file)
    return table[table["kind"] == "region"].reset_index(drop=True)


def _titles(study: Study) -> dict[str, str]:
    """Names of the parcels where the study's own layer can still be read."""
    try:
        from geo.coordinates import study_crs

        layer = read_region(study, "parcels", study.regions["parcels"], study_crs(study.study.crs), [])
    except (StudyError, KeyError, OSError):
        return {}
    return {str(i): str(n) for i, n in zip(layer["id"], layer["name"], strict=True)}


def _place(
    table: gpd.GeoDataFrame, row: int, titles: dict[str, str], buildings: gpd.GeoDataFrame, crs: pyproj.CRS
) -> tuple[Place, pd.Series]:
    name = str(table["name"].iloc[row])
    own = buildings[buildings["parcel_id"] == name]
    shares = pd.Series(own["parcel_share"].to_numpy(dtype=np.float64, na_value=np.nan), index=own["building_id"])
    title = titles.get(name, "")
    return place_of(name, title if title != name else "", table.geometry.iloc[row], crs), shares


def place_of(name: str, title: str, geometry: shapely.Geometry, crs: pyproj.CRS) -> Place:
    """
    Describe a polygon as a parcel.

    Parameters
    ----------
    name
        Its id.
    title
        Its name.
    geometry
        In the CRS.
    crs
        CRS of the study.

    Returns
    -------
    Place
        With longitude and latitude of its middle.
    """
    spot = shapely.point_on_surface(geometry)
    longitude, latitude = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(spot.x, spot.y)
    return Place(name, title, geometry, float(longitude), float(latitude))


def _named(table: gpd.GeoDataFrame, titles: dict[str, str], wanted: str, buildings: gpd.GeoDataFrame) -> int:
    ids = [str(name) for name in table["name"]]
    if wanted in ids:
        return ids.index(wanted)
    by_name = [at for at, name in enumerate(ids) if titles.get(name) == wanted]
    if not by_name:
        owners = buildings.loc[(buildings["name"] == wanted) | (buildings["building_id"] == wanted), "parcel_id"].dropna().unique()
        by_name = [ids.index(str(owner)) for owner in owners]
    if len(by_name) == 1:
        return by_name[0]
    if by_name:
        raise StudyError(f"{wanted!r} is the name of {len(by_name)} parcels: {', '.join(ids[at] for at in by_name[:10])}; give the id")
    words = {**{name: name for name in ids}, **{title: name for name, title in titles.items()}}
    close = difflib.get_close_matches(wanted, list(words), n=3, cutoff=0.3)
    near = [word if word == words[word] else f"{words[word]} ({word})" for word in close]
    raise StudyError(f"there is no parcel {wanted!r}; the nearest are: {', '.join(near or ids[:5])} (of {len(ids)})")


def _at(table: gpd.GeoDataFrame, near: str, crs: pyproj.CRS, notes: list[str]) -> int:
    try:
        longitude, latitude = (float(part) for part in near.replace("，", ",").split(","))
    except ValueError as error:
        raise StudyError(f"--near {near}: expected LON,LAT in degrees, for example 117.02,36.66") from error
    if not (-180.0 <= longitude <= 180.0 and -90.0 <= latitude <= 90.0):
        raise StudyError(f"--near {near}: expected LON,LAT in degrees, longitude first, for example 117.02,36.66")
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(longitude, latitude)
    away = shapely.distance(table.geometry.to_numpy(), shapely.Point(x, y))
    row = int(np.argmin(away))
    if not away[row] <= NEAR_M:
        raise StudyError(
            f"--near {near}: the nearest parcel, {table['name'].iloc[row]}, is {away[row] / 1000.0:.1f} km away; check the place"
        )
    if away[row] > 0.0:
        notes.append(f"--near {near} lies in no parcel; the nearest, {table['name'].iloc[row]}, is {away[row]:.0f} m away")
    return row


def _from_file(path: Path, buildings: gpd.GeoDataFrame, crs: pyproj.CRS, notes: list[str]) -> list[tuple[Place, pd.Series]]:
    """Read polygons as parcels: buildings belong where most of them lies, if that is half."""
    if not path.is_file():
        raise StudyError(f"{path.name}: there is no such polygon file; correct the path")
    frame = into_crs(read_vectors(path, warnings=notes), crs, source=path.name)
    shapes = shapely.make_valid(frame.geometry.to_numpy())
    areas = np.flatnonzero(shapely.area(shapes) > 0.0)
    if not areas.size:
        raise StudyError(f"{path.name}: holds no polygon; expected the outline of a parcel")
    titles = [str(frame[name].iloc[at]) for at in areas for name in ("name", "名称") if name in frame]
    ids = [f"{path.stem}-{n + 1}" if len(areas) > 1 else path.stem for n in range(len(areas))]
    layer = gpd.GeoDataFrame({"name": ids, "id": ids}, geometry=shapes[areas], crs=crs)
    row, share = majority_region(buildings.geometry.to_numpy(), layer)
    found = []
    for at, name in enumerate(ids):
        own = (row == at) & (share >= 0.5)
        shares = pd.Series(share[own], index=buildings.loc[own, "building_id"])
        title = titles[at] if len(titles) == len(ids) and titles[at] not in ("nan", "None", "") else ""
        found.append((place_of(name, title, layer.geometry.iloc[at], crs), shares))
    return found
