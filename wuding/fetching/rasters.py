"""
Windows of cloud-optimised GeoTIFFs: Copernicus GLO-30, canopy height, WorldCover, and any by its address.

copernicus-dem-30m.s3.amazonaws.com/readme.html (tiles of one degree, named by their south-west corner), registry.opendata.aws/
dataforgood-fb-forests (tiles named by quadkey at zoom 9), esa-worldcover.org/en/data-access (tiles of three degrees). Read through
`rasterio.open(opener=...)`, so that proxies, pauses and the cache are those of every other source.
"""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.features
import rasterio.merge
from affine import Affine
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.transform import array_bounds
from rasterio.warp import transform_bounds, transform_geom

from .answers import DiskError, FetchError, host, reason, shown, written
from .parts import PartFile
from .place import Area, Bounds
from .sources import Fetched
from .web import Web

_ENV = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO", "GDAL_CACHEMAX": 64}
# A window of more cells than this is a slip: 1 GB as float32.
_MOST_CELLS = 2.5e8
# Cells at the edge of the area may fall outside a raster that was cut to it.
_WHOLE = 0.995


def fetch_raster(
    area: Area, folder: Path, web: Web, rules: Mapping[str, Any], kind: str, source: str, urls: Sequence[str] | None = None
) -> Fetched:
    """
    Fetch the window of an elevation or canopy raster that a study needs.

    Parameters
    ----------
    area
        The area.
    folder
        Of the study.
    web
        The way to the internet.
    rules
        The source's table of sources.toml.
    kind
        "dem" or "canopy".
    source
        Key of sources.toml.
    urls
        Addresses of tiles; those of the source by default.

    Returns
    -------
    Fetched
        `dem.tif` or `canopy.tif`.
    """
    bounds = area.grown(float(rules.get("margin_km", 0.0)))
    tiles = read_tiles(web, urls or tiles_of(rules, bounds), bounds, rules.get("resolution_m"), f"fetch_{kind}")
    cells, transform, crs, lacking = tiles.cells, tiles.transform, tiles.crs, tiles.lacking
    if "missing" in rules:
        cells[cells == float(rules["missing"])] = np.nan
    share = covered(cells, transform, crs, area)
    if share <= 0.0:
        raise FetchError(f"{host((urls or [str(rules['url'])])[0])}: no data for this area; check the place, or use another source")
    path = folder / f"{kind}.tif"
    profile = {"driver": "GTiff", "height": cells.shape[0], "width": cells.shape[1], "count": 1, "dtype": "float32", "crs": crs}
    packed = {"compress": "deflate", "predictor": 3, "tiled": True, "nodata": math.nan, "BIGTIFF": "IF_SAFER"}
    with written(path) as part:
        with rasterio.open(part, "w", transform=transform, **profile, **packed) as data:
            data.write(cells.astype(np.float32), 1)
            data.update_tags(source=rules["title"], attribution=rules["attribution"])
        # GDAL writes the last of a file when it closes it, and says nothing where the disk is full then
        with rasterio.open(part) as data:
            if not np.array_equal(data.read(1), cells, equal_nan=True):
                raise OSError("what was written is not what is read again")
    covers = (f"覆盖研究区的 {share:.1%}", f"covers {share:.1%} of the area")
    notes = []
    if share < _WHOLE:
        notes.append((f"{covers[0]}，缺口处请自行补充", f"{covers[1]}; the gaps are left for you to fill"))
    if lacking:
        names = ", ".join(Path(shown(url)).name for url in lacking)
        notes.append(
            (
                f"研究区及其周边有 {len(lacking)} 幅图块来源没有（海面或未发布），按无数据处理：{names}",
                f"tiles of the area and its margin that are not there (sea, or not released) and count as no data: {names}",
            )
        )
    address = str(rules["url"]) if urls is None else " ".join(shown(url) for url in urls)
    return Fetched(kind, source, [path], str(rules.get("version", "")), address, {}, notes, [covers] if share >= _WHOLE else [])


