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


# Of the run's own processes.
NONE_STARTED = (
    "worker processes were ended from outside while they started, as a system does that has no memory left; run the same "
    "command again, with fewer --workers"
)
INPUT_ERRORS = (StudyError, GeoError, SolarError, LayersError)
_FULL = (errno.ENOSPC, errno.EDQUOT)
# What readers of Parquet, pickles, JSON and GeoPackages say of a file that is cut off or overwritten.
_UNREADABLE = {"ArrowInvalid", "UnpicklingError", "EOFError", "JSONDecodeError", "UnicodeDecodeError", "DatabaseError", "DataSourceError"}


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
    path = Path(os.fsdecode(error.filename)).absolute()
    where = path.parent.name if path.name.startswith(".") else path.name  # of a name in between, the folder says more
    return f"{where}: cannot be read or written ({error.strerror}); close it elsewhere, or check its rights and the free space"


def words_of_damage(error: BaseException) -> str | None:
    """
    Say that a file of a run folder cannot be read any more, as a power cut or a disk leaves it.

    Parameters
    ----------
    error
        What ended a command that reads a run folder.

    Returns
    -------
    str or None
        In English, for `translate`; None where that is not the reason.
    """
    kinds = {kind.__name__ for kind in type(error).__mro__}
    nameless = isinstance(error, OSError) and error.errno is None  # pyarrow's, of a file that ends too early
    if not kinds & _UNREADABLE and not nameless:
        return None
    told = " ".join(str(error).split())[:200]
    return f"a file of the run folder is damaged ({type(error).__name__}: {told}); run the study again, what is damaged is made anew"
