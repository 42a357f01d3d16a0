"""Work that nothing else waits for, in a second process: the audit beside the tables, the GeoPackage beside the pages."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import Synchronized
from typing import Any

from .expendable import expendable
from .interrupts import children_deaf
from .manifest import Clock

# Starting a second process takes as long as what it saves on fewer buildings.
WORTH_IT_BUILDINGS = 20_000
# Taking a turn needs microseconds.
HELD_SECONDS = 10.0
Turns = Synchronized  # of int
Measured = tuple[Any, dict[str, Any]]


@contextmanager
def beside(
    stage: str, function: Callable[..., Any], *args: Any, apart: bool, counted: Turns | None = None
) -> Iterator[Callable[[], Measured]]:
    """
    Work in a second process while the block runs, or at once in this one.

    Parameters
    ----------
    stage
        Name of the stage in the manifest.
    function
        What to do; of the top level of a module, as it is found again in a new process.
    *args
        Its arguments.
    apart
        Whether a second process does it.
    counted
        Its last argument, which both processes share.

    Yields
    ------
    callable
        Waits, and gives the result and the stage's row of the manifest; a fault of the function is raised by it.

    Notes
    -----
    The second process ends with the block, and with this process however that ends. Where it was ended from outside, as a system does
    that is short of memory, this process does its work once the result is wanted.
    """
    if not apart:
        done: Future[Measured] = Future()
        try:
            done.set_result(_measured(stage, function, args if counted is None else (*args, counted)))
        except Exception as error:
            done.set_exception(error)
        yield done.result
        return
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, counted), name=stage, daemon=True)
    with children_deaf():
        process.start()
    theirs.close()
    try:
        # what is large travels once it runs: a process that dies before it has read its arguments would leave this one waiting for ever
        with suppress(BrokenPipeError, ConnectionResetError):  # `_received` tells
            ours.send((stage, function, args))
        yield lambda: _received(ours) or _measured(stage, function, args if counted is None else (*args, turns()))
    finally:
        process.terminate()
        process.join()
        ours.close()


def turns() -> Turns:
    """
    Count turns from 0 on, in this process and in one beside it.

    Returns
    -------
    Turns
        For `next_turn` and `beside`.
    """
    return multiprocessing.get_context("spawn").Value("q", 0)


def next_turn(counted: Turns) -> int:
    """
    Take the next turn: no other process gets the same.

    Parameters
    ----------
    counted
        See `turns`.

    Returns
    -------
    int
        Number of the turn, from 0 on.
    """
    lock = counted.get_lock()
    held = lock.acquire(timeout=HELD_SECONDS)  # one that was killed in here never gives it back
    turn = int(counted.value)
    counted.value = turn + 1
    if held:
        lock.release()
    return turn


def _measured(stage: str, function: Callable[..., Any], args: tuple[Any, ...]) -> Measured:
    clock = Clock()
    with clock.stage(stage):
        result = function(*args)
    return result, clock.stages[0]


def _work(answer: Connection, counted: Turns | None) -> None:
    """Run in the second process; Ctrl-C is the first one's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Windows holds nothing back
    threading.Thread(target=_end_with_parent, daemon=True).start()
    expendable()
    try:
        stage, function, args = answer.recv()
        gc.freeze()  # sweeping memory passes over what is loaded already
        answer.send((_measured(stage, function, args if counted is None else (*args, counted)), None))
    except Exception as error:
        answer.send((None, error))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _received(answer: Connection) -> Measured | None:
    """Wait for the second process; None where it was ended from outside."""
    try:
        done, error = answer.recv()
    except (EOFError, ConnectionResetError):
        return None
    if error is not None:
        raise error
    found: Measured = done
    return found
