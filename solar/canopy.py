"""Trees: a second horizon above the opaque one, and how much light comes through between them in each month."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from .errors import SolarError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Canopy:
    """
    Trees around P sample points.

    Notes
    -----
    `horizon` (P, 72): with the trees, nowhere below the opaque one [degrees]; `sky_view_factor_modules` and `sky_view_factor_plane`
    (P,): the sky above it, over the unobstructed value; `transmissivity` (12,): what the crowns let through, January to December.
    """

    horizon: npt.NDArray[np.floating]
    sky_view_factor_modules: FloatArray
    sky_view_factor_plane: FloatArray
    transmissivity: FloatArray

    def check(self, points: int) -> None:
        """
        Hold the arrays against the number of points.

        Parameters
        ----------
        points
            Sample points of the call.

        Raises
        ------
        SolarError
            If shapes do not fit or values are not numbers within their range.
        """
        shapes = (self.horizon.shape, self.sky_view_factor_modules.shape, self.sky_view_factor_plane.shape, self.transmissivity.shape)
        if shapes != ((points, 72), (points,), (points,), (12,)):
            raise SolarError(f"canopy has shapes {shapes}; expected ({points}, 72), ({points},) twice and (12,)")
        if not np.isfinite(self.horizon).all():
            raise SolarError("the horizon with trees has values that are not numbers; drop these points first")
        if not ((self.transmissivity >= 0.0) & (self.transmissivity <= 1.0)).all():
            raise SolarError(
                f"transmissivity of trees is {self.transmissivity.tolist()}; expected twelve shares from 0 to 1, January to December"
            )

    def take(self, points: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Canopy:
        """
        Keep the trees around some of the points.

        Parameters
        ----------
        points
            Indices or mask.

        Returns
        -------
        Canopy
            The same trees, fewer points.
        """
        return Canopy(self.horizon[points], self.sky_view_factor_modules[points], self.sky_view_factor_plane[points], self.transmissivity)

    def view(self, sky_view_factor: FloatArray | float, above: FloatArray | float) -> FloatArray:
        """
        Give the sky that counts in each month: all above the trees, and what comes through them.

        Parameters
        ----------
        sky_view_factor
            Above the opaque horizon.
        above
            Above the trees.

        Returns
        -------
        numpy.ndarray
            January to December, shape (12,).
        """
        return np.asarray(above + self.transmissivity * np.maximum(np.asarray(sky_view_factor) - above, 0.0))


def load_transmissivity(said: str | Sequence[float] = "deciduous") -> FloatArray:
    """
    Load what crowns of trees let through.

    Parameters
    ----------
    said
        A kind of the data file, or twelve values, January to December.

    Returns
    -------
    numpy.ndarray
        Shares, shape (12,).

    Raises
    ------
    SolarError
        If the kind is not known, or there are not twelve shares from 0 to 1.

    Examples
    --------
    >>> load_transmissivity("evergreen").max()
    np.float64(0.03)
    """
    if isinstance(said, str):
        kinds = tomllib.loads(files(__package__).joinpath("canopy.toml").read_text(encoding="utf-8"))
        if said not in kinds:
            near = difflib.get_close_matches(said, kinds, 1, 0.0)
            raise SolarError(f"trees of kind {said!r} are not known; did you mean {near[0]!r}? Known: {', '.join(kinds)}.")
        said = kinds[said]["transmissivity"]
    shares = np.array(said, dtype=np.float64)
    if shares.shape != (12,) or not ((shares >= 0.0) & (shares <= 1.0)).all():
        raise SolarError(f"transmissivity of trees is {shares.tolist()}; expected twelve shares from 0 to 1, January to December")
    return shares
