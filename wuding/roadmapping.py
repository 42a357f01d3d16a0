"""The roadmaps of a study: its scenarios made, told in roadmap.json, and the first one's years written to the roofs."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from layers.form_values import FormValues
from layers.policy import Policy
from layers.roadmap import Goal, Roadmap, Scenario, load_uptake, make_roadmap
from layers.roadmap_goals import roadmap_goals
from layers.roadmap_years import told, write_years, yearly_rows
from layers.sealing import SEALED

from .errors import StudyError
from .manifest import write_json
from .study import RoadmapSection, Study

YEARS = 10  # where no deadline lies ahead
FILE = "roadmap.json"
_UNNAMED = {"zh": "路线图", "en": "Roadmap"}  # of a scenario that the study gives no name


def make_roadmaps(
    study: Study, policy: Policy | None, buildings: pd.DataFrame, judged: Sequence[Mapping[str, Any]], form: FormValues | None, out: Path
) -> tuple[pd.Series | None, bool]:
    """
    Make the scenarios of a study and write them down.

    Parameters
    ----------
    study
        The study.
    policy
        The policy whose targets are to be met; without one building goes on to the last year.
    buildings
        Table `buildings`.
    judged
        Rows of the whole judged without a roadmap.
    form
        What the user filled in: room of the grid.
    out
        Run folder.

    Returns
    -------
    years
        Year of each building in the first scenario, 0 where it is not built, on the index of the buildings; None without a roadmap.
    changed
        Whether the year of any roof changed.
    """
    if study.roadmap is None:
        (out / FILE).unlink(missing_ok=True)
        return None, _years_to_roofs(out, {})
    goals = [] if policy is None else roadmap_goals(policy, judged, buildings)
    made = [make_roadmap(buildings, scenario, goals) for scenario in scenarios(study, policy, form)]
    content = [_content(roadmap, goals, buildings) for roadmap in made]
    write_json(out / FILE, {"scenarios": content})
    on = made[0].year > 0
    years = pd.Series(made[0].year[on], index=buildings["building_id"].to_numpy(dtype=object)[on])
    return pd.Series(made[0].year, index=buildings.index, dtype=np.int32), _years_to_roofs(out, years)


def _years_to_roofs(out: Path, years: Mapping[Any, int] | pd.Series) -> bool:
    """Write the years of buildings to their roofs; whether any changed."""
    changed = write_years(out / "roofs", years, out / ".work" / SEALED, out / ".work" / "unfinished")
    if changed and (tiles := out / "roofs.pmtiles").is_file():
        os.utime(tiles, (0, 0))  # older than any roof, also where the clock was set back since they were made
    return changed


def read_roadmap(out: Path) -> dict[str, Any] | None:
    """
    Read the roadmap of a run.

    Parameters
    ----------
    out
        Run folder.

    Returns
    -------
    dict or None
        Content of roadmap.json; None where the run has none.
    """
    file = out / FILE
    if not file.is_file():
        return None
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def planned_by_use(content: Mapping[str, Any] | None) -> dict[str, float] | None:
    """
    Add up what the chosen scenario builds of each class.

    Parameters
    ----------
    content
        Content of roadmap.json, None where the run has none.

    Returns
    -------
    dict or None
        Capacity by class of use [kW AC].
    """
    if content is None:
        return None
    found: dict[str, float] = {}
    for row in content["scenarios"][0]["rows"]:
        found[row["use"]] = found.get(row["use"], 0.0) + row["pac0_kw"]
    return found


def with_roadmap(rows: list[dict[str, Any]], content: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """
    Tell in the rows of the whole what the chosen scenario makes of each target.

    Parameters
    ----------
    rows
        Rows of targets.json.
    content
        Content of roadmap.json.

    Returns
    -------
    list of dict
        The rows with roadmap_status and roadmap_year, where a roadmap carries the target.
    """
    found = {} if content is None else {target["id"]: target for target in content["scenarios"][0]["targets"]}
    told = ({} if row["region"] is not None else found.get(row["id"], {}) for row in rows)
    return [
        row | ({"roadmap_status": own["status"], "roadmap_year": own["year"]} if own else {}) for row, own in zip(rows, told, strict=True)
    ]


def _content(roadmap: Roadmap, goals: Sequence[Goal], buildings: pd.DataFrame) -> dict[str, Any]:
    return told(roadmap, goals, yearly_rows(roadmap, buildings))


def scenarios(study: Study, policy: Policy | None, form: FormValues | None) -> list[Scenario]:
    """
    Read the scenarios of a study.

    Parameters
    ----------
    study
        The study with `[roadmap]`.
    policy
        The policy; its last deadline ends the roadmap where the study gives no year.
    form
        Room of the grid by accountable area.

    Returns
    -------
    list of Scenario
        The chosen one, and the alternative where there is one: it differs from the first in what it names.
    """
    section = study.roadmap
    if section is None:
        return []
    if "name" not in section.model_fields_set:
        section = section.model_copy(update={"name": _UNNAMED[study.study.lang]})
    found = [_scenario(section, study, policy, form)]
    if section.alternative is not None:
        named = {key: getattr(section.alternative, key) for key in section.alternative.model_fields_set}
        other = section.model_copy(update={"name": f"{section.name} 2", **named})
        found.append(_scenario(other, study, policy, form))
    return found


def asks_for_room(section: RoadmapSection) -> bool:
    """
    Tell whether a scenario needs the room of the grid, which stands in the form.

    Parameters
    ----------
    section
        The section `[roadmap]`.

    Returns
    -------
    bool
        True where the chosen scenario or the alternative does.
    """
    return any(part.grid_room or part.order == "grid_room" for part in (section, section.alternative) if part is not None)


def _scenario(section: RoadmapSection, study: Study, policy: Policy | None, form: FormValues | None) -> Scenario:
    first = section.first_year or study.study.as_of.year + 1
    if first <= study.study.as_of.year:
        raise StudyError(
            f"roadmap.first_year = {first}: a plan starts after the day of the study, {study.study.as_of}; "
            "write a later year or take first_year out"
        )
    deadlines = [target.deadline.year for target in policy.targets if target.deadline] if policy else []
    last = section.last_year or max([year for year in deadlines if year >= first], default=first + YEARS - 1)
    return Scenario(
        name=section.name,
        order=section.order,
        first_year=first,
        last_year=last,
        yearly_mw=section.yearly_mw,
        uptake=load_uptake(section.uptake if isinstance(section.uptake, dict) else None) if section.uptake is not False else None,
        quota=section.quota or None,
        room_mw=_room(form) if section.grid_room or section.order == "grid_room" else None,
        stop=section.stop,
    )


def _room(form: FormValues | None) -> dict[str, float]:
    given = {} if form is None else {area: form.get(area, "hosting_room_mw") for area in form.areas}
    room = {area: max(0.0, float(value)) for area, value in given.items() if value is not None}
    if not room:
        raise StudyError(
            "the roadmap asks for the room of the grid by area: fill in hosting_room_mw of the form and name it under [policy] form, "
            "or take grid_room out"
        )
    return room
