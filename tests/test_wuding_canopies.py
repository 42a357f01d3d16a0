"""Carports over parking areas: read beside the buildings, cut by them, counted in all sums, and told from them."""

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

from geo.archetypes import load_archetypes
from geo.packed import Packed
from solar.money import load_finance, unit_capex, use_codes
from wuding.canopies import add_surfaces
from wuding.errors import StudyError
from wuding.parcels import Options, parcel_sheets
from wuding.study import Study, SurfacesSection, load_study

from .conftest import run_county

CRS = "EPSG:4548"


def study_of(county: Path, **surfaces: dict[str, str]) -> Study:
    section = SurfacesSection.model_validate(surfaces)
    return load_study(county / "study.toml").model_copy(update={"surfaces": section})


def test_a_building_takes_its_ground_from_the_parking_area(county: Path, tmp_path: Path) -> None:
    x, y = 500_000.0, 4_058_000.0
    lot, other = shapely.box(x, y, x + 60, y + 40), shapely.box(x + 100, y, x + 130, y + 30)
    file = tmp_path / "lot.gpkg"
    gpd.GeoDataFrame({"name": ["P1", "P2"]}, geometry=[lot, other], crs=CRS).to_file(file, driver="GPKG")
    hall = pd.DataFrame({"source_file": ["b"], "source_row": [0]})
    shape = Packed.of([np.array([shapely.box(x - 10, y - 10, x + 20, y + 50)])], pyproj.CRS(CRS))
    told: list[str] = []
    found, shapes = add_surfaces(hall, shape, study_of(county, carports={"path": str(file)}), told)
    corners = [(x, y), (x + 9, y), (x + 9, y + 9), (x + 5, np.nan), (x, y)]
    with np.errstate(invalid="ignore"):
        wild = Packed.of([np.array([shapely.Polygon(corners)])], pyproj.CRS(CRS))
    _, beside = add_surfaces(hall, wild, study_of(county, carports={"path": str(file)}), [])
    assert shapely.area(beside[slice(1, None)]).tolist() == pytest.approx([2400.0, 900.0])  # a corner that is no number takes nothing
    assert list(found["source"]) == ["buildings", "carports", "carports"]
    assert list(found["source_row"])[1:] == [1, 2]  # as everywhere, the first feature is row 1
    # 60 x 40 less 20 x 40; the other lies free
    assert shapely.area(shapes[:]).tolist() == pytest.approx([1800.0, 1600.0, 900.0])
    assert any("800 m2 of them lie under buildings" in note for note in told)
    assert add_surfaces(hall, shape, study_of(county), told)[0] is hall
    with pytest.raises(StudyError, match="has no column 'hoehe'"):
        add_surfaces(hall, shape, study_of(county, carports={"path": str(file), "height": "hoehe"}), [])


def test_a_carport_is_level_carries_flush_and_keeps_its_lanes_free() -> None:
    kinds = load_archetypes().choose(["transport"] * 3, [3.5, 5.0, 9.0], [900.0] * 3, ["carport", "canopy", ""])
    assert kinds.tilt[:2].tolist() == [0.0, 0.0]
    assert kinds.is_metal[:2].all()
    assert kinds.obstacle_share[0] == 0.45
    assert kinds.load_kpa[0] == 0.0
    assert load_archetypes().surface_height(["carport", "canopy", "tile"], [9.0] * 3).tolist() == [3.5, 5.0, 9.0]


def test_the_steel_frame_costs() -> None:
    finance, transport = load_finance(), use_codes(["transport", "transport"])
    plain, framed = unit_capex(finance, [400.0, 400.0], transport, [0, 0], [False, True])
    assert (plain, framed) == (pytest.approx(3000.0), pytest.approx(3000.0 + 1800.0))


@pytest.fixture(scope="module")
def run(county: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let the open ground of three parcels be parking areas."""
    folder = tmp_path_factory.mktemp("carports")
    parcels = gpd.read_file(county / "parcels.gpkg").iloc[:3]
    lots = gpd.GeoDataFrame({"name": ["东停车场", "西停车场", "南停车场"]}, geometry=parcels.geometry.to_numpy(), crs=parcels.crs)
    lots.to_file(folder / "停车场.gpkg", driver="GPKG")
    surfaces = SurfacesSection.model_validate({"carports": {"path": str(folder / "停车场.gpkg")}})
    run_county(county, folder / "run", tile_buildings=10_000, changes={"surfaces": surfaces})
    return folder / "run"


def test_carports_go_the_whole_way(run: Path, run_folder: Path) -> None:
    with_them = pd.read_parquet(run / "buildings.parquet").drop(columns="geometry").set_index("building_id")
    without = pd.read_parquet(run_folder / "buildings.parquet").drop(columns="geometry").set_index("building_id")
    own = with_them[with_them["source"] == "carports"]
    assert len(with_them) == len(without) + 3
    # a building keeps its id, and but for the shade of 3.5 m its modules
    assert set(without.index) == set(with_them.index) - set(own.index)
    assert with_them.loc[without.index, "module_count"].sum() == pytest.approx(without["module_count"].sum(), rel=1e-3)
    assert set(own["use"]) == {"transport"}
    assert set(own["use_detail"]) == {"光伏车棚"}
    assert set(own["structural_check"]) == {"load_ok"}
    assert own["floor_area_m2"].sum() == 0.0
    assert (own["height_m"] == 3.5).all()
    # 225 W/m2 of modules on what the lanes (45 %), set-backs and ways leave: 50 to 124 W/m2 of plan
    density = 1000.0 * own["pdc0_kwp"].sum() / own["footprint_area_m2"].sum()
    assert 50.0 < density < 0.55 * 225.0
    roofs = pd.read_parquet(run / "roofs").drop(columns="geometry")
    mine = roofs[roofs["building_id"].isin(own.index)]
    assert set(mine["mounting"].dropna()) == {"flush"}
    # frame and all: the size curve lies between 2,700 and 3,200 CNY/kWp
    assert (mine["capex_cny"] / mine["pdc0_kwp"]).between(2700.0 + 1800.0, 3200.0 + 1800.0).all()
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["notes"]["surfaces"]["carports"]["pdc0_kwp"] == pytest.approx(own["pdc0_kwp"].sum())
    assert any(row["role"] == "surfaces.carports" for row in manifest["inputs"])
    assert any("光伏车棚，按交通类屋顶计入" in text for text in manifest["warnings"])
    parcels = gpd.read_parquet(run / "regions" / "parcels.parquet")
    assert parcels["pdc0_kwp"].sum() == pytest.approx(with_them["pdc0_kwp"].sum())


def test_a_parcels_sheet_draws_and_names_its_carport(run: Path) -> None:
    buildings = pd.read_parquet(run / "buildings.parquet", columns=["source", "parcel_id", "module_count"])
    parcel = buildings.loc[buildings["source"] == "carports", "parcel_id"].iloc[0]
    folder = parcel_sheets(run, parcel, None, False, Options(), "zh", [])[0]
    sheet = json.loads((folder / "sheet.json").read_text(encoding="utf-8"))
    assert sheet["capacity"]["modules"] == buildings.loc[buildings["parcel_id"] == parcel, "module_count"].sum()
    assert {"code": "surfaces", "values": {"count": 1}} in sheet["notes"]
    # the class of the meter is that of the halls, not of the parking area
    assert sheet["connection"]["use"] == "factory"
    assert "车棚" in (folder / "sheet.html").read_text(encoding="utf-8")
    assert np.isfinite(sheet["money"]["own"]["npv_cny"])
