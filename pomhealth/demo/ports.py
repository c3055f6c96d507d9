"""TCP ports: which are free."""

from __future__ import annotations

import random
import socket

# Below the ports that the kernel gives to outgoing connections (32768 and up by default), so that nobody's connection
# takes a port between our choice and its use; drawn at random, so that two who choose at once rarely agree.
_RANGE = range(10_000, 32_000)
_given: set[int] = set()


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """True when nobody listens on this port: a plain bind, which SO_REUSEPORT on the other side does not let pass."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """So many different ports that nobody uses now, and that this process has not given out before."""
    found: list[int] = []
    for port in random.sample(_RANGE, len(_RANGE)):
        if len(found) == count:
            break
        if port not in _given and is_free(port, host):
            found.append(port)
    _given.update(found)
    return found


def free_after(port: int, count: int, host: str = "127.0.0.1") -> list[int]:
    """The next so many ports above this one, fewer where they end, under the same conditions."""
    found: list[int] = []
    for following in range(port + 1, 65536):
        if len(found) == count:
            break
        if following not in _given and is_free(following, host):
            found.append(following)
    _given.update(found)
    return found
