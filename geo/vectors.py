"""Read vector layers as they come."""

from pathlib import Path

import geopandas as gpd
import pyogrio

from .errors import GeoError


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
