"""Whether a layer looks as if it were in GCJ-02 or BD-09: it fits its neighbours markedly better once the shift is taken out."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from .datum import CHINA, SHIFTED, unshifted
from .recognition import to_degrees

Objects = npt.NDArray[np.object_]

# Outlines of the same place from two sources differ by 1-2 % of their area; a shift adds as much again.
_OUTLINES_LEFT, _OUTLINES_LEAST, _OUTLINES_MOST = 0.6, 0.005, 0.2
# Buildings that border lines cut: at most half of them may be left, and enough of them must be gone.
_CUT_LEFT, _CUT_LEAST = 0.5, 20
# Buildings that lie in no region: few of them may be left, or several times as many must be found, and not by accident.
_PLACES_LEFT, _PLACES_MORE, _PLACES_LEAST = 0.25, 3.0, 12
# Outlines are compared without detail finer than this, far below a shift of some hundred metres. [m]
_DETAIL_M, _BORDER_M = 20.0, 2.0
_MOST_REGIONS = 500


@dataclass(frozen=True)
class Evidence:
    """
    A layer that fits another one better after a shift is taken out.

    Attributes
    ----------
    layer, beside
        Names of the layer that looks shifted, and of the one that it was compared with.
    datum
        "gcj02" or "bd09".
    before, after
        What does not fit, as it is and without the shift. [-]
    kind
        What is counted: "outlines", the share of area outside the common part; "borders", the share of buildings cut by borders;
        "places", the share of buildings that lie in no region of the other layer.
    """

    layer: str
    beside: str
    datum: str
    before: float
    after: float
    kind: Literal["outlines", "borders", "places"]


def shift_evidence(layers: Mapping[str, gpd.GeoDataFrame], buildings: Objects, crs: pyproj.CRS, suspects: set[str]) -> list[Evidence]:
    """
    Look for layers that fit their neighbours better without a shift.

    Parameters
    ----------
    layers
        Region layers by name, valid polygons in `crs`.
    buildings
        Shape (n,), some buildings in `crs`, no None; they go by the name "buildings".
    crs
        The study's CRS.
    suspects
        Names of the layers whose datum the study does not state.

    Returns
    -------
    list of Evidence
        One of each layer at fault, that at most odds with the others first; empty outside China.

    Notes
    -----
    Where two layers do not fit, either may seem to be at fault. The one that more of the others speak against is; it is put right
    before the rest is looked at, so that a layer that only suffered from it is cleared.
    """
    layers, suspects = dict(layers), set(suspects)
    faults: list[Evidence] = []
    while suspects:
        found = [
            *_by_outlines(layers, crs, suspects),
            *_by_borders(layers, buildings, crs, suspects),
            *_by_places(layers, buildings, crs, suspects),
        ]
        if not found:
            break
        against = Counter((layer, datum) for layer, datum, _ in {(one.layer, one.datum, one.beside) for one in found})
        worst = min(found, key=lambda one: (-against[one.layer, one.datum], one.after / one.before, one.layer, one.beside, one.datum))
        faults.append(worst)
        suspects.discard(worst.layer)
        shapes = buildings if worst.layer == "buildings" else layers[worst.layer].geometry.to_numpy()
        moved = without_shift(shapes, crs, worst.datum)
        if moved is None:
            break
        if worst.layer == "buildings":
            buildings = moved
        else:
            layers[worst.layer] = layers[worst.layer].set_geometry(
                gpd.GeoSeries(moved, index=layers[worst.layer].index, crs=crs).make_valid()
            )
    return faults


def _by_outlines(layers: Mapping[str, gpd.GeoDataFrame], crs: pyproj.CRS, suspects: set[str]) -> Iterator[Evidence]:
    """Compare the outlines of layers that cover about the same area."""
    outlines = {name: _outline(frame) for name, frame in layers.items() if len(frame) <= _MOST_REGIONS}
    for name, beside in itertools.permutations(outlines, 2):
        before = 1.0 - _overlap(outlines[name], outlines[beside])
        if name not in suspects or not _OUTLINES_LEAST <= before <= _OUTLINES_MOST:
            continue
        for datum in SHIFTED:
            moved = without_shift(np.array([outlines[name]], dtype=object), crs, datum)
            after = before if moved is None else 1.0 - _overlap(shapely.make_valid(moved[0]), outlines[beside])
            if after <= _OUTLINES_LEFT * before:
                yield Evidence(name, beside, datum, before, after, "outlines")


def _by_borders(layers: Mapping[str, gpd.GeoDataFrame], buildings: Objects, crs: pyproj.CRS, suspects: set[str]) -> Iterator[Evidence]:
    """Count how many buildings lie across a border, of those that touch a region at all: true borders run between buildings."""
    for beside, frame in layers.items():
        regions = shapely.simplify(shapely.get_parts(frame.geometry.to_numpy()), _BORDER_M)
        cut, touching = _across(buildings, regions)
        if cut < _CUT_LEAST:
            continue
        for name, datum in itertools.product(sorted({beside, "buildings"} & suspects), SHIFTED):
            moved = without_shift(buildings if name == "buildings" else regions, crs, datum)
            if moved is None:
                continue
            still, reached = _across(moved, regions) if name == "buildings" else _across(buildings, moved)
            if reached and cut - still >= _CUT_LEAST and still / reached <= _CUT_LEFT * cut / touching:
                yield Evidence(name, "buildings" if name == beside else beside, datum, cut / touching, still / reached, "borders")


def _by_places(layers: Mapping[str, gpd.GeoDataFrame], buildings: Objects, crs: pyproj.CRS, suspects: set[str]) -> Iterator[Evidence]:
    """Count how many buildings lie in a region, as they are and without the shift: in few parcels by accident, in nearly all districts."""
    points = shapely.centroid(buildings)
    if not len(points):
        return
    found: dict[tuple[str, str], list[Evidence]] = {}
    within: Counter[tuple[str, str]] = Counter()
    for beside, frame in layers.items():
        regions = shapely.simplify(shapely.get_parts(frame.geometry.to_numpy()), _BORDER_M)
        inside = _within(points, regions)
        for name, datum in itertools.product(sorted({beside, "buildings"} & suspects), SHIFTED):
            moved = without_shift(points if name == "buildings" else regions, crs, datum)
            if moved is None:
                continue
            reached = _within(moved, regions) if name == "buildings" else _within(points, moved)
            within[name, datum] += reached
            outside, left = 1.0 - inside / len(points), 1.0 - reached / len(points)
            if reached - inside >= _PLACES_LEAST and (left <= _PLACES_LEFT * outside or reached >= _PLACES_MORE * inside):
                against = "buildings" if name == beside else beside
                found.setdefault((name, datum), []).append(Evidence(name, against, datum, outside, left, "places"))
    for name in {name for name, _ in found}:
        # a large shift may bring all into the districts as well: the one that fits all layers best counts
        best = max(SHIFTED, key=lambda datum: within[name, datum])
        yield from found.get((name, best), [])


def _within(points: Objects, regions: Objects) -> int:
    return len(np.unique(shapely.STRtree(regions).query(points, predicate="within")[0]))


def without_shift(shapes: Objects, crs: pyproj.CRS, datum: str) -> Objects | None:
    """
    Take a shift out of shapes in a projected CRS.

    Parameters
    ----------
    shapes
        Shape (n,), in `crs`.
    crs
        Their CRS.
    datum
        "gcj02" or "bd09".

    Returns
    -------
    array or None
        Shape (n,), in `crs`; None outside China.
    """
    there = to_degrees(crs)
    lon, lat = there.transform(*np.nanmedian(shapely.bounds(shapes)[:, :2], axis=0)) if len(shapes) else (0.0, 0.0)
    if not (CHINA[0] <= lon <= CHINA[2] and CHINA[1] <= lat <= CHINA[3]):
        return None

    xy = shapely.get_coordinates(shapes)
    degrees = unshifted(*there.transform(xy[:, 0], xy[:, 1]), datum)
    moved = np.column_stack(there.transform(*degrees, direction="INVERSE"))
    return np.asarray(shapely.set_coordinates(shapes.copy(), moved), dtype=object)


def _outline(frame: gpd.GeoDataFrame) -> shapely.Geometry:
    # Shrinking by what was grown closes the slits that separately simplified neighbours leave.
    grown = shapely.union_all(shapely.buffer(shapely.simplify(frame.geometry.to_numpy(), _DETAIL_M), _DETAIL_M, quad_segs=2))
    return shapely.buffer(grown, -_DETAIL_M, quad_segs=2)


def _overlap(a: shapely.Geometry, b: shapely.Geometry) -> float:
    common = float(shapely.area(shapely.intersection(a, b)))
    return common / (float(shapely.area(a)) + float(shapely.area(b)) - common)


def _across(buildings: Objects, regions: Objects) -> tuple[int, int]:
    tree = shapely.STRtree(regions)
    touching, within = (np.unique(tree.query(buildings, predicate=word)[0]) for word in ("intersects", "within"))
    return len(touching) - len(within), len(touching)
