"""Text in lines that fit: by the columns that letters take on a terminal, and never through a command. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

_TOKEN = re.compile(
    r"(?:`[^`]*`|[^ `]|`(?=[^`]*\Z))+"
)  # a word, with every command in it; a stray backtick is a letter
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def columns(text: str) -> int:
    """The columns that a text takes; colours take none."""
    plain = _ANSI.sub("", text)
    return len(plain) if plain.isascii() else sum(_wide(letter) for letter in plain)


def tokens(text: str) -> list[str]:
    """The words of a text; what stands between two backticks is part of one word, spaces and all."""
    return _TOKEN.findall(text)


def fill(words: Iterable[str], width: int, first: str = "", rest: str = "") -> list[str]:
    """The words in lines of at most `width` columns, which begin with `first`, then with `rest`.

    A word that fits on no line is broken: at its spaces, else anywhere. A command, between backticks, is not: it has a
    line of its own, so that it can be copied.
    """
    lines: list[str] = []
    line, start = first, True
    for word in words:
        for piece in _pieces(word, width - columns(rest)):
            gap = "" if start else " "
            if columns(line + gap + piece) <= width:
                line += gap + piece
            else:
                if line.strip():
                    lines.append(line.rstrip())
                line = rest + piece
            start = False
    lines.append(line.rstrip())
    return lines


def cut(text: str, room: int, mark: str) -> str:
    """The beginning of a text, with `mark` at its end where it is longer than `room` columns."""
    if columns(text) <= room:
        return text
    while text and columns(text) > room - len(mark):
        text = text[:-1]
    return text.rstrip() + mark


def _pieces(word: str, room: int) -> Iterator[str]:
    if "`" in word or columns(word) <= room:
        yield word
    elif " " in word:
        for part in word.split(" "):
            yield from _pieces(part, room)
    else:
        while columns(word) > room:
            end = len(cut(word, room, ""))
            yield word[: max(end, 1)]
            word = word[max(end, 1) :]
        yield word


def _wide(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
