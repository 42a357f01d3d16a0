"""Mounts that a roof surface allows, the spacing of their rows, and the choice between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import SolarError
from .layout import RowLayout
from .orientations import EAST_WEST, FLUSH, RACK

FLAT_BELOW = 5.0  # degrees: a surface steeper than this carries its modules flush
CRITERIA = ("lcoe", "energy", "coverage", "npv")
ORIENTATIONS = ("portrait", "landscape")
_OBLIQUITY = 23.45  # declination at the solstice by Cooper's formula, the one behind tables of row spacing, degrees
_HALF_DAY = 45.0  # 9:00 to 15:00 true solar time is an hour angle of 45 degrees either way
_LOWEST_SUN = 10.0  # degrees: a lower winter sun (beyond about 45 N) no longer widens the rows


@dataclass(frozen=True)
class Candidates:
    """
    The mounts of every surface; the first axis is the mounting code: 0 flush, 1 rack, 2 east_west.

    Attributes
    ----------
    allowed
        Whether the surface takes this mount, shape (3, m).
    surface_tilt
        Of the modules [degrees], shape (3, m).
    surface_azimuth
        Of the modules [degrees]; in an east-west pair of the half that faces 0 to 180, shape (3, m).
    row_azimuth
        Direction that the rows face, y of the row frame points the other way [degrees], shape (3, m).
    """

    allowed: NDArray[np.bool_]
    surface_tilt: NDArray[np.float64]
    surface_azimuth: NDArray[np.float64]
    row_azimuth: NDArray[np.float64]


def pitch_ratio(latitude: float, surface_tilt: ArrayLike, row_azimuth: ArrayLike) -> NDArray[np.float64]:
    """
    Row pitch over slant length that keeps rows on a flat roof out of each other's shade.

    Free of row-to-row shade from 9:00 to 15:00 true solar time at the winter solstice of the hemisphere.

    Parameters
    ----------
    latitude
        [degrees], north positive.
    surface_tilt
        Tilt of the modules [degrees], any shape.
    row_azimuth
        Direction that the rows face [degrees], broadcast against the tilt.

    Returns
    -------
    numpy.ndarray
        Pitch / slant length, at least cos(surface_tilt); ground coverage is its inverse.

    Raises
    ------
    SolarError
        The latitude is not in -90 to 90, or a tilt is not in 0 to 90.

    Notes
    -----
    cos b + k sin b with k the maximum of cos(sun azimuth - row azimuth) / tan(sun elevation) (GB 50797), taken at the ends of the time
    and where its derivative vanishes. A sun below 10 degrees is left out:
    beyond about 45 degrees of latitude the rule would ask for rows without end.

    Examples
    --------
    >>> pitch_ratio(36.65, [0.0, 30.0], 180.0).round(3).tolist()
    [1.0, 2.115]
    """
    tilt, row = np.broadcast_arrays(np.asarray(surface_tilt, dtype=float), np.asarray(row_azimuth, dtype=float))
    if not -90.0 <= latitude <= 90.0:
        raise SolarError(f"latitude {latitude}; expected degrees from -90 to 90, north positive.")
    wrong = ~((tilt >= 0.0) & (tilt <= 90.0))
    if wrong.any():
        raise SolarError(f"module tilt {tilt[wrong][0]}; expected 0 to 90 degrees.")
    beta = np.radians(tilt)
    longest, shortest = _shadow(latitude, row)
    # The second term is for rows that face away from the sun: they are shaded from behind.
    spacing = np.maximum(np.cos(beta) + np.maximum(longest, 0.0) * np.sin(beta), -np.cos(beta) - shortest * np.sin(beta))
    return np.asarray(spacing, dtype=np.float64)


def noon_shadow(latitude: float) -> float:
    """
    Shadow of a unit height at noon of the winter solstice, the time by which parapets are judged.

    Parameters
    ----------
    latitude
        [degrees], north positive.

    Returns
    -------
    float
        Length / height; a sun below 10 degrees counts as 10.

    Raises
    ------
    SolarError
        The latitude is not in -90 to 90.

    Examples
    --------
    >>> round(noon_shadow(36.65), 3)
    1.739
    """
    if not -90.0 <= latitude <= 90.0:
        raise SolarError(f"latitude {latitude}; expected degrees from -90 to 90, north positive.")
    return float(1.0 / np.tan(np.radians(max(90.0 - abs(latitude) - _OBLIQUITY, _LOWEST_SUN))))


def candidates(
    roof_tilt: ArrayLike,
    roof_azimuth: ArrayLike,
    axis_azimuth: ArrayLike,
    is_metal: ArrayLike,
    *,
    latitude: float,
    rack_tilt: float,
    east_west_tilt: float,
) -> Candidates:
    """
    Mounts that each surface allows, with the orientation of their modules and rows.

    Slopes of 5 degrees and more and metal roofs carry modules flush; other flat roofs carry racks or east-west pairs, along the
    roof's own axis: racks face the axis direction nearest to the equator, at most 45 degrees off it.

    Parameters
    ----------
    roof_tilt
        [degrees], shape (m,).
    roof_azimuth
        Downslope [degrees], shape (m,); NaN on flat roofs.
    axis_azimuth
        Direction of the long side or eaves [degrees], shape (m,).
    is_metal
        Whether the roof is of metal sheet, shape (m,).
    latitude
        [degrees], north positive.
    rack_tilt
        Tilt of rack modules [degrees].
    east_west_tilt
        Tilt of the halves of an east-west pair [degrees].

    Returns
    -------
    Candidates
        Arrays of shape (3, m), by mounting code.

    Raises
    ------
    SolarError
        A rack or pair is flatter than 5 degrees, or a slope has no azimuth.
    """
    if not (FLAT_BELOW <= rack_tilt <= 90.0 and FLAT_BELOW <= east_west_tilt <= 90.0):
        raise SolarError(
            f"rack tilt {rack_tilt}, east-west tilt {east_west_tilt}; modules on flat roofs tilt by {FLAT_BELOW} to 90 degrees."
        )
    tilt, downslope, axis, metal = np.broadcast_arrays(
        np.asarray(roof_tilt, dtype=float), np.asarray(roof_azimuth, dtype=float), np.asarray(axis_azimuth, dtype=float), is_metal
    )
    lost = (tilt > 0.0) & np.isnan(downslope)
    if lost.any():
        raise SolarError(f"surface {int(np.argmax(lost))} slopes by {tilt[lost][0]} degrees without an azimuth; give one.")
    flush = (tilt >= FLAT_BELOW) | metal.astype(bool)
    equator = _nearest_axis(axis, 180.0 if latitude >= 0.0 else 0.0)
    east = _nearest_axis(axis, 90.0)
    down = np.where(np.isnan(downslope), equator, downslope)
    return Candidates(
        allowed=np.stack([flush, ~flush, ~flush]),
        surface_tilt=np.stack([tilt, np.full_like(tilt, rack_tilt), np.full_like(tilt, east_west_tilt)]),
        surface_azimuth=np.stack([down, equator, east]),
        row_azimuth=np.stack([down, equator, east]),
    )


def layout_inputs(
    mounting: int,
    *,
    length: float,
    width: float,
    surface_tilt: ArrayLike,
    pitch_ratio: ArrayLike,
    gap: float = 0.02,
    orientation: str = "portrait",
) -> RowLayout:
    """
    Rectangle and rows that lay modules of one mount.

    Parameters
    ----------
    mounting
        0 flush, 1 rack, 2 east_west.
    length
        Long side of a module [m].
    width
        Short side of a module [m].
    surface_tilt
        Tilt of the modules [degrees], shape (m,).
    pitch_ratio
        Pitch over slant length, shape (m,): of racks from `pitch_ratio`, of pairs the inverse of their ground coverage; flush modules
        take none (give 1).
    gap
        Clamp gap between modules [m].
    orientation
        The side that runs up the slope: "portrait" the long one, "landscape" the short one.

    Returns
    -------
    RowLayout
        For `solar.layout.pack_rows`; rectangles of racks and pairs are their projection on the flat roof.

    Raises
    ------
    SolarError
        Mounting, orientation or a size is not known or not positive.
    """
    if orientation not in ORIENTATIONS:
        raise SolarError(f"orientation {orientation!r}; expected one of {', '.join(ORIENTATIONS)}.")
    if not (length > 0.0 and width > 0.0 and gap >= 0.0):
        raise SolarError(f"module of {length} x {width} m with a gap of {gap} m; expected positive sizes in metres.")
    tilt, ratio = np.broadcast_arrays(np.asarray(surface_tilt, dtype=float), np.asarray(pitch_ratio, dtype=float))
    across, slant = (width, length) if orientation == "portrait" else (length, width)
    along, spaces = np.full(tilt.shape, float(across)), np.full(tilt.shape, float(gap))
    if mounting == FLUSH:
        return RowLayout(along, np.full(tilt.shape, slant), np.full(tilt.shape, slant + gap), spaces)
    projection = slant * np.cos(np.radians(tilt))
    if mounting == RACK:
        return RowLayout(along, projection, np.maximum(slant * ratio, projection + gap), spaces)
    if mounting == EAST_WEST:
        pair = 2.0 * projection + gap
        return RowLayout(along, pair, np.maximum(2.0 * slant * ratio, pair + gap), spaces, modules=2)
    raise SolarError(f"mounting {mounting}; expected 0 flush, 1 rack or 2 east_west.")


def choose(
    criterion: str,
    *,
    capacity: ArrayLike,
    specific_yield: ArrayLike,
    capex: ArrayLike,
    covered_area: ArrayLike | None = None,
    upkeep: float = 0.0,
    annuity: float | None = None,
    price: float | None = None,
) -> NDArray[np.int64]:
    """
    Best mount of each roof.

    Parameters
    ----------
    criterion
        "lcoe" (lowest), "energy", "coverage" or "npv" (highest).
    capacity
        [kWp], shape (candidates, m); 0 or NaN where the mount is not allowed or nothing fits.
    specific_yield
        [kWh/kWp and year], shape (candidates, m).
    capex
        [CNY], shape (candidates, m).
    covered_area
        Horizontal projection of the modules [m2], shape (candidates, m); for "coverage".
    upkeep
        [CNY/kWp and year]; for "lcoe" and "npv".
    annuity
        Present value of 1 CNY a year over the plant's life; for "lcoe" and "npv".
    price
        Value of energy [CNY/kWh]; for "npv".

    Returns
    -------
    numpy.ndarray
        Index of the candidate, the first of equals; -1 where no candidate has capacity, shape (m,).

    Raises
    ------
    SolarError
        The criterion is not known, or what it needs is missing.

    Notes
    -----
    Cost per kWh is (capex / annuity + upkeep x capacity) / annual energy; constant decline of output and tax rank no mount before another
    and are left to the money of the plant.
    """
    power, output, cost = (np.asarray(v, dtype=float) for v in (capacity, specific_yield, capex))
    energy = power * output
    if criterion == "energy":
        score = energy
    elif criterion == "coverage":
        if covered_area is None:
            raise SolarError("choosing by coverage needs covered_area of every candidate.")
        score = np.asarray(covered_area, dtype=float)
    elif criterion in ("lcoe", "npv"):
        if annuity is None or not annuity > 0.0 or (criterion == "npv" and price is None):
            raise SolarError(
                f"choosing by {criterion} needs the annuity of the plant's life{' and a price' if criterion == 'npv' else ''}."
            )
        yearly = cost / annuity + upkeep * power
        if criterion == "lcoe":
            score = -np.divide(yearly, energy, out=np.full(energy.shape, np.inf), where=energy > 0.0)
        else:
            score = energy * (price or 0.0) - yearly
    else:
        raise SolarError(f"choose = {criterion!r}; expected one of {', '.join(CRITERIA)}.")
    able = (power > 0.0) & ~np.isnan(score)
    best = np.argmax(np.where(able, score, -np.inf), axis=0)
    # Where every able candidate scores minus infinity the first able one is taken.
    best = np.where(np.take_along_axis(able, best[None, :], axis=0)[0], best, np.argmax(able, axis=0))
    return np.where(able.any(axis=0), best, -1).astype(np.int64)


def _nearest_axis(axis: NDArray[np.float64], target: float) -> NDArray[np.float64]:
    """Take the direction along or across the roof axis that is nearest to `target`."""
    return np.asarray((target + (axis - target + 45.0) % 90.0 - 45.0) % 360.0)


def _shadow(latitude: float, row: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Largest and smallest shadow length of a unit height in the direction the rows face, over the hours that count."""
    phi, delta = np.radians(latitude), np.radians(-_OBLIQUITY if latitude >= 0.0 else _OBLIQUITY)
    # Sun vector by hour angle h: up = p + q cos h, south = a + b cos h, west = cos(delta) sin h.
    p, q = np.sin(phi) * np.sin(delta), np.cos(phi) * np.cos(delta)
    south, west = -np.cos(np.radians(row)), -np.sin(np.radians(row))
    a, b, c = -np.cos(phi) * np.sin(delta) * south, np.sin(phi) * np.cos(delta) * south, np.cos(delta) * west
    floor = np.sin(np.radians(_LOWEST_SUN))
    if p + q <= floor:  # the noon sun is already lower: the shadow of a sun that stands at the limit, at noon
        facing = (south if latitude >= 0.0 else -south) / np.tan(np.radians(_LOWEST_SUN))
        return np.asarray(facing), np.asarray(facing)
    end = min(np.radians(_HALF_DAY), float(np.arccos(max((floor - p) / q, -1.0))))
    # Zeros of the derivative: (qa - bp) sin h + cp cos h + cq = 0.
    d1, d2, d3 = q * a - b * p, c * p, c * q
    size = np.hypot(d1, d2)
    middle, half = np.arctan2(d1, d2), np.arccos(np.clip(np.divide(-d3, size, out=np.ones_like(size), where=size > 0.0), -1.0, 1.0))
    hours = np.stack([np.full_like(a, -end), np.full_like(a, end), middle + half, middle - half])
    hours = np.clip((hours + np.pi) % (2.0 * np.pi) - np.pi, -end, end)
    value = (a + b * np.cos(hours) + c * np.sin(hours)) / (p + q * np.cos(hours))
    return value.max(axis=0), value.min(axis=0)
