"""Buildings that the source has cut at the edges of its tiles or map sheets, found and joined again."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .overlaps import Pairs
from .packed import Shapes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]

# Web map tiles are cut along these meridians and parallels; finer zooms are not used for buildings.
_ZOOMS = range(10, 19)
# Map sheets of 1:500 to 1:10,000 measure multiples of this.
_SHEET_M = 250.0
# A round coordinate may be chance; this many buildings cut along it are not.
_PAIRS_ON_A_SHEET_EDGE = 3
# Vertices that were cut lie on the edge to this.
_ON_EDGE_M = 0.02
_SHARED_M = 0.3
# An id that more pieces than this have is no id of a building (a column of zeros).
MOST_PIECES = 16


def cut_pairs(geometry: Shapes, pairs: Pairs, same_id: npt.NDArray[np.bool_], to_degrees: Callable[[Floats], Floats]) -> Pairs:
    """
    Choose among pairs of polygons with equal attributes those that a tile edge has parted.

    Parameters
    ----------
    geometry
        Shape (n,), valid polygons in metres.
    pairs
        Polygons that meet and say the same in every attribute.
    same_id
        Shape (p,), whether the source gives both the same id of their own; such pairs need no edge to be seen.
    to_degrees
        Turns coordinates (k, 2) into longitude and latitude.

    Returns
    -------
    Pairs
        Pieces of one building.
    """
    left, right = pairs.left[~same_id], pairs.right[~same_id]
    found = np.zeros(len(left), dtype=bool)
    if len(left):
        sheets = _shared_lines(geometry, left, right, lambda xy: xy, _ON_EDGE_M, _SHARED_M)
        sheets = sheets[np.abs(sheets["at"] - np.round(sheets["at"] / _SHEET_M) * _SHEET_M) <= _ON_EDGE_M]
        number = sheets.groupby(["axis", "key"])["pair"].transform("nunique")
        found[sheets.loc[number >= _PAIRS_ON_A_SHEET_EDGE, "pair"].to_numpy(dtype=np.int64)] = True
        metre = 1.0 / 111_000.0
        tiles = _shared_lines(geometry, left, right, to_degrees, _ON_EDGE_M * metre, _SHARED_M * metre)
        found[tiles.loc[_on_tile_edge(tiles), "pair"].to_numpy(dtype=np.int64)] = True
    both = np.concatenate([np.flatnonzero(same_id), np.flatnonzero(~same_id)[found]])
    both.sort()
    return Pairs(pairs.left[both], pairs.right[both])


def joined_shapes(geometry: Shapes, area: Floats, ids: pd.Series, cut: Pairs) -> tuple[Ints, Ints, Objects]:
    """
    Put the pieces of cut buildings together.

    Parameters
    ----------
    geometry
        Shape (n,), valid polygons.
    area
        Shape (n,) [m2].
    ids
        Shape (n,), building ids.
    cut
        Pieces of one building, from `cut_pairs`.

    Returns
    -------
    rows : array of int
        Shape (k,), every piece.
    carrier : array of int
        Shape (k,), the piece that carries the whole: the largest one of the building.
    shapes : array
        Shape (k,), the whole building.
    """
    rows = np.unique(np.concatenate([cut.left, cut.right]))
    if not len(rows):
        return rows, rows, geometry[:0]
    a, b = np.searchsorted(rows, cut.left), np.searchsorted(rows, cut.right)
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(rows), len(rows)))
    label = connected_components(graph, directed=False)[1].astype(np.int64)
    order = np.lexsort((ids.iloc[rows].to_numpy(dtype=object).astype(str), -area[rows], label))
    first = order[np.flatnonzero(np.diff(label[order], prepend=-1))]
    by_label = np.argsort(label, kind="stable")
    pieces = shapely.geometrycollections(geometry[rows[by_label]], indices=label[by_label])
    # The two sides of a cut differ in their last digits: a slit of a centimetre is closed.
    near = shapely.buffer(pieces, _ON_EDGE_M, join_style="mitre")
    whole = shapely.buffer(near, -_ON_EDGE_M, join_style="mitre")
    return rows, rows[first][label], whole[label]


def _shared_lines(
    geometry: Shapes, left: Ints, right: Ints, transform: Callable[[Floats], Floats], near: float, long: float
) -> pd.DataFrame:
    """Axis-parallel lines along which both of a pair have a wall: `pair`, `axis`, `at`, `key` (the line, rounded)."""
    one, two = _walls(geometry, left, transform, near), _walls(geometry, right, transform, near)
    both = one.merge(two, on=["pair", "axis"], suffixes=("", "_2"))
    same = (both["at"] - both["at_2"]).abs() <= near
    beside = np.minimum(both["end"], both["end_2"]) - np.maximum(both["start"], both["start_2"]) >= long
    shared = both.loc[same & beside, ["pair", "axis", "at"]].drop_duplicates()
    return shared.assign(key=np.round(shared["at"] / (2 * near)))


def _walls(geometry: Shapes, rows: Ints, transform: Callable[[Floats], Floats], near: float) -> pd.DataFrame:
    """Walls parallel to an axis: `pair`, `axis` (0: x is constant), `at`, `start`, `end`."""
    xy, owner = shapely.get_coordinates(geometry[rows], return_index=True)
    xy = transform(xy)
    a, b = xy[:-1], xy[1:]
    one_shape = owner[:-1] == owner[1:]
    tables = []
    for axis in (0, 1):
        wall = one_shape & (np.abs(a[:, axis] - b[:, axis]) <= near) & (np.abs(a[:, 1 - axis] - b[:, 1 - axis]) > near)
        along = np.sort(np.stack([a[wall, 1 - axis], b[wall, 1 - axis]]), axis=0)
        tables.append(
            pd.DataFrame(
                {
                    "pair": owner[:-1][wall],
                    "axis": axis,
                    "at": (a[wall, axis] + b[wall, axis]) / 2,
                    "start": along[0],
                    "end": along[1],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _on_tile_edge(lines: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether a meridian (axis 0) or parallel (axis 1) bounds web map tiles of a usual zoom."""
    at, meridian = lines["at"].to_numpy(dtype=float), (lines["axis"] == 0).to_numpy()
    latitude = np.radians(np.clip(np.where(meridian, 0.0, at), -85.0, 85.0))
    turn = np.where(meridian, (at + 180.0) / 360.0, (1.0 - np.arcsinh(np.tan(latitude)) / np.pi) / 2.0)
    near = _ON_EDGE_M / 40_075_000.0 / np.cos(latitude)
    finest = turn * 2.0 ** _ZOOMS[-1]
    edge: npt.NDArray[np.bool_] = np.abs(finest - np.round(finest)) <= near * 2.0 ** _ZOOMS[-1]
    # a line of zoom 18 is 150 m from the next: by chance one wall in 4,000 lies on one, and it has to part equals to count
    return edge
