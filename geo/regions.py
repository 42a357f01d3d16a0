"""Region layers and which building belongs to which region."""

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

from .coordinates import Stated, into_crs
from .errors import GeoError
from .overlaps import meeting_pairs, overlap_areas
from .threads import threaded
from .vectors import file_names, read_vectors

Objects = npt.NDArray[np.object_]

# Borders of different sources never fit to the metre: smaller gaps and overlaps are not worth a word.
_SLIVER_M2 = 1000.0
_SLIVER_SHARE = 1e-5


def read_regions(
    path: Path | Sequence[Path],
    crs: pyproj.CRS,
    *,
    name: str | None,
    id: str | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    notes: list[str] | None = None,
    **coordinates: Unpack[Stated],
) -> gpd.GeoDataFrame:
    """
    Read a layer of named regions.

    Parameters
    ----------
    path
        The file, or several.
    crs
        The study's CRS.
    name
        Column with the name of each region; rows of one name are one region. None makes one region of all, where only its extent matters.
    id
        Column with an identifier (parcels); the name by default.
    layer, encoding
        See `read_vectors`.
    notes
        What the user should know about the layer; appended to.
    **coordinates
        See `into_crs`.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns `name`, `id`, `geometry` (valid polygons in `crs`), a row a region, in order of the name; no rows where the file has none.

    Raises
    ------
    GeoError
        If the column is missing or no polygon is left of those that are there.
    """
    notes = [] if notes is None else notes
    title = file_names([path] if isinstance(path, Path) else path)
    frame = read_vectors(path, layer=layer, encoding=encoding, warnings=notes)
    for column in filter(None, (name, id)):
        if column not in frame.columns:
            have = ", ".join(str(c) for c in frame.columns if c != "geometry")
            raise GeoError(f"{title}: has no column {column!r}; it has: {have}. Name the right one in the study file")
    if frame.empty:
        notes.append(f"{title} has no rows: the layer is left out")
        return gpd.GeoDataFrame({"name": [], "id": []}, geometry=[], crs=crs)
    frame = into_crs(frame, crs, source=title, **coordinates)
    if broken := int((~shapely.is_valid(frame.geometry.to_numpy()) & ~shapely.is_missing(frame.geometry.to_numpy())).sum()):
        notes.append(f"{title}: {broken} of {len(frame)} regions have invalid rings; they were repaired")
    geometry = shapely.make_valid(frame.geometry.to_numpy(), method="structure", keep_collapsed=False)
    names = frame[name].astype("string").fillna("").str.strip() if name else pd.Series("all", index=frame.index, dtype="string")
    if id:  # a parcel without a name is known by its id
        names = names.where(names != "", frame[id].astype("string").fillna("").str.strip())
    table = gpd.GeoDataFrame({"name": names, "id": frame[id].astype("string") if id else names}, geometry=geometry, crs=crs)
    useful = (shapely.area(geometry) > 0) & (names != "").to_numpy()
    if useful.any() and not useful.all():
        notes.append(f"{title}: {int((~useful).sum())} of {len(useful)} rows have no polygon or no name and are left out")
    table = table[useful]
    if table.empty:
        raise GeoError(f"{title}: no named polygon is left; check the layer and the column {name!r}")
    key = "id" if id else "name"
    if table[key].is_unique:  # nothing to join: as many unions as parcels took two seconds for a million buildings
        return table.sort_values(key, ignore_index=True)[["name", "id", "geometry"]]
    return table.dissolve(by=key, as_index=False, sort=True)[["name", "id", "geometry"]]


