"""Where this user's machine keeps what can be had again: compiled code, downloads, mirrors."""

import os
import sys
from pathlib import Path


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
        base = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    return base / "wuding"
