"""Tells systemd, or whoever speaks its protocol, what is so: ready, the truth in one line, that the agent goes on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from pomhealth.publish.oneline import one_line, short
from pomhealth.publish.view import View
from pomhealth.systemd.notify import moment

_FEEDS = 3  # times that the watchdog is fed in its time: one may come late, and one be lost
_OFTENEST = 0.01  # seconds between two feeds, at least
_MARGIN = 10.0  # seconds that the agent's own end may take after a drain
_MOST = 16  # messages that wait until the supervisor takes them again

Fields = dict[str, str | int]


class Notifier(Protocol):
    """The supervisor's socket."""

    @property
    def heard(self) -> bool: ...

    def tell(self, **fields: str | int) -> bool: ...

    def close(self) -> None: ...


class Supervised:
    """What the supervisor is told. It reads the view alone; a line is sent when it is another, and never waits.

    `stuck` names the part of the agent that does not go on, "" while all do: only then is the watchdog fed, which ends
    the agent after `watchdog` seconds of silence (0: there is none). `scrub` takes secrets out of what is told.
    """

    def __init__(
        self,
        notifier: Notifier,
        view: Callable[[], View],
        *,
        watchdog: float = 0.0,
        stuck: Callable[[], str] = str,
        scrub: Callable[[str], str] = str,
    ) -> None:
        self._notifier = notifier
        self._view = view
        self._watchdog = watchdog
        self._stuck = stuck
        self._scrub = scrub
        self._ready = False
        self._stopping = False
        self._reloads = 0
        self._refused = ""
        self._part = ""
        self._stale = False
        self._line = ""
        self._waiting: deque[Fields] = deque(maxlen=_MOST)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begins: the state of now, and the watchdog's food."""
        if not self._notifier.heard:
            return
        self._tell()
        if self._watchdog > 0:
            self._feed()

    def changed(self, turned: object) -> None:
        """The view has changed; at once where something `turned`, else with the next beat."""
        self._stale = True
        if turned:
            self.beat()

    def beat(self) -> None:
        """Sends what is not sent yet. Called every second, so that words that change all the time cost little."""
        before, self._part = self._part, self._stuck()
        if self._stale or self._waiting or self._part != before:
            self._tell()

    def ready(self) -> None:
        """The agent knows what is so. It does not mean that the replica is well: STATUS tells that."""
        if not self._ready and not self._stopping:
            self._ready = True
            self._tell(READY=1)

    def reloading(self) -> None:
        """The settings are being read again."""
        self._reloads += 1
        if self._ready and not self._stopping:
            self._tell(RELOADING=1, MONOTONIC_USEC=moment())

    def reloaded(self, refused: str = "") -> None:
        """The settings are in force; or they are `refused`, for this reason, which is told until they are right."""
        self._reloads -= 1
        self._refused = refused
        if self._ready and not self._reloads and not self._stopping:
            self._tell(READY=1)
        else:
            self.changed(turned=True)

    def stopping(self, seconds: float = 0.0) -> None:
        """The agent stops; a drain before that takes up to so many seconds, for which the supervisor is to wait."""
        self._stopping = True
        self._tell(STOPPING=1)
        if seconds:
            self._queue({"EXTEND_TIMEOUT_USEC": round((seconds + _MARGIN) * 1e6)})

    def close(self) -> None:
        """The last word: of what nobody measures any more nothing is said."""
        if self._timer is not None:
            self._timer.cancel()
        if self._notifier.heard:
            self._queue({"STATUS": ""})
        self._notifier.close()

    def _tell(self, **fields: str | int) -> None:
        """Sends these fields, with the line where it has changed."""
        if not self._notifier.heard:
            return
        self._stale = False
        line = self._words()
        if line != self._line:
            self._line = line
            fields["STATUS"] = line
        self._queue(fields)

    def _words(self) -> str:
        said = one_line(self._view())
        if self._stopping and not said.startswith("draining"):
            said = "stopping"
        if self._part:
            said = f"pomhealth is stuck: {self._part} does not go on; it last said: {said}"
        refused = f"; {self._told(f'reload refused: {self._refused}')}" if self._refused else ""
        return self._told(said) + refused

    def _told(self, text: str) -> str:
        return short(self._scrub(text))

    def _queue(self, fields: Fields) -> None:
        if fields:
            if self._waiting and self._waiting[-1].keys() == {"STATUS"} == fields.keys():
                self._waiting.pop()  # only the last line is true
            self._waiting.append(fields)
        while self._waiting and self._notifier.tell(**self._waiting[0]):
            self._waiting.popleft()

    def _feed(self) -> None:
        if not self._stuck():
            self._notifier.tell(WATCHDOG=1)
        self._timer = asyncio.get_running_loop().call_later(
            max(self._watchdog / _FEEDS, _OFTENEST), self._feed
        )
