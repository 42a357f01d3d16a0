"""The layout of a parcel for GIS and CAD: layout.gpkg and layout.dxf in the metres of the study's CRS."""

import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from .module_drawing import KEPT
from .module_rows import TileParts, roof_ids

# Layers of the drawing.
LAYERS = ("PARCEL", "ROOF", "USABLE", "MODULE", "POSITION_NOT_USED")


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
    """Draw closed lines on named layers; the head says that a unit is a metre."""
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
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        pyogrio.write_dataframe(gpd.GeoDataFrame(pd.concat(drawn, ignore_index=True)), path, driver="DXF")
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    head, start = text.split("ENDSEC", 1)
    for name, value in (("$INSUNITS", 6), ("$MEASUREMENT", 1)):  # metres, metric
        before, after = head.split(name, 1)
        lines = after.split("\n")
        lines[2] = f"{value:6d}"
        head = before + name + "\n".join(lines)
    path.write_text(head + "ENDSEC" + start, encoding="utf-8", errors="surrogateescape", newline="\n")


def _rings(frame: gpd.GeoDataFrame) -> np.ndarray:
    rings = shapely.get_rings(shapely.get_parts(shapely.force_2d(frame.geometry.to_numpy())))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    return np.asarray(shapely.linestrings(points, indices=ring))
