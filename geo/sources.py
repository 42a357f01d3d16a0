"""Which files a path of the study file means: one file, a folder, a pattern, or what is packed in a ZIP."""

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from .errors import GeoError

SHAPEFILE, PARQUET, TABLE, ARCHIVE = (".shp",), (".parquet", ".geoparquet"), (".csv", ".tsv", ".txt", ".xlsx"), (".zip",)
JSON = (".geojson", ".json", ".geojsons", ".geojsonl", ".jsonl", ".ndjson", ".topojson")
OSM = (".pbf", ".osm")
_GDAL = (*SHAPEFILE, ".gpkg", *JSON, ".fgb", ".gdb", ".kml", ".kmz", ".dxf", *OSM, ".gml", ".tab", ".mif", ".sqlite")
_KNOWN = (*_GDAL, *PARQUET, *TABLE, *ARCHIVE)
# What people name by mistake, and what to do instead.
_INSTEAD = {
    ".dwg": "save the drawing as DXF",
    ".mdb": "export the personal geodatabase to a GeoPackage or a File Geodatabase",
    ".accdb": "export the table to .csv or .xlsx",
    ".xls": "save the table as .xlsx",
    ".dbf": "name the .shp beside it",
    ".shx": "name the .shp beside it",
    ".rar": "unpack it and name what is inside",
    ".7z": "unpack it and name what is inside",
    ".gz": "unpack it and name what is inside",
    ".udb": "export the layer from SuperMap to a Shapefile or GeoPackage",
    ".udbx": "export the layer from SuperMap to a Shapefile or GeoPackage",
    ".mxd": "that is a map project; name the data it shows",
    ".aprx": "that is a map project; name the data it shows",
    ".lyr": "that is a map style; name the data it shows",
    ".qgz": "that is a map project; name the data it shows",
    ".qgs": "that is a map project; name the data it shows",
    ".tif": "that is a raster; a layer of polygons is needed",
}
# A packed county is some gigabytes; what says that it is more is damaged or made to fill the disk.
_MOST_UNPACKED = 200 * 1024**3


def vector_files(path: Path) -> list[Path]:
    """
    List the vector files that a path means.

    Parameters
    ----------
    path
        A file, a File Geodatabase, a folder (every vector file below it) or a pattern with * and ?.

    Returns
    -------
    list of pathlib.Path
        Files of known formats, sorted by name.

    Raises
    ------
    GeoError
        If there is none, its format is not known, or a folder mixes formats.
    """
    try:
        there, folder = path.exists(), path.is_dir()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise GeoError(f"{path.name[:80]!r}: not a path that this computer can read ({said}); correct it in the study file") from error
    if not there and _is_pattern(path):
        found = [p for p in matches(path) if _is_vector(p)]
        if not found:
            raise GeoError(f"{path.name}: no vector file fits this pattern; correct it in the study file")
        return found
    if not there:
        raise GeoError(
            f"{path.name}: there is no such file (looked in the folder {path.parent.name or '.'!r}); correct the path in the study file"
        )
    if folder and path.suffix.lower() != ".gdb":
        return _in_folder(path)
    if not _is_vector(path):
        advice = _INSTEAD.get(path.suffix.lower(), f"known are {', '.join(_KNOWN)}")
        raise GeoError(f"{path.name}: this format is not read: {advice}")
    if not folder and not path.is_file():
        raise GeoError(f"{path.name}: is neither a file nor a folder; name the data itself")
    if path.suffix.lower() == ".gdb" and not folder:
        raise GeoError(f"{path.name}: a File Geodatabase is a folder of many files, but this is a single file; copy the whole folder")
    return [path]


def _is_pattern(path: Path) -> bool:
    return any(letter in part for part in path.parts for letter in "*?[")


def matches(pattern: Path) -> list[Path]:
    """
    List what a path with * and ? fits.

    Parameters
    ----------
    pattern
        The path; the folders before the first * or ? are taken as they are.

    Returns
    -------
    list of pathlib.Path
        Sorted.
    """
    first = next((k for k, part in enumerate(pattern.parts) if any(letter in part for letter in "*?[")), None)
    if first is None:
        return [pattern] if pattern.exists() else []
    return sorted(Path(*pattern.parts[:first]).glob("/".join(pattern.parts[first:])))


