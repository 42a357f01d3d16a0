"""The documentation: its reference holds everything, its site builds, and every command that it shows runs."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from layers.schema import columns
from wuding.cli import app
from wuding.reference import reference_pages, write_reference
from wuding.templates import STUDY_TEMPLATE

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*/*.md"))


SHOWN = [*PAGES, ROOT / "docs" / "index.md", ROOT / "README.md", ROOT / "README.zh.md"]


def shown(text: str) -> list[list[str]]:
    """Read every command of a page: lines of all blocks without their remarks, and code within a sentence."""
    blocks = text.split("```")[1::2]
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()[1:]]
    return [words for words in map(str.split, [*lines, *re.findall(r"`(wuding [^`\n]+)`", text)]) if words[:1] == ["wuding"]]


def parse(words: list[str]) -> None:
    """Let the command line itself read a command without running it; places and names may be words that stand for them."""
    program = get_command(app)
    if words[1] != "--help":
        command = program.commands[words[1]]
        _, left, _ = command.make_parser(command.context_class(command)).parse_args(list(words[2:]))
        assert not left, f"{left} are too many"


def commands(page: Path) -> list[list[str]]:
    """Read the lines of a page's console blocks."""
    blocks = page.read_text(encoding="utf-8").split("```console\n")[1:]
    return [line.split() for block in blocks for line in block.split("```")[0].splitlines() if line]


def test_reference_holds_every_column_command_and_key() -> None:
    pages = reference_pages()
    for table in ("roofs", "buildings", "regions", "legend"):
        assert all(f"| `{c.name}` |" in pages["columns.md"] and c.meaning_zh in pages["columns.md"] for c in columns(table))
    for command in app.registered_commands:
        name = command.name or (command.callback.__name__ if command.callback else "")
        assert f"## wuding {name}" in pages["commands.md"]
    assert "--district" in pages["commands.md"]
    example = tomllib.loads(STUDY_TEMPLATE)
    for section in ("study", "terrain", "roofs", "system", "policy", "run", "weather"):
        for key in example[section]:
            assert f"`{section}.{key}" in pages["study.md"], key
    assert "`buildings.landuse.path`" in pages["study.md"]
    assert "`folder`" not in pages["study.md"]


def test_the_site_builds_without_a_broken_link(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("reference"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    write_reference(tmp_path / "docs" / "reference")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert (tmp_path / "build" / "docs" / "reference" / "columns.html").is_file()


def test_every_command_shown_runs(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(run_folder.parent, tmp_path / "sample-county")
    monkeypatch.chdir(tmp_path)
    every = list(dict.fromkeys(tuple(words) for page in PAGES for words in commands(page)))
    assert len(every) > 10
    for words in every:
        assert words[0] == "wuding"
        if words[1] == "demo":
            continue  # made the folder that is copied here; test_wuding_cli runs the command itself
        done = CliRunner().invoke(app, words[1:])
        assert done.exit_code == 0, (words, done.output, done.exception)


def test_every_command_shown_is_one() -> None:
    every = {tuple(words) for page in SHOWN for words in shown(page.read_text(encoding="utf-8"))}
    assert len(every) > 30
    for words in every:
        parse(list(words))


@pytest.mark.parametrize(
    "wrong", ["wuding chek study.toml", "wuding run study.toml --worker 2", "wuding status a b", "wuding map RUN --shift"]
)
def test_a_wrong_command_is_caught(wrong: str) -> None:
    for text in (f"Say `{wrong}` then.", f"```\n{wrong}  # why\n```", f"```console\n{wrong}\n```"):
        ((*words,),) = shown(text)
        with pytest.raises((KeyError, AssertionError, Exception), match=words[1] if words[1] == "chek" else "No such option|too many"):
            parse(words)
