"""Metered curves and prices that a study gives: read from their files, named where they are wrong."""

import numpy as np
import numpy.typing as npt

from solar.cashflow import Terms, load_terms
from solar.loads import Loads, load_shapes
from solar.money import USES, Finance, load_finance
from solar.tariffs import Tariffs, load_tariffs

from .errors import StudyError
from .load_files import lay_bills, read_load
from .study import Study

Floats = npt.NDArray[np.float64]


def study_loads(study: Study) -> Loads:
    """
    Give the shapes of use with the study's metered curves of classes in their place; bills are laid over the built-in shape.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    Loads
        Shapes by class.
    """
    built_in = load_shapes()
    curves = {}
    for load in study.load:
        if load.of_class is not None:
            read = read_load(study.path(load.file))
            shape = built_in.shape[USES.index(load.of_class)]
            curves[load.of_class] = lay_bills(read.hours, shape) if read.kind == "bills" else read.hours
    return load_shapes(curves)


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

    Raises
    ------
    StudyError
        If a file holds bills: the hours of a whole area cannot be made of them.
    """
    metered = {}
    for load in study.load:
        if load.area is not None:
            read = read_load(study.path(load.file))
            if read.kind == "bills":
                raise StudyError(f"load.file: {load.file} holds twelve bills; the load of area {load.area} must be a curve of the year")
            metered[load.area] = read.hours
    return metered


def load_remarks(study: Study) -> list[str]:
    """
    Tell what was assumed on reading the load files.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    list of str
        A sentence a file that says no unit.
    """
    unsaid = [load.file for load in study.load if any(code == "load_unit_assumed" for code, _ in read_load(study.path(load.file)).notes)]
    return [f"load.file: {file} says no unit and was read as kW; write 负荷(kW) or 电量(kWh) in its head" for file in unsaid]


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
