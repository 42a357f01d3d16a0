"""Region layers and which building belongs to which region."""

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
from .vectors import read_vectors

Objects = npt.NDArray[np.object_]


def read_regions(
    path: Path,
    crs: pyproj.CRS,
    *,
    name: str,
    id: str | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    **coordinates: Unpack[Stated],
) -> gpd.GeoDataFrame:
    """
    Read a layer of named regions.

    Parameters
    ----------
    path
        The file.
    crs
        The study's CRS.
    name
        Column with the name of each region; rows of one name are one region.
    id
        Column with an identifier (parcels); the name by default.
    layer, encoding
        See `read_vectors`.
    **coordinates
        See `into_crs`.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns `name`, `id`, `geometry` (valid polygons in `crs`), a row a region, in order of the name.

    Raises
    ------
    GeoError
        If the column is missing or no polygon is left.
    """
    frame = read_vectors(path, layer=layer, encoding=encoding)
    for column in filter(None, (name, id)):
        if column not in frame.columns:
            have = ", ".join(str(c) for c in frame.columns if c != "geometry")
            raise GeoError(f"{path.name}: has no column {column!r}; it has: {have}. Name the right one in the study file")
    frame = into_crs(frame, crs, source=path.name, **coordinates)
    geometry = shapely.make_valid(frame.geometry.to_numpy(), method="structure", keep_collapsed=False)
    names = frame[name].astype("string").fillna("").str.strip()
    table = gpd.GeoDataFrame({"name": names, "id": frame[id].astype("string") if id else names}, geometry=geometry, crs=crs)
    table = table[(shapely.area(geometry) > 0) & (names != "").to_numpy()]
    if table.empty:
        raise GeoError(f"{path.name}: no named polygon is left; check the layer and the column {name!r}")
    key = "id" if id else "name"
    return table.dissolve(by=key, as_index=False, sort=True)[["name", "id", "geometry"]]


def majority_region(geometry: Objects, regions: gpd.GeoDataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """
    Find the region that holds most of each polygon.

    Parameters
    ----------
    geometry
        Shape (n,), valid polygons; None and empty ones belong nowhere.
    regions
        Table from `read_regions`.

    Returns
    -------
    region : array
        Shape (n,), row number in `regions`; -1 where more of the polygon lies outside all of them than in any one.
    share : array
        Shape (n,), share of the polygon's area in that region, 0..1 [-].
    """
    region = np.full(len(geometry), -1, dtype=np.int64)
    share = np.zeros(len(geometry))
    usable = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    shapes = regions.geometry.to_numpy()
    pieces, owner = shapely.get_parts(shapes, return_index=True)
    tree = shapely.STRtree(pieces)
    candidates = np.flatnonzero(usable)
    # A polygon wholly inside a region is settled by one prepared predicate; only those on a border need areas.
    inside = tree.query(geometry[candidates], predicate="within")
    first = pd.Series(owner[inside[1]]).groupby(inside[0]).min()
    rows = candidates[first.index.to_numpy(dtype=np.int64)]
    region[rows], share[rows] = first.to_numpy(dtype=np.int64), 1.0
    border = candidates[region[candidates] < 0]
    pairs = tree.query(geometry[border], predicate="intersects")
    if pairs.shape[1]:
        overlap = shapely.area(shapely.intersection(geometry[border[pairs[0]]], pieces[pairs[1]]))
        table = pd.DataFrame({"row": border[pairs[0]], "region": owner[pairs[1]], "area": overlap})
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
