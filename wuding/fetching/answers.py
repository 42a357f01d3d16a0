"""What servers answer, and how it fails: the errors of fetching, pages instead of data, pauses that a server asks for."""

import base64
import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wuding.errors import StudyError

_DIGEST = re.compile(r"sha-256=:([^:]+):")
_GOOGLE = re.compile(r"md5=([^,\s]+)")
PAGES = (b"<!doctype html", b"<html", b"<head", b"<body")


class FetchError(StudyError):
    """A source could not be had: the message says which, why and what to do."""


class PassingError(Exception):
    """
    Worth another try.

    Parameters
    ----------
    why
        What failed.
    pause
        How long the server wants to be left alone [s].
    """

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


def file_checksum(path: Path, kind: str = "sha256") -> str:
    """
    Give a file's checksum.

    Parameters
    ----------
    path
        File.
    kind
        "sha256" or "md5".

    Returns
    -------
    str
        In hexadecimal.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, kind).hexdigest()


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


def told_checksum(headers: Mapping[str, str]) -> str:
    """
    Read the checksum that a server gives of a whole file.

    Parameters
    ----------
    headers
        Head of its answer.

    Returns
    -------
    str
        "sha256" or "md5", a colon and the sum in hexadecimal; empty where it gives none.

    Notes
    -----
    Repr-Digest (RFC 9530), x-amz-checksum-sha256 (S3), x-goog-hash (Google), Content-MD5 (RFC 1864). An ETag is none: S3 makes it of
    the parts of an upload.
    """
    said = {name.lower(): value for name, value in headers.items()}
    found = [
        ("sha256", said.get("x-amz-checksum-sha256", "")),
        ("sha256", (_DIGEST.search(said.get("repr-digest", "")) or ("", ""))[1]),
        ("md5", said.get("content-md5", "")),
        ("md5", (_GOOGLE.search(said.get("x-goog-hash", "")) or ("", ""))[1]),
    ]
    for kind, text in found:
        # a sum with a dash is one of the parts of an upload
        if text and "-" not in text:
            try:
                return f"{kind}:{base64.b64decode(text, validate=True).hex()}"
            except ValueError:
                continue
    return ""


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
