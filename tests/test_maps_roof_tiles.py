"""Roofs as vector tiles: nothing thinned out, numbers kept, places right; read back by GDAL's reader."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from maps.roof_tiles import roof_tiles, write_tiles

from .test_maps_tables import EAST, NORTH, roof_rows


def test_tiles_hold_every_roof_with_its_numbers(tmp_path: Path) -> None:
    roofs = roof_rows(400).assign(name="楼<b>")
    out = tmp_path / "roofs.pmtiles"
    assert write_tiles([roofs.head(150), roofs.iloc[:0], roofs.iloc[150:]], out) == 400
    read = pyogrio.read_dataframe(out)
    # a roof on a tile's edge is in both tiles, so numbers are compared as sets
    assert set(read["energy_kwh"]) == set(np.rint(roofs["energy_kwh"]).astype(int))
    assert set(read["pdc0_kwp"]) == set(roofs["pdc0_kwp"].round(1)) and set(read["name"]) == {"楼<b>"}
    # steps of zoom 15 are 1,223 m / 4,096 = 0.3 m of web Mercator, so outlines may be off by 0.3 m at this latitude
    mercator = roofs.to_crs(3857)
    one = read[read["energy_kwh"] == int(np.rint(roofs["energy_kwh"].iloc[7]))].geometry.union_all()
    # the centre of a whole roof, or nearly so where an edge cuts it
    assert one.hausdorff_distance(mercator.geometry.iloc[7]) < 1.0


def test_a_crowded_tile_is_not_thinned_out(tmp_path: Path) -> None:
    """20,000 roofs in one tile of zoom 14, as many as the densest square kilometres of a county hold."""
    side = 140
    x, y = (grid.ravel() * 8.0 for grid in np.meshgrid(np.arange(side), np.arange(side)))
    shapes = shapely.box(EAST + x, NORTH + y, EAST + x + 6, NORTH + y + 6)
    frame = gpd.GeoDataFrame({"pdc0_kwp": np.arange(len(x)) + 1.0}, geometry=shapes, crs="EPSG:4548")
    out = tmp_path / "roofs.pmtiles"
    write_tiles([frame], out)
    assert set(pyogrio.read_dataframe(out)["pdc0_kwp"]) == set(frame["pdc0_kwp"])


def test_the_same_roofs_give_the_same_bytes_and_none_give_none() -> None:
    roofs = roof_rows(300).assign(name=None)
    assert roof_tiles(roofs) == roof_tiles(roofs) != b""
    assert roof_tiles(roofs.iloc[:0]) == b""
