"""How sure the energy is: P90 of one roof and of a sum of roofs, from named uncertainties."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from .errors import SolarError
from .orientations import FloatArray


@dataclass(frozen=True)
class Uncertainty:
    """One named standard deviation, as a fraction of the energy, at full and at no confidence; shared by all roofs or not."""

    name: str
    sigma: float
    sigma_low_confidence: float
    shared: bool
    source: str
    verified: bool


@cache
def load_uncertainties() -> tuple[Uncertainty, ...]:
    """
    Read the named uncertainties from uncertainty.toml.

    Returns
    -------
    tuple of Uncertainty
        In the order of the file.

    Raises
    ------
    SolarError
        If an entry is neither shared nor independent, or a shared one depends on the confidence of a roof.
    """
    table = tomllib.loads((files(__package__) / "uncertainty.toml").read_text(encoding="utf-8"))
    found = []
    for name, entry in table.items():
        if entry["kind"] not in ("shared", "independent") or (entry["kind"] == "shared" and "low_confidence" in entry):
            raise SolarError(f"uncertainty.toml: {name} must be 'independent', or 'shared' without low_confidence")
        sigma = float(entry["value"])
        low = float(entry.get("low_confidence", sigma))
        found.append(Uncertainty(name, sigma, low, entry["kind"] == "shared", str(entry["source"]), bool(entry["verified"])))
    return tuple(found)


def p90(energy: npt.ArrayLike, confidence: npt.ArrayLike = 1.0, *, exceedance: float = 0.9) -> FloatArray:
    """
    Energy of each roof that is exceeded with the given probability.

    Parameters
    ----------
    energy
        Expected energy (P50) of the roofs, shape (R,) [kWh].
    confidence
        Confidence of the roofs' geometry, 0 to 1, shape (R,) or one for all.
    exceedance
        Probability of exceeding the result: 0.9 for P90.

    Returns
    -------
    numpy.ndarray
        Shape (R,) [kWh], not below 0.

    Raises
    ------
    SolarError
        If a value is out of its range.

    Notes
    -----
    E (1 - z sqrt(S² + I²)) with S² = sum of the shared and I² = sum of the independent variances, z = 1.2816 for P90: errors are taken
    as normal and uncorrelated with each other, after Dobos, Gilman and Kasberg, "P50/P90 analysis for solar energy systems using SAM"
    (NREL/CP-6A20-54488, 2012).

    Examples
    --------
    >>> round(float(p90([100.0], 1.0)[0]), 1)
    82.9
    """
    expected, certain = _checked(energy, confidence)
    shared, independent = _sigmas(certain)
    return np.asarray(np.maximum(expected * (1.0 - _quantile(exceedance) * np.sqrt(shared**2 + independent**2)), 0.0))


def p90_of_sum(energy: npt.ArrayLike, confidence: npt.ArrayLike = 1.0, *, exceedance: float = 0.9) -> float:
    """
    Energy of all roofs together that is exceeded with the given probability.

    Parameters
    ----------
    energy
        Expected energy (P50) of the roofs, shape (R,) [kWh].
    confidence
        Confidence of the roofs' geometry, 0 to 1, shape (R,) or one for all.
    exceedance
        Probability of exceeding the result: 0.9 for P90.

    Returns
    -------
    float
        Energy [kWh], not below 0: at least the sum of the roofs' own P90, since independent errors average out.

    Raises
    ------
    SolarError
        If a value is out of its range.

    Notes
    -----
    sum(E) - z sqrt((S sum(E))² + sum((I_r E_r)²)), symbols as in `p90`.
    """
    expected, certain = _checked(energy, confidence)
    shared, independent = _sigmas(certain)
    total = float(expected.sum())
    spread = np.sqrt((shared * total) ** 2 + float(np.sum((independent * expected) ** 2)))
    return float(max(0.0, total - _quantile(exceedance) * spread))


def _sigmas(confidence: FloatArray) -> tuple[float, FloatArray]:
    """Add up the standard deviation of the shared errors, and of the independent ones per roof."""
    shared = sum(u.sigma**2 for u in load_uncertainties() if u.shared)
    own = [u.sigma_low_confidence + (u.sigma - u.sigma_low_confidence) * confidence for u in load_uncertainties() if not u.shared]
    return float(np.sqrt(shared)), np.sqrt(np.sum(np.square(own), axis=0))


def _checked(energy: npt.ArrayLike, confidence: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Energies not negative, confidences in 0 ... 1, of one shape."""
    expected = np.atleast_1d(np.asarray(energy, dtype=np.float64))
    certain = np.broadcast_to(np.asarray(confidence, dtype=np.float64), expected.shape)
    if not (expected >= 0).all():
        raise SolarError("p90: energy is negative or not a number; expected kWh of 0 or more; drop roofs without energy")
    if not ((certain >= 0) & (certain <= 1)).all():
        raise SolarError("p90: confidence is outside 0 to 1 or not a number; expected a fraction")
    return expected, certain


def _quantile(exceedance: float) -> float:
    """Give the standard normal quantile of the probability of exceeding."""
    if not 0.5 <= exceedance < 1.0:
        raise SolarError(f"p90: exceedance is {exceedance:g}; expected 0.5 to below 1 (0.9 for P90)")
    return NormalDist().inv_cdf(exceedance)


def own_variance(energy: npt.ArrayLike, energy_p90: npt.ArrayLike) -> FloatArray:
    """
    Give the part of the variance that others do not share.

    Parameters
    ----------
    energy
        Expected energy of each roof or building, shape (R,) [kWh].
    energy_p90
        Its P90, shape (R,) [kWh].

    Returns
    -------
    numpy.ndarray
        Shape (R,) [kWh²].
    """
    expected, exceeded = (np.asarray(v, dtype=np.float64) for v in (energy, energy_p90))
    spread = (expected - exceeded) / _quantile(0.9)
    return np.asarray(np.maximum(spread**2 - (_sigmas(np.ones(1))[0] * expected) ** 2, 0.0))


def p90_of_groups(energy: npt.ArrayLike, own: npt.ArrayLike) -> FloatArray:
    """
    P90 of groups of buildings from their sums.

    Parameters
    ----------
    energy
        Expected energy of each group, shape (G,) [kWh].
    own
        Sum of the `own_variance` of its buildings, shape (G,) [kWh²].

    Returns
    -------
    numpy.ndarray
        Shape (G,) [kWh]; as `p90_of_sum` of the buildings.
    """
    expected, variance = (np.asarray(v, dtype=np.float64) for v in (energy, own))
    shared = _sigmas(np.ones(1))[0]
    return np.asarray(np.maximum(expected - _quantile(0.9) * np.sqrt((shared * expected) ** 2 + variance), 0.0))
