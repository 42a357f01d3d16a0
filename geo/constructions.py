"""The construction of a roof from the words of a survey: metal sheet, concrete or tiles."""

import tomllib
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pandas as pd

from .roof_kinds import CONSTRUCTIONS


def roof_constructions(column: pd.Series) -> tuple[npt.NDArray[np.object_], dict[str, int]]:
    """
    Translate words such as 彩钢瓦, 现浇混凝土 or 瓦屋面.

    Parameters
    ----------
    column
        Shape (n,), the source's words.

    Returns
    -------
    constructions : array
        Shape (n,), "metal", "concrete", "tile" or "" where the text is silent or says something else.
    unmapped : dict
        Words that say nothing to us, with counts.

    Examples
    --------
    >>> roof_constructions(pd.Series(["彩钢瓦", "钢筋混凝土", "小青瓦", "", "石棉瓦"]))[0].tolist()
    ['metal', 'concrete', 'tile', '', '']
    """
    codes, distinct = pd.factorize(column.astype("string").str.normalize("NFKC").str.strip().str.casefold())
    number = np.bincount(codes[codes >= 0], minlength=len(distinct))
    meanings = [_meaning(str(word)) for word in distinct]
    lost = {str(word): int(count) for word, count, said in zip(distinct, number, meanings, strict=True) if said is None}
    known = [said if said in CONSTRUCTIONS else "" for said in meanings]
    return np.array([*known, ""], dtype=object)[codes], lost


@lru_cache(maxsize=1)
def _words() -> dict[str, list[str]]:
    table: dict[str, list[str]] = tomllib.loads(files(__package__).joinpath("constructions.toml").read_text(encoding="utf-8"))["words"]
    return table


def _meaning(text: str) -> str | None:
    """Ours, "other" for what is known to be none of ours, "" for nothing said, None where no word is known."""
    words = _words()
    if not text or text in words["empty"] or text in CONSTRUCTIONS:
        return text if text in CONSTRUCTIONS else ""
    return next((name for name in ("other", *CONSTRUCTIONS) if any(word in text for word in words[name])), None)
