"""In which encoding the text of a file is written, where the file says nothing or something wrong."""

import codecs
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from .errors import GeoError
from .sources import beside

# Text enough to tell one encoding from another.
_ENOUGH = 5000
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")


def likely_encoding(texts: Iterable[bytes]) -> str:
    """
    Choose between UTF-8, GB18030 and Latin-1 by whether the text decodes and reads as words.

    Parameters
    ----------
    texts
        Values as they stand in the file; a character cut off at the end of a value does not count against an encoding.

    Returns
    -------
    str
        "UTF-8", "GB18030" or "ISO-8859-1"; "UTF-8" for plain ASCII.
    """
    words = [text for text in texts if not text.isascii()]
    if not words:
        return "UTF-8"
    if all(_decodes(word, "utf-8") for word in words):
        # Two bytes of GBK are now and then one letter of UTF-8, but accented letters stand alone and Chinese characters in words.
        runs = [len(run) for word in words for run in _HIGH_RUN.findall(word)]
        three_bytes = any(ord(letter) >= 0x800 for word in words for letter in word.decode("utf-8", errors="ignore"))
        if three_bytes or float(np.mean(runs)) < 4 or _chinese_share(words) < 0.9:
            return "UTF-8"
    return "GB18030" if _chinese_share(words) >= 0.8 else "ISO-8859-1"


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start >= len(text) - 3 and error.start > 0
    return True


def _chinese_share(words: list[bytes]) -> float:
    """Share of the characters, read as GB18030, that are among the 7,445 of everyday use (GB 2312)."""
    letters = "".join(word.decode("gb18030", errors="replace") for word in words)
    high = [letter for letter in letters if not letter.isascii()]
    common = sum(1 for letter in high if letter != "\ufffd" and letter.encode("gb2312", errors="ignore"))
    return common / len(high) if high else 0.0


def codec_of(text: str) -> str | None:
    """
    Return Python's name of an encoding as a `.cpg`, a study file or a drawing names it.

    Parameters
    ----------
    text
        E.g. "UTF-8", "GBK", "936", "ANSI 936", "ANSI_936".

    Returns
    -------
    str or None
        None where it is not known; the Chinese ones as their superset "GB18030".
    """
    word = text.strip().lower()
    number = re.search(r"(\d{3,5})$", word)
    if word in ("gbk", "gb2312", "gb18030", "cp936", "euc-cn", "hz-gb-2312") or (number and number[1] in ("936", "54936")):
        return "GB18030"
    if number and word in (number[1], f"ansi {number[1]}", f"ansi_{number[1]}", f"oem {number[1]}"):
        word = {"65001": "utf-8", "88591": "iso-8859-1"}.get(number[1], f"cp{number[1]}")
    try:
        name = codecs.lookup(word).name
    except (LookupError, ValueError):
        return None
    return {"utf-8": "UTF-8", "gb18030": "GB18030", "iso8859-1": "ISO-8859-1"}.get(name, name)


def shapefile_encoding(path: Path, stated: str | None, warnings: list[str]) -> str | None:
    """
    Find the encoding of a Shapefile's attributes: the study's word, else the `.cpg` where the text agrees, else by the text.

    Parameters
    ----------
    path
        The `.shp`.
    stated
        Encoding that the study file gives.
    warnings
        What the user should know; appended to.

    Returns
    -------
    str or None
        None where all text is ASCII.

    Raises
    ------
    GeoError
        If the stated encoding is not known or the text is not written in it.
    """
    table = beside(path, ".dbf")
    texts = _dbf_texts(table) if table else []
    wanted = _stated_codec(path.name, stated)
    if not texts:
        return None
    found = likely_encoding(texts)
    if wanted:
        if not all(_decodes(text, wanted) for text in texts):
            raise GeoError(f"{path.name}: its text is not written in encoding = {stated!r}; it reads as {found}: correct the study file")
        return wanted
    label = beside(path, ".cpg")
    said = codec_of(label.read_text(encoding="ascii", errors="replace")) if label else None
    if said and all(_decodes(text, said) for text in texts) and (said == found or found == "ISO-8859-1"):
        return said
    if said and said != found:
        warnings.append(f"{path.name}: its .cpg says {said}, but the text reads as {found}; it is read as {found}")
    elif label is None and found != "ISO-8859-1":
        warnings.append(f"{path.name}: no .cpg says how its text is written; it is read as {found}, in which it decodes and reads as words")
    elif found == "ISO-8859-1":
        warnings.append(f"{path.name}: its text is neither UTF-8 nor GB18030; read as Latin-1: write the right one as encoding = ...")
    return found


def _stated_codec(name: str, stated: str | None) -> str | None:
    if stated is None:
        return None
    codec = codec_of(stated)
    if codec is None:
        raise GeoError(f"{name}: encoding = {stated!r} is not an encoding that is known; write e.g. 'GB18030' or 'UTF-8'")
    return codec


