"""What a PV plant costs and earns over its life: capex, LCOE, NPV, IRR and payback, for arrays of roofs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pandas as pd

from .cashflow import Terms, set_off_losses
from .errors import SolarError
from .facts import Fact, read_facts

USES = (
    "factory",
    "public_institution",
    "public_building",
    "commercial",
    "urban_residential",
    "rural_residential",
    "transport",
    "other",
    "unknown",
)
HOUSEHOLD = ("urban_residential", "rural_residential")
MOUNTS = ("flush", "rack", "east_west")

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Finance:
    """Rates, unit costs and the mechanism of a study with the facts they come from; `mechanism_share` by year of operation."""

    discount_rate: float
    life_years: int
    degradation_first_year: float
    degradation_annual: float
    om_cost: float
    capex_commercial: FloatArray
    capex_household: FloatArray
    mounting_extra: FloatArray
    carport_extra: float
    mechanism_share: FloatArray
    mechanism_price: float
    price_before: float
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Worth:
    """Value and return of plants after tax, shape (R,): CNY, 1/a, years."""

    npv: FloatArray
    irr: FloatArray
    payback: FloatArray


@dataclass(frozen=True, slots=True)
class Prices:
    """Share of the generation that a roof's building uses itself, the price that saves, and the spot price of the rest [CNY/kWh], (R,)."""

    share: FloatArray
    used: FloatArray
    spot: FloatArray


@dataclass(frozen=True, slots=True)
class Money:
    """Result by roof; NaN (capex 0) where no module is laid."""

    capex_cny: FloatArray
    lcoe_cny_kwh: FloatArray
    npv_cny: FloatArray
    irr: FloatArray
    payback_years: FloatArray


def load_finance(overrides: Mapping[str, Any] | None = None) -> Finance:
    """
    Read costs, prices and rates, replaced where the study says otherwise.

    Parameters
    ----------
    overrides
        Plain values by name, nested or dotted: ``{"discount_rate": 0.06, "capex": {"household": [[5.0, 3.0]]}}``.

    Returns
    -------
    finance
        Costs and rates; the share of exports in the mechanism by year of operation.

    Raises
    ------
    SolarError
        For an unknown name (the nearest is named) or a value out of bounds.
    """
    facts = read_facts(Path(__file__).with_name("finance.toml"), overrides)
    value = {name: fact.value for name, fact in facts.items()}
    _check(value)
    life = int(value["life_years"])
    mechanism = np.arange(1, life + 1) <= value["mechanism_years"]
    return Finance(
        discount_rate=float(value["discount_rate"]),
        life_years=life,
        degradation_first_year=float(value["degradation_first_year"]),
        degradation_annual=float(value["degradation_annual"]),
        om_cost=float(value["om_cost"]),
        capex_commercial=_curve(value["capex.commercial"], "capex.commercial"),
        capex_household=_curve(value["capex.household"], "capex.household"),
        carport_extra=float(value["carport_extra"]),
        mounting_extra=np.array([value[f"mounting_extra.{mount}"] for mount in MOUNTS], dtype=np.float64),
        mechanism_share=np.where(mechanism, value["mechanism_share"], 0.0),
        mechanism_price=float(value["mechanism_price"]),
        price_before=float(value["price_before_2025_06"]),
        facts=tuple(facts.values()),
    )


def use_codes(use: npt.ArrayLike) -> npt.NDArray[np.int8]:
    """
    Turn class names into the codes of `USES`.

    Parameters
    ----------
    use
        Class names, shape (R,).

    Returns
    -------
    codes
        Index into `USES`, shape (R,).

    Raises
    ------
    SolarError
        For a name that is no class.

    Examples
    --------
    >>> use_codes(["commercial", "factory"]).tolist()
    [3, 0]
    """
    names = np.asarray(use, dtype=object)
    at, words = pd.factorize(names)
    codes = np.array([*(USES.index(word) if word in USES else -1 for word in words), -1], dtype=np.int8)[at]
    if (codes < 0).any():
        raise SolarError(f"use {names[codes < 0][0]!r} is no class of use; expected one of {', '.join(USES)}")
    return codes


