"""What an earlier command left in a folder (fetch.json), so that a later one goes on with it and overwrites nothing of the user's."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wuding.errors import StudyError

from .answers import UNREADABLE, file_checksum, written
from .place import Area
from .sources import KINDS, Fetched

# What a source of each kind writes; weather is a folder of its own.
TARGETS = {"buildings": "buildings.parquet", "dem": "dem.tif", "weather": "weather", "districts": "districts.gpkg", "canopy": "canopy.tif"}
# The outline of a place may be drawn anew meanwhile, by no more than this share of its extent.
_SAME = 0.01


@dataclass
class Record:
    """
    What lies in a folder.

    Attributes
    ----------
    folder
        Of the study.
    place
        As the user wrote it.
    bounds
        West, south, east, north [degrees].
    fetched
        Files that are there, as they came.
    lacking
        Kind to why it could not be had.
    quality
        Numbers about the buildings.
    study
        Checksum of study.toml as it was written; empty before.
    """

    folder: Path
    place: str
    bounds: list[float]
    fetched: list[Fetched] = field(default_factory=list)
    lacking: dict[str, str] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    study: str = ""

    def add(self, item: Fetched) -> None:
        """
        Take in what has come, and write it down at once.

        Parameters
        ----------
        item
            What a source gave; it takes the place of what was there of its kind.
        """
        old = next((one for one in self.fetched if one.kind == item.kind), None)
        if old is not None:
            for file in set(old.files) - set(item.files):
                file.unlink(missing_ok=True)
        self.fetched = sorted([one for one in self.fetched if one.kind != item.kind] + [item], key=lambda one: KINDS.index(one.kind))
        self.write()

    def write(self) -> None:
        """Write fetch.json."""
        content = {
            "place": self.place,
            "bounds": self.bounds,
            "lacking": self.lacking,
            "quality": dict(self.quality),
            "study": self.study,
            "fetched": [
                vars(one) | {"files": {file.relative_to(self.folder).as_posix(): file_checksum(file) for file in one.files}}
                for one in self.fetched
            ],
        }
        with written(self.folder / "fetch.json") as part:
            part.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def open_folder(folder: Path, place: str, area: Area, kinds: Sequence[str]) -> Record:
    """
    Look at what is in a folder before anything is put there.

    Parameters
    ----------
    folder
        Of the study; need not exist.
    place
        As the user wrote it.
    area
        The area.
    kinds
        What is to come.

    Returns
    -------
    Record
        With what an earlier command left and is still as it was.

    Raises
    ------
    StudyError
        If the folder holds another place, or files that would be overwritten.
    """
    record = _read(folder)
    if record is None:
        record = Record(folder, place, [round(v, 6) for v in area.bounds])
    elif not _same(record.bounds, area):
        raise StudyError(f"{folder.name}: holds the data of another place ({record.place}); give another folder")
    known = {file for one in record.fetched for file in one.files}
    strange = [name for kind in kinds for name in _files(folder, TARGETS[kind]) if folder / name not in known]
    if strange:
        raise StudyError(
            f"{folder.name}: holds {strange[0]}, which is not from an earlier fetch or was changed since; move it, or give another folder"
        )
    refuse_own_study(folder, record)
    return record


def refuse_own_study(folder: Path, record: Record | None = None) -> None:
    """
    Refuse to overwrite a study file that is the user's.

    Parameters
    ----------
    folder
        Of the study.
    record
        What an earlier command left there; read where it is not given.

    Raises
    ------
    StudyError
        If study.toml is there and not as an earlier command wrote it.
    """
    study = folder / "study.toml"
    record = record or _read(folder)
    if study.is_file() and (record is None or file_checksum(study) != record.study):
        raise StudyError(f"{folder.name}: holds a study.toml already that is not as fetch wrote it; give another folder or remove it first")


def _read(folder: Path) -> Record | None:
    """Read fetch.json; what is not whole any more counts as not there."""
    try:
        content = json.loads((folder / "fetch.json").read_text(encoding="utf-8"))
        bounds = [float(v) for v in content["bounds"]]
        record = Record(folder, str(content["place"]), bounds, [], dict(content["lacking"]), dict(content["quality"]), content["study"])
        for one in content["fetched"]:
            files = {folder / name: told for name, told in one["files"].items()}
            if all(file.is_file() and file_checksum(file) == told for file, told in files.items()):
                said = {key: [(zh, en) for zh, en in one[key]] for key in ("notes", "facts")}
                record.fetched.append(Fetched(**{**one, "files": list(files), **said}))
    except UNREADABLE:
        return None
    return record


def _same(bounds: Sequence[float], area: Area) -> bool:
    size = max(area.bounds[2] - area.bounds[0], area.bounds[3] - area.bounds[1])
    return all(abs(a - b) <= _SAME * size for a, b in zip(bounds, area.bounds, strict=True))


def _files(folder: Path, name: str) -> Iterable[str]:
    found = folder / name
    return [f"{name}/{file.name}" for file in sorted(found.iterdir())] if found.is_dir() else [name] if found.exists() else []
