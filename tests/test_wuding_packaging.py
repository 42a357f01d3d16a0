"""The package: the same set for pip and conda, everything travels in the wheel, it runs where no checkout and no index is."""

import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_environment_and_pyproject_are_in_step() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines()
    conda = {line.strip().removeprefix("- ") for line in lines if line.startswith("  - ")} - {"conda-forge", "pip"}
    wanted = {*project["dependencies"], *project["optional-dependencies"]["dev"], "python" + project["requires-python"]}
    assert {name.replace("python-build", "build") for name in conda} == wanted


@pytest.mark.slow
def test_windows_bundle(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "bench.bundle", str(tmp_path), "win_amd64"], check=True, cwd=ROOT)
    assert any((tmp_path / "win_amd64").glob("wuding-*.whl"))
    assert any((tmp_path / "win_amd64").glob("numba-*win_amd64.whl"))


def test_bundle_installs_without_an_index_and_runs_a_demo_outside_the_checkout(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "bench.bundle", str(tmp_path / "bundle"), "linux_x86_64"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr[-2000:]
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))} | {
        "PIP_CONFIG_FILE": os.devnull,
        "HOME": str(tmp_path),
    }
    install = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--find-links",
        str(tmp_path / "bundle" / "linux_x86_64"),
        "wuding",
    ]
    subprocess.run(install, check=True, cwd=tmp_path, env=clean)
    done = subprocess.run(
        [str(tmp_path / "empty" / "bin" / "wuding"), "demo", "--out", str(tmp_path / "样例"), "--buildings", "300"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "样例" / "run" / "map.html").is_file()
    assert (tmp_path / "样例" / "run" / "sample-county.gpkg").is_file()
