"""What is printed arrives: a terminal of Chinese Windows expects GBK, a bare one ASCII."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wuding import __main__, cli
from wuding.user_cache import user_cache

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


def test_an_empty_or_relative_cache_folder_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for said in ("", "cache"):
        monkeypatch.setenv("XDG_CACHE_HOME", said)
        assert user_cache() == Path.home() / ".cache" / "wuding"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == tmp_path / "wuding"


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


_ENDING = """
import atexit, os, signal, sys, threading
from functools import partial
from wuding import interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)
interrupts.hear_end_requests()
interrupt = partial(signal.raise_signal, signal.SIGINT)
"""


@pytest.mark.parametrize(
    "at",
    [
        "interrupts.end_with(7, lambda: (print('last words'), interrupt()))",
        "atexit.register(interrupt)\ninterrupts.end_with(7, lambda: print('last words'))",
        # Python has given its own handlers up when it sweeps modules
        "sys.kept = type('Kept', (), {'__del__': lambda self, interrupt=interrupt: interrupt()})()\n"
        "interrupts.end_with(7, lambda: print('last words'))",
    ],
)
def test_a_signal_after_the_last_words_changes_nothing(at: str) -> None:
    done = subprocess.run([sys.executable, "-c", _ENDING + at], capture_output=True, text=True, timeout=25)
    assert (done.stdout, done.stderr, done.returncode) == ("last words\n", "", 7)


def test_ctrl_c_at_the_end_does_not_wait_for_threads() -> None:
    code = (
        f"{_ENDING}import time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
        "threading.Thread(target=lambda: (time.sleep(0.5), os.kill(os.getpid(), signal.SIGINT)), daemon=True).start()\n"
        "interrupts.end_with(7, lambda: print('last words'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=25)
    assert (done.stdout, done.stderr, done.returncode) == ("last words\n", "", 7)
