"""A crowd of readers: `python -m bench.readers.crowd HOST:PORT KIND COUNT`, until standard input ends.

KIND is one of KINDS:
changes  read /events
parts    fetch the page, then read /events?parts from where it stands, as a browser does
pages    fetch the page once a second
slow     read the page's events one byte a second
deaf     ask for the page's events and take nothing
storm    open /events, read its first words, leave, and come again, COUNT times a second

Prints "there" once all are connected, and after the end one line of JSON: what was read, and when.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from dataclasses import dataclass, field

from bench.readers.stream import Reading, told

_PAGE = b"GET / HTTP/1.1\r\nHost: readers\r\nAccept: text/html\r\n\r\n"
_EVENTS = b"GET /events HTTP/1.1\r\nHost: readers\r\nAccept: text/event-stream\r\n\r\n"
_PARTS = _EVENTS.replace(b"/events", b"/events?parts", 1)
_PATIENCE = 20.0  # seconds for an answer while the crowd comes together
_AT_ONCE = 0.5  # seconds
_TOGETHER = 25  # readers that come at a time
_TURN = 0.05  # seconds between two looks at the clock


@dataclass
class Crowd:
    """Readers of one kind, by the number of their socket."""

    where: tuple[str, int]
    kind: str
    poller: select.epoll = field(default_factory=select.epoll)
    open: dict[int, socket.socket] = field(default_factory=dict)
    readings: dict[int, Reading] = field(default_factory=dict)
    cut: int = 0
    came: int = 0
    pages: int = 0
    page_bytes: int = 0
    waits: list[float] = field(default_factory=list)
    asked: dict[int, float] = field(default_factory=dict)
    tails: dict[int, bytes] = field(default_factory=dict)
    _same: dict[bytes, bytes] = field(default_factory=dict)

    def connect(self, request: bytes, *, small: bool = False) -> int:
        """A new reader; `small` has the kernel keep as little as it can for one who does not read."""
        client = socket.socket()
        if small:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.settimeout(_PATIENCE)
        client.connect(self.where)
        client.sendall(request)
        number = client.fileno()
        self.open[number] = client
        self.came += 1
        return number

    def fill(self, count: int) -> None:
        """All come, a few at a time."""
        for place in range(count):
            if self.kind == "parts":
                number = self.connect(_PAGE)
                begin = _event_of(_whole(self.open[number]))
                self.open.pop(number).close()
                number = self.connect(_EVENTS.replace(b"/events", b"/events?parts&last=" + begin, 1))
            elif self.kind == "pages":
                number = self.connect(_PAGE)
                _whole(self.open[number])
            else:
                unkind = self.kind in ("slow", "deaf")
                number = self.connect(_PARTS if unkind else _EVENTS, small=unkind)
            self.open[number].setblocking(False)
            if self.kind in ("changes", "parts"):
                self.readings[number] = Reading()
            if self.kind in ("changes", "parts", "pages"):
                self.poller.register(number, select.EPOLLIN)
            elif self.kind == "deaf":
                self.poller.register(number, select.EPOLLRDHUP)
            if place % _TOGETHER == 0:
                self.take(0.0)

    def take(self, seconds: float) -> None:
        """What has come to whoever reads at once."""
        for number, _ in self.poller.poll(seconds):
            if number == sys.stdin.fileno():
                continue
            try:
                piece = b"" if self.kind == "deaf" else self.open[number].recv(1 << 20)
            except ConnectionError:
                piece = b""
            if not piece:
                self.lose(number)
            elif self.kind == "pages":
                self.page_bytes += len(piece)
                self.tails[number] = (self.tails.get(number, b"") + piece)[-16:]
                if number in self.asked and _ends(self.tails[number]):
                    self.pages += 1
                    self.waits.append(time.time() - self.asked.pop(number))
            else:
                self.readings[number].pieces.append((time.time(), self._same.setdefault(piece, piece)))

    def lose(self, number: int) -> None:
        """The agent has ended this one."""
        self.cut += 1
        if self.kind != "slow":
            self.poller.unregister(number)
        self.readings.pop(number, None)
        self.open.pop(number).close()

    def keep(self, count: int) -> None:
        """Goes on until standard input ends."""
        self.poller.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
        ending = select.poll()
        ending.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
        began, done = time.monotonic(), 0
        each = {"pages": self.ask, "slow": self.sip}.get(self.kind)
        while not ending.poll(0):
            self.take(_TURN)
            due = int((time.monotonic() - began) * count)
            for turn in range(done, due):
                numbers = list(self.open) if each else []
                if each and numbers:
                    each(numbers[turn % len(numbers)])
                elif self.kind == "storm":
                    self.gust()
            done = due

    def end(self) -> None:
        """Counts who was cut off and had not seen it: the end stands behind what they did not read."""
        if self.kind in ("slow", "deaf"):
            for client in self.open.values():
                self.cut += _ended(client)

    def ask(self, number: int) -> None:
        """Whoever waits for the last page still does not ask for another."""
        if number not in self.asked:
            self.asked[number] = time.time()
            self.tails[number] = b""
            self.open[number].send(_PAGE)

    def sip(self, number: int) -> None:
        """One byte."""
        try:
            if not self.open[number].recv(1):
                self.lose(number)
        except BlockingIOError:
            pass
        except ConnectionError:
            self.lose(number)

    def gust(self) -> None:
        """One more comes and goes."""
        try:
            number = self.connect(_EVENTS)
        except OSError:
            self.cut += 1
            return
        client = self.open.pop(number)
        try:
            client.recv(4096)
        except OSError:
            self.cut += 1
        client.close()


def _ended(client: socket.socket) -> bool:
    """Whether all that comes at once ends with the end."""
    client.settimeout(_AT_ONCE)
    until = time.monotonic() + _AT_ONCE
    try:
        while time.monotonic() < until:
            if not client.recv(1 << 20):
                return True
    except ConnectionError:
        return True
    except TimeoutError:
        pass
    return False


def _whole(client: socket.socket) -> bytes:
    """A whole answer that tells its length."""
    answer = b""
    while not _ends(answer):
        piece = client.recv(1 << 20)
        if not piece:
            raise SystemExit(f"the answer ended early: {answer[:300]!r}")
        answer += piece
    return answer


def _ends(answer: bytes) -> bool:
    return answer.rstrip().endswith(b"</html>")


def _event_of(page: bytes) -> bytes:
    """The place in the events where the page stands: its data-event."""
    _, found, rest = page.partition(b'data-event="')
    if not found:
        raise SystemExit(f"the page names no event: {page[:300]!r}")
    return rest.partition(b'"')[0]


def main() -> None:
    address, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    host, _, port = address.rpartition(":")
    crowd = Crowd((host.strip("[]"), int(port)), kind)
    if kind != "storm":
        crowd.fill(count)
    print("there", flush=True)
    crowd.keep(count)
    crowd.end()
    said = {
        "came": crowd.came,
        "cut": crowd.cut,
        "pages": crowd.pages,
        "page_bytes": crowd.page_bytes,
        "waits": crowd.waits,
        "told": told(crowd.readings.values()),
    }
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
