"""A load of HTTP requests over keep-alive connections, the same for every server. One thread, no library."""

from __future__ import annotations

import re
import select
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from statistics import median

_NAP = 0.0001  # seconds
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

_CHUNKED = re.compile(rb"transfer-encoding: *chunked", re.IGNORECASE)


@dataclass
class Outcome:
    """`latencies` in seconds, one an answer; `codes` the status codes seen; `rates` answers a second, one a turn."""

    latencies: list[float] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    rates: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """The median of the turns: one in which the machine had other work does not count."""
        return median(self.rates)

    def add(self, other: Outcome) -> None:
        self.latencies += other.latencies
        self.codes |= other.codes
        self.rates += other.rates


def load(address: str, path: str, *, connections: int, seconds: float, rate: float = 0.0) -> Outcome:
    """Asks for `path` again and again for so many seconds.

    Each connection asks again as soon as it is answered; with `rate`, so many requests a second are sent in all,
    evenly, and the latency counts from the moment when a request was due.
    """
    host, _, port = address.rpartition(":")
    request = f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
    opened = [socket.create_connection((host.strip("[]"), int(port)), timeout=10) for _ in range(connections)]
    try:
        return _drive(opened, request, seconds, rate)
    finally:
        for connection in opened:
            connection.close()


def _drive(opened: list[socket.socket], request: bytes, seconds: float, rate: float) -> Outcome:
    poller = select.epoll()
    by_number = {connection.fileno(): connection for connection in opened}
    for number, connection in by_number.items():
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        poller.register(number, select.EPOLLIN)
    outcome = Outcome()
    due: dict[int, float] = {}
    parts: dict[int, bytes] = {}
    idle = deque(by_number)  # in turn: one that is never used would look as if nobody wanted it
    began = time.perf_counter()
    sent = 0
    with poller:
        while True:
            now = time.perf_counter()
            over = now - began >= seconds
            while idle and not over and (not rate or sent < (now - began) * rate):
                number = idle.popleft()
                due[number] = began + sent / rate if rate else now
                sent += 1
                by_number[number].send(request)
            if over and not due:
                break
            ready = poller.poll(0 if rate else 1)
            if not ready:
                time.sleep(_NAP)  # at a steady rate there is time to leave the core to others
            for number, _ in ready:
                piece = by_number[number].recv(262144)
                if not piece:
                    raise ConnectionError("the server closed a connection that it should keep")
                answer = parts.pop(number, b"") + piece
                if not _complete(answer):
                    parts[number] = answer
                    continue
                outcome.latencies.append(time.perf_counter() - due.pop(number))
                outcome.codes.add(answer[9:12].decode("ascii", "replace"))
                idle.append(number)
    outcome.rates.append(len(outcome.latencies) / (time.perf_counter() - began))
    return outcome


def _complete(answer: bytes) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = _LENGTH.search(answer, 0, end)
    if length:
        return len(answer) >= end + 4 + int(length[1])
    return bool(_CHUNKED.search(answer, 0, end)) and answer.endswith(b"0\r\n\r\n")