@dataclass(frozen=True)
class Tiles:
    """
    The window of a set of tiles, put together.

    Attributes
    ----------
    cells
        Shape (ny, nx), NaN where there are none.
    transform
        Of the cells.
    crs
        Of the cells.
    lacking
        Addresses of tiles that the source does not have.
    """

    cells: npt.NDArray[np.floating]
    transform: Affine
    crs: Any
    lacking: list[str]


def read_tiles(web: Web, urls: Sequence[str], bounds: Bounds, resolution_m: float | None, stage: str) -> Tiles:
    """
    Read the window of a set of tiles.

    Parameters
    ----------
    web
        The way to the internet.
    urls
        Tiles in one CRS.
    bounds
        West, south, east, north [degrees].
    resolution_m
        Cell size to read at, from the overviews of the tiles [m]; None for their own.
    stage
        What it is for, in the words of the progress.

    Returns
    -------
    Tiles
        The window.

    Raises
    ------
    FetchError
        If no tile is there, or one cannot be read.
    """
    with ExitStack() as open_files, rasterio.Env(**_ENV):
        opened = [(url, _opened(web, url, stage, open_files)) for url in urls]
        tiles = [tile for _, tile in opened if tile is not None]
        if not tiles:
            raise FetchError(f"{host(urls[0])}: has no tile for this area; check the place, or use another source")
        first = tiles[0][1]
        if any(data.crs != first.crs for _, data in tiles):
            raise FetchError(f"{host(urls[0])}: the tiles have different CRS; give tiles of one CRS")
        window = transform_bounds("EPSG:4326", first.crs, *bounds)
        size = _cell_size(first, resolution_m, bounds)
        if (window[2] - window[0]) * (window[3] - window[1]) / size**2 > _MOST_CELLS:
            raise FetchError(f"{host(urls[0])}: the window has more than {_MOST_CELLS:,.0f} cells; set a coarser resolution_m in --sources")
        window = _aligned(window, first, size)
        inside = [(part, data) for part, data in tiles if _common(data.bounds, window) > 0]
        if not inside:
            raise FetchError(f"{host(urls[0])}: no data for this area; check the place, or use another source")
        web.expect(stage, sum(_expected(part, data, window, size) for part, data in inside))
        try:
            cells, transform = rasterio.merge.merge(
                [data for _, data in inside], bounds=window, res=size, nodata=math.nan, dtype="float32", resampling=Resampling.nearest
            )
        except RasterioError as error:
            raise _why(error, [part for part, _ in inside]) from error
        return Tiles(cells[0], transform, first.crs, [url for url, tile in opened if tile is None])


def covered(cells: npt.NDArray[np.floating], transform: Affine, crs: Any, area: Area) -> float:
    """
    Tell how much of an area has data.

    Parameters
    ----------
    cells
        Shape (ny, nx), NaN where there are none.
    transform
        Of the cells.
    crs
        Of the cells.
    area
        The area.

    Returns
    -------
    float
        Share of the cells in the area [-].
    """
    west, south, east, north = transform_bounds("EPSG:4326", crs, *area.bounds)
    left, bottom, right, top = array_bounds(*cells.shape, transform)
    inner = (min(east, right) - max(west, left)) * (min(north, top) - max(south, bottom))
    if inner <= 0 or east <= left or north <= bottom:
        return 0.0
    shape = transform_geom("EPSG:4326", crs, area.shape.__geo_interface__)
    mask = rasterio.features.geometry_mask([shape], cells.shape, transform, all_touched=True, invert=True)
    whole = (east - west) * (north - south)
    return float(np.isfinite(cells[mask]).mean() * min(inner / whole, 1.0)) if mask.any() else 0.0


def tiles_of(rules: Mapping[str, Any], bounds: Bounds) -> list[str]:
    """
    Name the tiles of a source that touch a box.

    Parameters
    ----------
    rules
        The source's table of sources.toml.
    bounds
        West, south, east, north [degrees].

    Returns
    -------
    list of str
        Addresses.
    """
    west, south, east, north = bounds
    if "zoom" in rules:
        names = list(_quadkeys(bounds, int(rules["zoom"])))
    else:
        step = int(rules["degrees"])
        lats = range(math.floor(south / step) * step, math.ceil(north / step) * step, step)
        lons = range(math.floor(west / step) * step, math.ceil(east / step) * step, step)
        names = [
            str(rules["tile"]).format(ns="N" if lat >= 0 else "S", lat=abs(lat), ew="E" if lon >= 0 else "W", lon=abs(lon))
            for lat in lats
            for lon in lons
        ]
    return [str(rules["url"]).format(tile=name) for name in names]


