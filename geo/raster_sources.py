"""Elevation rasters as files: finding them, their CRS and unit, and what in them means "no data"."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from numpy.typing import NDArray
from pyproj.exceptions import CRSError as ProjError
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.warp import calculate_default_transform
from rasterio.windows import Window

from .errors import GeoError
from .grid import Bounds
from .sources import matches

_SUFFIXES = (".tif", ".tiff", ".vrt", ".img", ".asc", ".bil", ".flt", ".hgt", ".dem", ".adf")
LOWEST, HIGHEST = -500.0, 9000.0  # no ground and no tower of this planet lies outside: such a value is a fill
_FOOT, _US_FOOT = 0.3048, 1200 / 3937
_FACTORS = {
    **dict.fromkeys(("", "m", "metre", "metres", "meter", "meters", "米", "unknown"), 1.0),
    **dict.fromkeys(("ft", "foot", "feet", "international foot", "英尺"), _FOOT),
    **dict.fromkeys(("us survey foot", "us survey feet", "us-ft", "ftus", "us_survey_foot", "foot_us", "foot us"), _US_FOOT),
    **dict.fromkeys(("cm", "centimetre", "centimeter", "厘米"), 0.01),
    **dict.fromkeys(("dm", "decimetre", "decimeter", "分米"), 0.1),
}
# Zero is taken as empty only where it is at least this share of the cells and no ground comes near it.
_ZERO_SHARE, _ZERO_APART = 0.001, 5.0


@dataclass
class Source:
    """An open source file, its CRS and the factor and offset that turn its numbers into metres.

    Attributes
    ----------
    data
        The open file.
    crs
        Its horizontal CRS.
    scale
        Factor of its values. [m]
    offset
        Added after scaling. [m]
    masked
        Whether a mask beside the values says which cells count.
    notes
        How "no data" was decided, and what was said about unit and CRS.
    fill
        Values that mean "no data".
    implausible
        Whether values no ground can have were met besides.
    """

    data: DatasetReader
    crs: CRS
    scale: float
    offset: float
    masked: bool
    notes: list[str] = field(default_factory=list)
    fill: list[float] = field(default_factory=list)
    implausible: bool = False

    @property
    def name(self) -> str:
        """The name of the file, without its folder.

        Returns
        -------
        str
            For messages.
        """
        return Path(self.data.name).name

    def edges(self) -> Bounds:
        """Give its edges, whichever way up it is.

        Returns
        -------
        tuple of float
            West, south, east, north in its own CRS.
        """
        west, south, east, north = self.data.bounds
        return min(west, east), min(south, north), max(west, east), max(south, north)

    def words(self) -> list[str]:
        """Say how cells without data were recognised, and what else was noticed.

        Returns
        -------
        list of str
            Sentences.
        """
        notes = list(self.notes)
        if self.implausible:
            notes.append("values no ground can have are taken as empty besides")
        return notes

    def read(self, window: Window) -> NDArray[np.float32]:
        """Read metres, NaN where empty; masked here because GDAL knows one nodata value only.

        Parameters
        ----------
        window
            Columns and rows.

        Returns
        -------
        NDArray[np.float32]
            Elevations. [m]

        Raises
        ------
        GeoError
            If the file breaks off.
        """
        with readable(self.data):
            raw = self.data.read(1, window=window)
            known = self.data.read_masks(1, window=window) > 0 if self.masked else None
        values: NDArray[np.float32] = (raw.astype(np.float64) * self.scale + self.offset).astype(np.float32)
        values[np.isin(raw, np.asarray(self.fill, raw.dtype))] = np.nan
        if known is not None:
            values[~known] = np.nan
        with np.errstate(invalid="ignore"):
            strange = (values < LOWEST) | (values > HIGHEST)
        self.implausible |= bool(strange.any())
        values[strange] = np.nan
        return values


@contextmanager
def readable(data: DatasetReader) -> Iterator[None]:
    """Name a file that breaks off while it is read.

    Parameters
    ----------
    data
        The open file.

    Yields
    ------
    None
        For the time of reading.
    """
    try:
        yield
    except (RasterioError, MemoryError) as error:
        raise GeoError(f"{Path(data.name).name} breaks off while it is read ({error}): fetch the file again.") from error


def open_sources(source: Path, source_crs: str | None, stack: ExitStack) -> list[Source]:
    """Open one raster, or all of a folder or a pattern, and decide what means "no data" in each.

    Parameters
    ----------
    source
        A file, a folder or a pattern with * and ?.
    source_crs
        CRS that the study gives; it is believed where the files name another one.
    stack
        Closes the files.

    Returns
    -------
    list of Source
        In order of their names.

    Raises
    ------
    GeoError
        If a file is missing or unreadable, has no CRS or place, or is a picture.
    """
    opened = open_heads(source, source_crs, stack)
    if all(min(one.data.width, one.data.height) < 2 for one in opened):
        shape = f"{opened[0].data.height} x {opened[0].data.width}"
        raise GeoError(f"{source.name} has only {shape} cells: between fewer than 2 x 2 no elevation can be found. Name a whole raster.")
    for one in opened:
        one.fill = _fill_values(one, one.notes)
    return opened


def open_heads(source: Path, source_crs: str | None, stack: ExitStack) -> list[Source]:
    """Open one raster, or all of a folder or a pattern, without looking at their cells.

    Parameters
    ----------
    source
        A file, a folder or a pattern with * and ?.
    source_crs
        CRS that the study gives; it is believed where the files name another one.
    stack
        Closes the files.

    Returns
    -------
    list of Source
        In order of their names; what means "no data" is not decided.

    Raises
    ------
    GeoError
        If a file is missing or unreadable, has no CRS or place, or is a picture.
    """
    return [_open(path, source_crs, stack) for path in _files(source)]


def _files(source: Path) -> list[Path]:
    try:
        there, folder = source.exists(), source.is_dir()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise GeoError(f"{source.name[:80]!r}: not a path that this computer can read ({said}): correct it in the study file") from error
    if not there:
        found = [p for p in matches(source) if p.suffix.lower() in _SUFFIXES]
        if not found:
            raise GeoError(f"The raster {source.name} does not exist: correct its path in the study file.")
        return found
    if not folder and not source.is_file():
        raise GeoError(f"{source.name} is neither a file nor a folder: name the raster itself.")
    if not folder or (source / "hdr.adf").exists():
        return [source]
    found = sorted(p for p in source.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file() and not p.name.startswith("._"))
    # An Arc grid is a folder of files, opened by the folder.
    grids = {p.parent for p in found if p.name.lower() == "hdr.adf"}
    found = sorted([p for p in found if p.parent not in grids] + list(grids))
    if not found:
        raise GeoError(f"The folder {source.name} holds no raster: expected files ending in {', '.join(_SUFFIXES[:5])}.")
    return found


def _open(path: Path, source_crs: str | None, stack: ExitStack) -> Source:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            data = stack.enter_context(rasterio.open(path))
            data.read(1, window=Window(0, 0, 1, 1))
            placed = data.transform != Affine.identity()
    except (RasterioError, IndexError, ValueError, OSError) as error:
        said = str(error).replace(f"{path.parent}/", "")
        raise GeoError(f"{path.name} cannot be read as a raster ({said}): expected GeoTIFF, VRT, IMG or ASC with elevations.") from error
    kind = np.dtype(data.dtypes[0]).kind
    if (data.count >= 3 and data.dtypes[0] == "uint8") or data.colorinterp[0] == ColorInterp.palette or kind == "c":
        raise GeoError(f"{path.name} is a picture of {data.count} bands, not a raster of elevations: name the DEM or DSM itself.")
    try:
        crs = CRS.from_user_input(source_crs) if source_crs else data.crs
    except (CRSError, ValueError) as error:
        raise GeoError(f"{path.name}: crs {source_crs!r} is no CRS that is known here: expected e.g. EPSG:4490.") from error
    if crs is None:
        raise GeoError(
            f"{path.name} names no CRS: write one into the file (gdal_edit -a_srs) or name it in the study file, "
            'e.g. dem_crs = "EPSG:4490" under [terrain].'
        )
    if not placed:
        raise GeoError(f"{path.name} does not say where it lies (no geotransform): export it again as a GeoTIFF with its place.")
    horizontal, vertical = _split_crs(crs)
    if data.crs:
        labelled, vertical = _split_crs(data.crs)
    notes: list[str] = []
    factor = _unit(data, vertical, notes)
    if data.crs and labelled != horizontal:
        notes.append(f"the file says {crs_name(labelled)}, the study file {crs_name(horizontal)}, which is believed")
    if data.count > 1:
        notes.append(f"of its {data.count} bands the first is read")
    if data.dtypes[0] == "uint8":
        notes.append("its values are whole numbers from 0 to 255, as those of a shaded picture: check that it shows elevations")
    scale, offset = float(data.scales[0]) * factor, float(data.offsets[0]) * factor
    masked = MaskFlags.per_dataset in data.mask_flag_enums[0]
    return Source(data, horizontal, scale, offset, masked, notes)


def crs_name(crs: CRS) -> str:
    """Name a CRS in a message.

    Parameters
    ----------
    crs
        The CRS.

    Returns
    -------
    str
        Its name in plain words.
    """
    return str(pyproj.CRS.from_wkt(crs.to_wkt()).name)


def _split_crs(crs: CRS) -> tuple[CRS, float]:
    """Horizontal part of a CRS, and metres in a unit of its vertical part."""
    try:
        whole = pyproj.CRS.from_wkt(crs.to_wkt())
    except (ProjError, CRSError):
        return crs, 1.0
    if len(whole.axis_info) < 3:
        return crs, 1.0
    vertical = whole.axis_info[2].unit_conversion_factor
    flat = whole.sub_crs_list[0] if whole.sub_crs_list else whole.to_2d()
    return CRS.from_wkt(flat.to_wkt()), float(vertical)


def _unit(data: DatasetReader, vertical: float, notes: list[str]) -> float:
    """Metres in a unit of the values: by the band's unit, else by the vertical CRS."""
    word = (data.units[0] or "").strip()
    factor = _FACTORS.get(word.lower())
    if factor is None and vertical == 1:
        notes.append(f"its unit {word!r} is not known, so metres are assumed")
    elif factor is None or (word == "" and vertical != 1):
        notes.append(f"values are converted from the unit of the vertical CRS ({vertical:.6g} m)")
    elif factor != 1:
        notes.append(f"values are converted from {word.lower()} ({factor:.6g} m)")
        return factor
    return vertical if factor is None or word == "" else factor