def unit_capex(
    finance: Finance,
    size_kwp: npt.ArrayLike,
    use: npt.ArrayLike,
    mounting: npt.ArrayLike | None = None,
    carport: npt.ArrayLike | None = None,
) -> FloatArray:
    """
    Find what a kWp costs on a roof.

    Parameters
    ----------
    finance
        Costs of the study.
    size_kwp
        Size of the plant that is built at once, shape (R,) [kWp].
    use
        Codes of `USES`, shape (R,).
    mounting
        0 flush, 1 rack, 2 east_west, shape (R,); flush where not given.
    carport
        Whether the plant brings its own steel frame, shape (R,); none does where not given.

    Returns
    -------
    cost
        Static investment, shape (R,) [CNY/kWp].

    Notes
    -----
    Straight over the logarithm of the size between the anchors of the data file, constant outside them.
    """
    size = np.log(np.maximum(np.asarray(size_kwp, dtype=np.float64), 1e-9))
    codes = np.asarray(use)
    household = np.isin(codes, [USES.index(name) for name in HOUSEHOLD])
    curves = [np.interp(size, np.log(points[:, 0]), points[:, 1]) for points in (finance.capex_household, finance.capex_commercial)]
    cost = np.where(household, *curves)
    if mounting is not None:
        cost = cost + finance.mounting_extra[np.asarray(mounting, dtype=np.intp)]
    if carport is not None:
        cost = cost + np.where(carport, finance.carport_extra, 0.0)
    return np.asarray(1000.0 * cost, dtype=np.float64)


def yearly_factors(finance: Finance) -> FloatArray:
    """
    Give the energy of each year of operation over that of the first.

    Parameters
    ----------
    finance
        Rates of the study.

    Returns
    -------
    factors
        Shape (life_years,): 1, then (1 − first-year loss) (1 − annual loss)^years: the annual loss shows from the second year on. The
        first-year loss is 0 where the first year's energy holds it already.
    """
    years = np.arange(finance.life_years)
    later = (1.0 - finance.degradation_first_year) * (1.0 - finance.degradation_annual) ** years
    return np.asarray(np.where(years == 0, 1.0, later), dtype=np.float64)


def export_prices(finance: Finance, spot: float) -> FloatArray:
    """
    Give the price of an exported kWh in each year of operation.

    Parameters
    ----------
    finance
        Share, price and years of the mechanism.
    spot
        Spot price of the hours of export [CNY/kWh].

    Returns
    -------
    price
        Shape (life_years,) [CNY/kWh]: mechanism for its share and years, spot for the rest.
    """
    return np.asarray(finance.mechanism_share * finance.mechanism_price + (1.0 - finance.mechanism_share) * spot, dtype=np.float64)


