"""What is printed arrives: a terminal of Chinese Windows expects GBK, a bare one ASCII."""

import json
import os
import subprocess
import sys

import pytest

from wuding import __main__, cli

_WORDS = "屋顶 57 W/m² \u2020 kgCO₂ \u2212 𠮷"
_SAY = (
    "from wuding.console import readable_streams; from wuding.progress import Screen; import sys; readable_streams(); "
    f"print({_WORDS!a}); Screen('zh', json_lines=True, stream=sys.stdout).line({{'text': {_WORDS!a}}})"
)


@pytest.mark.parametrize(
    ("given", "arrives", "words"),
    [
        ({"PYTHONIOENCODING": "gbk"}, "gbk", "屋顶 57 W/m2 * kgCO2 - ?"),
        ({"PYTHONIOENCODING": "cp936"}, "gbk", "屋顶 57 W/m2 * kgCO2 - ?"),
        ({"PYTHONIOENCODING": "gb18030"}, "gb18030", _WORDS),
        ({"PYTHONIOENCODING": "cp1252"}, "utf-8", _WORDS),
        ({"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}, "utf-8", _WORDS),
    ],
)
def test_words_arrive_in_the_encoding_that_is_expected(given: dict[str, str], arrives: str, words: str) -> None:
    """GBK has neither ² nor the dagger nor signs beyond the basic plane; what is told as JSON is whole in each."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LC_"))}
    done = subprocess.run([sys.executable, "-c", _SAY], capture_output=True, check=True, env=plain | given)
    said, line = done.stdout.decode(arrives).splitlines()
    assert said == words
    assert json.loads(line) == {"text": _WORDS}


def test_ctrl_c_before_the_command_line_listens_prints_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    assert ended.value.code == cli.STOPPED
    assert capsys.readouterr().err == "已停止。 Stopped.\n"


_SWALLOWED = """
try:
    signal.raise_signal(signal.SIGINT)
except BaseException:
    pass
time.sleep(30.0)
"""
_LOST = """
gc.callbacks.append(lambda phase, info: phase == "start" and not told and (told.append(1), signal.raise_signal(signal.SIGINT)))
gc.collect()
time.sleep(30.0)
"""


@pytest.mark.parametrize("work", [_SWALLOWED, _LOST])
def test_ctrl_c_that_a_library_swallows_is_raised_again(work: str) -> None:
    told = "import gc, signal, time\nfrom wuding.interrupts import hear_end_requests\n"
    told += (
        "signal.signal(signal.SIGINT, signal.default_int_handler)\nhear_end_requests()\ntold = []\n"  # a shell in the background ignores it
    )
    body = "\n".join(f"    {line}" for line in work.strip().splitlines())
    code = f"{told}try:\n{body}\nexcept KeyboardInterrupt:\n    print('answered')\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=25)
    assert (done.stdout.strip(), done.stderr) == ("answered", "")


def test_an_interrupt_is_not_raised_again_while_blocks_are_left() -> None:
    code = (
        "import signal, time\nfrom wuding import interrupts\ninterrupts.AGAIN_SECONDS = 0.02\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\ninterrupts.hear_end_requests()\n"
        "try:\n    try:\n        signal.raise_signal(signal.SIGINT)\n    finally:\n        time.sleep(0.5)\n        print('whole')\n"
        "except KeyboardInterrupt:\n    interrupts.end_answered()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=25)
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("whole", "", 0)
