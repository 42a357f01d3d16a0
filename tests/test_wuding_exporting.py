"""One district or parcel of a finished run alone."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from wuding.errors import StudyError
from wuding.exporting import _place, export_table


def test_one_district_alone_holds_what_its_sums_count(run_folder: Path, tmp_path: Path) -> None:
    districts = pd.read_parquet(run_folder / "regions" / "districts.parquet")
    name = str(districts.loc[districts["kind"] == "region", "name"].iloc[0])
    row = districts[districts["name"] == name].iloc[0]
    roofs = gpd.read_file(export_table(run_folder, "roofs", tmp_path / "r.gpkg", district=f"districts:{name}")[0])
    assert len(roofs) == row["roofs"]
    assert roofs["pdc0_kwp"].sum() == pytest.approx(row["pdc0_kwp"])
    own = gpd.read_file(export_table(run_folder, "districts", tmp_path / "d.gpkg", district=f"districts:{name}")[0])
    assert own["name"].tolist() == [name]
    grid = gpd.read_file(export_table(run_folder, "grid", tmp_path / "g.gpkg", district=f"districts:{name}")[0])
    assert 0 < len(grid) < len(pd.read_parquet(run_folder / "regions" / "grid.parquet"))


def test_a_name_of_two_extents_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "regions").mkdir()
    square = shapely.box(0, 0, 1, 1)
    for layer, roofs in (("responsible", [3, 2]), ("districts", [5, 2])):
        frame = {"name": ["甲", "乙"], "kind": ["region", "region"], "roofs": roofs}
        gpd.GeoDataFrame(frame, geometry=[square, square], crs=4548).to_parquet(tmp_path / "regions" / f"{layer}.parquet")
    with pytest.raises(StudyError, match=r"responsible:甲 \(3\), districts:甲 \(5\)"):
        _place(tmp_path, "甲", None)
    assert _place(tmp_path, "districts:甲", None) == ("districts", "甲")
    assert _place(tmp_path, "乙", None) == ("responsible", "乙")


def test_one_parcel_alone(run_folder: Path, tmp_path: Path) -> None:
    parcels = pd.read_parquet(run_folder / "regions" / "parcels.parquet").query("kind == 'region' and roofs > 0")
    row = parcels.iloc[0]
    roofs = pd.read_csv(export_table(run_folder, "roofs", tmp_path / "r.csv", parcel=str(row["name"]))[0])
    assert len(roofs) == row["roofs"]
    assert set(roofs["parcel_id"].astype(str)) == {str(row["name"])}


def test_what_is_not_there_is_told(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there are: "):
        export_table(run_folder, "roofs", tmp_path / "r.csv", district="无此区")
    with pytest.raises(StudyError, match="no table"):
        export_table(run_folder, "rooves", tmp_path / "r.csv")
    with pytest.raises(StudyError, match="exclude"):
        export_table(run_folder, "roofs", tmp_path / "r.csv", district="a", parcel="b")
