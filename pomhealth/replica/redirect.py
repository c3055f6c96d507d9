"""The redirect listener of a replica whose options cannot be seen, from Pomerium's own sockets. Blocking."""

from __future__ import annotations

from pomhealth.replica import paths
from pomhealth.replica.model import Endpoint, Holder, Process
from pomhealth.replica.sockets import SocketTable

_HEALTH_PORT = 28080


def redirect_listener(main: Process) -> tuple[Endpoint, ...]:
    """The one socket of Pomerium's on a port that is neither random nor its health server's; none where that is not one.

    Raises Unobservable without the right to see its sockets.
    """
    table = SocketTable()
    held = table.held_by(main)
    low, high = _random_ports()
    found = [
        one
        for one in table.listening()
        if one.inode in held and not one.udp and not low <= one.port <= high and one.port != _HEALTH_PORT
    ]
    if len(found) != 1:
        return ()
    origin = f"the sockets of process {main.pid}"
    return (Endpoint("http_redirect_addr", found[0].host, found[0].port, Holder.POMERIUM, origin),)


def _random_ports() -> tuple[int, int]:
    """The ports that the kernel gives to those who ask for any."""
    try:
        low, high = paths.read("/proc/sys/net/ipv4/ip_local_port_range").split()
    except (OSError, ValueError):
        return 32768, 60999
    return int(low), int(high)
