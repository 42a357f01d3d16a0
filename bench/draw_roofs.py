"""Pictures of roofs: outline, faces, what modules may lie on, and the modules, for every archetype and for real footprints.

Usage: python -m bench.draw_roofs OUT.png [FOOTPRINTS USE ROW ...]    rows of a vector file in a projected CRS, drawn after the archetypes
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import shapely
import shapely.affinity

mpl.use("Agg")
from matplotlib import pyplot as plt

from geo.archetypes import Archetypes, load_archetypes
from geo.deductions import between_access_ways, out_of_parapet_shadow
from geo.outlines import closed_rings, plane_rings
from geo.roof_kinds import RoofKinds
from geo.setbacks import usable_outlines
from geo.surfaces import RoofSurfaces, roof_surfaces
from layers.model import cover_ratio
from solar.layout import pack_rows, rectangles
from solar.mounts import ORIENTATIONS, candidates, layout_inputs, noon_shadow
from solar.parameters import load_system

LATITUDE = 36.65
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


@dataclass(frozen=True)
class Drawn:
    """One building: its surfaces, the outlines that modules may lie in, and the corners of the modules in plan."""

    surfaces: RoofSurfaces
    outlines: npt.NDArray[np.object_]
    modules: list[npt.NDArray[np.float64]]
    count: int


def lay_out(footprint: Any, use: str, height: float, archetypes: Archetypes) -> Drawn:
    """
    Make the roof of one building and lay its modules.

    Parameters
    ----------
    footprint
        Polygon [m].
    use
        Class of use.
    height
        Above ground [m].
    archetypes
        Roofs by class.

    Returns
    -------
    Drawn
        Flush modules on slopes and metal, racks on other flat roofs.
    """
    kinds = archetypes.choose([use], [height], [footprint.area])
    surfaces = roof_surfaces(np.array([footprint], dtype=object), kinds.shape, kinds.tilt, kinds.span_m)
    outlines = _outlines(footprint, surfaces, kinds, archetypes)
    modules, count = _modules(surfaces, outlines, bool(kinds.is_metal[0]))
    return Drawn(surfaces, outlines, modules, count)


def _outlines(footprint: Any, surfaces: RoofSurfaces, kinds: RoofKinds, archetypes: Archetypes) -> npt.NDArray[np.object_]:
    whole = np.full(surfaces.building.size, footprint, dtype=object)
    inner = usable_outlines(surfaces.geometry, kinds.setback_m[0], whole, inner=archetypes.edges.inner_m)
    access = archetypes.access
    inner = between_access_ways(inner, surfaces.axis_azimuth, spacing=access.spacing_m, width=access.width_m)
    shadow = np.where(surfaces.roof_tilt == 0.0, kinds.parapet_height_m[0] * noon_shadow(LATITUDE), 0.0)
    return out_of_parapet_shadow(inner, surfaces.geometry, shadow, 0.0)


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
    mount = 0 if offered.allowed[0].all() else 1
    facing, tilt = offered.row_azimuth[mount], offered.surface_tilt[mount]
    pitch = 1.0 / cover_ratio(system, LATITUDE, mount, facing)
    size = {"length": system.module.length_m, "width": system.module.width_m}
    layouts = [layout_inputs(mount, **size, surface_tilt=tilt, pitch_ratio=pitch, orientation=way) for way in ORIENTATIONS]
    rings = plane_rings(closed_rings(outlines), surfaces.roof_tilt, surfaces.roof_azimuth, facing)
    flat = (rings.vertices, rings.ring_start, rings.polygon_start)
    packing = pack_rows(*flat, layouts)
    corners = [rings.to_plan(index, rectangles(*flat, layouts, packing, index)) for index in range(surfaces.building.size)]
    return corners, int(packing.count.sum())


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
    scenes = [(name, use, height, shapely.affinity.rotate(shape, 12.0)) for name, use, height, shape in SCENES]
    if len(arguments) > 2:
        table = gpd.read_file(arguments[1])
        table = table.to_crs(table.estimate_utm_crs()) if table.crs is None or table.crs.is_geographic else table
        rows = {row: shapely.get_parts(table.geometry.iloc[row]) for row in map(int, arguments[3:])}
        scenes += [(f"row {row}", arguments[2], np.nan, max(parts, key=shapely.area)) for row, parts in rows.items()]
    columns = 4
    figure, grid = plt.subplots(-(-len(scenes) // columns), columns, figsize=(14, 3.6 * -(-len(scenes) // columns)))
    for axes in grid.ravel()[len(scenes) :]:
        axes.axis("off")
    for axes, (title, use, height, shape) in zip(grid.ravel(), scenes, strict=False):
        draw(axes, title, lay_out(shape, use, height, archetypes))
    figure.tight_layout()
    figure.savefig(Path(arguments[0]), dpi=80)


if __name__ == "__main__":
    main(sys.argv[1:] or ["roofs.png"])
