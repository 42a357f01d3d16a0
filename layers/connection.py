"""The classes of distributed PV of 2025: which roofs fall into which, and how far they keep the rule of self-use."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from solar.facts import Fact, read_facts
from solar.money import HOUSEHOLD

from .errors import LayersError
from .sums import StoredColumns

CLASSES = ("household", "nonhousehold", "general", "large", "beyond")
EXISTING = "before_2025_06"
COLUMNS = ["class", "buildings", "pac_mw", "energy_gwh", "self_use_share", "required_share", "below_mw", "export_price"]


@cache
def connection_facts() -> dict[str, Fact]:
    """
    Read limits and rules of the classes.

    Returns
    -------
    dict
        Facts by name.
    """
    return read_facts(Path(__file__).with_name("connection.toml"), None, LayersError)


def connection_class(use: pd.Series, pac0_kw: pd.Series) -> pd.Series:
    """
    Give the class of each building's plant.

    Parameters
    ----------
    use
        Class of use.
    pac0_kw
        AC capacity [kW].

    Returns
    -------
    classes
        Of `CLASSES`, same index: dwellings up to what 380 V takes are household, larger ones nonhousehold; all others general up to 6 MW,
        then large; beyond that the plant is no distributed PV.
    """
    limit = {name: float(connection_facts()[f"{name}.most_mw"].value) for name in CLASSES[:-1]}
    power, home = pac0_kw.to_numpy(dtype=np.float64, na_value=0.0) / 1e3, use.isin(HOUSEHOLD).to_numpy()
    found = np.where(power <= limit["general"], "general", np.where(power <= limit["large"], "large", "beyond"))
    housed = np.where(power <= limit["household"], "household", "nonhousehold")
    small = np.where(home & (power <= limit["nonhousehold"]), housed, found)
    return pd.Series(small, index=use.index, dtype=object)


def connection_table(
    buildings: pd.DataFrame | StoredColumns, used_kwh: pd.Series, *, price_before: float, parcels: pd.DataFrame | None = None
) -> pd.DataFrame:
    """
    Sum the potential by class, and what stands already apart.

    Parameters
    ----------
    buildings
        Table `buildings` with the sums of the roofs.
    used_kwh
        What each building uses itself, from `business.earnings`.
    price_before
        Price of exports of projects on the grid before 2025-06-01 [CNY/kWh].
    parcels
        Table `parcels`: the buildings of a parcel are one plant at one meter, as on its sheet. Elsewhere a building is one plant.

    Returns
    -------
    table
        A row a class with capacity: buildings, pac_mw, energy_gwh, self_use_share, required_share (None without a rule) and below_mw, the
        capacity of plants that keep less than the rule; last the listed existing PV, brought to AC by the ratio of the new plants, with the
        export price of projects before 2025-06-01: nobody listed the day on which it went on the grid.
    """
    told = buildings[["use", "pdc0_kwp", "pac0_kw", "energy_kwh", *(["parcel_id"] if parcels is not None else [])]]
    with_pv = told["pdc0_kwp"].to_numpy(dtype=np.float64, na_value=0.0) > 0.0
    rows = told[with_pv].assign(used=used_kwh[with_pv])
    plants = _plants(rows, parcels)
    kinds = connection_class(plants["use"], plants["pac0_kw"])
    found: list[dict[str, Any]] = []
    for name in CLASSES:
        part = plants[(kinds == name).to_numpy()]
        if part.empty:
            continue
        energy, rule = part["energy_kwh"].to_numpy(dtype=np.float64), connection_facts().get(f"{name}.self_use")
        required = None if rule is None else float(rule.value)
        below = part["used"].to_numpy() < (required or 0.0) * energy * (1.0 - 1e-9)
        found.append(
            {
                "class": name,
                "buildings": int(part["buildings"].sum()),
                "pac_mw": float(part["pac0_kw"].sum()) / 1e3,
                "energy_gwh": float(energy.sum()) / 1e6,
                "self_use_share": float(part["used"].sum()) / float(energy.sum()) if energy.sum() > 0.0 else None,
                "required_share": required,
                "below_mw": None if required is None else float(part["pac0_kw"].to_numpy(dtype=np.float64)[below].sum()) / 1e3,
                "export_price": None,
            }
        )
    listed_pv = buildings[["installed_kwp", "status"]]
    installed = listed_pv["installed_kwp"].to_numpy(dtype=np.float64, na_value=0.0)
    ac, dc = float(rows["pac0_kw"].sum()), float(rows["pdc0_kwp"].sum())
    standing = np.nan_to_num(installed) * (listed_pv["status"] != "duplicate").to_numpy() * (ac / dc if dc > 0.0 else 1.0)
    if (standing > 0.0).any():
        listed = {"class": EXISTING, "buildings": int((standing > 0.0).sum()), "pac_mw": float(standing.sum()) / 1e3}
        found.append(listed | {"export_price": price_before})
    return pd.DataFrame(found, columns=COLUMNS)


def _plants(rows: pd.DataFrame, parcels: pd.DataFrame | None) -> pd.DataFrame:
    """Join the buildings of each parcel to one plant of its main use, with its share of self-use where that is known."""
    alone = rows.assign(buildings=1)[["use", "pac0_kw", "energy_kwh", "used", "buildings"]]
    if parcels is None:
        return alone
    inside = rows["parcel_id"].notna().to_numpy()
    at = rows["parcel_id"][inside].astype(str).to_numpy()
    joined = alone[inside].drop(columns="use").astype("float64").groupby(at, sort=True).sum()
    told = (
        pd.DataFrame(parcels[["name", "use", "self_use_share"]])
        .assign(name=parcels["name"].astype(str))
        .set_index("name")
        .loc[joined.index]
    )
    joined["used"] = (joined["energy_kwh"] * told["self_use_share"]).where(told["self_use_share"].notna(), joined["used"])
    return pd.concat([alone[~inside], joined.assign(use=told["use"].astype(object))], ignore_index=True)
