"""`wuding` and `python -m wuding`."""

import os
import sys


def main() -> None:
    """Run the command line; a Ctrl-C that comes before it can listen is answered here."""
    # Arrow's own allocator keeps what is freed: 0.3 GB in each worker, more than a third of it. Workers inherit the choice.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        from .cli import main as command

        command()
    except KeyboardInterrupt:
        from .interrupts import end_with

        end_with(130, lambda: print("已停止。 Stopped.", file=sys.stderr))  # cli.STOPPED, which may not have been read


if __name__ == "__main__":
    main()
