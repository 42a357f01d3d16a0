"""What the front door treats as the user's to mend (exit code 2) instead of a fault of ours (exit code 1)."""

from geo.errors import GeoError
from layers.errors import LayersError
from solar.errors import SolarError


class StudyError(ValueError):
    """The study file or a command's argument is wrong: the message says what, where and what to do."""


class UnfinishedRun(RuntimeError):
    """Some tiles could not be assessed; what is finished stays, and the command ends with 1."""


INPUT_ERRORS = (StudyError, GeoError, SolarError, LayersError)
