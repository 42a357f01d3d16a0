"""The body of an answer: taken as it comes but not endlessly slowly, and put behind what came before a break."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from urllib3.exceptions import HTTPError

from .answers import PassingError, told_checksum

_CHUNK = 1 << 16
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)$")
_WHOLE = re.compile(r"bytes \*/(\d+)$")


def pieces(answer: Any, rules: Mapping[str, Any]) -> Iterator[bytes]:
    """
    Give the body of an answer as it comes.

    Parameters
    ----------
    answer
        Of requests, not yet read.
    rules
        The table `web` of sources.toml.

    Yields
    ------
    bytes
        Not empty.

    Raises
    ------
    PassingError
        If it breaks off, or comes more slowly than `least_kb_per_minute`: a time-out between two bytes alone would wait for ever for a
        server that sends one at a time.
    """
    least = float(rules["least_kb_per_minute"]) * 1000.0 / 60.0
    patience = float(rules["patience_seconds"])
    since, came = time.monotonic(), 0
    try:
        # read1 gives what is there; read would wait until a whole block is
        while piece := answer.raw.read1(_CHUNK, decode_content=True):
            yield piece
            came += len(piece)
            passed = time.monotonic() - since
            if passed >= patience:
                if came < least * passed:
                    raise PassingError(f"the answer comes too slowly ({came:,} bytes in {passed:.0f} s)")
                since, came = time.monotonic(), 0
    except (HTTPError, OSError) as error:
        raise PassingError("the answer broke off") from error


def part_of(answer: Any) -> tuple[int, int, int] | None:
    """
    Tell which part of a file an answer says it is.

    Parameters
    ----------
    answer
        Of requests.

    Returns
    -------
    tuple or None
        First and last byte and size of the file; None where the answer is no part.
    """
    found = _RANGE.match(answer.headers.get("Content-Range", "")) if answer.status_code == 206 else None
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


@dataclass(frozen=True)
class Half:
    """
    A file that is not yet whole, with what is needed to go on with it after a break.

    Attributes
    ----------
    path
        The bytes so far; beside it, in .tag, by what the server tells whether its file is still the same, and in .sum its checksum.
    """

    path: Path

    def start(self) -> int:
        """
        Tell where to go on.

        Returns
        -------
        int
            Number of bytes that are kept; 0 where the server gave nothing to tell its file by.
        """
        return self.path.stat().st_size if self.path.is_file() and self._tag.is_file() else 0

    def asked(self) -> dict[str, str]:
        """
        Ask for the rest only.

        Returns
        -------
        dict of str to str
            Headers; none where all is asked for.
        """
        start = self.start()
        return {"Range": f"bytes={start}-", "If-Range": self._tag.read_text(encoding="utf-8")} if start else {}

    def complete(self, answer: Any) -> bool:
        """
        Tell whether nothing was missing any more.

        Parameters
        ----------
        answer
            To a request for the rest.

        Returns
        -------
        bool
            True where the server says (416) that its file ends where ours does.
        """
        size = _WHOLE.match(answer.headers.get("Content-Range", "")) if answer.status_code == 416 else None
        return size is not None and int(size[1]) == self.start() > 0

    def begin(self, answer: Any) -> int:
        """
        Make ready for the body of an answer.

        Parameters
        ----------
        answer
            Whole, or the rest.

        Returns
        -------
        int
            Where its first byte belongs.

        Raises
        ------
        PassingError
            If it is not the part that was asked for.
        """
        start = self.start()
        part = part_of(answer)
        if part is not None and part[0] == start:
            return start
        self.drop()
        if answer.status_code != 200:
            raise PassingError("the file has changed meanwhile")
        self._sum.write_text(told_checksum(answer.headers), encoding="utf-8")
        mark = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        # a packed answer cannot be continued in the middle, and a weak tag does not promise the same bytes
        if mark and not mark.startswith("W/") and not packed(answer):
            self._tag.write_text(mark, encoding="utf-8")
        return 0

    def checksum(self) -> tuple[str, str]:
        """
        Give the checksum that the server told.

        Returns
        -------
        tuple of str
            Kind and sum; empty where it told none.
        """
        kind, _, told = self._sum.read_text(encoding="utf-8").partition(":") if self._sum.is_file() else ("", "", "")
        return kind, told

    def drop(self, *, bytes_too: bool = True) -> None:
        """
        Forget it.

        Parameters
        ----------
        bytes_too
            Also the bytes, not only what stands beside them.
        """
        self._tag.unlink(missing_ok=True)
        self._sum.unlink(missing_ok=True)
        if bytes_too:
            self.path.unlink(missing_ok=True)

    @property
    def _tag(self) -> Path:
        return self.path.with_suffix(".tag")

    @property
    def _sum(self) -> Path:
        return self.path.with_suffix(".sum")


def packed(answer: Any) -> bool:
    """
    Tell whether a body comes packed, though it was asked for plainly, as some proxies do.

    Parameters
    ----------
    answer
        Of requests.

    Returns
    -------
    bool
        True where its length says nothing about the file's.
    """
    return str(answer.headers.get("Content-Encoding", "identity")).strip().lower() not in ("", "identity")
