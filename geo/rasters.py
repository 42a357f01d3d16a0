"""Elevation rasters as they come, brought onto the study's global grid chunk by chunk."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.io import DatasetReader
from rasterio.transform import Affine, from_origin
from rasterio.warp import Resampling, calculate_default_transform, reproject, transform_bounds
from rasterio.windows import Window

from .errors import GeoError
from .grid import Bounds, Grid, snap

_SUFFIXES = (".tif", ".tiff", ".vrt", ".img", ".asc", ".bil", ".flt", ".hgt", ".dem", ".adf")
_CHUNK = 1024
_LOWEST, _HIGHEST = -500.0, 9000.0  # no ground and no tower of this planet lies outside: such a value is a fill
_FEET = {"ft": 0.3048, "foot": 0.3048, "feet": 0.3048, "us survey foot": 1200 / 3937, "us-ft": 1200 / 3937, "ftus": 1200 / 3937}


@dataclass(frozen=True)
class RasterFacts:
    """What was found in a raster and what became of it.

    Attributes
    ----------
    source_crs
        CRS of the source as text; several are joined by "; ".
    resolution
        Side of a cell of the prepared raster. [m]
    shape
        Rows and columns of the prepared raster.
    nodata
        How cells without data were recognised, in plain words.
    bounds
        Edges of the prepared raster in the study's CRS. [m]
    covered_bounds
        Edges of the part that has data. [m]
    covered_share
        Share of the cells that have data.
    minimum
        Lowest value. [m]
    maximum
        Highest value. [m]
    files
        Number of source files.
    """

    source_crs: str
    resolution: float
    shape: tuple[int, int]
    nodata: str
    bounds: Bounds
    covered_bounds: Bounds
    covered_share: float
    minimum: float
    maximum: float
    files: int


def prepare_raster(
    source: Path,
    target: Path,
    crs: str,
    *,
    resolution: float | None = None,
    bounds: Bounds | None = None,
    source_crs: str | None = None,
) -> RasterFacts:
    """Bring a DEM or DSM into the study's projected CRS, onto the global grid, as a tiled float32 GeoTIFF.

    Parameters
    ----------
    source
        One raster that GDAL reads, or a folder of them; where files overlap the first by name wins.
    target
        GeoTIFF to write.
    crs
        Projected CRS of the study, in metres, as anything rasterio understands.
    resolution
        Side of a cell; by default that of the first source, rounded to two digits where it has to be converted. [m]
    bounds
        Limits of the result in the study's CRS; by default all of the source. [m]
    source_crs
        CRS of sources that do not name theirs.

    Returns
    -------
    RasterFacts
        What was found; cells without data are NaN in the target.

    Raises
    ------
    GeoError
        If a file is missing or unreadable, has no CRS, is a picture, lies outside the bounds, or holds no data at all.
    """
    goal = _crs(crs)
    with ExitStack() as stack:
        sources = [_open(path, source_crs, stack) for path in _files(source)]
        if resolution is None:
            resolution = _native_resolution(sources[0], goal)
        extents = [transform_bounds(s.crs, goal, *s.data.bounds, densify_pts=21) for s in sources]
        west, south, east, north = (f(e[k] for e in extents) for k, f in enumerate((min, min, max, max)))
        if bounds is not None:
            west, south, east, north = max(west, bounds[0]), max(south, bounds[1]), min(east, bounds[2]), min(north, bounds[3])
            if west >= east or south >= north:
                raise GeoError(
                    f"{source.name} does not reach the area of the study: it covers {_rounded(extents[0])} in {crs}, "
                    f"the study lies in {_rounded(bounds)}. Check the CRS of both, or name another raster."
                )
        window = snap((west, south, east, north), resolution)
        fills = [_fill_values(s) for s in sources]
        facts = _write(sources, extents, fills, target, goal, resolution, window)
    if not np.isfinite(facts.minimum):
        target.unlink()
        raise GeoError(f"{source.name} holds no data ({facts.nodata}): every cell is empty. Name a raster with elevations.")
    return facts


def read_window(path: Path, bounds: Bounds, *, pad: float = 0.0) -> Grid:
    """Read the part of a prepared raster that covers the bounds.

    Parameters
    ----------
    path
        Raster written by `prepare_raster`.
    bounds
        West, south, east and north edge. [m]
    pad
        Width added on every side. [m]

    Returns
    -------
    Grid
        Whole cells that cover the padded bounds; NaN beyond the raster.

    Raises
    ------
    GeoError
        If the file cannot be read or does not lie on the global grid.
    """
    try:
        with rasterio.open(path) as data:
            size = float(data.transform.a)
            west, south, east, north = bounds
            i0, j0, i1, j1 = snap((west - pad, south - pad, east + pad, north + pad), size)
            first, top = round(data.transform.c / size), round(data.transform.f / size)
            # the window's columns and rows within the file, and what of them the file has
            c0, r0, c1, r1 = i0 - first, top - j1, i1 - first, top - j0
            a, b, c, d = max(c0, 0), max(r0, 0), min(c1, data.width), min(r1, data.height)
            values = np.full((r1 - r0, c1 - c0), np.nan, np.float32)
            if a < c and b < d:
                part = data.read(1, window=Window(a, b, c - a, d - b), out_dtype=np.float32)
                values[b - r0 : d - r0, a - c0 : c - c0] = part
    except RasterioError as error:
        raise GeoError(f"The raster {path.name} cannot be read ({error}): prepare it again.") from error
    return Grid(values, i0 * size, j1 * size, size)


@dataclass(frozen=True)
class _Source:
    """An open source file, its CRS and the factor and offset that turn its numbers into metres."""

    data: DatasetReader
    crs: CRS
    scale: float
    offset: float
    note: str


def _crs(text: str) -> CRS:
    try:
        crs = CRS.from_user_input(text)
    except CRSError as error:
        raise GeoError(f"{text!r} is no CRS that is known here: expected e.g. EPSG:4548.") from error
    if not crs.is_projected or abs(crs.linear_units_factor[1] - 1) > 1e-9:
        raise GeoError(f"{text} is not a projected CRS in metres: name one such as EPSG:4548 (CGCS2000, 117° E) in the study file.")
    return crs


def _files(source: Path) -> list[Path]:
    if source.is_dir() and not (source / "hdr.adf").exists():
        found = sorted(p for p in source.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
        if not found:
            raise GeoError(f"The folder {source.name} holds no raster: expected files ending in {', '.join(_SUFFIXES[:5])}.")
        return found
    if not source.exists():
        raise GeoError(f"The raster {source.name} does not exist: correct its path in the study file.")
    return [source]


def _open(path: Path, source_crs: str | None, stack: ExitStack) -> _Source:
    try:
        data = stack.enter_context(rasterio.open(path))
        data.read(1, window=Window(0, 0, 1, 1))
    except (RasterioError, IndexError) as error:
        raise GeoError(f"{path.name} cannot be read as a raster ({error}): expected GeoTIFF, VRT, IMG or ASC with elevations.") from error
    if data.count >= 3 and data.dtypes[0] == "uint8":
        raise GeoError(f"{path.name} is a picture of {data.count} bands, not a raster of elevations: name the DEM or DSM itself.")
    crs = data.crs or (CRS.from_user_input(source_crs) if source_crs else None)
    if crs is None:
        raise GeoError(f"{path.name} names no CRS: write one into the file (gdal_edit -a_srs) or name it in the study file.")
    unit = (data.units[0] or "").strip().lower()
    factor = _FEET.get(unit, 1.0)
    scale, offset = float(data.scales[0]) * factor, float(data.offsets[0]) * factor
    note = f"; values converted from {unit}" if unit in _FEET else ""
    return _Source(data, crs, scale, offset, note)


def _native_resolution(source: _Source, goal: CRS) -> float:
    data = source.data
    across, down = np.hypot(data.transform.a, data.transform.d), np.hypot(data.transform.b, data.transform.e)
    if source.crs == goal:
        return float(min(across, down))
    if source.crs.is_projected and abs(source.crs.linear_units_factor[1] - 1) < 1e-9:
        return float(f"{min(across, down):.6g}")
    transform, _, _ = calculate_default_transform(source.crs, goal, data.width, data.height, *data.bounds)
    return float(f"{transform.a:.2g}")


def _fill_values(source: _Source) -> tuple[list[float], str]:
    """Decide which values mean "no data", and say how that was decided."""
    tag = source.data.nodata
    if tag is not None and not np.isnan(tag):
        return [float(tag)], f"nodata tag {tag:g}"
    implausible: set[float] = set()
    missing = 0
    for _, window in source.data.block_windows(1):
        values = source.data.read(1, window=window)
        missing += int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
        metres = values.astype(np.float64) * source.scale + source.offset
        implausible.update(np.unique(values[(metres < _LOWEST) | (metres > _HIGHEST)])[:8].tolist())
        if len(implausible) > 64:
            break
    if implausible:
        shown = ", ".join(f"{v:g}" for v in sorted(implausible)[:3])
        return sorted(implausible), f"no nodata tag; values no ground can have ({shown}) taken as empty"
    if missing:
        return [], "NaN means empty"
    return [], "no nodata tag and no fill value found: every cell counts"


def _write(
    sources: list[_Source],
    extents: list[Bounds],
    fills: list[tuple[list[float], str]],
    target: Path,
    goal: CRS,
    resolution: float,
    window: tuple[int, int, int, int],
) -> RasterFacts:
    i0, j0, i1, j1 = window
    width, height = i1 - i0, j1 - j0
    low, high, cells = np.inf, -np.inf, 0
    columns, rows = (width, -1), (height, -1)
    target.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": goal, "nodata": np.nan, "width": width, "height": height}
    layout = {
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        "predictor": 3,
        "zlevel": 1,
        "BIGTIFF": "IF_SAFER",
    }
    transform = from_origin(i0 * resolution, j1 * resolution, resolution, resolution)
    with rasterio.open(target, "w", transform=transform, **profile, **layout) as out:
        for r, c, h, w in _chunks(height, width):
            part = _chunk(sources, extents, fills, goal, resolution, (i0 + c, j1 - r), (h, w))
            known = np.isfinite(part)
            if known.any():
                low, high = min(low, float(part[known].min())), max(high, float(part[known].max()))
                cells += int(known.sum())
                seen_r, seen_c = np.flatnonzero(known.any(axis=1)) + r, np.flatnonzero(known.any(axis=0)) + c
                columns = (min(columns[0], int(seen_c[0])), max(columns[1], int(seen_c[-1])))
                rows = (min(rows[0], int(seen_r[0])), max(rows[1], int(seen_r[-1])))
            out.write(part, 1, window=Window(c, r, w, h))
        out.update_tags(minimum=repr(low), maximum=repr(high))
    left, top = i0 * resolution, j1 * resolution
    covered = (
        left + columns[0] * resolution,
        top - (rows[1] + 1) * resolution,
        left + (columns[1] + 1) * resolution,
        top - rows[0] * resolution,
    )
    return RasterFacts(
        source_crs="; ".join(sorted({s.crs.to_string() for s in sources})),
        resolution=resolution,
        shape=(height, width),
        nodata="; ".join(sorted({note + s.note for (_, note), s in zip(fills, sources, strict=True)})),
        bounds=(left, j0 * resolution, i1 * resolution, top),
        covered_bounds=covered,
        covered_share=cells / (width * height),
        minimum=low if cells else np.nan,
        maximum=high if cells else np.nan,
        files=len(sources),
    )


def _chunks(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    for r in range(0, height, _CHUNK):
        for c in range(0, width, _CHUNK):
            yield r, c, min(_CHUNK, height - r), min(_CHUNK, width - c)


def _chunk(
    sources: list[_Source],
    extents: list[Bounds],
    fills: list[tuple[list[float], str]],
    goal: CRS,
    resolution: float,
    corner: tuple[int, int],
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    left, top = corner[0] * resolution, corner[1] * resolution
    bounds = (left, top - shape[0] * resolution, left + shape[1] * resolution, top)
    result = np.full(shape, np.nan, np.float32)
    for source, extent, (fill, _) in zip(sources, extents, fills, strict=True):
        if extent[0] >= bounds[2] or extent[2] <= bounds[0] or extent[1] >= bounds[3] or extent[3] <= bounds[1]:
            continue
        values, transform = _source_part(source, fill, transform_bounds(goal, source.crs, *bounds, densify_pts=21))
        if values.size == 0:
            continue
        part = np.full(shape, np.nan, np.float32)
        reproject(
            values,
            part,
            src_transform=transform,
            src_crs=source.crs,
            src_nodata=np.nan,
            dst_transform=from_origin(left, top, resolution, resolution),
            dst_crs=goal,
            dst_nodata=np.nan,
            resampling=Resampling.bilinear,
        )
        result = np.where(np.isnan(result), part, result)
    return result


def _source_part(source: _Source, fill: list[float], bounds: Bounds) -> tuple[NDArray[np.float32], Affine]:
    """Source cells around the bounds in metres, NaN where empty; masked here because GDAL knows one nodata value only."""
    data = source.data
    west, south, east, north = bounds
    back = ~data.transform
    corners = [(back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f) for x in (west, east) for y in (south, north)]
    c0, r0 = (max(int(np.floor(min(p[k] for p in corners))) - 3, 0) for k in (0, 1))
    c1 = min(int(np.ceil(max(p[0] for p in corners))) + 3, data.width)
    r1 = min(int(np.ceil(max(p[1] for p in corners))) + 3, data.height)
    if c0 >= c1 or r0 >= r1:
        return np.empty((0, 0), np.float32), data.transform
    try:
        raw = data.read(1, window=Window(c0, r0, c1 - c0, r1 - r0))
    except RasterioError as error:
        raise GeoError(f"{Path(data.name).name} breaks off while it is read ({error}): fetch the file again.") from error
    values = (raw.astype(np.float64) * source.scale + source.offset).astype(np.float32)
    values[np.isin(raw, np.asarray(fill, raw.dtype))] = np.nan
    values[~((values >= _LOWEST) & (values <= _HIGHEST))] = np.nan
    t = data.transform
    return values, Affine(t.a, t.b, t.c + t.a * c0 + t.b * r0, t.d, t.e, t.f + t.d * c0 + t.e * r0)


def _rounded(bounds: Bounds) -> str:
    return "(" + ", ".join(f"{v:.0f}" for v in bounds) + ")"


@dataclass(frozen=True)
class RasterGlance:
    """What the head of a raster says, without reading its cells.

    Attributes
    ----------
    source_crs
        CRS of the source as text; several are joined by "; ".
    bounds
        Edges in the CRS asked for.
    resolution
        Side of a cell of the first file in the CRS asked for.
    shape
        Rows and columns of the first file.
    files
        Number of files.
    """

    source_crs: str
    bounds: Bounds
    resolution: float
    shape: tuple[int, int]
    files: int


def glance(source: Path, crs: str, *, source_crs: str | None = None) -> RasterGlance:
    """Look at the head of a raster or of a folder of them.

    Parameters
    ----------
    source
        One raster that GDAL reads, or a folder of them.
    crs
        CRS in which to give the edges, as anything rasterio understands.
    source_crs
        CRS of sources that do not name theirs.

    Returns
    -------
    RasterGlance
        What was found.

    Raises
    ------
    GeoError
        If a file is missing or unreadable, has no CRS or is a picture.
    """
    with ExitStack() as stack:
        sources = [_open(path, source_crs, stack) for path in _files(source)]
        extents = [transform_bounds(s.crs, CRS.from_user_input(crs), *s.data.bounds, densify_pts=21) for s in sources]
        west, south, east, north = (f(e[k] for e in extents) for k, f in enumerate((min, min, max, max)))
        first = sources[0].data
        named = "; ".join(sorted({s.crs.to_string() for s in sources}))
        return RasterGlance(named, (west, south, east, north), (extents[0][2] - extents[0][0]) / first.width, first.shape, len(sources))
