"""Elevation rasters as they come, brought onto the study's global grid chunk by chunk."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.transform import Affine, from_origin
from rasterio.warp import Resampling, reproject, transform_bounds
from rasterio.windows import Window

from .errors import GeoError
from .grid import Bounds, Grid, snap
from .raster_sources import Source, crs_name, native_resolution, open_heads, open_sources, readable

_CHUNK = 1024
# The whole of Jinan at 1 m is 1e10 cells; more than this is a mistake in the resolution or the place.
_MOST_CELLS = 1e11
# A cell of a measured surface as it is packed here; of a smooth ground less.
_BYTES_OF_A_CELL = 2.5
# A disk with less room is full: a block of the raster does not fit.
_FULL_DISK = 1e6


@dataclass(frozen=True)
class RasterFacts:
    """What was found in a raster and what became of it.

    Attributes
    ----------
    source_crs
        CRS of the source as text; several are joined by "; ".
    source_resolution
        Side of a cell of the finest source. [m]
    resolution
        Side of a cell of the prepared raster. [m]
    shape
        Rows and columns of the prepared raster.
    nodata
        How cells without data were recognised and values read, in plain words, joined by "; ".
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
    source_resolution: float
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
        One raster that GDAL reads, a folder of them or a pattern; where files overlap the finest wins, then the first by name.
    target
        GeoTIFF to write.
    crs
        Projected CRS of the study, in metres, as anything rasterio understands.
    resolution
        Side of a cell; by default that of the finest source, rounded to two digits where it has to be converted. [m]
    bounds
        Limits of the result in the study's CRS; by default all of the source. [m]
    source_crs
        CRS that the study gives; it is believed where the files name another one.

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
        opened = [(native_resolution(one, goal), one) for one in open_sources(source, source_crs, stack)]
        sources = [one for _, one in sorted(opened, key=lambda pair: pair[0])]
        if resolution is None:
            resolution = min(side for side, _ in opened)
        extents = [_extent(one, goal) for one in sources]
        west, south, east, north = (f(e[k] for e in extents) for k, f in enumerate((min, min, max, max)))
        if bounds is not None:
            west, south, east, north = max(west, bounds[0]), max(south, bounds[1]), min(east, bounds[2]), min(north, bounds[3])
            if west >= east or south >= north:
                raise GeoError(
                    f"{source.name} does not reach the area of the study: it covers {_rounded(extents[0])} in {crs_name(goal)}, "
                    f"the study lies in {_rounded(bounds)}. Check the CRS of both, or name another raster."
                )
        window = snap((west, south, east, north), resolution)
        if (cells := (window[2] - window[0]) * (window[3] - window[1])) > _MOST_CELLS:
            raise GeoError(
                f"{source.name} would have {cells:.1e} cells of {resolution:g} m in {crs_name(goal)}: check its resolution and its CRS."
            )
        facts = _write(sources, extents, target, goal, resolution, window)
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
                data.read(1, window=Window(a, b, c - a, d - b), out=values[b - r0 : d - r0, a - c0 : c - c0])
    except RasterioError as error:
        raise GeoError(f"The raster {path.name} cannot be read ({error}): prepare it again.") from error
    return Grid(values, i0 * size, j1 * size, size)


def _crs(text: str) -> CRS:
    try:
        crs = CRS.from_user_input(text)
    except CRSError as error:
        raise GeoError(f"{text!r} is no CRS that is known here: expected e.g. EPSG:4548.") from error
    if not crs.is_projected or abs(crs.linear_units_factor[1] - 1) > 1e-9:
        raise GeoError(f"{text} is not a projected CRS in metres: name one such as EPSG:4548 (CGCS2000, 117° E) in the study file.")
    return crs


def _extent(source: Source, goal: CRS) -> Bounds:
    """Edges of a source in the study's CRS."""
    edges = source.edges()
    found = _edges(source.crs, goal, edges)
    if not np.isfinite(found).all():
        raise GeoError(
            f"{source.name} lies at {_rounded(edges)}, which {source.crs.to_string()} does not reach: correct the CRS of the file."
        )
    return found


def _edges(crs: CRS, goal: CRS, bounds: Bounds) -> Bounds:
    """Edges in another CRS; NaN where they lie beyond it."""
    try:
        west, south, east, north = transform_bounds(crs, goal, *bounds, densify_pts=21)
    except Exception:  # rasterio lets GDAL's own kinds of error through
        west = south = east = north = np.nan
    return west, south, east, north


