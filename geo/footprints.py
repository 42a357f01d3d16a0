"""From polygons as they come to one row per input feature with a valid geometry, a stable id and a status."""

import hashlib

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from .packed import PART
from .threads import threaded

Objects = npt.NDArray[np.object_]

# The statuses of buildings that are not assessed, in the order in which they are decided.
INVALID, TOO_SMALL, DUPLICATE, OUTSIDE_TERRAIN, EXCLUDED = "invalid_geometry", "too_small", "duplicate", "outside_terrain", "excluded"
# A piece of a cut building whose roof another row carries; a footprint of which nothing shows from above.
JOINED, COVERED = "joined", "covered"
# Their shape stands for no building of its own: it neither shades nor has a roof.
NOT_STANDING = (INVALID, DUPLICATE, JOINED, COVERED)
# Coordinates beyond this cannot be metres of a projection on Earth.
_FARTHEST_M = 5e7
# A rejected line or point is drawn this wide, so that it can be found in a layer of polygons.
_DRAWN_M = 0.1
# A footprint of more vertices is noise of digitising; what is done to a roof is done to pairs of its walls.
MOST_VERTICES = 2000
FINEST_M = 0.05


def repair(geometry: Objects) -> tuple[Objects, Objects]:
    """
    Make polygons valid and say what cannot be saved.

    Parameters
    ----------
    geometry
        Shape (n,), any geometry in a CRS in metres, None allowed.

    Returns
    -------
    geometry : array
        Shape (n,), valid MultiPolygon or Polygon, or None.
    reason : array of str
        Shape (n,), empty where the polygon is fine; else what was repaired or why it is lost.
    """
    out = geometry.copy()
    reason = np.full(len(out), "", dtype=object)
    missing = shapely.is_missing(out) | shapely.is_empty(out)
    reason[missing] = "no geometry"
    wild = ~missing & ~on_earth(out)
    reason[wild] = "coordinates are not finite or lie off the Earth"
    lost = missing | wild
    out[lost] = None  # not even their area can be asked for
    # files differ in where a ring starts, which way it runs and which part comes first: no id and no last digit may
    out = threaded(shapely.normalize, out)
    polygonal = np.isin(shapely.get_type_id(out), (3, 6))
    other = ~lost & ~polygonal & (shapely.get_type_id(out) != 7)
    reason[other] = "not a polygon"
    lost |= other
    broken = np.flatnonzero(~lost & (~threaded(shapely.is_valid, out) | ~polygonal))
    before = shapely.area(out[broken])
    # which way a ring that crosses itself runs is undecided, so once more
    fixed = shapely.normalize(_polygons_only(shapely.make_valid(out[broken], method="structure", keep_collapsed=False)))
    out[broken] = fixed
    after = shapely.area(fixed)
    for row, old, new in zip(broken, before, after, strict=True):
        reason[row] = f"repaired: area {old:.1f} -> {new:.1f} m2" if new > 0 else "encloses no area"
    for row in np.flatnonzero(shapely.get_num_coordinates(out) > MOST_VERTICES):
        drawn = int(shapely.get_num_coordinates(out[row]))
        out[row], coarse = _shortened(out[row])
        kept = int(shapely.get_num_coordinates(out[row]))
        if kept < drawn and not reason[row]:
            reason[row] = f"simplified: {drawn} -> {kept} vertices, none moved by more than {coarse:.2f} m"
    lost |= ~lost & (shapely.area(out) <= 0)
    reason[lost & (reason == "")] = "encloses no area"
    out[lost] = None
    # files differ in whether one polygon is a collection of one, too
    single = np.flatnonzero((shapely.get_type_id(out) == 6) & (shapely.get_num_geometries(out) == 1))
    out[single] = shapely.get_geometry(out[single], 0)
    return out, reason


