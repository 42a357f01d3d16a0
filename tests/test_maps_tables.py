"""The made-up county that the maps' tests draw, and what MapTables keeps of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from layers.errors import LayersError
from maps.tables import PLACES_PER_KIND, MapTables, map_tables, read_tables, sheet_folder

EAST, NORTH, SIDE = 500_000.0, 4_057_000.0, 12_000.0
CRS = "EPSG:4548"
NASTY = [
    "<script>window.pwned=1</script>",
    '"><img src=x onerror="window.pwned=1">',
    "${window.pwned=1}",
    "{{7*7}}",
    "</script><b>粗",
    "$a$ & 'b'",
]
USES = ["rural_residential", "urban_residential", "factory", "public_institution", "commercial", "unknown"]
AREAS = ("setback_area_m2", "obstacle_area_m2", "existing_area_m2", "excluded_area_m2", "shaded_out_area_m2", "usable_area_m2")
MONTHS = [f"energy_{month:02d}_kwh" for month in range(1, 13)]
# Shares of a year at Jinan's latitude, rough; they only have to add up to one.
MONTH_SHARE = np.array([6, 6, 9, 10, 11, 10, 9, 9, 9, 8, 7, 6]) / 100


def region_polygons() -> dict[str, shapely.Polygon]:
    """Three districts that share crooked borders and fill a square."""
    x0, y0, x1, y1 = EAST - SIDE, NORTH - SIDE, EAST + SIDE, NORTH + SIDE
    up = np.linspace(y0, y1, 60)
    middle = np.column_stack([EAST + 1800 * np.sin((up - y0) / 2600.0) + 700 * np.cos((up - y0) / 900.0), up])
    across = np.linspace(x0, middle[30, 0], 50)
    wave = NORTH - 1500 + 900 * np.sin((across - x0) / 1700.0)
    wave += (middle[30, 1] - wave[-1]) * (across - x0) / (across[-1] - x0)
    border = np.column_stack([across, wave])
    west_up = shapely.Polygon([*border, *middle[31:], (x0, y1)])
    west_down = shapely.Polygon([(x0, y0), *middle[:31], *border[::-1][1:]])
    east = shapely.Polygon([*middle, (x1, y1), (x1, y0)])
    return {"清河区": west_up, "南山县": west_down, "东湖区": east}


def roof_rows(count: int, seed: int = 7) -> gpd.GeoDataFrame:
    """`count` square roofs of known size: a roof of s metres has s²/10 kWp and 1,200 kWh/kWp."""
    rng = np.random.default_rng(seed)
    centres = np.array([[-6000, 5000], [-5000, -6500], [6000, 1000], [3500, -7000], [5200, 7500]])
    at = rng.integers(0, len(centres), count)
    xy = centres[at] + rng.normal(0, 1100, (count, 2)) + (EAST, NORTH)
    side = rng.choice([10.0, 12.0, 20.0, 60.0], count, p=[0.5, 0.25, 0.15, 0.1])
    use = np.where(side == 60, "factory", np.where(side == 20, rng.choice(USES[1:5], count), rng.choice(USES, count)))
    kwp = side**2 / 10
    specific = 1100 + 200 * rng.random(count)
    frame = {
        "roof_id": [f"r{i:06d}" for i in range(count)],
        "building_id": [f"b{i:06d}" for i in range(count)],
        "use": use,
        "use_detail": np.where(use == "public_institution", "学校", ""),
        "data_tier": rng.choice(["height", "footprint", "dsm"], count, p=[0.7, 0.2, 0.1]),
        "confidence": 0.6,
        "footprint_area_m2": side**2,
        "area_m2": side**2,
        "roof_tilt": np.where(side < 20, 25.0, 0.0),
        "roof_azimuth": np.where(side < 20, 180.0, np.nan),
        "mounting": np.where(side < 20, "flush", "rack"),
        "module_count": (side**2 / 4).astype(int),
        "module_area_m2": side**2 * 0.5,
        "covered_area_m2": side**2 * 0.45,
        "pdc0_kwp": kwp,
        "pac0_kw": kwp / 1.2,
        "energy_kwh": kwp * specific,
        "energy_p90_kwh": kwp * specific * 0.92,
        "specific_yield": specific,
        "shading_loss": 0.05 * rng.random(count),
        "capex_cny": kwp * 3000,
        "lcoe_cny_kwh": 0.25 + 0.1 * rng.random(count),
        "carbon_t": kwp * specific * 0.000641,
    }
    frame |= {name: side**2 * share for name, share in zip(AREAS, (0.1, 0.05, 0.0, 0.05, 0.1, 0.7), strict=True)}
    frame |= {name: frame["energy_kwh"] * share for name, share in zip(MONTHS, MONTH_SHARE, strict=True)}
    half = side / 2
    shapes = shapely.box(xy[:, 0] - half, xy[:, 1] - half, xy[:, 0] + half, xy[:, 1] + half)
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS)


def building_rows(roofs: gpd.GeoDataFrame, names: list[str]) -> gpd.GeoDataFrame:
    """One building a roof, and two rows that were rejected; some named, some with PV."""
    table = roofs.drop(columns=["roof_id", "roof_tilt", "roof_azimuth", "mounting", "shading_loss"]).copy()
    table["roofs"], table["status"], table["is_new"] = 1, "assessed", pd.array([None] * len(table), dtype="boolean")
    table["installed_kwp"] = np.where(np.arange(len(table)) % 29 == 0, 8.0, np.nan)
    table["name"] = [
        names[i] if i < len(names) else (f"第{i}小学" if use == "public_institution" else "") for i, use in enumerate(table["use"])
    ]
    rejected = table.head(2).copy()
    rejected[["roofs", "pdc0_kwp", "energy_kwh"]] = 0
    rejected["building_id"], rejected["status"], rejected["name"] = ["x1", "x2"], ["duplicate", "invalid_geometry"], ""
    return gpd.GeoDataFrame(pd.concat([table, rejected], ignore_index=True), crs=CRS)


def sums(shapes: dict[str, Any], roofs: gpd.GeoDataFrame, outside: bool = True) -> gpd.GeoDataFrame:
    """Region table of tables.md: the sums of the roofs whose middle lies in each region."""
    middles = roofs.geometry.centroid
    left = np.ones(len(roofs), dtype=bool)
    rows = []
    for name, shape in [*shapes.items(), ("outside", shapely.Polygon())]:
        inside = left.copy() if name == "outside" else np.asarray(middles.within(shape))
        left &= ~inside
        part = roofs[inside]
        add = [
            c for c in roofs.columns if c.endswith(("_m2", "_kwh", "_kwp", "_kw", "_cny", "_t", "_count")) and c not in ("lcoe_cny_kwh",)
        ]
        row = {"name": name, "kind": "outside" if name == "outside" else "region", "area_km2": shape.area / 1e6, **part[add].sum()}
        row |= {"buildings": len(part), "roofs": len(part), "installed_kwp": 0.0, "lcoe_cny_kwh": part["lcoe_cny_kwh"].mean()}
        row["specific_yield"] = row["energy_kwh"] / row["pdc0_kwp"] if row["pdc0_kwp"] else np.nan
        row["kwp_per_km2"] = row["pdc0_kwp"] / row["area_km2"] if row["area_km2"] else np.nan
        rows.append(row | {"geometry": shape})
    table = gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS)
    return table if outside else table[table["kind"] == "region"]


def target_rows() -> list[dict[str, Any]]:
    common = {
        "deadline": "2025-12-31",
        "clause": "三(四)3",
        "responsible": ["市住房城乡建设局"],
        "verified": False,
        "unit": "1",
        "region": None,
        "missing": [],
    }
    capacity = {
        "id": "pv_capacity",
        "title_zh": "光伏发电装机规模",
        "title_en": "PV capacity, every kind",
        "unit": "MW",
        "deadline": "2030-12-31",
    }
    return [
        common
        | capacity
        | {"required": 5000.0, "technical": 3120.0, "planned": 2400.0, "built": 1860.0, "gap": 2600.0, "verdict": "short"},
        common
        | {
            "id": "new_roof_coverage",
            "title_zh": "新建公共机构、新建厂房屋顶光伏覆盖率",
            "title_en": "PV coverage of new public and factory roofs",
        }
        | {"required": 0.5, "technical": 0.68, "planned": 0.54, "built": 0.52, "gap": 0.0, "verdict": "met"},
        common
        | {"id": "building_substitution", "title_zh": "城镇建筑可再生能源替代率", "title_en": "Renewable substitution in urban buildings"}
        | {"required": 0.08, "technical": 0.11, "planned": None, "built": None, "gap": None, "verdict": "cannot_judge"}
        | {"missing": [{"input": "集中供热用能", "cell": "责任区域!H5"}, {"input": NASTY[1], "cell": "责任区域!J5"}]},
        common
        | {"id": "storage", "title_zh": "新型储能设施规模", "title_en": "Storage", "unit": "MW", "required": 1500.0, "technical": None}
        | {"planned": None, "built": None, "gap": None, "verdict": "cannot_judge", "missing": ["已建新型储能规模"]},
        common
        | capacity
        | {"region": "清河区", "required": None, "technical": 900.0, "planned": None, "built": None, "gap": None, "verdict": "cannot_judge"}
        | {"missing": [{"input": "已建光伏", "cell": "责任区域!D6"}]},
    ]


def manifest(roofs: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> dict[str, Any]:
    total = roofs[
        [
            "pdc0_kwp",
            "pac0_kw",
            "energy_kwh",
            "energy_p90_kwh",
            "capex_cny",
            "carbon_t",
            "footprint_area_m2",
            "usable_area_m2",
            "covered_area_m2",
        ]
    ].sum()
    return {
        "study": {"name": "清河样例 " + NASTY[0], "lang": "zh", "as_of": "2026-11-23", "crs": CRS},
        "inputs": [{"role": "buildings", "path": "buildings.gpkg", "sha256": "ab" * 32, "size": 1_234_567}],
        "versions": {"python": "3.12", "pvlib": "0.13"},
        "parameters": {"system": {"module": "generic-540"}},
        "counts": buildings["status"].value_counts().to_dict(),
        "audit": {"roofs": 50, "bias": 0.0002, "rms": 0.0011, "worst": 0.0042},
        "warnings": ["两处建筑重复：" + NASTY[4]],
        "notes": {
            "weather": {"source": "climatology", "climatology": True, "stand_in": False, "verified": False},
            "terrain": {"dem": "dem.tif"},
            "made_up": True,
        },
        "totals": {
            **{name: float(value) for name, value in total.items()},
            "roofs": len(roofs),
            "buildings": len(buildings),
            "module_count": 1,
        },
    }


def county(count: int = 200, names: list[str] | None = None) -> dict[str, Any]:
    """The whole made-up run as frames: keyword arguments of `map_tables`."""
    roofs = roof_rows(count)
    buildings = building_rows(roofs, NASTY if names is None else names)
    districts = region_polygons()
    zone = shapely.box(EAST - 3500, NORTH - 2500, EAST + 5500, NORTH + 4000)
    responsible = {name: shape.difference(zone) for name, shape in districts.items()} | {"高新示范区": zone}
    edges = np.arange(-SIDE, SIDE, 1000.0)
    cells = {
        f"E{500 + dx // 1000:.0f}_N{4057 + dy // 1000:.0f}": shapely.box(EAST + dx, NORTH + dy, EAST + dx + 1000, NORTH + dy + 1000)
        for dx in edges
        for dy in edges
    }
    grid = sums(cells, roofs)
    parcels = {f"地块{i + 1}": shapely.box(EAST + 5000 + 500 * i, NORTH, EAST + 5450 + 500 * i, NORTH + 700) for i in range(6)} | {
        NASTY[1]: shapely.box(EAST, NORTH, EAST + 400, NORTH + 400)
    }
    regions = {
        "districts": sums(districts, roofs),
        "responsible": sums(responsible, roofs),
        "zones": sums({"高新示范区 " + NASTY[2]: zone}, roofs),
        "grid": grid[(grid["roofs"] > 0) | (grid["kind"] == "outside")],
        "parcels": sums(parcels, roofs),
    }
    targets = {"as_of": "2026-11-23", "policy": "jinan-2023-36", "targets": target_rows()}
    return {"manifest": manifest(roofs, buildings), "targets": targets, "regions": regions, "roofs": roofs, "buildings": buildings}


@pytest.fixture(scope="module")
def frames() -> dict[str, Any]:
    return county()


def test_sums_by_class_add_up_to_the_roofs(frames: dict[str, Any]) -> None:
    tables = map_tables(**frames)
    assert tables.by_use["pdc0_kwp"].sum() == pytest.approx(frames["roofs"]["pdc0_kwp"].sum(), rel=1e-12)
    assert int(tables.by_use["buildings"].sum()) == len(frames["roofs"])  # the two rejected rows have no roofs
    assert tables.by_tier["confidence"].to_numpy() == pytest.approx(0.6)


def test_outside_and_empty_layers_are_not_drawn(frames: dict[str, Any]) -> None:
    tables = map_tables(**frames)
    districts = tables.region("districts")
    assert districts is not None
    assert sorted(districts["name"]) == sorted(["清河区", "南山县", "东湖区"])
    assert tables.region("transformers") is None


def test_lists_are_bounded_and_take_the_largest(frames: dict[str, Any]) -> None:
    many = county(900, [])
    many["roofs"]["use"] = many["buildings"]["use"] = "factory"
    tables = map_tables(**many)
    assert tables.places is not None
    industry = tables.places[tables.places["place"].str.contains("industry")]
    assert len(industry) == PLACES_PER_KIND
    left_out = many["buildings"][~many["buildings"]["building_id"].isin(industry["building_id"])]
    assert industry["pdc0_kwp"].min() >= left_out["pdc0_kwp"].max()


def write_run(out: Path, frames: dict[str, Any]) -> None:
    """Write what a run leaves, its roofs in two tiles."""
    (out / "roofs").mkdir()
    (out / "regions").mkdir()
    frames["roofs"].head(80).to_parquet(out / "roofs" / "a.parquet")
    frames["roofs"].tail(120).to_parquet(out / "roofs" / "b.parquet")
    frames["buildings"].to_parquet(out / "buildings.parquet")
    for name, table in frames["regions"].items():
        table.to_parquet(out / "regions" / f"{name}.parquet")
    (out / "manifest.json").write_text(json.dumps(frames["manifest"]), encoding="utf-8")
    (out / "targets.json").write_text(json.dumps(frames["targets"]), encoding="utf-8")


def test_a_run_without_roofs_is_read(frames: dict[str, Any], tmp_path: Path) -> None:
    write_run(tmp_path, frames | {"roofs": frames["roofs"].head(0)})
    read = read_tables(tmp_path)
    assert read.roofs is not None and read.roofs.empty


def test_a_run_folder_reads_as_the_frames_do(frames: dict[str, Any], tmp_path: Path) -> None:
    write_run(tmp_path, frames)
    read, made = read_tables(tmp_path), map_tables(**frames)
    assert isinstance(read, MapTables)
    assert read.roofs is not None and made.roofs is not None and read.places is not None and made.places is not None
    assert list(read.roofs["roof_id"]) == list(made.roofs["roof_id"])
    assert dict(zip(read.places["building_id"], read.places["place"], strict=True)) == dict(
        zip(made.places["building_id"], made.places["place"], strict=True)
    )
    pd.testing.assert_frame_equal(read.by_use, made.by_use, check_index_type=False)
    assert set(read.regions) == set(made.regions)


def test_a_folder_that_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(LayersError, match=r"manifest\.json.*wuding run"):
        read_tables(tmp_path)


def test_a_missing_column_is_named(frames: dict[str, Any]) -> None:
    with pytest.raises(LayersError, match="pdc0_kwp"):
        map_tables(**(frames | {"roofs": frames["roofs"].drop(columns="pdc0_kwp")}))


def test_every_parcel_has_a_folder_of_its_own() -> None:
    """Ids that differ by signs only, and long ones, share no sheet; no name leaves its folder or is too long for a disk."""
    ids = ["A/1", "A 1", "A_1", "厂区(一)", "厂区（一）", "..", "../x", "", *NASTY, "长" * 300, "长" * 301]
    folders = [sheet_folder(name) for name in ids]
    assert len(set(folders)) == len(ids)
    assert sheet_folder("GY001-0012") == "GY001-0012"
    for folder in folders:
        assert folder.replace("-", "").replace("_", "").isalnum() or folder == "A_1"
        assert len(folder.encode()) <= 255
