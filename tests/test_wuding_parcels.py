"""Sheets of parcels of the sample county: what is drawn is what was counted, hours add up, files open, wrong ids are told."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from wuding.errors import StudyError
from wuding.footprint import Ground, _placed, footprint_sheet
from wuding.parcels import Options, parcel_sheets


@pytest.fixture(scope="module")
def run(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parcels") / "run"
    shutil.copytree(run_folder, folder, ignore=shutil.ignore_patterns("*.html", "*.docx", "*.gpkg", "lock"))
    return folder


@pytest.fixture(scope="module")
def parcel(run: Path) -> str:
    table = pd.read_parquet(run / "regions" / "parcels.parquet")
    region = table[table["kind"] == "region"]
    return str(region.sort_values("pdc0_kwp")["name"].iloc[-1])


@pytest.fixture(scope="module")
def folder(run: Path, parcel: str) -> Path:
    return parcel_sheets(run, parcel, None, False, Options(transformer_kva=1000.0, most_kw=500.0, most_export_kw=300.0), "zh", [])[0]


@pytest.fixture(scope="module")
def roofs(run: Path, parcel: str) -> pd.DataFrame:
    return pd.read_parquet(run / "roofs", filters=[("parcel_id", "==", parcel)]).drop(columns="geometry")


def test_drawn_modules_are_those_of_the_table(folder: Path, roofs: pd.DataFrame) -> None:
    drawn = pyogrio.read_dataframe(folder / "layout.gpkg", layer="modules")
    kept = drawn[drawn["kept"]].groupby("roof_id").size()
    counted = roofs[roofs["module_count"] > 0].set_index("roof_id")["module_count"]
    assert kept.sort_index().to_dict() == counted.sort_index().to_dict()
    # a module has its size, and no two lie over each other
    area = shapely.area(drawn.geometry.to_numpy()) / np.cos(np.radians(drawn["surface_tilt"].to_numpy()))
    assert area == pytest.approx(2.278 * 1.134, rel=2e-3) or np.ptp(area) < 0.01 * area.mean()
    tree = shapely.STRtree(drawn.geometry.to_numpy())
    left, right = tree.query(drawn.geometry.to_numpy(), predicate="overlaps")
    one, two = drawn.geometry.to_numpy()[left], drawn.geometry.to_numpy()[right]
    assert shapely.area(shapely.intersection(one, two)).max(initial=0.0) < 1e-3


def test_modules_lie_in_the_usable_outline_of_their_roof(folder: Path) -> None:
    usable = pyogrio.read_dataframe(folder / "layout.gpkg", layer="usable").set_index("roof_id").geometry
    drawn = pyogrio.read_dataframe(folder / "layout.gpkg", layer="modules")
    outline = usable.reindex(drawn["roof_id"]).to_numpy()
    outside = shapely.area(shapely.difference(drawn.geometry.to_numpy(), outline))
    assert outside.max() < 1e-3


def test_a_run_of_other_versions_is_named_by_what_differs(run: Path, parcel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = tmp_path / "run"
    shutil.copytree(run, older, ignore=shutil.ignore_patterns("parcels"))
    mark = older / ".work" / "fingerprint.json"

    def broken(*_: object) -> None:
        raise KeyError("a column that this state does not know")

    monkeypatch.setattr("wuding.parcels.again", broken)
    with pytest.raises(KeyError):  # made by this very state: a fault of ours
        parcel_sheets(older, parcel, None, False, Options(), "en", [])
    made = json.loads(mark.read_text(encoding="utf-8"))
    now, made["versions"]["pvlib"] = made["versions"]["pvlib"], "0.0.1"
    mark.write_text(json.dumps(made), encoding="utf-8")
    with pytest.raises(StudyError, match=rf"another version of wuding \(pvlib 0\.0\.1 -> {re.escape(now)}\)"):
        parcel_sheets(older, parcel, None, False, Options(), "en", [])
    mark.write_text("[1", encoding="utf-8")
    with pytest.raises(StudyError, match=r"another version of wuding \(version\)"):
        parcel_sheets(older, parcel, None, False, Options(), "en", [])


def test_hours_add_up_to_the_table(folder: Path, roofs: pd.DataFrame) -> None:
    hours = pd.read_csv(folder / "hourly.csv")
    # a roof's hour is a whole milliwatt-hour
    assert hours["generation_kwh"].sum() == pytest.approx(roofs["energy_kwh"].sum(), rel=1e-6)
    for name, energy in roofs.loc[roofs["module_count"] > 0, ["roof_id", "energy_kwh"]].itertuples(index=False):
        assert hours[name].sum() == pytest.approx(energy, rel=1e-5)
    assert (hours["self_used_kwh"] + hours["exported_kwh"]).to_numpy() == pytest.approx(hours["generation_kwh"].to_numpy(), abs=2e-6)
    sheet = json.loads((folder / "sheet.json").read_text(encoding="utf-8"))
    assert sheet["energy"]["p50_kwh"] == pytest.approx(roofs["energy_kwh"].sum(), rel=1e-6)
    assert sheet["energy"]["p90_kwh"] < sheet["energy"]["p50_kwh"]
    june = sheet["energy"]["months"][5]
    assert june == pytest.approx(roofs["energy_06_kwh"].sum(), rel=1e-6)
    assert sheet["money"]["capex_cny"] == pytest.approx(roofs["capex_cny"].sum())


def test_drawing_has_named_layers_in_metres(folder: Path, run: Path, parcel: str) -> None:
    text = (folder / "layout.dxf").read_text(encoding="utf-8", errors="replace").split("ENDSEC", 1)[0]
    assert text.split("$INSUNITS")[1].split()[:2] == ["70", "6"]
    drawn = pyogrio.read_dataframe(folder / "layout.dxf")
    assert {"PARCEL", "ROOF", "USABLE", "MODULE"} <= set(drawn["Layer"])
    # every line is closed, so that a CAD program gives its area; a layer has its colour
    whole = (folder / "layout.dxf").read_text(encoding="utf-8")
    assert len(re.findall(r"AcDbPolyline\n *70\n *1\n", whole)) == len(drawn)
    assert re.search(r"AcDbLayerTableRecord\n *2\nMODULE\n *70\n *0\n *62\n *5\n", whole)
    kept = pyogrio.read_dataframe(folder / "layout.gpkg", layer="modules")["kept"].sum()
    assert (drawn["Layer"] == "MODULE").sum() == kept
    region = gpd.read_parquet(run / "regions" / "parcels.parquet").set_index("name").geometry[parcel]
    outline = drawn[drawn["Layer"] == "PARCEL"].total_bounds
    assert outline == pytest.approx(np.array(region.bounds), abs=1e-3)


def test_sheet_is_one_page_file_that_escapes_names(folder: Path) -> None:
    page = (folder / "sheet.html").read_text(encoding="utf-8")
    assert page.count('<section class="page') == 2
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page
    assert "一般工商业" in page


HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(1)>${7*7}{{7*7}}{% raw %}</section>&amp;'"""


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_hostile_names_are_shown_as_they_are(folder: Path, tmp_path: Path, lang: str) -> None:
    from html.parser import HTMLParser

    from maps.parcel_page import parcel_page

    sheet = json.loads((folder / "sheet.json").read_text(encoding="utf-8"))
    sheet["parcel"] |= {"id": HOSTILE, "name": HOSTILE}
    sheet["study"]["name"] = sheet["basis"]["weather"] = HOSTILE
    sheet["flags"] = sheet["warnings"] = sheet["sources"] = [HOSTILE]
    for roof in sheet["roofs"]:
        roof["roof_id"] = HOSTILE
    layers = {name: pyogrio.read_dataframe(folder / "layout.gpkg", layer=name) for name in ("parcel", "roofs", "usable", "modules")}
    skyline = {"roof_id": HOSTILE, "shading_loss": 0.1, "opaque": np.full((1, 72), 5.0), "leafy": None}
    page = parcel_page(sheet, layers, {"worst": skyline, "best": skyline}, tmp_path / "sheet.html", lang, 36.6).read_text(encoding="utf-8")
    tags: list[str] = []
    texts: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            assert not any(name.startswith("on") for name, _ in attrs)

        def handle_data(self, data: str) -> None:
            texts.append(data)

    Reader().feed(page)
    assert "script" not in tags
    assert tags.count("section") == 2
    # nothing is computed and nothing is lost: a title, heading, flag, warning and source say it as it was given
    assert "49" not in "".join(text for text in texts if "alert" in text)
    assert sum(HOSTILE in text for text in texts) >= 5


