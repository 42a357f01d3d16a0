"""Checksums of the input files, for the manifest and for noticing that one has changed."""

import hashlib

from geo.sources import files_behind

from .errors import StudyError
from .study import Study, without_place


def checksums(study: Study, *only: str) -> list[dict[str, object]]:
    """
    Give the checksums of some inputs.

    Parameters
    ----------
    study
        The study.
    *only
        Roles, e.g. "study", "form"; all where none is named.

    Returns
    -------
    list of dict
        `role`, `path`, `sha256`, `size`.

    Raises
    ------
    StudyError
        If a file is not there; so that a missing form is told before the roofs are computed.
    """
    return [_checksum(study, role, text) for role, text in input_files(study) if not only or role in only]


def in_order(study: Study, inputs: list[dict[str, object]]) -> list[dict[str, object]]:
    """
    Put checksums in the order of the study, as `checksums` gives them all.

    Parameters
    ----------
    study
        The study.
    inputs
        Rows of `checksums`; of files that the study names no more they come last.

    Returns
    -------
    list of dict
        The same rows.
    """
    named = [(role, without_place(text)) for role, text in input_files(study)]
    places = {name: place for place, name in enumerate(named)}
    return sorted(inputs, key=lambda row: places.get((str(row["role"]), str(row["path"])), len(places)))


def states(study: Study) -> dict[str, list[tuple[int, int, int]]]:
    """
    Note the state of all inputs, cheaper than by their checksums.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    dict
        Role and path: size, time of the last change and number of each file that is there.
    """
    found: dict[str, list[tuple[int, int, int]]] = {}
    for role, text in input_files(study):
        facts = [file.stat() for file in files_behind(study.path(text)) if file.exists()]
        found[f"{role}: {without_place(text)}"] = [(fact.st_size, fact.st_mtime_ns, fact.st_ino) for fact in facts]
    return found


def require_unchanged(study: Study, before: dict[str, list[tuple[int, int, int]]], *only: str) -> None:
    """
    Refuse inputs that changed while they were read: what was read would stand under the checksum of what came after.

    Parameters
    ----------
    study
        The study.
    before
        Their state before they were read, see `states`.
    *only
        Roles; all where none is named.

    Raises
    ------
    StudyError
        If one has changed.
    """
    now = states(study)
    changed = [name for name, state in before.items() if now.get(name) != state and (not only or name.split(":")[0] in only)]
    if changed:
        raise StudyError(f"{'; '.join(changed)} changed while it was read; run the same command again when nobody writes to it")


def input_files(study: Study) -> list[tuple[str, str]]:
    """
    Name the files that a study reads.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    list of tuple
        Role and path as written, e.g. ("regions.zones", "zones.gpkg").
    """
    roles: list[tuple[str, str]] = [("study", study.file.name), *(("buildings", p) for p in study.buildings.path)]
    buildings = study.buildings
    roles += [("landuse", p) for p in buildings.landuse.path] if buildings.landuse else []
    roles += [("pv", p) for p in buildings.pv.path] if buildings.pv else []
    roles += [("overrides", buildings.overrides)] if buildings.overrides else []
    roles += [("dem", study.terrain.dem)] if study.terrain.dem != "flat" else []
    roles += [("dsm", study.terrain.dsm)] if study.terrain.dsm else []
    roles += [("canopy", study.terrain.canopy)] if study.terrain.canopy else []
    roles += [(f"regions.{name}", p) for name, section in study.regions.items() for p in section.path]
    roles += [("exclusions", p) for section in study.exclusions for p in section.path]
    roles += [("weather", p) for p in study.weather.files]
    roles += [("form", study.policy.form)] if study.policy and study.policy.form else []
    roles += [("policy", study.policy.name)] if study.policy and study.policy.name.endswith(".toml") else []
    roles += [("load", section.file) for section in study.load]
    roles += [("hosting", study.hosting.table)] if study.hosting.table else []
    roles += [("tariffs", study.money.tariffs)] if study.money.tariffs else []
    surfaces = {f"surfaces.{name}": section for name, section in study.surfaces if section is not None}
    roles += [(role, p) for role, section in surfaces.items() for p in section.path]
    placed = {"buildings": study.buildings, **{f"regions.{name}": section for name, section in study.regions.items()}, **surfaces}
    roles += [(f"{name}.control_points", section.control_points) for name, section in placed.items() if section.control_points]
    roles += [("exclusions.control_points", section.control_points) for section in study.exclusions if section.control_points]
    return roles


def _checksum(study: Study, role: str, text: str) -> dict[str, object]:
    path = study.path(text)
    shown = without_place(text)
    files = files_behind(path)
    if not files or not all(file.exists() for file in files):
        raise StudyError(f"{role}: there is no file {shown}; correct the path in the study file")
    digest, size = hashlib.sha256(), 0
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                size += len(block)
    return {"role": role, "path": shown, "sha256": digest.hexdigest(), "size": size}
