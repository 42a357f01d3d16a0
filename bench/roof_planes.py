"""Roof planes against real LoD2 roofs rasterised with noise: how many are found, how well, and how fast.

Usage: python -m bench.roof_planes [FOLDER]    FOLDER defaults to ../shared/data/roofs-lod2 (or WUDING_DATA/roofs-lod2)
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
import shapely.affinity

from geo.grid import Grid
from geo.roof_planes import RoofPlanes, measure_planes

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

SAMPLE_M = 0.25  # distance of the points at which truth and measurement are compared
WALL_TILT = 75.0  # a steeper RoofSurface is a wall to a surface model: it covers next to no cell
LEAST_PLANE_M2 = 15.0
NOISE_M = 0.1


@dataclass(frozen=True)
class Truth:
    """One building: footprint, ground, and its roof surfaces with the normal (slope east, slope north, height at the origin)."""

    name: str
    footprint: Any
    ground: float
    surfaces: Objects
    slopes: Floats
    plane: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Score:
    """Shares that the targets speak of; areas in m2."""

    planes: int
    plane_area: float
    right: float
    flat_area: float
    flat_right: float
    area_error: Floats
    measured: int


def read_buildings(folder: Path) -> tuple[list[Truth], int]:
    """Read all buildings of a folder of CityJSON files; also the number left out because they name no roof surface."""
    found: list[Truth] = []
    without = 0
    for path in sorted(folder.glob("*.json*")):
        for transform, objects, vertices in _features(path):
            xyz = np.asarray(vertices, dtype=float) * transform["scale"]  # the shift stays out: small numbers
            for name, members in _members(objects):
                rings, lowest = _roof_rings([objects[member] for member in members], xyz)
                if not rings:
                    without += lowest < np.inf
                    continue
                truth = _truth(f"{path.stem}:{name}", rings, lowest)
                if truth is not None:
                    found.append(truth)
    return found, without


def _features(path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any], list[Any]]]:
    if path.suffix == ".jsonl":
        head, *rest = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
        for feature in rest:
            yield head["transform"], feature["CityObjects"], feature["vertices"]
    else:
        whole = json.loads(path.read_text(encoding="utf-8"))
        yield whole["transform"], whole["CityObjects"], whole["vertices"]


def _members(objects: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Each building with its parts."""
    for name, thing in objects.items():
        if not thing.get("parents"):
            yield name, [name, *thing.get("children", [])]


def _roof_rings(things: list[dict[str, Any]], xyz: Floats) -> tuple[list[list[Floats]], float]:
    """Roof surfaces of the finest LoD that names them, as lists of rings, and the lowest vertex of the building."""
    rings: list[list[Floats]] = []
    lowest = np.inf
    for thing in things:
        geometries = [g for g in thing.get("geometry", []) if str(g.get("lod", "0"))[0] == "2"]
        for geometry in geometries:
            shells = geometry["boundaries"] if geometry["type"] == "Solid" else [geometry["boundaries"]]
            lowest = min(lowest, min((xyz[ring][:, 2].min() for shell in shells for face in shell for ring in face), default=np.inf))
        named = [g for g in geometries if "semantics" in g]
        for geometry in named[-1:]:
            solid = geometry["type"] == "Solid"
            shells = geometry["boundaries"] if solid else [geometry["boundaries"]]
            values = geometry["semantics"]["values"] if solid else [geometry["semantics"]["values"]]
            kinds = geometry["semantics"]["surfaces"]
            for shell, codes in zip(shells, values, strict=True):
                for face, code in zip(shell, codes, strict=True):
                    if code is not None and kinds[code]["type"] == "RoofSurface":
                        rings.append([xyz[ring] for ring in face])
    return rings, lowest


