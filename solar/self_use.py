"""How much of its generation a building uses itself, and at which prices it uses and sells, from hours of generation, load and price."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import SolarError
from .loads import Loads
from .money import USES, Prices
from .tariffs import Tariffs
from .weather import HOURS

FloatArray = npt.NDArray[np.float64]
# Generation of the year over use of the year; 24 steps a decade keep the share within 0.001 of the hourly sum.
RATIOS: FloatArray = np.geomspace(1e-2, 1e3, 121)
TABLES = ("share", "used_price", "spot_price")


@dataclass(frozen=True, eq=False)
class Market:
    """
    Self-use and prices by class and ratio of generation to use, rows in the order of `USES`.

    Notes
    -----
    `share` (9, K): part of the generation used in the same hour; `used_price` (9, K): retail price of the hours of self-use;
    `spot_price` (9, K): spot price of the hours of export [CNY/kWh]. `spot_all`: spot price weighted by all generation.
    """

    share: FloatArray
    used_price: FloatArray
    spot_price: FloatArray
    spot_all: float

    def prices(self, use: npt.ArrayLike, energy_kwh: npt.ArrayLike, load_kwh: npt.ArrayLike) -> Prices:
        """
        Give self-use and prices of buildings.

        Parameters
        ----------
        use
            Codes of `USES`, shape (R,).
        energy_kwh
            Generation of the year of all roofs on the same meter, shape (R,) [kWh].
        load_kwh
            Use of the year, shape (R,) [kWh]; a building of which it is unknown (NaN) or 0 exports everything.

        Returns
        -------
        prices
            Shape (R,) each.
        """
        codes, energy, load = np.asarray(use), np.asarray(energy_kwh, dtype=np.float64), np.asarray(load_kwh, dtype=np.float64)
        known = (load > 0.0) & (energy > 0.0)
        ratio = np.log(np.divide(energy, load, out=np.full(energy.shape, RATIOS[-1]), where=known))
        found = np.zeros((3, *codes.shape))
        for code in range(len(USES)):
            own = np.flatnonzero(codes == code)
            for at, table in enumerate((self.share, self.used_price, self.spot_price)):
                found[at, own] = np.interp(ratio[own], np.log(RATIOS), table[code])
        share = np.where(known, found[0], 0.0)
        return Prices(share, found[1], np.where(known, found[2], self.spot_all))


def market(generation: npt.ArrayLike, loads: Loads, tariffs: Tariffs) -> Market:
    """
    Lay generation, load and prices over each other, hour by hour, for every class and ratio.

    Parameters
    ----------
    generation
        Hourly generation of a typical roof, shape (8760,), in any unit.
    loads
        Shapes of use by class.
    tariffs
        Prices by hour.

    Returns
    -------
    market
        Tables over `RATIOS`.

    Raises
    ------
    SolarError
        If the generation is not a year of numbers of 0 or more.

    Notes
    -----
    In each hour the smaller of generation and load is used, the rest exported. All buildings of a class have one shape, and one roof's
    hours stand for all: what differs is the ratio.
    """
    sun = np.asarray(generation, dtype=np.float64)
    if sun.shape != (HOURS,) or not (np.isfinite(sun) & (sun >= 0.0)).all() or not sun.any():
        raise SolarError(f"market: generation of shape {sun.shape}; expected {HOURS} hours of 0 or more")
    sun = sun / sun.sum()
    spot_all = float(sun @ tariffs.spot)
    shape = (len(USES), RATIOS.size)
    share, used_price, spot_price = np.zeros(shape), np.zeros(shape), np.full(shape, spot_all)
    for code in range(len(USES)):
        for at, ratio in enumerate(RATIOS):
            used = np.minimum(ratio * sun, loads.shape[code])
            sold = ratio * sun - used
            share[code, at] = used.sum() / ratio
            used_price[code, at] = (used @ tariffs.retail[code]) / used.sum() if used.any() else sun @ tariffs.retail[code]
            if sold.sum() > 1e-9 * ratio:
                spot_price[code, at] = (sold @ tariffs.spot) / sold.sum()
    return Market(share, used_price, spot_price, spot_all)


def market_content(found: Market) -> dict[str, Any]:
    """
    Write a market for the manifest, so that products made later value self-use as the roofs did.

    Parameters
    ----------
    found
        The market of a run.

    Returns
    -------
    dict
        Lists by name.
    """
    return {**{name: getattr(found, name).tolist() for name in TABLES}, "spot_all": found.spot_all}


def read_market(content: Mapping[str, Any]) -> Market:
    """
    Read a market from a manifest.

    Parameters
    ----------
    content
        As `market_content` wrote it.

    Returns
    -------
    market
        The same tables.
    """
    return Market(**{name: np.asarray(content[name], dtype=np.float64) for name in TABLES}, spot_all=float(content["spot_all"]))
