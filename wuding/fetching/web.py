"""Files from the internet into a cache: resumed after a break, tried again with growing pauses, checked before they get their name."""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from filelock import FileLock
from urllib3.exceptions import HTTPError

from .answers import (
    UNREADABLE,
    DiskError,
    FetchError,
    PassingError,
    disk_error,
    file_checksum,
    host,
    of_the_disk,
    reason,
    refuse_pages,
    retry_after,
    said_in,
    shown,
)
from .receiving import Half, packed, part_of, pieces

Told = Callable[[str, int, int], None]
Announce = Callable[[str, int], None]
Opens = Callable[[Path], object]
T = TypeVar("T")

AGENT = "wuding-fetch (rooftop solar planning; one user at a desk)"
_TEMPORARY = {408, 425, 429, 500, 502, 503, 504, 529}


def _nothing(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def _unsaid(stage: str, size: int) -> None:
    """Tell nobody."""


@dataclass
class Web:
    """
    The way to the internet.

    Attributes
    ----------
    cache
        Folder that keeps what was fetched.
    rules
        The table `web` of sources.toml.
    told
        Called with stage, bytes done and bytes expected.
    announce
        Called with stage and bytes to come, before they come.
    pause
        Waits so many seconds.
    """

    cache: Path
    rules: Mapping[str, Any]
    told: Told = _nothing
    announce: Announce = _unsaid
    pause: Callable[[float], None] = time.sleep
    session: requests.Session = field(default_factory=requests.Session)
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def expect(self, stage: str, size: int) -> None:
        """
        Note how much is to come, before it comes.

        Parameters
        ----------
        stage
            What it is for, in the words of the progress.
        size
            Beside what has come already [bytes].
        """
        done = self._seen.get(stage, (0, 0))[0]
        self._seen[stage] = (done, done + size)
        self.announce(stage, size)
        self.told(stage, done, done + size)

    def came(self, stage: str, size: int) -> None:
        """
        Note that bytes have come.

        Parameters
        ----------
        stage
            What it is for, in the words of the progress.
        size
            Number of bytes.
        """
        done, total = self._seen.get(stage, (0, 0))
        self._seen[stage] = (done + size, max(total, done + size))
        self.told(stage, *self._seen[stage])

    def download(
        self,
        url: str,
        *,
        stage: str,
        opens: Opens,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, str] | None = None,
        keep_days: float | None = None,
    ) -> Path:
        """
        Give the file behind an address, from the cache where it lies there.

        Parameters
        ----------
        url
            Address.
        stage
            What it is for, in the words of the progress.
        opens
            Called with the file before it gets its name; raises ValueError where it is not what it should be.
        params
            Query of the address.
        data
            Form to post.
        keep_days
            How long the cache counts; `rules["keep_days"]` by default. [d]

        Returns
        -------
        pathlib.Path
            In the cache; not to be changed.

        Raises
        ------
        FetchError
            If it cannot be had or is not what it should be.
        """
        try:
            whole = str(requests.Request("GET", url, params=params).prepare().url)
        except (requests.exceptions.RequestException, ValueError) as error:
            raise FetchError(f"{shown(url)!r} is no address that can be asked; write it whole, with https://") from error
        path = self.place(whole, repr(data) if data else "")
        keep = self.rules["keep_days"] if keep_days is None else keep_days
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                self._have(path, url, whole, data, stage, opens, keep)
        except OSError as error:
            raise disk_error(self.cache, error) from error
        return path

    def _have(self, path: Path, url: str, whole: str, data: Mapping[str, str] | None, stage: str, opens: Opens, keep_days: float) -> None:
        """Load a file that is not in the cache, or too old, or spoilt there."""
        if path.is_file() and 0.0 <= time.time() - path.stat().st_mtime < keep_days * 86400.0:
            try:
                opens(path)
            except UNREADABLE as error:
                if of_the_disk(error):
                    raise
                path.unlink()
            else:
                self.came(stage, path.stat().st_size)
                return
        half = Half(path.with_suffix(".part"))
        self.persist(url, lambda: self._fill(half, whole, data, stage))
        try:
            self._check(half, url, opens)
        except FetchError:
            half.drop()
            raise
        with half.path.open("r+b") as stream:  # its name must not stand for bytes that a power cut can still lose
            os.fsync(stream.fileno())
        half.path.replace(path)
        half.drop(bytes_too=False)

    def place(self, url: str, more: str = "") -> Path:
        """
        Name the place of an answer in the cache.

        Parameters
        ----------
        url
            Address with its query.
        more
            What else tells it from others.

        Returns
        -------
        pathlib.Path
            Not created here.
        """
        name = re.sub(r"[^\w.-]", "_", Path(urlsplit(url).path).name)[-40:] or "answer"
        return self.cache / f"{hashlib.blake2b((url + more).encode(), digest_size=10).hexdigest()}-{name}.data"

    def persist(self, url: str, action: Callable[[], T]) -> T:
        """
        Try again, with growing pauses, what fails for a passing reason.

        Parameters
        ----------
        url
            Address, for the message.
        action
            One try.

        Returns
        -------
        object
            What the action returns.

        Raises
        ------
        FetchError
            If all attempts fail, or one for a lasting reason.
        """
        attempts, last = int(self.rules["attempts"]), ""
        for attempt in range(attempts):
            try:
                return action()
            except PassingError as fault:
                last = str(fault)
                if attempt + 1 < attempts:
                    wait = max(fault.pause, float(self.rules["first_pause_seconds"]) * 2.0**attempt)
                    self.pause(min(wait, float(self.rules["longest_pause_seconds"])))
        raise FetchError(f"{host(url)}: {last}; tried {attempts} times; try again later (what has come is kept), or use another source")

    def ask(self, url: str, data: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """
        Send one request and look at the head of its answer.

        Parameters
        ----------
        url
            Address with its query.
        data
            Form to post.
        headers
            Added to ours.

        Returns
        -------
        requests.Response
            Not yet read; status 200, 206 or 416.

        Raises
        ------
        FetchError
            If another try would not help.
        """
        ours = {"User-Agent": AGENT, "Accept-Encoding": "identity"} | dict(headers or {})
        wait = (float(self.rules["connect_seconds"]), float(self.rules["read_seconds"]))
        try:
            answer = self.session.request("POST" if data else "GET", url, data=data, headers=ours, timeout=wait, stream=True)
        except requests.exceptions.SSLError as error:
            raise FetchError(
                f"{host(url)}: its certificate is not trusted; where your organisation inspects traffic, set REQUESTS_CA_BUNDLE to its "
                "certificate file; never switch the check off"
            ) from error
        except requests.exceptions.ProxyError as error:
            raise PassingError("the proxy does not let it through; check HTTPS_PROXY or the proxy of the system") from error
        except requests.exceptions.Timeout as error:
            late = wait[0] if isinstance(error, requests.exceptions.ConnectTimeout) else wait[1]
            raise PassingError(f"no answer within {late:g} s") from error
        except requests.exceptions.TooManyRedirects as error:
            raise FetchError(f"{host(url)}: sends on and on and never answers; use another source") from error
        except requests.exceptions.InvalidProxyURL as error:
            raise FetchError(f"the proxy of the system is no address ({reason(error)}); check HTTP_PROXY and HTTPS_PROXY") from error
        except requests.exceptions.ConnectionError as error:
            raise PassingError("no connection") from error
        except (requests.exceptions.RequestException, ValueError) as error:
            if "SOCKS" in str(error):
                raise FetchError(
                    "the proxy is a SOCKS proxy, for which the package PySocks must be installed; or name an HTTP proxy"
                ) from error
            raise FetchError(f"{shown(url)!r} is no address that can be asked; write it whole, with https://") from error
        return self._judged(url, answer)

    def _judged(self, url: str, answer: requests.Response) -> requests.Response:
        status = answer.status_code
        if status in (200, 206, 416):
            if urlsplit(url).scheme == "https" and urlsplit(answer.url).scheme != "https":
                answer.close()
                raise FetchError(f"{host(url)}: sends on to an address without encryption ({host(answer.url)}); use another source")
            return answer
        with answer:
            if status in _TEMPORARY:
                raise PassingError(f"it answers {status} ({answer.reason})", retry_after(answer.headers.get("Retry-After")))
            if status == 407:
                raise FetchError("the proxy wants a name and a password (407); write HTTPS_PROXY as http://name:password@server:port")
            said = self._complaint(answer)
        raise FetchError(f"{host(url)}: answers {status}: {said or answer.reason}; check the address and the place")

    def _complaint(self, answer: requests.Response) -> str:
        try:
            return said_in(answer.raw.read(2000, decode_content=True))
        except (HTTPError, OSError):
            return ""

    def _fill(self, half: Half, url: str, data: Mapping[str, str] | None, stage: str) -> None:
        """Load what is missing of a file; what came stays for the next try where the server can say that it is still the same."""
        with self.ask(url, data, half.asked()) as answer:
            if half.complete(answer):
                return
            refuse_pages(url, answer.headers.get("Content-Type", ""))
            start, part = half.begin(answer), part_of(answer)
            length = answer.headers.get("Content-Length", "")
            total = part[2] if part else int(length) if length.isdigit() and not packed(answer) else None
            self._room((total or start) - start)
            if total is not None and not self._seen.get(stage, (0, 0))[1]:
                self.expect(stage, total - start)
            with half.path.open("ab" if start else "wb") as stream:
                for piece in pieces(answer, self.rules):
                    stream.write(piece)
                    start += len(piece)
                    self.came(stage, len(piece))
        if total is not None and start != total:
            raise PassingError(f"the answer broke off after {start:,} of {total:,} bytes")

    def _room(self, size: int) -> None:
        free = shutil.disk_usage(self.cache).free
        if size > free:
            raise DiskError(
                f"{size / 1e6:,.1f} MB are to come, but the disk of the cache has {free / 1e6:,.1f} MB left: make room, or choose another "
                "folder with --cache, and run the command again (what has come is kept)"
            )

    def _check(self, half: Half, url: str, opens: Opens) -> None:
        with half.path.open("rb") as stream:
            head = stream.read(300)
        if not head.strip():
            raise FetchError(f"{host(url)}: the answer is empty; try again later or use another source")
        refuse_pages(url, "", head)
        kind, told = half.checksum()
        if told and file_checksum(half.path, kind) != told:
            raise FetchError(f"{host(url)}: the checksum of the file is not the one that its source gives; fetch it again")
        try:
            opens(half.path)
        except FetchError:
            raise
        except UNREADABLE as error:
            if of_the_disk(error):
                raise
            raise FetchError(
                f"{host(url)}: the answer is not what was asked for ({reason(error)}); try again later or use another source"
            ) from error
