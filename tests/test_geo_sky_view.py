"""The closed form of the sky-view factor against its integral and against laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import GeoError
from geo.sky_view import sky_view_factor

horizon_strategy = st.lists(st.floats(-10, 90), min_size=72, max_size=72)


def integral(horizon: np.ndarray, tilt: float, azimuth: float, step: float = 0.25) -> float:
    """Midpoint sum over the dome."""
    a, e = np.radians(np.arange(0, 360, step) + step / 2), np.radians(np.arange(0, 90, step) + step / 2)[:, None]
    sector = np.floor((np.degrees(a) + 2.5) / 5).astype(int) % 72
    b = np.radians(tilt)
    incidence = np.cos(b) * np.sin(e) + np.sin(b) * np.cos(e) * np.cos(a - np.radians(azimuth))
    seen = np.degrees(e) >= np.maximum(horizon, 0)[sector]
    return float((np.maximum(incidence, 0) * seen * np.cos(e)).sum() * np.radians(step) ** 2 / (np.pi * (1 + np.cos(b)) / 2))


@settings(max_examples=25, deadline=None)
@given(horizon_strategy, st.sampled_from([0, 5, 20, 45, 90]), st.floats(-360, 720))
def test_equals_its_integral(horizon: list[float], tilt: float, azimuth: float) -> None:
    # half a step of 0.25° of elevation at the edge of the dome's cells: 0.2 %
    assert sky_view_factor([horizon], [tilt], [azimuth])[0] == pytest.approx(integral(np.array(horizon), tilt, azimuth), abs=3e-3)


@given(st.floats(0, 90), st.floats(0, 360))
def test_free_and_closed_sky(tilt: float, azimuth: float) -> None:
    assert sky_view_factor(np.zeros((1, 72)), [tilt], [azimuth])[0] == pytest.approx(1.0, abs=1e-9)
    assert sky_view_factor(np.full((1, 72), -5.0), [tilt], [azimuth])[0] == pytest.approx(1.0, abs=1e-9)
    assert sky_view_factor(np.full((1, 72), 90.0), [tilt], [azimuth])[0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("elevation", [10.0, 30.0, 60.0])
def test_well_on_a_level_plane(elevation: float) -> None:
    assert sky_view_factor(np.full((1, 72), elevation), [0.0], [np.nan])[0] == pytest.approx(np.cos(np.radians(elevation)) ** 2, abs=1e-12)


def test_endless_wall_before_a_vertical_plane() -> None:
    """A facade facing south with everything to the south hidden sees nothing; with everything to the north hidden, all."""
    azimuth = np.arange(72) * 5
    front = np.cos(np.radians(azimuth - 180)) > 0.01
    assert sky_view_factor([np.where(front, 90.0, 0.0)], [90.0], [180.0])[0] == pytest.approx(0.0, abs=0.01)
    assert sky_view_factor([np.where(front, 0.0, 90.0)], [90.0], [180.0])[0] == pytest.approx(1.0, abs=0.01)


@given(horizon_strategy, st.integers(0, 71), st.floats(0, 60), st.floats(0, 90), st.floats(0, 360))
def test_a_higher_horizon_never_shows_more(horizon: list[float], sector: int, more: float, tilt: float, azimuth: float) -> None:
    raised = list(horizon)
    raised[sector] = min(90.0, raised[sector] + more)
    low, high = sky_view_factor([horizon, raised], [tilt, tilt], [azimuth, azimuth])
    assert high <= low + 1e-12
    turned = sky_view_factor([np.roll(horizon, 7)], [tilt], [azimuth + 35])[0]
    assert turned == pytest.approx(low, abs=1e-9)


@pytest.mark.parametrize(("tilt", "azimuth", "words"), [(95.0, 0.0, "tilt"), (np.nan, 0.0, "tilt"), (20.0, np.nan, "azimuth")])
def test_errors(tilt: float, azimuth: float, words: str) -> None:
    with pytest.raises(GeoError, match=words):
        sky_view_factor(np.zeros((1, 72)), [tilt], [azimuth])
