"""A plane transform for layers in a local system: given, or found from points known in both systems."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import GeoError

Floats = npt.NDArray[np.float64]

FEWEST = 3
# Control points of a survey agree to centimetres, points picked from a map to metres; beyond this they do not belong together.
WORST_RMS_M = 20.0
# A plane system in metres differs in scale by projection and height, far less than this.
MOST_SCALE = 0.02


@dataclass(frozen=True)
class Helmert:
    """
    Four-parameter plane transform (shift, turn, scale) into the study's CRS.

    Attributes
    ----------
    dx, dy
        Shift of easting and northing. [m]
    rotation
        Turn, counter-clockwise. [degrees]
    scale
        Ratio of lengths, 1 = none. [-]
    points
        Number of control points; 0 where the parameters were given.
    rms, worst
        Residual of the control points, root mean square and largest. [m]
    worst_row
        Row of the point with the largest residual, from 1.
    """

    dx: float
    dy: float
    rotation: float = 0.0
    scale: float = 1.0
    points: int = 0
    rms: float = 0.0
    worst: float = 0.0
    worst_row: int = 0

    def apply(self, xy: Floats) -> Floats:
        """
        Transform coordinates.

        Parameters
        ----------
        xy
            Shape (n, 2), easting and northing in the local system. [m]

        Returns
        -------
        array
            Shape (n, 2), easting and northing in the study's CRS. [m]
        """
        turn = np.radians(self.rotation)
        a, b = self.scale * np.cos(turn), self.scale * np.sin(turn)
        return np.column_stack([self.dx + a * xy[:, 0] - b * xy[:, 1], self.dy + b * xy[:, 0] + a * xy[:, 1]])


def fit_helmert(here: Floats, there: Floats) -> Helmert:
    """
    Find the transform that carries points from one system to the other with the least squares of what is left.

    Parameters
    ----------
    here, there
        Shape (n, 2), n >= 3: the same points in the local system and in the study's CRS, easting and northing. [m]

    Returns
    -------
    Helmert
        With its residuals.

    Raises
    ------
    GeoError
        If the points are too few or all at one place.

    Notes
    -----
    Closed form about the centroids: (a, b) = (sum(p.q), sum(p x q)) / sum(p.p).
    """
    if len(here) < FEWEST:
        raise GeoError(f"{len(here)} control points: at least {FEWEST} are needed, so that a mistake in one of them shows")
    wide = float(np.ptp(here, axis=0).max())
    if (np.abs(here) <= 180.0).all() and 0.0 < wide < 10.0 and float(np.ptp(there, axis=0).max()) > 1000.0 * wide:
        raise GeoError("x and y of the control points look like degrees; a layer in degrees needs no control points but a crs")
    middle, goal = here.mean(axis=0), there.mean(axis=0)
    p, q = here - middle, there - goal
    spread = float((p * p).sum())
    if not spread > 1.0:
        raise GeoError("the control points all lie at one place; give points far apart, best at the corners of the area")
    a = float((p * q).sum()) / spread
    b = float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()) / spread
    shift = goal - np.array([a * middle[0] - b * middle[1], b * middle[0] + a * middle[1]])
    found = Helmert(float(shift[0]), float(shift[1]), float(np.degrees(np.arctan2(b, a))), float(np.hypot(a, b)))
    left = np.hypot(*(found.apply(here) - there).T)
    rms = float(np.sqrt((left**2).mean()))
    return Helmert(found.dx, found.dy, found.rotation, found.scale, len(here), rms, float(left.max()), int(left.argmax()) + 2)


def read_control_points(path: Path) -> tuple[Floats, Floats]:
    """
    Read control points from a CSV table with the columns x, y, X, Y.

    Parameters
    ----------
    path
        The table, UTF-8 or GB18030; x, y as in the layer's file, X easting and Y northing in the study's CRS. [m]

    Returns
    -------
    tuple of arrays
        Points in the local system and in the study's CRS, each of shape (n, 2).

    Raises
    ------
    GeoError
        If the file is missing, or a column or a number in it.
    """
    if not path.is_file():
        raise GeoError(f"{path.name}: there is no such file of control points; write a CSV with the columns x, y, X, Y")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", errors="replace")
    rows = [[cell.strip() for cell in line.replace(";", ",").replace("\t", ",").split(",")] for line in text.splitlines() if line.strip()]
    head = rows[0] if rows else []
    if not {"x", "y", "X", "Y"} <= set(head):
        raise GeoError(
            f"{path.name}: control points need the columns x, y (as in the layer) and X, Y (easting and northing in study.crs); "
            f"it has: {', '.join(head)}"
        )
    table = pd.DataFrame([(row + [""] * len(head))[: len(head)] for row in rows[1:]], columns=head)[["x", "y", "X", "Y"]]
    values = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    if len(wrong := np.flatnonzero(~np.isfinite(values).all(axis=1))):
        raise GeoError(f"{path.name}: row {wrong[0] + 2} of the control points is not four numbers; correct it or take it out")
    return values[:, :2], values[:, 2:]


def helmert_of(path: Path, *, swapped: bool) -> Helmert:
    """
    Find the transform of a layer from its file of control points, and name axes that are swapped.

    Parameters
    ----------
    path
        See `read_control_points`.
    swapped
        Whether the study says that the layer's first coordinate is the northing; then x in the table is the northing too.

    Returns
    -------
    Helmert
        With its residuals.

    Raises
    ------
    GeoError
        If no plane transform without reflection fits the points.
    """
    here, there = read_control_points(path)
    here = here[:, ::-1] if swapped else here
    found = fit_helmert(here, there)
    if found.rms <= WORST_RMS_M and abs(found.scale - 1) <= MOST_SCALE:
        return found
    mirrored = fit_helmert(here[:, ::-1], there)
    if mirrored.rms <= WORST_RMS_M and abs(mirrored.scale - 1) <= MOST_SCALE:
        other = "easting_northing" if swapped else "northing_easting"
        raise GeoError(
            f"{path.name}: the control points fit only with their axes swapped; if x is the northing in the layer and in this "
            f'table, write axes = "{other}" beside control_points; if X is the northing, swap the columns X and Y'
        )
    raise GeoError(
        f"{path.name}: no shift, turn and scale fits the control points: {found.rms:.1f} m are left (at most {WORST_RMS_M:.0f} m), "
        f"most at row {found.worst_row} ({found.worst:.1f} m), scale {found.scale:.4f}; check that row, and the order of the columns"
    )
