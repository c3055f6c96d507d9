"""What the running agent says: its map, its alerts, its history, its metrics."""

from __future__ import annotations

import socket
from functools import partial

from pomhealth.bundle.ask import Ask, Server
from pomhealth.client.ask import Address
from pomhealth.replica.connect import tcp_socket, unix_socket

_DEADLINE = 3.0  # seconds for one answer
_MARGIN = 0.5  # and for saying that there is none
_MOST = 4 * 1024 * 1024  # bytes of one; /status of 10,000 routes has a tenth of that
STATUS = "agent/status.json"
_PAGES = {
    STATUS: ("/status", "the agent's map: every check, what cannot be seen, what changed last"),
    "agent/alerts.json": ("/alerts", "what the agent says should be acted on"),
    "agent/readyz.txt": ("/readyz?verbose", "what counts for readiness, line by line"),
    "agent/replicas.json": (
        "/replicas?all",
        "every replica of the cluster as the agent knows it, and why it may be old",
    ),
    "agent/metrics.txt": ("/metrics", "the agent's metrics"),
}


def asks(address: Address) -> tuple[Ask, ...]:
    """One question for each of its pages. /readyz answers 503 where the replica is not ready, which is an answer."""
    server = Server(address.where, partial(_connect, address), _MOST)
    return tuple(
        Ask(
            name,
            says,
            _DEADLINE + _MARGIN,
            partial(server.json if name.endswith(".json") else server.text, path, deadline=_DEADLINE),
        )
        for name, (path, says) in _PAGES.items()
    )


async def _connect(address: Address) -> socket.socket:
    if address.path:
        return await unix_socket(address.path)
    return await tcp_socket(address.host, address.port)
