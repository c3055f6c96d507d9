"""Server-sent events as they stand on the wire (HTML standard, section 9.2), and the places that ids name. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

KIND = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has read: the agent that said it (another after each start), and the number of the last event."""

    boot: str
    number: int

    def __str__(self) -> str:
        return f"{self.boot}-{self.number}"


def place(text: str) -> Place | None:
    """The place that an id names, None where it is none of ours."""
    boot, dash, number = text.strip().rpartition("-")
    if not dash or not boot or not (number.isascii() and number.isdigit()) or len(number) > 18:
        return None
    return Place(boot, int(number))


def event(name: str, data: Any, at: Place | None = None) -> bytes:
    """One event. `data` becomes JSON in one line; without a place the reader keeps the one that it has."""
    lines = [f"id: {at}"] if at is not None else []
    lines += [f"event: {name}", f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}"]
    return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")