def _quadkeys(bounds: Bounds, zoom: int) -> Iterator[str]:
    """Tiles of web maps, named as Bing names them (learn.microsoft.com/bingmaps/articles/bing-maps-tile-system)."""
    west, south, east, north = bounds
    count = 1 << zoom

    def row(lat: float) -> int:
        return int((1.0 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2.0 * count)

    for y in range(row(north), row(south) + 1):
        for x in range(int((west + 180.0) / 360.0 * count), int((east + 180.0) / 360.0 * count) + 1):
            yield "".join(str((x >> bit & 1) + 2 * (y >> bit & 1)) for bit in range(zoom - 1, -1, -1))


def _opened(web: Web, url: str, stage: str, open_files: ExitStack) -> tuple[PartFile, Any] | None:
    """Open a tile; one that the server does not have is sea, or not released, and shows as cells without data."""
    try:
        part = PartFile(web, url, stage)
    except FetchError as error:
        if ": answers 404" in str(error):
            return None
        raise
    try:
        return part, open_files.enter_context(_raster(part))
    except RasterioError as error:
        raise _why(error, [part]) from error


def _why(error: Exception, parts: Sequence[PartFile]) -> Exception:
    """Say what went wrong below GDAL; where nothing did, what came is spoilt and is not kept."""
    for part in parts:
        if part.fault is not None:
            return part.fault
    for part in parts:
        part.forget()
    return FetchError(f"{host(parts[0].url)}: the file is no GeoTIFF, or a spoilt one ({reason(error)}); check the address, or try again")


class _Quiet(io.RawIOBase):
    """A part file as GDAL reads it: it takes a short read for a fault, and prints what is raised to it."""

    def __init__(self, part: PartFile) -> None:
        super().__init__()
        self._part = part

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """Stay usable: GDAL opens and closes a file more than once, and nothing is held open here."""

    def tell(self) -> int:
        return self._part.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._part.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        if self._part.fault is not None:
            return 0
        try:
            return self._part.readinto(buffer)
        except (FetchError, DiskError):
            return 0


@contextmanager
def _raster(part: PartFile) -> Iterator[Any]:
    name = f"{part.web.place(part.url).stem}.tif"

    def opener(path: str, mode: str = "rb") -> _Quiet:
        if not path.endswith(name):
            raise FileNotFoundError(path)
        part.seek(0)
        return _Quiet(part)

    with rasterio.open(name, opener=opener) as data:
        yield data


def _cell_size(data: Any, resolution_m: float | None, bounds: Bounds) -> float:
    own = float(abs(data.transform.a))
    if resolution_m is None:
        return own
    metres = 1.0
    if data.crs.is_geographic:
        metres = 1.0 / 111320.0
    elif data.crs.to_epsg() == 3857:
        metres = 1.0 / math.cos(math.radians((bounds[1] + bounds[3]) / 2.0))
    return own * max(round(resolution_m * metres / own), 1)


def _aligned(window: Sequence[float], data: Any, size: float) -> Bounds:
    """Put the window's edges onto the tiles' own grid, outwards."""
    x, y = data.transform.c, data.transform.f
    west, south, east, north = window
    left = x + math.floor((west - x) / size) * size
    top = y - math.floor((y - north) / size) * size
    return left, top - math.ceil((top - south) / size) * size, left + math.ceil((east - left) / size) * size, top


def _common(a: Sequence[float], b: Sequence[float]) -> float:
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)


def _expected(part: PartFile, data: Any, window: Sequence[float], size: float) -> int:
    """Size of what lies in the window, less where an overview serves: without one all cells come, however coarsely they are read."""
    whole = (data.bounds[2] - data.bounds[0]) * (data.bounds[3] - data.bounds[1])
    coarser = max((factor for factor in data.overviews(1) if factor * abs(data.transform.a) <= size * 1.001), default=1)
    return int(part.size * _common(data.bounds, window) / whole / coarser**2)
