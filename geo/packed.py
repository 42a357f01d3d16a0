"""Shapes of a whole county in little memory: well-known binary, of which shapes are made where and while they are looked at."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, reduce
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyproj
import shapely

from .shapes import from_wkb
from .threads import threaded

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]
# Row numbers, or a mask.
Rows = npt.NDArray[np.integer[Any]] | npt.NDArray[np.bool_]

# Shapes that are made at once: as objects they take five times as much.
PART = 50_000


class Packed:
    """
    Shapes of many rows, None allowed; `packed[rows]` makes shapes of some.

    Parameters
    ----------
    data
        Large well-known binary, a row a shape, null where there is none; least byte first but where a file has it otherwise.
    crs
        Their CRS; None where the file that holds them names none.
    """

    def __init__(self, data: pa.Array, crs: Any) -> None:
        self.data, self.crs = data, crs

    @classmethod
    def of(cls, parts: Iterable[Objects], crs: Any, *, sound: bool = False) -> "Packed":
        """
        Pack shapes.

        Parameters
        ----------
        parts
            Shapes in the order of the rows, some at a time; each part may be forgotten when the next is made.
        crs
            Their CRS.
        sound
            Whether they are valid, so that their places can be asked for too while they are at hand.

        Returns
        -------
        Packed
            The same shapes.
        """
        data, boxes, places = [pa.array([], pa.large_binary())], [np.empty((0, 4))], [np.empty((0, 2))]
        for part in parts:
            data.append(_wkb(part))
            boxes.append(shapely.bounds(part))
            if sound:
                places.append(threaded(places_of, part))
        packed = cls(pa.concat_arrays(data), crs)
        packed.__dict__["bounds"] = np.concatenate(boxes)
        if sound:
            packed.__dict__["places"] = np.concatenate(places)
        return packed

    @classmethod
    def apart(cls, frame: gpd.GeoDataFrame) -> tuple[pd.DataFrame, "Packed"]:
        """
        Pack the shapes of a table.

        Parameters
        ----------
        frame
            Rows with their shapes in the column "geometry".

        Returns
        -------
        rows : pandas.DataFrame
            The table without them.
        shapes : Packed
            The shapes.
        """
        shapes = frame.geometry.to_numpy()
        packed = cls.of((shapes[first : first + PART] for first in range(0, len(shapes), PART)), frame.crs)
        rows = pd.DataFrame(frame.drop(columns="geometry"))
        rows.attrs = frame.attrs
        return rows, packed

    @classmethod
    def joined(cls, parts: Sequence["Packed"]) -> "Packed":
        """
        Put packed shapes one after the other.

        Parameters
        ----------
        parts
            At least one, all in the CRS of the first.

        Returns
        -------
        Packed
            All shapes.
        """
        return parts[0] if len(parts) == 1 else cls(pa.concat_arrays([part.data for part in parts]), parts[0].crs)

    def only(self, rows: Rows) -> "Packed":
        """
        Take some rows.

        Parameters
        ----------
        rows
            Row numbers, shape (k,).

        Returns
        -------
        Packed
            Their shapes, in this order.
        """
        packed = Packed(self.wkb(rows), self.crs)
        for name in ("bounds", "places"):
            if name in self.__dict__:
                packed.__dict__[name] = self.__dict__[name][rows]
        return packed

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, rows: slice | Rows) -> Objects:
        return _shapes(self.wkb(rows))

    def wkb(self, rows: slice | Rows) -> pa.Array:
        """
        Give some shapes as they are kept.

        Parameters
        ----------
        rows
            A slice, row numbers or a mask.

        Returns
        -------
        pyarrow.Array
            Well-known binary.
        """
        if isinstance(rows, slice):
            return self.data[rows]
        return self.data.take(pa.array(np.flatnonzero(rows) if rows.dtype == bool else rows))

    def frame(self, rows: pd.DataFrame) -> gpd.GeoDataFrame:
        """
        Make shapes of all, beside what else is known of them.

        Parameters
        ----------
        rows
            A row a shape.

        Returns
        -------
        geopandas.GeoDataFrame
            The same rows with their shapes.
        """
        frame = gpd.GeoDataFrame(rows, geometry=self[:], crs=self.crs)
        frame.attrs = rows.attrs
        return frame

    def parts(self) -> Iterator[tuple[slice, Objects]]:
        """
        Make shapes part by part.

        Yields
        ------
        tuple
            Rows of the part and their shapes.
        """
        for first in range(0, len(self), PART):
            rows = slice(first, min(first + PART, len(self)))
            yield rows, self[rows]

    def each(self, function: Callable[[Objects], Any]) -> Any:
        """
        Ask something of every shape.

        Parameters
        ----------
        function
            Takes shapes and returns an array with a row a shape; each must depend on its own shape alone.

        Returns
        -------
        array
            Shape (n, ...).
        """
        return np.concatenate([function(np.empty(0, dtype=object)), *(threaded(function, part) for _, part in self.parts())])

    @cached_property
    def bounds(self) -> Floats:
        """
        Bounds of all shapes.

        Returns
        -------
        array
            Shape (n, 4), left, bottom, right, top; NaN where there is no shape.
        """
        return np.asarray(self.each(shapely.bounds), dtype=np.float64)

    @cached_property
    def places(self) -> Floats:
        """
        Point inside every shape.

        Returns
        -------
        array
            Shape (n, 2); NaN where there is no shape.
        """
        return np.asarray(self.each(places_of), dtype=np.float64)

    @cached_property
    def kinds(self) -> Ints:
        """
        Kind of every shape, as its first bytes say.

        Returns
        -------
        array of int
            Shape (n,), as well-known binary counts kinds: 3 a polygon, 6 several; from 8 on curves and such; -1 where there is no shape.
        """
        return np.asarray(np.where(self._codes < 0, -1, (self._codes & 0x0FFFFFFF) % 1000))

    @property
    def is_flat(self) -> bool:
        """
        Whether all shapes have two dimensions.

        Returns
        -------
        bool
            False where one has heights or measures.
        """
        return bool((self._codes == self.kinds).all())

    @cached_property
    def _codes(self) -> Ints:
        """Four bytes behind the one that says whether the least comes first, which GeoPackages leave open; found in the array's buffers."""
        codes, there = np.full(len(self), -1, dtype=np.int64), ~self.missing
        if there.any():
            _, ends, data = self.data.buffers()
            first = np.frombuffer(ends, np.int64)[self.data.offset : self.data.offset + len(self)][there]
            at, held = np.frombuffer(data, np.uint8), np.zeros(len(first), dtype=np.int64)
            least_last = at[first] == 0
            for byte in range(4):
                held |= at[first + 1 + byte].astype(np.int64) << np.where(least_last, 24 - 8 * byte, 8 * byte)
            codes[there] = held
        return codes

    def moved(self, way: Sequence[Callable[[Objects], Objects]], crs: pyproj.CRS) -> "Packed":
        """
        Bring the shapes into another CRS.

        Parameters
        ----------
        way
            What is done with shapes, step by step; each shape depends on its own alone.
        crs
            The CRS to which it leads.

        Returns
        -------
        Packed
            The moved shapes; where there is nothing to do these.
        """
        if not way:
            return Packed(self.data, crs)
        return Packed.of((reduce(lambda shapes, step: step(shapes), way, part) for _, part in self.parts()), crs)

    @property
    def total_bounds(self) -> Floats:
        """
        Bounds of all shapes together.

        Returns
        -------
        array
            Left, bottom, right, top; NaN where there is no shape at all.
        """
        there = self.bounds[~np.isnan(self.bounds[:, 0])]
        return np.concatenate([there[:, :2].min(axis=0), there[:, 2:].max(axis=0)]) if len(there) else np.full(4, np.nan)

    @property
    def sizes(self) -> Ints:
        """
        Bytes of every shape.

        Returns
        -------
        array of int
            Shape (n,); 0 where there is none.
        """
        return np.asarray(pc.binary_length(self.data).fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """
        Rows without a shape.

        Returns
        -------
        array of bool
            Shape (n,).
        """
        return np.asarray(self.data.is_null())

    def put(self, rows: npt.NDArray[np.integer[Any]], shapes: Objects) -> None:
        """
        Replace some shapes.

        Parameters
        ----------
        rows
            Shape (k,), row numbers, each once.
        shapes
            Shape (k,), the new ones, None allowed.
        """
        order = np.argsort(rows)
        rows, shapes = np.asarray(rows)[order], np.asarray(shapes, dtype=object)[order]
        hit = np.zeros(len(self), dtype=bool)
        hit[rows] = True
        for name in ("kinds", "_codes"):
            self.__dict__.pop(name, None)
        self.data = pc.replace_with_mask(self.data, pa.array(hit), _wkb(shapes))
        for name, ask in (("bounds", shapely.bounds), ("places", places_of)):
            if name in self.__dict__ and len(rows):
                self.__dict__[name][rows] = ask(shapes)


Shapes = Objects | Packed


def bounds_of(shapes: Shapes) -> Floats:
    """
    Give the bounds of shapes, packed or not.

    Parameters
    ----------
    shapes
        Shape (n,), None allowed.

    Returns
    -------
    array
        Shape (n, 4), left, bottom, right, top; NaN where there is no shape.
    """
    return shapes.bounds if isinstance(shapes, Packed) else np.asarray(shapely.bounds(shapes), dtype=np.float64)


def places_of(shapes: Objects) -> Floats:
    """
    Give a point inside every shape, which decides where it belongs.

    Parameters
    ----------
    shapes
        Shape (n,), valid, None allowed.

    Returns
    -------
    array
        Shape (n, 2); NaN, not an error, where there is no shape.
    """
    return np.asarray(shapely.bounds(shapely.point_on_surface(shapes)).reshape(-1, 4)[:, :2], dtype=np.float64)


def touching(boxes: Floats, shapes: Objects) -> Ints:
    """
    Find the boxes that meet the box of one of some shapes.

    Parameters
    ----------
    boxes
        Shape (n, 4), left, bottom, right, top; NaN meets nothing.
    shapes
        A few shapes, None allowed.

    Returns
    -------
    array of int
        Row numbers of the boxes, ascending.
    """
    tree, whole = shapely.STRtree(shapes), shapely.total_bounds(shapes)
    near = np.flatnonzero((boxes[:, :2] <= whole[2:]).all(axis=1) & (boxes[:, 2:] >= whole[:2]).all(axis=1))
    found = [np.empty(0, dtype=np.int64)]
    for first in range(0, len(near), PART):
        rows = near[first : first + PART]
        found.append(rows[np.unique(tree.query(shapely.box(*boxes[rows].T))[0])])
    return np.concatenate(found)


def _wkb(shapes: Objects) -> pa.Array:
    return pa.array(shapely.to_wkb(shapes, byte_order=1), pa.large_binary())


def _shapes(data: pa.Array) -> Objects:
    return from_wkb(data.to_numpy(zero_copy_only=False))