def _shortened(shape: shapely.Geometry) -> tuple[shapely.Geometry, float]:
    """Leave out vertices that no roof has: noise of digitising, finer and finer until few enough are left; the tolerance [m] too."""
    for coarse in FINEST_M * 2.0 ** np.arange(12):
        shorter = _polygons_only(shapely.make_valid(np.array([shapely.simplify(shape, coarse)]), method="structure"))[0]
        if shorter is not None and shapely.get_num_coordinates(shorter) <= MOST_VERTICES:
            return shorter, float(coarse)
    return shape, 0.0


def remains(geometry: Objects) -> Objects:
    """
    Draw rejected geometry as polygons, as far as it has a place.

    Parameters
    ----------
    geometry
        Shape (n,), any geometry in metres, None allowed.

    Returns
    -------
    array
        Shape (n,), valid Polygon or MultiPolygon; None where not all coordinates are finite and on Earth. Lines and points are 0.1 m wide.
    """
    out = np.full(len(geometry), None, dtype=object)
    there = np.flatnonzero(on_earth(geometry) & ~shapely.is_empty(geometry))
    drawn = shapely.buffer(shapely.make_valid(geometry[there]), _DRAWN_M / 2.0, quad_segs=2)
    out[there] = np.where(shapely.is_empty(drawn), None, drawn)
    return out


def on_earth(geometry: Objects) -> npt.NDArray[np.bool_]:
    """
    Tell whether every corner is a number and near enough; bounds would pass over those that are no number.

    Parameters
    ----------
    geometry
        Shape (n,), None allowed.

    Returns
    -------
    array of bool
        Shape (n,); False where there is no shape.
    """
    corners, owner = shapely.get_coordinates(geometry, return_index=True)
    off = owner[~(np.abs(corners) < _FARTHEST_M).all(axis=1)]
    return np.asarray((np.bincount(off, minlength=len(geometry)) == 0) & ~shapely.is_missing(geometry))


def _polygons_only(geometry: Objects) -> Objects:
    """Drop the points and lines that repairing leaves beside polygons."""
    collections = np.flatnonzero(~np.isin(shapely.get_type_id(geometry), (3, 6)))
    for row in collections:
        parts = [g for g in shapely.get_parts(geometry[row]) if g.geom_type in ("Polygon", "MultiPolygon")]
        geometry[row] = shapely.union_all(parts) if parts else shapely.Polygon()
    return geometry


def geometry_keys(geometry: Objects) -> Objects:
    """
    Hash each polygon's normalised shape at 1 cm: equal for equal shapes whatever their ring start or vertex order.

    Parameters
    ----------
    geometry
        Shape (n,), polygons in metres, None allowed.

    Returns
    -------
    array of str
        Shape (n,), 16 hexadecimal digits; "" for None.
    """
    keys = np.full(len(geometry), "", dtype=object)
    there = np.flatnonzero(~shapely.is_missing(geometry))
    wkb = threaded(_normal_form, geometry[there])
    keys[there] = [hashlib.blake2b(data, digest_size=8).hexdigest() for data in wkb]
    return keys


def _normal_form(geometry: Objects) -> Objects:
    snapped = shapely.transform(geometry, lambda xy: np.round(xy, 2) + 0.0)
    normal: Objects = shapely.to_wkb(shapely.normalize(snapped))
    return normal


def plain_ids(given: pd.Series) -> pd.Series:
    """
    Write the source's ids as text: without spaces around, whole numbers without ".0".

    Parameters
    ----------
    given
        Shape (n,).

    Returns
    -------
    pandas.Series
        Shape (n,), "" where there is none.
    """
    return given.astype("string").str.strip().str.replace(r"\.0$", "", regex=True).fillna("")


