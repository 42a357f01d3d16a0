"""The run folder as a place of work: one run at a time, continued where the last one ended, never mixed, with room on the disk."""

import errno
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from layers.replacing import LONGEST_NAME, on_disk
from layers.sealing import SEALED

from .errors import StudyError, UnfinishedRun, words_of
from .manifest import plain, versions, write_json
from .sound import unseal_products
from .study import Study

# Bytes that a run writes for each building with 2.6 roofs. Measured of a million: GeoPackage 2.7 GB, roofs 0.9 GB, the rest 0.8 GB.
BYTES_PER_BUILDING = 4500
# What a run writes whatever its size: pages with their scripts, weather, model.
BYTES_AT_LEAST = 100e6
# Bytes of a path that SQLite opens: 512 with the ending of its journal (sqlite3, os_unix.c: MAX_PATHNAME).
SQLITE_PATH = 504
# Sections of a study that change no roof: judgement, order of building, names and language.
NOT_IN_ROOFS: dict[str, Any] = {
    "run": {"workers", "worker_memory_gb"},
    "policy": True,
    "roadmap": True,
    "hosting": True,
    "study": {"name", "lang", "as_of"},
}
# Folders whose numbers are those of the roofs: sheets of parcels and pictures would be shown beside the new ones.
MADE_OF_ROOFS = ("roofs", "regions", "parcels", "pictures")
MADE_OF_TILES = ("audit", "mounts", "profiles", SEALED)
# Libraries that schedule or draw: another version of theirs changes no number of a tile.
NOT_IN_NUMBERS = ("dask", "dask-geopandas", "folium")
# Note of what ended a run.
ENDED = "ended.json"
# Bytes of that note, and of its words, of which JSON in ASCII takes six each.
_NOTE_BYTES, _WORDS_NOTED = 16384, 2600
ROLES_NOT_IN_ROOFS = ("study", "form", "policy", "hosting")


def require_paths(out: Path, name: str) -> None:
    """
    See that the system takes the longest paths of a run, before the work.

    Parameters
    ----------
    out
        Run folder; made here.
    name
        Of the GeoPackage.

    Raises
    ------
    StudyError
        If they are too long.
    """
    longest = out / ".work" / "unfinished" / ("x" * LONGEST_NAME + ".1234567.gpkg")
    try:
        longest.parent.mkdir(parents=True, exist_ok=True)
        longest.touch()
        longest.unlink()
    except OSError as error:
        # Windows without long paths finds none, others say that a name is too long
        if error.errno not in (errno.ENAMETOOLONG, errno.ENOENT, errno.EINVAL):
            raise OSError(error.errno, error.strerror, str(out)) from error  # of the folder, not of the name tried in it
        raise StudyError(
            f"the path of the run folder has {len(str(out))} characters, too many for this system: give a shorter one with --out "
            "(Windows takes 260 with the file's name, more where long paths are switched on)"
        ) from error
    bytes_ = max(len(os.fsencode(path)) for path in (longest, out / f"{name}.gpkg"))
    if bytes_ > SQLITE_PATH:
        raise StudyError(
            f"the path of the run folder is too long for a GeoPackage: {bytes_} bytes with the file's name, a Chinese character being "
            f"three; its library takes {SQLITE_PATH}. Give a shorter one with --out"
        )


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """
    Keep a second run out of a run folder; the lock ends with the process, however that ends.

    Parameters
    ----------
    out
        Run folder.

    Raises
    ------
    StudyError
        If another run is working there, or the name is a file's.
    """
    if out.exists() and not out.is_dir():
        raise StudyError(f"{out.name} is a file; --out wants a folder: give another name")
    (out / ".work").mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / ".work" / "lock", timeout=0):
            shutil.rmtree(out / ".work" / "unfinished", ignore_errors=True)  # what a run that died was writing
            for left in out.glob("*.part"):  # those that begin with a dot too
                left.unlink(missing_ok=True)
            yield
    except Timeout:
        raise StudyError(f"another run is working in {out.name}; wait for it or stop it, or give another folder with --out") from None


@contextmanager
def noting_end(out: Path) -> Iterator[None]:
    """
    Note what ends a run, for whoever asks later from another terminal.

    Parameters
    ----------
    out
        Run folder.
    """
    note, room = out / ".work" / ENDED, out / ".work" / f"{ENDED}.room"
    note.unlink(missing_ok=True)
    room.write_bytes(b" " * _NOTE_BYTES)  # a disk that fills up meanwhile still takes the reason
    try:
        yield
    except UnfinishedRun:  # its tiles are noted with their reasons
        raise
    except Exception as error:
        said = words_of(error)
        text = json.dumps({"error": (said or f"{type(error).__name__}: {error}")[:_WORDS_NOTED], "input": said is not None})
        with suppress(OSError):
            with room.open("r+b") as stream:
                stream.write(text.encode("ascii"))
            on_disk(room)
            room.replace(note)
        raise
    finally:
        room.unlink(missing_ok=True)


