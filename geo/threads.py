"""Run element-wise shapely functions on all cores; they let go of Python's lock while they work."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np

_WORTH_IT = 20_000  # below this many elements starting threads costs more than it saves
_MOST = 50_000  # elements of a piece: what is made on the way to the result is in memory for one piece a core


def threaded(function: Callable[..., Any], *arrays: np.ndarray) -> Any:
    """
    Apply a function element by element, in pieces of the arrays at the same time.

    Parameters
    ----------
    function
        Takes arrays of equal length and returns an array of that length; each element must depend on its own inputs alone.
    *arrays
        Shape (n,) each.

    Returns
    -------
    array
        Shape (n,), the same as `function(*arrays)`.
    """
    count, cores = len(arrays[0]), os.cpu_count() or 1
    if count < _WORTH_IT or cores == 1:
        return function(*arrays)
    cuts = np.linspace(0, count, max(4 * cores, -(-count // _MOST)) + 1).astype(int)
    pieces = [tuple(array[a:b] for array in arrays) for a, b in pairwise(cuts)]
    with ThreadPoolExecutor(cores) as pool:
        return np.concatenate(list(pool.map(lambda piece: function(*piece), pieces)))
