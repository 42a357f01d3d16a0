"""Compiled code in the user's cache: what a power cut or a disk has changed there is compiled anew, where numba would fail or obey it."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

_RECORD = "sealed.json"
_KINDS = ("*.nbi", "*.nbc")


def check_compiled(folder: Path) -> None:
    """
    Take away compiled files that are not what was written.

    Parameters
    ----------
    folder
        Cache folder, there or not. Files that were sealed must have the same bytes; newer ones must have been written since the machine
        started, as then their bytes come from its memory.
    """
    if not folder.is_dir():
        return
    known = _known(folder / _RECORD)
    for name, file in _files(folder).items():
        with suppress(OSError):  # another process may be writing it
            held = known.get(name)
            sealed = held is not None and held[0] == file.stat().st_mtime_ns
            if (held != _state(file)) if sealed else (file.stat().st_mtime < _started()):
                file.unlink()


def seal_compiled(folder: Path) -> None:
    """
    Record the compiled files as they are now, where any has changed since the last time.

    Parameters
    ----------
    folder
        Cache folder, there or not.
    """
    record = folder / _RECORD
    with suppress(OSError):  # a full or foreign disk: the next command compiles what it does not trust
        files = _files(folder)
        sealed = {name: held[0] for name, held in _known(record).items()}
        if not files or sealed == {name: file.stat().st_mtime_ns for name, file in files.items()}:
            return
        content = {name: _state(file) for name, file in files.items()}
        part = record.with_name(f"{_RECORD}.{os.getpid()}")
        part.write_text(json.dumps(content), encoding="utf-8")
        part.replace(record)


def _known(record: Path) -> dict[str, list[Any]]:
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    return {name: held for name, held in known.items() if isinstance(held, list) and held} if isinstance(known, dict) else {}


def _files(folder: Path) -> dict[str, Path]:
    return {file.relative_to(folder).as_posix(): file for kind in _KINDS for file in folder.rglob(kind)}


def _state(file: Path) -> list[Any]:
    return [file.stat().st_mtime_ns, hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()]


def _started() -> float:
    import psutil

    return float(psutil.boot_time())