def continue_or_clear(
    study: Study, inputs: Sequence[dict[str, object]], new_years: tuple[int, int], out: Path, *, fresh: bool
) -> list[str]:
    """
    Keep finished tiles only of a run with the same inputs, parameters and version; a change that no roof feels keeps them.

    Parameters
    ----------
    study
        The study.
    inputs
        Its files with their checksums.
    new_years
        First and last year of completion that count as new.
    out
        Run folder.
    fresh
        Keep nothing.

    Returns
    -------
    list of str
        What has changed since the finished tiles that are given up, each as what it was and what it is; empty where there were none, or
        all are kept.
    """
    work = out / ".work"
    mark = work / "fingerprint.json"
    content = plain(
        {
            "versions": _versions_of_numbers(),
            "study": {str(name): part for name, part in study.model_dump(mode="json", exclude=NOT_IN_ROOFS).items()},
            "new_years": list(new_years),
            "inputs": {f"{row['role']}: {row['path']}": row["sha256"] for row in inputs if row["role"] not in ROLES_NOT_IN_ROOFS},
        }
    )
    before = _noted(mark)
    same = before == content
    changed = _differences(before, content) if any((out / "roofs").glob("*.parquet")) else []
    unseal_products(out)
    (out / "manifest.json").unlink(missing_ok=True)  # until this run ends its products are not those of one run
    if fresh or not same:
        mark.unlink(missing_ok=True)
        (out / "roofs.pmtiles").unlink(missing_ok=True)
        for folder in [*(out / name for name in MADE_OF_ROOFS), *(work / name for name in MADE_OF_TILES)]:
            if folder.exists():
                shutil.rmtree(folder)  # a file that another program keeps from going would count as a finished tile
    (work / "failed.json").unlink(missing_ok=True)
    (out / "roofs").mkdir(parents=True, exist_ok=True)
    write_json(mark, content)
    (work / "study.txt").write_text(str(study.file), encoding="utf-8")
    return changed


def changed_versions(out: Path) -> list[str]:
    """
    Name what has another version now than when the tiles of a run were made.

    Parameters
    ----------
    out
        Run folder.

    Returns
    -------
    list of str
        Each with what it was and what it is; the word "version" alone where that is not known.
    """
    before = _noted(out / ".work" / "fingerprint.json")
    told = before.get("versions") if isinstance(before, dict) else None
    return _apart(told, _versions_of_numbers()) if isinstance(told, dict) else ["version"]


def _versions_of_numbers() -> dict[str, str]:
    own = versions()
    own["python"] = ".".join(own["python"].split(".")[:2])
    return {name: told for name, told in own.items() if name not in NOT_IN_NUMBERS}


def _apart(old: dict[str, str], new: dict[str, str]) -> list[str]:
    return [f"{name} {old.get(name, '-')} -> {new.get(name, '-')}" for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def _noted(mark: Path) -> Any:
    """Read what the tiles of a folder were made from; None where that is not known, also after a power cut in the midst of it."""
    try:
        return json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _differences(before: Any, now: dict[str, Any]) -> list[str]:
    """Name what differs: versions with both, of the study its sections, inputs by role and file."""
    if not isinstance(before, dict) or set(before) != set(now):
        return ["version"]
    found = _apart(before["versions"], now["versions"])
    found += [f"[{name}]" for name in now["study"] if before["study"].get(name) != now["study"][name]]
    found += ["new_years"] if before["new_years"] != now["new_years"] else []
    known, given = before["inputs"], now["inputs"]
    return found + [name for name in sorted({*known, *given}) if known.get(name) != given.get(name)]


def require_space(out: Path, buildings: int, warnings: list[str]) -> float:
    """
    Compare the disk that a run will need with what is free.

    Parameters
    ----------
    out
        Run folder.
    buildings
        Input buildings.
    warnings
        What the user should know; appended to where it is tight.

    Returns
    -------
    float
        What is still to be written [bytes].

    Raises
    ------
    StudyError
        If it cannot be enough.
    """
    written = sum(file.stat().st_size for file in (out / "roofs").glob("*.parquet"))
    need = max(BYTES_AT_LEAST + BYTES_PER_BUILDING * buildings - written, 0.0)
    free = shutil.disk_usage(out).free
    if free < need / 2:
        raise StudyError(f"the disk of {out.name} has {free / 1e9:.1f} GB free, and this run writes about {need / 1e9:.1f} GB; make room")
    if free < need:
        warnings.append(f"the disk has {free / 1e9:.1f} GB free, and this run writes about {need / 1e9:.1f} GB: it may not be enough")
    return need


def tiles_to_assess(work: Path) -> dict[str, int]:
    """
    Name the tiles that have buildings to assess.

    Parameters
    ----------
    work
        The run's own folder.

    Returns
    -------
    dict of str to int
        File names, and the number of these buildings.
    """
    tiles = pd.read_parquet(work / "tiles.parquet")
    return {str(name): int(count) for name, count in zip(tiles["file"], tiles["assess"], strict=True) if count > 0}


def note_progress(file: Path, stage: str, done: int, total: int, seconds: float, rate: float, left: float | None) -> None:
    """
    Note for another terminal how far a run is.

    Parameters
    ----------
    file
        Note in the run's own folder.
    stage
        Key of the stage.
    done, total
        Counts in the stage's own unit.
    seconds
        Since the stage began.
    rate
        Units per second; 0 while that cannot be said.
    left
        Seconds that the stage still takes; None while that cannot be said.
    """
    counts = {"stage": stage, "done": done, "total": total, "seconds": round(seconds, 1), "rate": round(rate, 3), "left": left}
    write_json(file, counts | {"at": time.time(), "pid": os.getpid()}, lasting=False)


def is_working(out: Path) -> bool | None:
    """
    Say whether a run is working in a folder now.

    Parameters
    ----------
    out
        Run folder.

    Returns
    -------
    bool or None
        Whether its lock is held; None where the folder may not be written to, so that its lock cannot be tried.
    """
    lock = FileLock(out / ".work" / "lock", timeout=0)
    try:
        with lock:
            return False
    except Timeout:
        return True
    except OSError as error:  # another's run, or a disk that is read only
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return None
