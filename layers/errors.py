"""The one root error of `layers`: tables, regions, policies and targets."""


class LayersError(ValueError):
    """Bad input: the message says what was found, what was expected and what to do."""
