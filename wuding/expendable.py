"""Which process a system that is short of memory should end first: one whose work the run does again."""

from contextlib import suppress
from pathlib import Path

# Of 1000, which stand for all memory: enough to go before the main process, which may be the largest.
_SCORE = "300"
_NOTE = Path("/proc/self/oom_score_adj")


def expendable() -> None:
    """Offer this process first; where the system knows no such order (Windows, macOS) nothing happens."""
    if _NOTE.exists():
        with suppress(OSError):  # not allowed in some containers
            _NOTE.write_text(_SCORE, encoding="ascii")
