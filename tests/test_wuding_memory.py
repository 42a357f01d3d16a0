"""What a building more costs in memory while inputs are prepared and products made, in the process that no limit bounds."""

import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from layers.schema import ROW_GROUP
from wuding.county import write_county

FEW, MANY = 20_000, 80_000
FEW_ROWS, MANY_ROWS = 50_000, 120_000
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


# With all columns of the spreadsheet at once a building took 0.9 kB here, with those of one sheet after the other 0.4.
MOST_PRODUCT_BYTES = 650
_PRODUCTS = """
import json, sys
from pathlib import Path
from maps.tables import read_tables
from wuding.products import read_regions_of, spreadsheet
folder = Path(sys.argv[1])
read_tables(folder)
spreadsheet(folder, read_regions_of(folder), json.loads((folder / "manifest.json").read_text(encoding="utf-8")), "en")
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def many_times(table: pa.Table, times: int) -> pa.Table:
    """The same rows again and again, under ids of their own."""
    copies = []
    for k in range(times):
        copy = table
        for name in ("building_id", "roof_id"):
            if name in table.column_names:
                copy = copy.set_column(
                    copy.schema.get_field_index(name), table.schema.field(name), pc.binary_join_element_wise(table[name], f"{k}", "-")
                )
        copies.append(copy)
    return pa.concat_tables(copies)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere free memory is not given back, and the peak is not told")
def test_products_read_one_sheet_after_the_other(run_folder: Path, tmp_path: Path) -> None:
    buildings = pq.read_table(run_folder / "buildings.parquet")
    roofs = pq.read_table(sorted((run_folder / "roofs").glob("*.parquet"))[0])
    peak = {}
    for count in (FEW_ROWS, MANY_ROWS):
        out = tmp_path / str(count)
        shutil.copytree(run_folder, out, ignore=shutil.ignore_patterns(".work", "*.gpkg", "buildings.parquet", "roofs"))
        (out / "roofs").mkdir()
        times = count // len(buildings)
        pq.write_table(many_times(buildings, times), out / "buildings.parquet", row_group_size=ROW_GROUP)
        pq.write_table(many_times(roofs, times), out / "roofs" / "tile-00000.parquet", row_group_size=10_000)
        done = subprocess.run([sys.executable, "-c", _PRODUCTS, str(out)], capture_output=True, text=True, check=True)
        peak[count] = 1024 * int(done.stdout)
    assert (peak[MANY_ROWS] - peak[FEW_ROWS]) / (MANY_ROWS - FEW_ROWS) < MOST_PRODUCT_BYTES
