"""Orientation classes: the planes on which the sky is computed once, shared by all roofs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import SolarError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FLUSH, RACK, EAST_WEST, BARE = 0, 1, 2, 3
MOUNTING_NAMES = ("flush", "rack", "east_west", "bare")
TILT_STEP = 5.0
AZIMUTH_STEP = 10.0
# steeper planes are walls, not roofs; they take the steepest class
MAX_TILT = 75.0


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
            raise SolarError(
                f"orientations: shapes {tilt.shape}, {azimuth.shape}, {mounting.shape}, {gcr.shape} of tilt, azimuth, mounting, gcr; expected the same (C,)"
            )
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
        tilt, azimuth, code = np.broadcast_arrays(
            np.atleast_1d(np.asarray(surface_tilt, dtype=np.float64)), np.asarray(surface_azimuth, dtype=np.float64), np.asarray(mounting)
        )
        if not np.isfinite(tilt).all():
            raise SolarError(f"orientations: {int((~np.isfinite(tilt)).sum())} planes without tilt; expected degrees; drop roofs without a plane")
        spacing = None if gcr is None else np.broadcast_to(np.asarray(gcr, dtype=np.float64), tilt.shape)
        found = np.full(tilt.shape, -1, dtype=np.int64)
        for kind in np.unique(code):
            rows = np.flatnonzero(code == kind)
            found[rows] = self._nearest_of(int(kind), tilt[rows], azimuth[rows], None if spacing is None else spacing[rows])
        return found

    def _nearest_of(self, kind: int, tilt: FloatArray, azimuth: FloatArray, gcr: FloatArray | None) -> IntArray:
        """Nearest class within one mount: groups of equal tilt and spacing first, then their azimuths."""
        classes = np.flatnonzero(self.mounting == kind)
        if classes.size == 0:
            raise SolarError(f"orientations: no class of mounting {kind}; expected one of {np.unique(self.mounting).tolist()}; add it to the grid")
        groups, member = np.unique(np.column_stack([self.surface_tilt[classes], self.gcr[classes]]), axis=0, return_inverse=True)
        distance = np.abs(tilt[:, None] - groups[None, :, 0])
        if gcr is not None:  # a hundredth of gcr weighs like a thousandth of a degree: it only decides between equal tilts
            distance = distance + 0.1 * np.abs(gcr[:, None] - groups[None, :, 1])
        chosen = np.argmin(distance, axis=1)
        found = np.empty(tilt.size, dtype=np.int64)
        turn = 180.0 if kind == EAST_WEST else 360.0
        for number in np.unique(chosen):
            rows, options = np.flatnonzero(chosen == number), classes[member.ravel() == number]
            if options.size == 1 and groups[number, 0] == 0:
                found[rows] = options[0]
                continue
            if np.isnan(azimuth[rows]).any():
                raise SolarError(f"orientations: planes of {groups[number, 0]:g}° without azimuth; expected degrees clockwise from north")
            away = np.abs((azimuth[rows, None] - self.surface_azimuth[options][None, :] + turn / 2) % turn - turn / 2)
            found[rows] = options[np.argmin(away, axis=1)]
        return found


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
        Flush and bare planes every 5° of tilt and 10° of azimuth with one flat class each; racks every 10° of azimuth;
        east-west every 10° of the half turn 0 ... 170 (the half that faces 0-180).
    """
    azimuths = np.arange(0.0, 360.0, AZIMUTH_STEP)
    rows: list[tuple[float, float, int, float]] = []
    for kind in (FLUSH, BARE):
        rows.append((0.0, 180.0, kind, 1.0))
        rows += [(float(t), float(a), kind, 1.0) for t in np.arange(TILT_STEP, MAX_TILT + TILT_STEP / 2, TILT_STEP) for a in azimuths]
    for tilt, gcr in dict.fromkeys((float(t), float(g)) for t, g in racks):
        rows += [(tilt, float(a), RACK, gcr) for a in azimuths]
    rows += [(float(east_west[0]), float(a), EAST_WEST, float(east_west[1])) for a in azimuths[azimuths < 180.0]]
    tilts, turned, kinds, spacing = zip(*rows, strict=True)
    return Orientations(np.array(tilts), np.array(turned), np.array(kinds, dtype=np.int64), np.array(spacing))


def _inside(name: str, values: FloatArray, low: float, high: float) -> None:
    """Raise if a value is not a number within its limits."""
    bad = ~((values >= low) & (values <= high))
    if bad.any():
        raise SolarError(f"orientations: {name} is {values[bad][0]:g} in {int(bad.sum())} classes; expected {low:g} to {high:g}")
