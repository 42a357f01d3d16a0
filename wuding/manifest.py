"""The run's own account of itself: inputs, versions, parameters, stages, audit, warnings."""

import hashlib
import importlib.metadata
import json
import math
import os
import platform
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from layers.replacing import on_disk

if TYPE_CHECKING:
    from solar.weather import Weather

PACKAGES = (
    "numpy",
    "pandas",
    "geopandas",
    "shapely",
    "pyogrio",
    "pyproj",
    "rasterio",
    "pvlib",
    "numba",
    "dask",
    "dask-geopandas",
    "folium",
    "scipy",
    "llvmlite",
    "pyarrow",
)
ROOMS = ("geo", "solar", "layers", "maps", "wuding")


def version() -> str:
    """Return the version of this distribution."""
    return importlib.metadata.version("wuding")


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    import pyproj
    import rasterio
    import shapely

    found = {"python": platform.python_version(), "wuding": version(), "code": source_digest()}
    found |= {name: importlib.metadata.version(name) for name in PACKAGES}
    # a wheel brings its own, a system package may bring another with the same version of the package
    return found | {"geos": shapely.geos_version_string, "proj": pyproj.proj_version_str, "gdal": rasterio.__gdal_version__}


def source_digest() -> str:
    """
    Hash the code and data files of the five rooms, so that tiles of an older state are never mixed with newer ones.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    home, digest = Path(__file__).resolve().parent.parent, hashlib.blake2b(digest_size=8)
    for file in sorted(f for room in ROOMS for f in (home / room).rglob("*") if f.suffix in (".py", ".toml")):
        digest.update(file.relative_to(home).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def check_rooms() -> str:
    """
    Check that the five import names belong to this distribution and not to a namesake.

    Returns
    -------
    str
        The version, for comparison between the main process and its workers.

    Raises
    ------
    StudyError
        If one of them resolves elsewhere.
    """
    import importlib.util

    from .errors import StudyError

    home = Path(__file__).resolve().parent.parent
    for room in ROOMS:
        spec = importlib.util.find_spec(room)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or origin.parent.parent != home:
            raise StudyError(
                f"the import name {room!r} does not belong to wuding {version()}: another package of that name is installed; "
                f"uninstall it (pip uninstall {room}) or use a fresh environment"
            )
    return version()


class Clock:
    """Seconds and peak memory by stage; memory counts this process and its children."""

    def __init__(self) -> None:
        self.stages: list[dict[str, Any]] = []
        self._peak = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """
        Measure the block.

        Parameters
        ----------
        name
            Name of the stage in the manifest.
        """
        stop = threading.Event()
        self._peak = resident_mb()
        watcher = threading.Thread(target=self._watch, args=(stop,), daemon=True)
        watcher.start()
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            stop.set()
            watcher.join()
            self._peak = max(self._peak, resident_mb())
            self.stages.append({"name": name, "seconds": round(seconds, 3), "peak_mb": round(self._peak, 1)})

    def _watch(self, stop: threading.Event) -> None:
        while not stop.wait(0.5):
            self._peak = max(self._peak, resident_mb())


def resident_mb() -> float:
    """Return the memory of this process and all its children [MB]; pages that they share, 50 to 100 MB each, count in every one."""
    total = 0
    own = psutil.Process(os.getpid())
    for process in [own, *own.children(recursive=True)]:
        try:
            total += process.memory_info().rss
        except psutil.Error:  # a child may end between being listed and being asked
            continue
    return total / 1e6


def read_manifest(out: Path) -> dict[str, Any]:
    """
    Read the manifest of a finished run.

    Parameters
    ----------
    out
        Run folder.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    StudyError
        If the folder is no finished run.
    """
    from .errors import StudyError

    file = out / "manifest.json"
    if not file.is_file():
        raise StudyError(f"{out.name}: not a finished run (no manifest.json); finish it with wuding run")
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if not _has_products(content):
        raise StudyError(f"{out.name}: not a finished run (it ended while its products were written); finish it with wuding run")
    return content


def is_finished(out: Path) -> bool:
    """
    Say whether a run folder is that of a finished run.

    Parameters
    ----------
    out
        Run folder.

    Returns
    -------
    bool
        Whether there is a manifest, and it was written again when the products were there.
    """
    file = out / "manifest.json"
    return file.is_file() and _has_products(json.loads(file.read_text(encoding="utf-8")))


def _has_products(manifest: Mapping[str, Any]) -> bool:
    """Products are made from a first manifest; the one that lies there at the end has their seconds."""
    return any(stage["name"] == "products" for stage in manifest["stages"])


def write_json(path: Path, content: Any, *, lasting: bool = True) -> None:
    """
    Write JSON whole or not at all; NaN becomes null.

    Parameters
    ----------
    path
        Target.
    content
        Plain data, numpy scalars allowed.
    lasting
        Whole or not at all also where the power fails.
    """
    text = json.dumps(plain(content), ensure_ascii=False, indent=1, allow_nan=False)
    part = path.with_name(path.name + ".part")
    part.write_text(text + "\n", encoding="utf-8", newline="\n")
    if lasting:
        on_disk(part)
    part.replace(path)


def plain(value: Any) -> Any:
    """
    Turn numpy scalars, dates and NaN into what JSON knows.

    Parameters
    ----------
    value
        Any nested content.

    Returns
    -------
    object
        Dictionaries, lists, text, numbers, booleans and None.
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (str, int, bool)) or value is None:
        return value
    return str(value)


def weather_facts(weathers: "Sequence[Weather]", *, stand_in: bool) -> dict[str, Any]:
    """
    Tell which weather a run used.

    Parameters
    ----------
    weathers
        Its stations.
    stand_in
        Whether the study says that they are of another place.

    Returns
    -------
    dict
        For the manifest: all stations together by their names and mean irradiation, the place of the first, and `each`.
    """
    first = weathers[0]
    return {
        "name": ", ".join(weather.name for weather in weathers),
        "latitude": first.latitude,
        "longitude": first.longitude,
        "source": ", ".join(weather.source for weather in weathers),
        "stand_in": stand_in,
        "climatology": first.climatology,
        "verified": all(weather.verified for weather in weathers),
        "stamp_offset_h": first.stamp_offset_h,
        "ghi_kwh_m2": sum(weather.ghi_kwh_m2 for weather in weathers) / len(weathers),
        "quality": dict(first.quality),
        "stations": len(weathers),
        "each": [
            {"name": w.name, "stamp_offset_h": w.stamp_offset_h, "ghi_kwh_m2": w.ghi_kwh_m2, "quality": dict(w.quality)} for w in weathers
        ],
    }
