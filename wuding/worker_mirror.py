"""A worker's own mirror of a run folder that lies on a store, in the temporary folder of its machine.

Nothing here imports a kernel: tiles are read before a worker has been told where compiled code is kept.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path

import geopandas as gpd

from .store import Store


def worker_mirror(url: str, token: str) -> Path:
    """
    Name the mirror of a run on this machine.

    Parameters
    ----------
    url
        Address of the run folder.
    token
        Name of this run, so that a mirror never holds what another run made.

    Returns
    -------
    pathlib.Path
        Not created here; all workers of a machine share it.
    """
    return Path(tempfile.gettempdir()) / f"{_head(url)}{token}"


def read_stored(name: str, url: str, token: str) -> gpd.GeoDataFrame:
    """
    Read the buildings of a tile on a machine that sees nothing of the run but its store.

    Parameters
    ----------
    name
        Name of the tile's file.
    url, token
        See `worker_mirror`.

    Returns
    -------
    geopandas.GeoDataFrame
        All prepared buildings of the tile.
    """
    store = Store(url, worker_mirror(url, token))
    if not store.mirror.exists():
        drop_mirrors(url, token)
    store.bring_once(f".work/tiles/{name}")
    return gpd.read_parquet(store.mirror / ".work" / "tiles" / name)


def drop_mirrors(url: str, keep: str = "") -> None:
    """
    Take away the mirrors of a run folder on this machine, also those that a run left here which died.

    Parameters
    ----------
    url
        Address of the run folder; one run at a time works in it.
    keep
        Name of the run whose mirror stays.
    """
    for mirror in Path(tempfile.gettempdir()).glob(f"{_head(url)}*"):
        if not keep or mirror != worker_mirror(url, keep):
            shutil.rmtree(mirror, ignore_errors=True)


def _head(url: str) -> str:
    return f"wuding-{hashlib.blake2b(url.encode(), digest_size=6).hexdigest()}-"