def finance_roofs(
    finance: Finance,
    *,
    pdc0_kwp: npt.ArrayLike,
    energy_kwh: npt.ArrayLike,
    use: npt.ArrayLike,
    prices: Prices,
    terms: Terms | None = None,
    size_kwp: npt.ArrayLike | None = None,
    mounting: npt.ArrayLike | None = None,
    carport: npt.ArrayLike | None = None,
) -> Money:
    """
    Compute the money of PV plants on roofs.

    Parameters
    ----------
    finance
        Costs and rates of the study.
    pdc0_kwp
        DC nameplate, shape (R,) [kWp].
    energy_kwh
        AC energy of the first year, shape (R,) [kWh].
    use
        Codes of `USES` (see `use_codes`), shape (R,).
    prices
        Self-use and prices of each roof's building.
    terms
        VAT and income tax; before tax where not given.
    size_kwp
        Size of the plant the roof is built with, shape (R,) [kWp]; the roof alone where not given.
    mounting
        0 flush, 1 rack, 2 east_west, shape (R,); negative or missing costs as flush.
    carport
        Whether the plant brings its own steel frame, shape (R,).

    Returns
    -------
    money
        Arrays of shape (R,): CNY, CNY/kWh, CNY, 1/a and years. NaN (capex 0) without modules; lcoe NaN without energy;
        irr NaN if no rate above −90 % balances the cash flow; payback NaN if it takes longer than the life.

    Raises
    ------
    SolarError
        For arrays of different length, negative or infinite numbers, or codes that are no class.

    Notes
    -----
    Whole investment from own means (自投), paid at the start, income at the end of each year, tax as in `cashflow.returns`; households
    pay the part of it that `household_tax` says. A kWh earns share × used price + (1 − share) × export price of its year. Payback is
    not discounted and interpolated within the year. LCOE = (capex + Σ O&M / (1 + i)^t) / Σ E_t / (1 + i)^t, before tax.
    """
    capacity, energy, codes = _arrays(pdc0_kwp, energy_kwh, use)
    size = capacity if size_kwp is None else np.asarray(size_kwp, dtype=np.float64)
    mounts = None if mounting is None else np.maximum(np.asarray(mounting, dtype=np.intp), 0)
    if size.shape != capacity.shape or (mounts is not None and (mounts.shape != capacity.shape or (mounts >= len(MOUNTS)).any())):
        raise SolarError(f"size_kwp and mounting (0 flush, 1 rack, 2 east_west) must have the shape of pdc0_kwp {capacity.shape}")
    if {prices.share.shape, prices.used.shape, prices.spot.shape} != {capacity.shape}:
        raise SolarError(f"prices must be given for each of {capacity.size} roofs; expected arrays of shape {capacity.shape}")
    built = capacity > 0.0
    capex = np.where(built, capacity * unit_capex(finance, size, codes, mounts, carport), 0.0)

    discount = _discount(finance)
    life_energy = energy * (yearly_factors(finance) * discount).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        lcoe = np.where(built & (energy > 0.0), (capex + 1000.0 * finance.om_cost * capacity * discount.sum()) / life_energy, np.nan)
    found = worth(finance, capex_cny=capex, pdc0_kwp=capacity, energy_kwh=energy, use=codes, prices=prices, terms=terms)
    return Money(capex, lcoe, found.npv, found.irr, found.payback)


def worth(
    finance: Finance,
    *,
    capex_cny: npt.ArrayLike,
    pdc0_kwp: npt.ArrayLike,
    energy_kwh: npt.ArrayLike,
    use: npt.ArrayLike,
    prices: Prices,
    terms: Terms | None = None,
) -> Worth:
    """
    Compute what plants of known cost are worth, from own means.

    Parameters
    ----------
    finance
        Costs and rates of the study.
    capex_cny
        What each plant costs, shape (R,) [CNY].
    pdc0_kwp, energy_kwh, use, prices, terms
        As for `finance_roofs`.

    Returns
    -------
    worth
        Arrays of shape (R,); NaN as for `finance_roofs`.
    """
    capacity, energy, codes = _arrays(pdc0_kwp, energy_kwh, use)
    sold = 1.0 - prices.share
    always = np.ascontiguousarray(prices.share * prices.used + sold * prices.spot, dtype=np.float64)
    more = np.ascontiguousarray(sold * (finance.mechanism_price - prices.spot), dtype=np.float64)  # in the mechanism
    capex, upkeep = np.asarray(capex_cny, dtype=np.float64), 1000.0 * finance.om_cost * capacity
    factors, mechanism = yearly_factors(finance), finance.mechanism_share
    return Worth(
        *_returns(capex, energy, upkeep, always, more, _taxed(codes, terms), factors, mechanism, _discount(finance), _tax_terms(terms))
    )


