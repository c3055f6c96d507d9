"""What the agent's process holds and spends, read from the kernel."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.spent import cpu

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Peers:
    """The ports that the agent talks to, by whom they belong to, and the one it listens on."""

    storage: int
    envoy: Collection[int]
    report: int
    listen: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """`rss` and `pss` in MiB, `cpu` in seconds since its start; the rest are numbers of things open.

    `local` are Unix sockets, such as those to Envoy's admin interface; `clients` are connections to the agent.
    """

    rss: float
    pss: float
    cpu: float
    descriptors: int
    threads: int
    storage: int
    envoy: int
    report: int
    local: int
    clients: int


def rss(pid: int) -> float:
    """Resident memory in MiB; 0 once the process has ended."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE / 2**20
    return 0.0


def vitals(pid: int, peers: Peers) -> Vitals:
    """One look. Raises OSError or psutil.Error once the process has ended."""
    process = psutil.Process(pid)
    ends = [
        (one.laddr.port, one.raddr.port)
        for one in process.net_connections("inet")
        if one.laddr and one.raddr and one.status == psutil.CONN_ESTABLISHED
    ]
    outgoing = [there for here, there in ends if here != peers.listen]
    return Vitals(
        rss=rss(pid),
        pss=_pss(pid),
        cpu=cpu(pid),
        descriptors=process.num_fds(),
        threads=process.num_threads(),
        storage=outgoing.count(peers.storage),
        envoy=sum(port in peers.envoy for port in outgoing),
        report=outgoing.count(peers.report),
        local=len(process.net_connections("unix")),
        clients=len(ends) - len(outgoing),
    )


def _pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