def building_ids(keys: Objects, given: pd.Series | None, tie_break: Objects) -> tuple[Objects, str]:
    """
    Give every row a unique text id that does not depend on the order of the rows.

    Parameters
    ----------
    keys
        Shape (n,), from `geometry_keys`.
    given
        Shape (n,), the source's own ids, or None.
    tie_break
        Shape (n,), text by which rows of the same shape are told apart (their attributes).

    Returns
    -------
    ids : array of str
        Shape (n,), unique.
    told : str
        What was done where the source's ids could not be taken as they are; "" otherwise.
    """
    if given is not None:
        text = plain_ids(given)
        repeated = text.duplicated(keep=False) | (text == "")
        if not repeated.any():
            return text.to_numpy(dtype=object), ""
        if repeated.mean() < 0.1:
            ids = text.to_numpy(dtype=object)
            rows = np.flatnonzero(repeated.to_numpy())
            ids[rows] = [
                f"{own}~{made}" if own else f"b{made}" for own, made in zip(ids[rows], _counted(keys[rows], tie_break[rows]), strict=True)
            ]
            if pd.Series(ids).is_unique:
                return ids, f"{len(rows)} source ids are empty or repeated; ids were made for these"
        told = f"{int(repeated.sum())} of {len(text)} source ids are empty or repeated; ids were made from the geometry for all"
    else:
        told = ""
    return np.array([f"b{made}" for made in _counted(keys, tie_break)], dtype=object), told


def _counted(keys: Objects, tie_break: Objects) -> Objects:
    """Append a counter to keys that occur more than once, in the order of the tie-breaking text."""
    base = keys.copy()
    empty = np.flatnonzero(keys == "")
    base[empty] = [hashlib.blake2b(str(text).encode(), digest_size=8).hexdigest() for text in tie_break[empty]]
    repeated = np.flatnonzero(pd.Series(base).duplicated(keep=False).to_numpy())
    frame = pd.DataFrame({"key": base[repeated], "tie": tie_break[repeated]})
    number = frame.sort_values(["key", "tie"], kind="stable").groupby("key").cumcount().sort_index()
    base[repeated] = [key if n == 0 else f"{key}-{n}" for key, n in zip(base[repeated], number, strict=True)]
    return base


def duplicates(keys: Objects, rank: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """
    Find the second and further drawings of the same polygon.

    Parameters
    ----------
    keys
        Shape (n,), from `geometry_keys`.
    rank
        Shape (n,), 0 is the best drawing, which stays; no two are equal.

    Returns
    -------
    array of int
        Shape (n,), row of the drawing that stays; -1 where a row stays itself.
    """
    kept_by = np.full(len(keys), -1, dtype=np.int64)
    repeated = np.flatnonzero((pd.Series(keys).duplicated(keep=False) & (keys != "")).to_numpy())
    if len(repeated):
        frame = pd.DataFrame({"key": keys[repeated], "rank": rank[repeated], "row": repeated}).sort_values("rank")
        best = frame.groupby("key")["row"].transform("first").to_numpy()
        rows = frame["row"].to_numpy()
        kept_by[rows] = np.where(best == rows, -1, best)
    return kept_by


def hilbert_order(ids: pd.Series, bounds: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """
    Order buildings along a Hilbert curve, so that neighbours in the file are neighbours on the ground.

    Parameters
    ----------
    ids
        Shape (n,), building ids.
    bounds
        Shape (n, 4), left, bottom, right, top of each.

    Returns
    -------
    array of int
        Shape (n,), row numbers in the new order; ties by id.
    """
    whole, middles = [*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0)], (bounds[:, :2] + bounds[:, 2:]) / 2.0
    parts = (gpd.GeoSeries(shapely.points(middles[first : first + PART])) for first in range(0, len(ids), PART))
    distance = np.concatenate([part.hilbert_distance(total_bounds=whole, level=16).to_numpy() for part in parts])
    tied = np.flatnonzero(pd.Series(distance).duplicated(keep=False).to_numpy())
    rank = np.zeros(len(ids), dtype=np.int64)
    rank[tied] = np.unique(ids.iloc[tied].to_numpy(dtype=object).astype(str), return_inverse=True)[1]
    return np.lexsort((rank, distance)).astype(np.int64)
