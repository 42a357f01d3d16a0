"""One task a tile: what runs on a Dask worker, and how tiles are handed out."""

import gc
import heapq
import math
import multiprocessing
import pickle
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import dask_geopandas
import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq
from distributed import Client, KilledWorker, LocalCluster, as_completed, get_worker

from geo.surface_raster import NEAR_REACH
from geo.tiles import read_surroundings
from layers.model import Model
from layers.potential import assess_tile
from layers.replacing import unfinished
from layers.schema import write_table
from layers.sealing import SEALED, checksum, is_sealed, record_of, seal

from .errors import UnfinishedRun
from .expendable import expendable
from .joining import assess_joined, read_tile, same_versions
from .manifest import write_json

# A tile that failed is tried again in so many parts: memory may have been the reason.
RETRY_PARTS = 4
# NFS shows new files of other machines within a minute by default.
IN_SIGHT_SECONDS = 90.0
# What a tile leaves in the run's own folder, beside its roofs.
RESULTS = ("audit", "mounts", "profiles")
AUDIT_ROOFS = 200
# Measured on tiles of 4,000 buildings: what a worker holds before its first tile, and what a building adds at the peak.
BYTES_OF_A_WORKER, BYTES_OF_A_BUILDING = 450e6, 60e3
# Measured on a hall of 5 km² under a surface model of 0.5 m: what a cell of the finest raster adds at the peak.
BYTES_OF_A_CELL = 40.0

_BUILDINGS = gpd.GeoDataFrame({"tile": pd.Series([], dtype="int32")}, geometry=[])
_META = pd.DataFrame({"tile": pd.Series([], dtype="int64"), "roofs": pd.Series([], dtype="int64")})


def assess_tiles(
    client: Client,
    work: Path,
    roofs: Path,
    files: Mapping[str, int],
    told: Callable[[int, int, int], None],
    task: tuple[str, ...] = (),
    read: Callable[[str], gpd.GeoDataFrame] | None = None,
    gather: Callable[[], None] = lambda: None,
    damaged: Callable[[list[str]], None] = lambda names: None,
) -> None:
    """
    Assess the tiles whose roofs are not there yet; one that fails is tried once more, in smaller parts, and then set aside.

    Parameters
    ----------
    client
        Dask client.
    work
        The run's own folder with `tiles/` and `model.pickle`.
    roofs
        Folder of the result, a file a tile.
    files
        Names of the tile files, and how many buildings each has to assess.
    told
        Called with buildings done, buildings in all, and how many the processes have under way at once.
    task
        Module and name of what a worker calls with the buildings of a tile, and what it is given before the number of parts; by default
        `assess_one` on both folders.
    read
        Gives a worker the buildings of a tile by the name of its file; by default from the run's own folder, which all workers see.
    gather
        Called when a round of tasks has ended; brings what they wrote elsewhere.
    damaged
        Called with the tiles that were finished once, and whose files are no longer what was written then.

    Raises
    ------
    UnfinishedRun
        If tiles were set aside; everything else is finished by then.
    """
    begun = fingerprint_of(work)
    missing = _missing(work, roofs, list(files))
    if broken := [name for name in missing if record_of(work / SEALED, name).exists()]:
        damaged(broken)
        for name in broken:
            record_of(work / SEALED, name).unlink()
    whole = sum(files.values())
    at_once = math.ceil(sum(client.nthreads().values()) * whole / max(len(files), 1))
    told(whole - sum(files[name] for name in missing), whole, at_once)
    if not missing:
        return
    run = same_versions(client, None if task else work)
    read = read or partial(read_tile, folder=str(work / "tiles"))
    failed: dict[str, str] = {}
    for parts in (1, RETRY_PARTS):
        names = _missing(work, roofs, missing)
        if not names:  # a worker was ended when its tile was written already
            failed = {}
            break
        call = (assess_joined, run, *(task or (f"{__name__}:assess_one", str(work), str(roofs))), parts)
        failed = _assess(client, names, read, call, lambda left: told(whole - sum(files[name] for name in left), whole, at_once))
        gather()
        failed = {name: failed[name] for name in _missing(work, roofs, list(failed))}
        if not failed:
            break
    if not failed:
        _await_files(work, roofs, files)
        return
    if fingerprint_of(work) != begun:
        raise UnfinishedRun(
            "the run folder was removed, emptied or taken by another run while this one was working; run the same command again, it starts "
            "anew"
        )
    write_json(work / "failed.json", failed)
    reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(failed.items())[:5])
    raise UnfinishedRun(
        f"{len(failed)} of {len(files)} tiles could not be assessed, twice: {reasons}. "
        "The others are finished and kept, no product was made; run the same command again to try these alone"
    )


