"""Windows on the global grid: alignment and bilinear values by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import GeoError
from geo.grid import Grid, snap

# row 0 is north: centres at x = 105, 115 and y = 215 (top), 205
SQUARE = Grid(np.array([[1, 2], [3, 4]], np.float32), 100.0, 220.0, 10.0)


def test_bounds_and_orientation() -> None:
    assert SQUARE.bounds == (100.0, 200.0, 120.0, 220.0)
    np.testing.assert_allclose(SQUARE.sample([105, 115, 105, 115], [215, 215, 205, 205]), [1, 2, 3, 4])


def test_between_centres_and_outside() -> None:
    np.testing.assert_allclose(SQUARE.sample([110, 110, 101], [210, 215, 219]), [2.5, 1.5, 1.0])
    assert np.isnan(SQUARE.sample([99.9, 110, np.nan], [210, 220.1, 210])).all()


def test_missing_neighbours_carry_no_weight() -> None:
    holed = Grid(np.array([[1, np.nan], [3, 4]], np.float32), 100.0, 220.0, 10.0)
    assert np.isnan(holed.sample([115], [215]))[0]
    assert holed.sample([107.5], [215.0])[0] == pytest.approx(1.0)


@given(st.floats(-1e7, 1e7), st.floats(-1e7, 1e7), st.floats(0, 1e4), st.floats(0, 1e4), st.sampled_from([0.5, 1.0, 12.5, 30.0]))
def test_snap_covers_and_is_tight(x: float, y: float, w: float, h: float, size: float) -> None:
    i0, j0, i1, j1 = snap((x, y, x + w, y + h), size)
    slack = 1e-5 * size
    assert i0 * size <= x + slack
    assert j0 * size <= y + slack
    assert i1 * size >= x + w - slack
    assert j1 * size >= y + h - slack
    assert (i1 - i0) * size < w + 2 * size + slack


@pytest.mark.parametrize(
    ("shape", "left", "resolution", "words"),
    [((2, 2), 103.0, 10.0, "multiple"), ((0, 2), 100.0, 10.0, "cells"), ((2, 2), 0.0, 0.0, "resolution")],
)
def test_errors(shape: tuple[int, int], left: float, resolution: float, words: str) -> None:
    with pytest.raises(GeoError, match=words):
        Grid(np.zeros(shape, np.float32), left, 220.0, resolution)
    with pytest.raises(GeoError, match="ordered"):
        snap((1.0, 0.0, 0.0, 1.0), 1.0)
