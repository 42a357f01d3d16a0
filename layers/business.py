"""What all roofs of a class bring under each business model: own investment (自投) and an energy contract (合同能源管理)."""

from typing import Any

import numpy as np
import pandas as pd

from solar.cashflow import Plant, Returns, Terms, returns
from solar.money import USES, Finance, yearly_factors

MODELS = ("own", "contract")


def by_class(sums: pd.DataFrame, finance: Finance, terms: Terms) -> pd.DataFrame:
    """
    Compute both business models for each class as one plant.

    Parameters
    ----------
    sums
        Sums of buildings by `use` with pdc0_kwp, energy_kwh, capex_cny and usable_area_m2.
    finance
        Prices, shares of self-use and rates of the run.
    terms
        Tax, loan and contract.

    Returns
    -------
    table
        Columns use, model, capex_cny, project_irr, equity_irr, npv_cny and owner_npv_cny, classes in the order of `sums`; only those
        with capacity.
    """
    rows = []
    for row in sums[sums["pdc0_kwp"] > 0].to_dict("records"):
        for model in MODELS:
            found = _class(row, finance, terms, contract=model == "contract")
            rows.append(
                {
                    "use": row["use"],
                    "model": model,
                    "capex_cny": row["capex_cny"],
                    "project_irr": found.project_irr,
                    "equity_irr": found.equity_irr,
                    "npv_cny": found.npv,
                    "owner_npv_cny": found.owner_npv,
                }
            )
    return pd.DataFrame(rows, columns=["use", "model", "capex_cny", "project_irr", "equity_irr", "npv_cny", "owner_npv_cny"])


def _class(row: dict[Any, Any], finance: Finance, terms: Terms, *, contract: bool) -> Returns:
    code = USES.index(str(row["use"])) if row["use"] in USES else USES.index("unknown")
    share, energy = float(finance.self_use_share[code]), float(row["energy_kwh"])
    plant = Plant(
        capex=float(row["capex_cny"]),
        upkeep=1000.0 * finance.om_cost * float(row["pdc0_kwp"]),
        used_kwh=share * energy,
        exported_kwh=(1.0 - share) * energy,
        used_price=float(finance.retail_price[code]),
        export_price=np.asarray(finance.export_price),
        area_m2=float(row["usable_area_m2"]),
    )
    return returns(plant, terms, contract=contract, factors=yearly_factors(finance), discount_rate=finance.discount_rate)
