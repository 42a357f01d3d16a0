"""The picture of a roof's skyline: the sun where pvlib puts it, and what is drawn."""

import numpy as np
import pandas as pd
import pvlib
import pytest

from maps.skyline import Kind, draw_skyline, sun_path


@pytest.mark.parametrize(("month", "day"), [(12, 355), (3, 80), (6, 172), (10, 294)])
def test_the_sun_stands_where_pvlib_puts_it(month: int, day: int) -> None:
    """pvlib's position at the times when its own hour angle says full hours of true solar time."""
    times = pd.date_range(f"2023-{month}-21", periods=24 * 12, freq="5min", tz="Etc/GMT-8")
    found = pvlib.solarposition.get_solarposition(times, 36.65, 117.0)
    solar = 12.0 + pvlib.solarposition.hour_angle(times, 117.0, found["equation_of_time"]) / 15.0
    azimuth, elevation = sun_path(36.65, day, solar)
    up = (found["elevation"] > 0).to_numpy()
    # within a day the declination moves by up to 0.4 degrees, and years differ by a quarter of a day
    np.testing.assert_allclose(elevation[up], found["elevation"].to_numpy()[up], atol=0.4)
    low = up & (found["elevation"] < 70).to_numpy()
    np.testing.assert_allclose(azimuth[low], found["azimuth"].to_numpy()[low], atol=0.8)


def test_noon_is_south_in_jinan_and_north_in_sydney() -> None:
    assert [float(v[0]) for v in sun_path(36.65, 355, [12.0])] == pytest.approx([180.0, 90 - 36.65 - 23.44], abs=0.1)
    assert sun_path(-33.9, 172, [12.0])[0][0] % 360 == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("kind", ["panorama", "fisheye"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_both_pictures_in_both_languages(kind: Kind, lang: str) -> None:
    horizon = np.zeros((2, 72))
    horizon[:, 30] = (40.0, 60.0)
    chart = draw_skyline(horizon, 36.65, trees=horizon + 5.0, kind=kind, title="A & <B> $x$", lang=lang)
    assert chart.svg().startswith(b"<?xml")
    assert chart.png().startswith(b"\x89PNG")
    assert "50" in chart.alt
    assert "150" in chart.alt
    again = draw_skyline(horizon, 36.65, trees=horizon + 5.0, kind=kind, title="A & <B> $x$", lang=lang)
    assert chart.uri == again.uri
