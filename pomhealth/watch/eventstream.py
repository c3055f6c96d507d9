"""The grammar of server-sent events (the HTML standard's text/event-stream). Pure: bytes in, events out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LARGEST = 1 << 20  # bytes of one event; an agent's have some thousands
_END = re.compile(rb"\r\n|\n|\r(?!\Z)")  # after a CR that came last an LF may be to come


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
        for line in self._lines():
            event = self._take(line.decode("utf-8", "replace"))
            if event is not None:
                yield event
        if self._size + len(self._buffer) > LARGEST:
            raise TooLarge

    def _lines(self) -> Iterator[bytes]:
        """The lines that are whole; they end in LF, CR or CR LF."""
        begin = 0
        for end in _END.finditer(self._buffer):
            yield self._buffer[begin : end.start()]
            begin = end.end()
        self._buffer = self._buffer[begin:]

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
