"""Shared scenes: the sample county, run once for all tests that look at a finished run."""

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from wuding.user_cache import keep_compiled

keep_compiled()

# The first example of a kernel compiles it, which takes longer than any deadline; the same examples everywhere keep checks repeatable.
settings.register_profile("wuding", deadline=None, derandomize=True)
settings.load_profile("wuding")

DATA = Path(os.environ.get("WUDING_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))


@pytest.fixture(autouse=True)
def signals_given_back() -> Iterator[None]:
    """Take back what the command line does with signals when it is called in this process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, kept in before.items():
        signal.signal(number, kept)


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small sample county: the folder, with study.toml."""
    from wuding.county import write_county

    folder = tmp_path_factory.mktemp("示例 county")
    write_county(folder, buildings=600)
    return folder


@pytest.fixture(scope="session")
def run_folder(county: Path) -> Path:
    """Run the sample county in one tile in this process."""
    run_county(county, county / "run", tile_buildings=10_000)
    return county / "run"


def run_county(county: Path, out: Path, *, tile_buildings: int, workers: int = 1, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run a county's study with another tiling."""
    from wuding.pipeline import run_study
    from wuding.progress import Screen
    from wuding.study import load_study

    study = load_study(county / "study.toml")
    study = study.model_copy(update={"run": study.run.model_copy(update={"tile_buildings": tile_buildings}), **(changes or {})})
    return run_study(study, out, Screen("en", stream=io.StringIO()), workers=workers)
