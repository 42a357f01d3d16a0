"""The GeoPackage: layers, titles, styles and indexes as other tools see them; whole or not at all."""

import io
import json
import pickle
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely

from layers import geopackage, replacing
from layers.errors import LayersError
from layers.geopackage import write_geopackage
from layers.geopackage_styles import class_breaks, default_styles, ranges, write_style_files
from layers.schema import columns, write_table

CRS = "EPSG:4548"
ABOUT = [{"key": "name", "zh": "研究名称", "en": "Study", "value": "=济南"}, {"key": "use", "zh": "使用范围", "en": "Use", "value": "内部"}]


def frame_of(table: str, geometry: list) -> gpd.GeoDataFrame:
    n = len(geometry)
    made = {"string": ["甲"] * n, "bool": [True] * n, "int32": np.arange(n), "int64": np.arange(n), "float64": 1000.0 + np.arange(n)}
    return gpd.GeoDataFrame({c.name: made[c.dtype] for c in columns(table) if c.dtype != "geometry"}, geometry=geometry, crs=CRS)


def boxes(n: int) -> list:
    return [shapely.box(500_000 + 20 * k, 4_057_000, 500_010 + 20 * k, 4_057_010) for k in range(n)]


def run_folder(folder: Path, rejected_shape: object = None) -> dict:
    roofs = frame_of("roofs", boxes(5))
    roofs.loc[1, "geometry"] = shapely.MultiPolygon([boxes(2)[1]])
    roofs["specific_yield"] = [900.0, 1000.0, 1100.0, 1200.0, np.nan]
    roofs["is_new"], roofs["year_built"] = [True, None, False, None, True], [2024, None, 2000, None, 1]
    for k in (0, 1):
        write_table(roofs.iloc[3 * k : 3 * k + 3], "roofs", folder / "roofs" / f"{k}.parquet", folder / "work")
    buildings = frame_of("buildings", [*boxes(3), None, rejected_shape])
    buildings["building_id"] = list("abcde")
    buildings["status"] = ["assessed", "no_usable_area", "too_small", "invalid_geometry", "not_a_building"]
    write_table(buildings, "buildings", folder / "buildings.parquet", folder / "work")
    regions = {name: frame_of("regions", [*boxes(2), None]).assign(kind=["region", "region", "outside"]) for name in ("districts", "grid")}
    return {
        "roofs_dataset": folder / "roofs",
        "buildings": folder / "buildings.parquet",
        "regions": regions,
        "about": ABOUT,
        "work": folder / "work",
    }


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_geopackage(folder / "县.gpkg", **run_folder(folder), lang="zh")
    assert not list((folder / "work").iterdir())
    return folder / "县.gpkg"


def ask(package: Path, question: str) -> list[tuple]:
    with closing(sqlite3.connect(package)) as db:
        return db.execute(question).fetchall()


def test_layers_and_rows(package):
    rows = {name: pyogrio.read_info(package, layer=name)["features"] for name, _ in pyogrio.list_layers(package)}
    assert rows == {"roofs": 5, "buildings": 5, "rejected": 3, "districts": 3, "grid": 3, "about": 2, "legend": 30, "layer_styles": 6}


def test_values_survive(package):
    roofs = gpd.read_file(package, layer="roofs")
    assert roofs.crs.to_epsg() == 4548
    assert roofs["energy_kwh"].sum() == 1000 + 1001 + 1002 + 1003 + 1004
    assert roofs["is_new"].isna().tolist() == [False, True, False, True, False]
    assert set(roofs.geom_type) == {"MultiPolygon"}
    assert roofs.geometry.area.tolist() == [100.0] * 5
    described = [c.name for c in (*columns("roofs"), *columns("legend"))]
    assert [c for c in roofs.columns if c != "geometry"] == [name for name in described if name != "geometry"]
    assert gpd.read_file(package, layer="rejected")["status"].tolist() == ["too_small", "invalid_geometry", "not_a_building"]


def test_geometry_types_are_those_of_gis_desktops(package):
    types = dict(ask(package, "select table_name, geometry_type_name from gpkg_geometry_columns"))
    assert types == dict.fromkeys(("roofs", "buildings", "rejected", "districts", "grid"), "MULTIPOLYGON")


