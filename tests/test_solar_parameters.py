"""System, orientation classes and uncertainties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.errors import SolarError
from solar.orientations import BARE, EAST_WEST, FLUSH, RACK, Orientations, orientation_grid
from solar.parameters import load_system
from solar.uncertainty import load_uncertainties, p90, p90_of_sum


def test_default_system_is_what_the_file_says() -> None:
    system = load_system()
    assert system.module.area_m2 == pytest.approx(2.278 * 1.134)
    assert system.module.efficiency == pytest.approx(600 / (1000 * 2.278 * 1.134))
    assert system.mounts["flush"].u_c < system.mounts["east_west"].u_c < system.mounts["rack"].u_c
    assert system.dc_factor == pytest.approx(0.99 * 0.995 * 0.985 * 0.99 * 0.99)
    assert np.mean(system.soiling) == pytest.approx(0.03, abs=0.001)
    assert system.ac_factor == pytest.approx(0.99 * 0.99)
    assert all(p.unit and p.source for p in system.parameters)


def test_default_degradation_meets_gb_55015() -> None:
    degradation = load_system().degradation
    assert degradation.first_year <= 0.03
    assert degradation.annual <= 0.007


@pytest.mark.parametrize("overrides", [{"module": {"gamma_pdc": -0.0034}}, {"module.gamma_pdc": -0.0034}])
def test_overrides_nested_or_dotted(overrides: dict) -> None:
    system = load_system(overrides)
    assert system.module.gamma_pdc == -0.0034
    assert next(p for p in system.parameters if p.name == "module.gamma_pdc").source == "study"


def test_soiling_by_number_or_by_month() -> None:
    assert load_system({"losses.soiling": 0.02}).soiling == (0.02,) * 12
    months = [0.01 * m for m in range(12)]
    assert load_system({"losses": {"soiling": months}}).soiling == tuple(months)


def test_the_adr_module_has_its_own_low_light() -> None:
    adr = load_system({"module.model": "adr"})
    assert adr.dc_factor == pytest.approx(load_system().dc_factor / (1 - load_system().dc_losses["low_light"]))


def test_first_year_loss_is_counted_once() -> None:
    assert load_system({"degradation.first_year": 0.02}).dc_losses["light_induced"] == 0.02
    assert load_system({"losses.light_induced": 0.015}).degradation.first_year == 0.015


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"module": {"gama_pdc": -0.003}}, "nearest is 'module.gamma_pdc'"),
        ({"module.gamma_pdc": -0.3}, "check the unit"),
        ({"losses.soiling": "much"}, "expected a number"),
        ({"optics.iam": "ashrae"}, "expected one of"),
        ({"optics.transposition": "perez"}, "haydavies, perez_driesse"),
        ({"losses.soiling": [0.02, 0.03]}, "one for each of 12 months"),
        ({"losses.soiling": [0.02] * 11 + [0.7]}, "check the unit"),
        ({"degradation.first_year": 0.02, "losses.light_induced": 0.01}, "same loss"),
    ],
)
def test_wrong_overrides_say_what_is_wrong(overrides: dict, message: str) -> None:
    with pytest.raises(SolarError, match=message):
        load_system(overrides)


GRID = orientation_grid([(20.0, 0.555), (20.0, 0.4), (30.0, 0.47)], (10.0, 0.9))


def test_grid_has_every_class_once() -> None:
    # five tilts below 30 every 10 degrees of azimuth; 30, 35, 40 and 45 to 75 by 2.5 every 5
    assert (GRID.mounting == FLUSH).sum() == (GRID.mounting == BARE).sum() == 1 + 5 * 36 + (3 + 13) * 72
    assert (GRID.mounting == RACK).sum() == 3 * 36
    assert (GRID.mounting == EAST_WEST).sum() == 18
    rows = np.column_stack([GRID.surface_tilt, GRID.surface_azimuth, GRID.mounting, GRID.gcr])
    assert len(np.unique(rows, axis=0)) == len(GRID)


def test_nearest_by_hand() -> None:
    found = GRID.nearest([1.0, 22.0, 23.0, 21.0, 12.0], [np.nan, 356.0, 184.0, 95.1, 275.1], [FLUSH, FLUSH, BARE, RACK, EAST_WEST])
    assert GRID.surface_tilt[found].tolist() == [0.0, 20.0, 25.0, 20.0, 10.0]
    assert GRID.surface_azimuth[found][1:].tolist() == [0.0, 180.0, 100.0, 100.0]
    assert GRID.mounting[found].tolist() == [FLUSH, FLUSH, BARE, RACK, EAST_WEST]
    assert GRID.gcr[GRID.nearest([20.0, 20.0], 180.0, RACK, gcr=[0.41, 0.5])].tolist() == [0.4, 0.555]


@given(st.floats(0, 75), st.floats(0, 359.999), st.sampled_from([FLUSH, BARE]))
def test_blend_is_the_plane_it_was_made_for(tilt: float, azimuth: float, kind: int) -> None:
    blend = GRID.blend(tilt, azimuth, kind)
    weights, classes = blend.weights[0], blend.classes[0]
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1.0)
    used = weights > 0
    assert (GRID.mounting[classes[used]] == kind).all()
    assert weights @ GRID.surface_tilt[classes] == pytest.approx(tilt, abs=1e-9)
    tilted = used & (GRID.surface_tilt[classes] > 0)
    away = (GRID.surface_azimuth[classes[tilted]] - azimuth + 180) % 360 - 180
    assert np.abs(away).max(initial=0.0) <= 10.0
    assert weights[tilted] @ away == pytest.approx(0.0, abs=1e-6)


def test_blend_closes_the_circle_for_east_west() -> None:
    blend = GRID.blend(10.0, 175.0, EAST_WEST)
    assert sorted(GRID.surface_azimuth[blend.classes[0]][blend.weights[0] > 0].tolist()) == [0.0, 170.0]
    same = GRID.blend(10.0, 355.0, EAST_WEST)
    np.testing.assert_array_equal(blend.classes, same.classes)


def test_orientations_say_what_is_wrong() -> None:
    with pytest.raises(SolarError, match="without azimuth"):
        GRID.nearest(30.0, np.nan, FLUSH)
    with pytest.raises(SolarError, match="no class of mounting"):
        Orientations(np.array([10.0]), np.array([180.0]), np.array([FLUSH]), np.array([1.0])).nearest(10.0, 180.0, RACK)
    with pytest.raises(SolarError, match="surface_tilt"):
        Orientations(np.array([-10.0]), np.array([180.0]), np.array([FLUSH]), np.array([1.0]))
    with pytest.raises(SolarError, match="without tilt"):
        GRID.blend(np.nan, 180.0, FLUSH)


def test_p90_by_hand() -> None:
    named = {u.name: u for u in load_uncertainties()}
    variance = sum(u.sigma**2 for u in named.values())
    assert p90([1000.0], 1.0)[0] == pytest.approx(1000 * (1 - 1.2815515655 * variance**0.5))
    low = sum(u.sigma_low_confidence**2 for u in named.values())
    assert p90([1000.0], 0.0)[0] == pytest.approx(1000 * (1 - 1.2815515655 * low**0.5))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1)), min_size=1, max_size=30))
def test_sum_is_surer_than_its_parts(roofs: list[tuple[float, float]]) -> None:
    energy, confidence = np.array(roofs).T
    whole, parts = p90_of_sum(energy, confidence), p90(energy, confidence)
    assert parts.sum() <= whole * (1 + 1e-9) + 1e-9
    assert whole <= energy.sum() * (1 + 1e-12)
    if len(roofs) == 1:
        assert whole == pytest.approx(parts[0])


@given(st.floats(0, 1), st.floats(0, 1))
def test_p90_grows_with_confidence_and_falls_with_exceedance(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert p90([100.0], low)[0] <= p90([100.0], high)[0]
    assert p90([100.0], a, exceedance=0.95)[0] <= p90([100.0], a)[0] <= p90([100.0], a, exceedance=0.5)[0] == pytest.approx(100.0)


def test_shared_errors_remain_in_a_large_sum() -> None:
    shared = sum(u.sigma**2 for u in load_uncertainties() if u.shared) ** 0.5
    energy = np.full(100_000, 10.0)
    # a hundred thousand independent errors average out to a thousandth of their share
    assert p90_of_sum(energy) / energy.sum() == pytest.approx(1 - 1.2815515655 * shared, abs=1e-4)


@pytest.mark.parametrize("wrong", [([-1.0], 1.0, 0.9), ([1.0], 1.5, 0.9), ([1.0], np.nan, 0.9), ([np.nan], 1.0, 0.9), ([1.0], 1.0, 0.4)])
def test_p90_refuses_what_is_not_a_number_in_range(wrong: tuple) -> None:
    with pytest.raises(SolarError):
        p90(wrong[0], wrong[1], exceedance=wrong[2])
