"""Pictures of roofs as a run makes them: outline, faces, what modules may lie on, and the modules, for every archetype and real roofs.

Usage: python -m bench.draw_roofs OUT.png [FOOTPRINTS USE ROW ...]    rows of a vector file, drawn instead of the three real roofs
The real roofs come from ../shared/data (or WUDING_DATA); without it only the archetypes are drawn.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
import shapely.affinity

mpl.use("Agg")
from matplotlib import pyplot as plt

from geo.archetypes import Archetypes, load_archetypes
from geo.grid import Grid
from geo.outlines import closed_rings, plane_rings
from geo.rasters import read_window
from geo.surfaces import RoofSurfaces
from layers.model import cover_ratio
from layers.roofs import tile_roofs
from layers.room import room
from solar.layout import pack_rows, rectangles
from solar.mounts import ORIENTATIONS, candidates, layout_inputs
from solar.parameters import load_system

LATITUDE = 36.65
DATA = Path(os.environ.get("WUDING_DATA", "../shared/data"))
box = shapely.box
SCENES: tuple[tuple[str, str, float, Any], ...] = (
    ("village house, gable", "rural_residential", 4.5, box(0, 0, 14, 7)),
    ("village L", "rural_residential", 4.5, box(0, 0, 16, 7) | box(0, 0, 5, 17)),
    ("village U", "rural_residential", 4.5, box(0, 12, 18, 19) | box(0, 0, 5, 12) | box(13, 0, 18, 12)),
    ("courtyard house", "rural_residential", 4.5, box(0, 0, 18, 22) - box(4.5, 5, 13.5, 15)),
    ("villa, hip", "urban_residential", 9.0, box(0, 0, 15, 10)),
    ("villa L, hip", "urban_residential", 9.0, box(0, 0, 16, 9) | box(0, 0, 8, 17)),
    ("steel hall, three spans", "factory", 9.0, box(0, 0, 96, 84)),
    ("L hall", "factory", 9.0, box(0, 0, 90, 30) | box(0, 0, 30, 75)),
    ("block of flats", "urban_residential", 18.0, box(0, 0, 48, 13)),
    ("school with yard", "public_institution", 15.0, box(0, 0, 60, 45) - box(14, 14, 46, 31)),
)


# Title, footprints, row, class of use, height, surface and ground model.
REAL: tuple[tuple[str, str, int, str, float, tuple[str, str] | None], ...] = (
    ("New York, industrial (c) OpenStreetMap", "new-york/buildings.gpkg", 27823, "factory", 9.1, None),
    ("Suzhou, offices", "suzhou/buildings.geojson", 608, "commercial", 18.0, None),
    ("Gothenburg, measured", "gothenburg/buildings.shp", 88, "public_building", 15.0, ("DSM_KRbig.tif", "DEM_KRbig.tif")),
)


@dataclass(frozen=True)
class Scene:
    """A building to be drawn, with what is known of it."""

    title: str
    use: str
    height: float
    footprint: Any
    dsm: Grid | None = None
    ground: float = 0.0


@dataclass(frozen=True)
class Drawn:
    """One building: its surfaces, the outlines that modules may lie in, and the corners of the modules in plan."""

    surfaces: RoofSurfaces
    outlines: npt.NDArray[np.object_]
    modules: list[npt.NDArray[np.float64]]
    count: int


def lay_out(scene: Scene, archetypes: Archetypes) -> Drawn:
    """
    Make the roof of one building and lay its modules.

    Parameters
    ----------
    scene
        The building.
    archetypes
        Roofs by class.

    Returns
    -------
    Drawn
        Flush modules on slopes and metal, racks on other flat roofs; equipment that nobody measured is not drawn.
    """
    known = {"use": scene.use, "height_m": scene.height, "ground_elevation_m": scene.ground, "stale_surface": False, "construction": ""}
    known |= {"year_built": pd.NA, "installed_kwp": np.nan, "load_reserve_kpa": np.nan, "tilt_given": np.nan}
    rows = gpd.GeoDataFrame(pd.DataFrame([known]).astype({"year_built": "Int64"}), geometry=[scene.footprint])
    kinds = archetypes.choose(rows["use"], rows["height_m"], rows.geometry.area)
    shape = tile_roofs(rows, kinds, scene.dsm)
    model: Any = SimpleNamespace(archetypes=archetypes, latitude=LATITUDE, system=load_system())
    outlines = room(rows, shape, kinds, model).outline
    modules, count = _modules(shape.surfaces, outlines, bool(kinds.is_metal[0]))
    return Drawn(shape.surfaces, outlines, modules, count)


def _modules(surfaces: RoofSurfaces, outlines: npt.NDArray[np.object_], metal: bool) -> tuple[list[npt.NDArray[np.float64]], int]:
    system = load_system()
    offered = candidates(
        surfaces.roof_tilt,
        surfaces.roof_azimuth,
        surfaces.axis_azimuth,
        np.full(surfaces.building.size, metal),
        latitude=LATITUDE,
        rack_tilt=system.mounts["rack"].tilt,
        east_west_tilt=system.mounts["east_west"].tilt,
    )
    closed, corners, total = closed_rings(outlines), [np.empty((0, 4, 2))] * surfaces.building.size, 0
    for mount in (0, 1):  # measured roofs may have flat and sloped parts
        at = np.flatnonzero(offered.allowed[mount])
        if not at.size:
            continue
        facing, tilt = offered.row_azimuth[mount][at], offered.surface_tilt[mount][at]
        size = {"length": system.module.length_m, "width": system.module.width_m}
        pitch = 1.0 / cover_ratio(system, LATITUDE, mount, facing)
        layouts = [layout_inputs(mount, **size, surface_tilt=tilt, pitch_ratio=pitch, orientation=way) for way in ORIENTATIONS]
        rings = plane_rings(closed.take(at), surfaces.roof_tilt[at], surfaces.roof_azimuth[at], facing)
        flat = (rings.vertices, rings.ring_start, rings.polygon_start)
        packing = pack_rows(*flat, layouts)
        for place, surface in enumerate(at):
            corners[surface] = rings.to_plan(place, rectangles(*flat, layouts, packing, place))
        total += int(packing.count.sum())
    return corners, total


def real_scenes() -> list[Scene]:
    """
    Read the three real roofs.

    Returns
    -------
    list of Scene
        Empty where the data are not there.
    """
    scenes = []
    for title, path, row, use, height, models in REAL:
        if not (DATA / path).is_file():
            print(f"{DATA / path} is not there; only the archetypes are drawn", file=sys.stderr)
            return []
        table = gpd.read_file(DATA / path, rows=slice(row, row + 1))
        table = table.to_crs(table.estimate_utm_crs()) if table.crs.is_geographic else table
        footprint = max(shapely.get_parts(shapely.force_2d(table.geometry.iloc[0])), key=shapely.area)
        dsm, ground = None, 0.0
        if models is not None:
            left, low, right, top = footprint.bounds
            dsm, dem = (read_window((DATA / path).parent / name, (left - 20, low - 20, right + 20, top + 20)) for name in models)
            ground = float(np.nanmin(dem.values))
        scenes.append(Scene(title, use, height, footprint, dsm, ground))
    return scenes


def draw(axes: Any, title: str, drawn: Drawn) -> None:
    """
    Draw one roof.

    Parameters
    ----------
    axes
        Of matplotlib.
    title
        Above the picture.
    drawn
        The roof.
    """
    shade = mpl.colormaps["twilight"]
    for face, azimuth in zip(drawn.surfaces.geometry, drawn.surfaces.roof_azimuth, strict=True):
        color = "#e4e4e4" if np.isnan(azimuth) else (*shade(azimuth / 360.0)[:3], 0.45)
        _patch(axes, face, facecolor=color, edgecolor="#333333", linewidth=1.0)
        if not np.isnan(azimuth):
            x, y = face.representative_point().coords[0]
            reach = 0.25 * np.sqrt(face.area)
            tip = {"head_width": 0.25 * reach, "color": "#222222", "zorder": 5, "length_includes_head": True}
            axes.arrow(x, y, reach * np.sin(np.radians(azimuth)), reach * np.cos(np.radians(azimuth)), **tip)
    for outline in drawn.outlines:
        _patch(axes, outline, facecolor="none", edgecolor="#c0392b", linewidth=0.7, linestyle="--")
    for corners in drawn.modules:
        for module in corners:
            axes.fill(*module.T, facecolor="#1f4e8c", edgecolor="white", linewidth=0.2, zorder=4)
    axes.set_title(f"{title}: {drawn.surfaces.building.size} faces, {drawn.count} modules", fontsize=8)
    axes.set_aspect("equal")
    axes.axis("off")


def _patch(axes: Any, geometry: Any, **style: Any) -> None:
    for polygon in shapely.get_parts(geometry):
        if not polygon.is_empty:
            rings = [mpl.path.Path(np.asarray(ring.coords), closed=True) for ring in shapely.get_rings(polygon)]
            path = mpl.path.Path.make_compound_path(*rings)
            axes.add_patch(mpl.patches.PathPatch(path, **style))
    axes.autoscale_view()


def main(arguments: list[str]) -> None:
    """
    Draw the archetypes and the given rows.

    Parameters
    ----------
    arguments
        The picture's file, then a vector file, a class of use and row numbers.
    """
    archetypes = load_archetypes()
    scenes = [Scene(name, use, height, shapely.affinity.rotate(shape, 12.0)) for name, use, height, shape in SCENES]
    if len(arguments) > 2:
        table = gpd.read_file(arguments[1])
        table = table.to_crs(table.estimate_utm_crs()) if table.crs is None or table.crs.is_geographic else table
        rows = {row: shapely.get_parts(table.geometry.iloc[row]) for row in map(int, arguments[3:])}
        scenes += [Scene(f"row {row}", arguments[2], np.nan, max(parts, key=shapely.area)) for row, parts in rows.items()]
    else:
        scenes += real_scenes()
    columns = 4
    figure, grid = plt.subplots(-(-len(scenes) // columns), columns, figsize=(14, 3.6 * -(-len(scenes) // columns)))
    for axes in grid.ravel()[len(scenes) :]:
        axes.axis("off")
    for axes, scene in zip(grid.ravel(), scenes, strict=False):
        draw(axes, scene.title, lay_out(scene, archetypes))
    figure.tight_layout()
    figure.savefig(Path(arguments[0]), dpi=80)


if __name__ == "__main__":
    main(sys.argv[1:] or ["roofs.png"])
