"""Ctrl-C and a request to end: one process answers, in words, and the ones that it has started end with it."""

import _thread
import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any, NoReturn

# A library may swallow an interrupt with a bare `except`; after so long it is raised again.
AGAIN_SECONDS = 0.5
_answered = threading.Event()
# Signals that this process was not told to ignore from its start on.
_heard = {signal.SIGTERM}


def hear_end_requests() -> None:
    """Take a request to end (SIGTERM, as services and `kill` send it) as Ctrl-C, and raise either again until it is answered."""
    _answered.clear()
    _listen_to(_interrupt)
    if not isinstance(sys.unraisablehook, partial):
        sys.unraisablehook = partial(_unraisable, sys.unraisablehook)
        atexit.register(_listen_to, signal.SIG_IGN)  # runs last, as the first one registered; later Python gives handlers of its own up


def end_answered() -> None:
    """Say that this process is ending, so that nothing need be raised again."""
    _answered.set()


def end_with(code: int, say: Callable[[], None]) -> NoReturn:
    """
    Leave with an exit code that nothing changes any more: a signal that comes from now on ends the process at once with the same code.

    Parameters
    ----------
    code
        Exit code.
    say
        Says the last words; no signal comes between them.
    """
    _listen_to(signal.SIG_IGN)
    end_answered()
    say()
    with suppress(OSError, ValueError):  # where nobody reads any more, Python says so itself
        sys.stdout.flush()
        sys.stderr.flush()
    _listen_to(lambda number, frame: os._exit(code))  # for one who does not wait for threads that still read
    sys.exit(code)


def _listen_to(what: Any) -> None:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as for what a shell starts in the background
        _heard.add(signal.SIGINT)
    for number in _heard:
        signal.signal(number, what)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if not any(thread.name == _insist.__name__ for thread in threading.enumerate()):
        threading.Thread(target=_insist, name=_insist.__name__, daemon=True).start()
    raise KeyboardInterrupt


def _insist() -> None:
    """Raise an interrupt again while the main thread goes on as if there had been none."""
    while not _answered.wait(AGAIN_SECONDS):
        if not _ending():
            _raise_again()


def _ending() -> bool:
    """Say whether the main thread is leaving blocks because of an interrupt."""
    held: Any = sys._current_exceptions().get(threading.main_thread().ident or 0)
    error = held[1] if isinstance(held, tuple) else held  # Python 3.11 gives all of sys.exc_info
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _unraisable(usual: Callable[[Any], object], lost: Any) -> None:
    """Leave an interrupt to `_insist` that came where nothing can be raised, as while memory is swept."""
    if not isinstance(lost.exc_value, KeyboardInterrupt):
        usual(lost)


def _raise_again() -> None:
    """Send a signal, which ends a call that waits; Windows has none for one thread."""
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


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
