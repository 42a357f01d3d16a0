"""What would settle a question that cannot be judged: an input, alternatives of which one is enough, or several together."""

from collections.abc import Iterable, Mapping
from typing import Any

# Keys input, input_en and cell of the form (None: it has none); `or` holds further such tables, each of which is enough instead.
Missing = dict[str, Any]


def asked(zh: str, en: str) -> Missing:
    """
    Name an input that has no cell in the form.

    Parameters
    ----------
    zh
        The input in Chinese.
    en
        The input in English.

    Returns
    -------
    missing
        Keys input, input_en and cell (None).
    """
    return {"input": zh, "input_en": en, "cell": None}


def together(parts: Iterable[Missing]) -> Missing:
    """
    Make one input of several that only help together.

    Parameters
    ----------
    parts
        At least one input.

    Returns
    -------
    missing
        The inputs and their cells in one.
    """
    items = list(parts)
    if len(items) == 1:
        return items[0]
    cells = [str(item["cell"]) for item in items if item["cell"]]
    return {
        "input": "和".join(str(item["input"]) for item in items),
        "input_en": " and ".join(str(item["input_en"]) for item in items),
        "cell": "、".join(cells) or None,
    }


def either(first: Missing, *others: Missing) -> Missing:
    """
    Name inputs of which one is enough.

    Parameters
    ----------
    first
        The input that is easiest to give.
    *others
        What does as well.

    Returns
    -------
    missing
        The first, with the others under `or`.
    """
    return {**first, "or": list(others)} if others else first


def missing_text(item: Mapping[str, Any] | str, lang: str) -> str:
    """
    Say one entry of `missing` of targets.json in words.

    Parameters
    ----------
    item
        A text, or a table with input, cell and perhaps `or`.
    lang
        "zh" or "en".

    Returns
    -------
    str
        The input with the cell of the form to fill; alternatives joined by 或 or "or".

    Examples
    --------
    >>> missing_text(either({"input": "甲", "cell": "表!B3"}, {"input": "乙", "cell": None}), "zh")
    '甲（表!B3）或 乙'
    >>> missing_text({"input": "甲", "input_en": "a and b", "cell": "责任区域!B3、责任区域!C3"}, "en")
    'a and b (form: B3, C3)'
    """
    if isinstance(item, str):
        return item
    texts = []
    for part in (item, *item.get("or", ())):
        name = str((part.get("input_en") if lang == "en" else None) or part.get("input") or "")
        cell = _cells(str(part.get("cell") or ""), lang)
        texts.append(f"{name}（{cell}）" if cell and lang != "en" else f"{name} ({cell})" if cell else name)
    return (" 或 " if lang != "en" else " or ").join(texts).replace("） 或", "）或")


def _cells(cells: str, lang: str) -> str:
    """Name cells of the form; an English reader needs no Chinese name of a sheet, since the form has one to fill."""
    if lang != "en" or not cells:
        return cells
    return "form: " + ", ".join(cell.rpartition("!")[2] for cell in cells.split("、"))