def test_what_nobody_knows_is_not_judged(tmp_path: Path) -> None:
    hall = gpd.GeoDataFrame({"height": [9.0]}, geometry=[shapely.box(500_000, 4_058_000, 500_080, 4_058_040)], crs="EPSG:4548")
    hall.to_file(tmp_path / "hall.gpkg", driver="GPKG")
    folder = footprint_sheet(tmp_path / "hall.gpkg", Ground(flat=True), Options(use="unknown"), tmp_path / "out", "en", [])
    sheet = json.loads((folder / "sheet.json").read_text(encoding="utf-8"))
    assert sheet["load"]["unknown_share"] == 1.0
    assert not any(row["best"] for row in sheet["variants"])
    page = (folder / "sheet.html").read_text(encoding="utf-8")
    for said in ("which variant is best cannot be judged", "a battery cannot be judged", "what rent it bears cannot be judged"):
        assert said in page
    assert "★" not in page.split("<body>")[1]


def test_limits_and_transformer_are_on_the_sheet(folder: Path) -> None:
    sheet = json.loads((folder / "sheet.json").read_text(encoding="utf-8"))
    assert sheet["connection"]["reverse_limit_kw"] == pytest.approx(1000.0 * 0.95 * 0.8)
    rows = sheet["variants"]
    assert all(row["pac0_kw"] <= 500.0 for row in rows if row["roofs"] == "power")
    assert all(row["peak_export_kw"] <= 300.0 + 1e-6 for row in rows if row["roofs"] == "export")
    assert sum(row["best"] for row in rows) == 1


