"""Prepared buildings on disk while their roofs are assessed: in memory they would take 1 kB each, and as much again in pieces of it."""

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj

from geo.packed import Packed
from layers.schema import ROW_GROUP

_TEXT = pd.StringDtype(na_value=np.nan)
_SHAPES, _SIDES, _PLACE = "shapes", ("left", "bottom", "right", "top"), ("x", "y")


@dataclass(frozen=True)
class Part:
    """Some of the buildings: their columns but the geometry, shapes as WKB, and bounds of the shapes, shape (n, 4)."""

    rows: pd.DataFrame
    shapes: pa.Array
    bounds: np.ndarray


class Kept:
    """
    The buildings that `keep` wrote, in the order of their ids.

    Parameters
    ----------
    file
        Its file; read without a copy.
    crs
        CRS of the shapes.
    """

    def __init__(self, file: Path, crs: pyproj.CRS) -> None:
        self._file, self.crs = file, crs
        self._count = len(self._table())

    def __len__(self) -> int:
        return self._count

    def _table(self) -> pa.Table:
        """Map the file anew: pages that were looked at go with the last array that lies in them."""
        return pa.ipc.open_file(pa.memory_map(str(self._file))).read_all()

    def columns(self, *names: str) -> pd.DataFrame:
        """
        Read some columns of all buildings.

        Parameters
        ----------
        *names
            Names of the columns.

        Returns
        -------
        pandas.DataFrame
            A row a building.
        """
        frame: pd.DataFrame = self._table().select(names).to_pandas()
        return frame

    def bounds(self) -> np.ndarray:
        """
        Give the bounds of all shapes.

        Returns
        -------
        numpy.ndarray
            Shape (n, 4), left, bottom, right, top; NaN where there is no shape.
        """
        table = self._table()
        return np.column_stack([table[side].to_numpy() for side in _SIDES])

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """
        Give the point of each building that decides in which cell it lies.

        Returns
        -------
        x, y : numpy.ndarray
            Shape (n,) [m].
        """
        table = self._table()
        return table["x"].to_numpy(), table["y"].to_numpy()

    def parts(self) -> Iterator[Part]:
        """
        Give the buildings in parts of `ROW_GROUP`.

        Yields
        ------
        Part
            The next ones.
        """
        for at in range(pa.ipc.open_file(pa.memory_map(str(self._file))).num_record_batches):
            batch = pa.ipc.open_file(pa.memory_map(str(self._file))).get_batch(at)
            rows = batch.drop_columns([_SHAPES, *_SIDES, *_PLACE]).to_pandas()
            yield Part(rows, batch[_SHAPES], np.column_stack([batch[side].to_numpy() for side in _SIDES]))

    def remove(self) -> None:
        """Take the file away; where the system holds it still, the next run on the folder does."""
        with suppress(PermissionError):
            self._file.unlink()


def keep(buildings: pd.DataFrame, shapes: Packed, file: Path) -> Kept:
    """
    Write buildings in the order of their ids.

    Parameters
    ----------
    buildings
        All input rows.
    shapes
        Their shapes.
    file
        Where to; the folder is made.

    Returns
    -------
    Kept
        What was written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    order = buildings["building_id"].argsort(kind="stable").to_numpy()
    typed = {name: _TEXT for name, dtype in buildings.dtypes.items() if pd.api.types.is_object_dtype(dtype)}
    writer: Any = None
    for first in range(0, len(order), ROW_GROUP):
        rows = order[first : first + ROW_GROUP]
        batch = _batch(buildings.iloc[rows].astype(typed), shapes.wkb(rows), shapes.bounds[rows], shapes.places[rows])
        writer = writer or pa.ipc.new_file(str(file), batch.schema)
        writer.write_batch(batch)
    writer.close()
    return Kept(file, shapes.crs)


def _batch(rows: pd.DataFrame, shapes: pa.Array, bounds: np.ndarray, places: np.ndarray) -> pa.RecordBatch:
    batch = pa.RecordBatch.from_pandas(rows, preserve_index=False)
    more = {_SHAPES: shapes.cast(pa.binary()), **dict(zip(_SIDES, bounds.T, strict=True)), **dict(zip(_PLACE, places.T, strict=True))}
    for name, values in more.items():
        batch = batch.append_column(name, pa.array(values))
    return batch


def give_back() -> None:
    """Give memory that is free back to the system: after large tables libraries hold as much again as is in use."""
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # of the C library of Linux alone
        ctypes.CDLL("libc.so.6").malloc_trim(0)
