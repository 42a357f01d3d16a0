"""Putting a finished file in the place of an older one, whole or not at all, also when the power fails or the old one is open elsewhere."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import LayersError

# Bytes that the name of an unfinished file takes at most, without its ending.
LONGEST_NAME = 80


@contextmanager
def unfinished(path: Path, work: Path) -> Iterator[Path]:
    """
    Give a name to write under; at the end of the block the file takes its place, or vanishes where the block failed.

    Parameters
    ----------
    path
        File to write or to replace.
    work
        Folder on the same disk for the unfinished file.

    Yields
    ------
    pathlib.Path
        Where to write.
    """
    work.mkdir(parents=True, exist_ok=True)
    part = work / f"{_short(f'{path.parent.name}-{path.stem}')}.{os.getpid()}{path.suffix}"
    part.unlink(missing_ok=True)
    try:
        yield part
        put_in_place(part, path)
    finally:
        part.unlink(missing_ok=True)


def put_in_place(finished: Path, path: Path) -> None:
    """
    Replace a file by a finished one in one step, its bytes on the disk first.

    Parameters
    ----------
    finished
        Complete new file on the same disk.
    path
        File to replace.

    Raises
    ------
    LayersError
        Another program holds the old file (Windows); the new one then lies beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    on_disk(finished)  # a name must never stand for bytes that a power cut can still lose
    try:
        finished.replace(path)
    except PermissionError as error:
        beside = path.with_name(f"{path.stem}-new{path.suffix}")
        finished.replace(beside)
        raise open_elsewhere(path, beside) from error


def open_elsewhere(path: Path, beside: Path) -> LayersError:
    """
    Say that a file could not be replaced.

    Parameters
    ----------
    path
        The file that another program holds.
    beside
        Where the new one lies.

    Returns
    -------
    LayersError
        To be raised.
    """
    return LayersError(
        f"{path.name} is open in another program; the new file lies beside it as {beside.name}: close the program and rename it"
    )


def on_disk(*files: Path) -> None:
    """
    Wait until the bytes of files have left the system's memory.

    Parameters
    ----------
    *files
        Files that stay as they are; those that may not be written to are left out, as nothing of theirs is on its way.
    """
    for file in files:
        with suppress(PermissionError), file.open("r+b") as stream:
            os.fsync(stream.fileno())


def _short(name: str) -> str:
    """Keep a name below what every file system takes: a study may have 80 Chinese characters, 240 of 255 bytes."""
    if len(name.encode()) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME // 8]}-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"