def test_pairs_of_east_and_west_are_drawn_as_counted(run: Path) -> None:
    import pickle

    from geo.tiles import read_surroundings
    from layers.module_drawing import draw_modules
    from layers.potential import assess_tile

    with (run / ".work" / "model.pickle").open("rb") as stream:
        model = pickle.load(stream)
    rows = gpd.read_parquet(run / ".work" / "tiles").query("status == '' and use in ('public_institution', 'public_building')").head(20)
    result = assess_tile(rows, read_surroundings(run / ".work" / "tiles", rows.total_bounds), model, audit=0, keep=True, prefer=2)
    assert result.parts is not None
    drawn = draw_modules(result.parts, model)
    pairs = drawn[drawn["mounting"] == "east_west"]
    assert len(pairs) > 0
    counted = result.roofs[result.roofs["module_count"] > 0].set_index("roof_id")["module_count"]
    assert drawn[drawn["kept"]].groupby("roof_id").size().sort_index().to_dict() == counted.sort_index().to_dict()
    # the two halves of a pair look away from each other and touch along the ridge
    first, second = pairs.iloc[::2], pairs.iloc[1::2]
    assert (second["surface_azimuth"].to_numpy() - first["surface_azimuth"].to_numpy()) % 360.0 == pytest.approx(180.0)
    assert (first["kept"].to_numpy() == second["kept"].to_numpy()).all()
    east = shapely.get_x(shapely.centroid(first.geometry.to_numpy())) - shapely.get_x(shapely.centroid(second.geometry.to_numpy()))
    north = shapely.get_y(shapely.centroid(first.geometry.to_numpy())) - shapely.get_y(shapely.centroid(second.geometry.to_numpy()))
    facing = np.radians(first["surface_azimuth"].to_numpy())
    assert (east * np.sin(facing) + north * np.cos(facing) > 0.0).all()