def test_a_point_among_the_rejected_keeps_its_place(tmp_path):
    write_geopackage(tmp_path / "x.gpkg", **run_folder(tmp_path, shapely.Point(500_000, 4_057_000)), lang="en")
    assert gpd.read_file(tmp_path / "x.gpkg", layer="rejected").geom_type.dropna().tolist() == ["MultiPolygon", "Point"]
    assert dict(ask(tmp_path / "x.gpkg", "select table_name, geometry_type_name from gpkg_geometry_columns"))["roofs"] == "MULTIPOLYGON"


def test_an_empty_polygon_is_an_empty_multipolygon(tmp_path):
    write_geopackage(tmp_path / "x.gpkg", **run_folder(tmp_path, shapely.Polygon()), lang="en")
    assert gpd.read_file(tmp_path / "x.gpkg", layer="rejected").geometry.is_empty.tolist() == [False, False, True]


def test_a_county_without_a_rejected_feature(tmp_path):
    tables = run_folder(tmp_path)
    kept = gpd.read_parquet(tables["buildings"]).iloc[:2]
    write_table(kept, "buildings", tables["buildings"], tmp_path / "work")
    write_geopackage(tmp_path / "x.gpkg", **tables, lang="zh")
    assert len(gpd.read_file(tmp_path / "x.gpkg", layer="rejected")) == 0
    assert len(gpd.read_file(tmp_path / "x.gpkg", layer="buildings")) == 2


def test_version_is_old_enough_and_the_file_sound(package):
    assert ask(package, "pragma user_version") == [(10200,)]
    assert ask(package, "pragma integrity_check") == [("ok",)]
    assert ask(package, "pragma foreign_key_check") == []
    tables = {row[0] for row in ask(package, "select name from sqlite_master")}
    assert {f"rtree_{name}_geom" for name in ("roofs", "buildings", "rejected", "districts", "grid")} <= tables


def test_every_field_has_a_title_and_a_meaning(package):
    described = {
        (row[0], row[1]): row[2:] for row in ask(package, "select table_name, column_name, title, description from gpkg_data_columns")
    }
    assert described["roofs", "energy_kwh"][0] == "年发电量（kWh）"
    assert "Annual energy (kWh)" in described["roofs", "energy_kwh"][1]
    assert described["legend", "lower"] == ("下限", "下限 | Lower limit")
    for layer in ("roofs", "buildings", "rejected", "districts", "grid", "about", "legend"):
        fields = set(pyogrio.read_info(package, layer=layer)["fields"])
        assert fields == {column for table, column in described if table == layer}
    extensions = dict(ask(package, "select table_name, extension_name from gpkg_extensions where column_name is null"))
    assert extensions["gpkg_data_columns"] == extensions["gpkg_data_column_constraints"] == "gpkg_schema"


def test_layers_are_described(package):
    contents = {row[0]: row[1:] for row in ask(package, "select table_name, data_type, identifier, description from gpkg_contents")}
    assert contents["roofs"][:2] == ("features", "屋顶 roofs")
    assert contents["about"][0] == contents["layer_styles"][0] == "attributes"
    assert "A row per input feature" in contents["buildings"][2]
    assert ask(package, "select zh, value from about order by fid") == [("研究名称", "=济南"), ("使用范围", "内部")]


def test_styles_parse_and_name_fields_of_their_layer(package):
    styles = ask(package, "select f_table_name, f_geometry_column, styleName, styleQML, styleSLD, useAsDefault from layer_styles")
    assert sorted(s[0] for s in styles if s[5]) == ["buildings", "districts", "grid", "rejected", "roofs"]
    for layer, geometry, name, qml, sld, _ in styles:
        assert geometry == "geom"
        assert len(name) <= 30
        renderer = ET.fromstring(qml).find("renderer-v2")
        assert renderer.get("attr") in pyogrio.read_info(package, layer=layer)["fields"]
        symbols = {s.get("name") for s in renderer.findall("symbols/symbol")}
        classes = [*renderer.findall("ranges/range"), *renderer.findall("categories/category")]
        assert classes
        assert {c.get("symbol") for c in classes} == symbols
        rules = ET.fromstring(sld).findall(".//{http://www.opengis.net/se}Rule")
        assert len(rules) == len(classes)
        assert {r.findtext("{http://www.opengis.net/se}Name") for r in rules} == {c.get("label") for c in classes}


