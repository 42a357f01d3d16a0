"""Policies as data: the packaged ones hold what the domain page says, a wrong file is explained."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from layers.errors import LayersError
from layers.policy import FOLDER, is_new, load_policy, policy_names

# Values of the plan (济政字〔2023〕36号), as a reader finds them in the text.
PLAN = {
    "pv_capacity": (5000.0, "MW", 2030, "三(一)2", 6),
    "new_roof_coverage": (0.5, "1", 2025, "三(四)3", 5),
    "building_substitution": (0.08, "1", 2025, "三(四)3", 5),
    "storage": (1500.0, "MW", 2030, "三(一)6", 5),
    "demand_response": (750.0, "MW", 2030, "三(一)6", 5),
    "nonfossil_share_2025": (0.07, "1", 2025, "二", 0),
    "nonfossil_share": (0.12, "1", 2030, "二", 0),
}


def test_the_plan_of_jinan() -> None:
    policy = load_policy("jinan-2023-36")
    found = {t.id: (t.value, t.unit, t.deadline.year if t.deadline else None, t.clause, len(t.responsible)) for t in policy.targets}
    assert found == PLAN
    assert (policy.number, policy.issued) == ("济政字〔2023〕36号", date(2023, 6, 28))
    scopes = {t.id: t.scope for t in policy.targets}
    assert scopes["new_roof_coverage"].uses == ("public_institution", "factory")
    assert "factory" not in (scopes["building_substitution"].uses or ())


def test_the_pilot_shares() -> None:
    policy = load_policy("nea-2021-pilot")
    assert [t.value for t in policy.targets] == [0.5, 0.4, 0.3, 0.2]
    assert not policy.verified
    assert not any(t.verified for t in policy.targets)
    assert policy_names() == ["jinan-2023-36", "nea-2021-pilot"]


def test_new_is_a_window_of_years() -> None:
    policy = load_policy("jinan-2023-36")
    years = pd.Series([2020, 2021, 2025, 2026, None, "不详"], index=list("abcdef"))
    assert is_new(policy, years).tolist() == [False, True, True, False, pd.NA, pd.NA]
    assert is_new(policy, years).index.tolist() == list("abcdef")


def test_a_year_that_the_window_cuts_is_unknown(tmp_path: Path) -> None:
    text = (FOLDER / "jinan-2023-36.toml").read_text(encoding="utf-8").replace("start = 2021-01-01", "start = 2023-06-28")
    (tmp_path / "later.toml").write_text(text, encoding="utf-8")
    assert is_new(load_policy(tmp_path / "later.toml"), pd.Series([2022, 2023, 2024])).tolist() == [False, pd.NA, True]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("deadline = 2030-12-31", "dead_line = 2030-12-31", "unknown key 'dead_line', did you mean 'deadline'"),
        ('method = "pv_capacity"', 'method = "pv_capacty"', "did you mean 'pv_capacity'"),
        ("value = 5000.0", 'value = "5000"', "expected a number"),
        ("value = 0.5", "value = 50", "50 % = 0.5"),
        ("value = 5000.0", "value = true", "expected a number"),
        ('clause = "三(一)2"\n', "", "'clause' .* is missing"),
        ('uses = ["public_institution", "factory"]', 'uses = ["public_institution", "factories"]', "did you mean 'factory'"),
        ('convention = "heat_value"', 'convention = "heat"', "did you mean 'heat_value'"),
        ("built_density_kwp_m2", "built_density", "did you mean 'built_density_kwp_m2'"),
        ('id = "storage"', 'id = "pv_capacity"', "used twice"),
        ("issued = 2023-06-28", 'issued = "2023-06-28"', "expected a date"),
        ('factory = "市工业和信息化局"', 'factry = "市工业和信息化局"', "did you mean 'factory'"),
        ("[policy]", "[policy", "UTF-8 TOML"),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = (FOLDER / "jinan-2023-36.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "mine.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(LayersError, match=words):
        load_policy(tmp_path / "mine.toml")


def test_unknown_names_are_answered() -> None:
    with pytest.raises(LayersError, match="did you mean 'jinan-2023-36'"):
        load_policy("jinan-2023")
    with pytest.raises(LayersError, match="does not exist"):
        load_policy(Path("nowhere.toml"))
