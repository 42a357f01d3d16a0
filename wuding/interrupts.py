"""Ctrl-C and a request to end: one process answers, in words, and the ones that it has started end with it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType


def hear_end_requests() -> None:
    """Take a request to end (SIGTERM, as services and `kill` send it) as Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def children_deaf() -> Iterator[None]:
    """
    Start processes that Ctrl-C does not reach, also those that threads started here replace later.

    A terminal sends it to every process of a command, and each would print where it was. It is held back here until the block ends.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # starting it later would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
