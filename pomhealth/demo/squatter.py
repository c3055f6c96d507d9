"""`python -m pomhealth.demo.squatter HOST PORT`: another program that holds a port, as a forgotten web server does."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Listens until it is told to end; prints one line when it does."""
    Path("/proc/self/comm").write_text("port-squatter")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # over the last holder's dead connections
        listening.bind((arguments[0], int(arguments[1])))
        listening.listen()
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        signal.pause()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
