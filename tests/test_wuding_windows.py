"""What Windows asks of the program and another system can hold: no Unix modules, fresh processes, long paths, locks, files held open."""

import ast
import errno
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import filelock
import geopandas as gpd
import pytest

from layers.errors import LayersError
from layers.replacing import LONGEST_NAME, unfinished
from wuding import expendable as expendable_module
from wuding import own_temporary as own_temporary_module
from wuding.errors import StudyError
from wuding.expendable import expendable
from wuding.manifest import Clock
from wuding.messages import translate
from wuding.own_temporary import own_temporary, sweep
from wuding.products import write_products
from wuding.progress import Screen
from wuding.run_folder import alone, is_working, require_paths

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("geo", "solar", "layers", "maps", "wuding")
# Modules and names of `os` and `signal` that Windows has not.
UNIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "termios", "tty"}
UNIX_NAMES = {
    "fork",
    "forkpty",
    "getuid",
    "geteuid",
    "killpg",
    "setsid",
    "chown",
    "mkfifo",
    "SIGKILL",
    "SIGHUP",
    "SIGUSR1",
    "SIGALRM",
    "alarm",
}
SYNCED = {"read_text", "write_text"}


def _calls(room: str) -> list[tuple[str, ast.AST]]:
    files = sorted((ROOT / room).rglob("*.py"))
    return [(f"{f.relative_to(ROOT)}", node) for f in files for node in ast.walk(ast.parse(f.read_text(encoding="utf-8")))]


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_needs_what_windows_has_not(room: str) -> None:
    found = []
    for file, node in _calls(room):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").split(".")[0]]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("os", "signal"):
            names = [node.attr]
        found += [f"{file}: {name}" for name in names if name in UNIX_MODULES | UNIX_NAMES]
    assert not found


@pytest.mark.parametrize("room", ROOMS)
def test_processes_start_fresh_and_texts_are_utf_8(room: str) -> None:
    """Windows can only spawn, and its own encoding is GBK in China."""
    for file, node in _calls(room):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr == "get_context":
            assert [ast.literal_eval(value) for value in node.args] == ["spawn"], file
        assert node.func.attr not in ("Process", "Pool") or not _is_module(node.func.value, "multiprocessing"), file
        if node.func.attr in SYNCED:
            given = {keyword.arg for keyword in node.keywords}
            assert "encoding" in given or (node.func.attr == "read_text" and node.args), f"{file}:{node.lineno}"


