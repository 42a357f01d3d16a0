"""The front door: command line, study file, pipeline, sample county, manifest."""