def _truth(name: str, rings: list[list[Floats]], lowest: float) -> Truth | None:
    surfaces, slopes = [], []
    origin = np.floor(np.concatenate([r for face in rings for r in face])[:, :2].min(axis=0))
    for face in rings:
        outer = face[0] - [*origin, 0.0]
        normal = np.cross(outer, np.roll(outer, -1, axis=0)).sum(axis=0)  # Newell
        length = np.linalg.norm(normal)
        if length == 0.0 or abs(normal[2]) / length < np.cos(np.radians(WALL_TILT)):
            continue
        plan = shapely.make_valid(shapely.Polygon(outer[:, :2], [ring[:, :2] - origin for ring in face[1:]]))
        if plan.area < 0.01:
            continue
        east, north = -normal[0] / normal[2], -normal[1] / normal[2]
        middle = outer.mean(axis=0)
        surfaces.append(plan)
        slopes.append((east, north, middle[2] - east * middle[0] - north * middle[1]))
    if not surfaces:
        return None
    shapes, planes = np.array(surfaces, dtype=object), np.array(slopes)
    footprint = shapely.union_all(shapes, grid_size=0.001).buffer(0.02, join_style="mitre").buffer(-0.02, join_style="mitre")
    return Truth(name, footprint, lowest, shapes, planes, _coplanar(shapes, planes))


def _coplanar(shapes: Objects, slopes: Floats) -> npt.NDArray[np.int64]:
    """Number the planes: touching surfaces within 1.5 degrees whose heights agree to 0.1 m where they meet are one."""
    label = np.arange(len(shapes))
    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=0.05)
    for i, j in zip(left, right, strict=True):
        if i < j and np.hypot(*(slopes[i, :2] - slopes[j, :2])) < np.tan(np.radians(1.5)):
            x, y = shapely.get_coordinates(shapely.shortest_line(shapes[i], shapes[j]))[0]
            if abs((slopes[i] - slopes[j]) @ [x, y, 1.0]) < 0.1:
                label[label == label[j]] = label[i]
    return label


