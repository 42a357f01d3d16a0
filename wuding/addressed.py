"""Inputs that the study names by address (s3://, oss://, https:// …): copied to this machine once, again where they changed."""

import hashlib
import json
import shutil
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from geo.sources import SHAPEFILE

from .errors import StudyError
from .store import hidden, mark_of, open_url
from .user_cache import user_cache

_MARKS = "marks.json"


@lru_cache(maxsize=256)
def local_copy(url: str) -> Path:
    """
    Give the copy of an input on this machine; it stays the same for as long as the process lives.

    Parameters
    ----------
    url
        Address of a file, a folder, or a pattern with * in its last part.

    Returns
    -------
    pathlib.Path
        Its copy; a pattern stays one.

    Raises
    ------
    StudyError
        If there is nothing at the address, or it cannot be read.
    """
    system, place = open_url(url)
    folder = user_cache() / "inputs" / hashlib.blake2b(url.encode(), digest_size=10).hexdigest()
    try:
        files = _behind(system, place)
        if not files:
            raise StudyError(f"{hidden(url)}: there is nothing at this address; correct it in the study file")
        _renew(system, files, folder)
    except StudyError:
        raise
    except Exception as error:  # every protocol has errors of its own
        told = " ".join(str(error).split())[:300]
        raise StudyError(f"{hidden(url)}: cannot be read ({type(error).__name__}: {told}); check address, rights and network") from error
    return folder / PurePosixPath(place).name


def _behind(system: Any, place: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Files that a source consists of: place and what the store tells of each, by its name in the copy."""
    name, parent = PurePosixPath(place).name, str(PurePosixPath(place).parent)
    if "*" in name or PurePosixPath(name).suffix.lower() in SHAPEFILE:
        pattern = name if "*" in name else f"{PurePosixPath(name).stem}.*"
        found = system.glob(f"{parent}/{pattern}", detail=True)
        return {PurePosixPath(key).name: (key, info) for key, info in found.items() if info["type"] == "file"}
    if not system.exists(place):
        return {}
    if system.isdir(place):
        inside = system.find(place, detail=True)
        return {f"{name}/{PurePosixPath(key).relative_to(PurePosixPath(place))}": (key, info) for key, info in inside.items()}
    return {name: (place, system.info(place))}


def _renew(system: Any, files: dict[str, tuple[str, dict[str, Any]]], folder: Path) -> None:
    """Copy what is not there or has changed; a file whose store tells neither time nor ETag is copied anew."""
    note = folder / _MARKS
    known = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else {}
    marks = {name: mark_of(info) for name, (_, info) in files.items()}
    for gone in set(known) - set(marks):
        (folder / gone).unlink(missing_ok=True)
    for name, (place, _) in files.items():
        target = folder / name
        if target.is_file() and marks[name] and known.get(name) == marks[name]:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        system.get_file(place, str(part))
        shutil.move(part, target)
    note.write_text(json.dumps(marks), encoding="utf-8")
