"""What a map and a report need of a run: region sums, the targets, and short lists of roofs and buildings."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pyproj
import shapely

from layers.errors import LayersError
from layers.sums import StoredColumns
from layers.supply import supply_curve

# Bounds that keep the page under 15 MB whatever the size of the county.
ROOFS_DRAWN = 30_000
PLACES_PER_KIND = 400
PLACES_NAMED = 3_000

# Classes that policies ask for apart: kind of place, uses, and details of use (None for all that no other kind has taken).
PLACE_KINDS: Mapping[str, tuple[tuple[str, ...], str | None]] = {
    "party": (("public_institution",), "党政机关"),
    "schools": (("public_institution", "public_building"), "学校"),
    "hospitals": (("public_institution", "public_building"), "医院"),
    "public": (("public_institution", "public_building"), None),
    "industry": (("factory", "commercial"), None),
    "rural": (("rural_residential",), None),
}
# Buildings that stand but have no result: shown with the reason.
WITH_RESULT = ("assessed", "no_usable_area")
SUMMED = (
    "roofs",
    "footprint_area_m2",
    "area_m2",
    "setback_area_m2",
    "obstacle_area_m2",
    "existing_area_m2",
    "excluded_area_m2",
    "shaded_out_area_m2",
    "usable_area_m2",
    "module_count",
    "module_area_m2",
    "covered_area_m2",
    "pdc0_kwp",
    "pac0_kw",
    "installed_kwp",
    "energy_kwh",
    *(f"energy_{month:02d}_kwh" for month in range(1, 13)),
    "capex_cny",
    "carbon_t",
)
BUILDING_COLUMNS = ("building_id", "name", "use", "use_detail", "status", "data_tier", "confidence", "is_new", *SUMMED)
# By these buildings are chosen for a mark.
RANKED = ("building_id", "name", "use", "use_detail", "status", "pdc0_kwp", "footprint_area_m2", "installed_kwp")
_SUMMED_AT_ONCE = 6
_RANKED_AT_ONCE = 50_000
ROOF_COLUMNS = (
    "roof_id",
    "building_id",
    "use",
    "use_detail",
    "data_tier",
    "area_m2",
    "usable_area_m2",
    "roof_tilt",
    "roof_azimuth",
    "mounting",
    "module_count",
    "pdc0_kwp",
    "energy_kwh",
    "specific_yield",
    "shading_loss",
    "lcoe_cny_kwh",
)
# Not of every run: an older one, or one without a roadmap.
OPTIONAL = ("reason", "roadmap_year")
PRICED = ("pac0_kw", "npv_cny")


@dataclass(frozen=True)
class MapTables:
    """The tables of one run that maps and reports are drawn from.

    Attributes
    ----------
    manifest
        The run's manifest: study, totals, notes, warnings, counts, inputs, versions, parameters.
    targets
        Rows of targets.json.
    policy
        Name of the policy, None where the study names none.
    regions
        Region tables by layer name (responsible, districts, zones, parcels, grid, ...), in the study's CRS.
    roofs
        The largest roofs, bounded, with the name of their building.
    places
        Buildings worth a mark or a search, bounded, with `place` naming the kind.
    by_use
        Sums by class of use, indexed by class.
    by_tier
        Buildings, roofs and capacity by data tier, indexed by tier.
    roadmap
        Content of roadmap.json, None where the run has none.
    supply
        Supply curve, None where it is not made.
    business
        Both business models from `layers.business.business_cases`, None where the run has no prices.
    departments
        Department by class of use, as the policy file proposes.
    economic
        Number and sums of the buildings whose net present value is not negative, None where the run has no money.
    near
        Content of near_use.json, None where the run has none.
    hours
        Energy of each hour of the year if all potential is built, shape (8760,) [kWh], None where the run has none.
    exclusions
        Excluded areas with their `reason`, None where the run has none.
    sheets
        Links to the sheets of parcels by name, relative to the run folder.
    with_modules
        Number of all roofs that carry modules; `roofs` holds the largest of them.
    place_totals
        Number of all buildings of each kind of place; `places` holds the largest of them.
    served
        Whether a page that comes from `wuding map RUN --serve` may read all roofs from roofs.pmtiles.
    """

    manifest: Mapping[str, Any]
    targets: Sequence[Mapping[str, Any]]
    policy: str | None
    regions: Mapping[str, gpd.GeoDataFrame]
    roofs: gpd.GeoDataFrame | None
    places: gpd.GeoDataFrame | None
    by_use: pd.DataFrame
    by_tier: pd.DataFrame
    roadmap: Mapping[str, Any] | None = None
    supply: pd.DataFrame | None = None
    business: pd.DataFrame | None = None
    departments: Mapping[str, str] = field(default_factory=dict)
    economic: Mapping[str, float] | None = None
    near: Mapping[str, Any] | None = None
    hours: npt.NDArray[np.float64] | None = None
    exclusions: gpd.GeoDataFrame | None = None
    sheets: Mapping[str, str] = field(default_factory=dict)
    with_modules: int = 0
    place_totals: Mapping[str, int] = field(default_factory=dict)
    served: bool = True

    def region(self, layer: str) -> gpd.GeoDataFrame | None:
        """
        Regions of one layer without the row `outside`.

        Parameters
        ----------
        layer
            Name of the region layer.

        Returns
        -------
        GeoDataFrame or None
            Rows with a geometry; None where the run has no such layer or it is empty.
        """
        table = self.regions.get(layer)
        if table is None:
            return None
        inside = table[(table["kind"] != "outside").to_numpy(dtype=bool) & has_shape(table)]
        return inside.reset_index(drop=True) if len(inside) else None

    @property
    def lang(self) -> str:
        """Language of the study."""
        return str(self.manifest["study"].get("lang", "zh"))

    @property
    def totals(self) -> Mapping[str, Any]:
        """Totals of the whole study."""
        totals: Mapping[str, Any] = self.manifest["totals"]
        return totals

    @property
    def notes(self) -> Mapping[str, Any]:
        """Where weather and terrain come from, and whether the county is made up."""
        notes: Mapping[str, Any] = self.manifest.get("notes", {})
        return notes


def has_shape(frame: gpd.GeoDataFrame) -> npt.NDArray[np.bool_]:
    """
    Tell which rows have a geometry to draw.

    Parameters
    ----------
    frame
        Rows with geometries, some of them missing or empty.

    Returns
    -------
    ndarray
        True where there is a shape.
    """
    shapes = np.asarray(frame.geometry.array, dtype=object)
    without: npt.NDArray[np.bool_] = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    return ~without


def map_tables(
    *,
    manifest: Mapping[str, Any],
    targets: Mapping[str, Any],
    regions: Mapping[str, gpd.GeoDataFrame],
    roofs: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
) -> MapTables:
    """
    Bring whole tables down to what maps and reports draw.

    Parameters
    ----------
    manifest
        The run's manifest with `study`, `totals` and `notes`.
    targets
        Contents of targets.json: as_of, policy, targets.
    regions
        Region tables by layer name.
    roofs
        All roofs.
    buildings
        All buildings with the sums of their roofs.

    Returns
    -------
    MapTables
        Bounded tables.

    Raises
    ------
    LayersError
        If a table lacks a column.
    """
    _require(buildings.columns, BUILDING_COLUMNS, "buildings")
    _require(roofs.columns, ROOF_COLUMNS, "roofs")
    kinds, totals = _place_kinds(buildings)
    places = buildings.loc[kinds.index].assign(place=kinds)
    names = pd.DataFrame(buildings[["building_id", "name"]])
    drawn = roofs.loc[_largest(roofs, ROOFS_DRAWN)]
    assembled = _assemble(manifest, targets, regions, drawn, places, names, _class_sums(pd.DataFrame(buildings)))
    return replace(assembled, with_modules=int((roofs["pdc0_kwp"] > 0).sum()), place_totals=totals)


def read_tables(run: Path) -> MapTables:
    """
    Read what maps and reports draw from a run folder.

    Parameters
    ----------
    run
        Folder of a finished run.

    Returns
    -------
    MapTables
        Bounded tables; whole roof geometries are never all in memory.

    Raises
    ------
    LayersError
        If the folder is not a finished run.
    """
    for part in ("manifest.json", "targets.json", "buildings.parquet", "roofs"):
        if not (run / part).exists():
            raise LayersError(f"{run.name} has no {part}; expected the folder of a finished run: finish it with `wuding run`")
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    targets = json.loads((run / "targets.json").read_text(encoding="utf-8"))
    regions = {path.stem: gpd.read_parquet(path) for path in sorted((run / "regions").glob("*.parquet"))}
    file = run / "buildings.parquet"
    buildings = StoredColumns(file, "buildings")
    kinds, totals = _read_place_kinds(file)
    columns = [*BUILDING_COLUMNS, *(name for name in OPTIONAL if name in buildings)]
    places = _with_shapes(_rows(file, [*columns, "geometry"], _is_one_of(kinds.index)))
    places["place"] = places["building_id"].map(kinds)
    roofs = _read_largest(run / "roofs")
    names = _rows(file, ["building_id", "name"], _is_one_of(roofs["building_id"])).to_pandas()
    plan, near, excluded = run / "roadmap.json", run / "near_use.json", run / "exclusions.parquet"
    hours = run / "profiles" / "whole.parquet"
    assembled = _assemble(manifest, targets, regions, roofs, places, names, _class_sums(buildings))
    return replace(
        assembled,
        roadmap=json.loads(plan.read_text(encoding="utf-8")) if plan.is_file() else None,
        hours=pd.read_parquet(hours)["whole"].to_numpy(dtype=np.float64) if hours.is_file() else None,
        near=json.loads(near.read_text(encoding="utf-8")) if near.is_file() else None,
        economic=_economic(buildings) if all(name in buildings for name in PRICED) else None,
        supply=supply_curve(buildings, ("use",)),
        exclusions=gpd.read_parquet(excluded) if excluded.is_file() else None,
        sheets=_sheets(run, regions.get("parcels")),
        with_modules=ds.dataset(run / "roofs", format="parquet").count_rows(filter=pc.field("pdc0_kwp") > 0),
        place_totals=totals,
    )


def _rows(place: Path, names: Sequence[str], wanted: pc.Expression) -> pa.Table:
    """Read some rows, a group after the other: Arrow reads ahead half a kilobyte for each row of the file."""
    one_by_one = ds.ParquetFragmentScanOptions(pre_buffer=False)
    dataset = ds.dataset(place, format=ds.ParquetFileFormat(default_fragment_scan_options=one_by_one))
    return dataset.scanner(columns=list(names), filter=wanted, batch_readahead=1, fragment_readahead=1).to_table()


def _is_one_of(ids: Iterable[str]) -> pc.Expression:
    return pc.field("building_id").isin(pa.array(list(ids), pa.string()))  # of none Arrow would not know the type


def _with_shapes(table: pa.Table) -> gpd.GeoDataFrame:
    shapes = shapely.from_wkb(table["geometry"].to_numpy())
    crs = json.loads(table.schema.metadata[b"geo"])["columns"]["geometry"]["crs"]
    return gpd.GeoDataFrame(table.drop_columns(["geometry"]).to_pandas(), geometry=shapes, crs=pyproj.CRS.from_json_dict(crs))


def _economic(buildings: StoredColumns) -> dict[str, float] | None:
    """Sum what pays, a building as a whole, since it is built as a whole; None where nothing is priced."""
    priced = buildings[["pdc0_kwp", "pac0_kw", "energy_kwh", "npv_cny"]]
    built = priced[(priced["pdc0_kwp"] > 0) & priced["npv_cny"].notna()]
    pays = built[built["npv_cny"] >= 0]
    sums = {name: float(pays[name].sum()) for name in ("pdc0_kwp", "pac0_kw", "energy_kwh")}
    return {"buildings": float(len(pays)), **sums} if len(built) else None


def sheet_folder(parcel: str) -> str:
    """
    Name the folder of a parcel's sheet.

    Parameters
    ----------
    parcel
        Id of the parcel.

    Returns
    -------
    str
        A name that any file system takes; what had to be changed or cut ends with a digest, so that no two ids share a sheet.
    """
    plain = "".join(c if c.isalnum() or c in "-_" else "_" for c in parcel)[:60]
    return plain if plain and plain == parcel else f"{plain}-{hashlib.sha256(parcel.encode()).hexdigest()[:8]}"


def _sheets(run: Path, parcels: gpd.GeoDataFrame | None) -> dict[str, str]:
    made = {path.parent.name for path in (run / "parcels").glob("*/sheet.html")}
    if parcels is None or not made:
        return {}
    folders = {str(name): sheet_folder(str(name)) for name in parcels["name"]}
    return {name: f"parcels/{quote(folder)}/sheet.html" for name, folder in folders.items() if folder in made}


def _read_largest(folder: Path) -> gpd.GeoDataFrame:
    """Two passes: capacities alone give the threshold, then only the rows above it are read with their outlines."""
    dataset = ds.dataset(folder, format="parquet")
    capacity = dataset.to_table(columns=["pdc0_kwp"])["pdc0_kwp"].to_numpy()
    first = max(len(capacity) - ROOFS_DRAWN, 0)
    at_least = float(np.partition(capacity, first)[first]) if len(capacity) else 0.0
    columns = [*ROOF_COLUMNS, *(name for name in OPTIONAL if name in dataset.schema.names)]
    found = _with_shapes(_rows(folder, [*columns, "geometry"], pc.field("pdc0_kwp") >= max(at_least, 1e-9)))
    return found.loc[_largest(found, ROOFS_DRAWN)]


def _assemble(
    manifest: Mapping[str, Any],
    targets: Mapping[str, Any],
    regions: Mapping[str, gpd.GeoDataFrame],
    roofs: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    names: pd.DataFrame,
    sums: tuple[pd.DataFrame, pd.DataFrame],
) -> MapTables:
    for key in ("study", "totals"):
        if key not in manifest:
            raise LayersError(f"the manifest lacks {key!r}; expected study, totals and notes: write it again with `wuding run`")
    roofs = roofs.assign(name=roofs["building_id"].map(names.drop_duplicates("building_id").set_index("building_id")["name"]))
    rows = list(targets.get("targets") or [])
    policy = targets.get("policy")
    name = policy.get("name") if isinstance(policy, Mapping) else policy
    found = MapTables(manifest, rows, None if name is None else str(name), dict(regions), roofs, places, *sums)
    return replace(found, departments=targets.get("departments") or {})


def _class_sums(buildings: pd.DataFrame | StoredColumns) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sum the buildings with roofs by class of use and by data tier, a few columns at a time."""
    told = buildings[["use", "data_tier", "confidence", "roofs", "pdc0_kwp"]]
    on = (told["roofs"] > 0).to_numpy()
    weight = told["confidence"].fillna(0.0) * told["pdc0_kwp"].fillna(0.0)
    # categories would be sorted as they stand
    told = told.assign(buildings=1, confidence_weight=weight)[on].astype({"use": object, "data_tier": object})
    groups = (list(SUMMED[first : first + _SUMMED_AT_ONCE]) for first in range(0, len(SUMMED), _SUMMED_AT_ONCE))
    summed = (buildings[group][on].groupby(told["use"], sort=True).sum() for group in groups)
    by_use = [told.groupby("use", sort=True)[["buildings"]].sum(), *summed]
    by_tier = told.groupby("data_tier", sort=True)[["buildings", "roofs", "pdc0_kwp", "confidence_weight"]].sum()
    by_tier["confidence"] = by_tier.pop("confidence_weight") / by_tier["pdc0_kwp"].where(by_tier["pdc0_kwp"] > 0)
    return pd.concat(by_use, axis=1), by_tier


