"""A run's map on this machine alone: a small server on loopback that answers ranges and hands out only what a page needs."""

import re
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from .errors import StudyError

LOOPBACK = "127.0.0.1"
NAMES = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", re.IGNORECASE | re.ASCII)
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".pmtiles": "application/vnd.pmtiles",
    ".json": "application/json; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
# A browser asks for a few hundred kB at a time; whole tile files go out in pieces of this size.
PIECE = 1 << 20


class NotSatisfiable(ValueError):
    """A range that the file does not have."""


class RunServer(ThreadingHTTPServer):
    """
    A server of one run folder, reachable from this machine only.

    Parameters
    ----------
    run
        Run folder.
    port
        Port; 0 takes a free one.

    Raises
    ------
    StudyError
        If the port is taken.
    """

    daemon_threads = True
    # Else a second server could take the same port on Windows.
    allow_reuse_address = False

    def __init__(self, run: Path, port: int) -> None:
        self.run = run.resolve()
        try:
            super().__init__((LOOPBACK, port), RunHandler)
        except OSError as error:
            raise StudyError(f"port {port} cannot be used ({error.strerror}); name another one with --port") from None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """
        Pass over readers that went away in the middle of an answer, as browsers do.

        Parameters
        ----------
        request, client_address
            Of the reader.
        """
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """Address of the map."""
        return f"http://{LOOPBACK}:{self.server_port}/map.html"


class RunHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for the files of a run's products."""

    server: RunServer
    protocol_version = "HTTP/1.1"
    server_version = "wuding"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with a file or a part of it."""
        self._answer(True)

    def do_HEAD(self) -> None:
        """Answer without the file itself."""
        self._answer(False)

    def log_message(self, format: str, *args: object) -> None:
        """
        Say nothing: requests are not the user's concern.

        Parameters
        ----------
        format, *args
            Not used.
        """

    def _answer(self, with_body: bool) -> None:
        file = served_file(self.server.run, self.path) if self._is_local() else None
        if file is None:
            self._refuse(HTTPStatus.NOT_FOUND if self._is_local() else HTTPStatus.FORBIDDEN)
            return
        size = file.stat().st_size
        try:
            part = self._asked_part(size) if with_body else None
        except NotSatisfiable:
            self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, ("Content-Range", f"bytes */{size}"))
            return
        first, last = part or (0, size - 1)
        self.send_response(HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Type", KINDS[file.suffix])
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Accept-Ranges", "bytes")
        if part is not None:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self._guard()
        if with_body:
            self._send(file, first, last)

    def _asked_part(self, size: int) -> tuple[int, int] | None:
        """Only GET has ranges; and no file here has a validator that If-Range could name."""
        asked = self.headers.get("Range")
        return None if asked is None or "If-Range" in self.headers else byte_range(asked, size)

    def _send(self, file: Path, first: int, last: int) -> None:
        with file.open("rb") as stream:
            stream.seek(first)
            left = last - first + 1
            while left > 0 and (piece := stream.read(min(left, PIECE))):
                self.wfile.write(piece)
                left -= len(piece)

    def _is_local(self) -> bool:
        """Refuse pages of other places that reach here by a name of their own (DNS rebinding)."""
        return NAMES.fullmatch(self.headers.get("Host", "")) is not None

    def _refuse(self, status: HTTPStatus, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self._guard()

    def _guard(self) -> None:
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()


def served_file(run: Path, target: str) -> Path | None:
    """
    Find the file that an address names.

    Parameters
    ----------
    run
        Run folder, resolved.
    target
        Path of the request, percent-encoded, perhaps with a query.

    Returns
    -------
    Path or None
        A product inside the run folder; None for anything else: hidden parts, parents, links out of the folder, kinds that no page needs.
    """
    try:
        path = unquote(urlsplit(target).path, errors="strict")
    except ValueError:
        return None
    if path in ("", "/"):
        path = "/map.html"
    parts = PurePosixPath(path).parts
    if not path.startswith("/") or any(sign in path for sign in ("\\", "\0", ":")) or any(part.startswith(".") for part in parts):
        return None
    file = run.joinpath(*parts[1:])
    if file.suffix not in KINDS:
        return None
    try:
        found = file.resolve(strict=True)
    except (OSError, ValueError):
        return None
    return found if found.is_relative_to(run) and found.is_file() else None


def byte_range(asked: str, size: int) -> tuple[int, int] | None:
    """
    Read a Range header of one part.

    Parameters
    ----------
    asked
        The header, "bytes=first-last", "bytes=first-" or "bytes=-count".
    size
        Size of the file [bytes].

    Returns
    -------
    tuple or None
        First and last byte; None where the header is to be ignored: another unit, several parts, or not well formed.

    Raises
    ------
    NotSatisfiable
        If the file has no such part.

    Notes
    -----
    RFC 9110, 14.1.2 and 14.2: a unit that is not known must be ignored, several parts may be.
    """
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.strip(), re.IGNORECASE | re.ASCII)
    if found is None or found.groups() == ("", ""):
        return None
    # No file is as long as 18 digits say; longer numbers would be slow to read.
    start, end = (None if digits == "" else int(digits) if len(digits) <= 18 else 10**18 for digits in found.groups())
    if start is None:
        first, last = size - min(end or 0, size), size - 1
    elif end is not None and end < start:
        return None
    else:
        first, last = start, size - 1 if end is None else min(end, size - 1)
    if first > last:
        raise NotSatisfiable
    return first, last


def tiles_stale(run: Path) -> bool:
    """
    Tell whether roofs.pmtiles is missing or older than the roofs.

    Parameters
    ----------
    run
        Run folder.

    Returns
    -------
    bool
        True where the tiles must be made.
    """
    tiles = run / "roofs.pmtiles"
    newest = max((file.stat().st_mtime for file in (run / "roofs").glob("*.parquet")), default=0.0)
    return not tiles.is_file() or tiles.stat().st_mtime < newest
