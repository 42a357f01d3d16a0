"""Mounts: row spacing against published values and a brute-force sun, candidates, choice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pvlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solar.errors import SolarError
from solar.layout import pack_rows
from solar.mounts import candidates, choose, layout_inputs, pitch_ratio

JINAN = 36.65
NAN = np.nan


def factor(latitude: float, row: float) -> float:
    """The k of cos b + k sin b, from a tilt of 45 degrees."""
    return float((pitch_ratio(latitude, 45.0, row) - np.cos(np.pi / 4)) / np.sin(np.pi / 4))


@pytest.mark.parametrize(("turn", "published"), [(0, 2.497), (10, 2.86), (20, 3.13), (30, 3.31)])
def test_spacing_of_turned_rows_at_jinan(turn: float, published: float) -> None:
    # Tolerance: half of the last digit given.
    tolerance = 0.0006 if turn == 0 else 0.0051
    assert factor(JINAN, 180.0 + turn) == pytest.approx(published, abs=tolerance)
    assert factor(JINAN, 180.0 - turn) == pytest.approx(published, abs=tolerance)


@pytest.mark.parametrize(("latitude", "published"), [(36.0, 2.42), (36.65, 2.50), (37.5, 2.61)])
def test_spacing_by_latitude(latitude: float, published: float) -> None:
    assert factor(latitude, 180.0) == pytest.approx(published, abs=0.0051)


def test_field_density_of_racks_at_jinan() -> None:
    density = 225.0 / pitch_ratio(JINAN, [0.0, 10.0, 20.0, 30.0], 180.0)
    assert density == pytest.approx([225, 159, 125, 106], abs=0.6)  # published in whole watts


@given(latitude=st.floats(20, 45), row=st.floats(0, 359))
@settings(max_examples=40, deadline=None)
def test_spacing_against_a_sun_every_minute(latitude: float, row: float) -> None:
    hour = np.radians(np.linspace(-45, 45, 361))
    delta = np.radians(-23.45)
    zenith = pvlib.solarposition.solar_zenith_analytical(np.radians(latitude), hour, delta)
    azimuth = pvlib.solarposition.solar_azimuth_analytical(np.radians(latitude), hour, delta, zenith)
    shadow = np.cos(azimuth - np.radians(row)) * np.tan(zenith)
    # 1e-4: the best minute is up to half a minute from the best moment.
    if shadow.max() > 0.0:
        assert factor(latitude, row) >= shadow.max() - 1e-9
    if shadow.max() > abs(shadow.min()):
        assert factor(latitude, row) == pytest.approx(shadow.max(), abs=1e-4)


def test_row_shade_of_pvlib_begins_where_our_spacing_says() -> None:
    noonish = pd.DatetimeIndex(["2026-12-22 01:12:00+00:00"])  # about 9:00 true solar time at 117 E
    sun = pvlib.solarposition.get_solarposition(noonish, JINAN, 117.0)
    for turn in (-20.0, 0.0, 20.0):
        ratio = float(pitch_ratio(JINAN, 20.0, 180.0 + turn))
        shade = [
            pvlib.shading.shaded_fraction1d(
                sun["apparent_zenith"], sun["azimuth"], axis_azimuth=90.0 + turn, shaded_row_rotation=20.0, collector_width=1.0, pitch=p
            ).iloc[0]
            for p in (ratio * 1.02, ratio * 0.9)
        ]
        # In the morning only rows turned to the morning sun are at their limit; none is shaded at our spacing.
        assert shade[0] == 0.0
        if turn <= 0.0:
            assert shade[1] > 0.0


@given(latitude=st.floats(-90, 90), tilt=st.floats(0, 60), row=st.floats(0, 360))
@settings(max_examples=200, deadline=None)
def test_spacing_is_bounded_everywhere_and_mirrors_at_the_equator(latitude: float, tilt: float, row: float) -> None:
    ratio = float(pitch_ratio(latitude, tilt, row))
    highest = np.cos(np.radians(tilt)) + np.sin(np.radians(tilt)) / np.tan(np.radians(10.0))
    assert np.cos(np.radians(tilt)) - 1e-12 <= ratio <= highest + 1e-9
    if latitude != 0.0:
        assert float(pitch_ratio(-latitude, tilt, 180.0 - row)) == pytest.approx(ratio, abs=1e-9)


def test_candidates_by_kind_of_roof() -> None:
    # steep tile slope, metal hall slope, flat metal roof, flat concrete roof turned by 20 degrees
    mounts = candidates(
        [26.0, 5.0, 0.0, 0.0], [190.0, 100.0, NAN, NAN], [100.0, 10.0, 80.0, 110.0], [False, True, True, False],
        latitude=JINAN, rack_tilt=20.0, east_west_tilt=10.0,
    )  # fmt: skip
    assert mounts.allowed.T.tolist() == [[True, False, False], [True, False, False], [True, False, False], [False, True, True]]
    assert mounts.surface_tilt[0].tolist() == [26.0, 5.0, 0.0, 0.0]
    assert mounts.surface_azimuth[0, :3].tolist() == [190.0, 100.0, 170.0]
    assert mounts.surface_azimuth[1, 3] == 200.0
    assert mounts.surface_azimuth[2, 3] == 110.0
    assert (mounts.surface_tilt[1, 3], mounts.surface_tilt[2, 3]) == (20.0, 10.0)


@given(axis=st.floats(0, 179.999), latitude=st.sampled_from([JINAN, -33.0]))
@settings(max_examples=60, deadline=None)
def test_rows_follow_the_roof_and_face_the_equator(axis: float, latitude: float) -> None:
    mounts = candidates([0.0], [NAN], [axis], [False], latitude=latitude, rack_tilt=20.0, east_west_tilt=10.0)
    rack, pair = mounts.row_azimuth[1, 0], mounts.row_azimuth[2, 0]
    assert np.cos(np.radians(rack - (180.0 if latitude > 0 else 0.0))) >= np.cos(np.radians(45.0)) - 1e-9
    assert 45.0 - 1e-9 <= pair <= 135.0 + 1e-9
    for azimuth in (rack, pair):
        assert abs(np.sin(np.radians(2.0 * (azimuth - axis)))) < 1e-9  # along or across the axis


def test_flush_modules_lie_side_by_side() -> None:
    portrait = layout_inputs(0, length=2.278, width=1.134, surface_tilt=[26.0], pitch_ratio=1.0, gap=0.02)
    landscape = layout_inputs(0, length=2.278, width=1.134, surface_tilt=[26.0], pitch_ratio=1.0, gap=0.02, orientation="landscape")
    assert [portrait.along[0], portrait.depth[0], portrait.pitch[0]] == pytest.approx([1.134, 2.278, 2.298])
    assert [landscape.along[0], landscape.depth[0], landscape.pitch[0]] == pytest.approx([2.278, 1.134, 1.154])


def test_racks_and_pairs_by_hand() -> None:
    rack = layout_inputs(1, length=2.0, width=1.0, surface_tilt=[60.0], pitch_ratio=[3.0], gap=0.02)
    assert [rack.along[0], rack.depth[0], rack.pitch[0], rack.modules] == pytest.approx([1.0, 1.0, 6.0, 1])
    pair = layout_inputs(2, length=2.0, width=1.0, surface_tilt=[60.0], pitch_ratio=[1.25], gap=0.02)
    assert [pair.along[0], pair.depth[0], pair.pitch[0], pair.modules] == pytest.approx([1.0, 2.02, 5.0, 2])


def test_a_large_flat_field_reaches_the_density_of_its_mount() -> None:
    """Modules times area over a 300 m square field come to 1 / pitch ratio, less gaps of 2 cm in 1.154 m and the edges (1 %)."""
    side = 300.0
    square = np.array([[0, 0], [side, 0], [side, side], [0, side]]), np.array([0, 4]), np.array([0, 1])
    for mounting, tilt, ratio in ((1, 20.0, float(pitch_ratio(JINAN, 20.0, 180.0))), (2, 10.0, 1 / 0.9)):
        layout = layout_inputs(mounting, length=2.278, width=1.134, surface_tilt=[tilt], pitch_ratio=[ratio])
        density = pack_rows(*square, [layout]).count[0] * 2.278 * 1.134 / side**2
        assert density == pytest.approx(1.134 / 1.154 / ratio, rel=0.015)


def test_choice_by_hand() -> None:
    # Two candidates on three roofs: dense and dear per kWh, sparse and cheap; the third roof carries nothing.
    capacity, specific, capex = [[20.0, 0.0, 0.0], [10.0, 5.0, 0.0]], [[1000.0] * 3, [1200.0] * 3], [[60e3, 0, 0], [31e3, 15e3, 0]]
    quantities = {"capacity": capacity, "specific_yield": specific, "capex": capex}
    assert choose("energy", **quantities).tolist() == [0, 1, -1]  # 20,000 against 12,000 kWh
    assert choose("coverage", covered_area=[[90, 0, 0], [50, 20, 0]], **quantities).tolist() == [0, 1, -1]
    assert choose("lcoe", annuity=10.0, **quantities).tolist() == [1, 1, -1]  # 0.30 against 0.258 CNY/kWh
    assert choose("npv", annuity=10.0, price=0.40, **quantities).tolist() == [0, 1, -1]  # 2,000 against 1,700 CNY/year
    assert choose("npv", annuity=10.0, price=0.30, **quantities).tolist() == [1, 1, -1]  # 0 against 500


def test_first_of_equals_and_not_a_number_never() -> None:
    same = {"specific_yield": [[1000.0], [1000.0]], "capex": [[1.0], [1.0]]}
    assert choose("energy", capacity=[[5.0], [5.0]], **same).tolist() == [0]
    assert choose("energy", capacity=[[NAN], [5.0]], **same).tolist() == [1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"criterion": "beauty"}, "beauty"),
        ({"criterion": "coverage"}, "covered_area"),
        ({"criterion": "lcoe"}, "annuity"),
        ({"criterion": "npv", "annuity": 10.0}, "price"),
    ],
)
def test_a_choice_without_its_quantities_is_told(arguments: dict, message: str) -> None:
    with pytest.raises(SolarError, match=message):
        choose(capacity=[[1.0]], specific_yield=[[1.0]], capex=[[1.0]], **arguments)


def test_bad_mounts_are_told() -> None:
    with pytest.raises(SolarError, match="latitude 117"):
        pitch_ratio(117.0, 20.0, 180.0)
    with pytest.raises(SolarError, match="module tilt"):
        pitch_ratio(JINAN, -1.0, 180.0)
    with pytest.raises(SolarError, match="rack tilt 3"):
        candidates([0.0], [NAN], [0.0], [False], latitude=JINAN, rack_tilt=3.0, east_west_tilt=10.0)
    with pytest.raises(SolarError, match="without an azimuth"):
        candidates([20.0], [NAN], [0.0], [False], latitude=JINAN, rack_tilt=20.0, east_west_tilt=10.0)
    with pytest.raises(SolarError, match="mounting 7"):
        layout_inputs(7, length=2.0, width=1.0, surface_tilt=[10.0], pitch_ratio=[1.0])
    with pytest.raises(SolarError, match="orientation 'upright'"):
        layout_inputs(0, length=2.0, width=1.0, surface_tilt=[10.0], pitch_ratio=[1.0], orientation="upright")