def _largest(roofs: pd.DataFrame, count: int) -> pd.Index:
    """Rows of the greatest capacities; ties fall by roof_id, so that tiles change nothing."""
    with_modules = roofs.loc[roofs["pdc0_kwp"] > 0, ["pdc0_kwp", "roof_id"]]
    return with_modules.sort_values(["pdc0_kwp", "roof_id"], ascending=[False, True]).index[:count]


def _read_place_kinds(file: Path) -> tuple[pd.Series, dict[str, int]]:
    """Give `_place_kinds` by building_id: whom no part of the file would mark, the whole would not mark either."""
    totals: Counter[str] = Counter()
    candidates = []
    for batch in pq.ParquetFile(file).iter_batches(_RANKED_AT_ONCE, columns=list(RANKED)):
        part = batch.to_pandas()
        part = part.set_axis(part["building_id"].to_numpy())
        kinds, found = _place_kinds(part)
        totals.update(found)
        candidates.append(part.loc[kinds.index])
    return _place_kinds(pd.concat(candidates))[0], dict(totals)


def _place_kinds(buildings: pd.DataFrame) -> tuple[pd.Series, dict[str, int]]:
    """Kinds ("public existing ...") of the buildings worth a mark, on their row index; and how many there are of each kind in all."""
    ranked = pd.DataFrame(buildings[list(RANKED)]).sort_values(["pdc0_kwp", "building_id"], ascending=[False, True])
    chosen: dict[str, pd.Index] = {}
    taken = ~(ranked["pdc0_kwp"] > 0)
    for kind, (uses, detail) in PLACE_KINDS.items():
        own = ranked["use"].isin(uses) & ~taken
        if detail is not None:
            own &= ranked["use_detail"] == detail
        taken |= own
        chosen[kind] = ranked.index[own]
    out = ranked[~ranked["status"].isin(WITH_RESULT)]
    chosen["left_out"] = out.sort_values(["footprint_area_m2", "building_id"], ascending=[False, True]).index
    with_pv = ranked[ranked["installed_kwp"].fillna(0.0) > 0]
    chosen["existing"] = with_pv.sort_values(["installed_kwp", "building_id"], ascending=[False, True]).index
    totals = {kind: len(rows) for kind, rows in chosen.items()}
    chosen = {kind: rows[:PLACES_PER_KIND] for kind, rows in chosen.items()}
    named = ranked["name"].fillna("").astype(str).str.strip() != ""
    chosen["named"] = ranked.index[named][:PLACES_NAMED]
    kinds: dict[Any, list[str]] = {}
    for kind, rows in chosen.items():
        for row in rows:
            kinds.setdefault(row, []).append(kind)
    return pd.Series({row: " ".join(found) for row, found in kinds.items()}, dtype=object), totals


def _require(found: Sequence[str] | pd.Index, wanted: Sequence[str], table: str) -> None:
    missing = [name for name in wanted if name not in set(found)]
    if missing:
        raise LayersError(
            f"table {table} lacks {', '.join(missing)}; expected the columns of the contract: make the table with layers/schema"
        )
