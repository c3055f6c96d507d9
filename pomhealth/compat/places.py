"""Where options stand in a configuration file, and one mistake in many places told as one. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pomhealth.replica import yamlfile
from pomhealth.replica.model import Value

Place = tuple[str, int]  # file (or environment variable), and line: 0 where none can be told
Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class Mistake:
    """One mistake: where it stands first, what is wrong, and in how many places it was made."""

    place: Place
    why: str = ""
    times: int = 1

    @property
    def elsewhere(self) -> str:
        """Where else, to be put behind the text of the first."""
        more = self.times - 1
        return f" (and in {more} more place{'s' * (more != 1)})" if more else ""


def note(found: dict[Key, Mistake], key: Key, place: Place, why: str = "") -> None:
    """Counts a mistake; the first place is the one that is kept."""
    mistake = found.get(key)
    if mistake is None:
        found[key] = Mistake(place, why)
    else:
        mistake.times += 1


def place_of(value: Value) -> Place:
    """Where an option of the top level stands."""
    head, _, tail = value.origin.rpartition(":")
    return (head, int(tail)) if head and tail.isdigit() else (value.origin, 0)


def place_in(block: Mapping[str, Any], name: str, around: Place) -> Place:
    """Where a key of a mapping stands; the place around it where lines lead nowhere."""
    path, line = around
    return (path, block.line_of(name)) if line and isinstance(block, yamlfile.Block) else around


def from_environment(value: Value) -> bool:
    return value.origin.startswith("environment ")
