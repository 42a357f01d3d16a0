"""Tables in the formats of other software: names, coordinates and shapes as each of them can hold them."""

import csv
import re
import shutil
import tempfile
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely

from geo.datum import gcj02_from_wgs84

from .errors import LayersError
from .replacing import open_elsewhere, put_in_place
from .schema import column

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        ".gpkg": "GPKG",
        ".geojson": "GeoJSON",
        ".fgb": "FlatGeobuf",
        ".shp": "ESRI Shapefile",
        ".gdb": "OpenFileGDB",
        ".dxf": "DXF",
        ".csv": "CSV",
    }
)
DATUMS = ("own", "gcj02")
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    ".gpkg": {"VERSION": "1.2"},
    ".geojson": {"RFC7946": "YES", "COORDINATE_PRECISION": "7"},
    ".shp": {"ENCODING": "UTF-8"},
}
_MIXED = (".geojson", ".gpkg")
_CHINA = (72.0, 0.8, 138.0, 56.0)  # outside it GCJ-02 is not defined
_AREAS = ("Polygon", "MultiPolygon")


@cache
def short_names() -> Mapping[str, str]:
    """
    Read the published names of at most ten letters.

    Returns
    -------
    mapping of str to str
        Short name by column, for columns whose own is longer.
    """
    names: Mapping[str, str] = tomllib.loads((files(__package__) / "short_names.toml").read_text(encoding="utf-8"))["short"]
    return MappingProxyType(dict(names))


def write_export(frame: gpd.GeoDataFrame, table: str, file: Path, *, datum: str = "own") -> list[Path]:
    """
    Write rows of a table in the format that the ending of a file names: whole or not at all.

    Parameters
    ----------
    frame
        Rows of the table.
    table
        "roofs", "buildings" or "regions", which describe the columns.
    file
        Target: .gpkg, .geojson, .fgb, .shp, .gdb, .dxf or .csv.
    datum
        "own" keeps the CRS (GeoJSON and CSV are in WGS 84); "gcj02" shifts to the longitudes and latitudes of Chinese web maps.

    Returns
    -------
    list of Path
        The files written, the one asked for first.

    Raises
    ------
    LayersError
        The format is unknown or cannot hold what is asked, or a file is open elsewhere.

    Notes
    -----
    Shapefiles carry a table NAME.fields.csv of short names, names and titles, and 1 and 0 for yes and no. Files in GCJ-02 claim no CRS,
    since it has no code, and have a column `datum`. CSV holds a point on each surface.
    DXF holds the outlines in metres, a layer a class of use.
    """
    ending = file.suffix.lower()
    if ending not in FORMATS:
        raise LayersError(f"{file.name}: unknown format; known endings: {', '.join(FORMATS)}")
    if datum not in DATUMS:
        raise LayersError(f"datum {datum!r} is unknown; expected {' or '.join(DATUMS)}")
    if ending == ".dxf" and datum != "own":
        raise LayersError(f"{file.name}: a DXF is drawn in metres and cannot be in GCJ-02; choose .geojson, .shp or .gpkg")
    moved = _shifted(frame) if datum == "gcj02" else frame.to_crs(4326) if ending in (".geojson", ".csv") else frame
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".wuding-", dir=file.parent) as work:
        _write(moved, table, Path(work) / file.name, ending)
        made = sorted(Path(work).iterdir(), key=lambda path: (path.name != file.name, path.name))
        if len(made) > 1 or made[0].is_dir():
            return _put_together(made, file)
        put_in_place(made[0], file)
        return [file]


def _put_together(made: Sequence[Path], file: Path) -> list[Path]:
    """Replace parts that belong together all or none: a new shape beside an old table would be read as one."""
    there = [file.with_name(path.name) for path in made]
    aside = made[0].parent / "aside"
    aside.mkdir()
    moved: list[Path] = []
    try:
        for path in there:
            if path.exists():
                path.replace(aside / path.name)
                moved.append(path)
    except PermissionError as error:
        for path in moved:
            (aside / path.name).replace(path)
        beside = [file.with_name(path.name.replace(file.stem, f"{file.stem}-new", 1)) for path in made]
        shutil.rmtree(beside[0], ignore_errors=True)
        for path, new in zip(made, beside, strict=True):
            path.replace(new)
        raise open_elsewhere(file, beside[0]) from error
    for path, new in zip(made, there, strict=True):
        path.replace(new)
    return there