def test_bills_lead_the_load(run: Path, parcel: str, tmp_path: Path) -> None:
    bills = tmp_path / "电费.csv"
    bills.write_text("月份,用电量(kWh)\n" + "\n".join(f"{m},{1000 * m}" for m in range(1, 13)), encoding="gb18030")
    folder = parcel_sheets(run, parcel, None, False, Options(load=bills), "en", [])[0]
    sheet = json.loads((folder / "sheet.json").read_text(encoding="utf-8"))
    assert sheet["load"]["source"] == "bills"
    assert sheet["load"]["months"] == pytest.approx([1000.0 * m for m in range(1, 13)])
    assert "class" not in {note["code"] for note in sheet["notes"]}
    # 12,000 kWh a month need more than 5 kVA: read as kW or of another meter
    small = parcel_sheets(run, parcel, None, False, Options(load=bills, transformer_kva=5.0, voltage_kv=0.38), "en", [])[0]
    page = (small / "sheet.html").read_text(encoding="utf-8")
    assert "more than the transformer of 5 kVA carries" in page
    assert ("380 V usually takes about 400 kW AC at most" in page) == (sheet["capacity"]["pac0_kw"] > 400.0)


def test_a_load_of_the_study_counts_for_its_parcel(county: Path, run: Path, parcel: str, tmp_path: Path) -> None:
    from wuding.study import LoadSection, load_study

    curve = tmp_path / "curve.csv"
    curve.write_text("负荷(kW)\n" + "\n".join(["50"] * 8760), encoding="utf-8")
    lines = (county / "study.toml").read_text(encoding="utf-8")
    study = tmp_path / "study.toml"
    study.write_text(f'{lines}\n[[load]]\narea = "{parcel}"\nfile = "{curve.as_posix()}"\n', encoding="utf-8")
    for file in county.iterdir():
        if file.is_file() and file.name != "study.toml":
            (tmp_path / file.name).symlink_to(file)
    assert load_study(study).load == [LoadSection(area=parcel, file=curve.as_posix())]
    folder = parcel_sheets(run, parcel, None, False, Options(study=study), "zh", [])[0]
    sheet = json.loads((folder / "sheet.json").read_text(encoding="utf-8"))
    assert (sheet["load"]["source"], sheet["load"]["kwh"]) == ("curve", pytest.approx(50.0 * 8760))


def test_flags_are_in_the_language_of_the_sheet(run: Path, parcel: str) -> None:
    folder = parcel_sheets(run, parcel, None, False, Options(), "en", [])[0]
    page = (folder / "sheet.html").read_text(encoding="utf-8")
    assert "weather from an unverified climatology" in page
    assert "no weather file" in page
    own = json.loads((folder / "sheet.json").read_text(encoding="utf-8"))["parcel"]["name"]
    rest = re.sub(r"data:[^\"]*", "", page).replace(own, "").split("</style>")[1]
    # but for the name and the weather's own title nothing is Chinese
    assert set(re.findall(r"[\u4e00-\u9fff]+", rest)) <= {"济南", "月均气候"}


def test_what_goes_not_together_is_told(tmp_path: Path) -> None:
    from wuding.cli import parcel as command

    with pytest.raises(StudyError, match="--flat, --crs goes only with --footprint"):
        command(tmp_path, "A1", crs="EPSG:4548", flat=True)
    with pytest.raises(StudyError, match="leave out RUN, --near"):
        command(tmp_path, near="117,36", footprint=tmp_path / "hall.gpkg", flat=True)
    with pytest.raises(StudyError, match="--transformer-kva -1: expected a number above 0"):
        Options(transformer_kva=-1.0)
    with pytest.raises(StudyError, match="--roof-rent nan: expected 0 or more"):
        Options(roof_rent=float("nan"))
    with pytest.raises(StudyError, match="--use workshop: unknown class of use"):
        Options(use="workshop")


