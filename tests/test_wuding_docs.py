"""The documentation: its reference holds everything, its site builds, and every command that it shows runs."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from layers.schema import columns
from wuding.cli import app
from wuding.reference import reference_pages, write_reference
from wuding.templates import STUDY_TEMPLATE

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*/*.md"))


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
