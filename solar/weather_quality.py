"""What a weather year's light looks like beside the sun: closure, light at night, impossible values, a year beside the clear sky."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pvlib

from .weather_year import extra_radiation

# sun so deep that no light is left (civil twilight ends at 6 degrees)
NIGHT_DEGREES = -6.0
NIGHT_W_M2 = 5.0
# share of the clear sky's year: desert years reach 0.95, the cloudiest Chinese basins 0.45; beyond is a fault of units or place
CLEAR_SHARE = (0.40, 1.02)
MOST_ODD_HOURS = 24


def quality(frame: pd.DataFrame, sun: pd.DataFrame) -> tuple[dict[str, float], list[str]]:
    """
    Measure the light of a weather year against the sun.

    Parameters
    ----------
    frame
        One year with ghi, dni, dhi [W/m²], shape (8760,).
    sun
        pvlib's position of the sun for each row, on its instants.

    Returns
    -------
    facts
        `closure_w_m2` (RMS of GHI - DHI - DNI cos z by day), `night_hours`, `impossible_hours`, `diffuse_above_global_hours`,
        `ghi_kwh_m2`, `clear_sky_kwh_m2` and `clear_sky_share`.
    notes
        What a user should look at.

    Notes
    -----
    Limits of possible light as BSRN's (Long and Dutton 2002): GHI < 1.5 E cos^1.2 z + 100, DHI < 0.95 E cos^1.2 z + 50, DNI < E. The clear
    sky is pvlib's Haurwitz model, which needs no turbidity.
    """
    zenith = sun["apparent_zenith"].to_numpy()
    mu = np.maximum(pvlib.tools.cosd(zenith), 0.0)
    ghi, dni, dhi = (frame[c].to_numpy(dtype=np.float64) for c in ("ghi", "dni", "dhi"))
    day = zenith < 90.0
    extra = extra_radiation(pd.DatetimeIndex(sun.index))
    night = (sun["apparent_elevation"].to_numpy() < NIGHT_DEGREES) & (np.maximum(np.maximum(ghi, dni), dhi) > NIGHT_W_M2)
    impossible = (ghi > 1.5 * extra * mu**1.2 + 100.0) | (dhi > 0.95 * extra * mu**1.2 + 50.0) | (dni > extra)
    diffuse = day & (dhi > 1.05 * ghi + 10.0)
    clear = pvlib.clearsky.haurwitz(sun["apparent_zenith"])["ghi"].to_numpy()
    facts = {
        "closure_w_m2": float(np.sqrt(np.mean((ghi - dhi - dni * mu)[day] ** 2))),
        "night_hours": float(night.sum()),
        "impossible_hours": float(impossible.sum()),
        "diffuse_above_global_hours": float(diffuse.sum()),
        "ghi_kwh_m2": float(ghi.sum() / 1000.0),
        "clear_sky_kwh_m2": float(clear.sum() / 1000.0),
        "clear_sky_share": float(ghi.sum() / clear.sum()),
    }
    return facts, _notes(facts)


def _notes(facts: Mapping[str, float]) -> list[str]:
    notes = []
    if facts["night_hours"] > 0:
        notes.append(f"{facts['night_hours']:.0f} hours have light while the sun is far below the horizon: check place and time zone")
    if facts["impossible_hours"] > MOST_ODD_HOURS:
        notes.append(f"{facts['impossible_hours']:.0f} hours have more light than is possible with the sun where it stands")
    if facts["diffuse_above_global_hours"] > MOST_ODD_HOURS:
        notes.append(f"{facts['diffuse_above_global_hours']:.0f} hours have more diffuse than global light")
    low, high = CLEAR_SHARE
    if not low <= facts["clear_sky_share"] <= high:
        notes.append(
            f"the year has {facts['ghi_kwh_m2']:.0f} kWh/m² of global light, {facts['clear_sky_share']:.0%} of a clear sky's: "
            f"expected {low:.0%} to {high:.0%}; check units and place"
        )
    return notes
