"""One table of a run, whole or cut to one district or parcel, for other software."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from layers.exports import write_export
from layers.replacing import unfinished
from layers.schema import region_table

from .errors import StudyError
from .manifest import read_manifest

_AREAS = ("responsible", "districts", "zones")
_COLUMNS = {"responsible": "responsible_area", "districts": "district", "zones": "zone"}


def export_table(
    out: Path, table: str, file: Path, *, district: str | None = None, parcel: str | None = None, datum: str = "own"
) -> list[Path]:
    """
    Write one table of a run in another format.

    Parameters
    ----------
    out
        Finished run.
    table
        "roofs", "buildings" or a region layer.
    file
        Target; its ending names the format.
    district
        Name of the one accountable area, district or zone to write; all by default. Where layers count different roofs under one name,
        LAYER:NAME, as "districts:清河区".
    parcel
        Id of the one parcel to write; all by default.
    datum
        "own" or "gcj02".

    Returns
    -------
    list of Path
        The files; where open data is in the study, also NAME.sources.txt, since these formats have no place for its licences.

    Raises
    ------
    StudyError
        The table, the district or the parcel is not there, or the name means different places.
    """
    manifest = read_manifest(out)
    source = {"roofs": out / "roofs", "buildings": out / "buildings.parquet"}.get(table, out / "regions" / f"{table}.parquet")
    if not source.exists():
        known = ["roofs", "buildings", *(p.stem for p in sorted((out / "regions").glob("*.parquet")))]
        raise StudyError(f"there is no table {table!r}; there are: {', '.join(known)}")
    described = table if table in ("roofs", "buildings") else region_table(table)
    layer, name = _place(out, district, parcel)
    frame = _rows(out, source, described, layer, name).drop(columns=["bbox"], errors="ignore")
    return write_export(frame, described, file, datum=datum) + _credits(file, manifest["notes"].get("sources") or [])


def _credits(file: Path, sources: list[str]) -> list[Path]:
    if not sources:
        return []
    beside = file.with_name(f"{file.stem}.sources.txt")
    with unfinished(beside, beside.parent) as part:
        part.write_text("\n".join(sources) + "\n", encoding="utf-8")
    return [beside]


def _place(out: Path, district: str | None, parcel: str | None) -> tuple[str | None, str]:
    """Find the layer that holds the one district or parcel."""
    if district is not None and parcel is not None:
        raise StudyError("--district and --parcel exclude each other; name one of them")
    wanted, layers = (parcel, ("parcels",)) if parcel is not None else (district, _AREAS)
    if wanted is None:
        return None, ""
    named, _, rest = wanted.partition(":")
    if parcel is None and named in layers and rest:
        wanted, layers = rest, (named,)
    known: list[str] = []
    found: dict[str, int] = {}
    for layer in layers:
        if (out / "regions" / f"{layer}.parquet").is_file():
            table = _regions(out, layer)
            real = table[table["kind"] == "region"]
            counts = {str(name): int(roofs) for name, roofs in zip(real["name"], real["roofs"], strict=True)}
            if wanted in counts:
                found[layer] = counts[wanted]
            known += counts
    if not found:
        raise StudyError(f"there is no {wanted!r} in this run; there are: {', '.join(dict.fromkeys(known[:30]))}")
    if len(set(found.values())) > 1:
        choices = ", ".join(f"{layer}:{wanted} ({roofs})" for layer, roofs in found.items())
        raise StudyError(f"{wanted!r} names areas with different numbers of roofs; write one of: {choices}")
    return next(iter(found)), wanted


def _regions(out: Path, layer: str) -> gpd.GeoDataFrame:
    return gpd.read_parquet(out / "regions" / f"{layer}.parquet")


def _rows(out: Path, source: Path, described: str, layer: str | None, name: str) -> gpd.GeoDataFrame:
    """Take the rows that the run itself counted in the place; of region layers those inside it."""
    if layer is None:
        return gpd.read_parquet(source)
    if described in ("roofs", "buildings"):
        return gpd.read_parquet(source, filters=[(_COLUMNS.get(layer, "parcel_id"), "==", name)])
    frame = gpd.read_parquet(source)
    if source.stem == layer:
        return frame[(frame["name"] == name) & (frame["kind"] == "region")]
    place = _regions(out, layer)
    area = shapely.union_all(place.geometry[(place["name"] == name) & (place["kind"] == "region")].to_numpy())
    inside: np.ndarray = shapely.contains(area, shapely.point_on_surface(frame.geometry.to_numpy()))
    return frame[inside]
