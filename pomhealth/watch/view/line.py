"""Lines of text with a look, and how they are fitted into columns. Pure; nothing in a text is ever read as markup."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rich.cells import cell_len, chop_cells, set_cell_size

from pomhealth.status import Outcome


class Look(Enum):
    """How a piece of a line looks; without colour the words alone must do."""

    USUAL = ""
    STRONG = "strong"
    FAINT = "faint"
    PASS = Outcome.PASS.value
    WARN = Outcome.WARN.value
    FAIL = Outcome.FAIL.value
    UNKNOWN = Outcome.UNKNOWN.value
    SKIPPED = Outcome.SKIPPED.value

    @classmethod
    def of(cls, outcome: Outcome) -> Look:
        return cls(outcome.value)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line that looks the same."""

    text: str
    look: Look = Look.USUAL


Line = tuple[Piece, ...]


def plain(text: str, look: Look = Look.USUAL) -> Line:
    return (Piece(text, look),)


def cut(text: str, width: int, more: str) -> str:
    """The text in at most `width` columns; `more` stands at its end where it is cut."""
    if cell_len(text) <= width:
        return text
    room = width - cell_len(more)
    return set_cell_size(text, room).rstrip() + more if room > 0 else set_cell_size(text, max(width, 0))


def padded(text: str, width: int, more: str) -> str:
    """The text in exactly `width` columns."""
    return set_cell_size(cut(text, width, more), width)


def wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """The text in lines of at most `width` columns, that begin with `first`, then with `rest` (None: as many spaces).

    Lines break at spaces, and within a word only where it is longer than a line.
    """
    rest = " " * cell_len(first) if rest is None else rest
    lines, line, empty = [], first, True
    for word in text.split():
        if not empty and cell_len(line) + 1 + cell_len(word) > width:
            lines.append(line)
            line, empty = rest, True
        room = max(width - cell_len(line), 1)
        if empty and cell_len(word) > room:
            *whole, word = chop_cells(word, room)  # noqa: PLW2901  (what is left of it)
            for part in whole:
                lines.append(line + part)
                line = rest
        line += word if empty else f" {word}"
        empty = False
    return [*lines, line] if not empty else lines
