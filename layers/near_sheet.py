"""The sheet of tables.xlsx on use nearby: what each area uses of its generation, the grid's room, colours and storage."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from .codes import code_word
from .near_use import NO_BUILDINGS
from .plan_sheets import HUNDREDTHS, TENTHS, Sheet, Word
from .profiles import WHOLE

TEXT, SHARE = "General", "0.0%"
# Word, column of near_use.json, factor, number format.
SHOWN = (
    ("pv_mw", "pv_mw", 1.0, HUNDREDTHS),
    ("existing_mw", "existing_mw", 1.0, HUNDREDTHS),
    ("pv_gwh", "pv_mwh", 1e-3, HUNDREDTHS),
    ("load_gwh", "load_mwh", 1e-3, HUNDREDTHS),
    ("load_source", "load_source", None, TEXT),
    ("self_consumption", "self_consumption", 1.0, SHARE),
    ("self_sufficiency", "self_sufficiency", 1.0, SHARE),
    ("exported_gwh", "exported_mwh", 1e-3, HUNDREDTHS),
    ("peak_export", "peak_export_mw", 1.0, HUNDREDTHS),
    ("capacity_mva", "capacity_mva", 1.0, TENTHS),
    ("reverse_load_ratio", "reverse_load_ratio", 1.0, SHARE),
    ("connect_room", "connect_mw", 1.0, TENTHS),
    ("connect_range", "connect", None, TEXT),
    ("register_room", "register_mw", 1.0, TENTHS),
    ("register_range", "register", None, TEXT),
    ("colour", "colour", None, TEXT),
    ("colour_source", "colour_source", None, TEXT),
    ("hostable", "hostable_mw", 1.0, TENTHS),
    ("unhostable", "unhostable_mw", 1.0, TENTHS),
    ("curtailed", "curtailed_mwh", 1e-3, HUNDREDTHS),
    ("storage_up", "storage_up_mw", 1.0, TENTHS),
    ("storage_up_mwh", "storage_up_mwh", 1.0, TENTHS),
)
# What the grid company says stands also where the data hold no building.
OFFICIAL = ("capacity_mva", "colour", "colour_source")


def near_sheet(rows: Sequence[Mapping[str, Any]], word: Word, lang: str) -> Sheet:
    """
    Make the sheet of use nearby.

    Parameters
    ----------
    rows
        Rows of near_use.json.
    word
        Gives a word of spreadsheet.toml in the language.
    lang
        "zh" or "en".

    Returns
    -------
    sheet
        A row for the whole and for each area of each layer.
    """
    heads = [(word("layer"), TEXT), (word("area_name"), TEXT), *((word(name), form) for name, _, _, form in SHOWN), (word("note"), TEXT)]
    out = []
    for row in rows:
        whole = row["layer"] == WHOLE
        first = [word("whole") if whole else code_word("layer", row["layer"], lang), word("whole") if whole else row["area"]]
        unseen = row["doubt"] == NO_BUILDINGS
        values = [None if unseen and key not in OFFICIAL else _value(row, key, factor, word) for _, key, factor, _ in SHOWN]
        doubt = f"{word(row['doubt'])}{'；' if lang == 'zh' else '; '}" if row["doubt"] else ""
        out.append(([*first, *values, f"{doubt}{word('near_note')}"], None))
    return Sheet("near_use", tuple(heads), tuple(out))


def _value(row: Mapping[str, Any], key: str, factor: float | None, word: Word) -> Any:
    if key in ("connect", "register"):
        low, high = row[f"{key}_low_mw"], row[f"{key}_high_mw"]
        return None if low is None else f"{low:.1f} – {high:.1f}"
    value = row[key]
    if value is None:
        return None
    return word(value) if factor is None else factor * value


def connection_sheet(table: pd.DataFrame, word: Word) -> Sheet:
    """
    Make the sheet of the classes of distributed PV.

    Parameters
    ----------
    table
        From `connection.connection_table`.
    word
        Gives a word of spreadsheet.toml in the language.

    Returns
    -------
    sheet
        A row a class.
    """
    shown = (
        *(("pv_class", TEXT), ("class_buildings", "#,##0"), ("class_mw", HUNDREDTHS), ("pv_gwh", HUNDREDTHS), ("self_use_share", SHARE)),
        *(("required_share", SHARE), ("below_mw", HUNDREDTHS), ("export_price", "0.0000"), ("note", TEXT)),
    )
    rows = []
    for row in table.to_dict("records"):
        values = [None if pd.isna(value) else value for key, value in row.items() if key != "class"]
        rows.append(([word(f"class_{row['class']}"), *values, word("connection_note")], None))
    return Sheet("connection", tuple((word(name), form) for name, form in shown), tuple(rows))
