"""The clock of a place: Beijing time in China, elsewhere the zone of the longitude."""

from __future__ import annotations

# degrees around China, whose legal time is one from Kashgar to Fuyuan
CHINA_LONGITUDES, CHINA_LATITUDES, BEIJING_TIME = (73.4, 135.1), (18.0, 53.6), 8.0
HOURS_PER_DEGREE = 1.0 / 15.0


def standard_time(latitude: float, longitude: float) -> float:
    """
    Give local standard time, by which months, prices and loads are told.

    Parameters
    ----------
    latitude, longitude
        Place [degrees].

    Returns
    -------
    float
        Hours ahead of UTC.

    Examples
    --------
    >>> standard_time(34.3, 108.9), standard_time(40.7, -74.0)
    (8.0, -5.0)
    """
    east, north = CHINA_LONGITUDES, CHINA_LATITUDES
    if east[0] <= longitude <= east[1] and north[0] <= latitude <= north[1]:
        return BEIJING_TIME
    return float(round(longitude * HOURS_PER_DEGREE))
