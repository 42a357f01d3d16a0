"""Work in a second process gives the same result, its fault is raised here, and it ends with what started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from wuding.beside import Turns, beside, next_turn, turns


def test_the_result_comes_back_with_its_stage():
    with beside("pages", os.getpid, apart=True) as there:
        process, stage = there()
    assert process != os.getpid()
    assert stage["name"] == "pages" and stage["peak_mb"] > 0.0
    with beside("pages", os.getpid, apart=False) as here:
        assert here()[0] == os.getpid()


def take(counted: Turns) -> list[int]:
    taken: list[int] = []
    while (turn := next_turn(counted)) < 20_000:
        taken.append(turn)
    return taken


def test_every_turn_is_taken_once_by_one_of_two_processes():
    counted = turns()
    with beside("turns", take, apart=True, counted=counted) as there:
        own = take(counted)
        theirs, _ = there()
    assert sorted(own + theirs) == list(range(20_000))


@pytest.mark.parametrize("apart", [True, False])
def test_a_fault_is_raised_where_the_result_is_wanted(tmp_path, apart):
    with beside("pages", os.listdir, tmp_path / "nowhere", apart=apart) as there, pytest.raises(FileNotFoundError, match=r"nowhere"):
        there()


def die_apart(first: int, counted: Turns) -> tuple[int, list[int]]:
    """End a process that is not the first as a system does that is short of memory; give the turns that are left."""
    if os.getpid() != first:
        next_turn(counted)
        os._exit(137)
    return os.getpid(), take(counted)


def test_what_a_second_process_was_killed_over_is_done_in_the_first():
    with beside("pages", die_apart, os.getpid(), apart=True, counted=turns()) as there:
        (process, taken), stage = there()
    assert process == os.getpid()
    assert taken == list(range(20_000))  # also the turn with which the other one died
    assert stage["name"] == "pages"


def die_unread(first: int) -> int:
    if os.getpid() != first:
        os._exit(137)
    return first


class Deadly:
    """Ends another process that reads it, as a want of memory would while the arguments arrive."""

    def __reduce__(self):
        return die_unread, (os.getpid(),)


def test_a_second_process_that_dies_while_it_reads_is_no_loss():
    with beside("pages", len, [Deadly(), b"0" * 2_000_000], apart=True) as there:
        assert there()[0] == 2


def test_the_second_process_ends_with_the_block():
    started = time.monotonic()
    with pytest.raises(KeyError), beside("pages", time.sleep, 3600.0, apart=True):
        raise KeyError
    assert time.monotonic() - started < 1800.0  # it did not wait for the second


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no kill -9")
def test_the_second_process_does_not_outlive_a_killed_first_one(tmp_path):
    note = tmp_path / "late"
    script = tmp_path / "first.py"
    script.write_text(
        "import os, signal, sys, time\n"
        "from wuding.beside import beside\n"
        "def late(note):\n"
        "    open(note + '.half', 'w').write(str(os.getpid()))\n"
        "    os.replace(note + '.half', note + '.begun')\n"
        "    time.sleep(3600.0)\n"
        "if __name__ == '__main__':\n"
        "    with beside('late', late, sys.argv[1], apart=True):\n"
        "        while not os.path.exists(sys.argv[1] + '.begun'):\n"
        "            time.sleep(0.05)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n",
        encoding="utf-8",
    )
    home = str(Path(__file__).resolve().parent.parent)
    done = subprocess.run([sys.executable, str(script), str(note)], env=os.environ | {"PYTHONPATH": home}, timeout=600, check=False)
    assert done.returncode == -signal.SIGKILL
    second = int(Path(f"{note}.begun").read_text(encoding="utf-8"))
    until = time.monotonic() + 600.0  # long before the hour that it sleeps
    while psutil.pid_exists(second) and psutil.Process(second).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        time.sleep(0.05)
