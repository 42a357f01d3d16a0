"""Heads of the layers, and whether their coordinates are those of web maps."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyproj

from geo.errors import GeoError
from geo.formats import read_layer
from geo.recognition import columns_of_shifted
from geo.shift_evidence import shift_evidence
from geo.sources import vector_files
from geo.vectors import read_vectors

from .problems import Problems
from .study import BuildingsSection, LayerSection, PlacedSection, Study

_WORDS = {"gcj02": "GCJ-02", "bd09": "BD-09"}


@dataclass(frozen=True)
class LayerHead:
    """
    What a layer says about itself before its rows.

    Attributes
    ----------
    crs
        Name of the CRS, "" where the file does not say it or has no head that can be read by itself.
    columns
        Names of the columns.
    encoding
        In which encoding its text is read, "" where the format leaves no choice or all text is ASCII.
    """

    crs: str
    columns: list[str]
    encoding: str


def layer_head(path: Path, layer: str | None, encoding: str | None) -> LayerHead:
    """
    Read the CRS, the columns and the encoding of a layer, without its rows.

    Parameters
    ----------
    path
        The file.
    layer
        Name of the layer where the file has several.
    encoding
        Encoding that the study gives.

    Returns
    -------
    LayerHead
        Of the first file where there are several.
    """
    try:
        rows, shapes = read_layer(vector_files(path)[0], layer=layer, encoding=encoding, rows=1, warnings=[])
    except GeoError:
        return LayerHead("", [], "")
    columns = [str(name) for name in rows.columns]
    return LayerHead("" if shapes.crs is None else _crs_words(shapes.crs), columns, str(rows.attrs.get("encoding") or ""))


def _crs_words(crs: pyproj.CRS) -> str:
    code = crs.to_epsg()
    return f"{crs.name} (EPSG:{code})" if code else str(crs.name)


def placed_words(section: PlacedSection, found: str) -> str:
    """
    Say in which coordinates a layer is read.

    Parameters
    ----------
    section
        What the study says.
    found
        What the file says.

    Returns
    -------
    str
        Name of the CRS and what the study adds to it.
    """
    way = "control_points" if section.control_points else "transform" if section.transform else section.crs or found or "?"
    return ", ".join([way, *([f"datum {section.datum}"] if section.datum else []), *([f"axes {section.axes}"] if section.axes else [])])


def rows_of_one(path: Path, section: BuildingsSection | LayerSection, files: int) -> int | None:
    """
    Count the rows of one of several files of a region layer.

    Parameters
    ----------
    path
        The file.
    section
        The layer's section.
    files
        Files of the layer.

    Returns
    -------
    int or None
        None where it is the only file, or cannot be read, which is told elsewhere.
    """
    if files == 1:
        return None
    try:
        return len(read_vectors(path, layer=section.layer, encoding=section.encoding, columns=[]))
    except GeoError:
        return None


def rows_by_file(layers: list[dict[str, Any]], study: Study, raw: gpd.GeoDataFrame) -> None:
    """
    Write how many buildings each path of the building layer gave.

    Parameters
    ----------
    layers
        Facts of the layers, a row per path; filled in place.
    study
        The study.
    raw
        Every building as read.
    """
    counts = raw["source_file"].value_counts()
    mine = [row for row in layers if row["layer"] == "buildings"]
    seen: set[Path] = set()
    for row, text in zip(mine, study.buildings.path, strict=True):
        files = [file for file in vector_files(study.path(text)) if file not in seen]
        seen |= set(files)
        row["rows"] = sum(int(counts.get(file.name, counts.get(f"{file.parent.name}/{file.name}", 0))) for file in files)


def suspect_shifts(
    study: Study,
    heads: dict[str, list[str]],
    regions: dict[str, gpd.GeoDataFrame],
    buildings: gpd.GeoDataFrame,
    count: int,
    problems: Problems,
    on_surface: Mapping[str, Any] | None = None,
) -> None:
    """
    Tell of layers that are likely in GCJ-02 or BD-09 though the study does not say so.

    Parameters
    ----------
    study
        The study.
    heads
        Columns by name of the layer ("buildings" and the region layers).
    regions
        Region layers in the study's CRS.
    buildings
        Some buildings in the study's CRS.
    count
        Buildings in all; a wrong place concerns every one.
    problems
        Appended to.
    on_surface
        How many buildings do not show on the surface model, `before` and `after` the shift `datum` is taken out; None where they do.
    """
    sections: dict[str, PlacedSection] = {"buildings": study.buildings, **study.regions}
    placed = {name for name, s in sections.items() if s.datum or s.control_points or s.transform}
    open_ones = ({"buildings"} | set(regions)) - placed
    shapes = buildings.geometry.to_numpy()
    seen = shift_evidence(regions, shapes[~buildings.geometry.isna().to_numpy()], buildings.crs, open_ones)
    for one in seen:
        with problems.trying(_section(one.layer), count, grave=True) as warnings:
            if one.kind == "places":
                warnings.append(
                    f"coordinates are likely {_WORDS[one.datum]}, the shift of web maps: {one.before:.1%} of the buildings lie in no "
                    f"region ({one.layer} against {one.beside}), without the shift {one.after:.1%}; write "
                    f'datum = "{one.datum}" beside the path of {one.layer} in the study file'
                )
            elif one.kind == "borders":
                warnings.append(
                    f"coordinates are likely {_WORDS[one.datum]}, the shift of web maps: {one.before:.1%} of the buildings at regions lie "
                    f"across borders ({one.layer} against {one.beside}), without the shift {one.after:.1%}; write "
                    f'datum = "{one.datum}" beside the path of {one.layer} in the study file'
                )
            else:
                warnings.append(
                    f"coordinates are likely {_WORDS[one.datum]}, the shift of web maps: {one.before:.1%} of the area of {one.layer} and "
                    f"{one.beside} is not common, without the shift {one.after:.1%}; write "
                    f'datum = "{one.datum}" beside the path of {one.layer} in the study file'
                )
    if on_surface is not None and not any(one.layer == "buildings" for one in seen):
        with problems.trying("buildings", count, grave=True) as warnings:
            warnings.append(
                f"coordinates are likely {_WORDS[on_surface['datum']]}, the shift of web maps: {1 - on_surface['before']:.0%} of the "
                f"footprints show no building on terrain.dsm, without the shift {1 - on_surface['after']:.0%}; write "
                f'datum = "{on_surface["datum"]}" beside the path of buildings in the study file'
            )
    for name in sorted(open_ones - {one.layer for one in seen}):
        if marks := columns_of_shifted(heads.get(name, [])):
            with problems.trying(_section(name), count, grave=True) as warnings:
                warnings.append(
                    f"its columns {', '.join(marks)} are those of DataV and AMap, whose coordinates are GCJ-02, some 500 m off; write "
                    'datum = "gcj02" beside its path in the study file, or datum = "wgs84" if the shift was taken out before'
                )


def _section(layer: str) -> str:
    return layer if layer == "buildings" else f"regions.{layer}"