def _discount(finance: Finance) -> FloatArray:
    """Present value of 1 at the end of each year of operation."""
    return np.asarray((1.0 + finance.discount_rate) ** -np.arange(1.0, finance.life_years + 1.0), dtype=np.float64)


def _taxed(codes: IntArray, terms: Terms | None) -> FloatArray:
    """Part of the tax that each roof's owner pays."""
    if terms is None:
        return np.zeros(codes.size)
    household = np.isin(codes, [USES.index(name) for name in HOUSEHOLD])
    return np.where(household, terms.value["household_tax"], 1.0)


def _tax_terms(terms: Terms | None) -> FloatArray:
    """VAT, income tax, free years, half years, depreciation and years of losses as the kernel takes them."""
    names = ("vat_rate", "income_tax_rate", "tax_free_years", "tax_half_years", "depreciation_years", "tax_loss_years")
    return np.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0] if terms is None else [terms.value[name] for name in names], dtype=np.float64)


@numba.njit(cache=True, nogil=True)
def _flow(
    capex: float, energy: float, upkeep: float, always: float, more: float, part: float, factors: FloatArray, mechanism: FloatArray,
    tax: FloatArray, profit: FloatArray, out: FloatArray,
) -> None:  # fmt: skip
    """Write the yearly flow after tax, as `cashflow.returns` defines it; `profit` is scratch."""
    vat = tax[0] * part
    net_capex = capex / (1.0 + vat)
    paid = spared = 0.0
    for year in range(out.size):
        gross = energy * factors[year] * (always + more * mechanism[year])
        net = gross / (1.0 + vat)
        paid += gross - net
        credit = min(paid, capex - net_capex) - spared
        spared += credit
        out[year] = net - upkeep + credit
        profit[year] = net - upkeep - (net_capex / tax[4] if year < tax[4] else 0.0)
    set_off_losses(profit, tax[5])
    for year in range(out.size):
        rate = tax[1] * part
        if year < tax[2]:
            rate = 0.0
        elif year < tax[2] + tax[3]:
            rate *= 0.5
        out[year] -= max(0.0, profit[year]) * rate


@numba.njit(cache=True, nogil=True)
def _npv(x: float, capex: float, flow: FloatArray) -> tuple[float, float]:
    """Value of the cash flow at the yearly factor x = 1 / (1 + rate), and its slope in x."""
    value = 0.0
    slope = 0.0
    for year in range(flow.size - 1, -1, -1):
        slope = slope * x + value
        value = value * x + flow[year]
    slope = slope * x + value
    return value * x - capex, slope


@numba.njit(cache=True, nogil=True)
def _rate(capex: float, flow: FloatArray) -> float:
    # The highest rate that balances: a bracket from the low side, then Newton kept inside it.
    low = 0.0
    high = 0.7
    value, slope = _npv(high, capex, flow)
    while value < 0.0:
        low = high
        if high >= 10.0:
            return np.nan
        high = 1.0 if high < 1.0 else min(high + 0.1 if high < 1.5 else high + 0.5, 10.0)
        value, slope = _npv(high, capex, flow)
    x = high
    for _ in range(100):
        if value > 0.0:
            high = x
        else:
            low = x
        step = x - value / slope if slope > 0.0 else low
        if not low < step < high:
            step = 0.5 * (low + high)
        moved = abs(step - x)
        x = step
        # Newton doubles the digits: after a step of 1e-8 the next would lie below rounding.
        if moved <= 1e-8 * x:
            break
        value, slope = _npv(x, capex, flow)
    return 1.0 / x - 1.0


@numba.njit(cache=True, nogil=True)
def _payback(capex: float, flow: FloatArray) -> float:
    left = capex
    for year in range(flow.size):
        if flow[year] >= left:
            return float(year + left / flow[year])
        left -= flow[year]
    return np.nan


