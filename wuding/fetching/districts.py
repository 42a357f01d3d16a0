"""Which level of divisions divides an area into districts."""

import geopandas as gpd
import numpy as np
import shapely

from .answers import FetchError
from .place import Area
from .sources import Words

# A division belongs to the area by most of its own surface, or by a share of the area that is no sliver of a border drawn otherwise.
_MOST = 0.5
_SLIVER = 0.02
# A level counts where its parts cover most of the area.
_COVERS = 0.9
# Less of a district than this in the area is told: its sums are of that part.
_WHOLE = 0.98


def choose_level(frame: gpd.GeoDataFrame, area: Area) -> tuple[gpd.GeoDataFrame, list[Words]]:
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
    chosen : geopandas.GeoDataFrame
        One row a district, sorted by name; where no level has two parts, the finest of those that cover most.
    told : list of tuple
        What of the area has no district, and which districts lie in it only in part; Chinese and English.

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
    own, whole = shapely.area(rows.geometry.to_numpy()), float(shapely.area(area.shape))
    rows = rows.assign(level=rows["level"].astype(str), inside=common / np.where(own > 0, own, 1.0), own=own)
    rows = rows[(own > 0) & ((common > _MOST * own) | (common > _SLIVER * whole))]
    levels = []
    for level, group in rows.groupby("level", sort=True):
        union = shapely.union_all(group.geometry.to_numpy())
        covers = float(shapely.area(shapely.intersection(union, area.shape)) / whole)
        divides = covers >= _COVERS and len(group) > 1
        # the coarsest that divides; else what covers most, and of these the finest
        size = float(group["own"].mean())
        order = (-len(group), size) if divides else (round(covers, 2), -size)
        levels.append((divides, order, str(level), covers))
    if not levels:
        raise FetchError(f"no district lies in the area ({len(frame)} touch it); give them by address, or take districts out")
    _, _, level, covers = max(levels)
    kept = [column for column in ("name", "level", "adcode") if column in rows]
    chosen = rows[rows["level"] == level].sort_values("name", kind="stable").reset_index(drop=True)
    told = []
    if covers < _WHOLE:
        told.append(
            (
                f"区县覆盖研究区的 {covers:.0%}，其余建筑不属于任何区县",
                f"the districts cover {covers:.0%} of the area; buildings elsewhere belong to none",
            )
        )
    parts = [f"{name} {share:.0%}" for name, share in zip(chosen["name"], chosen["inside"], strict=True) if share < _WHOLE]
    if parts:
        told.append(
            (
                f"只有一部分在研究区内的区县，其汇总只含该部分：{'、'.join(parts)}",
                f"districts of which only a part lies in the area, so that their sums are of that part: {', '.join(parts)}",
            )
        )
    return chosen[[*kept, "geometry"]], told
