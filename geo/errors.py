"""The one root error of `geo`: footprints, coordinates, rasters, surfaces and horizons."""


class GeoError(ValueError):
    """Bad input: the message says what was found, what was expected and what to do."""
