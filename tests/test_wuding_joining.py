"""Workers of an existing cluster: the same versions or none, the run folder in sight, nothing taken for finished that is not there."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed import LocalCluster
from distributed.comm import CommClosedError

import wuding.workers
from wuding.cluster import Ahead
from wuding.errors import StudyError, UnfinishedRun
from wuding.joining import assess_joined, join, own_versions, refuse_others, same_versions


class Tile:
    """A task of a tile that ended as a test wants."""

    def __init__(self, key: str, status: str) -> None:
        self.key, self.status = key, status

    def exception(self) -> None:
        """Dask gives None for a future that was cancelled too."""

    def release(self) -> None:
        """Hold nothing."""


class OwnWorkers(LocalCluster):
    """What this process starts itself, without starting it."""

    def __init__(self) -> None:
        """Start nothing."""

    def __del__(self) -> None:
        """End nothing."""


class Workers:
    """A cluster whose workers answer what a test wants."""

    cluster: object = None

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def run(self, *_: Any, **__: Any) -> dict[str, Any]:
        return self.answers


def test_a_worker_of_another_library_is_named_with_what_differs() -> None:
    own = own_versions()
    assert {"python", "wuding", "code", "numpy", "numba", "shapely"} <= set(own)
    refuse_others(own, own, "tcp://a")
    with pytest.raises(StudyError, match=r"the worker tcp://a runs code 0, numpy 1\.0, this process code [0-9a-f]{16}, numpy 2"):
        refuse_others(own | {"numpy": "1.0", "code": "0"}, own, "tcp://a")
    with pytest.raises(StudyError, match="numba -, this process numba"):
        refuse_others({name: own[name] for name in own if name != "numba"}, own, "b")


def test_every_worker_is_asked_before_the_first_task(tmp_path: Path) -> None:
    own = own_versions()
    assert same_versions(Workers(a=(own, True), b=(own, True)), tmp_path) == own
    with pytest.raises(StudyError, match="has no workers"):
        same_versions(Workers(), tmp_path)
    with pytest.raises(StudyError, match=r"the worker b runs python 2\.7"):
        same_versions(Workers(a=(own, True), b=(own | {"python": "2.7"}, True)), tmp_path)
    with pytest.raises(StudyError, match="the worker b does not see the run folder"):
        same_versions(Workers(a=(own, True), b=(own, False)), tmp_path)
    with pytest.raises(StudyError, match=r"the worker b cannot run wuding .*No module named"):
        same_versions(Workers(a=(own, True), b=ModuleNotFoundError("No module named 'wuding'")), tmp_path)


def test_a_worker_that_dies_while_it_is_asked_ends_no_run(tmp_path: Path) -> None:
    own = own_versions()
    assert same_versions(Workers(a=(own, True), b=CommClosedError("reset by peer")), tmp_path) == own
    with pytest.raises(StudyError, match="has no workers"):
        same_versions(Workers(a=CommClosedError("reset by peer")), tmp_path)


def test_own_workers_that_are_all_ended_are_not_told_as_a_scheduler_without_any(tmp_path: Path) -> None:
    own = Workers(a=CommClosedError("reset by peer"))
    own.cluster = OwnWorkers()
    with pytest.raises(UnfinishedRun, match="ended from outside while they started"):
        same_versions(own, tmp_path)


def test_a_worker_sees_the_run_folder_or_not(tmp_path: Path) -> None:
    assert join(str(tmp_path)) == (own_versions(), False)
    (tmp_path / "model.pickle").touch()
    assert join(str(tmp_path)) == (own_versions(), True)
    assert join(None) == (own_versions(), True)  # workers of a run on a store need no folder


def test_a_worker_that_comes_late_is_held_against_the_run_too() -> None:
    own = own_versions()
    assert assess_joined([3, 1, 2], own, "builtins:sorted") == [1, 2, 3]
    with pytest.raises(StudyError, match=r"runs code .*, this process code 0; install the same versions everywhere"):
        assess_joined([], own | {"code": "0"}, "builtins:sorted")


def test_a_worker_learns_where_compiled_code_is_kept_before_numba_is_there(tmp_path: Path) -> None:
    """What Dask brings to a worker, and joining itself, must not import numba, which looks for its folder once."""
    program = "import sys, dask_geopandas, distributed, wuding.joining as j; j.join(None); print('numba' in sys.modules); import os; " + (
        "print(os.environ['NUMBA_CACHE_DIR'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"XDG_CACHE_HOME": str(tmp_path), "PATH": ""}
    )
    imported, folder = done.stdout.split()
    assert imported == "False"
    assert Path(folder).is_relative_to(tmp_path)


def test_a_tile_whose_results_are_not_in_sight_is_not_taken_for_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wuding.workers, "IN_SIGHT_SECONDS", 0.0)
    work, roofs = tmp_path / ".work", tmp_path / "roofs"
    for folder in (roofs, work / "audit", work / "mounts", work / "profiles", work / "sealed"):
        folder.mkdir(parents=True)
        (folder / f"tile-00000.{'json' if folder.name == 'sealed' else 'parquet'}").touch()
    wuding.workers._await_files(work, roofs, ["tile-00000.parquet"])
    with pytest.raises(UnfinishedRun, match=r"1 of 2 tiles were assessed, but their results are not in the run folder .* tile-00001"):
        wuding.workers._await_files(work, roofs, ["tile-00000.parquet", "tile-00001.parquet"])


def test_a_scheduler_that_went_away_has_finished_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a scheduler is killed Dask ends all futures as cancelled, without an exception: their tiles must not count as done."""
    ended = [Tile("a", "finished"), Tile("b", "cancelled"), Tile("c", "cancelled")]

    class Client:
        cluster = None

        def nthreads(self) -> dict[str, int]:
            return {"a": 1}

        def compute(self, task: int) -> Tile:
            return ended[task]

    class Running(list[Tile]):
        add = list.append

    monkeypatch.setattr(wuding.workers, "_tile", lambda name, *_: int(name) - 1)
    monkeypatch.setattr(wuding.workers, "as_completed", Running)
    told: list[set[str]] = []
    with pytest.raises(UnfinishedRun, match="the Dask scheduler has gone; 1 of 3 tiles were finished until then and are kept"):
        wuding.workers._assess(Client(), ["1", "2", "3"], str, (), lambda left: told.append(set(left)))
    assert told == [{"2", "3"}]


def test_an_error_while_worker_processes_start_leaves_none_of_them() -> None:
    """They start while inputs are read, and an input may be wrong before they are ready."""
    with pytest.raises(StudyError, match="wrong"), Ahead(2, None, None, 10, []) as ahead:
        ahead.announce(100)
        raise StudyError("wrong")
    left = [" ".join(process.cmdline()) for process in psutil.Process().children(recursive=True)]
    assert not [line for line in left if "resource_tracker" not in line]
