"""The PV system assumed on every roof: values with unit and source from system.toml, replaced by the study where it says so."""

from __future__ import annotations

import copy
import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from .errors import SolarError

STC_IRRADIANCE = 1000.0
# limits of values that a study may set; beyond them it is a slip of units
LIMITS: Mapping[str, tuple[float, float]] = {
    "module.length_m": (0.5, 4.0), "module.width_m": (0.3, 2.5), "module.pdc0_w": (50.0, 1200.0), "module.gamma_pdc": (-0.01, 0.0),
    "module.absorption": (0.5, 1.0), "u_c": (5.0, 60.0), "u_v": (0.0, 20.0), "tilt": (0.0, 90.0), "gcr": (0.05, 1.0),
    "optics.albedo": (0.0, 1.0), "optics.blocked_reflectance": (0.0, 1.0), "losses": (0.0, 0.5),
    "inverter.eta_nom": (0.8, 1.0), "inverter.dc_ac_ratio": (0.5, 2.5),
    "degradation.first_year": (0.0, 0.03), "degradation.annual": (0.0, 0.007),
    "module.adr.k_d": (-12.0, -1.0), "module.adr.tc_d": (0.0, 0.1), "module.adr.k_rs": (-0.1, 0.5), "module.adr.k_rsh": (-0.1, 1.0),
    "snow.strings": (1.0, 24.0),
}  # fmt: skip
# values that are words, and what they may be
CHOICES: Mapping[str, tuple[str, ...]] = {
    "optics.iam": ("physical", "physical_beam", "none"),
    "optics.transposition": ("haydavies", "perez_driesse"),
    "optics.spectrum": ("none", "monosi", "multisi", "polysi", "cdte", "cigs", "asi"),
    "module.model": ("pvwatts", "adr"),
    "snow.model": ("nrel", "none"),
}
MONTHS = 12


@dataclass(frozen=True)
class Module:
    """One module: size [m], nameplate [W], absorption; `model` pvwatts with gamma_pdc [1/K], or adr with pvlib's k_d, tc_d, k_rs, k_rsh."""

    length_m: float
    width_m: float
    pdc0_w: float
    gamma_pdc: float
    absorption: float
    model: str
    adr: Mapping[str, float]

    @property
    def area_m2(self) -> float:
        """Area of the module [m²]."""
        return self.length_m * self.width_m

    @property
    def efficiency(self) -> float:
        """Efficiency at STC, nameplate over area."""
        return self.pdc0_w / (STC_IRRADIANCE * self.area_m2)


@dataclass(frozen=True)
class Mount:
    """Heat loss factors of pvlib's pvsyst_cell, default tilt [degrees] and ground cover ratio (module area over field area)."""

    u_c: float
    u_v: float
    tilt: float
    gcr: float


@dataclass(frozen=True)
class Optics:
    """Sky model, reflection at the glass, spectrum, albedo, and what the blocked dome reflects as a share of GHI."""

    transposition: str
    iam: str
    spectrum: str
    albedo: float
    blocked_reflectance: float


@dataclass(frozen=True)
class Inverter:
    """PVWatts inverter: nominal efficiency, DC nameplate over AC rating."""

    eta_nom: float
    dc_ac_ratio: float


@dataclass(frozen=True)
class Degradation:
    """Loss in the first year, and in each later year of what the year before gave; `solar.money` applies them."""

    first_year: float
    annual: float


@dataclass(frozen=True)
class Parameter:
    """One value with its unit, source and whether the source was read."""

    name: str
    value: float | str | list[float]
    unit: str
    source: str
    verified: bool


@dataclass(frozen=True)
class System:
    """
    Module, mounts (flush, rack, east_west), optics, losses, inverter and degradation, with the origin of every value.

    Notes
    -----
    `soiling` has a share for each month; `snow_strings` is the number of strings along the slope that snow darkens one after another,
    0 where snow costs nothing.
    """

    module: Module
    mounts: Mapping[str, Mount]
    optics: Optics
    soiling: tuple[float, ...]
    snow_strings: int
    dc_losses: Mapping[str, float]
    ac_losses: Mapping[str, float]
    inverter: Inverter
    degradation: Degradation
    parameters: tuple[Parameter, ...]

    @property
    def dc_factor(self) -> float:
        """Share left after the constant losses before the inverter; soiling and snow go by the hour, the ADR module has its low light."""
        if self.module.model == "adr":
            return _left({name: loss for name, loss in self.dc_losses.items() if name != "low_light"})
        return _left(self.dc_losses)

    @property
    def ac_factor(self) -> float:
        """Share left after the losses behind the inverter."""
        return _left(self.ac_losses)


