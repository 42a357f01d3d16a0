"""From roofs to the table of buildings, a part of the rows at a time: whole it would take 0.6 kB a building, several times over."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from layers.coverage import coverage_reach
from layers.policy import Policy
from layers.schema import MONTHS, columns, table_writer
from layers.sums import Groups, RoofSums, StoredColumns, add_to_buildings

from .keeping import Kept, give_back
from .messages import translate

# What targets and roadmaps do not ask of a building.
_NOT_ASKED = (
    *("geometry", "bbox", "stale_surface", "source", "source_file", "source_row", "source_id", "use_source", "use_confidence"),
    *("year_built", "data_tier", "confidence", "height_m", "height_source", "floors", "ground_elevation_m", "reason", "parcel_share"),
    *("setback_area_m2", "obstacle_area_m2", "excluded_area_m2", "shaded_out_area_m2", "structural_check", "module_count"),
    *("module_area_m2", *MONTHS, "specific_yield", "npv_cny", "thermal_area_m2"),
)
_OF_ROOFS = ("data_tier", "confidence", "structural_check")  # what the first roof of a building says of all of them


def write_buildings(
    kept: Kept, roofs: StoredColumns, by_building: Groups, added: RoofSums, policy: Policy | None, lang: str, file: Path, work: Path
) -> None:
    """
    Write the table `buildings` with the sums of the roofs.

    Parameters
    ----------
    kept
        The prepared buildings.
    roofs
        Their roofs.
    by_building, added
        Roofs of each building and their sums, in the order of `kept`.
    policy
        The policy, None where nothing is judged.
    lang
        "zh" or "en".
    file
        File to write or to replace.
    work
        Folder on the same disk for the unfinished file.
    """
    first = by_building.first()
    there = first >= 0
    told = roofs[list(_OF_ROOFS)].iloc[first[there]].set_axis(np.flatnonzero(there))
    at = 0
    with table_writer("buildings", kept.crs, kept.bounds(), file, work) as write:
        for part in kept.parts():
            rows = part.rows.set_axis(np.arange(at, at + len(part.rows)))
            own = told.loc[at : at + len(rows) - 1].astype(object)
            write(_assessed(rows, own.reindex(rows.index), added.rows(at, at + len(rows)), policy, lang), part.shapes, part.bounds)
            at += len(rows)


def _assessed(rows: pd.DataFrame, told: pd.DataFrame, added: RoofSums, policy: Policy | None, lang: str) -> pd.DataFrame:
    """Bring prepared buildings up to what their roofs turned out to be."""
    found = {name: told[name].astype(rows[name].dtype).fillna(rows[name]) for name in ("data_tier", "confidence")}
    assessed = np.where(added.whole["module_count"] > 0, "assessed", "no_usable_area")
    table = rows.assign(
        **found,
        structural_check=told["structural_check"],
        status=np.where(rows["status"] == "", assessed, rows["status"]),
        reason=rows["reason"].map({reason: translate(reason, lang) for reason in rows["reason"].unique()}),
    )
    summed = add_to_buildings(table, added)
    return summed.assign(coverage_reach=coverage_reach(summed, policy))


def read_buildings(out: Path) -> pd.DataFrame:
    """
    Read of the table `buildings` what targets and roadmaps ask.

    Parameters
    ----------
    out
        Run folder.

    Returns
    -------
    pandas.DataFrame
        A row a building, without its shape; texts but the id as categories, in no order.
    """
    file = out / "buildings.parquet"
    asked = [name for name in pq.read_schema(file).names if name not in _NOT_ASKED]
    coded = [c.name for c in columns("buildings") if c.dtype == "string" and c.name != "building_id"]
    found: pd.DataFrame = pq.read_table(file, columns=asked, read_dictionary=coded).to_pandas(self_destruct=True, split_blocks=True)
    give_back()
    return found
