"""Putting a finished file in the place of an older one that may be open elsewhere."""

from pathlib import Path

from .errors import LayersError


def put_in_place(finished: Path, path: Path) -> None:
    """
    Replace a file by a finished one in one step.

    Parameters
    ----------
    finished
        Complete new file on the same disk.
    path
        File to replace.

    Raises
    ------
    LayersError
        Another program holds the old file (Windows); the new one then lies beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        finished.replace(path)
    except PermissionError as error:
        beside = path.with_name(f"{path.stem}-new{path.suffix}")
        finished.replace(beside)
        raise LayersError(
            f"{path.name} is open in another program; the new file lies beside it as {beside.name}: close the program and rename it"
        ) from error