def test_unknown_parcel_names_the_nearest(run: Path, parcel: str) -> None:
    with pytest.raises(StudyError, match=f"there is no parcel .* nearest are: .*{parcel[:5]}"):
        parcel_sheets(run, f"{parcel}X", None, False, Options(), None, [])
    with pytest.raises(StudyError, match="LON,LAT in degrees"):
        parcel_sheets(run, None, "36.6", False, Options(), None, [])
    with pytest.raises(StudyError, match="one of the three"):
        parcel_sheets(run, None, None, False, Options(), None, [])


def test_a_place_and_a_polygon_find_the_parcel(run: Path, parcel: str, folder: Path, tmp_path: Path) -> None:
    sheet = json.loads((folder / "sheet.json").read_text(encoding="utf-8"))["parcel"]
    told: list[str] = []
    near = parcel_sheets(run, None, f"{sheet['longitude']},{sheet['latitude']}", False, Options(), None, told)
    assert (near[0].name, told) == (folder.name, [])
    region = gpd.read_parquet(run / "regions" / "parcels.parquet")
    file = tmp_path / "围墙<b>.geojson"
    region[region["name"] == parcel][["geometry"]].to_crs(4326).to_file(file, driver="GeoJSON")
    drawn = parcel_sheets(run, str(file), None, False, Options(), None, [])
    other = json.loads((drawn[0] / "sheet.json").read_text(encoding="utf-8"))
    assert other["capacity"]["modules"] == json.loads((near[0] / "sheet.json").read_text(encoding="utf-8"))["capacity"]["modules"]
    assert "围墙&lt;b&gt;" in (drawn[0] / "sheet.html").read_text(encoding="utf-8")


def test_parcels_add_up_to_the_buildings_and_are_ranked(run: Path) -> None:
    table = gpd.read_parquet(run / "regions" / "parcels.parquet")
    buildings = pd.read_parquet(run / "buildings.parquet")
    for name in ("pdc0_kwp", "energy_kwh", "module_count", "capex_cny"):
        assert table[name].sum() == pytest.approx(buildings[name].sum())
    # every input feature is counted once: with roofs or left out
    assert table["buildings"].sum() + table["left_out"].sum() == len(buildings)
    assert table["buildings_with_modules"].sum() == (buildings["module_count"] > 0).sum()
    ranked = table[table["rank"].notna()].sort_values("rank")
    assert ranked["npv_cny"].is_monotonic_decreasing
    assert list(ranked["rank"]) == list(range(1, len(ranked) + 1))
    assert len(ranked) == ((table["pdc0_kwp"] > 0) & (table["kind"] == "region")).sum()
    # what lies outside all parcels is no meter: sums, but neither use nor money
    outside = table[table["kind"] != "region"]
    assert (outside["pdc0_kwp"] > 0).all()
    assert outside[["self_use_share", "npv_cny", "irr", "payback_years", "rank"]].isna().all().all()
    assert (outside["use"] == "unknown").all()
    able = table[(table["pdc0_kwp"] > 0) & (table["kind"] == "region")]
    assert able["coverage"].to_numpy() == pytest.approx((able["covered_area_m2"] / able["footprint_area_m2"]).to_numpy())
    assert able["self_use_share"].between(0.0, 1.0).all()
    assert able["load_unknown_share"].between(0.0, 1.0).all()
    assert able["payback_years"].dropna().between(0.0, 40.0).all()


