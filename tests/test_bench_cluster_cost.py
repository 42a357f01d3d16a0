"""What the cluster pages say of costs follows from one measured run, and is what stands in them."""

import pytest

from bench.cluster_cost import HEADS, City, Measured, page, section, written


@pytest.mark.parametrize("lang", HEADS)
def test_pages_tell_what_was_measured_last(lang: str) -> None:
    text = page(lang).read_text(encoding="utf-8")
    assert written(text, lang) == text


def test_costs_follow_from_the_run() -> None:
    """Half a million buildings in 196 s, 96 of them tiles on four cores: 384 core seconds of tiles; 600 runs make China."""
    run = Measured((2027, 1, 2), 4, 500_000, 1_000_000, 196.0, 540.0, 96.0, 3.0, 4.0, 5.0)
    told = " ".join(section("en", run, City(50_000, 100_000, 20.0)).split())
    for words in (
        "2 January 2027",
        "540 seconds of the processor, 0.15 core hours",
        "at most 384 core seconds, 0.11 core hours",
        "about 90 core hours",  # 600 * 540 s
        "64 core hours of tiles, with 64 workers 60 minutes",  # 600 * 384 s = 64 h
        "600 × 100 s = 17 hours",
        "about 5.0 GB, 3.0 TB in all",
        "2.1 times as long a roof (2.1 times a building",
    ):
        assert words in told, words
