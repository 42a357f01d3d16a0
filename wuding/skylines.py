"""The skyline of one roof of a finished run, computed again from what the run prepared."""

import pickle
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.tiles import read_surroundings
from layers.model import Model
from layers.potential import skylines_of
from maps.skyline import Kind, draw_skyline
from maps.words import load_words

from .errors import StudyError
from .manifest import read_manifest, source_digest

PICTURES = (".svg", ".png")


def write_skyline(out: Path, roof_id: str, file: Path, *, kind: Kind = "panorama", lang: str = "zh") -> Path:
    """
    Draw what stands around one roof, and the sun over it.

    Parameters
    ----------
    out
        Finished run.
    roof_id
        Id of the roof, or of a building: then all its roofs together.
    file
        Picture to write, .svg or .png.
    kind
        "panorama" or "fisheye".
    lang
        zh or en.

    Returns
    -------
    Path
        The picture.

    Raises
    ------
    StudyError
        The roof or what the run prepared is not there, or the picture has another ending.
    """
    manifest = read_manifest(out)
    if file.suffix.lower() not in PICTURES:
        raise StudyError(f"{file.name}: a skyline is written as .svg or .png; give the file one of these endings")
    found = pd.read_parquet(
        out / "roofs", columns=["roof_id", "building_id"], filters=[[("roof_id", "==", roof_id)], [("building_id", "==", roof_id)]]
    )
    if found.empty:
        raise StudyError(f"{out.name} has no roof {roof_id!r}; ids stand in the column roof_id of its GeoPackage and spreadsheet")
    work = out / ".work"
    if manifest["versions"]["code"] != source_digest() or not (work / "model.pickle").is_file():
        raise StudyError(
            f"{out.name} was made by another version, or its folder .work is gone or of a run that did not end; run the study again first"
        )
    with (work / "model.pickle").open("rb") as stream:
        model: Model = pickle.load(stream)
    building = str(found["building_id"].iloc[0])
    rows = gpd.read_parquet(work / "tiles", filters=[("building_id", "==", building)])
    around = read_surroundings(work / "tiles", np.asarray(rows.total_bounds))
    seen = skylines_of(rows, around, model)
    wanted = [skylines for roof, (_, skylines) in seen.items() if roof in set(found["roof_id"])]
    leafy = [s.opaque if s.leafy is None else s.leafy for s in wanted]
    chart = draw_skyline(
        np.concatenate([s.opaque for s in wanted]),
        model.latitude,
        trees=np.concatenate(leafy) if any(s.leafy is not None for s in wanted) else None,
        kind=kind,
        title=load_words(lang)["skyline_title"].format(roof=roof_id),
        lang=lang,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(chart.png() if file.suffix.lower() == ".png" else chart.svg())
    return file
