"""Metered curves and prices that a study gives: read from their files, named where they are wrong."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from solar.cashflow import Terms, load_terms
from solar.loads import Loads, load_shapes, whole_year
from solar.money import Finance, load_finance
from solar.tariffs import Tariffs, load_tariffs

from .errors import StudyError
from .study import Study

Floats = npt.NDArray[np.float64]


def study_loads(study: Study) -> Loads:
    """
    Give the shapes of use with the study's metered curves of classes in their place.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    Loads
        Shapes by class.
    """
    return load_shapes({load.of_class: read_curve(study.path(load.file)) for load in study.load if load.of_class is not None})


def metered_areas(study: Study) -> dict[str, Floats]:
    """
    Read the metered load of whole areas.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    dict
        Power of the 8,760 hours by name of the area [kW].
    """
    named = [(load.area, study.path(load.file)) for load in study.load if load.area is not None]
    return {area: whole_year(read_curve(path), path.name) for area, path in named}


def read_curve(path: Path) -> Floats:
    """
    Read a metered curve: the last column of a CSV or Excel file, from 1 January, 0:00.

    Parameters
    ----------
    path
        The file; heads and a column of times may be there.

    Returns
    -------
    array
        Power [kW].

    Raises
    ------
    StudyError
        If the file is not there or its last column holds a value that is no number.
    """
    if not path.is_file():
        raise StudyError(f"load.file: there is no file {path.name}; correct the path in the study file")
    try:
        excel = path.suffix.lower() in (".xlsx", ".xlsm", ".xls")
        frame = pd.read_excel(path, header=None) if excel else pd.read_csv(path, header=None, encoding="utf-8-sig")
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise StudyError(f"load.file: {path.name} cannot be read as CSV (UTF-8) or Excel: {error}") from error
    values = pd.to_numeric(frame.iloc[:, -1], errors="coerce").to_numpy(dtype=np.float64)
    values = values[1:] if len(values) and np.isnan(values[0]) else values  # the head
    if np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0]) + 1
        raise StudyError(f"load.file: {path.name}: value {row} of the last column is no number; fill the gaps first")
    return values


def study_tariffs(study: Study) -> Tariffs:
    """
    Read the hourly prices of a study.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    Tariffs
        The built-in ones of Shandong where it names no file.
    """
    return load_tariffs(study.path(study.money.tariffs) if study.money.tariffs else None)


def study_finance(study: Study, degradation: dict[str, float]) -> Finance:
    """
    Read costs and rates of a study.

    Parameters
    ----------
    study
        The study.
    degradation
        Losses by year of the module, unless the study gives others for the money alone.

    Returns
    -------
    Finance
        Costs and rates.
    """
    return load_finance({**degradation, **study.money.finance})


def study_terms(study: Study) -> Terms:
    """
    Read tax, loan and contract of a study.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    Terms
        Terms.
    """
    return load_terms(study.money.tax)
