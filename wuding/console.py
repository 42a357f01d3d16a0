"""Where words are printed: in the encoding that a terminal or the program behind a pipe expects, where it can hold Chinese."""

import codecs
import logging
import sys
import unicodedata

# Signs of our messages that GBK lacks and Unicode knows no plain form of: the dagger, the minus, the copyright sign.
_PLAIN = {"\u2020": "*", "\u2212": "-", "\u00a9": "(c)"}
_LOSSY = "wuding.plain"


def readable_streams() -> None:
    """Let printing never end a run: signs that an encoding lacks are written plainly, and one without Chinese becomes UTF-8."""
    codecs.register_error(_LOSSY, _plainly)
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # on first use it tells of its cache, in English
    for stream in (sys.stdout, sys.stderr):
        if not hasattr(stream, "reconfigure"):
            continue
        if _holds("屋顶", stream.encoding):
            stream.reconfigure(errors=_LOSSY)
        else:
            stream.reconfigure(encoding="utf-8", errors="replace")


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Write m² as m2 where there is no ²."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    told = ""
    for sign in error.object[error.start : error.end]:
        plain = _PLAIN.get(sign) or "".join(part for part in unicodedata.normalize("NFKD", sign) if _holds(part, error.encoding))
        told += plain or "?"
    return told, error.end


def _holds(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
