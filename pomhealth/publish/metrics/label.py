"""Label values: short and printable, whatever a replica's report or a certificate says. Pure."""

from __future__ import annotations

import hashlib

LONGEST = 128  # characters
_MARK = 8  # hexadecimal digits


def label(text: str) -> str:
    """The text as the value of a label. One that is cut or cleaned ends in a mark of its own: two do not become one."""
    if len(text) <= LONGEST and text.isprintable():
        return text
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]
    clean = "".join(letter if letter.isprintable() else "�" for letter in text[: LONGEST - _MARK - 1])
    return f"{clean}~{mark}"
