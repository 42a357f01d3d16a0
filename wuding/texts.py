"""Columns of the buildings in which people write numbers as text, and what of it could not be read."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo import attributes, height_words

_NUMBERS = ("height", "floors", "min_height", "year_built", "installed_kwp", "load_reserve", "area")
# Texts of a column that a message shows.
_SHOWN = 8


def words_of(column: pd.Series) -> npt.NDArray[np.object_]:
    """
    Give few words of many rows as an array in which equal ones are one text: one each would take ten times as much.

    Parameters
    ----------
    column
        Texts, shape (n,).

    Returns
    -------
    array of str
        Shape (n,); None where there is none.
    """
    codes, distinct = pd.factorize(column)
    return np.array([*distinct, None], dtype=object)[codes]


def given_heights(raw: pd.DataFrame) -> tuple[attributes.Floats, attributes.Floats]:
    """
    Give heights and floors as the source has them.

    Parameters
    ----------
    raw
        Buildings with the study's own columns.

    Returns
    -------
    tuple of array
        Shape (n,) each: heights [m] and floors, NaN where not said.
    """
    return height_words.heights_and_floors(raw.get("height"), raw.get("floors"), len(raw))


def unread_texts(raw: pd.DataFrame) -> dict[str, dict[str, int]]:
    """
    Count the texts that stand where a number should and are not understood, over every row.

    Parameters
    ----------
    raw
        Buildings with the study's own columns, before corrections.

    Returns
    -------
    dict
        Rows by text, most first, by column of ours; columns without such texts are left out.
    """
    found = {name: attributes.unread(raw[name], *_readings(name, raw[name])) for name in _NUMBERS if name in raw}
    return {name: words for name, words in found.items() if words}


def tell_unread(unread: dict[str, dict[str, int]], warnings: list[str]) -> None:
    """
    Say which texts are not understood.

    Parameters
    ----------
    unread
        From `unread_texts`.
    warnings
        What the user should know; appended to.
    """
    for name, words in unread.items():
        first = [f"{word!r} ({count})" for word, count in list(words.items())[:_SHOWN]]
        shown = ", ".join([*first, *(["…"] if len(words) > _SHOWN else [])])
        warnings.append(f"{sum(words.values())} buildings have a {name} that is not understood and is taken as unknown: {shown}")


def _readings(name: str, column: pd.Series) -> list[attributes.Floats]:
    match name:
        case "height" | "min_height":
            return [height_words.lengths(column), height_words.floor_counts(column, only_said=True)]
        case "floors":
            return [height_words.floor_counts(column), height_words.lengths(column, only_said=True)]
        case "year_built":
            return [attributes.years(column)]
        case "installed_kwp":
            return [attributes.quantities(column, attributes.KILOWATTS)]
        case "area":
            return [attributes.quantities(column, attributes.SQUARE_METRES)]
    return [attributes.numbers(column)]
