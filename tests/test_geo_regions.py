"""Region layers as they come: gaps, overlaps, broken rings, empty files; and PV drawn over buildings."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import GeoError
from geo.existing_pv import MODULE_SHARE, apart, pv_on_buildings
from geo.regions import majority_region, read_regions, region_faults

CRS = pyproj.CRS("EPSG:4548")


def layer(**shapes: shapely.Geometry) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name": list(shapes), "id": list(shapes)}, geometry=list(shapes.values()), crs=CRS)


def test_gaps_and_overlaps_are_measured() -> None:
    a, b = shapely.box(0, 0, 1000, 3000), shapely.box(900, 0, 2000, 1000)
    c, d = shapely.box(1000, 2000, 2000, 3000), shapely.box(1500, 1000, 2000, 2000)
    told = region_faults(layer(a=a, b=b, c=c, d=d), partition=True)
    assert len(told) == 2
    # a and b share 100 x 1000 m; in the middle 500 x 1000 m belong to nobody
    assert "1 pairs" in told[0] and "0.100 km2" in told[0] and "a and b" in told[0]
    assert "1 gaps" in told[1] and "0.500 km2" in told[1]
    assert len(region_faults(layer(a=a, b=b, c=c, d=d), partition=False)) == 1
    assert region_faults(layer(a=shapely.box(0, 0, 10, 10), b=shapely.box(10, 0, 20, 10)), partition=True) == []


def test_broken_rings_nameless_rows_and_empty_layers_are_told(tmp_path: Path) -> None:
    bow_tie = shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])
    frame = gpd.GeoDataFrame(
        {"name": ["a", "b", None]}, geometry=[bow_tie, shapely.box(200, 0, 300, 9), shapely.box(400, 0, 500, 9)], crs=CRS
    )
    frame = frame.set_geometry(frame.translate(500_000, 4_056_000))  # a place that the CRS has
    frame.to_file(tmp_path / "regions.gpkg")
    notes: list[str] = []
    found = read_regions(tmp_path / "regions.gpkg", CRS, name="name", notes=notes)
    assert found["name"].tolist() == ["a", "b"]
    assert found.geometry.area.tolist() == pytest.approx([5000, 900])
    assert "1 of 3 regions have invalid rings" in notes[0]
    assert "1 of 3 rows have no polygon or no name" in notes[1]
    frame.iloc[:0].to_file(tmp_path / "empty.gpkg")
    assert read_regions(tmp_path / "empty.gpkg", CRS, name="name", notes=notes).empty
    assert "has no rows" in notes[-1]
    frame.iloc[2:].to_file(tmp_path / "nameless.gpkg")
    with pytest.raises(GeoError, match="no named polygon"):
        read_regions(tmp_path / "nameless.gpkg", CRS, name="name")
    # an urban boundary needs no name: all of it is one region, 5,000 + 900 + 900 m2
    frame.drop(columns="name").to_file(tmp_path / "urban.gpkg")
    assert read_regions(tmp_path / "urban.gpkg", CRS, name=None).geometry.area.tolist() == pytest.approx([6800])


@given(st.lists(st.tuples(st.integers(-20, 60), st.integers(-20, 60)), min_size=1, max_size=20))
def test_the_majority_is_that_of_plain_intersections(corners: list[tuple[int, int]]) -> None:
    regions = layer(a=shapely.box(0, 0, 20, 40), b=shapely.box(20, 0, 40, 40), c=shapely.box(10, 10, 30, 20))
    shapes = np.array([shapely.box(x, y, x + 9, y + 7) for x, y in corners], dtype=object)
    region, share = majority_region(shapes, regions)
    for shape, found, part in zip(shapes, region, share, strict=True):
        areas = np.array([shape.intersection(r).area for r in regions.geometry])
        outside = shape.area - areas.sum()
        if areas.max() == shape.area:
            assert found == np.flatnonzero(areas == shape.area)[0]
        elif areas.max() > 0 and areas.max() >= outside:
            assert areas[found] == pytest.approx(areas.max())
        else:
            assert found == -1
        assert part == pytest.approx(areas[found] / shape.area if found >= 0 else 0.0)


def test_drawn_pv_is_shared_out_by_area() -> None:
    buildings = np.array([shapely.box(0, 0, 20, 10), shapely.box(20, 0, 40, 10), None, shapely.box(100, 0, 110, 10)], dtype=object)
    arrays = np.array([shapely.box(10, 0, 30, 10), shapely.box(35, 0, 45, 10)])
    kwp, taken, elsewhere = pv_on_buildings(buildings, arrays, np.array([40.0, np.nan]), 0.2)
    # the first has 40 kWp half on each; the second 100 m2 drawn, half of it beside the building
    drawn = 100 * MODULE_SHARE * 0.2
    np.testing.assert_allclose(kwp, [20.0, 20.0 + drawn / 2, np.nan, np.nan])
    np.testing.assert_allclose(taken, [100.0, 150.0, 0.0, 0.0])
    assert elsewhere == pytest.approx(drawn / 2)


def test_arrays_drawn_over_each_other_count_once() -> None:
    # a hall of 200 m2; two drawings of one array (one with its 10 kWp), another over half of it, and one with 8 kWp beside
    hall = np.array([shapely.box(0, 0, 20, 10)])
    arrays = np.array([shapely.box(0, 0, 10, 10), shapely.box(0, 0, 10, 9.9), shapely.box(5, 0, 15, 10), shapely.box(15, 0, 20, 10)])
    given = np.array([np.nan, 10.0, np.nan, 8.0])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        outlines, kwp, twice = apart(arrays[order], given[order])
        installed, taken, elsewhere = pv_on_buildings(hall, outlines, kwp, 0.2)
        # the drawing with a capacity stays (99 m2), the third keeps what shows: 100 - 5 x 9.9 m2
        assert twice == pytest.approx(100.0 + 49.5)
        assert taken[0] == pytest.approx(99.0 + 50.5 + 50.0)
        assert installed[0] == pytest.approx(10.0 + 8.0 + 50.5 * MODULE_SHARE * 0.2)
        assert elsewhere == pytest.approx(0.0, abs=1e-9)
    assert apart(arrays[:0], given[:0])[2] == 0.0


def test_parcels_without_a_name_are_known_by_their_id(tmp_path: Path) -> None:
    squares = [shapely.box(x, 4_050_000.0, x + 50.0, 4_050_050.0) for x in (500_000.0, 500_100.0, 500_200.0)]
    gpd.GeoDataFrame({"pid": ["A1", "A2", None], "name": ["Mill", None, None]}, geometry=squares, crs=CRS).to_file(
        tmp_path / "parcels.gpkg"
    )
    notes: list[str] = []
    found = read_regions(tmp_path / "parcels.gpkg", CRS, name="name", id="pid", notes=notes)
    assert found[["id", "name"]].to_numpy().tolist() == [["A1", "Mill"], ["A2", "A2"]]
    assert any("1 of 3 rows have no polygon or no name" in note for note in notes)
