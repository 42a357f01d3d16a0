"""A temporary folder of this command's own, and what commands that were killed have left behind."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "wuding-"
# A folder is locked at once after it is made; one that is older and not locked has lost its command.
OLD_SECONDS = 60.0
# With less room an error, whatever its words, is laid to that: GDAL and SQLite say only what they could not open.
FULL_BYTES = 2e6
_LOCK = "in-use.lock"
# Where programs that are started look for the system's temporary folder.
_NAMES = ("TMPDIR", "TEMP", "TMP")


@contextmanager
def own_temporary() -> Iterator[None]:
    """
    Let everything temporary of this process, and of those it starts, lie in one folder that goes with it.

    The folder is locked for as long as the process lives, however that ends; what is found unlocked is swept. Where the system's
    temporary folder may not be written to, all is left as it is.

    Raises
    ------
    StudyError
        If what is done in it fails and the system's temporary folder is full.
    """
    home = Path(tempfile.gettempdir())
    sweep(home)
    before = tempfile.tempdir, {name: os.environ.get(name) for name in _NAMES}
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=home))
        lock = FileLock(folder / _LOCK)
        lock.acquire()
    except OSError:  # full, or not ours: who needs it will say so
        yield
        return
    tempfile.tempdir = str(folder)
    os.environ.update(dict.fromkeys(_NAMES, str(folder)))
    try:
        yield
    except Exception as error:
        _require_room(home, error)
        raise
    finally:
        tempfile.tempdir = before[0]
        for name, value in before[1].items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _require_room(home: Path, error: Exception) -> None:
    from .errors import INPUT_ERRORS, StudyError

    if not isinstance(error, INPUT_ERRORS) and shutil.disk_usage(home).free < FULL_BYTES:
        raise StudyError(
            "the system's temporary folder is full: make room there or name another one (TMPDIR, on Windows TEMP) and run the same "
            "command again, it continues from what is finished"
        ) from error


def sweep(home: Path) -> None:
    """
    Take away the temporary folders of commands that are no more; those of living ones are locked.

    Parameters
    ----------
    home
        The system's temporary folder.
    """
    with suppress(OSError):
        for folder in home.glob(f"{PREFIX}*"):
            lock = folder / _LOCK
            with suppress(OSError, Timeout):
                if abs(time.time() - lock.stat().st_mtime) < OLD_SECONDS:  # of later than now is one made before the clock was set back
                    continue
                with FileLock(lock, timeout=0):
                    pass  # its command is gone; on Windows a locked file could not be removed
                shutil.rmtree(folder, ignore_errors=True)
