"""Heads of columns with their units, and the unit of money of each language, the same in every product."""


def headed(title: str, unit: str, lang: str) -> str:
    """
    Put a unit behind a title, within the brackets that it may end with.

    Parameters
    ----------
    title
        Title, perhaps ending in brackets.
    unit
        Unit, empty for none.
    lang
        zh or en.

    Returns
    -------
    str
        Head of a column or caption.

    Examples
    --------
    >>> headed("装机容量（直流）", "MW", "zh"), headed("静态投资", "万元", "zh"), headed("LCOE", "CNY/kWh", "en")
    ('装机容量（直流，MW）', '静态投资（万元）', 'LCOE (CNY/kWh)')
    """
    left, comma, right = ("（", "，", "）") if lang == "zh" else (" (", ", ", ")")
    if not unit:
        return title
    return f"{title[: -len(right)]}{comma}{unit}{right}" if title.endswith(right) else f"{title}{left}{unit}{right}"


def money(lang: str) -> tuple[float, str]:
    """
    Give the unit in which sums of money stand: 万元 in Chinese, million CNY in English.

    Parameters
    ----------
    lang
        zh or en.

    Returns
    -------
    tuple of float and str
        Factor from CNY, and the number format of a spreadsheet.
    """
    return (1e-4, "#,##0") if lang == "zh" else (1e-6, "#,##0.00")
