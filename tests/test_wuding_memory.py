"""What a building more costs in memory while inputs are prepared, roofs added up and products made, in the process that no limit bounds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from layers.schema import ROW_GROUP
from layers.sums import ADDED
from wuding.county import write_county

FEW, MANY = 20_000, 80_000
FEW_ROWS, MANY_ROWS = 50_000, 120_000
# With shapes as objects a building took 2.1 kB here (2.4 on Python 3.13), packed it takes 1.6: the bound lies between. A third of it is a
# part of 50,000, which the smaller county does not fill: of a million each takes 1.1 kB.
MOST_BYTES = 1900
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


# With all columns of the spreadsheet at once a building took 1.4 kB here, with those of one sheet after the other 0.5.
MOST_PRODUCT_BYTES = 900
_AS_COMMAND = {"ARROW_DEFAULT_MEMORY_POOL": "system"}  # as `wuding` begins
_PRODUCTS = """
import json, sys
from pathlib import Path
from wuding.products import read_regions_of, spreadsheet
folder = Path(sys.argv[1])
spreadsheet(folder, read_regions_of(folder), json.loads((folder / "manifest.json").read_text(encoding="utf-8")), "en")
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def many_times(buildings: pa.Table, times: int) -> pa.Table:
    """The same buildings again and again, under ids of their own."""
    at = buildings.schema.get_field_index("building_id")
    ids = (pc.binary_join_element_wise(buildings["building_id"], str(k), "-") for k in range(times))
    return pa.concat_tables(buildings.set_column(at, buildings.schema.field(at), own) for own in ids)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere free memory is not given back, and the peak is not told")
def test_products_read_one_sheet_after_the_other(run_folder: Path, tmp_path: Path) -> None:
    buildings = pq.read_table(run_folder / "buildings.parquet")
    peak = {}
    for count in (FEW_ROWS, MANY_ROWS):
        out = tmp_path / str(count)
        shutil.copytree(run_folder, out, ignore=shutil.ignore_patterns(".work", "*.gpkg", "buildings.parquet", "roofs"))
        pq.write_table(many_times(buildings, count // len(buildings)), out / "buildings.parquet", row_group_size=ROW_GROUP)
        command = [sys.executable, "-c", _PRODUCTS, str(out)]
        done = subprocess.run(command, env=os.environ | _AS_COMMAND, capture_output=True, text=True, check=True)
        peak[count] = 1024 * int(done.stdout)
    assert (peak[MANY_ROWS] - peak[FEW_ROWS]) / (MANY_ROWS - FEW_ROWS) < MOST_PRODUCT_BYTES


# Sums of all columns in memory took 960 to 975 bytes of a building of three roofs, in a file 570 to 655.
MOST_BYTES_OF_SUMS = 800
_ADD = """
import sys
from pathlib import Path
import pandas as pd
from layers.sums import StoredColumns, roofs_by_building, sum_roofs, totals
folder = Path(sys.argv[1])
roofs = StoredColumns(folder / "roofs", "roofs")
ids = pd.read_parquet(folder / "buildings.parquet")["building_id"]
totals(sum_roofs(roofs, roofs_by_building(roofs, ids), folder / "sums.bin"))
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere free memory is not given back, and the peak is not told")
def test_sums_of_roofs_lie_in_a_file(tmp_path: Path) -> None:
    few, many, peak = 20_000, 120_000, {}
    for count in (few, many):
        folder = tmp_path / str(count)
        (folder / "roofs").mkdir(parents=True)
        ids = np.array([f"B{number:07d}" for number in range(count)])
        pq.write_table(pa.table({"building_id": ids}), folder / "buildings.parquet")
        for tile, rows in enumerate(np.array_split(np.repeat(np.arange(count), 3), count // 10_000)):
            roofs = {"building_id": ids[rows], **dict.fromkeys((*ADDED, "lcoe_cny_kwh"), 0.1 * rows)}
            pq.write_table(pa.table(roofs), folder / "roofs" / f"tile-{tile:05d}.parquet", use_dictionary=["building_id"])
        command = [sys.executable, "-c", _ADD, str(folder)]
        done = subprocess.run(command, env=os.environ | _AS_COMMAND, capture_output=True, text=True, check=True)
        peak[count] = 1024 * int(done.stdout)
    assert (peak[many] - peak[few]) / (many - few) < MOST_BYTES_OF_SUMS


def test_a_command_takes_an_allocator_that_gives_back() -> None:
    told = "import sys; sys.argv = ['wuding', '--version']\nfrom contextlib import suppress\nfrom wuding.__main__ import main\n"
    told += "with suppress(SystemExit): main()\nimport pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    free = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    done = subprocess.run([sys.executable, "-c", told], env=free, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "system"
