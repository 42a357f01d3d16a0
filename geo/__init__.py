"""Where: files, coordinates, footprints, rasters, roof surfaces, horizons."""
