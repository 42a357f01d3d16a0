"""Words of roof construction as surveys have them."""

from __future__ import annotations

import pandas as pd
import pytest

from geo.constructions import roof_constructions


@pytest.mark.parametrize(
    ("word", "construction"),
    [
        ("彩钢瓦", "metal"),
        ("单层彩钢板", "metal"),
        ("压型钢板屋面", "metal"),
        ("铝镁锰", "metal"),
        ("混凝土", "concrete"),
        ("现浇钢筋砼", "concrete"),
        ("预制板平屋面", "concrete"),
        ("瓦屋面", "tile"),
        ("小青瓦", "tile"),
        (" 机制红瓦 ", "tile"),
        ("石棉瓦", ""),  # carries nothing: the archetype of the class holds and the load stays to be checked
        ("玻璃采光顶", ""),
        ("Metal_Sheet", "metal"),
        ("roof_tiles", "tile"),
        ("concrete", "concrete"),
        ("不详", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_words(word: str | None, construction: str) -> None:
    found, unmapped = roof_constructions(pd.Series([word, "混凝土"], dtype="string"))
    assert found.tolist() == [construction, "concrete"]
    assert unmapped == {}


def test_what_nobody_knows_is_counted() -> None:
    found, unmapped = roof_constructions(pd.Series(["甲类", "甲类", "彩钢"]))
    assert found.tolist() == ["", "", "metal"] and unmapped == {"甲类": 2}
    assert roof_constructions(pd.Series([1.0, float("nan")]))[1] == {"1.0": 1}
