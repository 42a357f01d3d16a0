"""What servers answer, and how it fails: the errors of fetching, pages instead of data, pauses that a server asks for."""

import hashlib
import json
import os
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wuding.errors import StudyError

PAGES = (b"<!doctype html", b"<html", b"<head", b"<body")


class FetchError(StudyError):
    """A source could not be had: the message says which, why and what to do."""


class PassingError(Exception):
    """Worth another try, after a pause [s] that the server asked for."""

    def __init__(self, why: str, pause: float = 0.0) -> None:
        super().__init__(why)
        self.pause = pause


def host(url: str) -> str:
    """
    Name the server of an address.

    Parameters
    ----------
    url
        Address.

    Returns
    -------
    str
        Without user, port and path, which may hold a key.
    """
    return urlsplit(url).hostname or url[:60]


def read_json(path: Path) -> Any:
    """
    Read a JSON answer.

    Parameters
    ----------
    path
        File.

    Returns
    -------
    object
        Its content; raises ValueError where it is none.
    """
    return json.loads(path.read_text(encoding="utf-8"))


def file_sha256(path: Path) -> str:
    """
    Give a file's checksum.

    Parameters
    ----------
    path
        File.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def finish(part: Path, path: Path) -> Path:
    """
    Give a whole file its final name.

    Parameters
    ----------
    part
        The file under its name for the meantime, in the same folder.
    path
        Its final name.

    Returns
    -------
    pathlib.Path
        The final name.
    """
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    return part.replace(path)


def refuse_pages(url: str, kind: str) -> None:
    """
    Refuse a web page where data was asked for.

    Parameters
    ----------
    url
        Address.
    kind
        Content-Type of the answer.

    Raises
    ------
    FetchError
        If it is a page.
    """
    if kind.split(";")[0].strip().lower() in ("text/html", "application/xhtml+xml"):
        raise FetchError(
            f"{host(url)}: answers with a web page instead of data, as sign-in pages of networks and overloaded servers do; "
            "open the address in a browser"
        )


def retry_after(text: str | None) -> float:
    """
    Read how long a server wants to be left alone.

    Parameters
    ----------
    text
        Header Retry-After: a number or a date.

    Returns
    -------
    float
        Pause [s]; 0 where it does not say.
    """
    if not text:
        return 0.0
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return 0.0


def said_in(body: bytes) -> str:
    """
    Read what an error says.

    Parameters
    ----------
    body
        Start of the answer.

    Returns
    -------
    str
        The message of a JSON answer, or the start of a short text; empty for a page.
    """
    text = body.decode("utf-8", errors="replace").strip()
    try:
        content = json.loads(text)
    except ValueError:
        return "" if text[:1] == "<" else text[:200]
    if isinstance(content, dict):
        said = content.get("message") or content.get("detail") or content.get("messages") or content.get("error")
        return str(said)[:200] if said else text[:200]
    return text[:200]
