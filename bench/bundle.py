"""A folder of wheels with an install note for machines without internet. Usage: python -m bench.bundle FOLDER [platform ...]"""

import shutil
import subprocess
import sys
from pathlib import Path

PLATFORMS = {
    "linux_x86_64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "win_amd64": ("win_amd64",),
}
NOTE = """\
离线安装 wuding（Python {python}）
Install wuding without internet (Python {python})

Linux:    python3 -m venv wuding-env && wuding-env/bin/pip install --no-index --find-links linux_x86_64 wuding
Windows:  py -{python} -m venv wuding-env
          wuding-env\\Scripts\\pip install --no-index --find-links win_amd64 wuding
试运行 try: wuding demo
"""


def build(folder: Path, platforms: list[str]) -> None:
    """Build the wheel of this checkout and collect what it needs, a folder a platform."""
    folder.mkdir(parents=True, exist_ok=True)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    root = Path(__file__).resolve().parent.parent
    own = folder / "own"
    shutil.rmtree(own, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(own), str(root)], check=True, stdout=subprocess.DEVNULL)
    wheel = next(own.glob("wuding-*.whl"))
    for platform in platforms:
        target = folder / platform
        target.mkdir(exist_ok=True)
        names = [part for tag in PLATFORMS[platform] for part in ("--platform", tag)]
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--only-binary=:all:",
            "--python-version",
            python,
            "--dest",
            str(target),
            *names,
            str(wheel),
        ]
        subprocess.run(command, check=True)
    shutil.rmtree(own)
    (folder / "INSTALL.txt").write_text(NOTE.format(python=python), encoding="utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]), sys.argv[2:] or list(PLATFORMS))