def test_legends_speak_the_language_of_the_study(package, tmp_path):
    assert "面积过小" in ask(package, "select styleQML from layer_styles where f_table_name = 'rejected'")[0][0]
    write_geopackage(tmp_path / "x.gpkg", **run_folder(tmp_path), lang="en")
    assert "too small" in ask(tmp_path / "x.gpkg", "select styleQML from layer_styles where f_table_name = 'rejected'")[0][0]
    assert ask(tmp_path / "x.gpkg", "select title from gpkg_data_columns where table_name = 'grid' and column_name = 'roofs'") == [
        ("Roofs",)
    ]


def test_metadata_of_the_standard_tells_every_table_in_both_languages(package):
    found = ask(
        package,
        "select r.table_name, r.reference_scope, m.md_standard_uri, m.mime_type, m.metadata from gpkg_metadata_reference r "
        "join gpkg_metadata m on m.id = r.md_file_id",
    )
    assert {row[0] for row in found} == {name for (name,) in ask(package, "select table_name from gpkg_contents")}
    extended = ask(package, "select table_name, scope from gpkg_extensions where extension_name = 'gpkg_metadata'")
    assert extended == [("gpkg_metadata", "read-write"), ("gpkg_metadata_reference", "read-write")]
    said = {}
    for name, scope, uri, mime, text in found:
        assert (scope, uri, mime) == ("table", "http://www.isotc211.org/2005/gmd", "text/xml")
        title = ET.fromstring(text).find(f".//{{{uri}}}title")
        zh = title.findtext("{http://www.isotc211.org/2005/gco}CharacterString")
        said[name] = (zh, title.findtext(f".//{{{uri}}}LocalisedCharacterString"))
    assert said["districts"] == ("区县", "Districts") and said["roofs"] == ("屋顶", "Roofs")


@pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="GDAL's command line is not installed")
def test_older_gdal_reads_it_without_a_warning(package):
    found = subprocess.run(["ogrinfo", "-ro", "-al", "-so", package], capture_output=True, encoding="utf-8", check=True)
    assert found.stderr == ""
    assert "Feature Count: 5" in found.stdout
    assert "WARNING" not in found.stdout.upper()


def test_names_of_its_own_are_kept(tmp_path):
    parts = run_folder(tmp_path)
    parts["regions"]["about"] = parts["regions"]["grid"]
    with pytest.raises(LayersError, match="about"):
        write_geopackage(tmp_path / "x.gpkg", **parts, lang="zh")


def test_a_fault_leaves_the_old_file_whole(tmp_path):
    parts = run_folder(tmp_path)
    write_geopackage(tmp_path / "x.gpkg", **parts, lang="zh")
    old = (tmp_path / "x.gpkg").read_bytes()
    with pytest.raises(sqlite3.ProgrammingError):
        write_geopackage(tmp_path / "x.gpkg", **{**parts, "about": [{"key": "without the rest"}]}, lang="zh")
    assert (tmp_path / "x.gpkg").read_bytes() == old
    assert not list((tmp_path / "work").iterdir())
    write_geopackage(tmp_path / "x.gpkg", **parts, lang="zh")
    assert not list(tmp_path.glob("x.gpkg-*"))


