"""How text looks on a terminal: marks, colours, width, and lines that do not break commands."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

import click

from pomhealth.report.wrapping import fill, tokens
from pomhealth.status import Outcome

_MARKS = {
    Outcome.PASS: "✓",
    Outcome.WARN: "!",
    Outcome.FAIL: "✗",
    Outcome.UNKNOWN: "?",
    Outcome.SKIPPED: "-",
}
_ASCII_MARKS = _MARKS | {Outcome.PASS: "+", Outcome.FAIL: "x"}
_COLOURS = {
    Outcome.PASS: "green",
    Outcome.WARN: "yellow",
    Outcome.FAIL: "red",
    Outcome.UNKNOWN: "cyan",
    Outcome.SKIPPED: "bright_black",
}
_WIDEST = 100  # columns; longer lines are hard to read
_DEFAULT_WIDTH = 80
_NARROWEST = 40


@dataclass(frozen=True, slots=True)
class Style:
    """What the reader's terminal can show. `width` in columns."""

    colour: bool = False
    unicode: bool = True
    width: int = _DEFAULT_WIDTH

    def mark(self, outcome: Outcome) -> str:
        marks = _MARKS if self.unicode else _ASCII_MARKS
        return self.paint(marks[outcome], outcome)

    @property
    def ellipsis(self) -> str:
        return "…" if self.unicode else "..."

    def paint(self, text: str, outcome: Outcome) -> str:
        return click.style(text, fg=_COLOURS[outcome]) if self.colour else text

    def strong(self, text: str) -> str:
        return click.style(text, bold=True) if self.colour else text

    def faint(self, text: str) -> str:
        return click.style(text, dim=True) if self.colour else text

    def wrap(self, text: str, first: str = "", rest: str | None = None) -> str:
        """The text in lines that begin with `first`, then with `rest` (as many spaces, where it is None).

        What stands between backticks is never broken, so that a command can be copied; what else fits on no line is.
        """
        return self.flow(tokens(clean(text)), first, rest)

    def flow(self, words: Iterable[str], first: str = "", rest: str | None = None) -> str:
        """The same of words, each of which stays in one line where it fits, spaces and all."""
        rest = " " * len(first) if rest is None else rest
        return "\n".join(fill(words, self.width, first, rest))


def style_for(stream: TextIO) -> Style:
    """What this stream can show: colour on a terminal only, unless NO_COLOR is set; signs that its encoding has.

    COLUMNS says how wide it is, else the terminal does.
    """
    terminal = stream.isatty()
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    told = terminal or os.environ.get("COLUMNS")
    width = shutil.get_terminal_size((_DEFAULT_WIDTH, 24)).columns if told else _DEFAULT_WIDTH
    return Style(colour, _can_show_marks(stream), min(max(width, _NARROWEST), _WIDEST))


def clean(text: str) -> str:
    """The text without line breaks and control characters, which what was observed may hold."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _can_show_marks(stream: TextIO) -> bool:
    try:
        "".join(_MARKS.values()).encode(stream.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
