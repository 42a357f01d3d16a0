"""Vector files: cut to the area, written whole or not at all, and any file by its address."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from geo.datum import unshifted
from geo.errors import GeoError
from geo.vectors import read_vectors

from .answers import FetchError, finish, host
from .districts import choose_level
from .geoparquet import read_box, with_shapes
from .place import Area
from .sources import Fetched
from .web import Web

_POLYGONS = (3, 6)


def inside(frame: gpd.GeoDataFrame, area: Area) -> gpd.GeoDataFrame:
    """
    Keep what stands in an area.

    Parameters
    ----------
    frame
        Polygons in WGS 84.
    area
        The area.

    Returns
    -------
    geopandas.GeoDataFrame
        Whole polygons whose inner point lies in the area, in an order that does not depend on the server's.

    Raises
    ------
    FetchError
        If nothing is left.
    """
    geometry = frame.geometry.to_numpy()
    kept = np.isin(shapely.get_type_id(geometry), _POLYGONS)
    points = shapely.point_on_surface(geometry[kept])
    shapely.prepare(area.shape)
    kept[np.flatnonzero(kept)[~shapely.intersects(area.shape, points)]] = False
    if not kept.any():
        raise FetchError(f"no buildings in the area ({len(frame):,} near it); check the place, or use another source")
    out = frame[kept]
    return out.sort_values("id", kind="stable").drop_duplicates("id").reset_index(drop=True) if "id" in out else out.reset_index(drop=True)


def write_buildings(frame: gpd.GeoDataFrame, path: Path) -> Path:
    """
    Write buildings, and read them again.

    Parameters
    ----------
    frame
        Buildings.
    path
        GeoParquet file.

    Returns
    -------
    pathlib.Path
        The file.
    """
    part = path.with_name(path.name + ".part")
    frame.to_parquet(part, compression="zstd", index=False)
    if len(gpd.read_parquet(part, columns=["geometry"])) != len(frame):
        raise FetchError(f"{path.name}: the file that was written cannot be read again; check the disk")
    return finish(part, path)


def write_districts(frame: gpd.GeoDataFrame, path: Path) -> Path:
    """
    Write districts, and read them again.

    Parameters
    ----------
    frame
        Districts with `name` and `level`.
    path
        GeoPackage file.

    Returns
    -------
    pathlib.Path
        The file.
    """
    part = path.with_name(path.stem + "-part" + path.suffix)
    part.unlink(missing_ok=True)
    pyogrio.write_dataframe(frame, part, driver="GPKG", layer="districts", promote_to_multi=True)
    if len(pyogrio.read_dataframe(part)) != len(frame):
        raise FetchError(f"{path.name}: the file that was written cannot be read again; check the disk")
    return finish(part, path)


def fetch_buildings_by_url(area: Area, folder: Path, web: Web, rules: Mapping[str, Any], url: str) -> Fetched:
    """
    Fetch the buildings of an area from a GeoParquet, FlatGeobuf or other vector file by its address.

    Parameters
    ----------
    area
        The area.
    folder
        Of the study.
    web
        The way to the internet.
    rules
        The table `buildings_url` of sources.toml.
    url
        Address. A GeoParquet is read by row groups, anything else loaded whole.

    Returns
    -------
    Fetched
        `buildings.parquet` with the columns of the file; those known by name are told to the study.
    """
    if urlsplit(url).path.endswith((".parquet", ".geoparquet")):
        frame = with_shapes(read_box(web, [url], area.bounds, (), "fetch_buildings"))
    else:
        frame = _whole(web, url, "fetch_buildings", area)
    frame = inside(frame.drop(columns="bbox", errors="ignore"), area)
    path = write_buildings(frame, folder / "buildings.parquet")
    known = {str(name).lower(): str(name) for name in frame.columns}
    words = {
        "height": ("height", "h_mean", "bh"),
        "floors": ("num_floors", "floors", "floor"),
        "use": ("use", "class", "function"),
        "id": ("id",),
    }
    have = {ours: known[word] for ours, names in words.items() for word in names[::-1] if word in known}
    return Fetched("buildings", "buildings_url", [path], "", _shown(url), {"columns": have}, [])


def fetch_districts_by_url(area: Area, folder: Path, web: Web, rules: Mapping[str, Any], url: str, datav: Mapping[str, Any]) -> Fetched:
    """
    Fetch districts from a vector file by its address; those of DataV are put right.

    Parameters
    ----------
    area
        The area.
    folder
        Of the study.
    web
        The way to the internet.
    rules
        The table `districts_url` of sources.toml.
    url
        Address.
    datav
        The table `datav` of sources.toml.

    Returns
    -------
    Fetched
        `districts.gpkg` with name, level and adcode where there is one.
    """
    frame = _whole(web, url, "fetch_districts", None)
    names = [name for name in ("name", "NAME", "名称", "Name") if name in frame]
    if not names:
        raise FetchError(f"{host(url)}: the districts have no column 'name'; they have: {', '.join(map(str, frame.columns))}")
    frame = frame.rename(columns={names[0]: "name"})
    shifted = host(url) in datav["hosts"]
    if shifted:
        frame.geometry = gpd.GeoSeries(shapely.transform(frame.geometry.to_numpy(), _put_right), index=frame.index, crs=4326)
    if "level" not in frame:
        frame["level"] = "districts"
    chosen = choose_level(frame[[c for c in ("name", "level", "adcode", "geometry") if c in frame]], area)
    path = write_districts(chosen, folder / "districts.gpkg")
    notes = [("坐标由 GCJ-02 改正为 WGS 84", "coordinates corrected from GCJ-02 to WGS 84")] if shifted else []
    return Fetched("districts", "datav" if shifted else "districts_url", [path], "", _shown(url), {}, notes)


def _put_right(places: np.ndarray) -> np.ndarray:
    return np.column_stack(unshifted(places[:, 0], places[:, 1], "gcj02"))


def _whole(web: Web, url: str, stage: str, area: Area | None) -> gpd.GeoDataFrame:
    suffix = Path(urlsplit(url).path).suffix or ".geojson"
    path = web.download(url, stage=stage, opens=lambda p: _read(p, suffix, None))
    return _read(path, suffix, area)


def _read(path: Path, suffix: str, area: Area | None) -> gpd.GeoDataFrame:
    """GDAL tells formats by their names, which files of the cache do not have."""
    named = path.with_suffix(suffix)
    linked = not named.exists()
    if linked:
        try:
            named.hardlink_to(path)
        except OSError:  # a disk without links
            shutil.copyfile(path, named)
    try:
        frame = read_vectors(named)
    except GeoError as error:
        raise ValueError(str(error)) from error
    finally:
        if linked:
            named.unlink()
    if not len(frame):
        raise ValueError("a file without any row")
    frame = frame.set_crs(4326) if frame.crs is None else frame.to_crs(4326)
    return frame if area is None else frame.cx[area.bounds[0] : area.bounds[2], area.bounds[1] : area.bounds[3]]


def _shown(url: str) -> str:
    """Show an address without its query, which may hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"
