"""Whether the tables of a finished run are still what it wrote: a flipped bit in them would be drawn and added up without a word."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from layers.sealing import checksum

from .errors import StudyError
from .manifest import write_json

# Within the run's own folder; of rasters apart, which may be gigabytes and are read by few commands.
RECORD, RASTERS = "products.json", "rasters.json"
# What `wuding targets` makes anew without reading it.
REMADE = frozenset({"targets.json", "roadmap.json", "near_use.json"})
# What later commands read; pages, spreadsheet and GeoPackage are for people and may be changed by them.
_READ_LATER = (
    "manifest.json",
    "targets.json",
    "roadmap.json",
    "near_use.json",
    "*.parquet",
    "regions/*.parquet",
    "profiles/*.parquet",
    "roofs/*.parquet",
    ".work/model.pickle",
    ".work/*.parquet",
    ".work/tiles/*.parquet",
)


def seal_products(out: Path) -> None:
    """
    Record the checksums of what later commands read, once all of it is in its place.

    Parameters
    ----------
    out
        Run folder.
    """
    write_json(out / ".work" / RECORD, _checksums(out, _files(out)))


def seal_rasters(out: Path) -> None:
    """
    Record the checksums of the prepared rasters; what targets judge anew does not touch them.

    Parameters
    ----------
    out
        Run folder.
    """
    write_json(out / ".work" / RASTERS, _checksums(out, iter(sorted((out / ".work").glob("*.tif")))))


def unseal_products(out: Path) -> None:
    """
    Forget the records before something of them is written anew.

    Parameters
    ----------
    out
        Run folder.
    """
    for record in (RECORD, RASTERS):
        (out / ".work" / record).unlink(missing_ok=True)


def begin_renewal(out: Path) -> bool:
    """
    Mark that targets are judged anew, until the run is sealed again.

    Parameters
    ----------
    out
        Run folder.

    Returns
    -------
    bool
        Whether products may be older than the tables: an earlier renewal was ended midway, or nothing is recorded.
    """
    record = out / ".work" / RECORD
    stale = not record.is_file() or not _held(record)
    write_json(record, {})
    return stale


def require_sound(out: Path, *, renewing: bool = False, rasters: bool = False) -> None:
    """
    Refuse a finished run whose tables are no longer what was recorded.

    Parameters
    ----------
    out
        Run folder; one without a record, of an older version or copied without `.work`, is taken as it is.
    renewing
        Whether the targets are about to be judged anew, so that theirs need not be whole.
    rasters
        Whether roofs are about to be assessed again, from the prepared rasters.

    Raises
    ------
    StudyError
        If a file is gone or has other bytes, it names them; or if targets were being judged anew and that did not come to its end.
    """
    record = out / ".work" / RECORD
    if not record.is_file():
        return
    held = _held(record)
    if not held and not renewing:
        raise StudyError(f"{out.name}: its targets were being judged anew, and that was ended midway; run wuding targets on it again")
    if renewing:
        held = {name: told for name, told in held.items() if name not in REMADE}
    if rasters and (apart := out / ".work" / RASTERS).is_file():
        held |= _held(apart)
    found = _checksums(out, (out / name for name in held if (out / name).is_file()))
    changed = [name for name, told in held.items() if found.get(name) != told]
    if changed:
        told = ", ".join(changed[:5]) + (" …" if len(changed) > 5 else "")
        raise StudyError(
            f"{out.name}: {len(changed)} files are not what the run wrote, damaged or changed since: {told}; run the study again, they are "
            "made anew"
        )


def _held(record: Path) -> dict[str, str]:
    """Read the record; what is none any more holds for no file."""
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {f".work/{record.name}": ""}


def _files(out: Path) -> Iterator[Path]:
    return (file for pattern in _READ_LATER for file in sorted(out.glob(pattern)))


def _checksums(out: Path, files: Iterator[Path]) -> dict[str, str]:
    names = list(files)
    with ThreadPoolExecutor() as pool:  # hashing lets go of Python's lock
        return dict(zip((file.relative_to(out).as_posix() for file in names), pool.map(checksum, names), strict=True))
