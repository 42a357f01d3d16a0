"""Both business models side by side: each number from its own model, money in the page's unit."""

import pandas as pd
import pytest

from layers.business import COLUMNS
from maps.business_page import business_grid, run_finance
from maps.words import load_words


def two_models() -> pd.DataFrame:
    rows = [
        ("whole", "", "own", 3e6, 0.27, 0.5, 0.08, 0.12, 2e5, 6e5, 9.5),
        ("whole", "", "contract", 3e6, 0.27, 0.5, 0.06, 0.09, -1e5, 4e5, 11.0),
        ("use", "factory", "own", 3e6, 0.27, 0.5, 0.08, 0.12, 2e5, 6e5, float("nan")),
        ("use", "factory", "contract", 3e6, 0.27, 0.5, 0.06, 0.09, -1e5, 4e5, 11.0),
        ("area", "甲", "own", 3e6, 0.27, 0.5, 0.08, 0.12, 2e5, 6e5, 9.5),
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_number_comes_from_its_model(lang: str) -> None:
    found = business_grid(two_models(), load_words(lang))
    assert found is not None
    heads, rows = found
    # 3 million CNY = 300 万元
    money = ("300", "20", "-10", "40") if lang == "zh" else ("3.0", "0.2", "-0.1", "0.4")
    unit = "万元" if lang == "zh" else "million CNY"
    assert [unit in head for head in heads[1:]] == [True, False, False, False, True, False, False, True, True]
    assert rows[0][1:] == (money[0], "0.270", "50.0", "8.0", money[1], "9.5", "6.0", money[2], money[3])
    assert rows[1][6] == "—"  # never paid back
    assert len(rows) == 2 and all(len(row) == len(heads) for row in rows)  # areas stand in the spreadsheet


def test_without_prices_there_is_no_table() -> None:
    assert business_grid(None, load_words("zh")) is None
    assert business_grid(two_models().iloc[:0], load_words("zh")) is None
    assert run_finance({}) is None
