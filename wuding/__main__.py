"""`wuding` and `python -m wuding`."""

import sys


def main() -> None:
    """Run the command line; a Ctrl-C that comes before it can listen is answered here."""
    try:
        from .cli import main as command

        command()
    except KeyboardInterrupt:
        from .interrupts import end_with

        end_with(130, lambda: print("已停止。 Stopped.", file=sys.stderr))  # cli.STOPPED, which may not have been read


if __name__ == "__main__":
    main()
