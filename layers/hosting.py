"""Room of the grid after DL/T 2041-2025: what a transformer or area can still connect and register, its colour, and storage that helps."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from solar.facts import Fact, read_facts
from solar.hours import HOUR, MONTH, WEEKEND

from .errors import LayersError

Floats = npt.NDArray[np.float64]
GREEN, YELLOW, RED = "green", "yellow", "red"
NUMBERS = ("capacity_mva", "connected_mw", "registered_mw", "noon_load_mw", "other_mw", "storage_mw", "room_mw")
TEXTS = ("colour", "superior", "said_by", "said_on")
OFFICIAL, ESTIMATE = "official", "estimate"


@dataclass(frozen=True, slots=True)
class HostingRules:
    """The rule's numbers by name, with the facts they come from."""

    value: Mapping[str, float]
    facts: tuple[Fact, ...]


def load_hosting(overrides: Mapping[str, Any] | None = None) -> HostingRules:
    """
    Read the numbers of the rule, replaced where the study says otherwise.

    Parameters
    ----------
    overrides
        Plain values by name.

    Returns
    -------
    rules
        Values and facts.

    Raises
    ------
    LayersError
        For an unknown name or a value out of bounds.
    """
    facts = read_facts(Path(__file__).with_name("hosting.toml"), overrides, LayersError)
    value = {name: float(fact.value) for name, fact in facts.items()}
    for name in ("reverse_load_ratio", "power_factor", "simultaneity", "simultaneity_low", "simultaneity_high"):
        if not 0.0 < value[name] <= 1.5:
            raise LayersError(f"hosting.{name} = {value[name]:g}: expected more than 0 and at most 1.5")
    if not value["simultaneity_low"] <= value["simultaneity"] <= value["simultaneity_high"]:
        raise LayersError("hosting: simultaneity must lie between simultaneity_low and simultaneity_high")
    return HostingRules(value, tuple(facts.values()))


def noon_hours(rules: HostingRules) -> npt.NDArray[np.bool_]:
    """
    Give the hours of which the rule speaks: noon of working days in spring and autumn.

    Parameters
    ----------
    rules
        First and last clock hour.

    Returns
    -------
    mask
        Shape (8760,).
    """
    season = np.isin(MONTH, (3, 4, 5, 9, 10, 11)) & ~WEEKEND
    return np.asarray(season & (rules.value["noon_from"] <= HOUR) & (rules.value["noon_to"] > HOUR))