FILL = """
import pickle, resource, signal, sys
from pathlib import Path
from layers.errors import LayersError
from layers.geopackage import write_geopackage
folder, limits = Path(sys.argv[1]), [int(limit) for limit in sys.argv[2:]]
parts = pickle.loads((folder / "parts").read_bytes())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in limits:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_geopackage(folder / "x.gpkg", **parts, lang="zh")
        print("written", limit)
    except LayersError as error:
        print("told", error)
    if (folder / "x.gpkg").read_bytes() != b"old" or list((folder / "work").iterdir()):
        print("not kept", limit)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no limit of a file's size")
def test_a_disk_that_fills_anywhere_leaves_the_old_file_whole(tmp_path):
    parts = run_folder(tmp_path)
    write_geopackage(tmp_path / "x.gpkg", **parts, lang="zh")
    whole = (tmp_path / "x.gpkg").stat().st_size
    (tmp_path / "parts").write_bytes(pickle.dumps(parts))
    (tmp_path / "x.gpkg").write_bytes(b"old")
    # Where a layer is closed is where GDAL keeps silent, so the limits stand close to one another.
    limits = np.linspace(4096, whole - 4096, 25, dtype=int).astype(str)
    done = subprocess.run([sys.executable, "-c", FILL, str(tmp_path), *limits], capture_output=True, encoding="utf-8", check=False)
    lines = done.stdout.splitlines()
    assert len(lines) == len(limits) and all(line.startswith("told") and "make room" in line for line in lines), done.stdout + done.stderr


def test_rows_that_vanish_are_noticed(tmp_path, monkeypatch):
    """A layer is emptied behind the writer's back, as a broken file that GDAL begins anew would be."""
    real = geopackage.project_table

    def losing(part: Path, *rest: object) -> None:
        real(part, *rest)
        with closing(sqlite3.connect(part)) as db, db:
            # The triggers of the index need functions that only GDAL has.
            for (name,) in db.execute("select name from sqlite_master where type = 'trigger' and tbl_name = 'buildings'").fetchall():
                db.execute(f"drop trigger {name}")
            db.execute("delete from buildings where fid = 3")

    monkeypatch.setattr(geopackage, "project_table", losing)
    with pytest.raises(LayersError, match="4 of 5 rows of buildings arrived"):
        write_geopackage(tmp_path / "x.gpkg", **run_folder(tmp_path), lang="zh")
    assert not (tmp_path / "x.gpkg").exists()


def test_a_locked_file_is_told_and_the_new_one_kept(tmp_path, monkeypatch):
    (tmp_path / "new").write_text("new", encoding="utf-8")
    real = Path.replace

    def locked(self: Path, target: Path) -> Path:
        if Path(target).name == "x.gpkg":
            raise PermissionError(13, "in use")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", locked)
    with pytest.raises(LayersError, match=r"x-new\.gpkg"):
        replacing.put_in_place(tmp_path / "new", tmp_path / "x.gpkg")
    assert (tmp_path / "x-new.gpkg").read_text(encoding="utf-8") == "new"


def test_gdal_settings_are_given_back(tmp_path):
    before = pyogrio.get_gdal_config_option("OGR_SQLITE_SYNCHRONOUS")
    write_geopackage(tmp_path / "x.gpkg", **run_folder(tmp_path), lang="zh")
    assert pyogrio.get_gdal_config_option("OGR_SQLITE_SYNCHRONOUS") == before


@pytest.mark.parametrize(
    "values",
    [
        np.arange(100.0),
        np.array([5.0]),
        np.array([np.nan]),
        np.zeros(9),
        np.array([0.0] * 90 + [1e6] * 10),
        np.array([]),
        np.array([0.011, 0.012]),
    ],
)
def test_breaks_ascend_and_hold_every_value(values):
    limits = class_breaks(values)
    assert 2 <= len(limits) <= 6
    assert list(limits) == sorted(set(limits))
    there = values[np.isfinite(values)]
    assert all(limits[0] <= v <= limits[-1] for v in there)
    assert len({r.label for r in ranges(values, ("#000000",) * 5)}) == len(limits) - 1


def test_breaks_read_well():
    assert class_breaks(np.linspace(903.2, 1297.9, 1000)) == (900.0, 980.0, 1060.0, 1140.0, 1220.0, 1300.0)


def test_styles_without_any_value():
    empty = frame_of("regions", boxes(1)).assign(kind="outside")
    styles = default_styles("zh", np.array([np.nan]), {"districts": empty}, [])
    assert [s.layer for s in styles] == ["roofs", "roofs", "buildings", "districts", "rejected"]
    for style in styles:
        ET.fromstring(style.qml)
        ET.fromstring(style.sld)