def native_resolution(source: Source, goal: CRS) -> float:
    """Side of a source's cells in the study's CRS.

    Parameters
    ----------
    source
        An open source.
    goal
        CRS of the study.

    Returns
    -------
    float
        As it is in the same CRS, rounded to two digits where it has to be converted. [m]
    """
    data = source.data
    across, down = np.hypot(data.transform.a, data.transform.d), np.hypot(data.transform.b, data.transform.e)
    if source.crs == goal:
        return float(min(across, down))
    if source.crs.is_projected and abs(source.crs.linear_units_factor[1] - 1) < 1e-9:
        return float(f"{min(across, down):.6g}")
    try:
        transform, _, _ = calculate_default_transform(source.crs, goal, data.width, data.height, *source.edges())
    except Exception as error:  # rasterio lets GDAL's own kinds of error through
        raise GeoError(f"{source.name} does not fit its CRS {source.crs.to_string()} ({error}): correct the CRS of the file.") from error
    return float(f"{transform.a:.2g}")


def _fill_values(source: Source, notes: list[str]) -> list[float]:
    """Decide which values mean "no data", and say how that was decided."""
    if source.masked:
        notes.append("a mask in the file says which cells are empty")
        return []
    tag = source.data.nodata
    if tag is not None and not np.isnan(tag):
        notes.append(f"nodata tag {tag:g}")
        return [float(tag)]
    implausible: set[float] = set()
    missing = zeros = near_zero = cells = 0
    for _, window in source.data.block_windows(1):
        with readable(source.data):
            values = source.data.read(1, window=window)
        missing += int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
        metres = values.astype(np.float64) * source.scale + source.offset
        strange = (metres < LOWEST) | (metres > HIGHEST)
        cells += int((~strange).sum())
        zeros += int((values == 0).sum())
        near_zero += int(((np.abs(metres) <= _ZERO_APART) & (values != 0)).sum())
        if len(implausible) <= 64:
            implausible.update(np.unique(values[strange])[:8].tolist())
    fill = sorted(implausible)
    if fill:
        shown = ", ".join(f"{v:g}" for v in fill[:3])
        notes.append(f"without a nodata tag, values no ground can have ({shown}) are taken as empty")
    if missing:
        notes.append("NaN means empty")
    if zeros < cells and zeros >= _ZERO_SHARE * cells and zeros and not near_zero and source.offset == 0:
        fill.append(0.0)
        notes.append(f"{zeros} cells of exactly 0 m, with no ground within {_ZERO_APART:g} m of it, are taken as empty")
    if not fill and not missing:
        notes.append("no nodata tag and no fill value found: every cell counts")
    return fill
