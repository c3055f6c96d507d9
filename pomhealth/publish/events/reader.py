"""One reader of a channel, and how far it has got."""

from __future__ import annotations

from pomhealth.publish.events.channel import Channel
from pomhealth.publish.events.wire import Place, event


class Reader:
    """Takes what is new when it can. Who is too slow for what is kept is told to look anew."""

    def __init__(self, channel: Channel, boot: str, last: Place | None) -> None:
        """`last` is how far it read before, None for one that begins now; of another agent's events it knows nothing."""
        self._channel = channel
        self._boot = boot
        self._number = channel.latest
        if last is not None:
            self._number = last.number if last.boot == boot else -1

    def take(self) -> bytes:
        """What is new since it last took something."""
        number, self._number = self._number, self._channel.latest
        if number == self._number:
            return b""
        new = self._channel.since(number) if number >= 0 else None
        return event("reset", {}, Place(self._boot, self._number)) if new is None else new
