"""One task a tile where the run folder lies on a store: what runs on a worker, in a mirror of its own machine."""

import uuid
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from distributed import Client

from geo.tiles import tiles_around
from layers.sealing import SEALED, record_of

from .store import FINGERPRINT, RESULTS, Store
from .worker_mirror import drop_mirrors, read_stored, worker_mirror
from .workers import RESULTS as PARTS
from .workers import assess_one, model_of, tile_name

# A worker needs these whole; of the tiles it takes those around its own.
_WHOLE = (FINGERPRINT, ".work/model.pickle", ".work/tiles.parquet", ".work/tall.parquet")


def assess_stored(buildings: gpd.GeoDataFrame, url: str, token: str, parts: int = 1) -> pd.DataFrame:
    """
    Assess one tile in this machine's mirror and send its results to the store, their checksums last.

    Parameters
    ----------
    buildings
        All prepared buildings of the tile.
    url
        Address of the run folder.
    token
        Name of this run, so that a mirror never holds what another run made.
    parts
        See `assess_one`.

    Returns
    -------
    pandas.DataFrame
        One row: `tile`, `roofs`.
    """
    store = Store(url, worker_mirror(url, token))
    work, roofs = store.mirror / ".work", store.mirror / "roofs"
    begun = store.text(FINGERPRINT)
    store.bring_once(*_WHOLE)
    around = tiles_around(work / "tiles", np.asarray(buildings.total_bounds))
    rasters = [path.name for path in model_of(work).rasters()]
    store.bring_once(*(f".work/tiles/{file}" for file in around), *(f".work/{name}" for name in rasters))
    found = assess_one(buildings, str(work), str(roofs), parts)
    name = tile_name(buildings)
    if store.text(FINGERPRINT) != begun:  # as assess_one looks in a folder
        raise RuntimeError(f"{name}: another run has begun in this folder; what this one found is left out")
    results = [*(f".work/{folder}/{name}" for folder in PARTS), f"roofs/{name}", record_of(Path(f".work/{SEALED}"), name).as_posix()]
    store.send(*results)
    for result in results:
        (store.mirror / result).unlink()
    return found


def through_store(client: Client, store: Store) -> dict[str, Any]:
    """
    Say how tiles are assessed when the run folder lies on a store.

    Parameters
    ----------
    client
        Dask client.
    store
        The run folder with the mirror of this process; all that workers need is sent.

    Returns
    -------
    dict
        `task`, `read` and `gather` of `assess_tiles`.
    """
    token = uuid.uuid4().hex

    def _gather() -> None:
        client.run(drop_mirrors, store.url, on_error="ignore")  # a worker may have gone
        store.bring(*RESULTS)

    task = (f"{__name__}:{assess_stored.__name__}", store.url, token)
    return {"task": task, "read": partial(read_stored, url=store.url, token=token), "gather": _gather}
