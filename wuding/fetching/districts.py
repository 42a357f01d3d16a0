"""Which level of divisions divides an area into districts."""

import geopandas as gpd
import shapely

from .answers import FetchError
from .place import Area

# A division belongs to the area by most of its own surface; a level counts where its parts cover most of the area.
_MOST = 0.5
_COVERS = 0.9


def choose_level(frame: gpd.GeoDataFrame, area: Area) -> gpd.GeoDataFrame:
    """
    Choose the coarsest level of divisions that divides an area.

    Parameters
    ----------
    frame
        Polygons in WGS 84 with `name` and `level`.
    area
        The area.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a district, sorted by name; where no level has two parts, the one that covers most.

    Raises
    ------
    FetchError
        If no division lies in the area.

    Notes
    -----
    What a level is called differs between countries and sources (the districts of a Chinese city are `county` here, 6 there), so it is
    found by what it does. Areas are compared in degrees, which suffices for shares.
    """
    rows = frame[frame["name"].notna() & ~frame.geometry.isna()].copy()
    rows.geometry = gpd.GeoSeries(shapely.make_valid(rows.geometry.to_numpy()), index=rows.index, crs=frame.crs)
    common = shapely.area(shapely.intersection(rows.geometry.to_numpy(), area.shape))
    own = shapely.area(rows.geometry.to_numpy())
    rows = rows[(common > _MOST * own) & (own > 0)].assign(level=lambda table: table["level"].astype(str))
    levels = []
    for level, group in rows.groupby("level", sort=True):
        union = shapely.union_all(group.geometry.to_numpy())
        covers = float(shapely.area(shapely.intersection(union, area.shape)) / shapely.area(area.shape))
        levels.append((covers >= _COVERS and len(group) > 1, -len(group), covers, str(level)))
    if not levels:
        raise FetchError(f"no district lies in the area ({len(frame)} touch it); give them by address, or take districts out")
    divides = [entry for entry in levels if entry[0]]
    best = max(divides, key=lambda entry: entry[1:]) if divides else max(levels, key=lambda entry: (entry[2], entry[3]))
    kept = [column for column in ("name", "level", "adcode") if column in rows]
    chosen: gpd.GeoDataFrame = rows.loc[rows["level"] == best[3], [*kept, "geometry"]]
    return chosen.sort_values("name", kind="stable").reset_index(drop=True)