def _is_vector(path: Path) -> bool:
    return path.suffix.lower() in _KNOWN and not path.name.startswith(("._", "~$"))


def _layers_before_lists(found: list[Path]) -> list[Path]:
    """Leave out the lists and notes that lie beside layers, unless there is nothing else."""
    layers = [p for p in found if p.suffix.lower() not in TABLE]
    return layers or [p for p in found if p.suffix.lower() != ".txt"]


def _in_folder(folder: Path) -> list[Path]:
    found = [p for p in sorted(folder.rglob("*")) if _is_vector(p) and not any(q.suffix.lower() == ".gdb" for q in p.parents)]
    found = _layers_before_lists(found)
    if not found:
        raise GeoError(f"{folder.name}: the folder holds no vector file; known are {', '.join(_KNOWN)}")
    kinds = Counter(p.suffix.lower() for p in found)
    if len(kinds) > 1:
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        raise GeoError(f"{folder.name}: the folder mixes formats ({listed}); name the files, or a pattern such as '{folder.name}/*.shp'")
    return found


@contextmanager
def unpacked(archive: Path) -> Iterator[list[Path]]:
    """
    Unpack a ZIP into a temporary folder for as long as it is read.

    Parameters
    ----------
    archive
        The ZIP; its names may be UTF-8 or GBK, as Windows writes them.

    Yields
    ------
    list of pathlib.Path
        The vector files in it.

    Raises
    ------
    GeoError
        If it is damaged, locked with a password, or holds no vector file.
    """
    with TemporaryDirectory(prefix="wuding-", ignore_cleanup_errors=True) as text:
        folder = Path(text) / "inside"
        folder.mkdir()
        try:
            with zipfile.ZipFile(archive) as packed:
                members = [m for m in packed.infolist() if not m.is_dir()]
                if sum(m.file_size for m in members) > _MOST_UNPACKED:
                    raise GeoError(f"{archive.name}: says that it unpacks to more than 200 GB; unpack it yourself and name what is inside")
                for member in members:
                    _unpack(packed, member, folder)
        except (zipfile.BadZipFile, RuntimeError, EOFError, OSError, zlib.error) as error:
            raise GeoError(f"{archive.name}: cannot be unpacked ({error}); check that the ZIP is whole and has no password") from error
        found = [p for p in sorted(folder.rglob("*")) if _is_vector(p) and p.suffix.lower() not in ARCHIVE]
        found = [p for p in found if not any(q.suffix.lower() == ".gdb" for q in p.parents)]
        found = _layers_before_lists(found)
        if not found:
            raise GeoError(f"{archive.name}: no vector file is packed in it; known are {', '.join(_KNOWN)}")
        yield found


def _unpack(packed: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    name = member.filename if member.flag_bits & 0x800 else _zip_name(member.filename)
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..", ".") and ":" not in part]
    if not parts or "__MACOSX" in parts:
        return
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(member) as inside, target.open("wb") as out:
        while block := inside.read(1 << 20):
            out.write(block)


def _zip_name(name: str) -> str:
    """Windows packs names in the code page of the country without saying so; zipfile then shows them in that of the IBM PC."""
    try:
        raw = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name


def files_behind(path: Path) -> list[Path]:
    """
    List every file on disk that a source consists of, for checksums.

    Parameters
    ----------
    path
        As in `vector_files`, or any other file or folder.

    Returns
    -------
    list of pathlib.Path
        Sorted; a Shapefile with all its parts.
    """
    if not path.exists() and _is_pattern(path):
        return sorted({part for p in matches(path) for part in files_behind(p)})
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() != ".lock")
    if path.suffix.lower() in SHAPEFILE:
        return sorted(p for p in path.parent.iterdir() if p.stem == path.stem and p.is_file())
    return [path]


def beside(path: Path, suffix: str) -> Path | None:
    """
    Find the part of a Shapefile with another ending, in small or capital letters.

    Parameters
    ----------
    path
        The `.shp`.
    suffix
        E.g. ".dbf".

    Returns
    -------
    pathlib.Path or None
        None where there is none.
    """
    for ending in (suffix, suffix.upper()):
        if path.with_suffix(ending).is_file():
            return path.with_suffix(ending)
    return None
