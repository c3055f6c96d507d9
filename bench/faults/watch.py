"""What the agent and the replica's own report say, looked at all the time: every change with its moment."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

Where = tuple[str, int]
Alert = tuple[str, str, str]  # id, cause, outcome
T = TypeVar("T")

_EVERY, _PEER_EVERY = 0.005, 0.02  # seconds between two looks
_AGENT_PATIENCE = 2.0  # seconds for an answer of the agent's
_PEER_PATIENCE = 1.0  # what Kubernetes gives a probe
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"

SILENT, REFUSED = -1, 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen at a moment of the monotonic clock: /readyz's status code (SILENT, REFUSED), and the alerts."""

    at: float
    code: int
    alerts: frozenset[Alert] = frozenset()

    @property
    def failing(self) -> frozenset[tuple[str, str]]:
        return frozenset((id_, cause) for id_, cause, outcome in self.alerts if outcome == "fail")

    @property
    def told(self) -> frozenset[tuple[str, str]]:
        return frozenset((id_, cause) for id_, cause, _ in self.alerts)


class Asker:
    """Asks one path again and again over one connection, which is opened anew when it has ended."""

    def __init__(self, where: Where, path: str, patience: float) -> None:
        self._where = where
        self._question = f"GET {path} HTTP/1.1\r\nHost: {where[0]}\r\n\r\n".encode()
        self._patience = patience
        self._socket: socket.socket | None = None

    def ask(self) -> tuple[int, bytes]:
        """Status code and body; SILENT or REFUSED and nothing."""
        kept = self._socket is not None
        try:
            return self._ask()
        except TimeoutError:
            self.close()
            return SILENT, b""
        except OSError:
            self.close()
        return self.ask() if kept else (REFUSED, b"")  # a kept connection may end without meaning anything

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self) -> tuple[int, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(self._where, self._patience)
        self._socket.sendall(self._question)
        answer = b""
        while _END not in answer:
            answer += self._more()
        head, _, body = answer.partition(_END)
        length = _LENGTH.search(head)
        while length is not None and len(body) < int(length[1]):
            body += self._more()
        return int(head.split(b" ", 2)[1]), body

    def _more(self) -> bytes:
        assert self._socket is not None
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError
        return data


class Watch:
    """A thread that looks at an address and keeps every change, until the block ends. The last is `now`."""

    def __init__(
        self, look: Callable[[], tuple[int, frozenset[Alert]]], every: float, askers: Sequence[Asker] = ()
    ) -> None:
        self._look = look
        self._askers = askers
        self._every = every
        self._seen: list[Seen] = []
        self._changed = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:  # noqa: PYI034  Self needs 3.11
        self._thread.start()
        self.wait(lambda seen: seen or None, within=10.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending = True
        self._thread.join()
        for asker in self._askers:
            asker.close()

    @property
    def now(self) -> Seen:
        return self._seen[-1]

    def since(self, moment: float) -> list[Seen]:
        """What held at this moment, and every change after it."""
        with self._changed:
            seen = list(self._seen)
        first = max((place for place, one in enumerate(seen) if one.at <= moment), default=0)
        return seen[first:]

    def wait(
        self, found: Callable[[Sequence[Seen]], T | None], *, within: float, start: float = 0.0
    ) -> T | None:
        """What `found` makes of all that was seen since `start`, once it makes something of it; None in the end."""
        until = time.monotonic() + within
        while True:
            with self._changed:
                known = len(self._seen)
            result = found(self.since(start))
            left = until - time.monotonic()
            if result is not None or left <= 0:
                return result
            with self._changed:
                if len(self._seen) == known:
                    self._changed.wait(left)

    def settle(self, good: Callable[[Seen], bool], stands: float, *, within: float) -> Seen | None:
        """What was last seen, once it is good and has stood for so many seconds; None when it never does."""
        until = time.monotonic() + within
        while True:
            last = self.now
            stood = time.monotonic() - last.at
            if good(last) and stood >= stands:
                return last
            left = until - time.monotonic()
            if left <= 0:
                return None
            more = max(stands - stood, 0.001) if good(last) else left
            with self._changed:
                if self.now is last:
                    self._changed.wait(min(more, left))

    def _run(self) -> None:
        while not self._ending:
            code, alerts = self._look()
            at = time.monotonic()
            if not self._seen or (code, alerts) != (self.now.code, self.now.alerts):
                with self._changed:
                    self._seen.append(Seen(at, code, alerts))
                    self._changed.notify_all()
            time.sleep(self._every)


def watch_agent(where: Where, every: float = _EVERY) -> Watch:
    """The agent's /readyz and /alerts, looked at again after so many seconds."""
    readyz, alerts = (Asker(where, path, _AGENT_PATIENCE) for path in ("/readyz", "/alerts"))
    kept: tuple[bytes, frozenset[Alert]] = b"", frozenset()

    def look() -> tuple[int, frozenset[Alert]]:
        nonlocal kept
        code, _ = readyz.ask()
        _, body = alerts.ask()
        if body and body != kept[0]:
            kept = body, _alerts(body)
        return code, kept[1]

    return Watch(look, every, (readyz, alerts))


def watch_peer(where: Where) -> Watch:
    """The replica's own /readyz."""
    readyz = Asker(where, "/readyz", _PEER_PATIENCE)
    return Watch(lambda: (readyz.ask()[0], frozenset()), _PEER_EVERY, (readyz,))


def _alerts(body: bytes) -> frozenset[Alert]:
    told = json.loads(body)["alerts"]
    return frozenset((alert["id"], alert["cause"], alert["outcome"]) for alert in told)
