"""What readers still have to be told, by how far each has read. Bounded, whatever happens and however slow they are."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pomhealth.publish.events.wire import Place, event

MOST_BYTES = 128 * 1024  # of events that are kept for those who come back


class Channel(Protocol):
    """Something that is read bit by bit."""

    @property
    def latest(self) -> int:
        """The number of the last event."""

    def since(self, number: int) -> bytes | None:
        """Everything after the event with this number, None where some of it is no longer kept."""


class Log:
    """One event after another; of those that nobody may ask for any more, the oldest go first."""

    def __init__(self, boot: str, *, most: int = MOST_BYTES) -> None:
        self._boot = boot
        self._most = most
        self._kept: deque[bytes] = deque()
        self._bytes = 0
        self.latest = 0

    def put(self, name: str, data: Any) -> None:
        self.latest += 1
        said = event(name, data, Place(self._boot, self.latest))
        self._kept.append(said)
        self._bytes += len(said)
        while self._bytes > self._most:
            self._bytes -= len(self._kept.popleft())

    def since(self, number: int) -> bytes | None:
        missed = self.latest - number
        if not 0 <= missed <= len(self._kept):
            return None
        return b"".join(itertools.islice(self._kept, len(self._kept) - missed, None))


class Newest:
    """The newest form of each of several things: what came between two looks nobody needs.

    When there are others than before, everything is unknown to whoever knew the former ones.
    """

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self._known: dict[str, _Form] = {}
        self._begins = 0
        self.latest = 0

    def become(self, forms: Mapping[str, str]) -> None:
        """From now on there are these things, in these forms."""
        if forms.keys() != self._known.keys():
            self._known = {id_: self._known[id_] for id_ in forms if id_ in self._known}
            self.latest += 1
            self._begins = self.latest
        for id_, form in forms.items():
            known = self._known.get(id_)
            if known is None or known.form != form:
                self.latest += 1
                said = event("part", {"id": id_, "html": form}, Place(self._boot, self.latest))
                self._known[id_] = _Form(form, self.latest, said)

    def since(self, number: int) -> bytes | None:
        if not self._begins <= number <= self.latest:
            return None
        new = sorted((one.at, one.said) for one in self._known.values() if one.at > number)
        return b"".join(said for _, said in new)


@dataclass(frozen=True, slots=True)
class _Form:
    form: str
    at: int
    said: bytes
