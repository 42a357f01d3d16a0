"""The layout of a parcel for GIS and CAD: layout.gpkg and layout.dxf in the metres of the study's CRS."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from .module_drawing import KEPT
from .module_rows import TileParts, roof_ids

# Layers of the drawing and their colours (AutoCAD's index): red, white or black, green, blue, orange.
LAYERS = {"PARCEL": 1, "ROOF": 7, "USABLE": 3, "MODULE": 5, "POSITION_NOT_USED": 30}


def roof_layers(parts: TileParts) -> dict[str, gpd.GeoDataFrame]:
    """
    Give the roofs and the outlines in which modules may lie.

    Parameters
    ----------
    parts
        Roofs of a parcel.

    Returns
    -------
    dict of str to GeoDataFrame
        `roofs`, and `usable`: what is left of them after set-backs, ways and the shade of parapets, empty ones left out.
    """
    ids, crs = roof_ids(parts.rows, parts.surfaces), parts.rows.crs
    roofs = gpd.GeoDataFrame({"roof_id": ids, "area_m2": parts.space.area}, geometry=parts.surfaces.geometry, crs=crs)
    usable = gpd.GeoDataFrame({"roof_id": ids, "usable_area_m2": parts.space.usable}, geometry=parts.space.outline, crs=crs)
    return {"roofs": roofs, "usable": usable[~usable.geometry.is_empty]}


def write_layout(layers: dict[str, gpd.GeoDataFrame], folder: Path) -> list[Path]:
    """
    Write the layout as GeoPackage and DXF.

    Parameters
    ----------
    layers
        parcel, roofs, usable and modules.
    folder
        Target.

    Returns
    -------
    list of Path
        layout.gpkg and layout.dxf.
    """
    package, drawing = folder / "layout.gpkg", folder / "layout.dxf"
    for old in (package, drawing):
        old.unlink(missing_ok=True)
    for name, frame in layers.items():
        pyogrio.write_dataframe(
            frame, package, layer=name, driver="GPKG", append=package.exists(), promote_to_multi=name in ("roofs", "usable", "parcel")
        )
    _write_dxf(layers, drawing)
    return [package, drawing]


def _write_dxf(layers: dict[str, gpd.GeoDataFrame], path: Path) -> None:
    """Draw closed lines on named and coloured layers; the head says that a unit is a metre."""
    modules = layers["modules"]
    kept = modules["state"].to_numpy(dtype=object) == KEPT
    parts = {
        "PARCEL": layers["parcel"],
        "ROOF": layers["roofs"],
        "USABLE": layers["usable"],
        "MODULE": modules[kept],
        "POSITION_NOT_USED": modules[~kept],
    }
    drawn = [gpd.GeoDataFrame(geometry=_rings(frame)).assign(Layer=name) for name, frame in parts.items() if len(frame)]
    with warnings.catch_warnings(), _outlines_only():
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        pyogrio.write_dataframe(gpd.GeoDataFrame(pd.concat(drawn, ignore_index=True)), path, driver="DXF")
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    head, rest = text.split("ENTITIES", 1)
    for name, value in (("$INSUNITS", 6), ("$MEASUREMENT", 1)):  # metres, metric
        head = re.sub(rf"(\{name}\n *70\n) *\d+", rf"\g<1>{value:6d}", head)
    for name, colour in LAYERS.items():
        head = re.sub(rf"(AcDbLayerTableRecord\n *2\n{name}\n *70\n *0\n *62\n) *\d+", rf"\g<1>{colour:6d}", head)
    path.write_text(f"{head}ENTITIES{rest}", encoding="utf-8", errors="surrogateescape", newline="\n")


@contextmanager
def _outlines_only() -> Iterator[None]:
    """Let GDAL write polygons as closed lines, not as hatches."""
    before = pyogrio.get_gdal_config_option("DXF_WRITE_HATCH")
    pyogrio.set_gdal_config_options({"DXF_WRITE_HATCH": False})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"DXF_WRITE_HATCH": before})


def _rings(frame: gpd.GeoDataFrame) -> np.ndarray:
    """Each ring as a polygon of its own, holes too."""
    rings = shapely.get_rings(shapely.get_parts(shapely.force_2d(frame.geometry.to_numpy())))
    return np.asarray(shapely.polygons(rings))
