"""A policy as data: targets with value, deadline, scope, clause and wording, read from a TOML file and checked."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from solar.facts import nearest
from solar.money import USES

from .errors import LayersError

FOLDER = Path(__file__).with_name("policies")
REGIONS = ("allocated", "same", "whole")
PARAMETERS: dict[str, dict[str, Any]] = {
    "pv_capacity": {},
    "roof_coverage": {"built_density_kwp_m2": 0.225},
    "building_substitution": {"include_factories": False, "convention": "heat_value", "pv": "generated", "self_use_share": 1.0},
    "installable_share": {},
    "storage": {},
    "demand_response": {},
    "context": {},
}
CHOICES = {"convention": ("heat_value", "equivalent_value"), "pv": ("generated", "self_used")}
UNITS = {"pv_capacity": "MW", "storage": "MW", "demand_response": "MW"}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which buildings a target speaks of; None asks nothing."""

    uses: tuple[str, ...] | None = None
    details: tuple[str, ...] = ()
    not_details: tuple[str, ...] = ()
    new: bool = False
    urban: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """One target; `unit` is MW or 1 (a share as a fraction), `deadline` None for a standing requirement."""

    id: str
    method: str
    title_zh: str
    title_en: str
    value: float
    unit: str
    stated: str
    deadline: date | None
    clause: str
    responsible: tuple[str, ...]
    quote: str
    verified: bool
    regions: str
    scope_zh: str
    scope_en: str
    formula_zh: str
    formula_en: str
    formula_verified: bool
    note_zh: str
    note_en: str
    scope: Scope
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """A document with its targets, the window of "new" buildings, a proposed map from class to unit, and the area it speaks of."""

    name: str
    title_zh: str
    title_en: str
    number: str
    issuer: str
    issued: date
    source: str
    verified: bool
    new_start: date | None
    new_end: date | None
    departments: Mapping[str, str]
    targets: tuple[Target, ...]
    area_km2: float | None = None


TEXT, FLAG, NUMBER = "a text in quotes", "true or false without quotes", "a number without quotes"
DAY, LIST, TABLE = "a date such as 2030-12-31 without quotes", 'a list of texts such as ["a", "b"]', "a table of keys"
KINDS: dict[str, tuple[type, ...]] = {TEXT: (str,), FLAG: (bool,), NUMBER: (int, float), DAY: (date,), LIST: (list,), TABLE: (dict,)}
TOP = {"policy": TABLE, "new_buildings": TABLE, "departments": TABLE, "target": "a list of [[target]] tables"}
HEAD = dict.fromkeys(("name", "title_zh", "title_en", "number", "issuer", "source"), TEXT) | {"issued": DAY, "verified": FLAG}
PLACE = {"area_km2": NUMBER}
WINDOW = {"start": DAY, "end": DAY, "source": TEXT, "verified": FLAG}
TITLES = "id method title_zh title_en unit stated clause quote regions scope_zh scope_en formula_zh formula_en note_zh note_en"
TARGET = dict.fromkeys(TITLES.split(), TEXT) | {
    "value": NUMBER,
    "deadline": DAY,
    "responsible": LIST,
    "verified": FLAG,
    "formula_verified": FLAG,
    "scope": TABLE,
    "parameters": TABLE,
}
OPTIONAL = {"deadline", "scope", "parameters"}
SCOPE = {"uses": LIST, "details": LIST, "not_details": LIST, "new": FLAG, "urban": FLAG}


