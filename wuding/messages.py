"""English messages of the rooms in Chinese: a catalogue of templates, matched against the finished message."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from string import Formatter

from layers.codes import KINDS, code_word

# This section of the catalogue is looked up whole: its short words would be found inside messages where they mean something else.
SOURCES = "sources"
# A template with fewer letters of its own fits almost anything, so it counts only where a part of it is a message too.
_FEW_LETTERS = 6
# …and never takes a long list apart piece by piece.
_MOST_PARTS = 12
_QUOTED = ("'", '"')
# What Python writes for a value: text in quotes, anything else without them.
_REPR = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[\[({].*?|[^'":]*?)"""
_COMMA = re.compile(", | or ")
# Between several messages in one placeholder, in English and in Chinese.
_JOINTS = {"or": (" or ", " 或 "), "notes": ("; ", "；")}
_COUNTED = re.compile(r"^([\d,]+) (.+)$")
_VERBS = {"have": "has", "are": "is", "were": "was", "lie": "lies", "take": "takes", "name": "names", "come": "comes", "count": "counts"}
_VERB = "|".join(_VERBS)
_THINGS = "building|row|file|footprint|shape|roof|parcel|tile|hour|point|value|region|id|line|outline|cell|ring"
# English for one thing: "1 invalid shapes were", "1 of 3000 buildings have".
_ONE = re.compile(rf"(?<![\w.,])1 ((?:(?!of )[a-z]+ ){{0,2}}?)({_THINGS})s\b(?: ({_VERB})\b)?")
_ONE_OF = re.compile(rf"(?<![\w.,])(1 of (?:(?:the|these|[\d,]+) )?(?:[a-z]+ )?(?:{_THINGS})s) ({_VERB})\b")
_CODE = re.compile(r"(?<![\w.])[a-z]+(?:_[a-z]+)*(?![\w.])")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A template as a regular expression, the longest piece of text that it needs, whether it starts with text, and its Chinese."""

    pattern: str
    needs: str
    letters: int
    starts: bool
    chinese: str


def catalogue() -> dict[str, str]:
    """
    Read the catalogue.

    Returns
    -------
    dict of str to str
        English template to Chinese template; placeholders are numbered in the order of the English.
    """
    return {english: chinese for name, section in _read().items() if name != SOURCES for english, chinese in section.items()}


def translate_source(text: str, lang: str) -> str:
    """
    Say the source or the unit of a parameter in the language of its reader.

    Parameters
    ----------
    text
        The source in English.
    lang
        "zh" or "en".

    Returns
    -------
    str
        In Chinese where the catalogue knows it.
    """
    return str(_read()[SOURCES].get(text, text)) if lang == "zh" else text


@cache
def _read() -> dict[str, dict[str, str]]:
    tree: dict[str, dict[str, str]] = tomllib.loads((files(__package__) / "messages.toml").read_text(encoding="utf-8"))
    return tree


def translate(message: str, lang: str) -> str:
    """
    Say a finished message in the language of its reader.

    Parameters
    ----------
    message
        What a room raised or noted, in English.
    lang
        "zh" or "en".

    Returns
    -------
    str
        In Chinese where the catalogue knows the template; what it does not know stays as it is. In English one thing is not spoken of as
        several.

    Examples
    --------
    >>> translate("building ids: 3 source ids are empty or repeated; ids were made for these", "zh")
    '建筑编号：3 个原编号为空或重复，已为这些要素另编编号'
    """
    if lang != "zh" or not message:
        return _one(message)
    lines = message.split("\n")
    said = [line[: len(line) - len(line.lstrip())] + _chinese(line.lstrip()) for line in lines]
    # A message that holds another library's text may run over several lines and is known only as a whole.
    return _chinese(message) if said == lines else "\n".join(said)


def translate_all(messages: Sequence[str], lang: str) -> list[str]:
    """
    Say several messages in the language of their reader.

    Parameters
    ----------
    messages
        Finished messages in English.
    lang
        "zh" or "en".

    Returns
    -------
    list of str
        The same number, in the same order.
    """
    return [translate(message, lang) for message in messages]


def language_of(arguments: Sequence[str]) -> str:
    """
    Find the language in which a command is answered, even where its study file is broken.

    Parameters
    ----------
    arguments
        Arguments of the command line.

    Returns
    -------
    str
        That of --lang, of the study file or of the run that is named; else "zh".
    """
    for number, argument in enumerate(arguments):
        value = argument.partition("=")[2] if argument.startswith("--lang=") else ""
        if argument == "--lang" and number + 1 < len(arguments):
            value = arguments[number + 1]
        if value in ("zh", "en"):
            return value
    for argument in arguments:
        path = Path(argument)
        file = path / "manifest.json" if path.is_dir() else path
        pattern = r'"lang":\s*"(zh|en)"' if path.is_dir() else r"^\s*lang\s*=\s*['\"](zh|en)['\"]"
        if file.suffix in (".toml", ".json") and file.is_file():
            found = re.search(pattern, file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
            if found:
                return found[1]
    return "zh"


def _one(text: str) -> str:
    text = _ONE.sub(lambda found: f"1 {found[1]}{found[2]}" + (f" {_VERBS[found[3]]}" if found[3] else ""), text)
    return _ONE_OF.sub(lambda found: f"{found[1]} {_VERBS[found[2]]}", text)


def _chinese(text: str) -> str:
    return _best(text)[1]


@lru_cache(maxsize=4096)
def _best(text: str) -> tuple[int, str]:
    """
    Find the reading of a text that explains most of its letters: its own template's and those of the messages inside.

    A message can stand behind the words of another one ("building ids: 3 of 5 …"), where the inner template fits the whole too.
    """
    best = (0, False, text)
    for entry in _entries():
        often = text.count(entry.needs)
        found = _compiled(entry.pattern).fullmatch(text) if often and (entry.letters >= _FEW_LETTERS or often <= _MOST_PARTS) else None
        if found is None:
            continue
        score, said = _filled(entry.chinese, found.groups())
        if entry.letters >= _FEW_LETTERS or score:
            best = max(best, (entry.letters + score, entry.starts, said), key=lambda reading: reading[:2])
    return best[0], best[2]


@cache
def _entries() -> tuple[_Entry, ...]:
    """Sort the catalogue, the most particular template first."""
    made = []
    for english, chinese in ((english.strip(), chinese.strip()) for english, chinese in catalogue().items()):
        pieces = list(_pieces(english))
        pattern = "".join(re.escape(text) + hole for text, hole in pieces)
        texts = [text for text, _ in pieces]
        letters = sum(letter.isalpha() for piece in texts for letter in piece)
        made.append(_Entry(pattern, max(texts, key=len, default=""), letters, bool(texts[:1] and texts[0]), chinese))
    return tuple(sorted(made, key=lambda entry: (-entry.letters, entry.pattern)))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a template when a text may fit it: all of the catalogue took a second of every process."""
    return re.compile(pattern, re.DOTALL)


