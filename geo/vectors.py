"""Read vector layers as they come."""

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import GeoError
from .formats import read_layer
from .lines import outlines
from .sources import vector_files


def read_vectors(
    path: Path | Sequence[Path],
    *,
    layer: str | None = None,
    encoding: str | None = None,
    columns: list[str] | None = None,
    osm_key: str | None = None,
    points: bool = False,
    warnings: list[str] | None = None,
) -> gpd.GeoDataFrame:
    """
    Read a layer of outlines from one vector file, or from all that a list, a folder or a pattern means.

    Parameters
    ----------
    path
        See `geo.sources.vector_files` and `geo.formats.read_layer`.
    layer
        Name of the layer where a file has several; the sheet of a workbook, the layer of a drawing, the file in a ZIP.
    encoding
        Encoding of a Shapefile, a drawing or a text table, where it is not found out rightly.
    columns
        Attribute columns to read, as far as they are there; all by default.
    osm_key
        Key that a feature of an OpenStreetMap file has to have, e.g. "building".
    points
        Whether a layer of points may pass.
    warnings
        What the user should know; appended to.

    Returns
    -------
    geopandas.GeoDataFrame
        Rows in file order, index 0..n-1, CRS as the (first) file says, None if it does not.

    Raises
    ------
    GeoError
        If a file is missing, unreadable or has no outlines, has several layers and none is named, or some name a CRS and others do not.
    """
    said: list[str] = [] if warnings is None else warnings
    paths = [path] if isinstance(path, Path) else path
    files = list(dict.fromkeys(file for one in paths for file in vector_files(one)))
    frames, by_file = [], []
    for file in files:
        of_file: list[str] = []
        rows, shapes = read_layer(file, layer=layer, encoding=encoding, columns=columns, osm_key=osm_key, warnings=of_file)
        outlines(shapes, file.name, of_file, points=points)
        frames.append(shapes.frame(rows))
        by_file.append((file.name, of_file))
    tell_once(by_file, said)
    if len(frames) == 1:
        return frames[0]
    crs = frames[0].crs
    if any((frame.crs is None) != (crs is None) for frame in frames):
        raise GeoError(f"{file_names(paths)}: some of its files name a CRS and some do not; add the missing .prj, or give them one by one")
    same = [frame if crs is None or frame.crs == crs else frame.to_crs(crs) for frame in frames]
    return gpd.GeoDataFrame(pd.concat(same, ignore_index=True), crs=crs)


def tell_once(by_file: Sequence[tuple[str, list[str]]], warnings: list[str]) -> None:
    """
    Tell once what holds for several files alike.

    Parameters
    ----------
    by_file
        Name of each file and what is said of it, each sentence beginning with that name.
    warnings
        What the user should know; appended to.
    """
    files: dict[str, list[str]] = {}
    for name, texts in by_file:
        for text in texts:
            files.setdefault(text.removeprefix(f"{name}: "), []).append(text)
    for alike in files.values():
        if len(alike) > 2:
            warnings.append(f"for {len(alike)} files alike: {alike[0]}")
        else:
            warnings.extend(alike)


def file_names(paths: Sequence[Path]) -> str:
    """
    Name the files of a layer in a message.

    Parameters
    ----------
    paths
        Files, folders or patterns.

    Returns
    -------
    str
        Their names, joined by commas.
    """
    return ", ".join(path.name for path in paths)


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
        Column names in file order; of the first file where there are several.
    """
    rows, _ = read_layer(vector_files(path)[0], layer=layer, encoding=encoding, rows=1, warnings=[])
    return [str(name) for name in rows.columns]


def row_numbers(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """
    Count the rows of one file as its user sees them.

    Parameters
    ----------
    frame
        As `read_vectors` gives it, of one file.

    Returns
    -------
    array of int
        Shape (n,); the first feature of a layer is 1, the rows of a table are those of the spreadsheet, its head included.
    """
    rows = frame.attrs.get("rows")
    return np.arange(1, len(frame) + 1, dtype=np.int64) if rows is None or len(rows) != len(frame) else np.asarray(rows, dtype=np.int64)
