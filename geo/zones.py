"""The projected CRS that fits a place: a zone with a code of its own, or a projection on its own meridian."""

import pyproj

from .datum import CHINA

# Meridians of the 3-degree Gauss-Krüger zones of CGCS2000 [degrees]; EPSG:4534 is the first.
WEST, EAST, FIRST = 75.0, 135.0, 4534


def zone_crs(longitude: float, latitude: float) -> pyproj.CRS:
    """
    Choose the zone of a place.

    Parameters
    ----------
    longitude, latitude
        Of its middle [degrees].

    Returns
    -------
    pyproj.CRS
        In China the 3-degree Gauss-Krüger zone of CGCS2000 by central meridian, elsewhere the UTM zone of WGS 84.

    Examples
    --------
    >>> zone_crs(117.0, 36.6).to_epsg(), zone_crs(-74.0, 40.7).to_epsg()
    (4548, 32618)
    """
    if in_china(longitude, latitude):
        return pyproj.CRS.from_epsg(FIRST + round((longitude - WEST) / 3.0))
    return pyproj.CRS.from_epsg((32600 if latitude >= 0.0 else 32700) + int((longitude + 180.0) // 6.0) % 60 + 1)


def in_china(longitude: float, latitude: float) -> bool:
    """
    Tell whether a place lies in the zones of China.

    Parameters
    ----------
    longitude, latitude
        The place [degrees].

    Returns
    -------
    bool
        False where it certainly lies in another country; neighbours in the same zones count as inside.
    """
    return CHINA[1] <= latitude <= CHINA[3] and WEST - 1.5 <= longitude <= EAST + 1.5


def area_error(crs: pyproj.CRS, longitude: float, latitude: float) -> float:
    """
    Tell by how much areas in a projection are off at a place.

    Parameters
    ----------
    crs
        Projected.
    longitude, latitude
        Of the place [degrees].

    Returns
    -------
    float
        Area in the projection over the true one, less 1.
    """
    return float(pyproj.Proj(crs).get_factors(longitude, latitude).areal_scale) - 1.0


def truer_crs(crs: pyproj.CRS, longitude: float, latitude: float) -> pyproj.CRS:
    """
    Name a projection in which areas at a place are truer than in the given one.

    Parameters
    ----------
    crs
        The one at hand.
    longitude, latitude
        Of the place [degrees].

    Returns
    -------
    pyproj.CRS
        The place's zone, or, where that is off by half as much or more (as UTM is on its own meridian), a projection on the nearest whole
        meridian.
    """
    zone = zone_crs(longitude, latitude)
    # far from its meridian the given one may have no finite error at all
    if not abs(area_error(zone, longitude, latitude)) >= abs(area_error(crs, longitude, latitude)) / 2.0:
        return zone
    return pyproj.CRS.from_user_input(f"+proj=tmerc +lon_0={round(longitude)} +x_0=500000 +ellps=GRS80 +units=m")
