"""What servers answer, and how it fails: the errors of fetching, pages instead of data, pauses that a server asks for, a full disk."""

import base64
import errno
import hashlib
import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shapely.errors import ShapelyError

from layers.replacing import unfinished
from wuding.errors import StudyError

_DIGEST = re.compile(r"sha-256=:([^:]+):")
_GOOGLE = re.compile(r"md5=([^,\s]+)")
PAGES = (b"<!doctype html", b"<html", b"<head", b"<body")
# What libraries raise where an answer is not what it should be; pyogrio's errors are RuntimeErrors, rasterio's and pyarrow's OSErrors.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RuntimeError, ShapelyError, OSError)
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


class FetchError(StudyError):
    """A source could not be had: the message says which, why and what to do."""


class DiskError(StudyError):
    """The disk cannot take what comes: no other source would help."""


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


def shown(url: str) -> str:
    """
    Show an address.

    Parameters
    ----------
    url
        Address.

    Returns
    -------
    str
        Without user and query, which may hold a key.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        return url.split("?")[0][:200]
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


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


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """
    Give a name to write a file under; it takes its final name when it is whole, and vanishes where it is not.

    Parameters
    ----------
    path
        Its final name.

    Yields
    ------
    pathlib.Path
        Where to write.

    Raises
    ------
    DiskError
        If it cannot be written.
    """
    part = None
    try:
        with unfinished(path, path.parent) as part:
            yield part
    except (FetchError, DiskError):
        raise
    except (OSError, RuntimeError) as error:
        raise disk_error(path, error) from error
    finally:
        if part is not None:  # what SQLite leaves beside a file that it could not finish
            part.with_name(part.name + "-journal").unlink(missing_ok=True)


def disk_error(path: Path, error: Exception) -> DiskError:
    """
    Say that a file cannot be written, and how much room there is.

    Parameters
    ----------
    path
        The file.
    error
        What the writer said.

    Returns
    -------
    DiskError
        To be raised.
    """
    folder = next(parent for parent in path.absolute().parents if parent.is_dir())
    free = shutil.disk_usage(folder).free / 1e6
    said = getattr(error, "strerror", None) or reason(error)
    return DiskError(
        f"{path.name}: cannot be written ({said}); the disk has {free:,.1f} MB left: make room, or choose another folder, "
        "and run the command again (what has come is kept)"
    )


def of_the_disk(error: BaseException) -> bool:
    """
    Tell whether an error is the disk's and not the source's.

    Parameters
    ----------
    error
        What was raised.

    Returns
    -------
    bool
        True where it is.
    """
    return isinstance(error, OSError) and error.errno in _DISK


def reason(error: BaseException) -> str:
    """
    Say in one line what a library said.

    Parameters
    ----------
    error
        What it raised.

    Returns
    -------
    str
        Its first line, or its name where it says nothing.
    """
    lines = str(error).strip().splitlines()
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    return lines[0][:200] if lines else type(error).__name__


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


def refuse_pages(url: str, kind: str, head: bytes = b"") -> None:
    """
    Refuse a web page where data was asked for.

    Parameters
    ----------
    url
        Address.
    kind
        Content-Type of the answer.
    head
        Its first bytes.

    Raises
    ------
    FetchError
        If it is a page.
    """
    if kind.split(";")[0].strip().lower() in ("text/html", "application/xhtml+xml") or head.lstrip().lower().startswith(PAGES):
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
