"""What the study says of collectors on dwellings."""

from solar.thermal import Thermal, load_thermal

from .study import Study


def study_thermal(study: Study) -> Thermal | None:
    """
    Give the collectors of dwellings.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    Thermal or None
        None where the study has no `[roofs.thermal]`.
    """
    said = study.roofs.thermal
    if said is None:
        return None
    return load_thermal(m2_per_household=said.m2_per_household, litres_per_household=said.litres_per_household, overrides=said.parameters)
