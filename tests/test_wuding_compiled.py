"""Compiled code that a power cut or a disk has changed is compiled anew: numba itself ends with a traceback, or runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wuding import compiled
from wuding.compiled import check_compiled, seal_compiled

KERNEL = """
import numpy as np
from numba import njit

@njit(cache=True)
def total(x):
    return x[0] + x[1]

print(total(np.arange(2.0)))
"""


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        file = folder / "geo_1" / name.replace("__", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        os.utime(file, (1000.0, 1000.0))


def left(folder: Path) -> set[str]:
    return {file.name for file in folder.rglob("*.nb?")}


def test_sealed_code_must_have_its_bytes(tmp_path: Path) -> None:
    check_compiled(tmp_path / "none")
    seal_compiled(tmp_path / "none")
    write(tmp_path, a__nbi="index", a__nbc="code", b__nbi="index", b__nbc="code")
    seal_compiled(tmp_path)
    check_compiled(tmp_path)
    assert left(tmp_path) == {"a.nbi", "a.nbc", "b.nbi", "b.nbc"}
    write(tmp_path, a__nbc="c0de", b__nbi="")
    check_compiled(tmp_path)
    assert left(tmp_path) == {"a.nbi", "b.nbc"}


def test_code_compiled_after_the_clock_was_set_back_is_sealed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a__nbi="index")
    seal_compiled(tmp_path)
    before = (tmp_path / "sealed.json").stat().st_mtime_ns
    seal_compiled(tmp_path)
    assert (tmp_path / "sealed.json").stat().st_mtime_ns == before
    write(tmp_path, b__nbi="index")  # of 1970, as ever here
    seal_compiled(tmp_path)
    monkeypatch.setattr(compiled, "_started", lambda: 1001.0)
    check_compiled(tmp_path)
    assert left(tmp_path) == {"a.nbi", "b.nbi"}


def test_what_nobody_sealed_must_be_of_this_start_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a__nbi="index", a__nbc="code")
    monkeypatch.setattr(compiled, "_started", lambda: 999.0)
    check_compiled(tmp_path)
    assert left(tmp_path) == {"a.nbi", "a.nbc"}
    (tmp_path / "sealed.json").write_bytes(bytes(10))
    monkeypatch.setattr(compiled, "_started", lambda: 1001.0)
    check_compiled(tmp_path)
    assert left(tmp_path) == set()


def test_numba_compiles_anew_what_was_taken_away(tmp_path: Path) -> None:
    program = tmp_path / "kernel.py"
    program.write_text(KERNEL, encoding="utf-8")
    cache = tmp_path / "cache"
    for ending in ("nbi", "nbc"):
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, str(program)], capture_output=True, text=True, env={**os.environ, "NUMBA_CACHE_DIR": str(cache)}
            )
            assert done.stdout == "1.0\n", done.stderr
            seal_compiled(cache)
        (file,) = cache.rglob(f"*.{ending}")
        stamp = file.stat().st_mtime_ns
        file.write_bytes(b"")
        os.utime(file, ns=(stamp, stamp))
        check_compiled(cache)
        assert not file.exists()
