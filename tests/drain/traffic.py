"""Users of a replica: downloads that last as long as the test wants, and connections that are only kept."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pomhealth.demo.running import HOST, RunningReplica
from pomhealth.replica.unverified import unverified

PIECE = b"a piece of it\n"
PATIENCE = 20.0  # seconds


class Source:
    """An upstream whose answer has a first piece at once, and the last when `finish` is set."""

    def __init__(self) -> None:
        self.finish = threading.Event()
        finish = self.finish

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(2 * len(PIECE)))
                self.end_headers()
                self.wfile.write(PIECE)
                self.wfile.flush()
                finish.wait(PATIENCE)
                self.wfile.write(PIECE)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def route(self) -> dict[str, Any]:
        """The replica's route that leads here."""
        return {
            "from": f"https://{HOST}",
            "to": f"http://127.0.0.1:{self._server.server_port}",
            "allow_public_unauthenticated_access": True,
        }

    def close(self) -> None:
        self.finish.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def source() -> Iterator[Source]:
    made = Source()
    try:
        yield made
    finally:
        made.close()


class Download:
    """One answer that has begun to come. `whole` reads the rest of it."""

    def __init__(self, replica: RunningReplica) -> None:
        raw = socket.create_connection(replica.address, PATIENCE)
        self._connection = http.client.HTTPConnection(HOST, timeout=PATIENCE)
        self._connection.sock = unverified().wrap_socket(raw, server_hostname=HOST)
        self._connection.request("GET", "/")
        self._answer = self._connection.getresponse()
        assert self._answer.read(len(PIECE)) == PIECE

    def whole(self) -> bool:
        """Whether the rest comes; the connection stays open after it, as a browser's does."""
        try:
            return self._answer.read() == PIECE
        except (OSError, http.client.HTTPException):
            return False

    def close(self) -> None:
        self._connection.close()


@contextmanager
def download(replica: RunningReplica) -> Iterator[Download]:
    one = Download(replica)
    try:
        yield one
    finally:
        one.close()
