"""Every message that a user can meet has its Chinese, and the catalogue holds nothing that nobody says any more."""

import ast
import itertools
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from layers.codes import KINDS, code_word
from wuding.messages import SOURCES, catalogue, language_of, translate

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("geo", "solar", "layers", "maps", "wuding")
# These end with exit code 1: faults of the program, for its authors.
OURS = {"RuntimeError", "KeyError", "IndexError", "TypeError", "NotImplementedError", "AssertionError", "StopIteration", "Exit"}
LISTS = {"warnings", "notes", "problems"}
WORDS = re.compile(r"[A-Za-z]{2,}\W+(?:\w+\W+)*?[A-Za-z]{2,}")


class Source:
    """The messages of the five rooms, read from the syntax tree."""

    def __init__(self) -> None:
        self.trees = {f: ast.parse(f.read_text(encoding="utf-8")) for room in ROOMS for f in sorted((ROOT / room).rglob("*.py"))}
        self.functions: dict[str, list[tuple[Path, ast.FunctionDef]]] = {}
        for file, tree in self.trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    self.functions.setdefault(node.name, []).append((file, node))
        self.found: dict[str, str] = {}
        for file, tree in self.trees.items():
            for node in ast.walk(tree):
                for expression in self.messages(node):
                    for template in self.templates(expression, file, tree):
                        self.add(template, file, node)
                if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Call):
                    for template in self.called(node.value, file):
                        if WORDS.search(template):
                            self.add(template, file, node)

    def add(self, template: str, file: Path, node: ast.AST) -> None:
        if re.search(r"[A-Za-z]{2,}", template) or template.count("{") > 1:
            self.found.setdefault(template, f"{file.relative_to(ROOT).as_posix()}:{getattr(node, 'lineno', '?')}")

    def messages(self, node: ast.AST) -> Iterator[ast.expr]:
        """Find what is raised, what is appended to warnings and notes, and what becomes a building's reason."""
        match node:
            case ast.Raise(exc=ast.Call(func=function, args=[first, *_])) if name_of(function) not in OURS:
                yield first
            case ast.Call(func=ast.Attribute(value=owner, attr="append" | "insert" | "extend"), args=[*_, last]) if name_of(owner) in LISTS:
                yield last
            case ast.Assign(targets=[target], value=value) if is_message(target, value):
                yield value
            case ast.FunctionDef(name=name) if name.endswith("_notes"):
                yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value is not None)
            case ast.keyword(arg="notes" | "warnings", value=ast.Tuple() | ast.List() as value):
                yield value

    def templates(self, node: ast.expr, file: Path, inside: ast.AST) -> list[str]:
        """Templates that an expression can become; nothing where it only hands on a message made elsewhere."""
        match node:
            case ast.Constant(value=str(text)):
                return [text.replace("{", "{{").replace("}", "}}")]
            case ast.JoinedStr(values=values):
                return [numbered("".join(hole(v) if isinstance(v, ast.FormattedValue) else braced(v) for v in values))]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                pairs = [(a, b) for a in self.templates(left, file, inside) for b in self.templates(right, file, inside)]
                return [numbered(re.sub(r"\{\d*(!r)?\}", r"{\1}", a + b)) for a, b in pairs]
            case ast.IfExp(body=body, orelse=orelse):
                return self.templates(body, file, inside) + self.templates(orelse, file, inside)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                # A pair of texts is a note in both languages already.
                both = isinstance(node, ast.Tuple) and len(parts) == 2
                return [] if both else [t for part in parts for t in self.templates(part, file, inside)]
            case ast.GeneratorExp(elt=part) | ast.ListComp(elt=part):
                return self.templates(part, file, inside)
            case ast.Call(func=ast.Attribute(attr="join"), args=[listed]):
                return self.templates(listed, file, inside)
            case ast.Call():
                return self.called(node, file)
        return []

    def called(self, node: ast.Call, file: Path) -> list[str]:
        """Templates that a function of ours returns: the one of the same file, else the only one of that name."""
        known = self.functions.get(name_of(node.func), [])
        chosen = [pair for pair in known if pair[0] == file] or (known if len(known) == 1 else [])
        returns = [(f, p.value) for f, function in chosen for p in ast.walk(function) if isinstance(p, ast.Return) and p.value]
        return [t for f, value in returns if not isinstance(value, ast.Call) for t in self.templates(value, f, value)]

    def all_texts(self) -> set[str]:
        """Give every text of the source: pieces of messages may stand anywhere."""
        nodes = (n for tree in self.trees.values() for n in ast.walk(tree) if isinstance(n, ast.JoinedStr | ast.Constant))
        return {text for node in nodes for text in self.templates(node, ROOT, node)}


