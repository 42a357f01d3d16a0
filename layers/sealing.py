"""What a finished tile is known by: checksums of its files, so that one that a power cut or a disk has changed is made again."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from .replacing import unfinished

# Folder of the records within the run's own.
SEALED = "sealed"


def checksum(file: Path) -> str:
    """
    Hash the bytes of a file.

    Parameters
    ----------
    file
        The file.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def record_of(sealed: Path, tile: str) -> Path:
    """
    Name the record of a tile.

    Parameters
    ----------
    sealed
        Folder of the records.
    tile
        Name of the tile's files.

    Returns
    -------
    pathlib.Path
        Its record.
    """
    return (sealed / tile).with_suffix(".json")


def seal(record: Path, made_from: str, files: Mapping[str, Path], work: Path) -> None:
    """
    Record the files of a tile, each finished and in its place.

    Parameters
    ----------
    record
        File to write, see `record_of`.
    made_from
        What the tile was made from, as a word.
    files
        By a name that is none of `made_from`.
    work
        Folder on the same disk for the unfinished record.
    """
    _write(record, {"made_from": [made_from]} | {name: [checksum(file)] for name, file in files.items()}, work)


def accept(record: Path, name: str, file: Path, work: Path) -> None:
    """
    Record other bytes for a file of a tile before they take its place; until then the ones it has hold too.

    Parameters
    ----------
    record
        Of the tile; where there is none, nothing is written.
    name
        Of the file in the record.
    file
        New file, finished.
    work
        Folder on the same disk for the unfinished record.
    """
    held = _read(record)
    if held:
        _write(record, held | {name: [*held.get(name, [])[-1:], checksum(file)]}, work)


def is_sealed(record: Path, made_from: str, files: Mapping[str, Path]) -> bool:
    """
    Say whether the files of a tile are what was recorded, to the last bit.

    Parameters
    ----------
    record
        Of the tile.
    made_from
        What it should be made from.
    files
        By their names in the record.

    Returns
    -------
    bool
        False also where a file or the record is not there, or cannot be read.
    """
    held = _read(record)
    try:
        return made_from in held.get("made_from", []) and all(checksum(file) in held.get(name, []) for name, file in files.items())
    except OSError:
        return False


def _read(record: Path) -> dict[str, list[str]]:
    """Read a record; empty where it is not there or is none any more."""
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    whole = isinstance(content, dict) and all(isinstance(held, list) for held in content.values())
    return content if whole else {}


def _write(record: Path, content: Mapping[str, list[str]], work: Path) -> None:
    with unfinished(record, work) as part:
        part.write_text(json.dumps(content), encoding="utf-8")