def region_faults(regions: gpd.GeoDataFrame, *, partition: bool) -> list[str]:
    """
    Say where regions lie over each other and, in a partition, where there are gaps between them.

    Parameters
    ----------
    regions
        Table from `read_regions`.
    partition
        Whether the regions should fill the ground without gaps, as districts do and parcels do not.

    Returns
    -------
    list of str
        A sentence for each kind of fault; empty where there is none.
    """
    notes: list[str] = []
    shapes, names = regions.geometry.to_numpy(), regions["name"].to_numpy(dtype=object)
    pairs = meeting_pairs(shapes)
    shared = overlap_areas(shapes, pairs)
    much = np.flatnonzero(shared > np.maximum(_SLIVER_M2, _SLIVER_SHARE * shapely.area(shapes)[pairs.left]))
    if len(much):
        worst = much[np.argmax(shared[much])]
        one, two = names[pairs.left[worst]], names[pairs.right[worst]]
        notes.append(
            f"{len(much)} pairs of regions lie over each other, {shared[much].sum() / 1e6:.3f} km2 in all, most of it {one} and {two}; "
            "a building there counts in the one with more of it"
        )
    if partition and len(shapes) > 1:
        whole = shapely.get_parts(shapely.union_all(shapes))
        gaps = shapely.area(_holes(whole))
        gaps = gaps[gaps > _SLIVER_M2]
        if len(gaps):
            notes.append(
                f"{len(gaps)} gaps between regions, {gaps.sum() / 1e6:.3f} km2 in all; buildings there are counted under 'outside'"
            )
    return notes


def _holes(polygons: Objects) -> Objects:
    """Fill-ins of all interior rings."""
    filled = shapely.polygons(shapely.get_exterior_ring(polygons))
    return np.asarray(shapely.get_parts(shapely.difference(filled, polygons)))


def majority_region(
    geometry: Objects, regions: gpd.GeoDataFrame, tree: shapely.STRtree | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """
    Find the region that holds most of each polygon.

    Parameters
    ----------
    geometry
        Shape (n,), valid polygons; None and empty ones belong nowhere.
    regions
        Table from `read_regions`.
    tree
        Search tree over `geometry`, where one is at hand.

    Returns
    -------
    region : array
        Shape (n,), row number in `regions`; -1 where more of the polygon lies outside all of them than in any one.
    share : array
        Shape (n,), share of the polygon's area in that region, 0..1 [-].
    """
    region = np.full(len(geometry), -1, dtype=np.int64)
    share = np.zeros(len(geometry))
    pieces, owner = shapely.get_parts(regions.geometry.to_numpy(), return_index=True)
    tree = shapely.STRtree(geometry) if tree is None else tree
    # A polygon wholly inside a region is settled by one prepared predicate; only those on a border need areas.
    piece, row = tree.query(pieces, predicate="contains")
    order = np.lexsort((owner[piece], row))
    first = order[np.flatnonzero(np.diff(row[order], prepend=-1))]
    region[row[first]], share[row[first]] = owner[piece[first]], 1.0
    left = np.flatnonzero(region < 0)
    if 2 * len(left) < len(region):
        piece, row = shapely.STRtree(geometry[left]).query(pieces, predicate="intersects")
        row = left[row]
    else:
        piece, row = tree.query(pieces, predicate="intersects")
        piece, row = piece[region[row] < 0], row[region[row] < 0]
    if len(row):
        overlap = threaded(lambda a, b: shapely.area(shapely.intersection(a, b)), geometry[row], pieces[piece])
        table = pd.DataFrame({"row": row, "region": owner[piece], "area": overlap})
        table = table.groupby(["row", "region"])["area"].sum().reset_index()
        table = table.sort_values(["row", "area", "region"], ascending=[True, False, True])
        covered = table.groupby("row")["area"].sum()
        best = table.drop_duplicates("row").set_index("row")
        whole = shapely.area(geometry[best.index.to_numpy()])
        outside = whole - covered.reindex(best.index).to_numpy()
        most = (best["area"].to_numpy() > 0) & (best["area"].to_numpy() >= outside)
        rows = best.index.to_numpy()[most]
        region[rows], share[rows] = best["region"].to_numpy()[most], (best["area"].to_numpy() / whole)[most]
    return region, np.minimum(share, 1.0)