def policy_names() -> list[str]:
    """
    List the policies that come with the package.

    Returns
    -------
    names
        Names for `load_policy`.
    """
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_policy(name_or_path: str | Path) -> Policy:
    """
    Read a policy and check it.

    Parameters
    ----------
    name_or_path
        Name of a policy of the package, or path of a TOML file of the same form.

    Returns
    -------
    policy
        The checked policy.

    Raises
    ------
    LayersError
        For an unknown name, a file that cannot be read, or the first key that is unknown, missing or of the wrong kind.

    Examples
    --------
    >>> [target.value for target in load_policy("jinan-2023-36").targets if target.id == "pv_capacity"]
    [5000.0]
    """
    if isinstance(name_or_path, str) and name_or_path in policy_names():
        path = FOLDER / f"{name_or_path}.toml"
    else:
        path = Path(name_or_path)
        if path.suffix.lower() != ".toml":
            raise LayersError(
                f"no policy named {str(name_or_path)!r}, {nearest(str(name_or_path), policy_names())}; or give the path of a .toml file"
            )
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LayersError(f"policy file {path.name} does not exist; expected a TOML file or one of {', '.join(policy_names())}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise LayersError(f"policy file {path.name} cannot be read as UTF-8 TOML: {problem}") from None
    return _policy(tree, path.name)


def is_new(policy: Policy, year_built: pd.Series) -> pd.Series:
    """
    Tell which buildings were completed inside the policy's window.

    Parameters
    ----------
    policy
        The policy with its window of new buildings.
    year_built
        Year of completion, missing where unknown.

    Returns
    -------
    is_new
        Nullable boolean on the same index; missing where the year is unknown, or lies only partly inside the window.
    """
    years = pd.to_numeric(year_built, errors="coerce").astype("Float64")
    if policy.new_start is None or policy.new_end is None:
        return pd.Series(pd.NA, index=years.index, dtype="boolean", name="is_new")
    start, end = policy.new_start, policy.new_end
    new = ((years >= start.year) & (years <= end.year)).astype("boolean")
    # A building of 2023 is neither surely before nor surely after 28 June 2023.
    if (start.month, start.day) != (1, 1):
        new = new.mask((years == start.year).fillna(False), pd.NA)
    if (end.month, end.day) != (12, 31):
        new = new.mask((years == end.year).fillna(False), pd.NA)
    return new.rename("is_new")


def _policy(tree: Mapping[str, Any], origin: str) -> Policy:
    _hold(tree, TOP, origin, optional={"new_buildings", "departments"})
    _hold(tree["policy"], HEAD | PLACE, f"{origin}, [policy]", optional=set(PLACE))
    window = tree.get("new_buildings")
    if window is not None:
        _hold(window, WINDOW, f"{origin}, [new_buildings]")
        if window["start"] > window["end"]:
            raise LayersError(f"{origin}, [new_buildings]: start {window['start']} lies after end {window['end']}")
    departments = tree.get("departments", {})
    _hold(
        departments,
        dict.fromkeys((*USES, "ground", "total"), TEXT),
        f"{origin}, [departments]",
        optional=set(departments) ^ {*USES, "ground", "total"},
    )
    targets = tuple(
        _target(table, f"{origin}, target {number}", window is not None) for number, table in enumerate(tree["target"], start=1)
    )
    ids = [target.id for target in targets]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice or not ids:
        raise LayersError(f"{origin}: " + (f"the target id {twice[0]!r} is used twice" if twice else "there is no [[target]]"))
    head = tree["policy"]
    return Policy(
        **{key: head[key] for key in HEAD},
        new_start=window["start"] if window else None,
        new_end=window["end"] if window else None,
        departments=departments,
        targets=targets,
        area_km2=float(head["area_km2"]) if "area_km2" in head else None,
    )


def _target(table: Mapping[str, Any], where: str, window: bool) -> Target:
    _hold(table, TARGET, where, optional=OPTIONAL)
    where = f"{where} ({table['id']})"
    _choose(table["method"], tuple(PARAMETERS), where, "method")
    _choose(table["regions"], REGIONS, where, "regions")
    _choose(table["unit"], (UNITS.get(table["method"], "1"),), where, "unit")
    if table["value"] < 0 or (table["unit"] == "1" and table["value"] > 1):
        raise LayersError(f"{where}: value = {table['value']} {table['unit']}; expected 0 or more, and a share as a fraction (50 % = 0.5)")
    scope = table.get("scope", {})
    _hold(scope, SCOPE, f"{where}, scope", optional=set(SCOPE))
    for use in scope.get("uses", ()):
        _choose(use, USES, where, "scope.uses")
    if scope.get("new") and not window:
        raise LayersError(f"{where}: asks for new buildings but the file has no [new_buildings] with start and end")
    known = PARAMETERS[table["method"]]
    given = table.get("parameters", {})
    kinds = {key: FLAG if isinstance(value, bool) else TEXT if isinstance(value, str) else NUMBER for key, value in known.items()}
    _hold(given, kinds, f"{where}, parameters", optional=set(known))
    for key, choices in CHOICES.items():
        if key in given:
            _choose(given[key], choices, where, f"parameters.{key}")
    texts: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in scope.items()}
    rest = {key: table[key] for key in TARGET if key not in OPTIONAL | {"value", "responsible"}}
    return Target(
        **rest,
        value=float(table["value"]),
        deadline=table.get("deadline"),
        responsible=tuple(table["responsible"]),
        scope=Scope(**texts),
        parameters=known | given,
    )


def _hold(table: Any, kinds: Mapping[str, str], where: str, optional: set[str] | frozenset[str] = frozenset()) -> None:
    """Hold a table against the keys it may have and the kind of each."""
    if not isinstance(table, Mapping):
        raise LayersError(f"{where}: expected a table of keys, found {table!r}")
    for key, value in table.items():
        if key not in kinds:
            raise LayersError(f"{where}: unknown key {key!r}, {nearest(key, list(kinds))}")
        kind = kinds[key]
        wrong = not isinstance(value, KINDS.get(kind, (list,))) or (isinstance(value, bool) and kind != FLAG)
        if wrong or (kind == LIST and not all(isinstance(item, str) for item in value)):
            raise LayersError(f"{where}: {key} = {value!r}; expected {kind}")
    lacking = [key for key in kinds if key not in table and key not in optional]
    if lacking:
        raise LayersError(f"{where}: the key {lacking[0]!r} ({kinds[lacking[0]]}) is missing")


def _choose(value: str, choices: tuple[str, ...], where: str, key: str) -> None:
    if value not in choices:
        raise LayersError(f"{where}: {key} = {value!r}, {nearest(value, list(choices))}")
