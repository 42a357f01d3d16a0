"""What a worker must be before it assesses tiles: of the run's versions, with the run folder in sight, its compiled code in its place.

Nothing here imports a kernel: numba asks once, at its first import, where compiled code is kept.
"""

import importlib
import socket
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from distributed import Client, LocalCluster
from distributed.comm import CommClosedError

from .errors import NONE_STARTED, StudyError, UnfinishedRun
from .manifest import check_rooms, versions
from .user_cache import keep_compiled


def same_versions(client: Client, folder: Path | None) -> dict[str, str]:
    """
    Compare every worker with this process before the first task.

    Parameters
    ----------
    client
        Dask client.
    folder
        The run's own folder, which every worker must see; None where workers ask a store.

    Returns
    -------
    dict
        Versions that a tile's numbers depend on, as `assess_joined` wants them.

    Raises
    ------
    StudyError
        If a scheduler has no worker, one of them cannot run wuding, has other versions, or does not see the folder.
    UnfinishedRun
        If this process's own workers have all been ended.
    """
    own = own_versions()
    try:
        answers: dict[str, Any] = client.run(join, None if folder is None else str(folder), on_error="return")
    except Exception as error:
        raise StudyError(f"the Dask scheduler has gone ({error}); start it again, or leave --scheduler out") from error
    # who died meanwhile is replaced, and asked with its first tile
    found = {address: answer for address, answer in answers.items() if not isinstance(answer, (CommClosedError, ConnectionError))}
    if not found and isinstance(client.cluster, LocalCluster):
        raise UnfinishedRun(NONE_STARTED)
    if not found:
        raise StudyError("the Dask scheduler has no workers; start some with: dask worker ADDRESS")
    for address, answer in sorted(found.items()):
        if isinstance(answer, Exception):
            fault = f"{type(answer).__name__}: {answer}"
            raise StudyError(
                f"the worker {address} cannot run wuding {own['wuding']} ({own['code']}): {fault}; install the same version everywhere"
            ) from answer
        theirs, sees = answer
        refuse_others(theirs, own, address)
        if not sees:
            raise StudyError(
                f"the worker {address} does not see the run folder: --out must lie under the same path on every machine (a shared folder), "
                "or be an address on an object store"
            )
    return own


def join(folder: str | None) -> tuple[dict[str, str], bool]:
    """
    Make a worker ready.

    Parameters
    ----------
    folder
        See `same_versions`.

    Returns
    -------
    tuple
        Its versions, and whether it sees the folder.
    """
    keep_compiled()
    return own_versions(), folder is None or (Path(folder) / "model.pickle").is_file()


@cache
def own_versions() -> dict[str, str]:
    """
    Return what the numbers of a tile depend on: version and state of the code, and the libraries.

    Returns
    -------
    dict
        By name; of Python only the first two numbers.
    """
    check_rooms()
    found = versions()
    return found | {"python": ".".join(found["python"].split(".")[:2])}


def refuse_others(theirs: Mapping[str, str], own: Mapping[str, str], address: str) -> None:
    """
    Refuse a worker of other versions.

    Parameters
    ----------
    theirs, own
        Versions of the worker and of the run.
    address
        Of the worker.

    Raises
    ------
    StudyError
        If they differ; it names those that do.
    """
    other = sorted(name for name in {*theirs, *own} if theirs.get(name) != own.get(name))
    if other:
        told, here = (", ".join(f"{name} {of.get(name, '-')}" for name in other) for of in (theirs, own))
        raise StudyError(f"the worker {address} runs {told}, this process {here}; install the same versions everywhere")


def read_tile(name: str, folder: str) -> gpd.GeoDataFrame:
    """
    Read the buildings of a tile from a folder that this worker sees.

    Parameters
    ----------
    name
        Name of the tile's file.
    folder
        Folder of the tiles.

    Returns
    -------
    geopandas.GeoDataFrame
        All prepared buildings of the tile.
    """
    return gpd.read_parquet(Path(folder) / name)


def assess_joined(buildings: gpd.GeoDataFrame, run: Mapping[str, str], task: str, *args: Any) -> pd.DataFrame:
    """
    Assess a tile, on a worker that may have come after the run had begun.

    Parameters
    ----------
    buildings
        All prepared buildings of the tile.
    run
        Versions of the run.
    task
        Module and name of what assesses it, "wuding.workers:assess_one"; it is imported once compiled code has its place.
    *args
        Its other arguments.

    Returns
    -------
    pandas.DataFrame
        Its row.
    """
    keep_compiled()
    refuse_others(own_versions(), run, socket.gethostname())
    module, _, name = task.partition(":")
    row: pd.DataFrame = getattr(importlib.import_module(module), name)(buildings, *args)
    return row
