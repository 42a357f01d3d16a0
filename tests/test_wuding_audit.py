"""The audit's summary and its warnings, by hand."""

import pytest

from wuding.audit import audit_summary, audit_warnings
from wuding.summary import _audit_line, _audited


def test_summary_by_hand() -> None:
    found = {1: (-0.03,), 0: (0.01, 0.0, 0.004, 0.014)}
    told = audit_summary(found)
    assert (told["roofs"], told["bias"], told["worst"]) == (2, pytest.approx(-0.01), 0.03)
    assert told["rms"] == pytest.approx((0.0001 / 2 + 0.0009 / 2) ** 0.5)
    assert told["fine"]["roofs"] == 1 and told["fine"]["steps"]["rms"] == pytest.approx(0.004)


def test_more_than_one_per_cent_is_warned_of() -> None:
    assert audit_warnings(audit_summary({})) == []
    assert _audit_line(audit_summary({}), "en") == "audit: no roof has room for a module, so nothing could be audited"
    assert "无从复核" in _audit_line(audit_summary({}), "zh")
    assert "0.000" not in _audited(audit_summary({}))
    assert audit_warnings(audit_summary({0: (0.009, 0.0, 0.0, 0.009)})) == []
    assert "RMS error is 1.20%, above 1%" in audit_warnings(audit_summary({0: (0.012, 0.0, 0.0, 0.0)}))[0]
    only_finer = audit_warnings(audit_summary({0: (0.001, 0.0, 0.02, 0.021)}))
    assert len(only_finer) == 1 and "the sun every 5 minutes the RMS error is 2.10%" in only_finer[0]