def test_legend_columns_say_the_class_that_holds_the_value(package):
    roofs = gpd.read_file(package, layer="roofs")
    limits = ask(package, "select lower, upper, label, colour from legend where layer = 'roofs' and attribute = 'specific_yield'")
    for value, label, colour in zip(roofs["specific_yield"], roofs["legend_class"], roofs["legend_colour"], strict=True):
        held = [(c, d) for k, (a, b, c, d) in enumerate(limits) if (a < value <= b) or (k == 0 and value == a)]
        assert held == ([] if np.isnan(value) else [(label, colour)])
        assert isinstance(label, str) != np.isnan(value)
    rejected = gpd.read_file(package, layer="rejected")
    assert rejected["legend_class"].tolist() == ["面积过小", "图形错误", "不是建筑"]
    assert rejected["legend_colour"].nunique() == 3


def test_styles_lie_beside_it_as_files(tmp_path):
    styles = write_geopackage(tmp_path / "x.gpkg", **run_folder(tmp_path), lang="zh")
    (tmp_path / "styles").mkdir()
    (tmp_path / "styles" / "transformers_old.sld").write_text("", encoding="utf-8")
    write_style_files(tmp_path / "styles", styles)
    assert sorted(p.name for p in (tmp_path / "styles").iterdir()) == sorted(
        f"{s.name}.{ending}" for s in styles for ending in ("qml", "sld")
    )
    for file in (tmp_path / "styles").iterdir():
        ET.parse(file)


def test_the_project_inside_names_every_layer_with_its_style(package):
    ((name, content),) = ask(package, "select name, content from qgis_projects")
    with zipfile.ZipFile(io.BytesIO(bytes.fromhex(content))) as packed:
        project = ET.fromstring(packed.read(packed.namelist()[0]))
    assert name == "wuding"
    layers = {entry.findtext("datasource"): entry for entry in project.findall("projectlayers/maplayer")}
    wanted = ("roofs", "buildings", "rejected", "districts", "grid", "about", "legend")
    assert set(layers) == {f"./县.gpkg|layername={name}" for name in wanted}
    assert layers["./县.gpkg|layername=districts"].find("renderer-v2").get("attr") == "pdc0_kwp"
    assert project.findtext("projectCrs/spatialrefsys/authid") == CRS


QGIS_LOOKS = """
import contextlib, json, os, sqlite3, sys
from collections import Counter
from qgis.core import QgsApplication, QgsExpression, QgsExpressionContext, QgsExpressionContextUtils, QgsProject, QgsRenderContext
from qgis.core import QgsVectorLayer
from qgis.PyQt.QtXml import QDomDocument
QgsApplication.setPrefixPath("/usr", True)
application = QgsApplication([], False)
application.initQgis()
project = QgsProject.instance()
read = project.read("geopackage:" + sys.argv[1] + "?projectName=wuding")
seen = {"read": read, "crs": project.crs().authid(), "layers": {}, "plain": {}, "styles": {}}
for identity, layer in project.mapLayers().items():
    renderer = type(layer.renderer()).__name__ if layer.isSpatial() else None
    seen["layers"][identity] = [layer.isValid(), layer.featureCount(), layer.crs().authid(), renderer]
for name in ("roofs", "buildings", "rejected", "districts", "grid"):
    layer = QgsVectorLayer(sys.argv[1] + "|layername=" + name, name, "ogr")
    seen["plain"][name] = [type(layer.renderer()).__name__, {f.name(): f.alias() for f in layer.fields()}]
with contextlib.closing(sqlite3.connect(sys.argv[1])) as db:
    styles = db.execute("select f_table_name, styleName, styleQML, styleSLD from layer_styles").fetchall()
for table, name, qml, sld in styles:
    layer, document = QgsVectorLayer(sys.argv[1] + "|layername=" + table, table, "ogr"), QDomDocument()
    document.setContent(qml)
    layer.importNamedStyle(document)
    context, renderer = QgsRenderContext(), layer.renderer()
    context.expressionContext().appendScope(QgsExpressionContextUtils.layerScope(layer))
    renderer.startRender(context, layer.fields())
    labels, found = {item.symbol().color().name(): item.label() for item in renderer.legendSymbolItems()}, Counter()
    for feature in layer.getFeatures():
        context.expressionContext().setFeature(feature)
        symbol = renderer.symbolForFeature(feature, context)
        found.update([labels[symbol.color().name()]] if symbol else [])
    file = os.path.join(os.environ["HOME"], name + ".sld")
    with open(file, "w", encoding="utf-8") as stream:
        stream.write(sld)
    assert layer.loadSldStyle(file)[1]
    drawn, within = Counter(), QgsExpressionContext()
    for rule in layer.renderer().rootRule().children():
        test = QgsExpression(rule.filterExpression())
        for feature in layer.getFeatures(rule.filterExpression()):  # what the file answers, then what QGIS itself says of it
            within.setFeature(feature)
            drawn[rule.label()] += bool(test.evaluate(within))
    seen["styles"][name] = [found, drawn]
print(json.dumps(seen), flush=True)
os._exit(0)  # taking down QGIS with a project open may end in a fault of its own
"""


