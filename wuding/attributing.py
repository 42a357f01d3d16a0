"""The sources of open data, named in every product as their licences ask."""

from .study import Study


def source_notes(study: Study) -> list[str]:
    """
    Name the sources of a study's data, and what is known to be weak about them.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    list of str
        Lines for each source.
    """
    notes = []
    for source in study.sources:
        title = f"{source.title} ({source.version})" if source.version else source.title
        notes.append(f"data from {title}: {source.attribution}; licence: {source.licence}")
        if source.weakness:
            notes.append(f"known weakness of {source.title}: {source.weakness}")
        notes.extend(f"found in {source.title}: {note}" for note in source.notes)
    return list(dict.fromkeys(notes))


def attributions(study: Study) -> list[str]:
    """
    Give the attributions of a study's data, for maps and sheets.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    list of str
        Each once, as its source wants to be named, with its licence.
    """
    return list(dict.fromkeys(f"{source.attribution} ({source.licence})" for source in study.sources))
