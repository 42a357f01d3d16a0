"""What coordinates can be: the CRS in which they would fall where the study is, swapped axes, degrees taken for metres."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_crs_info
from pyproj.enums import PJType
from pyproj.exceptions import CRSError, ProjError

from .errors import GeoError
from .grid import Bounds
from .packed import Shapes

Floats = npt.NDArray[np.float64]
Place = Callable[[], Bounds | None]

# Geographic systems worth naming, and the datums in the order in which Chinese and other data use them today.
_GEOGRAPHIC = (4490, 4326, 4610, 4214)
_ORDER = ("CGCS2000", "China Geodetic", "WGS 84", "NAD83", "ETRS89", "Xian 1980", "Beijing 1954")
_WIDEST_DEGREES = 20.0
# Data may reach beyond the area for which its projection is meant.
_BEYOND_DEGREES = 5.0
_LISTED = 8
_SAMPLE = 500


@dataclass(frozen=True)
class Candidate:
    """
    A CRS in which the data would fall where the study is.

    Attributes
    ----------
    code
        EPSG code.
    name
        Its name.
    swapped
        Whether the first coordinate has to be read as the northing (or latitude).
    share
        Share of the data that falls there. [-]
    """

    code: int
    name: str
    swapped: bool
    share: float

    def __str__(self) -> str:
        """Write it as the study file has it."""
        axes = ', axes = "northing_easting"' if self.swapped else ""
        return f'crs = "EPSG:{self.code}"{axes} ({self.name})'


def sample_points(geometry: Shapes) -> Floats:
    """
    Take the middles of some features, evenly spaced in the file.

    Parameters
    ----------
    geometry
        Shape (n,), None and empty ones allowed.

    Returns
    -------
    array
        Shape (m, 2), m <= 500, finite.
    """
    if not len(geometry):
        return np.empty((0, 2))
    rows = np.unique(np.linspace(0, len(geometry) - 1, min(len(geometry), _SAMPLE)).astype(np.int64))
    bounds = shapely.bounds(geometry[rows]).reshape(-1, 4)
    with np.errstate(invalid="ignore", over="ignore"):
        middle = (bounds[:, :2] + bounds[:, 2:]) / 2
    return np.asarray(middle[np.isfinite(middle).all(axis=1)], dtype=np.float64)


def use_area(crs: pyproj.CRS, beyond: float = 0.0) -> Bounds | None:
    """
    Give the area for which a CRS is meant.

    Parameters
    ----------
    crs
        The CRS.
    beyond
        Widening on every side. [degrees]

    Returns
    -------
    tuple or None
        West, south, east, north [degrees]; None where the CRS does not say or spans the date line.
    """
    area = crs.area_of_use
    if area is None or area.west > area.east:
        return None
    return area.west - beyond, area.south - beyond, area.east + beyond, area.north + beyond


@lru_cache(maxsize=64)
def to_degrees(crs: pyproj.CRS) -> pyproj.Transformer:
    """
    Give the way from a CRS to longitude and latitude, which takes long to find and is asked for often.

    Parameters
    ----------
    crs
        The CRS.

    Returns
    -------
    pyproj.Transformer
        To WGS 84, x and y in and longitude and latitude out.
    """
    return pyproj.Transformer.from_crs(crs, 4326, always_xy=True)


def share_within(points: Floats, crs: pyproj.CRS, place: Bounds) -> float:
    """
    Tell which share of points falls into a place if they are in a CRS.

    Parameters
    ----------
    points
        Shape (n, 2), first and second coordinate as x and y.
    crs
        The CRS they are taken to be in.
    place
        West, south, east, north. [degrees]

    Returns
    -------
    float
        0..1; 0 where the CRS cannot hold them.
    """
    try:
        lon, lat = (np.asarray(v) for v in to_degrees(crs).transform(points[:, 0], points[:, 1], errcheck=False))
    except (CRSError, ProjError):
        return 0.0
    with np.errstate(invalid="ignore"):
        return float(((lon >= place[0]) & (lon <= place[2]) & (lat >= place[1]) & (lat <= place[3])).mean())


def candidates(points: Floats, place: Bounds, first: pyproj.CRS) -> list[Candidate]:
    """
    Find the CRS of the EPSG list in which points would fall into a place.

    Parameters
    ----------
    points
        Shape (n, 2), n >= 1, coordinates of which the CRS is not known.
    place
        West, south, east, north of the study. [degrees]
    first
        The study's CRS, named first where it fits.

    Returns
    -------
    list of Candidate
        Best first; those that differ in nothing but their name only once.
    """
    wide, high = (max(0.2 * (place[i + 2] - place[i]), 0.05) for i in (0, 1))
    grown = (place[0] - wide, place[1] - high, place[2] + wide, place[3] + high)
    found: dict[tuple[object, ...], tuple[tuple[object, ...], Candidate]] = {}
    for code in _codes(grown):
        crs = pyproj.CRS.from_epsg(code)
        for swapped in (False, True):
            share = share_within(points[:, ::-1] if swapped else points, crs, grown)
            if share < 0.5:
                continue
            same = (crs.geodetic_crs.name if crs.geodetic_crs else "", swapped, *_somewhere(points, crs, swapped))
            rank = (-round(share, 1), crs != first, swapped, _datum_rank(crs.name), "3-degree" not in crs.name, code)
            if same not in found or rank < found[same][0]:
                found[same] = (rank, Candidate(code, crs.name, swapped, share))
    return [candidate for _, candidate in sorted(found.values(), key=lambda pair: pair[0])]


def _codes(place: Bounds) -> list[int]:
    """List projected systems whose area touches the place and is no continent, and the common geographic ones."""
    listed = query_crs_info("EPSG", PJType.PROJECTED_CRS, AreaOfInterest(*place), contains=False)
    narrow = [
        int(info.code) for info in listed if info.area_of_use and 0 < info.area_of_use.east - info.area_of_use.west <= _WIDEST_DEGREES
    ]
    return [*_GEOGRAPHIC, 3857, *narrow]


def _somewhere(points: Floats, crs: pyproj.CRS, swapped: bool) -> tuple[float, float]:
    x, y = np.median(points, axis=0)[:: -1 if swapped else 1]
    lon, lat = pyproj.Transformer.from_crs(crs, crs.geodetic_crs or crs, always_xy=True).transform(x, y)
    return round(float(lon), 7), round(float(lat), 7)


def _datum_rank(name: str) -> int:
    return next((rank for rank, start in enumerate(_ORDER) if name.startswith(start)), len(_ORDER))


def listed(points: Floats, place: Bounds | None, first: pyproj.CRS) -> str:
    """
    Write the candidates for a message.

    Parameters
    ----------
    points
        Shape (n, 2), coordinates of which the CRS is not known.
    place
        West, south, east, north of the study [degrees]; None takes the area of the study's CRS.
    first
        The study's CRS.

    Returns
    -------
    str
        What to write in the study file, candidates joined by " or "; empty where none fits.
    """
    place = place or use_area(first)
    fitting = candidates(points, place, first) if place is not None and len(points) else []
    more = [f"{len(fitting) - _LISTED} more candidates"] if len(fitting) > _LISTED else []
    return " or ".join([*(str(one) for one in fitting[:_LISTED]), *more])


def check_plausible(points: Floats, crs: pyproj.CRS, study: pyproj.CRS, source: str, near: Place) -> None:
    """
    Refuse coordinates that cannot be what their CRS says, and say what they are.

    Parameters
    ----------
    points
        Shape (n, 2), x and y as they are to be read.
    crs
        CRS that the file or the study gives them.
    study
        CRS of the study.
    source
        Name of the file, for messages.
    near
        Gives west, south, east, north of the study from its other layers [degrees], or None.

    Raises
    ------
    GeoError
        Degrees in a metric CRS, metres in a geographic one, swapped axes, another zone, a local system.
    """
    if not len(points):
        return
    x, y = (float(v) for v in np.median(points, axis=0))
    turned = points[:, ::-1]
    if crs.is_geographic and (abs(x) > 180.5 or abs(y) > 90.5):
        if abs(y) <= 180.5 and abs(x) <= 90.5:
            raise GeoError(
                f"{source}: the first coordinate is the latitude ({x:.4f}, {y:.4f}), the second the longitude; "
                'write axes = "northing_easting" beside its path in the study file'
            )
        raise GeoError(
            f"{source}: says {crs.name} (degrees), but its coordinates are near {x:.0f}, {y:.0f}: they are metres of some "
            f"projection; write beside its path in the study file {listed(points, near(), study) or local_words()}"
        )
    if crs.is_projected and abs(x) <= 180 and abs(y) <= 180:
        raise GeoError(
            f"{source}: says {crs.name} (metres), but its coordinates are near {x:.4f}, {y:.4f}: they look like degrees; "
            f"write beside its path in the study file {listed(points, near(), study) or 'crs = ' + chr(34) + 'EPSG:4490' + chr(34)}"
        )
    own, here = use_area(crs, _BEYOND_DEGREES), use_area(study, 1.0)
    fits_own = own is None or share_within(points, crs, own) >= 0.5
    fits_here = here is None or share_within(points, crs, here) >= 0.5
    if fits_own and fits_here:
        return
    if here is not None and share_within(turned, crs, here) >= 0.5:
        raise GeoError(
            f"{source}: the axes are swapped: near {x:.4f}, {y:.4f} the first coordinate is the northing (or latitude), as survey tables "
            'have it; write axes = "northing_easting" beside its path in the study file'
        )
    if not fits_own:
        fitting = listed(points, near(), study)
        if fitting:
            raise GeoError(
                f"{source}: coordinates near {x:.0f}, {y:.0f} lie outside the area of {crs.name}, which it is said to be in; where the "
                f"study is they would fall with: {fitting}; write the right one beside its path in the study file"
            )
        raise GeoError(
            f"{source}: coordinates near {x:.0f}, {y:.0f} fit neither {crs.name} nor any other CRS at the study: likely a local "
            f"system; write beside its path in the study file {local_words()}"
        )


def local_words() -> str:
    """
    Say how a layer in a local system is brought in.

    Returns
    -------
    str
        The keys to write.
    """
    return (
        'control_points = "points.csv" (columns x, y as in the layer and X, Y in study.crs; three points or more) or '
        "transform = { dx = ..., dy = ..., rotation = ..., scale = ... }"
    )


def columns_of_shifted(columns: list[str]) -> list[str]:
    """
    Find the columns by which boundaries of DataV and other AMap copies, which are in GCJ-02, are known.

    Parameters
    ----------
    columns
        Attribute columns of a layer.

    Returns
    -------
    list of str
        The columns; empty where there are fewer than two of them.
    """
    marks = ("adcode", "childrenNum", "subFeatureIndex", "acroutes", "centroid")
    found = [name for name in marks if name in columns]
    return found if len(found) >= 2 else []
