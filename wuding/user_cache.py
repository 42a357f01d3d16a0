"""Where this user's machine keeps what can be had again: compiled code, downloads, mirrors."""

import hashlib
import importlib.metadata
import os
import sys
from pathlib import Path

from .compiled import check_compiled


def user_cache() -> Path:
    """
    Return the user's cache folder of wuding, by the custom of the system.

    Returns
    -------
    pathlib.Path
        Not created here.
    """
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local")))
    else:
        said = Path(os.environ.get("XDG_CACHE_HOME", ""))
        base = said if said.is_absolute() else Path.home() / ".cache"  # by the XDG rules an empty or relative one is none
    return base / "wuding"


def cache_folder() -> Path:
    """
    Return the user's folder for compiled code, by version and state of the compiled sources.

    A cached kernel is not renewed when a kernel that it calls, or a constant that it takes, from another file has changed, so every
    state of the rooms of kernels has its own folder.

    Returns
    -------
    pathlib.Path
        Not created here.
    """
    digest, home = hashlib.blake2b(digest_size=6), Path(__file__).resolve().parent.parent
    for file in sorted(f for room in ("geo", "solar", "layers") for f in (home / room).glob("*.py")):
        if file.parent.name != "layers" or b"@njit" in file.read_bytes():
            digest.update(file.read_bytes())
    return user_cache() / importlib.metadata.version("wuding") / digest.hexdigest()


def keep_compiled() -> None:
    """Let numba keep compiled code in that folder, as it was written, unless the environment names another; before its first import."""
    if "NUMBA_CACHE_DIR" not in os.environ:
        os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())
        check_compiled(cache_folder())
