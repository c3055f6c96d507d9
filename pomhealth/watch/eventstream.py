"""The grammar of server-sent events (the HTML standard's text/event-stream). Pure: bytes in, events out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LARGEST = 1 << 20  # bytes of one event; an agent's have some thousands


class TooLarge(Exception):  # noqa: N818  (what is wrong is that, and no more)
    """An event that does not end."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `kind` is "message" where it names none; `id` is the last id that the stream gave, this one's or not."""

    kind: str
    data: str
    id: str


class EventStream:
    """Takes a stream's bytes in whatever pieces they come, and gives its events.

    `last` is the id to resume after. What an event's `retry` asks for is not taken: who reads has a pace of its own.
    """

    def __init__(self, last: str = "") -> None:
        self.last = last
        self._buffer = b""
        self._kind = ""
        self._id = last
        self._data: list[str] = []
        self._size = 0
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that are whole with this piece. Raises TooLarge."""
        self._buffer += piece
        if not self._begun:
            if len(self._buffer) < 3 and b"\xef\xbb\xbf".startswith(self._buffer):
                return  # it may be a byte order mark, which is not part of the stream
            self._buffer = self._buffer.removeprefix(b"\xef\xbb\xbf")
            self._begun = True
        while (line := self._line()) is not None:
            event = self._take(line.decode("utf-8", "replace"))
            if event is not None:
                yield event
        if self._size + len(self._buffer) > LARGEST:
            raise TooLarge

    def _line(self) -> bytes | None:
        """The next whole line, which ends in LF, CR or CR LF; None while more of it is to come."""
        ends = [at for at in (self._buffer.find(b"\n"), self._buffer.find(b"\r")) if at >= 0]
        if not ends:
            return None
        at = min(ends)
        if self._buffer[at:] == b"\r":
            return None  # an LF that belongs to it may be to come
        line = self._buffer[:at]
        self._buffer = self._buffer[at + (2 if self._buffer[at : at + 2] == b"\r\n" else 1) :]
        return line

    def _take(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")  # a comment's name is empty
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(line)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> Event | None:
        kind, data = self._kind or "message", self._data
        self.last = self._id
        self._kind, self._data, self._size = "", [], 0
        return Event(kind, "\n".join(data), self.last) if data else None
