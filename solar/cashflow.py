"""A plant's yearly cash flows after tax: own investment (自投) or an energy contract (合同能源管理), with VAT, income tax and a loan."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import numpy_financial as npf

from .errors import SolarError
from .facts import Fact, read_facts

FloatArray = npt.NDArray[np.float64]
SHARES = ("vat_rate", "income_tax_rate", "loan_share", "contract_discount", "household_tax")
WHOLE_YEARS = ("tax_free_years", "tax_half_years", "tax_loss_years", "depreciation_years", "loan_years")


@dataclass(frozen=True, slots=True)
class Terms:
    """Tax, loan and contract by name, with the facts they come from."""

    value: Mapping[str, float]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Addition:
    """What is built beside a plant, as a battery: capex with tax [CNY], gain with tax and upkeep of each year [CNY], and life [a]."""

    capex: float
    gain: FloatArray
    upkeep: FloatArray
    life_years: float


@dataclass(frozen=True, slots=True)
class Plant:
    """One plant: capex with tax [CNY], upkeep [CNY/a], energy self-used and exported [kWh of the first year], roof area [m²]."""

    capex: float
    upkeep: float
    used_kwh: float
    exported_kwh: float
    used_price: float
    export_price: FloatArray
    area_m2: float = 0.0
    beside: Addition | None = None


@dataclass(frozen=True, slots=True)
class Returns:
    """Flows from year 0 [CNY]: the project's after tax, the equity's, the roof owner's; and what they are worth."""

    project: FloatArray
    equity: FloatArray
    owner: FloatArray
    project_irr: float
    equity_irr: float
    npv: float
    owner_npv: float


def load_terms(overrides: Mapping[str, Any] | None = None) -> Terms:
    """
    Read tax, loan and contract, replaced where the study says otherwise.

    Parameters
    ----------
    overrides
        Plain values by name, nested or dotted: ``{"loan_share": 0.0}``.

    Returns
    -------
    terms
        The values and their facts.

    Raises
    ------
    SolarError
        For an unknown name or a value out of bounds.
    """
    facts = read_facts(Path(__file__).with_name("cashflow.toml"), overrides)
    value = {name: fact.value for name, fact in facts.items()}
    for name in SHARES:
        if not 0.0 <= value[name] <= 1.0:
            raise SolarError(f"{name} = {value[name]!r}: expected a share from 0 to 1")
    if not 0.0 <= value["loan_rate"] < 1.0:
        raise SolarError(f"loan_rate = {value['loan_rate']!r}: expected a fraction a year, for example 0.035 for 3.5 %")
    for name in WHOLE_YEARS:
        if value[name] != int(value[name]) or not (0 if name.startswith("tax") else 1) <= value[name] <= 60:
            raise SolarError(f"{name} = {value[name]!r}: expected whole years, at most 60")
    return Terms({name: float(number) for name, number in value.items()}, tuple(facts.values()))


