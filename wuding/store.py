"""A run folder on an object store, or any place that fsspec knows, and its mirror on this disk.

The job works in the mirror as in any folder; what is finished is sent to the store, whole or not at all, and what workers elsewhere
made is brought back. A worker has a mirror of its own, with no more in it than its tiles need.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from .errors import StudyError

# What a run keeps to this machine: its lock, half a file, how far it is, where the study lies.
_NOT_SENT = (".work/lock", ".work/unfinished/", ".work/progress.json", ".work/study.txt", ".work/running.json")
# What an interrupted run leaves for the next one.
FINGERPRINT = ".work/fingerprint.json"
RESULTS = ("roofs/", ".work/audit/", ".work/mounts/", ".work/profiles/", ".work/sealed/", FINGERPRINT)
_RUNNING = ".work/running.json"
BEAT_SECONDS, SILENT_SECONDS = 15.0, 60.0
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::[a-z0-9+.-]+)*://")


def is_url(text: str) -> bool:
    """
    Tell an address from a path.

    Parameters
    ----------
    text
        As the user wrote it.

    Returns
    -------
    bool
        True for `s3://bucket/folder` and the like; a Windows drive is no protocol.
    """
    return _URL.match(text) is not None


def open_url(url: str) -> tuple[Any, str]:
    """
    Find the file system behind an address.

    Parameters
    ----------
    url
        Address.

    Returns
    -------
    tuple
        File system, and the place in it.

    Raises
    ------
    StudyError
        If nothing here speaks its protocol.
    """
    try:
        system, root = fsspec.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise StudyError(f"{hidden(url)}: this protocol needs a package that is not here ({error})") from error
    return system, str(root).rstrip("/")


def hidden(url: str) -> str:
    """
    Write an address without what may be secret in it.

    Parameters
    ----------
    url
        Address.

    Returns
    -------
    str
        Protocol and the last part of its path.
    """
    protocol = url.split("://", 1)[0]
    return f"{protocol}://…/{PurePosixPath(url.split('?', 1)[0].rstrip('/')).name}"


class Store:
    """
    A folder of a store and its mirror.

    Parameters
    ----------
    url
        Address of the folder.
    mirror
        Folder of this machine.

    Notes
    -----
    A file is taken for unchanged when the store's mark of it (ETag, else time and size) or the mirror's time and size is that of the
    last transfer of this process; nothing is remembered from one process to the next.
    """

    def __init__(self, url: str, mirror: Path) -> None:
        self.url, self.mirror = url, mirror
        self._system, self._root = open_url(url)
        self._there: dict[str, str] = {}
        self._here: dict[str, tuple[int, int]] = {}

    def bring(self, *names: str) -> None:
        """
        Bring files or whole folders into the mirror; what the store does not have, or has unchanged, is passed over.

        Parameters
        ----------
        *names
            Relative names; a folder ends with a slash.
        """
        with self._answering():
            for name, mark in self._listed(names).items():
                if not mark or self._there.get(name) != mark or not (self.mirror / name).is_file():
                    self._fetch(name)
                    self._there[name], self._here[name] = mark, _state(self.mirror / name)

    def bring_once(self, *names: str) -> None:
        """
        Bring files that the mirror does not have yet; several processes may share a mirror.

        Parameters
        ----------
        *names
            Relative names of files that are in the store and stay as they are.
        """
        with self._answering():
            for name in names:
                if not (self.mirror / name).is_file():
                    self._fetch(name)

    def text(self, name: str) -> str:
        """
        Read a small file of the store itself.

        Parameters
        ----------
        name
            Relative name.

        Returns
        -------
        str
            Its text; empty where there is no such file.
        """
        with self._answering():
            try:
                return str(self._system.cat_file(f"{self._root}/{name}").decode())
            except FileNotFoundError:
                return ""

    def send(self, *names: str, final: bool = False) -> None:
        """
        Send the files of the mirror that are new or changed.

        Parameters
        ----------
        *names
            Relative names in the order of sending. Where none is named all files go, the manifest last, and results of tiles that the
            mirror has no more are taken away from the store.
        final
            Whether to take away everything that the mirror does not have: older products too.
        """
        sent = list(names) or sorted(self._files(), key=lambda name: (name == "manifest.json", name))
        gone = ("",) if final else () if names else (*RESULTS, "manifest.json")
        with self._answering():
            for name in sent:
                state = _state(self.mirror / name)
                if self._here.get(name) != state:
                    self._put(name)
                    self._here[name] = state
                    self._there.pop(name, None)
            for name in set(self._listed(gone)) - set(sent):
                if not name.startswith(_NOT_SENT):
                    self._system.rm_file(f"{self._root}/{name}")
                    self._here.pop(name, None)
                    self._there.pop(name, None)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """
        Keep a second run out of the folder: a note in it, renewed while this run lives, says that it is being worked in.

        Raises
        ------
        StudyError
            If another run renewed its note within the last minute.
        """
        me = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        place = f"{self._root}/{_RUNNING}"
        with self._answering():
            if self._system.exists(place):
                note = json.loads(self._system.cat_file(place))
                if time.time() - float(note["at"]) < SILENT_SECONDS:
                    raise StudyError(
                        f"another run is working in {hidden(self.url)}; wait for it or stop it (a run that died is "
                        f"forgotten after {SILENT_SECONDS:.0f} s), or give another folder with --out"
                    )
        ended = threading.Event()

        def _beat() -> None:
            while True:
                with contextlib.suppress(Exception):  # a store that does not answer once shows in the transfers
                    self._system.pipe_file(place, json.dumps({"by": me, "at": time.time()}).encode())
                if ended.wait(BEAT_SECONDS):
                    return

        beating = threading.Thread(target=_beat, daemon=True)
        beating.start()
        try:
            yield
        finally:
            ended.set()
            beating.join(SILENT_SECONDS)
            with contextlib.suppress(Exception):
                self._system.rm_file(place)

    def _files(self) -> list[str]:
        found = (file.relative_to(self.mirror).as_posix() for file in self.mirror.rglob("*") if file.is_file())
        return [name for name in found if not name.startswith(_NOT_SENT)]

    def _listed(self, names: tuple[str, ...]) -> dict[str, str]:
        """Files of the store under some names, each with the store's mark of it."""
        self._system.invalidate_cache()
        found: dict[str, str] = {}
        for name in names:
            place = f"{self._root}/{name}".rstrip("/")
            try:
                files = self._system.find(place, detail=True)
            except FileNotFoundError:
                continue
            for key, info in files.items():
                found[str(key).removeprefix(self._root).lstrip("/")] = mark_of(info)
        return found

    def _fetch(self, name: str) -> None:
        target = self.mirror / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
        try:
            self._system.get_file(f"{self._root}/{name}", str(part))
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def _put(self, name: str) -> None:
        """Put a file under another name first: a store that is a disk would show half of it."""
        part = f"{self._root}/.work/unfinished/{uuid.uuid4().hex}"
        for folder in (".work/unfinished", str(PurePosixPath(name).parent)):
            self._system.makedirs(f"{self._root}/{folder}".removesuffix("/."), exist_ok=True)
        self._system.put_file(str(self.mirror / name), part)
        self._system.mv(part, f"{self._root}/{name}")

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Name a store that refuses or does not answer."""
        try:
            yield
        except StudyError:
            raise
        except Exception as error:  # every protocol has errors of its own
            told = " ".join(str(error).split())[:300]
            raise StudyError(
                f"{hidden(self.url)}: cannot be read or written ({type(error).__name__}: {told}); check address, rights and network"
            ) from error


def mark_of(info: dict[str, Any]) -> str:
    """
    Make a mark of what a store tells of a file: another content has another mark.

    Parameters
    ----------
    info
        As fsspec gives it.

    Returns
    -------
    str
        Size, with ETag or time; empty where the store tells neither.
    """
    names = ("ETag", "etag", "mtime", "LastModified", "last_modified", "created")
    told = next((info[name] for name in names if info.get(name) is not None), None)
    return "" if told is None else f"{info.get('size')} {told}"


def _state(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


@contextmanager
def mirrored(url: str, cache: Path) -> Iterator[Store]:
    """
    Work in a mirror of a run folder; what an earlier run left in the store is brought, what the mirror had before is forgotten.

    Parameters
    ----------
    url
        Address of the run folder.
    cache
        Folder of this machine for mirrors.

    Yields
    ------
    Store
        Its mirror holds the results of finished tiles.
    """
    name = PurePosixPath(url.rstrip("/")).name
    store = Store(url, cache / f"{hashlib.blake2b(url.encode(), digest_size=6).hexdigest()}-{name}")
    with store.alone():
        shutil.rmtree(store.mirror, ignore_errors=True)
        store.mirror.mkdir(parents=True)
        store.bring(*RESULTS)
        yield store
