"""A font for Chinese in charts, or labels that stay legible without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

# Sans first; the Japanese face of Noto holds the Chinese characters too and is the one that matplotlib finds in a .ttc file.
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "PingFang SC",
    "Noto Sans CJK JP",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
    "SimSun",
    "Noto Serif CJK SC",
    "Noto Serif CJK JP",
)
PROBE = "屋顶光伏装机容量区县发电"


@dataclass(frozen=True)
class ChartFont:
    """The font of the charts and whether Chinese can be written with it."""

    family: str
    path: str
    chinese: bool

    def properties(self, size: float, *, bold: bool = False) -> FontProperties:
        """
        Font properties for matplotlib.

        Parameters
        ----------
        size
            Size [pt].
        bold
            True for headings; only where the family has a bold face of its own.

        Returns
        -------
        FontProperties
            The font at that size.
        """
        return FontProperties(fname=self.path, size=size, weight="bold" if bold else "normal")


@cache
def find_font(families: tuple[str, ...] = CHINESE) -> ChartFont:
    """
    Find a font that can write Chinese; else the font that matplotlib brings.

    Parameters
    ----------
    families
        Families to look for, best first.

    Returns
    -------
    ChartFont
        The font; `chinese` says whether one was found.
    """
    known: dict[str, str] = {}
    for entry in font_manager.fontManager.ttflist:
        if entry.style == "normal" and (entry.name not in known or str(entry.weight) in ("400", "normal", "regular")):
            known[entry.name] = entry.fname
    for family in families:
        path = known.get(family)
        if path is not None and all(character in _characters(path) for character in map(ord, PROBE)):
            return ChartFont(family, path, True)
    plain = font_manager.findfont("DejaVu Sans")
    return ChartFont("DejaVu Sans", plain, False)


def in_chinese(figure: Figure) -> None:
    """
    Ask for the Chinese forms of signs that Japan and Korea write otherwise: left alone, the locale of the machine chooses.

    Parameters
    ----------
    figure
        Changed: every text in it. matplotlib before 3.11 knows no languages, and draws the font's first form everywhere.
    """
    for text in figure.findobj(Text):
        if isinstance(text, Text) and hasattr(text, "set_language"):
            text.set_language("zh-Hans")


def legible(labels: Sequence[str], font: ChartFont) -> tuple[list[str], dict[str, str]]:
    """
    Labels that the font can write: others become numbers with a key to be printed beside the chart.

    Parameters
    ----------
    labels
        Labels as they should stand.
    font
        Font of the chart.

    Returns
    -------
    tuple
        The labels to draw, and number to label where a number stands for one.
    """
    have = _characters(font.path)
    drawn, keys = [], {}
    for at, label in enumerate(labels, start=1):
        if all(ord(character) in have for character in label):
            drawn.append(label)
        else:
            drawn.append(f"[{at}]")
            keys[f"[{at}]"] = label
    return drawn, keys


@cache
def _characters(path: str) -> frozenset[int]:
    return frozenset(FT2Font(path).get_charmap())