def returns(plant: Plant, terms: Terms, *, contract: bool, factors: npt.ArrayLike, discount_rate: float) -> Returns:
    """
    Compute what a plant brings to its investor and to the owner of the roof.

    Parameters
    ----------
    plant
        The plant; prices with tax.
    terms
        Tax, loan and contract.
    contract
        True: an investor builds and sells to the owner at a discount. False: the owner builds, self-use saves the whole price.
    factors
        Energy of each year over that of the first, shape (years,).
    discount_rate
        Rate of both net present values [1/a].

    Returns
    -------
    returns
        Flows and rates; an irr is NaN where no rate balances the flow.

    Notes
    -----
    VAT: output tax of the income less what is left of the investment's input tax. Income tax on income less upkeep, rent, depreciation
    (and interest, for the equity): free, then half, then whole; a loss is set off against the profits of the `tax_loss_years` after it,
    the oldest first, as if the plant were all that its owner taxes. The loan is paid back in equal yearly sums. For an owner who builds,
    saved power counts without tax too, since a payer of VAT would have set that tax off. What is built beside the plant bears the same
    taxes and loan, and is written off over its own life.
    """
    kept = np.asarray(factors, dtype=np.float64)
    price = plant.used_price * (1.0 - (terms.value["contract_discount"] if contract else 0.0))
    gross = kept * (plant.used_kwh * price + plant.exported_kwh * np.asarray(plant.export_price, dtype=np.float64))
    rent = terms.value["roof_rent"] * plant.area_m2 if contract else 0.0
    depreciation = _written_off(plant.capex, terms.value["depreciation_years"], len(kept), terms)
    capex, upkeep = plant.capex, plant.upkeep + np.zeros(len(kept))
    if plant.beside is not None:
        gross, capex, upkeep = gross + plant.beside.gain, capex + plant.beside.capex, upkeep + plant.beside.upkeep
        depreciation = depreciation + _written_off(plant.beside.capex, plant.beside.life_years, len(kept), terms)
    income, input_tax = _net(gross, capex, terms.value["vat_rate"])
    before_tax = income - upkeep - rent
    interest, service = _loan(capex * terms.value["loan_share"], terms, len(kept))
    project = np.append(-capex, before_tax + input_tax - _income_tax(before_tax - depreciation, terms))
    equity_tax = _income_tax(before_tax - depreciation - interest, terms)
    own = capex * (1.0 - terms.value["loan_share"])
    equity = np.append(-own, before_tax + input_tax - equity_tax - service)
    saved = kept * plant.used_kwh * (plant.used_price - price) + rent
    owner = np.append(0.0, saved) if contract else equity
    worth = (float(npf.npv(discount_rate, flow)) for flow in (project, owner))
    return Returns(project, equity, owner, float(npf.irr(project)), float(npf.irr(equity)), *worth)


def _net(gross: FloatArray, capex: float, rate: float) -> tuple[FloatArray, FloatArray]:
    """Income without tax, and the output tax that the investment's input tax spares in each year."""
    net = gross / (1.0 + rate)
    credit = capex - capex / (1.0 + rate)
    so_far = np.minimum(np.cumsum(gross - net), credit)
    return net, np.diff(so_far, prepend=0.0)


def _written_off(capex: float, life: float, years: int, terms: Terms) -> FloatArray:
    """Straight line over the life, without tax and residual value."""
    return np.where(np.arange(years) < life, capex / (1.0 + terms.value["vat_rate"]) / life, 0.0)


def _income_tax(profit: FloatArray, terms: Terms) -> FloatArray:
    """Tax of each year with losses carried forward; the holiday runs from the first year of income."""
    left = np.array(profit, dtype=np.float64)
    set_off_losses(left, terms.value["tax_loss_years"])
    free, half = terms.value["tax_free_years"], terms.value["tax_half_years"]
    years = np.arange(len(left))
    part = np.where(years < free, 0.0, np.where(years < free + half, 0.5, 1.0))
    return np.asarray(np.maximum(left, 0.0) * part * terms.value["income_tax_rate"], dtype=np.float64)


@numba.njit(cache=True, nogil=True)
def set_off_losses(profit: FloatArray, most_years: float) -> None:
    """
    Set losses off against later profits, in place.

    Parameters
    ----------
    profit
        Of each year, shape (years,) [CNY]; afterwards what is left of it, below 0 what is left of a loss.
    most_years
        A loss counts against so many years after its own.

    Notes
    -----
    The oldest loss that still counts goes first, so that none lapses that a profit could have used.
    """
    for year in range(profit.size):
        for old in range(max(0, year - int(most_years)), year):
            if profit[year] > 0.0 and profit[old] < 0.0:
                used = min(profit[year], -profit[old])
                profit[year] -= used
                profit[old] += used


def _loan(debt: float, terms: Terms, years: int) -> tuple[FloatArray, FloatArray]:
    """Interest and whole payment of each year."""
    term = int(terms.value["loan_years"])
    rate = terms.value["loan_rate"]
    periods = np.arange(1, term + 1)
    interest = -np.asarray(npf.ipmt(rate, periods, term, debt), dtype=np.float64)
    paid = np.full(term, -float(npf.pmt(rate, term, debt)))
    rest = max(0, years - term)
    filled = np.zeros(rest)
    return np.append(interest[:years], filled), np.append(paid[:years], filled)