def _write(
    sources: list[Source],
    extents: list[Bounds],
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
    _require_room(target, width * height)
    with writing(target), rasterio.open(target, "w", transform=transform, **profile, **layout) as out:
        for r, c, h, w in _chunks(height, width):
            part = _chunk(sources, extents, goal, resolution, (i0 + c, j1 - r), (h, w))
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
        source_resolution=min(native_resolution(one, goal) for one in sources),
        resolution=resolution,
        shape=(height, width),
        nodata="; ".join(sorted({note for s in sources for note in s.words()})),
        bounds=(left, j0 * resolution, i1 * resolution, top),
        covered_bounds=covered,
        covered_share=cells / (width * height),
        minimum=low if cells else np.nan,
        maximum=high if cells else np.nan,
        files=len(sources),
    )


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """
    Tell a full disk from other faults while a raster is written: GDAL says only that writing failed, and nothing while it closes the file.

    Parameters
    ----------
    target
        File that is written in the block.

    Raises
    ------
    OSError
        ENOSPC, where the disk is full.
    """
    try:
        yield
    except RasterioError as error:
        if shutil.disk_usage(target.parent).free < _FULL_DISK:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise
    if shutil.disk_usage(target.parent).free < _FULL_DISK:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _require_room(target: Path, cells: int) -> None:
    need, free = cells * _BYTES_OF_A_CELL, shutil.disk_usage(target.parent).free
    if free < need / 2:
        raise GeoError(
            f"the disk of the run folder has {free / 1e9:.1f} GB free, and the prepared raster {target.name} takes about "
            f"{need / 1e9:.1f} GB; make room"
        )


def _chunks(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    for r in range(0, height, _CHUNK):
        for c in range(0, width, _CHUNK):
            yield r, c, min(_CHUNK, height - r), min(_CHUNK, width - c)


def _chunk(
    sources: list[Source],
    extents: list[Bounds],
    goal: CRS,
    resolution: float,
    corner: tuple[int, int],
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    left, top = corner[0] * resolution, corner[1] * resolution
    bounds = (left, top - shape[0] * resolution, left + shape[1] * resolution, top)
    result = np.full(shape, np.nan, np.float32)
    for source, extent in zip(sources, extents, strict=True):
        if extent[0] >= bounds[2] or extent[2] <= bounds[0] or extent[1] >= bounds[3] or extent[3] <= bounds[1]:
            continue
        values, transform = _source_part(source, _edges(goal, source.crs, bounds))
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


def _source_part(source: Source, bounds: Bounds) -> tuple[NDArray[np.float32], Affine]:
    """Source cells around the bounds, in the source's CRS, and their transform."""
    data, t = source.data, source.data.transform
    if not np.isfinite(bounds).all():
        return np.empty((0, 0), np.float32), t
    west, south, east, north = bounds
    back = ~t
    corners = [(back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f) for x in (west, east) for y in (south, north)]
    c0, r0 = (max(int(np.floor(min(p[k] for p in corners))) - 3, 0) for k in (0, 1))
    c1 = min(int(np.ceil(max(p[0] for p in corners))) + 3, data.width)
    r1 = min(int(np.ceil(max(p[1] for p in corners))) + 3, data.height)
    if c0 >= c1 or r0 >= r1:
        return np.empty((0, 0), np.float32), t
    values = source.read(Window(c0, r0, c1 - c0, r1 - r0))
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
        CRS that the study gives; it is believed where the files name another one.

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
        sources = open_heads(source, source_crs, stack)
        extents = [transform_bounds(s.crs, CRS.from_user_input(crs), *s.edges(), densify_pts=21) for s in sources]
        west, south, east, north = (f(e[k] for e in extents) for k, f in enumerate((min, min, max, max)))
        for one in sources:  # a file that breaks off lacks its last cell
            with readable(one.data):
                one.data.read(1, window=Window(one.data.width - 1, one.data.height - 1, 1, 1))
        first = sources[0].data
        named = "; ".join(sorted({s.crs.to_string() for s in sources}))
        return RasterGlance(named, (west, south, east, north), (extents[0][2] - extents[0][0]) / first.width, first.shape, len(sources))
