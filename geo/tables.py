"""Tables with places: CSV, TSV and Excel with outlines as text, or with longitude and latitude."""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from .encodings import text_encoding
from .errors import GeoError
from .shapes import from_wkb, numbered

Objects = npt.NDArray[np.object_]

_LONGITUDE = ("经度", "东经", "lon", "lng", "long", "longitude", "lon_wgs84", "lng_wgs84", "坐标经度", "中心经度")
_LATITUDE = ("纬度", "北纬", "lat", "latitude", "lat_wgs84", "坐标纬度", "中心纬度")
_SHAPE = ("wkt", "geometry", "geom", "the_geom", "wkb_geometry", "shape", "几何", "几何图形", "图形", "轮廓")
_WKT = re.compile(r"\s*(?:SRID=(\d+);)?\s*((?:MULTI)?POLYGON|(?:MULTI)?LINESTRING|(?:MULTI)?POINT|GEOMETRYCOLLECTION)\b", re.IGNORECASE)
_HEX = re.compile(r"0[01][0-9A-Fa-f]{16,}")
# 117°02′15.5″, also with words and with a letter for the side of the world.
_SEXAGESIMAL = (
    r"^(?:东经|北纬|[EN])?\s*(\d+(?:\.\d+)?)\s*[°º度]\s*(?:(\d+(?:\.\d+)?)\s*['′’分]\s*)?"
    r"(?:(\d+(?:\.\d+)?)\s*(?:\"|″|”|''|′′|秒)\s*)?(?:[EN])?$"
)
# A title may stand above the head of a table.
_TITLE_ROWS = 10


def read_table(path: Path, *, layer: str | None = None, encoding: str | None = None, rows: int | None = None) -> gpd.GeoDataFrame:
    """
    Read a table whose rows have a place.

    Parameters
    ----------
    path
        `.csv`, `.tsv`, `.txt` (comma, semicolon or tab) or `.xlsx`.
    layer
        Sheet of a workbook.
    encoding
        Encoding of a text file; found out by default.
    rows
        Read only the first rows.

    Returns
    -------
    geopandas.GeoDataFrame
        All attributes as text. Shapes from a column of WKT, WKB (hexadecimal) or GeoJSON geometry, CRS as far as it says;
        else points from longitude and latitude in EPSG:4326.

    Raises
    ------
    GeoError
        If it cannot be read or has no column that gives a place.
    """
    with _whole(path):
        frame = _read_workbook(path, layer, rows) if path.suffix.lower() == ".xlsx" else _read_text(path, encoding, rows)
    return with_places(frame, path.name)


