"""What a building more costs in memory while inputs are prepared: the largest table of a run, in the process that no limit bounds."""

import subprocess
import sys
from pathlib import Path

import pytest

from wuding.county import write_county

FEW, MANY = 20_000, 80_000
# As read and as prepared at once a building took 2.9 to 3.1 kB here, one after the other 1.9 to 2.1: the bound lies between.
MOST_BYTES = 2400
# Of its own memory: what the system tells of a child's peak begins at that of its parent.
_RUN = """
import sys
from pathlib import Path
from wuding.inputs import prepare
from wuding.study import load_study
folder = Path(sys.argv[1])
prepare(load_study(folder / "study.toml"), folder / "work", (2021, 2025), lambda *_: None)
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere free memory is not given back, and the peak is not told")
def test_a_building_is_in_memory_as_read_or_as_prepared(tmp_path: Path) -> None:
    peak = {}
    for count in (FEW, MANY):
        write_county(tmp_path / str(count), buildings=count)
        done = subprocess.run([sys.executable, "-c", _RUN, str(tmp_path / str(count))], capture_output=True, text=True, check=True)
        peak[count] = 1024 * int(done.stdout)
    assert (peak[MANY] - peak[FEW]) / (MANY - FEW) < MOST_BYTES
