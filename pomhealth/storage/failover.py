"""One server of several takes over from another: for a moment none takes writes, and nobody need act. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pomhealth.storage.trouble import Trouble

FAILOVER = 2.0  # seconds without a server that takes writes, after which that is a fault


def under_way(troubles: Sequence[Trouble], *, gone: float) -> bool:
    """Whether a failover is under way: a standby answers, and `gone` seconds ago there still was a session.

    `troubles` is what keeps each of the servers from being used. Where all of them are gone, there is none to wait for.
    """
    standby = any(one.cause == "read-only" for one in troubles)
    return len(troubles) > 1 and standby and gone < FAILOVER
