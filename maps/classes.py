"""Classes and colours of a choropleth: few, rounded, the same on the map, in charts and in the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

# ColorBrewer sequential schemes, safe for colour-blind readers: https://colorbrewer2.org
PALETTES: dict[str, tuple[str, ...]] = {
    "regions": ("#edf4ea", "#c6e0d4", "#90c6bd", "#4f9fa3", "#2a7587", "#14496b"),
    "grid": ("#fdf1d8", "#fbd9a0", "#f5b565", "#e58a3c", "#bf5a1f", "#7f3210"),
    "roofs": ("#f6efc4", "#e0cf7a", "#b8b15c", "#7d9562", "#42756a", "#1d4f66"),
}
NO_DATA = "#e4e2dc"


@dataclass(frozen=True)
class Classes:
    """Upper edges of the classes and a colour for each; `low` is the smallest value, rounded down alike."""

    low: float
    edges: tuple[float, ...]
    colours: tuple[str, ...]

    def labels(self) -> tuple[str, ...]:
        """
        Write the span of each class.

        Returns
        -------
        tuple of str
            "a – b" with the places that tell the edges apart; a class of one value is that value, and the next begins above it.
        """
        digits = next(d for d in range(0, 13) if self._distinct(d))
        written = [f"{edge:,.{digits}f}" for edge in self.edges]
        starts = [f"{self.low:,.{digits}f}", *written[:-1]]
        labels = [f"{a} – {b}" for a, b in zip(starts, written, strict=True)]
        if starts[0] == written[0]:
            labels[0] = written[0]
            labels[1:2] = [f"> {label}" for label in labels[1:2]]
        return tuple(labels)

    def _distinct(self, digits: int) -> bool:
        """Tell whether edges differ, and are told exactly or to three figures, with so many places."""
        bounds = self.edges if self.low == self.edges[0] else (self.low, *self.edges)
        if digits == 12:
            return True
        exact = all(abs(round(edge, digits) - edge) <= 1e-9 * max(abs(edge), 1e-9) for edge in bounds)
        return exact and len({f"{edge:.{digits}f}" for edge in bounds}) == len(bounds)


def classify(values: Sequence[float] | npt.ArrayLike, palette: str, *, most: int = 5) -> Classes | None:
    """
    Cut values into natural classes with round edges.

    Parameters
    ----------
    values
        Values of any unit; NaN are left out.
    palette
        Name of a palette: regions, grid or roofs.
    most
        Largest number of classes.

    Returns
    -------
    Classes or None
        None where there is no value at all.

    Notes
    -----
    Natural breaks: the cut with the least sum of squares within classes (Fisher 1958, doi:10.1080/01621459.1958.10501479; Jenks 1977).
    Edges are then rounded to the fewest digits that keep every class filled.
    """
    given = np.asarray(values, dtype=np.float64)
    found = np.sort(given[np.isfinite(given)])
    if found.size == 0:
        return None
    distinct = np.unique(found)
    count = int(min(most, distinct.size))
    edges = distinct if count < 2 or distinct.size <= 2 else _natural(found, count)
    edges = _rounded(found, edges)
    return Classes(_floor(float(found[0]), edges), tuple(float(edge) for edge in edges), _colours(palette, len(edges)))


def colour_of(value: float | None, classes: Classes | None) -> str:
    """
    Colour of one value.

    Parameters
    ----------
    value
        The value, None where missing.
    classes
        Classes from `classify`.

    Returns
    -------
    str
        A colour as #rrggbb; a neutral grey where there is no value.
    """
    if value is None or classes is None or not np.isfinite(value):
        return NO_DATA
    at = int(np.searchsorted(np.asarray(classes.edges), value, side="left"))
    return classes.colours[min(at, len(classes.colours) - 1)]


def _natural(found: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    # 500 order statistics hold the shape of all cells of a county.
    sample = found if found.size <= 500 else np.quantile(found, np.linspace(0.0, 1.0, 500))
    values, weights = np.unique(sample, return_counts=True)
    spread = _squares(values, weights)
    least, starts = spread[0], []
    for _ in range(min(count, values.size) - 1):
        # at [i, j]: the last class takes the values i to j, the classes before it those up to i - 1
        sums = np.append(np.inf, least[:-1])[:, None] + spread
        starts.append(sums.argmin(axis=0))
        least = sums.min(axis=0)
    ends = [values.size - 1]
    for start in reversed(starts):
        ends.append(int(start[ends[-1]]) - 1)
    return values[ends[::-1]]


def _squares(values: npt.NDArray[np.float64], weights: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Sum of squares about the mean of the values i to j, at [i, j]; infinite where j lies before i."""
    away = values - np.average(values, weights=weights)  # large values that differ little would lose their digits
    count, total, square = (np.append(0.0, np.cumsum(weights * away**power)) for power in (0, 1, 2))
    of_each = [part[None, 1:] - part[:-1, None] for part in (count, total, square)]
    there = of_each[0] > 0.0
    means = np.divide(of_each[1] ** 2, of_each[0], out=np.zeros_like(of_each[0]), where=there)
    return np.where(there, of_each[2] - means, np.inf)


def _rounded(found: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Edges with the fewest digits that still leave every class with a value in it; the last covers the maximum."""
    filled = len(np.unique(np.searchsorted(edges, found, side="left")))
    for digits in range(2, 12):
        short = np.array([_round_up(edge, digits) for edge in edges])
        if np.all(np.diff(short) > 0) and len(np.unique(np.searchsorted(short, found, side="left"))) == filled:
            return short
    return edges


def _floor(low: float, edges: npt.NDArray[np.float64]) -> float:
    """Round the smallest value down to as many places as the edges have; a single value stays itself."""
    if len(edges) == 1 and low == edges[0]:
        return low
    places = max(max(-int(Decimal(repr(float(edge))).normalize().as_tuple().exponent), 0) for edge in edges)
    return round(float(np.floor(low * 10.0**places + 1e-9) / 10.0**places), places)


def _round_up(value: float, digits: int) -> float:
    if value == 0.0:
        return 0.0
    step = 10.0 ** (np.floor(np.log10(abs(value))) + 1 - digits)
    return float(f"{np.ceil(value / step - 1e-9) * step:.12g}")


def _colours(palette: str, count: int) -> tuple[str, ...]:
    scheme = PALETTES[palette]
    at = np.linspace(1 if count < len(scheme) else 0, len(scheme) - 1, count) if count > 1 else np.array([3.0])
    return tuple(scheme[round(float(place))] for place in at)