def _qgis_python() -> str | None:
    system = "/usr/bin/python3"
    there = Path(system).exists() and subprocess.run([system, "-P", "-c", "import qgis.core"], capture_output=True, check=False)
    return system if there and there.returncode == 0 else None


@pytest.mark.skipif(_qgis_python() is None, reason="QGIS is not installed")
def test_qgis_opens_project_and_layers_with_styles_and_titles(package):
    found = subprocess.run(
        [str(_qgis_python()), "-P", "-c", QGIS_LOOKS, str(package)],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={"QT_QPA_PLATFORM": "offscreen", "PATH": "/usr/bin", "HOME": str(package.parent), "LANG": "C.UTF-8"},
    )
    seen = json.loads(found.stdout.splitlines()[-1])
    assert seen["read"]
    assert seen["crs"] == CRS
    graduated, categorised = "QgsGraduatedSymbolRenderer", "QgsCategorizedSymbolRenderer"
    assert seen["layers"] == {
        "roofs_of_wuding": [True, 5, CRS, graduated],
        "buildings_of_wuding": [True, 5, CRS, categorised],
        "rejected_of_wuding": [True, 3, CRS, categorised],
        "districts_of_wuding": [True, 3, CRS, graduated],
        "grid_of_wuding": [True, 3, CRS, graduated],
        "about_of_wuding": [True, 2, seen["layers"]["about_of_wuding"][2], None],
        "legend_of_wuding": [True, 30, seen["layers"]["legend_of_wuding"][2], None],
    }
    for name, (renderer, titles) in seen["plain"].items():
        assert renderer == seen["layers"][f"{name}_of_wuding"][3]
        table = "roofs" if name == "roofs" else "buildings" if name in ("buildings", "rejected") else "regions"
        labels = {c.name: c.label("zh") for c in (*columns(table), *columns("legend"))}
        assert {field: title for field, title in titles.items() if field != "fid"} == {k: labels[k] for k in titles if k != "fid"}
    # QGIS finds every row in one class of every style, also by the SLD, and counts as the columns of classes do.
    assert seen["styles"]["roofs_is_new"] == [{"新建": 2, "既有": 1, "未知": 2}] * 2
    for name, (by_qml, by_sld) in seen["styles"].items():
        assert by_qml == by_sld, name
        layer = next(layer for layer in seen["plain"] if name.startswith(f"{layer}_"))
        if name != "roofs_is_new":
            assert by_qml == gpd.read_file(package, layer=layer)["legend_class"].value_counts().to_dict(), name


VALIDATOR = Path("/usr/lib/python3/dist-packages/osgeo_utils/samples/validate_gpkg.py")


@pytest.mark.skipif(not VALIDATOR.exists(), reason="GDAL's validator is not installed")
def test_gdal_validates_it(package):
    found = subprocess.run(
        ["/usr/bin/python3", str(VALIDATOR), "--extra", str(package)], capture_output=True, encoding="utf-8", check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "WARNING" not in (found.stdout + found.stderr).upper()
