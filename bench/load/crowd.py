"""A crowd of clients that want nothing: `python -m bench.load.crowd HOST:PORT COUNT [AGAIN]`, until standard input ends.

Of ten connections, eight say nothing, one begins a request and goes on with a byte each second, and one asks for
/status many times and never takes an answer. Those that the server drops are opened again, AGAIN of them a second.
Prints how many it has opened once all are.
"""

from __future__ import annotations

import contextlib
import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_AGAIN = 500  # connections a second, at most
APIECE = 5_000  # connections that one process has at most
_ROOT = Path(__file__).parents[2]
_TOGETHER = 200  # connections being opened at a time
_GREEDY = b"GET /status HTTP/1.1\r\nHost: crowd\r\n\r\n" * 40
_BEGUN = b"GET /readyz HTTP/1.1\r\nX: "
_GONE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class Crowd:
    """Connections to one address, of which so many a second are opened again."""

    def __init__(self, where: tuple[str, int], again: int) -> None:
        self._where, self._again = where, again
        self._poller = select.epoll()
        self._open: dict[int, socket.socket] = {}
        self._slow: set[int] = set()
        self._made = 0

    def fill(self, count: int) -> None:
        """Opens until so many were opened; those dropped meanwhile count."""
        for made in range(count):
            self._add()
            if made % _TOGETHER == 0:
                self._sweep()
                time.sleep(0.01)

    def keep(self, count: int) -> None:
        """Goes on until standard input ends."""
        self._poller.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
        while self._sweep():
            for _ in range(min(self._again // 10, count - len(self._open))):
                self._add()
            if self._made % 10 == 0:
                self._drip()
            time.sleep(0.1)

    def _add(self) -> None:
        client = socket.socket(socket.AF_INET6 if ":" in self._where[0] else socket.AF_INET)
        client.settimeout(10.0)
        try:
            client.connect(self._where)
            kind = self._made % 10
            if kind == 0:
                client.sendall(_BEGUN)
                self._slow.add(client.fileno())
            elif kind == 1:
                client.setblocking(False)
                client.send(_GREEDY)
        except OSError:  # dropped already
            self._slow.discard(client.fileno())
            client.close()
        else:
            self._open[client.fileno()] = client
            self._poller.register(client.fileno(), _GONE)
        self._made += 1

    def _drip(self) -> None:
        for number in self._slow:
            with contextlib.suppress(OSError):
                self._open[number].send(b"x")

    def _sweep(self) -> bool:
        """Lets go of those that were dropped; False once standard input has ended."""
        for number, _ in self._poller.poll(0):
            if number == sys.stdin.fileno():
                return False
            self._slow.discard(number)
            self._poller.unregister(number)
            self._open.pop(number).close()
        return True


def main() -> None:
    address, count = sys.argv[1], int(sys.argv[2])
    host, _, port = address.rpartition(":")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd((host.strip("[]"), int(port)), int(sys.argv[3]) if sys.argv[3:] else _AGAIN)
    crowd.fill(count)
    print(count, flush=True)
    crowd.keep(count)


@contextlib.contextmanager
def crowded(address: str, count: int, *, again: int = _AGAIN) -> Iterator[None]:
    """So many clients, in processes of their own, from when all have come and until the block ends."""
    with contextlib.ExitStack() as stack:
        parts = []
        for _ in range(0, count, APIECE):
            apiece = min(APIECE, count)
            command = [
                sys.executable,
                "-m",
                "bench.load.crowd",
                address,
                str(apiece),
                str(again * apiece // count),
            ]
            part = subprocess.Popen(
                command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
            stack.enter_context(part)  # whose end closes its standard input
            parts.append(part)
        for part in parts:
            if part.stdout is None or not part.stdout.readline():
                raise SystemExit("the crowd could not come together")
        yield


if __name__ == "__main__":
    main()
