"""Who may open ports that not everybody may (capabilities(7), ip(7))."""

from __future__ import annotations

from pathlib import Path

from pomhealth.replica.model import Process

_CAP_NET_BIND_SERVICE = 10


def can_bind_low(process: Process | None) -> bool | None:
    """Whether this process may open low ports; None where that cannot be seen."""
    if process is None:
        return None
    try:
        status = Path(f"/proc/{process.pid}/status").read_text("ascii", "replace")
    except OSError:
        return None
    effective = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> _CAP_NET_BIND_SERVICE & 1)


def low_ports() -> int:
    """The first port that everybody may open, in our network namespace."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text("ascii"))
    except (OSError, ValueError):
        return 1024
