"""The time that is left is told as soon as it can be known, and counts neither compiling nor what an earlier run has done."""

import io
import json

import pytest

from wuding import progress
from wuding.pace import Pace
from wuding.progress import Screen, time_left


def test_the_first_tiles_of_all_processes_are_no_measure() -> None:
    """Two processes start and compile for 20 s, then each takes 10 s for a tile of 100: 20 a second."""
    pace = Pace((0, 0.0), at_once=200)
    for done, now in ((0, 0.0), (100, 29.0), (200, 30.0)):
        pace.seen(done, now)
        assert pace.rate == 0.0 and pace.left(1000, now) is None
    pace.seen(300, 40.0)
    pace.seen(400, 40.0)
    assert pace.rate == pytest.approx(20.0)
    assert pace.left(1000, 40.0) == pytest.approx(30.0)
    assert pace.left(1000, 46.0) == pytest.approx(24.0)  # asked again before the next tile
    pace.seen(1000, 70.0)
    assert pace.left(1000, 70.0) is None


def test_what_an_earlier_run_has_done_is_no_speed() -> None:
    pace = Pace((900, 5.0))
    assert pace.left(1000, 6.0) is None
    pace.seen(910, 7.0)
    assert pace.rate == pytest.approx(5.0)
    assert pace.left(1000, 7.0) == pytest.approx(18.0)


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (41.4, "剩余约 41 秒", "about 41 s left"),
        (600.0, "剩余约 10 分钟", "about 10 min left"),
        (9000.0, "剩余约 2.5 小时", "about 2.5 h left"),
    ],
)
def test_time_is_told_no_finer_than_it_is_known(seconds: float, zh: str, en: str) -> None:
    assert (time_left(seconds, "zh"), time_left(seconds, "en")) == (zh, en)


def test_lines_and_json_tell_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {}
    for json_lines in (False, True):
        clock = iter([0.0, 20.0, 40.0, 140.0])
        monkeypatch.setattr(progress.time, "monotonic", lambda clock=clock: next(clock))
        stream = io.StringIO()
        screen = Screen("zh", json_lines=json_lines, stream=stream)
        for done in (0, 500, 1000, 3000):
            screen.told("tiles", done, 9000, 1000)
        told[json_lines] = stream.getvalue().splitlines()
    assert told[False][-1] == "逐栋屋顶评估: 3,000/9,000，20/s，剩余约 5 分钟"
    assert told[False][1] == "逐栋屋顶评估: 500/9,000"
    last = json.loads(told[True][-1])
    assert last == {"event": "progress", "stage": "tiles", "done": 3000, "total": 9000, "rate": 20.0, "seconds": 140.0, "left": 300}
    assert json.loads(told[True][1])["left"] is None
