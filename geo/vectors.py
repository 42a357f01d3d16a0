"""Read vector layers as they come and bring them into the study's coordinates."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import shapely
from pyproj.exceptions import CRSError

from .datum import gcj02_from_bd09, wgs84_from_gcj02
from .errors import GeoError

# GCJ-02 and BD-09 are shifts of longitude and latitude; outside China they are not defined.
SHIFTED = ("gcj02", "bd09")


def study_crs(text: str) -> pyproj.CRS:
    """
    Return the study's CRS, which has to be projected and in metres.

    Parameters
    ----------
    text
        Anything pyproj knows, e.g. "EPSG:4548".

    Returns
    -------
    pyproj.CRS
        The CRS.

    Raises
    ------
    GeoError
        If pyproj does not know it, or areas and distances in it would not be metres.
    """
    try:
        crs = pyproj.CRS.from_user_input(text)
    except CRSError as error:
        raise GeoError(f"study.crs = {text!r}: not a CRS that is known; write e.g. 'EPSG:4548' (CGCS2000 3-degree, 117 E)") from error
    metres = crs.is_projected and all(axis.unit_conversion_factor == 1 for axis in crs.axis_info)
    if not metres or crs.to_epsg() == 3857:
        raise GeoError(
            f"study.crs = {text!r}: it has to be projected, true to scale and in metres, e.g. 'EPSG:4548' for Jinan (not "
            f"degrees, not web Mercator)"
        )
    return crs


def read_vectors(
    path: Path, *, layer: str | None = None, encoding: str | None = None, columns: list[str] | None = None
) -> gpd.GeoDataFrame:
    """
    Read one layer of a vector file.

    Parameters
    ----------
    path
        Shapefile, GeoPackage, GeoJSON, GeoParquet or what else GDAL reads.
    layer
        Name of the layer where the file has several.
    encoding
        Encoding of a Shapefile without `.cpg`.
    columns
        Attribute columns to read; all by default.

    Returns
    -------
    geopandas.GeoDataFrame
        Rows in file order, index 0..n-1, CRS as the file says (None if it does not).

    Raises
    ------
    GeoError
        If the file is missing, unreadable, has no geometry, or has several layers and none is named.
    """
    if not path.exists():
        raise GeoError(
            f"{path.name}: there is no such file (looked in the folder {path.parent.name or '.'!r}); correct the path in the study file"
        )
    if path.suffix.lower() in (".parquet", ".geoparquet") or (path.is_dir() and any(path.glob("*.parquet"))):
        return _read_parquet(path, columns)
    try:
        layers = [str(name) for name, _ in pyogrio.list_layers(path)]
        if layer is None and len(layers) > 1:
            raise GeoError(f"{path.name} has several layers: {', '.join(layers)}; name one with layer = ...")
        if layer is not None and layer not in layers:
            raise GeoError(f"{path.name} has no layer {layer!r}; it has: {', '.join(layers)}")
        encoding = encoding or _shapefile_encoding(path)
        info = pyogrio.read_info(path, layer=layer, encoding=encoding)
        wanted = None if columns is None else [c for c in columns if c in set(info["fields"])]
        # Arrow reads UTF-8 alone.
        arrow = encoding in (None, "UTF-8")
        frame = pyogrio.read_dataframe(path, layer=layer, encoding=encoding, columns=wanted, use_arrow=arrow, on_invalid="ignore")
    except GeoError:
        raise
    except Exception as error:  # GDAL raises many kinds; each means that this file cannot be read
        raise GeoError(
            f"{path.name}: cannot be read as a vector file ({_first_line(error)}); check that the file is whole and of a known format"
        ) from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise GeoError(f"{path.name}: has a table but no geometry; a layer of polygons is needed")
    return frame.reset_index(drop=True)


def _read_parquet(path: Path, columns: list[str] | None) -> gpd.GeoDataFrame:
    try:
        frame = gpd.read_parquet(path)
    except Exception as error:
        raise GeoError(f"{path.name}: cannot be read as GeoParquet ({_first_line(error)})") from error
    if columns is not None:
        frame = frame[[c for c in frame.columns if c in columns or c == frame.geometry.name]]
    return frame.reset_index(drop=True)


def _shapefile_encoding(path: Path) -> str | None:
    """Find the encoding of a Shapefile without `.cpg`: by its language byte, else UTF-8 or GB18030 where the bytes decode, else Latin-1."""
    table = path.with_suffix(".dbf")
    if path.suffix.lower() != ".shp" or not table.is_file() or path.with_suffix(".cpg").is_file():
        return None
    data = table.read_bytes()
    if len(data) > 29 and data[29] == 0x4D:
        return "GB18030"
    try:
        data[32:].decode("utf-8")
        return "UTF-8"
    except UnicodeDecodeError:
        try:
            data[32:].decode("gb18030")
            return "GB18030"
        except UnicodeDecodeError:
            return "ISO-8859-1"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def column_names(path: Path, *, layer: str | None = None, encoding: str | None = None) -> list[str]:
    """
    Return the attribute columns of a layer without reading its rows.

    Parameters
    ----------
    path, layer, encoding
        As in `read_vectors`.

    Returns
    -------
    list of str
        Column names in file order.
    """
    if path.suffix.lower() in (".parquet", ".geoparquet"):
        import pyarrow.parquet as pq

        return [name for name in pq.read_schema(path).names if name not in ("geometry", "bbox")]
    return [str(name) for name in pyogrio.read_info(path, layer=layer, encoding=encoding)["fields"]]


def into_crs(
    frame: gpd.GeoDataFrame, crs: pyproj.CRS, *, source: str, declared: str | None = None, datum: str | None = None
) -> gpd.GeoDataFrame:
    """
    Bring a layer into the study's CRS, taking out a GCJ-02 or BD-09 shift where the study says that there is one.

    Parameters
    ----------
    frame
        The layer as read.
    crs
        The study's CRS.
    source
        Name of the file, for messages.
    declared
        CRS that the study gives for a file that has none.
    datum
        "gcj02" or "bd09" if the longitudes and latitudes are shifted; "wgs84" and "cgcs2000" are taken as equal (under 1 m apart).

    Returns
    -------
    geopandas.GeoDataFrame
        The same rows in `crs`, geometry in two dimensions.

    Raises
    ------
    GeoError
        If no CRS is known, or the coordinates cannot be what the CRS says.
    """
    found = frame.crs
    if found is None and declared is None:
        raise GeoError(f'{source}: the file does not say its CRS; find it out and write crs = "EPSG:…" beside its path in the study file')
    if found is None:
        frame = frame.set_crs(study_or_any_crs(declared or "", source))
    geometry = shapely.force_2d(frame.geometry.to_numpy())
    _check_range(geometry, frame.crs, source)
    if datum in SHIFTED:
        if not frame.crs.is_geographic:
            raise GeoError(
                f"{source}: datum = {datum!r} is for longitude and latitude, but the layer is in {frame.crs.name}; give the "
                f"layer in degrees"
            )
        geometry = shapely.transform(geometry, _gcj_to_wgs if datum == "gcj02" else _bd_to_wgs)
    moved = gpd.GeoSeries(geometry, index=frame.index, crs=frame.crs).to_crs(crs)
    return frame.set_geometry(moved)


def study_or_any_crs(text: str, source: str) -> pyproj.CRS:
    """
    Return a CRS declared for a layer.

    Parameters
    ----------
    text
        Anything pyproj knows.
    source
        Name of the file, for messages.

    Returns
    -------
    pyproj.CRS
        The CRS.

    Raises
    ------
    GeoError
        If pyproj does not know it.
    """
    try:
        return pyproj.CRS.from_user_input(text)
    except CRSError as error:
        raise GeoError(f"{source}: crs = {text!r} is not a CRS that is known; write e.g. 'EPSG:4490'") from error


def _check_range(geometry: np.ndarray, crs: pyproj.CRS, source: str) -> None:
    bounds = shapely.bounds(geometry)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        return
    left, bottom = np.median(bounds[:, :2], axis=0)
    if crs.is_geographic and (abs(left) > 180.5 or abs(bottom) > 90.5):
        raise GeoError(
            f"{source}: says {crs.name} (degrees), but its coordinates are near {left:.0f}, {bottom:.0f}: they are metres "
            f"of some projection; correct the file or its crs"
        )
    if crs.is_projected and abs(left) <= 180 and abs(bottom) <= 90:
        raise GeoError(
            f"{source}: says {crs.name} (metres), but its coordinates are near {left:.4f}, {bottom:.4f}: they look like "
            f"degrees; correct the file or its crs"
        )


def _gcj_to_wgs(xy: np.ndarray) -> np.ndarray:
    return np.column_stack(wgs84_from_gcj02(xy[:, 0], xy[:, 1]))


def _bd_to_wgs(xy: np.ndarray) -> np.ndarray:
    return np.column_stack(wgs84_from_gcj02(*gcj02_from_bd09(xy[:, 0], xy[:, 1])))