def _dbf_texts(table: Path) -> list[bytes]:
    """Distinct values and field names with bytes beyond ASCII, from a dBase table."""
    head = np.fromfile(table, np.uint8, count=32)
    if head.size < 32:
        return []
    start, length = int(head[8]) + 256 * int(head[9]), int(head[10]) + 256 * int(head[11])
    data = np.memmap(table, np.uint8, mode="r")
    names, spans, at = set[bytes](), [], 1
    for k in range(32, min(start, data.size - 32), 32):
        if data[k] == 0x0D:
            break
        field = data[k : k + 32].tobytes()
        names.add(field[:11].split(b"\0")[0])
        if field[11:12] == b"C":
            spans.append((at, at + field[16] + 256 * field[17]))
        at += field[16] + (256 * field[17] if field[11:12] == b"C" else 0)
    texts = {name for name in names if not name.isascii()}
    rows = (data.size - start) // length if length else 0
    for first in range(0, rows, 65536):
        last = min(first + 65536, rows)
        block = data[start + first * length : start + last * length].reshape(last - first, length)
        for a, b in spans:
            part = block[:, a:b]
            high = part[(part >= 0x80).any(axis=1)]
            texts.update(row.tobytes().rstrip(b" \0") for row in np.unique(high[:_ENOUGH], axis=0))
        if len(texts) > _ENOUGH:
            break
    return sorted(texts)


def drawing_encoding(path: Path, stated: str | None) -> str | None:
    """
    Find the encoding of a DXF drawing, whose header is often wrong: by its text.

    Parameters
    ----------
    path
        The `.dxf`.
    stated
        Encoding that the study file gives.

    Returns
    -------
    str or None
        None where all text is ASCII.
    """
    wanted = _stated_codec(path.name, stated)
    if wanted:
        return wanted
    texts = set[bytes]()
    with path.open("rb") as lines:
        for line in lines:
            if not line.isascii():
                texts.add(line.strip())
                if len(texts) > _ENOUGH:
                    break
    return likely_encoding(texts) if texts else None


def text_encoding(path: Path, stated: str | None) -> str:
    """
    Find the encoding of a text table: by its byte order mark, else by its text.

    Parameters
    ----------
    path
        A `.csv`, `.tsv` or `.txt`.
    stated
        Encoding that the study file gives.

    Returns
    -------
    str
        Python's name of it.
    """
    wanted = _stated_codec(path.name, stated)
    if wanted and wanted != "UTF-8":
        return wanted
    with path.open("rb") as stream:
        head = stream.read(4)
        if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        if wanted or head[:3] == codecs.BOM_UTF8:
            return "utf-8-sig"
        stream.seek(0)
        texts = set[bytes]()
        for line in stream:
            if not line.isascii():
                texts.add(line.strip())
                if len(texts) > _ENOUGH:
                    break
    return likely_encoding(texts)


@contextmanager
def as_utf8(path: Path, stated: str | None, warnings: list[str]) -> Iterator[Path]:
    """
    Give a file whose format wants UTF-8 as such, for as long as it is read.

    Parameters
    ----------
    path
        A GeoJSON or another text file.
    stated
        Encoding that the study file gives.
    warnings
        What the user should know; appended to.

    Yields
    ------
    pathlib.Path
        The file itself, or a copy where it is written in GB18030 or UTF-16.
    """
    codec = "UTF-8" if _is_utf8(path) else text_encoding(path, stated)
    if codec not in ("GB18030", "utf-16"):
        yield path
        return
    warnings.append(f"{path.name}: is not in UTF-8, which its format asks for; it is read as {codec}")
    with TemporaryDirectory(prefix="wuding-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / path.name
        with path.open(encoding=codec, errors="replace") as text, copy.open("w", encoding="utf-8") as out:
            shutil.copyfileobj(text, out)
        yield copy


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        try:
            while block := stream.read(1 << 24):
                decoder.decode(block)
        except UnicodeDecodeError:
            return False
    return True


def decoded(text: str | None, encoding: str) -> str | None:
    """
    Decode a value that was read byte by byte as Latin-1.

    Parameters
    ----------
    text
        The value, or None.
    encoding
        Its encoding.

    Returns
    -------
    str or None
        The text; a character cut off by the field's width is left out, an impossible one is shown as U+FFFD.
    """
    if text is None or text.isascii():
        return text
    try:
        data = text.encode("latin-1")
        return data.decode(encoding)
    except UnicodeEncodeError:  # a drawing may write single letters by their number, which GDAL has turned into text
        return text
    except UnicodeDecodeError as error:
        if error.start >= len(data) - 3 and error.start > 0:
            return data[: error.start].decode(encoding)
        return data.decode(encoding, errors="replace")