def is_message(target: ast.expr, value: ast.expr) -> bool:
    """Whether an assignment starts a list of notes, or gives buildings their reason."""
    if isinstance(target, ast.Subscript):
        pair = isinstance(value, ast.List) and "'reason'" in ast.unparse(target.slice)
        return pair or name_of(target.value) == "reason"
    return name_of(target) in {*LISTS, "why"} and isinstance(value, ast.List | ast.Constant | ast.JoinedStr | ast.IfExp)


def name_of(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def braced(node: ast.expr) -> str:
    return str(node.value).replace("{", "{{").replace("}", "}}") if isinstance(node, ast.Constant) else ""


def hole(node: ast.FormattedValue) -> str:
    """An empty placeholder; text that Python puts into quotes is told apart."""
    return "{!r}" if node.conversion == ord("r") else "{}"


def numbered(template: str) -> str:
    count = itertools.count()
    return re.sub(r"(?<!\{)\{(!r)?\}(?!\})", lambda found: f"{{{next(count)}{found[1] or ''}}}", template)


def placeholders(template: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in Formatter().parse(template) if name is not None)


@cache
def source() -> Source:
    return Source()


def parameters(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for value in tree.values():
        if isinstance(value, dict):
            yield from [value] if "value" in value else parameters(value)


def test_sources_and_units_of_the_parameters_have_their_chinese() -> None:
    given = [
        fact for name in ("system", "finance") for fact in parameters(tomllib.loads((ROOT / "solar" / f"{name}.toml").read_text("utf-8")))
    ]
    sources = {str(fact["source"]) for fact in given} | {"study", "study file"}
    units = {str(fact["unit"]) for fact in given}
    known = set(sections()[SOURCES])
    assert not sources - known, "add to wuding/messages.toml [sources]:\n" + "\n".join(map(json.dumps, sorted(sources - known)))
    assert not known - sources - units, "stale in wuding/messages.toml [sources]"


def sections() -> dict[str, dict[str, str]]:
    tree: dict[str, dict[str, str]] = tomllib.loads((ROOT / "wuding" / "messages.toml").read_text(encoding="utf-8"))
    return tree


def test_every_message_has_its_chinese() -> None:
    known = catalogue()
    lacking = [(where, template) for template, where in source().found.items() if template not in known]
    lines = "\n".join(f'{json.dumps(template, ensure_ascii=False)} = ""  # {where}' for where, template in sorted(lacking))
    assert not lacking, f"{len(lacking)} messages lack Chinese; add to wuding/messages.toml, in the section of the room:\n{lines}"


def test_no_entry_is_stale_or_there_twice() -> None:
    tree = sections()
    spoken = {*source().found, *source().all_texts()}
    stale = [
        template for name, section in tree.items() if name not in ("foreign", SOURCES) for template in section if template not in spoken
    ]
    assert not stale, "nobody says these any more; delete them from wuding/messages.toml:\n" + "\n".join(
        json.dumps(template, ensure_ascii=False) for template in stale
    )
    twice = [template for template, n in Counter(t for section in tree.values() for t in section).items() if n > 1]
    assert not twice, twice


def test_both_languages_hold_the_same_placeholders_and_the_chinese_is_chinese() -> None:
    for english, chinese in catalogue().items():
        assert "}{" not in english, f"nobody can tell where one placeholder ends: {english}"
        assert placeholders(english) == placeholders(chinese), english
        assert re.search(r"[\u4e00-\u9fff：；，（）。、？]", chinese), english


@pytest.mark.parametrize("template", sorted(catalogue()))
def test_a_filled_template_comes_out_in_chinese(template: str) -> None:
    """Filled with values, no template is taken for another one."""
    values = [f"值{n}" for n in range(len(placeholders(template)))]
    chinese = catalogue()[template]
    if sum(letter.isalpha() for letter in re.sub(r"\{\d+(!r)?\}", "", template)) < 6:
        return
    chinese = re.sub(r"“\{(\d+)\}”", lambda found: f"“{values[int(found[1])]}”", chinese)
    wanted = re.sub(r"\{(\d+)(?::\w+)?\}", lambda found: "{" + found[1] + ("!r}" if f"{{{found[1]}!r}}" in template else "}"), chinese)
    assert translate(template.format(*values), "zh") == wanted.format(*values)


def test_a_message_inside_a_message_is_said_in_chinese_too() -> None:
    inner = "buildings.gpkg: has no column 'district'; it has: a, b. Name the right one in the study file"
    said = translate(f"regions.districts: {inner}", "zh")
    assert said == "区域图层 districts：buildings.gpkg 没有字段“district”；已有字段：a、b。请在研究文件中改为正确的字段名"


def test_a_message_behind_the_words_of_another_one_is_read_from_the_outside() -> None:
    said = translate("building ids: 3 of 5 source ids are empty or repeated; ids were made from the geometry for all", "zh")
    assert said == "建筑编号：5 个原编号中有 3 个为空或重复，已按图形为全部要素另编编号"
    why = "only 3 rows with beam irradiance above 50 W/m²; the sun is put at label +0.500 h"
    said = translate(f"weather x: time stamps could not be measured: {why}", "zh")
    assert said == "气象 x：时间标签无法实测：直射辐照超过 50 W/m² 的只有 3 小时，太阳时刻按时间标签 +0.500 小时处理"


def test_a_long_list_in_a_message_neither_hangs_nor_overflows() -> None:
    columns = ", ".join(f"a{n}: b = c ({n}): d" for n in range(5000))
    said = translate(f"x.gpkg: has no column 'y' (buildings.columns.use); it has: {columns}", "zh")
    assert said.startswith("x.gpkg 没有字段“y”（buildings.columns.use）；已有字段：a0")
    assert translate("a: b = c, " * 5000, "zh") == "a: b = c, " * 5000


def test_each_line_of_a_list_of_mistakes_is_translated() -> None:
    lines = "study.toml: unknown key 'a.b'; did you mean 'c'? Known are: c, d\nstudy.toml: 'study.crs' is missing; add it (wuding init"
    said = translate(lines + " writes a commented example)", "zh").split("\n")
    assert said[0] == "study.toml：未知的键“a.b”；是否应为“c”？可用：c、d"
    assert said[1].startswith("study.toml：缺少“study.crs”")


def test_what_the_catalogue_does_not_know_and_english_stay_as_they_are() -> None:
    for text in ("文物保护范围", "some library: said this", "", "C:\\数据: gone", "中文。\n第二行"):
        assert translate(text, "zh") == text
    assert translate("this county is made up: terrain, buildings and names are invented", "en").startswith("this county")


def test_codes_in_a_message_become_words() -> None:
    counts = "no building is left to assess of 5: 3 too_small, 2 duplicate. Compare the extent of a.gpkg with terrain.dem, and their CRS"
    assert "：面积过小 3、重复 2。" in translate(counts, "zh")


def test_every_status_that_geo_gives_has_a_word() -> None:
    from geo import footprints

    given = {v for k, v in vars(footprints).items() if k.isupper() and isinstance(v, str) and re.fullmatch(r"[a-z_]+", v)}
    assert given <= set(KINDS["status"]), f"add to layers/codes.toml [status]: {sorted(given - set(KINDS['status']))}"
    assert code_word("status", "assessed", "zh") == "已测算"


def test_the_language_of_an_answer(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text('[study]\nlang = "en"\nbroken = \n', encoding="utf-8")
    run = tmp_path / "run"
    run.mkdir()
    (run / "manifest.json").write_text('{"study": {"lang": "en"}}', encoding="utf-8")
    assert language_of(["run", str(study)]) == language_of(["map", str(run)]) == "en"
    assert language_of(["run", str(study), "--lang", "zh"]) == language_of(["check", "--lang=zh", str(study)]) == "zh"
    assert language_of(["run", str(tmp_path / "none.toml")]) == "zh"


@pytest.mark.parametrize(
    ("several", "one"),
    [
        ("1 buildings have an installed_kwp", "1 building has an installed_kwp"),
        ("1 invalid shapes were repaired", "1 invalid shape was repaired"),
        ("1 of 3000 buildings have neither", "1 of 3000 buildings has neither"),
        ("R: 1 files are not what the run wrote", "R: 1 file is not what the run wrote"),
        ("1 buildings and 11 buildings lie outside", "1 building and 11 buildings lie outside"),
        ("0.1 cells of 21 buildings are", "0.1 cells of 21 buildings are"),
        ("1 of the buildings at (1 rows)", "1 of the buildings at (1 row)"),
    ],
)
def test_one_thing_is_not_spoken_of_as_several(several: str, one: str) -> None:
    assert translate(several, "en") == one
