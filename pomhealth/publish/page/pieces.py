"""A step's text taken apart: words, names between backticks, and commands that can be copied. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """`kind` is "words", "name" (something in backticks) or "command" (the same with arguments)."""

    kind: str
    text: str


def pieces(text: str) -> tuple[Piece, ...]:
    """The pieces in order. A command stands on a line of its own, and so needs no full stop or comma behind it."""
    made: list[Piece] = []
    for place, part in enumerate(text.split("`")):
        if place % 2:
            made.append(Piece("command" if _is_command(part) else "name", part))
            continue
        words = part.lstrip(".,;") if made and made[-1].kind == "command" else part
        if words.strip():
            made.append(Piece("words", words))
    return tuple(made)


def inline(text: str) -> tuple[Piece, ...]:
    """The same of a sentence, in which nothing is to be copied: what is in backticks is a name."""
    parts = enumerate(text.split("`"))
    return tuple(Piece("name" if place % 2 else "words", part) for place, part in parts if part)


def _is_command(text: str) -> bool:
    """Whether it has arguments; a setting with its value (`http_redirect_addr: :80`) or a line of a log has none."""
    first, space, _ = text.strip().partition(" ")
    return bool(space) and not first.endswith(":")