def _pieces(template: str) -> Iterator[tuple[str, str]]:
    """Take a template apart into texts, each with the expression of the placeholder that follows."""
    for text, placeholder, _, conversion in Formatter().parse(template):
        yield text, "" if placeholder is None else _REPR if conversion == "r" else "(.*?)"


def _filled(template: str, parts: Sequence[str]) -> tuple[int, str]:
    """
    Put the parts into a Chinese template, and count the letters that they explain.

    {0} is a message or a value, {0:list} items, {0:notes} messages joined by "; ", {0:or} choices, {0:codes} codes of our tables, {0:raw} a
    key or a text that stays as it is.
    """
    said, score = [], 0
    for text, placeholder, form, _ in Formatter().parse(template):
        said.append(text)
        if placeholder is None:
            continue
        part = parts[int(placeholder)]
        if form == "raw":
            said.append(part)
            continue
        if form in _JOINTS:
            joint, chinese = _JOINTS[form]
            readings = [_best(item) for item in part.split(joint)]
            score += sum(letters for letters, _ in readings)
            said.append(chinese.join(word for _, word in readings))
            continue
        if form == "codes" and part in _words():
            said.append(_words()[part])
            continue
        if form == "codes":
            said.append("、".join(_COUNTED.sub(r"\2 \1", _CODE.sub(_code, item)) for item in part.split(", ")))
            continue
        items = [_bare(item) for item in _COMMA.split(part)] if form == "list" else [_bare(part) if text.endswith("“") else part]
        readings = [_best(item) for item in items]
        score += sum(letters for letters, _ in readings)
        said.append("、".join(word for _, word in readings))
    return score, "".join(said)


def _code(found: re.Match[str]) -> str:
    words: Mapping[str, str] = _codes()
    return words.get(found[0], found[0])


@cache
def _codes() -> dict[str, str]:
    return {code: code_word(kind, code, "zh") for kind, codes in KINDS.items() if kind != "assumption" for code in codes}


@cache
def _words() -> dict[str, str]:
    """English words of our codes with the Chinese ones, for messages that are written in words."""
    return {code_word(kind, code, "en"): code_word(kind, code, "zh") for kind in ("use", "layer", "deduction") for code in KINDS[kind]}


def _bare(part: str) -> str:
    """Take Python's quotes off a value that the Chinese puts into its own."""
    if len(part) > 1 and part[0] in _QUOTED and part[-1] == part[0]:
        try:
            value = ast.literal_eval(part)
        except (ValueError, SyntaxError):
            return part
        return value if isinstance(value, str) else part
    return part
