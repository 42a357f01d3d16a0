"""A QGIS project inside the GeoPackage: all layers in their order, with styles and titles, ready to open."""

import contextlib
import io
import json
import sqlite3
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pyproj

from .geopackage_styles import DETAIL_SCALE, Style

NAME = "wuding"
_DETAILS = ("roofs", "buildings", "rejected")
_KINDS = {"MultiPoint": "Point", "Point": "Point", "LineString": "Line", "MultiLineString": "Line"}
_HEAD = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_STAMP = (1980, 1, 1, 0, 0, 0)  # one and the same, so that bytes repeat


@dataclass(frozen=True)
class Shown:
    """
    A layer of the project.

    Attributes
    ----------
    name
        Name in the GeoPackage.
    title
        Name in the list of layers.
    kind
        Geometry type, empty for a table without shapes.
    """

    name: str
    title: str
    kind: str


def project_table(package: Path, file_name: str, layers: Sequence[Shown], styles: Sequence[Style], crs: str) -> None:
    """
    Put a project into a GeoPackage, where QGIS finds it under Project, Open From, GeoPackage.

    Parameters
    ----------
    package
        The GeoPackage, which may still have another name.
    file_name
        Name that the GeoPackage will have: layers are looked for beside the project.
    layers
        Layers with geometry, then tables without.
    styles
        Styles of the layers.
    crs
        CRS as authority:code or WKT.

    Notes
    -----
    The table is QGIS's own (QgsGeoPackageProjectStorage): a zipped project as hexadecimal text.
    """
    with contextlib.closing(sqlite3.connect(package)) as db, db:
        box = db.execute("select min(min_x), min(min_y), max(max_x), max(max_y) from gpkg_contents where table_name = 'roofs'").fetchone()
        project = _project(file_name, layers, {s.layer: s for s in styles if s.default}, crs, [0.0 if v is None else float(v) for v in box])
        note = json.dumps({"last_modified_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "last_modified_user": ""})
        db.execute("create table qgis_projects (name TEXT PRIMARY KEY, metadata BLOB, content BLOB)")
        db.execute("insert into qgis_projects values (?, ?, ?)", (NAME, note, _zipped(project).hex()))


def _zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo(f"{NAME}.qgs", _STAMP)
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, text.encode())
    return packed.getvalue()


def _project(file_name: str, layers: Sequence[Shown], styles: dict[str, Style], crs: str, box: list[float]) -> str:
    root = ET.Element("qgis", {"version": "3.22.0", "projectname": Path(file_name).stem})
    ET.SubElement(root, "title").text = Path(file_name).stem
    ET.SubElement(root, "projectCrs").append(_crs(crs))
    tree, listed = ET.SubElement(root, "layer-tree-group"), ET.Element("projectlayers")
    drawn = [layer for layer in layers if layer.kind]
    front = [layer for layer in drawn if layer.name in _DETAILS]
    first = next((name for name in ("responsible", "districts", "grid") if any(layer.name == name for layer in layers)), "")
    for layer in (*front, *(layer for layer in drawn if layer not in front)):
        source, checked = f"./{file_name}|layername={layer.name}", layer.name in ("roofs", first)
        _add(tree, listed, layer, source, styles.get(layer.name), crs, checked=checked)
    for table in layers:
        if not table.kind:
            _add(tree, listed, table, f"./{file_name}|layername={table.name}", None, crs, checked=False)
    canvas = ET.SubElement(root, "mapcanvas", {"name": "theMapCanvas"})
    ET.SubElement(canvas, "units").text = "meters"
    extent = ET.SubElement(canvas, "extent")
    for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
        ET.SubElement(extent, side).text = repr(value)
    ET.SubElement(canvas, "destinationsrs").append(_crs(crs))
    root.append(listed)
    properties = ET.SubElement(root, "properties")
    ET.SubElement(ET.SubElement(properties, "Paths"), "Absolute", {"type": "bool"}).text = "false"
    ET.SubElement(ET.SubElement(properties, "SpatialRefSys"), "ProjectionsEnabled", {"type": "int"}).text = "1"
    return _HEAD + ET.tostring(root, encoding="unicode")


def _add(tree: ET.Element, listed: ET.Element, layer: Shown, source: str, style: Style | None, crs: str, *, checked: bool) -> None:
    state = "Qt::Checked" if checked else "Qt::Unchecked"
    leaf = {"id": _identity(layer.name), "name": layer.title, "source": source, "providerKey": "ogr", "checked": state, "expanded": "0"}
    ET.SubElement(tree, "layer-tree-layer", leaf)
    detail = layer.name in _DETAILS
    looks = {
        "type": "vector",
        "hasScaleBasedVisibilityFlag": str(int(detail)),
        "minScale": str(DETAIL_SCALE if detail else 0),
        "maxScale": "0",
    }
    looks["geometry"] = _KINDS.get(layer.kind, "Polygon") if layer.kind else "No geometry"
    entry = ET.SubElement(listed, "maplayer", looks)
    ET.SubElement(entry, "id").text = _identity(layer.name)
    ET.SubElement(entry, "datasource").text = source
    ET.SubElement(entry, "layername").text = layer.title
    ET.SubElement(entry, "srs").append(_crs(crs))
    ET.SubElement(entry, "provider", {"encoding": "UTF-8"}).text = "ogr"
    if style is not None:
        entry.extend(ET.fromstring(style.qml))


def _identity(name: str) -> str:
    """QGIS replaces identities of ten letters and fewer."""
    return f"{name}_of_{NAME}"


def _crs(crs: str) -> ET.Element:
    system = ET.Element("spatialrefsys")
    known = pyproj.CRS(crs)
    authority = known.to_authority()
    ET.SubElement(system, "wkt").text = known.to_wkt()
    ET.SubElement(system, "authid").text = ":".join(authority) if authority else ""
    return system