def read_rows(path: Path) -> pd.DataFrame:
    """
    Read a table that needs no place.

    Parameters
    ----------
    path
        As in `read_table`; the first sheet of a workbook, its head in the first row.

    Returns
    -------
    pandas.DataFrame
        All values as text.

    Raises
    ------
    GeoError
        If it cannot be read.
    """
    with _whole(path):
        return pd.read_excel(path, dtype=str) if path.suffix.lower() == ".xlsx" else _read_text(path, None, None)


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Say in one way that a table cannot be read."""
    try:
        yield
    except GeoError:
        raise
    except (OSError, ValueError, KeyError, IndexError, TypeError, zipfile.BadZipFile, pd.errors.ParserError, SyntaxError) as error:
        raise GeoError(
            f"{path.name}: cannot be read as a table ({' '.join(str(error).split())[:200]}); check that the file is whole"
        ) from error


def with_places(frame: pd.DataFrame, name: str) -> gpd.GeoDataFrame:
    """
    Turn the columns of a table that give a place into geometry.

    Parameters
    ----------
    frame
        The table.
    name
        Name of the file, for messages.

    Returns
    -------
    geopandas.GeoDataFrame
        The other columns and the geometry.

    Raises
    ------
    GeoError
        If no column gives a place.
    """
    known = {str(column).strip().lower(): column for column in reversed(list(frame.columns))}
    shape = next((known[word] for word in _SHAPE if word in known), None)
    if shape is None:
        shape = next((c for c in frame.columns if _looks_like_shapes(frame[c])), None)
    if shape is not None:
        geometry, crs = _shapes(frame[shape])
        return gpd.GeoDataFrame(frame.drop(columns=[shape]), geometry=geometry, crs=crs)
    longitude = next((known[word] for word in _LONGITUDE if word in known), None)
    latitude = next((known[word] for word in _LATITUDE if word in known), None)
    if longitude is None or latitude is None:
        have = ", ".join(map(str, frame.columns))
        raise GeoError(
            f"{name}: no column gives a place; it has: {have}. Outlines are read from a column of WKT named 'wkt', 'geometry' or '几何'"
        )
    x, y = _degrees(frame[longitude]), _degrees(frame[latitude])
    points = np.full(len(frame), None, dtype=object)
    there = np.isfinite(x) & np.isfinite(y)
    points[there] = shapely.points(x[there], y[there])
    return gpd.GeoDataFrame(frame, geometry=points, crs=4326)


def _degrees(column: pd.Series) -> npt.NDArray[np.float64]:
    """Degrees as a number, or as degrees, minutes and seconds; NaN where it is neither."""
    plain = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    if np.isfinite(plain).all() or pd.api.types.is_numeric_dtype(column):
        return plain
    parts = column.astype("string").str.strip().str.extract(_SEXAGESIMAL, flags=re.IGNORECASE)
    whole, minutes, seconds = (pd.to_numeric(parts[k], errors="coerce").to_numpy(dtype=float, na_value=np.nan) for k in range(3))
    return np.where(np.isfinite(plain), plain, whole + np.nan_to_num(minutes) / 60.0 + np.nan_to_num(seconds) / 3600.0)


def _read_text(path: Path, encoding: str | None, rows: int | None) -> pd.DataFrame:
    codec = text_encoding(path, encoding)
    with path.open(encoding=codec, errors="replace") as stream:
        head = stream.readline()
    separator = max(",;\t", key=head.count)
    if "\0" in head:
        raise GeoError(f"{path.name}: is not text but binary data; check what kind of file it is")
    table = pd.read_csv(
        path,
        sep=separator,
        encoding=codec,
        encoding_errors="replace",
        dtype=str,
        keep_default_na=False,
        na_values=[""],
        nrows=rows,
        skip_blank_lines=False,
    )
    if not isinstance(table.index, pd.RangeIndex):  # pandas would take the first columns for labels, and every value for its neighbour's
        raise GeoError(f"{path.name}: its rows have more cells than its head has; write a head above every column, or put text in quotes")
    return _without_blanks(table, 2)


def _without_blanks(table: pd.DataFrame, first: int) -> pd.DataFrame:
    """Leave out empty rows; `attrs["rows"]` keeps the numbers of the others in the spreadsheet, of which `first` is the first."""
    there = table.notna().any(axis=1).to_numpy()
    numbers = np.flatnonzero(there) + first
    table = table[there].reset_index(drop=True)
    # a range is as quick to copy as it is short
    table.attrs["rows"] = range(first, first + len(table)) if there[: len(table)].all() else numbers.tolist()
    return table


def _read_workbook(path: Path, sheet: str | None, rows: int | None) -> pd.DataFrame:
    with pd.ExcelFile(path) as book:
        names = [str(name) for name in book.sheet_names]
        if sheet is not None and sheet not in names:
            raise GeoError(f"{path.name} has no sheet {sheet!r}; it has: {', '.join(names)}")
        chosen: list[tuple[str, int]] = []
        for name in [sheet] if sheet is not None else names:
            top = pd.read_excel(book, sheet_name=name, header=None, dtype=str, nrows=_TITLE_ROWS)
            head = next((k for k in range(len(top)) if _is_head(top.iloc[k])), None)
            if head is not None:
                chosen.append((name, head))
        if len(chosen) > 1:
            raise GeoError(f"{path.name} has several sheets with places: {', '.join(n for n, _ in chosen)}; name one with layer = ...")
        name, head = chosen[0] if chosen else (sheet or names[0], 0)
        table = pd.read_excel(book, sheet_name=name, header=None, dtype=str, skiprows=head, nrows=None if rows is None else rows + 1)
    if table.empty:
        raise GeoError(f"{path.name}: the sheet {name!r} is empty")
    table.columns = pd.Index(numbered([str(c) if isinstance(c, str) else f"column {k + 1}" for k, c in enumerate(table.iloc[0])]))
    return _without_blanks(table.iloc[1:], head + 2)


def _is_head(row: pd.Series) -> bool:
    words = {str(word).strip().lower() for word in row}
    return bool(words & set(_SHAPE)) or bool(words & set(_LONGITUDE) and words & set(_LATITUDE))


def _looks_like_shapes(column: pd.Series) -> bool:
    first = column.dropna()
    return len(first) > 0 and isinstance(first.iloc[0], str) and _WKT.match(first.iloc[0]) is not None


def _shapes(column: pd.Series) -> tuple[Objects, int | None]:
    """Geometry from WKT, EWKT, hexadecimal WKB or GeoJSON, whatever the first value is; what cannot be read is None."""
    values = column.to_numpy(dtype=object)
    there = np.flatnonzero(~column.isna().to_numpy())
    out = np.full(len(values), None, dtype=object)
    if not there.size:
        return out, None
    first = values[there[0]]
    if isinstance(first, bytes):
        out[there] = from_wkb(values[there])
        return out, None
    text = pd.Series(values[there]).astype(str).str.strip()
    if _HEX.match(text.iloc[0]):
        good = text.str.fullmatch(r"(?:[0-9A-Fa-f]{2})+").to_numpy(dtype=bool)
        out[there[good]] = from_wkb(text[good].to_numpy(dtype=object))
        found = shapely.get_srid(out[there[good]])
        return out, int(found[0]) if found.size and found[0] > 0 else None
    if text.iloc[0].startswith("{"):
        out[there] = shapely.from_geojson(text.to_numpy(dtype=object), on_invalid="ignore")
        return out, 4326
    parts = text.str.extract(r"^(?:SRID=(\d+);)?\s*(.*)$", flags=re.IGNORECASE | re.DOTALL)
    out[there] = shapely.from_wkt(parts[1].to_numpy(dtype=object), on_invalid="ignore")
    code = parts[0].dropna()
    return out, int(code.iloc[0]) if len(code) else None
