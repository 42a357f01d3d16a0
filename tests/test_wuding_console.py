"""What is printed arrives: a terminal of Chinese Windows expects GBK, a bare one ASCII."""

import json
import os
import subprocess
import sys

import pytest

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
