"""Trees between two horizons: closed forms, limits and the reference chain."""

import numpy as np
import pytest

from solar.canopy import Canopy, load_transmissivity
from solar.chain import monthly_energy, plane_irradiation, simulate_reference, solar_position
from solar.climatology import jinan_climatology
from solar.engine import Yield, simulate
from solar.errors import SolarError
from solar.orientations import BARE, FLUSH, Orientations
from solar.parameters import load_system
from solar.sky import Sky, prepare_sky
from solar.weather import extra_radiation

WEATHER, SYSTEM = jinan_climatology(), load_system()
TILT, AZIMUTH = np.array([0.0, 26.0]), np.array([180.0, 200.0])
LEAVES = load_transmissivity("deciduous")


def sky() -> Sky:
    own = Orientations(np.tile(TILT, 2), np.tile(AZIMUTH, 2), np.array([FLUSH, FLUSH, BARE, BARE]), np.ones(4))
    return prepare_sky(WEATHER, own, SYSTEM)


SKY = sky()


def run(horizon: float, view: float, canopy: Canopy | None) -> Yield:
    """A level roof and one that faces south-southwest, each with one point."""
    views = np.full(2, view)
    return simulate(
        SKY,
        orientation=np.array([0, 1]),
        plane=np.array([2, 3]),
        horizon=np.full((2, 72), horizon),
        point_start=np.arange(3),
        sky_view_factor_modules=views,
        sky_view_factor_plane=views,
        temperature_offset=np.zeros(2),
        canopy=canopy,
    )


def trees(top: float, view: float, through: np.ndarray) -> Canopy:
    return Canopy(np.full((2, 72), top, np.float32), np.full(2, view), np.full(2, view), through)


def test_under_one_great_tree_each_month_gets_its_share() -> None:
    """A crown over the whole sky: by hand, share times beam and sky, plus what the crown reflects of the rest."""
    got = run(0.0, 1.0, trees(90.0, 0.0, LEAVES)).irradiation[0]
    sun = solar_position(WEATHER)
    through = LEAVES[WEATHER.month - 1]
    above = sun["apparent_elevation"] > 0
    beam = (WEATHER.data["dni"] * np.cos(np.radians(sun["apparent_zenith"])).clip(lower=0) * above).to_numpy()
    blue = WEATHER.data["dhi"] * (1 - WEATHER.data["dni"] / extra_radiation(WEATHER.sun))  # isotropic sky of Hay and Davies
    crown = np.minimum(SYSTEM.optics.blocked_reflectance * WEATHER.data["ghi"], blue)
    sky_light = through * (beam + WEATHER.data["dhi"]) + (1 - through) * crown
    # circumsolar light of the last minutes before sunset: pvlib caps the projection at 89 degrees
    assert got == pytest.approx(sky_light.sum() / 1000.0, rel=1e-3)


def test_what_lets_all_through_is_no_tree_and_what_lets_nothing_through_is_a_wall() -> None:
    air, wall = run(10.0, 0.9, trees(50.0, 0.4, np.ones(12))), run(10.0, 0.9, trees(50.0, 0.4, np.zeros(12)))
    for of in ("specific_energy", "irradiation", "point_share"):
        np.testing.assert_allclose(getattr(air, of), getattr(run(10.0, 0.9, None), of), rtol=1e-12)
        np.testing.assert_allclose(getattr(wall, of), getattr(run(50.0, 0.4, None), of), rtol=1e-12)


def test_half_the_light_lies_between_the_limits() -> None:
    """The light on the plane is linear in what comes through."""
    none, half, all_ = (run(10.0, 0.9, trees(50.0, 0.4, np.full(12, t))).irradiation for t in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(half, (none + all_) / 2, rtol=1e-12)


def test_leaves_take_the_summer_only() -> None:
    bare_in_winter = np.where(np.isin(np.arange(1, 13), [5, 6, 7, 8, 9]), 0.03, 1.0)
    months = run(0.0, 1.0, trees(60.0, 0.3, bare_in_winter)).specific_energy
    free = run(0.0, 1.0, None).specific_energy
    np.testing.assert_allclose(months[:, [0, 1, 2, 3, 9, 10, 11]], free[:, [0, 1, 2, 3, 9, 10, 11]], rtol=1e-12)
    assert (months[:, 4:9] < 0.8 * free[:, 4:9]).all()


def test_the_reference_chain_says_the_same() -> None:
    canopy = trees(40.0, 0.5, LEAVES)
    got = run(12.0, 0.93, canopy)
    for k in range(2):
        one = canopy.take(np.array([k]))
        given = {"surface_tilt": TILT[k], "surface_azimuth": AZIMUTH[k], "horizon": np.full((1, 72), 12.0), "sky_view_factor": [0.93]}
        hourly = simulate_reference(WEATHER, SYSTEM, **given, mounting=FLUSH, canopy=one)
        # the same physics; only the beam is stored in single precision: the issue of the yield allows 0.01 %
        np.testing.assert_allclose(got.specific_energy[k], monthly_energy(hourly, WEATHER), rtol=1e-4)
        assert got.irradiation[k] == pytest.approx(plane_irradiation(WEATHER, SYSTEM, **given, canopy=one), rel=1e-4)


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(SolarError, match="did you mean 'deciduous'"):
        load_transmissivity("desiduous")
    with pytest.raises(SolarError, match="twelve shares"):
        load_transmissivity([0.5] * 11)
    with pytest.raises(SolarError, match="expected"):
        run(0.0, 1.0, Canopy(np.zeros((1, 72), np.float32), np.zeros(1), np.zeros(1), LEAVES))
