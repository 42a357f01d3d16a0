"""What the user filled into the form: a value by area and field, and the name of each cell."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils import get_column_letter

from .errors import LayersError
from .form_fields import CITY, FIELDS, SHEETS, Field, Lang

Value = float | int | str | bool | None
FIRST_ROW = 3  # the whole city; its areas follow
MOST_MW = 50_000.0  # more than the PV of any city: a number in kW


@dataclass(frozen=True, slots=True)
class FormValues:
    """What the form holds: a value by area (None is the whole city) and field; an empty cell is unknown, None."""

    areas: tuple[str, ...]
    values: Mapping[tuple[str | None, str], Value] = field(default_factory=dict)
    rows: Mapping[str | None, int] = field(default_factory=dict)
    sheet: str = SHEETS["zh"][0]

    def get(self, area: str | None, name: str) -> Any:
        """
        Give the value of a cell as filled in.

        Parameters
        ----------
        area
            Accountable area, None for the whole.
        name
            Key of a field.

        Returns
        -------
        value
            The value, None where the cell is empty.
        """
        return self.values.get((None if area is None else shown_name(area), name))

    def total(self, area: str | None, name: str) -> float | None:
        """
        Give a quantity of an area, or of the whole as the sum of its areas where its own cell is empty.

        Parameters
        ----------
        area
            Accountable area, None for the whole.
        name
            Key of a field that can be added up.

        Returns
        -------
        value
            None where it is unknown: one empty area makes the sum unknown.
        """
        own = self.get(area, name)
        if own is not None or area is not None or not self.areas:
            return None if own is None else float(own)
        parts = [self.get(part, name) for part in self.areas]
        return None if any(part is None for part in parts) else math.fsum(float(part) for part in parts)

    def cell(self, area: str | None, name: str) -> str:
        """
        Name the cell of a field, as people do in Excel.

        Parameters
        ----------
        area
            Accountable area, None for the whole.
        name
            Key of a field.

        Returns
        -------
        cell
            For example ``责任区域!D5``.
        """
        area = None if area is None else shown_name(area)
        if area not in self.rows:
            raise LayersError(f"the form has no row for the area {area!r}; its rows are {', '.join(self.areas)}")
        return f"{self.sheet}!{column_of(name)}{self.rows[area]}"

    def missing(self, area: str | None, name: str) -> dict[str, str | None]:
        """
        Say which input would settle a question and where it belongs.

        Parameters
        ----------
        area
            Accountable area, None for the whole.
        name
            Key of a field.

        Returns
        -------
        missing
            Keys input, input_en and cell.
        """
        asked = field_named(name)
        return {"input": asked.head("zh"), "input_en": asked.head("en"), "cell": self.cell(area, name)}

    def with_city(self, **values: float | None) -> "FormValues":
        """
        Add values for the whole that the study file gives.

        Parameters
        ----------
        **values
            Values by key of a field; None changes nothing.

        Returns
        -------
        form
            A new form with these values in the row of the whole.

        Raises
        ------
        LayersError
            Where the form gives another value.
        """
        merged = dict(self.values)
        for name, value in values.items():
            if value is None:
                continue
            if not math.isfinite(value) or value < 0:
                raise LayersError(f"{name} = {value!r} in the study file: expected a number of 0 or more")
            if value > MOST_MW:
                raise LayersError(f"{name} = {value:g} in the study file: {too_many_mw(value)}")
            own = self.get(None, name)
            if own is not None and not math.isclose(float(own), value, rel_tol=1e-9):
                raise LayersError(
                    f"{self.cell(None, name)} holds {own:g} but the study file says {value:g} for {name}: keep one of the two"
                )
            merged[None, field_named(name).key] = value
        return replace(self, values=merged)


def blank_form(areas: Sequence[str], lang: Lang = "zh") -> FormValues:
    """
    Make the values of a form that nobody has filled in.

    Parameters
    ----------
    areas
        Accountable areas in the order of the form.
    lang
        Language of the form.

    Returns
    -------
    form
        A form without values, whose cells have their names.

    Examples
    --------
    >>> blank_form(["甲区"]).cell("甲区", "existing_ac_mw")
    '责任区域!B4'
    """
    shown = area_names(areas, lang)
    return FormValues(shown, {}, {None: FIRST_ROW} | {area: FIRST_ROW + 1 + number for number, area in enumerate(shown)}, SHEETS[lang][0])


def too_many_mw(value: float) -> str:
    """
    Explain a number of MW that no city has.

    Parameters
    ----------
    value
        What was given [MW].

    Returns
    -------
    str
        The end of a message.
    """
    return f"{value:.12g} MW is more than any city has; if kW were meant, write {value / 1e3:.12g} (1 万千瓦 is 10 MW)"


def field_named(name: str) -> Field:
    """
    Find a field by its key.

    Parameters
    ----------
    name
        Key of a field.

    Returns
    -------
    field
        The field.

    Raises
    ------
    LayersError
        If the form has no such field.
    """
    for asked in FIELDS:
        if asked.key == name:
            return asked
    raise LayersError(f"the form has no field {name!r}")


def column_of(name: str) -> str:
    """
    Find the column of a field.

    Parameters
    ----------
    name
        Key of a field.

    Returns
    -------
    letters
        Letters of the column.
    """
    return get_column_letter(FIELDS.index(field_named(name)) + 2)


def shown_name(text: str) -> str:
    """
    Give a name as a cell can hold it.

    Parameters
    ----------
    text
        Name of an area.

    Returns
    -------
    name
        Without control characters and outer blanks.
    """
    return ILLEGAL_CHARACTERS_RE.sub(" ", text).strip()


def area_names(areas: Sequence[str], lang: Lang) -> tuple[str, ...]:
    """
    Check the names of the accountable areas.

    Parameters
    ----------
    areas
        Names of areas.
    lang
        Language of the form.

    Returns
    -------
    names
        The names as the form shows them.

    Raises
    ------
    LayersError
        For an empty name, one used twice, or that of the whole.
    """
    shown = tuple(shown_name(area) for area in areas)
    wrong = [area for area in shown if not area or area in CITY.values() or shown.count(area) > 1]
    if wrong:
        raise LayersError(f"accountable area {wrong[0]!r}: each needs a name of its own, other than {CITY[lang]!r}")
    return shown
