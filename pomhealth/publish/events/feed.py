"""Tells readers what changes: one event a turn of a check, and for each page each part of it that reads otherwise.

Nobody waits for a reader, and no number of them keeps the agent from its other work: they are told a few at a time,
and what comes in quick succession is told in one go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from pomhealth.publish import render
from pomhealth.publish.events.channel import Log, Newest
from pomhealth.publish.events.reader import Reader
from pomhealth.publish.events.wire import Place, event
from pomhealth.publish.moment import when
from pomhealth.publish.view import View
from pomhealth.status import Change

BEAT = 10  # seconds between two signs of life
MOST = 512  # readers
SOON = 0.03  # seconds in which what follows from one fault is told with it
CALM = 1.0  # seconds between two looks at the pages' words, where no check turned
_AT_A_TIME = 4  # readers that are told in one turn of the event loop

CHANGES = "changes"


class Listener(Protocol):
    """Somebody who reads."""

    def told(self, extra: bytes = b"") -> None:
        """There is something new to take; `extra` comes besides, where there is room for it."""


class Feed:
    """The channels of one agent and who reads them: what changed, and by the name of each document, which `look` takes
    in, the `forms` of its parts.
    """

    def __init__(
        self,
        boot: str,
        view: Callable[[], View],
        forms: Mapping[str, Newest],
        look: Callable[[str], Awaitable[None]],
    ) -> None:
        self._boot = boot
        self._view = view
        self._look = look
        self._changes = Log(boot)
        self._forms = forms
        self._readers: dict[Listener, str] = {}
        self._state: Mapping[str, object] = {}
        self._beat = 0
        self._timer: asyncio.TimerHandle | None = None
        self._work: list[asyncio.Task[None]] = []

    @property
    def readers(self) -> int:
        """How many there are."""
        return len(self._readers)

    def reader(self, channel: str, last: Place | None) -> tuple[bytes, Reader]:
        """What a new reader of this channel is told first, and its reader. `last` is how far it read before."""
        chosen = self._forms.get(channel, self._changes)
        reader = Reader(chosen, self._boot, last)
        status = self._view().status
        hello = {
            "boot": self._boot,
            "seq": chosen.latest,
            "beat": BEAT,
            "ready": status.ready,
            "live": status.live,
        }
        at = Place(self._boot, chosen.latest) if last is None else None
        return event("hello", hello, at) + reader.take(), reader

    def join(self, listener: Listener, channel: str) -> None:
        """Has `listener` told of what is new, until `leave`."""
        self._readers[listener] = channel
        if channel in self._forms:
            self._look_in(SOON)

    def leave(self, listener: Listener) -> None:
        self._readers.pop(listener, None)

    def changed(self, turned: tuple[Change, ...]) -> None:
        """Something has changed; `turned` are the checks that turned."""
        view = self._view()
        state = render.state_of(view)
        for change in turned:
            self._changes.put("change", render.turn(change, view))
        if not turned and state != self._state:
            self._changes.put("state", state)
        if turned or state != self._state:
            self._state = state
            self._look_in(SOON)
        elif self._looked_at():
            self._look_in(CALM)

    def beat(self) -> None:
        """A second has passed."""
        self._beat = (self._beat + 1) % BEAT
        if not self._beat and self._readers:
            beat = event("beat", {"at": when(self._view().now)})
            self._work = [work for work in self._work if not work.done()]
            self._work.append(asyncio.ensure_future(self._pass_on(beat)))

    def bye(self) -> bytes:
        """The last that a reader is told."""
        return event("bye", {})

    def close(self) -> None:
        """Tells nobody anything any more."""
        if self._timer is not None:
            self._timer.cancel()
        for work in self._work:
            work.cancel()

    def _look_in(self, seconds: float) -> None:
        """Tells the readers in so many seconds at the latest."""
        if not self._readers:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = loop.call_at(due, self._tell)

    def _tell(self) -> None:
        self._timer = None
        if any(not work.done() for work in self._work):
            self._look_in(SOON)
        else:
            self._work = [asyncio.ensure_future(self._tell_all())]

    async def _tell_all(self) -> None:
        for document in self._looked_at():
            await self._look(document)
        await self._pass_on(b"")

    def _looked_at(self) -> list[str]:
        """The documents that somebody looks at."""
        channels = set(self._readers.values())
        return [document for document in self._forms if document in channels]

    async def _pass_on(self, extra: bytes) -> None:
        """Has each reader take what is new, a few in each turn of the event loop."""
        for place, listener in enumerate(tuple(self._readers), 1):
            if listener in self._readers:
                listener.told(extra)
            if not place % _AT_A_TIME:
                await asyncio.sleep(0)