def truth_at(truth: Truth, x: Floats, y: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Topmost roof surface at each point (-1 = none) and its height."""
    on, height = np.full(x.shape, -1), np.full(x.shape, -np.inf)
    for number, (shape, slope) in enumerate(zip(truth.surfaces, truth.slopes, strict=True)):
        z = slope[0] * x + slope[1] * y + slope[2]
        over = shapely.contains_xy(shape, x, y) & (z > height)
        on[over], height[over] = number, z[over]
    return on, height


def mosaic(buildings: list[Truth], resolution: float, noise: float, seed: int = 1) -> tuple[Grid, Objects, Floats]:
    """All buildings side by side on one noisy surface model: the grid, the moved footprints, and how far each moved east."""
    boxes = shapely.bounds(np.array([b.footprint for b in buildings], dtype=object))
    width = np.ceil((boxes[:, 2] + 8.0) / 4.0) * 4.0
    moved = np.concatenate([[0.0], np.cumsum(width)[:-1]]) + 4.0
    rows = int(np.ceil((boxes[:, 3].max() + 8.0) / 4.0) * 4.0 / resolution)
    values = np.zeros((rows, int(np.cumsum(width)[-1] / resolution) + int(8 / resolution)), dtype=np.float32)
    top = rows * resolution - 4.0
    for building, east, wide in zip(buildings, moved, width, strict=True):
        first, last = round((east - 4.0) / resolution), round((east - 4.0 + wide) / resolution)
        x = (np.arange(first, last) + 0.5) * resolution - east
        y = top - (np.arange(rows) + 0.5) * resolution
        gx, gy = np.meshgrid(x, y)
        on, z = truth_at(building, gx.ravel(), gy.ravel())
        values[:, first:last] = np.where(on >= 0, z, building.ground).reshape(gx.shape)
    values += np.random.default_rng(seed).normal(0.0, noise, values.shape).astype(np.float32)
    plans = np.array([shapely.affinity.translate(b.footprint, east, 0.0) for b, east in zip(buildings, moved, strict=True)], dtype=object)
    return Grid(values, 0.0, top, resolution), plans, moved


def judge(
    buildings: list[Truth], planes: RoofPlanes, moved: Floats, tilt_within: float, azimuth_within: float, step: float = SAMPLE_M
) -> Score:
    """Compare at points `step` apart."""
    surfaces = planes.surfaces
    count = 0
    plane_area = right_area = flat_area = flat_right = 0.0
    errors = []
    for index, building in enumerate(buildings):
        x, y, on = _samples(building, step)
        if not x.size:
            continue
        own = np.flatnonzero(surfaces.building == index)
        under = np.full(x.size, -1)
        if own.size:  # a building that was not measured counts as wrong throughout
            hit, at = shapely.STRtree(surfaces.geometry[own]).query(shapely.points(x + moved[index], y), predicate="intersects")
            under[hit] = own[at]
        slope = building.slopes[on]
        tilt = np.degrees(np.arctan(np.hypot(slope[:, 0], slope[:, 1])))
        azimuth = np.degrees(np.arctan2(-slope[:, 0], -slope[:, 1])) % 360.0
        each = step**2 / np.cos(np.radians(tilt))
        whole = (shapely.area(surfaces.geometry[own]) / np.cos(np.radians(surfaces.roof_tilt[own]))).sum()
        errors.append(whole / each.sum() - 1.0)
        found_tilt = np.where(under >= 0, surfaces.roof_tilt[under], np.nan)
        turned = np.abs((np.nan_to_num(surfaces.roof_azimuth[under], nan=-1e6) - azimuth + 180.0) % 360.0 - 180.0)
        turned = np.where(np.isnan(surfaces.roof_azimuth[under]), 180.0, turned)
        good = (np.abs(found_tilt - tilt) <= tilt_within) & ((tilt <= 5.0) | (turned <= azimuth_within))
        sizes = np.bincount(building.plane[on], weights=each, minlength=len(building.surfaces))
        large = sizes[building.plane[on]] >= LEAST_PLANE_M2
        flat = large & (tilt < 3.0)
        count += int((sizes >= LEAST_PLANE_M2).sum())
        plane_area += each[large].sum()
        right_area += each[large & good].sum()
        flat_area += each[flat].sum()
        flat_right += each[flat & (found_tilt == 0.0)].sum()
    return Score(
        count,
        plane_area,
        right_area / plane_area,
        flat_area,
        flat_right / max(flat_area, 1e-9),
        np.array(errors),
        int(planes.measured.sum()),
    )


def _samples(building: Truth, step: float) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    left, bottom, right, top = building.footprint.bounds
    gx, gy = np.meshgrid(np.arange(left + step / 2, right, step), np.arange(bottom + step / 2, top, step))
    x, y = gx.ravel(), gy.ravel()
    on, _ = truth_at(building, x, y)
    return x[on >= 0], y[on >= 0], on[on >= 0]


def main(folder: Path) -> None:
    buildings, without = read_buildings(folder)
    print(f"{len(buildings)} buildings with roof surfaces, {without} without; {sum(len(b.surfaces) for b in buildings)} surfaces")
    groups = sorted({b.name.split(":")[0] for b in buildings})
    heads = ("buildings", "planes", "right", "flat m2", "flat", "area ok", "worst", "/s")
    print(f"{'cell':>5} {'set':24} " + " ".join(f"{head:>9}" for head in heads))
    for resolution, tilt, azimuth, within in ((0.5, 3.0, 10.0, 0.05), (1.0, 5.0, 15.0, 0.10)):
        for group in [*groups, "all"]:
            chosen = [b for b in buildings if group in ("all", b.name.split(":")[0])]
            grid, plans, moved = mosaic(chosen, resolution, NOISE_M)
            ground = np.array([b.ground for b in chosen])
            measure_planes(plans[:1], grid, ground[:1])
            start = time.perf_counter()
            planes = measure_planes(plans, grid, ground)
            seconds = time.perf_counter() - start
            score = judge(chosen, planes, moved, tilt, azimuth)
            shown = (
                f"{score.measured}/{len(chosen)}",
                f"{score.planes}",
                f"{score.right:.1%}",
                f"{score.flat_area:.0f}",
                f"{score.flat_right:.1%}",
                f"{np.mean(np.abs(score.area_error) <= within):.1%}",
                f"{np.abs(score.area_error).max():.1%}",
                f"{len(chosen) / seconds:.0f}",
            )
            print(f"{resolution:5} {group[:24]:24} " + " ".join(f"{text:>9}" for text in shown))


if __name__ == "__main__":
    default = Path(os.environ.get("WUDING_DATA", "../shared/data")) / "roofs-lod2"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