def load_system(overrides: Mapping[str, Any] | None = None) -> System:
    """
    Read the assumed PV system and replace what the study says.

    Parameters
    ----------
    overrides
        Values by the names of system.toml, nested ({"module": {"gamma_pdc": -0.0034}}) or dotted ({"module.gamma_pdc": -0.0034});
        soiling as one number or as twelve.

    Returns
    -------
    System
        The system; replaced values carry the source "study".

    Raises
    ------
    SolarError
        If a name is unknown (the nearest is named) or a value is out of its limits.
    """
    table: dict[str, Any] = tomllib.loads((files(__package__) / "system.toml").read_text(encoding="utf-8"))
    leaves = dict(_leaves(copy.deepcopy(table)))
    for name, value in _flatten(overrides or {}):
        if name not in leaves:
            near = difflib.get_close_matches(name, leaves, n=1, cutoff=0.0)
            raise SolarError(f"system: unknown value '{name}'; the nearest is '{near[0]}'; correct the name")
        leaves[name] = {**leaves[name], "value": _checked(name, value, leaves[name]["value"]), "source": "study", "verified": True}
    if abs(leaves["losses.light_induced"]["value"] - leaves["degradation.first_year"]["value"]) > 1e-12:
        changed = [n for n in ("losses.light_induced", "degradation.first_year") if leaves[n]["source"] == "study"]
        if len(changed) == 2:
            raise SolarError("system: losses.light_induced and degradation.first_year differ; they are the same loss; give one of them")
        other = "losses.light_induced" if changed == ["degradation.first_year"] else "degradation.first_year"
        leaves[other] = {**leaves[other], "value": _checked(other, leaves[changed[0]]["value"], 0.0), "source": "study", "verified": True}
    return _build(leaves)


def _build(leaves: Mapping[str, Mapping[str, Any]]) -> System:
    """Typed system from the flat table."""

    def part(prefix: str) -> dict[str, Any]:
        return {n.removeprefix(prefix): leaf["value"] for n, leaf in leaves.items() if n.startswith(prefix)}

    def losses(stage: str) -> dict[str, float]:
        return {n.removeprefix("losses."): float(leaf["value"]) for n, leaf in leaves.items() if leaf.get("stage") == stage}

    module = {name: value for name, value in part("module.").items() if not name.startswith("adr.")}
    snow = part("snow.")
    return System(
        module=Module(**module, adr=part("module.adr.")),
        mounts={name: Mount(**part(f"mounts.{name}.")) for name in ("flush", "rack", "east_west")},
        optics=Optics(**part("optics.")),
        soiling=tuple(float(v) for v in np.broadcast_to(leaves["losses.soiling"]["value"], MONTHS)),
        snow_strings=round(snow["strings"]) if snow["model"] == "nrel" else 0,
        dc_losses=losses("dc"),
        ac_losses=losses("ac"),
        inverter=Inverter(**part("inverter.")),
        degradation=Degradation(**part("degradation.")),
        parameters=tuple(
            Parameter(name, leaf["value"], str(leaf["unit"]), str(leaf["source"]), bool(leaf["verified"])) for name, leaf in leaves.items()
        ),
    )


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Entries that have a value, by dotted name."""
    for key, entry in table.items():
        if "value" in entry:
            yield prefix + key, entry
        else:
            yield from _leaves(entry, f"{prefix}{key}.")


def _flatten(overrides: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested or dotted names as dotted names."""
    for key, value in overrides.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), value


def _checked(name: str, value: Any, default: Any) -> Any:
    """Check that the study's value is of the default's kind and within its limits."""
    if isinstance(default, str):
        if value not in CHOICES[name]:
            raise SolarError(f"system: {name} is {value!r}; expected one of {', '.join(CHOICES[name])}")
        return str(value)
    if isinstance(default, list) and isinstance(value, list | tuple):
        if len(value) != MONTHS:
            raise SolarError(f"system: {name} has {len(value)} values; expected one number or one for each of {MONTHS} months")
        return [float(_checked(name, month, 0.0)) for month in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SolarError(f"system: {name} is {value!r}; expected a number")
    low, high = _limits(name)
    if not low <= value <= high:
        raise SolarError(f"system: {name} is {value:g}; expected {low:g} to {high:g}; check the unit")
    return float(value)


def _limits(name: str) -> tuple[float, float]:
    """Limits by full name, else by the last word (mounts), else by the first (losses)."""
    for key in (name, name.rsplit(".", 1)[-1], name.split(".", 1)[0]):
        if key in LIMITS:
            return LIMITS[key]
    raise SolarError(f"system: {name} has no limits in parameters.py; add them")


def _left(losses: Mapping[str, float]) -> float:
    """Multiply what several losses leave, one after another."""
    factor = 1.0
    for loss in losses.values():
        factor *= 1.0 - loss
    return factor
