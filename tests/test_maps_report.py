"""The report: one file, escaped, complete, and its charts."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from matplotlib.text import Text

from maps.charts import bars, months
from maps.fonts import find_font
from maps.region_charts import region_map
from maps.report import report
from maps.tables import map_tables

from .test_maps_tables import NASTY, county

LOADS = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)\s*=\s*[\"']?(?:https?:)?//|url\(\s*[\"']?(?:https?:)?//", re.I)


@pytest.fixture(scope="module")
def run() -> dict[str, Any]:
    return county()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_report_is_one_file_and_the_same_every_time(run: dict[str, Any], tmp_path: Path, lang: str) -> None:
    tables = map_tables(**run)
    first = report(tables, tmp_path / "a.html", lang).read_text(encoding="utf-8")
    again = report(tables, tmp_path / "b.html", lang).read_text(encoding="utf-8")
    assert first == again
    assert not LOADS.search(first) and "<script" not in first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.html"]  # nothing half-written stays


def test_names_are_text(run: dict[str, Any], tmp_path: Path) -> None:
    for table in run["regions"].values():
        table["name"] = [
            NASTY[i % len(NASTY)] if kind != "outside" else name
            for i, (name, kind) in enumerate(zip(table["name"], table["kind"], strict=True))
        ]
    page = report(map_tables(**run), tmp_path / "r.html", "zh").read_text(encoding="utf-8")
    assert "<img src=x" not in page and "<b>粗" not in page and "49" not in re.findall(r">\s*(49)\s*<", page)
    assert "&lt;script&gt;window.pwned=1&lt;/script&gt;" in page and "{{7*7}}" in page and "${window.pwned=1}" in page


def test_the_answer_carries_the_totals(run: dict[str, Any], tmp_path: Path) -> None:
    totals = run["manifest"]["totals"] | {
        "pdc0_kwp": 5_230_000.0,
        "pac0_kw": 4_360_000.0,
        "energy_kwh": 6.1e9,
        "energy_p90_kwh": 5.6e9,
        "capex_cny": 1.5e10,
    }
    tables = map_tables(**(run | {"manifest": run["manifest"] | {"totals": totals}}))
    page = report(tables, tmp_path / "r.html", "zh").read_text(encoding="utf-8")
    # 5,230 MW = 523 万千瓦; 6.1 TWh = 61 亿千瓦时; 15 billion CNY = 150 亿元
    for said in ("523.0 万千瓦", "436.0 万千瓦", "61.00 亿千瓦时", "56.00 亿千瓦时", "150.00 亿元"):
        assert said in page
    assert "仅供内部规划使用" in page and "虚构" in page and "气候值" in page and "责任区域!H5" in page and "无法判定" in page


def test_a_study_without_policy_or_regions_still_reports(run: dict[str, Any], tmp_path: Path) -> None:
    bare = map_tables(**(run | {"regions": {}, "targets": {"as_of": "2026-11-23", "policy": None, "targets": []}}))
    page = report(bare, tmp_path / "r.html", "en").read_text(encoding="utf-8")
    assert "names no policy" in page and "No policy named" in page


def svg(uri: str) -> str:
    return base64.b64decode(uri.partition(",")[2]).decode("utf-8")


def test_charts_need_no_font_and_take_any_name(run: dict[str, Any]) -> None:
    chart = bars(["清河区", *NASTY], [3.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.0], "装机容量 MW", alt="a")
    picture = svg(chart.uri)
    assert "<text" not in picture and "<script" not in picture  # letters are outlines
    assert chart.keys == {} or not find_font().chinese
    plain = bars(["清河区"], [1.0], "MW", alt="a", font=find_font(("no such family",)))
    assert plain.keys == {"[1]": "清河区"}
    months([1.0] * 12, "GWh", alt="m", names=[f"{month}月" for month in range(1, 13)])
    drawn = run["regions"]["responsible"]
    picture = region_map(drawn[drawn["kind"] == "region"], "pdc0_kwp", "zh", title="t", alt="t")
    assert len(picture.figure.axes[0].collections[0].get_paths()) == 4 and "<text" not in svg(picture.uri)


def test_charts_draw_chinese_signs_as_china_writes_them() -> None:
    """A font of all of East Asia draws 直 by the language of the machine, else as Japan does."""
    chart = bars(["直属区"], [1.0], "直流容量 MW", alt="a")
    texts = [text for text in chart.figure.findobj(Text) if isinstance(text, Text)]
    assert any("直" in text.get_text() for text in texts)
    assert {text.get_language() for text in texts if hasattr(text, "get_language")} <= {"zh-Hans"}
