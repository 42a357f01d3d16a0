"""How far a building is looked for: as far as it can rise 1.2 degrees above the land that is seen anyway."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .terrain import Terrain

# Beyond 300 m a building counts where it rises this much above its own ground. It may be missed by 1.5 degrees at most: 0.3 are left for
# its parapet, which can stand there 1.2 m high, and for how finely the land is seen.
SEEN = math.tan(math.radians(1.2))
NEAREST = 300.0  # m; nearer than this every building counts
RINGS = 7  # rings around a point, the first to twice the nearest distance, each next one twice as wide
# Rays over the land are 2.5 degrees apart, so that halfway between two of them lies this far from both at two kilometres. [m]
_ASIDE = 44.0


def tower_reach(rise: ArrayLike) -> NDArray[np.float64]:
    """
    Measure how far a building is looked for.

    Parameters
    ----------
    rise
        Height above the land that is seen without the building, shape (n,). [m]

    Returns
    -------
    numpy.ndarray
        Distance, at most the end of the last ring; 0 for what nobody farther than 300 m away needs to see, shape (n,). [m]
    """
    needed = np.minimum(np.nan_to_num(np.asarray(rise, np.float64)) / SEEN, NEAREST * 2.0**RINGS)
    return np.where(needed > NEAREST, needed, 0.0)


def ring_end(reach: ArrayLike) -> NDArray[np.float64]:
    """
    Choose the ring in which buildings are kept, so that low ones are not looked through far away.

    Parameters
    ----------
    reach
        How far they are looked for, shape (n,). [m]

    Returns
    -------
    numpy.ndarray
        End of the first ring that goes as far; 0 where none is needed, shape (n,). [m]
    """
    wanted = np.asarray(reach, np.float64)
    ring = np.maximum(np.ceil(np.log2(np.maximum(wanted, NEAREST) / NEAREST)), 1.0)
    return np.where(wanted > 0.0, NEAREST * 2.0**ring, 0.0)


def above_land(terrain: Terrain, x: ArrayLike, y: ArrayLike, radius: ArrayLike) -> NDArray[np.float64]:
    """
    Measure how much more than by its own height a building may rise above the land that is seen.

    Parameters
    ----------
    terrain
        Ground.
    x
        Eastings of the buildings' middles, shape (n,). [m]
    y
        Northings, shape (n,). [m]
    radius
        How far their walls stand from there, shape (n,). [m]

    Returns
    -------
    numpy.ndarray
        Fall of the ground to the lowest wall, and height of the ground above the lowest of four chords across, shape (n,). [m]

    Notes
    -----
    A skyline between two rays over the land is interpolated, and samples along a ray are a cell apart: both see a chord of the
    ground, which is the ground itself on a slope and less on a peak.
    """
    east, north = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if terrain.is_flat:
        return np.zeros(east.shape)
    aside = max(_ASIDE, terrain.resolution)
    turns = np.radians([0.0, 45.0, 90.0, 135.0])
    ways = [(aside * math.sin(turn), aside * math.cos(turn)) for turn in turns]
    around = [(0.0, 0.0), *ways, *((-dx, -dy) for dx, dy in ways)]
    # asked all at once, so that a window of the DEM is read once and not for each way
    places = (np.concatenate([east + dx for dx, _ in around]), np.concatenate([north + dy for _, dy in around]))
    ground, *found = terrain.elevation(*places).reshape(len(around), -1)
    crest, slope = np.zeros(east.shape), np.zeros(east.shape)
    for one, other in zip(found[: len(ways)], found[len(ways) :], strict=True):
        crest = np.fmax(crest, ground - 0.5 * (one + other))
        slope = np.fmax(slope, np.abs(one - other) / (2.0 * aside))
    return crest + slope * np.asarray(radius, np.float64)
