"""The one root error of `solar`: weather, modules, yield and money."""


class SolarError(ValueError):
    """Bad input: the message says what was found, what was expected and what to do."""
