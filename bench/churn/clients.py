"""Clients that never stop asking, as a process of its own: `python -m bench.churn.clients main|agent HOST:PORT CONNECTIONS RATE`.

`main` asks for /ping through the replica's main listener over TLS, a new connection every few requests; `agent`
asks for /readyz over connections that stay open. Until SIGTERM; then one line of JSON says how it went.
"""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sys
import threading
import time
from collections import Counter

from pomhealth.demo.running import HOST
from pomhealth.replica.unverified import unverified

_PER_CONNECTION = {"main": 5, "agent": 1_000_000}
_PATH = {"main": "/ping", "agent": "/readyz"}
_DEADLINE = 10.0  # seconds


class Client(threading.Thread):
    """One client with its own connection; `seen` counts the answers by their status, or by the error's name."""

    def __init__(self, kind: str, where: tuple[str, int], every: float) -> None:
        super().__init__(daemon=True)
        self.seen: Counter[str] = Counter()
        self.worst = 0.0
        self._kind, self._where, self._every = kind, where, every

    def run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        asked = 0
        while True:
            began = time.monotonic()
            try:
                if connection is None:
                    connection, asked = self._open(), 0
                connection.request("GET", _PATH[self._kind])
                answer = connection.getresponse()
                answer.read()
                self.seen[str(answer.status)] += 1
                self.worst = max(self.worst, time.monotonic() - began)
                asked += 1
                if answer.will_close or asked >= _PER_CONNECTION[self._kind]:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.seen[type(error).__name__] += 1
                if connection is not None:
                    connection.close()
                connection = None
            time.sleep(max(self._every - (time.monotonic() - began), 0.001))

    def _open(self) -> http.client.HTTPConnection:
        host, port = self._where
        raw = socket.create_connection((host, port), _DEADLINE)
        connection = http.client.HTTPConnection(HOST, timeout=_DEADLINE)
        try:
            connection.sock = (
                unverified().wrap_socket(raw, server_hostname=HOST) if self._kind == "main" else raw
            )
        except OSError:
            raw.close()
            raise
        return connection


def main() -> None:
    kind, address, count, rate = sys.argv[1:]
    host, _, port = address.rpartition(":")
    clients = [Client(kind, (host, int(port)), int(count) / float(rate)) for _ in range(int(count))]
    for client in clients:
        client.start()
    signal.sigwait({signal.SIGTERM})
    seen: Counter[str] = sum((client.seen for client in clients), Counter())
    print(json.dumps({"seen": seen, "worst": max(client.worst for client in clients)}), flush=True)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
