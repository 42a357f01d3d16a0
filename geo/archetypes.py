"""Roof archetypes by class of use: shape, tilt, set-back and heights where nothing measured says otherwise."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .errors import GeoError
from .roof_kinds import CONSTRUCTIONS, SURFACES, Access, Archetype, Construction, Edges, Load, RoofKinds, UseHeights
from .surfaces import Shape

_CONDITIONS = {"height_from_m": -np.inf, "height_below_m": np.inf, "area_from_m2": -np.inf, "area_below_m2": np.inf}
_RANGES = {
    "tilt": (0.0, 60.0),
    "parapet_height_m": (0.0, 5.0),
    "setback_m": (0.0, 20.0),
    "obstacle_share": (0.0, 1.0),
    "skylight_share": (0.0, 0.5),
    "span_m": (3.0, 1000.0),
    "excluded_before_year": (0, 2200),
    "minimum_area_m2": (0.0, 1e5),
    "storeys_at_most": (1.0, 200.0),
    "storey_height_m": (2.0, 20.0),
    "default_height_m": (2.0, 300.0),
    "maximum_height_m": (5.0, 1000.0),
}


@dataclass(frozen=True)
class Archetypes:
    """All archetypes and heights by class of use."""

    heights: Mapping[str, UseHeights]
    kinds: tuple[Archetype, ...]
    access: Access
    edges: Edges
    constructions: Mapping[str, Construction]
    load: Load

    @property
    def uses(self) -> tuple[str, ...]:
        """The classes of use that are described."""
        return tuple(self.heights)

    def storey_height(self, use: ArrayLike) -> NDArray[np.float64]:
        """
        Height of a storey by class of use.

        Parameters
        ----------
        use
            Class of use, shape (n,).

        Returns
        -------
        numpy.ndarray
            Storey height [m], shape (n,).
        """
        return self._by_use(use, "storey_height_m")

    def default_height(self, use: ArrayLike) -> NDArray[np.float64]:
        """
        Height of a building of which neither height nor floors are known.

        Parameters
        ----------
        use
            Class of use, shape (n,).

        Returns
        -------
        numpy.ndarray
            Height above ground [m], shape (n,).
        """
        return self._by_use(use, "default_height_m")

    def surface_height(self, construction: ArrayLike, other: ArrayLike) -> NDArray[np.float64]:
        """
        Height of carports and canopies of which no height is known.

        Parameters
        ----------
        construction
            "carport", "canopy" or that of a building, shape (n,).
        other
            Height of the buildings [m], shape (n,).

        Returns
        -------
        numpy.ndarray
            Height above ground [m], shape (n,).
        """
        said, height = np.asarray(construction, dtype=str), np.array(other, dtype=float)
        for name in SURFACES:
            height[said == name] = self.constructions[name].height_m
        return height

    def maximum_height(self, use: ArrayLike) -> NDArray[np.float64]:
        """
        Greatest plausible height by class of use.

        Parameters
        ----------
        use
            Class of use, shape (n,).

        Returns
        -------
        numpy.ndarray
            Height above ground [m], shape (n,).
        """
        return self._by_use(use, "maximum_height_m")

    def choose(self, use: ArrayLike, height: ArrayLike, area: ArrayLike, construction: ArrayLike | None = None) -> RoofKinds:
        """
        Archetype of each building from its use, height and size, and from the construction of its roof where that is known.

        Parameters
        ----------
        use
            Class of use, shape (n,).
        height
            Height above ground [m], shape (n,); NaN takes the default of the class.
        area
            Footprint area [m2], shape (n,).
        construction
            "metal", "concrete", "tile" or "" where not known, shape (n,): an archetype of the class with this construction is taken, or,
            where it has none, what the archetype says is replaced by what the construction says.

        Returns
        -------
        RoofKinds
            Arrays of length n.

        Raises
        ------
        GeoError
            Lengths differ, an area is not a number, or a use or construction is not known.
        """
        code = self._codes(use)
        tall, plan = np.asarray(height, dtype=float), np.asarray(area, dtype=float)
        if not code.shape == tall.shape == plan.shape:
            raise GeoError(f"choose got {code.size} uses, {tall.size} heights and {plan.size} areas; give one of each per building.")
        tall = np.where(np.isnan(tall), self._values("default_height_m")[code], tall)
        said = np.full(code.shape, "") if construction is None else np.asarray(construction, dtype=str)
        self._check_constructions(said, code.size)
        taken = np.full(code.shape, -1, dtype=np.int64)
        for same in (True, False) if (said != "").any() else (False,):  # first those of the construction that is known
            for number, kind in enumerate(self.kinds):
                fits = (taken < 0) & (code == self.uses.index(kind.use))
                fits &= (tall >= kind.height_from_m) & (tall < kind.height_below_m)
                fits &= (plan >= kind.area_from_m2) & (plan < kind.area_below_m2)
                taken[fits & (said == kind.construction) if same else fits] = number
        if (taken < 0).any():
            raise GeoError(
                f"{int((taken < 0).sum())} buildings have a footprint area that is not a number; repair or leave them out first."
            )
        kinds = self._kinds(taken)
        return self._rebuilt(kinds, said) if (said != "").any() else kinds

    def _check_constructions(self, said: NDArray[np.str_], count: int) -> None:
        if said.shape != (count,):
            raise GeoError(f"choose got {count} uses and {said.size} constructions; give one of each per building.")
        for word in np.unique(said).tolist():
            if word not in ("", *CONSTRUCTIONS, *SURFACES):
                raise GeoError(f"roof construction {word!r} is not known; known are {', '.join(CONSTRUCTIONS)}.")

    def _rebuilt(self, kinds: RoofKinds, said: NDArray[np.str_]) -> RoofKinds:
        """Roofs whose given construction none of their class has: what it says replaces what the archetype said."""
        changed: dict[str, NDArray[Any]] = {f.name: getattr(kinds, f.name).copy() for f in fields(RoofKinds)}
        changed["construction"] = changed["construction"].astype("U16")
        for name, values in self.constructions.items():
            other = (said == name) & (kinds.construction != name)
            changed["construction"][other] = name
            changed["shape"][other] = Shape[values.shape.upper()]
            for column in ("tilt", "span_m", "parapet_height_m", "obstacle_share", "skylight_share", "setback_m", "minimum_area_m2"):
                if getattr(values, column) is not None:
                    changed[column][other] = getattr(values, column)
            changed["load_kpa"][other] = getattr(self.load, f"{name}_kpa") if values.load_kpa is None else values.load_kpa
        changed["is_metal"] = np.isin(changed["construction"], ("metal", *SURFACES))
        return RoofKinds(**changed)

    def _kinds(self, taken: NDArray[np.int64]) -> RoofKinds:
        construction = np.array([k.construction for k in self.kinds])[taken]
        return RoofKinds(
            archetype=np.array([k.name for k in self.kinds])[taken],
            shape=np.array([Shape[k.shape.upper()] for k in self.kinds], dtype=np.int8)[taken],
            construction=construction,
            is_metal=construction == "metal",
            tilt=self._column("tilt", taken),
            parapet_height_m=self._column("parapet_height_m", taken),
            setback_m=self._column("setback_m", taken),
            obstacle_share=self._column("obstacle_share", taken),
            minimum_area_m2=self._column("minimum_area_m2", taken),
            storeys_at_most=self._column("storeys_at_most", taken),
            span_m=self._column("span_m", taken),
            skylight_share=self._column("skylight_share", taken),
            excluded_before_year=self._column("excluded_before_year", taken),
            load_kpa=np.array([getattr(self.load, f"{k.construction}_kpa") for k in self.kinds], dtype=float)[taken],
        )

    def floors(self, use: ArrayLike, height: ArrayLike, kinds: RoofKinds) -> NDArray[np.float64]:
        """
        Count the floors that a height stands for.

        Parameters
        ----------
        use
            Class of use, shape (n,).
        height
            Height above ground [m], shape (n,).
        kinds
            Archetypes of the same buildings, from `choose`.

        Returns
        -------
        numpy.ndarray
            Floors, shape (n,), at least 1; a hall has one or two however high it is.
        """
        count = np.floor(np.asarray(height, dtype=float) / self.storey_height(use) + 0.5)
        return np.clip(count, 1.0, kinds.storeys_at_most)

    def _column(self, name: str, taken: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.array([getattr(kind, name) for kind in self.kinds], dtype=float)[taken]

    def _values(self, name: str) -> NDArray[np.float64]:
        return np.array([getattr(heights, name) for heights in self.heights.values()], dtype=float)

    def _by_use(self, use: ArrayLike, name: str) -> NDArray[np.float64]:
        return self._values(name)[self._codes(use)]

    def _codes(self, use: ArrayLike) -> NDArray[np.int64]:
        codes, names = pd.factorize(np.asarray(use, dtype=object), use_na_sentinel=False)
        number = {name: index for index, name in enumerate(self.heights)}
        for name in names:
            if name not in number:
                raise GeoError(f"use {name!r} is no class of ours; the classes are {', '.join(self.heights)}.")
        return np.array([number[name] for name in names], dtype=np.int64)[codes]


def load_archetypes(overrides: Mapping[str, Mapping[str, Any]] | None = None, access: Mapping[str, float] | None = None) -> Archetypes:
    """
    Archetypes of the data file with a study's changes.

    Parameters
    ----------
    overrides
        Class of use to changed values, e.g. ``{"factory": {"setback_m": 1.0}}``; the change holds for all archetypes of the class.
        Keys are those of ``archetypes.toml``: shape, construction, tilt, span_m, parapet_height_m, setback_m, obstacle_share,
        skylight_share, minimum_area_m2, excluded_before_year, storeys_at_most, storey_height_m, default_height_m, maximum_height_m.
    access
        Changed `spacing_m` and `width_m` of the ways of access [m].

    Returns
    -------
    Archetypes
        Checked archetypes.

    Raises
    ------
    GeoError
        A class, key or value is not known or out of range.

    Examples
    --------
    >>> kinds = load_archetypes().choose(["factory", "rural_residential"], [9.0, 4.5], [5000.0, 90.0])
    >>> kinds.archetype.tolist()
    ['steel_hall', 'village_gable']
    """
    table = tomllib.loads(files(__package__).joinpath("archetypes.toml").read_text(encoding="utf-8"))
    heights = {use: UseHeights(**values) for use, values in table["use"].items()}
    kinds = [Archetype(**values) for values in table["archetype"]]
    for use, changes in (overrides or {}).items():
        _known(use, heights, "class of use")
        for key, value in changes.items():
            _check(use, key, value)
        heights[use] = replace(heights[use], **_marked(changes, UseHeights))
        kinds = [replace(kind, **_marked(changes, Archetype)) if kind.use == use else kind for kind in kinds]
    for kind in kinds:
        if kind.shape != "flat" and kind.tilt <= 0.0:
            raise GeoError(f"archetype {kind.name}: a {kind.shape} needs a tilt above 0, got {kind.tilt}; set tilt or shape = 'flat'.")
    # A flat roof is level whatever a class-wide tilt says.
    kinds = [replace(kind, tilt=0.0) if kind.shape == "flat" else kind for kind in kinds]
    for use in heights:
        last = [kind for kind in kinds if kind.use == use][-1]
        if any(getattr(last, key) != limit for key, limit in _CONDITIONS.items()):
            raise GeoError(f"the last archetype of {use} must have no condition; it has one.")
    ways = Access(**{**table["access"], **(access or {}), **({"source": "study file", "verified": False} if access else {})})
    if not 0.0 < ways.width_m < ways.spacing_m:
        raise GeoError(f"access ways of {ways.width_m} m every {ways.spacing_m} m; make the width smaller than the spacing.")
    constructions = {name: Construction(**values) for name, values in table["construction"].items()}
    return Archetypes(heights, tuple(kinds), ways, Edges(**table["edges"]), constructions, Load(**table["load"]))


def _marked(changes: Mapping[str, Any], kind: type) -> dict[str, Any]:
    own = {field.name for field in fields(kind)}
    taken = {key: value for key, value in changes.items() if key in own}
    return {**taken, "source": "study file", "verified": False} if taken else {}


def _known(name: str, names: Iterable[str], what: str) -> None:
    if name not in names:
        near = difflib.get_close_matches(name, list(names), 1, 0.0)
        raise GeoError(f"{what} {name!r} is not known; did you mean {near[0]!r}? Known: {', '.join(names)}.")


def _check(use: str, key: str, value: Any) -> None:
    _known(key, [*_RANGES, "shape", "construction"], f"key of {use}")
    if key == "shape":
        _known(str(value), [shape.name.lower() for shape in Shape], "roof shape")
    elif key == "construction":
        _known(str(value), CONSTRUCTIONS, "roof construction")
    else:
        low, high = _RANGES[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise GeoError(f"{use}: {key} = {value!r} is not a number in {low}–{high}; correct it in the study file.")
