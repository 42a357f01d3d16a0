"""One task a tile: what runs on a Dask worker, and the cluster on this machine."""

import logging
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import dask
import dask_geopandas
import geopandas as gpd
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster, as_completed

from geo.tiles import read_surroundings
from layers.model import Model
from layers.potential import assess_tile
from layers.schema import write_table

from .manifest import check_rooms

_META = pd.DataFrame({"tile": pd.Series([], dtype="int64"), "roofs": pd.Series([], dtype="int64")})


@contextmanager
def cluster(tiles: int, workers: int, scheduler: str | None) -> Iterator[Client]:
    """
    Give a Dask client: an existing cluster, worker processes here, or this process where that is enough.

    Parameters
    ----------
    tiles
        Number of tasks.
    workers
        Worker processes on this machine.
    scheduler
        Address of a running scheduler, or None.
    """
    logging.getLogger("distributed").setLevel(logging.ERROR)
    dask.config.set({"distributed.comm.timeouts.connect": "60s", "distributed.worker.daemon": True})
    if scheduler is not None:
        with Client(scheduler) as client:
            yield client
        return
    count = min(tiles, workers)
    local = LocalCluster(
        n_workers=max(1, count), threads_per_worker=1, processes=count > 1, dashboard_address=":0", silence_logs=logging.CRITICAL
    )
    with local, Client(local) as client:
        yield client


def assess_tiles(client: Client, work: Path, roofs: Path, files: list[str], told: Callable[[int, int], None]) -> None:
    """
    Assess the tiles whose roofs are not there yet.

    Parameters
    ----------
    client
        Dask client.
    work
        The run's own folder with `tiles/` and `model.pickle`.
    roofs
        Folder of the result, a file a tile.
    files
        Names of the tile files.
    told
        Called with tiles done and tiles in all.
    """
    missing = [name for name in files if not (roofs / name).exists()]
    done = len(files) - len(missing)
    told(done, len(files))
    if not missing:
        return
    versions = set(client.run(check_rooms).values())
    if versions != {check_rooms()}:
        raise RuntimeError(f"the workers run wuding {sorted(versions)}, this process {check_rooms()}; install the same version everywhere")
    with dask.config.set({"dataframe.convert-string": False}):
        buildings = dask_geopandas.read_parquet([str(work / "tiles" / name) for name in missing])
        tasks = buildings.map_partitions(assess_one, str(work), str(roofs), meta=_META, enforce_metadata=False)
        futures = client.compute(tasks.to_delayed())
    for future in as_completed(futures):
        future.result()
        done += 1
        told(done, len(files))


def assess_one(buildings: gpd.GeoDataFrame, work: str, roofs: str) -> pd.DataFrame:
    """
    Assess one tile and write its roofs, its audit sample and its candidates.

    Parameters
    ----------
    buildings
        All prepared buildings of the tile.
    work, roofs
        Folders, see `assess_tiles`.

    Returns
    -------
    pandas.DataFrame
        One row: `tile`, `roofs`.
    """
    own, target = Path(work), Path(roofs)
    tile = int(buildings["tile"].iloc[0])
    name = f"tile-{tile:05d}.parquet"
    wanted = buildings[buildings["status"] == ""]
    if not len(wanted):
        return pd.DataFrame({"tile": [tile], "roofs": [0]})
    around = read_surroundings(own / "tiles", np.asarray(wanted.total_bounds))
    result = assess_tile(wanted, around, _model(own / "model.pickle", (own / "model.pickle").stat().st_mtime_ns))
    for folder in ("audit", "mounts"):
        (own / folder).mkdir(exist_ok=True)
    pd.DataFrame(result.audit).to_parquet(own / "audit" / name, index=False)
    result.mounts.to_parquet(own / "mounts" / name, index=False)
    write_table(result.roofs, "roofs", target / name, own / "unfinished")
    return pd.DataFrame({"tile": [tile], "roofs": [len(result.roofs)]})


@lru_cache(maxsize=1)
def _model(file: Path, stamp: int) -> Model:
    with file.open("rb") as stream:
        model: Model = pickle.load(stream)
    return model
