"""Words of the codes in our tables: use, status, verdict, tier, mounting, layer."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files


def _read() -> dict[str, dict[str, tuple[str, str]]]:
    tree = tomllib.loads((files(__package__) / "codes.toml").read_text(encoding="utf-8"))
    return {kind: {code: (pair[0], pair[1]) for code, pair in codes.items()} for kind, codes in tree.items()}


KINDS: Mapping[str, Mapping[str, tuple[str, str]]] = _read()


def code_word(kind: str, code: str, lang: str) -> str:
    """
    Say a code in words.

    Parameters
    ----------
    kind
        Which codes: a key of `KINDS`, named like the column where there is one.
    code
        The code as in the tables.
    lang
        "zh" or "en".

    Returns
    -------
    str
        Its word, the code itself where it has none.

    Examples
    --------
    >>> code_word("status", "too_small", "zh")
    '面积过小'
    """
    pair = KINDS[kind].get(code)
    return code if pair is None else pair[0 if lang == "zh" else 1]


def code_words(kind: str, lang: str) -> dict[str, str]:
    """
    Give the words of all codes of a kind.

    Parameters
    ----------
    kind
        A key of `KINDS`.
    lang
        "zh" or "en".

    Returns
    -------
    dict of str to str
        Word by code.
    """
    return {code: pair[0 if lang == "zh" else 1] for code, pair in KINDS[kind].items()}


def role_word(role: str, lang: str) -> str:
    """
    Say the role of an input file in words.

    Parameters
    ----------
    role
        As in the manifest, e.g. "dem", "regions.districts".
    lang
        "zh" or "en".

    Returns
    -------
    str
        Its word; a layer of the user's own keeps its key.
    """
    layer = role.removeprefix("regions.")
    return code_word("role", role, lang) if layer == role else code_word("layer", layer, lang)
