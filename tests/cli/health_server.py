"""A real server for the tests of `pomhealth health`: it answers each connection with a script of bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

RECORDINGS = Path(__file__).parents[1] / "recordings"

Talk = Callable[[socket.socket, int], None]


@dataclass
class Server:
    """`requests` holds what clients sent, in order. `address` is HOST:PORT or unix:PATH."""

    address: str
    requests: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def serving(talk: Talk, listener: socket.socket | None = None) -> Iterator[Server]:
    """Serves with `talk(connection, number of connections before)` until the block ends."""
    listener = listener or socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.02)
    name = listener.getsockname()
    server = Server(
        f"unix:{name}"
        if isinstance(name, str)
        else f"[{name[0]}]:{name[1]}"
        if ":" in name[0]
        else f"{name[0]}:{name[1]}"
    )

    def work() -> None:
        while not server.over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                request = connection.recv(65536)
                server.requests.append(request)
                talk(connection, len(server.requests) - 1)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        thread.join()
        listener.close()


def saying(*answers: bytes) -> Talk:
    """Sends the answers one after the other, a connection each; the last one from then on."""

    def talk(connection: socket.socket, before: int) -> None:
        connection.sendall(answers[min(before, len(answers) - 1)])

    return talk


def http(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def agent(*rows: tuple[str, ...], ready: int = 1) -> bytes:
    """An agent's answer: a row is (id, outcome, stops, gate, cause, summary, fix, blocked_by), cut short as one likes."""
    lines = [f"pomhealth 1 ready={ready} live=1"]
    lines += ["\t".join((*row, *("",) * (8 - len(row)))) for row in rows]
    return http(
        "".join(f"{line}\n" for line in lines).encode(), headers="Content-Type: text/tab-separated-values\r\n"
    )


def recorded(state: str) -> bytes:
    """What a real replica answered to GET /status, header and body."""
    return (RECORDINGS / state / "pomerium_status.http").read_bytes()
