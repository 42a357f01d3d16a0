"""How the innermost kernels are compiled."""

from functools import partial

from numba import njit

# Kernels that make no arrays need not count who holds one: counting each array that is taken out of a tuple took a sixth of the time of a
# skyline. The caller holds all of them meanwhile. Not for functions that make arrays or return one.
lean = partial(njit, cache=True, nogil=True, error_model="numpy", _nrt=False)