def _missing(work: Path, roofs: Path, names: list[str]) -> list[str]:
    """Tiles of which anything is not there as it was written for this run's inputs: sums would lack it without a word."""
    begun = fingerprint_of(work)
    with ThreadPoolExecutor() as pool:
        whole = pool.map(lambda name: is_sealed(record_of(work / SEALED, name), begun, _parts(work, roofs, name)), names)
        return [name for name, there in zip(names, whole, strict=True) if not there]


def _parts(work: Path, roofs: Path, name: str) -> dict[str, Path]:
    return {folder: work / folder / name for folder in RESULTS} | {"roofs": roofs / name}


def _await_files(work: Path, roofs: Path, files: Mapping[str, int]) -> None:
    """Wait until every result is in sight: a shared folder may show what another machine wrote a while later."""
    until = time.monotonic() + IN_SIGHT_SECONDS
    folders = (roofs, *(work / name for name in RESULTS), work / SEALED)
    wanted = {Path(name).stem: name for name in files}
    while missing := sorted({wanted[stem] for folder in folders for stem in set(wanted) - {file.stem for file in folder.glob("tile-*")}}):
        if time.monotonic() > until:
            raise UnfinishedRun(
                f"{len(missing)} of {len(files)} tiles were assessed, but their results are not in the run folder after "
                f"{IN_SIGHT_SECONDS:.0f} s: {', '.join(missing[:5])}; run the same command again, and see whether all machines share the "
                "folder"
            )
        time.sleep(0.5)


def _assess(
    client: Client, names: list[str], read: Callable[[str], gpd.GeoDataFrame], call: tuple[Any, ...], told: Callable[[set[str]], None]
) -> dict[str, str]:
    """Assess tiles, one task a tile; reasons of those that failed, by name. `told` is called with those that are not finished yet."""
    failed, left = {}, set(names)
    of: dict[Any, str] = {}
    running, waiting = as_completed(), iter(names)

    def begin(count: int) -> None:
        for name in islice(waiting, count):
            future = client.compute(_tile(name, read, call))
            of[future.key] = name
            running.add(future)

    # A worker that dies takes the tiles along that wait in it. Here it has one at a time; elsewhere Dask tries those again by itself.
    begin(max(1, sum(client.nthreads().values())) if isinstance(client.cluster, LocalCluster) else len(names))
    for future in running:
        error = future.exception()
        if future.status == "cancelled":  # without an exception, as if it were done
            raise UnfinishedRun(
                f"the Dask scheduler has gone; {len(names) - len(left)} of {len(names)} tiles were finished until then and are kept; "
                "start it again or leave --scheduler out, and run the same command again to continue"
            )
        if error is None:
            left.remove(of[future.key])
            told(left)
        else:
            failed[of[future.key]] = _reason(error)
        future.release()  # first: the next tile may end this worker, and a row that is still wanted would be made again
        begin(1)
    return failed


def _tile(name: str, read: Callable[[str], gpd.GeoDataFrame], call: tuple[Any, ...]) -> Any:
    """Give the task of one tile, whose file is not looked at before; among those of all, finding it took the longer the more there are."""
    with dask.config.set({"dataframe.convert-string": False}):
        buildings: dask_geopandas.GeoDataFrame = dd.from_map(read, [name], meta=_BUILDINGS, enforce_metadata=False, label="tile")
        return buildings.map_partitions(*call, meta=_META, enforce_metadata=False).to_delayed()[0]