def _shifted(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Shift to GCJ-02; the result claims no CRS, so that no desktop takes it for WGS 84."""
    there = frame.to_crs(4326)
    west, south, east, north = there.total_bounds
    if west < _CHINA[0] or south < _CHINA[1] or east > _CHINA[2] or north > _CHINA[3]:
        raise LayersError(f"GCJ-02 is defined in China only, but the rows lie near {west:.2f}, {south:.2f}; leave out --datum gcj02")

    def shift(points: np.ndarray) -> np.ndarray:
        return np.column_stack(gcj02_from_wgs84(points[:, 0], points[:, 1]))

    shapes = shapely.transform(shapely.force_2d(there.geometry.to_numpy()), shift)
    plain = pd.DataFrame(there.drop(columns=there.geometry.name)).assign(datum="GCJ-02")
    return gpd.GeoDataFrame(plain, geometry=shapes)


def _write(frame: gpd.GeoDataFrame, table: str, path: Path, ending: str) -> None:
    if ending == ".csv":
        _with_places(frame).to_csv(path, index=False, encoding="utf-8-sig")
        return
    if ending == ".dxf":
        _write_outlines(frame, path)
        return
    shown = frame if ending in _MIXED else _areas_only(frame)
    if ending in (".shp", ".gdb"):
        shown = _short_integers(shown)
    if ending == ".shp":
        yes_or_no = list(shown.select_dtypes(["bool", "boolean"]).columns)
        shown = shown.astype(dict.fromkeys(yes_or_no, "Int16")).rename(columns=dict(short_names()))
        _write_names(path.with_suffix(".fields.csv"), shown, table)
    kind = {} if ending in _MIXED else {"geometry_type": "MultiPolygon", "promote_to_multi": True}
    with warnings.catch_warnings():
        # GCJ-02 has no code on purpose.
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        warnings.filterwarnings("ignore", message="No SRS set on layer")
        # A geodatabase takes letters, digits and underscores only.
        name = re.sub(r"\W", "_", path.stem) if ending == ".gdb" else path.stem
        pyogrio.write_dataframe(shown, path, layer=name, driver=FORMATS[ending], **kind, **_OPTIONS.get(ending, {}))


def _areas_only(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Keep the rows but not the shapes of points and lines: these formats hold one kind of geometry."""
    area = frame.geom_type.isin(_AREAS) & ~frame.geometry.is_empty
    return frame.set_geometry(frame.geometry.where(area, None))


def _short_integers(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Long integers as 32 bits where they fit, else as floats: ArcGIS before Pro 3.2 knows no longer ones."""
    limit = np.iinfo(np.int32).max
    long = [name for name in frame.columns if str(frame[name].dtype).lower() == "int64"]
    return frame.astype({name: "Int32" if frame[name].abs().max() <= limit else "float64" for name in long})


def _with_places(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    spots = shapely.point_on_surface(frame.geometry.to_numpy())
    places = {"longitude": np.round(shapely.get_x(spots), 7), "latitude": np.round(shapely.get_y(spots), 7)}
    return pd.DataFrame(frame.drop(columns=frame.geometry.name)).assign(**places)


def _write_outlines(frame: gpd.GeoDataFrame, path: Path) -> None:
    """Draw every ring as a closed line: survey and design software reads lines, not filled areas."""
    if pyproj.CRS(frame.crs).is_geographic:
        raise LayersError(f"{path.name}: a DXF is drawn in metres; the table is in degrees")
    layer = frame["use"] if "use" in frame else pd.Series("regions", index=frame.index)
    shapes = frame.geometry.to_numpy()
    parts, row = shapely.get_parts(shapely.force_2d(shapes), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    lines = np.array([], dtype=object)
    if len(rings):
        points, ring = shapely.get_coordinates(rings, return_index=True)
        lines = shapely.linestrings(points, indices=ring)
    names = layer.astype("string").fillna("unknown").str.upper().to_numpy(dtype=object)[row[part]]
    drawn = gpd.GeoDataFrame({"Layer": names}, geometry=lines)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        pyogrio.write_dataframe(drawn, path, driver="DXF")


def _write_names(path: Path, shown: gpd.GeoDataFrame, table: str) -> None:
    """Write what the short names stand for."""
    long = {short: name for name, short in short_names().items()}
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["field", "column", "zh", "en"])
        for field in shown.columns:
            name = long.get(str(field), str(field))
            if name not in ("geometry", "datum"):
                described = column(table, name)
                rows.writerow([field, name, described.label("zh"), described.label("en")])
