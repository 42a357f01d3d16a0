"""Buildings that wait on disk: the same rows in the order of their ids, and the same file whether it is written in one or in parts."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.packed import Packed, places_of
from layers import schema
from wuding import keeping
from wuding.keeping import keep

ORDER = [4, 2, 0, 6, 1, 5, 3]  # 7 rows: two parts of 3, and one


@pytest.fixture
def buildings(monkeypatch: pytest.MonkeyPatch) -> gpd.GeoDataFrame:
    monkeypatch.setattr(schema, "ROW_GROUP", 3)
    monkeypatch.setattr(keeping, "ROW_GROUP", 3)
    made = {"string": "甲", "bool": True, "int32": 2, "int64": 2, "float64": 1.5}
    data = {c.name: [made[c.dtype]] * 7 for c in schema.columns("buildings") if c.dtype != "geometry"}
    frame = gpd.GeoDataFrame(data, geometry=[shapely.box(k, 0, k + 1, 1) for k in ORDER], crs="EPSG:4548")
    frame.loc[5, "geometry"] = None
    zone = [None, "东", None, None, None, None, "西"]
    known = pd.array([True, None, False] * 2 + [None], dtype="boolean")
    return frame.assign(building_id=[f"b{k}" for k in ORDER], zone=np.array(zone, dtype=object), is_urban=known, lcoe_cny_kwh=np.nan)


def apart(buildings: gpd.GeoDataFrame) -> tuple[pd.DataFrame, Packed]:
    return pd.DataFrame(buildings.drop(columns="geometry")), Packed.of([buildings.geometry.to_numpy()], buildings.crs)


def test_kept_buildings_come_back_in_the_order_of_their_ids(tmp_path, buildings):
    kept = keep(*apart(buildings), tmp_path / "unfinished" / "buildings.arrow")
    sorted_ = buildings.sort_values("building_id", ignore_index=True)
    parts = list(kept.parts())
    assert [len(part.rows) for part in parts] == [3, 3, 1]
    back = pd.concat([part.rows for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(back, pd.DataFrame(sorted_.drop(columns="geometry")), check_dtype=False)
    assert back["zone"].isna().tolist() == sorted_["zone"].isna().tolist()
    shapes = shapely.from_wkb(np.concatenate([part.shapes.to_numpy(zero_copy_only=False) for part in parts]))
    assert shapely.equals_exact(shapes, sorted_.geometry.to_numpy()).tolist() == sorted_.geometry.notna().tolist()
    np.testing.assert_array_equal(kept.bounds(), shapely.bounds(sorted_.geometry.to_numpy()))
    np.testing.assert_array_equal(np.transpose(kept.places()), places_of(sorted_.geometry.to_numpy()))
    kept.remove()
    assert not list((tmp_path / "unfinished").iterdir())


def test_a_table_written_in_parts_has_the_bytes_of_one_written_whole(tmp_path, buildings):
    kept = keep(*apart(buildings), tmp_path / "buildings.arrow")
    with schema.table_writer("buildings", kept.crs, kept.bounds(), tmp_path / "parts.parquet", tmp_path / "work") as write:
        for part in kept.parts():
            write(part.rows, part.shapes, part.bounds)
    whole = buildings.sort_values("building_id", ignore_index=True)
    schema.write_table(whole, "buildings", tmp_path / "whole.parquet", tmp_path / "work")
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