def _reason(error: BaseException) -> str:
    """Why a tile failed, in one line."""
    if isinstance(error, KilledWorker):
        return (
            "its worker process was ended from outside (it went over its memory limit, or the system had no memory left), "
            "and fewer --workers or a larger worker_memory_gb under [run] leave more to each"
        )
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def assess_one(buildings: gpd.GeoDataFrame, work: str, roofs: str, parts: int = 1) -> pd.DataFrame:
    """
    Assess one tile and write its roofs, its audit sample and its candidates; one that is finished already stays as it is.

    Parameters
    ----------
    buildings
        All prepared buildings of the tile.
    work, roofs
        Folders, see `assess_tiles`.
    parts
        Assess the tile in so many parts, one after the other: the same rows in less memory.

    Returns
    -------
    pandas.DataFrame
        One row: `tile`, `roofs`.
    """
    if multiprocessing.parent_process() is not None:
        expendable()
        _settled()
    own, target = Path(work), Path(roofs)
    begun = fingerprint_of(own)
    name = tile_name(buildings)
    tile = int(buildings["tile"].iloc[0])
    if is_sealed(record_of(own / SEALED, name), begun, _parts(own, target, name)):  # its worker ended before it could tell
        return pd.DataFrame({"tile": [tile], "roofs": [pq.read_metadata(target / name).num_rows]})
    wanted = buildings[buildings["status"] == ""]
    model = model_of(own)
    results = []
    parts = max(parts, _parts_in_memory(len(wanted), _cells(wanted.total_bounds, model)))
    for rows in np.array_split(np.arange(len(wanted)), min(parts, len(wanted))):
        part = wanted.iloc[rows]
        results.append(assess_tile(part, read_surroundings(own / "tiles", np.asarray(part.total_bounds), part.bounds.to_numpy()), model))
    audit = heapq.nsmallest(AUDIT_ROOFS, (row for result in results for row in result.audit), key=lambda row: str(row["key"]))
    mounts = pd.concat([result.mounts for result in results], ignore_index=True)
    found = results[0].roofs
    if len(results) > 1:
        found = pd.concat([result.roofs for result in results], ignore_index=True).sort_values("roof_id", ignore_index=True)
    hours = pd.concat([result.profiles for result in results], ignore_index=True)  # parts of one region are added when they are read
    if fingerprint_of(own) != begun:
        raise RuntimeError(f"{name}: another run has begun in this folder; what this one found is left out")
    for folder, table in zip(RESULTS, (pd.DataFrame(audit).assign(tile=name), mounts, hours), strict=True):
        with unfinished(own / folder / name, own / "unfinished") as file:
            table.to_parquet(file, index=False, use_dictionary=[word for word in ("use", "mounting") if word in table])
    write_table(found, "roofs", target / name, own / "unfinished")
    seal(record_of(own / SEALED, name), begun, _parts(own, target, name), own / "unfinished")  # last: it says that the tile is done
    return pd.DataFrame({"tile": [tile], "roofs": [len(found)]})


def fingerprint_of(work: Path) -> str:
    """
    Hash what the run of a folder is made from, as it stands there now: a task may outlive the run that began it.

    Parameters
    ----------
    work
        The run's own folder.

    Returns
    -------
    str
        Empty where nothing has been noted yet.
    """
    file = work / "fingerprint.json"
    return checksum(file) if file.exists() else ""


@lru_cache(maxsize=1)
def _settled() -> None:
    """Pass over what is loaded already when memory is swept: looking at all of it again took a twentieth of each tile."""
    gc.freeze()


def _parts_in_memory(buildings: int, cells: float) -> int:
    """Give the parts in which a tile stays within the memory of its worker."""
    try:
        limit = get_worker().memory_manager.memory_limit
    except (ValueError, AttributeError):  # not on a worker, or one without a nanny
        return 1
    room = (limit or np.inf) - BYTES_OF_A_WORKER
    return math.ceil((buildings * BYTES_OF_A_BUILDING + cells * BYTES_OF_A_CELL) / max(room, BYTES_OF_A_BUILDING))


def _cells(bounds: npt.NDArray[np.float64], model: Model) -> float:
    """Cells of the finest raster in memory while buildings within bounds are assessed."""
    rasters = model.dsm is not None or model.canopy is not None
    finest = min(model.terrain.resolution, model.surface_resolution if rasters else np.inf)
    return float((bounds[2] - bounds[0] + 2 * NEAR_REACH) * (bounds[3] - bounds[1] + 2 * NEAR_REACH) / finest**2)


def tile_name(buildings: gpd.GeoDataFrame) -> str:
    """
    Give the name of a tile's files.

    Parameters
    ----------
    buildings
        Prepared buildings of the tile.

    Returns
    -------
    str
        The same in every folder.
    """
    return f"tile-{int(buildings['tile'].iloc[0]):05d}.parquet"


def model_of(work: Path) -> Model:
    """
    Read the parameters of a run; once in a process.

    Parameters
    ----------
    work
        The run's own folder, wherever it lies now.

    Returns
    -------
    Model
        Its rasters are those in the folder.
    """
    file = work / "model.pickle"
    return _model(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _model(file: Path, stamp: int) -> Model:
    with file.open("rb") as stream:
        model: Model = pickle.load(stream)
    return model.moved(file.parent)
