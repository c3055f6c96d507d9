"""What readers of events were told, taken apart after the fact: while it is measured, nobody parses."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Reading:
    """What one reader got: each piece with when it came, seconds since the epoch."""

    pieces: list[tuple[float, bytes]] = field(default_factory=list)

    def events(self) -> Iterable[tuple[float, int, str, str]]:
        """Each event: when its last byte came, its number (-1 for none), its name and its data."""
        rest = b""
        for when, piece in self.pieces:
            *whole, rest = (rest + piece).replace(b"\r\n", b"\n").split(b"\n\n")
            for block in whole:
                lines = dict(line.partition(b": ")[::2] for line in block.split(b"\n") if b": " in line)
                if b"event" in lines:
                    number = (
                        int(lines.get(b"id", b"-1").rpartition(b"-")[2] or b"1") if b"id" in lines else -1
                    )
                    yield when, number, lines[b"event"].decode(), lines.get(b"data", b"").decode()


def told(readings: Iterable[Reading]) -> dict[str, Any]:
    """All of it in few words.

    `changes` are the turns of checks by the number of their event, as the first reader had them; `sequences` how many
    readers came after which event and had which numbers of these, in their order; `differing` the numbers under which two readers had different
    words; `late` the seconds from when the agent says that something turned until a reader had it; `names` how often
    each kind of event came; `ends` how many readers ended with which parts.
    """
    changes: dict[int, dict[str, Any]] = {}
    words: dict[int, str] = {}
    differing: set[int] = set()
    sequences: Counter[tuple[int, tuple[int, ...]]] = Counter()
    ends: Counter[int] = Counter()
    names: Counter[str] = Counter()
    late: list[float] = []
    disorder = 0
    for reading in readings:
        mine: list[int] = []
        parts: dict[str, str] = {}
        begin = last = -1
        for when, number, name, data in reading.events():
            names[name] += 1
            disorder += 0 <= number < last
            last = max(last, number)
            if name == "hello":
                begin = number
            elif name == "change":
                mine.append(number)
                if number not in words:
                    words[number], changes[number] = data, json.loads(data)
                elif words[number] != data:
                    differing.add(number)
                late.append(when - _seconds(changes[number]["at"]))
            elif name == "part":
                part = json.loads(data)
                parts[part["id"]] = part["html"]
        sequences[begin, tuple(mine)] += 1
        ends[hash(tuple(sorted(parts.items())))] += 1
    return {
        "changes": {number: [one["at"], one["id"], one["is"]] for number, one in changes.items()},
        "sequences": [[begin, list(numbers), count] for (begin, numbers), count in sequences.items()],
        "differing": len(differing),
        "disorder": disorder,
        "late": late,
        "names": dict(names),
        "ends": len(ends),
    }


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
