"""Elevation models that show buildings: noticed by the ground that rises under footprints, and levelled before anything stands on it."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.features
import shapely
from rasterio.fill import fillnodata
from rasterio.transform import from_origin
from rasterio.windows import Window
from scipy.ndimage import maximum_filter

from .packed import Shapes, bounds_of, touching
from .rasters import writing
from .terrain import Terrain

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

_RULES: dict[str, dict[str, Any]] = tomllib.loads(files(__package__).joinpath("bare_earth.toml").read_text(encoding="utf-8"))
_CHUNK = 1024
# Cells are cut so finely to find the share that is built over.
_FINER = 4
_AROUND = 16


@dataclass(frozen=True)
class Rise:
    """
    How the ground of a DEM stands under buildings.

    Attributes
    ----------
    buildings
        Number of buildings that were looked at.
    rise_m
        Median of ground under a building minus ground around it [m].
    share
        Share of the buildings under which it rises [-].
    """

    buildings: int
    rise_m: float
    share: float

    @property
    def is_surface(self) -> bool:
        """
        Tell a surface model from bare ground.

        Returns
        -------
        bool
            True where the ground rises under buildings.
        """
        rule = _RULES["notice"]
        enough = self.buildings >= rule["least_buildings"]
        return bool(enough and self.rise_m >= rule["least_rise_m"] and self.share >= rule["least_share"])


def rise_under_buildings(terrain: Terrain, geometry: Shapes) -> Rise:
    """
    Compare the ground under large buildings with the ground around them.

    Parameters
    ----------
    terrain
        A DEM.
    geometry
        Shape (n,), valid footprints in its CRS, None allowed.

    Returns
    -------
    Rise
        Nothing is looked at on flat ground.
    """
    rule = _RULES["notice"]
    if terrain.is_flat:
        return Rise(0, 0.0, 0.0)
    boxes = bounds_of(geometry)
    large = _larger(geometry, boxes, rule["footprint_cells"] * terrain.resolution**2)
    if not len(large):
        return Rise(0, 0.0, 0.0)
    x, y = shapely.get_coordinates(shapely.point_on_surface(large)).T
    # the largest, whatever the order of the rows
    order = np.lexsort((y, x, -shapely.area(large)))[: int(rule["most_buildings"])]
    x, y, box = x[order], y[order], shapely.bounds(large[order])
    inside = terrain.elevation(x, y)
    reach = np.maximum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]) / 2.0 + rule["around_cells"] * terrain.resolution
    angle = np.arange(_AROUND) * 2.0 * np.pi / _AROUND
    ring_x, ring_y = x[:, None] + reach[:, None] * np.sin(angle), y[:, None] + reach[:, None] * np.cos(angle)
    outside = terrain.elevation(ring_x.ravel(), ring_y.ravel()).reshape(ring_x.shape)
    built, spots = np.zeros(ring_x.size, dtype=bool), shapely.points(ring_x.ravel(), ring_y.ravel())
    built[shapely.STRtree(geometry[touching(boxes, spots)]).query(spots, predicate="within")[0]] = True
    outside[built.reshape(ring_x.shape)] = np.nan
    # opposite directions together, so that a slope cancels out
    across = (outside[:, : _AROUND // 2] + outside[:, _AROUND // 2 :]) / 2.0
    told = np.isfinite(across).any(axis=1) & np.isfinite(inside)
    if not told.any():
        return Rise(0, 0.0, 0.0)
    rise = inside[told] - np.nanmedian(across[told], axis=1)
    return Rise(int(told.sum()), float(np.median(rise)), float((rise > 0).mean()))


def _larger(geometry: Shapes, boxes: Floats, least: float) -> Objects:
    """Make the shapes whose area is not smaller; only those whose box is not are looked at."""
    wide: Objects = geometry[np.flatnonzero((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) >= 0.999 * least)]
    return np.asarray(wide[shapely.area(wide) >= least])


def level_bumps(path: Path, geometry: Shapes) -> float:
    """
    Replace the ground under buildings by the ground around them in a prepared DEM.

    Parameters
    ----------
    path
        Raster written by `prepare_raster`; changed in place.
    geometry
        Shape (n,), valid footprints in its CRS, None allowed.

    Returns
    -------
    float
        Share of the cells that were lowered; no cell is raised.

    Notes
    -----
    Cells are interpolated by GDAL's inverse distances. The work goes in chunks of fixed place with a halo of the whole reach.
    """
    rule = _RULES["take_out"]
    boxes = bounds_of(geometry)
    lowered = known = 0
    low, high = np.inf, -np.inf
    levelled: list[tuple[Window, npt.NDArray[np.float32]]] = []
    with rasterio.open(path) as data:
        size = float(data.transform.a)
        halo = int(np.ceil(rule["reach_m"] / size))
        for row in range(0, data.height, _CHUNK):
            for column in range(0, data.width, _CHUNK):
                inner = Window(column, row, min(_CHUNK, data.width - column), min(_CHUNK, data.height - row))
                part = _levelled(data, inner, halo, geometry, boxes, rule)
                before = data.read(1, window=inner)
                lowered += int((part < before).sum())
                there = np.isfinite(part)
                known += int(there.sum())
                low, high = min(low, float(part[there].min(initial=np.inf))), max(high, float(part[there].max(initial=-np.inf)))
                if (part < before).any():
                    levelled.append((inner, part))
    with writing(path), rasterio.open(path, "r+") as data:
        for inner, part in levelled:
            data.write(part, 1, window=inner)
        data.update_tags(minimum=repr(low), maximum=repr(high))
    return lowered / known if known else 0.0


def _levelled(data: Any, inner: Window, halo: int, geometry: Shapes, boxes: Floats, rule: dict[str, Any]) -> npt.NDArray[np.float32]:
    """Ground of one chunk, from what lies around it too."""
    left, top = max(inner.col_off - halo, 0), max(inner.row_off - halo, 0)
    right = min(inner.col_off + inner.width + halo, data.width)
    bottom = min(inner.row_off + inner.height + halo, data.height)
    ground = data.read(1, window=Window(left, top, right - left, bottom - top))
    west, north, size = data.transform.c + left * data.transform.a, data.transform.f - top * data.transform.a, data.transform.a
    east, south = west + ground.shape[1] * size, north - ground.shape[0] * size
    met = (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
    shapes = geometry[np.flatnonzero(met)]
    cut = (slice(inner.row_off - top, inner.row_off - top + inner.height), slice(inner.col_off - left, inner.col_off - left + inner.width))
    if len(shapes):
        built = _built_share(shapes, ground.shape, west, north, size) > rule["built_share"]
        built = maximum_filter(built, size=1 + 2 * int(rule["grow_cells"])) & np.isfinite(ground)
        filled = fillnodata(np.where(built, np.nan, ground), mask=(np.isfinite(ground) & ~built).astype(np.uint8), max_search_distance=halo)
        ground = np.where(built & np.isfinite(filled), np.minimum(ground, filled), ground).astype(np.float32)
    out: npt.NDArray[np.float32] = ground[cut]
    return out


def _built_share(shapes: Objects, shape: tuple[int, int], west: float, north: float, size: float) -> npt.NDArray[np.float32]:
    finer = size / _FINER
    mask = rasterio.features.rasterize(
        ((geometry, 1) for geometry in shapes),
        out_shape=(shape[0] * _FINER, shape[1] * _FINER),
        transform=from_origin(west, north, finer, finer),
        dtype="uint8",
    )
    share: npt.NDArray[np.float32] = mask.reshape(shape[0], _FINER, shape[1], _FINER).mean(axis=(1, 3), dtype=np.float32)
    return share
