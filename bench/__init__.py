"""Measurements; compiled code is kept where the command line keeps it, so that a bench measures work and not compilation."""

import os

from wuding.cli import cache_folder

os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder()))
