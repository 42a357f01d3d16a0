"""`wuding` and `python -m wuding`."""

import sys


def main() -> None:
    """Run the command line; a Ctrl-C that comes before it can listen, or again while it ends, is answered here."""
    try:
        from .cli import main as command

        command()
    except KeyboardInterrupt:
        print("已停止。 Stopped.", file=sys.stderr)
        sys.exit(130)  # cli.STOPPED, which may not have been read


if __name__ == "__main__":
    main()
