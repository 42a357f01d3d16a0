"""The Dask cluster of a run: worker processes here, started while the inputs are still read, or an existing cluster."""

import importlib
import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

import dask
from distributed import Client, LocalCluster
from distributed.gc import disable_gc_diagnosis

from .compiling import await_compiled, load_kernels
from .errors import NONE_STARTED, StudyError, UnfinishedRun
from .interrupts import children_deaf
from .user_cache import keep_compiled

CONNECT_SECONDS = 10
# Bytes. A tile frees and takes many arrays: handing each back to the system, as Dask has it, costs a tenth of the tile in fresh pages.
_MALLOC = {"MALLOC_TRIM_THRESHOLD_": 1 << 28, "MALLOC_MMAP_THRESHOLD_": 1 << 25}
# Dask looks at itself 50 times a second, which took 3 % of two cores; tasks here take seconds.
_SETTINGS = {
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.memory.monitor-interval": "500ms",
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.pause": False,  # a worker has one tile at a time: one that keeps more than its share would wait for ever
    "distributed.scheduler.allowed-failures": 0,  # a tile that ended its worker is tried again in parts, not whole
}


@contextmanager
def cluster(tiles: int, workers: int, scheduler: str | None, memory_gb: float | None = None) -> Iterator[Client]:
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
    memory_gb
        Memory that a worker process on this machine may take [GB]; by default its share of the machine's.

    Raises
    ------
    StudyError
        If no scheduler answers at the address.
    UnfinishedRun
        If worker processes here are ended as they start.
    """
    for name in ("distributed", *(name for name in logging.root.manager.loggerDict if name.startswith("distributed."))):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    dask.config.set({"distributed.comm.timeouts.connect": "60s", "distributed.worker.daemon": True, **_SETTINGS})
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=CONNECT_SECONDS)
        except (OSError, ValueError) as error:
            raise StudyError(
                f"--scheduler {scheduler}: no Dask scheduler answers there ({error}); start one, or leave --scheduler out"
            ) from error
        with closing(client):
            yield client
        return
    count = min(tiles, workers)
    limit = "auto" if memory_gb is None else f"{memory_gb}GB"
    if memory_gb is None:
        dask.config.set({f"distributed.nanny.pre-spawn-environ.{name}": size for name, size in _MALLOC.items()})
    # All on loopback: left to itself it listens to the whole network, and finds its own address by the way to a server on the internet.
    try:
        with children_deaf():
            local = LocalCluster(
                n_workers=max(1, count),
                threads_per_worker=1,
                processes=count > 1,
                memory_limit=limit,
                host="127.0.0.1",
                protocol="tcp://",
                dashboard_address="127.0.0.1:0",
                worker_dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
    except RuntimeError as error:  # of one process that did not come up; Dask ends the others then
        if count == 1:
            raise
        raise UnfinishedRun(NONE_STARTED) from error
    # closed, not left: it may be opened in another thread than the one that ends it
    with local, closing(Client(local)) as client:
        disable_gc_diagnosis(force=True)  # a Ctrl-C that comes while Dask watches the memory's sweeper would be lost
        yield client


class Ahead:
    """
    A cluster whose worker processes start, and load their code, while this process still reads the inputs.

    Parameters
    ----------
    workers, scheduler, memory_gb
        See `cluster`.
    tile_buildings
        Most buildings in a tile.
    compiling
        From `compile_ahead`: kernels are loaded once they are compiled.
    """

    def __init__(
        self, workers: int, scheduler: str | None, memory_gb: float | None, tile_buildings: int, compiling: list[BaseProcess]
    ) -> None:
        self._workers, self._scheduler, self._memory_gb = workers, scheduler, memory_gb
        self._tile_buildings, self._compiling = tile_buildings, compiling
        self._opened = ExitStack()
        self._starting: Future[Client] | None = None
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._compiling:
            process.terminate()  # nobody waits for kernels when an input is wrong
        self.close()

    def announce(self, buildings: int) -> None:
        """
        Start the processes if there will be work for several.

        Parameters
        ----------
        buildings
            Buildings that have been read.
        """
        tiles = -(-buildings // self._tile_buildings)
        if self._starting is None and self._scheduler is None and min(tiles, self._workers) > 1:
            pool = self._opened.enter_context(ThreadPoolExecutor(1))
            self._starting = pool.submit(self._start, tiles)

    def client(self, tiles: int) -> Client:
        """
        Give the client of the cluster, once that is ready.

        Parameters
        ----------
        tiles
            Number of tasks.

        Returns
        -------
        distributed.Client
            Open until `close`.
        """
        if self._starting is not None:
            return self._starting.result()
        await_compiled(self._compiling)
        return self._opened.enter_context(cluster(tiles, self._workers, self._scheduler, self._memory_gb))

    def close(self) -> None:
        """End the worker processes."""
        self._ended = True
        self._opened.close()

    def _start(self, tiles: int) -> Client:
        client = self._opened.enter_context(cluster(tiles, self._workers, None, self._memory_gb))
        await_compiled(self._compiling)
        if not self._ended:  # loading what an error has left uncompiled would take a minute
            client.run(_load, on_error="return")  # one that dies of it is replaced, and asked with its first tile
        return client


def _load() -> None:
    """Load what every tile needs."""
    keep_compiled()
    importlib.import_module("wuding.workers")
    load_kernels()
