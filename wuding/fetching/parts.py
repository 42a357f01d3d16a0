"""A file on a server that is read by parts (HTTP range requests), its blocks kept in the cache."""

import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from .answers import DiskError, FetchError, PassingError, disk_error, host, refuse_pages
from .receiving import part_of, pieces
from .web import Web


class PartFile(io.RawIOBase):
    """
    A seekable file behind an address; rasterio and pyarrow read it like one on disk.

    Parameters
    ----------
    web
        The way to the internet.
    url
        Address; the server must answer range requests.
    stage
        What it is for, in the words of the progress.

    Notes
    -----
    Blocks that came stay in the cache under the version of the file, so that a break costs one block.
    """

    def __init__(self, web: Web, url: str, stage: str) -> None:
        super().__init__()
        self.web, self.url, self.stage = web, url, stage
        self.block = int(web.rules["block_kb"]) * 1024
        self._at = 0
        self._recent: dict[int, bytes] = {}
        self.fault: FetchError | DiskError | None = None
        self._folder, self.size, self._tag = Path(), 0, ""
        # the first block is always asked anew: it tells whether the file is still the same
        first = web.persist(url, lambda: self._ask(0, self.block - 1))
        # a server that names no version is known by the first block
        version = self._tag or hashlib.blake2b(first, digest_size=10).hexdigest()
        self._folder = web.place(url, f"parts {self.size} {version} {self.block}").with_suffix(".parts")
        self._keep(0, first)

    def forget(self) -> None:
        """Drop its blocks, where they cannot be read as what they should be, so that another try asks for them anew."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._recent.clear()

    def readable(self) -> bool:
        """
        Tell that it can be read.

        Returns
        -------
        bool
            True.
        """
        return True

    def seekable(self) -> bool:
        """
        Tell that any part can be read.

        Returns
        -------
        bool
            True.
        """
        return True

    def close(self) -> None:
        """Stay usable: GDAL opens and closes a file more than once, and nothing is held open here."""

    def tell(self) -> int:
        """
        Tell where the next read starts.

        Returns
        -------
        int
            Offset [bytes].
        """
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """
        Move to where the next read starts.

        Parameters
        ----------
        offset
            Bytes from the start, the place now, or the end.
        whence
            Which of these, as for any file.

        Returns
        -------
        int
            The new offset.
        """
        self._at = max(offset + (0, self._at, self.size)[whence], 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """
        Read bytes into a buffer.

        Parameters
        ----------
        buffer
            Filled from its start.

        Returns
        -------
        int
            Number of bytes read.
        """
        view = memoryview(buffer).cast("B")
        end = min(self._at + len(view), self.size)
        if end <= self._at:
            return 0
        try:
            return self._read_into(view, end)
        except (FetchError, DiskError) as error:
            self.fault = error  # GDAL forgets what went wrong below it
            raise

    def _read_into(self, view: memoryview, end: int) -> int:
        first, last = self._at // self.block, (end - 1) // self.block
        for start, stop in self._missing(first, last):
            body = self.web.persist(self.url, partial(self._ask, start * self.block, stop * self.block - 1))
            for number in range(start, stop):
                self._keep(number, body[(number - start) * self.block : (number - start + 1) * self.block])
        done = 0
        for number in range(first, last + 1):
            block = self._block(number)
            piece = block[self._at + done - number * self.block : end - number * self.block]
            view[done : done + len(piece)] = piece
            done += len(piece)
        self._at += done
        return done

    def _missing(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Find runs of blocks that are not in the cache, each to be asked for at once."""
        start = None
        for number in range(first, last + 2):
            lacking = number <= last and not self._has(number)
            if lacking and start is None:
                start = number
            elif not lacking and start is not None:
                yield start, number
                start = None

    def _block(self, number: int) -> bytes:
        if number not in self._recent:
            if len(self._recent) > 64:
                self._recent.clear()
            self._recent[number] = (self._folder / f"{number:08d}").read_bytes()
        return self._recent[number]

    def _has(self, number: int) -> bool:
        file = self._folder / f"{number:08d}"
        return file.is_file() and file.stat().st_size == min(self.block, self.size - number * self.block)

    def _keep(self, number: int, body: bytes) -> None:
        # two commands may load the same block at once
        part = self._folder / f"{number:08d}.{os.getpid()}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(body)
            part.replace(self._folder / f"{number:08d}")
        except OSError as error:
            part.unlink(missing_ok=True)
            raise disk_error(self.web.cache, error) from error

    def _ask(self, first: int, last: int) -> bytes:
        """Ask for bytes first to last, both included."""
        with self.web.ask(self.url, headers={"Range": f"bytes={first}-{last}"}) as answer:
            refuse_pages(self.url, answer.headers.get("Content-Type", ""))
            found = part_of(answer)
            if found is None:
                refuse_pages(self.url, "", next(pieces(answer, self.web.rules), b""))
                raise FetchError(f"{host(self.url)}: does not give parts of a file; load the whole file and name it in the study file")
            start, end, size = found
            tag = str(answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "")
            if not first:
                self.size, self._tag = size, tag
            elif (size, tag) != (self.size, self._tag):
                raise FetchError(f"{host(self.url)}: the file has changed while it was read; run the command again")
            body = bytearray()
            for piece in pieces(answer, self.web.rules):
                body += piece
                self.web.came(self.stage, len(piece))
        if start != first or len(body) != end - start + 1 or end != min(last, size - 1):
            raise PassingError(f"the answer broke off after {len(body):,} of {end - first + 1:,} bytes")
        return bytes(body)
