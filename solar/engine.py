"""The yield of roofs from the shared sky: what is checked and handed to the compiled loop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .beam_shade import by_sector, sun_path
from .canopy import Canopy
from .electrical import electrical
from .errors import SolarError
from .orientations import BARE, Blend, FloatArray, IntArray
from .remainder import simulate_roofs
from .sky import SECTORS, Float32Array, Sky

Veil = tuple[Float32Array, FloatArray, FloatArray, FloatArray, float]


@dataclass(frozen=True, eq=False)
class Yield:
    """
    Yield of R roofs with P sample points.

    Notes
    -----
    `specific_energy` (R, 12): AC per month [kWh/kWp]; `unshaded` (R,): the same for the year under an open horizon [kWh/kWp];
    `irradiation` (R,): on the bare plane, shaded, per year [kWh/m²]; `point_share` (P,): share of the plane's unshaded
    irradiation that each point keeps; `hourly` (G, H): AC of each group in the sky's hours of light [mWh], whole numbers.
    """

    specific_energy: FloatArray
    unshaded: FloatArray
    irradiation: FloatArray
    point_share: FloatArray
    hourly: FloatArray


@dataclass(frozen=True, eq=False)
class HourGroups:
    """
    Whose energy is summed hour by hour while R roofs are simulated, so that no roof's hours are kept.

    Notes
    -----
    `group` (R,): from 0 to count - 1, -1 for none; `kwp` (R,): nameplate of the roof [kWp]. Only roofs all of whose points keep at least
    `threshold` of their light are counted: the others lose points and are simulated again.
    """

    group: IntArray
    kwp: FloatArray
    count: int
    threshold: float = 0.0


def simulate(
    sky: Sky,
    *,
    orientation: npt.ArrayLike | Blend,
    plane: npt.ArrayLike | Blend,
    horizon: npt.ArrayLike,
    point_start: npt.ArrayLike,
    sky_view_factor_modules: npt.ArrayLike,
    sky_view_factor_plane: npt.ArrayLike,
    temperature_offset: npt.ArrayLike,
    groups: HourGroups | None = None,
    canopy: Canopy | None = None,
) -> Yield:
    """
    Simulate roofs hour by hour.

    Parameters
    ----------
    sky
        Prepared sky of the weather cell.
    orientation
        Class of the modules, shape (R,), index into the orientations of the sky; or their place between classes (`Orientations.blend`).
    plane
        Class of the bare roof plane, shape (R,), or its place between classes.
    horizon
        Horizon elevation in sectors centred on 0, 5, ... degrees clockwise from north, shape (P, 72) [degrees].
    point_start
        First point of each roof and the end, shape (R + 1,); the points of roof r are point_start[r]:point_start[r + 1].
    sky_view_factor_modules
        Visible sky of the module plane over its unobstructed value, shape (P,).
    sky_view_factor_plane
        The same for the roof plane, shape (P,).
    temperature_offset
        Added to the air temperature of the weather file, shape (R,) [K].
    groups
        Groups of roofs whose hours are summed.
    canopy
        Trees above the horizon and what they let through; None where there are none.

    Returns
    -------
    Yield
        First-year AC yield per kWp and irradiation; a roof's row does not depend on the other roofs of the call.

    Raises
    ------
    SolarError
        If shapes, classes or values do not fit.

    Notes
    -----
    The beam counts with the share of points and half hours in which the sun stands above the horizon (linear between sectors); strings
    are taken as parallel, without electrical mismatch between points. Between the horizon and that with trees the beam and the sky count
    with the month's transmissivity, and the rest of it is blocked. The blocked part of the sky reflects `optics.blocked_reflectance` of
    GHI, in no hour more than the isotropic sky that it hides; Perez's brightening comes from sectors whose horizon stands below
    6.5 degrees, in proportion, and his darkening from all. Cell temperature is pvlib's
    pvsyst_cell on the irradiance behind the glass, DC pvwatts_dc (or pvefficiency_adr) times what soiling, snow and spectrum leave in the
    hour, AC inverter.pvwatts with clipping at the DC/AC ratio. Each roof's hour is rounded to a whole milliwatt-hour before it is added;
    sums below 2^53 mWh (9 TWh an hour) are exact.
    """
    modules, planes = _classes(sky, "orientation", orientation), _classes(sky, "plane", plane)
    kind = sky.orientations.mounting[modules.classes[:, 0]]
    if (kind == BARE).any():
        raise SolarError(
            "simulate: orientation names a bare plane; expected a mounted class (flush, rack, east_west); use nearest(..., mounting=0)"
        )
    start = np.ascontiguousarray(point_start, dtype=np.int64)
    skyline = np.ascontiguousarray(horizon)
    if skyline.dtype not in (np.float32, np.float64):
        skyline = skyline.astype(np.float64)
    points = int(skyline.shape[0]) if skyline.ndim == 2 else -1
    offset = np.ascontiguousarray(temperature_offset, dtype=np.float64)
    svf_modules, svf_plane = (np.ascontiguousarray(a, dtype=np.float64) for a in (sky_view_factor_modules, sky_view_factor_plane))
    _check(modules, planes, skyline, start, svf_modules, svf_plane, offset)

    roofs = len(modules)
    energy, unshaded, irradiation, share = np.zeros((roofs, 12)), np.zeros(roofs), np.zeros(roofs), np.zeros(points)
    summed = HourGroups(np.full(roofs, -1), np.zeros(roofs), 0) if groups is None else groups
    if summed.group.shape != (roofs,) or summed.kwp.shape != (roofs,) or (summed.group >= summed.count).any():
        raise SolarError(f"simulate: groups need group and kwp for each of {roofs} roofs, and codes below their count {summed.count}")
    hourly = np.zeros((summed.count, sky.ghi.size))
    if roofs:
        # roofs of one class after another: its beam stays in the cache; every roof is computed alone, so the order changes nothing
        order = np.lexsort((planes.classes[:, 0], modules.classes[:, 0]))
        path = sun_path(sky, canopy is None)
        simulate_roofs(
            order, modules.classes, modules.weights, planes.classes, planes.weights, kind, skyline, start, svf_modules, svf_plane, offset,
            sky.beam, sky.sky_diffuse, sky.blocked, sky.ghi, sky.sky_factor, sky.ground_factor, sky.brightening, sky.band,
            sky.month_start, sky.dc_share * (sky.system.dc_factor / 1000.0), sky.dc_row,
            *(float(a.sum()) for a in (sky.sky_diffuse, sky.blocked, sky.ghi)),
            float(sky.brightening.clip(min=0.0).sum()), float(sky.brightening.clip(max=0.0).sum()),
            *_veil(canopy, sky, points, svf_modules, svf_plane), *path, by_sector(*path[2:]), *electrical(sky),
            np.ascontiguousarray(summed.group, dtype=np.int64), np.ascontiguousarray(summed.kwp, dtype=np.float64), summed.threshold,
            energy, unshaded, irradiation, share, hourly,
        )  # fmt: skip
    return Yield(energy, unshaded, irradiation, share, hourly)


def _classes(sky: Sky, name: str, values: npt.ArrayLike | Blend) -> Blend:
    """Classes and their weights, checked against the sky."""
    if isinstance(values, Blend):
        found = Blend(np.ascontiguousarray(values.classes, dtype=np.int64), np.ascontiguousarray(values.weights, dtype=np.float64))
        if found.classes.ndim != 2 or found.classes.shape[1] != 4 or found.weights.shape != found.classes.shape:
            raise SolarError(f"simulate: {name} is a Blend of shape {found.classes.shape}; expected (R, 4); use orientations.blend")
    else:
        single = np.asarray(values)
        if single.ndim != 1 or (single.size and single.dtype.kind not in "iu"):
            raise SolarError(f"simulate: {name} is {single.dtype} of shape {single.shape}; expected class indices (R,) or a Blend")
        found = Blend(single.astype(np.int64)[:, None], np.ones((single.size, 1)))
    if found.classes.size and not (found.classes.min() >= 0 and found.classes.max() < len(sky.orientations)):
        raise SolarError(f"simulate: {name} points beyond the {len(sky.orientations)} classes of the sky; use its own orientations.blend")
    return found


def _check(
    modules: Blend, planes: Blend, horizon: FloatArray, start: IntArray, svf_modules: FloatArray, svf_plane: FloatArray, offset: FloatArray
) -> None:
    """Shapes that belong together, finite values, at least one point a roof."""
    roofs = len(modules)
    if horizon.ndim != 2 or horizon.shape[1] != SECTORS:
        raise SolarError(f"simulate: horizon has shape {horizon.shape}; expected (points, {SECTORS}) degrees")
    points = horizon.shape[0]
    shapes = {"plane": (len(planes),), "temperature_offset": offset.shape, "point_start": (start.size - 1,)}
    wrong = [n for n, s in shapes.items() if s != (roofs,)]
    wrong += [n for n, a in (("sky_view_factor_modules", svf_modules), ("sky_view_factor_plane", svf_plane)) if a.shape != (points,)]
    if wrong:
        raise SolarError(f"simulate: {', '.join(wrong)} of the wrong length; expected {roofs} roofs and {points} points")
    if start[0] != 0 or start[-1] != points or (np.diff(start) < 1).any():
        raise SolarError("simulate: point_start must rise from 0 to the number of points, with at least one point a roof")
    for name, values in (
        ("horizon", horizon),
        ("sky_view_factor_modules", svf_modules),
        ("sky_view_factor_plane", svf_plane),
        ("temperature_offset", offset),
    ):
        if not np.isfinite(values).all():
            raise SolarError(
                f"simulate: {name} has {int((~np.isfinite(values)).sum())} values that are not numbers; drop these roofs first"
            )


def _veil(canopy: Canopy | None, sky: Sky, points: int, svf_modules: FloatArray, svf_plane: FloatArray) -> Veil:
    """Horizons with trees, sky behind the trees from modules and plane, share they take by month, and of the year's light."""
    if canopy is None:
        none = np.zeros(points)
        return np.empty((0, SECTORS), dtype=np.float32), none, none, np.zeros(12), 0.0
    canopy.check(points)
    taken = 1.0 - canopy.transmissivity
    by_hour = np.repeat(taken, np.diff(sky.month_start))
    behind_modules = np.maximum(svf_modules - canopy.sky_view_factor_modules, 0.0)
    behind_plane = np.maximum(svf_plane - canopy.sky_view_factor_plane, 0.0)
    lost = float((by_hour * (sky.sky_diffuse - sky.blocked)).sum())
    return np.ascontiguousarray(canopy.horizon, dtype=np.float32), behind_modules, behind_plane, taken, lost
