"""What no program could go below on this machine: bytes at the disk's speed, horizon samples at the memory's."""

import os
import time
from pathlib import Path

import numpy as np

from geo.horizons import WALL_RAYS


def disk_speed(folder: Path, size: int = 200_000_000) -> float:
    """Bytes that this disk writes in a second, to the platter and not to a cache."""
    folder.mkdir(parents=True, exist_ok=True)
    file, content = folder / "speed", os.urandom(size)
    start = time.perf_counter()
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    seconds = time.perf_counter() - start
    file.unlink()
    return size / seconds


def memory_speed(size: int = 400_000_000) -> float:
    """Bytes that one core reads from memory in a second."""
    block = np.ones(size // 8)
    start = time.perf_counter()
    block.sum()
    return size / (time.perf_counter() - start)


def size_of(*parts: Path) -> int:
    """Bytes of files, and of all files in folders."""
    files = [file for part in parts for file in ([part] if part.is_file() else part.rglob("*"))]
    return sum(file.stat().st_size for file in files if file.is_file())


def limits(folder: Path, roofs: int, disk: float, memory: float) -> dict[str, float]:
    """
    Give the seconds of each stage that moves much.

    Parameters
    ----------
    folder
        A county with a finished run in `run`.
    roofs
        Its roofs.
    disk, memory
        Speeds [bytes/s].

    Returns
    -------
    dict
        By stage: what it must read and write, and for the roofs a height a ray from every roof.
    """
    run = folder / "run"
    work, tables = run / ".work", size_of(run / "buildings.parquet", run / "regions", run / "profiles")
    tiles, assessed = size_of(work / "tiles"), size_of(run / "roofs", work / "audit", work / "mounts", work / "profiles")
    package = size_of(*run.glob("*.gpkg"))
    pages = size_of(*(run / name for name in ("map.html", "report.html", "report.docx", "tables.xlsx") if (run / name).exists()))
    samples = roofs * 72 * WALL_RAYS * 4  # bytes of one float32 height
    moved = {
        "prepare": size_of(*(file for file in folder.iterdir() if file.is_file())) + tiles,
        "roofs": tiles + assessed,
        "tables": assessed + tables,
        "geopackage": assessed + tables + package,
        "products": tables + pages,
    }
    least = {name: count / disk for name, count in moved.items()}
    return least | {"roofs": least["roofs"] + samples / memory / (os.cpu_count() or 1)}
