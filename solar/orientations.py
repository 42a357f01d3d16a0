"""Orientation classes: the planes on which the sky is computed once, shared by all roofs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .errors import SolarError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FLUSH, RACK, EAST_WEST, BARE = 0, 1, 2, 3
MOUNTING_NAMES = ("flush", "rack", "east_west", "bare")
TILT_STEP = 5.0
AZIMUTH_STEP = 10.0
# on steep planes the sun comes and goes quickly: half the step in azimuth, then in tilt too, keeps the blend within 0.4 % facing north
HALF_AZIMUTH_STEP_FROM, HALF_TILT_STEP_FROM = 30.0, 45.0
# steeper planes are walls, not roofs; they take the steepest class
MAX_TILT = 75.0
# degrees of tilt that a difference of 1 in gcr weighs: small, so that gcr only decides between racks of equal tilt
GCR_WEIGHT = 0.1


@dataclass(frozen=True, eq=False)
class Blend:
    """
    Planes as weighted means of up to four classes, arrays of shape (R, 4).

    Notes
    -----
    Unused places have weight 0; the weights of a plane add up to 1.
    """

    classes: IntArray
    weights: FloatArray

    def __len__(self) -> int:
        return int(self.classes.shape[0])


@dataclass(frozen=True, eq=False)
class Orientations:
    """
    Planes with their mount and row spacing, arrays of shape (C,).

    Notes
    -----
    `mounting` is 0 flush, 1 rack, 2 east_west, 3 bare plane (no reflection loss, no rows: for irradiation on the roof).
    `gcr` is module area over field area, rows included; 1 where there are no rows. An east-west class is the mean of its half
    that faces `surface_azimuth` and the half that faces the opposite way.
    """

    surface_tilt: FloatArray
    surface_azimuth: FloatArray
    mounting: IntArray
    gcr: FloatArray

    def __post_init__(self) -> None:
        tilt, azimuth, gcr = (np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in (self.surface_tilt, self.surface_azimuth, self.gcr))
        mounting = np.atleast_1d(np.asarray(self.mounting, dtype=np.int64))
        if not tilt.shape == azimuth.shape == gcr.shape == mounting.shape or tilt.ndim != 1:
            raise SolarError(f"orientations: shapes {tilt.shape}, {azimuth.shape}, {mounting.shape}, {gcr.shape}; expected one shape (C,)")
        azimuth = np.where(np.isnan(azimuth) & (tilt == 0), 180.0, azimuth) % 360.0
        _inside("surface_tilt", tilt, 0.0, 90.0)
        _inside("surface_azimuth", azimuth, 0.0, 360.0)
        _inside("mounting", mounting.astype(np.float64), FLUSH, BARE)
        _inside("gcr", gcr, 0.01, 1.0)
        for name, values in (("surface_tilt", tilt), ("surface_azimuth", azimuth), ("mounting", mounting), ("gcr", gcr)):
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return int(self.surface_tilt.size)

    def nearest(
        self, surface_tilt: npt.ArrayLike, surface_azimuth: npt.ArrayLike, mounting: npt.ArrayLike, gcr: npt.ArrayLike | None = None
    ) -> IntArray:
        """
        Find the class of each plane.

        Parameters
        ----------
        surface_tilt
            Tilt of the planes, shape (R,) [degrees].
        surface_azimuth
            Azimuth of the planes, shape (R,) [degrees]; NaN is allowed where the nearest tilt is flat.
        mounting
            Code of the mount, shape (R,) or one for all.
        gcr
            Ground cover ratio, shape (R,) or one for all; only needed where racks of one tilt differ in it.

        Returns
        -------
        numpy.ndarray
            Index of the class, shape (R,): nearest tilt (then gcr) among the classes of the mount, then nearest azimuth.

        Raises
        ------
        SolarError
            If a mount has no class, or a tilted plane no azimuth.
        """
        tilt, azimuth, code, spacing = _queries(surface_tilt, surface_azimuth, mounting, gcr)
        found = np.full(tilt.shape, -1, dtype=np.int64)
        for kind in np.unique(code):
            rows = np.flatnonzero(code == kind)
            groups = self._groups(int(kind))
            distance = np.abs(tilt[rows, None] - groups.tilt)
            if spacing is not None:  # decides between racks of equal tilt only
                distance += GCR_WEIGHT * np.abs(spacing[rows, None] - groups.gcr)
            for number, here in _by_value(np.argmin(distance, axis=1)):
                classes, weights = groups.around(number, azimuth[rows[here]])
                found[rows[here]] = np.where(weights >= 0.5, classes[:, 0], classes[:, 1])
        return found

    def blend(
        self, surface_tilt: npt.ArrayLike, surface_azimuth: npt.ArrayLike, mounting: npt.ArrayLike, gcr: npt.ArrayLike | None = None
    ) -> Blend:
        """
        Place each plane between its neighbouring classes.

        Parameters
        ----------
        surface_tilt
            Tilt of the planes, shape (R,) [degrees]; beyond the steepest class it counts as that.
        surface_azimuth
            Azimuth of the planes, shape (R,) [degrees]; NaN is allowed on flat planes.
        mounting
            Code of the mount, shape (R,) or one for all.
        gcr
            Ground cover ratio, shape (R,) or one for all; only needed where racks of one tilt differ in it.

        Returns
        -------
        Blend
            Linear in azimuth between the two classes beside the plane; for flush and bare planes also linear in tilt. Racks and
            east-west take the nearest tilt, as in `nearest`.

        Raises
        ------
        SolarError
            If a mount has no class, or a tilted plane no azimuth.

        Notes
        -----
        Where the nearest class alone is up to 5 % off on steep planes that face north, the blend stays within a few tenths.
        """
        tilt, azimuth, code, spacing = _queries(surface_tilt, surface_azimuth, mounting, gcr)
        classes, weights = np.zeros((tilt.size, 4), dtype=np.int64), np.zeros((tilt.size, 4))
        for kind in np.unique(code):
            rows = np.flatnonzero(code == kind)
            groups = self._groups(int(kind))
            if kind in (RACK, EAST_WEST):
                distance = np.abs(tilt[rows, None] - groups.tilt)
                if spacing is not None:
                    distance += GCR_WEIGHT * np.abs(spacing[rows, None] - groups.gcr)
                low = high = np.argmin(distance, axis=1)
                rise = np.zeros(rows.size)
            else:
                high = np.clip(np.searchsorted(groups.tilt, tilt[rows]), 0, groups.tilt.size - 1)
                low = np.where(groups.tilt[high] > tilt[rows], np.maximum(high - 1, 0), high)
                width = groups.tilt[high] - groups.tilt[low]
                rise = np.where(width > 0, (tilt[rows] - groups.tilt[low]) / np.where(width > 0, width, 1.0), 0.0)
            for column, level, share in ((0, low, 1.0 - rise), (2, high, rise)):
                used = np.flatnonzero(share > 0)
                for number, here in _by_value(level[used]):
                    at = rows[used[here]]
                    around, left = groups.around(number, azimuth[at])
                    classes[at, column : column + 2] = around
                    weights[at, column : column + 2] = share[used[here]][:, None] * np.column_stack([left, 1.0 - left])
        return Blend(classes, weights)

    @cached_property
    def _known(self) -> dict[int, _Groups]:
        return {}

    def _groups(self, kind: int) -> _Groups:
        """Classes of one mount, by tilt and spacing."""
        if kind not in self._known:
            self._known[kind] = self._make_groups(kind)
        return self._known[kind]

    def _make_groups(self, kind: int) -> _Groups:
        classes = np.flatnonzero(self.mounting == kind)
        if classes.size == 0:
            raise SolarError(
                f"orientations: no class of mounting {kind}; expected one of {np.unique(self.mounting).tolist()}; add it to the grid"
            )
        pairs, member = np.unique(np.column_stack([self.surface_tilt[classes], self.gcr[classes]]), axis=0, return_inverse=True)
        turn = 180.0 if kind == EAST_WEST else 360.0
        members = []
        for number in range(len(pairs)):
            mine = classes[member.ravel() == number]
            members.append(mine[np.argsort(self.surface_azimuth[mine] % turn, kind="stable")])
        return _Groups(pairs[:, 0], pairs[:, 1], tuple(members), tuple(self.surface_azimuth[m] % turn for m in members), turn)


@dataclass(frozen=True, eq=False)
class _Groups:
    """Classes of one mount in groups of equal tilt and gcr (rising), each with its azimuths in rising order."""

    tilt: FloatArray
    gcr: FloatArray
    members: tuple[IntArray, ...]
    azimuths: tuple[FloatArray, ...]
    turn: float

    def around(self, number: int, azimuth: FloatArray) -> tuple[IntArray, FloatArray]:
        """Find the two classes of a group beside each azimuth, shape (N, 2), and the weight of the first."""
        members, known = self.members[number], self.azimuths[number]
        if members.size == 1 and self.tilt[number] == 0:
            return np.full((azimuth.size, 2), members[0]), np.ones(azimuth.size)
        if np.isnan(azimuth).any():
            raise SolarError(f"orientations: planes of about {self.tilt[number]:g}° without azimuth; expected degrees clockwise from north")
        turned = azimuth % self.turn
        right = np.searchsorted(known, turned, side="right")
        left = (right - 1) % known.size
        right = right % known.size
        gap = (known[right] - known[left]) % self.turn
        gap = np.where(gap == 0, self.turn, gap)
        away = (turned - known[left]) % self.turn
        return np.column_stack([members[left], members[right]]), 1.0 - away / gap


def _queries(
    surface_tilt: npt.ArrayLike, surface_azimuth: npt.ArrayLike, mounting: npt.ArrayLike, gcr: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, IntArray, FloatArray | None]:
    """Planes to place, broadcast to one shape; flat planes need no azimuth."""
    tilt, azimuth, code = np.broadcast_arrays(
        np.atleast_1d(np.asarray(surface_tilt, dtype=np.float64)),
        np.asarray(surface_azimuth, dtype=np.float64),
        np.asarray(mounting, dtype=np.int64),
    )
    if not np.isfinite(tilt).all():
        raise SolarError(
            f"orientations: {int((~np.isfinite(tilt)).sum())} planes without tilt; expected degrees; drop roofs without a plane"
        )
    spacing = None if gcr is None else np.broadcast_to(np.asarray(gcr, dtype=np.float64), tilt.shape)
    return tilt, azimuth, code, spacing


def _by_value(numbers: IntArray) -> list[tuple[int, IntArray]]:
    """Each different number with the places where it stands."""
    return [(int(n), np.flatnonzero(numbers == n)) for n in np.unique(numbers)]


def orientation_grid(racks: Sequence[tuple[float, float]], east_west: tuple[float, float]) -> Orientations:
    """
    Make the grid of classes for a county.

    Parameters
    ----------
    racks
        Pairs of tilt [degrees] and gcr of the racks on flat roofs.
    east_west
        Tilt [degrees] and gcr (module area of both halves over field area) of the east-west mount.

    Returns
    -------
    Orientations
        Flush and bare planes every 5° of tilt and 10° of azimuth, from 30° of tilt every 5° of azimuth and from 45° every 2.5° of tilt,
        with one flat class each; racks every 10° of azimuth; east-west every 10° of the half turn 0 ... 170 (the half that faces 0-180).
    """
    azimuths = np.arange(0.0, 360.0, AZIMUTH_STEP)
    rows: list[tuple[float, float, int, float]] = []
    half = TILT_STEP / 2
    tilts = np.concatenate(
        [np.arange(TILT_STEP, HALF_TILT_STEP_FROM, TILT_STEP), np.arange(HALF_TILT_STEP_FROM, MAX_TILT + half / 2, half)]
    )
    finer = np.arange(0.0, 360.0, AZIMUTH_STEP / 2)
    for kind in (FLUSH, BARE):
        rows.append((0.0, 180.0, kind, 1.0))
        rows += [(float(t), float(a), kind, 1.0) for t in tilts for a in (azimuths if t < HALF_AZIMUTH_STEP_FROM else finer)]
    for tilt, gcr in dict.fromkeys((float(t), float(g)) for t, g in racks):
        rows += [(tilt, float(a), RACK, gcr) for a in azimuths]
    rows += [(float(east_west[0]), float(a), EAST_WEST, float(east_west[1])) for a in azimuths[azimuths < 180.0]]
    inclined, turned, kinds, spacing = zip(*rows, strict=True)
    return Orientations(np.array(inclined), np.array(turned), np.array(kinds, dtype=np.int64), np.array(spacing))


def _inside(name: str, values: FloatArray, low: float, high: float) -> None:
    """Raise if a value is not a number within its limits."""
    bad = ~((values >= low) & (values <= high))
    if bad.any():
        raise SolarError(f"orientations: {name} is {values[bad][0]:g} in {int(bad.sum())} classes; expected {low:g} to {high:g}")