def test_products_of_the_run_carry_the_parcels_columns(run_folder: Path) -> None:
    import openpyxl

    table = gpd.read_parquet(run_folder / "regions" / "parcels.parquet").set_index("name")
    best = table["rank"].idxmin()
    package = next(run_folder.glob("*.gpkg"))
    layer = pyogrio.read_dataframe(package, layer="parcels").set_index("name")
    for name in ("rank", "coverage", "self_use_share", "npv_cny", "payback_years", "load_kwh"):
        assert layer.loc[best, name] == pytest.approx(table.loc[best, name])
    sheet = openpyxl.load_workbook(run_folder / "tables.xlsx", read_only=True)["地块"]
    rows = list(sheet.iter_rows(values_only=True))
    first = dict(zip(rows[0], rows[1], strict=True))
    assert first["排名"] == 1
    assert first[next(head for head in rows[0] if "自发自用率" in str(head))] == pytest.approx(100.0 * table.loc[best, "self_use_share"])
    page = (run_folder / "map.html").read_text(encoding="utf-8")
    assert '"one.npv_cny"' in page
    assert '"payback_years"' in page


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_sheet_prints_to_two_pages(folder: Path, tmp_path: Path) -> None:
    pdf = tmp_path / "sheet.pdf"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={pdf}"]
    subprocess.run([*command, str(folder / "sheet.html")], check=True, capture_output=True, timeout=120)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) == 2


def test_footprint_without_a_run(tmp_path: Path) -> None:
    hall = gpd.GeoDataFrame(
        {"height": [9.0], "name": ["一号厂房"]}, geometry=[shapely.box(500_000, 4_058_000, 500_080, 4_058_040)], crs="EPSG:4548"
    )
    file = tmp_path / "factory.gpkg"
    hall.to_file(file, driver="GPKG")
    with pytest.raises(StudyError, match="--dem FILE, or --flat"):
        footprint_sheet(file, Ground(), Options(), tmp_path / "out", "zh", [])
    folder = footprint_sheet(file, Ground(flat=True), Options(use="factory"), tmp_path / "out", "zh", [])
    sheet = json.loads((folder / "sheet.json").read_text(encoding="utf-8"))
    assert sheet["parcel"]["name"] == "一号厂房"
    # 3,200 m2 of hall carry 60 to 225 W/m2
    assert 190.0 < sheet["capacity"]["pdc0_kwp"] < 720.0
    assert 1000.0 < sheet["energy"]["specific_yield"] < 1400.0


def test_footprints_are_placed_as_the_user_says() -> None:
    from geo.datum import gcj02_from_wgs84

    hall = shapely.box(500_000, 4_058_000, 500_080, 4_058_040)
    bare = gpd.GeoDataFrame(geometry=[hall])
    with pytest.raises(StudyError, match="--crs EPSG:4548"):
        _placed(bare, Ground(), "hall.dxf", [])
    drawn, crs = _placed(bare, Ground(crs="EPSG:4548"), "hall.dxf", [])
    assert crs.to_epsg() == 4548
    assert drawn.geometry.iloc[0].equals(hall)
    degrees = drawn.to_crs(4326)
    with pytest.raises(StudyError, match="expected cgcs2000"):
        _placed(degrees, Ground(datum="mars"), "hall.kml", [])
    moved = shapely.transform(degrees.geometry.to_numpy(), lambda xy: np.column_stack(gcj02_from_wgs84(xy[:, 0], xy[:, 1])))
    shifted = gpd.GeoDataFrame(geometry=moved, crs=4326)
    told, zone = _placed(shifted, Ground(datum="gcj02"), "hall.kml", [])
    assert zone.to_epsg() == 4548
    # the way back from GCJ-02 is exact to millimetres; unsaid, the hall would lie some 500 m away
    assert told.geometry.iloc[0].hausdorff_distance(hall) < 0.05
    assert _placed(shifted, Ground(), "hall.kml", [])[0].geometry.iloc[0].distance(hall) > 100.0