def hosting(objects: pd.DataFrame, rules: HostingRules) -> pd.DataFrame:
    """
    Find the room and the colour of areas or transformers.

    Parameters
    ----------
    objects
        A row an object, indexed by name: `noon_load_mw` with `load_metered`, and what is known of the columns `NUMBERS` and `TEXTS`;
        NaN or None is unknown. `room_mw` and `colour` are official and win; `said_by` and `said_on` tell who published them and when.
        Unknown generation, storage, connected and registered capacity count as none.
    rules
        Numbers of the rule.

    Returns
    -------
    table
        Same index: connect_low_mw, connect_mw, connect_high_mw, register_low_mw, register_mw, register_high_mw, colour, colour_source,
        colour_estimate, said_by, said_on, storage_up_mw, storage_up_mwh; NaN or None where neither capacity nor an official entry is known.

    Raises
    ------
    LayersError
        For a colour that is none.

    Notes
    -----
    S_d = (P - P_G + beta S cos(phi) + storage) / tau_max at noon of a working day in spring or autumn; room to connect = S_d - connected,
    room to register = that - registered. Green: room to register above 0; yellow: room to connect above 0; else, or where the superior
    object is red, red. The interval spans tau_max and, where it was estimated, the load. Storage lifts S_d by its power over tau_max; the
    table shows what the next colour needs; NaN under a red superior, and where the official colour is not that of the estimated room.
    """
    table = objects.reindex(columns=[*NUMBERS, *TEXTS, "load_metered"])
    numbers = {name: table[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in NUMBERS}
    strange = [c for c in table["colour"].dropna().unique() if c not in (GREEN, YELLOW, RED)]
    if strange:
        raise LayersError(f"hosting: colour {strange[0]!r} is none; expected green, yellow or red (绿、黄、红)")
    bounds = _connect(numbers, table["load_metered"].fillna(False).to_numpy(dtype=bool), rules)
    registered = np.nan_to_num(numbers["registered_mw"])
    given = numbers["room_mw"]
    rooms = {f"connect{name}_mw": bound for name, bound in zip(("_low", "", "_high"), bounds, strict=True)}
    rooms |= {
        f"register{name}_mw": np.where(np.isnan(given), bound - registered, given)
        for name, bound in zip(("_low", "", "_high"), bounds, strict=True)
    }
    estimate = _colours(rooms["connect_mw"], rooms["register_mw"])
    said = table["colour"].to_numpy(dtype=object)
    own = np.where(pd.isna(said), estimate, said)
    colour, under_red = _with_superiors(own, pd.isna(said), table)
    source = np.where(~pd.isna(said) | ~np.isnan(given), OFFICIAL, ESTIMATE).astype(object)
    source[pd.isna(colour)] = None
    up = np.where(under_red | (colour != estimate), np.nan, _storage_up(colour, rooms, rules))
    by_whom = {name: table[name].where(table[name].notna() & (source == OFFICIAL), None) for name in ("said_by", "said_on")}
    said_of = {"colour": colour, "colour_source": source, "colour_estimate": estimate, **by_whom}
    return pd.DataFrame(
        {
            **rooms,
            **{name: pd.Series(words, index=objects.index, dtype=object) for name, words in said_of.items()},
            "storage_up_mw": up,
            "storage_up_mwh": up * rules.value["storage_hours"],
        },
        index=objects.index,
    )


def _connect(numbers: Mapping[str, Floats], metered: npt.NDArray[np.bool_], rules: HostingRules) -> tuple[Floats, Floats, Floats]:
    """Room to connect: lowest, middle and highest."""
    rule = rules.value
    fixed = rule["reverse_load_ratio"] * numbers["capacity_mva"] * rule["power_factor"]
    fixed = fixed + np.nan_to_num(numbers["storage_mw"]) - np.nan_to_num(numbers["other_mw"])
    spread = np.where(metered, 0.0, rule["load_spread"])
    load, connected = numbers["noon_load_mw"], np.nan_to_num(numbers["connected_mw"])
    every = [
        (load * (1.0 + sign * spread) + fixed) / rule[tau] - connected
        for sign in (-1.0, 1.0)
        for tau in ("simultaneity_low", "simultaneity_high")
    ]
    return np.min(every, axis=0), (load + fixed) / rule["simultaneity"] - connected, np.max(every, axis=0)


def _colours(connect: Floats, register: Floats) -> npt.NDArray[np.object_]:
    """Colour by room; None where the room that decides is unknown."""
    found = np.full(connect.shape, None, dtype=object)
    found[register > 0.0] = GREEN
    found[(register <= 0.0) & (connect > 0.0)] = YELLOW
    found[(register <= 0.0) & (connect <= 0.0)] = RED
    return found


def _with_superiors(
    own: npt.NDArray[np.object_], open_ones: npt.NDArray[np.bool_], table: pd.DataFrame
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
    """Under a red superior everything without an official colour is red, down through all levels."""
    position = {name: at for at, name in enumerate(table.index)}
    superior = np.array([position.get(name, -1) for name in table["superior"]], dtype=np.int64)
    colour, under = own.copy(), np.zeros(len(own), dtype=bool)
    for _ in range(len(own)):
        above = np.where(superior >= 0, colour[superior] == RED, False)
        new = above & ~under
        if not new.any():
            break
        under |= above
        colour[new & open_ones] = RED
    return colour, under


def _storage_up(colour: npt.NDArray[np.object_], rooms: Mapping[str, Floats], rules: HostingRules) -> Floats:
    """Least storage for the next colour [MW]; 0 where it is green already."""
    lacking = np.where(colour == RED, -rooms["connect_mw"], np.where(colour == YELLOW, -rooms["register_mw"], np.nan))
    return np.asarray(np.where(colour == GREEN, 0.0, np.maximum(lacking, 0.0) * rules.value["simultaneity"]), dtype=np.float64)
