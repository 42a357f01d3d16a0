"""The report as one page that prints well on A4."""

from __future__ import annotations

from pathlib import Path

from .county_map import asset, templates, write_whole
from .report_blocks import Report
from .report_chapters import make_report
from .tables import MapTables


def report(tables: MapTables, out: Path, lang: str, made: Report | None = None) -> Path:
    """
    Write the report of a run as one self-contained page.

    Parameters
    ----------
    tables
        The tables of a run, from `read_tables` or `map_tables`.
    out
        File to write, usually report.html.
    lang
        zh or en.
    made
        What `make_report` gives, where it is at hand already.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    LayersError
        If the language is unknown or a table lacks what the report needs.
    """
    shown = make_report(tables, lang) if made is None else made
    return write_whole(out, templates().get_template("report.html").render(report=shown, w=shown.words, style=asset("report.css")))
