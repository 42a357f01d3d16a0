"""What the front door treats as the user's to mend (exit code 2) instead of a fault of ours (exit code 1)."""

import errno
import os
from pathlib import Path

from geo.errors import GeoError
from layers.errors import LayersError
from solar.errors import SolarError


class StudyError(ValueError):
    """The study file or a command's argument is wrong: the message says what, where and what to do."""


class UnfinishedRun(RuntimeError):
    """Some tiles could not be assessed; what is finished stays, and the command ends with 1."""


INPUT_ERRORS = (StudyError, GeoError, SolarError, LayersError)
_FULL = (errno.ENOSPC, errno.EDQUOT)


def words_of(error: BaseException) -> str | None:
    """
    Say what the user has to mend.

    Parameters
    ----------
    error
        What ended a command.

    Returns
    -------
    str or None
        In English, for `translate`; None for a fault of ours.
    """
    if isinstance(error, INPUT_ERRORS):
        return str(error)
    if not isinstance(error, OSError) or not (error.filename or error.errno in _FULL):
        return None
    # A folder that may not be written to, a file that another program holds, a full disk.
    if error.errno in _FULL:
        return "the disk is full: make room and run the same command again, it continues from what is finished"
    where = Path(os.fsdecode(error.filename)).name
    return f"{where}: cannot be read or written ({error.strerror}); close it elsewhere, or check its rights and the free space"
