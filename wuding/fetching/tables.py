"""Vector files: cut to the area, written whole or not at all, and any file by its address."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from geo.datum import unshifted
from geo.errors import GeoError
from geo.vectors import read_vectors

from .answers import FetchError, host, shown, written
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
    with written(path) as part:
        frame.to_parquet(part, compression="zstd", index=False)
        if len(gpd.read_parquet(part, columns=["geometry"])) != len(frame):
            raise OSError("what was written is not what is read again")
    return path


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
    with written(path) as part:
        pyogrio.write_dataframe(frame, part, driver="GPKG", layer="districts", promote_to_multi=True)
        if len(pyogrio.read_dataframe(part)) != len(frame):
            raise OSError("what was written is not what is read again")
    return path


def fetch_buildings_by_url(area: Area, folder: Path, web: Web, rules: Mapping[str, Any], urls: Sequence[str]) -> Fetched:
    """
    Fetch the buildings of an area from GeoParquet, FlatGeobuf or other vector files by their addresses.

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
    urls
        Addresses, put together. A GeoParquet is read by row groups, anything else loaded whole.

    Returns
    -------
    Fetched
        `buildings.parquet` with the columns of the files; those known by name are told to the study.
    """
    by_parts = [url for url in urls if urlsplit(url).path.lower().endswith((".parquet", ".geoparquet"))]
    frames = [with_shapes(read_box(web, by_parts, area.bounds, (), "fetch_buildings"))] if by_parts else []
    frames += [_whole(web, url, "fetch_buildings", area) for url in urls if url not in by_parts]
    frame = inside(_together(frames).drop(columns="bbox", errors="ignore"), area)
    path = write_buildings(frame, folder / "buildings.parquet")
    known = {str(name).lower(): str(name) for name in frame.columns}
    words = {
        "height": ("height", "h_mean", "bh"),
        "floors": ("num_floors", "floors", "floor"),
        "use": ("use", "class", "function"),
        "id": ("id",),
    }
    have = {ours: known[word] for ours, names in words.items() for word in names[::-1] if word in known}
    return Fetched("buildings", "buildings_url", [path], "", " ".join(map(shown, urls)), {"columns": have}, [])


def fetch_districts_by_url(
    area: Area, folder: Path, web: Web, rules: Mapping[str, Any], urls: Sequence[str], datav: Mapping[str, Any]
) -> Fetched:
    """
    Fetch districts from vector files by their addresses; those of DataV are put right.

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
    urls
        Addresses, put together.
    datav
        The table `datav` of sources.toml.

    Returns
    -------
    Fetched
        `districts.gpkg` with name, level and adcode where there is one.
    """
    frames, shifted = [], False
    for url in urls:
        frame = _whole(web, url, "fetch_districts", None)
        names = [name for name in ("name", "NAME", "名称", "Name") if name in frame]
        if not names:
            raise FetchError(f"{host(url)}: the districts have no column 'name'; they have: {', '.join(map(str, frame.columns))}")
        frame = frame.rename(columns={names[0]: "name"})
        # a mirror of DataV is known by the columns that only DataV writes
        if host(url) in datav["hosts"] or set(datav["columns"]) <= set(frame.columns):
            shifted = True
            frame.geometry = gpd.GeoSeries(shapely.transform(frame.geometry.to_numpy(), _put_right), index=frame.index, crs=4326)
        frames.append(frame if "level" in frame else frame.assign(level="districts"))
    frame = _together(frames)
    chosen, told = choose_level(frame[[c for c in ("name", "level", "adcode", "geometry") if c in frame]], area)
    path = write_districts(chosen, folder / "districts.gpkg")
    if shifted:
        told = [("坐标由 GCJ-02 改正为 WGS 84", "coordinates corrected from GCJ-02 to WGS 84"), *told]
    elif "adcode" in frame:
        told.append(
            (
                '未改正坐标：若来自高德、DataV 等国内网络地图，请在 study.toml 的该图层写 datum = "gcj02"',
                'coordinates were not corrected: where they come from a Chinese web map, write datum = "gcj02" at the layer in study.toml',
            )
        )
    return Fetched("districts", "datav" if shifted else "districts_url", [path], "", " ".join(map(shown, urls)), {}, told)


def _together(frames: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    return frames[0] if len(frames) == 1 else gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=4326)


def _put_right(places: np.ndarray) -> np.ndarray:
    return np.column_stack(unshifted(places[:, 0], places[:, 1], "gcj02"))


def _whole(web: Web, url: str, stage: str, area: Area | None) -> gpd.GeoDataFrame:
    suffix = Path(urlsplit(url).path).suffix or ".geojson"
    held: list[gpd.GeoDataFrame] = []
    web.download(url, stage=stage, opens=lambda path: held.append(_read(path, suffix)))
    frame = held[-1]
    return frame if area is None else frame.cx[area.bounds[0] : area.bounds[2], area.bounds[1] : area.bounds[3]]


def _read(path: Path, suffix: str) -> gpd.GeoDataFrame:
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
    if frame.crs is None and not np.all(np.abs(frame.total_bounds) <= (180.0, 90.0, 180.0, 90.0)):
        raise ValueError("a file that does not say its CRS and is not in degrees; load it and name it in the study file")
    return frame.set_crs(4326) if frame.crs is None else frame.to_crs(4326)
