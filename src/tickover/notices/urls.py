"""The URLs that notices go to, as `TICKOVER_NOTICES` holds them, and what of them is secret. Pure."""

import re
from urllib.parse import unquote

_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z0-9]+://)")
_PIECES = re.compile(r"[/?&=@:#,;]+")
_WORD = re.compile(r"[a-z]+([-_][a-z]+)*")


def split_urls(value: str) -> list[str]:
    """Each URL; a comma or a blank stands between two only where another scheme begins after it.

    Args:
        value: as configured.
    """
    return [url.strip(" \t\r\n,") for url in _BETWEEN.split(value.strip(" \t\r\n,")) if url.strip(" \t\r\n,")]


def secrets_of(url: str) -> set[str]:
    """Whatever of a URL may be a secret: itself, what stands before the host, and tokens in its path and parameters.

    A host name and plain words of a path are none: taking them out would make texts hard to read.

    Args:
        url: one of them.
    """
    rest = url.partition("://")[2]
    before, at, after = rest.rpartition("@")
    user = [piece for piece in _PIECES.split(before) if piece] if at else []
    others = [piece for piece in _PIECES.split(after) if piece and "." not in piece and not _WORD.fullmatch(piece)]
    found = {url, rest, *user, *others}
    return found | {unquote(piece) for piece in found}
