"""How text looks on a terminal: marks, colours, width, and lines that do not break commands."""

from __future__ import annotations

import os
import shutil
import textwrap
from dataclasses import dataclass
from typing import TextIO

import click

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
_NARROWEST = 60
_GLUE = "\x00"  # stands for a space inside a command while lines are broken


@dataclass(frozen=True, slots=True)
class Style:
    """What the reader's terminal can show. `width` in columns."""

    colour: bool = False
    unicode: bool = True
    width: int = _DEFAULT_WIDTH

    def mark(self, outcome: Outcome) -> str:
        marks = _MARKS if self.unicode else _ASCII_MARKS
        return self.paint(marks[outcome], outcome)

    def paint(self, text: str, outcome: Outcome) -> str:
        return click.style(text, fg=_COLOURS[outcome]) if self.colour else text

    def strong(self, text: str) -> str:
        return click.style(text, bold=True) if self.colour else text

    def faint(self, text: str) -> str:
        return click.style(text, dim=True) if self.colour else text

    def wrap(self, text: str, first: str = "", rest: str | None = None) -> str:
        """The text in lines that begin with `first`, then with `rest` (as many spaces, where it is None).

        What stands between backticks is never broken, so that a command can be copied.
        """
        rest = " " * len(first) if rest is None else rest
        parts = clean(text).split("`")
        parts[1::2] = [part.replace(" ", _GLUE) for part in parts[1::2]]
        lines = textwrap.wrap(
            "`".join(parts),
            self.width,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return "\n".join(lines).replace(_GLUE, " ") if lines else first.rstrip()


def style_for(stream: TextIO) -> Style:
    """What this stream can show: colour on a terminal only, unless NO_COLOR is set; signs that its encoding has."""
    terminal = stream.isatty()
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = (
        min(shutil.get_terminal_size((_DEFAULT_WIDTH, 24)).columns, _WIDEST) if terminal else _DEFAULT_WIDTH
    )
    return Style(colour, _can_show_marks(stream), max(width, _NARROWEST))


def clean(text: str) -> str:
    """The text without line breaks and control characters, which what was observed may hold."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _can_show_marks(stream: TextIO) -> bool:
    try:
        "".join(_MARKS.values()).encode(stream.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
