"""Sums in a fixed order that the processor can do in parallel."""

from __future__ import annotations

from numba import njit

from .orientations import FloatArray


@njit(cache=True, nogil=True)
def interleaved_sum(values: FloatArray) -> float:
    """
    Sum in eight interleaved parts.

    Parameters
    ----------
    values
        What is summed, shape (n,).

    Returns
    -------
    float
        The same to the last bit for the same values.
    """
    a = b = c = d = e = f = g = h = 0.0
    whole = values.size // 8 * 8
    for i in range(0, whole, 8):
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
        e += values[i + 4]
        f += values[i + 5]
        g += values[i + 6]
        h += values[i + 7]
    for i in range(whole, values.size):
        a += values[i]
    return ((a + b) + (c + d)) + ((e + f) + (g + h))
