"""Sums of roofs: by hand, order-free, and the same in buildings, regions, cells and the whole."""

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.packed import places_of
from layers.errors import LayersError
from layers.grid_cells import choose_size, grid_cells
from layers.schema import columns, write_table
from layers.sums import (
    ADDED,
    Groups,
    RoofSums,
    StoredColumns,
    add_to_buildings,
    roofs_by_building,
    sum_classes,
    sum_regions,
    sum_roofs,
    totals,
)
from solar.uncertainty import p90, p90_of_groups, p90_of_sum

CRS = "EPSG:4548"


def scene() -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Three buildings with four roofs and one without, two districts and a place outside."""
    places = [(500_100, 4_057_100), (500_900, 4_057_100), (502_100, 4_057_100), (500_150, 4_057_150)]
    buildings = gpd.GeoDataFrame(
        {
            "building_id": ["a", "b", "c", "d"],
            "status": ["assessed", "assessed", "assessed", "too_small"],
            "district": ["东", "西", None, "东"],
            "use": ["factory", "other", "other", None],
            "installed_kwp": [10.0, np.nan, 1.0, 2.0],
        },
        geometry=[shapely.box(x, y, x + 10, y + 10) for x, y in places],
        crs=CRS,
    )
    roofs = gpd.GeoDataFrame(
        {"building_id": ["a", "a", "b", "c"], "roof_id": ["a0", "a1", "b0", "c0"], "district": ["东", "东", "西", None]},
        geometry=[buildings.geometry[k] for k in (0, 0, 1, 2)],
        crs=CRS,
    )
    for name in ADDED:
        roofs[name] = [1.0, 2.0, 4.0, 8.0]
    roofs["energy_kwh"], roofs["pdc0_kwp"] = [1000.0, 3000.0, 500.0, 0.0], [1.0, 2.0, 0.5, 0.0]
    roofs["lcoe_cny_kwh"] = [0.2, 0.4, 0.3, np.nan]
    layer = gpd.GeoDataFrame(
        {"name": ["东", "西", "空"]},
        geometry=[shapely.box(500_000 + k, 4_057_000, 501_000 + k, 4_059_000) for k in (0, 1000, 5000)],
        crs=CRS,
    )
    return roofs, buildings, layer


def of(roofs: pd.DataFrame | StoredColumns, buildings: pd.DataFrame, file: Path | None = None) -> RoofSums:
    return sum_roofs(roofs, roofs_by_building(roofs, buildings["building_id"]), file)


def full(buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    rest = {c.name: 1 if c.dtype != "string" else "x" for c in columns("buildings") if c.name not in buildings and c.name not in ADDED}
    return buildings.assign(
        stale_surface=False, footprint_area_m2=100.0, **{k: v for k, v in rest.items() if k not in ("stale_surface", "roofs")}
    )


def test_regions_by_hand():
    roofs, buildings, layer = scene()
    table = sum_regions(of(roofs, buildings), buildings, layer, "district").set_index("name")
    assert list(table.index) == ["东", "西", "空", "outside"]
    assert table["kind"].tolist() == ["region"] * 3 + ["outside"]
    assert table["roofs"].tolist() == [2, 1, 0, 1]
    assert table["buildings"].tolist() == [1, 1, 0, 1]
    assert table["energy_kwh"].tolist() == [4000.0, 500.0, 0.0, 0.0]
    assert table["installed_kwp"].tolist() == [12.0, 0.0, 0.0, 1.0]
    assert table["area_km2"].tolist()[:3] == [2.0, 2.0, 2.0]
    assert table["kwp_per_km2"].tolist()[:3] == [1.5, 0.25, 0.0]
    assert math.isnan(table.loc["outside", "area_km2"])
    # (0.2 · 1000 + 0.4 · 3000) / 4000
    assert table.loc["东", "lcoe_cny_kwh"] == pytest.approx(0.35, rel=1e-12)
    assert table.loc["东", "specific_yield"] == pytest.approx(4000 / 3, rel=1e-12)
    assert math.isnan(table.loc["outside", "specific_yield"])
    assert table.geometry["outside"] is None


def test_outside_can_be_left_out():
    roofs, buildings, layer = scene()
    assert len(sum_regions(of(roofs, buildings), buildings, layer, "district", keep_outside=False)) == 3


def test_p90_of_a_region_comes_from_the_caller():
    roofs, buildings, layer = scene()
    table = sum_regions(of(roofs, buildings), buildings, layer, "district", p90=lambda energy, own: energy - 100 + 0 * own)
    assert table["energy_p90_kwh"].tolist() == [3900.0, 400.0, -100.0, -100.0]
    assert totals(of(roofs, buildings), p90=lambda energy, own: energy * 0.9)["energy_p90_kwh"] == pytest.approx(4050.0)


def test_p90_of_a_region_is_that_of_its_buildings_however_unlike_they_are():
    # a factory and 50 houses, each with two roofs; a region of three such blocks, a county of all
    energy = np.tile(np.r_[5e6, np.full(50, 4e3)], 3)
    sure = np.tile(np.r_[0.9, np.full(50, 0.3)], 3)
    ids = [f"b{n}" for n in range(energy.size)]
    roofs = pd.DataFrame(0.0, index=range(2 * energy.size), columns=list(ADDED)).assign(building_id=np.repeat(ids, 2), lcoe_cny_kwh=0.3)
    roofs["energy_kwh"], roofs["energy_p90_kwh"] = np.repeat(energy / 2, 2), np.repeat(p90(energy, sure) / 2, 2)
    added = of(roofs, pd.DataFrame({"building_id": ids}))
    block = np.repeat(np.arange(3), 51)
    found = added.by(block, 3).table(p90_of_groups)["energy_p90_kwh"]
    for n in range(3):
        assert found[n] == pytest.approx(p90_of_sum(energy[block == n], sure[block == n]), rel=1e-9)
    assert totals(added, p90=p90_of_groups)["energy_p90_kwh"] == pytest.approx(p90_of_sum(energy, sure), rel=1e-9)


def test_a_duplicate_does_not_count_its_pv_twice():
    roofs, buildings, layer = scene()
    table = sum_regions(of(roofs, buildings), buildings.replace({"status": {"too_small": "duplicate"}}), layer, "district")
    assert table["installed_kwp"].tolist()[0] == 10.0


def test_parts_of_a_district_are_one_region():
    roofs, buildings, layer = scene()
    table = sum_regions(
        of(roofs, buildings),
        buildings,
        pd.concat([layer, layer.iloc[[0]].translate(0, 5000).to_frame("geometry").assign(name="东")]),
        "district",
    )
    assert table["name"].tolist() == ["东", "西", "空", "outside"]
    assert table["area_km2"][0] == pytest.approx(4.0)


def test_strange_names_are_told():
    roofs, buildings, layer = scene()
    with pytest.raises(LayersError, match="'西'"):
        sum_regions(of(roofs, buildings), buildings, layer.iloc[[0]], "district")
    with pytest.raises(LayersError, match="outside"):
        sum_regions(of(roofs, buildings), buildings, layer.replace({"name": {"空": "outside"}}), "district")


def test_buildings_get_the_sums_of_their_roofs():
    roofs, buildings, _ = scene()
    table = add_to_buildings(full(buildings), of(roofs, buildings))
    assert table["building_id"].tolist() == ["a", "b", "c", "d"]
    assert table["roofs"].tolist() == [2, 1, 1, 0]
    assert table["energy_kwh"].tolist() == [4000.0, 500.0, 0.0, 0.0]
    assert table["footprint_area_m2"].tolist() == [100.0] * 4  # the building's own, not its roofs'
    with pytest.raises(LayersError, match="name a building"):
        of(roofs, buildings.iloc[:2])
    with pytest.raises(LayersError, match="'a' stands more than once"):
        of(roofs, buildings.iloc[[0, 0]])


def test_classes_by_hand():
    roofs, buildings, _ = scene()
    table = sum_classes(pd.DataFrame(add_to_buildings(full(buildings), of(roofs, buildings))), "use").set_index("use")
    assert list(table.index) == ["factory", "other", "unknown"]
    assert table["buildings"].tolist() == [1, 2, 1]
    assert table["with_roofs"].tolist() == [1, 2, 0]
    assert table["energy_kwh"].tolist() == [4000.0, 500.0, 0.0]


def test_sums_agree_everywhere():
    roofs, buildings, layer = scene()
    whole = totals(of(roofs, buildings))
    cells, cell = grid_cells(*places_of(buildings.geometry.to_numpy()).T, CRS, 500)
    assert (whole["roofs"], whole["buildings"]) == (4, 3)
    tables = [
        sum_regions(of(roofs, buildings), buildings, layer, "district"),
        sum_regions(of(roofs, buildings), buildings.assign(cell=cell), cells, "cell"),
        add_to_buildings(full(buildings), of(roofs, buildings)),
    ]
    for name in ("energy_kwh", "pdc0_kwp", "carbon_t", "module_count"):
        assert [table[name].sum() for table in tables] == [whole[name]] * 3


def test_sums_of_a_dataset_are_those_of_its_table(tmp_path):
    roofs, buildings, layer = scene()
    rest = {c.name: 1 if c.dtype != "string" else "x" for c in columns("roofs") if c.name not in roofs}
    whole = roofs.assign(**{k: v if k != "is_new" and k != "is_urban" else True for k, v in rest.items()})
    for k in range(2):
        write_table(whole.iloc[2 * k : 2 * k + 2], "roofs", tmp_path / "roofs" / f"{k}.parquet", tmp_path / "work")
    read = StoredColumns(tmp_path / "roofs", "roofs")
    again = sum_regions(of(read, buildings, tmp_path / "sums.bin"), buildings, layer, "district")
    pd.testing.assert_frame_equal(again, sum_regions(of(roofs, buildings), buildings, layer, "district"))


values = st.lists(st.floats(-1e9, 1e9).map(lambda v: v if abs(v) > 1e-6 else 0.0), min_size=1, max_size=60)


@given(values, st.integers(0, 2**32 - 1))
def test_sums_do_not_depend_on_the_order_of_rows(numbers, seed):
    order = np.random.default_rng(seed).permutation(len(numbers))
    array, groups = np.array(numbers), np.arange(len(numbers)) % 3
    ours = Groups(groups, 3).sums(array)
    assert np.array_equal(ours, Groups(groups[order], 3).sums(array[order]))
    exact = [math.fsum(array[groups == k]) for k in range(3)]
    # a value is rounded to 2^-61 of the largest possible sum
    assert np.allclose(ours, exact, rtol=1e-15, atol=np.abs(array).max() * len(array) ** 2 * 2.0**-60)


def test_infinite_values_are_told():
    with pytest.raises(LayersError, match="infinite"):
        Groups(np.zeros(2, dtype=int), 1).sums([1.0, np.inf])
    assert Groups(np.array([0, 0, -1]), 2).sums([1.0, np.nan, 5.0]).tolist() == [1.0, 0.0]


def test_cells_lie_on_the_global_grid_and_are_named_by_their_corner():
    _, buildings, _ = scene()
    cells, names = grid_cells(*places_of(buildings.geometry.to_numpy()).T, CRS, 500.0)
    assert names.tolist() == ["E500_N4057", "E500.5_N4057", "E502_N4057", "E500_N4057"]
    assert cells["name"].tolist() == ["E500_N4057", "E500.5_N4057", "E502_N4057"]
    assert cells.geometry[1].bounds == (500_500, 4_057_000, 501_000, 4_057_500)
    part, some = grid_cells(*places_of(buildings.geometry.to_numpy()[1:2]).T, CRS, 500.0)
    assert some.tolist() == ["E500.5_N4057"]
    assert part.geometry[0].equals(cells.geometry[1])
    with pytest.raises(LayersError, match="above 0"):
        grid_cells(*places_of(buildings.geometry.to_numpy()).T, CRS, 0.0)


def test_cells_west_and_south_of_the_origin():
    away = gpd.GeoDataFrame(geometry=[shapely.box(-1300, -300, -1200, -200)], crs=CRS)
    cells, names = grid_cells(*places_of(away.geometry.to_numpy()).T, CRS, 1000.0)
    assert names.tolist() == ["E-2_N-1"]
    assert cells.geometry[0].bounds == (-2000, -1000, -1000, 0)


def test_a_building_without_shape_lies_in_no_cell():
    _, buildings, _ = scene()
    buildings.loc[3, "geometry"] = None
    buildings.loc[2, "geometry"] = shapely.Polygon()
    assert grid_cells(*places_of(buildings.geometry.to_numpy()).T, CRS, 500.0)[1].tolist()[2:] == [None, None]


def test_cells_grow_until_a_map_can_show_them():
    x, y = (side.ravel() * 250.0 for side in np.meshgrid(np.arange(32), np.arange(32)))
    buildings = gpd.GeoDataFrame(geometry=shapely.box(x + 10, y + 10, x + 20, y + 20), crs=CRS)
    assert choose_size(*places_of(buildings.geometry.to_numpy()).T, most=1024) == 250.0
    assert choose_size(*places_of(buildings.geometry.to_numpy()).T, most=1023) == 500.0
    assert choose_size(*places_of(buildings.geometry.to_numpy()).T, most=64) == 1000.0


def test_what_no_roof_knows_is_not_summed_to_zero():
    """Where the factor of the grid is not known, avoided CO₂ is unknown in every sum, not 0."""
    roofs, buildings, layer = scene()
    roofs = roofs.assign(carbon_t=np.nan)
    added = of(roofs, buildings)
    by_building = add_to_buildings(full(buildings), added)
    assert by_building["carbon_t"].isna().all() and by_building["energy_kwh"].notna().all()
    assert sum_regions(added, buildings, layer, "district")["carbon_t"].isna().all()
    assert sum_classes(pd.DataFrame(by_building), "use")["carbon_t"].isna().all()
    assert np.isnan(totals(added)["carbon_t"])
