"""The list of roofs that would close the gap of a coverage target, cheapest first: gap_roofs.csv."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from layers.codes import code_word
from layers.coverage import closing_list
from layers.policy import Policy
from layers.schema import column
from layers.targets import with_plan

FILE = "gap_roofs.csv"
SHOWN = ("building_id", "name", "use", "use_detail", "responsible_area", "footprint_area_m2", "covered_area_m2", "pdc0_kwp", "lcoe_cny_kwh")


def write_gap_roofs(policy: Policy | None, targets: Sequence[Mapping[str, Any]], buildings: pd.DataFrame, out: Path, lang: str) -> None:
    """
    Write the roofs that close the gap of each coverage target of the whole, or take an old list away.

    Parameters
    ----------
    policy
        The policy, None where nothing is judged.
    targets
        Rows of targets.json.
    buildings
        Table `buildings`, with `roadmap_year` where there is a roadmap.
    out
        Run folder.
    lang
        "zh" or "en".
    """
    parts = []
    for target in policy.targets if policy else ():
        row = next((row for row in targets if row["id"] == target.id and row["region"] is None), None)
        if target.method != "roof_coverage" or row is None or not row.get("gap_m2"):
            continue
        listed = closing_list(with_plan(buildings, target), target.scope, float(row["gap_m2"]))
        shown = listed[[*SHOWN, "covered_so_far_m2"]].rename(columns={name: column("buildings", name).label(lang) for name in SHOWN})
        shown.insert(0, "target", row.get(f"title_{lang}") or target.id)
        use = column("buildings", "use").label(lang)
        shown[use] = [code_word("use", str(word), lang) for word in shown[use]]
        so_far = "累计水平投影面积（m²）" if lang == "zh" else "covered so far (m²)"
        parts.append(shown.rename(columns={"covered_so_far_m2": so_far, "target": "目标" if lang == "zh" else "target"}))
    file = out / FILE
    if not parts:
        file.unlink(missing_ok=True)
        return
    part = file.with_name(f"{FILE}.part")
    pd.concat(parts, ignore_index=True).to_csv(part, index=False, encoding="utf-8-sig", lineterminator="\n")
    part.replace(file)