def _is_module(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def test_a_lock_is_of_the_system_and_ends_with_its_process(tmp_path: Path) -> None:
    assert filelock.WindowsFileLock.__module__.endswith("_windows")  # msvcrt there, the same class by name here
    code = (
        "import sys, time; from pathlib import Path; from wuding.run_folder import alone\n"
        "with alone(Path(sys.argv[1])):\n"
        "    print('in', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT) as other:
        assert other.stdout is not None and other.stdout.readline() == "in\n"
        assert is_working(tmp_path)
        with pytest.raises(StudyError, match="another run is working"), alone(tmp_path):
            pass
        other.kill()
    with alone(tmp_path):
        assert (tmp_path / ".work" / "lock").exists()


def test_a_path_that_the_system_does_not_take_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StudyError, match="too many for this system"):
        require_paths(tmp_path / ("县" * 90), "x")
    with pytest.raises(StudyError, match="takes 504"):
        require_paths(tmp_path.joinpath(*["县" * 80] * 2), "x")
    take: Any = Path.touch

    def touch(path: Path, *args: Any, **more: Any) -> None:
        """As Windows without long paths: nothing is found there."""
        if len(str(path)) > 259:
            raise FileNotFoundError(errno.ENOENT, "The system cannot find the path specified", str(path))
        take(path, *args, **more)

    monkeypatch.setattr(Path, "touch", touch)
    with pytest.raises(StudyError, match="shorter one with --out") as caught:
        require_paths(tmp_path / ("x" * 200), "x")
    assert "长路径" in translate(str(caught.value), "zh")
    require_paths(tmp_path / "短", "x")


def test_an_unfinished_file_of_a_long_chinese_name_has_a_name_that_fits(tmp_path: Path) -> None:
    """A study may have 80 characters; the folder before it and the process behind it must not make the name too long."""
    names = ["县" * 79 + ending for ending in "甲乙"]
    parts = set()
    for name in names:
        with unfinished(tmp_path / ("果" * 80) / f"{name}.gpkg", tmp_path / "work") as part:
            part.write_bytes(name.encode())
            assert len(part.name.encode()) <= LONGEST_NAME + 20
            parts.add(part)
        assert (tmp_path / ("果" * 80) / f"{name}.gpkg").read_bytes() == name.encode()
    assert len(parts) == 2


def test_what_a_killed_command_left_in_the_temporary_folder_is_swept_and_a_living_ones_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_temporary_module, "OLD_SECONDS", 0.0)
    code = (
        "import sys, tempfile, time; from pathlib import Path; from wuding.own_temporary import own_temporary\n"
        "tempfile.tempdir = sys.argv[1]\n"
        "with own_temporary():\n"
        "    (Path(tempfile.mkdtemp()) / 'x').touch(); print(tempfile.gettempdir(), flush=True); time.sleep(60)"
    )
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    other = tmp_path / "wuding-of-an-older-version"
    other.mkdir()
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT) as living:
        assert living.stdout is not None
        folder = Path(living.stdout.readline().strip())
        assert folder.parent == tmp_path
        with own_temporary():
            assert folder.exists()
            own = Path(tempfile.gettempdir())
            assert own.parent == tmp_path
            assert os.environ["TEMP"] == str(own)
        assert tempfile.gettempdir() == str(tmp_path)
        living.kill()
    assert {path.name for path in tmp_path.iterdir()} == {folder.name, other.name}
    monkeypatch.setattr(own_temporary_module, "OLD_SECONDS", 60.0)
    sweep(tmp_path)
    assert folder.exists()  # it may just be starting
    monkeypatch.setattr(own_temporary_module, "OLD_SECONDS", 0.0)
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


def test_a_process_that_can_be_replaced_offers_itself_to_a_system_short_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = tmp_path / "oom_score_adj"
    monkeypatch.setattr(expendable_module, "_NOTE", note)
    expendable()
    assert not note.exists()  # no such order: nothing to do
    note.write_text("0", encoding="ascii")
    expendable()
    assert 0 < int(note.read_text(encoding="ascii")) <= 1000


def test_a_full_temporary_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL says only that it cannot open a file."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    usage = shutil.disk_usage(tmp_path)
    for free, kind in ((0, StudyError), (10**9, RuntimeError)):
        monkeypatch.setattr(own_temporary_module.shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        with pytest.raises(kind, match="temporary folder is full" if free == 0 else "cannot open"), own_temporary():
            raise RuntimeError("cannot open roofs.tmp.mbtiles")
    assert list(tmp_path.iterdir()) == []


def test_a_product_that_is_open_elsewhere_does_not_cost_the_others(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    shutil.copytree(run_folder, out, ignore=shutil.ignore_patterns(".work", "map.html"))
    name = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["study"]["name"]
    real = Path.replace

    def held(self: Path, target: Path) -> Path:
        if Path(target).name in (f"{name}.gpkg", "tables.xlsx"):
            raise PermissionError(13, "in use")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", held)
    told = io.StringIO()
    with pytest.raises(LayersError, match=r"tables\.xlsx is open in another program.*tables-new\.xlsx"):
        write_products(out, name, "en", Clock(), Screen("en", stream=told))
    assert f"{name}.gpkg is open in another program" in told.getvalue()
    assert (out / "map.html").is_file() and (out / f"{name}-new.gpkg").is_file() and (out / "tables-new.xlsx").is_file()


def test_products_take_away_what_the_study_was_called_before_and_nothing_else(run_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(run_folder, out, ignore=shutil.ignore_patterns(".work"))
    package = next(out.glob("*.gpkg"))
    shutil.copy(package, out / "kept by hand.gpkg")
    gpd.read_parquet(out / "regions" / "grid.parquet").to_file(out / "an export.gpkg")
    (out / "no package.gpkg").write_bytes(b"")
    before = {file.name for file in out.glob("*.gpkg")}
    write_products(out, "历城", "en", Clock(), Screen("en", stream=io.StringIO()))
    assert {file.name for file in out.glob("*.gpkg")} == before - {package.name} | {"历城.gpkg"}
