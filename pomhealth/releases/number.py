"""Release numbers, and which is the newer. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What is longer is no release's number, whatever a feed says.
_SHAPE = re.compile(
    r"v?(\d{1,3})\.(\d{1,4})\.(\d{1,5})(?:-([0-9A-Za-z][0-9A-Za-z.-]{0,40}))?(?:\+[0-9A-Za-z.-]{0,60})?\Z",
    re.ASCII,
)
_SINCE = re.compile(r"\d+-g[0-9a-f]+\Z")  # as git describes a build that is some commits past a release
_PART = re.compile(r"\d+|\D+")


@dataclass(frozen=True, slots=True, order=True)
class Number:
    """One release's number. `final` is false for what comes before a release; `early` then orders these."""

    numbers: tuple[int, int, int]
    final: bool = True
    early: tuple[tuple[bool, int, str], ...] = ()

    def __str__(self) -> str:
        return ".".join(str(number) for number in self.numbers)


def parse(text: str) -> Number | None:
    """The number in "v0.33.1", "0.34.0-rc1", "0.33.1+build"; None for anything else."""
    found = _SHAPE.match(text)
    if found is None:
        return None
    major, minor, patch, early = found.groups()
    numbers = (int(major), int(minor), int(patch))
    if not early or _SINCE.match(early):
        return Number(numbers)
    parts = ((part.isdigit(), int(part) if part.isdigit() else 0, part) for part in _PART.findall(early))
    return Number(numbers, final=False, early=tuple(parts))


def behind(running: Number, newest: Number, known: tuple[Number, ...]) -> str:
    """How far one is behind the other, in words; `known` are the releases that are known of."""
    newer = {one for one in known if running < one <= newest}
    if len(newer) > 1 or len(known) > 1:
        least = "at least " if all(one > running for one in known) else ""
        return f"{least}{len(newer)} release{'s' * (len(newer) > 1)} behind"
    for place, name in enumerate(("major", "minor", "patch")):
        ahead = newest.numbers[place] - running.numbers[place]
        if ahead:
            return f"{ahead} {name} release{'s' * (ahead > 1)} behind"
    return "an early build of it"
