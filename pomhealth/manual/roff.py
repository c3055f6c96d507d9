"""Text as manual pages have it: the few requests of the man macros that are needed, with everything else escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pomhealth import __version__

_ESCAPES = {"\\": r"\e", "-": r"\-", "'": r"\(aq", '"': r"\(dq", "^": r"\(ha", "~": r"\(ti", "`": r"\(ga"}
_MARKED = re.compile(r"`([^`\n]+)`")


def plain(text: str) -> str:
    """Text in one line, as it is; nothing in it is a request."""
    escaped = "".join(
        _ESCAPES.get(letter, letter if letter.isascii() else rf"\[u{ord(letter):04X}]") for letter in text
    )
    return rf"\&{escaped}" if escaped.startswith(".") else escaped


def bold(text: str) -> str:
    return rf"\fB{plain(text)}\fR"


def italic(text: str) -> str:
    return rf"\fI{plain(text)}\fR"


def words(text: str) -> str:
    """A sentence or more, on one line, in which what stands between backticks is bold."""
    parts = _MARKED.split(" ".join(text.split()))
    return "".join(bold(part) if place % 2 else plain(part) for place, part in enumerate(parts))


def head(name: str, section: int) -> list[str]:
    """A page's first line. It bears the version and no date, so that the same release always makes the same page."""
    first = f'.TH "{plain(name.upper())}" "{section}" "" "pomhealth {__version__}" "pomhealth"'
    return [
        first,
        ".nh",
        ".ad l",
    ]  # names of variables and options are to be copied: whole, and without more space


def whole(lines: Iterable[str]) -> str:
    """The page. A paragraph right below the title of its section needs no request of its own."""
    kept: list[str] = []
    for line in lines:
        if line != ".PP" or not kept[-1].startswith(".SH"):
            kept.append(line)
    return "\n".join(kept) + "\n"


def title(text: str) -> list[str]:
    return [f".SH {text}"]


def paragraph(text: str) -> list[str]:
    return [".PP", words(text)]


def entry(term: str, *texts: str) -> list[str]:
    """A term, escaped already, and what is said of it below."""
    first, *others = texts
    return [".TP", term, words(first), *(line for text in others for line in (".IP", words(text)))]


def literal(lines: Iterable[str]) -> list[str]:
    """Lines that stay as they are."""
    return [".PP", ".RS 4", ".nf", *(plain(line) or r"\&" for line in lines), ".fi", ".RE"]


def see_also(pages: Iterable[str]) -> list[str]:
    """Other pages, each as NAME(SECTION)."""
    named = [page.partition("(") for page in pages]
    shown = [f"{bold(name)}({rest}" for name, _, rest in named]
    return [*title("SEE ALSO"), ",\n".join(shown)]
