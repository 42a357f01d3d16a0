"""`wuding skyline`: the horizon of the run itself, drawn."""

import pickle
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from geo.tiles import read_surroundings
from layers.potential import skylines_of
from wuding.cli import app
from wuding.errors import StudyError
from wuding.skylines import write_skyline


def test_the_drawn_skyline_is_the_one_that_the_run_simulated(run_folder: Path) -> None:
    work = run_folder / ".work"
    audit = pd.concat([pd.read_parquet(file) for file in sorted((work / "audit").glob("*.parquet"))])
    roofs = pd.read_parquet(run_folder / "roofs", columns=["roof_id", "building_id", "shaded_out_area_m2"]).set_index("roof_id")
    with (work / "model.pickle").open("rb") as stream:
        model = pickle.load(stream)
    compared = 0
    for row in audit.head(12).itertuples():
        building = gpd.read_parquet(work / "tiles", filters=[("building_id", "==", roofs.loc[row.roof_id, "building_id"])])
        _, seen = skylines_of(building, read_surroundings(work / "tiles", np.asarray(building.total_bounds)), model)[row.roof_id]
        simulated = np.asarray(row.horizon).reshape(-1, 72)
        if len(simulated) == len(seen.opaque):  # else points under the threshold were left out
            assert np.array_equal(seen.opaque, simulated)
            compared += 1
    assert compared > 5


@pytest.mark.parametrize(("name", "head"), [("a.svg", b"<?xml"), ("a.png", b"\x89PNG")])
def test_command_writes_a_picture(run_folder: Path, tmp_path: Path, name: str, head: bytes) -> None:
    roof = str(pd.read_parquet(run_folder / "roofs", columns=["roof_id"])["roof_id"].iloc[0])
    done = CliRunner().invoke(app, ["skyline", str(run_folder), roof, "--out", str(tmp_path / name), "--fisheye"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / name).read_bytes().startswith(head)


def test_errors_say_what_to_do(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="column roof_id"):
        write_skyline(run_folder, "nowhere", tmp_path / "a.svg")
    with pytest.raises(StudyError, match=r"\.png"):
        write_skyline(run_folder, "nowhere", tmp_path / "a.pdf")