@numba.njit(cache=True, nogil=True)
def _returns(
    capex: FloatArray, energy: FloatArray, upkeep: FloatArray, always: FloatArray, more: FloatArray, part: FloatArray,
    factors: FloatArray, mechanism: FloatArray, discount: FloatArray, tax: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    npv, irr, payback = np.full(capex.size, np.nan), np.full(capex.size, np.nan), np.full(capex.size, np.nan)
    flow, profit = np.empty(factors.size), np.empty(factors.size)
    for i in range(capex.size):
        if capex[i] > 0.0:
            _flow(capex[i], energy[i], upkeep[i], always[i], more[i], part[i], factors, mechanism, tax, profit, flow)
            value = -capex[i]
            for year in range(flow.size):
                value += flow[year] * discount[year]
            npv[i] = value
            if flow[0] > 0.0:
                irr[i] = _rate(capex[i], flow)
                payback[i] = _payback(capex[i], flow)
    return npv, irr, payback


def _arrays(pdc0_kwp: npt.ArrayLike, energy_kwh: npt.ArrayLike, use: npt.ArrayLike) -> tuple[FloatArray, FloatArray, IntArray]:
    capacity = np.asarray(pdc0_kwp, dtype=np.float64)
    energy = np.asarray(energy_kwh, dtype=np.float64)
    codes = np.asarray(use)
    if capacity.ndim != 1 or energy.shape != capacity.shape or codes.shape != capacity.shape:
        raise SolarError(f"pdc0_kwp {capacity.shape}, energy_kwh {energy.shape} and use {codes.shape} must be arrays of one length")
    if not np.issubdtype(codes.dtype, np.integer) or (codes.size and not 0 <= codes.min() <= codes.max() < len(USES)):
        raise SolarError(f"use must be codes 0 to {len(USES) - 1} of {', '.join(USES)}; make them with use_codes()")
    for name, array in (("pdc0_kwp", capacity), ("energy_kwh", energy)):
        if not (np.isfinite(array) & (array >= 0.0)).all():
            raise SolarError(f"{name} holds negative, missing or infinite numbers; expected 0 or more, 0 for a roof without modules")
    return capacity, energy, codes


def _check(value: Mapping[str, Any]) -> None:
    shares = [name for name in value if name.split(".")[0] in ("mechanism_share", "degradation_first_year", "degradation_annual")]
    for name in shares:
        if not 0.0 <= value[name] <= 1.0:
            raise SolarError(f"{name} = {value[name]!r}: expected a share from 0 to 1")
    if value["degradation_annual"] > 0.05:
        raise SolarError(f"degradation_annual = {value['degradation_annual']!r}: expected a fraction a year, for example 0.004 for 0.4 %")
    for name in ("mechanism_price", "price_before_2025_06", "om_cost"):
        if value[name] > 5.0:
            raise SolarError(f"{name} = {value[name]!r}: expected CNY (per kWh, or per W and year), at most 5")
    if not 0.0 <= value["discount_rate"] < 1.0:
        raise SolarError(f"discount_rate = {value['discount_rate']!r}: expected a fraction a year, for example 0.07 for 7 %")
    if value["life_years"] != int(value["life_years"]) or not 1 <= value["life_years"] <= 60:
        raise SolarError(f"life_years = {value['life_years']!r}: expected whole years from 1 to 60")
    if value["om_cost"] < 0.0:
        raise SolarError(f"om_cost = {value['om_cost']!r}: expected CNY per W and year, 0 or more")


def _curve(points: Any, name: str) -> FloatArray:
    try:
        curve = np.array(points, dtype=np.float64)
    except (TypeError, ValueError):
        curve = np.empty(0)
    if curve.ndim != 2 or curve.shape[1] != 2 or (curve <= 0.0).any() or (np.diff(curve[:, 0]) <= 0.0).any():
        raise SolarError(f"{name} = {points!r}: expected pairs [kWp, CNY/W] of positive numbers with rising kWp")
    return curve
