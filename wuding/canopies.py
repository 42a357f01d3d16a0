"""Surfaces that count as roofs although no building stands under them: carports over parking areas, and canopies."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

from geo import footprints
from geo.coordinates import into_crs
from geo.packed import Packed, touching
from geo.sources import vector_files
from geo.vectors import read_vectors, row_numbers
from layers.sums import StoredColumns

from .errors import StudyError
from .locating import stated
from .study import Study, SurfaceSection

BUILDINGS = "buildings"
# Key under [surfaces] to the construction of its roofs in geo/archetypes.toml; what stands comes before what could be built.
CONSTRUCTION: Mapping[str, str] = MappingProxyType({"canopies": "canopy", "carports": "carport"})
DETAIL: Mapping[str, str] = MappingProxyType({"canopies": "罩棚", "carports": "光伏车棚"})


def add_surfaces(buildings: pd.DataFrame, shapes: Packed, study: Study, warnings: list[str]) -> tuple[pd.DataFrame, Packed]:
    """
    Add the surfaces of a study to its buildings.

    Parameters
    ----------
    buildings
        Rows as read, with the study's own columns.
    shapes
        Their shapes.
    study
        The study.
    warnings
        What the user should know; appended to.

    Returns
    -------
    rows : pandas.DataFrame
        The same rows, then those of the surfaces; column `source` says which. The buildings alone where the study has no such layer.
    shapes : geo.packed.Packed
        Theirs; of surfaces what buildings and standing canopies leave of them.
    """
    found = buildings
    for kind in CONSTRUCTION:
        section = getattr(study.surfaces, kind)
        if section is not None:
            own = _read(study, kind, section, shapes.crs, warnings)
            left = _outside(own.geometry.to_numpy(), shapes, kind, study.buildings.minimum_area_m2, warnings)
            known = found if "source" in found else found.assign(source=BUILDINGS)
            found = pd.concat([known, pd.DataFrame(own.drop(columns="geometry"))], ignore_index=True)
            shapes = Packed.joined([shapes, Packed.of([left], shapes.crs)])
    return found, shapes


def is_surface(table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """
    Tell surfaces from buildings.

    Parameters
    ----------
    table
        Rows, with a column `source` if there are surfaces.

    Returns
    -------
    array
        True where no building stands.
    """
    return np.asarray(table["source"] != BUILDINGS) if "source" in table else np.zeros(len(table), dtype=bool)


def surface_sums(buildings: pd.DataFrame | StoredColumns, warnings: list[str]) -> dict[str, dict[str, float]]:
    """
    Sum what stands in the totals though no building carries it.

    Parameters
    ----------
    buildings
        Table `buildings` with the sums of the roofs.
    warnings
        What the user should know; appended to.

    Returns
    -------
    dict
        rows, pdc0_kwp and energy_kwh by `source`; empty without surfaces.
    """
    found = {}
    told = buildings[["source", "pdc0_kwp", "energy_kwh"]]
    for kind in CONSTRUCTION:
        own = told[told["source"] == kind]
        if len(own):
            sums = {name: float(own[name].sum()) for name in ("pdc0_kwp", "energy_kwh")}
            found[kind] = {"rows": float(len(own)), **sums}
            warnings.append(
                f"{len(own)} {kind} count as roofs of class transport: {sums['pdc0_kwp']:,.0f} kWp and {sums['energy_kwh'] / 1e3:,.0f} MWh "
                f"in all sums; column source tells them from buildings"
            )
    return found


def _read(study: Study, kind: str, section: SurfaceSection, crs: pyproj.CRS, warnings: list[str]) -> gpd.GeoDataFrame:
    frames = [_read_file(path, study, kind, section, crs, warnings) for text in section.path for path in vector_files(study.path(text))]
    return frames[0] if len(frames) == 1 else gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=crs)


def _read_file(path: Path, study: Study, kind: str, section: SurfaceSection, crs: pyproj.CRS, warnings: list[str]) -> gpd.GeoDataFrame:
    notes: list[str] = []
    frame = read_vectors(path, layer=section.layer, encoding=section.encoding, warnings=notes)
    warnings.extend(f"surfaces.{kind}: {note}" for note in notes)
    for key, name in (("id", section.id), ("height", section.height)):
        if name is not None and name not in frame.columns:
            have = ", ".join(str(c) for c in frame.columns if c != frame.geometry.name) or "no columns at all"
            raise StudyError(f"surfaces.{kind}: {path.name} has no column {name!r} ({key}); it has: {have}")
    rows = {"source": kind, "source_file": path.name, "source_row": row_numbers(frame)}
    placed = into_crs(frame, crs, source=path.name, **stated(study, section, path.name, warnings))
    columns = {"name": section.name if section.name in frame else None, "id": section.id, "height": section.height}
    values = {ours: frame[theirs].to_numpy() for ours, theirs in columns.items() if theirs is not None}
    if not len(frame):
        warnings.append(f"surfaces.{kind}: {path.name} has no rows and is left out")
    return gpd.GeoDataFrame({**values, **rows}, geometry=placed.geometry.to_numpy(), crs=crs)


def _outside(shapes: npt.NDArray[np.object_], every: Packed, kind: str, least_m2: float, warnings: list[str]) -> npt.NDArray[np.object_]:
    """Take from surfaces what buildings stand on; one of which too little is left stays whole, for overlaps to be judged as ever."""
    own = footprints.repair(shapes)[0]
    standing = every[touching(every.bounds, own)]
    standing = standing[footprints.on_earth(standing)]
    tree = shapely.STRtree(standing)
    surface, building = tree.query(own, predicate="intersects")
    taken = 0.0
    for row in np.unique(surface):
        over = shapely.union_all(shapely.make_valid(standing[building[surface == row]]))
        left = shapely.difference(own[row], over)
        parts = [part for part in shapely.get_parts(left) if part.geom_type == "Polygon" and part.area >= least_m2]
        if parts:
            rest = shapely.union_all(parts)
            taken += own[row].area - rest.area
            own[row] = rest
    if taken >= 1.0:
        warnings.append(f"surfaces.{kind}: {taken:,.0f} m2 of them lie under buildings or other surfaces and are taken off")
    # what could not be repaired keeps its own shape, so that its row is told as every other
    return np.where(shapely.is_missing(own), shapes, own)
