"""From the study's files to prepared buildings: everything that is decided about a building before its roof is looked at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj

from geo import footprints
from geo.archetypes import load_archetypes
from geo.terrain import Terrain
from geo.tiles import write_tiles
from geo.vectors import study_crs

from .checksums import checksums
from .describing import attribute, measure
from .elevation import rasters
from .errors import StudyError
from .placing import exclude, place
from .reading import check_scale, identify, read_buildings, read_region
from .study import Study

Report = Callable[[str, int, int], None]


@dataclass
class Prepared:
    """The prepared study: tables on disk under `work`, small ones here."""

    crs: pyproj.CRS
    buildings: gpd.GeoDataFrame
    regions: dict[str, gpd.GeoDataFrame]
    terrain: Terrain
    dsm: Path | None
    tiles: pd.DataFrame
    inputs: list[dict[str, object]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def prepare(study: Study, work: Path, new_years: tuple[int, int], told: Report) -> Prepared:
    """
    Read every input, decide each building's attributes and status, and write the tiles.

    Parameters
    ----------
    study
        The study.
    work
        Folder for what the run keeps to itself.
    new_years
        First and last year of completion that count as new.
    told
        Called with stage, done and total.

    Returns
    -------
    Prepared
        All input rows with a status ("" = to be assessed).
    """
    work.mkdir(parents=True, exist_ok=True)
    crs = study_crs(study.study.crs)
    warnings: list[str] = []
    archetypes = load_archetypes(study.roofs.archetypes)
    told("read", 0, 4)
    raw = read_buildings(study, crs, warnings)
    told("read", 1, 4)
    table = identify(raw, study, warnings)
    check_scale(table, crs, study)
    told("read", 2, 4)
    terrain, dsm, raster_facts = rasters(study, crs, table, work, warnings)
    attribute(table, raw, study, archetypes, new_years, warnings)
    measure(table, raw, study, archetypes, terrain, dsm, warnings)
    told("read", 3, 4)
    regions = {name: read_region(study, name, section, crs) for name, section in study.regions.items()}
    place(table, regions, warnings)
    exclude(table, study, crs)
    _decide(table)
    standing = table[~table.geometry.isna() & (table["status"] != footprints.DUPLICATE) & table["ground_elevation_m"].notna()]
    if not (table["status"] == "").any():
        counts = ", ".join(f"{count} {status}" for status, count in table["status"].value_counts().items())
        raise StudyError(
            f"no building is left to assess of {len(table)}: {counts}. "
            f"Compare the extent of {', '.join(study.buildings.path)} with terrain.dem, and their CRS"
        )
    tiles = write_tiles(
        standing.assign(top_m=standing["ground_elevation_m"] + standing["height_m"]),
        work / "tiles",
        tile_buildings=study.run.tile_buildings,
    )
    told("read", 4, 4)
    return Prepared(
        crs,
        table,
        regions,
        terrain,
        dsm,
        tiles,
        checksums(study),
        {"terrain": raster_facts, "regions": {n: len(r) for n, r in regions.items()}},
        warnings,
    )


def _decide(table: gpd.GeoDataFrame) -> None:
    """Text columns are never null, so that every product shows the same thing: nothing."""
    for column in ("name", "use_detail", "reason", "source_id"):
        table[column] = table[column].fillna("").astype(object)
