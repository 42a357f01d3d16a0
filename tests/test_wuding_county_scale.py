"""The sample county at a million buildings: mix, density, memory, and that a part of it can be read alone."""

import json
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyarrow import parquet

pytestmark = pytest.mark.slow

ROWS = 1_000_000
_RUN = """
import json, sys
from pathlib import Path
from wuding.county import write_county
files = write_county(Path(sys.argv[1]), buildings=int(sys.argv[2]))
try:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
except ImportError:
    peak = None
print(json.dumps({"buildings": str(files.buildings), "districts": str(files.districts), "peak_mb": peak}))
"""


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    # A process of its own, so that the peak is the county's alone.
    folder = tmp_path_factory.mktemp("million")
    done = subprocess.run([sys.executable, "-c", _RUN, str(folder), str(ROWS)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_memory_stays_under_two_gigabytes(county):
    if county["peak_mb"] is None:
        pytest.skip("this system does not tell a process its peak memory")
    assert county["peak_mb"] < 2000


def test_a_million_buildings_on_ten_thousand_square_kilometres(county):
    # The wiggling border takes and gives about one part in a hundred.
    assert gpd.read_file(county["districts"]).area.sum() == pytest.approx(10_000e6, rel=0.02)
    frame = gpd.read_parquet(county["buildings"], columns=["高度", "geometry"])
    assert len(frame) == ROWS
    shapes = frame.geometry.to_numpy()
    assert np.nanmean(shapely.area(shapes) > 2000) >= 0.02
    assert (frame["高度"] > 50).mean() >= 0.01
    box = shapely.bounds(shapes)
    box = box[np.isfinite(box[:, 0])]
    cells = np.floor((box[:, :2] + box[:, 2:]) / 2000)
    assert np.unique(cells, axis=0, return_counts=True)[1].max() >= 3000


def test_a_window_reads_only_its_row_groups(county):
    whole = parquet.ParquetFile(county["buildings"])
    assert whole.num_row_groups >= 20
    window = (498_000, 4_080_000, 504_000, 4_086_000)
    part = gpd.read_parquet(county["buildings"], bbox=window)
    assert 0 < len(part) < ROWS / 20
    assert part.crs.to_epsg() == 4548
    frame = gpd.read_parquet(county["buildings"], columns=["bid", "geometry"])
    expected = set(frame.cx[window[0] : window[2], window[1] : window[3]]["bid"])
    assert expected <= set(part["bid"])
